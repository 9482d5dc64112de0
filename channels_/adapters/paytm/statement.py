"""Paytm's settlement report: a CSV in rupees, one row for each payment, refund and chargeback."""

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
    code="paytm-csv",
    title="Paytm settlement report",
    columns={
        "channel_ref": ("Transaction_ID", "transactionId"),
        "refund_ref": ("Refund_ID", "refundId"),
        "order_ref": ("Order_ID", "orderId"),
        "reference": ("Order_ID", "orderId"),
        "kind": ("Transaction_Type", "transactionType"),
        "status": ("Status",),
        "amount": ("Amount",),
        "fee": ("Commission",),
        "tax": ("GST",),
        "net": ("Settled_Amount", "settledAmount"),
        "settled_on": ("Settled_Date", "Payout_Date"),
        "occurred_at": ("Transaction_Date", "transactionDate"),
        "utr": ("UTR_No.", "utr"),
        "rrn": ("Bank_Transaction_ID",),
        "settlement_ref": ("Payout_ID", "payoutId"),
        "method": ("Payment_Mode",),
        "network": ("Issuing_Bank",),
        "consumer_number": ("Merchant_Unique_Ref", "merchantUniqueRef"),
    },
    kinds={
        "ACQUIRING": PAYMENT,
        "SALE": PAYMENT,
        "REFUND": REFUND,
        "REFUND_REVERSAL": REFUND_TAKEN_BACK,
        "CHARGEBACK": CHARGEBACK,
        "CHARGEBACK_REVERSAL": CHARGEBACK_TAKEN_BACK,
        "REPAYMENT": ADJUSTMENT,
        "ADJUSTMENT": ADJUSTMENT,
    },
    statuses={"SUCCESS": True, "PENDING": False, "FAILURE": False},
    methods={
        "CC": Method.CARD,
        "DC": Method.CARD,
        "EMI": Method.CARD,
        "NB": Method.NETBANKING,
        "UPI": Method.UPI,
        "PPI": Method.WALLET,
    },
    dates=("%d-%m-%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d-%m-%Y", "%d/%m/%Y"),
)
