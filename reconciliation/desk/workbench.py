"""One break on the bench: its two sides, what agrees between them, and what could explain it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cspdcl.kernel.money import grouped_rupees
from reconciliation.desk import decisions, patience
from reconciliation.matching.ledger import in_stage
from reconciliation.models import (
    Book,
    Break,
    BreakLine,
    Entry,
    Kind,
    MatchLine,
    Reason,
    Stage,
    right_book,
)

SHOWN_MAX: Final = 12  # entries of a side that are written out
CANDIDATES_MAX: Final = 12
DAYS: Final = 5  # how far a candidate may lie
READ_MAX: Final = 2 * CANDIDATES_MAX
GROUPS_MAX: Final = 500
# Breaks of several entries that fit, of which a person may mean some.
CHOICES: Final = frozenset({Reason.AMBIGUOUS, Reason.DUPLICATE})
CHOSEN_MAX: Final = 200  # names in one proposal; a group is one name
ENTRIES_MAX: Final = 100_000  # lines behind them

# What two entries are compared by, in the order a person looks.
FIELDS: Final[Mapping[str, str | Promise]] = {
    "reference": gettext_lazy("Reference"),
    "channel_ref": gettext_lazy("Their id"),
    "order_ref": gettext_lazy("Order"),
    "settlement_ref": gettext_lazy("Settlement"),
    "deposit_ref": gettext_lazy("Slip"),
    "utr": gettext_lazy("UTR"),
    "rrn": gettext_lazy("RRN"),
    "instrument": gettext_lazy("Cheque"),
    "consumer_number": gettext_lazy("Consumer"),
}
# A posting has names of its own; its document is compared with nothing of ours.
_POSTED_FIELDS: Final = ("reference", "consumer_number")
# What names a whole group on the other side, and which column of ours it is compared with.
_GROUPS: Final = {"settlement": "settlement_ref", "deposit": "deposit_ref"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field of two entries, side by side."""

    label: str | Promise
    ours: str
    theirs: str
    agrees: bool
    ours_paise: int | None = None
    theirs_paise: int | None = None


@dataclass(slots=True)
class Side:
    """What one book says in a break."""

    book: str
    count: int
    paise: int
    entries: list[Entry]  # the first of them
    left_out: frozenset[str] = frozenset()  # names of those that a person did not mean
    counts: dict[str, int] = field(default_factory=dict)  # what each adds to the difference

    @property
    def rows(self) -> list[dict[str, object]]:
        """The entries that are written out, each with its name and whether it is meant."""
        return [
            {
                "entry": one,
                "name": name_of(one),
                "is_meant": name_of(one) not in self.left_out,
                "paise": self.counts.get(name_of(one), 0),
            }
            for one in self.entries
        ]

    @property
    def title(self) -> str:
        """The book's name."""
        return str(Book(self.book).label)

    @property
    def more(self) -> int:
        """How many are not written out."""
        return self.count - len(self.entries)


@dataclass(slots=True)
class Candidate:
    """One entry, or a group that belongs together, that could explain a break."""

    id: str
    title: str
    note: str
    paise: int  # as it counts in the running difference
    fields: list[dict[str, object]] = field(default_factory=list)
    is_chosen: bool = False

    @property
    def agreeing(self) -> int:
        """How many of its fields agree."""
        return sum(bool(one["agrees"]) for one in self.fields)

    @property
    def shares_a_name(self) -> bool:
        """Whether more than its money and its day agree; these two stand last."""
        return any(bool(one["agrees"]) for one in self.fields[:-2])


@dataclass(slots=True)
class Bench:
    """All that the page of a break shows of its entries."""

    sides: list[Side]
    comparison: list[Comparison]
    candidates: list[Candidate]
    label: str
    paise: int  # what is to be explained
    is_matchable: bool
    is_choice: bool  # several of its own entries fit: a person names those that are meant
    left_paise: int  # what is to be explained by the entries that are meant


