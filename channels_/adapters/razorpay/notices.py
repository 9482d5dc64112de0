"""Razorpay's webhooks: signed with the webhook secret, amounts in whole paise, in any order."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from channels_ import json_strict
from channels_.adapters.razorpay.codes import (
    CAPTURED,
    CREDIT_EVENTS,
    DISPUTE_EVENTS,
    PAYMENT_EVENTS,
    REFUND_EVENTS,
    SETTLEMENT_EVENT,
    TRANSFER_MODES,
)
from channels_.adapters.razorpay.entities import (
    Entity,
    consumer_number,
    dispute_notice,
    instant,
    mapping,
    payment_notice,
    ref_at,
    refund_notice,
    short,
)
from channels_.contract import (
    Inbound,
    Method,
    Notice,
    NoticeKind,
    Outcome,
    Setup,
    Unreadable,
    WrongMerchant,
)
from cspdcl.kernel.errors import Malformed, Unverified

SECRET: Final = "webhook_secret"  # noqa: S105 - the name of the secret, not the secret
SIGNATURE: Final = "x-razorpay-signature"
EVENT_ID: Final = "x-razorpay-event-id"

_EVENT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_RRN: Final = re.compile(r"\d{12}")


def verify(inbound: Inbound, setup: Setup) -> None:
    """Prove that the raw body was signed with the webhook secret, and is meant for us."""
    secret = setup.secrets.get(SECRET, "")
    expected = hmac.new(secret.encode(), inbound.body, hashlib.sha256).hexdigest()
    given = inbound.headers.get(SIGNATURE, "")
    if not secret or not hmac.compare_digest(expected.encode(), given.encode()):
        raise Unverified("X-Razorpay-Signature does not match the body")
    if setup.merchant_id:
        _check_merchant(inbound.body, setup.merchant_id)


def event_key(inbound: Inbound, _setup: Setup) -> str:
    """Razorpay's event id, equal on every redelivery; without one, the digest of the body."""
    given = inbound.headers.get(EVENT_ID, "")
    if _EVENT_ID.fullmatch(given):
        return given
    return f"sha256:{hashlib.sha256(inbound.body).hexdigest()}"


def parse(inbound: Inbound, setup: Setup) -> Sequence[Notice]:
    """What one webhook says. An event we do not know is kept as ignored, with its word."""
    envelope = json_strict.object_at(json_strict.loads(inbound.body))
    event = envelope.get("event")
    if not isinstance(event, str) or not event or len(event) > 64:
        raise Unreadable("expected the name of an event")
    payload = json_strict.object_at(envelope, "payload")
    at = instant(envelope)
    if event in PAYMENT_EVENTS:
        return [_payment(event, payload, at)]
    if event in CREDIT_EVENTS:
        return [_credit(event, payload, at, setup)]
    if event in REFUND_EVENTS:
        return _refund(event, payload, at)
    if event.startswith(DISPUTE_EVENTS):
        return [_dispute(event, payload, at)]
    if event == SETTLEMENT_EVENT:
        return [_settlement(event, payload, at)]
    return [Notice(kind=NoticeKind.IGNORED, event=event, occurred_at=at, code=event)]


def _check_merchant(body: bytes, merchant_id: str) -> None:
    try:
        envelope = json_strict.loads(body)
    except Unreadable:
        return  # signed and unreadable: parse says so
    told = envelope.get("account_id") if isinstance(envelope, Mapping) else None
    if told != merchant_id:
        raise WrongMerchant(f"expected the account {merchant_id}, got {str(told)[:40]!r}")


def _payment(event: str, payload: Entity, at: datetime) -> Notice:
    payment = json_strict.object_at(payload, "payment", "entity")
    outcome = PAYMENT_EVENTS[event]
    if outcome is Outcome.SUCCEEDED:
        _captured_only(event, payment)
    order = payload.get("order")
    order = json_strict.object_at(order, "entity") if isinstance(order, Mapping) else {}
    return payment_notice(event, outcome, payment, order, at)


