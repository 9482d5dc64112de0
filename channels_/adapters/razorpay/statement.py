"""Razorpay's settlement recon: which payments, refunds and adjustments one bank credit carries.

Three shapes of the same report: the API's CSV and JSON with money in paise and the tax inside the
fee, and the dashboard's CSV with money in rupees and the tax beside the fee. Every row obeys
gross - fee - tax = credit - debit, and a row that does not is refused.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, BinaryIO, Final, NamedTuple

from channels_.adapters.razorpay import by_column
from channels_.contract import (
    INDIAN_CURRENCY,
    Block,
    LineKind,
    Page,
    Statement,
    StatementFormat,
    StatementLine,
)
from channels_.formats import columns
from channels_.formats.guard import MEGABYTE, guarded, open_text, refuse
from channels_.formats.table import of_our_time
from cspdcl.kernel.clock import INDIA, business_date
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import paise_from_rupees

CSV_MAX: Final = 2000 * MEGABYTE
JSON_MAX: Final = 64 * MEGABYTE  # the API gives at most a thousand rows a page

REQUIRED: Final = (
    "entity_id",
    "type",
    "debit",
    "credit",
    "amount",
    "fee",
    "tax",
    "created_at",
    "settled_at",
    "settlement_id",
    "settlement_utr",
)
OPTIONAL: Final = (
    "currency",
    "settled",
    "payment_id",
    "dispute_id",
    "order_id",
    "order_receipt",
    "method",
    "card_network",
    "description",
)
COLUMNS: Final = REQUIRED + OPTIONAL

# The dashboard's names of the same columns. Its fee is without the tax, and it writes rupees.
FEE_WITHOUT_TAX: Final = "fee (exclusive tax)"
DASHBOARD: Final[Mapping[str, str]] = {
    "transaction_entity": "type",
    FEE_WITHOUT_TAX: "fee",
    "payment_method": "method",
    "entity_created_at": "created_at",
    "entity_description": "description",
}

KINDS: Final[Mapping[str, LineKind]] = {
    "payment": LineKind.PAYMENT,
    "refund": LineKind.REFUND,
    "transfer": LineKind.TRANSFER,
    "adjustment": LineKind.ADJUSTMENT,
}
RUPEES: Final = frozenset({INDIAN_CURRENCY, ""})  # the dashboard may leave the column out
SETTLED: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}

_DIGITS_MAX: Final = 13  # of paise; more than a lakh crore rupees is no row

_LOCAL: Final = re.compile(
    r"(?:(?P<day>\d{2})[/-](?P<month>\d{2})[/-](?P<year>\d{4})"
    r"|(?P<year2>\d{4})-(?P<month2>\d{2})-(?P<day2>\d{2}))"
    r"[ T](?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
)


class _Layout(NamedTuple):
    """How one header is read: which cell is which column, and what its money means."""

    width: int
    pick: Callable[[Sequence[str]], tuple[str, ...]]
    paise: Callable[[str], int]
    tax_inside_fee: bool


def _read_csv(file: BinaryIO) -> Iterator[Statement]:
    rows = csv.reader(open_text(file, newline=""), strict=True)
    try:
        header = next(rows, [])
    except csv.Error as error:
        raise Malformed(f"row 1: {error}") from error
    statement = Statement(page=Page(currency=INDIAN_CURRENCY), lines=())
    layout = _layout(header)
    statement.lines = _lines(statement, layout, _numbered(rows))
    statement.blocks = partial(by_columns, statement, layout, header, file)
    yield statement


def by_columns(
    statement: Statement, layout: "_Layout", header: Sequence[str], file: BinaryIO
) -> Iterator[Block] | None:
    """The same lines by columns, of a large plain file that is written in paise; else None."""
    names = [name.strip().lower() for name in header]
    here = file.tell()
    is_large = file.seek(0, io.SEEK_END) >= columns.WORTH
    file.seek(here)
    if not is_large or layout.paise is not _whole_paise or len(set(names)) < len(names):
        return None
    # A key that is not once is counted on row by row, in their order.
    if columns.are_unique(file, names=names, key="entity_id"):
        return _blocks(statement, layout, names, file)
    file.seek(0)
    rows = csv.reader(open_text(file, newline=""), strict=True)
    next(rows)
    statement.lines = _lines(statement, layout, _numbered(rows))
    return None


def _blocks(
    statement: Statement, layout: "_Layout", names: list[str], file: BinaryIO
) -> Iterator[Block]:
    for piece in columns.pieces(file, width=len(names)):
        frame = None if piece is None else columns.cells(piece, names=names)
        if piece is None:
            raise Malformed("the file changed while it was read")
        if frame is None:
            rest = list(_lines(statement, layout, columns.rows(piece)))
            yield Block(by_column.nothing(), rest)
            continue
        told, odd = by_column.told(
            frame, first=piece.first, tax_inside_fee=layout.tax_inside_fee, optional=OPTIONAL
        )
        yield Block(told, list(_lines(statement, layout, odd)))


def _read_json(file: BinaryIO) -> Iterator[Statement]:
    # Numbers stay text, as in a CSV: one reading of amounts, and no float anywhere.
    try:
        document = json.load(open_text(file), parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON, the file may be cut short: {error}") from error
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise Malformed('expected {"entity": "collection", "count": N, "items": [...]}')
    statement = Statement(page=Page(currency=INDIAN_CURRENCY), lines=())
    statement.lines = _json_lines(statement, items, count=document.get("count"))
    yield statement


def _json_lines(statement: Statement, items: list[Any], *, count: Any) -> Iterator[StatementLine]:
    yield from _lines(statement, _layout(COLUMNS), enumerate(map(_cells, items), start=1))
    if isinstance(count, str) and count.isdigit():
        expected = int(count) - statement.notes.get("unsettled", 0)
        statement.page = replace(statement.page, declared_count=expected)


def _cells(item: Any) -> list[str]:
    """An item in the order of the columns; nothing at all when it is no item."""
    if not isinstance(item, dict):
        return []
    return [_cell(item.get(name)) for name in COLUMNS]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def _numbered(rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    number = 1
    try:
        for number, row in enumerate(rows, start=2):
            if row:
                yield number, row
    except csv.Error as error:
        raise Malformed(f"row {number + 1}: {error}") from error


def _layout(header: Sequence[str]) -> _Layout:
    given = [name.strip().lower() for name in header]
    names = [DASHBOARD.get(name, name) for name in given]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise Malformed(f"row 1: expected the columns of a settlement recon, without {missing}")
    twice = sorted({name for name in COLUMNS if names.count(name) > 1})
    if twice:
        raise Malformed(f"row 1: the columns {twice} stand twice")
    # A row gets one empty cell appended; columns that are not there point to it.
    places = [names.index(name) if name in names else -1 for name in COLUMNS]
    dashboard = "transaction_entity" in given
    return _Layout(
        width=len(header),
        pick=itemgetter(*places),
        paise=_rupees if dashboard else _whole_paise,
        tax_inside_fee=FEE_WITHOUT_TAX not in given,
    )


def _lines(
    statement: Statement, layout: _Layout, rows: Iterable[tuple[int, list[str]]]
) -> Iterator[StatementLine]:
    """The settled rows. One loop on local names, because a day may have a million of them."""
    width, pick, paise, tax_inside_fee = layout
    keys = _Keys()
    unsettled = 0
    for number, row in rows:
        if len(row) != width:
            refuse(statement, number, f"expected {width} cells, got {len(row)}", row=row)
            continue
        row.append("")
        # fmt: off
        (
            entity_id, word, debit, credit, amount, fee, tax, created_at, settled_at,
            settlement_id, settlement_utr, currency, settled, payment_id, dispute_id,
            order_id, order_receipt, method, network, description,
        ) = pick(row)
        # fmt: on
        if currency not in RUPEES:
            refuse(statement, number, f"expected the currency INR, got {currency!r}", row=row)
            continue
        try:
            if not _is_settled(settled, settled_at):
                unsettled += 1
                continue
            tax_paise = paise(tax)
            fee_paise = paise(fee) - tax_paise if tax_inside_fee else paise(fee)
            kind, gross, fee_paise, tax_paise = _money(
                word, paise(debit), paise(credit), paise(amount), fee_paise, tax_paise
            )
            if kind is LineKind.ADJUSTMENT and dispute_id:
                kind = LineKind.CHARGEBACK
            line = StatementLine(
                number,
                keys.key(entity_id),
                kind,
                gross,
                _day(settled_at),
                fee_paise,
                tax_paise,
                _instant(created_at),
                entity_id,
                order_receipt,
                order_id,
                settlement_utr.upper(),
                "",
                settlement_id,
                payment_id or dispute_id,
                method,
                network,
                "",
                "",
                word,
                description,
            )
        except ValueError as error:
            refuse(statement, number, str(error), row=row)
            continue
        yield line
    if unsettled:
        statement.notes["unsettled"] = statement.notes.get("unsettled", 0) + unsettled


def _money(
    word: str, debit: int, credit: int, amount: int, fee: int, tax: int
) -> tuple[LineKind, int, int, int]:
    """Kind, signed gross, fee and tax of a row, where they agree with debit and credit."""
    kind = KINDS.get(word, LineKind.UNKNOWN)
    net = credit - debit
    if kind is LineKind.UNKNOWN:
        return kind, net, 0, 0
    if not amount:
        raise ValueError(f"{word}: expected an amount, got nothing")
    if fee < 0:
        raise ValueError(f"expected a fee that holds its tax of {tax}, got {fee + tax}")
    if debit and credit:
        raise ValueError(f"expected a debit or a credit, got both: {debit} and {credit}")
    gross = net + fee + tax
    if kind is LineKind.PAYMENT and gross == amount:
        return kind, gross, fee, tax
    if kind is LineKind.REFUND and debit == amount:
        return kind, net, 0, 0  # whatever fee it shows was not taken here
    if kind is not LineKind.PAYMENT and abs(gross) == amount and (gross <= 0 or credit):
        return kind, gross, fee, tax
    raise ValueError(
        f"{word}: amount {amount}, fee {fee} and tax {tax} do not give"
        f" credit {credit} and debit {debit}"
    )


def _is_settled(word: str, settled_at: str) -> bool:
    if not word:
        return settled_at != ""
    settled = SETTLED.get(word.lower())
    if settled is None:
        raise ValueError(f"expected settled 1 or 0, got {word!r}")
    return settled


def _whole_paise(text: str) -> int:
    if text.isdigit() and text.isascii() and len(text) <= _DIGITS_MAX:
        return int(text)
    if text:
        raise ValueError(f"expected whole paise, got {text!r}")
    return 0


def _rupees(text: str) -> int:
    return paise_from_rupees(text) if text else 0


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    """The business date of a moment; a settlement has one for all of its rows."""
    return business_date(_instant(text))


@lru_cache(maxsize=1 << 17)  # a day has fewer seconds than a large report has rows
def _instant(text: str) -> datetime:
    """A moment: ten digits of Unix time, or India's clock as the dashboard writes it."""
    if len(text) == 10 and text.isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    found = _LOCAL.fullmatch(text)
    if found is None:
        raise ValueError(f"expected Unix seconds or DD/MM/YYYY HH:MM:SS, got {text!r}")
    part = found.groupdict()
    local = datetime(
        int(part["year"] or part["year2"]),
        int(part["month"] or part["month2"]),
        int(part["day"] or part["day2"]),
        int(part["hour"]),
        int(part["minute"]),
        int(part["second"] or 0),
        tzinfo=INDIA,
    )
    return of_our_time(local).astimezone(UTC)


class _Keys:
    """The key of a row is its entity; the second row of one entity ends in ``#2``."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._times: dict[str, int] = {}

    def key(self, entity_id: str) -> str:
        if not entity_id:
            raise ValueError("expected an entity_id")
        if entity_id not in self._seen:
            self._seen.add(entity_id)
            return entity_id
        times = self._times[entity_id] = self._times.get(entity_id, 1) + 1
        return f"{entity_id}#{times}"


def _sniff_csv(head: bytes) -> bool:
    first = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].lower()
    return b"entity_id" in first and b"settlement_utr" in first and not first.startswith(b"{")


def _sniff_json(head: bytes) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith(b"{") and (b'"collection"' in start or b'"items"' in start)


FORMATS: Final = (
    StatementFormat(
        code="razorpay-csv",
        title="Razorpay settlement recon, CSV",
        sniff=_sniff_csv,
        read=guarded(_read_csv, limit=CSV_MAX),
    ),
    StatementFormat(
        code="razorpay-json",
        title="Razorpay settlement recon, JSON",
        sniff=_sniff_json,
        read=guarded(_read_json, limit=JSON_MAX),
    ),
)
