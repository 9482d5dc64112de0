"""Notices become payments: once each, in any order, and a bad one harms only itself."""

import itertools
import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from channels_ import inbox as door
from channels_ import queue
from channels_.contract import Inbound
from channels_.models import InboundMessage
from channels_.queue import Verdict
from cspdcl.kernel.clock import now
from payments.inbox import catch_up, drain
from payments.models import Payment, PaymentEvent, Receipt, Refund, Tender
from payments.states import State
from tests import factories as make

pytestmark = pytest.mark.django_db

_ids = itertools.count(1)


def send(channel, body: bytes) -> None:
    """Put a signed webhook into the inbox, as the door does."""
    door.forget()
    headers = {
        name.lower(): value
        for name, value in make.razorpay_headers(body, f"evt_{next(_ids)}").items()
    }
    door.receive(channel.code, inbound=Inbound(body, headers), address="127.0.0.1")


def hear(channel, *bodies: bytes) -> None:
    for body in bodies:
        send(channel, body)
    drain()


@pytest.fixture
def channel():
    return make.RazorpayFactory(code="razorpay")


def test_a_success_nobody_announced_becomes_a_paid_payment_with_a_receipt(channel) -> None:
    consumer = make.ConsumerFactory()
    bill = make.BillFactory(consumer=consumer)

    notes = {"consumer_number": consumer.number, "bill_number": bill.number}
    hear(channel, make.razorpay_body(notes=notes))

    payment = Payment.objects.get()
    assert payment.state == State.SUCCEEDED
    assert payment.amount_paise == 123_400
    assert (payment.consumer, payment.bill, payment.office) == (consumer, bill, consumer.office)
    assert payment.business_date.isoformat() == "2026-08-18"
    assert payment.receipt.label == "WEB/2026-27/000001"
    assert Tender.objects.get().payer == "so••@okbank"
    assert PaymentEvent.objects.get().cause == "razorpay payment.captured"
    message = InboundMessage.objects.get()
    assert (message.state, message.outcome) == ("done", f"{payment.reference} succeeded")


def test_captured_and_order_paid_credit_once(channel) -> None:
    hear(channel, make.razorpay_body(), make.razorpay_body("order.paid"))

    assert Payment.objects.count() == 1
    assert Receipt.objects.count() == 1
    assert PaymentEvent.objects.count() == 1


def test_an_intent_takes_the_amount_that_was_really_paid(channel) -> None:
    started = make.PaymentFactory(channel=channel, amount_paise=500_000)

    hear(channel, make.razorpay_body(notes={"reference": started.reference}))

    started.refresh_from_db()
    assert (started.state, started.amount_paise) == (State.SUCCEEDED, 123_400)
    assert started.channel_ref == "pay_00000001"
    assert "asked 5,000.00, paid 1,234.00" in started.events.get().cause


def test_a_late_success_counts_and_a_late_failure_is_refused_and_kept(channel) -> None:
    hear(channel, make.razorpay_body("payment.failed"))
    hear(channel, make.razorpay_body())
    hear(channel, make.razorpay_body("payment.failed", at=1_787_000_099))

    assert Payment.objects.get().state == State.SUCCEEDED
    refused = InboundMessage.objects.get(state=InboundMessage.State.REFUSED)
    assert refused.outcome.startswith("late_failure: ")


def test_another_amount_for_a_paid_payment_is_refused(channel) -> None:
    hear(channel, make.razorpay_body())
    hear(channel, make.razorpay_body("order.paid", amount=99_900))

    assert Payment.objects.get().amount_paise == 123_400
    assert InboundMessage.objects.get(state="refused").outcome.startswith("amount_conflict: ")


@pytest.mark.parametrize("together", [True, False])
def test_a_second_capture_of_one_order_is_real_money_marked_as_duplicate(
    channel, together: bool
) -> None:
    bodies = [make.razorpay_body(pay="pay_00000001"), make.razorpay_body(pay="pay_00000002")]

    if together:
        hear(channel, *bodies)
    else:
        hear(channel, bodies[0])
        hear(channel, bodies[1])

    first, second = Payment.objects.order_by("id")
    assert (first.duplicate_of, second.duplicate_of) == (None, first)
    assert {first.state, second.state} == {State.SUCCEEDED}
    assert Receipt.objects.count() == 2


