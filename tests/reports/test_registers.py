"""The registers of the counters: a day played with real hand-overs, told to the paisa by each."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from openpyxl import load_workbook
from pypdf import PdfReader

from channels_.models import Channel
from counters import (
    checks,
    closing,
    counterfeits,
    counts,
    differences,
    dishonour,
    drawers,
    returning,
    safe,
)
from counters.models import (
    CashMove,
    Device,
    Instrument,
    NumberRange,
    OfficeDay,
    OfficePolicy,
    OfflineItem,
    Shift,
)
from cspdcl.kernel.clock import INDIA
from payments.actions import reverse_at_counter
from payments.models import Payment, ReceiptSeries
from people import actions
from people.models import Office, User
from reports.catalogue.cash_book import Hidden
from reports.contract import Ask, Document, Figure, Section
from reports.registry import reports
from tests import factories as make
from tests.counters import banking, drawer

pytestmark = pytest.mark.django_db

DAY = date(2026, 8, 18)
MORNING = datetime(2026, 8, 18, 10, 0, tzinfo=INDIA)
CODES = (
    "day_book", "cash_book", "cheque_register", "cancellations",
    "over_short", "counterfeits", "surprise_checks", "receipt_sequence",
)  # fmt: skip


@dataclass
class Day:
    """A day of office Z1: two drawers, a cancelled receipt, a cheque, a slip, a day that closes."""

    office: Office
    users: Mapping[str, User]
    shift: Shift
    other: Shift
    kept: Payment
    cancelled: Payment
    cheque: Instrument
    ways: Mapping[str, Channel]


@pytest.fixture
def clerk_two(make_user, offices) -> User:
    made: User = make_user("clerk-two", "clerk", offices=(offices["Z1"],))
    return made


@pytest.fixture
def played(offices, users, clerk_two) -> Day:
    """The safe begins with 5,000.00; what the bank gets is what the receipts and counts say."""
    office, supervisor = offices["Z1"], users["supervisor"]
    with time_machine.travel(MORNING, tick=True):
        ways = {code: make.ChannelFactory(code=code) for code in ("cash", "cheque")}
        drawer.fill_safe(office, 5_000_00, supervisor=supervisor, second=users["finance_officer"])
        shift = banking.open_shift(office, clerk=users["clerk"], supervisor=supervisor, code="rpr1")
        other = banking.open_shift(office, clerk=clerk_two, supervisor=supervisor, code="rpr2")
        kept = banking.cash(shift, 1_234_05)
        cancelled = banking.cash(shift, 500_00)
        reverse_at_counter(cancelled.pk, supervisor=supervisor, reason="wrong consumer")
        cheque = banking.cheque(shift, 7_000_00, number="000123")
        checks.check_drawer(
            shift, by=users["auditor"], counted=drawer.notes(2_230_00), words="in time"
        )
        counterfeits.impound(shift, by=users["clerk"], denomination=500, serial="9AB 123456")
        _move(shift, other, users, clerk_two)
        return Day(office, users, shift, other, kept, cancelled, cheque, ways)


def _move(shift: Shift, other: Shift, users: Mapping[str, User], clerk_two: User) -> None:
    """300.00 handed in, 200.00 to the other drawer, 50.00 paid out, a drop that is refused."""
    clerk, supervisor = users["clerk"], users["supervisor"]
    drop = drawers.hand_in(shift, clerk=clerk, counted=drawer.notes(300_00), submit_key="k1")
    drawers.confirm(drop, by=supervisor, counted=drawer.notes(300_00))
    given = drawers.give_to(
        shift, to=other, clerk=clerk, counted=drawer.notes(200_00), submit_key="k2"
    )
    drawers.confirm(given, by=clerk_two, counted=drawer.notes(200_00))
    paid = drawers.ask_paid_out(
        shift, clerk=clerk, amount_paise=50_00, voucher="V-7", reason="tea", submit_key="k3"
    )
    drawers.confirm(paid, by=supervisor)
    wrong = drawers.hand_in(shift, clerk=clerk, counted=drawer.notes(10_00), submit_key="k4")
    drawers.refuse(wrong, by=supervisor, reason="not there")


@pytest.fixture
def closed(played: Day) -> Day:
    """The first drawer is short of 10.00, the second agrees; both slips made, the day closed."""
    supervisor = played.users["supervisor"]
    with time_machine.travel(MORNING + timedelta(hours=7), tick=True):
        papers = {"cheque": (1, 7_000_00)}
        banking.close(played.shift, 1_674_00, by=supervisor, papers=papers)
        banking.close(played.other, 1_200_00, by=supervisor)
        banking.deposit(played.office, played.ways["cash"], by=supervisor, paise=1_224_00)
        banking.deposit(played.office, played.ways["cheque"], by=supervisor)
        day = OfficeDay.objects.get(office=played.office, business_date=DAY)
        rest = safe.position(played.office)
        closing.count_safe(
            day, by=played.users["clerk"], counted=drawer.notes(rest), submit_key="s"
        )
        closing.close(day, by=supervisor)
    return played


def built(code: str, user: User | None = None, day: date = DAY, **more: object) -> Document:
    return reports()[code].build(Ask(day=day, user=user, more=more))


def section(document: Document, code: str) -> Section:
    return next(one for one in document.sections if one.code == code)


def cells(document: Document, code: str) -> list[tuple[object, ...]]:
    return [row.cells for row in section(document, code).rows]


def tone(document: Document) -> str:
    return document.mark.tone if document.mark else ""


def against_the_law(table: str, statement: str, *values: int | str) -> None:
    """What the database refuses to everybody, done by its owner: a fault to be found."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, values)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def test_the_day_book_lists_every_receipt_and_counts_what_stands(played: Day) -> None:
    document = built("day_book")

    assert document.claim == "2 receipts of ₹ 8,234.05 stand, 1 is cancelled."
    (row,) = cells(document, "counters")
    assert row[0] == "Counter rpr1"
    assert row[2:4] == (Figure(1, 1_234_05), Figure(1, 7_000_00))
    assert row[8:] == (Figure(2, 8_234_05), Figure(1, 500_00), Figure(0, 0))
    lines = cells(document, "receipts")
    assert [(line[0], line[6], line[7], line[8], line[9], line[10]) for line in lines] == [
        ("RPR1/2026-27/000001", "Cash", "", 1_234_05, None, ""),
        ("RPR1/2026-27/000002", "Cash", "", None, 500_00, "cancelled: wrong consumer"),
        ("RPR1/2026-27/000003", "Cheque", "000123", 7_000_00, None, ""),
    ]
    assert [line[3] for line in lines] == ["clerk"] * 3
    assert section(document, "receipts").rows[0].url == "/receipts/RPR1/2026-27/1/"
    cash_only = built("day_book", method="cash")
    assert (section(cash_only, "receipts").totals or ())[8:10] == [1_234_05, 500_00]


