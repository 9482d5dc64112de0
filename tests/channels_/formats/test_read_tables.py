"""Settlement tables: headers found anywhere, money exact, signs by kind, strange words kept."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from channels_.contract import LineKind, Statement, StatementLine
from channels_.formats.table import (
    CHARGEBACK,
    PAYMENT,
    REFUND,
    Layout,
    agreed,
    table_format,
)
from cspdcl.kernel.errors import Malformed

LAYOUT = Layout(
    code="sample-table",
    title="Sample table",
    columns={
        "channel_ref": ("Txn Id",),
        "refund_ref": ("Refund Id",),
        "kind": ("Type",),
        "status": ("Status",),
        "amount": ("Gross Amount(Rs.Ps)", "Amount"),
        "fee": ("Charges",),
        "tax": ("CGST + SGST", "GST"),
        "net": ("Net Amount",),
        "settled_on": ("Settlement Date",),
        "utr": ("UTR No.",),
        "method": ("Mode",),
    },
    kinds={"sale": PAYMENT, "refund": REFUND, "chargeback": CHARGEBACK},
    statuses={"success": True, "failure": False},
    methods={"DC": "card"},
)
HEADER = "Txn Id,Refund Id,Type,Status,Amount,Charges,GST,Net Amount,Settlement Date,UTR No.,Mode"


def read(text: str | bytes, layout: Layout = LAYOUT) -> tuple[Statement, list[StatementLine]]:
    data = text.encode() if isinstance(text, str) else text
    (statement,) = table_format(layout).read(io.BytesIO(data))
    return statement, list(statement.lines)


def table(*rows: str, above: str = "") -> str:
    return "\n".join([*([above] if above else []), HEADER, *rows]) + "\n"


def test_a_row_is_read_with_its_money_and_its_day() -> None:
    _statement, (line,) = read(
        table('T1,,sale,SUCCESS,"1,18,000.00",2360.00,424.80,115215.20,19/08/2026,axisn1,DC')
    )

    assert line.key == "T1"
    assert line.kind is LineKind.PAYMENT
    assert (line.amount_paise, line.fee_paise, line.tax_paise) == (11_800_000, 236_000, 42_480)
    assert line.business_date == date(2026, 8, 19)
    assert (line.utr, line.settlement_ref, line.method) == ("AXISN1", "AXISN1", "card")


def test_the_header_is_found_below_a_preamble_and_totals_are_left_out() -> None:
    statement, lines = read(
        table(
            "T1,,sale,success,100.00,0,0,100.00,19-08-2026,U1,upi",
            "Total,,,,100.00,,,,,,",
            above="Merchant,Sample\nPeriod,19-08-2026",
        )
    )

    assert [line.key for line in lines] == ["T1"]
    assert [line.line for line in lines] == [4]
    assert statement.notes == {"footers": 1}


@pytest.mark.parametrize("amount", ["50.00", "-50.00"])
def test_a_refund_is_money_from_us_however_its_sign_is_written(amount: str) -> None:
    _statement, (line,) = read(table(f"T1,R1,refund,success,{amount},0,0,{amount},19-08-2026,U1,"))

    assert (line.kind, line.amount_paise) == (LineKind.REFUND, -5_000)
    assert (line.channel_ref, line.original_ref, line.key) == ("R1", "T1", "refund:R1")


@pytest.mark.parametrize("amounts", ["100.00,2.00,0.36,102.36", "-100.00,2.00,0.36,-102.36"])
def test_a_refund_may_cost_a_fee_of_its_own(amounts: str) -> None:
    _statement, (line,) = read(table(f"T1,R1,refund,success,{amounts},19-08-2026,U1,"))

    assert (line.amount_paise, line.fee_paise, line.tax_paise) == (-10_000, 200, 36)


def test_a_failed_row_is_counted_and_left_out_an_unknown_word_is_kept_for_a_person() -> None:
    statement, (line,) = read(
        table(
            "T1,,sale,failure,100.00,0,0,100.00,19-08-2026,U1,upi",
            "T2,,reserve hold,success,-70.00,1,0,0,19-08-2026,U1,",
        )
    )

    assert statement.notes == {"not_counting": 1}
    assert (line.kind, line.code, line.amount_paise) == (LineKind.UNKNOWN, "reserve hold", -7_000)
    assert (line.fee_paise, line.tax_paise) == (0, 0)


@pytest.mark.parametrize(
    ("row", "amount_paise"),
    [
        ("T1,,sale,success,-70.00,0,0,-70.00,19-08-2026,U1,", -7_000),  # taken back, perhaps
        ("T1,,sale,,70.00,0,0,70.00,19-08-2026,U1,", 7_000),  # nobody says that it counts
    ],
)
def test_what_is_called_a_payment_and_may_be_none_is_kept_for_a_person(
    row: str, amount_paise: int
) -> None:
    _statement, (line,) = read(table(row))

    assert (line.kind, line.amount_paise) == (LineKind.UNKNOWN, amount_paise)


def test_a_payment_whose_id_begins_like_a_footer_is_no_footer() -> None:
    statement, (line,) = read(table("TOTAL7,,sale,success,1.00,0,0,1.00,19-08-2026,U1,"))

    assert (line.channel_ref, line.amount_paise, statement.notes) == ("TOTAL7", 100, {})


def test_decimals_past_the_paisa_are_rounded_once_and_the_line_still_adds_up() -> None:
    _statement, (line,) = read(
        table("T1,,sale,success,100.01,2.0002,0.36004,97.64976,19-08-2026,U1,")
    )

    net = line.amount_paise - line.fee_paise - line.tax_paise
    assert (line.amount_paise, net, line.tax_paise) == (10_001, 9_765, 36)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("T1,,sale,success,100.00,1.00,0.18,97.00,19-08-2026,U1,", "do not give the net"),
        ("T1,,sale,success,100.005,0,0,100.00,19-08-2026,U1,", "whole paise"),
        ("T1,,sale,success,,0,0,0,19-08-2026,U1,", "expected an amount, got nothing"),
        ("T1,,sale,success,NA,0,0,0,19-08-2026,U1,", "expected an amount, got nothing"),
        ("T1,,sale,success,1,0,0,1,9999-12-31T23:59:59-23:59,U1,", "a date of our time"),
        ("T1,,sale,success,1,0,0,1,0001-01-01T00:00:00+23:59,U1,", "a date of our time"),
        ("T1,,sale,success,1e5,0,0,100000,19-08-2026,U1,", "expected rupees"),
        ("T1,,sale,success,100.00,0,0,100.00,2026.08.19,U1,", "expected a date"),
        ("T1,,sale,success,100.00,0,0,100.00,,U1,", "expected a date"),
        (",,sale,success,100.00,0,0,100.00,19-08-2026,,", "expected an identifier"),
        ("T1,,sale,success,100.00", "expected at least"),
    ],
)
def test_a_row_that_is_wrong_is_refused_with_its_line(row: str, problem: str) -> None:
    statement, lines = read(table(row))

    assert lines == []
    assert [refusal.line for refusal in statement.refusals] == [2]
    assert problem in statement.refusals[0].problem


def test_two_equal_rows_are_two_lines() -> None:
    row = "T1,,sale,success,100.00,0,0,100.00,19-08-2026,U1,upi"
    _statement, lines = read(table(row, row))

    assert [line.key for line in lines] == ["T1", "T1#2"]


@pytest.mark.parametrize("delimiter", ["\t", "|", ";"])
def test_other_delimiters_are_found(delimiter: str) -> None:
    row = "T1,,sale,success,100.00,0,0,100.00,19-08-2026,U1,upi"
    _statement, (line,) = read(table(row).replace(",", delimiter))

    assert line.amount_paise == 10_000


def test_a_workbook_is_read_like_text() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": "dd-mm-yyyy"})
    sheet.write_row(0, 0, HEADER.split(","))
    sheet.write_row(1, 0, ["T1", "", "sale", "success", 1180.1, 23.6, 4.25, 1152.25])
    sheet.write_datetime(1, 8, datetime(2026, 8, 19, tzinfo=UTC).replace(tzinfo=None), day)
    sheet.write_row(1, 9, ["U1", "upi"])
    book.close()

    _statement, (line,) = read(out.getvalue())

    assert (line.amount_paise, line.fee_paise, line.tax_paise) == (118_010, 2_360, 425)
    assert line.business_date == date(2026, 8, 19)
    assert table_format(LAYOUT).sniff(out.getvalue()[:4096])


def test_columns_and_words_can_be_agreed_on_without_code() -> None:
    settings = {
        "report": {
            "columns": {"amount": ["Betrag"], "tax": "CGST+SGST"},
            "kinds": {"reversal": "+refund"},
            "dates": ["%Y%m%d"],
        }
    }
    layout = agreed(LAYOUT, settings)
    header = HEADER.replace("Amount,", "Betrag,", 1).replace("GST,", "CGST,SGST,")

    _statement, (line,) = read(
        f"{header}\nT1,R1,reversal,success,100.00,1.00,0.09,0.09,98.82,20260819,U1,\n", layout
    )

    assert (line.kind, line.amount_paise, line.tax_paise) == (LineKind.REFUND, 10_000, 18)


@pytest.mark.parametrize(
    "told", [[], {"colums": {}}, {"columns": {"betrag": ["x"]}}, {"kinds": {"a": "nothing"}}]
)
def test_a_wrong_agreement_names_what_was_expected(told: object) -> None:
    if not told:
        assert agreed(LAYOUT, {"report": told}) == LAYOUT
        return
    with pytest.raises((TypeError, ValueError), match=r"expected|no such|not a valid"):
        agreed(LAYOUT, {"report": told})


def test_a_file_without_the_columns_is_refused_and_names_them() -> None:
    with pytest.raises(Malformed, match="expected Txn Id"):
        read("a,b,c\n1,2,3\n")


@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read(HEADER.encode() + b"\n" + data)
    except Malformed:
        return


@given(
    gross=st.integers(1, 10**10),
    fee=st.decimals(0, 100, places=5),
    tax=st.decimals(0, 18, places=5),
)
def test_what_is_read_always_adds_up_to_the_paid_net(
    gross: int, fee: Decimal, tax: Decimal
) -> None:
    rupees = Decimal(gross) / 100
    net = rupees - fee - tax
    if net < 0:
        return
    row = f"T1,,sale,success,{rupees:.2f},{fee},{tax},{net:.5f},19-08-2026,U1,"
    statement, lines = read(table(row))

    assert statement.refusals == []
    (line,) = lines
    got = line.amount_paise - line.fee_paise - line.tax_paise
    assert abs(Decimal(got) - net * 100) <= Decimal("0.5")
