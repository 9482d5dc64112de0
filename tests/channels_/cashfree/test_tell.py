"""What the simulated Cashfree tells is believed in time and read; and what is not believed."""

import hmac
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.adapters.cashfree import ADAPTER
from channels_.adapters.cashfree.simulate import SIMULATION
from channels_.contract import Inbound, Notice, NoticeKind, Outcome, Setup, Stale
from channels_.simulation import News, Subject
from cspdcl.kernel.errors import Unverified
from tests.channels_.gateway_world import DISPUTE, NOON, PAYMENT, REFERENCE, REFUND

assert SIMULATION.make_keys is not None
KEYS: Final = SIMULATION.make_keys()
OURS: Final = Setup(secrets=KEYS.ours, at=NOON)
THEIRS: Final = Setup(secrets=KEYS.theirs, at=NOON)
OUTCOMES: Final = {
    News.PAID: Outcome.SUCCEEDED,
    News.FAILED: Outcome.FAILED,
    News.REFUND_CREATED: Outcome.PENDING,
    News.REFUND_PROCESSED: Outcome.SUCCEEDED,
    News.REFUND_FAILED: Outcome.FAILED,
    News.DISPUTE_OPENED: Outcome.PENDING,
    News.DISPUTE_WON: Outcome.SUCCEEDED,
    News.DISPUTE_LOST: Outcome.FAILED,
}

# Computed by another implementation of HMAC-SHA256 (openssl dgst -hmac), from the documented
# scheme: milliseconds and body without anything between them.
BODY: Final = b'{"type":"PAYMENT_CHARGES_WEBHOOK","data":{},"amount":170.00}'
MOMENT: Final = "1787034600000"
WITH_SECRET: Final = {"client_secret": "cf_test_secret_0001"}


def subject_of(news: News) -> Subject:
    if news.name.startswith("REFUND"):
        return REFUND
    return DISPUTE if news.name.startswith("DISPUTE") else PAYMENT


def message(news: News, **headers: str) -> Inbound:
    envelope = SIMULATION.tell(news, subject_of(news), NOON, "evt_sample")
    signed = SIMULATION.sign(envelope, THEIRS)
    lowered = {name.lower(): value for name, value in signed.items()}
    return Inbound(envelope.body, {**lowered, **headers})


def verify(inbound: Inbound, setup: Setup = OURS) -> None:
    assert ADAPTER.verify is not None
    ADAPTER.verify(inbound, setup)


def heard(news: News) -> Notice:
    inbound = message(news)
    verify(inbound)
    assert ADAPTER.parse is not None
    (notice,) = ADAPTER.parse(inbound, OURS)
    return notice


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


def test_the_documented_scheme_joins_moment_and_body_without_a_separator() -> None:
    headers = {
        "x-webhook-timestamp": MOMENT,
        "x-webhook-signature": "s1/s4E4p6I2IwW11+5hXr6BbpSSmV/+gwvVMTPL31+4=",
    }
    dotted = {**headers, "x-webhook-signature": "8XQWLORJ4Aq353cP3fG0Bs6b9yWMC36qg9MdnWHkDaE="}
    setup = Setup(secrets=WITH_SECRET, at=NOON)

    verify(Inbound(BODY, headers), setup)
    with pytest.raises(Unverified):
        verify(Inbound(BODY, dotted), setup)
    with pytest.raises(Unverified):
        verify(Inbound(BODY.replace(b"170.00", b"170"), headers), setup)


@given(data=st.data())
def test_a_changed_byte_of_the_moment_or_the_body_is_refused(data: st.DataObject) -> None:
    inbound = message(News.PAID)
    moment = inbound.headers["x-webhook-timestamp"].encode()
    signed = bytearray(moment + inbound.body)
    place = data.draw(st.integers(0, len(signed) - 1))
    signed[place] ^= data.draw(st.integers(1, 127))
    changed = signed[: len(moment)].decode("latin-1")

    headers = {**inbound.headers, "x-webhook-timestamp": changed}
    with pytest.raises(Unverified):
        verify(Inbound(bytes(signed[len(moment) :]), headers))


