"""Found money over HTTP: the list, one credit, a schedule, suspense, and the API."""

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from channels_.models import Channel
from cspdcl.kernel.errors import Malformed
from payments.models import Payment
from people.models import User
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER
from reconciliation.found import assigning, schedules
from reconciliation.models import Book, Break, Decision, Kind, Leg, Reason, Stage
from tests import factories
from tests.reconciliation import small_books as books
from tests.reconciliation.small_books import DAY
from tests.reconciliation.test_pages_board import words as words_of

pytestmark = pytest.mark.django_db

AsRole = Callable[[str], Client]
UTR = "SBINN26230000001"


@pytest.fixture(autouse=True)
def _the_day_after() -> Iterator[None]:
    with time_machine.travel("2026-08-19 10:30:00+05:30", tick=False):
        yield


def words(answer: Any) -> str:
    """What a page says."""
    return words_of(answer.content.decode())


def credit(paise: int = 60_000, **columns: object) -> Break:
    """A credit that waits, into the account of one channel of transfers."""
    books.channel("neft", Channel.Route.TRANSFER)
    values = {"kind": Kind.TRANSFER, "utr": UTR, "narration": "NEFT CR a.payer@okbank BILL"}
    entry = books.entry(Book.BANK, paise, **values | columns)
    return books.broken(
        entry, reason=Reason.UNIDENTIFIED_CREDIT, stage=Stage.BANK, leg=Leg.TRANSFER_BANK
    )


# ---- pages ----


def test_the_list_tells_age_amount_and_a_masked_narration(as_role: AsRole) -> None:
    credit(business_date=DAY - timedelta(days=9))
    credit(20_000, utr="SBINN26230000002")

    answer = as_role("finance_officer").get("/credits/")

    assert [row["break"].amount_paise for row in answer.context["rows"]] == [60_000, 20_000]
    text = words(answer)
    assert "800.00" in text
    assert "a.payer@okbank" not in text
    assert "a.••@okbank" in text


def test_the_list_takes_the_same_queries_however_long_it_is(
    as_role: AsRole, django_assert_max_num_queries, settings
) -> None:
    settings.NAVIGATION_SECONDS = 60
    client = as_role("finance_officer")
    for number in range(30):
        credit(1_000 + number, utr="", consumer_number=factories.ConsumerFactory().number)
    client.get("/credits/")

    with django_assert_max_num_queries(24):
        client.get("/credits/")


def test_a_credit_shows_open_bills_of_its_amount(as_role: AsRole) -> None:
    one = credit()
    bill = factories.BillFactory(amount_paise=60_000)
    other = factories.BillFactory(amount_paise=60_001)
    settled = factories.BillFactory(amount_paise=60_000)
    factories.PaymentFactory(
        consumer=settled.consumer, bill=settled, amount_paise=60_000, paid=True
    )

    answer = as_role("finance_officer").get(f"/credits/{one.public_id}/")

    assert answer.context["candidates"] == [bill]
    assert bill.consumer.number in words(answer)
    assert other.consumer.number not in words(answer)


def test_a_consumer_is_assigned_on_the_page(as_role: AsRole) -> None:
    one, consumer = credit(), factories.ConsumerFactory()
    client = as_role("finance_officer")

    answer = client.post(
        f"/credits/{one.public_id}/assign/",
        {"consumer_number": consumer.number, "why": "He called."},
        follow=True,
    )

    assert answer.status_code == 200
    payment = Payment.objects.get()
    assert (payment.consumer, payment.amount_paise) == (consumer, 60_000)
    assert payment.reference in words(answer)
    assert answer.context["may_take_back"]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"consumer_number": "1", "why": "x"}, "consumer_number"),
        ({"consumer_number": "", "why": "x"}, "consumer_number"),
        ({"consumer_number": "\u0967\u0968", "why": "x"}, "consumer_number"),
        ({"consumer_number": "100000000001", "why": ""}, "why"),
    ],
)
def test_what_cannot_be_assigned_is_said_at_its_field(
    as_role: AsRole, typed: dict[str, str], field: str
) -> None:
    one = credit()

    answer = as_role("finance_officer").post(f"/credits/{one.public_id}/assign/", typed)

    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Payment.objects.exists()


def test_a_schedule_splits_a_credit(as_role: AsRole) -> None:
    one = credit()
    two = [factories.ConsumerFactory(), factories.ConsumerFactory()]
    text = f"consumer_number,amount\n{two[0].number},100.50\n{two[1].number},499.50\n"

    answer = as_role("finance_officer").post(
        f"/credits/{one.public_id}/assign/",
        {
            "why": "Letter of the department.",
            "schedule": SimpleUploadedFile("s.csv", text.encode()),
        },
    )

    assert answer.status_code == 302
    paid = sorted(Payment.objects.values_list("consumer__number", "amount_paise"))
    assert paid == sorted([(two[0].number, 10_050), (two[1].number, 49_950)])


