"""Taking a payment at an agency: held or paid at once, confirmed, given back, or run out.

All under the lock of the agency's float, then of the payment: limits, float, state, receipt and
sums of the day are one transaction.
"""

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from agencies import floats
from agencies.auth import Caller
from agencies.doors import Door
from agencies.models import Agency, AgencyPayment, FloatAccount, Terminal
from agencies.problems import (
    AmountNotAllowed,
    InactiveConsumer,
    InstrumentMissing,
    LimitExceeded,
    NoDues,
    NotCollectedHere,
    NotThen,
    OutsideHours,
    TooLate,
    TxnIdUsed,
    UnknownBill,
    UnknownConsumer,
    UnknownTerminal,
    WrongState,
)
from channels_.asking import Exactness, Terms, terms_of
from channels_.contract import Dues, Method, ReplyCode
from channels_.models import StatementFile
from cspdcl.kernel.clock import INDIA, business_date, now, today
from cspdcl.kernel.ids import new_reference
from cspdcl.kernel.money import grouped_rupees
from payments import receipts
from payments.actions import advance
from payments.asked import dues_of
from payments.limits import CASH_LIMIT_PAISE
from payments.models import Bill, Consumer, Payment, Tender
from payments.selectors import consumer_who_pays
from payments.states import PAID, State
from people import audit
from refunds.actions import room_of

METHODS: Final = (
    Method.CASH,
    Method.CARD,
    Method.UPI,
    Method.WALLET,
    Method.NETBANKING,
    Method.CHEQUE,
    Method.DEMAND_DRAFT,
)
PAPER: Final = frozenset({Method.CHEQUE, Method.DEMAND_DRAFT})

_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_TIMETABLE: Final = "timetable"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an agency asks to take. ``paid_at`` is earlier than now only for offline machines."""

    txn_id: str
    consumer_number: str
    amount_paise: int
    method: Method
    confirm: bool
    bill_number: str = ""
    terminal: str = ""
    rrn: str = ""
    instrument: str = ""
    instrument_date: date | None = None
    bank_name: str = ""
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A payment of an agency; ``is_new`` false means that its txn_id was here before."""

    mine: AgencyPayment
    is_new: bool


def dues_for(here: Door, number: str) -> Dues:
    """What the agency may show of a consumer's dues; Refused says why it may not."""
    found = dues_of(number, terms=_terms(here))
    if isinstance(found, ReplyCode):
        raise _REFUSALS.get(found, UnknownConsumer)(
            f"{number} cannot be asked for here.", expected=_NUMBER
        )
    if here.office_paths:
        consumer = Consumer.objects.select_related("office").get(number=found.consumer_number)
        _check_office(here, consumer)
    return found


@transaction.atomic
def take(caller: Caller, asked: Asked) -> Taken:
    """Take one payment: held until it is confirmed, or paid at once. The same txn_id is the same.

    Raises Refused; then nothing was taken.
    """
    here = caller.door
    account = floats.locked(here.agency)
    known = _known(caller, account, asked)
    if known is not None:
        return Taken(known, is_new=False)
    moment = now()
    consumer = _consumer(here, asked)
    bill = _bill(consumer, asked.bill_number)
    terminal = _terminal(here.agency, asked.terminal)
    paid_at = _paid_at(asked, moment)
    _check_amount(here, consumer, asked)
    _check_limits(here.agency, account, asked.amount_paise, at=paid_at)
    payment = Payment(
        reference=new_reference(),
        channel=here.channel,
        channel_ref=asked.txn_id,
        consumer=consumer,
        consumer_number=consumer.number,
        office_id=consumer.office_id,
        bill=bill,
        amount_paise=asked.amount_paise,
        method=asked.method.value,
        rrn=asked.rrn,
        created_at=paid_at,
        business_date=business_date(paid_at),
    )
    words = f"taken by {here.agency.code}" if asked.confirm else f"held by {here.agency.code}"
    to = State.SUCCEEDED if asked.confirm else State.PENDING
    event = advance(payment, to=to, cause=words, at=paid_at, actor=caller.name)
    payment.save()
    if event is not None:
        event.save()
    Tender.objects.create(
        payment=payment,
        method=asked.method.value,
        amount_paise=asked.amount_paise,
        instrument=asked.instrument,
        instrument_date=asked.instrument_date,
        bank_name=asked.bank_name,
    )
    floats.take(account, payment=payment, turn=1, actor=caller.name)
    floats.count(account, payment.amount_paise, on=business_date(moment))
    mine = AgencyPayment.objects.create(
        payment=payment,
        agency=here.agency,
        terminal=terminal,
        counted_on=business_date(moment),
        held_until=None if asked.confirm else moment + timedelta(minutes=here.agency.hold_minutes),
    )
    if asked.confirm:
        receipts.issue([payment])
    if account.is_low:
        log.warning("the float of %s is low", here.agency.code)
    return Taken(mine, is_new=True)


