"""PhonePe's API in both protocols: our calls, its documented answers, and the round trip."""

import hashlib
import json
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.adapters.phonepe import ADAPTER
from channels_.adapters.phonepe.simulate import MERCHANT, SIMULATION
from channels_.contract import (
    TOKEN,
    Declined,
    Exchange,
    Method,
    Order,
    Outcome,
    RefundAsk,
    Setup,
    StatusAsk,
    Wire,
)
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import Paise
from tests.channels_.gateway_fuzz import changed, is_understood
from tests.channels_.gateway_world import (
    NOON,
    PAYMENT,
    REFERENCE,
    REFUND,
    REFUND_REFERENCE,
    SmallWorld,
    asked,
    world,
)

SALT: Final = "sample-salt-key"
V1: Final = Setup(
    merchant_id=MERCHANT,
    secrets={"callback_key": SALT, "api_key": SALT},
    settings={"version": "v1", "salt_index": "2", "callback_url": "https://us.invalid/in/phonepe/"},
    api_url="https://phonepe.invalid/apis",
    at=NOON,
)
V2: Final = Setup(
    merchant_id=MERCHANT,
    secrets={"callback_key": "user:password1", "api_key": "client secret", TOKEN: "sample-token"},
    settings={"client_id": "CSPDCL_01"},
    api_url="https://phonepe.invalid/apis",
    at=NOON,
)
ORDER: Final = Order(
    reference=REFERENCE,
    amount_paise=Paise(246350),
    consumer_number="100012345678",
    bill_number="B26080012345",
    mobile="9000000000",
    return_url="https://us.invalid/back",
    notify_url="https://us.invalid/in/phonepe/",
    expires_at=NOON + timedelta(minutes=15),
)
STATUS: Final = StatusAsk(reference=REFERENCE, amount_paise=Paise(246350))
BACK: Final = RefundAsk(
    reference=REFUND_REFERENCE,
    amount_paise=Paise(46350),
    payment_reference=REFERENCE,
    channel_ref=PAYMENT.channel_ref,
    order_ref=REFERENCE,
    paid_paise=Paise(246350),
)


def wire(document: Any, status: int = 200) -> Wire:
    return Wire(json.dumps(document).encode(), status)


def read(exchange: Exchange[Any, Any] | None, answer: Wire, setup: Setup, about: Any) -> Any:
    assert exchange is not None
    return exchange.read(answer, setup, about)


def test_a_v1_call_signs_its_text_and_its_path() -> None:
    assert ADAPTER.order is not None
    call = ADAPTER.order.call(ORDER, V1)
    text = json.loads(call.body)["request"]
    sent = json.loads(b64decode(text))

    assert call.url == "https://phonepe.invalid/apis/pg/v1/pay"
    expected = hashlib.sha256(f"{text}/pg/v1/pay{SALT}".encode()).hexdigest()
    assert call.headers["X-VERIFY"] == f"{expected}###2"
    assert sent["merchantTransactionId"] == REFERENCE
    assert sent["amount"] == 246350
    assert sent["callbackUrl"] == "https://us.invalid/in/phonepe/"


def test_a_v1_status_call_signs_its_path() -> None:
    assert ADAPTER.status is not None
    call = ADAPTER.status.call(STATUS, V1)
    path = f"/pg/v1/status/{MERCHANT}/{REFERENCE}"

    assert (call.method, call.url) == ("GET", f"https://phonepe.invalid/apis{path}")
    assert call.headers["X-MERCHANT-ID"] == MERCHANT
    expected = hashlib.sha256(f"{path}{SALT}".encode()).hexdigest()
    assert call.headers["X-VERIFY"] == f"{expected}###2"


def test_a_v2_order_carries_whom_it_is_for_and_how_long_it_lives() -> None:
    assert ADAPTER.order is not None
    call = ADAPTER.order.call(ORDER, V2)
    sent = json.loads(call.body)

    assert call.url == "https://phonepe.invalid/apis/checkout/v2/pay"
    assert call.headers["Authorization"] == "O-Bearer sample-token"
    assert sent["metaInfo"] == {"udf1": "100012345678", "udf2": "B26080012345"}
    assert (sent["merchantOrderId"], sent["amount"], sent["expireAfter"]) == (
        REFERENCE,
        246350,
        900,
    )


