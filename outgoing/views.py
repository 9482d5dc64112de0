"""What leaves the house: the list with its counts, one message, and what people do about it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages as notes
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from cspdcl.env import Mode
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import DomainError
from cspdcl.ui import paper
from outgoing import lines, looks, queue, selectors
from outgoing.forms import OutgoingFilter, SentByHandForm
from outgoing.models import Attempt, Outgoing
from outgoing.states import BY_ITSELF, Channel, State
from people.access import has_role, roles, signed_in
from people.models import User
from people.roles import ADMINISTRATOR, FINANCE, OPERATOR

PAGE_SIZE: Final = 50
DAYS_AT_FIRST: Final = 7
_ON_BOARD: Final = (State.WAITING, State.DUE, State.SENT, State.GIVEN_UP)


@roles(*selectors.READERS)
@require_safe
def outgoing(request: HttpRequest) -> HttpResponse:
    """What left and what did not, the latest first; at first of the last week."""
    if not request.GET:
        request.GET = _first_query()  # type: ignore[assignment]  # so that the filters show it
    user = signed_in(request)
    form = OutgoingFilter(request.GET)
    visible = selectors.outgoing_visible_to(user)
    rows = _narrowed(visible, form).select_related("office").order_by("-made_at", "-id")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    counts = selectors.counted(visible)
    context = {
        "form": form,
        "page": page,
        "rows": page.object_list,
        "looks": looks.STATES,
        "board": _board(counts),
        "columns": _columns(),
        "filters": _filters(),
        "exports": _exports(user),
        "given_up": sum(n for (_channel, state), n in counts.items() if state == State.GIVEN_UP),
        "again_query": request.GET.urlencode(),
        "may_try_many": has_role(user, OPERATOR)
        and form.is_valid()
        and bool(form.cleaned_data["state"])
        and set(form.cleaned_data["state"]) <= set(queue.AGAIN_FROM)
        and bool(page.object_list),
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "outgoing/outgoing.html", context, status=status)


@roles(*selectors.READERS)
@require_safe
def one(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One message: where it went, when, what became of each try, and its text for who may."""
    return _page(request, _row(signed_in(request), public_id))


