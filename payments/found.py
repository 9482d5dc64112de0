"""Money that a book shows and no notice told of: it becomes payments, with the book as evidence.

Each is known by the same id that a notice would bring, so that a notice which comes afterwards
finds the payment and adds nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from channels_.contract import Method
from channels_.models import Channel
from cspdcl.kernel.clock import business_date, now
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.ids import is_reference, new_reference
from cspdcl.kernel.money import PAISE_MAX
from payments import receipts
from payments.actions import advance, lock_words
from payments.models import Consumer, Payment, PaymentEvent, Refund, Tender
from payments.states import PAID, State
from people import audit
from people.models import User


class AlreadyHeld(DomainError):
    """A payment of ours carries this id already: the money is told of after all."""

    code = "already_held"


class NotReversible(DomainError):
    """What was taken in cannot be taken back like this."""

    code = "not_reversible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One amount that a book shows as paid; without a consumer it waits for one."""

    channel: Channel
    channel_ref: str  # as a notice would name it
    amount_paise: int
    at: datetime  # when it was paid, as the book says
    consumer: Consumer | None = None
    consumer_number: str = ""  # as the book tells it, also of nobody we know
    reference: str = ""  # ours, when the book carries it back
    order_ref: str = ""
    method: Method = Method.UNKNOWN
    rrn: str = ""
    utr: str = ""


@transaction.atomic
def take(found: Sequence[Found], *, cause: str, actor: str) -> list[Payment]:
    """Make paid payments of found money and give their receipts. Raises AlreadyHeld for known ids.

    The caller says in its own records why.
    """
    _take_turns(found)
    _refuse_held(found)
    payments = [_payment(one) for one in found]
    events = [
        advance(payment, to=State.SUCCEEDED, cause=cause, at=one.at, actor=actor)
        for payment, one in zip(payments, found, strict=True)
    ]
    _store(payments)
    PaymentEvent.objects.bulk_create(event for event in events if event is not None)
    _receipt(payments)
    return payments


@transaction.atomic
def note(one: Found, *, cause: str, actor: str) -> Payment:
    """Hold found money as pending, to be asked for at once; one that we hold undecided is it.

    Raises AlreadyHeld when the payment is held and decided.
    """
    _take_turns([one])
    payment = _held(one)
    if payment is None:
        payment = _payment(one)
        payment.ask_from = now()
        _store([payment])
    elif payment.state not in (State.CREATED, State.PENDING):
        raise AlreadyHeld(f"{payment.reference} is {payment.state} already")
    else:
        payment.channel_ref = payment.channel_ref or one.channel_ref
        payment.ask_from = now()
        payment.save(update_fields=["channel_ref", "ask_from"])
    if payment.state == State.CREATED:
        event = advance(payment, to=State.PENDING, cause=cause, at=one.at, actor=actor)
        payment.save(update_fields=["state"])
        if event is not None:
            event.save()
    return payment


@transaction.atomic
def confirm(payment_id: int, *, found: Found, cause: str, actor: str) -> Payment:
    """Believe the book without an answer of the channel: an undecided payment has succeeded."""
    payment = Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
    if payment.state in PAID:
        raise AlreadyHeld(f"{payment.reference} is {payment.state} already")
    payment.amount_paise = found.amount_paise
    payment.channel_ref = payment.channel_ref or found.channel_ref
    if payment.consumer_id is None and found.consumer is not None:
        _name(payment, found.consumer)
    payment.ask_from = None
    event = advance(payment, to=State.SUCCEEDED, cause=cause, at=found.at, actor=actor)
    payment.save()
    if event is not None:
        event.save()
    _receipt([payment])
    return payment


@transaction.atomic
def take_back(references: Collection[str], *, by: User, cause: str) -> list[Payment]:
    """Reverse found payments and cancel their receipts: the money was not theirs."""
    locked = list(
        Payment.objects.select_for_update(of=("self",))
        .filter(reference__in=references)
        .order_by("pk")
    )
    if any(payment.state != State.SUCCEEDED for payment in locked) or len(locked) != len(
        set(references)
    ):
        raise NotReversible("not all of these payments are paid any more")
    if Refund.objects.filter(payment__in=locked).exclude(state=Refund.State.FAILED).exists():
        raise NotReversible("money of these payments was paid back already")
    moment = now()
    for payment in locked:
        event = advance(payment, to=State.REVERSED, cause=cause, at=moment, actor=by.username)
        payment.save(update_fields=["state"])
        if event is not None:
            event.save()
        receipts.cancel(payment, at=moment)
    return locked


