"""``manage.py load_consumers FILE``: consumers and bills from CSV or XLSX, all or nothing."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payments.consumers import BadFile, load_consumers


class Command(BaseCommand):
    """Loads the ERP's consumers and bills."""

    help = "Load consumers and their bills from a CSV or XLSX file. Any bad row: nothing is loaded."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file."""
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Load, or name every bad row and end with 1."""
        path: Path = options["file"]
        try:
            with path.open("rb") as file:
                loaded = load_consumers(file, name=path.name)
        except OSError as error:
            raise CommandError(f"{path.name}: {error.strerror}") from error
        except BadFile as bad:
            for one in bad.problems:
                self.stderr.write(f"row {one.row}: {one.problem}")
            raise CommandError(str(bad)) from bad
        self.stdout.write(
            f"{loaded.rows} rows: consumers {loaded.consumers_added} new, "
            f"{loaded.consumers_changed} changed; bills {loaded.bills_added} new, "
            f"{loaded.bills_changed} changed."
        )
