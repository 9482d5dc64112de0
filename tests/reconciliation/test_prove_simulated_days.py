"""Whole days: every planted discrepancy is found with its reason, none is invented, books prove.

A few seeds are played in ``make test``, each over all channels; fifty in ``make volume``. How the
files of a day come changes with the seed, and changes nothing of what is found.
"""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Final

import pytest
import time_machine

from cspdcl.env import PROJECT
from reconciliation import selectors
from reconciliation.incoming import statements
from reconciliation.models import Break, Entry, Match, Proof
from simulator.bank import OPENING_PAISE, mt940
from simulator.compare import compare
from simulator.day import ChannelDay, Day, play_day
from simulator.files import statements_of
from simulator.kinds import OF_THE_ERP, Kind, Odd
from simulator.scene import SETTLEMENT, Scene, read_scene
from tests import played
from tests.played import STAFFED

DAY: Final = date(2026, 11, 20)
SCENE: Final = read_scene(PROJECT / "configuration" / "demo.toml")
FEW: Final = (3, 8, 13)  # each way in which files come once, one of them over midnight
MANY: Final = tuple(range(50))
PAYMENTS: Final = 900
MORE_PAYMENTS: Final = 2_400  # on every tenth day, for channels that few use

in_books = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _after_the_day() -> Iterator[None]:
    with time_machine.travel("2026-11-21 00:30:00+05:30", tick=True):
        yield


@pytest.fixture(autouse=True)
def _kept_files(settings, tmp_path: Path) -> None:
    settings.STATEMENTS_DIR = tmp_path / "statements"


def scene_of(seed: int) -> Scene:
    """All channels of the demo; on every fourth day the cut-off is shortly before midnight."""
    if seed % 4:
        return SCENE
    late = [
        replace(one, cutoff=time(23, 30)) if one.route == SETTLEMENT else one
        for one in SCENE.channels
    ]
    return replace(SCENE, channels=tuple(late))


def payments_of(seed: int) -> int:
    """How many payments the day of a seed has."""
    return PAYMENTS if seed % 10 else MORE_PAYMENTS


@pytest.mark.parametrize("seed", FEW)
@in_books
def test_every_planted_discrepancy_is_found_and_none_invented(tmp_path: Path, seed: int) -> None:
    prove(tmp_path, seed=seed)


@pytest.mark.volume
@pytest.mark.parametrize("seed", MANY)
@in_books
def test_so_it_is_on_fifty_days(tmp_path: Path, seed: int) -> None:
    prove(tmp_path, seed=seed)


def prove(directory: Path, *, seed: int) -> None:
    """Play a day over all channels, let its files come, and compare what is found."""
    scene = scene_of(seed)
    clerk = played.install(scene)
    day = played.play(
        directory,
        clerk=clerk,
        day=DAY,
        payments=payments_of(seed),
        seed=seed,
        scene=scene,
        loads=False,
    )
    WAYS[seed % len(WAYS)](day, directory)
    refuse_wrong_files(day)

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


# ---- how the files of a day come


def whole(day: Day, directory: Path) -> None:
    """Each file once, as it should."""
    for source, name in statements_of(day, directory):
        played.load(source, (directory / name).read_bytes(), name=name)


def overlapping(day: Day, directory: Path) -> None:
    """First the half of each file, then all of it, then the same bytes by another name."""
    for code, one in day.channels.items():
        for name, content in first_half(one):
            played.load(code, content, name=name)
    for account in day.scene.accounts:
        lines = day.statements[account.code]
        content = mt940(account, lines[: len(lines) // 2], day=DAY)
        played.load(account.code, content, name="half.mt940")
    whole(day, directory)
    source, name = statements_of(day, directory)[0]
    with pytest.raises(statements.AlreadyLoaded):
        played.load(source, (directory / name).read_bytes(), name="again.csv")


def late(day: Day, directory: Path) -> None:
    """The day is reconciled before the files of some are there; what looked wrong is mended."""
    files = statements_of(day, directory)
    waiting = files[::3]
    for source, name in files:
        if (source, name) not in waiting:
            played.load(source, (directory / name).read_bytes(), name=name)
    played.reconcile(DAY)
    for source, name in waiting:
        played.load(source, (directory / name).read_bytes(), name=name)


WAYS: Final = (whole, overlapping, late)


def first_half(played_there: ChannelDay) -> Iterator[tuple[str, bytes]]:
    """The report of the settlements of the morning, where the day has several."""
    rows, write = played_there.report, played_there.channel.simulation.report
    half = [row for row in rows if row.settled_at <= rows[len(rows) // 2].settled_at]
    if write is not None and len(half) < len(rows):
        ending, content = min(write(half).items())
        yield f"half.{ending}", content


def refuse_wrong_files(day: Day) -> None:
    """A row with another amount, and the statement of another account: nothing of them is taken."""
    before = Entry.objects.count()
    razorpay = day.channels["razorpay"]
    write = razorpay.channel.simulation.report
    assert write is not None
    row = next(one for one in razorpay.report if one.word == "payment")
    dearer = row._replace(amount_paise=row.amount_paise + 100, credit_paise=row.credit_paise + 100)
    restated = dict(write([dearer if one is row else one for one in razorpay.report]))
    assert f"razorpay:{row.channel_ref} is in the books" in refused("razorpay", restated["csv"])
    one, other = day.scene.accounts[:2]
    stray = mt940(other, day.statements[other.code], day=DAY, opening_paise=OPENING_PAISE)
    assert "account" in refused(one.code, stray)
    assert Entry.objects.count() == before


def refused(source: str, content: bytes) -> str:
    """Why a file is refused."""
    file = statements.load(statements.source_of(source), io.BytesIO(content), name="wrong")
    assert file.state == "refused"
    return str(file.problem)


# ---- what the days hold


def test_the_few_days_plant_every_kind_and_the_many_plant_it_at_every_channel() -> None:
    large = pairs_of(play_day(SCENE, day=DAY, payments=20_000, seed=0))
    few = [play_day(scene_of(seed), day=DAY, payments=payments_of(seed), seed=seed) for seed in FEW]

    of_the_day = {one.value for one in Kind if one not in OF_THE_ERP}  # which posts afterwards
    assert {kind for kind, _channel in large} == of_the_day
    assert len({kind for kind, _channel in large}) >= 25
    for day in few:
        assert {kind for kind, _channel in pairs_of(day)} == of_the_day
        assert {channel for _kind, channel in pairs_of(day)} == {
            *(one.code for one in SCENE.channels), "cash", "cheque", "cards",
        }  # fmt: skip
    assert {
        odd.value for odd in Odd if not any(day.truth["not_breaks"][odd] for day in few)
    } == set()


@pytest.mark.volume
def test_what_a_channel_can_have_it_has_on_one_of_the_fifty_days() -> None:
    large = pairs_of(play_day(SCENE, day=DAY, payments=20_000, seed=0))
    many = [
        play_day(scene_of(seed), day=DAY, payments=payments_of(seed), seed=seed) for seed in MANY
    ]

    # Its payouts of some hundred rupees are too small to go wrong as large ones do.
    small = {"bbps-recharge"}
    left = large - set().union(*map(pairs_of, many))
    assert {(kind, channel) for kind, channel in left if channel not in small} == set()


def pairs_of(day: Day) -> set[tuple[str, str]]:
    """Which kind was planted at which channel."""
    return {(one["kind"], one["channel"]) for one in day.truth["planted"]}


# ---- runs and days


@in_books
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


@in_books
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
