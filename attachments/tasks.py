"""The share of attachments in the timetable."""

from celery import shared_task

from attachments import actions


@shared_task(acks_late=True, time_limit=600)
def scan_again() -> None:
    """Ask the scanner about what is still quarantined."""
    actions.scan_again()
