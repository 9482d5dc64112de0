"""A bank's own table: mapped on screen against a sample, approved by a second person, then read."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client

from channels_.contract import StatementFormat
from channels_.formats.mapped import bank_table, bank_table_format
from people.models import AuditEvent
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER
from reconciliation.incoming import statements
from reconciliation.models import Entry
from sources import mappings
from sources.mapping_forms import MappingForm, initial_of
from sources.models import Mapping as Version
from tests.reconciliation.test_pages_board import words
from tests.sources import days

pytestmark = pytest.mark.django_db

AsRole = Callable[[str], Client]
SAMPLE = (
    b"Account statement,,,,\n"
    b"Txn Date,Description,Debit,Credit,Balance\n"
    b"10/08/2026,NEFT CR-SBINN52026081012345-SAMPLE,,30.00,1030.00\n"
    b"10/08/2026,CHARGES,5.00,,1025.00\n"
)
TOLD = {
    "source": "table",
    "columns": {
        "day": ["Txn Date"], "debit": ["Debit"], "credit": ["Credit"], "balance": ["Balance"],
        "narration": ["Description"],
    },
    "dates": ["%d/%m/%Y"],
    "decimal": ".",
    "extracts": ["NEFT CR-{utr}-{*}"],
}  # fmt: skip
FIELDS = {
    "source": "table", "decimal": ".", "dates": "dd/mm/yyyy", "column_day": "Txn Date",
    "column_debit": "Debit", "column_credit": "Credit", "column_balance": "Balance",
    "column_narration": "Description", "extracts": "NEFT CR-{utr}-{*}",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _kept_aside(settings, tmp_path: Path) -> None:
    settings.STATEMENTS_DIR = tmp_path / "statements"


def begun(users: Any, told: Mapping[str, Any] = TOLD, sample: bytes = SAMPLE) -> Version:
    made = mappings.begin(
        days.bank(), io.BytesIO(sample), name="sample.csv", maker=users[FINANCE_OFFICER]
    )
    return mappings.save(made, told, by=users[FINANCE_OFFICER])


def live(users: Any, told: Mapping[str, Any] = TOLD, sample: bytes = SAMPLE) -> Version:
    made = mappings.propose(begun(users, told, sample), reason="", by=users[FINANCE_OFFICER])
    return mappings.answer(made, approves=True, words="", checker=users[FINANCE_APPROVER])


def test_a_file_of_an_unknown_table_is_refused_until_a_mapping_is_in_force(users) -> None:
    days.bank()
    assert days.load(SAMPLE, name="t.csv").state == "refused"
    made = begun(users)
    assert days.load(SAMPLE, name="t.csv").state == "refused"
    mappings.propose(made, reason="", by=users[FINANCE_OFFICER])
    assert days.load(SAMPLE, name="t.csv").state == "refused"

    mappings.answer(made, approves=True, words="", checker=users[FINANCE_APPROVER])
    file = days.load(SAMPLE, name="t.csv")

    assert (file.state, file.format, file.added_count) == ("loaded", "mapped-v1", 2)
    assert (file.opening_paise, file.closing_paise) == (100_000, 102_500)
    credit = Entry.objects.get(amount_paise=3_000)
    assert (credit.utr, credit.narration) == (
        "SBINN52026081012345",
        "NEFT CR-SBINN52026081012345-SAMPLE",
    )
    assert days.load(days.of_day(days.MON, [700])).format == "mt940"  # known layouts stay known


def test_one_version_is_in_force_and_what_waited_is_loaded_as_it_was_read(users) -> None:
    first = live(users)
    second = live(users, {**TOLD, "extracts": []})

    first.refresh_from_db()
    assert (first.state, second.state, second.version) == ("retired", "live", 2)
    assert statements.formats_for(days.bank())[-1].code == "mapped-v2"
    file = days.load(SAMPLE, name="t.csv", format_code="mapped-v1")
    assert file.format == "mapped-v1"
    with pytest.raises(IntegrityError, match="mapping_one_in_force"), transaction.atomic():
        Version.objects.update(state="live")


def test_the_next_version_begins_as_the_one_in_force(users) -> None:
    live(users)

    made = mappings.begin(
        days.bank(), io.BytesIO(SAMPLE), name="n.csv", maker=users[FINANCE_OFFICER]
    )

    assert (made.version, made.told) == (2, TOLD)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"columns": {"day": ["Txn Date"]}}, "expected day, and amount or credit and debit"),
        ({"columns": {**TOLD["columns"], "day": ["Value"]}}, "is a header"),  # type: ignore[dict-item]
        ({"dates": ["%Y.%m.%d"]}, "expected a day like"),
        ({"extracts": ["NEFT"]}, "extracts: expected one or more of"),
        ({"extracts": ["{utr}{rrn}"]}, "expected a text between two places"),
    ],
)
def test_what_does_not_read_its_sample_whole_is_not_proposed(users, change, why) -> None:
    made = begun(users, {**TOLD, **change})

    with pytest.raises(mappings.NotReady, match=why):
        mappings.propose(made, reason="", by=users[FINANCE_OFFICER])

    made.refresh_from_db()
    assert made.state == "draft"


def test_a_sample_that_does_not_balance_is_not_proposed(users) -> None:
    torn = SAMPLE.replace(b"1025.00", b"1024.00")

    with pytest.raises(mappings.NotReady, match=r"expected the balance 1025\.00"):
        mappings.propose(begun(users, sample=torn), reason="", by=users[FINANCE_OFFICER])


def test_who_made_it_does_not_approve_it_and_a_rejection_says_why(users, make_user) -> None:
    both = make_user("both", FINANCE_OFFICER, FINANCE_APPROVER)
    made = mappings.begin(days.bank(), io.BytesIO(SAMPLE), name="s.csv", maker=both)
    mappings.save(made, TOLD, by=both)
    with pytest.raises(mappings.NotYourPart, match="goes on with it"):
        mappings.save(made, {}, by=users[FINANCE_OFFICER])
    mappings.propose(made, reason="", by=both)

    with pytest.raises(mappings.NotYourPart, match="does not approve"):
        mappings.answer(made, approves=True, words="", checker=both)
    with pytest.raises(mappings.NotReady, match="Say why"):
        mappings.answer(made, approves=False, words=" ", checker=users[FINANCE_APPROVER])
    mappings.answer(made, approves=False, words="Wrong day.", checker=users[FINANCE_APPROVER])

    made.refresh_from_db()
    assert (made.state, made.answer) == ("rejected", "Wrong day.")
    assert mappings.live_format(days.bank()) is None
    told = AuditEvent.objects.filter(action__startswith="mapping.").order_by("id")
    assert list(told.values_list("action", flat=True)) == [
        "mapping.begun", "mapping.changed", "mapping.proposed", "mapping.rejected",
    ]  # fmt: skip


KINDS: dict[str, tuple[dict[str, Any], bytes]] = {
    "fixed": (
        {
            "source": "fixed", "widths": [["Date", 1, 10], ["Amount", 11, 20], ["Words", 21, 40]],
            "columns": {"day": ["Date"], "amount": ["Amount"], "narration": ["Words"]},
            "dates": ["%d/%m/%Y"],
        },
        b"10/08/2026     30.00SAMPLE CREDIT\n11/08/2026     -5.00CHARGES\n",
    ),
    "xml": (
        {
            "source": "xml", "record": "Row",
            "columns": {"day": ["Day"], "amount": ["Amount"], "narration": ["Text"]},
            "dates": ["%Y-%m-%d"],
        },
        (
            b"<All><Row><Day>2026-08-10</Day><Amount>30.00</Amount><Text>A</Text></Row>"
            b"<Row><Day>2026-08-11</Day><Amount>-5.00</Amount><Text>B</Text></Row></All>"
        ),
    ),
    "json": (
        {
            "source": "json", "record": "data/items", "dates": ["%Y-%m-%d"],
            "columns": {"day": ["day"], "amount": ["paid/value"], "narration": ["text"]},
        },
        (
            b'{"data": {"items": [{"day": "2026-08-10", "paid": {"value": "30.00"}, "text": "A"},'
            b'{"day": "2026-08-11", "paid": {"value": "-5.00"}, "text": "B"}]}}'
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_every_kind_are_read_by_their_mapping(users, kind) -> None:
    told, sample = KINDS[kind]

    live(users, told, sample)
    file = days.load(sample, name=f"t.{kind}")

    assert (file.state, file.format, file.problem) == ("loaded", "mapped-v1", "")
    assert sorted(Entry.objects.values_list("amount_paise", flat=True)) == [-500, 3_000]


@pytest.mark.parametrize("told", [TOLD, *(one for one, _sample in KINDS.values())])
def test_the_form_shows_what_was_saved_and_says_the_same_again(told) -> None:
    form = MappingForm(initial_of(told))

    assert form.is_valid(), form.errors
    assert form.told() == {"decimal": ".", **told}


def test_what_narrations_hold_is_taken_out_where_no_column_tells_it() -> None:
    known = table(extracts=["UPI/{rrn}/{*}/{reference}", "CHQ {instrument} "])
    rows = "d,n,a\n10/08/2026,UPI/622200000001/SOME NAME/ORDER7,1\n10/08/2026,chq 004512 RAIPUR,1\n"

    first, second = next(known.read(io.BytesIO(rows.encode()))).lines

    assert (first.rrn, first.reference) == ("622200000001", "ORDER7")
    assert second.instrument == "004512"


def table(**told: Any) -> StatementFormat:
    columns = {"day": "d", "narration": "n", "amount": "a"}
    return bank_table_format(bank_table({"code": "t", "title": "T", "columns": columns, **told}))


def test_the_page_shows_the_sample_reads_it_live_and_goes_to_a_second_person(
    as_role: AsRole,
) -> None:
    days.bank()
    officer, approver = as_role(FINANCE_OFFICER), as_role(FINANCE_APPROVER)
    sent = {"file": SimpleUploadedFile("sample.csv", SAMPLE)}

    page = officer.post("/sources/sbi/mappings/begin/", sent, follow=True).content.decode()
    assert '<option value="Txn Date">' in page
    assert "NEFT CR-SBINN52026081012345-SAMPLE" in page

    at = "/sources/sbi/mappings/1/"
    partly = {**FIELDS, "dates": "yyyy.mm.dd"}
    live_part = words(officer.post(f"{at}preview/", partly).content.decode())
    assert "0 lines read, 2 not" in live_part
    assert "expected a day like yyyy.mm.dd" in live_part
    live_part = words(officer.post(f"{at}preview/", FIELDS).content.decode())
    assert "2 lines read, 0 not" in live_part
    assert "UTR SBINN52026081012345" in live_part
    assert "1,000.00" in live_part
    assert Version.objects.get().told == {}  # trying keeps nothing

    refused = officer.post(f"{at}save/", {**partly, "propose": "1"})
    assert refused.status_code == 422
    assert "It does not read its sample whole" in words(refused.content.decode())
    done = officer.post(f"{at}save/", {**FIELDS, "propose": "1", "words": "New bank"}, follow=True)
    assert "A second person looks at it now." in words(done.content.decode())

    assert "It waits for you" in words(approver.get(at).content.decode())
    done = approver.post(f"{at}answer/", {"verdict": "approve"}, follow=True)
    assert "read by it from now on" in words(done.content.decode())
    assert "are read by version 1" in words(approver.get("/sources/sbi/").content.decode())
    assert days.load(SAMPLE, name="t.csv").state == "loaded"


def test_a_sample_that_is_none_is_said_at_its_field(as_role: AsRole) -> None:
    days.bank()
    sent = {"file": SimpleUploadedFile("empty.csv", b"")}

    answer = as_role(FINANCE_OFFICER).post("/sources/sbi/mappings/begin/", sent)

    assert answer.status_code == 422
    assert "A sample has at least one byte" in words(answer.content.decode())
    assert not Version.objects.exists()
