"""Channels that can be asked, payments that wait, and what Razorpay documents as its answers."""

from datetime import timedelta
from typing import Any

from channels_.models import Channel
from cspdcl.kernel.clock import now
from payments.models import Payment
from tests import factories as make
from tests.enquiries.partner import Partner


def channel_at(partner: Partner, **more: Any) -> Channel:
    """A Razorpay channel whose API is the partner."""
    channel: Channel = make.RazorpayFactory(api_url=partner.url, **more)
    for name, value in (("key_id", "rzp_test_key"), ("key_secret", "a key of tests")):
        make.ChannelSecretFactory(channel=channel, name=name, value=value)
    return channel


def waiting(channel: Channel, *, minutes: float = 2, **more: Any) -> Payment:
    """A payment that began so many minutes ago and waits."""
    values = {"order_ref": "order_Test000001", "method": "upi", "state": "pending", **more}
    payment: Payment = make.PaymentFactory(
        channel=channel, created_at=now() - timedelta(minutes=minutes), **values
    )
    return payment


def attempt(payment: Payment, status: str = "captured", **changes: Any) -> dict[str, Any]:
    """A payment entity of the gateway."""
    is_failed = status == "failed"
    return {
        "id": "pay_Test0000001",
        "entity": "payment",
        "amount": payment.amount_paise,
        "currency": "INR",
        "status": status,
        "order_id": payment.order_ref,
        "method": "upi",
        "captured": status == "captured",
        "vpa": "someone@okbank",
        "notes": {"reference": payment.reference},
        "fee": None,
        "tax": None,
        "error_code": "BAD_REQUEST_ERROR" if is_failed else None,
        "error_reason": "payment_failed" if is_failed else None,
        "acquirer_data": {"rrn": "426318123456"},
        "created_at": int(payment.created_at.timestamp()) + 20,
        **changes,
    }


def listed(*items: dict[str, Any]) -> dict[str, Any]:
    """A collection of entities."""
    return {"entity": "collection", "count": len(items), "items": list(items)}
