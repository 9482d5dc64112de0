"""The rows that a hand-over becomes, made in memory; ``taking`` stores them."""

from dataclasses import dataclass
from datetime import date, datetime

from channels_.contract import Method
from channels_.models import Channel
from counters import cash_rules
from counters.asked import HandOver
from counters.models import Collection, Instrument, Override, Share, Shift
from counters.paper import cash
from counters.states import PaperState
from counters.tenders import TenderAsked
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import business_date
from cspdcl.kernel.ids import new_reference
from payments.models import Bill, Consumer, Counter, Payment, PaymentEvent, Tender
from people.models import User


@dataclass(frozen=True, slots=True)
class Window:
    """Who takes, and where."""

    counter: Counter
    clerk: User
    shift: Shift | None

    @property
    def scope(self) -> str:
        """Whose keys a form's key is one of."""
        return scope_of(self.counter, self.clerk)


@dataclass(slots=True)
class Made:
    """A hand-over in memory, before it is stored."""

    asked: HandOver
    collection: Collection
    payments: list[Payment]
    events: list[PaymentEvent]
    tenders: list[Tender]
    instruments: list[Instrument]
    shares: list[Share]
    grants: list[Override]


def scope_of(counter: Counter, clerk: User) -> str:
    """Keys are made once by each clerk at each counter."""
    return f"user:{clerk.pk}:counter:{counter.code}"


def collection_of(asked: HandOver, *, window: Window, taken_at: datetime, day: date) -> Collection:
    """The row of the hand-over."""
    cash_paise = asked.cash_paise
    pan = asked.pan.encode()
    came, back = _denominations(asked, on=day)
    return Collection(
        scope=window.scope,
        submit_key=asked.submit_key,
        fingerprint=asked.fingerprint,
        counter=window.counter,
        shift=window.shift,
        clerk=window.clerk,
        business_date=day,
        amount_paise=asked.amount_paise,
        cash_paise=cash_paise,
        received_paise=asked.received_paise if cash_paise else None,
        denominations_in=came,
        denominations_out=back,
        payer=asked.payer,
        pan=crypto.seal(pan, place=cash_rules.PAN_PLACE) if pan else None,
        payer_index=cash_rules.index_of(asked.pan),
        taken_at=asked.taken_at or taken_at,
    )


def instrument_of(
    one: TenderAsked,
    *,
    window: Window,
    collection: Collection | None,
    day: date,
    is_held: bool = False,
) -> Instrument:
    """The paper; without a collection it waits for its day."""
    return Instrument(
        state=PaperState.HELD if is_held else PaperState.RECEIVED,
        due_on=one.instrument_date if is_held else None,
        method=one.method.value,
        number=one.instrument,
        bank_key=one.bank_key,
        micr=one.micr,
        account_id=one.account_id,
        transaction_code=one.transaction_code,
        ifsc=one.ifsc,
        bank_name=one.bank_name,
        branch_name=one.branch_name,
        dated=one.instrument_date,
        drawer=one.drawer,
        details=dict(one.details),
        amount_paise=one.amount_paise,
        office=window.counter.office,
        counter=window.counter,
        collection=collection,
        taken_by=window.clerk,
        received_on=day,
        front=one.front,
    )


def payment_of(
    one: TenderAsked,
    *,
    window: Window,
    consumer: Consumer,
    bill: Bill | None,
    paise: int,
    channel: Channel,
    taken_at: datetime,
) -> Payment:
    """What one tender pays of one share."""
    is_card = one.method is Method.CARD
    return Payment(
        reference=new_reference(),
        channel=channel,
        channel_ref=one.instrument if is_card else None,
        order_ref=str(one.details.get("approval", "")) if is_card else "",
        rrn=one.instrument if is_card else "",
        consumer=consumer,
        consumer_number=consumer.number,
        office_id=window.counter.office_id,
        counter=window.counter,
        bill=bill,
        amount_paise=paise,
        method=one.method.value,
        created_at=taken_at,
        business_date=business_date(taken_at),
    )


def tender_row(payment: Payment, one: TenderAsked) -> Tender:
    """The instrument inside the payment; of a card only its last digits."""
    last_four = one.details.get("last_four", "") if one.method is Method.CARD else ""
    return Tender(
        payment=payment,
        method=one.method.value,
        amount_paise=payment.amount_paise,
        instrument=one.instrument,
        instrument_date=one.instrument_date,
        bank_name=one.bank_name,
        micr=one.micr,
        payer=f"••••{last_four}" if last_four else "",
    )


def cause_of(counter: Counter, asked: HandOver, day: date) -> str:
    """What the event of the payment says; a day that is not its own is named."""
    if asked.taken_at is not None and business_date(asked.taken_at) != day:
        told = business_date(asked.taken_at)
        why = "into a drawer of this day" if counter.keeps_shifts else "which had been closed"
        return f"taken at {counter.code} on {told:%d-%m-%Y}, {why}"
    return f"taken at {counter.code}"


def _denominations(asked: HandOver, *, on: date) -> tuple[dict[str, int], dict[str, int]]:
    """Notes and coins in and out, as stored; each must be worth what was said."""
    if not asked.denominations_in and not asked.denominations_out:
        return {}, {}
    came = cash.Denominations.read(asked.denominations_in, on=on)
    back = cash.Denominations.read(asked.denominations_out, on=on)
    received = asked.cash_paise if asked.received_paise is None else asked.received_paise
    came.check(received)
    back.check(received - asked.cash_paise)
    return came.as_json(), back.as_json()
