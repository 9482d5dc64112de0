"""What the timetable and the pages ask of the worker."""

import logging
from datetime import date, timedelta

from celery import shared_task

from cspdcl.kernel.clock import today
from reconciliation import engine, locks
from reconciliation.dayend import closing
from reconciliation.desk import bulk, undoing
from reconciliation.found import clearing, listed
from reconciliation.incoming import fetching, missing
from reconciliation.matching import backtest, tallies, verifying
from reconciliation.models import Run

_DAYS_BACK_MAX = 7

log = logging.getLogger(__name__)


@shared_task
def reconcile_day(day: str, started_by: str) -> None:
    """Reconcile one business date, given as YYYY-MM-DD."""
    try:
        engine.reconcile(date.fromisoformat(day), started_by=started_by)
    except engine.AlreadyRunning as refused:
        log.info("the run of %s that %s asked for was not begun: %s", day, started_by, refused)


@shared_task
def fetch_due_reports() -> None:
    """Load settlement reports that partners offer by their API and that have not come as files."""
    fetching.fetch_due_reports()


@shared_task
def watch_files() -> None:
    """Raise an alarm for each source whose file is owed and has not come; end those that came."""
    missing.watch()


@shared_task(autoretry_for=(engine.AlreadyRunning,), retry_backoff=60, max_retries=8)
def reconcile_due_days() -> None:
    """Yesterday, and every earlier day of the last week that a sleeping timetable has missed."""
    yesterday = today() - timedelta(days=1)
    first = yesterday - timedelta(days=_DAYS_BACK_MAX - 1)
    done = set(
        Run.objects.filter(
            state=Run.State.DONE, business_date__range=(first, yesterday)
        ).values_list("business_date", flat=True)
    )
    missed = [first + timedelta(days=n) for n in range(_DAYS_BACK_MAX)]
    for day in missed:
        if day == yesterday or (day not in done and done):
            engine.reconcile(day, started_by="timetable")


@shared_task(autoretry_for=(engine.AlreadyRunning,), retry_backoff=60, max_retries=8)
def verify_books() -> None:
    """Reconcile yesterday once more and hold what runs hand on against all entries and matches."""
    try:
        engine.reconcile(today() - timedelta(days=1), started_by="timetable", verify=True)
    except verifying.BooksDiffer as differ:
        log.error("%s; run reconcile --rebuild and find out why", differ)  # noqa: TRY400 - no bug


@shared_task
def propose_restatements() -> None:
    """Hold what came against the closed days, and propose the next version where it touches one."""
    made = closing.propose_restatements()
    if made:
        log.warning("%s restatements wait for a second person", len(made))


@shared_task
def clear_papers() -> None:
    """Call cheques cleared whose slip the bank credited, and which it has not sent back since."""
    count = clearing.clear_papers()
    if count:
        log.info("%s papers have cleared", count)


@shared_task
def follow_listed() -> None:
    """Ask for payments that only reports tell of, or believe the report as agreed."""
    count = listed.follow()
    if count:
        log.info("%s payments of reports were begun or taken", count)


@shared_task(acks_late=True, time_limit=3600)
def try_rule(test_id: int) -> None:
    """Try a version of a rule over the days that were asked for."""
    backtest.run(test_id)


@shared_task
def count_what_rules_matched() -> None:
    """Count what each rule matched in the runs that are over."""
    tallies.count()


@shared_task(time_limit=3600)
def take_up_back_tests() -> None:
    """Do the back-tests that no worker heard of; end those whose worker died."""
    backtest.give_up_lost()
    backtest.take_up_lost()


@shared_task(acks_late=True)
def carry_out_undo(public_id: str) -> None:
    """Tell back what two people agreed on; whoever comes second finds it done."""
    undoing.carry_out(public_id)


@shared_task
def carry_out_undos() -> None:
    """What a lost task left of the undos that are approved."""
    undoing.carry_out_approved()


@shared_task(
    acks_late=True, autoretry_for=(locks.BooksBusy,), retry_backoff=5, retry_jitter=True,
    max_retries=20,
)  # fmt: skip
def run_batch(public_id: str) -> None:
    """Do a step for many breaks; what a run or a dead process left waiting goes on."""
    bulk.run(public_id)


@shared_task(autoretry_for=(locks.BooksBusy,), retry_backoff=5, max_retries=3)
def run_batches() -> None:
    """What a lost task left of the batches that are at work."""
    bulk.run_waiting()
