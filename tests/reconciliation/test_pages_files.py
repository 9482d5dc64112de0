"""Statement files and runs over HTTP: what is loaded, known, refused; each run with its proof."""

from collections.abc import Callable, Iterator
from datetime import time, timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from channels_.models import BankAccount, StatementFile
from people.models import AuditEvent
from reconciliation.incoming import files
from reconciliation.models import Book, Entry, Reason, Rule, Run
from tests import factories as make
from tests.reconciliation import small_books as books
from tests.reconciliation.small_books import CREDIT, DAY, ONE_CREDIT, mt940
from tests.reconciliation.test_pages_board import words

pytestmark = pytest.mark.django_db

AsRole = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _the_day_after(settings, tmp_path: Path) -> Iterator[None]:
    settings.STATEMENTS_DIR = tmp_path / "statements"
    with time_machine.travel("2026-08-19 10:30:00+05:30", tick=False):
        yield


def upload(client: Client, content: bytes, *, name: str = "sbi.sta", source: str = "sbi"):
    books.bank()
    data = {"source": source, "file": SimpleUploadedFile(name, content)}
    return client.post("/statements/upload/", data, follow=True)


# ---- upload ----


def test_a_file_that_proves_is_loaded_and_told(as_role: AsRole) -> None:
    answer = upload(as_role("finance_officer"), ONE_CREDIT)

    file = StatementFile.objects.get()
    assert (file.state, file.line_count, file.credit_paise) == ("loaded", 1, 3_000)
    assert str(file.loaded_by) == "finance_officer"
    page = words(answer.content.decode())
    assert answer.redirect_chain == [(f"/statements/{file.sha256}/", 302)]
    assert "1 line loaded." in page
    assert "Opening and entries give the closing." in page
    assert "NEFT CR SAMPLE" in page
    assert AuditEvent.objects.filter(action="statement.loaded").count() == 1


def test_the_same_file_again_is_said_kindly_and_adds_nothing(as_role: AsRole) -> None:
    officer = as_role("finance_officer")
    upload(officer, ONE_CREDIT)

    answer = upload(officer, ONE_CREDIT, name="copy.sta")

    assert "This very file is in the books already" in words(answer.content.decode())
    assert StatementFile.objects.count() == 1
    assert Entry.objects.count() == 1


def test_a_file_that_does_not_prove_is_refused_whole_and_shows_the_difference(
    as_role: AsRole,
) -> None:
    answer = upload(as_role("operator"), mt940(CREDIT, closing="1040,00"))

    page = words(answer.content.decode())
    assert "The file was refused; nothing of it is in the books." in page
    assert "10.00" in StatementFile.objects.get().problem
    assert StatementFile.objects.get().problem in page.replace("&#x27;", "'")
    assert not Entry.objects.exists()


def test_lines_that_cannot_be_read_are_named(as_role: AsRole) -> None:
    bad = mt940(":61:nonsense", closing="1000,00")

    page = words(upload(as_role("operator"), bad).content.decode())

    assert "Lines that cannot be read" in page
    assert StatementFile.objects.get().refusals[0]["problem"] in page
    assert not Entry.objects.exists()


def test_a_good_file_after_a_refused_try_shows_both(as_role: AsRole) -> None:
    officer = as_role("finance_officer")
    upload(officer, ONE_CREDIT)
    loaded = StatementFile.objects.get()
    make.StatementFileFactory(
        channel=None, bank_account=books.bank(), sha256=loaded.sha256, name="early.sta",
        state=StatementFile.State.REFUSED, problem="the account was not known yet",
    )  # fmt: skip

    page = words(officer.get(f"/statements/{loaded.sha256}/").content.decode())

    assert "The same content before" in page
    assert "the account was not known yet" in page


@pytest.mark.parametrize(("source", "has_file"), [("", True), ("nobody", True), ("sbi", False)])
def test_an_upload_that_lacks_something_is_refused_at_the_field(
    as_role: AsRole, source: str, has_file: bool
) -> None:
    books.bank()
    data = {"source": source} | (
        {"file": SimpleUploadedFile("a.sta", ONE_CREDIT)} if has_file else {}
    )

    answer = as_role("operator").post("/statements/upload/", data)

    assert answer.status_code == 422
    assert "is-invalid" in answer.content.decode()
    assert not StatementFile.objects.exists()


def test_a_file_too_large_is_refused_before_it_is_read(as_role: AsRole, settings) -> None:
    settings.STATEMENT_BYTES_MAX = 100

    answer = upload(as_role("operator"), b"x" * 100_000)

    assert "The file is larger than 100" in words(answer.content.decode())
    assert not StatementFile.objects.exists()
    assert not settings.STATEMENTS_DIR.exists()


def test_an_upload_without_the_token_of_its_page_is_refused(as_role: AsRole) -> None:
    officer = as_role("finance_officer")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = officer.cookies

    answer = upload(strict, ONE_CREDIT)

    assert answer.status_code == 403
    assert not StatementFile.objects.exists()


def test_an_empty_file_is_refused_with_its_reason(as_role: AsRole) -> None:
    answer = upload(as_role("operator"), b"")

    assert StatementFile.objects.get().state == "refused"
    assert "refused" in words(answer.content.decode())


