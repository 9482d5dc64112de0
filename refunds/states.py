"""The life of a request for a refund and of an answer to a dispute; the database knows the same."""

from collections.abc import Mapping
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where a request for a refund stands."""

    ASKED = "asked", _("waits for a second person")
    APPROVED = "approved", _("approved")
    REFUSED = "refused", _("refused")
    SENDING = "sending", _("with the channel")
    SUCCEEDED = "succeeded", _("paid back")
    FAILED = "failed", _("failed")
    MANUAL = "manual", _("to be done by a person")


# Money that is promised, on its way or gone: it cannot be asked for a second time.
COUNTED: Final = (
    State.ASKED,
    State.APPROVED,
    State.SENDING,
    State.SUCCEEDED,
    State.MANUAL,
)

TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    State.ASKED: frozenset({State.APPROVED, State.REFUSED}),
    State.APPROVED: frozenset({State.SENDING, State.MANUAL, State.REFUSED}),
    State.SENDING: frozenset({State.SUCCEEDED, State.FAILED, State.MANUAL}),
    State.MANUAL: frozenset({State.SUCCEEDED, State.FAILED}),
    State.FAILED: frozenset({State.SUCCEEDED}),  # the channel tells later that it was done
    State.REFUSED: frozenset(),
    State.SUCCEEDED: frozenset(),
}

EDGES: Final = tuple((was, to) for was, targets in TRANSITIONS.items() for to in sorted(targets))


class AnswerState(models.TextChoices):
    """Where our answer to a dispute stands."""

    PROPOSED = "proposed", _("waits for a second person")
    REJECTED = "rejected", _("rejected")
    APPROVED = "approved", _("approved")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("sent")
    DECLINED = "declined", _("declined by the channel")
    MANUAL = "manual", _("to be done at the channel's own pages")
    DONE = "done", _("done at the channel's own pages")


# Of these there is one at a time for a dispute.
ANSWER_OPEN: Final = (
    AnswerState.PROPOSED,
    AnswerState.APPROVED,
    AnswerState.SENDING,
    AnswerState.MANUAL,
)

ANSWER_TRANSITIONS: Final[Mapping[AnswerState, frozenset[AnswerState]]] = {
    AnswerState.PROPOSED: frozenset({AnswerState.APPROVED, AnswerState.REJECTED}),
    AnswerState.APPROVED: frozenset({AnswerState.SENDING, AnswerState.MANUAL}),
    AnswerState.SENDING: frozenset({AnswerState.SENT, AnswerState.DECLINED, AnswerState.MANUAL}),
    AnswerState.MANUAL: frozenset({AnswerState.DONE, AnswerState.DECLINED}),
    AnswerState.REJECTED: frozenset(),
    AnswerState.SENT: frozenset(),
    AnswerState.DECLINED: frozenset(),
    AnswerState.DONE: frozenset(),
}

ANSWER_EDGES: Final = tuple(
    (was, to) for was, targets in ANSWER_TRANSITIONS.items() for to in sorted(targets)
)
