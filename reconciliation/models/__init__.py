"""The books side by side: entries, what explains them, and what nobody could explain yet."""

from reconciliation.models.books import Book, Entry, Kind, Leg, Reason, Stage
from reconciliation.models.breaks import Break, BreakLine
from reconciliation.models.closing import DayCause, DayClose
from reconciliation.models.decisions import (
    Decision,
    DecisionLine,
    DecisionShare,
    Evidence,
    KnownPayer,
)
from reconciliation.models.matches import Match, MatchLine
from reconciliation.models.rules import Rule
from reconciliation.models.runs import Expected, Proof, Run
from reconciliation.models.undos import Undo

__all__ = [
    "Book",
    "Break",
    "BreakLine",
    "DayCause",
    "DayClose",
    "Decision",
    "DecisionLine",
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
    "Stage",
    "Undo",
]
