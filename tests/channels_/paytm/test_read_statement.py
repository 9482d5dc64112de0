"""Paytm's settlement report: refunds with either sign, columns that are agreed on."""

from typing import Final

import pytest

from channels_.adapters.paytm import ADAPTER
from channels_.adapters.paytm.simulate import COLUMNS, report
from channels_.contract import LineKind, StatementFormat, StatementLine
from tests.channels_.formats.loading import Refused, load
from tests.channels_.gateway_world import PAYMENT, REFERENCE, REFUND, REFUND_ROW, ROW

HEADER: Final = ",".join(COLUMNS)


def layout(settings: dict[str, object] | None = None) -> StatementFormat:
    assert ADAPTER.layouts is not None
    (found,) = ADAPTER.layouts(settings or {})
    return found


def lines(data: bytes, settings: dict[str, object] | None = None) -> list[StatementLine]:
    assert layout(settings).sniff(data[:4096])
    ((_page, found),) = load(layout(settings), data)
    return found


def row(**cells: str) -> bytes:
    base = {
        "Transaction_ID": "2026081811",
        "Order_ID": REFERENCE,
        "Transaction_Date": "2026-08-18 12:00:40.0",
        "Transaction_Type": "ACQUIRING",
        "Status": "SUCCESS",
        "Amount": "2463.50",
        "Commission": "20.00",
        "GST": "3.60",
        "Settled_Amount": "2439.90",
        "Settled_Date": "19-08-2026",
        "UTR_No.": "axisn0000012345",
        "Payment_Mode": "UPI",
    }
    told = {**base, **{name.replace("UTR_No", "UTR_No."): value for name, value in cells.items()}}
    return f"{HEADER}\n{','.join(told.get(name, '') for name in COLUMNS)}\n".encode()


def test_what_the_simulation_writes_is_read_to_the_paisa() -> None:
    payment, refund = lines(report([ROW, REFUND_ROW])["csv"])

    assert (payment.kind, payment.channel_ref) == (LineKind.PAYMENT, PAYMENT.channel_ref)
    assert (payment.amount_paise, payment.fee_paise, payment.tax_paise) == (246350, 2000, 360)
    assert (payment.reference, payment.utr) == (REFERENCE, "AXISN0000012345")
    assert payment.method == "upi"
    assert (refund.kind, refund.amount_paise) == (LineKind.REFUND, -46350)
    assert (refund.channel_ref, refund.original_ref) == (REFUND.channel_ref, PAYMENT.channel_ref)


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize(
    ("word", "kind"), [("REFUND", LineKind.REFUND), ("CHARGEBACK", LineKind.CHARGEBACK)]
)
def test_money_that_goes_back_is_negative_however_it_is_written(
    sign: str, word: str, kind: LineKind
) -> None:
    (line,) = lines(
        row(
            Transaction_Type=word,
            Amount=f"{sign}100.00",
            Commission="0.00",
            GST="0.00",
            Settled_Amount=f"{sign}100.00",
        )
    )

    assert (line.kind, line.amount_paise) == (kind, -10000)


def test_a_row_that_does_not_count_yet_is_left_out() -> None:
    assert lines(row(Status="PENDING")) == []


def test_a_word_that_nobody_agreed_on_is_kept_unknown() -> None:
    (line,) = lines(row(Transaction_Type="RESERVE"))

    assert (line.kind, line.code) == (LineKind.UNKNOWN, "RESERVE")


@pytest.mark.parametrize(
    "cells", [{"Settled_Amount": "2439.00"}, {"Amount": "2.4635E3"}, {"Settled_Date": "31-31-2026"}]
)
def test_a_row_that_does_not_add_up_refuses_the_file(cells: dict[str, str]) -> None:
    with pytest.raises(Refused):
        lines(row(**cells))


def test_other_columns_can_be_agreed_on_without_code() -> None:
    data = b"Txn,Type,Gross,Paid on,UTR\nT1,SALE,10.00,2026-08-19,U1\n"
    settings: dict[str, object] = {
        "report": {
            "columns": {
                "channel_ref": "Txn",
                "kind": "Type",
                "amount": "Gross",
                "settled_on": "Paid on",
            }
        }
    }

    (line,) = lines(data, settings)

    assert (line.channel_ref, line.amount_paise, line.utr) == ("T1", 1000, "U1")
