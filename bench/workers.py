"""A day of twelve sources on one Celery worker and on two: how much sooner is it in the books?

Real workers, each a process of its own, and the real Redis; the clock runs from the first word to
them until the last file is in the books. The run that matches the day comes after, and is told
beside it: one run has the books for itself.
"""

import subprocess
import sys
from typing import Any, Final

from bench import ground

SOURCES: Final = 12
LINES: Final = 50_000  # of each source
ROUNDS: Final = 2
GOAL_TIMES: Final = 1.6


def measure() -> None:
    """One worker and two in turn; writes var/bench/workers.json."""
    ground.prepare_template()
    folder = ground.figures_dir() / "workers"
    found: dict[int, list[dict[str, Any]]] = {1: [], 2: []}
    for _round in range(ROUNDS):
        for count, results in found.items():
            with ground.database("cspdcl_bench_workers", template=ground.TEMPLATE) as name:
                given = (str(folder), str(SOURCES), str(LINES))
                ground.child("bench.workers_ours", "fill", *given, name=name)
                results.append(_day(name, count, given))
    loads = {n: ground.middle([one["load"] for one in some]) for n, some in found.items()}
    days = {
        n: ground.middle([one["load"] + one["run"] for one in some]) for n, some in found.items()
    }
    cpu = ground.middle([one["cpu_seconds"] for one in found[1]])
    times = {"load": round(loads[1] / loads[2], 2), "day": round(days[1] / days[2], 2)}
    print(
        f"workers: {SOURCES} files of {LINES:,} lines in {loads[1]} s by one worker, {loads[2]} s "
        f"by two, {times['load']} times as fast (goal {GOAL_TIMES}); with the run {days[1]} s and "
        f"{days[2]} s, {times['day']} times. One worker kept {cpu / loads[1]:.1f} cores busy."
    )
    ground.write(
        "workers",
        {"sources": SOURCES, "lines": LINES, "load_seconds": loads, "day_seconds": days,
         "cpu_seconds": cpu, "times": times, "goals": {"times": GOAL_TIMES}},
    )  # fmt: skip


def _day(name: str, count: int, given: tuple[str, ...]) -> dict[str, Any]:
    workers = [
        subprocess.Popen(
            [
                sys.executable, "-m", "celery", "-A", "cspdcl", "worker", "-I", "bench.tasks",
                "-Q", f"bench-{name}", "-P", "solo", "-n", f"bench{number}@%h", "-l", "ERROR",
            ],
            env=ground.environment(name),
            stdout=subprocess.DEVNULL,
        )
        for number in range(count)
    ]  # fmt: skip
    try:
        return ground.child("bench.workers_ours", "day", *given, str(count), name=name)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()
