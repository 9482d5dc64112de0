"""What a run takes over from the one before it and hands on to the next: it never reads history.

A run sees the entries after those that the last run saw, what that one left open, and what people
joined or undid since. Entries are numbered while the books are held open and runs close them, so
nobody can add one behind a run's back. Made from nothing when no run has handed anything on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Max

from reconciliation.matching.ledger import IN_ERP, Ledger
from reconciliation.models import Match, Rule, Run, Stage

# Of one entry, by its own name: the same in every database that read the same files, and the same
# before and after its file was undone, which puts words before the key. Of a long key those words
# cut off the end, so no more of it counts than stays in any case.
KEY_KEPT: Final = 160 - len("undone::") - len(str(2**63))
KEY_HASH: Final = (
    "hashtextextended(e.book || ':' || left(CASE WHEN starts_with(e.source_key, 'undone:') "
    "THEN regexp_replace(e.source_key, '^undone:[0-9]+:', '') ELSE e.source_key END, "
    f"{KEY_KEPT}), 0)"
)
# Of one match, from the keys of its lines in no order, and by whom they were joined.
SEED: Final = "hashtextextended({code} || '|' || {stage}, 0)"
PAISE: Final = (
    "CASE WHEN {stage} = 'bank' AND e.book = 'channel' THEN e.net_paise ELSE e.amount_paise END"
)
# Who says a line: the account in the bank's book, else the channel. Of the ERP there is one only.
SOURCE: Final = "coalesce(e.bank_account_id, e.channel_id)"
# Whether it is what the day board counts as a receipt; what undoes one is none.
IS_PAYMENT: Final = "(e.book = 'receipts' AND e.kind IN ('payment', 'repeated'))"
IN_STAGE: Final = (
    "CASE {stage} WHEN 'channel' THEN e.in_channel_stage WHEN 'bank' THEN e.in_bank_stage "
    f"ELSE coalesce({IN_ERP}, false) END"
)


@dataclass(frozen=True, slots=True)
class Since:
    """From where a run looks: the last entry and the last match that the run before it knew."""

    entry: int = 0
    match: int = 0
    rates_hash: str = ""
    taken: frozenset[str] = frozenset(Stage)  # in which stages people may have joined something

    def as_params(self) -> dict[str, int]:
        """For the statements of the passes."""
        return {"since_entry": self.entry, "since_match": self.match}


def last_match() -> int:
    """The number of the latest match; every later one has a greater number."""
    return Match.objects.aggregate(last=Max("id"))["last"] or 0


def take_over(run: Run, *, rebuild: bool, ledger: Ledger | None = None) -> Since:
    """Bring what the last run handed on up to this moment of closed books.

    Where postings are expected since another day than before, all is read anew.
    """
    last = Run.objects.filter(state=Run.State.DONE, matches_until__isnull=False).order_by("-id")
    before = None if rebuild else last.first()
    run.ledger_from = ledger.system.compared_from if ledger else None
    if before is not None and before.ledger_from != run.ledger_from:
        before = None
    with connection.cursor() as cursor:
        if before is None:
            since = Since()
            cursor.execute(_FORGET)
        else:
            since = Since(before.entries_until, before.matches_until or 0, before.rates_hash)
            run.matches_hash = before.matches_hash
        since = begin(since)
        cursor.execute(_MOVED_BY_PEOPLE, since.as_params())
        run.matches_hash ^= _hash(cursor, _HASH_BY_PEOPLE, since.as_params())
        cursor.execute(_OPEN_AGAIN, since.as_params())
        # An undo opens as many as a day has: the planner must not judge by what was open before.
        cursor.execute("ANALYZE reconciliation_openitem")
        _add_arrivals(since)
        if ledger is not None:
            cursor.execute(_ARRIVED_BEFORE_ERP, since.as_params())
    return since


def begin(since: Since) -> Since:
    """Make the tables of a run: what people have taken since, what moves, what passes make.

    Answers the same, with the stages in which anything was taken.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TABLES, since.as_params())
        cursor.execute("SELECT DISTINCT stage FROM taken")
        return replace(since, taken=frozenset(stage for (stage,) in cursor.fetchall()))


def not_taken(stage: str) -> str:
    """Whether nobody has joined the entry ``e`` in a stage since the last run."""
    return f"""NOT EXISTS (SELECT FROM taken t
                            WHERE t.entry_id = e.id AND t.stage = '{stage}')"""


def asked_of(sql: str, since: Since) -> str:
    """The statement without ``not_taken`` for stages in which nobody took anything.

    A plan that reads a temporary table has one core only, and asks it for every entry.
    """
    for stage in Stage.values:
        if stage not in since.taken:
            sql = sql.replace(not_taken(stage), "true")
    return sql


def leave_alone(since: Since, stage: str, *, made_after: int) -> Since:
    """Let what this run has matched in a stage be taken, for the rules that come after."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_MADE, {"stage": stage, "made_after": made_after})
    return replace(since, taken=since.taken | {stage})


_TAKE_MADE: Final = """
INSERT INTO taken
SELECT l.entry_id, l.stage
  FROM reconciliation_match m JOIN reconciliation_matchline l ON l.match_id = m.id
 WHERE m.id > %(made_after)s AND m.stage = %(stage)s AND l.is_live
