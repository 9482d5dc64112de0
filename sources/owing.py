"""Which days a source owes a file of, and by when."""

from datetime import date, datetime, timedelta

from channels_.models import FileSource
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.workdays import is_working_day, working_day_after


def owes(source: FileSource, day: date) -> bool:
    """Whether the source owes a file that speaks of this day."""
    if source.file_due_at is None:
        return False
    return source.file_days == source.Days.EVERY or is_working_day(day)


def due_at(source: FileSource, day: date) -> datetime | None:
    """The instant by which the day's file should be here; None where none is owed of it."""
    if source.file_due_at is None or not owes(source, day):
        return None
    days = source.file_due_days
    is_daily = source.file_days == source.Days.EVERY
    due_on = day + timedelta(days=days) if is_daily else working_day_after(day, days)
    return datetime.combine(due_on, source.file_due_at, tzinfo=INDIA)