@transaction.atomic
def confirm(caller: Caller, reference: str) -> AgencyPayment:
    """A held payment is paid; again changes nothing.

    A hold that has run out is taken anew: the agency has the consumer's money.
    """
    account = floats.locked(caller.door.agency)
    mine, payment = _held(caller.door.agency, reference)
    if payment.state == State.SUCCEEDED:
        return mine
    if payment.state == State.REVERSED or mine.ended_at is not None:
        raise WrongState(
            f"{payment.reference} was given back.", expected="a held payment, or a new txn_id"
        )
    moment = now()
    if payment.state == State.FAILED and mine.held_until is None:
        mine.turn += 1
        mine.counted_on = business_date(moment)
        floats.take(account, payment=payment, turn=mine.turn, actor=caller.name)
        floats.count(account, payment.amount_paise, on=mine.counted_on)
    mine.held_until = None
    _move(payment, State.SUCCEEDED, cause="confirmed", actor=caller.name, at=moment)
    mine.save(update_fields=["turn", "counted_on", "held_until"])
    receipts.issue([payment])
    return mine


@transaction.atomic
def give_back(caller: Caller, reference: str, *, why: str) -> AgencyPayment:
    """Cancel a held payment, or reverse one paid today; again changes nothing.

    A paid one only on its own day and before the daily file has spoken of it.
    """
    account = floats.locked(caller.door.agency)
    mine, payment = _held(caller.door.agency, reference)
    if mine.ended_at is not None:
        return mine
    moment = now()
    if payment.state == State.SUCCEEDED:
        _check_not_too_late(payment)
        _move(payment, State.REVERSED, cause=f"reversed: {why}", actor=caller.name, at=moment)
        receipts.cancel(payment, at=moment)
        _release(account, mine, payment, actor=caller.name)
    elif mine.held_until is not None:
        _end(payment, cause=f"cancelled: {why}", actor=caller.name, at=moment)
        _release(account, mine, payment, actor=caller.name)
    mine.held_until, mine.ended_at, mine.ended_why = None, moment, why
    mine.save(update_fields=["held_until", "ended_at", "ended_why"])
    audit.record(
        caller.name,
        "agency_payment.given_back",
        payment,
        after={"state": payment.state, "reason": why, "agency": caller.door.agency.code},
        office=payment.office,
    )
    return mine


def end_holds(*, limit: int = 500) -> int:
    """Let holds that nobody confirmed in time run out, each in its own transaction."""
    due = AgencyPayment.objects.filter(held_until__lt=now()).order_by("held_until")
    ended = 0
    for agency_id, reference in list(due.values_list("agency_id", "payment__reference")[:limit]):
        ended += _end_hold(agency_id, reference)
    return ended


@transaction.atomic
def _end_hold(agency_id: int, reference: str) -> int:
    """Whoever comes second finds that it is no hold any more."""
    account = floats.locked(agency_id)
    mine, payment = _held(account.agency, reference)
    if mine.held_until is None or mine.held_until > now():
        return 0
    if payment.state not in PAID:  # else the daily file has told that it was paid
        _end(payment, cause="the hold ran out", actor=_TIMETABLE, at=now())
        _release(account, mine, payment, actor=_TIMETABLE)
    mine.held_until = None
    mine.save(update_fields=["held_until"])
    return 1


