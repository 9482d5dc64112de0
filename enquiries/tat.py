"""The clock of the Reserve Bank: by when money of a payment that was not confirmed must be back.

RBI/2019-20/67 of 20 September 2019: T is the calendar day of the payment; after T plus so many days
the payer's bank owes 100 rupees a day. What the circular does not name takes the longest. The rows
of TatRule say it by date; where they are silent, what stands here holds.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from channels_.contract import Method
from cspdcl.kernel.clock import business_date
from enquiries.models import TatRule
from payments.models import Payment

LONGEST: Final = 5
PAISE_A_DAY: Final = 10_000
DAYS: Final[Mapping[str, int]] = {
    Method.UPI: 5,  # to a merchant, debited and not confirmed
    Method.CARD: 5,  # at a terminal, or without the card present
    Method.NETBANKING: 5,  # as e-commerce without a card
    Method.WALLET: 5,  # as the rail it uses
    Method.IMPS: 1,
    Method.NEFT: 1,
    Method.RTGS: 1,
}
_REMEMBERED_FOR: Final = 3.0  # seconds; a list of payments asks for every row


class Due(NamedTuple):
    """The last day on which the money may be away, and what each day after it costs."""

    on: date
    paise_a_day: int

    def compensation(self, until: date) -> int:
        """What the payer's bank owes the payer when the money is back, or still away, that day."""
        return max(0, (until - self.on).days) * self.paise_a_day


def due_on(payment: Payment) -> date:
    """The last day on which the money may be neither with us nor back with the payer."""
    return due_of(payment).on


def due_of(payment: Payment) -> Due:
    """The clock of one payment, by the rule that was in force on its day."""
    return due_for(payment.method, business_date(payment.created_at))


def due_for(method: str, day: date) -> Due:
    """The clock of a payment by this method on this day."""
    days, paise = _rule(method, day)
    return Due(day + timedelta(days=days), paise)


def forget() -> None:
    """Forget the remembered rules, so that a changed one holds at once."""
    _remembered.clear()


_Rule = tuple[str, date, int, int]

_remembered: dict[str, tuple[float, Sequence[_Rule]]] = {}


def _rule(method: str, day: date) -> tuple[int, int]:
    """Of the named method, else of what is not named, the latest that was in force."""
    for name in (method, ""):
        fits = [row for row in _rules() if row[0] == name and row[1] <= day]
        if fits:
            return max(fits, key=lambda row: row[1])[2:]
        if name in DAYS:
            return DAYS[name], PAISE_A_DAY
    return LONGEST, PAISE_A_DAY


def _rules() -> Sequence[_Rule]:
    known = _remembered.get("")
    if known is None or known[0] < time.monotonic():
        rows = list(TatRule.objects.values_list("method", "valid_from", "days", "paise_a_day"))
        known = (time.monotonic() + _REMEMBERED_FOR, rows)
        _remembered[""] = known
    return known[1]
