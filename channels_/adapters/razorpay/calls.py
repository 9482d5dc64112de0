"""What we ask Razorpay: orders, payments, refunds, settlements and disputes, all under /v1.

HTTP Basic with the key's id and secret. A definite no is HTTP 400 with BAD_REQUEST_ERROR; every
other answer that is not 200 leaves it open what happened there.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from channels_ import json_strict
from channels_.adapters.razorpay.codes import NO_CLEAR_NO, PAYMENT_STATUS
from channels_.adapters.razorpay.entities import (
    Entity,
    dispute_notice,
    instant,
    mapping,
    payment_notice,
    ref_at,
    refund_notice,
    rupees_only,
    short,
)
from channels_.contract import (
    Call,
    Declined,
    Evidence,
    Exchange,
    Notice,
    Order,
    Ordered,
    Outcome,
    Pulled,
    PulledReport,
    RefundAsk,
    Setup,
    StatusAsk,
    Window,
    Wire,
)
from cspdcl.kernel.clock import business_date
from cspdcl.kernel.errors import Malformed

KEY_ID: Final = "key_id"
KEY_SECRET: Final = "key_secret"  # noqa: S105 - the name of the secret, not the secret

PAYMENTS_A_PAGE: Final = 100  # the most the API gives
ROWS_A_PAGE: Final = 1000
SUMMARY_MAX: Final = 1000

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{10,64}")
_OK: Final = 200
_BAD_REQUEST: Final = 400


# ---- orders ------------------------------------------------------------------------------------


def _order_call(asked: Order, setup: Setup) -> Call:
    body: dict[str, Any] = {
        "amount": asked.amount_paise,
        "currency": "INR",
        "receipt": asked.reference,
        "notes": _notes(asked),
    }
    if setup.settings.get("unique_receipt") is True:
        body["unique_receipt"] = True
    return _call(setup, "POST", "/v1/orders", body=body)


def _order_read(wire: Wire, setup: Setup, asked: Order) -> Ordered:
    order = _entity(wire, "order")
    rupees_only(order)
    if json_strict.paise_at(order, "amount") != asked.amount_paise:
        raise Malformed("the order has another amount than was asked for")
    if order.get("receipt") != asked.reference:
        raise Malformed("the order has another receipt than was asked for")
    order_ref = ref_at(order, "id")
    return Ordered(
        order_ref=order_ref,
        pay_url=f"{setup.api_url}/v1/checkout/embedded",
        form=_checkout_form(order_ref, asked, setup),
    )


def _checkout_form(order_ref: str, asked: Order, setup: Setup) -> Mapping[str, str]:
    """What the payer's browser posts to the hosted checkout. Notes ride along into the payment."""
    fields = {
        "key_id": setup.secrets[KEY_ID],
        "order_id": order_ref,
        "amount": str(asked.amount_paise),
        "currency": "INR",
        "name": str(setup.settings.get("display_name", "CSPDCL")),
        "description": "Electricity bill",
        "prefill[name]": asked.payer_name,
        "prefill[contact]": asked.mobile,
        "prefill[email]": asked.email,
        "callback_url": asked.return_url,
        "cancel_url": asked.return_url,
        **{f"notes[{name}]": value for name, value in _notes(asked).items()},
    }
    return {name: value for name, value in fields.items() if value}


def _notes(asked: Order) -> Mapping[str, str]:
    notes = {
        "consumer_number": asked.consumer_number,
        "bill_number": asked.bill_number,
        "reference": asked.reference,
    }
    return {name: value for name, value in notes.items() if value}


# ---- payments ----------------------------------------------------------------------------------


def _status_call(asked: StatusAsk, setup: Setup) -> Call:
    """By the order where it is known, because an order may have several attempts."""
    if asked.order_ref:
        path = f"/v1/orders/{_segment(asked.order_ref)}/payments"
    elif asked.channel_ref:
        path = f"/v1/payments/{_segment(asked.channel_ref)}"
    else:
        query = urlencode({"receipt": asked.reference, "expand[]": "payments"})
        path = f"/v1/orders?{query}"
    return _call(setup, "GET", path)


def _status_read(wire: Wire, _setup: Setup, asked: StatusAsk) -> Sequence[Notice]:
    answer = _answer(wire)
    if answer.get("entity") == "payment":
        found = [answer]
    elif asked.order_ref:
        found = _items(answer)
    else:
        found = _payments_of_orders(_items(answer), asked)
    return [_attempt(payment, asked) for payment in found]


