"""Reading the books. ``visible_*`` is the only door of a person to a row."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, F, Min, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum

from channels_.models import Channel, LedgerSystem
from cspdcl.kernel.clock import today
from cspdcl.kernel.logs import mask
from payments.models import Bill, Consumer, Payment
from payments.notices import consumers_by_number
from payments.selectors import dues_of
from payments.states import State as PaymentState
from people.access import has_role
from people.models import User
from people.roles import ADMINISTRATOR, AUDITOR, CHANNEL, FINANCE, OPERATOR, READERS
from reconciliation.desk import explain, listing, terms
from reconciliation.found import bank_credits
from reconciliation.matching.ledger import in_stage, ledger_now
from reconciliation.models import (
    BackTest,
    Batch,
    Book,
    Break,
    BreakLetter,
    BreakNote,
    DayCause,
    DayClose,
    DayTally,
    Decision,
    Entry,
    Expected,
    FeeClaim,
    Kind,
    Match,
    MatchLine,
    OpenItem,
    Proof,
    RateCard,
    Reason,
    Rule,
    Run,
    SavedFilter,
    Stage,
    Undo,
    UndoneMatch,
)

# The books belong to the company, not to an office: who reads them reads them all, others nothing.
_BOOK_READERS = (*READERS, OPERATOR, CHANNEL)
_RUNS_A_DAY_MAX = 1_000_000
_BILLS_READ = 12
_BILLS_SHOWN = 5


def may_read_books(user: User) -> bool:
    """Whether a role of the user reads the company's books."""
    return has_role(user, *_BOOK_READERS)


def visible_breaks(user: User) -> QuerySet[Break]:
    """The breaks a user may see, with what every list shows."""
    if not may_read_books(user):
        return Break.objects.none()
    return Break.objects.select_related("channel", "bank_account", "opened_by", "owner")


def visible_letters(user: User) -> QuerySet[BreakLetter]:
    """The letters about breaks a user may see: whoever reads the breaks."""
    if not may_read_books(user):
        return BreakLetter.objects.none()
    return BreakLetter.objects.select_related("open_break", "outgoing", "by").order_by("id")


def visible_notes(user: User) -> QuerySet[BreakNote]:
    """The notes on breaks a user may see: whoever reads the breaks."""
    if not may_read_books(user):
        return BreakNote.objects.none()
    return BreakNote.objects.select_related("by", "paper").order_by("id")


def visible_batches(user: User) -> QuerySet[Batch]:
    """The steps for many breaks a user may see, the latest first: whoever reads decisions."""
    if not has_role(user, *FINANCE, AUDITOR):
        return Batch.objects.none()
    return Batch.objects.select_related("maker", "checker").order_by("-id")


def saved_filters(user: User) -> QuerySet[SavedFilter]:
    """A person's own ways to narrow the breaks."""
    return SavedFilter.objects.filter(user=user).order_by("name")


def visible_entries(user: User) -> QuerySet[Entry]:
    """The entries a user may see."""
    return Entry.objects.all() if may_read_books(user) else Entry.objects.none()


def visible_runs(user: User) -> QuerySet[Run]:
    """The runs a user may see, the latest first."""
    return Run.objects.order_by("-id") if may_read_books(user) else Run.objects.none()


def numbered_runs(user: User) -> QuerySet[Run]:
    """The visible runs, each with its number within its day, which names it to people."""
    up_to = Run.objects.filter(business_date=OuterRef("business_date"), id__lte=OuterRef("id"))
    number = up_to.order_by().values("business_date").annotate(n=Count("id")).values("n")
    return visible_runs(user).annotate(number=Subquery(number))


def run_of(user: User, *, day: date, number: int) -> Run | None:
    """The n-th run of a day; None when there were fewer."""
    if not 1 <= number <= _RUNS_A_DAY_MAX:
        return None
    return visible_runs(user).filter(business_date=day).order_by("id")[number - 1 : number].first()


