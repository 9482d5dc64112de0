"""The only way into the books. Whatever enters is streamed by COPY into a staging table and added
set-based, once: a line that is known already adds nothing, a line that changed is refused."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Sum
from psycopg2 import DataError
from psycopg2.errors import UniqueViolation

from channels_.models import Channel, StatementFile
from counters import books as counter_books
from cspdcl.kernel.clock import INDIA, business_date
from cspdcl.kernel.errors import DomainError, Malformed
from cspdcl.kernel.workdays import working_day_after
from payments import books
from reconciliation import locks
from reconciliation.incoming.ahead import ahead_of
from reconciliation.models import Book, Entry, Kind, Run

if TYPE_CHECKING:
    import polars as pl

ROUTE = Channel.Route


class NewEntry(NamedTuple):
    """One row of the entry table, in the order of the columns it is copied into."""

    book: str
    kind: str
    channel_id: int | None
    bank_account_id: int | None
    file_id: int | None
    line: int
    source_key: str
    business_date: date | str  # text in ISO form where a file has a million of the same day
    due_on: date | str
    occurred_at: datetime | str | None
    amount_paise: int
    fee_paise: int
    tax_paise: int
    net_paise: int
    reference: str
    channel_ref: str
    order_ref: str
    original_ref: str
    settlement_ref: str
    deposit_ref: str
    utr: str
    rrn: str
    instrument: str
    consumer_number: str
    method: str
    network: str
    code: str
    narration: str
    in_channel_stage: bool
    in_bank_stage: bool


COLUMNS: Final = ", ".join(NewEntry._fields)


class Text(NamedTuple):
    """Some rows as COPY takes them."""

    size: int  # in rows
    text: bytes


class ChangedLine(DomainError):
    """A line that is in the books came again with another amount; the old one stays."""

    code = "changed_line"


class Restated(NamedTuple):
    """A line that is in the books and came with another amount, fee or tax."""

    key: str
    line: int
    was_paise: int
    came_paise: int
    net_paise: int  # as it came

    def __str__(self) -> str:
        return (
            f"line {self.key} is in the books with {self.was_paise} paise and came again with "
            f"{self.came_paise}"
        )


@dataclass(frozen=True, slots=True)
class Added:
    """How many lines came, and how many of them were new; those that were left out are neither."""

    lines: int
    new: int
    restated: tuple[Restated, ...] = ()


def add_entries(
    rows: Iterable[NewEntry], *, is_computed: bool = False, leaves_out_restated: bool = False
) -> Added:
    """Add lines to the books inside the caller's transaction; known ones are skipped.

    Rows that are only computed (``is_computed``) are made on a second thread while the database
    takes those before; rows that ask the database themselves are made between two COPYs.
    Raises ChangedLine when a known line came with another amount: a restatement is a decision.
    With ``leaves_out_restated`` such a line is left out and told instead.
    """
    texts = texts_of(rows)
    return add_texts(texts, is_computed=is_computed, leaves_out_restated=leaves_out_restated)


def add_texts(
    texts: Iterator[Text], *, is_computed: bool = False, leaves_out_restated: bool = False
) -> Added:
    """The same for lines that are written for COPY already."""
    locks.hold_books_open()
    lines = new = 0
    restated: list[Restated] | None = [] if leaves_out_restated else None
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS incoming")
        cursor.execute(
            f"CREATE TEMP TABLE incoming ON COMMIT DROP AS SELECT {COLUMNS} "  # noqa: S608 - ours
            "FROM reconciliation_entry WITH NO DATA"
        )
        with ahead_of(texts, is_computed=is_computed) as chunks:
            for count, text in chunks:
                new += _add_chunk(cursor, text, count, restated)
                lines += count
        if _makes_stale(cursor, new):
            # The planner must not judge the passes by what the table was before this load.
            cursor.execute("ANALYZE reconciliation_entry")
    left_out = tuple(restated or ())
    return Added(lines=lines - len(left_out), new=new, restated=left_out)


def _makes_stale(cursor: CursorWrapper, new: int) -> bool:
    """Whether so many lines are much for the table as the planner knows it.

    A young installation's first thousands were compared each with each, and took longer than its
    later hundred thousands.
    """
    if not _FEW <= new < MANY:
        return new >= MANY
    cursor.execute(_KNOWN)
    (known,) = cursor.fetchone() or (-1,)
    return new > known / 10  # -1: it was never looked at


def sum_of(file: StatementFile) -> int:
    """What the lines come to that a file has brought into the books of its bank account."""
    days = (file.covers_from, file.covers_to)  # they have an index, the file has none
    rows = Entry.objects.filter(book=Book.BANK, business_date__range=days, file=file)
    return int(rows.aggregate(sum=Sum("amount_paise"))["sum"] or 0)


def _add_chunk(
    cursor: CursorWrapper, text: bytes, count: int, restated: list[Restated] | None
) -> int:
    """Lines are new but where a file is sent again: so they are copied as new, else compared."""
    try:
        with transaction.atomic():
            _copy(cursor, "reconciliation_entry", text)
    except UniqueViolation:
        pass  # some are known: the savepoint took the copy back, the staging table tells which
    else:
        return count
    cursor.execute("TRUNCATE incoming")
    _copy(cursor, "incoming", text)
    cursor.execute(_ADD)
    added = int(cursor.rowcount)
    if added < count:
        added += _take_known(cursor, restated)
    return added


def _copy(cursor: CursorWrapper, table: str, text: bytes) -> None:
    try:
        # Django wraps the driver's cursor; COPY is the driver's own. A null is the word None, as
        # Python writes it; copy_line keeps a text of that word apart.
        cursor.cursor.copy_expert(
            f"COPY {table} ({COLUMNS}) FROM STDIN (NULL 'None')",
            BytesIO(text),
            size=_SENT_BYTES,
        )
    except DataError as error:
        raise _does_not_fit(error, text) from error


def _take_known(cursor: CursorWrapper, restated: list[Restated] | None) -> int:
    """What was skipped is known. Settled again it is another line; restated it is refused."""
    again = 0
    cursor.execute("ANALYZE incoming")
    cursor.execute(_SETTLED_AGAIN)
    if cursor.rowcount:
        cursor.execute(_ADD)
        again = int(cursor.rowcount)
    _refuse_changed(cursor, restated)
    cursor.execute(_LEARN_UTR)
    cursor.execute(_LEARN_POSTED)
    return again


def _does_not_fit(error: DataError, text: bytes) -> Malformed:
    """A cell that no column takes, named by the line of its file and without its content."""
    found = _COPY_CONTEXT.search(error.diag.context or "")
    if found is None:
        return Malformed(f"a line does not fit the books: {error.diag.message_primary}")
    row = text.split(b"\n")[int(found[1]) - 1].split(b"\t")
    line = row[NewEntry._fields.index("line")].decode()
    return Malformed(f"line {line}, {found[2] or 'text'}: {error.diag.message_primary}")


def _refuse_changed(cursor: CursorWrapper, restated: list[Restated] | None) -> None:
    cursor.execute(_CHANGED)
    changed = [Restated(*row) for row in cursor.fetchmany(_RESTATED_MAX + 1)]
    if changed and restated is None:
        raise ChangedLine(
            f"{changed[0]}; a changed line needs a decision, nothing of this file was loaded"
        )
    if restated is not None:
        restated += changed
        if len(restated) > _RESTATED_MAX:
            raise ChangedLine(
                f"{changed[0]}; more than {_RESTATED_MAX} lines changed, nothing was loaded"
            )


_COPY_CONTEXT: Final = re.compile(r"line (\d+)(?:, column (\w+))?")
_RESTATED_MAX: Final = 1000  # as many lines as may be unreadable
MANY: Final = 20_000  # new rows of a table that make the planner's statistics stale
_KEY_MAX: Final = 160
_FEW: Final = 1_000  # of these any plan is fast
_KNOWN: Final = (
    "SELECT reltuples::bigint FROM pg_class WHERE oid = 'reconciliation_entry'::regclass"
)

_CHANGED: Final = """
WITH changed AS MATERIALIZED (
    SELECT i.source_key, i.line, e.amount_paise AS was, i.amount_paise AS came, i.net_paise AS net
      FROM incoming i JOIN reconciliation_entry e ON e.book = i.book AND e.source_key = i.source_key
     WHERE (e.amount_paise, e.fee_paise, e.tax_paise) <> (i.amount_paise, i.fee_paise, i.tax_paise)
)
SELECT source_key, line, was, came, net FROM changed ORDER BY source_key
"""

# The same payment in another settlement is listed a second time: a line of its own.
_SETTLED_AGAIN: Final = """
UPDATE incoming i SET source_key = i.source_key || '@' || i.settlement_ref
  FROM reconciliation_entry e
 WHERE e.book = i.book AND e.source_key = i.source_key AND i.book = 'channel'
   AND e.settlement_ref <> '' AND i.settlement_ref NOT IN ('', e.settlement_ref)
