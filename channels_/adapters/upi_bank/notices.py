"""The bank's callbacks: proved, opened and read."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from channels_ import json_strict, upi
from channels_.adapters.upi_bank import wire
from channels_.adapters.upi_bank.codes import KINDS
from channels_.contract import (
    INDIAN_CURRENCY,
    Inbound,
    Method,
    Notice,
    NoticeKind,
    Outcome,
    Setup,
    Stale,
    Unreadable,
    WrongMerchant,
)
from cspdcl.kernel.errors import Malformed, Unverified
from cspdcl.kernel.money import NotMoney, Paise, paise_from_rupees

KEY: Final = "callback_key"  # the name of the secret
HMAC: Final = "hmac"
GCM: Final = "aes_gcm"
CBC: Final = "aes_cbc"

_TOLERANCE: Final = 300
_EVENT_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,80}")
_ID: Final = re.compile(r"[A-Za-z0-9]{1,35}")
_PRINTED: Final = re.compile(r"CA(\d{6,12})B[A-Za-z0-9]*")  # tr of the code printed on a bill
_SECONDS: Final = re.compile(r"[0-9]{10}")


def verify(inbound: Inbound, setup: Setup) -> None:
    """Prove that the bank sent it, now, and to us."""
    key, mode = setup.secrets.get(KEY, ""), _mode(setup)
    if not key:
        raise Unverified("no callback key is in force")
    if mode == HMAC:
        stamp = inbound.headers.get("x-timestamp", "")
        given = inbound.headers.get("x-signature", "")
        if not wire.is_mac(given, key, stamp.encode(), inbound.body):
            raise Unverified("X-Signature does not match the timestamp and the body")
        _check_moment(stamp, setup)
    try:
        said = opened(inbound, setup)
    except Unreadable:
        if mode == HMAC:
            return  # signed by the bank: the door says what is wrong with its shape
        raise Unverified("the envelope does not open with the key in force") from None
    if setup.merchant_id and said.get("merchantId") != setup.merchant_id:
        raise WrongMerchant("merchantId is not ours")


def event_key(inbound: Inbound, setup: Setup) -> str:
    """The bank's own id of the callback."""
    key = opened(inbound, setup).get("eventId")
    if not isinstance(key, str) or not _EVENT_ID.fullmatch(key):
        raise Unreadable("expected an eventId of letters, digits and . _ : -")
    if _mode(setup) == CBC:
        # Not proved: whoever guesses the next one must not take its place.
        return f"sha256:{hashlib.sha256(inbound.body).hexdigest()}"
    return key


def parse(inbound: Inbound, setup: Setup) -> Sequence[Notice]:
    """The one fact of a callback."""
    event_key(inbound, setup)
    return [notice_of(opened(inbound, setup), setup, confirm=_mode(setup) == CBC)]


def opened(inbound: Inbound, setup: Setup) -> Mapping[str, Any]:
    """The bank's object, out of its envelope where it has one."""
    mode = _mode(setup)
    body = inbound.body
    if mode != HMAC:
        body = wire.unseal(body, mode=mode, key=setup.secrets.get(KEY, ""))
    return json_strict.object_at(json_strict.loads(body))


def notice_of(said: Mapping[str, Any], setup: Setup, *, confirm: bool = False) -> Notice:
    """What one object of the bank says, in a callback or an answer."""
    word = json_strict.text_at(said, "type", at_most=20)
    kind = KINDS.get(word)
    if kind is None:
        return Notice(kind=NoticeKind.IGNORED, event=word or "nothing", code=word)
    if json_strict.text_at(said, "currency") != INDIAN_CURRENCY:
        raise Malformed(f"expected {INDIAN_CURRENCY} as currency")
    code = upi.response(
        json_strict.text_at(said, "responseCode", at_most=16),
        agreed=setup.settings.get("codes") or {},
    )
    rrn = json_strict.text_at(said, "bankRRN")
    if rrn and not upi.is_rrn(rrn):
        raise Malformed("expected twelve digits as bankRRN")
    if kind is NoticeKind.REFUND:
        return _refund(said, code, rrn)
    return _payment(said, code, rrn, confirm=confirm)


