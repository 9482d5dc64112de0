"""Bharat Connect (BBPS) as every form of it has it: identifiers, payment modes, answer codes.

Shared by the adapters of the XML and the JSON form, which do not know one another. No Django in it.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from channels_ import asking
from channels_.contract import AskKind, Method, ReplyCode, Setup, Stale, Unreadable
from cspdcl.kernel.errors import Malformed

CURRENCY: Final = "356"  # ISO 4217, the rupee
TXN_REF: Final = re.compile(r"[A-Z0-9]{20}")
COMPLAINT_REF: Final = re.compile(r"[A-Z0-9]{15}")

METHODS: Final[Mapping[str, Method]] = {
    "internet banking": Method.NETBANKING,
    "debit card": Method.CARD,
    "credit card": Method.CARD,
    "prepaid card": Method.CARD,
    "imps": Method.IMPS,
    "cash": Method.CASH,
    "upi": Method.UPI,
    "wallet": Method.WALLET,
    "neft": Method.NEFT,
}  # AEPS, Account Transfer, Bharat QR, USSD and Bhim Aadhaar Pay name no instrument of ours

AGREED: Final[Mapping[str, str]] = {
    **asking.AGREED,
    "consumer_params": "Names of the customer parameter that holds the consumer or business"
    " partner number (unconfirmed).",
    "tolerance_seconds": "How far the signed moment may be from ours; 300.",
    "deemed_after_seconds": "A payment this old when it comes was told to the payer as paid, and is"
    " taken without asking who the consumer is; 300, 0 is never (unconfirmed).",
    "any_day": "true in training only: a payment may be of any day, past or coming.",
    "payment_codes": "Our answer to a refused payment, as code and text by our own word, such as"
    ' {"unknown_consumer": ["BPR001", "..."]} (unconfirmed).',
}

_PARAMS: Final = ("Business Partner Number", "BP Number", "Consumer Number", "Consumer No")
_TOLERANCE: Final = 300
_DEEMED_AFTER: Final = 300
_UNTOLD_AT_MOST: Final = timedelta(days=90)
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_LETTERS: Final = re.compile(r"[^a-z0-9]+")
_NUMBER: Final = re.compile(r"[0-9]{6,12}")


class Code(NamedTuple):
    """What stands in Reason: the response, and for a refusal why."""

    response: str
    reason: str
    compliance: str = ""
    compliance_reason: str = ""


SUCCESS: Final = Code("000", "Successful")
FAILURE: Final = Code("200", "Failure")

_BFR: Final[Mapping[str, str]] = {
    "BFR001": "Incorrect / invalid customer account",
    "BFR002": "Invalid combination of customer parameters",
    "BFR003": "No bill data available",
    "BFR004": "Payment received for the billing period - no bill due",
    "BFR005": "Customer account is blocked / closed",
    "BFR006": "Customer account is not activated",
    "BFR007": "Bill due date has expired - bill details are not available",
    "BFR008": "Unable to get bill details from biller",
    "BFR009": "Incomplete details in biller system - update customer profile",
}
_FETCH: Final[Mapping[ReplyCode, str]] = {
    ReplyCode.UNKNOWN_CONSUMER: "BFR001",
    ReplyCode.NOT_ALLOWED: "BFR001",  # of the other category: not an account of this biller
    ReplyCode.MALFORMED: "BFR002",
    ReplyCode.NO_DUES: "BFR004",
    ReplyCode.INACTIVE_CONSUMER: "BFR005",
    ReplyCode.UNAVAILABLE: "BFR008",
}


def code_of(kind: AskKind, code: ReplyCode, settings: Mapping[str, Any]) -> Code:
    """The codes of an answer; a word of ours without a code of theirs is a plain failure."""
    if code is ReplyCode.OK:
        return SUCCESS
    if kind in (AskKind.DUES, AskKind.VALIDATE):
        name = _FETCH.get(code, "BFR008")
        return FAILURE._replace(compliance=name, compliance_reason=_BFR[name])
    told = settings.get("payment_codes", {}).get(code.value)
    if told is None:
        return FAILURE
    name, text = told
    return FAILURE._replace(compliance=str(name), compliance_reason=str(text))


def method_of(word: str) -> Method:
    """Our instrument for a paymentMode; a word nobody agreed on is unknown."""
    return METHODS.get(word.strip().lower(), Method.UNKNOWN)


def consumer_in(params: Mapping[str, str], settings: Mapping[str, Any]) -> str:
    """The number under the agreed parameter name; Malformed when there is none of that shape."""
    names = {_bare(name) for name in settings.get("consumer_params", _PARAMS)}
    found = {value.strip() for name, value in params.items() if _bare(name) in names}
    if len(found) != 1:
        raise Malformed("expected one customer parameter with the consumer's number")
    number = found.pop()
    if not _NUMBER.fullmatch(number):
        raise Malformed("expected a consumer's number of 6 to 12 digits")
    return number


def check_moment(moment: datetime, setup: Setup) -> None:
    """Refuse what was signed too long ago, or ahead of us."""
    tolerance = timedelta(seconds=setup.settings.get("tolerance_seconds", _TOLERANCE))
    if abs(setup.at - moment) > tolerance:
        raise Stale(f"signed at {moment.isoformat()}, more than {tolerance} from now")


def check_paid_at(paid_at: datetime, setup: Setup) -> None:
    """Refuse a payment of tomorrow, or of a time that no unit has left untold."""
    if setup.settings.get("any_day") is True:
        return
    if not setup.at - _UNTOLD_AT_MOST <= paid_at <= setup.at + _CLOCKS_DIFFER:
        raise Malformed(f"a payment of {paid_at.isoformat()} cannot come now")


def is_deemed(paid_at: datetime, setup: Setup) -> bool:
    """Whether a payment is so old that the payer was told it is paid, whatever we say."""
    after = setup.settings.get("deemed_after_seconds", _DEEMED_AFTER)
    return bool(after) and setup.at - paid_at > timedelta(seconds=after)


def txn_ref(text: str) -> str:
    """A txnReferenceId: twenty letters and digits, which name the payment everywhere."""
    if not TXN_REF.fullmatch(text):
        raise Unreadable("expected a txnReferenceId of 20 letters and digits")
    return text


def instant(text: str, name: str) -> datetime:
    """A moment in ISO 8601 with an offset."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed(f"{name}: expected ISO 8601, got {text[:40]!r}") from error
    if found.tzinfo is None:
        raise Malformed(f"{name}: expected an offset such as +05:30")
    return found


def _bare(name: str) -> str:
    return _LETTERS.sub("", name.lower())
