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
from reconciliation.models.matches import Match, MatchLine, MatchPart, UndoneMatch
from reconciliation.models.opens import DayTally, OpenItem, OpenLines
from reconciliation.models.rates import FeeClaim, RateCard
from reconciliation.models.rules import BackTest, Rule, RuleTally
from reconciliation.models.runs import Expected, Proof, Run

__all__ = [
    "BackTest",
    "Book",
    "Break",
    "BreakLine",
    "DayCause",
    "DayClose",
    "DayTally",
    "Decision",
    "DecisionLine",
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
    "Stage",
    "UndoneMatch",
]
