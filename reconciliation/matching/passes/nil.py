"""What nets to nothing needs nothing: a zero settlement, a cancelled receipt, a line undone."""

from typing import Final

from reconciliation.matching import ledger
from reconciliation.matching.passes.open_items import PIECES_OF
from reconciliation.matching.passes.statement import (
    INSERT_LINES,
    INSERT_MATCHES,
    LISTED,
    execute,
)
from reconciliation.models import Leg, Rule, Run, Stage

_INSERT: Final = f"""
numbered AS (
    SELECT nextval('reconciliation_match_id_seq') AS match_id, n.* FROM nil n
), matched AS (
{INSERT_MATCHES}    SELECT match_id, 'rule', %(stage)s, %(leg)s, %(run)s, %(rule)s,
           business_date, 0 FROM numbered
)
{INSERT_LINES}"""  # noqa: S608 - constants of this package

_SETTLEMENTS: Final = f"""
WITH nil AS (
    SELECT channel_id, word, max(business_date) AS business_date FROM open_settlement
     WHERE word <> '' GROUP BY channel_id, word HAVING sum(net_paise) = 0
     ORDER BY channel_id, word
), {_INSERT}
SELECT n.match_id, unnest(o.line_ids), %(stage)s, true
  FROM numbered n JOIN open_settlement s USING (channel_id, word) {PIECES_OF}
"""  # noqa: S608 - constants of this package

# Undone before it was carried to the bank. What a slip has carried is credited and debited there.
_CANCELLED: Final = f"""
WITH nil AS (
    SELECT min(id) AS first_id, array_agg(id) AS entry_ids, max(business_date) AS business_date
      FROM open_entry
     WHERE stage = 'bank' AND book = 'receipts' AND kind IN ('payment', 'reversal')
     GROUP BY reference
    HAVING count(*) = 2 AND count(*) FILTER (WHERE kind = 'reversal') = 1 AND sum(amount_paise) = 0
       AND max(deposit_ref) = ''
     ORDER BY 1
), {_INSERT}
SELECT match_id, unnest(entry_ids), %(stage)s, true FROM numbered
"""  # noqa: S608 - constants of this package


# What a channel took and gave back, or gave and took back: two lines, one of each sign, and none of
# our receipts speaks of either. They share the refund's own id, else the payment they are of.
_TAKEN_BACK: Final = f"""
WITH nil AS (
    SELECT min(o.id) AS first_id, array_agg(o.id) AS entry_ids,
           max(o.business_date) AS business_date
      FROM open_entry o
     WHERE o.stage = 'channel' AND o.kind IN ('refund', 'chargeback') AND o.{{key}} <> ''
     GROUP BY o.channel_id, o.kind, o.{{key}}
    HAVING count(*) = 2 AND bool_and(o.book = 'channel') AND sum(o.amount_paise) = 0
       AND min(o.amount_paise) < 0
     ORDER BY 1
), {_INSERT}
SELECT match_id, unnest(entry_ids), %(stage)s, true FROM numbered
"""  # noqa: S608 - constants of this package


# A payment that matched long ago, was given back, and was forced again: the last two are nothing.
_FORCED: Final = f"""
WITH undone AS (
    SELECT min(o.id) AS first_id, array_agg(o.id) AS entry_ids, o.channel_id,
           max(o.business_date) AS business_date,
           max(o.channel_ref) FILTER (WHERE o.kind = 'payment') AS ref
      FROM open_entry o
     WHERE o.stage = 'channel' AND o.kind IN ('payment', 'refund', 'chargeback')
     GROUP BY o.channel_id, CASE o.kind WHEN 'payment' THEN o.channel_ref ELSE o.original_ref END
    HAVING count(*) = 2 AND bool_and(o.book = 'channel') AND sum(o.amount_paise) = 0
       AND count(*) FILTER (WHERE o.kind = 'payment' AND o.amount_paise > 0) = 1
), nil AS (
    SELECT u.first_id, u.entry_ids, u.business_date
      FROM undone u
      JOIN paychannels_channel c ON c.id = u.channel_id
     WHERE u.ref <> ''
       AND EXISTS (
           SELECT FROM ({LISTED.format(key="c.code || ':' || u.ref")}) AS e
             JOIN reconciliation_matchline l
               ON l.entry_id = e.id AND l.stage = 'channel' AND l.is_live)
     ORDER BY 1
), {_INSERT}
SELECT match_id, unnest(entry_ids), %(stage)s, true FROM numbered
"""  # noqa: S608 - constants of this package


# What the ERP posted for a receipt and took back at the same consumer, whatever it posts next.
_POSTED_AND_BACK: Final = f"""
WITH nil AS (
    SELECT min(id) AS first_id, array_agg(id ORDER BY id) AS entry_ids,
           max(business_date) AS business_date
      FROM open_entry
     WHERE stage = 'erp' AND book = 'erp' AND reference <> '' AND kind <> 'unknown'
       AND code <> 'clarification'
     GROUP BY reference, consumer_number, order_ref
    HAVING count(*) > 1 AND sum(amount_paise) = 0
     ORDER BY 1
), {_INSERT}
SELECT match_id, unnest(entry_ids), %(stage)s, true FROM numbered
"""  # noqa: S608 - constants of this package

# Undone before it was posted, and by now it would have been: nobody tells the ERP of either.
_CANCELLED_UNPOSTED: Final = f"""
WITH nil AS (
    SELECT min(o.id) AS first_id, array_agg(o.id ORDER BY o.id) AS entry_ids,
           max(o.business_date) AS business_date
      FROM open_entry o LEFT JOIN posting_due d USING (business_date)
     WHERE o.stage = 'erp' AND o.reference <> ''
     GROUP BY o.reference
    HAVING count(*) = 2 AND bool_and(o.book = 'receipts') AND sum(o.amount_paise) = 0
       AND count(*) FILTER (WHERE o.kind = 'reversal') = 1
       AND bool_and(d.due_on <= %(posted_until)s)
     ORDER BY 1
), {_INSERT}
SELECT match_id, unnest(entry_ids), %(stage)s, true FROM numbered
"""  # noqa: S608 - constants of this package


def run(rule: Rule, this_run: Run) -> int:
    """Match what sums to zero; returns the matches made."""
    if rule.leg == Leg.RECEIPT_ERP:
        known = ledger.ledger_now()
        until = known.until if known else None
        return sum(
            execute(sql, rule=rule, run=this_run, stage=Stage.ERP, posted_until=until)
            for sql in (_POSTED_AND_BACK, _CANCELLED_UNPOSTED)
        )
    if rule.leg == Leg.RECEIPT_CHANNEL:
        keys = ("channel_ref", "original_ref")
        statements = (*(_TAKEN_BACK.format(key=key) for key in keys), _FORCED)
        return sum(execute(sql, rule=rule, run=this_run, stage=Stage.CHANNEL) for sql in statements)
    sql = _SETTLEMENTS if rule.leg == Leg.CHANNEL_BANK else _CANCELLED
    return execute(sql, rule=rule, run=this_run, stage=Stage.BANK)
