"""Drains the inbox in batches, each one transaction; a bad message harms only itself."""

import logging
from collections.abc import Sequence
from typing import Final

from django.db import DatabaseError, InterfaceError, connection, transaction

from channels_ import doorbell, queue
from channels_.contract import Notice, NoticeKind
from channels_.inbox import notices_of
from channels_.models import InboundMessage
from channels_.queue import Verdict
from cspdcl.kernel.crypto import Undecipherable
from cspdcl.kernel.database import is_away
from cspdcl.kernel.errors import DomainError, Malformed
from payments.disputes import hear_dispute
from payments.notices import Fold, NotYetKnown, hear_refund

_AT_MOST: Final = 100_000  # messages in one go; then another worker may have its turn
_RETRIES_BETWEEN: Final = 20

# What a fault of ours can turn a strange message into. Caught here, where something can be done:
# the batch is repeated one by one, the culprit waits, is tried again and parked in the end.
_FAULTS: Final = (
    DatabaseError,
    Undecipherable,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)

_State = InboundMessage.State

_ABOUT_PAYMENTS: Final = {
    NoticeKind.REFUND: hear_refund,
    NoticeKind.DISPUTE: hear_dispute,
}

log = logging.getLogger(__name__)


def drain(limit: int = _AT_MOST) -> int:
    """Work until nothing is due, and say how many messages were taken in hand."""
    doorbell.hush()
    queue.park_exhausted()
    taken = 0
    while taken < limit:
        fresh = queue.claim_fresh()
        _work(fresh)
        retried = _work_on_retried()
        if not fresh and not retried:
            break
        taken += len(fresh) + retried
    return taken


def catch_up() -> None:
    """Work until nothing is due, then wait for what other workers have in hand."""
    drain()
    with transaction.atomic(), connection.cursor() as cursor:
        # A worker holds its messages locked until its batch is committed, which may take longer
        # than a page would wait.
        cursor.execute("SET LOCAL lock_timeout = '2min'; SET LOCAL statement_timeout = '5min'")
        due = InboundMessage.objects.select_for_update().filter(state=_State.DUE)
        list(due.order_by("pk").values_list("pk", flat=True))


def apply_notices(message_id: int) -> None:
    """Apply one message now; what it did is written on it."""
    _work([message_id])


def _work_on_retried() -> int:
    for count in range(_RETRIES_BETWEEN):
        claimed = queue.claim_retried()
        if not claimed:
            return count
        _work(claimed)
    return _RETRIES_BETWEEN


def _work(ids: Sequence[int]) -> None:
    if not ids:
        return
    try:
        _apply(ids)
    except (InterfaceError, *_FAULTS) as fault:
        if is_away(fault):
            raise
        if len(ids) == 1:
            log.exception("message %s could not be applied", ids[0])
            queue.note_problem(ids[0], f"{type(fault).__name__}: {fault}")
            return
        log.warning("a batch of %s failed, now one by one: %s", len(ids), type(fault).__name__)
        for one in ids:
            _work([one])


@transaction.atomic
def _apply(ids: Sequence[int]) -> None:
    """Believe the messages of one batch, all in one transaction, and write on each what it did."""
    parsed: list[tuple[InboundMessage, Sequence[Notice]]] = []
    verdicts: list[Verdict] = []
    for message in queue.locked(ids):
        try:
            parsed.append((message, notices_of(message)))
        except Malformed as error:
            verdicts.append(Verdict(message.pk, _State.PARKED, f"not understood: {error}"))
    fold = Fold()
    fold.read(parsed)
    said = {
        message.pk: [_hear(fold, message, notice) for notice in notices]
        for message, notices in parsed
    }
    fold.write()
    for message, notices in parsed:
        said[message.pk] += [
            _hear_about(message, notice) for notice in notices if notice.kind in _ABOUT_PAYMENTS
        ]
        verdicts.append(_verdict(message, said[message.pk]))
    queue.settle(verdicts)


_Said = tuple[InboundMessage.State, str]


def _hear(fold: Fold, message: InboundMessage, notice: Notice) -> _Said:
    if notice.kind is NoticeKind.PAYMENT:
        try:
            return _State.DONE, fold.hear(message, notice=notice)
        except DomainError as refusal:
            log.warning("refused from message %s: %s", message.pk, refusal)
            return _State.REFUSED, f"{refusal.code}: {refusal}"
        except Malformed as error:
            return _State.PARKED, f"not understood: {error}"
    if notice.kind is NoticeKind.SETTLEMENT:
        return _State.DONE, f"settlement noted: {notice.channel_ref} {notice.utr}"
    if notice.kind is NoticeKind.IGNORED:
        return _State.DONE, f"ignored: {notice.event}"
    return _State.DONE, ""


def _hear_about(message: InboundMessage, notice: Notice) -> _Said:
    """A refund or a dispute, once the payments that its message tells are stored."""
    try:
        return _State.DONE, _ABOUT_PAYMENTS[notice.kind](message, notice=notice)
    except NotYetKnown as wait:
        return _State.DUE, str(wait)
    except DomainError as refusal:
        log.warning("refused from message %s: %s", message.pk, refusal)
        return _State.REFUSED, f"{refusal.code}: {refusal}"
    except Malformed as error:
        return _State.PARKED, f"not understood: {error}"


def _verdict(message: InboundMessage, said: Sequence[_Said]) -> Verdict:
    """The gravest of what its notices came to; a message that must wait is heard whole again."""
    gravity = (_State.DUE, _State.PARKED, _State.REFUSED, _State.DONE)
    states = {state for state, _text in said}
    state = next((one for one in gravity if one in states), _State.DONE)
    return Verdict(message.pk, state, "; ".join(text for _state, text in said if text))
