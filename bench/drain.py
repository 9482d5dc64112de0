"""Fifty thousand notices that lie in the inbox, applied by two workers: how many a second.

The notices are there before the clock starts, as after an hour without workers; it stops when the
last receipt is committed.
"""

import secrets
import subprocess
import sys
import time
from typing import Final

from bench import ground

MESSAGES: Final = 50_000
WORKERS: Final = 2
GOAL_PER_SECOND: Final = 1_000


def measure() -> None:
    """Fill, drain, count; writes var/bench/drain.json."""
    ground.prepare_template()
    key = secrets.token_hex(16)
    with ground.database("cspdcl_bench_drain", template=ground.TEMPLATE) as name:
        ground.child("bench.capture_setup", key, name=name)
        ground.child("bench.drain_ours", "fill", key, str(MESSAGES), name=name)
        started = time.perf_counter()
        workers = [
            subprocess.Popen(
                [sys.executable, "-m", "bench.drain_ours", "drain"],
                env=ground.environment(name),
                stdout=subprocess.DEVNULL,
            )
            for _ in range(WORKERS)
        ]
        if any(worker.wait() for worker in workers):
            raise SystemExit("a worker failed")
        seconds = time.perf_counter() - started
        receipts = ground.child("bench.drain_ours", "count", name=name)["receipts"]
    if receipts != MESSAGES:
        raise SystemExit(f"{MESSAGES} receipts were expected, {receipts} came")
    rate = round(MESSAGES / seconds)
    print(
        f"drain: {MESSAGES} kept notices applied by {WORKERS} workers in {seconds:.1f} s, start "
        f"included, {rate} a second (goal {GOAL_PER_SECOND} or more)"
    )
    result = {
        "messages": MESSAGES,
        "workers": WORKERS,
        "seconds": round(seconds, 2),
        "per_second": rate,
        "goals": {"per_second": GOAL_PER_SECOND},
    }
    ground.write("drain", result)
