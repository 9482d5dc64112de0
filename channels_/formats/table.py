"""Settlement reports that are a table: one reader, and a Layout that says what each column means.

Reads CSV, TSV, pipe and XLSX. A layout is data, so that columns can be agreed on without code:

    LAYOUT = Layout(
        code="payu-csv",
        title="PayU settlement, CSV",
        columns={
            "channel_ref": ("payuid",),
            "amount": ("amount",),
            "fee": ("mer_service_fee",),
            "tax": ("cgst+sgst+igst", "mer_service_tax"),  # the first whose headers are there
            "net": ("mer_net_amount",),
            "kind": ("requestaction",),
            "settled_on": ("settlement date",),
            "utr": ("mer_utr",),
        },
        kinds={"capture": Word(LineKind.PAYMENT), "refund": Word(LineKind.REFUND)},
    )
    FORMATS = (table_format(LAYOUT),)
    layouts = lambda settings: (table_format(agreed(LAYOUT, settings)),)

Headers are compared by their letters and digits only. The header row is searched for, whatever
stands above it; footers are left out and counted. Money: ``amount`` (or ``credit`` and ``debit``)
is gross; the sign comes from the kind, because some partners write refunds as positive amounts and
some as negative ones. Where there is a ``net``, gross - fee - tax = net must hold to the paisa that
rounding costs, and the fee takes the difference; a row that does not add up is refused.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from itertools import product
from typing import Any, BinaryIO, Final, NamedTuple, cast

from python_calamine import CalamineError, load_workbook

from channels_.contract import (
    INDIAN_CURRENCY,
    LineKind,
    Page,
    Statement,
    StatementFormat,
    StatementLine,
)
from channels_.formats.fixed import Column, check_columns, fixed_rows
from channels_.formats.guard import (
    MEGABYTE,
    ZIP_FAULTS,
    ZIP_MAGIC,
    check_size,
    check_workbook,
    head_of,
    open_text,
    refuse,
)
from channels_.formats.identity import Times
from cspdcl.kernel.cells import typed_text
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import PAISE_MAX, paise_from_rupees

TEXT_MAX: Final = 2000 * MEGABYTE
WORKBOOK_MAX: Final = 64 * MEGABYTE
HEADER_WITHIN: Final = 40  # rows that may stand above the header

# What a column can mean. The money columns are read as money, the rest as text.
MONEY: Final = ("amount", "credit", "debit", "fee", "tax", "net")
TEXTS: Final = (
    *("kind", "status", "currency", "channel_ref", "refund_ref", "reference", "order_ref", "utr"),
    *("rrn", "settlement_ref", "original_ref", "method", "network", "instrument"),
    *("consumer_number", "narration", "settled_on", "occurred_at"),
)
ROLES: Final = frozenset({*MONEY, *TEXTS})

# Rows with a name of their own beside that of their payment, where the report has a column for it.
WENT_BACK: Final = frozenset({LineKind.REFUND, LineKind.CHARGEBACK})

# How the columns of money add up to the gross amount; a report has the first or the others.
_GROSS: Final = {"amount": 1, "credit": 1, "debit": -1}

# Beyond them the calendar has an end, and no report is from there.
_FIRST_YEAR: Final = 1990
_LAST_YEAR: Final = 2200

_LETTERS: Final = re.compile(r"[^a-z0-9]+")
_WRAPPED: Final = re.compile(r'="(.*)"', re.DOTALL)  # how some exports keep digits as text
_LEAVE: Final = frozenset({"", "-", "NA", "N/A", "NULL", "null", "None"})


class Word(NamedTuple):
    """What a partner's word for a row means. ``sign`` 0 takes the sign as it is written."""

    kind: LineKind
    sign: int = 0


