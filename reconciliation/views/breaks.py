"""The breaks: the list as it was narrowed, and each on the bench with what could explain it."""

import io
from collections.abc import Sequence
from http import HTTPStatus
from operator import itemgetter
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    QueryDict,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from channels_.models import Channel
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from cspdcl.ui.templatetags.ui import count
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import FINANCE, FINANCE_APPROVER, OPERATOR, READERS
from reconciliation import looks, selectors
from reconciliation.board import OLD_DAYS
from reconciliation.desk import (
    decisions,
    explain,
    filters,
    listing,
    proposals,
    suggestions,
    terms,
    why_not,
    workbench,
)
from reconciliation.forms import BreaksFilter, ProposalForm, SaveFilterForm
from reconciliation.found import assigning
from reconciliation.models import Book, Break, BreakNote, Decision, Reason, Stage
from reconciliation.views.steps import steps_for

BREAK_READERS: Final = (*READERS, OPERATOR)

PAGE_SIZE: Final = 50
SUGGESTIONS_SHOWN: Final = 5
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@roles(*BREAK_READERS)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """The breaks that fit the filters, with counts and sums of all of them."""
    form, breaks = narrowed(request)
    sums = listing.totals(breaks)
    page = _page(request, breaks, count=sums["count"])
    context = {
        "form": form,
        "page": page,
        "rows": [_row(one) for one in page.object_list],
        "totals": sums,
        "reasons": listing.by_reason(breaks),
        "columns": _columns(),
        "filters": _filters(request),
        "query": request.GET.urlencode(),
        "exports": _exports(),
        "looks": looks.BREAKS,
        "kept": _kept(request),
        "page_keys": _keys(),
        "is_narrowed": any(name != "page" and value for name, value in request.GET.items()),
        "saved": list(selectors.saved_filters(signed_in(request))),
        "may_propose": has_role(request.user, *FINANCE),
        "late": sum(one.count for one in selectors.late_breaks(signed_in(request), as_of=today())),
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "reconciliation/breaks.html", context, status=status)


@roles(*BREAK_READERS)
@require_POST
def save_filter(request: HttpRequest) -> HttpResponse:
    """Keep today's filter under a name, or take a name off; the same name is written over."""
    user = signed_in(request)
    form = SaveFilterForm(request.POST)
    query = QueryDict(request.POST.get("query", ""), mutable=True)
    for name in ("page", "sort"):
        query.pop(name, None)
    if form.is_valid():
        name = form.cleaned_data["name"]
        if request.POST.get("verdict") == "drop":
            filters.drop(user, name=name)
        else:
            filters.save(user, name=name, query=query.urlencode())
            messages.success(request, _("Kept; it stands over the list."))
    else:
        messages.error(request, _("A name of at most 40 letters is wanted."))
    return redirect(f"{reverse('reconciliation:breaks')}?{query.urlencode()}")


@roles(*BREAK_READERS)
@require_safe
def export(request: HttpRequest, kind: str) -> HttpResponseBase:
    """What the list shows, whole: as CSV or as a workbook."""
    _form, breaks = narrowed(request)
    chosen = listing.ordered(breaks, request.GET.get("sort", ""))
    name = f"breaks-{today().isoformat()}.{kind}"
    if kind not in ("csv", "xlsx"):
        raise Http404
    try:
        return _as_csv(chosen, name) if kind == "csv" else _as_xlsx(chosen, name)
    except listing.TooMany as refused:
        return back_to_list(request, refused)


def _as_csv(chosen: QuerySet[Break], name: str) -> HttpResponseBase:
    return StreamingHttpResponse(
        listing.as_csv(chosen, as_of=today()),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _as_xlsx(chosen: QuerySet[Break], name: str) -> HttpResponseBase:
    file = io.BytesIO()
    listing.write_xlsx(chosen, file, as_of=today())
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=name, content_type=_XLSX)


def back_to_list(request: HttpRequest, refused: DomainError) -> HttpResponse:
    """The list as it was narrowed, with why what was asked of it cannot be."""
    messages.error(request, str(refused))
    return redirect(f"{reverse('reconciliation:breaks')}{_kept(request)}")


