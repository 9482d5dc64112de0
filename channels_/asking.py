"""What can be agreed with every partner that asks us and waits. No Django in it.

An adapter with an ``ask`` adds ``AGREED`` to its settings; the door reads them as ``Terms``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from channels_.contract import NOTHING
from cspdcl.kernel.money import PAISE_MAX, Paise

AGREED: Final[Mapping[str, str]] = {
    "category": "Whom it collects for: postpaid, prepaid, or any (default).",
    "amount": "What may be paid of the dues: any (default), exact, at_most or at_least.",
    "recharge_min_paise": "The least a prepaid consumer may pay at once, in paise.",
    "recharge_max_paise": "The most a prepaid consumer may pay at once, in paise; 0 is no limit.",
    "reversal": "Whether it may take a payment back: never (default) or same_day.",
}


class Exactness(StrEnum):
    """How near to the dues an amount must be."""

    ANY = "any"
    EXACT = "exact"
    AT_MOST = "at_most"
    AT_LEAST = "at_least"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The agreed values, checked: a wrong one is a fault of the configuration, found at once."""

    category: str = "any"
    amount: Exactness = Exactness.ANY
    least_paise: Paise = NOTHING
    most_paise: Paise = NOTHING
    may_reverse: bool = False

    def allows(self, plan: str) -> bool:
        """Whether consumers of this plan are served."""
        return self.category in ("any", plan)


def terms_of(settings: Mapping[str, Any]) -> Terms:
    """Read a channel's settings; ValueError names the one that is wrong."""
    return Terms(
        category=_word(settings, "category", "any", "postpaid", "prepaid"),
        amount=Exactness(_word(settings, "amount", *Exactness)),
        least_paise=_paise(settings, "recharge_min_paise"),
        most_paise=_paise(settings, "recharge_max_paise"),
        may_reverse=_word(settings, "reversal", "never", "same_day") == "same_day",
    )


def _word(settings: Mapping[str, Any], name: str, default: str, *others: str) -> str:
    found = settings.get(name, default)
    if found not in (default, *others):
        raise ValueError(f"{name}: expected one of {[default, *others]}, got {found!r}")
    return str(found)


def _paise(settings: Mapping[str, Any], name: str) -> Paise:
    found = settings.get(name, 0)
    if type(found) is not int or not 0 <= found <= PAISE_MAX:
        raise ValueError(f"{name}: expected whole paise, got {found!r}")
    return Paise(found)
