"""Disputes: the list by days left, and the page on which one is answered and decided."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.contrib import messages as notes
from django.core.paginator import Paginator
from django.db.models import F
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from payments.models import Dispute
from payments.states import RUNNING, DisputeState
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import FINANCE, FINANCE_APPROVER
from refunds import answering, looks, selectors
from refunds.forms import ConcludeForm, DisputeFilter, EvidenceForm, NoteForm, VerdictForm
from refunds.models import DisputeAnswer
from refunds.states import AnswerState

PAGE_SIZE: Final = 50
_SOON_DAYS: Final = answering.WARN_BEFORE.days


@roles(*selectors.READERS)
@require_safe
def disputes(request: HttpRequest) -> HttpResponse:
    """Disputes that run, the one whose date is nearest first; or those of other states."""
    user = signed_in(request)
    form = DisputeFilter(request.GET)
    rows = selectors.disputes_visible_to(user)
    if form.is_valid():
        rows = rows.filter(state__in=form.cleaned_data["state"] or RUNNING)
    else:
        rows = rows.none()
    rows = rows.select_related("channel", "payment")
    rows = rows.order_by(F("respond_by").asc(nulls_last=True), "id")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "rows": [_shown(one) for one in page.object_list],
        "looks": looks.DISPUTES,
        "columns": [
            {"label": _("Dispute")},
            {"label": _("Days left"), "is_end": True},
            {"label": _("Payment"), "is_minor": True},
            {"label": _("Channel"), "is_minor": True},
            {"label": _("Reason"), "is_minor": True},
            {"label": _("State")},
            {"label": _("Amount, ₹"), "is_end": True},
        ],
        "filters": [
            {
                "name": "state",
                "label": _("State"),
                "choices": [
                    {"value": code, "label": look.word} for code, look in looks.DISPUTES.items()
                ],
            }
        ],
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "refunds/disputes.html", context, status=status)


@roles(*selectors.READERS)
@require_safe
def dispute(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One dispute: its date, its history, our answers."""
    return _page(request, _dispute(signed_in(request), public_id))


