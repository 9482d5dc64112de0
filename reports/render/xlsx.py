"""A document as an Excel file: amounts are numbers, days are days, identifiers stay text."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO, Final

import xlsxwriter
from django.utils.translation import gettext as _

from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.money import rupees_from_paise
from reports.contract import Document, Figure, Kind, Section, Value
from reports.render.flat import FlatColumn, flat_columns, flat_rows

ROWS_MAX: Final = 1_048_576  # of one sheet, header and totals included

_OPTIONS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
# Lakhs and crores; what is below zero falls to the last part, which Excel writes with its sign.
_RUPEES: Final = r"[>=10000000]##\,##\,##\,##0.00;[>=100000]##\,##\,##0.00;#,##0.00"
_COUNT: Final = r"[>=10000000]##\,##\,##\,##0;[>=100000]##\,##\,##0;#,##0"
_FORMATS: Final = {
    Kind.TEXT: "@",
    Kind.ID: "@",
    Kind.COUNT: _COUNT,
    Kind.MONEY: _RUPEES,
    Kind.DAY: "dd-mm-yyyy",
    Kind.INSTANT: "dd-mm-yyyy hh:mm:ss",
}
_WIDTHS: Final = {
    Kind.TEXT: 24,
    Kind.ID: 24,
    Kind.COUNT: 12,
    Kind.MONEY: 18,
    Kind.DAY: 12,
    Kind.INSTANT: 20,
}
_NOT_IN_A_NAME: Final = re.compile(r"[\[\]:*?/\\']")


def write(document: Document, target: BinaryIO) -> None:
    """One sheet per section, the last says what the file rests on."""
    with xlsxwriter.Workbook(target, _OPTIONS) as book:
        book.set_properties({"title": str(document.title), "comments": document.claim})
        book.set_calc_mode("auto")
        writer = _Writer(book)
        for section in document.sections:
            writer.add(section)
        writer.add_about(document)


def _days(document: Document) -> str:
    days = [document.day, document.until] if document.until else [document.day]
    return " – ".join(f"{day:%d-%m-%Y}" for day in days)  # noqa: RUF001


class _Writer:
    """The formats of one workbook, and the names its sheets have taken."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._names: set[str] = set()
        self._header = book.add_format(
            {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}
        )
        self._bold = book.add_format({"bold": True})
        self._wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        self._body = {kind: book.add_format({"num_format": how}) for kind, how in _FORMATS.items()}
        self._total = {
            kind: book.add_format({"num_format": how, "bold": True, "top": 1})
            for kind, how in _FORMATS.items()
        }

    def add(self, section: Section) -> None:
        """A section's sheet, and more sheets when one is full; its sums are of the rows written."""
        columns = flat_columns(section)
        sums = [0] * len(columns)
        sheet, at = self._sheet(section, columns), 1
        for row in flat_rows(section):
            if at == ROWS_MAX - 1:
                self._close(sheet, columns, rows=at - 1)
                sheet, at = self._sheet(section, columns), 1
            for place, (value, column) in enumerate(zip(row, columns, strict=True)):
                self._cell(sheet, at, place, value=value, kind=column.kind, formats=self._body)
                if column.is_summed and isinstance(value, int):
                    sums[place] += value
            at += 1
        if at > 1 and any(column.is_summed for column in columns):
            self._totals(sheet, at, columns=columns, sums=sums)
        self._close(sheet, columns, rows=at - 1)

    def add_about(self, document: Document) -> None:
        """The sheet that says what was asked and what the figures rest on."""
        sheet = self._book.add_worksheet(self._name(_("About")))
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 90)
        facts = {
            _("Report"): str(document.title),
            _("Business date"): _days(document),
            _("In a sentence"): document.claim,
            **document.stamp,
            **document.basis,
            _("Amounts"): _("in rupees, as numbers; exact to the paisa"),
        }
        for at, (name, text) in enumerate(facts.items()):
            sheet.write_string(at, 0, name, self._bold)
            sheet.write_string(at, 1, text, self._wrapped)

    def _sheet(self, section: Section, columns: Sequence[FlatColumn]) -> Any:
        sheet = self._book.add_worksheet(self._name(str(section.title)))
        sheet.freeze_panes(1, 1)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.set_footer("&L&A&R&P / &N")
        for place, column in enumerate(columns):
            sheet.set_column(place, place, column.width or _WIDTHS[column.kind])
            sheet.write_string(0, place, column.label, self._header)
        return sheet

    def _close(self, sheet: Any, columns: Sequence[FlatColumn], *, rows: int) -> None:
        if rows:
            sheet.autofilter(0, 0, rows, len(columns) - 1)

    def _totals(
        self, sheet: Any, at: int, *, columns: Sequence[FlatColumn], sums: Sequence[int]
    ) -> None:
        for place, column in enumerate(columns):
            value: Value = sums[place] if column.is_summed else None
            if place == 0:
                sheet.write_string(at, place, _("Total"), self._total[Kind.TEXT])
            else:
                self._cell(sheet, at, place, value=value, kind=column.kind, formats=self._total)

    def _cell(
        self, sheet: Any, at: int, place: int, *, value: Value, kind: Kind, formats: dict[Kind, Any]
    ) -> None:
        look = formats[kind]
        if value is None or value == "":
            sheet.write_blank(at, place, None, look)
        elif isinstance(value, Figure):
            raise TypeError("a figure has two parts; flatten the section first")
        elif isinstance(value, datetime):
            there = value.astimezone(INDIA).replace(tzinfo=None, microsecond=0)
            sheet.write_datetime(at, place, there, look)  # Excel knows no time zones
        elif isinstance(value, date):
            sheet.write_datetime(at, place, value, look)
        elif isinstance(value, int):
            number = Decimal(rupees_from_paise(value)) if kind is Kind.MONEY else value
            sheet.write_number(at, place, number, look)
        else:
            sheet.write_string(at, place, str(value), look)

    def _name(self, title: str) -> str:
        """A sheet's name: 31 characters at most, none that Excel refuses, each once in a file."""
        bare = _NOT_IN_A_NAME.sub(" ", title)[:31].strip() or _("Sheet")
        name, number = bare, 1
        while name.casefold() in self._names:
            number += 1
            name = f"{bare[:26]} ({number})"
        self._names.add(name.casefold())
        return name
