"""Files that are owed and have not come: one alarm a source, which ends when its files are here."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from django.db.models import Min, Q

from channels_.models import Source, StatementFile
from cspdcl.kernel.clock import business_date, today
from enquiries import alarms
from enquiries.models import Alarm
from reconciliation.incoming import files

DAYS_BACK: Final = 7  # an older day that never came is a matter of its breaks
_DAYS_SHOWN: Final = 3


def watch() -> int:
    """Raise what is missing, end what has come; says how many sources miss a file."""
    missing = _missing()
    for source, days in missing.items():
        alarms.sound(source, kind=Alarm.Kind.FILE, detail=_in_words(days))
    for alarm in Alarm.objects.filter(kind=Alarm.Kind.FILE, cleared_at__isnull=True):
        if alarm.source is not None and alarm.source not in missing:
            alarms.clear(alarm.source, kind=Alarm.Kind.FILE)
    return len(missing)


def _missing() -> Mapping[Source, Sequence[date]]:
    """The sources whose file of a day of the last week is late, with those days."""
    first_files = _first_days()
    found: dict[Source, list[date]] = {}
    for back in range(DAYS_BACK, -1, -1):
        day = today() - timedelta(days=back)
        for due in files.dues_of(day):
            # Who has sent nothing yet owes what is due since yesterday, not a week at once.
            name = (type(due.source).__name__, due.source.pk)
            begins = first_files.get(name, today() - timedelta(days=1))
            if due.is_late and day >= begins:
                found.setdefault(due.source, []).append(day)
    return found


def _first_days() -> Mapping[tuple[str, int], date]:
    """Since when each source sends files."""
    loaded = Q(state=StatementFile.State.LOADED)
    rows = StatementFile.objects.filter(loaded).order_by()
    found: dict[tuple[str, int], date] = {}
    for kind in files.SOURCES:
        told = rows.filter(**{f"{kind.whose}__isnull": False}).values_list(kind.whose)
        for source, covers, at in told.annotate(Min("covers_from"), Min("loaded_at")):
            found[kind.__name__, source] = covers or business_date(at)
    return found


def _in_words(days: Sequence[date]) -> str:
    """As it is logged and kept, in the house's language."""
    shown = ", ".join(f"{day:%d-%m-%Y}" for day in days[:_DAYS_SHOWN])
    rest = len(days) - _DAYS_SHOWN
    return f"no file of {shown}" + (f" and {rest} more days" if rest > 0 else "")
