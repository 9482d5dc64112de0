"""What a version of a rule would do otherwise, told by the engine's own passes on copies.

The entries that are asked about are copied into temporary tables that bear the names of the real
ones; a session looks there first, so the passes of the engine read and write the copies and know
of nothing else: to them it is the first run of an installation. Everything is rolled back at the
end: no row of the books is written or locked.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import takewhile
from typing import Any, Final

from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Max

from cspdcl.kernel.clock import now, today
from reconciliation import locks
from reconciliation.matching import carrying, ledger
from reconciliation.matching.carrying import Since
from reconciliation.matching.passes import is_early, open_items, run_early, run_open
from reconciliation.models import BackTest, Rule, Run
from reconciliation.rulebook import rules

log = logging.getLogger(__name__)

DAYS: Final = 90
DAYS_MAX: Final = 366
SAMPLES: Final = 20
NOW_DAYS: Final = 31  # how far back the quick count looks
_RUNS_NOW: Final = 5
_PATIENCE: Final = 1800  # seconds that one statement may take
_LINES_SHOWN: Final = 4  # of a match that is shown as a sample
_BEFORE, _WITH, _WITHOUT = -1, -2, -3  # runs that are none: what was matched by which set of rules

WORDS: Final = ("match", "break", "change")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries are copied: a condition on ``e`` and its parameters."""

    where: str
    params: dict[str, Any]


# ---- doing ----


def last_day() -> date:
    """The last day that a run has proved; without one, today."""
    proved = Run.objects.filter(state=Run.State.DONE).aggregate(last=Max("business_date"))["last"]
    return min(proved or today(), today())


def run(test_id: int) -> BackTest:
    """Do what was asked for; asked twice, it is done once."""
    taken = BackTest.objects.filter(pk=test_id, state=BackTest.State.QUEUED).update(
        state=BackTest.State.RUNNING, started_at=now()
    )
    test = BackTest.objects.select_related("rule").get(pk=test_id)
    if not taken:
        return test
    try:
        test.found = compare(test.rule, over_days(test.rule, test.since, test.until))
    except DatabaseError as error:
        test.state, test.problem = BackTest.State.FAILED, str(error).strip()[:300]
        log.warning("the back-test of %s failed: %s", test.rule, error)
    else:
        test.state = BackTest.State.DONE
    test.finished_at = now()
    test.save(update_fields=["state", "found", "problem", "finished_at"])
    return test


def take_up_lost() -> int:
    """Do what was asked for and no worker heard of; how many."""
    lost = BackTest.objects.filter(
        state=BackTest.State.QUEUED, asked_at__lt=now() - timedelta(minutes=1)
    )
    found = list(lost.order_by("id").values_list("pk", flat=True))
    for test_id in found:
        run(test_id)
    return len(found)


def give_up_lost() -> int:
    """End back-tests whose worker died, so that another may be asked for; how many."""
    lost = BackTest.objects.filter(
        state=BackTest.State.RUNNING, started_at__lt=now() - locks.LONGEST_TRANSACTION
    )
    return lost.update(
        state=BackTest.State.FAILED, finished_at=now(), problem="its worker did not come back"
    )


# ---- which entries ----


def over_days(rule: Rule, since: date, until: date) -> Asked:
    """All entries of some days in the rule's stage, but for those that people decided on."""
    stage = rules.stage_of(rule)
    return Asked(
        where=f"""{carrying.IN_STAGE.format(stage=f"'{stage}'")}
          AND e.business_date BETWEEN %(since)s AND %(until)s
          AND NOT EXISTS (
              SELECT FROM reconciliation_matchline l
                JOIN reconciliation_match m ON m.id = l.match_id AND m.kind <> 'rule'
               WHERE l.entry_id = e.id AND l.stage = '{stage}' AND l.is_live)""",
        params={"since": since, "until": until},
    )


