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

# The same success once more, told of what was paid: the name of it in the payload. A link that is
# paid in parts has one payment for each of them.
CREDIT_EVENTS: Final[Mapping[str, str]] = {
    "virtual_account.credited": "virtual_account",
    "qr_code.credited": "qr_code",
    "payment_link.paid": "payment_link",
    "payment_link.partially_paid": "payment_link",
}

CAPTURED: Final = frozenset({"captured", "refunded"})  # refunded: captured before it went back

# As the API answers; "authorized" is not ours yet and may still go back to the payer.
PAYMENT_STATUS: Final[Mapping[str, Outcome]] = {
    "created": Outcome.PENDING,
    "authorized": Outcome.PENDING,
    "captured": Outcome.SUCCEEDED,
    "refunded": Outcome.SUCCEEDED,
    "failed": Outcome.FAILED,
}

REFUND_EVENTS: Final[Mapping[str, Outcome]] = {
    "refund.created": Outcome.PENDING,
    "refund.processed": Outcome.SUCCEEDED,
    "refund.failed": Outcome.FAILED,
}

REFUND_STATUS: Final[Mapping[str, Outcome]] = {
    "pending": Outcome.PENDING,
    "processed": Outcome.SUCCEEDED,
    "failed": Outcome.FAILED,
}

DISPUTE_STATUS: Final[Mapping[str, Outcome]] = {
    "open": Outcome.PENDING,
    "under_review": Outcome.PENDING,
    "won": Outcome.SUCCEEDED,
    "lost": Outcome.FAILED,
}

DISPUTE_EVENTS: Final = "payment.dispute."
SETTLEMENT_EVENT: Final = "settlement.processed"

# What a refusal of a refund may say although the money is on its way by an earlier try.
NO_CLEAR_NO: Final = ("idempotency", "already", "in progress")
