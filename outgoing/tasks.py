"""The outbox's share of the timetable."""

from celery import shared_task

from outgoing import delivery, queue


@shared_task
def deliver() -> None:
    """Send what is due. May run twice, at once, or not at all."""
    delivery.work()


@shared_task
def wipe() -> None:
    """Take recipient and text from what is long over."""
    while queue.wipe():
        pass
