"""Many entries whose sum is one bank credit that names their key: settlements, slips, transfers."""

from typing import Final

from reconciliation.matching.passes import windows
from reconciliation.matching.passes.open_items import PIECES_OF
from reconciliation.matching.passes.statement import INSERT_LINES, INSERT_MATCHES, execute
from reconciliation.models import Leg, Rule, Run, Stage
from reconciliation.rulebook.rules import Key

# A group has one key; a credit is its candidate when one of its words is that key. Only a group
# with one candidate, which is nobody else's candidate, may match: anything else is a choice.
_CANDIDATES: Final = f"""
candidate AS (
    SELECT g.*, w.entry_id AS credit_id,
           count(*) OVER (PARTITION BY g.group_id) AS credits,
           count(*) OVER (PARTITION BY w.entry_id) AS groups
      FROM grouped g
      JOIN bank_word w ON w.word = g.word
      JOIN open_entry b ON b.id = w.entry_id AND b.book = 'bank' AND b.stage = 'bank'
       AND b.kind <> 'cheque_return'
), chosen AS (
    SELECT nextval('reconciliation_match_id_seq') AS match_id, c.*, b.business_date AS credited_on,
           c.sum_paise - b.amount_paise AS difference
      FROM (SELECT * FROM candidate ORDER BY credit_id) AS c
      JOIN open_entry b ON b.id = c.credit_id AND b.stage = 'bank'
     WHERE c.credits = 1 AND c.groups = 1
       AND abs(c.sum_paise - b.amount_paise) <= %(tolerance)s{{within}}
), matched AS (
{INSERT_MATCHES}    SELECT match_id, 'rule', %(stage)s, %(leg)s, %(run)s, %(rule)s,
           greatest(business_date, credited_on), difference
      FROM chosen
)
{INSERT_LINES}"""  # noqa: S608 - constants of this package

_RECEIPTS: Final = f"""
WITH grouped AS (
    SELECT min(o.id) AS group_id, upper(o.{{key}}) AS word,
           sum(o.amount_paise)::bigint AS sum_paise,
           max(o.business_date) AS business_date, array_agg(o.id) AS entry_ids
      FROM open_entry o
     WHERE o.stage = 'bank' AND o.book = 'receipts' AND o.{{key}} <> ''
     GROUP BY upper(o.{{key}})
), {_CANDIDATES}
SELECT match_id, unnest(entry_ids), %(stage)s, true FROM chosen
UNION ALL
SELECT match_id, credit_id, %(stage)s, true FROM chosen
"""  # noqa: S608 - the key is one of our column names

# Settlements that share a UTR are one payout: their sum is what the bank credits.
_SETTLEMENTS: Final = f"""
WITH grouped AS (
    SELECT row_number() OVER (ORDER BY channel_id, word) AS group_id, word,
           sum(net_paise)::bigint AS sum_paise, max(business_date) AS business_date, channel_id
      FROM open_settlement
     WHERE word <> ''
     GROUP BY channel_id, word
    HAVING sum(net_paise) > 0
), {_CANDIDATES}
SELECT c.match_id, unnest(o.line_ids), %(stage)s, true
  FROM chosen c JOIN open_settlement s USING (channel_id, word) {PIECES_OF}
UNION ALL
SELECT match_id, credit_id, %(stage)s, true FROM chosen
"""  # noqa: S608 - constants of this package

