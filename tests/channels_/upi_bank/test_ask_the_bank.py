"""The bank's API as documented: literal answers, round trips, and what is never believed."""

import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from channels_ import upi
from channels_.adapters.upi_bank import simulate, wire
from channels_.adapters.upi_bank.simulate import SIMULATION
from channels_.contract import (
    Adapter,
    Call,
    Declined,
    Inbound,
    LineKind,
    Method,
    NoticeKind,
    Outcome,
    RefundAsk,
    Setup,
    Stale,
    StatusAsk,
    Window,
    Wire,
    WrongMerchant,
)
from channels_.registry import adapter
from channels_.simulation import (
    Called,
    Happened,
    News,
    ReportRow,
    SamplePayment,
    SampleRefund,
)
from cspdcl.kernel.errors import Malformed, Unverified
from cspdcl.kernel.ids import new_reference
from cspdcl.kernel.money import Paise

AT = datetime(2026, 8, 18, 6, 30, tzinfo=UTC)
KEYS = dict.fromkeys(("callback_key", "api_key"), "c2FtcGxlLWtleS1vZi10aGUtdXBpLWJhbmstMDAwMSE=")
SETUP = Setup(
    merchant_id="SAMPLE0001",
    secrets=KEYS,
    api_url="https://bank.example/upi",
    at=AT,
    nonce="7" * 32,
)
REFERENCE = new_reference(AT)
REFUND_REFERENCE = new_reference(AT + timedelta(hours=1))
PAYMENT = SamplePayment(
    channel_ref="623012345678",
    order_ref="",
    amount_paise=123_450,
    method=Method.UPI,
    network="",
    issuer="SBIN",
    payer="sample.payer@okbank",
    mobile="9000000001",
    rrn="623012345678",
    utr="",
    consumer_number="100000000001",
    bill_number="B00000001",
    created_at=AT,
    paid_at=AT,
    fee_paise=0,
    tax_paise=0,
    reference=REFERENCE,
)
ASKED = StatusAsk(reference=REFERENCE, amount_paise=Paise(123_450), created_at=AT)
REFUND = RefundAsk(
    reference=REFUND_REFERENCE,
    amount_paise=Paise(3_450),
    payment_reference=REFERENCE,
    channel_ref=PAYMENT.channel_ref,
    paid_paise=Paise(123_450),
)


class Books:
    """The bank's books with one payment in them."""

    def __init__(self, outcome: Outcome = Outcome.SUCCEEDED) -> None:
        self.happened = Happened(PAYMENT, outcome)
        self.refunds: dict[str, SampleRefund] = {}

    def begin(self, reference: str, amount_paise: int, *, consumer_number: str) -> str:
        return f"{reference}/{consumer_number}/{amount_paise}"

    def find(self, ref: str) -> Happened | None:
        return self.happened if ref in (REFERENCE, PAYMENT.channel_ref) else None

    def refund(self, ref: str, *, reference: str, amount_paise: int) -> SampleRefund | None:
        if self.find(ref) is None or amount_paise > PAYMENT.amount_paise:
            return None
        made = SampleRefund("RFD0001", PAYMENT, amount_paise, AT, AT, "", reference)
        return self.refunds.setdefault(reference, made)

    def refunded(self, reference: str) -> SampleRefund | None:
        return self.refunds.get(reference)

    def between(self, since: datetime, until: datetime) -> list[Happened]:
        return [self.happened] if since <= PAYMENT.paid_at < until else []

    def report(self, day: date) -> list[ReportRow]:
        return [ROW] if day == date(2026, 8, 18) else []


ROW = ReportRow(
    channel_ref=PAYMENT.channel_ref,
    word="payment",
    debit_paise=0,
    credit_paise=123_332,
    amount_paise=123_450,
    fee_paise=100,
    tax_paise=18,
    created_at=AT,
    settled_at=AT + timedelta(days=1),
    settlement_ref="S1",
    utr="SBINN52026081911431836",
    order_ref=upi.carried(REFERENCE),
)


@pytest.fixture
def bank() -> Adapter:
    return adapter("upi_bank")


def answered(call: Call, books: Books, *, setup: Setup = SETUP) -> Wire:
    headers = {name.lower(): value for name, value in call.headers.items()}
    called = Called(call.method, call.url.removeprefix(setup.api_url), headers, call.body)
    return simulate.answer(called, books, setup)


def signed(said: dict[str, object]) -> Wire:
    body = json.dumps({"merchantId": "SAMPLE0001", **said}).encode()
    return Wire(body, 200, {"x-signature": wire.mac(KEYS["api_key"], b"7" * 32, body)})


def test_a_call_is_signed_as_agreed(bank: Adapter) -> None:
    assert bank.status is not None
    call = bank.status.call(ASKED, SETUP)

    assert call.url == "https://bank.example/upi/status"
    assert json.loads(call.body) == {
        "merchantId": "SAMPLE0001",
        "merchantTranId": REFERENCE.replace("-", ""),
    }
    assert wire.is_mac(
        call.headers["X-Signature"], KEYS["api_key"], b"1787034600", b"7" * 32, call.body
    )


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_state_of_a_payment_is_asked_and_read(bank: Adapter, outcome: Outcome) -> None:
    assert bank.status is not None
    books = Books(outcome)
    wired = answered(bank.status.call(ASKED, SETUP), books)

    (notice,) = bank.status.read(wired, SETUP, ASKED)

    assert (notice.outcome, notice.reference, notice.channel_ref) == (
        outcome,
        REFERENCE,
        PAYMENT.channel_ref,
    )


