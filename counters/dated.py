"""Rules that change with their dates: what has been in force stays, a changed figure is a new row.

A past day is judged by what held on it. So a row that has begun is fixed but for a last day to
come, and a new row of a line that has begun begins tomorrow at the earliest. The first rows of a
line may bring its history with them. The database guards the first half, in migration 0002.
"""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import ClassVar, Final

from django.forms.models import model_to_dict
from django.utils.translation import gettext as _

from counters.models import CashRule, ReturnCharge, SurchargeRate
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError

Dated = CashRule | ReturnCharge | SurchargeRate

LAST_DAY: Final = "valid_until"
FIRST_DAY: Final = "valid_from"


class DatedRefused(DomainError):
    """A row would change a day that is over, or has no days at all; ``field`` says which part."""

    code: ClassVar[str] = "dated_rule"

    def __init__(self, words: str, *, field: str) -> None:
        super().__init__(words)
        self.field = field


def line_of(row: Dated) -> str:
    """Rows of one line follow each other: cash rules by their code, of the others there is one."""
    return row.code if isinstance(row, CashRule) else ""


def lines_begun(model: type[Dated]) -> frozenset[str]:
    """The lines of which a row has been in force."""
    rows: Collection[Dated] = model.objects.filter(valid_from__lte=today())
    return frozenset(line_of(row) for row in rows)


def has_begun(row: Dated) -> bool:
    """Whether it has been in force, if only since this morning."""
    return row.valid_from <= today()


def is_over(row: Dated) -> bool:
    """Whether its last day has passed."""
    last = getattr(row, LAST_DAY, None)
    return last is not None and last < today()


def in_force(rows: Iterable[Dated]) -> list[Dated]:
    """Of the rows of one table those that hold today.

    A cash rule ends with its latest version; an ended charge leaves the field to the one before.
    """
    latest: dict[str, Dated] = {}
    for row in sorted(rows, key=lambda one: one.valid_from):
        if has_begun(row) and (isinstance(row, CashRule) or not is_over(row)):
            latest[line_of(row)] = row
    return [row for row in latest.values() if not is_over(row)]


def check(row: Dated, *, was: Dated | None, begun: Collection[str]) -> None:
    """Refuse a new row, or the change of one, that would alter what has been in force.

    ``begun`` are the lines of which a row had been in force before whatever brings this one.
    """
    last = getattr(row, LAST_DAY, None)
    if last is not None and last < row.valid_from:
        raise DatedRefused(_("Its last day comes before its first."), field=LAST_DAY)
    if was is not None and has_begun(was):
        _check_fixed(row, was=was)
    elif has_begun(row) and line_of(row) in begun:
        words = _("Up to today another row has been in force; this one begins on %(day)s or later.")
        raise DatedRefused(words % {"day": _tomorrow()}, field=FIRST_DAY)


def _check_fixed(row: Dated, *, was: Dated) -> None:
    before = model_to_dict(was, exclude=["id", LAST_DAY])
    for name, value in model_to_dict(row, fields=before).items():
        if value != before[name]:
            words = _(
                "It has been in force since %(since)s and stays as it was; a changed figure is a "
                "new row from %(day)s or later."
            )
            facts = {"since": was.valid_from, "day": _tomorrow()}
            raise DatedRefused(words % facts, field=name)
    ends = getattr(row, LAST_DAY, None)
    if ends == getattr(was, LAST_DAY, None):
        return
    if is_over(was):
        raise DatedRefused(_("It has ended and stays as it was."), field=LAST_DAY)
    if is_over(row):
        words = _("It is in force today; its last day is %(day)s or later.")
        raise DatedRefused(words % {"day": today()}, field=LAST_DAY)


def _tomorrow() -> object:
    return today() + timedelta(days=1)
