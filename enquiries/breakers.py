"""Leaving a partner alone that does not answer: some failures in a row, then a pause that grows."""

from datetime import timedelta
from typing import Final

from django.db import connection
from django.db.models import Q, QuerySet

from channels_.models import Channel
from cspdcl.kernel.clock import now
from enquiries import alarms
from enquiries.models import Alarm, Breaker

FAILURES: Final = 5  # in a row; the next ones make the pause longer
_FIRST_PAUSE: Final = timedelta(seconds=30)
_DOUBLINGS_MAX: Final = 5  # at most sixteen minutes


def closed_channels() -> list[int]:
    """The channels that are left alone now: paused, or they do not answer."""
    return list(_left_alone().values_list("pk", flat=True))


def is_left_alone(channel: Channel) -> bool:
    """Whether nobody should ask this channel now."""
    return _left_alone().filter(pk=channel.pk).exists()


def is_paused(channel: Channel) -> bool:
    """Whether a person has paused the channel, as the database says now."""
    return Channel.objects.filter(pk=channel.pk, paused_at__isnull=False).exists()


def _left_alone() -> QuerySet[Channel]:
    return Channel.objects.filter(Q(paused_at__isnull=False) | Q(breaker__open_until__gt=now()))


def note_success(channel: Channel) -> None:
    """It answers: count from nothing again."""
    is_changed = Breaker.objects.filter(channel=channel, failures__gt=0).update(
        failures=0, open_until=None, last_problem=""
    )
    if is_changed:
        alarms.clear(channel, kind=Alarm.Kind.UNREACHABLE)


def note_failure(channel: Channel, problem: str) -> None:
    """Count one more; from the fifth in a row on the channel is left alone for a while."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO enquiries_breaker AS breaker (channel_id, failures, last_problem)
            VALUES (%s, 1, %s)
            ON CONFLICT (channel_id) DO UPDATE SET
                failures = breaker.failures + 1, last_problem = EXCLUDED.last_problem
            RETURNING failures
            """,
            [channel.pk, problem.replace("\0", "")[:200]],
        )
        failures = cursor.fetchone()[0]
    if failures < FAILURES:
        return
    pause = _FIRST_PAUSE * (1 << min(failures - FAILURES, _DOUBLINGS_MAX))
    Breaker.objects.filter(channel=channel).update(open_until=now() + pause)
    alarms.sound(channel, kind=Alarm.Kind.UNREACHABLE, detail=problem)
