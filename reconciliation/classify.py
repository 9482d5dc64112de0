"""What a finished set of passes could not explain: breaks with their reason, the rest expected.

Each statement takes what it can name out of the open tables, so the order of CLASSIFIERS is the
order of precedence, and at its end nothing is left: an entry is a break or it is expected.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import connection
from django.db.models import Max

from channels_.models import Channel, FeeRate, StatementFile
from reconciliation.models import Run


@dataclass(frozen=True, slots=True)
class Coverage:
    """Until when each source has spoken: the last day its loaded files cover."""

    channels: dict[int, date]
    accounts: dict[int, date]


def coverage() -> Coverage:
    """Read it from the loaded files."""
    loaded = StatementFile.objects.filter(state=StatementFile.State.LOADED, covers_to__isnull=False)
    channels = (
        loaded.filter(channel__isnull=False).values_list("channel_id").annotate(Max("covers_to"))
    )
    accounts = (
        loaded.filter(bank_account__isnull=False)
        .values_list("bank_account_id")
        .annotate(Max("covers_to"))
    )
    return Coverage(channels=dict(channels), accounts=dict(accounts))


def classify(run: Run) -> None:
    """Fill ``found_break`` and the run's ``Expected`` rows from the open tables."""
    with connection.cursor() as cursor:
        _tell_sources(coverage())
        for sql in CLASSIFIERS:
            cursor.execute(sql, {"run": run.pk, "day": run.business_date})


def _tell_sources(covered: Coverage) -> None:
    """Two small temporary tables: until when each channel and its bank have spoken, and the rate cards."""
    latest = max(covered.accounts.values(), default=None)
    sources = [
        (
            channel.pk,
            channel.route,
            covered.channels.get(channel.pk),
            covered.accounts.get(channel.bank_account_id) if channel.bank_account_id else latest,
        )
        for channel in Channel.objects.all()
    ]
    rates = FeeRate.objects.values_list(
        "channel_id", "method", "network", "percent", "flat_paise", "tax_percent", "valid_from"
    )
    with connection.cursor() as cursor:
        cursor.execute(_SOURCE_TABLES)
        cursor.executemany("INSERT INTO source VALUES (%s, %s, %s, %s)", sources)
        cursor.executemany("INSERT INTO fee_rate VALUES (%s, %s, %s, %s, %s, %s, %s)", list(rates))


_SOURCE_TABLES: Final = """
DROP TABLE IF EXISTS source, fee_rate;
CREATE TEMP TABLE source (channel_id bigint PRIMARY KEY, route text, channel_until date, bank_until date) ON COMMIT DROP;
CREATE TEMP TABLE fee_rate (channel_id bigint, method text, network text, percent numeric, flat_paise bigint,
                            tax_percent numeric, valid_from date) ON COMMIT DROP;
"""


def _take(found: str) -> str:
    """A statement that stores what ``found`` selects and takes its entries out of the open table."""
    return f"""
WITH found AS ({found}), stored AS (
    INSERT INTO found_break (stage, leg, reason, book, channel_id, bank_account_id, reference, amount_paise,
                             business_date, facts, entry_ids)
    SELECT stage, leg, reason, book, channel_id, bank_account_id, reference, amount_paise, business_date,
           jsonb_strip_nulls(facts), entry_ids
      FROM found
)
DELETE FROM open_entry o USING (SELECT stage, unnest(entry_ids) AS id FROM found) AS f
 WHERE o.id = f.id AND o.stage = f.stage
"""  # noqa: S608 - constants of this module


# Lines that are breaks by what they are.
_BY_KIND: Final = _take("""
    SELECT stage, 'receipt_channel' AS leg,
           CASE kind WHEN 'unknown' THEN 'unknown_code' ELSE 'chargeback' END AS reason,
           book, channel_id, bank_account_id, channel_ref AS reference, abs(amount_paise) AS amount_paise,
           business_date, jsonb_build_object('code', code, 'amount', amount_paise, 'original', original_ref) AS facts,
           ARRAY[id] AS entry_ids
      FROM open_entry
     WHERE stage = 'channel' AND book = 'channel' AND kind IN ('unknown', 'chargeback')
""")


