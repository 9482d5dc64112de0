"""What channels tell of refunds: any order, the right payment, and never dropped when too much."""

import itertools

import pytest

from channels_.contract import NoticeKind, Outcome
from enquiries.models import Alarm
from payments import inbox
from payments.models import Refund
from payments.notices import AmountConflict, NotYetKnown, RefundConflict, note_refund
from refunds import actions, answering, sending
from tests import factories as make
from tests.refunds.refunding import PAID_AT, approved, paid, refund_told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def payment(db):
    return paid(make.RazorpayFactory())


def told(payment, paise: int = 100, **more) -> Refund:
    return note_refund(payment.channel_id, notice=refund_told(payment, paise, **more), at=PAID_AT)


def test_every_order_of_notices_and_repeats_ends_alike(payment, officer, approver) -> None:
    news = ("pending", "failed", "succeeded", "pending")
    ends = set()
    for number, order in enumerate(sorted(set(itertools.permutations(news)))):
        request = approved(payment, officer, approver, paise=100, key=f"k{number}")
        _as_sent(request)
        for outcome in order:
            told(payment, ref=f"rfnd_{number}", outcome=outcome, ours=request.reference)
            sending.believe()
        request.refresh_from_db()
        refund = request.refund
        assert refund is not None
        ends.add((request.state, refund.state, refund.channel_ref[:5]))

    assert ends == {("succeeded", "succeeded", "rfnd_")}
    assert actions.room_of(payment.pk) == 123_400 - 100 * Refund.objects.count()


def test_a_refund_told_for_another_payment_is_refused(payment) -> None:
    told(payment)
    other = paid(payment.channel, channel_ref="pay_Other00001")

    with pytest.raises(RefundConflict):
        told(other)

    assert Refund.objects.get().payment == payment


def test_another_amount_is_refused(payment) -> None:
    told(payment)

    with pytest.raises(AmountConflict):
        told(payment, 101)

    assert Refund.objects.get().amount_paise == 100


def test_a_refund_before_its_payment_waits(payment) -> None:
    unknown = make.PaymentFactory.build(channel=payment.channel, channel_ref="pay_Later1")

    with pytest.raises(NotYetKnown):
        told(unknown)

    assert not Refund.objects.exists()


def test_what_exceeds_the_payment_is_kept_and_alarmed(payment) -> None:
    told(payment, 100_000, ref="rfnd_1")
    told(payment, 23_401, ref="rfnd_2")
    answering.work()

    assert Refund.objects.count() == 2
    assert list(Refund.objects.filter(is_excess=True).values_list("channel_ref", flat=True)) == [
        "rfnd_2"
    ]
    assert "rfnd_2" in Alarm.objects.get(kind="refund", cleared_at=None).detail
    assert actions.room_of(payment.pk) == -1


def test_a_failed_refund_is_no_excess(payment) -> None:
    told(payment, 100_000, ref="rfnd_1")
    told(payment, 100_000, ref="rfnd_2", outcome="failed")

    assert not Refund.objects.filter(is_excess=True).exists()
    assert actions.room_of(payment.pk) == 23_400


def test_our_name_of_the_payment_is_no_name_of_a_refund(payment) -> None:
    told(payment, ours=payment.reference)

    assert Refund.objects.get().reference == ""


def test_a_message_with_two_payments_refunds_is_refused_alone(payment, client) -> None:
    """The drain writes the refusal on the message; what was known stays."""
    told(payment, 400, ref="rfnd_0001")
    other = paid(payment.channel, channel_ref="pay_Other00001")
    body = make.razorpay_body(
        "refund.processed", refund="rfnd_0001", amount=400, pay=other.channel_ref or ""
    )
    client.post(
        f"/in/{payment.channel.code}/",
        body,
        content_type="application/json",
        headers=make.razorpay_headers(body, "evt_conflict"),
    )
    inbox.drain()

    message = payment.channel.messages.get(event_key="evt_conflict")
    assert (message.state, message.outcome.partition(":")[0]) == ("refused", "refund_conflict")
    assert Refund.objects.get().payment == payment


def test_a_notice_that_proves_nothing_alone_is_only_under_way(payment) -> None:
    from dataclasses import replace

    notice = replace(refund_told(payment, 100), confirm=True)
    assert (notice.kind, notice.outcome) == (NoticeKind.REFUND, Outcome.SUCCEEDED)

    note_refund(payment.channel_id, notice=notice, at=PAID_AT)

    assert Refund.objects.get().state == "pending"


def _as_sent(request) -> None:
    """With the channel, as the sweep leaves it."""
    from django.db import transaction

    from refunds.states import State

    with transaction.atomic():
        held = actions.locked(request.pk)
        actions.move(held, to=State.SENDING, cause="a test")
