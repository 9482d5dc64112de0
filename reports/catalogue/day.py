"""The day report: what was paid, what of it the channels and the bank confirm, and what is open."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from django.db.models import Count, Min, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_.models import StatementFile
from cspdcl.kernel.clock import day_bounds, today
from cspdcl.kernel.money import grouped_rupees
from cspdcl.ui.templatetags.ui import count, instant
from people.roles import ADMINISTRATOR, READERS
from reconciliation import selectors
from reconciliation.models import Book, Entry, Expected, Kind, Proof, Reason, Run, Stage
from reports.contract import (
    Ask,
    Bar,
    Chart,
    Column,
    Document,
    Figure,
    Report,
    Row,
    Section,
    Value,
    sum_of,
)
from reports.contract import Kind as Holds
from reports.forms import DayForm
from reports.links import report_url

_WHY: Final = {
    "not_due": gettext_lazy("not due yet"),
    "no_file": gettext_lazy("waits for a file"),
    "not_deposited": gettext_lazy("not deposited yet"),
    "carried": gettext_lazy("carried into the next settlement"),
    "not_settled": gettext_lazy("not settled yet"),
}
_METHODS: Final = {
    "cash": gettext_lazy("Cash"),
    "cheque": gettext_lazy("Cheque"),
    "demand_draft": gettext_lazy("Demand draft"),
    "postal_order": gettext_lazy("Postal order"),
    "card": gettext_lazy("Card"),
    "upi": gettext_lazy("UPI"),
    "netbanking": gettext_lazy("Net banking"),
    "wallet": gettext_lazy("Wallet"),
    "neft": gettext_lazy("NEFT"),
    "rtgs": gettext_lazy("RTGS"),
    "imps": gettext_lazy("IMPS"),
}
_NONE: Final = Figure(0, 0)


def build(ask: Ask) -> Document:
    """The whole company's day as the books stand now, with the last run that proved it."""
    run = selectors.last_run(ask.day)
    sections = [
        _channels(ask.day),
        _reasons(ask.day),
        _proof(ask.day),
        _expected(run),
        _other_money(ask.day),
        _methods(ask.day),
        _files(ask.day),
    ]
    return Document(
        title=_("Report of the day"),
        day=ask.day,
        claim=_claim(ask.day, run),
        is_proved=run is not None,
        sections=sections,
        charts=[_reason_chart(ask.day), _method_chart(ask.day)],
        stamp=stamp_of(run),
        basis=_basis(run),
    )


def stamp_of(run: Run | None) -> Mapping[str, str]:
    """What the figures rest on: the run, and the hash of what it left."""
    if run is None:
        return {_("Run"): _("no run has proved this day yet")}
    return {
        _("Run"): _("run %(number)s, finished %(at)s")
        % {"number": run.pk, "at": instant(run.finished_at, "minute")},
        _("Result"): run.output_hash,
    }


def _basis(run: Run | None) -> Mapping[str, str]:
    if run is None:
        return {}
    versions = sorted(run.rule_versions.items())
    return {
        _("Rules"): ", ".join(f"{code} v{version}" for code, version in versions),
        _("Started by"): run.started_by,
    }


def _claim(day: date, run: Run | None) -> str:
    taken = _receipts(day).aggregate(count=Count("id"), paise=Sum("amount_paise"))
    open_now = _open_figure(day)
    paid = ngettext(
        "%(count)s payment of ₹ %(amount)s was taken.",
        "%(count)s payments of ₹ %(amount)s were taken.",
        taken["count"],
    ) % {"count": count(taken["count"]), "amount": grouped_rupees(taken["paise"] or 0)}
    if run is None:
        return f"{paid} {_('No run has proved this day yet.')}"
    if not open_now.count:
        return f"{paid} {_('Nothing is open.')}"
    left = ngettext(
        "%(count)s break is open, worth ₹ %(amount)s.",
        "%(count)s breaks are open, worth ₹ %(amount)s.",
        open_now.count,
    ) % {"count": count(open_now.count), "amount": grouped_rupees(open_now.paise)}
    return f"{paid} {left}"


