"""The boards of the counters: who sits where, where the cash is, the exceptions, one's own days."""

from datetime import date
from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from counters import board, cash_position, exceptions, live
from counters.closing import has_safe
from counters.deposits import make_deposit
from counters.forms import SlipForm
from counters.models import OfficeDay, Shift
from counters.selectors import (
    differences_visible_to,
    office_days_visible_to,
    shifts_visible_to,
)
from counters.states import ShiftState
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.money import grouped_rupees
from payments import looks
from payments.forms import DAY_FORMATS
from payments.selectors import (
    Somebody,
    counter_channels,
    counters_visible_to,
    deposits_visible_to,
)
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import CLERK, READERS, SUPERVISOR

BOARD_READERS: Final = (SUPERVISOR, *READERS)
PAGE_SIZE: Final = 50
_COUNT_MAX: Final = 4


class DayForm(forms.Form):
    """The day a page shows."""

    day = forms.DateField(input_formats=DAY_FORMATS)


@roles(*BOARD_READERS)
@require_safe
def counters(request: HttpRequest) -> HttpResponse:
    """Every counter of the user's offices as it stands, what waits, and the slips of the day."""
    form = _day_form(request)
    day = form.cleaned_data["day"] if form.is_valid() else today()
    user = signed_in(request)
    found = live.live(user, on=day)
    slips = list(
        deposits_visible_to(user)
        .filter(business_date=day)
        .select_related("office", "counter", "channel", "bank_account", "made_by")
        .annotate(payment_count=Count("payments"))
        .order_by("-made_at")
    )
    is_today = day == today()
    context = {
        "day": day,
        "at": now(),
        "is_today": is_today,
        "is_still": "still" in request.GET or not is_today,
        "board": found,
        "deposits": slips,
        "sums": _sums(found, slips),
        "offices": _offices(user, found, day),
        "columns": [
            {"label": _("Counter")},
            {"label": _("Clerk")},
            {"label": _("State")},
            {"label": _("Receipts, ₹"), "is_end": True, "is_minor": True},
            {"label": _("In the drawer, ₹"), "is_end": True},
            {"label": _("Papers in hand, ₹"), "is_end": True, "is_minor": True},
            {"label": _("Cancelled, ₹"), "is_end": True, "is_minor": True},
            {"label": _("Not deposited, ₹"), "is_end": True, "is_minor": True},
        ],
        "filters": [{"name": "day", "label": _("Day"), "kind": "day"}],
        "may_act": has_role(user, SUPERVISOR),
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "counters/counters.html", context, status=status)


def _offices(user: User, found: live.Live, day: date) -> list[dict[str, Any]]:
    """The offices on the board, each once, with their day where it has begun."""
    by_key = {one.counter.office_id: one.counter.office for one in found.windows}
    begun = office_days_visible_to(user).filter(office__in=by_key, business_date=day)
    days = {one.office_id: one for one in begun}
    return [
        {"office": office, "begun": days.get(office.pk)}
        for office in sorted(by_key.values(), key=lambda office: office.code)
    ]


def _sums(found: live.Live, slips: list[Any]) -> list[dict[str, Any]]:
    days = [one.sums for one in found.windows if not one.is_hidden]
    waiting = sum(taken.count for day in days for _channel, taken in day.waiting)
    return [
        {
            "label": _("receipts of"),
            "count": sum(day.receipts for day in days),
            "paise": sum(day.paise for day in days),
        },
        {"label": _("in open drawers"), "count": None, "paise": found.cash_paise},
        {
            "label": _("on slips"),
            "count": len(slips),
            "paise": sum(slip.amount_paise for slip in slips),
            "tone": "ok",
        },
        {
            "label": _("not deposited"),
            "count": waiting,
            "paise": sum(day.waiting_paise for day in days),
            "tone": "open" if waiting else "ok",
        },
        {
            "label": _("to be answered"),
            "count": found.waits.count,
            "paise": None,
            "tone": "open" if found.waits.count else "ok",
        },
    ]


