"""Pairs that are found before the open tables are made: which of them are a choice, and their sums.

They stand in the temporary table ``pair``: of each side its entry, day and amount, of both one hash
of their keys, and the channel.
"""

from typing import Final

from django.db import connection

from reconciliation.models import Book, Rule, Run, Stage

# What is in two pairs is in none.
LEAVE_CHOICES: Final = """
DELETE FROM pair
 WHERE left_id IN (SELECT left_id FROM pair GROUP BY left_id HAVING count(*) > 1)
    OR right_id IN (SELECT right_id FROM pair GROUP BY right_id HAVING count(*) > 1)
"""

# The same sums that ``drop_matched`` would take from the open tables, which are not made yet.
_SUMMED: Final = """
WITH summed AS (
    SELECT left_on, right_on, channel_id, greatest(left_on, right_on) AS matched_on,
           count(*) AS count, sum(left_paise) AS left_paise, sum(right_paise) AS right_paise,
           bit_xor(hashint8extended(key_hash, hashtextextended(%(code)s || '|' || %(stage)s, 0)))
             AS hash
      FROM pair GROUP BY 1, 2, 3, 4
), noted AS (
    INSERT INTO moved
    SELECT %(stage)s, side.book, side.day, s.matched_on, false, s.count, side.paise, side.source
      FROM summed s
     CROSS JOIN LATERAL (VALUES
           ('receipts', s.left_on, s.left_paise, s.channel_id),
           ('{right}', s.right_on, s.right_paise, {source})) AS side(book, day, paise, source)
)
SELECT coalesce(sum(count), 0)::bigint, coalesce(bit_xor(hash), 0) FROM summed
"""


def note(rule: Rule, run: Run, *, stage: Stage, right: Book, source: str) -> int:
    """Tell the tallies and the run's hash of the pairs that became matches; returns how many.

    ``source`` is who says the right side, in SQL: the channel of the pair, or nobody.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _SUMMED.format(right=right, source=source), {"stage": stage, "code": rule.code}
        )
        made, key_hash = cursor.fetchone() or (0, 0)
    run.matches_hash ^= int(key_hash)
    return int(made)