def test_the_attempt_that_paid_names_the_payment(channel) -> None:
    hear(channel, make.razorpay_body("payment.failed", pay="pay_00000001"))
    hear(channel, make.razorpay_body(pay="pay_00000002"))

    payment = Payment.objects.get()
    assert (payment.state, payment.channel_ref) == (State.SUCCEEDED, "pay_00000002")


def test_a_refund_waits_for_its_payment_and_then_stands_beside_it(channel) -> None:
    hear(channel, make.razorpay_body("refund.processed", refund="rfnd_0001", amount=400))

    assert not Refund.objects.exists()
    waiting = InboundMessage.objects.get()
    assert (waiting.state, waiting.attempts) == ("due", 1)

    hear(channel, make.razorpay_body())
    InboundMessage.objects.filter(pk=waiting.pk).update(next_try_at=waiting.received_at)
    drain()

    assert Refund.objects.get().state == Refund.State.SUCCEEDED
    assert Refund.objects.get().payment == Payment.objects.get()


def test_foreign_money_is_parked_for_a_person(channel) -> None:
    hear(channel, make.razorpay_body(currency="USD"))

    assert not Payment.objects.exists()
    assert InboundMessage.objects.get().state == InboundMessage.State.PARKED


def test_an_unknown_event_is_kept_and_ignored(channel) -> None:
    hear(channel, make.razorpay_body("payment.downtime.started"))

    assert InboundMessage.objects.get().outcome == "ignored: payment.downtime.started"
    assert not Payment.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_run_waits_for_a_worker_longer_than_a_page_would(channel) -> None:
    send(channel, make.razorpay_body(pay="pay_10000009", order=None))
    InboundMessage.objects.update(next_try_at=now() + timedelta(hours=1))
    has_it, may_end = threading.Event(), threading.Event()

    def work() -> None:
        with transaction.atomic():
            queue.settle([Verdict(InboundMessage.objects.get().pk, InboundMessage.State.DONE, "")])
            has_it.set()
            may_end.wait(20)
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    has_it.wait(20)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    threading.Timer(0.4, may_end.set).start()
    try:
        catch_up()
    finally:
        worker.join()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")

    assert InboundMessage.objects.get().state == InboundMessage.State.DONE


@pytest.mark.django_db(transaction=True)
def test_a_poisoned_message_is_parked_and_the_others_flow(channel) -> None:
    for number in range(5):
        send(channel, make.razorpay_body(pay=f"pay_1000000{number}", order=None))
    poison = make.InboundMessageFactory(channel=channel)
    InboundMessage.objects.filter(pk=poison.pk).update(body=b"not what we sealed")

    for _ in range(queue.ATTEMPTS_MAX + 1):
        drain()
        InboundMessage.objects.filter(pk=poison.pk).update(next_try_at=poison.received_at)

    poison.refresh_from_db()
    assert poison.state == InboundMessage.State.PARKED
    assert poison.outcome.startswith("given up: Undecipherable")
    assert Payment.objects.filter(state=State.SUCCEEDED).count() == 5


class AnyOrder(TestCase):
    """Whatever order the news comes in, the payment ends where its best news says."""

    NEWS = ("payment.authorized", "payment.failed", "payment.captured", "order.paid")

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.sampled_from(NEWS), min_size=1, max_size=6), st.booleans())
    def test_the_best_news_wins(self, news: list[str], is_one_batch: bool) -> None:
        channel = make.RazorpayFactory(code="razorpay")

        for event in news:
            send(channel, make.razorpay_body(event))
            if not is_one_batch:
                drain()
        drain()

        payment = Payment.objects.get()
        best = max({"payment.authorized": 1, "payment.failed": 2}.get(event, 3) for event in news)
        assert payment.state == {1: State.PENDING, 2: State.FAILED, 3: State.SUCCEEDED}[best]
        assert Receipt.objects.count() == (best == 3)
        steps = list(payment.events.order_by("id").values_list("from_state", "to_state"))
        assert steps[0][0] == State.CREATED
        assert steps[-1][1] == payment.state
        assert all(one[1] == after[0] for one, after in itertools.pairwise(steps))


def test_what_is_paid_stays_as_it_is_even_for_psql(channel) -> None:
    hear(channel, make.razorpay_body())

    for statement in (
        "UPDATE payments_payment SET amount_paise = 1",
        "UPDATE payments_payment SET state = 'failed', succeeded_at = NULL",
        "DELETE FROM payments_paymentevent",
        "UPDATE payments_receipt SET number = 7",
    ):
        with (
            pytest.raises(DatabaseError, match=r"append-only|fixed|issued once"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
