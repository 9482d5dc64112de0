"""Payments that begin with us: one key one payment, and nothing is offered past its time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connection

from cspdcl.kernel.clock import now
from payments.actions import NotPayable, SubmittedBefore
from payments.models import Payment, SubmittedForm
from payments.orders import begin, is_offered
from payments.states import State
from people.models import AuditEvent
from tests import factories as make

pytestmark = pytest.mark.django_db

KEY = "a-key-of-a-form-01"


def test_a_payment_begins_with_our_reference_and_waits_for_its_payer() -> None:
    channel, bill, clerk = make.RazorpayFactory(), make.BillFactory(), make.UserFactory()

    begun = begin(
        channel,
        consumer=bill.consumer,
        bill=bill,
        amount_paise=bill.amount_paise,
        actor=clerk,
        submit_key=KEY,
    )

    payment = Payment.objects.get()
    assert begun.is_new
    assert (payment.state, payment.bill, payment.channel_ref) == (State.CREATED, bill, None)
    assert payment.office == bill.consumer.office
    assert begun.expires_at == payment.created_at + timedelta(minutes=15)
    assert AuditEvent.objects.get(action="payment.started").object_id == payment.reference


def test_the_same_key_is_the_same_payment_and_for_another_it_is_refused() -> None:
    channel, consumer = make.RazorpayFactory(), make.ConsumerFactory()
    first = begin(channel, consumer=consumer, amount_paise=100, actor="portal", submit_key=KEY)

    again = begin(channel, consumer=consumer, amount_paise=100, actor="portal", submit_key=KEY)
    with pytest.raises(SubmittedBefore):
        begin(channel, consumer=consumer, amount_paise=101, actor="portal", submit_key=KEY)

    assert (again.payment, again.is_new) == (first.payment, False)
    assert Payment.objects.count() == 1


def test_what_is_agreed_says_how_long_it_is_offered() -> None:
    channel = make.RazorpayFactory(settings={"order_minutes": 5})
    consumer = make.ConsumerFactory()
    begun = begin(channel, consumer=consumer, amount_paise=100, actor="portal", submit_key=KEY)

    assert is_offered(begun.payment)
    with time_machine.travel(now() + timedelta(minutes=5), tick=False):
        assert not is_offered(begun.payment)
    begun.payment.refresh_from_db()
    assert begun.payment.state == State.CREATED


@pytest.mark.parametrize("wrong", ["off", "paused", "counter", "no key", "nothing", "other bill"])
def test_what_cannot_be_paid_begins_nothing(wrong) -> None:
    channel, bill = make.RazorpayFactory(), make.BillFactory()
    key, amount = KEY, 100
    if wrong == "off":
        channel = make.RazorpayFactory(is_live=False)
    elif wrong == "paused":
        channel = make.RazorpayFactory(paused_at=now(), paused_by="x", pause_reason="y")
    elif wrong == "counter":
        channel = make.ChannelFactory()
    elif wrong == "no key":
        key = ""
    elif wrong == "nothing":
        amount = 0
    consumer = make.ConsumerFactory() if wrong == "other bill" else bill.consumer

    with pytest.raises(NotPayable):
        begin(channel, consumer=consumer, bill=bill, amount_paise=amount, actor="x", submit_key=key)

    assert not Payment.objects.exists()
    assert not SubmittedForm.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_eight_presses_at_once_begin_one_payment() -> None:
    channel, consumer = make.RazorpayFactory(), make.ConsumerFactory()
    barrier = threading.Barrier(8)

    def press(_number: int) -> bool:
        try:
            barrier.wait(10)
            begun = begin(
                channel, consumer=consumer, amount_paise=100, actor="portal", submit_key=KEY
            )
            return begun.is_new
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        news = list(pool.map(press, range(8)))

    assert sorted(news) == [False] * 7 + [True]
    assert Payment.objects.count() == 1
