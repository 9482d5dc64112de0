"""PayU's published hashes, byte for byte, and what a single changed byte does to them."""

from pathlib import Path
from typing import Final
from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.adapters.payu import ADAPTER
from channels_.adapters.payu.calls import request_hash
from channels_.adapters.payu.fields import fields_of
from channels_.adapters.payu.notices import REVERSED
from channels_.contract import Inbound, Setup
from cspdcl.kernel.errors import Unverified
from tests.channels_.reading import reading

PUBLISHED: Final = (
    Path(__file__).parents[1] / "corpora/activemerchant__offsite_payments/payu_success.form.txt"
).read_bytes()
HEADERS: Final = {"content-type": "application/x-www-form-urlencoded"}
SETUP: Final = Setup(merchant_id="merchant_id", secrets={"salt": "secret"})
# github.com/activemerchant/offsite_payments, test/unit/integrations/payu_in/payu_in_helper_test.rb
REQUEST: Final = {
    "key": "merchant_id",
    "txnid": "order_id",
    "amount": "10.00",
    "productinfo": "Product Info",
    "firstname": "Payu-Admin",
    "email": "test@example.com",
    "udf1": "var_one",
    "udf2": "var_two",
    "udf3": "var_three",
    "udf4": "var_four",
    "udf5": "var_five",
    "udf6": "var_six",
    "udf7": "var_seven",
    "udf8": "var_eight",
    "udf9": "var_nine",
    "udf10": "var_ten",
}
REQUEST_HASH: Final = (
    "7ebecac4171d4c7e3416f46abc18ce3f3b3c33fd489ed5563fb65d511f17a3ba"
    "ef2c55a3df665ef96f5da441be9c727aaa1a8c265a86a884204cbfc50c4e056c"
)
SIGNED: Final = ("key", "txnid", *REVERSED)


def is_believed(body: bytes, setup: Setup = SETUP) -> bool:
    assert ADAPTER.verify is not None
    try:
        ADAPTER.verify(Inbound(body, HEADERS), setup)
    except Unverified:
        return False
    return True


def test_published_response_is_believed_and_read() -> None:
    assert is_believed(PUBLISHED)
    (notice,) = reading(ADAPTER, Inbound(PUBLISHED, HEADERS), SETUP)
    assert notice["channel_ref"] == "403993715508030204"
    assert notice["reference"] == "4ba4afe87f7e73468f2a"
    assert notice["amount_paise"] == 1000
    assert notice["occurred_at"] == "2013-05-10T18:32:30+05:30"
    assert (notice["method"], notice["payer"]) == ("card", "2346")


def test_hundredfold_amount_is_refused() -> None:
    assert not is_believed(PUBLISHED.replace(b"amount=10.00", b"amount=1000.00"))


@pytest.mark.parametrize("salt", ["", "Secret", "secret "])
def test_another_salt_believes_nothing(salt: str) -> None:
    assert not is_believed(PUBLISHED, Setup(merchant_id="merchant_id", secrets={"salt": salt}))


def test_published_request_has_its_hash() -> None:
    assert request_hash(REQUEST, salt="secret_key") == REQUEST_HASH


@given(place=st.integers(0, len(PUBLISHED) - 1), other=st.integers(1, 255))
def test_a_changed_byte_leaves_every_signed_field_as_it_was(place: int, other: int) -> None:
    body = bytearray(PUBLISHED)
    body[place] ^= other
    tampered = bytes(body)

    if is_believed(tampered):
        before = fields_of(Inbound(PUBLISHED, HEADERS))
        after = fields_of(Inbound(tampered, HEADERS))
        assert [after.get(name, "") for name in SIGNED] == [
            before.get(name, "") for name in SIGNED
        ], unquote_plus(tampered.decode())
