"""What we ask BillDesk in both protocols: literal answers, unclear ones, the played partner."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.adapters.billdesk import ADAPTER
from channels_.adapters.billdesk.wires import open_message, open_token, piped, sealed
from channels_.contract import (
    Declined,
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
from tests.channels_.billdesk.sample import (
    ORDER_ID,
    PAID_AT,
    PAYMENT,
    REFERENCE,
    SETUP,
    TRANSACTION,
    ask_played,
    books_with,
    wire_of,
)
from tests.channels_.gateway_fuzz import changed

PIPED: Final = replace(SETUP, settings={"protocol": "pipe", "security_id": "smplcspdcl"})
ENCRYPTED: Final = replace(SETUP, settings={**SETUP.settings, "jwe_enc": "A256GCM"})
ASK: Final = StatusAsk(reference=REFERENCE, amount_paise=Paise(246350))
ORDER: Final = Order(
    reference=REFERENCE,
    amount_paise=Paise(246350),
    consumer_number="100012345678",
    bill_number="B|1",
    return_url="https://pay.example/return",
    expires_at=SETUP.at + timedelta(minutes=30),
)
REFUND: Final = RefundAsk(
    reference="26H20-1AB2C3D4-5EFG",
    amount_paise=Paise(46350),
    payment_reference=REFERENCE,
    channel_ref="U123000548102",
    order_ref=ORDER_ID,
    paid_paise=Paise(246350),
    paid_at=PAID_AT,
)
REFUNDED: Final[dict[str, Any]] = {
    "objectid": "refund",
    "refundid": "U12300054810201",
    "transactionid": "U123000548102",
    "orderid": ORDER_ID,
    "mercid": "SMPLCSPDCL",
    "transaction_date": "2026-08-18T11:40:07+05:30",
    "txn_amount": "2463.50",
    "refund_amount": "463.50",
    "currency": "356",
    "refund_date": "2026-08-20T14:45:27+05:30",
    "merc_refund_ref_no": "26H201AB2C3D45EFG",
    "refund_status": "0799",
}


def signed(said: dict[str, Any], status: int = 200, setup: Setup = SETUP) -> Wire:
    return Wire(sealed(said, setup).encode(), status)


def refused(status: int, kind: str) -> Wire:
    return signed({"error_type": kind, "error_code": "TRIDE0001", "message": "no"}, status)


def asked(exchange: Any, what: Any, setup: Setup = SETUP) -> dict[str, Any]:
    return dict(open_token(exchange.call(what, setup).body.decode(), setup))


def words(exchange: Any, what: Any) -> list[str]:
    (message,) = parse_qs(exchange.call(what, PIPED).body.decode())["msg"]
    return open_message(message, PIPED)


def test_a_call_is_signed_and_can_be_traced() -> None:
    assert ADAPTER.status is not None
    call = ADAPTER.status.call(ASK, SETUP)

    assert call.url == "https://billdesk.example/payments/ve1_2/transactions/get"
    assert call.headers == {
        "Content-Type": "application/jose",
        "Accept": "application/jose",
        "BD-Traceid": "0123456789abcdef0123456789abcdef",
        "BD-Timestamp": "1787034605",
    }
    assert asked(ADAPTER.status, ASK) == {"mercid": "SMPLCSPDCL", "orderid": ORDER_ID}


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("seconds", "1787034605"),
        ("milliseconds", "1787034605250"),
        ("clock", "20260818120005"),
    ],
)
def test_the_moment_is_written_as_agreed(form: str, written: str) -> None:
    assert ADAPTER.status is not None
    setup = replace(SETUP, settings={"timestamp": form})

    assert ADAPTER.status.call(ASK, setup).headers["BD-Timestamp"] == written


def test_a_paid_transaction_is_read() -> None:
    assert ADAPTER.status is not None
    (notice,) = ADAPTER.status.read(signed(TRANSACTION), SETUP, ASK)

    assert (notice.outcome, notice.channel_ref) == (Outcome.SUCCEEDED, "U123000548102")
    assert (notice.reference, notice.order_ref) == (REFERENCE, ORDER_ID)
    assert (notice.amount_paise, notice.method) == (246350, Method.UPI)
    assert (notice.rrn, notice.occurred_at) == ("623011223344", PAID_AT)
    assert (notice.consumer_number, notice.bill_number) == ("100012345678", "B26080012345")


@pytest.mark.parametrize(
    ("status", "agreed", "outcome"),
    [
        ("0399", {}, Outcome.FAILED),
        ("0398", {}, Outcome.FAILED),
        ("0398", {"auth_statuses": {"0398": "pending"}}, Outcome.PENDING),
        ("0002", {}, Outcome.PENDING),
        ("0001", {}, Outcome.PENDING),
        ("0397", {"auth_statuses": {"0397": "failed"}}, Outcome.FAILED),
        ("0777", {"auth_statuses": {"0777": "succeeded"}}, Outcome.PENDING),
        ("0300", {"auth_statuses": {"0300": "failed"}}, Outcome.SUCCEEDED),
    ],
)
def test_no_other_status_is_paid_whatever_is_agreed(
    status: str, agreed: dict[str, Any], outcome: Outcome
) -> None:
    assert ADAPTER.status is not None
    setup = replace(SETUP, settings={**SETUP.settings, **agreed})
    wire = signed({**TRANSACTION, "auth_status": status})

    (notice,) = ADAPTER.status.read(wire, setup, ASK)

    assert notice.outcome is outcome


def test_not_found_and_not_attempted_are_no_news() -> None:
    assert ADAPTER.status is not None
    nothing = {**TRANSACTION, "auth_status": "NA", "transactionid": "NA"}

    assert ADAPTER.status.read(refused(404, "api_processing_error"), SETUP, ASK) == []
    assert ADAPTER.status.read(signed(nothing), SETUP, ASK) == []


@pytest.mark.parametrize(
    "wire",
    [
        Wire(b"", 502),
        Wire(b"<html>not found</html>", 404),
        Wire(b"<html>fine</html>"),
        refused(500, "api_processing_error"),
        refused(409, "invalid_data_error"),
        refused(200, "invalid_data_error"),
        signed({**TRANSACTION, "orderid": "26H180000000000AB"}),
        signed({**TRANSACTION, "mercid": "OTHERMERC"}),
        signed({**TRANSACTION, "objectid": "order"}),
        signed(TRANSACTION, setup=replace(SETUP, secrets={"signing_key": "another key of theirs"})),
        signed({**TRANSACTION, "amount": "0.00"}),
    ],
)
def test_an_unclear_answer_says_nothing(wire: Wire) -> None:
    assert ADAPTER.status is not None
    with pytest.raises(Malformed):
        ADAPTER.status.read(wire, SETUP, ASK)


def test_an_order_is_asked_for_and_gives_the_way_on() -> None:
    assert ADAPTER.order is not None
    said = asked(ADAPTER.order, ORDER)
    answer = {
        "objectid": "order",
        "orderid": ORDER_ID,
        "bdorderid": "OAVS21T4I7QL",
        "mercid": "SMPLCSPDCL",
        "amount": "2463.50",
        "currency": "356",
        "status": "ACTIVE",
        "next_step": "redirect",
        "links": [
            {"href": "https://uat1.billdesk.com/u2/payments/orders/OA", "rel": "self"},
            {
                "href": "https://uat1.billdesk.com/u2/web/v1_2/embeddedsdk",
                "rel": "redirect",
                "method": "POST",
                "parameters": {"mercid": "SMPLCSPDCL", "bdorderid": "OAVS21T4I7QL", "rdata": "ab"},
                "headers": {"authorization": "OToken abc"},
            },
        ],
    }

    ordered = ADAPTER.order.read(signed(answer), SETUP, ORDER)

    assert (said["orderid"], said["amount"], said["currency"]) == (ORDER_ID, "2463.50", "356")
    assert said["order_date"] == "2026-08-18T12:00:05+05:30"
    assert said["additional_info"]["additional_info1"] == "100012345678"
    assert said["additional_info"]["additional_info2"] == "B 1"
    assert (ordered.order_ref, ordered.pay_url) == (
        ORDER_ID,
        "https://uat1.billdesk.com/u2/web/v1_2/embeddedsdk",
    )
    assert ordered.form == {"mercid": "SMPLCSPDCL", "bdorderid": "OAVS21T4I7QL", "rdata": "ab"}
    changes: tuple[dict[str, Any], ...] = (
        {"status": "EXPIRED"},
        {"orderid": "another"},
        {"links": []},
    )
    for change in changes:
        with pytest.raises(Malformed):
            ADAPTER.order.read(signed({**answer, **change}), SETUP, ORDER)
    with pytest.raises(Declined, match="TRIDE0001"):
        ADAPTER.order.read(refused(422, "invalid_data_error"), SETUP, ORDER)


def test_the_pipe_order_is_a_form_for_the_browser() -> None:
    assert ADAPTER.offer is not None
    assert ADAPTER.order is not None
    offered = ADAPTER.offer(ORDER, PIPED)

    assert offered.pay_url == "https://pgi.billdesk.com/pgidsk/PGIMerchantPayment"
    assert open_message(offered.form["msg"], PIPED) == [
        *("SMPLCSPDCL", ORDER_ID, "NA", "2463.50", "NA", "NA", "NA", "INR", "NA", "R"),
        *("smplcspdcl", "NA", "NA", "F", "100012345678", "B 1", "NA", "NA", "NA", "NA", "NA"),
        "https://pay.example/return",
    ]
    with pytest.raises(Declined):
        ADAPTER.order.call(ORDER, PIPED)
    with pytest.raises(Declined):
        ADAPTER.offer(ORDER, SETUP)


def test_a_refund_names_the_payment_and_its_moment() -> None:
    assert ADAPTER.refund is not None

    assert asked(ADAPTER.refund, REFUND) == {
        "mercid": "SMPLCSPDCL",
        "orderid": ORDER_ID,
        "transactionid": "U123000548102",
        "transaction_date": "2026-08-18T11:40:07+05:30",
        "txn_amount": "2463.50",
        "refund_amount": "463.50",
        "currency": "356",
        "merc_refund_ref_no": "26H201AB2C3D45EFG",
    }
    notice = ADAPTER.refund.read(signed(REFUNDED), SETUP, REFUND)
    assert (notice.outcome, notice.refund_ref) == (Outcome.SUCCEEDED, "U12300054810201")
    assert (notice.reference, notice.amount_paise) == (REFUND.reference, 46350)


def test_a_refund_without_the_moment_of_its_payment_is_not_sent() -> None:
    assert ADAPTER.refund is not None
    with pytest.raises(Declined, match="no_date"):
        ADAPTER.refund.call(RefundAsk(reference="R1", amount_paise=Paise(1), channel_ref="U123",
                                      payment_reference=REFERENCE), SETUP)  # fmt: skip


def test_only_a_signed_no_declines_a_refund() -> None:
    assert ADAPTER.refund is not None
    with pytest.raises(Declined, match="TRIDE0001"):
        ADAPTER.refund.read(refused(422, "invalid_data_error"), SETUP, REFUND)
    for wire in (
        refused(409, "invalid_data_error"),
        refused(422, "duplicate_request_error"),
        refused(500, "invalid_data_error"),
        Wire(b'{"error_type": "invalid_data_error"}', 422),
        signed({**REFUNDED, "transactionid": "U999"}),
        signed({**REFUNDED, "refund_amount": "4635.00"}),
        signed({**REFUNDED, "merc_refund_ref_no": "another"}),
        signed({**REFUNDED, "mercid": "OTHERMERC"}),
    ):
        with pytest.raises(Malformed):
            ADAPTER.refund.read(wire, SETUP, REFUND)


def test_a_refund_is_followed_by_their_id_or_our_reference() -> None:
    assert ADAPTER.refund_status is not None
    known = replace(REFUND, refund_ref="U12300054810201")

    assert asked(ADAPTER.refund_status, known)["refundid"] == "U12300054810201"
    assert asked(ADAPTER.refund_status, REFUND)["merc_refund_ref_no"] == "26H201AB2C3D45EFG"
    for status, outcome in (("0699", Outcome.SUCCEEDED), ("0701", Outcome.PENDING)):
        wire = signed({**REFUNDED, "refund_status": status})
        assert ADAPTER.refund_status.read(wire, SETUP, known).outcome is outcome
    agreed = replace(SETUP, settings={"refund_statuses": {"0701": "failed"}})
    wire = signed({**REFUNDED, "refund_status": "0701"})
    assert ADAPTER.refund_status.read(wire, agreed, known).outcome is Outcome.FAILED
    with pytest.raises(Declined, match="not_found"):
        ADAPTER.refund_status.read(refused(404, "api_processing_error"), SETUP, REFUND)
    with pytest.raises(Malformed):
        ADAPTER.refund_status.read(Wire(b"not found", 404), SETUP, REFUND)
    with pytest.raises(Malformed, match="another id"):
        ADAPTER.refund_status.read(signed({**REFUNDED, "refundid": "U777"}), SETUP, known)


# ---- pipes --------------------------------------------------------------------------------------

TOLD: Final = [
    *("0130", "SMPLCSPDCL", ORDER_ID, "MSBI0412001668", "19079921", "00002463.50", "SBI", "NA"),
    *("01", "INR", "NA", "NA", "NA", "NA", "18-08-2026 11:40:07", "0300", "NA"),
    *("100012345678", "B1", "NA", "NA", "NA", "NA", "NA", "NA", "NA"),
    *("NA", "0799", "463.50", "20260820", "R123", "Y"),
]


def queried(changed: list[str] | None = None, **places: str) -> Wire:
    told = list(changed or TOLD)
    for place, value in places.items():
        told[int(place.removeprefix("at"))] = value
    return Wire(piped(told, PIPED).encode())


def test_a_query_is_a_message_and_so_is_its_answer() -> None:
    assert ADAPTER.status is not None
    (notice,) = ADAPTER.status.read(queried(), PIPED, ASK)

    assert words(ADAPTER.status, ASK) == ["0122", "SMPLCSPDCL", ORDER_ID, "20260818120005"]
    assert (notice.outcome, notice.channel_ref) == (Outcome.SUCCEEDED, "MSBI0412001668")
    assert (notice.amount_paise, notice.reference) == (246350, REFERENCE)
    assert (notice.method, notice.consumer_number) == (Method.NETBANKING, "100012345678")


def test_a_query_that_found_nothing_is_no_news() -> None:
    assert ADAPTER.status is not None
    nothing = ["0130", "SMPLCSPDCL", ORDER_ID, *("NA",) * 28, "N"]

    assert ADAPTER.status.read(queried(nothing), PIPED, ASK) == []


@pytest.mark.parametrize(
    "wire",
    [
        Wire(b"Invalid Checksum"),
        Wire(b"", 500),
        Wire(b"\xff"),
        Wire(piped(TOLD, PIPED).replace("2463.50", "9463.50").encode()),
        queried(at0="0140"),
        queried(at1="OTHERMERC"),
        queried(at2="26H180000000000AB"),
        queried(at31="X"),
        queried(["0130"]),
        queried(TOLD[:12]),
    ],
)
def test_an_unclear_answer_to_a_query_says_nothing(wire: Wire) -> None:
    assert ADAPTER.status is not None
    with pytest.raises(Malformed):
        ADAPTER.status.read(wire, PIPED, ASK)


DESK: Final = [
    *("0410", "SMPLCSPDCL", "U123000548102", "20260818", ORDER_ID, "2463.50", "463.50"),
    *("20260818120005", "0799", "R12300054810201", "NA", "NA", "Y"),
]


def test_a_pipe_refund_is_pending_until_a_query_tells_of_it() -> None:
    assert ADAPTER.refund is not None
    assert ADAPTER.refund_status is not None
    assert words(ADAPTER.refund, REFUND) == [
        *("0400", "SMPLCSPDCL", "U123000548102", "20260818", ORDER_ID, "2463.50", "463.50"),
        *("20260818120005", "26H201AB2C3D45EFG", "NA", "NA", "NA"),
    ]
    notice = ADAPTER.refund.read(queried(DESK), PIPED, REFUND)
    assert (notice.outcome, notice.refund_ref) == (Outcome.PENDING, "R12300054810201")

    known = replace(REFUND, refund_ref="R123")
    done = ADAPTER.refund_status.read(queried(), PIPED, known)
    assert (done.outcome, done.refund_ref) == (Outcome.SUCCEEDED, "R123")
    for ask, wire in ((REFUND, queried()), (known, queried(at30="R999"))):
        with pytest.raises(Malformed):
            ADAPTER.refund_status.read(wire, PIPED, ask)


@pytest.mark.parametrize(
    "wire",
    [
        queried(DESK, at12="N"),
        queried(DESK, at8="NA"),
        queried(DESK, at6="4635.00"),
        queried(DESK, at2="U999"),
        queried(DESK[:-1]),
        Wire(b"ERROR"),
    ],
)
def test_an_unclear_pipe_refund_is_never_declined(wire: Wire) -> None:
    assert ADAPTER.refund is not None
    with pytest.raises(Malformed):
        ADAPTER.refund.read(wire, PIPED, REFUND)


# ---- the played partner -------------------------------------------------------------------------


@pytest.mark.parametrize("setup", [SETUP, ENCRYPTED, PIPED], ids=["jose", "jwe", "pipe"])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_played_billdesk_tells_the_same_payment(setup: Setup, outcome: Outcome) -> None:
    (notice,) = ask_played(ADAPTER.status, ASK, books_with(outcome), setup)

    assert (notice.outcome, notice.channel_ref) == (outcome, PAYMENT.channel_ref)
    assert (notice.amount_paise, notice.occurred_at) == (246350, PAID_AT)
    assert notice.consumer_number == "100012345678"


@pytest.mark.parametrize("setup", [SETUP, ENCRYPTED, PIPED], ids=["jose", "jwe", "pipe"])
def test_played_billdesk_does_not_know_every_order(setup: Setup) -> None:
    ask = replace(ASK, reference="26H18-0000000-00A")

    assert ask_played(ADAPTER.status, ask, books_with(), setup) == []


@pytest.mark.parametrize("setup", [SETUP, ENCRYPTED, PIPED], ids=["jose", "jwe", "pipe"])
def test_played_billdesk_pays_back_once(setup: Setup) -> None:
    books = books_with()

    first = ask_played(ADAPTER.refund, REFUND, books, setup)
    again = ask_played(ADAPTER.refund, REFUND, books, setup)
    known = replace(REFUND, refund_ref=first.refund_ref)
    done = ask_played(ADAPTER.refund_status, known, books, setup)

    assert first.refund_ref == again.refund_ref == done.refund_ref
    assert (done.outcome, done.amount_paise) == (Outcome.SUCCEEDED, 46350)
    too_much = replace(REFUND, reference="R2", amount_paise=Paise(246350))
    with pytest.raises((Declined, Malformed)):
        ask_played(ADAPTER.refund, too_much, books, setup)


def test_played_billdesk_takes_an_order() -> None:
    fresh = replace(ORDER, reference="26H18-9NEWONE0-7AB")
    books = books_with()

    ordered = ask_played(ADAPTER.order, fresh, books)

    assert ordered.pay_url.startswith("https://billdesk.example/")
    assert ordered.form["bdorderid"] == "OA26H189NEWONE07AB"
    (notice,) = ask_played(ADAPTER.status, replace(ASK, reference=fresh.reference), books)
    assert (notice.outcome, notice.amount_paise) == (Outcome.PENDING, 246350)


def test_played_billdesk_believes_our_key_only() -> None:
    assert ADAPTER.status is not None
    other = replace(SETUP, secrets={"signing_key": "a key that is not ours at all"})

    wire = wire_of(ADAPTER.status.call(ASK, other), books_with(), SETUP)

    assert wire.status == 401
    assert json.loads(json.dumps(dict(open_token(wire.body.decode(), SETUP))))["error_type"] == (
        "authentication_error"
    )


ORDERED: Final[dict[str, Any]] = {
    "objectid": "order",
    "orderid": ORDER_ID,
    "bdorderid": "OAVS21T4I7QL",
    "mercid": "SMPLCSPDCL",
    "status": "ACTIVE",
    "links": [
        {
            "href": "https://uat1.billdesk.com/u2/web/v1_2/embeddedsdk",
            "rel": "redirect",
            "parameters": {"bdorderid": "OAVS21T4I7QL", "rdata": "ab"},
            "headers": {"authorization": "OToken abc"},
        }
    ],
}
ANSWERS: Final[dict[str, tuple[Any, Any]]] = {
    "order": (ORDER, ORDERED),
    "status": (ASK, TRANSACTION),
    "refund": (REFUND, REFUNDED),
    "refund_status": (REFUND, REFUNDED),
}


@pytest.mark.parametrize("part", sorted(ANSWERS))
@given(data=st.data(), status=st.sampled_from([200, 200, 200, 404, 422, 500]))
def test_any_signed_answer_is_read_or_refused_and_never_crashes(
    part: str, data: st.DataObject, status: int
) -> None:
    ask, document = ANSWERS[part]
    exchange = getattr(ADAPTER, part)
    exchange.read(signed(document), SETUP, ask)

    error = {"error_type": "invalid_data_error", "error_code": "TRIDE0001", "message": "no"}
    other = changed(document if status == 200 else error, data)
    try:
        exchange.read(signed(other, status), SETUP, ask)
    except (Malformed, Declined):
        return


@given(data=st.data())
def test_any_words_of_a_query_are_read_or_refused(data: st.DataObject) -> None:
    assert ADAPTER.status is not None
    told = list(TOLD)
    told[data.draw(st.integers(0, len(told) - 1))] = data.draw(st.text(max_size=12))
    cut = data.draw(st.integers(0, 3))
    try:
        ADAPTER.status.read(queried(told[: len(told) - cut]), PIPED, ASK)
    except Malformed:
        return