def visible_matches(user: User) -> QuerySet[Match]:
    """The matches a user may see."""
    return (
        Match.objects.select_related("rule", "decision")
        if may_read_books(user)
        else Match.objects.none()
    )


def visible_rules(user: User) -> QuerySet[Rule]:
    """The versions of rules a user may see: whoever reads the books, and who keeps them."""
    if not (may_read_books(user) or has_role(user, ADMINISTRATOR)):
        return Rule.objects.none()
    return Rule.objects.select_related("maker", "checker")


def visible_back_tests(user: User) -> QuerySet[BackTest]:
    """What was tried of the rules that a user may see."""
    seen = BackTest.objects.filter(rule__in=visible_rules(user))
    return seen.select_related("rule", "asked_by")


def visible_rate_cards(user: User) -> QuerySet[RateCard]:
    """The rate cards that were proposed, for whoever reads the books."""
    seen = RateCard.objects.select_related("channel", "maker", "checker")
    return seen if may_read_books(user) else seen.none()


def visible_claims(user: User) -> QuerySet[FeeClaim]:
    """What was claimed of channels, for whoever reads the books."""
    seen = FeeClaim.objects.select_related("channel", "claimed_by", "answered_by")
    return seen if may_read_books(user) else seen.none()


def visible_closes(user: User) -> QuerySet[DayClose]:
    """The versions of closed days a user may see: whoever reads the books."""
    if not may_read_books(user):
        return DayClose.objects.none()
    return DayClose.objects.select_related("run", "maker", "checker")


def visible_causes(user: User) -> QuerySet[DayCause]:
    """What touched closed days, for whoever reads the books."""
    return DayCause.objects.all() if may_read_books(user) else DayCause.objects.none()


def closing_state(live: DayClose | None, proposal: DayClose | None, *, is_touched: bool) -> str:
    """Where a day stands on its way to a certificate, in a word of ``looks.CLOSINGS``."""
    if proposal is not None:
        return "proposed"
    if live is None:
        return "open"
    return "due" if is_touched else "closed"


@dataclass(frozen=True, slots=True)
class ClosingDay:
    """One business date on its way to a certificate."""

    day: date
    live: DayClose | None
    state: str


def closing_days(user: User, *, until: date, days: int) -> list[ClosingDay]:
    """The days before ``until`` that a run has proved or a person closed, the latest first."""
    first = until - timedelta(days=days)
    closes = visible_closes(user).filter(business_date__range=(first, until))
    live = {one.business_date: one for one in closes.filter(state=DayClose.State.CLOSED)}
    proposed = {one.business_date: one for one in closes.filter(state=DayClose.State.PROPOSED)}
    touched = set(
        visible_causes(user)
        .filter(stated_by__isnull=True, business_date__range=(first, until))
        .values_list("business_date", flat=True)
    )
    runs = visible_runs(user).filter(state=Run.State.DONE, business_date__range=(first, until))
    known = {*live, *proposed, *runs.order_by().values_list("business_date", flat=True)} - {until}
    return [
        ClosingDay(
            day=day,
            live=live.get(day),
            state=closing_state(live.get(day), proposed.get(day), is_touched=day in touched),
        )
        for day in sorted(known, reverse=True)
    ]


def visible_decisions(user: User) -> QuerySet[Decision]:
    """The decisions a user may see: whoever reads the books, machines apart."""
    if not has_role(user, *READERS, AUDITOR):
        return Decision.objects.none()
    return Decision.objects.select_related(
        "maker", "checker", "open_break", "open_break__channel"
    ).order_by("-id")


def visible_undos(user: User) -> QuerySet[Undo]:
    """The undos a user may see: whoever reads decisions."""
    if not has_role(user, *FINANCE, AUDITOR):
        return Undo.objects.none()
    return Undo.objects.select_related("maker", "checker").order_by("-id")


