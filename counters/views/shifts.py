"""The clerk's drawer: open it, move its cash, count it; and the supervisor's answers."""

import uuid
from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from counters import checks, counts, differences, drawer_forms, drawers, shifts, standing
from counters.models import CashMove, Instrument, Shift
from counters.policy import policy_of
from counters.selectors import cash_moves_visible_to, shifts_visible_to
from counters.states import ShiftState
from counters.views.windows import chosen
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from payments import looks
from payments.forms import DAY_FORMATS
from payments.models import Counter
from payments.selectors import counters_visible_to
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import CLERK, FINANCE, READERS, SUPERVISOR

PAGE_SIZE: Final = 50
_DRAFT: Final = "draft of {}"  # in the session: a count that is not submitted

STATES: Final = {
    ShiftState.OPEN: ("ok", "lock-open"),
    ShiftState.COUNTING: ("wait", "calculator"),
    ShiftState.COUNTED: ("prop", "user-check"),
    ShiftState.CLOSED: ("", "lock"),
}


# ---- the clerk's own drawer ----


@roles(CLERK, SUPERVISOR)
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """The clerk's live shift; without one, the way to open it."""
    user = signed_in(request)
    shift = shifts.shift_of(user)
    if shift is None:
        return redirect("counters:shift_open")
    if shift.state == ShiftState.COUNTING:
        return redirect("counters:shift_count", shift.public_id)
    policy = policy_of(shift.counter.office)
    is_hidden = standing.is_hidden_from(user, shift)
    context = {
        "shift": shift,
        "is_hidden": is_hidden,
        "standing": None if is_hidden else standing.standing(shift),
        "is_over": shifts.is_over_limit(shift, policy),
        "policy": policy,
        "moves": standing.moves_of(shift)[:PAGE_SIZE],
        "to_count": cash_moves_visible_to(user)
        .filter(kind=CashMove.Kind.TRANSFER, to_shift=shift, state=CashMove.State.ASKED)
        .select_related("maker"),
        "floats": standing.floats_for(user, counters=[shift.counter_id]),
        "is_stale": shift.office_day.business_date != today(),
        "methods": looks.METHODS,
        "page_keys": [
            {"label": _("Hand cash in"), "keys": ["h"]},
            {"label": _("Count and close"), "keys": ["e"]},
        ],
    }
    return render(request, "counters/shift_mine.html", context)


@roles(CLERK, SUPERVISOR)
@require_http_methods(["GET", "HEAD", "POST"])
def open_(request: HttpRequest) -> HttpResponse:
    """Choose the window, count the float that waits, and open."""
    user = signed_in(request)
    if request.method != "POST" and shifts.shift_of(user) is not None:
        return redirect("counters:shift")
    windows = _windows(user)
    here = chosen(request, windows)
    waiting = standing.floats_for(user, counters=[here.pk]).first() if here else None
    form = _keyed(request, drawer_forms.CountForm)
    if request.method == "POST" and here is not None and (opened := _open(request, here, form)):
        words = _("Your shift at %(counter)s is open.") % {"counter": opened.counter.name}
        messages.success(request, words)
        return redirect("counters:counter")
    context = {"here": here, "windows": windows, "waiting": waiting, "form": form}
    return render(request, "counters/shift_open.html", context, status=_status(form))


def _open(request: HttpRequest, here: Counter, form: forms.Form) -> Shift | None:
    """The opened shift; None when it was refused, and the form says why."""
    user = signed_in(request)
    known = shifts.shift_at(here, clerk=user)
    if known is not None:  # sent twice
        return known
    if "without" in request.POST:
        return _open_without(request, here)
    if not isinstance(form, drawer_forms.CountForm) or not form.is_valid():
        return None
    try:
        rows = standing.floats_for(user, counters=[here.pk])
        asked = get_object_or_404(rows, public_id=_uuid(request.POST.get("float", "")))
        return drawers.open_with(here, clerk=user, float_move=asked, counted=form.denominations)
    except DomainError as refusal:
        form.add_error(None, str(refusal))
        return None


