"""Cashfree's words and what they mean here. A word that is not listed is never guessed."""

from collections.abc import Mapping
from typing import Final

from channels_.contract import LineKind, Method, Outcome

# The event and the status that the payment inside of it must have.
PAYMENT_EVENTS: Final[Mapping[str, str]] = {
    "PAYMENT_SUCCESS_WEBHOOK": "SUCCESS",
    "PAYMENT_FAILED_WEBHOOK": "FAILED",
    "PAYMENT_USER_DROPPED_WEBHOOK": "USER_DROPPED",
}

# USER_DROPPED is documented as an end; a success after it is believed all the same.
PAYMENT_STATUS: Final[Mapping[str, Outcome]] = {
    "SUCCESS": Outcome.SUCCEEDED,
    "FAILED": Outcome.FAILED,
    "USER_DROPPED": Outcome.FAILED,
    "CANCELLED": Outcome.FAILED,
    "VOID": Outcome.FAILED,
    "PENDING": Outcome.PENDING,
    "NOT_ATTEMPTED": Outcome.PENDING,
}

GROUPS: Final[Mapping[str, Method]] = {
    "credit_card": Method.CARD,
    "debit_card": Method.CARD,
    "prepaid_card": Method.CARD,
    "credit_card_emi": Method.CARD,
    "debit_card_emi": Method.CARD,
    "net_banking": Method.NETBANKING,
    "upi": Method.UPI,
    "upi_credit_card": Method.UPI,
    "upi_ppi": Method.UPI,
    "upi_ppi_offline": Method.UPI,
    "wallet": Method.WALLET,
}

# The event and the name of its refund; the second kind is begun by the gateway itself.
REFUND_EVENTS: Final[Mapping[str, str]] = {
    "REFUND_STATUS_WEBHOOK": "refund",
    "AUTO_REFUND_STATUS_WEBHOOK": "auto_refund",
}

REFUND_STATUS: Final[Mapping[str, Outcome]] = {
    "SUCCESS": Outcome.SUCCEEDED,
    "PENDING": Outcome.PENDING,
    "ONHOLD": Outcome.PENDING,
    "CANCELLED": Outcome.FAILED,
    "FAILED": Outcome.FAILED,
}

SETTLEMENT_EVENTS: Final[Mapping[str, Outcome]] = {
    "SETTLEMENT_INITIATED": Outcome.PENDING,
    "SETTLEMENT_SUCCESS": Outcome.SUCCEEDED,
    "SETTLEMENT_FAILED": Outcome.FAILED,
    "SETTLEMENT_REVERSED": Outcome.FAILED,
}

DISPUTE_EVENTS: Final = frozenset({"DISPUTE_CREATED", "DISPUTE_UPDATED", "DISPUTE_CLOSED"})

# A dispute's status is its type and one of these; the rest of them leave it open.
DISPUTE_ENDS: Final[Mapping[str, Outcome]] = {
    "_MERCHANT_WON": Outcome.SUCCEEDED,
    "_MERCHANT_LOST": Outcome.FAILED,
    "_MERCHANT_ACCEPTED": Outcome.FAILED,
    "_INSUFFICIENT_EVIDENCE": Outcome.FAILED,
}

# Rows of the settlement recon.
ROW_KINDS: Final[Mapping[str, LineKind]] = {
    "PAYMENT": LineKind.PAYMENT,
    "REFUND": LineKind.REFUND,
    "REFUND_REVERSAL": LineKind.REFUND,
    "DISPUTE": LineKind.CHARGEBACK,
    "DISPUTE_REVERSAL": LineKind.CHARGEBACK,
    "CHARGEBACK": LineKind.CHARGEBACK,
    "CHARGEBACK_REVERSAL": LineKind.CHARGEBACK,
    "OTHER_ADJUSTMENT": LineKind.ADJUSTMENT,
}
ROW_SIGNS: Final[Mapping[str, int]] = {"CREDIT": 1, "DEBIT": -1}
TOTALS_ROW: Final = "SETTLEMENT"  # the sums of a settlement, not money of its own

# What a payment or refund must be to have moved money; the second group moved none.
ROW_COUNTS: Final[Mapping[str, bool]] = {
    "SUCCESS": True,
    "": True,
    "FAILED": False,
    "PENDING": False,
    "CANCELLED": False,
}

# An instant settlement is told twice: by its rows, and by these steps of its computation. Its
# charge and tax are real; the sum that is computed and swept out again is not.
STEP_FEES: Final = frozenset({"INSTANT_SETTLEMENT_CHARGE", "INSTANT_SETTLEMENT_TAX"})
STEPS: Final = frozenset({"INSTANT_SETTLEMENT_COMPUTE", "INSTANT_SETTLEMENT_SWEEP"})

# Answers with HTTP 400, 404 and 409 that prove nothing: an earlier try may have done it.
NO_CLEAR_NO: Final = ("idempotency", "already", "in_progress", "in progress")
