"""An order reaches the gateway once; when nobody knows, it is asked about before a second try."""

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from channels_.contract import Wire
from cspdcl.kernel.clock import now
from enquiries import ladder
from enquiries.models import Operation
from enquiries.operations import KeyReused, Paused, claim, intend
from enquiries.orders import TRIES, Contact, OrderRefused, OrderUnknown, place
from payments.models import Payment
from tests import factories as make
from tests.enquiries.asking import channel_at, listed
from tests.enquiries.partner import Partner

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def payment(partner: Partner) -> Payment:
    """Begun, and not yet at the gateway."""
    begun: Payment = make.PaymentFactory(channel=channel_at(partner))
    return begun


def an_order(payment: Payment, **changes: Any) -> dict[str, Any]:
    """The order as the gateway answers it."""
    return {
        "id": "order_Made000001",
        "entity": "order",
        "amount": payment.amount_paise,
        "amount_paid": 0,
        "amount_due": payment.amount_paise,
        "currency": "INR",
        "receipt": payment.reference,
        "status": "created",
        "attempts": 0,
        "created_at": 1_787_000_000,
        **changes,
    }


def order_state() -> str:
    return Operation.objects.get(kind="order").state


def test_an_order_carries_our_reference_and_the_second_press_asks_nobody(partner, payment) -> None:
    partner.says(an_order(payment))

    first = place(payment, contact=Contact(return_url="https://pay.example/back"))
    payment.refresh_from_db()
    second = place(payment)

    assert first.order_ref == second.order_ref == payment.order_ref == "order_Made000001"
    assert first.form["order_id"] == "order_Made000001"
    assert len(partner.asked) == 1
    sent = json.loads(partner.asked[0][3])
    assert (sent["receipt"], sent["amount"]) == (payment.reference, payment.amount_paise)
    assert order_state() == "succeeded"


def test_a_definite_no_is_final(partner, payment) -> None:
    no = {"error": {"code": "BAD_REQUEST_ERROR", "description": "amount exceeds the maximum"}}
    partner.says(no, status=400)

    for _ in range(2):
        with pytest.raises(OrderRefused):
            place(payment)

    assert len(partner.asked) == 1
    assert order_state() == "failed"


def test_a_lost_answer_is_asked_about_and_never_gets_a_new_reference(partner, payment) -> None:
    payment.channel.settings = {**payment.channel.settings, "order_minutes": 60}
    payment.channel.save(update_fields=["settings"])
    partner.fault = "cut"
    with pytest.raises(OrderUnknown):
        place(payment)
    assert order_state() == "unknown"

    partner.fault = ""
    partner.says(listed())
    with pytest.raises(OrderUnknown, match="nobody can say"):
        place(payment)
    with pytest.raises(OrderUnknown, match="nobody can say"):
        place(payment)
    assert [one[0] for one in partner.asked] == ["POST", "GET"], "one question, not one a press"

    no = {"error": {"code": "BAD_REQUEST_ERROR", "description": "The id does not exist"}}
    made = an_order(payment)

    def answer(path: str, body: bytes) -> Wire:
        if body:
            return Wire(json.dumps(made).encode())
        return Wire(json.dumps(no).encode(), 400)

    partner.answer = answer
    with time_machine.travel(now() + timedelta(minutes=16), tick=False):
        ladder.climb()
        assert place(payment).order_ref == "order_Made000001"
    posts = [json.loads(one[3])["receipt"] for one in partner.asked if one[0] == "POST"]
    assert posts == [payment.reference, payment.reference]


def test_an_order_of_another_amount_is_not_believed(partner, payment) -> None:
    partner.says(an_order(payment, amount=payment.amount_paise * 100))

    with pytest.raises(OrderUnknown):
        place(payment)

    payment.refresh_from_db()
    assert (order_state(), payment.order_ref) == ("unknown", "")


def test_a_paused_channel_takes_nothing_new(partner, payment) -> None:
    channel = payment.channel
    channel.paused_at, channel.paused_by, channel.pause_reason = now(), "op", "a test"
    channel.save()

    with pytest.raises(Paused):
        place(payment)

    assert partner.asked == []


def test_what_is_paid_is_not_ordered(partner) -> None:
    paid = make.PaymentFactory(channel=channel_at(partner), paid=True)

    with pytest.raises(OrderRefused, match="nothing to pay"):
        place(paid)

    assert partner.asked == []


def test_a_key_names_one_thing_only(partner, payment) -> None:
    intend(
        payment.channel, kind=Operation.Kind.REFUND, key="R1", budget=1, amount_paise=100,
        payment=payment,
    )  # fmt: skip

    with pytest.raises(KeyReused):
        intend(
            payment.channel, kind=Operation.Kind.REFUND, key="R1", budget=1, amount_paise=200,
            payment=payment,
        )  # fmt: skip


def test_an_order_whose_asker_died_can_still_be_placed(partner, payment) -> None:
    made = intend(
        payment.channel,
        kind=Operation.Kind.ORDER,
        key=payment.reference,
        budget=TRIES,
        amount_paise=payment.amount_paise,
        payment=payment,
    )
    assert claim(made.pk) is not None  # and here the worker is killed
    no = {"error": {"code": "BAD_REQUEST_ERROR", "description": "The id does not exist"}}
    partner.answer = lambda _path, body: (
        Wire(json.dumps(an_order(payment)).encode()) if body else Wire(json.dumps(no).encode(), 400)
    )

    with pytest.raises(OrderUnknown, match="another hand"):
        place(payment)
    with time_machine.travel(now() + timedelta(minutes=3), tick=False):
        assert place(payment).order_ref == "order_Made000001"

    assert [one[0] for one in partner.asked] == ["GET", "POST"]


def test_an_order_that_has_expired_is_not_offered(partner, payment) -> None:
    partner.says(an_order(payment))
    place(payment)

    with (
        time_machine.travel(now() + timedelta(minutes=16), tick=False),
        pytest.raises(OrderRefused, match="expired"),
    ):
        place(payment)

    assert len(partner.asked) == 1
