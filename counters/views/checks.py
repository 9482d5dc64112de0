"""Surprise checks and the register of counterfeit notes."""

import uuid
from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from counters import checks, counterfeits, drawer_forms, shifts
from counters.models import CounterfeitNote, Shift, SurpriseCheck
from counters.selectors import checks_visible_to, counterfeits_visible_to, shifts_visible_to
from counters.states import ShiftState
from cspdcl.kernel.clock import day_bounds
from cspdcl.kernel.errors import DomainError
from payments.forms import DAY_FORMATS
from people.access import has_role, offices_of, roles, signed_in
from people.models import Office
from people.roles import CLERK, READERS, SUPERVISOR

PAGE_SIZE: Final = 50
CHECK_READERS: Final = (SUPERVISOR, *READERS)


class _Day(forms.Form):
    day = forms.DateField(required=False, input_formats=DAY_FORMATS)


# ---- surprise checks ----


@roles(*CHECK_READERS)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every sheet, and the drawers that could be checked now."""
    user = signed_in(request)
    form = _Day(request.GET)
    rows = checks_visible_to(user).select_related(
        "office_day__office", "shift__counter", "shift__clerk", "by"
    )
    if form.is_valid() and form.cleaned_data["day"]:
        rows = rows.filter(office_day__business_date=form.cleaned_data["day"])
    page = Paginator(rows.order_by("-pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    may_check = has_role(user, *checks.CHECKERS)
    drawers = shifts_visible_to(user).exclude(state=ShiftState.CLOSED).exclude(clerk=user)
    context = {
        "page": page,
        "drawers": drawers.select_related("counter__office", "clerk").order_by("counter__code")
        if may_check
        else [],
        "columns": [
            {"label": _("Checked")},
            {"label": _("What")},
            {"label": _("By"), "is_minor": True},
            {"label": _("Counted, ₹"), "is_end": True},
            {"label": _("Over or short, ₹"), "is_end": True},
        ],
        "filters": [{"name": "day", "label": _("Day"), "kind": "day"}],
    }
    return render(request, "counters/check_list.html", context)


@roles(*checks.CHECKERS)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Count a drawer (?shift=) or a safe (?office=) now; what it must hold is shown afterwards."""
    shift, office = _what(request)
    form = (
        drawer_forms.CheckForm(request.POST)
        if request.method == "POST"
        else drawer_forms.CheckForm(initial={"submit_key": uuid.uuid4()})
    )
    if request.method == "POST" and form.is_valid():
        by, words = signed_in(request), form.cleaned_data["words"]
        try:
            if shift is not None:
                made = checks.check_drawer(shift, by=by, counted=form.denominations, words=words)
            else:
                made = checks.check_safe(office, by=by, counted=form.denominations, words=words)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("counters:check", made.public_id)
    context = {"form": form, "shift": shift, "office": office}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "counters/check_new.html", context, status=status)


