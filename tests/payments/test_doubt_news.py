"""News that a forger could have written makes us ask, and decides nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels_.contract import Method, Notice, NoticeKind, Outcome
from channels_.models import InboundMessage
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.ids import new_reference
from cspdcl.kernel.money import Paise
from payments.actions import NotPayable, start_payment
from payments.models import Consumer, Payment
from payments.notices import Fold, OrderConflict
from payments.states import State
from tests import factories as make

pytestmark = pytest.mark.django_db

THEIRS = "17025521702"  # the payment of somebody else
PAID = Notice(
    kind=NoticeKind.PAYMENT,
    event="payment success",
    outcome=Outcome.SUCCEEDED,
    reference=new_reference(),
    channel_ref=THEIRS,
    amount_paise=Paise(500_000),
    method=Method.UPI,
    rrn="512345678901",
)


@pytest.fixture
def channel():
    return make.RazorpayFactory()


def hear(channel, *notices: Notice) -> list[str]:
    """Take each notice in as its own message, all of them in one batch."""
    at = now()
    messages = [
        InboundMessage.objects.create(
            channel=channel, event_key=f"evt_{at.timestamp()}_{n}", sha256="0" * 64, body=b""
        )
        for n, _notice in enumerate(notices)
    ]
    fold = Fold()
    fold.read([(one, [notice]) for one, notice in zip(messages, notices, strict=True)])
    said = []
    for message, notice in zip(messages, notices, strict=True):
        try:
            said.append(fold.hear(message, notice=notice))
        except DomainError as refusal:
            said.append(refusal.code)
    fold.write()
    return said


def of_order(notice: Notice, payment: Payment, **more: Any) -> Notice:
    """The notice as the channel tells it of an order that we began."""
    return replace(notice, reference=payment.reference, order_ref=payment.reference, **more)


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_who_forges_an_identifier_does_not_get_the_payment_that_has_it(
    channel, is_one_batch
) -> None:
    """The identifiers of gateways can be guessed, and some do not sign them."""
    mine, victims = make.PaymentFactory.create_batch(2, channel=channel, amount_paise=500_000)
    forged = of_order(PAID, mine, confirm=True)
    true = of_order(PAID, victims)

    for batch in [(forged, true)] if is_one_batch else [(forged,), (true,)]:
        hear(channel, *batch)

    mine.refresh_from_db()
    victims.refresh_from_db()
    assert (mine.state, mine.channel_ref, mine.rrn, mine.order_ref) == ("pending", None, "", "")
    assert (victims.state, victims.channel_ref) == ("succeeded", THEIRS)


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_nor_does_who_forges_an_order_that_we_never_made(channel, is_one_batch) -> None:
    victims = make.PaymentFactory(channel=channel, amount_paise=500_000)
    forger = make.ConsumerFactory()
    forged = replace(
        PAID,
        reference="",
        order_ref="never-made",
        consumer_number=forger.number,
        confirm=True,
    )
    true = of_order(PAID, victims)

    for batch in [(forged, true)] if is_one_batch else [(forged,), (true,)]:
        hear(channel, *batch)

    victims.refresh_from_db()
    phantom = Payment.objects.exclude(pk=victims.pk).get()
    assert (victims.state, victims.channel_ref) == ("succeeded", THEIRS)
    assert (phantom.state, phantom.channel_ref) == ("pending", None)
    assert (phantom.consumer, phantom.consumer_number) == (None, "")


def test_a_forged_claim_on_what_another_order_claims_is_refused(channel) -> None:
    first = replace(PAID, reference="", order_ref="first", confirm=True)
    second = replace(PAID, reference="", order_ref="second", confirm=True)

    assert hear(channel, first, second)[1] == OrderConflict.code
    assert Payment.objects.get().order_ref == "first"


def test_unproved_news_add_nothing_to_what_is_paid(channel) -> None:
    paid = make.PaymentFactory(channel=channel, amount_paise=500_000)
    hear(channel, of_order(PAID, paid, rrn=""))

    hear(channel, of_order(PAID, paid, rrn="999999999999", confirm=True))

    paid.refresh_from_db()
    assert (paid.state, paid.rrn) == ("succeeded", "")


def test_the_first_to_prove_whose_money_it_is_says_so(channel) -> None:
    consumer = make.ConsumerFactory()
    bill = make.BillFactory(consumer=consumer)
    told = replace(PAID, consumer_number=consumer.number, bill_number=bill.number)

    hear(channel, replace(told, confirm=True))
    assert not Payment.objects.exclude(consumer=None).exists()
    hear(channel, told)

    payment = Payment.objects.get()
    assert (payment.state, payment.consumer, payment.bill) == ("succeeded", consumer, bill)
    assert (payment.consumer_number, payment.office) == (consumer.number, consumer.office)


@pytest.mark.parametrize("first", [Outcome.FAILED, Outcome.SUCCEEDED])
def test_a_consumer_that_comes_with_later_news_is_kept(channel, first) -> None:
    consumer = make.ConsumerFactory()

    hear(channel, replace(PAID, outcome=first))
    hear(channel, replace(PAID, consumer_number=consumer.number))

    payment = Payment.objects.get()
    assert (payment.state, payment.consumer) == ("succeeded", consumer)
    assert (payment.consumer_number, payment.office) == (consumer.number, consumer.office)


def test_later_news_never_give_the_money_to_somebody_else(channel) -> None:
    consumer, other = make.ConsumerFactory.create_batch(2)

    hear(channel, replace(PAID, consumer_number=consumer.number))
    hear(channel, replace(PAID, consumer_number=other.number))
    hear(channel, replace(PAID, channel_ref="M2", reference="", consumer_number="999999"))
    hear(channel, replace(PAID, channel_ref="M2", reference="", consumer_number=other.number))

    assert Payment.objects.get(channel_ref=THEIRS).consumer == consumer
    unknown = Payment.objects.get(channel_ref="M2")
    assert (unknown.consumer, unknown.consumer_number) == (None, "999999")


@pytest.mark.parametrize("form", [str.lower, lambda text: text.replace("-", "")])
def test_our_reference_is_found_in_whatever_form_it_comes_back(channel, form) -> None:
    begun = make.PaymentFactory(channel=channel, reference=new_reference(), amount_paise=500_000)

    hear(channel, replace(PAID, reference=form(begun.reference)))

    begun.refresh_from_db()
    assert Payment.objects.count() == 1
    assert (begun.state, begun.channel_ref) == (State.SUCCEEDED, THEIRS)


def test_a_reference_that_nobody_holds_is_stored_as_we_write_it(channel) -> None:
    hear(channel, replace(PAID, reference=PAID.reference.replace("-", "").lower()))

    assert Payment.objects.get().reference == PAID.reference


@pytest.mark.parametrize(
    "told",
    [
        timedelta(days=1),
        timedelta(minutes=10),
        datetime(9999, 12, 31, 23, 59, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
    ],
)
def test_a_moment_that_cannot_be_is_dated_by_the_arrival(channel, told) -> None:
    moment = told if isinstance(told, datetime) else now() + told

    hear(channel, replace(PAID, occurred_at=moment))

    payment = Payment.objects.get()
    message = InboundMessage.objects.get()
    assert payment.succeeded_at == payment.created_at == message.received_at


def test_a_late_success_keeps_its_own_day(channel) -> None:
    told = now() - timedelta(days=90)

    hear(channel, replace(PAID, occurred_at=told))

    assert Payment.objects.get().succeeded_at == told


def test_nothing_is_begun_on_a_paused_channel(channel) -> None:
    channel.paused_at = now()
    consumer: Consumer = make.ConsumerFactory()

    with pytest.raises(NotPayable, match="paused"):
        start_payment(channel, consumer=consumer, amount_paise=100, actor="test")

    assert not Payment.objects.exists()
