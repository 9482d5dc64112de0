"""Settlements, deposits and transfers against what the bank credited."""

from typing import Final

from reconciliation.matching.classifiers.finding import INTO_FOUND, take
from reconciliation.matching.passes.open_items import PIECES_OF

# Our books have undone a cheque and the bank has returned one of its number, and still no two fit.
_RETURN_DIFFERS: Final = take("""
    WITH undone AS (
        SELECT channel_id, upper(instrument) AS word, sum(amount_paise)::bigint AS left_paise,
               count(*) AS receipts, min(reference) AS receipt, min(business_date) AS undone_on,
               array_agg(id ORDER BY id) AS entry_ids
          FROM open_entry
         WHERE stage = 'bank' AND book = 'receipts' AND instrument <> ''
           AND kind IN ('reversal', 'cheque_return') AND amount_paise < 0
         GROUP BY channel_id, upper(instrument)
    ), debit AS (
        SELECT DISTINCT ON (b.id) b.id, u.channel_id, u.word, b.amount_paise, b.bank_account_id,
               b.business_date
          FROM undone u
          JOIN bank_word w USING (word)
          JOIN open_entry b ON b.id = w.entry_id AND b.stage = 'bank' AND b.book = 'bank'
           AND b.kind = 'cheque_return'
         ORDER BY b.id, u.word, u.channel_id
    ), returned AS (
        SELECT channel_id, word, sum(amount_paise)::bigint AS right_paise, count(*) AS lines,
               max(bank_account_id) AS bank_account_id, min(business_date) AS returned_on,
               array_agg(id ORDER BY id) AS debit_ids
          FROM debit GROUP BY channel_id, word
    ), judged AS (
        SELECT u.*, r.right_paise, r.lines, r.bank_account_id, r.returned_on, r.debit_ids,
               CASE WHEN u.receipts > 1 OR r.lines > 1 THEN 'ambiguous' ELSE 'amount_differs' END
                 AS reason
          FROM undone u JOIN returned r USING (channel_id, word)
    )
    SELECT 'bank' AS stage, 'deposit_bank' AS leg, reason, 'bank' AS book, channel_id,
           bank_account_id, CASE reason WHEN 'ambiguous' THEN word ELSE receipt END AS reference,
           CASE reason WHEN 'ambiguous' THEN abs(left_paise)
                       ELSE abs(left_paise - right_paise) END AS amount_paise,
           least(undone_on, returned_on) AS business_date,
           jsonb_build_object('key', 'instrument', 'value', word, 'left', left_paise,
                              'right', right_paise, 'receipts', receipts, 'lines', lines) AS facts,
           entry_ids || debit_ids AS entry_ids
      FROM judged
""")

# Our books have undone what a slip carried, and the bank has not taken it back in time.
_NOT_TAKEN_BACK: Final = take("""
    SELECT o.stage, 'deposit_bank' AS leg, 'cheque_returned' AS reason, o.book, o.channel_id,
           NULL::bigint AS bank_account_id, min(o.reference) AS reference,
           abs(sum(o.amount_paise))::bigint AS amount_paise, o.business_date,
           jsonb_build_object('instrument', nullif(max(o.instrument), ''),
                              'amount', sum(o.amount_paise), 'receipts', count(*),
                              'undone', o.business_date, 'until', max(s.bank_until)) AS facts,
           array_agg(o.id ORDER BY o.id) AS entry_ids
      FROM open_entry o JOIN source s USING (channel_id)
     WHERE o.stage = 'bank' AND o.book = 'receipts' AND s.route = 'deposit'
       AND o.kind IN ('reversal', 'cheque_return') AND o.amount_paise < 0
       AND o.due_on <= s.bank_until
     GROUP BY o.stage, o.book, o.channel_id, o.business_date,
              coalesce(nullif(o.instrument, ''), o.reference)
""")

# A returned cheque names its receipt when one, and only one, has its number and amount.
_CHEQUE_RETURNED: Final = take("""
    WITH receipt AS (
        SELECT o.id, min(e.channel_id) AS channel_id, min(e.reference) AS reference,
               min(e.instrument) AS instrument
          FROM open_entry o
          JOIN bank_word w ON w.entry_id = o.id
          JOIN reconciliation_entry e ON e.book = 'receipts' AND e.kind = 'payment'
           AND e.instrument = w.word AND e.instrument <> '' AND e.amount_paise = -o.amount_paise
         WHERE o.stage = 'bank' AND o.book = 'bank' AND o.kind = 'cheque_return'
         GROUP BY o.id
        HAVING count(DISTINCT e.id) = 1
    )
    SELECT o.stage, 'deposit_bank' AS leg, 'cheque_returned' AS reason, o.book, r.channel_id,
           o.bank_account_id,
           coalesce(r.reference, nullif(o.instrument, ''), nullif(o.reference, ''),
                    left(e.narration, 60)) AS reference,
           abs(o.amount_paise) AS amount_paise, o.business_date,
           jsonb_build_object('instrument', coalesce(r.instrument, nullif(o.instrument, '')),
                              'amount', o.amount_paise, 'receipt', r.reference) AS facts,
           ARRAY[o.id] AS entry_ids
      FROM open_entry o
      JOIN reconciliation_entry e ON e.id = o.id
      LEFT JOIN receipt r ON r.id = o.id
     WHERE o.stage = 'bank' AND o.book = 'bank' AND o.kind = 'cheque_return'
""")

