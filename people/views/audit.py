"""The audit trail: what was changed by whom, and whether the record itself was left alone."""

from collections.abc import Iterator
from http import HTTPStatus
from itertools import chain
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cspdcl.kernel.clock import INDIA, day_bounds, today
from cspdcl.kernel.csvsafe import csv_lines, safe_text
from people.access import roles
from people.audit_verify import verify
from people.models import AuditAnchor, AuditEvent, AuditHead
from people.selectors import TRAIL_READERS, visible_to

PAGE_SIZE = 50
COLUMNS = ("number", "at", "actor", "action", "object_type", "object", "office", "change", "sealed")


class TrailFilter(forms.Form):
    """What the trail may be narrowed by."""

    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
    actor = forms.CharField(required=False, max_length=80)
    action = forms.CharField(required=False, max_length=60)
    about = forms.CharField(required=False, max_length=80)


@roles(*TRAIL_READERS)
@require_safe
def trail(request: HttpRequest) -> HttpResponse:
    """The latest events first, by page; with ``?verify=1`` the whole chain is recomputed."""
    form = TrailFilter(request.GET)
    events = _narrowed(visible_to(request.user), form)
    sums = events.aggregate(
        events=Count("pk"),
        unsealed=Count("pk", filter=Q(seq=None)),
        actors=Count("actor", distinct=True),
    )
    page = Paginator(events.order_by("-id"), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "columns": [
            {"label": label, "is_minor": is_minor}
            for label, is_minor in (
                (_("When"), False),
                (_("Who"), True),
                (_("What"), False),
                (_("About"), True),
                (_("Change"), False),
                (_("Sealed"), True),
            )
        ],
        "filters": _filters(request),
        "exports": _exports(),
        "sums": [
            {"label": _("events"), "count": sums["events"]},
            {"label": _("people and machines"), "count": sums["actors"]},
            {"label": _("wait for the seal"), "count": sums["unsealed"]},
        ],
        "head": AuditHead.objects.filter(pk=1).first(),
        "anchor": AuditAnchor.objects.order_by("-seq").first(),
        "verdict": verify() if request.GET.get("verify") else None,
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "people/audit.html", context, status=status)


@roles(*TRAIL_READERS)
@require_safe
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The filtered events as CSV, oldest first."""
    events = _narrowed(visible_to(request.user), TrailFilter(request.GET)).order_by("id")
    name = f"audit-{today().isoformat()}.csv"
    return StreamingHttpResponse(
        _csv(events),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _narrowed(events: QuerySet[AuditEvent], form: TrailFilter) -> QuerySet[AuditEvent]:
    """What is not understood narrows to nothing: a filter that is ignored would mislead."""
    if not form.is_valid():
        return events.none()
    asked: dict[str, Any] = form.cleaned_data
    if asked["since"]:
        events = events.filter(at__gte=day_bounds(asked["since"])[0])
    if asked["until"]:
        events = events.filter(at__lt=day_bounds(asked["until"])[1])
    if asked["actor"]:
        events = events.filter(actor=asked["actor"])
    if asked["action"]:
        events = events.filter(action=asked["action"])
    if asked["about"]:
        events = events.filter(object_id__icontains=asked["about"])
    return events


def _filters(request: HttpRequest) -> list[dict[str, Any]]:
    actions = visible_to(request.user).order_by("action").values_list("action", flat=True)
    return [
        {
            "name": "action",
            "label": _("What"),
            "choices": [{"value": one, "label": one} for one in actions.distinct()[:200]],
        },
        {"name": "since", "label": _("From"), "kind": "day"},
        {"name": "until", "label": _("To"), "kind": "day"},
        {"name": "actor", "label": _("Who"), "kind": "text"},
        {"name": "about", "label": _("About"), "kind": "text"},
    ]


def _exports() -> list[dict[str, str]]:
    return [{"label": "CSV", "url": reverse("people:audit_export"), "icon": "file-spreadsheet"}]


def _csv(events: QuerySet[AuditEvent]) -> Iterator[str]:
    return csv_lines(chain([COLUMNS], _csv_rows(events)))


def _csv_rows(events: QuerySet[AuditEvent]) -> Iterator[list[str | int]]:
    last = 0
    while page := list(events.filter(pk__gt=last)[:1000]):
        for event in page:
            yield _cells(event)
        last = page[-1].pk


def _cells(event: AuditEvent) -> list[str | int]:
    return [
        event.pk,
        event.at.astimezone(INDIA).strftime("%d-%m-%Y %H:%M:%S"),
        safe_text(event.actor),
        safe_text(event.action),
        safe_text(event.object_type),
        safe_text(event.object_id),
        safe_text(event.office.code if event.office else ""),
        safe_text(_change(event)),
        event.seq or "",
    ]


def _change(event: AuditEvent) -> str:
    return "; ".join(f"{name}: {was} -> {became}" for name, was, became in event.changes)
