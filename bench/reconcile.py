"""N payments against N lines of a channel, from CSV files on disk to durable matches and breaks.

The floor is the least a database can do with the same files on the same server: COPY both into
bare tables, one hash join on the key, insert of the pairs into a bare table.
"""

import csv
import math
import os
import random
from collections.abc import Mapping
from pathlib import Path
from statistics import linear_regression
from typing import Any, Final

from bench import ground

ROUNDS: Final = {100_000: 3, 300_000: 1, 1_000_000: 2, 3_000_000: 1}
GOAL_RATIO: Final = 4
GOAL_EXPONENT: Final = "1.15"  # of the growth, a power of the size
GOAL_MEGABYTES: Final = 500
GOAL_LATE_PERCENT: Final = 5
GOAL_UNDO_SECONDS: Final = 60
GOAL_PANDAS_TIMES: Final = 5
PEERS_UP_TO: Final = 1_000_000  # a larger one keeps all its rows in memory
LATE_EVERY: Final = 100  # a late file has one line in so many

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
    """The sizes, ours, the floor and the peers in turn; writes var/bench/reconcile.json.

    ``BENCH_SIZES`` names others, such as 100000,300000,1000000,3000000.
    """
    ground.prepare_template()
    results: dict[str, Any] = {}
    sizes = [int(one) for one in os.environ.get("BENCH_SIZES", "").split(",") if one]
    for size in sizes or list(ROUNDS):
        folder = ground.figures_dir() / f"reconcile-{size}"
        _write_files(folder, size)
        results[str(size)] = _measure_size(folder, size)
    exponent = _exponent(results)
    print(f"  growth as a power of the size: {exponent} (goal {GOAL_EXPONENT} or less)")
    ground.write("reconcile", {"sizes": results, "exponent": exponent, "goals": {
        "ratio": GOAL_RATIO, "exponent": GOAL_EXPONENT, "megabytes": GOAL_MEGABYTES,
        "late_percent": GOAL_LATE_PERCENT, "undo_seconds": GOAL_UNDO_SECONDS,
        "pandas_times": GOAL_PANDAS_TIMES}})  # fmt: skip


def _exponent(results: Mapping[str, Any]) -> dict[str, str]:
    """Of seconds, and of processor seconds, as the size to the power of it: by least squares."""
    if len(results) < 2:
        return {}
    sizes = [math.log(int(size)) for size in results]
    slopes = {}
    for what in ("ours_seconds", "ours_cpu_seconds"):
        times = [math.log(one[what]) for one in results.values()]
        slopes[what] = f"{linear_regression(sizes, times).slope:.2f}"
    return slopes


def _measure_size(folder: Path, size: int) -> dict[str, Any]:
    ours, floor, pandas, datacompy = [], [], [], []
    rounds = ROUNDS.get(size, 1)
    for number in range(rounds):
        with ground.database("cspdcl_bench_floor") as name:
            floor.append(ground.child("bench.reconcile_floor", str(folder), name=name))
        with ground.database("cspdcl_bench_ours", template=ground.TEMPLATE) as name:
            after = ["after"] if number == rounds - 1 else []
            ours.append(ground.child("bench.reconcile_ours", str(folder), *after, name=name))
        if number == rounds - 1 and size <= PEERS_UP_TO:
            with ground.database("cspdcl_bench_peers") as name:
                peer = [str(folder)]
                python = ground.peers()
                pandas.append(ground.child("bench.peer_pandas", *peer, name=name, python=python))
                datacompy.append(
                    ground.child("bench.peer_datacompy", *peer, name=name, python=python)
                )
    answer = {
        "ours_seconds": ground.middle([one["seconds"] for one in ours]),
        "floor_seconds": ground.middle([one["seconds"] for one in floor]),
        "ours_cpu_seconds": ground.middle([one["cpu_seconds"] for one in ours]),
        "floor_cpu_seconds": ground.middle([one["cpu_seconds"] for one in floor]),
        "ratio": ground.middle(
            [a["seconds"] / b["seconds"] for a, b in zip(ours, floor, strict=True)]
        ),
        "megabytes": max(one["megabytes"] for one in ours),
        "steps": ours[-1]["steps"],
        "after": ours[-1]["after"],
        "matches": ours[-1]["matches"],
        "breaks": ours[-1]["breaks"],
        "floor_pairs": floor[-1]["pairs"],
        "rounds": rounds,
    }
    if pandas:
        answer["pandas_seconds"] = ground.middle([pandas[-1]["seconds"]])
        answer["pandas_times"] = ground.middle([pandas[-1]["seconds"] / ours[-1]["seconds"]])
        answer["datacompy_seconds"] = ground.middle([datacompy[-1]["seconds"]])
    _tell(size, answer)
    return answer


