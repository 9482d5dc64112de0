"""Receipts against the lines of their channel."""

from typing import Final

from reconciliation.matching.classifiers.finding import PAID_ON, take
from reconciliation.matching.passes.statement import LISTED

# Lines that are breaks by what they are.
_BY_KIND: Final = take(f"""
    SELECT o.stage, 'receipt_channel' AS leg,
           CASE o.kind WHEN 'unknown' THEN 'unknown_code' ELSE 'chargeback' END AS reason,
           o.book, o.channel_id, o.bank_account_id, o.channel_ref AS reference,
           abs(o.amount_paise) AS amount_paise, {PAID_ON} AS business_date,
           jsonb_build_object('code', o.code, 'amount', o.amount_paise,
                              'original', nullif(o.original_ref, '')) AS facts,
           ARRAY[o.id] AS entry_ids
      FROM open_entry o
     WHERE o.stage = 'channel' AND o.book = 'channel' AND o.kind IN ('unknown', 'chargeback')
""")  # noqa: S608 - constants of this package


# A receipt that knows no id of the channel belongs to the rows of one id that its reference or RRN
# names, when the channel lists them twice: it is not missing there.
_ADOPTED: Final = """
    WITH twice AS (
        SELECT channel_id, kind = 'refund' AS is_refund, channel_ref
          FROM open_entry
         WHERE stage = 'channel' AND channel_ref <> '' AND kind IN ('payment', 'repeated', 'refund')
         GROUP BY 1, 2, 3
        HAVING count(*) > 1 AND bool_and(book = 'channel')
    ), line AS (
        SELECT o.channel_id, t.is_refund, o.channel_ref, o.rrn, o.reference
          FROM twice t
          JOIN open_entry o ON o.channel_id = t.channel_id AND o.channel_ref = t.channel_ref
           AND (o.kind = 'refund') = t.is_refund AND o.stage = 'channel'
           AND o.kind IN ('payment', 'repeated', 'refund')
    ), named AS (
        SELECT r.id, l.channel_id, l.is_refund, l.channel_ref
          FROM open_entry r
          JOIN line l ON l.channel_id = r.channel_id AND l.rrn = r.rrn
           AND l.is_refund = (r.kind = 'refund')
         WHERE r.stage = 'channel' AND r.book = 'receipts' AND r.channel_ref = '' AND r.rrn <> ''
           AND r.kind IN ('payment', 'refund')
        UNION
        SELECT r.id, l.channel_id, l.is_refund, l.channel_ref
          FROM open_entry r
          JOIN line l ON l.channel_id = r.channel_id AND l.reference = r.reference
           AND l.is_refund = (r.kind = 'refund')
         WHERE r.stage = 'channel' AND r.book = 'receipts' AND r.channel_ref = ''
           AND r.reference <> '' AND r.kind IN ('payment', 'refund')
    ), of_one AS (
        SELECT id, min(channel_id) AS channel_id, bool_or(is_refund) AS is_refund,
               min(channel_ref) AS channel_ref
          FROM named GROUP BY id HAVING count(*) = 1
    ), adopted AS (
        SELECT min(id) AS id, channel_ref
          FROM of_one GROUP BY channel_id, is_refund, channel_ref HAVING count(*) = 1
    )
"""


