"""Decisions that wait for a second person, what they will do, and those that are done."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import AUDITOR, FINANCE, FINANCE_APPROVER
from reconciliation import approving, looks, selectors
from reconciliation.desk import decisions, explain, steps
from reconciliation.forms import AnswerForm
from reconciliation.found import assigning
from reconciliation.models import Batch, Book, Decision, DecisionLine, Reason, Undo

DECISION_READERS: Final = (*FINANCE, AUDITOR)
PAGE_SIZE: Final = 25


@roles(*DECISION_READERS)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """What waits, the oldest first; below it what was decided, the latest first."""
    return _show(request)


@roles(FINANCE_APPROVER)
@require_POST
def answer(request: HttpRequest, public_id: str) -> HttpResponse:
    """Approve or reject a decision that somebody else proposed."""
    user = signed_in(request)
    decision = get_object_or_404(selectors.visible_decisions(user), public_id=public_id)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _show(request, refused={public_id: form}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    said = form.cleaned_data["answer"]
    try:
        if form.cleaned_data["verdict"] == "approve":
            approving.approve(decision, checker=user, answer=said)
            acted = decision.kind in assigning.KINDS | steps.KINDS
            messages.success(
                request,
                _("Approved. It has acted.") if acted else _("Approved. The break is closed."),
            )
        else:
            decisions.reject(decision, checker=user, answer=said)
            messages.success(request, _("Rejected. The break stays open."))
    except DomainError as refused:
        form.add_error(None, str(refused))
        return _show(request, refused={public_id: form}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return redirect("reconciliation:approvals")


def _show(
    request: HttpRequest,
    *,
    refused: dict[str, AnswerForm] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    user = signed_in(request)
    visible = selectors.visible_decisions(user)
    waiting = visible.filter(state=Decision.State.PROPOSED).order_by("id")
    done = visible.exclude(state=Decision.State.PROPOSED).order_by("-checked_at", "-id")
    shown = Paginator(waiting, PAGE_SIZE).get_page(request.GET.get("waiting"))
    page = Paginator(done, PAGE_SIZE).get_page(request.GET.get("page"))
    batches = list(
        selectors.visible_batches(user).filter(state=Batch.State.PROPOSED).order_by("id")
    )
    undos = list(selectors.visible_undos(user).filter(state=Undo.State.PROPOSED).order_by("id"))
    context: dict[str, Any] = {
        "others": len(batches) + len(undos),
        "waiting": _described(list(shown.object_list), user, refused or {}),
        "waiting_page": shown,
        "sums": waiting.aggregate(count=Count("pk"), paise=Coalesce(Sum("amount_paise"), 0)),
        "page": page,
        "columns": _columns(),
        "looks": looks.DECISIONS,
        "may_approve": has_role(user, FINANCE_APPROVER),
        "may_propose": has_role(user, *FINANCE),
        "batches": batches,
        "undos": undos,
    }
    return render(request, "reconciliation/approvals.html", context, status=status)


def _described(
    waiting: list[Decision], user: User, refused: dict[str, AnswerForm]
) -> list[dict[str, Any]]:
    """Each decision with what it will do, counted by book in one query for all."""
    rows = (
        DecisionLine.objects.filter(decision__in=waiting)
        .values("decision_id", "entry__book")
        .annotate(n=Count("pk"))
        .order_by("decision_id", "entry__book")
    )
    counted = {(row["decision_id"], row["entry__book"]): row["n"] for row in rows}
    return [
        {
            "decision": one,
            "reason": Reason(one.open_break.reason).label if one.open_break else "",
            "sentence": explain.sentence(one.open_break) if one.open_break else "",
            "will": _will(
                one,
                [
                    words(counted[one.pk, book])
                    for book, words in _BOOK_WORDS.items()
                    if (one.pk, book) in counted
                ],
            ),
            "is_mine": one.maker_id == user.pk,
            "form": refused.get(one.public_id, AnswerForm()),
        }
        for one in waiting
    ]


_BOOK_WORDS: Final[Mapping[str, Callable[[int], str]]] = {
    # In the order of a rupee.
    Book.RECEIPTS: lambda n: ngettext("%(n)s receipt", "%(n)s receipts", n) % {"n": n},
    Book.CHANNEL: lambda n: ngettext("%(n)s channel line", "%(n)s channel lines", n) % {"n": n},
    Book.BANK: lambda n: ngettext("%(n)s bank line", "%(n)s bank lines", n) % {"n": n},
    Book.ERP: lambda n: ngettext("%(n)s posting", "%(n)s postings", n) % {"n": n},
}


def _will(one: Decision, counted: list[str]) -> str:
    things = ", ".join(counted)
    if one.kind in assigning.KINDS:
        return _will_assign(one)
    if one.kind in steps.KINDS:
        return _will_step(one)
    if one.kind == Decision.Kind.WRITE_OFF:
        return _("Writes off %(things)s: they will never be matched, and the break closes.") % {
            "things": things
        }
    return _("Joins %(things)s as one match that agrees to the paisa, and the break closes.") % {
        "things": things
    }


def _will_step(one: Decision) -> str:
    if one.kind == Decision.Kind.TIMING:
        told = _("The break leaves the list until %(day)s and comes back by itself.")
        return told % {"day": f"{one.until:%d-%m-%Y}" if one.until else ""}
    if one.kind == Decision.Kind.SUSPENSE:
        return _("The break stands in suspense until this is undone; it stays open in the proof.")
    if one.kind == Decision.Kind.FEE:
        return _("What the channel kept is accepted for these lines, and the break closes.")
    if one.kind == Decision.Kind.DISPUTE:
        return _("A letter leaves for %(to)s, with this reason.") % {"to": one.letter_to}
    parts = ", ".join(
        f"{part.name} {grouped_rupees(part.amount_paise)}" for part in one.parts.order_by("part")
    )
    return _("The credit becomes %(parts)s; the next run finds each.") % {"parts": parts}


def _will_assign(one: Decision) -> str:
    if one.kind == Decision.Kind.TAKE_BACK:
        return _("Reverses the payments and cancels their receipts; the credit is open again.")
    shares = list(one.shares.select_related("consumer").order_by("part")[:4])
    named = ", ".join(share.consumer.number for share in shares[:3] if share.consumer)
    if not named:
        return _("Makes a payment and its receipt, which wait for a consumer.")
    if one.payment_reference:
        return _("Names %(named)s as the consumer of the payment.") % {"named": named}
    if len(shares) > 3:
        told = {"named": named, "n": one.shares.count()}
        return _("Makes %(n)s payments with receipts, for %(named)s and others.") % told
    return _("Makes the payments of %(named)s with their receipts.") % {"named": named}


def _columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Decided"), "is_minor": True},
        {"label": _("What")},
        {"label": _("Proposed by"), "is_minor": True},
        {"label": _("Answered by"), "is_minor": True},
        {"label": _("Amount, ₹"), "is_end": True},
        {"label": _("State")},
    ]
