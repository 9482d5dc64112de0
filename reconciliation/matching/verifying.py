"""What runs hand on, held against all entries and matches: the self-check of the engine.

A run never reads history, so an error of an hour could live for ever. Here everything is worked
out anew from the full tables and compared; nothing is mended.
"""

from typing import ClassVar, Final

from django.db import connection

from cspdcl.kernel.errors import DomainError
from reconciliation.matching.carrying import IN_STAGE, IS_PAYMENT, KEY_HASH, PAISE, SEED, SOURCE
from reconciliation.models import Run


class BooksDiffer(DomainError):
    """What was handed on is not what the books hold; ``reconcile --rebuild`` makes it anew."""

    code: ClassVar[str] = "books_differ"


def verify(run: Run) -> None:
    """Inside a run that has handed on: raises BooksDiffer with all that differs."""
    found = [f"{name}: {count}" for name, sql in CHECKS.items() if (count := _count(sql))]
    with connection.cursor() as cursor:
        cursor.execute(_MATCHES_HASH)
        (matches_hash,) = cursor.fetchone() or (0,)
    if int(matches_hash) != run.matches_hash:
        found.append("the hash of the matches")
    if found:
        raise BooksDiffer(f"what the runs handed on differs from the books in {'; '.join(found)}")


def _count(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({sql}) AS differs")  # noqa: S608 - ours
        (count,) = cursor.fetchone() or (0,)
    return int(count)


_STAGES: Final = "(VALUES ('channel'), ('bank'), ('erp')) AS s(stage)"

_OPEN: Final = f"""
    SELECT e.id, s.stage
      FROM reconciliation_entry e CROSS JOIN {_STAGES}
     WHERE {IN_STAGE.format(stage="s.stage")}
       AND NOT EXISTS (SELECT FROM reconciliation_matchline l
                        WHERE l.entry_id = e.id AND l.stage = s.stage AND l.is_live)
"""  # noqa: S608 - constants of this package

_HANDED_ON: Final = """
    SELECT entry_id, stage FROM reconciliation_openitem
     UNION ALL
    SELECT unnest(line_ids), 'bank' FROM reconciliation_openlines
"""

_TALLIES: Final = f"""
    SELECT s.stage, e.book, {SOURCE} AS source_id, e.business_date, NULL::date AS matched_on,
           false AS is_written_off, {IS_PAYMENT} AS is_payment, count(*) AS count,
           sum({PAISE.format(stage="s.stage")}) AS paise
      FROM reconciliation_entry e CROSS JOIN {_STAGES}
     WHERE {IN_STAGE.format(stage="s.stage")}
     GROUP BY 1, 2, 3, 4, 7
     UNION ALL
    SELECT l.stage, e.book, {SOURCE}, e.business_date, m.matched_on, m.kind = 'write_off',
           false, count(*), sum({PAISE.format(stage="l.stage")})
      FROM reconciliation_matchline l
      JOIN reconciliation_match m ON m.id = l.match_id
      JOIN reconciliation_entry e ON e.id = l.entry_id
     WHERE l.is_live AND {IN_STAGE.format(stage="l.stage")}
     GROUP BY 1, 2, 3, 4, 5, 6
"""  # noqa: S608 - constants of this package

_TOLD: Final = """
    SELECT stage, book, source_id, business_date, matched_on, is_written_off, is_payment,
           count, paise
      FROM reconciliation_daytally WHERE (count, paise) <> (0, 0)
"""

# Each selects what differs; nothing is the answer that proves.
CHECKS: Final = {
    "open items left out": f"({_OPEN}) EXCEPT ALL ({_HANDED_ON})",
    "open items too many": f"({_HANDED_ON}) EXCEPT ALL ({_OPEN})",
    "sums of days": f"(({_TALLIES}) EXCEPT ALL ({_TOLD})) UNION ALL "
    f"(({_TOLD}) EXCEPT ALL ({_TALLIES}))",
    "open lines that moved": f"""
        SELECT o.id FROM reconciliation_openlines o
         CROSS JOIN LATERAL (
               SELECT count(*) AS count, sum(e.net_paise) AS paise, bit_xor({KEY_HASH}) AS hash
                 FROM reconciliation_entry e
                WHERE e.id = ANY (o.line_ids) AND e.channel_id = o.channel_id
                  AND e.settlement_ref = o.settlement_ref AND e.utr = o.utr
                  AND e.business_date = o.business_date) AS now
         WHERE (now.count, now.paise, now.hash) IS DISTINCT FROM
               (o.line_count, o.net_paise, o.line_hash)""",  # noqa: S608 - constants
    "entries matched twice in a stage": """
        SELECT entry_id, stage FROM reconciliation_matchline WHERE is_live
         GROUP BY 1, 2 HAVING count(*) > 1""",
}

_MATCHES_HASH: Final = f"""
SELECT coalesce(bit_xor(one), 0)
  FROM (SELECT hashint8extended(bit_xor({KEY_HASH}),
                                {SEED.format(code="coalesce(r.code, m.kind)", stage="m.stage")})
               AS one
          FROM reconciliation_match m
          JOIN reconciliation_matchline l ON l.match_id = m.id
          JOIN reconciliation_entry e ON e.id = l.entry_id
          LEFT JOIN reconciliation_rule r ON r.id = m.rule_id
         WHERE m.undone_at IS NULL
         GROUP BY m.id, r.code, m.kind, m.stage) AS hashed
"""  # noqa: S608 - constants of this package
