"""BillDesk's MIS: the usual columns, agreed ones, and what goes back without a word for it."""

import io
from datetime import date, datetime
from typing import Any, Final

from channels_.adapters.billdesk import ADAPTER
from channels_.adapters.billdesk.simulate import SIMULATION
from channels_.contract import LineKind, StatementLine
from channels_.formats import sniff
from channels_.simulation import ReportRow
from cspdcl.kernel.clock import INDIA

HEADER: Final = (
    b"Biller Id,Bank Id,Bank Ref. No.,PGI Ref. No.,Ref. 1,Ref. 2,Ref. 3,Filler,Date of Txn,"
    b"Settlement Date,Gross Amount(Rs.Ps),Charges (Rs.Ps),GST (Rs Ps),Net Amount(Rs.Ps)\n"
)


def lines_of(data: bytes, settings: dict[str, Any] | None = None) -> list[StatementLine]:
    assert ADAPTER.layouts is not None
    known = sniff(data, among=ADAPTER.layouts(settings or {}))
    (statement,) = known.read(io.BytesIO(data))
    lines = list(statement.lines)
    assert statement.refusals == []
    return lines


def test_the_usual_columns_are_read() -> None:
    (line,) = lines_of(
        HEADER + b"SMPLCSPDCL,SBI,623011223344,U123000548102,26H183RZ7K2MQ4TX2,100012345678,NA,NA,"
        b"18-08-2026 11:40:07,19-08-2026,2463.50,24.64,4.43,2434.43\n"
    )

    assert line == StatementLine(
        line=2,
        key="U123000548102",
        kind=LineKind.PAYMENT,
        amount_paise=246350,
        business_date=date(2026, 8, 19),
        fee_paise=2464,
        tax_paise=443,
        occurred_at=datetime(2026, 8, 18, 11, 40, 7, tzinfo=INDIA),
        channel_ref="U123000548102",
        order_ref="26H183RZ7K2MQ4TX2",
        rrn="623011223344",
        settlement_ref="19-08-2026",
        consumer_number="100012345678",
    )


def test_what_is_below_zero_went_back() -> None:
    came, went = lines_of(
        HEADER + b"SMPLCSPDCL,SBI,NA,U1230001,NA,NA,NA,NA,18-08-2026,19-08-2026,100.00,0,0,100.00\n"
        b"SMPLCSPDCL,SBI,NA,U1230001,NA,NA,NA,NA,18-08-2026,19-08-2026,-100.00,0,0,-100.00\n"
    )

    assert (came.kind, came.amount_paise) == (LineKind.PAYMENT, 10000)
    assert (went.kind, went.amount_paise) == (LineKind.REFUND, -10000)
    assert (went.original_ref, went.key) == ("U1230001", "refund:U1230001#2")


def test_a_row_that_does_not_add_up_is_refused() -> None:
    assert ADAPTER.layouts is not None
    data = HEADER + b"S,SBI,NA,U123000,NA,NA,NA,NA,18-08-2026,19-08-2026,100.00,2.00,0.36,99.00\n"
    (statement,) = ADAPTER.layouts({})[0].read(io.BytesIO(data))

    assert list(statement.lines) == []
    assert [refusal.line for refusal in statement.refusals] == [2]


def test_columns_and_words_can_be_agreed_on() -> None:
    report = {
        "columns": {"channel_ref": "BD Txn", "amount": "Collected", "settled_on": "Paid On",
                    "utr": "Payout Ref", "kind": "Nature"},
        "kinds": {"C": "payment", "R": "refund"},
    }  # fmt: skip
    data = b"BD Txn|Collected|Paid On|Payout Ref|Nature\nU1|10.00|19/08/2026|n1|C\nU1|4|19/08/2026|n1|R\n"  # noqa: E501 - a file

    lines = lines_of(data, {"report": report})

    assert [(one.kind, one.amount_paise, one.utr) for one in lines] == [
        (LineKind.PAYMENT, 1000, "N1"),
        (LineKind.REFUND, -400, "N1"),
    ]


AT: Final = datetime(2026, 8, 19, 10, 30, tzinfo=INDIA)
SETTLED: Final = (AT, AT, "MIS00000001", "N231267700112233")
ROWS: Final = [
    ReportRow("U1230005481", "payment", 0, 243443, 246350, 2464, 443, *SETTLED,
              order_ref="26H183RZ7K2MQ4TX2", method="upi"),
    ReportRow("R1230005481", "refund", 46350, 0, 46350, 0, 0, *SETTLED,
              payment_ref="U1230005481", method="upi"),
    ReportRow("A1230000001", "adjustment", 50000, 0, 50000, 0, 0, *SETTLED,
              payment_ref="U1230009999", dispute_ref="CB1"),
    ReportRow("A1230000002", "reserve_hold", 700, 0, 700, 0, 0, *SETTLED),
]  # fmt: skip


def test_played_mis_is_read_back() -> None:
    assert SIMULATION.report is not None
    lines = lines_of(SIMULATION.report(ROWS)["csv"])

    assert [
        (one.kind, one.channel_ref, one.amount_paise, one.fee_paise, one.tax_paise,
         one.original_ref)
        for one in lines
    ] == [
        (LineKind.PAYMENT, "U1230005481", 246350, 2464, 443, ""),
        (LineKind.REFUND, "R1230005481", -46350, 0, 0, "U1230005481"),
        (LineKind.CHARGEBACK, "A1230000001", -50000, 0, 0, "U1230009999"),
        (LineKind.UNKNOWN, "A1230000002", -700, 0, 0, ""),
    ]  # fmt: skip
    assert {(one.utr, one.settlement_ref, one.business_date) for one in lines} == {
        ("N231267700112233", "MIS00000001", date(2026, 8, 19))
    }
