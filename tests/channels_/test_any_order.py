"""Whatever the order in which a partner's messages come, and however often: one end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels_.simulation import Envelope
from payments.models import Payment, Receipt, Refund
from tests.channels_.spoken import Spoken, settle, speak, speaking

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Told:
    """What a partner tells of one payment, and where it ends when told as it happened."""

    spoken: Spoken
    envelopes: list[Envelope]
    expected: dict[str, Any]


@pytest.fixture
def told(request: pytest.FixtureRequest) -> Told:
    spoken = speak(request.param)
    envelopes = spoken.story()
    expected = ended(spoken, envelopes)
    (payment,) = expected["payments"]
    assert payment[1:3] in {("succeeded", 123_456), ("pending", 123_456)}, payment
    return Told(spoken, envelopes, expected)


def ended(spoken: Spoken, envelopes: Sequence[Envelope]) -> dict[str, Any]:
    """Where everything stands after these messages; then all is taken back."""
    with transaction.atomic():
        for envelope in envelopes:
            answer = spoken.send(spoken.sealed(envelope))
            assert answer.status_code < 500, answer.content
        settle()
        found = snapshot()
        transaction.set_rollback(True)
    return found


def snapshot() -> dict[str, Any]:
    payments = Payment.objects.values_list(
        "channel_ref", "state", "amount_paise", "duplicate_of__channel_ref"
    )
    refunds = Refund.objects.values_list("channel_ref", "state", "amount_paise")
    return {
        "payments": sorted(payments),
        "receipts": Receipt.objects.count(),
        "refunds": sorted(refunds),
    }


@pytest.mark.parametrize("told", speaking(), indirect=True)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_every_order_and_every_repeat_ends_alike(told: Told, data: st.DataObject) -> None:
    order = data.draw(st.permutations(told.envelopes))
    repeats = data.draw(st.lists(st.sampled_from(told.envelopes), max_size=3))

    assert ended(told.spoken, [*order, *repeats]) == told.expected
