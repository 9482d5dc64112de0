"""The life of one question to a partner: one dict of legal moves, the same as in the database."""

from collections.abc import Mapping
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where a question stands. UNKNOWN: it may have happened there, and nobody here can say."""

    INTENDED = "intended", _("to be asked")
    SENT = "sent", _("being asked")
    UNKNOWN = "unknown", _("not known yet")
    SUCCEEDED = "succeeded", _("answered")
    FAILED = "failed", _("declined")
    MANUAL = "manual", _("waits for a person")


OPEN: Final = (State.INTENDED, State.SENT, State.UNKNOWN, State.MANUAL)

# What is settled by other news needs no question; what nobody can be asked goes to a person.
TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    State.INTENDED: frozenset({State.SENT, State.SUCCEEDED, State.FAILED, State.MANUAL}),
    # Back to intended only when it is proven that not a byte was written.
    State.SENT: frozenset(
        {State.INTENDED, State.UNKNOWN, State.SUCCEEDED, State.FAILED, State.MANUAL}
    ),
    State.UNKNOWN: frozenset({State.SENT, State.SUCCEEDED, State.FAILED, State.MANUAL}),
    State.MANUAL: frozenset({State.SENT, State.UNKNOWN, State.SUCCEEDED, State.FAILED}),
    State.FAILED: frozenset({State.SUCCEEDED}),  # money that is found later wins
    State.SUCCEEDED: frozenset(),
}

EDGES: Final = tuple((was, to) for was, targets in TRANSITIONS.items() for to in sorted(targets))
