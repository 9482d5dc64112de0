"""Receipts over HTTP: the leaf, the original and the copies, the cancellation."""

import io
import uuid
from datetime import timedelta

import pypdf
import pytest
import time_machine

from counters.deposits import make_deposit
from cspdcl.kernel.clock import now, today
from cspdcl.ui import paper, typesetting
from payments.models import Payment, Receipt
from payments.states import State
from people.models import AuditEvent
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def receipt(as_role, offices) -> Receipt:
    """A receipt over 2,463.50 in cash, taken at a counter of zone Z1."""
    make.ChannelFactory(code="cash")
    make.CounterFactory(code="rpr1", name="Counter 1", office=offices["Z1"])
    consumer = make.ConsumerFactory(name="Sample Consumer", office=offices["Z1"])
    sent = {
        "counter": "rpr1",
        "submit_key": str(uuid.uuid4()),
        "consumer": consumer.number,
        "tender": "cash",
        "amount": "2,463.50",
        "is_advance": "on",
    }
    as_role("clerk").post("/counter/", sent)
    return Receipt.objects.select_related("payment").get()


def address(receipt: Receipt, tail: str = "") -> str:
    return f"/receipts/{receipt.series}/{receipt.year}/{receipt.number}/{tail}"


def text_of(answer) -> str:
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/pdf"
    pages = pypdf.PdfReader(io.BytesIO(answer.content)).pages
    assert len(pages) == 1
    box = pages[0].mediabox
    assert (round(box.width), round(box.height)) == (420, 595)  # A5
    return " ".join(pages[0].extract_text().split())


def test_the_page_shows_the_leaf_in_both_languages(as_role, receipt) -> None:
    page = as_role("clerk").get(address(receipt)).content.decode()

    assert "₹ 2,463.50" in page
    words = "Rupees two thousand four hundred and sixty-three and paise fifty only"
    assert words in page
    assert "दो हज़ार चार सौ तिरसठ रुपये पचास पैसे मात्र" in page
    assert receipt.payment.consumer_number in page


def test_the_first_print_is_the_original_and_the_next_says_copy(as_role, receipt) -> None:
    client = as_role("clerk")

    first = text_of(client.post(address(receipt, "print/")))
    second = text_of(client.post(address(receipt, "print/")))

    assert "Original" in first
    assert "COPY" not in first
    assert "COPY" in second
    assert "Original" not in second
    assert receipt.label in first
    assert "2,463.50" in first
    prints = AuditEvent.objects.filter(action="receipt.printed").order_by("id")
    assert [event.payload["after"]["as"] for event in prints] == ["original", "copy"]


def test_the_clerk_chooses_the_paper(as_role, receipt) -> None:
    client = as_role("clerk")
    page = client.get(address(receipt)).content.decode()

    slip = client.post(address(receipt, "print/"), {"paper": "slip"})
    read = client.get(address(receipt, "receipt.pdf?paper=slip"))

    assert 'value="a5"' in page
    assert 'value="slip"' in page
    for answer in (slip, read):
        (leaf,) = pypdf.PdfReader(io.BytesIO(answer.content)).pages
        assert round(leaf.mediabox.width) == 227  # 80 mm
    assert "Copy 1" in text_of(client.post(address(receipt, "print/"), {"paper": "else"}))


def test_reading_the_pdf_is_a_copy_and_leaves_the_original_to_be_printed(as_role, receipt) -> None:
    read = text_of(as_role("auditor").get(address(receipt, "receipt.pdf")))
    printed = text_of(as_role("clerk").post(address(receipt, "print/")))

    assert "COPY" in read
    assert "Original" in printed


def test_a_receipt_of_another_office_is_not_there(make_user, offices, receipt, client) -> None:
    stranger = make_user("stranger", "clerk", offices=(offices["Z3"],))
    client.force_login(stranger, backend="people.auth.PeopleBackend")

    assert client.get(address(receipt)).status_code == 404
    assert client.post(address(receipt, "print/")).status_code == 404
    assert not AuditEvent.objects.filter(action="receipt.printed").exists()


@pytest.mark.parametrize("number", ["0", "2", "99999999999999999999999"])
def test_a_number_that_was_never_given_is_not_found(as_role, receipt, number: str) -> None:
    answer = as_role("clerk").get(f"/receipts/{receipt.series}/{receipt.year}/{number}/")

    assert answer.status_code == 404


def test_the_supervisor_cancels_with_a_reason_on_the_same_day(as_role, receipt) -> None:
    client = as_role("supervisor")

    answer = client.post(address(receipt, "cancel/"), {"reason": "wrong consumer number"})

    receipt.refresh_from_db()
    payment = Payment.objects.get()
    assert answer["Location"] == address(receipt)
    assert payment.state == State.REVERSED
    assert receipt.cancelled_at is not None
    assert "CANCELLED" in client.get(address(receipt)).content.decode()
    assert "CANCELLED" in text_of(client.post(address(receipt, "print/")))


def test_without_a_reason_nothing_is_cancelled(as_role, receipt) -> None:
    answer = as_role("supervisor").post(address(receipt, "cancel/"), {"reason": " "})

    assert answer.status_code == 422
    assert Payment.objects.get().state == State.SUCCEEDED


def test_on_the_next_day_nothing_is_cancelled(as_role, receipt) -> None:
    with time_machine.travel(now() + timedelta(days=1), tick=False):
        answer = as_role("supervisor").post(
            address(receipt, "cancel/"), {"reason": "wrong consumer number"}
        )

    assert answer.status_code == 422
    assert "on its own day only" in answer.content.decode()
    assert Payment.objects.get().state == State.SUCCEEDED


def test_what_is_on_a_slip_is_not_cancelled(as_role, users, receipt) -> None:
    payment = receipt.payment
    make_deposit(payment.counter, channel=payment.channel, on=today(), made_by=users["supervisor"])

    answer = as_role("supervisor").post(
        address(receipt, "cancel/"), {"reason": "wrong consumer number"}
    )

    assert answer.status_code == 422
    assert "already on a deposit slip" in answer.content.decode()
    assert Payment.objects.get().state == State.SUCCEEDED


def test_paper_fetches_nothing_but_our_own_styles_and_fonts(caplog) -> None:
    page = """<html><head><link rel="stylesheet" href="http://127.0.0.1:9/x.css">
      <link rel="attachment" href="file:///etc/hostname"></head>
      <body><img src="file:///etc/hostname"><img src="data:image/png;base64,AAAA">
      <p style="background:url(http://127.0.0.1:9/y)">text</p></body></html>"""

    made = paper.pdf(page, title="a trap")

    reader = pypdf.PdfReader(io.BytesIO(made))
    assert reader.attachments == {}
    assert reader.pages[0].extract_text() == "text"
    asked = [record.args[0] for record in caplog.records if record.name == "cspdcl.ui.typesetting"]
    assert "file:///etc/hostname" in asked
    assert "http://127.0.0.1:9/x.css" in asked


@pytest.mark.parametrize(
    "name",
    ["css/../../secrets/x.css", "../cspdcl/settings.py", "css/app.css/../../x.css", "admin/x.css"],
)
def test_the_fetcher_leads_out_of_no_folder(name: str) -> None:
    with pytest.raises(typesetting.Blocked):
        typesetting.OnlyOurs().fetch(f"{typesetting.HERE}{name}")
