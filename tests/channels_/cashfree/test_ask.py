"""Calls to Cashfree: what goes out, and how every answer is read. Sample data throughout."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.adapters.cashfree import ADAPTER
from channels_.adapters.cashfree.simulate import SIMULATION
from channels_.contract import (
    Declined,
    Evidence,
    Exchange,
    Method,
    Order,
    Outcome,
    RefundAsk,
    Setup,
    StatusAsk,
    Window,
    Wire,
)
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
    secrets={"client_id": "TESTsample", "client_secret": "sample secret"},
    api_url="https://api.example.com",
    at=NOON,
)
ORDER: Final = Order(
    reference=REFERENCE,
    amount_paise=Paise(246350),
    consumer_number="100012345678",
    bill_number="B26080012345",
    mobile="9000000000",
    expires_at=NOON + timedelta(hours=1),
    return_url="https://pay.example.com/back",
    notify_url="https://pay.example.com/in/cashfree/",
)
STATUS: Final = StatusAsk(reference=REFERENCE, amount_paise=Paise(246350), order_ref=REFERENCE)
REFUND: Final = RefundAsk(
    reference=REFUND_REFERENCE,
    amount_paise=Paise(46350),
    payment_reference=REFERENCE,
    channel_ref="5114910810523",
    order_ref=REFERENCE,
    paid_paise=Paise(246350),
    reason="Paid twice",
)
EVIDENCE: Final = Evidence(
    dispute_ref="433475258",
    channel_ref="5114910810523",
    amount_paise=Paise(246350),
    summary="The bill was paid and receipted.",
)
DAY: Final = Window(
    since=datetime(2026, 8, 17, 18, 30, tzinfo=UTC), until=datetime(2026, 8, 18, 18, 30, tzinfo=UTC)
)

ORDER_SAID: Final = (
    '{"cf_order_id":"2149460581","order_id":"26H18-3RZ7K2MQ-4T00","entity":"order","order_currency":"INR",'
    '"order_amount":2463.50,"order_status":"ACTIVE","payment_session_id":"session_a1b2"}'
)
ATTEMPT_SAID: Final = (
    '{"cf_payment_id":5114910810523,"order_id":"26H18-3RZ7K2MQ-4T00","entity":"payment","payment_currency":"INR",'
    '"payment_amount":2463.50,"payment_time":"2026-08-18T11:58:40+05:30","payment_status":"SUCCESS",'
    '"payment_message":"00::Transaction success","bank_reference":"623011223344",'
    '"payment_group":"upi","payment_method":{"upi":{"channel":"link","upi_id":"sample@okbank"}},'
    '"error_details":null}'
)
REFUND_SAID: Final = (
    '{"cf_refund_id":11325632,"cf_payment_id":5114910810523,"refund_id":"26H19-0Q7W2K9D-1ABH","order_id":"26H18-3RZ7K2MQ-4T00",'
    '"refund_amount":463.50,"refund_currency":"INR","refund_status":"PENDING",'
    '"status_description":"In progress","refund_arn":null,"processed_at":null,'
    '"created_at":"2026-08-19T12:00:00+05:30"}'
)
DISPUTE_SAID: Final = (
    '{"dispute_id":433475258,"dispute_type":"CHARGEBACK","reason_code":"1402",'
    '"reason_description":"Duplicate Processing","dispute_amount":2463.50,'
    '"dispute_amount_currency":"INR","created_at":"2026-08-18T11:49:48+05:30",'
    '"updated_at":"2026-08-19T11:49:48+05:30","respond_by":"2026-08-25T23:59:59+05:30",'
    '"dispute_status":"CHARGEBACK_DOCS_RECEIVED","order_details":{"order_id":"26H18-3RZ7K2MQ-4T00",'
    '"cf_payment_id":5114910810523}}'
)


def said(text: str, *, status: int = 200) -> Wire:
    return Wire(text.encode(), status=status)


def refused(code: str, message: str = "No", *, status: int = 400, kind: str = "") -> Wire:
    document = {"message": message, "code": code, "type": kind or "invalid_request_error"}
    return Wire(json.dumps(document).encode(), status=status)


def body_of(call: Any) -> Any:
    return json.loads(call.body, parse_float=Decimal)


def test_an_order_goes_out_in_rupees_under_our_reference() -> None:
    assert ADAPTER.order is not None
    call = ADAPTER.order.call(ORDER, SETUP)

    assert (call.method, call.url) == ("POST", "https://api.example.com/pg/orders")
    assert call.headers["x-client-id"] == "TESTsample"
    assert call.headers["x-client-secret"] == "sample secret"
    assert call.headers["x-api-version"] == "2025-01-01"
    assert call.headers["x-idempotency-key"] == REFERENCE
    assert call.body.startswith(b'{"order_amount":2463.50,')
    assert body_of(call) == {
        "order_amount": Decimal("2463.50"),
        "order_id": REFERENCE,
        "order_currency": "INR",
        "customer_details": {"customer_id": "100012345678", "customer_phone": "9000000000"},
        "order_meta": {
            "return_url": "https://pay.example.com/back",
            "notify_url": "https://pay.example.com/in/cashfree/",
        },
        "order_tags": {"consumer_number": "100012345678", "bill_number": "B26080012345"},
        "order_expiry_time": "2026-08-18T13:00:00+05:30",
    }


def test_an_older_version_and_a_phone_are_agreed() -> None:
    assert ADAPTER.order is not None
    agreed = replace(SETUP, settings={"api_version": "2023-08-01", "phone": "7000000000"})
    call = ADAPTER.order.call(replace(ORDER, mobile=""), agreed)

    assert call.headers["x-api-version"] == "2023-08-01"
    assert body_of(call)["customer_details"]["customer_phone"] == "7000000000"


def test_an_order_is_answered_with_the_way_to_pay_it() -> None:
    assert ADAPTER.order is not None
    ordered = ADAPTER.order.read(said(ORDER_SAID), SETUP, ORDER)

    assert ordered.order_ref == REFERENCE
    assert ordered.pay_url == "https://api.example.com/pg/view/sessions/checkout"
    assert ordered.form == {"payment_session_id": "session_a1b2"}


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("2463.50", "24.6350", "at most two decimals"),
        ("2463.50", "246350", "another amount"),
        ("2463.50", '"2463.50"', "as a number"),
        (REFERENCE, "26H18-OTHER", "another id"),
        ('"INR"', '"USD"', "expected INR"),
        ('"session_a1b2"', "null", "payment_session_id"),
    ],
)
def test_an_order_that_is_not_the_one_asked_for_is_not_understood(
    was: str, now: str, told: str
) -> None:
    assert ADAPTER.order is not None
    with pytest.raises(Malformed, match=told):
        ADAPTER.order.read(said(ORDER_SAID.replace(was, now)), SETUP, ORDER)


@pytest.mark.parametrize(
    ("ask", "name"),
    [
        (STATUS, REFERENCE),
        (replace(STATUS, order_ref=""), REFERENCE),
        (replace(STATUS, order_ref="dashboard_17"), "dashboard_17"),
        (replace(STATUS, order_ref="../x?y"), "..%2Fx%3Fy"),
    ],
)
def test_a_status_is_asked_by_the_order(ask: StatusAsk, name: str) -> None:
    assert ADAPTER.status is not None
    call = ADAPTER.status.call(ask, SETUP)

    assert (call.method, call.body) == ("GET", b"")
    assert call.url == f"https://api.example.com/pg/orders/{name}/payments"


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("SUCCESS", Outcome.SUCCEEDED),
        ("FAILED", Outcome.FAILED),
        ("USER_DROPPED", Outcome.FAILED),
        ("CANCELLED", Outcome.FAILED),
        ("VOID", Outcome.FAILED),
        ("PENDING", Outcome.PENDING),
        ("NOT_ATTEMPTED", Outcome.PENDING),
        ("ON_THE_MOON", Outcome.PENDING),
    ],
)
def test_a_status_is_read_by_its_word(word: str, outcome: Outcome) -> None:
    assert ADAPTER.status is not None
    text = ATTEMPT_SAID.replace('"SUCCESS"', f'"{word}"').replace("00::", "")

    (notice,) = ADAPTER.status.read(said(f"[{text}]"), SETUP, STATUS)

    assert (notice.outcome, notice.code) == (outcome, word)
    assert (notice.channel_ref, notice.reference) == ("5114910810523", REFERENCE)
    assert (notice.amount_paise, notice.method) == (246350, Method.UPI)


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("U67::Debit timeout", Outcome.PENDING),
        ("RB::Credit reversal timeout", Outcome.PENDING),
        ("Z9::Insufficient funds", Outcome.FAILED),
        ("Q7::Something", Outcome.FAILED),
        ("Transaction declined", Outcome.FAILED),
    ],
)
def test_a_failure_by_time_out_is_none_yet(message: str, outcome: Outcome) -> None:
    assert ADAPTER.status is not None
    text = ATTEMPT_SAID.replace('"SUCCESS"', '"FAILED"').replace("00::Transaction success", message)

    (by_upi,) = ADAPTER.status.read(said(f"[{text}]"), SETUP, STATUS)
    by_card = text.replace('"payment_group":"upi"', '"payment_group":"credit_card"')
    (other,) = ADAPTER.status.read(said(f"[{by_card}]"), SETUP, STATUS)

    assert by_upi.outcome is outcome
    assert other.outcome is Outcome.FAILED


def test_every_attempt_of_an_order_is_told_and_no_attempt_is_nothing() -> None:
    assert ADAPTER.status is not None
    first = ATTEMPT_SAID.replace("5114910810523", "5114910810522").replace("SUCCESS", "FAILED")

    notices = ADAPTER.status.read(said(f"[{first},{ATTEMPT_SAID}]"), SETUP, STATUS)

    assert [(one.channel_ref, one.outcome) for one in notices] == [
        ("5114910810522", Outcome.FAILED),
        ("5114910810523", Outcome.SUCCEEDED),
    ]
    assert ADAPTER.status.read(said("[]"), SETUP, STATUS) == []


def test_a_status_of_another_order_is_not_believed() -> None:
    assert ADAPTER.status is not None
    other = ATTEMPT_SAID.replace(REFERENCE, "dashboard_17")

    with pytest.raises(Malformed, match="told of 'dashboard_17'"):
        ADAPTER.status.read(said(f"[{other}]"), SETUP, STATUS)


def test_an_order_they_do_not_have_is_a_clear_no() -> None:
    assert ADAPTER.status is not None
    with pytest.raises(Declined, match="order_not_found"):
        ADAPTER.status.read(refused("order_not_found", status=404), SETUP, STATUS)


def test_a_refund_goes_out_with_one_key_for_every_try() -> None:
    assert ADAPTER.refund is not None
    calls = [ADAPTER.refund.call(REFUND, SETUP) for _ in range(2)]

    assert calls[0] == calls[1]
    assert calls[0].url == f"https://api.example.com/pg/orders/{REFERENCE}/refunds"
    assert calls[0].headers["x-idempotency-key"] == REFUND_REFERENCE
    assert body_of(calls[0]) == {
        "refund_amount": Decimal("463.50"),
        "refund_id": REFUND_REFERENCE,
        "refund_note": "Paid twice",
        "refund_speed": "STANDARD",
    }


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("PENDING", Outcome.PENDING),
        ("ONHOLD", Outcome.PENDING),
        ("SUCCESS", Outcome.SUCCEEDED),
        ("CANCELLED", Outcome.FAILED),
        ("FAILED", Outcome.FAILED),
        ("SOMEWHERE", Outcome.PENDING),
    ],
)
@pytest.mark.parametrize("part", ["refund", "refund_status"])
def test_a_refund_is_read_by_its_word(part: str, word: str, outcome: Outcome) -> None:
    exchange: Exchange[Any, Any] = getattr(ADAPTER, part)

    notice = exchange.read(said(REFUND_SAID.replace("PENDING", word)), SETUP, REFUND)

    assert (notice.outcome, notice.code) == (outcome, word)
    assert (notice.refund_ref, notice.reference) == ("11325632", REFUND_REFERENCE)


@pytest.mark.parametrize(
    ("wire", "told"),
    [
        (refused("x", status=401, kind="authentication_error"), "expected HTTP 200, got 401"),
        (refused("rate", status=429), "expected HTTP 200, got 429"),
        (refused("api_error", status=500), "expected HTTP 200, got 500"),
        (refused("api_error", kind="api_error"), "expected HTTP 200, got 400"),
        (refused("idempotency_key_mismatch"), "idempotency_key_mismatch"),
        (refused("refund_id_already_exists"), "refund_id_already_exists"),
        (refused("x.y", "The same request is in progress", status=409), "in progress"),
        (refused("", status=404), "expected HTTP 200, got 404"),
        (refused("x", status=422), "expected HTTP 200, got 422"),
        (said("<html>Not found</html>", status=404), "expected JSON"),
        (said("<html>Bad gateway</html>", status=502), "expected HTTP 200, got 502"),
        (said(""), "expected JSON"),
        (said("[]"), "expected an object"),
        (said(REFUND_SAID.replace("463.50", "463.51")), "told of 11325632"),
        (said(REFUND_SAID.replace("463.50", "46350")), "told of 11325632"),
        (said(REFUND_SAID.replace("463.50", "463.505")), "two decimals"),
        (said(REFUND_SAID.replace("5114910810523", "5114910810522")), "told of 11325632"),
        (said(REFUND_SAID.replace("INR", "USD")), "expected INR"),
    ],
)
def test_an_unclear_answer_leaves_the_refund_unknown(wire: Wire, told: str) -> None:
    assert ADAPTER.refund is not None
    with pytest.raises(Malformed, match=told):
        ADAPTER.refund.read(wire, SETUP, REFUND)


@pytest.mark.parametrize("part", ["order", "status", "refund", "refund_status", "dispute"])
@pytest.mark.parametrize("status", [400, 404, 409])
def test_a_clear_no_is_told_with_their_words(part: str, status: int) -> None:
    exchange: Exchange[Any, Any] = getattr(ADAPTER, part)
    ask = {"order": ORDER, "status": STATUS, "dispute": EVIDENCE}.get(part, REFUND)

    with pytest.raises(Declined) as no:
        exchange.read(refused("not_allowed", "Not like this", status=status), SETUP, ask)

    assert (no.value.code, no.value.detail) == ("not_allowed", "Not like this")


def test_a_dispute_is_contested_or_given_up() -> None:
    assert ADAPTER.dispute is not None
    agreed = replace(SETUP, settings={"evidence_url": "https://pay.example.com/terms.pdf"})
    contest = ADAPTER.dispute.call(EVIDENCE, agreed)
    accept = ADAPTER.dispute.call(replace(EVIDENCE, accept=True), SETUP)

    root = "https://api.example.com/pg/disputes/433475258"
    assert (contest.method, contest.url) == ("POST", f"{root}/contest")
    assert body_of(contest) == {
        "evidence_text": "The bill was paid and receipted.",
        "evidence_document_urls": ["https://pay.example.com/terms.pdf"],
    }
    assert (accept.method, accept.url) == ("PUT", f"{root}/accept")
    keys = {call.headers["x-idempotency-key"] for call in (contest, accept)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("CHARGEBACK_DOCS_RECEIVED", Outcome.PENDING),
        ("CHARGEBACK_MERCHANT_ACCEPTED", Outcome.FAILED),
        ("CHARGEBACK_MERCHANT_WON", Outcome.SUCCEEDED),
        ("ODD", Outcome.PENDING),
    ],
)
def test_a_dispute_is_read_by_its_status(status: str, outcome: Outcome) -> None:
    assert ADAPTER.dispute is not None
    text = DISPUTE_SAID.replace("CHARGEBACK_DOCS_RECEIVED", status)

    notice = ADAPTER.dispute.read(said(text), SETUP, EVIDENCE)

    assert (notice.outcome, notice.code, notice.phase) == (outcome, status, "chargeback")
    with pytest.raises(Malformed, match="told of 433475259"):
        ADAPTER.dispute.read(said(text.replace("433475258", "433475259")), SETUP, EVIDENCE)


def test_a_report_is_pulled_page_by_page_as_files_that_we_read() -> None:
    assert ADAPTER.report is not None
    rows = [ROW._replace(channel_ref=f"5{number:011d}") for number in range(101)]
    books = SmallWorld(rows=rows)
    call = ADAPTER.report.call(DAY, SETUP)

    def pulled(window: Window) -> Any:
        return asked(ADAPTER.report, window, simulation=SIMULATION, books=books, setup=SETUP)

    first = pulled(DAY)
    second = pulled(replace(DAY, cursor=first.cursor))
    books.rows = ()
    nothing = pulled(DAY)

    assert call.url == "https://api.example.com/pg/settlement/recon"
    assert body_of(call) == {
        "pagination": {"limit": 100, "cursor": None},
        "filters": {"start_date": "2026-08-17T18:30:00Z", "end_date": "2026-08-18T18:30:00Z"},
    }
    assert first.name == "cashfree-recon-20260818-first.json"
    assert (first.cursor, second.cursor) == ("100", "")
    assert first.name != second.name
    ((_page, lines),) = load(ADAPTER.formats[1], first.content)
    ((_page, rest),) = load(ADAPTER.formats[1], second.content)
    assert len({line.channel_ref for line in [*lines, *rest]}) == 101
    assert (nothing.content, nothing.cursor) == (b"", "")


def test_a_page_that_is_not_full_is_the_last() -> None:
    assert ADAPTER.history is not None
    page = '{"cursor":"again","limit":100,"data":[]}'

    assert ADAPTER.history.read(said(page), SETUP, DAY).cursor == ""
    with pytest.raises(Malformed, match="list of objects"):
        ADAPTER.history.read(said(page.replace("[]", "[1]")), SETUP, DAY)


def test_history_tells_the_payments_among_the_events() -> None:
    assert ADAPTER.history is not None
    row = (
        '{"event_id":"5114910810523","event_type":"PAYMENT","event_status":"SUCCESS",'
        '"event_currency":"INR","event_amount":2463.5,"order_id":"26H18-3RZ7K2MQ-4T00","payment_group":"UPI",'
        '"payment_time":"2026-08-18T11:58:40+05:30","payment_utr":"623011223344",'
        '"cf_payment_id":"5114910810523"}'
    )
    page = (
        f'{{"cursor":"next","limit":2,"data":[{row},{{"event_type":"SETTLEMENT","event_id":"1"}}]}}'
    )

    pulled = ADAPTER.history.read(said(page), SETUP, DAY)

    (notice,) = pulled.notices
    assert pulled.cursor == "next"
    assert (notice.channel_ref, notice.reference) == ("5114910810523", REFERENCE)
    assert (notice.outcome, notice.amount_paise) == (Outcome.SUCCEEDED, 246350)
    assert (notice.method, notice.rrn) == (Method.UPI, "623011223344")
    odd = ADAPTER.history.read(said(page.replace('"SUCCESS"', '"ODD"')), SETUP, DAY)
    assert odd.notices[0].outcome is Outcome.PENDING


def whole(text: str) -> Any:
    """A literal answer with its amounts in whole rupees, so that it can be written again."""
    return json.loads(text.replace("2463.50", "2463").replace("463.50", "463"))


ANSWERS: Final[dict[str, tuple[Any, Any]]] = {
    "order": (replace(ORDER, amount_paise=Paise(246300)), whole(ORDER_SAID)),
    "status": (STATUS, [whole(ATTEMPT_SAID)]),
    "refund": (replace(REFUND, amount_paise=Paise(46300)), whole(REFUND_SAID)),
    "refund_status": (replace(REFUND, amount_paise=Paise(46300)), whole(REFUND_SAID)),
    "dispute": (EVIDENCE, whole(DISPUTE_SAID)),
    "history": (
        DAY,
        {
            "cursor": "next",
            "limit": 1,
            "data": [
                {
                    "event_id": "5114910810523",
                    "event_type": "PAYMENT",
                    "event_status": "SUCCESS",
                    "event_currency": "INR",
                    "event_amount": 2463,
                    "event_time": "2026-08-18T11:58:40+05:30",
                    "order_id": REFERENCE,
                    "payment_group": "UPI",
                }
            ],
        },
    ),
}


@pytest.mark.parametrize("part", sorted(ANSWERS))
@given(data=st.data(), status=st.sampled_from([200, 200, 200, 400, 404, 500]))
def test_any_answer_is_read_or_refused_and_never_crashes(
    part: str, data: st.DataObject, status: int
) -> None:
    ask, document = ANSWERS[part]
    assert is_understood(getattr(ADAPTER, part), ask, document=document, status=200, setup=SETUP)

    error = {"code": "not_allowed", "message": "No", "type": "invalid_request_error"}
    said_so = changed(error if status in (400, 404) else document, data)
    is_understood(getattr(ADAPTER, part), ask, document=said_so, status=status, setup=SETUP)


def test_an_order_refund_and_status_make_the_round_trip() -> None:
    books = world()
    refund = replace(REFUND, channel_ref=PAYMENT.channel_ref)

    def trip(part: str, about: Any) -> Any:
        exchange = getattr(ADAPTER, part)
        return asked(exchange, about, simulation=SIMULATION, books=books, setup=SETUP)

    assert trip("order", ORDER).order_ref == REFERENCE
    assert books.begun == {REFERENCE: (246350, "100012345678")}
    (paid,) = trip("status", STATUS)
    assert (paid.outcome, paid.channel_ref) == (Outcome.SUCCEEDED, PAYMENT.channel_ref)
    assert (paid.rrn, paid.consumer_number) == (PAYMENT.rrn, PAYMENT.consumer_number)
    with pytest.raises(Declined, match="refund_not_found"):
        trip("refund_status", refund)
    sent = trip("refund", refund)
    assert trip("refund", refund) == sent
    assert trip("refund_status", refund) == sent
    assert (sent.outcome, sent.amount_paise) == (Outcome.SUCCEEDED, 46350)
    with pytest.raises(Declined, match="refund_amount_invalid"):
        trip("refund", replace(refund, reference="26H19-AAAAAAAA-AAAA", amount_paise=Paise(246350)))
    with pytest.raises(Declined, match="order_not_found"):
        trip("status", replace(STATUS, reference="26H18-NOBODYS0-0000", order_ref=""))
    (told,) = trip("history", DAY).notices
    assert (told.channel_ref, told.outcome) == (PAYMENT.channel_ref, Outcome.SUCCEEDED)
    wrong = replace(SETUP, secrets={"client_id": "TESTsample", "client_secret": "wrong"})
    assert ADAPTER.status is not None
    call = ADAPTER.status.call(STATUS, wrong)
    assert call.headers["x-client-secret"] == "wrong"
