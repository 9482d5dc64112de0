"""The bank's MIS: one row per payment and refund, with the bank's own credit as the settlement."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO, Final

from channels_ import upi
from channels_.contract import Method, Statement, StatementFormat, StatementLine
from channels_.formats.table import (
    ADJUSTMENT,
    CHARGEBACK,
    CHARGEBACK_TAKEN_BACK,
    PAYMENT,
    REFUND,
    Layout,
    agreed,
    table_format,
)

HEADER: Final = (
    *("Txn Type", "Bank RRN", "Merchant Tran Id", "Refund Id", "Payer VA", "Amount", "Charges"),
    *("GST", "Net Amount", "Txn Status", "Txn Date", "Settlement Date", "Settlement UTR"),
)

LAYOUT: Final = Layout(
    code="upi-bank-mis",
    title="UPI MIS of a bank",
    columns={
        "kind": ("Txn Type", "Transaction Type", "Type"),
        "channel_ref": ("Bank RRN", "RRN", "Cust Ref No"),
        "rrn": ("Bank RRN", "RRN", "Cust Ref No"),
        "order_ref": ("Merchant Tran Id", "Order Id", "Merchant Ref No"),
        "refund_ref": ("Refund Id",),
        "amount": ("Amount", "Txn Amount", "Transaction Amount"),
        "fee": ("Charges", "MDR"),
        "tax": ("GST", "CGST+SGST+IGST"),
        "net": ("Net Amount", "Settled Amount"),
        "status": ("Txn Status", "Status"),
        "occurred_at": ("Txn Date", "Transaction Date"),
        "settled_on": ("Settlement Date", "Settled On"),
        "utr": ("Settlement UTR", "UTR"),
    },
    kinds={
        "pay": PAYMENT,
        "refund": REFUND,
        "chargeback": CHARGEBACK,
        "chargeback reversal": CHARGEBACK_TAKEN_BACK,
        "adjustment": ADJUSTMENT,
    },
    statuses={"success": True, "deemed": True, "failure": False, "failed": False},
)


def layouts(settings: Mapping[str, Any]) -> tuple[StatementFormat, ...]:
    """The MIS as agreed with one bank."""
    return (_format(agreed(LAYOUT, settings)),)


def _format(layout: Layout) -> StatementFormat:
    plain = table_format(layout)

    def read(file: BinaryIO) -> Iterator[Statement]:
        for statement in plain.read(file):
            statement.lines = (_ours(line) for line in statement.lines)
            yield statement

    return replace(plain, read=read)


def _ours(line: StatementLine) -> StatementLine:
    """The row in our words: ``tr`` is our reference without hyphens, and all of it is UPI."""
    reference = upi.reference_of(line.order_ref)
    order_ref = line.order_ref if reference else ""
    return line._replace(reference=reference, order_ref=order_ref, method=Method.UPI.value)


FORMATS: Final = (_format(LAYOUT),)
