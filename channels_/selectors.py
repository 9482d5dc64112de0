"""Reading channels: what came in, what was refused, what waits. Of staff with a reason only."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import Count, Min, OuterRef, QuerySet, Subquery

from channels_.models import (
    BankAccount,
    Channel,
    InboundMessage,
    RefusalTally,
    Replay,
    StatementFile,
)
from cspdcl.kernel.clock import now, today
from people import roles
from people.access import has_role, sees_everything
from people.models import User

Somebody = User | AnonymousUser

# Messages hold what payers' banks say of them: those who work on channels and who check see them.
_READ_MESSAGES: Final = (
    roles.OPERATOR,
    roles.ADMINISTRATOR,
    roles.AUDITOR,
    roles.FINANCE_OFFICER,
    roles.FINANCE_APPROVER,
)


HOURS: Final = 24
REFUSAL_DAYS: Final = 14

# The index inbound_message_told holds just these rows; the median looks at 200 of a channel.
_PULSES: Final = """
    SELECT
        channel.id,
        (
            SELECT message.received_at FROM paychannels_inboundmessage AS message
            WHERE message.channel_id = channel.id AND NOT (message.path::text LIKE 'answer:%%')
            ORDER BY message.received_at DESC
            LIMIT 1
        ),
        (
            SELECT jsonb_object_agg(counted.hour, counted.n) FROM (
                SELECT
                    floor(extract(epoch FROM %(now)s - message.received_at) / 3600)::int AS hour,
                    count(*) AS n
                FROM paychannels_inboundmessage AS message
                WHERE message.channel_id = channel.id
                  AND message.received_at > %(since)s AND message.received_at <= %(now)s
                  AND NOT (message.path::text LIKE 'answer:%%')
                GROUP BY 1
            ) AS counted
        ),
        (
            SELECT percentile_cont(0.5) WITHIN GROUP (
                ORDER BY extract(epoch FROM latest.settled_at - latest.received_at)
            )
            FROM (
                SELECT message.received_at, message.settled_at
                FROM paychannels_inboundmessage AS message
                WHERE message.channel_id = channel.id
                  AND message.received_at > %(since)s
                  AND NOT (message.path::text LIKE 'answer:%%')
                ORDER BY message.received_at DESC
                LIMIT 200
            ) AS latest
            WHERE latest.settled_at IS NOT NULL
        )
    FROM paychannels_channel AS channel
"""


def channels_visible_to(user: Somebody) -> QuerySet[Channel]:
    """Every channel, for who has a role: their names stand on every payment."""
    return Channel.objects.all() if has_role(user, *roles.ROLES) else Channel.objects.none()


def bank_accounts_visible_to(user: Somebody) -> QuerySet[BankAccount]:
    """The company's accounts, for who sees all offices."""
    return BankAccount.objects.all() if _is_staff(user) else BankAccount.objects.none()


def messages_visible_to(user: Somebody) -> QuerySet[InboundMessage]:
    """Messages of channels, for those who work on them."""
    if has_role(user, *_READ_MESSAGES):
        return InboundMessage.objects.all()
    return InboundMessage.objects.none()


def files_visible_to(user: Somebody) -> QuerySet[StatementFile]:
    """Statement files, for who sees all offices and is no channel."""
    return StatementFile.objects.all() if _is_staff(user) else StatementFile.objects.none()


def tallies_visible_to(user: Somebody) -> QuerySet[RefusalTally]:
    """What the doors refused, for those who work on channels."""
    if has_role(user, *_READ_MESSAGES):
        return RefusalTally.objects.all()
    return RefusalTally.objects.none()


@dataclass(frozen=True, slots=True)
class Pulse:
    """How a channel fares in what it says of its own accord; answers to our questions are none."""

    last_at: datetime | None = None
    hours: tuple[int, ...] = (0,) * HOURS  # notices by the hour, the oldest first
    handled: timedelta | None = None  # from kept to done, the median of the latest


def pulses(user: Somebody) -> Mapping[int, Pulse]:
    """The pulse of every channel in one statement that reads one partial index, 24 hours of it."""
    if not has_role(user, *_READ_MESSAGES):
        return {}
    moment = now()
    with connection.cursor() as cursor:
        cursor.execute(_PULSES, {"now": moment, "since": moment - timedelta(hours=HOURS)})
        rows = cursor.fetchall()
    return {row[0]: _pulse(*row[1:]) for row in rows}


def waiting(
    user: Somebody, state: InboundMessage.State
) -> Mapping[int, tuple[int, datetime | None]]:
    """How many messages of each channel are in a waiting state, and since when the oldest is."""
    rows = messages_visible_to(user).filter(state=state).order_by().values("channel")
    found = rows.annotate(count=Count("pk"), oldest=Min("received_at"))
    return {row["channel"]: (row["count"], row["oldest"]) for row in found}


def last_files(user: Somebody) -> Mapping[int, datetime]:
    """When the last file of each channel was loaded; one that was refused is none."""
    mine = files_visible_to(user).filter(channel=OuterRef("pk"), state=StatementFile.State.LOADED)
    latest = Subquery(mine.order_by("-loaded_at").values("loaded_at")[:1])
    found = channels_visible_to(user).annotate(at=latest).filter(at__isnull=False)
    return dict(found.values_list("pk", "at"))


def refusals(user: Somebody, channel: Channel) -> list[RefusalTally]:
    """What a channel's door refused on the last fourteen days, the newest day first."""
    first = today() - timedelta(days=REFUSAL_DAYS - 1)
    rows = tallies_visible_to(user).filter(channel_code=channel.code, day__gte=first)
    return list(rows.order_by("-day", "kind"))


def reads_messages(user: Somebody) -> bool:
    """Whether what partners send, and the ages of secrets, are for this user."""
    return has_role(user, *_READ_MESSAGES)


def replays_visible_to(user: Somebody) -> QuerySet[Replay]:
    """What was let be tried again, for those who work on channels."""
    return Replay.objects.all() if has_role(user, *_READ_MESSAGES) else Replay.objects.none()


def progress_of(replay: Replay) -> Mapping[str, int]:
    """How many of a replay's messages are in each state now; a later replay takes its own away."""
    rows = InboundMessage.objects.filter(replay=replay).order_by().values("state")
    return {row["state"]: row["n"] for row in rows.annotate(n=Count("pk"))}


def parked_count() -> int:
    """How many messages were given up and wait for a person."""
    return InboundMessage.objects.filter(state=InboundMessage.State.PARKED).count()


def _pulse(last_at: datetime | None, hours: str | None, seconds: float | None) -> Pulse:
    counts = {int(hour): count for hour, count in json.loads(hours or "{}").items()}
    return Pulse(
        last_at=last_at,
        hours=tuple(counts.get(hour, 0) for hour in reversed(range(HOURS))),
        handled=None if seconds is None else timedelta(seconds=seconds),
    )


def _is_staff(user: Somebody) -> bool:
    return sees_everything(user) and not has_role(user, roles.CHANNEL)
