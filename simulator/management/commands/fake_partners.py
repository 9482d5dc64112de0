"""Answer our calls as the partners would: status, refunds, orders, history, reports."""

import json
import signal
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from channels_.models import Channel
from channels_.secrets import call_secrets_of, secrets_of
from simulator.partners import Faults, Partners, partners_of
from simulator.scene import Scene, read_scene


class Command(BaseCommand):
    """``fake_partners [--port N] [--directory DAY] [--slow MS] [--fail-rate P] ...``."""

    help = "Serve every partner's API under /CODE, until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen, what the partners know, what goes wrong."""
        parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
        parser.add_argument("--directory", type=Path, help="of a simulated day, for their books")
        parser.add_argument("--secrets", type=Path, help="as of simulate_day; else the database's")
        parser.add_argument("--configuration", type=Path, help="instead of configuration/demo.toml")
        parser.add_argument("--slow", type=int, default=0, metavar="MS", help="at most, each call")
        for name in ("fail", "timeout", "garbage"):
            parser.add_argument(
                f"--{name}-rate", type=_percent, default=0, metavar="P", help="of a hundred calls"
            )
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--quiet", action="store_true", help="do not tell each call")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Serve until Ctrl-C or SIGTERM."""
        if settings.IS_PRODUCTION:
            raise CommandError("production asks real partners")
        path = options["configuration"] or settings.BASE_DIR / "configuration" / "demo.toml"
        scene = read_scene(path)
        told = options["secrets"]
        server = Partners(
            partners_of(
                scene,
                secrets=_read(told) if told else _held(scene),
                directory=options["directory"],
                seed=options["seed"],
            ),
            port=options["port"],
            faults=Faults(
                slow_ms=options["slow"],
                fail_percent=options["fail_rate"],
                timeout_percent=options["timeout_rate"],
                garbage_percent=options["garbage_rate"],
                seed=options["seed"],
            ),
            announce=(lambda _line: None) if options["quiet"] else self._tell,
        )
        self._tell(f"{len(server.partners)} partners on {server.url}, Ctrl-C stops.")
        signal.signal(signal.SIGTERM, _leave)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            self._tell("Stopped.")
        finally:
            server.closing.set()
            server.server_close()

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _percent(text: str) -> int:
    if not text.isdigit() or int(text) > 100:
        raise ArgumentTypeError("a whole number from 0 to 100")
    return int(text)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"--secrets: {error}") from error
    return found


def _held(scene: Scene) -> dict[str, dict[str, str]]:
    """What our own rows hold: right for partners who share their secrets with us."""
    codes = [channel.code for channel in scene.channels]
    found: dict[str, dict[str, str]] = {}
    for channel in Channel.objects.filter(code__in=codes):
        sets = secrets_of(channel)
        found[channel.code] = {**(sets[0] if sets else {}), **call_secrets_of(channel)}
    return found


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
