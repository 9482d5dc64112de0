"""Put the entries of a very large installation into partitions, or add partitions ahead of them."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cspdcl.kernel.errors import DomainError
from reconciliation.incoming import partitions


class Command(BaseCommand):
    """``partition_entries [--size N]`` once, ``partition_entries --ahead`` from then on.

    Exit 1 when there is nothing to do.
    """

    help = "Make the table of entries the first of many partitions, cut by their numbers."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--size", type=int, default=partitions.SIZE, help="entries in a partition"
        )
        parser.add_argument(
            "--ahead", action="store_true", help="only add partitions before they are needed"
        )

    def handle(self, *_args: Any, size: int, ahead: bool, **_options: Any) -> None:
        if size < 1:
            raise CommandError(f"expected a size of 1 or more, got {size}")
        try:
            if ahead:
                self.stdout.write(f"partitions added: {partitions.add_ahead(size=size)}")
                return
            first = partitions.partition(size=size)
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"entries are in partitions; the next begins with number {first}")
