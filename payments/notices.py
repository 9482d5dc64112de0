"""What channels assert becomes payments: many messages at once, in any order, each fact once.

The rules: a payment's state only rises (pending, failed, succeeded), so late successes count and
late failures are refused; another channel_ref for a paid order is real money and becomes a payment
of its own, marked as a duplicate; the amount of the notice wins until the payment has succeeded.

News that proves too little (``confirm``) makes us ask and leaves nothing else behind: whoever can
forge it must not say whose money a payment is, nor put another payment's identifier on their own.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q, Sum

from channels_.contract import INDIAN_CURRENCY, Method, Notice, NoticeKind, Outcome
from channels_.models import InboundMessage
from cspdcl.kernel.clock import business_date, now
from cspdcl.kernel.errors import DomainError, Malformed
from cspdcl.kernel.ids import canonical, is_reference, new_reference
from cspdcl.kernel.money import PAISE_MAX, grouped_rupees
from payments import receipts
from payments.actions import advance, lock_words, save_changed
from payments.models import Bill, Consumer, Payment, PaymentEvent, Refund, SubmittedForm, Tender
from payments.states import PAID, State

log = logging.getLogger(__name__)

Heard = Sequence[tuple[InboundMessage, Sequence[Notice]]]

_STATES: Final = {
    Outcome.PENDING: State.PENDING,
    Outcome.FAILED: State.FAILED,
    Outcome.SUCCEEDED: State.SUCCEEDED,
}
_RANKS: Final = {
    State.CREATED: 0,
    State.PENDING: 1,
    State.FAILED: 2,
    State.SUCCEEDED: 3,
    State.REVERSED: 4,
}
_REFUND_RANKS: Final = {
    Refund.State.PENDING: 0,
    Refund.State.FAILED: 1,
    Refund.State.SUCCEEDED: 2,
}
_LENGTHS: Final = (
    ("channel_ref", 64),
    ("order_ref", 64),
    ("refund_ref", 64),
    ("rrn", 32),
    ("utr", 40),
    ("consumer_number", 20),
)


# A partner's clock may be ahead by so much. What is told of later, or of before there was anything
# like this, is dated by its arrival: the money is real, and a broken clock must neither open a day
# to come nor a day closed long ago.
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_EARLIEST: Final = datetime(2015, 1, 1, tzinfo=UTC)


class LateFailure(DomainError):
    """A failure after the success: refused and kept."""

    code = "late_failure"


class AmountConflict(DomainError):
    """Another amount for what is already paid or refunded."""

    code = "amount_conflict"


class RefundConflict(DomainError):
    """A refund that is of one payment is told for another one."""

    code = "refund_conflict"


class OtherThanOrdered(DomainError):
    """A success of another amount than we ordered: a person looks, the report tells the truth."""

    code = "other_than_ordered"


class OrderConflict(DomainError):
    """Unproved news of an identifier that belongs to another order."""

    code = "order_conflict"


class NotYetKnown(DomainError):
    """It speaks of something that has not arrived; later it may make sense."""

    code = "not_yet_known"


@dataclass(slots=True)
class Fold:
    """The payments that a batch of messages speaks of, and what is to be written of them.

    Use: ``read`` once, then ``hear`` each notice, then ``write``; refunds come after that.
    """

    by_channel_ref: dict[tuple[int, str], Payment] = field(default_factory=dict)
    by_reference: dict[str, Payment] = field(default_factory=dict)
    by_order: dict[tuple[int, str], Payment] = field(default_factory=dict)
    consumers: dict[str, Consumer | None] = field(default_factory=dict)
    bills: dict[str, Bill] = field(default_factory=dict)
    made: list[Payment] = field(default_factory=list)
    changed: dict[int, Payment] = field(default_factory=dict)
    released: list[int] = field(default_factory=list)  # whose channel_ref was another's
    events: list[PaymentEvent] = field(default_factory=list)
    paid: list[tuple[Payment, str]] = field(default_factory=list)

    def read(self, heard: Heard) -> None:
        """Lock and load everything that the notices name."""
        told = [
            (message, _named(notice))
            for message, notices in heard
            for notice in notices
            if notice.kind is NoticeKind.PAYMENT
        ]
        if not told:
            return
        lock_words([_word(message, notice) for message, notice in told])
        for payment in _locked_payments(told):
            self._index(payment)
        self._read_consumers([notice for _message, notice in told])

    def hear(self, message: InboundMessage, *, notice: Notice) -> str:
        """Take in one payment notice and say what it did; refuses with a DomainError."""
        _check(notice)
        notice = _named(notice)
        payment = self._find(message, notice)
        if payment is None:
            if not notice.channel_ref:
                raise Malformed("expected the channel's identifier of a payment we do not know")
            payment = self._make(message, notice)
        elif _is_other_attempt(payment, notice) and payment.state in PAID:
            if notice.outcome is not Outcome.SUCCEEDED:
                return f"another attempt at {payment.reference}, which is paid"
            payment = self._make(message, notice, duplicate_of=payment)
        return self._apply(payment, message, notice)

    def write(self) -> None:
        """Store everything in a handful of statements."""
        if self.released:
            Payment.objects.filter(pk__in=self.released).update(channel_ref=None)
        first = [payment for payment in self.made if payment.duplicate_of is None]
        Payment.objects.bulk_create(first)
        Payment.objects.bulk_create([one for one in self.made if one.duplicate_of is not None])
        save_changed(list(self.changed.values()))
        PaymentEvent.objects.bulk_create(self.events)
        Tender.objects.bulk_create(
            Tender(
                payment=payment,
                method=payment.method,
                amount_paise=payment.amount_paise,
                payer=masked(payer),
            )
            for payment, payer in self.paid
        )
        if self.paid:
            receipts.issue([payment for payment, _payer in self.paid])

    def _index(self, payment: Payment) -> None:
        channel_id = payment.channel_id
        self.by_reference[payment.reference] = payment
        if payment.channel_ref:
            self.by_channel_ref[channel_id, payment.channel_ref] = payment
        if payment.order_ref and payment.duplicate_of is None:
            self.by_order.setdefault((channel_id, payment.order_ref), payment)

    def _find(self, message: InboundMessage, notice: Notice) -> Payment | None:
        key = message.channel_id, notice.channel_ref
        exact, named = self.by_channel_ref.get(key), self._find_by_name(message, notice)
        if exact is None:
            return named
        if exact.state in PAID or _is_same_order(exact, notice):
            return exact
        # Nobody has proved that this identifier is of that order, and here it is of another one.
        if not notice.confirm:
            self._release(exact)
        elif named is None:
            raise OrderConflict(f"{notice.channel_ref} is told of another order than before")
        return named

    def _find_by_name(self, message: InboundMessage, notice: Notice) -> Payment | None:
        channel_id = message.channel_id
        named = self.by_reference.get(notice.reference)
        if named is not None and named.channel_id == channel_id:
            return named
        return self.by_order.get((channel_id, notice.order_ref)) if notice.order_ref else None

    def _release(self, payment: Payment) -> None:
        """Take an identifier back that is another payment's, before that one is written."""
        self.by_channel_ref.pop((payment.channel_id, payment.channel_ref or ""), None)
        payment.channel_ref = None
        if payment.pk is not None:
            self.released.append(payment.pk)
        self._note_change(payment)

    def _make(
        self, message: InboundMessage, notice: Notice, duplicate_of: Payment | None = None
    ) -> Payment:
        at = _at(message, notice)
        payment = Payment(
            reference=self._reference(notice),
            channel=message.channel,
            channel_ref=notice.channel_ref,
            order_ref=notice.order_ref,
            amount_paise=notice.amount_paise,
            method=notice.method.value,
            rrn=notice.rrn,
            utr=notice.utr,
            created_at=at,
            business_date=business_date(at),
            duplicate_of=duplicate_of and (duplicate_of.duplicate_of or duplicate_of),
        )
        if not notice.confirm:
            self._fill_consumer(payment, notice)
        self.made.append(payment)
        self._index(payment)
        return payment

    def _reference(self, notice: Notice) -> str:
        """Ours when the channel carries one back that nobody holds, else a new one."""
        told = notice.reference
        if is_reference(told) and told not in self.by_reference:
            return told
        fresh = new_reference()
        while fresh in self.by_reference:
            fresh = new_reference()
        return fresh

    def _apply(self, payment: Payment, message: InboundMessage, notice: Notice) -> str:
        to = _STATES[notice.outcome]
        was = State(payment.state)
        if notice.confirm and was not in PAID:
            # Believed only as a reason to ask: the channel's own answer will decide.
            to = State.PENDING
            payment.ask_from = message.received_at
            self._note_change(payment)
        if was in PAID:
            return self._hear_again(payment, notice)
        if _RANKS[to] <= _RANKS[was]:
            return f"{payment.reference} is already {was.value}"
        cause = f"{message.channel.code} {notice.event}"
        if to is State.SUCCEEDED:
            cause += _take_success(payment, notice)
        if not notice.confirm:
            self._fill(payment, notice)
        event = advance(
            payment, to=to, cause=cause, at=_at(message, notice), message=message, actor=""
        )
        if event is not None:
            self.events.append(event)
        self._note_change(payment)
        self._index(payment)
        if to is State.SUCCEEDED:
            self.paid.append((payment, notice.payer))
        return f"{payment.reference} {to.value}"

    def _hear_again(self, payment: Payment, notice: Notice) -> str:
        if notice.outcome is Outcome.FAILED:
            raise LateFailure(f"{payment.reference} is paid; a failure after that is not believed")
        if notice.outcome is Outcome.SUCCEEDED and notice.amount_paise != payment.amount_paise:
            raise AmountConflict(
                f"{payment.reference} is paid with {grouped_rupees(payment.amount_paise)}, "
                f"now told {grouped_rupees(notice.amount_paise)}"
            )
        if not notice.confirm and self._fill(payment, notice):
            self._note_change(payment)
        return f"{payment.reference} is already {payment.state}"

    def _note_change(self, payment: Payment) -> None:
        """Only what is stored already needs an update; the rest is inserted as it is by then."""
        if payment.pk is not None:
            self.changed[payment.pk] = payment

    def _fill(self, payment: Payment, notice: Notice) -> bool:
        """Add what was not known; what is known stays. True when something was added."""
        is_news = False
        for name in ("order_ref", "rrn", "utr", "channel_ref"):
            if not getattr(payment, name) and getattr(notice, name):
                setattr(payment, name, getattr(notice, name))
                is_news = True
        if payment.method == Method.UNKNOWN.value and notice.method is not Method.UNKNOWN:
            payment.method = notice.method.value
            is_news = True
        return self._fill_consumer(payment, notice) or is_news

    def _fill_consumer(self, payment: Payment, notice: Notice) -> bool:
        """Say whose money it is, when nobody has said so yet; and the bill, if it is of theirs."""
        told = notice.consumer_number
        if payment.consumer_id is not None or not told or payment.consumer_number not in ("", told):
            return False
        consumer = self.consumers.get(told)
        if consumer is None:
            is_news = payment.consumer_number != told
            payment.consumer_number = told
            return is_news
        payment.consumer, payment.consumer_number = consumer, consumer.number
        payment.office_id = consumer.office_id
        bill = self.bills.get(notice.bill_number)
        if payment.bill_id is None and bill is not None and bill.consumer_id == consumer.pk:
            payment.bill = bill
        return True

    def _read_consumers(self, notices: Sequence[Notice]) -> None:
        numbers = {notice.consumer_number for notice in notices if notice.consumer_number}
        self.consumers = consumers_by_number(numbers)
        bills = {notice.bill_number for notice in notices if notice.bill_number}
        if bills:
            self.bills = {bill.number: bill for bill in Bill.objects.filter(number__in=bills)}