EXCEPT SELECT entry_id, stage FROM taken;
ANALYZE taken
"""


def _hash(cursor: CursorWrapper, sql: str, params: Mapping[str, int | str]) -> int:
    cursor.execute(sql, params)
    (found,) = cursor.fetchone() or (0,)
    return int(found)


_FORGET: Final = """
DELETE FROM reconciliation_openitem;
DELETE FROM reconciliation_openlines;
DELETE FROM reconciliation_daytally;
DELETE FROM reconciliation_undonematch;
"""

# ``taken``: entries that people joined since. ``moved``: what the tallies have to learn.
_TABLES: Final = """
DROP TABLE IF EXISTS taken, moved, made_hash;
CREATE TEMP TABLE taken ON COMMIT DROP AS
SELECT l.entry_id, l.stage
  FROM reconciliation_match m JOIN reconciliation_matchline l ON l.match_id = m.id
 WHERE m.id > %(since_match)s AND l.is_live;
ANALYZE taken;
CREATE TEMP TABLE moved (
  stage text, book text, business_date date, matched_on date, is_written_off boolean,
  count bigint, paise bigint, source_id bigint, is_payment boolean DEFAULT false
) ON COMMIT DROP;
CREATE TEMP TABLE made_hash (match_id bigint, key_hash bigint) ON COMMIT DROP;
"""

# Joined since and still so; and undone since, of what a run has counted before.
_BY_PEOPLE: Final = """
    SELECT m.id, 1 AS sign FROM reconciliation_match m
     WHERE m.id > %(since_match)s AND m.undone_at IS NULL
    UNION ALL
    SELECT u.match_id, -1 FROM reconciliation_undonematch u WHERE u.match_id <= %(since_match)s
"""

_MOVED_BY_PEOPLE: Final = f"""
INSERT INTO moved
SELECT l.stage, e.book, e.business_date, m.matched_on, m.kind = 'write_off',
       sum(c.sign), sum(c.sign * {PAISE.format(stage="l.stage")}), {SOURCE}
  FROM ({_BY_PEOPLE}) AS c
  JOIN reconciliation_match m ON m.id = c.id
  JOIN reconciliation_matchline l ON l.match_id = m.id
  JOIN reconciliation_entry e ON e.id = l.entry_id
 WHERE {IN_STAGE.format(stage="l.stage")}
 GROUP BY 1, 2, 3, 4, 5, 8
"""  # noqa: S608 - constants of this module

_HASH_BY_PEOPLE: Final = f"""
SELECT coalesce(bit_xor(one), 0)
  FROM (SELECT hashint8extended(bit_xor({KEY_HASH}),
                                {SEED.format(code="coalesce(r.code, m.kind)", stage="m.stage")})
               AS one
          FROM ({_BY_PEOPLE}) AS c
          JOIN reconciliation_match m ON m.id = c.id
          JOIN reconciliation_matchline l ON l.match_id = m.id
          JOIN reconciliation_entry e ON e.id = l.entry_id
          LEFT JOIN reconciliation_rule r ON r.id = m.rule_id
         GROUP BY m.id, r.code, m.kind, m.stage) AS hashed
"""  # noqa: S608 - constants of this module

_OPEN_AGAIN: Final = f"""
-- Lines of a settlement are one row: where people joined or undid one of them, all stand alone.
WITH touched AS (
    SELECT entry_id FROM taken WHERE stage = 'bank'
    UNION
    SELECT l.entry_id
      FROM reconciliation_undonematch u
      JOIN reconciliation_matchline l ON l.match_id = u.match_id AND l.stage = 'bank'
), hit AS (
    SELECT DISTINCT o.id
      FROM touched t
      JOIN reconciliation_entry e ON e.id = t.entry_id AND e.book = 'channel'
      JOIN reconciliation_openlines o ON o.channel_id = e.channel_id
       AND o.settlement_ref = e.settlement_ref AND o.utr = e.utr
), gone AS (
    DELETE FROM reconciliation_openlines o USING hit WHERE o.id = hit.id RETURNING o.line_ids
)
INSERT INTO reconciliation_openitem (entry_id, stage)
SELECT unnest(line_ids), 'bank' FROM gone ON CONFLICT DO NOTHING;

INSERT INTO reconciliation_openitem (entry_id, stage)
SELECT l.entry_id, l.stage
  FROM reconciliation_undonematch u
  JOIN reconciliation_matchline l ON l.match_id = u.match_id
  JOIN reconciliation_entry e ON e.id = l.entry_id
 WHERE NOT l.is_live AND e.id <= %(since_entry)s AND {IN_STAGE.format(stage="l.stage")}
    ON CONFLICT DO NOTHING;

DELETE FROM reconciliation_openitem i USING taken t
 WHERE i.entry_id = t.entry_id AND i.stage = t.stage;