@pytest.mark.parametrize(("minutes", "seconds"), [(1, 300), (600, 3600)])
def test_an_order_lives_as_long_as_phonepe_allows(minutes: int, seconds: int) -> None:
    assert ADAPTER.order is not None
    order = replace(ORDER, expires_at=NOON + timedelta(minutes=minutes))

    assert json.loads(ADAPTER.order.call(order, V2).body)["expireAfter"] == seconds


def test_a_token_is_asked_for_with_the_client_and_its_secret() -> None:
    assert ADAPTER.token is not None
    call = ADAPTER.token.call(None, V2)

    assert call.url == "https://phonepe.invalid/apis/v1/oauth/token"
    assert call.body == (
        b"client_id=CSPDCL_01&client_version=1&client_secret=client+secret"
        b"&grant_type=client_credentials"
    )
    settings = {"token_url": "https://phonepe.invalid/identity/v1/oauth/token"}
    elsewhere = ADAPTER.token.call(None, replace(V2, settings=settings))
    assert elsewhere.url == "https://phonepe.invalid/identity/v1/oauth/token"


def test_a_token_is_read_with_its_end() -> None:
    answer = wire(
        {
            "access_token": "eyJ.sample",
            "encrypted_access_token": "eyJ.sample",
            "expires_in": 3600,
            "issued_at": 1787033400,
            "expires_at": 1787037000,
            "session_expires_at": 1787037000,
            "token_type": "O-Bearer",
        }
    )
    token = read(ADAPTER.token, answer, V2, None)

    assert token.value == "eyJ.sample"
    assert token.expires_at == datetime(2026, 8, 18, 7, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "answer",
    [
        wire({"code": "AUTHORIZATION_FAILED"}, 401),
        wire({"access_token": "", "expires_at": 1787037000}),
        wire({"access_token": "x", "expires_at": "soon"}),
        Wire(b"<html>", 502),
    ],
)
def test_what_is_no_token_is_not_understood(answer: Wire) -> None:
    with pytest.raises(Malformed):
        read(ADAPTER.token, answer, V2, None)


def test_a_v1_order_leads_to_the_pay_page() -> None:
    answer = wire(
        {
            "success": True,
            "code": "PAYMENT_INITIATED",
            "message": "Payment Initiated",
            "data": {
                "merchantId": MERCHANT,
                "merchantTransactionId": REFERENCE,
                "instrumentResponse": {
                    "type": "PAY_PAGE",
                    "redirectInfo": {"url": "https://mercury.invalid/transact?token=x"},
                },
            },
        }
    )
    ordered = read(ADAPTER.order, answer, V1, ORDER)

    assert (ordered.order_ref, ordered.pay_url) == (
        REFERENCE,
        "https://mercury.invalid/transact?token=x",
    )


def test_a_v2_order_leads_to_the_pay_page() -> None:
    answer = wire(
        {
            "orderId": "OMO123456789",
            "state": "PENDING",
            "expireAt": 1787034300000,
            "redirectUrl": "https://mercury.invalid/transact?token=x",
        }
    )

    assert read(ADAPTER.order, answer, V2, ORDER).pay_url.startswith("https://mercury.invalid/")


@pytest.mark.parametrize("setup", [V1, V2], ids=["v1", "v2"])
@pytest.mark.parametrize(
    "answer",
    [
        wire({"success": False, "code": "INTERNAL_SERVER_ERROR"}, 500),
        wire({"success": False, "code": "BAD_REQUEST", "message": "used before?"}, 400),
        wire({"success": True, "code": "PAYMENT_INITIATED"}),
        wire({"orderId": "OMO1", "state": "PENDING", "redirectUrl": "javascript:alert(1)"}),
        Wire(b"<html>Bad Gateway</html>"),
        Wire(b""),
    ],
)
def test_an_unclear_answer_to_an_order_stays_unclear(answer: Wire, setup: Setup) -> None:
    with pytest.raises(Malformed):
        read(ADAPTER.order, answer, setup, ORDER)