def fields_of(stage: str) -> Mapping[str, str | Promise]:
    """What two entries of a stage are compared by."""
    if stage == Stage.ERP:
        return {name: FIELDS[name] for name in _POSTED_FIELDS}
    return FIELDS


def is_taken(stage: str) -> Exists:
    """Whether an entry has a live match in a stage."""
    return Exists(MatchLine.objects.filter(entry=OuterRef("pk"), stage=stage, is_live=True))


def bench_of(open_break: Break, *, chosen: Iterable[str] = (), own: Sequence[str] = ()) -> Bench:
    """All about the break's entries; its size does not change the number of queries."""
    sides = _sides_of(open_break)
    is_choice = open_break.reason in CHOICES and not any(side.more for side in sides)
    if is_choice and own:
        names_of_own = {name_of(entry) for side in sides for entry in side.entries}
        for side in sides:
            side.left_out = frozenset(names_of_own - set(own))
    total = _difference_of(open_break, sides)
    sign = -1 if total < 0 else 1
    for side in sides:
        right = side.book == right_book(open_break.stage)
        for entry in side.entries:
            amount = amount_of(entry, stage=open_break.stage)
            side.counts[name_of(entry)] = sign * (-amount if right else amount)
    names = frozenset(chosen)
    is_matchable = open_break.state == Break.State.OPEN and open_break.stage != Stage.FEE
    found = _candidates(open_break, sides, total=total, sign=sign) if is_matchable else []
    for one in found:
        one.is_chosen = one.id in names
    return Bench(
        sides=sides,
        comparison=_comparison(sides, fields_of(open_break.stage)),
        candidates=found,
        label=_("To be explained") if len(sides) != 1 else sides[0].title,
        paise=total * sign,
        is_matchable=is_matchable,
        is_choice=is_choice and is_matchable,
        left_paise=total * sign - _left_out(sides),
    )


def _left_out(sides: Sequence[Side]) -> int:
    """What the entries that are not meant add to the difference."""
    return sum(side.counts.get(name, 0) for side in sides for name in side.left_out)


def own_entries(open_break: Break, names: Sequence[str]) -> list[Entry] | None:
    """Those of the break's own entries that were named; None where none is: all are meant.

    Raises NotDecidable where there is no choice, and for a name of none of its entries: who names
    some means no others.
    """
    if not names:
        return None
    if open_break.reason not in CHOICES:
        raise decisions.NotDecidable("all entries of such a break are meant; name none of them")
    wanted = set(names)
    if len(wanted) > CHOSEN_MAX:
        raise decisions.NotDecidable(f"at most {CHOSEN_MAX} of its own entries may be named")
    if any("\0" in name for name in wanted):  # PostgreSQL has no such character
        raise decisions.NotDecidable("a name is none of the break's own entries")
    keys = [name.partition(":")[2] for name in wanted]
    rows = _own(open_break).filter(source_key__in=keys).order_by("pk")
    found = [entry for entry in rows if name_of(entry) in wanted]
    missing = sorted(wanted - {name_of(entry) for entry in found})
    if missing:
        raise decisions.NotDecidable(f"{missing[0][:80]!r} is none of the break's own entries")
    return found


def amount_of(entry: Entry, *, stage: str) -> int:
    """What an entry counts for in a stage: channel lines reach the bank net of fees."""
    is_net = entry.book == Book.CHANNEL and stage == Stage.BANK
    return entry.net_paise if is_net else entry.amount_paise


# ---- the sides ----


def _own(open_break: Break) -> QuerySet[Entry]:
    return Entry.objects.filter(break_lines__open_break=open_break)


