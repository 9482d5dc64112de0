"""The claim on a channel for one month: every line of which it kept more than was agreed."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_.models import Channel
from cspdcl.kernel.money import grouped_rupees
from cspdcl.ui.templatetags.ui import count
from people.access import has_role
from people.roles import AUDITOR, FINANCE, MANAGER
from reconciliation import selectors
from reconciliation.models import Break, BreakLine, Entry, FeeClaim
from reconciliation.rulebook import rate_card, rates
from reconciliation.views.rates import RATE_READERS
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
from reports.forms import DayForm
from reports.links import page_url


class ClaimForm(DayForm):
    """Any day of the month, and perhaps one channel."""

    channel = forms.ModelChoiceField(
        label=gettext_lazy("Channel"),
        required=False,
        queryset=Channel.objects.filter(route=Channel.Route.SETTLEMENT).order_by(
            "position", "code"
        ),
        to_field_name="code",
        empty_label=gettext_lazy("every channel"),
    )


def build(ask: Ask) -> Document:
    """By the day of payment. What is within rounding is told apart and claimed of nobody."""
    month = ask.day.replace(day=1)
    lines = _lines_of(ask, month)
    sums = lines.aggregate(n=Count("pk"), paise=Sum("amount_paise"))
    claim = ngettext(
        "%(count)s line of %(month)s was charged above the rate card: ₹ %(paise)s with GST.",
        "%(count)s lines of %(month)s were charged above the rate card: ₹ %(paise)s with GST.",
        sums["n"],
    ) % {
        "count": count(sums["n"]),
        "month": f"{month:%m-%Y}",
        "paise": grouped_rupees(sums["paise"] or 0),
    }
    return Document(
        title=_("Claim on fees"),
        day=month,
        until=rates.last_of(month),
        claim=claim,
        is_proved=None,
        sections=[_by_channel(ask, month, lines), _lines(lines, sums["paise"] or 0)],
        stamp={_("Rate cards"): _("as they hold on the day of payment")},
    )


def _lines_of(ask: Ask, month: date) -> QuerySet[Break]:
    found = rates.overcharged(ask.more.get("channel"), month=month)
    return found.select_related("channel").order_by("channel__position", "business_date", "pk")


def _by_channel(ask: Ask, month: date, lines: QuerySet[Break]) -> Section:
    columns = [
        Column(label=_("Channel"), width=28),
        Column(label=_("Lines judged"), kind=Kind.COUNT, is_summed=True),
        Column(label=_("Kept"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Agreed"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Charged above"), kind=Kind.FIGURE, is_summed=True),
        Column(label=_("Charged below"), kind=Kind.FIGURE, is_summed=True),
        Column(label=_("Rounding added up"), kind=Kind.FIGURE, is_summed=True),
        Column(label=_("Claimed"), kind=Kind.DAY),
        Column(label=_("Answered"), kind=Kind.DAY),
        Column(label=_("Pays back"), kind=Kind.MONEY, is_summed=True),
    ]
    over = {
        row["channel"]: Figure(row["n"], row["paise"])
        for row in lines.order_by()
        .values("channel")
        .annotate(n=Count("pk"), paise=Sum("amount_paise"))
    }
    seen = selectors.visible_claims(ask.user) if ask.user else FeeClaim.objects.all()
    claims = {one.channel_id: one for one in seen.filter(month=month)}
    may_open = ask.user is None or has_role(ask.user, *RATE_READERS)
    chosen = ask.more.get("channel")
    channels = [chosen] if chosen else Channel.objects.filter(fee_rates__isnull=False).distinct()
    written = [
        Row(
            _channel(one, month, over.get(one.pk, Figure(0, 0)), claims.get(one.pk)),
            page_url("reconciliation:rate_card", one.code) if may_open else "",
        )
        for one in channels
    ]
    return Section(
        code="channels",
        title=_("By channel"),
        columns=columns,
        rows=written,
        totals=sum_of(columns, written, label=_("All channels")),
        note=_("Charged above: lines whose break is still open. A paisa in the fee and one in "
               "its GST are rounding."),
        empty=_("No channel has a rate card."),
    )  # fmt: skip


def _channel(
    channel: Channel, month: date, over: Figure, claim: FeeClaim | None
) -> tuple[Value, ...]:
    judged = rate_card.judge(channel, month, rates.last_of(month))
    return (
        channel.name,
        judged.lines,
        judged.kept_paise,
        judged.agreed_paise,
        over,
        Figure(judged.under_count, judged.under_paise),
        Figure(judged.rounded_count, judged.rounded_paise),
        claim.claimed_on if claim else None,
        claim.answered_on if claim else None,
        claim.paid_back_paise if claim else None,
    )


def _lines(lines: QuerySet[Break], paise: int) -> Section:
    columns = [
        Column(label=_("Their reference"), kind=Kind.ID, width=28),
        Column(label=_("Channel"), width=20),
        Column(label=_("Paid on"), kind=Kind.DAY),
        Column(label=_("Mode"), width=12),
        Column(label=_("Network"), width=12, is_minor=True),
        Column(label=_("Amount"), kind=Kind.MONEY),
        Column(label=_("Fee kept"), kind=Kind.MONEY, is_minor=True),
        Column(label=_("GST kept"), kind=Kind.MONEY, is_minor=True),
        Column(label=_("Kept with GST"), kind=Kind.MONEY),
        Column(label=_("Agreed with GST"), kind=Kind.MONEY),
        Column(label=_("Too much"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Settlement"), kind=Kind.ID, in_files_only=True),
        Column(label="UTR", kind=Kind.ID, in_files_only=True),
        Column(label=_("Our reference"), kind=Kind.ID, in_files_only=True),
    ]
    rows = QueryRows(lines, _written)
    return Section(
        code="lines",
        title=_("Lines charged above the rate card"),
        columns=columns,
        rows=rows,
        totals=[_("All lines"), *[None] * 9, paise, *[None] * 3] if len(rows) else None,
        empty=_("No line of the month was charged above the rate card."),
    )


def _written(some: Sequence[Break]) -> list[Row]:
    held = BreakLine.objects.filter(open_break__in=some).select_related("entry")
    entries = {line.open_break_id: line.entry for line in held}
    return [_line(one, entries.get(one.pk)) for one in some]


def _line(one: Any, entry: Entry | None) -> Row:
    return Row(
        (
            one.reference,
            one.channel.name,
            one.business_date,
            entry.method if entry else "",
            entry.network if entry else "",
            entry.amount_paise if entry else None,
            entry.fee_paise if entry else None,
            entry.tax_paise if entry else None,
            one.kept,
            one.agreed,
            one.amount_paise,
            entry.settlement_ref if entry else "",
            entry.utr if entry else "",
            entry.reference if entry else "",
        ),
        page_url("reconciliation:break", one.public_id),
    )


REPORT = Report(
    code="fee_claim",
    title=gettext_lazy("Claim on fees"),
    about=gettext_lazy("Every line of a month of which a channel kept more than was agreed."),
    icon="percentage",
    roles=(*FINANCE, AUDITOR, MANAGER),
    form=ClaimForm,
    build=build,
    position=45,
)
