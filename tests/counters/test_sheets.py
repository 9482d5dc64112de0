"""Bulk payers: whatever a department sends is read or refused, and taken whole or not at all."""

import io
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
import xlsxwriter
from django.db import connection
from openpyxl import load_workbook

from channels_.contract import Method
from counters import sheets
from counters.models import ChequeBar, Collection, Sheet
from counters.sheet_files import ROWS_MAX, SheetUnread, read
from counters.taking import NotTaken, TenderAsked
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from payments.models import Bill, Payment, Receipt
from payments.selectors import dues_of
from people.models import AuditEvent
from tests import factories as make


def csv(*rows: str, encoding: str = "utf-8") -> io.BytesIO:
    return io.BytesIO("\n".join(rows).encode(encoding))


def book(*rows: Sequence[Any], merged: str = "") -> io.BytesIO:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as workbook:
        page = workbook.add_worksheet()
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
        if merged:
            page.merge_range(merged, "100000000001")
    out.seek(0)
    return out


# ---- reading ----


@pytest.mark.parametrize(
    "file",
    [
        csv("Consumer No.;Bill No;Amount (Rs)", '="100000000001";B1;"1,234.50"'),
        csv("S.No\tConsumer Number\tBill number\tAmount", "1\t'100000000001\tb1\tRs. 1234.5/-"),
        csv("कार्यालय सूची", "", "उपभोक्ता क्रमांक,बिल क्रमांक,देय राशि", "१०००००००० ००१,B1,₹ १२३४.५०"),
        csv("Consumer number,Bill number,Amount", "100000000001,B1,1234.50", encoding="utf-8-sig"),
        book(("Consumer Number", "Bill Number", "Amount"), (100000000001, "B1", 1234.5)),
        book(("consumer number", "bill no", "amount"), ("100000000001 ", "b1", 1234.5000000000002)),
    ],
)  # fmt: skip
def test_a_sheet_is_read_whatever_its_shape(file: io.BytesIO) -> None:
    (line,) = read(file).lines

    assert line[1:] == ("100000000001", "B1", 1_234_50, "")


def test_a_total_row_is_no_consumer_and_the_same_rows_have_the_same_hash() -> None:
    one = read(csv("consumer number,amount", "100000000001,10", "100000000002,20", "Total,30.00"))
    two = read(
        book(("amount", "consumer no"), (20, "100000000002"), (10, "100000000001"), (30, "कुल"))
    )

    assert (len(one.lines), one.total_paise, one.amount_paise) == (2, 30_00, 30_00)
    assert one.sha256 == two.sha256


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("=SUM(A1:A9),10", "A consumer number has 6 to 12 digits"),
        ("1.0E+11,10", "A consumer number has 6 to 12 digits"),
        ("100000000001,=1+1", "rupees such as 1234.50"),
        ("100000000001,1e9", "rupees such as 1234.50"),
        ("100000000001,12.345", "rupees such as 1234.50"),
        ("100000000001,1,23", "rupees such as 1234.50"),
        ("100000000001,-5", "More than zero"),
        ("100000000001,0", "More than zero"),
        ("100000000001,", "not nothing"),
        (",10", "is missing"),
    ],
)
def test_a_row_that_cannot_be_read_says_what_was_expected(row: str, words: str) -> None:
    shown = '100000000001,"1,23"' if row.endswith("1,23") else row

    (line,) = read(csv("consumer number,amount", shown)).lines

    assert words in line.problem


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (io.BytesIO(b""), "empty"),
        (csv("a,b", "1,2"), "header"),
        (csv("consumer number,amount"), "no rows"),
        (csv("consumer number,amount", "1,2", encoding="utf-16"), "NUL"),
        (io.BytesIO(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00"), "NUL"),
        (io.BytesIO(b"PK\x03\x04 but no archive"), "cannot be opened"),
        (csv("consumer number,amount", *["100000000001,1"] * (ROWS_MAX + 1)), "At most"),
        (csv("consumer number,amount", '"100000000001,1'), "row"),
    ],
)
def test_what_is_no_sheet_is_refused_whole(file: io.BytesIO, words: str) -> None:
    with pytest.raises(SheetUnread, match=words):
        read(file)


def test_a_sheet_with_a_cell_in_the_last_corner_does_not_take_all_memory() -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as workbook:
        page = workbook.add_worksheet()
        page.write_row(0, 0, ("consumer number", "amount"))
        page.write(1_048_575, 16_383, "x")
    out.seek(0)

    with pytest.raises(SheetUnread, match="spans"):
        read(out)


