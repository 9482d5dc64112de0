"""The one reader of time. Instants are UTC; a business date is the calendar day in India."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cspdcl.env import Mode, env_mode

INDIA: Final = ZoneInfo("Asia/Kolkata")

# How far back the day lies that is played; of one thread, and never of a request.
_back: Final[ContextVar[timedelta]] = ContextVar("back", default=timedelta())


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC) - _back.get()


@contextmanager
def played_at(instant: datetime) -> Iterator[None]:
    """Let it be another instant for who plays a day that is over; from there the clock goes on.

    Production has one clock only.
    """
    if env_mode() is Mode.PRODUCTION:
        raise RuntimeError("a day is not played in production")
    before = _back.set(datetime.now(UTC) - instant)
    try:
        yield
    finally:
        _back.reset(before)


def business_date(instant: datetime) -> date:
    """The Indian calendar day an aware instant belongs to."""
    return instant.astimezone(INDIA).date()


def today() -> date:
    """The business date of this moment."""
    return business_date(now())


# Outside of these no instant has a neighbour; nothing of ours happened there.
_FIRST_DAY: Final = date(1900, 1, 1)
_LAST_DAY: Final = date(9000, 1, 1)


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """The first instant of a business date and of the next one, for half-open comparisons.

    A day that somebody typed from the ends of the calendar is taken for the nearest sensible one.
    """
    near = min(max(day, _FIRST_DAY), _LAST_DAY)
    start = datetime(near.year, near.month, near.day, tzinfo=INDIA)
    return start.astimezone(UTC), (start + timedelta(days=1)).astimezone(UTC)


def financial_year(day: date) -> str:
    """The Indian financial year of a day, April to March: ``2026-27``."""
    first = day.year if day.month >= 4 else day.year - 1
    return f"{first}-{(first + 1) % 100:02d}"
