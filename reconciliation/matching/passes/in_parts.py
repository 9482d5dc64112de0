"""One settlement that the bank credits in several parts, each naming its UTR: their sum is it.

The parts together agree to the paisa, or nothing is matched: two credits of the whole are none.
"""

from typing import Final

from reconciliation.matching.passes.open_items import PIECES_OF
from reconciliation.matching.passes.statement import INSERT_LINES, INSERT_MATCHES, execute
from reconciliation.models import Rule, Run, Stage

_IN_PARTS: Final = f"""
WITH payout AS (
    SELECT channel_id, word, sum(net_paise)::bigint AS net_paise,
           max(business_date) AS business_date
      FROM open_settlement
     WHERE word <> ''
     GROUP BY channel_id, word
    HAVING sum(net_paise) > 0
), candidate AS (
    SELECT p.*, b.id AS credit_id, b.amount_paise, b.business_date AS credited_on,
           count(*) OVER (PARTITION BY b.id) AS payouts
      FROM payout p
      JOIN bank_word w ON w.word = p.word
      JOIN open_entry b ON b.id = w.entry_id AND b.book = 'bank' AND b.stage = 'bank'
       AND b.kind <> 'cheque_return'
), chosen AS (
    SELECT nextval('reconciliation_match_id_seq') AS match_id, c.*
      FROM (SELECT channel_id, word, max(greatest(business_date, credited_on)) AS matched_on,
                   array_agg(credit_id ORDER BY credit_id) AS credit_ids
              FROM candidate
             GROUP BY channel_id, word, net_paise
            HAVING count(*) > 1 AND max(payouts) = 1 AND min(amount_paise) > 0
               AND sum(amount_paise) = net_paise
             ORDER BY 1, 2) AS c
), matched AS (
{INSERT_MATCHES}    SELECT match_id, 'rule', %(stage)s, %(leg)s, %(run)s, %(rule)s, matched_on, 0
      FROM chosen
)
{INSERT_LINES}SELECT c.match_id, unnest(o.line_ids), %(stage)s, true
  FROM chosen c JOIN open_settlement s USING (channel_id, word) {PIECES_OF}
UNION ALL
SELECT match_id, unnest(credit_ids), %(stage)s, true FROM chosen
"""  # noqa: S608 - constants of this package


def run(rule: Rule, this_run: Run) -> int:
    """Match settlements with all their credits; returns the matches made."""
    return execute(_IN_PARTS, rule=rule, run=this_run, stage=Stage.BANK)
