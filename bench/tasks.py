"""The one task of the measurement of workers: what the fetching of a source does with a file."""

from pathlib import Path

from celery import shared_task

from channels_.models import Channel
from reconciliation.incoming import statements


@shared_task
def load_file(code: str, path: str) -> None:
    """Load a file of a channel."""
    place = Path(path)
    with place.open("rb") as file:
        statements.load(Channel.objects.get(code=code), file, name=place.name)
