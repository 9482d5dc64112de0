"""The clock of the Reserve Bank: by when money of a payment that was not confirmed must be back.

RBI/2019-20/67 of 20 September 2019: T is the calendar day of the payment; after T plus so many days
the payer's bank owes 100 rupees a day. What the circular does not name takes the longest.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from channels_.contract import Method
from cspdcl.kernel.clock import business_date
from payments.models import Payment

LONGEST: Final = 5
DAYS: Final[Mapping[str, int]] = {
    Method.UPI: 5,  # to a merchant, debited and not confirmed
    Method.CARD: 5,  # at a terminal, or without the card present
    Method.NETBANKING: 5,  # as e-commerce without a card
    Method.WALLET: 5,  # as the rail it uses
    Method.IMPS: 1,
    Method.NEFT: 1,
    Method.RTGS: 1,
}


def due_on(payment: Payment) -> date:
    """The last day on which the money may be neither with us nor back with the payer."""
    days = DAYS.get(payment.method, LONGEST)
    return business_date(payment.created_at) + timedelta(days=days)