def _receipts(day: date) -> QuerySet[Entry]:
    return Entry.objects.filter(
        book=Book.RECEIPTS, business_date=day, kind__in=[Kind.PAYMENT, Kind.REPEATED]
    )


def _open_figure(day: date) -> Figure:
    found = selectors.breaks_open_on(day).aggregate(n=Count("id"), total=Sum("amount_paise"))
    return Figure(found["n"], found["total"] or 0)


# ---- by channel ----


def _channels(day: date) -> Section:
    columns = [
        Column(label=_("Channel")),
        Column(label=_("Payments"), kind=Holds.FIGURE, is_summed=True),
        Column(label=_("Confirmed by the channel"), kind=Holds.FIGURE, is_summed=True),
        Column(label=_("Due in the bank, net"), kind=Holds.FIGURE, is_summed=True),
        Column(label=_("In the bank, net"), kind=Holds.FIGURE, is_summed=True),
        Column(label=_("Waits in time"), kind=Holds.FIGURE, is_summed=True),
        Column(label=_("Open breaks"), kind=Holds.FIGURE, is_summed=True),
    ]
    broken, paid = _broken_by_channel(day), _paid_by_channel(day)
    rows = []
    for line in selectors.day_board(day):
        open_here = broken.pop(line.channel.pk, _NONE)
        bank, theirs = line.by_bank, line.by_channel
        waits = Figure(bank.expected_count, bank.expected_paise)
        if theirs:
            waits = waits.plus(Figure(theirs.expected_count, theirs.expected_paise))
        cells: tuple[Value, ...] = (
            line.channel.name,
            paid.get(line.channel.pk, _NONE),
            Figure(theirs.matched_count, theirs.matched_paise) if theirs else None,
            Figure(bank.arrived_count, bank.arrived_paise),
            Figure(bank.matched_count, bank.matched_paise),
            waits,
            open_here,
        )
        rows.append(Row(cells, report_url("payments", day, channel=line.channel.code)))
    unnamed = broken.pop(None, _NONE)
    if unnamed.count:
        rows.append(Row((_("Bank only, no channel"), None, None, None, None, None, unnamed)))
    return Section(
        code="channels",
        title=_("By channel"),
        columns=columns,
        rows=rows,
        totals=sum_of(columns, rows, label=_("All channels")),
        note=_("Due in the bank is after the channel's fee and GST; a small figure is how many."),
        empty=_("There is no channel yet."),
    )


def _paid_by_channel(day: date) -> dict[int | None, Figure]:
    found = (
        _receipts(day)
        .order_by()
        .values("channel_id")
        .annotate(n=Count("id"), total=Sum("amount_paise"))
    )
    return {row["channel_id"]: Figure(row["n"], row["total"]) for row in found}


def _broken_by_channel(day: date) -> dict[int | None, Figure]:
    found = (
        selectors.breaks_open_on(day)
        .order_by()
        .values("channel_id")
        .annotate(n=Count("id"), total=Sum("amount_paise"))
    )
    return {row["channel_id"]: Figure(row["n"], row["total"]) for row in found}


# ---- breaks by reason ----


def _by_reason(day: date) -> Sequence[Mapping[str, Any]]:
    return list[Mapping[str, Any]](
        selectors.breaks_open_on(day)
        .order_by()
        .values("reason")
        .annotate(n=Count("id"), total=Sum("amount_paise"), oldest=Min("business_date"))
        .order_by("-total", "reason")
    )


def _reasons(day: date) -> Section:
    columns = [
        Column(label=_("Why"), width=40),
        Column(label=_("Code"), kind=Holds.ID, in_files_only=True),
        Column(label=_("Breaks"), kind=Holds.COUNT, is_summed=True),
        Column(label=_("Oldest"), kind=Holds.DAY),
        Column(label=_("Money open"), kind=Holds.MONEY, is_summed=True),
    ]
    rows = [
        Row(
            (Reason(row["reason"]).label, row["reason"], row["n"], row["oldest"], row["total"]),
            report_url("breaks", day, reason=row["reason"]),
        )
        for row in _by_reason(day)
    ]
    return Section(
        code="reasons",
        title=_("Open breaks by reason"),
        columns=columns,
        rows=rows,
        totals=sum_of(columns, rows, label=_("All breaks")),
        empty=_("Nothing is open: every line found its other side or is in time."),
    )


