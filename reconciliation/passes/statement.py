"""Running a pass: its one statement, how many matches it made, and what is open no longer."""

from typing import Final

from django.db import connection

from reconciliation.models import Rule, Run, Stage
from reconciliation.passes import open_items

INSERT_MATCHES: Final = """
    INSERT INTO reconciliation_match
           (id, kind, stage, leg, run_id, rule_id, matched_on, difference_paise)
"""

INSERT_LINES: Final = """
INSERT INTO reconciliation_matchline (match_id, entry_id, stage, is_live)
"""

_MADE: Final = "SELECT count(*) FROM reconciliation_match WHERE run_id = %s AND rule_id = %s"


def execute(sql: str, *, rule: Rule, run: Run, stage: Stage) -> int:
    """Run a pass's statement and take what it matched out of the open tables.

    Returns the matches the rule has made in this run.
    """
    made = insert(sql, rule=rule, run=run, stage=stage)
    if made:
        open_items.drop_matched(rule=rule, run=run)
    return made


def insert(sql: str, *, rule: Rule, run: Run, stage: Stage) -> int:
    """Run a pass's statement only; returns the matches the rule has made in this run."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql,
            {
                "tolerance": rule.tolerance_paise,
                "stage": stage,
                "leg": rule.leg,
                "run": run.pk,
                "rule": rule.pk,
            },
        )
        if not cursor.rowcount:
            return 0
        cursor.execute(_MADE, [run.pk, rule.pk])
        (made,) = cursor.fetchone() or (0,)
    return int(made)
