"""Approved refunds go to their channel once, and are followed until it says what became of them.

The intent is committed before a socket opens. A lost answer leaves the refund with the channel: it
is asked about, rung by rung, and never sent again. What nobody can say goes to a person.
"""

import logging
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from channels_.contract import (
    LONG_AGO,
    Adapter,
    Exchange,
    Notice,
    NoticeKind,
    Outcome,
    RefundAsk,
    Setup,
    Wire,
)
from channels_.models import Channel
from channels_.registry import adapter
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError, Malformed
from cspdcl.kernel.money import Paise
from enquiries import breakers, operations, passes
from enquiries.models import Operation, OperationAttempt
from enquiries.operations import Tried, Verdict
from enquiries.states import OPEN
from enquiries.states import State as Asked
from payments.models import Refund
from payments.notices import note_refund
from refunds import actions
from refunds.models import RefundRequest
from refunds.states import State

SECONDS: Final = 45  # of one sweep; then another worker may have its turn
BATCH: Final = 200
SENT_MAX: Final = 2  # the second time only after a no that an old token may have caused
# Banks take days for a refund; after two weeks a person looks.
RUNGS: Final = (
    *(60, 300, 1800, 7200, 6 * 3600),
    *(86_400 * day for day in range(1, 15)),
)
_AGAIN_FIRST: Final = timedelta(seconds=60)
_AGAIN_MAX: Final = timedelta(hours=1)

_Kind = Operation.Kind
_Reading = OperationAttempt.Reading

log = logging.getLogger(__name__)


def work(*, seconds: float = SECONDS) -> int:
    """Send what is approved and follow what is under way, for a while; says how much was asked."""
    ends = time.monotonic() + seconds
    operations.recover_lost(_Kind.REFUND, decide=_after_sending)
    operations.recover_lost(_Kind.REFUND_STATUS, decide=_after_question)
    believe()
    end_declined()
    count = 0
    for one in [*_keys(_to_send()), *_keys(_unsent())]:
        if time.monotonic() >= ends:
            return count
        count += send(one)
    open_questions()
    while time.monotonic() < ends:
        operation = operations.claim_due(
            _Kind.REFUND_STATUS, but_channels=breakers.closed_channels()
        )
        if operation is None:
            break
        _question(operation)
        count += 1
    hand_over()
    return count


def believe(limit: int = BATCH) -> int:
    """Let the channels' news move their requests; says how many were looked at."""
    news = Refund.objects.filter(payment=OuterRef("payment"), request__isnull=True)
    alive = RefundRequest.objects.exclude(state__in=[State.ASKED, State.REFUSED])
    differs = Q(refund__state=Refund.State.SUCCEEDED) & ~Q(state=State.SUCCEEDED)
    differs |= Q(refund__state=Refund.State.FAILED, state__in=[State.SENDING, State.MANUAL])
    unnamed = Q(refund__isnull=True) & Exists(news)
    keys = _keys(alive.filter(differs | unnamed), limit)
    for one in keys:
        actions.follow(one)
    return len(keys)


def send(request_id: int) -> bool:
    """Send one approved refund, unless it was sent; says whether its channel was asked."""
    operation = _intended(request_id)
    if operation is None or breakers.is_left_alone(operation.channel):
        return False
    claimed = _claimed(operation)
    if claimed is None:
        return False
    tried = _asked(claimed, request_id, part="refund", decide=_after_sending)
    if tried.reading is _Reading.DECLINED and claimed.state == Asked.UNKNOWN:
        # An expired token may be refused with a no: once more with a fresh one.
        passes.forget(claimed.channel)
        again = operations.claim(claimed.pk)
        if again is not None:
            tried = _asked(again, request_id, part="refund", decide=_after_sending)
            claimed = again
    _after(request_id, claimed, tried)
    return True


def _claimed(operation: Operation) -> Operation | None:
    """Take it in hand the first time, and later only when it is proven that nothing went out."""
    if operation.state != Asked.INTENDED or (operation.next_at or LONG_AGO) > now():
        return None
    return operations.claim(operation.pk)


@transaction.atomic
def _intended(request_id: int) -> Operation | None:
    """The operation of an approved request; None for what waits, or is a person's to do."""
    held = actions.locked(request_id)
    channel = held.payment.channel
    if held.state == State.APPROVED:
        if actions.room_of(held.payment_id) < 0:
            actions.move(held, to=State.REFUSED, cause="meanwhile the money went back elsewhere")
            return None
        try:
            actions.refuse_unless_free(held.payment)
        except actions.NotRefundable as wait:
            _note(held, f"waits: {wait}")
            return None
        if adapter(channel.adapter).refund is None or not channel.api_url:
            words = "the channel takes no refunds by a call: pay it back, then say what proves it"
            actions.move(held, to=State.MANUAL, cause=words)
            return None
        if channel.paused_at is not None or not channel.is_live:
            _note(held, "waits: the channel is paused")
            return None
        actions.move(held, to=State.SENDING, cause=f"to {channel.code}")
    if held.state != State.SENDING:
        return None
    return operations.intend(
        channel,
        kind=_Kind.REFUND,
        key=held.reference,
        budget=SENT_MAX,
        amount_paise=held.amount_paise,
        payment=held.payment,
        subject=held.reference,
        next_at=now(),
    )