def _payments_of_orders(orders: Sequence[Entity], asked: StatusAsk) -> list[Entity]:
    payments: list[Entity] = []
    for order in orders:
        if order.get("receipt") != asked.reference:
            raise Malformed("expected orders with our receipt only")
        payments.extend(_items(json_strict.object_at(order, "payments")))
    return payments


def _attempt(payment: Entity, asked: StatusAsk) -> Notice:
    """One attempt; it is of the payment we asked for, or nothing of the answer is believed."""
    notice = _told("status", payment)
    if asked.order_ref:
        is_ours = notice.order_ref == asked.order_ref
    elif asked.channel_ref:
        is_ours = notice.channel_ref == asked.channel_ref
    else:
        is_ours = notice.reference in ("", asked.reference)
    if not is_ours:
        raise Malformed(f"asked for {asked.reference}, told of {notice.channel_ref}")
    return replace(notice, reference=notice.reference or asked.reference)


def _told(event: str, payment: Entity) -> Notice:
    status = json_strict.text_at(payment, "status")
    outcome = PAYMENT_STATUS.get(status, Outcome.PENDING)
    return payment_notice(event, outcome, payment, {}, instant(payment))


def _history_call(asked: Window, setup: Setup) -> Call:
    query = {
        "from": int(asked.since.timestamp()),
        "to": int(asked.until.timestamp()),
        "count": PAYMENTS_A_PAGE,
        "skip": _skipped(asked),
    }
    return _call(setup, "GET", f"/v1/payments?{urlencode(query)}")


def _history_read(wire: Wire, _setup: Setup, asked: Window) -> Pulled:
    items = _items(_answer(wire))
    notices = [_told("history", payment) for payment in items]
    return Pulled(notices=notices, cursor=_next(asked, len(items), PAYMENTS_A_PAGE))


# ---- refunds -----------------------------------------------------------------------------------


def _refund_call(asked: RefundAsk, setup: Setup) -> Call:
    body = {
        "amount": asked.amount_paise,
        "speed": "normal",
        "receipt": asked.reference,
        "notes": {"reason": asked.reason[:256]} if asked.reason else {},
    }
    path = f"/v1/payments/{_segment(asked.channel_ref)}/refund"
    headers = {"X-Refund-Idempotency": _idempotency(asked.reference)}
    return _call(setup, "POST", path, body=body, headers=headers)


def _refund_read(wire: Wire, _setup: Setup, asked: RefundAsk) -> Notice:
    return _own_refund(_entity(wire, "refund"), asked)


def _refund_status_call(asked: RefundAsk, setup: Setup) -> Call:
    if asked.refund_ref:
        return _call(setup, "GET", f"/v1/refunds/{_segment(asked.refund_ref)}")
    path = f"/v1/payments/{_segment(asked.channel_ref)}/refunds"
    return _call(setup, "GET", f"{path}?count={PAYMENTS_A_PAGE}")


def _refund_status_read(wire: Wire, _setup: Setup, asked: RefundAsk) -> Notice:
    answer = _answer(wire)
    if asked.refund_ref:
        return _own_refund(answer, asked)
    items = _items(answer)
    for refund in items:
        if refund.get("receipt") == asked.reference:
            return _own_refund(refund, asked)
    if len(items) >= PAYMENTS_A_PAGE:
        raise Malformed("more refunds than one page shows; ours is not among them")
    raise Declined("unknown_refund", "the payment has no refund with our receipt")


def _own_refund(refund: Entity, asked: RefundAsk) -> Notice:
    notice = refund_notice("refund", None, refund, instant(refund))
    if notice.channel_ref != asked.channel_ref or notice.amount_paise != asked.amount_paise:
        raise Malformed(f"asked about {asked.reference}, told of {notice.refund_ref}")
    return replace(notice, reference=notice.reference or asked.reference)


def _idempotency(reference: str) -> str:
    """Equal on every try; a reference that the header does not take is told by its digest."""
    if _KEY.fullmatch(reference):
        return reference
    return hashlib.sha256(reference.encode()).hexdigest()


# ---- the settlement report ---------------------------------------------------------------------


def _report_call(asked: Window, setup: Setup) -> Call:
    day = business_date(asked.since)
    query = {
        "year": day.year,
        "month": f"{day.month:02d}",
        "day": f"{day.day:02d}",
        "count": ROWS_A_PAGE,
        "skip": _skipped(asked),
    }
    return _call(setup, "GET", f"/v1/settlements/recon/combined?{urlencode(query)}")


