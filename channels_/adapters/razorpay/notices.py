"""Razorpay's webhooks: signed with the webhook secret, amounts in whole paise, in any order."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from channels_ import json_strict
from channels_.adapters.razorpay.codes import (
    CAPTURED,
    DISPUTE_EVENTS,
    METHODS,
    PAYMENT_EVENTS,
    REFUND_EVENTS,
    SETTLEMENT_EVENT,
    TRANSFER_MODES,
)
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
from cspdcl.kernel.errors import Malformed, Unverified

SECRET: Final = "webhook_secret"  # noqa: S105 - the name of the secret, not the secret

_EVENT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_REF: Final = re.compile(r"[A-Za-z0-9_]{4,64}")
_NUMBER: Final = re.compile(r"\d{6,12}")
_REFERENCE: Final = re.compile(r"[A-Za-z0-9._/-]{1,32}")
_YEAR_3000: Final = 32_503_680_000

_Entity = Mapping[str, Any]


def verify(inbound: Inbound, setup: Setup) -> None:
    """Prove that the raw body was signed with the webhook secret."""
    expected = hmac.new(setup.secrets[SECRET].encode(), inbound.body, hashlib.sha256).hexdigest()
    given = inbound.headers.get("x-razorpay-signature", "")
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise Unverified("X-Razorpay-Signature does not match the body")


def event_key(inbound: Inbound, _setup: Setup) -> str:
    """Razorpay's event id, equal on every redelivery; without one, the digest of the body."""
    given = inbound.headers.get("x-razorpay-event-id", "")
    if _EVENT_ID.fullmatch(given):
        return given
    return f"sha256:{hashlib.sha256(inbound.body).hexdigest()}"


def parse(inbound: Inbound, _setup: Setup) -> Sequence[Notice]:
    """What one webhook says. An event we do not know is kept as ignored, with its word."""
    envelope = json_strict.object_at(json_strict.loads(inbound.body))
    event = envelope.get("event")
    if not isinstance(event, str) or not event or len(event) > 64:
        raise Unreadable("expected the name of an event")
    payload = json_strict.object_at(envelope, "payload")
    at = _instant(envelope)
    if event in PAYMENT_EVENTS:
        return [_payment(event, payload, at)]
    if event in REFUND_EVENTS:
        return _refund(event, payload, at)
    if event.startswith(DISPUTE_EVENTS):
        return [_dispute(event, payload, at)]
    if event == SETTLEMENT_EVENT:
        return [_settlement(event, payload, at)]
    return [Notice(kind=NoticeKind.IGNORED, event=event, occurred_at=at, code=event)]


def _payment(event: str, payload: _Entity, at: datetime) -> Notice:
    payment = json_strict.object_at(payload, "payment", "entity")
    outcome = PAYMENT_EVENTS[event]
    status = json_strict.text_at(payment, "status")
    if outcome is Outcome.SUCCEEDED and status not in CAPTURED:
        raise Malformed(f"{event} tells of a payment that is {status!r}, not captured")
    order = payload.get("order")
    order = json_strict.object_at(order, "entity") if isinstance(order, Mapping) else {}
    return _payment_notice(event, outcome, payment, order, at)


def _payment_notice(
    event: str, outcome: Outcome, payment: _Entity, order: _Entity, at: datetime
) -> Notice:
    _rupees_only(payment)
    notes = {**_mapping(order.get("notes")), **_mapping(payment.get("notes"))}
    acquirer = _mapping(payment.get("acquirer_data"))
    is_failed = outcome is Outcome.FAILED
    return Notice(
        kind=NoticeKind.PAYMENT,
        event=event,
        outcome=outcome,
        reference=_matching(_REFERENCE, notes.get("reference"))
        or _matching(_REFERENCE, order.get("receipt")),
        channel_ref=_ref(payment, "id"),
        order_ref=_matching(_REF, payment.get("order_id")),
        amount_paise=json_strict.paise_at(payment, "amount"),
        occurred_at=at,
        method=_method(payment),
        rrn=_short(acquirer.get("rrn") or acquirer.get("bank_transaction_id"), 32),
        utr=_short(acquirer.get("utr"), 40).upper(),
        consumer_number=_matching(_NUMBER, notes.get("consumer_number")),
        bill_number=_short(notes.get("bill_number"), 20),
        payer=_payer(payment),
        code=_short(payment.get("error_reason") or payment.get("error_code"), 64)
        if is_failed
        else json_strict.text_at(payment, "status"),
        detail=_short(payment.get("error_description"), 200) if is_failed else "",
    )


