"""A run: read the receipts in, pass by pass match what is open, name what is left, prove the day.

What the door has acknowledged is read first. Then everything a run does is one transaction: a
process that dies leaves nothing but a run row, which the next run finds and marks. Two at once
cannot be: the second is told who runs.
"""

import hashlib
import logging
import os
import socket
from datetime import date
from typing import ClassVar, Final

from django.db import IntegrityError, connection, transaction

from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from payments import inbox
from reconciliation import locks
from reconciliation.found import bank_credits
from reconciliation.incoming import intake
from reconciliation.matching import breaks, carrying, classify, inputs, ledger, proof, verifying
from reconciliation.matching.carrying import Since
from reconciliation.matching.ledger import Ledger
from reconciliation.matching.passes import open_items, run_early, run_open
from reconciliation.models import Run, Stage
from reconciliation.rulebook.rules import active_rules, stage_of

logger = logging.getLogger(__name__)

_SESSION: Final = " session "


class AlreadyRunning(DomainError):
    """Another run has the books for itself."""

    code: ClassVar[str] = "already_running"


def reconcile(day: date, *, started_by: str, rebuild: bool = False, verify: bool = False) -> Run:
    """Match whatever is open, store the breaks and prove one business date; returns the run.

    Running it again changes nothing that the same entries and rules gave before. ``rebuild`` takes
    nothing over from the run before, but reads all entries and matches anew; ``verify`` holds what
    this one hands on against all of them. Raises AlreadyRunning while another run works,
    BooksDiffer when that check fails.
    """
    run = _reconcile(day, started_by=started_by, rebuild=rebuild, verify=verify)
    if bank_credits.follow(run):
        # What was taken in at once is matched at once.
        run = _reconcile(day, started_by=started_by)
    return run


def _reconcile(day: date, *, started_by: str, rebuild: bool = False, verify: bool = False) -> Run:
    inbox.catch_up()
    run = _claim(day, started_by=started_by)
    try:
        with transaction.atomic():
            _work(run, rebuild=rebuild, verify=verify)
    except Exception as error:
        # The work is undone; what remains to be said is why. The error itself goes on.
        Run.objects.filter(pk=run.pk, state=Run.State.RUNNING).update(
            state=Run.State.FAILED,
            finished_at=now(),
            problem=f"{type(error).__name__}: {error}"[:2000],
        )
        raise
    logger.info(
        "run %s of %s: %s matched, %s breaks opened, %s closed",
        run.pk, day, run.matched_count, run.opened_count, run.closed_count,
    )  # fmt: skip
    return run


def _claim(day: date, *, started_by: str) -> Run:
    worker = f"{socket.gethostname()}:{os.getpid()}{_SESSION}{locks.session()}"
    for _ in range(2):
        try:
            with transaction.atomic():
                return Run.objects.create(business_date=day, started_by=started_by, worker=worker)
        except IntegrityError:
            _give_up_dead_run()
    running = Run.objects.filter(state=Run.State.RUNNING).first()
    who = (
        f"run {running.pk} of {running.business_date}, started by {running.started_by}"
        if running
        else "another run"
    )
    raise AlreadyRunning(f"{who}, is at work; it must end before the next can start")


def _give_up_dead_run() -> None:
    """Mark a run whose transaction is gone; a living one holds its lock."""
    for run in Run.objects.filter(state=Run.State.RUNNING):
        if not _may_live(run):
            Run.objects.filter(pk=run.pk, state=Run.State.RUNNING).update(
                state=Run.State.ABANDONED, finished_at=now(), problem="its process died"
            )


def _may_live(run: Run) -> bool:
    """Whether a run holds its lock, or has claimed its row only now and is about to take it."""
    if locks.is_run_alive():
        return True
    number = run.worker.rpartition(_SESSION)[2]
    is_young = run.started_at > now() - locks.MOMENT_TO_START
    return is_young and number.isdigit() and locks.is_session_alive(int(number))


def _work(run: Run, *, rebuild: bool, verify: bool) -> None:
    locks.mark_run_alive()
    if not Run.objects.filter(pk=run.pk, state=Run.State.RUNNING).exists():
        raise AlreadyRunning(f"run {run.pk} was taken for dead before it began")
    locks.wait_patiently()
    _raise_limits()
    intake.read_receipts()
    locks.hold_books_closed()
    run.entries_until, run.input_hash = inputs.seen(run.business_date)
    erp = ledger.ledger_now()
    since = carrying.take_over(run, rebuild=rebuild, ledger=erp)
    _match(run, since, erp)
    carrying.hand_on(run)
    classify.classify(run, since, erp)
    changed = breaks.store_found(run)
    proof.prove(run)
    run.carried = breaks.carried(run.business_date)
    run.opened_count, run.closed_count = changed
    run.output_hash = _state_hash(run)
    if verify:
        verifying.verify(run)
    run.state = Run.State.DONE
    run.finished_at = now()
    run.save()


def _match(run: Run, since: Since, erp: Ledger | None) -> None:
    rules = active_rules(run.business_date)
    if erp is None:  # nothing is posted: its rules are none of this run
        rules = [rule for rule in rules if stage_of(rule) != Stage.ERP]
    before = carrying.last_match()
    run.rule_versions = {rule.code: rule.version for rule in rules}
    run.matched_count += run_early(rules, run, since)
    open_items.prepare(since, paired_since=before, erp=erp)
    run.matched_count += run_open(rules, run)


def _raise_limits() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")
        # The database notices within a second that a killed run is gone, and undoes it.
        cursor.execute(
            "SELECT set_config('client_connection_check_interval', '1s', true) "
            "WHERE version() LIKE '%linux%'"
        )


def _state_hash(run: Run) -> str:
    """One hash of what the run left: its proofs, every open break, and every live match.

    A match goes in by the keys of its lines, so the same files give the same hash in another
    database and in any order.
    """
    digest = hashlib.sha256(repr((run.matches_hash, sorted(run.rule_versions.items()))).encode())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT stage, book, closing_count, closing_paise, matched_count, matched_paise "
            "FROM reconciliation_proof WHERE run_id = %s ORDER BY 1, 2",
            [run.pk],
        )
        for row in cursor.fetchall():
            digest.update(repr(row).encode())
        cursor.execute(
            "SELECT stage, reason, reference, amount_paise FROM reconciliation_break "
            "WHERE state = 'open' ORDER BY 1, 2, 3, 4"
        )
        for row in cursor.fetchall():
            digest.update(repr(row).encode())
    return digest.hexdigest()
