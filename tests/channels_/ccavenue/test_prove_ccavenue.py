"""Who may speak as CCAvenue: whoever holds the working key; and what a changed text is worth."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.adapters.ccavenue import ADAPTER, cipher
from channels_.adapters.ccavenue.simulate import MERCHANT, SIMULATION
from channels_.contract import Inbound, Outcome, Setup
from channels_.simulation import News
from cspdcl.kernel.errors import Malformed, Unverified
from tests.channels_.gateway_world import NOON, PAYMENT, REFERENCE, REFUND
from tests.channels_.test_read_notices import inbound_of, setup_of

HERE: Final = Path(__file__).parent
CBC: Final = HERE / "success_upi.body"
GCM: Final = HERE / "gcm_success.body"
ALL: Final = pytest.mark.parametrize("sent", [CBC, GCM], ids=["cbc", "gcm"])


def verify(inbound: Inbound, setup: Setup) -> None:
    assert ADAPTER.verify is not None
    ADAPTER.verify(inbound, setup)


def form(sent: Path) -> dict[str, str]:
    return dict(parse_qsl(sent.read_bytes().decode()))


@ALL
@pytest.mark.parametrize("key", ["", "another", "FEDCBA9876543210FEDCBA9876543210"])
def test_another_or_no_key_opens_nothing(sent: Path, key: str) -> None:
    with pytest.raises(Unverified):
        verify(inbound_of(sent), replace(setup_of(sent), secrets={"working_key": key}))
    with pytest.raises(Unverified):
        verify(inbound_of(sent), replace(setup_of(sent), secrets={}))


@ALL
def test_the_order_beside_the_text_must_be_the_one_inside(sent: Path) -> None:
    body = urlencode({**form(sent), "orderNo": "26H18-OTHER000-0000"}).encode()
    with pytest.raises(Unverified):
        verify(replace(inbound_of(sent), body=body), setup_of(sent))


@pytest.mark.parametrize(
    ("sent", "agreed"), [(CBC, "aes-256-gcm"), (GCM, "aes-128-cbc"), (CBC, "none"), (GCM, "")]
)
def test_the_cipher_is_what_was_agreed_and_not_what_comes(sent: Path, agreed: str) -> None:
    with pytest.raises(Unverified):
        verify(inbound_of(sent), replace(setup_of(sent), settings={"cipher": agreed}))


@ALL
@pytest.mark.parametrize("text", ["", "hello", "order_id=1", "order_status=Success", "a=b&c"])
def test_a_text_that_is_no_order_proves_nothing(sent: Path, text: str) -> None:
    setup = setup_of(sent)
    sealed = cipher.encrypt(text, replace(setup, nonce="00" * 16))
    with pytest.raises(Unverified):
        verify(Inbound(urlencode({"encResp": sealed}).encode(), {}), setup)


@pytest.mark.parametrize(
    "body",
    [b"", b"encResp=", b"encResp=zz", b"encResp=00", b"x=1", b"\xff", b"encResp=" + b"00" * 16],
)
def test_what_is_no_encrypted_form_is_refused(body: bytes) -> None:
    for sent in (CBC, GCM):
        with pytest.raises(Unverified):
            verify(Inbound(body, {}), setup_of(sent))


@given(data=st.data())
def test_a_changed_byte_under_gcm_is_refused(data: st.DataObject) -> None:
    fields, setup = form(GCM), setup_of(GCM)
    raw = bytearray.fromhex(fields["encResp"])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    body = urlencode({**fields, "encResp": raw.hex()}).encode()

    with pytest.raises(Unverified):
        verify(Inbound(body, {}), setup)


@given(data=st.data())
def test_a_changed_byte_under_cbc_is_refused_or_only_makes_us_ask(data: st.DataObject) -> None:
    assert ADAPTER.parse is not None
    fields, setup = form(CBC), setup_of(CBC)
    raw = bytearray.fromhex(fields["encResp"])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    inbound = Inbound(urlencode({**fields, "encResp": raw.hex()}).encode(), {})

    try:
        verify(inbound, setup)
        notices = ADAPTER.parse(inbound, setup)
    except (Unverified, Malformed):
        return
    assert all(notice.confirm for notice in notices)


def test_text_of_the_payer_does_not_become_a_field() -> None:
    """An ampersand that the payer typed belongs to the value before it."""
    assert ADAPTER.parse is not None
    (notice,) = ADAPTER.parse(inbound_of(CBC), setup_of(CBC))

    assert notice.consumer_number == "100012345678"


@pytest.mark.parametrize("agreed", [{}, {"cipher": "aes-256-gcm"}], ids=["cbc", "gcm"])
@pytest.mark.parametrize("news", sorted(SIMULATION.news))
def test_what_the_simulation_tells_is_believed_and_read(news: News, agreed: dict[str, Any]) -> None:
    assert SIMULATION.make_keys is not None
    assert SIMULATION.seal is not None
    assert ADAPTER.parse is not None
    secrets = SIMULATION.make_keys().theirs
    setup = Setup(merchant_id=MERCHANT, secrets=secrets, settings=agreed, nonce="ab" * 16)
    told = SIMULATION.tell(news, PAYMENT, NOON + timedelta(seconds=1), "evt_1")
    inbound = Inbound(SIMULATION.seal(told, setup).body, {})

    verify(inbound, setup)
    (notice,) = ADAPTER.parse(inbound, setup)

    outcomes = {News.PAID: Outcome.SUCCEEDED, News.FAILED: Outcome.FAILED}
    assert notice.outcome is outcomes.get(news, Outcome.PENDING)
    assert (notice.reference, notice.channel_ref) == (REFERENCE, PAYMENT.channel_ref)
    assert notice.confirm is (agreed == {})


def test_ccavenue_tells_nothing_of_refunds() -> None:
    with pytest.raises(TypeError):
        SIMULATION.tell(News.REFUND_CREATED, REFUND, NOON, "evt_1")