def test_merged_cells_name_one_consumer_and_leave_the_other_rows_without() -> None:
    rows = (("consumer number", "amount"), ("", 10), ("", 20))

    first, second = read(book(*rows, merged="A2:A3")).lines

    assert (first.consumer_number, first.problem) == ("100000000001", "")
    assert "missing" in second.problem


# ---- checking ----


@pytest.fixture
def place(db):
    """A window without shifts, its clerk, and three consumers who owe 100, 200 and 300."""
    make.ChannelFactory(code="cash")
    make.ChannelFactory(code="cheque")
    counter = make.CounterFactory(code="rpr1")
    bills = [
        make.BillFactory(
            consumer=make.ConsumerFactory(office=counter.office),
            amount_paise=rupees * 100,
            issued_on=today(),
            due_on=today() + timedelta(days=9),
        )
        for rupees in (100, 200, 300)
    ]
    return counter, make.UserFactory(), bills


def handed(place, *rows: tuple[str, str, str], **more: Any) -> Sheet:
    counter, clerk, _bills = place
    lines = [",".join(row) for row in rows]
    options = {"name": "a.csv", "payer": "A department", **more}
    file = csv("consumer number,bill number,amount", *lines)
    return sheets.hand_in(counter, by=clerk, file=file, **options)


def all_due(place) -> list[tuple[str, str, str]]:
    return [(bill.consumer.number, "", f"{bill.amount_paise // 100}.00") for bill in place[2]]


def problems(sheet: Sheet) -> list[str]:
    return list(sheet.rows.order_by("line").values_list("problem", flat=True))


def test_each_row_is_checked_against_consumers_bills_and_dues(place) -> None:
    _counter, _clerk, (first, second, third) = place
    gone = make.ConsumerFactory(is_active=False)
    partner = make.ConsumerFactory(business_partner="7000000001")

    sheet = handed(
        place,
        (first.consumer.number, "", "100"),
        (first.consumer.number, "", "100"),
        ("999999999999", "", "5"),
        (second.consumer.number, first.number, "5"),
        ("", "NOBILL", "5"),
        ("", second.number, "200.01"),
        (gone.number, "", "5"),
        ("7000000001", "", "5"),
        (third.consumer.number, third.number, "300"),
        (third.consumer.number, "", "1"),
    )

    assert problems(sheet) == [
        "",
        "The same stands in row 2.",
        "No consumer has the number 999999999999.",
        f"Bill {first.number} is of consumer {first.consumer.number}.",
        "No bill has the number NOBILL.",
        "0.01 more than the 200.00 that is due.",
        "The consumer is not active any more; due is 0.00.",
        "5.00 more than the 0.00 that is due.",
        "",
        "With the rows before it more than the 300.00 that is due.",
    ]
    assert (sheet.row_count, sheet.problem_count, sheet.state) == (10, 8, "checked")
    named = list(sheet.rows.order_by("line").values_list("consumer_number", flat=True))
    assert (named[5], named[7]) == (second.consumer.number, partner.number)
    assert not Payment.objects.exists()


def test_advances_are_taken_where_they_are_meant_but_not_of_who_left(place) -> None:
    gone = make.ConsumerFactory(is_active=False)

    sheet = handed(
        place, (place[2][0].consumer.number, "", "500"), (gone.number, "", "1"), takes_advances=True
    )

    assert problems(sheet) == ["", "The consumer is not active any more; due is 0.00."]


def test_a_total_that_does_not_agree_keeps_nothing(place) -> None:
    with pytest.raises(SheetUnread, match=r"600\.00 together, but the last row says 601\.00"):
        handed(place, *all_due(place), ("Total", "", "601"))

    assert not Sheet.objects.exists()


# ---- taking ----


def cheque(paise: int, number: str = "000123", **more: Any) -> TenderAsked:
    fields = {"instrument_date": today(), "bank_name": "A bank", "micr": "492002009", **more}
    return TenderAsked(method=Method.CHEQUE, amount_paise=paise, instrument=number, **fields)


def taken(sheet: Sheet, place, *tenders: TenderAsked, key: str = "key-of-a-sheet-01", **more: Any):
    return sheets.take(sheet, clerk=place[1], tenders=tenders, submit_key=key, **more)


def test_one_cheque_pays_for_all_and_the_same_form_twice_is_one_taking(place) -> None:
    sheet = handed(place, *all_due(place), letter="PWD/114 of 18-08-2026")

    first = taken(sheet, place, cheque(600_00))
    again = taken(sheet, place, cheque(600_00))

    assert (first.is_new, again.is_new) == (True, False)
    assert first.receipts == again.receipts
    assert [one.payment.amount_paise for one in first.receipts] == [100_00, 200_00, 300_00]
    (made,) = Collection.objects.all()
    assert (made.payer, made.amount_paise, made.instruments.get().amount_paise) == (
        "A department", 600_00, 600_00,
    )  # fmt: skip
    assert [dues_of(bill.consumer) for bill in place[2]] == [[], [], []]
    sheet.refresh_from_db()
    assert (sheet.state, sheet.collection, sheet.letter) == ("taken", made, "PWD/114 of 18-08-2026")
    assert AuditEvent.objects.filter(action="sheet.taken").count() == 1
    with pytest.raises(sheets.SheetRefused, match="already"):
        taken(sheet, place, cheque(600_00, "000124"), key="key-of-a-sheet-02")
    assert Receipt.objects.count() == 3


