"""Answers that partners want apart from their question: owed from the commit on, sent until taken.

Who sends is given by the caller, because only one module of the house opens sockets. A kill after
the commit costs a few seconds: the sweep finds what is due.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from django.db import connection, transaction

from channels_ import doorbell
from channels_.contract import (
    Ask,
    AskKind,
    Call,
    Declined,
    Method,
    Notice,
    NoticeKind,
    Outcome,
    Reply,
    ReplyCode,
    Wire,
)
from channels_.models import Channel
from channels_.registry import adapter
from channels_.setups import calling
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError, Malformed, Transient
from cspdcl.kernel.money import Paise
from payments.models import OwedReply

Send = Callable[[Channel, Call], Wire]


class ReplyTo(Protocol):
    """The answer to a question as the books stand."""

    def __call__(self, channel: Channel, ask: Ask, *, is_kept: bool) -> Reply:
        """``is_kept``: the question is in the inbox."""


SEND: Final = "enquiries.tasks.send_owed_replies"
PLACE: Final = "payments_owedreply.question"
ATTEMPTS_MAX: Final = 8
USELESS_AFTER: Final = timedelta(minutes=10)  # an answer about dues, when nobody waits any more
KEPT_FOR: Final = timedelta(days=2)  # the questions that changed nothing

_CLAIMED_FOR: Final = timedelta(minutes=1)
_FIRST_PAUSE: Final = timedelta(seconds=5)  # doubled after every attempt

log = logging.getLogger(__name__)


def owe(channel: Channel, *, ask: Ask, message_id: int | None = None) -> None:
    """Note that a question must be answered apart, in the caller's transaction if there is one.

    The same question again is answered again, because the partner has not heard.
    """
    moment = now()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO payments_owedreply AS owed
                (channel_id, message_ref, question, message_id, state, attempts, next_try_at,
                 outcome, asked_at)
            VALUES (%s, %s, %s, %s, 'due', 0, %s, '', %s)
            ON CONFLICT (channel_id, message_ref) DO UPDATE SET
                state = 'due', attempts = 0, next_try_at = EXCLUDED.next_try_at, outcome = '',
                asked_at = EXCLUDED.asked_at,
                message_id = COALESCE(EXCLUDED.message_id, owed.message_id)
            """,
            [
                channel.pk,
                ask.message_ref,
                crypto.seal(_written(ask), place=PLACE),
                message_id,
                moment,
                moment,
            ],
        )


def ring() -> None:
    """Wake the worker that sends; the sweep finds what a lost ring leaves behind."""
    doorbell.ring_for(SEND)


def deliver_due(*, send: Send, reply_to: ReplyTo, limit: int = 500) -> int:
    """Send what is due, and say how many answers were tried. No transaction waits for a partner."""
    _give_up_exhausted()
    tried = 0
    while tried < limit and (claimed := _claim()):
        row = OwedReply.objects.select_related("channel").get(pk=claimed)
        _note(row, _deliver(row, send=send, reply_to=reply_to))
        tried += 1
    return tried


def forget_old() -> int:
    """Drop the questions that changed nothing and were answered or given up days ago."""
    old = OwedReply.objects.filter(message=None, asked_at__lt=now() - KEPT_FOR)
    return old.exclude(state=OwedReply.State.DUE).delete()[0]


def _claim() -> int | None:
    """Take the answer that waits longest in hand, for longer than a partner is waited for.

    One at a time: of many in one hand the last would be claimed anew before it was sent. The
    attempt is counted first, so that an answer which kills its worker is found out.
    """
    moment = now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payments_owedreply SET attempts = attempts + 1, next_try_at = %s
            WHERE id = (
                SELECT id FROM payments_owedreply
                WHERE state = 'due' AND next_try_at <= %s AND attempts < %s
                ORDER BY next_try_at, id
                LIMIT 1
                FOR UPDATE SKIP LOCKED
            )
            RETURNING id
            """,
            [moment + _CLAIMED_FOR, moment, ATTEMPTS_MAX],
        )
        found = cursor.fetchone()
    return found[0] if found else None


def _give_up_exhausted() -> None:
    """Answers whose last attempt ended with its worker."""
    spent = OwedReply.objects.filter(
        state=OwedReply.State.DUE, attempts__gte=ATTEMPTS_MAX, next_try_at__lte=now()
    )
    given_up = spent.update(state=OwedReply.State.GIVEN_UP, outcome="its worker died every time")
    if given_up:
        log.error("%s answers are given up: their workers died", given_up)


def _deliver(row: OwedReply, *, send: Send, reply_to: ReplyTo) -> str:
    """Send one answer; empty when it was taken, else why it was not."""
    ask = _read(crypto.unseal(row.question, place=PLACE))
    if row.message_id is None and row.asked_at < now() - USELESS_AFTER:
        return "nobody waits for it any more"
    answering = adapter(row.channel.adapter).ask
    if answering is None or answering.deliver is None:
        return f"the adapter {row.channel.adapter} delivers no answers"
    reply = reply_to(row.channel, ask, is_kept=row.message_id is not None)
    if reply.code is ReplyCode.PENDING:
        return "the payment is not decided yet"
    try:
        setup = calling(row.channel)
        wire = send(row.channel, answering.deliver.call((ask, reply), setup))
        answering.deliver.read(wire, setup, (ask, reply))
    except (Malformed, Declined, Transient, DomainError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _note(row: OwedReply, problem: str) -> None:
    state = OwedReply.State.SENT
    if problem:
        is_over = row.attempts >= ATTEMPTS_MAX or (
            row.message_id is None and row.asked_at < now() - USELESS_AFTER
        )
        state = OwedReply.State.GIVEN_UP if is_over else OwedReply.State.DUE
        log.log(
            logging.ERROR if is_over else logging.WARNING,
            "answer %s to %s is not delivered: %s",
            row.message_ref,
            row.channel.code,
            problem,
        )
    # Asked again meanwhile it counts from nothing: that answer is still owed.
    mine = OwedReply.objects.filter(
        pk=row.pk, state=OwedReply.State.DUE, attempts=row.attempts, next_try_at=row.next_try_at
    )
    mine.update(
        state=state,
        outcome=problem.replace("\0", "")[:200],
        next_try_at=now() + _FIRST_PAUSE * (1 << (row.attempts - 1)),
    )


def _written(ask: Ask) -> bytes:
    return json.dumps(asdict(ask), default=datetime.isoformat).encode()


def _read(said: bytes) -> Ask:
    found: dict[str, Any] = json.loads(said)
    notice = found.pop("notice")
    kind = AskKind(found.pop("kind"))
    return Ask(kind=kind, notice=_notice(notice) if notice else None, **found)


def _notice(found: dict[str, Any]) -> Notice:
    moments = ("occurred_at", "respond_by")
    return Notice(
        **{
            **found,
            "kind": NoticeKind(found["kind"]),
            "outcome": Outcome(found["outcome"]),
            "method": Method(found["method"]),
            "amount_paise": Paise(found["amount_paise"]),
            **{name: datetime.fromisoformat(found[name]) for name in moments if found[name]},
        }
    )
