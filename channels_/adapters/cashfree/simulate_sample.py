"""Cashfree's entities of what is simulated, as its webhooks and its API write them."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from channels_.contract import Method, Outcome
from channels_.simulation import News, ReportRow, SampleDispute, SamplePayment, SampleRefund
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.money import rupees_from_paise

STATUS: Final[Mapping[News, str]] = {News.PAID: "SUCCESS", News.FAILED: "FAILED"}
STATUS_OF: Final[Mapping[Outcome, str]] = {
    Outcome.PENDING: "PENDING",
    Outcome.SUCCEEDED: "SUCCESS",
    Outcome.FAILED: "FAILED",
}
REFUND_STATUS: Final[Mapping[News, str]] = {
    News.REFUND_CREATED: "PENDING",
    News.REFUND_PROCESSED: "SUCCESS",
    News.REFUND_FAILED: "CANCELLED",
}
DISPUTE_STATUS: Final[Mapping[News, str]] = {
    News.DISPUTE_OPENED: "CHARGEBACK_CREATED",
    News.DISPUTE_WON: "CHARGEBACK_MERCHANT_WON",
    News.DISPUTE_LOST: "CHARGEBACK_MERCHANT_LOST",
}
GROUPS: Final[Mapping[Method, str]] = {
    Method.UPI: "upi",
    Method.CARD: "debit_card",
    Method.NETBANKING: "net_banking",
    Method.WALLET: "wallet",
}

_RUPEES: Final = re.compile(rb'"\\u0000(-?[0-9.]+)\\u0000"')


def written(document: Any) -> bytes:
    """The document as JSON, its rupees as numbers with two decimals."""
    return _RUPEES.sub(rb"\1", json.dumps(document, separators=(",", ":")).encode())


def rupees(paise: int) -> str:
    """An amount that ``written`` makes a number of, so that no float comes near it."""
    return f"\0{rupees_from_paise(paise)}\0"


def order_id(payment: SamplePayment) -> str:
    """What the order is called: our reference when it began with us."""
    return payment.reference or payment.order_ref


def order_entity(payment: SamplePayment) -> dict[str, Any]:
    """The order around a payment, as webhooks tell it."""
    tags = {"consumer_number": payment.consumer_number, "bill_number": payment.bill_number}
    return {
        "order_id": order_id(payment),
        "order_amount": rupees(payment.amount_paise),
        "order_currency": "INR",
        "order_tags": {name: tag for name, tag in tags.items() if tag},
    }


def payment_entity(payment: SamplePayment, status: str) -> dict[str, Any]:
    """One attempt with its status there."""
    is_failed = status == "FAILED"
    return {
        "cf_payment_id": payment.channel_ref,
        "payment_status": status,
        "payment_amount": rupees(payment.amount_paise),
        "payment_currency": "INR",
        "payment_message": "Transaction declined" if is_failed else "00::Transaction success",
        "payment_time": local(payment.paid_at),
        "bank_reference": payment.rrn,
        "auth_id": None,
        "payment_method": _instrument(payment),
        "payment_group": GROUPS.get(payment.method, "other"),
    }


def customer(payment: SamplePayment) -> dict[str, Any]:
    """Who pays, as webhooks tell it."""
    return {
        "customer_name": None,
        "customer_id": payment.consumer_number,
        "customer_email": "sample@example.com",
        "customer_phone": payment.mobile,
    }


def refund_entity(refund: SampleRefund, status: str) -> dict[str, Any]:
    """One refund with its status there."""
    is_done = status == "SUCCESS"
    return {
        "cf_refund_id": refund.channel_ref,
        "cf_payment_id": refund.payment.channel_ref,
        "refund_id": refund.reference or f"r{refund.channel_ref}",
        "order_id": order_id(refund.payment),
        "refund_amount": rupees(refund.amount_paise),
        "refund_currency": "INR",
        "entity": "Refund",
        "refund_type": "MERCHANT_INITIATED",
        "refund_arn": refund.rrn if is_done else None,
        "refund_status": status,
        "status_description": "Refund processed successfully" if is_done else "In progress",
        "created_at": local(refund.created_at),
        "processed_at": local(refund.processed_at) if is_done else None,
        "refund_note": "Refund",
        "refund_splits": [],
    }


def dispute_entity(dispute: SampleDispute, status: str) -> dict[str, Any]:
    """One dispute with its status there."""
    is_open = status.endswith("_CREATED")
    return {
        "dispute_id": dispute.dispute_ref,
        "dispute_type": "CHARGEBACK",
        "reason_code": "1402",
        "reason_description": dispute.reason,
        "dispute_amount": rupees(dispute.amount_paise),
        "dispute_amount_currency": "INR",
        "created_at": local(dispute.raised_at),
        "respond_by": local(dispute.respond_by),
        "dispute_status": status,
        "cf_dispute_remarks": None,
        "dispute_action_on": "MERCHANT" if is_open else "CASHFREE",
    }


def dispute_order(payment: SamplePayment) -> dict[str, Any]:
    """The order and payment that a dispute is about."""
    return {
        "order_id": order_id(payment),
        "order_amount": rupees(payment.amount_paise),
        "order_currency": "INR",
        "cf_payment_id": payment.channel_ref,
        "payment_amount": rupees(payment.amount_paise),
        "payment_currency": "INR",
    }


def recon_row(row: ReportRow) -> dict[str, Any]:
    """One row of the settlement recon: amounts without a sign, the sale type says which way."""
    is_payment = row.word == "payment"
    return {
        "event_id": row.channel_ref,
        "event_type": _event_type(row),
        "event_settlement_amount": rupees(abs(row.net_paise)),
        "event_amount": rupees(row.amount_paise),
        "sale_type": "DEBIT" if row.net_paise < 0 else "CREDIT",
        "event_status": "SUCCESS",
        "entity": "recon",
        "event_time": local(row.created_at),
        "event_currency": "INR",
        "order_id": row.order_ref or None,
        "payment_group": _group(row.method),
        "payment_time": local(row.created_at) if is_payment else None,
        "payment_service_charge": rupees(row.fee_paise),
        "payment_service_tax": rupees(row.tax_paise),
        "cf_payment_id": row.channel_ref if is_payment else row.payment_ref or None,
        "cf_settlement_id": row.settlement_ref,
        "settlement_date": local(row.settled_at),
        "settlement_utr": row.utr,
        "split_service_charge": rupees(0),
        "split_service_tax": rupees(0),
        "vendor_commission": rupees(0),
        "adjustment_remarks": row.description or None,
    }


def local(at: datetime) -> str:
    """A moment as it is written there: India's clock, with its offset."""
    return at.astimezone(INDIA).isoformat(timespec="seconds")


def _event_type(row: ReportRow) -> str:
    if row.dispute_ref:
        return "DISPUTE_REVERSAL" if row.net_paise > 0 else "DISPUTE"
    known = {"payment": "PAYMENT", "refund": "REFUND", "adjustment": "OTHER_ADJUSTMENT"}
    return known.get(row.word, row.word)


def _group(method: str) -> str | None:
    return next((group for ours, group in GROUPS.items() if ours.value == method), None)


def _instrument(payment: SamplePayment) -> dict[str, Any]:
    if payment.method is Method.UPI:
        return {"upi": {"channel": "link", "upi_id": payment.payer}}
    if payment.method is Method.CARD:
        card = {
            "channel": "link",
            "card_number": f"XXXXXXXXXXXX{payment.payer}",
            "card_network": payment.network.lower(),
            "card_type": "debit_card",
            "card_bank_name": payment.issuer,
        }
        return {"card": card}
    if payment.method is Method.NETBANKING:
        bank = {"channel": "link", "netbanking_bank_name": payment.issuer}
        return {"netbanking": bank}
    return {"app": {"channel": "link", "provider": "sample", "phone": payment.mobile}}
