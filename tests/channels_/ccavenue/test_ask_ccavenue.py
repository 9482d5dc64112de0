"""CCAvenue's form and API: our texts, its documented answers, and the round trip."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.adapters.ccavenue import ADAPTER, cipher
from channels_.adapters.ccavenue.simulate import MERCHANT, SIMULATION
from channels_.contract import (
    Call,
    Declined,
    Exchange,
    LineKind,
    Method,
    Order,
    Outcome,
    RefundAsk,
    Setup,
    StatusAsk,
    Window,
    Wire,
)
from channels_.simulation import Happened
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import Paise
from tests.channels_.formats.loading import load
from tests.channels_.gateway_fuzz import changed
from tests.channels_.gateway_world import (
    NOON,
    PAYMENT,
    REFERENCE,
    REFUND,
    REFUND_REFERENCE,
    REFUND_ROW,
    ROW,
    SmallWorld,
    asked,
    world,
)

CBC: Final = Setup(
    merchant_id=MERCHANT,
    secrets={"working_key": "0123456789ABCDEF0123456789ABCDEF"},
    settings={"access_code": "AVSAMPLE00CSPDCL"},
    api_url="https://ccavenue.invalid",
    nonce="00112233445566778899aabbccddeeff",
)
GCM: Final = replace(CBC, settings={**CBC.settings, "cipher": "aes-256-gcm"})
BOTH: Final = pytest.mark.parametrize("setup", [CBC, GCM], ids=["cbc", "gcm"])
ORDER: Final = Order(
    reference=REFERENCE,
    amount_paise=Paise(246350),
    consumer_number="100012345678",
    bill_number="B26080012345",
    mobile="9000000000",
    email="void@example.com",
    return_url="https://us.invalid/back?a=1&b=2",
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
TRACKED: Final[dict[str, Any]] = {
    "status": 0,
    "error_desc": "",
    "order_no": REFERENCE,
    "reference_no": "310001234567",
    "order_status": "Shipped",
    "order_amt": "2463.50",
    "order_capt_amt": "2463.50",
    "order_currncy": "INR",
    "order_bank_ref_no": "623011223344",
    "order_option_type": "OPTUPI",
    "order_status_date_time": "2026-08-18 11:40:00.47",
    "merchant_param1": "100012345678",
}


def answered(document: Any, setup: Setup = CBC) -> Wire:
    """An answer as documented: two plain fields, the second encrypted, and a line's end."""
    text = document if isinstance(document, str) else json.dumps(document)
    return Wire(f"status=0&enc_response={cipher.encrypt(text, setup)}\r\n".encode())


def tracked(**changes: Any) -> Wire:
    return answered({"Order_Status_Result": {**TRACKED, **changes}})


def read(exchange: Exchange[Any, Any] | None, wire: Wire, about: Any, setup: Setup = CBC) -> Any:
    assert exchange is not None
    return exchange.read(wire, setup, about)


def sent(call: Call, setup: Setup) -> tuple[dict[str, str], dict[str, Any]]:
    form = dict(parse_qsl(call.body.decode()))
    return form, json.loads(cipher.decrypt(form["enc_request"], setup))


@BOTH
def test_the_form_carries_the_order_encrypted(setup: Setup) -> None:
    assert ADAPTER.offer is not None
    ordered = ADAPTER.offer(ORDER, setup)
    text = cipher.decrypt(ordered.form["encRequest"], setup)

    assert ordered.pay_url == (
        "https://secure.ccavenue.com/transaction/transaction.do?command=initiateTransaction"
    )
    assert ordered.order_ref == REFERENCE
    assert ordered.form["access_code"] == "AVSAMPLE00CSPDCL"
    fields = dict(part.partition("=")[::2] for part in text.split("&"))
    assert fields["merchant_id"] == MERCHANT
    assert (fields["order_id"], fields["amount"], fields["currency"]) == (
        REFERENCE,
        "2463.50",
        "INR",
    )
    assert (fields["merchant_param1"], fields["merchant_param2"]) == (
        "100012345678",
        "B26080012345",
    )
    assert len(fields) == text.count("&") + 1


def test_the_text_is_encrypted_as_the_merchants_kits_do() -> None:
    """AES-128-CBC under the MD5 of the key and the bytes 00 to 0F, in lower-case hex."""
    setup = replace(CBC, secrets={"working_key": "sample"})

    assert cipher.encrypt("order_id=1", setup) == KIT
    assert cipher.decrypt(KIT, setup) == "order_id=1"


KIT: Final = "bd6dca88190b343b515b573f3516dce6"


@BOTH
def test_a_status_call_asks_for_the_order(setup: Setup) -> None:
    assert ADAPTER.status is not None
    call = ADAPTER.status.call(STATUS, setup)
    form, body = sent(call, setup)

    assert call.url == "https://ccavenue.invalid/apis/servlet/DoWebTrans"
    assert (form["command"], form["request_type"], form["version"]) == (
        "orderStatusTracker",
        "JSON",
        "1.1",
    )
    assert body == {"order_no": REFERENCE}


