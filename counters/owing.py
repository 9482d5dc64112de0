"""What a consumer has to pay at the window: bills, and the surcharge on those overdue."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from counters.policy import surcharge_paise, surcharge_rates
from payments.models import Bill, Consumer
from payments.selectors import dues_of_many


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
    return dues_of_each([consumer.pk], on=on)[consumer.pk]


def dues_of_each(consumer_ids: Iterable[int], *, on: date) -> dict[int, Dues]:
    """The same for many consumers at once, by their ids."""
    bills_of = dues_of_many(consumer_ids)
    is_late = any(bill.due_on < on for bills in bills_of.values() for bill in bills)
    rates = surcharge_rates() if is_late else []
    return {
        key: Dues(
            bills,
            [
                surcharge_paise(bill.outstanding_paise, due_on=bill.due_on, on=on, rates=rates)
                for bill in bills
            ],
        )
        for key, bills in bills_of.items()
    }
