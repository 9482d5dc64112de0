"""How the channels and queues are: what the operator's page shows, and what needs a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Min
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from channels_ import doorbell, registry
from channels_.models import Channel, InboundMessage
from channels_.selectors import Somebody, files_visible_to, health_rows, messages_visible_to
from cspdcl.kernel.clock import INDIA, now, today
from cspdcl.ui.looks import Look
from people.models import AuditEvent, Heartbeat

BEAT_LATE: Final = timedelta(minutes=2)  # it says so every half minute
INBOX_LATE: Final = timedelta(seconds=30)  # the sweep looks every two seconds
SEAL_LATE: Final = timedelta(minutes=2)  # sealed every ten seconds

MESSAGES: Final[Mapping[str, Look]] = {
    InboundMessage.State.DUE: Look(_("waits"), "wait"),
    InboundMessage.State.DONE: Look(_("done"), "ok"),
    InboundMessage.State.REFUSED: Look(_("understood, and refused"), "open"),
    InboundMessage.State.PARKED: Look(_("given up, waits for you"), "bad"),
}


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue: how many wait, since when, and whether that is well."""

    name: str | Promise
    waiting: int | None
    oldest: datetime | None
    look: Look


def channel_rows(user: Somebody) -> list[dict[str, Any]]:
    """The rows of the channels with what each adapter can do and one word for its state."""
    return [
        {**row, "look": _look_of(row), "takes_notices": _takes_notices(row["channel"])}
        for row in health_rows(user)
    ]


def queues(user: Somebody) -> list[Queue]:
    """The inbox, the broker and the seal of the audit trail."""
    mine = messages_visible_to(user)
    sums = {"count": Count("pk"), "oldest": Min("received_at")}
    due = mine.filter(state=InboundMessage.State.DUE).aggregate(**sums)
    parked = mine.filter(state=InboundMessage.State.PARKED).aggregate(**sums)
    unsealed = AuditEvent.objects.filter(seq__isnull=True).aggregate(
        count=Count("pk"), oldest=Min("at")
    )
    tasks = doorbell.tasks_waiting()
    return [
        Queue(_("Notices"), due["count"], due["oldest"], _waits(due["oldest"], INBOX_LATE)),
        Queue(_("Notices given up"), parked["count"], parked["oldest"], _parked(parked["count"])),
        Queue(_("Tasks in Redis"), tasks, None, _tasks(tasks)),
        Queue(
            _("Audit events to seal"),
            unsealed["count"],
            unsealed["oldest"],
            _waits(unsealed["oldest"], SEAL_LATE),
        ),
    ]


def heartbeats() -> list[dict[str, Any]]:
    """Who said that it lives, and whether that was lately; the beat stands there always."""
    moment = now()
    seen = dict(Heartbeat.objects.values_list("name", "at"))
    return [
        {
            "name": name,
            "at": seen.get(name),
            "look": _alive(seen.get(name), moment),
        }
        for name in sorted({"beat", *seen})
    ]


def needs(rows: list[dict[str, Any]], waiting: list[Queue]) -> int:
    """How many lines of the page need a person."""
    looks = [row["look"] for row in rows] + [queue.look for queue in waiting]
    looks += [beat["look"] for beat in heartbeats()]
    return sum(look.tone in ("open", "bad") for look in looks)


def _takes_notices(channel: Channel) -> bool:
    return registry.adapter(channel.adapter).parse is not None


def _look_of(row: Mapping[str, Any]) -> Look:
    channel: Channel = row["channel"]
    if not channel.is_live:
        return Look(_("switched off"), "wait", "plug-connected-x")
    if row["parked"]:
        return Look(_("notices given up"), "bad")
    if _is_file_late(channel, row["last_file_at"]):
        return Look(_("file late"), "open", "clock-exclamation")
    if row["refused_today"]:
        return Look(_("refused some"), "open")
    return Look(_("fine"), "ok")


def _is_file_late(channel: Channel, last_at: datetime | None) -> bool:
    """Whether today's hour has passed and nothing came since midnight."""
    if channel.file_due_at is None:
        return False
    local = now().astimezone(INDIA)
    came = last_at is not None and last_at.astimezone(INDIA).date() >= today()
    return local.time() > channel.file_due_at and not came


def _waits(oldest: datetime | None, limit: timedelta) -> Look:
    if oldest is None:
        return Look(_("empty"), "ok")
    if now() - oldest > limit:
        return Look(_("waits too long"), "open")
    return Look(_("fine"), "ok")


def _parked(count: int) -> Look:
    return Look(_("look at them"), "bad") if count else Look(_("none"), "ok")


def _tasks(count: int | None) -> Look:
    if count is None:
        return Look(_("Redis does not answer"), "bad")
    return Look(_("fine") if count else _("empty"), "ok")


def _alive(at: datetime | None, moment: datetime) -> Look:
    if at is None:
        return Look(_("never heard"), "open")
    return Look(_("alive"), "ok") if moment - at < BEAT_LATE else Look(_("silent"), "bad")


def last_files(user: Somebody, *, limit: int = 6) -> list[Any]:
    """The statement files that came last."""
    rows = files_visible_to(user).select_related("channel", "bank_account")
    return list(rows.order_by("-loaded_at")[:limit])
