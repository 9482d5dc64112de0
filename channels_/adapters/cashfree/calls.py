"""What we ask Cashfree: orders, payments, refunds, recon and disputes, all under /pg.

The order is named by our reference, the refund by the reference of the refund, so a repeated call
finds what the first one made. A definite no is HTTP 400, 404 or 409 with a code; every other
answer that is not 200 leaves it open what happened there.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from channels_ import json_strict
from channels_.adapters.cashfree.codes import NO_CLEAR_NO, PAYMENT_STATUS
from channels_.adapters.cashfree.entities import (
    Entity,
    dispute_notice,
    id_at,
    inr_only,
    mapping,
    method_of,
    moment_at,
    paise_at,
    payment_notice,
    refund_notice,
    short,
)
from channels_.contract import (
    Call,
    Declined,
    Evidence,
    Exchange,
    Notice,
    NoticeKind,
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
from cspdcl.kernel.clock import INDIA, business_date
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.ids import is_reference
from cspdcl.kernel.money import rupees_from_paise

CLIENT_ID: Final = "client_id"
CLIENT_SECRET: Final = "client_secret"  # noqa: S105 - the name of the secret, not the secret

VERSION: Final = "2025-01-01"
CHECKOUT: Final = "/pg/view/sessions/checkout"
NO_PHONE: Final = "9999999999"  # a phone is required of every order
ROWS_A_PAGE: Final = 100
EVIDENCE_MAX: Final = 2000

_OK: Final = 200
_CLEAR: Final = frozenset({400, 404, 409})
_CODE: Final = re.compile(r"[a-z0-9_.]{3,64}", re.IGNORECASE)
# What says that the call itself was not let in: nothing is known of what it asked for.
_NOT_LET_IN: Final = frozenset({"authentication_error", "rate_limit_error", "api_error"})


# ---- orders ------------------------------------------------------------------------------------


def _order_call(asked: Order, setup: Setup) -> Call:
    phone = asked.mobile or str(setup.settings.get("phone", NO_PHONE))
    meta = {"return_url": asked.return_url, "notify_url": asked.notify_url}
    customer = {
        "customer_id": asked.consumer_number,
        "customer_phone": phone,
        "customer_name": asked.payer_name,
        "customer_email": asked.email,
    }
    tags = {"consumer_number": asked.consumer_number, "bill_number": asked.bill_number}
    rest: dict[str, Any] = {
        "order_id": asked.reference,
        "order_currency": "INR",
        "customer_details": _filled(customer),
        "order_meta": _filled(meta),
        "order_tags": _filled(tags),
    }
    if asked.expires_at is not None:
        expires = asked.expires_at.astimezone(INDIA).isoformat(timespec="seconds")
        rest["order_expiry_time"] = expires
    body = _with_rupees("order_amount", asked.amount_paise, rest)
    return _call(setup, "POST", "/pg/orders", body=body, key=asked.reference)


def _order_read(wire: Wire, setup: Setup, asked: Order) -> Ordered:
    order = _object(wire)
    inr_only(order, "order_currency")
    if id_at(order, "order_id") != asked.reference:
        raise Malformed("the order has another id than was asked for")
    if paise_at(order, "order_amount") != asked.amount_paise:
        raise Malformed("the order has another amount than was asked for")
    session = short(order.get("payment_session_id"), 1024)
    if not session:
        raise Malformed("expected a payment_session_id")
    page = str(setup.settings.get("checkout_path", CHECKOUT))
    return Ordered(
        order_ref=asked.reference,
        pay_url=f"{setup.api_url}{page}",
        form={"payment_session_id": session},
    )


# ---- payments ----------------------------------------------------------------------------------


def _status_call(asked: StatusAsk, setup: Setup) -> Call:
    path = f"/pg/orders/{_segment(asked.order_ref or asked.reference)}/payments"
    return _call(setup, "GET", path)


def _status_read(wire: Wire, _setup: Setup, asked: StatusAsk) -> Sequence[Notice]:
    """Every attempt to pay the order; none when nobody tried."""
    attempts = _list(_document(wire))
    order_id = asked.order_ref or asked.reference
    return [_attempt(payment, order_id, asked) for payment in attempts]


def _attempt(payment: Entity, order_id: str, asked: StatusAsk) -> Notice:
    told = payment.get("order_id", order_id)
    if told != order_id:
        raise Malformed(f"asked for the order {order_id}, told of {str(told)[:64]!r}")
    error = mapping(payment.get("error_details"))
    order = {"order_id": order_id, "order_tags": payment.get("order_tags")}
    notice = payment_notice("status", payment, order=order, error=error, at=None)
    return replace(notice, reference=notice.reference or asked.reference)


def _history_call(asked: Window, setup: Setup) -> Call:
    return _recon_call("/pg/recon", asked, setup)


def _history_read(wire: Wire, _setup: Setup, _asked: Window) -> Pulled:
    """The payments among the events; the other rows belong to the report."""
    page = _object(wire)
    rows = _list(page.get("data"))
    notices = [_of_row(row) for row in rows if row.get("event_type") == "PAYMENT"]
    return Pulled(notices=notices, cursor=_cursor(page, rows))


def _of_row(row: Entity) -> Notice:
    inr_only(row, "event_currency")
    status = json_strict.text_at(row, "event_status", at_most=64)
    order_id = id_at(row, "order_id")
    return Notice(
        kind=NoticeKind.PAYMENT,
        event="history",
        outcome=PAYMENT_STATUS.get(status, Outcome.PENDING),
        reference=order_id if is_reference(order_id) else "",
        channel_ref=id_at(row, "cf_payment_id" if row.get("cf_payment_id") else "event_id"),
        order_ref=order_id,
        amount_paise=paise_at(row, "event_amount"),
        occurred_at=moment_at(row, "payment_time" if row.get("payment_time") else "event_time"),
        method=method_of(row.get("payment_group")),
        rrn=short(row.get("payment_utr"), 32),
        code=status,
    )


# ---- refunds -----------------------------------------------------------------------------------


def _refund_call(asked: RefundAsk, setup: Setup) -> Call:
    rest = {
        "refund_id": asked.reference,
        "refund_note": (asked.reason or "Refund")[:100],
        "refund_speed": "STANDARD",
    }
    body = _with_rupees("refund_amount", asked.amount_paise, rest)
    path = f"/pg/orders/{_segment(_order_of(asked))}/refunds"
    return _call(setup, "POST", path, body=body, key=asked.reference)


def _refund_status_call(asked: RefundAsk, setup: Setup) -> Call:
    path = f"/pg/orders/{_segment(_order_of(asked))}/refunds/{_segment(asked.reference)}"
    return _call(setup, "GET", path)


def _refund_read(wire: Wire, _setup: Setup, asked: RefundAsk) -> Notice:
    """The refund, if it is of the payment we meant: an order may have been paid twice."""
    refund = _object(wire)
    at = moment_at(refund, "created_at")
    notice = refund_notice("refund", refund, at)
    said = (notice.reference, notice.channel_ref, notice.amount_paise)
    if said != (asked.reference, asked.channel_ref, asked.amount_paise):
        raise Malformed(f"asked about {asked.reference}, told of {notice.refund_ref}")
    return notice


def _order_of(asked: RefundAsk) -> str:
    return asked.order_ref or asked.payment_reference


# ---- the settlement report ---------------------------------------------------------------------


def _report_call(asked: Window, setup: Setup) -> Call:
    return _recon_call("/pg/settlement/recon", asked, setup)


def _report_read(wire: Wire, _setup: Setup, asked: Window) -> PulledReport:
    """The page as it came: it is a file of the format cashfree-json."""
    page = _object(wire)
    rows = _list(page.get("data"))
    name = hashlib.sha256(asked.cursor.encode()).hexdigest()[:8] if asked.cursor else "first"
    return PulledReport(
        content=wire.body if rows else b"",
        name=f"cashfree-recon-{business_date(asked.since):%Y%m%d}-{name}.json",
        cursor=_cursor(page, rows),
    )


def _recon_call(path: str, asked: Window, setup: Setup) -> Call:
    rows = int(setup.settings.get("rows_a_page", ROWS_A_PAGE))
    pages = {"limit": rows, "cursor": asked.cursor or None}
    filters = {"start_date": _utc(asked.since), "end_date": _utc(asked.until)}
    body = json.dumps({"pagination": pages, "filters": filters}).encode()
    return _call(setup, "POST", path, body=body)


def _cursor(page: Entity, rows: Sequence[Entity]) -> str:
    """Where the next page begins; a page that is not full is the last, whatever it says."""
    told = page.get("cursor")
    limit = page.get("limit")
    is_full = type(limit) is not int or len(rows) >= limit
    return told if isinstance(told, str) and told and rows and is_full else ""


# ---- disputes ----------------------------------------------------------------------------------


def _dispute_call(asked: Evidence, setup: Setup) -> Call:
    path = f"/pg/disputes/{_segment(asked.dispute_ref)}"
    if asked.accept:
        method = str(setup.settings.get("accept_method", "PUT"))
        return _call(setup, method, f"{path}/accept", body=b"{}", key=f"a-{asked.dispute_ref}")
    document = setup.settings.get("evidence_url")
    body = {
        "evidence_text": asked.summary[:EVIDENCE_MAX],
        **({"evidence_document_urls": [str(document)]} if document else {}),
    }
    sent = json.dumps(body).encode()
    return _call(setup, "POST", f"{path}/contest", body=sent, key=f"c-{asked.dispute_ref}")


def _dispute_read(wire: Wire, setup: Setup, asked: Evidence) -> Notice:
    dispute = _object(wire)
    order = mapping(dispute.get("order_details")) or {"cf_payment_id": asked.channel_ref}
    told = dispute.get("updated_at") or dispute.get("created_at")
    at = moment_at({"at": told}, "at") if told else setup.at
    notice = dispute_notice("dispute", dispute, order=order, at=at)
    if (notice.dispute_ref, notice.channel_ref) != (asked.dispute_ref, asked.channel_ref):
        raise Malformed(f"asked about {asked.dispute_ref}, told of {notice.dispute_ref}")
    return notice


# ---- the wire ----------------------------------------------------------------------------------


def _call(setup: Setup, method: str, path: str, *, body: bytes = b"", key: str = "") -> Call:
    headers = {
        "x-client-id": setup.secrets[CLIENT_ID],
        "x-client-secret": setup.secrets[CLIENT_SECRET],
        "x-api-version": str(setup.settings.get("api_version", VERSION)),
        "Accept": "application/json",
        **({"Content-Type": "application/json"} if body else {}),
        **({"x-idempotency-key": key} if key else {}),
    }
    return Call(url=f"{setup.api_url}{path}", method=method, headers=headers, body=body)


def _document(wire: Wire) -> Any:
    """What they answered with; Declined when they clearly refused, else Malformed."""
    if wire.status in _CLEAR:
        _refuse(json_strict.object_at(json_strict.loads(wire.body)))
    if wire.status != _OK:
        raise Malformed(f"expected HTTP 200, got {wire.status}")
    return json_strict.loads(wire.body)


def _refuse(error: Entity) -> None:
    code, text = short(error.get("code"), 64), short(error.get("message"), 200)
    if not _CODE.fullmatch(code) or short(error.get("type"), 64) in _NOT_LET_IN:
        return
    if any(word in f"{code} {text}".lower() for word in NO_CLEAR_NO):
        raise Malformed(f"{code}: {text}")
    raise Declined(code, text)


def _object(wire: Wire) -> Entity:
    return json_strict.object_at(_document(wire))


def _list(value: Any) -> list[Entity]:
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise Malformed("expected a list of objects")
    return value


def _with_rupees(name: str, paise: int, rest: Mapping[str, Any]) -> bytes:
    """A JSON object that begins with an amount: a number with two decimals, never a float."""
    return f'{{"{name}":{rupees_from_paise(paise)},{json.dumps(rest)[1:]}'.encode()


def _filled(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text}


def _segment(ref: str) -> str:
    """An identifier as part of a path: nothing in it may lead elsewhere."""
    if not ref:
        raise Malformed("a call needs the identifier of the order or dispute")
    return quote(ref, safe="")


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


ORDER: Final = Exchange[Order, Ordered](_order_call, _order_read)
STATUS: Final = Exchange[StatusAsk, Sequence[Notice]](_status_call, _status_read)
REFUND: Final = Exchange[RefundAsk, Notice](_refund_call, _refund_read)
REFUND_STATUS: Final = Exchange[RefundAsk, Notice](_refund_status_call, _refund_read)
HISTORY: Final = Exchange[Window, Pulled](_history_call, _history_read)
REPORT: Final = Exchange[Window, PulledReport](_report_call, _report_read)
DISPUTE: Final = Exchange[Evidence, Notice](_dispute_call, _dispute_read)
