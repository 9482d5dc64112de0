"""What we ask Paytm: an order, a payment's status, a refund and what became of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from channels_ import json_strict
from channels_.adapters.paytm import checksum
from channels_.adapters.paytm.codes import (
    FAILED_CODES,
    NO_RECORD,
    NO_SUCH_ORDER,
    NO_SUCH_REFUND,
    REFUND_DECLINED,
    REFUND_FAILED_CODES,
    REFUND_KNOWN,
    STATUSES,
    SUCCESS_CODE,
)
from channels_.adapters.paytm.notices import (
    SECRET,
    moment_at,
    payment_notice,
    ref_at,
    rupees_at,
)
from channels_.contract import (
    INDIAN_CURRENCY,
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
    Wire,
)
from cspdcl.kernel.errors import Malformed, Unverified
from cspdcl.kernel.money import rupees_from_paise

ORDER_PATH: Final = "/theia/api/v1/initiateTransaction"
PAGE_PATH: Final = "/theia/api/v1/showPaymentPage"
STATUS_PATH: Final = "/v3/order/status"
REFUND_PATH: Final = "/refund/apply"
REFUND_STATUS_PATH: Final = "/v2/refund/status"

_OK: Final = 200
_Body = Mapping[str, Any]


def _call_order(order: Order, setup: Setup) -> Call:
    user = {
        "custId": order.consumer_number,
        **({"mobile": order.mobile} if order.mobile else {}),
        **({"email": order.email} if order.email else {}),
    }
    body = {
        "requestType": "Payment",
        "mid": setup.merchant_id,
        "websiteName": setup.settings.get("website", "DEFAULT"),
        "orderId": order.reference,
        "callbackUrl": order.return_url,
        "txnAmount": {"value": rupees_from_paise(order.amount_paise), "currency": INDIAN_CURRENCY},
        "userInfo": user,
        "extendInfo": {"mercUnqRef": order.consumer_number, "udf1": order.bill_number},
    }
    return _call(f"{ORDER_PATH}?{_order_query(order, setup)}", body, setup)


def _read_order(wire: Wire, setup: Setup, order: Order) -> Ordered:
    body = _answer(wire, setup)
    status, code, message = _result(body)
    if status == "F":
        raise Declined(code, message)
    token = json_strict.text_at(body, "txnToken")
    if status != "S" or not token:
        raise Malformed(f"expected a txnToken, got {status!r} with the code {code!r}")
    return Ordered(
        order_ref=order.reference,
        pay_url=f"{setup.api_url}{PAGE_PATH}?{_order_query(order, setup)}",
        form={"mid": setup.merchant_id, "orderId": order.reference, "txnToken": token},
    )


def _call_status(asked: StatusAsk, setup: Setup) -> Call:
    body = {"mid": setup.merchant_id, "orderId": asked.order_ref or asked.reference}
    return _call(STATUS_PATH, body, setup)


def _read_status(wire: Wire, setup: Setup, asked: StatusAsk) -> Sequence[Notice]:
    body = _answer(wire, setup)
    status, code, message = _result(body)
    if status == NO_RECORD or (status == "TXN_FAILURE" and code in NO_SUCH_ORDER):
        return []
    outcome = STATUSES.get(status)
    if outcome is None:
        raise Malformed(f"expected the status of a payment, got {status!r}")
    if outcome is Outcome.SUCCEEDED and code != SUCCESS_CODE:
        raise Malformed(f"{status} with the code {code!r}, expected {SUCCESS_CODE}")
    if outcome is Outcome.FAILED and code not in FAILED_CODES:
        if not body.get("txnId"):
            raise Malformed(f"the question failed with the code {code!r}: {message}")
        outcome = Outcome.PENDING
    if ref_at(body, "orderId") != (asked.order_ref or asked.reference):
        raise Malformed("the answer speaks of another order")
    is_told = outcome is Outcome.SUCCEEDED or bool(body.get("txnAmount"))
    amount = rupees_at(body, "txnAmount") if is_told else asked.amount_paise
    told = {**body, "status": status, "respCode": code, "respMsg": message}
    notice = payment_notice(told, event="status", outcome=outcome, amount=amount)
    return [replace(notice, reference=asked.reference)]


def _call_refund(asked: RefundAsk, setup: Setup) -> Call:
    body = {
        "mid": setup.merchant_id,
        "txnType": "REFUND",
        "orderId": asked.order_ref or asked.payment_reference,
        "txnId": asked.channel_ref,
        "refId": asked.reference,
        "refundAmount": rupees_from_paise(asked.amount_paise),
    }
    return _call(REFUND_PATH, body, setup)


def _read_refund(wire: Wire, setup: Setup, asked: RefundAsk) -> Notice:
    body = _answer(wire, setup)
    status, code, message = _result(body)
    outcome = STATUSES.get(status)
    if outcome is Outcome.FAILED:
        if code in REFUND_KNOWN:
            return _refund(body, asked, event="refund", outcome=Outcome.PENDING)
        if code in REFUND_DECLINED:
            raise Declined(code, message)
    if outcome not in (Outcome.PENDING, Outcome.SUCCEEDED):
        raise Malformed(f"expected a refund, got {status!r} with the code {code!r}: {message}")
    return _refund(body, asked, event="refund", outcome=outcome)


def _call_refund_status(asked: RefundAsk, setup: Setup) -> Call:
    body = {
        "mid": setup.merchant_id,
        "orderId": asked.order_ref or asked.payment_reference,
        "refId": asked.reference,
    }
    return _call(REFUND_STATUS_PATH, body, setup)


def _read_refund_status(wire: Wire, setup: Setup, asked: RefundAsk) -> Notice:
    body = _answer(wire, setup)
    status, code, message = _result(body)
    if status == NO_RECORD or code in NO_SUCH_REFUND:
        raise Declined(code, message)
    outcome = STATUSES.get(status)
    if outcome is None:
        raise Malformed(f"expected the status of a refund, got {status!r}")
    if outcome is Outcome.FAILED and code not in REFUND_FAILED_CODES:
        outcome = Outcome.PENDING
    return _refund(body, asked, event="refund.status", outcome=outcome)


def _refund(body: _Body, asked: RefundAsk, *, event: str, outcome: Outcome) -> Notice:
    """The refund we asked for, as an answer tells it; an answer about another one is refused."""
    for name, ours in (("refId", asked.reference), ("txnId", asked.channel_ref)):
        told = json_strict.text_at(body, name)
        if told and told != ours:
            raise Malformed(f"the answer speaks of another refund: {name} is {told!r}")
    if body.get("refundAmount") and rupees_at(body, "refundAmount") != asked.amount_paise:
        raise Malformed("the answer names another amount than we asked for")
    _status, code, message = _result(body)
    return Notice(
        kind=NoticeKind.REFUND,
        event=event,
        outcome=outcome,
        reference=asked.reference,
        channel_ref=asked.channel_ref,
        order_ref=asked.order_ref,
        refund_ref=json_strict.text_at(body, "refundId", at_most=64) or asked.refund_ref,
        amount_paise=asked.amount_paise,
        occurred_at=_first_moment(body),
        rrn=json_strict.text_at(body, "rrn", at_most=32),
        code=code,
        detail=message[:200],
    )


def _first_moment(body: _Body) -> datetime | None:
    return moment_at(body, "userCreditInitiateTimestamp") or moment_at(
        body, "acceptRefundTimestamp"
    )


def _call(path: str, body: _Body, setup: Setup) -> Call:
    text = json.dumps(body, separators=(",", ":"))
    signature = checksum.make(text, key=setup.secrets.get(SECRET, ""), salt=setup.nonce[:4])
    head = json.dumps({"signature": signature}, separators=(",", ":"))
    return Call(
        url=f"{setup.api_url}{path}",
        headers={"Content-Type": "application/json"},
        body=f'{{"head":{head},"body":{text}}}'.encode(),
    )


def _answer(wire: Wire, setup: Setup) -> _Body:
    """The body of an answer; where it is signed, the signature must be right."""
    if wire.status != _OK:
        raise Malformed(f"expected HTTP 200, got {wire.status}")
    document = json_strict.object_at(json_strict.loads(wire.body))
    head = document.get("head")
    given = head.get("signature") if isinstance(head, Mapping) else None
    if isinstance(given, str) and given:
        signed = checksum.member(wire.body.decode(), "body")
        try:
            checksum.check(signed, checksum=given, key=setup.secrets.get(SECRET, ""))
        except Unverified as error:
            raise Malformed(f"the answer is not Paytm's: {error}") from error
    return json_strict.object_at(document, "body")


def _result(body: _Body) -> tuple[str, str, str]:
    info = json_strict.object_at(body, "resultInfo")
    return (
        json_strict.text_at(info, "resultStatus"),
        json_strict.text_at(info, "resultCode", at_most=64),
        json_strict.text_at(info, "resultMsg"),
    )


def _order_query(order: Order, setup: Setup) -> str:
    return urlencode({"mid": setup.merchant_id, "orderId": order.reference})


ORDER: Final = Exchange(_call_order, _read_order)
STATUS: Final = Exchange(_call_status, _read_status)
REFUND: Final = Exchange(_call_refund, _read_refund)
REFUND_STATUS: Final = Exchange(_call_refund_status, _read_refund_status)
