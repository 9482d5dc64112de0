"""A section without figures of two parts, as files want it: one column, one value."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.utils.translation import gettext as _

from reports.contract import Column, Figure, Kind, Section, Value


class FlatColumn(NamedTuple):
    """A column of a file."""

    label: str
    kind: Kind
    width: int
    is_summed: bool


def flat_columns(section: Section) -> list[FlatColumn]:
    """A figure becomes two columns: how many, and how much."""
    flat: list[FlatColumn] = []
    for column in section.columns:
        if column.kind is Kind.FIGURE:
            flat.append(
                _flat(column, Kind.COUNT, label=_("%(what)s, count") % {"what": column.label})
            )
            flat.append(_flat(column, Kind.MONEY, label=_("%(what)s, ₹") % {"what": column.label}))
        else:
            flat.append(_flat(column, column.kind, label=column.heading))
    return flat


def flat_rows(section: Section) -> Iterator[list[Value]]:
    """The rows in the same columns."""
    for row in section.rows:
        yield flat_cells(section, row.cells)


def flat_cells(section: Section, cells: Sequence[Value]) -> list[Value]:
    """One line in the same columns; a figure that is not there leaves both empty."""
    flat: list[Value] = []
    for column, value in zip(section.columns, cells, strict=True):
        if column.kind is not Kind.FIGURE:
            flat.append(value)
        elif isinstance(value, Figure):
            flat.extend([value.count, value.paise])
        else:
            flat.extend([None, None])
    return flat


def _flat(column: Column, kind: Kind, *, label: str) -> FlatColumn:
    width = column.width if column.kind is kind else 0
    return FlatColumn(label=label, kind=kind, width=width, is_summed=column.is_summed)