def test_the_cash_book_proves_an_open_day(played: Day) -> None:
    document = built("cash_book")

    assert tone(document) == "ok"
    assert document.claim == (
        "₹ 0.00 at the opening, ₹ 6,184.05 at the end on 18-08-2026: it proves to the paisa."
    )
    assert [row[1:] for row in cells(document, "proof")] == [
        (None, None, None, 0),
        (1, 1_234_05, None, None),  # the cancelled receipt gave its cash back
        (1, 5_000_00, None, None),
        (1, None, 50_00, None),
        (None, None, None, 6_184_05),
        (1, None, None, 3_300_00),
        (2, None, None, 2_884_05),
        (None, None, None, 0),
        (None, None, None, 6_184_05),
        (None, None, None, 0),
        (0, None, None, 0),
        (0, None, None, 0),
    ]
    own = [row for row in cells(document, "moves") if "rpr1" in str(row[0])]
    assert [(row[3], row[5], row[6], row[7]) for row in own] == [
        ("Opening", None, None, 0),
        ("Float", 1_000_00, None, 1_000_00),
        ("Cash receipts: 1", 1_234_05, None, 2_234_05),
        ("Handed in to the safe", None, 300_00, 1_934_05),
        ("To another drawer", None, 200_00, 1_734_05),
        ("Paid out", None, 50_00, 1_684_05),
        ("Closing", None, None, 1_684_05),
    ]
    assert own[-2][10] == "V-7 tea"


