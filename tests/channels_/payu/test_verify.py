"""Who is not PayU, although it looks like it: every trick with the fields of the hash."""

import hashlib
import json
import time
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.adapters.payu import ADAPTER
from channels_.adapters.payu.fields import fields_of
from channels_.adapters.payu.notices import reverse_hash
from channels_.contract import Inbound, Setup, Unreadable, WrongMerchant
from cspdcl.kernel.errors import Unverified

HERE: Final = Path(__file__).parent
SALT: Final = json.loads((HERE / "secrets.json").read_text())["salt"]
SETUP: Final = Setup(merchant_id="SmplKy", secrets={"salt": SALT})
FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
FIELDS: Final = dict(parse_qsl((HERE / "success_upi.body").read_text(), keep_blank_values=True))


def verify(fields: dict[str, str] | bytes, setup: Setup = SETUP) -> None:
    assert ADAPTER.verify is not None
    body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    ADAPTER.verify(Inbound(body, FORM), setup)


def signed(fields: dict[str, str]) -> dict[str, str]:
    return {**fields, "hash": reverse_hash(fields, salt=SALT)}


def test_the_sample_is_believed_in_capitals_too() -> None:
    verify({**FIELDS, "hash": FIELDS["hash"].upper()})


def test_signed_for_another_merchant_is_told_apart() -> None:
    with pytest.raises(WrongMerchant, match="meant for the key Other1"):
        verify(signed({**FIELDS, "key": "Other1"}))


@pytest.mark.parametrize("body", [b"", b"hash=", b"{}", b"key=SmplKy&hash=abc", b"\xff\xfe"])
def test_without_fields_there_is_no_proof(body: bytes) -> None:
    with pytest.raises(Unverified):
        verify(body)


@pytest.mark.parametrize("name", ["key", "txnid", "status", "amount", "hash"])
@pytest.mark.parametrize("is_absent", [True, False])
def test_a_missing_or_empty_field_is_refused(name: str, is_absent: bool) -> None:
    fields = {key: value for key, value in FIELDS.items() if key != name}

    with pytest.raises(Unverified):
        verify(fields if is_absent else {**fields, name: ""})


def test_a_field_that_comes_twice_is_refused() -> None:
    body = urlencode(FIELDS).encode()

    for again in (b"&amount=1.00", b"&amount=2463.50", b"&mihpayid=1234567"):
        with pytest.raises(Unverified, match="once"):
            verify(body + again)


def test_moved_separators_are_refused() -> None:
    """Two sets of fields with one hash: the separator must not stand inside a field."""
    moved = {
        **FIELDS,
        "firstname": f"{FIELDS['firstname']}|{FIELDS['productinfo']}",
        "email": "",
        "productinfo": FIELDS["amount"],
    }

    with pytest.raises(Unverified, match="separator"):
        verify(signed(moved))


def test_bytes_behind_the_key_are_refused() -> None:
    """What a length extension of SHA-512 could append is no key, whoever is configured."""
    fields = {**FIELDS, "key": "SmplKy\x80\x00appended"}
    anybody = Setup(secrets={"salt": SALT})

    with pytest.raises(Unverified):
        verify({**fields, "hash": hashlib.sha512(b"anything").hexdigest()}, anybody)


def test_the_surcharge_is_signed_when_it_is_told() -> None:
    surcharged = signed({**FIELDS, "additionalCharges": "28.40"})

    verify(surcharged)
    for other in ("0.00", "28.41"):
        with pytest.raises(Unverified, match="does not match"):
            verify({**surcharged, "additionalCharges": other})
    with pytest.raises(Unverified, match="does not match"):
        verify({**FIELDS, "additionalCharges": "28.40"})


def test_refund_callback_without_a_hash_is_refused() -> None:
    """As documented it carries no proof at all; we ask check_action_status instead."""
    callback = {
        "bank_arn": 308239782136,
        "bank_ref_num": "308239782136",
        "key": "SmplKy",
        "amt": "149.00",
        "status": "success",
        "token": "26H18-3RZ7K2MQ-4TX",
        "mihpayid": "17025521702",
        "request_id": "11865427756",
        "action": "refund",
    }

    with pytest.raises(Unverified):
        verify(json.dumps(callback).encode())


def test_a_number_of_a_gigabyte_is_refused_before_it_is_written_out() -> None:
    body = json.dumps(FIELDS).encode().replace(b'"2463.50"', b"1e999999999")

    assert b"1e999999999" in body
    with pytest.raises(Unverified, match="too many digits"):
        verify(body)


def in_parts(*parts: bytes, end: bytes = b"--b--\r\n") -> Inbound:
    body = b"".join(b"--b\r\n" + part for part in parts) + end
    return Inbound(body, {"content-type": "multipart/form-data; boundary=b"})


def plain(name: str, value: str) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def test_a_form_in_parts_is_believed_by_its_hash() -> None:
    message = in_parts(*(plain(name, value) for name, value in FIELDS.items()))

    assert ADAPTER.verify is not None
    ADAPTER.verify(message, SETUP)
    assert fields_of(message) == FIELDS


NAMED: Final = b'Content-Disposition: form-data; name="a"\r\n'
NESTED: Final = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth)
    for depth in range(900)
)


@pytest.mark.parametrize(
    "part",
    [
        NESTED + b"\r\n" * 90_000,
        b"Content-Disposition: form-data; " + b'name*0="a";' * 20_000 + b"\r\n\r\nx\r\n",
        b"Content-Disposition: form-data; name=" + b"((" * 60_000 + b"\r\n\r\nx\r\n",
        b'Content-Disposition: form-data; name="a"; filename="a.txt"\r\n\r\nx\r\n',
        NAMED + b"X-Other: 1\r\n\r\nx\r\n",
        NAMED + b'Content-Disposition: form-data; name="b"\r\n\r\nx\r\n',
        NAMED + b"Content-Transfer-Encoding: base64\r\n\r\neA==\r\n",
        NAMED + b"\r\n\xff\r\n",
        b"\r\nx\r\n",
        b"",
    ],
    ids=range(10),
)
def test_no_other_parts_are_read_and_none_takes_its_time(part: bytes) -> None:
    """Whoever has no salt may send this: a general reader of MIME took 40 seconds, or crashed."""
    began = time.process_time()
    with pytest.raises(Unreadable):
        fields_of(in_parts(part))

    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("end", [b"", b"--b", b"--b--x", b"--b--\r\n--b--\r\n"])
def test_parts_that_do_not_end_are_refused(end: bytes) -> None:
    with pytest.raises(Unreadable):
        fields_of(in_parts(plain("status", "success"), end=end))


@given(given_hash=st.text(max_size=140))
def test_no_invented_hash_is_believed(given_hash: str) -> None:
    with pytest.raises(Unverified):
        verify({**FIELDS, "hash": given_hash})


@given(name=st.sampled_from(["amount", "txnid", "status", "udf1", "udf2"]), value=st.text())
def test_no_signed_field_can_be_changed(name: str, value: str) -> None:
    if value == FIELDS[name]:
        return

    with pytest.raises(Unverified):
        verify({**FIELDS, name: value})
