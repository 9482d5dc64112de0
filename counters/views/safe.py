"""The safe of an office: what it must hold, its moves, floats out of it, and its corrections."""

import uuid
from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from counters import checks, drawer_forms, safe, standing
from counters.models import CashMove
from counters.selectors import cash_moves_visible_to, checks_visible_to
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from payments.forms import DAY_FORMATS
from payments.models import Counter
from people.access import has_role, offices_of, roles, signed_in, who_work_in
from people.models import Office, User
from people.roles import CLERK, READERS, SUPERVISOR

PAGE_SIZE: Final = 50
SAFE_READERS: Final = (SUPERVISOR, *READERS)


class _Filter(forms.Form):
    day = forms.DateField(required=False, input_formats=DAY_FORMATS)
    kind = forms.MultipleChoiceField(required=False, choices=CashMove.Kind.choices)


@roles(*SAFE_READERS)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The safes of the user's offices; of one alone its own page."""
    mine = list(_offices(request))
    if len(mine) == 1:
        return redirect("counters:safe", mine[0].code)
    context = {
        "rows": [{"office": office, "paise": safe.position(office)} for office in mine],
        "columns": [{"label": _("Office")}, {"label": _("In the safe, ₹"), "is_end": True}],
    }
    return render(request, "counters/safe_list.html", context)


@roles(*SAFE_READERS)
@require_safe
def page(request: HttpRequest, code: str) -> HttpResponse:
    """What the safe must hold, what waits, and every move."""
    return _page(request, _office(request, code))


@roles(SUPERVISOR)
@require_POST
def issue(request: HttpRequest, code: str) -> HttpResponse:
    """A float for a clerk."""
    office = _office(request, code)
    by = signed_in(request)
    form = drawer_forms.FloatForm(request.POST, clerks=_clerks(office, by))
    if form.is_valid():
        receiver = User.objects.get(username=form.cleaned_data["receiver"])
        try:
            made = safe.issue_float(
                office,
                amount_paise=form.cleaned_data["amount"],
                by=by,
                submit_key=str(form.cleaned_data["submit_key"]),
                receiver=receiver,
            )
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            words = _("%(amount)s for %(clerk)s: it is theirs once they have counted it.")
            facts = {
                "amount": grouped_rupees(made.amount_paise),
                "clerk": receiver.get_full_name(),
            }
            messages.success(request, words % facts)
            return redirect("counters:safe", office.code)
    return _page(request, office, float_form=form)


@roles(SUPERVISOR)
@require_http_methods(["GET", "HEAD", "POST"])
def count(request: HttpRequest, code: str) -> HttpResponse:
    """Count the safe: for the first time, or to have its books follow the count."""
    office = _office(request, code)
    is_first = not _was_opened(office)
    kind = drawer_forms.CountForm if is_first else drawer_forms.CorrectionForm
    form: drawer_forms.CountForm = (
        kind(request.POST)
        if request.method == "POST"
        else kind(initial={"submit_key": uuid.uuid4()})
    )
    if request.method == "POST" and form.is_valid():
        try:
            _counted(office, form, by=signed_in(request))
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Kept. A second person confirms it."))
            return redirect("counters:safe", office.code)
    context = {"office": office, "form": form, "is_first": is_first}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "counters/safe_count.html", context, status=status)


def _counted(office: Office, form: drawer_forms.CountForm, *, by: User) -> None:
    key = str(form.cleaned_data["submit_key"])
    if isinstance(form, drawer_forms.CorrectionForm):
        reason = form.cleaned_data["reason"]
        safe.ask_correction(
            office, counted=form.denominations, reason=reason, by=by, submit_key=key
        )
    else:
        safe.ask_opening(office, counted=form.denominations, by=by, submit_key=key)


def _page(
    request: HttpRequest, office: Office, *, float_form: forms.Form | None = None
) -> HttpResponse:
    user = signed_in(request)
    moves = (
        cash_moves_visible_to(user)
        .filter(office_day__office=office)
        .exclude(from_safe=False, to_safe=False)
        .select_related("maker", "checker", "from_shift__clerk", "to_shift__clerk", "receiver")
        .select_related("counter", "office_day")
    )
    waits = moves.filter(state=CashMove.State.ASKED).order_by("pk")
    form = _Filter(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    if wanted.get("day"):
        moves = moves.filter(office_day__business_date=wanted["day"])
    if wanted.get("kind"):
        moves = moves.filter(kind__in=wanted["kind"])
    context = {
        "office": office,
        "position": safe.position(office),
        "was_opened": _was_opened(office),
        "waits": waits[:PAGE_SIZE],
        "page": Paginator(moves.order_by("-pk"), PAGE_SIZE).get_page(request.GET.get("page")),
        "sums": standing.sums_by_kind(moves.filter(state=CashMove.State.DONE)),
        "filters": _filters(),
        "columns": _columns(),
        "checks": checks_visible_to(user)
        .filter(office_day__office=office, shift__isnull=True)
        .select_related("by")
        .order_by("-pk")[:5],
        "float_form": float_form
        or drawer_forms.FloatForm(
            initial={"submit_key": uuid.uuid4()}, clerks=_clerks(office, user)
        ),
        "may_move": has_role(user, SUPERVISOR),
        "may_check": has_role(user, *checks.CHECKERS),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if float_form or form.errors else HTTPStatus.OK
    return render(request, "counters/safe.html", context, status=status)


def _filters() -> list[dict[str, Any]]:
    return [
        {"name": "day", "label": _("Day"), "kind": "day"},
        {
            "name": "kind",
            "label": _("Kind"),
            "choices": [{"value": value, "label": label} for value, label in CashMove.Kind.choices],
        },
    ]


def _columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Move")},
        {"label": _("When"), "is_minor": True},
        {"label": _("By"), "is_minor": True},
        {"label": _("State"), "is_minor": True},
        {"label": _("Into the safe, ₹"), "is_end": True},
        {"label": _("Out of it, ₹"), "is_end": True},
    ]


def _offices(request: HttpRequest) -> Any:
    keeps = Counter.objects.filter(keeps_shifts=True).values("office_id")
    return offices_of(request.user).filter(pk__in=keeps).order_by("code")


def _office(request: HttpRequest, code: str) -> Office:
    return get_object_or_404(offices_of(request.user), code=code)


def _was_opened(office: Office) -> bool:
    opening = CashMove.objects.filter(office_day__office=office, kind=CashMove.Kind.OPENING)
    return opening.exclude(state=CashMove.State.REFUSED).exists()


def _clerks(office: Office, by: User) -> list[tuple[str, str]]:
    """Who may get a float: clerks and supervisors who work at the office, but for who gives it."""
    known = who_work_in(office, CLERK, SUPERVISOR).exclude(pk=by.pk)
    return [(one.username, one.get_full_name()) for one in known.order_by("full_name", "username")]