def waiting_credits(user: User) -> QuerySet[Break]:
    """The credits that wait for a consumer, the oldest first."""
    if not has_role(user, *FINANCE, AUDITOR, CHANNEL):
        return Break.objects.none()
    return bank_credits.waiting().order_by("business_date", "pk")


def entry_id_of(credit: Break) -> int:
    """The line of one of them."""
    return int(credit.entry_id)  # type: ignore[attr-defined]  # annotated by waiting_credits


def credits_as_data(breaks: Sequence[Break], *, as_of: date) -> list[dict[str, Any]]:
    """Such credits as the API tells them, each with whose it probably is."""
    entries = Entry.objects.in_bulk([entry_id_of(one) for one in breaks])
    known = bank_credits.identify(list(entries.values()))
    told = []
    for one in breaks:
        entry = entries[entry_id_of(one)]
        found = known.get(entry.pk)
        told.append(
            {
                "id": one.public_id,
                "reference": one.reference,
                "bank_account": one.bank_account.code if one.bank_account else None,
                "business_date": one.business_date,
                "age_days": max((as_of - one.business_date).days, 0),
                "amount_paise": one.amount_paise,
                "narration": mask(entry.narration),
                "utr": entry.utr,
                "rrn": entry.rrn,
                "consumer_number": found.consumer.number if found else None,
                "known_by": str(found.how) if found else None,
            }
        )
    return told


def found_money(user: User) -> QuerySet[Break]:
    """Breaks of money that no notice told of, also those that were explained."""
    if not has_role(user, *FINANCE, AUDITOR, CHANNEL):
        return Break.objects.none()
    credits_ = Q(stage=Stage.BANK, book=Book.BANK, reason__in=bank_credits.REASONS)
    listed = Q(stage=Stage.CHANNEL, book=Book.CHANNEL, reason=Reason.MISSING_IN_BOOKS)
    return visible_breaks(user).filter(credits_ | listed)


def suspense(user: User) -> QuerySet[Payment]:
    """Paid payments without a consumer; whoever reads the books' found money reads them all."""
    if not has_role(user, *FINANCE, AUDITOR):
        return Payment.objects.none()
    return Payment.objects.filter(
        consumer__isnull=True, state=PaymentState.SUCCEEDED
    ).select_related("channel")


def consumer_named(text: str) -> Consumer | None:
    """The consumer with this number, or the only one of this business partner."""
    return consumers_by_number([text]).get(text) if text.isascii() and text.isdigit() else None


def open_bills_of(amount_paise: int) -> list[Bill]:
    """The latest bills of exactly this amount of which nothing is paid, a handful."""
    if amount_paise <= 0:
        return []
    alike = Bill.objects.filter(amount_paise=amount_paise).select_related("consumer")
    latest = alike.order_by("-due_on", "-id")[:_BILLS_READ]
    return [one for one in latest if _is_unpaid(one)][:_BILLS_SHOWN]


def _is_unpaid(bill: Bill) -> bool:
    return any(
        one.pk == bill.pk and one.outstanding_paise == one.amount_paise
        for one in dues_of(bill.consumer)
    )


def unidentified_count(user: User) -> int:
    """How many credits wait for a consumer, for the navigation."""
    return waiting_credits(user).count()


def late_breaks(user: User, *, as_of: date) -> list[terms.Late]:
    """What is late of the breaks a user may see, but for what is parked, by role and owner."""
    worked_on = listing.narrowed(visible_breaks(user), {"parked": "no"}, as_of=as_of)
    return terms.late(worked_on, as_of=as_of)


def breaks_open_on(day: date) -> QuerySet[Break]:
    """The breaks that are open now and belong to a day or an earlier one, oldest first."""
    return (
        Break.objects.filter(state=Break.State.OPEN, business_date__lte=day)
        .select_related("channel", "bank_account")
        .order_by("business_date", "stage", "reason", "reference", "id")
    )