@roles(OPERATOR)
@require_POST
def again(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Send once more what was given up."""
    user = signed_in(request)
    row = _row(user, public_id)
    try:
        queue.try_again(row, by=user)
    except DomainError as refused:
        return _page(request, row, problem=str(refused), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    notes.success(request, _("It is tried again within moments."))
    return redirect("outgoing:one", row.public_id)


@roles(OPERATOR)
@require_POST
def many_again(request: HttpRequest) -> HttpResponse:
    """Send once more all that the filters show and that surely did not go out."""
    user = signed_in(request)
    form = OutgoingFilter(request.GET)
    rows = _narrowed(selectors.outgoing_visible_to(user), form)
    count = queue.try_many_again(rows, by=user)
    words = ngettext("%(n)d is tried again.", "%(n)d are tried again.", count) % {"n": count}
    notes.success(request, words)
    query = request.GET.urlencode()
    return redirect(f"{reverse('outgoing:outgoing')}{'?' if query else ''}{query}")


@roles(*selectors.BY_HAND)
@require_POST
def sent(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Say that a letter was posted, or that what was given up did arrive."""
    user = signed_in(request)
    row = _row(user, public_id)
    form = SentByHandForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            queue.note_sent(row, by=user, on=said["on"], ref=said["ref"])
        except DomainError as refused:
            form.add_error(None, str(refused))
        else:
            notes.success(request, _("Noted."))
            return redirect("outgoing:one", row.public_id)
    return _page(request, row, by_hand=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@roles(*selectors.BY_HAND)
@require_safe
def letter(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A letter on paper, with its address, for who posts it."""
    user = signed_in(request)
    row = _row(user, public_id)
    written, address = selectors.text_of(user, row), selectors.address_of(user, row)
    if written is None or not address:
        raise Http404
    context = {
        "row": row,
        "written": written,
        "address": address,
        "is_sample_data": settings.MODE is Mode.DEMO,
    }
    made = paper.pdf(render_to_string("outgoing/letter_pdf.html", context), title=str(row))
    headers = {"Content-Disposition": f'inline; filename="letter-{row.public_id}.pdf"'}
    return HttpResponse(made, content_type="application/pdf", headers=headers)


@roles(*FINANCE, OPERATOR, ADMINISTRATOR)
@require_safe
def erp_export(request: HttpRequest) -> StreamingHttpResponse:
    """The postings that wait for the ERP, as CSV."""
    rows = selectors.outgoing_visible_to(signed_in(request))
    name = f"erp-postings-{today().isoformat()}.csv"
    return StreamingHttpResponse(
        selectors.erp_csv(rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _row(user: User, public_id: UUID) -> Outgoing:
    rows = selectors.outgoing_visible_to(user).select_related("office")
    return get_object_or_404(rows, public_id=public_id)


def _narrowed(rows: QuerySet[Outgoing], form: OutgoingFilter) -> QuerySet[Outgoing]:
    """What is not understood narrows to nothing: a filter that is ignored would mislead."""
    return selectors.narrowed(rows, form.cleaned_data) if form.is_valid() else rows.none()


def _first_query() -> QueryDict:
    query = QueryDict(mutable=True)
    query["since"] = (today() - timedelta(days=DAYS_AT_FIRST - 1)).isoformat()
    return query


def _page(
    request: HttpRequest,
    row: Outgoing,
    *,
    by_hand: SentByHandForm | None = None,
    problem: str = "",
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    user = signed_in(request)
    is_posted_by_hand = row.channel == Channel.LETTER and row.state == State.WAITING
    may_say = is_posted_by_hand or row.state == State.GIVEN_UP
    tries = row.tries.order_by("-id")
    context = {
        "row": row,
        "looks": looks.STATES,
        "facts": _facts(row),
        "said": [{"label": name, "text": value} for name, value in row.facts.items()],
        "events": [*(_event(one) for one in tries), _made(row)],
        "written": selectors.text_of(user, row),
        "address": selectors.address_of(user, row),
        "may_read": has_role(user, *selectors.BODY_READERS),
        "may_try": row.state in queue.AGAIN_FROM
        and row.wiped_at is None
        and has_role(user, OPERATOR),
        "may_say": may_say and has_role(user, *selectors.BY_HAND),
        "by_hand": by_hand or SentByHandForm(initial={"on": today()}),
        "problem": problem,
    }
    return render(request, "outgoing/one.html", context, status=status)


def _board(counts: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    """A line for each channel: is it connected, and how many are where."""
    known = selectors.connections()
    connected = lines.connected()
    board = []
    for channel in Channel:
        line = known.get(channel)
        board.append(
            {
                "channel": channel,
                "is_by_itself": channel in BY_ITSELF,
                "is_connected": channel in connected,
                "rests_until": line.rests_until if line and _is_ahead(line.rests_until) else None,
                "problem": line.last_problem if line else "",
                "cells": [
                    {
                        "state": state,
                        "count": counts.get((channel, state), 0),
                        "tone": looks.STATES[state].tone,
                        "url": _list_url(channel, state),
                    }
                    for state in _ON_BOARD
                ],
            }
        )
    return board


def _is_ahead(moment: datetime | None) -> bool:
    return moment is not None and moment > now()


def _list_url(channel: str, state: str) -> str:
    """The list of one cell; only of today where only today is counted."""
    query = {"channel": channel, "state": state}
    if state == State.SENT:
        query["since"] = today().isoformat()
    return f"{reverse('outgoing:outgoing')}?{urlencode(query)}"


def _columns() -> list[dict[str, Any]]:
    return [
        {"label": _("News")},
        {"label": _("Written"), "is_minor": True},
        {"label": _("By")},
        {"label": _("To"), "is_minor": True},
        {"label": _("About"), "is_minor": True},
        {"label": _("State")},
        {"label": _("Tries"), "is_end": True, "is_minor": True},
    ]


def _filters() -> list[dict[str, Any]]:
    return [
        {
            "name": "channel",
            "label": _("By"),
            "choices": [{"value": one.value, "label": one.label} for one in Channel],
        },
        {
            "name": "state",
            "label": _("State"),
            "choices": [{"value": code, "label": look.word} for code, look in looks.STATES.items()],
        },
        {
            "name": "unclear",
            "label": _("Doubt"),
            "choices": [{"value": "yes", "label": _("may have gone out")}],
        },
        {"name": "since", "label": _("From"), "kind": "day"},
        {"name": "until", "label": _("To"), "kind": "day"},
        {"name": "q", "label": _("Key or reference"), "kind": "text"},
    ]


def _exports(user: User) -> list[dict[str, Any]]:
    if not has_role(user, *FINANCE, OPERATOR, ADMINISTRATOR):
        return []
    return [
        {
            "url": reverse("outgoing:erp_export"),
            "label": "CSV",
            "note": _("postings that wait for the ERP"),
            "icon": "file-spreadsheet",
        }
    ]


def _facts(row: Outgoing) -> list[dict[str, Any]]:
    facts: list[dict[str, Any]] = [
        {"label": _("By"), "text": Channel(row.channel).label},
        {"label": _("To"), "text": row.recipient_masked},
        {"label": _("Key"), "text": row.key, "is_id": True},
        {"label": _("About"), "text": f"{row.object_type} {row.object_id}", "is_id": True},
        {"label": _("Office"), "text": row.office.name if row.office else ""},
        {"label": _("Language"), "text": row.language},
        {"label": _("Written at"), "at": row.made_at},
        {"label": _("Not before"), "at": row.not_before},
        {"label": _("Next try"), "at": row.next_try_at},
        {"label": _("Sent at"), "at": row.sent_at},
        {"label": _("Their id"), "text": row.provider_ref, "is_id": True},
        {"label": _("Last outcome"), "text": row.outcome},
    ]
    return [fact for fact in facts if fact.get("text") or fact.get("at")]


def _event(one: Attempt) -> dict[str, Any]:
    look = looks.VERDICTS[one.verdict]
    text = _("Try %(n)d: %(verdict)s") % {"n": one.number, "verdict": look.word}
    return {"at": one.at, "text": text, "by": one.words, "tone": look.tone, "icon": look.icon}


def _made(row: Outgoing) -> dict[str, Any]:
    text = _("Written, with the business that caused it")
    return {"at": row.made_at, "text": text, "icon": "pencil"}
