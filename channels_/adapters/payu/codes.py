"""PayU's words and what they mean here. A word that is not listed is never guessed."""

from collections.abc import Mapping
from typing import Final

from channels_.contract import Method, Outcome

# Only "success" is paid, as documented; every word that is not here stays pending.
STATUSES: Final[Mapping[str, Outcome]] = {
    "success": Outcome.SUCCEEDED,
    "failure": Outcome.FAILED,
    "failed": Outcome.FAILED,
    "cancel": Outcome.FAILED,
    "pending": Outcome.PENDING,
}
NOT_CAPTURED: Final = frozenset({"auth"})  # the bank agreed; the money is ours when captured

METHODS: Final[Mapping[str, Method]] = {
    "CC": Method.CARD,
    "DC": Method.CARD,
    "EMI": Method.CARD,
    "NB": Method.NETBANKING,
    "UPI": Method.UPI,
    "DBQR": Method.UPI,
    "SBQR": Method.UPI,
    "BQR": Method.UPI,
    "INTENT": Method.UPI,
    "CASH": Method.WALLET,  # PayU's word for the wallets
}

# What a failed UPI payment says in field9 when nobody knows yet: the money may still arrive.
UNDECIDED: Final = frozenset(
    {
        *("U09", "U20", "U23", "U67", "U68", "U70", "U80", "U82", "U85", "U87", "U88"),
        *("U81", "U84", "U90", "U91", "RB", "BT", "UT", "X1", "01", "96"),
    }
)

REFUND_STATUSES: Final[Mapping[str, Outcome]] = {
    "success": Outcome.SUCCEEDED,
    "failure": Outcome.FAILED,
    "failed": Outcome.FAILED,
    "queued": Outcome.PENDING,
    "requested": Outcome.PENDING,
    "in progress": Outcome.PENDING,
    "in_progress": Outcome.PENDING,
    "pending": Outcome.PENDING,
}
REFUND_ACTIONS: Final = frozenset({"refund", "cancel"})

# Codes after which no refund exists there. Others, such as 106 (token exists) and 109 (already
# logged), may speak of a refund that an earlier try of ours began: those stay unclear.
REFUSED_REFUNDS: Final = frozenset(
    {"103", "105", "110", "111", "113", "116", "117", "124", "128", "129", "230"}
)
