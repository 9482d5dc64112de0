"""``configure FILE``: make the installation what the file says; ``--export``: write that file."""

import os
import sys
import tomllib
from argparse import ArgumentParser
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from configuration import export
from configuration.actions import apply
from configuration.schema import ConfigurationRefused


class Command(BaseCommand):
    """Shows what would change, then changes it in one transaction. Twice changes nothing."""

    help = "Create or update offices, users, bank accounts, channels, counters and rules."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A file to read, or an export to write."""
        parser.add_argument("file", nargs="?", type=Path, help="the configuration, as TOML")
        parser.add_argument("--dry-run", action="store_true", help="show what would change")
        parser.add_argument(
            "--export",
            nargs="?",
            const="-",
            metavar="FILE",
            help="write today's configuration, without secrets, to a file or the terminal",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Export, or show and apply."""
        if (options["export"] is None) == (options["file"] is None):
            raise CommandError("give a FILE to configure from, or --export [FILE]")
        if options["export"] is not None:
            self._export(options["export"])
            return
        document = _read(options["file"])
        try:
            changes = apply(document, actor="system", dry_run=True, secrets=os.environ)
            for change in changes:
                self.stdout.write(str(change))
            if not changes:
                self.stdout.write("no change")
            elif options["dry_run"]:
                self.stdout.write(f"{_counted(len(changes))} would be made; nothing was changed")
            else:
                made = apply(document, actor="system", secrets=os.environ)
                self.stdout.write(f"{_counted(len(made))} made")
        except ConfigurationRefused as error:
            raise CommandError(
                f"{options['file']} is refused, nothing was changed:\n{error}"
            ) from error

    def _export(self, where: str) -> None:
        content = export.toml(export.document())
        if where == "-":
            self.stdout.write(content, ending="")
            return
        Path(where).write_text(content, encoding="utf-8")
        sys.stderr.write(f"written to {where}\n")


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"cannot read {file}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise CommandError(f"{file} is not TOML: {error}") from error


def _counted(number: int) -> str:
    return f"{number} change{'' if number == 1 else 's'}"
