"""The ladder: payments that stay pending are asked for, rung by rung, and never guessed.

A question is one Operation; its budget is the number of rungs and the database holds it. What the
partner answers is kept as a message and folded like any other, so that an answer and a webhook
that overtake each other end in the same state. After the last rung a person decides; money that is
found later is believed all the same.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet, Sum

from channels_ import answers, inbox, registry
from channels_.contract import Adapter, Exchange, Notice, Setup, StatusAsk, Wire
from channels_.models import Channel
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import Paise
from enquiries import breakers, operations
from enquiries.models import Operation, OperationAttempt
from enquiries.operations import Tried, Verdict
from enquiries.rungs import UNDER_NPCI, first_of, last_of, next_rung, rungs_of
from enquiries.states import OPEN, State
from payments import actions
from payments import inbox as payments_inbox
from payments.models import Payment
from payments.states import State as PaymentState

BATCH: Final = 500
SECONDS: Final = 45  # of one sweep; then another worker may have its turn
_GAP: Final = timedelta(seconds=30)  # between two questions, whoever wants to know
_AGAIN: Final = timedelta(seconds=60)  # after a try of which not a byte went out

_UNDECIDED: Final = (PaymentState.CREATED, PaymentState.PENDING)
_STATUS: Final = Operation.Kind.STATUS
_Reading = OperationAttempt.Reading
_Notices = Sequence[Notice]

log = logging.getLogger(__name__)


class BudgetSpent(DomainError):
    """The payment was asked for as often as is allowed; only news or a person can tell more."""

    code = "budget_spent"


class NotAskable(DomainError):
    """The channel cannot be asked now, or not at all."""

    code = "not_askable"


def climb(*, seconds: float = SECONDS) -> int:
    """Ask for all that is due, one after the other, for a while; says how many were asked."""
    ends = time.monotonic() + seconds
    recover()
    close_decided()
    open_ladders()
    hurry()
    count = 0
    while time.monotonic() < ends:
        operation = operations.claim_due(_STATUS, but_channels=breakers.closed_channels())
        if operation is None:
            break
        _ask(operation)
        count += 1
    return count


def ask_now(payment: Payment) -> Payment:
    """Ask before a refund, a second try or a decision, and answer the payment as it stands then.

    What is decided is not asked for. Raises BudgetSpent or NotAskable when nobody may ask.
    """
    found = _fresh(payment.pk)
    if is_decided(found):
        return found
    adapter = registry.adapter(found.channel.adapter)
    if not _is_askable(found.channel, adapter):
        raise NotAskable(f"{found.channel.code} answers no questions about payments")
    operation = _opened(found)
    if operation.spent >= operation.budget:
        raise BudgetSpent(f"{found.reference} was asked for {operation.spent} times, no more")
    if operation.last_sent_at is not None and now() - operation.last_sent_at < _GAP:
        return found
    if breakers.is_left_alone(found.channel):
        raise NotAskable(f"{found.channel.code} is paused or does not answer at present")
    claimed = operations.claim(operation.pk, even_manual=True)
    if claimed is None:
        raise NotAskable(f"{found.reference} is being asked for at this moment")
    _ask(claimed)
    return _fresh(payment.pk)


def is_decided(payment: Payment) -> bool:
    """Whether there is nothing to ask: it has ended, and no unproved news says otherwise."""
    if payment.state == PaymentState.FAILED:
        return payment.ask_from is None
    return payment.state not in _UNDECIDED


@transaction.atomic
def give_one_more(payment: Payment) -> Operation:
    """Let a person ask once more, where no budget of NPCI forbids it."""
    operation = _last(payment, for_update=True)
    if operation is None or operation.state not in OPEN:
        raise NotAskable(f"{payment.reference} is not asked for")
    if operation.spent < operation.budget:
        return operation
    if payment.method in UNDER_NPCI:
        raise BudgetSpent(f"{payment.reference}: NPCI allows {operation.budget} questions")
    operation.budget = operation.spent + 1
    operation.save(update_fields=["budget"])
    return operation


# ---- the steps of a sweep ----


def recover() -> int:
    """What a killed or frozen worker had in hand goes on as unknown, its question counted."""
    return operations.recover_lost(_STATUS, decide=_after_try)


def close_decided(limit: int = BATCH) -> int:
    """Questions whose payment was decided by other news need no answer any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE enquiries_operation AS operation SET
                state = 'succeeded', next_at = NULL, settled_at = %s,
                note = 'decided by other news'
            WHERE operation.id IN (
                -- Not a join: that reads every payment, this only the few that are undecided.
                SELECT one.id
                FROM enquiries_operation AS one
                WHERE one.kind = 'status' AND one.state IN ('intended', 'unknown', 'manual')
                  AND NOT EXISTS (
                      SELECT FROM payments_payment AS payment
                      WHERE payment.id = one.payment_id
                        AND payment.state IN ('created', 'pending')
                  )
                  AND NOT EXISTS (
                      SELECT FROM payments_payment AS payment
                      WHERE payment.id = one.payment_id
                        AND payment.state = 'failed' AND payment.ask_from IS NOT NULL
                  )
                LIMIT %s
                FOR UPDATE OF one SKIP LOCKED
            )
            """,
            [now(), limit],
        )
        return int(cursor.rowcount)


def open_ladders(limit: int = BATCH) -> int:
    """Begin to ask for what is pending for longer than its first rung, or has unproved news."""
    channels = list(Channel.objects.all())
    askable = [one for one in channels if _is_askable(one, registry.adapter(one.adapter))]
    count = 0
    for payment in _waiting(askable, limit):
        count += _open(payment)
    for payment in _waiting_in_vain([one for one in channels if one not in askable], limit):
        count += _open(payment, budget=0)
    return count


def hurry() -> int:
    """Unproved news is asked about at once, not at the next rung; but not twice in a moment."""
    moment = now()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE enquiries_operation AS operation SET next_at = %s
            FROM payments_payment AS payment
            WHERE payment.id = operation.payment_id
              AND payment.ask_from IS NOT NULL
              AND operation.kind = 'status'
              AND operation.state IN ('intended', 'unknown')
              AND operation.next_at > %s
              AND (operation.last_sent_at IS NULL
                   OR payment.ask_from > operation.last_sent_at AND operation.last_sent_at < %s)
            """,
            [moment, moment, moment - _GAP],
        )
        return int(cursor.rowcount)


