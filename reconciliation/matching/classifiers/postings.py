"""Receipts against what the ERP has posted. Executed only where there is an ERP."""

from typing import Final

from reconciliation.matching.classifiers.finding import PAID_ON, take
from reconciliation.matching.passes.posted import SAME_CONSUMER

_CLARIFYING: Final = """
    SELECT c.reference FROM open_entry c
     WHERE c.stage = 'erp' AND c.book = 'erp' AND c.code = 'clarification' AND c.reference <> ''
"""

_UNKNOWN: Final = take("""
    SELECT o.stage, 'receipt_erp' AS leg, 'unknown_code' AS reason, o.book,
           NULL::bigint AS channel_id, NULL::bigint AS bank_account_id,
           coalesce(nullif(o.reference, ''), nullif(o.channel_ref, ''), 'line ' || o.id)
             AS reference,
           abs(o.amount_paise) AS amount_paise, o.business_date,
           jsonb_build_object('code', o.code, 'amount', o.amount_paise,
                              'document', nullif(o.channel_ref, '')) AS facts,
           ARRAY[o.id] AS entry_ids
      FROM open_entry o
     WHERE o.stage = 'erp' AND o.book = 'erp' AND o.kind = 'unknown'
""")

# Longer than its term in clarification, with the receipts that wait for it; until then it is
# expected, and so are they.
_IN_CLARIFICATION: Final = take("""
    WITH stuck AS MATERIALIZED (
        SELECT coalesce(nullif(o.reference, ''), 'line ' || o.id) AS name,
               min(o.channel_ref) AS document, min(o.business_date) AS posted_on,
               sum(o.amount_paise)::bigint AS paise, min(d.clarified_on) AS due_on,
               array_agg(o.id ORDER BY o.id) AS ids
          FROM open_entry o JOIN posting_due d USING (business_date)
         WHERE o.stage = 'erp' AND o.book = 'erp' AND o.code = 'clarification'
           AND d.clarified_on <= %(posted_until)s
         GROUP BY 1
    ), receipt AS (
        SELECT o.reference, min(o.channel_id) AS channel_id, min(o.business_date) AS day,
               array_agg(o.id ORDER BY o.id) AS ids
          FROM open_entry o
         WHERE o.stage = 'erp' AND o.book = 'receipts'
           AND o.reference IN (SELECT name FROM stuck)
         GROUP BY o.reference
    )
    SELECT 'erp' AS stage, 'receipt_erp' AS leg, 'in_clarification' AS reason, 'erp' AS book,
           r.channel_id, NULL::bigint AS bank_account_id,
           CASE WHEN s.name LIKE 'line %%' THEN coalesce(nullif(s.document, ''), s.name)
                ELSE s.name END AS reference,
           abs(s.paise) AS amount_paise, least(s.posted_on, r.day) AS business_date,
           jsonb_build_object('amount', s.paise, 'document', nullif(s.document, ''),
                              'posted', s.posted_on, 'due', s.due_on,
                              'until', %(posted_until)s::date,
                              'receipts', cardinality(r.ids)) AS facts,
           s.ids || coalesce(r.ids, '{}') AS entry_ids
      FROM stuck s LEFT JOIN receipt r ON r.reference = s.name
""")

# Both sides name the receipt, in the same direction, and still did not match.
_SAME_REFERENCE: Final = take(f"""
    WITH named AS (
        SELECT o.*, o.amount_paise > 0 AS came
          FROM open_entry o
         WHERE o.stage = 'erp' AND o.reference <> '' AND o.code <> 'clarification'
    ), ours AS (
        SELECT reference, came, count(*) AS receipts, min(channel_id) AS channel_id,
               sum(amount_paise)::bigint AS left_paise, min(business_date) AS ours_on,
               min(consumer_number) AS consumer_number, min(abs(amount_paise)) AS least_paise,
               max(abs(amount_paise)) AS most_paise, array_agg(id ORDER BY id) AS ids
          FROM named WHERE book = 'receipts' GROUP BY 1, 2
    ), theirs AS (
        SELECT reference, came, count(*) AS lines, sum(amount_paise)::bigint AS right_paise,
               min(business_date) AS theirs_on, min(channel_ref) AS document,
               min(consumer_number) AS consumer_number, min(order_ref) AS order_ref,
               min(abs(amount_paise)) AS least_paise, max(abs(amount_paise)) AS most_paise,
               array_agg(id ORDER BY id) AS ids
          FROM named WHERE book = 'erp' GROUP BY 1, 2
    ), judged AS (
        SELECT l.reference, l.channel_id, l.left_paise, r.right_paise, l.receipts, r.lines,
               l.ours_on, r.theirs_on, r.document, l.consumer_number AS consumer,
               coalesce(nullif(r.consumer_number, ''), r.order_ref) AS posted_to,
               l.ids || r.ids AS entry_ids,
               CASE WHEN l.receipts = 1 AND r.lines = 1 AND l.left_paise <> r.right_paise
                    THEN 'amount_differs'
                    WHEN l.receipts = 1 AND r.lines = 1
                         AND NOT {SAME_CONSUMER.format(left="l", right="r")} THEN 'wrong_consumer'
                    WHEN l.receipts = 1 AND r.lines = 1 THEN 'outside_rules'
                    WHEN r.lines > l.receipts AND l.least_paise = r.least_paise
                         AND l.most_paise = r.most_paise AND r.least_paise = r.most_paise
                    THEN 'duplicate'
                    ELSE 'ambiguous' END AS reason
          FROM ours l JOIN theirs r USING (reference, came)
    )
    SELECT 'erp' AS stage, 'receipt_erp' AS leg, reason, 'erp' AS book, channel_id,
           NULL::bigint AS bank_account_id, reference,
           CASE WHEN reason IN ('amount_differs', 'duplicate') THEN abs(left_paise - right_paise)
                ELSE abs(right_paise) END AS amount_paise,
           least(ours_on, theirs_on) AS business_date,
           jsonb_build_object(
               'key', 'reference', 'value', reference, 'left', left_paise, 'right', right_paise,
               'receipts', receipts, 'lines', lines, 'document', nullif(document, ''),
               'amount', right_paise,
               'consumer', CASE reason WHEN 'wrong_consumer' THEN consumer END,
               'posted_to', CASE reason WHEN 'wrong_consumer' THEN posted_to END,
               'ours_on', CASE reason WHEN 'outside_rules' THEN ours_on END,
               'theirs_on', CASE reason WHEN 'outside_rules' THEN theirs_on END) AS facts,
           entry_ids
      FROM judged
""")  # noqa: S608 - constants of this package