def references_of(open_break: Break, entries: Sequence[Entry]) -> list[str]:
    """Every name a break may be searched by: its own and those of its first twenty entries."""
    names = {open_break.reference}
    facts = open_break.facts
    names |= {
        str(facts[name])
        for name in ("utr", "settlement", "slip", "instrument", "receipt", "failed", "value")
        if facts.get(name)
    }
    for entry in entries[:20]:
        names |= {
            entry.reference, entry.channel_ref, entry.order_ref, entry.original_ref,
            entry.settlement_ref, entry.deposit_ref, entry.utr, entry.rrn, entry.instrument,
            entry.code,
        }  # fmt: skip
    return sorted(names - {""})


def break_as_data(open_break: Break, *, as_of: date) -> dict[str, Any]:
    """A break as the command and the API tell it; amounts in paise, days from its business date."""
    entries = [line.entry for line in open_break.lines.all()]
    return {
        "id": open_break.public_id,
        "reference": open_break.reference,
        "references": references_of(open_break, entries),
        "source": open_break.book,
        "channel": open_break.channel.code if open_break.channel else None,
        "bank_account": open_break.bank_account.code if open_break.bank_account else None,
        "stage": open_break.stage,
        "leg": open_break.leg,
        "reason": open_break.reason,
        "amount_paise": open_break.amount_paise,
        "business_date": open_break.business_date.isoformat(),
        "age_days": max((as_of - open_break.business_date).days, 0),
        "state": open_break.state,
        "explanation": explain.sentence(open_break),
    }


def with_lines(breaks: QuerySet[Break]) -> QuerySet[Break]:
    """Breaks with their entries, in two queries however many they are."""
    return breaks.prefetch_related(Prefetch("lines__entry"))


def last_run(day: date) -> Run | None:
    """The last finished run that proved a business date."""
    return _last_runs(day).first()


def _last_runs(day: date) -> QuerySet[Run]:
    return Run.objects.filter(business_date=day, state=Run.State.DONE).order_by("-id")


def proofs_of(day: date) -> QuerySet[Proof]:
    """The proof rows of a day, from its last run, in the order a rupee passes them."""
    last = _last_runs(day).values("pk")[:1]
    return Proof.objects.filter(run=last).order_by("stage", "book")


@dataclass(slots=True)
class Cell:
    """One channel against one book on a day. Counts and paise; ``open`` are breaks of that day."""

    arrived_count: int = 0
    arrived_paise: int = 0
    matched_count: int = 0
    matched_paise: int = 0
    expected_count: int = 0
    expected_paise: int = 0
    open_count: int = 0
    open_paise: int = 0
    oldest: date | None = None


@dataclass(slots=True)
class BoardRow:
    """One channel on the day board: what we receipted, what its file says, what the bank has."""

    channel: Channel
    receipts_count: int
    receipts_paise: int
    by_channel: Cell | None  # receipts against channel lines; None where the channel sends none
    by_bank: Cell  # settlements, deposits or transfers against the bank
    by_erp: Cell | None  # receipts against the ERP's postings; None where there is no ERP


def day_board(day: date) -> list[BoardRow]:
    """The day by channel: sums that runs carry, and what came or was decided since the last one."""
    cells: dict[tuple[int, str], Cell] = {}
    receipts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    asked = Q(book=Book.RECEIPTS) | Q(book=Book.CHANNEL, stage=Stage.BANK)
    for told in DayTally.objects.filter(asked, business_date=day):
        _add_told(cells, receipts, told)
    last = Run.objects.filter(state=Run.State.DONE, matches_until__isnull=False).order_by("-id")
    has_erp = ledger_now() is not None
    _add_since(cells, receipts, day, last=last.first(), has_erp=has_erp)
    _add_expected(cells, day)
    _add_open(cells, day)
    rows = []
    for channel in Channel.objects.select_related("bank_account").order_by("position", "code"):
        taken_count, taken_paise = receipts[channel.pk]
        is_settled = channel.route == Channel.Route.SETTLEMENT
        rows.append(
            BoardRow(
                channel=channel,
                receipts_count=taken_count,
                receipts_paise=taken_paise,
                by_channel=cells.get((channel.pk, Stage.CHANNEL), Cell()) if is_settled else None,
                by_bank=cells.get((channel.pk, Stage.BANK), Cell()),
                by_erp=cells.get((channel.pk, Stage.ERP), Cell()) if has_erp else None,
            )
        )
    return rows


