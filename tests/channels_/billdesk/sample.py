"""What the tests of BillDesk share: who we are there, one payment, and its played books."""

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from channels_.adapters.billdesk.simulate import SIMULATION
from channels_.contract import Call, Method, Outcome, Setup, Wire
from channels_.simulation import Called, Happened, SamplePayment
from cspdcl.kernel.clock import INDIA
from simulator.books import Books

KEY: Final = "golden signing key of billdesk 01"
ENCRYPTION: Final = "golden encryption key 0123456789"
REFERENCE: Final = "26H18-3RZ7K2MQ-4TX2"
ORDER_ID: Final = "26H183RZ7K2MQ4TX2"
PAID_AT: Final = datetime(2026, 8, 18, 11, 40, 7, tzinfo=INDIA)

SETUP: Final = Setup(
    merchant_id="SMPLCSPDCL",
    secrets={"signing_key": KEY, "encryption_key": ENCRYPTION},
    settings={"client_id": "smplcspdcl"},
    api_url="https://billdesk.example",
    at=datetime(2026, 8, 18, 6, 30, 5, 250_000, tzinfo=UTC),
    nonce="0123456789abcdef0123456789abcdef",
)

PAYMENT: Final = SamplePayment(
    channel_ref="U123000548102",
    order_ref=ORDER_ID,
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
)

TRANSACTION: Final[dict[str, Any]] = {
    "objectid": "transaction",
    "mercid": "SMPLCSPDCL",
    "orderid": ORDER_ID,
    "transactionid": "U123000548102",
    "amount": "2463.50",
    "surcharge": "0.00",
    "discount": "0.00",
    "charge_amount": "2463.50",
    "currency": "356",
    "transaction_date": "2026-08-18T11:40:07+05:30",
    "bank_ref_no": "623011223344",
    "bankid": "SBI",
    "txn_process_type": "upi",
    "payment_method_type": "upi",
    "itemcode": "DIRECT",
    "auth_status": "0300",
    "transaction_error_type": "success",
    "transaction_error_code": "TRS0000",
    "transaction_error_desc": "Transaction Successful",
    "additional_info": {"additional_info1": "100012345678", "additional_info2": "B26080012345"},
}


def books_with(outcome: Outcome = Outcome.SUCCEEDED) -> Books:
    """BillDesk's books with the one payment."""
    books = Books(SIMULATION)
    books.remember([Happened(PAYMENT, outcome)])
    return books


def wire_of(call: Call, books: Books, setup: Setup) -> Wire:
    """What the played BillDesk answers."""
    assert SIMULATION.answer is not None
    headers = {name.lower(): value for name, value in call.headers.items()}
    return SIMULATION.answer(
        Called(call.method, urlsplit(call.url).path, headers, call.body), books, setup
    )


def ask_played(exchange: Any, asked: Any, books: Books, setup: Setup = SETUP) -> Any:
    """A call of ours, answered by the played BillDesk and read."""
    return exchange.read(wire_of(exchange.call(asked, setup), books, setup), setup, asked)
