"""What people decide about a break besides matching it: wait, suspense, a fee, a dispute, a split.

Each is a decision with a maker and, above the limit of one person, a checker; each has an inverse,
which an undo of the decision carries out (undoing.py).
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from django.db import transaction

from cspdcl.kernel.clock import today
from people.models import User
from reconciliation import locks
from reconciliation.desk import decisions, letters, limits, splitting
from reconciliation.desk.decisions import NotDecidable
from reconciliation.models import (
    Break,
    BreakLetter,
    BreakLine,
    Decision,
    DecisionLine,
    Reason,
    Stage,
)

Kind = Decision.Kind

KINDS: Final = frozenset({Kind.TIMING, Kind.SUSPENSE, Kind.FEE, Kind.DISPUTE, Kind.SPLIT})
WAIT_DAYS_MAX: Final = 366
_WITH_LINES: Final = frozenset({Kind.FEE, Kind.SPLIT})


@transaction.atomic
def propose(
    open_break: Break,
    *,
    kind: Decision.Kind,
    why: str,
    maker: User,
    until: date | None = None,
    letter_to: str = "",
    parts: Sequence[splitting.Part] = (),
) -> Decision:
    """Propose one of these steps; what lies within the limit of one person acts at once.

    Raises NotDecidable when the break is closed, parked already, or the step does not fit it.
    """
    if kind not in KINDS:
        raise NotDecidable(f"to {kind.label} is decided elsewhere")
    locked = decisions.taken_up(open_break, maker=maker, why=why)
    if locked.state != Break.State.OPEN:
        raise NotDecidable("the break is closed")
    _check(locked, kind=kind, until=until, parts=parts)
    address = ""
    if kind == Kind.DISPUTE:  # now, not when a second person approves what can never be sent
        letters.check_words(why)
        address = letters.check_address(letter_to)
    decision = Decision.objects.create(
        public_id=uuid.uuid4().hex,
        kind=kind,
        stage=locked.stage,
        open_break=locked,
        amount_paise=locked.amount_paise,
        why=why.strip(),
        maker=maker,
        until=until,
        letter_to=address,
    )
    if kind in _WITH_LINES:
        lines = BreakLine.objects.filter(open_break=locked).values_list("entry_id", flat=True)
        DecisionLine.objects.bulk_create(
            DecisionLine(decision=decision, entry_id=entry_id) for entry_id in lines
        )
    splitting.propose_parts(decision, parts)
    if not limits.may_alone(maker, kind=kind, paise=decision.amount_paise):
        decisions.record(maker, "decision.proposed", decision)
        return decision
    locks.hold_books_open_now()
    decisions.settle_alone(decision)
    decisions.record(maker, "decision.alone", decision)
    _ACTS[kind](decision, maker)
    return decision


@transaction.atomic
def approve(decision: Decision, *, checker: User, answer: str = "") -> Decision:
    """A second person says yes, and it acts. Raises NotYours for the maker."""
    locked = decisions.checked_by(decision, checker)
    if locked.kind not in KINDS:
        raise NotDecidable(f"to {locked.get_kind_display()} is approved elsewhere")
    locks.hold_books_open_now()
    about = Break.objects.select_for_update().get(pk=_about(locked).pk)
    if about.state != Break.State.OPEN:
        raise NotDecidable("the break is closed meanwhile; reject this and look at it again")
    decisions.answered(locked, checker, Decision.State.APPROVED, answer)
    _ACTS[Kind(locked.kind)](locked, checker)
    return locked


def take_back(decision: Decision, *, by: User) -> None:
    """The inverse of one of these steps. The caller has locked it and marks it as undone."""
    _INVERSES[Kind(decision.kind)](decision, by)


# ---- the steps ----


def _check(
    open_break: Break, *, kind: Decision.Kind, until: date | None, parts: Sequence[splitting.Part]
) -> None:
    if kind in (Kind.TIMING, Kind.SUSPENSE) and open_break.is_parked:
        raise NotDecidable(f"the break is {open_break.get_parked_display()} already")
    if kind == Kind.TIMING and (
        until is None or not today() < until <= today() + timedelta(days=WAIT_DAYS_MAX)
    ):
        raise NotDecidable("expected the day by which it comes, within a year")
    if kind != Kind.TIMING and until is not None:
        raise NotDecidable("only a wait has a day")
    if kind == Kind.FEE and open_break.reason != Reason.FEE_DIFFERS:
        raise NotDecidable("only a fee that differs from the rate card is accepted")
    if open_break.stage == Stage.FEE and kind in (Kind.SUSPENSE, Kind.SPLIT):
        raise NotDecidable("a fee is accepted or disputed")
    if kind == Kind.SPLIT:
        splitting.check(open_break, parts)
    elif parts:
        raise NotDecidable("only a split has parts")


def _about(decision: Decision) -> Break:
    if decision.open_break is None:
        raise NotDecidable("expected a break")
    return decision.open_break


def _park(decision: Decision, _by: User) -> None:
    Break.objects.filter(pk=_about(decision).pk).update(
        parked=decision.kind, parked_until=decision.until
    )


def _unpark(decision: Decision, _by: User) -> None:
    """It is worked on again; a later step may have parked it otherwise, and that stays."""
    Break.objects.filter(
        pk=_about(decision).pk, parked=decision.kind, parked_until=decision.until
    ).update(parked="", parked_until=None)


def _accept_fee(decision: Decision, by: User) -> None:
    decisions.close(_about(decision), why=f"fee accepted by {by.username}")


def _nothing(_decision: Decision, _by: User) -> None:
    """The mark on the decision is all: the next run finds the fee again."""


def _dispute(decision: Decision, by: User) -> None:
    letters.dispute(decision, by=by)


def _end_dispute(decision: Decision, by: User) -> None:
    sent = BreakLetter.objects.filter(decision=decision, state=BreakLetter.State.SENT)
    for letter in sent:
        letters.withdraw(letter, words="the decision was undone", by=by)


def _split(decision: Decision, by: User) -> None:
    splitting.act(decision)
    decisions.close(_about(decision), why=f"split by {by.username}")


def _join_again(decision: Decision, _by: User) -> None:
    splitting.take_back(decision)


_Step = Callable[[Decision, User], None]

_ACTS: Final[Mapping[Decision.Kind, _Step]] = {
    Kind.TIMING: _park,
    Kind.SUSPENSE: _park,
    Kind.FEE: _accept_fee,
    Kind.DISPUTE: _dispute,
    Kind.SPLIT: _split,
}
_INVERSES: Final[Mapping[Decision.Kind, _Step]] = {
    Kind.TIMING: _unpark,
    Kind.SUSPENSE: _unpark,
    Kind.FEE: _nothing,
    Kind.DISPUTE: _end_dispute,
    Kind.SPLIT: _join_again,
}
