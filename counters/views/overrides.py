"""What clerks were stopped from, and the supervisor's answer."""

import uuid
from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, Count, IntegerField, Sum, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from counters import overrides
from counters.forms import AnswerOverrideForm
from counters.models import Override
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from cspdcl.ui.looks import Look
from people.access import has_role, roles, signed_in
from people.roles import READERS, SUPERVISOR

PAGE_SIZE: Final = 50

State = Override.State

LOOKS: Final = {
    State.ASKED: Look(State.ASKED.label, "wait"),
    State.GRANTED: Look(State.GRANTED.label, "ok"),
    State.REFUSED: Look(State.REFUSED.label, "bad"),
    State.USED: Look(State.USED.label, "ok", "receipt"),
}
RULES: Final = {overrides.CHEQUE_BAR: gettext_lazy("barred from cheques")}


@roles(SUPERVISOR, *READERS)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """What waits for an answer, then what was answered, the latest first."""
    return _page(request)


@roles(SUPERVISOR)
@require_POST
def answer(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Grant or refuse; the clerk's form goes on with everything typed."""
    user = signed_in(request)
    row = get_object_or_404(overrides.overrides_visible_to(user), public_id=public_id)
    form = AnswerOverrideForm(request.POST, prefix=str(row.pk))
    grants = request.POST.get("answer") == "grant"
    if form.is_valid():
        words = form.cleaned_data["words"]
        try:
            overrides.answer(row.pk, by=user, grants=grants, words=words)
        except DomainError as refusal:
            form.add_error("words", str(refusal))
        else:
            done = _("Let through once.") if grants else _("Refused; the clerk sees why.")
            messages.success(request, done)
            return HttpResponseRedirect(reverse("counters:overrides"))
    return _page(request, refused=(row.pk, form))


def _page(
    request: HttpRequest, *, refused: tuple[int, AnswerOverrideForm] | None = None
) -> HttpResponse:
    first = Case(When(state=State.ASKED, then=0), default=1, output_field=IntegerField())
    visible = overrides.overrides_visible_to(signed_in(request))
    state = request.GET.get("state", "")
    rows = visible.filter(state=state) if state in State.values else visible
    if refused is not None:
        rows = visible.filter(pk=refused[0])  # wherever the list was: it is seen
    page = Paginator(rows.order_by(first, "-pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    sums = rows.aggregate(count=Count("pk"), paise=Sum("amount_paise"))
    may_answer = has_role(request.user, SUPERVISOR)
    context: dict[str, Any] = {
        "page": page,
        "sums": sums,
        "sum_paise": sums["paise"] or 0,
        "rows": [
            {
                "row": row,
                "rule": RULES.get(row.rule, row.rule),
                "form": _form_of(row, refused)
                if may_answer and row.state == State.ASKED and row.business_date == today()
                else None,
            }
            for row in page.object_list
        ],
        "waiting": visible.filter(state=State.ASKED, business_date=today()).count(),
        "looks": LOOKS,
        "filters": [
            {
                "name": "state",
                "label": _("State"),
                "choices": [{"value": one.value, "label": one.label} for one in State],
            }
        ],
        "columns": [
            {"label": _("Asked"), "is_minor": True},
            {"label": _("Clerk, counter")},
            {"label": _("Consumer")},
            {"label": _("Rule")},
            {"label": _("Amount, ₹"), "is_end": True},
            {"label": _("State")},
        ],
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK
    return render(request, "counters/override_list.html", context, status=status)


def _form_of(row: Override, refused: tuple[int, AnswerOverrideForm] | None) -> AnswerOverrideForm:
    if refused is not None and refused[0] == row.pk:
        return refused[1]
    return AnswerOverrideForm(prefix=str(row.pk))