# ---- the list ----


def test_the_list_is_narrowed_by_source_state_and_day(as_role: AsRole) -> None:
    officer = as_role("finance_officer")
    upload(officer, ONE_CREDIT)
    upload(officer, mt940(CREDIT, closing="1040,00"), name="bad.sta")
    make.StatementFileFactory(
        channel=books.channel(), covers_from=DAY - timedelta(days=1), covers_to=DAY
    )

    def names(query: str) -> list[str]:
        page = officer.get(f"/statements/?{query}").context["page"]
        return [file.name for file in page]

    assert names("") == ["settlement.csv", "bad.sta", "sbi.sta"]
    assert names("source=sbi&state=loaded") == ["sbi.sta"]
    assert names("source=razorpay&source=sbi&day=2026-08-18") == ["settlement.csv", "sbi.sta"]
    assert names("day=2026-08-17") == ["settlement.csv"]
    assert officer.get("/statements/?day=x").status_code == 422


def test_the_auditor_sees_files_and_no_upload(as_role: AsRole) -> None:
    page = as_role("auditor").get("/statements/").content.decode()

    assert "upload" not in page


def test_a_late_file_stands_in_the_navigation(as_role: AsRole) -> None:
    books.bank()
    BankAccount.objects.update(file_due_at=time(9, 0))

    page = words(as_role("operator").get("/statements/").content.decode())

    assert "Statement files 1 late" in page
    assert "SBI collection is 1 h 30 min late." in page


def test_no_file_is_late_where_none_is_owed() -> None:
    books.bank()

    assert files.late_count(DAY) == 0


def test_a_file_that_does_not_exist_is_no_page(as_role: AsRole) -> None:
    assert as_role("auditor").get(f"/statements/{'0' * 64}/").status_code == 404


def test_the_lines_of_a_file_are_paged_and_summed(as_role: AsRole) -> None:
    upload(as_role("operator"), mt940(*[CREDIT] * 60, closing="2800,00"))

    sha256 = StatementFile.objects.get().sha256
    answer = as_role("auditor").get(f"/statements/{sha256}/?page=2")

    assert answer.context["page"].paginator.count == 60
    assert len(answer.context["page"].object_list) == 10
    assert "60 transfer 1,800.00" in words(answer.content.decode())


# ---- runs ----


def test_a_run_keeps_its_number_whatever_is_filtered(as_role: AsRole) -> None:
    books.run(state=Run.State.FAILED, problem="no room")
    second = books.run()
    books.run(DAY - timedelta(days=1))
    auditor = as_role("auditor")

    def numbers(query: str) -> list[tuple[str, int]]:
        rows = auditor.get(f"/runs/?{query}").context["rows"]
        return [(f"{row['run'].business_date:%d}", row["run"].number) for row in rows]

    assert numbers("") == [("17", 1), ("18", 2), ("18", 1)]
    assert numbers("state=done&day=2026-08-18") == [("18", 2)]
    assert auditor.get("/runs/?day=x").status_code == 422
    assert auditor.get("/runs/2026-08-18/2/").context["run"] == second


@pytest.mark.parametrize("number", ["0", "3", "99999999999999999999"])
def test_a_run_that_was_not_is_no_page(as_role: AsRole, number: str) -> None:
    books.run()

    assert as_role("auditor").get(f"/runs/2026-08-18/{number}/").status_code == 404


def test_a_run_shows_its_rules_its_proof_and_its_hash(as_role: AsRole) -> None:
    rules = {rule.code: rule.version for rule in Rule.objects.filter(is_active=True)}
    run = books.run(rule_versions=rules, output_hash="ab" * 32, matched_count=1234)
    books.matched(
        books.entry(Book.RECEIPTS, 5),
        books.entry(Book.CHANNEL, 5),
        run=run,
        rule=Rule.objects.get(code="rrn_exact"),
    )
    books.expected(run, 3, 700)
    books.proof(
        run, arrived_count=3, arrived_paise=700, closing_count=3, closing_paise=700,
        expected_count=3, expected_paise=700,
    )  # fmt: skip
    books.broken(books.entry(Book.RECEIPTS, 9), reason=Reason.AMBIGUOUS, opened_by=run)

    answer = as_role("auditor").get("/runs/2026-08-18/1/")

    page = words(answer.content.decode())
    assert "1,234 matches made" in page
    assert "ab" * 32 in page
    assert "3 not due yet" in page
    assert "Several fit, none is sure" in page
    used = [(rule["code"], rule["count"]) for rule in answer.context["rules"]]
    assert len(used) == len(rules)
    assert ("rrn_exact", 1) in used
    order = [rule["code"] for rule in answer.context["rules"]]
    assert order == list(
        Rule.objects.filter(is_active=True).order_by("priority").values_list("code", flat=True)
    )


def test_a_run_that_failed_says_that_nothing_is_in_the_books(as_role: AsRole) -> None:
    books.run(state=Run.State.FAILED, problem="no room on the disk")

    page = words(as_role("operator").get("/runs/2026-08-18/1/").content.decode())

    assert "Nothing of this run is in the books. no room on the disk" in page