def _same_key(key: str, *, is_identity: bool) -> str:
    """Receipts and lines that share a key and still did not match: they differ, or are too many.

    Only the channel's own id is an identity. By a weaker key a receipt and a line are compared only
    as long as one of them lacks that id: two different ids are two different payments.
    """
    repeated_lines = "lines > 1" if is_identity else "false"
    unless = "" if is_identity else "AND NOT (receipts_have_id AND lines_have_id)"
    before, also = "", ""
    value = f"o.{key}"
    if is_identity:
        before, also = _ADOPTED, "LEFT JOIN adopted a ON a.id = o.id AND o.stage = 'channel'"
        value = "coalesce(a.channel_ref, o.channel_ref)"
    return take(f"""{before}
    SELECT stage, 'receipt_channel' AS leg, reason, 'channel' AS book, channel_id,
           NULL::bigint AS bank_account_id,
           CASE WHEN reason = 'amount_differs' THEN receipt ELSE key END AS reference,
           CASE reason WHEN 'amount_differs' THEN abs(left_paise - right_paise)
                       WHEN 'duplicate' THEN abs(CASE WHEN repeats > 0 THEN repeated_paise
                                                 WHEN receipts > 0 THEN right_paise - left_paise
                                                 ELSE right_paise - one_paise END)
                       ELSE abs(right_paise) END AS amount_paise,
           business_date,
           jsonb_build_object('key', '{key}', 'value', key, 'left', left_paise,
                              'right', right_paise, 'receipts', receipts, 'lines', lines,
                              'repeats', repeats,
                              'ours_on', CASE reason WHEN 'outside_rules' THEN ours_on END,
                              'theirs_on', CASE reason WHEN 'outside_rules' THEN theirs_on END)
             AS facts,
           entry_ids
      FROM (
        SELECT *, CASE WHEN repeats > 0 OR {repeated_lines} THEN 'duplicate'
                       WHEN receipts = 1 AND lines = 1 AND left_paise = right_paise
                       THEN 'outside_rules'
                       WHEN receipts = 1 AND lines = 1 THEN 'amount_differs'
                       ELSE 'ambiguous' END AS reason
          FROM (
            SELECT o.stage, o.channel_id, {value} AS key,
                   min(o.reference) FILTER (WHERE o.book = 'receipts') AS receipt,
                   count(*) FILTER (WHERE o.book = 'receipts') AS receipts,
                   count(*) FILTER (WHERE o.book = 'channel') AS lines,
                   count(*) FILTER (WHERE o.kind = 'repeated') AS repeats,
                   bool_or(o.book = 'receipts' AND o.channel_ref <> '') AS receipts_have_id,
                   bool_or(o.book = 'channel' AND o.channel_ref <> '') AS lines_have_id,
                   coalesce(sum(o.amount_paise) FILTER (WHERE o.book = 'receipts'), 0)::bigint
                     AS left_paise,
                   coalesce(sum(o.amount_paise) FILTER (WHERE o.book = 'channel'), 0)::bigint
                     AS right_paise,
                   coalesce(max(o.amount_paise) FILTER (WHERE o.kind = 'repeated'), 0)
                     AS repeated_paise,
                   max(abs(o.amount_paise)) AS one_paise,
                   min(o.business_date) FILTER (WHERE o.book = 'receipts') AS ours_on,
                   min(o.business_date) FILTER (WHERE o.book = 'channel') AS theirs_on,
                   min({PAID_ON}) AS business_date, array_agg(o.id ORDER BY o.id) AS entry_ids
              FROM open_entry o {also}
             WHERE o.stage = 'channel' AND {value} <> ''
               AND o.kind IN ('payment', 'repeated', 'refund')
             GROUP BY o.stage, o.channel_id, (o.kind = 'refund'), {value}
          ) AS by_key
         WHERE ((receipts > 0 AND lines > 0) OR ({repeated_lines})) {unless}
      ) AS judged
""")  # noqa: S608 - the key is one of our column names


# A second success for one order is known as such before any report lists it.
_REPEATED: Final = take("""
    SELECT o.stage, 'receipt_channel' AS leg, 'duplicate' AS reason, o.book, o.channel_id,
           o.bank_account_id, coalesce(nullif(o.channel_ref, ''), o.reference) AS reference,
           o.amount_paise, o.business_date,
           jsonb_build_object('value', coalesce(nullif(o.channel_ref, ''), o.reference),
                              'repeats', 1) AS facts,
           ARRAY[o.id] AS entry_ids
      FROM open_entry o
     WHERE o.stage = 'channel' AND o.book = 'receipts' AND o.kind = 'repeated'
""")

