"""Replace a secret of a channel while its partner still uses the old one."""

import sys
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from channels_ import secrets
from channels_.models import Channel
from cspdcl.kernel.errors import DomainError
from people.audit import SYSTEM


class Command(BaseCommand):
    """The value never stands in the arguments, where every process of the machine could read it."""

    help = "Replace a channel's secret; the old one is believed for some days more."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """CHANNEL NAME [--generate] [--keep-days N] [--end-previous]."""
        parser.add_argument("channel")
        parser.add_argument("name", help="as `docs/channels.md` names it, such as webhook_secret")
        parser.add_argument(
            "--generate", action="store_true", help="make a value and print it once"
        )
        parser.add_argument(
            "--keep-days",
            type=int,
            default=secrets.PREVIOUS_KEPT.days,
            help="how long the old one is believed (7; at least 25 hours, so 2)",
        )
        parser.add_argument(
            "--end-previous", action="store_true", help="also when an older one is believed still"
        )

    def handle(self, **options: Any) -> None:
        """Take the value from the standard input, or make one and print it."""
        channel = Channel.objects.filter(code=options["channel"]).first()
        if channel is None:
            raise CommandError(f"no channel is called {options['channel']!r}")
        value = secrets.generated() if options["generate"] else secrets.cleaned(sys.stdin.read())
        kept = timedelta(days=options["keep_days"])
        try:
            secrets.rotate(
                channel,
                name=options["name"],
                value=value,
                by=SYSTEM,
                kept=kept,
                ends_previous=options["end_previous"],
            )
        except DomainError as error:
            raise CommandError(str(error)) from error
        if options["generate"]:
            self.stdout.write(value)
        self.stderr.write(
            f"{channel.code}: {options['name']} is replaced;"
            f" the old one is believed for {options['keep_days']} days."
        )
