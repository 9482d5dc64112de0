"""What Razorpay's own libraries publish is judged and read as they judge and read it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.adapters.razorpay import ADAPTER
from channels_.adapters.razorpay.checkout import verify_joined, verify_link_return, verify_return
from channels_.contract import (
    Declined,
    Evidence,
    Outcome,
    RefundAsk,
    Setup,
    StatusAsk,
    Window,
    Wire,
)
from cspdcl.kernel.errors import Malformed, Unverified
from cspdcl.kernel.money import Paise
from tests.channels_.gateway_world import NOON

CORPORA: Final = Path(__file__).parents[1] / "corpora"
PYTHON: Final = CORPORA / "razorpay__razorpay-python"
VECTORS: Final = json.loads((CORPORA / "gateway-vectors/return_vectors.json").read_text())[
    "vectors"
]
SETUP: Final = Setup(secrets={"key_id": "rzp_test_sample", "key_secret": "sample"})
PAYMENT: Final = StatusAsk(
    reference="26H18-3RZ7K2MQ-4TX", amount_paise=Paise(500), channel_ref="pay_29QQoUBi66xm2f"
)


def wire(path: Path, *, status: int = 200) -> Wire:
    return Wire(path.read_bytes(), status=status)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["scheme"])
def test_a_published_return_is_believed(vector: dict[str, Any]) -> None:
    setup = Setup(secrets={"key_secret": vector["secret"]})

    verify_joined(setup, parts=tuple(vector["parts"]), signature=vector["signature"])


def test_each_kind_of_return_joins_its_parts_in_order() -> None:
    checkout, _subscription, link = VECTORS

    verify_return(
        Setup(secrets={"key_secret": checkout["secret"]}),
        order_ref="fake_order_id",
        channel_ref="fake_payment_id",
        signature=checkout["signature"],
    )
    verify_link_return(
        Setup(secrets={"key_secret": link["secret"]}),
        link_ref="plink_IH3cNucfVEgV68",
        reference="TSsd1989",
        status="paid",
        channel_ref="pay_IH3d0ara9bSsjQ",
        signature=link["signature"],
    )


@given(data=st.data())
def test_a_changed_character_in_a_return_is_refused(data: st.DataObject) -> None:
    vector = data.draw(st.sampled_from(VECTORS))
    parts = [*vector["parts"], vector["signature"]]
    which = data.draw(st.integers(0, len(parts) - 1))
    place = data.draw(st.integers(0, len(parts[which]) - 1))
    other = data.draw(st.characters(codec="ascii"))
    changed = parts[which][:place] + other + parts[which][place + 1 :]
    if changed == parts[which]:
        return
    parts[which] = changed
    setup = Setup(secrets={"key_secret": vector["secret"]})

    with pytest.raises(Unverified):
        verify_joined(setup, parts=tuple(parts[:-1]), signature=parts[-1])


def test_a_moved_border_between_two_parts_is_refused() -> None:
    _checkout, _subscription, link = VECTORS
    setup = Setup(secrets={"key_secret": link["secret"]})

    with pytest.raises(Unverified, match="separator"):
        verify_joined(
            setup,
            parts=("plink_IH3cNucfVEgV68|TSsd1989", "paid", "pay_IH3d0ara9bSsjQ"),
            signature=link["signature"],
        )


def test_no_return_is_believed_without_a_secret() -> None:
    for secrets in ({}, {"key_secret": ""}):
        with pytest.raises(Unverified):
            verify_joined(Setup(secrets=secrets), parts=("a", "b"), signature="")


@pytest.mark.parametrize(
    ("path", "ref", "outcome", "code"),
    [
        ("razorpay-python/fake_captured_payment", "pay_29QQoUBi66xm2f", "succeeded", "captured"),
        ("razorpay-python/fake_payment", "fake_payment_id", "pending", "created"),
        ("razorpay-ruby/fake_refunded_payment", "fake_payment_id", "succeeded", "refunded"),
    ],
)
def test_a_published_payment_is_read(path: str, ref: str, outcome: str, code: str) -> None:
    assert ADAPTER.status is not None

    (notice,) = ADAPTER.status.read(
        wire(CORPORA / f"razorpay__{path}.json"), SETUP, replace(PAYMENT, channel_ref=ref)
    )

    assert (notice.channel_ref, notice.outcome, notice.code) == (ref, Outcome(outcome), code)
    assert notice.amount_paise == 500
    assert notice.reference == PAYMENT.reference


def test_a_published_collection_is_news_without_a_next_page() -> None:
    assert ADAPTER.history is not None

    pulled = ADAPTER.history.read(
        wire(PYTHON / "payment_collection.json"), SETUP, Window(since=NOON, until=NOON)
    )

    assert [notice.channel_ref for notice in pulled.notices] == [
        "pay_29QQoUBi66xm2f",
        "pay_19btGlBig6xZ2f",
    ]
    assert pulled.cursor == ""


def test_a_published_refund_is_read_for_what_was_asked() -> None:
    assert ADAPTER.refund is not None
    asked = RefundAsk(
        reference="26H19-0Q7W2K9D-1AB",
        amount_paise=Paise(300100),
        payment_reference=PAYMENT.reference,
        channel_ref="pay_FIKOnlyii5QGNx",
    )

    notice = ADAPTER.refund.read(wire(PYTHON / "fake_refund.json"), SETUP, asked)

    assert (notice.refund_ref, notice.outcome) == ("rfnd_FP8DDKxqJif6ca", Outcome.SUCCEEDED)
    with pytest.raises(Malformed, match="told of rfnd_FP8DDKxqJif6ca"):
        ADAPTER.refund.read(
            wire(PYTHON / "fake_refund.json"), SETUP, replace(asked, amount_paise=Paise(3001))
        )


def test_published_refunds_without_ours_are_a_clear_no() -> None:
    assert ADAPTER.refund_status is not None
    asked = RefundAsk(
        reference="26H19-0Q7W2K9D-1AB",
        amount_paise=Paise(100),
        payment_reference=PAYMENT.reference,
        channel_ref="fake_payment_id",
    )

    with pytest.raises(Declined, match="unknown_refund"):
        ADAPTER.refund_status.read(wire(PYTHON / "refund_collection.json"), SETUP, asked)


def test_a_published_dispute_is_read() -> None:
    assert ADAPTER.dispute is not None
    asked = Evidence(
        dispute_ref="disp_9GTZ2XXXXXXXXX",
        channel_ref="pay_9GMNcXXXXXXXXX",
        amount_paise=Paise(5000),
        summary="Paid and receipted",
    )

    notice = ADAPTER.dispute.read(wire(PYTHON / "dispute.json"), SETUP, asked)

    assert (notice.outcome, notice.code, notice.phase) == (
        Outcome.PENDING,
        "under_review",
        "chargeback",
    )
    assert notice.respond_by is not None
    assert notice.respond_by.isoformat() == "2017-12-30T18:30:00+00:00"


def test_a_published_refusal_is_a_clear_no() -> None:
    assert ADAPTER.status is not None

    with pytest.raises(Declined, match="BAD_REQUEST_ERROR: The amount is invalid"):
        ADAPTER.status.read(wire(PYTHON / "bad_request_error.json", status=400), SETUP, PAYMENT)