def _refund(event: str, payload: _Entity, at: datetime) -> Sequence[Notice]:
    """The refund; before it its payment, which may be news when messages overtake each other."""
    refund = json_strict.object_at(payload, "refund", "entity")
    _rupees_only(refund)
    notices = []
    if isinstance(payload.get("payment"), Mapping):
        payment = json_strict.object_at(payload, "payment", "entity")
        if payment.get("captured") is True and payment.get("status") in CAPTURED:
            paid_at = _instant(payment)
            notices.append(_payment_notice(event, Outcome.SUCCEEDED, payment, {}, paid_at))
    acquirer = _mapping(refund.get("acquirer_data"))
    notices.append(
        Notice(
            kind=NoticeKind.REFUND,
            event=event,
            outcome=REFUND_EVENTS[event],
            channel_ref=_ref(refund, "payment_id"),
            refund_ref=_ref(refund, "id"),
            amount_paise=json_strict.paise_at(refund, "amount"),
            occurred_at=at,
            rrn=_short(acquirer.get("rrn") or acquirer.get("arn"), 32),
            utr=_short(acquirer.get("utr"), 40).upper(),
            code=json_strict.text_at(refund, "status"),
        )
    )
    return notices


def _dispute(event: str, payload: _Entity, at: datetime) -> Notice:
    dispute = json_strict.object_at(payload, "dispute", "entity")
    return Notice(
        kind=NoticeKind.DISPUTE,
        event=event,
        channel_ref=_ref(dispute, "payment_id"),
        amount_paise=json_strict.paise_at(dispute, "amount"),
        occurred_at=at,
        code=event.removeprefix(DISPUTE_EVENTS),
        detail=_short(dispute.get("reason_code"), 200),
    )


def _settlement(event: str, payload: _Entity, at: datetime) -> Notice:
    settlement = json_strict.object_at(payload, "settlement", "entity")
    return Notice(
        kind=NoticeKind.SETTLEMENT,
        event=event,
        channel_ref=_ref(settlement, "id"),
        occurred_at=at,
        utr=_short(settlement.get("utr"), 40).upper(),
        code=json_strict.text_at(settlement, "status"),
    )


def _method(payment: _Entity) -> Method:
    word = payment.get("method")
    if word == "bank_transfer":
        mode = _mapping(payment.get("bank_transfer")).get("mode")
        return TRANSFER_MODES.get(str(mode), Method.UNKNOWN)
    return METHODS.get(str(word), Method.UNKNOWN)


def _payer(payment: _Entity) -> str:
    vpa = payment.get("vpa") or _mapping(payment.get("upi")).get("vpa")
    last4 = _short(_mapping(payment.get("card")).get("last4"), 4)
    return _short(vpa, 120) or last4 or _short(payment.get("bank") or payment.get("wallet"), 40)


def _rupees_only(entity: _Entity) -> None:
    currency = entity.get("currency")
    if currency != INDIAN_CURRENCY:
        raise Malformed(f"expected {INDIAN_CURRENCY}, got {currency!r}")


def _instant(entity: _Entity) -> datetime:
    seconds = entity.get("created_at")
    if type(seconds) is not int or not 0 < seconds < _YEAR_3000:
        raise Malformed("expected created_at in seconds since 1970")
    return datetime.fromtimestamp(seconds, UTC)


def _ref(entity: _Entity, name: str) -> str:
    found = _matching(_REF, entity.get(name))
    if not found:
        raise Malformed(f"expected an identifier as {name}")
    return found


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    """The value when it is such a text, else nothing: a note may hold anything."""
    text = str(value).strip() if isinstance(value, str | int) else ""
    return text if pattern.fullmatch(text) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}  # empty notes come as []


def _short(value: Any, at_most: int) -> str:
    return value[:at_most] if isinstance(value, str) else ""
