"""Telling back what was done: a match, a decision, a file, a whole run. Two people, one action.

Nothing is deleted. Matches are marked and their entries are open again; the next run names them,
or matches them anew as the rules say by then. The lines of a file are cancelled by contra lines
and their keys become free, so that the right file may be loaded (docs/adr/0026).
Everything is a handful of statements, however many rows they touch.
"""

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Final

from django.db import connection, transaction
from kombu.exceptions import OperationalError

from channels_.models import StatementFile
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from people import audit
from people.access import has_role
from people.models import User
from people.roles import FINANCE, FINANCE_APPROVER
from reconciliation import locks
from reconciliation.desk import steps
from reconciliation.incoming.files import book_of
from reconciliation.matching.ledger import IN_ERP
from reconciliation.models import Decision, Evidence, Match, Run, Undo

log = logging.getLogger(__name__)

AT_ONCE_MAX: Final = 5_000  # matches and lines; more is left to the worker
WORDS_MAX: Final = 300


class NotUndoable(DomainError):
    """The thing cannot be told back, or not any more; the text says why."""

    code: ClassVar[str] = "not_undoable"


class NotYourPart(DomainError):
    """The person may not take this part: who proposes never approves."""

    code: ClassVar[str] = "not_your_part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The one thing that is to be told back, and the words for it."""

    kind: Undo.Kind
    key: str
    title: str
    match: Match | None = None
    decision: Decision | None = None
    file: StatementFile | None = None
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """How much an undo touches: matches, lines that leave the books, and their money."""

    matches: int
    entries: int
    paise: int


@dataclass(slots=True)
class _Where:
    """Which matches: a condition on ``m`` with its parameters."""

    sql: str
    params: dict[str, Any] = field(default_factory=dict)


# ---- what may be told back ----


def of_match(match: Match) -> Target:
    """A match of a rule, or of people."""
    title = f"match of {match.matched_on:%d-%m-%Y} by {match.rule or match.get_kind_display()}"
    return Target(kind=Undo.Kind.MATCH, key=f"match:{match.pk}", title=title, match=match)


def of_decision(decision: Decision) -> Target:
    """What two people decided, or one within the limit."""
    about = decision.open_break.reference if decision.open_break else decision.payment_reference
    return Target(
        kind=Undo.Kind.DECISION,
        key=f"decision:{decision.public_id}",
        title=f"{decision.get_kind_display()}, {about}"[:200],
        decision=decision,
    )


def of_file(file: StatementFile) -> Target:
    """A loaded file with all that it brought."""
    return Target(
        kind=Undo.Kind.FILE,
        key=f"file:{file.pk}",
        title=f"{file.name} of {file.source_code}"[:200],
        file=file,
    )


def of_run(run: Run) -> Target:
    """Every match that a run made."""
    title = f"run of {run.business_date:%d-%m-%Y}, {run.matched_count} matches"
    return Target(kind=Undo.Kind.RUN, key=f"run:{run.pk}", title=title, run=run)


# ---- the two people ----


@transaction.atomic
def propose(target: Target, *, why: str, maker: User) -> Undo:
    """Ask for an undo. Raises NotUndoable for what is not live, NotYourPart for who may not."""
    if not has_role(maker, *FINANCE):
        raise NotYourPart("a finance officer proposes to undo")
    words = why.strip()
    if not words:
        raise NotUndoable("undoing needs a reason")
    _refuse_under_way(target)
    _refuse_unfit(target)
    size = size_of(target)
    if target.decision is None and not size.matches and not size.entries:
        raise NotUndoable("nothing of it is live: it is undone already, or it did nothing")
    undo = Undo.objects.create(
        public_id=uuid.uuid4().hex,
        kind=target.kind,
        target=target.key,
        title=target.title,
        match=target.match,
        decision=target.decision,
        file=target.file,
        run=target.run,
        match_count=size.matches,
        entry_count=size.entries,
        amount_paise=size.paise,
        why=words[:WORDS_MAX],
        maker=maker,
    )
    audit.record(maker, "undo.proposed", ("undo", undo.public_id), after=facts_of(undo))
    return undo


