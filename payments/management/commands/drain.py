"""Drain the inbox; with --forever a second look every few moments, which needs no Redis."""

import os
import signal
import threading
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any, Final

from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, connection

from channels_ import queue
from channels_.health import DRAIN
from cspdcl.kernel.clock import now
from cspdcl.kernel.database import is_away
from payments import inbox
from people import heartbeats

LOOKS_EVERY: Final = 1.0  # seconds
LEFT_FOR: Final = timedelta(seconds=1)  # the worker, if it was rung for, is quicker than that
_SAYS_SO_EVERY: Final = timedelta(seconds=20)


class Command(BaseCommand):
    """Redis is only a doorbell: without it money is posted by this, seconds later."""

    help = "Apply the notices that wait. With --forever: look every second until it is ended."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """[--forever [--pidfile FILE]]."""
        parser.add_argument("--forever", action="store_true", help="look again until SIGTERM")
        parser.add_argument("--pidfile", type=Path, help="written once it works")

    def handle(self, **options: Any) -> None:
        """Once, or until the signal to end; a database that is away is waited for."""
        if not options["forever"]:
            self.stdout.write(f"{inbox.drain()} messages")
            return
        ending = threading.Event()

        def end(_number: int, _frame: FrameType | None) -> None:
            ending.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        said_at = now() - _SAYS_SO_EVERY
        while not ending.is_set():
            if now() - said_at >= _SAYS_SO_EVERY and self._look(says_so=True):
                said_at = now()
                if options["pidfile"] is not None:
                    options["pidfile"].write_text(str(os.getpid()))
            else:
                self._look(says_so=False)
            ending.wait(LOOKS_EVERY)

    def _look(self, *, says_so: bool) -> bool:
        """Whether the database was there."""
        try:
            if says_so:
                heartbeats.note(DRAIN)
            if queue.is_anything_left(LEFT_FOR):
                inbox.drain()
        except (DatabaseError, InterfaceError) as error:
            if not is_away(error):
                raise
            self.stderr.write(f"the database is away: {type(error).__name__}")
            connection.close()
            return False
        return True
