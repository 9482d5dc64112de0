"""The legal page: which notices have a day this week, and the letter that demands payment."""

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.contrib import messages as notes
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from counters import legal, registers
from counters.dishonour import check_may_decide
from counters.models import LegalNotice
from counters.paper_forms import StepForm
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from people.access import has_role, roles, signed_in
from people.roles import FINANCE, READERS, SUPERVISOR

READ: Final = (SUPERVISOR, *READERS)
ACT: Final = (SUPERVISOR, *FINANCE)
PAGE_SIZE: Final = 50


@roles(*READ)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Notices with a day of the law this week, or all that are open, or all."""
    return _page(request)


@roles(*ACT)
@require_POST
def step(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Note that a letter was sent, was received, or how it ended."""
    user = signed_in(request)
    rows = registers.notices_visible_to(user).select_related("instrument__office")
    notice = get_object_or_404(rows, instrument__public_id=public_id)
    form = StepForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            check_may_decide(user, office=notice.instrument.office)
            if said["step"] == "sent":
                legal.note_sent(notice.pk, on=said["on"], by=user)
            elif said["step"] == "served":
                legal.note_served(notice.pk, on=said["on"], by=user)
            else:
                legal.close(notice.pk, outcome=said["outcome"], by=user)
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            notes.success(request, _("Noted."))
            return redirect("counters:legal")
    return _page(request, wrong=(notice.pk, form), status=HTTPStatus.UNPROCESSABLE_ENTITY)


@roles(*READ)
@require_safe
def letter(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The letter of demand as PDF, Hindi and English."""
    rows = registers.notices_visible_to(signed_in(request)).select_related("instrument__office")
    notice = get_object_or_404(rows, instrument__public_id=public_id)
    answer = HttpResponse(legal.letter(notice, on=today()), content_type="application/pdf")
    name = f"notice-{notice.instrument.number}.pdf"
    answer["Content-Disposition"] = f'inline; filename="{name}"'
    return answer


def _page(
    request: HttpRequest,
    *,
    wrong: tuple[int, StepForm] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    user = signed_in(request)
    due = registers.notices_due(user)
    shown = request.GET.get("show", "due")
    rows = due if shown == "due" else registers.notices_visible_to(user)
    if shown == "open":
        rows = rows.filter(closed_on__isnull=True)
    if wrong is not None:
        rows = registers.notices_visible_to(user).filter(pk=wrong[0])  # wherever the list was
    rows = rows.select_related("instrument__office").order_by("closed_on", "notice_by", "pk")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [_row(notice, wrong=wrong) for notice in page.object_list],
        "due": due.count(),
        "may_act": has_role(user, *ACT),
        "filters": [
            {
                "name": "show",
                "label": _("Show"),
                "choices": [
                    {"value": "open", "label": _("all that are open")},
                    {"value": "all", "label": _("all")},
                ],
            }
        ],
        "columns": [
            {"label": _("Cheque")},
            {"label": _("Memo"), "is_minor": True},
            {"label": _("Next day")},
            {"label": _("What is due")},
            {"label": _("Amount, ₹"), "is_end": True},
        ],
    }
    return render(request, "counters/legal.html", context, status=status)


def _row(notice: LegalNotice, *, wrong: tuple[int, StepForm] | None) -> dict[str, Any]:
    day = legal.next_day(notice)
    step, words = _next(notice)
    initial = {"step": step, "on": today()}
    form = StepForm(initial=initial, auto_id=f"id_{notice.pk}_%s")
    return {
        "notice": notice,
        "day": day,
        "is_late": day is not None and day < today(),
        "step": step,
        "words": words,
        "form": wrong[1] if wrong and wrong[0] == notice.pk else form,
    }


def _next(notice: LegalNotice) -> tuple[str, str]:
    """The step that comes next, and what is due, in words."""
    if notice.closed_on is not None:
        return "", notice.outcome
    if notice.sent_on is None:
        return "sent", _("Send the letter of demand")
    if notice.served_on is None:
        return "served", _("Note when the drawer received it")
    if notice.cure_by is not None and notice.cure_by >= today():
        return "close", _("The drawer may pay until then")
    return "close", _("File the complaint")
