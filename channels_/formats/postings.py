"""What the ERP has posted, as a table: one row for each item of a payment lot or a returns lot.

Reads CSV and other delimited text, and XLSX. The columns are named as FI-CA names its fields, and
may be agreed on by settings, as JSON can hold them:

    postings_format({"columns": {"reference": "REF_TEXT"}, "count_label": "ITEMS"})

A row names our receipt by ``XBLNR``: our reference with or without its hyphens, or its first
sixteen signs, because the field has no more; or the receipt as it is printed, where the field is
long enough. Money that went back (returns, reversals) is negative, or is marked so. Rows that begin
with a control word hold the totals of the file (KSUMP items, KTSUH credits, KTSUS debits), and the
last day that it tells: what is told must prove.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, time
from enum import StrEnum
from functools import lru_cache
from typing import Any, BinaryIO, Final

from channels_.contract import (
    INDIAN_CURRENCY,
    LineKind,
    Page,
    Statement,
    StatementFormat,
    StatementLine,
)
from channels_.formats.guard import ZIP_MAGIC, has_lost_a_row, refuse
from channels_.formats.identity import Times
from channels_.formats.table import HEADER_WITHIN, cell_text, header_name, moments, table_rows
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.ids import canonical, check_character
from cspdcl.kernel.money import PAISE_MAX, paise_from_rupees, rupees_from_paise


class Posted(StrEnum):
    """Where a posted amount stands in the ERP."""

    CLEARED = "cleared"
    ON_ACCOUNT = "on_account"
    CLARIFICATION = "clarification"


# What a column can mean, and the fields that hold it when nothing else is agreed.
COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "reference": ("XBLNR",),
    "document": ("OPBEL",),
    "lot": ("KEYZ1", "KEYR1"),
    "item": ("POSZA", "POSRA"),
    "account": ("VKONT",),
    "partner": ("GPART",),
    "amount": ("BETRZ", "BETRR"),
    "day": ("BUDAT",),
    "value_day": ("VALUT",),
    "currency": ("WAERS",),
    "origin": ("HERKF",),
    "state": ("STATUS",),
    "on_account": ("XAKON",),
    "clarification": ("XKLAE",),
    "mark": ("MARK",),
    "text": ("TXTRZ",),
}
_NEEDED: Final = frozenset({"reference", "amount", "day"})

STATES: Final[Mapping[str, str]] = {
    "": Posted.CLEARED,
    "C": Posted.CLEARED,
    "cleared": Posted.CLEARED,
    "A": Posted.ON_ACCOUNT,
    "on account": Posted.ON_ACCOUNT,
    "K": Posted.CLARIFICATION,
    "clarification": Posted.CLARIFICATION,
}
# Words that say that money went back, whatever sign stands there.
MARKS: Final = ("R", "return", "S", "reversal", "X")

# Words in the columns of flags, and whether they set them.
FLAGS: Final[Mapping[str, bool]] = {"": False, "X": True}

_KEY_MAX: Final = 100
_REFERENCE_MAX: Final = 40
_WITHOUT_CHECK: Final = re.compile(r"[0-9]{2}[A-M][0-9]{2}[0-9A-Z]{11}")
_FIRST_YEAR: Final = 1990


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What the columns and words of the ERP's export mean."""

    columns: Mapping[str, Sequence[str]] = field(default_factory=lambda: COLUMNS)
    states: Mapping[str, str] = field(default_factory=lambda: STATES)
    marks: Sequence[str] = MARKS
    flags: Mapping[str, bool] = field(default_factory=lambda: FLAGS)
    dates: Sequence[str] = ("%Y-%m-%d", "%d.%m.%Y", "%Y%m%d", "%d-%m-%Y")
    delimiters: str = ",;\t|"
    count_label: str = "KSUMP"
    credit_label: str = "KTSUH"
    debit_label: str = "KTSUS"
    until_label: str = "UNTIL"
    needs_totals: bool = False  # a file without them is refused: it may be cut short