def _reason_chart(day: date) -> Chart:
    return Chart(
        code="open-breaks",
        title=_("Open breaks by reason"),
        unit=_("breaks"),
        bars=[
            Bar(
                label=Reason(row["reason"]).label,
                value=row["n"],
                text=f"{count(row['n'])} · ₹ {grouped_rupees(row['total'])}",
                url=report_url("breaks", day, reason=row["reason"]),
            )
            for row in sorted(_by_reason(day), key=lambda row: -row["n"])
        ],
    )


# ---- the proof ----


def _proof(day: date) -> Section:
    columns = [
        Column(label=_("Book")),
        Column(label=_("Opening"), kind=Holds.FIGURE),
        Column(label=_("+ Arrived"), kind=Holds.FIGURE),
        Column(label=_("− Matched"), kind=Holds.FIGURE),  # noqa: RUF001 - a true minus
        Column(label=_("− Written off"), kind=Holds.FIGURE),  # noqa: RUF001
        Column(label=_("= Closing"), kind=Holds.FIGURE),
        Column(label=_("of it in breaks"), kind=Holds.FIGURE),
        Column(label=_("in time"), kind=Holds.FIGURE),
        Column(label=_("matched later"), kind=Holds.FIGURE),
    ]
    rows = [_proof_row(proof) for proof in sorted(selectors.proofs_of(day), key=_on_the_way)]
    return Section(
        code="proof",
        title=_("Proof"),
        columns=columns,
        rows=rows,
        note=_("opening + arrived − matched − written off = closing, to the paisa")  # noqa: RUF001
        if rows
        else "",
        empty=_("No run has proved this day yet."),
    )


def _on_the_way(proof: Proof) -> tuple[int, int]:
    """As a rupee passes them: the channel before the bank, our receipt first."""
    return Stage.values.index(proof.stage), Book.values.index(proof.book)


def _proof_row(proof: Proof) -> Row:
    label = f"{Book(proof.book).label}, {Stage(proof.stage).label}"
    return Row(
        (
            label,
            Figure(proof.opening_count, proof.opening_paise),
            Figure(proof.arrived_count, proof.arrived_paise),
            Figure(proof.matched_count, proof.matched_paise),
            Figure(proof.written_off_count, proof.written_off_paise),
            Figure(proof.closing_count, proof.closing_paise),
            Figure(proof.broken_count, proof.broken_paise),
            Figure(proof.expected_count, proof.expected_paise),
            Figure(proof.later_count, proof.later_paise),
        )
    )


# ---- what waits, what is no collection, modes, files ----


def _expected(run: Run | None) -> Section:
    columns = [
        Column(label=_("Channel")),
        Column(label=_("Book")),
        Column(label=_("Why it waits"), width=32),
        Column(label=_("Of"), kind=Holds.DAY),
        Column(label=_("Lines"), kind=Holds.COUNT, is_summed=True),
        Column(label=_("Amount"), kind=Holds.MONEY, is_summed=True),
    ]
    waiting = Expected.objects.filter(run=run) if run else Expected.objects.none()
    rows = [
        Row(
            (
                one.channel.name if one.channel else _("Bank only, no channel"),
                f"{Book(one.book).label}, {Stage(one.stage).label}",
                _WHY.get(one.why, one.why),
                one.business_date,
                one.count,
                one.paise,
            )
        )
        for one in waiting.select_related("channel").order_by(
            "business_date", "channel__position", "stage", "book", "why"
        )
    ]
    return Section(
        code="expected",
        title=_("Waits in time, not a break"),
        columns=columns,
        rows=rows,
        totals=sum_of(columns, rows, label=_("All that waits")),
        empty=_("Nothing waits."),
    )


def _other_money(day: date) -> Section:
    columns = [
        Column(label=_("Bank account"), width=32),
        Column(label=_("What it is"), width=28),
        Column(label=_("Lines"), kind=Holds.COUNT, is_summed=True),
        Column(label=_("Amount"), kind=Holds.MONEY, is_summed=True),
    ]
    rows = [
        Row((row["account"], Kind(row["kind"]).label, row["count"], row["paise"]))
        for row in selectors.other_money(day)
    ]
    return Section(
        code="other",
        title=_("Bank lines, no collection"),
        columns=columns,
        rows=rows,
        totals=sum_of(columns, rows, label=_("Together")),
        empty=_("The bank booked nothing else."),
    )