def hear_refund(message: InboundMessage, *, notice: Notice) -> str:
    """Store or move one refund; its payment must be known, else it is tried again later."""
    refund = note_refund(message.channel_id, notice=_named(notice), at=_at(message, notice))
    return f"refund {refund.channel_ref} of {refund.payment.reference} {refund.state}"


@transaction.atomic
def note_refund(channel_id: int, *, notice: Notice, at: datetime) -> Refund:
    """Store or move the refund that a notice or an answer tells, under its payment's lock.

    Told money is kept, also when more goes back than was paid: then it is marked for an alarm.
    """
    _check(notice)
    if not notice.refund_ref or not (notice.channel_ref or notice.order_ref):
        raise Malformed("expected the identifiers of the refund and of its payment or order")
    payment = _refunded(channel_id, notice)
    if payment is None:
        raise NotYetKnown(f"refund {notice.refund_ref} of a payment that we do not know")
    # What proves nothing alone is only that a refund is under way; its status call says the rest.
    to = Refund.State.PENDING if notice.confirm else Refund.State(notice.outcome.value)
    day = business_date(at)
    ours = notice.reference if notice.reference != payment.reference else ""
    refund, is_new = Refund.objects.get_or_create(
        channel_id=channel_id,
        channel_ref=notice.refund_ref,
        defaults={
            "payment": payment,
            "amount_paise": notice.amount_paise,
            "state": to,
            "reference": ours[:40],
            "business_date": day,
        },
    )
    if refund.payment_id != payment.pk:
        raise RefundConflict(
            f"refund {notice.refund_ref} is of {refund.payment.reference}, "
            f"now told for {payment.reference}"
        )
    if not is_new:
        _move_refund(refund, to=to, day=day, notice=notice)
        _name_refund(refund, ours)
    _mark_excess(refund, payment)
    return refund


