"""Breaks out to Excel and in again: every row is answered, and one sheet acts once.

A hidden sheet carries the version and what each break was when it was written, so that a row whose
break has changed is refused. What a sheet asks for becomes a batch, as a filter does.
"""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any, BinaryIO, ClassVar, Final, NamedTuple, cast

import xlsxwriter
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from python_calamine import CalamineError, CalamineWorkbook, load_workbook

from channels_.formats.guard import MEGABYTE, ZIP_FAULTS, check_size, check_workbook
from cspdcl.kernel.cells import typed_text
from cspdcl.kernel.errors import DomainError, Malformed
from people.models import User
from reconciliation import selectors
from reconciliation.desk import bulk, listing
from reconciliation.models import Batch, BatchItem, Break

VERSION: Final = "cspdcl-breaks-1"
ROWS_MAX: Final = 50_000
BYTES_MAX: Final = 32 * MEGABYTE
UNPACKED_MAX: Final = 160 * MEGABYTE  # so many rows come to some fifty, and to more with styles
ASKED: Final = ("action", "why", "argument")

_HIDDEN: Final = "about"
_ID: Final = "id"
_CELL_MAX: Final = 1000
_AT_ONCE: Final = 2000
_OF_BREAKS: Final = ("public_id", "subject_key", "state", "closed_why", "amount_paise")
# Texts that Excel writes before a quote is taken off again, or that a hand has typed.
_BLANK: Final = ("", "-")


class AlreadyHere(DomainError):
    """The same sheet came before; ``batch`` says what became of it."""

    code: ClassVar[str] = "already_loaded"

    def __init__(self, batch: Batch) -> None:
        super().__init__("this very sheet came before; nothing was changed")
        self.batch = batch


class Row(NamedTuple):
    """One row as it was filled in."""

    number: int
    public_id: str
    action: str
    why: str
    argument: str


# ---- out ----


def write(breaks: QuerySet[Break], file: IO[bytes], *, as_of: date) -> None:
    """The breaks as a workbook with three columns to be filled in. Raises listing.TooMany."""
    listing.refuse_above(breaks, most=ROWS_MAX)
    book = xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False})
    sheet, hidden = book.add_worksheet("breaks"), book.add_worksheet(_HIDDEN)
    hidden.hide()
    hidden.write_row(0, 0, [VERSION, as_of.isoformat()])
    bold = book.add_format({"bold": True})
    fill = book.add_format({"bold": True, "bg_color": "#FFF2CC"})
    money = book.add_format({"num_format": "#,##0.00"})
    day = book.add_format({"num_format": "dd-mm-yyyy"})
    columns = (*listing.COLUMNS, *ASKED)
    for column, title in enumerate(columns):
        sheet.write_string(0, column, title, fill if title in ASKED else bold)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 9, 16)
    sheet.set_column(10, 10, 60)
    sheet.set_column(11, 11, 34)
    sheet.set_column(12, 14, 24)
    sheet.data_validation(
        1, 12, ROWS_MAX, 12, {"validate": "list", "source": list(bulk.ACTS), "ignore_blank": True}
    )
    for number, (one, cells) in enumerate(_out(breaks, as_of=as_of), start=1):
        for column, cell in enumerate(cells):
            if isinstance(cell, listing.Money):
                sheet.write_number(number, column, Decimal(cell.paise) / 100, money)
            elif isinstance(cell, date):
                sheet.write_datetime(number, column, cell, day)
            elif isinstance(cell, int):
                sheet.write_number(number, column, cell)
            else:
                sheet.write_string(number, column, cell)
        hidden.write_row(number, 0, [one.public_id, _print_of(one)])
    book.close()


def _out(
    breaks: QuerySet[Break], *, as_of: date
) -> Iterator[tuple[Break, list[str | int | date | listing.Money]]]:
    shown = breaks.select_related("channel", "bank_account")
    for one in shown.iterator(chunk_size=_AT_ONCE):
        yield one, listing.cells_of(one, as_of=as_of)


def _print_of(one: Break) -> str:
    """What a break was: the same only while its reason, money and entries are."""
    return hashlib.sha256(f"{one.public_id}|{one.subject_key}".encode()).hexdigest()[:32]


# ---- in ----


