"""Changing the list of bank holidays: one by one, or by a file that is taken whole."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import BinaryIO, ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from cspdcl.kernel.errors import DomainError
from people import audit
from people.models import User
from sources import calendar
from sources.models import Holiday

COLUMNS: Final = ("date", "name", "state")
BYTES_MAX: Final = 1024 * 1024
ROWS_MAX: Final = 5_000
NAME_MAX: Final = 80
PROBLEMS_SHOWN: Final = 20
EVERYWHERE: Final = frozenset({"", "*", "ALL"})
_DAYS: Final = ("%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y")
_YEARS: Final = range(2000, 2200)


class BadHolidays(DomainError):
    """The file cannot be taken, and nothing of it was; ``problems`` names its rows."""

    code: ClassVar[str] = "bad_holidays"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems[:PROBLEMS_SHOWN]))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Put:
    """How many rows of a file were new, named otherwise before, or known."""

    new: int
    renamed: int
    known: int


@transaction.atomic
def put(day: date, *, name: str, state: str = "", by: User | str) -> Holiday:
    """Add a holiday, or give it another name; the same again changes nothing."""
    found = Holiday.objects.select_for_update().filter(day=day, state=state).first()
    if found is not None and found.name == name:
        return found
    before = {"name": found.name} if found else {}
    made = found or Holiday(day=day, state=state)
    made.name = name
    made.full_clean(validate_unique=False, validate_constraints=False)
    made.save()
    audit.record(
        by,
        "holiday.changed" if found else "holiday.created",
        ("holiday", f"{day} {state or '*'}"),
        before=before,
        after={"name": name},
    )
    _look_again()
    return made


@transaction.atomic
def remove(holiday: Holiday, *, by: User | str) -> None:
    """Take a holiday off the calendar; what was due by it keeps its days."""
    audit.record(
        by,
        "holiday.removed",
        ("holiday", f"{holiday.day} {holiday.state or '*'}"),
        before={"name": holiday.name},
    )
    holiday.delete()
    _look_again()


def _look_again() -> None:
    """Now for this transaction, and once more when others see it too."""
    calendar.forget()
    transaction.on_commit(calendar.forget)


@transaction.atomic
def load(stream: BinaryIO, *, by: User | str) -> Put:
    """Take a CSV of ``date,name,state`` whole, or refuse it with its rows."""
    rows = list(_rows(stream))
    held = {(one.day, one.state): one.name for one in Holiday.objects.select_for_update()}
    for day, name, state in rows:
        put(day, name=name, state=state, by=by)
    return Put(
        new=sum((day, state) not in held for day, _name, state in rows),
        renamed=sum(held.get((day, state), name) != name for day, name, state in rows),
        known=sum(held.get((day, state)) == name for day, name, state in rows),
    )


def _rows(stream: BinaryIO) -> Iterator[tuple[date, str, str]]:
    content = stream.read(BYTES_MAX + 1)
    if len(content) > BYTES_MAX:
        raise BadHolidays([_("The file is larger than a list of holidays can be.")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadHolidays([_("The file is no text in UTF-8.")]) from error
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        told = [(number, row) for number, row in enumerate(reader, start=1) if any(row)]
    except csv.Error as error:
        raise BadHolidays([str(error)]) from error
    header = [cell.strip().lower() for cell in told[0][1]] if told else []
    if header[:2] != list(COLUMNS[:2]) or not set(header) <= set(COLUMNS):
        raise BadHolidays([_("The first row must be: %(header)s") % {"header": ",".join(COLUMNS)}])
    if len(told) > ROWS_MAX:
        raise BadHolidays([_("The file has more than %(n)s rows.") % {"n": ROWS_MAX}])
    yield from _read(told[1:])


def _read(told: Sequence[tuple[int, list[str]]]) -> list[tuple[date, str, str]]:
    found: dict[tuple[date, str], tuple[date, str, str]] = {}
    problems = []
    for number, row in told:
        cells = [cell.strip() for cell in row] + [""] * len(COLUMNS)
        try:
            day, name, state = _day(cells[0]), cells[1], cells[2].upper()
            _check(name, state, too_many=any(cells[len(COLUMNS) :]))
        except ValueError as error:
            problems.append(_("Row %(n)s: %(problem)s") % {"n": number, "problem": error})
            continue
        state = "" if state in EVERYWHERE else state
        if found.get((day, state), (day, name, state)) != (day, name, state):
            problems.append(_("Row %(n)s: the day is there twice.") % {"n": number})
        found[day, state] = (day, name, state)
    if problems:
        raise BadHolidays(problems)
    return list(found.values())


def _check(name: str, state: str, *, too_many: bool) -> None:
    if too_many:
        raise ValueError(_("expected three cells."))
    if not name or len(name) > NAME_MAX:
        raise ValueError(_("expected a name of 1 to 80 characters."))
    is_state = len(state) == len("CG") and state.isascii() and state.isalpha()
    if state not in EVERYWHERE and not is_state:
        raise ValueError(
            _("expected a state of two letters, or nothing, got %(got)r.") % {"got": state}
        )


def _day(text: str) -> date:
    for known in _DAYS:
        try:
            found = datetime.strptime(text, known).date()  # noqa: DTZ007 - a day, not a moment
        except ValueError:
            continue
        if found.year in _YEARS:
            return found
    raise ValueError(_("expected a day such as 2026-08-15, got %(got)r.") % {"got": text[:20]})