# ---- one question ----


def _ask(operation: Operation) -> None:
    """Ask for the payment of a claimed question, and let what was answered change it."""
    payment = operation.payment
    adapter = registry.adapter(operation.channel.adapter)
    if payment is None or adapter.status is None:
        raise NotAskable(f"{operation} has nothing to ask")
    asked = _question(payment)
    kept: list[int] = []
    exchange: Exchange[StatusAsk, _Notices] = Exchange(
        call=adapter.status.call, read=partial(_read, adapter)
    )
    tried = operations.ask(
        operation,
        exchange=exchange,
        asked=asked,
        decide=_after_try,
        keep=lambda current, heard: _keep_answer(current, heard, asked, kept),
    )
    if tried.reading is _Reading.ANSWERED:
        for message_id in kept:
            payments_inbox.apply_notices(message_id)
        actions.note_asked(payment.pk, at=tried.at)
        if is_decided(_fresh(payment.pk)):
            _close(operation.pk)
            return
    if operation.state == State.MANUAL:
        log.warning("%s waits for a person: the ladder has ended", payment.reference)


def _read(adapter: Adapter, wire: Wire, setup: Setup, asked: StatusAsk) -> _Notices:
    return answers.read_status(adapter, wire, setup, asked)


def _question(payment: Payment) -> StatusAsk:
    return StatusAsk(
        reference=payment.reference,
        amount_paise=Paise(payment.amount_paise),
        channel_ref=payment.channel_ref or "",
        order_ref=payment.order_ref,
        created_at=payment.created_at,
    )


def _keep_answer(
    operation: Operation, tried: Tried[_Notices], asked: StatusAsk, kept: list[int]
) -> None:
    """Beside the evidence of the try, the answer becomes a message when it holds news."""
    if tried.value and tried.wire is not None and tried.setup is not None:
        kept.append(
            inbox.keep_answer(
                operation.channel,
                kind=answers.STATUS,
                key=f"status:{operation.pk}:{tried.number}",
                asked=asked,
                wire=tried.wire,
                setup=tried.setup,
            )
        )


def _after_try(operation: Operation, tried: Tried[Any]) -> Verdict:
    """The next rung; after the last one a person. What was answered is seen when it is applied."""
    payment = operation.payment
    if payment is None:
        raise NotAskable(f"{operation} is of no payment")
    note = tried.detail or str(_Reading(tried.reading).label)
    if not tried.may_have_reached:
        return Verdict(state=State.INTENDED, next_at=now() + _AGAIN, note=note)
    before = _spent_before(operation)
    # The method may have been told since: a card may be asked for more often than UPI.
    allowed = len(rungs_of(payment.channel, payment.method)) - before
    operation.budget = max(operation.budget, allowed)
    at = next_rung(payment, spent=before + operation.spent, asked_at=operation.last_sent_at)
    if at is None or operation.spent >= operation.budget:
        return Verdict(state=State.MANUAL, note=note)
    return Verdict(state=State.UNKNOWN, next_at=at, note=note)


