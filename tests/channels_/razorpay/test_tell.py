"""What the simulated Razorpay tells is what we believe and read."""

from dataclasses import replace
from typing import Final

import pytest

from channels_.adapters.razorpay import ADAPTER
from channels_.adapters.razorpay.simulate import SIMULATION
from channels_.contract import Inbound, Notice, NoticeKind, Outcome, Setup, WrongMerchant
from channels_.simulation import News, Subject
from cspdcl.kernel.errors import Unverified
from tests.channels_.gateway_world import DISPUTE, NOON, PAYMENT, REFERENCE, REFUND

assert SIMULATION.make_keys is not None
KEYS: Final = SIMULATION.make_keys()
OURS: Final = Setup(merchant_id=SIMULATION.merchant_id, secrets=KEYS.ours, at=NOON)
OUTCOMES: Final = {
    News.AUTHORISED: Outcome.PENDING,
    News.PAID: Outcome.SUCCEEDED,
    News.ORDER_PAID: Outcome.SUCCEEDED,
    News.FAILED: Outcome.FAILED,
    News.REFUND_CREATED: Outcome.PENDING,
    News.REFUND_PROCESSED: Outcome.SUCCEEDED,
    News.REFUND_FAILED: Outcome.FAILED,
    News.DISPUTE_OPENED: Outcome.PENDING,
    News.DISPUTE_WON: Outcome.SUCCEEDED,
    News.DISPUTE_LOST: Outcome.FAILED,
}


def subject_of(news: News) -> Subject:
    if news.name.startswith("REFUND"):
        return REFUND
    return DISPUTE if news.name.startswith("DISPUTE") else PAYMENT


def message(news: News) -> Inbound:
    envelope = SIMULATION.tell(news, subject_of(news), NOON, "evt_sample")
    headers = SIMULATION.sign(envelope, Setup(secrets=KEYS.theirs, at=NOON))
    lowered = {name.lower(): value for name, value in headers.items()}
    return Inbound(envelope.body, lowered, envelope.path)


def heard(news: News) -> Notice:
    inbound = message(news)
    assert ADAPTER.verify is not None
    assert ADAPTER.parse is not None
    ADAPTER.verify(inbound, OURS)
    return ADAPTER.parse(inbound, OURS)[-1]


@pytest.mark.parametrize("news", sorted(SIMULATION.news))
def test_what_is_told_is_heard(news: News) -> None:
    notice = heard(news)

    assert notice.outcome is OUTCOMES[news]
    assert notice.channel_ref == PAYMENT.channel_ref
    if notice.kind is NoticeKind.PAYMENT:
        assert (notice.reference, notice.amount_paise) == (REFERENCE, PAYMENT.amount_paise)
        assert notice.consumer_number == PAYMENT.consumer_number
    if notice.kind is NoticeKind.REFUND:
        assert (notice.refund_ref, notice.reference) == (REFUND.channel_ref, REFUND.reference)
    if notice.kind is NoticeKind.DISPUTE:
        assert (notice.dispute_ref, notice.respond_by) == (DISPUTE.dispute_ref, DISPUTE.respond_by)


def test_a_message_for_another_merchant_is_refused() -> None:
    assert ADAPTER.verify is not None
    inbound = message(News.PAID)

    with pytest.raises(WrongMerchant, match="expected the account acc_Another"):
        ADAPTER.verify(inbound, replace(OURS, merchant_id="acc_Another"))


def test_a_message_without_a_merchant_is_refused_where_one_is_expected() -> None:
    assert ADAPTER.verify is not None
    envelope = SIMULATION.tell(News.PAID, PAYMENT, NOON, "evt_sample")
    bare = envelope._replace(body=envelope.body.replace(b'"account_id"', b'"another_id"'))
    headers = SIMULATION.sign(bare, Setup(secrets=KEYS.theirs))
    inbound = Inbound(bare.body, {name.lower(): value for name, value in headers.items()})

    with pytest.raises(WrongMerchant):
        ADAPTER.verify(inbound, OURS)
    ADAPTER.verify(inbound, replace(OURS, merchant_id=""))


@pytest.mark.parametrize("secrets", [{}, {"webhook_secret": ""}])
def test_nothing_is_believed_without_a_secret(secrets: dict[str, str]) -> None:
    assert ADAPTER.verify is not None
    envelope = SIMULATION.tell(News.PAID, PAYMENT, NOON, "evt_sample")
    headers = SIMULATION.sign(envelope, Setup(secrets={"webhook_secret": ""}))
    inbound = Inbound(envelope.body, {name.lower(): value for name, value in headers.items()})

    with pytest.raises(Unverified):
        ADAPTER.verify(inbound, Setup(secrets=secrets))
