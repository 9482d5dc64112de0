"""Notes and coins: which are taken on a day, what a count of them is worth, what change to give."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final, Self

from django.utils.translation import gettext as _

from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees

DATA: Final = Path(__file__).parent / "data"

PIECES_MAX: Final = 1_000_000  # of one denomination: more is a slip of the hand
CHANGE_MAX_PAISE: Final = 1_000_000  # nobody gives more than 10,000 rupees of change


class NotCash(DomainError):
    """The count cannot be one of notes and coins."""

    code: ClassVar[str] = "cash_malformed"


class CountDiffers(DomainError):
    """The notes and coins are not worth what was said."""

    code: ClassVar[str] = "cash_differs"


class NoChange(DomainError):
    """The amount cannot be given with the notes and coins at hand."""

    code: ClassVar[str] = "no_change"


@dataclass(frozen=True, slots=True)
class Denomination:
    """One kind of note or coin. Notes of 5, 2 and 1 are counted with the coins of their worth."""

    key: str  # the rupees; with a "c" where a coin has the worth of a note
    paise: int
    form: str  # note or coin
    accepted_from: date | None = None
    accepted_until: date | None = None

    def is_accepted(self, on: date) -> bool:
        """Whether a counter takes it on a day."""
        return (self.accepted_from is None or self.accepted_from <= on) and (
            self.accepted_until is None or on <= self.accepted_until
        )


def denominations(rows: Sequence[Mapping[str, str]]) -> Mapping[str, Denomination]:
    """The table of denominations from rows as the data file has them, the largest first."""
    found = [_denomination(row) for row in rows]
    ordered = sorted(found, key=lambda one: (-one.paise, one.key))
    if len({one.key for one in found}) != len(found):
        raise TypeError("expected each denomination once")
    return MappingProxyType({one.key: one for one in ordered})


@dataclass(frozen=True, slots=True)
class Denominations:
    """How many of each: always whole, never negative, only what is known. Empty is no money."""

    counts: Mapping[str, int]
    known: Mapping[str, Denomination]

    @classmethod
    def read(
        cls,
        told: Mapping[str, object],
        *,
        on: date,
        known: Mapping[str, Denomination] | None = None,
    ) -> Self:
        """The count ``{"500": 3}`` as it was handed in, of what is taken on that day."""
        table = DENOMINATIONS if known is None else known
        for key, count in told.items():
            one = table.get(key)
            if one is None:
                words = _("expected one of %(known)s, got %(got)s")
                raise NotCash(words % {"known": ", ".join(table), "got": repr(str(key)[:20])})
            if type(count) is not int or not 0 <= count <= PIECES_MAX:
                words = _("%(key)s: expected a count from 0 to %(most)s, got %(got)s")
                raise NotCash(words % {"key": key, "most": PIECES_MAX, "got": repr(count)[:40]})
            if count and not one.is_accepted(on):
                words = _("%(key)s: expected what is accepted on %(day)s; this is not")
                raise NotCash(words % {"key": key, "day": on})
        counts = {key: told[key] for key in table if told.get(key)}
        return cls(MappingProxyType(counts), table)  # type: ignore[arg-type]

    @property
    def paise(self) -> int:
        """What it is worth."""
        return sum(self.known[key].paise * count for key, count in self.counts.items())

    @property
    def pieces(self) -> int:
        """How many notes and coins there are."""
        return sum(self.counts.values())

    def check(self, claimed_paise: int) -> None:
        """Refuse when it is not worth what was claimed, and name both."""
        if self.paise != claimed_paise:
            words = _("expected %(claimed)s in notes and coins, counted %(counted)s")
            facts = {
                "claimed": grouped_rupees(claimed_paise),
                "counted": grouped_rupees(self.paise),
            }
            raise CountDiffers(words % facts)

    def as_json(self) -> dict[str, int]:
        """As a column or an API keeps it: the largest first, without zeros."""
        return dict(self.counts)

    def lines(self) -> Iterator[tuple[Denomination, int, int]]:
        """For a slip: the denomination, how many, and what they are worth."""
        for key, count in self.counts.items():
            one = self.known[key]
            yield one, count, one.paise * count

    def __add__(self, other: "Denominations") -> "Denominations":
        known = {**other.known, **self.known}
        return self._of({key: self.count_of(key) + other.count_of(key) for key in known}, known)

    def __sub__(self, other: "Denominations") -> "Denominations":
        """What is left; refused when more of one kind is taken out than there is."""
        for key, count in other.counts.items():
            if count > self.count_of(key):
                words = _("%(key)s: expected at most %(most)s to take out, got %(got)s")
                facts = {"key": key, "most": self.count_of(key), "got": count}
                raise NotCash(words % facts)
        return self._of(
            {key: self.count_of(key) - other.count_of(key) for key in self.known}, self.known
        )

    def count_of(self, key: str) -> int:
        """How many of one denomination."""
        return self.counts.get(key, 0)

    @staticmethod
    def _of(counts: Mapping[str, int], known: Mapping[str, Denomination]) -> "Denominations":
        ordered = sorted(known.values(), key=lambda one: (-one.paise, one.key))
        table = {one.key: one for one in ordered}
        left = {key: counts[key] for key in table if counts.get(key)}
        return Denominations(MappingProxyType(left), MappingProxyType(table))


def change(
    amount_paise: int,
    *,
    on: date,
    drawer: Denominations | None = None,
    known: Mapping[str, Denomination] | None = None,
) -> Denominations:
    """Notes and coins for an amount, the largest first; only what is in the drawer, if told.

    Where the largest lead nowhere, smaller ones are tried: 60 from one 50 and three 20 is three 20.
    """
    if type(amount_paise) is not int or not 0 <= amount_paise <= CHANGE_MAX_PAISE:
        words = _("expected change up to %(most)s, got %(got)s paise")
        facts = {"most": grouped_rupees(CHANGE_MAX_PAISE), "got": repr(amount_paise)[:40]}
        raise NoChange(words % facts)
    table = drawer.known if drawer else (DENOMINATIONS if known is None else known)
    usable = [one for one in table.values() if one.is_accepted(on)]
    at_hand = [drawer.counts.get(one.key, 0) if drawer else PIECES_MAX for one in usable]
    found = _give(amount_paise, [one.paise for one in usable], at_hand)
    if found is None:
        words = _("%(amount)s cannot be given with what is at hand")
        raise NoChange(words % {"amount": grouped_rupees(amount_paise)})
    counts = {one.key: count for one, count in zip(usable, found, strict=True) if count}
    return Denominations(MappingProxyType(counts), table)


def _give(amount: int, faces: Sequence[int], at_hand: Sequence[int]) -> Sequence[int] | None:
    """How many of each, as many of the first as lead to the end; None when nothing does."""

    @cache  # an amount that cannot be given with the rest is tried once
    def rest(place: int, left: int) -> tuple[int, ...] | None:
        if left == 0:
            return (0,) * (len(faces) - place)
        if place == len(faces) or left > worth[place]:
            return None
        for count in range(min(left // faces[place], at_hand[place]), -1, -1):
            found = rest(place + 1, left - count * faces[place])
            if found is not None:
                return (count, *found)
        return None

    pieces = zip(faces, at_hand, strict=True)
    values = [face * count for face, count in pieces]
    worth = [sum(values[place:]) for place in range(len(values))]
    return rest(0, amount)


def _denomination(row: Mapping[str, str]) -> Denomination:
    paise = int(row["paise"])
    if paise <= 0 or row["form"] not in ("note", "coin"):
        raise TypeError(f"{row['key']}: expected a note or coin of a worth")
    start, end = row.get("accepted_from"), row.get("accepted_until")
    return Denomination(
        key=row["key"],
        paise=paise,
        form=row["form"],
        accepted_from=date.fromisoformat(start) if start else None,
        accepted_until=date.fromisoformat(end) if end else None,
    )


def _read() -> Mapping[str, Denomination]:
    with (DATA / "denominations.csv").open(encoding="utf-8", newline="") as file:
        return denominations(list(csv.DictReader(file)))


DENOMINATIONS: Final = _read()
