"""Money taken by our own people: receipts at a counter, one or many, and the slip to the bank."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import date, datetime, timedelta
from itertools import chain, count
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from channels_.contract import Method
from channels_.models import Channel
from cspdcl.kernel.clock import business_date, financial_year, now
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.ids import new_reference
from cspdcl.kernel.money import PAISE_MAX, grouped_rupees
from payments import receipts
from payments.actions import SubmittedBefore, advance
from payments.limits import CASH_LIMIT_PAISE
from payments.models import (
    Bill,
    Consumer,
    Counter,
    Deposit,
    Payment,
    PaymentEvent,
    Receipt,
    SubmittedForm,
    Tender,
)
from payments.selectors import COUNTER_ADAPTER
from payments.states import State
from people import audit
from people.models import User

PAPER: Final = frozenset({Method.CHEQUE, Method.DEMAND_DRAFT, Method.POSTAL_ORDER})
METHODS: Final = frozenset({Method.CASH, *PAPER})

PAPER_VALID_FOR: Final = timedelta(days=92)  # three months, by the Reserve Bank's rule
CLOCKS_DIFFER: Final = timedelta(minutes=5)

_INSTRUMENT: Final = re.compile(r"\d{6,12}")
_MICR: Final = re.compile(r"\d{9}")
_SLIP: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{2,23}")
_MONTHS: Final = "ABCDEFGHJKLM"


class NotTaken(DomainError):
    """The counter may not take this; the drawer stays shut."""

    code = "not_taken"


class NothingToDeposit(DomainError):
    """No receipt of this counter and channel waits for the bank."""

    code = "nothing_to_deposit"


class SlipTaken(DomainError):
    """The slip number is on another deposit."""

    code = "slip_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderAsked:
    """One instrument that the consumer hands over."""

    method: Method
    amount_paise: int
    instrument: str = ""
    instrument_date: date | None = None
    bank_name: str = ""
    micr: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterPayment:
    """What a clerk asks to take. ``taken_at`` is earlier than now only for offline counters."""

    submit_key: str
    channel: str
    consumer_number: str
    amount_paise: int
    tenders: Sequence[TenderAsked]
    bill_number: str = ""
    taken_at: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """The same for the same request, whatever its key."""
        asked = (self.channel, self.consumer_number, self.amount_paise, self.bill_number)
        parts = [repr(asked), repr(self.taken_at), *(repr(astuple(one)) for one in self.tenders)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer to one: a receipt, new or given before; or why not."""

    submit_key: str
    receipt: Receipt | None = None
    is_new: bool = False
    refusal: DomainError | None = None


def take_counter_payment(counter: Counter, *, clerk: User, asked: CounterPayment) -> Taken:
    """Take one payment and give its receipt. The same key twice gives the same receipt."""
    (taken,) = take_counter_payments(counter, clerk=clerk, asked=[asked])
    if taken.refusal is not None:
        raise taken.refusal
    return taken


def receipt_given(counter: Counter, *, clerk: User, submit_key: str) -> Receipt | None:
    """The receipt that this key has given before, if it has."""
    if "\0" in submit_key:  # PostgreSQL has no such character
        return None
    form = (
        SubmittedForm.objects.select_related("payment__receipt")
        .filter(scope=_scope(counter, clerk), key=submit_key)
        .first()
    )
    return form.payment.receipt if form else None


@transaction.atomic
def take_counter_payments(
    counter: Counter, *, clerk: User, asked: Sequence[CounterPayment]
) -> list[Taken]:
    """Take many at once, all that may be taken in one transaction; one answer each, in order.

    The counter's receipt series is locked first: whatever else the counter does waits.
    """
    if not counter.is_open:
        raise NotTaken(f"counter {counter.code} is closed")
    moment = now()
    told = [one.taken_at for one in asked if one.taken_at and not _why_not_then(one, moment)]
    years = {financial_year(business_date(at)) for at in (*told, moment)}
    receipts.lock(counter.code.upper(), years=years)
    till = _Till.open(counter, clerk=clerk, asked=asked, moment=moment)
    answers = [till.take(one) for one in asked]
    till.store()
    return [till.answer(one) for one in answers]


