"""The clerk's page over HTTP: find, take, refuse; one form is one receipt."""

import re
import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from counters.board import counter_days
from counters.models import Collection, OfficePolicy
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import today
from payments.consumers import MOBILE_PLACE, seal_mobile
from payments.models import Bill, Deposit, Payment, Receipt, Tender
from people.models import AuditEvent
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(offices):
    """A counter of zone Z1, its channels, and a consumer who owes 2,463.00."""
    make.ChannelFactory(code="cash", name="Cash counters", position=1)
    make.ChannelFactory(code="cheque", name="Cheque counters", position=2)
    counter = make.CounterFactory(code="rpr1", name="Counter 1", office=offices["Z1"])
    sealed, index = seal_mobile("9876543210")
    consumer = make.ConsumerFactory(
        number="100000417263",
        business_partner="1000417263",
        name="Sample Consumer",
        office=offices["Z1"],
        mobile=sealed,
        mobile_index=index,
    )
    make.BillFactory(consumer=consumer, number="B1", amount_paise=246_300)
    return counter, consumer


def form(**changes: str) -> dict[str, str]:
    return {
        "counter": "rpr1",
        "submit_key": str(uuid.uuid4()),
        "consumer": "100000417263",
        "bill": "B1",
        "tender": "cash",
        "amount": "2,463.00",
        "received": "",
        **changes,
    }


def paper(**changes: str) -> dict[str, str]:
    cheque = {
        "tender": "cheque",
        "instrument": "004182",
        "micr": "492002009",
        "bank_name": "State Bank of India",
        "instrument_date": today().isoformat(),
    }
    return form(**{**cheque, **changes})


def test_the_page_asks_for_the_consumer_first(as_role, place) -> None:
    answer = as_role("clerk").get("/counter/")

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Counter 1" in page
    assert 'name="amount"' not in page


@pytest.mark.parametrize(
    "words", ["100000417263", "1000417263", "9876543210", "Sample", "sample con", " 100000417263 "]
)
def test_a_consumer_is_found_by_number_partner_mobile_or_name(as_role, place, words: str) -> None:
    answer = as_role("clerk").get("/counter/", {"consumer": words})

    page = answer.content.decode()
    assert answer.context["consumer"] == place[1]
    assert 'value="2,463.00"' in page
    assert "••••••3210" in page
    assert "9876543210" not in page.replace(words, "")


def test_several_consumers_are_offered_to_choose_from(as_role, place, offices) -> None:
    make.ConsumerFactory(number="100000417264", name="Sample Consumer Two", office=offices["Z1"])

    answer = as_role("clerk").get("/counter/", {"consumer": "Sample"})

    assert answer.context["consumer"] is None
    assert "consumer=100000417264" in answer.content.decode()


def test_names_and_mobiles_of_other_offices_are_not_found_but_whole_numbers_are(
    as_role, place, offices
) -> None:
    make.ConsumerFactory(number="100000999999", name="Faraway Consumer", office=offices["Z3"])
    client = as_role("clerk")

    by_name = client.get("/counter/", {"consumer": "Faraway"})
    by_number = client.get("/counter/", {"consumer": "100000999999"})

    assert by_name.context["found"] == []
    assert "Nobody has this" in by_name.content.decode()
    assert by_number.context["consumer"].name == "Faraway Consumer"


def test_a_cash_payment_gives_a_receipt_and_says_what_to_give_back(as_role, place) -> None:
    client = as_role("clerk")

    answer = client.post("/counter/", form(received="2,500"))

    receipt = Receipt.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == f"/receipts/RPR1/{receipt.year}/1/?taken"
    assert receipt.payment.amount_paise == 246_300
    assert receipt.payment.bill == Bill.objects.get(number="B1")
    assert receipt.payment.channel.code == "cash"
    assert "Give back 37.00." in client.get(answer["Location"]).content.decode()
    assert AuditEvent.objects.filter(action="payment.taken", actor="clerk").count() == 1