def _refunded(channel_id: int, notice: Notice) -> Payment | None:
    """The payment that a refund is of. An order that was paid twice does not tell which one."""
    mine = Payment.objects.select_for_update().filter(channel_id=channel_id)
    if notice.channel_ref:
        return mine.filter(channel_ref=notice.channel_ref).first()
    paid = list(mine.filter(order_ref=notice.order_ref, state__in=PAID)[:2])
    return paid[0] if len(paid) == 1 else None


def consumers_by_number(numbers: Iterable[str]) -> dict[str, Consumer | None]:
    """Who is meant by a consumer number, or by a business partner that has one account only."""
    wanted = set(numbers)
    found: dict[str, Consumer | None] = {}
    partners: dict[str, list[Consumer]] = {}
    if wanted:
        known = Consumer.objects.filter(Q(number__in=wanted) | Q(business_partner__in=wanted))
        for consumer in known:
            found[consumer.number] = consumer
            partners.setdefault(consumer.business_partner, []).append(consumer)
    for partner, accounts in partners.items():
        found.setdefault(partner, accounts[0] if len(accounts) == 1 else None)
    return found


def masked(payer: str) -> str:
    """The payer as may be shown: the head of a UPI address, the end of an account, no name."""
    name, at, bank = payer.partition("@")
    if at:
        return f"{name[:2]}••@{bank}"[:120]
    if any(char.isdigit() for char in payer):
        return f"••••{payer[-4:]}"
    return payer if payer.isupper() and len(payer) <= 6 else ""


