"""The day book: every receipt of the counters in order of its number, cancelled ones in place."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django import forms
from django.db.models import Count, F, Q, QuerySet, Sum, prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cspdcl.kernel.clock import business_date
from cspdcl.kernel.money import grouped_rupees
from cspdcl.ui.templatetags.ui import count
from payments.models import Payment, PaymentEvent
from payments.states import State
from reports import registers
from reports.contract import (
    Ask,
    Column,
    Document,
    Figure,
    Kind,
    QueryRows,
    Report,
    Row,
    Section,
    Value,
    sum_of,
)
from reports.forms import MonthForm
from reports.registers import CANCELLED, FELL_LATER, STOOD, WHO_READS

_TENDERS: Final = ("cash", "cheque", "demand_draft", "postal_order", "card")


class DayBookForm(MonthForm):
    """Days, an office, and perhaps one tender."""

    method = forms.ChoiceField(
        label=gettext_lazy("Paid by"),
        required=False,
        choices=lambda: [
            ("", _("every tender")),
            *((one, registers.tender(one)) for one in _TENDERS),
        ],
    )


def build(ask: Ask) -> Document:
    """What stood on its day counts there for good, also when its paper bounces later."""
    receipts = registers.taken(ask)
    if ask.more.get("method"):
        receipts = receipts.filter(method=ask.more["method"])
    sums = receipts.aggregate(
        n=Count("pk", filter=STOOD),
        paise=Sum("amount_paise", filter=STOOD),
        cancelled_n=Count("pk", filter=CANCELLED),
        cancelled=Sum("amount_paise", filter=CANCELLED),
    )
    claim = ngettext(
        "%(count)s receipt of ₹ %(amount)s stands",
        "%(count)s receipts of ₹ %(amount)s stand",
        sums["n"],
    ) % {"count": count(sums["n"]), "amount": grouped_rupees(sums["paise"] or 0)}
    cancelled = ngettext("%(count)s is cancelled", "%(count)s are cancelled", sums["cancelled_n"])
    return Document(
        title=_("Day book"),
        day=ask.day,
        until=registers.until_of(ask),
        claim=f"{claim}, {cancelled % {'count': count(sums['cancelled_n'])}}.",
        is_proved=None,
        sections=[
            _by_counter(receipts),
            _receipts(receipts, stands=sums["paise"] or 0, cancelled=sums["cancelled"] or 0),
        ],
        stamp=registers.stamp(ask),
    )


def _by_counter(receipts: QuerySet[Payment]) -> Section:
    columns = [
        Column(label=_("Counter"), width=28),
        Column(label=_("Office"), width=28, is_minor=True),
        *(
            Column(label=registers.tender(one), kind=Kind.FIGURE, is_summed=True)
            for one in _TENDERS
        ),
        Column(label=_("Other"), kind=Kind.FIGURE, is_summed=True, is_minor=True),
        Column(label=_("All tenders"), kind=Kind.FIGURE, is_summed=True),
        Column(label=_("Cancelled"), kind=Kind.FIGURE, is_summed=True),
        Column(label=_("Of it dishonoured since"), kind=Kind.FIGURE, is_summed=True),
    ]
    parts: dict[str, Q] = {one: STOOD & Q(method=one) for one in _TENDERS}
    parts |= {
        "other": STOOD & ~Q(method__in=_TENDERS),
        "all": STOOD,
        "cancelled": CANCELLED,
        "fell": FELL_LATER,
    }
    figures: dict[str, Any] = {}
    for name, which in parts.items():
        figures[f"{name}_n"] = Count("pk", filter=which)
        figures[f"{name}_paise"] = Sum("amount_paise", filter=which)
    found = (
        receipts.order_by()
        .values(name=F("counter__name"), office_name=F("counter__office__name"))
        .annotate(**figures)
        .order_by("office_name", "name")
    )
    rows = [_counter(row, parts) for row in found]
    return Section(
        code="counters",
        title=_("By counter and tender"),
        columns=columns,
        rows=rows,
        totals=sum_of(columns, rows, label=_("All counters")),
        note=_("A cancelled receipt keeps its number and its place, and counts as cancelled only."),
        empty=_("No counter of these offices issued a receipt on these days."),
    )


def _counter(row: Mapping[str, Any], parts: Iterable[str]) -> Row:
    figures = (Figure(row[f"{part}_n"], row[f"{part}_paise"] or 0) for part in parts)
    return Row((row["name"], row["office_name"], *figures))


def _receipts(receipts: QuerySet[Payment], *, stands: int, cancelled: int) -> Section:
    columns = [
        Column(label=_("Receipt"), kind=Kind.ID),
        Column(label=_("Taken at"), kind=Kind.INSTANT),
        Column(label=_("Counter"), width=24, in_files_only=True),
        Column(label=_("Clerk"), width=20),
        Column(label=_("Consumer number"), kind=Kind.ID, width=16),
        Column(label=_("Consumer"), width=28, is_minor=True),
        Column(label=_("Paid by"), width=14),
        Column(label=_("Number of the paper"), kind=Kind.ID, width=16),
        Column(label=_("Stands"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Cancelled"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("What became of it"), width=36),
        Column(label=_("Deposit slip"), kind=Kind.ID, in_files_only=True),
        Column(label=_("Office"), in_files_only=True),
    ]
    ordered = receipts.select_related(
        "receipt", "counter__office", "consumer", "deposit", "collection_line__collection__clerk"
    ).order_by("receipt__series", "receipt__year", "receipt__number")
    rows = QueryRows(ordered, _written)
    sums: list[Value] = [_("All receipts"), *[None] * 7, stands, cancelled, *[None] * 3]
    return Section(
        code="receipts",
        title=_("Receipts in order of their numbers"),
        columns=columns,
        rows=rows,
        totals=sums if len(rows) else None,
        empty=_("No receipt fits."),
    )


def _written(some: Sequence[Payment]) -> list[Row]:
    prefetch_related_objects(some, "tenders")
    fallen = [one.pk for one in some if one.state == State.REVERSED]
    events = {
        event.payment_id: event
        for event in PaymentEvent.objects.filter(payment__in=fallen, to_state=State.REVERSED)
    }
    return [_row(one, events) for one in some]


def _row(payment: Payment, events: Mapping[int, PaymentEvent]) -> Row:
    is_cancelled = payment.state == State.REVERSED and payment.deposit_id is None
    line = getattr(payment, "collection_line", None)
    papers = ", ".join(one.instrument for one in payment.tenders.all() if one.instrument)
    return Row(
        (
            payment.receipt.label,
            payment.succeeded_at,
            payment.counter.name if payment.counter else "",
            line.collection.clerk.get_full_name() if line else "",
            payment.consumer_number,
            payment.consumer.name if payment.consumer else "",
            registers.tender(payment.method),
            papers,
            None if is_cancelled else payment.amount_paise,
            payment.amount_paise if is_cancelled else None,
            _fate(payment, events.get(payment.pk)),
            payment.deposit.reference if payment.deposit else "",
            payment.counter.office.name if payment.counter else "",
        ),
        registers.receipt_url(payment),
    )


def _fate(payment: Payment, event: PaymentEvent | None) -> str:
    """Nothing to say of a receipt that stands; else what undid it, and when."""
    if event is None:
        return ""
    if payment.deposit_id is None:
        return event.cause
    return _("dishonoured on %(day)s") % {"day": f"{business_date(event.at):%d-%m-%Y}"}


REPORT = Report(
    code="day_book",
    title=gettext_lazy("Day book"),
    about=gettext_lazy("Every receipt of the counters by number and tender, cancelled in place."),
    icon="book",
    roles=WHO_READS,
    form=DayBookForm,
    build=build,
    position=50,
    is_of_today=True,
)
