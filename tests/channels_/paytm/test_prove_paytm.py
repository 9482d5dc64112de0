"""Who may speak as Paytm: the checksum, the agreed fields of a form, the merchant."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_ import form_strict
from channels_.adapters.paytm import ADAPTER, checksum
from channels_.contract import Inbound, Setup, WrongMerchant
from cspdcl.kernel.errors import Unverified
from tests.channels_.test_read_notices import inbound_of, setup_of

HERE: Final = Path(__file__).parent
FORM: Final = HERE / "form_success.body"
JSON: Final = HERE / "payment_success_upi.body"


def verify(inbound: Inbound, setup: Setup) -> None:
    assert ADAPTER.verify is not None
    ADAPTER.verify(inbound, setup)


def form(fields: dict[str, str], *, key: str = "golden-merchant1") -> bytes:
    signed = checksum.make(checksum.text_of_form(fields), key=key, salt="AAAA")
    return urlencode({**fields, "CHECKSUMHASH": signed}).encode()


def fields_of(path: Path) -> dict[str, str]:
    found = dict(form_strict.loads(path.read_bytes()))
    del found["CHECKSUMHASH"]
    return found


@given(text=st.text(max_size=60), salt=st.text("abcXYZ019", min_size=4, max_size=4))
def test_a_checksum_opens_for_its_own_text_only(text: str, salt: str) -> None:
    made = checksum.make(text, key="0123456789abcdef", salt=salt)

    checksum.check(text, checksum=made, key="0123456789abcdef")
    for other, key in ((text + " ", "0123456789abcdef"), (text, "0123456789abcdeg")):
        with pytest.raises(Unverified):
            checksum.check(other, checksum=made, key=key)


@pytest.mark.parametrize("given_", ["", "=", "AAAA", "A" * 108, "ä", " "])
def test_what_is_no_checksum_proves_nothing(given_: str) -> None:
    with pytest.raises(Unverified):
        checksum.check("text", checksum=given_, key="0123456789abcdef")


@pytest.mark.parametrize("key", ["", "short", "k" * 17])
def test_a_key_of_another_length_proves_nothing(key: str) -> None:
    setup = setup_of(JSON)
    with pytest.raises(Unverified):
        verify(inbound_of(JSON), replace(setup, secrets={"merchant_key": key}))


@pytest.mark.parametrize("sent", [FORM, JSON], ids=["form", "json"])
def test_no_key_proves_nothing(sent: Path) -> None:
    with pytest.raises(Unverified):
        verify(inbound_of(sent), replace(setup_of(sent), secrets={}))


@pytest.mark.parametrize("sent", [FORM, JSON], ids=["form", "json"])
def test_what_is_meant_for_another_merchant_is_refused(sent: Path) -> None:
    with pytest.raises(WrongMerchant):
        verify(inbound_of(sent), replace(setup_of(sent), merchant_id="CSPDCL00000000000002"))


def test_a_signed_value_cannot_move_under_another_name() -> None:
    """Only values are signed, in the order of their names: a new name could reorder nothing."""
    fields = fields_of(FORM)
    setup = setup_of(FORM)
    amount = fields.pop("TXNAMOUNT")
    renamed = {**fields, "TXNAMOUNS": amount, "CHECKSUMHASH": _given(FORM)}

    with pytest.raises(Unverified):
        verify(Inbound(urlencode(renamed).encode(), {}), setup)


def test_a_new_field_must_be_agreed_on() -> None:
    setup = setup_of(FORM)
    body = form({**fields_of(FORM), "NEW_FIELD": "value"})

    with pytest.raises(Unverified, match="NEW_FIELD"):
        verify(Inbound(body, {}), setup)
    agreed = {**setup.settings, "form_fields": ["NEW_FIELD"]}
    verify(Inbound(body, {}), replace(setup, settings=agreed))


def test_the_same_field_twice_is_refused() -> None:
    with pytest.raises(Unverified):
        verify(Inbound(FORM.read_bytes() + b"&STATUS=TXN_SUCCESS", {}), setup_of(FORM))


def test_the_same_name_twice_in_json_is_refused() -> None:
    body = JSON.read_bytes().replace(b'"body":', b'"body":{},"body":', 1)
    with pytest.raises(Unverified):
        verify(Inbound(body, {}), setup_of(JSON))


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"head":{},"body":{}}', b'{"head":{"signature":1},"body":{}}', b"\xff"]
)
def test_a_body_without_a_signature_is_refused(body: bytes) -> None:
    with pytest.raises(Unverified):
        verify(Inbound(body, {}), setup_of(JSON))


def test_members_are_found_as_they_were_sent() -> None:
    document = '{ "a" : [1, {"body": 2}] ,\n"body"\t: {"x" : "}\\"" } , "z": null}'

    assert checksum.member(document, "body") == '{"x" : "}\\"" }'
    assert json.loads(checksum.member(document, "a")) == [1, {"body": 2}]
    assert checksum.member(document, "nothing") == ""
    assert checksum.member("{}", "body") == ""


def _given(path: Path) -> Any:
    return form_strict.loads(path.read_bytes())["CHECKSUMHASH"]
