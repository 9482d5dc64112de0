"""The clerk's one page: consumer, dues, tender, receipt. Everything works from the keyboard."""

import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from counters import board
from counters.finding import find
from counters.forms import TENDERS, TakeForm
from counters.taking import (
    HandOver,
    NotTaken,
    ShareAsked,
    Taken,
    TenderAsked,
    receipts_given,
    take_one,
)
from counters.tenders import PAPER
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import PAISE_MAX, grouped_rupees
from payments import looks
from payments.actions import SubmittedBefore
from payments.consumers import mobile_of
from payments.models import Bill, Consumer, Counter
from payments.orders import upi_channels
from payments.selectors import consumer_who_pays, counters_visible_to, dues_of
from payments.views.receipts import address_of
from people.access import roles, signed_in
from people.models import User
from people.roles import CLERK, SUPERVISOR

_REMEMBERED: Final = "counter"  # in the session: the window a clerk sits at today
_KEYS: Final = {"cash": "c", "cheque": "q", "draft": "d"}
_PAPER_FIELDS: Final = ("instrument", "bank_name", "instrument_date", "micr")
_PAGE_KEYS: Final = (
    {"label": gettext_lazy("Next field"), "keys": ["Tab"]},
    {"label": gettext_lazy("Go on, take"), "keys": ["Enter"]},
    {"label": gettext_lazy("Cash, cheque, draft"), "keys": list(_KEYS.values())},
    {"label": gettext_lazy("Next consumer"), "keys": ["n"]},
    {"label": gettext_lazy("The last receipt"), "keys": ["r"]},
)


@roles(CLERK, SUPERVISOR)
@require_http_methods(["GET", "HEAD", "POST"])
def counter(request: HttpRequest) -> HttpResponse:
    """Choose the window, find the consumer, take the money."""
    user = signed_in(request)
    mine = list(
        counters_visible_to(user).filter(is_open=True).select_related("office").order_by("code")
    )
    here = _chosen(request, mine)
    if here is None:
        return render(request, "counters/choose_counter.html", {"counters": mine})
    if request.method == "POST":
        return _take(request, user, here, mine)
    return _page(request, user, here, mine, words=request.GET.get("consumer", ""))


def _chosen(request: HttpRequest, mine: Sequence[Counter]) -> Counter | None:
    asked = request.POST.get("counter") or request.GET.get("counter")
    wanted = asked or request.session.get(_REMEMBERED)
    found = next((one for one in mine if one.code == wanted), None)
    if found is None and not asked and len(mine) == 1:
        found = mine[0]
    if found is not None and request.session.get(_REMEMBERED) != found.code:
        request.session[_REMEMBERED] = found.code
    return found


def _take(request: HttpRequest, user: User, here: Counter, mine: Sequence[Counter]) -> HttpResponse:
    number = request.POST.get("consumer", "")
    consumer = consumer_who_pays(number)
    dues = list(dues_of(consumer)) if consumer else []
    bill = next((one for one in dues if one.number == request.POST.get("bill")), None)
    # What was sent before has changed the dues itself: it is not judged by them again.
    key = request.POST.get("submit_key", "")
    was_sent = bool(receipts_given(here, clerk=user, submit_key=key))
    form = TakeForm(request.POST, due_paise=PAISE_MAX if was_sent else _outstanding(bill))
    if consumer is not None and form.is_valid():
        try:
            taken = _taken(user, here, consumer, form)
        except SubmittedBefore:
            words = _("This form has given a receipt already, for something else. Start again.")
            form.add_error(None, words)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            return _answer(request, taken)
    return _page(request, user, here, mine, words=number, form=form)


