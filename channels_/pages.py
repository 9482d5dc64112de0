"""Pages of those who keep the channels going: health, messages, and one message with its bytes."""

from datetime import date
from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.contrib import messages as notes
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from channels_ import actions, health, masking
from channels_.contract import Notice
from channels_.inbox import body_of, notices_of
from channels_.models import InboundMessage
from channels_.selectors import channels_visible_to, messages_visible_to
from cspdcl.kernel.clock import day_bounds
from cspdcl.kernel.crypto import Undecipherable
from cspdcl.kernel.errors import Malformed
from people.access import Somebody, has_role, roles, signed_in
from people.roles import ADMINISTRATOR, AUDITOR, FINANCE, OPERATOR

KEEPERS: Final = (OPERATOR, ADMINISTRATOR)
MESSAGE_READERS: Final = (*KEEPERS, AUDITOR, *FINANCE)
PAGE_SIZE: Final = 50


class MessageFilter(forms.Form):
    """What the list of messages may be narrowed by."""

    state = forms.MultipleChoiceField(required=False, choices=InboundMessage.State.choices)
    channel = forms.MultipleChoiceField(required=False)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
    q = forms.CharField(required=False, max_length=96)

    def __init__(self, *args: Any, channels: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        channel = self.fields["channel"]
        if isinstance(channel, forms.MultipleChoiceField):
            channel.choices = channels


@roles(*KEEPERS)
@require_safe
def operator(request: HttpRequest) -> HttpResponse:
    """How everything is now, and what needs a person; it looks again by itself."""
    context = {
        "house": health.house(request.user),
        "files": health.last_files(request.user),
        "is_still": "still" in request.GET,
        "columns": [
            {"label": _("Channel")},
            {"label": _("State")},
            {"label": _("Last notice"), "is_minor": True},
            {"label": _("An hour"), "is_end": True},
            {"label": _("24 h"), "is_minor": True},
            {"label": _("Handled in"), "is_end": True, "is_minor": True},
            {"label": _("Refused"), "is_end": True, "is_minor": True},
            {"label": _("File"), "is_minor": True},
            {"label": _("Secrets"), "is_minor": True},
        ],
    }
    return render(request, "channels_/operator.html", context)


@roles(*MESSAGE_READERS)
@require_safe
def messages(request: HttpRequest) -> HttpResponse:
    """What the channels sent, newest first."""
    channels = list(channels_visible_to(request.user).order_by("position", "code"))
    form = MessageFilter(request.GET, channels=[(one.code, one.name) for one in channels])
    chosen = _narrowed(messages_visible_to(request.user), form)
    counts = dict(chosen.order_by().values_list("state").annotate(n=Count("pk")))
    rows = chosen.select_related("channel").defer("body").order_by("-id")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "looks": health.MESSAGES,
        "sums": [
            {
                "label": look.word,
                "count": counts.get(state, 0),
                "tone": look.tone if counts.get(state) else "",
            }
            for state, look in health.MESSAGES.items()
        ],
        "columns": [
            {"label": _("Came")},
            {"label": _("Channel"), "is_minor": True},
            {"label": _("Event")},
            {"label": _("State")},
            {"label": _("What it did"), "is_minor": True},
            {"label": _("Again"), "is_end": True, "is_minor": True},
        ],
        "filters": [
            {
                "name": "state",
                "label": _("State"),
                "choices": [
                    {"value": code, "label": look.word} for code, look in health.MESSAGES.items()
                ],
            },
            {
                "name": "channel",
                "label": _("Channel"),
                "choices": [{"value": one.code, "label": one.name} for one in channels],
            },
            {"name": "since", "label": _("From"), "kind": "day"},
            {"name": "until", "label": _("To"), "kind": "day"},
            {"name": "q", "label": _("Event"), "kind": "text"},
        ],
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "channels_/messages.html", context, status=status)


