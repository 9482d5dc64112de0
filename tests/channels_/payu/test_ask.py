"""What we ask PayU and how its answers are read: as documented, unclear, and as it is played."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.adapters.payu import ADAPTER
from channels_.adapters.payu.simulate import SIMULATION
from channels_.contract import (
    Call,
    Declined,
    Method,
    Notice,
    Order,
    Outcome,
    RefundAsk,
    Setup,
    StatusAsk,
    Window,
    Wire,
)
from channels_.simulation import Called, Happened, SamplePayment, SampleRefund
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import Paise
from simulator.books import Books
from tests.channels_.gateway_fuzz import changed, is_understood

SETUP: Final = Setup(
    merchant_id="SmplKy",
    secrets={"salt": "golden salt of payu"},
    api_url="https://payu.example",
    at=datetime(2026, 8, 18, 6, 30, tzinfo=UTC),
    nonce="0" * 32,
)
PAID_AT: Final = datetime(2026, 8, 18, 11, 40, 7, tzinfo=INDIA)
PAYMENT: Final = SamplePayment(
    channel_ref="403993715521889530",
    order_ref="26H18-3RZ7K2MQ-4TX",
    amount_paise=246350,
    method=Method.UPI,
    network="",
    issuer="SBIN",
    payer="sample@okbank",
    mobile="9000000000",
    rrn="623011223344",
    utr="",
    consumer_number="100012345678",
    bill_number="B26080012345",
    created_at=PAID_AT,
    paid_at=PAID_AT,
    fee_paise=1000,
    tax_paise=180,
    reference="26H18-3RZ7K2MQ-4TX",
)
ASK: Final = StatusAsk(reference="26H18-3RZ7K2MQ-4TX", amount_paise=Paise(246350))
REFUND: Final = RefundAsk(
    reference="26H20-1AB2C3D4-5EF",
    amount_paise=Paise(46350),
    payment_reference="26H18-3RZ7K2MQ-4TX",
    channel_ref="403993715521889530",
    order_ref="26H18-3RZ7K2MQ-4TX",
    paid_paise=Paise(246350),
)
ORDER: Final = Order(
    reference="26H18-3RZ7K2MQ-4TX",
    amount_paise=Paise(246350),
    consumer_number="100012345678",
    bill_number="B26080012345",
    payer_name="Sample | Payer",
    mobile="9000000000",
    email="sample@example.com",
    expires_at=SETUP.at + timedelta(minutes=30),
    return_url="https://pay.example/return",
)
# As documented by the provider for verify_payment, with the amounts of our sample.
DETAIL: Final[dict[str, Any]] = {
    "mihpayid": "403993715521889530",
    "request_id": "",
    "bank_ref_num": "721522",
    "amt": "2463.50",
    "transaction_amount": "2463.50",
    "txnid": "26H18-3RZ7K2MQ-4TX",
    "additional_charges": "0.00",
    "productinfo": "Electricity bill",
    "bankcode": "CC",
    "udf1": "100012345678",
    "udf2": "",
    "field2": "177047",
    "field9": "No Error",
    "error_code": "E000",
    "addedon": "2026-08-18 11:40:07",
    "card_type": "MAST",
    "error_Message": "NO ERROR",
    "net_amount_debit": 2463.5,
    "disc": "0.00",
    "mode": "CC",
    "PG_TYPE": "CC-PG",
    "card_no": "512345XXXXXX2346",
    "status": "success",
    "unmappedstatus": "captured",
    "Merchant_UTR": None,
    "Settled_At": "0000-00-00 00:00:00",
}


def answered(document: Any, status: int = 200) -> Wire:
    return Wire(json.dumps(document).encode(), status)


def verified(**changes: Any) -> Wire:
    details = {ASK.reference: {**DETAIL, **changes}}
    return answered({"status": 1, "msg": "1 out of 1", "transaction_details": details})


def status_of(wire: Wire, ask: StatusAsk = ASK) -> list[Notice]:
    assert ADAPTER.status is not None
    return list(ADAPTER.status.read(wire, SETUP, ask))


def form_of(call: Call) -> dict[str, str]:
    return dict(parse_qsl(call.body.decode(), keep_blank_values=True))


def ask_played(exchange: Any, asked: Any, books: Books, setup: Setup = SETUP) -> Any:
    call = exchange.call(asked, setup)
    place = urlsplit(call.url)
    path = f"{place.path}?{place.query}" if place.query else place.path
    headers = {name.lower(): value for name, value in call.headers.items()}
    assert SIMULATION.answer is not None
    wire = SIMULATION.answer(Called(call.method, path, headers, call.body), books, setup)
    return exchange.read(wire, setup, asked)


def books_with(outcome: Outcome, *refunds: SampleRefund) -> Books:
    books = Books(SIMULATION)
    books.remember([Happened(PAYMENT, outcome, refunds)])
    return books


def test_a_command_is_signed_over_four_words() -> None:
    assert ADAPTER.status is not None
    call = ADAPTER.status.call(ASK, SETUP)

    words = "SmplKy|verify_payment|26H18-3RZ7K2MQ-4TX|golden salt of payu"
    assert call.url == "https://payu.example/merchant/postservice?form=2"
    assert form_of(call) == {
        "key": "SmplKy",
        "command": "verify_payment",
        "var1": "26H18-3RZ7K2MQ-4TX",
        "hash": hashlib.sha512(words.encode()).hexdigest(),
    }


def test_a_paid_payment_is_told_by_its_own_id() -> None:
    (notice,) = status_of(verified())

    assert notice.outcome is Outcome.SUCCEEDED
    assert (notice.channel_ref, notice.reference) == ("403993715521889530", ASK.reference)
    assert (notice.amount_paise, notice.method, notice.rrn) == (246350, Method.CARD, "721522")
    assert (notice.payer, notice.occurred_at) == ("2346", PAID_AT)
    assert not notice.confirm


@pytest.mark.parametrize(
    ("changes", "outcome", "code"),
    [
        ({"status": "failure", "unmappedstatus": "dropped", "error_code": "E1602",
          "field9": "OTP/ATM page expired"}, Outcome.FAILED, "E1602"),
        ({"status": "failure", "field9": "U30|DEBIT HAS BEEN FAILED|x"}, Outcome.FAILED, "U30"),
        ({"status": "failure", "field9": "U67|DEBIT TIMEOUT|x"}, Outcome.PENDING, "U67"),
        ({"status": "pending", "unmappedstatus": "in progress"}, Outcome.PENDING, "in progress"),
        ({"status": "success", "unmappedstatus": "auth"}, Outcome.PENDING, "auth"),
        ({"status": "cancel", "field9": ""}, Outcome.FAILED, "E000"),
        ({"status": "on hold"}, Outcome.PENDING, "on hold"),
    ],
)  # fmt: skip
def test_other_words_are_never_taken_for_paid(
    changes: dict[str, Any], outcome: Outcome, code: str
) -> None:
    (notice,) = status_of(verified(**changes))

    assert (notice.outcome, notice.code) == (outcome, code)


def test_not_found_is_no_news() -> None:
    details = {ASK.reference: {"mihpayid": "Not Found", "status": "Not Found"}}
    wire = answered(
        {"status": 0, "msg": "0 out of 1 Transactions Fetched", "transaction_details": details}
    )

    assert status_of(wire) == []


@pytest.mark.parametrize(
    "wire",
    [
        Wire(b"", 502),
        Wire(b"<html>Bad gateway</html>"),
        answered({"status": 0, "msg": "Invalid Hash."}),
        answered({"status": 1, "transaction_details": {"another": DETAIL}}),
        answered({"status": 1, "transaction_details": []}),
        answered([]),
        verified(txnid="another"),
        verified(amt="0"),
        verified(amt="24.6350e2"),
        verified(amt=True, transaction_amount=None),
    ],
)
def test_an_unclear_answer_says_nothing(wire: Wire) -> None:
    with pytest.raises(Malformed):
        status_of(wire)


def test_a_txnid_that_is_not_ours_is_asked_for_by_payus_id() -> None:
    """Two successes of one txnid are told apart; the number that lost its digits is not read."""
    ask = replace(
        ASK,
        reference="26H18-7XYZABCD-1AB",
        order_ref=ASK.reference,
        channel_ref="403993715521889531",
    )
    assert ADAPTER.status is not None
    call = ADAPTER.status.call(ask, SETUP)
    details = {**DETAIL, "mihpayid": 403993715521889540}

    (notice,) = status_of(answered({"status": 1, "transaction_details": details}), ask)

    assert (form_of(call)["command"], form_of(call)["var1"]) == ("check_payment", ask.channel_ref)
    assert notice.channel_ref == "403993715521889531"
    with pytest.raises(Malformed, match="another txnid"):
        status_of(answered({"transaction_details": {**details, "txnid": "T1"}}), ask)


def test_an_order_becomes_a_page_to_open() -> None:
    assert ADAPTER.order is not None
    form = form_of(ADAPTER.order.call(ORDER, SETUP))
    invoice = json.loads(form["var1"])

    assert form["command"] == "create_invoice"
    assert (invoice["txnid"], invoice["amount"]) == (ORDER.reference, "2463.50")
    assert (invoice["udf1"], invoice["udf2"]) == ("100012345678", "B26080012345")
    assert (invoice["validation_period"], invoice["firstname"]) == ("30", "Sample   Payer")
    made = {
        "Transaction Id": ORDER.reference,
        "Email Id": "sample@example.com",
        "Phone": "9000000000",
        "Status": "Success",
        "URL": "https://test.payu.in/processInvoice?invoiceId=9eec02ac",
    }
    ordered = ADAPTER.order.read(answered(made), SETUP, ORDER)
    assert (ordered.order_ref, ordered.pay_url) == (ORDER.reference, made["URL"])


def test_an_order_that_may_exist_already_is_unclear() -> None:
    assert ADAPTER.order is not None
    again = {"status": 0, "msg": "Invoice for this transaction ID already exists."}
    with pytest.raises(Malformed):
        ADAPTER.order.read(answered(again), SETUP, ORDER)
    with pytest.raises(Declined, match="Invalid phone"):
        ADAPTER.order.read(answered({"status": 0, "msg": "Invalid phone"}), SETUP, ORDER)


def test_the_form_of_an_order_carries_the_request_hash() -> None:
    assert ADAPTER.offer is not None
    offered = ADAPTER.offer(ORDER, SETUP)

    words = (
        "SmplKy|26H18-3RZ7K2MQ-4TX|2463.50|Electricity bill|Sample   Payer|sample@example.com"
        "|100012345678|B26080012345|||||||||golden salt of payu"
    )
    assert offered.pay_url == "https://secure.payu.in/_payment"
    assert offered.form["hash"] == hashlib.sha512(words.encode()).hexdigest()
    assert offered.form["surl"] == offered.form["furl"] == "https://pay.example/return"
    assert "golden salt" not in "".join(offered.form.values())
    with pytest.raises(Declined):
        ADAPTER.offer(ORDER, replace(SETUP, settings={"order_by": "link"}))


def test_a_refund_is_queued_under_our_token() -> None:
    assert ADAPTER.refund is not None
    form = form_of(ADAPTER.refund.call(REFUND, SETUP))
    long = form_of(ADAPTER.refund.call(replace(REFUND, reference="R" * 30), SETUP))

    assert (form["var1"], form["var2"], form["var3"]) == (
        "403993715521889530",
        "26H20-1AB2C3D4-5EF",
        "463.50",
    )
    assert len(long["var2"]) == 23
    queued = {"status": 1, "msg": "Refund Request Queued", "request_id": "131278422",
              "bank_ref_num": None, "mihpayid": 403993715521889530, "error_code": 102}  # fmt: skip
    notice = ADAPTER.refund.read(answered(queued), SETUP, REFUND)
    assert (notice.outcome, notice.refund_ref) == (Outcome.PENDING, "131278422")
    assert (notice.amount_paise, notice.reference) == (46350, REFUND.reference)


@pytest.mark.parametrize("code", [105, "111", 116, "128"])
def test_a_definite_no_to_a_refund_is_declined(code: Any) -> None:
    assert ADAPTER.refund is not None
    with pytest.raises(Declined, match=str(code)):
        ADAPTER.refund.read(answered({"status": 0, "msg": "no", "error_code": code}), SETUP, REFUND)


@pytest.mark.parametrize(
    "said",
    [
        {"status": 0, "msg": "Token already exists", "error_code": 106},
        {"status": 0, "msg": "The request is already logged", "error_code": 109},
        {"status": 0, "msg": "needs follow-up", "error_code": 123},
        {"status": 0, "msg": "Invalid Hash."},
        {"status": 1, "msg": "Refund Request Queued", "error_code": 102},
        {"status": 1, "request_id": "131278422", "mihpayid": "another", "error_code": 102},
    ],
)
def test_a_refund_that_may_exist_is_never_declined(said: dict[str, Any]) -> None:
    assert ADAPTER.refund is not None
    with pytest.raises(Malformed):
        ADAPTER.refund.read(answered(said), SETUP, REFUND)


ACTION: Final[dict[str, Any]] = {
    "mihpayid": "403993715521937565",
    "bank_ref_num": "527013524405",
    "request_id": "131278422",
    "amt": "463.50",
    "mode": "CC",
    "action": "refund",
    "token": "26H20-1AB2C3D4-5EF",
    "status": "success",
    "bank_arn": None,
    "settlement_id": None,
    "UTR_no": None,
    "value_date": None,
    "refund_mode": "Back to Source",
}
CAPTURE: Final = {**ACTION, "request_id": "131278418", "action": "capture", "token": "",
                  "status": "SUCCESS", "amt": "2463.50"}  # fmt: skip
KNOWN: Final = replace(REFUND, channel_ref="403993715521937565", refund_ref="131278422")


def actions(*several: dict[str, Any]) -> Wire:
    """As documented: by the id of the payment, then by the id of each action."""
    found = {one["request_id"]: one for one in several}
    return answered({"status": 1, "transaction_details": {"403993715521937565": found}})


def refund_of(wire: Wire, ask: RefundAsk) -> Notice:
    assert ADAPTER.refund_status is not None
    return ADAPTER.refund_status.read(wire, SETUP, ask)


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("success", Outcome.SUCCEEDED),
        ("SUCCESS", Outcome.SUCCEEDED),
        ("FAILURE", Outcome.FAILED),
        ("queued", Outcome.PENDING),
        ("IN PROGRESS", Outcome.PENDING),
        ("REQUESTED", Outcome.PENDING),
        ("PENDING", Outcome.PENDING),
        ("parked", Outcome.PENDING),
    ],
)
@pytest.mark.parametrize("refund_ref", ["131278422", ""])
def test_a_refund_is_followed_by_its_id_or_our_token(
    word: str, outcome: Outcome, refund_ref: str
) -> None:
    ask = replace(KNOWN, refund_ref=refund_ref)
    assert ADAPTER.refund_status is not None
    form = form_of(ADAPTER.refund_status.call(ask, SETUP))

    notice = refund_of(actions(CAPTURE, {**ACTION, "status": word}), ask)

    assert form["var1"] == (refund_ref or ask.channel_ref)
    assert form.get("var2") == (None if refund_ref else "payuid")
    assert (notice.outcome, notice.refund_ref) == (outcome, "131278422")
    assert (notice.rrn, notice.amount_paise) == ("527013524405", 46350)


def test_a_refund_that_payu_does_not_know_did_not_happen() -> None:
    unknown = {"status": 0, "transaction_details": {"13127842": "No action status found"}}
    for wire in (answered(unknown), actions(CAPTURE), actions({**ACTION, "token": "other"})):
        with pytest.raises(Declined, match="not_found"):
            refund_of(wire, replace(KNOWN, refund_ref=""))


@pytest.mark.parametrize(
    "wire",
    [
        actions({**ACTION, "amt": "4635.00"}),
        answered({"status": 0, "msg": "Invalid Hash."}),
        answered({"status": 0, "transaction_details": {"1": "Please try later"}}),
        Wire(b"", 500),
    ],
)
def test_an_unclear_answer_of_a_refund_says_nothing(wire: Wire) -> None:
    with pytest.raises(Malformed):
        refund_of(wire, KNOWN)


def test_the_gap_of_an_hour_is_filled() -> None:
    assert ADAPTER.history is not None
    window = Window(since=PAID_AT - timedelta(hours=1), until=PAID_AT + timedelta(hours=1))
    row = {
        "id": "403993715521889443", "action": "capture", "status": "SUCCESS", "key": "SmplKy",
        "txnid": "02fdb4f0a0decd1e4937", "addedon": "2026-08-18 11:40:07", "amount": "10.00",
        "error_code": "E000", "bank_ref_no": "895255", "mode": "CC", "udf1": "",
    }  # fmt: skip
    refund = {**row, "id": "403993715521889444", "action": "refund"}
    told = {"status": 1, "Transaction_details": [row, {**row, "status": "FAILED"}, refund]}

    form = form_of(ADAPTER.history.call(window, SETUP))
    pulled = ADAPTER.history.read(answered(told), SETUP, window)

    assert (form["var1"], form["var2"]) == ("2026-08-18 10:40:07", "2026-08-18 12:40:07")
    assert [one.outcome for one in pulled.notices] == [Outcome.SUCCEEDED, Outcome.FAILED]
    assert (pulled.notices[0].channel_ref, pulled.notices[0].rrn) == (row["id"], "895255")
    assert pulled.cursor == ""
    with pytest.raises(Malformed):
        ADAPTER.history.read(answered({"status": 0, "msg": "Invalid Date"}), SETUP, window)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_played_payu_tells_the_same_payment_everywhere(outcome: Outcome) -> None:
    assert ADAPTER.history is not None
    books = books_with(outcome)
    window = Window(since=PAID_AT - timedelta(hours=1), until=PAID_AT + timedelta(hours=1))

    (by_status,) = ask_played(ADAPTER.status, ASK, books)
    (by_history,) = ask_played(ADAPTER.history, window, books).notices

    for notice in (by_status, by_history):
        assert (notice.outcome, notice.channel_ref) == (outcome, PAYMENT.channel_ref)
        assert (notice.amount_paise, notice.consumer_number) == (246350, "100012345678")


def test_played_payu_takes_an_order_and_pays_back_once() -> None:
    books = books_with(Outcome.SUCCEEDED)

    ordered = ask_played(ADAPTER.order, replace(ORDER, reference="26H18-9NEWONE0-7AB"), books)
    first = ask_played(ADAPTER.refund, REFUND, books)
    again = ask_played(ADAPTER.refund, REFUND, books)
    done = ask_played(ADAPTER.refund_status, replace(REFUND, refund_ref=first.refund_ref), books)
    by_token = ask_played(ADAPTER.refund_status, REFUND, books)

    assert ordered.pay_url.startswith("https://payu.example/")
    assert first.outcome is Outcome.PENDING
    assert first.refund_ref == again.refund_ref == done.refund_ref == by_token.refund_ref
    assert done.outcome is by_token.outcome is Outcome.SUCCEEDED
    with pytest.raises(Declined):
        ask_played(
            ADAPTER.refund, replace(REFUND, reference="R2", amount_paise=Paise(246350)), books
        )


def test_played_payu_believes_our_salt_only() -> None:
    other = replace(SETUP, secrets={"salt": "another"})
    assert ADAPTER.status is not None
    call = ADAPTER.status.call(ASK, other)
    assert SIMULATION.answer is not None

    wire = SIMULATION.answer(
        Called("POST", "/merchant/postservice?form=2", {}, call.body),
        books_with(Outcome.SUCCEEDED),
        SETUP,
    )

    assert json.loads(wire.body) == {"status": 0, "msg": "Invalid Hash."}


WINDOW: Final = Window(since=PAID_AT, until=PAID_AT + timedelta(hours=1))
MADE: Final = {
    "Transaction Id": ORDER.reference,
    "Status": "Success",
    "URL": "https://test.payu.in/processInvoice?invoiceId=9eec02ac",
}
QUEUED: Final = {"status": 1, "request_id": "131278422", "error_code": 102, "msg": "Queued"}
ROW: Final = {"id": "403993715521889443", "action": "capture", "status": "SUCCESS",
              "txnid": "02fdb4f0a0decd1e4937", "amount": "10.00"}  # fmt: skip
SETTLED: Final = {"status": 1, "msg": "1 transactions settled", "Txn_details": {"1": ROW}}
ANSWERS: Final[dict[str, tuple[Any, Any]]] = {
    "order": (ORDER, MADE),
    "status": (ASK, {"status": 1, "transaction_details": {ASK.reference: DETAIL}}),
    "refund": (REFUND, QUEUED),
    "refund_status": (
        KNOWN,
        {"status": 1, "transaction_details": {KNOWN.channel_ref: {"131278422": ACTION}}},
    ),
    "history": (WINDOW, {"status": 1, "Transaction_details": [ROW]}),
    "report": (WINDOW, SETTLED),
}


@pytest.mark.parametrize("part", sorted(ANSWERS))
@given(data=st.data(), status=st.sampled_from([200, 200, 200, 400, 500]))
def test_any_answer_is_read_or_refused_and_never_crashes(
    part: str, data: st.DataObject, status: int
) -> None:
    ask, document = ANSWERS[part]
    exchange = getattr(ADAPTER, part)
    assert is_understood(exchange, ask, document=document, status=200, setup=SETUP)

    other = changed(document, data)
    is_understood(exchange, ask, document=other, status=status, setup=SETUP)
