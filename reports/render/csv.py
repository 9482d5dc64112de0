"""A section as CSV: plain rupees, days as yyyy-mm-dd, no text that a sheet takes for a formula."""

from collections.abc import Iterator
from datetime import date, datetime
from itertools import chain

from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.csvsafe import csv_lines, safe_text
from cspdcl.kernel.money import rupees_from_paise
from reports.contract import Figure, Kind, Section, Value
from reports.render.flat import flat_columns, flat_rows


def lines(section: Section) -> Iterator[str]:
    """The header and every row, one line at a time; no line of sums, for programs read it."""
    columns = flat_columns(section)
    head = [safe_text(column.label) for column in columns]
    rows = (
        [_cell(value, column.kind) for value, column in zip(row, columns, strict=True)]
        for row in flat_rows(section)
    )
    return csv_lines(chain([head], rows))


def _cell(value: Value, kind: Kind) -> str:
    if value is None:
        return ""
    if isinstance(value, Figure):
        raise TypeError("a figure has two parts; flatten the section first")
    if isinstance(value, datetime):
        return value.astimezone(INDIA).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int):
        return rupees_from_paise(value) if kind is Kind.MONEY else str(value)
    return safe_text(str(value))
