"""By agreement a row that cannot be taken is set aside, and the rest of its file is loaded.

Never silently: lines told = loaded + set aside, and what they come to is told by the balances.
"""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client

from channels_.models import StatementFile
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER
from reconciliation.incoming import statements
from reconciliation.models import Entry
from sources import doubts, quarantine
from sources.models import FileProfile, QuarantinedRow
from tests import factories as make
from tests.reconciliation.test_pages_board import words
from tests.sources import days
from tests.sources.days import CSV_HEADER, MON, line, mt940

pytestmark = pytest.mark.django_db

AsRole = Callable[[str], Client]
GOOD = [line(MON, 3_000, words="ONE"), line(MON, 4_000, words="TWO")]
BAD = ":61:2608100810CFIFTYNTRFNONREF\r\n:86:THREE"
HOLED = mt940([*GOOD, BAD], closing=100_000 + 7_000 + 5_000)
WHOLE = mt940([*GOOD, line(MON, 5_000, words="THREE")], closing=112_000)


@pytest.fixture(autouse=True)
def _kept_aside(settings, tmp_path: Path) -> None:
    settings.STATEMENTS_DIR = tmp_path / "statements"


@pytest.fixture
def file(db: None) -> StatementFile:
    """A file with one bad row, of an account that sets rows aside."""
    days.bank(file_policy="row")
    return days.load(HOLED)


def conserves(file: StatementFile) -> bool:
    rows = QuarantinedRow.objects.filter(file=file).count()
    return file.told_count == file.line_count + rows and rows == file.quarantined_count


def test_strict_is_as_ever_the_whole_file_or_nothing() -> None:
    days.bank()

    refused = days.load(HOLED)

    assert (refused.state, refused.told_count) == ("refused", 0)
    assert "1 lines cannot be read, the first is line 9" in refused.problem
    assert not Entry.objects.exists()
    assert not QuarantinedRow.objects.exists()


def test_the_rest_is_loaded_and_the_row_is_kept_with_its_text_and_reason(file) -> None:
    assert (file.state, file.line_count, file.added_count) == ("loaded", 2, 2)
    assert (file.told_count, file.quarantined_count, file.quarantined_paise) == (3, 1, 5_000)
    assert (file.credit_paise, file.closing_paise) == (7_000, 112_000)
    row = QuarantinedRow.objects.get()
    assert (row.line, row.text, row.state) == (9, ":61:2608100810CFIFTYNTRFNONREF", "open")
    assert row.problem
    assert conserves(file)


def test_the_database_refuses_a_file_that_loses_a_line(file) -> None:
    with pytest.raises(IntegrityError, match="statement_file_loses_no_line"), transaction.atomic():
        StatementFile.objects.filter(pk=file.pk).update(line_count=1)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (HOLED.replace(b"30000000001", b"30000000002"), "expected a statement of the account"),
        (HOLED.replace(b":62F:C260810", b":62F:X260810"), "closing"),
        (mt940([BAD], closing=105_000), "cannot be read"),
        (mt940(GOOD, closing=107_001), "does not balance"),
    ],
    ids=["another account", "no closing balance", "no row at all", "no row at fault"],
)
def test_what_no_row_alone_is_to_blame_for_still_refuses_the_file(content, problem) -> None:
    days.bank(file_policy="row")

    refused = days.load(content)

    assert refused.state == "refused"
    assert problem in refused.problem
    assert not Entry.objects.exists()
    assert not QuarantinedRow.objects.exists()


def test_a_row_that_is_restated_is_set_aside_and_the_old_one_stays() -> None:
    channel = make.RazorpayFactory(code="razorpay", file_policy="row")
    row = "pay_{0},payment,0,{1},{1},INR,0,0,1,1786000000,1786200000,S1,,UTR1,,,upi,"
    rows = [row.format(n, 10_000) for n in range(3)]
    source = statements.source_of("razorpay")
    first = "\n".join([CSV_HEADER, *rows, ""])
    statements.load(source, io.BytesIO(first.encode()), name="a.csv")

    again = "\n".join([CSV_HEADER, *rows[:2], row.format(2, 10_100), row.format(3, 7_000), ""])
    file = statements.load(source, io.BytesIO(again.encode()), name="b.csv")

    assert (file.state, file.told_count, file.line_count, file.added_count) == ("loaded", 4, 3, 1)
    assert (file.quarantined_paise, file.credit_paise) == (10_100, 27_000)
    held = QuarantinedRow.objects.get()
    assert (held.line, held.amount_paise) == (4, 10_100)
    assert "with 10000 paise and came again with 10100" in held.problem
    amounts = Entry.objects.filter(channel=channel).order_by("source_key")
    assert list(amounts.values_list("amount_paise", flat=True)) == [10_000, 10_000, 10_000, 7_000]
    assert conserves(file)


@pytest.mark.parametrize(
    "corrected",
    [WHOLE, mt940([line(MON, 5_000, words="THREE")], opening=107_000, closing=112_000)],
    ids=["the whole file again", "its bad row alone"],
)
def test_a_corrected_file_brings_the_row_and_nothing_twice(file, corrected) -> None:
    before = FileProfile.objects.count()

    done = days.load(corrected, name="mended.sta", corrects=file)

    assert (done.state, done.added_count) == ("loaded", 1)
    row = QuarantinedRow.objects.get()
    assert (row.state, row.mended_by) == ("mended", done)
    assert sorted(Entry.objects.values_list("amount_paise", flat=True)) == [3_000, 4_000, 5_000]
    assert FileProfile.objects.count() == before


