"""A clerk's shift: opened, held while money is taken, and what its drawer must hold."""

from collections.abc import Mapping
from typing import ClassVar, Final

from django.db.models import Count, Q, Sum

from channels_.contract import Method
from counters.models import CashMove, Instrument, OfficePolicy, Shift
from counters.states import PaperState, ShiftState
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from payments.models import Counter, Payment
from payments.states import State
from people.models import User

# Its money has left the hand when it is asked for; a voucher is paid only once it is approved.
LEFT_WHEN_ASKED: Final = frozenset(
    {CashMove.Kind.DROP, CashMove.Kind.TRANSFER, CashMove.Kind.FLOAT}
)


class NoShift(DomainError):
    """The clerk has no shift at this counter today."""

    code: ClassVar[str] = "no_shift"


class ClosingBegun(DomainError):
    """The shift is being counted: nothing is taken or moved any more."""

    code: ClassVar[str] = "closing_begun"


class NotInDrawer(DomainError):
    """The drawer does not hold so much."""

    code: ClassVar[str] = "not_in_drawer"


# ---- who sits where ----


def shift_at(counter: Counter, *, clerk: User) -> Shift | None:
    """The clerk's live shift at a counter: open, or counted for the first time."""
    return (
        Shift.objects.select_related("office_day", "counter")
        .filter(_live(), counter=counter, clerk=clerk)
        .first()
    )


def shift_of(clerk: User) -> Shift | None:
    """The clerk's live shift, wherever it is."""
    rows = Shift.objects.select_related("office_day", "counter__office")
    return rows.filter(_live(), clerk=clerk).first()


def held_open(counter: Counter, *, clerk: User) -> Shift:
    """The clerk's open shift of today, locked until the commit. Lock the office day before."""
    rows = Shift.objects.select_for_update(of=("self",)).select_related("office_day")
    shift = rows.filter(_live(), counter=counter, clerk=clerk).first()
    if shift is None:
        raise NoShift(f"you have no shift at {counter.name}: open one first")
    if shift.state != ShiftState.OPEN:
        raise ClosingBegun("the shift is being counted: nothing more is taken in it")
    if shift.office_day.business_date != today():
        raise NoShift(
            f"the shift of {shift.office_day.business_date:%d-%m-%Y} is still open: close it first"
        )
    return shift


def _live() -> Q:
    return Q(state=ShiftState.OPEN) | Q(state=ShiftState.COUNTING, counted_at__isnull=True)


# ---- what must be in the drawer ----


def expected_cash(shift: Shift) -> int:
    """Cash that the drawer must hold: moves in, less moves out, and the receipts that stand."""
    moves = CashMove.objects.filter(Q(to_shift=shift) | Q(from_shift=shift)).aggregate(
        came=Sum("amount_paise", filter=Q(to_shift=shift, state=CashMove.State.DONE)),
        left=Sum("amount_paise", filter=Q(from_shift=shift) & gone()),
    )
    taken = cash_taken(shift)[1]
    return (moves["came"] or 0) - (moves["left"] or 0) + taken


def gone() -> Q:
    """Moves whose money is no longer where they come from."""
    return Q(state=CashMove.State.DONE) | Q(state=CashMove.State.ASKED, kind__in=LEFT_WHEN_ASKED)


def cash_taken(shift: Shift) -> tuple[int, int]:
    """Count and sum of the cash receipts of a shift that stand."""
    sums = Payment.objects.filter(
        collection_line__collection__shift=shift, method=Method.CASH, state=State.SUCCEEDED
    ).aggregate(count=Count("pk"), paise=Sum("amount_paise"))
    return sums["count"], sums["paise"] or 0


def expected_papers(shift: Shift) -> Mapping[str, tuple[int, int]]:
    """Count and sum of the papers the clerk must hold, by method."""
    rows = (
        Instrument.objects.filter(collection__shift=shift, state=PaperState.RECEIVED)
        .values("method")
        .annotate(count=Count("pk"), paise=Sum("amount_paise"))
        .order_by("method")
    )
    return {row["method"]: (row["count"], row["paise"]) for row in rows}


def totals_hidden(shift: Shift, policy: OfficePolicy) -> bool:
    """Whether the clerk must not see sums of this drawer: by policy; always while it is counted.

    Once the count is in there is nothing to hide any more.
    """
    if shift.state == ShiftState.OPEN:
        return not policy.shows_running_total
    return shift.state == ShiftState.COUNTING


def is_over_limit(shift: Shift, policy: OfficePolicy) -> bool:
    """Whether the drawer holds more than the office wants in it."""
    return expected_cash(shift) > policy.drawer_limit_paise


def check_can_give(shift: Shift, paise: int, *, policy: OfficePolicy) -> None:
    """NotInDrawer when cash is to leave a locked drawer that does not hold it.

    How much is there is said only where the clerk may know.
    """
    there = expected_cash(shift)
    if paise <= there:
        return
    if totals_hidden(shift, policy):
        raise NotInDrawer("the drawer does not hold so much")
    raise NotInDrawer(f"the drawer holds {grouped_rupees(there)}, not {grouped_rupees(paise)}")
