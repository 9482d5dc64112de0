"""The cash book of an office's day: what was in the safe, what came, what left, what is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.template.loader import render_to_string

from counters import closing, safe, shifts
from counters.models import CashMove, OfficeDay
from cspdcl.env import Mode
from cspdcl.ui import paper


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLine:
    """One move of the safe, with what it held afterwards."""

    move: CashMove
    came_paise: int
    left_paise: int
    balance_paise: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CashBook:
    """The day's facts, and the moves of the safe."""

    facts: Mapping[str, Any]
    lines: Sequence[BookLine]

    @property
    def receipts(self) -> Sequence[tuple[str, int, int]]:
        """Method, count and sum."""
        return [(name, one[0], one[1]) for name, one in self.facts["receipts"].items()]

    @property
    def receipts_paise(self) -> int:
        """What was taken in all."""
        return sum(paise for _name, _count, paise in self.receipts)


def book_of(day: OfficeDay) -> CashBook:
    """The book of a day: of a closed one its kept facts, else as they stand."""
    is_closed = day.state == OfficeDay.State.CLOSED
    facts = day.facts if is_closed else closing.facts_of(day)
    moves = (
        CashMove.objects.filter(shifts.gone(), office_day=day)
        .filter(Q(to_safe=True, state=CashMove.State.DONE) | Q(from_safe=True))
        .select_related("from_shift__counter", "to_shift__counter", "deposit", "maker", "checker")
        .order_by("pk")
    )
    back = safe.came_back_late(day.office).select_related("counter", "maker", "checker")
    sides = [(move, move.to_safe) for move in moves]
    sides += [(move, False) for move in back.filter(office_day=day)]
    sides += [(move, True) for move in back.filter(came_back_on=day.business_date)]
    balance: int = facts["opening_paise"]
    lines = []
    for move, comes in sides:
        came = move.amount_paise if comes else 0
        left = 0 if comes else move.amount_paise
        balance += came - left
        lines.append(BookLine(move=move, came_paise=came, left_paise=left, balance_paise=balance))
    return CashBook(facts=facts, lines=lines)


def pdf(day: OfficeDay) -> bytes:
    """The book on A4."""
    context = {
        "day": day,
        "book": book_of(day),
        "is_sample_data": settings.MODE is Mode.DEMO,
    }
    html = render_to_string("counters/day_pdf.html", context)
    return paper.pdf(html, title=f"cash book {day}")
