"""One drawer from many sides at once: real threads, each with its own connection."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection

from counters import counts, differences, drawers, safe, shifts
from counters.models import CashMove, Difference, DrawerCount, Shift
from counters.states import ShiftState
from cspdcl.kernel.errors import DomainError
from tests import factories as make
from tests.counters import drawer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place() -> drawer.Place:
    return drawer.Place()


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call gave or refused with, all begun together."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait(10)
            return call()
        except DomainError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def refused(answers: list[Any]) -> int:
    return sum(isinstance(one, DomainError) for one in answers)


def test_a_count_sent_from_two_tabs_and_accepted_by_two_people(place) -> None:
    counts.begin_close(place.shift, by=place.clerk)

    def count(paise: int) -> Callable[[], Any]:
        counted = counts.Counted(denominations=drawer.notes(paise))
        return lambda: counts.submit_count(place.shift, by=place.clerk, counted=counted)

    assert refused(at_once(*[count(1_990_00), count(1_980_00)] * 4)) == 7
    assert DrawerCount.objects.filter(kind="closing").count() == 1
    drawer.explain_all(place.shift)
    by_one = partial(differences.accept, place.shift, by=place.supervisor)
    by_other = partial(differences.accept, place.shift, by=place.other)
    answers = at_once(*[by_one, by_other] * 4)

    assert refused(answers) == 7
    assert Shift.objects.get().state == ShiftState.CLOSED
    (short,) = Difference.objects.all()
    assert safe.position(place.office) == 10_000_00 + short.amount_paise
    assert CashMove.objects.filter(kind__in=["hand_in", "difference"]).count() == 2


def test_closing_against_handing_in(place) -> None:
    def close() -> Any:
        return counts.begin_close(place.shift, by=place.clerk)

    answers = at_once(close, lambda: place.hand_in(500_00), close)

    shift = Shift.objects.get()
    moved = CashMove.objects.filter(kind="drop").exists()
    assert moved == (shift.state == ShiftState.OPEN)
    assert refused(answers) == (2 if moved else 1)
    assert drawer.in_drawer(shift) == (1_500_00 if moved else 2_000_00)


def test_one_transfer_is_taken_once(place) -> None:
    there = shifts.open_shift(place.next, clerk=place.second)
    counted = drawer.notes(500_00)
    move = drawers.give_to(
        place.shift, to=there, clerk=place.clerk, counted=counted, submit_key=drawer.key()
    )

    yes = partial(drawers.confirm, move, by=place.second, counted=counted)
    no = partial(drawers.refuse, move, by=place.clerk, reason="given by mistake")
    answers = at_once(yes, no, yes, no)

    assert refused(answers) == 3
    assert drawer.in_drawer(place.shift) + drawer.in_drawer(there) == 2_000_00


def test_two_floats_out_of_one_safe_and_two_drops_of_one_drawer(place) -> None:
    def give() -> Any:
        return safe.issue_float(
            place.office,
            amount_paise=5_000_00,
            by=place.supervisor,
            submit_key=drawer.key(),
            receiver=place.second,
        )

    assert refused(at_once(give, give, give)) == 2
    assert safe.position(place.office) == 3_000_00
    assert refused(at_once(*[lambda: place.hand_in(1_500_00)] * 3)) == 2
    assert drawer.in_drawer(place.shift) == 500_00


def test_one_clerk_opens_at_two_counters(place) -> None:
    third = make.CounterFactory(office=place.office, keeps_shifts=True)
    answers = at_once(
        lambda: shifts.open_shift(place.next, clerk=place.second),
        lambda: shifts.open_shift(third, clerk=place.second),
        lambda: shifts.open_shift(place.next, clerk=place.second),
    )

    assert refused(answers) == 2
    assert Shift.objects.filter(clerk=place.second).count() == 1
