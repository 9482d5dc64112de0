"""PhonePe's settlement report: a CSV in rupees, one row for each payment and refund."""

from typing import Final

from channels_.contract import Method
from channels_.formats.table import (
    ADJUSTMENT,
    CHARGEBACK,
    CHARGEBACK_TAKEN_BACK,
    PAYMENT,
    REFUND,
    REFUND_TAKEN_BACK,
    Layout,
)

# The names of the columns are unconfirmed; settings may name others.
LAYOUT: Final = Layout(
    code="phonepe-csv",
    title="PhonePe settlement report",
    columns={
        "kind": ("PaymentType", "TransactionType"),
        "reference": ("MerchantReferenceId", "MerchantOrderId"),
        "order_ref": ("MerchantReferenceId", "MerchantOrderId"),
        "channel_ref": ("PhonePeReferenceId", "PhonePeTransactionId"),
        "original_ref": ("OriginalPhonePeReferenceId", "OriginalTransactionId"),
        "method": ("From", "Instrument", "PaymentMode"),
        "occurred_at": ("TransactionDate", "CreationDate"),
        "settled_on": ("SettlementDate",),
        "utr": ("BankReferenceNo", "SettlementUTR"),
        "settlement_ref": ("SettlementId",),
        "amount": ("Amount", "TransactionAmount"),
        "fee": ("Fee", "Fees"),
        "tax": ("IGST+CGST+SGST", "GST"),
        "net": ("NetAmount", "SettledAmount"),
        "consumer_number": ("Udf1",),
    },
    kinds={
        "PAYMENT": PAYMENT,
        "FORWARD": PAYMENT,
        "REFUND": REFUND,
        "REVERSAL": REFUND,
        "REFUND_REVERSAL": REFUND_TAKEN_BACK,
        "CHARGEBACK": CHARGEBACK,
        "CHARGEBACK_REVERSAL": CHARGEBACK_TAKEN_BACK,
        "ADJUSTMENT": ADJUSTMENT,
    },
    methods={
        "UPI": Method.UPI,
        "ACCOUNT": Method.UPI,
        "CARD": Method.CARD,
        "CREDIT_CARD": Method.CARD,
        "DEBIT_CARD": Method.CARD,
        "NET_BANKING": Method.NETBANKING,
        "NETBANKING": Method.NETBANKING,
        "WALLET": Method.WALLET,
    },
    dates=("%d-%m-%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d-%m-%Y", "%d/%m/%Y"),
)
