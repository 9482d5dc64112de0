"""When to ask for a payment that stays pending: the rungs of its ladder, by method.

NPCI allows three questions about one UPI payment, the first after 90 seconds, all within about two
hours. A payment whose method nobody has told yet may be one of UPI: the same budget holds for it.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from channels_.contract import Method
from channels_.models import Channel
from payments.models import Payment

SETTING: Final = "ladder"

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_UPI: Final = (90, 15 * _MINUTE, 110 * _MINUTE)
_CARD: Final = (2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 6 * _HOUR, 24 * _HOUR)
_BANK: Final = (30 * _MINUTE, 2 * _HOUR, 6 * _HOUR, 24 * _HOUR)
DEFAULTS: Final[Mapping[str, tuple[int, ...]]] = {
    Method.UPI: _UPI,
    Method.UNKNOWN: _UPI,
    Method.CARD: _CARD,
    Method.NETBANKING: _CARD,
    Method.WALLET: _CARD,
    Method.NEFT: _BANK,
    Method.RTGS: _BANK,
    Method.IMPS: _BANK,
}

UNDER_NPCI: Final = frozenset({Method.UPI.value, Method.UNKNOWN.value})
NPCI_CHECKS: Final = 3
NPCI_FIRST: Final = 45  # seconds; the newest circular lets the first question come so early
EARLIEST: Final = 10  # seconds, whatever was agreed
_RUNGS_MAX: Final = 20
_LATEST: Final = 30 * 24 * _HOUR
_CATCH_UP: Final = 15 * _MINUTE  # between two rungs that were both missed

log = logging.getLogger(__name__)


def rungs_of(channel: Channel, method: str) -> tuple[int, ...]:
    """The rungs for payments of a method: as agreed in the channel's settings, else ours."""
    default = DEFAULTS.get(method, _UPI)
    agreed = channel.settings.get(SETTING)
    if agreed is None:
        return default
    if isinstance(agreed, Mapping):
        agreed = agreed.get(method, list(default))
    if not _is_ladder(agreed, under_npci=method in UNDER_NPCI):
        log.warning("%s: the ladder %s for %s cannot be, ours holds", channel.code, agreed, method)
        return default
    return tuple(agreed)


def first_of(channel: Channel) -> int:
    """The earliest rung of any method of a channel, in seconds."""
    return min(rungs_of(channel, method)[0] for method in DEFAULTS)


def last_of(channel: Channel) -> int:
    """The last rung of what is, or may be, a payment by UPI, in seconds."""
    return max(rungs_of(channel, method)[-1] for method in UNDER_NPCI)


def next_rung(payment: Payment, *, spent: int, asked_at: datetime | None) -> datetime | None:
    """When to ask next, after so many questions; None when the ladder ends.

    Rungs that were missed are not asked all at once: one after the other, with a pause.
    """
    rungs = rungs_of(payment.channel, payment.method)
    if spent >= len(rungs):
        return None
    due = payment.created_at + timedelta(seconds=rungs[spent])
    if asked_at is None:
        return due
    step = rungs[spent] - (rungs[spent - 1] if spent else 0)
    return max(due, asked_at + timedelta(seconds=min(step // 2, _CATCH_UP)))


def _is_ladder(agreed: Any, *, under_npci: bool) -> bool:
    if not isinstance(agreed, Sequence) or not 1 <= len(agreed) <= _RUNGS_MAX:
        return False
    if any(type(one) is not int or not EARLIEST <= one <= _LATEST for one in agreed):
        return False
    if any(later <= one for one, later in pairwise(agreed)):
        return False
    return not under_npci or (len(agreed) <= NPCI_CHECKS and agreed[0] >= NPCI_FIRST)