# The open lines of the payouts that ``judged`` names.
_LINES: Final = f"""
    SELECT j.channel_id, j.word, array_agg(line.id ORDER BY line.id) AS line_ids
      FROM judged j
      JOIN open_settlement s USING (channel_id, word) {PIECES_OF}
     CROSS JOIN LATERAL unnest(o.line_ids) AS line(id)
     GROUP BY 1, 2
"""  # noqa: S608 - constants of this package

# Settlements of one payout: those that share a UTR. Most often it is one.
_PAYOUT: Final = """
    SELECT channel_id, word, min(settlement) AS settlement, max(utr) AS utr,
           sum(net_paise)::bigint AS net_paise, sum(line_count) AS line_count,
           min(business_date) AS business_date, max(due_on) AS due_on
      FROM open_settlement WHERE settlement <> '' GROUP BY channel_id, word
"""

# A payout and the credits that name its UTR, when they did not match.
_SETTLEMENT_DIFFERS: Final = f"""
WITH payout AS ({_PAYOUT}), candidate AS (
    SELECT p.*, w.entry_id AS credit_id, b.amount_paise AS credit_paise, b.bank_account_id,
           b.business_date AS credited_on,
           count(*) OVER (PARTITION BY p.channel_id, p.word) AS credits,
           count(*) OVER (PARTITION BY w.entry_id) AS payouts
      FROM payout p
      JOIN bank_word w ON w.word = p.word
      JOIN open_entry b ON b.id = w.entry_id AND b.stage = 'bank' AND b.book = 'bank'
), grouped AS (
    SELECT channel_id, word, settlement, utr, net_paise, line_count, business_date,
           sum(credit_paise)::bigint AS credit_paise, max(bank_account_id) AS bank_account_id,
           min(credited_on) AS credited_on, max(credits) AS credits, max(payouts) AS payouts,
           array_agg(credit_id ORDER BY credit_id) AS credit_ids
      FROM candidate GROUP BY 1, 2, 3, 4, 5, 6, 7
), judged AS (
    SELECT *, CASE WHEN credits > 1 OR payouts > 1 THEN 'ambiguous'
                   WHEN credit_paise = net_paise THEN 'outside_rules'
                   WHEN credit_paise < net_paise THEN 'short_credit' ELSE 'excess_credit' END
           AS reason
      FROM grouped
), lines AS ({_LINES}), stored AS ({INTO_FOUND}
    SELECT 'bank', 'channel_bank', reason, 'bank', channel_id, bank_account_id, settlement,
           CASE WHEN reason IN ('ambiguous', 'outside_rules') THEN abs(net_paise)
                ELSE abs(net_paise - credit_paise) END,
           business_date,
           jsonb_strip_nulls(jsonb_build_object(
               'ours_on', CASE reason WHEN 'outside_rules' THEN business_date END,
               'theirs_on', CASE reason WHEN 'outside_rules' THEN credited_on END,
               'settlement', settlement, 'utr', nullif(utr, ''), 'net', net_paise,
               'credit', credit_paise, 'lines', line_count, 'credits', credits,
               'payouts', payouts)),
           line_ids || credit_ids
      FROM judged JOIN lines USING (channel_id, word)
), settled AS (
    DELETE FROM open_settlement s USING judged j
     WHERE s.channel_id = j.channel_id AND s.word = j.word
)
DELETE FROM open_entry o USING (SELECT unnest(credit_ids) AS id FROM judged) AS j
 WHERE o.stage = 'bank' AND o.id = j.id
"""  # noqa: S608 - constants of this package

_SETTLED_NOT_CREDITED: Final = f"""
WITH payout AS ({_PAYOUT}), judged AS (
    SELECT p.*, s.bank_until FROM payout p JOIN source s USING (channel_id)
     WHERE p.net_paise > 0 AND p.due_on <= s.bank_until
), lines AS ({_LINES}), stored AS ({INTO_FOUND}
    SELECT 'bank', 'channel_bank', 'settled_not_credited', 'channel', channel_id, NULL, settlement,
           net_paise, business_date,
           jsonb_strip_nulls(jsonb_build_object(
               'settlement', settlement, 'utr', nullif(utr, ''), 'net', net_paise,
               'lines', line_count, 'due', due_on, 'until', bank_until)),
           line_ids
      FROM judged JOIN lines USING (channel_id, word)
)
DELETE FROM open_settlement s USING judged j WHERE s.channel_id = j.channel_id AND s.word = j.word
"""  # noqa: S608 - constants of this package