def _spent_before(operation: Operation) -> int:
    rounds = Operation.objects.filter(payment=operation.payment_id, kind=_STATUS)
    earlier = rounds.exclude(pk=operation.pk).aggregate(sum=Sum("spent"))["sum"]
    return int(earlier or 0)


@transaction.atomic
def _close(operation_id: int) -> None:
    operation = Operation.objects.select_for_update(of=("self",)).get(pk=operation_id)
    if operation.state in (State.UNKNOWN, State.MANUAL):
        operations.settle(operation_id, verdict=Verdict(state=State.SUCCEEDED, note="answered"))


# ---- opening ----


def _is_askable(channel: Channel, adapter: Adapter) -> bool:
    return adapter.status is not None and channel.is_live and bool(channel.api_url)


def _waiting(channels: Sequence[Channel], limit: int) -> list[Payment]:
    """Past the first rung, or with unproved news, and nobody asks for them yet."""
    found = {one.pk: one for one in _late(channels, first_of, limit)}
    told = Payment.objects.filter(
        channel__in=channels, ask_from__isnull=False, state__in=[*_UNDECIDED, PaymentState.FAILED]
    )
    found |= {one.pk: one for one in _unasked(told).order_by("ask_from")[:limit]}
    return list(found.values())


def _waiting_in_vain(channels: Sequence[Channel], limit: int) -> list[Payment]:
    """Nobody can be asked for them; after the time of a whole ladder a person must look."""
    return _late(channels, last_of, limit)


def _late(
    channels: Sequence[Channel], seconds_of: Callable[[Channel], int], limit: int
) -> list[Payment]:
    """Undecided for longer than so many seconds, and nobody asks; a query for each length."""
    by_seconds: dict[int, list[Channel]] = {}
    for channel in channels:
        by_seconds.setdefault(seconds_of(channel), []).append(channel)
    found: list[Payment] = []
    for seconds, some in by_seconds.items():
        late = Payment.objects.filter(
            channel__in=some,
            state__in=_UNDECIDED,
            created_at__lte=now() - timedelta(seconds=seconds),
        )
        found += _unasked(late).order_by("created_at")[:limit]
    return found


def _unasked(payments: QuerySet[Payment]) -> QuerySet[Payment]:
    asked = Operation.objects.filter(payment=OuterRef("pk"), kind=_STATUS, state__in=OPEN)
    return payments.filter(~Exists(asked)).select_related("channel")


def _opened(payment: Payment) -> Operation:
    _open(payment)
    operation = _last(payment)
    if operation is None or operation.state not in OPEN:
        raise NotAskable(f"{payment.reference} was decided at this moment")
    return operation


@transaction.atomic
def _open(payment: Payment, *, budget: int | None = None) -> bool:
    """Begin a round of questions; rounds before it count against the same budget."""
    sums = _rounds(payment)
    if sums["is_open"]:
        return False
    allowed = len(rungs_of(payment.channel, payment.method)) if budget is None else budget
    left = max(0, allowed - sums["spent"])
    spent_rungs = allowed - left
    at = next_rung(payment, spent=spent_rungs, asked_at=sums["asked_at"]) or now()
    state = State.INTENDED if left else State.MANUAL
    number = sums["rounds"] + 1
    made = Operation(
        channel=payment.channel,
        kind=_STATUS,
        key=payment.reference if number == 1 else f"{payment.reference}#{number}",
        payment=payment,
        amount_paise=payment.amount_paise,
        budget=left,
        state=state,
        next_at=(now() if payment.ask_from else at) if left else None,
        note="" if left else "nobody can be asked",
    )
    Operation.objects.bulk_create([made], ignore_conflicts=True)
    return True


def _rounds(payment: Payment) -> Mapping[str, Any]:
    rounds = list(_all(payment).order_by("id"))
    return {
        "rounds": len(rounds),
        "is_open": any(one.state in OPEN for one in rounds),
        "spent": sum(one.spent for one in rounds),
        "asked_at": max((one.last_sent_at for one in rounds if one.last_sent_at), default=None),
    }


def _last(payment: Payment, *, for_update: bool = False) -> Operation | None:
    rows = _all(payment)
    if for_update:
        rows = rows.select_for_update(of=("self",))
    return rows.order_by("-id").first()


def _all(payment: Payment) -> QuerySet[Operation]:
    return Operation.objects.filter(payment=payment, kind=_STATUS)


def _fresh(payment_id: int) -> Payment:
    return Payment.objects.select_related("channel", "consumer", "office").get(pk=payment_id)
