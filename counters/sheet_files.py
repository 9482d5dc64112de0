"""Sheets of bulk payers as files: read whatever a department sends, write what they get back.

Pure: rows in, rows out. What a row means is said here; whether it may be taken is said in sheets.
"""

import hashlib
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import BinaryIO, ClassVar, Final, NamedTuple

import xlsxwriter
from django.utils.translation import gettext as _

from channels_.formats.guard import MEGABYTE, check_size
from channels_.formats.table import HEADER_WITHIN, cell_text, table_rows
from cspdcl.kernel.errors import DomainError, Malformed
from cspdcl.kernel.money import NotMoney, paise_from_rupees, rupees_from_paise

FILE_MAX: Final = 8 * MEGABYTE
ROWS_MAX: Final = 3000  # one transaction holds a lock for each consumer

# What each column may be called; compared by letters and digits of any script. The first counts.
HEADERS: Final[Mapping[str, Sequence[str]]] = {
    "consumer": (
        "consumer number", "consumer no", "consumer", "contract account", "contract account number",
        "ca number", "service number", "service no", "account number", "bp number", "k number",
        "उपभोक्ता क्रमांक", "उपभोक्ता संख्या", "उपभोक्ता नंबर", "उपभोक्ता क्र", "सेवा क्रमांक",
    ),
    "bill": (
        "bill number", "bill no", "invoice number", "invoice no",
        "बिल क्रमांक", "बिल नंबर", "बिल संख्या", "देयक क्रमांक",
    ),
    "amount": (
        "amount to pay", "amount paid", "payment amount", "amount", "amount rs", "amount in rs",
        "amount ₹", "payable amount", "net amount", "bill amount", "rupees",
        "भुगतान राशि", "देय राशि", "राशि", "रकम", "राशि रुपये", "राशि रु",
    ),
}  # fmt: skip
_FOOTERS: Final = ("total", "grandtotal", "subtotal", "कुल", "योग", "कुलयोग", "महायोग", "कुलराशि")
_DELIMITERS: Final = ",\t;|"
_NUMBER: Final = re.compile(r"[0-9]{6,12}")
_AROUND_MONEY: Final = re.compile(r"^(?:₹|rs\.?|inr|रु\.?)\s*|\s*(?:/-|/=)$", re.IGNORECASE)
_NOISY: Final = re.compile(r"[0-9]{1,11}\.[0-9]{9,}")
_PAISA: Final = Decimal("0.01")
_NOISE: Final = Decimal("0.0000001")
_SHOWN_MAX: Final = 20
_CELL_MAX: Final = 20

TEMPLATE: Final = (
    ("consumer number", "bill number", "amount"),
    ("1000012345", "", "1234.00"),
)


class SheetUnread(DomainError):
    """The file is no sheet of consumers and amounts; nothing of it is kept."""

    code: ClassVar[str] = "sheet_unread"


class Line(NamedTuple):
    """One row as it was read; ``problem`` says what was expected where it could not be."""

    line: int
    consumer_number: str
    bill_number: str
    amount_paise: int | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A sheet as it was read, before anybody has looked who its consumers are."""

    lines: Sequence[Line]
    total_paise: int | None = None  # as its last row says, where it has one

    @property
    def amount_paise(self) -> int:
        """The sum of all amounts that could be read."""
        return sum(line.amount_paise or 0 for line in self.lines)

    @property
    def sha256(self) -> str:
        """The same for the same rows in whatever file and order."""
        rows = sorted(
            f"{one.consumer_number}|{one.bill_number}|{one.amount_paise}" for one in self.lines
        )
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def read(file: BinaryIO) -> Read:
    """The rows of a CSV, TSV or XLSX file. SheetUnread when it is none, or too long."""
    try:
        check_size(file, limit=FILE_MAX)
        rows = table_rows(
            file, delimiters=_DELIMITERS, is_header=lambda row: bool(_places(row)), limit=FILE_MAX
        )
        return _read(rows)
    except Malformed as error:
        raise SheetUnread(str(error)) from error


def written(rows: Iterable[Sequence[object]], *, title: str, widths: Sequence[int] = ()) -> bytes:
    """Rows as a workbook: the first is the header; text stays text, paise stay exact."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        page = book.add_worksheet(title[:31])
        bold = book.add_format({"bold": True, "bottom": 1})
        money = book.add_format({"num_format": "#,##0.00"})
        text = book.add_format({"num_format": "@"})
        for number, row in enumerate(rows):
            for place, value in enumerate(row):
                if isinstance(value, int):
                    page.write_number(number, place, value)
                elif isinstance(value, Money):
                    page.write_number(number, place, Decimal(rupees_from_paise(value.paise)), money)
                else:
                    page.write_string(number, place, str(value), text if number else bold)
        for place, width in enumerate(widths):
            page.set_column(place, place, width)
        page.freeze_panes(1, 0)
    return out.getvalue()


