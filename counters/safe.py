"""The office's safe: a ledger of moves whose sum it must hold, and what a count puts right."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _

from counters import days, seconds
from counters.models import CashMove
from counters.paper.cash import Denominations
from counters.shifts import gone
from cspdcl.kernel.clock import INDIA, today
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from payments.actions import SubmittedBefore, lock_words
from payments.models import Counter
from people import audit
from people.models import Office, User
from people.roles import SUPERVISOR


class NotInSafe(DomainError):
    """The safe does not hold so much."""

    code: ClassVar[str] = "not_in_safe"


class SafeRefuses(DomainError):
    """The safe cannot be opened or corrected like this."""

    code: ClassVar[str] = "safe_refuses"


def position(office: Office) -> int:
    """What the safe must hold: all that came, less all that left."""
    of_office = CashMove.objects.filter(office_day__office=office)
    sums = of_office.aggregate(
        came=Sum("amount_paise", filter=Q(to_safe=True, state=CashMove.State.DONE)),
        left=Sum("amount_paise", filter=Q(from_safe=True) & gone()),
    )
    return (sums["came"] or 0) - (sums["left"] or 0)


def came_back_late(office: Office) -> QuerySet[Any, Any]:
    """Floats that nobody took and that came back after their day, with the day they did.

    On their own day they have left the safe, whatever that day was closed with stays true.
    """
    moves = CashMove.objects.filter(
        office_day__office=office, kind=CashMove.Kind.FLOAT, state=CashMove.State.REFUSED
    ).annotate(came_back_on=TruncDate("checked_at", tzinfo=INDIA))
    return moves.filter(came_back_on__gt=F("office_day__business_date"))


def held_position(office: Office) -> int:
    """The same, held until the commit: whoever takes money out of the safe takes turns on it."""
    lock_words([f"safe of office {office.pk}"])
    return position(office)


def check_can_give(office: Office, paise: int) -> None:
    """NotInSafe when the safe does not hold what is to leave it."""
    there = held_position(office)
    if paise > there:
        words = _("The safe holds %(there)s, not %(asked)s.")
        raise NotInSafe(words % {"there": grouped_rupees(there), "asked": grouped_rupees(paise)})


@transaction.atomic
def issue_float(
    office: Office,
    *,
    amount_paise: int,
    by: User,
    submit_key: str,
    receiver: User | None = None,
    counter: Counter | None = None,
    denominations: Mapping[str, int] | None = None,
) -> CashMove:
    """Take a float out of the safe for a clerk, or leave it in a counter's drawer for the next."""
    seconds.check_role(by, office=office, roles=(SUPERVISOR,))
    if receiver is None and counter is None:
        raise SafeRefuses(_("A float is for a clerk, or for whoever comes to a counter."))
    if counter is not None and counter.office_id != office.pk:
        words = _("%(counter)s is not a counter of this office.")
        raise SafeRefuses(words % {"counter": counter.name})
    day = days.office_day(office, on=today())
    known = sent_before(by, submit_key, amount_paise=amount_paise, kind=CashMove.Kind.FLOAT)
    if known is not None:
        return known
    if receiver is not None and receiver.pk == by.pk:
        raise SafeRefuses(_("Nobody gives a float to themselves."))
    check_can_give(office, amount_paise)
    return record(
        CashMove(
            submit_key=submit_key,
            office_day=day,
            kind=CashMove.Kind.FLOAT,
            state=CashMove.State.ASKED,
            amount_paise=amount_paise,
            from_safe=True,
            receiver=receiver,
            counter=counter,
            denominations=dict(denominations or {}),
            maker=by,
        )
    )


@transaction.atomic
def ask_opening(
    office: Office, *, counted: Mapping[str, object], by: User, submit_key: str
) -> CashMove:
    """Say what lies in a safe that was never counted; it holds so much once another confirms."""
    seconds.check_role(by, office=office, roles=(SUPERVISOR,))
    day = days.office_day(office, on=today(), lock="update")
    notes = Denominations.read(counted, on=today())
    known = sent_before(by, submit_key, amount_paise=notes.paise, kind=CashMove.Kind.OPENING)
    if known is not None:
        return known
    before = CashMove.objects.filter(office_day__office=office, kind=CashMove.Kind.OPENING)
    if before.exclude(state=CashMove.State.REFUSED).exists():
        raise SafeRefuses(_("The safe was counted for the first time already."))
    if not notes.paise:
        raise SafeRefuses(_("An empty safe needs no first count."))
    return record(
        CashMove(
            submit_key=submit_key,
            office_day=day,
            kind=CashMove.Kind.OPENING,
            state=CashMove.State.ASKED,
            amount_paise=notes.paise,
            to_safe=True,
            denominations=notes.as_json(),
            maker=by,
        )
    )


@transaction.atomic
def ask_correction(
    office: Office, *, counted: Mapping[str, object], reason: str, by: User, submit_key: str
) -> CashMove:
    """Ask that the safe's books follow a count of it; nothing moves before a second person."""
    seconds.check_role(by, office=office, roles=(SUPERVISOR,))
    if not reason.strip():
        raise SafeRefuses(_("A correction needs a reason."))
    notes = Denominations.read(counted, on=today())
    day = days.office_day(office, on=today(), lock="update")
    sent = CashMove.objects.filter(maker=by, submit_key=submit_key).first()
    if sent is not None:
        if sent.kind != CashMove.Kind.CORRECTION:
            raise _other_move()
        return sent
    waiting = CashMove.objects.filter(
        office_day__office=office,
        kind=CashMove.Kind.CORRECTION,
        state=CashMove.State.ASKED,
    )
    if waiting.exists():
        raise SafeRefuses(_("A correction of this safe waits for its answer already."))
    difference = notes.paise - held_position(office)
    if not difference:
        raise SafeRefuses(_("The safe holds what it must: there is nothing to correct."))
    return record(
        CashMove(
            submit_key=submit_key,
            office_day=day,
            kind=CashMove.Kind.CORRECTION,
            state=CashMove.State.ASKED,
            amount_paise=abs(difference),
            to_safe=difference > 0,
            from_safe=difference < 0,
            denominations=notes.as_json(),
            reason=reason.strip(),
            maker=by,
        )
    )


def sent_before(
    by: User, submit_key: str, *, amount_paise: int, kind: CashMove.Kind
) -> CashMove | None:
    """The move that this key has made before; SubmittedBefore when it was another one."""
    known = CashMove.objects.filter(maker=by, submit_key=submit_key).first()
    if known is not None and (known.amount_paise, known.kind) != (amount_paise, kind):
        raise _other_move()
    return known


def _other_move() -> SubmittedBefore:
    return SubmittedBefore(_("This form has been used for another move. Start again."))


def record(move: CashMove) -> CashMove:
    """Store a new move, and say so in the audit trail."""
    if move.amount_paise <= 0:
        raise SafeRefuses(_("More than zero is expected."))
    move.save(force_insert=True)
    facts = {"kind": move.kind, "state": move.state, "amount_paise": move.amount_paise}
    office = move.office_day.office
    audit.record(move.maker, "cash.moved", move, after=facts, office=office)
    return move
