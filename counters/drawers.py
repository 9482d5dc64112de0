"""Cash that leaves or reaches a drawer other than by a receipt, each move by two persons."""

from collections.abc import Mapping
from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from counters import days, safe, seconds, shifts
from counters.models import CashMove, DrawerCount, Shift
from counters.paper.cash import CountDiffers, Denominations
from counters.policy import policy_of
from counters.safe import record, sent_before
from counters.states import ShiftState
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import DomainError
from payments.models import Counter
from people import audit
from people.models import User
from people.roles import CLERK, FINANCE, SUPERVISOR

Kind = CashMove.Kind
State = CashMove.State

# Who answers, by what is asked; floats and transfers are answered by who receives them.
_ANSWERED_BY: Final = {
    Kind.DROP: (SUPERVISOR,),
    Kind.PAID_OUT: (SUPERVISOR,),
    Kind.OPENING: (SUPERVISOR, *FINANCE),
    Kind.CORRECTION: (SUPERVISOR, *FINANCE),
}
_COUNTED_BY_BOTH: Final = frozenset({Kind.DROP, Kind.TRANSFER})


class MoveRefused(DomainError):
    """The move cannot be asked for or answered like this."""

    code: ClassVar[str] = "move_refused"


# ---- asking ----


@transaction.atomic
def hand_in(
    shift: Shift, *, clerk: User, counted: Mapping[str, object], submit_key: str
) -> CashMove:
    """Hand cash in to the safe; it has left the drawer, and is there once the supervisor counts."""
    notes = Denominations.read(counted, on=today())
    return _ask(
        shift,
        clerk=clerk,
        move=CashMove(
            kind=Kind.DROP,
            amount_paise=notes.paise,
            to_safe=True,
            denominations=notes.as_json(),
            submit_key=submit_key,
        ),
    )


@transaction.atomic
def give_to(
    shift: Shift, *, to: Shift, clerk: User, counted: Mapping[str, object], submit_key: str
) -> CashMove:
    """Give cash to another clerk's drawer of the office; it arrives when they have counted it."""
    notes = Denominations.read(counted, on=today())
    if to.pk == shift.pk or to.counter.office_id != shift.counter.office_id:
        raise MoveRefused(_("Cash goes to another drawer of the same office."))
    return _ask(
        shift,
        clerk=clerk,
        to=to,
        move=CashMove(
            kind=Kind.TRANSFER,
            amount_paise=notes.paise,
            denominations=notes.as_json(),
            submit_key=submit_key,
        ),
    )


@transaction.atomic
def ask_paid_out(
    shift: Shift, *, clerk: User, amount_paise: int, voucher: str, reason: str, submit_key: str
) -> CashMove:
    """Ask to pay something from the drawer; no cash leaves before the supervisor approves."""
    if not voucher.strip() or not reason.strip():
        raise MoveRefused(_("A paid-out needs its voucher number and a reason."))
    return _ask(
        shift,
        clerk=clerk,
        move=CashMove(
            kind=Kind.PAID_OUT,
            amount_paise=amount_paise,
            voucher=voucher.strip(),
            reason=reason.strip(),
            submit_key=submit_key,
        ),
    )


def _ask(shift: Shift, *, clerk: User, move: CashMove, to: Shift | None = None) -> CashMove:
    move.office_day = days.held(shift.office_day)
    here, *there = shifts.held_many([shift] if to is None else [shift, to])
    sent = sent_before(clerk, move.submit_key, amount_paise=move.amount_paise, kind=Kind(move.kind))
    if sent is not None:
        return sent
    if here.clerk_id != clerk.pk:
        raise seconds.NotYours(_("This is the drawer of somebody else."))
    _check_open(here, *there)
    if move.amount_paise <= 0:
        raise MoveRefused(_("More than zero is expected."))
    shifts.check_can_give(here, move.amount_paise, policy=policy_of(here.counter.office))
    move.state = State.ASKED
    move.from_shift, move.to_shift, move.maker = here, next(iter(there), None), clerk
    return record(move)


def _check_open(*held: Shift) -> None:
    for shift in held:
        if shift.state != ShiftState.OPEN:
            words = _("The shift at %(counter)s is not open any more.")
            raise shifts.ClosingBegun(words % {"counter": shift.counter.name})


# ---- answering ----


@transaction.atomic
def confirm(move: CashMove, *, by: User, counted: Mapping[str, object] | None = None) -> CashMove:
    """Answer yes. What changes hands is counted by who gets it, and refused when it differs."""
    held = _held(move)
    _check_may_answer(held, by)
    if held.kind == Kind.FLOAT:
        raise MoveRefused(_("A float is taken by its clerk, who counts it."))
    if held.kind == Kind.CORRECTION and held.from_safe:
        safe.check_can_give(held.office_day.office, held.amount_paise)
    if held.kind in _COUNTED_BY_BOTH:
        notes = Denominations.read(counted or {}, on=today())
        if notes.paise != held.amount_paise:
            raise CountDiffers(_("You counted another sum than was handed over. Count again."))
    if held.to_shift is not None:
        _check_open(held.to_shift)
    if held.kind == Kind.PAID_OUT and held.from_shift is not None:
        _check_open(held.from_shift)
        policy = policy_of(held.office_day.office)
        shifts.check_can_give(held.from_shift, held.amount_paise, policy=policy)
    return _answer(held, to=State.DONE, by=by)