def test_a_schedule_that_is_not_the_credit_is_refused_whole(as_role: AsRole) -> None:
    one = credit()
    text = f"consumer_number,amount\n{factories.ConsumerFactory().number},599.99\n"

    answer = as_role("finance_officer").post(
        f"/credits/{one.public_id}/assign/",
        {"why": "x", "schedule": SimpleUploadedFile("s.csv", text.encode())},
    )

    assert answer.status_code == 422
    assert "0.01" in words(answer)
    assert not Payment.objects.exists()


def test_above_the_limit_it_waits_among_the_approvals(as_role: AsRole) -> None:
    one, consumer = credit(50_001_00), factories.ConsumerFactory()
    as_role("finance_officer").post(
        f"/credits/{one.public_id}/assign/", {"consumer_number": consumer.number, "why": "Seen."}
    )
    decision = Decision.objects.get()
    approver = as_role("finance_approver")

    assert consumer.number in words(approver.get("/approvals/"))
    answer = approver.post(f"/approvals/{decision.public_id}/", {"verdict": "approve"}, follow=True)

    assert answer.status_code == 200
    assert Payment.objects.get().consumer == consumer


def test_taking_back_waits_among_the_approvals_and_acts(
    as_role: AsRole, make_user: Callable[..., User]
) -> None:
    one = credit()
    maker = make_user("maker", FINANCE_OFFICER)
    assigning.assign(one, shares=[(factories.ConsumerFactory(), 60_000)], why="x", maker=maker)

    as_role("finance_officer").post(f"/credits/{one.public_id}/take-back/", {"why": "Wrong one."})
    decision = Decision.objects.get(kind="take_back")
    as_role("finance_approver").post(f"/approvals/{decision.public_id}/", {"verdict": "approve"})

    assert Payment.objects.get().state == "reversed"
    assert words(as_role("auditor").get("/approvals/")).count("reversed") == 0


def test_a_listed_payment_is_taken_in_without_a_consumer(as_role: AsRole) -> None:
    line = books.entry(Book.CHANNEL, 20_000, channel_ref="pay_9", narration="")
    one = books.broken(line, reason=Reason.MISSING_IN_BOOKS)

    client = as_role("finance_officer")
    assert client.get(f"/credits/{one.public_id}/").status_code == 200
    answer = client.post(f"/credits/{one.public_id}/assign/", {"why": "Their portal."})

    assert answer.status_code == 302
    assert Payment.objects.get(channel_ref="pay_9").consumer is None
    assert client.get(f"/credits/{one.public_id}/").status_code == 200


def test_the_bench_leads_to_the_credit(as_role: AsRole) -> None:
    one = credit()

    answer = as_role("finance_officer").get(f"/breaks/{one.public_id}/")

    assert f"/credits/{one.public_id}/" in answer.content.decode()


@pytest.mark.parametrize("kind", ["assign", "take", "take_back"])
def test_the_bench_proposes_nothing_that_assigns(as_role: AsRole, kind: str) -> None:
    one = credit()

    answer = as_role("finance_officer").post(
        f"/breaks/{one.public_id}/propose/", {"kind": kind, "why": "x"}
    )

    assert answer.status_code == 422
    assert not Decision.objects.exists()


# ---- suspense ----


def _in_suspense(paise: int = 60_000) -> Payment:
    payment: Payment = factories.PaymentFactory(
        consumer=None, consumer_number="999", office=None, amount_paise=paise, paid=True
    )
    return payment


def test_a_payment_without_a_consumer_gets_one(as_role: AsRole) -> None:
    payment, consumer = _in_suspense(), factories.ConsumerFactory()
    client = as_role("finance_officer")
    assert "999" in words(client.get("/suspense/"))

    client.post(
        f"/suspense/{payment.reference}/", {"consumer_number": consumer.number, "why": "He called."}
    )

    payment.refresh_from_db()
    assert (payment.consumer, payment.office) == (consumer, consumer.office)
    assert client.get("/suspense/").context["rows"] == []
    assert client.get("/approvals/").status_code == 200


def test_a_large_one_waits_for_a_second_person(
    as_role: AsRole, make_user: Callable[..., User]
) -> None:
    payment, consumer = _in_suspense(50_001_00), factories.ConsumerFactory()
    maker = make_user("maker", FINANCE_OFFICER)
    decision = assigning.name(payment, consumer=consumer, why="x", maker=maker)
    client = as_role("finance_officer")
    assert client.get("/suspense/").context["rows"][0]["is_waiting"]
    again = client.post(
        f"/suspense/{payment.reference}/", {"consumer_number": consumer.number, "why": "y"}
    )
    assert again.status_code == 422

    approver = make_user("approver", FINANCE_APPROVER)
    assigning.approve(decision, checker=approver)

    payment.refresh_from_db()
    assert payment.consumer == consumer