@roles(*BREAK_READERS)
@require_safe
def story(request: HttpRequest, public_id: str) -> HttpResponse:
    """One break: why it is one, its entries, what could explain it, and its history."""
    one = _break(signed_in(request), public_id)
    return _bench(request, one, ProposalForm(), chosen=[])


@roles(*FINANCE)
@require_POST
def propose(request: HttpRequest, public_id: str) -> HttpResponse:
    """Propose a match with the ticked candidates, or a write-off; a second person decides."""
    user = signed_in(request)
    one = _break(user, public_id)
    form = ProposalForm(request.POST)
    names = request.POST.getlist("candidate")
    if not form.is_valid():
        return _bench(request, one, form, chosen=names, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    kind = Decision.Kind(form.cleaned_data["kind"])
    try:
        is_match = kind == Decision.Kind.MATCH
        made = decisions.propose(
            one,
            kind=kind,
            candidates=proposals.chosen_entries(one, names) if is_match else [],
            chosen=workbench.own_entries(one, request.POST.getlist("own")) if is_match else None,
            why=form.cleaned_data["why"],
            maker=user,
        )
    except DomainError as refused:
        form.add_error(None, str(refused))
        return _bench(request, one, form, chosen=names, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    messages.success(request, _said(made))
    return redirect(f"{reverse('reconciliation:break', args=[one.public_id])}{_kept(request)}")


def _said(made: Decision) -> str:
    if made.state == Decision.State.ALONE:
        return _("Done; it lies within your limit.")
    return _("Proposed. It acts when a second person approves it.")


def _bench(
    request: HttpRequest,
    one: Break,
    form: ProposalForm,
    *,
    chosen: list[str],
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    user = signed_in(request)
    _form, breaks = narrowed(request)
    sums = listing.totals(breaks)
    page = _page(request, breaks, count=sums["count"])
    bench = workbench.bench_of(one, chosen=chosen, own=request.POST.getlist("own"))
    made = list(one.decisions.select_related("maker", "checker").order_by("-id"))
    waiting = next((d for d in made if d.state == Decision.State.PROPOSED), None)
    found = _found(one, bench.candidates, chosen=chosen)
    ticked = [c for c in (*bench.candidates, *found["extra"]) if c.is_chosen]
    chosen_paise = sum(c.paise for c in ticked)
    context = {
        "break": one,
        "row": _row(one),
        "sentence": explain.sentence(one),
        "bench": bench,
        "form": form,
        **found,
        "chosen_count": len(ticked),
        "chosen_paise": chosen_paise,
        "left_paise": bench.left_paise - chosen_paise,
        "verdicts": why_not.verdicts_of(one),
        "care": _care(one),
        "letters": list(selectors.visible_letters(user).filter(open_break=one)),
        "steps": steps_for(one, is_decided=waiting is not None) if has_role(user, *FINANCE) else [],
        "waiting": waiting,
        "events": _events(one, made, list(selectors.visible_notes(user).filter(open_break=one))),
        "page": page,
        "rows": [_row(other) for other in page.object_list],
        "totals": sums,
        "kept": _kept(request),
        "may_propose": bench.is_matchable and waiting is None and has_role(user, *FINANCE),
        "may_approve": has_role(user, FINANCE_APPROVER),
        "is_found_money": assigning.is_assignable(one) or assigning.is_listed(one),
        "cheque": _cheque(one) if has_role(user, *READERS) else "",
        "page_keys": _keys(is_bench=True),
    }
    return render(request, "reconciliation/break.html", context, status=status)


def _found(
    one: Break, candidates: Sequence[workbench.Candidate], *, chosen: Sequence[str]
) -> dict[str, Any]:
    """What else may explain it: the one choice that makes the sum, and what only resembles it."""
    proposal = proposals.proposal_for(one)
    known = {candidate.id for candidate in candidates}
    alike = [
        suggestion
        for suggestion in suggestions.suggestions_for(one)
        if suggestion.candidate.id not in known
    ][:SUGGESTIONS_SHOWN]
    together = proposal.candidate if proposal else None
    extra = [*([together] if together else []), *(suggestion.candidate for suggestion in alike)]
    for candidate in extra:
        candidate.is_chosen = candidate.id in chosen
    return {"together": together, "suggestions": alike, "extra": extra}


def _cheque(one: Break) -> str:
    """The cheque that the bank returned and our books still hold for paid; its page records it."""
    is_news = one.reason == Reason.CHEQUE_RETURNED and one.book == Book.BANK
    return str(one.facts.get("instrument") or "") if is_news else ""


def _break(user: User, public_id: str) -> Break:
    return get_object_or_404(selectors.visible_breaks(user), public_id=public_id)


def narrowed(request: HttpRequest) -> tuple[BreaksFilter, QuerySet[Break]]:
    """The breaks that fit the query of a page."""
    return narrowed_by(signed_in(request), request.GET)


def narrowed_by(user: User, query: QueryDict) -> tuple[BreaksFilter, QuerySet[Break]]:
    """The breaks that fit a query, but for what is parked unless it is asked for.

    What is not understood narrows to nothing: a filter that is ignored would mislead.
    """
    channels = list(Channel.objects.order_by("position", "code").values_list("code", flat=True))
    form = BreaksFilter(query, channels=channels)
    breaks = selectors.visible_breaks(user)
    if not form.is_valid():
        return form, breaks.none()
    asked = dict(form.cleaned_data)
    if not asked["parked"] and asked["state"] != Break.State.CLOSED and not asked["q"]:
        asked["parked"] = "no"
    return form, listing.narrowed(breaks, asked, as_of=today())


def _page(request: HttpRequest, breaks: QuerySet[Break], *, count: int) -> Page[Break]:
    ordered = listing.ordered(breaks, request.GET.get("sort", ""))
    paginator = Paginator(ordered, PAGE_SIZE)
    paginator.count = count  # counted already, with the sums
    return paginator.get_page(request.GET.get("page"))


def _row(one: Break) -> dict[str, Any]:
    """A break as the list and the bench write it."""
    days = listing.age_of(one, as_of=today())
    return {
        "break": one,
        "reason": looks.reason_of(one),
        "where": _where(one),
        "days": days,
        "working_days": terms.working_age(one, as_of=today()),
        "is_old": days >= OLD_DAYS and one.state == Break.State.OPEN,
    }


def _where(one: Break) -> str:
    source = one.channel or one.bank_account
    stage = Stage(one.stage).label
    return f"{source}, {stage}" if source else str(stage)


def _care(one: Break) -> list[dict[str, Any]]:
    """Who cares for the break, how old it is, and by when it should be explained."""
    facts: list[dict[str, Any]] = [
        {"label": _("Owner"), "text": one.owner.username if one.owner else _("nobody")},
        {
            "label": _("Age in working days"),
            "text": count(terms.working_age(one, as_of=today())),
        },
    ]
    if one.state == Break.State.OPEN:
        due = terms.due_on(one, terms.all_terms())
        late = due < today() and not one.is_parked
        words = {"word": _("by %(day)s, late") % {"day": f"{due:%d-%m-%Y}"}, "tone": "bad"}
        facts.append({"label": _("To be explained"), **(words if late else {"day": due})})
    if one.is_parked:
        until = f" {one.parked_until:%d-%m-%Y}" if one.parked_until else ""
        told = f"{one.get_parked_display()}{until}"
        facts.append({"label": _("Parked"), "word": told, "tone": "wait", "icon": "clock"})
    return facts


def _events(one: Break, made: list[Decision], notes: list[BreakNote]) -> list[dict[str, Any]]:
    """The history of a break, newest first."""
    run = one.opened_by
    events: list[dict[str, Any]] = [
        {
            "at": one.opened_at,
            "text": _("Opened by the run of %(day)s") % {"day": f"{run.business_date:%d-%m-%Y}"},
            "by": run.started_by,
            "tone": "open",
            "paise": one.amount_paise,
        }
    ]
    for note in notes:
        shown = {
            "at": note.at,
            "text": note.words,
            "by": note.by.username,
            "tone": "",
            "icon": "note",
        }
        if note.paper:
            paper = reverse("attachments:content", args=[note.paper.public_id])
            shown |= {"proof_url": paper, "proof_label": _("paper")}
        events.append(shown)
    for decision in made:
        is_alone = decision.state == Decision.State.ALONE
        words = (
            _("Decided within the limit of one person, to %(what)s: %(why)s")
            if is_alone
            else _("Proposed to %(what)s: %(why)s")
        )
        events.append(
            {
                "at": decision.made_at,
                "text": words % {"what": decision.get_kind_display(), "why": decision.why},
                "by": decision.maker.username,
                "tone": "ok" if is_alone else "prop",
                "paise": decision.amount_paise,
            }
        )
        if decision.checked_at and decision.checker:
            look = looks.DECISIONS[decision.state]
            events.append(
                {
                    "at": decision.checked_at,
                    "text": f"{capfirst(str(look.word))}. {decision.answer}".strip(),
                    "by": decision.checker.username,
                    "tone": look.tone,
                    "paise": None,
                }
            )
    if one.closed_at:
        events.append(
            {
                "at": one.closed_at,
                "text": _("Closed: %(why)s") % {"why": one.closed_why},
                "by": "",
                "tone": "ok",
                "paise": None,
            }
        )
    return sorted(events, key=itemgetter("at"), reverse=True)


def _kept(request: HttpRequest) -> str:
    """The query of the list, which every break carries along."""
    query = request.GET.urlencode()
    return f"?{query}" if query else ""


def _keys(*, is_bench: bool = False) -> list[dict[str, Any]]:
    keys = [
        {"label": _("Next, back"), "keys": ["j", "k"]},
        {"label": _("Open the break"), "keys": ["Enter"]},
    ]
    if is_bench:
        keys += [
            {"label": _("Propose the match"), "keys": ["m"]},
            {"label": _("Propose a write-off"), "keys": ["o"]},
        ]
    return keys


def _columns() -> list[dict[str, Any]]:
    return [
        {"label": _("Reason"), "sort": "reason"},
        {"label": _("Reference"), "sort": "reference", "is_minor": True},
        {"label": _("Where"), "is_minor": True},
        {"label": _("Day"), "sort": "day", "is_minor": True},
        {"label": _("Age")},
        {"label": _("Owner"), "is_minor": True},
        {"label": _("Amount, ₹"), "sort": "amount", "is_end": True},
    ]


def _filters(request: HttpRequest) -> list[dict[str, Any]]:
    """The filters with what each choice holds of all open breaks."""
    user = signed_in(request)
    every = selectors.visible_breaks(user).filter(state=Break.State.OPEN)
    reasons = {row["reason"]: row["count"] for row in listing.by_reason(every)}
    channels = Channel.objects.order_by("position", "code").values_list("code", "name")
    return [
        {
            "name": "reason",
            "label": _("Reason"),
            "choices": [
                {"value": code, "label": label, "count": reasons[code]}
                for code, label in Reason.choices
                if code in reasons
            ],
        },
        {
            "name": "channel",
            "label": _("Channel"),
            "choices": [{"value": code, "label": name} for code, name in channels],
        },
        {
            "name": "stage",
            "label": _("Proof"),
            "choices": [{"value": code, "label": label} for code, label in Stage.choices],
        },
        {
            "name": "age",
            "label": _("Age"),
            "choices": [
                {"value": age.code, "label": listing.AGE_WORDS[age.code]} for age in listing.AGES
            ],
        },
        {
            "name": "state",
            "label": _("State"),
            "choices": [{"value": Break.State.CLOSED, "label": _("closed")}],
        },
        {
            "name": "owner",
            "label": _("Owner"),
            "choices": [
                {"value": user.username, "label": _("mine")},
                {"value": listing.NOBODY, "label": _("nobody's")},
            ],
        },
        {
            "name": "parked",
            "label": _("Parked"),
            "choices": [
                {"value": "timing", "label": _("will come by a date")},
                {"value": "suspense", "label": _("in suspense")},
                {"value": "all", "label": _("all, parked or not")},
            ],
        },
        {"name": "late", "label": _("Late"), "choices": [{"value": "1", "label": _("late")}]},
        {"name": "since", "label": _("From"), "kind": "day"},
        {"name": "until", "label": _("To"), "kind": "day"},
        {"name": "q", "label": _("Reference"), "kind": "text"},
    ]


def _exports() -> list[dict[str, Any]]:
    return [
        {
            "url": reverse("reconciliation:breaks_export", args=["xlsx"]),
            "label": "Excel",
            "note": _("amounts are numbers"),
            "icon": "file-spreadsheet",
        },
        {
            "url": reverse("reconciliation:breaks_export", args=["csv"]),
            "label": "CSV",
            "icon": "file-text",
        },
    ]
