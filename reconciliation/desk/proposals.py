"""Many to one without a key: entries that add up to what a break lacks, and are the only ones.

Shown to a person, never matched by itself. Where a second set would do as well, or so many are open
that not all of them can be looked at, nothing is proposed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cspdcl.kernel.money import grouped_rupees
from reconciliation.desk import patience, subset, workbench
from reconciliation.desk.workbench import DAYS, Candidate, amount_of, is_taken, name_of
from reconciliation.matching.ledger import in_stage
from reconciliation.models import Book, Break, Entry, Kind, Stage, right_book

NAME: Final = "sum"  # what a form calls the whole proposal
_ROWS_MAX: Final = 20_000  # entries behind the candidates; a settlement is one candidate
_NO_COLLECTION: Final = (Kind.CHARGE, Kind.INTEREST, Kind.OTHER, Kind.FAILED, Kind.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Item:
    """One candidate: an entry, or what belongs together as a settlement or a slip."""

    name: str  # as the bench calls it
    title: str
    day: date
    paise: int  # positive: its part of the sum
    entry_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """The only way to make the sum of what is open around a break."""

    items: list[Item]
    paise: int
    considered: int  # so many were looked at

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        return ngettext(
            "This one alone makes the sum; no other of the %(all)s open ones does.",
            "These %(n)s together make the sum; no other choice of the %(all)s open ones does.",
            len(self.items),
        ) % {"n": len(self.items), "all": self.considered}

    @property
    def candidate(self) -> Candidate:
        """The whole proposal as one thing to tick on the bench."""
        return Candidate(
            id=NAME,
            title=_("Together the very sum"),
            note=self.sentence,
            paise=self.paise,
            fields=[
                {
                    "label": f"{one.day:%d-%m-%Y}",
                    "value": one.title,
                    "agrees": True,
                    "verdict": grouped_rupees(one.paise),
                }
                for one in self.items
            ],
        )


def proposal_for(open_break: Break) -> Proposal | None:
    """What could explain a break together, when one choice of several open entries does, and one
    only. For one side before the bank: a payment and its line are one each. Nothing for a closed
    break, and where too many are open to be sure.
    """
    if open_break.state != Break.State.OPEN or open_break.stage != Stage.BANK:
        return None
    own = list(
        Entry.objects.filter(break_lines__open_break=open_break).select_related(
            "channel", "bank_account"
        )[:_ROWS_MAX]
    )
    total = _lacking(own, stage=open_break.stage)
    # Where both sides stand already, what happens to make up the rest would be chance.
    if not total or len(own) == _ROWS_MAX or len({one.book for one in own}) > 1:
        return None
    items = _items(open_break, own, lacks_right=total > 0)
    if items is None:
        return None
    wanted = abs(total)
    found = subset.find([one.paise for one in items], wanted)
    if not found.is_unique or len(found.positions) < 2:  # one alone is a candidate of the bench
        return None
    return Proposal(
        items=[items[place] for place in found.positions],
        paise=wanted,
        considered=len(items),
    )


def chosen_entries(open_break: Break, names: Sequence[str]) -> list[Entry]:
    """The entries behind the ticked names of a bench, each once. Raises NotDecidable for others.

    The whole proposal is looked for again, so that what makes the sum now is what is proposed.
    """
    single = [name for name in names if name != NAME]
    found = {one.pk: one for one in workbench.chosen_entries(open_break, single)}
    proposal = proposal_for(open_break) if NAME in names else None
    parts = [pk for one in proposal.items for pk in one.entry_ids] if proposal else []
    found |= {one.pk: one for one in Entry.objects.filter(pk__in=parts)}
    return [found[pk] for pk in sorted(found)]


def _lacking(own: Sequence[Entry], *, stage: str) -> int:
    """Left less right: above zero the right side is missing, below zero the left."""
    right = right_book(stage)
    return sum((-1 if one.book == right else 1) * amount_of(one, stage=stage) for one in own)


def _items(open_break: Break, own: Sequence[Entry], *, lacks_right: bool) -> list[Item] | None:
    """What is open on the side that is missing, grouped; nothing where it is too much."""
    right = right_book(open_break.stage)
    side = Q(book=right) if lacks_right else ~Q(book=right)
    rows = patience.read(_free(open_break, own).filter(side).order_by("id")[: _ROWS_MAX + 1])
    if rows is None or len(rows) > _ROWS_MAX:
        return None
    items = [one for one in _grouped(rows, stage=open_break.stage) if one.paise > 0]
    return items if len(items) <= subset.AMOUNTS_MAX else None


def _free(open_break: Break, own: Sequence[Entry]) -> QuerySet[Entry]:
    """Entries of the same stage, account and days that nothing explains yet."""
    span = timedelta(days=DAYS)
    days = [one.business_date for one in own]
    free = (
        Entry.objects.filter(
            in_stage(open_break.stage),
            business_date__range=(min(days) - span, max(days) + span),
        )
        .exclude(is_taken(open_break.stage))
        .exclude(break_lines__open_break=open_break)
        .exclude(kind__in=_NO_COLLECTION)
        .select_related("channel", "bank_account")
    )
    if open_break.stage == Stage.ERP:  # a posting names its receipt: sums alone are no reason
        return free.none()
    if open_break.stage == Stage.CHANNEL:
        return free.filter(channel=open_break.channel)
    accounts = {_account(one) for one in own} - {None}
    if len(accounts) != 1:
        return free
    (account,) = accounts
    return free.filter(Q(bank_account=account) | Q(channel__bank_account=account))


def _account(entry: Entry) -> int | None:
    if entry.bank_account_id is not None:
        return int(entry.bank_account_id)
    account = entry.channel.bank_account_id if entry.channel else None
    return None if account is None else int(account)


def _grouped(rows: Sequence[Entry], *, stage: str) -> Iterator[Item]:
    """Settlements and slips as one each, as the bench names them; anything else for itself."""
    groups: dict[str, list[Entry]] = {}
    for row in rows:
        groups.setdefault(_group_of(row, stage=stage), []).append(row)
    for name, members in groups.items():
        first = members[0]
        key = first.settlement_ref or first.deposit_ref
        title = key if ":" in name and name.split(":")[0] in ("settlement", "deposit") else ""
        yield Item(
            name=name,
            title=title or first.reference or first.channel_ref or first.utr or first.source_key,
            day=min(one.business_date for one in members),
            paise=sum(amount_of(one, stage=stage) for one in members),
            entry_ids=tuple(one.pk for one in members),
        )


def _group_of(row: Entry, *, stage: str) -> str:
    if stage == Stage.BANK and row.channel is not None:
        if row.book == Book.CHANNEL and row.settlement_ref:
            return f"settlement:{row.channel.code}/{row.settlement_ref}"
        if row.book == Book.RECEIPTS and row.deposit_ref:
            return f"deposit:{row.channel.code}/{row.deposit_ref}"
    return name_of(row)
