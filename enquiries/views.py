"""Unknown money: the list of what is pending for too long, and one payment's questions."""

from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages as notes
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from channels_ import masking
from channels_.selectors import channels_visible_to
from cspdcl.kernel.clock import now
from cspdcl.kernel.crypto import Undecipherable
from cspdcl.ui.templatetags.ui import count as counted
from cspdcl.ui.templatetags.ui import day
from enquiries import decisions, looks, selectors
from enquiries.forms import DecideForm, UnknownFilter
from enquiries.models import Operation, OperationAttempt
from enquiries.operations import answer_of
from enquiries.selectors import UNKNOWN_MONEY_READERS
from enquiries.states import State
from payments.looks import METHODS
from payments.looks import STATES as PAYMENT_STATES
from payments.models import Payment
from payments.selectors import payments_visible_to
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import FINANCE, OPERATOR

DECIDERS: Final = FINANCE
ASKERS: Final = (*FINANCE, OPERATOR)
PAGE_SIZE: Final = 50


@roles(*UNKNOWN_MONEY_READERS)
@require_safe
def unknown_money(request: HttpRequest) -> HttpResponse:
    """Payments that are pending for longer than their first rung; who waits for a person first."""
    channels = list(channels_visible_to(request.user).order_by("position", "code"))
    form = UnknownFilter(request.GET, channels=[(one.code, one.name) for one in channels])
    rows = selectors.unknown_money_visible_to(request.user)
    rows = selectors.narrowed(rows, form.cleaned_data) if form.is_valid() else rows.none()
    sums = selectors.sums_of(rows)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "rows": [_shown(one) for one in page.object_list],
        "looks": looks.STATES,
        "sums": [
            {
                "label": looks.STATES[state].word,
                **sums.get(state, {"count": 0, "paise": 0}),
                "tone": looks.STATES[state].tone if state in sums else "",
            }
            for state in (State.MANUAL, State.UNKNOWN, State.INTENDED, State.SENT)
        ],
        "columns": [
            {"label": _("Payment")},
            {"label": _("Pending for")},
            {"label": _("Channel"), "is_minor": True},
            {"label": _("Consumer"), "is_minor": True},
            {"label": _("Asked"), "is_end": True},
            {"label": _("Next question"), "is_minor": True},
            {"label": _("State")},
            {"label": _("Money back by"), "is_minor": True},
            {"label": _("Amount, ₹"), "is_end": True},
        ],
        "filters": [
            {
                "name": "state",
                "label": _("State"),
                "choices": [
                    {"value": code, "label": looks.STATES[code].word}
                    for code in (State.MANUAL, State.UNKNOWN, State.INTENDED, State.SENT)
                ],
            },
            {
                "name": "channel",
                "label": _("Channel"),
                "choices": [{"value": one.code, "label": one.name} for one in channels],
            },
        ],
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "enquiries/unknown_money.html", context, status=status)


@roles(*UNKNOWN_MONEY_READERS)
@require_safe
def question(request: HttpRequest, reference: str) -> HttpResponse:
    """What was asked about one payment, and what came of each try."""
    user = signed_in(request)
    return _page(request, user, _payment(user, reference), DecideForm())