def _cell(cells: dict[tuple[int, str], Cell], channel_id: int, stage: str) -> Cell:
    return cells.setdefault((channel_id, stage), Cell())


def _add_told(
    cells: dict[tuple[int, str], Cell], receipts: dict[int, list[int]], told: DayTally
) -> None:
    channel_id = told.source_id
    if channel_id is None:
        return
    cell = _cell(cells, channel_id, told.stage)
    if told.matched_on is not None:
        cell.matched_count += told.count
        cell.matched_paise += told.paise
        return
    cell.arrived_count += told.count
    cell.arrived_paise += told.paise
    if told.is_payment and told.stage != Stage.ERP:  # there it arrives once more
        receipts[channel_id][0] += told.count
        receipts[channel_id][1] += told.paise


def _add_since(
    cells: dict[tuple[int, str], Cell],
    receipts: dict[int, list[int]],
    day: date,
    *,
    last: Run | None,
    has_erp: bool,
) -> None:
    """What no run has counted yet: entries that came since, matches made or undone since."""
    entries_until = last.entries_until if last else 0
    matches_until = (last.matches_until or 0) if last else 0
    new = Entry.objects.filter(id__gt=entries_until, business_date=day, channel__isnull=False)
    sides = _sides(has_erp=has_erp)
    if Entry.objects.filter(id__gt=entries_until).exists():
        taken = new.filter(book=Book.RECEIPTS, kind__in=(Kind.PAYMENT, Kind.REPEATED))
        for channel_id, count, paise in _summed(taken, "amount_paise"):
            receipts[channel_id][0] += count
            receipts[channel_id][1] += paise
        for stage, book, where, amount in sides:
            for channel_id, count, paise in _summed(new.filter(where, book=book), amount):
                cell = _cell(cells, channel_id, stage)
                cell.arrived_count += count
                cell.arrived_paise += paise
    moved = []
    if Match.objects.filter(pk__gt=matches_until).exists():
        moved.append((MatchLine.objects.filter(match_id__gt=matches_until, is_live=True), 1))
    if UndoneMatch.objects.exists():
        undone = UndoneMatch.objects.filter(pk__lte=matches_until).values("pk")
        moved.append((MatchLine.objects.filter(match_id__in=undone, is_live=False), -1))
    of_day = Entry.objects.filter(business_date=day, channel__isnull=False)
    for lines, sign in moved:
        for stage, book, where, amount in sides:
            some = of_day.filter(
                where, book=book, pk__in=lines.filter(stage=stage).values("entry_id")
            )
            for channel_id, count, paise in _summed(some, amount):
                cell = _cell(cells, channel_id, stage)
                cell.matched_count += sign * count
                cell.matched_paise += sign * paise


def _summed(entries: QuerySet[Entry], amount: str) -> list[tuple[int, int, int]]:
    """Channel, count and paise."""
    found = entries.values("channel_id").annotate(n=Count("id"), paise=Sum(amount))
    return [(row["channel_id"], row["n"], row["paise"]) for row in found]


def _sides(*, has_erp: bool) -> list[tuple[Stage, Book, Q, str]]:
    """What each stage asks of a day: receipts for the channel, for the bank and for the ERP."""
    sides = [
        (Stage.CHANNEL, Book.RECEIPTS, in_stage(Stage.CHANNEL), "amount_paise"),
        (Stage.BANK, Book.RECEIPTS, in_stage(Stage.BANK), "amount_paise"),
        (Stage.BANK, Book.CHANNEL, in_stage(Stage.BANK), "net_paise"),
    ]
    if has_erp:
        sides.append((Stage.ERP, Book.RECEIPTS, in_stage(Stage.ERP), "amount_paise"))
    return sides


