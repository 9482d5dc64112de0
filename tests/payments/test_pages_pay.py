"""The code a payer scans: shown while nobody has tried, then the truth, then the receipt."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from channels_ import upi
from channels_.contract import Method
from channels_.models import Channel
from cspdcl.kernel.clock import now
from payments import receipts
from payments.actions import advance
from payments.models import Payment
from payments.states import State
from people.auth import make_api_key
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def upi_channel() -> Channel:
    return make.ChannelFactory(
        code="upi",
        adapter="upi_bank",
        route=Channel.Route.SETTLEMENT,
        settings={"vpa": "cspdcl.sample@samplebank", "payee_name": "CSPDCL sample"},
    )


@pytest.fixture
def bill(offices, upi_channel):
    make.ChannelFactory(code="cash")
    make.CounterFactory(code="rpr1", office=offices["Z1"])
    consumer = make.ConsumerFactory(
        number="100000417263", name="Sample Consumer", office=offices["Z3"]
    )
    return make.BillFactory(consumer=consumer, number="B1", amount_paise=246_300)


def form(**changes: str) -> dict[str, str]:
    return {
        "submit_key": str(uuid.uuid4()),
        "consumer": "100000417263",
        "bill": "B1",
        "amount": "2,463.00",
        **changes,
    }


def begun(client: Client, **changes: str) -> Payment:
    answer = client.post("/pay/begin/", form(**changes))
    payment = Payment.objects.get()
    assert answer["Location"] == f"/pay/{payment.reference}/"
    return payment


def decide(payment: Payment, to: State) -> None:
    event = advance(payment, to=to, cause="a test", at=now())
    payment.method = Method.UPI.value
    payment.save()
    assert event is not None
    event.save()
    if to is State.SUCCEEDED:
        receipts.issue([payment])


def test_the_clerk_begins_with_the_form_on_the_counter_page(as_role, bill) -> None:
    page = as_role("clerk").get("/counter/", {"consumer": "100000417263"}).content.decode()

    assert 'formaction="/pay/begin/"' in page


def test_without_a_channel_for_it_no_code_is_offered(as_role, bill, upi_channel) -> None:
    Channel.objects.filter(pk=upi_channel.pk).update(
        paused_at=now(), paused_by="x", pause_reason="y"
    )
    client = as_role("clerk")

    page = client.get("/counter/", {"consumer": "100000417263"}).content.decode()
    answer = client.post("/pay/begin/", form())

    assert "/pay/begin/" not in page
    assert answer["Location"] == "/counter/?consumer=100000417263"
    assert not Payment.objects.exists()


def test_the_page_shows_the_amount_and_a_masked_name(as_role, bill) -> None:
    client = as_role("clerk")
    payment = begun(client)

    page = client.get(f"/pay/{payment.reference}/").content.decode()
    picture = client.get(f"/pay/{payment.reference}/qr.svg")

    assert "2,463.00" in page
    assert "S••• C•••" in page
    assert "Sample Consumer" not in page
    assert f"tr={upi.carried(payment.reference)}" in page
    assert 'hx-trigger="every 3s"' in page
    assert picture["Content-Type"] == "image/svg+xml"
    assert picture.content.startswith(b"<svg")


def test_the_same_form_twice_leads_to_the_same_code(as_role, bill) -> None:
    client, sent = as_role("clerk"), form()

    places = [client.post("/pay/begin/", sent)["Location"] for _ in range(2)]

    assert places[0] == places[1]
    assert Payment.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0"},
        {"amount": "-1"},
        {"amount": "12,34.5"},
        {"amount": "999999999999"},
        {"submit_key": "x"},
        {"bill": "B-of-nobody"},
        {"consumer": "999999999999"},
        {"consumer": "१०००००४१७२६३"},
    ],
)
def test_a_form_that_makes_no_sense_begins_nothing(as_role, bill, wrong) -> None:
    answer = as_role("clerk").post("/pay/begin/", form(**wrong))

    assert answer.status_code == 302
    assert answer["Location"].startswith("/counter/")
    assert not Payment.objects.exists()


def test_once_somebody_has_tried_the_code_is_gone_and_nobody_is_asked_again(as_role, bill) -> None:
    client = as_role("clerk")
    payment = begun(client)
    decide(payment, State.PENDING)

    part = client.get(f"/pay/{payment.reference}/state/").content.decode()

    assert "Do not pay again" in part
    assert "qr.svg" not in part
    assert "hx-get" in part
    assert client.get(f"/pay/{payment.reference}/qr.svg").status_code == 410


def test_when_it_is_paid_the_receipt_is_there_and_the_page_stops_asking(as_role, bill) -> None:
    client = as_role("clerk")
    payment = begun(client)
    decide(payment, State.SUCCEEDED)

    part = client.get(f"/pay/{payment.reference}/state/").content.decode()

    receipt = payment.receipt
    assert f"/receipts/{receipt.series}/{receipt.year}/{receipt.number}/" in part
    assert "hx-get" not in part


def test_a_failure_is_told(as_role, bill) -> None:
    client = as_role("clerk")
    payment = begun(client)
    decide(payment, State.FAILED)

    part = client.get(f"/pay/{payment.reference}/state/").content.decode()

    assert "The payment failed." in part
    assert "hx-get" not in part


def test_an_expired_code_is_not_shown_and_the_page_stops_asking(as_role, bill, settings) -> None:
    settings.SESSION_IDLE_MINUTES = 60
    client = as_role("clerk")
    payment = begun(client)

    for minutes, is_asked in ((16, True), (26, False)):
        with time_machine.travel(payment.created_at + timedelta(minutes=minutes), tick=False):
            part = client.get(f"/pay/{payment.reference}/state/").content.decode()
            assert "has expired" in part
            assert ("hx-get" in part) is is_asked


def test_another_office_does_not_see_it_but_who_began_it_does(as_role, bill, make_user) -> None:
    client = as_role("clerk")  # of zone Z1; the consumer is of Z3
    payment = begun(client)
    stranger = Client()
    stranger.force_login(make_user("other", "clerk"), backend="people.auth.PeopleBackend")

    assert client.get(f"/pay/{payment.reference}/").status_code == 200
    for path in ("", "state/", "qr.svg"):
        assert stranger.get(f"/pay/{payment.reference}/{path}").status_code == 404


def test_a_payment_of_another_kind_has_no_code(as_role, offices) -> None:
    payment = make.PaymentFactory(office=offices["Z1"])

    assert as_role("clerk").get(f"/pay/{payment.reference}/").status_code == 404


# ---- the same for programs ----


@pytest.fixture
def api(users, bill) -> Any:
    key = make_api_key(users["channel"], "tests")
    return Client(headers={"authorization": f"Bearer {key}"})


def test_a_program_begins_a_payment_and_gets_what_to_show(api, bill) -> None:
    asked = {
        "submit_key": "a-key-of-a-program-1",
        "consumer_number": "100000417263",
        "bill_number": "B1",
        "amount_paise": 246_300,
    }

    first = api.post("/api/v1/orders/", asked, content_type="application/json")
    again = api.post("/api/v1/orders/", asked, content_type="application/json")
    other = api.post(
        "/api/v1/orders/", {**asked, "amount_paise": 1}, content_type="application/json"
    )
    found = api.get(f"/api/v1/orders/{first.json()['reference']}/")

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert first.json() == again.json() == found.json()
    said = first.json()
    link = upi.read_link(said["upi_link"])
    assert (link.amount_paise, upi.reference_of(link.reference)) == (246_300, said["reference"])
    assert upi.read_bharat_qr(said["bharat_qr"]).vpa == "cspdcl.sample@samplebank"
    assert said["qr_svg"].startswith("<svg")


def test_what_is_paid_is_not_offered_to_a_program(api, bill) -> None:
    asked = {
        "submit_key": "a-key-of-a-program-1",
        "consumer_number": "100000417263",
        "amount_paise": 100,
    }
    reference = api.post("/api/v1/orders/", asked, content_type="application/json").json()[
        "reference"
    ]
    decide(Payment.objects.get(), State.SUCCEEDED)

    said = api.get(f"/api/v1/orders/{reference}/").json()

    assert (said["state"], said["is_offered"], said["upi_link"]) == ("succeeded", False, "")
    assert said["receipt"]