@roles(*BOARD_READERS)
@require_safe
def position(request: HttpRequest) -> HttpResponse:
    """Cash and papers of the offices, summed up the tree."""
    places = cash_position.places(request.user)
    tops = [place for place in places if place.depth == 0]
    context = {
        "places": places,
        "at": now(),
        "sums": [
            {
                "label": _("in drawers"),
                "paise": sum(one.total.drawers_paise for one in tops),
                "count": None,
            },
            {
                "label": _("in safes"),
                "paise": sum(one.total.safe_paise for one in tops),
                "count": None,
            },
            {
                "label": _("on slips, not stamped"),
                "paise": sum(one.total.underway_paise for one in tops),
                "count": None,
                "tone": "wait",
            },
        ],
        "hidden": sum(one.total.hidden for one in tops),
        "columns": [
            {"label": _("Office")},
            {"label": _("In drawers, ₹"), "is_end": True},
            {"label": _("In the safe, ₹"), "is_end": True},
            {"label": _("Of this on no slip, ₹"), "is_end": True, "is_minor": True},
            {"label": _("On slips, not stamped, ₹"), "is_end": True, "is_minor": True},
            {"label": _("Papers with supervisors, ₹"), "is_end": True, "is_minor": True},
        ],
    }
    return render(request, "counters/cash_position.html", context)


@roles(*BOARD_READERS)
@require_safe
def exception_list(request: HttpRequest) -> HttpResponse:
    """The exceptions of a day: each kind with its count and sum, and the rows of one."""
    form = _day_form(request)
    day = form.cleaned_data["day"] if form.is_valid() else today()
    user = signed_in(request)
    asked = request.GET.get("kind", "")
    if asked and asked not in exceptions.KINDS:
        raise Http404
    heaps = exceptions.heaps(user, on=day)
    fullest = next((heap.kind.code for heap in heaps if heap.count), "cancelled")
    kind = exceptions.KINDS[asked or fullest]
    page = Paginator(kind.rows(user, day), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "day": day,
        "heaps": heaps,
        "kind": kind,
        "page": page,
        "lines": exceptions.lines(kind, list(page.object_list)),
        "sum_paise": next(heap.paise for heap in heaps if heap.kind is kind),
        "count": sum(heap.count for heap in heaps),
        "columns": [
            {"label": _("When")},
            {"label": _("Where")},
            {"label": _("What")},
            {"label": _("Who"), "is_minor": True},
            {"label": _("Why"), "is_minor": True},
            {"label": _("Amount, ₹"), "is_end": True},
        ],
        "filters": [{"name": "day", "label": _("Day"), "kind": "day"}],
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "counters/exceptions.html", context, status=status)


@roles(CLERK, SUPERVISOR)
@require_safe
def history(request: HttpRequest) -> HttpResponse:
    """One's own shifts with what they took and differed by; hidden where the office hides it."""
    user = signed_in(request)
    rows = (
        shifts_visible_to(user)
        .filter(clerk=user)
        .select_related("counter__office", "office_day")
        .order_by("-pk")
    )
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    differences = (
        differences_visible_to(user).filter(shift__clerk=user).select_related("shift__counter")
    )
    context = {
        "page": page,
        "shifts": live.own_shifts(list(page.object_list)),
        "differences": differences.order_by("-pk")[:20],
        "to_count": _to_count(user),
        "columns": [
            {"label": _("Day")},
            {"label": _("Counter"), "is_minor": True},
            {"label": _("From, to"), "is_minor": True},
            {"label": _("State")},
            {"label": _("Receipts, ₹"), "is_end": True},
            {"label": _("Of it cash, ₹"), "is_end": True, "is_minor": True},
            {"label": _("Over or short, ₹"), "is_end": True},
        ],
    }
    return render(request, "counters/history.html", context)


def _to_count(user: User) -> list[OfficeDay]:
    """The open days whose safe this person may count; of a whole company too many to list."""
    days = office_days_visible_to(user).filter(state=OfficeDay.State.OPEN)
    found = list(days.select_related("office").order_by("business_date")[:_COUNT_MAX])
    return [day for day in found if has_safe(day.office)]


