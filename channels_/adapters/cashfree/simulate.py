"""How Cashfree looks from outside: its webhooks, their signature, its recon, its API."""

import base64
import csv
import hashlib
import hmac
import io
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from channels_.adapters.cashfree.simulate_partner import answer
from channels_.adapters.cashfree.simulate_sample import (
    DISPUTE_STATUS,
    REFUND_STATUS,
    STATUS,
    customer,
    dispute_entity,
    dispute_order,
    local,
    order_entity,
    payment_entity,
    recon_row,
    refund_entity,
    written,
)
from channels_.contract import Method, Setup
from channels_.simulation import (
    Envelope,
    News,
    ReportRow,
    SampleDispute,
    SampleKeys,
    SampleRefund,
    Simulation,
    Subject,
)

_EVENTS: Final[Mapping[News, str]] = {
    News.PAID: "PAYMENT_SUCCESS_WEBHOOK",
    News.FAILED: "PAYMENT_FAILED_WEBHOOK",
    News.REFUND_CREATED: "REFUND_STATUS_WEBHOOK",
    News.REFUND_PROCESSED: "REFUND_STATUS_WEBHOOK",
    News.REFUND_FAILED: "REFUND_STATUS_WEBHOOK",
    News.DISPUTE_OPENED: "DISPUTE_CREATED",
    News.DISPUTE_WON: "DISPUTE_CLOSED",
    News.DISPUTE_LOST: "DISPUTE_CLOSED",
}


def tell(news: News, subject: Subject, at: datetime, event_id: str) -> Envelope:
    """One webhook of version 2025-01-01; the event id travels as its idempotency key."""
    document = {"data": _data(news, subject), "event_time": local(at), "type": _EVENTS[news]}
    headers = {
        "Content-Type": "application/json",
        "x-webhook-version": "2025-01-01",
        "x-webhook-attempt": "1",
        "x-idempotency-key": event_id,
    }
    return Envelope(written(document), headers)


def sign(envelope: Envelope, setup: Setup) -> Mapping[str, str]:
    """The headers with this moment, and the HMAC of it and the raw body."""
    moment = str(int(setup.at.timestamp()) * 1000)
    key = setup.secrets["client_secret"].encode()
    digest = hmac.new(key, moment.encode() + envelope.body, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    return {
        **envelope.headers,
        "x-webhook-timestamp": moment,
        "x-webhook-signature": signature,
    }


def report(rows: Sequence[ReportRow]) -> Mapping[str, bytes]:
    """The settlement recon as the API's JSON and as CSV, money in rupees."""
    items = [recon_row(row) for row in rows]
    out = io.StringIO(newline="")
    names = list(items[0]) if items else ["event_id"]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(cell) for name, cell in item.items()} for item in items)
    return {
        "csv": out.getvalue().encode(),
        "json": written({"cursor": None, "limit": len(items), "data": items}),
    }


def make_keys() -> SampleKeys:
    """A client id and its secret, which signs webhooks and calls alike."""
    made = {
        "client_id": f"TEST{secrets.token_hex(14)}",
        "client_secret": f"TEST{secrets.token_hex(20)}",
    }
    return SampleKeys(ours=made, theirs=made)


def _data(news: News, subject: Subject) -> dict[str, Any]:
    if isinstance(subject, SampleDispute):
        return {
            "dispute": dispute_entity(subject, DISPUTE_STATUS[news]),
            "order_details": dispute_order(subject.payment),
            "customer_details": customer(subject.payment),
        }
    if isinstance(subject, SampleRefund):
        return {"refund": refund_entity(subject, REFUND_STATUS[news])}
    data = {
        "order": order_entity(subject),
        "payment": payment_entity(subject, STATUS[news]),
        "customer_details": customer(subject),
        "payment_gateway_details": {"gateway_name": "CASHFREE"},
        "payment_offers": None,
    }
    if news is News.FAILED:
        data["error_details"] = {
            "error_code": "TRANSACTION_DECLINED",
            "error_description": "The payer's bank declined the payment",
            "error_reason": "auth_declined",
            "error_source": "customer",
        }
    return data


def _cell(value: Any) -> str:
    return "" if value is None else str(value).strip("\0")


SIMULATION: Final = Simulation(
    tell=tell,
    sign=sign,
    report=report,
    answer=answer,
    news=frozenset(_EVENTS),
    methods=((Method.UPI, 76), (Method.CARD, 13), (Method.NETBANKING, 8), (Method.WALLET, 3)),
    make_keys=make_keys,
    refs={
        "payment": "5###########",
        "order": "order_**************",
        "refund": "#########",
        "settlement": "########",
        "dispute": "#########",
        "row": "4###########",
    },
)
