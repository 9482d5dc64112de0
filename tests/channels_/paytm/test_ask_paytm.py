"""Paytm's API: our calls as documented, its literal answers, and the round trip."""

import json
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.adapters.paytm import ADAPTER, checksum
from channels_.adapters.paytm.simulate import MERCHANT, SIMULATION
from channels_.contract import (
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
    PAYMENT,
    REFERENCE,
    REFUND,
    REFUND_REFERENCE,
    SmallWorld,
    asked,
    world,
)

KEY: Final = "sample-merchant1"
SETUP: Final = Setup(
    merchant_id=MERCHANT,
    secrets={"merchant_key": KEY},
    api_url="https://paytm.invalid",
    nonce="0123456789abcdef" * 2,
)
ORDER: Final = Order(
    reference=REFERENCE,
    amount_paise=Paise(246350),
    consumer_number="100012345678",
    bill_number="B26080012345",
    mobile="9000000000",
    email="void@example.com",
    return_url="https://pay.invalid/back",
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
PAID: Final = {
    "resultInfo": {
        "resultStatus": "TXN_SUCCESS",
        "resultCode": "01",
        "resultMsg": "Txn Success",
    },
    "txnId": "20260818111212800110168470101509706",
    "bankTxnId": "623011223344",
    "orderId": REFERENCE,
    "txnAmount": "2463.50",
    "txnType": "SALE",
    "gatewayName": "PPBLC",
    "bankName": "PPBL",
    "mid": MERCHANT,
    "paymentMode": "UPI",
    "refundAmt": "0.00",
    "txnDate": "2026-08-18 12:00:40.0",
}


def answered(body: dict[str, Any], *, status: int = 200, key: str = "") -> Wire:
    """An answer as documented, signed when a key is given."""
    text = json.dumps(body)
    head: dict[str, str] = {"responseTimestamp": "1787036440000", "version": "v1"}
    if key:
        head["signature"] = checksum.make(text, key=key, salt="Ab12")
    return Wire(f'{{"head": {json.dumps(head)}, "body": {text}}}'.encode(), status)


def result(status: str, code: str) -> dict[str, Any]:
    return {"resultInfo": {"resultStatus": status, "resultCode": code, "resultMsg": "as it is"}}


def read(exchange: Exchange[Any, Any] | None, wire: Wire, about: Any) -> Any:
    assert exchange is not None
    return exchange.read(wire, SETUP, about)


def test_a_call_signs_exactly_the_body_that_it_sends() -> None:
    assert ADAPTER.status is not None
    call = ADAPTER.status.call(STATUS, SETUP)
    sent = json.loads(call.body)

    assert call.url == "https://paytm.invalid/v3/order/status"
    assert sent["body"] == {"mid": MERCHANT, "orderId": REFERENCE}
    signed = checksum.member(call.body.decode(), "body")
    assert signed == f'{{"mid":"{MERCHANT}","orderId":"{REFERENCE}"}}'
    checksum.check(signed, checksum=sent["head"]["signature"], key=KEY)


def test_an_order_carries_rupees_and_whom_the_money_is_for() -> None:
    assert ADAPTER.order is not None
    call = ADAPTER.order.call(ORDER, SETUP)
    body = json.loads(call.body)["body"]

    assert call.url == (
        f"https://paytm.invalid/theia/api/v1/initiateTransaction?mid={MERCHANT}&orderId={REFERENCE}"
    )
    assert body["txnAmount"] == {"value": "2463.50", "currency": "INR"}
    assert body["extendInfo"] == {"mercUnqRef": "100012345678", "udf1": "B26080012345"}
    assert body["userInfo"]["custId"] == "100012345678"


def test_a_token_leads_to_the_payment_page() -> None:
    body = {**result("S", "0000"), "txnToken": "fe795335ed3049c78a57271075f2199e1526969112097"}
    ordered = read(ADAPTER.order, answered(body, key=KEY), ORDER)

    assert ordered.order_ref == REFERENCE
    assert ordered.pay_url == (
        f"https://paytm.invalid/theia/api/v1/showPaymentPage?mid={MERCHANT}&orderId={REFERENCE}"
    )
    assert ordered.form["txnToken"] == "fe795335ed3049c78a57271075f2199e1526969112097"


def test_an_order_that_is_refused_is_declined() -> None:
    with pytest.raises(Declined, match="2007"):
        read(ADAPTER.order, answered(result("F", "2007")), ORDER)


@pytest.mark.parametrize(
    "wire",
    [
        answered(result("U", "00000900")),
        answered(result("S", "0000")),
        answered(result("F", "2007"), status=502),
        Wire(b"<html>Bad Gateway</html>", 200),
        Wire(b"", 200),
    ],
)
def test_an_unclear_answer_to_an_order_stays_unclear(wire: Wire) -> None:
    with pytest.raises(Malformed):
        read(ADAPTER.order, wire, ORDER)


def test_a_paid_order_is_read_as_the_webhook_tells_it() -> None:
    (notice,) = read(ADAPTER.status, answered(PAID, key=KEY), STATUS)

    assert notice.outcome is Outcome.SUCCEEDED
    assert notice.reference == REFERENCE
    assert notice.channel_ref == "20260818111212800110168470101509706"
    assert notice.amount_paise == 246350
    assert notice.rrn == "623011223344"
    assert notice.method is Method.UPI


@pytest.mark.parametrize("code", ["227", "235", "267", "295", "401", "810", "820", "843"])
def test_a_final_code_is_a_failure(code: str) -> None:
    (notice,) = read(ADAPTER.status, answered({**PAID, **result("TXN_FAILURE", code)}), STATUS)

    assert notice.outcome is Outcome.FAILED
    assert notice.code == code


@pytest.mark.parametrize(
    ("status", "code"), [("PENDING", "402"), ("PENDING", "400"), ("TXN_FAILURE", "777")]
)
def test_what_is_not_final_stays_pending(status: str, code: str) -> None:
    (notice,) = read(ADAPTER.status, answered({**PAID, **result(status, code)}), STATUS)

    assert notice.outcome is Outcome.PENDING


def test_a_pending_order_nobody_tried_needs_no_amount() -> None:
    body = {**result("PENDING", "402"), "orderId": REFERENCE, "mid": MERCHANT}
    (notice,) = read(ADAPTER.status, answered(body), STATUS)

    assert (notice.outcome, notice.amount_paise) == (Outcome.PENDING, 246350)


@pytest.mark.parametrize(("status", "code"), [("NO_RECORD_FOUND", "331"), ("TXN_FAILURE", "334")])
def test_an_order_that_is_not_known_there_is_no_news(status: str, code: str) -> None:
    assert read(ADAPTER.status, answered(result(status, code)), STATUS) == []


@pytest.mark.parametrize(
    "body",
    [
        result("TXN_FAILURE", "501"),  # server down
        result("TXN_FAILURE", "335"),  # bad merchant
        {**PAID, **result("TXN_SUCCESS", "227")},
        {**PAID, **result("SOMETHING_NEW", "01")},
        {**PAID, "orderId": "26H18-OTHER000-0000"},
        {**PAID, "txnAmount": "2463.505"},
        {**PAID, "txnAmount": ""},
        {**PAID, "txnId": ""},
    ],
)
def test_a_status_that_is_not_understood_says_nothing(body: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read(ADAPTER.status, answered(body), STATUS)


def test_an_answer_with_a_wrong_signature_is_not_paytms() -> None:
    with pytest.raises(Malformed, match="not Paytm's"):
        read(ADAPTER.status, answered(PAID, key="another-merchant"), STATUS)


def test_a_refund_that_was_raised_is_under_way() -> None:
    body = {
        **result("PENDING", "601"),
        "mid": MERCHANT,
        "orderId": REFERENCE,
        "refId": REFUND_REFERENCE,
        "txnId": PAYMENT.channel_ref,
        "refundId": "2026081911121280130016",
        "refundAmount": "463.50",
    }
    notice = read(ADAPTER.refund, answered(body, key=KEY), BACK)

    assert notice.outcome is Outcome.PENDING
    assert (notice.refund_ref, notice.channel_ref) == (
        "2026081911121280130016",
        PAYMENT.channel_ref,
    )
    assert (notice.reference, notice.amount_paise) == (REFUND_REFERENCE, 46350)


@pytest.mark.parametrize("code", ["617", "629", "325", "628"])
def test_a_refund_that_was_asked_before_is_left_to_its_status(code: str) -> None:
    assert (
        read(ADAPTER.refund, answered(result("TXN_FAILURE", code)), BACK).outcome is Outcome.PENDING
    )


@pytest.mark.parametrize("code", ["600", "607", "619", "626", "627", "635"])
def test_a_refund_that_cannot_be_is_declined(code: str) -> None:
    with pytest.raises(Declined, match=code):
        read(ADAPTER.refund, answered(result("TXN_FAILURE", code)), BACK)


@pytest.mark.parametrize(
    "body",
    [
        result("TXN_FAILURE", "501"),
        result("TXN_FAILURE", "999"),
        result("U", "00000900"),
        {**result("PENDING", "601"), "refId": "another"},
        {**result("PENDING", "601"), "refundAmount": "463.51"},
    ],
)
def test_an_unclear_answer_to_a_refund_stays_unclear(body: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read(ADAPTER.refund, answered(body), BACK)


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        ("TXN_SUCCESS", "10", Outcome.SUCCEEDED),
        ("PENDING", "601", Outcome.PENDING),
        ("TXN_FAILURE", "600", Outcome.FAILED),
        ("TXN_FAILURE", "501", Outcome.PENDING),
    ],
)
def test_what_became_of_a_refund(status: str, code: str, outcome: Outcome) -> None:
    notice = read(ADAPTER.refund_status, answered(result(status, code)), BACK)

    assert notice.outcome is outcome


def test_a_refund_that_never_arrived_there_is_declined() -> None:
    with pytest.raises(Declined):
        read(ADAPTER.refund_status, answered(result("TXN_FAILURE", "631")), BACK)


def ask(exchange: Exchange[Any, Any] | None, about: Any, books: SmallWorld) -> Any:
    return asked(exchange, about, simulation=SIMULATION, books=books, setup=SETUP)


def test_the_whole_way_of_a_payment_and_its_refund() -> None:
    books = world()

    assert ask(ADAPTER.order, ORDER, books).form["mid"] == MERCHANT
    assert books.begun == {REFERENCE: (246350, "100012345678")}
    (paid,) = ask(ADAPTER.status, STATUS, books)
    assert (paid.outcome, paid.channel_ref) == (Outcome.SUCCEEDED, PAYMENT.channel_ref)
    assert paid.consumer_number == "100012345678"
    with pytest.raises(Declined):
        ask(ADAPTER.refund_status, BACK, books)
    assert ask(ADAPTER.refund, BACK, books).outcome is Outcome.PENDING
    done = ask(ADAPTER.refund_status, BACK, books)
    assert (done.outcome, done.refund_ref) == (Outcome.SUCCEEDED, REFUND.channel_ref)
    too_much = replace(BACK, reference="26H19-MORE", amount_paise=Paise(246350))
    with pytest.raises(Declined):
        ask(ADAPTER.refund, too_much, books)


@pytest.mark.parametrize("outcome", [Outcome.PENDING, Outcome.FAILED])
def test_other_ends_of_a_payment(outcome: Outcome) -> None:
    (notice,) = ask(ADAPTER.status, STATUS, world(outcome))

    assert notice.outcome is outcome


def test_nothing_is_known_of_an_order_that_never_began() -> None:
    assert ask(ADAPTER.status, STATUS, SmallWorld()) == []


RAISED: Final = {
    **result("PENDING", "601"),
    "refId": REFUND_REFERENCE,
    "txnId": PAYMENT.channel_ref,
    "refundId": "2026081911121280130016",
    "refundAmount": "463.50",
    "acceptRefundTimestamp": "2026-08-19 10:00:00.0",
}


@pytest.mark.parametrize(
    ("exchange", "about", "body"),
    [
        (ADAPTER.order, ORDER, {**result("S", "0000"), "txnToken": "fe795335"}),
        (ADAPTER.status, STATUS, PAID),
        (ADAPTER.refund, BACK, RAISED),
        (ADAPTER.refund_status, BACK, RAISED),
    ],
    ids=["order", "status", "refund", "refund_status"],
)
@given(data=st.data())
def test_any_value_in_an_answer_is_read_or_refused(
    exchange: Exchange[Any, Any] | None, about: Any, body: Any, data: st.DataObject
) -> None:
    document = {"head": {}, "body": body}
    assert is_understood(exchange, about, document=document, status=200, setup=SETUP)
    status = data.draw(st.sampled_from([200, 200, 200, 400, 404, 500]))

    is_understood(exchange, about, document=changed(document, data), status=status, setup=SETUP)
