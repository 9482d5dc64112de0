"""The roll-forward of each book: opening + arrived - matched - written off = closing.

Opening, arrived and matched are sums of the tallies that each run carries forward. The closing is
not worked out from them: it is counted from what is open. The CHECKs on ``Proof`` and
``SourceProof`` make the database refuse a run whose books, or one source of them, do not prove.
"""

from typing import Final

from django.db import connection

from reconciliation.models import Run

_AMOUNTS: Final = ("opening", "arrived", "matched", "written_off", "closing", "broken", "later")

# What arrived and what was matched, by day, as the runs have told the tallies.
_TOLD: Final = """
    SELECT stage, book, source_id, count, paise,
           matched_on IS NULL AND business_date < %(day)s AS is_before,
           matched_on IS NULL AND business_date = %(day)s AS is_arrived,
           coalesce(matched_on < %(day)s, false) AS is_gone,
           coalesce(matched_on = %(day)s AND NOT is_written_off, false) AS is_matched,
           coalesce(matched_on = %(day)s AND is_written_off, false) AS is_written_off,
           coalesce(matched_on > %(day)s, false) AS is_later
      FROM reconciliation_daytally
     WHERE business_date <= %(day)s
"""

_BROKEN: Final = """
    SELECT DISTINCT b.stage, bl.entry_id
      FROM reconciliation_breakline bl JOIN reconciliation_break b ON b.id = bl.open_break_id
     WHERE b.state = 'open' AND b.stage <> 'fee'
"""


def _sum(flag: str, what: str) -> str:
    return f"coalesce(sum({what}) FILTER (WHERE {flag}), 0)"


def _both(name: str, flag: str, *, less: str = "") -> str:
    return ", ".join(
        _sum(flag, what) + (f" - {_sum(less, what)}" if less else "") + f" AS {name}_{what}"
        for what in ("count", "paise")
    )


# Channel lines count gross against receipts and net against the bank: the fee never reaches it.
def _rolled(by: str) -> str:
    """What was told and what is open, by these columns."""
    return f"""
told AS ({_TOLD}), summed AS (
    SELECT {by}, {_both("opening", "is_before", less="is_gone")},
           {_both("arrived", "is_arrived")}, {_both("matched", "is_matched")},
           {_both("written_off", "is_written_off")}, {_both("later", "is_later")}
      FROM told GROUP BY {by}
), standing AS (
    SELECT {by}, sum(count) AS open_count, sum(paise) AS open_paise
      FROM open_now WHERE business_date <= %(day)s GROUP BY {by}
)"""  # noqa: S608 - names of our own columns


_PARTS: Final = """
       opening_count, opening_paise, arrived_count, arrived_paise, matched_count, matched_paise,
       written_off_count, written_off_paise"""
_CLOSING: Final = "coalesce(open_count, 0) + later_count, coalesce(open_paise, 0) + later_paise"

_PROOF: Final = f"""
WITH {_rolled("stage, book")}, broken AS (
    SELECT b.stage, e.book, count(*) AS broken_count,
           sum(CASE WHEN b.stage = 'bank' AND e.book = 'channel' THEN e.net_paise
                    ELSE e.amount_paise END) AS broken_paise
      FROM ({_BROKEN}) AS b JOIN reconciliation_entry e ON e.id = b.entry_id
     WHERE e.business_date <= %(day)s GROUP BY b.stage, e.book
), waiting AS (
    SELECT stage, book, sum(count) AS expected_count, sum(paise) AS expected_paise
      FROM reconciliation_expected
     WHERE run_id = %(run)s AND business_date <= %(day)s GROUP BY stage, book
)
INSERT INTO reconciliation_proof (run_id, business_date, stage, book, {_PARTS},
       later_count, later_paise, closing_count, closing_paise,
       broken_count, broken_paise, expected_count, expected_paise)
SELECT %(run)s, %(day)s, stage, book, {_PARTS},
       later_count, later_paise, {_CLOSING},
       coalesce(broken_count, 0), coalesce(broken_paise, 0),
       coalesce(expected_count, 0), coalesce(expected_paise, 0)
  FROM summed
  LEFT JOIN standing USING (stage, book)
  LEFT JOIN broken USING (stage, book)
  LEFT JOIN waiting USING (stage, book)
 ORDER BY stage, book
"""  # noqa: S608 - names of our own columns

# The same by who said it.
_BY_SOURCE: Final = f"""
WITH {_rolled("stage, book, source_id")}
INSERT INTO reconciliation_sourceproof
       (run_id, stage, book, channel_id, bank_account_id, {_PARTS}, closing_count, closing_paise)
SELECT %(run)s, s.stage, s.book, CASE WHEN s.book <> 'bank' THEN s.source_id END,
       CASE WHEN s.book = 'bank' THEN s.source_id END, {_PARTS}, {_CLOSING}
  FROM summed s
  LEFT JOIN standing o ON o.stage = s.stage AND o.book = s.book
       AND o.source_id IS NOT DISTINCT FROM s.source_id
 ORDER BY s.stage, s.book, s.source_id
"""  # noqa: S608 - names of our own columns


def prove(run: Run) -> None:
    """Write the run's proof rows; one that does not prove violates its CHECK and undoes the run."""
    with connection.cursor() as cursor:
        for statement in (_PROOF, _BY_SOURCE):
            cursor.execute(statement, {"run": run.pk, "day": run.business_date})
