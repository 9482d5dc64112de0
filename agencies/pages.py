"""Pages of agencies: how each stands today; one with its limits, float, keys and payments."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from agencies import floats, keys, looks, selectors
from agencies.forms import AnswerForm, FloatForm, RotateForm
from agencies.models import Agency, FloatAccount, FloatChange
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from payments import looks as payment_looks
from people.access import has_role, roles, signed_in
from people.roles import ADMINISTRATOR, FINANCE, OPERATOR

KEEPERS: Final = (OPERATOR, ADMINISTRATOR)
PAGE_SIZE: Final = 25
LAST: Final = 10


@roles(*selectors.READERS)
@require_safe
def agencies(request: HttpRequest) -> HttpResponse:
    """Every agency: what it took today, and what it can still take."""
    waits = Count("float_account__changes", filter=Q(float_account__changes__state="proposed"))
    rows = [
        _row(one)
        for one in selectors.agencies_visible_to(request.user)
        .select_related("channel", "float_account")
        .annotate(waiting=waits)
        .order_by("code")
    ]
    context = {
        "rows": rows,
        "low": sum(row["is_low"] for row in rows),
        "sums": [
            {
                "label": _("payments today, worth"),
                "count": sum(row["count"] for row in rows),
                "paise": sum(row["paise"] for row in rows),
            },
            {
                "label": _("changes of floats wait for a second person"),
                "count": sum(row["agency"].waiting for row in rows),
                "paise": None,
            },
        ],
        "columns": [
            {"label": _("Agency")},
            {"label": _("Payments today"), "is_end": True, "is_minor": True},
            {"label": _("Today, ₹"), "is_end": True},
            {"label": _("Can still collect, ₹"), "is_end": True},
            {"label": _("Float"), "is_minor": True},
            {"label": _("State")},
        ],
    }
    return render(request, "agencies/agencies.html", context)


@roles(*selectors.READERS)
@require_safe
def agency(request: HttpRequest, code: str) -> HttpResponse:
    """One agency."""
    return _page(request, _agency(request, code))


@roles(*FINANCE)
@require_POST
def propose(request: HttpRequest, code: str) -> HttpResponse:
    """Propose a change of the float; a second person answers it."""
    found = _agency(request, code)
    form = FloatForm(request.POST)
    if form.is_valid():
        asked = form.cleaned_data
        try:
            floats.propose(
                found.float_account,
                kind=FloatChange.Kind(asked["kind"]),
                amount_paise=asked["amount"],
                utr=asked["utr"],
                why=asked["why"],
                maker=signed_in(request),
            )
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("Proposed. Somebody else of finance answers it."))
            return redirect("agencies:agency", code)
    return _page(request, found, form=form)


@roles(*FINANCE)
@require_POST
def answer(request: HttpRequest, public_id: str) -> HttpResponse:
    """Approve or reject a change that somebody else proposed."""
    user = signed_in(request)
    change = get_object_or_404(
        selectors.changes_visible_to(user).select_related("account__agency"), public_id=public_id
    )
    found = _agency(request, change.account.agency.code)
    form = AnswerForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data["answer"]
        try:
            if form.cleaned_data["verdict"] == "approve":
                floats.approve(change, checker=user, answer=said)
                messages.success(request, _("Approved. The float has moved."))
            else:
                floats.reject(change, checker=user, answer=said)
                messages.success(request, _("Rejected. The float stays as it is."))
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("agencies:agency", found.code)
    return _page(request, found, refused={public_id: form})


@roles(*KEEPERS)
@require_POST
@never_cache
def rotate(request: HttpRequest, code: str, key_id: str) -> HttpResponse:
    """Give a key a fresh secret and show it, this once; it is kept encrypted and never shown."""
    found = _agency(request, code)
    key = get_object_or_404(found.keys, key_id=key_id)
    form = RotateForm(request.POST)
    if not form.is_valid():
        return _page(request, found, rotation=form)
    kept = timedelta(hours=form.cleaned_data["hours"])
    secret = keys.rotate(key, actor=signed_in(request), kept=kept)
    return _page(request, found, fresh={"key_id": key_id, "secret": secret, "hours": kept})


@roles(*KEEPERS)
@require_POST
def end(request: HttpRequest, code: str, key_id: str) -> HttpResponse:
    """End a key."""
    found = _agency(request, code)
    keys.end(get_object_or_404(found.keys, key_id=key_id), actor=signed_in(request))
    messages.success(request, _("The key is ended."))
    return redirect("agencies:agency", code)


def _agency(request: HttpRequest, code: str) -> Agency:
    rows = selectors.agencies_visible_to(request.user)
    return get_object_or_404(rows.select_related("channel", "float_account"), code=code)


def _row(one: Agency) -> dict[str, Any]:
    account = one.float_account
    is_today = account.day == today()
    return {
        "agency": one,
        "account": account,
        "count": account.day_count if is_today else 0,
        "paise": account.day_paise if is_today else 0,
        "is_low": account.is_low,
    }


def _page(
    request: HttpRequest,
    found: Agency,
    *,
    form: FloatForm | None = None,
    refused: dict[str, AnswerForm] | None = None,
    rotation: RotateForm | None = None,
    fresh: dict[str, Any] | None = None,
) -> HttpResponse:
    user = signed_in(request)
    account = found.float_account
    entries = selectors.entries_visible_to(user).filter(account=account)
    ledger = entries.select_related("payment").order_by("-number")
    waiting = (
        selectors.changes_visible_to(user)
        .filter(account=account, state=FloatChange.State.PROPOSED)
        .select_related("maker")
        .order_by("id")
    )
    last = selectors.payments_of(found).order_by("-id")[:LAST]
    is_refused = form is not None or bool(refused) or rotation is not None
    context = {
        **_row(found),
        "facts": _facts(found, account),
        "page": Paginator(ledger, PAGE_SIZE).get_page(request.GET.get("page")),
        "waiting": [
            {
                "change": one,
                "is_mine": one.maker_id == user.pk,
                "form": (refused or {}).get(one.public_id, AnswerForm()),
            }
            for one in waiting
        ],
        "form": form or FloatForm(),
        "rotation": rotation or RotateForm(),
        "fresh": fresh,
        "keys": found.keys.order_by("ended_at", "key_id"),
        "last": [{"mine": one, "state": selectors.state_of(one)} for one in last],
        "terminals": found.terminals.select_related("office").order_by("code"),
        "may_change": has_role(user, *FINANCE),
        "may_rotate": has_role(user, *KEEPERS),
        "payment_looks": looks.PAYMENTS,
        "methods": payment_looks.METHODS,
        "columns": _ledger_columns(),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_refused else HTTPStatus.OK
    return render(request, "agencies/agency.html", context, status=status)


def _facts(found: Agency, account: FloatAccount) -> list[dict[str, Any]]:
    offices = [office.name for office in found.offices.order_by("path")]
    hours = ""
    if found.opens_at and found.closes_at:
        hours = f"{found.opens_at:%H:%M} to {found.closes_at:%H:%M}"
    facts: list[dict[str, Any]] = [
        {"label": _("Kind"), "text": found.get_kind_display()},
        {"label": _("Channel"), "text": found.channel.name},
        {"label": _("Collects for"), "text": ", ".join(offices) or _("all offices")},
        {"label": _("Open"), "text": hours or _("always")},
        {"label": _("Float"), "text": account.get_kind_display()},
        {"label": _("Balance, ₹"), "paise": account.balance_paise},
        {"label": _("Credit limit, ₹"), "paise": account.credit_limit_paise},
        {"label": _("Alarm below, ₹"), "paise": account.alarm_paise},
    ]
    for label, paise in (
        (_("A payment at most, ₹"), found.payment_max_paise),
        (_("A day at most, ₹"), found.day_max_paise),
    ):
        facts.append(
            {"label": label, "text": _("no limit")}
            if paise is None
            else {"label": label, "paise": paise}
        )
    return facts


def _ledger_columns() -> list[dict[str, Any]]:
    return [
        {"label": _("No.")},
        {"label": _("Time"), "is_minor": True},
        {"label": _("What")},
        {"label": _("Evidence"), "is_minor": True},
        {"label": _("By"), "is_minor": True},
        {"label": _("Amount, ₹"), "is_end": True},
        {"label": _("Balance, ₹"), "is_end": True},
    ]