@transaction.atomic
def approve(undo: Undo, *, checker: User, answer: str = "") -> Undo:
    """Say yes: what is small is done at once, a large file or run by the worker.

    Raises NotYourPart for the maker, NotUndoable for what has changed, BooksBusy during a run.
    """
    locked = _answerable(undo, checker)
    _answer(locked, Undo.State.APPROVED, checker, answer)
    size = size_of(locked)  # more may hang on it than when it was proposed
    if size.matches + size.entries <= AT_ONCE_MAX:
        _hold_books(locked)
        _act(locked)
    else:
        transaction.on_commit(partial(_send, locked.public_id))
    return locked


@transaction.atomic
def reject(undo: Undo, *, checker: User, answer: str) -> Undo:
    """Say no, with a reason; nothing changes."""
    if not answer.strip():
        raise NotUndoable("a rejection needs a reason")
    locked = _answerable(undo, checker)
    _answer(locked, Undo.State.REJECTED, checker, answer)
    return locked


def carry_out(public_id: str) -> bool:
    """Do what is approved and has not been done; says whether this call did it.

    It has the books for itself, as a run has: so it waits for loads, and a run waits for it.
    """
    try:
        with transaction.atomic():
            locks.wait_patiently()
            locks.hold_books_closed()
            waiting = Undo.objects.select_for_update(of=("self",)).filter(
                public_id=public_id, state=Undo.State.APPROVED
            )
            undo = waiting.first()
            if undo is None:
                return False
            _act(undo)
    except DomainError as refused:
        _refuse(public_id, str(refused))
        return False
    return True


def carry_out_approved() -> int:
    """All that is approved and was not done: a lost task is found here."""
    waiting = Undo.objects.filter(state=Undo.State.APPROVED).order_by("checked_at")
    return sum(carry_out(key) for key in list(waiting.values_list("public_id", flat=True)))


@transaction.atomic
def size_of(target: Target | Undo) -> Size:
    """What an undo would touch now, counted by the database.

    The lines of a file are gathered in a table that ends with the transaction, so there is one.
    """
    with connection.cursor() as cursor:
        if target.file is not None:
            _gather(cursor, target.file)
        where = _where(target)
        cursor.execute(_SIZE.format(where=where.sql), where.params)
        matches, paise = cursor.fetchone() or (0, 0)
        if target.file is None:
            return Size(matches=matches, entries=0, paise=paise)
        cursor.execute(_SIZE_OF_FILE)
        entries, paise = cursor.fetchone() or (0, 0)
    return Size(matches=matches, entries=entries, paise=paise)


def facts_of(undo: Undo) -> dict[str, object]:
    """An undo as the audit trail keeps it."""
    return {
        "kind": undo.kind,
        "target": undo.title,
        "matches": undo.done_matches or undo.match_count,
        "entries": undo.done_entries or undo.entry_count,
        "amount_paise": undo.done_paise or undo.amount_paise,
        "why": undo.why,
        "answer": undo.answer,
    }


# ---- the steps ----


def _refuse_under_way(target: Target) -> None:
    if Undo.objects.filter(
        target=target.key, state__in=[Undo.State.PROPOSED, Undo.State.APPROVED]
    ).exists():
        raise NotUndoable("somebody has proposed to undo this already")


def _refuse_unfit(target: Target | Undo) -> None:
    """What the counts do not tell: who must be undone first, or elsewhere."""
    match, decision, file, run = target.match, target.decision, target.file, target.run
    if match is not None and match.run_id is None and match.decision_id is None:
        raise NotUndoable("this match takes a file out of the books; load the file again instead")
    # As they stand now: what the caller holds may be an hour old.
    if decision is not None:
        _refuse_decision(Decision.objects.get(pk=decision.pk))
    if file is not None:
        _refuse_file(StatementFile.objects.get(pk=file.pk))
    if match is not None and match.decision is not None and match.decision.undone_at is not None:
        raise NotUndoable("the decision of this match is undone already")
    if match is not None and match.decision is not None and match.decision.kind in steps.KINDS:
        raise NotUndoable("undo the decision that made this match")
    if run is not None and Run.objects.get(pk=run.pk).state == Run.State.RUNNING:
        raise NotUndoable("the run is at work; it must end first")


def _refuse_decision(decision: Decision) -> None:
    if decision.state not in (Decision.State.APPROVED, Decision.State.ALONE):
        raise NotUndoable(f"this decision is {decision.get_state_display()}: it has done nothing")
    if decision.undone_at is not None:
        raise NotUndoable("nothing of it is live: it is undone already")
    if Evidence.objects.filter(decision=decision, undone_at=None).exists():
        raise NotUndoable("payments were made of this money; take them back at its credit")


