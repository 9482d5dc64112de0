"""What two people decide together: one proposes, another approves; then, and only then, it acts.

The maker's entries are locked and looked at again when the checker approves: what was matched or
decided meanwhile is refused, not overwritten.
"""

import uuid
from collections.abc import Sequence
from typing import ClassVar

from django.db import transaction

from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from people import audit
from people.access import has_role
from people.models import User
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER
from reconciliation import locks
from reconciliation.desk import limits
from reconciliation.models import (
    Book,
    Break,
    Decision,
    DecisionLine,
    Entry,
    Match,
    MatchLine,
    MatchPart,
    Stage,
    right_book,
)


class NotDecidable(DomainError):
    """The break or its entries are no longer as they were seen, or do not fit together."""

    code: ClassVar[str] = "not_decidable"


class NotYours(DomainError):
    """The person may not take this part: the maker never checks."""

    code: ClassVar[str] = "not_yours"


@transaction.atomic
def propose(
    open_break: Break,
    *,
    kind: Decision.Kind,
    candidates: Sequence[Entry] = (),
    chosen: Sequence[Entry] | None = None,
    why: str,
    maker: User,
) -> Decision:
    """Propose to match a break's entries with candidates, or to write them off.

    ``chosen`` takes some of the break's own entries only: of several that fit, the ones that are
    meant. A write-off within the limit of one person acts at once. Raises NotDecidable when the
    break is closed, something waits already, an entry is taken, or a match would not agree to the
    paisa.
    """
    if kind not in (Decision.Kind.MATCH, Decision.Kind.WRITE_OFF):
        raise NotDecidable(f"to {kind.label} is decided elsewhere")
    locked = taken_up(open_break, maker=maker, why=why)
    if locked.state != Break.State.OPEN or locked.stage == Stage.FEE:
        raise NotDecidable("the break is closed, or its entries need no match")
    own = [line.entry for line in locked.lines.select_related("entry").order_by("entry_id")]
    if kind == Decision.Kind.MATCH:
        own = _chosen(own, chosen)
    entries = own if kind == Decision.Kind.WRITE_OFF else [*own, *candidates]
    difference = difference_of(entries, stage=Stage(locked.stage))
    if kind == Decision.Kind.MATCH and difference:
        raise NotDecidable(
            f"the entries differ by {grouped_rupees(difference)}; a match agrees to the paisa"
        )
    refuse_taken(entries, stage=locked.stage)
    decision = Decision.objects.create(
        public_id=uuid.uuid4().hex,
        kind=kind,
        stage=locked.stage,
        open_break=locked,
        amount_paise=locked.amount_paise,
        difference_paise=difference,
        why=why.strip(),
        maker=maker,
    )
    DecisionLine.objects.bulk_create(
        DecisionLine(decision=decision, entry=entry) for entry in entries
    )
    if kind == Decision.Kind.MATCH or not limits.may_alone(
        maker, kind=kind, paise=decision.amount_paise
    ):
        record(maker, "decision.proposed", decision)
        return decision
    locks.hold_books_open_now()
    settle_alone(decision)
    record(maker, "decision.alone", decision)
    _join(decision, by=maker)
    return decision


def _chosen(own: Sequence[Entry], chosen: Sequence[Entry] | None) -> list[Entry]:
    """Some of a break's own entries; those that are left out are named by the next run."""
    if chosen is None:
        return list(own)
    meant = {entry.pk for entry in chosen}
    if not meant or not meant <= {entry.pk for entry in own}:
        raise NotDecidable("tick at least one entry of the break itself")
    return [entry for entry in own if entry.pk in meant]


def taken_up(open_break: Break, *, maker: User, why: str) -> Break:
    """The break, locked for somebody who may propose something for it, with a reason."""
    check_maker(maker, why=why)
    locked = Break.objects.select_for_update().get(pk=open_break.pk)
    if locked.decisions.filter(state=Decision.State.PROPOSED).exists():
        raise NotDecidable("a decision for this break waits for its second person already")
    return locked


def check_maker(maker: User, *, why: str) -> None:
    """Raises NotYours for who may not propose, NotDecidable without a reason."""
    if not has_role(maker, FINANCE_OFFICER, FINANCE_APPROVER):
        raise NotYours("a finance officer proposes decisions")
    if not why.strip():
        raise NotDecidable("a decision needs a reason")


@transaction.atomic
def approve(decision: Decision, *, checker: User, answer: str = "") -> Match:
    """Approve and act: the entries become one match. Raises NotYours for the maker."""
    locked = checked_by(decision, checker)
    if locked.kind not in (Decision.Kind.MATCH, Decision.Kind.WRITE_OFF):
        raise NotDecidable(f"to {locked.get_kind_display()} joins no entries")
    locks.hold_books_open_now()
    answered(locked, checker, Decision.State.APPROVED, answer)
    return _join(locked, by=checker)


