"""Cashfree's entities in our words: the same in a webhook and in the answer to a call."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from channels_ import json_strict, upi
from channels_.adapters.cashfree.codes import (
    DISPUTE_ENDS,
    GROUPS,
    PAYMENT_STATUS,
    REFUND_STATUS,
)
from channels_.contract import INDIAN_CURRENCY, Method, Notice, NoticeKind, Outcome
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.ids import is_reference
from cspdcl.kernel.money import NotMoney, Paise, paise_from_rupees

Entity = Mapping[str, Any]

_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_NUMBER: Final = re.compile(r"\d{6,12}")
_CODED: Final = re.compile(r"([A-Z0-9]{2,3})::.*", re.DOTALL)


def payment_notice(
    event: str, payment: Entity, *, order: Entity, error: Entity, at: datetime | None
) -> Notice:
    """One attempt to pay an order. Its order's id is the reference that we gave the order."""
    inr_only(payment, "payment_currency")
    status = json_strict.text_at(payment, "payment_status", at_most=64)
    outcome = _outcome(status, payment)
    order_id = id_at(order, "order_id")
    tags = mapping(order.get("order_tags"))
    method = method_of(payment.get("payment_group"))
    number = short(payment.get("bank_reference"), 32)
    is_transfer = payment.get("payment_group") == "bank_transfer"
    return Notice(
        kind=NoticeKind.PAYMENT,
        event=event,
        outcome=outcome,
        reference=order_id if is_reference(order_id) else "",
        channel_ref=id_at(payment, "cf_payment_id"),
        order_ref=order_id,
        amount_paise=paise_at(payment, "payment_amount"),
        occurred_at=moment_at(payment, "payment_time") if payment.get("payment_time") else at,
        method=method,
        rrn="" if is_transfer else number,
        utr=number.upper() if is_transfer else "",
        consumer_number=_matching(_NUMBER, tags.get("consumer_number")),
        bill_number=short(tags.get("bill_number"), 20),
        payer=_payer(payment),
        code=status if status in ("SUCCESS", "PENDING") else _reason(payment, error) or status,
        detail=_detail(payment, error) if status != "SUCCESS" else "",
    )


def refund_notice(event: str, refund: Entity, at: datetime) -> Notice:
    """One refund. ``refund_id`` is the reference that we gave it."""
    inr_only(refund, "refund_currency")
    status = json_strict.text_at(refund, "refund_status", at_most=64)
    arn = short(refund.get("refund_arn"), 32)
    processed = refund.get("processed_at")
    return Notice(
        kind=NoticeKind.REFUND,
        event=event,
        outcome=REFUND_STATUS.get(status, Outcome.PENDING),
        reference=_matching(_ID, refund.get("refund_id")),
        channel_ref=id_at(refund, "cf_payment_id"),
        order_ref=_matching(_ID, refund.get("order_id")),
        refund_ref=id_at(refund, "cf_refund_id"),
        amount_paise=paise_at(refund, "refund_amount"),
        occurred_at=moment_at(refund, "processed_at") if processed else at,
        rrn=arn,
        code=status,
        detail=short(refund.get("status_description"), 200) if status != "SUCCESS" else "",
    )


def dispute_notice(event: str, dispute: Entity, *, order: Entity, at: datetime) -> Notice:
    """One dispute: won by us is SUCCEEDED, lost or given up is FAILED, before that PENDING."""
    if dispute.get("dispute_amount_currency") is not None:  # older versions do not tell it
        inr_only(dispute, "dispute_amount_currency")
    status = json_strict.text_at(dispute, "dispute_status", at_most=64).strip('"')
    ends = (ended for end, ended in DISPUTE_ENDS.items() if status.endswith(end))
    order_id = _matching(_ID, order.get("order_id"))
    return Notice(
        kind=NoticeKind.DISPUTE,
        event=event,
        outcome=next(ends, Outcome.PENDING),
        reference=order_id if is_reference(order_id) else "",
        channel_ref=id_at(order, "cf_payment_id"),
        order_ref=order_id,
        amount_paise=paise_at(dispute, "dispute_amount"),
        occurred_at=at,
        code=status,
        detail=short(dispute.get("reason_description") or dispute.get("reason_code"), 200),
        dispute_ref=id_at(dispute, "dispute_id"),
        respond_by=moment_at(dispute, "respond_by") if dispute.get("respond_by") else None,
        phase=short(dispute.get("dispute_type"), 32).lower(),
    )