def _take_success(payment: Payment, notice: Notice) -> str:
    """The paid amount and the paying attempt win; the cause says when they are not what we knew.

    An order of ours has one amount, which the payer cannot change: another is refused.
    """
    words = ""
    if payment.amount_paise != notice.amount_paise:
        if SubmittedForm.objects.filter(payment_id=payment.pk).exists():
            raise OtherThanOrdered(
                f"{payment.reference} was ordered for {grouped_rupees(payment.amount_paise)}, "
                f"now told {grouped_rupees(notice.amount_paise)}"
            )
        words = (
            f" (asked {grouped_rupees(payment.amount_paise)},"
            f" paid {grouped_rupees(notice.amount_paise)})"
        )
        payment.amount_paise = notice.amount_paise
    if _is_other_attempt(payment, notice):
        payment.channel_ref = notice.channel_ref
        payment.rrn, payment.utr = notice.rrn, notice.utr
        payment.method = notice.method.value
    return words


def _is_other_attempt(payment: Payment, notice: Notice) -> bool:
    return bool(payment.channel_ref and notice.channel_ref) and (
        payment.channel_ref != notice.channel_ref
    )


def _check(notice: Notice) -> None:
    if notice.currency != INDIAN_CURRENCY:
        raise Malformed(f"expected {INDIAN_CURRENCY}, got {notice.currency}")
    if not 0 < notice.amount_paise <= PAISE_MAX:
        raise Malformed("expected an amount above zero")
    # An order that nobody could pay has failed without a payment of theirs; our name is enough.
    # A refund may be told of its order alone.
    is_without = notice.outcome is Outcome.FAILED or notice.kind is NoticeKind.REFUND
    is_named = is_without and bool(notice.reference or notice.order_ref)
    if not notice.channel_ref and not is_named:
        raise Malformed("expected the channel's identifier of the payment")
    for name, longest in _LENGTHS:
        if len(getattr(notice, name)) > longest:
            raise Malformed(f"expected at most {longest} characters as {name}")


