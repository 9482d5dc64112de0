"""How papers, return lines and their faults read on a page: words, tones and icons."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from counters.models import ReturnLine
from counters.paper.returns import Fault
from counters.states import PaperState
from cspdcl.ui.looks import Look

PAPERS: Final[Mapping[str, Look]] = {
    PaperState.HELD: Look(PaperState.HELD.label, "wait", "calendar-time"),
    PaperState.RECEIVED: Look(PaperState.RECEIVED.label, "wait"),
    PaperState.WITH_SUPERVISOR: Look(PaperState.WITH_SUPERVISOR.label, "wait", "user-check"),
    PaperState.DEPOSITED: Look(PaperState.DEPOSITED.label, "wait", "building-bank"),
    PaperState.CLEARED: Look(PaperState.CLEARED.label, "ok"),
    PaperState.RETURNED: Look(PaperState.RETURNED.label, "open", "arrow-back-up"),
    PaperState.DISHONOURED: Look(PaperState.DISHONOURED.label, "bad"),
    PaperState.REPLACED: Look(PaperState.REPLACED.label, "ok"),
    PaperState.PAID_IN_CASH: Look(PaperState.PAID_IN_CASH.label, "ok", "cash"),
    PaperState.PURSUED: Look(PaperState.PURSUED.label, "open", "gavel"),
    PaperState.GIVEN_BACK: Look(PaperState.GIVEN_BACK.label, "", "circle-x"),
}

LINES: Final[Mapping[str, Look]] = {
    ReturnLine.State.DUE: Look(ReturnLine.State.DUE.label, "wait"),
    ReturnLine.State.APPLIED: Look(ReturnLine.State.APPLIED.label, "ok"),
    ReturnLine.State.KNOWN: Look(ReturnLine.State.KNOWN.label, "", "equal"),
    ReturnLine.State.PERSON: Look(ReturnLine.State.PERSON.label, "open"),
}

FAULTS: Final[Mapping[str, str | Promise]] = {
    Fault.DRAWER_FUNDS: _("The drawer had no money: it is dishonoured, with charges."),
    Fault.DRAWER_OTHER: _("It is the drawer's doing: dishonour it, or ask for another."),
    Fault.TECHNICAL: _("It is nobody's fault: put it on the next slip."),
    Fault.UNKNOWN: _("The reason is not known: somebody decides."),
}
