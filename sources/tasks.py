"""What the timetable and the pages ask of the worker."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from cspdcl.kernel.errors import Transient
from sources import fetching, retention
from sources.models import FetchPlan

log = logging.getLogger(__name__)


@shared_task
def fetch_due_plans() -> None:
    """Let the worker follow every plan whose time has come."""
    for plan in fetching.due_plans():
        follow_plan.delay(plan.pk, "timetable")


@shared_task
def follow_plan(plan_id: int, asked_by: str) -> None:
    """Fetch what is new at one place."""
    try:
        fetching.follow(FetchPlan.objects.get(pk=plan_id), asked_by=asked_by)
    except fetching.AlreadyFetching as refused:
        log.info("not fetched: %s", refused)


def send(plan_id: int, asked_by: str) -> None:
    """Queue a fetch that a person asked for. Raises Transient when the queue does not answer."""
    try:
        follow_plan.apply_async(args=[plan_id, asked_by], retry=False)
    except (OperationalError, OSError) as error:
        log.warning("a fetch could not be queued: %s", error)
        raise Transient("the queue does not answer") from error


@shared_task
def wipe_fetched() -> None:
    """Remove the bytes of fetched files whose retention has ended."""
    retention.wipe()
