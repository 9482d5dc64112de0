"""What a run worked from, so that it can be told whether anything came since."""

import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any, NamedTuple

from django.db.models import Max, QuerySet

from channels_.models import Channel, StatementFile
from counters import books as counter_books
from cspdcl.kernel.clock import business_date
from payments import books
from reconciliation import locks
from reconciliation.incoming import intake
from reconciliation.models import Book, Entry, Run


class Seen(NamedTuple):
    """The last entry, and the hash of the list of files, at one moment of closed books."""

    entries_until: int
    input_hash: str


def seen(day: date) -> Seen:
    """What the books hold; only who has them for itself can rely on it."""
    last = Entry.objects.aggregate(last=Max("id"))["last"]
    return Seen(entries_until=last or 0, input_hash=hash_of(files_of(day)))


def files_of(day: date) -> list[dict[str, Any]]:
    """The loaded files that speak of a day, in an order that no clock decides."""
    rows = (
        _loaded(day)
        .values(
            *("channel__code", "bank_account__code", "ledger__code"),
            *("name", "sha256", "line_count", "version"),
        )
        .order_by("sha256", "id")
    )
    return [
        {
            "source": row["channel__code"] or row["bank_account__code"] or row["ledger__code"],
            "name": row["name"],
            "sha256": row["sha256"],
            "lines": row["line_count"],
        }
        for row in rows
    ]


def hash_of(files: list[dict[str, Any]]) -> str:
    """One hash of a list of files: of each its source and its content."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file['source']} {file['sha256']}\n".encode())
    return digest.hexdigest()


def _loaded(day: date) -> QuerySet[StatementFile]:
    return StatementFile.objects.filter(
        state=StatementFile.State.LOADED, covers_from__lte=day, covers_to__gte=day
    )


def entries_after(run: Run) -> QuerySet[Entry]:
    """Entries of the run's day and earlier ones that came after it."""
    return Entry.objects.filter(business_date__lte=run.business_date, id__gt=run.entries_until)


def receipts_unread(run: Run) -> int:
    """How much that our own books say of the run's day and earlier ones no run has read.

    Payments, what undid them, refunds, chargebacks, and what joins or leaves a slip.
    """
    keys = _keys_heard_of(run.business_date, since=run.started_at - locks.LONGEST_TRANSACTION)
    missing = 0
    while some := set(islice(keys, _PAGE)):
        known = Entry.objects.filter(book=Book.RECEIPTS, source_key__in=some).count()
        missing += len(some) - known
    return missing


_PAGE = 1000


def _keys_heard_of(day: date, *, since: datetime) -> Iterator[str]:
    """What intake reads, by the keys that it gives, as far as it is of the day or earlier."""
    heard = books.payments_heard_of_since(since).filter(
        business_date__lte=day, succeeded_at__isnull=False
    )
    for row in heard.iterator(chunk_size=_PAGE):
        yield f"payment:{row['reference']}"
        undone_at = row["reversed_at"]
        if undone_at is not None and business_date(undone_at) <= day:
            yield f"reversal:{row['reference']}"
    for turn in counter_books.returns_since(since):
        if turn.business_date <= day:
            yield turn.source_key
    for one in counter_books.differences_since(since):
        if one.business_date <= day:
            yield one.source_key
    codes = dict(Channel.objects.values_list("pk", "code"))
    refunds = books.refunds_heard_of_since(since).filter(business_date__lte=day)
    for row in refunds.iterator(chunk_size=_PAGE):
        yield intake.refund_key(codes[row["channel_id"]], row)
    agreed = books.chargebacks_agreed_since(since).filter(business_date__lte=day)
    for row in agreed.iterator(chunk_size=_PAGE):
        yield intake.chargeback_key(row)