@pytest.mark.parametrize("setup", [V1, V2], ids=["v1", "v2"])
def test_who_is_not_let_in_is_declined(setup: Setup) -> None:
    for exchange, about in ((ADAPTER.order, ORDER), (ADAPTER.refund, BACK)):
        with pytest.raises(Declined, match="AUTHORIZATION_FAILED"):
            read(exchange, wire({"code": "AUTHORIZATION_FAILED"}, 401), setup, about)


V1_PAID: Final = {
    "success": True,
    "code": "PAYMENT_SUCCESS",
    "message": "Your payment is successful.",
    "data": {
        "merchantId": MERCHANT,
        "merchantTransactionId": REFERENCE,
        "transactionId": "T2203091323362627236127",
        "amount": 246350,
        "state": "COMPLETED",
        "responseCode": "PAYMENT_SUCCESS",
        "paymentInstrument": {"type": "UPI", "vpa": None, "utr": "206850679072"},
    },
}
V2_PAID: Final = {
    "orderId": "OMO2608181139001234567890",
    "state": "COMPLETED",
    "amount": 246350,
    "expireAt": 1787034300000,
    "metaInfo": {"udf1": "100012345678", "udf2": "", "udf3": "", "udf4": "", "udf5": ""},
    "paymentDetails": [
        {
            "paymentMode": "UPI_QR",
            "transactionId": "OM12334",
            "timestamp": 1787033400000,
            "amount": 246350,
            "state": "COMPLETED",
            "rail": {"type": "UPI", "upiTransactionId": "upi12313", "vpa": "abcd@ybl"},
            "instrument": {"type": "ACCOUNT", "accountNumber": "121212121212"},
        }
    ],
}


def test_a_paid_v1_transaction_is_read_as_the_callback_tells_it() -> None:
    (notice,) = read(ADAPTER.status, wire(V1_PAID), V1, STATUS)

    assert (notice.outcome, notice.channel_ref) == (Outcome.SUCCEEDED, "T2203091323362627236127")
    assert (notice.reference, notice.amount_paise, notice.rrn) == (
        REFERENCE,
        246350,
        "206850679072",
    )


def test_a_paid_v2_order_is_read_as_the_event_tells_it() -> None:
    (notice,) = read(ADAPTER.status, wire(V2_PAID), V2, STATUS)

    assert (notice.outcome, notice.channel_ref) == (Outcome.SUCCEEDED, "OM12334")
    assert (notice.reference, notice.order_ref) == (REFERENCE, REFERENCE)
    assert (notice.method, notice.payer) == (Method.UPI, "abcd@ybl")
    assert notice.consumer_number == "100012345678"
    assert not notice.confirm


def test_an_order_that_nobody_tried_to_pay_is_pending() -> None:
    body = {"orderId": "OMO1", "state": "CREATED", "amount": 246350, "expireAt": 1787034300000}
    (notice,) = read(ADAPTER.status, wire(body), V2, STATUS)

    assert notice.outcome is Outcome.PENDING


@pytest.mark.parametrize(
    ("setup", "answer"),
    [
        (V1, wire({"success": False, "code": "TRANSACTION_NOT_FOUND"})),
        (V1, wire({"success": False, "code": "TRANSACTION_NOT_FOUND"}, 404)),
        (V2, wire({"code": "INVALID_MERCHANT_ORDER_ID", "message": "No entry found"}, 400)),
    ],
)
def test_an_order_that_is_not_known_there_is_no_news(setup: Setup, answer: Wire) -> None:
    assert read(ADAPTER.status, answer, setup, STATUS) == []


