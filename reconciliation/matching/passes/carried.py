"""A settlement below zero pays nothing and is carried on: a later credit is less by it.

All that a channel carries up to a payout is taken together, and the one credit that names it must
agree to the paisa. What one credit has taken, the next no longer owes: so the pass goes on until it
finds none.
"""

from typing import Final

from reconciliation.matching.passes.open_items import PIECES_OF
from reconciliation.matching.passes.statement import INSERT_LINES, INSERT_MATCHES, execute
from reconciliation.models import Rule, Run, Stage

_CARRIED: Final = f"""
WITH payout AS (
    SELECT channel_id, word, sum(net_paise)::bigint AS net_paise,
           max(business_date) AS business_date
      FROM open_settlement
     WHERE word <> ''
     GROUP BY channel_id, word
), debt AS (
    SELECT p.channel_id, p.word, sum(d.net_paise)::bigint AS debt_paise,
           array_agg(d.word) || p.word AS words
      FROM payout p
      JOIN payout d ON d.channel_id = p.channel_id AND d.net_paise < 0
       AND d.business_date <= p.business_date
     WHERE p.net_paise > 0
     GROUP BY p.channel_id, p.word
), named AS (
    SELECT p.*, b.id AS credit_id, b.amount_paise, b.business_date AS credited_on,
           count(*) OVER (PARTITION BY p.channel_id, p.word) AS credits,
           count(*) OVER (PARTITION BY b.id) AS payouts
      FROM payout p
      JOIN bank_word w ON w.word = p.word
      JOIN open_entry b ON b.id = w.entry_id AND b.book = 'bank' AND b.stage = 'bank'
       AND b.kind <> 'cheque_return'
     WHERE p.net_paise > 0
), candidate AS (
    SELECT n.channel_id, d.words, n.credit_id, n.payouts,
           greatest(n.business_date, n.credited_on) AS matched_on,
           count(*) OVER (PARTITION BY n.channel_id) AS choices
      FROM named n JOIN debt d USING (channel_id, word)
     WHERE n.credits = 1 AND n.net_paise + d.debt_paise = n.amount_paise
), chosen AS (
    SELECT nextval('reconciliation_match_id_seq') AS match_id, c.*
      FROM (SELECT * FROM candidate WHERE choices = 1 AND payouts = 1
             ORDER BY credit_id) AS c
), matched AS (
{INSERT_MATCHES}    SELECT match_id, 'rule', %(stage)s, %(leg)s, %(run)s, %(rule)s, matched_on, 0
      FROM chosen
)
{INSERT_LINES}SELECT c.match_id, unnest(o.line_ids), %(stage)s, true
  FROM chosen c
  JOIN open_settlement s ON s.channel_id = c.channel_id AND s.word = ANY (c.words)
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