def test_enter_prints_on_the_paper_of_the_office(as_role, place, offices) -> None:
    OfficePolicy.objects.create(office=offices["C1"], receipt_paper=OfficePolicy.Paper.SLIP)
    client = as_role("clerk")

    answer = client.post("/counter/", form())
    together = f"/counter/taken/{Collection.objects.get().public_id}/?taken"

    assert answer["Location"].endswith("/?taken&paper=slip")
    for page in (client.get(answer["Location"]), client.get(together)):
        (button,) = re.findall(r"<button[^>]*autofocus[^>]*>", page.content.decode())
        assert 'value="slip"' in button


def test_a_cheque_goes_with_the_cheque_channel_and_keeps_its_particulars(as_role, place) -> None:
    as_role("clerk").post("/counter/", paper())

    payment = Payment.objects.get()
    tender = Tender.objects.get()
    assert payment.channel.code == "cheque"
    assert (tender.method, tender.instrument, tender.micr) == ("cheque", "004182", "492002009")
    assert (tender.bank_name, tender.instrument_date) == ("State Bank of India", today())


def test_the_same_form_sent_twice_gives_one_receipt(as_role, place) -> None:
    client = as_role("clerk")
    sent = form()

    first = client.post("/counter/", sent)
    again = client.post("/counter/", sent)

    assert again["Location"] == first["Location"]
    assert Receipt.objects.count() == 1
    assert "sent before" in client.get(again["Location"]).content.decode()


def test_the_form_used_for_something_else_is_refused_and_kept(as_role, place) -> None:
    client = as_role("clerk")
    sent = form()
    client.post("/counter/", sent)

    answer = client.post("/counter/", {**sent, "amount": "100.00"})

    assert answer.status_code == 422
    assert "given a receipt already" in answer.content.decode()
    assert Payment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_impatient_double_press_gives_one_receipt(place, users) -> None:
    sent = form()
    clients = [Client() for _ in range(6)]
    for client in clients:
        client.force_login(users["clerk"], backend="people.auth.PeopleBackend")
        client.get("/counter/")
    answers: list[str] = []
    ready = threading.Barrier(len(clients))

    def press(client: Client) -> None:
        ready.wait()
        try:
            answers.append(client.post("/counter/", sent)["Location"])
        finally:
            connection.close()

    presses = [threading.Thread(target=press, args=(client,)) for client in clients]
    for one in presses:
        one.start()
    for one in presses:
        one.join()

    assert len(set(answers)) == 1
    assert len(answers) == len(clients)
    assert Receipt.objects.count() == Collection.objects.count() == 1