def _payment(said: Mapping[str, Any], code: upi.ResponseCode, rrn: str, *, confirm: bool) -> Notice:
    told = _id(said, "merchantTranId")
    ref = rrn or _id(said, "upiTranId")
    if code.outcome is Outcome.SUCCEEDED and not rrn:
        raise Malformed("expected the bankRRN of a payment that succeeded")
    if code.outcome is Outcome.FAILED:
        ref = ref or told
    reference = upi.reference_of(told)
    printed = _PRINTED.fullmatch(told)
    payer = json_strict.text_at(said, "payerVA", at_most=320)
    return Notice(
        kind=NoticeKind.PAYMENT,
        event=f"pay {code.code or '-'}",
        outcome=code.outcome,
        reference=reference,
        channel_ref=ref,
        # The printed code of a counter has one tr for everybody: no order of anybody's.
        order_ref=told if reference else "",
        amount_paise=_amount(said),
        occurred_at=_instant(said),
        method=Method.UPI,
        rrn=rrn,
        consumer_number=printed[1] if printed else "",
        payer=payer if upi.is_vpa(payer) else "",
        code=code.code,
        detail=code.text,
        confirm=confirm,
    )


def _refund(said: Mapping[str, Any], code: upi.ResponseCode, rrn: str) -> Notice:
    original = json_strict.text_at(said, "originalRRN")
    if not upi.is_rrn(original):
        raise Malformed("expected twelve digits as originalRRN")
    return Notice(
        kind=NoticeKind.REFUND,
        event=f"refund {code.code or '-'}",
        outcome=code.outcome,
        channel_ref=original,
        refund_ref=_id(said, "refundId") or _missing("refundId"),
        amount_paise=_amount(said),
        occurred_at=_instant(said),
        method=Method.UPI,
        rrn=rrn,
        code=code.code,
        detail=code.text,
    )


def _mode(setup: Setup) -> str:
    mode = setup.settings.get("callback", HMAC)
    if mode not in (HMAC, GCM, CBC):
        raise Unverified("settings: callback is none of hmac, aes_gcm, aes_cbc")
    return str(mode)


def _check_moment(stamp: str, setup: Setup) -> None:
    if not _SECONDS.fullmatch(stamp):
        raise Unverified("expected seconds since 1970 as X-Timestamp")
    tolerance = setup.settings.get("tolerance_seconds", _TOLERANCE)
    if abs(setup.at - datetime.fromtimestamp(int(stamp), setup.at.tzinfo)) > timedelta(
        seconds=tolerance
    ):
        raise Stale("X-Timestamp is too far from now")


def _id(said: Mapping[str, Any], name: str) -> str:
    found = json_strict.text_at(said, name)
    if found and not _ID.fullmatch(found):
        raise Malformed(f"expected at most 35 letters and digits as {name}")
    return found


def _missing(name: str) -> str:
    raise Malformed(f"expected an identifier as {name}")


def _amount(said: Mapping[str, Any]) -> Paise:
    try:
        amount = paise_from_rupees(json_strict.text_at(said, "amount", at_most=20))
    except NotMoney as error:
        raise Malformed(f"amount: {error}") from error
    if amount <= 0:
        raise Malformed("expected an amount above zero")
    return amount


def _instant(said: Mapping[str, Any]) -> datetime | None:
    text = json_strict.text_at(said, "completedAt", at_most=40)
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed(f"completedAt: expected ISO 8601, got {text!r}") from error
    if instant.tzinfo is None:
        raise Malformed("completedAt: expected an offset such as +05:30")
    return instant


def document(said: Mapping[str, Any]) -> bytes:
    """An object as the bank writes it."""
    return json.dumps(said, separators=(",", ":")).encode()
