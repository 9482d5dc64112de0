"""CCAvenue's words and what they mean here. A word that is not listed is never guessed."""

from collections.abc import Mapping
from typing import Final

from channels_.contract import Method, Outcome

# In lower case: the return and the API write the same words differently. Timeout, Awaited, Fraud
# and System refund are left to a question or a person.
STATUSES: Final[Mapping[str, Outcome]] = {
    "success": Outcome.SUCCEEDED,
    "successful": Outcome.SUCCEEDED,
    "shipped": Outcome.SUCCEEDED,  # confirmed: it will be paid out
    "refunded": Outcome.SUCCEEDED,  # it was paid before it went back
    "chargeback": Outcome.SUCCEEDED,
    "failure": Outcome.FAILED,
    "unsuccessful": Outcome.FAILED,
    "aborted": Outcome.FAILED,
    "invalid": Outcome.FAILED,
    "cancelled": Outcome.FAILED,
    "auto-cancelled": Outcome.FAILED,
    "auto-reversed": Outcome.FAILED,
    "initiated": Outcome.PENDING,
    "awaited": Outcome.PENDING,
    "timeout": Outcome.PENDING,
}
REFUNDED: Final = "refunded"

# payment_mode of the return and order_option_type of the API, in lower case.
METHODS: Final[Mapping[str, Method]] = {
    "credit card": Method.CARD,
    "debit card": Method.CARD,
    "emi": Method.CARD,
    "net banking": Method.NETBANKING,
    "netbanking": Method.NETBANKING,
    "upi": Method.UPI,
    "unified payments": Method.UPI,
    "wallet": Method.WALLET,
    "optcrdc": Method.CARD,
    "optdbcrd": Method.CARD,
    "optemi": Method.CARD,
    "optnbk": Method.NETBANKING,
    "optupi": Method.UPI,
    "optwlt": Method.WALLET,
}

# What a refusal of a refund says when it may have been done by an earlier try.
DONE_BEFORE: Final = ("already", "duplicate", "exist")
# What the API says of an order that never reached it.
NO_RECORD: Final = ("no record", "not found")
