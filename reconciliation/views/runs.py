"""The runs: when, by whom, what they found; and each with its rules, its proof and its hash."""

from datetime import date, timedelta
from http import HTTPStatus
from typing import Any, Final

from django.core.paginator import Paginator
from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cspdcl.ui.templatetags.ui import count
from people.access import has_role, roles, signed_in
from people.roles import AUDITOR, FINANCE, OPERATOR
from reconciliation import board, looks, selectors
from reconciliation.forms import RunsFilter
from reconciliation.models import Break, Match, Rule, Run

RUN_READERS: Final = (*FINANCE, AUDITOR, OPERATOR)
PAGE_SIZE: Final = 50


@roles(*RUN_READERS)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """The runs, the latest first."""
    form = RunsFilter(request.GET)
    runs = selectors.numbered_runs(signed_in(request))
    if not form.is_valid():
        runs = runs.none()
    elif form.cleaned_data["day"]:
        runs = runs.filter(business_date=form.cleaned_data["day"])
    if form.is_valid() and form.cleaned_data["state"]:
        runs = runs.filter(state__in=form.cleaned_data["state"])
    page = Paginator(runs, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "rows": [{"run": run, "took": _took(run)} for run in page.object_list],
        "columns": _columns(),
        "filters": [
            {
                "name": "state",
                "label": _("State"),
                "choices": [
                    {"value": code, "label": looks.RUNS[code].word} for code in Run.State.values
                ],
            },
            {"name": "day", "label": _("Day"), "kind": "day"},
        ],
        "looks": looks.RUNS,
        "running": Run.objects.filter(state=Run.State.RUNNING).first(),
        "last": Run.objects.filter(state=Run.State.DONE).order_by("-id").first(),
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "reconciliation/runs.html", context, status=status)


@roles(*RUN_READERS)
@require_safe
def story(request: HttpRequest, day: date, number: int) -> HttpResponse:
    """One run: what it used, what it left, and how its books prove."""
    run = selectors.run_of(signed_in(request), day=day, number=number)
    if run is None:
        raise Http404
    context: dict[str, Any] = {
        "run": run,
        "took": _took(run),
        "number": number,
        "looks": looks.RUNS,
        "proof": board.proof_rows_of(run),
        "by_source": board.source_rows_of(run),
        "facts": _facts(run),
        "rules": _rules(run),
        "opened": Break.objects.filter(opened_by=run)
        .select_related("channel")
        .order_by("-amount_paise")[:10],
        "waits": _waits(run),
        "may_undo": bool(run.matched_count) and has_role(request.user, *FINANCE),
    }
    return render(request, "reconciliation/run.html", context)


def _facts(run: Run) -> list[dict[str, Any]]:
    return [
        {"label": _("Started"), "at": run.started_at},
        {"label": _("Ended"), "at": run.finished_at},
        {"label": _("Started by"), "text": run.started_by},
        {"label": _("Worker"), "text": run.worker},
        {"label": _("Matches made"), "text": count(run.matched_count)},
        {"label": _("Breaks opened"), "text": count(run.opened_count)},
        {"label": _("Breaks closed"), "text": count(run.closed_count)},
        {"label": _("Hash of what it left"), "text": run.output_hash, "is_id": True},
    ]


def _took(run: Run) -> timedelta | None:
    return run.finished_at - run.started_at if run.finished_at else None


def _waits(run: Run) -> list[dict[str, Any]]:
    """What it left open because it is expected, by what it waits for."""
    rows = (
        run.expected.values("stage", "book", "why")
        .annotate(n=Sum("count"), total=Sum("paise"))
        .order_by("stage", "book", "why")
    )
    return [
        {
            "count": row["n"],
            "paise": row["total"],
            "where": looks.PROOFS.get((row["stage"], row["book"]), ""),
            "word": looks.WAITS.get(row["why"], row["why"]),
        }
        for row in rows
    ]


def _rules(run: Run) -> list[dict[str, Any]]:
    """The rules it used, in the order they were tried, with how many matches each made."""
    made = dict(
        Match.objects.filter(run=run).order_by().values_list("rule_id").annotate(n=Count("pk"))
    )
    rules = Rule.objects.filter(code__in=run.rule_versions).order_by("priority", "code")
    return [
        {"code": rule.code, "version": rule.version, "count": made.get(rule.pk, 0)}
        for rule in rules
        if run.rule_versions[rule.code] == rule.version
    ]


def _columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Day")},
        {"label": _("Run")},
        {"label": _("Started"), "is_minor": True},
        {"label": _("Took"), "is_end": True, "is_minor": True},
        {"label": _("By"), "is_minor": True},
        {"label": _("Matches"), "is_end": True},
        {"label": _("Breaks opened"), "is_end": True, "is_minor": True},
        {"label": _("Closed"), "is_end": True, "is_minor": True},
        {"label": _("State")},
    ]
