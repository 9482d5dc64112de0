"""How channels, queues and jobs are: what the operator's pages show, and what needs a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from celery import current_app
from celery.schedules import crontab
from django.db.models import Count, Min, Sum
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from attachments import scanner
from attachments import selectors as papers
from channels_ import doorbell, panels, registry, selectors
from channels_.models import Channel, InboundMessage, RefusalTally
from channels_.panels import Worry
from channels_.secrets import SecretAge, ages_of
from channels_.selectors import Pulse, Somebody, files_visible_to, tallies_visible_to
from cspdcl.kernel.clock import INDIA, day_bounds, now, today
from cspdcl.kernel.workdays import is_working_day
from cspdcl.ui.looks import Look
from cspdcl.ui.templatetags.ui import age, count
from people.heartbeats import JOB, job_name
from people.models import AuditEvent, Heartbeat

BEAT_LATE: Final = timedelta(minutes=2)  # it says so every half minute
DRAIN_LATE: Final = timedelta(minutes=1)
INBOX_LATE: Final = timedelta(seconds=30)  # the sweep looks every two seconds
SCAN_LATE: Final = timedelta(minutes=5)  # asked again every minute
SEAL_LATE: Final = timedelta(minutes=2)  # sealed every ten seconds

BEAT: Final = "beat"
DRAIN: Final = "drain"

MESSAGES: Final[Mapping[str, Look]] = {
    InboundMessage.State.DUE: Look(gettext_lazy("waits"), "wait"),
    InboundMessage.State.DONE: Look(gettext_lazy("done"), "ok"),
    InboundMessage.State.REFUSED: Look(gettext_lazy("understood, and refused"), "open"),
    InboundMessage.State.PARKED: Look(gettext_lazy("given up, waits for you"), "bad"),
}

_Refusals = Mapping[str, Sequence[RefusalTally]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHealth:
    """One channel as its operator sees it."""

    channel: Channel
    takes_notices: bool
    pulse: Pulse
    spark: str  # the points of its 24 hours
    due: int
    oldest_due: datetime | None
    parked: int
    refused: Sequence[tuple[str | Promise, int]]  # today, by kind
    file_at: datetime | None
    file_due_at: datetime | None  # of today; null: none is expected
    file_late: timedelta | None
    secrets: Sequence[SecretAge]
    look: Look

    @property
    def refused_today(self) -> int:
        """How many its door refused today."""
        return sum(number for _kind, number in self.refused)

    @property
    def in_hour(self) -> int:
        """How many notices came within the last hour."""
        return self.pulse.hours[-1]

    @property
    def oldest_secret(self) -> SecretAge | None:
        """The secret that was made first."""
        made = [(one.made_at, one) for one in self.secrets if one.made_at is not None]
        return min(made, key=lambda pair: pair[0])[1] if made else None

    @property
    def rotating(self) -> datetime | None:
        """Until when an old secret is believed beside its successor."""
        return max((one.previous_until for one in self.secrets if one.previous_until), default=None)


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue: how many wait, since when, and whether that is well."""

    name: str | Promise
    waiting: int | None
    oldest: datetime | None
    look: Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One line of the timetable: what it is, how often, and when it last came to its end."""

    name: str
    every: str
    at: datetime | None
    look: Look


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything at one moment."""

    at: datetime
    channels: Sequence[ChannelHealth]
    queues: Sequence[Queue]
    beats: Sequence[Mapping[str, Any]]
    jobs: Sequence[Job]
    refusals: Sequence[RefusalTally]
    worries: Sequence[Worry]

    @property
    def needs(self) -> int:
        """How many things need a person."""
        return len(self.worries)

    @property
    def parked(self) -> int:
        """How many notices were given up."""
        return sum(one.parked for one in self.channels)

    @property
    def due(self) -> int:
        """How many notices wait."""
        return sum(one.due for one in self.channels)

    @property
    def refused(self) -> int:
        """How many messages were refused at the doors today, also at doors that do not exist."""
        return sum(one.count for one in self.refusals)

    @property
    def late_files(self) -> Sequence[ChannelHealth]:
        """The channels whose file has not come."""
        return [one for one in self.channels if one.file_late is not None]

    @property
    def slowest(self) -> timedelta | None:
        """The longest of the channels' medians, from kept to done."""
        return max(
            (one.pulse.handled for one in self.channels if one.pulse.handled is not None),
            default=None,
        )


