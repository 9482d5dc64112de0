"""The supervisor's live board: who sits where, what lies in each drawer, what waits for a person.

A handful of queries however many the counters are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from django.db.models import Count, Q, QuerySet, Sum

from channels_.contract import Method
from counters import shifts
from counters.board import CounterDay, counter_days
from counters.models import (
    CashMove,
    CollectionLine,
    Difference,
    Instrument,
    OfficeDay,
    Override,
    Shift,
)
from counters.overrides import overrides_visible_to
from counters.policy import policies_of
from counters.registers import instruments_visible_to
from counters.selectors import (
    cash_moves_visible_to,
    differences_visible_to,
    office_days_visible_to,
    shifts_visible_to,
)
from counters.states import PaperState, ShiftState
from cspdcl.kernel.clock import today
from payments.models import Counter
from payments.selectors import counters_visible_to
from payments.states import State
from people.access import Somebody
from people.models import User

WAITS_SHOWN: Final = 50


@dataclass(slots=True, kw_only=True)
class Window:
    """One counter as it stands."""

    sums: CounterDay  # of the day
    shift: Shift | None = None  # the latest that is not closed, else the last of the day
    cash_paise: int = 0
    limit_paise: int = 0
    receipts: int = 0  # of the shift
    receipts_paise: int = 0
    papers: int = 0  # in the clerk's hand
    papers_paise: int = 0

    @property
    def counter(self) -> Counter:
        """Whose it is."""
        return self.sums.counter

    @property
    def is_live(self) -> bool:
        """Whether somebody answers for a drawer there."""
        return self.shift is not None and self.shift.state != ShiftState.CLOSED

    @property
    def is_hidden(self) -> bool:
        """While a drawer is counted nobody sees what must be in it."""
        return self.shift is not None and self.shift.state == ShiftState.COUNTING

    @property
    def is_over(self) -> bool:
        """Whether cash must be handed in."""
        return self.is_live and not self.is_hidden and self.cash_paise > self.limit_paise

    @property
    def is_late(self) -> bool:
        """A shift of an earlier day that nobody has closed."""
        return (
            self.is_live
            and self.shift is not None
            and self.shift.office_day.business_date < today()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """What waits for somebody's yes or no."""

    overrides: Sequence[Override] = ()
    moves: Sequence[CashMove] = ()
    differences: Sequence[Difference] = ()
    counted: Sequence[Shift] = ()  # counts without a difference
    papers: Sequence[Instrument] = ()  # post-dated, due
    days: Sequence[OfficeDay] = ()  # earlier ones that are not closed

    @property
    def count(self) -> int:
        """How many things."""
        parts = (
            self.overrides, self.moves, self.differences, self.counted, self.papers, self.days,
        )  # fmt: skip
        return sum(len(part) for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The board."""

    windows: list[Window]
    waits: Waits = field(default_factory=Waits)

    @property
    def cash_paise(self) -> int:
        """In all drawers that may be shown."""
        return sum(one.cash_paise for one in self.windows if one.is_live and not one.is_hidden)

    @property
    def hidden(self) -> int:
        """How many drawers are being counted."""
        return sum(one.is_hidden for one in self.windows)


def live(user: User, *, on: date) -> Live:
    """The board of a day; drawers and what waits are those of now, whatever the day."""
    counters = list(counters_visible_to(user).select_related("office").order_by("code"))
    windows = [Window(sums=one) for one in counter_days(counters, on=on)]
    by_counter = {one.counter.pk: one for one in windows}
    for shift in _shown_shifts(user, on=on):
        window = by_counter.get(shift.counter_id)
        if window is not None:
            window.shift = shift
    _fill_drawers(windows)
    return Live(windows=windows, waits=waits_of(user))


def _shown_shifts(user: User, *, on: date) -> QuerySet[Shift]:
    """Not closed ones last, so that they stand for their counter."""
    shown = ~Q(state=ShiftState.CLOSED) if on == today() else Q(pk__in=[])
    return (
        shifts_visible_to(user)
        .filter(shown | Q(office_day__business_date=on))
        .select_related("clerk", "office_day", "counter")
        .annotate(is_live=Count("pk", filter=~Q(state=ShiftState.CLOSED)))
        .order_by("is_live", "office_day__business_date", "number")
    )


def _fill_drawers(windows: Sequence[Window]) -> None:
    shown = [one for one in windows if one.shift is not None]
    keys = [one.shift for one in shown if one.shift is not None]
    cash = shifts.expected_cash_of(keys)
    limits = policies_of([one.counter.office for one in shown])
    lines = CollectionLine.objects.filter(
        collection__shift__in=keys, payment__state=State.SUCCEEDED
    ).values("collection__shift")
    taken = {
        row["collection__shift"]: (row["count"], row["paise"])
        for row in lines.annotate(count=Count("pk"), paise=Sum("payment__amount_paise"))
    }
    held = Instrument.objects.filter(collection__shift__in=keys, state=PaperState.RECEIVED)
    papers = {
        row["collection__shift"]: (row["count"], row["paise"])
        for row in held.values("collection__shift").annotate(
            count=Count("pk"), paise=Sum("amount_paise")
        )
    }
    for one in shown:
        assert one.shift is not None  # noqa: S101 - chosen above
        one.cash_paise = cash[one.shift.pk]
        one.limit_paise = limits[one.counter.office_id].drawer_limit_paise
        one.receipts, one.receipts_paise = taken.get(one.shift.pk, (0, 0))
        one.papers, one.papers_paise = papers.get(one.shift.pk, (0, 0))


def waits_of(user: User) -> Waits:
    """What waits in the user's offices, the oldest first; at most so many of each."""
    moves = cash_moves_visible_to(user).filter(state=CashMove.State.ASKED)
    return Waits(
        overrides=list(
            overrides_visible_to(user)
            .filter(state=Override.State.ASKED, business_date=today())
            .select_related("counter", "maker")
            .order_by("pk")[:WAITS_SHOWN]
        ),
        moves=list(
            moves.exclude(kind__in=(CashMove.Kind.FLOAT, CashMove.Kind.TRANSFER))
            .select_related("office_day__office", "from_shift__counter", "maker")
            .order_by("pk")[:WAITS_SHOWN]
        ),
        differences=list(
            differences_visible_to(user)
            .filter(state=Difference.State.FOUND)
            .exclude(shift__state=ShiftState.COUNTING)
            .select_related("shift__counter", "shift__clerk")
            .order_by("pk")[:WAITS_SHOWN]
        ),
        counted=list(
            shifts_visible_to(user)
            .filter(state=ShiftState.COUNTED)
            .exclude(differences__state=Difference.State.FOUND)
            .select_related("counter", "clerk")
            .order_by("pk")[:WAITS_SHOWN]
        ),
        papers=list(
            instruments_visible_to(user)
            .filter(state=PaperState.HELD, due_on__lte=today())
            .select_related("counter")
            .order_by("due_on", "pk")[:WAITS_SHOWN]
        ),
        days=list(days_not_closed(user).order_by("business_date")[:WAITS_SHOWN]),
    )


def days_not_closed(user: Somebody) -> QuerySet[OfficeDay]:
    """Days before today of the user's offices that nobody has closed."""
    return (
        office_days_visible_to(user)
        .filter(state=OfficeDay.State.OPEN, business_date__lt=today())
        .select_related("office")
    )


def days_late(user: Somebody) -> int:
    """How many of them there are, for the navigation."""
    return days_not_closed(user).count()


# ---- a clerk's own history ----


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnShift:
    """One of a clerk's shifts, with what it took and what it differed by."""

    shift: Shift
    receipts: int
    paise: int
    cash_paise: int
    difference_paise: int
    is_hidden: bool


def own_shifts(shown: Sequence[Shift]) -> list[OwnShift]:
    """Sums of shifts, in three queries however many; hidden where the clerk must not see them."""
    lines = CollectionLine.objects.filter(
        collection__shift__in=shown, payment__state=State.SUCCEEDED
    ).values("collection__shift")
    sums = {
        row["collection__shift"]: (row["count"], row["paise"], row["cash"])
        for row in lines.annotate(
            count=Count("pk"),
            paise=Sum("payment__amount_paise"),
            cash=Sum("payment__amount_paise", filter=Q(payment__method=Method.CASH), default=0),
        )
    }
    rows = Difference.objects.filter(shift__in=shown).exclude(state=Difference.State.RECOUNTED)
    differs = dict(rows.values_list("shift").annotate(paise=Sum("amount_paise")))
    policies = policies_of([one.counter.office for one in shown])
    made = []
    for one in shown:
        count, paise, cash = sums.get(one.pk, (0, 0, 0))
        made.append(
            OwnShift(
                shift=one,
                receipts=count,
                paise=paise,
                cash_paise=cash,
                difference_paise=differs.get(one.pk, 0),
                is_hidden=shifts.totals_hidden(one, policies[one.counter.office_id]),
            )
        )
    return made