class Money(NamedTuple):
    """An amount in a row that is written."""

    paise: int


# ---- reading ----


def _read(rows: Iterable[tuple[int, list[str]]]) -> Read:
    places: Mapping[str, int] = {}
    lines: list[Line] = []
    total: int | None = None
    for number, row in rows:
        if not places:
            places = _places(row)
            if not places and number >= HEADER_WITHIN:
                break
            continue
        if not any(cell.strip() for cell in row):
            continue
        if _is_footer(row, places):
            total = _total(row, places)
            continue
        if len(lines) == ROWS_MAX:
            words = _("At most %(most)s rows are taken at once: cut the sheet in two.")
            raise SheetUnread(words % {"most": ROWS_MAX})
        lines.append(_line(number, row, places))
    if not places:
        words = _(
            "None of the first %(rows)s rows is a header: a column is called consumer number or"
            " bill number, and one amount."
        )
        raise SheetUnread(words % {"rows": HEADER_WITHIN})
    if not lines:
        raise SheetUnread(_("The sheet has a header and no rows."))
    return Read(lines=lines, total_paise=total)


def _places(row: Sequence[str]) -> Mapping[str, int]:
    """Where each column stands, when this row is the header; empty when it is not."""
    names = [_name(cell) for cell in row]
    found = {}
    for role, headers in HEADERS.items():
        place = next((names.index(_name(one)) for one in headers if _name(one) in names), None)
        if place is not None:
            found[role] = place
    return found if "amount" in found and {"consumer", "bill"} & found.keys() else {}


def _name(header: str) -> str:
    """A header as it is compared: letters with their marks, and digits, of whatever script."""
    text = unicodedata.normalize("NFKC", header[:200]).casefold()
    return "".join(sign for sign in text if unicodedata.category(sign)[0] in "LMN" or sign == "₹")


def _is_footer(row: Sequence[str], places: Mapping[str, int]) -> bool:
    """A row of sums: it names no consumer, and some cell says that it is one."""
    named = [_cell(row, places.get(role)) for role in ("consumer", "bill")]
    if any(any(sign.isdecimal() for sign in one) for one in named):
        return False
    return any(_name(cell) in _FOOTERS for cell in row if len(cell) <= _CELL_MAX)


def _total(row: Sequence[str], places: Mapping[str, int]) -> int | None:
    try:
        return _paise(_cell(row, places["amount"]))
    except NotMoney:
        return None


def _line(number: int, row: Sequence[str], places: Mapping[str, int]) -> Line:
    consumer = _digits(_cell(row, places.get("consumer")))
    bill = _cell(row, places.get("bill")).upper()
    problems = []
    if consumer and not _NUMBER.fullmatch(consumer):
        words = _("A consumer number has 6 to 12 digits, not %(told)s.")
        problems.append(words % {"told": consumer[:_SHOWN_MAX]})
    if len(bill) > _CELL_MAX:
        problems.append(_("%(told)s is no bill number.") % {"told": bill[:_SHOWN_MAX]})
    if not consumer and not bill:
        problems.append(_("A consumer number or a bill number is missing."))
    told, amount = _cell(row, places["amount"]), None
    try:
        amount = _paise(told)
    except NotMoney:
        words = _("The amount is rupees such as 1234.50, not %(told)s.")
        problems.append(words % {"told": told[:_SHOWN_MAX] or _("nothing")})
    if amount is not None and amount <= 0:
        problems.append(_("More than zero is expected."))
    return Line(number, consumer[:_CELL_MAX], bill[:_CELL_MAX], amount, " ".join(problems))


def _cell(row: Sequence[str], place: int | None) -> str:
    """A cell as text, without what sheets put around numbers; empty where the row is shorter."""
    if place is None or place >= len(row):
        return ""
    text = cell_text(row[place]).replace("\u00a0", " ").strip().lstrip("'").strip()
    return "" if "\0" in text else text


def _digits(text: str) -> str:
    """A number without blanks and hyphens, digits of other scripts as ours."""
    bare = "".join(sign for sign in _ours(text) if not sign.isspace() and sign != "-")
    whole, point, rest = bare.partition(".")
    return whole if point and not rest.strip("0") else bare


def _paise(text: str) -> int:
    """An amount as people write it: ``1,234.50``, ``Rs. 1234/-``, ``₹ १२३४``.

    A sheet that has reckoned keeps 1234.6 as 1234.6000000000001; that noise alone is taken away.
    """
    bare = _AROUND_MONEY.sub("", _ours(text).strip()).strip()
    if _NOISY.fullmatch(bare):
        exact = Decimal(bare)
        whole = exact.quantize(_PAISA)
        bare = str(whole) if abs(whole - exact) < _NOISE else bare
    return paise_from_rupees(bare)


def _ours(text: str) -> str:
    return "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)
