"""The list of breaks as a person narrowed it: rows, counts and sums, and the same for a sheet."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from typing import IO, Any, ClassVar, Final, NamedTuple

import xlsxwriter
from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cspdcl.kernel.csvsafe import csv_lines, safe_text
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import rupees_from_paise
from reconciliation.desk import explain, terms
from reconciliation.models import Break, Reason

SORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "day": ("business_date", "stage", "reason", "reference", "id"),
    "-day": ("-business_date", "stage", "reason", "reference", "id"),
    "amount": ("amount_paise", "id"),
    "-amount": ("-amount_paise", "id"),
    "reason": ("reason", "business_date", "id"),
    "-reason": ("-reason", "business_date", "id"),
    "reference": ("reference", "id"),
    "-reference": ("-reference", "id"),
}
OLDEST: Final = "day"
NOBODY: Final = "none"  # where an owner is asked for
COLUMNS: Final = (
    "business_date",
    "age_days",
    "reason",
    "channel",
    "bank_account",
    "stage",
    "source",
    "reference",
    "amount_rupees",
    "state",
    "explanation",
    "id",
)
ROWS_MAX: Final = 100_000
NAMED_MAX: Final = 1000

_CHUNK: Final = 1000
_INDIAN: Final = (
    r"[>=10000000]##\,##\,##\,##0.00;[>=100000]##\,##\,##0.00;##,##0.00"  # lakh and crore
)


class TooMany(DomainError):
    """A list is longer than one file may be."""

    code: ClassVar[str] = "too_many"


class Age(NamedTuple):
    """A bucket of ages in days; ``last`` None is without an end."""

    code: str
    first: int
    last: int | None


AGES: Final = (
    Age("0-1", 0, 1),
    Age("2-3", 2, 3),
    Age("4-7", 4, 7),
    Age("8-30", 8, 30),
    Age("31", 31, None),
)
AGE_WORDS: Final = {
    "0-1": gettext_lazy("up to 1 day"),
    "2-3": gettext_lazy("2 to 3 days"),
    "4-7": gettext_lazy("4 to 7 days"),
    "8-30": gettext_lazy("8 to 30 days"),
    "31": gettext_lazy("more than 30 days"),
}


def narrowed(breaks: QuerySet[Break], asked: Mapping[str, Any], *, as_of: date) -> QuerySet[Break]:
    """The breaks that fit every filter that was given; without a state only open ones."""
    fits = Q(state=asked.get("state") or Break.State.OPEN)
    for name, lookup in (
        ("since", "business_date__gte"),
        ("until", "business_date__lte"),
        ("reason", "reason__in"),
        ("channel", "channel__code__in"),
        ("stage", "stage__in"),
    ):
        if asked.get(name):
            fits &= Q(**{lookup: asked[name]})
    if asked.get("age"):
        fits &= _aged(asked["age"], as_of=as_of)
    if asked.get("parked"):
        fits &= _parked(asked["parked"], as_of=as_of)
    if asked.get("owner"):
        nobody = Q(owner__isnull=True)
        fits &= nobody if asked["owner"] == NOBODY else Q(owner__username=asked["owner"])
    if asked.get("late"):
        fits &= terms.overdue(as_of, terms.all_terms())
    chosen = breaks.filter(fits)
    return chosen.filter(_named(asked["q"], among=chosen)) if asked.get("q") else chosen


def _parked(how: str, *, as_of: date) -> Q:
    """What waits, what is in suspense, or what is worked on; a wait ends by itself."""
    waits = Q(parked=Break.Parked.TIMING, parked_until__gte=as_of)
    suspense = Q(parked=Break.Parked.SUSPENSE)
    known = {"timing": waits, "suspense": suspense, "no": ~(waits | suspense)}
    return known.get(how, Q())


def _aged(codes: Sequence[str], *, as_of: date) -> Q:
    fits = Q()
    for age in AGES:
        if age.code not in codes:
            continue
        # What is dated after today has no age yet and belongs to the youngest.
        young = Q() if age.first == 0 else Q(business_date__lte=as_of - timedelta(days=age.first))
        old = Q() if age.last is None else Q(business_date__gte=as_of - timedelta(days=age.last))
        fits |= young & old
    return fits


def _named(words: str, *, among: QuerySet[Break]) -> Q:
    """A break by any name of it or of its entries, letter by letter.

    Names of entries have no indexes: those of the breaks that fit all else are looked through.
    """
    exact = [words, words.upper()]
    named = Q(reference__in=exact)
    for column in ("reference", "channel_ref", "utr", "rrn", "settlement_ref", "deposit_ref"):
        named |= Q(**{f"lines__entry__{column}__in": exact})
    found = among.filter(named).order_by().values_list("pk", flat=True).distinct()
    # Looked up once where they are few: counts, sums and rows of the list all ask by it.
    few = list(found[: NAMED_MAX + 1])
    return Q(pk__in=few if len(few) <= NAMED_MAX else found)


def ordered(breaks: QuerySet[Break], sort: str) -> QuerySet[Break]:
    """The rows in one of the list's orders; an unknown one is the usual one."""
    return breaks.order_by(*SORTS.get(sort, SORTS[OLDEST]))


