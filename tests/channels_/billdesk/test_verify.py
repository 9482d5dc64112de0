"""Who is not BillDesk: other algorithms, other keys, other merchants, and every changed byte."""

import base64
import json
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey

from channels_.adapters.billdesk import ADAPTER
from channels_.adapters.billdesk.simulate import make_keys
from channels_.adapters.billdesk.wires import ENCRYPTIONS, checksum, piped, sealed
from channels_.contract import Inbound, Setup, Unreadable, WrongMerchant
from cspdcl.kernel.errors import Unverified
from tests.channels_.billdesk.sample import ENCRYPTION, KEY, SETUP, TRANSACTION
from tests.channels_.gateway_fuzz import changed
from tests.channels_.reading import reading

ENCRYPTED: Final = replace(SETUP, settings={**SETUP.settings, "jwe_enc": "A128CBC-HS256"})
PIPE: Final = [
    *("SMPLCSPDCL", "26H183RZ7K2MQ4TX2", "MSBI0412001668", "19079921", "00002463.50", "SBI"),
    *("NA", "01", "INR", "NA", "NA", "NA", "NA", "18-08-2026 11:40:07", "0300", "NA"),
    *("100012345678", "B26080012345", "NA", "NA", "NA", "NA", "NA", "NA", "NA"),
]


def verify(body: bytes, setup: Setup = SETUP) -> None:
    assert ADAPTER.verify is not None
    ADAPTER.verify(Inbound(body, {}), setup)


def form(token: str) -> bytes:
    return urlencode({"transaction_response": token}).encode()