def _taken(user: User, here: Counter, consumer: Consumer, form: TakeForm) -> Taken:
    """The receipt; the bill is taken as the form said it, so that a second press asks the same."""
    asked = form.cleaned_data
    is_paper = form.method in PAPER
    tender = TenderAsked(
        method=form.method,
        amount_paise=asked["amount"],
        instrument=asked["instrument"] if is_paper else "",
        instrument_date=asked["instrument_date"] if is_paper else None,
        bank_name=asked["bank_name"] if is_paper else "",
        micr=asked["micr"] if is_paper else "",
    )
    share = ShareAsked(
        consumer_number=consumer.number,
        amount_paise=asked["amount"],
        bill_number=asked["bill"],
        is_advance=asked["is_advance"],
    )
    return take_one(
        here,
        clerk=user,
        asked=HandOver(
            submit_key=str(asked["submit_key"]),
            shares=[share],
            tenders=[tender],
            received_paise=asked["received"],
        ),
    )


def _answer(request: HttpRequest, taken: Taken) -> HttpResponse:
    if not taken.receipts:
        raise NotTaken(_("Nothing was taken."))
    receipt = taken.receipts[0]
    if taken.is_new and taken.change_paise:
        back = grouped_rupees(taken.change_paise)
        messages.info(request, _("Give back %(amount)s.") % {"amount": back})
    if not taken.is_new:
        messages.info(request, _("This form was sent before; here is its receipt."))
    return HttpResponseRedirect(f"{address_of(receipt)}?taken")


def _page(
    request: HttpRequest,
    user: User,
    here: Counter,
    mine: Sequence[Counter],
    *,
    words: str,
    form: TakeForm | None = None,
) -> HttpResponse:
    found = find(user, words).consumers
    consumer = found[0] if len(found) == 1 else None
    dues = list(dues_of(consumer)) if consumer else []
    bill = _bill(dues, _asked_bill(request))
    if consumer is not None and form is None:
        form = _empty_form(consumer, bill)
    if form is not None:
        _focus(form)
    (day,) = board.counter_days([here], on=today())
    context = {
        "here": here,
        "counters": mine,
        "words": words,
        "found": found,
        "consumer": consumer,
        "mobile": _masked(mobile_of(consumer)) if consumer else "",
        "dues": dues,
        "due_paise": sum(_outstanding(one) for one in dues),
        "bill": bill,
        "form": form if consumer else None,
        "tenders": _tenders(form) if consumer and form else [],
        "paper_fields": [form[name] for name in _PAPER_FIELDS] if form else [],
        "day": day,
        "last": board.last_receipts(user, here),
        "methods": looks.METHODS,
        "page_keys": _PAGE_KEYS,
        "has_upi": consumer is not None and upi_channels().exists(),
    }
    is_refused = request.method == "POST"
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_refused else HTTPStatus.OK
    return render(request, "counters/till.html", context, status=status)


def _asked_bill(request: HttpRequest) -> str:
    return request.POST.get("bill", "") if request.method == "POST" else request.GET.get("bill", "")


def _bill(dues: Sequence[Bill], number: str) -> Bill | None:
    """The bill that was named, else the one that is due first."""
    named = next((bill for bill in dues if bill.number == number), None)
    return named or (dues[0] if dues else None)


def _outstanding(bill: Bill | None) -> int:
    return int(getattr(bill, "outstanding_paise", 0)) if bill else 0


def _empty_form(consumer: Consumer, bill: Bill | None) -> TakeForm:
    return TakeForm(
        due_paise=_outstanding(bill),
        initial={
            "submit_key": uuid.uuid4(),
            "consumer": consumer.number,
            "bill": bill.number if bill else "",
            "tender": "cash",
            "amount": _outstanding(bill) or None,
        },
    )


def _focus(form: TakeForm) -> None:
    """The cursor stands where the clerk types next: at the first error, else at the cash."""
    wrong = [name for name in form.fields if name in form.errors] if form.is_bound else []
    first = wrong[0] if wrong else "received" if form["amount"].value() else "amount"
    form.fields[first].widget.attrs["autofocus"] = True


def _tenders(form: forms.Form) -> list[Mapping[str, Any]]:
    chosen = form["tender"].value()
    return [
        {
            "value": value,
            "label": looks.METHODS[method],
            "key": _KEYS[value],
            "is_chosen": value == chosen,
        }
        for value, method in TENDERS.items()
    ]


def _masked(mobile: str) -> str:
    return f"••••••{mobile[-4:]}" if mobile else ""