def _note(held: RefundRequest, words: str) -> None:
    if held.note != words[:200]:
        held.note = words[:200]
        held.save(update_fields=["note"])


def _asked(
    operation: Operation,
    request_id: int,
    *,
    part: str,
    decide: operations.Decide,
) -> Tried[Notice]:
    exchange: Exchange[RefundAsk, Notice] = getattr(adapter(operation.channel.adapter), part)
    asked = _question_of(request_id)
    return operations.ask(
        operation,
        exchange=Exchange(call=exchange.call, read=partial(_own, exchange)),
        asked=asked,
        decide=decide,
        keep=partial(_keep, request_id),
    )


def _own(
    exchange: Exchange[RefundAsk, Notice], wire: Wire, setup: Setup, asked: RefundAsk
) -> Notice:
    """The answer about our refund and no other; one without its ids gets what we asked by."""
    told = exchange.read(wire, setup, asked)
    if told.kind is not NoticeKind.REFUND or told.amount_paise != asked.amount_paise:
        raise Malformed(f"asked about {asked.reference}, told of something else")
    if told.channel_ref and asked.channel_ref and told.channel_ref != asked.channel_ref:
        raise Malformed(f"asked about {asked.reference}, told of another payment's refund")
    is_over = told.outcome is not Outcome.PENDING
    return replace(
        told,
        reference=asked.reference,
        channel_ref=told.channel_ref or asked.channel_ref,
        order_ref=told.order_ref or asked.order_ref,
        refund_ref=told.refund_ref or asked.refund_ref or (asked.reference if is_over else ""),
        confirm=False,
    )


def _question_of(request_id: int) -> RefundAsk:
    held = RefundRequest.objects.select_related("payment").get(pk=request_id)
    payment = held.payment
    return RefundAsk(
        reference=held.reference,
        amount_paise=Paise(held.amount_paise),
        payment_reference=payment.reference,
        channel_ref=payment.channel_ref or "",
        order_ref=payment.order_ref,
        paid_paise=Paise(payment.amount_paise),
        paid_at=payment.succeeded_at or LONG_AGO,
        refund_ref=held.told_ref,
        reason=held.reason,
    )


def _keep(request_id: int, operation: Operation, tried: Tried[Notice]) -> None:
    """What the answer says of the refund is stored with the try, or not at all."""
    told = tried.value
    if told is None or not told.refund_ref:
        return
    at = told.occurred_at or tried.at
    try:
        with transaction.atomic():
            refund = note_refund(operation.channel_id, notice=told, at=at)
    except (DomainError, Malformed) as refusal:
        log.warning("refused the answer about refund %s: %s", operation.key, refusal)
        return
    RefundRequest.objects.filter(pk=request_id, told_ref="").update(told_ref=refund.channel_ref)


def _after_sending(operation: Operation, tried: Tried[Any]) -> Verdict:
    """Taken, refused, not sent; everything else is unknown and only asked about from then on."""
    if tried.reading is _Reading.ANSWERED:
        return Verdict(state=Asked.SUCCEEDED, note="taken")
    if tried.reading is _Reading.NOT_SENT:
        pause = min(_AGAIN_FIRST * (1 << min(operation.attempts, 6)), _AGAIN_MAX)
        return Verdict(state=Asked.INTENDED, next_at=now() + pause, note=tried.detail)
    if tried.reading is _Reading.DECLINED:
        wants_token = adapter(operation.channel.adapter).token is not None
        is_first = operation.spent < SENT_MAX and operation.state == Asked.SENT
        to = Asked.UNKNOWN if wants_token and is_first else Asked.FAILED
        return Verdict(state=to, note=tried.detail)
    return Verdict(state=Asked.UNKNOWN, note=tried.detail or str(_Reading(tried.reading).label))


def end_declined(limit: int = BATCH) -> int:
    """Requests whose no was kept by somebody who ended before saying so here."""
    declined = Operation.objects.filter(
        subject=OuterRef("reference"),
        payment=OuterRef("payment"),
        kind=_Kind.REFUND,
        state=Asked.FAILED,
    )
    rows = RefundRequest.objects.filter(Exists(declined), state=State.SENDING)
    keys = _keys(rows, limit)
    for one in keys:
        _fail(one, "by the channel")
    return len(keys)