def _refuse_file(file: StatementFile) -> None:
    if file.state != StatementFile.State.LOADED:
        raise NotUndoable(f"{file.name} is {file.get_state_display()}: nothing of it is live")
    made = Evidence.objects.filter(entry__file=file, undone_at=None)
    if made.exists():
        raise NotUndoable(
            f"payments were made of {made.count()} lines of this file; take them back first"
        )
    # What was put in the place of a credit stands and falls with it.
    split = Decision.objects.filter(
        kind=Decision.Kind.SPLIT,
        state=Decision.State.APPROVED,
        undone_at=None,
        lines__entry__file=file,
    )
    if split.exists():
        raise NotUndoable(
            f"{split.count()} credits of this file are split; undo those decisions first"
        )
    # What a later file repeated stands with the file that brought it first.
    later = StatementFile.objects.filter(
        channel=file.channel_id,
        bank_account=file.bank_account_id,
        ledger=file.ledger_id,
        state=StatementFile.State.LOADED,
        pk__gt=file.pk,
        covers_from__lte=file.covers_to,
        covers_to__gte=file.covers_from,
    )
    for one in later.order_by("-pk"):
        if one.added_count < one.line_count:
            raise NotUndoable(f"{one.name} came later and repeats its lines; undo that one first")


def _answerable(undo: Undo, checker: User) -> Undo:
    if not has_role(checker, FINANCE_APPROVER):
        raise NotYourPart("a finance approver decides")
    locked = Undo.objects.select_for_update(of=("self",)).get(pk=undo.pk)
    if locked.maker_id == checker.pk:
        raise NotYourPart("who proposed an undo cannot approve it")
    decision = locked.match.decision if locked.match is not None else locked.decision
    if decision is not None and decision.maker_id == checker.pk:
        raise NotYourPart("who proposed a decision cannot undo it alone")
    if locked.state != Undo.State.PROPOSED:
        raise NotUndoable(f"this is {locked.get_state_display()} already")
    return locked


def _answer(undo: Undo, state: Undo.State, checker: User, answer: str) -> None:
    undo.state, undo.checker, undo.checked_at = state, checker, now()
    undo.answer = answer.strip()[:WORDS_MAX]
    undo.save(update_fields=["state", "checker", "checked_at", "answer"])
    audit.record(checker, f"undo.{state}", ("undo", undo.public_id), after=facts_of(undo))


def _hold_books(undo: Undo) -> None:
    """A file's keys become free, and a run's matches many: nobody may load or match meanwhile."""
    if undo.kind in (Undo.Kind.FILE, Undo.Kind.RUN):
        locks.hold_books_closed_now()
    else:
        locks.hold_books_open_now()


def _act(undo: Undo) -> None:
    """Do it, inside the caller's transaction; what is live now is what is undone."""
    _refuse_unfit(undo)
    size = size_of(undo)
    if undo.decision is None and not size.matches and not size.entries:
        raise NotUndoable("nothing of it is live any more")
    moment = now()
    _unmatch(_where(undo), at=moment)
    if undo.file is not None:
        _take_out(undo.file)
    if undo.decision is not None:
        _take_back(undo.decision, undo, at=moment)
    undo.state, undo.done_at = Undo.State.DONE, moment
    undo.done_matches, undo.done_entries = size.matches, size.entries
    undo.done_paise = size.paise
    undo.save(update_fields=["state", "done_at", "done_matches", "done_entries", "done_paise"])
    by = undo.checker or audit.SYSTEM
    audit.record(by, "undo.done", ("undo", undo.public_id), after=facts_of(undo))
    log.info(
        "undo %s of %s: %s matches, %s entries", undo.public_id, undo.target,
        size.matches, size.entries,
    )  # fmt: skip


def _take_back(decision: Decision, undo: Undo, *, at: datetime) -> None:
    """What a decision did besides matching; then it is marked."""
    if decision.kind in steps.KINDS and undo.checker is not None:
        steps.take_back(decision, by=undo.checker)
    Decision.objects.filter(pk=decision.pk).update(undone_at=at)


