"""CCAvenue's payout file: a table in rupees, one row for each order, refund and chargeback."""

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
    code="ccavenue-csv",
    title="CCAvenue payout file",
    columns={
        "channel_ref": ("CCAvenue Ref#", "CCAvenue Reference No", "reference_no"),
        "refund_ref": ("Refund Ref No", "refund_ref_no"),
        "order_ref": ("Order No", "order_no"),
        "reference": ("Order No", "order_no"),
        "kind": ("Txn Type", "Transaction Type"),
        "currency": ("Currency", "order_currncy"),
        "amount": ("Order Amt", "Gross Amount", "order_amt"),
        "fee": ("CCAvenue Fees", "Fees", "TDR"),
        "tax": ("GST", "Service Tax", "order_tax"),
        "net": ("Payout Amount", "Net Amount", "Amt Payable"),
        "settled_on": ("Payout Date", "Settlement Date", "pay_date"),
        "occurred_at": ("Order Date", "Transaction Date"),
        "settlement_ref": ("Pay Id", "Payout Id", "pay_Id"),
        "utr": ("UTR No", "UTR"),
        "rrn": ("Bank Ref No", "order_bank_ref_no"),
        "method": ("Payment Mode", "Payment Option"),
        "network": ("Card Name",),
        "consumer_number": ("Merchant Param1",),
    },
    kinds={
        "ORDER": PAYMENT,
        "SALE": PAYMENT,
        "PAYMENT": PAYMENT,
        "REFUND": REFUND,
        "REFUND REVERSAL": REFUND_TAKEN_BACK,
        "CHARGEBACK": CHARGEBACK,
        "CHARGEBACK REVERSAL": CHARGEBACK_TAKEN_BACK,
        "ADJUSTMENT": ADJUSTMENT,
    },
    methods={
        "Credit Card": Method.CARD,
        "Debit Card": Method.CARD,
        "Net Banking": Method.NETBANKING,
        "UPI": Method.UPI,
        "Wallet": Method.WALLET,
    },
    dates=("%d/%m/%Y %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%d/%m/%Y", "%d-%m-%Y"),
)
