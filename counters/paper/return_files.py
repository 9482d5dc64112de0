"""A bank's file of returned papers: CSV, pipe or workbook; what each column means is data.

A file is read whole or not at all: one row that cannot be read, or totals that do not hold, and
nothing of it is believed. A reason that nobody knows refuses nothing: a person decides it.
"""

import csv
import io
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, ClassVar, Final, NamedTuple

from channels_.contract import Refusal
from channels_.formats.guard import MEGABYTE, check_size
from channels_.formats.table import HEADER_WITHIN, cell_text, header_name, moments, table_rows
from counters.paper import returns
from counters.paper.micr import FIELDS, Micr, UnreadMicr, read_micr
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import DomainError, Malformed
from cspdcl.kernel.money import grouped_rupees, paise_from_rupees, rupees_from_paise

DATA: Final = Path(__file__).parent / "data"

FILE_MAX: Final = 16 * MEGABYTE
REFUSALS_NAMED: Final = 20  # of one file that are named

ROLES: Final = (
    *("instrument", "micr_line", "sort_code", "account_id", "transaction_code", "amount"),
    *("returned_on", "code", "reason", "slip", "bank_ref"),
)
TOTALS: Final = ("count", "amount", "both")

_LENGTHS: Final = MappingProxyType(dict(FIELDS))
_TEXT_MAX: Final = 200


class ReturnsRefused(DomainError):
    """The file is refused whole; ``refusals`` names the rows."""

    code: ClassVar[str] = "return_file_refused"

    def __init__(self, problem: str, refusals: Sequence[Refusal] = ()) -> None:
        super().__init__(problem)
        self.refusals = tuple(refusals)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnLayout:
    """What the columns and words of one bank's return file mean."""

    code: str
    title: str
    columns: Mapping[str, Sequence[str]]  # role -> headers that may hold it
    dates: Sequence[str] = ("%d/%m/%Y", "%d-%m-%Y")
    delimiters: str = ",\t|;"
    footers: Sequence[str] = ("total", "grand total", "end of")
    totals: Mapping[str, str] = field(default_factory=dict)  # label -> count, amount or both
    reasons: Mapping[str, str] = field(default_factory=dict)  # the bank's code or words -> code


class ReturnLine(NamedTuple):
    """One returned paper, as the bank tells of it."""

    line: int  # the row in the file
    number: str  # of the cheque or draft, six digits
    sort_code: str  # this and the next two are empty where the bank does not tell
    account_id: str
    transaction_code: str
    amount_paise: int
    returned_on: date
    code: str  # of the reason; empty when the words are not known
    words: str  # the reason as the bank wrote it
    slip: str
    bank_ref: str


class Repeated(NamedTuple):
    """A row that says again what an earlier one said."""

    line: int
    first: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnFile:
    """What a file says: each return once, and which rows said it again."""

    layout: str
    lines: Sequence[ReturnLine]
    repeated: Sequence[Repeated]
    proved: frozenset[str]  # count, amount: the totals that the file had, and that held

    @property
    def amount_paise(self) -> int:
        """What came back, each paper once."""
        return sum(line.amount_paise for line in self.lines)


def layout_from(
    code: str, told: Mapping[str, Any], *, base: ReturnLayout | None = None
) -> ReturnLayout:
    """A layout as configuration writes it, alone or over another one; TypeError names a fault."""
    names = {one.name for one in fields(ReturnLayout)} - {"code"}
    if unknown := set(told) - names:
        raise TypeError(f"{code}: expected {sorted(names)}, got {sorted(unknown)}")
    changes = {name: _typed(code, name, value) for name, value in told.items()}
    if base is None:
        found = ReturnLayout(code=code, **{"title": code, "columns": {}, **changes})
    else:
        for name in {"columns", "totals", "reasons"} & set(changes):
            changes[name] = {**getattr(base, name), **changes[name]}
        found = replace(base, code=code, **changes)
    _check_layout(found)
    return found


