"""What becomes of yesterday's cheques: who tells of a return, and what people do with it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from reconciliation.models import Reason
from simulator.handovers import HandOver
from simulator.kinds import Kind
from simulator.scene import CHEQUE
from simulator.truth import Part


class Fate(StrEnum):
    """One way in which a cheque comes back."""

    PAID_IN_CASH = "paid_in_cash"  # given up at once, then paid in cash
    AGAIN = "again"  # a technical return: presented again
    BANK_ONLY = "bank_only"  # only the statement tells of it
    BOOKS_ONLY = "books_only"  # told by hand; the bank took nothing back
    LEFT = "left"  # told by hand, and waits for a decision
    PURSUED = "pursued"  # given up at once, then pursued by law
    GIVEN_UP = "given_up"  # given up by a person
    REPLACED = "replaced"  # given up at once, then paid by draft
    UNCLEAR = "unclear"  # of a code that only a person can judge

    @property
    def code(self) -> str:
        """The code of the truncation system."""
        return _CODES[self]

    @property
    def is_in_file(self) -> bool:
        """Whether the bank's file of returns tells of it."""
        return self not in _NOT_IN_FILE


_CODES: Final = {
    Fate.PAID_IN_CASH: "01",
    Fate.AGAIN: "35",
    Fate.BANK_ONLY: "01",
    Fate.BOOKS_ONLY: "10",
    Fate.LEFT: "12",
    Fate.PURSUED: "02",
    Fate.GIVEN_UP: "20",
    Fate.REPLACED: "01",
    Fate.UNCLEAR: "60",
}
_NOT_IN_FILE: Final = frozenset({Fate.BANK_ONLY, Fate.BOOKS_ONLY, Fate.LEFT})
_PLANTED: Final = {
    Fate.BANK_ONLY: Kind.CHEQUE_BOUNCED,
    Fate.BOOKS_ONLY: Kind.CHEQUE_KEPT,
}


class Fates(NamedTuple):
    """Which cheques of an office come back how; those of no fate stay paid."""

    dealt_to: tuple[tuple[Fate, HandOver], ...] = ()
    held: HandOver | None = None  # a cheque of a later day, which is today

    @classmethod
    def dealt(cls, cheques: Sequence[HandOver], *, plants: bool) -> "Fates":
        """Give each fate one cheque of one consumer, as far as they go; the last one stays paid."""
        fates = [fate for fate in Fate if plants or fate not in _PLANTED]
        single = [one for one in cheques if len(one.shares) == 1]
        return cls(tuple(zip(fates, single[: len(single) - 1], strict=False)))

    def of(self, fate: Fate) -> list[HandOver]:
        """The cheques of one fate."""
        return [one for what, one in self.dealt_to if what is fate]

    def plant(self, part: Part) -> None:
        """Note in the truth what reconciliation must find."""
        for fate, one in self.dealt_to:
            if fate in _PLANTED:
                (paper,) = one.papers
                part.plant(
                    Reason.CHEQUE_RETURNED,
                    paper.number,
                    amount_paise=paper.amount_paise,
                    kind=_PLANTED[fate],
                    channel=CHEQUE,
                )
