"""Whether two papers are one and the same: a cheque is money once, however its bank was told."""

from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple

from channels_.contract import Method
from counters.models import Instrument
from counters.states import PAPER_ALIVE
from counters.tenders import TenderAsked

_BY_KEY: Final = frozenset({Method.CARD, Method.POSTAL_ORDER})  # their numbers say all


class Marks(NamedTuple):
    """What a paper is told apart by, as far as somebody has told it."""

    method: str
    number: str
    bank_key: str
    micr: str
    ifsc: str
    account_id: str
    dated: date | None
    amount_paise: int

    @property
    def key(self) -> tuple[str, ...]:
        """What the database holds to be one paper."""
        return (self.method, self.number, self.bank_key, self.account_id)


def marks_of(paper: Instrument) -> Marks:
    """The marks of a paper that we have."""
    return Marks(
        paper.method,
        paper.number,
        paper.bank_key,
        paper.micr,
        paper.ifsc,
        paper.account_id,
        paper.dated,
        paper.amount_paise,
    )


def marks_asked(asked: TenderAsked) -> Marks:
    """The marks of one that is handed over."""
    return Marks(
        asked.method.value,
        asked.instrument,
        asked.bank_key,
        asked.micr,
        asked.ifsc,
        asked.account_id,
        asked.instrument_date,
        asked.amount_paise,
    )


def is_same(one: Marks, other: Marks) -> bool:
    """Equal keys; else number, date and amount are equal and no code speaks against the other.

    One clerk reads the MICR line, the next types the bank's name: it is one cheque all the same.
    """
    if one.key == other.key:
        return True
    if one[:2] != other[:2] or one.method in _BY_KEY:
        return False
    pairs = (
        (one.micr, other.micr),
        (one.ifsc, other.ifsc),
        (one.account_id, other.account_id),
        (one.dated, other.dated),
        (one.amount_paise, other.amount_paise),
    )
    if any(mine and theirs and mine != theirs for mine, theirs in pairs):
        return False
    is_named = not any((one.micr, one.ifsc, other.micr, other.ifsc))
    return not (is_named and one.bank_key and other.bank_key and one.bank_key != other.bank_key)


def alive_twin(marks: Marks, *, among: Iterable[Instrument] = ()) -> Instrument | None:
    """The same paper, if we hold it or it has been money for us: it may not be taken twice.

    ``among`` are papers of this request that are stored later. Take turns on method and number.
    """
    stored = Instrument.objects.filter(
        method=marks.method, number=marks.number, state__in=PAPER_ALIVE
    ).select_related("counter")
    for paper in (*among, *stored.order_by("pk")):
        if is_same(marks_of(paper), marks):
            return paper
    return None
