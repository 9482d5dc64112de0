"""Paytm's and PhonePe's published signatures and callbacks, judged as published."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.adapters.paytm import ADAPTER as PAYTM
from channels_.adapters.phonepe import ADAPTER as PHONEPE
from channels_.contract import Adapter, Inbound, Method, Outcome, Setup
from cspdcl.kernel.errors import Unverified

CORPORA: Final = Path(__file__).parents[1] / "corpora"
VECTORS: Final[list[dict[str, Any]]] = json.loads(
    (CORPORA / "gateway-vectors" / "paytm_phonepe_vectors.json").read_text()
)["vectors"]


def vectors(gateway: str) -> list[dict[str, Any]]:
    return [one for one in VECTORS if one["gateway"] == gateway]


def is_believed(adapter: Adapter, inbound: Inbound, setup: Setup) -> bool:
    assert adapter.verify is not None
    try:
        adapter.verify(inbound, setup)
    except Unverified:
        return False
    return True


def paytm(vector: dict[str, Any]) -> tuple[Inbound, Setup]:
    """The published form, whose plus signs and blanks are not escaped."""
    if "body_file" in vector:
        body = (CORPORA / vector["body_file"]).read_bytes()
    else:
        body = vector["body"].encode()
    return Inbound(body, {}), Setup(
        merchant_id="WorldP64425807474247", secrets={"merchant_key": vector["merchant_key"]}
    )


@pytest.mark.parametrize("vector", vectors("paytm"), ids=lambda one: one["source"][:30])
def test_a_published_paytm_form_is_judged_as_published(vector: dict[str, Any]) -> None:
    inbound, setup = paytm(vector)

    assert is_believed(PAYTM, inbound, setup) == vector["expect_valid"]


def test_the_published_paytm_form_is_read() -> None:
    inbound, setup = paytm(vectors("paytm")[0])
    assert PAYTM.parse is not None
    (notice,) = PAYTM.parse(inbound, setup)

    assert notice.outcome is Outcome.SUCCEEDED
    assert (notice.reference, notice.channel_ref) == ("100PT012", "494157")
    assert notice.amount_paise == 1000
    assert notice.method is Method.CARD
    assert notice.rrn == "201512236592678"
    assert notice.occurred_at is not None
    assert notice.occurred_at.isoformat() == "2015-12-23T16:06:22+05:30"


@given(data=st.data())
def test_a_changed_byte_of_the_published_form_is_refused_or_read_alike(data: st.DataObject) -> None:
    inbound, setup = paytm(vectors("paytm")[0])
    assert PAYTM.parse is not None
    body = bytearray(inbound.body)
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    tampered = Inbound(bytes(body), {})

    if is_believed(PAYTM, tampered, setup):
        assert PAYTM.parse(tampered, setup) == PAYTM.parse(inbound, setup)


SAMPLES: Final = sorted((CORPORA / "PhonePe__phonepe-pg-sdk-java").glob("*.json"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_published_phonepe_callback_is_a_golden_message(sample: Path) -> None:
    golden = (Path(__file__).parent / "phonepe").glob("published_*.body")

    assert sample.read_bytes() in [path.read_bytes() for path in golden]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_the_published_phonepe_password_proves_its_callbacks(sample: Path) -> None:
    (vector,) = [one for one in vectors("phonepe") if "username" in one]
    setup = Setup(secrets={"callback_key": f"{vector['username']}:{vector['password']}"})
    headers = {"authorization": vector["authorization"]}

    assert is_believed(PHONEPE, Inbound(sample.read_bytes(), headers), setup)
    for given_ in ("", vector["authorization"][:-1], "0" * 64, f"SHA256 {vector['authorization']}"):
        forged = Inbound(sample.read_bytes(), {"authorization": given_})
        assert not is_believed(PHONEPE, forged, setup)


def phonepe_v1() -> tuple[Inbound, Setup]:
    (vector,) = [one for one in vectors("phonepe") if "x_verify" in one]
    body = json.dumps({"response": vector["response"]}).encode()
    secrets = {"callback_key": vector["salt_key"]}
    return Inbound(body, {"x-verify": vector["x_verify"]}), Setup(
        merchant_id="PGTESTPAYUAT", secrets=secrets, settings={"version": "v1"}
    )


@given(data=st.data())
def test_a_changed_byte_of_the_v1_callback_is_refused(data: st.DataObject) -> None:
    inbound, setup = phonepe_v1()
    assert is_believed(PHONEPE, inbound, setup)
    body = bytearray(inbound.body)
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))

    assert not is_believed(PHONEPE, Inbound(bytes(body), inbound.headers), setup)
