"""A refund that names only its order finds the payment, over the real door and into the books."""

import pytest

from channels_.models import InboundMessage
from channels_.simulation import News, SamplePayment, SampleRefund
from payments.models import Payment, Refund
from tests.channels_.spoken import Spoken, settle, speak

pytestmark = pytest.mark.django_db


def refund_of(spoken: Spoken, payment: SamplePayment) -> SampleRefund:
    return SampleRefund(
        channel_ref=spoken.ref("refund"),
        payment=payment,
        amount_paise=payment.amount_paise,
        created_at=payment.paid_at,
        processed_at=payment.paid_at,
        rrn="623099887766",
    )


def test_a_refund_is_of_the_payment_that_paid_its_order() -> None:
    spoken = speak("phonepe")
    payment = spoken.payment()
    refund = refund_of(spoken, payment)

    for news, subject in (
        (News.REFUND_CREATED, refund),
        (News.PAID, payment),
        (News.REFUND_PROCESSED, refund),
    ):
        assert spoken.send(spoken.sealed(spoken.tell(news, subject))).status_code == 200
    settle()

    kept = Refund.objects.get()
    assert (kept.channel_ref, kept.state) == (refund.channel_ref, Refund.State.SUCCEEDED)
    assert kept.payment.channel_ref == payment.channel_ref


def test_an_order_that_was_paid_twice_leaves_its_refund_to_a_person() -> None:
    spoken = speak("phonepe")
    first = spoken.payment()
    second = first._replace(channel_ref=spoken.ref("payment"), rrn="623011220000")

    for payment in (first, second):
        spoken.send(spoken.sealed(spoken.tell(News.PAID, payment)))
    spoken.send(spoken.sealed(spoken.tell(News.REFUND_PROCESSED, refund_of(spoken, first))))
    settle()

    assert Payment.objects.filter(state="succeeded").count() == 2
    assert not Refund.objects.exists()
    assert InboundMessage.objects.filter(state="due").count() == 1


def test_news_under_a_password_only_make_us_ask() -> None:
    spoken = speak("phonepe")
    spoken.channel.settings = {"version": "v2", "webhook": "password"}
    spoken.channel.save(update_fields=["settings"])
    payment = spoken.payment()

    spoken.send(spoken.sealed(spoken.tell(News.PAID, payment)))
    settle()

    kept = Payment.objects.get()
    assert kept.state == "pending"
    assert kept.ask_from is not None