DELETE FROM reconciliation_undonematch;
"""  # noqa: S608 - constants of this module

_ARRIVED: Final = f"""
SELECT e.book, e.business_date, e.in_channel_stage, e.in_bank_stage, {SOURCE}, {IS_PAYMENT},
       count(*), sum(e.amount_paise)::bigint, sum(e.net_paise)::bigint
  FROM reconciliation_entry e
 WHERE e.id > %(since_entry)s AND (e.in_channel_stage OR e.in_bank_stage)
 GROUP BY 1, 2, 3, 4, 5, 6
"""  # noqa: S608 - constants of this module
_MOVE: Final = "INSERT INTO moved VALUES (%s, %s, %s, NULL, false, %s, %s, %s, %s)"


def _add_arrivals(since: Since) -> None:
    """What came since, by day. Read apart from the writing: so the database may use both cores."""
    rows = []
    with connection.cursor() as cursor:
        cursor.execute(_ARRIVED, since.as_params())
        for book, day, in_channel, in_bank, source, is_payment, *sums in cursor.fetchall():
            count, gross, net = sums
            if in_channel:
                rows.append(("channel", book, day, count, gross, source, is_payment))
            if in_bank:
                paise = net if book == "channel" else gross
                rows.append(("bank", book, day, count, paise, source, is_payment))
        cursor.executemany(_MOVE, rows)


_ARRIVED_BEFORE_ERP: Final = f"""
INSERT INTO moved
SELECT 'erp', e.book, e.business_date, NULL, false, count(*), sum(e.amount_paise)::bigint,
       {SOURCE}, {IS_PAYMENT}
  FROM reconciliation_entry e WHERE e.id > %(since_entry)s AND {IN_ERP} GROUP BY 2, 3, 8, 9
"""  # noqa: S608 - constants of this package


def note_made(rule: Rule, run: Run) -> None:
    """Take what a pass noted in ``made_hash`` into the hash of the run's matches."""
    with connection.cursor() as cursor:
        run.matches_hash ^= _hash(cursor, _HASH_MADE, {"code": rule.code})


_HASH_MADE: Final = f"""
WITH gone AS (DELETE FROM made_hash RETURNING match_id, key_hash), made AS (
    SELECT match_id, bit_xor(key_hash) AS key_hash FROM gone GROUP BY match_id
)
SELECT coalesce(bit_xor(hashint8extended(made.key_hash,
                        {SEED.format(code="%(code)s::text", stage="m.stage")})), 0)
  FROM made JOIN reconciliation_match m ON m.id = made.match_id
"""  # noqa: S608 - constants of this module


def hand_on(run: Run) -> None:
    """After the passes: what is open now, and the tallies, for the proof and for the next run."""
    with connection.cursor() as cursor:
        cursor.execute(_HAND_ON)
    run.matches_until = last_match()


_HAND_ON: Final = f"""
DROP TABLE IF EXISTS open_now;
CREATE TEMP TABLE open_now ON COMMIT DROP AS
SELECT e.stage, e.book, e.business_date, {SOURCE} AS source_id,
       count(*) AS count, sum(e.amount_paise)::bigint AS paise
  FROM open_entry e GROUP BY 1, 2, 3, 4
UNION ALL
SELECT 'bank', 'channel', business_date, channel_id, sum(line_count)::bigint,
       sum(net_paise)::bigint
  FROM open_lines GROUP BY 3, 4;

DELETE FROM reconciliation_openitem i
 WHERE NOT EXISTS (SELECT FROM open_entry o WHERE o.id = i.entry_id AND o.stage = i.stage);
INSERT INTO reconciliation_openitem (entry_id, stage)
SELECT o.id, o.stage FROM open_entry o
 WHERE NOT EXISTS (SELECT FROM reconciliation_openitem i
                    WHERE i.entry_id = o.id AND i.stage = o.stage)
 ORDER BY o.id;

DELETE FROM reconciliation_openlines l
 WHERE NOT EXISTS (SELECT FROM open_lines o WHERE o.stored_id = l.id);
UPDATE reconciliation_openlines l SET is_apart = true
  FROM open_lines o WHERE o.stored_id = l.id AND o.is_apart AND NOT l.is_apart;
INSERT INTO reconciliation_openlines
       (channel_id, settlement_ref, utr, business_date, due_on, line_count, net_paise, line_hash,
        line_ids, is_apart)
SELECT channel_id, settlement_ref, utr, business_date, due_on, line_count, net_paise, line_hash,
       line_ids, is_apart
  FROM open_lines WHERE stored_id IS NULL ORDER BY piece;

INSERT INTO reconciliation_daytally
       (business_date, stage, book, source_id, matched_on, is_written_off, is_payment, count, paise)
SELECT business_date, stage, book, source_id, matched_on, is_written_off, is_payment,
       sum(count), sum(paise)
  FROM moved GROUP BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (business_date, stage, book, source_id, matched_on, is_written_off, is_payment)
    DO UPDATE SET count = reconciliation_daytally.count + EXCLUDED.count,
                  paise = reconciliation_daytally.paise + EXCLUDED.paise;
"""  # noqa: S608 - constants of this module