def part(said: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def token_by(algorithm: str, key: str = KEY, **header: Any) -> str:
    known = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    payload = json.dumps(TRANSACTION).encode()
    return jws.serialize_compact(
        {"alg": algorithm, **header}, payload, OctKey.import_key(key), [algorithm], known
    )


def test_a_token_is_believed_bare_and_in_a_form() -> None:
    token = sealed(TRANSACTION, SETUP)

    verify(token.encode())
    verify(form(token))
    verify(b"  " + token.encode() + b"\n")


def test_the_header_never_chooses_the_algorithm() -> None:
    unsigned = f"{part({'alg': 'none', 'clientid': 'smplcspdcl'})}.{part(TRANSACTION)}."
    for token in (unsigned, f"{unsigned}AAAA", token_by("HS384"), token_by("HS512")):
        with pytest.raises(Unverified):
            verify(form(token))
    verify(form(token_by("HS512")), replace(SETUP, settings={"jws_alg": "HS512"}))
    for agreed in ("none", "RS256", "", None):
        with pytest.raises(Unverified, match="expected one of"):
            verify(form(token_by("HS256")), replace(SETUP, settings={"jws_alg": agreed}))


@pytest.mark.parametrize("crit", [None, 1, [], {"alg": 1}, "alg"])
def test_a_header_of_strange_values_is_refused(crit: Any) -> None:
    header = part({"alg": "HS256", "clientid": "smplcspdcl", "crit": crit})

    with pytest.raises(Unverified):
        verify(f"{header}.{part(TRANSACTION)}.{'A' * 43}".encode())


@pytest.mark.parametrize("secrets", [{}, {"signing_key": ""}, {"signing_key": KEY + "x"}])
def test_another_key_believes_nothing(secrets: dict[str, str]) -> None:
    other = replace(SETUP, secrets=secrets)
    for body in (form(sealed(TRANSACTION, SETUP)), urlencode({"msg": piped(PIPE, SETUP)}).encode()):
        verify(body)
        with pytest.raises(Unverified):
            verify(body, other)


def test_a_message_for_another_merchant_is_told_apart() -> None:
    other = {**TRANSACTION, "mercid": "OTHERMERC"}
    pipe = piped(["OTHERMERC", *PIPE[1:]], SETUP)
    for body in (form(sealed(other, SETUP)), urlencode({"msg": pipe}).encode()):
        with pytest.raises(WrongMerchant, match="OTHERMERC"):
            verify(body)
    client = replace(SETUP, settings={"client_id": "otherclient"})
    with pytest.raises(WrongMerchant, match="another client"):
        verify(form(sealed(TRANSACTION, client)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"a.b.c",
        b"transaction_response=",
        b"transaction_response=eyJ.eyJ",
        b"msg=",
        b"|",
        b"|" * 25,
        b"SMPLCSPDCL|1|2",
        b"{}",
        b"msg=a|b&msg=c|d",
        form(sealed(TRANSACTION, SETUP)) * 2,
    ],
)
def test_what_is_no_message_is_no_proof(body: bytes) -> None:
    assert ADAPTER.parse is not None
    with pytest.raises(Unverified):
        verify(body)
    with pytest.raises(Unreadable):
        ADAPTER.parse(Inbound(body, {}), SETUP)


def test_signed_nonsense_is_no_message() -> None:
    for said in ({}, {"mercid": ""}, {"mercid": 7}, {"objectid": "transaction"}):
        with pytest.raises(Unverified, match="merchant"):
            verify(form(sealed(said, SETUP)))
    for words in (["SMPLCSPDCL"], PIPE[:17], PIPE + ["NA"] * 30):
        with pytest.raises(Unverified, match="expected 18 to 40 fields"):
            verify(urlencode({"msg": piped(words, SETUP)}).encode())


def test_the_checksum_is_the_hmac_of_all_before_it() -> None:
    """The known answer of RFC 4231, case 2, in capitals as BillDesk writes it."""
    assert checksum("what do ya want for nothing?", key="Jefe") == (
        "5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843"
    )


@pytest.mark.parametrize("encryption", ENCRYPTIONS)
def test_an_encrypted_object_is_read_like_a_plain_one(encryption: str) -> None:
    secrets = {**SETUP.secrets}
    if encryption in ("A256CBC-HS512", "A128GCM"):
        size = 64 if encryption == "A256CBC-HS512" else 16
        secrets["encryption_key"] = (ENCRYPTION * 2)[:size]
    setup = replace(
        SETUP, secrets=secrets, settings={**SETUP.settings, "jwe_enc": encryption, "key_id": "k1"}
    )
    body = form(sealed(TRANSACTION, setup))

    verify(body, setup)
    plain = reading(ADAPTER, Inbound(form(sealed(TRANSACTION, SETUP)), {}), SETUP)
    assert reading(ADAPTER, Inbound(body, {}), setup) == plain


def test_encryption_is_as_agreed_or_refused() -> None:
    encrypted = form(sealed(TRANSACTION, ENCRYPTED))
    other = replace(ENCRYPTED, settings={**SETUP.settings, "jwe_enc": "A256GCM"})
    keyless = replace(ENCRYPTED, secrets={"signing_key": KEY, "encryption_key": ""})
    rekeyed = replace(ENCRYPTED, secrets={"signing_key": KEY, "encryption_key": ENCRYPTION[::-1]})
    made_up = replace(ENCRYPTED, settings={**SETUP.settings, "jwe_enc": "none"})

    for setup in (SETUP, other, keyless, rekeyed, made_up):
        with pytest.raises(Unverified):
            verify(encrypted, setup)
    with pytest.raises(Unverified):
        verify(form(sealed(TRANSACTION, SETUP)), ENCRYPTED)


def test_played_keys_fit() -> None:
    keys = make_keys()
    theirs = replace(ENCRYPTED, secrets=keys.theirs)

    verify(form(sealed(TRANSACTION, theirs)), replace(ENCRYPTED, secrets=keys.ours))


BODIES: Final = (
    (sealed(TRANSACTION, SETUP).encode(), SETUP),
    (form(sealed(TRANSACTION, SETUP)), SETUP),
    (form(sealed(TRANSACTION, ENCRYPTED)), ENCRYPTED),
    (urlencode({"msg": piped(PIPE, SETUP)}).encode(), SETUP),
    (f"msg={piped(PIPE, SETUP)}".encode(), SETUP),
)


@given(which=st.integers(0, len(BODIES) - 1), data=st.data())
def test_a_changed_byte_is_refused_or_changes_nothing(which: int, data: st.DataObject) -> None:
    body, setup = BODIES[which]
    changed = bytearray(body)
    changed[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    tampered = bytes(changed)

    try:
        verify(tampered, setup)
    except Unverified:
        return
    assert reading(ADAPTER, Inbound(tampered, {}), setup) == reading(
        ADAPTER, Inbound(body, {}), setup
    )


@given(data=st.data())
def test_any_signed_value_in_any_place_is_read_or_refused(data: st.DataObject) -> None:
    body = form(sealed(changed(TRANSACTION, data), SETUP))

    try:
        verify(body)
    except Unverified:
        return
    assert reading(ADAPTER, Inbound(body, {}), SETUP) is not None


@given(cut=st.integers(0, 60))
def test_no_part_of_a_pipe_message_is_believed(cut: int) -> None:
    message = piped(PIPE, SETUP)
    for piece in (message[cut + 1 :], message[: -cut - 1]):
        with pytest.raises(Unverified):
            verify(urlencode({"msg": piece}).encode())
