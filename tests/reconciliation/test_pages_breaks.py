"""Breaks over HTTP: the list, the bench, what is proposed, and the second person."""

import csv
import io
import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
import time_machine
from django.test import Client
from openpyxl import load_workbook

from people.models import AuditEvent
from people.roles import FINANCE_OFFICER
from reconciliation.desk import listing, sheets, workbench
from reconciliation.models import (
    Book,
    Break,
    Decision,
    DecisionLimit,
    Kind,
    Leg,
    Match,
    MatchLine,
    Reason,
    Stage,
)
from tests.reconciliation import small_books as books
from tests.reconciliation.small_books import DAY
from tests.reconciliation.test_pages_board import words

pytestmark = pytest.mark.django_db

AsRole = Callable[[str], Client]
TODAY = date(2026, 8, 19)


@pytest.fixture(autouse=True)
def _the_day_after() -> Iterator[None]:
    with time_machine.travel("2026-08-19 10:30:00+05:30", tick=False):
        yield


def references(client: Client, query: str) -> list[str]:
    rows = client.get(f"/breaks/?{query}").context["rows"]
    return [row["break"].reference for row in rows]


# ---- the list ----


@pytest.fixture
def three() -> list[Break]:
    """Three breaks that differ in all that the list can be narrowed by."""
    cash = books.channel("cash", "deposit")
    return [
        books.broken(books.entry(Book.RECEIPTS, 100, reference="A", rrn="632400000001")),
        books.broken(
            books.entry(Book.CHANNEL, 300, reference="B", business_date=DAY - timedelta(days=6)),
            reason=Reason.DUPLICATE,
        ),
        books.broken(
            books.entry(Book.RECEIPTS, 200, reference="C", channel=cash),
            reason=Reason.DEPOSIT_MISSING, stage=Stage.BANK, leg=Leg.DEPOSIT_BANK,
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["B", "C", "A"]),
        ("sort=amount", ["A", "C", "B"]),
        ("sort=-amount", ["B", "C", "A"]),
        ("sort=nonsense", ["B", "C", "A"]),
        ("reason=duplicate", ["B"]),
        ("reason=duplicate&reason=deposit_missing", ["B", "C"]),
        ("channel=cash", ["C"]),
        ("stage=bank", ["C"]),
        ("age=4-7", ["B"]),
        ("age=0-1&age=4-7&sort=reference", ["A", "B", "C"]),
        ("since=2026-08-18&sort=reference", ["A", "C"]),
        ("until=2026-08-17", ["B"]),
        ("q=632400000001", ["A"]),
        ("q=b", ["B"]),
        ("q=nothing", []),
        ("state=closed", []),
    ],
)
def test_the_list_is_narrowed_and_sorted(
    as_role: AsRole, three: list[Break], query: str, found: list[str]
) -> None:
    assert references(as_role("auditor"), query) == found


