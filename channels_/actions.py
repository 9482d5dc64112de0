"""What people do to channels and messages: pause, resume, let what was given up be tried again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from channels_ import answers, doorbell, inbox, queue, registry
from channels_.models import Channel, InboundMessage, Replay
from cspdcl.kernel.clock import day_bounds, now
from cspdcl.kernel.errors import DomainError
from people import audit
from people.models import User

REPLAYED_MAX: Final = 100_000  # of one decision; the rest is for the next one


class NotParked(DomainError):
    """Only what was given up can be tried again by hand."""

    code = "not_parked"


class AskFirst(DomainError):
    """While a question lay here its partner was told that we know nothing of the payment."""

    code = "ask_first"


class NothingFits(DomainError):
    """No message that was given up fits, or another number of them than the person has seen."""

    code = "nothing_fits"


class IsPaused(DomainError):
    """The channel is paused already."""

    code = "is_paused"


class NotPaused(DomainError):
    """The channel is not paused."""

    code = "not_paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which of a channel's parked messages are meant."""

    channel: Channel
    since: date
    until: date
    words: str = ""  # part of why they were parked


@transaction.atomic
def pause(channel: Channel, *, reason: str, by: User) -> Channel:
    """Let nothing new go out through a channel or be offered there; what it tells is kept."""
    row = Channel.objects.select_for_update().get(pk=channel.pk)
    if row.paused_at is not None:
        raise IsPaused(f"{row.code} was paused by {row.paused_by}")
    row.paused_at, row.paused_by, row.pause_reason = now(), by.username[:80], reason.strip()[:200]
    row.save(update_fields=["paused_at", "paused_by", "pause_reason"])
    audit.record(by, "channel.paused", row, after={"reason": row.pause_reason})
    transaction.on_commit(inbox.forget)
    return row


@transaction.atomic
def resume(channel: Channel, *, by: User) -> Channel:
    """Let a paused channel go on; what became due in the meantime is asked by the sweeps."""
    row = Channel.objects.select_for_update().get(pk=channel.pk)
    if row.paused_at is None:
        raise NotPaused(f"{row.code} is not paused")
    before = {
        "paused_at": row.paused_at.isoformat(),
        "paused_by": row.paused_by,
        "reason": row.pause_reason,
    }
    row.paused_at, row.paused_by, row.pause_reason = None, "", ""
    row.save(update_fields=["paused_at", "paused_by", "pause_reason"])
    audit.record(by, "channel.resumed", row, before=before)
    transaction.on_commit(inbox.forget)
    return row


@transaction.atomic
def replay(message_id: int, *, by: User, has_asked: bool = False) -> None:
    """Put a parked message back into the queue; its attempts are counted anew.

    A partner's question is taken only when the person has asked the partner (``has_asked``).
    """
    message = (
        InboundMessage.objects.select_for_update(of=("self",))
        .select_related("channel")
        .get(pk=message_id)
    )
    if message.state != InboundMessage.State.PARKED:
        raise NotParked("the message does not wait for a person any more")
    if may_be_question(message) and not has_asked:
        raise AskFirst("ask the partner first whether this payment still stands there")
    audit.record(
        by,
        "message.replayed",
        ("message", f"{message.channel.code}:{message.event_key}"[:80]),
        before={"state": message.state, "outcome": message.outcome},
        after={"asked_partner": True} if may_be_question(message) else {},
    )
    queue.release(message_id)
    transaction.on_commit(partial(doorbell.ring))


def may_be_question(message: InboundMessage) -> bool:
    """Whether a partner may wait for what becomes of it, and may have been told a no meanwhile."""
    return asks(message.channel) and not message.path.startswith(answers.PATH)


def asks(channel: Channel) -> bool:
    """Whether the channel's partner asks us and waits."""
    return registry.adapter(channel.adapter).ask is not None


def parked(chosen: Chosen) -> QuerySet[InboundMessage]:
    """The messages that were given up and fit."""
    rows = InboundMessage.objects.filter(
        channel=chosen.channel,
        state=InboundMessage.State.PARKED,
        received_at__gte=day_bounds(chosen.since)[0],
        received_at__lt=day_bounds(chosen.until)[1],
    )
    return rows.filter(outcome__icontains=chosen.words) if chosen.words else rows


@transaction.atomic
def replay_many(chosen: Chosen, *, seen: int, by: User, has_asked: bool = False) -> Replay:
    """Let everything that fits be tried again, if it is as many as the person has seen.

    One statement releases them, so that nothing of it can be lost; the queue is the task, and what
    became of them is read from the messages themselves.
    """
    if asks(chosen.channel) and not has_asked:
        raise AskFirst("ask the partner first whether these payments still stand there")
    ids = _locked(chosen)
    if not ids or len(ids) != min(seen, REPLAYED_MAX):
        raise NothingFits(f"{len(ids)} messages fit now, {seen} were seen; look again")
    made = Replay.objects.create(
        channel=chosen.channel,
        since=chosen.since,
        until=chosen.until,
        words=chosen.words[:80],
        total=len(ids),
        asked_by=by.username[:80],
    )
    queue.release_many(ids, replay_id=made.pk)
    audit.record(
        by,
        "message.replayed_many",
        chosen.channel,
        after={
            "replay": made.pk,
            "count": made.total,
            "since": chosen.since.isoformat(),
            "until": chosen.until.isoformat(),
            "words": chosen.words,
            "asked_partner": has_asked,
        },
    )
    transaction.on_commit(partial(doorbell.ring))
    return made


def _locked(chosen: Chosen) -> Sequence[int]:
    rows = parked(chosen).select_for_update(of=("self",)).order_by("id")
    return list(rows.values_list("pk", flat=True)[:REPLAYED_MAX])
