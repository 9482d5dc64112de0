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
from reconciliation.models.matches import Match, MatchLine, MatchPart, UndoneMatch
from reconciliation.models.opens import DayCell, DayTally, OpenItem, OpenLines
from reconciliation.models.rates import FeeClaim, RateCard
from reconciliation.models.rules import BackTest, Rule, RuleTally
from reconciliation.models.runs import Expected, Proof, Run
from reconciliation.models.undos import Undo

__all__ = [
    "BackTest",
    "Batch",
    "BatchItem",
    "Book",
    "Break",
    "BreakLetter",
    "BreakLine",
    "BreakNote",
    "BreakTerm",
    "DayCause",
    "DayCell",
    "DayClose",
    "DayTally",
    "Decision",
    "DecisionLimit",
    "DecisionLine",
    "DecisionPart",
    "DecisionShare",
    "Entry",
    "Evidence",
    "Expected",
    "FeeClaim",
    "Kind",
    "KnownPayer",
    "Leg",
    "Match",
    "MatchLine",
    "MatchPart",
    "OpenItem",
    "OpenLines",
    "Proof",
    "RateCard",
    "Reason",
    "Rule",
    "RuleTally",
    "Run",
    "SavedFilter",
    "Stage",
    "Undo",
    "UndoneMatch",
]