"""

# A settlement may be reported before its payout has a UTR; the line learns it once. Open lines
# stand together by their UTR: these stand alone until the next run joins them.
_LEARN_UTR: Final = """
WITH learnt AS (
    UPDATE reconciliation_entry e SET utr = i.utr
      FROM incoming i
     WHERE e.book = i.book AND e.source_key = i.source_key AND e.book = 'channel'
       AND e.utr = '' AND i.utr <> ''
    RETURNING e.channel_id, e.settlement_ref
), apart AS (
    DELETE FROM reconciliation_openlines o
     USING (SELECT DISTINCT channel_id, settlement_ref FROM learnt) AS l
     WHERE o.channel_id = l.channel_id AND o.settlement_ref = l.settlement_ref AND o.utr = ''
    RETURNING o.line_ids
)
INSERT INTO reconciliation_openitem (entry_id, stage)
SELECT unnest(line_ids), 'bank' FROM apart ON CONFLICT DO NOTHING
"""

# What lay in clarification is told again when somebody has assigned it: the posting learns it once.
_LEARN_POSTED: Final = """
UPDATE reconciliation_entry e
   SET code = i.code, consumer_number = i.consumer_number, order_ref = i.order_ref
  FROM incoming i
 WHERE e.book = i.book AND e.source_key = i.source_key AND e.book = 'erp'
   AND e.code = 'clarification' AND i.code IN ('cleared', 'on_account')
