"""Taking a payment that begins with us to its gateway: one order for one reference, ever.

An order whose answer was lost is unknown: it is asked about by its status before it is sent again,
and always under the same reference.
"""

from dataclasses import dataclass
from typing import Final

from channels_.contract import Adapter, Declined, Order, Ordered
from channels_.models import Channel
from channels_.registry import adapter
from channels_.setups import calling
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError, Transient
from cspdcl.kernel.money import Paise
from enquiries import breakers, ladder, operations
from enquiries.models import Operation, OperationAttempt
from enquiries.operations import Paused, Tried, Verdict
from enquiries.states import State
from payments import actions
from payments.consumers import mobile_of
from payments.models import Payment
from payments.orders import expires_at

TRIES: Final = 5  # of one order; more would be hammering

_Kind = Operation.Kind
_Reading = OperationAttempt.Reading


class OrderRefused(DomainError):
    """The partner does not take this order."""

    code = "order_refused"


class OrderUnknown(Transient):
    """Nobody can say yet whether the partner has the order; ask again, with the same payment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Where the payer and the news shall go, and how the payer is reached, as the page knows."""

    return_url: str = ""
    notify_url: str = ""
    email: str = ""


def place(payment: Payment, *, contact: Contact | None = None) -> Ordered:
    """The way on for the payer: the partner's order, made once, the same however often it is asked.

    Raises OrderRefused for a definite no, OrderUnknown when nobody knows, Paused and NotAskable.
    """
    channel = payment.channel
    if ladder.is_decided(payment):
        raise OrderRefused(f"{payment.reference} is {payment.state}: there is nothing to pay")
    found = adapter(channel.adapter)
    if found.order is None and found.offer is None:
        raise OrderRefused(f"{channel.code} takes no orders")
    operations.recover_lost(_Kind.ORDER, decide=_decide)
    operation = operations.intend(
        channel,
        kind=_Kind.ORDER,
        key=payment.reference,
        budget=TRIES,
        amount_paise=payment.amount_paise,
        payment=payment,
    )
    if channel.paused_at is not None or not channel.is_live:
        raise Paused(f"{channel.code} takes nothing new at present")
    order = _order(payment, contact or Contact())
    if order.expires_at is not None and order.expires_at <= now():
        raise OrderRefused(f"{payment.reference} has expired: begin another payment")
    offered = _offer(found, order, channel)
    if offered is not None:
        return _offered(operation, offered)
    if operation.state == State.SUCCEEDED:
        return _of_result(operation)
    if operation.state == State.FAILED:
        raise OrderRefused(f"{channel.code} declined: {operation.note}")
    if operation.state == State.UNKNOWN:
        _look_before_a_second_try(payment, operation)
    return _placed(channel, operation, order)


def _placed(channel: Channel, operation: Operation, order: Order) -> Ordered:
    exchange = adapter(channel.adapter).order
    if exchange is None:
        raise OrderRefused(f"{channel.code} takes no orders by a call")
    if breakers.is_left_alone(channel):
        raise OrderUnknown(f"{channel.code} is paused or does not answer at present")
    claimed = operations.claim(operation.pk)
    if claimed is None:
        raise OrderUnknown(f"the order {order.reference} is in another hand, or was tried enough")
    tried = operations.ask(claimed, exchange=exchange, asked=order, decide=_decide)
    if tried.reading is _Reading.DECLINED:
        raise OrderRefused(f"{channel.code} declined: {tried.code}")
    if tried.value is None:
        raise OrderUnknown(f"{channel.code} gave no clear answer to the order {order.reference}")
    if claimed.payment_id is not None and tried.value.order_ref:
        actions.note_order(claimed.payment_id, order_ref=tried.value.order_ref)
    return tried.value


def _look_before_a_second_try(payment: Payment, operation: Operation) -> None:
    """The first try may have reached them: only when they do not know it, it is sent again.

    One question of the payment's budget is spent on that; the ladder brings the later answers.
    """
    if _heard_since(operation) is None:
        ladder.ask_now(payment)
    payment.refresh_from_db()
    if ladder.is_decided(payment):
        raise OrderRefused(f"{payment.reference} is {payment.state} already")
    if _heard_since(operation) != _Reading.DECLINED:
        raise OrderUnknown(f"nobody can say yet whether {payment.channel.code} has the order")


def _heard_since(operation: Operation) -> str | None:
    """How the last answer about the payment was read, since its order was sent."""
    asked = OperationAttempt.objects.filter(
        operation__payment=operation.payment_id,
        operation__kind=_Kind.STATUS,
        at__gt=operation.last_sent_at,
    ).exclude(reading=_Reading.NOT_SENT)
    return asked.order_by("-id").values_list("reading", flat=True).first()


def _decide(operation: Operation, tried: Tried[Ordered]) -> Verdict:
    verdict = operations.settles(operation, tried)
    if tried.value is None:
        return verdict
    return Verdict(state=State.SUCCEEDED, note="placed", result=_result(tried.value))


def _offer(found: Adapter, order: Order, channel: Channel) -> Ordered | None:
    """The form that the browser takes there; None when this partner wants a call instead."""
    if found.offer is None:
        return None
    try:
        return found.offer(order, calling(channel))
    except Declined as no:
        if found.order is None:
            raise OrderRefused(f"{channel.code} declined: {no}") from no
        return None


def _offered(operation: Operation, ordered: Ordered) -> Ordered:
    """A form that only the browser takes there: nothing is asked, it is only noted as offered."""
    if operation.state == State.INTENDED:
        operations.settle(
            operation.pk,
            verdict=Verdict(
                state=State.SUCCEEDED, note="offered", result={"pay_url": ordered.pay_url}
            ),
        )
    return ordered


def _order(payment: Payment, contact: Contact) -> Order:
    consumer = payment.consumer
    return Order(
        reference=payment.reference,
        amount_paise=Paise(payment.amount_paise),
        consumer_number=payment.consumer_number,
        bill_number=payment.bill.number if payment.bill else "",
        payer_name=consumer.name if consumer else "",
        mobile=mobile_of(consumer) if consumer else "",
        email=contact.email,
        expires_at=expires_at(payment),
        return_url=contact.return_url,
        notify_url=contact.notify_url,
    )


def _result(ordered: Ordered) -> dict[str, object]:
    return {
        "order_ref": ordered.order_ref,
        "pay_url": ordered.pay_url,
        "form": dict(ordered.form),
    }


def _of_result(operation: Operation) -> Ordered:
    return Ordered(**operation.result)