def _add_expected(cells: dict[tuple[int, str], Cell], day: date) -> None:
    last = _last_runs(day).values("pk")[:1]
    waiting = Expected.objects.filter(run=last, business_date=day, channel__isnull=False).exclude(
        Q(stage=Stage.CHANNEL, book=Book.CHANNEL) | Q(book__in=(Book.BANK, Book.ERP))
    )
    for row in waiting.values("channel_id", "stage").annotate(n=Sum("count"), total=Sum("paise")):
        cell = _cell(cells, row["channel_id"], row["stage"])
        cell.expected_count += row["n"]
        cell.expected_paise += row["total"]


def _add_open(cells: dict[tuple[int, str], Cell], day: date) -> None:
    open_now = Break.objects.filter(
        state=Break.State.OPEN, business_date__lte=day, channel__isnull=False
    )
    where = Q(stage=Stage.FEE)
    for row in (
        open_now.exclude(where)
        .values("channel_id", "stage")
        .annotate(count=Count("id"), paise=Sum("amount_paise"), oldest=Min("business_date"))
    ):
        cell = _cell(cells, row["channel_id"], row["stage"])
        cell.open_count, cell.open_paise, cell.oldest = row["count"], row["paise"], row["oldest"]
    for fee in (
        open_now.filter(where)
        .values("channel_id")
        .annotate(count=Count("id"), paise=Sum("amount_paise"), oldest=Min("business_date"))
    ):
        cell = _cell(cells, fee["channel_id"], Stage.CHANNEL)
        cell.open_count += fee["count"]
        cell.open_paise += fee["paise"]
        cell.oldest = min(cell.oldest or fee["oldest"], fee["oldest"])


@dataclass(frozen=True, slots=True)
class BookStep:
    """One book in a payment's story: its entry, what it was matched with, or why not yet."""

    book: str
    entry: Entry | None
    match: Match | None
    open_break: Break | None


def books_of(payment: Payment) -> list[BookStep]:
    """Where the rupee is: our receipt, the channel's line, the bank's credit; and the matches."""
    # A late success leaves both: what was held as failed, and what is paid.
    keys = [f"payment:{payment.reference}", f"failed:{payment.reference}"]
    receipt = (
        Entry.objects.filter(book=Book.RECEIPTS, source_key__in=keys)
        .select_related("channel")
        .order_by("-source_key")
        .first()
    )
    steps = [
        _step(
            Book.RECEIPTS,
            receipt,
            Stage.CHANNEL if receipt and receipt.in_channel_stage else Stage.BANK,
        )
    ]
    before = receipt
    # Also of a payment that failed: the channel's report may say otherwise.
    if payment.channel.route == Channel.Route.SETTLEMENT:
        line = _line_of(receipt) if receipt else None
        steps.append(_step(Book.CHANNEL, line, Stage.BANK))
        before = line
    credit = _other_side(before, Stage.BANK, Book.BANK) if before else None
    steps.append(_step(Book.BANK, credit, Stage.BANK))
    return steps


@dataclass(frozen=True, slots=True)
class Posting:
    """What the ERP says of a receipt: its posting, the match, or why not; and when it is due."""

    system: LedgerSystem
    step: BookStep
    due_on: date


def posting_of(receipt: Entry | None) -> Posting | None:
    """The fourth book of a receipt; None where none is expected of it."""
    erp = ledger_now()
    if receipt is None or erp is None:
        return None
    if not Entry.objects.filter(in_stage(Stage.ERP), pk=receipt.pk).exists():
        return None
    own = _step(Book.RECEIPTS, receipt, Stage.ERP)
    found = own.open_break or (
        Break.objects.filter(
            state=Break.State.OPEN, stage=Stage.ERP, reference=receipt.reference
        ).first()
    )
    posted = _other_side(receipt, Stage.ERP, Book.ERP) or _posting_named(receipt, found)
    return Posting(
        system=erp.system,
        step=BookStep(book=Book.ERP, entry=posted, match=own.match, open_break=found),
        due_on=erp.due_on(receipt.business_date),
    )


