"""The API of payments, over HTTP, as integrators and offline counters use it."""

import pytest
from django.test import Client

from payments.models import Deposit, Payment, Receipt
from payments.states import State
from people.auth import make_api_key
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def machine(users, offices) -> Client:
    key = make_api_key(users["channel"], "tests")
    return Client(headers={"authorization": f"Bearer {key}"})


@pytest.fixture
def counter(offices):
    return make.CounterFactory(code="rpr1", office=offices["Z1"])


@pytest.fixture
def cash():
    return make.ChannelFactory(code="cash")


def item(consumer, number: int = 1, **more: object) -> dict[str, object]:
    return {
        "submit_key": f"key-of-a-counter-{number:04d}",
        "channel": "cash",
        "consumer_number": consumer.number,
        "amount_paise": 50_000,
        **more,
    }


def post(client: Client, path: str, body: object):
    return client.post(f"/api/v1/{path}", body, content_type="application/json")


def test_a_counter_hands_in_receipts_once(machine, counter, cash) -> None:
    consumer = make.ConsumerFactory()
    asked = {"receipts": [item(consumer, n) for n in range(3)]}

    first = post(machine, "counters/rpr1/receipts/", asked).json()["results"]
    again = post(machine, "counters/rpr1/receipts/", asked).json()["results"]

    assert [one["status"] for one in first] == ["taken"] * 3
    assert [one["status"] for one in again] == ["known"] * 3
    assert [one["receipt"] for one in first] == [one["receipt"] for one in again]
    assert [one.number for one in Receipt.objects.order_by("number")] == [1, 2, 3]
    assert Payment.objects.filter(state=State.SUCCEEDED, counter=counter).count() == 3


def test_one_bad_receipt_does_not_hold_up_the_others(machine, counter, cash) -> None:
    consumer = make.ConsumerFactory()
    asked = [
        item(consumer, 1),
        item(consumer, 2, consumer_number="999999999999"),
        item(consumer, 3, tenders=[{"method": "cash", "amount_paise": 1}]),
        item(consumer, 1, amount_paise=60_000),
        item(consumer, 4, amount_paise=2_00_000_00),
        item(consumer, 5, instrument="123456", instrument_date="2020-01-01"),
        item(consumer, 6, taken_at="9999-12-31T00:00:00Z"),
        item(consumer, 7, taken_at="0001-01-01T00:00:00Z"),
    ]

    answers = post(machine, "counters/rpr1/receipts/", {"receipts": asked}).json()["results"]

    assert [one["status"] for one in answers] == ["taken"] + ["refused"] * 7
    assert [one["code"] for one in answers[1:]] == [
        "not_taken",
        "not_taken",
        "key_used",
        "cash_rule",
        *["not_taken"] * 3,
    ]
    assert Receipt.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"amount_paise": "500"},
        {"amount_paise": "500.00"},  # rupees, by the look of it
        {"amount_paise": 500.0},
        {"amount_paise": True},
        {"amount_paise": 0},
        {"amount_paise": 10**15},
        {"submit_key": "short"},
        {"colour": "red"},
        {"taken_at": "yesterday"},
        {"consumer_number": "12345\x00"},
    ],
)
def test_what_is_not_as_agreed_is_refused_whole(machine, counter, cash, change) -> None:
    body = {"receipts": [item(make.ConsumerFactory(), **change)]}

    answer = post(machine, "counters/rpr1/receipts/", body)

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert not Payment.objects.exists()


def test_a_slip_carries_what_waits_and_is_known_when_it_comes_again(machine, counter, cash) -> None:
    consumer = make.ConsumerFactory()
    post(machine, "counters/rpr1/receipts/", {"receipts": [item(consumer, n) for n in range(2)]})
    day = Payment.objects.earliest("id").business_date.isoformat()
    slip = {"slip_number": "DS-1", "channel": "cash", "business_date": day}

    first = post(machine, "counters/rpr1/deposits/", slip)
    again = post(machine, "counters/rpr1/deposits/", slip)
    empty = post(machine, "counters/rpr1/deposits/", {**slip, "slip_number": "DS-2"})

    assert (first.status_code, again.status_code, empty.status_code) == (201, 201, 409)
    assert first.json() == again.json()
    assert first.json()["amount_paise"] == 100_000
    assert first.json()["payments"] == 2
    assert Deposit.objects.count() == 1
    assert empty.json()["code"] == "nothing_to_deposit"


def test_an_intent_is_started_and_found_again(machine) -> None:
    make.RazorpayFactory(code="razorpay")
    consumer = make.ConsumerFactory()

    started = post(
        machine,
        "payments/",
        {"channel": "razorpay", "consumer_number": consumer.number, "amount_paise": 12_300},
    )

    assert started.status_code == 201
    reference = started.json()["reference"]
    assert started.json()["state"] == "created"
    for written in (reference, reference.lower(), reference.replace("-", "")):
        assert machine.get(f"/api/v1/payments/{written}/").json() == started.json()
    listed = machine.get("/api/v1/payments/", {"q": reference, "state": "created"}).json()
    assert [one["reference"] for one in listed["results"]] == [reference]
    assert listed["count"] == 1


def test_a_clerk_sees_only_the_offices_that_were_granted(as_role, offices) -> None:
    here = make.PaymentFactory(consumer__office=offices["Z1"], paid=True)
    there = make.PaymentFactory(consumer__office=offices["Z3"], paid=True)
    clerk = as_role("clerk")

    listed = clerk.get("/api/v1/payments/").json()["results"]

    assert [one["reference"] for one in listed] == [here.reference]
    assert clerk.get(f"/api/v1/payments/{there.reference}/").status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"page": 9}, 404),
        ({"page_size": 501}, 400),
        ({"business_date": "yesterday"}, 400),
        ({"colour": "red"}, 400),
        ({"q": "a\x00b"}, 400),
        ({"q": "25,000.00"}, 200),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(machine, query, status) -> None:
    assert machine.get("/api/v1/payments/", query).status_code == status


def test_strangers_and_large_bodies_are_turned_away(machine, client, counter, settings) -> None:
    assert client.get("/api/v1/payments/").status_code == 401
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    answer = post(machine, "counters/rpr1/receipts/", {"receipts": ["x" * 2000]})

    assert answer.status_code == 413
    assert set(answer.json()) == {"code", "detail"}


def test_every_search_word_finds_its_payment(machine) -> None:
    payment = make.PaymentFactory(
        paid=True, channel_ref="pay_abc123", rrn="123456789012", utr="SBIN0001", amount_paise=77_701
    )
    make.PaymentFactory(paid=True, amount_paise=10)
    make.TenderFactory(payment=payment, method="cheque", instrument="445566")
    receipt = make.ReceiptFactory(payment=payment)

    for words in (
        payment.reference.replace("-", "").lower(),
        "pay_abc123",
        "123456789012",
        "sbin0001",
        payment.consumer_number,
        payment.consumer.business_partner,
        receipt.label.lower(),
        "445566",
        "777.01",
    ):
        found = machine.get("/api/v1/payments/", {"q": words}).json()["results"]
        assert [one["reference"] for one in found] == [payment.reference], words
