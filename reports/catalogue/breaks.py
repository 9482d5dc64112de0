"""The open breaks of a day and before it: each with its reason, its money and its sentence."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_.models import Channel
from cspdcl.kernel.money import grouped_rupees
from cspdcl.ui.templatetags.ui import count
from people.roles import ADMINISTRATOR, READERS
from reconciliation import selectors
from reconciliation.desk import explain
from reconciliation.models import Book, Break, BreakLine, Reason
from reconciliation.models import Kind as EntryKind
from reports.catalogue.day import stamp_of
from reports.contract import Ask, Column, Document, Kind, QueryRows, Report, Row, Section
from reports.forms import DayForm
from reports.links import page_url


class BreaksForm(DayForm):
    """A day, and perhaps one reason or channel."""

    reason = forms.ChoiceField(
        label=gettext_lazy("Why"),
        required=False,
        choices=[("", gettext_lazy("every reason")), *Reason.choices],
    )
    channel = forms.ModelChoiceField(
        label=gettext_lazy("Channel"),
        required=False,
        queryset=Channel.objects.order_by("position", "code"),
        to_field_name="code",
        empty_label=gettext_lazy("every channel"),
    )


def build(ask: Ask) -> Document:
    """The breaks that are open now and belong to the day or an earlier one."""
    breaks = selectors.breaks_open_on(ask.day).filter(_narrowed(ask))
    found = breaks.aggregate(n=Count("id"), total=Sum("amount_paise"))
    money = found["total"] or 0
    run = selectors.last_run(ask.day)
    claim = ngettext(
        "%(count)s break is open, worth ₹ %(amount)s.",
        "%(count)s breaks are open, worth ₹ %(amount)s.",
        found["n"],
    ) % {"count": count(found["n"]), "amount": grouped_rupees(money)}
    return Document(
        title=_("Open breaks"),
        day=ask.day,
        claim=claim,
        is_proved=run is not None,
        sections=[_breaks(ask, breaks, money), _lines(breaks)],
        stamp=stamp_of(run),
    )


def _narrowed(ask: Ask) -> Q:
    chosen = Q()
    if ask.more.get("reason"):
        chosen &= Q(reason=ask.more["reason"])
    if ask.more.get("channel"):
        chosen &= Q(channel=ask.more["channel"])
    return chosen


def _breaks(ask: Ask, breaks: Any, money: int) -> Section:
    columns = [
        Column(label=_("Reference"), kind=Kind.ID, width=28),
        Column(label=_("Of"), kind=Kind.DAY),
        Column(label=_("Days open"), kind=Kind.COUNT),
        Column(label=_("Channel"), width=20),
        Column(label=_("Says"), width=16, in_files_only=True),
        Column(label=_("Why"), width=34),
        Column(label=_("Money open"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("In a sentence"), width=90),
        Column(label=_("Code"), kind=Kind.ID, in_files_only=True),
    ]

    def write(some: Sequence[Break]) -> list[Row]:
        return [
            Row(
                (
                    one.reference,
                    one.business_date,
                    max((ask.day - one.business_date).days, 0),
                    _source(one),
                    Book(one.book).label,
                    Reason(one.reason).label,
                    one.amount_paise,
                    explain.sentence(one),
                    one.reason,
                ),
                page_url("reconciliation:break", one.public_id),
            )
            for one in some
        ]

    rows = QueryRows(breaks, write)
    return Section(
        code="breaks",
        title=_("Open breaks"),
        columns=columns,
        rows=rows,
        totals=[_("All breaks"), None, None, None, None, None, money, None, None]
        if len(rows)
        else None,
        empty=_("Nothing is open: every line found its other side or is in time."),
    )


def _source(one: Break) -> str:
    source = one.channel or one.bank_account
    return source.name if source else _("Bank only, no channel")


def _lines(breaks: Any) -> Section:
    """The lines inside the breaks: hundreds for one settlement, so for files only."""
    columns = [
        Column(label=_("Break"), kind=Kind.ID, width=28),
        Column(label=_("Why"), width=34),
        Column(label=_("Book"), width=16),
        Column(label=_("What it is"), width=20),
        Column(label=_("Of"), kind=Kind.DAY),
        Column(label=_("Gross"), kind=Kind.MONEY),
        Column(label=_("Fee"), kind=Kind.MONEY),
        Column(label=_("GST on fee"), kind=Kind.MONEY),
        Column(label=_("Net"), kind=Kind.MONEY),
        Column(label=_("Our reference"), kind=Kind.ID),
        Column(label=_("Their reference"), kind=Kind.ID),
        Column(label="UTR", kind=Kind.ID),
        Column(label="RRN", kind=Kind.ID, width=16),
        Column(label=_("Settlement or slip"), kind=Kind.ID),
        Column(label=_("Consumer number"), kind=Kind.ID, width=16),
        Column(label=_("Narration"), width=60),
    ]

    def write(some: Sequence[BreakLine]) -> list[Row]:
        return [_line(one) for one in some]

    lines = (
        BreakLine.objects.filter(open_break__in=breaks.order_by())
        .select_related("open_break", "entry")
        .order_by("open_break__business_date", "open_break_id", "entry_id")
    )
    return Section(
        code="lines",
        title=_("Lines of the breaks"),
        columns=columns,
        rows=QueryRows(lines, write),
        in_files_only=True,
    )


def _line(line: BreakLine) -> Row:
    entry = line.entry
    return Row(
        (
            line.open_break.reference,
            Reason(line.open_break.reason).label,
            Book(entry.book).label,
            EntryKind(entry.kind).label,
            entry.business_date,
            entry.amount_paise,
            entry.fee_paise,
            entry.tax_paise,
            entry.net_paise,
            entry.reference,
            entry.channel_ref,
            entry.utr,
            entry.rrn,
            entry.settlement_ref or entry.deposit_ref,
            entry.consumer_number,
            entry.narration,
        )
    )


REPORT = Report(
    code="breaks",
    title=gettext_lazy("Open breaks"),
    about=gettext_lazy(
        "Every open break of a day and before it, each with its reason in a sentence."
    ),
    icon="link-off",
    roles=(*READERS, ADMINISTRATOR),
    form=BreaksForm,
    build=build,
    position=20,
)