def test_the_cash_book_of_a_closed_day_agrees_with_its_count(closed: Day) -> None:
    document = built("cash_book", closed.users["supervisor"])

    rest = 5_000_00 - 50_00 + 5  # paid out; five paise were never in the drawer
    kept = OfficeDay.objects.get(business_date=DAY)
    assert tone(document) == "ok"
    places = {str(row[0]).split(",")[0]: row for row in cells(document, "places")}
    assert places["Counter rpr1"][6] == places["Counter rpr2"][6] == 0
    assert places["Safe of Office Z1"][6] == kept.safe_counted_paise
    assert kept.safe_counted_paise == rest - 5
    assert document.stamp["Office days"] == "1 closed, 0 open"
    words = [row[0] for row in cells(document, "proof")]
    assert words[2:6] == ["Safe counted for the first time", "Paid out", "Short", "To the bank"]


@pytest.mark.parametrize("what", ["a drawer", "a safe"])
def test_the_cash_book_says_when_it_does_not_prove(closed: Day, what: str) -> None:
    kind = {"a drawer": "hand_in", "a safe": "opening"}[what]
    against_the_law(
        "counters_cashmove",
        "UPDATE counters_cashmove SET amount_paise = amount_paise + 1 WHERE kind = %s",
        kind,
    )

    document = built("cash_book")

    assert tone(document) == "open"
    assert document.claim.endswith("it does not prove.")
    wrong_drawers, wrong_days = cells(document, "proof")[-2:]
    assert wrong_drawers[1] == (2 if what == "a drawer" else 0)
    assert wrong_days[1] == 1


def test_a_float_left_over_night_is_on_its_way(closed: Day) -> None:
    supervisor, next_day = closed.users["supervisor"], DAY + timedelta(days=1)
    counter = closed.shift.counter
    with time_machine.travel(MORNING + timedelta(days=1), tick=True):
        left = safe.issue_float(
            closed.office, amount_paise=700_00, by=supervisor, submit_key="f1", counter=counter
        )
        back = safe.issue_float(
            closed.office, amount_paise=100_00, by=supervisor, submit_key="f2", counter=counter
        )
    with time_machine.travel(MORNING + timedelta(days=2), tick=True):
        drawers.open_with(
            counter, clerk=closed.users["clerk"], float_move=left, counted=drawer.notes(700_00)
        )
        drawers.refuse(back, by=supervisor, reason="not needed")

    first = built("cash_book", day=next_day)
    second = built("cash_book", day=next_day + timedelta(days=1))
    both = built("cash_book", day=next_day, until=next_day + timedelta(days=1))

    assert [tone(one) for one in (first, second, both)] == ["ok"] * 3
    assert cells(first, "places")[-1][0:7:6] == ("On the way", 800_00)
    way = cells(second, "places")[-1]
    assert (way[0], way[3], way[6]) == ("On the way", 800_00, 0)
    assert "Float taken back" in [row[3] for row in cells(second, "moves")]
    assert cells(both, "proof")[-4][-1] == 4_950_00


def test_who_counts_a_drawer_reads_no_cash_book(played: Day) -> None:
    supervisor = played.users["supervisor"]
    policy = OfficePolicy.objects.create(office=played.office, shows_running_total=True)
    with time_machine.travel(MORNING + timedelta(hours=1), tick=True):
        own = banking.open_shift(
            played.office, clerk=supervisor, supervisor=_second(played), code="rpr3"
        )
        assert built("cash_book", supervisor).mark is not None
        counts.begin_close(own, by=supervisor)
        with pytest.raises(Hidden):
            built("cash_book", supervisor)

    assert policy.shows_running_total


def _second(played: Day) -> User:
    other = make.UserFactory(username="second-supervisor")
    actions.set_roles(other, {"supervisor"})
    actions.grant_office(other, played.office)
    return other


