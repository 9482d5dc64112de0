"""BillDesk's news, recognised by the shape of the body: a pipe message or a token of the API.

Every byte that is read is signed, so that a notice is proof. The pipe message is read from the
left up to its date and status, and from the right for its errors, because the number of free
fields between them differs from kit to kit.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from channels_ import json_strict
from channels_.adapters.billdesk.codes import (
    AUTH_STATUSES,
    METHOD_TYPES,
    NOT_ATTEMPTED,
    REFUND_STATUSES,
    RUPEES,
    TXN_TYPES,
)
from channels_.adapters.billdesk.wires import message_of, open_message, open_token, token_of
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
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed, Unverified
from cspdcl.kernel.ids import is_reference
from cspdcl.kernel.money import NotMoney, Paise, paise_from_rupees

CONSUMER_FIELD: Final = "additional_info1"
BILL_FIELD: Final = "additional_info2"

# The pipe message from the left, in the words of the API.
LEFT: Final = (
    *("mercid", "orderid", "transactionid", "bank_ref_no", "amount", "bankid", "bin", "txn_type"),
    *("currency", "itemcode", "security_type", "security_id", "security_password"),
    *("transaction_date", "auth_status", "settlement_type"),
)
RIGHT: Final = ("transaction_error_code", "transaction_error_desc")
_MOST: Final = 40

_ID: Final = re.compile(r"[A-Za-z0-9_-]{4,64}")
_ORDER: Final = re.compile(r"[A-Za-z0-9._/-]{1,64}")
_REFERENCE: Final = re.compile(r"[A-Za-z0-9._/-]{1,32}")
_NUMBER: Final = re.compile(r"\d{6,12}")
_BILL: Final = re.compile(r"[A-Za-z0-9._/-]{1,20}")
_MERCHANT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_AMOUNT: Final = re.compile(r"\d{1,20}(\.\d{1,2})?")
_CONFIGURABLE: Final = (Outcome.FAILED, Outcome.PENDING)

Said = Mapping[str, Any]


def verify(inbound: Inbound, setup: Setup) -> None:
    """Prove the message by its checksum or signature, and that it is meant for us."""
    try:
        said = opened(inbound, setup)
    except Unreadable as error:
        raise Unverified(f"no message of BillDesk: {error}") from error
    check_merchant(said, setup)


def parse(inbound: Inbound, setup: Setup) -> Sequence[Notice]:
    """The one fact of a message; what is neither payment nor refund is kept as ignored."""
    try:
        said = opened(inbound, setup)
    except Unverified as error:
        raise Unreadable(f"not proved: {error}") from error
    return [notice_of(said, setup.settings)]


def opened(inbound: Inbound, setup: Setup) -> Said:
    """What a proved body says, in the words of the API."""
    token = token_of(inbound.body)
    if token:
        said = open_token(token, setup)
    else:
        message = message_of(inbound.body)
        if not message:
            raise Unreadable("expected a token or a pipe message")
        said = from_pipes(open_message(message, setup), right=RIGHT)
    merchant = said.get("mercid")
    if not isinstance(merchant, str) or not _MERCHANT.fullmatch(merchant):
        raise Unreadable("expected the merchant as mercid")
    return said


def check_merchant(said: Said, setup: Setup) -> None:
    """Refuse what is properly signed and meant for somebody else."""
    merchant = str(said.get("mercid"))
    if setup.merchant_id and not hmac.compare_digest(merchant.encode(), setup.merchant_id.encode()):
        raise WrongMerchant(f"meant for the merchant {merchant[:64]}")


def from_pipes(fields: Sequence[str], *, right: Sequence[str]) -> Said:
    """The fields of a pipe message by name: the left ones, the right ones, the free ones."""
    free = fields[len(LEFT) : len(fields) - len(right)]
    if not len(LEFT) + len(right) <= len(fields) <= _MOST:
        raise Unreadable(f"expected {len(LEFT) + len(right)} to {_MOST} fields, got {len(fields)}")
    said: dict[str, Any] = dict(zip(LEFT, fields, strict=False))
    said |= dict(zip(right, fields[-len(right) :], strict=True))
    said["additional_info"] = {f"additional_info{n}": text for n, text in enumerate(free, start=1)}
    said["objectid"] = "transaction"
    return said


def notice_of(said: Said, settings: Mapping[str, Any]) -> Notice:
    """What an object of BillDesk says of a payment or refund."""
    kind = said.get("objectid")
    if kind == "transaction":
        return payment_of(said, settings)
    if kind == "refund":
        return refund_of(said, settings)
    word = str(kind)[:64]
    return Notice(kind=NoticeKind.IGNORED, event=word, code=word)


def payment_of(said: Said, settings: Mapping[str, Any]) -> Notice:
    """One payment. An order that nobody tried to pay has no transaction: nothing for us to do."""
    said = {name: "" if value == "NA" else value for name, value in said.items()}
    order_id, status = _text(said, "orderid", _ORDER), json_strict.text_at(said, "auth_status")
    if status in NOT_ATTEMPTED and json_strict.text_at(said, "transactionid") in NOT_ATTEMPTED:
        return Notice(
            kind=NoticeKind.IGNORED,
            event="not attempted",
            reference=reference_of(order_id),
            order_ref=order_id,
            code=status or "NA",
        )
    _rupees_only(said)
    outcome = _outcome(status, settings)
    return Notice(
        kind=NoticeKind.PAYMENT,
        event=f"transaction {status}"[:64],
        outcome=outcome,
        reference=reference_of(order_id),
        channel_ref=_text(said, "transactionid", _ID),
        order_ref=order_id,
        amount_paise=amount_of(said, "amount"),
        occurred_at=moment_of(said, "transaction_date"),
        method=_method(said),
        rrn=json_strict.text_at(said, "bank_ref_no")[:32],
        consumer_number=_agreed(said, settings, "consumer_field", CONSUMER_FIELD, _NUMBER),
        bill_number=_agreed(said, settings, "bill_field", BILL_FIELD, _BILL),
        payer=json_strict.text_at(said, "bankid")[:40],
        code=status if outcome is not Outcome.FAILED else _error(said) or status,
        detail=json_strict.text_at(said, "transaction_error_desc")[:200]
        if outcome is not Outcome.SUCCEEDED
        else "",
    )


def refund_of(said: Said, settings: Mapping[str, Any]) -> Notice:
    """One refund; a status that nobody agreed on is pending."""
    _rupees_only(said)
    status = json_strict.text_at(said, "refund_status", at_most=64)
    known = {**REFUND_STATUSES, **_told(settings, "refund_statuses", tuple(Outcome))}
    return Notice(
        kind=NoticeKind.REFUND,
        event=f"refund {status}"[:64],
        outcome=known.get(status, Outcome.PENDING),
        reference=reference_of(json_strict.text_at(said, "merc_refund_ref_no", at_most=64)),
        channel_ref=_text(said, "transactionid", _ID),
        order_ref=json_strict.text_at(said, "orderid", at_most=64),
        refund_ref=_text(said, "refundid", _ID),
        amount_paise=amount_of(said, "refund_amount"),
        occurred_at=moment_of(said, "refund_date"),
        code=status,
    )


def reference_of(order_id: str) -> str:
    """Our reference: BillDesk's order ids have no dashes, so ours get them back."""
    if len(order_id) == 17 and is_reference(order_id):
        return f"{order_id[:5]}-{order_id[5:13]}-{order_id[13:]}"
    return order_id if _REFERENCE.fullmatch(order_id) else ""