"""

# Asked, not only left to the index: where entries are in partitions, each has an index of its own.
_ADD: Final = f"""
INSERT INTO reconciliation_entry ({COLUMNS})
SELECT {COLUMNS} FROM incoming i
 WHERE NOT EXISTS (SELECT FROM reconciliation_entry e
                    WHERE e.book = i.book AND e.source_key = i.source_key)
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - names of our own columns


def read_receipts() -> int:
    """Bring what payments recorded since the last run into the books; returns the new entries.

    The mark lies an hour before the last finished run began: an event whose transaction was open
    then is seen now, and what was seen twice adds nothing.
    """
    with transaction.atomic():
        since = _heard_until()
        dues = _DueDates()
        added = add_entries(_receipt_entries(since=since, dues=dues))
        _name_deposits(since=since)
        return added.new


def _heard_until() -> datetime | None:
    last = Run.objects.filter(state=Run.State.DONE).order_by("-started_at").first()
    return last.started_at - locks.LONGEST_TRANSACTION if last else None


def _receipt_entries(*, since: datetime | None, dues: "_DueDates") -> Iterator[NewEntry]:
    fallen = counter_books.payments_fallen_since(since)
    for row in books.payments_heard_of_since(since).iterator(chunk_size=5000):
        channel = dues.channel(row["channel_id"])
        is_settled = channel.route == ROUTE.SETTLEMENT
        kind = (
            Kind.FAILED
            if not row["is_paid"]
            else Kind.REPEATED
            if row["is_repeated"]
            else Kind.PAYMENT
        )
        entry = _receipt_entry(
            kind=kind,
            channel=channel,
            source_key=f"{'payment' if row['is_paid'] else 'failed'}:{row['reference']}",
            day=row["business_date"],
            due_on=dues.of_receipt(channel, row["business_date"], row["succeeded_at"]),
            amount_paise=row["amount_paise"],
            reference=row["reference"],
            channel_ref=row["their_ref"],
        )._replace(
            occurred_at=row["succeeded_at"],
            order_ref=row["order_ref"],
            deposit_ref=row["deposit_ref"],
            utr=row["utr"].upper(),
            rrn=row["rrn"],
            instrument=row["instrument"],
            consumer_number=row["consumer_number"],
            method=row["method"],
            in_channel_stage=is_settled and row["is_paid"],
            in_bank_stage=not is_settled and row["is_paid"],
        )
        yield entry
        if row["is_reversed"]:
            undone = _reversal(entry, channel=channel, at=row["reversed_at"], dues=dues)
            # The return of its paper carries the money out of the bank, once for all it paid.
            is_carried = row["reference"] in fallen
            yield undone._replace(in_bank_stage=undone.in_bank_stage and not is_carried)
    for turn in counter_books.returns_since(since):
        yield _turn(turn, channel=dues.channel(turn.channel_id), dues=dues)
    for one in counter_books.differences_since(since):
        yield _difference(one, channel=dues.channel(one.channel_id), dues=dues)
    for row in books.refunds_heard_of_since(since).iterator(chunk_size=5000):
        channel = dues.channel(row["channel_id"])
        yield _receipt_entry(
            kind=Kind.REFUND,
            channel=channel,
            source_key=refund_key(channel.code, row),
            day=row["business_date"],
            due_on=dues.of_receipt(channel, row["business_date"], None),
            amount_paise=-row["amount_paise"],
            reference=row["payment_reference"],
            channel_ref=row["channel_ref"],
        )
    for row in books.chargebacks_agreed_since(since).iterator(chunk_size=5000):
        channel = dues.channel(row["channel_id"])
        yield _receipt_entry(
            kind=Kind.CHARGEBACK,
            channel=channel,
            source_key=chargeback_key(row),
            day=row["business_date"],
            due_on=dues.of_receipt(channel, row["business_date"], None),
            amount_paise=row["amount_paise"],
            reference=row["payment_reference"],
            channel_ref=row["channel_ref"],
        )


