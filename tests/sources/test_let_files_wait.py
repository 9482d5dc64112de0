"""A file unlike the last ones of its source is not loaded until a second person releases it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client

from channels_.contract import LineKind, StatementLine
from channels_.models import BankAccount, StatementFile
from people.models import AuditEvent
from reconciliation.incoming import kept_files, statements
from reconciliation.models import Entry
from sources import doubts, strange
from sources.models import Doubt, FileProfile
from sources.profile import SAMPLE_MAX, Watch
from tests.reconciliation.test_pages_board import words
from tests.sources import days

pytestmark = pytest.mark.django_db

AsRole = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _kept_aside(settings, tmp_path: Path) -> None:
    settings.STATEMENTS_DIR = tmp_path / "statements"


def waiting(users: Any, content: bytes | None = None) -> StatementFile:
    """A strange file, handed in by the finance officer."""
    day = days.history()
    content = content or days.of_day(day, [5_000_000] * 6)
    return days.load(content, by=users["finance_officer"])


CASES = [
    ("more lines", {"paise": [50_000] * 60}, "It has 60 lines; its last files had at most 6."),
    ("larger sum", {"paise": [450_000] * 6}, "Its amounts come to ₹ 27,000.00"),
    (
        "paise for rupees",
        {"paise": [5_000_000, 5_010_000]},
        "about a hundred times the ₹ 502.00 of its last files: paise",
    ),
    ("rupees for paise", {"paise": [500, 501, 502]}, "about a hundredth of the ₹ 502.00"),
    ("another scale", {"paise": [510_000]}, "Its usual amount is ₹ 5,100.00; that of its last"),
    (
        "no narration",
        {"paise": [50_000] * 6, "words": ""},
        "100 % of its lines have no narration; of its last files it was at most 0 %.",
    ),
    (
        "new kinds of lines",
        {"paise": [50_000] * 6, "code": "NCHK"},
        "It has kinds of lines that never came before: NCHK.",
    ),
]


@pytest.mark.parametrize(("_what", "told", "said"), CASES, ids=[case[0] for case in CASES])
def test_a_strange_file_waits_with_its_reason_and_adds_nothing(_what, told, said) -> None:
    day = days.history()
    known = Entry.objects.count()

    file = days.load(days.of_day(day, **told))

    assert file.state == "waiting"
    sentences = strange.in_words(doubts.reasons_of(file))
    assert any(said in one for one in sentences), sentences
    assert Entry.objects.count() == known


@pytest.mark.parametrize(
    "paise",
    [[50_000] * 6, [60_000] * 20, [10_000, 90_000, 70_000], [52_000] * 3],
    ids=["as ever", "a busy day", "mixed", "a quiet day"],
)
def test_an_ordinary_day_is_loaded(paise) -> None:
    assert days.load(days.of_day(days.history(), paise)).state == "loaded"


def test_without_enough_files_before_it_or_where_it_was_agreed_nothing_is_strange() -> None:
    day = days.history(7)
    assert days.load(days.of_day(day, [5_000_000] * 6)).state == "loaded"

    BankAccount.objects.update(file_compared=False)
    assert days.load(days.of_day(day, [50] * 60)).state == "loaded"


def test_only_the_source_s_own_last_thirty_files_count() -> None:
    day = days.history(31)
    FileProfile.objects.filter(file=StatementFile.objects.order_by("id").first()).update(
        line_count=1_000_000
    )

    assert days.load(days.of_day(day, [50_000] * 60)).state == "waiting"


def test_the_same_bytes_while_they_wait_are_known(users) -> None:
    file = waiting(users)

    with pytest.raises(statements.AlreadyWaiting) as known:
        days.load(kept_files.path_of(file).read_bytes(), name="again.sta")

    assert known.value.file == file
    assert Doubt.objects.count() == 1


def test_a_second_person_releases_it_and_it_is_loaded_as_it_was(users) -> None:
    file = waiting(users)
    known = Entry.objects.count()

    done = statements.release(file, checker=users["finance_approver"], answer="A bulk payer.")

    file.refresh_from_db()
    assert (done.pk, file.state, file.added_count) == (file.pk, "loaded", 6)
    assert file.loaded_by == users["finance_officer"]
    assert Entry.objects.count() == known + 6
    doubt = Doubt.objects.get()
    assert (doubt.state, doubt.checker) == ("released", users["finance_approver"])
    assert AuditEvent.objects.filter(action="statement.released_by_a_second_person").exists()


@pytest.mark.parametrize("role", ["finance_officer", "operator", "auditor", "manager"])
def test_who_is_no_approver_releases_nothing(users, role) -> None:
    file = waiting(users)

    with pytest.raises(doubts.NotYourAnswer):
        statements.release(file, checker=users[role])

    file.refresh_from_db()
    assert (file.state, Doubt.objects.get().state) == ("waiting", "waiting")


def test_who_handed_it_in_does_not_release_it_whatever_their_roles(make_user) -> None:
    both = make_user("both", "finance_officer", "finance_approver")
    file = days.load(days.of_day(days.history(), [5_000_000] * 6), by=both)

    with pytest.raises(doubts.NotYourAnswer, match="Who handed the file in"):
        statements.release(file, checker=both)
    with pytest.raises(IntegrityError, match="doubt_needs_a_second_person"), transaction.atomic():
        Doubt.objects.update(state="released", checker=both, decided_at=file.loaded_at)


def test_a_refusal_says_why_and_nothing_was_loaded(users) -> None:
    file, approver = waiting(users), users["finance_approver"]
    known = Entry.objects.count()
    with pytest.raises(doubts.NoAnswer):
        statements.refuse(file, checker=approver, answer=" ")

    statements.refuse(file, checker=approver, answer="Paise taken for rupees.")

    file.refresh_from_db()
    assert (file.state, file.problem) == ("refused", "finance_approver: Paise taken for rupees.")
    assert Entry.objects.count() == known
    with pytest.raises(doubts.NotWaiting):
        statements.release(file, checker=approver)


def test_what_changed_on_the_disk_is_not_loaded(users) -> None:
    file = waiting(users)
    kept_files.path_of(file).write_bytes(b"something else")

    done = statements.release(file, checker=users["finance_approver"])

    assert done.state == "refused"
    assert "not those that were handed in" in done.problem
    assert Doubt.objects.get().state == "released"


def test_the_page_tells_the_reasons_and_only_a_second_person_has_the_buttons(as_role) -> None:
    days.history()
    officer, approver = as_role("finance_officer"), as_role("finance_approver")
    strange_file = days.of_day(days.MON, [5_000_000] * 6)
    told = {"source": "sbi", "file": SimpleUploadedFile("day.sta", strange_file)}

    page = words(officer.post("/statements/upload/", told, follow=True).content.decode())
    assert "The file looks unlike the last ones and waits for a second person." in page
    assert "paise may have been taken for rupees" in page
    assert "You handed it in; somebody else releases it." in page
    assert "Release and load" not in page
    assert "1 waiting" in page

    sha = StatementFile.objects.get(state="waiting").sha256
    assert "Release and load" in words(approver.get(f"/statements/{sha}/").content.decode())
    refused = approver.post(f"/statements/{sha}/answer/", {"verdict": "reject", "answer": ""})
    assert refused.status_code == 422
    assert "Say why" in words(refused.content.decode())

    done = approver.post(
        f"/statements/{sha}/answer/", {"verdict": "approve", "source": "sbi"}, follow=True
    )
    page = words(done.content.decode())
    assert "The file was released and is in the books." in page
    assert "Why it waited" in page
    assert StatementFile.objects.get(sha256=sha).state == "loaded"


def test_the_command_says_that_it_waits_and_ends_with_two(tmp_path, capsys) -> None:
    path = tmp_path / "day.sta"
    path.write_bytes(days.of_day(days.history(), [5_000_000] * 6))

    with pytest.raises(CommandError, match="paise may have been taken") as ended:
        call_command("load_statement", "sbi", str(path), "--json")

    told = json.loads(capsys.readouterr().out)
    assert ended.value.returncode == 2
    assert (told["answer"], told["new_lines"], len(told["reasons"])) == ("waiting", 0, 2)


def test_the_figures_of_a_long_file_are_exact_or_from_an_even_sample() -> None:
    watch = Watch()
    many = 3 * SAMPLE_MAX

    lines = (
        StatementLine(n, f"{n}", LineKind.CREDIT, n, days.MON, code="A" if n % 2 else "B")
        for n in range(many)
    )
    assert sum(1 for _line in watch.over(lines)) == many
    figures = watch.profile(sum_paise=7)

    assert (figures.line_count, figures.sum_paise) == (many, 7)
    assert figures.codes == ("A", "B")
    assert figures.median_paise is not None
    assert abs(figures.median_paise - many // 2) <= 8
    assert figures.empty_permille["narration"] == 1000
