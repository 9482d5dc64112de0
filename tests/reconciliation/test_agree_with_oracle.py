"""The engine against a naive matcher: hundreds of small days by chance, and days that were kept.

A day on which the two disagree is made as small as possible and printed; the document decides who
is right, and the day is kept under ``kept/`` with what it taught.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from reconciliation import engine
from reconciliation.models import Reason
from tests.reconciliation import naive
from tests.reconciliation.chance import day_of
from tests.reconciliation.known_faults import FAULTS, may_touch
from tests.reconciliation.small_days import (
    PROVED,
    Books,
    Day,
    Found,
    names_of,
    text_of,
    without,
)

DAYS = 500
MANY_DAYS = 20_000
AT_ONCE = 500  # days that share one run

KEPT = sorted((Path(__file__).parent / "kept").glob("*.json"))

pytestmark = pytest.mark.django_db


def test_the_engine_finds_what_a_naive_matcher_finds() -> None:
    days = list(itertools.islice(_days(), DAYS))

    _agree_on(days)
    told = {reason for day in days for _, _, reason in naive.explain(day)[-1].breaks}
    # A fee is judged apart from all this, and these days have no ERP.
    apart = {Reason.FEE_DIFFERS, Reason.NOT_POSTED, Reason.WRONG_CONSUMER, Reason.IN_CLARIFICATION}
    assert told == {*Reason.values} - apart


@pytest.mark.volume
def test_nor_do_they_differ_on_twenty_thousand_days() -> None:
    days = _days()
    for _ in range(MANY_DAYS // AT_ONCE):
        _agree_on(list(itertools.islice(days, AT_ONCE)))


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(
            json.loads(path.read_text()),
            id=path.stem,
            marks=[
                pytest.mark.xfail(
                    strict=True, raises=(AssertionError, IntegrityError), reason=told["why"]
                )
                for told in [json.loads(path.read_text())]
                if told["fault"]
            ],
        )
        for path in KEPT
    ],
)
def test_a_kept_day_is_found_as_the_document_says(kept: dict[str, Any]) -> None:
    day = Day.of_json(kept["day"])

    assert found_by_engine([day]) == [naive.explain(day)]


@pytest.mark.parametrize("fault", FAULTS)
def test_every_known_fault_is_kept_and_recognised(fault: str) -> None:
    told = [json.loads(path.read_text()) for path in KEPT]
    days = [Day.of_json(one["day"]) for one in told if one["fault"] == fault]

    assert days
    assert all(FAULTS[fault](day) for day in days)


def test_what_is_kept_is_told_again_as_it_was() -> None:
    for seed in range(20):
        day = day_of(seed)
        assert Day.of_json(json.loads(text_of(day))).as_json() == day.as_json()


# ---- tools of these tests


def _days() -> Iterator[Day]:
    """Days by chance, always the same, without those that a known fault may touch."""
    return (day for day in map(day_of, itertools.count()) if not may_touch(day))


def found_by_engine(days: Sequence[Day]) -> list[list[Found]]:
    """What the engine says of each day, after what came first and after what came late."""
    answers: list[list[Found]] = [[] for _ in days]
    with transaction.atomic():
        books = Books(days)
        for is_late in (False, True):
            books.put(late=is_late)
            run = engine.reconcile(PROVED, started_by="test")
            for answer, found in zip(answers, books.read(run), strict=True):
                answer.append(found)
        transaction.set_rollback(True)
    return answers


def _agree_on(days: Sequence[Day]) -> None:
    """Fails with the first day of disagreement, as small as it can be, and what each says."""
    for day, answer in zip(days, found_by_engine(days), strict=True):
        if answer != naive.explain(day):
            pytest.fail(_told(_smallest(day, is_wrong=_differs)), pytrace=False)


def _differs(day: Day) -> bool:
    return not may_touch(day) and found_by_engine([day]) != [naive.explain(day)]


def _smallest(day: Day, *, is_wrong: Callable[[Day], bool]) -> Day:
    for name in names_of(day):
        smaller = without(day, [name])
        if smaller.size < day.size and is_wrong(smaller):
            day = smaller
    return day


def _told(day: Day) -> str:
    (found,) = found_by_engine([day])
    said = [
        f"{when}: engine {_only(one, other)}, naive {_only(other, one)}"
        for when, one, other in zip(("first", "late"), found, naive.explain(day), strict=True)
    ]
    return "\n".join([text_of(day), *said])


def _only(one: Found, other: Found) -> list[Any]:
    matches = [(stage, sorted(names)) for stage, names in one.matches - other.matches]
    waits = sorted(set(one.waiting.items()) - set(other.waiting.items()))
    return [*matches, *sorted(one.breaks - other.breaks), *waits]