def export_of(told: Mapping[str, Any]) -> Export:
    """What settings agree on; TypeError names what is wrong with them."""
    known = {one.name for one in fields(Export)}
    if unknown := set(told) - known:
        raise TypeError(f"no such setting {sorted(unknown)}, expected {', '.join(sorted(known))}")
    changes = dict(told)
    for name, usual, read in _ADDED:
        if name in changes:
            changes[name] = {**usual, **read(changes[name])}
    for name in ("marks", "dates"):
        if name in changes:
            changes[name] = _texts(changes[name], name)
    for name in known - {"columns", "states", "flags", "marks", "dates", "needs_totals"}:
        if not isinstance(changes.get(name, ""), str):
            raise TypeError(f"{name}: expected a text")
    if not isinstance(changes.get("needs_totals", False), bool):
        raise TypeError("needs_totals: expected true or false")
    export = replace(Export(), **changes)
    if not export.delimiters:
        raise TypeError("delimiters: expected the signs that may part two cells")
    return export


def _columns(told: Any) -> dict[str, Sequence[str]]:
    if not isinstance(told, Mapping):
        raise TypeError("columns: expected names of columns by their meaning")
    if unknown := set(told) - set(COLUMNS):
        raise TypeError(
            f"columns: no such meaning {sorted(unknown)}, expected {', '.join(COLUMNS)}"
        )
    found: dict[str, Sequence[str]] = {}
    for role, heads in told.items():
        names = _texts([heads] if isinstance(heads, str) else heads, f"columns.{role}")
        if not all(header_name(one) for one in names):
            raise TypeError(f"columns.{role}: expected names with letters or digits")
        found[role] = names
    if empty := [role for role in sorted(_NEEDED) if role in found and not found[role]]:
        raise TypeError(f"columns.{empty[0]}: expected the name of a column")
    return found


def _states(told: Any) -> dict[str, str]:
    if not isinstance(told, Mapping) or not set(told.values()) <= set(Posted):
        raise TypeError(f"states: expected one of {', '.join(Posted)} for each word")
    return dict(told)


def _flags(told: Any) -> dict[str, bool]:
    if not isinstance(told, Mapping) or not all(isinstance(one, bool) for one in told.values()):
        raise TypeError("flags: expected true or false for each word")
    return dict(told)


# What is agreed on beside what is usual, and not in its place.
_ADDED: Final[Sequence[tuple[str, Mapping[str, Any], Callable[[Any], Mapping[str, Any]]]]] = (
    ("columns", COLUMNS, _columns),
    ("states", STATES, _states),
    ("flags", FLAGS, _flags),
)


def _texts(told: Any, name: str) -> tuple[str, ...]:
    if not isinstance(told, list | tuple) or not all(isinstance(one, str) for one in told):
        raise TypeError(f"{name}: expected a list of texts")
    return tuple(told)


def postings_format(told: Mapping[str, Any] | None = None) -> StatementFormat:
    """The format of the ERP's export, as its settings agree on."""
    export = export_of(told or {})

    def read(file: BinaryIO) -> Iterator[Statement]:
        reading = _Reading(export)
        rows = table_rows(
            file,
            delimiters=export.delimiters,
            is_header=lambda row: _places(export, row) is not None,
        )
        reading.statement.lines = reading.lines(rows)
        yield reading.statement

    return StatementFormat(
        code="postings",
        title="Postings of the ERP",
        sniff=lambda head: _sniff(export, head),
        read=read,
    )


def reference_told(text: str) -> str:
    """Our reference as we store it, where the text is one, or all of it but its check character."""
    bare = text.strip().upper()
    if _WITHOUT_CHECK.fullmatch(bare):
        return canonical(bare + check_character(bare))
    return canonical(bare) if bare.isascii() else text.strip()


def plain_number(text: str) -> str:
    """A contract account or partner without the zeros that the ERP fills it up with."""
    return text.strip().lstrip("0")


def _sniff(export: Export, head: bytes) -> bool:
    if head.startswith(ZIP_MAGIC):
        return b"xl/" in head or b"[Content_Types]" in head
    text = head.decode("utf-8-sig", errors="replace")
    return any(
        _places(export, [cell.strip(' "') for cell in line.split(delimiter)]) is not None
        for line in text.splitlines()
        for delimiter in export.delimiters
    )


def _places(export: Export, row: Sequence[str]) -> Mapping[str, Sequence[int]] | None:
    """Where each meaning stands when this row is the header; None when it is not."""
    names = [header_name(cell) for cell in row]
    found: dict[str, Sequence[int]] = {}
    for role, headers in export.columns.items():
        places = [names.index(name) for one in headers if (name := header_name(one)) in names]
        if places:
            found[role] = places
    return found if set(found) >= _NEEDED and {"document", "lot"} & set(found) else None