@roles(*BOARD_READERS)
@require_safe
def counter_day(request: HttpRequest, code: str) -> HttpResponse:
    """One counter: its receipts of a day, what waits for the bank, and the slip to make."""
    form = _day_form(request)
    day = form.cleaned_data["day"] if form.is_valid() else today()
    return _counter_page(request, code, day=day, slip=None)


@roles(SUPERVISOR)
@require_POST
def deposit_make(request: HttpRequest, code: str) -> HttpResponse:
    """Put all that waits at a counter, of one channel, on a slip to the bank."""
    here = get_object_or_404(counters_visible_to(request.user), code=code)
    form = SlipForm(request.POST)
    if not form.is_valid():
        return _counter_page(request, code, day=today(), slip=form)
    channel = counter_channels().filter(code=form.cleaned_data["channel"]).first()
    if channel is None:
        raise Http404
    if here.keeps_shifts:  # its cash is counted by notes on a page of its own
        address = reverse("counters:deposit_new", args=[here.office.code])
        return redirect(f"{address}?counter={here.code}&channel={channel.code}")
    made = make_deposit(
        here,
        channel=channel,
        on=today(),
        made_by=signed_in(request),
        slip_number=form.cleaned_data["slip_number"],
    )
    words = _("Slip %(slip)s carries %(amount)s to the bank.")
    messages.success(
        request, words % {"slip": made.reference, "amount": grouped_rupees(made.amount_paise)}
    )
    return HttpResponseRedirect(reverse("counters:deposit", args=[made.reference]))


def _day_form(request: HttpRequest) -> DayForm:
    """Today is asked for when no day is; it then stands in the filter."""
    if not request.GET.get("day"):
        query = request.GET.copy()
        query["day"] = today().isoformat()
        request.GET = query  # type: ignore[assignment]
    return DayForm(request.GET)


def _counter_page(
    request: HttpRequest, code: str, *, day: date, slip: SlipForm | None
) -> HttpResponse:
    rows = counters_visible_to(request.user).select_related("office", "bank_account")
    here = get_object_or_404(rows, code=code)
    is_hidden = Shift.objects.filter(counter=here, state=ShiftState.COUNTING).exists()
    (sums,) = [board.CounterDay(here)] if is_hidden else board.counter_days([here], on=day)
    taken = board.payments_of(request.user, here, on=day)
    context = {
        "here": here,
        "day": day,
        "is_hidden": is_hidden,
        "sums": sums,
        "waiting": _waiting(sums, slip),
        "shifts": shifts_visible_to(request.user)
        .filter(counter=here, office_day__business_date=day)
        .select_related("clerk")
        .order_by("number"),
        "page": Paginator(taken, PAGE_SIZE).get_page(request.GET.get("page")),
        "sum_paise": sums.paise,
        "columns": _payment_columns(),
        "filters": [{"name": "day", "label": _("Day"), "kind": "day"}],
        "may_deposit": _may_deposit(request.user) and day == today(),
        "may_cancel": _may_deposit(request.user) and day == today(),
        "methods": looks.METHODS,
        "states": looks.STATES,
    }
    status = HTTPStatus.OK if slip is None else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "counters/counter_day.html", context, status=status)


def _may_deposit(user: Somebody) -> bool:
    return has_role(user, SUPERVISOR)


def _waiting(sums: board.CounterDay, slip: SlipForm | None) -> list[dict[str, Any]]:
    """What waits, by channel, each with the form of its slip; the refused one keeps its words."""
    refused = slip["channel"].value() if slip else None
    return [
        {
            "channel": channel,
            "count": taken.count,
            "paise": taken.paise,
            "form": slip
            if channel.code == refused
            else SlipForm(initial={"channel": channel.code}, auto_id=f"id_{channel.code}_%s"),
        }
        for channel, taken in sums.waiting
    ]


def _payment_columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Receipt")},
        {"label": _("Time"), "is_minor": True},
        {"label": _("Consumer")},
        {"label": _("Paid by"), "is_minor": True},
        {"label": _("State"), "is_minor": True},
        {"label": _("Amount, ₹"), "is_end": True},
        {"label": "", "is_minor": True},
    ]