# Payments that were made of a credit: which one it is stands written, nothing is compared but sums.
_EVIDENCE: Final = f"""
WITH grouped AS (
    SELECT v.entry_id AS credit_id, sum(o.amount_paise)::bigint AS sum_paise,
           max(o.business_date) AS business_date, array_agg(o.id ORDER BY o.id) AS entry_ids
      FROM open_entry o
      JOIN reconciliation_evidence v ON v.payment_reference = o.reference AND v.undone_at IS NULL
     WHERE o.stage = 'bank' AND o.book = 'receipts' AND o.kind = 'payment'
     GROUP BY v.entry_id
), chosen AS (
    SELECT nextval('reconciliation_match_id_seq') AS match_id, g.credit_id, g.entry_ids,
           g.business_date, b.business_date AS credited_on,
           g.sum_paise - b.amount_paise AS difference
      FROM (SELECT * FROM grouped ORDER BY credit_id) AS g
      JOIN open_entry b ON b.id = g.credit_id AND b.stage = 'bank' AND b.book = 'bank'
     WHERE abs(g.sum_paise - b.amount_paise) <= %(tolerance)s
), matched AS (
{INSERT_MATCHES}    SELECT match_id, 'rule', %(stage)s, %(leg)s, %(run)s, %(rule)s,
           greatest(business_date, credited_on), difference
      FROM chosen
)
{INSERT_LINES}SELECT match_id, unnest(entry_ids), %(stage)s, true FROM chosen
UNION ALL
SELECT match_id, credit_id, %(stage)s, true FROM chosen
"""  # noqa: S608 - constants of this package

# A cheque that the bank returned: our books say so once for each paper, or by what they undid of it
# where no paper was kept. Several of one number on one day are one debit, else a choice.
_RETURNED: Final = f"""
WITH grouped AS (
    SELECT min(o.id) AS group_id, upper(o.instrument) AS word,
           sum(o.amount_paise)::bigint AS sum_paise,
           max(o.business_date) AS business_date, array_agg(o.id ORDER BY o.id) AS entry_ids
      FROM open_entry o
     WHERE o.stage = 'bank' AND o.book = 'receipts' AND o.instrument <> ''
       AND o.kind IN ('reversal', 'cheque_return') AND o.amount_paise < 0
     GROUP BY o.channel_id, upper(o.instrument), o.business_date
), candidate AS (
    SELECT g.*, b.id AS debit_id, b.business_date AS debited_on,
           g.sum_paise - b.amount_paise AS difference,
           count(*) OVER (PARTITION BY g.group_id) AS debits,
           count(*) OVER (PARTITION BY b.id) AS groups
      FROM grouped g
      JOIN bank_word w ON w.word = g.word
      JOIN open_entry b ON b.id = w.entry_id AND b.book = 'bank' AND b.stage = 'bank'
       AND b.kind = 'cheque_return' AND abs(g.sum_paise - b.amount_paise) <= %(tolerance)s
), chosen AS (
    SELECT nextval('reconciliation_match_id_seq') AS match_id, c.*
      FROM (SELECT * FROM candidate ORDER BY debit_id) AS c
     WHERE c.debits = 1 AND c.groups = 1{{within}}
), matched AS (
{INSERT_MATCHES}    SELECT match_id, 'rule', %(stage)s, %(leg)s, %(run)s, %(rule)s,
           greatest(business_date, debited_on), difference
      FROM chosen
)
{INSERT_LINES}SELECT match_id, unnest(entry_ids), %(stage)s, true FROM chosen
UNION ALL
SELECT match_id, debit_id, %(stage)s, true FROM chosen
"""  # noqa: S608 - constants of this package

_KEYS: Final = frozenset({"deposit_ref", "utr", "rrn"})


def run(rule: Rule, this_run: Run) -> int:
    """Match groups with their one credit, key by key; returns the matches made."""
    made = 0
    for key in rule.keys:
        made += execute(_by(rule, key), rule=rule, run=this_run, stage=Stage.BANK)
    return made


def _by(rule: Rule, key: str) -> str:
    if key == Key.EVIDENCE:
        return _EVIDENCE
    if key == Key.INSTRUMENT:
        within = windows.within(rule, left="c.business_date", right="c.debited_on")
        return _RETURNED.format(within=within)
    if key not in _KEYS:
        raise ValueError(f"rule {rule.code}: {key!r} is no key of a bank credit")
    within = windows.within(rule, left="c.business_date", right="b.business_date")
    if rule.leg == Leg.CHANNEL_BANK:
        return _SETTLEMENTS.format(within=within)
    return _RECEIPTS.format(key=key, within=within)