def _tell(size: int, answer: Mapping[str, Any]) -> None:
    print(
        f"reconcile {size:>9,}: ours {answer['ours_seconds']} s, "
        f"floor {answer['floor_seconds']} s, ratio {answer['ratio']} (goal {GOAL_RATIO}), "
        f"{answer['megabytes']} MB (goal {GOAL_MEGABYTES}); "
        f"{answer['matches']:,} matches, {answer['breaks']:,} breaks"
    )
    print(
        f"  of the processors: ours {answer['ours_cpu_seconds']} s, floor "
        f"{answer['floor_cpu_seconds']} s; steps {answer['steps']}"
    )
    if "pandas_seconds" in answer:
        print(
            f"  pandas and to_sql: {answer['pandas_seconds']} s, {answer['pandas_times']} times "
            f"ours (goal {GOAL_PANDAS_TIMES} or more); datacompy, which writes nothing: "
            f"{answer['datacompy_seconds']} s"
        )
    after = answer["after"]
    print(
        f"  a late file of 1 %: {after['late']} s, {after['late_percent']} % of the day (goal "
        f"{GOAL_LATE_PERCENT} %); its bank credits: {after['credits']} s; undo of the first run: "
        f"{after['undo']} s (goal {GOAL_UNDO_SECONDS} s), matched again: {after['again']} s"
    )


def _write_files(folder: Path, size: int) -> None:
    """The same files for the same size: payments of ours and the channel's combined recon."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(size)
    order = list(range(size))
    rng.shuffle(order)  # a channel does not list payments in the order we took them
    amounts = [rng.randrange(10_000, 900_000) for _ in range(size)]
    _write_late(folder, size)
    with (folder / "payments.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(PAYMENT_COLUMNS)
        for n in range(size):
            if n % MISSING_EVERY != 1:
                writer.writerow(_payment(n, amounts[n]))
    with (folder / "settlement.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(SETTLEMENT_COLUMNS)
        for n in order:
            if n % MISSING_EVERY != 2:
                paid = amounts[n] + (100 if n % DIFFERS_EVERY == 3 else 0)
                rows.writerow(settlement_line(n, paid))


def _write_late(folder: Path, size: int) -> None:
    """What comes a day late: one payment in a hundred more, with its line."""
    with (
        (folder / "payments-late.csv").open("w", newline="", encoding="utf-8") as payments,
        (folder / "settlement-late.csv").open("w", newline="", encoding="utf-8") as lines,
    ):
        csv.writer(payments).writerow(PAYMENT_COLUMNS)
        csv.writer(lines).writerow(SETTLEMENT_COLUMNS)
        for n in range(size, size + size // LATE_EVERY):
            csv.writer(payments).writerow(_payment(n, n))
            csv.writer(lines).writerow(settlement_line(n, n))


def _payment(n: int, paid: int) -> tuple[object, ...]:
    reference, order = f"26H18-{n:08d}-BNCH", f"order_{n:012x}"
    return (reference, f"pay_{n:014x}", order, paid, DAY, f"{n:012d}")


def settlement_line(n: int, paid: int) -> tuple[object, ...]:
    settlement = n % 14
    return (
        f"pay_{n:014x}", "payment", 0, paid, paid, "INR", 0, 0, 0, 1, CREATED_AT, SETTLED_AT,
        f"setl_{settlement:014x}", "", "default", "Electricity bill", "", "",
        f"UTIBN2623{settlement:07d}", f"order_{n:012x}", "", "upi", "", "", "", "",
    )  # fmt: skip
