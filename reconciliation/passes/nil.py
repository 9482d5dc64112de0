"""What nets to nothing needs no credit: a settlement of exactly zero, a cancelled receipt."""

from typing import Final

from reconciliation.models import Leg, Rule, Run, Stage
from reconciliation.passes.statement import INSERT_LINES, INSERT_MATCHES, execute

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
    SELECT channel_id, settlement, business_date, line_ids FROM open_settlement
     WHERE settlement <> '' AND net_paise = 0 ORDER BY channel_id, settlement
), {_INSERT}
SELECT match_id, unnest(line_ids), %(stage)s, true FROM numbered
"""  # noqa: S608 - constants of this package

_CANCELLED: Final = f"""
WITH nil AS (
    SELECT min(id) AS first_id, array_agg(id) AS entry_ids, max(business_date) AS business_date
      FROM open_entry
     WHERE stage = 'bank' AND book = 'receipts' AND kind IN ('payment', 'reversal')
     GROUP BY reference
    HAVING count(*) = 2 AND count(*) FILTER (WHERE kind = 'reversal') = 1 AND sum(amount_paise) = 0
     ORDER BY 1
), {_INSERT}
SELECT match_id, unnest(entry_ids), %(stage)s, true FROM numbered
"""  # noqa: S608 - constants of this package


def run(rule: Rule, this_run: Run) -> int:
    """Match what sums to zero; returns the matches made."""
    sql = _SETTLEMENTS if rule.leg == Leg.CHANNEL_BANK else _CANCELLED
    return execute(sql, rule=rule, run=this_run, stage=Stage.BANK)
