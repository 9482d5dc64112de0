"""The clock of the Reserve Bank: whose money may be away, the most overdue first."""

from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages as notes
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from enquiries import tat
from payments.looks import METHODS, STATES
from payments.models import Payment
from payments.selectors import payments_visible_to
from people.access import has_role, roles, signed_in
from people.roles import FINANCE
from refunds import selectors
from refunds.clock import note_back
from refunds.forms import CameBackForm

PAGE_SIZE: Final = 50


@roles(*selectors.READERS)
@require_safe
def clock(request: HttpRequest) -> HttpResponse:
    """Payments whose payer may be without the money, by the last day on which that is allowed."""
    user = signed_in(request)
    rows = selectors.clock_visible_to(user).select_related("channel").order_by("due", "id")
    late = rows.filter(due__lt=today()).count()
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "late": late,
        "rows": [_shown(one) for one in page.object_list],
        "states": STATES,
        "may_note": has_role(user, *FINANCE),
        "columns": [
            {"label": _("Payment")},
            {"label": _("Paid by"), "is_minor": True},
            {"label": _("Channel"), "is_minor": True},
            {"label": _("State")},
            {"label": _("Money back by")},
            {"label": _("Owed to the payer, ₹"), "is_end": True},
            {"label": _("Amount, ₹"), "is_end": True},
        ],
    }
    return render(request, "refunds/clock.html", context)


@roles(*FINANCE)
@require_http_methods(["GET", "HEAD", "POST"])
def came_back(request: HttpRequest, reference: str) -> HttpResponse:
    """Note since when the payer has the money of a failed payment again."""
    user = signed_in(request)
    if "\0" in reference:  # PostgreSQL has no such character
        raise Http404
    rows = payments_visible_to(user).select_related("channel", "office")
    payment = get_object_or_404(rows, reference=reference)
    form = CameBackForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        said = form.cleaned_data
        try:
            note_back(payment, on=said["on"], by=user, note=said["note"])
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            notes.success(request, _("Noted. Its clock has stopped."))
            return redirect("refunds:clock")
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
    context = {"payment": payment, "form": form, **_shown(payment), "states": STATES}
    return render(request, "refunds/came_back.html", context, status=status)


def _shown(payment: Payment) -> dict[str, Any]:
    due = tat.due_of(payment)
    return {
        "payment": payment,
        "method": METHODS.get(payment.method, payment.method),
        "due_on": due.on,
        "is_late": due.on < today(),
        "owed_paise": due.compensation(today()),
    }
