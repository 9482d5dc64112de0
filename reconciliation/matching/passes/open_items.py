"""The temporary tables a run works on: what is open, in narrow rows; and settlements as groups."""

from dataclasses import replace
from typing import Final

from django.db import connection

from reconciliation.matching import ledger
from reconciliation.matching.carrying import KEY_HASH, Since, asked_of, not_taken
from reconciliation.matching.ledger import IN_ERP, Ledger
from reconciliation.models import Leg, Rule, Stage

_COLUMNS: Final = (
    "e.id, e.book, e.kind, e.channel_id, e.bank_account_id, e.business_date, e.due_on, "
    "e.occurred_at, e.amount_paise, e.reference, e.channel_ref, e.order_ref, e.original_ref, "
    "e.deposit_ref, e.utr, e.rrn, e.instrument, e.consumer_number, e.code, "
    f"{KEY_HASH} AS key_hash"
)

# The lines of a settlement ``s`` stand with its pieces; only who needs them reads them.
PIECES_OF: Final = """CROSS JOIN LATERAL unnest(s.pieces) AS of_s(piece)
  JOIN open_lines o ON o.piece = of_s.piece"""

_NOT_PAIRED: Final = """NOT EXISTS (SELECT FROM reconciliation_match m
                            WHERE m.{side} = e.id AND m.id > %(paired_since)s)"""

_TABLES: Final = rf"""
DROP TABLE IF EXISTS open_entry, open_lines, open_settlement, bank_word, found_break;

-- Receipts and channel lines before the channel stage; receipts and bank lines before the bank
-- stage. Channel lines in the bank stage are not listed here: they count as settlements below.
CREATE TEMP TABLE open_entry ON COMMIT DROP AS
SELECT {_COLUMNS}, 'channel'::text AS stage
  FROM reconciliation_entry e
 WHERE e.id > %(since_entry)s AND e.in_channel_stage AND e.book = 'receipts'
   AND {not_taken("channel")}
   AND {_NOT_PAIRED.format(side="left_id")}
UNION ALL
SELECT {_COLUMNS}, 'channel'
  FROM reconciliation_entry e
 WHERE e.id > %(since_entry)s AND e.in_channel_stage AND e.book <> 'receipts'
   AND {not_taken("channel")}
   AND {_NOT_PAIRED.format(side="right_id")}
UNION ALL
SELECT {_COLUMNS}, 'channel'
  FROM reconciliation_openitem i
  JOIN reconciliation_entry e ON e.id = i.entry_id
 WHERE i.stage = 'channel'
   AND {_NOT_PAIRED.format(side="left_id")}
   AND {_NOT_PAIRED.format(side="right_id")}
UNION ALL
SELECT {_COLUMNS}, 'bank'
  FROM reconciliation_entry e
 WHERE e.id > %(since_entry)s AND e.in_bank_stage AND e.book <> 'channel'
   AND {not_taken("bank")}
UNION ALL
SELECT {_COLUMNS}, 'bank'
  FROM reconciliation_openitem i
  JOIN reconciliation_entry e ON e.id = i.entry_id
 WHERE i.stage = 'bank' AND e.book <> 'channel';

-- Before the ERP: receipts and postings, where there is one.
{{before_erp}}
-- Lines before the bank stage, a row for each settlement and day: what the last run handed on, and
-- what came since.
CREATE TEMP TABLE open_lines ON COMMIT DROP AS
SELECT row_number() OVER () AS piece, p.*
  FROM (SELECT o.id AS stored_id, o.channel_id, o.settlement_ref, o.utr, o.business_date,
               o.due_on, o.line_count, o.net_paise, o.line_hash, o.line_ids, o.is_apart
          FROM reconciliation_openlines o
        UNION ALL
        SELECT NULL, e.channel_id, e.settlement_ref, e.utr, e.business_date, max(e.due_on),
               count(*), sum(e.net_paise)::bigint, bit_xor({KEY_HASH}), array_agg(e.id),
               false
          FROM reconciliation_entry e
         WHERE e.id > %(since_entry)s AND e.in_bank_stage AND e.book = 'channel'
           AND {not_taken("bank")}
         GROUP BY 2, 3, 4, 5
        UNION ALL
        SELECT NULL, e.channel_id, e.settlement_ref, e.utr, e.business_date, max(e.due_on),
               count(*), sum(e.net_paise)::bigint, bit_xor({KEY_HASH}), array_agg(e.id),
               false
          FROM reconciliation_openitem i
          JOIN reconciliation_entry e ON e.id = i.entry_id
         WHERE i.stage = 'bank' AND e.book = 'channel'
         GROUP BY 2, 3, 4, 5) AS p;
ALTER TABLE open_lines ADD PRIMARY KEY (piece);

-- A settlement that was paid out in several transfers tells a UTR with each line: each is a payout.
-- So it stays for what is open of it when the others are paid.
UPDATE open_lines o
   SET is_apart = true
  FROM (SELECT channel_id, coalesce(nullif(settlement_ref, ''), utr) AS name
          FROM open_lines
         GROUP BY 1, 2
        HAVING count(DISTINCT nullif(upper(utr), '')) > 1 OR bool_or(is_apart)) AS s
 WHERE o.channel_id = s.channel_id AND coalesce(nullif(o.settlement_ref, ''), o.utr) = s.name
   AND NOT o.is_apart;

-- A settlement is what its channel names one; a line without a name goes by its UTR. The bank's
-- credit is found by its word: the UTR, or the settlement's name while no line tells the UTR.
CREATE TEMP TABLE open_settlement ON COMMIT DROP AS
WITH payout AS (
    SELECT o.*, coalesce(nullif(o.settlement_ref, ''), o.utr) AS name,
           CASE WHEN o.is_apart THEN upper(o.utr) ELSE '' END AS part
      FROM open_lines o
)
SELECT channel_id,
       CASE WHEN part <> '' THEN name || '/' || part ELSE name END AS settlement,
       max(utr) AS utr,
       upper(coalesce(nullif(max(utr), ''), name)) AS word,
       sum(line_count)::bigint AS line_count,
       min(line_ids[1]) AS first_line_id,
       array_agg(piece ORDER BY piece) AS pieces,
       sum(net_paise)::bigint AS net_paise,
       max(business_date) AS business_date,
       max(due_on) AS due_on
  FROM payout
 GROUP BY channel_id, name, part;

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
         FROM unnest(ARRAY['\s+', '[^A-Z0-9-]+', '[^A-Z0-9]+']
                   || CASE WHEN strpos(e.narration, '_') > 0
                           THEN ARRAY['[^A-Z0-9_-]+', '[^A-Z0-9_]+'] END) AS cut,
              regexp_split_to_table(upper(e.narration), cut) AS part
        WHERE length(part) >= 5) AS words(word)
 WHERE o.book = 'bank' AND o.stage = 'bank';

-- What classification finds; breaks.py compares it with what is stored.
CREATE TEMP TABLE found_break (
  stage text, leg text, reason text, book text, channel_id bigint, bank_account_id bigint,
  reference text, amount_paise bigint, business_date date, facts jsonb, entry_ids bigint[]
) ON COMMIT DROP;

ANALYZE open_entry; ANALYZE open_settlement; ANALYZE bank_word;
"""  # noqa: S608 - constants of this package

