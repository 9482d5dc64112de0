"""What touches a closed day afterwards: found after each run, kept, and never applied silently.

Loading goes on, because facts are facts. A line touches the first closed day on or after its own
date, for that is where it changes a sum first; a restatement whose closing moved touches the next
closed day, because that one opens with it.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any, Final

from django.db import transaction
from django.db.models import Case, Count, Max, Min, Q, QuerySet, Sum, When
from django.db.models.functions import Coalesce

from channels_.models import StatementFile
from cspdcl.kernel.clock import now
from payments import books
from reconciliation.incoming.files import CONTRA
from reconciliation.models import (
    Book,
    DayCause,
    DayClose,
    Entry,
    Kind,
    Match,
    MatchLine,
    Run,
    Stage,
    Undo,
)

_AT_ONCE: Final = 1000
_SHOWN_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class _Since:
    """From where a sweep looks: all before it was held against the closed days already."""

    entries: int
    run: int
    at: datetime | None


class _Closed:
    """The closed days in order, each with what its run has seen."""

    def __init__(self, closes: Iterable[DayClose]) -> None:
        self._by_day = {one.business_date: one for one in closes}
        self._days = sorted(self._by_day)

    @property
    def latest(self) -> date | None:
        return self._days[-1] if self._days else None

    def on(self, day: date) -> DayClose | None:
        return self._by_day.get(day)

    def on_or_after(self, day: date) -> DayClose | None:
        at = bisect_left(self._days, day)
        return self._by_day[self._days[at]] if at < len(self._days) else None


@transaction.atomic
def find() -> int:
    """Hold all that came since the last time against the closed days; returns the new causes."""
    done = Run.objects.filter(state=Run.State.DONE)
    last = done.order_by("-id").first()
    if last is None:
        return 0
    swept = done.filter(swept_at__isnull=False).order_by("-id").first()
    since = _Since(
        entries=swept.entries_until if swept else 0,
        run=swept.pk if swept else 0,
        at=swept.finished_at if swept else None,
    )
    found = _find(_Closed(_live()), since)
    Run.objects.filter(pk=last.pk).update(swept_at=now())
    return found


def find_for(close: DayClose) -> int:
    """The same for one day that has just closed: what came between its run and its signature."""
    run = close.run
    since = _Since(entries=run.entries_until, run=run.pk, at=run.finished_at)
    return _find(_Closed([close]), since)


def _live() -> Iterable[DayClose]:
    return DayClose.objects.filter(state=DayClose.State.CLOSED).select_related("run")


def _find(closed: _Closed, since: _Since) -> int:
    if closed.latest is None:
        return 0
    found = [
        *_files(closed, since),
        *_receipts(closed, since),
        *_undone_payments(closed, since),
        *_undone_matches(closed, since),
        *_later_matches(closed, since),
    ]
    before = DayCause.objects.count()
    DayCause.objects.bulk_create(found, ignore_conflicts=True, batch_size=_AT_ONCE)
    return DayCause.objects.count() - before


def note_restated(close: DayClose, *, moved_paise: int) -> None:
    """A restatement moved the closing of its day: the next closed day opens with it."""
    follower = _Closed(_live()).on_or_after(date.fromordinal(close.business_date.toordinal() + 1))
    if follower is not None and close.closed_at is not None:
        DayCause.objects.get_or_create(
            business_date=follower.business_date,
            kind=DayCause.Kind.CORRECTION,
            key=f"day:{close.number}",
            defaults={
                "reference": close.number,
                "amount_paise": moved_paise,
                "at": close.closed_at,
                "facts": {"why": "opening"},
            },
        )


# ---- lines that came late ----


def _late(closed: _Closed, since: _Since) -> Any:
    return Entry.objects.filter(id__gt=since.entries, business_date__lte=closed.latest)


def _files(closed: _Closed, since: _Since) -> list[DayCause]:
    """Late files, each once a day that it touches."""
    rows = (
        _late(closed, since)
        .filter(file__isnull=False)
        .order_by()
        # What cancels the lines of a file came after them, and is a cause of its own.
        .annotate(is_contra=Q(source_key__startswith=CONTRA))
        .values("file_id", "business_date", "is_contra")
        .annotate(n=Count("id"), paise=Sum("amount_paise"), first=Min("id"))
    )
    sums: dict[tuple[int, date, bool], list[int]] = {}
    for row in rows:
        close = closed.on_or_after(row["business_date"])
        if close is not None and row["first"] > close.run.entries_until:
            name = (row["file_id"], close.business_date, row["is_contra"])
            total = sums.setdefault(name, [0, 0])
            total[0] += row["n"]
            total[1] += row["paise"]
    files = StatementFile.objects.select_related("channel", "bank_account", "ledger").in_bulk(
        {file_id for file_id, _day, _contra in sums}
    )
    return [
        DayCause(
            business_date=day,
            kind=DayCause.Kind.FILE,
            key=f"{'undone' if is_contra else 'file'}:{file_id}",
            reference=f"{files[file_id].name}{' (undone)' if is_contra else ''}",
            amount_paise=paise,
            count=count,
            at=now() if is_contra else files[file_id].loaded_at,
            facts={"source": files[file_id].source_code, "sha256": files[file_id].sha256},
        )
        for (file_id, day, is_contra), (count, paise) in sorted(sums.items())
    ]


def _receipts(closed: _Closed, since: _Since) -> list[DayCause]:
    """Receipts, refunds and cancellations of a closed day that we heard of late."""
    rows = _late(closed, since).filter(book=Book.RECEIPTS).exclude(kind=Kind.FAILED).order_by("id")
    found = []
    for entry in rows.select_related("channel").iterator(chunk_size=_AT_ONCE):
        close = closed.on_or_after(entry.business_date)
        if close is not None and entry.pk > close.run.entries_until:
            found.append(
                DayCause(
                    business_date=close.business_date,
                    kind=DayCause.Kind.RECEIPT,
                    key=entry.source_key,
                    reference=entry.reference or entry.channel_ref,
                    amount_paise=entry.amount_paise,
                    at=entry.loaded_at,
                    facts={
                        "what": entry.kind,
                        "channel": entry.channel.code if entry.channel else "",
                    },
                )
            )
    return found


# ---- payments that were undone ----


def _undone_payments(closed: _Closed, since: _Since) -> list[DayCause]:
    """Dishonours, and other reversals of a later day: each touches the day that had it matched."""
    reversals = list(
        Entry.objects.filter(id__gt=since.entries, book=Book.RECEIPTS, kind=Kind.REVERSAL).order_by(
            "id"
        )
    )
    told = {
        row["reference"]: row
        for row in books.reversals_among([entry.reference for entry in reversals])
    }
    paid = {
        entry.reference: entry
        for entry in Entry.objects.filter(
            book=Book.RECEIPTS, source_key__in=[f"payment:{one.reference}" for one in reversals]
        )
    }
    matched = dict(
        MatchLine.objects.filter(
            entry__in=[entry.pk for entry in paid.values()], stage=Stage.BANK, is_live=True
        ).values_list("entry_id", "match__matched_on")
    )
    found = []
    for entry in reversals:
        payment = paid.get(entry.reference)
        if payment is None:
            continue
        close = closed.on(matched.get(payment.pk, payment.business_date))
        if (
            close is not None
            and entry.pk > close.run.entries_until
            and entry.business_date > close.business_date
        ):
            found.append(_undone_payment(close, entry, told.get(entry.reference, {})))
    return found


def _undone_payment(close: DayClose, entry: Entry, told: dict[str, Any]) -> DayCause:
    number = entry.consumer_number
    facts = {
        "receipt": told.get("receipt", ""),
        "consumer": f"••••{number[-_SHOWN_DIGITS:]}" if number else "",
        "returned_on": entry.business_date.isoformat(),
        "paid_on": told["business_date"].isoformat() if told else "",
        "why": told.get("cause", ""),
    }
    if entry.instrument:
        facts["instrument"] = entry.instrument
    return DayCause(
        business_date=close.business_date,
        kind=DayCause.Kind.DISHONOUR if entry.instrument else DayCause.Kind.CORRECTION,
        key=entry.source_key,
        reference=entry.reference,
        amount_paise=entry.amount_paise,
        at=entry.occurred_at or entry.loaded_at,
        facts=facts,
    )


# ---- matches that were undone, or made for a day that had closed ----


def _undone_matches(closed: _Closed, since: _Since) -> list[DayCause]:
    """Each moment of undoing once a day: a whole run that was undone is one cause, not a million.

    All that one undo marks has one ``undone_at``.
    """
    undone = Match.objects.filter(undone_at__isnull=False, matched_on__lte=closed.latest)
    if since.at is not None:
        undone = undone.filter(undone_at__gt=since.at)
    groups = (
        undone.order_by("undone_at", "matched_on", "leg")
        .values("undone_at", "matched_on", "leg", "run_id")
        .annotate(first=Min("pk"))
    )
    sums: dict[tuple[datetime, date], list[dict[str, Any]]] = {}
    for row in map(dict[str, Any], groups):
        close = closed.on_or_after(row["matched_on"])
        ended = close.run.finished_at if close else None
        if close is None or ended is None or row["undone_at"] <= ended:
            continue
        if (row["run_id"] or 0) > close.run_id:
            continue  # made and undone after the day had closed: nothing moved
        sums.setdefault((row["undone_at"], close.business_date), []).append(row)
    return [_undone(day, at, rows) for (at, day), rows in sorted(sums.items())]


def _undone(day: date, at: datetime, rows: list[dict[str, Any]]) -> DayCause:
    moved = Match.objects.filter(
        reduce(
            or_,
            (
                Q(undone_at=at, matched_on=row["matched_on"], leg=row["leg"], run_id=row["run_id"])
                for row in rows
            ),
        )
    )
    count = moved.count()
    first = Match.objects.select_related("decision").get(pk=min(row["first"] for row in rows))
    undo = Undo.objects.filter(done_at=at).first()
    name = first.decision.public_id if first.decision else f"match {first.pk}"
    return DayCause(
        business_date=day,
        kind=DayCause.Kind.UNDONE,
        key=f"match:{first.pk}",
        reference=undo.title if undo and not first.decision else name,
        amount_paise=_paise_of(moved),
        count=count,
        at=at,
        facts={"leg": first.leg, "what": undo.kind if undo else "decision"},
    )


# In the bank stage a channel's line counts by what it pays out.
_PAISE: Final = Case(
    When(stage=Stage.BANK, entry__book=Book.CHANNEL, then="entry__net_paise"),
    default="entry__amount_paise",
)


def _paise_of(matches: QuerySet[Match]) -> int:
    """What matches come to: of each the side that a rupee passes first, or the bank's alone."""
    said = MatchLine.objects.filter(match__in=matches.values("pk")).order_by().values("match_id")
    sides = [Sum(_PAISE, filter=Q(entry__book=book)) for book in Book]
    total = said.annotate(paise=Coalesce(*sides)).aggregate(sum=Sum("paise"))["sum"]
    return int(total or 0)


def _later_matches(closed: _Closed, since: _Since) -> list[DayCause]:
    """Matches of lines that a closed day had left open, dated on that day or before."""
    groups = (
        Match.objects.filter(
            run_id__gt=since.run, matched_on__lte=closed.latest, undone_at__isnull=True
        )
        .order_by("run_id", "matched_on")
        .values_list("run_id", "matched_on")
        .distinct()
    )
    found = []
    for run_id, day in groups:
        close = closed.on_or_after(day)
        if close is None or run_id <= close.run_id:
            continue
        made = Match.objects.filter(run_id=run_id, matched_on=day, undone_at__isnull=True)
        latest = made.annotate(last=Max("lines__entry_id"))
        # A match with a late line is told by the file or receipt that brought the line.
        late = latest.filter(last__lte=close.run.entries_until)
        count = late.count()
        if count:
            found.append(
                DayCause(
                    business_date=close.business_date,
                    kind=DayCause.Kind.CORRECTION,
                    key=f"run:{run_id}:{day.isoformat()}",
                    reference=day.isoformat(),
                    amount_paise=_paise_of(late),
                    count=count,
                    at=now(),
                    facts={"why": "matched"},
                )
            )
    return found
