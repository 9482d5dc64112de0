"""Whether receipt numbers are gapless: what each series has given, and which numbers it lacks.

A number that no receipt has is in the hands of a counter without network, waits for a person with
its item, was voided by two, went down with a lost window, or is missing: only the last breaks the
proof.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.db import connection
from django.db.models import Count, Max, Min, Q, QuerySet

from counters.devices import UNPROVEN
from counters.models import Device, NumberRange, OfflineItem
from payments.models import Counter, Receipt, ReceiptSeries
from people.models import Office

MISSING: Final = "missing"
VOIDED: Final = "voided"
WAITS: Final = "waits"
LOST: Final = "lost"
RESERVED: Final = "reserved"
_NAMED_MAX: Final = 10_000  # missing numbers that are looked at one by one


@dataclass(frozen=True, slots=True, order=True)
class Hole:
    """Numbers without a receipt, from the first to the last, and why there is none."""

    first: int
    last: int
    why: str = MISSING

    @property
    def count(self) -> int:
        """How many numbers it is."""
        return self.last - self.first + 1

    @property
    def words(self) -> str:
        """``17`` or ``20 - 23``."""
        return str(self.first) if self.first == self.last else f"{self.first} - {self.last}"


@dataclass(slots=True)
class Run:
    """The numbers of one series in one financial year."""

    series: str
    year: str
    office: Office | None = None
    first: int = 0
    last: int = 0
    issued: int = 0
    cancelled: int = 0
    last_given: int | None = None  # as the series itself remembers; none: it knows nothing
    holes: list[Hole] = field(default_factory=list)

    def held_back(self, *why: str) -> int:
        """How many numbers have no receipt for these reasons."""
        return sum(one.count for one in self.holes if one.why in why)

    @property
    def is_gapless(self) -> bool:
        """Every number from 1 to the last was given once, and the next will be the one after."""
        return not self.held_back(MISSING) and (self.last_given or 0) >= self.last


def read(year: str, *, offices: QuerySet[Office] | None) -> list[Run]:
    """The series of a year by name: of these offices' counters, or of everything without them."""
    homes = _homes(offices)
    receipts = Receipt.objects.filter(year=year)
    known = ReceiptSeries.objects.filter(year=year)
    if offices is not None:
        receipts, known = receipts.filter(series__in=homes), known.filter(series__in=homes)
    runs: dict[str, Run] = {}
    for row in known:
        runs[row.series] = Run(series=row.series, year=year, last_given=row.last_number)
    sums = (
        receipts.order_by()
        .values("series")
        .annotate(
            first=Min("number"),
            last=Max("number"),
            issued=Count("pk"),
            cancelled=Count("pk", filter=Q(cancelled_at__isnull=False)),
        )
    )
    for sum_ in sums:
        run = runs.setdefault(sum_["series"], Run(series=sum_["series"], year=year))
        run.first, run.last = sum_["first"], sum_["last"]
        run.issued, run.cancelled = sum_["issued"], sum_["cancelled"]
    for run in runs.values():
        run.office = homes.get(run.series)
    _look_for_holes(runs, year)
    return sorted(runs.values(), key=_by_name)


def _by_name(run: Run) -> tuple[str, str]:
    return run.office.path if run.office else "", run.series


def _homes(offices: QuerySet[Office] | None) -> dict[str, Office]:
    """The office of each series of a counter, and of each device that goes on offline there."""
    counters = Counter.objects.select_related("office")
    devices = Device.objects.select_related("counter__office")
    if offices is not None:
        counters = counters.filter(office__in=offices)
        devices = devices.filter(counter__office__in=offices)
    homes = {counter.code.upper(): counter.office for counter in counters}
    return homes | {device.series: device.counter.office for device in devices}


def _look_for_holes(runs: Mapping[str, Run], year: str) -> None:
    """Only series whose count is not their last number are read number by number."""
    broken = [run for run in runs.values() if run.issued != max(run.last, run.last_given or 0)]
    if not broken:
        return
    found = _holes([run.series for run in broken], year)
    for run in broken:
        holes = found.get(run.series, [])
        upto = max(run.last, run.last_given or 0)
        if upto > run.last:
            holes.append(Hole(run.last + 1, upto))
        run.holes = _explained(run, holes)


def _holes(series: Sequence[str], year: str) -> dict[str, list[Hole]]:
    found: dict[str, list[Hole]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH numbers AS (
                SELECT series, number, lag(number, 1, 0::bigint) OVER in_order AS before
                FROM payments_receipt
                WHERE year = %s AND series = ANY(%s)
                WINDOW in_order AS (PARTITION BY series ORDER BY number)
            )
            SELECT series, before + 1, number - 1 FROM numbers WHERE number > before + 1
            ORDER BY series, number
            """,
            [year, list(series)],
        )
        for name, first, last in cursor.fetchall():
            found.setdefault(name, []).append(Hole(first, last))
    return found


def _explained(run: Run, holes: Sequence[Hole]) -> list[Hole]:
    """The same numbers, cut by why they have no receipt."""
    if not Device.objects.filter(series=run.series).exists():
        return list(holes)
    if sum(hole.count for hole in holes) > _NAMED_MAX:
        return list(holes)
    told = _told_offline(run)
    ranges = list(NumberRange.objects.filter(device__series=run.series, year=run.year))
    reasons = (
        (number, told.get(number) or _of_range(number, ranges))
        for hole in holes
        for number in range(hole.first, hole.last + 1)
    )
    return _joined(reasons)


def _told_offline(run: Run) -> dict[int, str]:
    """Numbers that a window has sent with an item which is no receipt."""
    state = OfflineItem.State
    items = OfflineItem.objects.filter(
        device__series=run.series, year=run.year, receipt_number__isnull=False
    )
    # What nobody has signed says nothing of the number it claims.
    items = items.exclude(problem__in=UNPROVEN).exclude(state=state.TAKEN)
    rows = items.order_by("pk").values_list("receipt_number", "state")
    return {number or 0: VOIDED if is_now == state.VOID else WAITS for number, is_now in rows}


def _of_range(number: int, ranges: Iterable[NumberRange]) -> str:
    """What a window says of a number for which nothing came: lost, not given yet, or missing."""
    for one in ranges:
        if one.first <= number <= one.last:
            if one.is_lost:
                return LOST
            if one.returned_at is None or number > one.used_until:
                return RESERVED
    return MISSING


def _joined(reasons: Iterable[tuple[int, str]]) -> list[Hole]:
    """Neighbours of one reason as one hole."""
    holes: list[Hole] = []
    for number, why in reasons:
        before = holes[-1] if holes else None
        if before is not None and before.last + 1 == number and before.why == why:
            holes[-1] = Hole(before.first, number, why)
        else:
            holes.append(Hole(number, number, why))
    return holes
