"""Which days are bank holidays here: read once a process, and again when the database says so."""

import time
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from sources.models import CalendarVersion, Holiday

LOOK_SECONDS: Final = 5  # a change made by another process is known here within that


@dataclass(frozen=True, slots=True)
class _Known:
    token: UUID | None  # null: nobody has ever changed a holiday
    state: str
    days: frozenset[date]
    looked_at: float


_memory: Final[dict[str, _Known]] = {}


def holidays() -> frozenset[date]:
    """The holidays of the whole country and of our state."""
    known, moment, state = _memory.get("known"), time.monotonic(), settings.HOLIDAY_STATE
    if known is not None and known.state == state and moment - known.looked_at < LOOK_SECONDS:
        return known.days
    token = CalendarVersion.objects.values_list("token", flat=True).first()
    if known is None or known.token != token or known.state != state:
        found = Holiday.objects.filter(Q(state="") | Q(state=state))
        days = frozenset(found.values_list("day", flat=True))
    else:
        days = known.days
    _memory["known"] = _Known(token, state, days, moment)
    return days


def forget() -> None:
    """Look again at once: somebody changed the calendar here."""
    _memory.clear()
