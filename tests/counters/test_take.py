"""Counters: one key one receipt, no gap in the numbers, whatever happens at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection

from channels_.contract import Method
from counters.cash_rules import RuleStops
from counters.deposits import SlipTaken, make_deposit
from counters.models import Collection
from counters.taking import HandOver, NotTaken, ShareAsked, TenderAsked, take, take_one
from cspdcl.kernel.clock import now, today
from payments.actions import NotPayable, SubmittedBefore, reverse_at_counter
from payments.models import Payment, Receipt
from payments.selectors import dues_of, timeline
from payments.states import State
from people.models import AuditEvent
from tests import factories as make

pytestmark = pytest.mark.django_db


def asked(consumer, key: str = "a-key-of-a-form-01", **more: Any) -> HandOver:
    amount = more.pop("amount_paise", 50_000)
    method = more.pop("method", Method.CASH)
    tender = TenderAsked(method=Method(method), amount_paise=amount, **more.pop("tender", {}))
    share = ShareAsked(
        consumer_number=consumer.number,
        amount_paise=amount,
        bill_number=more.pop("bill_number", ""),
        is_advance=more.pop("is_advance", True),
    )
    return HandOver(submit_key=key, shares=[share], tenders=[tender], **more)


@pytest.fixture
def place():
    """A counter, its clerk, a consumer and the two channels of a counter."""
    make.ChannelFactory(code="cash")
    make.ChannelFactory(code="cheque")
    return make.CounterFactory(code="rpr1"), make.UserFactory(), make.ConsumerFactory()


def test_a_payment_is_taken_with_its_receipt_tender_event_and_audit(place) -> None:
    counter, clerk, consumer = place
    bill = make.BillFactory(consumer=consumer, amount_paise=80_000)

    taken = take_one(counter, clerk=clerk, asked=asked(consumer, bill_number=bill.number))

    payment = Payment.objects.get()
    assert len(taken.receipts) == 1
    assert taken.receipts[0].label.startswith("RPR1/")
    assert (payment.state, payment.office, payment.bill) == (
        State.SUCCEEDED,
        counter.office,
        bill,
    )
    assert payment.tenders.get().amount_paise == 50_000
    assert payment.events.get().actor == clerk.username
    assert AuditEvent.objects.get(action="payment.taken").object_id == payment.reference
    assert [one.outstanding_paise for one in dues_of(consumer)] == [30_000]
    assert [row["text"] for row in timeline(payment)] == ["Started", "Paid", "Receipt issued"]


def test_the_same_form_twice_is_one_payment_and_a_changed_one_is_refused(place) -> None:
    counter, clerk, consumer = place
    first = take_one(counter, clerk=clerk, asked=asked(consumer))

    again = take_one(counter, clerk=clerk, asked=asked(consumer))
    with pytest.raises(SubmittedBefore):
        take_one(counter, clerk=clerk, asked=asked(consumer, amount_paise=1))

    assert (first.receipts, first.is_new) == (again.receipts, True)
    assert not again.is_new
    assert Payment.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "card"},
        {"method": "cheque"},
        {"method": "cheque", "tender": {"instrument": "12345"}},
        {"method": "cheque", "tender": {"instrument": "123456", "micr": "12"}},
        {"channel": "nowhere"},
        {"bill_number": "B-of-nobody"},
        {"amount_paise": 2_00_000_00},
        {"taken_at": now() + timedelta(hours=1)},
    ],
)
def test_what_a_counter_may_not_take_changes_nothing(place, wrong) -> None:
    counter, clerk, consumer = place

    with pytest.raises((NotTaken, RuleStops)):
        take_one(counter, clerk=clerk, asked=asked(consumer, **wrong))

    assert not Payment.objects.exists()
    assert not Collection.objects.exists()


def test_a_stale_or_post_dated_cheque_is_not_taken(place) -> None:
    counter, clerk, consumer = place

    for day in (today() + timedelta(days=1), today() - timedelta(days=100)):
        cheque = {"instrument": "123456", "instrument_date": day}
        with pytest.raises(NotTaken):
            take_one(counter, clerk=clerk, asked=asked(consumer, method="cheque", tender=cheque))


def test_a_cancelled_payment_keeps_its_number_and_leaves_the_slip(place) -> None:
    counter, clerk, consumer = place
    keys = ("a-key-of-a-form-01", "a-key-of-a-form-02")
    for key in keys:
        take_one(counter, clerk=clerk, asked=asked(consumer, key))
    first, second = Payment.objects.order_by("id")

    reverse_at_counter(first.pk, supervisor=clerk, reason="wrong consumer")
    deposit = make_deposit(
        counter, channel=second.channel, on=today(), made_by=clerk, slip_number="DS-1"
    )

    first.refresh_from_db()
    assert first.state == State.REVERSED
    assert first.receipt.cancelled_at is not None
    assert deposit.amount_paise == 50_000
    assert list(Receipt.objects.order_by("number").values_list("number", flat=True)) == [1, 2]
    with pytest.raises(NotPayable, match="slip"):
        reverse_at_counter(second.pk, supervisor=clerk, reason="too late")


def test_a_slip_number_of_another_day_is_refused_not_answered_with_the_old_slip(place) -> None:
    counter, clerk, consumer = place
    with time_machine.travel(now() - timedelta(days=1), tick=False):
        take_one(counter, clerk=clerk, asked=asked(consumer))
        cash = Payment.objects.get().channel
        first = make_deposit(counter, channel=cash, on=today(), made_by=clerk, slip_number="DS-1")
    take_one(counter, clerk=clerk, asked=asked(consumer, "a-key-of-a-form-02"))

    with pytest.raises(SlipTaken):
        make_deposit(counter, channel=cash, on=today(), made_by=clerk, slip_number="DS-1")

    assert list(Payment.objects.filter(deposit=first).values_list("id")) == [
        (first.payments.get().pk,)
    ]
    assert Payment.objects.filter(deposit=None).count() == 1


def test_channels_that_begin_alike_make_slips_of_their_own(place) -> None:
    counter, clerk, consumer = place
    make.ChannelFactory(code="cash_van")
    for channel in ("cash", "cash_van"):
        take_one(
            counter, clerk=clerk, asked=asked(consumer, f"a-key-of-{channel:_<12}", channel=channel)
        )

    slips = [
        make_deposit(counter, channel=one.channel, on=today(), made_by=clerk).reference
        for one in Payment.objects.order_by("id")
    ]

    assert slips[1] == f"{slips[0]}-2"


def test_yesterdays_payment_cannot_be_cancelled(place) -> None:
    counter, clerk, consumer = place
    with time_machine.travel(now() - timedelta(days=1), tick=False):
        taken = take_one(counter, clerk=clerk, asked=asked(consumer))

    assert len(taken.receipts) == 1
    with pytest.raises(NotPayable, match="own day"):
        reverse_at_counter(taken.receipts[0].payment_id, supervisor=clerk, reason="late")


def test_the_year_of_a_receipt_is_the_year_of_its_day(place) -> None:
    counter, clerk, consumer = place
    for moment, label in (
        ("2026-03-31T18:29:59+00:00", "RPR1/2025-26/000001"),
        ("2026-03-31T18:30:00+00:00", "RPR1/2026-27/000001"),
    ):
        with time_machine.travel(moment, tick=False):
            taken = take_one(counter, clerk=clerk, asked=asked(consumer, moment[:19]))
        assert len(taken.receipts) == 1
        assert taken.receipts[0].label == label


@pytest.mark.django_db(transaction=True)
def test_sixteen_clerks_at_once_leave_no_gap_and_no_double() -> None:
    make.ChannelFactory(code="cash")
    counter, clerk, consumer = make.CounterFactory(), make.UserFactory(), make.ConsumerFactory()
    barrier = threading.Barrier(16)

    def press(number: int) -> None:
        try:
            barrier.wait(10)
            for turn in range(4):
                # Every key comes from two threads; every fourth payment is refused half-way.
                key = f"a-key-of-thread-{number // 2:02d}-{turn}"
                wanted = asked(consumer, key)
                bad = asked(consumer, f"{key}-bad", amount_paise=2_00_000_00)
                take(counter, clerk=clerk, asked=[wanted, bad])
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(press, range(16)))

    numbers = list(Receipt.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, 33))
    assert Payment.objects.count() == 32
