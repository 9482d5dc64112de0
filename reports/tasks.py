"""What the timetable asks of the worker."""

from datetime import timedelta

from celery import shared_task

from cspdcl.kernel.clock import today
from reconciliation.selectors import last_run
from reports import actions

_DAYS_BACK_MAX = 7


@shared_task
def write_day_reports() -> None:
    """Write the report of each day of the last week whose last run is newer than its files."""
    for back in range(1, _DAYS_BACK_MAX + 1):
        day = today() - timedelta(days=back)
        run = last_run(day)
        if run is not None and run.finished_at and actions.is_stale(day, proved_at=run.finished_at):
            actions.write_day_report(day)
