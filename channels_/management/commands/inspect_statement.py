"""Say what a statement file holds, without loading it."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from channels_.formats.inspect import inspect, known_formats
from cspdcl.kernel.errors import Malformed


class Command(BaseCommand):
    """Exit code 0 when the file was read, also with refused lines; 1 when it is refused whole."""

    help = "Read a statement file without loading it: entries, sums, balances, refused lines."
    requires_system_checks = ()  # it touches nothing of ours but the readers

    def add_arguments(self, parser: ArgumentParser) -> None:
        """FORMAT FILE [--json]."""
        known = ", ".join(known_formats())
        parser.add_argument("format", help=f"{known}, or a channel such as razorpay")
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true", help="print JSON instead of a summary")

    def handle(self, **options: Any) -> None:
        """Print what was read."""
        try:
            with options["file"].open("rb") as file:
                report = inspect(options["format"], file)
        except (Malformed, OSError) as error:
            if options["json"]:
                self.stdout.write(json.dumps({"refused": str(error)}, indent=2))
            raise CommandError(f"{options['file']}: {error}", returncode=1) from error
        if options["json"]:
            self.stdout.write(json.dumps(report, indent=2))
        else:
            self.stdout.write(_summary(report))


def _summary(report: dict[str, Any]) -> str:
    lines = [f"{report['format']}: {report['entries']} entries"]
    for statement in report["statements"]:
        lines.append(
            f"{statement['account'] or 'statement'} {statement['number']}"
            f" {statement['currency']}: {statement['entries']} entries,"
            f" credits {statement['credits']}, debits {statement['debits']},"
            f" opening {statement['opening_balance'] or 'none'},"
            f" closing {statement['closing_balance'] or 'none'}"
        )
        if statement["problem"]:
            lines.append(f"  {statement['problem']}")
        lines += [f"  left out, {word}: {count}" for word, count in statement["notes"].items()]
    lines += [f"line {found['line']}: {found['problem']}" for found in report["refusals"]]
    return "\n".join(lines)
