"""The roll-forward of each book: opening + arrived - matched - written off = closing.

The closing is counted from what is open, not worked out from the other four; the two CHECKs on
``Proof`` make the database refuse a run whose books do not prove.
"""

from typing import Final

from django.db import connection

from reconciliation.models import Run

# Channel lines count gross against receipts and net against the bank: the fee never reaches it.
_PROOF: Final = """
WITH counted AS (
    SELECT s.stage, e.book, e.business_date,
           CASE WHEN e.book = 'channel' AND s.stage = 'bank' THEN e.net_paise ELSE e.amount_paise END AS paise,
           m.matched_on, m.kind,
           m.id IS NULL AND EXISTS (
               SELECT FROM reconciliation_breakline bl JOIN reconciliation_break b ON b.id = bl.open_break_id
                WHERE bl.entry_id = e.id AND b.stage = s.stage AND b.state = 'open') AS is_broken
      FROM reconciliation_entry e
     CROSS JOIN LATERAL (VALUES ('channel', e.in_channel_stage), ('bank', e.in_bank_stage)) AS s(stage, counts)
      LEFT JOIN reconciliation_matchline l ON l.entry_id = e.id AND l.stage = s.stage AND l.is_live
      LEFT JOIN reconciliation_match m ON m.id = l.match_id
     WHERE s.counts AND e.business_date <= %(day)s
), summed AS (
    SELECT stage, book,
           count(*) FILTER (WHERE is_opening) AS opening_count, sum(paise) FILTER (WHERE is_opening) AS opening_paise,
           count(*) FILTER (WHERE is_arrived) AS arrived_count, sum(paise) FILTER (WHERE is_arrived) AS arrived_paise,
           count(*) FILTER (WHERE is_matched) AS matched_count, sum(paise) FILTER (WHERE is_matched) AS matched_paise,
           count(*) FILTER (WHERE is_written) AS written_off_count, sum(paise) FILTER (WHERE is_written) AS written_off_paise,
           count(*) FILTER (WHERE is_open) AS closing_count, sum(paise) FILTER (WHERE is_open) AS closing_paise,
           count(*) FILTER (WHERE is_broken) AS broken_count, sum(paise) FILTER (WHERE is_broken) AS broken_paise,
           count(*) FILTER (WHERE is_later) AS later_count, sum(paise) FILTER (WHERE is_later) AS later_paise
      FROM (SELECT *,
                   business_date < %(day)s AND coalesce(matched_on >= %(day)s, true) AS is_opening,
                   business_date = %(day)s AS is_arrived,
                   coalesce(matched_on = %(day)s AND kind <> 'write_off', false) AS is_matched,
                   coalesce(matched_on = %(day)s AND kind = 'write_off', false) AS is_written,
                   coalesce(matched_on > %(day)s, true) AS is_open,
                   coalesce(matched_on > %(day)s, false) AS is_later
              FROM counted) AS flagged
     GROUP BY stage, book
), waiting AS (
    SELECT stage, book, sum(count) AS expected_count, sum(paise) AS expected_paise
      FROM reconciliation_expected WHERE run_id = %(run)s AND business_date <= %(day)s GROUP BY stage, book
)
INSERT INTO reconciliation_proof (run_id, business_date, stage, book, opening_count, opening_paise,
    arrived_count, arrived_paise, matched_count, matched_paise, written_off_count, written_off_paise,
    closing_count, closing_paise, broken_count, broken_paise, expected_count, expected_paise, later_count, later_paise)
SELECT %(run)s, %(day)s, stage, book, opening_count, coalesce(opening_paise, 0), arrived_count, coalesce(arrived_paise, 0),
       matched_count, coalesce(matched_paise, 0), written_off_count, coalesce(written_off_paise, 0),
       closing_count, coalesce(closing_paise, 0), broken_count, coalesce(broken_paise, 0),
       coalesce(expected_count, 0), coalesce(expected_paise, 0), later_count, coalesce(later_paise, 0)
  FROM summed LEFT JOIN waiting USING (stage, book)
 ORDER BY stage, book
"""


def prove(run: Run) -> None:
    """Write the run's proof rows; a row that does not prove violates its CHECK and undoes the run."""
    with connection.cursor() as cursor:
        cursor.execute(_PROOF, {"run": run.pk, "day": run.business_date})
