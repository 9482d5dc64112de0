"""BillDesk's words in both protocols. A word that is not listed is never guessed."""

from collections.abc import Mapping
from typing import Final

from channels_.contract import Method, Outcome

# Only 0300 is paid. 0002 waits for the bank and 0001 is BillDesk's own trouble: both are asked for.
AUTH_STATUSES: Final[Mapping[str, Outcome]] = {
    "0300": Outcome.SUCCEEDED,
    "0399": Outcome.FAILED,
    "0398": Outcome.FAILED,  # the payer gave up (unconfirmed: the settings may say otherwise)
    "0002": Outcome.PENDING,
    "0001": Outcome.PENDING,
}
NOT_ATTEMPTED: Final = frozenset({"", "NA"})

# TxnType of the pipe message.
TXN_TYPES: Final[Mapping[str, Method]] = {
    "01": Method.NETBANKING,
    "02": Method.CARD,
    "03": Method.CARD,
    "05": Method.WALLET,
    "06": Method.IMPS,
    "08": Method.CARD,
    "10": Method.UPI,
}
# payment_method_type of the API.
METHOD_TYPES: Final[Mapping[str, Method]] = {
    "netbanking": Method.NETBANKING,
    "card": Method.CARD,
    "creditcard": Method.CARD,
    "debitcard": Method.CARD,
    "credit_card": Method.CARD,
    "debit_card": Method.CARD,
    "upi": Method.UPI,
    "wallet": Method.WALLET,
    "wallets": Method.WALLET,
    "imps": Method.IMPS,
}

# 0699 is a cancellation before the settlement, 0799 a refund after it (unconfirmed).
REFUND_STATUSES: Final[Mapping[str, Outcome]] = {
    "0699": Outcome.SUCCEEDED,
    "0799": Outcome.SUCCEEDED,
}

# What an error answer must call itself, to be a definite no: the request was not even taken.
REFUSALS: Final = frozenset({"invalid_data_error"})
RUPEES: Final = frozenset({"356", "INR"})
