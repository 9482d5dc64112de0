"""What we ask CCAvenue: the order form for the browser; status, refunds and news by its API."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from channels_ import json_strict
from channels_.adapters.ccavenue import cipher
from channels_.adapters.ccavenue.codes import DONE_BEFORE, NO_RECORD, REFUNDED
from channels_.adapters.ccavenue.notices import moment_of, notice_of, paise_of, text_of
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
    Pulled,
    RefundAsk,
    Setup,
    StatusAsk,
    Window,
    Wire,
)
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed, Unverified
from cspdcl.kernel.money import rupees_from_paise

API_PATH: Final = "/apis/servlet/DoWebTrans"
PAY_URL: Final = (
    "https://secure.ccavenue.com/transaction/transaction.do?command=initiateTransaction"
)

STATUS_COMMAND: Final = "orderStatusTracker"
REFUND_COMMAND: Final = "refundOrder"
LOOKUP_COMMAND: Final = "orderLookup"

_OK: Final = 200
_PAGES_MAX: Final = 1000
_Fields = Mapping[str, Any]


def offer(order: Order, setup: Setup) -> Ordered:
    """The form with which the payer's browser begins the order; no call of ours makes it."""
    fields = {
        "merchant_id": setup.merchant_id,
        "order_id": order.reference,
        "currency": INDIAN_CURRENCY,
        "amount": rupees_from_paise(order.amount_paise),
        "redirect_url": order.return_url,
        "cancel_url": order.return_url,
        "language": "EN",
        "billing_tel": order.mobile,
        "billing_email": order.email,
        "merchant_param1": order.consumer_number,
        "merchant_param2": order.bill_number,
    }
    # Nobody escapes the text on its way: what could end a value is left out of it.
    text = "&".join(f"{name}={value.replace('&', ' ')}" for name, value in fields.items())
    return Ordered(
        order_ref=order.reference,
        pay_url=str(setup.settings.get("pay_url") or PAY_URL),
        form={"encRequest": cipher.encrypt(text, setup), "access_code": _access_code(setup)},
    )


def _call_status(asked: StatusAsk, setup: Setup) -> Call:
    order = asked.order_ref or asked.reference
    # The order alone: the one that paid may be another attempt than the one we know.
    return _call(STATUS_COMMAND, {"order_no": order}, setup)


def _read_status(wire: Wire, setup: Setup, asked: StatusAsk) -> Sequence[Notice]:
    result = _result(_answer(wire, setup), "Order_Status_Result")
    if _is_unknown(result):
        return []
    _check_status(result)
    notice = _notice(result, event="status")
    if notice.order_ref != (asked.order_ref or asked.reference):
        raise Malformed("the answer speaks of another order")
    return [replace(notice, reference=asked.reference)]


def _call_refund(asked: RefundAsk, setup: Setup) -> Call:
    body = {
        "reference_no": asked.channel_ref,
        "refund_amount": rupees_from_paise(asked.amount_paise),
        "refund_ref_no": asked.reference,
    }
    return _call(REFUND_COMMAND, body, setup)


def _read_refund(wire: Wire, setup: Setup, asked: RefundAsk) -> Notice:
    result = _result(_answer(wire, setup), "Refund_Order_Result")
    status, reason = text_of(result.get("refund_status")), text_of(result.get("reason"))
    if status == "0":
        return _refund(asked, event="refund", outcome=Outcome.SUCCEEDED)
    if status != "1" or any(word in reason.lower() for word in DONE_BEFORE):
        raise Malformed(f"expected the result of a refund, got {status!r}: {reason[:200]}")
    raise Declined(text_of(result.get("error_code")) or "refund_status=1", reason[:200])


def _call_refund_status(asked: RefundAsk, setup: Setup) -> Call:
    return _call(STATUS_COMMAND, {"reference_no": asked.channel_ref}, setup)


def _read_refund_status(wire: Wire, setup: Setup, asked: RefundAsk) -> Notice:
    """Only an order that went back whole tells of a refund: parts leave no trace in its status."""
    result = _result(_answer(wire, setup), "Order_Status_Result")
    _check_status(result)
    if text_of(result.get("reference_no")) != asked.channel_ref:
        raise Malformed("the answer speaks of another payment")
    is_back = text_of(result.get("order_status")).lower() == REFUNDED
    is_whole = paise_of(result.get("order_amt")) == asked.amount_paise
    outcome = Outcome.SUCCEEDED if is_back and is_whole else Outcome.PENDING
    return _refund(asked, event="refund.status", outcome=outcome)