def _refuse(public_id: str, problem: str) -> None:
    with transaction.atomic():
        waiting = Undo.objects.select_for_update(of=("self",)).filter(
            public_id=public_id, state=Undo.State.APPROVED
        )
        undo = waiting.first()
        if undo is None:
            return
        undo.state, undo.problem = Undo.State.REFUSED, problem[:WORDS_MAX]
        undo.save(update_fields=["state", "problem"])
        after = facts_of(undo) | {"problem": undo.problem}
        audit.record(audit.SYSTEM, "undo.refused", ("undo", undo.public_id), after=after)
    log.warning("undo %s was refused: %s", public_id, problem)


def _send(public_id: str) -> None:
    from reconciliation import tasks  # noqa: PLC0415 - the tasks call us

    try:
        tasks.carry_out_undo.apply_async(args=[public_id], retry=False)
    except (OperationalError, OSError) as error:
        log.warning("undo %s waits for the sweep: %s", public_id, error)


# ---- statements ----


def _where(target: Target | Undo) -> _Where:
    """The live matches of a target. For a file its lines were gathered before."""
    if target.match is not None:
        return _Where("m.id = %(key)s", {"key": target.match.pk})
    if target.decision is not None:
        return _Where("m.decision_id = %(key)s", {"key": target.decision.pk})
    if target.run is not None:
        return _Where("m.run_id = %(key)s", {"key": target.run.pk})
    return _Where(
        "m.id IN (SELECT l.match_id FROM undone_entry u JOIN reconciliation_matchline l "
        "ON l.entry_id = u.id AND l.is_live)"
    )


# The money of a match is counted on the side that a rupee passes first: no other is at hand
# without reading every line, and a settlement's lines are many.
_SIZE: Final = """
WITH hit AS MATERIALIZED (
    SELECT m.id, m.left_id FROM reconciliation_match m WHERE {where} AND m.undone_at IS NULL
), line AS (
    SELECT left_id AS entry_id, 'channel' AS stage FROM hit WHERE left_id IS NOT NULL
    UNION ALL
    SELECT p.entry_id, p.stage
      FROM hit JOIN reconciliation_matchpart p ON p.match_id = hit.id AND p.is_live
)
SELECT (SELECT count(*) FROM hit),
       (SELECT coalesce(sum(abs(e.amount_paise)), 0)::bigint
          FROM line JOIN reconciliation_entry e ON e.id = line.entry_id
         WHERE e.book NOT IN ('bank', 'erp') AND (line.stage = 'bank' OR e.book = 'receipts'))
"""

_GATHER: Final = f"""
DROP TABLE IF EXISTS undone_entry;
CREATE TEMP TABLE undone_entry ON COMMIT DROP AS
SELECT id, business_date, in_channel_stage, in_bank_stage,
       coalesce({IN_ERP}, false) AS in_erp_stage, abs(amount_paise) AS paise
  FROM reconciliation_entry e
 WHERE book = %(book)s AND business_date BETWEEN %(first)s AND %(last)s AND file_id = %(file)s
   AND NOT source_key LIKE ANY ('{{undone:%%,contra:%%,split:%%}}');
ANALYZE undone_entry
"""  # noqa: S608 - constants of ours

_SIZE_OF_FILE: Final = "SELECT count(*), coalesce(sum(paise), 0)::bigint FROM undone_entry"

# A pair has no parts: its one row says that it is undone. The next run hears of each match by a
# trigger of the table.
_UNMATCH_PARTS: Final = """
UPDATE reconciliation_matchpart p SET is_live = false
  FROM undone_match u WHERE p.match_id = u.id AND p.is_live
"""

_UNMATCH: Final = """
UPDATE reconciliation_match m SET undone_at = %(at)s FROM undone_match u WHERE m.id = u.id
"""

_CLOSE_BREAKS: Final = """
UPDATE reconciliation_break b
   SET state = 'closed', closed_at = %(at)s, closed_why = 'its file was undone'
 WHERE b.state = 'open' AND EXISTS (
       SELECT FROM reconciliation_breakline l JOIN undone_entry u ON u.id = l.entry_id
        WHERE l.open_break_id = b.id)
"""

# The key of a line becomes free; the guard of the table lets exactly this through, and only while
# the undo of its file is approved.
_FREE_KEYS: Final = """
UPDATE reconciliation_entry e
   SET source_key = left('undone:' || e.id || ':' || e.source_key, 160)
  FROM undone_entry u WHERE e.id = u.id
"""