@roles(*ASKERS)
@require_POST
def ask(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask the partner now; a person wants to know."""
    user = signed_in(request)
    payment = decisions.ask_again(_payment(user, reference), by=user)
    words = _("The partner was asked. The payment is now: %(state)s.")
    notes.success(request, words % {"state": PAYMENT_STATES[payment.state].word})
    return HttpResponseRedirect(reverse("enquiries:question", args=[payment.reference]))


@roles(*DECIDERS)
@require_POST
def decide(request: HttpRequest, reference: str) -> HttpResponse:
    """No money came, says a person, and why."""
    user = signed_in(request)
    payment = _payment(user, reference)
    form = DecideForm(request.POST)
    if not form.is_valid():
        return _page(request, user, payment, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    decisions.decide_failed(payment, by=user, reason=form.cleaned_data["reason"])
    notes.success(request, _("The payment is held as failed. Money that comes later counts."))
    return HttpResponseRedirect(reverse("reconciliation:payment", args=[payment.reference]))


def _page(
    request: HttpRequest,
    user: User,
    payment: Payment,
    form: DecideForm,
    *,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    operation = selectors.last_status(payment)
    waits = operation is not None and operation.state == State.MANUAL
    may_ask = operation is not None and selectors.may_be_asked_again(operation, payment)
    context = {
        "payment": payment,
        "operation": operation,
        "states": PAYMENT_STATES,
        "looks": looks.STATES,
        "facts": _facts(payment, operation),
        "tries": [_try(one) for one in _tries(payment)],
        "form": form,
        "may_decide": waits and has_role(user, *DECIDERS),
        "may_ask": may_ask and has_role(user, *ASKERS),
        "is_overdue": selectors.is_overdue(payment),
    }
    return render(request, "enquiries/question.html", context, status=status)


def _payment(user: User, reference: str) -> Payment:
    if "\0" in reference:  # PostgreSQL has no such character
        raise Http404
    rows = payments_visible_to(user).select_related("channel", "consumer", "office")
    return get_object_or_404(rows, reference=reference)


def _shown(operation: Operation) -> dict[str, Any]:
    payment = operation.payment
    if payment is None:
        raise Http404
    return {
        "operation": operation,
        "payment": payment,
        "age": now() - payment.created_at,
        "due_on": selectors.due_on(payment),
        "is_overdue": selectors.is_overdue(payment),
    }


def _tries(payment: Payment) -> list[OperationAttempt]:
    rows = OperationAttempt.objects.filter(operation__payment=payment).select_related("operation")
    return list(rows.order_by("-at", "-number")[:PAGE_SIZE])


def _try(one: OperationAttempt) -> dict[str, Any]:
    try:
        text = masking.readable(answer_of(one))
    except Undecipherable as error:
        text = str(error)
    look = looks.READINGS[one.reading]
    return {
        "attempt": one,
        "look": look,
        "text": text,
        "facts": [
            {"label": _("Asked for"), "text": one.operation.get_kind_display()},
            {"label": _("Asked at"), "at": one.at},
            {"label": _("Came to"), "word": look.word, "tone": look.tone, "icon": look.icon},
            {"label": "HTTP", "text": str(one.http_status or "")},
            {"label": _("In words"), "text": one.detail},
            {"label": _("SHA-256 of the question"), "text": one.request_sha256, "is_id": True},
        ],
    }


def _facts(payment: Payment, operation: Operation | None) -> list[dict[str, Any]]:
    due = selectors.due_on(payment)
    facts: list[dict[str, Any]] = [
        {
            "label": _("Payment"),
            "text": payment.reference,
            "url": reverse("reconciliation:payment", args=[payment.reference]),
            "is_id": True,
        },
        {"label": _("Amount, ₹"), "paise": payment.amount_paise},
        {"label": _("Channel"), "text": payment.channel.name},
        {"label": _("Paid by"), "text": METHODS.get(payment.method, payment.method)},
        {"label": _("Consumer"), "text": payment.consumer_number, "is_id": True},
        {"label": _("Began"), "at": payment.created_at},
        {"label": _("Money back by"), "day": due},
    ]
    if selectors.is_overdue(payment):
        late = {"word": day(due), "tone": "bad", "icon": "clock-exclamation"}
        facts[-1] = {"label": _("Money back by"), **late}
    if operation is not None:
        asked = _("%(spent)s of %(budget)s times")
        numbers = {"spent": counted(operation.spent), "budget": counted(operation.budget)}
        facts += [
            {"label": _("Asked"), "text": asked % numbers},
            {"label": _("Next question"), "at": operation.next_at},
        ]
    return facts
