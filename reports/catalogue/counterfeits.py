"""The register of counterfeit notes: impounded, by number, and told to the police or not yet."""

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from counters import selectors
from counters.models import CounterfeitNote
from cspdcl.ui.templatetags.ui import count
from reports import registers
from reports.contract import (
    Ask,
    Column,
    Document,
    Kind,
    QueryRows,
    Report,
    Row,
    Section,
    sum_of,
)
from reports.forms import PeriodForm
from reports.registers import WHO_READS


def build(ask: Ask) -> Document:
    """Notes are no money of ours: their worth is told, and stands in no cash book."""
    notes = _chosen(ask)
    sums = notes.aggregate(n=Count("pk"), untold=Count("pk", filter=_UNTOLD))
    claim = ngettext(
        "%(count)s counterfeit note was impounded %(days)s, %(untold)s not told to the police.",
        "%(count)s counterfeit notes were impounded %(days)s, %(untold)s not told to the police.",
        sums["n"],
    ) % {
        "count": count(sums["n"]),
        "days": registers.day_words(ask),
        "untold": count(sums["untold"]),
    }
    return Document(
        title=_("Counterfeit note register"),
        day=ask.day,
        until=registers.until_of(ask),
        claim=claim,
        is_proved=None,
        sections=[_by_note(notes), _notes(notes)],
        stamp=registers.stamp(ask),
    )


_UNTOLD = Q(reported_on__isnull=True)


def _chosen(ask: Ask) -> QuerySet[CounterfeitNote]:
    user = ask.user
    seen = selectors.counterfeits_visible_to(user) if user else CounterfeitNote.objects.all()
    of_days = registers.of_days(ask, "shift__office_day__business_date")
    return registers.of_offices(seen, ask, "shift__counter__office").filter(of_days)


def _by_note(notes: QuerySet[CounterfeitNote]) -> Section:
    columns = [
        Column(label=_("Note"), width=16),
        Column(label=_("Pieces"), kind=Kind.COUNT, is_summed=True),
        Column(label=_("Printed worth"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Not told to the police"), kind=Kind.COUNT, is_summed=True),
    ]
    found = (
        notes.order_by()
        .values("denomination")
        .annotate(n=Count("pk"), untold=Count("pk", filter=_UNTOLD))
        .order_by("-denomination")
    )
    rows = [
        Row(
            (
                f"₹ {row['denomination']}",
                row["n"],
                row["n"] * row["denomination"] * 100,
                row["untold"],
            )
        )
        for row in found
    ]
    return Section(
        code="worth",
        title=_("By note"),
        columns=columns,
        rows=rows,
        totals=sum_of(columns, rows, label=_("All notes")),
        empty=_("No counterfeit note was found."),
    )


def _notes(notes: QuerySet[CounterfeitNote]) -> Section:
    columns = [
        Column(label=_("Number of the note"), kind=Kind.ID, width=18),
        Column(label=_("Note"), kind=Kind.COUNT),
        Column(label=_("Impounded at"), kind=Kind.INSTANT),
        Column(label=_("Counter"), width=24),
        Column(label=_("Clerk"), width=20),
        Column(label=_("Entered by"), width=20, is_minor=True),
        Column(label=_("Tendered by"), width=28),
        Column(label=_("Consumer number"), kind=Kind.ID, width=16),
        Column(label=_("Words"), width=40, is_minor=True),
        Column(label=_("Told to the police on"), kind=Kind.DAY),
        Column(label=_("Number of the report"), kind=Kind.ID),
        Column(label=_("Office"), in_files_only=True),
    ]
    ordered = notes.select_related("shift__counter__office", "shift__clerk", "by").order_by(
        "at", "pk"
    )
    return Section(
        code="notes",
        title=_("Notes"),
        columns=columns,
        rows=QueryRows(ordered, lambda some: [_row(one) for one in some]),
        empty=_("No counterfeit note was found."),
    )


def _row(note: CounterfeitNote) -> Row:
    return Row(
        (
            note.serial,
            note.denomination,
            note.at,
            note.shift.counter.name,
            note.shift.clerk.get_full_name(),
            note.by.get_full_name(),
            note.tendered_by,
            note.consumer_number,
            note.words,
            note.reported_on,
            note.report_number,
            note.shift.counter.office.name,
        )
    )


REPORT = Report(
    code="counterfeits",
    title=gettext_lazy("Counterfeit note register"),
    about=gettext_lazy("Notes that were found false: their numbers, and the report to the police."),
    icon="alert-octagon",
    roles=WHO_READS,
    form=PeriodForm,
    build=build,
    position=75,
    is_of_today=True,
)
