"""The connections by which news leave, and what a try of one came to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from outgoing import mail, sms
from outgoing.parcels import Parcel, Result
from outgoing.states import BY_ITSELF, Channel
from outgoing.wording import KINDS, LANGUAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How one channel is sent. ``may_repeat``: a try of which nobody knows may be made again."""

    send: Callable[[Parcel], Result]
    is_connected: Callable[[], bool]
    may_repeat: Callable[[], bool]


LINES: Final[Mapping[str, Line]] = {
    Channel.SMS: Line(
        send=sms.send, is_connected=sms.is_connected, may_repeat=sms.honours_reference
    ),
    # The same Message-ID twice is one e-mail for most readers, and a nuisance for the others.
    Channel.EMAIL: Line(send=mail.send, is_connected=mail.is_connected, may_repeat=lambda: True),
}


def connected() -> list[str]:
    """The channels that can be sent now."""
    return [channel for channel in BY_ITSELF if LINES[channel].is_connected()]


def can_send(channel: str, *, kind: str, language: str) -> bool:
    """Whether news of this kind can leave; without it they wait."""
    if channel not in connected():
        return False
    return channel != Channel.SMS or sms.has_template(kind, language)


def sendable(channel: str) -> list[tuple[str, str]]:
    """The kinds and languages that can leave by a channel."""
    return [
        (kind, language)
        for kind in KINDS
        for language in LANGUAGES
        if can_send(channel, kind=kind, language=language)
    ]
