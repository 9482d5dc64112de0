"""One receipt and one channel line with the same key and amount, and no third with that key."""

from typing import Final

from reconciliation.models import Rule, Run, Stage
from reconciliation.passes import together, windows
from reconciliation.passes.statement import INSERT_LINES, INSERT_MATCHES, execute, insert

# The key is one of our own column names, checked by a closed list, never a person's text.
_PAIR: Final = f"""
WITH pair AS (
    SELECT min(id) FILTER (WHERE book = 'receipts') AS left_id,
           min(id) FILTER (WHERE book = 'channel') AS right_id,
           max(business_date) AS matched_on,
           coalesce(sum(amount_paise) FILTER (WHERE book = 'receipts'), 0)
             - coalesce(sum(amount_paise) FILTER (WHERE book = 'channel'), 0) AS difference{{days}}
      FROM {{source}}
     WHERE {{key}} <> '' AND kind IN ('payment', 'refund', 'chargeback')
     GROUP BY channel_id, kind, {{key}}, amount_paise > 0  -- taken back it has the other sign
    HAVING count(*) = 2
       AND count(*) FILTER (WHERE book = 'receipts') = 1
       AND max(amount_paise) - min(amount_paise) <= %(tolerance)s{{unless}}
     ORDER BY 1
), numbered AS (
    SELECT nextval('reconciliation_match_id_seq') AS match_id, * FROM pair WHERE true{{within}}
), matched AS (
{INSERT_MATCHES}    SELECT match_id, 'rule', %(stage)s, %(leg)s, %(run)s, %(rule)s, matched_on,
           difference FROM numbered
)
{INSERT_LINES}SELECT match_id, side.entry_id, %(stage)s, true
  FROM numbered CROSS JOIN LATERAL (VALUES (left_id), (right_id)) AS side(entry_id)
"""  # noqa: S608 - constants of this package

# Two different ids of the channel are two different payments, whatever else they share.
_UNLESS_TWO_IDS: Final = """
       AND coalesce(min(nullif(channel_ref, '')) = max(nullif(channel_ref, '')), true)"""

# The channel's own id is tried first, straight from the entries: on a usual day it leaves so little
# that listing everything that is open beforehand would be the larger work.
_ENTRIES: Final = """(
        SELECT id, book, kind, channel_id, business_date, amount_paise, channel_ref
          FROM reconciliation_entry e
         WHERE e.in_channel_stage
           AND NOT EXISTS (SELECT FROM reconciliation_matchline l
                            WHERE l.entry_id = e.id AND l.stage = 'channel' AND l.is_live)
      ) AS open_by_id"""
_OPEN: Final = "(SELECT * FROM open_entry WHERE stage = 'channel') AS open_by_key"

_KEYS: Final = frozenset({"reference", "rrn"})


# Only for a rule with a window: two sums more for each pair are felt in a million.
_DAYS: Final = """,
           min(business_date) FILTER (WHERE book = 'receipts') AS left_on,
           min(business_date) FILTER (WHERE book = 'channel') AS right_on"""


def run_identity(rule: Rule, this_run: Run) -> int:
    """Match by the channel's own id, before the open tables are made; returns the matches made."""
    sql = _pairs(rule, "channel_ref", source=_ENTRIES, unless="")
    return insert(sql, rule=rule, run=this_run, stage=Stage.CHANNEL)


def run(rule: Rule, this_run: Run) -> int:
    """Match by weaker keys, in their order, what is still open; returns the matches made."""
    made = 0
    for key in rule.keys:
        if key not in _KEYS:
            raise ValueError(f"rule {rule.code}: {key!r} is no key of a receipt and a channel line")
        sql = _pairs(rule, key, source=_OPEN, unless=_UNLESS_TWO_IDS)
        made = max(made, execute(sql, rule=rule, run=this_run, stage=Stage.CHANNEL))
    if rule.ambiguity == Rule.Ambiguity.TWINS:
        made = max(made, together.run_twins(rule, this_run))
    return made


def _pairs(rule: Rule, key: str, *, source: str, unless: str) -> str:
    return _PAIR.format(
        key=key,
        source=source,
        unless=unless,
        days="" if rule.window_days is None else _DAYS,
        within=windows.within(rule, left="left_on", right="right_on"),
    )
