"""The parts of the measurement of workers that know our books: the sources, the day."""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cspdcl.settings")
django.setup()

from django.db import connection  # noqa: E402 - after the set-up

from bench.ground import cpu_seconds  # noqa: E402
from bench.reconcile import SETTLEMENT_COLUMNS, settlement_line  # noqa: E402
from bench.tasks import load_file  # noqa: E402
from channels_.models import Channel, StatementFile  # noqa: E402
from cspdcl.celery import app  # noqa: E402
from reconciliation import engine  # noqa: E402

DAY: Final = date(2026, 8, 18)
PATIENCE: Final = 300


def fill(folder: Path, sources: int, lines: int) -> dict[str, object]:
    """The channels and their files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(sources):
        Channel.objects.create(
            code=f"source{number}", name=f"Source {number}", adapter="razorpay",
            route="settlement", is_live=True, settlement_days=0,
        )  # fmt: skip
        path = folder / f"source{number}-{lines}.csv"
        if not path.exists():
            with path.open("w", encoding="utf-8") as file:
                file.write(",".join(SETTLEMENT_COLUMNS) + "\n")
                for n in range(number * lines, (number + 1) * lines):
                    file.write(",".join(map(str, settlement_line(n, 10_000 + n % 7919))) + "\n")
    return {"sources": sources}


def day(folder: Path, sources: int, lines: int, workers: int) -> dict[str, object]:
    """Wait for the workers, give them the files, wait for the books, match."""
    _wait(lambda: len(app.control.ping(timeout=1) or []) >= workers)
    queue = f"bench-{connection.settings_dict['NAME']}"
    used = cpu_seconds() + _used_by_workers()
    began = time.perf_counter()
    for number in range(sources):
        path = folder / f"source{number}-{lines}.csv"
        load_file.apply_async(args=[f"source{number}", str(path)], queue=queue)
    _wait(lambda: StatementFile.objects.filter(added_count=lines).count() == sources)
    loaded = time.perf_counter()
    used = cpu_seconds() + _used_by_workers() - used
    engine.reconcile(DAY, started_by="bench")
    return {
        "load": loaded - began, "run": time.perf_counter() - loaded, "cpu_seconds": used
    }  # fmt: skip


def _used_by_workers() -> float:
    """Of the processors, by every worker of this measurement."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            is_worker = b"bench.tasks" in (stat.parent / "cmdline").read_bytes()
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        ticks += sum(int(one) for one in fields[11:13]) if is_worker else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _wait(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > until:
            raise SystemExit("the workers were too slow")
        time.sleep(0.02)


what, place, *numbers = sys.argv[1:]
given = [int(one) for one in numbers]
print(json.dumps(fill(Path(place), *given) if what == "fill" else day(Path(place), *given)))
