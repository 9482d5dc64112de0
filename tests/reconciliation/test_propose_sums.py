"""Sums without a key: the only subset or none; and what merely resembles, told as such."""

import random
import statistics
from collections.abc import Mapping
from datetime import date, timedelta
from itertools import combinations
from time import perf_counter
from typing import Any

import pytest
from django.template.loader import render_to_string
from hypothesis import example, given, settings
from hypothesis import strategies as st

from people.models import User
from reconciliation.desk import decisions, proposals, subset, suggestions
from reconciliation.models import Book, Break, Decision, Kind, Leg, Match, Reason, Stage
from tests import factories
from tests.reconciliation import small_books as books

# ---- the sum ----


def ways(amounts: list[int], total: int) -> list[tuple[int, ...]]:
    """Every subset with the sum, tried one by one."""
    places = range(len(amounts))
    return [
        chosen
        for size in range(1, len(amounts) + 1)
        for chosen in combinations(places, size)
        if sum(amounts[one] for one in chosen) == total
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=9),
    st.integers(1, 160),
    st.sampled_from([1, 100, 10**10]),
)
@example([5, 5], 5, 1)
@example([1, 2, 3], 6, 1)
@example([3], 3, 10**10)
@pytest.mark.parametrize("quick", [0, subset.AMOUNTS_MAX])  # by bits, and by halves
def test_the_search_says_what_trying_everything_says(
    quick: int, amounts: list[int], total: int, unit: int
) -> None:
    amounts, total = [one * unit for one in amounts], total * unit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subset, "_HALVES_ARE_QUICK", quick)
        found = subset.find(amounts, total)

    known = ways(amounts, total)
    assert found.is_complete
    assert found.is_unique == (len(known) == 1)
    assert found.positions == (known[0] if len(known) == 1 else ())


def test_more_than_forty_are_not_answered() -> None:
    assert not subset.find(list(range(1000, 1041)), 2001).is_complete
    assert subset.find([*range(1000, 1040), 9_999], 1000).is_unique  # one is too large to count


def test_what_takes_too_long_is_not_answered() -> None:
    some = random.Random(1)
    amounts = [some.randrange(10**11, 10**12) for _ in range(40)]

    found = subset.find(amounts, sum(amounts[:20]), seconds=0.05)

    assert found == subset.Answer(is_complete=False)


@pytest.mark.parametrize(("amounts", "total"), [([0, 1], 1), ([-1, 2], 1), ([1], 0)])
def test_only_amounts_above_zero_are_asked_about(amounts: list[int], total: int) -> None:
    with pytest.raises(ValueError, match="above zero"):
        subset.find(amounts, total)


def test_forty_bills_take_a_moment() -> None:
    """The budget is 50 ms in the middle; a slow machine is given four times as much."""
    some = random.Random(2)
    took = []
    for _ in range(7):
        amounts = [some.randrange(100_00, 10_000_00) for _ in range(40)]
        begun = perf_counter()
        subset.find(amounts, sum(some.sample(amounts, 6)))
        took.append(perf_counter() - begun)

    assert statistics.median(took) < 0.2


# ---- the proposal for a break ----

DAY = books.DAY


def credit(paise: int, **columns: Any) -> Break:
    line = books.entry(Book.BANK, paise, kind=Kind.TRANSFER, narration="CASH DEP", **columns)
    return books.broken(
        line, reason=Reason.UNIDENTIFIED_CREDIT, stage=Stage.BANK, leg=Leg.TRANSFER_BANK
    )


def slip(name: str, *paise: int, day: date = DAY) -> None:
    """A slip with its receipts, in a break: its credit does not name it."""
    cash = books.channel("cash", "deposit")
    lines = [
        books.entry(
            Book.RECEIPTS, one, channel=cash, deposit_ref=name, business_date=day,
            in_channel_stage=False, in_bank_stage=True,
        )
        for one in paise
    ]  # fmt: skip
    books.broken(*lines, reason=Reason.DEPOSIT_MISSING, stage=Stage.BANK, leg=Leg.DEPOSIT_BANK)


@pytest.mark.django_db
def test_slips_that_make_a_credit_together_are_proposed_and_nothing_is_matched() -> None:
    slip("DS-1", 300, 200)
    slip("DS-2", 250)
    slip("DS-3", 111)

    found = proposals.proposal_for(credit(750))

    assert found is not None
    assert [one.name for one in found.items] == ["deposit:cash/DS-1", "deposit:cash/DS-2"]
    assert (found.paise, found.considered) == (750, 3)
    assert found.sentence == (
        "These 2 together make the sum; no other choice of the 3 open ones does."
    )
    assert "DS-1" in render_to_string(
        "reconciliation/_proposal.html", {"together": found.candidate}
    )
    assert not Match.objects.exists()
    assert not Decision.objects.exists()


