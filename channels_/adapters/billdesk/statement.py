"""BillDesk's MIS: a table whose columns each contract names in its own way (all unconfirmed).

The usual names are known here; ``report`` in the settings names the others. A report without a
column for the kind writes what went back with a minus sign. Without a payout's id or UTR, the
settlement date is what holds the rows of one credit together.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO, Final

from channels_.contract import LineKind, Statement, StatementFormat, StatementLine
from channels_.formats.table import (
    ADJUSTMENT,
    CHARGEBACK,
    CHARGEBACK_TAKEN_BACK,
    PAYMENT,
    REFUND,
    REFUND_TAKEN_BACK,
    Layout,
    Word,
    agreed,
    table_format,
)

LAYOUT: Final = Layout(
    code="billdesk-mis",
    title="BillDesk MIS",
    columns={
        "channel_ref": ("PGI Ref. No.", "PGI Reference No", "Transaction Id", "Txn Reference No"),
        "refund_ref": ("Refund Id", "Refund Ref No"),
        "order_ref": ("Order Id", "Ref. 1", "Customer Id"),
        "kind": ("Record Type", "Transaction Type"),
        "amount": ("Gross Amount(Rs.Ps)", "Gross Amount"),
        "fee": ("Charges (Rs.Ps)", "Charges"),
        "tax": ("GST (Rs Ps)", "GST", "CGST+SGST+IGST", "Service Tax (Rs.Ps)"),
        "net": ("Net Amount(Rs.Ps)", "Net Amount"),
        "settled_on": ("Settlement Date", "Date of Settlement"),
        "occurred_at": ("Date of Txn", "Transaction Date"),
        "utr": ("UTR No", "UTR", "Payout UTR"),
        "settlement_ref": ("Payout Id", "Settlement Id", "UTR No", "UTR", "Settlement Date"),
        "rrn": ("Bank Ref. No.", "Bank Reference No"),
        "method": ("Payment Mode", "Txn Type", "Payment Method"),
        "consumer_number": ("Consumer Number", "Ref. 2"),
    },
    kinds={
        "payment": PAYMENT,
        "sale": PAYMENT,
        "refund": REFUND,
        "refund reversal": REFUND_TAKEN_BACK,
        "chargeback": CHARGEBACK,
        "chargeback reversal": CHARGEBACK_TAKEN_BACK,
        "adjustment": ADJUSTMENT,
    },
    no_kind=Word(LineKind.PAYMENT, 0),
    methods={
        **dict.fromkeys(("01", "1", "nb", "netbanking", "net banking"), "netbanking"),
        **dict.fromkeys(("02", "2", "03", "3", "08", "8", "cc", "dc"), "card"),
        **dict.fromkeys(("credit card", "debit card", "rupay"), "card"),
        **dict.fromkeys(("05", "5", "wallet", "mobile wallet"), "wallet"),
        **dict.fromkeys(("06", "6", "imps"), "imps"),
        **dict.fromkeys(("10", "upi"), "upi"),
    },
    dates=(
        *("%d-%m-%Y %H:%M:%S", "%d-%m-%Y", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y"),
        *("%d-%b-%Y %H:%M:%S", "%d-%b-%Y", "%Y%m%d"),
    ),
)


def layouts(settings: Mapping[str, Any]) -> tuple[StatementFormat, ...]:
    """The format with what was agreed on for this channel."""
    known = table_format(agreed(LAYOUT, settings))

    def read(file: BinaryIO) -> Iterator[Statement]:
        for statement in known.read(file):
            statement.lines = _by_sign(statement.lines)
            yield statement

    return (StatementFormat(code=known.code, title=known.title, sniff=known.sniff, read=read),)


def _by_sign(lines: Iterable[StatementLine]) -> Iterator[StatementLine]:
    """What is below zero without a word for it went back, and never came in."""
    for line in lines:
        if line.kind is LineKind.PAYMENT and line.amount_paise < 0:
            yield line._replace(
                kind=LineKind.REFUND,
                key=f"{LineKind.REFUND.value}:{line.key}",
                original_ref=line.original_ref or line.channel_ref,
            )
        else:
            yield line
