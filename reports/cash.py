"""Cash of offices over some days: what each place held, each move, and whether it all proves.

Cash is in the safe, in a drawer, or on its way between them. A move counts on its office's day; a
float arrives on the day of the shift that counted it, or is back on the day it was taken back. A
drawer's moves are all of its own day.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from django.db.models import Case, Count, F, Q, QuerySet, Sum, When
from django.db.models.functions import Coalesce, TruncDate

from channels_.contract import Method
from counters.models import CashMove, OfficeDay, Shift
from counters.shifts import gone
from counters.states import ShiftState
from cspdcl.kernel.clock import INDIA
from payments.models import Payment
from payments.states import State
from people.models import Office

Kind = CashMove.Kind
_DONE: Final = Q(state=CashMove.State.DONE)
_TAKEN_BACK: Final = Q(state=CashMove.State.REFUSED, kind=CashMove.Kind.FLOAT, from_safe=True)
_FOR_US: Final = Q(to_safe=True) | Q(to_shift__isnull=False) | Q(kind=CashMove.Kind.FLOAT)
_ARRIVES: Final = Case(
    When(_TAKEN_BACK, then=TruncDate("checked_at", tzinfo=INDIA)),
    default=Coalesce("to_shift__office_day__business_date", "office_day__business_date"),
)


@dataclass(slots=True)
class Entry:
    """One line of a place: a move seen from there, or the cash receipts of a drawer."""

    day: date
    at: datetime | None  # none: the receipts of the whole shift
    came: int = 0
    left: int = 0
    move: CashMove | None = None
    receipts: int = 0


@dataclass(slots=True)
class Place:
    """The safe of an office, or the drawer of one shift."""

    office: Office
    shift: Shift | None = None
    opening: int = 0
    entries: list[Entry] = field(default_factory=list)

    @property
    def came(self) -> int:
        """All that came on these days."""
        return sum(one.came for one in self.entries)

    @property
    def left(self) -> int:
        """All that left on these days."""
        return sum(one.left for one in self.entries)

    @property
    def closing(self) -> int:
        """What it holds at the end."""
        return self.opening + self.came - self.left


@dataclass(slots=True)
class Way:
    """Cash between two places: it has left the one and not reached the other."""

    opening: int = 0
    closing: int = 0


@dataclass(slots=True)
class Flow:
    """What came in from outside, or went out, under one name."""

    count: int = 0
    paise: int = 0

    def add(self, paise: int, *, count: int = 1) -> None:
        """One more of it, or many at once."""
        self.count += count
        self.paise += paise


@dataclass(slots=True)
class Book:
    """The cash of some offices from the first day to the last."""

    safes: dict[int, Place] = field(default_factory=dict)
    drawers: dict[int, Place] = field(default_factory=dict)
    ways: dict[int, Way] = field(default_factory=dict)
    receipts: Flow = field(default_factory=Flow)
    in_from_outside: dict[str, Flow] = field(default_factory=lambda: defaultdict(Flow))
    out_to_outside: dict[str, Flow] = field(default_factory=lambda: defaultdict(Flow))
    without_shifts: Flow = field(default_factory=Flow)  # in no drawer of ours: machines
    closed_days: list[OfficeDay] = field(default_factory=list)
    safe_at_close: dict[int, int] = field(default_factory=dict)  # by closed day, as lines add up

    @property
    def places(self) -> list[Place]:
        """The safes, then the drawers."""
        return [*self.safes.values(), *self.drawers.values()]

    @property
    def opening(self) -> int:
        """Cash of all places when the first day began."""
        places = sum(place.opening for place in self.places)
        return places + sum(way.opening for way in self.ways.values())

    @property
    def must_be(self) -> int:
        """What has to be there: the opening, all that came from outside, less all that went."""
        came = self.receipts.paise + sum(one.paise for one in self.in_from_outside.values())
        return self.opening + came - sum(one.paise for one in self.out_to_outside.values())

    @property
    def is_there(self) -> int:
        """What the places hold at the end."""
        places = sum(place.closing for place in self.places)
        return places + sum(way.closing for way in self.ways.values())

    @property
    def drawers_not_empty(self) -> list[Place]:
        """Shifts that are closed and whose drawer is not at zero."""
        return [
            place
            for place in self.drawers.values()
            if place.shift and place.shift.state == ShiftState.CLOSED and place.closing
        ]

    @property
    def days_that_differ(self) -> list[OfficeDay]:
        """Closed days whose safe was counted or expected at another sum than its lines give."""
        return [
            day
            for day in self.closed_days
            if {day.safe_expected_paise, day.safe_counted_paise}
            - {None, self.safe_at_close[day.pk]}
        ]

    @property
    def proves(self) -> bool:
        """To the paisa, in the sums, in every closed drawer and on every closed day."""
        sums_agree = self.must_be == self.is_there
        return sums_agree and not self.drawers_not_empty and not self.days_that_differ


def read(
    offices: QuerySet[Office],
    *,
    first: date,
    last: date,
    moves: QuerySet[CashMove],
    shifts: QuerySet[Shift],
) -> Book:
    """The book of these offices; ``moves`` and ``shifts`` are what the reader may see of them."""
    book = Book()
    names = {office.pk: office for office in offices}
    touching = moves.annotate(arrives=_ARRIVES).order_by()
    _open_safes(book, names, touching, first=first)
    _open_drawers(book, names, shifts, moves, first=first, last=last)
    _on_the_way(book, touching, first=first, last=last)
    for move in _moves_of(touching, first=first, last=last):
        _enter(book, names, move, first=first, last=last)
    _add_receipts(book, first=first)
    for place in book.places:
        place.entries.sort(key=_in_order)
    _close_days(book, names, first=first, last=last)
    _machines(book, names, first=first, last=last)
    return book


def _open_safes(
    book: Book, names: Mapping[int, Office], moves: QuerySet[CashMove], *, first: date
) -> None:
    sums = moves.values(office=F("office_day__office")).annotate(
        came=Sum(
            "amount_paise",
            filter=(_DONE & Q(to_safe=True) | _TAKEN_BACK) & Q(arrives__lt=first),
        ),
        left=Sum(
            "amount_paise",
            filter=(gone() | _TAKEN_BACK) & Q(from_safe=True, office_day__business_date__lt=first),
        ),
    )
    for row in sums:
        office = names.get(row["office"])
        if office is not None:
            opening = (row["came"] or 0) - (row["left"] or 0)
            book.safes[office.pk] = Place(office=office, opening=opening)


def _open_drawers(
    book: Book,
    names: Mapping[int, Office],
    shifts: QuerySet[Shift],
    moves: QuerySet[CashMove],
    *,
    first: date,
    last: date,
) -> None:
    """Shifts of these days, and earlier ones that are not closed: their cash is still there."""
    earlier = Q(office_day__business_date__lt=first) & ~Q(state=ShiftState.CLOSED)
    rows = shifts.filter(earlier | Q(office_day__business_date__range=(first, last)))
    for shift in rows.select_related("counter", "clerk", "office_day").order_by("opened_at", "pk"):
        office = names.get(shift.office_day.office_id)
        if office is not None:
            book.drawers[shift.pk] = Place(office=office, shift=shift)
    old = [
        key
        for key, place in book.drawers.items()
        if place.shift and place.shift.office_day.business_date < first
    ]
    came = _sums(moves.filter(_DONE, to_shift__in=old), "to_shift")
    left = _sums(moves.filter(gone(), from_shift__in=old), "from_shift")
    for key in old:
        book.drawers[key].opening = came.get(key, 0) - left.get(key, 0)


def _sums(moves: QuerySet[CashMove], side: str) -> dict[int, int]:
    rows = moves.order_by().values(side).annotate(paise=Sum("amount_paise"))
    return {row[side]: row["paise"] for row in rows}


def _on_the_way(book: Book, moves: QuerySet[CashMove], *, first: date, last: date) -> None:
    left_us = Q(from_safe=True) | Q(from_shift__isnull=False)
    under_way = moves.filter((gone() | _TAKEN_BACK) & left_us & _FOR_US)
    sums = under_way.values(office=F("office_day__office")).annotate(
        opening=Sum("amount_paise", filter=_between(first, is_before=True)),
        closing=Sum("amount_paise", filter=_between(last, is_before=False)),
    )
    for row in sums:
        if row["office"] in book.safes:
            opening, closing = row["opening"] or 0, row["closing"] or 0
            book.ways[row["office"]] = Way(opening=opening, closing=closing)


def _between(day: date, *, is_before: bool) -> Q:
    """Left before the day begins, or until it ends, and had not arrived by then."""
    waits = Q(state=CashMove.State.ASKED)
    if is_before:
        return Q(office_day__business_date__lt=day) & (waits | Q(arrives__gte=day))
    return Q(office_day__business_date__lte=day) & (waits | Q(arrives__gt=day))


def _moves_of(moves: QuerySet[CashMove], *, first: date, last: date) -> Iterable[CashMove]:
    """What left or arrived on these days."""
    days = (first, last)
    here = Q(office_day__business_date__range=days) | Q(arrives__range=days)
    return (
        moves.filter((gone() | _TAKEN_BACK) & here)
        .select_related(
            "office_day", "maker", "checker", "deposit", "counter", "receiver",
            "from_shift__counter", "from_shift__clerk", "to_shift__counter", "to_shift__clerk",
        )
        .order_by("at", "pk")
    )  # fmt: skip


def _enter(
    book: Book, names: Mapping[int, Office], move: CashMove, *, first: date, last: date
) -> None:
    office = names.get(move.office_day.office_id)
    if office is None:
        return
    safe = book.safes.setdefault(office.pk, Place(office=office))
    giver = safe if move.from_safe else book.drawers.get(move.from_shift_id or 0)
    taker = safe if move.to_safe else book.drawers.get(move.to_shift_id or 0)
    if move.state == CashMove.State.REFUSED:
        taker = giver
    left_on = move.office_day.business_date
    came_on: date = getattr(move, "arrives", left_on)
    if first <= left_on <= last:
        _count_outside(book, move)
        if giver is not None:
            giver.entries.append(Entry(left_on, move.at, left=move.amount_paise, move=move))
    if move.state != CashMove.State.ASKED and first <= came_on <= last and taker is not None:
        at = move.checked_at or move.at
        taker.entries.append(Entry(came_on, at, came=move.amount_paise, move=move))


def _count_outside(book: Book, move: CashMove) -> None:
    """What comes from nowhere of ours, or goes there, under the name of its kind."""
    if not move.from_safe and move.from_shift_id is None:
        book.in_from_outside[move.kind].add(move.amount_paise)
    if not (move.to_safe or move.to_shift_id is not None or move.kind == Kind.FLOAT):
        book.out_to_outside[move.kind].add(move.amount_paise)


def _add_receipts(book: Book, *, first: date) -> None:
    """The cash that each drawer took; of an earlier day it is in the opening already."""
    rows = (
        _cash()
        .filter(collection_line__collection__shift__in=list(book.drawers))
        .order_by()
        .values(shift=F("collection_line__collection__shift"))
        .annotate(n=Count("pk"), paise=Sum("amount_paise"))
    )
    for row in rows:
        place = book.drawers[row["shift"]]
        if place.shift is None:
            continue
        day = place.shift.office_day.business_date
        if day < first:
            place.opening += row["paise"]
            continue
        place.entries.append(Entry(day, None, came=row["paise"], receipts=row["n"]))
        book.receipts.add(row["paise"], count=row["n"])


def _close_days(book: Book, names: Mapping[int, Office], *, first: date, last: date) -> None:
    kept = OfficeDay.objects.filter(
        office__in=list(names),
        business_date__range=(first, last),
        state=OfficeDay.State.CLOSED,
    )
    for day in kept.select_related("office").order_by("business_date", "office__path"):
        safe = book.safes.get(day.office_id)
        held = 0
        if safe is not None:
            upto = [one for one in safe.entries if one.day <= day.business_date]
            held = safe.opening + sum(one.came - one.left for one in upto)
        book.safe_at_close[day.pk] = held
        book.closed_days.append(day)


def _machines(book: Book, names: Mapping[int, Office], *, first: date, last: date) -> None:
    sums: dict[str, Any] = (
        _cash()
        .filter(
            Q(collection_line__isnull=True) | Q(collection_line__collection__shift__isnull=True),
            business_date__range=(first, last),
            counter__isnull=False,
            office__in=list(names),
        )
        .aggregate(n=Count("pk"), paise=Sum("amount_paise"))
    )
    book.without_shifts.add(sums["paise"] or 0, count=sums["n"])


def _cash() -> QuerySet[Payment]:
    return Payment.objects.filter(method=Method.CASH.value, state=State.SUCCEEDED)


def _in_order(one: Entry) -> tuple[date, int, datetime, int]:
    """By day and instant; in a drawer its float stands first, then all its receipts together."""
    if one.move is None or one.at is None:
        return one.day, 1, datetime.min.replace(tzinfo=INDIA), 0
    is_start = one.move.kind == Kind.FLOAT and one.came > 0 and one.move.to_shift_id is not None
    return one.day, 0 if is_start else 2, one.at, one.move.pk


def lines_in(places: Sequence[Place]) -> int:
    """How many lines the places have, their openings and closings counted."""
    return sum(len(place.entries) + 2 for place in places)