def _same_key(key: str, *, is_identity: bool) -> str:
    """Receipts and lines that share a key and still did not match: they differ, or are too many."""
    repeated_lines = "lines > 1" if is_identity else "false"
    return _take(f"""
    SELECT stage, 'receipt_channel' AS leg, reason, 'channel' AS book, channel_id, NULL::bigint AS bank_account_id,
           CASE WHEN reason = 'amount_differs' THEN receipt ELSE key END AS reference,
           CASE reason WHEN 'amount_differs' THEN abs(left_paise - right_paise)
                       WHEN 'duplicate' THEN abs(CASE WHEN repeats > 0 THEN repeated_paise
                                                 WHEN receipts > 0 THEN right_paise - left_paise
                                                 ELSE right_paise - one_paise END)
                       ELSE abs(right_paise) END AS amount_paise,
           business_date,
           jsonb_build_object('key', '{key}', 'value', key, 'left', left_paise, 'right', right_paise,
                              'receipts', receipts, 'lines', lines, 'repeats', repeats) AS facts,
           entry_ids
      FROM (
        SELECT *, CASE WHEN repeats > 0 OR {repeated_lines} THEN 'duplicate'
                       WHEN receipts = 1 AND lines = 1 THEN 'amount_differs'
                       ELSE 'ambiguous' END AS reason
          FROM (
            SELECT stage, channel_id, {key} AS key, min(reference) FILTER (WHERE book = 'receipts') AS receipt,
                   count(*) FILTER (WHERE book = 'receipts') AS receipts,
                   count(*) FILTER (WHERE book = 'channel') AS lines,
                   count(*) FILTER (WHERE kind = 'repeated') AS repeats,
                   coalesce(sum(amount_paise) FILTER (WHERE book = 'receipts'), 0)::bigint AS left_paise,
                   coalesce(sum(amount_paise) FILTER (WHERE book = 'channel'), 0)::bigint AS right_paise,
                   coalesce(max(amount_paise) FILTER (WHERE kind = 'repeated'), 0) AS repeated_paise,
                   max(abs(amount_paise)) AS one_paise,
                   max(business_date) AS business_date, array_agg(id ORDER BY id) AS entry_ids
              FROM open_entry
             WHERE stage = 'channel' AND {key} <> '' AND kind IN ('payment', 'repeated', 'refund')
             GROUP BY stage, channel_id, (kind = 'refund'), {key}
          ) AS by_key
         WHERE (receipts > 0 AND lines > 0) OR ({repeated_lines})
      ) AS judged
""")  # noqa: S608 - the key is one of our column names


# A paid line of the channel that found no receipt: do we hold it as failed, or its order as paid?
_LINE_WITHOUT_RECEIPT: Final = _take("""
    SELECT o.stage, 'receipt_channel' AS leg,
           CASE WHEN o.kind = 'refund' THEN 'refund_unmatched'
                WHEN listed.id IS NOT NULL OR paid.reference IS NOT NULL THEN 'duplicate'
                WHEN failed.reference IS NOT NULL THEN 'status_differs'
                ELSE 'missing_in_books' END AS reason,
           o.book, o.channel_id, o.bank_account_id,
           CASE WHEN o.kind <> 'refund' AND failed.reference IS NOT NULL AND paid.reference IS NULL
                THEN failed.reference ELSE o.channel_ref END AS reference,
           abs(o.amount_paise) AS amount_paise, o.business_date,
           jsonb_build_object('amount', o.amount_paise, 'line', o.channel_ref, 'failed', failed.reference,
                              'paid', paid.reference, 'original', nullif(o.original_ref, ''),
                              'listed', listed.source_key) AS facts,
           ARRAY[o.id] AS entry_ids
      FROM open_entry o
      LEFT JOIN LATERAL (
           SELECT e.id, e.source_key FROM reconciliation_entry e
             JOIN reconciliation_entry me ON me.id = o.id
            WHERE e.book = 'channel' AND e.source_key = split_part(me.source_key, '#', 1) AND e.id <> o.id
            LIMIT 1) AS listed ON true
      LEFT JOIN (
           SELECT DISTINCT ON (channel_id, channel_ref) channel_id, channel_ref, reference
             FROM reconciliation_entry
            WHERE book = 'receipts' AND kind = 'failed' AND channel_ref <> ''
              AND channel_ref IN (SELECT channel_ref FROM open_entry WHERE stage = 'channel' AND book = 'channel')
            ORDER BY channel_id, channel_ref, id) AS failed USING (channel_id, channel_ref)
      LEFT JOIN (
           SELECT DISTINCT ON (channel_id, order_ref) channel_id, order_ref, reference
             FROM reconciliation_entry
            WHERE book = 'receipts' AND kind IN ('payment', 'repeated') AND order_ref <> ''
              AND order_ref IN (SELECT order_ref FROM open_entry WHERE stage = 'channel' AND book = 'channel')
            ORDER BY channel_id, order_ref, id) AS paid ON paid.channel_id = o.channel_id AND paid.order_ref = o.order_ref
     WHERE o.stage = 'channel' AND o.book = 'channel'
""")

