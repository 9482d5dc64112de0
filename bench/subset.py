"""How long does it take to say which of forty open amounts add up to one credit, or that none do?

Bills as consumers pay them in whole rupees and to the paisa, and the large ones of industry. In
half of the questions a subset was planted; of the others nobody knows. Each answer is added up.
"""

import time
from random import Random
from typing import Final

from bench import ground
from reconciliation.desk import subset

QUESTIONS: Final = 200
GOAL_P50_MS: Final = 50


def measure() -> None:
    """Each kind of amounts; writes var/bench/subset.json."""
    result = {kind: _asked(kind) for kind in ("rupees", "paise", "large")}
    for kind, figures in result.items():
        print(
            f"subset of {subset.AMOUNTS_MAX} in {kind}: p50 {figures['p50_ms']} ms, "
            f"p95 {figures['p95_ms']} ms (goal p50 {GOAL_P50_MS} or less); {figures['unique']} of "
            f"{QUESTIONS} have one answer, {figures['not_answered']} took too long"
        )
    ground.write("subset", {**result, "goals": {"p50_ms": GOAL_P50_MS}})


def _asked(kind: str) -> dict[str, float]:
    chance = Random(kind)
    waits, unique, not_answered = [], 0, 0
    for number in range(QUESTIONS):
        amounts = [_amount(chance, kind) for _ in range(subset.AMOUNTS_MAX)]
        total = sum(chance.sample(amounts, chance.randint(2, 8)))
        if number % 2:
            total += chance.randint(1, 50) * (100 if kind == "rupees" else 1)
        began = time.perf_counter()
        answer = subset.find(amounts, total)
        waits.append(time.perf_counter() - began)
        if answer.is_unique and sum(amounts[place] for place in answer.positions) != total:
            raise SystemExit(f"{answer.positions} of {amounts} do not come to {total}")
        unique += answer.is_unique
        not_answered += not answer.is_complete
    waits.sort()
    return {
        "p50_ms": round(waits[QUESTIONS // 2] * 1000, 1),
        "p95_ms": round(waits[QUESTIONS * 95 // 100] * 1000, 1),
        "unique": unique,
        "not_answered": not_answered,
    }


def _amount(chance: Random, kind: str) -> int:
    if kind == "rupees":
        return chance.randint(100, 5_000) * 100
    if kind == "paise":
        return chance.randint(10_000, 500_000)
    return chance.randint(10_000_000, 500_000_000)