def _by_method(day: date) -> Sequence[Mapping[str, Any]]:
    return list[Mapping[str, Any]](
        _receipts(day)
        .order_by()
        .values("method")
        .annotate(n=Count("id"), total=Sum("amount_paise"))
        .order_by("-n", "method")
    )


def _methods(day: date) -> Section:
    columns = [
        Column(label=_("Paid by")),
        Column(label=_("Payments"), kind=Holds.COUNT, is_summed=True),
        Column(label=_("Amount"), kind=Holds.MONEY, is_summed=True),
    ]
    rows = [
        Row(
            (method_label(row["method"]), row["n"], row["total"]),
            report_url("payments", day, method=row["method"]),
        )
        for row in _by_method(day)
    ]
    return Section(
        code="methods",
        title=_("Modes of payment"),
        columns=columns,
        rows=rows,
        totals=sum_of(columns, rows, label=_("All modes")),
        empty=_("Nothing was paid on this day."),
    )


def _method_chart(day: date) -> Chart:
    return Chart(
        code="modes",
        title=_("Modes of payment"),
        unit=_("payments"),
        bars=[
            Bar(
                label=method_label(row["method"]),
                value=row["n"],
                text=f"{count(row['n'])} · ₹ {grouped_rupees(row['total'])}",
                url=report_url("payments", day, method=row["method"]),
            )
            for row in _by_method(day)
        ],
    )


def method_label(method: str) -> str:
    """A method in plain words."""
    return str(_METHODS.get(method, _("not known")))


def _files(day: date) -> Section:
    columns = [
        Column(label=_("File"), width=36),
        Column(label=_("Source"), width=16),
        Column(label=_("State"), width=12),
        Column(label=_("Covers"), kind=Holds.DAY),
        Column(label=_("until"), kind=Holds.DAY),
        Column(label=_("Lines"), kind=Holds.COUNT, is_summed=True),
        Column(label=_("Credits"), kind=Holds.MONEY, is_summed=True),
        Column(label=_("Debits"), kind=Holds.MONEY, is_summed=True),
        Column(label=_("Content, sha256"), kind=Holds.ID, width=66, in_files_only=True),
        Column(label=_("Problem"), width=60, is_minor=True),
    ]
    rows = [
        Row(
            (
                str(file),
                file.source_code,
                StatementFile.State(file.state).label,
                file.covers_from,
                file.covers_to,
                file.line_count,
                file.credit_paise,
                file.debit_paise,
                file.sha256,
                file.problem,
            )
        )
        for file in _files_of(day)
    ]
    return Section(
        code="files",
        title=_("Files of the day"),
        columns=columns,
        rows=rows,
        totals=sum_of(columns, rows, label=_("All files")),
        empty=_("No file covers this day yet."),
    )


def _files_of(day: date) -> QuerySet[StatementFile]:
    """Loaded files that speak of the day, and those refused on it or the day after."""
    start, end = day_bounds(day)
    covers = Q(state=StatementFile.State.LOADED, covers_from__lte=day, covers_to__gte=day)
    refused = Q(
        state=StatementFile.State.REFUSED,
        loaded_at__gte=start,
        loaded_at__lt=end + timedelta(days=1),
    )
    return (
        StatementFile.objects.filter(covers | refused)
        .select_related("channel", "bank_account")
        .order_by("loaded_at", "id")
    )


def latest_day() -> date:
    """The last business date that a run has proved, else yesterday."""
    known = selectors.days_with_entries(limit=1)
    return known[0] if known else today() - timedelta(days=1)


REPORT = Report(
    code="day",
    title=gettext_lazy("Report of the day"),
    about=gettext_lazy(
        "Payments by channel and what channel and bank confirm, breaks, proof, files, run."
    ),
    icon="report-analytics",
    roles=(*READERS, ADMINISTRATOR),
    form=DayForm,
    build=build,
    position=10,
)
