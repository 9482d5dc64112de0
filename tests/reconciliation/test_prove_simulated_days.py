"""Whole days: every planted discrepancy is found with its reason, none is invented, books prove."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import time_machine

from reconciliation import selectors
from reconciliation.models import Break, Match, Proof
from simulator.compare import compare
from simulator.scene import DEFAULT, TERMINAL, PlayedChannel, Rate, Staff
from tests import played

DAY = date(2026, 11, 20)
SEEDS = (1, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29)

# Two offices with people; the other counters hand in.
STAFFED = replace(
    DEFAULT,
    staff=(
        Staff("RPR-Z1", {"rpr1": "clerk-rpr1"}, "supervisor-rpr", "finance"),
        Staff("RPR-Z2", {"rpr2": "clerk-rpr2"}, "supervisor-rpr", "finance"),
    ),
    terminal=PlayedChannel(
        code="cards",
        name="Cards",
        adapter=TERMINAL,
        route="settlement",
        account="sbi-collection",
        narration="CARD TERMINALS SETTLEMENT",
        rates={"card": Rate(9_000, 0, 180_000)},
    ),
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _after_the_day():
    with time_machine.travel("2026-11-20 23:30:00+05:30", tick=True):
        yield


@pytest.fixture(autouse=True)
def _kept_files(settings, tmp_path: Path) -> None:
    settings.STATEMENTS_DIR = tmp_path / "statements"


@pytest.mark.parametrize("seed", SEEDS)
def test_every_planted_discrepancy_is_found_and_none_invented(tmp_path: Path, seed: int) -> None:
    scene = STAFFED if seed % 3 == 2 else DEFAULT
    clerk = played.install(scene)
    day = played.play(tmp_path, clerk=clerk, day=DAY, payments=800, seed=seed, scene=scene)

    run = played.reconcile(DAY)

    found = [
        selectors.break_as_data(one, as_of=DAY)
        for one in selectors.with_lines(selectors.breaks_open_on(DAY))
    ]
    comparison = compare(day.truth, found)
    assert comparison.missed == []
    assert comparison.false == []
    assert comparison.other_amount == []
    assert all(one["explanation"] for one in found)
    assert {proof.business_date for proof in run.proofs.all()} == {DAY}


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    clerk = played.install()
    played.play(tmp_path, clerk=clerk, day=DAY, payments=400, seed=4)
    first = played.reconcile(DAY)
    breaks = list(Break.objects.order_by("pk").values_list("pk", "state", "subject_key"))
    matches = Match.objects.count()

    second = played.reconcile(DAY)

    assert (second.matched_count, second.opened_count, second.closed_count) == (0, 0, 0)
    assert list(Break.objects.order_by("pk").values_list("pk", "state", "subject_key")) == breaks
    assert Match.objects.count() == matches
    assert second.output_hash == first.output_hash


def test_the_next_day_opens_with_the_closing_of_this_one(tmp_path: Path) -> None:
    clerk = played.install(STAFFED)
    played.play(tmp_path / "one", clerk=clerk, day=DAY, payments=400, seed=6, scene=STAFFED)
    closing = {(p.stage, p.book): (p.closing_count, p.closing_paise) for p in _proofs(DAY)}
    with time_machine.travel("2026-11-21 23:30:00+05:30", tick=True):
        tomorrow = date(2026, 11, 21)
        opening = {(p.stage, p.book): (p.opening_count, p.opening_paise) for p in _proofs(tomorrow)}

    assert opening == closing


def _proofs(day: date) -> list[Proof]:
    return list(played.reconcile(day).proofs.all())