@pytest.mark.parametrize("most", [2, 1])
def test_a_name_finds_every_break_however_many_of_its_lines_bear_it(
    as_role: AsRole, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(listing, "NAMED_MAX", most)
    named = {"settlement_ref": "S1"}
    many = [books.entry(Book.CHANNEL, 100, **named) for _number in range(3)]
    books.broken(*many, reason=Reason.DUPLICATE, reference="M")
    books.broken(books.entry(Book.CHANNEL, 200, **named), reference="N")

    assert references(as_role("auditor"), "q=s1&sort=reference") == ["M", "N"]


def test_counts_and_sums_are_of_the_whole_filter(as_role: AsRole, three: list[Break]) -> None:
    page = words(as_role("manager").get("/breaks/").content.decode())

    assert "3 breaks worth 6.00, the oldest 7 days." in page
    assert "Most money: Paid or listed twice, 1 with 3.00." in page


@pytest.mark.parametrize("query", ["since=yesterday", "reason=nonsense", "channel=nobody", "age=x"])
def test_a_filter_that_is_not_understood_shows_nothing(
    as_role: AsRole, three: list[Break], query: str
) -> None:
    answer = as_role("auditor").get(f"/breaks/?{query}")

    assert answer.status_code == 422
    assert answer.context["rows"] == []


@pytest.mark.parametrize("days", [-3, 0, 1, 2, 3, 4, 7, 8, 30, 31, 400])
def test_every_age_is_in_exactly_one_bucket(days: int) -> None:
    books.broken(books.entry(Book.RECEIPTS, 1, business_date=TODAY - timedelta(days=days)))

    found = [
        age.code
        for age in listing.AGES
        if listing.narrowed(Break.objects.all(), {"age": [age.code]}, as_of=TODAY).exists()
    ]

    assert len(found) == 1


def test_nothing_open_is_a_good_page(as_role: AsRole) -> None:
    assert "Nothing is broken" in words(as_role("auditor").get("/breaks/").content.decode())


def test_the_csv_is_what_the_list_shows_and_no_formula(as_role: AsRole) -> None:
    books.broken(books.entry(Book.RECEIPTS, 1_234_56, reference="=1+1"))
    books.broken(books.entry(Book.RECEIPTS, 5), reason=Reason.AMBIGUOUS)

    answer = as_role("auditor").get("/breaks/export.csv?reason=missing_in_channel")

    (row,) = csv.DictReader(io.StringIO(answer.getvalue().decode()))
    assert row["reference"] == "'=1+1"
    assert row["amount_rupees"] == "1234.56"
    assert row["reason"] == "missing_in_channel"


def test_the_workbook_has_numbers_days_and_no_formula(as_role: AsRole) -> None:
    books.broken(books.entry(Book.RECEIPTS, 1_234_56, reference="=1+1"))

    answer = as_role("auditor").get("/breaks/export.xlsx")

    (sheet,) = load_workbook(io.BytesIO(answer.getvalue())).worksheets
    titles, cells = [list(row) for row in sheet.iter_rows()]
    row = {title.value: cell for title, cell in zip(titles, cells, strict=True)}
    assert (row["reference"].value, row["reference"].data_type) == ("=1+1", "s")
    assert f"{row['amount_rupees'].value:.2f}" == "1234.56"
    assert row["amount_rupees"].data_type == "n"
    assert f"{row['business_date'].value:%Y-%m-%d}" == "2026-08-18"


@pytest.mark.parametrize(
    ("module", "address"),
    [
        (listing, "/breaks/export.csv"),
        (listing, "/breaks/export.xlsx"),
        (sheets, "/batches/sheet.xlsx"),
    ],
)
def test_a_list_that_no_file_holds_whole_is_refused_and_never_cut(
    as_role: AsRole, three: list[Break], monkeypatch: pytest.MonkeyPatch, module, address: str
) -> None:
    monkeypatch.setattr(module, "ROWS_MAX", 1)
    officer = as_role("finance_officer")

    refused = officer.get(f"{address}?sort=amount", follow=True)
    fits = officer.get(f"{address}?reason=duplicate")

    assert refused.redirect_chain == [("/breaks/?sort=amount", 302)]
    told = "the list holds 3 breaks and a file at most 1; narrow the list"
    assert told in words(refused.content.decode())
    assert fits.status_code == 200
    assert fits.getvalue()


def test_an_export_of_another_kind_is_no_page(as_role: AsRole) -> None:
    assert as_role("auditor").get("/breaks/export.exe").status_code == 404


# ---- the bench ----


def short_credit() -> Break:
    """A settlement of two lines and a credit that lacks 1.00."""
    lines = [
        books.entry(Book.CHANNEL, 5_000, utr="UTR1", settlement_ref="setl_1"),
        books.entry(Book.CHANNEL, 3_000, utr="UTR1", settlement_ref="setl_1"),
    ]
    credit = books.entry(Book.BANK, 7_900, utr="UTR1", narration="<script>alert(1)</script>")
    facts = {"utr": "UTR1", "settlement": "setl_1", "net": 8_000, "credit": 7_900}
    return books.broken(
        *lines, credit, reason=Reason.SHORT_CREDIT, stage=Stage.BANK, leg=Leg.CHANNEL_BANK,
        amount_paise=100, facts=facts,
    )  # fmt: skip


def test_the_bench_sets_the_sides_beside_each_other(as_role: AsRole) -> None:
    one = short_credit()

    answer = as_role("finance_officer").get(f"/breaks/{one.public_id}/")

    bench = answer.context["bench"]
    assert [(side.book, side.count, side.paise) for side in bench.sides] == [
        ("channel", 2, 8_000),
        ("bank", 1, 7_900),
    ]
    rows = {str(row.label): row.agrees for row in bench.comparison}
    assert rows == {"Amount, ₹": False, "UTR": True, "Day": True}
    page = answer.content.decode()
    assert "Same UTR UTR1, 1.00 short" in words(page)
    assert "<script>alert" not in page
    assert bench.paise == 100


def test_what_lacks_is_offered_first(as_role: AsRole) -> None:
    one = short_credit()
    other = books.entry(Book.BANK, 250, utr="UTR1")
    missing = books.entry(Book.BANK, 100, utr="UTR1")
    books.entry(Book.BANK, 100, utr="UTR9", business_date=DAY - timedelta(days=20))
    books.matched(books.entry(Book.BANK, 100, utr="UTR1"), stage=Stage.BANK)

    bench = workbench.bench_of(one)

    assert [(found.id, found.paise) for found in bench.candidates] == [
        (workbench.name_of(missing), 100),
        (workbench.name_of(other), 250),
    ]


def test_a_credit_alone_is_offered_the_settlements_that_have_none(as_role: AsRole) -> None:
    credit = books.entry(Book.BANK, 8_000, utr="UTR2")
    one = books.broken(
        credit, reason=Reason.CREDITED_NOT_SETTLED, stage=Stage.BANK, leg=Leg.CHANNEL_BANK
    )
    for name, amounts in (("setl_far", (90_000,)), ("setl_fits", (5_000, 3_000))):
        lines = [books.entry(Book.CHANNEL, paise, settlement_ref=name) for paise in amounts]
        books.broken(
            *lines, reason=Reason.SETTLED_NOT_CREDITED, stage=Stage.BANK, leg=Leg.CHANNEL_BANK
        )

    bench = workbench.bench_of(one)

    assert [(found.title, found.paise) for found in bench.candidates] == [
        ("Settlement setl_fits", 8_000),
        ("Settlement setl_far", 90_000),
    ]
    ticked = workbench.chosen_entries(one, [bench.candidates[0].id])
    assert sorted(entry.amount_paise for entry in ticked) == [3_000, 5_000]


def test_a_fee_is_judged_and_not_matched(as_role: AsRole) -> None:
    line = books.entry(Book.CHANNEL, 5_000, fee_paise=100)
    one = books.broken(line, reason=Reason.FEE_DIFFERS, stage=Stage.FEE)

    page = as_role("finance_officer").get(f"/breaks/{one.public_id}/").content.decode()

    assert "a fee is judged, not matched" in page
    assert "Propose match" not in page


def test_the_list_beside_the_bench_keeps_the_filter(as_role: AsRole, three: list[Break]) -> None:
    url = f"/breaks/{three[1].public_id}/?reason=duplicate"

    answer = as_role("auditor").get(url)

    assert [row["break"].reference for row in answer.context["rows"]] == ["B"]
    assert f'href="{url}"' in answer.content.decode()


# ---- two people ----


@pytest.fixture
def unpaired() -> tuple[Break, str]:
    """A receipt in a break, and the name of the line that belongs to it."""
    one = books.broken(books.entry(Book.RECEIPTS, 1_500, reference="R1", rrn="632400000009"))
    line = books.entry(Book.CHANNEL, 1_500, rrn="632400000009", channel_ref="pay_1")
    books.entry(Book.CHANNEL, 1_400, rrn="632400000009", channel_ref="pay_2")
    return one, workbench.name_of(line)


def propose(client: Client, one: Break, *names: str, kind: str = "match", why: str = "same RRN"):
    data = {"kind": kind, "why": why, "candidate": list(names)}
    return client.post(f"/breaks/{one.public_id}/propose/", data)


def test_a_proposed_match_waits_and_changes_nothing(as_role: AsRole, unpaired) -> None:
    one, line = unpaired

    answer = propose(as_role("finance_officer"), one, line)

    assert answer.status_code == 302
    decision = Decision.objects.get()
    assert (decision.state, decision.kind, decision.difference_paise) == ("proposed", "match", 0)
    assert decision.lines.count() == 2
    assert not Match.objects.exists()
    one.refresh_from_db()
    assert one.state == "open"


def test_the_second_person_makes_it_a_match(as_role: AsRole, unpaired) -> None:
    one, line = unpaired
    propose(as_role("finance_officer"), one, line)
    decision = Decision.objects.get()
    approver = as_role("finance_approver")

    shown = words(approver.get("/approvals/").content.decode())
    answer = approver.post(f"/approvals/{decision.public_id}/", {"verdict": "approve"}, follow=True)

    assert "Joins 1 receipt, 1 channel line as one match that agrees to the paisa" in shown
    assert "Approved. The break is closed." in words(answer.content.decode())
    one.refresh_from_db()
    assert one.state == "closed"
    assert MatchLine.objects.filter(match__decision=decision, is_live=True).count() == 2
    actions = AuditEvent.objects.filter(object_id=decision.public_id).values_list("action", "actor")
    assert set(actions) == {
        ("decision.proposed", "finance_officer"),
        ("decision.approved", "finance_approver"),
    }
    story = words(approver.get(f"/breaks/{one.public_id}/").content.decode())
    assert "Proposed to match by hand: same RRN" in story
    assert "Closed: match by hand by finance_approver" in story


@pytest.mark.parametrize(
    ("names", "why", "said"),
    [
        ([], "same RRN", "differ by 15.00"),
        (["channel:nobody:1"], "same RRN", "is matched meanwhile"),
        (["nonsense"], "same RRN", "is matched meanwhile"),
        (["settlement:razorpay/none"], "same RRN", "differ by 15.00"),
        (None, "", "This field is required."),
        (None, "x" * 301, "at most 300"),
    ],
)
def test_a_proposal_that_does_not_hold_is_refused_and_kept_typed(
    as_role: AsRole, unpaired, names: list[str] | None, why: str, said: str
) -> None:
    one, line = unpaired
    ticked = [line] if names is None else names

    answer = propose(as_role("finance_officer"), one, *ticked, why=why)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert f'value="{why}"' in page or not why
    assert not Decision.objects.exists()


def test_a_ticked_line_stays_ticked_when_the_reason_is_missing(as_role: AsRole, unpaired) -> None:
    one, line = unpaired

    answer = propose(as_role("finance_officer"), one, line, why="")

    chosen = [found.id for found in answer.context["bench"].candidates if found.is_chosen]
    assert chosen == [line]
    assert answer.context["left_paise"] == 0


def test_a_line_that_a_run_matched_meanwhile_is_refused(as_role: AsRole, unpaired) -> None:
    one, line = unpaired
    entry = workbench.chosen_entries(one, [line])[0]
    books.matched(entry)

    answer = propose(as_role("finance_officer"), one, line)

    assert answer.status_code == 422
    assert not Decision.objects.exists()


def test_one_decision_waits_at_a_time(as_role: AsRole, unpaired) -> None:
    one, line = unpaired
    officer = as_role("finance_officer")
    propose(officer, one, line)

    answer = propose(officer, one, kind="write_off")

    assert answer.status_code == 422
    assert "waits for its second person already" in answer.content.decode()
    assert Decision.objects.count() == 1


def test_who_proposed_cannot_approve(as_role: AsRole, unpaired) -> None:
    one, line = unpaired
    approver = as_role("finance_approver")
    propose(approver, one, line)
    decision = Decision.objects.get()

    page = approver.get("/approvals/").content.decode()
    answer = approver.post(f"/approvals/{decision.public_id}/", {"verdict": "approve"})

    assert "You proposed this; somebody else decides." in page
    assert 'value="approve"' not in page
    assert answer.status_code == 422
    decision.refresh_from_db()
    assert (decision.state, decision.checker) == ("proposed", None)
    assert not Match.objects.exists()


def test_a_rejection_says_why_and_the_break_stays(as_role: AsRole, unpaired) -> None:
    one, line = unpaired
    propose(as_role("finance_officer"), one, line)
    decision = Decision.objects.get()
    url = f"/approvals/{decision.public_id}/"
    approver = as_role("finance_approver")

    silent = approver.post(url, {"verdict": "reject", "answer": " "})
    said = approver.post(url, {"verdict": "reject", "answer": "Ask the channel"})
    again = approver.post(url, {"verdict": "approve"})

    assert (silent.status_code, said.status_code, again.status_code) == (422, 302, 422)
    assert "Say why: the maker reads it." in silent.content.decode()
    decision.refresh_from_db()
    assert (decision.state, decision.answer) == ("rejected", "Ask the channel")
    one.refresh_from_db()
    assert one.state == "open"
    assert not Match.objects.exists()


def test_what_one_person_decided_is_told_so(as_role: AsRole, three: list[Break]) -> None:
    DecisionLimit.objects.create(kind="write_off", role=FINANCE_OFFICER, alone_paise=100)
    client = as_role("finance_officer")
    address = f"/breaks/{three[0].public_id}/"

    client.post(f"{address}propose/", {"kind": "write_off", "why": "Too small."})

    page = words(client.get(address).content.decode())
    assert "Decided within the limit of one person, to write off: Too small." in page
    assert "Proposed to" not in page


def test_a_write_off_takes_the_own_entries_alone(as_role: AsRole, unpaired) -> None:
    one, line = unpaired
    propose(as_role("finance_officer"), one, line, kind="write_off", why="too small to chase")
    decision = Decision.objects.get()

    shown = words(as_role("finance_approver").get("/approvals/").content.decode())
    as_role("finance_approver").post(f"/approvals/{decision.public_id}/", {"verdict": "approve"})

    assert "Writes off 1 receipt: they will never be matched" in shown
    match = Match.objects.get()
    assert (match.kind, match.lines.count()) == ("write_off", 1)


def test_a_group_is_proposed_as_its_lines(as_role: AsRole) -> None:
    credit = books.entry(Book.BANK, 8_000)
    one = books.broken(
        credit, reason=Reason.CREDITED_NOT_SETTLED, stage=Stage.BANK, leg=Leg.CHANNEL_BANK
    )
    lines = [books.entry(Book.CHANNEL, paise, settlement_ref="s1") for paise in (5_000, 3_000)]
    books.broken(*lines, reason=Reason.SETTLED_NOT_CREDITED, stage=Stage.BANK, leg=Leg.CHANNEL_BANK)

    answer = propose(as_role("finance_officer"), one, "settlement:razorpay/s1")

    assert answer.status_code == 302
    assert Decision.objects.get().lines.count() == 3


def test_the_navigation_counts_what_a_second_person_has_to_do(as_role: AsRole, unpaired) -> None:
    one, line = unpaired
    officer = as_role("finance_officer")
    propose(officer, one, line)

    mine = officer.get("/approvals/").context["navigation"]
    theirs = as_role("finance_approver").get("/approvals/").context["navigation"]

    assert _count(mine, "Approvals") is None
    assert _count(theirs, "Approvals") == 1
    assert _count(theirs, "Breaks") == 1


def _count(navigation, label: str):
    links = [link for group in navigation for link in group["links"]]
    return next(link["count"] for link in links if str(link["label"]) == label)


def test_kinds_of_a_transfer_are_offered_the_very_sum_only() -> None:
    credit = books.entry(Book.BANK, 8_000, kind=Kind.TRANSFER)
    one = books.broken(
        credit, reason=Reason.UNIDENTIFIED_CREDIT, stage=Stage.BANK, leg=Leg.TRANSFER_BANK
    )
    cash = books.channel("cash", "deposit")
    for slip, paise in (("DS-1", 8_000), ("DS-2", 8_100)):
        receipt = books.entry(
            Book.RECEIPTS, paise, channel=cash, deposit_ref=slip, in_bank_stage=True
        )
        books.broken(receipt, reason=Reason.DEPOSIT_MISSING, stage=Stage.BANK, leg=Leg.DEPOSIT_BANK)

    titles = [found.title for found in workbench.bench_of(one).candidates]

    assert "Deposit slip DS-1" in titles
    assert "Deposit slip DS-2" not in titles


# ---- what makes the sum, and what resembles ----


def _slip(name: str, paise: int) -> None:
    cash = books.channel("cash", "deposit")
    books.entry(
        Book.RECEIPTS, paise, channel=cash, deposit_ref=name, in_channel_stage=False,
        in_bank_stage=True,
    )  # fmt: skip


def test_what_together_makes_the_sum_is_shown_ticked_as_one_and_proposed(as_role: AsRole) -> None:
    _slip("DS-1", 500)
    _slip("DS-2", 250)
    one = books.broken(books.entry(Book.BANK, 750, narration="CASH DEP"), stage=Stage.BANK)
    officer = as_role("finance_officer")
    address = f"/breaks/{one.public_id}/"

    page = words(officer.get(address).content.decode())
    silent = officer.post(f"{address}propose/", {"kind": "match", "candidate": ["sum"], "why": ""})
    officer.post(f"{address}propose/", {"kind": "match", "candidate": ["sum"], "why": "The sum."})

    assert "Proposed by the sum" in page
    assert "These 2 together make the sum" in page
    assert silent.context["left_paise"] == 0  # it stays ticked, and the difference counts it
    assert Decision.objects.get().lines.count() == 3


def test_what_resembles_stands_below_with_what_differs(as_role: AsRole) -> None:
    one = books.broken(books.entry(Book.RECEIPTS, 123_400, rrn="623012345678"))
    books.entry(
        Book.CHANNEL, 132_400, rrn="623012345687", in_bank_stage=False,
        business_date=DAY + timedelta(days=3),
    )  # fmt: skip
    numbered = {"rrn": "623012345679", "in_bank_stage": False}
    books.entry(Book.CHANNEL, 700_000, **numbered)  # the next number, quite another payment

    answer = as_role("auditor").get(f"/breaks/{one.public_id}/")

    page = words(answer.content.decode())
    assert "Resemble it" in page
    assert "two digits changed places" in page
    assert len(answer.context["suggestions"]) == 1


def test_what_waits_for_many_is_no_empty_page(as_role: AsRole) -> None:
    books.broken(books.entry(Book.RECEIPTS, 1_500, reference="R1"))
    officer, approver = as_role("finance_officer"), as_role("finance_approver")
    assert "Nothing waits" in words(approver.get("/approvals/").content.decode())
    officer.post(
        "/batches/new/",
        {
            "act": "suspense",
            "why": "Unknown.",
            "seen_count": 1,
            "seen_paise": 1_500,
            "submit_key": uuid.uuid4(),
        },
    )

    page = words(approver.get("/approvals/").content.decode())

    assert "1 step for many or undo waits for a second person." in page
    assert "Nothing waits" not in page