@pytest.mark.parametrize(
    ("corrected", "problem"),
    [
        (HOLED.replace(b"FIFTY", b"SIXTY"), "cannot be read"),
        (
            mt940([*GOOD, line(MON, 1, words="A"), line(MON, 1, words="B")], closing=107_002),
            "expected the whole file with 3 lines, or its 1 rows",
        ),
        (
            mt940([line(MON, n, words="NEW") for n in (1, 2, 3)], closing=100_006),
            "expected at most 1 new lines, got 3",
        ),
    ],
    ids=["as bad as before", "more lines", "other lines"],
)
def test_a_corrected_file_that_brings_anything_else_is_refused(file, corrected, problem) -> None:
    known = Entry.objects.count()

    done = days.load(corrected, corrects=file)

    assert done.state == "refused"
    assert problem in done.problem
    assert QuarantinedRow.objects.get().state == "open"
    assert Entry.objects.count() == known


def test_one_person_proposes_to_dismiss_and_another_dismisses(file, users) -> None:
    officer, approver = users[FINANCE_OFFICER], users[FINANCE_APPROVER]

    assert quarantine.propose_dismissal(file, [1], reason="A test row.", maker=officer) == 1
    with pytest.raises(quarantine.RowsMoved):
        quarantine.propose_dismissal(file, [1], reason="Again.", maker=officer)
    with pytest.raises(doubts.NotYourAnswer):
        quarantine.answer_dismissal(file, [1], approves=True, answer="", checker=officer)
    quarantine.answer_dismissal(file, [1], approves=True, answer="", checker=approver)

    row = QuarantinedRow.objects.get()
    assert (row.state, row.maker, row.checker) == ("dismissed", officer, approver)
    assert conserves(file)


def test_who_proposes_does_not_dismiss_and_a_rejected_row_waits_again(file, make_user) -> None:
    both = make_user("both", FINANCE_OFFICER, FINANCE_APPROVER)
    other = make_user("other", FINANCE_APPROVER)
    quarantine.propose_dismissal(file, [1], reason="Not ours.", maker=both)

    with pytest.raises(doubts.NotYourAnswer, match="does not approve"):
        quarantine.answer_dismissal(file, [1], approves=True, answer="", checker=both)
    with pytest.raises(IntegrityError, match="needs_a_second_person"), transaction.atomic():
        QuarantinedRow.objects.update(state="dismissed", checker=both)
    with pytest.raises(doubts.NoAnswer):
        quarantine.answer_dismissal(file, [1], approves=False, answer=" ", checker=other)
    quarantine.answer_dismissal(file, [1], approves=False, answer="It is ours.", checker=other)

    row = QuarantinedRow.objects.get()
    assert (row.state, row.answer) == ("open", "It is ours.")


def test_the_page_conserves_in_words_and_moves_rows(file, as_role: AsRole) -> None:
    officer, approver = as_role(FINANCE_OFFICER), as_role(FINANCE_APPROVER)
    page = f"/statements/{file.sha256}/"

    told = words(officer.get(page).content.decode())
    assert "3 lines = 2 loaded + 1 set aside" in told
    assert "50.00" in told
    assert ":61:2608100810CFIFTYNTRFNONREF" in told
    empty = officer.post(f"{page}rows/propose/", {"row": ["1"], "words": ""})
    assert empty.status_code == 422
    assert "Say why these rows are not needed." in words(empty.content.decode())
    assert "checked" in empty.content.decode()

    done = officer.post(f"{page}rows/propose/", {"row": ["1"], "words": "A test"}, follow=True)
    assert "A second person decides about 1 row." in words(done.content.decode())
    done = approver.post(f"{page}rows/answer/", {"row": ["1"], "verdict": "approve"}, follow=True)
    assert "1 row dismissed." in words(done.content.decode())
    assert QuarantinedRow.objects.get().state == "dismissed"


def test_the_page_takes_a_corrected_file_and_the_list_tells_what_waits(file, as_role) -> None:
    officer = as_role(FINANCE_OFFICER)
    address = f"/statements/{file.sha256}/correct/"

    bad = officer.post(address, {"file": SimpleUploadedFile("x.sta", b"nonsense")})
    assert bad.status_code == 422
    assert "1 set aside" in words(officer.get("/statements/").content.decode())
    good = officer.post(address, {"file": SimpleUploadedFile("w.sta", WHOLE)}, follow=True)

    assert "The rows that were set aside are in the books." in words(good.content.decode())
    assert QuarantinedRow.objects.get().state == "mended"


def test_the_api_tells_what_was_set_aside(as_role: AsRole) -> None:
    days.bank(file_policy="row")
    told = {"source": "sbi", "file": SimpleUploadedFile("day.sta", HOLED)}

    answer = as_role("operator").post("/api/v1/files/", told)

    assert answer.status_code == 201
    names = ("answer", "told_lines", "lines", "quarantined_lines", "quarantined_paise")
    assert [answer.json()[name] for name in names] == ["loaded", 3, 2, 1, 5_000]
