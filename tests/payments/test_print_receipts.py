"""What stands on the paper of a receipt: both formats, one leaf each, and the list before many."""

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pypdf
import pytest
from django.db import connection

from cspdcl.kernel.clock import now, today
from payments import actions, paper, receipts
from payments.models import Bill, Payment, PaymentEvent, Receipt, Tender
from payments.paper import HandOver, Paper
from payments.states import State
from people.models import AuditEvent
from tests import factories as make

pytestmark = pytest.mark.django_db

LONG = "श्रीमती महालक्ष्मीबाई चंद्रवंशी देवांगन पति स्वर्गीय श्री रामप्रसाद गजेन्द्रनारायण"


@pytest.fixture
def counter(offices):
    offices["Z1"].name = "Distribution centre One"
    offices["Z1"].save()
    return make.CounterFactory(code="rpr1", name="counter 2", office=offices["Z1"])


@pytest.fixture
def clerk(users):
    return users["clerk"]


@pytest.fixture
def consumer(offices):
    """Owes 612.00 of July and 1,842.00 of August."""
    made = make.ConsumerFactory(name=LONG, number="100000417263", office=offices["Z1"])
    bill(made, "07", 61_200)
    bill(made, "08", 184_200)
    return made


def bill(consumer, month: str, paise: int) -> Bill:
    return make.BillFactory(
        consumer=consumer, number=f"B26{month}-{consumer.pk}", period=f"2026-{month}",
        amount_paise=paise, issued_on=today() - timedelta(days=40),
        due_on=today() - timedelta(days=30 - int(month)),
    )  # fmt: skip


def given(counter, clerk, consumer, paise: int, method: str = "cash", **tender) -> Receipt:
    """A receipt as a counter gives it."""
    payment = make.PaymentFactory(
        channel=make.ChannelFactory(), consumer=consumer, consumer_number=consumer.number,
        counter=counter, office=counter.office, amount_paise=paise, method=method,
        state=State.SUCCEEDED, succeeded_at=now(),
    )  # fmt: skip
    Tender.objects.create(payment=payment, method=method, amount_paise=paise, **tender)
    PaymentEvent.objects.create(
        payment=payment, from_state="created", to_state="succeeded", cause="taken",
        actor=clerk.username, at=payment.succeeded_at,
    )  # fmt: skip
    return receipts.issue([payment])[0]


def cheque(counter, clerk, consumer, paise: int, number: str = "204117") -> Receipt:
    return given(
        counter, clerk, consumer, paise, "cheque",
        instrument=number, instrument_date=today(), bank_name="State Bank of India, Main Branch",
    )  # fmt: skip


def leaves(body: bytes) -> list[tuple[int, int, str]]:
    """Width and height in mm and the words of each page."""
    pages = pypdf.PdfReader(io.BytesIO(body)).pages
    return [
        (
            round(page.mediabox.width / 72 * 25.4),
            round(page.mediabox.height / 72 * 25.4),
            " ".join(page.extract_text().split()),
        )
        for page in pages
    ]


def the_leaf(receipt: Receipt, *, on: Paper = Paper.A5, is_copy: bool = False) -> str:
    """The words of the one page."""
    ((width, height, text),) = leaves(paper.as_pdf([receipt], is_copy=is_copy, paper=on))
    if on is Paper.A5:
        assert (width, height) == (148, 210)
    else:
        assert width == 80
        assert 120 < height < 400  # as long as what stands on it
    return text


@pytest.mark.parametrize("on", Paper)
def test_the_leaf_says_what_was_paid_and_what_is_left(
    on, counter, clerk, consumer, monkeypatch
) -> None:
    part = given(counter, clerk, consumer, 100_000)
    told = HandOver(cash_received_paise=200_000, change_paise=100_000)
    monkeypatch.setitem(paper._tellers, "test", lambda asked: {one.pk: told for one in asked})

    text = the_leaf(part, on=on)

    for words in (
        part.label, "100000417263", "1,000.00",
        "612.00", "388.00", "1,842.00", "2,000.00", "1,454.00", "Cash",
        "Rupees one thousand only", "Distribution centre One, counter 2", clerk.full_name,
        part.payment.reference, "1912", "Original",
    ):  # fmt: skip
        assert words in text, words
    assert "realisation" not in text
    assert "COPY" not in text


def test_what_is_more_than_the_dues_is_on_account(counter, clerk, consumer) -> None:
    text = the_leaf(given(counter, clerk, consumer, 250_000))

    assert "On account 46.00" in text


def test_cash_that_paid_for_more_than_this_receipt_is_not_on_its_leaf(
    counter, clerk, consumer, monkeypatch
) -> None:
    told = HandOver(cash_received_paise=500_000, change_paise=50_000)
    monkeypatch.setitem(paper._tellers, "test", lambda asked: {one.pk: told for one in asked})

    assert "5,000.00" not in the_leaf(given(counter, clerk, consumer, 100_000))


def test_a_copy_names_the_bills_of_its_day_and_the_dues_of_today(counter, clerk, consumer) -> None:
    first = given(counter, clerk, consumer, 61_200)
    given(counter, clerk, consumer, 184_200)

    text = the_leaf(first, is_copy=True)

    assert "Bill, July 2026 612.00" in text
    assert "August" not in text
    assert f"Still due on {today():%d-%m-%Y} 0.00" in text