# Taken out of what is open; what they come to by day is what the tallies have to learn.
# The lines are found by their match, and then hashed: nobody knows beforehand how many a match has,
# and a loop over what is open for each of a million would never end.
_DROP_ENTRIES: Final = """
DROP TABLE IF EXISTS made_line;
CREATE TEMP TABLE made_line ON COMMIT DROP AS
SELECT l.entry_id, l.stage, l.match_id, m.matched_on
  FROM reconciliation_match m JOIN reconciliation_matchline l ON l.match_id = m.id
 WHERE m.id > %(before)s;
SET LOCAL enable_nestloop = off;
WITH gone AS (
    DELETE FROM open_entry o USING made_line l WHERE l.entry_id = o.id AND l.stage = o.stage
    RETURNING o.stage, o.book, o.business_date, o.amount_paise, o.key_hash, l.match_id,
              l.matched_on, coalesce(o.bank_account_id, o.channel_id) AS source_id
), hashed AS (
    INSERT INTO made_hash SELECT match_id, bit_xor(key_hash) FROM gone GROUP BY match_id
)
INSERT INTO moved
SELECT stage, book, business_date, matched_on, false, count(*), sum(amount_paise), source_id
  FROM gone GROUP BY 1, 2, 3, 4, 8;
SET LOCAL enable_nestloop = on;
"""

_DROP_SETTLEMENTS: Final = """
SET LOCAL enable_nestloop = off;
WITH paid AS (
    DELETE FROM open_settlement s
     USING made_line l
     WHERE l.entry_id = s.first_line_id AND l.stage = 'bank'
    RETURNING s.pieces, l.match_id, l.matched_on
), gone AS (
    DELETE FROM open_lines o
     USING (SELECT unnest(pieces) AS piece, match_id, matched_on FROM paid) AS p
     WHERE o.piece = p.piece
    RETURNING o.channel_id, o.business_date, o.line_count, o.net_paise, o.line_hash, p.match_id,
              p.matched_on
), hashed AS (
    INSERT INTO made_hash SELECT match_id, line_hash FROM gone
)
INSERT INTO moved
SELECT 'bank', 'channel', business_date, matched_on, false, sum(line_count), sum(net_paise),
       channel_id
  FROM gone GROUP BY 3, 4, 8;
SET LOCAL enable_nestloop = on;
"""


_BEFORE_ERP: Final = f"""
INSERT INTO open_entry
SELECT {_COLUMNS}, 'erp'
  FROM reconciliation_entry e
 WHERE e.id > %(since_entry)s AND {IN_ERP}
   AND {not_taken("erp")}
UNION ALL
SELECT {_COLUMNS}, 'erp'
  FROM reconciliation_openitem i
  JOIN reconciliation_entry e ON e.id = i.entry_id
 WHERE i.stage = 'erp' AND {not_taken("erp")};
"""  # noqa: S608 - constants of this package


def prepare(since: Since, *, paired_since: int, erp: Ledger | None) -> None:
    """Make the tables from what is open now; they end with the transaction.

    ``paired_since`` is the last match before this run: what it has paired already is left out.
    """
    tables = _TABLES.replace("{before_erp}", _BEFORE_ERP if erp is not None else "")
    with connection.cursor() as cursor:
        # What postings explained in this run was taken after the others were asked.
        asked = asked_of(tables, replace(since, taken=since.taken | {Stage.ERP}))
        cursor.execute(asked, {**since.as_params(), "paired_since": paired_since})
    ledger.tell_dues(erp)


def drop_matched(rule: Rule, *, before: int) -> None:
    """Take out what a rule has just matched: every match after ``before``."""
    with connection.cursor() as cursor:
        cursor.execute(_DROP_ENTRIES, {"before": before})
        if rule.leg == Leg.CHANNEL_BANK:
            cursor.execute(_DROP_SETTLEMENTS)