def _at(message: InboundMessage, notice: Notice) -> datetime:
    """When it happened, as the channel says; when it came, where that cannot be."""
    told, came = notice.occurred_at, message.received_at
    return told if told and _EARLIEST <= told <= came + _CLOCKS_DIFFER else came


def _named(notice: Notice) -> Notice:
    """With our reference as we store it: some partners carry it back without its hyphens."""
    ours = canonical(notice.reference)
    return notice if ours == notice.reference else replace(notice, reference=ours)


def _is_same_order(payment: Payment, notice: Notice) -> bool:
    """Whether payment and notice may be of one order; one that is not named differs from none."""
    was, told = (ref.replace("-", "").upper() for ref in (payment.order_ref, notice.order_ref))
    return not was or not told or was == told


def _word(message: InboundMessage, notice: Notice) -> str:
    name = notice.order_ref or notice.reference or notice.channel_ref
    return f"payment:{message.channel_id}:{name}"


def _locked_payments(told: Sequence[tuple[InboundMessage, Notice]]) -> list[Payment]:
    """Every payment the notices could mean, locked in the order of their keys."""
    channels = {message.channel_id for message, _notice in told}
    mine = Payment.objects.filter(channel_id__in=channels)
    keys: set[int] = set()
    for column in ("channel_ref", "order_ref", "reference"):
        words = {getattr(notice, column) for _message, notice in told} - {""}
        if words:
            rows = Payment.objects if column == "reference" else mine
            keys.update(rows.filter(**{f"{column}__in": words}).values_list("pk", flat=True))
    locked = Payment.objects.select_for_update(of=("self",)).filter(pk__in=keys)
    return list(locked.select_related("channel", "duplicate_of").order_by("pk"))


def _move_refund(refund: Refund, *, to: Refund.State, day: date, notice: Notice) -> None:
    if refund.amount_paise != notice.amount_paise:
        raise AmountConflict(
            f"refund {notice.refund_ref} is of {grouped_rupees(refund.amount_paise)}, "
            f"now told {grouped_rupees(notice.amount_paise)}"
        )
    if _REFUND_RANKS[to] <= _REFUND_RANKS[Refund.State(refund.state)]:
        return
    refund.state = to
    refund.business_date = day
    refund.updated_at = now()
    refund.save(update_fields=["state", "business_date", "updated_at"])


def _name_refund(refund: Refund, ours: str) -> None:
    if ours and not refund.reference:
        refund.reference = ours[:40]
        refund.save(update_fields=["reference"])


def _mark_excess(refund: Refund, payment: Payment) -> None:
    """Whether with this refund more goes back than came; what was told is kept all the same."""
    alive = Refund.objects.filter(payment=payment).exclude(state=Refund.State.FAILED)
    sum_paise = alive.aggregate(sum=Sum("amount_paise"))["sum"] or 0
    is_alive = refund.state != Refund.State.FAILED
    is_excess = is_alive and sum_paise > payment.amount_paise
    if is_excess != refund.is_excess:
        refund.is_excess = is_excess
        refund.save(update_fields=["is_excess"])
    if is_excess:
        log.error(
            "refunds of %s sum to %s, it was paid with %s",
            *(payment.reference, grouped_rupees(sum_paise), grouped_rupees(payment.amount_paise)),
        )
