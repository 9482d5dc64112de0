"""One factory per model, valid by default."""

import hashlib
import hmac
import json
from datetime import date
from typing import TYPE_CHECKING, Any

from channels_.inbox import BODY_PLACE
from channels_.models import (
    BankAccount,
    Channel,
    ChannelSecret,
    FeeRate,
    InboundMessage,
    LedgerSystem,
    RefusalTally,
    StatementFile,
)
from channels_.secrets import _place
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.ids import new_reference
from payments.models import (
    Bill,
    Consumer,
    Counter,
    Deposit,
    Payment,
    PaymentEvent,
    Receipt,
    Refund,
    Tender,
)
from payments.states import State
from people.models import Office, User

if TYPE_CHECKING:  # a call of a factory gives a model, which mypy cannot see
    factory: Any = None
    DjangoModelFactory: Any = object
else:
    import factory
    from factory.django import DjangoModelFactory

WEBHOOK_SECRET = "a webhook secret of tests"
NOTICE_KEY = "a notice key of tests"


class OfficeFactory(DjangoModelFactory):
    class Meta:
        model = Office

    code = factory.Sequence(lambda n: f"OFF{n}")
    name = factory.LazyAttribute(lambda office: f"Office {office.code}")
    kind = Office.Kind.ZONE
    path = factory.LazyAttribute(lambda office: f"/{office.code}/")


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"user{n}")
    full_name = factory.LazyAttribute(lambda user: user.username.title())


class BankAccountFactory(DjangoModelFactory):
    class Meta:
        model = BankAccount

    code = factory.Sequence(lambda n: f"bank-{n}")
    name = factory.LazyAttribute(lambda account: f"Account {account.code}")
    bank = "A bank"
    account_number = factory.Sequence(lambda n: f"{10_000_000_000 + n}")


class LedgerSystemFactory(DjangoModelFactory):
    class Meta:
        model = LedgerSystem

    code = "sap"
    name = "SAP FI-CA"
    compared_from = date(2026, 8, 1)


class ChannelFactory(DjangoModelFactory):
    """A channel of our counters; the subclasses are those that send notices."""

    class Meta:
        model = Channel
        skip_postgeneration_save = True

    code = factory.Sequence(lambda n: f"cash{n}")
    name = factory.LazyAttribute(lambda channel: channel.code.title())
    adapter = "counter"
    route = Channel.Route.DEPOSIT
    is_live = True
    bank_account = factory.SubFactory(BankAccountFactory)


class ChannelSecretFactory(DjangoModelFactory):
    class Meta:
        model = ChannelSecret
        exclude = ("value",)

    channel = factory.SubFactory(ChannelFactory)
    name = "webhook_secret"
    value = WEBHOOK_SECRET
    sealed = factory.LazyAttribute(
        lambda row: crypto.seal(row.value.encode(), place=_place(row.channel, row.name))
    )


class RazorpayFactory(ChannelFactory):
    code = factory.Sequence(lambda n: f"razorpay{n}")
    adapter = "razorpay"
    route = Channel.Route.SETTLEMENT
    secret = factory.RelatedFactory(ChannelSecretFactory, "channel")


class BankTransferFactory(ChannelFactory):
    code = factory.Sequence(lambda n: f"neft{n}")
    adapter = "bank_transfer"
    route = Channel.Route.TRANSFER
    secret = factory.RelatedFactory(
        ChannelSecretFactory, "channel", name="notice_key", value=NOTICE_KEY
    )


class FeeRateFactory(DjangoModelFactory):
    class Meta:
        model = FeeRate

    channel = factory.SubFactory(RazorpayFactory)
    method = "card"
    percent = 2
    valid_from = date(2026, 4, 1)


class InboundMessageFactory(DjangoModelFactory):
    class Meta:
        model = InboundMessage
        exclude = ("raw",)

    channel = factory.SubFactory(RazorpayFactory)
    event_key = factory.Sequence(lambda n: f"evt_made_{n}")
    raw = b"{}"
    sha256 = factory.LazyAttribute(lambda message: hashlib.sha256(message.raw).hexdigest())
    body = factory.LazyAttribute(lambda message: crypto.seal(message.raw, place=BODY_PLACE))


class RefusalTallyFactory(DjangoModelFactory):
    class Meta:
        model = RefusalTally

    day = factory.LazyFunction(today)
    channel_code = "razorpay"
    kind = RefusalTally.Kind.FORGED
    count = 1
    last_at = factory.LazyFunction(now)


class StatementFileFactory(DjangoModelFactory):
    class Meta:
        model = StatementFile

    channel = factory.SubFactory(RazorpayFactory)
    sha256 = factory.Sequence(lambda n: f"{n:064x}")
    name = "settlement.csv"
    size = 10
    format = "razorpay_csv"
    state = StatementFile.State.LOADED


class ConsumerFactory(DjangoModelFactory):
    class Meta:
        model = Consumer

    number = factory.Sequence(lambda n: f"{100_000_000_000 + n}")
    business_partner = factory.Sequence(lambda n: f"{1_000_000_000 + n}")
    name = factory.Sequence(lambda n: f"Consumer {n}")
    office = factory.SubFactory(OfficeFactory)
    category = "LV-1"


class BillFactory(DjangoModelFactory):
    class Meta:
        model = Bill

    consumer = factory.SubFactory(ConsumerFactory)
    number = factory.Sequence(lambda n: f"B{n:08d}")
    period = "2026-08"
    amount_paise = 123_400
    issued_on = date(2026, 8, 1)
    due_on = date(2026, 8, 21)