def test_papers_and_cash_share_a_sheet_to_the_paisa(place) -> None:
    sheet = handed(place, *all_due(place))

    made = taken(sheet, place, cheque(250_00), TenderAsked(method=Method.CASH, amount_paise=350_00))

    assert [(one.payment.method, one.payment.amount_paise) for one in made.receipts] == [
        ("cheque", 100_00), ("cheque", 150_00), ("cash", 50_00), ("cash", 300_00),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tenders", "words"),
    [
        ([cheque(599_99)], r"600\.00, the papers are 599\.99: 0\.01 between"),
        ([cheque(600_01)], "0.01 between"),
        ([cheque(600_00, instrument_date=date(2020, 1, 1))], "."),
        ([cheque(600_00, instrument_date=today() + timedelta(days=2))], "."),
        ([TenderAsked(method=Method.CARD, amount_paise=600_00, instrument="1" * 12)], "card"),
        ([], "between"),
    ],
)
def test_what_does_not_pay_the_whole_sheet_takes_nothing(place, tenders, words: str) -> None:
    sheet = handed(place, *all_due(place))

    with pytest.raises(DomainError, match=words):
        taken(sheet, place, *tenders)

    assert not Payment.objects.exists()
    assert not Collection.objects.exists()
    assert Sheet.objects.get().state == "checked"


def test_a_wrong_row_stops_all_and_the_corrected_workbook_comes_in_again(place) -> None:
    rows = all_due(place)
    wrong = handed(place, *rows[:2], (rows[2][0], "", "300.50"))
    with pytest.raises(sheets.SheetRefused, match="1 row is not right"):
        taken(wrong, place, cheque(600_50))

    out = load_workbook(io.BytesIO(sheets.rows_as_workbook(wrong)))
    page = out.active
    assert page is not None
    assert [cell.value for cell in page[4]][2:] == [
        300.5, place[2][2].consumer.name, 4, "0.50 more than the 300.00 that is due.",
    ]  # fmt: skip
    page["C4"] = 300
    corrected = io.BytesIO()
    out.save(corrected)
    counter, clerk, _bills = place
    sheet = sheets.hand_in(counter, by=clerk, file=corrected, name="b.xlsx", payer="A department")

    assert sheet.problem_count == 0
    assert len(taken(sheet, place, cheque(600_00)).receipts) == 3


def test_what_was_paid_since_the_check_is_found_when_it_is_taken(place) -> None:
    sheet, other = handed(place, *all_due(place)), handed(place, all_due(place)[1])
    taken(other, place, cheque(200_00), key="key-of-another-01")

    with pytest.raises(NotTaken) as refused:
        taken(sheet, place, cheque(600_00, "000124"))

    assert sheets.line_of(sheet, refused.value) == 3
    assert Payment.objects.count() == 1
    assert problems(sheets.check_again(sheet))[1] == "200.00 more than the 0.00 that is due."


def test_the_same_rows_once_more_are_asked_about(place) -> None:
    rows = [(number, bill, "50") for number, bill, _amount in all_due(place)]
    taken(handed(place, *rows), place, cheque(150_00))
    second = handed(place, *reversed(rows))

    with pytest.raises(sheets.SheetKnown, match="were taken on"):
        taken(second, place, cheque(150_00, "000124"), key="key-of-a-sheet-02")
    assert Receipt.objects.count() == 3

    taken(second, place, cheque(150_00, "000124"), key="key-of-a-sheet-02", is_meant=True)
    assert Receipt.objects.count() == 6


def test_a_barred_consumer_stops_the_cheque_of_all(place) -> None:
    first = handed(place, (place[2][0].consumer.number, "", "1"))
    made = taken(first, place, cheque(1_00, "000999"), key="key-of-another-01")
    paper = made.collection.instruments.get()
    ChequeBar.objects.create(
        consumer=place[2][1].consumer, instrument=paper, since=today(), until=today()
    )
    sheet = handed(place, *all_due(place)[1:])

    with pytest.raises(DomainError, match=place[2][1].consumer.number):
        taken(sheet, place, cheque(500_00))

    assert Sheet.objects.get(pk=sheet.pk).state == "checked"


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_take_a_sheet_once(place) -> None:
    sheet = handed(place, *all_due(place))
    together = threading.Barrier(4)

    def click(number: int) -> object:
        try:
            together.wait(10)
            return taken(
                sheet, place, cheque(600_00, f"00012{number}"), key=f"key-of-a-sheet-0{number}"
            )
        except sheets.SheetRefused as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(click, range(4)))

    assert sum(not isinstance(one, sheets.SheetRefused) for one in answers) == 1
    assert Receipt.objects.count() == 3