def _end(payment: Payment, *, cause: str, actor: str, at: datetime) -> None:
    """A hold comes to nothing; a person may have said so of the payment before."""
    if payment.state == State.PENDING:
        _move(payment, State.FAILED, cause=cause, actor=actor, at=at)


def _release(account: FloatAccount, mine: AgencyPayment, payment: Payment, *, actor: str) -> None:
    floats.give_back(account, payment=payment, turn=mine.turn, actor=actor)
    floats.count(account, -payment.amount_paise, on=mine.counted_on)


def _move(payment: Payment, to: State, *, cause: str, actor: str, at: datetime) -> None:
    event = advance(payment, to=to, cause=cause, at=at, actor=actor)
    payment.save(update_fields=["state", "succeeded_at", "business_date"])
    if event is not None:
        event.save()


def _known(caller: Caller, account: FloatAccount, asked: Asked) -> AgencyPayment | None:
    """The payment of this txn_id; one that only the daily file had told becomes the agency's."""
    agency = caller.door.agency
    payment = (
        Payment.objects.select_related("consumer", "bill")
        .filter(channel=agency.channel_id, channel_ref=asked.txn_id)
        .first()
    )
    if payment is None:
        return None
    _check_same(payment, asked)
    mine = AgencyPayment.objects.select_related("terminal").filter(payment=payment).first()
    if mine is None:
        mine = AgencyPayment(payment=payment, agency=agency, counted_on=payment.business_date)
        floats.take(account, payment=payment, turn=mine.turn, actor=caller.name)
        floats.count(account, payment.amount_paise, on=mine.counted_on)
        mine.save()
    mine.payment = payment
    return mine


def _held(agency: Agency, reference: str) -> tuple[AgencyPayment, Payment]:
    """The agency's payment, locked; another's is not there."""
    mine = (
        AgencyPayment.objects.select_related("terminal")
        .filter(agency=agency, payment__reference=reference)
        .first()
    )
    if mine is None:
        raise AgencyPayment.DoesNotExist(reference)
    payment = (
        Payment.objects.select_for_update(of=("self",))
        .select_related("channel", "bill")
        .get(pk=mine.payment_id)
    )
    mine.payment = payment
    return mine, payment


def _check_same(payment: Payment, asked: Asked) -> None:
    numbers = {payment.consumer_number}
    if payment.consumer is not None:
        numbers.add(payment.consumer.business_partner)
    if asked.amount_paise != payment.amount_paise or asked.consumer_number not in numbers:
        raise TxnIdUsed(
            f"It stands for {payment.reference}.",
            expected="the consumer_number and amount_paise of the first time, or a new txn_id",
        )


_NUMBER: Final = "a consumer number of 6 to 12 digits, or a business partner with one account"

_REFUSALS: Final = {
    ReplyCode.UNKNOWN_CONSUMER: UnknownConsumer,
    ReplyCode.INACTIVE_CONSUMER: InactiveConsumer,
    ReplyCode.NO_DUES: NoDues,
    ReplyCode.NOT_ALLOWED: NotCollectedHere,
}


def _terms(here: Door) -> Terms:
    return terms_of(here.channel.settings)


def _consumer(here: Door, asked: Asked) -> Consumer:
    consumer = consumer_who_pays(asked.consumer_number)
    if consumer is None:
        raise UnknownConsumer(f"{asked.consumer_number} names nobody.", expected=_NUMBER)
    if not _terms(here).allows(consumer.plan):
        raise NotCollectedHere(f"The consumer is {consumer.plan}.", expected="another channel")
    if consumer.plan == Consumer.Plan.PREPAID and not consumer.is_active:
        raise InactiveConsumer(f"{consumer.number} cannot be recharged.", expected=_NUMBER)
    _check_office(here, consumer)
    return consumer


def _check_office(here: Door, consumer: Consumer) -> None:
    if not here.collects_for(consumer.office):
        raise NotCollectedHere(
            f"{consumer.number} belongs to another office.",
            expected="a consumer of the offices that were agreed",
        )


def _bill(consumer: Consumer, number: str) -> Bill | None:
    if not number:
        return None
    bill = Bill.objects.filter(consumer=consumer, number=number).first()
    if bill is None:
        raise UnknownBill(
            f"{consumer.number} has no bill {number}.", expected="bill_number as dues tell it"
        )
    return bill


