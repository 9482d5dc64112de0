"""Every write to a payment. One function moves it along a legal edge; the database agrees."""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime
from hashlib import blake2b

from django.db import connection, transaction

from channels_.contract import Method
from channels_.models import Channel, InboundMessage
from cspdcl.kernel.clock import business_date, now, today
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.ids import new_reference
from cspdcl.kernel.money import PAISE_MAX
from payments import receipts
from payments.models import Bill, Consumer, Payment, PaymentEvent
from payments.states import PAID, TRANSITIONS, State
from people import audit
from people.models import User

log = logging.getLogger(__name__)


class IllegalTransition(DomainError):
    """The payment may not go there; what was heard is kept, and changes nothing."""

    code = "illegal_transition"


class SubmittedBefore(DomainError):
    """The key was used for something else."""

    code = "key_used"


class NotPayable(DomainError):
    """What was asked for cannot be paid like this."""

    code = "not_payable"


def advance(
    payment: Payment,
    *,
    to: State,
    cause: str,
    at: datetime,
    message: InboundMessage | None = None,
    actor: str = "",
) -> PaymentEvent | None:
    """Take a locked or new payment along one edge in memory; None when it stands there already.

    The caller holds the row lock and saves both payment and event in its transaction.
    """
    was = State(payment.state)
    if was == to:
        return None
    if to not in TRANSITIONS[was]:
        raise IllegalTransition(f"{payment.reference} is {was.value}, it cannot become {to.value}")
    payment.state = to
    if to in PAID and payment.succeeded_at is None:
        payment.succeeded_at = at
        payment.business_date = business_date(at)
    log.debug("%s %s -> %s: %s", payment.reference, was.value, to.value, cause)
    return PaymentEvent(
        payment=payment,
        from_state=was,
        to_state=to,
        cause=cause[:80],
        actor=actor,
        message=message,
        at=at,
    )


@transaction.atomic
def start_payment(
    channel: Channel,
    *,
    consumer: Consumer,
    amount_paise: int,
    actor: User | str,
    bill: Bill | None = None,
) -> Payment:
    """Note that a consumer is about to pay; the reference travels to the channel and back."""
    if not channel.is_live:
        raise NotPayable(f"{channel.code} is switched off")
    if channel.paused_at is not None:
        raise NotPayable(f"{channel.code} is paused: nothing new is begun there")
    if channel.route == Channel.Route.DEPOSIT:
        raise NotPayable(f"{channel.code} is a counter: it takes money, it starts nothing")
    if not 0 < amount_paise <= PAISE_MAX:
        raise NotPayable("expected an amount above zero")
    if bill is not None and bill.consumer_id != consumer.pk:
        raise NotPayable(f"bill {bill.number} is not of consumer {consumer.number}")
    payment = Payment.objects.create(
        reference=new_reference(),
        channel=channel,
        consumer=consumer,
        consumer_number=consumer.number,
        office_id=consumer.office_id,
        bill=bill,
        amount_paise=amount_paise,
        method=Method.UNKNOWN.value,
        business_date=today(),
    )
    audit.record(
        actor,
        "payment.started",
        payment,
        after={"channel": channel.code, "amount_paise": amount_paise},
        office=consumer.office,
    )
    return payment


@transaction.atomic
def reverse_at_counter(payment_id: int, *, supervisor: User, reason: str) -> Payment:
    """Cancel a counter payment on its own day, before it is on a deposit slip; the receipt too."""
    payment = Payment.objects.select_for_update().get(pk=payment_id)
    if payment.counter_id is None:
        raise NotPayable("only a payment of a counter can be cancelled here")
    if not reason.strip():
        raise NotPayable("say why it is cancelled")
    if payment.state == State.REVERSED:
        return payment
    if payment.business_date != today():
        raise NotPayable("it can be cancelled on its own day only")
    if payment.deposit_id is not None:
        raise NotPayable("it is already on a deposit slip")
    moment = now()
    event = advance(
        payment,
        to=State.REVERSED,
        cause=f"cancelled: {reason.strip()}",
        at=moment,
        actor=supervisor.username,
    )
    payment.save(update_fields=["state"])
    if event is not None:
        event.save()
    receipts.cancel(payment, at=moment)
    audit.record(
        supervisor,
        "payment.cancelled",
        payment,
        before={"state": State.SUCCEEDED.value},
        after={"state": State.REVERSED.value, "reason": reason.strip()},
        office=payment.office,
    )
    return payment


def reverse_dishonoured(payments: Sequence[Payment], *, cause: str, at: datetime, by: str) -> None:
    """Undo what a paper paid that the bank returned: after its day and its slip too.

    The caller holds their rows locked. Anything but a standing payment of a counter that a slip
    carried to the bank is refused, and so are all.
    """
    for payment in payments:
        if payment.counter_id is None or payment.deposit_id is None:
            raise NotPayable(f"{payment.reference} was on no slip: it can only be cancelled")
        if payment.state != State.SUCCEEDED:
            raise NotPayable(f"{payment.reference} is {payment.state}, there is nothing to undo")
    events = [
        advance(payment, to=State.REVERSED, cause=cause, at=at, actor=by) for payment in payments
    ]
    save_changed(payments)
    PaymentEvent.objects.bulk_create([event for event in events if event is not None])
    receipts.cancel_all(payments, at=at)
    for payment in payments:
        audit.record(
            by,
            "payment.dishonoured",
            payment,
            before={"state": State.SUCCEEDED.value},
            after={"state": State.REVERSED.value, "cause": cause},
            office=payment.office,
        )