def test_what_the_bank_does_not_know_stays_open(bank: Adapter) -> None:
    assert bank.status is not None
    asked = replace(ASKED, reference=new_reference(AT))
    wired = answered(bank.status.call(asked, SETUP), Books())

    (notice,) = bank.status.read(wired, SETUP, asked)

    assert (notice.outcome, notice.code, notice.channel_ref) == (Outcome.PENDING, "RNF", "")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"merchantTranId": "another", "type": "PAY", "responseCode": "00"},
        {"merchantTranId": upi.carried(REFERENCE), "type": "PAY", "responseCode": "00"},
        {
            "merchantTranId": upi.carried(REFERENCE),
            "type": "PAY",
            "responseCode": "00",
            "currency": "INR",
            "bankRRN": "623012345678",
        },
    ],
)
def test_a_signed_answer_that_does_not_fit_is_not_understood(bank: Adapter, said) -> None:
    assert bank.status is not None
    with pytest.raises(Malformed):
        bank.status.read(signed(said), SETUP, ASKED)


@pytest.mark.parametrize("status", [200, 401, 404, 500, 502])
def test_an_answer_without_the_banks_signature_decides_nothing(bank: Adapter, status: int) -> None:
    assert bank.status is not None
    assert bank.refund is not None
    page = Wire(b"<html>try later</html>", status)

    with pytest.raises(Malformed):
        bank.status.read(page, SETUP, ASKED)
    with pytest.raises(Malformed):
        bank.refund.read(page, SETUP, REFUND)


def test_an_answer_to_another_call_of_ours_is_not_taken(bank: Adapter) -> None:
    assert bank.status is not None
    old = answered(bank.status.call(ASKED, SETUP), Books())

    with pytest.raises(Malformed, match="not signed for this call"):
        bank.status.read(old, replace(SETUP, nonce="8" * 32), ASKED)


def test_a_refund_is_asked_once_and_followed(bank: Adapter) -> None:
    assert bank.refund is not None
    assert bank.refund_status is not None
    books = Books()
    first = bank.refund.read(answered(bank.refund.call(REFUND, SETUP), books), SETUP, REFUND)
    again = bank.refund.read(answered(bank.refund.call(REFUND, SETUP), books), SETUP, REFUND)
    state = bank.refund_status.read(
        answered(bank.refund_status.call(REFUND, SETUP), books), SETUP, REFUND
    )

    assert first == again == state
    assert (first.kind, first.outcome, first.refund_ref, first.amount_paise) == (
        NoticeKind.REFUND,
        Outcome.SUCCEEDED,
        "RFD0001",
        3_450,
    )


def test_a_refused_refund_is_a_definite_no(bank: Adapter) -> None:
    assert bank.refund is not None
    asked = replace(REFUND, amount_paise=Paise(999_999))
    wired = answered(bank.refund.call(asked, SETUP), Books())

    with pytest.raises(Declined, match="U48"):
        bank.refund.read(wired, SETUP, asked)


def test_the_news_of_a_while_are_pulled(bank: Adapter) -> None:
    assert bank.history is not None
    window = Window(since=AT, until=AT + timedelta(hours=1))

    pulled = bank.history.read(answered(bank.history.call(window, SETUP), Books()), SETUP, window)

    assert [one.channel_ref for one in pulled.notices] == [PAYMENT.channel_ref]
    assert pulled.cursor == ""


def test_the_mis_says_what_the_callback_said(bank: Adapter) -> None:
    assert bank.report is not None
    window = Window(since=AT, until=AT + timedelta(days=1))
    pulled = bank.report.read(answered(bank.report.call(window, SETUP), Books()), SETUP, window)
    (known,) = bank.formats

    (statement,) = known.read(io.BytesIO(pulled.content))
    (line,) = statement.lines

    assert (line.kind, line.amount_paise, line.fee_paise, line.tax_paise) == (
        LineKind.PAYMENT,
        123_450,
        100,
        18,
    )
    assert (line.channel_ref, line.rrn, line.reference) == (
        PAYMENT.channel_ref,
        PAYMENT.channel_ref,
        REFERENCE,
    )
    assert (line.utr, line.business_date) == ("SBINN52026081911431836", date(2026, 8, 19))
    assert not statement.refusals


def test_a_day_without_settlement_has_no_file(bank: Adapter) -> None:
    assert bank.report is not None
    window = Window(since=AT - timedelta(days=3), until=AT)

    pulled = bank.report.read(answered(bank.report.call(window, SETUP), Books()), SETUP, window)

    assert pulled.content == b""


