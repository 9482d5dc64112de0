"""What the worker does for payments."""

from celery import shared_task

from payments import inbox


@shared_task
def drain_inbox() -> None:
    """Apply what waits in the inbox. May run twice, at once, or not at all: the beat repeats it."""
    inbox.drain()
