"""Working days of Indian banks: no Sundays, second or fourth Saturdays, no holidays.

Which days are holidays only an app above knows; it registers here when it is ready.
"""

from collections.abc import Callable, Collection
from datetime import date, timedelta
from typing import Final

Holidays = Callable[[], Collection[date]]

_told: Final[dict[str, Holidays]] = {}


def holidays_by(name: str, holidays: Holidays) -> None:
    """Let an app say which days are holidays; called when the app is ready."""
    _told[name] = holidays


def known_holidays() -> Collection[date]:
    """Every day that an app calls a holiday now. Whoever computes elsewhere takes it along."""
    found = [holidays() for holidays in _told.values()]
    return found[0] if len(found) == 1 else frozenset().union(*found)


def is_working_day(day: date, holidays: Collection[date] | None = None) -> bool:
    """Whether banks settle on this day; without ``holidays`` those that are known now count."""
    if day.weekday() == 6 or (day.weekday() == 5 and (day.day - 1) // 7 in {1, 3}):
        return False
    return day not in (known_holidays() if holidays is None else holidays)


def working_day_after(day: date, count: int, holidays: Collection[date] | None = None) -> date:
    """The day that lies ``count`` working days after ``day``; 0 is the day itself."""
    if count > 0 and holidays is None:
        holidays = known_holidays()
    while count > 0:
        day += timedelta(days=1)
        if is_working_day(day, holidays):
            count -= 1
    return day


def working_days_between(first: date, last: date) -> int:
    """How many working days lie after ``first`` up to ``last``; 0 when it is not later."""
    days = (last - first).days
    return sum(is_working_day(first + timedelta(days=n)) for n in range(1, days + 1))


def latest_day_before(day: date, count: int) -> date:
    """The latest day of which ``count`` working days have passed before ``day``."""
    found = day - timedelta(days=1)
    while working_day_after(found, count) >= day:
        found -= timedelta(days=1)
    return found
