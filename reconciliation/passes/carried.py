"""A settlement below zero pays nothing and is carried on: the next credit is less by what was carried.

All that a channel carries is taken together; the credit must then agree to the paisa.
"""

from typing import Final

from reconciliation.models import Rule, Run, Stage
from reconciliation.passes.statement import INSERT_LINES, INSERT_MATCHES, SETTLEMENT_LINES, execute

_CARRIED: Final = f"""
WITH debt AS (
    SELECT channel_id, sum(net_paise)::bigint AS debt_paise, max(business_date) AS carried_on,
           array_agg(settlement) AS settlements
      FROM open_settlement WHERE settlement <> '' AND net_paise < 0 GROUP BY channel_id
), candidate AS (
    SELECT s.channel_id, s.settlement, d.settlements, b.id AS credit_id,
           greatest(s.business_date, d.carried_on, b.business_date) AS matched_on,
           count(*) OVER (PARTITION BY s.channel_id) AS choices
      FROM open_settlement s
      JOIN debt d USING (channel_id)
      JOIN bank_word w ON w.word = upper(s.utr)
      JOIN open_entry b ON b.id = w.entry_id AND b.book = 'bank' AND b.stage = 'bank'
     WHERE s.net_paise > 0 AND s.net_paise + d.debt_paise = b.amount_paise AND d.carried_on <= s.business_date
), chosen AS (
    SELECT nextval('reconciliation_match_id_seq') AS match_id, * FROM candidate WHERE choices = 1
), matched AS (
{INSERT_MATCHES}    SELECT match_id, 'rule', %(stage)s, %(leg)s, %(run)s, %(rule)s, matched_on, 0 FROM chosen
)
{INSERT_LINES}SELECT c.match_id, e.id, %(stage)s, true
  FROM chosen c JOIN {SETTLEMENT_LINES} e
    ON e.channel_id = c.channel_id AND (e.settlement = c.settlement OR e.settlement = ANY (c.settlements))
UNION ALL
SELECT match_id, credit_id, %(stage)s, true FROM chosen
"""  # noqa: S608 - constants of this package


def run(rule: Rule, this_run: Run) -> int:
    """Match a credit with its settlement and everything carried; returns the matches made."""
    return execute(_CARRIED, rule=rule, run=this_run, stage=Stage.BANK)
