"""Surprise checks: drawers and safes that somebody else counted without notice."""

from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from counters import selectors
from counters.models import SurpriseCheck
from cspdcl.kernel.money import grouped_rupees
from cspdcl.ui.templatetags.ui import count
from reports import registers
from reports.contract import Ask, Column, Document, Kind, QueryRows, Report, Row, Section, Value
from reports.forms import PeriodForm
from reports.registers import WHO_READS


def build(ask: Ask) -> Document:
    """What was there beside what had to be there at that moment."""
    checks = _chosen(ask)
    over, short = Q(differs__gt=0), Q(differs__lt=0)
    sums = checks.aggregate(
        n=Count("pk"),
        wrong=Count("pk", filter=over | short),
        counted=Sum("counted_paise"),
        expected=Sum("expected_paise"),
        over=Sum("differs", filter=over),
        short=Sum("differs", filter=short),
    )
    claim = ngettext(
        "%(count)s surprise check %(days)s, %(wrong)s found a difference:"
        " ₹ %(over)s over, ₹ %(short)s short.",
        "%(count)s surprise checks %(days)s, %(wrong)s found a difference:"
        " ₹ %(over)s over, ₹ %(short)s short.",
        sums["n"],
    ) % {
        "count": count(sums["n"]),
        "days": registers.day_words(ask),
        "wrong": count(sums["wrong"]),
        "over": grouped_rupees(sums["over"] or 0),
        "short": grouped_rupees(-(sums["short"] or 0)),
    }
    totals: list[Value] = [_("All checks"), *[None] * 3]
    totals += [sums["expected"] or 0, sums["counted"] or 0]
    totals += [sums["over"] or 0, -(sums["short"] or 0), None, None]
    return Document(
        title=_("Surprise checks"),
        day=ask.day,
        until=registers.until_of(ask),
        claim=claim,
        is_proved=None,
        sections=[_section(checks, totals if sums["n"] else None)],
        stamp=registers.stamp(ask),
    )


def _chosen(ask: Ask) -> QuerySet[SurpriseCheck]:
    user = ask.user
    seen = selectors.checks_visible_to(user) if user else SurpriseCheck.objects.all()
    of_days = registers.of_days(ask, "office_day__business_date")
    rows = registers.of_offices(seen, ask, "office_day__office").filter(of_days)
    return rows.annotate(differs=F("counted_paise") - F("expected_paise"))


def _section(checks: QuerySet[SurpriseCheck], totals: list[Value] | None) -> Section:
    columns = [
        Column(label=_("Office"), width=28),
        Column(label=_("Counted at"), kind=Kind.INSTANT),
        Column(label=_("Place"), width=40),
        Column(label=_("By"), width=24),
        Column(label=_("Had to be there"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Was there"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Over"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Short"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Notes and coins"), width=48, is_minor=True),
        Column(label=_("Words"), width=48),
    ]
    ordered = checks.select_related(
        "office_day__office", "shift__counter", "shift__clerk", "by"
    ).order_by("at", "pk")
    return Section(
        code="checks",
        title=_("Surprise checks"),
        columns=columns,
        rows=QueryRows(ordered, lambda some: [_row(one) for one in some]),
        totals=totals,
        empty=_("Nobody counted without notice."),
    )


def _row(check: SurpriseCheck) -> Row:
    differs = check.counted_paise - check.expected_paise
    shift = check.shift
    counted = ", ".join(f"{pieces} x {key}" for key, pieces in check.denominations.items())
    return Row(
        (
            check.office_day.office.name,
            check.at,
            f"{shift.counter.name}, {shift.clerk.get_full_name()}" if shift else _("safe"),
            check.by.get_full_name(),
            check.expected_paise,
            check.counted_paise,
            differs if differs > 0 else None,
            -differs if differs < 0 else None,
            counted,
            check.words,
        )
    )


REPORT = Report(
    code="surprise_checks",
    title=gettext_lazy("Surprise checks"),
    about=gettext_lazy("Drawers and safes counted without notice, and what differed."),
    icon="zoom-money",
    roles=WHO_READS,
    form=PeriodForm,
    build=build,
    position=80,
    is_of_today=True,
)
