"""The life of a payment: one dict of legal moves, used by the mover and by the database."""

from collections.abc import Mapping
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where a payment stands. Settlement, posting and clearing are axes of their own."""

    CREATED = "created", _("started")
    PENDING = "pending", _("waiting for the channel")
    SUCCEEDED = "succeeded", _("paid")
    FAILED = "failed", _("failed")
    REVERSED = "reversed", _("reversed")


PAID: Final = (State.SUCCEEDED, State.REVERSED)

TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    State.CREATED: frozenset({State.PENDING, State.SUCCEEDED, State.FAILED}),
    State.PENDING: frozenset({State.SUCCEEDED, State.FAILED}),
    # UPI may confirm after we gave up waiting: a late success is real money, so the edge exists.
    State.FAILED: frozenset({State.SUCCEEDED}),
    State.SUCCEEDED: frozenset({State.REVERSED}),
    State.REVERSED: frozenset(),
}

EDGES: Final = tuple((was, to) for was, targets in TRANSITIONS.items() for to in sorted(targets))


class DisputeState(models.TextChoices):
    """Where a dispute stands. What is not final still waits for the channel's verdict."""

    OPEN = "open", _("wants an answer")
    ANSWERED = "answered", _("answered")
    ACCEPTED = "accepted", _("given in")
    WON = "won", _("won")
    LOST = "lost", _("lost")
    CLOSED = "closed", _("closed")


RUNNING: Final = (DisputeState.OPEN, DisputeState.ANSWERED, DisputeState.ACCEPTED)

_VERDICTS: Final = frozenset({DisputeState.WON, DisputeState.LOST, DisputeState.CLOSED})

# A verdict of one phase may be turned by the next one, and news overtake each other.
DISPUTE_TRANSITIONS: Final[Mapping[DisputeState, frozenset[DisputeState]]] = {
    DisputeState.OPEN: _VERDICTS | {DisputeState.ANSWERED, DisputeState.ACCEPTED},
    DisputeState.ANSWERED: _VERDICTS | {DisputeState.OPEN, DisputeState.ACCEPTED},
    DisputeState.ACCEPTED: _VERDICTS | {DisputeState.OPEN},
    DisputeState.WON: frozenset({DisputeState.OPEN, DisputeState.LOST}),
    DisputeState.LOST: frozenset({DisputeState.OPEN, DisputeState.WON}),
    DisputeState.CLOSED: _VERDICTS - {DisputeState.CLOSED} | {DisputeState.OPEN},
}

DISPUTE_EDGES: Final = tuple(
    (was, to) for was, targets in DISPUTE_TRANSITIONS.items() for to in sorted(targets)
)