def _same_word(key: str, *, differs: str) -> str:
    """Receipts that share a slip or UTR, and the credits that name it, when they did not match."""
    leg = "deposit_bank" if key == "deposit_ref" else "transfer_bank"
    return f"""
WITH grouped AS (
    SELECT min(channel_id) AS channel_id, upper({key}) AS word, min({key}) AS key,
           sum(amount_paise)::bigint AS left_paise, count(*) AS receipts,
           min(reference) AS receipt, max(business_date) AS received_on,
           array_agg(id ORDER BY id) AS entry_ids
      FROM open_entry
     WHERE stage = 'bank' AND book = 'receipts' AND {key} <> ''
     GROUP BY upper({key})
), candidate AS (
    SELECT g.word, w.entry_id AS credit_id, b.amount_paise, b.bank_account_id, b.business_date,
           count(*) OVER (PARTITION BY w.entry_id) AS groups
      FROM grouped g
      JOIN bank_word w ON w.word = g.word
      JOIN open_entry b ON b.id = w.entry_id AND b.stage = 'bank' AND b.book = 'bank'
), credited AS (
    SELECT word, sum(amount_paise)::bigint AS right_paise, count(*) AS credits,
           max(groups) AS groups, max(bank_account_id) AS bank_account_id,
           min(business_date) AS credited_on, array_agg(credit_id ORDER BY credit_id) AS credit_ids
      FROM candidate GROUP BY word
), judged AS (
    SELECT g.*, c.right_paise, c.credits, c.groups, c.bank_account_id, c.credited_on, c.credit_ids,
           CASE WHEN c.credits > 1 OR c.groups > 1 THEN 'ambiguous'
                WHEN g.left_paise = c.right_paise THEN 'outside_rules'
                ELSE '{differs}' END AS reason
      FROM grouped g JOIN credited c USING (word)
), stored AS ({INTO_FOUND}
    SELECT 'bank', '{leg}', reason, 'bank', channel_id, bank_account_id,
           CASE WHEN reason = 'amount_differs' THEN receipt ELSE key END,
           CASE WHEN reason IN ('ambiguous', 'outside_rules') THEN abs(left_paise)
                ELSE abs(left_paise - right_paise) END,
           least(received_on, credited_on),
           jsonb_strip_nulls(jsonb_build_object(
                              'ours_on', CASE reason WHEN 'outside_rules' THEN received_on END,
                              'theirs_on', CASE reason WHEN 'outside_rules' THEN credited_on END,
                              'key', '{key}', 'value', key, 'left', left_paise,
                              'right', right_paise, 'receipts', receipts, 'lines', credits,
                              'groups', groups)),
           entry_ids || credit_ids
      FROM judged
)
DELETE FROM open_entry o
 USING (SELECT unnest(entry_ids || credit_ids) AS id FROM judged) AS j
 WHERE o.stage = 'bank' AND o.id = j.id
"""  # noqa: S608 - the key is one of our column names


# A slip is due with its own day, not with the day of its receipts; what is on no slip by the next
# working day should have been carried.
_DEPOSIT_MISSING: Final = take("""
    SELECT o.stage, 'deposit_bank' AS leg, 'deposit_missing' AS reason, o.book, o.channel_id,
           NULL::bigint AS bank_account_id,
           coalesce(nullif(o.deposit_ref, ''), 'not deposited ' || o.business_date) AS reference,
           abs(sum(o.amount_paise))::bigint AS amount_paise, max(o.business_date) AS business_date,
           jsonb_build_object('slip', nullif(o.deposit_ref, ''), 'receipts', count(*),
                              'due', max(CASE WHEN o.deposit_ref = '' THEN c.last_on
                                              ELSE coalesce(d.due_on, o.due_on) END),
                              'until', max(s.bank_until)) AS facts,
           array_agg(o.id ORDER BY o.id) AS entry_ids
      FROM open_entry o
      JOIN source s USING (channel_id)
      LEFT JOIN slip_due d ON d.deposit_ref = o.deposit_ref
      LEFT JOIN carried_by c ON c.business_date = o.business_date
     WHERE o.stage = 'bank' AND o.book = 'receipts' AND s.route = 'deposit'
       AND (o.kind NOT IN ('reversal', 'cheque_return') OR o.amount_paise > 0)
       AND CASE WHEN o.deposit_ref = '' THEN c.last_on <= s.bank_until
                ELSE greatest(d.due_on, o.due_on) <= s.bank_until END
     GROUP BY o.stage, o.book, o.channel_id, o.deposit_ref,
              CASE WHEN o.deposit_ref = '' THEN o.business_date END,
              coalesce(nullif(o.deposit_ref, ''), 'not deposited ' || o.business_date)
""")