def house(user: Somebody) -> House:
    """How everything is now, for this user."""
    told = panels.worries_of(user)
    channels = channels_of(user, told=told)
    lined_up, alive, timetable = queues(user), heartbeats(), jobs()
    refusals = list(tallies_visible_to(user).filter(day=today()).order_by("channel_code", "kind"))
    late_already = {one.channel_id for one in told if one.code == "file"}
    worries = [
        *_worries_of_parts(lined_up, alive, timetable),
        *(
            worry
            for one in channels
            for worry in _worries_of(one, tells_file=one.channel.pk not in late_already)
        ),
        *told,
    ]
    return House(
        at=now(),
        channels=channels,
        queues=lined_up,
        beats=alive,
        jobs=timetable,
        refusals=refusals,
        worries=sorted(worries, key=lambda one: one.tone != "bad"),
    )


def channels_of(
    user: Somebody, *, told: Sequence[Worry] = (), only: Channel | None = None
) -> list[ChannelHealth]:
    """Every channel, or one, with its figures and one word for its state."""
    rows = selectors.channels_visible_to(user).order_by("position", "code")
    channels = list(rows.filter(pk=only.pk) if only else rows)
    pulses, files = selectors.pulses(user), selectors.last_files(user)
    due = selectors.waiting(user, InboundMessage.State.DUE)
    parked = selectors.waiting(user, InboundMessage.State.PARKED)
    secrets = ages_of(channels) if selectors.reads_messages(user) else {}
    refused = _refused_today(user)
    looks = {one.channel_id: one.look for one in reversed(told) if one.look}
    return [
        _health(
            channel,
            pulse=pulses.get(channel.pk, Pulse()),
            due=due.get(channel.pk, (0, None)),
            parked=parked.get(channel.pk, (0, None))[0],
            refused=refused.get(channel.code, ()),
            file_at=files.get(channel.pk),
            secrets=secrets.get(channel.pk, ()),
            told=looks.get(channel.pk),
        )
        for channel in channels
    ]


def queues(user: Somebody) -> list[Queue]:
    """The inbox, the broker and the seal of the audit trail."""
    due = _sum(selectors.waiting(user, InboundMessage.State.DUE))
    parked = _sum(selectors.waiting(user, InboundMessage.State.PARKED))
    unsealed = AuditEvent.objects.filter(seq__isnull=True).aggregate(
        count=Count("pk"), oldest=Min("at")
    )
    tasks = doorbell.tasks_waiting()
    return [
        Queue(_("Notices"), *due, _waits(due[1], INBOX_LATE)),
        Queue(_("Notices given up"), *parked, _parked(parked[0])),
        Queue(_("Tasks in Redis"), tasks, None, _tasks(tasks)),
        Queue(
            _("Audit events to seal"),
            unsealed["count"],
            unsealed["oldest"],
            _waits(unsealed["oldest"], SEAL_LATE),
        ),
        _papers(),
    ]


def heartbeats() -> list[dict[str, Any]]:
    """Who said that it lives, and whether that was lately; the beat stands there always."""
    moment = now()
    said = Heartbeat.objects.exclude(name__startswith=JOB).values_list("name", "at")
    seen = dict(said)
    return [
        {
            "name": name,
            "title": _TITLES.get(name, name),
            "at": seen.get(name),
            "look": _alive(seen.get(name), moment, DRAIN_LATE if name == DRAIN else BEAT_LATE),
        }
        for name in sorted({BEAT, *seen})
    ]


def jobs() -> list[Job]:
    """The timetable with when each job last came to its end; a job that fails only grows old."""
    ended = dict(Heartbeat.objects.filter(name__startswith=JOB).values_list("name", "at"))
    found = []
    for name, entry in sorted(current_app.conf.beat_schedule.items()):
        every = _every(entry["schedule"])
        at = ended.get(job_name(entry["task"]))
        found.append(
            Job(name=name, every=_in_words(entry["schedule"]), at=at, look=_job_look(at, every))
        )
    return found


def last_files(user: Somebody, *, channel: Channel | None = None, limit: int = 6) -> list[Any]:
    """The statement files that came last."""
    rows = files_visible_to(user).select_related("channel", "bank_account", "ledger")
    if channel is not None:
        rows = rows.filter(channel=channel)
    return list(rows.order_by("-loaded_at")[:limit])


# ---- one channel ----


