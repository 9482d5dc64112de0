"""What a worker has in hand: one message, opened, and what became of one try of it."""

from dataclasses import dataclass

from outgoing.states import Verdict
from outgoing.wording import Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One try of one message. The reference is the same on every try."""

    row_id: int
    number: int  # of the try
    channel: str
    kind: str
    language: str
    reference: str
    public_id: str
    to: str
    written: Written


@dataclass(frozen=True, slots=True)
class Result:
    """What one try came to; ``words`` are for a person and hold no personal data."""

    verdict: Verdict
    words: str = ""
    provider_ref: str = ""
