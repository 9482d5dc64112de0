"""The supervisor's board: what each counter took, what waits for the bank, the deposit slips."""

from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from counters import board
from counters.deposits import make_deposit
from counters.forms import SlipForm
from cspdcl.kernel.clock import today
from cspdcl.kernel.money import grouped_rupees
from payments import looks
from payments.selectors import (
    Somebody,
    counter_channels,
    counters_visible_to,
    deposits_visible_to,
    payments_visible_to,
)
from people.access import has_role, roles, signed_in
from people.roles import READERS, SUPERVISOR

BOARD_READERS: Final = (SUPERVISOR, *READERS)
PAGE_SIZE: Final = 50


class DayForm(forms.Form):
    """The day a page shows."""

    day = forms.DateField()


@roles(*BOARD_READERS)
@require_safe
def counters(request: HttpRequest) -> HttpResponse:
    """Every counter of the user's offices on one day, and the slips made on it."""
    form = _day_form(request)
    day = form.cleaned_data["day"] if form.is_valid() else today()
    mine = list(counters_visible_to(request.user).select_related("office").order_by("code"))
    days = board.counter_days(mine, on=day)
    deposits = (
        deposits_visible_to(request.user)
        .filter(business_date=day)
        .select_related("counter", "channel", "bank_account", "made_by")
        .annotate(payment_count=Count("payments"))
        .order_by("-made_at")
    )
    context = {
        "day": day,
        "days": days,
        "deposits": deposits,
        "sums": _sums(days, list(deposits)),
        "columns": [
            {"label": _("Counter")},
            {"label": _("Receipts"), "is_end": True, "is_minor": True},
            {"label": _("Cash, ₹"), "is_end": True},
            {"label": _("Cheques and drafts, ₹"), "is_end": True, "is_minor": True},
            {"label": _("Cancelled, ₹"), "is_end": True, "is_minor": True},
            {"label": _("Not deposited, ₹"), "is_end": True},
        ],
        "filters": [{"name": "day", "label": _("Day"), "kind": "day"}],
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "counters/counters.html", context, status=status)


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


@roles(*BOARD_READERS)
@require_safe
def deposit(request: HttpRequest, reference: str) -> HttpResponse:
    """One slip: what it carries, to print and take along."""
    rows = deposits_visible_to(request.user).select_related(
        "counter__office", "channel", "bank_account", "made_by"
    )
    found = get_object_or_404(rows, reference=reference)
    carried = (
        payments_visible_to(request.user)
        .filter(deposit=found)
        .select_related("receipt")
        .prefetch_related("tenders")
        .order_by("id")
    )
    context = {
        "deposit": found,
        "sums": carried.aggregate(count=Count("pk"), paise=Sum("amount_paise")),
        "page": Paginator(carried, PAGE_SIZE).get_page(request.GET.get("page")),
        "facts": [
            {"label": _("Slip"), "text": found.reference, "is_id": True},
            {"label": _("Amount, ₹"), "paise": found.amount_paise},
            {"label": _("Into"), "text": f"{found.bank_account.name}, {found.bank_account.bank}"},
            {"label": _("Account"), "text": found.bank_account.account_number, "is_id": True},
            {"label": _("Counter"), "text": found.counter.name},
            {"label": _("Business date"), "day": found.business_date},
            {"label": _("Made"), "at": found.made_at},
            {"label": _("By"), "text": found.made_by.get_full_name()},
        ],
        "columns": _payment_columns(),
        "methods": looks.METHODS,
        "states": looks.STATES,
    }
    return render(request, "counters/deposit.html", context)


def _day_form(request: HttpRequest) -> DayForm:
    """Today is asked for when no day is; it then stands in the filter."""
    if not request.GET.get("day"):
        query = request.GET.copy()
        query["day"] = today().isoformat()
        request.GET = query  # type: ignore[assignment]
    return DayForm(request.GET)


def _counter_page(
    request: HttpRequest, code: str, *, day: Any, slip: SlipForm | None
) -> HttpResponse:
    rows = counters_visible_to(request.user).select_related("office", "bank_account")
    here = get_object_or_404(rows, code=code)
    (sums,) = board.counter_days([here], on=day)
    taken = board.payments_of(request.user, here, on=day)
    context = {
        "here": here,
        "day": day,
        "sums": sums,
        "waiting": _waiting(sums, slip),
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


def _sums(days: list[board.CounterDay], deposits: list[Any]) -> list[dict[str, Any]]:
    waiting = sum(taken.count for day in days for _channel, taken in day.waiting)
    return [
        {
            "label": _("receipts of"),
            "count": sum(day.receipts for day in days),
            "paise": sum(day.paise for day in days),
        },
        {
            "label": _("on slips"),
            "count": len(deposits),
            "paise": sum(deposit.amount_paise for deposit in deposits),
            "tone": "ok",
        },
        {
            "label": _("not deposited"),
            "count": waiting,
            "paise": sum(day.waiting_paise for day in days),
            "tone": "open" if waiting else "ok",
        },
    ]
