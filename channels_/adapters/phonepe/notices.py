"""PhonePe's callbacks: what v1 wraps in base64 and v2 sends as an event, amounts in paise."""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from channels_ import json_strict, upi
from channels_.adapters.phonepe import signing
from channels_.adapters.phonepe.codes import (
    COMPLETED,
    FAILED,
    FAILED_CODES,
    METHODS,
    ORDER_EVENTS,
    REFUND_EVENTS,
    STATES,
    SUCCESS_CODE,
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
    WrongMerchant,
)
from cspdcl.kernel.errors import Malformed, Unverified
from cspdcl.kernel.money import Paise

SECRET: Final = signing.SECRET

SETTINGS: Final[Mapping[str, str]] = {
    "version": "The protocol: v2, or v1 for merchants with a salt key.",
    "webhook": "How v2 proves its news: password (asked for again) or hmac (believed).",
    "hmac_header": "The header of the HMAC; x-phonepe-signature unless told (unconfirmed).",
    "salt_index": "Which of the salts of v1 the secret is; 1 unless told.",
    "client_id": "Who we are at PhonePe when a token of v2 is asked for.",
    "client_version": "The version of the client's credentials; 1 unless told.",
    "token_url": "Where tokens of v2 are given; /v1/oauth/token of the API unless told.",
    "callback_url": "Where v1 shall tell of refunds: the address of this channel's door.",
    "report": "Columns, words and dates of the settlement report where they differ (unconfirmed).",
}

REFUND_PREFIX: Final = "R_"  # of our refunds' ids in v1, whose callbacks look like payments

_REF: Final = re.compile(r"[A-Za-z0-9._/-]{1,64}")
_NUMBER: Final = re.compile(r"[0-9]{6,12}")
_FIRST_MS: Final = 1_420_070_400_000  # 2015
_LAST_MS: Final = 32_503_680_000_000  # 3000

_Entity = Mapping[str, Any]


def verify(inbound: Inbound, setup: Setup) -> None:
    """Prove the sender as the agreed protocol does, and that the message is meant for us."""
    key = setup.secrets.get(SECRET, "")
    version = signing.version(setup)
    if version == signing.V1:
        signing.check_v1(_response(inbound), inbound.headers, key=key)
    elif version == signing.V2:
        signing.check_v2(inbound.body, inbound.headers, setup, key=key)
    else:
        raise Unverified(f"expected the version v1 or v2, got {version!r}")
    _check_merchant(inbound, setup)


def parse(inbound: Inbound, setup: Setup) -> Sequence[Notice]:
    """What one callback says. An event we do not know is kept as ignored, with its word."""
    if signing.version(setup) == signing.V1:
        return [_callback(_unwrapped(inbound))]
    document = json_strict.object_at(json_strict.loads(inbound.body))
    event = document.get("event")
    if not isinstance(event, str) or not event or len(event) > 64:
        raise Unreadable("expected the name of an event")
    payload = json_strict.object_at(document, "payload")
    confirm = signing.is_unsigned(setup)
    if event in ORDER_EVENTS:
        return [order_notice(payload, event=event, confirm=confirm)]
    if event in REFUND_EVENTS:
        return [refund_notice(payload, event=event, confirm=confirm)]
    return [Notice(kind=NoticeKind.IGNORED, event=event, code=event)]


def order_notice(payload: _Entity, *, event: str, confirm: bool = False) -> Notice:
    """A v2 order with its attempts: the state is the order's, the id that of the attempt."""
    state = state_of(payload)
    outcome = STATES.get(state, Outcome.PENDING)
    _rupees_only(payload)
    amount = json_strict.paise_at(payload, "amount")
    attempt = _attempt(payload, outcome, amount)
    rail, instrument = _instrument(attempt)
    order = ref_at(payload, "merchantOrderId")
    meta = payload.get("metaInfo")
    notes = meta if isinstance(meta, Mapping) else {}
    error = _first_text(payload, attempt, "detailedErrorCode")
    method = METHODS.get(_short(attempt.get("paymentMode"), 64), Method.UNKNOWN)
    is_failed = outcome is Outcome.FAILED
    return Notice(
        kind=NoticeKind.PAYMENT,
        event=event,
        outcome=_decided(outcome, method, error),
        reference=order,
        # An order that nobody tried to pay goes by PhonePe's id of it; a success has its own.
        channel_ref=_matching(attempt.get("transactionId"))
        or _matching(payload.get("orderId"))
        or order,
        order_ref=order,
        amount_paise=amount,
        occurred_at=moment_at(attempt, "timestamp"),
        method=method,
        rrn=_bank_ref(rail, instrument),
        consumer_number=_matching(notes.get("udf1"), _NUMBER),
        bill_number=_matching(notes.get("udf2"))[:20],
        payer=_short(rail.get("vpa") or instrument.get("maskedAccountNumber"), 120),
        code=(error or state) if is_failed else state,
        detail=_first_text(payload, attempt, "errorCode") if is_failed else "",
        confirm=confirm,
    )


