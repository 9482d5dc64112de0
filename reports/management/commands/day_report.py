"""Write the report of a day as PDF and Excel."""

import argparse
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cspdcl.kernel.errors import DomainError
from reports.actions import write_day_report


class Command(BaseCommand):
    """``day_report --date D [--pdf FILE] [--xlsx FILE]``; prints where both files stand."""

    help = "Write the report of a business date as PDF and Excel."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The day, and other places for the files."""
        parser.add_argument(
            "--date", required=True, type=date.fromisoformat, help="business date, YYYY-MM-DD"
        )
        parser.add_argument("--pdf", type=Path, help="where the PDF goes")
        parser.add_argument("--xlsx", type=Path, help="where the Excel file goes")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write both files."""
        try:
            files = write_day_report(
                options["date"], pdf_file=options["pdf"], xlsx_file=options["xlsx"]
            )
        except DomainError as refused:
            raise CommandError(str(refused)) from refused
        for file in files:
            self.stdout.write(str(file))
