"""A rule stops the clerk at the page; the supervisor lets it through; the form goes on."""

import io
import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from attachments.models import Attachment
from counters.models import CashRule, Collection, Instrument, OfficePolicy, Override
from cspdcl.kernel.clock import today
from payments.models import Payment, Receipt
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(offices):
    """A counter of zone Z1 and a consumer who owes 500.00."""
    make.ChannelFactory(code="cash", position=1)
    make.ChannelFactory(code="cheque", position=2)
    make.CounterFactory(code="rpr1", name="Counter 1", office=offices["Z1"])
    consumer = make.ConsumerFactory(number="100000417263", office=offices["Z1"])
    make.BillFactory(consumer=consumer, number="B1", amount_paise=50_000)
    return consumer


def form(**changes: object) -> dict[str, object]:
    sent: dict[str, object] = {
        "counter": "rpr1",
        "submit_key": str(uuid.uuid4()),
        "consumer": "100000417263",
        "bill": "B1",
        "tender": "cash",
        "amount": "500.00",
        "do": "take",
    }
    return {**sent, **{name.replace("__", "-"): value for name, value in changes.items()}}


def paper(**changes: object) -> dict[str, object]:
    facts = {
        "tender": "cheque",
        "micr_line": "204117 492002009 417263 31",
        "instrument_date": today().isoformat(),
    }
    return form(**{**facts, **changes})


def test_the_clerk_asks_the_supervisor_grants_and_enter_goes_on(as_role, place) -> None:
    CashRule.objects.create(
        code="house", per="payment", effect="up_to", limit_paise=10_000, may_override=True,
        valid_from=today(), law="our own limit",
    )  # fmt: skip
    clerk, supervisor = as_role("clerk"), as_role("supervisor")
    sent = form(reason="the shop of the town")

    stopped = clerk.post("/counter/", sent)
    asked = clerk.post("/counter/", {**sent, "do": "ask"})
    row = Override.objects.get()
    listed = supervisor.get("/overrides/")
    granted = supervisor.post(f"/overrides/{row.public_id}/answer/", {"answer": "grant"})
    taken = clerk.post("/counter/", sent)

    assert stopped.status_code == asked.status_code == 422
    assert "our own limit" in stopped.content.decode()
    assert "Ask the supervisor" in stopped.content.decode()
    assert "waits for the supervisor" in asked.content.decode()
    assert f'value="{sent["submit_key"]}"' in asked.content.decode()
    assert "the shop of the town" in listed.content.decode()
    assert granted["Location"] == "/overrides/"
    assert taken.status_code == 302
    assert Override.objects.get().collection == Collection.objects.get()


def test_a_refusal_needs_words_and_the_clerk_reads_them(as_role, place) -> None:
    CashRule.objects.create(
        code="house", per="payment", effect="up_to", limit_paise=10_000, may_override=True,
        valid_from=today(),
    )  # fmt: skip
    clerk, supervisor = as_role("clerk"), as_role("supervisor")
    sent = form(reason="because it is late")
    clerk.post("/counter/", {**sent, "do": "ask"})
    row = Override.objects.get()
    address = f"/overrides/{row.public_id}/answer/"

    silent = supervisor.post(f"{address}?state=granted", {"answer": "refuse"})
    supervisor.post(address, {"answer": "refuse", f"{row.pk}-words": "pay by cheque, please"})
    again = clerk.post("/counter/", sent)

    assert silent.status_code == 422
    assert "because it is late" in silent.content.decode(), "though the list was of others"
    assert "pay by cheque, please" in again.content.decode()
    assert not Payment.objects.exists()


def test_a_tender_and_a_consumer_are_added_with_all_that_was_typed(as_role, place) -> None:
    other = make.BillFactory(number="B2", amount_paise=30_000).consumer
    client = as_role("clerk")
    sent = form(received="1,000", payer="A payer of both")

    added = client.post("/counter/", {**sent, "do": "add_consumer", "another": other.number})
    twice = client.post("/counter/", {**sent, "do": "add_consumer", "another": "100000417263"})
    more = client.post("/counter/", {**sent, "do": "add_tender"})

    page = added.content.decode()
    assert added.status_code == twice.status_code == more.status_code == 200
    assert other.name in page
    assert 'name="s1-amount"' in page
    assert 'value="1,000"' in page
    assert 'value="A payer of both"' in page
    assert "stands here already" in twice.content.decode()
    assert 'name="t1-tender"' in more.content.decode()
    assert not Payment.objects.exists()


