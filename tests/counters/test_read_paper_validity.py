"""Cheques, drafts and postal orders: good to the last day, and not one day longer."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counters.paper import validity
from counters.paper.validity import NotAnOrder, PaperRules, Validity, Verdict, order_paise

DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("dated", "last"),
    [
        ("2026-08-18", "2026-11-18"),
        ("2026-11-30", "2027-02-28"),
        ("2027-11-30", "2028-02-29"),  # a leap year
        ("2027-11-29", "2028-02-29"),
        ("2026-11-28", "2027-02-28"),
        ("2026-01-31", "2026-04-30"),
        ("2026-03-31", "2026-06-30"),
        ("2026-02-28", "2026-05-28"),  # the day counts, not the end of the month
        ("2026-10-31", "2027-01-31"),
    ],
)
def test_a_cheque_is_good_for_three_calendar_months(dated: str, last: str) -> None:
    first, until = date.fromisoformat(dated), date.fromisoformat(last)
    day = timedelta(days=1)

    for check in (validity.cheque, validity.draft):
        assert check(first, on=first).verdict is Verdict.GOOD
        assert check(first, on=until).verdict is Verdict.GOOD
        assert check(first, on=until + day).verdict is Verdict.STALE
        assert check(first, on=first - day) == Validity(
            verdict=Verdict.POST_DATED, good_from=first, good_until=until
        )


def test_a_paper_without_a_date_is_neither_good_nor_stale() -> None:
    for check in (validity.cheque, validity.draft, validity.postal_order):
        assert check(None, on=date(2026, 8, 18)) == Validity(verdict=Verdict.UNDATED)


@given(dated=DAYS, on=DAYS)
def test_the_verdict_follows_from_the_days(dated: date, on: date) -> None:
    found = validity.cheque(dated, on=on)

    assert found.good_from == dated
    assert found.good_until is not None
    assert found.is_good == (dated <= on <= found.good_until)
    assert 89 <= (found.good_until - dated).days <= 92


def test_a_postal_order_is_counted_from_the_end_of_its_month() -> None:
    def verdict(on: date) -> Verdict:
        return validity.postal_order(date(2024, 3, 15), on=on).verdict

    assert verdict(date(2024, 3, 14)) is Verdict.POST_DATED
    assert verdict(date(2026, 3, 31)) is Verdict.GOOD
    assert verdict(date(2026, 4, 1)) is Verdict.REVALIDATE
    assert verdict(date(2027, 3, 31)) is Verdict.REVALIDATE
    assert verdict(date(2027, 4, 1)) is Verdict.STALE
    leap = validity.postal_order(date(2022, 2, 1), on=date(2024, 2, 29))
    assert (leap.verdict, leap.good_until) == (Verdict.GOOD, date(2024, 2, 29))
    assert leap.lost_after == date(2025, 2, 28)


def test_an_office_may_ask_for_days_to_reach_the_bank() -> None:
    rules = PaperRules(days_to_bank=2, cheque_months=6)

    assert validity.cheque(date(2026, 1, 10), on=date(2026, 7, 8), rules=rules).is_good
    late = validity.cheque(date(2026, 1, 10), on=date(2026, 7, 9), rules=rules)
    assert (late.verdict, late.good_until) == (Verdict.STALE, date(2026, 7, 10))


@pytest.mark.parametrize(
    "told",
    [
        {"cheque_months": 0},
        {"cheque_months": -1},
        {"draft_months": True},
        {"days_to_bank": 1.5},
        {"order_faces_paise": (100, "200")},
        {"postal_order_revalidated_months": 12},
    ],
)
def test_rules_that_cannot_be_meant_are_refused(told: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="expected"):
        PaperRules(**told)


def test_the_ends_of_the_calendar_break_nothing() -> None:
    assert not validity.cheque(date.max, on=date(2026, 8, 18)).is_good
    assert not validity.cheque(date.min, on=date(2026, 8, 18)).is_good
    assert not validity.postal_order(date.max, on=date(2026, 8, 18)).is_good


def test_an_order_is_worth_its_face_and_its_stamps() -> None:
    assert order_paise(10_000) == 10_000
    assert order_paise(5_000, stamps_paise=[100, 100, 50, 49]) == 5_299


@pytest.mark.parametrize(
    ("face", "stamps", "says"),
    [
        (700, [], "expected a postal order of 1.00, 2.00, .* 50.00, 100.00, got 7.00"),
        (0, [], "got 0.00"),
        (True, [], "got True"),
        (10_000, [50], "expected no stamps on an order of 100.00"),
        (1_000, [50] * 5, "expected at most 4 stamps, got 5"),
        (1_000, [100, 100, 100], "expected stamps below 3.00 in total, got 3.00"),
        (1_000, [-50, 100], "expected stamps in whole paise"),
        (1_000, [0.5], "expected stamps in whole paise"),
    ],
)  # fmt: skip
def test_what_no_post_office_sells_is_refused(face: int, stamps: list[int], says: str) -> None:
    with pytest.raises(NotAnOrder, match=says):
        order_paise(face, stamps_paise=stamps)
