"""What people ask the worker to do with the books."""

import logging
from datetime import date
from functools import partial
from typing import ClassVar

from django.db import transaction
from kombu.exceptions import OperationalError

from cspdcl.kernel.errors import DomainError, Transient
from people import audit
from people.models import User
from reconciliation import locks, tasks
from reconciliation.engine import AlreadyRunning
from reconciliation.models import Run

log = logging.getLogger(__name__)


class NotYet(DomainError):
    """The business date has not begun."""

    code: ClassVar[str] = "not_yet"


@transaction.atomic
def ask_for_run(day: date, *, by: User, today: date) -> None:
    """Queue a run of a business date. Raises AlreadyRunning while another run works.

    The worker claims the run: of two asked for at once one runs and one is refused there. Raises
    Transient when the queue does not answer; that somebody asked stays recorded.
    """
    if day > today:
        raise NotYet(f"{day:%d-%m-%Y} has not begun; there is nothing to reconcile")
    running = Run.objects.filter(state=Run.State.RUNNING).first()
    if running and locks.is_run_alive():
        raise AlreadyRunning(
            f"the run of {running.business_date:%d-%m-%Y} that {running.started_by} started is at "
            "work; it must end before the next can start"
        )
    audit.record(by, "run.asked", ("business_date", day.isoformat()))
    transaction.on_commit(partial(_send, day.isoformat(), by.username))


def _send(day: str, started_by: str) -> None:
    try:
        tasks.reconcile_day.apply_async(args=[day, started_by], retry=False)
    except (OperationalError, OSError) as error:
        log.warning("the run of %s could not be queued: %s", day, error)
        raise Transient("the queue does not answer") from error
