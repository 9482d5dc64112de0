"""A small world behind a gateway's simulated API: a few payments, made up, and what was asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from channels_.contract import Call, Exchange, Method, Outcome, Setup, Wire
from channels_.simulation import (
    Called,
    Happened,
    ReportRow,
    SampleDispute,
    SamplePayment,
    SampleRefund,
    Simulation,
)

NOON: Final = datetime(2026, 8, 18, 6, 30, tzinfo=UTC)
REFERENCE: Final = "26H18-3RZ7K2MQ-4T00"
REFUND_REFERENCE: Final = "26H19-0Q7W2K9D-1ABH"

PAYMENT: Final = SamplePayment(
    channel_ref="7000000000001",
    order_ref="order_Sample00000001",
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
    created_at=NOON,
    paid_at=NOON + timedelta(seconds=40),
    fee_paise=2000,
    tax_paise=360,
    reference=REFERENCE,
)
REFUND: Final = SampleRefund(
    channel_ref="9000000000001",
    payment=PAYMENT,
    amount_paise=46350,
    created_at=NOON + timedelta(days=1),
    processed_at=NOON + timedelta(days=1, hours=2),
    rrn="623099887766",
    reference=REFUND_REFERENCE,
)
DISPUTE: Final = SampleDispute(
    dispute_ref="433475258",
    payment=PAYMENT,
    amount_paise=246350,
    raised_at=NOON + timedelta(days=2),
    respond_by=NOON + timedelta(days=9),
    reason="credit_not_processed",
)
ROW: Final = ReportRow(
    channel_ref=PAYMENT.channel_ref,
    word="payment",
    debit_paise=0,
    credit_paise=243990,
    amount_paise=246350,
    fee_paise=2000,
    tax_paise=360,
    created_at=PAYMENT.paid_at,
    settled_at=NOON + timedelta(days=2),
    settlement_ref="45345",
    utr="AXISN0000012345",
    order_ref=REFERENCE,
    method="upi",
    consumer_number=PAYMENT.consumer_number,
)
REFUND_ROW: Final = ReportRow(
    channel_ref=REFUND.channel_ref,
    word="refund",
    debit_paise=46350,
    credit_paise=0,
    amount_paise=46350,
    fee_paise=0,
    tax_paise=0,
    created_at=REFUND.processed_at,
    settled_at=NOON + timedelta(days=2),
    settlement_ref="45345",
    utr="AXISN0000012345",
    payment_ref=PAYMENT.channel_ref,
    order_ref=REFERENCE,
)


@dataclass
class SmallWorld:
    """Payments that happened, with the refunds that are asked for."""

    happened: list[Happened] = field(default_factory=list)
    rows: Sequence[ReportRow] = (ROW, REFUND_ROW)
    begun: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked_on: list[date] = field(default_factory=list)

    def begin(self, reference: str, amount_paise: int, *, consumer_number: str) -> str:
        self.begun[reference] = (amount_paise, consumer_number)
        return PAYMENT.order_ref

    def find(self, ref: str) -> Happened | None:
        for one in self.happened:
            payment = one.payment
            if ref and ref in (payment.reference, payment.channel_ref, payment.order_ref):
                return one
        return None

    def refund(self, ref: str, *, reference: str, amount_paise: int) -> SampleRefund | None:
        known = self.refunded(reference)
        found = self.find(ref)
        if known is not None or found is None:
            return known
        back = sum(refund.amount_paise for refund in found.refunds)
        if back + amount_paise > found.payment.amount_paise:
            return None
        made = REFUND._replace(
            payment=found.payment, reference=reference, amount_paise=amount_paise
        )
        place = self.happened.index(found)
        self.happened[place] = replace(found, refunds=(*found.refunds, made))
        return made

    def refunded(self, reference: str) -> SampleRefund | None:
        for one in self.happened:
            for refund in one.refunds:
                if reference in (refund.reference, refund.channel_ref):
                    return refund
        return None

    def between(self, since: datetime, until: datetime) -> Sequence[Happened]:
        return [one for one in self.happened if since <= one.payment.paid_at < until]

    def report(self, day: date) -> Sequence[ReportRow]:
        self.asked_on.append(day)
        return self.rows


def world(outcome: Outcome = Outcome.SUCCEEDED) -> SmallWorld:
    """One payment that ended so."""
    return SmallWorld([Happened(PAYMENT, outcome)])


def delivered(call: Call, simulation: Simulation, books: SmallWorld, setup: Setup) -> Wire:
    """What the partner answers to a call, as if it had gone over the wire."""
    assert simulation.answer is not None
    assert call.url.startswith(setup.api_url)
    address = urlsplit(call.url.removeprefix(setup.api_url))
    headers = {name.lower(): value for name, value in call.headers.items()}
    called = Called(call.method, address.geturl(), headers, call.body)
    return simulation.answer(called, books, setup)


def asked(
    exchange: Exchange[Any, Any] | None,
    about: Any,
    *,
    simulation: Simulation,
    books: SmallWorld,
    setup: Setup,
) -> Any:
    """The round trip: our call, their answer, our reading of it."""
    assert exchange is not None
    return exchange.read(
        delivered(exchange.call(about, setup), simulation, books, setup), setup, about
    )
