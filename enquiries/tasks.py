"""The questions' share of the timetable."""

from celery import shared_task

from enquiries import ladder, listening, replies


@shared_task
def climb_ladders() -> None:
    """Ask for payments that stay pending. May run twice, at once, or not at all."""
    ladder.climb()


@shared_task
def watch_channels() -> None:
    """Find channels that have fallen silent, and pull what they have not told."""
    listening.watch()
    listening.fill_gaps()


@shared_task
def send_owed_replies() -> None:
    """Deliver answers that partners want apart. May run twice, at once, or not at all."""
    replies.deliver()