def method_of(group: Any) -> Method:
    """Our method for a payment group; webhooks and reports differ in its case."""
    return GROUPS.get(group.lower(), Method.UNKNOWN) if isinstance(group, str) else Method.UNKNOWN


def paise_at(entity: Entity, name: str) -> Paise:
    """An amount above zero, told as a JSON number in rupees."""
    told = entity.get(name)
    if type(told) not in (int, Decimal):
        raise Malformed(f"expected rupees as a number in {name}")
    try:
        paise = paise_from_rupees(str(told))
    except NotMoney as error:
        raise Malformed(f"{name}: {error}") from error
    if paise <= 0:
        raise Malformed(f"expected an amount above zero as {name}")
    return paise


def id_at(entity: Entity, name: str) -> str:
    """Their identifier: a text in newer versions, a number in older ones."""
    found = _matching(_ID, entity.get(name))
    if not found:
        raise Malformed(f"expected an identifier as {name}")
    return found


def moment_at(entity: Entity, name: str) -> datetime:
    """A moment in ISO 8601 with its offset."""
    text = json_strict.text_at(entity, name, at_most=40)
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed(f"{name}: expected ISO 8601, got {text!r}") from error
    if found.tzinfo is None:
        raise Malformed(f"{name}: expected an offset such as +05:30")
    return found


def inr_only(entity: Entity, name: str) -> None:
    """Refuse what is not in Indian rupees."""
    if entity.get(name) != INDIAN_CURRENCY:
        raise Malformed(f"expected {INDIAN_CURRENCY}, got {entity.get(name)!r}")


def mapping(value: Any) -> Entity:
    """The object, or an empty one where there is none."""
    return value if isinstance(value, Mapping) else {}


def short(value: Any, at_most: int) -> str:
    """A text, cut; nothing when it is none."""
    return value[:at_most] if isinstance(value, str) else ""


def _outcome(status: str, payment: Entity) -> Outcome:
    """A failure with a response code of UPI that only says "no answer in time" is none yet."""
    outcome = PAYMENT_STATUS.get(status, Outcome.PENDING)
    if outcome is not Outcome.FAILED or method_of(payment.get("payment_group")) is not Method.UPI:
        return outcome
    code = _message_code(payment)
    if code in upi.CODES and upi.response(code).outcome is Outcome.PENDING:
        return Outcome.PENDING
    return outcome


def _message_code(payment: Entity) -> str:
    found = _CODED.fullmatch(short(payment.get("payment_message"), 256))
    return found[1] if found else ""


def _reason(payment: Entity, error: Entity) -> str:
    told = short(error.get("error_reason") or error.get("error_code"), 64)
    return told or _message_code(payment)


def _detail(payment: Entity, error: Entity) -> str:
    return short(error.get("error_description") or payment.get("payment_message"), 200)


def _payer(payment: Entity) -> str:
    used = mapping(payment.get("payment_method"))
    card = mapping(used.get("card"))
    bank = mapping(used.get("netbanking"))
    return (
        short(mapping(used.get("upi")).get("upi_id"), 120)
        or short(card.get("card_number"), 32)[-4:]
        or short(bank.get("netbanking_bank_name"), 40)
        or short(mapping(used.get("app")).get("provider"), 40)
    )


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    """The value when it is such a text or number, else nothing."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if pattern.fullmatch(text) else ""