def refund_notice(payload: _Entity, *, event: str, confirm: bool = False) -> Notice:
    """A v2 refund. It names the order it is of, not the payment."""
    state = state_of(payload)
    details = _list_at(payload, "paymentDetails")
    rail, instrument = _instrument(details[0] if details else payload)
    if not rail and not instrument:
        rail, instrument = _instrument(payload)
    return Notice(
        kind=NoticeKind.REFUND,
        event=event,
        outcome=STATES.get(state, Outcome.PENDING),
        reference=_matching(payload.get("merchantRefundId")),
        order_ref=ref_at(payload, "originalMerchantOrderId"),
        refund_ref=ref_at(payload, "refundId"),
        amount_paise=json_strict.paise_at(payload, "amount"),
        occurred_at=moment_at(payload, "timestamp"),
        rrn=_bank_ref(rail, instrument),
        code=_first_text(payload, {}, "detailedErrorCode") or state,
        detail=_first_text(payload, {}, "errorCode"),
        confirm=confirm,
    )


def transaction_notice(document: _Entity, *, event: str) -> Notice:
    """A v1 transaction, as callbacks and status answers tell it."""
    data = json_strict.object_at(document, "data")
    code = json_strict.text_at(document, "code", at_most=64)
    _rupees_only(data)
    outcome = transaction_outcome(document)
    order = ref_at(data, "merchantTransactionId")
    channel_ref = _matching(data.get("transactionId"))
    if not channel_ref and outcome is Outcome.SUCCEEDED:
        raise Malformed("expected a transactionId of a payment that succeeded")
    found = data.get("paymentInstrument")
    instrument = found if isinstance(found, Mapping) else {}
    method = METHODS.get(_short(instrument.get("type"), 64), Method.UNKNOWN)
    response = _short(data.get("responseCode"), 64)
    is_failed = outcome is Outcome.FAILED
    return Notice(
        kind=NoticeKind.PAYMENT,
        event=event,
        outcome=_decided(outcome, method, response),
        reference=order,
        channel_ref=channel_ref or order,
        order_ref=order,
        amount_paise=json_strict.paise_at(data, "amount"),
        method=method,
        rrn=_bank_ref(instrument, instrument),
        payer=_short(instrument.get("vpa") or instrument.get("maskedAccountNumber"), 120),
        code=(response or code) if is_failed else code,
        detail=_short(document.get("message"), 200) if is_failed else "",
    )


def transaction_outcome(document: _Entity) -> Outcome:
    """What a v1 answer says; code, success and state must agree before it is a success."""
    data = json_strict.object_at(document, "data")
    code = json_strict.text_at(document, "code", at_most=64)
    state = json_strict.text_at(data, "state", at_most=64)
    if code == SUCCESS_CODE:
        if document.get("success") is not True or state != COMPLETED:
            raise Malformed(f"{code} of a transaction that is {state!r}")
        return Outcome.SUCCEEDED
    if code in FAILED_CODES:
        if state == COMPLETED:
            raise Malformed(f"{code} of a transaction that is {state!r}")
        return Outcome.FAILED if state == FAILED else Outcome.PENDING
    return Outcome.PENDING


def state_of(payload: _Entity) -> str:
    """The word that alone says what became of an order or refund of v2."""
    state = json_strict.text_at(payload, "state", at_most=64)
    if not state:
        raise Malformed("expected a word as state")
    return state


def ref_at(entity: _Entity, name: str) -> str:
    """An identifier that must be there."""
    found = _matching(entity.get(name))
    if not found:
        raise Malformed(f"expected an identifier as {name}")
    return found


