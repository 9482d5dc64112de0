"""How a state looks: a word, a tone and an icon, since colour alone is not for everybody."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from django.utils.functional import Promise

Tone = Literal["ok", "wait", "open", "bad", "prop", ""]

# done; waiting and in time; open; wrong; waits for a second person; plain text
TONES: Final[frozenset[str]] = frozenset({"ok", "wait", "open", "bad", "prop", ""})

ICONS: Final[Mapping[str, str]] = {
    "ok": "circle-check",
    "wait": "hourglass",
    "open": "alert-triangle",
    "bad": "circle-x",
    "prop": "user-check",
    "": "circle-dashed",
}


class Look(NamedTuple):
    """One state as a reader sees it; without an icon the tone's own is shown."""

    word: str | Promise
    tone: Tone
    icon: str = ""


def icon_of(tone: str, *, icon: str = "") -> str:
    """The icon that is named, else the one that belongs to the tone."""
    return icon or ICONS[tone]
