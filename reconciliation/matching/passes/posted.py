"""One receipt and one posting of the same reference, amount and consumer, and no third of them.

It is tried before the open tables are made: on a usual day it leaves next to nothing of a million.
"""

from typing import Final

from django.db import connection

from reconciliation.incoming.intake import MANY
from reconciliation.matching.carrying import KEY_HASH, Since, asked_of, not_taken
from reconciliation.matching.ledger import IN_ERP
from reconciliation.matching.passes import pairs, windows
from reconciliation.matching.passes.pairs import LEAVE_CHOICES
from reconciliation.matching.passes.statement import INSERT_LINES, INSERT_MATCHES, params_of
from reconciliation.models import Book, Rule, Run, Stage

_NARROW: Final = (
    "e.id, e.channel_id, e.business_date, e.amount_paise, e.reference, e.consumer_number, "
    f"e.order_ref, {KEY_HASH} AS key_hash"
)
# What lies in clarification is nobody's yet.
_NAMES_ONE: Final = "e.reference <> '' AND e.kind <> 'unknown' AND e.code <> 'clarification'"

# The ERP fills numbers up with zeros. Where one side says no consumer there is nothing to compare;
# a payer who told the business partner's number agrees by that.
SAME_CONSUMER: Final = """(ltrim({left}.consumer_number, '0') IN ('', ltrim({right}.consumer_number, '0'),
                                              ltrim({right}.order_ref, '0'))
        OR {right}.consumer_number = '' AND {right}.order_ref = '')"""  # noqa: E501


def _open_of(book: str, table: str) -> str:
    """What is open of a book before the ERP, in a table of its own, which the planner knows.

    Read straight from the entries it would be guessed at: after an undo a million may be open of
    which no statistics tell, and a loop in a loop would never end.
    """
    return f"""
CREATE TEMP TABLE {table} ON COMMIT DROP AS
SELECT {_NARROW}
  FROM reconciliation_entry e
 WHERE e.id > %(since_entry)s AND e.book = '{book}' AND {IN_ERP} AND {_NAMES_ONE}
   AND {not_taken("erp")}
 UNION ALL
SELECT {_NARROW}
  FROM reconciliation_openitem i JOIN reconciliation_entry e ON e.id = i.entry_id
 WHERE i.stage = 'erp' AND e.book = '{book}' AND {_NAMES_ONE}
   AND {not_taken("erp")};
ANALYZE {table};
"""  # noqa: S608 - constants of this package


_JOINED: Final = f"""
DROP TABLE IF EXISTS pair, waiting_receipt, waiting_posting;
{_open_of("receipts", "waiting_receipt")}
{_open_of("erp", "waiting_posting")}
CREATE TEMP TABLE pair ON COMMIT DROP AS
SELECT l.id AS left_id, r.id AS right_id, l.business_date AS left_on, r.business_date AS right_on,
       l.amount_paise AS left_paise, r.amount_paise AS right_paise,
       l.key_hash # r.key_hash AS key_hash, l.channel_id
  FROM waiting_receipt l
  JOIN waiting_posting r
    ON r.reference = l.reference AND r.amount_paise = l.amount_paise
   AND {SAME_CONSUMER.format(left="l", right="r")};
{LEAVE_CHOICES};
DELETE FROM pair WHERE (true{{within}}) IS NOT TRUE;
WITH numbered AS (
    SELECT nextval('reconciliation_match_id_seq') AS match_id, p.*
      FROM (SELECT * FROM pair ORDER BY left_id) AS p
), matched AS (
{INSERT_MATCHES}    SELECT match_id, 'rule', %(stage)s, %(leg)s, %(run)s, %(rule)s,
           greatest(left_on, right_on), 0 FROM numbered
)
{INSERT_LINES}SELECT n.match_id, side.id, %(stage)s, true
  FROM numbered n CROSS JOIN LATERAL (VALUES (n.left_id), (n.right_id)) AS side(id);
-- The open tables leave out what is taken.
INSERT INTO taken SELECT left_id, %(stage)s FROM pair UNION ALL SELECT right_id, %(stage)s FROM pair;
ANALYZE taken;
"""  # noqa: S608, E501 - constants of this package


def run(rule: Rule, this_run: Run, since: Since) -> int:
    """Match receipts with their postings, before the open tables are made."""
    params = params_of(rule, run=this_run, stage=Stage.ERP)
    within = windows.within(rule, left="left_on", right="right_on")
    with connection.cursor() as cursor:
        cursor.execute(
            asked_of(_JOINED.format(within=within), since), {**params, **since.as_params()}
        )
        made = pairs.note(rule, this_run, stage=Stage.ERP, right=Book.ERP, source="NULL")
        if made >= MANY:
            cursor.execute("ANALYZE reconciliation_match, reconciliation_matchpart")
    return made