def test_two_tenders_for_two_consumers_give_three_receipts_on_one_page(as_role, place) -> None:
    other = make.BillFactory(number="B2", amount_paise=30_000).consumer
    client = as_role("clerk")

    answer = client.post(
        "/counter/",
        paper(
            shares="2", tenders="2", tender_amount="600", s1__consumer=other.number, s1__bill="B2",
            s1__amount="300", t1__tender="cash", received="250",
        ),
    )  # fmt: skip
    page = client.get(answer["Location"]).content.decode()
    printed = client.post(f"{answer['Location'].partition('?')[0]}print/", {"paper": "a5"})

    found = Receipt.objects.order_by("number").values_list(
        "payment__method", "payment__amount_paise"
    )
    assert list(found) == [("cheque", 50_000), ("cheque", 10_000), ("cash", 20_000)]
    assert all(one.label in page for one in Receipt.objects.all())
    assert "Given back: 50.00" in page
    assert printed.content.startswith(b"%PDF")


def test_a_cheque_is_named_by_its_line_and_keeps_its_picture(as_role, place) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (60, 30), "white").save(picture, "JPEG")
    photo = SimpleUploadedFile("cheque.jpg", picture.getvalue(), "image/jpeg")

    as_role("clerk").post("/counter/", paper(photo=photo))

    kept = Instrument.objects.get()
    assert (kept.number, kept.micr, kept.account_id) == ("204117", "492002009", "417263")
    assert kept.bank_name == "State Bank of India"
    assert kept.front == Attachment.objects.get()


def test_a_picture_is_not_taken_twice_because_another_field_was_wrong(as_role, place) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (60, 30), "white").save(picture, "JPEG")
    photo = SimpleUploadedFile("cheque.jpg", picture.getvalue(), "image/jpeg")
    client = as_role("clerk")
    sent = paper(instrument_date="")

    wrong = client.post("/counter/", {**sent, "photo": photo})
    kept = Attachment.objects.get()
    client.post(
        "/counter/",
        {**sent, "instrument_date": today().isoformat(), "photo_kept": str(kept.public_id)},
    )

    assert wrong.status_code == 422
    assert str(kept.public_id) in wrong.content.decode()
    assert Instrument.objects.get().front == kept
    assert Attachment.objects.count() == 1


def test_a_later_cheque_gets_an_acknowledgement(as_role, place) -> None:
    OfficePolicy.objects.create(office=place.office, post_dated="hold")
    client = as_role("clerk")
    due = today() + timedelta(days=20)

    too_much = client.post("/counter/", paper(instrument_date=due.isoformat(), amount="24,630.00"))
    answer = client.post("/counter/", paper(instrument_date=due.isoformat()))
    page = client.get(answer["Location"]).content.decode()

    assert too_much.status_code == 422, "it is held against the dues like any other"
    assert f"{due:%d-%m-%Y}" in page
    assert "It is no receipt" in page
    assert not Receipt.objects.exists()


def test_notes_and_coins_must_be_worth_what_was_said(as_role, place) -> None:
    OfficePolicy.objects.create(office=place.office, wants_denominations=True)
    client = as_role("clerk")

    wrong = client.post("/counter/", form(received="1000", in_500="1"))
    right = client.post("/counter/", form(received="1000", in_500="2", out_200="2", out_100="1"))

    assert wrong.status_code == 422
    assert "counted 500.00" in wrong.content.decode()
    assert right.status_code == 302
    made = Collection.objects.get()
    assert made.denominations_in == {"500": 2}
    assert made.denominations_out == {"200": 2, "100": 1}


def test_without_a_shift_the_page_leads_to_it(as_role, place, offices) -> None:
    make.CounterFactory(code="rpr2", office=offices["Z1"], keeps_shifts=True)
    client = as_role("clerk")

    page = client.get("/counter/", {"counter": "rpr2", "consumer": "100000417263"})
    taken = client.post("/counter/", form(counter="rpr2"))

    assert "You have no open shift" in page.content.decode()
    assert 'name="amount"' not in page.content.decode()
    assert taken.status_code == 422
    assert not Payment.objects.exists()


def test_above_a_limit_the_pan_is_wanted_at_its_field(as_role, place) -> None:
    CashRule.objects.create(
        code="pan", per="payment", effect="wants_pan", limit_paise=49_999, valid_from=today()
    )
    client = as_role("clerk")

    without = client.post("/counter/", form())
    odd = client.post("/counter/", form(pan="12345"))
    given = client.post("/counter/", form(pan="ABCDE1234F"))

    assert 'id="id_pan_error"' in without.content.decode()
    assert "Five letters" in odd.content.decode()
    assert given.status_code == 302