_RECEIPT_WITHOUT_LINE: Final = _take("""
    SELECT o.stage, 'receipt_channel' AS leg, 'missing_in_channel' AS reason, o.book, o.channel_id, o.bank_account_id,
           o.reference, abs(o.amount_paise) AS amount_paise, o.business_date,
           jsonb_build_object('amount', o.amount_paise, 'due', o.due_on, 'until', s.channel_until,
                              'line', nullif(o.channel_ref, '')) AS facts,
           ARRAY[o.id] AS entry_ids
      FROM open_entry o JOIN source s USING (channel_id)
     WHERE o.stage = 'channel' AND o.book = 'receipts' AND o.due_on <= s.channel_until
""")

_CHEQUE_RETURNED: Final = _take("""
    SELECT o.stage, 'deposit_bank' AS leg, 'cheque_returned' AS reason, o.book, r.channel_id, o.bank_account_id,
           coalesce(r.reference, nullif(o.instrument, ''), o.reference) AS reference, abs(o.amount_paise) AS amount_paise,
           o.business_date,
           jsonb_build_object('instrument', coalesce(r.instrument, nullif(o.instrument, '')), 'amount', o.amount_paise,
                              'receipt', r.reference) AS facts,
           ARRAY[o.id] AS entry_ids
      FROM open_entry o
      LEFT JOIN LATERAL (
           SELECT e.channel_id, e.reference, e.instrument
             FROM reconciliation_entry e JOIN bank_word w ON w.word = e.instrument
            WHERE w.entry_id = o.id AND e.book = 'receipts' AND e.kind = 'payment' AND e.instrument <> ''
              AND e.amount_paise = -o.amount_paise
            ORDER BY e.business_date DESC, e.id LIMIT 1) AS r ON true
     WHERE o.stage = 'bank' AND o.book = 'bank' AND o.kind = 'cheque_return'
""")

