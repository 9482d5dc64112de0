"""From when to when a paper can be paid, and what a postal order may consist of."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import StrEnum
from typing import ClassVar, Final

from django.utils.translation import gettext as _

from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees

_FIRST_YEAR: Final = 1990
_LAST_YEAR: Final = 2200
_MONTHS_MAX: Final = 120
_PAISE_MAX: Final = 10**12


class NotAnOrder(DomainError):
    """The post office sells no such order."""

    code: ClassVar[str] = "postal_order_malformed"


class Verdict(StrEnum):
    """Whether a paper can be paid on a day; a closed list."""

    GOOD = "good"
    POST_DATED = "post_dated"  # not yet
    STALE = "stale"  # never again
    REVALIDATE = "revalidate"  # a postal order that the post office may still renew
    UNDATED = "undated"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRules:
    """Every limit, as the law and the post office set it today; an office may be stricter."""

    cheque_months: int = 3  # drafts, pay orders and banker's cheques have their own below
    draft_months: int = 3
    postal_order_months: int = 24  # from the last day of the month of issue
    postal_order_revalidated_months: int = 36
    days_to_bank: int = 0  # a paper must still be good when it reaches the bank
    order_faces_paise: tuple[int, ...] = (100, 200, 500, 1_000, 2_000, 5_000, 10_000)
    order_stamps: int = 4
    order_stamps_below_paise: int = 300
    order_without_stamps_paise: tuple[int, ...] = (10_000,)

    def __post_init__(self) -> None:
        """Refuse what configuration cannot mean, with the name of the limit."""
        for field in fields(self):
            value = getattr(self, field.name)
            told = value if isinstance(value, tuple) else (value,)
            most = _PAISE_MAX if field.name.endswith("_paise") else _MONTHS_MAX
            if not all(type(one) is int and 0 <= one <= most for one in told):
                raise TypeError(f"{field.name}: expected whole numbers to {most}, got {value!r}")
        if min(self.cheque_months, self.draft_months, self.postal_order_months) < 1:
            raise TypeError("expected at least one month in which a paper is good")
        if self.postal_order_revalidated_months < self.postal_order_months:
            raise TypeError("postal_order_revalidated_months: expected no less than without")


RULES: Final = PaperRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """The verdict, and the days between which it is GOOD; both are None for an undated paper."""

    verdict: Verdict
    good_from: date | None = None
    good_until: date | None = None  # the last day on which it is paid without more
    lost_after: date | None = None  # the last day on which a postal order can be renewed

    @property
    def is_good(self) -> bool:
        """Whether it can be paid."""
        return self.verdict is Verdict.GOOD


def cheque(dated: date | None, *, on: date, rules: PaperRules = RULES) -> Validity:
    """A cheque of this date, taken on a day: good for three calendar months."""
    return _within(dated, months=rules.cheque_months, on=on, rules=rules)


def draft(dated: date | None, *, on: date, rules: PaperRules = RULES) -> Validity:
    """A demand draft, pay order or banker's cheque."""
    return _within(dated, months=rules.draft_months, on=on, rules=rules)


def postal_order(issued: date | None, *, on: date, rules: PaperRules = RULES) -> Validity:
    """An Indian postal order: counted from the last day of its month, then renewed, then lost."""
    if issued is None:
        return Validity(verdict=Verdict.UNDATED)
    first = _sane(issued)
    until = last_day_of(months_after(_start(first), rules.postal_order_months))
    lost = last_day_of(months_after(_start(first), rules.postal_order_revalidated_months))
    verdict = _verdict(first, until, on=on, days_to_bank=rules.days_to_bank)
    if verdict is Verdict.STALE and on + timedelta(days=rules.days_to_bank) <= lost:
        verdict = Verdict.REVALIDATE
    return Validity(verdict=verdict, good_from=first, good_until=until, lost_after=lost)


def months_after(day: date, months: int) -> date:
    """The same day of a later month, or its last: 30 November and three are 28 February."""
    later = day.year * 12 + day.month - 1 + months
    year, month = later // 12, later % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def last_day_of(day: date) -> date:
    """The last day of the month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def order_paise(
    face_paise: int, *, stamps_paise: Sequence[int] = (), rules: PaperRules = RULES
) -> int:
    """What a postal order with its stamps is worth; refuses one that no post office sells."""
    if type(face_paise) is not int or face_paise not in rules.order_faces_paise:
        known = ", ".join(grouped_rupees(face) for face in rules.order_faces_paise)
        words = _("expected a postal order of %(known)s, got %(got)s")
        raise NotAnOrder(words % {"known": known, "got": _said(face_paise)})
    if any(type(stamp) is not int or stamp <= 0 for stamp in stamps_paise):
        words = _("expected stamps in whole paise, got %(got)s")
        raise NotAnOrder(words % {"got": list(stamps_paise)})
    if stamps_paise and face_paise in rules.order_without_stamps_paise:
        words = _("expected no stamps on an order of %(face)s")
        raise NotAnOrder(words % {"face": _said(face_paise)})
    if len(stamps_paise) > rules.order_stamps:
        words = _("expected at most %(most)s stamps, got %(got)s")
        raise NotAnOrder(words % {"most": rules.order_stamps, "got": len(stamps_paise)})
    if sum(stamps_paise) >= rules.order_stamps_below_paise and stamps_paise:
        words = _("expected stamps below %(most)s in total, got %(got)s")
        facts = {"most": _said(rules.order_stamps_below_paise), "got": _said(sum(stamps_paise))}
        raise NotAnOrder(words % facts)
    return face_paise + sum(stamps_paise)


def _said(paise: object) -> str:
    return grouped_rupees(paise) if type(paise) is int else repr(paise)


def _within(dated: date | None, *, months: int, on: date, rules: PaperRules) -> Validity:
    if dated is None:
        return Validity(verdict=Verdict.UNDATED)
    first = _sane(dated)
    until = months_after(first, months)
    verdict = _verdict(first, until, on=on, days_to_bank=rules.days_to_bank)
    return Validity(verdict=verdict, good_from=first, good_until=until)


def _verdict(first: date, until: date, *, on: date, days_to_bank: int) -> Verdict:
    if on < first:
        return Verdict.POST_DATED
    return Verdict.GOOD if on + timedelta(days=days_to_bank) <= until else Verdict.STALE


def _start(day: date) -> date:
    return day.replace(day=1)


def _sane(day: date) -> date:
    """The day; one from the ends of the calendar, where no month can be added, is pulled in."""
    return min(max(day, date(_FIRST_YEAR, 1, 1)), date(_LAST_YEAR, 12, 31))