def _posting_named(receipt: Entry, open_break: Break | None) -> Entry | None:
    """A posting that names the receipt and did not match it: in its break, or in clarification."""
    posted = Entry.objects.filter(book=Book.ERP).select_related("file")
    if open_break is not None:
        found = posted.filter(break_lines__open_break=open_break).order_by("id").first()
        if found is not None:
            return found
    held = OpenItem.objects.filter(stage=Stage.ERP).values("entry_id")
    return posted.filter(pk__in=held, reference=receipt.reference).order_by("id").first()


def _step(book: str, entry: Entry | None, stage: str) -> BookStep:
    if entry is None:
        return BookStep(book=book, entry=None, match=None, open_break=None)
    live = (
        MatchLine.objects.filter(entry=entry, stage=stage, is_live=True)
        .select_related("match__rule", "match__decision__maker", "match__decision__checker")
        .first()
    )
    found = (
        Break.objects.filter(lines__entry=entry, stage=stage, state=Break.State.OPEN)
        .select_related("channel")
        .first()
    )
    return BookStep(book=book, entry=entry, match=live.match if live else None, open_break=found)


def _other_side(entry: Entry, stage: str, book: str) -> Entry | None:
    return (
        Entry.objects.filter(
            book=book,
            match_lines__stage=stage,
            match_lines__is_live=True,
            match_lines__match__lines__entry=entry,
            match_lines__match__lines__is_live=True,
        )
        .select_related("file", "channel", "bank_account")
        .first()
    )


def _line_of(receipt: Entry) -> Entry | None:
    return _other_side(receipt, Stage.CHANNEL, Book.CHANNEL) or _line_named(receipt)


def _line_named(receipt: Entry) -> Entry | None:
    """A line of the channel that names the receipt and did not match it."""
    if not receipt.channel_ref or receipt.channel is None:
        return None
    key = f"{receipt.channel.code}:{receipt.channel_ref}"
    return (
        Entry.objects.filter(book=Book.CHANNEL, source_key=key)
        .select_related("file", "channel")
        .first()
    )


def days_with_entries(*, limit: int = 31) -> list[date]:
    """The latest business dates that hold anything."""
    rows = (
        Proof.objects.values_list("business_date", flat=True).distinct().order_by("-business_date")
    )
    return list(rows[:limit])


def other_money(day: date) -> Sequence[Mapping[str, Any]]:
    """Money in the bank that is no collection, by kind: counted and summed, never a break."""
    rows = (
        Entry.objects.filter(book=Book.BANK, in_bank_stage=False, business_date=day)
        .values("kind", account=F("bank_account__name"))
        .annotate(count=Count("id"), paise=Sum("amount_paise"))
        .order_by("account", "kind")
    )
    return list(rows)


def open_breaks_count(_user: User) -> int:
    """How many breaks are open now and not parked, for the navigation."""
    waits = Q(parked=Break.Parked.TIMING, parked_until__gte=today())
    parked = waits | Q(parked=Break.Parked.SUSPENSE)
    due = Break.objects.filter(~parked, state=Break.State.OPEN, business_date__lte=today())
    return due.count()


def waiting_decisions_count(user: User) -> int:
    """How many proposals wait that the user did not make, for the navigation."""
    waiting = (
        visible.filter(state="proposed").exclude(maker=user).order_by().values("pk")
        for visible in (visible_decisions(user), visible_undos(user), visible_batches(user))
    )
    decisions, undos, batches = waiting
    return decisions.union(undos, batches, all=True).count()  # one question for every page