def refund_key(channel_code: str, row: Mapping[str, Any]) -> str:
    """The one name of a refund in the books, by its row in ``refunds_heard_of_since``."""
    return f"refund:{channel_code}:{row['channel_ref']}"


def chargeback_key(row: Mapping[str, Any]) -> str:
    """The same of an agreed line of a dispute, by its row in ``chargebacks_agreed_since``."""
    key = f"chargeback:{row['line_key']}"
    if len(key) <= _KEY_MAX:
        return key
    # Cut alone, two that begin alike would be one.
    return f"{key[: _KEY_MAX - 65]}:{hashlib.sha256(key.encode()).hexdigest()}"


def _reversal(
    entry: NewEntry, *, channel: Channel, at: datetime | None, dues: "_DueDates"
) -> NewEntry:
    """What undoes a receipt, on the day that undid it: a proved day keeps what it has proved.

    No slip carried it to the bank: its other side is the bank's debit, not a part of a credit.
    """
    paid_on = date.fromisoformat(str(entry.business_date))
    day = max(business_date(at), paid_on) if at else paid_on
    return entry._replace(
        kind=Kind.REVERSAL,
        source_key=f"reversal:{entry.reference}",
        business_date=day,
        due_on=entry.due_on if day == paid_on else dues.of_receipt(channel, day, None),
        occurred_at=at or entry.occurred_at,
        amount_paise=-entry.amount_paise,
        net_paise=-entry.net_paise,
        deposit_ref="",
    )


def _turn(turn: counter_books.PaperTurn, *, channel: Channel, dues: "_DueDates") -> NewEntry:
    """A paper that the bank sent back, for the bank's debit; or presented again, for its credit."""
    entry = _receipt_entry(
        kind=Kind.CHEQUE_RETURN,
        channel=channel,
        source_key=turn.source_key,
        day=turn.business_date,
        due_on=dues.of_receipt(channel, turn.business_date, None),
        amount_paise=turn.amount_paise,
        reference=turn.reference,
        channel_ref="",
    )
    return entry._replace(
        occurred_at=turn.at,
        deposit_ref="" if turn.is_return else turn.deposit_ref,
        instrument=turn.instrument,
        method=turn.method,
    )


def _difference(
    one: counter_books.DifferenceOnSlip, *, channel: Channel, dues: "_DueDates"
) -> NewEntry:
    """Over or short of a drawer: with it the receipts of a slip are what the bank credits."""
    return _receipt_entry(
        kind=Kind.ADJUSTMENT,
        channel=channel,
        source_key=one.source_key,
        day=one.business_date,
        due_on=dues.of_receipt(channel, one.business_date, None),
        amount_paise=one.amount_paise,
        reference="",
        channel_ref="",
    )._replace(occurred_at=one.at, deposit_ref=one.deposit_ref, method="cash")


def _receipt_entry(
    *,
    kind: Kind,
    channel: Channel,
    source_key: str,
    day: date,
    due_on: date,
    amount_paise: int,
    reference: str,
    channel_ref: str,
) -> NewEntry:
    return NewEntry(
        book=Book.RECEIPTS,
        kind=kind,
        channel_id=channel.pk,
        bank_account_id=None,
        file_id=None,
        line=0,
        source_key=source_key,
        business_date=day,
        due_on=due_on,
        occurred_at=None,
        amount_paise=amount_paise,
        fee_paise=0,
        tax_paise=0,
        net_paise=amount_paise,
        reference=reference,
        channel_ref=channel_ref,
        order_ref="",
        original_ref="",
        settlement_ref="",
        deposit_ref="",
        utr="",
        rrn="",
        instrument="",
        consumer_number="",
        method="",
        network="",
        code="",
        narration="",
        in_channel_stage=channel.route == ROUTE.SETTLEMENT,
        in_bank_stage=channel.route != ROUTE.SETTLEMENT,
    )


