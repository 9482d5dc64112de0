"""Razorpay's entities in our words: the same in a webhook and in the answer to a call."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from channels_ import json_strict
from channels_.adapters.razorpay.codes import (
    DISPUTE_STATUS,
    METHODS,
    REFUND_STATUS,
    TRANSFER_MODES,
)
from channels_.contract import INDIAN_CURRENCY, Method, Notice, NoticeKind, Outcome
from cspdcl.kernel.errors import Malformed

Entity = Mapping[str, Any]

_REF: Final = re.compile(r"[A-Za-z0-9_]{4,64}")
_NUMBER: Final = re.compile(r"\d{6,12}")
_REFERENCE: Final = re.compile(r"[A-Za-z0-9._/-]{1,32}")
_YEAR_3000: Final = 32_503_680_000


def payment_notice(
    event: str, outcome: Outcome, payment: Entity, around: Entity, at: datetime
) -> Notice:
    """One payment. ``around`` is its order, link, QR or virtual account, or nothing."""
    rupees_only(payment)
    notes = {**mapping(around.get("notes")), **mapping(payment.get("notes"))}
    acquirer = mapping(payment.get("acquirer_data"))
    is_failed = outcome is Outcome.FAILED
    return Notice(
        kind=NoticeKind.PAYMENT,
        event=event,
        outcome=outcome,
        reference=_matching(_REFERENCE, notes.get("reference"))
        or _matching(_REFERENCE, around.get("receipt")),
        channel_ref=ref_at(payment, "id"),
        order_ref=_matching(_REF, payment.get("order_id")),
        amount_paise=json_strict.paise_at(payment, "amount"),
        occurred_at=at,
        method=_method(payment),
        rrn=short(acquirer.get("rrn") or acquirer.get("bank_transaction_id"), 32),
        utr=short(acquirer.get("utr"), 40).upper(),
        consumer_number=consumer_number(notes.get("consumer_number")),
        bill_number=short(notes.get("bill_number"), 20),
        payer=_payer(payment),
        code=short(payment.get("error_reason") or payment.get("error_code"), 64)
        if is_failed
        else json_strict.text_at(payment, "status"),
        detail=short(payment.get("error_description"), 200) if is_failed else "",
    )


def refund_notice(event: str, outcome: Outcome | None, refund: Entity, at: datetime) -> Notice:
    """One refund; without an ``outcome`` its own status tells it."""
    rupees_only(refund)
    acquirer = mapping(refund.get("acquirer_data"))
    status = json_strict.text_at(refund, "status")
    return Notice(
        kind=NoticeKind.REFUND,
        event=event,
        outcome=outcome or REFUND_STATUS.get(status, Outcome.PENDING),
        reference=_matching(_REFERENCE, refund.get("receipt")),
        channel_ref=ref_at(refund, "payment_id"),
        refund_ref=ref_at(refund, "id"),
        amount_paise=json_strict.paise_at(refund, "amount"),
        occurred_at=at,
        rrn=short(acquirer.get("rrn") or acquirer.get("arn"), 32),
        utr=short(acquirer.get("utr"), 40).upper(),
        code=status,
    )


def dispute_notice(event: str, code: str, dispute: Entity, at: datetime) -> Notice:
    """One dispute: won by us is SUCCEEDED, lost is FAILED, anything before that PENDING."""
    rupees_only(dispute)
    status = json_strict.text_at(dispute, "status")
    return Notice(
        kind=NoticeKind.DISPUTE,
        event=event,
        outcome=_dispute_outcome(status, dispute),
        channel_ref=ref_at(dispute, "payment_id"),
        amount_paise=json_strict.paise_at(dispute, "amount"),
        occurred_at=at,
        code=code or status,
        detail=short(dispute.get("reason_code"), 200),
        dispute_ref=ref_at(dispute, "id"),
        respond_by=instant(dispute, "respond_by") if dispute.get("respond_by") else None,
        phase=short(dispute.get("phase"), 32),
    )


def consumer_number(value: Any) -> str:
    """The number of a consumer or business partner when it is one, else nothing."""
    return _matching(_NUMBER, value)


def rupees_only(entity: Entity) -> None:
    """Refuse what is not in Indian rupees."""
    currency = entity.get("currency")
    if currency != INDIAN_CURRENCY:
        raise Malformed(f"expected {INDIAN_CURRENCY}, got {currency!r}")


def instant(entity: Entity, name: str = "created_at") -> datetime:
    """The moment under a name, told in Unix seconds."""
    seconds = entity.get(name)
    if type(seconds) is not int or not 0 < seconds < _YEAR_3000:
        raise Malformed(f"expected {name} in seconds since 1970")
    return datetime.fromtimestamp(seconds, UTC)


def ref_at(entity: Entity, name: str) -> str:
    """Their identifier under a name."""
    found = _matching(_REF, entity.get(name))
    if not found:
        raise Malformed(f"expected an identifier as {name}")
    return found


def mapping(value: Any) -> Entity:
    """The object, or an empty one: empty notes come as []."""
    return value if isinstance(value, Mapping) else {}


def short(value: Any, at_most: int) -> str:
    """A text, cut; nothing when it is none."""
    return value[:at_most] if isinstance(value, str) else ""


def _dispute_outcome(status: str, dispute: Entity) -> Outcome:
    if status == "closed":
        # Neither won nor lost: closed without a verdict. What was deducted says who has the money.
        deducted = dispute.get("amount_deducted")
        return Outcome.SUCCEEDED if type(deducted) is int and not deducted else Outcome.PENDING
    return DISPUTE_STATUS.get(status, Outcome.PENDING)


def _method(payment: Entity) -> Method:
    word = payment.get("method")
    if word == "bank_transfer":
        mode = mapping(payment.get("bank_transfer")).get("mode")
        return TRANSFER_MODES.get(str(mode), Method.UNKNOWN)
    return METHODS.get(str(word), Method.UNKNOWN)


def _payer(payment: Entity) -> str:
    vpa = payment.get("vpa") or mapping(payment.get("upi")).get("vpa")
    last4 = short(mapping(payment.get("card")).get("last4"), 4)
    return short(vpa, 120) or last4 or short(payment.get("bank") or payment.get("wallet"), 40)


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    """The value when it is such a text, else nothing: a note may hold anything."""
    text = str(value).strip() if isinstance(value, str | int) else ""
    return text if pattern.fullmatch(text) else ""
