"""What questions and silence have to say on the operator's pages."""

from collections.abc import Mapping, Sequence
from typing import Final

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_.models import Channel
from channels_.panels import Line, Panel, Worry
from channels_.selectors import Somebody
from cspdcl.ui.looks import Look
from enquiries.models import Alarm, Operation
from enquiries.selectors import (
    UNKNOWN_MONEY_READERS,
    alarms_visible_to,
    breakers_visible_to,
    open_alarms,
    operations_visible_to,
)
from enquiries.states import OPEN, State
from people.access import has_role

_LOOKS: Final[Mapping[str, Look]] = {
    Alarm.Kind.SILENT: Look(gettext_lazy("silent"), "bad", "volume-off"),
    Alarm.Kind.UNREACHABLE: Look(gettext_lazy("does not answer"), "bad", "plug-connected-x"),
    Alarm.Kind.HISTORY: Look(gettext_lazy("missed news"), "open"),
    Alarm.Kind.REFUND: Look(gettext_lazy("more goes back"), "bad"),
    Alarm.Kind.DISPUTE: Look(gettext_lazy("dispute waits"), "open"),
    Alarm.Kind.FILE: Look(gettext_lazy("file late"), "bad", "clock-exclamation"),
    Alarm.Kind.FETCH: Look(gettext_lazy("cannot be fetched"), "open", "download-off"),
}
_ALARMS_SHOWN: Final = 8


def worries(user: Somebody) -> Sequence[Worry]:
    """Open alarms, and questions that have ended at a person."""
    return [*(_alarm(one) for one in open_alarms(user)), *_for_a_person(user)]


def of_channel(user: Somebody, channel: Channel) -> Sequence[Panel]:
    """Our open questions to the channel by kind, how its API fares, and its last alarms."""
    return [_questions(user, channel), _alarms(user, channel)]


def _alarm(one: Alarm) -> Worry:
    look = _LOOKS[one.kind]
    words = {"name": one.source, "what": one.get_kind_display()}
    url, link_text = reverse("reconciliation:statements"), _("Look at the files")
    if one.channel is not None:
        url = reverse("channels:channel", args=[one.channel.code])
        link_text = _("Look at the channel")
    return Worry(
        tone=look.tone,
        strong=_("%(name)s: %(what)s.") % words,
        text=one.detail,
        url=url,
        link_text=link_text,
        channel_id=one.channel_id,
        look=look,
        code=one.kind,
    )


def _for_a_person(user: Somebody) -> list[Worry]:
    """By channel and kind; unknown payments lead to their list, where it may be opened."""
    rows = operations_visible_to(user).filter(state=State.MANUAL).order_by()
    grouped = rows.values("channel", "channel__name", "channel__code", "kind").annotate(
        n=Count("pk")
    )
    may_open = has_role(user, *UNKNOWN_MONEY_READERS)
    found = []
    for row in grouped.order_by("channel__position", "channel__code", "kind"):
        words = ngettext(
            "%(name)s: %(n)s question waits for a person (%(kind)s).",
            "%(name)s: %(n)s questions wait for a person (%(kind)s).",
            row["n"],
        )
        kind = Operation.Kind(row["kind"])
        is_listed = may_open and kind is Operation.Kind.STATUS
        listed = f"{reverse('enquiries:unknown_money')}?state=manual&channel={row['channel__code']}"
        found.append(
            Worry(
                tone="open",
                strong=words % {"name": row["channel__name"], "n": row["n"], "kind": kind.label},
                text=_("The partner was asked as often as is allowed."),
                url=listed if is_listed else "",
                link_text=_("Show them") if is_listed else "",
                channel_id=row["channel"],
            )
        )
    return found


def _questions(user: Somebody, channel: Channel) -> Panel:
    mine = operations_visible_to(user).filter(channel=channel, state__in=OPEN).order_by()
    counts = mine.values("kind", "state").annotate(n=Count("pk")).order_by("kind", "state")
    lines = [
        Line(
            text=f"{Operation.Kind(row['kind']).label} · {State(row['state']).label}",
            figure=row["n"],
        )
        for row in counts
    ]
    breaker = breakers_visible_to(user).filter(channel=channel, failures__gt=0).first()
    if breaker is not None:
        lines.append(
            Line(
                text=_("Failures in a row"),
                figure=breaker.failures,
                at=breaker.open_until,
                sub=breaker.last_problem,
            )
        )
    return Panel(
        code="questions", title=_("Our open questions"), lines=lines, empty=_("Nothing is asked.")
    )


def _alarms(user: Somebody, channel: Channel) -> Panel:
    rows = alarms_visible_to(user).filter(channel=channel).order_by("-raised_at")
    lines = [
        Line(
            text=one.get_kind_display(),
            at=one.raised_at,
            sub=one.detail,
            look=_LOOKS[one.kind] if one.cleared_at is None else Look(_("well again"), "ok"),
        )
        for one in rows[:_ALARMS_SHOWN]
    ]
    return Panel(code="alarms", title=_("Alarms"), lines=lines, empty=_("There was none."))