# A settlement and the credits that name its UTR, when they did not match.
_SETTLEMENT_DIFFERS: Final = """
WITH candidate AS (
    SELECT s.*, w.entry_id AS credit_id, b.amount_paise AS credit_paise, b.bank_account_id, b.business_date AS credited_on,
           count(*) OVER (PARTITION BY s.channel_id, s.settlement) AS credits,
           count(*) OVER (PARTITION BY w.entry_id) AS settlements
      FROM open_settlement s
      JOIN bank_word w ON w.word = upper(s.utr)
      JOIN open_entry b ON b.id = w.entry_id AND b.stage = 'bank' AND b.book = 'bank'
), grouped AS (
    SELECT channel_id, settlement, max(utr) AS utr, max(net_paise) AS net_paise, max(line_count) AS line_count,
           sum(credit_paise)::bigint AS credit_paise, max(bank_account_id) AS bank_account_id,
           max(greatest(business_date, credited_on)) AS business_date,
           max(credits) AS credits, max(settlements) AS settlements, array_agg(credit_id) AS credit_ids
      FROM candidate GROUP BY channel_id, settlement
), judged AS (
    SELECT *, CASE WHEN credits > 1 OR settlements > 1 THEN 'ambiguous'
                   WHEN credit_paise < net_paise THEN 'short_credit' ELSE 'excess_credit' END AS reason
      FROM grouped
), lines AS (
    SELECT j.channel_id, j.settlement, array_agg(e.id ORDER BY e.id) AS line_ids
      FROM judged j
      JOIN reconciliation_entry e ON e.book = 'channel' AND e.in_bank_stage AND e.channel_id = j.channel_id
       AND coalesce(nullif(e.settlement_ref, ''), e.utr) = j.settlement
     WHERE NOT EXISTS (SELECT FROM reconciliation_matchline l
                        WHERE l.entry_id = e.id AND l.stage = 'bank' AND l.is_live)
     GROUP BY 1, 2
), stored AS (
    INSERT INTO found_break
    SELECT 'bank', 'channel_bank', reason, 'bank', channel_id, bank_account_id, settlement,
           CASE reason WHEN 'ambiguous' THEN net_paise ELSE abs(net_paise - credit_paise) END, business_date,
           jsonb_build_object('settlement', settlement, 'utr', utr, 'net', net_paise, 'credit', credit_paise,
                              'lines', line_count, 'credits', credits),
           line_ids || CASE WHEN settlements > 1 THEN '{}' ELSE credit_ids END
      FROM judged JOIN lines USING (channel_id, settlement)
), settled AS (
    DELETE FROM open_settlement s USING judged j WHERE s.channel_id = j.channel_id AND s.settlement = j.settlement
)
DELETE FROM open_entry o USING judged j
 WHERE o.stage = 'bank' AND j.settlements = 1 AND o.id = ANY (j.credit_ids)
"""

_SETTLED_NOT_CREDITED: Final = """
WITH judged AS (
    SELECT o.* FROM open_settlement o JOIN source s USING (channel_id)
     WHERE o.settlement <> '' AND o.net_paise > 0 AND o.due_on <= s.bank_until
), lines AS (
    SELECT j.channel_id, j.settlement, array_agg(e.id ORDER BY e.id) AS line_ids
      FROM judged j
      JOIN reconciliation_entry e ON e.book = 'channel' AND e.in_bank_stage AND e.channel_id = j.channel_id
       AND coalesce(nullif(e.settlement_ref, ''), e.utr) = j.settlement
     WHERE NOT EXISTS (SELECT FROM reconciliation_matchline l
                        WHERE l.entry_id = e.id AND l.stage = 'bank' AND l.is_live)
     GROUP BY 1, 2
), stored AS (
    INSERT INTO found_break
    SELECT 'bank', 'channel_bank', 'settled_not_credited', 'channel', channel_id, NULL, settlement, net_paise, business_date,
           jsonb_build_object('settlement', settlement, 'utr', utr, 'net', net_paise, 'lines', line_count, 'due', due_on),
           line_ids
      FROM judged JOIN lines USING (channel_id, settlement)
)
DELETE FROM open_settlement s USING judged j WHERE s.channel_id = j.channel_id AND s.settlement = j.settlement
"""


