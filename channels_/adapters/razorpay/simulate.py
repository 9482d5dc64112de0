"""How Razorpay looks from outside: its webhooks, their signature, its combined recon report."""

import csv
import hashlib
import hmac
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from channels_.contract import Method, Setup
from channels_.simulation import (
    Envelope,
    News,
    ReportRow,
    SampleDispute,
    SamplePayment,
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
}
_STATUS: Final[Mapping[News, str]] = {
    News.AUTHORISED: "authorized",
    News.PAID: "captured",
    News.ORDER_PAID: "captured",
    News.FAILED: "failed",
}


def tell(news: News, subject: Subject, at: datetime, event_id: str) -> Envelope:
    """One webhook; the event id travels in a header only, as with the real ones."""
    if isinstance(subject, SampleDispute):
        raise TypeError(f"no webhook of {news} is played")
    if isinstance(subject, SampleRefund):
        payload = {
            "refund": {"entity": _refund(subject, news)},
            "payment": {"entity": _payment(subject.payment, News.PAID)},
        }
    else:
        payload = {"payment": {"entity": _payment(subject, news)}}
        if news is News.ORDER_PAID:
            payload["order"] = {"entity": _order(subject)}
    document = {
        "entity": "event",
        "account_id": ACCOUNT,
        "event": _EVENTS[news],
        "contains": list(payload),
        "payload": payload,
        "created_at": _unix(at),
    }
    body = json.dumps(document, separators=(",", ":")).encode()
    return Envelope(body, {"Content-Type": "application/json", "X-Razorpay-Event-Id": event_id})


def sign(envelope: Envelope, setup: Setup) -> Mapping[str, str]:
    """The headers with the HMAC of the raw body, by the webhook secret."""
    key = setup.secrets["webhook_secret"].encode()
    signature = hmac.new(key, envelope.body, hashlib.sha256).hexdigest()
    return {**envelope.headers, "X-Razorpay-Signature": signature}


def report(rows: Sequence[ReportRow]) -> Mapping[str, bytes]:
    """The combined recon report as CSV and as JSON, money in paise, the tax inside the fee."""
    items = [_item(row) for row in rows]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(item[name]) for name in COLUMNS] for item in items)
    document = {"entity": "collection", "count": len(items), "items": items}
    return {
        "csv": out.getvalue().encode(),
        "json": json.dumps(document, indent=1).encode() + b"\n",
    }


def _payment(payment: SamplePayment, news: News) -> dict[str, Any]:
    status = _STATUS[news]
    is_failed = news is News.FAILED
    is_priced = news in {News.PAID, News.ORDER_PAID}
    return {
        "id": payment.channel_ref,
        "entity": "payment",
        "amount": payment.amount_paise,
        "currency": "INR",
        "status": status,
        "order_id": payment.order_ref,
        "invoice_id": None,
        "international": False,
        "method": payment.method.value,
        "amount_refunded": 0,
        "refund_status": None,
        "captured": status == "captured",
        "description": "Electricity bill",
        "card_id": None,
        **_instrument(payment),
        "wallet": None,
        "email": "sample@example.com",
        "contact": f"+91{payment.mobile}",
        "notes": {
            "consumer_number": payment.consumer_number,
            **({"bill_number": payment.bill_number} if payment.bill_number else {}),
        },
        "fee": payment.fee_paise + payment.tax_paise if is_priced else None,
        "tax": payment.tax_paise if is_priced else None,
        "error_code": "BAD_REQUEST_ERROR" if is_failed else None,
        "error_description": "Payment was not completed by the payer" if is_failed else None,
        "error_source": "customer" if is_failed else None,
        "error_step": "payment_authentication" if is_failed else None,
        "error_reason": "payment_failed" if is_failed else None,
        "acquirer_data": _acquirer(payment) if not is_failed else {},
        "created_at": _unix(payment.created_at),
    }


def _instrument(payment: SamplePayment) -> dict[str, Any]:
    if payment.method is Method.UPI:
        return {
            "bank": None,
            "vpa": payment.payer,
            "upi": {"payer_account_type": "bank_account", "vpa": payment.payer},
        }
    if payment.method is Method.CARD:
        card = {
            "entity": "card",
            "last4": payment.payer,
            "network": payment.network,
            "type": "debit",
            "issuer": payment.issuer,
            "international": False,
            "emi": False,
        }
        return {"bank": None, "vpa": None, "card": card}
    return {"bank": payment.issuer, "vpa": None}


def _acquirer(payment: SamplePayment) -> dict[str, Any]:
    if payment.method is Method.NETBANKING:
        return {"bank_transaction_id": payment.rrn}
    if payment.method is Method.CARD:
        return {"auth_code": payment.rrn[-6:], "rrn": payment.rrn}
    return {"rrn": payment.rrn}


def _order(payment: SamplePayment) -> dict[str, Any]:
    return {
        "id": payment.order_ref,
        "entity": "order",
        "amount": payment.amount_paise,
        "amount_paid": payment.amount_paise,
        "amount_due": 0,
        "currency": "INR",
        "receipt": None,
        "status": "paid",
        "attempts": 1,
        "created_at": _unix(payment.created_at),
    }


def _refund(refund: SampleRefund, news: News) -> dict[str, Any]:
    is_done = news is News.REFUND_PROCESSED
    return {
        "id": refund.channel_ref,
        "entity": "refund",
        "amount": refund.amount_paise,
        "currency": "INR",
        "payment_id": refund.payment.channel_ref,
        "notes": {"consumer_number": refund.payment.consumer_number},
        "receipt": None,
        "acquirer_data": {"rrn": refund.rrn} if is_done else {"rrn": None},
        "created_at": _unix(refund.created_at),
        "batch_id": None,
        "status": "processed" if is_done else "pending",
        "speed_requested": "normal",
        "speed_processed": "normal",
    }


def _item(row: ReportRow) -> dict[str, Any]:
    is_card = row.method == Method.CARD.value
    notes = {"consumer_number": row.consumer_number} if row.consumer_number else {}
    return {
        "entity_id": row.channel_ref,
        "type": row.word,
        "debit": row.debit_paise,
        "credit": row.credit_paise,
        "amount": row.amount_paise,
        "currency": "INR",
        "fee": row.fee_paise + row.tax_paise,
        "tax": row.tax_paise,
        "on_hold": False,
        "settled": True,
        "created_at": _unix(row.created_at),
        "settled_at": _unix(row.settled_at),
        "settlement_id": row.settlement_ref,
        "posted_at": None,
        "credit_type": "default",
        "description": row.description or None,
        "notes": json.dumps(notes, separators=(",", ":")),
        "payment_id": row.payment_ref or None,
        "settlement_utr": row.utr,
        "order_id": row.order_ref or None,
        "order_receipt": None,
        "method": row.method or None,
        "card_network": row.network or None,
        "card_issuer": row.issuer if is_card else None,
        "card_type": "debit" if is_card else None,
        "dispute_id": row.dispute_ref or None,
    }


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return "" if value is None else value


def _unix(at: datetime) -> int:
    return int(at.timestamp())


SIMULATION: Final = Simulation(tell=tell, sign=sign, report=report)