def moment_at(entity: _Entity, name: str) -> datetime | None:
    """A moment in milliseconds; samples hold numbers that are no such moment, and none is made."""
    found = entity.get(name)
    if type(found) is not int or not _FIRST_MS <= found < _LAST_MS:
        return None
    return datetime.fromtimestamp(found // 1000, UTC)


def _decided(outcome: Outcome, method: Method, code: str) -> Outcome:
    """A failure of UPI for a time-out is none: the payer may have been debited."""
    known = upi.CODES.get(code) if method in (Method.UPI, Method.UNKNOWN) else None
    if outcome is Outcome.FAILED and known is not None and known.outcome is Outcome.PENDING:
        return Outcome.PENDING
    return outcome


def _callback(document: _Entity) -> Notice:
    data = json_strict.object_at(document, "data")
    code = json_strict.text_at(document, "code", at_most=64)
    if json_strict.text_at(data, "merchantTransactionId").startswith(REFUND_PREFIX):
        # It does not say which payment it is of: our own question will tell.
        return Notice(kind=NoticeKind.IGNORED, event="refund", code=code)
    return transaction_notice(document, event=code or "callback")


def _attempt(payload: _Entity, outcome: Outcome, amount: Paise) -> _Entity:
    """The attempt that decides: the paid one of a completed order, else the last."""
    attempts = _list_at(payload, "paymentDetails")
    if outcome is not Outcome.SUCCEEDED:
        return attempts[-1] if attempts else {}
    paid = [one for one in attempts if one.get("state") == COMPLETED]
    if len(paid) != 1:
        raise Malformed(f"expected one completed attempt of a completed order, got {len(paid)}")
    (found,) = paid
    ref_at(found, "transactionId")
    if "amount" in found and json_strict.paise_at(found, "amount") != amount:
        raise Malformed("the order and its paid attempt name different amounts")
    return found


def _instrument(attempt: _Entity) -> tuple[_Entity, _Entity]:
    """The rail and the instrument of an attempt; where it is split, those of the first part."""
    parts = _list_at(attempt, "splitInstruments")
    source = parts[0] if parts else attempt
    rail, instrument = source.get("rail"), source.get("instrument")
    return (
        rail if isinstance(rail, Mapping) else {},
        instrument if isinstance(instrument, Mapping) else {},
    )


def _bank_ref(rail: _Entity, instrument: _Entity) -> str:
    found = rail.get("utr")
    for name in ("brn", "bankTransactionId", "arn"):
        found = found or instrument.get(name)
    return _matching(found)[:32]


def _unwrapped(inbound: Inbound) -> _Entity:
    """The JSON inside a v1 callback."""
    try:
        inner = b64decode(_response(inbound), validate=True)
    except (Unverified, binascii.Error, ValueError) as error:
        raise Unreadable(f"expected base64 as response: {error}") from error
    document = json_strict.object_at(json_strict.loads(inner))
    json_strict.object_at(document, "data")
    return document


def _response(inbound: Inbound) -> str:
    """The base64 text of a v1 callback, which is what is signed."""
    try:
        document = json_strict.object_at(json_strict.loads(inbound.body))
    except Malformed as error:
        raise Unverified(f"no signed message: {error}") from error
    found = document.get("response")
    if not isinstance(found, str) or not found:
        raise Unverified("expected a text as response")
    return found


def _check_merchant(inbound: Inbound, setup: Setup) -> None:
    try:
        if signing.version(setup) == signing.V1:
            named = json_strict.object_at(_unwrapped(inbound), "data")
        else:
            named = json_strict.object_at(json_strict.loads(inbound.body), "payload")
    except Malformed:
        return  # proved to be theirs; what cannot be read is refused as such
    told = named.get("merchantId")
    if setup.merchant_id and told is not None and told != setup.merchant_id:
        raise WrongMerchant("the message names another merchant")


def _rupees_only(entity: _Entity) -> None:
    """PhonePe takes rupees only and names no currency; if it ever does, it must be that one."""
    currency = entity.get("currency", INDIAN_CURRENCY)
    if currency != INDIAN_CURRENCY:
        raise Malformed(f"expected {INDIAN_CURRENCY}, got {currency!r}")


def _list_at(entity: _Entity, name: str) -> Sequence[_Entity]:
    found = entity.get(name)
    items = found if isinstance(found, list) else []
    return [one for one in items if isinstance(one, Mapping)]


def _first_text(first: _Entity, second: _Entity, name: str) -> str:
    return _short(first.get(name), 64) or _short(second.get(name), 64)


def _matching(value: Any, pattern: re.Pattern[str] = _REF) -> str:
    """The value when it is such a text, else nothing."""
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def _short(value: Any, at_most: int) -> str:
    return value[:at_most] if isinstance(value, str) else ""