def _terminal(agency: Agency, code: str) -> Terminal | None:
    if not code:
        return None
    terminal = Terminal.objects.filter(agency=agency, code=code, is_active=True).first()
    if terminal is None:
        raise UnknownTerminal(
            f"{agency.code} has no terminal {code} in use.", expected="a terminal that was agreed"
        )
    return terminal


def _paid_at(asked: Asked, moment: datetime) -> datetime:
    if asked.paid_at is None:
        return moment
    if not asked.confirm:
        raise NotThen("Only what was paid has a moment.", expected="confirm: true with paid_at")
    oldest = moment - timedelta(days=settings.COUNTER_OFFLINE_DAYS_MAX)
    if not oldest <= asked.paid_at <= moment + _CLOCKS_DIFFER:
        raise NotThen(
            "It was not paid at this moment.",
            expected=f"paid_at within the last {settings.COUNTER_OFFLINE_DAYS_MAX} days",
        )
    return min(asked.paid_at, moment)


def _check_amount(here: Door, consumer: Consumer, asked: Asked) -> None:
    """What law and agreement allow; the amount of the dues is looked up only where it matters."""
    if asked.method in PAPER and not asked.instrument:
        raise InstrumentMissing("It was paid by paper.", expected="instrument, 6 to 12 digits")
    if asked.method is Method.CASH and asked.amount_paise >= CASH_LIMIT_PAISE:
        raise AmountNotAllowed(
            "So much may not be taken in cash.",
            expected=f"less than {CASH_LIMIT_PAISE} paise in cash",
        )
    terms = _terms(here)
    is_prepaid = consumer.plan == Consumer.Plan.PREPAID
    if not is_prepaid and terms.amount is Exactness.ANY:
        return
    found = dues_of(consumer.number, by="number", terms=terms)
    if isinstance(found, ReplyCode):
        raise _REFUSALS.get(found, AmountNotAllowed)(
            f"{consumer.number} has nothing to pay here.", expected="a consumer with dues"
        )
    least, most = found.least_paise, found.most_paise
    if asked.amount_paise < least or 0 < most < asked.amount_paise:
        raise AmountNotAllowed(
            "The amount does not fit the dues.",
            expected=f"from {least} to {most or 'any'} paise",
        )


def _check_limits(
    agency: Agency, account: FloatAccount, amount_paise: int, *, at: datetime
) -> None:
    most = agency.payment_max_paise
    if most is not None and amount_paise > most:
        raise LimitExceeded(
            "The payment is larger than this agency takes at once.",
            expected=f"amount_paise of at most {most}",
        )
    taken = account.day_paise if account.day == today() else 0
    if agency.day_max_paise is not None and taken + amount_paise > agency.day_max_paise:
        raise LimitExceeded(
            f"The agency has taken {grouped_rupees(taken)} rupees today.",
            expected=f"amount_paise of at most {max(agency.day_max_paise - taken, 0)} today",
        )
    if agency.opens_at is None or agency.closes_at is None:
        return
    clock = at.astimezone(INDIA).time()
    if not agency.opens_at <= clock < agency.closes_at:
        raise OutsideHours(
            f"It is {clock:%H:%M} in India.",
            expected=f"from {agency.opens_at:%H:%M} to {agency.closes_at:%H:%M}",
        )


def _check_not_too_late(payment: Payment) -> None:
    if payment.business_date != today():
        raise TooLate(
            f"{payment.reference} was paid on {payment.business_date}.",
            expected="a payment of today; afterwards ask for a refund",
        )
    has_file = StatementFile.objects.filter(
        channel_id=payment.channel_id,
        state=StatementFile.State.LOADED,
        covers_to__gte=payment.business_date,
    ).exists()
    if has_file:
        raise TooLate(
            "The daily file of this day is here.",
            expected="a payment that no file has listed; afterwards ask for a refund",
        )
    if room_of(payment.pk) < payment.amount_paise:
        raise TooLate(
            "Money of this payment goes back by another way.",
            expected="a payment of which nobody has asked for a refund",
        )
