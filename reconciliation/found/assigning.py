"""What people decide about money that no notice told of: whose it is, or that it was not theirs.

One person decides up to a limit, two above it; taking back always needs two. What is decided makes
payments of the line (bank_credits.py, listed.py) and closes the break; the next run matches them.
"""

import uuid
from collections.abc import Sequence
from typing import Final

from django.conf import settings
from django.db import transaction

from cspdcl.kernel.clock import now
from cspdcl.kernel.money import grouped_rupees
from payments import found
from payments.models import Consumer, Payment
from payments.states import State as PaymentState
from people import audit
from people.models import User
from reconciliation import locks
from reconciliation.desk import decisions
from reconciliation.desk.decisions import NotDecidable
from reconciliation.found import bank_credits, listed, payers
from reconciliation.models import (
    Book,
    Break,
    Decision,
    DecisionLine,
    DecisionShare,
    Entry,
    Evidence,
    Kind,
    Match,
    MatchLine,
    MatchPart,
    Reason,
    Stage,
)

KINDS: Final = frozenset({Decision.Kind.ASSIGN, Decision.Kind.TAKE, Decision.Kind.TAKE_BACK})

Shares = Sequence[tuple[Consumer, int]]


def alone_max_paise() -> int:
    """Up to this one person decides."""
    return settings.ASSIGN_ALONE_RUPEES_MAX * 100


def is_assignable(open_break: Break) -> bool:
    """Whether the break is a credit that may be given to consumers."""
    return (
        open_break.state == Break.State.OPEN
        and open_break.stage == Stage.BANK
        and open_break.book == Book.BANK
        and open_break.reason in bank_credits.REASONS
    )


def is_listed(open_break: Break) -> bool:
    """Whether the break is a payment that only a channel's report tells of."""
    return (
        open_break.state == Break.State.OPEN
        and open_break.stage == Stage.CHANNEL
        and open_break.book == Book.CHANNEL
        and open_break.reason == Reason.MISSING_IN_BOOKS
    )


@transaction.atomic
def assign(open_break: Break, *, shares: Shares, why: str, maker: User) -> Decision:
    """Give a credit to consumers, whole: at once within the limit, else proposed.

    Raises NotDecidable when it is no such credit, is spoken of already, or the sums differ.
    """
    locked = decisions.taken_up(open_break, maker=maker, why=why)
    if not is_assignable(locked):
        raise NotDecidable("the break is closed, or is no credit that waits for a consumer")
    entry = bank_credits.entry_of(locked)
    _check(entry, shares)
    decision = _decision(locked, Decision.Kind.ASSIGN, entry, why=why, maker=maker)
    DecisionShare.objects.bulk_create(
        DecisionShare(decision=decision, part=part, consumer=consumer, amount_paise=paise)
        for part, (consumer, paise) in enumerate(shares)
    )
    return _alone_or_proposed(decision, maker)


@transaction.atomic
def take(open_break: Break, *, consumer: Consumer | None, why: str, maker: User) -> Decision:
    """Believe a channel's report: the listed payment is ours; without a consumer it waits for one.

    Raises NotDecidable when the break is no such line.
    """
    locked = decisions.taken_up(open_break, maker=maker, why=why)
    if not is_listed(locked):
        raise NotDecidable("the break is closed, or is no payment that only a report tells of")
    entry = bank_credits.entry_of(locked)
    if entry.kind != Kind.PAYMENT:
        raise NotDecidable("the line is no payment")
    decision = _decision(locked, Decision.Kind.TAKE, entry, why=why, maker=maker)
    DecisionShare.objects.create(
        decision=decision, part=0, consumer=consumer, amount_paise=entry.amount_paise
    )
    return _alone_or_proposed(decision, maker)


@transaction.atomic
def name(payment: Payment, *, consumer: Consumer, why: str, maker: User) -> Decision:
    """Name the consumer of a paid payment that has none: at once within the limit, else proposed.

    Raises NotDecidable when the payment has a consumer or is not paid.
    """
    decisions.check_maker(maker, why=why)
    locked = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
    if locked.consumer_id is not None or locked.state != PaymentState.SUCCEEDED:
        raise NotDecidable("the payment has a consumer, or is not paid")
    waiting = Decision.objects.filter(
        payment_reference=locked.reference, state=Decision.State.PROPOSED
    )
    if waiting.exists():
        raise NotDecidable("a decision for this payment waits for its second person already")
    decision = Decision.objects.create(
        public_id=uuid.uuid4().hex,
        kind=Decision.Kind.ASSIGN,
        stage=Stage.CHANNEL,
        payment_reference=locked.reference,
        amount_paise=locked.amount_paise,
        why=why.strip(),
        maker=maker,
    )
    DecisionShare.objects.create(
        decision=decision, part=0, consumer=consumer, amount_paise=locked.amount_paise
    )
    return _alone_or_proposed(decision, maker)


@transaction.atomic
def ask_back(open_break: Break, *, why: str, maker: User) -> Decision:
    """Propose to take an assignment back: its payments are reversed, the credit is open again."""
    locked = decisions.taken_up(open_break, maker=maker, why=why)
    entry = bank_credits.entry_of(locked)
    if locked.stage != Stage.BANK or not bank_credits.live_evidence(entry).exists():
        raise NotDecidable("no payments were made of this credit")
    decision = _decision(locked, Decision.Kind.TAKE_BACK, entry, why=why, maker=maker)
    _record(maker, "decision.proposed", decision)
    return decision


