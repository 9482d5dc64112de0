"""Papers for tests: taken, handed over and put on slips by the functions that do it in life."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import count
from typing import Any

from channels_.models import BankAccount, Channel
from counters import papers
from counters.models import Instrument, ReturnCharge, Share
from counters.states import PaperState
from cspdcl.kernel.clock import INDIA, today
from payments.consumers import seal_mobile
from payments.models import Consumer, Counter, Deposit, Payment
from people.models import Office, User
from tests import factories

MICR = "492240002"


def noon(day: date) -> datetime:
    """Noon of a day in India."""
    return datetime.combine(day, time(12), INDIA)


@dataclass
class Branch:
    """An office with a counter, its bank account, and the channel of its papers."""

    office: Office
    by: User  # a supervisor of it
    account: BankAccount = field(default_factory=factories.BankAccountFactory.create)
    numbers: Any = field(default_factory=lambda: count(4417))

    def __post_init__(self) -> None:
        self.channel: Channel = factories.ChannelFactory.create(bank_account=self.account)
        self.counter: Counter = factories.CounterFactory.create(
            office=self.office, bank_account=self.account
        )

    def consumer(self, mobile: str = "9876543210") -> Consumer:
        """A consumer of the office who can be told by SMS."""
        sealed, index = seal_mobile(mobile)
        made: Consumer = factories.ConsumerFactory.create(
            office=self.office, mobile=sealed, mobile_index=index
        )
        return made

    def cheque(
        self,
        *rupees: int,
        consumers: Sequence[Consumer] = (),
        on: date | None = None,
        number: str = "",
        method: str = "cheque",
    ) -> Instrument:
        """A cheque for one consumer or several, as the counter takes it."""
        day = on or today()
        paper: Instrument = Instrument.objects.create(
            method=method,
            number=number or f"{next(self.numbers):06d}",
            bank_key=MICR,
            micr=MICR,
            account_id="045504",
            bank_name="A bank",
            dated=day,
            drawer="A drawer",
            amount_paise=sum(rupees) * 100,
            office=self.office,
            counter=self.counter,
            taken_by=self.by,
            received_on=day,
        )
        for place, one in enumerate(rupees):
            who = consumers[place] if consumers else self.consumer()
            self._share(paper, who, one * 100, day)
        return paper

    def _share(self, paper: Instrument, who: Consumer, paise: int, day: date) -> None:
        payment: Payment = factories.PaymentFactory.create(
            paid=True,
            channel=self.channel,
            consumer=who,
            counter=self.counter,
            office=self.office,
            amount_paise=paise,
            method=paper.method,
            business_date=day,
            succeeded_at=noon(day),
        )
        factories.PaymentEventFactory.create(payment=payment, at=noon(day))
        factories.TenderFactory.create(
            payment=payment, method=paper.method, instrument=paper.number, amount_paise=paise
        )
        factories.ReceiptFactory.create(payment=payment, series=self.counter.code.upper())
        Share.objects.create(instrument=paper, consumer=who, amount_paise=paise, payment=payment)

    def banked(self, *these: Instrument, on: date | None = None, slip: str = "") -> Deposit:
        """Handed to the supervisor and put on one slip to the bank."""
        day = on or today()
        fresh = [one for one in these if one.state == PaperState.RECEIVED]
        papers.hand_over(fresh, by=self.by, on=day, cause="the shift was closed")
        made: Deposit = factories.DepositFactory.create(
            channel=self.channel,
            counter=self.counter,
            office=self.office,
            bank_account=self.account,
            business_date=day,
            amount_paise=sum(one.amount_paise for one in these),
            made_by=self.by,
            **({"reference": slip} if slip else {}),
        )
        papers.deposit_papers(these, deposit=made, by=self.by)
        for one in these:
            one.refresh_from_db()
        return made


def tariff(*, flat: int = 500, percent: str = "0", gst: str = "18", barred: int = 365) -> None:
    """What a dishonour costs in these tests: 500.00 and GST."""
    ReturnCharge.objects.create(
        code="return",
        flat_paise=flat * 100,
        percent=percent,
        gst_percent=gst,
        barred_days=barred,
        valid_from=date(2024, 4, 1),
    )
