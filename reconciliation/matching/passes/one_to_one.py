"""One receipt and one channel line with the same key and amount, and no third with that key.

A pair is one row: the match itself says which receipt and which line.
"""

from typing import Final

from django.db import connection

from reconciliation.incoming.intake import MANY
from reconciliation.matching.carrying import KEY_HASH, Since, asked_of, not_taken
from reconciliation.matching.passes import pairs, together, windows
from reconciliation.matching.passes.pairs import LEAVE_CHOICES
from reconciliation.matching.passes.statement import execute, params_of
from reconciliation.models import Book, Rule, Run, Stage

# The key is one of our own column names, checked by a closed list, never a person's text.
_PAIR: Final = """
WITH shared AS (
    SELECT channel_id, kind, channel_ref
      FROM open_entry
     WHERE stage = 'channel' AND channel_ref <> '' AND kind IN ('payment', 'refund', 'chargeback')
     GROUP BY channel_id, kind, channel_ref, amount_paise > 0
    HAVING count(*) > 2
), pair AS (
    SELECT min(id) FILTER (WHERE book = 'receipts') AS left_id,
           min(id) FILTER (WHERE book = 'channel') AS right_id,
           max(business_date) AS matched_on,
           coalesce(sum(amount_paise) FILTER (WHERE book = 'receipts'), 0)
             - coalesce(sum(amount_paise) FILTER (WHERE book = 'channel'), 0) AS difference,
           min(business_date) FILTER (WHERE book = 'receipts') AS left_on,
           min(business_date) FILTER (WHERE book = 'channel') AS right_on
      FROM open_entry
     WHERE stage = 'channel' AND {key} <> '' AND kind IN ('payment', 'refund', 'chargeback')
     GROUP BY channel_id, kind, {key}, amount_paise > 0  -- taken back it has the other sign
    HAVING count(*) = 2
       AND count(*) FILTER (WHERE book = 'receipts') = 1
       AND max(amount_paise) - min(amount_paise) <= %(tolerance)s
       -- two different ids of the channel are two different payments, whatever else they share
       AND coalesce(min(nullif(channel_ref, '')) = max(nullif(channel_ref, '')), true)
       -- one id of both sides that a third has too is a choice, which no weaker key takes
       AND NOT (bool_and(channel_ref <> '')
                AND (channel_id, kind, min(channel_ref)) IN (SELECT * FROM shared))
     ORDER BY 1
)
INSERT INTO reconciliation_match
       (kind, stage, leg, run_id, rule_id, matched_on, difference_paise, left_id, right_id)
SELECT 'rule', %(stage)s, %(leg)s, %(run)s, %(rule)s, matched_on, difference, left_id, right_id
  FROM pair WHERE true{within}
"""

_NARROW: Final = (
    "e.id, e.kind, e.channel_id, e.business_date, e.amount_paise, e.channel_ref, "
    f"{KEY_HASH} AS key_hash"
)
_SAYS_ID: Final = "e.channel_ref <> '' AND e.kind IN ('payment', 'refund', 'chargeback')"


def _open_of(book: str) -> str:
    """What is open of a book before the open tables are made."""
    return f"""(
        SELECT {_NARROW}
          FROM reconciliation_entry e
         WHERE e.id > %(since_entry)s AND e.in_channel_stage AND e.book = '{book}' AND {_SAYS_ID}
           AND {not_taken("channel")}
         UNION ALL
        SELECT {_NARROW}
          FROM reconciliation_openitem i JOIN reconciliation_entry e ON e.id = i.entry_id
         WHERE i.stage = 'channel' AND e.book = '{book}' AND {_SAYS_ID}
           AND {not_taken("channel")}
      )"""  # noqa: S608 - constants of this package


# The channel's own id is tried first, straight from the entries: on a usual day it leaves so little
# that listing everything that is open beforehand would be the larger work. A join, which the
# database does on both cores by hashing; an id that is not once on either side gives a row too
# many, and only then are such rows looked for.
_JOINED: Final = f"""
DROP TABLE IF EXISTS pair;
SET LOCAL enable_mergejoin = off;
CREATE TEMP TABLE pair ON COMMIT DROP AS
SELECT l.id AS left_id, r.id AS right_id, l.business_date AS left_on, r.business_date AS right_on,
       l.amount_paise AS left_paise, r.amount_paise AS right_paise,
       l.key_hash # r.key_hash AS key_hash, l.channel_id
  FROM {_open_of("receipts")} AS l
  JOIN {_open_of("channel")} AS r
    ON r.channel_ref = l.channel_ref AND r.channel_id = l.channel_id AND r.kind = l.kind
   AND (r.amount_paise > 0) = (l.amount_paise > 0);
SET LOCAL enable_mergejoin = on;
"""  # noqa: S608 - constants of this package

_IS_ONCE: Final = """
SELECT count(*) = count(DISTINCT left_id) AND count(*) = count(DISTINCT right_id) FROM pair
"""

_PAIRED: Final = """
DELETE FROM pair
 WHERE abs(left_paise - right_paise) > %(tolerance)s OR (true{within}) IS NOT TRUE;
INSERT INTO reconciliation_match
       (kind, stage, leg, run_id, rule_id, matched_on, difference_paise, left_id, right_id)
SELECT 'rule', %(stage)s, %(leg)s, %(run)s, %(rule)s, greatest(left_on, right_on),
       left_paise - right_paise, left_id, right_id
  FROM pair ORDER BY left_id;
"""

_KEYS: Final = frozenset({"reference", "rrn"})


def run_identity(rule: Rule, this_run: Run, since: Since) -> int:
    """Match by the channel's own id, before the open tables are made; returns the matches made."""
    params = params_of(rule, run=this_run, stage=Stage.CHANNEL)
    within = windows.within(rule, left="left_on", right="right_on")
    with connection.cursor() as cursor:
        cursor.execute(asked_of(_JOINED, since), since.as_params())
        cursor.execute(_IS_ONCE)
        if cursor.fetchone() != (True,):
            cursor.execute(LEAVE_CHOICES)
        cursor.execute(_PAIRED.format(within=within), params)
        made = pairs.note(
            rule, this_run, stage=Stage.CHANNEL, right=Book.CHANNEL, source="s.channel_id"
        )
        if made >= MANY:
            # The planner must not judge the other passes by what was matched before this run.
            cursor.execute("ANALYZE reconciliation_match")
    return made


def run_again(rule: Rule, this_run: Run) -> int:
    """Match by the channel's own id what other passes left open; returns the matches made."""
    within = windows.within(rule, left="left_on", right="right_on")
    sql = _PAIR.format(key="channel_ref", within=within)
    return execute(sql, rule=rule, run=this_run, stage=Stage.CHANNEL)


def run(rule: Rule, this_run: Run) -> int:
    """Match by weaker keys, in their order, what is still open; returns the matches made."""
    within = windows.within(rule, left="left_on", right="right_on")
    made = 0
    for key in rule.keys:
        if key not in _KEYS:
            raise ValueError(f"rule {rule.code}: {key!r} is no key of a receipt and a channel line")
        sql = _PAIR.format(key=key, within=within)
        made += execute(sql, rule=rule, run=this_run, stage=Stage.CHANNEL)
    if rule.ambiguity == Rule.Ambiguity.TWINS:
        made += together.run_twins(rule, this_run)
    return made
