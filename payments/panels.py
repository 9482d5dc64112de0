"""What partners' questions have to say on the operator's pages: what we refused, what we owe."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_.models import Channel
from channels_.panels import Line, Panel, Worry
from channels_.selectors import Somebody
from cspdcl.kernel.clock import now
from cspdcl.ui.looks import Look
from payments.models import OwedReply, RefusedAsk
from payments.selectors import owed_replies_visible_to, refused_asks_visible_to

DAYS: Final = 14
_SHOWN: Final = 8
_LOOKS: Final[Mapping[str, Look]] = {
    OwedReply.State.DUE: Look(gettext_lazy("to be sent"), "wait"),
    OwedReply.State.GIVEN_UP: Look(gettext_lazy("given up"), "bad"),
}


def worries(user: Somebody) -> Sequence[Worry]:
    """Answers about payments that a partner never took: it does not know how they went."""
    rows = owed_replies_visible_to(user).filter(
        state=OwedReply.State.GIVEN_UP, message__isnull=False, asked_at__gte=_since()
    )
    grouped = rows.order_by().values("channel", "channel__name", "channel__code")
    return [
        _given_up(row)
        for row in grouped.annotate(n=Count("pk")).order_by("channel__position", "channel__code")
    ]


def of_channel(user: Somebody, channel: Channel) -> Sequence[Panel]:
    """The questions that were refused, and the answers that are owed; none where none is asked."""
    refused, owed = _refused(user, channel), _owed(user, channel)
    return [one for one in (refused, owed) if one.lines]


def _given_up(row: Mapping[str, object]) -> Worry:
    number = int(str(row["n"]))
    words = ngettext(
        "%(name)s: %(n)s answer was given up.", "%(name)s: %(n)s answers were given up.", number
    )
    return Worry(
        tone="open",
        strong=words % {"name": row["channel__name"], "n": number},
        text=_("The partner does not know how these payments went; tell it by the agreed way."),
        url=reverse("channels:channel", args=[row["channel__code"]]) + "#c-owed",
        link_text=_("Show them"),
        channel_id=int(str(row["channel"])),
        look=Look(_("answers given up"), "open"),
    )


def _refused(user: Somebody, channel: Channel) -> Panel:
    """The counts by reason first, then the latest."""
    rows = refused_asks_visible_to(user).filter(channel=channel, at__gte=_since())
    counts = rows.order_by().values("code").annotate(n=Count("pk")).order_by("-n", "code")
    lines = [Line(text=row["code"].replace("_", " "), figure=row["n"]) for row in counts]
    lines += [
        Line(text=one.key, is_id=True, at=one.at, sub=_said(one))
        for one in rows.order_by("-at")[:_SHOWN]
    ]
    return Panel(
        code="refused-asks",
        title=_("Questions refused, 14 days"),
        lines=lines,
        empty=_("None was refused."),
    )


def _said(one: RefusedAsk) -> str:
    return ": ".join(filter(None, (one.code.replace("_", " "), one.detail)))


def _owed(user: Somebody, channel: Channel) -> Panel:
    """What was not taken; what was sent needs no place."""
    rows = owed_replies_visible_to(user).filter(channel=channel, state__in=list(_LOOKS))
    counts = dict(rows.order_by().values_list("state").annotate(Count("pk")))
    lines = [
        Line(text=look.word, figure=counts[state])
        for state, look in _LOOKS.items()
        if counts.get(state)
    ]
    lines += [
        Line(
            text=one.message_ref,
            is_id=True,
            at=one.asked_at,
            sub=one.outcome,
            look=_LOOKS[one.state],
        )
        for one in rows.order_by("-asked_at")[:_SHOWN]
    ]
    return Panel(code="owed", title=_("Answers owed"), lines=lines, empty=_("None is owed."))


def _since() -> datetime:
    return now() - timedelta(days=DAYS)