@roles(*MESSAGE_READERS)
@require_safe
def message(request: HttpRequest, channel_code: str, event_key: str) -> HttpResponse:
    """One message: what it says in our words, what it did, and its bytes with the payer hidden."""
    found = _message(request.user, channel_code, event_key)
    text, problem = _body(found)
    context = {
        "message": found,
        "looks": health.MESSAGES,
        "text": text,
        "problem": problem,
        "headers": sorted(found.headers.items()),
        "notices": [_notice_facts(notice) for notice in _notices(found)],
        "facts": _facts(found),
        "may_replay": found.state == InboundMessage.State.PARKED
        and has_role(request.user, *KEEPERS),
        "asks_first": actions.may_be_question(found),
    }
    return render(request, "channels_/message.html", context)


@roles(*KEEPERS)
@require_POST
def replay(request: HttpRequest, channel_code: str, event_key: str) -> HttpResponse:
    """Try a message again that was given up."""
    found = _message(request.user, channel_code, event_key)
    has_asked = request.POST.get("has_asked") == "on"
    actions.replay(found.pk, by=signed_in(request), has_asked=has_asked)
    notes.success(request, _("The message is tried again within seconds."))
    return HttpResponseRedirect(
        reverse("channels:message", args=[found.channel.code, found.event_key])
    )


def _narrowed(rows: QuerySet[InboundMessage], form: MessageFilter) -> QuerySet[InboundMessage]:
    """What is not understood narrows to nothing: a filter that is ignored would mislead."""
    if not form.is_valid():
        return rows.none()
    asked = form.cleaned_data
    if asked["state"]:
        rows = rows.filter(state__in=asked["state"])
    if asked["channel"]:
        rows = rows.filter(channel__code__in=asked["channel"])
    if asked["since"]:
        rows = rows.filter(received_at__gte=_begin(asked["since"]))
    if asked["until"]:
        rows = rows.filter(received_at__lt=day_bounds(asked["until"])[1])
    if asked["q"]:
        rows = rows.filter(event_key=asked["q"])
    return rows


def _begin(day: date) -> Any:
    return day_bounds(day)[0]


def _message(user: Somebody, channel_code: str, event_key: str) -> InboundMessage:
    if "\0" in event_key:  # PostgreSQL has no such character
        raise Http404
    rows = messages_visible_to(user).select_related("channel")
    return get_object_or_404(rows, channel__code=channel_code, event_key=event_key)


def _body(found: InboundMessage) -> tuple[str, str]:
    try:
        return masking.readable(body_of(found).body), ""
    except Undecipherable as error:
        return "", str(error)


def _notices(found: InboundMessage) -> list[Notice]:
    """What the adapter reads in it; nothing when it cannot, which is why it was parked."""
    try:
        return list(notices_of(found))
    except (Malformed, Undecipherable):
        return []


def _notice_facts(notice: Notice) -> list[dict[str, Any]]:
    named = [
        (_("Says"), f"{notice.kind.value} {notice.outcome.value}"),
        (_("Their word"), notice.event),
        (_("Their id"), notice.channel_ref),
        (_("Their order"), notice.order_ref),
        (_("Refund"), notice.refund_ref),
        (_("Our reference"), notice.reference),
        ("RRN", notice.rrn),
        ("UTR", notice.utr),
        (_("Consumer"), notice.consumer_number),
        (_("Status word"), notice.code),
    ]
    facts: list[dict[str, Any]] = [
        {"label": label, "text": text, "is_id": True} for label, text in named if text
    ]
    if notice.amount_paise:
        facts.insert(1, {"label": _("Amount, ₹"), "paise": notice.amount_paise})
    if notice.occurred_at:
        facts.append({"label": _("Happened"), "at": notice.occurred_at})
    words = notice.channel_ref or notice.utr or notice.reference
    if words:
        url = f"{reverse('payments:find')}?q={words}"
        facts.append({"label": _("Payment"), "text": _("find it"), "url": url})
    return facts


def _facts(found: InboundMessage) -> list[dict[str, Any]]:
    return [
        {"label": _("Channel"), "text": found.channel.name},
        {"label": _("Came"), "at": found.received_at},
        {"label": _("What it did"), "text": found.outcome},
        {"label": _("Tries"), "text": str(found.attempts)},
        {"label": _("Came again"), "text": str(found.repeats)},
        {
            "label": _("Other body"),
            "word": str(found.conflicts),
            "tone": "bad" if found.conflicts else "ok",
            "icon": "",
        },
        {"label": "SHA-256", "text": found.sha256, "is_id": True},
    ]