def test_a_bounced_cheque_stands_on_its_day_and_in_the_registers(closed: Day) -> None:
    cheque, users = closed.cheque, closed.users
    later = DAY + timedelta(days=3)
    with time_machine.travel(MORNING + timedelta(days=3), tick=True):
        returning.record_return(cheque, on=later, code="01", by=users["supervisor"])
        dishonour.dishonour(cheque.pk, by=users["finance_officer"])

    (line,) = [row for row in cells(built("day_book"), "receipts") if row[7] == "000123"]
    assert (line[8], line[9], line[10]) == (7_000_00, None, "dishonoured on 21-08-2026")
    assert built("day_book").claim == "2 receipts of ₹ 8,234.05 stand, 1 is cancelled."
    (paper,) = cells(built("cheque_register"), "papers")
    assert paper[0] == "000123"
    assert paper[5:7] == ("RPR1/2026-27/000003", 7_000_00)
    assert str(paper[8]).startswith("dishonoured: 01 ")
    assert paper[10:13] == (None, later, "01")
    (share,) = cells(built("cheque_register"), "shares")
    assert share[6:] == ("RPR1/2026-27/000003", 7_000_00, "no")
    (fallen,) = cells(built("cancellations", day=later), "cancellations")
    assert (fallen[0], fallen[1], fallen[7]) == ("RPR1/2026-27/000003", DAY, "paper dishonoured")


def test_the_cancellation_register_names_who_and_why(played: Day) -> None:
    (row,) = cells(built("cancellations", played.users["auditor"]), "cancellations")

    assert row[0] == "RPR1/2026-27/000002"
    assert row[3] == "clerk"
    assert row[6:8] == (500_00, "cancelled at the counter")
    assert row[9:11] == ("supervisor", "wrong consumer")
    assert cells(built("cancellations", how="dishonoured"), "cancellations") == []


def test_over_and_short_are_told_by_clerk_and_what_was_counted_again_counts_nowhere(
    played: Day,
) -> None:
    supervisor = played.users["supervisor"]
    with time_machine.travel(MORNING + timedelta(hours=7), tick=True):
        papers = {"cheque": (1, 7_000_00)}
        drawer.count_out(played.shift, 1_600_00, papers=papers)
        differences.ask_recount(played.shift, by=supervisor, why="a bundle was missed")
        counted = counts.Counted(denominations=drawer.notes(1_674_00), papers=papers)
        counts.submit_count(played.shift, by=played.users["clerk"], counted=counted)

    document = built("over_short")

    assert document.claim == (
        "1 difference on 18-08-2026, ₹ 0.00 over, ₹ 10.05 short; 1 not posted yet."
    )
    assert cells(document, "clerks") == [
        ("clerk", Figure(0, 0), Figure(1, 10_05), -10_05, 1, 1),
    ]
    first, second = cells(document, "differences")
    assert (first[5], first[6], first[7], first[9]) == (None, None, -84_05, "counted again")
    assert (second[4], second[6]) == (1_684_05, 10_05)


def test_counterfeits_and_surprise_checks_have_their_registers(played: Day) -> None:
    (note,) = cells(built("counterfeits"), "notes")
    (check,) = cells(built("surprise_checks"), "checks")

    assert note[:2] == ("9AB123456", 500)
    assert built("counterfeits").claim == (
        "1 counterfeit note was impounded on 18-08-2026, 1 not told to the police."
    )
    assert check[4:8] == (2_234_05, 2_230_00, None, 4_05)
    assert check[3] == "auditor"


# ---- the sequence of receipts ----


def test_receipts_are_proved_gapless_or_the_missing_number_is_named(played: Day) -> None:
    document = built("receipt_sequence")

    assert document.claim == (
        "3 receipts in 1 series of 2026-27: every number from the first to the last was given once."
    )
    (row,) = cells(document, "series")
    assert row[:9] == ("RPR1", "Office Z1", 1, 3, 3, 1, 0, 0, 0)

    against_the_law("payments_receipt", "DELETE FROM payments_receipt WHERE number = %s", 2)
    wrong = built("receipt_sequence", played.users["supervisor"])

    assert tone(wrong) == "open"
    assert cells(wrong, "holes") == [("RPR1", "2", 1, "missing: no receipt has this number")]
    ReceiptSeries.objects.update(last_number=5)
    assert [row[1:3] for row in cells(built("receipt_sequence"), "holes")] == [
        ("2", 1),
        ("4 - 5", 2),
    ]