@roles(*FINANCE)
@require_POST
def answer(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Write an answer, or give in."""
    user = signed_in(request)
    found = _dispute(user, public_id)
    form = EvidenceForm(request.POST)

    def act() -> None:
        said = form.cleaned_data
        answering.propose(found, summary=said["summary"], accept=said["accept"], by=user)

    return _done(request, found, "evidence", form, act, _("The answer is written."))


@roles(FINANCE_APPROVER)
@require_POST
def conclude(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Note a verdict that the channel told on paper only."""
    user = signed_in(request)
    found = _dispute(user, public_id)
    form = ConcludeForm(request.POST)

    def act() -> None:
        said = form.cleaned_data
        answering.conclude(found, to=DisputeState(said["to"]), by=user, note=said["note"])

    return _done(request, found, "verdict", form, act, _("The verdict is noted."))


@roles(FINANCE_APPROVER)
@require_POST
def decide(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Approve or reject an answer that somebody else wrote."""
    user = signed_in(request)
    held = _answer(user, public_id)
    form = VerdictForm(request.POST)

    def act() -> None:
        said = form.cleaned_data
        approve = said["verdict"] == "approve"
        answering.decide(held, approve=approve, by=user, note=said["answer"])

    return _done(request, held.dispute, "decision", form, act, _("Decided."))


@roles(*FINANCE)
@require_POST
def done(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Say that an answer was given at the channel's own pages."""
    user = signed_in(request)
    held = _answer(user, public_id)
    form = NoteForm(request.POST)

    def act() -> None:
        answering.done_by_hand(held, by=user, note=form.cleaned_data["note"])

    return _done(request, held.dispute, "by_hand", form, act, _("Noted."))


def _done(
    request: HttpRequest,
    found: Dispute,
    name: str,
    form: Form,
    act: Callable[[], None],
    words: str,
) -> HttpResponse:
    """Do what a form asks, or show the page again with what is wrong."""
    if form.is_valid():
        try:
            act()
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            notes.success(request, words)
            return redirect("refunds:dispute", found.public_id)
    return _page(request, found, status=HTTPStatus.UNPROCESSABLE_ENTITY, **{name: form})


def _dispute(user: User, public_id: UUID) -> Dispute:
    rows = selectors.disputes_visible_to(user).select_related("channel", "payment")
    return get_object_or_404(rows, public_id=public_id)


def _answer(user: User, public_id: UUID) -> DisputeAnswer:
    rows = selectors.answers_visible_to(user).select_related("dispute__channel", "dispute__payment")
    return get_object_or_404(rows, public_id=public_id)


def _shown(one: Dispute) -> dict[str, Any]:
    days = (one.respond_by - now()).days if one.respond_by else None
    waits = one.state == DisputeState.OPEN and days is not None
    return {
        "dispute": one,
        "days": days,
        "is_late": waits and days is not None and days < 0,
        "is_soon": waits and days is not None and 0 <= days < _SOON_DAYS,
    }


def _page(
    request: HttpRequest,
    found: Dispute,
    *,
    evidence: Form | None = None,
    verdict: Form | None = None,
    decision: Form | None = None,
    by_hand: Form | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    user = signed_in(request)
    answers = list(found.answers.select_related("made_by", "decided_by").order_by("-id"))
    waiting = next((one for one in answers if one.state == AnswerState.PROPOSED), None)
    manual = next((one for one in answers if one.state == AnswerState.MANUAL), None)
    is_open = found.state in (DisputeState.OPEN, DisputeState.ANSWERED)
    is_finance, is_approver = has_role(user, *FINANCE), has_role(user, FINANCE_APPROVER)
    context = {
        **_shown(found),
        "looks": looks.DISPUTES,
        "answer_looks": looks.ANSWERS,
        "facts": _facts(found),
        "answers": answers,
        "waiting": waiting,
        "manual": manual,
        "events": [_event(one) for one in found.events.order_by("-id")[:PAGE_SIZE]],
        "evidence": evidence or EvidenceForm(),
        "verdict": verdict or ConcludeForm(),
        "decision": decision or VerdictForm(),
        "by_hand": by_hand or NoteForm(),
        "may_answer": is_open and is_finance and not waiting and not manual,
        "may_decide": waiting and is_approver and waiting.made_by_id != user.pk,
        "may_finish": manual is not None and is_finance,
        "may_conclude": found.state in RUNNING and is_approver,
    }
    return render(request, "refunds/dispute.html", context, status=status)


def _facts(found: Dispute) -> list[dict[str, Any]]:
    payment = found.payment
    named: dict[str, Any] = {"label": _("Payment"), "text": found.channel_ref, "is_id": True}
    if payment is not None:
        url = reverse("reconciliation:payment", args=[payment.reference])
        named = {"label": _("Payment"), "text": payment.reference, "url": url, "is_id": True}
    return [
        {"label": _("Dispute"), "text": found.dispute_ref, "is_id": True},
        {"label": _("Amount, ₹"), "paise": found.amount_paise},
        named,
        {"label": _("Channel"), "text": found.channel.name},
        {"label": _("Phase"), "text": found.phase},
        {"label": _("Reason"), "text": found.reason},
        {"label": _("Their word"), "text": found.code},
        {"label": _("Opened"), "at": found.opened_at},
        {"label": _("Answer by"), "at": found.respond_by},
        *(
            {"label": _("In the report of %(day)s, ₹") % {"day": line.business_date},
             "paise": line.amount_paise}
            for line in found.lines.order_by("id")
        ),
    ]  # fmt: skip


def _event(one: Any) -> dict[str, Any]:
    look = looks.DISPUTES[one.to_state]
    by = ", ".join(part for part in (one.actor, one.cause) if part)
    return {"at": one.at, "text": look.word, "by": by, "tone": look.tone, "icon": look.icon}