def test_a_confirmed_order_is_read_as_the_return_tells_it() -> None:
    (notice,) = read(ADAPTER.status, tracked(), STATUS)

    assert (notice.outcome, notice.channel_ref) == (Outcome.SUCCEEDED, "310001234567")
    assert (notice.reference, notice.order_ref) == (REFERENCE, REFERENCE)
    assert (notice.amount_paise, notice.rrn, notice.method) == (246350, "623011223344", Method.UPI)
    assert notice.consumer_number == "100012345678"
    assert notice.occurred_at is not None
    assert notice.occurred_at.isoformat() == "2026-08-18T11:40:00.470000+05:30"
    assert not notice.confirm


def test_version_1_2_answers_without_the_outer_name_and_with_numbers() -> None:
    flat = json.dumps(TRACKED).replace('"2463.50"', "2463.5000").replace('"310001234567"', "31")
    (notice,) = read(ADAPTER.status, answered(flat), STATUS)

    assert (notice.amount_paise, notice.channel_ref) == (246350, "31")


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("Successful", Outcome.SUCCEEDED),
        ("Refunded", Outcome.SUCCEEDED),
        ("Chargeback", Outcome.SUCCEEDED),
        ("Unsuccessful", Outcome.FAILED),
        ("Aborted", Outcome.FAILED),
        ("Auto-Cancelled", Outcome.FAILED),
        ("Auto-Reversed", Outcome.FAILED),
        ("Awaited", Outcome.PENDING),
        ("Initiated", Outcome.PENDING),
        ("Timeout", Outcome.PENDING),
        ("Fraud", Outcome.PENDING),
        ("System refund", Outcome.PENDING),
        ("Something new", Outcome.PENDING),
    ],
)
def test_every_word_of_the_tracker(word: str, outcome: Outcome) -> None:
    (notice,) = read(ADAPTER.status, tracked(order_status=word), STATUS)

    assert (notice.outcome, notice.code) == (outcome, word)


def test_an_order_that_is_not_known_there_is_no_news() -> None:
    answer = answered({"Order_Status_Result": {"status": 1, "error_desc": "No records found."}})

    assert read(ADAPTER.status, answer, STATUS) == []


@pytest.mark.parametrize(
    "answer",
    [
        Wire(b"status=1&enc_response=Access_code: Invalid Parameter"),
        Wire(b"<html>Bad Gateway</html>"),
        Wire(b"status=0&enc_response=zz"),
        Wire(b"status=0&enc_response="),
        Wire(b"\xff"),
        Wire(b""),
        replace(tracked(), status=500),
        answered({"Order_Status_Result": TRACKED}, replace(CBC, secrets={"working_key": "x"})),
        answered("no json"),
        answered([]),
        tracked(status=1, order_status="", error_desc="Access denied"),
        tracked(order_no="another"),
        tracked(order_currncy="USD"),
        tracked(order_amt="0"),
        tracked(order_amt=None),
        tracked(order_amt="1e3"),
        tracked(reference_no=""),
        tracked(order_status_date_time="18/08/2026"),
    ],
)
def test_a_status_that_is_not_understood_says_nothing(answer: Wire) -> None:
    with pytest.raises(Malformed):
        read(ADAPTER.status, answer, STATUS)


def test_a_refund_call_carries_our_own_reference() -> None:
    assert ADAPTER.refund is not None
    form, body = sent(ADAPTER.refund.call(BACK, CBC), CBC)

    assert form["command"] == "refundOrder"
    assert body == {
        "reference_no": PAYMENT.channel_ref,
        "refund_amount": "463.50",
        "refund_ref_no": REFUND_REFERENCE,
    }


def refunded(**result: Any) -> Wire:
    return answered({"Refund_Order_Result": result})


def test_a_refund_that_was_done_goes_by_our_reference() -> None:
    notice = read(ADAPTER.refund, refunded(refund_status=0, reason=""), BACK)

    assert notice.outcome is Outcome.SUCCEEDED
    assert (notice.refund_ref, notice.channel_ref) == (REFUND_REFERENCE, PAYMENT.channel_ref)


def test_a_refund_that_is_refused_is_declined() -> None:
    answer = refunded(refund_status="1", reason="Invalid amount", error_code="51204")
    with pytest.raises(Declined, match="51204: Invalid amount"):
        read(ADAPTER.refund, answer, BACK)


@pytest.mark.parametrize(
    "answer",
    [
        refunded(refund_status=1, reason="Order is already refunded"),
        refunded(refund_status=1, reason="Duplicate refund_ref_no"),
        refunded(refund_status=2),
        refunded(),
        Wire(b"status=1&enc_response=something"),
    ],
)
def test_an_unclear_answer_to_a_refund_stays_unclear(answer: Wire) -> None:
    with pytest.raises(Malformed):
        read(ADAPTER.refund, answer, BACK)


@pytest.mark.parametrize(
    ("word", "amount", "outcome"),
    [
        ("Refunded", 246350, Outcome.SUCCEEDED),
        ("Refunded", 46350, Outcome.PENDING),
        ("Shipped", 246350, Outcome.PENDING),
    ],
)
def test_only_a_whole_refund_is_seen_in_the_order(word: str, amount: int, outcome: Outcome) -> None:
    about = replace(BACK, amount_paise=Paise(amount), channel_ref="310001234567")

    assert read(ADAPTER.refund_status, tracked(order_status=word), about).outcome is outcome
    with pytest.raises(Malformed):
        read(ADAPTER.refund_status, tracked(reference_no="31"), about)