def test_numbers_of_a_counter_without_network_are_not_missing(played: Day) -> None:
    device = Device.objects.create(
        counter=played.shift.counter, series="RPR1-T1", public_key=b"k", maker=played.users["clerk"]
    )
    ReceiptSeries.objects.create(series="RPR1-T1", year="2026-27", last_number=8)
    for first, last, used, is_lost, ends in (
        (1, 4, 3, False, MORNING), (5, 7, 5, True, MORNING), (8, 8, 7, False, None)
    ):  # fmt: skip
        NumberRange.objects.create(
            device=device, shift=played.shift, year="2026-27", first=first, last=last,
            used_until=used, is_lost=is_lost, returned_at=ends,
        )  # fmt: skip
    for number, state in ((1, "void"), (2, "person")):
        OfflineItem.objects.create(
            device=device, body=b"", signature=b"", content_hash=str(number), year="2026-27",
            receipt_number=number, state=state, problem="refused",
            maker=played.users["clerk"] if state == "void" else None,
            checker=played.users["supervisor"] if state == "void" else None,
            sent_by=played.users["clerk"],
        )  # fmt: skip

    document = built("receipt_sequence")

    assert [row[1:] for row in cells(document, "holes")] == [
        ("1", 1, "voided: two persons settled its item without a receipt"),
        ("2", 1, "its item waits for a person"),
        ("3", 1, "missing: no receipt has this number"),
        ("4", 1, "reserved for a counter without network"),
        ("5 - 7", 3, "lost with its window: nobody can say whether it was given"),
        ("8", 1, "reserved for a counter without network"),
    ]
    row = next(one for one in cells(document, "series") if one[0] == "RPR1-T1")
    assert row[4:9] == (0, 0, 4, 3, 1)


# ---- who sees what, and the files ----


@pytest.mark.parametrize("code", CODES)
def test_another_office_sees_nothing_of_it(closed: Day, code: str, make_user, offices) -> None:
    stranger = make_user("stranger", "supervisor", offices=(offices["Z3"],))

    document = built(code, stranger)

    listed = [one for one in document.sections if one.code != "proof"]
    assert [len(one.rows) for one in listed] == [0] * len(listed)
    assert "0" in document.claim


def test_each_register_is_a_page_and_a_workbook(closed: Day, as_role) -> None:
    client = as_role("supervisor")
    for code in CODES:
        query = "day=2026-08-01&until=2026-08-31&office=Z1"
        page = client.get(f"/reports/{code}/?{query}")
        book = load_workbook(io.BytesIO(b"".join(client.get(f"/reports/{code}.xlsx?{query}"))))
        assert page.status_code == 200, code
        assert book.sheetnames[-1] == "About"

    sheet = load_workbook(
        io.BytesIO(b"".join(client.get("/reports/cash_book.xlsx?day=2026-08-18")))
    )["Safes and drawers"]
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0][3:7] == ("Opening, ₹", "Came in, ₹", "Went out, ₹", "Closing, ₹")
    assert rows[-1][0] == "Total"
    assert rows[-1][6] == 4950
    assert sheet["C3"].value == datetime(2026, 8, 18)  # noqa: DTZ001 - Excel knows no time zones
    assert sheet["C3"].number_format == "dd-mm-yyyy"


def test_a_period_has_its_limits_and_offices_are_the_readers(played: Day, as_role) -> None:
    client = as_role("supervisor")

    for query, words in (
        ("day=2026-08-18&until=2026-08-17", "The last day is before the first."),
        ("day=2026-08-01&until=2026-09-01", "At most 31 days at once."),
        ("day=2026-08-18&office=Z3", "form-error"),
        ("day=2026-08-18&office=%00", "form-error"),
    ):
        answer = client.get(f"/reports/cash_book/?{query}")
        assert answer.status_code == 422
        assert words in answer.content.decode()


def test_paper_of_the_registers_names_its_days(closed: Day, as_role) -> None:
    answer = as_role("auditor").get("/reports/cash_book.pdf?day=2026-08-17&until=2026-08-18")

    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
    assert "17-08-2026 – 18-08-2026" in text  # noqa: RUF001
    assert "it proves to the paisa" in text
    assert CashMove.objects.filter(kind="deposit").count() == 1
