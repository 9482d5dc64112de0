"""The mover of questions: the intent is committed, then the socket opens, then what came is kept.

No transaction is open while a partner is waited for. Whoever is killed in between leaves a
question that is ``sent``; when its wait is over it becomes ``unknown`` and never ``failed``.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from django.db import connection, transaction

from channels_.contract import Call, Declined, Exchange, Setup, Wire
from channels_.models import Channel
from channels_.setups import calling
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError, Malformed, Transient
from cspdcl.kernel.http import Limits, NoAnswer, NotAllowed, NotSent
from enquiries import breakers, passes
from enquiries.http import send
from enquiries.models import Operation, OperationAttempt
from enquiries.states import TRANSITIONS, State
from payments.models import Payment

ANSWER_PLACE: Final = "enquiries_operationattempt.answer"

_NOTE_MAX: Final = 200
_WAIT_MORE: Final = timedelta(seconds=60)
_NOT_LET_IN: Final = frozenset({401, 403})
_TURNED_AWAY: Final = _NOT_LET_IN | {429}
# What a fault of an adapter can look like; the question goes on, and the log has the fault.
_FAULTS: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

Kind = Operation.Kind
Reading = OperationAttempt.Reading
Asked = TypeVar("Asked")
Read = TypeVar("Read")

log = logging.getLogger(__name__)


class KeyReused(DomainError):
    """The same key asks for something else: a second question needs a key of its own."""

    code = "key_reused"


class Paused(DomainError):
    """The channel is paused: nothing new goes out."""

    code = "paused"


class InsideTransaction(RuntimeError):
    """A fault of the caller: a transaction would wait for the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried(Generic[Read]):
    """What one try came to. ``value`` is there when it was answered, ``wire`` when bytes came."""

    reading: OperationAttempt.Reading
    number: int
    at: datetime
    value: Read | None = None
    code: str = ""
    detail: str = ""
    wire: Wire | None = None
    setup: Setup | None = None
    request_sha256: str = ""
    is_away: bool = False  # the partner gave no pass, so that nothing could be asked

    @property
    def may_have_reached(self) -> bool:
        """Whether the partner may have heard of it."""
        return self.reading is not Reading.NOT_SENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Where a question goes after a try."""

    state: State
    next_at: datetime | None = None
    note: str = ""
    result: dict[str, Any] = field(default_factory=dict)


Decide = Callable[[Operation, Tried[Any]], Verdict]


@transaction.atomic
def intend(
    channel: Channel,
    *,
    kind: Operation.Kind,
    key: str,
    budget: int,
    amount_paise: int = 0,
    payment: Payment | None = None,
    subject: str = "",
    next_at: datetime | None = None,
) -> Operation:
    """Note what shall be asked, once per key; commit it before anything is sent."""
    made, is_new = Operation.objects.get_or_create(
        channel=channel,
        kind=kind,
        key=key,
        defaults={
            "budget": budget,
            "amount_paise": amount_paise,
            "payment": payment,
            "subject": subject,
            "next_at": next_at,
        },
    )
    same = (made.amount_paise, made.payment_id, made.subject)
    if not is_new and same != (amount_paise, payment.pk if payment else None, subject):
        raise KeyReused(f"{kind} {key} of {channel.code} was asked for something else")
    return made


def claim(
    operation_id: int, *, limits: Limits | None = None, even_manual: bool = False
) -> Operation | None:
    """Take one question in hand and count the try; None when it is not to be asked now.

    It is committed as sent before anybody opens a socket. Of two workers one gets it.
    """
    states = [State.INTENDED, State.UNKNOWN, *([State.MANUAL] if even_manual else [])]
    return _claimed(
        "id = %s AND state = ANY(%s)", [operation_id, [s.value for s in states]], limits
    )


def claim_due(kind: Operation.Kind, *, but_channels: Sequence[int] = ()) -> Operation | None:
    """Take the question of a kind in hand that waits longest, past what others have in hand."""
    moment = now()
    which = "kind = %s AND state IN ('intended', 'unknown') AND next_at <= %s"
    return _claimed(f"{which} AND NOT channel_id = ANY(%s)", [kind, moment, list(but_channels)])


def ask(
    operation: Operation,
    *,
    exchange: Exchange[Asked, Read],
    asked: Asked,
    decide: Decide | None = None,
    keep: Callable[[Operation, Tried[Read]], None] | None = None,
    limits: Limits | None = None,
) -> Tried[Read]:
    """Ask what was claimed, read the answer, and keep both with where the question goes now.

    ``keep`` and ``decide`` run in the transaction that keeps them: the first always, the second
    while the question is in this hand. Without ``decide`` a definite answer settles.
    """
    if connection.in_atomic_block:
        raise InsideTransaction(f"{operation} would wait for its partner inside a transaction")
    tried = _asked(operation, exchange, asked, limits or Limits())
    _keep(operation, tried, keep, decide or settles)
    return tried


def settles(_operation: Operation, tried: Tried[Any]) -> Verdict:
    """A yes succeeds, a definite no fails, everything else stays unknown."""
    to = {
        Reading.ANSWERED: State.SUCCEEDED,
        Reading.DECLINED: State.FAILED,
        Reading.NOT_SENT: State.INTENDED,
    }.get(tried.reading, State.UNKNOWN)
    return Verdict(state=to, note=tried.detail)


@transaction.atomic
def settle(operation_id: int, *, verdict: Verdict) -> Operation:
    """Move a question that is not being asked along one legal edge; the same again is nothing."""
    operation = Operation.objects.select_for_update(of=("self",)).get(pk=operation_id)
    if operation.state != verdict.state:
        _move(operation, verdict)
    return operation


def recover_lost(kind: Operation.Kind, *, decide: Decide, limit: int = 100) -> int:
    """Questions whose asker died or froze: what it heard is not known, so neither is the answer."""
    for count in range(limit):
        if not _recover_one(kind, decide):
            return count
    return limit


def answer_of(attempt: OperationAttempt) -> bytes:
    """The bytes that came, decrypted; none when none came."""
    return crypto.unseal(attempt.answer, place=ANSWER_PLACE) if attempt.answer else b""


def _claimed(which: str, values: list[Any], limits: Limits | None = None) -> Operation | None:
    moment = now()
    wait = timedelta(seconds=2 * (limits or Limits()).total_seconds) + _WAIT_MORE
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE enquiries_operation SET
                state = 'sent',
                attempts = attempts + 1,
                spent = spent + 1,
                first_sent_at = COALESCE(first_sent_at, %s),
                last_sent_at = %s,
                next_at = %s
            WHERE id = (
                SELECT id FROM enquiries_operation
                WHERE {which} AND spent < budget
                ORDER BY next_at, id
                LIMIT 1
                FOR UPDATE SKIP LOCKED
            )
            RETURNING id
            """,  # noqa: S608 - ``which`` is a constant of this module
            [moment, moment, moment + wait, *values],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    return Operation.objects.select_related("channel", "payment__channel").get(pk=row[0])


