"""Refunds: the list, the form that asks for one, and the page on which it is decided."""

import secrets
from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages as notes
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cspdcl.kernel.errors import DomainError
from payments.looks import METHODS
from payments.models import Payment
from payments.selectors import payments_visible_to
from payments.states import State as PaymentState
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import FINANCE, FINANCE_APPROVER, FINANCE_OFFICER
from refunds import actions, looks, selectors
from refunds.forms import AskForm, DoneForm, RefundFilter, VerdictForm
from refunds.models import RefundRequest
from refunds.sending import can_send
from refunds.states import State

PAGE_SIZE: Final = 50
_SHOWN: Final = (State.ASKED, State.APPROVED, State.SENDING, State.MANUAL)


@roles(*selectors.READERS)
@require_safe
def refunds(request: HttpRequest) -> HttpResponse:
    """Requests for refunds, the latest first."""
    user = signed_in(request)
    form = RefundFilter(request.GET)
    rows = selectors.requests_visible_to(user)
    sums = selectors.summed(rows)
    if not form.is_valid():
        rows = rows.none()
    elif form.cleaned_data["state"]:
        rows = rows.filter(state__in=form.cleaned_data["state"])
    rows = rows.select_related("payment__channel", "asked_by", "decided_by").order_by("-id")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "rows": page.object_list,
        "looks": looks.REQUESTS,
        "sums": [
            {
                "label": looks.REQUESTS[state].word,
                **sums.get(state, {"count": 0, "paise": 0}),
                "tone": looks.REQUESTS[state].tone if state in sums else "",
            }
            for state in _SHOWN
        ],
        "columns": [
            {"label": _("Refund")},
            {"label": _("Payment"), "is_minor": True},
            {"label": _("Channel"), "is_minor": True},
            {"label": _("Asked by"), "is_minor": True},
            {"label": _("Asked at"), "is_minor": True},
            {"label": _("State")},
            {"label": _("Amount, ₹"), "is_end": True},
        ],
        "filters": [
            {
                "name": "state",
                "label": _("State"),
                "choices": [
                    {"value": code, "label": look.word} for code, look in looks.REQUESTS.items()
                ],
            }
        ],
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "refunds/refunds.html", context, status=status)


