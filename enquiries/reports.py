"""Settlement reports that a partner offers by its API: pulled as files, for whoever loads files."""

from datetime import date
from typing import Any, Final

from django.conf import settings

from channels_.contract import PulledReport, Window
from channels_.models import Channel
from channels_.registry import adapter
from cspdcl.kernel.clock import day_bounds, now
from cspdcl.kernel.errors import Transient
from cspdcl.kernel.http import Limits
from enquiries import breakers, operations
from enquiries.models import Operation
from enquiries.operations import Tried, Verdict
from enquiries.states import State

PAGES_MAX: Final = 500


class ReportAway(Transient):
    """The partner did not give the report now; nothing of it is used."""


def can_pull(channel: Channel) -> bool:
    """Whether the channel's report comes by a call of ours."""
    return adapter(channel.adapter).report is not None and bool(channel.api_url)


def pull_report(channel: Channel, day: date) -> list[tuple[str, bytes]]:
    """The report of one day as files, each with its name; none when there is nothing for the day.

    All pages or none: raises ReportAway when one of them does not come.
    """
    if not can_pull(channel):
        return []
    if breakers.is_left_alone(channel):
        raise ReportAway(f"{channel.code} is paused or does not answer at present")
    operations.recover_lost(Operation.Kind.REPORT, decide=_after_try)
    since, until = day_bounds(day)
    files: list[tuple[str, bytes]] = []
    cursor = ""
    for page in range(PAGES_MAX):
        window = Window(since=since, until=until, cursor=cursor)
        found = _page(channel, window, day=day, page=page)
        if found.content:
            files.append((_name(channel, found, day=day, page=page), found.content))
        if not found.cursor or found.cursor == cursor:
            return files
        cursor = found.cursor
    raise ReportAway(f"{channel.code}: the report of {day} has more than {PAGES_MAX} pages")


def _page(channel: Channel, window: Window, *, day: date, page: int) -> PulledReport:
    exchange = adapter(channel.adapter).report
    if exchange is None:
        raise ReportAway(f"{channel.code} gives no reports")
    operation = operations.intend(
        channel,
        kind=Operation.Kind.REPORT,
        key=f"{day:%Y-%m-%d}:{page}:{now():%Y%m%dT%H%M%S.%f}",
        budget=1,
    )
    limits = Limits(
        read_seconds=30.0, total_seconds=300.0, bytes_max=settings.PARTNER_REPORT_BYTES_MAX
    )
    claimed = operations.claim(operation.pk, limits=limits)
    if claimed is None:
        raise ReportAway(f"{operation} is in another hand")
    tried = operations.ask(
        claimed, exchange=exchange, asked=window, decide=_after_try, limits=limits
    )
    if tried.value is None:
        raise ReportAway(f"{channel.code}: {tried.detail or tried.reading}")
    return tried.value


def _after_try(_operation: Operation, tried: Tried[Any]) -> Verdict:
    """Reading changes nothing there: a page that did not come is asked for under a new key."""
    to = State.SUCCEEDED if tried.value is not None else State.FAILED
    return Verdict(state=to, note=tried.detail)


def _name(channel: Channel, found: PulledReport, *, day: date, page: int) -> str:
    name = found.name or f"{channel.code}-{day:%Y-%m-%d}"
    stem, dot, ending = name.rpartition(".")
    if not page:
        return name
    return f"{stem}-{page + 1}.{ending}" if dot else f"{name}-{page + 1}"
