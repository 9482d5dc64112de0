"""Begin a new channel: a folder that refuses everything, and a golden test that fails."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from channels_ import registry
from channels_.scaffold import files_of


class Command(BaseCommand):
    """Exit code 1 when the code is no code, or the folder is there."""

    help = "Write the first files of a new channel's adapter and of its tests."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """CODE [--title TITLE]."""
        parser.add_argument("code", help="the folder's name: small letters, digits and _")
        parser.add_argument("--title", default="", help="the partner's name, for people")

    def handle(self, **options: Any) -> None:
        """Write the files, none over another."""
        code = options["code"]
        try:
            files = files_of(code, options["title"] or code.replace("_", " ").title())
        except ValueError as error:
            raise CommandError(str(error), returncode=1) from error
        root = settings.BASE_DIR
        there = [path for path in files if (root / path).exists()]
        if there or code in registry.adapters():
            raise CommandError(f"the channel {code} is there already", returncode=1)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
            self.stdout.write(f"wrote {path}")
        self.stdout.write(
            "Next: put captured messages into the tests' folder, then\n"
            f"  python -m pytest tests/channels_/test_read_notices.py -k {code}"
        )