@pytest.mark.parametrize("moved", [1, 2, 13])
def test_digits_of_the_moment_cannot_become_the_body(moved: int) -> None:
    inbound = message(News.PAID)
    moment = inbound.headers["x-webhook-timestamp"]
    headers = {**inbound.headers, "x-webhook-timestamp": moment[:-moved]}

    with pytest.raises(Unverified):
        verify(Inbound(moment[-moved:].encode() + inbound.body, headers))


@pytest.mark.parametrize("seconds", [-301, 301, -90_000, 90_000])
def test_a_moment_too_far_from_ours_is_stale(seconds: int) -> None:
    late = replace(OURS, at=NOON + timedelta(seconds=seconds))

    with pytest.raises(Stale, match=f"signed {abs(seconds)} seconds from now"):
        verify(message(News.PAID), late)


def test_how_far_a_moment_may_be_is_agreed() -> None:
    for seconds in (-300, 0, 300):
        verify(message(News.PAID), replace(OURS, at=NOON + timedelta(seconds=seconds)))
    agreed = {"tolerance_seconds": 60, "retry_tolerance_seconds": 120}
    strict = replace(OURS, at=NOON + timedelta(seconds=100), settings=agreed)
    with pytest.raises(Stale):
        verify(message(News.PAID), strict)
    verify(message(News.PAID, **{"x-webhook-attempt": "2"}), strict)


@pytest.mark.parametrize("attempt", ["1", "", "0", "-2", "2 ", "x", "99999", "2.0"])
def test_only_a_repeat_may_carry_an_old_moment(attempt: str) -> None:
    hour_later = replace(OURS, at=NOON + timedelta(hours=1))

    verify(message(News.PAID, **{"x-webhook-attempt": "3"}), hour_later)
    with pytest.raises(Stale):
        verify(message(News.PAID, **{"x-webhook-attempt": attempt}), hour_later)


@pytest.mark.parametrize("name", ["x-webhook-timestamp", "x-webhook-signature"])
def test_a_missing_header_is_refused(name: str) -> None:
    inbound = message(News.PAID)
    headers = {known: value for known, value in inbound.headers.items() if known != name}

    with pytest.raises(Unverified):
        verify(Inbound(inbound.body, headers))


@pytest.mark.parametrize("secrets", [{}, {"client_secret": ""}])
def test_nothing_is_believed_without_a_secret(secrets: dict[str, str]) -> None:
    envelope = SIMULATION.tell(News.PAID, PAYMENT, NOON, "evt_sample")
    digest = hmac.new(b"", MOMENT.encode() + envelope.body, "sha256").digest()
    signed = {"x-webhook-timestamp": MOMENT, "x-webhook-signature": b64encode(digest).decode()}

    with pytest.raises(Unverified):
        verify(Inbound(envelope.body, signed), replace(OURS, secrets=secrets))


def test_repeats_are_recognised_by_the_key_or_the_body() -> None:
    assert ADAPTER.event_key is not None
    first, again = message(News.PAID), message(News.PAID, **{"x-webhook-attempt": "2"})
    bare = [message(News.PAID, **{"x-idempotency-key": odd}) for odd in ("", "a b", "k" * 81)]
    other = message(News.FAILED, **{"x-idempotency-key": ""})

    assert ADAPTER.event_key(first, OURS) == ADAPTER.event_key(again, OURS) == "evt_sample"
    assert len({ADAPTER.event_key(one, OURS) for one in bare}) == 1
    assert ADAPTER.event_key(bare[0], OURS).startswith("sha256:")
    assert ADAPTER.event_key(other, OURS) != ADAPTER.event_key(bare[0], OURS)
