"""What was told back and what waits to be: proposed by one, approved by another, then followed."""

from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cspdcl.kernel.errors import DomainError
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import AUDITOR, FINANCE, FINANCE_APPROVER
from reconciliation import looks, selectors
from reconciliation.desk import undo_targets, undoing
from reconciliation.forms import AnswerForm, WhyForm
from reconciliation.models import Undo

UNDO_READERS: Final = (*FINANCE, AUDITOR)
PAGE_SIZE: Final = 25


@roles(*UNDO_READERS)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """All undos, the latest first."""
    rows = selectors.visible_undos(signed_in(request))
    context: dict[str, Any] = {
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
        "waiting": rows.filter(state=Undo.State.PROPOSED).count(),
        "columns": _columns(),
        "looks": looks.UNDOS,
    }
    return render(request, "reconciliation/undos.html", context)


@roles(*FINANCE)
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Show what an undo would touch; with a reason, propose it."""
    user = signed_in(request)
    kind, key = request.GET.get("kind", ""), request.GET.get("key", "")
    try:
        target = undo_targets.named(user, kind, key)
    except undo_targets.NoSuchThing as error:
        raise Http404 from error
    form = WhyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            undo = undoing.propose(target, why=form.cleaned_data["why"], maker=user)
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("Proposed. It acts when a second person approves it."))
            return redirect("reconciliation:undo", undo.public_id)
    context: dict[str, Any] = {
        "target": target,
        "size": undoing.size_of(target),
        "form": form,
        "does": _does(target.kind),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "reconciliation/undo_new.html", context, status=status)


@roles(*UNDO_READERS)
@require_safe
def story(request: HttpRequest, public_id: str) -> HttpResponse:
    """One undo: what it touches, who said what, how far it is."""
    return _show(request, _undo(signed_in(request), public_id), AnswerForm())


@roles(*UNDO_READERS)
@require_safe
def state(request: HttpRequest, public_id: str) -> HttpResponse:
    """How far it is, asked for every two seconds while the worker has it."""
    undo = _undo(signed_in(request), public_id)
    if undo.state != Undo.State.APPROVED:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "reconciliation/_undo_works.html", {"undo": undo})


@roles(FINANCE_APPROVER)
@require_POST
def answer(request: HttpRequest, public_id: str) -> HttpResponse:
    """Approve or reject what somebody else proposed."""
    user = signed_in(request)
    undo = _undo(user, public_id)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _show(request, undo, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    said = form.cleaned_data["answer"]
    try:
        if form.cleaned_data["verdict"] == "approve":
            undoing.approve(undo, checker=user, answer=said)
            messages.success(request, _("Approved. The next run names what is open again."))
        else:
            undoing.reject(undo, checker=user, answer=said)
            messages.success(request, _("Rejected. Nothing was changed."))
    except DomainError as refused:
        form.add_error(None, str(refused))
        return _show(request, undo, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return redirect("reconciliation:undo", undo.public_id)


def _undo(user: User, public_id: str) -> Undo:
    return get_object_or_404(selectors.visible_undos(user), public_id=public_id)


def _show(
    request: HttpRequest, undo: Undo, form: AnswerForm, *, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    user = signed_in(request)
    waits = undo.state == Undo.State.PROPOSED
    is_mine = undo.maker_id == user.pk
    context: dict[str, Any] = {
        "undo": undo,
        "form": form,
        "facts": _facts(undo),
        "does": _does(Undo.Kind(undo.kind)),
        "looks": looks.UNDOS,
        "may_answer": waits and not is_mine and has_role(user, FINANCE_APPROVER),
        "is_mine": waits and is_mine,
        "waits": waits,
    }
    return render(request, "reconciliation/undo.html", context, status=status)


def _facts(undo: Undo) -> list[dict[str, Any]]:
    by = undo.checker.username if undo.checker else ""
    facts: list[dict[str, Any]] = [
        {"label": _("What"), "text": undo.title},
        {"label": _("Proposed by"), "text": undo.maker.username},
        {"label": _("Proposed"), "at": undo.made_at},
        {"label": _("Reason"), "text": undo.why},
        {"label": _("Answered by"), "text": by},
        {"label": _("Answered"), "at": undo.checked_at},
        {"label": _("Answer"), "text": undo.answer},
        {"label": _("Done"), "at": undo.done_at},
    ]
    return [one for one in facts if one.get("text") or one.get("at")]


def _does(kind: Undo.Kind) -> str:
    """What approving does, in a sentence."""
    words = {
        Undo.Kind.MATCH: _(
            "The match is marked as undone and its entries are open again. The next run matches "
            "them as the rules say by then: to keep them apart change the rule, or match them "
            "otherwise by hand before it."
        ),
        Undo.Kind.DECISION: _(
            "What the decision matched or wrote off is open again, and the next run names it."
        ),
        Undo.Kind.FILE: _(
            "Every match with a line of this file is undone. Each line is cancelled by a line of "
            "the same day with the other sign; both stay in the books. The file may be loaded "
            "again, or the right one instead of it."
        ),
        Undo.Kind.RUN: _(
            "Every match that this run made is marked as undone. The next run matches what the "
            "rules say by then; payments that were made of found money stay."
        ),
    }
    return words[kind]


def _columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Proposed"), "is_minor": True},
        {"label": _("What")},
        {"label": _("Proposed by"), "is_minor": True},
        {"label": _("Answered by"), "is_minor": True},
        {"label": _("Matches"), "is_end": True},
        {"label": _("Amount, ₹"), "is_end": True, "is_minor": True},
        {"label": _("State")},
    ]
