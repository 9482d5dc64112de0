"""What we ordered has one amount: a success of another is kept, refused, and moves nothing."""

import pytest
from django.test import Client

from channels_.models import InboundMessage
from payments import orders
from payments.inbox import drain
from payments.models import Receipt
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("told", "state"), [(123_400, "succeeded"), (12_340_000, "created")])
def test_only_the_ordered_amount_is_believed(client: Client, told: int, state: str) -> None:
    channel = make.RazorpayFactory(code="razorpay")
    consumer = make.ConsumerFactory()
    payment = orders.begin(
        channel, consumer=consumer, amount_paise=123_400, actor="test", submit_key="k" * 16
    ).payment
    body = make.razorpay_body(amount=told, order=None, notes={"reference": payment.reference})
    client.post(
        "/in/razorpay/",
        body,
        content_type="application/json",
        headers=make.razorpay_headers(body, "evt_1"),
    )
    drain()

    payment.refresh_from_db()
    assert (payment.state, payment.amount_paise) == (state, 123_400)
    assert Receipt.objects.count() == (state == "succeeded")
    message = InboundMessage.objects.get()
    expected = ("done", "") if state == "succeeded" else ("refused", "other_than_ordered")
    assert (message.state, expected[1] in message.outcome) == (expected[0], True)