@pytest.mark.parametrize(
    ("setup", "answer"),
    [
        (V1, wire({"success": False, "code": "INTERNAL_SERVER_ERROR", "message": "try again"})),
        (V1, wire(V1_PAID, 503)),
        (V1, wire({**V1_PAID, "success": False})),
        (V1, wire({**V1_PAID, "data": {**V1_PAID["data"], "merchantTransactionId": "M2"}})),  # type: ignore[dict-item]
        (V2, wire({**V2_PAID, "merchantOrderId": "another"})),
        (V2, wire({**V2_PAID, "amount": 2463.5})),
        (V2, wire({**V2_PAID, "state": ""})),
        (V2, wire({"code": "AUTHORIZATION_FAILED"}, 401)),
        (V2, wire([])),
    ],
)
def test_a_status_that_is_not_understood_says_nothing(setup: Setup, answer: Wire) -> None:
    with pytest.raises(Malformed):
        read(ADAPTER.status, answer, setup, STATUS)


def test_a_v1_refund_is_marked_as_one_in_its_own_id() -> None:
    assert ADAPTER.refund is not None
    sent = json.loads(b64decode(json.loads(ADAPTER.refund.call(BACK, V1).body)["request"]))

    assert sent == {
        "merchantId": MERCHANT,
        "originalTransactionId": REFERENCE,
        "merchantTransactionId": f"R_{REFUND_REFERENCE}",
        "amount": 46350,
        "callbackUrl": "https://us.invalid/in/phonepe/",
    }


V1_BACK: Final = {
    "success": True,
    "code": "PAYMENT_PENDING",
    "message": "Your request has been successfully completed.",
    "data": {
        "merchantId": MERCHANT,
        "merchantTransactionId": f"R_{REFUND_REFERENCE}",
        "transactionId": "TR620471739210623",
        "amount": 46350,
        "state": "PENDING",
        "responseCode": "PAYMENT_PENDING",
    },
}
V2_BACK: Final = {"refundId": "OMR7878098045517540996", "amount": 46350, "state": "PENDING"}


@pytest.mark.parametrize(
    ("setup", "answer", "ref"),
    [(V1, V1_BACK, "TR620471739210623"), (V2, V2_BACK, "OMR7878098045517540996")],
    ids=["v1", "v2"],
)
def test_a_refund_that_was_raised_is_under_way(
    setup: Setup, answer: dict[str, Any], ref: str
) -> None:
    notice = read(ADAPTER.refund, wire(answer), setup, BACK)

    assert (notice.outcome, notice.refund_ref) == (Outcome.PENDING, ref)
    assert (notice.channel_ref, notice.reference) == (PAYMENT.channel_ref, REFUND_REFERENCE)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("COMPLETED", Outcome.SUCCEEDED),
        ("FAILED", Outcome.FAILED),
        ("CONFIRMED", Outcome.PENDING),
        ("SOMETHING_NEW", Outcome.PENDING),
    ],
)
def test_what_became_of_a_v2_refund(state: str, outcome: Outcome) -> None:
    answer = wire(
        {
            "merchantId": MERCHANT,
            "merchantRefundId": REFUND_REFERENCE,
            "originalMerchantOrderId": REFERENCE,
            "amount": 46350,
            "state": state,
            "paymentDetails": [],
        }
    )
    known = replace(BACK, refund_ref="OMR1")
    notice = read(ADAPTER.refund_status, answer, V2, known)

    assert (notice.outcome, notice.refund_ref) == (outcome, "OMR1")


@pytest.mark.parametrize(
    ("setup", "answer"),
    [
        (V1, {**V1_BACK, "data": {**V1_BACK["data"], "amount": 46351}}),  # type: ignore[dict-item]
        (V1, {**V1_BACK, "data": {**V1_BACK["data"], "merchantTransactionId": "R_x"}}),  # type: ignore[dict-item]
        (V2, {**V2_BACK, "amount": 463}),
        (V2, {**V2_BACK, "merchantRefundId": "another"}),
        (V2, {"refundId": "OMR1", "amount": 46350}),
    ],
)
def test_an_answer_about_another_refund_is_not_believed(
    setup: Setup, answer: dict[str, Any]
) -> None:
    for exchange in (ADAPTER.refund, ADAPTER.refund_status):
        with pytest.raises(Malformed):
            read(exchange, wire(answer), setup, BACK)


