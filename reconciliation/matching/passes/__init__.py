"""One SQL statement per kind of pass. A pass takes a rule and a run, and returns its matches.

Every pass is set-based: it groups what is open by the rule's key, keeps the groups that balance and
leave no choice, and inserts them in the order of their entries. What leaves a choice is left alone.
"""

from collections.abc import Callable, Mapping
from typing import Final

from reconciliation.matching.carrying import Since
from reconciliation.matching.passes import (
    carried,
    in_parts,
    many_to_one,
    nil,
    one_to_one,
    posted,
    together,
)
from reconciliation.models import Leg, Rule, Run

Pass = Callable[[Rule, Run], int]

# Before the open tables are made: what leaves so little that listing it first would be dearer.
EARLY: Final[Mapping[str, Callable[[Rule, Run, Since], int]]] = {
    Leg.RECEIPT_CHANNEL: one_to_one.run_identity,
    Leg.RECEIPT_ERP: posted.run,
}


def is_early(rule: Rule) -> bool:
    """Whether a rule is tried before the open tables are made."""
    is_posting = rule.leg == Leg.RECEIPT_ERP and rule.cardinality == Rule.Cardinality.ONE_TO_ONE
    return rule.key == Rule.Key.CHANNEL_REF or is_posting


PASSES: Final[Mapping[str, Pass]] = {
    Rule.Cardinality.ONE_TO_ONE: one_to_one.run,
    Rule.Cardinality.MANY_TO_ONE: many_to_one.run,
    Rule.Cardinality.MANY_TO_MANY: together.run,
    Rule.Cardinality.NIL: nil.run,
    Rule.Cardinality.CARRIED: carried.run,
    Rule.Cardinality.IN_PARTS: in_parts.run,
}
