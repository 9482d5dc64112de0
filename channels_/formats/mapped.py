"""Bank statements as tables, by a mapping that a person makes and not by code.

Reads CSV and other delimited text, XLSX, fixed width, XML and JSON. A mapping says which column
means what, how days and amounts are written, and what may stand around the table:

    BankTable(
        code="sbi-4417-csv",
        title="SBI, account 4417, CSV",
        columns={"day": ("Txn Date",), "debit": ("Debit",), "credit": ("Credit",),
                 "balance": ("Balance",), "narration": ("Description",)},
        dates=("%d/%m/%Y",),
    )

``bank_table(settings)`` makes one of the JSON that a page keeps. A balance behind each row must
follow from the row before; balances above or below the table must prove it; and a row of totals
must agree. A statement with none of them proves nothing, and its page says so.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from functools import lru_cache
from itertools import chain
from typing import Any, BinaryIO, Final

from channels_.contract import (
    INDIAN_CURRENCY,
    LineKind,
    Page,
    Statement,
    StatementFormat,
    StatementLine,
)
from channels_.formats.extracts import Extractor, check_extracts
from channels_.formats.fixed import Column, check_columns, fixed_rows
from channels_.formats.guard import has_lost_a_row, refuse
from channels_.formats.identity import Keys
from channels_.formats.records import json_rows, xml_rows
from channels_.formats.references import rrn_in, utr_among
from channels_.formats.table import HEADER_WITHIN, cell_text, header_name, table_rows
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import PAISE_MAX, rupees_from_paise

# What a column can mean. Narration may have several, all others the first that is there.
ROLES: Final = frozenset(
    {"day", "value_day", "amount", "credit", "debit", "direction", "balance", "currency"}
    | {"account", "reference", "channel_ref", "instrument", "utr", "rrn", "code", "narration"}
)
SOURCES: Final = ("table", "fixed", "xml", "json")

_YEARS: Final = range(1990, 2200)
_CELLS_OF_A_HEADER: Final = 3  # a day, an amount, and what it was for


@dataclass(frozen=True, slots=True, kw_only=True)
class BankTable:
    """What the columns of one account's statement mean, and what stands around them."""

    code: str
    title: str
    columns: Mapping[str, Sequence[str]]  # role -> headers that may hold it
    source: str = "table"
    widths: Sequence[Column] = ()  # of a source of fixed width
    record: str = ""  # of XML the element, of JSON the way to the array
    dates: Sequence[str] = ("%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%d")
    decimal: str = "."
    currency: str = INDIAN_CURRENCY
    account: str = ""  # where no column and no label names it
    directions: Mapping[str, str] = field(default_factory=dict)  # word -> "credit" or "debit"
    minus_is_noise: bool = False  # column or direction decides, whatever sign stands there
    newest_first: bool = False
    delimiters: str = ",;\t|"
    skips: Sequence[str] = ()  # how rows begin that say nothing
    opening_label: str = ""  # how the rows begin that hold a balance, the totals, the account
    closing_label: str = ""
    total_label: str = ""
    account_label: str = ""
    extracts: Sequence[str] = ()  # "NEFT CR-{utr}-{*}": what a narration holds, the first that fits

    @property
    def proves(self) -> bool:
        """Whether something in the file says that all lines are there."""
        return "balance" in self.columns or bool(self.opening_label and self.closing_label)


def bank_table(told: Mapping[str, Any]) -> BankTable:
    """The mapping that settings tell; TypeError names what is wrong with them."""
    known = {one.name for one in fields(BankTable)}
    if unknown := set(told) - known:
        raise TypeError(f"no such setting {sorted(unknown)}, expected {', '.join(sorted(known))}")
    settings = dict(told)
    if "columns" in settings:
        settings["columns"] = {
            role: (heads,) if isinstance(heads, str) else tuple(heads)
            for role, heads in settings["columns"].items()
        }
    if "widths" in settings:
        settings["widths"] = tuple(Column(*one) for one in settings["widths"])
    table = BankTable(**settings)
    _check(table)
    return table


def bank_table_format(table: BankTable) -> StatementFormat:
    """The format that reads files of this mapping."""
    _check(table)

    def read(file: BinaryIO) -> Iterator[Statement]:
        reading = _Reading(table)
        lines = reading.lines(_rows(table, file))
        first = next(lines, None)  # so that what stands above the table is in the page
        reading.statement.lines = lines if first is None else chain([first], lines)
        yield reading.statement

    return StatementFormat(
        code=table.code, title=table.title, sniff=lambda head: _sniff(table, head), read=read
    )


