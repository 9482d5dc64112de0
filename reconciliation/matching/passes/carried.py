"""A settlement below zero pays nothing and is carried on: a later credit is less by it.

All that a channel carries up to a settlement is taken together, and the credit must agree to the
paisa. What one credit has taken, the next no longer owes: so the pass goes on until it finds none.
"""

from typing import Final

from reconciliation.matching.passes.open_items import PIECES_OF
from reconciliation.matching.passes.statement import INSERT_LINES, INSERT_MATCHES, execute
from reconciliation.models import Rule, Run, Stage

_CARRIED: Final = f"""
WITH debt AS (
    SELECT s.channel_id, s.settlement, sum(d.net_paise)::bigint AS debt_paise,
           array_agg(d.settlement) || s.settlement AS settlements
      FROM open_settlement s
      JOIN open_settlement d ON d.channel_id = s.channel_id AND d.net_paise < 0
       AND d.settlement <> '' AND d.business_date <= s.business_date
     WHERE s.net_paise > 0
     GROUP BY s.channel_id, s.settlement
), candidate AS (
    SELECT s.channel_id, d.settlements, b.id AS credit_id,
           greatest(s.business_date, b.business_date) AS matched_on,
           count(*) OVER (PARTITION BY s.channel_id) AS choices
      FROM open_settlement s
      JOIN debt d USING (channel_id, settlement)
      JOIN bank_word w ON w.word = s.word
      JOIN open_entry b ON b.id = w.entry_id AND b.book = 'bank' AND b.stage = 'bank'
     WHERE s.net_paise + d.debt_paise = b.amount_paise
), chosen AS (
    SELECT nextval('reconciliation_match_id_seq') AS match_id, * FROM candidate WHERE choices = 1
), matched AS (
{INSERT_MATCHES}    SELECT match_id, 'rule', %(stage)s, %(leg)s, %(run)s, %(rule)s, matched_on, 0
      FROM chosen
)
{INSERT_LINES}SELECT c.match_id, unnest(o.line_ids), %(stage)s, true
  FROM chosen c
  JOIN open_settlement s ON s.channel_id = c.channel_id AND s.settlement = ANY (c.settlements)
 {PIECES_OF}
UNION ALL
SELECT match_id, credit_id, %(stage)s, true FROM chosen
"""  # noqa: S608 - constants of this package


def run(rule: Rule, this_run: Run) -> int:
    """Match credits with their settlement and everything carried; returns the matches made."""
    total = 0
    while made := execute(_CARRIED, rule=rule, run=this_run, stage=Stage.BANK):
        total += made
    return total
