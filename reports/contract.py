"""What a report is: a form of what is asked, a query, and named columns; no renderer knows more."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, Generic, NamedTuple, TypeVar, overload

from django.db.models import Model, QuerySet
from django.utils.functional import Promise, cached_property

from people.models import User
from reports.forms import DayForm

Words = str | Promise

_AT_ONCE: Final = 2000  # rows held in memory while a long list is written


class Kind(StrEnum):
    """What a column holds, which decides how each renderer writes it."""

    TEXT = "text"
    ID = "id"  # digits that are a name: always text, never a number
    COUNT = "count"
    MONEY = "money"  # whole paise
    FIGURE = "figure"  # how many, and how much: two columns in a file
    DAY = "day"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Figure:
    """How many things, and their sum in paise."""

    count: int
    paise: int

    def plus(self, other: "Figure") -> "Figure":
        """Both together."""
        return Figure(self.count + other.count, self.paise + other.paise)


Value = str | Promise | int | date | datetime | Figure | None

NUMBERS: Final = frozenset({Kind.COUNT, Kind.MONEY, Kind.FIGURE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. ``width`` is in characters of a sheet; 0 takes the usual one of the kind."""

    label: Words
    kind: Kind = Kind.TEXT
    width: int = 0
    is_summed: bool = False
    is_minor: bool = False  # not on a phone, not on paper
    in_files_only: bool = False  # for programs and pivots: neither on a screen nor on paper

    @property
    def is_end(self) -> bool:
        """Whether its cells stand at the right edge."""
        return self.kind in NUMBERS

    @property
    def heading(self) -> str:
        """What stands over it: amounts name their unit once, here."""
        return f"{self.label}, ₹" if self.kind is Kind.MONEY else str(self.label)


class Row(NamedTuple):
    """One line of a section, a value per column; ``url`` is where its first cell leads."""

    cells: tuple[Value, ...]
    url: str = ""


# Rows that can be counted, walked from the start, and cut for a page.
Rows = Sequence[Row]

M = TypeVar("M", bound=Model)


class QueryRows(Rows, Generic[M]):
    """A query as rows: counted and cut in SQL, walked without holding more than a handful."""

    def __init__(
        self, query: QuerySet[M, M], write: Callable[[Sequence[M]], Sequence[Row]]
    ) -> None:
        self._query = query
        self._write = write

    @cached_property
    def _count(self) -> int:
        return self._query.count()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, cut: int, /) -> Row: ...

    @overload
    def __getitem__(self, cut: slice, /) -> Sequence[Row]: ...

    def __getitem__(self, cut: int | slice, /) -> Row | Sequence[Row]:
        if isinstance(cut, int):
            return self._write([self._query[cut]])[0]
        return self._write(list(self._query[cut]))

    def __iter__(self) -> Iterator[Row]:
        # The keys are read once, so that a list that grows meanwhile is written as it stood.
        keys = list(self._query.values_list("pk", flat=True))
        unsorted = self._query.order_by()
        for start in range(0, len(keys), _AT_ONCE):
            wanted = keys[start : start + _AT_ONCE]
            found = {row.pk: row for row in unsorted.filter(pk__in=wanted)}
            yield from self._write([found[key] for key in wanted if key in found])


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One table of a document, with its sums where it has any."""

    code: str
    title: Words
    columns: Sequence[Column]
    rows: Rows
    totals: Sequence[Value] | None = None  # of all rows, one per column; None: no last line
    note: Words = ""
    empty: Words = ""
    in_files_only: bool = False  # too long for screen and paper

    @property
    def unit(self) -> str:
        """The rupee sign, once over a table of figures."""
        return "₹" if any(column.kind is Kind.FIGURE for column in self.columns) else ""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it stands for, how long it is, the words beside it, the rows behind it."""

    label: Words
    value: int
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Bars to compare, drawn in the browser; each leads to its rows."""

    code: str
    title: Words
    unit: Words  # what the length counts
    bars: Sequence[Bar]


class Mark(NamedTuple):
    """The word beside the title, and its tone: ``ok``, ``wait``, ``open``."""

    words: Words
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A report with its figures: all that screen, paper, sheet and text are made of."""

    title: Words
    day: date
    until: date | None = None  # the last day, where it is about more than one
    claim: str  # the sentence that answers the reader
    is_proved: bool | None = True  # whether a finished run stands behind it; None: it needs none
    mark: Mark | None = None  # instead of that: whether it proves by itself
    sections: Sequence[Section]
    charts: Sequence[Chart] = ()
    stamp: Mapping[str, str] = field(default_factory=dict)  # at the foot of every leaf: run, hash
    basis: Mapping[str, str] = field(default_factory=dict)  # what else it rests on


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked: the day, whatever else the report's form holds, and by whom.

    Without a user it is the system itself that writes the report of the whole company.
    """

    day: date
    user: User | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report: who may read it, what may be asked, and how the answer is put together."""

    code: str
    title: Words
    about: Words
    icon: str
    roles: tuple[str, ...]
    form: type[DayForm]
    build: Callable[[Ask], Document]
    position: int = 100
    is_of_today: bool = False  # it begins with today; else with the last day that was proved


def sum_of(
    columns: Sequence[Column], rows: Sequence[Row], *, label: Words
) -> Sequence[Value] | None:
    """The last line of a short table: the label, and the sum of each column that is summed."""
    if not rows:
        return None
    totals: list[Value] = [label]
    for place, column in enumerate(columns[1:], start=1):
        values = [row.cells[place] for row in rows] if column.is_summed else []
        totals.append(_added(values) if values else None)
    return totals


def _added(values: Sequence[Value]) -> Value:
    figures = [value for value in values if isinstance(value, Figure)]
    if figures:
        total = Figure(0, 0)
        for figure in figures:
            total = total.plus(figure)
        return total
    return sum(value for value in values if isinstance(value, int))
