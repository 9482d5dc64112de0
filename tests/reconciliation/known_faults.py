"""What the engine is known to do otherwise than its document says, until it is mended.

Each fault has cases under ``kept/`` that are expected to fail. Days by chance that a fault may
touch are set aside, so that any other disagreement shows.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Final

from tests.reconciliation.naive import later
from tests.reconciliation.small_days import Day, Row


def _rows(day: Day, source: str) -> list[Row]:
    return [one for one in day.rows if one.source == source]


def _empty_id(day: Day) -> bool:
    return any(
        not row.id and not held.id and held.state == "failed" and held.source == row.source
        for row in day.rows
        for held in day.receipts
    )


def _listed_twice(day: Day) -> bool:
    for held in day.receipts:
        rows = _rows(day, held.source)
        for listed in {one.id for one in rows} - {""}:
            same = [one for one in rows if one.id == listed]
            keys = [
                (one.reference == held.name, bool(held.rrn) and one.rrn == held.rrn) for one in same
            ]
            if any(any(told) and not all(told) for told in zip(*keys, strict=True)):
                return True
    return False


def _utrs(rows: Collection[Row]) -> Mapping[str, set[str]]:
    """The UTRs of each settlement; a row without a name goes by its UTR."""
    told: dict[str, set[str]] = {}
    for one in rows:
        told.setdefault(one.settlement or one.utr, set()).add(one.utr)
    return told


def _shares_payout(day: Day) -> bool:
    """Some settlements share a UTR, and something in their channel is below zero."""
    for source in day.sources:
        rows = _rows(day, source)
        words = [
            word.upper()
            for name, utrs in _utrs(rows).items()
            for word in (utrs - {""} or {name})  # in two cases it is two to the engine
        ]
        if len(words) > len(set(words)) and any(one.paise < 0 for one in rows):
            return True
    return False


def _loses_utr(day: Day) -> bool:
    """A row without a UTR where its settlement tells some: those of what is open alone count."""
    for source in day.sources:
        rows = _rows(day, source)
        several = 2 if any(one.is_late for one in rows) else 3
        if any("" in utrs and len(utrs) >= several for utrs in _utrs(rows).values()):
            return True
    return False


def _carried_choice(day: Day) -> bool:
    """Something is below zero where several credits, or one of several settlements, speak."""
    told = [f"{one.narration} {one.utr} {one.reference}".upper() for one in day.credits]
    words = {(one.source, (one.utr or one.settlement).upper()) for one in day.rows}
    naming = [(word, one) for word in words for one in told if word[1] and word[1] in one]
    is_choice = any(
        len([0 for pair in naming if pair[part] == one]) > 1
        for part in (0, 1)
        for one in {pair[part] for pair in naming}
    )
    return is_choice and any(one.paise < 0 for one in day.rows)


def _underscored(day: Day) -> bool:
    return any("-SETL_" in one.narration.upper() for one in day.credits)


def _undeposited(day: Day) -> bool:
    """Money on no slip, between the next working day and so many more as a credit takes."""
    days = {code: one.credit_days for code, one in day.sources.items()}
    spoken = [one for one in (day.bank_until, day.bank_late_until) if one]
    for one in day.receipts:
        if one.source == "c" and not one.slip:
            due = later(date.fromisoformat(one.day), 1)
            too_late = later(later(date.fromisoformat(one.day), days["c"]), 1)
            if any(due <= date.fromisoformat(until) < too_late for until in spoken):
                return True
    return False


def _small_letters(day: Day) -> bool:
    """A report tells a UTR in small letters that several credits name."""
    told = [f"{one.narration} {one.utr} {one.reference}".upper() for one in day.credits]
    return any(
        len([0 for one in told if row.utr.upper() in one]) > 1
        for row in day.rows
        if row.utr != row.utr.upper()
    )


FAULTS: Final[Mapping[str, Callable[[Day], bool]]] = {
    "empty_id": _empty_id,
    "listed_twice": _listed_twice,
    "shares_payout": _shares_payout,
    "loses_utr": _loses_utr,
    "carried_choice": _carried_choice,
    "underscored": _underscored,
    "undeposited": _undeposited,
    "small_letters": _small_letters,
}


def may_touch(day: Day) -> bool:
    """Whether a known fault may touch this day."""
    return any(is_touched(day) for is_touched in FAULTS.values())