def raw_rows(file: BinaryIO, told: Mapping[str, Any]) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file before any column is known, as far as its kind lets them be told."""
    source = told.get("source", "table")
    if source == "fixed":
        return fixed_rows(file, columns=[Column(*one) for one in told.get("widths", ())])
    if source != "table":
        raise TypeError(f"{source}: its rows are known only by their fields")
    wanted = {
        _header(one)
        for heads in told.get("columns", {}).values()
        for one in ((heads,) if isinstance(heads, str) else heads)
    }
    return table_rows(
        file,
        delimiters=told.get("delimiters", ",;\t|"),
        # The widest cut of the first bytes, while no header is known.
        is_header=lambda row: (
            bool(wanted & {_header(cell) for cell in row})
            if wanted
            else len(row) >= _CELLS_OF_A_HEADER
        ),
    )


def _check(table: BankTable) -> None:
    check_extracts(table.extracts)
    columns = set(table.columns)
    if unknown := columns - ROLES:
        raise TypeError(f"columns: no such meaning {sorted(unknown)}")
    if "day" not in columns or not {"amount", "credit", "debit"} & columns:
        raise TypeError("columns: expected day, and amount or credit and debit")
    if ("amount" in columns) == bool({"credit", "debit"} & columns):
        raise TypeError("columns: expected amount, or credit and debit, not both")
    if "direction" in columns and not ("amount" in columns and table.directions):
        raise TypeError("direction: expected an amount beside it, and the words in directions")
    if not set(table.directions.values()) <= {"credit", "debit"}:
        raise TypeError("directions: expected credit or debit for each word")
    if table.decimal not in (".", ","):
        raise TypeError(f"decimal: expected a point or a comma, got {table.decimal!r}")
    if table.source not in SOURCES:
        raise TypeError(f"source: expected {', '.join(SOURCES)}, got {table.source!r}")
    if table.source == "fixed":
        check_columns(table.widths)
    if table.source == "xml" and not table.record:
        raise TypeError("record: expected the name of the element that is a row")


def _rows(table: BankTable, file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    if table.source == "fixed":
        return fixed_rows(file, columns=table.widths)
    if table.source == "table":
        return table_rows(
            file,
            delimiters=table.delimiters,
            is_header=lambda row: _places(table, row) is not None,
        )
    wanted = sorted({header for headers in table.columns.values() for header in headers})
    rows = xml_rows if table.source == "xml" else json_rows
    return rows(file, record=table.record, fields=wanted)


def _sniff(table: BankTable, head: bytes) -> bool:
    """Only a header tells: files without one must be named."""
    if table.source != "table" or head.startswith(b"PK"):
        return False
    text = head.decode("utf-8-sig", errors="replace")
    return any(
        _places(table, [cell.strip(' "') for cell in line.split(delimiter)]) is not None
        for line in text.splitlines()
        for delimiter in table.delimiters
    )


def _places(table: BankTable, row: Sequence[str]) -> Mapping[str, tuple[int, ...]] | None:
    """Where each meaning stands when this row is the header; None when it is not."""
    names = [_header(cell) for cell in row]
    is_record = table.source in ("xml", "json")  # which may have one field or the other
    found: dict[str, tuple[int, ...]] = {}
    for role, headers in table.columns.items():
        places = [names.index(_header(one)) for one in headers if _header(one) in names]
        if places:
            found[role] = tuple(places if role == "narration" or is_record else places[:1])
    needed = {"day", "amount"} if "amount" in table.columns else {"day", "credit", "debit"}
    return found if needed & set(table.columns) <= set(found) else None


def _header(text: str) -> str:
    """A header as it is compared; one without letters of ours, in Hindi say, as it is written."""
    return header_name(text) or text.strip()


class _Torn(ValueError):
    """The balance behind a row does not follow from the row before."""


class _Reading:
    """One file while it is read."""

    def __init__(self, table: BankTable) -> None:
        self._table = table
        self.statement = Statement(
            page=Page(account=table.account, currency=table.currency, must_balance=table.proves),
            lines=(),
        )
        self._keys = Keys()
        self._amount = _amounts(table.decimal)
        self._day = lru_cache(maxsize=4096)(_days(table.dates))
        self._directions = {word.lower(): side for word, side in table.directions.items()}
        self._places: Mapping[str, tuple[int, ...]] = {}
        self._width = 0
        self._credit = self._debit = 0
        self._balance: int | None = None  # behind the row before
        self._last: tuple[int, date] | None = None  # amount and day of the row before
        self._extracts = [Extractor(one) for one in table.extracts]

    def lines(self, rows: Iterable[tuple[int, list[str]]]) -> Iterator[StatementLine]:
        """The rows as lines; what stands around them goes into the page."""
        for number, row in rows:
            if not any(cell.strip() for cell in row) or self._is_aside(number, row):
                continue
            if not self._places:
                self._look_for_header(number, row)
                continue
            try:
                line = self._line(number, row)
            except ValueError as error:
                # A balance that does not follow says that rows are missing: no row is at fault.
                lost = None if isinstance(error, _Torn) else row
                refuse(self.statement, number, str(error), row=lost)
                self._balance = self._last = None
            else:
                yield line
        if not self._places:
            raise Malformed(self._no_header())
        self._close()

    def _look_for_header(self, number: int, row: Sequence[str]) -> None:
        self._places = _places(self._table, row) or {}
        self._width = len(row)
        if not self._places and number >= HEADER_WITHIN:
            raise Malformed(self._no_header())

    def _no_header(self) -> str:
        wanted = ", ".join(headers[0] for headers in self._table.columns.values())
        return f"no row among the first {HEADER_WITHIN} is a header; expected {wanted}"

    # ---- what stands around the table ----------------------------------------------------------

    def _is_aside(self, number: int, row: Sequence[str]) -> bool:
        first = next(cell.strip() for cell in row if cell.strip())
        page, table = self.statement.page, self._table
        try:
            if _begins(first, table.opening_label):
                balance = self._last_amount(row)
                self.statement.page = replace(page, opening_paise=balance)
            elif _begins(first, table.closing_label):
                balance = self._last_amount(row)
                self.statement.page = replace(page, closing_paise=balance)
            elif _begins(first, table.total_label):
                self._check_totals(row)
            elif not self._places and _begins(first, table.account_label):
                self.statement.page = replace(page, account=_told_behind(row, first))
            elif any(_begins(first, word) for word in table.skips):
                self.statement.notes["skipped"] = self.statement.notes.get("skipped", 0) + 1
            else:
                return False
        except ValueError as error:
            refuse(self.statement, number, str(error))
        return True

    def _last_amount(self, row: Sequence[str]) -> int:
        for cell in reversed(row):
            text = cell.strip().rpartition(":")[2].strip()
            if text:
                return self._amount(text)
        raise ValueError("expected a balance, got nothing")

    def _check_totals(self, row: Sequence[str]) -> None:
        if has_lost_a_row(self.statement):
            return
        for role, read in (("credit", self._credit), ("debit", self._debit)):
            text = self._text(row, role)
            if text and abs(self._amount(text)) != read:
                raise ValueError(
                    f"expected a total of {role}s of {rupees_from_paise(read)}, got {text!r}"
                )

    def _close(self) -> None:
        """What the running balance says of both ends."""
        page = self.statement.page
        if self._balance is not None and self._last is not None:
            amount, day = self._last
            if self._table.newest_first:
                opening = self._balance - amount
                page = replace(page, opening_paise=opening, opened_on=day)
            else:
                page = replace(page, closing_paise=self._balance, closed_on=day)
        self.statement.page = page

    # ---- the rows ------------------------------------------------------------------------------

    def _line(self, number: int, row: Sequence[str]) -> StatementLine:
        if any(cell.strip() for cell in row[self._width :]):
            raise ValueError(f"expected {self._width} cells, got {len(row)}")
        table, page = self._table, self.statement.page
        currency = self._text(row, "currency") or table.currency
        if currency.upper() != table.currency:
            raise ValueError(f"expected the currency {table.currency}, got {currency!r}")
        account = self._text(row, "account")
        if account and not page.account:
            page = self.statement.page = replace(page, account=account)
        if account and account != page.account:
            raise ValueError("expected one account in the file, got a second")
        day, paise = self._day(self._text(row, "day")), self._money(row)
        self._check_balance(row, day=day, paise=paise)
        if paise > 0:
            self._credit += paise
        else:
            self._debit -= paise
        narration = " ".join(" ".join(self._all(row, "narration")).split())
        found = self._extracted(narration)
        reference = self._text(row, "reference") or found.get("reference", "")
        channel_ref = self._text(row, "channel_ref") or found.get("channel_ref", "")
        return StatementLine(
            line=number,
            key=self._keys.key(
                page.account,
                day=day,
                amount_paise=paise,
                reference=reference,
                channel_ref=channel_ref,
                narration=narration,
            ),
            kind=LineKind.DEBIT if paise < 0 else LineKind.CREDIT,
            amount_paise=paise,
            business_date=day,
            channel_ref=channel_ref,
            reference=reference,
            utr=(self._text(row, "utr") or found.get("utr", "")).upper()
            or utr_among(reference, channel_ref, narration),
            rrn=self._text(row, "rrn") or found.get("rrn", "") or rrn_in(narration),
            instrument=self._text(row, "instrument") or found.get("instrument", ""),
            code=self._text(row, "code"),
            narration=narration,
        )

    def _extracted(self, narration: str) -> Mapping[str, str]:
        for extractor in self._extracts:
            if found := extractor.find(narration):
                return found
        return {}

    def _check_balance(self, row: Sequence[str], *, day: date, paise: int) -> None:
        text = self._text(row, "balance")
        if "balance" not in self._places:
            return
        balance, before, page = self._amount(text), self._balance, self.statement.page
        if before is None:
            if not self.statement.refusals:
                self.statement.page = (
                    replace(page, closing_paise=balance, closed_on=day)
                    if self._table.newest_first
                    else replace(page, opening_paise=balance - paise, opened_on=day)
                )
        else:
            last = self._last[0] if self._last else 0
            expected = before - last if self._table.newest_first else before + paise
            if balance != expected:
                raise _Torn(
                    f"expected the balance {rupees_from_paise(expected)} behind this row, "
                    f"got {rupees_from_paise(balance)}"
                )
        self._balance, self._last = balance, (paise, day)

    def _money(self, row: Sequence[str]) -> int:
        """The signed amount: by its sign, by the word beside it, or by the column it stands in."""
        if "amount" in self._table.columns:
            paise = self._amount(self._text(row, "amount"))
            if "direction" not in self._places:
                return paise
            word = self._text(row, "direction")
            side = self._directions.get(word.lower())
            if side is None:
                known = ", ".join(self._table.directions)
                raise ValueError(f"expected a direction out of {known}, got {word!r}")
            return self._unsigned(paise) * (1 if side == "credit" else -1)
        told = {
            role: self._amount(text)
            for role in ("credit", "debit")
            if (text := self._text(row, role))
        }
        moved = {role: paise for role, paise in told.items() if paise} or told
        if len(moved) != 1:
            got = "both" if told else "nothing"
            raise ValueError(f"expected an amount as credit or as debit, got {got}")
        ((role, paise),) = moved.items()
        return self._unsigned(paise) * (1 if role == "credit" else -1)

    def _unsigned(self, paise: int) -> int:
        if paise < 0 and not self._table.minus_is_noise:
            raise ValueError("expected an amount without a minus, because its column has the sign")
        return abs(paise)

    def _text(self, row: Sequence[str], role: str) -> str:
        for at in self._places.get(role, ()):
            if at < len(row) and (text := cell_text(row[at])):
                return text
        return ""

    def _all(self, row: Sequence[str], role: str) -> list[str]:
        return [cell_text(row[at]) for at in self._places.get(role, ()) if at < len(row)]


def _begins(text: str, label: str) -> bool:
    return bool(label) and text.lower().startswith(label.lower())


def _told_behind(row: Sequence[str], first: str) -> str:
    """What follows a label: behind its colon, else in the next cell that holds something."""
    behind = first.partition(":")[2].strip()
    cells = [cell.strip() for cell in row if cell.strip()]
    return behind or (cells[1] if len(cells) > 1 else "")


def _amounts(decimal: str) -> Callable[[str], int]:
    """A reader of amounts with that decimal mark; the other mark and blanks may group digits."""
    other = "," if decimal == "." else "."
    mark, group = re.escape(decimal), re.escape(other)
    shape = re.compile(
        rf"(?P<sign>[+-]?)(?P<whole>[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}|[0-9]{{1,13}})"
        rf"(?:{mark}(?P<part>[0-9]{{0,2}})0*)?(?P<behind>-?)(?: ?(?P<side>[CD][Rr]\.?))?"
    )

    def read(text: str) -> int:
        found = shape.fullmatch(text.removeprefix("₹").strip())
        if found is None or (found["sign"] and found["behind"]):
            raise ValueError(f"expected an amount such as 1234{decimal}50, got {text!r}")
        whole = found["whole"].replace(other, "")
        paise = int(whole) * 100 + int((found["part"] or "").ljust(2, "0"))
        if paise > PAISE_MAX:
            raise ValueError(f"expected an amount of our world, got {text!r}")
        is_minus = "-" in (found["sign"], found["behind"])
        if found["side"] and found["side"][0] == "D":
            is_minus = not is_minus
        return -paise if is_minus else paise

    return read


def _days(formats: Sequence[str]) -> Callable[[str], date]:
    def read(text: str) -> date:
        for known in formats:
            try:
                found = datetime.strptime(text, known).date()  # noqa: DTZ007 - a day, not a moment
            except ValueError:
                continue
            if found.year in _YEARS:
                return found
        try:
            found = date.fromisoformat(text[:10])  # how a workbook's own dates come
        except ValueError:
            found = date.min
        if found.year not in _YEARS:
            raise ValueError(f"expected a day like {formats[0]}, got {text!r}")
        return found

    return read