# A contra line has the day of its line: so each day still adds up by itself. It names nothing, so
# that nothing can be found by it.
_CONTRA: Final = """
CREATE TEMP TABLE contra_entry ON COMMIT DROP AS
WITH made AS (
    INSERT INTO reconciliation_entry (
           book, kind, channel_id, bank_account_id, file_id, line, source_key, business_date,
           due_on, occurred_at, amount_paise, fee_paise, tax_paise, net_paise, reference,
           channel_ref, order_ref, original_ref, settlement_ref, deposit_ref, utr, rrn, instrument,
           consumer_number, method, network, code, narration, in_channel_stage, in_bank_stage)
    SELECT e.book, e.kind, e.channel_id, e.bank_account_id, e.file_id, e.line, 'contra:' || e.id,
           e.business_date, e.due_on, e.occurred_at, -e.amount_paise, -e.fee_paise, -e.tax_paise,
           -e.net_paise, '', '', '', '', '', '', '', '', '', '', '', '', 'undone', '',
           e.in_channel_stage, e.in_bank_stage
      FROM reconciliation_entry e JOIN undone_entry u ON u.id = e.id
     ORDER BY e.id
    RETURNING id, source_key, business_date, in_channel_stage, in_bank_stage
)
SELECT made.id, made.business_date, made.in_channel_stage, made.in_bank_stage, u.in_erp_stage
  FROM made JOIN undone_entry u ON made.source_key = 'contra:' || u.id
"""

_CONTRA_MATCHES: Final = """
WITH both_sides AS (
    SELECT id, business_date, in_{stage}_stage AS is_in FROM undone_entry
    UNION ALL
    SELECT id, business_date, in_{stage}_stage FROM contra_entry
), made AS (
    INSERT INTO reconciliation_match (kind, stage, leg, matched_on, difference_paise)
    SELECT 'hand', '{stage}', '{leg}', business_date, 0
      FROM both_sides WHERE is_in GROUP BY business_date
    RETURNING id, matched_on
)
INSERT INTO reconciliation_matchpart (match_id, entry_id, stage, is_live)
SELECT made.id, s.id, '{stage}', true
  FROM both_sides s JOIN made ON made.matched_on = s.business_date
 WHERE s.is_in
 ORDER BY s.id
"""

_LEGS: Final[Mapping[str, str]] = {
    "channel": "receipt_channel",
    "bank": "channel_bank",
    "erp": "receipt_erp",
}


def _gather(cursor: Any, file: StatementFile) -> None:
    book = book_of(file)
    days = {"first": file.covers_from, "last": file.covers_to}  # these have an index
    cursor.execute(_GATHER, {"file": file.pk, "book": book, **days})


def _unmatch(where: _Where, *, at: datetime) -> None:
    with connection.cursor() as cursor:
        # The lines of a file lead to their matches only while they are live.
        cursor.execute(_KEEP.format(where=where.sql), where.params)
        cursor.execute(_UNMATCH_PARTS)
        cursor.execute(_UNMATCH, {"at": at})
        cursor.execute(_TOLD_BACK, {"at": at})


_KEEP: Final = """
DROP TABLE IF EXISTS undone_match;
CREATE TEMP TABLE undone_match ON COMMIT DROP AS
SELECT m.id FROM reconciliation_match m WHERE {where} AND m.undone_at IS NULL;
ANALYZE undone_match
"""


# Whoever undoes the match of a decision has told back what the decision did.
_TOLD_BACK: Final = """
UPDATE reconciliation_decision d SET undone_at = %(at)s
  FROM undone_match u JOIN reconciliation_match m ON m.id = u.id
 WHERE d.id = m.decision_id AND d.undone_at IS NULL AND d.kind IN ('match', 'write_off')
"""


def _take_out(file: StatementFile) -> None:
    """Cancel a file's lines on their own days, in every stage, and let it be loaded again."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS contra_entry")
        cursor.execute(_CLOSE_BREAKS, {"at": now()})
        cursor.execute(_FREE_KEYS)
        cursor.execute(_CONTRA)
        for stage, leg in _LEGS.items():
            cursor.execute(_CONTRA_MATCHES.format(stage=stage, leg=leg))
    StatementFile.objects.filter(pk=file.pk).update(state=StatementFile.State.UNDONE)
