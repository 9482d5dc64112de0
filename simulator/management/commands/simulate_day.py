"""Write a simulated day of collections as files, and send it to a running server if asked."""

import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from channels_.registry import adapter
from simulator.day import play_day
from simulator.files import write_day
from simulator.scene import DEFAULT, Scene, read_scene
from simulator.sender import send_day


class Command(BaseCommand):
    """``simulate_day --date D --payments N --seed S --out DIR [--send URL --secrets FILE]``."""

    help = "Write a simulated day as files in DIR; with --send, play it over HTTP."

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
        parser.add_argument(
            "--channels", help="only these, by their codes with commas; else those with secrets"
        )
        parser.add_argument("--send", metavar="URL", help="play the day against this server")
        parser.add_argument(
            "--secrets",
            type=Path,
            help='JSON, by the code of each channel: {"razorpay": {"webhook_secret": ""}, ...,'
            ' "api_key": ""}',
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the files, then send what is to be sent."""
        if options["payments"] < 1:
            raise CommandError("--payments must be at least 1")
        if bool(options["send"]) != bool(options["secrets"]):
            raise CommandError("--send and --secrets go together: what is sent has to be signed")
        scene = _scene(options["configuration"])
        secrets = _secrets(options["secrets"]) if options["secrets"] else {}
        if options["channels"]:
            scene = _only(scene, options["channels"].split(","))
        elif secrets:
            scene = _only(scene, [one.code for one in scene.channels if one.code in secrets])
        if secrets:
            _check(secrets, scene, path=options["secrets"])
        day = play_day(
            scene,
            day=options["date"],
            payments=options["payments"],
            seed=options["seed"],
        )
        paths = write_day(day, options["out"])
        self.stdout.write(f"{len(paths)} files of {day.date} in {options['out']}")
        self.stdout.write(
            f"{day.message_count} messages of {len(day.channels)} channels,"
            f" {sum(len(b.receipts) for b in day.batches)} counter receipts,"
            f" {len(day.slips)} deposits, {len(day.truth['planted'])} planted discrepancies"
        )
        if day.steps:
            self.stdout.write(f"{len(day.steps)} steps of offices, for play_offices")
        if options["send"]:
            self._send(options["out"], url=options["send"], scene=scene, secrets=secrets)

    def _send(self, directory: Path, *, url: str, scene: Scene, secrets: Mapping[str, Any]) -> None:
        outcome = send_day(directory, url, scene=scene, secrets=secrets, announce=self.stdout.write)
        answers = ", ".join(f"{n} x {status}" for status, n in sorted(outcome.answers.items()))
        self.stdout.write(f"{outcome.total} sent in {outcome.seconds} s; answers: {answers}")
        if outcome.refused:
            first = "\n".join(outcome.refused[:5])
            raise CommandError(f"{len(outcome.refused)} were refused, the first of them:\n{first}")


def _scene(path: Path | None) -> Scene:
    chosen = path or settings.BASE_DIR / "configuration" / "demo.toml"
    if path is None and not chosen.exists():
        return DEFAULT
    return read_scene(chosen)


def _only(scene: Scene, codes: Sequence[str]) -> Scene:
    """The scene with these channels only; the counters take what the others would."""
    known = {channel.code: channel for channel in scene.channels}
    if unknown := sorted(set(codes) - set(known)):
        raise CommandError(
            f"no channel is played as {', '.join(unknown)}; known: {', '.join(known)}"
        )
    return replace(scene, channels=tuple(known[code] for code in known if code in codes))


def _secrets(path: Path) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"--secrets: {error}") from error
    return found


def _check(secrets: Mapping[str, Any], scene: Scene, *, path: Path) -> None:
    lacking = [] if "api_key" in secrets else ["api_key"]
    for channel in scene.channels:
        names = set(adapter(channel.adapter).secret_names) - set(secrets.get(channel.code, ()))
        lacking += [f"{channel.code}.{name}" for name in sorted(names)]
    if lacking:
        raise CommandError(f"--secrets: {path} lacks {', '.join(lacking)}")
