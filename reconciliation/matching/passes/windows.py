"""A rule's window: how many working days the other side may be away, and on which side."""

from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from django.db import connection

from cspdcl.kernel.workdays import is_working_day, known_holidays
from reconciliation.models import Rule

# No entry of ours is older, and none is of a day so far ahead; what is outside is in no window.
_FIRST: Final = date(2010, 1, 1)
_LAST: Final = date(2049, 12, 31)

_TABLE: Final = """
CREATE TEMP TABLE working_day (day date PRIMARY KEY, number integer) ON COMMIT DROP;
INSERT INTO working_day SELECT unnest(%s::date[]), unnest(%s::integer[]);
ANALYZE working_day;
"""


def within(rule: Rule, *, left: str, right: str) -> str:
    """A condition on two dates of a pass, our side's and the other's; nothing without a window."""
    if rule.window_days is None:
        return ""
    _know_working_days()
    most = int(rule.window_days)
    is_later = rule.direction == Rule.Direction.LATER
    order = f" AND {right} >= {left}" if is_later else ""
    return f"""{order}
       AND (SELECT r.number - l.number FROM working_day l, working_day r
             WHERE l.day = {left} AND r.day = {right}) BETWEEN {0 if is_later else -most} AND {most}"""  # noqa: S608, E501 - whole numbers and names of our own columns


def _know_working_days() -> None:
    """The working days of banks, numbered; the table ends with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pg_temp.working_day') IS NOT NULL")
        (is_there,) = cursor.fetchone() or (False,)
        if not is_there:
            days, numbers = _numbered(frozenset(known_holidays()))
            cursor.execute(_TABLE, [list(days), list(numbers)])


@lru_cache(maxsize=2)  # another calendar, other numbers: a worker lives longer than a calendar
def _numbered(holidays: AbstractSet[date]) -> tuple[tuple[date, ...], tuple[int, ...]]:
    """Each day with the number of working days until then, its own among them."""
    days, numbers, number, day = [], [], 0, _FIRST
    while day <= _LAST:
        number += is_working_day(day, holidays)
        days.append(day)
        numbers.append(number)
        day += timedelta(days=1)
    return tuple(days), tuple(numbers)
