"""Paid payments, requests at every step, and what Razorpay documents as its answers."""

from datetime import UTC, datetime
from typing import Any

from channels_.contract import Notice, NoticeKind, Outcome
from channels_.models import Channel, InboundMessage
from cspdcl.kernel.money import Paise
from payments.models import Payment
from people.models import User
from refunds import actions
from refunds.models import RefundRequest
from tests import factories as make

PAID_AT = datetime(2026, 8, 18, 5, 0, tzinfo=UTC)
PAY = "pay_Test0000001"


def paid(channel: Channel, **more: Any) -> Payment:
    """A payment that the channel took."""
    values = {"channel_ref": PAY, "order_ref": "order_Test000001", "method": "upi", **more}
    payment: Payment = make.PaymentFactory(
        channel=channel, state="succeeded", succeeded_at=PAID_AT, **values
    )
    return payment


def asked(payment: Payment, by: User, *, paise: int = 100_000, key: str = "") -> RefundRequest:
    """A request that waits for its second person."""
    return actions.ask(
        payment, amount_paise=paise, reason="paid twice", by=by, submit_key=key or f"k{paise}"
    )


def approved(payment: Payment, officer: User, approver: User, **more: Any) -> RefundRequest:
    """A request that may be sent."""
    return actions.decide(asked(payment, officer, **more), approve=True, by=approver)


def refund_entity(
    request: RefundRequest, status: str = "processed", **changes: Any
) -> dict[str, Any]:
    """A refund entity of the gateway."""
    return {
        "id": "rfnd_Test000001",
        "entity": "refund",
        "amount": request.amount_paise,
        "currency": "INR",
        "payment_id": request.payment.channel_ref,
        "receipt": request.reference,
        "status": status,
        "created_at": int(PAID_AT.timestamp()) + 3600,
        **changes,
    }


def refund_told(
    payment: Payment, paise: int, *, ref: str = "rfnd_1", outcome: str = "succeeded", ours: str = ""
) -> Notice:
    """A refund as a channel's notice tells it."""
    return Notice(
        kind=NoticeKind.REFUND,
        event="refund",
        outcome=Outcome(outcome),
        reference=ours,
        channel_ref=payment.channel_ref or "",
        refund_ref=ref,
        amount_paise=Paise(paise),
        occurred_at=PAID_AT,
    )


def dispute_told(payment: Payment, **changes: Any) -> Notice:
    """A dispute as a channel's notice tells it."""
    values: dict[str, Any] = {
        "kind": NoticeKind.DISPUTE,
        "event": "payment.dispute.created",
        "outcome": Outcome.PENDING,
        "channel_ref": payment.channel_ref or "",
        "dispute_ref": "disp_Test000001",
        "amount_paise": Paise(payment.amount_paise),
        "occurred_at": PAID_AT,
        "phase": "chargeback",
        **changes,
    }
    return Notice(**values)


def a_message(channel: Channel) -> InboundMessage:
    """Something that the channel sent."""
    made: InboundMessage = make.InboundMessageFactory(channel=channel)
    return made
