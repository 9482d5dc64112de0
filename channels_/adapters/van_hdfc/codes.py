"""The bank's names of fields, in their spellings, and our words for its Status."""

from collections.abc import Mapping
from typing import Final

IN: Final = "Virtual Account Number Verification IN"
OUT: Final = "Virtual Account Number Verification OUT"
STATUS: Final = "Status"
REASON: Final = "Reject Reason"

# Names are compared by their letters only.
FIELDS: Final[Mapping[str, str]] = {
    "clientcode": "client",
    "virtualaccountnumber": "account",
    "transactionamount": "amount",
    "utrnumber": "utr",
    "utr": "utr",
    "sendername": "name",
    "remittername": "name",
    "date": "day",
    "senderifsccode": "ifsc",
    "senderifsc": "ifsc",
    "remitteraccountnumber": "payer",
    "mode": "mode",
    "sendertoreceiverinformation": "remark",
    "stri": "remark",
}

DATE_FORMATS: Final = ("%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y", "%Y%m%d")

ACCEPTED: Final = "accepted"
DUPLICATE: Final = "duplicate"
REJECTED: Final = "rejected"
WORDS: Final[Mapping[str, str]] = {
    ACCEPTED: "Success",
    DUPLICATE: "Duplicate",
    REJECTED: "Reject",
}
