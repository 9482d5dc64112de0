"""Cash: only what is taken, only whole pieces, worth what is claimed; change that can be given."""

from datetime import date
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counters.paper import cash
from counters.paper.cash import DENOMINATIONS, CountDiffers, Denominations, NoChange, NotCash

DAY: Final = date(2026, 8, 18)
TAKEN: Final = [key for key, one in DENOMINATIONS.items() if one.is_accepted(DAY)]
COUNTS: Final = st.dictionaries(st.sampled_from(TAKEN), st.integers(0, 50))


def count(**told: int) -> Denominations:
    return Denominations.read({key.removeprefix("n"): n for key, n in told.items()}, on=DAY)


def test_a_count_is_worth_its_notes_and_coins() -> None:
    found = Denominations.read({"500": 3, "10c": 7, "0.50": 1, "20": 0}, on=DAY)

    assert found.paise == 157_050
    assert found.pieces == 11
    assert found.as_json() == {"500": 3, "10c": 7, "0.50": 1}
    assert [(one.form, n, worth) for one, n, worth in found.lines()] == [
        ("note", 3, 150_000),
        ("coin", 7, 7_000),
        ("coin", 1, 50),
    ]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"500": -1}, "500: expected a count from 0 to 1000000, got -1"),
        ({"500": 1.0}, "500: expected a count from 0 to 1000000, got 1.0"),
        ({"500": True}, "got True"),
        ({"500": "3"}, "got '3'"),
        ({"500": None}, "got None"),
        ({"500": 1_000_001}, "got 1000001"),
        ({"1000": 1}, "expected one of 2000, 500, 200, .* got '1000'"),
        ({500: 1}, "expected one of"),
        ({"2000": 1}, "2000: expected what is accepted on 2026-08-18"),
    ],
)
def test_what_is_no_count_of_cash_is_refused(told: dict[str, object], says: str) -> None:
    with pytest.raises(NotCash, match=says):
        Denominations.read(told, on=DAY)


def test_the_2000_note_was_taken_before_it_was_withdrawn() -> None:
    assert Denominations.read({"2000": 1}, on=date(2023, 5, 18)).paise == 200_000
    assert Denominations.read({"2000": 0}, on=DAY).paise == 0
    with pytest.raises(NotCash):
        Denominations.read({"2000": 1}, on=date(2023, 5, 19))


def test_the_sum_must_be_what_is_claimed() -> None:
    count(n500=2).check(100_000)
    with pytest.raises(CountDiffers, match=r"expected 1,200\.00 .* counted 1,000\.00"):
        count(n500=2).check(120_000)


def test_no_more_is_taken_out_than_is_there() -> None:
    assert (count(n500=2, n100=1) - count(n100=1)).as_json() == {"500": 2}
    with pytest.raises(NotCash, match="100: expected at most 1 to take out, got 2"):
        count(n500=2, n100=1) - count(n100=2)


@given(COUNTS, COUNTS)
def test_adding_and_taking_out_keep_every_paisa(first: dict[str, int], second: dict[str, int]):
    one, other = (Denominations.read(told, on=DAY) for told in (first, second))

    both = one + other

    assert both.paise == one.paise + other.paise
    assert both - other == Denominations.read(one.as_json(), on=DAY)


def test_change_is_given_in_the_largest_pieces() -> None:
    assert cash.change(88_750, on=DAY) == Denominations.read(
        dict.fromkeys(("500", "200", "100", "50", "20", "10", "5", "2", "0.50"), 1), on=DAY
    )
    assert cash.change(0, on=DAY).as_json() == {}


def test_change_comes_from_the_drawer() -> None:
    assert cash.change(6_000, on=DAY, drawer=count(n50=1, n20=3)).as_json() == {"20": 3}
    with pytest.raises(NoChange, match="cannot be given with what is at hand"):
        cash.change(7_000, on=DAY, drawer=count(n50=1, n100=4))
    with pytest.raises(NoChange):
        cash.change(25, on=DAY)
    with pytest.raises(NoChange, match="expected change up to 10,000"):
        cash.change(-100, on=DAY)


@given(st.integers(0, 20_000), COUNTS)
def test_change_is_exact_and_in_the_drawer(halves: int, told: dict[str, int]) -> None:
    drawer = Denominations.read(told, on=DAY)
    try:
        given_back = cash.change(halves * 50, on=DAY, drawer=drawer)
    except NoChange:
        return
    assert given_back.paise == halves * 50
    assert (drawer - given_back).paise == drawer.paise - given_back.paise


def test_a_full_drawer_is_searched_in_no_time() -> None:
    drawer = Denominations.read(
        {"500": 900, "200": 900, "100": 900, "50": 900, "20": 900, "10": 900, "5": 900}, on=DAY
    )
    with pytest.raises(NoChange):
        cash.change(999_950, on=DAY, drawer=drawer)
