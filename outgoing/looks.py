"""How states and tries look."""

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_lazy as _

from cspdcl.ui.looks import Look
from outgoing.states import State, Verdict

STATES: Final[Mapping[str, Look]] = {
    State.WAITING: Look(_("waits"), "wait"),
    State.DUE: Look(_("to be sent"), "wait", "send"),
    State.SENT: Look(_("sent"), "ok"),
    State.GIVEN_UP: Look(_("given up"), "bad"),
    State.LAPSED: Look(_("too old"), "", "clock-off"),
}
VERDICTS: Final[Mapping[str, Look]] = {
    Verdict.TAKEN: Look(Verdict.TAKEN.label, "ok"),
    Verdict.REFUSED: Look(Verdict.REFUSED.label, "bad"),
    Verdict.NOT_TAKEN: Look(Verdict.NOT_TAKEN.label, "wait"),
    Verdict.UNKNOWN: Look(Verdict.UNKNOWN.label, "open"),
}