def open_now(rule: Rule) -> Asked:
    """What is open in the rule's stage, and what its versions matched in the last few runs.

    By what the last run handed on, and what came or was undone since: no history is read.
    """
    stage = rules.stage_of(rule)
    known = list(Rule.objects.filter(code=rule.code).values_list("pk", flat=True))
    done = list(Run.objects.filter(state=Run.State.DONE).order_by("-id")[:_RUNS_NOW])
    last = next((run for run in done if run.matches_until is not None), None)
    return Asked(
        where=f"""{carrying.IN_STAGE.format(stage=f"'{stage}'")}
          AND e.business_date >= %(since)s
          AND e.id IN (
              SELECT id FROM reconciliation_entry WHERE id > %(seen)s
              UNION ALL
              SELECT entry_id FROM reconciliation_openitem WHERE stage = '{stage}'
              UNION ALL
              SELECT unnest(line_ids) FROM reconciliation_openlines WHERE '{stage}' = 'bank'
              UNION ALL
              SELECT l.entry_id FROM reconciliation_undonematch u
                JOIN reconciliation_matchline l ON l.match_id = u.match_id
              UNION ALL
              SELECT l.entry_id FROM reconciliation_match m
                JOIN reconciliation_matchline l ON l.match_id = m.id AND l.is_live
               WHERE m.run_id = ANY(%(runs)s) AND m.rule_id = ANY(%(rules)s))
          AND NOT EXISTS (
              SELECT FROM reconciliation_matchline l
                JOIN reconciliation_match m ON m.id = l.match_id
               WHERE l.entry_id = e.id AND l.stage = '{stage}' AND l.is_live
                 AND (m.run_id = ANY(%(runs)s) AND m.rule_id = ANY(%(rules)s)) IS NOT TRUE)""",  # noqa: S608 - the stage is a word of ours
        params={
            "since": last_day() - timedelta(days=NOW_DAYS),
            "seen": last.entries_until if last is not None else 0,
            "runs": [run.pk for run in done],
            "rules": known,
        },
    )


# ---- comparing ----


def compare(rule: Rule, asked: Asked, *, seconds: int = _PATIENCE) -> dict[str, Any]:
    """What the rules would match with this version, against what they match as they are."""
    before, after = _rules_without(rule), _rules_with(rule)
    same = sum(1 for _pair in takewhile(_is_same, zip(before, after, strict=False)))
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [f"{seconds}s"])
        count = _copy(asked)
        # What all rules before it match is the same both times: it is matched once.
        _play(before[:same], _BEFORE)
        _play(before[same:], _WITHOUT)
        _keep("told_before", _WITHOUT)
        _play(after[same:], _WITH)
        _keep("told_after", _WITH)
        found = {word: _told(word) for word in WORDS} | {"entries": count}
        transaction.set_rollback(True)
    return found


def count_now(rule: Rule, *, seconds: int = 4) -> dict[str, Any] | None:
    """The same for what is open at this moment; None when it would take too long to say."""
    try:
        return compare(rule, open_now(rule), seconds=seconds)
    except OperationalError:
        return None


def _is_same(pair: tuple[Rule, Rule]) -> bool:
    return pair[0].pk == pair[1].pk


def _rules_without(rule: Rule) -> list[Rule]:
    """The rules of its stage as they will be on its first day, but for the version itself."""
    held = rules.active_rules(max(rule.effective_from, today()))
    stage = rules.stage_of(rule)
    return _in_order(one for one in held if rules.stage_of(one) == stage)


def _rules_with(rule: Rule) -> list[Rule]:
    others = [one for one in _rules_without(rule) if one.code != rule.code]
    return _in_order([*others, *([rule] if rule.is_active else [])])


def _in_order(some: Iterable[Rule]) -> list[Rule]:
    """As a run tries them: what needs no open tables comes first."""
    return sorted(some, key=lambda one: (not is_early(one), one.priority, one.code))