def _open_without(request: HttpRequest, here: Counter) -> Shift | None:
    try:
        return shifts.open_shift(here, clerk=signed_in(request))
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return None


@roles(CLERK, SUPERVISOR)
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, kind: str) -> HttpResponse:
    """Hand cash in, give it to another drawer, or pay something out."""
    user = signed_in(request)
    shift = shifts.shift_of(user)
    if shift is None or shift.state != ShiftState.OPEN:
        return redirect("counters:shift")
    form = _ask_form(request, kind, shift)
    if request.method == "POST" and form.is_valid():
        try:
            move = _asked(shift, user, form)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            words = _("%(amount)s: waits for the other side.")
            messages.success(request, words % {"amount": grouped_rupees(move.amount_paise)})
            return redirect("counters:shift")
    context = {"kind": kind, "shift": shift, "form": form}
    return render(request, "counters/drawer_ask.html", context, status=_status(form))


def _ask_form(request: HttpRequest, kind: str, shift: Shift) -> forms.Form:
    if kind == "pay-out":
        return _keyed(request, drawer_forms.PayOutForm)
    if kind == "give":
        beside = list(standing.drawers_beside(shift))
        return _keyed(request, drawer_forms.GiveForm, beside=beside)
    return _keyed(request, drawer_forms.CountForm)


def _asked(shift: Shift, user: User, form: forms.Form) -> CashMove:
    key = str(form.cleaned_data["submit_key"])
    if isinstance(form, drawer_forms.GiveForm):
        to = standing.drawers_beside(shift).get(public_id=form.cleaned_data["to"])
        return drawers.give_to(shift, to=to, clerk=user, counted=form.denominations, submit_key=key)
    if isinstance(form, drawer_forms.CountForm):
        return drawers.hand_in(shift, clerk=user, counted=form.denominations, submit_key=key)
    return drawers.ask_paid_out(
        shift,
        clerk=user,
        amount_paise=form.cleaned_data["amount"],
        voucher=form.cleaned_data["voucher"],
        reason=form.cleaned_data["reason"],
        submit_key=key,
    )


@roles(CLERK, SUPERVISOR, *READERS)
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One move of cash: what it is, and the answer of who gets it or approves it."""
    user = signed_in(request)
    rows = cash_moves_visible_to(user).select_related(
        "maker", "checker", "office_day__office", "counter", "receiver"
    )
    found = get_object_or_404(
        rows.select_related("from_shift__clerk", "to_shift__clerk"), public_id=public_id
    )
    wants_count = found.kind in (CashMove.Kind.DROP, CashMove.Kind.TRANSFER, CashMove.Kind.FLOAT)
    form: forms.Form = _keyed(
        request, drawer_forms.CountForm if wants_count else drawer_forms.BareForm
    )
    no = drawer_forms.AnswerForm(request.POST if "refuse" in request.POST else None)
    if request.method == "POST" and _answered(found, user, form, no):
        messages.success(request, _("Answered."))
        is_mine = found.from_shift is None or found.from_shift.clerk_id != user.pk
        back = "counters:shifts" if is_mine and has_role(user, SUPERVISOR) else "counters:shift"
        return redirect(back)
    if request.method == "POST" and no.is_bound:
        form = drawer_forms.CountForm(initial={"submit_key": uuid.uuid4()})
    context = {
        "move": found,
        "form": form,
        "no": no,
        "wants_count": wants_count,
        "may_answer": found.state == CashMove.State.ASKED and _may_answer(found, user),
        "may_take_back": found.state == CashMove.State.ASKED and found.maker_id == user.pk,
        "lines": checks.lines_of(found.denominations)
        if found.state != CashMove.State.ASKED
        else [],
    }
    is_bad = request.method == "POST"
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_bad else HTTPStatus.OK
    return render(request, "counters/drawer_move.html", context, status=status)


def _answered(found: CashMove, user: User, form: forms.Form, no: forms.Form) -> bool:
    asked = no if no.is_bound else form
    if not asked.is_valid():
        return False
    try:
        if no.is_bound:
            drawers.refuse(found, by=user, reason=no.cleaned_data["reason"])
            return True
        counted = form.denominations if isinstance(form, drawer_forms.CountForm) else None
        into = shifts.shift_of(user)
        if found.kind == CashMove.Kind.FLOAT and counted is not None and into is not None:
            drawers.take_float(found, into=into, by=user, counted=counted)
        else:
            drawers.confirm(found, by=user, counted=counted)
    except DomainError as refusal:
        asked.add_error(None, str(refusal))
        return False
    return True


def _may_answer(found: CashMove, user: User) -> bool:
    """Whether the page offers an answer; the action looks again."""
    if found.maker_id == user.pk:
        return False
    if found.kind == CashMove.Kind.TRANSFER:
        return found.to_shift is not None and found.to_shift.clerk_id == user.pk
    if found.kind == CashMove.Kind.FLOAT:
        return shifts.shift_of(user) is not None and found.receiver_id in (None, user.pk)
    if found.kind in (CashMove.Kind.OPENING, CashMove.Kind.CORRECTION):
        return has_role(user, SUPERVISOR, *FINANCE)
    return has_role(user, SUPERVISOR)


# ---- closing ----


@roles(CLERK, SUPERVISOR)
@require_POST
def begin_close(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Nothing is taken any more; on to the count."""
    found = _shift(request, public_id)
    try:
        counts.begin_close(found, by=signed_in(request))
    except DomainError as refusal:
        messages.error(request, str(refusal))
        is_mine = found.clerk_id == signed_in(request).pk
        return redirect("counters:shift") if is_mine else redirect(_address(found))
    return redirect("counters:shift_count", found.public_id)


