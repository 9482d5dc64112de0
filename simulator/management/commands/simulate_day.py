"""Write a simulated day of collections as files."""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from simulator.day import play_day
from simulator.files import write_day
from simulator.scene import DEFAULT, Scene, read_scene


class Command(BaseCommand):
    """``simulate_day --date D --payments N --seed S --out DIR``."""

    help = "Write a simulated day as files in DIR."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What day, how large, where to."""
        parser.add_argument("--date", required=True, type=date.fromisoformat, help="YYYY-MM-DD")
        parser.add_argument("--payments", type=int, default=20_000)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--out", required=True, type=Path, help="directory for the files")
        parser.add_argument(
            "--configuration",
            type=Path,
            help="take offices, counters and fees from this file, not from the demo's",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the files, then send what is to be sent."""
        if options["payments"] < 1:
            raise CommandError("--payments must be at least 1")
        scene = _scene(options["configuration"])
        day = play_day(
            scene, day=options["date"], payments=options["payments"], seed=options["seed"]
        )
        paths = write_day(day, options["out"])
        self.stdout.write(f"{len(paths)} files of {day.date} in {options['out']}")
        self.stdout.write(
            f"{len(day.webhooks)} webhooks, {len(day.notices)} bank notices,"
            f" {sum(len(b.receipts) for b in day.batches)} counter receipts,"
            f" {len(day.slips)} deposits, {len(day.truth['planted'])} planted discrepancies"
        )


def _scene(path: Path | None) -> Scene:
    chosen = path or settings.BASE_DIR / "configuration" / "demo.toml"
    if path is None and not chosen.exists():
        return DEFAULT
    return read_scene(chosen)