_TRANSFER_MISSING: Final = take("""
    SELECT o.stage, 'transfer_bank' AS leg, 'missing_in_channel' AS reason, o.book, o.channel_id,
           NULL::bigint AS bank_account_id, o.reference, abs(o.amount_paise) AS amount_paise,
           o.business_date,
           jsonb_build_object('amount', o.amount_paise, 'due', o.due_on, 'until', s.bank_until,
                              'utr', nullif(o.utr, '')) AS facts,
           ARRAY[o.id] AS entry_ids
      FROM open_entry o JOIN source s USING (channel_id)
     WHERE o.stage = 'bank' AND o.book = 'receipts' AND s.route = 'transfer'
       AND o.due_on <= s.bank_until
""")

# A credit that nothing of ours explains. It is a duplicate when it names what another credit has
# paid already; a settlement's credit is expected until the channel's report of its day is here.
_CREDIT_WITHOUT_RECEIPT: Final = take("""
    WITH credit AS MATERIALIZED (
        SELECT o.*, left(e.narration, 140) AS narration
          FROM open_entry o
          JOIN reconciliation_entry e ON e.id = o.id
          LEFT JOIN source s ON s.channel_id = o.channel_id
         WHERE o.stage = 'bank' AND o.book = 'bank'
           AND NOT (o.kind = 'settlement' AND o.channel_id IS NOT NULL
                    AND coalesce(s.credit_until < o.business_date, true))
    ), named AS MATERIALIZED (
        SELECT c.id, w.word FROM credit c JOIN bank_word w ON w.entry_id = c.id
         WHERE c.amount_paise > 0
    ), paid_word AS MATERIALIZED (
        SELECT upper(deposit_ref) AS word FROM known_slip
        UNION
        SELECT w.word FROM (SELECT DISTINCT word FROM named WHERE word <> '') AS w
         WHERE EXISTS (
             SELECT FROM reconciliation_entry e
               JOIN reconciliation_matchline l
                 ON l.entry_id = e.id AND l.stage = 'bank' AND l.is_live
              WHERE e.in_bank_stage AND e.utr <> '' AND e.utr IN (w.word, lower(w.word))
                AND e.source_key NOT LIKE 'undone:%%'
                -- what was taken back has been paid by nobody
                AND NOT EXISTS (SELECT FROM reconciliation_entry r
                                 WHERE e.book = 'receipts' AND r.book = 'receipts'
                                   AND r.source_key = 'reversal:' || e.reference))
    ), paid_already AS (
        SELECT n.id AS entry_id, min(n.word) AS word
          FROM named n JOIN paid_word p USING (word) GROUP BY n.id
    )
    SELECT o.stage,
           CASE o.kind WHEN 'settlement' THEN 'channel_bank' WHEN 'deposit' THEN 'deposit_bank'
                       ELSE 'transfer_bank' END AS leg,
           CASE WHEN p.entry_id IS NOT NULL THEN 'duplicate'
                WHEN o.kind = 'settlement' THEN 'credited_not_settled'
                WHEN o.consumer_number <> '' THEN 'missing_in_books'
                ELSE 'unidentified_credit' END AS reason,
           o.book, o.channel_id, o.bank_account_id,
           coalesce(p.word, nullif(o.utr, ''), nullif(o.rrn, ''), nullif(o.reference, ''),
                    nullif(o.channel_ref, ''), nullif(left(o.narration, 60), ''),
                    'line ' || o.id) AS reference,
           abs(o.amount_paise) AS amount_paise, o.business_date,
           jsonb_build_object('amount', o.amount_paise, 'kind', o.kind,
                              'consumer', nullif(o.consumer_number, ''),
                              'utr', coalesce(p.word, nullif(o.utr, '')),
                              'narration', nullif(o.narration, '')) AS facts,
           ARRAY[o.id] AS entry_ids
      FROM credit o LEFT JOIN paid_already p ON p.entry_id = o.id
""")

CLASSIFIERS: Final = (
    _RETURN_DIFFERS,
    _CHEQUE_RETURNED,
    _NOT_TAKEN_BACK,
    _SETTLEMENT_DIFFERS,
    _SETTLED_NOT_CREDITED,
    _same_word("deposit_ref", differs="deposit_differs"),
    _same_word("utr", differs="amount_differs"),
    _same_word("rrn", differs="amount_differs"),
    _DEPOSIT_MISSING,
    _TRANSFER_MISSING,
    _CREDIT_WITHOUT_RECEIPT,
)