@pytest.mark.django_db
def test_two_ways_are_none() -> None:
    slip("DS-1", 500)
    slip("DS-2", 250)
    slip("DS-3", 250)

    assert proposals.proposal_for(credit(750)) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [{"business_date": DAY + timedelta(days=6)}, {"state": "closed"}, {"stage": Stage.FEE}],
)
def test_what_is_far_closed_or_a_fee_has_no_proposal(change: dict[str, Any]) -> None:
    slip("DS-1", 500)
    slip("DS-2", 250)
    day = change.pop("business_date", DAY)
    one = credit(750, business_date=day)
    for name, value in change.items():
        setattr(one, name, value)

    assert proposals.proposal_for(one) is None


@pytest.mark.django_db
def test_money_of_another_account_is_not_looked_at() -> None:
    slip("DS-1", 500)
    slip("DS-2", 250)
    other = factories.BankAccountFactory(code="other", account_number="30000000002")

    assert proposals.proposal_for(credit(750, bank_account=other)) is None


@pytest.mark.django_db
def test_too_many_to_be_sure_are_not_proposed() -> None:
    for number in range(42):
        slip(f"DS-{number}", 1000 + number)

    assert proposals.proposal_for(credit(2001)) is None


@pytest.mark.django_db
def test_one_settlement_is_proposed_in_several_credits() -> None:
    lines = [
        books.entry(Book.CHANNEL, one, settlement_ref="S1", in_channel_stage=False)
        for one in (600, 400)
    ]
    one = books.broken(
        *lines, reason=Reason.SETTLED_NOT_CREDITED, stage=Stage.BANK, leg=Leg.CHANNEL_BANK
    )
    credit(700)
    credit(300)
    credit(299)

    found = proposals.proposal_for(one)

    assert found is not None
    assert [item.paise for item in found.items] == [700, 300]


@pytest.mark.django_db
def test_the_proposal_is_ticked_as_one_and_decided_by_two(users: Mapping[str, User]) -> None:
    slip("DS-1", 500)
    slip("DS-2", 250)
    one = credit(750)

    entries = proposals.chosen_entries(one, [proposals.NAME, "deposit:cash/DS-1"])
    made = decisions.propose(
        one, kind=Decision.Kind.MATCH, candidates=entries,
        why="by the sum", maker=users["finance_officer"],
    )  # fmt: skip
    decisions.approve(made, checker=users["finance_approver"])

    assert [entry.deposit_ref for entry in entries] == ["DS-1", "DS-2"]
    assert Match.objects.get().lines.count() == 3


# ---- what resembles ----


def missing(paise: int, **columns: Any) -> Break:
    return books.broken(books.entry(Book.RECEIPTS, paise, **columns))


def line(paise: int, **columns: Any) -> str:
    made = books.entry(Book.CHANNEL, paise, in_bank_stage=False, **columns)
    return f"channel:{made.source_key}"


def _verdicts(found: suggestions.Suggestion) -> tuple[dict[str, str], dict[str, str]]:
    """What the fields that agree say, and those that do not."""
    agreeing: dict[str, str] = {}
    disagreeing: dict[str, str] = {}
    for one in found.candidate.fields:
        side = agreeing if one["agrees"] else disagreeing
        side[str(one["label"])] = str(one["verdict"])
    return agreeing, disagreeing


@pytest.mark.django_db
def test_the_likeliest_comes_first_with_what_agrees_and_what_does_not() -> None:
    one = missing(123_400, rrn="623012345678", consumer_number="1001")
    typo = line(123_400, rrn="623012345687", consumer_number="1001")
    turned = line(132_400, rrn="999999999999")
    money = line(123_400, business_date=DAY + timedelta(days=3))
    line(55_555, rrn="111111111111")

    found = suggestions.suggestions_for(one)

    assert [each.candidate.id for each in found] == [typo, money, turned]
    agreeing, disagreeing = _verdicts(found[0])
    assert set(agreeing) == {"Consumer", "Amount", "Day"}
    assert disagreeing == {"RRN": "1 character differs"}
    assert "two digits changed places" in _verdicts(found[2])[1].values()
    page = render_to_string("reconciliation/_suggestions.html", {"suggestions": found})
    assert "623012345687" in page


@pytest.mark.django_db
def test_what_is_matched_far_or_of_our_own_side_is_not_suggested() -> None:
    one = missing(123_400, rrn="623012345678")
    books.entry(Book.RECEIPTS, 123_400, rrn="623012345678")
    line(123_400, business_date=DAY + timedelta(days=11))
    books.matched(
        books.entry(Book.RECEIPTS, 123_400), books.entry(Book.CHANNEL, 123_400, rrn="623012345678")
    )

    assert suggestions.suggestions_for(one) == []


@pytest.mark.django_db
def test_a_narration_that_is_much_alike_is_said() -> None:
    one = credit(70_000, business_date=DAY)
    books.entry(
        Book.RECEIPTS, 70_000, in_channel_stage=False, in_bank_stage=True,
        narration="DEP CASH RAIPUR",
    )  # fmt: skip

    (found,) = suggestions.suggestions_for(one)

    told = {str(each["label"]): each["verdict"] for each in found.candidate.fields}
    assert told["Narration"] == "much alike"
