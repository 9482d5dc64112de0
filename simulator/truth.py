"""What was planted in a simulated day, and what only looks odd. Reconciliation never reads it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from reconciliation.models import Reason
from simulator.kinds import Kind


class Planted(NamedTuple):
    """One discrepancy: a break with this reason must name one of the keys."""

    reason: Reason
    keys: tuple[str, ...]
    amount_paise: int
    kind: Kind
    channel: str


@dataclass(slots=True)
class Part:
    """What one part of the day adds to the truth while it is played."""

    planted: list[Planted] = field(default_factory=list)
    not_breaks: Counter[str] = field(default_factory=Counter)
    payments: Counter[str] = field(
        default_factory=Counter
    )  # per channel, as our books hear of them
    amount_paise: Counter[str] = field(default_factory=Counter)

    def plant(
        self, reason: Reason, *keys: str, amount_paise: int, kind: Kind, channel: str
    ) -> None:
        """Remember a discrepancy that was just built in."""
        self.planted.append(Planted(reason, keys, amount_paise, kind, channel))

    def received(self, channel: str, amount_paise: int) -> None:
        """Count a payment that our books must know after the day was sent."""
        self.payments[channel] += 1
        self.amount_paise[channel] += amount_paise


def item_of(planted: Planted) -> dict[str, Any]:
    """A discrepancy as truth.json lists it."""
    return {
        "reason": planted.reason.value,
        "keys": list(planted.keys),
        "amount_paise": planted.amount_paise,
        "kind": planted.kind.value,
        "channel": planted.channel,
        "note": planted.kind.note,
    }


def truth_document(
    parts: list[Part],
    *,
    day: date,
    seed: int,
    payments: int,
    registers: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """truth.json: everything planted, and how much of the rest is expected to look open."""
    planted = sorted((p for part in parts for p in part.planted), key=lambda p: (p.reason, p.keys))
    counts: Counter[str] = Counter()
    by_channel: dict[str, dict[str, int]] = {}
    for part in parts:
        counts.update(part.not_breaks)
        for channel, number in part.payments.items():
            by_channel[channel] = {
                "payments": number,
                "amount_paise": part.amount_paise[channel],
            }
    return {
        "date": day.isoformat(),
        "seed": seed,
        "payments": payments,
        "by_channel": dict(sorted(by_channel.items())),
        "planted": [item_of(one) for one in planted],
        "registers": dict(registers or {}),
        "not_breaks": dict(sorted(counts.items())),
    }
