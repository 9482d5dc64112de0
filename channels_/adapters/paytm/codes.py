"""Paytm's words and what they mean here. A word that is not listed is never guessed."""

from collections.abc import Mapping
from typing import Final

from channels_.contract import Method, Outcome

STATUSES: Final[Mapping[str, Outcome]] = {
    "TXN_SUCCESS": Outcome.SUCCEEDED,
    "TXN_FAILURE": Outcome.FAILED,
    "PENDING": Outcome.PENDING,
}
SUCCESS_CODE: Final = "01"

# A status answer TXN_FAILURE is final with these codes only. The others speak of the question
# (bad order, bad merchant, server down), not of the payment.
FAILED_CODES: Final = frozenset({"227", "235", "267", "295", "401", "810", "820", "843"})
NO_SUCH_ORDER: Final = frozenset({"331", "334"})
NO_RECORD: Final = "NO_RECORD_FOUND"

PAYMENT_TYPES: Final = frozenset({"", "SALE", "QR_PAYMENT"})
REFUND_TYPE: Final = "REFUND"

# Webhooks of refunds say SUCCESS both when the refund is accepted and when it is done.
REFUND_STATUSES: Final[Mapping[str, Outcome]] = {
    **STATUSES,
    "SUCCESS": Outcome.SUCCEEDED,
    "FAILED": Outcome.FAILED,
    "FAILURE": Outcome.FAILED,
}

# Refused before anything happened: nothing goes back under this reference.
REFUND_DECLINED: Final = frozenset(
    {
        *("330", "335", "600", "607", "619", "626", "627", "635"),  # bad request, amount, state
        *("402", "403"),  # not allowed for this merchant
    }
)
# It was asked before: what became of it is for the status call to say.
REFUND_KNOWN: Final = frozenset({"325", "617", "628", "629"})
REFUND_FAILED_CODES: Final = frozenset({"600", "607", "619", "627", "635"})
NO_SUCH_REFUND: Final = frozenset({"331", "631"})

METHODS: Final[Mapping[str, Method]] = {
    "CC": Method.CARD,
    "DC": Method.CARD,
    "EMI": Method.CARD,
    "EMI_DC": Method.CARD,
    "NB": Method.NETBANKING,
    "UPI": Method.UPI,
    "PPI": Method.WALLET,
    "BALANCE": Method.WALLET,
    "NEFT": Method.NEFT,
    "RTGS": Method.RTGS,
    "IMPS": Method.IMPS,
}
