"""The payments of a day, one line each."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_.contract import Method
from channels_.models import Channel
from cspdcl.kernel.money import grouped_rupees
from cspdcl.ui.templatetags.ui import count
from payments import selectors
from payments.models import Payment
from payments.states import PAID, State
from people.roles import ADMINISTRATOR, READERS
from reconciliation.selectors import last_run
from reports.catalogue.day import method_label, stamp_of
from reports.contract import Ask, Column, Document, Kind, QueryRows, Report, Row, Section
from reports.forms import DayForm
from reports.links import page_url


def _methods() -> list[tuple[str, Any]]:
    return [
        ("", _("every mode")),
        *((method.value, method_label(method.value)) for method in Method),
    ]


class PaymentsForm(DayForm):
    """A day, and perhaps one channel, mode or state."""

    channel = forms.ModelChoiceField(
        label=gettext_lazy("Channel"),
        required=False,
        queryset=Channel.objects.order_by("position", "code"),
        to_field_name="code",
        empty_label=gettext_lazy("every channel"),
    )
    method = forms.ChoiceField(label=gettext_lazy("Paid by"), required=False, choices=_methods)
    state = forms.ChoiceField(
        label=gettext_lazy("State"),
        required=False,
        choices=[("", gettext_lazy("every state")), *State.choices],
    )


def build(ask: Ask) -> Document:
    """What the user may see of the day's payments, those that failed included."""
    payments = _chosen(ask)
    paid = payments.filter(state__in=PAID).aggregate(n=Count("id"), total=Sum("amount_paise"))
    money = paid["total"] or 0
    claim = ngettext(
        "%(count)s payment succeeded, worth ₹ %(amount)s.",
        "%(count)s payments succeeded, worth ₹ %(amount)s.",
        paid["n"],
    ) % {"count": count(paid["n"]), "amount": grouped_rupees(money)}
    run = last_run(ask.day)
    return Document(
        title=_("Payments of the day"),
        day=ask.day,
        claim=claim,
        is_proved=run is not None,
        sections=[_section(payments, money)],
        stamp=stamp_of(run),
    )


def _chosen(ask: Ask) -> QuerySet[Payment]:
    seen = selectors.payments_visible_to(ask.user) if ask.user else Payment.objects.all()
    chosen = Q(business_date=ask.day)
    for name in ("channel", "method", "state"):
        if ask.more.get(name):
            chosen &= Q(**{name: ask.more[name]})
    return seen.filter(chosen).order_by("id")


def _section(payments: QuerySet[Payment], money: int) -> Section:
    columns = [
        Column(label=_("Reference"), kind=Kind.ID),
        Column(label=_("Paid at"), kind=Kind.INSTANT),
        Column(label=_("Channel"), width=20),
        Column(label=_("Paid by"), width=14),
        Column(label=_("State"), width=20),
        Column(label=_("Consumer number"), kind=Kind.ID, width=16),
        Column(label=_("Receipt"), kind=Kind.ID),
        Column(label=_("Paid"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Not paid"), kind=Kind.MONEY, is_minor=True),
        Column(label=_("Their reference"), kind=Kind.ID, is_minor=True),
        Column(label="RRN", kind=Kind.ID, width=16, in_files_only=True),
        Column(label="UTR", kind=Kind.ID, in_files_only=True),
        Column(label=_("Deposit slip"), kind=Kind.ID, in_files_only=True),
        Column(label=_("Office"), in_files_only=True),
    ]
    rows = QueryRows(payments.select_related("channel", "receipt", "deposit", "office"), _written)
    totals = [_("All payments"), *[None] * 6, money, *[None] * 6] if len(rows) else None
    return Section(
        code="payments",
        title=_("Payments of the day"),
        columns=columns,
        rows=rows,
        totals=totals,
        empty=_("No payment fits."),
    )


def _written(some: Sequence[Payment]) -> list[Row]:
    return [_row(payment) for payment in some]


def _row(payment: Payment) -> Row:
    is_paid = payment.state in PAID
    receipt = getattr(payment, "receipt", None)
    return Row(
        (
            payment.reference,
            payment.succeeded_at,
            payment.channel.name,
            method_label(payment.method),
            State(payment.state).label,
            payment.consumer_number,
            receipt.label if receipt else "",
            payment.amount_paise if is_paid else None,
            None if is_paid else payment.amount_paise,
            payment.channel_ref,
            payment.rrn,
            payment.utr,
            payment.deposit.reference if payment.deposit else "",
            payment.office.name if payment.office else "",
        ),
        page_url("reconciliation:payment", payment.reference),
    )


REPORT = Report(
    code="payments",
    title=gettext_lazy("Payments of the day"),
    about=gettext_lazy("Every payment of a day, one line each, by channel, mode and state."),
    icon="receipt",
    roles=(*READERS, ADMINISTRATOR),
    form=PaymentsForm,
    build=build,
    position=30,
)
