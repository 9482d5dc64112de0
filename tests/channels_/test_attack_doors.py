"""What a hostile or broken sender may try at each channel's door: refused with reason, counted."""

import gzip
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from django.conf import settings as house
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels_ import registry
from channels_.contract import Setup
from channels_.models import InboundMessage, RefusalTally
from channels_.simulation import Envelope, News
from payments.models import Payment, Receipt
from tests.channels_.spoken import Spoken, moved, settle, signs_the_time, speak, speaking

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Attempt:
    """A channel, and the message with which its partner would tell of a payment."""

    spoken: Spoken
    envelope: Envelope

    def sealed(self, setup: Setup | None = None) -> Envelope:
        return self.spoken.sealed(self.envelope, setup)


@pytest.fixture
def attempt(request: pytest.FixtureRequest) -> Attempt:
    spoken = speak(request.param)
    return Attempt(spoken, spoken.tell(News.PAID, spoken.payment()))


def has_single_headers(code: str) -> bool:
    return bool(registry.adapter(code).single_headers)


every_channel = pytest.mark.parametrize("attempt", speaking(), indirect=True)


def tallied() -> dict[str, int]:
    return {tally.kind: tally.count for tally in RefusalTally.objects.all()}


def nothing_was_believed() -> None:
    settle()
    assert Payment.objects.count() == 0
    assert InboundMessage.objects.count() == 0


@every_channel
def test_a_replay_changes_nothing(attempt: Attempt) -> None:
    sealed = attempt.sealed()
    for _ in range(3):
        assert attempt.spoken.send(sealed).status_code == 200
    settle()

    assert Payment.objects.count() == 1
    assert Receipt.objects.count() <= 1
    assert InboundMessage.objects.get().state == InboundMessage.State.DONE


@every_channel
def test_another_amount_for_what_is_paid_is_not_believed(attempt: Attempt) -> None:
    spoken = attempt.spoken
    payment = spoken.payment()
    spoken.send(spoken.sealed(spoken.tell(News.PAID, payment)))
    settle()
    told = Payment.objects.get()
    other = payment._replace(amount_paise=payment.amount_paise * 100)
    spoken.send(spoken.sealed(spoken.tell(News.PAID, other)))
    settle()

    assert (
        list(Payment.objects.values_list("amount_paise", "state"))
        == [(told.amount_paise, told.state)]
        or told.state == "pending"
    )
    assert Payment.objects.count() == 1


@pytest.mark.parametrize("attempt", [c for c in speaking() if signs_the_time(c)], indirect=True)
def test_a_message_from_long_ago_or_far_ahead_is_stale(attempt: Attempt) -> None:
    spoken = attempt.spoken
    for hours in (-30, 30):
        answer = spoken.send(attempt.sealed(moved(spoken.theirs, timedelta(hours=hours))))
        assert 400 <= answer.status_code < 500 or answer.status_code == 200, answer.content

    assert tallied() == {"stale": 2}
    nothing_was_believed()


def _one_sign_off(secret: str) -> str:
    return f"{secret[:-9]}{'y' if secret[-9] == 'x' else 'x'}{secret[-8:]}"


@every_channel
def test_a_forged_message_is_counted_and_not_kept(attempt: Attempt) -> None:
    wrong = {name: _one_sign_off(value) for name, value in attempt.spoken.keys.theirs.items()}
    try:
        sealed = attempt.sealed(replace(attempt.spoken.theirs, secrets=wrong))
    except ValueError:  # a key pair that is no longer one: nothing can be signed with it
        sealed = attempt.sealed()._replace(body=attempt.envelope.body + b" ", headers={})
    attempt.spoken.send(sealed)

    assert sum(tallied().values()) == 1, tallied()
    nothing_was_believed()


@every_channel
def test_an_unsigned_message_is_counted_and_not_kept(attempt: Attempt) -> None:
    attempt.spoken.send(attempt.envelope._replace(headers={"Content-Type": "application/json"}))

    assert sum(tallied().values()) == 1, tallied()
    nothing_was_believed()


@every_channel
def test_a_compressed_body_is_refused(attempt: Attempt) -> None:
    sealed = attempt.sealed()
    answer = attempt.spoken.send(
        sealed._replace(body=gzip.compress(sealed.body)), extra={"Content-Encoding": "gzip"}
    )

    assert answer.status_code == 415
    assert tallied() == {"malformed": 1}
    nothing_was_believed()


@every_channel
def test_a_huge_body_is_refused(attempt: Attempt) -> None:
    sealed = attempt.sealed()
    padding = b" " * house.NOTICE_BYTES_MAX
    answer = attempt.spoken.send(sealed._replace(body=sealed.body + padding))

    assert answer.status_code == 413
    assert tallied() == {"oversized": 1}
    nothing_was_believed()


@pytest.mark.parametrize("attempt", [c for c in speaking() if has_single_headers(c)], indirect=True)
def test_a_header_that_comes_twice_is_refused(attempt: Attempt) -> None:
    sealed = attempt.sealed()
    single = registry.adapter(attempt.spoken.channel.adapter).single_headers
    doubled = {
        name: f"{value},{value}" for name, value in sealed.headers.items() if name.lower() in single
    }
    attempt.spoken.send(sealed, extra=doubled)

    assert tallied() == {"doubled": 1}
    nothing_was_believed()


@every_channel
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_mutated_message_is_never_an_error_nor_another_amount(
    attempt: Attempt, data: st.DataObject
) -> None:
    """Signed anew after the change: what a broken partner sends, not a forger."""
    body = mutated(attempt.envelope.body, data)
    try:
        sealed = attempt.spoken.sealed(attempt.envelope._replace(body=body))
    except (ValueError, KeyError, TypeError, SyntaxError):
        return  # the partner's own side refuses to send such a thing
    before = set(Payment.objects.values_list("pk", flat=True))
    answer = attempt.spoken.send(sealed)
    settle()

    assert answer.status_code < 500, answer.content
    for payment in Payment.objects.exclude(pk__in=before):
        digits = str(payment.amount_paise).rstrip("0")
        assert payment.amount_paise > 0
        assert digits.encode() in body.replace(b".", b"").replace(b",", b""), (body, payment)


def mutated(body: bytes, data: st.DataObject) -> bytes:
    """One or two small changes: a byte replaced, dropped, doubled, or a stretch cut out."""
    changed = bytearray(body)
    for _ in range(data.draw(st.integers(1, 2))):
        if not changed:
            break
        place = data.draw(st.integers(0, len(changed) - 1))
        kind = data.draw(st.sampled_from(["replace", "drop", "double", "cut"]))
        if kind == "replace":
            changed[place] = data.draw(
                st.sampled_from(list(b'0123456789.,-+eE"{}[]:|&=<> \x00\xff'))
            )
        elif kind == "drop":
            del changed[place]
        elif kind == "double":
            changed.insert(place, changed[place])
        else:
            del changed[place : place + data.draw(st.integers(1, 40))]
    return bytes(changed)