def ask(exchange: Exchange[Any, Any] | None, about: Any, books: SmallWorld, setup: Setup) -> Any:
    return asked(exchange, about, simulation=SIMULATION, books=books, setup=setup)


def logged_in(setup: Setup) -> Setup:
    """The setup with a token of the simulated partner."""
    token = ask(ADAPTER.token, None, world(), setup)
    assert token.expires_at > setup.at
    return replace(setup, secrets={**setup.secrets, TOKEN: token.value})


@pytest.mark.parametrize("setup", [V1, logged_in(V2)], ids=["v1", "v2"])
def test_the_whole_way_of_a_payment_and_its_refund(setup: Setup) -> None:
    books = world()

    assert ask(ADAPTER.order, ORDER, books, setup).pay_url.startswith("https://pay.invalid/")
    assert books.begun == {REFERENCE: (246350, "100012345678")}
    (paid,) = ask(ADAPTER.status, STATUS, books, setup)
    assert (paid.outcome, paid.channel_ref) == (Outcome.SUCCEEDED, PAYMENT.channel_ref)
    assert paid.rrn == PAYMENT.rrn
    with pytest.raises(Declined):
        ask(ADAPTER.refund_status, BACK, books, setup)
    assert ask(ADAPTER.refund, BACK, books, setup).outcome is Outcome.PENDING
    done = ask(ADAPTER.refund_status, BACK, books, setup)
    assert (done.outcome, done.refund_ref) == (Outcome.SUCCEEDED, REFUND.channel_ref)
    too_much = replace(BACK, reference="26H19-MORE", amount_paise=Paise(246350))
    with pytest.raises(Declined):
        ask(ADAPTER.refund, too_much, books, setup)


@pytest.mark.parametrize("setup", [V1, logged_in(V2)], ids=["v1", "v2"])
@pytest.mark.parametrize("outcome", [Outcome.PENDING, Outcome.FAILED])
def test_other_ends_of_a_payment(outcome: Outcome, setup: Setup) -> None:
    (notice,) = ask(ADAPTER.status, STATUS, world(outcome), setup)

    assert notice.outcome is outcome
    assert ask(ADAPTER.status, STATUS, SmallWorld(), setup) == []


def test_an_old_token_is_a_definite_no() -> None:
    with pytest.raises(Declined, match="AUTHORIZATION_FAILED"):
        ask(ADAPTER.refund, BACK, world(), V2)


V1_BEGUN: Final = {
    "success": True,
    "code": "PAYMENT_INITIATED",
    "data": {"instrumentResponse": {"redirectInfo": {"url": "https://mercury.invalid/x"}}},
}
V2_BEGUN: Final = {"orderId": "OMO1", "state": "PENDING", "redirectUrl": "https://mercury.invalid/"}


@pytest.mark.parametrize(
    ("exchange", "about", "document", "setup"),
    [
        (ADAPTER.order, ORDER, V1_BEGUN, V1),
        (ADAPTER.status, STATUS, V1_PAID, V1),
        (ADAPTER.refund, BACK, V1_BACK, V1),
        (ADAPTER.refund_status, BACK, V1_BACK, V1),
        (ADAPTER.token, None, {"access_token": "x", "expires_at": 1787037000}, V2),
        (ADAPTER.order, ORDER, V2_BEGUN, V2),
        (ADAPTER.status, STATUS, V2_PAID, V2),
        (ADAPTER.refund, BACK, V2_BACK, V2),
        (ADAPTER.refund_status, BACK, V2_BACK, V2),
    ],
)
@given(data=st.data())
def test_any_value_in_an_answer_is_read_or_refused(
    exchange: Exchange[Any, Any] | None,
    about: Any,
    document: Any,
    setup: Setup,
    data: st.DataObject,
) -> None:
    assert is_understood(exchange, about, document=document, status=200, setup=setup)
    status = data.draw(st.sampled_from([200, 200, 200, 400, 404, 500]))

    is_understood(exchange, about, document=changed(document, data), status=status, setup=setup)