@transaction.atomic
def make_deposit(
    counter: Counter,
    *,
    channel: Channel,
    on: date,
    made_by: User,
    slip_number: str = "",
) -> Deposit:
    """Put every receipt of a counter and channel that waits on one slip; the same slip again: same.

    The bank's credit will name the slip; without a number one is made.
    """
    if slip_number and not _SLIP.fullmatch(slip_number):
        raise NothingToDeposit("expected a slip number of 3 to 24 letters, digits and -")
    Counter.objects.select_for_update().get(pk=counter.pk)
    known = Deposit.objects.filter(reference=slip_number).first() if slip_number else None
    if known is not None:
        if (known.counter_id, known.channel_id, known.business_date) != (
            counter.pk,
            channel.pk,
            on,
        ):
            raise SlipTaken(f"slip {slip_number} belongs to another deposit")
        return known
    waiting = Payment.objects.select_for_update().filter(
        counter=counter,
        channel=channel,
        state=State.SUCCEEDED,
        deposit__isnull=True,
        business_date__lte=on,
    )
    keys = list(waiting.order_by("pk").values_list("pk", flat=True))
    if not keys:
        raise NothingToDeposit(f"nothing of {counter.code} in {channel.code} waits for the bank")
    account = counter.bank_account or channel.bank_account
    if account is None:
        raise NothingToDeposit(f"{counter.code} has no bank account")
    chosen = Payment.objects.filter(pk__in=keys)
    deposit = Deposit.objects.create(
        reference=slip_number or _new_slip(counter, channel, on),
        channel=channel,
        office_id=counter.office_id,
        counter=counter,
        bank_account=account,
        business_date=on,
        amount_paise=chosen.aggregate(total=Sum("amount_paise"))["total"],
        made_by=made_by,
    )
    chosen.update(deposit=deposit)
    audit.record(
        made_by,
        "deposit.made",
        deposit,
        after={
            "counter": counter.code,
            "channel": channel.code,
            "amount_paise": deposit.amount_paise,
            "payments": len(keys),
        },
        office=counter.office,
    )
    return deposit


def _new_slip(counter: Counter, channel: Channel, on: date) -> str:
    """Such as ``DS26H18-RPR1-CA``; the second slip of a day ends with -2.

    Channels that begin alike share their letters, and a branch may have written such a number: so
    what is taken decides, not what this channel has made.
    """
    day = f"DS{on.year % 100:02d}{_MONTHS[on.month - 1]}{on.day:02d}"
    window = counter.code.upper() if len(counter.code) <= 10 else f"C{counter.pk}"
    base = f"{day}-{window}-{channel.code[:2].upper()}"
    taken = set(
        Deposit.objects.filter(reference__startswith=base).values_list("reference", flat=True)
    )
    names = chain([base], (f"{base}-{number}" for number in count(2)))
    return next(name for name in names if name not in taken)


@dataclass(slots=True)
class _Answer:
    """One answer before it is stored."""

    submit_key: str
    payment: Payment | None = None
    is_new: bool = False
    refusal: DomainError | None = None


@dataclass(slots=True)
class _Till:
    """One request at a counter: what is known, what is taken, what is to be stored."""

    counter: Counter
    clerk: User
    moment: datetime
    channels: Mapping[str, Channel]
    consumers: Mapping[str, Consumer]
    bills: Mapping[str, Bill]
    forms: dict[str, SubmittedForm]
    events: list[PaymentEvent] = field(default_factory=list)
    tenders: list[Tender] = field(default_factory=list)
    new_forms: list[SubmittedForm] = field(default_factory=list)
    given: dict[int, Receipt] = field(default_factory=dict)

    @classmethod
    def open(
        cls, counter: Counter, *, clerk: User, asked: Sequence[CounterPayment], moment: datetime
    ) -> "_Till":
        """Read all that the request names, in four queries."""
        forms = SubmittedForm.objects.select_related("payment__receipt").filter(
            scope=_scope(counter, clerk), key__in=[one.submit_key for one in asked]
        )
        channels = Channel.objects.filter(code__in={one.channel for one in asked})
        consumers = Consumer.objects.select_related("office").filter(
            number__in={one.consumer_number for one in asked}
        )
        bills = Bill.objects.filter(number__in={one.bill_number for one in asked} - {""})
        return cls(
            counter=counter,
            clerk=clerk,
            moment=moment,
            channels={channel.code: channel for channel in channels},
            consumers={consumer.number: consumer for consumer in consumers},
            bills={bill.number: bill for bill in bills},
            forms={form.key: form for form in forms},
        )

    def take(self, asked: CounterPayment) -> _Answer:
        """Take one in memory, find that it was taken before, or say why not."""
        form = self.forms.get(asked.submit_key)
        if form is not None:
            if form.fingerprint != asked.fingerprint:
                refusal = SubmittedBefore("the key was used for another payment")
                return _Answer(asked.submit_key, refusal=refusal)
            return _Answer(asked.submit_key, payment=form.payment)
        try:
            payment = self._payment(asked)
        except DomainError as refusal:
            return _Answer(asked.submit_key, refusal=refusal)
        form = SubmittedForm(
            scope=_scope(self.counter, self.clerk),
            key=asked.submit_key,
            fingerprint=asked.fingerprint,
            payment=payment,
        )
        self.forms[asked.submit_key] = form
        self.new_forms.append(form)
        self.tenders += [_tender(payment, one) for one in asked.tenders]
        return _Answer(asked.submit_key, payment=payment, is_new=True)

    def store(self) -> None:
        """Write what was taken, and give the receipts last."""
        payments = [form.payment for form in self.new_forms]
        if not payments:
            return
        Payment.objects.bulk_create(payments)
        PaymentEvent.objects.bulk_create(self.events)
        Tender.objects.bulk_create(self.tenders)
        SubmittedForm.objects.bulk_create(self.new_forms)
        self.given = {receipt.payment_id: receipt for receipt in receipts.issue(payments)}
        for payment in payments:
            audit.record(
                self.clerk,
                "payment.taken",
                payment,
                after={
                    "counter": self.counter.code,
                    "amount_paise": payment.amount_paise,
                    "receipt": self.given[payment.pk].label,
                },
                office=self.counter.office,
            )

    def answer(self, one: _Answer) -> Taken:
        """The answer with its receipt, which exists by now."""
        if one.payment is None:
            return Taken(one.submit_key, refusal=one.refusal)
        receipt = self.given.get(one.payment.pk) or one.payment.receipt
        return Taken(one.submit_key, receipt=receipt, is_new=one.is_new)

    def _payment(self, asked: CounterPayment) -> Payment:
        channel = self.channels.get(asked.channel)
        if channel is None or channel.adapter != COUNTER_ADAPTER or not channel.is_live:
            raise NotTaken(f"no counter channel is called {asked.channel!r}")
        consumer = self.consumers.get(asked.consumer_number)
        if consumer is None:
            raise NotTaken(f"no consumer has the number {asked.consumer_number!r}")
        bill = self.bills.get(asked.bill_number)
        if asked.bill_number and (bill is None or bill.consumer_id != consumer.pk):
            raise NotTaken(f"consumer {consumer.number} has no bill {asked.bill_number!r}")
        taken_at = self._taken_at(asked)
        _check_money(asked, on=business_date(taken_at))
        methods = {one.method for one in asked.tenders}
        payment = Payment(
            reference=new_reference(),
            channel=channel,
            consumer=consumer,
            consumer_number=consumer.number,
            office_id=self.counter.office_id,
            counter=self.counter,
            bill=bill,
            amount_paise=asked.amount_paise,
            method=asked.tenders[0].method.value if len(methods) == 1 else Method.CHEQUE.value,
            created_at=taken_at,
            business_date=business_date(taken_at),
        )
        event = advance(
            payment,
            to=State.SUCCEEDED,
            cause=f"taken at {self.counter.code}",
            at=taken_at,
            actor=self.clerk.username,
        )
        if event is not None:
            self.events.append(event)
        return payment

    def _taken_at(self, asked: CounterPayment) -> datetime:
        problem = _why_not_then(asked, self.moment)
        if problem:
            raise NotTaken(problem)
        return asked.taken_at or self.moment


