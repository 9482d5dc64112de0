"""A value as a person reads it; sheets and text files write their own."""

from datetime import date, datetime

from cspdcl.kernel.money import grouped_rupees
from cspdcl.ui.templatetags.ui import NOTHING, count, day, instant
from reports.contract import Figure, Kind, Value


def shown(value: Value, kind: Kind) -> str:
    """The value as plain words; what is not there is a dash, or nothing where it is a text."""
    if value is None or value == "":
        return "" if kind in (Kind.TEXT, Kind.ID) else NOTHING
    if isinstance(value, Figure):
        return grouped_rupees(value.paise)
    if isinstance(value, datetime):
        return instant(value, "minute")
    if isinstance(value, date):
        return day(value)
    if isinstance(value, int):
        return grouped_rupees(value) if kind is Kind.MONEY else count(value)
    return str(value)


def below(value: Value) -> str:
    """The smaller figure under a figure: how many."""
    return count(value.count) if isinstance(value, Figure) else ""
