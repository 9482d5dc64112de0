"""N payments against N lines of a channel, from CSV files on disk to durable matches and breaks.

The floor is the least a database can do with the same files on the same server: COPY both into
bare tables, one hash join on the key, insert of the pairs into a bare table.
"""

import csv
import random
from pathlib import Path
from typing import Any, Final

from bench import ground

SMALL, LARGE = 100_000, 1_000_000
ROUNDS: Final = {SMALL: 3, LARGE: 2}
GOAL_RATIO: Final = 6
GOAL_GROWTH: Final = 12
GOAL_MEGABYTES: Final = 500

# One payment in so many is missing on a side, or has another amount: breaks have to be found too.
MISSING_EVERY: Final = 2_000
DIFFERS_EVERY: Final = 5_000

PAYMENT_COLUMNS: Final = (
    "reference",
    "channel_ref",
    "order_ref",
    "amount_paise",
    "business_date",
    "consumer_number",
)
SETTLEMENT_COLUMNS: Final = (
    "entity_id", "type", "debit", "credit", "amount", "currency", "fee", "tax", "on_hold",
    "settled", "created_at", "settled_at", "settlement_id", "posted_at", "credit_type",
    "description", "notes", "payment_id", "settlement_utr", "order_id", "order_receipt",
    "method", "card_network", "card_issuer", "card_type", "dispute_id",
)  # fmt: skip
DAY: Final = "2026-08-18"
SETTLED_AT: Final = 1_787_056_200  # 18-08-2026 19:00 IST
CREATED_AT: Final = SETTLED_AT - 36_000


def measure() -> None:
    """Both sizes, ours and the floor in turn; writes var/bench/reconcile.json."""
    ground.prepare_template()
    results: dict[str, Any] = {}
    for size in ROUNDS:
        folder = ground.figures_dir() / f"reconcile-{size}"
        _write_files(folder, size)
        results[str(size)] = _measure_size(folder, size)
    growth = round(results[str(LARGE)]["ours_seconds"] / results[str(SMALL)]["ours_seconds"], 2)
    print(f"  growth from {SMALL:,} to {LARGE:,}: {growth} times (goal {GOAL_GROWTH} or less)")
    ground.write("reconcile", {"sizes": results, "growth": growth, "goals": {
        "ratio": GOAL_RATIO, "growth": GOAL_GROWTH, "megabytes": GOAL_MEGABYTES}})  # fmt: skip


def _measure_size(folder: Path, size: int) -> dict[str, Any]:
    ours, floor = [], []
    for _ in range(ROUNDS[size]):
        with ground.database("cspdcl_bench_floor") as name:
            floor.append(ground.child("bench.reconcile_floor", str(folder), name=name))
        with ground.database("cspdcl_bench_ours", template=ground.TEMPLATE) as name:
            ours.append(ground.child("bench.reconcile_ours", str(folder), name=name))
    answer = {
        "ours_seconds": ground.middle([one["seconds"] for one in ours]),
        "floor_seconds": ground.middle([one["seconds"] for one in floor]),
        "ratio": ground.middle(
            [a["seconds"] / b["seconds"] for a, b in zip(ours, floor, strict=True)]
        ),
        "megabytes": max(one["megabytes"] for one in ours),
        "steps": ours[-1]["steps"],
        "matches": ours[-1]["matches"],
        "breaks": ours[-1]["breaks"],
        "floor_pairs": floor[-1]["pairs"],
        "rounds": ROUNDS[size],
    }
    print(
        f"reconcile {size:>9,}: ours {answer['ours_seconds']} s, "
        f"floor {answer['floor_seconds']} s, ratio {answer['ratio']} (goal {GOAL_RATIO}), "
        f"{answer['megabytes']} MB (goal {GOAL_MEGABYTES}); "
        f"{answer['matches']:,} matches, {answer['breaks']:,} breaks"
    )
    return answer


def _write_files(folder: Path, size: int) -> None:
    """The same files for the same size: payments of ours and the channel's combined recon."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(size)
    order = list(range(size))
    rng.shuffle(order)  # a channel does not list payments in the order we took them
    amounts = [rng.randrange(10_000, 900_000) for _ in range(size)]
    with (folder / "payments.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(PAYMENT_COLUMNS)
        for n in range(size):
            if n % MISSING_EVERY != 1:
                writer.writerow(
                    (
                        f"26H18-{n:08d}-BNCH",
                        f"pay_{n:014x}",
                        f"order_{n:012x}",
                        amounts[n],
                        DAY,
                        f"{n:012d}",
                    )
                )
    with (folder / "settlement.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(SETTLEMENT_COLUMNS)
        for n in order:
            if n % MISSING_EVERY != 2:
                paid = amounts[n] + (100 if n % DIFFERS_EVERY == 3 else 0)
                rows.writerow(_line(n, paid))


def _line(n: int, paid: int) -> tuple[object, ...]:
    settlement = n % 14
    return (
        f"pay_{n:014x}", "payment", 0, paid, paid, "INR", 0, 0, 0, 1, CREATED_AT, SETTLED_AT,
        f"setl_{settlement:014x}", "", "default", "Electricity bill", "", "",
        f"UTIBN2623{settlement:07d}", f"order_{n:012x}", "", "upi", "", "", "", "",
    )  # fmt: skip
