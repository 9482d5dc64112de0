"""The lives of a shift and of a paper, as data: used by the movers and by the database."""

from collections.abc import Mapping
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _


class ShiftState(models.TextChoices):
    """Where a shift stands. From COUNTING on nothing is taken, and its totals are hidden."""

    OPEN = "open", _("open")
    COUNTING = "counting", _("being counted")
    COUNTED = "counted", _("waits for the supervisor")
    CLOSED = "closed", _("closed")


SHIFT_TRANSITIONS: Final[Mapping[ShiftState, frozenset[ShiftState]]] = {
    ShiftState.OPEN: frozenset({ShiftState.COUNTING}),
    ShiftState.COUNTING: frozenset({ShiftState.COUNTED}),
    # A recount is asked for: the first count stays beside it.
    ShiftState.COUNTED: frozenset({ShiftState.COUNTING, ShiftState.CLOSED}),
    ShiftState.CLOSED: frozenset(),
}


class PaperState(models.TextChoices):
    """Where a cheque, draft, postal order or card slip stands."""

    HELD = "held", _("waits for its day")
    RECEIVED = "received", _("with the clerk")
    WITH_SUPERVISOR = "with_supervisor", _("with the supervisor")
    DEPOSITED = "deposited", _("in clearing")
    CLEARED = "cleared", _("cleared")
    RETURNED = "returned", _("returned")
    DISHONOURED = "dishonoured", _("dishonoured")
    REPLACED = "replaced", _("replaced by another payment")
    PAID_IN_CASH = "paid_in_cash", _("paid in cash")
    PURSUED = "pursued", _("pursued by law")
    GIVEN_BACK = "given_back", _("given back")


_MADE_GOOD: Final = frozenset({PaperState.REPLACED, PaperState.PAID_IN_CASH})

PAPER_TRANSITIONS: Final[Mapping[PaperState, frozenset[PaperState]]] = {
    PaperState.HELD: frozenset({PaperState.RECEIVED, PaperState.GIVEN_BACK}),
    PaperState.RECEIVED: frozenset({PaperState.WITH_SUPERVISOR, PaperState.GIVEN_BACK}),
    PaperState.WITH_SUPERVISOR: frozenset({PaperState.DEPOSITED, PaperState.GIVEN_BACK}),
    PaperState.DEPOSITED: frozenset({PaperState.CLEARED, PaperState.RETURNED}),
    # A bank may take back what it has paid.
    PaperState.CLEARED: frozenset({PaperState.RETURNED}),
    # Presented again it is deposited again.
    PaperState.RETURNED: frozenset({PaperState.DEPOSITED, PaperState.DISHONOURED}),
    PaperState.DISHONOURED: _MADE_GOOD | {PaperState.PURSUED},
    PaperState.PURSUED: _MADE_GOOD,
    PaperState.REPLACED: frozenset(),
    PaperState.PAID_IN_CASH: frozenset(),
    PaperState.GIVEN_BACK: frozenset(),
}

PAPER_EDGES: Final = tuple(
    (was, to) for was, targets in PAPER_TRANSITIONS.items() for to in sorted(targets)
)

# Papers that are still money to come, that came, or that failed us: none of them is taken twice.
PAPER_ALIVE: Final = (
    PaperState.HELD,
    PaperState.RECEIVED,
    PaperState.WITH_SUPERVISOR,
    PaperState.DEPOSITED,
    PaperState.CLEARED,
    PaperState.RETURNED,
    PaperState.DISHONOURED,
    PaperState.PURSUED,
)