def _after(request_id: int, operation: Operation, tried: Tried[Any]) -> None:
    """The request follows its operation: a definite no ends it, news move it."""
    if operation.state == Asked.FAILED:
        _fail(request_id, tried.detail)
        return
    actions.follow(request_id)


@transaction.atomic
def _fail(request_id: int, why: str) -> None:
    held = actions.locked(request_id)
    if held.state == State.SENDING:
        actions.move(held, to=State.FAILED, cause=f"declined: {why}")


# ---- following ----


def open_questions(limit: int = BATCH) -> int:
    """Begin to ask about refunds that are with their channel and have not ended."""
    asked = Operation.objects.filter(
        subject=OuterRef("reference"),
        payment=OuterRef("payment"),
        kind=_Kind.REFUND_STATUS,
    )
    taken = Operation.objects.filter(
        subject=OuterRef("reference"),
        payment=OuterRef("payment"),
        kind=_Kind.REFUND,
        state__in=[Asked.UNKNOWN, Asked.SUCCEEDED],
    )
    waiting = RefundRequest.objects.filter(Exists(taken), ~Exists(asked), state=State.SENDING)
    rows = waiting.select_related("payment__channel").order_by("id")[:limit]
    for held in rows:
        _begin_questions(held)
    return len(rows)


def _begin_questions(held: RefundRequest) -> None:
    channel = held.payment.channel
    can_ask = adapter(channel.adapter).refund_status is not None
    operations.intend(
        channel,
        kind=_Kind.REFUND_STATUS,
        key=held.reference,
        budget=len(RUNGS) if can_ask else 0,
        amount_paise=held.amount_paise,
        payment=held.payment,
        subject=held.reference,
        next_at=now() + timedelta(seconds=RUNGS[0]) if can_ask else None,
    )


def _question(operation: Operation) -> None:
    request = RefundRequest.objects.filter(reference=operation.subject).first()
    if request is None:
        raise ValueError(f"{operation} is of no refund")
    tried = _asked(operation, request.pk, part="refund_status", decide=_after_question)
    if tried.reading is _Reading.DECLINED and adapter(operation.channel.adapter).token is not None:
        passes.forget(operation.channel)  # the no may mean our token; the next rung has a fresh one
    actions.follow(request.pk)


def _after_question(operation: Operation, tried: Tried[Any]) -> Verdict:
    """An end is an end; what is pending, unclear or not known there is asked about again."""
    told = tried.value
    if told is not None and told.outcome is not Outcome.PENDING:
        return Verdict(state=Asked.SUCCEEDED, note=str(told.outcome))
    note = tried.detail or (told.code if told is not None else "")
    if not tried.may_have_reached:
        return Verdict(state=Asked.INTENDED, next_at=now() + _AGAIN_FIRST, note=note)
    if operation.spent >= operation.budget:
        return Verdict(state=Asked.MANUAL, note=note)
    at = operation.created_at + timedelta(seconds=RUNGS[operation.spent])
    return Verdict(state=Asked.UNKNOWN, next_at=max(at, now() + _AGAIN_FIRST), note=note)


def hand_over(limit: int = BATCH) -> int:
    """After the last rung a person says what became of the refund; nothing is guessed."""
    ended = Operation.objects.filter(
        Q(state=Asked.MANUAL) | Q(budget=0, state__in=OPEN),
        subject=OuterRef("reference"),
        payment=OuterRef("payment"),
        kind=_Kind.REFUND_STATUS,
    )
    keys = _keys(RefundRequest.objects.filter(Exists(ended), state=State.SENDING), limit)
    for one in keys:
        with transaction.atomic():
            held = actions.locked(one)
            if held.state == State.SENDING:
                words = "the channel cannot say what became of it: look at its pages and reports"
                actions.move(held, to=State.MANUAL, cause=words)
    return len(keys)


def can_send(channel: Channel) -> bool:
    """Whether the channel takes refunds by a call."""
    found: Adapter = adapter(channel.adapter)
    return found.refund is not None and bool(channel.api_url)


def _to_send() -> QuerySet[RefundRequest]:
    return RefundRequest.objects.filter(state=State.APPROVED)


def _unsent() -> QuerySet[RefundRequest]:
    """Their intent is stored, and it is proven that nothing went out; or it was never stored."""
    gone = Operation.objects.filter(
        subject=OuterRef("reference"), payment=OuterRef("payment"), kind=_Kind.REFUND
    ).exclude(state=Asked.INTENDED)
    return RefundRequest.objects.filter(~Exists(gone), state=State.SENDING)


def _keys(rows: QuerySet[RefundRequest], limit: int = BATCH) -> list[int]:
    return list(rows.order_by("id").values_list("pk", flat=True)[:limit])
