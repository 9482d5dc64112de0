"""The steps of a paper: one function moves it along a legal edge; lists of them move together."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import ClassVar, Final

from django.db import transaction

from channels_.contract import Method
from counters.bars import bar_of
from counters.models import Instrument, InstrumentEvent, Share
from counters.policy import policy_of
from counters.states import PAPER_TRANSITIONS, PaperState
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.workdays import working_day_after
from payments.models import Deposit, Payment
from payments.states import State
from people import audit
from people.models import User

__all__ = [
    "IllegalStep",
    "bar_of",
    "clear_due",
    "clear_papers",
    "deposit_papers",
    "hand_over",
    "locked",
    "move",
    "payments_of",
    "why_not_refundable",
]

_CAUSE_MAX: Final = 120
_BY_BANK: Final = (Method.CHEQUE, Method.DEMAND_DRAFT, Method.POSTAL_ORDER)


class IllegalStep(DomainError):
    """The paper may not go there from where it is."""

    code: ClassVar[str] = "paper_cannot_go_there"


def move(
    instrument: Instrument,
    *,
    to: PaperState,
    cause: str,
    actor: User | str,
    on: date,
    deposit: Deposit | None = None,
    return_code: str = "",
) -> InstrumentEvent:
    """Take a locked paper one step along its life, and keep the step.

    The caller holds the row lock and the transaction.
    """
    was = PaperState(instrument.state)
    if to not in PAPER_TRANSITIONS[was]:
        raise IllegalStep(
            f"{instrument.method} {instrument.number} is {was.value}, it cannot become {to.value}"
        )
    instrument.state = to
    changed = ["state"]
    if to is PaperState.DEPOSITED:
        if deposit is None:
            raise IllegalStep(f"{instrument.method} {instrument.number}: on which slip?")
        instrument.deposit = deposit
        instrument.deposited_on = on
        instrument.presented_count += 1
        changed += ["deposit", "deposited_on", "presented_count"]
    elif to is PaperState.RETURNED:
        instrument.returned_on = on
        instrument.return_code = return_code
        changed += ["returned_on", "return_code"]
    instrument.save(update_fields=changed)
    return InstrumentEvent.objects.create(
        instrument=instrument,
        from_state=was,
        to_state=to,
        business_date=on,
        cause=cause[:_CAUSE_MAX],
        actor=actor.username if isinstance(actor, User) else actor,
        return_code=return_code,
        deposit=deposit or instrument.deposit,
    )


def locked(keys: Collection[int]) -> list[Instrument]:
    """The papers, locked in the order of their keys, after their payments; call in a transaction.

    Payments come first in every transaction: a cancellation holds the payment and asks the paper.
    """
    payments_of(keys)
    rows = Instrument.objects.select_for_update(of=("self",)).filter(pk__in=keys)
    return list(rows.order_by("pk"))


def payments_of(keys: Collection[int]) -> list[Payment]:
    """The payments that these papers made, locked in the order of their keys."""
    made = Share.objects.filter(instrument__in=keys, payment__isnull=False)
    rows = Payment.objects.select_for_update(of=("self",)).filter(
        pk__in=made.values_list("payment_id", flat=True)
    )
    return list(rows.order_by("pk"))


def why_not_refundable(payment: Payment) -> str:
    """A paper is no money before the bank has paid it: nothing of it goes back until then."""
    unpaid = Instrument.objects.filter(shares__payment=payment, method__in=_BY_BANK).exclude(
        state=PaperState.CLEARED
    )
    paper = unpaid.first()
    if paper is None:
        return ""
    return f"{payment.reference} was paid by {paper}, which is not cleared yet"


@transaction.atomic
def hand_over(papers: Iterable[Instrument], *, by: User, on: date, cause: str) -> int:
    """Papers that the supervisor has in hand now; how many. What is elsewhere refuses all."""
    rows = locked([paper.pk for paper in papers])
    for paper in rows:
        move(paper, to=PaperState.WITH_SUPERVISOR, cause=cause, actor=by, on=on)
    return len(rows)


@transaction.atomic
def deposit_papers(papers: Iterable[Instrument], *, deposit: Deposit, by: User) -> int:
    """Put papers on a slip: from the supervisor, or returned ones that are presented again.

    Their payments learn the slip that carried them first. A paper with a payment that does not
    stand refuses all: it has been cancelled meanwhile.
    """
    keys = [paper.pk for paper in papers]
    payments = payments_of(keys)
    fallen = [payment.reference for payment in payments if payment.state != State.SUCCEEDED]
    if fallen:
        raise IllegalStep(f"{fallen[0]} was cancelled meanwhile, its paper goes nowhere")
    rows = locked(keys)
    for paper in rows:
        again = paper.presented_count > 0
        move(
            paper,
            to=PaperState.DEPOSITED,
            cause=f"presented again on {deposit.reference}"
            if again
            else f"on slip {deposit.reference}",
            actor=by,
            on=deposit.business_date,
            deposit=deposit,
        )
    first_time = [payment.pk for payment in payments if payment.deposit_id is None]
    Payment.objects.filter(pk__in=first_time).update(deposit=deposit)
    return len(rows)


@transaction.atomic
def clear_papers(papers: Iterable[Instrument], *, by: User | str, on: date, cause: str) -> int:
    """Papers that the bank has paid for good; how many. What is elsewhere refuses all."""
    rows = locked([paper.pk for paper in papers])
    for paper in rows:
        move(paper, to=PaperState.CLEARED, cause=cause, actor=by, on=on)
    return len(rows)


def clear_due(slips: Collection[str], *, on: date) -> int:
    """Clear what lies on slips whose credit the bank's statement proved, once time has passed.

    Reconciliation calls it with the slips whose credits it matched. A paper waits as many working
    days as its office agreed on: until then the bank may still send it back.
    """
    there = Instrument.objects.filter(
        state=PaperState.DEPOSITED, deposit__reference__in=slips
    ).select_related("office")
    waits: dict[int, int] = {}
    ripe = []
    for paper in there.order_by("pk"):
        days = waits.setdefault(paper.office_id, policy_of(paper.office).clearing_days)
        if paper.deposited_on and working_day_after(paper.deposited_on, days) < on:
            ripe.append(paper.pk)
    return sum(_cleared(key, on=on) for key in ripe)


@transaction.atomic
def _cleared(key: int, *, on: date) -> bool:
    """One paper in its own transaction; false when a return was faster."""
    (paper,) = locked([key])
    if paper.state != PaperState.DEPOSITED:
        return False
    move(paper, to=PaperState.CLEARED, cause="credited, no return", actor=audit.SYSTEM, on=on)
    return True