_COPIES: Final = """
CREATE TEMP TABLE reconciliation_entry ON COMMIT DROP AS
SELECT e.* FROM reconciliation_entry e WHERE {where};
CREATE UNIQUE INDEX ON reconciliation_entry (id);
CREATE TEMP SEQUENCE reconciliation_match_id_seq;
CREATE TEMP TABLE reconciliation_match (LIKE reconciliation_match) ON COMMIT DROP;
ALTER TABLE reconciliation_match
  ALTER COLUMN id SET DEFAULT nextval('reconciliation_match_id_seq');
CREATE UNIQUE INDEX ON reconciliation_match (id);
CREATE INDEX ON reconciliation_match (left_id);
CREATE INDEX ON reconciliation_match (right_id);
CREATE TEMP TABLE reconciliation_matchpart (LIKE reconciliation_matchpart) ON COMMIT DROP;
CREATE INDEX ON reconciliation_matchpart (entry_id);
CREATE INDEX ON reconciliation_matchpart (match_id);
CREATE TEMP TABLE reconciliation_openitem (LIKE reconciliation_openitem) ON COMMIT DROP;
CREATE TEMP TABLE reconciliation_openlines (LIKE reconciliation_openlines) ON COMMIT DROP;
CREATE TEMP VIEW reconciliation_matchline AS {lines};
ANALYZE reconciliation_entry;
"""

# Of the view its own words: over the copies they mean the copies.
_LINES_OF: Final = "SELECT pg_get_viewdef('reconciliation_matchline'::regclass)"

_ARE_COPIES: Final = """
SELECT bool_and(relnamespace = pg_my_temp_schema()), count(*)
  FROM pg_class
 WHERE oid IN ('reconciliation_entry'::regclass, 'reconciliation_match'::regclass,
               'reconciliation_matchpart'::regclass, 'reconciliation_matchline'::regclass,
               'reconciliation_openitem'::regclass, 'reconciliation_openlines'::regclass,
               'reconciliation_match_id_seq'::regclass)
"""
_COPIED: Final = 7


def _copy(asked: Asked) -> int:
    """Make the copies; from here on the names of the books mean them. Returns the entries."""
    with connection.cursor() as cursor:
        cursor.execute(_LINES_OF)
        (lines,) = cursor.fetchone() or ("",)
        made = _COPIES.format(where=asked.where, lines=lines.rstrip().rstrip(";"))
        cursor.execute(made, asked.params)
        cursor.execute(_ARE_COPIES)
        are_copies, count = cursor.fetchone() or (False, 0)
        if not are_copies or count != _COPIED:
            raise RuntimeError("the session does not look at its temporary tables first")
        cursor.execute("SELECT count(*) FROM reconciliation_entry")
        (entries,) = cursor.fetchone() or (0,)
    return int(entries)


def _play(some: Sequence[Rule], number: int) -> None:
    """Let rules match what is open in the copies, as a run does."""
    this = Run(pk=number, business_date=today())
    since, before = Since(), carrying.last_match()
    carrying.begin(since)
    run_early(some, this, since)
    open_items.prepare(since, paired_since=before, erp=ledger.ledger_now())
    run_open(some, this)


_KEEP: Final = """
CREATE TEMP TABLE {table} ON COMMIT DROP AS
WITH line AS (
    SELECT l.entry_id, l.match_id, m.rule_id
      FROM reconciliation_match m JOIN reconciliation_matchline l ON l.match_id = m.id
     WHERE m.run_id = %(run)s
), whole AS (
    SELECT match_id, md5(string_agg(entry_id::text, ',' ORDER BY entry_id)) AS entries
      FROM line GROUP BY match_id
)
SELECT line.*, whole.entries FROM line JOIN whole USING (match_id);
CREATE INDEX ON {table} (entry_id);
CREATE INDEX ON {table} (entries);
ANALYZE {table};
DELETE FROM reconciliation_matchpart p USING reconciliation_match m
 WHERE m.id = p.match_id AND m.run_id = %(run)s;
DELETE FROM reconciliation_match WHERE run_id = %(run)s;
"""