def _sides_of(open_break: Break) -> list[Side]:
    is_bank = open_break.stage == Stage.BANK
    summed = {
        row["book"]: row
        for row in _own(open_break)
        .order_by()
        .values("book")
        .annotate(count=Count("pk"), gross=Sum("amount_paise"), net=Sum("net_paise"))
    }
    sides = []
    for book in Book:  # in the order of a rupee
        if book not in summed:
            continue
        row = summed[book]
        shown = (
            _own(open_break)
            .filter(book=book)
            .select_related("channel", "bank_account", "file")
            .order_by("business_date", "line", "id")[:SHOWN_MAX]
        )
        paise = row["net"] if is_bank and book == Book.CHANNEL else row["gross"]
        sides.append(Side(book=book, count=row["count"], paise=paise, entries=list(shown)))
    return sides


def _difference_of(open_break: Break, sides: Sequence[Side]) -> int:
    right = right_book(open_break.stage)
    return sum(-side.paise if side.book == right else side.paise for side in sides)


def _comparison(sides: Sequence[Side], fields: Mapping[str, str | Promise]) -> list[Comparison]:
    """Field by field, where exactly two books stand against each other; a group by its sum."""
    if len(sides) != 2:
        return []
    left, right = sides
    rows = [
        Comparison(
            label=_("Amount, ₹"),
            ours="",
            theirs="",
            agrees=left.paise == right.paise,
            ours_paise=left.paise,
            theirs_paise=right.paise,
        )
    ]
    mine, other = left.entries[0], right.entries[0]
    for name, label in fields.items():
        ours, theirs = getattr(mine, name), getattr(other, name)
        if ours and theirs and _is_common(name, left, right):
            rows.append(Comparison(label, ours, theirs, agrees=ours == theirs))
    rows.append(
        Comparison(
            _("Day"),
            _span(left.entries),
            _span(right.entries),
            agrees=_span(left.entries) == _span(right.entries),
        )
    )
    return rows


def _is_common(name: str, *sides: Side) -> bool:
    """Whether every entry of a side says the same, so that one of them speaks for it."""
    return all(len({getattr(entry, name) for entry in side.entries}) == 1 for side in sides)


def _span(entries: Sequence[Entry]) -> str:
    days = sorted({entry.business_date for entry in entries})
    first, last = f"{days[0]:%d-%m-%Y}", f"{days[-1]:%d-%m-%Y}"
    return first if first == last else f"{first} … {last}"


# ---- candidates ----


def name_of(entry: Entry) -> str:
    """The name of an entry in a form."""
    return f"{entry.book}:{entry.source_key}"


def chosen_entries(open_break: Break, names: Sequence[str]) -> list[Entry]:
    """The unmatched entries that the ticked names stand for. Raises NotDecidable for others.

    A group is looked up again, so that what it holds now is what is proposed.
    """
    if len(names) > CHOSEN_MAX:
        raise decisions.NotDecidable(f"at most {CHOSEN_MAX} candidates may be ticked at once")
    if any("\0" in name for name in names):  # PostgreSQL has no such character
        raise decisions.NotDecidable("a ticked name is no entry")
    single, grouped = Q(), Q()
    for name in names:
        what, _colon, rest = name.partition(":")
        if what in _GROUPS:
            channel, _slash, key = rest.partition("/")
            grouped |= Q(channel__code=channel, **{_GROUPS[what]: key})
        else:
            single |= Q(book=what, source_key=rest)
    free = _free(open_break).filter(single) if single else Entry.objects.none()
    found = {entry.pk: entry for entry in free[:CHOSEN_MAX]}
    if single and len(found) < sum(name.partition(":")[0] not in _GROUPS for name in names):
        raise decisions.NotDecidable("a ticked entry is matched meanwhile; look at the break again")
    if grouped:
        rows = (
            _broken(open_break)
            .filter(grouped)
            .exclude(book__in=(Book.BANK, Book.ERP))[:ENTRIES_MAX]
        )
        found |= {entry.pk: entry for entry in rows}
    return [found[pk] for pk in sorted(found)]