def name_of(chunks: Iterable[bytes]) -> str:
    """What a sheet is known by when it comes again: the hash of its bytes."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


@transaction.atomic
def take(file: BinaryIO, *, name: str, sha256: str, is_whole: bool, maker: User) -> Batch:
    """Read a filled sheet and propose what it asks for; rows that cannot be done are answered now.

    Raises Malformed for no sheet of ours, AlreadyHere for one that came before.
    """
    bulk.check_maker(maker)
    _refuse_known(sha256)
    rows, prints = _read(file)
    if not any(row.action for row in rows):
        raise Malformed("no row says what to do; fill in the column action")
    breaks = _breaks_of(rows, maker)
    done = _done_before(rows, breaks)
    items = [_item(row, breaks, prints, done) for row in rows]
    ready = [one for one in items if one.state == BatchItem.State.WAITING]
    batch = Batch(
        public_id=uuid.uuid4().hex,
        source=Batch.Source.SHEET,
        needs_second=any(bulk.ACTS[one.act].needs_second for one in ready),
        is_whole=is_whole,
        title=name[:200],
        sha256=sha256,
        count=len(ready),
        amount_paise=sum(one.open_break.amount_paise for one in ready if one.open_break),
        why="",
        maker=maker,
    )
    _keep_once(batch)
    for one in items:
        one.batch = batch
    if is_whole and any(one.state == BatchItem.State.REFUSED for one in items):
        _refuse_all(items)
        batch.needs_second = False
        batch.save(update_fields=["needs_second"])
    BatchItem.objects.bulk_create(items, batch_size=_AT_ONCE)
    return bulk.begin(batch)


def _refuse_known(sha256: str) -> None:
    known = Batch.objects.filter(sha256=sha256).exclude(state=Batch.State.REJECTED).first()
    if known is not None:
        raise AlreadyHere(known)


def _keep_once(batch: Batch) -> None:
    """Of two presses at the same moment the second waits for the first, and knows it then."""
    try:
        with transaction.atomic():
            batch.save()
    except IntegrityError:
        _refuse_known(batch.sha256)
        raise


def _refuse_all(items: list[BatchItem]) -> None:
    first = next(one for one in items if one.state == BatchItem.State.REFUSED)
    for one in items:
        if one.state == BatchItem.State.WAITING:
            one.state = BatchItem.State.REFUSED
            one.said = f"left alone, because all or nothing was asked for: row {first.row}"


def _breaks_of(rows: list[Row], user: User) -> dict[str, Break]:
    visible = selectors.visible_breaks(user).select_related(None).only(*_OF_BREAKS)
    names = [row.public_id for row in rows if row.action]
    found: dict[str, Break] = {}
    for start in range(0, len(names), _AT_ONCE):
        some = visible.filter(public_id__in=names[start : start + _AT_ONCE])
        found |= {one.public_id: one for one in some}
    return found


def _done_before(rows: list[Row], breaks: Mapping[str, Break]) -> set[tuple[str, str, str, str]]:
    """What earlier sheets have done: a sheet that was saved again must not do it twice."""
    done = BatchItem.objects.filter(
        open_break__in=[one.pk for one in breaks.values()],
        state=BatchItem.State.DONE,
        batch__source=Batch.Source.SHEET,
    )
    asked = {(row.public_id, row.action, row.why, row.argument) for row in rows}
    known = done.values_list("open_break__public_id", "act", "why", "argument")
    return asked & set(known)


def _item(
    row: Row,
    breaks: Mapping[str, Break],
    prints: Mapping[str, str],
    done: set[tuple[str, str, str, str]],
) -> BatchItem:
    item = BatchItem(
        row=row.number, name=row.public_id[:80], act=row.action[:16], why=row.why,
        argument=row.argument[:300],
    )  # fmt: skip
    if not row.action:
        item.state = BatchItem.State.IDLE
        return item
    one = breaks.get(row.public_id)
    item.open_break, item.seen = one, one.subject_key if one else ""
    problem = _problem(row, one, prints)
    if not problem and (row.public_id, row.action, row.why, row.argument) in done:
        problem = "an earlier sheet has done this already"
    if problem:
        item.state, item.said = BatchItem.State.REFUSED, problem[: bulk.SAID_MAX]
    return item


def _problem(row: Row, one: Break | None, prints: Mapping[str, str]) -> str:
    if one is None:
        return "there is no such break"
    if row.action not in bulk.ACTS:
        return f"expected one of {', '.join(bulk.ACTS)}, got {row.action[:20]!r}"
    if not row.why:
        return "say why"
    if one.state != Break.State.OPEN:
        return f"closed meanwhile: {one.closed_why}"
    if prints.get(row.public_id) != _print_of(one):
        return "it changed since the sheet was written, or the sheet is not ours"
    try:
        bulk.check_argument(row.action, row.argument)
    except DomainError as refused:
        return str(refused)
    return ""


# ---- reading ----


def _read(file: BinaryIO) -> tuple[list[Row], dict[str, str]]:
    check_size(file, limit=BYTES_MAX)
    check_workbook(file, limit=UNPACKED_MAX)
    file.seek(0)
    try:
        book = load_workbook(cast("Any", file))
        prints = _prints(book)
        sheet = book.get_sheet_by_index(0)
        lines = enumerate(sheet.iter_rows(), start=(sheet.start or (0, 0))[0] + 1)
    except (CalamineError, *ZIP_FAULTS) as error:
        raise Malformed(f"the workbook cannot be read: {error}") from error
    if sheet.height > ROWS_MAX + 1:
        raise Malformed(f"at most {ROWS_MAX} rows are read, the sheet has {sheet.height - 1}")
    _number, first = next(lines, (1, []))
    if not first:
        raise Malformed("the first sheet is empty")
    header = [_text(cell).lower() for cell in first]
    places = {}
    for title in (_ID, *ASKED):
        if header.count(title) != 1:
            raise Malformed(f"expected one column {title!r} in the first row of the first sheet")
        places[title] = header.index(title)
    rows = [_row(number, cells, places) for number, cells in lines if any(cells)]
    _refuse_twice(rows)
    return rows, prints


def _prints(book: CalamineWorkbook) -> dict[str, str]:
    if _HIDDEN not in book.sheet_names:
        raise Malformed("this is no sheet that was exported here: its hidden part is missing")
    lines = book.get_sheet_by_name(_HIDDEN).to_python()
    if not lines or _text(lines[0][0]) != VERSION:
        raise Malformed(f"expected a sheet of version {VERSION}")
    return {_text(line[0]): _text(line[1]) for line in lines[1:] if len(line) > 1}


def _row(number: int, cells: list[Any], places: Mapping[str, int]) -> Row:
    def cell(title: str) -> str:
        return _text(cells[places[title]]) if places[title] < len(cells) else ""

    action = cell("action").lower().replace(" ", "_")
    return Row(
        number,
        cell(_ID),
        "" if action in _BLANK else action,
        cell("why"),
        cell("argument"),
    )


def _refuse_twice(rows: list[Row]) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        if row.action and seen.setdefault(row.public_id, row.number) != row.number:
            raise Malformed(
                f"rows {seen[row.public_id]} and {row.number} speak of one break; "
                "a sheet says one thing of each"
            )


def _text(cell: object) -> str:
    """A cell as its text; what no column takes is cut, and no character that texts may not hold."""
    if isinstance(cell, datetime | date):
        return cell.isoformat()[:10]
    return typed_text(cell).replace("\0", "").strip()[:_CELL_MAX]


# ---- the answer ----


def write_answer(batch: Batch, file: IO[bytes]) -> None:
    """Every row of a batch with its answer, as a workbook."""
    book = xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet("answers")
    bold = book.add_format({"bold": True})
    for column, title in enumerate(("row", "id", "action", "argument", "answer", "why_not")):
        sheet.write_string(0, column, title, bold)
    sheet.set_column(0, 4, 20)
    sheet.set_column(5, 5, 70)
    rows = batch.items.select_related("open_break").order_by("row")
    for number, item in enumerate(rows.iterator(chunk_size=_AT_ONCE), start=1):
        sheet.write_number(number, 0, item.row)
        name = item.open_break.public_id if item.open_break else item.name
        for column, text in enumerate(
            (name, item.act, item.argument, item.state, item.said), start=1
        ):
            sheet.write_string(number, column, text)
    book.close()