# A posting that no open receipt of ours asks for: what became of the receipt it names tells why.
# The receipts are looked up by their own keys: no scan of the books.
_POSTING_WITHOUT_RECEIPT: Final = take(f"""
    WITH posting AS MATERIALIZED (
        SELECT * FROM open_entry o
         WHERE o.stage = 'erp' AND o.book = 'erp' AND o.code <> 'clarification'
    ), named AS MATERIALIZED (
        SELECT DISTINCT reference FROM posting WHERE reference <> ''
    ), told AS (
        SELECT n.reference, what.word, what.word || ':' || n.reference AS source_key
          FROM named n CROSS JOIN (VALUES ('payment'), ('failed'), ('reversal')) AS what(word)
         UNION ALL
        SELECT n.reference, 'refund', 'refund:' || c.code || ':' || f.channel_ref
          FROM named n
          JOIN payments_payment p ON p.reference = n.reference
          JOIN payments_refund f ON f.payment_id = p.id
          JOIN paychannels_channel c ON c.id = f.channel_id
    ), held AS (
        SELECT t.reference,
               min(e.channel_id) AS channel_id,
               bool_or(t.word = 'failed') AS is_failed,
               bool_or(t.word = 'reversal') AS is_undone,
               bool_or(t.word = 'payment' AND l.match_id IS NOT NULL) AS is_done,
               bool_or(t.word = 'payment' AND l.match_id IS NOT NULL AND EXISTS (
                   SELECT FROM reconciliation_matchline o
                     JOIN reconciliation_entry x ON x.id = o.entry_id AND x.book = 'erp'
                    WHERE o.match_id = l.match_id)) AS is_posted,
               bool_or(t.word IN ('reversal', 'refund') AND l.match_id IS NOT NULL) AS is_back
          FROM told t
          JOIN reconciliation_entry e ON e.book = 'receipts' AND e.source_key = t.source_key
          LEFT JOIN reconciliation_matchpart l
            ON l.entry_id = e.id AND l.stage = 'erp' AND l.is_live
         GROUP BY t.reference
    ), judged AS (
        SELECT o.*, h.channel_id AS of_channel,
               CASE WHEN h.reference IS NULL THEN 'missing'
                    WHEN o.amount_paise > 0 AND h.is_posted THEN 'twice'
                    WHEN o.amount_paise > 0 AND h.is_done THEN 'cancelled'
                    WHEN o.amount_paise > 0 AND h.is_failed THEN 'failed'
                    WHEN o.amount_paise < 0 AND h.is_back THEN 'twice'
                    WHEN o.amount_paise < 0 THEN 'reversed'
                    ELSE 'missing' END AS found
          FROM posting o LEFT JOIN held h USING (reference)
    )
    SELECT o.stage, 'receipt_erp' AS leg,
           CASE o.found WHEN 'missing' THEN 'missing_in_books' WHEN 'twice' THEN 'duplicate'
                        ELSE 'status_differs' END AS reason,
           o.book, o.of_channel AS channel_id, NULL::bigint AS bank_account_id,
           coalesce(nullif(o.reference, ''), nullif(o.channel_ref, ''), 'line ' || o.id)
             AS reference,
           abs(o.amount_paise) AS amount_paise, {PAID_ON} AS business_date,
           jsonb_build_object('amount', o.amount_paise, 'document', nullif(o.channel_ref, ''),
                              'receipt', nullif(o.reference, ''), 'found', o.found,
                              'consumer', nullif(o.consumer_number, '')) AS facts,
           ARRAY[o.id] AS entry_ids
      FROM judged o
""")  # noqa: S608 - constants of this package

_NOT_POSTED: Final = take(f"""
    SELECT o.stage, 'receipt_erp' AS leg, 'not_posted' AS reason, o.book, o.channel_id,
           NULL::bigint AS bank_account_id, o.reference, abs(o.amount_paise) AS amount_paise,
           o.business_date,
           jsonb_build_object('amount', o.amount_paise, 'due', d.due_on,
                              'until', %(posted_until)s::date) AS facts,
           ARRAY[o.id] AS entry_ids
      FROM open_entry o JOIN posting_due d USING (business_date)
     WHERE o.stage = 'erp' AND o.book = 'receipts' AND d.due_on <= %(posted_until)s
       AND o.reference NOT IN ({_CLARIFYING})
""")  # noqa: S608 - constants of this package

CLASSIFIERS: Final = (
    _UNKNOWN,
    _IN_CLARIFICATION,
    _SAME_REFERENCE,
    _POSTING_WITHOUT_RECEIPT,
    _NOT_POSTED,
)