def _report_read(wire: Wire, _setup: Setup, asked: Window) -> PulledReport:
    """The page as it came: it is a file of the format razorpay-json."""
    rows = len(_items(_answer(wire)))
    page = _skipped(asked) // ROWS_A_PAGE + 1
    return PulledReport(
        content=wire.body if rows else b"",
        name=f"razorpay-recon-{business_date(asked.since):%Y%m%d}-{page:03d}.json",
        cursor=_next(asked, rows, ROWS_A_PAGE),
    )


# ---- disputes ----------------------------------------------------------------------------------


def _dispute_call(asked: Evidence, setup: Setup) -> Call:
    path = f"/v1/disputes/{_segment(asked.dispute_ref)}"
    if asked.accept:
        return _call(setup, "POST", f"{path}/accept", body={})
    letter = setup.settings.get("explanation_letter")
    body = {
        "amount": asked.amount_paise,
        "summary": asked.summary[:SUMMARY_MAX],
        **({"explanation_letter": [str(letter)]} if letter else {}),
        "action": "submit",
    }
    return _call(setup, "PATCH", f"{path}/contest", body=body)


def _dispute_read(wire: Wire, _setup: Setup, asked: Evidence) -> Notice:
    dispute = _entity(wire, "dispute")
    notice = dispute_notice("dispute", "", dispute, instant(dispute))
    if (notice.dispute_ref, notice.channel_ref) != (asked.dispute_ref, asked.channel_ref):
        raise Malformed(f"asked about {asked.dispute_ref}, told of {notice.dispute_ref}")
    return notice


# ---- the wire ----------------------------------------------------------------------------------


def _call(
    setup: Setup,
    method: str,
    path: str,
    *,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Call:
    key = f"{setup.secrets[KEY_ID]}:{setup.secrets[KEY_SECRET]}"
    named = {
        "Authorization": f"Basic {base64.b64encode(key.encode()).decode()}",
        "Accept": "application/json",
        **(headers or {}),
    }
    if body is None:
        return Call(url=f"{setup.api_url}{path}", method=method, headers=named)
    named["Content-Type"] = "application/json"
    written = json.dumps(body, separators=(",", ":")).encode()
    return Call(url=f"{setup.api_url}{path}", method=method, headers=named, body=written)


def _answer(wire: Wire) -> Entity:
    """The object they answered with; Declined when they clearly refused, else Malformed."""
    if wire.status == _BAD_REQUEST:
        _refuse(mapping(mapping(json_strict.loads(wire.body)).get("error")))
    if wire.status != _OK:
        raise Malformed(f"expected HTTP 200, got {wire.status}")
    return json_strict.object_at(json_strict.loads(wire.body))


def _refuse(error: Entity) -> None:
    code, text = short(error.get("code"), 64), short(error.get("description"), 200)
    reason = short(error.get("reason"), 64)
    if code != "BAD_REQUEST_ERROR":
        return
    if any(word in text.lower() for word in NO_CLEAR_NO):
        raise Malformed(f"{code}: {text}")
    raise Declined(reason if reason not in ("", "NA") else code, text)


def _entity(wire: Wire, name: str) -> Entity:
    answer = _answer(wire)
    if answer.get("entity") != name:
        raise Malformed(f"expected the entity {name}")
    return answer


def _items(collection: Entity) -> list[Entity]:
    items = collection.get("items")
    if collection.get("entity") != "collection" or not isinstance(items, list):
        raise Malformed("expected a collection with items")
    if not all(isinstance(item, Mapping) for item in items):
        raise Malformed("expected objects as items")
    return items


def _segment(ref: str) -> str:
    """An identifier as part of a path: nothing in it may lead elsewhere."""
    if not ref:
        raise Malformed("a call needs the channel's identifier")
    return quote(ref, safe="")


def _skipped(asked: Window) -> int:
    return int(asked.cursor) if asked.cursor else 0


def _next(asked: Window, rows: int, page: int) -> str:
    return str(_skipped(asked) + rows) if rows >= page else ""


ORDER: Final = Exchange[Order, Ordered](_order_call, _order_read)
STATUS: Final = Exchange[StatusAsk, Sequence[Notice]](_status_call, _status_read)
REFUND: Final = Exchange[RefundAsk, Notice](_refund_call, _refund_read)
REFUND_STATUS: Final = Exchange[RefundAsk, Notice](_refund_status_call, _refund_status_read)
HISTORY: Final = Exchange[Window, Pulled](_history_call, _history_read)
REPORT: Final = Exchange[Window, PulledReport](_report_call, _report_read)
DISPUTE: Final = Exchange[Evidence, Notice](_dispute_call, _dispute_read)