def ask(exchange: Exchange[Any, Any] | None, about: Any, books: SmallWorld, setup: Setup) -> Any:
    return asked(exchange, about, simulation=SIMULATION, books=books, setup=setup)


@BOTH
def test_the_whole_way_of_a_payment_and_its_refund(setup: Setup) -> None:
    books = world()
    whole = replace(BACK, amount_paise=Paise(246350))

    (paid,) = ask(ADAPTER.status, STATUS, books, setup)
    assert (paid.outcome, paid.channel_ref) == (Outcome.SUCCEEDED, PAYMENT.channel_ref)
    assert paid.bill_number == "B26080012345"
    assert ask(ADAPTER.refund_status, whole, books, setup).outcome is Outcome.PENDING
    assert ask(ADAPTER.refund, whole, books, setup).outcome is Outcome.SUCCEEDED
    assert ask(ADAPTER.refund_status, whole, books, setup).outcome is Outcome.SUCCEEDED
    with pytest.raises(Declined):
        ask(ADAPTER.refund, replace(BACK, reference="26H19-MORE"), books, setup)


@pytest.mark.parametrize("outcome", [Outcome.PENDING, Outcome.FAILED])
def test_other_ends_of_a_payment(outcome: Outcome) -> None:
    (notice,) = ask(ADAPTER.status, STATUS, world(outcome), CBC)

    assert notice.outcome is outcome
    assert ask(ADAPTER.status, STATUS, SmallWorld(), CBC) == []


def test_a_gap_is_filled_page_by_page() -> None:
    books = SmallWorld(
        [
            Happened(PAYMENT._replace(channel_ref=f"3100{n:04d}"), Outcome.SUCCEEDED)
            for n in range(60)
        ]
    )
    window = Window(since=NOON - timedelta(hours=1), until=NOON + timedelta(hours=1))
    found: list[str] = []
    while True:
        page = ask(ADAPTER.history, window, books, GCM)
        found += [one.channel_ref for one in page.notices]
        if not page.cursor:
            break
        window = replace(window, cursor=page.cursor)

    assert found == [f"3100{n:04d}" for n in range(60)]
    assert window.cursor == "3"
    empty = ask(ADAPTER.history, replace(window, cursor=""), SmallWorld(), GCM)
    assert (list(empty.notices), empty.cursor) == ([], "")


@pytest.mark.parametrize(
    "document",
    [
        {"error_desc": "Access denied"},
        {"order_Status_List": {}},
        {"order_Status_List": [TRACKED], "page_count": "many"},
        {"order_Status_List": [TRACKED], "page_count": 100000},
        {"order_Status_List": ["x"]},
    ],
)
def test_a_page_that_is_not_understood_says_nothing(document: Any) -> None:
    window = Window(since=NOON, until=NOON)
    with pytest.raises(Malformed):
        read(ADAPTER.history, answered(document), window)


def test_the_payout_file_of_the_simulation_is_read_to_the_paisa() -> None:
    assert SIMULATION.report is not None
    assert ADAPTER.layouts is not None
    (known,) = ADAPTER.layouts({})
    data = SIMULATION.report([ROW, REFUND_ROW])["csv"]
    assert known.sniff(data[:4096])
    ((_page, (payment, refund)),) = load(known, data)

    assert (payment.kind, payment.channel_ref) == (LineKind.PAYMENT, PAYMENT.channel_ref)
    assert (payment.amount_paise, payment.fee_paise, payment.tax_paise) == (246350, 2000, 360)
    assert (payment.reference, payment.utr, payment.method) == (
        REFERENCE,
        "AXISN0000012345",
        "upi",
    )
    assert (refund.kind, refund.amount_paise) == (LineKind.REFUND, -46350)
    assert (refund.channel_ref, refund.original_ref) == (REFUND.channel_ref, PAYMENT.channel_ref)


@pytest.mark.parametrize(
    ("exchange", "about", "document"),
    [
        (ADAPTER.status, STATUS, {"Order_Status_Result": TRACKED}),
        (ADAPTER.refund, BACK, {"Refund_Order_Result": {"refund_status": 0, "reason": ""}}),
        (
            ADAPTER.refund_status,
            replace(BACK, channel_ref="310001234567"),
            {"Order_Status_Result": TRACKED},
        ),
        (
            ADAPTER.history,
            Window(since=NOON, until=NOON),
            {"order_Status_List": [TRACKED, TRACKED], "page_count": 1},
        ),
    ],
    ids=["status", "refund", "refund_status", "history"],
)
@given(data=st.data())
def test_any_value_in_an_answer_is_read_or_refused(
    exchange: Exchange[Any, Any] | None, about: Any, document: Any, data: st.DataObject
) -> None:
    read(exchange, answered(document), about)
    try:
        read(exchange, answered(changed(document, data)), about)
    except (Malformed, Declined):
        return