def _keep(table: str, number: int) -> None:
    """Note what one set of rules has matched, and take it back."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP.format(table=table), {"run": number})


# A match of the one side that the other has not: new, gone, or of entries it matched otherwise.
_DIFFERENT: Final = """
WITH other AS (
    SELECT t.match_id, t.entries, bool_or(o.entry_id IS NOT NULL) AS is_changed
      FROM {here} t LEFT JOIN {there} o ON o.entry_id = t.entry_id
     WHERE NOT EXISTS (SELECT FROM {there} s WHERE s.entries = t.entries)
     GROUP BY t.match_id, t.entries
), found AS (
    SELECT other.match_id,
           abs(coalesce(sum(e.amount_paise) FILTER (WHERE e.book = 'bank'),
                        sum(e.amount_paise) FILTER (WHERE e.book = 'erp'),
                        sum(e.amount_paise) FILTER (WHERE e.book = 'channel'),
                        sum(e.amount_paise)))::bigint AS paise
      FROM other
      JOIN {here} t ON t.match_id = other.match_id
      JOIN reconciliation_entry e ON e.id = t.entry_id
     WHERE other.is_changed = %(changed)s
     GROUP BY other.match_id
)
"""

_SUMS: Final = f"{_DIFFERENT} SELECT count(*), coalesce(sum(paise), 0)::bigint FROM found"  # noqa: S608 - constants

_SAMPLES: Final = f"""{_DIFFERENT}
SELECT f.match_id, f.paise, r.rule_id, r.entry_ids, o.entry_ids AS other_ids
  FROM (SELECT * FROM found ORDER BY paise DESC, match_id LIMIT %(most)s) AS f
 CROSS JOIN LATERAL (
       SELECT max(t.rule_id) AS rule_id, array_agg(t.entry_id ORDER BY t.entry_id) AS entry_ids
         FROM {{here}} t WHERE t.match_id = f.match_id) AS r
 CROSS JOIN LATERAL (
       SELECT array_agg(DISTINCT w.entry_id) AS entry_ids
         FROM {{there}} o JOIN {{there}} w ON w.match_id = o.match_id
        WHERE o.entry_id = ANY (r.entry_ids)) AS o
 ORDER BY f.paise DESC, f.match_id
"""  # noqa: S608 - constants of this module


def _told(word: str) -> dict[str, Any]:
    """One kind of difference: how many matches, how much money, and the largest of them."""
    here, there = (
        ("told_before", "told_after") if word == "break" else ("told_after", "told_before")
    )
    params = {"changed": word == "change", "most": SAMPLES}
    with connection.cursor() as cursor:
        cursor.execute(_SUMS.format(here=here, there=there), params)
        count, paise = cursor.fetchone() or (0, 0)
        cursor.execute(_SAMPLES.format(here=here, there=there), params)
        rows = cursor.fetchall()
    samples = [
        {
            "rule": int(rule_id),
            "paise": int(of_match),
            "lines": _lines(entry_ids),
            "before": _lines(other_ids or []) if word == "change" else {},
        }
        for _match_id, of_match, rule_id, entry_ids, other_ids in rows
    ]
    return {"count": int(count), "paise": int(paise), "samples": samples}


_LINES: Final = """
SELECT book, kind, business_date::text, amount_paise,
       coalesce(nullif(reference, ''), nullif(channel_ref, ''), nullif(utr, ''), nullif(rrn, ''),
                source_key) AS name
  FROM reconciliation_entry WHERE id = ANY(%s) ORDER BY book <> 'receipts', id LIMIT %s
"""


def _lines(entry_ids: Sequence[int]) -> dict[str, Any]:
    """The first entries of a match as its sample shows them, and how many more there are."""
    with connection.cursor() as cursor:
        cursor.execute(_LINES, [list(entry_ids), _LINES_SHOWN])
        rows = cursor.fetchall()
    names = ("book", "kind", "day", "paise", "name")
    shown = [dict(zip(names, row, strict=True)) for row in rows]
    return {"shown": shown, "more": len(entry_ids) - len(shown)}
