"""The sequence of receipts: each series from its first number to its last, and what is missing."""

from collections.abc import Sequence
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cspdcl.kernel.clock import financial_year
from cspdcl.ui.templatetags.ui import count
from people.access import sees_everything
from reports import registers, sequences
from reports.contract import Ask, Column, Document, Kind, Mark, Report, Row, Section, sum_of
from reports.forms import OfficeForm
from reports.registers import WHO_READS
from reports.sequences import LOST, MISSING, RESERVED, VOIDED, WAITS, Run

_WHY: Final = {
    MISSING: gettext_lazy("missing: no receipt has this number"),
    VOIDED: gettext_lazy("voided: two persons settled its item without a receipt"),
    LOST: gettext_lazy("lost with its window: nobody can say whether it was given"),
    WAITS: gettext_lazy("its item waits for a person"),
    RESERVED: gettext_lazy("reserved for a counter without network"),
}


def build(ask: Ask) -> Document:
    """The financial year of the day; channels' own series are shown to who sees every office."""
    year = financial_year(ask.day)
    is_whole = not ask.more.get("office") and (ask.user is None or sees_everything(ask.user))
    runs = sequences.read(year, offices=None if is_whole else registers.offices(ask))
    wrong = [run for run in runs if not run.is_gapless]
    return Document(
        title=_("Sequence of receipts"),
        day=ask.day,
        claim=_claim(runs, wrong, year),
        is_proved=None,
        mark=Mark(_("numbers are missing"), "open") if wrong else Mark(_("gapless"), "ok"),
        sections=[_series(runs), _holes(runs)],
        stamp={_("Financial year"): year, **registers.whose(ask)},
    )


def _claim(runs: Sequence[Run], wrong: Sequence[Run], year: str) -> str:
    issued = sum(run.issued for run in runs)
    given = ngettext(
        "%(count)s receipt in %(series)s series of %(year)s",
        "%(count)s receipts in %(series)s series of %(year)s",
        issued,
    ) % {"count": count(issued), "series": count(len(runs)), "year": year}
    if wrong:
        names = ", ".join(run.series for run in wrong[:5])
        return _("%(given)s; %(count)s series do not prove: %(names)s.") % {
            "given": given,
            "count": count(len(wrong)),
            "names": names,
        }
    return _("%(given)s: every number from the first to the last was given once.") % {
        "given": given
    }


def _series(runs: Sequence[Run]) -> Section:
    columns = [
        Column(label=_("Series"), kind=Kind.ID),
        Column(label=_("Office"), width=28),
        Column(label=_("First"), kind=Kind.COUNT),
        Column(label=_("Last"), kind=Kind.COUNT),
        Column(label=_("Issued"), kind=Kind.COUNT, is_summed=True),
        Column(label=_("Cancelled"), kind=Kind.COUNT, is_summed=True),
        Column(label=_("Voided or lost"), kind=Kind.COUNT, is_summed=True),
        Column(label=_("With counters offline"), kind=Kind.COUNT, is_summed=True),
        Column(label=_("Missing"), kind=Kind.COUNT, is_summed=True),
        Column(label=_("Last reserved"), kind=Kind.COUNT, is_minor=True),
        Column(label=_("Proof"), width=28),
    ]
    rows = [
        Row(
            (
                run.series,
                run.office.name if run.office else "",
                run.first or None,
                run.last or None,
                run.issued,
                run.cancelled,
                run.held_back(VOIDED, LOST),
                run.held_back(WAITS, RESERVED),
                run.held_back(MISSING),
                run.last_given,
                _verdict(run),
            )
        )
        for run in runs
    ]
    return Section(
        code="series",
        title=_("Series"),
        columns=columns,
        rows=rows,
        totals=sum_of(columns, rows, label=_("All series")),
        note=_("first to last = issued + voided or lost + with counters offline + missing"),
        empty=_("No receipt was issued in this year."),
    )


def _verdict(run: Run) -> str:
    if run.is_gapless:
        return _("gapless")
    if run.held_back(MISSING):
        return _("numbers are missing")
    return _("the series does not know its last number")


def _holes(runs: Sequence[Run]) -> Section:
    columns = [
        Column(label=_("Series"), kind=Kind.ID),
        Column(label=_("Numbers"), kind=Kind.ID),
        Column(label=_("How many"), kind=Kind.COUNT, is_summed=True),
        Column(label=_("Why there is no receipt"), width=56),
    ]
    rows = [
        Row((run.series, hole.words, hole.count, str(_WHY[hole.why])))
        for run in runs
        for hole in run.holes
    ]
    return Section(
        code="holes",
        title=_("Numbers without a receipt"),
        columns=columns,
        rows=rows,
        totals=sum_of(columns, rows, label=_("All numbers")),
        empty=_("There is none: no number was left out."),
    )


REPORT = Report(
    code="receipt_sequence",
    title=gettext_lazy("Sequence of receipts"),
    about=gettext_lazy(
        "First and last number of each series and year: cancelled, voided, none missing."
    ),
    icon="list-numbers",
    roles=WHO_READS,
    form=OfficeForm,
    build=build,
    position=85,
    is_of_today=True,
)
