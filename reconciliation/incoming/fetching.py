"""Fetching the settlement reports that a partner offers by its API, when no file has come."""

import io
import logging
from datetime import date, timedelta
from typing import Final

from channels_.models import Channel
from cspdcl.kernel.clock import today
from enquiries.reports import ReportAway, can_pull, pull_report
from reconciliation.incoming import files, statements

DAYS_BACK: Final = 3  # a partner that was away over a long weekend is asked for all of it

log = logging.getLogger(__name__)


def fetch_due_reports() -> int:
    """Every report that is due, can be pulled and has not come; says how many files were loaded."""
    yesterday = today() - timedelta(days=1)
    return sum(
        _fetch(due.source, day)
        for day in (yesterday - timedelta(days=n) for n in reversed(range(DAYS_BACK)))
        for due in files.dues_of(day)
        if due.is_late and isinstance(due.source, Channel) and can_pull(due.source)
    )


def _fetch(channel: Channel, day: date) -> int:
    try:
        pulled = pull_report(channel, day)
    except ReportAway as error:
        log.warning("the report of %s did not come: %s", day, error)
        return 0
    count = 0
    for name, content in pulled:
        try:
            statements.load(channel, io.BytesIO(content), name=name)
        except (statements.AlreadyLoaded, statements.AlreadyWaiting):
            continue
        count += 1
    return count
