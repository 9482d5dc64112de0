"""The roll-forward of each book: opening + arrived - matched - written off = closing.

The closing is counted from what is open, not worked out from the other four; the two CHECKs on
``Proof`` make the database refuse a run whose books do not prove.
"""

from typing import Final

from django.db import connection

from reconciliation.models import Run

_AMOUNTS: Final = ("opening", "arrived", "matched", "written_off", "closing", "broken", "later")

_BROKEN: Final = """
    SELECT DISTINCT bl.entry_id, b.stage
      FROM reconciliation_breakline bl JOIN reconciliation_break b ON b.id = bl.open_break_id
     WHERE b.state = 'open'
"""

# Channel lines count gross against receipts and net against the bank: the fee never reaches it.
_COUNTED: Final = " UNION ALL ".join(
    f"""
    SELECT '{stage}' AS stage, e.book, e.business_date, {paise} AS paise, m.matched_on, m.kind,
           m.id IS NULL AND broken.entry_id IS NOT NULL AS is_broken
      FROM reconciliation_entry e
      LEFT JOIN broken ON broken.entry_id = e.id AND broken.stage = '{stage}'
      LEFT JOIN reconciliation_matchline l
        ON l.entry_id = e.id AND l.stage = '{stage}' AND l.is_live
      LEFT JOIN reconciliation_match m ON m.id = l.match_id
     WHERE e.in_{stage}_stage AND e.business_date <= %(day)s
"""  # noqa: S608 - our own two words
    for stage, paise in (
        ("channel", "e.amount_paise"),
        ("bank", "CASE e.book WHEN 'channel' THEN e.net_paise ELSE e.amount_paise END"),
    )
)

_FLAGGED: Final = """
    SELECT *,
           business_date < %(day)s AND coalesce(matched_on >= %(day)s, true) AS is_opening,
           business_date = %(day)s AS is_arrived,
           coalesce(matched_on = %(day)s AND kind <> 'write_off', false) AS is_matched,
           coalesce(matched_on = %(day)s AND kind = 'write_off', false) AS is_written_off,
           coalesce(matched_on > %(day)s, true) AS is_closing,
           coalesce(matched_on > %(day)s, false) AS is_later
      FROM counted
"""

_PROOF: Final = f"""
WITH broken AS MATERIALIZED ({_BROKEN}), counted AS ({_COUNTED}), flagged AS ({
    _FLAGGED
}), summed AS (
    SELECT stage, book, {
    ", ".join(
        f"count(*) FILTER (WHERE is_{name}) AS {name}_count, "
        f"coalesce(sum(paise) FILTER (WHERE is_{name}), 0) AS {name}_paise"
        for name in _AMOUNTS
    )
}
      FROM flagged GROUP BY stage, book
), waiting AS (
    SELECT stage, book, sum(count) AS expected_count, sum(paise) AS expected_paise
      FROM reconciliation_expected
     WHERE run_id = %(run)s AND business_date <= %(day)s GROUP BY stage, book
)
INSERT INTO reconciliation_proof (run_id, business_date, stage, book, expected_count,
       expected_paise, {", ".join(f"{name}_count, {name}_paise" for name in _AMOUNTS)})
SELECT %(run)s, %(day)s, stage, book, coalesce(expected_count, 0), coalesce(expected_paise, 0),
       {", ".join(f"{name}_count, {name}_paise" for name in _AMOUNTS)}
  FROM summed LEFT JOIN waiting USING (stage, book)
 ORDER BY stage, book
"""  # noqa: S608 - names of our own columns


def prove(run: Run) -> None:
    """Write the run's proof rows; one that does not prove violates its CHECK and undoes the run."""
    with connection.cursor() as cursor:
        cursor.execute(_PROOF, {"run": run.pk, "day": run.business_date})
