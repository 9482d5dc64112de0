"""PhonePe's words and what they mean here. A word that is not listed is never guessed."""

from collections.abc import Mapping
from typing import Final

from channels_.contract import Method, Outcome

# v2: the state of an order or refund. EXPIRED and whatever comes later stays pending.
STATES: Final[Mapping[str, Outcome]] = {
    "COMPLETED": Outcome.SUCCEEDED,
    "FAILED": Outcome.FAILED,
    "PENDING": Outcome.PENDING,
    "CREATED": Outcome.PENDING,
    "CONFIRMED": Outcome.PENDING,  # a refund that was accepted
}

# Events of attempts and mandates are left out on purpose: an order outlives a failed attempt.
ORDER_EVENTS: Final = frozenset(
    {
        *("checkout.order.completed", "checkout.order.failed"),
        *("pg.order.completed", "pg.order.failed"),
        *("paylink.order.completed", "paylink.order.failed"),
    }
)
REFUND_EVENTS: Final = frozenset({"pg.refund.accepted", "pg.refund.completed", "pg.refund.failed"})

COMPLETED: Final = "COMPLETED"
FAILED: Final = "FAILED"

# v1: the code decides, and the state must agree. A time-out is not a failure.
SUCCESS_CODE: Final = "PAYMENT_SUCCESS"
FAILED_CODES: Final = frozenset({"PAYMENT_ERROR", "PAYMENT_DECLINED", "PAYMENT_CANCELLED"})
PENDING_CODE: Final = "PAYMENT_PENDING"

# A definite no. BAD_REQUEST is none of them: it may speak of an id that was used before.
REFUSED: Final = frozenset({"AUTHORIZATION_FAILED", "UNAUTHORIZED", "KEY_NOT_CONFIGURED"})
NOT_KNOWN: Final = frozenset(
    {
        *("TRANSACTION_NOT_FOUND", "INVALID_MERCHANT_ORDER_ID", "ORDER_NOT_FOUND"),
        *("REFUND_NOT_FOUND", "INVALID_MERCHANT_REFUND_ID"),
    }
)
REFUND_REFUSED: Final = frozenset({*REFUSED, *NOT_KNOWN, "REVERSAL_WINDOW_EXCEEDED"})

METHODS: Final[Mapping[str, Method]] = {
    "UPI": Method.UPI,
    "UPI_INTENT": Method.UPI,
    "UPI_COLLECT": Method.UPI,
    "UPI_QR": Method.UPI,
    "CARD": Method.CARD,
    "TOKEN": Method.CARD,
    "DEBIT_CARD": Method.CARD,
    "CREDIT_CARD": Method.CARD,
    "NETBANKING": Method.NETBANKING,
    "NET_BANKING": Method.NETBANKING,
    "WALLET": Method.WALLET,
}
