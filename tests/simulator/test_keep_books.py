"""A partner's books answer what happened, pay back once, and decide orders by their seed."""

from datetime import date, timedelta

import pytest

from channels_.contract import Outcome
from channels_.simulation import Happened
from cspdcl.env import PROJECT
from simulator.books import Books, read_books
from simulator.day import Day, play_day
from simulator.files import write_day
from simulator.scene import DEFAULT, PlayedChannel, read_scene

DAY = date(2026, 11, 20)
RAZORPAY: PlayedChannel = DEFAULT.channel("razorpay")


@pytest.fixture(scope="module")
def day() -> Day:
    return play_day(DEFAULT, day=DAY, payments=600, seed=7)


@pytest.fixture
def books(day: Day) -> Books:
    """The gateway's books of the day."""
    played = day.channels["razorpay"]
    made = Books(RAZORPAY.simulation, seed=1, code="razorpay")
    made.remember(played.happened, played.report)
    return made


def _paid(day: Day) -> Happened:
    found = day.channels["razorpay"].happened
    return next(one for one in found if one.outcome is Outcome.SUCCEEDED and not one.refunds)


def test_a_payment_is_found_by_any_of_its_names(day: Day, books: Books) -> None:
    paid = _paid(day)

    for name in (paid.payment.channel_ref, paid.payment.order_ref, paid.payment.reference):
        assert books.find(name) == paid
    assert books.find("") is None
    assert books.find("somebody else's") is None


def test_a_payment_is_paid_back_once_and_never_more_than_it_was(day: Day, books: Books) -> None:
    payment = _paid(day).payment
    part = payment.amount_paise - 100

    refund = books.refund(payment.channel_ref, reference="R1", amount_paise=part)
    again = books.refund(payment.channel_ref, reference="R1", amount_paise=part)

    assert refund is not None
    assert again == refund
    assert books.refunded("R1") == books.refunded(refund.channel_ref) == refund
    assert books.refund(payment.channel_ref, reference="R2", amount_paise=101) is None
    assert books.refund(payment.channel_ref, reference="R3", amount_paise=0) is None
    assert books.refund(payment.channel_ref, reference="R4", amount_paise=100) is not None
    assert books.refund("nobody", reference="R5", amount_paise=1) is None
    found = books.find(payment.channel_ref)
    assert found is not None
    assert [one.reference for one in found.refunds] == ["R1", "R4"]


def test_what_failed_cannot_be_paid_back(day: Day, books: Books) -> None:
    happened = day.channels["razorpay"].happened
    failed = next(one.payment for one in happened if one.outcome is Outcome.FAILED)

    assert books.refund(failed.channel_ref, reference="R1", amount_paise=100) is None


def test_an_order_is_pending_when_first_asked_about_and_decided_afterwards(books: Books) -> None:
    ends = set()
    for number in range(60):
        reference = f"26L20-ORDER-{number}"
        order = books.begin(reference, 5_000, consumer_number="100000000001")
        assert books.begin(reference, 5_000, consumer_number="100000000001") == order
        first, second = books.find(reference), books.find(order)
        assert first is not None
        assert second is not None
        assert first.outcome is Outcome.PENDING
        assert second.payment.amount_paise == 5_000
        assert second.payment.reference == reference
        assert books.find(reference) == second or second.outcome is Outcome.PENDING
        ends.add(second.outcome)
    assert ends == set(Outcome)


def test_the_same_seed_decides_the_same(books: Books) -> None:
    def become(seed: int) -> list[Outcome]:
        made = Books(RAZORPAY.simulation, seed=seed, code="razorpay")
        references = [f"26L20-ORDER-{number}" for number in range(40)]
        for reference in references:
            made.begin(reference, 100, consumer_number="1")
            made.find(reference)
        return [found.outcome for one in references if (found := made.find(one)) is not None]

    assert become(3) == become(3)
    assert become(3) != become(4)


def test_history_and_report_are_of_the_day(day: Day, books: Books) -> None:
    rows = day.channels["razorpay"].report
    start = rows[0].settled_at.replace(hour=0, minute=0, second=0)
    noon = start + timedelta(hours=12)

    morning = books.between(start, noon)
    evening = books.between(noon, start + timedelta(days=1))

    assert len(morning) + len(evening) == len(day.channels["razorpay"].happened)
    moments = [one.payment.paid_at for one in morning]
    assert moments == sorted(moments)
    assert list(books.report(DAY)) == list(rows)
    assert books.report(DAY + timedelta(days=1)) == []


def test_books_are_read_as_they_were_written(tmp_path) -> None:
    scene = read_scene(PROJECT / "configuration" / "demo.toml")
    day = play_day(scene, day=DAY, payments=1_200, seed=3)
    write_day(day, tmp_path)
    for code, played in day.channels.items():
        happened, rows = read_books(tmp_path / f"{code}-books.jsonl")
        assert happened == list(played.happened)
        assert rows == list(played.report)
