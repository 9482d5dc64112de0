"""One channel's page, and what its keepers do there: pause, resume, rotate a secret, replay."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.contrib import messages as notes
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from channels_ import actions, guide, health, panels, registry, secrets, selectors
from channels_.actions import Chosen
from channels_.models import Channel, InboundMessage, Replay
from channels_.pages import KEEPERS
from channels_.secrets import SecretAge
from channels_.selectors import channels_visible_to, messages_visible_to, replays_visible_to
from channels_.setups import HOUSE_SETTINGS
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from people.access import has_role, roles, signed_in
from people.roles import ADMINISTRATOR, AUDITOR

MESSAGES_SHOWN: Final = 12
# Who knows a new secret can sign in the partner's name: not everybody who may pause.
ROTATORS: Final = (ADMINISTRATOR,)


class PauseForm(forms.Form):
    """Why a channel is paused; the reason stands on every page and in the trail."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200)


class RotateForm(forms.Form):
    """A new value, or the wish that one is made; and how long the old one is believed."""

    value = forms.CharField(
        label=gettext_lazy("New value"),
        required=False,
        strip=False,
        max_length=16_384,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("As the partner gives it. Empty: one is made and shown once."),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days for which the old one is believed"),
        min_value=2,
        max_value=secrets.PREVIOUS_KEPT_MAX.days,
        initial=secrets.PREVIOUS_KEPT.days,
        help_text=gettext_lazy("Partners repeat old messages for a day, signed as before."),
    )
    ends_previous = forms.BooleanField(
        label=gettext_lazy("End the one before it now"),
        required=False,
        help_text=gettext_lazy("Only when a third secret is needed while a rotation still runs."),
    )


class ReplayForm(forms.Form):
    """Which messages that were given up shall be tried again."""

    channel = forms.ModelChoiceField(
        label=gettext_lazy("Channel"), queryset=Channel.objects.none(), to_field_name="code"
    )
    since = forms.DateField(
        label=gettext_lazy("Came from"), widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        label=gettext_lazy("to"), widget=forms.DateInput(attrs={"type": "date"})
    )
    words = forms.CharField(
        label=gettext_lazy("Words of the reason"), required=False, max_length=80
    )

    def clean(self) -> dict[str, Any]:
        """The days run forward."""
        found = super().clean() or self.cleaned_data
        since, until = found.get("since"), found.get("until")
        if since and until and until < since:
            self.add_error("until", _("This day is before the first one."))
        return found


class ReplayNow(ReplayForm):
    """The same, with the number that was seen and, for partners who ask, that they were asked."""

    seen = forms.IntegerField(min_value=1)
    has_asked = forms.BooleanField(required=False)


@roles(*KEEPERS, AUDITOR)
@require_safe
def channel(request: HttpRequest, channel_code: str) -> HttpResponse:
    """One channel: its facts, its figures, its secrets' ages, and what came last."""
    found = _channel(request, channel_code)
    told = [one for one in panels.worries_of(request.user) if one.channel_id == found.pk]
    (row,) = health.channels_of(request.user, told=told, only=found)
    latest = messages_visible_to(request.user).filter(channel=found).select_related("channel")
    context = {
        "channel": found,
        "row": row,
        "worries": told,
        "facts": _facts(found),
        "can": [guide.WORDS[name] for name in guide.WORDS if name in _can(found)],
        "agreed": _agreed(found),
        "refusals": selectors.refusals(request.user, found),
        "files": health.last_files(request.user, channel=found),
        "rows": list(latest.defer("body").order_by("-received_at", "-id")[:MESSAGES_SHOWN]),
        "looks": health.MESSAGES,
        "panels": panels.panels_of(request.user, found),
        "pause_form": PauseForm(),
        "may_run": has_role(request.user, *KEEPERS),
        "may_rotate": has_role(request.user, *ROTATORS),
        "columns": [
            {"label": _("Came")},
            {"label": _("Channel"), "is_minor": True},
            {"label": _("Event")},
            {"label": _("State")},
            {"label": _("What it did"), "is_minor": True},
            {"label": _("Again"), "is_end": True, "is_minor": True},
        ],
    }
    return render(request, "channels_/channel.html", context)


@roles(*KEEPERS)
@require_http_methods(["GET", "HEAD", "POST"])
def pause(request: HttpRequest, channel_code: str) -> HttpResponse:
    """Ask why, then pause; the same form stands in the dialog of the channel's page."""
    found = _channel(request, channel_code)
    form = PauseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        actions.pause(found, reason=form.cleaned_data["reason"], by=signed_in(request))
        notes.success(request, _("%(name)s is paused.") % {"name": found.name})
        return _to_channel(found)
    context = {"channel": found, "pause_form": form}
    return render(request, "channels_/pause.html", context, status=_status(form))


@roles(*KEEPERS)
@require_POST
def resume(request: HttpRequest, channel_code: str) -> HttpResponse:
    """Let a paused channel go on."""
    found = _channel(request, channel_code)
    actions.resume(found, by=signed_in(request))
    notes.success(request, _("%(name)s goes on.") % {"name": found.name})
    return _to_channel(found)