@roles(*CHECK_READERS)
@require_safe
def page(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The sheet of one check."""
    found = _check(request, public_id)
    context = {"check": found, "lines": checks.lines(found)}
    return render(request, "counters/check.html", context)


@roles(*CHECK_READERS)
@require_safe
def sheet(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The same on paper, A4."""
    found = _check(request, public_id)
    name = f"check-{found.office_day.business_date}-{found.office_day.office.code}.pdf"
    return HttpResponse(
        checks.sheet(found),
        content_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


def _check(request: HttpRequest, public_id: uuid.UUID) -> SurpriseCheck:
    rows = checks_visible_to(request.user).select_related(
        "office_day__office", "shift__counter", "shift__clerk", "by"
    )
    return get_object_or_404(rows, public_id=public_id)


def _what(request: HttpRequest) -> tuple[Shift | None, Office]:
    shift, office = request.GET.get("shift", ""), request.GET.get("office", "")
    if shift:
        try:
            key = uuid.UUID(shift)
        except ValueError as error:
            raise Http404 from error
        rows = shifts_visible_to(request.user).select_related("counter__office", "clerk")
        found = get_object_or_404(rows, public_id=key)
        return found, found.counter.office
    return None, get_object_or_404(offices_of(request.user), code=office)


# ---- counterfeit notes ----


class _NoteFilter(_Day):
    state = forms.MultipleChoiceField(
        required=False, choices=[("open", "open"), ("reported", "reported")]
    )


@roles(CLERK, *CHECK_READERS)
@require_safe
def register(request: HttpRequest) -> HttpResponse:
    """The register of counterfeit notes."""
    return _register(request)


@roles(CLERK, SUPERVISOR)
@require_http_methods(["GET", "HEAD", "POST"])
def impound(request: HttpRequest) -> HttpResponse:
    """Enter a note that was found false at the window."""
    user = signed_in(request)
    shift = shifts.shift_of(user)
    if shift is None:
        messages.error(request, _("A note is entered in a shift: open one first."))
        return redirect("counters:shift")
    form = drawer_forms.CounterfeitForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            note = counterfeits.impound(shift, by=user, **form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            words = _("The note %(serial)s is impounded. It stays out of the drawer.")
            messages.success(request, words % {"serial": note.serial})
            return redirect("counters:counterfeits")
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "counters/counterfeit_new.html", {"form": form}, status=status)


@roles(SUPERVISOR)
@require_POST
def report(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Keep that the police was told."""
    found = get_object_or_404(counterfeits_visible_to(request.user), public_id=public_id)
    form = drawer_forms.PoliceForm(request.POST, auto_id=f"id_{found.public_id}_%s")
    if form.is_valid():
        try:
            counterfeits.report(found, by=signed_in(request), **form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Kept in the register."))
            return redirect("counters:counterfeits")
    return _register(request, refused=(found, form))


def _register(
    request: HttpRequest, *, refused: tuple[CounterfeitNote, forms.Form] | None = None
) -> HttpResponse:
    user = signed_in(request)
    form = _NoteFilter(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    rows = counterfeits_visible_to(user).select_related("shift__counter__office", "by")
    if wanted.get("day"):
        first, after = day_bounds(wanted["day"])
        rows = rows.filter(at__gte=first, at__lt=after)
    if len(wanted.get("state") or []) == 1:
        rows = rows.filter(reported_on__isnull=wanted["state"] == ["open"])
    if refused is not None:
        rows = counterfeits_visible_to(user).filter(pk=refused[0].pk)  # wherever the list was
    page = Paginator(rows.order_by("-pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    may_report = has_role(user, SUPERVISOR)
    context = {
        "page": page,
        "rows": [
            {"note": one, "form": _police(one, refused) if may_report else None}
            for one in page.object_list
        ],
        "refused": refused[1] if refused else None,
        "columns": _note_columns(),
        "filters": [
            {"name": "day", "label": _("Day"), "kind": "day"},
            {
                "name": "state",
                "label": _("Police"),
                "choices": [
                    {"value": "open", "label": _("not told yet")},
                    {"value": "reported", "label": _("told")},
                ],
            },
        ],
        "sums": [
            {"label": _("notes"), "count": page.paginator.count},
            {
                "label": _("not told to the police"),
                "count": rows.filter(reported_on__isnull=True).count(),
                "tone": "open",
            },
        ],
        "may_enter": has_role(user, CLERK, SUPERVISOR),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK
    return render(request, "counters/counterfeit_list.html", context, status=status)


def _police(
    note: CounterfeitNote, refused: tuple[CounterfeitNote, forms.Form] | None
) -> forms.Form | None:
    if note.reported_on is not None:
        return None
    if refused is not None and refused[0].pk == note.pk:
        return refused[1]
    return drawer_forms.PoliceForm(auto_id=f"id_{note.public_id}_%s")


def _note_columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Note")},
        {"label": _("Found"), "is_minor": True},
        {"label": _("Where")},
        {"label": _("Tendered by"), "is_minor": True},
        {"label": _("Police")},
    ]
