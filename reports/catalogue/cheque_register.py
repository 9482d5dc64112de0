"""The cheque register: every paper that was taken, whom it pays, and what became of it."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from django import forms
from django.db.models import Count, Prefetch, QuerySet, Sum, prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from counters.models import Instrument, InstrumentEvent, Share
from counters.paper.returns import return_code
from counters.selectors import instruments_visible_to
from counters.states import PaperState
from cspdcl.kernel.money import grouped_rupees
from cspdcl.ui.templatetags.ui import count
from payments.states import State
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

_PAPERS: Final = ("cheque", "demand_draft", "postal_order", "card")
_BACK: Final = frozenset(
    {
        PaperState.RETURNED,
        PaperState.DISHONOURED,
        PaperState.REPLACED,
        PaperState.PAID_IN_CASH,
        PaperState.PURSUED,
    }
)
_NAMED_MAX: Final = 2  # consumers in one cell; the sheet of shares has them all


class PapersForm(PeriodForm):
    """Days on which papers were taken, an office, and perhaps one kind or state."""

    method = forms.ChoiceField(
        label=gettext_lazy("Paper"),
        required=False,
        choices=lambda: [
            ("", _("every paper")),
            *((one, registers.tender(one)) for one in _PAPERS),
        ],
    )
    state = forms.ChoiceField(
        label=gettext_lazy("State"),
        required=False,
        choices=[("", gettext_lazy("every state")), *PaperState.choices],
    )


def build(ask: Ask) -> Document:
    """Papers by the day they were taken; card slips only when they are asked for."""
    papers = _chosen(ask)
    found = papers.aggregate(n=Count("pk"), paise=Sum("amount_paise"))
    claim = ngettext(
        "%(count)s paper of ₹ %(amount)s was taken %(days)s.",
        "%(count)s papers of ₹ %(amount)s were taken %(days)s.",
        found["n"],
    ) % {
        "count": count(found["n"]),
        "amount": grouped_rupees(found["paise"] or 0),
        "days": registers.day_words(ask),
    }
    return Document(
        title=_("Cheque register"),
        day=ask.day,
        until=registers.until_of(ask),
        claim=claim,
        is_proved=None,
        sections=[_by_state(papers), _papers(papers, paise=found["paise"] or 0), _shares(papers)],
        stamp=registers.stamp(ask),
    )


def _chosen(ask: Ask) -> QuerySet[Instrument]:
    seen = instruments_visible_to(ask.user) if ask.user else Instrument.objects.all()
    of_days = registers.of_offices(seen, ask, "office").filter(
        registers.of_days(ask, "received_on")
    )
    method, state = ask.more.get("method"), ask.more.get("state")
    by_method = of_days.filter(method=method) if method else of_days.exclude(method="card")
    return by_method.filter(state=state) if state else by_method


def _by_state(papers: QuerySet[Instrument]) -> Section:
    columns = [
        Column(label=_("State"), width=28),
        Column(label=_("Papers"), kind=Kind.COUNT, is_summed=True),
        Column(label=_("Amount"), kind=Kind.MONEY, is_summed=True),
    ]
    sums = {
        row["state"]: row
        for row in papers.order_by()
        .values("state")
        .annotate(n=Count("pk"), paise=Sum("amount_paise"))
    }
    rows = [
        Row((state.label, sums[state]["n"], sums[state]["paise"]))
        for state in PaperState
        if state in sums
    ]
    return Section(
        code="states",
        title=_("Where they are"),
        columns=columns,
        rows=rows,
        totals=sum_of(columns, rows, label=_("All papers")),
        empty=_("No paper fits."),
    )


def _papers(papers: QuerySet[Instrument], *, paise: int) -> Section:
    columns = [
        Column(label=_("Number"), kind=Kind.ID, width=14),
        Column(label=_("Paper"), width=14),
        Column(label=_("Dated"), kind=Kind.DAY),
        Column(label=_("Bank"), width=28),
        Column(label=_("Consumers"), width=40),
        Column(label=_("Receipts"), width=40),
        Column(label=_("Amount"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Taken on"), kind=Kind.DAY, is_minor=True),
        Column(label=_("State"), width=44),
        Column(label=_("Slip"), kind=Kind.ID, width=22),
        Column(label=_("Cleared on"), kind=Kind.DAY),
        Column(label=_("Returned on"), kind=Kind.DAY),
        Column(label=_("Return code"), kind=Kind.ID, width=12, in_files_only=True),
        Column(label=_("Drawer"), width=28, in_files_only=True),
        Column(label=_("Counter"), width=20, in_files_only=True),
        Column(label=_("To the bank on"), kind=Kind.DAY, in_files_only=True),
        Column(label=_("Presented"), kind=Kind.COUNT, in_files_only=True),
        Column(label=_("MICR"), kind=Kind.ID, width=12, in_files_only=True),
        Column(label=_("Office"), in_files_only=True),
    ]
    ordered = papers.select_related("counter", "office", "deposit").order_by(
        "received_on", "office__path", "method", "pk"
    )
    rows = QueryRows(ordered, _written)
    return Section(
        code="papers",
        title=_("Papers"),
        columns=columns,
        rows=rows,
        totals=[_("All papers"), *[None] * 5, paise, *[None] * 12] if len(rows) else None,
        empty=_("No paper fits."),
    )


def _written(some: Sequence[Instrument]) -> list[Row]:
    steps = InstrumentEvent.objects.filter(to_state=PaperState.CLEARED).order_by("pk")
    shares = Share.objects.select_related("consumer", "payment__receipt").order_by("pk")
    prefetch_related_objects(
        some,
        Prefetch("events", queryset=steps, to_attr="clearings"),
        Prefetch("shares", queryset=shares, to_attr="parts"),
    )
    return [_row(one) for one in some]


def _row(paper: Instrument) -> Row:
    parts: Sequence[Share] = getattr(paper, "parts", ())
    clearings: Sequence[InstrumentEvent] = getattr(paper, "clearings", ())
    return Row(
        (
            paper.number,
            registers.tender(paper.method),
            paper.dated,
            ", ".join(
                word for word in (paper.bank_name or paper.bank_key, paper.branch_name) if word
            ),
            _named([part.consumer.number for part in parts]),
            _named([_receipt(part) for part in parts if part.payment_id]),
            paper.amount_paise,
            paper.received_on,
            _state(paper),
            paper.deposit.reference if paper.deposit else "",
            _cleared_on(paper, clearings),
            paper.returned_on,
            paper.return_code,
            paper.drawer,
            paper.counter.name,
            paper.deposited_on,
            paper.presented_count,
            paper.micr,
            paper.office.name,
        )
    )


def _named(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    some = ", ".join(names[:_NAMED_MAX])
    more = len(names) - _NAMED_MAX
    if more <= 0:
        return some
    return _("%(some)s and %(more)s more") % {"some": some, "more": count(more)}


def _receipt(share: Share) -> str:
    given = getattr(share.payment, "receipt", None)
    return given.label if given else ""


def _cleared_on(paper: Instrument, clearings: Sequence[InstrumentEvent]) -> date | None:
    """When the bank paid it, unless it took that back since."""
    if not clearings or paper.state in _BACK:
        return None
    return clearings[-1].business_date


def _state(paper: Instrument) -> str:
    """Where it is; of one that came back, with the reason of the bank."""
    label = str(PaperState(paper.state).label)
    if not (paper.return_code or paper.return_words) or paper.state == PaperState.CLEARED:
        return label
    words = paper.return_words or return_code(paper.return_code).en
    return f"{label}: {paper.return_code} {words}"


def _shares(papers: QuerySet[Instrument]) -> Section:
    """Each consumer of each paper: thousands for one cheque of a government office."""
    columns = [
        Column(label=_("Number"), kind=Kind.ID, width=14),
        Column(label=_("Paper"), width=14),
        Column(label=_("Taken on"), kind=Kind.DAY),
        Column(label=_("Consumer number"), kind=Kind.ID, width=16),
        Column(label=_("Consumer"), width=32),
        Column(label=_("Bill"), kind=Kind.ID, width=20),
        Column(label=_("Receipt"), kind=Kind.ID),
        Column(label=_("Amount"), kind=Kind.MONEY, is_summed=True),
        Column(label=_("Receipt stands"), width=16),
    ]
    shares = (
        Share.objects.filter(instrument__in=papers.order_by())
        .select_related("instrument", "consumer", "bill", "payment__receipt")
        .order_by("instrument__received_on", "instrument_id", "pk")
    )
    return Section(
        code="shares",
        title=_("Consumers of the papers"),
        columns=columns,
        rows=QueryRows(shares, _shares_written),
        in_files_only=True,
    )


def _shares_written(some: Sequence[Share]) -> list[Row]:
    return [
        Row(
            (
                one.instrument.number,
                registers.tender(one.instrument.method),
                one.instrument.received_on,
                one.consumer.number,
                one.consumer.name,
                one.bill.number if one.bill else "",
                _receipt(one),
                one.amount_paise,
                _stands(one),
            )
        )
        for one in some
    ]


def _stands(share: Share) -> str:
    if share.payment is None:
        return _("waits")
    return _("yes") if share.payment.state == State.SUCCEEDED else _("no")


REPORT = Report(
    code="cheque_register",
    title=gettext_lazy("Cheque register"),
    about=gettext_lazy("Every cheque, draft and order: whom it pays, its slip, its clearing."),
    icon="writing-sign",
    roles=WHO_READS,
    form=PapersForm,
    build=build,
    position=60,
    is_of_today=True,
)
