"""Fees against the rate card; and what is left after every break is merely expected."""

from typing import Final

from reconciliation.matching.classifiers.finding import INTO_FOUND
from reconciliation.rulebook.rate_card import ROUNDING, judged_of

_SINCE: Final = """(
        SELECT * FROM reconciliation_entry WHERE id > %(judged_until)s
         UNION ALL
        SELECT * FROM reconciliation_entry WHERE id IN (SELECT entry_id FROM judged_before))"""

# Lines that came since, and those that stand as breaks: with the same rates no other can differ.
# What is more than a rounded paisa in the fee and another in its GST.
_FEE_DIFFERS: Final = f"""{INTO_FOUND}
SELECT 'fee', 'receipt_channel', 'fee_differs', 'channel', channel_id, NULL, channel_ref,
       abs(kept - agreed), business_date,
       jsonb_build_object('kept', kept, 'agreed', agreed, 'percent', percent::text,
                          'flat', flat_paise, 'method', method, 'amount', amount_paise),
       ARRAY[id]
  FROM ({judged_of(_SINCE)}) AS judged
 WHERE abs(kept - agreed) > {ROUNDING}
   -- what two people accepted is no break again, until they tell it back
   AND NOT EXISTS (SELECT FROM reconciliation_decisionline l
                     JOIN reconciliation_decision d ON d.id = l.decision_id
                    WHERE l.entry_id = judged.id AND d.kind = 'fee'
                      AND d.state IN ('approved', 'alone') AND d.undone_at IS NULL)
"""  # noqa: S608 - constants of this package

_EXPECTED: Final = """
INSERT INTO reconciliation_expected
       (run_id, business_date, stage, book, channel_id, why, count, paise)
SELECT %(run)s, o.business_date, o.stage, o.book, o.channel_id,
       CASE WHEN o.stage = 'erp' AND o.reference IN (
                 SELECT c.reference FROM open_entry c
                  WHERE c.stage = 'erp' AND c.book = 'erp' AND c.code = 'clarification')
            THEN 'in_clarification'
            WHEN o.stage = 'bank' AND o.book = 'receipts' AND s.route = 'deposit'
             AND o.deposit_ref = '' AND o.kind NOT IN ('reversal', 'cheque_return')
            THEN 'not_deposited'
            WHEN coalesce(d.due_on, o.due_on) > %(day)s THEN 'not_due' ELSE 'no_file' END,
       count(*), sum(o.amount_paise)::bigint
  FROM open_entry o
  LEFT JOIN source s USING (channel_id)
  LEFT JOIN posting_due d ON o.stage = 'erp' AND d.business_date = o.business_date
 GROUP BY 2, 3, 4, 5, 6
UNION ALL
SELECT %(run)s, o.business_date, 'bank', 'channel', o.channel_id,
       CASE WHEN s.word = '' THEN 'not_settled' WHEN s.paid_out <= 0 THEN 'carried'
            WHEN s.paid_due_on > %(day)s THEN 'not_due' ELSE 'no_file' END,
       sum(o.line_count)::bigint, sum(o.net_paise)::bigint
  FROM (SELECT *, sum(net_paise) OVER (PARTITION BY channel_id, word) AS paid_out,
               max(due_on) OVER (PARTITION BY channel_id, word) AS paid_due_on
          FROM open_settlement) AS s
 CROSS JOIN LATERAL unnest(s.pieces) AS p(piece)
  JOIN open_lines o USING (piece)
 GROUP BY 2, 5, 6
"""

CLASSIFIERS: Final = (_FEE_DIFFERS, _EXPECTED)
