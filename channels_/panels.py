"""What other parts of the house say on the operator's pages: worries, and panels of one channel.

Channels know nothing of payments and questions; who does, registers here when its app is ready.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.functional import Promise

from channels_.models import Channel
from cspdcl.ui.looks import Look, Tone
from people.access import Somebody

Words = str | Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Worry:
    """Something that a person must act on: what is so, why it matters, and where to act."""

    tone: Tone
    strong: Words
    text: Words = ""
    url: str = ""
    link_text: Words = ""
    channel_id: int | None = None
    look: Look | None = None  # how the channel's own row says it
    code: str = ""  # what it is about; "file" stands for the channel's own word of a late file


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a panel."""

    text: Words
    figure: int | None = None
    at: datetime | None = None
    sub: Words = ""
    url: str = ""
    look: Look | None = None
    is_id: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A part of a channel's page."""

    code: str
    title: Words
    lines: Sequence[Line]
    empty: Words
    url: str = ""
    link_text: Words = ""


Worries = Callable[[Somebody], Sequence[Worry]]
Panels = Callable[[Somebody, Channel], Sequence[Panel]]

_worries: Final[dict[str, Worries]] = {}
_panels: Final[dict[str, Panels]] = {}


def worry_by(name: str, worries: Worries) -> None:
    """Let an app name what needs a person; called when the app is ready."""
    _worries[name] = worries


def tell_by(name: str, panels: Panels) -> None:
    """Let an app tell of one channel on its page; called when the app is ready."""
    _panels[name] = panels


def worries_of(user: Somebody) -> list[Worry]:
    """What the other apps worry about, as far as this user may see it."""
    return [worry for name in sorted(_worries) for worry in _worries[name](user)]


def panels_of(user: Somebody, channel: Channel) -> list[Panel]:
    """What the other apps tell of one channel."""
    return [panel for name in sorted(_panels) for panel in _panels[name](user, channel)]
