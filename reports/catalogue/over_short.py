"""The over and short register: what counts differed by, who answers for it, what was posted."""

from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from counters import selectors
from counters.models import Difference
from cspdcl.kernel.money import grouped_rupees
from cspdcl.ui.templatetags.ui import count
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
    sum_of,
)
from reports.forms import PeriodForm
from reports.registers import WHO_READS

_COUNTS = ~Q(state=Difference.State.RECOUNTED)
_OVER = _COUNTS & Q(amount_paise__gt=0)
_SHORT = _COUNTS & Q(amount_paise__lt=0)


def build(ask: Ask) -> Document:
    """By the day of the shift; what was counted again stays in the register and in no sum."""
    rows = _chosen(ask)
    sums = rows.aggregate(
        n=Count("pk", filter=_COUNTS),
        over=Sum("amount_paise", filter=_OVER),
        short=Sum("amount_paise", filter=_SHORT),
        waiting=Count("pk", filter=Q(state=Difference.State.FOUND)),
    )
    over, short = sums["over"] or 0, -(sums["short"] or 0)
    claim = ngettext(
        "%(count)s difference %(days)s, ₹ %(over)s over, ₹ %(short)s short;"
        " %(waiting)s not posted yet.",
        "%(count)s differences %(days)s, ₹ %(over)s over, ₹ %(short)s short;"
        " %(waiting)s not posted yet.",
        sums["n"],
    ) % {
        "count": count(sums["n"]),
        "days": registers.day_words(ask),
        "over": grouped_rupees(over),
        "short": grouped_rupees(short),
        "waiting": count(sums["waiting"]),
    }
    return Document(
        title=_("Over and short register"),
        day=ask.day,
        until=registers.until_of(ask),
        claim=claim,
        is_proved=None,
        sections=[_by_clerk(rows), _differences(rows, over=over, short=short)],
        stamp=registers.stamp(ask),
    )


def _chosen(ask: Ask) -> QuerySet[Difference]:
    user = ask.user
    seen = selectors.differences_visible_to(user) if user else Difference.objects.all()
    of_days = registers.of_days(ask, "shift__office_day__business_date")
    return registers.of_offices(seen, ask, "shift__counter__office").filter(of_days)


def _by_clerk(rows: QuerySet[Difference]) -> Section:
    columns = [
        Column(label=_("Clerk"), width=28),
        Column(label=_("Over"), kind=Kind.FIGURE, is_summed=True),
        Column(label=_("Short"), kind=Kind.FIGURE, is_summed=True),
        Column(label=_("Together"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Not posted yet"), kind=Kind.COUNT, is_summed=True),
        Column(label=_("Counted again"), kind=Kind.COUNT, is_summed=True),
    ]
    found = (
        rows.order_by()
        .values(clerk=F("shift__clerk"), name=F("shift__clerk__full_name"))
        .annotate(
            over_n=Count("pk", filter=_OVER),
            over=Sum("amount_paise", filter=_OVER),
            short_n=Count("pk", filter=_SHORT),
            short=Sum("amount_paise", filter=_SHORT),
            waiting=Count("pk", filter=Q(state=Difference.State.FOUND)),
            again=Count("pk", filter=Q(state=Difference.State.RECOUNTED)),
        )
        .order_by("name", "clerk")
    )
    written = [_clerk(row) for row in found]
    return Section(
        code="clerks",
        title=_("By clerk"),
        columns=columns,
        rows=written,
        totals=sum_of(columns, written, label=_("All clerks")),
        empty=_("No count differed."),
    )


def _clerk(row: Any) -> Row:
    over, short = row["over"] or 0, row["short"] or 0
    return Row(
        (
            row["name"],
            Figure(row["over_n"], over),
            Figure(row["short_n"], -short),
            over + short,
            row["waiting"],
            row["again"],
        )
    )


def _differences(rows: QuerySet[Difference], *, over: int, short: int) -> Section:
    columns = [
        Column(label=_("Clerk"), width=24),
        Column(label=_("Day"), kind=Kind.DAY),
        Column(label=_("Counter"), width=24),
        Column(label=_("Tender"), width=14),
        Column(label=_("Expected"), kind=Kind.MONEY),
        Column(label=_("Over"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Short"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Counted again"), kind=Kind.MONEY, is_minor=True),
        Column(label=_("Why"), width=40),
        Column(label=_("State"), width=20),
        Column(label=_("Accepted by"), width=20),
        Column(label=_("Agreed by finance"), width=20),
        Column(label=_("Posted at"), kind=Kind.INSTANT, is_minor=True),
        Column(label=_("Deposit slip"), kind=Kind.ID, is_minor=True),
        Column(label=_("Office"), in_files_only=True),
    ]
    ordered = rows.select_related(
        "shift__clerk", "shift__counter__office", "shift__office_day", "count", "checker",
        "approver", "deposit",
    ).order_by("shift__office_day__business_date", "shift_id", "pk")  # fmt: skip
    lines = QueryRows(ordered, lambda some: [_row(one) for one in some])
    sums = [_("All differences"), *[None] * 4, over, short, *[None] * 8]
    return Section(
        code="differences",
        title=_("Differences"),
        columns=columns,
        rows=lines,
        totals=sums if len(lines) else None,
        note=_("What was counted again stays here and counts in no sum."),
        empty=_("No count differed."),
    )


def _row(one: Difference) -> Row:
    again = one.state == Difference.State.RECOUNTED
    over = one.amount_paise if one.amount_paise > 0 and not again else None
    short = -one.amount_paise if one.amount_paise < 0 and not again else None
    why = ": ".join(word for word in (one.get_why_display() if one.why else "", one.words) if word)
    return Row(
        (
            one.shift.clerk.get_full_name(),
            one.shift.office_day.business_date,
            one.shift.counter.name,
            registers.tender(one.method),
            _expected(one),
            over,
            short,
            one.amount_paise if again else None,
            why,
            one.get_state_display(),
            one.checker.get_full_name() if one.checker else "",
            one.approver.get_full_name() if one.approver else "",
            one.posted_at,
            one.deposit.reference if one.deposit else "",
            one.shift.counter.office.name,
        )
    )


def _expected(one: Difference) -> int | None:
    if one.method == "cash":
        return one.count.expected_paise
    told: list[int] = one.count.expected_papers.get(one.method, [0, 0])
    return told[1]


REPORT = Report(
    code="over_short",
    title=gettext_lazy("Over and short register"),
    about=gettext_lazy("What each count differed by, by clerk: the reason, who accepted, posted."),
    icon="scale",
    roles=WHO_READS,
    form=PeriodForm,
    build=build,
    position=70,
    is_of_today=True,
)