def test_two_thousand_rows_are_taken_at_once(place) -> None:
    counter, clerk, _bills = place
    consumers = make.ConsumerFactory.create_batch(2000, office=counter.office)
    Bill.objects.bulk_create(
        Bill(consumer=one, number=f"X{one.pk}", period="2026-08", amount_paise=123_45,
             issued_on=today(), due_on=today() + timedelta(days=9))
        for one in consumers
    )  # fmt: skip
    file = csv("consumer number,amount", *(f"{one.number},123.45" for one in consumers))

    sheet = sheets.hand_in(counter, by=clerk, file=file, name="a.csv", payer="A department")
    made = taken(sheet, place, cheque(2000 * 123_45))

    assert sheet.problem_count == 0
    assert len(made.receipts) == 2000
    numbers = sorted(Receipt.objects.values_list("number", flat=True))
    assert numbers == list(range(1, 2001))


# ---- the pages ----


def test_a_clerk_hands_in_a_sheet_puts_it_right_and_takes_it(
    place, as_role, users, offices
) -> None:
    counter, _clerk, bills = place
    counter.office = offices["Z1"]
    counter.save()
    client = as_role("clerk")
    rows = all_due(place)
    fields = {"counter": "rpr1", "payer": "A department", "letter": "PWD/114"}

    def send(*lines: tuple[str, str, str]) -> Any:
        file = csv("consumer number,bill number,amount", *(",".join(line) for line in lines))
        file.name = "list.csv"
        return client.post("/sheets/", {**fields, "file": file})

    assert client.get("/sheets/").status_code == 200
    wrong = send(*rows[:2], (rows[2][0], "", "300.50"))
    page = client.get(wrong.url).content.decode()
    assert "0.50 more than the 300.00 that is due." in page
    assert bills[0].consumer.number not in page
    assert bills[0].consumer.number in client.get(f"{wrong.url}?all").content.decode()

    good = send(*rows)
    shown = client.get(good.url)
    key = str(shown.context["form"].initial["submit_key"])
    form = {"do": "take", "tenders": "1", "submit_key": key, "tender": "cheque"}
    refused = client.post(good.url, form)
    assert refused.status_code == 422
    paper = {"instrument": "000123", "instrument_date": today().isoformat(), "bank_name": "A bank",
             "micr": "492002009"}  # fmt: skip
    short = client.post(good.url, {**form, **paper, "tender_amount": "599.99"})
    assert "599.99: 0.01 between them" in short.content.decode()
    done = client.post(good.url, {**form, **paper}, follow=True).content.decode()

    assert "RPR1/" in done
    sheet = Sheet.objects.get(state="taken")
    assert (sheet.by, sheet.letter, sheet.name) == (users["clerk"], "PWD/114", "list.csv")
    listed = load_workbook(io.BytesIO(client.get(f"{good.url}rows.xlsx").content)).active
    assert listed is not None
    assert [cell.value for cell in listed[2]][4] == 100
    assert client.get(f"{good.url}list.pdf").content.startswith(b"%PDF")
    assert client.post(f"{good.url}receipts-1.pdf").content.startswith(b"%PDF")
    assert client.post(f"{good.url}receipts-2.pdf").status_code == 404


def test_a_sheet_is_seen_by_its_clerk_and_the_supervisors_of_the_office(
    place, as_role, make_user, offices, client
) -> None:
    counter, _clerk, _bills = place
    counter.office = offices["Z1"]
    counter.save()
    sheet = handed(place, *all_due(place))

    assert as_role("supervisor").get(f"/sheets/{sheet.public_id}/").status_code == 200
    assert as_role("clerk").get(f"/sheets/{sheet.public_id}/").status_code == 404
    stranger = make_user("stranger", "supervisor", offices=(offices["Z3"],))
    client.force_login(stranger, backend="people.auth.PeopleBackend")
    assert client.get(f"/sheets/{sheet.public_id}/").status_code == 404


def test_the_empty_sheet_comes_in_as_it_is(as_role) -> None:
    (line,) = read(io.BytesIO(as_role("clerk").get("/sheets/empty.xlsx").content)).lines

    assert line[1:] == ("1000012345", "", 1_234_00, "")
