"""CCAvenue's returns and event notifications: one encrypted text of names and values."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from channels_ import form_strict
from channels_.adapters.ccavenue import cipher
from channels_.adapters.ccavenue.codes import METHODS, STATUSES
from channels_.contract import (
    INDIAN_CURRENCY,
    Inbound,
    Method,
    Notice,
    NoticeKind,
    Outcome,
    Setup,
    Unreadable,
)
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed, Unverified
from cspdcl.kernel.money import Paise, paise_from_rupees

SETTINGS: Final[Mapping[str, str]] = {
    "access_code": "The access code that CCAvenue gave together with the working key.",
    "cipher": "aes-128-cbc, or aes-256-gcm for newer accounts (its layout is unconfirmed).",
    "api_version": "The version of the API; 1.1 unless told.",
    "pay_url": "Where the payer's browser posts the order; CCAvenue's own address unless told.",
    "report": "Columns, words and dates of the payout file where they differ (unconfirmed).",
}

ENCRYPTED: Final = "encResp"
PLAIN_ORDER: Final = "orderNo"

_REF: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NUMBER: Final = re.compile(r"[0-9]{6,12}")
_RETURNED: Final = "%d/%m/%Y %H:%M:%S"
_FROM_API: Final = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d{1,6})?")
_NOTHING: Final = frozenset({"", "null", "NULL", "na", "NA"})

_Fields = Mapping[str, Any]


def verify(inbound: Inbound, setup: Setup) -> None:
    """Prove that the text was encrypted with our working key, for the order it is said to be of."""
    try:
        form = form_strict.loads(inbound.body)
        fields = _split(cipher.decrypt(form.get(ENCRYPTED, ""), setup))
    except Malformed as error:
        raise Unverified(f"no encrypted message: {error}") from error
    named = [value for name, value in fields if name == "order_id"]
    if not named or "order_status" not in dict(fields):
        raise Unverified("the text inside is none of an order")
    if form.get(PLAIN_ORDER, named[0]) != named[0]:
        raise Unverified("the message is said to be of another order than the text inside")


def parse(inbound: Inbound, setup: Setup) -> Sequence[Notice]:
    """What one message says of its order. Without a MAC it is only a reason to ask."""
    try:
        text = cipher.decrypt(form_strict.loads(inbound.body).get(ENCRYPTED, ""), setup)
    except Unverified as error:
        raise Unreadable(f"expected an encrypted text as {ENCRYPTED}: {error}") from error
    pairs = _split(text)
    fields = dict(pairs)
    if "order_id" not in fields or "order_status" not in fields:
        raise Unreadable("expected order_id and order_status inside")
    if len(fields) != len(pairs):
        # The payer types some of the values; a second order_status would be the payer's own.
        raise Malformed("a name stands twice in the text")
    told = {
        "order": fields["order_id"],
        "ref": fields.get("tracking_id"),
        "status": fields["order_status"],
        "amount": fields.get("amount"),
        "currency": fields.get("currency"),
        "bank_ref": fields.get("bank_ref_no"),
        "mode": fields.get("payment_mode"),
        "at": _returned_at(fields.get("trans_date")),
        "consumer": fields.get("merchant_param1"),
        "bill": fields.get("merchant_param2"),
        "code": fields.get("response_code") or fields.get("status_code"),
        "detail": fields.get("failure_message") or fields.get("status_message"),
    }
    return [notice_of(told, event="return", confirm=not cipher.proves(setup))]


def notice_of(told: _Fields, *, event: str, confirm: bool = False) -> Notice:
    """A payment, from a return or from the API, in the names that both are brought to."""
    status = text_of(told["status"])
    outcome = STATUSES.get(status.lower(), Outcome.PENDING)
    currency = text_of(told["currency"])
    if currency != INDIAN_CURRENCY:
        raise Malformed(f"expected {INDIAN_CURRENCY}, got {currency!r}")
    order = ref_of(told["order"], "the order's number")
    channel_ref = text_of(told["ref"])
    if not channel_ref and outcome is Outcome.SUCCEEDED:
        raise Malformed("expected CCAvenue's number of a payment that succeeded")
    is_failed = outcome is Outcome.FAILED
    return Notice(
        kind=NoticeKind.PAYMENT,
        event=event,
        outcome=outcome,
        reference=order,
        # An order that never became a payment there goes by our own number; a success has theirs.
        channel_ref=ref_of(channel_ref or order, "CCAvenue's number"),
        order_ref=order,
        amount_paise=paise_of(told["amount"]),
        occurred_at=told["at"],
        method=METHODS.get(text_of(told["mode"]).lower(), Method.UNKNOWN),
        rrn=text_of(told["bank_ref"])[:32],
        consumer_number=_matching(_NUMBER, told["consumer"]),
        bill_number=_matching(_REF, told["bill"])[:20],
        code=(text_of(told["code"]) or status)[:64] if is_failed else status[:64],
        detail=text_of(told["detail"])[:200] if is_failed else "",
        confirm=confirm,
    )


def text_of(value: Any) -> str:
    """A value as text; numbers of JSON as they were written, "null" as nothing."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, Decimal):
        value = format(value, "f")
    text = str(value).strip() if isinstance(value, str | int) else ""
    return "" if text in _NOTHING else text


def ref_of(value: Any, what: str) -> str:
    """An identifier that must be there."""
    found = _matching(_REF, value)
    if not found:
        raise Malformed(f"expected an identifier as {what}")
    return found


def paise_of(value: Any) -> Paise:
    """An amount above zero in rupees, as text or as a number of JSON."""
    if isinstance(value, Decimal):
        # The API writes up to four decimals; more than zeros behind the second is no money.
        value = format(value.normalize(), "f")
    try:
        paise = paise_from_rupees(text_of(value))
    except ValueError as error:
        raise Malformed(f"amount: {error}") from error
    if paise <= 0:
        raise Malformed("expected an amount above zero")
    return paise


def moment_of(value: Any) -> datetime | None:
    """A moment as the API writes it, on India's clock."""
    text = text_of(value)
    if not text:
        return None
    if not _FROM_API.fullmatch(text):
        raise Malformed(f"expected a moment like 2026-08-18 11:05:00.0, got {text[:40]!r}")
    whole, _point, part = text.partition(".")
    try:
        found = datetime.fromisoformat(whole)
    except ValueError as error:
        raise Malformed(f"no such moment: {text!r}") from error
    return found.replace(microsecond=int(part.ljust(6, "0") or 0), tzinfo=INDIA)


def _returned_at(value: str | None) -> datetime | None:
    text = text_of(value)
    if not text:
        return None
    try:
        return datetime.strptime(text, _RETURNED).replace(tzinfo=INDIA)
    except ValueError as error:
        raise Malformed(f"expected a moment like 18/08/2026 11:05:00, got {text[:40]!r}") from error


def _split(text: str) -> list[tuple[str, str]]:
    """The names and values of the text, which nobody escapes: a lone part goes on with the last."""
    pairs: list[tuple[str, str]] = []
    for part in text.split("&"):
        name, equals, value = part.partition("=")
        if equals and re.fullmatch(r"[A-Za-z0-9_]{1,64}", name):
            pairs.append((name, value))
        elif pairs:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]}&{part}")
    if "\0" in text:
        raise Unreadable("a value holds NUL")
    return pairs


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    text = text_of(value)
    return text if pattern.fullmatch(text) else ""