def test_the_columns_of_another_bank_need_no_code(bank: Adapter) -> None:
    assert bank.layouts is not None
    (known,) = bank.layouts(
        {
            "report": {
                "columns": {"channel_ref": "UPI Ref", "amount": "Amt", "settled_on": "On"},
                "kinds": {"Sale": "payment"},
                "dates": ["%d.%m.%y"],
            }
        }
    )
    text = b"My Bank\nUPI Ref,Amt,On,Txn Type\n623012345678,1234.50,19.08.26,Sale\n"

    (statement,) = known.read(io.BytesIO(text))

    assert [line.amount_paise for line in statement.lines] == [123_450]


@pytest.mark.parametrize("mode", ["aes_gcm", "aes_cbc"])
@pytest.mark.parametrize("news", [News.PAID, News.FAILED])
def test_a_sealed_callback_is_opened_with_the_shared_key_only(bank: Adapter, mode, news) -> None:
    assert bank.verify is not None
    assert bank.parse is not None
    setup = replace(SETUP, settings={"callback": mode})
    sent = simulate.seal(simulate.tell(news, PAYMENT, AT, "e-1"), setup)
    inbound = Inbound(sent.body, simulate.sign(sent, setup))

    bank.verify(inbound, setup)
    (notice,) = bank.parse(inbound, setup)

    assert notice.reference == REFERENCE
    assert notice.confirm == (mode == "aes_cbc")  # CBC proves nothing: the bank is asked
    other = replace(setup, secrets={"callback_key": "b3RoZXIta2V5LW9mLXRoZS11cGktYmFuay0wMDAxISE="})
    with pytest.raises(Unverified):
        bank.verify(inbound, other)
    with pytest.raises(WrongMerchant):
        bank.verify(inbound, replace(setup, merchant_id="OTHER"))


@pytest.mark.parametrize(("mode", "is_theirs"), [("aes_gcm", True), ("aes_cbc", False)])
def test_an_unproved_callback_cannot_take_the_place_of_one_to_come(
    bank: Adapter, mode, is_theirs
) -> None:
    assert bank.event_key is not None
    setup = replace(SETUP, settings={"callback": mode})
    sent = [
        simulate.seal(simulate.tell(news, PAYMENT, AT, "e-1"), setup)
        for news in (News.PAID, News.FAILED)
    ]
    keys = {bank.event_key(Inbound(one.body, {}), setup) for one in sent}

    assert (keys == {"e-1"}) is is_theirs
    assert len(keys) == (1 if is_theirs else 2)


def test_a_changed_byte_of_a_gcm_envelope_is_refused(bank: Adapter) -> None:
    assert bank.verify is not None
    setup = replace(SETUP, settings={"callback": "aes_gcm"})
    sent = simulate.seal(simulate.tell(News.PAID, PAYMENT, AT, "e-1"), setup)
    said = json.loads(sent.body)
    for name in ("iv", "data", "merchantId"):
        value = said[name]
        for place in range(0, len(value.rstrip("=")) - 1, 7):
            other = "A" if value[place] != "A" else "B"
            changed = {**said, name: value[:place] + other + value[place + 1 :]}
            with pytest.raises(Unverified):
                bank.verify(Inbound(json.dumps(changed).encode(), {}), setup)


@pytest.mark.parametrize(("late", "is_stale"), [(300, False), (301, True), (-301, True)])
def test_a_signed_moment_grows_stale(bank: Adapter, late: int, is_stale) -> None:
    assert bank.verify is not None
    sent = SIMULATION.tell(News.PAID, PAYMENT, AT, "e-1")
    headers = {name.lower(): value for name, value in SIMULATION.sign(sent, SETUP).items()}
    later = replace(SETUP, at=AT + timedelta(seconds=late))

    if is_stale:
        with pytest.raises(Stale):
            bank.verify(Inbound(sent.body, headers), later)
    else:
        bank.verify(Inbound(sent.body, headers), later)


@pytest.mark.parametrize(
    "setup",
    [
        replace(SETUP, secrets={}),
        replace(SETUP, secrets={"callback_key": ""}),
        replace(SETUP, settings={"callback": "none"}),
        replace(SETUP, settings={"callback": "aes_gcm"}),
    ],
)
def test_a_channel_that_is_set_up_by_half_believes_nobody(bank: Adapter, setup: Setup) -> None:
    assert bank.verify is not None
    sent = SIMULATION.tell(News.PAID, PAYMENT, AT, "e-1")
    headers = {name.lower(): value for name, value in SIMULATION.sign(sent, SETUP).items()}

    with pytest.raises(Unverified):
        bank.verify(Inbound(sent.body, headers), setup)


def test_fresh_keys_serve_every_mode(bank: Adapter) -> None:
    keys = simulate.make_keys()
    assert bank.verify is not None
    for mode in ("hmac", "aes_gcm", "aes_cbc"):
        setup = replace(SETUP, secrets=keys.theirs, settings={"callback": mode})
        sent = simulate.seal(simulate.tell(News.PAID, PAYMENT, AT, "e-1"), setup)
        headers = {name.lower(): value for name, value in simulate.sign(sent, setup).items()}
        bank.verify(Inbound(sent.body, headers), replace(setup, secrets=keys.ours))
