"""What we ask PhonePe in either protocol: orders, tokens, status, refunds and their status."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from channels_ import json_strict
from channels_.adapters.phonepe import signing
from channels_.adapters.phonepe.codes import (
    NOT_KNOWN,
    PENDING_CODE,
    REFUND_REFUSED,
    REFUSED,
    STATES,
)
from channels_.adapters.phonepe.notices import (
    REFUND_PREFIX,
    moment_at,
    order_notice,
    ref_at,
    state_of,
    transaction_notice,
    transaction_outcome,
)
from channels_.contract import (
    TOKEN,
    Call,
    Declined,
    Exchange,
    Notice,
    NoticeKind,
    Order,
    Ordered,
    Outcome,
    RefundAsk,
    Setup,
    StatusAsk,
    Token,
    Wire,
)
from cspdcl.kernel.errors import Malformed

PAY_V1: Final = "/pg/v1/pay"
STATUS_V1: Final = "/pg/v1/status"
REFUND_V1: Final = "/pg/v1/refund"
TOKEN_V2: Final = "/v1/oauth/token"  # noqa: S105 - an address
PAY_V2: Final = "/checkout/v2/pay"
ORDER_V2: Final = "/checkout/v2/order"
REFUND_V2: Final = "/payments/v2/refund"

# How long a payment page may live, in seconds, as documented.
EXPIRES_LEAST: Final = 300
EXPIRES_MOST: Final = 3600

_SERVER_ERROR: Final = 500
_JSON: Final = {"Content-Type": "application/json"}
_Entity = Mapping[str, Any]


def _call_order(order: Order, setup: Setup) -> Call:
    if _is_v1(setup):
        return _signed(PAY_V1, _order_v1(order, setup), setup)
    body: dict[str, Any] = {
        "merchantOrderId": order.reference,
        "amount": order.amount_paise,
        "metaInfo": {"udf1": order.consumer_number, "udf2": order.bill_number},
        "paymentFlow": {
            "type": "PG_CHECKOUT",
            "message": "Electricity bill",
            "merchantUrls": {"redirectUrl": order.return_url},
        },
    }
    if order.expires_at is not None:
        seconds = int((order.expires_at - setup.at).total_seconds())
        body["expireAfter"] = max(EXPIRES_LEAST, min(EXPIRES_MOST, seconds))
    return _with_token("POST", PAY_V2, setup, body=body)


def _order_v1(order: Order, setup: Setup) -> _Entity:
    return {
        "merchantId": setup.merchant_id,
        "merchantTransactionId": order.reference,
        "merchantUserId": order.consumer_number,
        "amount": order.amount_paise,
        "redirectUrl": order.return_url,
        "redirectMode": "REDIRECT",
        "callbackUrl": order.notify_url,
        **({"mobileNumber": order.mobile} if order.mobile else {}),
        "paymentInstrument": {"type": "PAY_PAGE"},
    }


def _read_order(wire: Wire, setup: Setup, order: Order) -> Ordered:
    document = _answer(wire)
    _refuse(document, REFUSED)
    if _is_v1(setup):
        place = ("data", "instrumentResponse", "redirectInfo")
        url = json_strict.object_at(document, *place).get("url")
    else:
        url = document.get("redirectUrl")
    if not isinstance(url, str) or not url.startswith(("https://", setup.api_url or "https://")):
        raise Malformed("expected the address of a payment page")
    return Ordered(order_ref=order.reference, pay_url=url)


def _call_token(_asked: None, setup: Setup) -> Call:
    form = {
        "client_id": setup.settings.get("client_id", ""),
        "client_version": setup.settings.get("client_version", "1"),
        "client_secret": setup.secrets[signing.CALL_SECRET],
        "grant_type": "client_credentials",
    }
    url = str(setup.settings.get("token_url") or f"{setup.api_url}{TOKEN_V2}")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Call(url=url, headers=headers, body=urlencode(form).encode())


def _read_token(wire: Wire, _setup: Setup, _asked: None) -> Token:
    document = _answer(wire)
    value = json_strict.text_at(document, "access_token", at_most=4096)
    expires = document.get("expires_at")
    if not value or type(expires) is not int or not 0 < expires < 2**33:
        raise Malformed("expected an access_token with its expires_at")
    return Token(value=value, expires_at=datetime.fromtimestamp(expires, UTC))


def _call_status(asked: StatusAsk, setup: Setup) -> Call:
    order = quote(asked.order_ref or asked.reference, safe="")
    if _is_v1(setup):
        return _status_v1(order, setup)
    return _with_token("GET", f"{ORDER_V2}/{order}/status?details=true", setup)


def _read_status(wire: Wire, setup: Setup, asked: StatusAsk) -> Sequence[Notice]:
    document = _answer(wire)
    if _code(document) in NOT_KNOWN:
        return []
    order = asked.order_ref or asked.reference
    if _is_v1(setup):
        data = json_strict.object_at(document, "data")
        if ref_at(data, "merchantTransactionId") != order:
            raise Malformed("the answer speaks of another transaction")
        notice = transaction_notice(document, event="status")
    else:
        told = document.get("merchantOrderId", order)
        if told != order:
            raise Malformed("the answer speaks of another order")
        notice = order_notice({**document, "merchantOrderId": order}, event="status")
    return [replace(notice, reference=asked.reference)]


def _call_refund(asked: RefundAsk, setup: Setup) -> Call:
    order = asked.order_ref or asked.payment_reference
    if not _is_v1(setup):
        body = {
            "merchantRefundId": asked.reference,
            "originalMerchantOrderId": order,
            "amount": asked.amount_paise,
        }
        return _with_token("POST", REFUND_V2, setup, body=body)
    callback = setup.settings.get("callback_url")
    body = {
        "merchantId": setup.merchant_id,
        "originalTransactionId": order,
        "merchantTransactionId": f"{REFUND_PREFIX}{asked.reference}",
        "amount": asked.amount_paise,
        **({"callbackUrl": callback} if callback else {}),
    }
    return _signed(REFUND_V1, body, setup)


def _read_refund(wire: Wire, setup: Setup, asked: RefundAsk) -> Notice:
    document = _answer(wire)
    _refuse(document, REFUND_REFUSED)
    return _refund(document, setup, asked, event="refund")


def _call_refund_status(asked: RefundAsk, setup: Setup) -> Call:
    if _is_v1(setup):
        return _status_v1(quote(f"{REFUND_PREFIX}{asked.reference}", safe=""), setup)
    return _with_token("GET", f"{REFUND_V2}/{quote(asked.reference, safe='')}/status", setup)


def _read_refund_status(wire: Wire, setup: Setup, asked: RefundAsk) -> Notice:
    document = _answer(wire)
    _refuse(document, NOT_KNOWN)
    return _refund(document, setup, asked, event="refund.status")


def _refund(document: _Entity, setup: Setup, asked: RefundAsk, *, event: str) -> Notice:
    """The refund we asked for; an answer about another one or another amount is refused."""
    if _is_v1(setup):
        told = json_strict.object_at(document, "data")
        ours = {"merchantTransactionId": f"{REFUND_PREFIX}{asked.reference}"}
        code = json_strict.text_at(document, "code", at_most=64)
        theirs = told.get("transactionId")
        outcome = Outcome.PENDING if code == PENDING_CODE else transaction_outcome(document)
    else:
        told = document
        ours = {
            "merchantRefundId": asked.reference,
            "originalMerchantOrderId": asked.order_ref or asked.payment_reference,
        }
        code = state_of(document)
        theirs = document.get("refundId")
        outcome = STATES.get(code, Outcome.PENDING)
    for name, expected in ours.items():
        if told.get(name, expected) != expected:
            raise Malformed(f"the answer speaks of another refund: {name}")
    if json_strict.paise_at(told, "amount") != asked.amount_paise:
        raise Malformed("the answer names another amount than we asked for")
    return Notice(
        kind=NoticeKind.REFUND,
        event=event,
        outcome=outcome,
        reference=asked.reference,
        channel_ref=asked.channel_ref,
        order_ref=asked.order_ref,
        refund_ref=theirs if isinstance(theirs, str) and theirs else asked.refund_ref,
        amount_paise=asked.amount_paise,
        occurred_at=moment_at(told, "timestamp"),
        code=json_strict.text_at(told, "detailedErrorCode", at_most=64) or code,
        detail=json_strict.text_at(document, "message")[:200],
    )


def _status_v1(transaction: str, setup: Setup) -> Call:
    path = f"{STATUS_V1}/{quote(setup.merchant_id, safe='')}/{transaction}"
    headers = {
        **_JSON,
        "X-VERIFY": signing.x_verify(path, setup),
        "X-MERCHANT-ID": setup.merchant_id,
    }
    return Call(url=f"{setup.api_url}{path}", method="GET", headers=headers)


def _signed(path: str, body: _Entity, setup: Setup) -> Call:
    """A v1 call: base64 of JSON, signed together with its path."""
    text = b64encode(json.dumps(body, separators=(",", ":")).encode()).decode()
    headers = {**_JSON, "X-VERIFY": signing.x_verify(text + path, setup)}
    return Call(
        url=f"{setup.api_url}{path}", headers=headers, body=json.dumps({"request": text}).encode()
    )


def _with_token(method: str, path: str, setup: Setup, *, body: _Entity | None = None) -> Call:
    """A v2 call. Without a token it is sent and refused there: a definite no."""
    headers = {**_JSON, "Authorization": f"O-Bearer {setup.secrets.get(TOKEN, '')}"}
    content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    return Call(url=f"{setup.api_url}{path}", method=method, headers=headers, body=content)


def _answer(wire: Wire) -> _Entity:
    if wire.status >= _SERVER_ERROR:
        raise Malformed(f"expected an answer, got HTTP {wire.status}")
    document = json_strict.object_at(json_strict.loads(wire.body))
    is_refusal = wire.status >= 400
    if is_refusal and _code(document) not in REFUND_REFUSED:
        raise Malformed(f"HTTP {wire.status} with the code {_code(document)!r}")
    return document


def _refuse(document: _Entity, codes: frozenset[str]) -> None:
    code = _code(document)
    if code in codes:
        message = document.get("message")
        raise Declined(code, message[:200] if isinstance(message, str) else "")


def _code(document: _Entity) -> str:
    found = document.get("code")
    return found[:64] if isinstance(found, str) else ""


def _is_v1(setup: Setup) -> bool:
    return signing.version(setup) == signing.V1


ORDER: Final = Exchange(_call_order, _read_order)
PASS: Final = Exchange(_call_token, _read_token)
STATUS: Final = Exchange(_call_status, _read_status)
REFUND: Final = Exchange(_call_refund, _read_refund)
REFUND_STATUS: Final = Exchange(_call_refund_status, _read_refund_status)
