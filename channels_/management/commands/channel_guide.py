"""Make the chapters of docs/channels.md anew from what the adapters say of themselves."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from channels_ import registry
from channels_.guide import guide


class Command(BaseCommand):
    """Exit code 1 with --check when the page is not what would be made."""

    help = "Write the adapters' chapters of docs/channels.md; --check only compares."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """[--check]."""
        parser.add_argument("--check", action="store_true", help="write nothing, only compare")

    def handle(self, **options: Any) -> None:
        """Write or compare the page."""
        path = settings.BASE_DIR / "docs" / "channels.md"
        page = path.read_text(encoding="utf-8")
        made = guide(page, registry.adapters())
        if made == page:
            self.stdout.write("docs/channels.md is as the adapters say")
            return
        if options["check"]:
            raise CommandError("docs/channels.md is old: run manage.py channel_guide", returncode=1)
        path.write_text(made, encoding="utf-8")
        self.stdout.write("docs/channels.md written")
