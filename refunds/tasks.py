"""The refunds' share of the timetable."""

from celery import shared_task

from refunds import answering, sending


@shared_task
def send_refunds() -> None:
    """Send what is approved, follow what is under way. May run twice, at once, or not at all."""
    sending.work()


@shared_task
def watch_disputes() -> None:
    """Send answers, give in where the date has passed, raise alarms. May run twice."""
    answering.work()