class CounterFactory(DjangoModelFactory):
    class Meta:
        model = Counter

    code = factory.Sequence(lambda n: f"rpr{n}")
    name = factory.LazyAttribute(lambda counter: f"Counter {counter.code}")
    office = factory.SubFactory(OfficeFactory)
    bank_account = factory.SubFactory(BankAccountFactory)
    keeps_shifts = False  # a test of shifts says so


class DepositFactory(DjangoModelFactory):
    class Meta:
        model = Deposit

    reference = factory.Sequence(lambda n: f"DS-{n}")
    channel = factory.SubFactory(ChannelFactory)
    counter = factory.SubFactory(CounterFactory)
    office = factory.SelfAttribute("counter.office")
    bank_account = factory.SubFactory(BankAccountFactory)
    business_date = factory.LazyFunction(today)
    amount_paise = 100
    made_by = factory.SubFactory(UserFactory)


class PaymentFactory(DjangoModelFactory):
    """A payment that has been started; ``paid=True`` makes it one that succeeded."""

    class Meta:
        model = Payment

    class Params:
        paid = factory.Trait(state=State.SUCCEEDED, succeeded_at=factory.LazyFunction(now))

    reference = factory.LazyFunction(new_reference)
    channel = factory.SubFactory(RazorpayFactory)
    consumer = factory.SubFactory(ConsumerFactory)
    consumer_number = factory.SelfAttribute("consumer.number")
    office = factory.SelfAttribute("consumer.office")
    amount_paise = 123_400
    business_date = factory.LazyFunction(today)


class TenderFactory(DjangoModelFactory):
    class Meta:
        model = Tender

    payment = factory.SubFactory(PaymentFactory)
    method = "upi"
    amount_paise = factory.SelfAttribute("payment.amount_paise")


class PaymentEventFactory(DjangoModelFactory):
    class Meta:
        model = PaymentEvent

    payment = factory.SubFactory(PaymentFactory)
    from_state = State.CREATED
    to_state = State.SUCCEEDED
    cause = "a test"
    at = factory.LazyFunction(now)


class RefundFactory(DjangoModelFactory):
    class Meta:
        model = Refund

    payment = factory.SubFactory(PaymentFactory, paid=True)
    channel = factory.SelfAttribute("payment.channel")
    channel_ref = factory.Sequence(lambda n: f"rfnd_{n:08d}")
    amount_paise = 100
    state = Refund.State.SUCCEEDED
    business_date = factory.LazyFunction(today)


class ReceiptFactory(DjangoModelFactory):
    class Meta:
        model = Receipt

    payment = factory.SubFactory(PaymentFactory, paid=True)
    series = "WEB"
    year = "2026-27"
    number = factory.Sequence(lambda n: n + 1)


# ---- what channels send ----


def razorpay_body(
    event: str = "payment.captured",
    *,
    pay: str = "pay_00000001",
    order: str | None = "order_00000001",
    amount: int = 123_400,
    at: int = 1_787_000_000,
    notes: dict[str, str] | None = None,
    refund: str = "",
    **changes: object,
) -> bytes:
    """A webhook as Razorpay writes it; ``changes`` replace fields of the payment."""
    status = {"payment.authorized": "authorized", "payment.failed": "failed"}.get(event, "captured")
    payment = {
        "id": pay,
        "entity": "payment",
        "amount": amount,
        "currency": "INR",
        "status": status,
        "order_id": order,
        "method": "upi",
        "captured": status == "captured",
        "vpa": "someone@okbank",
        "notes": notes or [],
        "acquirer_data": {"rrn": f"{abs(hash(pay)) % 10**12:012d}"},
        "created_at": at,
        **changes,
    }
    payload: dict[str, object] = {"payment": {"entity": payment}}
    if refund:
        payload = {
            "refund": {
                "entity": {
                    "id": refund,
                    "entity": "refund",
                    "amount": amount,
                    "currency": "INR",
                    "payment_id": pay,
                    "status": event.removeprefix("refund."),
                    "created_at": at,
                }
            }
        }
    envelope = {"entity": "event", "event": event, "payload": payload, "created_at": at}
    return json.dumps(envelope).encode()


def razorpay_headers(
    body: bytes, event_id: str = "", secret: str = WEBHOOK_SECRET
) -> dict[str, str]:
    """The headers that prove the body."""
    headers = {"X-Razorpay-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}
    return {**headers, "x-razorpay-event-id": event_id} if event_id else headers


def bank_notice(
    *, event_id: str = "cr-1", utr: str = "SBINN26230000001", amount: str = "1234.00", **more: str
) -> tuple[bytes, dict[str, str]]:
    """A bank's credit notice and its headers."""
    said = {
        "event_id": event_id,
        "credited_at": "2026-08-18T10:30:00+05:30",
        "mode": "NEFT",
        "utr": utr,
        "amount": amount,
        "virtual_account": "CSPDCL1000000001",
        "consumer_number": "",
        "payer_name": "A PAYER",
        "payer_account": "00000012344821",
        "payer_ifsc": "SBIN0000001",
        **more,
    }
    body = json.dumps(said).encode()
    signature = hmac.new(NOTICE_KEY.encode(), body, hashlib.sha256).hexdigest()
    return body, {"X-Signature": signature, "X-Event-Id": event_id}