def _free(open_break: Break) -> QuerySet[Entry]:
    """Entries of the break's stage that nothing explains yet, but for its own."""
    return (
        Entry.objects.filter(in_stage(open_break.stage))
        .exclude(is_taken(open_break.stage))
        .exclude(break_lines__open_break=open_break)
    )


def _around(open_break: Break, days: int) -> Q:
    day, span = open_break.business_date, timedelta(days=days)
    return Q(business_date__range=(day - span, day + span))


def _broken(open_break: Break) -> QuerySet[Entry]:
    """Those of them that other open breaks hold: few, however large the books are."""
    held = BreakLine.objects.filter(
        open_break__state=Break.State.OPEN, open_break__stage=open_break.stage
    )
    return _free(open_break).filter(_around(open_break, DAYS), pk__in=held.values("entry_id"))


def broken_entries(open_break: Break) -> QuerySet[Entry]:
    """The unmatched entries of other open breaks near its day: what a person may name."""
    return _broken(open_break)


def _candidates(
    open_break: Break, sides: Sequence[Side], *, total: int, sign: int
) -> list[Candidate]:
    own = [entry for side in sides for entry in side.entries]
    alike = _alike(own, total, fields_of(open_break.stage))
    singles: dict[int, Entry] = {}
    # What is in a break may be days away; among all that is merely open, only the days beside it.
    for near in (_broken(open_break), _free(open_break).filter(_around(open_break, 1))):
        rows = near.filter(alike).select_related("channel", "bank_account", "file")
        shown = patience.read(rows.order_by("business_date", "id")[:READ_MAX])
        singles |= {row.pk: row for row in shown or []}
    found = [
        _single(singles[pk], open_break, own, total=total, sign=sign) for pk in sorted(singles)
    ]
    found += _groups(open_break, own, total=total, sign=sign)
    # The very sum on the wrong side makes the difference twice as large.
    found = [one for one in found if one.paise != -abs(total) or not total or one.shares_a_name]
    nearest = sorted(found, key=lambda one: (-one.agreeing, abs(total * sign - one.paise), one.id))
    return nearest[:CANDIDATES_MAX]


def _alike(own: Sequence[Entry], total: int, fields: Iterable[str]) -> Q:
    """Entries that share a name with one of ours, or have the very amount that is missing."""
    alike = Q(amount_paise__in=[total, -total]) | Q(net_paise__in=[total, -total])
    for name in fields:
        values = {getattr(entry, name) for entry in own} - {""}
        if values:
            alike |= Q(**{f"{name}__in": values})
    return alike


def _single(
    entry: Entry, open_break: Break, own: Sequence[Entry], *, total: int, sign: int
) -> Candidate:
    amount = amount_of(entry, stage=open_break.stage)
    counts = amount if entry.book == right_book(open_break.stage) else -amount
    source = entry.channel or entry.bank_account
    parts = [
        str(Book(entry.book).label),
        str(source) if source else "",
        _("%(file)s, line %(line)s") % {"file": entry.file.name, "line": entry.line}
        if entry.file
        else "",
    ]
    return Candidate(
        id=name_of(entry),
        title=_title(entry),
        note=" · ".join(part for part in parts if part),
        paise=counts * sign,
        fields=_agreement(entry, open_break, own, total=total, amount=counts),
    )


def _title(entry: Entry) -> str:
    name = entry.reference or entry.channel_ref or entry.utr or entry.source_key
    return f"{str(entry.get_kind_display()).capitalize()} {name}"