def _asked(
    operation: Operation, exchange: Exchange[Asked, Read], asked: Asked, limits: Limits
) -> Tried[Read]:
    number, at = operation.attempts, operation.last_sent_at or now()
    blank: Tried[Read] = Tried(reading=Reading.NOT_SENT, number=number, at=at)
    if breakers.is_paused(operation.channel):
        return replace(blank, detail="the channel is paused: no call goes out")
    try:
        setup = passes.with_pass(operation.channel, calling(operation.channel))
        call = exchange.call(asked, setup)
    except NotSent as error:
        return replace(blank, detail=_words(error), is_away=True)
    except (DomainError, Malformed, Transient) as error:
        return replace(blank, detail=_words(error))
    except _FAULTS as fault:
        log.exception("the call of %s could not be made", operation)
        return replace(blank, detail=_words(fault))
    digest = _digest(call)
    tried = replace(blank, setup=setup, request_sha256=digest)
    if operation.next_at is not None and now() >= operation.next_at:
        # Whoever was frozen this long was given up: another may have sent it already.
        return replace(blank, detail="its time was over before it could be sent")
    try:
        wire = send(call, api_url=setup.api_url, limits=limits)
    except (NotSent, NotAllowed) as error:
        return replace(tried, detail=_words(error))
    except NoAnswer as error:
        return replace(tried, reading=Reading.NO_ANSWER, detail=_words(error))
    return _understood(operation, exchange, asked, replace(tried, wire=wire), wire, setup)


def _understood(
    operation: Operation,
    exchange: Exchange[Asked, Read],
    asked: Asked,
    tried: Tried[Read],
    wire: Wire,
    setup: Setup,
) -> Tried[Read]:
    try:
        value = exchange.read(wire, setup, asked)
    except Declined as no:
        return replace(tried, reading=Reading.DECLINED, code=no.code[:64], detail=str(no))
    except Malformed as error:
        return replace(tried, reading=Reading.UNCLEAR, detail=_words(error))
    except _FAULTS as fault:
        log.exception("the answer to %s could not be read", operation)
        return replace(tried, reading=Reading.UNCLEAR, detail=_words(fault))
    return replace(tried, reading=Reading.ANSWERED, value=value)


