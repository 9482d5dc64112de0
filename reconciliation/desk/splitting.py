"""Splitting a bank credit into parts, each named by what it is for, so that the next run finds it.

The credit and a contra line of it become one match of the decision; the parts stand in its place,
as entries of the day that decided. Taking the split back joins the contra line with the parts, and
the credit is open again. Nothing is deleted, and every sum stays what it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cspdcl.kernel.clock import today
from cspdcl.kernel.money import grouped_rupees
from reconciliation.desk.decisions import NotDecidable, refuse_taken
from reconciliation.incoming.files import SPLIT
from reconciliation.models import (
    Book,
    Break,
    Decision,
    DecisionPart,
    Entry,
    Evidence,
    Kind,
    Match,
    MatchLine,
    MatchPart,
    Stage,
)

PARTS_MAX: Final = 50
KINDS: Final = (Kind.SETTLEMENT, Kind.DEPOSIT, Kind.TRANSFER)


@dataclass(frozen=True, slots=True)
class Part:
    """How much of a credit, what it is, and the UTR, slip or RRN that finds it."""

    amount_paise: int
    what: Kind
    name: str


def check(open_break: Break, parts: Sequence[Part]) -> Entry:
    """The credit that may be split like this. Raises NotDecidable."""
    own = list(Entry.objects.filter(break_lines__open_break=open_break)[:2])
    if open_break.stage != Stage.BANK or len(own) != 1 or own[0].book != Book.BANK:
        raise NotDecidable("only a bank credit that stands alone is split")
    (credit,) = own
    if credit.amount_paise <= 0:
        raise NotDecidable("only a credit is split, not a debit")
    if not 2 <= len(parts) <= PARTS_MAX:
        raise NotDecidable(f"expected 2 to {PARTS_MAX} parts")
    for part in parts:
        if part.what not in KINDS or part.amount_paise <= 0:
            raise NotDecidable("each part is above zero, and says what it is for")
        if not part.name.strip():
            raise NotDecidable("each part carries the UTR, slip or RRN by which it is found")
    lacks = credit.amount_paise - sum(part.amount_paise for part in parts)
    if lacks:
        raise NotDecidable(f"the parts differ from the credit by {grouped_rupees(lacks)}")
    refuse_taken([credit], stage=Stage.BANK)
    return credit


def propose_parts(decision: Decision, parts: Sequence[Part]) -> None:
    """Keep what was proposed."""
    DecisionPart.objects.bulk_create(
        DecisionPart(
            decision=decision,
            part=number,
            amount_paise=part.amount_paise,
            what=part.what,
            name=part.name.strip()[:40],
        )
        for number, part in enumerate(parts, start=1)
    )


def act(decision: Decision) -> None:
    """Put the parts in the place of the credit. The caller holds the books and the decision."""
    credit = Entry.objects.select_for_update().get(pk=decision.lines.get().entry_id)
    refuse_taken([credit], stage=Stage.BANK)
    contra = _line(credit, decision, number=0, paise=-credit.amount_paise, kind=Kind(credit.kind))
    contra.save()
    _join(decision, [credit, contra])
    made = []
    for part in decision.parts.order_by("part"):
        what = Kind(part.what)
        one = _line(credit, decision, number=part.part, paise=part.amount_paise, kind=what)
        one.narration = f"part {part.part}: {part.name}"
        if what == Kind.DEPOSIT:
            one.deposit_ref = part.name[:24]
        else:
            one.utr = part.name.upper()
        made.append(one)
    Entry.objects.bulk_create(made)


def take_back(decision: Decision) -> None:
    """Join the contra line with the parts; the credit itself is open again."""
    lines = list(
        Entry.objects.select_for_update()
        .filter(book=Book.BANK, source_key__startswith=f"{SPLIT}{decision.public_id}:")
        .order_by("pk")
    )
    if Evidence.objects.filter(entry__in=lines, undone_at=None).exists():
        raise NotDecidable("payments were made of its parts; take them back first")
    taken = MatchLine.objects.filter(entry__in=lines, stage=Stage.BANK, is_live=True)
    if taken.exclude(match__decision=decision).exists():
        raise NotDecidable("a part is matched; undo that match first")
    # Those of the decision's own match are marked by whoever undoes the decision, before this.
    if taken.exists():
        raise NotDecidable("the split is still live")
    _join(decision, lines)


def _line(credit: Entry, decision: Decision, *, number: int, paise: int, kind: Kind) -> Entry:
    day = max(today(), credit.business_date)
    return Entry(
        book=Book.BANK,
        kind=kind,
        channel_id=credit.channel_id,
        bank_account_id=credit.bank_account_id,
        file_id=credit.file_id,
        line=credit.line,
        source_key=f"{SPLIT}{decision.public_id}:{number}",
        business_date=day,
        due_on=max(day, credit.due_on),
        occurred_at=credit.occurred_at,
        amount_paise=paise,
        net_paise=paise,
        code="split",
        in_channel_stage=False,
        in_bank_stage=True,
    )


def _join(decision: Decision, entries: Sequence[Entry]) -> None:
    about = decision.open_break
    match = Match.objects.create(
        kind=Match.Kind.HAND,
        stage=Stage.BANK,
        leg=about.leg if about else "channel_bank",
        decision=decision,
        matched_on=max([today(), *(one.business_date for one in entries)]),
    )
    MatchPart.objects.bulk_create(
        MatchPart(match=match, entry=one, stage=Stage.BANK) for one in entries
    )
