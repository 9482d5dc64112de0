"""Working days of Indian banks: no Sundays, second or fourth Saturdays, no listed holidays."""

from collections.abc import Collection
from datetime import date, timedelta


def is_working_day(day: date, holidays: Collection[date] = ()) -> bool:
    """Whether banks settle on this day."""
    if day.weekday() == 6 or day in holidays:
        return False
    return not (day.weekday() == 5 and (day.day - 1) // 7 in {1, 3})


def working_day_after(day: date, count: int, holidays: Collection[date] = ()) -> date:
    """The day that lies ``count`` working days after ``day``; 0 is the day itself."""
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
