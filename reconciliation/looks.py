"""How the books read on a page: words, tones and icons for what may stand in them."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from channels_.models import StatementFile
from cspdcl.ui.looks import Look
from reconciliation.models import (
    BackTest,
    Batch,
    BatchItem,
    Book,
    Break,
    DayClose,
    Decision,
    Leg,
    RateCard,
    Reason,
    Rule,
    Run,
    Stage,
    Undo,
)
from sources.models import QuarantinedRow

BREAKS: Final[Mapping[str, Look]] = {
    Break.State.OPEN: Look(_("open"), "open"),
    Break.State.CLOSED: Look(_("closed"), "ok"),
}

RUNS: Final[Mapping[str, Look]] = {
    Run.State.RUNNING: Look(_("works now"), "wait"),
    Run.State.DONE: Look(_("done"), "ok"),
    Run.State.FAILED: Look(_("failed, nothing was changed"), "bad"),
    Run.State.ABANDONED: Look(_("its process died"), "bad"),
}

DECISIONS: Final[Mapping[str, Look]] = {
    Decision.State.PROPOSED: Look(_("waits for a second person"), "prop"),
    Decision.State.APPROVED: Look(_("approved"), "ok"),
    Decision.State.REJECTED: Look(_("rejected"), "bad"),
    Decision.State.ALONE: Look(_("done by one person"), "ok"),
}

BATCHES: Final[Mapping[str, Look]] = {
    Batch.State.PROPOSED: Look(_("waits for a second person"), "prop"),
    Batch.State.WORKING: Look(_("works now"), "wait"),
    Batch.State.DONE: Look(_("done"), "ok"),
    Batch.State.REJECTED: Look(_("rejected"), "bad"),
}

BATCH_ITEMS: Final[Mapping[str, Look]] = {
    BatchItem.State.WAITING: Look(_("waits"), "wait"),
    BatchItem.State.DONE: Look(_("done"), "ok"),
    BatchItem.State.REFUSED: Look(_("not done"), "bad"),
    BatchItem.State.IDLE: Look(_("nothing was asked"), ""),
}

UNDOS: Final[Mapping[str, Look]] = {
    Undo.State.PROPOSED: Look(_("waits for a second person"), "prop"),
    Undo.State.APPROVED: Look(_("works now"), "wait"),
    Undo.State.DONE: Look(_("done"), "ok"),
    Undo.State.REJECTED: Look(_("rejected"), "bad"),
    Undo.State.REFUSED: Look(_("could not be done"), "bad"),
}

FILES: Final[Mapping[str, Look]] = {
    StatementFile.State.LOADED: Look(_("loaded"), "ok"),
    StatementFile.State.WAITING: Look(_("waits for a second person"), "prop"),
    StatementFile.State.REFUSED: Look(_("refused"), "bad"),
    StatementFile.State.UNDONE: Look(_("taken out again"), "open"),
}

# Of one row that was set aside.
QUARANTINE: Final[Mapping[str, Look]] = {
    QuarantinedRow.State.OPEN: Look(_("set aside"), "open"),
    QuarantinedRow.State.PROPOSED: Look(_("dismissal waits for a second person"), "prop"),
    QuarantinedRow.State.DISMISSED: Look(_("dismissed"), ""),
    QuarantinedRow.State.MENDED: Look(_("came in a corrected file"), "ok"),
}

DAY_CLOSES: Final[Mapping[str, Look]] = {
    DayClose.State.PROPOSED: Look(_("waits for a second person"), "prop"),
    DayClose.State.CLOSED: Look(_("in force"), "ok"),
    DayClose.State.SUPERSEDED: Look(_("restated since"), ""),
    DayClose.State.WITHDRAWN: Look(_("not signed"), "bad"),
}

RULES: Final[Mapping[str, Look]] = {
    Rule.State.DRAFT: Look(_("being written"), "wait", "pencil"),
    Rule.State.PROPOSED: Look(_("waits for a second person"), "prop"),
    Rule.State.ACTIVE: Look(_("in force"), "ok"),
    Rule.State.RETIRED: Look(_("followed by another"), ""),
    Rule.State.WITHDRAWN: Look(_("never came into force"), "bad"),
}

RATE_CARDS: Final[Mapping[str, Look]] = {
    RateCard.State.PROPOSED: Look(_("waits for a second person"), "prop"),
    RateCard.State.APPROVED: Look(_("approved"), "ok"),
    RateCard.State.WITHDRAWN: Look(_("never came into force"), "bad"),
}

BACK_TESTS: Final[Mapping[str, Look]] = {
    BackTest.State.QUEUED: Look(_("asked for"), "wait"),
    BackTest.State.RUNNING: Look(_("at work"), "wait"),
    BackTest.State.DONE: Look(_("done"), "ok"),
    BackTest.State.FAILED: Look(_("failed"), "bad"),
}

# Of a business date on its way to a certificate.
CLOSINGS: Final[Mapping[str, Look]] = {
    "open": Look(_("not closed"), "wait"),
    "proposed": Look(_("waits for a second person"), "prop"),
    "closed": Look(_("closed"), "ok", "lock"),
    "due": Look(_("restatement due"), "open"),
}

# What stands against the roll-forward of each book; the order is the way of a rupee.
PROOFS: Final[Mapping[tuple[str, str], str | Promise]] = {
    (Stage.CHANNEL, Book.RECEIPTS): _("Receipts → channel"),
    (Stage.CHANNEL, Book.CHANNEL): _("Channel → receipts"),
    (Stage.BANK, Book.RECEIPTS): _("Counters, transfers → bank"),
    (Stage.BANK, Book.CHANNEL): _("Settlements → bank"),
    (Stage.BANK, Book.BANK): _("Bank → books"),
    (Stage.ERP, Book.RECEIPTS): _("Receipts → ERP"),
    (Stage.ERP, Book.ERP): _("ERP → receipts"),
}

# Where the general word of a reason would mislead: what the ERP says is no line of a channel.
_POSTED: Final[Mapping[str, str | Promise]] = {
    Reason.MISSING_IN_BOOKS: _("Posting without a receipt"),
    Reason.STATUS_DIFFERS: _("Status differs in the ERP"),
    Reason.DUPLICATE: _("Posted twice"),
    Reason.UNKNOWN_CODE: _("Unknown word of the ERP"),
}


def reason_of(one: Break) -> str | Promise:
    """The reason of a break in a few words."""
    known = _POSTED if one.stage == Stage.ERP else {}
    return known.get(one.reason, Reason(one.reason).label)


LEGS: Final[Mapping[str, str | Promise]] = dict(Leg.choices)

WAITS: Final[Mapping[str, str | Promise]] = {
    "not_due": _("not due yet"),
    "no_file": _("wait for a file"),
    "not_deposited": _("not on a slip yet"),
    "carried": _("carried on"),
    "not_settled": _("not settled yet"),
    "in_clarification": _("in clarification in the ERP"),
}

# Of one entry in one stage.
LINES: Final[Mapping[str, Look]] = {
    "matched": Look(_("matched"), "ok"),
    "open": Look(_("in a break"), "open"),
    "expected": Look(_("expected"), "wait"),
}