@roles(FINANCE_OFFICER)
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask for money of one payment to go back."""
    user = signed_in(request)
    payment = _payment(user, reference)
    if request.method != "POST":
        room = max(0, actions.room_of(payment.pk))
        form = AskForm(initial={"amount": room, "submit_key": secrets.token_hex(16)})
        return _ask_page(request, payment, form)
    form = AskForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            made = actions.ask(
                payment,
                amount_paise=said["amount"],
                reason=said["reason"],
                by=user,
                submit_key=said["submit_key"],
            )
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            notes.success(request, _("Asked for. Somebody else of finance decides."))
            return redirect("refunds:refund", made.reference)
    return _ask_page(request, payment, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@roles(*selectors.READERS)
@require_safe
def refund(request: HttpRequest, reference: str) -> HttpResponse:
    """One refund: who asked, who decided, and what the channel says."""
    return _page(request, _request(signed_in(request), reference))


@roles(FINANCE_APPROVER)
@require_POST
def decide(request: HttpRequest, reference: str) -> HttpResponse:
    """Approve or refuse what somebody else asked for."""
    user = signed_in(request)
    found = _request(user, reference)
    form = VerdictForm(request.POST)
    if form.is_valid():
        approve = form.cleaned_data["verdict"] == "approve"
        try:
            actions.decide(found, approve=approve, by=user, answer=form.cleaned_data["answer"])
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            words = _("Approved. It goes to the channel now.") if approve else _("Refused.")
            notes.success(request, words)
            return redirect("refunds:refund", found.reference)
    return _page(request, found, verdict=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@roles(*FINANCE)
@require_POST
def done(request: HttpRequest, reference: str) -> HttpResponse:
    """Say what became of a refund that a person did."""
    user = signed_in(request)
    found = _request(user, reference)
    form = DoneForm(request.POST)
    if form.is_valid():
        is_paid = form.cleaned_data["outcome"] == "paid"
        try:
            actions.finish_by_hand(found, is_paid=is_paid, by=user, note=form.cleaned_data["note"])
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            notes.success(request, _("Noted."))
            found.payment.refresh_from_db(fields=["state"])
            if is_paid and found.payment.state == PaymentState.REVERSED:
                words = _("Its payment was reversed meanwhile: the money may have gone back twice.")
                notes.warning(request, words)
            return redirect("refunds:refund", found.reference)
    return _page(request, found, finish=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _payment(user: User, reference: str) -> Payment:
    if "\0" in reference:  # PostgreSQL has no such character
        raise Http404
    rows = payments_visible_to(user).select_related("channel", "office")
    return get_object_or_404(rows, reference=reference)


def _request(user: User, reference: str) -> RefundRequest:
    if "\0" in reference:
        raise Http404
    rows = selectors.requests_visible_to(user).select_related(
        "payment__channel", "payment__office", "asked_by", "decided_by", "refund"
    )
    return get_object_or_404(rows, reference=reference)


def _ask_page(
    request: HttpRequest, payment: Payment, form: AskForm, *, status: int = HTTPStatus.OK
) -> HttpResponse:
    context = {
        "payment": payment,
        "form": form,
        "is_by_call": can_send(payment.channel),
        "facts": [
            *_payment_facts(payment),
            {"label": _("May still go back, ₹"), "paise": max(0, actions.room_of(payment.pk))},
        ],
    }
    return render(request, "refunds/ask.html", context, status=status)


def _page(
    request: HttpRequest,
    found: RefundRequest,
    *,
    verdict: VerdictForm | None = None,
    finish: DoneForm | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    user = signed_in(request)
    is_mine = found.asked_by_id == user.pk
    waits = found.state == State.ASKED
    context = {
        "refund": found,
        "looks": looks.REQUESTS,
        "facts": _facts(found),
        "events": [_event(one) for one in found.events.order_by("-id")],
        "verdict": verdict or VerdictForm(),
        "finish": finish or DoneForm(),
        "may_decide": waits and not is_mine and has_role(user, FINANCE_APPROVER),
        "is_mine": waits and is_mine,
        "may_finish": found.state == State.MANUAL and has_role(user, *FINANCE),
    }
    return render(request, "refunds/refund.html", context, status=status)


def _payment_facts(payment: Payment) -> list[dict[str, Any]]:
    return [
        {
            "label": _("Payment"),
            "text": payment.reference,
            "url": reverse("reconciliation:payment", args=[payment.reference]),
            "is_id": True,
        },
        {"label": _("Paid, ₹"), "paise": payment.amount_paise},
        {"label": _("Paid at"), "at": payment.succeeded_at},
        {"label": _("Channel"), "text": payment.channel.name},
        {"label": _("Paid by"), "text": METHODS.get(payment.method, payment.method)},
        {"label": _("Consumer"), "text": payment.consumer_number, "is_id": True},
    ]


def _facts(found: RefundRequest) -> list[dict[str, Any]]:
    decided = found.decided_by.username if found.decided_by else ""
    return [
        {"label": _("Refund"), "text": found.reference, "is_id": True},
        {"label": _("Amount, ₹"), "paise": found.amount_paise},
        *_payment_facts(found.payment),
        {"label": _("Why"), "text": found.reason},
        {"label": _("Asked by"), "text": found.asked_by.username},
        {"label": _("Asked at"), "at": found.asked_at},
        {"label": _("Decided by"), "text": decided},
        {"label": _("Answer"), "text": found.answer},
        {"label": _("Their id"), "text": found.told_ref, "is_id": True},
        {"label": _("Last step"), "text": found.note},
    ]


def _event(one: Any) -> dict[str, Any]:
    look = looks.REQUESTS[one.to_state]
    by = ", ".join(part for part in (one.actor, one.cause) if part)
    return {"at": one.at, "text": look.word, "by": by, "tone": look.tone, "icon": look.icon}
