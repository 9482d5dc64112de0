"""The list of payments over HTTP: filters, count and sum, pages, CSV, and the search."""

import csv
import io
from datetime import timedelta

import pytest
from django.urls import reverse

from cspdcl.kernel.clock import today
from payments.models import Payment
from payments.selectors import search
from payments.states import State
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def three(offices):
    """A cash payment and a card payment of zone Z1, and a failed one of Z3."""
    cash = make.ChannelFactory(code="cash", name="Cash counters")
    razorpay = make.RazorpayFactory(code="razorpay", name="Razorpay")
    here = make.ConsumerFactory(office=offices["Z1"])
    there = make.ConsumerFactory(office=offices["Z3"])
    return (
        make.PaymentFactory(
            paid=True, channel=cash, consumer=here, method="cash", amount_paise=246_300
        ),
        make.PaymentFactory(
            paid=True,
            channel=razorpay,
            consumer=here,
            method="card",
            amount_paise=10_000_000,
            channel_ref="pay_A",
            rrn="632590000001",
        ),
        make.PaymentFactory(
            channel=razorpay, consumer=there, state=State.FAILED, amount_paise=50_000
        ),
    )


def references(answer) -> set[str]:
    return {payment.reference for payment in answer.context["page"].object_list}


def test_the_list_counts_and_sums_what_it_shows(as_role, three) -> None:
    answer = as_role("finance_officer").get("/payments/")

    assert answer.status_code == 200
    assert references(answer) == {payment.reference for payment in three}
    sums = answer.context["sums"]
    assert [(one["count"], one["paise"]) for one in sums] == [(3, 10_296_300), (2, 10_246_300)]
    assert "1,02,963<span" in answer.content.decode()


def test_a_clerk_sees_the_payments_of_the_own_office_only(as_role, three) -> None:
    answer = as_role("clerk").get("/payments/")

    assert references(answer) == {three[0].reference, three[1].reference}


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("state=failed", {2}),
        ("state=failed&state=succeeded", {0, 1, 2}),
        ("channel=cash", {0}),
        ("method=card", {1}),
        ("least=2,463.00&most=2463", {0}),
        ("least=2,463.01", {1}),
        ("q=632590000001", {1}),
        ("q=nothing-has-this", set()),
        ("since=2020-01-01&until=2020-01-31", set()),
    ],
)
def test_filters_narrow_the_list(as_role, three, query: str, wanted: set[int]) -> None:
    answer = as_role("auditor").get(f"/payments/?{query}")

    assert references(answer) == {three[n].reference for n in wanted}
    assert answer.context["sums"][0]["count"] == len(wanted)


@pytest.mark.parametrize(
    "query", ["since=yesterday", "state=lost", "least=1e3", "channel=none", "q=%00"]
)
def test_a_filter_that_is_not_understood_shows_nothing_and_says_so(
    as_role, three, query: str
) -> None:
    answer = as_role("finance_officer").get(f"/payments/?{query}")

    assert answer.status_code == 422
    assert references(answer) == set()
    assert "could not be read" in answer.content.decode()


def test_without_a_filter_the_last_week_is_shown(as_role, three) -> None:
    old = make.PaymentFactory(paid=True, business_date=today() - timedelta(days=7))

    answer = as_role("finance_officer").get("/payments/")

    assert old.reference not in references(answer)
    first = (today() - timedelta(days=6)).isoformat()
    assert f'value="{first}"' in answer.content.decode()


def test_the_list_sorts_by_its_own_columns_only(as_role, three) -> None:
    client = as_role("finance_officer")

    rising = client.get("/payments/?sort=amount").context["page"].object_list
    strange = client.get("/payments/?sort=password").context["page"].object_list

    assert [payment.amount_paise for payment in rising] == [50_000, 246_300, 10_000_000]
    assert [payment.pk for payment in strange] == sorted((p.pk for p in three), reverse=True)


def test_the_list_asks_the_same_number_of_questions_however_long_it_is(
    as_role, three, django_assert_max_num_queries
) -> None:
    client = as_role("finance_officer")
    channel = three[0].channel
    for _ in range(60):
        make.PaymentFactory(paid=True, channel=channel, consumer=three[0].consumer)

    with django_assert_max_num_queries(25):
        answer = client.get("/payments/?page=1")

    assert answer.context["page"].paginator.num_pages == 2
    assert len(answer.context["page"].object_list) == 50


def test_the_export_holds_what_is_filtered_and_starts_no_formula(as_role, three) -> None:
    make.PaymentFactory(
        paid=True, channel=three[1].channel, consumer=three[1].consumer, channel_ref="=cmd()"
    )

    answer = as_role("auditor").get("/payments/export.csv?state=succeeded")

    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [row["amount_rupees"] for row in rows] == ["2463.00", "100000.00", "1234.00"]
    assert [row["reference"] for row in rows[:2]] == [three[0].reference, three[1].reference]
    assert rows[2]["channel_ref"] == "'=cmd()"
    assert answer["Content-Disposition"].startswith("attachment")


def test_the_search_leads_to_the_one_payment(as_role, three) -> None:
    client = as_role("finance_officer")

    by_their_id = client.get("/payments/find/?q=pay_A")
    by_reference = client.get(f"/payments/find/?q={three[0].reference}")

    assert by_their_id["Location"] == reverse("reconciliation:payment", args=[three[1].reference])
    assert by_reference["Location"] == reverse("reconciliation:payment", args=[three[0].reference])


def test_the_search_leads_to_the_list_when_many_fit_or_none(as_role, three) -> None:
    client = as_role("finance_officer")

    many = client.get(f"/payments/find/?q={three[0].consumer_number}")
    none = client.get("/payments/find/?q=2463.01")

    assert many["Location"] == f"/payments/?q={three[0].consumer_number}"
    assert none["Location"] == "/payments/?q=2463.01"
    assert references(client.get(many["Location"])) == {three[0].reference, three[1].reference}
    assert "No payment fits" in client.get(none["Location"]).content.decode()


@pytest.mark.parametrize("words", ["123456", "1000417263", "632400000001", "pay_10000001"])
def test_the_search_is_one_look_into_indexes(three, words: str) -> None:
    """A subquery beside other choices makes PostgreSQL read every payment there is."""
    sql = str(search(Payment.objects.all(), words).query)

    assert sql.count("SELECT") == 1


def test_the_search_does_not_find_payments_of_other_offices(as_role, three) -> None:
    answer = as_role("clerk").get(f"/payments/find/?q={three[2].reference}")

    assert answer["Location"] == f"/payments/?q={three[2].reference}"