def amount_of(said: Said, name: str) -> Paise:
    """An amount in rupees above zero; the pipe message writes it with zeros in front."""
    text = json_strict.text_at(said, name, at_most=24)
    if not _AMOUNT.fullmatch(text):
        raise Malformed(f"{name}: expected rupees such as 00001234.50, got {text!r}")
    bare = text.lstrip("0")
    try:
        amount = paise_from_rupees(bare if bare[:1].isdigit() else f"0{bare}")
    except NotMoney as error:
        raise Malformed(f"{name}: {error}") from error
    if amount <= 0:
        raise Malformed(f"expected an amount above zero as {name}")
    return amount


def moment_of(said: Said, name: str) -> datetime | None:
    """A moment as the API writes it, or by India's clock as the pipe message does."""
    text = json_strict.text_at(said, name, at_most=40)
    if not text:
        return None
    try:
        if text[2:3] == "-":
            local = datetime.strptime(text, "%d-%m-%Y %H:%M:%S")  # noqa: DTZ007 - India's
            return local.replace(tzinfo=INDIA)
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed(f"{name}: expected a date and a time, got {text!r}") from error
    return found if found.tzinfo else found.replace(tzinfo=INDIA)


def _outcome(status: str, settings: Mapping[str, Any]) -> Outcome:
    """What a status means; the settings may add words, yet none that would be a success."""
    known = {**_told(settings, "auth_statuses", _CONFIGURABLE), "0300": AUTH_STATUSES["0300"]}
    return {**AUTH_STATUSES, **known}.get(status, Outcome.PENDING)


def _told(
    settings: Mapping[str, Any], name: str, allowed: tuple[Outcome, ...]
) -> dict[str, Outcome]:
    told = settings.get(name) or {}
    return {str(word): Outcome(one) for word, one in told.items() if one in allowed}


def _method(said: Said) -> Method:
    pipe = TXN_TYPES.get(json_strict.text_at(said, "txn_type"))
    api = METHOD_TYPES.get(json_strict.text_at(said, "payment_method_type").lower())
    return pipe or api or Method.UNKNOWN


def _error(said: Said) -> str:
    return json_strict.text_at(said, "transaction_error_code")[:64]


def _agreed(
    said: Said,
    settings: Mapping[str, Any],
    key: str,
    default: str,
    pattern: re.Pattern[str],
) -> str:
    """One of the free fields, when it holds what was agreed on."""
    free = said.get("additional_info")
    value = free.get(settings.get(key, default)) if isinstance(free, Mapping) else None
    text = value.strip() if isinstance(value, str) else ""
    return text if pattern.fullmatch(text) else ""


def _rupees_only(said: Said) -> None:
    currency = json_strict.text_at(said, "currency", at_most=20)
    if currency not in RUPEES:
        raise Malformed(f"expected INR, got {currency!r}")


def _text(said: Said, name: str, pattern: re.Pattern[str]) -> str:
    found = json_strict.text_at(said, name)
    if not pattern.fullmatch(found):
        raise Malformed(f"expected an identifier as {name}")
    return found
