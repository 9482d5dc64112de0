"""One SQL statement per kind of pass. A pass takes a rule and a run, and returns its matches.

Every pass is set-based: it groups what is open by the rule's key, keeps the groups that balance and
leave no choice, and inserts them in the order of their entries. What leaves a choice is left alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from reconciliation.matching import carrying
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
from reconciliation.rulebook.rules import Key, stage_of

Pass = Callable[[Rule, Run], int]

# Before the open tables are made: what leaves so little that listing it first would be dearer.
EARLY: Final[Mapping[str, Callable[[Rule, Run, Since], int]]] = {
    Leg.RECEIPT_CHANNEL: one_to_one.run_identity,
    Leg.RECEIPT_ERP: posted.run,
}


def is_early(rule: Rule) -> bool:
    """Whether a rule is tried before the open tables are made."""
    is_posting = rule.leg == Leg.RECEIPT_ERP and rule.cardinality == Rule.Cardinality.ONE_TO_ONE
    return rule.key == Key.CHANNEL_REF or is_posting


PASSES: Final[Mapping[str, Pass]] = {
    Rule.Cardinality.ONE_TO_ONE: one_to_one.run,
    Rule.Cardinality.MANY_TO_ONE: many_to_one.run,
    Rule.Cardinality.MANY_TO_MANY: together.run,
    Rule.Cardinality.NIL: nil.run,
    Rule.Cardinality.CARRIED: carried.run,
    Rule.Cardinality.IN_PARTS: in_parts.run,
}


def run_early(rules: Sequence[Rule], this_run: Run, since: Since) -> int:
    """The rules that need no open tables, in order; returns the matches made."""
    before, made = carrying.last_match(), 0
    tried: set[str] = set()
    for rule in rules:
        if not is_early(rule):
            continue
        if rule.leg in tried:  # it leaves alone what the one before it has matched
            since = carrying.leave_alone(since, stage_of(rule), made_after=before)
        tried.add(rule.leg)
        made += EARLY[rule.leg](rule, this_run, since)
    return made


def run_open(rules: Sequence[Rule], this_run: Run) -> int:
    """Every rule, in order, over the open tables; returns the matches made.

    Where a weaker key took one of three that share an id of the channel, two are left that have no
    choice any more: they are matched now, because the next run would.
    """
    identity = [rule for rule in rules if rule.key == Key.CHANNEL_REF]
    made = 0
    for rule in rules:
        if is_early(rule):
            continue
        new = PASSES[rule.cardinality](rule, this_run)
        if new and rule.cardinality == Rule.Cardinality.ONE_TO_ONE:
            new += sum(one_to_one.run_again(one, this_run) for one in identity)
        made += new
    return made
