"""What a person settles of the counters without a network: windows to approve, receipts to take."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from counters import devices, offline, offline_settling
from counters.devices import WAITING
from counters.models import Device, OfflineItem
from counters.selectors import devices_visible_to, offline_items_visible_to
from cspdcl.kernel.errors import DomainError
from payments import looks
from payments.models import Receipt
from payments.views.receipts import address_of
from people.access import has_role, roles, signed_in
from people.roles import AUDITOR, CLERK, SUPERVISOR

PAGE_SIZE: Final = 50
READERS: Final = (CLERK, SUPERVISOR, AUDITOR)
STATES: Final[Mapping[str, Mapping[str, Any]]] = {
    OfflineItem.State.TAKEN: {"word": gettext_lazy("taken"), "tone": "ok"},
    OfflineItem.State.PERSON: {"word": gettext_lazy("waits for a person"), "tone": "open"},
    OfflineItem.State.VOID_ASKED: {"word": gettext_lazy("second person"), "tone": "wait"},
    OfflineItem.State.VOID: {"word": gettext_lazy("void"), "tone": "bad"},
}


class TakeAnywayForm(forms.Form):
    """Take it after all: for whom, and why."""

    consumer = forms.RegexField(
        r"^[0-9]{6,12}$",
        label=gettext_lazy("Consumer number"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    reason = forms.CharField(label=gettext_lazy("Why"), max_length=200)


class ReasonForm(forms.Form):
    """Why a number is void, or a window revoked."""

    reason = forms.CharField(label=gettext_lazy("Why"), max_length=200)


@roles(*READERS)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The windows that may work offline, and what they sent: first what waits for a person."""
    asked = request.GET.get("show", "waiting")
    rows = offline_items_visible_to(request.user).select_related(
        "device__counter", "shift__clerk", "collection"
    )
    waiting = rows.filter(state__in=WAITING)
    shown = rows if asked == "all" else waiting
    windows = devices_visible_to(request.user).select_related("counter__office", "maker", "checker")
    page = Paginator(shown.order_by("-pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    for row in page.object_list:
        row.look = STATES[row.state]  # type: ignore[attr-defined]  # for the template
    context = {
        "windows": [_window_row(one) for one in windows.order_by("-pk")[:PAGE_SIZE]],
        "page": page,
        "columns": [
            {"label": _("Number")},
            {"label": _("Given")},
            {"label": _("Clerk"), "is_minor": True},
            {"label": _("State")},
            {"label": _("What is wrong"), "is_minor": True},
            {"label": _("Amount, ₹"), "is_end": True},
        ],
        "sums": waiting.aggregate(count=Count("pk"), paise=Sum("amount_paise")),
        "show": "all" if asked == "all" else "waiting",
        "may_decide": has_role(request.user, SUPERVISOR),
    }
    return render(request, "counters/offline_list.html", context)


@roles(*READERS)
@require_safe
def item(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One receipt that was given offline: what was signed, what is wrong, what may be done."""
    return _item_page(request, _item(request, public_id))


@roles(SUPERVISOR)
@require_POST
def item_take(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Take it after all."""
    found = _item(request, public_id)
    form = TakeAnywayForm(request.POST, prefix="take")
    if form.is_valid():
        try:
            offline_settling.take(
                found,
                by=signed_in(request),
                reason=form.cleaned_data["reason"],
                consumer_number=form.cleaned_data["consumer"],
            )
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("It is taken, with the number on its paper."))
            return _back_to(found)
    return _item_page(request, found, take_form=form)


@roles(SUPERVISOR)
@require_POST
def item_void(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Ask a second person to void its number."""
    found = _item(request, public_id)
    form = ReasonForm(request.POST, prefix="void")
    if form.is_valid():
        try:
            reason = form.cleaned_data["reason"]
            offline_settling.ask_void(found, by=signed_in(request), reason=reason)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("A second supervisor must void it now."))
            return _back_to(found)
    return _item_page(request, found, void_form=form)


@roles(SUPERVISOR)
@require_POST
def item_answer(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Void the number, or send it back to the list."""
    found = _item(request, public_id)
    is_granted = request.POST.get("answer") == "void"
    try:
        offline_settling.answer_void(found, by=signed_in(request), is_granted=is_granted)
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return _back_to(found)


@roles(SUPERVISOR)
@require_POST
def device_approve(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Let a window work offline."""
    device = _device(request, public_id)
    try:
        devices.approve(device, by=signed_in(request))
    except DomainError as refusal:
        messages.error(request, str(refusal))
    else:
        words = _("%(series)s may work offline now.") % {"series": device.series}
        messages.success(request, words)
    return HttpResponseRedirect(reverse("counters:offline_list"))


@roles(SUPERVISOR)
@require_POST
def device_revoke(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Trust a window no more: it is lost or replaced."""
    device = _device(request, public_id)
    try:
        devices.revoke(device, by=signed_in(request), reason=request.POST.get("reason", "")[:200])
    except DomainError as refusal:
        messages.error(request, str(refusal))
    else:
        words = _("%(series)s is revoked: its numbers are lost with it.")
        messages.success(request, words % {"series": device.series})
    return HttpResponseRedirect(reverse("counters:offline_list"))


def _device(request: HttpRequest, public_id: UUID) -> Device:
    rows = devices_visible_to(request.user).select_related("counter__office")
    return get_object_or_404(rows, public_id=public_id)


def _window_row(device: Device) -> Mapping[str, Any]:
    out = devices.range_out(device)
    return {
        "device": device,
        "fingerprint": devices.fingerprint(device),
        "out": out,
        "left": out.last - out.used_until if out else 0,
        "is_pending": device.approved_at is None and device.revoked_at is None,
    }


def _item(request: HttpRequest, public_id: UUID) -> OfflineItem:
    rows = offline_items_visible_to(request.user).select_related(
        "device__counter__office", "shift__clerk", "shift__office_day", "collection", "maker"
    )
    return get_object_or_404(rows, public_id=public_id)


def _back_to(found: OfflineItem) -> HttpResponse:
    return HttpResponseRedirect(reverse("counters:offline_item", args=[found.public_id]))


def _item_page(
    request: HttpRequest,
    found: OfflineItem,
    *,
    take_form: forms.Form | None = None,
    void_form: forms.Form | None = None,
) -> HttpResponse:
    is_proven = found.problem not in devices.UNPROVEN
    said = offline.said_by(found) if is_proven else None
    is_open = found.state == OfflineItem.State.PERSON
    may = has_role(request.user, SUPERVISOR)
    initial = {"consumer": said.consumer if said else ""}
    receipt = Receipt.objects.filter(
        payment__collection_line__collection=found.collection_id or 0
    ).first()
    context = {
        "item": found,
        "said": said,
        "state": STATES[found.state],
        "name": f"{found.device.series}/{found.year or '?'}/{found.receipt_number or 0:06d}",
        "facts": _facts(found, said),
        "receipt_url": address_of(receipt) if receipt else "",
        "may_take": may and is_open and is_proven and found.shift_id is not None,
        "may_void": may and is_open,
        "may_answer": may and found.state == OfflineItem.State.VOID_ASKED,
        "take_form": take_form or TakeAnywayForm(initial=initial, prefix="take"),
        "void_form": void_form or ReasonForm(prefix="void"),
    }
    is_refused = request.method == "POST"
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_refused else HTTPStatus.OK
    return render(request, "counters/offline_item.html", context, status=status)


def _facts(found: OfflineItem, said: offline.Said | None) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = [
        {"label": _("Window"), "text": found.device.series, "is_id": True},
        {"label": _("Counter"), "text": found.device.counter.name},
        {"label": _("Came"), "at": found.came_at},
        {"label": _("Seal"), "text": found.content_hash[:12].upper(), "is_id": True},
    ]
    if said is None:
        return rows
    rows += [
        {"label": _("Given"), "at": said.taken_at},
        {"label": _("Clerk"), "text": found.shift.clerk.get_full_name() if found.shift else ""},
        {"label": _("Consumer number"), "text": said.consumer, "is_id": True},
        {"label": _("Name as typed"), "text": said.name},
        {"label": _("Amount, ₹"), "paise": said.amount_paise},
        {"label": _("Paid by"), "text": looks.METHODS[said.method]},
    ]
    if said.instrument:
        rows += [
            {"label": _("Cheque number"), "text": said.instrument, "is_id": True},
            {"label": _("Its date"), "day": said.instrument_date},
            {"label": _("Drawn on bank"), "text": said.bank_name},
        ]
    if found.reason:
        rows += [{"label": _("Settled because"), "text": found.reason}]
    return rows
