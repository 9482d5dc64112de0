"""The daily file of an agency, as CSV and workbook, in our layout and in an agreed one."""

from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.adapters.agency import ADAPTER
from channels_.adapters.agency.simulate import SIMULATION
from channels_.contract import LineKind, Statement, StatementFormat, StatementLine
from channels_.registry import formats_of
from channels_.simulation import ReportRow
from cspdcl.kernel.errors import Malformed

AT = datetime(2026, 8, 18, 6, 30, tzinfo=UTC)

AGREED = {
    "report": {
        "columns": {
            "channel_ref": "Kiosk Receipt",
            "amount": "Collected",
            "fee": "Our Share",
            "tax": "Our GST",
            "net": "To CSPDCL",
            "settled_on": "Deposit Day",
            "utr": "Bank Ref",
        },
        "kinds": {"BILL": "payment", "VOID": "-refund"},
        "dates": ["%d.%m.%Y"],
        "unit": "paise",
    }
}


def read(content: bytes, settings: Any = None) -> tuple[Statement, list[StatementLine]]:
    """The one statement of a file, by the first format that knows it."""
    form: StatementFormat = next(
        one for one in formats_of("agency", settings or {}) if one.sniff(content[:4096])
    )
    (statement,) = form.read(BytesIO(content))
    return statement, list(statement.lines)


def row(number: int, amount: int, fee: int = 0, tax: int = 0, **more: Any) -> ReportRow:
    return ReportRow(
        **{
            "channel_ref": f"AT{number:010d}",
            "word": "payment",
            "debit_paise": 0,
            "credit_paise": amount - fee - tax,
            "amount_paise": amount,
            "fee_paise": fee,
            "tax_paise": tax,
            "created_at": AT,
            "settled_at": AT + timedelta(days=1),
            "settlement_ref": "RM00000001",
            "utr": "SBIN226231000001",
            "method": "cash",
            "consumer_number": "100000000001",
            **more,
        }
    )


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_what_is_written_is_read(ending) -> None:
    assert SIMULATION.report is not None
    rows = [row(1, 50_000, 300, 54), row(2, 123_456_789), row(3, 5_000, word="gift")]

    statement, lines = read(SIMULATION.report(rows)[ending])

    assert statement.refusals == []
    assert [(one.channel_ref, one.amount_paise, one.fee_paise, one.tax_paise) for one in lines] == [
        ("AT0000000001", 50_000, 300, 54),
        ("AT0000000002", 123_456_789, 0, 0),
        ("AT0000000003", 5_000, 0, 0),
    ]
    assert [one.kind for one in lines] == [LineKind.PAYMENT, LineKind.PAYMENT, LineKind.UNKNOWN]
    assert {one.business_date for one in lines} == {date(2026, 8, 19)}
    assert lines[0].utr == "SBIN226231000001"
    assert lines[0].occurred_at == AT
    assert (lines[0].method, lines[0].consumer_number) == ("cash", "100000000001")


def test_a_workbook_is_the_same_bytes_every_time() -> None:
    assert SIMULATION.report is not None
    assert SIMULATION.report([row(1, 5_000)]) == SIMULATION.report([row(1, 5_000)])


@given(st.integers(1, 10**12), st.integers(0, 10**4), st.integers(0, 10**3))
def test_every_amount_comes_back_to_the_paisa(amount, fee, tax) -> None:
    assert SIMULATION.report is not None

    _statement, (line,) = read(SIMULATION.report([row(1, amount, fee, tax)])["csv"])

    assert (line.amount_paise, line.fee_paise, line.tax_paise) == (amount, fee, tax)


def test_columns_words_and_unit_can_be_agreed_on() -> None:
    content = (
        b"Agency report of 18.08.2026\n\n"
        b"Kiosk Receipt|Type|Collected|Our Share|Our GST|To CSPDCL|Deposit Day|Bank Ref\n"
        b"K-1|BILL|50000|300|54|49646|19.08.2026|sbin226231000001\n"
        b"K-1|VOID|50000|300|54|49646|19.08.2026|sbin226231000001\n"
        b"K-2|other|100|0|0|100|19.08.2026|sbin226231000001\n"
        b"Total||100100|||||\n"
    )

    statement, lines = read(content, AGREED)

    assert statement.refusals == []
    assert [(one.kind, one.amount_paise, one.fee_paise) for one in lines] == [
        (LineKind.PAYMENT, 50_000, 300),
        (LineKind.REFUND, -50_000, -300),
        (LineKind.UNKNOWN, 100, 0),
    ]
    assert lines[0].utr == "SBIN226231000001"
    assert ADAPTER.layouts is not None
    assert ADAPTER.layouts({}) == ()


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ("T1,payment,100.00,3.00,0.54,90.00,19/08/2026,U1", "do not give the net"),
        ("T1,payment,1e3,0,0,1000,19/08/2026,U1", "expected rupees"),
        ("T1,payment,10.001,0,0,10.001,19/08/2026,U1", "whole paise"),
        ("T1,payment,100.00,0,0,100.00,,U1", "expected a date"),
        (",payment,100.00,0,0,100.00,19/08/2026,", "expected an identifier"),
        ("T1,payment", "expected at least"),
    ],
)
def test_a_row_that_does_not_add_up_is_refused_with_its_line(cells, problem) -> None:
    header = "Txn Id,Type,Amount,Commission,GST,Net Amount,Settlement Date,UTR"

    statement, lines = read(f"{header}\n{cells}\n".encode())

    assert lines == []
    (refusal,) = statement.refusals
    assert refusal.line == 2
    assert problem in refusal.problem


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\0\0", b"Txn Id,Amount\n"])
def test_what_is_no_daily_file_is_refused(content) -> None:
    (form,) = ADAPTER.formats
    assert not form.sniff(content)

    with pytest.raises(Malformed):
        [line for statement in form.read(BytesIO(content)) for line in statement.lines]