def _same_word(key: str, *, differs: str) -> str:
    """Receipts that share a slip or UTR, and the credits that name it, when they did not match."""
    leg = "deposit_bank" if key == "deposit_ref" else "transfer_bank"
    return f"""
WITH grouped AS (
    SELECT channel_id, {key} AS key, sum(amount_paise)::bigint AS left_paise, count(*) AS receipts,
           min(reference) AS receipt, max(business_date) AS business_date, array_agg(id ORDER BY id) AS entry_ids
      FROM open_entry WHERE stage = 'bank' AND book = 'receipts' AND {key} <> '' GROUP BY channel_id, {key}
), candidate AS (
    SELECT g.channel_id, g.key, w.entry_id AS credit_id, b.amount_paise, b.bank_account_id, b.business_date,
           count(*) OVER (PARTITION BY w.entry_id) AS groups
      FROM grouped g
      JOIN bank_word w ON w.word = upper(g.key)
      JOIN open_entry b ON b.id = w.entry_id AND b.stage = 'bank' AND b.book = 'bank'
), judged AS (
    SELECT g.*, c.right_paise, c.credits, c.groups, c.bank_account_id, c.credited_on, c.credit_ids,
           CASE WHEN c.credits > 1 OR c.groups > 1 THEN 'ambiguous' ELSE '{differs}' END AS reason
      FROM grouped g
      JOIN (SELECT channel_id, key, sum(amount_paise)::bigint AS right_paise, count(*) AS credits,
                   max(groups) AS groups, max(bank_account_id) AS bank_account_id,
                   max(business_date) AS credited_on, array_agg(credit_id ORDER BY credit_id) AS credit_ids
              FROM candidate GROUP BY channel_id, key) AS c USING (channel_id, key)
), stored AS (
    INSERT INTO found_break
    SELECT 'bank', '{leg}', reason, 'bank', channel_id, bank_account_id,
           CASE WHEN reason = 'amount_differs' THEN receipt ELSE key END,
           CASE reason WHEN 'ambiguous' THEN abs(left_paise) ELSE abs(left_paise - right_paise) END,
           greatest(business_date, credited_on),
           jsonb_build_object('key', '{key}', 'value', key, 'left', left_paise, 'right', right_paise,
                              'receipts', receipts, 'lines', credits),
           entry_ids || CASE WHEN groups > 1 THEN '{{}}' ELSE credit_ids END
      FROM judged
)
DELETE FROM open_entry o USING judged j
 WHERE o.stage = 'bank' AND (o.id = ANY (j.entry_ids) OR (j.groups = 1 AND o.id = ANY (j.credit_ids)))
"""  # noqa: S608 - the key is one of our column names


_DEPOSIT_MISSING: Final = _take("""
    SELECT o.stage, 'deposit_bank' AS leg, 'deposit_missing' AS reason, o.book, o.channel_id,
           NULL::bigint AS bank_account_id,
           coalesce(nullif(o.deposit_ref, ''), 'not deposited ' || o.business_date) AS reference,
           sum(o.amount_paise)::bigint AS amount_paise, max(o.business_date) AS business_date,
           jsonb_build_object('slip', o.deposit_ref, 'receipts', count(*), 'due', max(o.due_on),
                              'until', max(s.bank_until)) AS facts,
           array_agg(o.id ORDER BY o.id) AS entry_ids
      FROM open_entry o JOIN source s USING (channel_id)
     WHERE o.stage = 'bank' AND o.book = 'receipts' AND s.route = 'deposit'
       AND CASE WHEN o.deposit_ref = '' THEN o.due_on < s.bank_until ELSE o.due_on <= s.bank_until END
     GROUP BY o.stage, o.book, o.channel_id, o.deposit_ref, CASE WHEN o.deposit_ref = '' THEN o.business_date END,
              coalesce(nullif(o.deposit_ref, ''), 'not deposited ' || o.business_date)
""")

_TRANSFER_MISSING: Final = _take("""
    SELECT o.stage, 'transfer_bank' AS leg, 'missing_in_channel' AS reason, o.book, o.channel_id,
           NULL::bigint AS bank_account_id, o.reference, abs(o.amount_paise) AS amount_paise, o.business_date,
           jsonb_build_object('amount', o.amount_paise, 'due', o.due_on, 'until', s.bank_until,
                              'utr', nullif(o.utr, '')) AS facts,
           ARRAY[o.id] AS entry_ids
      FROM open_entry o JOIN source s USING (channel_id)
     WHERE o.stage = 'bank' AND o.book = 'receipts' AND s.route = 'transfer' AND o.due_on <= s.bank_until
""")