class _Reading:
    """One file while it is read."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self.statement = Statement(page=Page(currency=INDIAN_CURRENCY), lines=())
        self._states = {word.lower(): Posted(state) for word, state in export.states.items()}
        self._flags = {word.lower(): is_set for word, is_set in export.flags.items()}
        self._marks = frozenset(word.lower() for word in export.marks)
        self._day = lru_cache(maxsize=4096)(_days(export.dates))
        self._times = Times()
        self._places: Mapping[str, Sequence[int]] = {}
        self._width = 0
        self._count = self._credit = self._debit = 0
        self._told: dict[str, tuple[int, str]] = {}  # control word -> row and what it says

    def lines(self, rows: Iterable[tuple[int, list[str]]]) -> Iterator[StatementLine]:
        """The rows as lines; the totals are held against them at the end."""
        for number, row in rows:
            if not any(cell.strip() for cell in row) or self._is_control(number, row):
                continue
            if not self._places:
                self._look_for_header(number, row)
                continue
            self._count += 1
            try:
                line = self._line(number, row)
            except ValueError as error:
                refuse(self.statement, number, str(error), row=row)
                continue
            if line.amount_paise > 0:
                self._credit += line.amount_paise
            else:
                self._debit -= line.amount_paise
            yield line
        if not self._places:
            raise Malformed(self._no_header())
        self._prove()

    def _look_for_header(self, number: int, row: Sequence[str]) -> None:
        self._places = _places(self._export, row) or {}
        self._width = len(row)
        if not self._places and number >= HEADER_WITHIN:
            raise Malformed(self._no_header())

    def _no_header(self) -> str:
        columns = self._export.columns
        wanted = ", ".join(columns[role][0] for role in ("reference", "document", "amount", "day"))
        return f"no row among the first {HEADER_WITHIN} is a header; expected {wanted}"

    # ---- the totals ----------------------------------------------------------------------------

    def _is_control(self, number: int, row: Sequence[str]) -> bool:
        """A row of one control word and what it says, and of nothing else."""
        cells = [cell.strip() for cell in row if cell.strip()]
        export = self._export
        labels = (export.count_label, export.credit_label, export.debit_label, export.until_label)
        word, _colon, behind = cells[0].partition(":")
        label = next((one for one in labels if one and word.strip().lower() == one.lower()), None)
        told = [*([behind.strip()] if behind.strip() else []), *cells[1:]]
        if label is None or len(told) != 1:
            return False
        if label in self._told:
            refuse(self.statement, number, f"{label} stands twice in the file")
        self._told[label] = (number, told[0])
        return True

    def _prove(self) -> None:
        """The totals of the file against what was read; a lost row makes no sum agree."""
        export = self._export
        if export.needs_totals and not {export.count_label, export.credit_label} <= set(self._told):
            raise Malformed(
                f"expected the totals {export.count_label} and {export.credit_label}, found "
                f"{', '.join(self._told) or 'none'}: the file may be cut short"
            )
        self._check(export.count_label, self._count, read=_whole_number, shown=str)
        if not has_lost_a_row(self.statement):
            for label, sum_paise in (
                (export.credit_label, self._credit),
                (export.debit_label, self._debit),
            ):
                self._check(label, sum_paise, read=_paise, shown=rupees_from_paise)
        self._tell_until()

    def _check(
        self, label: str, found: int, *, read: Callable[[str], int], shown: Callable[[Any], str]
    ) -> None:
        if label not in self._told:
            return
        number, text = self._told[label]
        try:
            told = abs(read(text))
        except ValueError as error:
            refuse(self.statement, number, f"{label}: {error}")
            return
        if told != found:
            problem = f"{label} says {shown(told)}, but the rows come to {shown(found)}"
            refuse(self.statement, number, problem)

    def _tell_until(self) -> None:
        number, text = self._told.get(self._export.until_label, (0, ""))
        if not text:
            return
        try:
            until = self._day(text)
        except ValueError as error:
            refuse(self.statement, number, f"{self._export.until_label}: {error}")
            return
        self.statement.page = replace(self.statement.page, closed_on=until)

    # ---- the rows ------------------------------------------------------------------------------

    def _line(self, number: int, row: Sequence[str]) -> StatementLine:
        if any(cell.strip() for cell in row[self._width :]):
            raise ValueError(f"expected {self._width} cells, got {len(row)}")
        currency = self._text(row, "currency") or INDIAN_CURRENCY
        if currency.upper() != INDIAN_CURRENCY:
            raise ValueError(f"expected the currency {INDIAN_CURRENCY}, got {currency!r}")
        paise = _paise(self._text(row, "amount"))
        if not paise:
            raise ValueError("expected an amount, got none")
        went_back = self._went_back(row) or paise < 0
        paise = -abs(paise) if went_back else paise
        value_day = self._text(row, "value_day")
        state = self._state(row)
        return StatementLine(
            line=number,
            key=self._key(row, went_back=went_back),
            kind=LineKind.UNKNOWN if state is None else _KINDS[went_back],
            amount_paise=paise,
            business_date=self._day(self._text(row, "day")),
            occurred_at=_noon(self._day(value_day)) if value_day else None,
            reference=reference_told(self._text(row, "reference"))[:_REFERENCE_MAX],
            channel_ref=self._text(row, "document")[:64],
            settlement_ref=self._text(row, "lot")[:64],
            order_ref=plain_number(self._text(row, "partner"))[:64],
            consumer_number=plain_number(self._text(row, "account"))[:20],
            code=self._text(row, "state")[:40] if state is None else state.value,
            narration=self._said(row),
        )

    def _went_back(self, row: Sequence[str]) -> bool:
        mark = self._text(row, "mark")
        if mark and mark.lower() not in self._marks:
            known = ", ".join(self._export.marks)
            raise ValueError(f"expected a mark out of {known}, or none, got {mark!r}")
        return bool(mark)

    def _state(self, row: Sequence[str]) -> Posted | None:
        """Where it stands: by the flags, else by the word; None for a word nobody agreed on."""
        lies, on_account = (self._flag(row, role) for role in ("clarification", "on_account"))
        if lies:
            return Posted.CLARIFICATION
        if on_account:
            return Posted.ON_ACCOUNT
        return self._states.get(self._text(row, "state").lower())

    def _flag(self, row: Sequence[str], role: str) -> bool:
        text = self._text(row, role)
        is_set = self._flags.get(text.lower())
        if is_set is None:
            known = ", ".join(word for word in self._export.flags if word)
            column = self._export.columns[role][0]
            raise ValueError(f"expected {known} or nothing in {column}, got {text!r}")
        return is_set

    def _key(self, row: Sequence[str], *, went_back: bool) -> str:
        """The row's own identity: the item of its lot, else its document; stable in every file."""
        lot, item = self._text(row, "lot"), self._text(row, "item")
        name = f"{lot}/{item.lstrip('0') or '0'}" if lot and item else self._text(row, "document")
        if not name:
            raise ValueError("expected the item of a lot, or the number of a document")
        key = f"{name}:back" if went_back else name
        if len(key) > _KEY_MAX:
            raise ValueError(f"expected a lot and item, or a document, of at most {_KEY_MAX} signs")
        if self._times.add(key) > 1:
            raise ValueError(f"{name} stands twice in the file; expected each posting once")
        return key

    def _said(self, row: Sequence[str]) -> str:
        origin = self._text(row, "origin")
        parts = [f"HERKF {origin}" if origin else "", self._text(row, "text")]
        return " ".join(" ".join(part for part in parts if part).split())

    def _text(self, row: Sequence[str], role: str) -> str:
        for at in self._places.get(role, ()):
            if at < len(row) and (text := cell_text(row[at])):
                return text
        return ""


_KINDS: Final = {False: LineKind.CREDIT, True: LineKind.DEBIT}


def _days(formats: Sequence[str]) -> Callable[[str], date]:
    read = moments(formats)

    def day(text: str) -> date:
        found = read(text)
        return found.astimezone(INDIA).date() if found.tzinfo else found.date()

    return day


def _noon(day: date) -> datetime:
    """A day as a moment that is of this day in India."""
    return datetime.combine(day, time(12), INDIA)


def _paise(text: str) -> int:
    """An amount as the ERP writes it; its minus may stand behind."""
    bare = text.strip()
    if bare.endswith("-"):
        bare = f"-{bare[:-1].strip()}"
    paise = paise_from_rupees(bare) if bare else 0
    if abs(paise) > PAISE_MAX:
        raise ValueError(f"expected an amount of our world, got {text!r}")
    return int(paise)


def _whole_number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise ValueError(f"expected a whole number, got {text!r}")
    return int(text)
