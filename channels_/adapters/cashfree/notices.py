"""Cashfree's webhooks: the moment and the raw body are signed together, amounts are rupees."""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from channels_ import json_strict
from channels_.adapters.cashfree.codes import (
    DISPUTE_EVENTS,
    PAYMENT_EVENTS,
    REFUND_EVENTS,
    SETTLEMENT_EVENTS,
)
from channels_.adapters.cashfree.entities import (
    Entity,
    dispute_notice,
    id_at,
    mapping,
    moment_at,
    paise_at,
    payment_notice,
    refund_notice,
    short,
)
from channels_.contract import (
    NOTHING,
    Inbound,
    Notice,
    NoticeKind,
    Setup,
    Stale,
    Unreadable,
)
from cspdcl.kernel.errors import Malformed, Unverified

SECRET: Final = "client_secret"  # noqa: S105 - the name of the secret, not the secret
SIGNATURE: Final = "x-webhook-signature"
TIMESTAMP: Final = "x-webhook-timestamp"
EVENT_KEY: Final = "x-idempotency-key"
ATTEMPT: Final = "x-webhook-attempt"

TOLERANCE: Final = 300  # seconds
RETRY_TOLERANCE: Final = 86_400

_MILLISECONDS: Final = re.compile(r"[0-9]{13}")
_EVENT_KEY: Final = re.compile(r"[A-Za-z0-9._:=/+-]{8,80}")
_AGAIN: Final = re.compile(r"[2-9]|[1-9][0-9]{1,3}")


def verify(inbound: Inbound, setup: Setup) -> None:
    """Prove that the moment and the raw body were signed with the client secret, just now."""
    secret = setup.secrets.get(SECRET, "")
    told = inbound.headers.get(TIMESTAMP, "")
    signed = told.encode() + inbound.body
    expected = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest())
    given = inbound.headers.get(SIGNATURE, "").encode()
    # The digits are asked for too: else the end of the moment could be the body's beginning.
    is_moment = _MILLISECONDS.fullmatch(told) is not None
    if not hmac.compare_digest(expected, given) or not secret or not is_moment:
        raise Unverified("x-webhook-signature does not match the moment and the body")
    age = abs((setup.at - datetime.fromtimestamp(int(told[:10]), UTC)).total_seconds())
    if age > _tolerance(inbound, setup):
        raise Stale(f"signed {round(age)} seconds from now")


def event_key(inbound: Inbound, _setup: Setup) -> str:
    """The idempotency key of newer versions, equal on every repeat; else the body's digest."""
    given = inbound.headers.get(EVENT_KEY, "")
    if _EVENT_KEY.fullmatch(given):
        return given
    return f"sha256:{hashlib.sha256(inbound.body).hexdigest()}"


def parse(inbound: Inbound, _setup: Setup) -> Sequence[Notice]:
    """What one webhook says. An event we do not know is kept as ignored, with its word."""
    envelope = json_strict.object_at(json_strict.loads(inbound.body))
    event = envelope.get("type")
    if not isinstance(event, str) or not event or len(event) > 64:
        raise Unreadable("expected the type of an event")
    data = json_strict.object_at(envelope, "data")
    if event in PAYMENT_EVENTS:
        return [_payment(event, data, moment_at(envelope, "event_time"))]
    if event in REFUND_EVENTS:
        refund = json_strict.object_at(data, REFUND_EVENTS[event])
        return [refund_notice(event, refund, moment_at(envelope, "event_time"))]
    if event in DISPUTE_EVENTS:
        return [_dispute(event, data, moment_at(envelope, "event_time"))]
    if event in SETTLEMENT_EVENTS:
        return [_settlement(event, data, moment_at(envelope, "event_time"))]
    return [Notice(kind=NoticeKind.IGNORED, event=event, code=event)]


def _tolerance(inbound: Inbound, setup: Setup) -> int:
    """A repeat may carry the moment of the first try; what it says was heard or is heard once."""
    if _AGAIN.fullmatch(inbound.headers.get(ATTEMPT, "")):
        return int(setup.settings.get("retry_tolerance_seconds", RETRY_TOLERANCE))
    return int(setup.settings.get("tolerance_seconds", TOLERANCE))


def _payment(event: str, data: Entity, at: datetime) -> Notice:
    payment = json_strict.object_at(data, "payment")
    if payment.get("payment_status") != PAYMENT_EVENTS[event]:
        raise Malformed(f"{event} tells of a payment that is {payment.get('payment_status')!r}")
    order = json_strict.object_at(data, "order")
    error = mapping(data.get("error_details"))
    return payment_notice(event, payment, order=order, error=error, at=at)


def _dispute(event: str, data: Entity, at: datetime) -> Notice:
    dispute = json_strict.object_at(data, "dispute")
    order = json_strict.object_at(data, "order_details")
    return dispute_notice(event, dispute, order=order, at=at)


def _settlement(event: str, data: Entity, at: datetime) -> Notice:
    settlement = json_strict.object_at(data, "settlement")
    utr = settlement.get("utr")  # some versions send it as a number
    return Notice(
        kind=NoticeKind.SETTLEMENT,
        event=event,
        outcome=SETTLEMENT_EVENTS[event],
        channel_ref=id_at(settlement, "settlement_id"),
        amount_paise=paise_at(settlement, "amount_settled")
        if settlement.get("amount_settled")
        else NOTHING,
        occurred_at=at,
        utr=id_at(settlement, "utr").upper() if utr not in (None, "") else "",
        code=json_strict.text_at(settlement, "status"),
        detail=short(settlement.get("reason"), 200),
    )
