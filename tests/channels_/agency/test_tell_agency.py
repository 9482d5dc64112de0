"""An agency as the simulator plays it, through the real partner API."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from agencies import doors, keys
from agencies.capabilities import EVERY
from agencies.models import Agency, FloatAccount
from channels_.adapters.agency.simulate import KEY, SECRET, SIMULATION
from channels_.contract import Method, Setup
from channels_.simulation import News, SamplePayment
from cspdcl.kernel.clock import now
from payments.models import Payment, Receipt
from payments.states import State
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def setup() -> Setup:
    """An installation with the keys that the simulation makes."""
    assert SIMULATION.make_keys is not None
    made = SIMULATION.make_keys()
    channel = make.ChannelFactory(code="atp", adapter="agency", route="settlement")
    agency = Agency.objects.create(code="atp", name="ATP", kind="atp", channel=channel)
    FloatAccount.objects.create(agency=agency, kind="credit", credit_limit_paise=10**10)
    keys.put(
        agency, key_id=made.ours[KEY], secret=made.ours[SECRET], capabilities=EVERY, addresses=(),
        actor="test",
    )  # fmt: skip
    doors.forget()
    return Setup(secrets=made.theirs)


def sample(consumer: Any, **more: Any) -> SamplePayment:
    at = now() - timedelta(minutes=5)
    return SamplePayment(
        **{
            "channel_ref": "AT0000000001", "order_ref": "", "amount_paise": 123_456,
            "method": Method.UPI, "network": "", "issuer": "SBIN", "payer": "sample@upi",
            "mobile": "9000000000", "rrn": "123456789012", "utr": "",
            "consumer_number": consumer.number, "bill_number": "", "created_at": at,
            "paid_at": at, "fee_paise": 0, "tax_paise": 0, **more,
        }
    )  # fmt: skip


def send(payment: SamplePayment, setup: Setup, *, event: str = "evt_1") -> Any:
    envelope = SIMULATION.tell(News.PAID, payment, payment.paid_at, event)
    headers = SIMULATION.sign(envelope, replace(setup, at=now(), nonce=secrets.token_hex(16)))
    return Client().post(
        SIMULATION.door.format(code="atp", path=envelope.path),
        envelope.body, content_type="application/json", headers=headers,
    )  # fmt: skip


def test_what_is_told_becomes_the_payment(setup) -> None:
    paid = sample(make.ConsumerFactory())

    answer = send(paid, setup)

    assert answer.status_code == 201, answer.content
    found = Payment.objects.get()
    assert (found.state, found.channel_ref, found.rrn) == (
        State.SUCCEEDED,
        "AT0000000001",
        paid.rrn,
    )
    assert (found.amount_paise, found.succeeded_at) == (123_456, paid.paid_at)


def test_told_again_or_anew_it_is_one_payment(setup) -> None:
    paid = sample(make.ConsumerFactory())

    answers = [send(paid, setup, event=event) for event in ("evt_1", "evt_1", "evt_2")]

    assert [one.status_code for one in answers] == [201, 201, 200]
    assert Payment.objects.count() == Receipt.objects.count() == 1


def test_every_method_that_is_played_is_taken(setup) -> None:
    consumer = make.ConsumerFactory()

    answers = [
        send(sample(consumer, method=method, channel_ref=f"AT{n}"), setup, event=f"evt_{n}")
        for n, (method, _weight) in enumerate(SIMULATION.methods)
    ]

    assert {one.status_code for one in answers} == {201}


@pytest.mark.parametrize("news", sorted(set(News) - SIMULATION.news))
def test_it_tells_nothing_else(news) -> None:
    with pytest.raises(ValueError, match="tells nothing of"):
        SIMULATION.tell(news, sample(make.ConsumerFactory()), now(), "evt_1")