def _why_not_then(asked: CounterPayment, moment: datetime) -> str:
    """Why it cannot have been taken when it says; empty when it can."""
    if asked.taken_at is None:
        return ""
    if asked.taken_at > moment + CLOCKS_DIFFER:
        return "it cannot have been taken in the future"
    if asked.taken_at < moment - _offline_at_most():
        return "it was taken too long ago to be entered here"
    return ""


def _offline_at_most() -> timedelta:
    return timedelta(days=settings.COUNTER_OFFLINE_DAYS_MAX)


def _scope(counter: Counter, clerk: User) -> str:
    return f"user:{clerk.pk}:counter:{counter.code}"


def _tender(payment: Payment, asked: TenderAsked) -> Tender:
    return Tender(
        payment=payment,
        method=asked.method.value,
        amount_paise=asked.amount_paise,
        instrument=asked.instrument,
        instrument_date=asked.instrument_date,
        bank_name=asked.bank_name,
        micr=asked.micr,
    )


def _check_money(asked: CounterPayment, *, on: date) -> None:
    if not 0 < asked.amount_paise <= PAISE_MAX:
        raise NotTaken("expected an amount above zero")
    if not asked.tenders:
        raise NotTaken("expected what it is paid with")
    methods = {one.method for one in asked.tenders}
    if not methods <= METHODS:
        raise NotTaken("a counter takes cash, cheques, demand drafts and postal orders")
    if Method.CASH in methods and methods & PAPER:
        raise NotTaken("cash and paper go to the bank on different slips: take two payments")
    tendered = sum(one.amount_paise for one in asked.tenders)
    if tendered != asked.amount_paise or any(one.amount_paise <= 0 for one in asked.tenders):
        raise NotTaken(
            f"handed over {grouped_rupees(tendered)}, to pay {grouped_rupees(asked.amount_paise)}"
        )
    if Method.CASH in methods and asked.amount_paise >= CASH_LIMIT_PAISE:
        raise NotTaken(f"in cash less than {grouped_rupees(CASH_LIMIT_PAISE)} only")
    for one in asked.tenders:
        _check_paper(one, on=on)


def _check_paper(tender: TenderAsked, *, on: date) -> None:
    if tender.method not in PAPER:
        return
    if not _INSTRUMENT.fullmatch(tender.instrument):
        raise NotTaken(f"expected the number of the {tender.method.value}, 6 to 12 digits")
    if tender.micr and not _MICR.fullmatch(tender.micr):
        raise NotTaken("expected a MICR code of 9 digits")
    if tender.instrument_date is None or tender.method is Method.POSTAL_ORDER:
        return
    if tender.instrument_date > on:
        raise NotTaken(f"the {tender.method.value} is dated ahead")
    if tender.instrument_date < on - PAPER_VALID_FOR:
        raise NotTaken(f"the {tender.method.value} is older than three months")
