"""Running a pass: its one statement, how many matches it made, and what is open no longer."""

from datetime import date
from typing import Final

from django.db import connection

from reconciliation.incoming.intake import MANY
from reconciliation.matching import carrying
from reconciliation.matching.passes import open_items
from reconciliation.models import Rule, Run, Stage

INSERT_MATCHES: Final = """
    INSERT INTO reconciliation_match
           (id, kind, stage, leg, run_id, rule_id, matched_on, difference_paise)
"""

INSERT_LINES: Final = """
INSERT INTO reconciliation_matchpart (match_id, entry_id, stage, is_live)
"""

# The rows that a report lists under one key: once, again in the file, or in another settlement.
LISTED: Final = """
    SELECT id, source_key FROM reconciliation_entry
     WHERE book = 'channel' AND source_key IN ({key}, {key} || '#2')
     UNION ALL
    SELECT id, source_key FROM reconciliation_entry
     WHERE book = 'channel' AND starts_with(source_key, {key} || '@')
       AND source_key BETWEEN {key} || '@' AND {key} || '@~'
"""

_MADE: Final = "SELECT count(*) FROM reconciliation_match WHERE id > %s"


def execute(sql: str, *, rule: Rule, run: Run, stage: Stage, **more: date | None) -> int:
    """Run a pass's statement and take what it matched out of the open tables.

    ``more`` are days that the statement names. Returns the matches that it made.
    """
    before = carrying.last_match()
    with connection.cursor() as cursor:
        cursor.execute(sql, {**params_of(rule, run=run, stage=stage), **more})
        if not cursor.rowcount:
            return 0
        if cursor.rowcount >= MANY:
            # The planner must not judge what follows by what was matched before this pass.
            cursor.execute("ANALYZE reconciliation_match, reconciliation_matchpart")
        cursor.execute(_MADE, [before])
        (made,) = cursor.fetchone() or (0,)
    if made:
        open_items.drop_matched(rule, before=before)
        carrying.note_made(rule, run)
    return int(made)


def params_of(rule: Rule, *, run: Run, stage: Stage) -> dict[str, int | str]:
    """What every pass's statement may name."""
    return {
        "tolerance": rule.tolerance_paise,
        "stage": stage,
        "leg": rule.leg,
        "run": run.pk,
        "rule": rule.pk,
    }
