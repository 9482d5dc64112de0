"""The life of what leaves the house: where it may go from where it is."""

from collections.abc import Mapping
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _


class Channel(models.TextChoices):
    """By which way it leaves."""

    SMS = "sms", _("SMS")
    EMAIL = "email", _("e-mail")
    ERP = "erp", _("ERP")
    LETTER = "letter", _("letter")


class State(models.TextChoices):
    """Where it is."""

    WAITING = "waiting", _("waits for a connection or a person")
    DUE = "due", _("to be sent")
    SENT = "sent", _("sent")
    GIVEN_UP = "given_up", _("given up")
    LAPSED = "lapsed", _("too old to be sent")


class Verdict(models.TextChoices):
    """What one try came to."""

    TAKEN = "taken", _("taken")
    REFUSED = "refused", _("refused for good")
    NOT_TAKEN = "not_taken", _("not taken, may be tried again")
    UNKNOWN = "unknown", _("nobody knows whether it went out")


# The database holds the same table: migration 0002.
TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    # A letter is sent by a person; a connection may come, or come too late.
    State.WAITING: frozenset({State.DUE, State.SENT, State.LAPSED}),
    State.DUE: frozenset({State.SENT, State.GIVEN_UP, State.WAITING, State.LAPSED}),
    # By a person, or because the provider's yes came after we had stopped to wait for it.
    State.GIVEN_UP: frozenset({State.DUE, State.WAITING, State.SENT}),
    State.LAPSED: frozenset({State.DUE}),
    State.SENT: frozenset(),
}

OVER: Final = (State.SENT, State.GIVEN_UP, State.LAPSED)  # recipient and text may be wiped

BY_ITSELF: Final = (Channel.SMS, Channel.EMAIL)  # delivered by the worker; the others by people
