"""Channels that should speak: one that is silent raises an alarm, and its missed news are pulled.

The last heard moment is where a pull begins, some minutes earlier so that nothing falls between
two windows; what comes twice is known by its channel_ref and changes nothing.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q

from channels_ import answers, inbox, registry
from channels_.contract import Adapter, Exchange, Notice, Setup, Window, Wire
from channels_.models import Channel, InboundMessage
from cspdcl.kernel.clock import INDIA, now
from cspdcl.kernel.errors import Malformed
from enquiries import alarms, breakers, operations
from enquiries.models import Alarm, Listening, Operation, OperationAttempt
from enquiries.operations import Tried, Verdict
from enquiries.states import State
from payments import inbox as payments_inbox

DAY_BEGINS: Final = time(7)  # in India; at night nobody pays, and silence is no sign
DAY_ENDS: Final = time(22)
OVERLAP: Final = timedelta(minutes=10)
BACK_MAX: Final = timedelta(days=2)  # further back the settlement report tells more, and surely
PAGES_MAX: Final = 100  # of one pull; the rest is pulled the next time
TRIES: Final = 3  # of one page of one window
_CURSOR_MAX: Final = 200

_News = tuple[Sequence[Notice], str]

log = logging.getLogger(__name__)


def watch() -> list[Channel]:
    """Raise the alarm for who is silent for too long, clear it for who speaks; the silent ones."""
    silent = []
    expected = _expected_to_speak()
    _clear_for_others(expected)
    for channel in expected:
        heard = last_heard(channel)
        if is_silent(channel, heard=heard, at=now()):
            since = heard.astimezone(INDIA).strftime("%d-%m-%Y %H:%M") if heard else "ever"
            detail = f"nothing heard since {since}, expected every {channel.quiet_minutes} min"
            alarms.sound(channel, kind=Alarm.Kind.SILENT, detail=detail)
            silent.append(channel)
        elif heard is not None and _has_spoken(channel, heard):
            _end_silence(channel)
    return silent


def is_silent(channel: Channel, *, heard: datetime | None, at: datetime) -> bool:
    """Whether a channel has said nothing for its quiet minutes of this day."""
    local = at.astimezone(INDIA)
    if channel.quiet_minutes is None or not DAY_BEGINS <= local.time() < DAY_ENDS:
        return False
    morning = datetime.combine(local.date(), DAY_BEGINS, tzinfo=INDIA)
    since = max(heard, morning) if heard is not None else morning
    return at - since > timedelta(minutes=channel.quiet_minutes)


def last_heard(channel: Channel, *, before: datetime | None = None) -> datetime | None:
    """When the channel spoke of its own accord; answers to our questions do not count."""
    earlier = Q(received_at__lte=before) if before else Q()
    return (
        InboundMessage.objects.filter(earlier, ~Q(path__startswith=answers.PATH), channel=channel)
        .order_by("-received_at")
        .values_list("received_at", flat=True)
        .first()
    )


def fill_gaps() -> int:
    """Pull what the silent ones have not told, and finish pulls that were broken off."""
    wanting = (Alarm.Kind.SILENT, Alarm.Kind.HISTORY)
    waiting = Channel.objects.filter(
        Q(alarms__kind__in=wanting, alarms__cleared_at__isnull=True)
        | Q(listening__since__isnull=False)
        # It spoke again while an older window was in hand: what lies between is missing still.
        | Q(alarms__kind=Alarm.Kind.SILENT, alarms__cleared_at__gt=F("listening__heard_until")),
        is_live=True,
    ).distinct()
    return sum(pull(channel) for channel in waiting.order_by("code"))


def pull(channel: Channel) -> int:
    """Pull a channel's news from the last heard moment until now; says how many pages came.

    The window is noted before anybody may ask, so that a partner who is away cannot lose it.
    """
    adapter = registry.adapter(channel.adapter)
    if adapter.history is None or not channel.api_url:
        return 0
    _window_in_hand(channel)
    if breakers.is_left_alone(channel):
        return 0
    operations.recover_lost(Operation.Kind.HISTORY, decide=_after_try)
    for count in range(PAGES_MAX):
        window, page = _window_in_hand(channel)
        if not _pull_page(channel, adapter, window, page):
            return count
        if not Listening.objects.filter(channel=channel, since__isnull=False).exists():
            alarms.clear(channel, kind=Alarm.Kind.HISTORY)
            return count + 1
    return PAGES_MAX


@transaction.atomic
def _window_in_hand(channel: Channel) -> tuple[Window, int]:
    """The window that is being pulled with its cursor, or a new one from the last heard moment."""
    Listening.objects.get_or_create(channel=channel)
    row = Listening.objects.select_for_update(of=("self",)).get(channel=channel)
    since, until = row.since, row.until
    if since is None or until is None:
        until = now()
        since = max(_heard_before_silence(channel, row, until) - OVERLAP, until - BACK_MAX)
        row.since, row.until, row.cursor, row.page = since, until, "", 0
        row.save(update_fields=["since", "until", "cursor", "page"])
    return Window(since=since, until=until, cursor=row.cursor), row.page


def _heard_before_silence(channel: Channel, row: Listening, moment: datetime) -> datetime:
    """Until when all is heard: the last pull, or the last message before a silence since then.

    A channel that speaks again has not told what lies before: its silence counts until a pull has
    covered it.
    """
    silences = Alarm.objects.filter(channel=channel, kind=Alarm.Kind.SILENT)
    if row.heard_until is not None:
        silences = silences.exclude(cleared_at__lte=row.heard_until)
    first = silences.filter(raised_at__gt=moment - BACK_MAX).order_by("raised_at").first()
    spoken = last_heard(channel, before=first.raised_at if first else moment)
    known = [at for at in (spoken, row.heard_until) if at is not None]
    return max(known, default=moment - BACK_MAX)


def _pull_page(channel: Channel, adapter: Adapter, window: Window, page: int) -> bool:
    """Pull one page, believe it like messages, move the cursor; false when it did not come."""
    if adapter.history is None:
        return False
    operation = operations.intend(
        channel,
        kind=Operation.Kind.HISTORY,
        key=f"{window.since:%Y%m%dT%H%M%S.%f}-{window.until:%Y%m%dT%H%M%S.%f}-{page}",
        budget=TRIES,
    )
    claimed = operations.claim(operation.pk)
    if claimed is None:
        return _begin_anew(channel, operation, window, page)
    kept: list[int] = []
    exchange: Exchange[Window, _News] = Exchange(
        call=adapter.history.call, read=partial(_read, adapter)
    )
    tried = operations.ask(
        claimed,
        exchange=exchange,
        asked=window,
        decide=_after_try,
        keep=lambda current, heard: _keep_page(current, heard, window, page, kept),
    )
    for message_id in kept:
        payments_inbox.apply_notices(message_id)
    return tried.reading is OperationAttempt.Reading.ANSWERED


def _read(adapter: Adapter, wire: Wire, setup: Setup, asked: Window) -> _News:
    notices, cursor = answers.read_history(adapter, wire, setup, asked)
    if len(cursor) > _CURSOR_MAX:
        raise Malformed(f"expected a cursor of at most {_CURSOR_MAX} characters")
    return notices, cursor


def _keep_page(
    operation: Operation, tried: Tried[_News], window: Window, page: int, kept: list[int]
) -> None:
    """The page becomes a message, and the cursor moves with it: both or neither."""
    if tried.value is None or tried.wire is None or tried.setup is None:
        return
    notices, cursor = tried.value
    if notices:
        kept.append(
            inbox.keep_answer(
                operation.channel,
                kind=answers.HISTORY,
                key=f"history:{operation.pk}:{tried.number}",
                asked=window,
                wire=tried.wire,
                setup=tried.setup,
            )
        )
    mine = Listening.objects.filter(channel=operation.channel, since=window.since, page=page)
    if cursor and cursor != window.cursor:
        mine.update(cursor=cursor, page=page + 1, pulled_at=now())
    else:
        mine.update(
            heard_until=window.until, since=None, until=None, cursor="", page=0, pulled_at=now()
        )


def _after_try(operation: Operation, tried: Tried[Any]) -> Verdict:
    """A page that did not come is asked for again the next time; only reading changes nothing."""
    if tried.value is not None:
        return Verdict(state=State.SUCCEEDED, note=f"{len(tried.value[0])} notices")
    if not tried.may_have_reached:
        return Verdict(state=State.INTENDED, next_at=now(), note=tried.detail)
    if operation.spent >= operation.budget:
        return Verdict(state=State.FAILED, note=tried.detail)
    return Verdict(state=State.UNKNOWN, next_at=now(), note=tried.detail)


def _begin_anew(channel: Channel, operation: Operation, window: Window, page: int) -> bool:
    """A page whose tries are spent: the same window from its beginning, and a person is told.

    Whatever else keeps the page from us is another worker, who has it in hand or has had it.
    """
    operation.refresh_from_db()
    if operation.state != State.FAILED:
        return False
    mine = Listening.objects.filter(channel=channel, since=window.since, page=page)
    since = max(window.since, now() - BACK_MAX)
    mine.update(since=since, until=now(), cursor="", page=0)
    alarms.sound(channel, kind=Alarm.Kind.HISTORY, detail=operation.note or "no page came")
    return False


def _end_silence(channel: Channel) -> None:
    """It speaks again: pull once more what lies before, because it may not tell that itself."""
    if alarms.clear(channel, kind=Alarm.Kind.SILENT):
        pull(channel)


def _clear_for_others(expected: Sequence[Channel]) -> None:
    """Who was paused or switched off meanwhile need not speak; who is off is not called either."""
    still_open = Alarm.objects.filter(cleared_at__isnull=True).select_related("channel")
    moot = Q(kind=Alarm.Kind.SILENT) & ~Q(channel__in=expected) | Q(channel__is_live=False)
    for alarm in still_open.filter(moot):
        if alarm.channel is not None:
            alarms.clear(alarm.channel, kind=Alarm.Kind(alarm.kind))


def _has_spoken(channel: Channel, heard: datetime) -> bool:
    return Alarm.objects.filter(
        channel=channel,
        kind=Alarm.Kind.SILENT,
        cleared_at__isnull=True,
        raised_at__lt=heard,
    ).exists()


def _expected_to_speak() -> list[Channel]:
    live = Channel.objects.filter(
        is_live=True, paused_at__isnull=True, quiet_minutes__isnull=False
    ).order_by("code")
    return [one for one in live if registry.adapter(one.adapter).parse is not None]
