"""Every captured message is read as its golden file says, and believed only when it is signed."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.contract import Adapter, Inbound, Setup, Unreadable
from channels_.registry import adapter, adapters
from cspdcl.kernel.errors import Malformed, Unverified
from tests.channels_.reading import reading

HERE = Path(__file__).parent
CORPORA = HERE.parent / "corpora"
SENT = sorted(HERE.glob("*/*.body"))
TALKING = sorted(code for code, found in adapters().items() if found.parse is not None)
# A token proves the sender of these and TLS alone keeps the body whole, as the bank documents it.
PROVED_BY_TOKEN = frozenset({"van_hdfc"})
# Where a message's proof may stand, if it stands in a header at all.
PROOFS = ("signature", "verify", "authorization")
VECTORS = json.loads((CORPORA / "gateway-vectors" / "signature_vectors.json").read_text())


def inbound_of(sent: Path) -> Inbound:
    headers = json.loads(sent.with_suffix(".headers").read_text())
    headers.pop("at", None)
    path, address = headers.pop("path", ""), headers.pop("address", "")
    return Inbound(sent.read_bytes(), headers, path, address)


def setup_of(sent: Path) -> Setup:
    """The channel as the message's golden file assumes it: secrets.json, perhaps setup.json.

    A channel of several protocols has what is special to a message beside it, as ``X.setup``.
    ``at`` beside the headers of a message is the moment it came, for signatures that know the time.
    """
    more = {"secrets": json.loads((sent.parent / "secrets.json").read_text())}
    for agreed in (sent.parent / "setup.json", sent.with_suffix(".setup")):
        if agreed.exists():
            more |= json.loads(agreed.read_text())
    headers = json.loads(sent.with_suffix(".headers").read_text())
    at = datetime.fromisoformat(headers.get("at", "2026-08-18T12:00:00+05:30"))
    return Setup(at=at, nonce="0" * 32, **more)


def is_believed(found: Adapter, inbound: Inbound, setup: Setup) -> bool:
    assert found.verify is not None
    try:
        found.verify(inbound, setup)
    except Unverified:
        return False
    return True


@pytest.mark.parametrize("sent", SENT, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_message_is_read_as_expected(sent: Path) -> None:
    found = adapter(sent.parent.name)

    assert is_believed(found, inbound_of(sent), setup_of(sent))
    expected = json.loads(sent.with_suffix(".expected").read_text())
    assert reading(found, inbound_of(sent), setup_of(sent)) == expected


@pytest.mark.parametrize("code", TALKING)
def test_an_adapter_that_takes_notices_has_evidence(code: str) -> None:
    mine = [path for path in SENT if path.parent.name == code]
    readings = [json.loads(path.with_suffix(".expected").read_text()) for path in mine]

    assert any(isinstance(one, list) for one in readings), "no message that is understood"
    assert any(isinstance(one, dict) for one in readings), "no message that is refused"


@pytest.mark.parametrize("code", TALKING)
@given(data=st.data())
def test_a_changed_byte_anywhere_is_refused(code: str, data: st.DataObject) -> None:
    sent = data.draw(st.sampled_from([path for path in SENT if path.parent.name == code]))
    inbound, found = inbound_of(sent), adapter(code)
    place = data.draw(st.integers(0, len(inbound.body) - 1))
    other = data.draw(st.integers(1, 255))
    body = bytearray(inbound.body)
    body[place] ^= other

    tampered, setup = replace(inbound, body=bytes(body)), setup_of(sent)
    if code in PROVED_BY_TOKEN:
        reading(found, tampered, setup)  # nothing but a reading or a refusal
    elif is_believed(found, tampered, setup):
        # A field that the channel does not sign may change, as long as we read nothing of it, or
        # believe nothing of the message before the channel was asked.
        now, before = reading(found, tampered, setup), reading(found, inbound, setup)
        assert now == before or (asks_first(sent) and is_not_proof(now))


def asks_first(sent: Path) -> bool:
    """Whether all that this channel tells, agreed as here, has to be asked for again."""
    here = [
        path
        for path in SENT
        if path.parent == sent.parent and setup_of(path).settings == setup_of(sent).settings
    ]
    return all(is_not_proof(json.loads(path.with_suffix(".expected").read_text())) for path in here)


def is_not_proof(read: object) -> bool:
    """Whether a reading is a refusal, or notices that only make us ask, or none for us."""
    return isinstance(read, dict) or (
        isinstance(read, list)
        and all(one.get("confirm") is True or one["kind"] == "ignored" for one in read)
    )


@pytest.mark.parametrize("code", TALKING)
@given(signature=st.text(max_size=70))
def test_no_invented_signature_is_believed(code: str, signature: str) -> None:
    sent = next(path for path in SENT if path.parent.name == code)
    headers = {
        name: signature if any(proof in name for proof in PROOFS) else value
        for name, value in inbound_of(sent).headers.items()
    }
    # Where the proof stands in the body, the invented one is all of it.
    is_inside = headers == inbound_of(sent).headers

    body = signature.encode() if is_inside else sent.read_bytes()
    inbound = replace(inbound_of(sent), body=body, headers=headers)
    assert not is_believed(adapter(code), inbound, setup_of(sent))


@pytest.mark.parametrize("code", TALKING)
@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_never_crash(code: str, body: bytes) -> None:
    sent = next(path for path in SENT if path.parent.name == code)
    parse = adapter(code).parse
    assert parse is not None

    with pytest.raises(Unreadable):
        parse(replace(inbound_of(sent), body=body), setup_of(sent))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("code", TALKING)
@given(data=st.data())
def test_any_value_in_any_place_is_read_or_refused(code: str, data: st.DataObject) -> None:
    sent = data.draw(st.sampled_from([path for path in SENT if path.parent.name == code]))
    if not sent.read_bytes().lstrip().startswith(b"{"):
        sent = next(path for path in SENT if path.parent.name == "razorpay")
        code = "razorpay"
    said = json.loads(sent.read_bytes())
    spot = said
    while isinstance(spot, dict) and spot:
        name = data.draw(st.sampled_from(sorted(spot)))
        if not isinstance(spot[name], dict) or data.draw(st.booleans()):
            spot[name] = data.draw(JSON)
            break
        spot = spot[name]
    parse = adapter(code).parse
    assert parse is not None

    try:
        parse(replace(inbound_of(sent), body=json.dumps(said).encode()), setup_of(sent))
    except Malformed:
        return


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["source"][:24])
def test_published_signatures_are_judged_as_published(vector: dict[str, object]) -> None:
    if "body_file" in vector:
        body = (CORPORA / str(vector["body_file"])).read_bytes()
    else:
        body = str(vector["body"]).encode()
    inbound = Inbound(body, {"x-razorpay-signature": str(vector["signature"])})

    believed = is_believed(
        adapter("razorpay"), inbound, Setup(secrets={"webhook_secret": str(vector["secret"])})
    )

    assert believed == vector["expect_valid"]