@roles(CLERK, SUPERVISOR)
@require_http_methods(["GET", "HEAD", "POST"])
def count(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The blind count. A draft lives in the session and is no count."""
    found = _shift(request, public_id)
    draft = _DRAFT.format(found.public_id)
    if found.state != ShiftState.COUNTING:
        return redirect(_address(found))
    if "draft" in request.POST:
        request.session[draft] = {
            name: request.POST.get(name, "")[:20] for name in drawer_forms.CloseForm().fields
        }
        messages.info(request, _("Kept as a draft. It is not a count yet."))
        return redirect("counters:shift_count", found.public_id)
    if request.method == "POST":
        form = drawer_forms.CloseForm(request.POST)
        if form.is_valid() and _counted(request, found, form):
            request.session.pop(draft, None)
            return redirect(_address(found))
    else:
        kept = request.session.get(draft, {})
        form = drawer_forms.CloseForm(initial={**kept, "submit_key": uuid.uuid4()})
    context = {"shift": found, "form": form, "is_recount": found.counted_at is not None}
    return render(request, "counters/shift_count.html", context, status=_status(form))


def _counted(request: HttpRequest, found: Shift, form: drawer_forms.CloseForm) -> bool:
    try:
        counts.submit_count(found, by=signed_in(request), counted=form.counted)
    except counts.CountRefused as refusal:
        # From another tab: that count holds, and this page leads to it.
        messages.error(request, str(refusal))
        return True
    except DomainError as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


@roles(CLERK, SUPERVISOR, *READERS)
@require_safe
def shift(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One shift: expected beside counted, why it differs, who accepted it, and its moves."""
    return _page(request, _shift(request, public_id))


@roles(CLERK, SUPERVISOR)
@require_POST
def explain(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The clerk's reasons, all at once."""
    found = _shift(request, public_id)
    last = counts.latest(found)
    rows = standing.explained(last) if last else []
    asked = [(one, drawer_forms.ReasonForm(request.POST, prefix=_prefix(one))) for one in rows]
    are_good = [form.is_valid() for _one, form in asked]  # all of them, so that each says its error
    if not all(are_good):
        return _page(request, found, reasons=dict(asked))
    try:
        differences.explain_all(
            [(one, form.cleaned_data) for one, form in asked], by=signed_in(request)
        )
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return _page(request, found, reasons=dict(asked))
    messages.success(request, _("The reasons are kept. The supervisor accepts the count."))
    return redirect(_address(found))


@roles(SUPERVISOR, *FINANCE)
@require_POST
def accept(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The supervisor's, or the finance officer's, yes."""
    found = _shift(request, public_id)
    form = drawer_forms.AcceptForm(request.POST, papers=_short(found))
    if form.is_valid():
        said = form.cleaned_data
        try:
            held = differences.accept(
                found,
                by=signed_in(request),
                keep_paise=said["keep"] or 0,
                missing=[uuid.UUID(one) for one in said["missing"]],
            )
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            is_closed = held.state == ShiftState.CLOSED
            done = _("The shift is closed; its cash is in the safe.")
            half = _("You have accepted it. Finance must agree, since it is above the limit.")
            messages.success(request, done if is_closed else half)
            return redirect(_address(found))
    return _page(request, found, yes=form)


@roles(SUPERVISOR)
@require_POST
def recount(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Have the drawer counted again."""
    found = _shift(request, public_id)
    form = drawer_forms.AnswerForm(request.POST)
    if form.is_valid():
        try:
            differences.ask_recount(found, by=signed_in(request), why=form.cleaned_data["reason"])
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("A recount is asked for; the first count stays beside it."))
            return redirect(_address(found))
    return _page(request, found, again=form)


# ---- the supervisor's list ----


class _Filter(forms.Form):
    day = forms.DateField(required=False, input_formats=DAY_FORMATS)
    state = forms.MultipleChoiceField(required=False, choices=ShiftState.choices)


@roles(CLERK, SUPERVISOR, *READERS)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Shifts: those that are not closed and today's, or those of a day; and what waits."""
    user = signed_in(request)
    form = _Filter(request.GET)
    rows = shifts_visible_to(user).select_related("counter__office", "clerk", "office_day")
    wanted = form.cleaned_data if form.is_valid() else {}
    if wanted.get("day"):
        rows = rows.filter(office_day__business_date=wanted["day"])
    else:
        rows = rows.filter(~Q(state=ShiftState.CLOSED) | Q(office_day__business_date=today()))
    if wanted.get("state"):
        rows = rows.filter(state__in=wanted["state"])
    page = Paginator(
        rows.order_by("-office_day__business_date", "counter__code", "-number"), PAGE_SIZE
    )
    here = page.get_page(request.GET.get("page"))
    chosen = list(here.object_list)
    expected = shifts.expected_cash_of(chosen)
    context = {
        "page": here,
        "rows": [
            {
                "shift": one,
                "state": _look(one),
                "paise": None if standing.is_hidden_from(user, one) else expected[one.pk],
            }
            for one in chosen
        ],
        "waits": _waiting(user),
        "columns": [
            {"label": _("Shift")},
            {"label": _("Clerk")},
            {"label": _("Since"), "is_minor": True},
            {"label": _("State")},
            {"label": _("Cash, ₹"), "is_end": True},
        ],
        "filters": [
            {"name": "day", "label": _("Day"), "kind": "day"},
            {
                "name": "state",
                "label": _("State"),
                "choices": [{"value": one.value, "label": one.label} for one in ShiftState],
            },
        ],
        "sums": [
            {"label": _("shifts"), "count": page.count},
            {
                "label": _("in these drawers"),
                "paise": sum(
                    expected[one.pk] for one in chosen if not standing.is_hidden_from(user, one)
                ),
            },
        ],
        "is_supervisor": has_role(user, SUPERVISOR),
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "counters/shift_list.html", context, status=status)


def _waiting(user: User) -> list[CashMove]:
    """Moves that wait for an answer, the oldest first."""
    rows = cash_moves_visible_to(user).filter(state=CashMove.State.ASKED)
    return list(
        rows.select_related("maker", "office_day__office", "counter", "receiver").order_by("pk")[
            :PAGE_SIZE
        ]
    )


# ---- shared ----


def _page(
    request: HttpRequest,
    found: Shift,
    *,
    yes: forms.Form | None = None,
    again: forms.Form | None = None,
    reasons: dict[Any, forms.Form] | None = None,
) -> HttpResponse:
    user = signed_in(request)
    is_hidden = standing.is_hidden_from(user, found)
    last = counts.latest(found)
    rows = standing.explained(last) if last else []
    is_waiting = found.state == ShiftState.COUNTED
    is_counter = last is not None and user.pk in (found.clerk_id, last.by_id)
    context = {
        "shift": found,
        "state": _look(found),
        "is_hidden": is_hidden,
        "standing": None if is_hidden or last is None else standing.standing(found),
        "count": last,
        "lines": [] if is_hidden or last is None else standing.compared(last),
        "counted": checks.lines_of(last.denominations) if last and not is_hidden else [],
        "differences": [] if is_hidden else rows,
        "reasons": [
            (one, (reasons or {}).get(one) or _reason_form(one)) for one in rows if not is_hidden
        ],
        "may_explain": is_waiting and is_counter and not any(one.checker_id for one in rows),
        "wants_finance": is_waiting and differences.wants_finance(found, rows),
        "has_checker": any(one.checker_id for one in rows),
        "may_accept": is_waiting and not is_counter and has_role(user, SUPERVISOR, *FINANCE),
        "may_recount": is_waiting and found.clerk_id != user.pk and has_role(user, SUPERVISOR),
        "may_begin": found.state in (ShiftState.OPEN, ShiftState.COUNTING)
        and has_role(user, CLERK, SUPERVISOR),
        "may_check": found.clerk_id != user.pk and has_role(user, *checks.CHECKERS),
        "yes": yes or drawer_forms.AcceptForm(),
        "short": _short(found) if is_waiting and not any(one.checker_id for one in rows) else [],
        "again": again or drawer_forms.AnswerForm(),
        "policy": policy_of(found.counter.office),
        "record": differences.record_of(found.clerk) if not is_hidden else None,
        "moves": standing.moves_of(found)[:PAGE_SIZE],
        "methods": looks.METHODS,
    }
    is_bad = any(form is not None for form in (yes, again, reasons))
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_bad else HTTPStatus.OK
    return render(request, "counters/shift.html", context, status=status)


def _short(found: Shift) -> list[Instrument]:
    """The papers of which the count that holds is short, or others of their kind."""
    last = counts.latest(found)
    return list(differences.may_be_missing(last)) if last else []


def _reason_form(one: Any) -> forms.Form:
    return drawer_forms.ReasonForm(
        initial={"why": one.why, "words": one.words}, prefix=_prefix(one)
    )


def _prefix(one: Any) -> str:
    return f"why-{one.method}"


def _shift(request: HttpRequest, public_id: uuid.UUID) -> Shift:
    rows = shifts_visible_to(request.user).select_related("counter__office", "clerk", "office_day")
    return get_object_or_404(rows, public_id=public_id)


def _address(found: Shift) -> str:
    return reverse("counters:shift_page", args=[found.public_id])


def _look(found: Shift) -> dict[str, str]:
    tone, icon = STATES[ShiftState(found.state)]
    return {"word": found.get_state_display(), "tone": tone, "icon": icon}


def _windows(user: User) -> list[Counter]:
    rows = counters_visible_to(user).filter(is_open=True, keeps_shifts=True)
    return list(rows.select_related("office").order_by("code"))


def _keyed(request: HttpRequest, kind: type[forms.Form], **more: Any) -> forms.Form:
    """A form as it was sent, or an empty one with a key of its own."""
    if request.method == "POST":
        return kind(request.POST, **more)
    return kind(initial={"submit_key": uuid.uuid4()}, **more)


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)


def _status(form: forms.Form) -> HTTPStatus:
    is_refused = form.is_bound and bool(form.errors)
    return HTTPStatus.UNPROCESSABLE_ENTITY if is_refused else HTTPStatus.OK
