"""The code a payer scans, and what became of it: asked for again until the money is there."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from channels_ import upi
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError, Malformed
from payments import orders
from payments.actions import NotPayable
from payments.forms import UpiForm
from payments.models import Consumer, Payment
from payments.selectors import consumer_who_pays
from payments.states import State
from payments.views.receipts import address_of
from people.access import roles, signed_in
from people.roles import CLERK, SUPERVISOR

# A page that nobody looks at must not keep its owner signed in: it stops asking some time later.
_ASKED_FOR: Final = timedelta(minutes=10)
_OPEN: Final = (State.CREATED, State.PENDING)


@roles(CLERK, SUPERVISOR)
@require_POST
def begin_upi(request: HttpRequest) -> HttpResponse:
    """Begin a payment by UPI and lead to its code; the same form twice leads to the same code."""
    form = UpiForm(request.POST)
    consumer = consumer_who_pays(request.POST.get("consumer", ""))
    if consumer is None or not form.is_valid():
        messages.error(request, _("Nothing was begun: choose the consumer and the amount again."))
        return _back(consumer)
    asked = form.cleaned_data
    bill = consumer.bills.filter(number=asked["bill"]).first() if asked["bill"] else None
    channel = orders.upi_channels().first()
    if channel is None or (asked["bill"] and bill is None):
        messages.error(request, _("This cannot be paid by UPI now."))
        return _back(consumer)
    try:
        begun = orders.begin(
            channel,
            consumer=consumer,
            bill=bill,
            amount_paise=asked["amount"],
            actor=signed_in(request),
            submit_key=str(asked["submit_key"]),
        )
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return _back(consumer)
    return HttpResponseRedirect(reverse("payments:pay", args=[begun.payment.reference]))


@roles(CLERK, SUPERVISOR)
@require_safe
def pay(request: HttpRequest, reference: str) -> HttpResponse:
    """The page with the code, the amount and the state."""
    return render(request, "payments/pay.html", _context(_payment(request, reference)))


@roles(CLERK, SUPERVISOR)
@require_safe
def pay_state(request: HttpRequest, reference: str) -> HttpResponse:
    """The part of the page that changes."""
    return render(request, "payments/pay_state.html", _context(_payment(request, reference)))


@roles(CLERK, SUPERVISOR)
@require_safe
def pay_code(request: HttpRequest, reference: str) -> HttpResponse:
    """The code as a picture, as long as it is offered."""
    payment = _payment(request, reference)
    if not orders.is_offered(payment):
        return HttpResponse(status=HTTPStatus.GONE)
    picture = upi.svg(_link(payment))
    return HttpResponse(
        picture, content_type="image/svg+xml", headers={"Cache-Control": "no-store"}
    )


def masked_name(name: str) -> str:
    """The first letter of each word: who stands there knows it, who looks over does not."""
    return " ".join(f"{word[0]}•••" for word in name.split())


def _payment(request: HttpRequest, reference: str) -> Payment:
    if "\0" in reference or len(reference) > 32:
        raise Http404
    shown = orders.orders_shown_to(signed_in(request)).filter(channel__adapter=orders.UPI_ADAPTER)
    return get_object_or_404(shown, reference=reference.upper())


def _link(payment: Payment) -> str:
    try:
        return upi.link_of(orders.upi_offer(payment))
    except Malformed as error:
        raise NotPayable(f"{payment.channel.code} is not set up: {error}") from error


def _context(payment: Payment) -> dict[str, Any]:
    ends_at = orders.expires_at(payment)
    is_offered = orders.is_offered(payment)
    receipt = getattr(payment, "receipt", None)
    return {
        "payment": payment,
        "consumer_name": masked_name(payment.consumer.name) if payment.consumer else "",
        "link": _link(payment) if is_offered else "",
        "ends_at": ends_at,
        "is_offered": is_offered,
        "is_paid": payment.state == State.SUCCEEDED,
        "is_failed": payment.state == State.FAILED,
        "is_tried": payment.state == State.PENDING,
        "receipt_url": address_of(receipt) if receipt is not None else "",
        "is_watched": payment.state in _OPEN and now() < ends_at + _ASKED_FOR,
    }


def _back(consumer: Consumer | None) -> HttpResponse:
    query = f"?{urlencode({'consumer': consumer.number})}" if consumer else ""
    return HttpResponseRedirect(f"{reverse('counters:counter')}{query}")
