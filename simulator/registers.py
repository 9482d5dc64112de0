"""What was planted that no statement tells of: counted drawers, lines that wait for a person."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from counters.models import Difference, ReturnLine


def wrong_in_registers(truth: Mapping[str, Any]) -> list[str]:
    """Each planted row that a register lacks, and each that it has besides, as a line."""
    told = truth["registers"]
    planted: Counter[tuple[Any, ...]] = Counter(
        ("over_short", row["clerk"], row["paise"], row["why"]) for row in told.get("over_short", ())
    )
    planted.update(
        ("return_line", row["number"], row["amount_paise"]) for row in told.get("return_lines", ())
    )
    posted = Difference.objects.filter(state=Difference.State.POSTED)
    found: Counter[tuple[Any, ...]] = Counter(
        ("over_short", *row)
        for row in posted.values_list("shift__clerk__username", "amount_paise", "why")
    )
    waiting = ReturnLine.objects.filter(state=ReturnLine.State.PERSON)
    found.update(("return_line", *row) for row in waiting.values_list("number", "amount_paise"))
    return [
        *(f"missed {_said(one)}" for one in (planted - found).elements()),
        *(f"invented {_said(one)}" for one in (found - planted).elements()),
    ]


def _said(row: tuple[Any, ...]) -> str:
    return " ".join(map(str, row))
