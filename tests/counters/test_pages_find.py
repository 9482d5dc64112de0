"""Whom a clerk means, by whatever is at hand: digits, a name, the meter, the bill's bar code."""

import io

import pytest

from counters.finding import find
from payments.consumers import load_consumers
from payments.models import Consumer
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def consumer(offices) -> Consumer:
    """Loaded as the ERP sends it, with meter and bill."""
    lines = (
        (
            "business_partner,consumer_number,name,office,mobile,meter,"
            "bill_number,period,amount,issued_on,due_on"
        ),
        (
            "1000417263,100000417263,Sample Consumer,Z1,9876543210,cg-48291,"
            "B0042,2026-08,2463.00,2026-08-01,2026-08-21"
        ),
    )
    load_consumers(io.BytesIO("\n".join(lines).encode()), name="consumers.csv")
    return Consumer.objects.get()


@pytest.mark.parametrize(
    ("words", "bill", "paise"),
    [
        ("100000417263", "", None),
        ("1000417263", "", None),
        ("9876543210", "", None),
        ("cg-48291", "", None),
        ("CG-48291", "", None),
        ("B0042", "B0042", None),
        ("sample con", "", None),
        ("100000417263|B0042|2463.00", "B0042", 246_300),
        ("100000417263|B-of-others|1e9", "", None),
        ("|B0042", "B0042", None),
    ],
)
def test_the_consumer_is_found(users, consumer, words: str, bill: str, paise: int | None) -> None:
    found = find(users["clerk"], words)

    assert (found.consumer, found.bill_number, found.amount_paise) == (consumer, bill, paise)


@pytest.mark.parametrize("words", ["cg-48291", "9876543210", "Sample"])
def test_meters_mobiles_and_names_of_other_offices_are_not_found(
    make_user, offices, consumer, words: str
) -> None:
    assert find(make_user("far", "clerk", offices=(offices["Z3"],)), words).consumers == []


@pytest.mark.parametrize("words", ["", " ", "\0", "||", "a|b|c", "१२३४५६", "99", "x" * 5000])
def test_odd_words_find_nobody(users, consumer, words: str) -> None:
    assert find(users["clerk"], words).consumers == []


def test_two_with_one_meter_are_both_offered(users, offices) -> None:
    for number in ("100000000001", "100000000002"):
        make.ConsumerFactory(number=number, meter="M-1", office=offices["Z1"])

    found = find(users["clerk"], "m-1")

    assert found.consumer is None
    assert [one.number for one in found.consumers] == ["100000000001", "100000000002"]
