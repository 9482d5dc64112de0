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
