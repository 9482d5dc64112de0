"""The public proof of a receipt: what anybody may know who holds the paper. It names nobody."""

import re
from http import HTTPStatus
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_safe

from channels_.views import address_of
from cspdcl.kernel.pace import Pace
from payments import paper, proofs
from payments.models import Receipt

WRONG: Final = Pace(30, seconds=600)  # many phones share an address of their network

_TYPED: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
}


@login_not_required
@require_safe
def ask(request: HttpRequest) -> HttpResponse:
    """A place to type the code that stands below the picture, and the way to its answer."""
    typed = "".join(request.GET.get("code", "").split())
    if _TYPED.fullmatch(typed):
        return HttpResponseRedirect(reverse("payments:check", args=[typed.upper()]))
    return _page({"is_asking": True, "is_unknown": bool(typed)}, HTTPStatus.OK)


@login_not_required
@require_safe
def check(request: HttpRequest, token: str) -> HttpResponse:
    """What the receipt of a token is worth; for every other word the same answer, 404."""
    address = address_of(request)
    if WRONG.is_over(address):
        answer = _page({"is_too_often": True}, HTTPStatus.TOO_MANY_REQUESTS)
        answer["Retry-After"] = str(WRONG.seconds)
        return answer
    receipt = proofs.receipt_of(token)
    if receipt is None:
        WRONG.count(address)
        return _page({"is_unknown": True}, HTTPStatus.NOT_FOUND)
    return _page(_facts(receipt), HTTPStatus.OK)


def masked(number: str) -> str:
    """The end of a consumer number: who holds the bill knows the rest."""
    shown = 4 if len(number) >= 8 else 2
    return f"••••{number[-shown:]}" if number else ""


def _facts(receipt: Receipt) -> dict[str, Any]:
    payment = receipt.payment
    told = paper.hand_overs([receipt]).get(receipt.pk, paper.HandOver())
    tenders = paper.how_paid(payment)
    return {
        "receipt": receipt,
        "amount_paise": payment.amount_paise,
        "paid_at": payment.succeeded_at,
        "place": paper.place_of(payment),
        "consumer": masked(payment.consumer_number),
        "methods": list(dict.fromkeys((one["hindi"], one["english"]) for one in tenders)),
        "is_cancelled": receipt.cancelled_at is not None,
        "is_to_be_cleared": any(one["is_to_be_cleared"] for one in tenders),
        "replaced_by": told.replaced_by,
    }


def _page(context: dict[str, Any], status: HTTPStatus) -> HttpResponse:
    """Without the request: nothing of a session belongs on a page for everybody."""
    text = render_to_string("payments/check.html", context)
    return HttpResponse(text, status=status, headers=_HEADERS)