def _name_deposits(*, since: datetime | None) -> None:
    """A receipt learns once, afterwards, which slip carried it to the bank."""
    carried = books.deposits_named_since(since)
    sql, params = carried.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_CARRIED_BY.format(carried=sql), params)


_CARRIED_BY: Final = """
WITH slip AS ({carried})
UPDATE reconciliation_entry e SET deposit_ref = slip.deposit_ref
  FROM slip
 WHERE e.book = 'receipts' AND e.deposit_ref = '' AND e.source_key = 'payment:' || slip.reference
"""


class _DueDates:
    """When the other side should have a receipt, from its channel's cycle; each worked out once."""

    def __init__(self) -> None:
        self._channels = {channel.pk: channel for channel in Channel.objects.all()}
        self._known: dict[tuple[int, date, bool], date] = {}

    def channel(self, pk: int) -> Channel:
        return self._channels[pk]

    def of_receipt(self, channel: Channel, day: date, at: datetime | None) -> date:
        cutoff = channel.settlement_cutoff or time.max
        is_late = (
            at is not None and business_date(at) == day and at.astimezone(INDIA).time() >= cutoff
        )
        key = (channel.pk, day, is_late)
        if key not in self._known:
            start = working_day_after(day, 1) if is_late else day
            days = (
                channel.settlement_days
                if channel.route == ROUTE.SETTLEMENT
                else channel.credit_days
            )
            self._known[key] = working_day_after(start, days)
        return self._known[key]


def texts_of(rows: Iterable[NewEntry]) -> Iterator[Text]:
    """Rows as texts of a few megabytes for COPY: a million rows need no more memory than that.

    A row's own query runs here, between two COPYs: a connection that copies can ask nothing.
    """
    parts: list[bytes] = []
    count = size = 0
    for some in _some_of(iter(rows)):
        part = copy_lines(some)
        parts.append(part)
        count += len(some)
        size += len(part)
        if size >= _CHUNK_BYTES:
            yield Text(count, b"".join(parts))
            parts, count, size = [], 0, 0
    if parts:
        yield Text(count, b"".join(parts))


def text_of(frame: "pl.DataFrame") -> Text:
    """Rows that stand in columns, in the order of their keys: so the index of the books grows
    where it grew last, which costs it half. No cell may hold what COPY's text format escapes.
    """
    out = BytesIO()
    frame.select(NewEntry._fields).sort("source_key").write_csv(
        out, include_header=False, separator="\t", quote_style="never", null_value="None"
    )
    return Text(frame.height, out.getvalue())


def _some_of(rows: Iterator[NewEntry]) -> Iterator[list[NewEntry]]:
    while some := list(islice(rows, _AT_ONCE)):
        yield some


_AT_ONCE: Final = 500
_ROW: Final = "\t".join(["%s"] * len(NewEntry._fields)) + "\n"
_TABS: Final = len(NewEntry._fields) - 1
_CHUNK_BYTES: Final = 1 << 22
# Sent in large pieces: for each the thread that reads the file has to let go of the interpreter.
_SENT_BYTES: Final = 1 << 19


def copy_lines(rows: list[NewEntry]) -> bytes:
    """Rows in COPY's text format. Only where one holds a special character are they looked at."""
    text = "".join([_ROW % row for row in rows])
    if (
        "\\" in text
        or "\r" in text
        or text.count("\t") != _TABS * len(rows)
        or text.count("\n") != len(rows)
        or text.count("None") != sum([row.count(None) for row in rows])
    ):
        return b"".join([_copy_line(row) for row in rows])
    try:
        return text.encode()
    except UnicodeEncodeError:
        return b"".join([_copy_line(row) for row in rows])


def _copy_line(row: NewEntry) -> bytes:
    cells = ("None" if value is None else _escaped(str(value)) for value in row)
    try:
        return ("\t".join(cells) + "\n").encode()
    except UnicodeEncodeError as error:
        raise Malformed(f"line {row.line}: a character that no text may hold") from error


def _escaped(text: str) -> str:
    if text == "None":
        return "\\None"  # a backslash makes it a text: the null is compared before it is unescaped
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
