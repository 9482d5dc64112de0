"""The cancellation register: receipts that fell, at the window or because their paper bounced."""

from collections.abc import Sequence

from django import forms
from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cspdcl.kernel.clock import day_bounds
from cspdcl.kernel.money import grouped_rupees
from cspdcl.ui.templatetags.ui import count
from payments.models import PaymentEvent
from payments.selectors import payments_visible_to
from payments.states import State
from people.models import User
from reports import registers
from reports.contract import Ask, Column, Document, Kind, QueryRows, Report, Row, Section
from reports.forms import PeriodForm
from reports.registers import WHO_READS

_CAUSE = "cancelled: "


class FallenForm(PeriodForm):
    """Days on which receipts fell, an office, and perhaps why."""

    how = forms.ChoiceField(
        label=gettext_lazy("How"),
        required=False,
        choices=[
            ("", gettext_lazy("cancelled and dishonoured")),
            ("cancelled", gettext_lazy("cancelled at the counter")),
            ("dishonoured", gettext_lazy("paper dishonoured")),
        ],
    )


def build(ask: Ask) -> Document:
    """By the day a receipt fell, which for a bounced cheque is later than its own."""
    fallen = _chosen(ask)
    found = fallen.aggregate(n=Count("pk"), paise=Sum("payment__amount_paise"))
    claim = ngettext(
        "%(count)s receipt of ₹ %(amount)s was cancelled %(days)s.",
        "%(count)s receipts of ₹ %(amount)s were cancelled %(days)s.",
        found["n"],
    ) % {
        "count": count(found["n"]),
        "amount": grouped_rupees(found["paise"] or 0),
        "days": registers.day_words(ask),
    }
    return Document(
        title=_("Cancellation register"),
        day=ask.day,
        until=registers.until_of(ask),
        claim=claim,
        is_proved=None,
        sections=[_section(fallen, paise=found["paise"] or 0)],
        stamp=registers.stamp(ask),
    )


def _chosen(ask: Ask) -> QuerySet[PaymentEvent]:
    first, last = registers.days_of(ask)
    events = PaymentEvent.objects.filter(
        to_state=State.REVERSED,
        at__gte=day_bounds(first)[0],
        at__lt=day_bounds(last)[1],
        recorded_at__gte=day_bounds(first)[0],  # has an index, and nothing is recorded before it is
        payment__counter__isnull=False,
        payment__receipt__isnull=False,
    )
    seen = events.filter(payment__in=payments_visible_to(ask.user)) if ask.user else events
    of_office = registers.of_offices(seen, ask, "payment__office")
    how = ask.more.get("how")
    return of_office.filter(payment__deposit__isnull=how == "cancelled") if how else of_office


def _section(fallen: QuerySet[PaymentEvent], *, paise: int) -> Section:
    columns = [
        Column(label=_("Receipt"), kind=Kind.ID),
        Column(label=_("Receipt of"), kind=Kind.DAY),
        Column(label=_("Counter"), width=24),
        Column(label=_("Clerk"), width=20),
        Column(label=_("Consumer number"), kind=Kind.ID, width=16),
        Column(label=_("Paid by"), width=14),
        Column(label=_("Amount"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("How"), width=24),
        Column(label=_("When"), kind=Kind.INSTANT),
        Column(label=_("By whom"), width=24),
        Column(label=_("Why"), width=48),
        Column(label=_("Deposit slip"), kind=Kind.ID, in_files_only=True),
        Column(label=_("Office"), in_files_only=True),
    ]
    ordered = fallen.select_related(
        "payment__receipt",
        "payment__counter__office",
        "payment__deposit",
        "payment__collection_line__collection__clerk",
    ).order_by("at", "pk")
    rows = QueryRows(ordered, _written)
    return Section(
        code="cancellations",
        title=_("Cancelled receipts"),
        columns=columns,
        rows=rows,
        totals=[_("All receipts"), *[None] * 5, paise, *[None] * 6] if len(rows) else None,
        note=_("A receipt keeps its number; the money was given back, or never came."),
        empty=_("No receipt was cancelled."),
    )


def _written(some: Sequence[PaymentEvent]) -> list[Row]:
    known = User.objects.filter(username__in={event.actor for event in some})
    names = {user.username: user.get_full_name() for user in known}
    return [_row(event, by=names.get(event.actor, event.actor)) for event in some]


def _row(event: PaymentEvent, *, by: str) -> Row:
    payment = event.payment
    line = getattr(payment, "collection_line", None)
    is_cancelled = payment.deposit_id is None
    return Row(
        (
            payment.receipt.label,
            payment.business_date,
            payment.counter.name if payment.counter else "",
            line.collection.clerk.get_full_name() if line else "",
            payment.consumer_number,
            registers.tender(payment.method),
            payment.amount_paise,
            _("cancelled at the counter") if is_cancelled else _("paper dishonoured"),
            event.at,
            by,
            event.cause.removeprefix(_CAUSE),
            payment.deposit.reference if payment.deposit else "",
            payment.counter.office.name if payment.counter else "",
        ),
        registers.receipt_url(payment),
    )


REPORT = Report(
    code="cancellations",
    title=gettext_lazy("Cancellation register"),
    about=gettext_lazy("Receipts that were cancelled: the amount, by whom, why and when."),
    icon="receipt-off",
    roles=WHO_READS,
    form=FallenForm,
    build=build,
    position=65,
    is_of_today=True,
)
