"""Fees against the rate card; and what is left after every break is merely expected."""

from typing import Final

from reconciliation.classifiers.finding import INTO_FOUND

# The fee of a line against the rate in force when it was paid. A paisa may be rounded in the fee
# and another in its GST.
_FEE_DIFFERS: Final = f"""{INTO_FOUND}
SELECT 'fee', 'receipt_channel', 'fee_differs', 'channel', channel_id, NULL, channel_ref,
       abs(kept - agreed), business_date,
       jsonb_build_object('kept', kept, 'agreed', agreed, 'percent', percent::text,
                          'flat', flat_paise, 'method', method, 'amount', amount_paise),
       ARRAY[id]
  FROM (
    SELECT e.id, e.channel_id, e.channel_ref, e.amount_paise, e.method, r.percent, r.flat_paise,
           least(e.business_date, coalesce((e.occurred_at AT TIME ZONE 'Asia/Kolkata')::date,
                                           e.business_date)) AS business_date,
           e.fee_paise + e.tax_paise AS kept, fee.paise + round(fee.paise * r.tax_percent / 100)
             AS agreed
      FROM reconciliation_entry e
      JOIN rate_card r ON r.channel_id = e.channel_id AND r.method = lower(e.method)
       AND CASE WHEN r.network = '' THEN lower(e.network) <> ALL (r.others)
                ELSE lower(e.network) = r.network END
       AND coalesce(e.occurred_at, e.business_date::timestamptz) >= r.valid_from
       AND coalesce(e.occurred_at, e.business_date::timestamptz) < r.valid_until
     CROSS JOIN LATERAL (SELECT round(e.amount_paise * r.percent / 100) + r.flat_paise AS paise)
        AS fee
     WHERE e.book = 'channel' AND e.kind = 'payment' AND e.source_key NOT LIKE 'undone:%%'
  ) AS judged
 WHERE abs(kept - agreed) > 2
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
       CASE WHEN o.stage = 'bank' AND o.book = 'receipts' AND s.route = 'deposit'
             AND o.deposit_ref = '' AND o.kind NOT IN ('reversal', 'cheque_return')
            THEN 'not_deposited'
            WHEN o.due_on > %(day)s THEN 'not_due' ELSE 'no_file' END,
       count(*), sum(o.amount_paise)::bigint
  FROM open_entry o LEFT JOIN source s USING (channel_id)
 GROUP BY 2, 3, 4, 5, 6
UNION ALL
SELECT %(run)s, e.business_date, 'bank', 'channel', e.channel_id,
       CASE WHEN s.settlement = '' THEN 'not_settled' WHEN s.net_paise <= 0 THEN 'carried'
            WHEN s.due_on > %(day)s THEN 'not_due' ELSE 'no_file' END,
       count(*), sum(e.net_paise)::bigint
  FROM open_settlement s
 CROSS JOIN LATERAL unnest(s.line_ids) AS line(id)
  JOIN reconciliation_entry e ON e.id = line.id
 GROUP BY 2, 5, 6
"""

CLASSIFIERS: Final = (_FEE_DIFFERS, _EXPECTED)
