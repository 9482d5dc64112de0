"""Compares what reconciliation found with what was planted: found, missed, false."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """The planted discrepancies that were found, those that were missed, and false breaks."""

    found: Sequence[Mapping[str, Any]]  # planted items
    missed: Sequence[Mapping[str, Any]]  # planted items
    false: Sequence[Mapping[str, Any]]  # breaks
    other_amount: Sequence[tuple[Mapping[str, Any], int]]  # found, with this amount instead

    @property
    def is_perfect(self) -> bool:
        """Everything planted was found once and with its amount, and nothing was invented."""
        return not (self.missed or self.false or self.other_amount)

    def by_reason(self) -> dict[str, dict[str, int]]:
        """Per reason how many were found, missed and false."""
        counts = {
            "found": Counter(item["reason"] for item in self.found),
            "missed": Counter(item["reason"] for item in self.missed),
            "false": Counter(item["reason"] for item in self.false),
        }
        reasons = sorted({reason for several in counts.values() for reason in several})
        return {
            reason: {name: several[reason] for name, several in counts.items()}
            for reason in reasons
        }


def compare(truth: Mapping[str, Any], breaks: Iterable[Mapping[str, Any]]) -> Comparison:
    """Pair each planted item with one open break of its reason that names one of its keys."""
    waiting: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for item in truth["planted"]:
        for key in item["keys"]:
            waiting.setdefault((item["reason"], key), []).append(item)
    found: dict[int, Mapping[str, Any]] = {}
    false, other_amount = [], []
    for found_break in breaks:
        if found_break.get("state", "open") != "open":
            continue
        item = _planted(waiting, found_break, found)
        if item is None:
            false.append(found_break)
            continue
        found[id(item)] = item
        if item["amount_paise"] != found_break["amount_paise"]:
            other_amount.append((item, found_break["amount_paise"]))
    missed = [item for item in truth["planted"] if id(item) not in found]
    return Comparison(list(found.values()), missed, false, other_amount)


def _planted(
    waiting: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]],
    found_break: Mapping[str, Any],
    found: Mapping[int, object],
) -> Mapping[str, Any] | None:
    for name in [found_break["reference"], *found_break["references"]]:
        for item in waiting.get((found_break["reason"], name), ()):
            if id(item) not in found:
                return item
    return None
