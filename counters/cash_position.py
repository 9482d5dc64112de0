"""Where the cash and papers of the offices are now, summed up the tree of offices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from django.db.models import Count, F, QuerySet, Sum

from counters import shifts
from counters.deposits import in_open_shift
from counters.models import CashMove, Instrument, Shift
from counters.states import PaperState, ShiftState
from payments.models import Counter, Deposit, Payment
from payments.states import State
from people.access import Somebody, offices_of
from people.models import Office


@dataclass(slots=True)
class Sums:
    """What one office holds, or it and all below it."""

    drawers_paise: int = 0
    hidden: int = 0  # drawers that are being counted: their cash is left out
    safe_paise: int = 0
    waiting_paise: int = 0  # receipts of closed shifts that are on no slip
    underway_paise: int = 0  # on slips without the bank's stamp
    papers: int = 0  # with supervisors
    papers_paise: int = 0

    def add(self, other: "Sums") -> None:
        """Both together."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    @property
    def cash_paise(self) -> int:
        """Cash in the house."""
        return self.drawers_paise + self.safe_paise


@dataclass(slots=True, kw_only=True)
class Place:
    """An office in the tree."""

    office: Office
    depth: int
    own: Sums = field(default_factory=Sums)
    total: Sums = field(default_factory=Sums)
    has_counters: bool = False


def places(user: Somebody) -> list[Place]:
    """The offices one sees that have counters, and those above them, each with its sums.

    Eight queries however many offices there are.
    """
    seen = {office.pk: office for office in offices_of(user).order_by("path")}
    with_counters = set(
        Counter.objects.filter(office__in=seen).values_list("office", flat=True).distinct()
    )
    sums = _sums(seen)
    by_path = {office.path: Place(office=office, depth=0) for office in seen.values()}
    for office in seen.values():
        here = by_path[office.path]
        here.own = sums.get(office.pk, Sums())
        here.has_counters = office.pk in with_counters
        for path in _up(office.path):
            if path in by_path:
                by_path[path].total.add(here.own)
    shown = [
        place
        for path, place in by_path.items()
        if any(seen[key].path.startswith(path) for key in with_counters)
    ]
    for place in shown:
        place.depth = sum(path in by_path for path in _up(place.office.path)) - 1
    return shown


def _up(path: str) -> list[str]:
    """The path itself and those above it."""
    steps = path.strip("/").split("/")
    return ["/" + "/".join(steps[:end]) + "/" for end in range(1, len(steps) + 1)]


def _sums(offices: Mapping[int, Office]) -> dict[int, Sums]:
    found: dict[int, Sums] = {}

    def of(key: int) -> Sums:
        return found.setdefault(key, Sums())

    _add_drawers(of, offices)
    moves = CashMove.objects.filter(office_day__office__in=offices)
    for row in _grouped(
        moves.filter(to_safe=True, state=CashMove.State.DONE), "office_day__office"
    ):
        of(row["place"]).safe_paise += row["paise"]
    for row in _grouped(moves.filter(shifts.gone(), from_safe=True), "office_day__office"):
        of(row["place"]).safe_paise -= row["paise"]
    waits = Payment.objects.filter(
        ~in_open_shift(),
        counter__office__in=offices,
        channel__route="deposit",
        state=State.SUCCEEDED,
        deposit__isnull=True,
    )
    for row in _grouped(waits, "counter__office"):
        of(row["place"]).waiting_paise = row["paise"]
    left = Deposit.objects.filter(
        office__in=offices, slip__isnull=False, slip__stamped_at__isnull=True
    )
    for row in _grouped(left, "office"):
        of(row["place"]).underway_paise = row["paise"]
    held = Instrument.objects.filter(office__in=offices, state=PaperState.WITH_SUPERVISOR)
    for row in _grouped(held, "office"):
        of(row["place"]).papers, of(row["place"]).papers_paise = row["count"], row["paise"]
    return found


def _add_drawers(of: Any, offices: Iterable[int]) -> None:
    live = Shift.objects.filter(counter__office__in=offices).exclude(state=ShiftState.CLOSED)
    drawers = list(live.select_related("counter"))
    cash = shifts.expected_cash_of(drawers)
    for shift in drawers:
        if shift.state == ShiftState.COUNTING:
            of(shift.counter.office_id).hidden += 1
        else:
            of(shift.counter.office_id).drawers_paise += cash[shift.pk]


def _grouped(rows: QuerySet[Any, Any], place: str) -> QuerySet[Any, Any]:
    sums: QuerySet[Any, Any] = (
        rows.order_by()
        .values(place=F(place))
        .annotate(count=Count("pk"), paise=Sum("amount_paise"))
    )
    return sums
