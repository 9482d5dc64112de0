"""Steps for many breaks: count and sum first, one approval, progress, and an answer for each."""

import io
import uuid
from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError, Malformed
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import AUDITOR, FINANCE, FINANCE_APPROVER
from reconciliation import looks, selectors
from reconciliation.desk import bulk, explain, listing, naming, sheets
from reconciliation.forms import AnswerForm
from reconciliation.models import Batch, BatchItem, Reason
from reconciliation.views.breaks import back_to_list, narrowed

BATCH_READERS: Final = (*FINANCE, AUDITOR)
PAGE_SIZE: Final = 50
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class BatchForm(forms.Form):
    """One step for all breaks of a filter, with what was shown of it."""

    act = forms.ChoiceField(label=gettext_lazy("Step"))
    argument = forms.CharField(
        label=gettext_lazy("Day or user name"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("The last day of a wait, or who the breaks are given to."),
    )
    why = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("The second person and the auditor read it."),
    )
    is_whole = forms.BooleanField(label=gettext_lazy("All of them or none"), required=False)
    seen_count = forms.IntegerField(widget=forms.HiddenInput)
    seen_paise = forms.IntegerField(widget=forms.HiddenInput)
    submit_key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """A match names its own candidate for each break: that is for a sheet."""
        super().__init__(*args, **kwargs)
        field = self.fields["act"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        steps = [(code, one.title) for code, one in bulk.ACTS.items() if code != "match"]
        field.choices = [("", _("Choose what is done")), *steps]


class SheetForm(forms.Form):
    """A filled sheet."""

    sheet = forms.FileField(label=gettext_lazy("Filled sheet"), allow_empty_file=True)
    is_whole = forms.BooleanField(label=gettext_lazy("All of it or nothing"), required=False)


class SeenForm(AnswerForm):
    """An answer to what was shown: how many, and how much."""

    seen_count = forms.IntegerField(widget=forms.HiddenInput)
    seen_paise = forms.IntegerField(widget=forms.HiddenInput)


@roles(*BATCH_READERS)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """All batches, the latest first; and the door for a filled sheet."""
    return _list(request, SheetForm())


@roles(*FINANCE)
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """What a filter holds, by reason; with a step and a reason, propose it for all of them."""
    user = signed_in(request)
    _filter, breaks = narrowed(request)
    sums = listing.totals(breaks)
    shown = {"seen_count": sums["count"], "seen_paise": sums["paise"]}
    fresh = {**shown, "submit_key": uuid.uuid4()}
    form = BatchForm(request.POST if request.method == "POST" else None, initial=fresh)
    if form.is_valid():
        asked = form.cleaned_data
        try:
            batch = bulk.propose(
                breaks,
                act=asked["act"],
                why=asked["why"],
                argument=asked["argument"],
                query=request.GET.urlencode(),
                seen=bulk.Totals(asked["seen_count"], asked["seen_paise"]),
                is_whole=asked["is_whole"],
                maker=user,
                submit_key=asked["submit_key"].hex,
            )
        except DomainError as refused:
            # What is shown now is what the next press is about; what was typed stays.
            form = BatchForm({**request.POST.dict(), **fresh})
            form.add_error(None, str(refused))
        else:
            messages.success(request, _said(batch))
            return redirect("reconciliation:batch", batch.public_id)
    context: dict[str, Any] = {
        "form": form,
        "totals": sums,
        "reasons": listing.by_reason(breaks),
        "kept": f"?{request.GET.urlencode()}" if request.GET else "",
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return render(request, "reconciliation/batch_new.html", context, status=status)


@roles(*FINANCE)
@require_safe
def sheet(request: HttpRequest) -> HttpResponseBase:
    """The filter as a workbook with three columns to fill in."""
    _form, breaks = narrowed(request)
    file = io.BytesIO()
    ordered = listing.ordered(breaks, request.GET.get("sort", ""))
    try:
        sheets.write(ordered, file, as_of=today())
    except listing.TooMany as refused:
        return back_to_list(request, refused)
    file.seek(0)
    name = f"breaks-to-fill-{today().isoformat()}.xlsx"
    return FileResponse(file, as_attachment=True, filename=name, content_type=XLSX)


@roles(*FINANCE)
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Take a filled sheet; every row is answered on the page it leads to."""
    user = signed_in(request)
    form = SheetForm(request.POST, request.FILES)
    if not form.is_valid():
        return _list(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    sent = form.cleaned_data["sheet"]
    try:
        batch = sheets.take(
            sent.file,
            name=sent.name,
            sha256=sheets.name_of(sent.chunks()),
            is_whole=form.cleaned_data["is_whole"],
            maker=user,
        )
    except sheets.AlreadyHere as known:
        messages.info(request, _("This very sheet came before; nothing was changed."))
        return redirect("reconciliation:batch", known.batch.public_id)
    except (DomainError, Malformed) as refused:
        form.add_error("sheet", str(refused))
        return _list(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    messages.success(request, _said(batch))
    return redirect("reconciliation:batch", batch.public_id)


@roles(*BATCH_READERS)
@require_safe
def story(request: HttpRequest, public_id: str) -> HttpResponse:
    """One batch: what it does, how far it is, what was refused and why."""
    return _show(request, _batch(signed_in(request), public_id))


@roles(*BATCH_READERS)
@require_safe
def state(request: HttpRequest, public_id: str) -> HttpResponse:
    """How far it is, asked for every two seconds while it is at work."""
    batch = _batch(signed_in(request), public_id)
    if batch.state != Batch.State.WORKING:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "reconciliation/_batch_works.html", _progress(batch))


@roles(FINANCE_APPROVER)
@require_POST
def answer(request: HttpRequest, public_id: str) -> HttpResponse:
    """Approve or reject what somebody else proposed, for all of it at once."""
    user = signed_in(request)
    batch = _batch(user, public_id)
    form = SeenForm(request.POST)
    if form.is_valid():
        asked = form.cleaned_data
        try:
            if asked["verdict"] == "approve":
                seen = bulk.Totals(asked["seen_count"], asked["seen_paise"])
                bulk.approve(batch, checker=user, seen=seen, answer=asked["answer"])
                messages.success(request, _("Approved. The worker does it now."))
            else:
                bulk.reject(batch, checker=user, answer=asked["answer"])
                messages.success(request, _("Rejected. Nothing was changed."))
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("reconciliation:batch", batch.public_id)
    return _show(request, batch, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@roles(*BATCH_READERS)
@require_safe
def result(request: HttpRequest, public_id: str) -> FileResponse:
    """Every row with its answer, as a workbook."""
    batch = _batch(signed_in(request), public_id)
    file = io.BytesIO()
    sheets.write_answer(batch, file)
    file.seek(0)
    name = f"answers-{batch.made_at:%Y-%m-%d}-{batch.public_id[:8]}.xlsx"
    return FileResponse(file, as_attachment=True, filename=name, content_type=XLSX)


def _batch(user: User, public_id: str) -> Batch:
    return get_object_or_404(selectors.visible_batches(user), public_id=public_id)


def _said(batch: Batch) -> str:
    if batch.state == Batch.State.PROPOSED:
        return _("Proposed. It acts when a second person approves it.")
    return _("The worker does it now.")


def _list(
    request: HttpRequest, form: SheetForm, *, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    user = signed_in(request)
    rows = selectors.visible_batches(user)
    context: dict[str, Any] = {
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
        "waiting": rows.filter(state=Batch.State.PROPOSED).count(),
        "columns": _columns(),
        "looks": looks.BATCHES,
        "form": form,
        "may_propose": has_role(user, *FINANCE),
    }
    return render(request, "reconciliation/batches.html", context, status=status)


def _progress(batch: Batch) -> dict[str, Any]:
    counts = bulk.progress_of(batch)
    done = counts["total"] - counts[BatchItem.State.WAITING]
    return {"batch": batch, "counts": counts, "done": done}


def _show(
    request: HttpRequest,
    batch: Batch,
    form: SeenForm | None = None,
    *,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    user = signed_in(request)
    waits = batch.state == Batch.State.PROPOSED
    live = bulk.totals_now(batch) if waits else bulk.Totals(batch.count, batch.amount_paise)
    items = batch.items.select_related("open_break__channel", "open_break__bank_account")
    if request.GET.get("state") in BatchItem.State.values:
        items = items.filter(state=request.GET["state"])
    page = Paginator(items.order_by("row"), PAGE_SIZE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        **_progress(batch),
        "form": form or SeenForm(),
        "live": live,
        "page": page,
        "rows": [_row(one) for one in page.object_list],
        "columns": _item_columns(),
        "looks": looks.BATCHES,
        "item_looks": looks.BATCH_ITEMS,
        "filters": _filters(batch),
        "may_answer": waits and batch.maker_id != user.pk and has_role(user, FINANCE_APPROVER),
        "is_mine": waits and batch.maker_id == user.pk,
        "waits": waits,
    }
    return render(request, "reconciliation/batch.html", context, status=status)


def _row(item: BatchItem) -> dict[str, Any]:
    one = item.open_break
    act = bulk.ACTS.get(item.act)
    return {
        "item": item,
        "act": act.title if act else item.act,
        "argument": _argument(item),
        "reason": Reason(one.reason).label if one else "",
        "sentence": explain.sentence(one) if one else "",
    }


def _argument(item: BatchItem) -> str:
    """What a step was given, a day as days are written on pages."""
    act = bulk.ACTS.get(item.act)
    if act is None or act.wants != "day":
        return item.argument
    try:
        return f"{naming.day_named(item.argument):%d-%m-%Y}"
    except DomainError:
        return item.argument


def _filters(batch: Batch) -> list[dict[str, Any]]:
    counts = bulk.progress_of(batch)
    return [
        {
            "name": "state",
            "label": _("Answer"),
            "choices": [
                {"value": code, "label": look.word, "count": counts[code]}
                for code, look in looks.BATCH_ITEMS.items()
            ],
        }
    ]


def _columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Proposed"), "is_minor": True},
        {"label": _("What")},
        {"label": _("Proposed by"), "is_minor": True},
        {"label": _("Approved by"), "is_minor": True},
        {"label": _("Breaks"), "is_end": True},
        {"label": _("Amount, ₹"), "is_end": True, "is_minor": True},
        {"label": _("State")},
    ]


def _item_columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Row"), "is_end": True, "is_minor": True},
        {"label": _("Break")},
        {"label": _("Step"), "is_minor": True},
        {"label": _("Amount, ₹"), "is_end": True},
        {"label": _("Answer")},
    ]