PAYMENT: Final = Word(LineKind.PAYMENT, 1)
REFUND: Final = Word(LineKind.REFUND, -1)
REFUND_TAKEN_BACK: Final = Word(LineKind.REFUND, 1)
CHARGEBACK: Final = Word(LineKind.CHARGEBACK, -1)
CHARGEBACK_TAKEN_BACK: Final = Word(LineKind.CHARGEBACK, 1)
ADJUSTMENT: Final = Word(LineKind.ADJUSTMENT, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the columns and words of one report mean; every mapping may be agreed on by settings."""

    code: str
    title: str
    columns: Mapping[str, Sequence[str]]  # role -> headers that may hold it; "a+b" is their sum
    kinds: Mapping[str, Word] = field(default_factory=dict)  # word, any case -> its meaning
    no_kind: Word = PAYMENT  # where there is no such column, or its cell is empty
    statuses: Mapping[str, bool] = field(default_factory=dict)  # word, any case -> does it count?
    methods: Mapping[str, str] = field(default_factory=dict)  # word, any case -> our method
    dates: Sequence[str] = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y")
    unit: str = "rupees"  # or "paise"
    tax_inside_fee: bool = False
    delimiters: str = ",\t|;"
    widths: Sequence[Column] = ()  # of a text of fixed width: its columns by their places
    footers: Sequence[str] = ("total", "grand total", "sub total", "summary", "end of")


# What settings may replace; the rest is for code, because it names our own kinds.
AGREED: Final = ("columns", "statuses", "methods", "dates", "unit", "tax_inside_fee", "widths")


def agreed(layout: Layout, settings: Mapping[str, Any], *, under: str = "report") -> Layout:
    """The layout with what a channel's settings say under ``report``; TypeError names a fault."""
    told = settings.get(under) or {}
    if not isinstance(told, Mapping) or not set(told) <= {*AGREED, "kinds"}:
        raise TypeError(f"{under}: expected a table of {', '.join((*AGREED, 'kinds'))}")
    changes: dict[str, Any] = {}
    for name, value in told.items():
        if name == "columns":
            columns = {role: (h,) if isinstance(h, str) else tuple(h) for role, h in value.items()}
            if unknown := set(columns) - ROLES:
                raise TypeError(f"{under}.columns: no such column {sorted(unknown)}")
            changes[name] = {**layout.columns, **columns}
        elif name == "kinds":
            changes[name] = {**layout.kinds, **{w: _word(one) for w, one in value.items()}}
        elif name == "widths":
            changes[name] = tuple(Column(*one) for one in value)
        elif name in ("statuses", "methods"):
            changes[name] = {**getattr(layout, name), **value}
        else:
            changes[name] = value
    return replace(layout, **changes)


def table_format(layout: Layout) -> StatementFormat:
    """The format that reads files of this layout."""
    unknown = set(layout.columns) - ROLES
    if unknown:
        raise TypeError(f"{layout.code}: no such column {sorted(unknown)}")
    if "settled_on" not in layout.columns or not {"amount", "credit"} & set(layout.columns):
        raise TypeError(f"{layout.code}: needs settled_on, and amount or credit")
    if layout.widths:
        check_columns(layout.widths)

    def read(file: BinaryIO) -> Iterator[Statement]:
        yield _read(layout, file)

    return StatementFormat(
        code=layout.code,
        title=layout.title,
        sniff=lambda head: _sniff(layout, head),
        read=read,
    )


def _word(told: Any) -> Word:
    """A meaning as settings write it: "refund", or "-refund" and "+refund" with a sign."""
    text = str(told)
    sign = {"-": -1, "+": 1}.get(text[:1], 0)
    kind = LineKind(text.lstrip("+-"))
    if not sign and kind in (LineKind.PAYMENT, LineKind.REFUND, LineKind.CHARGEBACK):
        sign = 1 if kind is LineKind.PAYMENT else -1
    return Word(kind, sign)


# ---- from bytes to rows ------------------------------------------------------------------------


def _read(layout: Layout, file: BinaryIO) -> Statement:
    statement = Statement(page=Page(currency=INDIAN_CURRENCY), lines=())
    if layout.widths:
        rows = fixed_rows(file, columns=layout.widths, limit=TEXT_MAX)
    else:
        rows = table_rows(
            file,
            delimiters=layout.delimiters,
            is_header=lambda row: _places(layout, row) is not None,
        )
    statement.lines = _lines(statement, layout, rows)
    return statement


def table_rows(
    file: BinaryIO,
    *,
    delimiters: str,
    is_header: Callable[[Sequence[str]], bool],
    limit: int = TEXT_MAX,
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a text or of a workbook, each with its number, for readers of other tables too.

    A text is cut by the delimiter that makes some row of its head a header.
    """
    if head_of(file).startswith(ZIP_MAGIC):
        return _workbook(file)
    check_size(file, limit=limit)
    return _text_rows(file, _delimiter(head_of(file), delimiters, is_header))


def _text_rows(file: BinaryIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(open_text(file, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, row in enumerate(reader, start=1):
            yield number, row
    except csv.Error as error:
        raise Malformed(f"row {number + 1}: {error}") from error


def _delimiter(head: bytes, delimiters: str, is_header: Callable[[Sequence[str]], bool]) -> str:
    """The one that cuts some row of the head into the columns we look for."""
    text = head.decode("utf-8-sig", errors="replace")
    for delimiter in delimiters:
        for row in csv.reader(text.splitlines(), delimiter=delimiter):
            if is_header(row):
                return delimiter
    return delimiters[0]


def _workbook(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    check_workbook(file, limit=WORKBOOK_MAX)
    try:
        sheet = load_workbook(cast("Any", file)).get_sheet_by_index(0)
    except (CalamineError, IndexError, *ZIP_FAULTS) as error:
        raise Malformed(f"the workbook cannot be opened: {error}") from error
    first = (sheet.start or (0, 0))[0] + 1
    for number, row in enumerate(sheet.iter_rows(), start=first):
        yield number, [typed_text(value) for value in row]


def _sniff(layout: Layout, head: bytes) -> bool:
    if head.startswith(ZIP_MAGIC):
        return b"xl/" in head or b"[Content_Types]" in head
    text = head.decode("utf-8-sig", errors="replace")
    if layout.widths:
        return _has_day_in_place(layout, text)
    return any(
        _places(layout, row) is not None
        for delimiter in layout.delimiters
        for row in csv.reader(text.splitlines(), delimiter=delimiter)
    )


def _has_day_in_place(layout: Layout, text: str) -> bool:
    """A text of fixed width has no header; some of its first lines have a day where it must be."""
    headers = {header_name(one) for one in layout.columns["settled_on"]}
    read = moments(layout.dates)
    for column in layout.widths:
        if header_name(column.header) not in headers:
            continue
        for line in text.splitlines()[:HEADER_WITHIN]:
            try:
                read(line[column.first - 1 : column.last].strip())
            except ValueError:
                continue
            return True
    return False


# ---- from rows to lines ------------------------------------------------------------------------

_Place = tuple[int, ...]  # one cell, or several whose sum counts


def header_name(header: str) -> str:
    """A header as it is compared: its letters and digits."""
    return _LETTERS.sub("", header.lower())


def _places(layout: Layout, row: Sequence[str]) -> Mapping[str, _Place] | None:
    """Where each column stands, when this row is the header; None when it is not."""
    names = [header_name(cell) for cell in row]
    found: dict[str, _Place] = {}
    for role, headers in layout.columns.items():
        for header in headers:
            wanted = [header_name(part) for part in header.split("+")]
            if all(name in names for name in wanted):
                found[role] = tuple(names.index(name) for name in wanted)
                break
    has_money = "amount" in found or "credit" in found
    if "settled_on" not in found or not has_money or not {"channel_ref", "utr"} & set(found):
        return None
    return found


def _lines(
    statement: Statement, layout: Layout, rows: Iterator[tuple[int, list[str]]]
) -> Iterator[StatementLine]:
    places = _header(layout, rows)
    read = _Reader(layout, places)
    for number, row in rows:
        if not any(row):
            continue
        first = next((cell.strip().lower() for cell in row if cell.strip()), "")
        if first.startswith(tuple(layout.footers)) and not read.is_dated(row):
            _count(statement, "footers")
            continue
        try:
            line = read.line(number, row)
        except ValueError as error:
            refuse(statement, number, str(error), row=row)
            continue
        if line is None:
            _count(statement, "not_counting")
        else:
            yield line


def _header(layout: Layout, rows: Iterator[tuple[int, list[str]]]) -> Mapping[str, _Place]:
    for number, row in rows:
        places = _places(layout, row)
        if places is not None:
            return places
        if number >= HEADER_WITHIN:
            break
    wanted = ", ".join(headers[0] for headers in layout.columns.values())
    raise Malformed(f"no row among the first {HEADER_WITHIN} is a header; expected {wanted}")


def _count(statement: Statement, what: str) -> None:
    statement.notes[what] = statement.notes.get(what, 0) + 1


class _Reader:
    """Reads the rows below one header."""

    def __init__(self, layout: Layout, places: Mapping[str, _Place]) -> None:
        self._layout = layout
        self._places = places
        self._width = 1 + max(place for cells in places.values() for place in cells)
        self._kinds = {word.lower(): meaning for word, meaning in layout.kinds.items()}
        self._statuses = {word.lower(): counts for word, counts in layout.statuses.items()}
        self._methods = {word.lower(): method for word, method in layout.methods.items()}
        self._money = _paise if layout.unit == "paise" else _rupees
        self._moment = lru_cache(maxsize=4096)(moments(layout.dates))
        self._times = Times()

    def line(self, number: int, row: Sequence[str]) -> StatementLine | None:
        """One line; None for a row whose status says that it does not count."""
        if len(row) < self._width:
            raise ValueError(f"expected at least {self._width} cells, got {len(row)}")
        text = {role: self._text(row, role) for role in TEXTS if role in self._places}
        if text.get("currency", INDIAN_CURRENCY) not in (INDIAN_CURRENCY, "356", ""):
            raise ValueError(f"expected the currency INR, got {text['currency']!r}")
        word, status = text.get("kind", ""), text.get("status", "")
        meaning = self._meaning(word, status)
        if meaning is None:
            return None
        if meaning == PAYMENT and self._gross(row) < 0:
            meaning = Word(LineKind.UNKNOWN)  # what is taken back under the word for a payment
        gross, fee, tax = self._amounts(row, meaning)
        settled = self._moment(text["settled_on"])
        occurred = self._moment(text["occurred_at"]) if text.get("occurred_at") else None
        channel_ref, original = text.get("channel_ref", ""), text.get("original_ref", "")
        if meaning.kind in WENT_BACK and text.get("refund_ref"):
            channel_ref, original = text["refund_ref"], original or channel_ref
        method = text.get("method", "")
        return StatementLine(
            line=number,
            key=self._key(meaning.kind, channel_ref or text.get("utr", "")),
            kind=meaning.kind,
            amount_paise=gross,
            business_date=settled.astimezone(INDIA).date(),
            fee_paise=fee,
            tax_paise=tax,
            occurred_at=occurred,
            channel_ref=channel_ref,
            reference=text.get("reference", ""),
            order_ref=text.get("order_ref", ""),
            utr=text.get("utr", "").upper(),
            rrn=text.get("rrn", ""),
            settlement_ref=text.get("settlement_ref", "") or text.get("utr", "").upper(),
            original_ref=original,
            method=self._methods.get(method.lower(), method.lower()),
            network=text.get("network", ""),
            instrument=text.get("instrument", ""),
            consumer_number=text.get("consumer_number", ""),
            code=word or status,
            narration=text.get("narration", ""),
        )

    def is_dated(self, row: Sequence[str]) -> bool:
        """Whether a row has a day of its own: a footer has none, whatever its first cell says."""
        place = self._places["settled_on"][0]
        return len(row) > place and bool(row[place].strip())

    def _text(self, row: Sequence[str], role: str) -> str:
        return cell_text(row[self._places[role][0]])

    def _meaning(self, word: str, status: str) -> Word | None:
        if self._statuses and "status" in self._places:
            counts = self._statuses.get(status.lower())  # without a word nobody said that it counts
            if counts is None:
                return Word(LineKind.UNKNOWN)
            if not counts:
                return None
        if not word:
            return self._layout.no_kind
        return self._kinds.get(word.lower(), Word(LineKind.UNKNOWN))

    def _amounts(self, row: Sequence[str], meaning: Word) -> tuple[int, int, int]:
        """Gross, fee and tax in signed paise, where they agree with the net of the row."""
        money = {role: self._sum(row, role) for role in MONEY if role in self._places}
        gross, net = self._gross(row), money.get("net")
        is_turned = bool(meaning.sign) and gross * meaning.sign < 0
        if is_turned:
            gross = -gross
        fee, tax = money.get("fee", Decimal(0)), money.get("tax", Decimal(0))
        if self._layout.tax_inside_fee:
            fee -= tax
        if meaning.kind is LineKind.UNKNOWN:
            fee, tax, net = Decimal(0), Decimal(0), None
        whole = _whole(gross)
        if net is None:
            return whole, _rounded(fee), _rounded(tax)
        nets = (-net, net) if is_turned else (net, -net)  # its sign may be written or not
        return _agreeing(whole, fee, tax, [_rounded(one) for one in nets])

    def _gross(self, row: Sequence[str]) -> Decimal:
        """The amount as it is written; one that is not written is no zero."""
        roles = [role for role in _GROSS if role in self._places]
        if "amount" in roles:
            roles = ["amount"]
        cells = [row[place] for role in roles for place in self._places[role]]
        if all(_bare(cell) in _LEAVE for cell in cells):
            raise ValueError("expected an amount, got nothing")
        return sum((self._sum(row, role) * _GROSS[role] for role in roles), Decimal(0))

    def _sum(self, row: Sequence[str], role: str) -> Decimal:
        return sum((self._money(row[place]) for place in self._places[role]), Decimal(0))

    def _key(self, kind: LineKind, ref: str) -> str:
        """The row's own identity: what it is about; the second of the same ends in ``#2``."""
        if not ref:
            raise ValueError("expected an identifier of the row")
        key = ref if kind is LineKind.PAYMENT else f"{kind.value}:{ref}"
        times = self._times.add(key)
        return key if times == 1 else f"{key}#{times}"


def _agreeing(gross: int, fee: Decimal, tax: Decimal, nets: Sequence[int]) -> tuple[int, int, int]:
    """Fee and tax that lead from gross to net; some partners write them without their sign."""
    for net, sign in product(nets, (1, -1)):
        tax_paise = _rounded(tax * sign)
        fee_paise = gross - net - tax_paise
        if abs(fee_paise - _rounded(fee * sign)) <= 1:
            return gross, fee_paise, tax_paise
    raise ValueError(
        f"gross {gross}, fee {fee} and tax {tax} do not give the net {nets[0]} (in paise)"
    )


def _rupees(cell: str) -> Decimal:
    """A cell in rupees as decimal paise; more than two decimals are kept for the rounding."""
    bare = _bare(cell)
    if bare in _LEAVE:
        return Decimal(0)
    whole, _point, part = bare.partition(".")
    if len(part) <= 2:
        return Decimal(paise_from_rupees(bare))
    if not part.isascii() or not part.isdigit() or len(part) > 6:
        raise ValueError(f"expected rupees, got {cell!r}")
    head = Decimal(paise_from_rupees(whole)) if whole not in ("", "-", "+") else Decimal(0)
    tail = Decimal(part).scaleb(2 - len(part))
    return head - tail if whole.startswith("-") else head + tail


def _paise(cell: str) -> Decimal:
    bare = _bare(cell)
    if bare in _LEAVE:
        return Decimal(0)
    try:
        found = Decimal(bare)
    except InvalidOperation:
        raise ValueError(f"expected paise, got {cell!r}") from None
    if not re.fullmatch(r"[+-]?[0-9]{1,14}(\.[0-9]{1,6})?", bare):
        raise ValueError(f"expected paise, got {cell!r}")
    return found


def cell_text(cell: str) -> str:
    """What a cell says, without what exports put around digits; empty for a dash or NULL."""
    text = cell.strip()
    wrapped = _WRAPPED.fullmatch(text) if text.startswith("=") else None
    text = (wrapped[1] if wrapped else text).removeprefix("'").strip()
    return "" if text in _LEAVE else text


def _bare(cell: str) -> str:
    text = cell.strip()
    wrapped = _WRAPPED.fullmatch(text)
    return (wrapped[1] if wrapped else text).removeprefix("'").removeprefix("₹").strip()


def _whole(paise: Decimal) -> int:
    if paise != paise.to_integral_value() or abs(paise) > PAISE_MAX:
        raise ValueError(f"expected an amount in whole paise, got {paise} paise")
    return int(paise)


def _rounded(paise: Decimal) -> int:
    return int(paise.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def moments(formats: Sequence[str]) -> Callable[[str], datetime]:
    """A reader of moments: ISO 8601 always, ``unix`` and ``unix_ms`` and strptime's as agreed."""

    def read(text: str) -> datetime:
        if not text:
            raise ValueError("expected a date, got nothing")
        for known in formats:
            found = _moment(text, known)
            if found is not None:
                return found
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"expected a date like {formats[0]}, got {text!r}") from None
        return found if found.tzinfo else found.replace(tzinfo=INDIA)

    return lambda text: of_our_time(read(text))


def of_our_time(found: datetime) -> datetime:
    """The same moment; ValueError near the ends of the calendar, where no clock can be changed."""
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise ValueError(f"expected a date of our time, got the year {found.year}")
    return found


def _moment(text: str, known: str) -> datetime | None:
    if known in ("unix", "unix_ms"):
        digits = 10 if known == "unix" else 13
        if len(text) != digits or not text.isdigit():
            return None
        return datetime.fromtimestamp(int(text[:10]), UTC)
    try:
        found = datetime.strptime(text, known)  # noqa: DTZ007 - India's clock where none is written
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=INDIA)


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table as the simulated partners send it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()