def _agreement(
    entry: Entry, open_break: Break, own: Sequence[Entry], *, total: int, amount: int
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for name, label in fields_of(open_break.stage).items():
        theirs = getattr(entry, name)
        ours = {getattr(one, name) for one in own} - {""}
        if theirs and ours:
            rows.append({"label": label, "value": theirs, "agrees": theirs in ours})
    rows.append(_amount_row(total, amount))
    rows.append(_day_row(open_break.business_date, entry.business_date))
    return rows


def _amount_row(total: int, amount: int) -> dict[str, object]:
    lacks = abs(amount) - abs(total)
    if amount == total:
        verdict = _("the difference")
    elif lacks == 0:
        verdict = _("the other sign")
    else:
        word = _("%(paise)s more") if lacks > 0 else _("%(paise)s less")
        verdict = word % {"paise": grouped_rupees(abs(lacks))}
    return {
        "label": _("Amount"),
        "value": grouped_rupees(abs(amount)),
        "agrees": amount == total,
        "verdict": verdict,
    }


def _day_row(ours: date, theirs: date) -> dict[str, object]:
    days = (theirs - ours).days
    verdict = ""
    if days:
        words = ngettext("%(n)s day later", "%(n)s days later", abs(days))
        if days < 0:
            words = ngettext("%(n)s day before", "%(n)s days before", abs(days))
        verdict = words % {"n": abs(days)}
    return {
        "label": _("Day"),
        "value": f"{theirs:%d-%m-%Y}",
        "agrees": not days,
        "verdict": verdict,
    }


def _groups(open_break: Break, own: Sequence[Entry], *, total: int, sign: int) -> list[Candidate]:
    """Settlements or deposit slips for a credit that has none, the nearest sums first."""
    kinds = {entry.kind for entry in own if entry.book == Book.BANK}
    if len(kinds) != 1 or any(entry.book != Book.BANK for entry in own):
        return []
    kind = kinds.pop()
    near, found = _broken(open_break), []
    if kind in (Kind.SETTLEMENT, Kind.TRANSFER):
        lines = near.filter(book=Book.CHANNEL)
        found += [
            ("settlement", row) for row in _summed(lines, "settlement_ref", "net_paise", total)
        ]
    if kind in (Kind.DEPOSIT, Kind.TRANSFER):
        receipts = near.filter(book=Book.RECEIPTS)
        found += [
            ("deposit", row) for row in _summed(receipts, "deposit_ref", "amount_paise", total)
        ]
    return [
        _group(what, row, open_break, own, total=total, sign=sign)
        for what, row in found
        # A credit that calls itself neither is explained by the very sum or not at all.
        if kind != Kind.TRANSFER or row["paise"] == abs(total)
    ]


def _summed(entries: QuerySet[Entry], key: str, amount: str, total: int) -> list[dict[str, object]]:
    rows = (
        entries.exclude(**{key: ""})
        .order_by()
        .values("channel__code", "channel__name", key=F(key))
        .annotate(count=Count("pk"), paise=Sum(amount), utr=Max("utr"), day=Min("business_date"))
    )
    nearest = sorted(rows[:GROUPS_MAX], key=lambda row: abs(row["paise"] - abs(total)))
    return [dict(row) for row in nearest[:4]]


def _group(
    what: str,
    row: Mapping[str, object],
    open_break: Break,
    own: Sequence[Entry],
    *,
    total: int,
    sign: int,
) -> Candidate:
    paise, count, day = row["paise"], row["count"], row["day"]
    assert isinstance(paise, int)  # noqa: S101 - the database counted
    assert isinstance(count, int)  # noqa: S101
    assert isinstance(day, date)  # noqa: S101
    words = {"settlement": _("Settlement"), "deposit": _("Deposit slip")}
    lines = ngettext("%(n)s line", "%(n)s lines", count) % {"n": count}
    fields: list[dict[str, object]] = []
    utrs = {entry.utr for entry in own} - {""}
    if row["utr"] and utrs:
        fields.append({"label": "UTR", "value": row["utr"], "agrees": row["utr"] in utrs})
    fields += [_amount_row(total, -paise), _day_row(open_break.business_date, day)]
    return Candidate(
        id=f"{what}:{row['channel__code']}/{row['key']}",
        title=f"{words[what]} {row['key']}",
        note=f"{row['channel__name']} · {lines}",
        paise=-paise * sign,
        fields=fields,
    )
