"""What a consumer has to pay at the window: bills, and the surcharge on those overdue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from counters.policy import surcharge_paise, surcharge_rates
from payments.models import Bill, Consumer
from payments.selectors import dues_of


@dataclass(frozen=True, slots=True)
class Dues:
    """The unpaid bills of a consumer, the oldest first, each with its surcharge of the day."""

    bills: Sequence[Bill]
    surcharges: Sequence[int]

    @property
    def surcharge_paise(self) -> int:
        """The surcharge on all of them."""
        return sum(self.surcharges)

    def to_pay(self, bill_number: str = "") -> int:
        """What one bill costs today, or all of them do; nothing for a bill that is not due."""
        return sum(
            bill.outstanding_paise + extra
            for bill, extra in zip(self.bills, self.surcharges, strict=True)
            if bill_number in ("", bill.number)
        )


def dues_with_surcharge(consumer: Consumer, *, on: date) -> Dues:
    """What is due on a day. The ERP bills the surcharge; paid here it waits as an advance."""
    bills = dues_of(consumer)
    rates = surcharge_rates() if any(bill.due_on < on for bill in bills) else []
    extra = [
        surcharge_paise(bill.outstanding_paise, due_on=bill.due_on, on=on, rates=rates)
        for bill in bills
    ]
    return Dues(bills, extra)
