"""What the timetable and the pages ask of the worker; each may run twice, or be lost."""

import logging

from celery import shared_task

from counters import returning

log = logging.getLogger(__name__)


@shared_task
def apply_returns() -> None:
    """Apply what is due of the banks' files of returned papers."""
    count = returning.apply_lines()
    if count:
        log.info("%s lines of return files were applied", count)
