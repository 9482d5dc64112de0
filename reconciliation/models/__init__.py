"""The books side by side: entries, what explains them, and what nobody could explain yet."""

from reconciliation.models.batches import Batch, BatchItem
from reconciliation.models.books import Book, Entry, Kind, Leg, Reason, Stage
from reconciliation.models.breaks import (
    Break,
    BreakLetter,
    BreakLine,
    BreakNote,
    BreakTerm,
    SavedFilter,
)
from reconciliation.models.closing import DayCause, DayClose
from reconciliation.models.decisions import (
    Decision,
    DecisionLimit,
    DecisionLine,
    DecisionPart,
    DecisionShare,
    Evidence,
    KnownPayer,
)
from reconciliation.models.matches import Match, MatchLine
from reconciliation.models.rules import Rule
from reconciliation.models.runs import Expected, Proof, Run
from reconciliation.models.undos import Undo

__all__ = [
    "Batch",
    "BatchItem",
    "Book",
    "Break",
    "BreakLetter",
    "BreakLine",
    "BreakNote",
    "BreakTerm",
    "DayCause",
    "DayClose",
    "Decision",
    "DecisionLimit",
    "DecisionLine",
    "DecisionPart",
    "DecisionShare",
    "Entry",
    "Evidence",
    "Expected",
    "Kind",
    "KnownPayer",
    "Leg",
    "Match",
    "MatchLine",
    "Proof",
    "Reason",
    "Rule",
    "Run",
    "SavedFilter",
    "Stage",
    "Undo",
]
