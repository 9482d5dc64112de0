"""A receipt: as it stands on paper, and its print."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from cspdcl.kernel.clock import today
from payments import paper
from payments.models import Receipt
from payments.selectors import receipts_visible_to
from payments.states import State
from payments.views.payments import PAYMENT_READERS
from people.access import Somebody, has_role, roles, signed_in
from people.roles import CLERK, SUPERVISOR

PDF: Final = "application/pdf"


@roles(*PAYMENT_READERS)
@require_safe
def receipt(request: HttpRequest, series: str, year: str, number: int) -> HttpResponse:
    """The receipt as the next print of it would look."""
    found = _receipt(request.user, series, year, number)
    prints = paper.prints_of(found)
    context = {
        **paper.leaf(found, is_copy=prints > 0, copy_number=prints),
        "is_screen": True,
        "prints": prints,
        "may_print": has_role(request.user, CLERK, SUPERVISOR),
        "may_cancel": _is_cancellable(found) and has_role(request.user, SUPERVISOR),
        "is_just_taken": "taken" in request.GET,
        "is_roll_first": _paper(request.GET.get("paper", "")) is paper.Paper.SLIP,
    }
    return render(request, "payments/receipt.html", context)


@roles(*PAYMENT_READERS)
@require_safe
def receipt_pdf(request: HttpRequest, series: str, year: str, number: int) -> HttpResponse:
    """A copy as PDF: reading it changes nothing, so it is never the original."""
    found = _receipt(request.user, series, year, number)
    return _pdf(paper.as_pdf([found], paper=_paper(request.GET.get("paper", ""))), found)


@roles(CLERK, SUPERVISOR)
@require_POST
def print_receipt(request: HttpRequest, series: str, year: str, number: int) -> HttpResponse:
    """The PDF for the printer; the first print is the original."""
    found = _receipt(request.user, series, year, number)
    chosen = _paper(request.POST.get("paper", ""))
    return _pdf(paper.print_receipt(found, user=signed_in(request), paper=chosen), found)


def address_of(receipt: Receipt) -> str:
    """Where a receipt's page is."""
    return reverse("payments:receipt", args=[receipt.series, receipt.year, receipt.number])


def _receipt(user: Somebody, series: str, year: str, number: int) -> Receipt:
    rows = receipts_visible_to(user).select_related(
        "payment__channel", "payment__counter", "payment__bill", "payment__consumer__office"
    )
    return get_object_or_404(rows, series=series, year=year, number=number)


def _paper(asked: str) -> paper.Paper:
    return paper.Paper.SLIP if asked == paper.Paper.SLIP else paper.Paper.A5


def _is_cancellable(receipt: Receipt) -> bool:
    payment = receipt.payment
    return (
        receipt.cancelled_at is None
        and payment.counter_id is not None
        and payment.deposit_id is None
        and payment.state == State.SUCCEEDED
        and payment.business_date == today()
    )


def _pdf(body: bytes, receipt: Receipt) -> HttpResponse:
    name = receipt.label.replace("/", "-")
    return HttpResponse(
        body,
        content_type=PDF,
        headers={
            "Content-Disposition": f'inline; filename="{name}.pdf"',
            "Cache-Control": "no-store",
        },
    )
