"""One SQL statement per kind of pass. A pass takes a rule and a run, and returns its matches.

Every pass is set-based: it groups what is open by the rule's key, keeps the groups that balance and
leave no choice, and inserts them in the order of their entries. What leaves a choice is left alone.
"""

from collections.abc import Callable, Mapping
from typing import Final

from reconciliation.matching.carrying import Since
from reconciliation.matching.passes import carried, in_parts, many_to_one, nil, one_to_one, together
from reconciliation.models import Rule, Run

Pass = Callable[[Rule, Run], int]

# Before the open tables are made, by the one key that needs none of them.
IDENTITY: Final[Callable[[Rule, Run, Since], int]] = one_to_one.run_identity

PASSES: Final[Mapping[str, Pass]] = {
    Rule.Cardinality.ONE_TO_ONE: one_to_one.run,
    Rule.Cardinality.MANY_TO_ONE: many_to_one.run,
    Rule.Cardinality.MANY_TO_MANY: together.run,
    Rule.Cardinality.NIL: nil.run,
    Rule.Cardinality.CARRIED: carried.run,
    Rule.Cardinality.IN_PARTS: in_parts.run,
}