def _credit(event: str, payload: Entity, at: datetime, setup: Setup) -> Notice:
    """A payment told by what it was paid to: a virtual account, a QR code or a link."""
    payment = json_strict.object_at(payload, "payment", "entity")
    _captured_only(event, payment)
    target = json_strict.object_at(payload, CREDIT_EVENTS[event], "entity")
    order = mapping(mapping(payload.get("order")).get("entity"))
    around = {
        "notes": {**mapping(order.get("notes")), **mapping(target.get("notes"))},
        "receipt": target.get("reference_id") or order.get("receipt"),
    }
    notice = payment_notice(event, Outcome.SUCCEEDED, payment, around, at)
    if not notice.consumer_number:
        notice = replace(notice, consumer_number=_named_by_account(target, setup))
    for name in ("bank_transfer", "upi_transfer"):
        if isinstance(payload.get(name), Mapping):
            transfer = json_strict.object_at(payload, name, "entity")
            return _with_transfer(notice, name, transfer)
    return notice


def _with_transfer(notice: Notice, name: str, transfer: Entity) -> Notice:
    """What only the transfer tells: by which rail, from whom, under which number of the bank."""
    if transfer.get("payment_id") != notice.channel_ref:
        raise Malformed(f"{name} is of another payment than {notice.channel_ref}")
    if json_strict.paise_at(transfer, "amount") != notice.amount_paise:
        raise Malformed(f"{name} and payment differ in the amount")
    if name == "upi_transfer":
        return replace(
            notice,
            method=Method.UPI,
            rrn=short(transfer.get("rrn"), 32) or notice.rrn,
            payer=short(transfer.get("payer_vpa"), 120) or notice.payer,
        )
    payer = mapping(transfer.get("payer_bank_account"))
    number = short(transfer.get("bank_reference"), 40).upper()
    return replace(
        notice,
        method=TRANSFER_MODES.get(str(transfer.get("mode")), Method.UNKNOWN),
        utr=number or notice.utr,
        rrn=number if _RRN.fullmatch(number) else notice.rrn,
        payer=short(payer.get("account_number") or payer.get("name"), 120) or notice.payer,
    )


def _named_by_account(target: Entity, setup: Setup) -> str:
    """The consumer whose number follows the agreed prefix of a virtual account or UPI id."""
    prefix = str(setup.settings.get("virtual_account_prefix", ""))
    receivers = target.get("receivers")
    if not prefix or not isinstance(receivers, list):
        return ""
    for receiver in map(mapping, receivers):
        for name in ("account_number", "username"):
            told = short(receiver.get(name), 64)
            found = consumer_number(told.removeprefix(prefix)) if told.startswith(prefix) else ""
            if found:
                return found
    return ""


def _captured_only(event: str, payment: Entity) -> None:
    status = json_strict.text_at(payment, "status")
    if status not in CAPTURED:
        raise Malformed(f"{event} tells of a payment that is {status!r}, not captured")


def _refund(event: str, payload: Entity, at: datetime) -> Sequence[Notice]:
    """The refund; before it its payment, which may be news when messages overtake each other."""
    refund = json_strict.object_at(payload, "refund", "entity")
    told = refund_notice(event, REFUND_EVENTS[event], refund, at)
    notices = []
    if isinstance(payload.get("payment"), Mapping):
        payment = json_strict.object_at(payload, "payment", "entity")
        if payment.get("captured") is True and short(payment.get("status"), 64) in CAPTURED:
            paid_at = instant(payment)
            notices.append(payment_notice(event, Outcome.SUCCEEDED, payment, {}, paid_at))
    return [*notices, told]


def _dispute(event: str, payload: Entity, at: datetime) -> Notice:
    dispute = json_strict.object_at(payload, "dispute", "entity")
    return dispute_notice(event, event.removeprefix(DISPUTE_EVENTS), dispute, at)


def _settlement(event: str, payload: Entity, at: datetime) -> Notice:
    settlement: Mapping[str, Any] = json_strict.object_at(payload, "settlement", "entity")
    return Notice(
        kind=NoticeKind.SETTLEMENT,
        event=event,
        channel_ref=ref_at(settlement, "id"),
        occurred_at=at,
        utr=short(settlement.get("utr"), 40).upper(),
        code=json_strict.text_at(settlement, "status"),
    )