@transaction.atomic
def assign(payment_id: int, *, consumer: Consumer, by: User, why: str) -> Payment:
    """Name the consumer of a paid payment that has none."""
    payment = Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
    if payment.consumer_id is not None:
        raise AlreadyHeld(f"{payment.reference} is of consumer {payment.consumer_number} already")
    if payment.state != State.SUCCEEDED:
        raise NotReversible(f"{payment.reference} is {payment.state}: there is no money to assign")
    told = payment.consumer_number
    _name(payment, consumer)
    payment.save(update_fields=["consumer", "consumer_number", "office"])
    audit.record(
        by,
        "payment.assigned",
        payment,
        before={"consumer_number": told},
        after={"consumer_number": consumer.number, "why": why.strip()},
        office=consumer.office,
    )
    return payment


def held_refs(channel: Channel, channel_refs: Collection[str]) -> set[str]:
    """Which of these ids a payment of the channel carries already."""
    known = Payment.objects.filter(channel=channel, channel_ref__in=list(channel_refs))
    return {ref for ref in known.values_list("channel_ref", flat=True) if ref}


def _payment(one: Found) -> Payment:
    if not 0 < one.amount_paise <= PAISE_MAX:
        raise NotReversible("expected an amount above zero")
    is_ours = is_reference(one.reference) and not _is_known(one.reference)
    payment = Payment(
        reference=one.reference if is_ours else new_reference(),
        channel=one.channel,
        channel_ref=one.channel_ref,
        order_ref=one.order_ref,
        consumer_number=one.consumer_number,
        amount_paise=one.amount_paise,
        method=one.method.value,
        rrn=one.rrn,
        utr=one.utr,
        created_at=one.at,
        business_date=business_date(one.at),
    )
    if one.consumer is not None:
        _name(payment, one.consumer)
    return payment


def _name(payment: Payment, consumer: Consumer) -> None:
    payment.consumer = consumer
    payment.consumer_number = consumer.number
    payment.office_id = consumer.office_id


def _receipt(payments: Sequence[Payment]) -> None:
    Tender.objects.bulk_create(
        Tender(payment=payment, method=payment.method, amount_paise=payment.amount_paise)
        for payment in payments
    )
    receipts.issue(payments)


def _store(payments: Sequence[Payment]) -> None:
    """Store new payments. A notice that knows its payment takes no turn: its id may come first."""
    try:
        with transaction.atomic():
            Payment.objects.bulk_create(payments)
    except IntegrityError as error:
        if "payment_channel_ref_once" not in str(error):
            raise
        raise AlreadyHeld("another message told of this payment at this moment") from error


def _take_turns(found: Sequence[Found]) -> None:
    """The words that notices take turns on (payments/notices.py), by each name they may use."""
    lock_words(
        [
            f"payment:{one.channel.pk}:{name}"
            for one in found
            for name in {one.order_ref, one.reference, one.channel_ref} - {""}
        ]
    )


def _refuse_held(found: Sequence[Found]) -> None:
    by_channel: dict[int, list[Found]] = {}
    for one in found:
        by_channel.setdefault(one.channel.pk, []).append(one)
    for some in by_channel.values():
        known = held_refs(some[0].channel, [one.channel_ref for one in some])
        if known:
            raise AlreadyHeld(f"a payment of {some[0].channel.code} carries {min(known)} already")


def _held(one: Found) -> Payment | None:
    mine = Payment.objects.select_for_update(of=("self",)).filter(channel=one.channel)
    known = mine.filter(channel_ref=one.channel_ref).first()
    if known is None and is_reference(one.reference):
        known = mine.filter(reference=one.reference).first()
    return known


def _is_known(reference: str) -> bool:
    return Payment.objects.filter(reference=reference).exists()
