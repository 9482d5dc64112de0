"""A report of five million rows from the disk to the books: validated, proved, committed."""

import csv
import os
from pathlib import Path
from typing import Final

from bench import ground
from bench.reconcile import SETTLEMENT_COLUMNS, settlement_line

ROWS: Final = 5_000_000
GOAL_PER_SECOND: Final = 100_000
GOAL_MEGABYTES: Final = 500


def measure() -> None:
    """One file; writes var/bench/load.json. ``BENCH_ROWS`` names another size."""
    rows = int(os.environ.get("BENCH_ROWS", ROWS))
    ground.prepare_template()
    path = ground.figures_dir() / f"load-{rows}.csv"
    if not path.exists():
        _write(path, rows)
    with ground.database("cspdcl_bench_load", template=ground.TEMPLATE) as name:
        answer = ground.child("bench.load_ours", str(path), name=name)
    rate = round(rows / answer["seconds"])
    print(
        f"load: {rows:,} rows in {answer['seconds']:.1f} s, {rate:,} a second (goal "
        f"{GOAL_PER_SECOND:,}), {answer['megabytes']} MB (goal {GOAL_MEGABYTES}); of the "
        f"processors {answer['own_cpu']:.1f} s ours and {answer['server_cpu']:.1f} s the database's"
    )
    ground.write("load", {"rows": rows, "per_second": rate, **answer, "goals": {
        "per_second": GOAL_PER_SECOND, "megabytes": GOAL_MEGABYTES}})  # fmt: skip


def _write(path: Path, rows: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(SETTLEMENT_COLUMNS)
        # In no order: a step that has no divisor in common with the count visits each once.
        out.writerows(settlement_line(n * 7919 % rows, 10_000 + n % 89_000) for n in range(rows))
