"""Eight at once load the same and other files and start runs: as if one had done it in order."""

import io
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Final

import pytest
from django.db import connections, transaction

from reconciliation import engine
from reconciliation.incoming import statements
from reconciliation.models import Entry
from tests.reconciliation.small_days import Key, live_matches, open_breaks
from tests.worked_examples.accounts import HEADER, Desk, Line, mt940, paid

MON, TUE, WED = (date(2026, 8, n) for n in range(10, 13))
RACERS: Final = 8
DEADLINE_SECONDS: Final = 60

File = tuple[str, bytes]
Found = tuple[set[tuple[str, frozenset[Key]]], set[tuple[str, str, frozenset[Key]]]]


@pytest.fixture
def desk(transactional_db: None, settings, tmp_path: Path) -> Desk:
    """Books that other connections see too: receipts of a gateway and on slips."""
    settings.STATEMENTS_DIR = tmp_path / "statements"
    desk = Desk.open()
    for number in range(RACERS * 3):
        desk.receipt("razorpay", 100 + number, on=MON, channel_ref=f"pay_{number}")
    for number in range(RACERS):
        desk.slip(f"DS-{number:04}", [desk.receipt("cash", 70, on=TUE)], on=TUE)
    return desk


def test_eight_at_once_lose_nothing_and_match_nothing_twice(desk: Desk) -> None:
    files = _files(desk)
    with transaction.atomic():
        in_order = _done([lambda: _tell(files)])
        transaction.set_rollback(True)
    start = threading.Barrier(RACERS)

    def race(number: int) -> Callable[[], None]:
        def work() -> None:
            start.wait(DEADLINE_SECONDS)
            _tell([*files[number:], *files[:number]])  # each begins elsewhere, and tells all

        return work

    _at_once([race(number) for number in range(RACERS)])

    assert _done([]) == in_order
    told = [(stage, key) for stage, keys in live_matches() for key in keys]
    assert len(told) == len(set(told))
    assert Entry.objects.filter(book="channel").count() == RACERS * 3 + 1
    assert Entry.objects.filter(book="bank").count() == RACERS * 2 + 1


def _files(desk: Desk) -> list[File]:
    """A report of each settlement that repeats a row of the one before, and its statement."""
    files: list[File] = []
    for number in range(RACERS):
        mine = [_row(number, of) for of in range(3)]
        before = [_row(number - 1, 2)] if number else [_stranger()]
        files.append(("razorpay", "\n".join([HEADER, *mine, *before, ""]).encode()))
        net = sum(100 + number * 3 + of for of in range(3))
        lines = [Line(net, f"NEFT RAZORPAY UTR{number:04}"), Line(70, f"CASH DEP DS-{number:04}")]
        if not number:
            lines.append(Line(41, "WHO IS IT"))
        files.append(("bank", mt940(desk.account, lines, on=WED, opening=0)))
    return files


def _row(settlement: int, of: int) -> str:
    number = settlement * 3 + of
    return paid(f"pay_{number}", 100 + number, paid_on=MON, settled_on=WED,
                settlement=f"S{settlement}", utr=f"UTR{settlement:04}")  # fmt: skip


def _stranger() -> str:
    return paid("pay_x", 5, paid_on=MON, settled_on=WED, settlement="SX", utr="UTRXXXX")


def _tell(files: Sequence[File]) -> None:
    """Load every file that nobody has loaded yet, and start a run after some."""
    for count, (source, content) in enumerate(files):
        try:
            file = statements.load(
                statements.source_of(source), io.BytesIO(content), name=f"{source}{count}"
            )
            assert file.state == "loaded", file.problem
        except statements.AlreadyLoaded:
            continue
        if count % 5 == 0:
            try:
                engine.reconcile(WED, started_by="racer")
            except engine.AlreadyRunning:
                continue


def _done(works: Sequence[Callable[[], None]]) -> Found:
    """What the books say after a last run."""
    for work in works:
        work()
    engine.reconcile(WED, started_by="last")
    return set(live_matches()), set(open_breaks())


def _at_once(works: Sequence[Callable[[], None]]) -> None:
    """Work in threads, each with a connection of its own; raises what one of them raised."""

    def one(work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        for racer in [pool.submit(one, work) for work in works]:
            racer.result(DEADLINE_SECONDS)
