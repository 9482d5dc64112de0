"""The business day of an office: made when first asked for, and closed for good.

Days close in their order, so that a day stands for all before it. ``closing`` closes them.
"""

from datetime import date
from typing import ClassVar, Final, Literal

from django.db import connection
from django.db.models import Max
from django.utils.translation import gettext as _

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
        _check_not_past(office, on)
        new = OfficeDay(office=office, business_date=on)
        OfficeDay.objects.bulk_create([new], ignore_conflicts=True)
        day = asked.get()
    return held(day, lock=lock)


def known_day(office: Office, *, on: date) -> OfficeDay | None:
    """The open day, held, where the office keeps one: for who takes money without a shift.

    DayClosed when it is closed, or when a later one is.
    """
    day = OfficeDay.objects.filter(office=office, business_date=on).first()
    if day is None:
        _check_not_past(office, on)
        return None
    return held(day)


def held(day: OfficeDay, *, lock: Literal["share", "update"] = "share") -> OfficeDay:
    """A known day, held until the commit, as it is now; DayClosed when it is closed."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD[lock], [day.pk])
        (state,) = cursor.fetchone()
    if state != OfficeDay.State.OPEN:
        raise _closed(day.business_date)
    return OfficeDay.objects.select_related("office").get(pk=day.pk)


def closed_through(office: Office) -> date | None:
    """The last day that is closed, and with it all before it."""
    closed = OfficeDay.objects.filter(office=office, state=OfficeDay.State.CLOSED)
    last: date | None = closed.aggregate(last=Max("business_date"))["last"]
    return last


def _check_not_past(office: Office, on: date) -> None:
    last = closed_through(office)
    if last is not None and on <= last:
        raise _closed(on)


def _closed(on: date) -> DayClosed:
    return DayClosed(_("The day %(day)s of the office is closed.") % {"day": f"{on:%d-%m-%Y}"})
