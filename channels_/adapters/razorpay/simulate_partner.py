"""Razorpay's API as it answers to our calls, out of the books of a simulated world."""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from channels_.adapters.razorpay.simulate_sample import payment_entity, refund_entity, report_item
from channels_.contract import Outcome, Setup, Wire
from channels_.simulation import Called, Happened, SampleRefund, World

_STATUS: Final[Mapping[Outcome, str]] = {
    Outcome.PENDING: "created",
    Outcome.SUCCEEDED: "captured",
    Outcome.FAILED: "failed",
}
_HEADERS: Final = {"content-type": "application/json"}

_Query = Mapping[str, str]


def answer(called: Called, world: World, setup: Setup) -> Wire:
    """What the API says to one call."""
    key = f"{setup.secrets['key_id']}:{setup.secrets['key_secret']}"
    expected = f"Basic {base64.b64encode(key.encode()).decode()}"
    if called.headers.get("authorization") != expected:
        return _refusal("Authentication failed", status=401)
    address = urlsplit(called.path)
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    for method, pattern, serve in _ROUTES:
        found = pattern.fullmatch(address.path)
        if found and method == called.method:
            return serve(world, unquote(found["id"]) if found.groupdict() else "", called, query)
    return _refusal("The requested URL was not found on the server.", status=404)


def _make_order(world: World, _ref: str, called: Called, _query: _Query) -> Wire:
    asked = json.loads(called.body)
    notes = asked.get("notes") or {}
    order_ref = world.begin(
        asked["receipt"], asked["amount"], consumer_number=notes.get("consumer_number", "")
    )
    return _said(
        {
            "id": order_ref,
            "entity": "order",
            "amount": asked["amount"],
            "amount_paid": 0,
            "amount_due": asked["amount"],
            "currency": asked["currency"],
            "receipt": asked["receipt"],
            "offer_id": None,
            "status": "created",
            "attempts": 0,
            "notes": notes,
            "created_at": 1,
        }
    )


def _orders(world: World, _ref: str, _called: Called, query: _Query) -> Wire:
    happened = world.find(query.get("receipt", ""))
    if happened is None:
        return _said(_collection([]))
    payment = happened.payment
    order = {
        "id": payment.order_ref,
        "entity": "order",
        "amount": payment.amount_paise,
        "currency": "INR",
        "receipt": query["receipt"],
        "status": "paid" if happened.outcome is Outcome.SUCCEEDED else "attempted",
        "payments": _collection([_payment(happened)]),
    }
    return _said(_collection([order]))


def _order_payments(world: World, ref: str, _called: Called, _query: _Query) -> Wire:
    happened = world.find(ref)
    return _said(_collection([] if happened is None else [_payment(happened)]))


def _one_payment(world: World, ref: str, _called: Called, _query: _Query) -> Wire:
    happened = world.find(ref)
    return _unknown() if happened is None else _said(_payment(happened))


def _payments(world: World, _ref: str, _called: Called, query: _Query) -> Wire:
    since, until = (datetime.fromtimestamp(int(query[name]), UTC) for name in ("from", "to"))
    found = _page(world.between(since, until), query)
    return _said(_collection([_payment(happened) for happened in found]))


def _refund(world: World, ref: str, called: Called, _query: _Query) -> Wire:
    asked = json.loads(called.body)
    refund = world.refund(ref, reference=asked["receipt"], amount_paise=asked["amount"])
    if refund is None:
        return _refusal("The refund amount provided is greater than amount captured")
    return _said(refund_entity(refund, _refund_status(refund)))


def _refunds(world: World, ref: str, _called: Called, _query: _Query) -> Wire:
    happened = world.find(ref)
    if happened is None:
        return _unknown()
    items = [refund_entity(refund, _refund_status(refund)) for refund in happened.refunds]
    return _said(_collection(items))


def _one_refund(world: World, ref: str, _called: Called, _query: _Query) -> Wire:
    refund = world.refunded(ref)
    if refund is None:
        return _unknown()
    return _said(refund_entity(refund, _refund_status(refund)))


def _recon(world: World, _ref: str, _called: Called, query: _Query) -> Wire:
    day = date(int(query["year"]), int(query["month"]), int(query["day"]))
    return _said(_collection([report_item(row) for row in _page(world.report(day), query)]))


def _payment(happened: Happened) -> dict[str, Any]:
    entity = payment_entity(happened.payment, _STATUS[happened.outcome])
    back = sum(refund.amount_paise for refund in happened.refunds)
    if back:
        is_whole = back == happened.payment.amount_paise
        entity["amount_refunded"] = back
        entity["refund_status"] = "full" if is_whole else "partial"
        entity["status"] = "refunded" if is_whole else entity["status"]
    return entity


def _refund_status(_refund: SampleRefund) -> str:
    return "processed"


def _page(rows: Sequence[Any], query: _Query) -> Sequence[Any]:
    skip = int(query.get("skip", "0"))
    return rows[skip : skip + int(query.get("count", "10"))]


def _collection(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"entity": "collection", "count": len(items), "items": list(items)}


def _said(document: Mapping[str, Any]) -> Wire:
    return Wire(json.dumps(document).encode(), headers=_HEADERS)


def _unknown() -> Wire:
    return _refusal("The id provided does not exist")


def _refusal(description: str, *, status: int = 400) -> Wire:
    error = {
        "code": "BAD_REQUEST_ERROR",
        "description": description,
        "source": "business",
        "step": "payment_initiation",
        "reason": "input_validation_failed",
        "metadata": {},
    }
    return Wire(json.dumps({"error": error}).encode(), status=status, headers=_HEADERS)


_Serve = Callable[[World, str, Called, _Query], Wire]

_ROUTES: Final[Sequence[tuple[str, re.Pattern[str], _Serve]]] = [
    (method, re.compile(pattern), serve)
    for method, pattern, serve in (
        ("POST", r"/v1/orders", _make_order),
        ("GET", r"/v1/orders", _orders),
        ("GET", r"/v1/orders/(?P<id>[^/]+)/payments", _order_payments),
        ("GET", r"/v1/payments", _payments),
        ("GET", r"/v1/payments/(?P<id>[^/]+)", _one_payment),
        ("POST", r"/v1/payments/(?P<id>[^/]+)/refund", _refund),
        ("GET", r"/v1/payments/(?P<id>[^/]+)/refunds", _refunds),
        ("GET", r"/v1/refunds/(?P<id>[^/]+)", _one_refund),
        ("GET", r"/v1/settlements/recon/combined", _recon),
    )
]