@roles(*ROTATORS)
@never_cache
@sensitive_post_parameters("value")
@require_http_methods(["GET", "HEAD", "POST"])
def rotate(request: HttpRequest, channel_code: str, name: str) -> HttpResponse:
    """Replace a secret; one that was made here is shown in this answer, and never again."""
    found = _channel(request, channel_code)
    age = _secret(found, name)
    form = RotateForm(request.POST if request.method == "POST" else None)
    shown = ""
    if request.method == "POST" and form.is_valid():
        typed = secrets.cleaned(form.cleaned_data["value"])
        value = typed or secrets.generated()
        try:
            secrets.rotate(
                found,
                name=name,
                value=value,
                by=signed_in(request),
                kept=timedelta(days=form.cleaned_data["days"]),
                ends_previous=form.cleaned_data["ends_previous"],
            )
        except DomainError as problem:
            form.add_error(None, str(problem))
        else:
            notes.success(request, _("%(name)s is replaced.") % {"name": name})
            if typed:
                return _to_channel(found)
            shown = value
    context = {"channel": found, "name": name, "age": age, "form": form, "shown": shown}
    return render(request, "channels_/rotate.html", context, status=_status(form))


@roles(*KEEPERS)
@require_http_methods(["GET", "HEAD", "POST"])
def replays(request: HttpRequest) -> HttpResponse:
    """Count what was given up and fits; then, with that count, let it be tried again."""
    if request.method == "POST":
        return _replay_now(request)
    asked = bool(request.GET.keys() & {"channel", "since", "until"})
    start = {"since": today() - timedelta(days=7), "until": today()}
    form = _with_channels(request, ReplayForm(request.GET if asked else None, initial=start))
    chosen = _chosen(form) if asked and form.is_valid() else None
    context = {
        "form": form,
        "chosen": chosen,
        "fits": actions.parked(chosen).count() if chosen else None,
        "asks": chosen is not None and actions.asks(chosen.channel),
        "done": replays_visible_to(request.user).select_related("channel").order_by("-id")[:10],
    }
    return render(request, "channels_/replays.html", context, status=_status(form))


@roles(*KEEPERS)
@require_safe
def replay_state(request: HttpRequest, replay_id: int) -> HttpResponse:
    """How far one is; the page may be left and come back to."""
    rows = replays_visible_to(request.user).select_related("channel")
    found: Replay = get_object_or_404(rows, pk=replay_id)
    states = selectors.progress_of(found)
    left = states.get(InboundMessage.State.DUE, 0)
    context = {
        "replay": found,
        "done": found.total - left,
        "is_running": left > 0,
        "sums": [
            {
                "label": look.word,
                "count": states.get(state, 0),
                "tone": look.tone if states.get(state) else "",
            }
            for state, look in health.MESSAGES.items()
        ],
    }
    return render(request, "channels_/replay.html", context)


def _replay_now(request: HttpRequest) -> HttpResponse:
    form = _with_channels(request, ReplayNow(request.POST))
    if not form.is_valid():
        return render(request, "channels_/replays.html", {"form": form}, status=_status(form))
    made = actions.replay_many(
        _chosen(form),
        seen=form.cleaned_data["seen"],
        by=signed_in(request),
        has_asked=form.cleaned_data["has_asked"],
    )
    return HttpResponseRedirect(reverse("channels:replay_state", args=[made.pk]))


def _with_channels(request: HttpRequest, form: ReplayForm) -> ReplayForm:
    field = form.fields["channel"]
    if isinstance(field, forms.ModelChoiceField):
        field.queryset = channels_visible_to(request.user).order_by("position", "code")
    return form


def _chosen(form: ReplayForm) -> Chosen:
    said = form.cleaned_data
    return Chosen(
        channel=said["channel"], since=said["since"], until=said["until"], words=said["words"]
    )


def _channel(request: HttpRequest, code: str) -> Channel:
    rows = channels_visible_to(request.user).select_related("bank_account")
    return get_object_or_404(rows, code=code)


def _secret(found: Channel, name: str) -> SecretAge:
    ages = {one.name: one for one in secrets.ages_of([found])[found.pk]}
    if name not in ages:
        raise Http404
    return ages[name]


def _status(form: forms.Form) -> HTTPStatus:
    return HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK


def _to_channel(found: Channel) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("channels:channel", args=[found.code]))


def _can(found: Channel) -> frozenset[str]:
    return registry.adapter(found.adapter).capabilities


def _facts(found: Channel) -> list[dict[str, Any]]:
    account = found.bank_account
    due = found.file_due_at
    facts: list[tuple[str, str]] = [
        (_("Code"), found.code),
        (_("Adapter"), registry.adapter(found.adapter).title),
        (_("Proved by"), str(found.get_route_display())),
        (_("Merchant id"), found.merchant_id),
        (_("Their API"), found.api_url),
        (_("Bank account"), account.name if account else ""),
        (_("File due"), due.strftime("%H:%M") if due else _("none expected")),
        (
            _("May be silent for"),
            _("%(n)s minutes") % {"n": found.quiet_minutes} if found.quiet_minutes else "",
        ),
    ]
    ids = {_("Code"), _("Merchant id"), _("Their API")}
    return [{"label": label, "text": text, "is_id": label in ids} for label, text in facts]


def _agreed(found: Channel) -> list[dict[str, str]]:
    """What was agreed, each with what it means; a value of nobody's agreement stands out too."""
    known = {**registry.adapter(found.adapter).settings, **HOUSE_SETTINGS}
    return [
        {"name": name, "value": _written(value), "meaning": known.get(name, "")}
        for name, value in sorted(found.settings.items())
    ]


def _written(value: object) -> str:
    return value if isinstance(value, str) else str(value)
