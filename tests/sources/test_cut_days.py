"""A day in several files: equal payments are all there, and nothing is there twice."""

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from channels_.models import StatementFile
from reconciliation.models import Entry
from tests.sources import days
from tests.sources.days import MON, line, mt940

pytestmark = pytest.mark.django_db

_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _kept_aside(settings, tmp_path: Path) -> None:
    settings.STATEMENTS_DIR = tmp_path / "statements"


def part(paise: Sequence[int], *, opening: int = 0) -> StatementFile:
    """One file of the day; its statement number makes its bytes others every time."""
    days.bank(file_compared=False)
    content = mt940(
        [line(MON, one, words="CASH DEPOSIT") for one in paise],
        opening=opening,
        closing=opening + sum(paise),
        number=next(_numbers),
    )
    file = days.load(content)
    assert file.state == StatementFile.State.LOADED, file.problem
    return file


def in_books() -> list[int]:
    return sorted(Entry.objects.values_list("amount_paise", flat=True))


X = 3_000


def test_equal_lines_in_two_files_of_a_cut_day_are_two() -> None:
    part([X], opening=0)
    second = part([X], opening=X)

    assert (second.line_count, second.added_count) == (1, 1)
    assert in_books() == [X, X]


def test_whichever_part_comes_first_or_again_nothing_is_there_twice() -> None:
    part([X, 500], opening=X)
    part([X], opening=0)
    part([X], opening=2 * X + 500)
    assert in_books() == [500, X, X, X]

    again = [part([X]), part([X, 500], opening=X), part([X, X, 500]), part([X, X, 500, X])]

    assert [file.added_count for file in again] == [0, 0, 0, 0]
    assert in_books() == [500, X, X, X]


def test_the_whole_day_first_and_then_its_parts_adds_nothing() -> None:
    part([X, X, 500])

    assert part([X], opening=0).added_count == 0
    assert part([X, 500], opening=X).added_count == 0
    assert in_books() == [500, X, X]


def test_an_overlapping_file_of_the_morning_adds_what_is_new_only() -> None:
    part([X, 500])
    part([X, 500, X])

    assert in_books() == [500, X, X]


def test_a_file_that_comes_again_worded_otherwise_around_lines_that_come_to_nothing() -> None:
    part([X, -X], opening=1_000)
    part([X, -X], opening=1_000)

    assert in_books() == [-X, X]


def test_a_whole_day_that_begins_where_a_part_ended_by_chance_repeats_it() -> None:
    part([-X], opening=X)  # the account was swept
    part([X, -X, 700], opening=0)

    assert in_books() == [-X, 700, X]


def test_a_part_that_begins_inside_another_where_balances_meet_by_chance_repeats_it() -> None:
    part([10_000, X, -X], opening=0)
    part([X, -X, 700], opening=10_000)

    assert in_books() == [-X, 700, X, 10_000]


def test_the_next_day_is_no_part_of_this_one() -> None:
    part([X])
    tuesday = MON.replace(day=11)
    days.load(
        mt940([line(tuesday, X, words="CASH DEPOSIT")], day=tuesday, opening=X, closing=2 * X)
    )

    assert in_books() == [X, X]


class AnyCut(TestCase):
    """Credits of a day, cut anywhere, loaded in order, each part perhaps again."""

    @settings(
        max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(
        st.lists(st.sampled_from([100, 200, 300]), min_size=1, max_size=8),
        st.sets(st.integers(0, 8)),
        st.lists(st.integers(0, 8), max_size=4),
        st.booleans(),
    )
    def test_every_line_is_there_once(
        self, paise: list[int], cuts: set[int], again: list[int], is_reversed: bool
    ) -> None:
        edges = sorted({0, len(paise), *(cut for cut in cuts if cut < len(paise))})
        parts = [(start, end) for start, end in itertools.pairwise(edges)]
        order = parts[::-1] if is_reversed else parts
        order = [*order, *(parts[one % len(parts)] for one in again), (0, len(paise))]

        for start, end in order:
            part(paise[start:end], opening=sum(paise[:start]))

        assert Counter(in_books()) == Counter(paise)
