"""A clerk's shift: opened, held while money is taken, and what its drawer must hold.

Locks, in this order: the office day, the shift (two of them by key), the cash move.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from django.db import transaction
from django.db.models import Count, Max, Q, Sum
from django.utils.translation import gettext as _

from channels_.contract import Method
from counters import days, seconds
from counters.models import CashMove, Instrument, OfficePolicy, Shift
from counters.policy import policy_of
from counters.states import SHIFT_TRANSITIONS, PaperState, ShiftState
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from payments.actions import lock_words
from payments.models import Counter, Payment
from payments.states import State
from people import audit
from people.access import Somebody, has_role
from people.models import User
from people.roles import CLERK, READERS, SUPERVISOR

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


class AlreadyOpen(DomainError):
    """The clerk or the counter has a shift already."""

    code: ClassVar[str] = "already_open"


class IllegalStep(DomainError):
    """The shift may not go there from where it is."""

    code: ClassVar[str] = "shift_cannot_go_there"


class NotInDrawer(DomainError):
    """The drawer does not hold so much."""

    code: ClassVar[str] = "not_in_drawer"


# ---- its life ----


@transaction.atomic
def open_shift(counter: Counter, *, clerk: User) -> Shift:
    """Open a shift of today with an empty drawer; a float is counted into it by drawers."""
    seconds.check_role(clerk, office=counter.office, roles=(CLERK, SUPERVISOR))
    if not counter.is_open or not counter.keeps_shifts:
        raise NoShift(_("%(counter)s is not open for shifts.") % {"counter": counter.name})
    day = days.office_day(counter.office, on=today())
    lock_words([f"shift of user {clerk.pk}", f"shift at counter {counter.pk}"])
    _check_nobody_there(counter, clerk)
    numbers = Shift.objects.filter(counter=counter, office_day=day)
    last = numbers.aggregate(last=Max("number"))["last"] or 0
    shift = Shift.objects.create(counter=counter, clerk=clerk, office_day=day, number=last + 1)
    _record(shift, "shift.opened", by=clerk)
    return shift


def _check_nobody_there(counter: Counter, clerk: User) -> None:
    live = Shift.objects.filter(_live()).select_related("counter", "clerk", "office_day")
    for shift in live.filter(Q(counter=counter) | Q(clerk=clerk)):
        facts = {
            "clerk": shift.clerk.get_full_name(),
            "counter": shift.counter.name,
            "day": f"{shift.office_day.business_date:%d-%m-%Y}",
        }
        if shift.clerk_id == clerk.pk:
            words = _("Your shift at %(counter)s of %(day)s is not counted yet.")
        else:
            words = _("%(clerk)s has a shift at %(counter)s of %(day)s that is not counted yet.")
        raise AlreadyOpen(words % facts)


def held(shift: Shift) -> Shift:
    """A shift as it is now, locked with its office day until the commit."""
    days.held(shift.office_day)
    return held_many([shift])[0]


def held_many(shifts: list[Shift]) -> list[Shift]:
    """Shifts of locked days, locked by key, in the order asked."""
    keys = [shift.pk for shift in shifts]
    rows = Shift.objects.select_for_update(of=("self",)).order_by("pk")
    by_key = rows.select_related("office_day", "counter__office", "clerk").in_bulk(keys)
    return [by_key[key] for key in keys]


def move(shift: Shift, *, to: ShiftState, by: User, why: str = "") -> Shift:
    """Take a locked shift one step along its life. The caller has checked who may."""
    was = ShiftState(shift.state)
    if to not in SHIFT_TRANSITIONS[was]:
        words = _("The shift is %(was)s already: nothing was changed.")
        raise IllegalStep(words % {"was": was.label})
    moment = now()
    shift.state = to
    if to == ShiftState.COUNTING:
        shift.counting_at = moment
    elif to == ShiftState.COUNTED:
        shift.counted_at = shift.counted_at or moment
    else:
        shift.closed_at, shift.closed_by = moment, by
    shift.save(update_fields=["state", "counting_at", "counted_at", "closed_at", "closed_by"])
    _record(shift, f"shift.{to.value}", by=by, why=why)
    return shift


def _record(shift: Shift, action: str, *, by: User, why: str = "") -> None:
    facts = {"counter": shift.counter.code, "number": shift.number}
    office = shift.counter.office
    audit.record(by, action, shift, after={**facts, "why": why} if why else facts, office=office)


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
    rows = Shift.objects.select_for_update(of=("self",)).select_related("office_day", "counter")
    shift = rows.filter(_live(), counter=counter, clerk=clerk).first()
    if shift is None:
        words = _("You have no shift at %(counter)s: open one first.")
        raise NoShift(words % {"counter": counter.name})
    if shift.state != ShiftState.OPEN:
        raise ClosingBegun(_("The shift is being counted: nothing more is taken in it."))
    if shift.office_day.business_date != today():
        words = _("The shift of %(day)s is still open: close it first.")
        raise NoShift(words % {"day": f"{shift.office_day.business_date:%d-%m-%Y}"})
    return shift


def held_still_open(shift: Shift) -> Shift:
    """An open shift of whatever day, locked until the commit: its window was offline for a time.

    Lock its office day before.
    """
    rows = Shift.objects.select_for_update(of=("self",)).select_related("office_day", "counter")
    found = rows.get(pk=shift.pk)
    if found.state != ShiftState.OPEN:
        raise ClosingBegun(_("The shift is counted or closed: nothing more is taken in it."))
    return found


def _live() -> Q:
    return Q(state=ShiftState.OPEN) | Q(state=ShiftState.COUNTING, counted_at__isnull=True)


# ---- what must be in the drawer ----


def expected_cash(shift: Shift) -> int:
    """Cash that the drawer must hold: moves in, less moves out, and the receipts that stand."""
    return expected_cash_of([shift])[shift.pk]


def expected_cash_of(chosen: Sequence[Shift]) -> dict[int, int]:
    """The same for many drawers, by the shift's id, in three queries however many they are."""
    keys = [shift.pk for shift in chosen]
    expected = dict.fromkeys(keys, 0)
    came = CashMove.objects.filter(to_shift__in=keys, state=CashMove.State.DONE)
    for row in came.values("to_shift").annotate(paise=Sum("amount_paise")):
        expected[row["to_shift"]] += row["paise"]
    left = CashMove.objects.filter(gone(), from_shift__in=keys)
    for gave in left.values("from_shift").annotate(paise=Sum("amount_paise")):
        expected[gave["from_shift"]] -= gave["paise"]
    place = "collection_line__collection__shift"
    taken = Payment.objects.filter(
        method=Method.CASH, state=State.SUCCEEDED, **{f"{place}__in": keys}
    )
    for sums in taken.values(place).annotate(paise=Sum("amount_paise")):
        expected[sums[place]] += sums["paise"]
    return expected


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


def hides_sums(user: Somebody) -> bool:
    """Whether lists keep sums from a clerk: they would tell what the open drawer holds."""
    if not isinstance(user, User) or has_role(user, SUPERVISOR, *READERS):
        return False
    shift = shift_of(user)
    return shift is not None and totals_hidden(shift, policy_of(shift.counter.office))


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
        raise NotInDrawer(_("The drawer does not hold so much."))
    words = _("The drawer holds %(there)s, not %(asked)s.")
    raise NotInDrawer(words % {"there": grouped_rupees(there), "asked": grouped_rupees(paise)})
