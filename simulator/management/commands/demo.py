"""Set everything up on a database of its own, play a day, reconcile it, and serve it."""

import sys
from typing import Any, Final

from django.core.management.base import BaseCommand

from simulator.demo import ground

INTERRUPTED: Final = 130  # as a shell says it


class Command(BaseCommand):
    """``demo``: DEMO_SERVE=0, DEMO_PAYMENTS, DEMO_DATE, DEMO_SEED and PORT say how."""

    help = "Play one day through the whole house, on a fresh database, and serve it until Ctrl-C."
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Prepare the ground and run inside it; the exit code is the demo's."""
        if not ground.is_prepared():
            sys.exit(ground.run_inside(["demo"]))
        from simulator.demo.play import Demo, is_to_serve  # noqa: PLC0415 - needs the demo's settings

        def say(line: str) -> None:
            self.stdout.write(line)
            self.stdout.flush()

        try:
            code = Demo(say).run(serve=is_to_serve())
        except KeyboardInterrupt:
            code = INTERRUPTED
        sys.exit(code)