@transaction.atomic
def approve(decision: Decision, *, checker: User, answer: str = "") -> Decision:
    """A second person says yes, and it acts. Raises NotYours for the maker."""
    locked = decisions.checked_by(decision, checker)
    if locked.kind not in KINDS:
        raise NotDecidable(f"to {locked.get_kind_display()} assigns nothing")
    locks.hold_books_open_now()
    decisions.answered(locked, checker, Decision.State.APPROVED, answer)
    if locked.kind == Decision.Kind.TAKE_BACK:
        _take_back(locked, checker)
    else:
        _act(locked, by=checker)
    return locked


def payments_of(open_break: Break) -> list[Payment]:
    """The payments that the line of a break has become and still is."""
    lines = open_break.lines.values("entry_id")
    told = Evidence.objects.filter(entry__in=lines, undone_at=None)
    return list(
        Payment.objects.filter(reference__in=told.values("payment_reference"))
        .select_related("consumer", "receipt")
        .order_by("pk")
    )


# ---- the steps ----


def _check(entry: Entry, shares: Shares) -> None:
    bank_credits.channel_of(entry)
    if not shares:
        raise NotDecidable("expected a consumer")
    if entry.amount_paise <= 0 or any(paise <= 0 for _consumer, paise in shares):
        raise NotDecidable("expected amounts above zero")
    if len({consumer.pk for consumer, _paise in shares}) < len(shares):
        raise NotDecidable("a consumer stands in the shares twice")
    lacks = entry.amount_paise - sum(paise for _consumer, paise in shares)
    if lacks:
        raise NotDecidable(f"the shares differ from the credit by {grouped_rupees(lacks)}")
    if bank_credits.live_evidence(entry).exists():
        raise NotDecidable("payments were made of this credit already")


def _decision(
    locked: Break, kind: Decision.Kind, entry: Entry, *, why: str, maker: User
) -> Decision:
    decision = Decision.objects.create(
        public_id=uuid.uuid4().hex,
        kind=kind,
        stage=locked.stage,
        open_break=locked,
        amount_paise=abs(entry.amount_paise),
        why=why.strip(),
        maker=maker,
    )
    DecisionLine.objects.create(decision=decision, entry=entry)
    return decision


def _alone_or_proposed(decision: Decision, maker: User) -> Decision:
    if decision.amount_paise > alone_max_paise():
        _record(maker, "decision.proposed", decision)
        return decision
    locks.hold_books_open_now()
    decisions.settle_alone(decision)
    _record(maker, "decision.alone", decision)
    _act(decision, by=maker)
    return decision


def _act(decision: Decision, *, by: User) -> None:
    """Make the payments of an agreed decision. The line is looked at again: it may be taken."""
    if decision.payment_reference:
        _name(decision, by)
        return
    open_break = Break.objects.select_for_update().filter(decisions=decision).get()
    if open_break.state != Break.State.OPEN:
        raise NotDecidable("the break is closed meanwhile; reject this and look at it again")
    entry = bank_credits.entry_of(open_break)
    if MatchLine.objects.filter(entry=entry, stage=decision.stage, is_live=True).exists():
        raise NotDecidable("the line is matched meanwhile; look at the break again")
    shares = list(decision.shares.select_related("consumer").order_by("part"))
    if decision.kind == Decision.Kind.TAKE:
        listed.take(entry, consumer=shares[0].consumer, decision=decision, actor=by.username)
    else:
        _give(entry, shares, decision, by)
    decisions.close(open_break, why=f"{decision.get_kind_display()} by {by.username}")


def _give(entry: Entry, shares: Sequence[DecisionShare], decision: Decision, by: User) -> None:
    given = [(one.consumer, one.amount_paise) for one in shares if one.consumer is not None]
    _check(entry, given)
    bank_credits.make(
        entry, shares=given, how=Evidence.How.PERSON, actor=by.username, decision=decision
    )
    if len(given) == 1:
        payers.learn([(entry.narration, given[0][0].pk)])


def _name(decision: Decision, by: User) -> None:
    payment = Payment.objects.get(reference=decision.payment_reference)
    consumer = decision.shares.get(part=0).consumer
    if consumer is None:
        raise NotDecidable("expected a consumer")
    found.assign(payment.pk, consumer=consumer, by=by, why=decision.why)


def _take_back(decision: Decision, checker: User) -> None:
    if decision.open_break is None:
        raise NotDecidable("expected a break")
    entry = bank_credits.entry_of(decision.open_break)
    live = list(bank_credits.live_evidence(entry).select_for_update())
    if not live:
        raise NotDecidable("nothing is left to be taken back")
    references = [one.payment_reference for one in live]
    taken = found.take_back(references, by=checker, cause=f"taken back: {decision.why}")
    Evidence.objects.filter(pk__in=[one.pk for one in live]).update(undone_at=now())
    payers.forget(entry.narration, consumers=[one.consumer_id for one in taken if one.consumer_id])
    lines = MatchLine.objects.filter(entry=entry, stage=Stage.BANK, is_live=True)
    matches = list(lines.values_list("match_id", flat=True))
    Match.objects.filter(pk__in=matches, undone_at=None).update(undone_at=now())
    MatchPart.objects.filter(match__in=matches, is_live=True).update(is_live=False)


def _record(actor: User, action: str, decision: Decision) -> None:
    given = decision.shares.select_related("consumer").order_by("part")
    named = [one.consumer.number if one.consumer else "" for one in given[:20]]
    audit.record(
        actor,
        action,
        ("decision", decision.public_id),
        after=decisions.facts_of(decision) | {"consumers": named, "parts": given.count()},
    )
