"""The business day of an office: made when first asked for, and closed for good."""

from datetime import date
from typing import ClassVar, Final, Literal

from django.db import connection

from counters.models import OfficeDay
from cspdcl.kernel.errors import DomainError
from people.models import Office

_HOLD: Final = {
    "share": "SELECT state FROM counters_officeday WHERE id = %s FOR SHARE",
    "update": "SELECT state FROM counters_officeday WHERE id = %s FOR UPDATE",
}


class DayClosed(DomainError):
    """The office's day is closed: nothing is dated on it any more."""

    code: ClassVar[str] = "day_closed"


def office_day(
    office: Office, *, on: date, lock: Literal["share", "update"] = "share"
) -> OfficeDay:
    """The open day of an office, held until the commit; DayClosed when it is closed.

    It is the first lock of whoever moves money at a counter. Shared by all who take; alone for who
    closes it.
    """
    asked = OfficeDay.objects.filter(office=office, business_date=on)
    day = asked.first()
    if day is None:
        new = OfficeDay(office=office, business_date=on)
        OfficeDay.objects.bulk_create([new], ignore_conflicts=True)
        day = asked.get()
    return held(day, lock=lock)


def held(day: OfficeDay, *, lock: Literal["share", "update"] = "share") -> OfficeDay:
    """A known day, held until the commit, as it is now; DayClosed when it is closed."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD[lock], [day.pk])
        (state,) = cursor.fetchone()
    if state != OfficeDay.State.OPEN:
        raise DayClosed(f"the day {day.business_date:%d-%m-%Y} of the office is closed")
    return OfficeDay.objects.select_related("office").get(pk=day.pk)
