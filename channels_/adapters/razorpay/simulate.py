"""How Razorpay looks from outside: its webhooks, their signature, its recon report, its API."""

import csv
import hashlib
import hmac
import io
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from channels_.adapters.razorpay.simulate_partner import answer
from channels_.adapters.razorpay.simulate_sample import (
    DISPUTE_STATUS,
    REFUND_STATUS,
    STATUS,
    dispute_entity,
    order_entity,
    payment_entity,
    refund_entity,
    report_item,
    unix,
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

ACCOUNT: Final = "acc_SampleCspdcl01"

# In the order in which the API documents them.
COLUMNS: Final = (
    *("entity_id", "type", "debit", "credit", "amount", "currency", "fee", "tax", "on_hold"),
    *("settled", "created_at", "settled_at", "settlement_id", "posted_at", "credit_type"),
    *("description", "notes", "payment_id", "settlement_utr", "order_id", "order_receipt"),
    *("method", "card_network", "card_issuer", "card_type", "dispute_id"),
)

_EVENTS: Final[Mapping[News, str]] = {
    News.AUTHORISED: "payment.authorized",
    News.PAID: "payment.captured",
    News.ORDER_PAID: "order.paid",
    News.FAILED: "payment.failed",
    News.REFUND_CREATED: "refund.created",
    News.REFUND_PROCESSED: "refund.processed",
    News.REFUND_FAILED: "refund.failed",
    News.DISPUTE_OPENED: "payment.dispute.created",
    News.DISPUTE_WON: "payment.dispute.won",
    News.DISPUTE_LOST: "payment.dispute.lost",
}


def tell(news: News, subject: Subject, at: datetime, event_id: str) -> Envelope:
    """One webhook; the event id travels in a header only, as with the real ones."""
    payload = _payload(news, subject)
    document = {
        "entity": "event",
        "account_id": ACCOUNT,
        "event": _EVENTS[news],
        "contains": list(payload),
        "payload": payload,
        "created_at": unix(at),
    }
    body = json.dumps(document, separators=(",", ":")).encode()
    return Envelope(body, {"Content-Type": "application/json", "X-Razorpay-Event-Id": event_id})


def _payload(news: News, subject: Subject) -> dict[str, Any]:
    if isinstance(subject, SampleDispute):
        return {
            "payment": {"entity": payment_entity(subject.payment, "captured")},
            "dispute": {"entity": dispute_entity(subject, DISPUTE_STATUS[news])},
        }
    if isinstance(subject, SampleRefund):
        return {
            "refund": {"entity": refund_entity(subject, REFUND_STATUS[news])},
            "payment": {"entity": payment_entity(subject.payment, "captured")},
        }
    payload = {"payment": {"entity": payment_entity(subject, STATUS[news])}}
    if news is News.ORDER_PAID:
        payload["order"] = {"entity": order_entity(subject)}
    return payload


def sign(envelope: Envelope, setup: Setup) -> Mapping[str, str]:
    """The headers with the HMAC of the raw body, by the webhook secret."""
    key = setup.secrets["webhook_secret"].encode()
    signature = hmac.new(key, envelope.body, hashlib.sha256).hexdigest()
    return {**envelope.headers, "X-Razorpay-Signature": signature}


def report(rows: Sequence[ReportRow]) -> Mapping[str, bytes]:
    """The combined recon report as CSV and as JSON, money in paise, the tax inside the fee."""
    items = [report_item(row) for row in rows]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(item[name]) for name in COLUMNS] for item in items)
    document = {"entity": "collection", "count": len(items), "items": items}
    return {
        "csv": out.getvalue().encode(),
        "json": json.dumps(document, indent=1).encode() + b"\n",
    }


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return "" if value is None else value


def make_keys() -> SampleKeys:
    """A webhook secret and an API key, equal on both sides."""
    made = {
        "webhook_secret": secrets.token_hex(24),
        "key_id": f"rzp_test_{secrets.token_hex(7)}",
        "key_secret": secrets.token_hex(12),
    }
    return SampleKeys(ours=made, theirs=made)


SIMULATION: Final = Simulation(
    tell=tell,
    sign=sign,
    report=report,
    answer=answer,
    news=frozenset(News),
    methods=((Method.UPI, 80), (Method.CARD, 12), (Method.NETBANKING, 8)),
    merchant_id=ACCOUNT,
    make_keys=make_keys,
)
