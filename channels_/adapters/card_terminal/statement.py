"""The MIS file of card terminals: one row per sale, void, refund and chargeback."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO, Final

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
    *("MID", "TID", "Batch No", "Txn Type", "Txn Date", "Card No", "Card Network", "RRN"),
    *("Auth Code", "Gross Amount", "MDR", "GST", "Net Amount", "Settlement Date"),
    *("Settlement Ref", "UTR", "Original RRN", "Status"),
)

LAYOUT: Final = Layout(
    code="card-terminal-mis",
    title="MIS of card terminals",
    columns={
        "kind": ("Txn Type", "Transaction Type", "Tran Type"),
        "occurred_at": ("Txn Date", "Transaction Date", "Tran Date"),
        "network": ("Card Network", "Card Type", "Scheme"),
        "channel_ref": ("RRN", "Retrieval Ref No", "RRN No"),
        "rrn": ("RRN", "Retrieval Ref No", "RRN No"),
        "order_ref": ("Invoice No", "Auth Code", "Approval Code"),
        "amount": ("Gross Amount", "Txn Amount", "Transaction Amount"),
        "fee": ("MDR", "MSF", "Commission", "Discount"),
        "tax": ("GST", "CGST+SGST", "IGST", "GST on MDR"),
        "net": ("Net Amount", "Net Payable"),
        "settled_on": ("Settlement Date", "Payment Date", "Credit Date"),
        "settlement_ref": ("Settlement Ref", "Batch No"),
        "utr": ("UTR", "UTR No"),
        "original_ref": ("Original RRN",),
        "instrument": ("TID", "Terminal Id"),
        "status": ("Status",),
    },
    kinds={
        "sale": PAYMENT,
        "purchase": PAYMENT,
        "payment": PAYMENT,
        "void": REFUND,
        "refund": REFUND,
        "credit": REFUND,
        "chargeback": CHARGEBACK,
        "chargeback reversal": CHARGEBACK_TAKEN_BACK,
        "adjustment": ADJUSTMENT,
    },
    statuses={"settled": True, "success": True, "declined": False, "failed": False},
)


def layouts(settings: Mapping[str, Any]) -> tuple[StatementFormat, ...]:
    """The MIS as agreed with one bank."""
    return (_format(agreed(LAYOUT, settings)),) if settings.get("report") else ()


def _format(layout: Layout) -> StatementFormat:
    plain = table_format(layout)

    def read(file: BinaryIO) -> Iterator[Statement]:
        for statement in plain.read(file):
            statement.lines = map(_as_card, statement.lines)
            yield statement

    return replace(plain, read=read)


def _as_card(line: StatementLine) -> StatementLine:
    """Every row is of a card, whatever its network is called."""
    return line._replace(method=Method.CARD.value, network=line.network.lower())


FORMATS: Final = (_format(LAYOUT),)