@pytest.mark.parametrize(
    ("sent", "field", "words"),
    [
        (form(amount="12.345"), "amount", "Write rupees"),
        (form(amount="0"), "amount", "More than zero"),
        (form(amount="-5"), "amount", "More than zero"),
        (form(amount="24,630.00"), "amount", "Due is 2,463.00"),
        (form(received="2,000"), "received", "Less than the amount"),
        (form(amount="2,00,000", is_advance="on"), "amount", "In cash less than 2,00,000.00"),
        (paper(instrument="4182"), "instrument", "Six digits"),
        (paper(instrument=""), "instrument", "needs it"),
        (paper(micr="12"), "micr", "Nine digits"),
        (paper(bank_name="", micr=""), "bank_name", "needs it"),
        (paper(bank_name="", ifsc="SBIN0ZZZZZZ"), "ifsc", "We know no branch with this code"),
        (
            paper(instrument_date=(today() + timedelta(days=1)).isoformat()),
            "instrument_date",
            "Dated ahead",
        ),
        (
            paper(instrument_date=(today() - timedelta(days=93)).isoformat()),
            "instrument_date",
            "Too old for the bank",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_error_stands_at_its_field_and_nothing_typed_is_lost(
    as_role, place, sent: dict[str, str], field: str, words: str
) -> None:
    answer = as_role("clerk").post("/counter/", sent)

    page = answer.content.decode()
    assert answer.status_code == 422
    error = re.search(rf'id="id_{field}_error">(.*?)</p>', page, re.DOTALL)
    assert error is not None
    assert words in error[1]
    for name in ("submit_key", "amount", "received"):
        assert f'value="{sent[name]}"' in page or sent[name] == ""
    assert not Payment.objects.exists()


def test_more_than_is_due_is_taken_as_an_advance_when_the_clerk_says_so(as_role, place) -> None:
    as_role("clerk").post("/counter/", form(amount="3,000", is_advance="on"))

    assert Payment.objects.get().amount_paise == 300_000


def test_the_chosen_bill_is_the_one_that_is_paid(as_role, place) -> None:
    make.BillFactory(
        consumer=place[1],
        number="B2",
        amount_paise=61_200,
        due_on=today() + timedelta(days=9),
    )
    client = as_role("clerk")

    page = client.get("/counter/", {"consumer": "100000417263", "bill": "B2"})
    client.post("/counter/", form(bill="B2", amount="612"))

    assert page.context["sheet"].lines[0].form["amount"].value() == "612.00"
    assert page.context["due_paise"] == 307_500
    assert Payment.objects.get().bill == Bill.objects.get(number="B2")


def test_a_counter_of_another_office_is_not_offered_nor_taken(as_role, place, offices) -> None:
    make.CounterFactory(code="far1", office=offices["Z3"])
    client = as_role("clerk")

    page = client.get("/counter/")
    answer = client.post("/counter/", form(counter="far1"))

    assert "far1" not in page.content.decode()
    assert answer.status_code == 200
    assert not Payment.objects.exists()


def test_the_clerk_chooses_among_several_counters_once(as_role, place, offices) -> None:
    make.CounterFactory(code="rpr2", name="Counter 2", office=offices["Z1"])
    client = as_role("clerk")

    asked = client.get("/counter/")
    chosen = client.get("/counter/", {"counter": "rpr2"})
    later = client.get("/counter/")

    assert "Which counter is yours today?" in asked.content.decode()
    assert chosen.context["here"].code == later.context["here"].code == "rpr2"


def test_a_closed_counter_is_not_offered(as_role, place) -> None:
    counter = place[0]
    counter.is_open = False
    counter.save()

    answer = as_role("clerk").get("/counter/")

    assert "No counter is open in your office" in answer.content.decode()


def test_the_mobile_is_stored_sealed(place) -> None:
    assert crypto.unseal(place[1].mobile, place=MOBILE_PLACE) == b"9876543210"


def test_a_counters_day_says_what_waits_for_the_bank(as_role, place) -> None:
    client = as_role("clerk")
    client.post("/counter/", form())
    client.post("/counter/", paper(bill="", amount="100", is_advance="on"))

    (day,) = counter_days([place[0]], on=today())

    assert (day.cash.count, day.cash.paise) == (1, 246_300)
    assert (day.paper.count, day.paper.paise) == (1, 10_000)
    assert day.waiting_paise == 256_300
    assert [(c.code, taken.paise) for c, taken in day.waiting] == [
        ("cash", 246_300),
        ("cheque", 10_000),
    ]


def test_the_supervisor_makes_a_slip_of_all_that_waits(as_role, place) -> None:
    as_role("clerk").post("/counter/", form())
    client = as_role("supervisor")

    answer = client.post("/counters/rpr1/deposit/", {"channel": "cash", "slip_number": "SLIP-0001"})

    assert answer["Location"] == "/deposits/SLIP-0001/"
    slip = client.get("/deposits/SLIP-0001/")
    assert slip.context["sums"] == {"count": 1, "paise": 246_300}
    assert Payment.objects.get().deposit == Deposit.objects.get(reference="SLIP-0001")
    assert counter_days([place[0]], on=today())[0].waiting_paise == 0


def test_a_slip_number_that_no_bank_prints_is_refused_at_its_field(as_role, place) -> None:
    as_role("clerk").post("/counter/", form())

    answer = as_role("supervisor").post(
        "/counters/rpr1/deposit/", {"channel": "cash", "slip_number": "a b"}
    )

    assert answer.status_code == 422
    assert "capitals, digits and hyphens" in answer.content.decode()
    assert Payment.objects.get().deposit is None


def test_a_second_slip_with_nothing_waiting_says_so_and_makes_none(as_role, place) -> None:
    client = as_role("supervisor")

    answer = client.post(
        "/counters/rpr1/deposit/",
        {"channel": "cash"},
        headers={"referer": "http://testserver/counters/rpr1/"},
    )

    assert answer["Location"] == "http://testserver/counters/rpr1/"
    assert "waits for the bank" in client.get("/counters/rpr1/").content.decode()
