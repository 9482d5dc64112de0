"""The sources of files: what each owes, how its files are taken, and where they are fetched."""

from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from channels_.models import BankAccount, Source
from cspdcl.kernel.errors import DomainError, Transient
from people.access import Somebody, has_role, roles, signed_in
from people.roles import AUDITOR, FINANCE, FINANCE_OFFICER, OPERATOR
from sources import fetching, looks, selectors, tasks
from sources.models import FetchPlan, Mapping

FETCHERS: Final = (OPERATOR, FINANCE_OFFICER)
FETCHES_SHOWN: Final = 8
FILES_SHOWN: Final = 8


@roles(*selectors.SOURCE_READERS)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """Every source with what is agreed with it."""
    found: list[Source] = [
        *selectors.channels_with_files(request.user),
        *selectors.accounts_visible_to(request.user),
        *selectors.ledgers_visible_to(request.user),
    ]
    plans = list(selectors.plans_visible_to(request.user).order_by("code"))
    context = {
        "rows": [_row(request.user, one, plans) for one in found],
        "columns": [
            {"label": _("Source")},
            {"label": _("Owes a file")},
            {"label": _("A bad row"), "is_minor": True},
            {"label": _("A strange file"), "is_minor": True},
            {"label": _("Fetched"), "is_minor": True},
            {"label": _("Last file")},
        ],
        "file_looks": looks.FILES,
    }
    return render(request, "sources/sources.html", context)


@roles(*selectors.SOURCE_READERS)
@require_safe
def story(request: HttpRequest, code: str) -> HttpResponse:
    """One source."""
    source = source_of(request.user, code)
    plans = selectors.plans_visible_to(request.user).filter(**_whose(source)).order_by("code")
    context = {
        "source": source,
        "facts": _facts(source),
        "plans": [_plan(request.user, one) for one in plans],
        "files": selectors.last_files(request.user, source, limit=FILES_SHOWN),
        "file_looks": looks.FILES,
        "fetch_looks": looks.FETCHES,
        "may_map": isinstance(source, BankAccount) and has_role(request.user, *FINANCE, AUDITOR),
        "mapping": _mapping(request.user, source),
        "may_fetch": has_role(request.user, *FETCHERS),
    }
    return render(request, "sources/source.html", context)


@roles(*FETCHERS)
@require_POST
def fetch(request: HttpRequest, code: str) -> HttpResponse:
    """Ask the worker to follow a plan now."""
    user = signed_in(request)
    source = source_of(user, code)
    plans = selectors.plans_visible_to(user).filter(**_whose(source))
    plan = plans.filter(code=request.POST.get("plan", "")).first()
    if plan is None:
        raise Http404
    try:
        fetching.ask(plan, by=user, send=tasks.send)
    except DomainError as refused:
        messages.info(request, str(refused))
    except Transient:
        messages.error(request, _("The queue does not answer; try again in a moment."))
    else:
        messages.success(request, _("The worker looks now; the log below tells what it found."))
    return redirect("sources:source", code=code)


def source_of(user: Somebody, code: str) -> Source:
    """The source of this code that the user may see; 404 where there is none."""
    channels = (one for one in selectors.channels_with_files(user) if one.code == code)
    found: Source | None = (
        next(channels, None)
        or selectors.accounts_visible_to(user).filter(code=code).first()
        or selectors.ledgers_visible_to(user).filter(code=code).first()
    )
    if found is None:
        raise Http404
    return found


def _mapping(user: Somebody, source: Source) -> Mapping | None:
    if not isinstance(source, BankAccount):
        return None
    versions = selectors.mappings_visible_to(user).filter(account=source)
    return versions.filter(state=Mapping.State.LIVE).first()


def _whose(source: Source) -> dict[str, Source]:
    return {source.whose: source}


def _row(user: Somebody, source: Source, plans: list[FetchPlan]) -> dict[str, Any]:
    files = selectors.last_files(user, source, limit=1)
    return {
        "source": source,
        "owed": looks.owed(source),
        "plans": [
            {"plan": plan, "clock": looks.clock(plan)} for plan in plans if plan.source == source
        ],
        "file": files[0] if files else None,
    }


def _facts(source: Source) -> list[dict[str, Any]]:
    compared = _("waits for a second person") if source.file_compared else _("is loaded")
    return [
        {"label": _("Code"), "text": source.code, "is_id": True},
        {"label": _("Owes a file"), "text": looks.owed(source)},
        {"label": _("With a row that cannot be taken"), "text": source.get_file_policy_display()},
        {"label": _("A file unlike the last ones"), "text": compared},
    ]


def _plan(user: Somebody, plan: FetchPlan) -> dict[str, Any]:
    fetches = selectors.fetches_visible_to(user).filter(plan=plan).order_by("-started_at")
    fetched = selectors.fetched_visible_to(user).filter(plan=plan).order_by("-id")
    return {
        "plan": plan,
        "facts": [
            {"label": _("Where"), "text": plan.address, "is_id": True},
            {"label": _("As"), "text": plan.user},
            {"label": _("When"), "text": looks.clock(plan)},
            {"label": _("Files"), "text": plan.pattern, "is_id": True},
            *([{"label": _("Mails of"), "text": plan.sender}] if plan.sender else []),
            {"label": _("Bytes are kept"), "text": _("%(n)s days") % {"n": plan.keep_days}},
        ],
        "fetches": list(fetches[:FETCHES_SHOWN]),
        "fetched": [
            {"file": one, "look": looks.FETCHED[one.outcome]} for one in fetched[:FILES_SHOWN]
        ],
    }
