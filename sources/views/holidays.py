"""The calendar of bank holidays: a year of it, and the three ways to change it."""

from datetime import date
from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cspdcl.kernel.clock import today
from cspdcl.kernel.workdays import is_working_day
from people.access import has_role, roles, signed_in
from people.roles import ADMINISTRATOR, FINANCE_OFFICER, OPERATOR
from sources import holidays
from sources.forms import HolidayFile, HolidayForm, HolidayKey, YearFilter
from sources.models import Holiday
from sources.selectors import SOURCE_READERS, holidays_visible_to

KEEPERS: Final = (FINANCE_OFFICER, OPERATOR, ADMINISTRATOR)


@roles(*SOURCE_READERS)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """The holidays of a year."""
    return _show(request)


@roles(*KEEPERS)
@require_POST
def put(request: HttpRequest) -> HttpResponse:
    """Add a holiday, or give it another name."""
    form = HolidayForm(request.POST)
    if not form.is_valid():
        return _show(request, form=form)
    told = form.cleaned_data
    made = holidays.put(told["day"], name=told["name"], state=told["state"], by=signed_in(request))
    messages.success(request, _("%(name)s is in the calendar.") % {"name": made.name})
    return redirect(_of_year(made.day))


@roles(*KEEPERS)
@require_POST
def load(request: HttpRequest) -> HttpResponse:
    """Take a list of holidays whole, or name the rows that cannot be taken."""
    form = HolidayFile(request.POST, request.FILES)
    if not form.is_valid():
        return _show(request, file_form=form)
    try:
        done = holidays.load(form.cleaned_data["file"], by=signed_in(request))
    except holidays.BadHolidays as refused:
        for problem in refused.problems[: holidays.PROBLEMS_SHOWN]:
            form.add_error("file", problem)
        return _show(request, file_form=form)
    words = _("%(new)s holidays added, %(renamed)s named anew, %(known)s known.")
    messages.success(
        request, words % {"new": done.new, "renamed": done.renamed, "known": done.known}
    )
    return redirect("sources:holidays")


@roles(*KEEPERS)
@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """Take a holiday off the calendar."""
    key = HolidayKey(request.POST)
    asked = key.cleaned_data if key.is_valid() else {"day": None, "state": ""}
    visible = holidays_visible_to(request.user)
    found = get_object_or_404(visible, day=asked["day"], state=asked["state"])
    holidays.remove(found, by=signed_in(request))
    messages.success(request, _("%(name)s was taken off the calendar.") % {"name": found.name})
    return redirect(_of_year(found.day))


def _show(
    request: HttpRequest, *, form: HolidayForm | None = None, file_form: HolidayFile | None = None
) -> HttpResponse:
    asked = YearFilter(request.GET)
    year = (asked.cleaned_data["year"] if asked.is_valid() else None) or today().year
    rows = list(holidays_visible_to(request.user).filter(day__year=year))
    refused = (form is not None and form.errors) or (file_form is not None and file_form.errors)
    context = {
        "year": year,
        "years": [year - 1, year, year + 1],
        "rows": [_row(one) for one in rows],
        "columns": _columns(may_edit=has_role(request.user, *KEEPERS)),
        "may_edit": has_role(request.user, *KEEPERS),
        "form": form or HolidayForm(),
        "file_form": file_form or HolidayFile(),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK
    return render(request, "sources/holidays.html", context, status=status)


def _row(one: Holiday) -> dict[str, Any]:
    return {"holiday": one, "is_extra": is_working_day(one.day, ()), "is_past": one.day < today()}


def _columns(*, may_edit: bool) -> list[dict[str, Any]]:
    columns: list[dict[str, Any]] = [
        {"label": _("Day")},
        {"label": _("Weekday"), "is_minor": True},
        {"label": _("Name")},
        {"label": _("State"), "is_minor": True},
        {"label": _("Changes"), "is_minor": True},
    ]
    return [*columns, {"label": "", "is_end": True}] if may_edit else columns


def _of_year(day: date) -> str:
    return f"{reverse('sources:holidays')}?year={day.year}"
