"""Comparing what a run found with the breaks that stand: what is gone closes, what is new opens.

A break is the same break as long as its reason, its money and its entries are the same; a run that
finds it again leaves it, its story and its age alone.
"""

from datetime import date
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import Count, Sum

from reconciliation.models import Break, Run


class Changed(NamedTuple):
    """How many breaks a run opened and closed."""

    opened: int
    closed: int


_SUBJECT: Final = """
ALTER TABLE found_break ADD COLUMN subject_key text;
UPDATE found_break
   SET subject_key = concat_ws('|', reason, leg, left(reference, 64), amount_paise,
                               md5(entry_ids::text));
ANALYZE found_break;
"""

_CLOSE: Final = """
UPDATE reconciliation_break b
   SET state = 'closed', closed_at = clock_timestamp(),
       closed_why = CASE WHEN EXISTS (
           SELECT FROM reconciliation_breakline bl JOIN reconciliation_matchline l
               ON l.entry_id = bl.entry_id AND l.stage = b.stage AND l.is_live
            WHERE bl.open_break_id = b.id)
         THEN 'matched by run ' ELSE 'explained otherwise by run ' END || %(run)s
 WHERE b.state = 'open'
   AND NOT EXISTS (SELECT FROM found_break f
                    WHERE f.stage = b.stage AND f.subject_key = b.subject_key)
"""

_OPEN: Final = """
WITH opened AS (
    INSERT INTO reconciliation_break (
           public_id, stage, leg, reason, state, book, channel_id, bank_account_id, reference,
           subject_key, amount_paise, business_date, facts, opened_by_id, opened_at, closed_why)
    SELECT replace(gen_random_uuid()::text, '-', ''), stage, leg, reason, 'open', book, channel_id,
           bank_account_id, left(reference, 64), subject_key, amount_paise, business_date, facts,
           %(run)s, clock_timestamp(), ''
      FROM found_break f
     WHERE NOT EXISTS (SELECT FROM reconciliation_break b
                        WHERE b.state = 'open' AND b.stage = f.stage
                          AND b.subject_key = f.subject_key)
     ORDER BY stage, business_date, reference, subject_key
    RETURNING id, stage, subject_key
), lines AS (
    INSERT INTO reconciliation_breakline (open_break_id, entry_id)
    SELECT o.id, unnest(f.entry_ids) FROM opened o JOIN found_break f USING (stage, subject_key)
)
SELECT count(*) FROM opened
"""


_MANY: Final = 1_000  # opened breaks that make the planner's statistics stale


def carried(day: date) -> list[dict[str, Any]]:
    """The open breaks of a day and earlier ones, summed by reason and day."""
    rows = (
        Break.objects.filter(state=Break.State.OPEN, business_date__lte=day)
        .order_by("reason", "business_date")
        .values("reason", "business_date")
        .annotate(n=Count("id"), paise=Sum("amount_paise"))
    )
    return [
        {
            "reason": row["reason"],
            "day": row["business_date"].isoformat(),
            "count": row["n"],
            "paise": int(row["paise"]),
        }
        for row in rows
    ]


def store_found(run: Run) -> Changed:
    """Bring the stored breaks in line with ``found_break``."""
    with connection.cursor() as cursor:
        cursor.execute(_SUBJECT)
        cursor.execute(_CLOSE, {"run": run.pk})
        closed = cursor.rowcount
        cursor.execute(_OPEN, {"run": run.pk})
        (opened,) = cursor.fetchone() or (0,)
        if opened >= _MANY:
            # The planner must not judge what follows by what stood before this run.
            cursor.execute("ANALYZE reconciliation_break, reconciliation_breakline")
    return Changed(opened=opened, closed=closed)
