"""The audit trail's share of the timetable, and the sign of life of the timetable itself."""

from celery import shared_task

from people import audit, heartbeats


@shared_task
def seal_audit() -> None:
    """Chain what was committed since the last time."""
    audit.seal()


@shared_task
def anchor_audit() -> None:
    """Sign where the chain stands."""
    audit.anchor()


@shared_task
def note_heartbeat() -> None:
    """Say that beat rings and a worker answers."""
    heartbeats.note("beat")
