"""What the pages of shifts and safes show: where a drawer stands, expected beside counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q, QuerySet, Sum

from counters import counts, shifts
from counters.models import CashMove, Difference, DrawerCount, Shift
from counters.policy import policy_of
from counters.states import ShiftState
from payments.models import Counter
from people.models import User

Kind = CashMove.Kind

# Moves of the closing itself: they empty the drawer and are no part of what led to the count.
_CLOSING: Final = (Kind.DIFFERENCE, Kind.HAND_IN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a drawer came to what it must hold."""

    came_paise: int  # floats and transfers
    taken_count: int
    taken_paise: int
    left_paise: int  # handed in, given away, paid out
    papers: Mapping[str, tuple[int, int]]

    @property
    def expected_paise(self) -> int:
        """Cash that must be there before it is counted and handed in."""
        return self.came_paise + self.taken_paise - self.left_paise


def standing(shift: Shift) -> Standing:
    """Where a drawer stands, the moves of its closing left out."""
    moves = CashMove.objects.filter(Q(to_shift=shift) | Q(from_shift=shift)).exclude(
        kind__in=_CLOSING
    )
    sums = moves.aggregate(
        came=Sum("amount_paise", filter=Q(to_shift=shift, state=CashMove.State.DONE)),
        left=Sum("amount_paise", filter=Q(from_shift=shift) & shifts.gone()),
    )
    count, paise = shifts.cash_taken(shift)
    return Standing(
        came_paise=sums["came"] or 0,
        taken_count=count,
        taken_paise=paise,
        left_paise=sums["left"] or 0,
        papers=shifts.expected_papers(shift),
    )


def is_hidden_from(user: User, shift: Shift) -> bool:
    """Whether this person must not see sums of the drawer now, as agreed or while counted."""
    if shift.clerk_id == user.pk:
        return shifts.totals_hidden(shift, policy_of(shift.counter.office))
    return shift.state == ShiftState.COUNTING


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Expected beside counted for one kind of money."""

    method: str
    pieces_expected: int | None
    pieces_counted: int | None
    expected_paise: int
    counted_paise: int

    @property
    def difference_paise(self) -> int:
        """Below zero is short."""
        return self.counted_paise - self.expected_paise

    @property
    def short_paise(self) -> int:
        """How much is missing, as people say it."""
        return -self.difference_paise


def compared(count: DrawerCount) -> list[Line]:
    """A count beside what was expected at that moment, cash first."""
    cash = Line(
        method=counts.CASH,
        pieces_expected=None,
        pieces_counted=None,
        expected_paise=count.expected_paise,
        counted_paise=count.cash_paise,
    )
    methods = dict.fromkeys([*count.expected_papers, *count.papers])
    return [cash, *(_paper(count, method) for method in methods)]


def _paper(count: DrawerCount, method: str) -> Line:
    expected = count.expected_papers.get(method, [0, 0])
    counted = count.papers.get(method, [0, 0])
    return Line(
        method=method,
        pieces_expected=expected[0],
        pieces_counted=counted[0],
        expected_paise=expected[1],
        counted_paise=counted[1],
    )


def moves_of(shift: Shift) -> QuerySet[CashMove]:
    """Every move of a drawer, the latest first."""
    rows = CashMove.objects.filter(Q(to_shift=shift) | Q(from_shift=shift))
    return rows.select_related("maker", "checker", "from_shift__clerk", "to_shift__clerk").order_by(
        "-pk"
    )


def drawers_beside(shift: Shift) -> QuerySet[Shift]:
    """The other open drawers of the office, to which cash may be given."""
    rows = Shift.objects.filter(counter__office=shift.counter.office, state=ShiftState.OPEN)
    return rows.exclude(pk=shift.pk).select_related("clerk", "counter").order_by("counter__code")


def floats_for(user: User, *, counters: Sequence[int]) -> QuerySet[CashMove]:
    """Floats that wait for this clerk, or lie in the drawer of one of these counters."""
    waiting = CashMove.objects.filter(kind=Kind.FLOAT, state=CashMove.State.ASKED)
    for_me = Q(receiver=user) | Q(receiver__isnull=True, counter__in=counters)
    offices = Counter.objects.filter(pk__in=counters).values("office")
    return (
        waiting.filter(for_me, office_day__office__in=offices)
        .select_related("maker", "counter")
        .order_by("receiver", "pk")
    )


def explained(count: DrawerCount) -> list[Difference]:
    """The differences of a count, in the order they were found."""
    rows = Difference.objects.filter(count=count).select_related("checker", "approver")
    return list(rows.order_by("pk"))


def sums_by_kind(moves: QuerySet[CashMove]) -> list[dict[str, Any]]:
    """Sum of the moves of each kind, for the line over a list."""
    rows = moves.order_by("kind").values("kind").annotate(paise=Sum("amount_paise"))
    return [{"label": Kind(row["kind"]).label, "paise": row["paise"]} for row in rows]
