"""The exceptions of a day at the counters: what a supervisor, and then an auditor, looks at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Abs
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from counters import differences
from counters.models import (
    CashMove,
    CounterfeitNote,
    Difference,
    Instrument,
    InstrumentEvent,
    OfficeDay,
    OfflineItem,
    Override,
    SurpriseCheck,
)
from counters.overrides import overrides_visible_to
from counters.registers import instruments_visible_to
from counters.selectors import (
    cash_moves_visible_to,
    checks_visible_to,
    counterfeits_visible_to,
    differences_visible_to,
    of_offices,
    office_days_visible_to,
)
from counters.states import PaperState
from cspdcl.kernel.clock import today
from payments.models import Payment
from payments.selectors import payments_visible_to
from payments.states import State
from people.models import User

Rows = QuerySet[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One exception as a list shows it."""

    at: datetime | None = None
    place: str  # counter or office
    what: str
    who: str = ""
    why: str = ""
    paise: int | None = None
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of exception: its rows of a day, their sum, and how one is written."""

    code: str
    title: str | Promise
    rows: Callable[[User, date], Rows]
    write: Callable[[Any], Line]
    amount: Any = None  # an expression; None: it has no amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """How many of a kind, and how much."""

    kind: Kind
    count: int
    paise: int | None


def heaps(user: User, *, on: date) -> list[Heap]:
    """Every kind with its count and sum, one query each."""
    made: list[Heap] = []
    for kind in KINDS.values():
        parts: dict[str, Any] = {"count": Count("pk", distinct=True)}
        if kind.amount is not None:
            parts["paise"] = Sum(kind.amount, default=0)
        sums = kind.rows(user, on).order_by().aggregate(**parts)
        made.append(Heap(kind=kind, count=sums["count"], paise=sums.get("paise")))
    return made


def lines(kind: Kind, rows: Sequence[Any]) -> list[Line]:
    """The rows of a page as they are shown."""
    return [kind.write(row) for row in rows]


def _cancelled(user: User, on: date) -> Rows:
    return (
        payments_visible_to(user)
        .filter(counter__isnull=False, state=State.REVERSED, business_date=on, deposit__isnull=True)
        .select_related("counter", "receipt")
        .prefetch_related("events")
        .order_by("-pk")
    )


def _write_cancelled(row: Payment) -> Line:
    undone = [event for event in row.events.all() if event.to_state == State.REVERSED]
    receipt = row.receipt
    return Line(
        at=undone[0].at if undone else row.succeeded_at,
        place=row.counter.name if row.counter else "",
        what=receipt.label,
        who=undone[0].actor if undone else "",
        why=undone[0].cause if undone else "",
        paise=row.amount_paise,
        url=reverse("payments:receipt", args=[receipt.series, receipt.year, receipt.number]),
    )


def _overrides(user: User, on: date) -> Rows:
    let_through = (Override.State.GRANTED, Override.State.USED)
    rows = overrides_visible_to(user).filter(business_date=on, state__in=let_through)
    return rows.select_related("counter", "maker", "checker").order_by("-pk")


def _write_override(row: Override) -> Line:
    return Line(
        at=row.checked_at,
        place=row.counter.name,
        what=f"{row.rule}, {row.consumer_number}",
        who=f"{row.maker.get_full_name()}, {row.checker.get_full_name() if row.checker else ''}",
        why=row.reason,
        paise=row.amount_paise,
    )


def _differences(user: User, on: date) -> Rows:
    rows = differences_visible_to(user).filter(shift__office_day__business_date=on)
    shown = rows.exclude(state=Difference.State.RECOUNTED)
    return shown.select_related("shift__counter", "shift__clerk").order_by("-pk")


def _write_difference(row: Difference) -> Line:
    return Line(
        at=row.found_at,
        place=row.shift.counter.name,
        what=f"{row.get_state_display()}, {row.method}",
        who=row.shift.clerk.get_full_name(),
        why=f"{row.get_why_display()} {row.words}".strip(),
        paise=row.amount_paise,
        url=reverse("counters:shift_page", args=[row.shift.public_id]),
    )


def _returned(user: User, on: date) -> Rows:
    rows = InstrumentEvent.objects.filter(
        instrument__in=instruments_visible_to(user), to_state=PaperState.RETURNED, business_date=on
    )
    return rows.select_related("instrument__counter").order_by("-pk")


def _write_returned(row: InstrumentEvent) -> Line:
    paper = row.instrument
    return Line(
        at=row.at,
        place=paper.counter.name,
        what=f"{paper.get_method_display()} {paper.number}, {paper.bank_name}".rstrip(", "),
        who=row.actor,
        why=f"{row.return_code} {paper.return_words}".strip(),
        paise=paper.amount_paise,
    )


def _missing(user: User, on: date) -> Rows:
    rows = instruments_visible_to(user).filter(pk__in=differences.missing_papers().values("pk"))
    of_day = Q(collection__shift__office_day__business_date=on)
    if on == today():  # what is not found yet is of today, whenever it was counted
        of_day |= Q(collection__shift__office_day__business_date__lt=on)
    shown = rows.filter(of_day)
    return shown.select_related("counter", "collection__shift__clerk").order_by("-pk")


def _write_missing(row: Instrument) -> Line:
    shift = row.collection.shift if row.collection else None
    return Line(
        at=shift.closed_at if shift else None,
        place=row.counter.name,
        what=f"{row.get_method_display()} {row.number}, {row.bank_name}".rstrip(", "),
        who=shift.clerk.get_full_name() if shift else "",
        paise=row.amount_paise,
        url=reverse("counters:paper", args=[row.public_id]),
    )


def _counterfeit(user: User, on: date) -> Rows:
    rows = counterfeits_visible_to(user).filter(shift__office_day__business_date=on)
    return rows.select_related("shift__counter", "by").order_by("-pk")


def _write_counterfeit(row: CounterfeitNote) -> Line:
    return Line(
        at=row.at,
        place=row.shift.counter.name,
        what=f"₹ {row.denomination}, {row.serial}",
        who=row.by.get_full_name(),
        why=row.words,
        paise=row.denomination * 100,
        url=reverse("counters:counterfeits"),
    )


def _clashes(user: User, on: date) -> Rows:
    open_states = (OfflineItem.State.PERSON, OfflineItem.State.VOID_ASKED)
    rows = of_offices(OfflineItem.objects.all(), user, "device__counter__office")
    of_day = Q(shift__office_day__business_date=on)
    if on == today():  # what waits is of today, whenever it was taken
        of_day |= Q(state__in=open_states)
    shown = rows.filter(of_day).exclude(state=OfflineItem.State.TAKEN)
    return shown.select_related("device__counter").defer("body", "signature").order_by("-pk")


def _write_clash(row: OfflineItem) -> Line:
    number = row.receipt_number
    return Line(
        place=row.device.counter.name,
        what=f"{row.device.series} {number}" if number else row.device.series,
        why=row.get_state_display(),
    )


def _corrections(user: User, on: date) -> Rows:
    rows = cash_moves_visible_to(user).filter(
        kind=CashMove.Kind.CORRECTION, office_day__business_date=on
    )
    return rows.select_related("office_day__office", "maker").order_by("-pk")


def _write_correction(row: CashMove) -> Line:
    return Line(
        at=row.at,
        place=row.office_day.office.name,
        what=row.get_state_display(),
        who=row.maker.get_full_name(),
        why=row.reason,
        paise=-row.amount_paise if row.from_safe else row.amount_paise,
        url=reverse("counters:cash_move", args=[row.public_id]),
    )


def _checks(user: User, on: date) -> Rows:
    rows = checks_visible_to(user).filter(office_day__business_date=on)
    differing = rows.exclude(counted_paise=F("expected_paise"))
    return differing.select_related("office_day__office", "shift__counter", "by").order_by("-pk")


def _write_check(row: SurpriseCheck) -> Line:
    return Line(
        at=row.at,
        place=row.shift.counter.name if row.shift else row.office_day.office.name,
        what=str(_("drawer") if row.shift else _("safe")),
        who=row.by.get_full_name(),
        why=row.words,
        paise=row.difference_paise,
        url=reverse("counters:check", args=[row.public_id]),
    )


def _open_days(user: User, on: date) -> Rows:
    """Of today: all that should be closed by now."""
    rows = office_days_visible_to(user).filter(state=OfficeDay.State.OPEN)
    late = rows.filter(business_date__lt=today())
    shown = late if on >= today() else late.filter(business_date=on)
    return shown.select_related("office").order_by("business_date", "pk")


def _write_day(row: OfficeDay) -> Line:
    return Line(
        place=row.office.name,
        what=f"{row.business_date:%d-%m-%Y}",
        url=reverse("counters:office_day", args=[row.office.code, row.business_date.isoformat()]),
    )


KINDS: Final = {
    kind.code: kind
    for kind in (
        Kind(
            code="cancelled",
            title=_("Cancelled receipts"),
            rows=_cancelled,
            write=_write_cancelled,
            amount=F("amount_paise"),
        ),
        Kind(
            code="overrides",
            title=_("Let through by a supervisor"),
            rows=_overrides,
            write=_write_override,
            amount=F("amount_paise"),
        ),
        Kind(
            code="differences",
            title=_("Over and short"),
            rows=_differences,
            write=_write_difference,
            amount=Abs("amount_paise"),
        ),
        Kind(
            code="returned",
            title=_("Returned papers"),
            rows=_returned,
            write=_write_returned,
            amount=F("instrument__amount_paise"),
        ),
        Kind(
            code="missing",
            title=_("Missing papers"),
            rows=_missing,
            write=_write_missing,
            amount=F("amount_paise"),
        ),
        Kind(
            code="counterfeit",
            title=_("Counterfeit notes"),
            rows=_counterfeit,
            write=_write_counterfeit,
            amount=F("denomination") * 100,
        ),
        Kind(
            code="clashes", title=_("Offline items that clash"), rows=_clashes, write=_write_clash
        ),
        Kind(
            code="corrections",
            title=_("Corrections of a safe"),
            rows=_corrections,
            write=_write_correction,
            amount=F("amount_paise"),
        ),
        Kind(
            code="checks",
            title=_("Surprise checks that differ"),
            rows=_checks,
            write=_write_check,
            amount=Abs(F("counted_paise") - F("expected_paise")),
        ),
        Kind(code="days", title=_("Days not closed"), rows=_open_days, write=_write_day),
    )
}