def recognise(file: BinaryIO, layouts: Sequence[ReturnLayout]) -> ReturnLayout:
    """The layout whose header the file has; refused when none has it, or two equally well."""
    fits: list[tuple[int, ReturnLayout]] = []
    for layout in layouts:
        headers = (_places(layout, row) for _number, row in _head(file, layout))
        found = next(filter(None, headers), None)
        if found:
            fits.append((len(found), layout))
    most = max((count for count, _layout in fits), default=0)
    best = [layout for count, layout in fits if count == most]
    if len(best) != 1:
        known = ", ".join(layout.code for layout in best or layouts)
        problem = "fits more than one of" if best else "has the header of none of"
        raise ReturnsRefused(f"expected a file of one layout; this one {problem} {known}")
    return best[0]


def read_returns(file: BinaryIO, layout: ReturnLayout) -> ReturnFile:
    """The returned papers that a file tells of, or a refusal of the whole file."""
    reader = _Reader(layout)
    try:
        for number, row in _rows(file, layout):
            reader.take(number, row)
    except Malformed as error:
        raise ReturnsRefused(str(error)) from error
    return reader.found()


def write_returns(lines: Sequence[ReturnLine], layout: ReturnLayout) -> bytes:
    """A file as a bank of this layout writes it, with its totals; for simulations."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=layout.delimiters[0], lineterminator="\n")
    writer.writerow([headers[0] for headers in layout.columns.values()])
    for line in lines:
        said = _said(line, layout)
        writer.writerow([said[role] for role in layout.columns])
    amount = rupees_from_paise(sum(line.amount_paise for line in lines))
    for label, what in layout.totals.items():
        if what == "both":
            cells: dict[str, object] = {**dict.fromkeys(layout.columns, ""), "amount": amount}
            first, second = [role for role in layout.columns if role != "amount"][:2]
            writer.writerow({**cells, first: label, second: len(lines)}.values())
            break
        writer.writerow([label, amount if what == "amount" else len(lines)])
    return out.getvalue().encode()


# ---- layouts -----------------------------------------------------------------------------------


def _typed(code: str, name: str, value: Any) -> Any:
    if name in ("title", "delimiters"):
        is_right = isinstance(value, str) and value != ""
    elif name in ("dates", "footers"):
        is_right = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    else:
        is_right = isinstance(value, Mapping)
    if not is_right:
        raise TypeError(f"{code}.{name}: not what is expected there: {value!r}")
    if name == "columns":
        return {
            role: (told,) if isinstance(told, str) else tuple(told) for role, told in value.items()
        }
    return value


def _check_layout(layout: ReturnLayout) -> None:
    columns = set(layout.columns)
    if unknown := columns - set(ROLES):
        raise TypeError(
            f"{layout.code}.columns: expected {', '.join(ROLES)}, got {sorted(unknown)}"
        )
    if not _is_enough(columns):
        raise TypeError(
            f"{layout.code}.columns: expected amount, returned_on, instrument or micr_line, "
            "and code or reason"
        )
    if wrong := set(layout.totals.values()) - set(TOTALS):
        raise TypeError(f"{layout.code}.totals: expected {', '.join(TOTALS)}, got {sorted(wrong)}")


def _is_enough(columns: set[str]) -> bool:
    return (
        {"amount", "returned_on"} <= columns
        and bool(columns & {"instrument", "micr_line"})
        and bool(columns & {"code", "reason"})
    )


def _places(layout: ReturnLayout, row: Sequence[str]) -> Mapping[str, int] | None:
    """Where each column stands, when this row is the header; None when it is not."""
    names = [header_name(cell) for cell in row]
    found: dict[str, int] = {}
    for role, headers in layout.columns.items():
        place = next((names.index(n) for n in map(header_name, headers) if n in names), None)
        if place is not None:
            found[role] = place
    return found if _is_enough(set(found)) else None


def _rows(file: BinaryIO, layout: ReturnLayout) -> Iterator[tuple[int, list[str]]]:
    check_size(file, limit=FILE_MAX)
    return table_rows(
        file,
        delimiters=layout.delimiters,
        is_header=lambda row: _places(layout, row) is not None,
        limit=FILE_MAX,
    )


def _head(file: BinaryIO, layout: ReturnLayout) -> Iterator[tuple[int, list[str]]]:
    try:
        for number, row in _rows(file, layout):
            if number > HEADER_WITHIN:
                return
            yield number, row
    except Malformed as error:
        raise ReturnsRefused(str(error)) from error


# ---- rows --------------------------------------------------------------------------------------


class _Reader:
    """Takes the rows of one file in turn."""

    def __init__(self, layout: ReturnLayout) -> None:
        self._layout = layout
        self._places: Mapping[str, int] = {}
        self._moment = lru_cache(maxsize=1024)(moments(layout.dates))
        self._code = lru_cache(maxsize=1024)(self._code_of)
        self._totals = {header_name(label): what for label, what in layout.totals.items()}
        self._footers = tuple(header_name(word) for word in layout.footers)
        self._told: list[tuple[int, str, int]] = []  # row, count or amount, what it says
        self._lines: dict[tuple[Any, ...], ReturnLine] = {}
        self._repeated: list[Repeated] = []
        self._refusals: list[Refusal] = []
        self._count = self._sum = 0

    def take(self, number: int, row: Sequence[str]) -> None:
        """One row: above the header, the header, a return, or a total below."""
        if not any(cell.strip() for cell in row):
            return
        try:
            if self._places:
                self._below(number, row)
            elif found := _places(self._layout, row):
                self._places = found
            elif number > HEADER_WITHIN:
                raise Malformed(self._no_header())
            else:
                self._total(number, row)
        except (ValueError, UnreadMicr) as error:
            self._refusals.append(Refusal(number, str(error)))

    def found(self) -> ReturnFile:
        """What the whole file says, once every row was taken."""
        if not self._places:
            raise ReturnsRefused(self._no_header())
        if self._refusals:
            named = "; ".join(
                f"row {one.line}: {one.problem}" for one in self._refusals[:REFUSALS_NAMED]
            )
            raise ReturnsRefused(
                f"{len(self._refusals)} rows cannot be read: {named}",
                self._refusals[:REFUSALS_NAMED],
            )
        self._check_totals()
        return ReturnFile(
            layout=self._layout.code,
            lines=tuple(self._lines.values()),
            repeated=tuple(self._repeated),
            proved=frozenset(what for _number, what, _value in self._told),
        )

    def _no_header(self) -> str:
        wanted = ", ".join(headers[0] for headers in self._layout.columns.values())
        return f"no row among the first {HEADER_WITHIN} is a header; expected {wanted}"

    def _below(self, number: int, row: Sequence[str]) -> None:
        if not self._at(row, "returned_on"):
            first = header_name(next(cell for cell in row if cell.strip()))
            if self._total(number, row) or (self._footers and first.startswith(self._footers)):
                return
        line = self._line(number, row)
        self._count += 1
        self._sum += line.amount_paise
        before = self._lines.setdefault(line[1:], line)
        if before is not line:
            self._repeated.append(Repeated(number, before.line))

    def _line(self, number: int, row: Sequence[str]) -> ReturnLine:
        width = 1 + max(self._places.values())
        if len(row) < width:
            raise ValueError(f"expected at least {width} cells, got {len(row)}")
        micr = self._micr(row)
        code, words = self._reason(row)
        returned_on: datetime = self._moment(self._at(row, "returned_on"))
        return ReturnLine(
            line=number,
            number=micr.number,
            sort_code=micr.sort_code,
            account_id=micr.account_id,
            transaction_code=micr.transaction_code,
            amount_paise=self._amount(row),
            returned_on=returned_on.astimezone(INDIA).date(),
            code=code,
            words=words,
            slip=self._at(row, "slip")[:_TEXT_MAX],
            bank_ref=self._at(row, "bank_ref")[:_TEXT_MAX],
        )

    def _micr(self, row: Sequence[str]) -> Micr:
        """The four fields, from columns of their own or from one; where both tell, they agree."""
        told = Micr(
            number=_padded(_bare(self._at(row, "instrument")), "cheque number"),
            sort_code=_whole(self._at(row, "sort_code"), "sort code"),
            account_id=_padded(self._at(row, "account_id"), "account id"),
            transaction_code=_padded(self._at(row, "transaction_code"), "transaction code"),
        )
        band = self._at(row, "micr_line")
        if not band:
            if not told.number.strip("0"):
                raise ValueError("expected a cheque number, got none")
            return told
        read = read_micr(band)
        for name in ("number", "sort_code", "account_id", "transaction_code"):
            mine = getattr(told, name)
            if mine and mine != getattr(read, name):
                raise ValueError(f"expected {mine} in the MICR line too, got {read}")
        return read

    def _amount(self, row: Sequence[str]) -> int:
        paise = _rupees(self._at(row, "amount"))
        if paise <= 0:
            raise ValueError(f"expected an amount above zero, got {grouped_rupees(paise)}")
        return paise

    def _reason(self, row: Sequence[str]) -> tuple[str, str]:
        """The code, empty where number and words disagree or nobody knows them; and the words."""
        number, words = self._at(row, "code"), self._at(row, "reason")
        if not number and not words:
            raise ValueError("expected a reason, got none")
        by_number, by_words = self._code(number), self._code(words)
        if by_number and by_words and by_number != by_words:
            return "", f"{number} {words}"[:_TEXT_MAX]
        code = by_number or by_words
        return code, (words or number if code else f"{number} {words}".strip())[:_TEXT_MAX]

    def _code_of(self, text: str) -> str:
        return returns.code_of(text, agreed=self._layout.reasons)

    def _at(self, row: Sequence[str], role: str) -> str:
        place = self._places.get(role)
        return cell_text(row[place]) if place is not None and place < len(row) else ""

    def _total(self, number: int, row: Sequence[str]) -> bool:
        """Keep what a row says of the whole file; False when it says nothing of it."""
        first, *rest = [cell_text(cell) for cell in row if cell_text(cell)] or [""]
        label, _colon, tail = first.partition(":")
        what = self._totals.get(header_name(label))
        if what is None:
            return False
        rest = [tail.strip(), *rest] if tail.strip() else rest
        amount = self._at(row, "amount")
        if what != "count":
            self._told.append((number, "amount", _rupees(amount or (rest[0] if rest else ""))))
        if what == "both":
            rest = [cell for cell in rest if cell != amount and cell.isdigit()]
        if what == "count" or (what == "both" and rest):
            self._told.append((number, "count", _count(rest[0] if rest else "")))
        return True

    def _check_totals(self) -> None:
        for number, what, value in self._told:
            if what == "count" and value != self._count:
                raise ReturnsRefused(
                    f"row {number}: the file says {value} rows, {self._count} were read"
                )
            if what == "amount" and value != self._sum:
                raise ReturnsRefused(
                    f"row {number}: the file says {grouped_rupees(value)} in total, "
                    f"its rows are {grouped_rupees(self._sum)}"
                )


def _padded(text: str, name: str) -> str:
    """Digits with the leading zeros that a spreadsheet took away."""
    length = _LENGTHS[name]
    if not text:
        return ""
    if not (text.isascii() and text.isdigit()) or len(text) > length:
        raise ValueError(f"expected {length} digits of the {name}, got {text[:30]!r}")
    return text.zfill(length)


def _bare(number: str) -> str:
    """A cheque number without the zeros by which some banks fill a wide field."""
    length = _LENGTHS["cheque number"]
    return number[-length:] if number[:-length].strip("0") == "" else number


def _whole(text: str, name: str) -> str:
    length = _LENGTHS[name]
    if text and not (text.isascii() and text.isdigit() and len(text) == length):
        raise ValueError(f"expected {length} digits of the {name}, got {text[:30]!r}")
    return text


def _rupees(text: str) -> int:
    bare = text.removeprefix("₹").removeprefix("Rs.").removeprefix("INR").strip()
    return paise_from_rupees(bare)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise ValueError(f"expected a count of rows, got {text[:30]!r}")
    return int(text)


def _said(line: ReturnLine, layout: ReturnLayout) -> Mapping[str, str]:
    """A line's cells by what they mean."""
    micr = Micr(line.number, line.sort_code, line.account_id, line.transaction_code)
    return {
        "instrument": line.number,
        "micr_line": str(micr) if line.sort_code else "",
        "sort_code": line.sort_code,
        "account_id": line.account_id,
        "transaction_code": line.transaction_code,
        "amount": rupees_from_paise(line.amount_paise),
        "returned_on": line.returned_on.strftime(layout.dates[0]),
        "code": line.code,
        "reason": line.words,
        "slip": line.slip,
        "bank_ref": line.bank_ref,
    }


def _read_presets() -> Mapping[str, ReturnLayout]:
    with (DATA / "return_layouts.toml").open("rb") as file:
        told = tomllib.load(file)
    return MappingProxyType({code: layout_from(code, one) for code, one in told.items()})


PRESETS: Final = _read_presets()
