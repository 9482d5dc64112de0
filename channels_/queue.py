"""The inbox as a queue: who works on which message, how often it was tried, what became of it.

PostgreSQL is the queue of record. An attempt is counted in a transaction of its own before the
work, so that a message which kills its worker is found out; whoever dies holds nothing, because
the claim is only a time until which others wait.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from typing import Final

from django.db import OperationalError, connection, transaction
from psycopg2.errors import LockNotAvailable

from channels_.models import InboundMessage
from cspdcl.kernel.clock import now

ATTEMPTS_MAX: Final = 5
BATCH: Final = 200
RELEASED_A_SECOND: Final = 200  # of a large replay; a fifth of what the worker can do

_OUTCOME_MAX: Final = 200
_PATIENCE: Final = "250ms"  # a claim takes a few milliseconds

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a message. State DUE means: not yet, try again after a while."""

    message_id: int
    state: InboundMessage.State
    outcome: str


def claim_fresh(limit: int = BATCH) -> list[int]:
    """Take messages that nobody has tried, oldest first."""
    return _claim("attempts = 0", limit)


def claim_retried() -> list[int]:
    """Take one message that was tried before: alone, so that it can only harm itself."""
    return _claim(f"attempts BETWEEN 1 AND {ATTEMPTS_MAX - 1}", 1)


def is_anything_left(after: timedelta) -> bool:
    """Whether a message is due for longer than this: nobody was rung for, or nobody heard it."""
    due = InboundMessage.objects.filter(state=InboundMessage.State.DUE)
    return due.filter(next_try_at__lt=now() - after).exists()


def park_exhausted() -> int:
    """Park what was tried too often; a person must look. Says how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE paychannels_inboundmessage SET
                state = 'parked',
                outcome = left(
                    'given up: ' || COALESCE(NULLIF(outcome, ''), 'the worker died of it'), 200
                )
            WHERE state = 'due' AND attempts >= %s AND next_try_at <= %s
            RETURNING id
            """,
            [ATTEMPTS_MAX, now()],
        )
        parked = [row[0] for row in cursor.fetchall()]
    for message_id in parked:
        log.error("message %s is parked after %s attempts", message_id, ATTEMPTS_MAX)
    return len(parked)


def locked(ids: Sequence[int]) -> list[InboundMessage]:
    """The messages still to be done, locked until the transaction ends, in the order they came.

    Another worker that claims at this moment may hold some of ours for an instant, because a row
    that changed under its eyes stays locked until its claim ends. So who is missing is waited for,
    shortly; whoever works on a message for longer keeps it.
    """
    rows = _lock(ids, waits=False)
    missing = set(ids) - {row.pk for row in rows}
    if missing:
        rows += _lock_soon(sorted(missing))
    return sorted(rows, key=attrgetter("pk"))


def _lock_soon(ids: Sequence[int]) -> list[InboundMessage]:
    """Those of the messages that nobody holds for longer than a claim takes."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = %s", [_PATIENCE])
            rows = _lock(ids, waits=True)
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return []
    return rows


def _lock(ids: Sequence[int], *, waits: bool) -> list[InboundMessage]:
    rows = InboundMessage.objects.select_for_update(skip_locked=not waits, of=("self",))
    due = rows.filter(pk__in=ids, state=InboundMessage.State.DUE)
    return list(due.select_related("channel").order_by("id"))


def settle(verdicts: Sequence[Verdict]) -> None:
    """Write what became of messages, in the transaction of the work itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE paychannels_inboundmessage AS message
            SET state = verdict.state, outcome = verdict.outcome,
                settled_at = CASE WHEN verdict.state <> 'due' THEN %s END
            FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS verdict (id, state, outcome)
            WHERE message.id = verdict.id AND message.state = 'due'
            """,
            [
                now(),
                [one.message_id for one in verdicts],
                [one.state.value for one in verdicts],
                [one.outcome[:_OUTCOME_MAX] for one in verdicts],
            ],
        )


def note_problem(message_id: int, problem: str) -> None:
    """Keep why an attempt failed; the message stays due."""
    InboundMessage.objects.filter(pk=message_id, state=InboundMessage.State.DUE).update(
        outcome=problem.replace("\0", "")[:_OUTCOME_MAX]
    )


def release(message_id: int) -> None:
    """Let a parked message be tried again, by a person's decision."""
    InboundMessage.objects.filter(pk=message_id, state=InboundMessage.State.PARKED).update(
        state=InboundMessage.State.DUE, attempts=0, next_try_at=now(), settled_at=None
    )


def release_many(ids: Sequence[int], *, replay_id: int, a_second: int = RELEASED_A_SECOND) -> int:
    """Let parked messages be tried again, the oldest first and so many a second: fresh money
    never waits behind them. Says how many were still parked."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE paychannels_inboundmessage AS message SET
                state = 'due', attempts = 0, settled_at = NULL, replay_id = %s,
                next_try_at = %s + interval '1 second' * (released.number / %s)
            FROM (
                SELECT id, row_number() OVER (ORDER BY id) - 1 AS number
                FROM unnest(%s::bigint[]) AS chosen (id)
            ) AS released
            WHERE message.id = released.id AND message.state = 'parked'
            """,
            [replay_id, now(), a_second, list(ids)],
        )
        return int(cursor.rowcount)


def _claim(which: str, limit: int) -> list[int]:
    """Count the attempt and wait for it: 5, 10, 20, 40 seconds, long enough for the work."""
    moment = now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE paychannels_inboundmessage SET
                attempts = attempts + 1,
                next_try_at = %s + interval '5 seconds' * (1 << attempts)
            WHERE id IN (
                SELECT id FROM paychannels_inboundmessage
                WHERE state = 'due' AND next_try_at <= %s AND {which}
                ORDER BY next_try_at, id
                LIMIT %s
                FOR UPDATE SKIP LOCKED
            )
            RETURNING id
            """,  # noqa: S608 - ``which`` is one of the two constants above
            [moment, moment, limit],
        )
        return sorted(row[0] for row in cursor.fetchall())
