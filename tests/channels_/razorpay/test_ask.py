"""Calls to Razorpay: what goes out, and how every answer is read. Sample data throughout."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.adapters.razorpay import ADAPTER
from channels_.adapters.razorpay.simulate import SIMULATION
from channels_.adapters.razorpay.statement import FORMATS
from channels_.contract import (
    Call,
    Declined,
    Evidence,
    Exchange,
    Method,
    NoticeKind,
    Order,
    Outcome,
    RefundAsk,
    Setup,
    StatusAsk,
    Window,
    Wire,
)
from channels_.simulation import Called, Happened
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import Paise
from tests.channels_.formats.loading import load
from tests.channels_.gateway_fuzz import changed, is_understood
from tests.channels_.gateway_world import (
    NOON,
    PAYMENT,
    REFERENCE,
    REFUND_REFERENCE,
    ROW,
    SmallWorld,
    asked,
    world,
)

SETUP: Final = Setup(
    secrets={"key_id": "rzp_test_sample", "key_secret": "sample secret"},
    api_url="https://api.example.com",
    at=NOON,
)
ORDER: Final = Order(
    reference=REFERENCE,
    amount_paise=Paise(246350),
    consumer_number="100012345678",
    bill_number="B26080012345",
    payer_name="Sample payer",
    mobile="9000000000",
    return_url="https://pay.example.com/back",
)
STATUS: Final = StatusAsk(
    reference=REFERENCE, amount_paise=Paise(246350), order_ref="order_Sample00000001"
)
REFUND: Final = RefundAsk(
    reference=REFUND_REFERENCE,
    amount_paise=Paise(46350),
    payment_reference=REFERENCE,
    channel_ref="pay_Q1a2B3c4D5e6F7",
    paid_paise=Paise(246350),
)
EVIDENCE: Final = Evidence(
    dispute_ref="disp_Q5t4S3r2Q1p0O9",
    channel_ref="pay_Q1a2B3c4D5e6F7",
    amount_paise=Paise(246350),
    summary="The bill was paid and receipted.",
)
DAY: Final = Window(since=NOON - timedelta(hours=12), until=NOON + timedelta(hours=12))

ORDER_ENTITY: Final = {
    "id": "order_Sample00000001",
    "entity": "order",
    "amount": 246350,
    "amount_paid": 0,
    "amount_due": 246350,
    "currency": "INR",
    "receipt": REFERENCE,
    "status": "created",
    "attempts": 0,
    "notes": [],
    "created_at": 1787033400,
}
PAYMENT_ENTITY: Final = {
    "id": "pay_Q1a2B3c4D5e6F7",
    "entity": "payment",
    "amount": 246350,
    "currency": "INR",
    "status": "captured",
    "order_id": "order_Sample00000001",
    "method": "upi",
    "captured": True,
    "vpa": "sample@okbank",
    "notes": [],
    "acquirer_data": {"rrn": "623011223344"},
    "created_at": 1787033400,
}
REFUND_ENTITY: Final = {
    "id": "rfnd_Q9z8Y7x6W5v4U3",
    "entity": "refund",
    "amount": 46350,
    "currency": "INR",
    "payment_id": "pay_Q1a2B3c4D5e6F7",
    "receipt": REFUND_REFERENCE,
    "acquirer_data": {"arn": None},
    "created_at": 1787119800,
    "status": "pending",
}


def said(document: Any, *, status: int = 200) -> Wire:
    return Wire(json.dumps(document).encode(), status=status)


def listed(*items: Any) -> Wire:
    return said({"entity": "collection", "count": len(items), "items": list(items)})


def refused(description: str, *, status: int = 400, reason: str = "NA") -> Wire:
    error = {"code": "BAD_REQUEST_ERROR", "description": description, "reason": reason}
    return said({"error": error}, status=status)


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def test_an_order_goes_out_with_our_reference_and_the_bill() -> None:
    assert ADAPTER.order is not None
    call = ADAPTER.order.call(ORDER, SETUP)

    assert (call.method, call.url) == ("POST", "https://api.example.com/v1/orders")
    user = base64.b64decode(call.headers["Authorization"].removeprefix("Basic ")).decode()
    assert user == "rzp_test_sample:sample secret"
    assert json.loads(call.body) == {
        "amount": 246350,
        "currency": "INR",
        "receipt": REFERENCE,
        "notes": {
            "consumer_number": "100012345678",
            "bill_number": "B26080012345",
            "reference": REFERENCE,
        },
    }


def test_an_agreed_unique_receipt_is_asked_for() -> None:
    assert ADAPTER.order is not None
    call = ADAPTER.order.call(ORDER, replace(SETUP, settings={"unique_receipt": True}))

    assert json.loads(call.body)["unique_receipt"] is True


def test_an_order_is_answered_with_the_way_to_pay_it() -> None:
    assert ADAPTER.order is not None
    ordered = ADAPTER.order.read(said(ORDER_ENTITY), SETUP, ORDER)

    assert ordered.order_ref == "order_Sample00000001"
    assert ordered.pay_url == "https://api.example.com/v1/checkout/embedded"
    assert ordered.form["key_id"] == "rzp_test_sample"
    assert ordered.form["notes[reference]"] == REFERENCE
    assert ordered.form["callback_url"] == "https://pay.example.com/back"
    assert "prefill[email]" not in ordered.form
    assert "sample secret" not in str(ordered.form)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"amount": 2463}, "another amount"),
        ({"amount": "246350"}, "whole paise"),
        ({"receipt": "26H18-3RZ7K2MQ-4TY"}, "another receipt"),
        ({"currency": "USD"}, "expected INR"),
        ({"entity": "payment"}, "expected the entity order"),
        ({"id": None}, "expected an identifier as id"),
    ],
)
def test_an_order_that_is_not_the_one_asked_for_is_not_understood(
    change: dict[str, Any], told: str
) -> None:
    assert ADAPTER.order is not None
    with pytest.raises(Malformed, match=told):
        ADAPTER.order.read(said({**ORDER_ENTITY, **change}), SETUP, ORDER)


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        (STATUS, "/v1/orders/order_Sample00000001/payments"),
        (replace(STATUS, channel_ref="pay_1234"), "/v1/orders/order_Sample00000001/payments"),
        (replace(STATUS, order_ref="", channel_ref="pay_1234"), "/v1/payments/pay_1234"),
        (
            replace(STATUS, order_ref=""),
            f"/v1/orders?receipt={REFERENCE}&expand%5B%5D=payments",
        ),
        (replace(STATUS, order_ref="../x?y"), "/v1/orders/..%2Fx%3Fy/payments"),
    ],
)
def test_a_status_is_asked_by_what_is_known(ask: StatusAsk, path: str) -> None:
    assert ADAPTER.status is not None
    call = ADAPTER.status.call(ask, SETUP)

    assert (call.method, call.url, call.body) == ("GET", f"https://api.example.com{path}", b"")


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("created", Outcome.PENDING),
        ("authorized", Outcome.PENDING),
        ("captured", Outcome.SUCCEEDED),
        ("refunded", Outcome.SUCCEEDED),
        ("failed", Outcome.FAILED),
        ("on_the_moon", Outcome.PENDING),
    ],
)
def test_a_status_is_read_by_its_word(word: str, outcome: Outcome) -> None:
    assert ADAPTER.status is not None
    entity = {**PAYMENT_ENTITY, "status": word, "error_reason": "payment_failed"}

    (notice,) = ADAPTER.status.read(listed(entity), SETUP, STATUS)

    assert notice.outcome is outcome
    assert notice.code == ("payment_failed" if word == "failed" else word)
    assert (notice.channel_ref, notice.reference) == ("pay_Q1a2B3c4D5e6F7", REFERENCE)


def test_every_attempt_of_an_order_is_told() -> None:
    assert ADAPTER.status is not None
    first = {**PAYMENT_ENTITY, "id": "pay_First000000001", "status": "failed"}

    notices = ADAPTER.status.read(listed(first, PAYMENT_ENTITY), SETUP, STATUS)

    assert [(one.channel_ref, one.outcome) for one in notices] == [
        ("pay_First000000001", Outcome.FAILED),
        ("pay_Q1a2B3c4D5e6F7", Outcome.SUCCEEDED),
    ]


def test_an_order_that_nobody_tried_to_pay_tells_nothing() -> None:
    assert ADAPTER.status is not None
    by_receipt = replace(STATUS, order_ref="")

    assert ADAPTER.status.read(listed(), SETUP, STATUS) == []
    assert ADAPTER.status.read(listed(), SETUP, by_receipt) == []


def test_a_payment_is_found_by_the_receipt_of_its_order() -> None:
    assert ADAPTER.status is not None
    payments = {"entity": "collection", "count": 1, "items": [PAYMENT_ENTITY]}
    by_receipt = replace(STATUS, order_ref="")

    (notice,) = ADAPTER.status.read(
        listed({**ORDER_ENTITY, "payments": payments}), SETUP, by_receipt
    )

    assert (notice.reference, notice.outcome) == (REFERENCE, Outcome.SUCCEEDED)
    with pytest.raises(Malformed, match="our receipt only"):
        ADAPTER.status.read(
            listed({**ORDER_ENTITY, "receipt": "other", "payments": payments}), SETUP, by_receipt
        )


@pytest.mark.parametrize(
    ("ask", "change"),
    [
        (STATUS, {"order_id": "order_Another00001"}),
        (replace(STATUS, order_ref="", channel_ref="pay_1234"), {}),
    ],
)
def test_a_status_of_another_payment_is_not_believed(
    ask: StatusAsk, change: dict[str, Any]
) -> None:
    assert ADAPTER.status is not None
    entity = {**PAYMENT_ENTITY, **change}
    answer = listed(entity) if ask.order_ref else said(entity)

    with pytest.raises(Malformed, match="told of pay_Q1a2B3c4D5e6F7"):
        ADAPTER.status.read(answer, SETUP, ask)


def test_a_refund_goes_out_with_one_key_for_every_try() -> None:
    assert ADAPTER.refund is not None
    calls = [ADAPTER.refund.call(REFUND, SETUP) for _ in range(2)]

    assert calls[0] == calls[1]
    assert calls[0].url == "https://api.example.com/v1/payments/pay_Q1a2B3c4D5e6F7/refund"
    assert calls[0].headers["X-Refund-Idempotency"] == REFUND_REFERENCE
    assert json.loads(calls[0].body) == {
        "amount": 46350,
        "speed": "normal",
        "receipt": REFUND_REFERENCE,
        "notes": {},
    }
    odd = ADAPTER.refund.call(replace(REFUND, reference="R/1"), SETUP)
    assert len(odd.headers["X-Refund-Idempotency"]) == 64


def test_a_refund_without_a_payment_of_theirs_is_never_sent() -> None:
    assert ADAPTER.refund is not None
    with pytest.raises(Malformed, match="identifier"):
        ADAPTER.refund.call(replace(REFUND, channel_ref=""), SETUP)


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("pending", Outcome.PENDING),
        ("processed", Outcome.SUCCEEDED),
        ("failed", Outcome.FAILED),
        ("somewhere", Outcome.PENDING),
    ],
)
@pytest.mark.parametrize("part", ["refund", "refund_status"])
def test_a_refund_is_read_by_its_word(part: str, word: str, outcome: Outcome) -> None:
    exchange = getattr(ADAPTER, part)
    known = replace(REFUND, refund_ref="rfnd_Q9z8Y7x6W5v4U3")

    notice = exchange.read(said({**REFUND_ENTITY, "status": word}), SETUP, known)

    assert (notice.kind, notice.outcome, notice.code) == (NoticeKind.REFUND, outcome, word)
    assert (notice.reference, notice.refund_ref) == (REFUND_REFERENCE, "rfnd_Q9z8Y7x6W5v4U3")


def test_an_unanswered_refund_is_found_by_our_receipt() -> None:
    assert ADAPTER.refund_status is not None
    call = ADAPTER.refund_status.call(REFUND, SETUP)
    other = {**REFUND_ENTITY, "id": "rfnd_Other000000001", "receipt": None}

    notice = ADAPTER.refund_status.read(listed(other, REFUND_ENTITY), SETUP, REFUND)

    assert urlsplit(call.url).path == "/v1/payments/pay_Q1a2B3c4D5e6F7/refunds"
    assert notice.refund_ref == "rfnd_Q9z8Y7x6W5v4U3"


def test_a_full_page_of_other_refunds_proves_nothing() -> None:
    assert ADAPTER.refund_status is not None
    others = [{**REFUND_ENTITY, "receipt": None}] * 100

    with pytest.raises(Malformed, match="more refunds"):
        ADAPTER.refund_status.read(listed(*others), SETUP, REFUND)


@pytest.mark.parametrize(
    ("wire", "told"),
    [
        (refused("Authentication failed", status=401), "expected HTTP 200, got 401"),
        (refused("Too many requests", status=429), "expected HTTP 200, got 429"),
        (said({"error": {"code": "SERVER_ERROR"}}, status=500), "expected HTTP 200, got 500"),
        (said({"error": {"code": "GATEWAY_ERROR"}}, status=400), "expected HTTP 200, got 400"),
        (refused("request in progress", status=409), "expected HTTP 200, got 409"),
        (
            refused("Different request with the same idempotency key has already been processed."),
            "idempotency key",
        ),
        (refused("The payment has been fully refunded already"), "refunded already"),
        (Wire(b"<html>Bad gateway</html>", status=502), "expected HTTP 200, got 502"),
        (Wire(b"<html>Bad request</html>", status=400), "expected JSON"),
        (Wire(b"", status=200), "expected JSON"),
        (Wire(b"[]", status=200), "expected an object"),
        (said({**REFUND_ENTITY, "amount": 463.5}), "whole paise"),
        (said({**REFUND_ENTITY, "amount": 46351}), "told of rfnd_"),
        (said({**REFUND_ENTITY, "payment_id": "pay_Another"}), "told of rfnd_"),
        (said({**REFUND_ENTITY, "currency": "USD"}), "expected INR"),
    ],
)
def test_an_unclear_answer_leaves_the_refund_unknown(wire: Wire, told: str) -> None:
    assert ADAPTER.refund is not None
    with pytest.raises(Malformed, match=told):
        ADAPTER.refund.read(wire, SETUP, REFUND)


@pytest.mark.parametrize("part", ["order", "status", "refund", "refund_status", "dispute"])
def test_a_clear_no_is_told_with_their_words(part: str) -> None:
    exchange: Exchange[Any, Any] = getattr(ADAPTER, part)
    ask = {"order": ORDER, "status": STATUS, "dispute": EVIDENCE}.get(part, REFUND)

    with pytest.raises(Declined) as no:
        exchange.read(refused("The id does not exist", reason="input_invalid"), SETUP, ask)

    assert (no.value.code, no.value.detail) == ("input_invalid", "The id does not exist")


def test_history_is_pulled_page_by_page() -> None:
    assert ADAPTER.history is not None
    first = ADAPTER.history.call(DAY, SETUP)
    full = ADAPTER.history.read(listed(*[PAYMENT_ENTITY] * 100), SETUP, DAY)
    second = ADAPTER.history.call(replace(DAY, cursor=full.cursor), SETUP)
    last = ADAPTER.history.read(listed(PAYMENT_ENTITY), SETUP, replace(DAY, cursor=full.cursor))

    assert query_of(first.url) == {
        "from": "1786991400",
        "to": "1787077800",
        "count": "100",
        "skip": "0",
    }
    assert full.cursor == "100"
    assert query_of(second.url)["skip"] == "100"
    assert last.cursor == ""
    assert last.notices[0].outcome is Outcome.SUCCEEDED


def test_a_report_is_pulled_as_a_file_that_we_read() -> None:
    assert ADAPTER.report is not None
    call = ADAPTER.report.call(DAY, SETUP)
    books = SmallWorld([Happened(PAYMENT, Outcome.SUCCEEDED)])

    report = asked(ADAPTER.report, DAY, simulation=SIMULATION, books=books, setup=SETUP)

    assert query_of(call.url) == {
        "year": "2026",
        "month": "08",
        "day": "18",
        "count": "1000",
        "skip": "0",
    }
    assert (report.name, report.cursor) == ("razorpay-recon-20260818-001.json", "")
    ((_page, lines),) = load(FORMATS[1], report.content)
    assert [(line.channel_ref, line.amount_paise, line.utr) for line in lines] == [
        (PAYMENT.channel_ref, 246350, "AXISN0000012345"),
        ("9000000000001", -46350, "AXISN0000012345"),
    ]


def test_a_long_report_has_a_next_page_and_an_empty_one_no_content() -> None:
    assert ADAPTER.report is not None
    rows = [ROW._replace(channel_ref=f"pay_{number:014d}") for number in range(1001)]
    books = SmallWorld(rows=rows)

    first = asked(ADAPTER.report, DAY, simulation=SIMULATION, books=books, setup=SETUP)
    second = asked(
        ADAPTER.report,
        replace(DAY, cursor=first.cursor),
        simulation=SIMULATION,
        books=books,
        setup=SETUP,
    )
    books.rows = ()
    nothing = asked(ADAPTER.report, DAY, simulation=SIMULATION, books=books, setup=SETUP)

    assert (first.cursor, second.cursor) == ("1000", "")
    assert second.name == "razorpay-recon-20260818-002.json"
    ((_page, lines),) = list(_loaded(second.content))
    assert [line.channel_ref for line in lines] == ["pay_00000000001000"]
    assert nothing.content == b""


def _loaded(content: bytes) -> Any:
    for statement in FORMATS[1].read(BytesIO(content)):
        yield statement.page, list(statement.lines)


def test_a_dispute_is_contested_or_given_up() -> None:
    assert ADAPTER.dispute is not None
    agreed = replace(SETUP, settings={"explanation_letter": "doc_Sample00000001"})
    contest = ADAPTER.dispute.call(EVIDENCE, agreed)
    accept = ADAPTER.dispute.call(replace(EVIDENCE, accept=True), SETUP)

    root = "https://api.example.com/v1/disputes/disp_Q5t4S3r2Q1p0O9"
    assert (contest.method, contest.url) == ("PATCH", f"{root}/contest")
    assert json.loads(contest.body) == {
        "amount": 246350,
        "summary": "The bill was paid and receipted.",
        "explanation_letter": ["doc_Sample00000001"],
        "action": "submit",
    }
    assert (accept.method, accept.url) == ("POST", f"{root}/accept")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("under_review", Outcome.PENDING),
        ("won", Outcome.SUCCEEDED),
        ("lost", Outcome.FAILED),
        ("odd", Outcome.PENDING),
    ],
)
def test_a_dispute_is_read_by_its_status(status: str, outcome: Outcome) -> None:
    assert ADAPTER.dispute is not None
    entity = {
        "id": EVIDENCE.dispute_ref,
        "entity": "dispute",
        "payment_id": EVIDENCE.channel_ref,
        "amount": 246350,
        "currency": "INR",
        "amount_deducted": 0,
        "reason_code": "credit_not_processed",
        "respond_by": 1787500000,
        "status": status,
        "phase": "chargeback",
        "created_at": 1787200000,
    }

    notice = ADAPTER.dispute.read(said(entity), SETUP, EVIDENCE)

    assert (notice.outcome, notice.code) == (outcome, status)
    with pytest.raises(Malformed, match="asked about"):
        ADAPTER.dispute.read(said({**entity, "payment_id": "pay_Other"}), SETUP, EVIDENCE)


def test_an_order_refund_and_status_make_the_round_trip() -> None:
    books = world()
    ask = replace(STATUS, order_ref=PAYMENT.order_ref)
    refund = replace(REFUND, channel_ref=PAYMENT.channel_ref)

    def trip(part: str, about: Any) -> Any:
        exchange = getattr(ADAPTER, part)
        return asked(exchange, about, simulation=SIMULATION, books=books, setup=SETUP)

    assert trip("order", ORDER).order_ref == PAYMENT.order_ref
    assert books.begun == {REFERENCE: (246350, "100012345678")}
    for known in (ask, replace(ask, order_ref=""), replace(ask, channel_ref=PAYMENT.channel_ref)):
        (paid,) = trip("status", known)
        assert (paid.outcome, paid.channel_ref) == (Outcome.SUCCEEDED, PAYMENT.channel_ref)
        assert (paid.method, paid.rrn, paid.payer) == (Method.UPI, PAYMENT.rrn, PAYMENT.payer)
    with pytest.raises(Declined, match="unknown_refund"):
        trip("refund_status", refund)
    sent = trip("refund", refund)
    assert trip("refund", refund) == sent
    assert trip("refund_status", refund) == sent
    assert trip("refund_status", replace(refund, refund_ref=sent.refund_ref)) == sent
    assert (sent.outcome, sent.amount_paise) == (Outcome.SUCCEEDED, 46350)
    with pytest.raises(Declined, match="greater than amount captured"):
        trip("refund", replace(refund, reference="26H19-AAAAAAAA-AAA", amount_paise=Paise(246350)))
    assert len(trip("history", DAY).notices) == 1


ANSWERS: Final[dict[str, tuple[Any, Any]]] = {
    "order": (ORDER, ORDER_ENTITY),
    "status": (
        replace(STATUS, order_ref=""),
        {
            "entity": "collection",
            "items": [{**ORDER_ENTITY, "payments": {"entity": "collection", "items": []}}],
        },
    ),
    "refund": (REFUND, REFUND_ENTITY),
    "refund_status": (REFUND, {"entity": "collection", "items": [REFUND_ENTITY]}),
    "history": (DAY, {"entity": "collection", "items": [PAYMENT_ENTITY]}),
    "report": (DAY, {"entity": "collection", "items": [PAYMENT_ENTITY]}),
}


@pytest.mark.parametrize("part", sorted(ANSWERS))
@given(data=st.data(), status=st.sampled_from([200, 200, 200, 400, 404, 500]))
def test_any_answer_is_read_or_refused_and_never_crashes(
    part: str, data: st.DataObject, status: int
) -> None:
    ask, document = ANSWERS[part]
    assert is_understood(getattr(ADAPTER, part), ask, document=document, status=200, setup=SETUP)

    error = {"error": {"code": "BAD_REQUEST_ERROR", "description": "No", "reason": "NA"}}
    said_so = changed(error if status == 400 else document, data)
    is_understood(getattr(ADAPTER, part), ask, document=said_so, status=status, setup=SETUP)


def test_a_wrong_key_is_no_answer() -> None:
    books, wrong = world(), {"key_id": "rzp_test_sample", "key_secret": "wrong"}
    assert ADAPTER.status is not None
    assert SIMULATION.answer is not None
    call = ADAPTER.status.call(STATUS, replace(SETUP, secrets=wrong))
    called = _called(call)

    with pytest.raises(Malformed, match="got 401"):
        ADAPTER.status.read(SIMULATION.answer(called, books, SETUP), SETUP, STATUS)


def _called(call: Call) -> Called:
    headers = {name.lower(): value for name, value in call.headers.items()}
    path = call.url.removeprefix(SETUP.api_url)
    return Called(call.method, path, headers, call.body)