def _call_history(asked: Window, setup: Setup) -> Call:
    body = {
        "from_date": asked.since.astimezone(INDIA).strftime("%d-%m-%Y"),
        "to_date": asked.until.astimezone(INDIA).strftime("%d-%m-%Y"),
        "order_currency": INDIAN_CURRENCY,
        "page_number": int(asked.cursor or 1),
    }
    return _call(LOOKUP_COMMAND, body, setup)


def _read_history(wire: Wire, setup: Setup, asked: Window) -> Pulled:
    result = _result(_answer(wire, setup), "Order_Lookup_Result")
    if _is_unknown(result):
        return Pulled(notices=[])
    orders = result.get("order_Status_List")
    if not isinstance(orders, list):
        raise Malformed(f"expected a list of orders: {text_of(result.get('error_desc'))[:200]}")
    notices = [_notice(json_strict.object_at(one), event="history") for one in orders]
    page, pages = int(asked.cursor or 1), result.get("page_count", 1)
    if type(pages) is not int or not 0 <= pages <= _PAGES_MAX:
        raise Malformed(f"expected a page_count, got {pages!r}")
    return Pulled(notices=notices, cursor=str(page + 1) if page < pages else "")


def _notice(order: _Fields, *, event: str) -> Notice:
    """An order as the API tells it, in the names of the return."""
    told = {
        "order": order.get("order_no"),
        "ref": order.get("reference_no"),
        "status": order.get("order_status"),
        "amount": order.get("order_amt"),
        "currency": order.get("order_currncy", order.get("order_curr")),
        "bank_ref": order.get("order_bank_ref_no"),
        "mode": order.get("order_option_type"),
        "at": moment_of(order.get("order_status_date_time")),
        "consumer": order.get("merchant_param1"),
        "bill": order.get("merchant_param2"),
        "code": order.get("order_status"),
        "detail": order.get("order_bank_response"),
    }
    return notice_of(told, event=event)


def _refund(asked: RefundAsk, *, event: str, outcome: Outcome) -> Notice:
    return Notice(
        kind=NoticeKind.REFUND,
        event=event,
        outcome=outcome,
        reference=asked.reference,
        channel_ref=asked.channel_ref,
        order_ref=asked.order_ref,
        refund_ref=asked.refund_ref or asked.reference,  # CCAvenue gives it no name of its own
        amount_paise=asked.amount_paise,
        code=outcome.value,
    )


def _call(command: str, body: _Fields, setup: Setup) -> Call:
    form = {
        "enc_request": cipher.encrypt(json.dumps(body, separators=(",", ":")), setup),
        "access_code": _access_code(setup),
        "command": command,
        "request_type": "JSON",
        "response_type": "JSON",
        "version": str(setup.settings.get("api_version", "1.1")),
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Call(url=f"{setup.api_url}{API_PATH}", headers=headers, body=urlencode(form).encode())


def _answer(wire: Wire, setup: Setup) -> _Fields:
    """The decrypted answer. Status 1 carries a plain text: the call was not understood there."""
    if wire.status != _OK:
        raise Malformed(f"expected HTTP 200, got {wire.status}")
    try:
        parts = dict(part.partition("=")[::2] for part in wire.body.decode().strip().split("&"))
    except UnicodeDecodeError as error:
        raise Malformed("expected an answer in UTF-8") from error
    sealed = parts.get("enc_response", "").strip()
    if parts.get("status") != "0":
        raise Malformed(f"expected status 0, got {parts.get('status')!r}: {sealed[:200]}")
    try:
        text = cipher.decrypt(sealed, setup)
    except Unverified as error:
        raise Malformed(f"the answer cannot be opened: {error}") from error
    return json_strict.object_at(json_strict.loads(text.encode()))


def _result(document: _Fields, name: str) -> _Fields:
    """Version 1.1 wraps its result in one name, 1.2 does not."""
    inner = document.get(name, document)
    return json_strict.object_at(inner)


def _check_status(result: _Fields) -> None:
    if text_of(result.get("status")) not in ("", "0"):
        raise Malformed(f"the question failed: {text_of(result.get('error_desc'))[:200]}")


def _is_unknown(result: _Fields) -> bool:
    problem = text_of(result.get("error_desc")).lower()
    has_order = bool(result.get("order_status") or result.get("order_Status_List"))
    return not has_order and any(words in problem for words in NO_RECORD)


def _access_code(setup: Setup) -> str:
    return str(setup.settings.get("access_code", ""))


STATUS: Final = Exchange(_call_status, _read_status)
REFUND: Final = Exchange(_call_refund, _read_refund)
REFUND_STATUS: Final = Exchange(_call_refund_status, _read_refund_status)
HISTORY: Final = Exchange(_call_history, _read_history)