def totals(breaks: QuerySet[Break]) -> dict[str, Any]:
    """Count, sum and oldest day, in one statement."""
    return breaks.aggregate(
        count=Count("pk"),
        paise=Coalesce(Sum("amount_paise"), 0),
        oldest=Min("business_date"),
        greatest=Max("amount_paise"),
    )


def by_reason(breaks: QuerySet[Break]) -> list[dict[str, Any]]:
    """Each reason with count and sum, the most money first."""
    rows = (
        breaks.order_by()
        .values("reason")
        .annotate(count=Count("pk"), paise=Sum("amount_paise"))
        .order_by("-paise", "reason")
    )
    return [{**row, "label": Reason(row["reason"]).label} for row in rows]


# ---- the same for a sheet ----


def refuse_above(breaks: QuerySet[Break], *, most: int) -> None:
    """Raises TooMany for what a file would not hold whole: cut, it would be believed."""
    count = breaks.count()
    if count > most:
        raise TooMany(f"the list holds {count} breaks and a file at most {most}; narrow the list")


def as_csv(breaks: QuerySet[Break], *, as_of: date) -> Iterator[str]:
    """The breaks in their order, amounts as plain rupees. Raises TooMany."""
    refuse_above(breaks, most=ROWS_MAX)
    return csv_lines(chain([COLUMNS], _csv_rows(breaks, as_of=as_of)))


def _csv_rows(breaks: QuerySet[Break], *, as_of: date) -> Iterator[list[object]]:
    for cells in _rows(breaks, as_of=as_of):
        yield [
            rupees_from_paise(cell.paise)
            if isinstance(cell, Money)
            else safe_text(cell)
            if isinstance(cell, str)
            else cell
            for cell in cells
        ]


def write_xlsx(breaks: QuerySet[Break], file: IO[bytes], *, as_of: date) -> None:
    """The breaks as a workbook: days are days, amounts are numbers, texts are never formulas.

    Raises TooMany.
    """
    refuse_above(breaks, most=ROWS_MAX)
    book = xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet(_("Breaks"))
    bold = book.add_format({"bold": True})
    money = book.add_format({"num_format": _INDIAN})
    day = book.add_format({"num_format": "dd-mm-yyyy"})
    for column, title in enumerate(COLUMNS):
        sheet.write_string(0, column, title, bold)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, 1, 12)
    sheet.set_column(2, 7, 20)
    sheet.set_column(8, 8, 16)
    sheet.set_column(10, 10, 90)
    for row, cells in enumerate(_rows(breaks, as_of=as_of), start=1):
        for column, cell in enumerate(cells):
            if isinstance(cell, Money):
                sheet.write_number(row, column, Decimal(cell.paise) / 100, money)
            elif isinstance(cell, date):
                sheet.write_datetime(row, column, cell, day)
            elif isinstance(cell, int):
                sheet.write_number(row, column, cell)
            else:
                sheet.write_string(row, column, cell)
    book.close()


class Money(NamedTuple):
    """An amount among the cells of a row."""

    paise: int


def _rows(breaks: QuerySet[Break], *, as_of: date) -> Iterator[list[str | int | date | Money]]:
    shown = breaks.select_related("channel", "bank_account")
    for one in shown.iterator(chunk_size=_CHUNK):
        yield cells_of(one, as_of=as_of)


def cells_of(one: Break, *, as_of: date) -> list[str | int | date | Money]:
    """A break as a row of a sheet, in the order of the columns."""
    return [
        one.business_date,
        age_of(one, as_of=as_of),
        one.reason,
        one.channel.code if one.channel else "",
        one.bank_account.code if one.bank_account else "",
        one.stage,
        one.book,
        one.reference,
        Money(one.amount_paise),
        one.state,
        explain.sentence(one),
        one.public_id,
    ]


def age_of(one: Break, *, as_of: date) -> int:
    """Days from its business date; what is dated later has none."""
    return max((as_of - one.business_date).days, 0)
