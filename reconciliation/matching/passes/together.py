"""Receipts and channel lines that share a key and agree as a whole: one match of all of them.

Which belongs to which is neither asked nor answered, so nothing is decided by an order.
"""

from typing import Final

from reconciliation.matching.passes import windows
from reconciliation.matching.passes.statement import INSERT_LINES, INSERT_MATCHES, execute
from reconciliation.models import Rule, Run, Stage

_TOGETHER: Final = f"""
WITH grouped AS (
    SELECT min(id) AS first_id, array_agg(id ORDER BY id) AS entry_ids,
           max(business_date) AS matched_on,
           min(business_date) FILTER (WHERE book = 'receipts') AS left_first,
           max(business_date) FILTER (WHERE book = 'receipts') AS left_last,
           min(business_date) FILTER (WHERE book = 'channel') AS right_first,
           max(business_date) FILTER (WHERE book = 'channel') AS right_last,
           sum(CASE book WHEN 'receipts' THEN amount_paise ELSE -amount_paise END)::bigint
             AS difference
      FROM open_entry
     WHERE stage = 'channel' AND {{key}} <> '' AND kind IN ('payment', 'refund', 'chargeback')
     GROUP BY channel_id, kind, {{key}}, amount_paise > 0{{alike}}
    HAVING count(*) > 2
       AND bool_or(book = 'receipts') AND bool_or(book = 'channel')
       AND abs(sum(CASE book WHEN 'receipts' THEN amount_paise ELSE -amount_paise END))
           <= %(tolerance)s
       -- two different ids of the channel are two different payments, whatever else they share
       AND NOT (bool_or(book = 'receipts' AND channel_ref <> '')
                AND bool_or(book = 'channel' AND channel_ref <> '')){{twins}}
     ORDER BY 1
), numbered AS (
    SELECT nextval('reconciliation_match_id_seq') AS match_id, * FROM grouped WHERE true{{within}}
), matched AS (
{INSERT_MATCHES}    SELECT match_id, 'rule', %(stage)s, %(leg)s, %(run)s, %(rule)s, matched_on,
           difference FROM numbered
)
{INSERT_LINES}SELECT match_id, unnest(entry_ids), %(stage)s, true FROM numbered
"""  # noqa: S608 - constants of this package

# As many on each side, each of the same amount, and all of ours of one payer and one day.
_TWINS: Final = """
       AND count(*) FILTER (WHERE book = 'receipts') * 2 = count(*)
       AND count(DISTINCT consumer_number) FILTER (WHERE book = 'receipts') = 1
       AND min(consumer_number) FILTER (WHERE book = 'receipts') <> ''
       AND count(DISTINCT business_date) FILTER (WHERE book = 'receipts') = 1"""


def run(rule: Rule, this_run: Run) -> int:
    """Match all that share a key where the two sums agree; returns the matches made."""
    return _run(rule, this_run, alike="", twins="")


def run_twins(rule: Rule, this_run: Run) -> int:
    """Match equal twins of one payer, as many here as there; returns the matches made."""
    return _run(rule, this_run, alike=", amount_paise", twins=_TWINS)


def _run(rule: Rule, this_run: Run, *, alike: str, twins: str) -> int:
    within = windows.within(rule, left="left_first", right="right_last")
    within += windows.within(rule, left="left_last", right="right_first")
    made = 0
    for key in rule.keys:
        sql = _TOGETHER.format(key=key, alike=alike, twins=twins, within=within)
        made += execute(sql, rule=rule, run=this_run, stage=Stage.CHANNEL)
    return made