def _health(
    channel: Channel,
    *,
    pulse: Pulse,
    due: tuple[int, datetime | None],
    parked: int,
    refused: Sequence[tuple[str | Promise, int]],
    file_at: datetime | None,
    secrets: Sequence[SecretAge],
    told: Look | None,
) -> ChannelHealth:
    file_due_at = _due_today(channel)
    late = _lateness(file_due_at, file_at)
    return ChannelHealth(
        channel=channel,
        takes_notices=registry.adapter(channel.adapter).parse is not None,
        pulse=pulse,
        spark=_points(pulse.hours),
        due=due[0],
        oldest_due=due[1],
        parked=parked,
        refused=refused,
        file_at=file_at,
        file_due_at=file_due_at,
        file_late=late,
        secrets=secrets,
        look=_look_of(
            channel,
            parked=parked,
            late=late,
            oldest_due=due[1],
            refused=sum(number for _kind, number in refused),
            has_old_secret=any(one.is_old for one in secrets),
            told=told,
        ),
    )


def _look_of(
    channel: Channel,
    *,
    parked: int,
    late: timedelta | None,
    oldest_due: datetime | None,
    refused: int,
    has_old_secret: bool,
    told: Look | None,
) -> Look:
    """The gravest thing that can be said of a channel."""
    if not channel.is_live:
        return Look(_("switched off"), "wait", "plug-connected-x")
    if parked:
        return Look(_("notices given up"), "bad")
    if told is not None and told.tone == "bad":
        return told
    if channel.paused_at is not None:
        return Look(_("paused"), "open", "player-pause")
    if late is not None:
        return Look(_("file late"), "bad", "clock-exclamation")
    if oldest_due is not None and now() - oldest_due > INBOX_LATE:
        return Look(_("waits too long"), "open", "clock-exclamation")
    if told is not None:
        return told
    if refused:
        words = ngettext("%(n)s refused", "%(n)s refused", refused) % {"n": count(refused)}
        return Look(words, "open")
    if has_old_secret:
        return Look(_("secret is old"), "open", "key")
    return Look(_("fine"), "ok")


def _due_today(channel: Channel) -> datetime | None:
    if channel.file_due_at is None or not channel.is_live:
        return None
    if channel.file_days == Channel.Days.WORKING and not is_working_day(today()):
        return None  # what is due comes so many working days after its own
    return datetime.combine(today(), channel.file_due_at, tzinfo=INDIA)


def _lateness(due_at: datetime | None, last_at: datetime | None) -> timedelta | None:
    """How long today's hour has passed, when nothing came since midnight."""
    if due_at is None or now() <= due_at:
        return None
    if last_at is not None and last_at >= day_bounds(today())[0]:
        return None
    return now() - due_at


def _points(hours: Sequence[int]) -> str:
    """The polyline of a sparkline, 80 wide and 20 high; a flat line when nothing came."""
    highest = max(hours) or 1
    step = 78 / (len(hours) - 1)
    return " ".join(
        f"{1 + at * step:.1f},{17 - 14 * number / highest:.1f}" for at, number in enumerate(hours)
    )


def _refused_today(user: Somebody) -> Mapping[str, Sequence[tuple[str | Promise, int]]]:
    found: dict[str, list[tuple[str | Promise, int]]] = {}
    rows = tallies_visible_to(user).filter(day=today()).order_by("kind")
    for code, kind, number in rows.values_list("channel_code", "kind").annotate(Sum("count")):
        found.setdefault(code, []).append((RefusalTally.Kind(kind).label, number))
    return found


# ---- what needs a person ----


def _worries_of(one: ChannelHealth, *, tells_file: bool) -> list[Worry]:
    channel, page = one.channel, reverse("channels:channel", args=[one.channel.code])
    worries = []
    if one.parked:
        words = ngettext(
            "%(name)s: %(n)s notice was given up after five tries.",
            "%(name)s: %(n)s notices were given up after five tries.",
            one.parked,
        )
        worries.append(
            Worry(
                tone="bad",
                strong=words % {"name": channel.name, "n": count(one.parked)},
                text=_("Their bytes are safe. Look why, then try them again."),
                url=f"{reverse('channels:messages')}?state=parked&channel={channel.code}",
                link_text=_("Show them"),
                channel_id=channel.pk,
            )
        )
    if tells_file and one.file_late is not None and one.file_due_at is not None:
        due = one.file_due_at.astimezone(INDIA).strftime("%H:%M")
        worries.append(
            Worry(
                tone="open",
                strong=_("%(name)s: the file due at %(due)s has not come.")
                % {"name": channel.name, "due": due},
                text=_("It is %(late)s late.") % {"late": age(one.file_late)},
                url=page,
                link_text=_("Look at the channel"),
                channel_id=channel.pk,
            )
        )
    if channel.is_live and channel.paused_at is not None:
        worries.append(
            Worry(
                tone="open",
                strong=_("%(name)s is paused.") % {"name": channel.name},
                text=channel.pause_reason,
                url=page,
                link_text=_("Resume it there"),
                channel_id=channel.pk,
            )
        )
    old = [secret.name for secret in one.secrets if secret.is_old]
    if channel.is_live and old:
        worries.append(
            Worry(
                tone="open",
                strong=_("%(name)s: replace %(secrets)s.")
                % {"name": channel.name, "secrets": ", ".join(old)},
                text=_("The secret is older than was agreed."),
                url=page,
                link_text=_("Look at the secrets"),
                channel_id=channel.pk,
            )
        )
    return worries


