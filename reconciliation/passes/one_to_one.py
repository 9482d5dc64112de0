"""One receipt and one channel line with the same key and amount, and no third with that key."""

from typing import Final

from reconciliation.models import Rule, Run, Stage
from reconciliation.passes.statement import INSERT_LINES, INSERT_MATCHES, execute

# The key is one of our own column names, checked by the rule's closed list, never a person's text.
_PAIR: Final = f"""
WITH pair AS (
    SELECT min(id) FILTER (WHERE book = 'receipts') AS left_id,
           min(id) FILTER (WHERE book = 'channel') AS right_id,
           max(business_date) AS matched_on,
           coalesce(sum(amount_paise) FILTER (WHERE book = 'receipts'), 0)
             - coalesce(sum(amount_paise) FILTER (WHERE book = 'channel'), 0) AS difference
      FROM open_entry
     WHERE stage = 'channel' AND {{key}} <> '' AND kind IN ('payment', 'refund')
     GROUP BY channel_id, kind, {{key}}
    HAVING count(*) = 2
       AND count(*) FILTER (WHERE book = 'receipts') = 1
       AND max(amount_paise) - min(amount_paise) <= %(tolerance)s
     ORDER BY 1
), numbered AS (
    SELECT nextval('reconciliation_match_id_seq') AS match_id, * FROM pair
), matched AS (
{INSERT_MATCHES}    SELECT match_id, 'rule', %(stage)s, %(leg)s, %(run)s, %(rule)s, matched_on, difference FROM numbered
)
{INSERT_LINES}SELECT match_id, side.entry_id, %(stage)s, true
  FROM numbered CROSS JOIN LATERAL (VALUES (left_id), (right_id)) AS side(entry_id)
"""  # noqa: S608 - constants of this package

_KEYS: Final = frozenset({"channel_ref", "reference", "rrn"})


def run(rule: Rule, this_run: Run) -> int:
    """Match by the rule's key; returns the matches made."""
    if rule.key not in _KEYS:
        raise ValueError(
            f"rule {rule.code}: {rule.key!r} is no key of a receipt and a channel line"
        )
    return execute(_PAIR.format(key=rule.key), rule=rule, run=this_run, stage=Stage.CHANNEL)
