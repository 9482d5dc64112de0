"""How questions to partners read on a page."""

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext_lazy as _

from cspdcl.ui.looks import Look
from enquiries.models import OperationAttempt
from enquiries.states import State

STATES: Final[Mapping[str, Look]] = {
    State.INTENDED: Look(_("to be asked"), "wait", "clock"),
    State.SENT: Look(_("being asked"), "wait", "loader"),
    State.UNKNOWN: Look(_("not known yet"), "wait"),
    State.MANUAL: Look(_("waits for a person"), "open"),
    State.SUCCEEDED: Look(_("answered"), "ok"),
    State.FAILED: Look(_("declined"), "", "circle-x"),
}

READINGS: Final[Mapping[str, Look]] = {
    OperationAttempt.Reading.ANSWERED: Look(_("answered"), "ok"),
    OperationAttempt.Reading.DECLINED: Look(_("declined"), "open"),
    OperationAttempt.Reading.UNCLEAR: Look(_("not understood"), "open"),
    OperationAttempt.Reading.NO_ANSWER: Look(_("no answer"), "open"),
    OperationAttempt.Reading.NOT_SENT: Look(_("not sent"), "wait"),
    OperationAttempt.Reading.LOST: Look(_("nobody saw the answer"), "open"),
}