_CREDIT_WITHOUT_RECEIPT: Final = _take("""
    SELECT o.stage, CASE o.kind WHEN 'settlement' THEN 'channel_bank' WHEN 'deposit' THEN 'deposit_bank'
                                ELSE 'transfer_bank' END AS leg,
           CASE WHEN twin.id IS NOT NULL THEN 'duplicate'
                WHEN o.kind = 'settlement' THEN 'credited_not_settled'
                WHEN o.consumer_number <> '' THEN 'missing_in_books'
                ELSE 'unidentified_credit' END AS reason,
           o.book, o.channel_id, o.bank_account_id,
           coalesce(nullif(o.utr, ''), nullif(o.rrn, ''), nullif(o.reference, ''), nullif(o.channel_ref, ''),
                    'line ' || o.id) AS reference,
           abs(o.amount_paise) AS amount_paise, o.business_date,
           jsonb_build_object('amount', o.amount_paise, 'kind', o.kind, 'consumer', nullif(o.consumer_number, ''),
                              'utr', nullif(o.utr, ''), 'until', s.channel_until) AS facts,
           ARRAY[o.id] AS entry_ids
      FROM open_entry o
      LEFT JOIN source s USING (channel_id)
      LEFT JOIN LATERAL (
           SELECT e.id FROM reconciliation_entry e
            WHERE e.book = 'bank' AND e.utr = o.utr AND e.id <> o.id AND e.in_bank_stage
              AND EXISTS (SELECT FROM reconciliation_matchline l
                           WHERE l.entry_id = e.id AND l.stage = 'bank' AND l.is_live)
            LIMIT 1) AS twin ON o.utr <> ''
     WHERE o.stage = 'bank' AND o.book = 'bank'
       AND NOT (o.kind = 'settlement' AND o.channel_id IS NOT NULL AND coalesce(s.channel_until < o.business_date, true))
""")

# The fee of a line against the rate card in force on its day; one paisa is rounding.
_FEE_DIFFERS: Final = """
INSERT INTO found_break
SELECT 'fee', 'receipt_channel', 'fee_differs', 'channel', channel_id, NULL, channel_ref, abs(kept - agreed), business_date,
       jsonb_build_object('kept', kept, 'agreed', agreed, 'percent', percent::text, 'method', method, 'amount', amount_paise),
       ARRAY[id]
  FROM (
    SELECT e.id, e.channel_id, e.channel_ref, e.business_date, e.amount_paise, e.method,
           e.fee_paise + e.tax_paise AS kept, r.percent, r.fee + round(r.fee * r.tax_percent / 100) AS agreed
      FROM reconciliation_entry e
      JOIN LATERAL (
           SELECT f.percent, f.tax_percent, round(e.amount_paise * f.percent / 100) + f.flat_paise AS fee
             FROM fee_rate f
            WHERE f.channel_id = e.channel_id AND f.method = e.method AND f.network IN ('', e.network)
              AND f.valid_from <= e.business_date
            ORDER BY f.network DESC, f.valid_from DESC LIMIT 1) AS r ON true
     WHERE e.book = 'channel' AND e.kind = 'payment'
  ) AS judged
 WHERE abs(kept - agreed) > 1
"""

_EXPECTED: Final = """
INSERT INTO reconciliation_expected (run_id, business_date, stage, book, channel_id, why, count, paise)
SELECT %(run)s, o.business_date, o.stage, o.book, o.channel_id,
       CASE WHEN o.stage = 'bank' AND o.book = 'receipts' AND s.route = 'deposit' AND o.deposit_ref = '' THEN 'not_deposited'
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
  JOIN reconciliation_entry e ON e.book = 'channel' AND e.in_bank_stage AND e.channel_id = s.channel_id
   AND coalesce(nullif(e.settlement_ref, ''), e.utr) = s.settlement
 WHERE NOT EXISTS (SELECT FROM reconciliation_matchline l
                    WHERE l.entry_id = e.id AND l.stage = 'bank' AND l.is_live)
 GROUP BY 2, 5, 6
"""

CLASSIFIERS: Final = (
    _BY_KIND,
    _same_key("channel_ref", is_identity=True),
    _same_key("reference", is_identity=False),
    _same_key("rrn", is_identity=False),
    _LINE_WITHOUT_RECEIPT,
    _RECEIPT_WITHOUT_LINE,
    _CHEQUE_RETURNED,
    _SETTLEMENT_DIFFERS,
    _SETTLED_NOT_CREDITED,
    _same_word("deposit_ref", differs="deposit_differs"),
    _same_word("utr", differs="amount_differs"),
    _same_word("rrn", differs="amount_differs"),
    _DEPOSIT_MISSING,
    _TRANSFER_MISSING,
    _CREDIT_WITHOUT_RECEIPT,
    _FEE_DIFFERS,
    _EXPECTED,
)
