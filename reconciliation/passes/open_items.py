"""The temporary tables a run works on: what is open, in narrow rows; and settlements as groups."""

from typing import Final

from django.db import connection

from reconciliation.models import Leg, Rule, Run

_COLUMNS: Final = (
    "e.id, e.book, e.kind, e.channel_id, e.bank_account_id, e.business_date, e.due_on, "
    "e.occurred_at, e.amount_paise, e.reference, e.channel_ref, e.order_ref, e.original_ref, "
    "e.deposit_ref, e.utr, e.rrn, e.instrument, e.consumer_number, e.code"
)

_TABLES: Final = r"""
DROP TABLE IF EXISTS open_entry, open_settlement, bank_word, found_break;

-- Receipts and channel lines before the channel stage; receipts and bank lines before the bank
-- stage. Channel lines in the bank stage are not listed here: they count as settlements below.
CREATE TEMP TABLE open_entry ON COMMIT DROP AS
SELECT {columns}, 'channel'::text AS stage
  FROM reconciliation_entry e
 WHERE e.in_channel_stage
   AND NOT EXISTS (SELECT FROM reconciliation_matchline l
                    WHERE l.entry_id = e.id AND l.stage = 'channel' AND l.is_live)
UNION ALL
SELECT {columns}, 'bank'
  FROM reconciliation_entry e
 WHERE e.in_bank_stage AND e.book <> 'channel'
   AND NOT EXISTS (SELECT FROM reconciliation_matchline l
                    WHERE l.entry_id = e.id AND l.stage = 'bank' AND l.is_live);

-- A settlement is what its channel names one; a line without a name goes by its UTR. The bank's
-- credit is found by its word: the UTR, or the settlement's name while no line tells the UTR.
CREATE TEMP TABLE open_settlement ON COMMIT DROP AS
SELECT e.channel_id,
       coalesce(nullif(e.settlement_ref, ''), e.utr) AS settlement,
       max(e.utr) AS utr,
       upper(coalesce(nullif(max(e.utr), ''), coalesce(nullif(e.settlement_ref, ''), e.utr)))
         AS word,
       count(*) AS line_count,
       min(e.id) AS first_line_id,
       array_agg(e.id) AS line_ids,
       sum(e.net_paise)::bigint AS net_paise,
       max(e.business_date) AS business_date,
       max(e.due_on) AS due_on,
       coalesce(min(nullif(e.utr, '')), '') AS first_utr
  FROM reconciliation_entry e
 WHERE e.book = 'channel' AND e.in_bank_stage
   AND NOT EXISTS (SELECT FROM reconciliation_matchline l
                    WHERE l.entry_id = e.id AND l.stage = 'bank' AND l.is_live)
 GROUP BY 1, 2;

-- A settlement that was paid out in several transfers tells a UTR with each line: each is a payout.
WITH several AS (
    DELETE FROM open_settlement WHERE first_utr <> utr RETURNING channel_id, line_ids
)
INSERT INTO open_settlement
SELECT e.channel_id,
       coalesce(nullif(e.settlement_ref, ''), e.utr) || CASE e.utr WHEN '' THEN '' ELSE '/' END
         || e.utr,
       max(e.utr),
       upper(coalesce(nullif(max(e.utr), ''), e.settlement_ref)),
       count(*), min(e.id), array_agg(e.id), sum(e.net_paise)::bigint,
       max(e.business_date), max(e.due_on), max(e.utr)
  FROM several s
 CROSS JOIN LATERAL unnest(s.line_ids) AS line(id)
  JOIN reconciliation_entry e ON e.id = line.id
 GROUP BY e.channel_id, e.settlement_ref, e.utr;

-- What a bank line may be found by: its references, and each longer word of its narration. Slips
-- and settlements hold - and _ inside, so a narration is cut in several ways.
CREATE TEMP TABLE bank_word ON COMMIT DROP AS
SELECT DISTINCT o.id AS entry_id, word
  FROM open_entry o
  JOIN reconciliation_entry e ON e.id = o.id
 CROSS JOIN LATERAL (
       SELECT upper(told) FROM unnest(ARRAY[e.utr, e.rrn, e.reference, e.channel_ref,
                                            e.deposit_ref, e.instrument]) AS told
        WHERE told <> ''
       UNION
       SELECT part
         FROM unnest(ARRAY['\s+', '[^A-Z0-9_-]+', '[^A-Z0-9-]+', '[^A-Z0-9]+']) AS cut,
              regexp_split_to_table(upper(e.narration), cut) AS part
        WHERE length(part) >= 5) AS words(word)
 WHERE o.book = 'bank' AND o.stage = 'bank';

-- What classification finds; breaks.py compares it with what is stored.
CREATE TEMP TABLE found_break (
  stage text, leg text, reason text, book text, channel_id bigint, bank_account_id bigint,
  reference text, amount_paise bigint, business_date date, facts jsonb, entry_ids bigint[]
) ON COMMIT DROP;

ANALYZE open_entry; ANALYZE open_settlement; ANALYZE bank_word;
"""

_DROP_ENTRIES: Final = """
DELETE FROM open_entry o
 USING reconciliation_match m JOIN reconciliation_matchline l ON l.match_id = m.id
 WHERE m.run_id = %s AND m.rule_id = %s AND l.entry_id = o.id AND l.stage = o.stage
"""

_DROP_SETTLEMENTS: Final = """
DELETE FROM open_settlement s
 USING reconciliation_match m JOIN reconciliation_matchline l ON l.match_id = m.id
 WHERE m.run_id = %s AND m.rule_id = %s AND m.leg = 'channel_bank'
   AND l.entry_id = s.first_line_id AND l.stage = 'bank'
"""


def prepare() -> None:
    """Make the tables from what is open now; they end with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES.format(columns=_COLUMNS))


def drop_matched(*, rule: Rule, run: Run) -> None:
    """Take out what a rule has just matched."""
    with connection.cursor() as cursor:
        cursor.execute(_DROP_ENTRIES, [run.pk, rule.pk])
        if rule.leg == Leg.CHANNEL_BANK:
            cursor.execute(_DROP_SETTLEMENTS, [run.pk, rule.pk])
