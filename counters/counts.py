"""The count at close: nothing is told before it is in, and it is never changed afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from counters import seconds, shifts
from counters.devices import check_all_came
from counters.models import CashMove, Difference, DrawerCount, Shift
from counters.paper.cash import Denominations
from counters.states import ShiftState
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import PAISE_MAX
from people.models import User
from people.roles import SUPERVISOR

CASH: Final = "cash"  # the method of a difference in notes and coins
_PIECES_MAX: Final = 100_000


class MovesWait(DomainError):
    """Cash is on its way into or out of the drawer: it cannot be counted yet."""

    code: ClassVar[str] = "moves_wait"


class CountRefused(DomainError):
    """The count cannot be taken like this."""

    code: ClassVar[str] = "count_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What somebody found in a drawer: notes and coins, and papers as (pieces, paise)."""

    denominations: Mapping[str, object]
    papers: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    torn_count: int = 0


@transaction.atomic
def begin_close(shift: Shift, *, by: User) -> Shift:
    """Begin to close: from here on nothing is taken, and totals are hidden. Twice is once."""
    held = shifts.held(shift)
    _check_counts(held, by)
    if held.state == ShiftState.COUNTING:
        return held
    touching = CashMove.objects.filter(Q(from_shift=held) | Q(to_shift=held))
    if touching.filter(state=CashMove.State.ASKED).exists():
        raise MovesWait(_("Cash of this drawer waits for an answer: have it answered first."))
    check_all_came(held)
    return shifts.move(held, to=ShiftState.COUNTING, by=by)


@transaction.atomic
def submit_count(shift: Shift, *, by: User, counted: Counted) -> DrawerCount:
    """Keep a count beside what was expected, with each difference; only then it may be shown."""
    held = shifts.held(shift)
    _check_counts(held, by)
    if held.state != ShiftState.COUNTING:
        raise CountRefused(_("This shift is not being counted: its count is in, or not begun."))
    on = held.office_day.business_date
    notes = Denominations.read(counted.denominations, on=on)
    papers = _papers(counted.papers)
    if not 0 <= counted.torn_count <= _PIECES_MAX:
        raise CountRefused(_("That many torn notes cannot be."))
    is_again = held.counted_at is not None
    count = DrawerCount.objects.create(
        shift=held,
        kind=DrawerCount.Kind.RECOUNT if is_again else DrawerCount.Kind.CLOSING,
        denominations=notes.as_json(),
        cash_paise=notes.paise,
        torn_count=counted.torn_count,
        papers=papers,
        expected_paise=shifts.expected_cash(held),
        expected_papers={name: list(one) for name, one in shifts.expected_papers(held).items()},
        by=by,
    )
    Difference.objects.bulk_create(
        Difference(shift=held, count=count, method=method, amount_paise=paise)
        for method, paise in found(count).items()
    )
    shifts.move(held, to=ShiftState.COUNTED, by=by)
    return count


def found(count: DrawerCount) -> dict[str, int]:
    """Counted less expected by method, where it is not zero."""
    counted = {CASH: count.cash_paise, **{name: one[1] for name, one in count.papers.items()}}
    expected = {
        CASH: count.expected_paise,
        **{name: one[1] for name, one in count.expected_papers.items()},
    }
    methods = dict.fromkeys([*expected, *counted])
    differences = {name: counted.get(name, 0) - expected.get(name, 0) for name in methods}
    return {name: paise for name, paise in differences.items() if paise}


def latest(shift: Shift) -> DrawerCount | None:
    """The count at close that holds: the last one."""
    counts = DrawerCount.objects.filter(shift=shift).exclude(kind=DrawerCount.Kind.FLOAT)
    return counts.select_related("by").order_by("-pk").first()


def _check_counts(shift: Shift, by: User) -> None:
    """The clerk counts; in their absence a supervisor of the office, who then cannot accept."""
    if by.pk != shift.clerk_id:
        seconds.check_role(by, office=shift.counter.office, roles=(SUPERVISOR,))


def _papers(told: Mapping[str, tuple[int, int]]) -> dict[str, list[int]]:
    for pieces, paise in told.values():
        if not 0 <= pieces <= _PIECES_MAX or not 0 <= paise <= PAISE_MAX:
            raise CountRefused(_("Expected how many papers there are, and their sum."))
        if (pieces == 0) != (paise == 0):
            raise CountRefused(_("Papers have a number and a sum, or neither."))
    return {name: [pieces, paise] for name, (pieces, paise) in told.items() if pieces}