def test_a_number_nobody_has_is_said_at_its_payment(as_role: AsRole) -> None:
    payment = _in_suspense()

    answer = as_role("finance_officer").post(
        f"/suspense/{payment.reference}/", {"consumer_number": "4", "why": "x"}
    )

    assert answer.status_code == 422
    assert "consumer_number" in answer.context["rows"][0]["form"].errors


# ---- schedules ----


def _workbook(rows: list[list[object]]) -> io.BytesIO:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    out.seek(0)
    return out


def test_a_workbook_is_read_with_numbers_as_they_were_typed() -> None:
    one = factories.ConsumerFactory(number="100000000009")
    file = _workbook(
        [["Schedule"], ["Sl", "Consumer No.", "Amount (Rs)"], [1, 100000000009, 1234.1]]
    )

    assert schedules.read(file) == [(one, 123_410)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("consumer_number,amount\n", "no rows"),
        ("number,amount\n1,2\n", "header"),
        ("consumer_number,amount\n100000000001,1\n100000000001,2\n", "rows 2, 3"),
        ("consumer_number,amount\n100000000001,1\n1000000001,2\n", "one consumer"),
        ("consumer_number,amount\n100000000001,1.001\n", "row 2"),
        ("consumer_number,amount\n100000000001,0\n", "above zero"),
        ("consumer_number,amount\n100000000001,-5\n", "above zero"),
        ("consumer_number,amount\n100000000001,1e3\n", "row 2"),
        ("consumer_number,amount\n777,5\n", "no consumer"),
        ("consumer_number,amount\n100000000001\n", "row 2"),
        ("consumer_number,amount\n1\x000,5\n", "NUL"),
        ('consumer_number,amount\n"100000000001,5\n', "row 2"),
        ("", "empty"),
    ],
)
def test_what_is_wrong_with_a_schedule_is_named(text: str, said: str) -> None:
    factories.ConsumerFactory(number="100000000001", business_partner="1000000001")

    with pytest.raises(Malformed, match=said):
        schedules.read(io.BytesIO(text.encode()))


def test_a_schedule_has_so_many_rows_at_most(settings) -> None:
    settings.SCHEDULE_ROWS_MAX = 2
    rows = "".join(f"{factories.ConsumerFactory().number},1\n" for _ in range(3))

    with pytest.raises(Malformed, match="at most 2"):
        schedules.read(io.BytesIO(f"consumer_number,amount\n{rows}".encode()))


# ---- the API ----


def test_the_api_tells_credits_and_takes_assignments(as_role: AsRole) -> None:
    consumer = factories.ConsumerFactory()
    one = credit(consumer_number=consumer.number)
    client = as_role("finance_officer")

    (told,) = client.get("/api/v1/credits/").json()["results"]
    assert (told["id"], told["amount_paise"], told["known_by"]) == (one.public_id, 60_000, "named")
    assert told["consumer_number"] == consumer.number
    assert "a.payer@" not in told["narration"]
    answer = client.post(
        f"/api/v1/credits/{one.public_id}/assign/",
        {
            "shares": [{"consumer_number": consumer.number, "amount_paise": 60_000}],
            "why": "Named by the bank.",
        },
        content_type="application/json",
    )

    assert answer.status_code == 201
    assert answer.json()["state"] == "alone"
    assert answer.json()["payments"] == [Payment.objects.get().reference]
    assert client.get("/api/v1/credits/").json()["results"] == []


@pytest.mark.parametrize(
    ("shares", "status"),
    [
        ([], 400),
        ([{"consumer_number": "100000000001", "amount_paise": 59_999}], 409),
        ([{"consumer_number": "100000000001", "amount_paise": 0}], 400),
        ([{"consumer_number": "100000000001", "amount_paise": "1.5"}], 400),
        ([{"consumer_number": "999999", "amount_paise": 60_000}], 400),
        ([{"consumer_number": "100000000001", "amount_paise": 30_000}] * 2, 409),
    ],
)
def test_the_api_refuses_what_is_not_the_credit(
    as_role: AsRole, shares: list[dict[str, object]], status: int
) -> None:
    factories.ConsumerFactory(number="100000000001")
    one = credit()

    answer = as_role("finance_officer").post(
        f"/api/v1/credits/{one.public_id}/assign/",
        {"shares": shares, "why": "x"},
        content_type="application/json",
    )

    assert answer.status_code == status
    assert not Payment.objects.exists()
