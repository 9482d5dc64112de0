"""An agency's daily file: what it took, what it keeps, and the transfer that brings the rest."""

from collections.abc import Mapping
from typing import Any, Final

from channels_.contract import Method, StatementFormat
from channels_.formats.table import ADJUSTMENT, PAYMENT, REFUND, Layout, agreed, table_format

HEADER: Final = (
    *("Txn Id", "Reference", "Type", "Paid At", "Consumer Number", "Method", "Amount"),
    *("Commission", "GST", "Net Amount", "Settlement Date", "Settlement Ref", "UTR", "RRN"),
    *("Instrument", "Original Txn Id", "Remarks"),
)

LAYOUT: Final = Layout(
    code="agency-daily",
    title="Daily file of an agency",
    columns={
        "channel_ref": ("Txn Id", "Transaction Id", "Txn No", "Transaction No"),
        "reference": ("Reference", "Company Reference", "Our Reference"),
        "kind": ("Type", "Txn Type", "Transaction Type"),
        "occurred_at": ("Paid At", "Txn Date", "Transaction Date", "Date Time"),
        "consumer_number": ("Consumer Number", "Consumer No", "BP No", "Account No"),
        "method": ("Method", "Payment Mode", "Mode"),
        "amount": ("Amount", "Gross Amount", "Bill Amount", "Collected Amount"),
        "fee": ("Commission", "Charges", "Service Charge"),
        "tax": ("GST", "CGST+SGST", "IGST", "GST on Commission"),
        "net": ("Net Amount", "Payable Amount", "Remitted Amount"),
        "settled_on": ("Settlement Date", "Remittance Date", "File Date"),
        "settlement_ref": ("Settlement Ref", "Batch No", "Remittance No"),
        "utr": ("UTR", "UTR No", "Remittance UTR"),
        "rrn": ("RRN",),
        "instrument": ("Instrument", "Cheque No", "Instrument No"),
        "original_ref": ("Original Txn Id",),
        "narration": ("Remarks", "Narration"),
    },
    kinds={
        "payment": PAYMENT,
        "collection": PAYMENT,
        "refund": REFUND,
        "reversal": REFUND,
        "adjustment": ADJUSTMENT,
    },
    methods={
        "cash": Method.CASH.value,
        "cheque": Method.CHEQUE.value,
        "chq": Method.CHEQUE.value,
        "dd": Method.DEMAND_DRAFT.value,
        "debit card": Method.CARD.value,
        "credit card": Method.CARD.value,
        "net banking": Method.NETBANKING.value,
    },
)

FORMATS: Final = (table_format(LAYOUT),)


def layouts(settings: Mapping[str, Any]) -> tuple[StatementFormat, ...]:
    """The daily file as agreed with one agency."""
    return (table_format(agreed(LAYOUT, settings)),) if settings.get("report") else ()
