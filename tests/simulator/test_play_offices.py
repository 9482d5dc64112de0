"""Offices with people play two days through the real actions, and every sum is the house's own."""

import json
from collections import Counter as Tally
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db.models import Sum

from channels_.models import BankAccount
from counters import drawers, returning
from counters.models import (
    CashMove,
    Difference,
    Instrument,
    OfficeDay,
    ReturnLine,
    Shift,
    Slip,
)
from counters.states import PaperState, ShiftState
from cspdcl.env import PROJECT
from payments.models import Counter, Payment
from people.models import User
from reconciliation import selectors
from simulator.compare import compare
from simulator.day import Day, play_day
from simulator.demo import live
from simulator.files import write_day
from simulator.registers import wrong_in_registers
from simulator.scene import read_scene
from simulator.staff import STEPS, notes
from tests import played

DAY = date(2026, 11, 20)
SCENE = replace(read_scene(PROJECT / "configuration" / "demo.toml"), channels=())
LATE = "2026-11-21 00:30:00+05:30"
PLANTED = (
    *("deposit_missing", "deposit_differs", "cheque_returned", "duplicate", "ambiguous"),
    *("missing_in_channel", "missing_in_books"),
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _kept_files(settings, tmp_path: Path) -> None:
    settings.STATEMENTS_DIR = tmp_path / "statements"


def _play(directory: Path, *, payments: int, seed: int):
    with time_machine.travel(LATE, tick=True):
        clerk = played.install(SCENE)
        day = played.play(
            directory, clerk=clerk, day=DAY, payments=payments, seed=seed, scene=SCENE
        )
        played.reconcile(DAY)
        found = [
            selectors.break_as_data(one, as_of=DAY)
            for one in selectors.with_lines(selectors.breaks_open_on(DAY))
        ]
    return day, found


def test_what_was_planted_at_the_counters_is_found_with_its_reason(tmp_path: Path):
    day, found = _play(tmp_path, payments=300, seed=1)

    comparison = compare(day.truth, found)
    assert comparison.missed == []
    assert comparison.false == []
    assert comparison.other_amount == []
    assert wrong_in_registers(day.truth) == []
    other = {**day.truth, "registers": {**day.truth["registers"], "return_lines": []}}
    (invented,) = wrong_in_registers(other)
    assert invented.startswith("invented return_line 0")
    planted = Tally(one["reason"] for one in day.truth["planted"])
    assert {reason: planted[reason] for reason in PLANTED if planted[reason] < 1} == {}
    _check_books(day)
    _check_lives()
    _check_today(day, tmp_path)


def _check_books(day: Day) -> None:
    """Every receipt was taken, every office closed both days, and no cash is left unsaid."""
    for code, told in day.truth["by_channel"].items():
        taken = Payment.objects.filter(channel__code=code, business_date=DAY)
        assert (taken.count(), taken.aggregate(sum=Sum("amount_paise"))["sum"]) == tuple(
            told.values()
        )
    closed = OfficeDay.objects.filter(state=OfficeDay.State.CLOSED)
    assert Tally(closed.values_list("office__code", flat=True)) == {
        staff.office: 2 for staff in SCENE.staff
    }
    assert not Shift.objects.exclude(state=ShiftState.CLOSED).exists()
    kinds = set(CashMove.objects.filter(state="done").values_list("kind", flat=True))
    assert {"opening", "float", "drop", "transfer", "paid_out", "hand_in", "difference"} <= kinds
    differences = Difference.objects.values_list("amount_paise", "approver__username")
    assert (-200_00, "finance") in differences
    lost = {
        key
        for item in day.truth["planted"]
        if item["reason"] == "deposit_missing"
        for key in item["keys"]
    }
    bagged = Slip.objects.filter(bag__isnull=False)
    names = set(bagged.values_list("deposit__reference", flat=True))
    unstamped = bagged.filter(stamped_at__isnull=True)
    assert set(unstamped.values_list("deposit__reference", flat=True)) == lost & names


def _check_lives() -> None:
    """Papers stand wherever a paper can stand after a day; one of them waited for its day."""
    states = set(Instrument.objects.values_list("state", flat=True))
    assert states >= {
        PaperState.DEPOSITED,
        PaperState.RETURNED,
        PaperState.DISHONOURED,
        PaperState.PAID_IN_CASH,
        PaperState.REPLACED,
        PaperState.PURSUED,
        PaperState.GIVEN_BACK,
    }
    again = Instrument.objects.filter(presented_count=2)
    assert again.count() == len(SCENE.staff)
    assert not again.exclude(state=PaperState.DEPOSITED).exists()
    assert Instrument.objects.filter(due_on=DAY, state=PaperState.DEPOSITED).exists()
    methods = set(Instrument.objects.values_list("method", flat=True))
    assert methods == {"cheque", "demand_draft", "postal_order", "card"}
    (forged,) = ReturnLine.objects.filter(state=ReturnLine.State.PERSON)
    assert forged.instrument is None


def _check_today(day: Day, home: Path) -> None:
    """A visitor's clerk finds a float, a supervisor what waits, finance a file of returns."""
    with time_machine.travel("2026-11-21 10:00:00+05:30", tick=True):
        live.Today(SCENE.staff[0], day, home).begin()
        waiting = CashMove.objects.filter(state="asked")
        assert set(waiting.values_list("kind", flat=True)) == {"float", "drop"}
        counter, clerk = Counter.objects.get(code="rpr1"), User.objects.get(username="clerk")
        move = waiting.get(kind="float")
        counted = notes(move.amount_paise)
        shift = drawers.open_with(counter, clerk=clerk, float_move=move, counted=counted)
        assert shift.clerk == clerk
        states = set(Instrument.objects.values_list("state", flat=True))
        assert {PaperState.RECEIVED, PaperState.HELD} <= states
        account = BankAccount.objects.get(code="sbi-collection")
        kept = returning.keep_file(
            account,
            (home / live.RETURNED_TODAY).read_bytes(),
            name=live.RETURNED_TODAY,
            by=User.objects.get(username="finance"),
        )
        assert kept.line_count > 1
        assert not kept.lines.filter(instrument__isnull=True).exists()


def test_another_sum_than_the_house_has_ends_the_play(tmp_path: Path):
    with time_machine.travel(LATE, tick=True):
        played.install(SCENE)
        day = play_day(SCENE, day=DAY, payments=5, seed=1)
        write_day(day, tmp_path)
        played.know_consumers(tmp_path / "consumers.csv")
        steps = played.rows(tmp_path / STEPS)
        count = next(one for one in reversed(steps) if one["what"] == "count_safe")
        count["told"]["paise"] += 100  # more than was ever put into it
        (tmp_path / STEPS).write_text("".join(json.dumps(one) + "\n" for one in steps))
        arguments = ("play_offices", "--directory", str(tmp_path), "--date")
        call_command(*arguments, str(day.eve))
        with pytest.raises(CommandError, match="the safe: expected"):
            call_command(*arguments, str(day.date))


def test_the_same_seed_gives_the_same_steps(tmp_path: Path):
    contents = []
    for name in ("one", "two"):
        write_day(play_day(SCENE, day=DAY, payments=300, seed=4), tmp_path / name)
        paths = sorted((tmp_path / name).iterdir())
        contents.append({path.name: path.read_bytes() for path in paths})
    assert contents[0] == contents[1]
    assert {STEPS, "sbi-collection-returns.csv", "sbi-collection-eve.mt940"} <= set(contents[0])
