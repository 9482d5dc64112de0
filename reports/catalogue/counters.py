"""Receipts by counter: what each window took on a day, and what of it went to the bank."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cspdcl.kernel.money import grouped_rupees
from cspdcl.ui.templatetags.ui import count
from payments import selectors
from payments.models import Payment
from people.roles import ADMINISTRATOR, READERS, SUPERVISOR
from reconciliation.selectors import last_run
from reports.catalogue.day import stamp_of
from reports.contract import (
    Ask,
    Column,
    Document,
    Figure,
    Kind,
    Report,
    Row,
    Section,
    sum_of,
)
from reports.forms import DayForm
from reports.registers import CANCELLED, STOOD

_PAPER = ("cheque", "demand_draft", "postal_order")


def build(ask: Ask) -> Document:
    """The counters of the user's offices; a cancelled receipt is shown and not counted."""
    section = _section(_taken(ask))
    total = section.totals[4] if section.totals else None
    sums = total if isinstance(total, Figure) else Figure(0, 0)
    claim = ngettext(
        "%(count)s receipt of ₹ %(amount)s was issued at the counters.",
        "%(count)s receipts of ₹ %(amount)s were issued at the counters.",
        sums.count,
    ) % {"count": count(sums.count), "amount": grouped_rupees(sums.paise)}
    run = last_run(ask.day)
    return Document(
        title=_("Receipts by counter"),
        day=ask.day,
        claim=claim,
        is_proved=run is not None,
        sections=[section],
        stamp=stamp_of(run),
    )


def _taken(ask: Ask) -> QuerySet[Payment]:
    seen = selectors.payments_visible_to(ask.user) if ask.user else Payment.objects.all()
    return seen.filter(business_date=ask.day, counter__isnull=False, receipt__isnull=False)


def _section(taken: QuerySet[Payment]) -> Section:
    columns = [
        Column(label=_("Counter"), width=28),
        Column(label=_("Office"), width=28),
        Column(label=_("First receipt"), kind=Kind.ID, is_minor=True),
        Column(label=_("Last receipt"), kind=Kind.ID, is_minor=True),
        Column(label=_("Receipts"), kind=Kind.FIGURE, is_summed=True),
        Column(label=_("Cash"), kind=Kind.FIGURE, is_summed=True),
        Column(label=_("Cheques, drafts, orders"), kind=Kind.FIGURE, is_summed=True),
        Column(label=_("Other"), kind=Kind.FIGURE, is_summed=True),
        Column(label=_("Cancelled"), kind=Kind.FIGURE, is_summed=True),
        Column(label=_("On deposit slips"), kind=Kind.FIGURE, is_summed=True),
        Column(label=_("Not deposited"), kind=Kind.FIGURE, is_summed=True),
    ]
    stands = STOOD
    parts = {
        "all": stands,
        "cash": stands & Q(method="cash"),
        "paper": stands & Q(method__in=_PAPER),
        "other": stands & ~Q(method__in=("cash", *_PAPER)),
        "cancelled": CANCELLED,
        "carried": stands & Q(deposit__isnull=False),
        "kept": stands & Q(deposit__isnull=True),
    }
    sums = {f"{name}_count": Count("id", filter=which) for name, which in parts.items()}
    money = {f"{name}_paise": Sum("amount_paise", filter=which) for name, which in parts.items()}
    found = (
        taken.order_by()
        .values(
            name=F("counter__name"),
            office_name=F("counter__office__name"),
            series=F("receipt__series"),
            year=F("receipt__year"),
        )
        .annotate(first=Min("receipt__number"), last=Max("receipt__number"), **sums, **money)
        .order_by("office_name", "name", "series", "year")
    )
    rows = [_row(row, parts) for row in found]
    return Section(
        code="counters",
        title=_("Receipts by counter"),
        columns=columns,
        rows=rows,
        totals=sum_of(columns, rows, label=_("All counters")),
        note=_("A cancelled receipt keeps its number and counts nowhere else."),
        empty=_("No counter of your offices issued a receipt on this day."),
    )


def _row(row: Mapping[str, Any], parts: Iterable[str]) -> Row:
    return Row(
        (
            row["name"],
            row["office_name"],
            _label(row, row["first"]),
            _label(row, row["last"]),
            *(Figure(row[f"{part}_count"], row[f"{part}_paise"] or 0) for part in parts),
        )
    )


def _label(row: Mapping[str, Any], number: int) -> str:
    return f"{row['series']}/{row['year']}/{number:06d}"


REPORT = Report(
    code="counters",
    title=gettext_lazy("Receipts by counter"),
    about=gettext_lazy("What each counter took on a day, by tender, and what went to the bank."),
    icon="building-store",
    roles=(*READERS, ADMINISTRATOR, SUPERVISOR),
    form=DayForm,
    build=build,
    position=40,
)