# A paid line that found no receipt: is it listed elsewhere, its order paid, or held as failed?
_LINE_WITHOUT_RECEIPT: Final = take(f"""
    WITH line AS MATERIALIZED (
        SELECT o.*, regexp_replace(e.source_key, '[#@].*$', '') AS first_key
          FROM open_entry o JOIN reconciliation_entry e ON e.id = o.id
         WHERE o.stage = 'channel' AND o.book = 'channel'
    ), listed AS (
        SELECT line.id, min(e.source_key) AS source_key
          FROM line
         CROSS JOIN LATERAL ({LISTED.format(key="line.first_key")}) AS e
         WHERE e.id <> line.id
         GROUP BY line.id
    ), held AS MATERIALIZED (  -- by the payments' own indexes: no scan of the books
        SELECT e.id, e.channel_id, e.kind, e.channel_ref, e.order_ref, e.reference
          FROM (SELECT p.reference FROM payments_payment p
                  JOIN line USING (channel_id, channel_ref)
                 WHERE line.channel_ref <> ''
                UNION
                SELECT p.reference FROM payments_payment p
                 WHERE p.order_ref IN (SELECT order_ref FROM line WHERE order_ref <> '')
                   AND p.order_ref <> ''
                UNION
                SELECT reference FROM line WHERE reference <> '') AS named
         CROSS JOIN LATERAL (VALUES ('payment:' || named.reference),
                                    ('failed:' || named.reference)) AS told(source_key)
          JOIN reconciliation_entry e
            ON e.book = 'receipts' AND e.source_key = told.source_key
         WHERE e.kind IN ('failed', 'payment', 'repeated')
    ), failed AS (
        SELECT line.id, min(h.reference) AS reference
          FROM line JOIN held h ON h.channel_id = line.channel_id AND h.kind = 'failed'
           AND (h.channel_ref = line.channel_ref AND h.channel_ref <> ''
             OR h.channel_ref = '' AND h.reference = line.reference AND h.reference <> '')
         GROUP BY line.id
    ), paid AS (
        SELECT line.id, min(h.reference) AS reference
          FROM line JOIN held h ON h.channel_id = line.channel_id AND h.kind <> 'failed'
           AND (h.order_ref = line.order_ref AND h.order_ref <> ''
             OR h.reference = line.reference AND h.reference <> '')
         GROUP BY line.id
    )
    SELECT o.stage, 'receipt_channel' AS leg,
           CASE WHEN o.kind = 'refund' THEN 'refund_unmatched'
                WHEN listed.id IS NOT NULL OR paid.id IS NOT NULL THEN 'duplicate'
                WHEN failed.id IS NOT NULL THEN 'status_differs'
                ELSE 'missing_in_books' END AS reason,
           o.book, o.channel_id, o.bank_account_id,
           CASE WHEN o.kind <> 'refund' AND failed.id IS NOT NULL AND paid.id IS NULL
                 AND listed.id IS NULL
                THEN failed.reference ELSE o.channel_ref END AS reference,
           abs(o.amount_paise) AS amount_paise, {PAID_ON} AS business_date,
           jsonb_build_object('amount', o.amount_paise, 'line', o.channel_ref,
                              'failed', failed.reference, 'paid', paid.reference,
                              'original', nullif(o.original_ref, ''),
                              'listed', listed.source_key) AS facts,
           ARRAY[o.id] AS entry_ids
      FROM line o
      LEFT JOIN listed USING (id)
      LEFT JOIN failed USING (id)
      LEFT JOIN paid USING (id)
""")  # noqa: S608 - constants of this package

_RECEIPT_WITHOUT_LINE: Final = take("""
    SELECT o.stage, 'receipt_channel' AS leg, 'missing_in_channel' AS reason, o.book, o.channel_id,
           o.bank_account_id, o.reference, abs(o.amount_paise) AS amount_paise, o.business_date,
           jsonb_build_object('amount', o.amount_paise, 'due', o.due_on, 'until', s.channel_until,
                              'line', nullif(o.channel_ref, '')) AS facts,
           ARRAY[o.id] AS entry_ids
      FROM open_entry o JOIN source s USING (channel_id)
     WHERE o.stage = 'channel' AND o.book = 'receipts' AND o.due_on <= s.channel_until
""")

CLASSIFIERS: Final = (
    _BY_KIND,
    _same_key("channel_ref", is_identity=True),
    _same_key("reference", is_identity=False),
    _same_key("rrn", is_identity=False),
    _REPEATED,
    _LINE_WITHOUT_RECEIPT,
    _RECEIPT_WITHOUT_LINE,
)