def _join(decision: Decision, *, by: User) -> Match:
    """Make a decision's entries one match. The caller holds the books open."""
    entries = list(
        Entry.objects.filter(pk__in=decision.lines.values("entry_id"))
        .order_by("pk")
        .select_for_update()
    )
    # Read again now that no run can move it: what was proposed must still be so.
    about = decision.open_break
    if about is None or not Break.objects.filter(pk=about.pk, state=Break.State.OPEN).exists():
        raise NotDecidable("the break is closed meanwhile; reject this and look at it again")
    refuse_taken(entries, stage=decision.stage)
    is_gone = decision.kind == Decision.Kind.WRITE_OFF
    match = Match.objects.create(
        kind=Match.Kind.WRITE_OFF if is_gone else Match.Kind.HAND,
        stage=decision.stage,
        leg=about.leg,
        decision=decision,
        matched_on=max([today(), *(entry.business_date for entry in entries)]),
        difference_paise=decision.difference_paise,
    )
    MatchPart.objects.bulk_create(
        MatchPart(match=match, entry=entry, stage=decision.stage) for entry in entries
    )
    Break.objects.filter(
        lines__entry__in=entries, stage=decision.stage, state=Break.State.OPEN
    ).update(
        state=Break.State.CLOSED,
        closed_at=now(),
        closed_why=f"{decision.get_kind_display()} by {by.username}",
    )
    return match


@transaction.atomic
def reject(decision: Decision, *, checker: User, answer: str) -> Decision:
    """Say no, with a reason; the break stays open."""
    locked = checked_by(decision, checker)
    if not answer.strip():
        raise NotDecidable("a rejection needs a reason")
    return answered(locked, checker, Decision.State.REJECTED, answer)


def close(open_break: Break, *, why: str) -> None:
    """The break is explained; the next run matches its entries."""
    Break.objects.filter(pk=open_break.pk, state=Break.State.OPEN).update(
        state=Break.State.CLOSED, closed_at=now(), closed_why=why[:120]
    )


def settle_alone(decision: Decision) -> None:
    """One person may decide this, nobody else is asked; the caller knows it is small enough."""
    decision.state, decision.checked_at = Decision.State.ALONE, now()
    decision.save(update_fields=["state", "checked_at"])


def difference_of(entries: Sequence[Entry], *, stage: Stage) -> int:
    """What the sides lack to agree: left less right, in paise; 0 is a match."""
    right = right_book(stage)
    total = 0
    for entry in entries:
        is_net = entry.book == Book.CHANNEL and stage == Stage.BANK
        amount = entry.net_paise if is_net else entry.amount_paise
        total += -amount if entry.book == right else amount
    return total


def checked_by(decision: Decision, checker: User) -> Decision:
    """The decision, locked for a checker who may answer it. Raises NotYours and NotDecidable."""
    if not has_role(checker, FINANCE_APPROVER):
        raise NotYours("a finance approver decides")
    locked = (
        Decision.objects.select_for_update(of=("self",))
        .select_related("open_break")
        .get(pk=decision.pk)
    )
    if locked.maker_id == checker.pk:
        raise NotYours("who proposed a decision cannot approve it")
    if locked.state != Decision.State.PROPOSED:
        raise NotDecidable(f"this decision is {locked.get_state_display()} already")
    if not limits.may_approve(checker, kind=locked.kind, paise=locked.amount_paise):
        raise NotYours("this is above what you may approve")
    return locked


def answered(decision: Decision, checker: User, state: Decision.State, answer: str) -> Decision:
    """Store what the checker of a locked decision says."""
    decision.state, decision.checker, decision.checked_at = state, checker, now()
    decision.answer = answer.strip()
    decision.save(update_fields=["state", "checker", "checked_at", "answer"])
    record(checker, f"decision.{state}", decision)
    return decision


def record(actor: User, action: str, decision: Decision) -> None:
    """Say in the trail what was done with a decision."""
    audit.record(actor, action, ("decision", decision.public_id), after=facts_of(decision))


def refuse_taken(entries: Sequence[Entry], *, stage: str) -> None:
    """Raises NotDecidable for the first entry that is matched already."""
    taken = (
        MatchLine.objects.filter(entry__in=entries, stage=stage, is_live=True)
        .select_related("entry")
        .first()
    )
    if taken:
        raise NotDecidable(f"{taken.entry} is matched meanwhile; look at the break again")


def facts_of(decision: Decision) -> dict[str, object]:
    """A decision as the audit trail keeps it."""
    return {
        "kind": decision.kind,
        **({"break": decision.open_break.public_id} if decision.open_break else {}),
        **({"payment": decision.payment_reference} if decision.payment_reference else {}),
        "amount_paise": decision.amount_paise,
        "difference_paise": decision.difference_paise,
        **({"until": decision.until.isoformat()} if decision.until else {}),
        "why": decision.why,
        "answer": decision.answer,
    }