@transaction.atomic
def _keep(
    operation: Operation,
    tried: Tried[Any],
    keep: Callable[[Operation, Tried[Any]], None] | None,
    decide: Decide,
) -> None:
    """The evidence always; the move only while the question is still in this asker's hand."""
    current = Operation.objects.select_for_update(of=("self",)).get(pk=operation.pk)
    _record(current, tried)
    if keep is not None:
        keep(current, tried)
    _note_reach(current.channel, tried)
    is_ours = current.state == State.SENT and current.attempts == tried.number
    if not is_ours:
        log.warning("%s was given up before its answer came", current)
        return
    if not tried.may_have_reached:
        current.spent -= 1
    verdict = decide(current, tried)
    if verdict.state is State.INTENDED and current.spent:
        verdict = replace(verdict, state=State.UNKNOWN)  # an earlier try may have reached them
    _move(current, verdict)
    operation.state, operation.next_at = current.state, current.next_at
    operation.spent, operation.result = current.spent, current.result


def _record(operation: Operation, tried: Tried[Any]) -> None:
    wire = tried.wire
    is_kept = wire is not None and operation.kind != Kind.REPORT  # a report is kept as a file
    OperationAttempt.objects.bulk_create(
        [
            OperationAttempt(
                operation=operation,
                number=tried.number,
                at=tried.at,
                request_sha256=tried.request_sha256,
                http_status=wire.status if wire else None,
                answer=crypto.seal(wire.body, place=ANSWER_PLACE) if wire and is_kept else None,
                answer_sha256=hashlib.sha256(wire.body).hexdigest() if wire else "",
                reading=tried.reading,
                detail=_clean(tried.detail),
            )
        ],
        ignore_conflicts=True,  # given up by others before: their line says so
    )
    log.info(
        "asked %s %s of %s, try %s: %s%s",
        *(operation.kind, operation.key, operation.channel.code, tried.number, tried.reading),
        f" {wire.status}" if wire else "",
    )


def _note_reach(channel: Channel, tried: Tried[Any]) -> None:
    """A partner that cannot be reached, or lets us in no more, is left alone for a while.

    A fault of ours is none; but a wrong key would else burn every payment's questions in silence.
    """
    wire = tried.wire
    if wire is not None and wire.status in _NOT_LET_IN:
        passes.forget(channel)
    if tried.reading in (Reading.ANSWERED, Reading.DECLINED):
        breakers.note_success(channel)
    elif wire is None and (tried.request_sha256 or tried.is_away):
        breakers.note_failure(channel, tried.detail)
    elif wire is not None and (wire.status >= 500 or wire.status in _TURNED_AWAY):
        breakers.note_failure(channel, f"HTTP {wire.status}")


def _recover_one(kind: Operation.Kind, decide: Decide) -> bool:
    with transaction.atomic():
        operation = (
            Operation.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("channel", "payment__channel")
            .filter(kind=kind, state=State.SENT, next_at__lte=now())
            .order_by("next_at", "id")
            .first()
        )
        if operation is None:
            return False
        lost: Tried[Any] = Tried(
            reading=Reading.LOST,
            number=operation.attempts,
            at=operation.last_sent_at or now(),
            detail="whoever asked has ended",
        )
        _record(operation, lost)
        _move(operation, decide(operation, lost))
    return True


def _move(operation: Operation, verdict: Verdict) -> None:
    was = State(operation.state)
    if verdict.state not in TRANSITIONS[was]:
        raise ValueError(f"{operation} is {was}, it cannot become {verdict.state}")
    operation.state = verdict.state
    operation.next_at = verdict.next_at
    operation.note = _clean(verdict.note)
    operation.result = verdict.result or operation.result
    if verdict.state in (State.SUCCEEDED, State.FAILED):
        operation.settled_at = now()
    if verdict.state is State.INTENDED:
        operation.first_sent_at = None
    operation.save(
        update_fields=[
            *("state", "next_at", "note", "result", "settled_at", "first_sent_at", "spent"),
            "budget",
        ]
    )
    log.info("%s %s -> %s: %s", operation, was.value, verdict.state.value, operation.note)


def _digest(call: Call) -> str:
    head = f"{call.method}\n{call.url}\n".encode()
    return hashlib.sha256(head + call.body).hexdigest()


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _clean(text: str) -> str:
    return text.replace("\0", "")[:_NOTE_MAX]