@transaction.atomic
def note_order(payment_id: int, *, order_ref: str) -> None:
    """Keep the channel's order around a payment; what is known stays."""
    Payment.objects.filter(pk=payment_id, order_ref="").update(order_ref=order_ref[:64])


@transaction.atomic
def note_asked(payment_id: int, *, at: datetime) -> None:
    """The channel has answered a question asked at this moment: older news is confirmed or not."""
    Payment.objects.filter(pk=payment_id, ask_from__lte=at).update(ask_from=None)


@transaction.atomic
def fail_by_hand(payment_id: int, *, by: User, reason: str) -> Payment:
    """A person decides that no money came. Money that is found later is believed all the same."""
    payment = Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
    # A failed one of which unproved news came since waits for a person again.
    is_told_anew = payment.state == State.FAILED and payment.ask_from is not None
    if payment.state not in (State.CREATED, State.PENDING) and not is_told_anew:
        raise NotPayable(f"{payment.reference} is {payment.state}, there is nothing to decide")
    if not reason.strip():
        raise NotPayable("say why no money can have come")
    was = payment.state
    payment.ask_from = None  # the person has judged all news so far; newer news opens it again
    event = advance(
        payment,
        to=State.FAILED,
        cause=f"decided: {reason.strip()}",
        at=now(),
        actor=by.username,
    )
    payment.save(update_fields=["state", "ask_from"])
    if event is not None:
        event.save()
    audit.record(
        by,
        "payment.failed_by_hand",
        payment,
        before={"state": was},
        after={"state": State.FAILED.value, "reason": reason.strip()},
        office=payment.office,
    )
    return payment


@transaction.atomic
def reverse_by_channel(payment_id: int, *, message_id: int) -> Payment:
    """Take back a success that the channel calls void, on its own day; hearing it twice is once."""
    payment = Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
    if payment.state == State.REVERSED:
        return payment
    if payment.business_date != today():
        raise NotPayable("it can be taken back on its own day only")
    moment = now()
    event = advance(
        payment,
        to=State.REVERSED,
        cause=f"{payment.channel.code} took it back",
        at=moment,
        message=InboundMessage.objects.get(pk=message_id),
    )
    payment.save(update_fields=["state"])
    if event is not None:
        event.save()
    receipts.cancel(payment, at=moment)
    return payment


def lock_words(words: Collection[str]) -> None:
    """Take turns on words that may name a payment nobody has stored yet, until the commit.

    Row locks cannot: there is no row. Sorted, so that two transactions never wait for each other.
    """
    keys = sorted(
        int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "big", signed=True)
        for word in set(words)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_advisory_xact_lock(key)) FROM unnest(%s::bigint[]) AS key", [keys]
        )


def save_changed(payments: Sequence[Payment]) -> None:
    """Write back what notices may change of locked payments, in one statement."""
    if not payments:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payments_payment AS payment SET
                state = news.state,
                succeeded_at = news.succeeded_at,
                business_date = news.business_date,
                amount_paise = news.amount_paise,
                channel_ref = news.channel_ref,
                order_ref = news.order_ref,
                method = news.method,
                rrn = news.rrn,
                utr = news.utr,
                ask_from = news.ask_from,
                consumer_id = news.consumer_id,
                consumer_number = news.consumer_number,
                office_id = news.office_id,
                bill_id = news.bill_id
            FROM unnest(
                %s::bigint[], %s::text[], %s::timestamptz[], %s::date[], %s::bigint[],
                %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[],
                %s::bigint[], %s::text[], %s::bigint[], %s::bigint[]
            ) AS news (
                id, state, succeeded_at, business_date, amount_paise,
                channel_ref, order_ref, method, rrn, utr, ask_from,
                consumer_id, consumer_number, office_id, bill_id
            )
            WHERE payment.id = news.id
            """,
            [
                [payment.pk for payment in payments],
                [str(payment.state) for payment in payments],
                [payment.succeeded_at for payment in payments],
                [payment.business_date for payment in payments],
                [payment.amount_paise for payment in payments],
                [payment.channel_ref for payment in payments],
                [payment.order_ref for payment in payments],
                [payment.method for payment in payments],
                [payment.rrn for payment in payments],
                [payment.utr for payment in payments],
                [payment.ask_from for payment in payments],
                [payment.consumer_id for payment in payments],
                [payment.consumer_number for payment in payments],
                [payment.office_id for payment in payments],
                [payment.bill_id for payment in payments],
            ],
        )
