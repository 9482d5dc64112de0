"""The office's day: what is left to do, the blind count of the safe, closing, the cash book."""

import uuid
from datetime import date
from http import HTTPStatus
from typing import Final

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from counters import bank_forms, cash_book, closing
from counters.drawer_forms import CountForm
from counters.models import OfficeDay
from counters.selectors import office_days_visible_to
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from payments import looks
from payments.forms import DAY_FORMATS
from people.access import has_role, offices_of, roles, signed_in
from people.roles import CLERK, READERS, SUPERVISOR

PAGE_SIZE: Final = 50
DAY_READERS: Final = (SUPERVISOR, *READERS)


class _Filter(forms.Form):
    day = forms.DateField(required=False, input_formats=DAY_FORMATS)
    state = forms.MultipleChoiceField(required=False, choices=OfficeDay.State.choices)


@roles(*DAY_READERS)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The days of the user's offices, the latest first."""
    form = _Filter(request.GET)
    rows = office_days_visible_to(request.user)
    asked = form.cleaned_data if form.is_valid() else {}
    if asked.get("day"):
        rows = rows.filter(business_date=asked["day"])
    late = rows.filter(state=OfficeDay.State.OPEN, business_date__lt=today()).count()
    if asked.get("state"):
        rows = rows.filter(state__in=asked["state"])
    listed = rows.select_related("office", "closed_by").order_by("-business_date", "office__code")
    context = {
        "page": Paginator(listed, PAGE_SIZE).get_page(request.GET.get("page")),
        "late": late,
        "today": today(),
        "columns": [
            {"label": _("Day")},
            {"label": _("Office")},
            {"label": _("State")},
            {"label": _("Closed"), "is_minor": True},
            {"label": _("In the safe at close, ₹"), "is_end": True},
        ],
        "filters": [
            {
                "name": "state",
                "label": _("State"),
                "choices": [
                    {"value": value, "label": label} for value, label in OfficeDay.State.choices
                ],
            },
            {"name": "day", "label": _("Day"), "kind": "day"},
        ],
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "counters/day_list.html", context, status=status)


@roles(*DAY_READERS)
@require_safe
def page(request: HttpRequest, code: str, day: str) -> HttpResponse:
    """One day of one office: what is left to do, and its sums; of a closed day as they stood."""
    return _page(request, _day(request, code, day), bank_forms.CloseDayForm())


@roles(CLERK, SUPERVISOR)
@require_http_methods(["GET", "HEAD", "POST"])
def count(request: HttpRequest, code: str, day: str) -> HttpResponse:
    """Count the safe; what it must hold is not shown before."""
    found = _day(request, code, day)
    form = (
        CountForm(request.POST)
        if request.method == "POST"
        else CountForm(initial={"submit_key": uuid.uuid4()})
    )
    if request.method == "POST" and form.is_valid():
        try:
            kept = closing.count_safe(
                found,
                by=signed_in(request),
                counted=form.denominations,
                submit_key=str(form.cleaned_data["submit_key"]),
            )
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            return _after_count(request, found, kept.counted_paise == kept.expected_paise)
    context = {"day": found, "form": form}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "counters/day_count.html", context, status=status)


def _after_count(request: HttpRequest, found: OfficeDay, is_right: bool) -> HttpResponse:
    if is_right:
        messages.success(request, _("The safe holds what it must. A supervisor closes the day."))
    else:
        messages.warning(request, _("The count is kept. It is not what the books say."))
    if has_role(request.user, SUPERVISOR):
        return redirect("counters:office_day", found.office.code, found.business_date.isoformat())
    return redirect("counters:history")


@roles(SUPERVISOR)
@require_POST
def close(request: HttpRequest, code: str, day: str) -> HttpResponse:
    """Close the day for good."""
    found = _day(request, code, day)
    form = bank_forms.CloseDayForm(request.POST)
    if form.is_valid():
        try:
            closing.close(found, by=signed_in(request), stays=form.cleaned_data["stays"])
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The day is closed. Nothing is dated on it any more."))
            return redirect("counters:office_day", code, day)
    return _page(request, found, form)


@roles(*DAY_READERS)
@require_safe
def book(request: HttpRequest, code: str, day: str) -> HttpResponse:
    """The cash book of the day as PDF."""
    found = _day(request, code, day)
    name = f"cash-book-{found.office.code}-{found.business_date}.pdf"
    headers = {
        "Content-Disposition": f'inline; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return HttpResponse(cash_book.pdf(found), content_type="application/pdf", headers=headers)


def _page(request: HttpRequest, found: OfficeDay, form: forms.Form) -> HttpResponse:
    is_open = found.state == OfficeDay.State.OPEN
    items = closing.to_do(found) if is_open else []
    context = {
        "day": found,
        "items": items,
        "is_ready": all(item.is_done for item in items if item.is_blocking),
        "is_late": is_open and found.business_date < today(),
        "wants_words": any(item.code == "deposit" and not item.is_done for item in items),
        "count": closing.last_count(found),
        "book": cash_book.book_of(found),
        "form": form,
        "may_close": is_open and has_role(request.user, SUPERVISOR),
        "methods": looks.METHODS,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "counters/day.html", context, status=status)


def _day(request: HttpRequest, code: str, day: str) -> OfficeDay:
    """A day begins with the first shift or move; before that there is nothing to close."""
    try:
        on = date.fromisoformat(day)
    except ValueError as error:
        raise Http404 from error
    office = get_object_or_404(offices_of(request.user), code=code)
    rows = office_days_visible_to(request.user).select_related("office", "closed_by")
    return get_object_or_404(rows, office=office, business_date=on)
