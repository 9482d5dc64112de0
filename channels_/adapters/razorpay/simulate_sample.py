"""Razorpay's entities of what is simulated, as its webhooks and its API write them."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from channels_.contract import Method
from channels_.simulation import News, ReportRow, SampleDispute, SamplePayment, SampleRefund

STATUS: Final[Mapping[News, str]] = {
    News.AUTHORISED: "authorized",
    News.PAID: "captured",
    News.ORDER_PAID: "captured",
    News.FAILED: "failed",
}
REFUND_STATUS: Final[Mapping[News, str]] = {
    News.REFUND_CREATED: "pending",
    News.REFUND_PROCESSED: "processed",
    News.REFUND_FAILED: "failed",
}
DISPUTE_STATUS: Final[Mapping[News, str]] = {
    News.DISPUTE_OPENED: "open",
    News.DISPUTE_WON: "won",
    News.DISPUTE_LOST: "lost",
}


def payment_entity(payment: SamplePayment, status: str) -> dict[str, Any]:
    """One payment with its status there."""
    is_failed = status == "failed"
    is_priced = status == "captured"
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
        "wallet": payment.issuer if payment.method is Method.WALLET else None,
        "email": "sample@example.com",
        "contact": f"+91{payment.mobile}",
        "notes": {
            "consumer_number": payment.consumer_number,
            **({"bill_number": payment.bill_number} if payment.bill_number else {}),
            **({"reference": payment.reference} if payment.reference else {}),
        },
        "fee": payment.fee_paise + payment.tax_paise if is_priced else None,
        "tax": payment.tax_paise if is_priced else None,
        "error_code": "BAD_REQUEST_ERROR" if is_failed else None,
        "error_description": "Payment was not completed by the payer" if is_failed else None,
        "error_source": "customer" if is_failed else None,
        "error_step": "payment_authentication" if is_failed else None,
        "error_reason": "payment_failed" if is_failed else None,
        "acquirer_data": _acquirer(payment) if not is_failed else {},
        "created_at": unix(payment.created_at),
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
    if payment.method is Method.WALLET:
        return {"bank": None, "vpa": None}
    return {"bank": payment.issuer, "vpa": None}


def _acquirer(payment: SamplePayment) -> dict[str, Any]:
    if payment.method is Method.NETBANKING:
        return {"bank_transaction_id": payment.rrn}
    if payment.method is Method.CARD:
        return {"auth_code": payment.rrn[-6:], "rrn": payment.rrn}
    return {"rrn": payment.rrn}


def order_entity(payment: SamplePayment) -> dict[str, Any]:
    """The order that a payment has paid."""
    return {
        "id": payment.order_ref,
        "entity": "order",
        "amount": payment.amount_paise,
        "amount_paid": payment.amount_paise,
        "amount_due": 0,
        "currency": "INR",
        "receipt": payment.reference or None,
        "status": "paid",
        "attempts": 1,
        "created_at": unix(payment.created_at),
    }


def refund_entity(refund: SampleRefund, status: str) -> dict[str, Any]:
    """One refund with its status there."""
    is_done = status == "processed"
    return {
        "id": refund.channel_ref,
        "entity": "refund",
        "amount": refund.amount_paise,
        "currency": "INR",
        "payment_id": refund.payment.channel_ref,
        "notes": {"consumer_number": refund.payment.consumer_number},
        "receipt": refund.reference or None,
        "acquirer_data": {"rrn": refund.rrn} if is_done else {"rrn": None},
        "created_at": unix(refund.created_at),
        "batch_id": None,
        "status": status,
        "speed_requested": "normal",
        "speed_processed": "normal",
    }


def dispute_entity(dispute: SampleDispute, status: str) -> dict[str, Any]:
    """One dispute with its status there; what is lost is deducted."""
    return {
        "id": dispute.dispute_ref,
        "entity": "dispute",
        "payment_id": dispute.payment.channel_ref,
        "amount": dispute.amount_paise,
        "currency": "INR",
        "amount_deducted": dispute.amount_paise if status == "lost" else 0,
        "reason_code": dispute.reason,
        "respond_by": unix(dispute.respond_by),
        "status": status,
        "phase": "chargeback",
        "created_at": unix(dispute.raised_at),
    }


def report_item(row: ReportRow) -> dict[str, Any]:
    """One row of the combined recon: money in paise, the tax inside the fee."""
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
        "created_at": unix(row.created_at),
        "settled_at": unix(row.settled_at),
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


def unix(at: datetime) -> int:
    """A moment in seconds since 1970."""
    return int(at.timestamp())
