"""Cashfree's API as it answers to our calls, out of the books of a simulated world."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from channels_.adapters.cashfree.simulate_sample import (
    STATUS_OF,
    local,
    order_entity,
    order_id,
    payment_entity,
    recon_row,
    refund_entity,
    rupees,
    written,
)
from channels_.contract import Setup, Wire
from channels_.simulation import Called, Happened, World
from cspdcl.kernel.clock import business_date

_HEADERS: Final = {"content-type": "application/json"}


def answer(called: Called, world: World, setup: Setup) -> Wire:
    """What the API says to one call."""
    for name in ("client_id", "client_secret"):
        if called.headers.get(f"x-{name.replace('_', '-')}") != setup.secrets[name]:
            return _refusal("authentication Failed", "request_failed", status=401)
    path = urlsplit(called.path).path
    for method, pattern, serve in _ROUTES:
        found = pattern.fullmatch(path)
        if found and method == called.method:
            return serve(world, [unquote(part) for part in found.groups()], called)
    return _refusal("No such endpoint", "not_found", status=405)


def _make_order(world: World, _ids: Sequence[str], called: Called) -> Wire:
    asked = json.loads(called.body, parse_float=Decimal)
    paise = int(Decimal(asked["order_amount"]) * 100)
    consumer = asked["customer_details"]["customer_id"]
    order_ref = world.begin(asked["order_id"], paise, consumer_number=consumer)
    return _said(
        {
            "cf_order_id": order_ref,
            "order_id": asked["order_id"],
            "entity": "order",
            "order_currency": asked["order_currency"],
            "order_amount": rupees(paise),
            "order_status": "ACTIVE",
            "payment_session_id": f"session_{order_ref}",
            "order_tags": asked.get("order_tags"),
        }
    )


def _payments(world: World, ids: Sequence[str], _called: Called) -> Wire:
    happened = world.find(ids[0])
    if happened is None:
        return _refusal("Order Reference Id does not exist", "order_not_found", status=404)
    payment = payment_entity(happened.payment, STATUS_OF[happened.outcome])
    tags = order_entity(happened.payment)["order_tags"]
    return _said([{**payment, "order_id": ids[0], "order_tags": tags, "entity": "payment"}])


def _make_refund(world: World, ids: Sequence[str], called: Called) -> Wire:
    asked = json.loads(called.body, parse_float=Decimal)
    paise = int(Decimal(asked["refund_amount"]) * 100)
    refund = world.refund(ids[0], reference=asked["refund_id"], amount_paise=paise)
    if refund is None:
        return _refusal("refund amount exceeds the refundable amount", "refund_amount_invalid")
    return _said(refund_entity(refund, "SUCCESS"))


def _refund(world: World, ids: Sequence[str], _called: Called) -> Wire:
    refund = world.refunded(ids[1])
    if refund is None:
        return _refusal("Refund does not exist", "refund_not_found", status=404)
    return _said(refund_entity(refund, "SUCCESS"))


def _settlement_recon(world: World, _ids: Sequence[str], called: Called) -> Wire:
    asked = json.loads(called.body)
    day = business_date(datetime.fromisoformat(asked["filters"]["start_date"]))
    return _page([recon_row(row) for row in world.report(day)], asked["pagination"])


def _recon(world: World, _ids: Sequence[str], called: Called) -> Wire:
    asked = json.loads(called.body)
    since, until = (
        datetime.fromisoformat(asked["filters"][name]) for name in ("start_date", "end_date")
    )
    return _page([_event(one) for one in world.between(since, until)], asked["pagination"])


def _event(happened: Happened) -> dict[str, Any]:
    payment = happened.payment
    entity = payment_entity(payment, STATUS_OF[happened.outcome])
    return {
        "event_id": payment.channel_ref,
        "event_type": "PAYMENT",
        "event_amount": rupees(payment.amount_paise),
        "event_settlement_amount": rupees(payment.amount_paise),
        "sale_type": "CREDIT",
        "event_status": entity["payment_status"],
        "event_time": local(payment.paid_at),
        "event_currency": "INR",
        "order_id": order_id(payment),
        "payment_group": entity["payment_group"].upper(),
        "payment_time": local(payment.paid_at),
        "payment_utr": payment.rrn,
        "cf_payment_id": payment.channel_ref,
    }


def _page(rows: Sequence[dict[str, Any]], pages: dict[str, Any]) -> Wire:
    """The cursor is a number here; callers must not know."""
    start, limit = int(pages.get("cursor") or 0), pages["limit"]
    end = start + limit
    cursor = str(end) if end < len(rows) else None
    return _said({"cursor": cursor, "limit": limit, "data": list(rows[start:end])})


def _said(document: Any) -> Wire:
    return Wire(written(document), headers=_HEADERS)


def _refusal(message: str, code: str, *, status: int = 400) -> Wire:
    kind = "authentication_error" if status == 401 else "invalid_request_error"
    document = {"message": message, "code": code, "type": kind}
    return Wire(json.dumps(document).encode(), status=status, headers=_HEADERS)


_Serve = Callable[[World, Sequence[str], Called], Wire]

_ROUTES: Final[Sequence[tuple[str, re.Pattern[str], _Serve]]] = [
    (method, re.compile(pattern), serve)
    for method, pattern, serve in (
        ("POST", r"/pg/orders", _make_order),
        ("GET", r"/pg/orders/([^/]+)/payments", _payments),
        ("POST", r"/pg/orders/([^/]+)/refunds", _make_refund),
        ("GET", r"/pg/orders/([^/]+)/refunds/([^/]+)", _refund),
        ("POST", r"/pg/settlement/recon", _settlement_recon),
        ("POST", r"/pg/recon", _recon),
    )
]
