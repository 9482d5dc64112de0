"""Let the people of a simulated day take their steps, in this very database."""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cspdcl.kernel.errors import DomainError
from simulator.staff import PlayDiffers, Troupe


class Command(BaseCommand):
    """``play_offices --directory DAY --date D``."""

    help = "Take the steps of one business date from a simulated day's offices.jsonl."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which day, and which of its two dates."""
        parser.add_argument("--directory", required=True, type=Path, help="of a simulated day")
        parser.add_argument("--date", required=True, type=date.fromisoformat, help="YYYY-MM-DD")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Play; the first step that the house refuses ends it."""
        if settings.IS_PRODUCTION:
            raise CommandError("production has people of its own")
        try:
            count = Troupe(options["directory"]).play(options["date"])
        except (PlayDiffers, DomainError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} steps of {options['date']} are taken")