@transaction.atomic
def refuse(move: CashMove, *, by: User, reason: str) -> CashMove:
    """Answer no, with the reason; the money is where it came from. Who asked may take it back."""
    held = _held(move)
    if not reason.strip():
        raise MoveRefused(_("Say why."))
    if held.maker_id != by.pk:
        _check_may_answer(held, by)
    held.reason = f"{held.reason}; {reason.strip()}"[:200] if held.reason else reason.strip()[:200]
    return _answer(held, to=State.REFUSED, by=by)


@transaction.atomic
def open_with(
    counter: Counter, *, clerk: User, float_move: CashMove, counted: Mapping[str, object]
) -> Shift:
    """Open a shift with the float that waits for the clerk, once they have counted it; or neither.

    A count of another sum refuses the float there and then.
    """
    shift = shifts.open_shift(counter, clerk=clerk)
    take_float(float_move, into=shift, by=clerk, counted=counted)
    return shift


@transaction.atomic
def take_float(move: CashMove, *, into: Shift, by: User, counted: Mapping[str, object]) -> CashMove:
    """Take a float that waits into an open drawer, once its clerk has counted it."""
    shift = shifts.held(into)
    rows = CashMove.objects.select_for_update(of=("self",)).select_related("office_day")
    held = rows.get(pk=move.pk)
    if held.kind != Kind.FLOAT or held.state != State.ASKED:
        raise MoveRefused(_("The float was answered already."))
    if shift.clerk_id != by.pk or not is_for(held, shift):
        raise seconds.NotYours(_("This float waits for somebody else."))
    if held.maker_id == by.pk:
        raise seconds.NotYours(_("Nobody gives a float to themselves."))
    _check_open(shift)
    notes = Denominations.read(counted, on=today())
    if notes.paise != held.amount_paise:
        raise CountDiffers(
            _("The float is not what you counted. Have it put right, then count again.")
        )
    expected = shifts.expected_cash(shift) + held.amount_paise
    if not DrawerCount.objects.filter(shift=shift).exists():
        DrawerCount.objects.create(
            shift=shift,
            kind=DrawerCount.Kind.FLOAT,
            denominations=notes.as_json(),
            cash_paise=notes.paise,
            expected_paise=expected,
            by=by,
        )
    held.to_shift = shift
    return _answer(held, to=State.DONE, by=by)


def is_for(move: CashMove, shift: Shift) -> bool:
    """Whether a float waits for this clerk, or lies in the drawer of this counter."""
    if move.office_day.office_id != shift.counter.office_id:  # out of the safe of another office
        return False
    if move.receiver_id is not None:
        return move.receiver_id == shift.clerk_id
    return move.counter_id == shift.counter_id


def _held(move: CashMove) -> CashMove:
    """The move with all it touches, locked in the order of the house; still to be answered."""
    known = CashMove.objects.select_related("office_day__office", "from_shift", "to_shift").get(
        pk=move.pk
    )
    if known.kind == Kind.FLOAT:  # it may lie in its drawer over the closing of the day
        days.office_day(known.office_day.office, on=today())
    else:
        days.held(known.office_day)
    touched = [shift for shift in (known.from_shift, known.to_shift) if shift is not None]
    by_key = {shift.pk: shift for shift in shifts.held_many(touched)}
    held = CashMove.objects.select_for_update(of=("self",)).get(pk=move.pk)
    if held.state != State.ASKED:
        raise MoveRefused(_("It was answered already."))
    held.from_shift = by_key.get(held.from_shift_id or 0)
    held.to_shift = by_key.get(held.to_shift_id or 0)
    return held


def _check_may_answer(move: CashMove, by: User) -> None:
    office = move.office_day.office
    if move.kind == Kind.TRANSFER:
        if move.to_shift is None or move.to_shift.clerk_id != by.pk:
            raise seconds.NotYours(_("Who gets the cash counts it."))
        seconds.check_role(by, office=office, roles=(CLERK, SUPERVISOR))
        return
    if move.kind == Kind.FLOAT:  # taken by take_float; here a supervisor puts it back
        seconds.check_second(by, office=office, roles=(SUPERVISOR,), but=[])
        return
    drawer = move.from_shift.clerk_id if move.from_shift else None
    seconds.check_second(
        by, office=office, roles=_ANSWERED_BY[Kind(move.kind)], but=[move.maker_id, drawer]
    )


def _answer(held: CashMove, *, to: CashMove.State, by: User) -> CashMove:
    held.state, held.checked_at = to, now()
    held.checker = by if held.maker_id != by.pk else None  # taken back by who asked
    held.save(update_fields=["state", "checked_at", "checker", "reason", "to_shift"])
    facts = {"kind": held.kind, "state": held.state, "amount_paise": held.amount_paise}
    audit.record(by, "cash.answered", held, after=facts, office=held.office_day.office)
    return held