def _worries_of_parts(
    lined_up: Sequence[Queue], alive: Sequence[Mapping[str, Any]], timetable: Sequence[Job]
) -> list[Worry]:
    worries = [
        Worry(tone=queue.look.tone, strong=f"{queue.name}: {queue.look.word}.")
        for queue in lined_up
        if queue.look.tone in ("open", "bad") and queue.look.word != _LOOK_AT_THEM
    ]
    worries += [
        Worry(
            tone=beat["look"].tone,
            strong=f"{beat['title']}: {beat['look'].word}.",
            text=_("What came is kept; nothing runs by the clock until it is back."),
        )
        for beat in alive
        if beat["look"].tone in ("open", "bad")
    ]
    late = [job.name for job in timetable if job.look.tone == "bad"]
    if late and not worries:
        worries.append(Worry(tone="bad", strong=_("Jobs are late."), text=", ".join(late)))
    return worries


# ---- looks ----

_LOOK_AT_THEM: Final = gettext_lazy("look at them")
_TITLES: Final[Mapping[str, str | Promise]] = {
    BEAT: gettext_lazy("Timetable and worker"),
    DRAIN: gettext_lazy("Second look into the inbox"),
}


def _sum(
    found: Mapping[int, tuple[int, datetime | None]],
) -> tuple[int, datetime | None]:
    oldest = min((at for _count, at in found.values() if at is not None), default=None)
    return sum(number for number, _at in found.values()), oldest


def _waits(oldest: datetime | None, limit: timedelta) -> Look:
    if oldest is None:
        return Look(_("empty"), "ok")
    if now() - oldest > limit:
        return Look(_("waits too long"), "open")
    return Look(_("fine"), "ok")


def _papers() -> Queue:
    """Papers that wait for the virus scanner; that there is none is said, and is no worry."""
    waiting, oldest = papers.quarantine()
    has_scanner = scanner.is_configured()
    look = _waits(oldest, SCAN_LATE) if waiting or has_scanner else Look(_("no scanner"), "wait")
    return Queue(_("Papers to scan"), waiting, oldest, look)


def _parked(number: int) -> Look:
    return Look(_LOOK_AT_THEM, "bad") if number else Look(_("none"), "ok")


def _tasks(number: int | None) -> Look:
    if number is None:
        return Look(_("Redis does not answer"), "bad")
    return Look(_("fine") if number else _("empty"), "ok")


def _alive(at: datetime | None, moment: datetime, late: timedelta) -> Look:
    if at is None:
        return Look(_("never heard"), "open")
    return Look(_("alive"), "ok") if moment - at < late else Look(_("silent"), "bad")


def _every(schedule: Any) -> timedelta:
    """How long may lie between two runs; a time of day comes once a day, or once in its minutes."""
    if isinstance(schedule, crontab):
        hours = len(schedule.hour)
        minutes = len(schedule.minute)
        return timedelta(days=1) / (hours * minutes)
    return timedelta(seconds=round(schedule))


def _in_words(schedule: Any) -> str:
    if isinstance(schedule, crontab) and len(schedule.hour) == len(schedule.minute) == 1:
        (hour,), (minute,) = schedule.hour, schedule.minute
        return f"{hour:02d}:{minute:02d}"
    return _("every %(length)s") % {"length": age(_every(schedule))}


def _job_look(at: datetime | None, every: timedelta) -> Look:
    """Late when it has missed two of its turns and a minute."""
    if at is None:
        return Look(_("not seen yet"), "wait")
    if now() - at > 2 * every + timedelta(minutes=1):
        return Look(_("late"), "bad")
    return Look(_("fine"), "ok")