@pytest.mark.parametrize("on", Paper)
def test_a_cheque_is_subject_to_realisation(on, counter, clerk, consumer) -> None:
    text = the_leaf(cheque(counter, clerk, consumer, 61_200), on=on)

    for words in ("Cheque", "204117", f"{today():%d-%m-%Y}", "State Bank of India, Main Branch"):
        assert words in text, words
    assert "Subject to realisation" in text


@pytest.mark.parametrize("on", Paper)
def test_a_cancelled_receipt_says_so_with_day_and_reason(
    on, counter, clerk, users, consumer
) -> None:
    """The fullest leaf there is: it still stands on one page."""
    for month in ("01", "02", "03", "04", "05", "06"):
        bill(consumer, month, 12_345_678)
    receipt = cheque(counter, clerk, consumer, 77_777_777)
    actions.reverse_at_counter(
        receipt.payment_id, supervisor=users["supervisor"], reason="the wrong consumer, " * 3
    )
    receipt = Receipt.objects.get(pk=receipt.pk)

    text = the_leaf(receipt, on=on, is_copy=True)

    assert text.count("CANCELLED") >= 2
    assert f"CANCELLED {today():%d-%m-%Y}" in text
    assert "the wrong consumer, the wrong consumer" in text
    assert "more bills" in text
    assert "Still due" not in text
    assert "realisation" not in text
    assert "COPY" in text


def test_several_receipts_are_one_document_with_a_list_before_them(
    counter, clerk, consumer, offices
) -> None:
    other = make.ConsumerFactory(number="100000417264", office=offices["Z1"])
    three = [
        given(counter, clerk, consumer, 100_000),
        cheque(counter, clerk, consumer, 61_200),
        cheque(counter, clerk, other, 38_800),
    ]

    first, *others = leaves(paper.as_pdf(three, is_copy=False))
    slips = leaves(paper.as_pdf(three, paper=Paper.SLIP))

    assert [page[:2] for page in (first, *others)] == [(148, 210)] * 4
    for words in ("3 receipts", "2,000.00", "Rupees two thousand only", "204117", "100000417264"):
        assert words in first[2], words
    assert first[2].count("1,000.00") == 3  # the cash, the cheque that paid two, the first receipt
    assert [three[n].label in others[n][2] for n in range(3)] == [True] * 3
    assert [page[0] for page in slips] == [80] * 3
    assert slips[0][1] < slips[1][1]  # each as long as it needs


def test_the_list_counts_no_cancelled_receipt(counter, clerk, users, consumer) -> None:
    two = [given(counter, clerk, consumer, 100_000), given(counter, clerk, consumer, 23_400)]
    actions.reverse_at_counter(
        two[0].payment_id, supervisor=users["supervisor"], reason="taken twice"
    )
    two = [Receipt.objects.get(pk=one.pk) for one in two]

    ((_width, _height, text),) = leaves(paper.list_as_pdf(two))

    assert "Rupees two hundred and thirty-four only" in text
    assert "CANCELLED" in text


def test_hundreds_of_leaves_are_refused_and_nothing_is_noted(counter, clerk, consumer) -> None:
    receipt = given(counter, clerk, consumer, 100)
    many = [receipt] * (paper.LEAVES_MAX + 1)

    with pytest.raises(paper.TooManyLeaves, match="1 to 50"):
        paper.as_pdf(many)
    with pytest.raises(paper.TooManyLeaves):
        paper.print_receipts([], user=clerk)

    assert paper.prints_of(receipt) == 0


def test_original_and_copy_are_decided_for_each_receipt(counter, clerk, consumer) -> None:
    old, new = given(counter, clerk, consumer, 100), given(counter, clerk, consumer, 200)
    paper.print_receipt(old, user=clerk)
    paper.print_receipt(old, user=clerk, paper=Paper.SLIP)

    _list, first, second = leaves(paper.print_receipts([old, new], user=clerk))

    assert "COPY 2" in first[2]
    assert "Original" in second[2]
    rows = AuditEvent.objects.filter(action=paper.PRINTED, object_id=old.label).order_by("id")
    assert [row.payload["after"] for row in rows] == [
        {"as": "original", "paper": "a5"},
        {"as": "copy", "paper": "slip", "copy": 1},
        {"as": "copy", "paper": "a5", "copy": 2},
    ]
    assert {row.actor for row in rows} == {clerk.username}


@pytest.mark.django_db(transaction=True)
def test_two_clicks_give_one_original(counter, clerk, consumer) -> None:
    receipt = given(counter, clerk, consumer, 100)

    def click(_number: int) -> bytes:
        try:
            return paper.print_receipt(receipt, user=clerk, paper=Paper.SLIP)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as clicks:
        texts = [leaves(body)[0][2] for body in clicks.map(click, range(2))]

    assert sorted("Original" in text for text in texts) == [False, True]
    assert sorted("COPY 1" in text for text in texts) == [False, True]


def test_an_online_payment_without_a_consumer_has_a_leaf(offices) -> None:
    payment = Payment.objects.create(
        reference="26H18-3RZ7K2MQ-4TX", channel=make.ChannelFactory(name="A gateway"),
        consumer_number="999", amount_paise=100, method="upi", state=State.SUCCEEDED,
        succeeded_at=now(), business_date=today(),
    )  # fmt: skip

    text = the_leaf(receipts.issue([payment])[0])

    assert "A gateway" in text
    assert "UPI" in text
    assert "Still due" not in text
