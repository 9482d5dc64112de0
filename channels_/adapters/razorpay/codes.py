"""Razorpay's words and what they mean here. A word that is not listed is never guessed."""

from collections.abc import Mapping
from typing import Final

from channels_.contract import Method, Outcome

METHODS: Final[Mapping[str, Method]] = {
    "card": Method.CARD,
    "emi": Method.CARD,
    "netbanking": Method.NETBANKING,
    "upi": Method.UPI,
    "wallet": Method.WALLET,
}

TRANSFER_MODES: Final[Mapping[str, Method]] = {
    "NEFT": Method.NEFT,
    "RTGS": Method.RTGS,
    "IMPS": Method.IMPS,
}

PAYMENT_EVENTS: Final[Mapping[str, Outcome]] = {
    "payment.authorized": Outcome.PENDING,  # the bank agreed; the money is ours when captured
    "payment.captured": Outcome.SUCCEEDED,
    "order.paid": Outcome.SUCCEEDED,  # the same success once more, told of the order
    "payment.failed": Outcome.FAILED,
}

CAPTURED: Final = frozenset({"captured", "refunded"})  # refunded: captured before it went back

REFUND_EVENTS: Final[Mapping[str, Outcome]] = {
    "refund.created": Outcome.PENDING,
    "refund.processed": Outcome.SUCCEEDED,
    "refund.failed": Outcome.FAILED,
}

DISPUTE_EVENTS: Final = "payment.dispute."
SETTLEMENT_EVENT: Final = "settlement.processed"
