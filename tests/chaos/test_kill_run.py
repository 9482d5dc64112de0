"""A run is killed at one place after the other; the next one ends as if nothing had happened."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from typing import Final

import pytest
from celery import Celery

from cspdcl import processes
from cspdcl.processes import Child, Processes
from tests.chaos.house import BARE, House, until
from tests.chaos.strikes import _children, _is_dead

pytestmark = pytest.mark.chaos

DAY: Final = "2026-08-18"
PLAY: Final = """
import sys, django
from datetime import date
from pathlib import Path
django.setup()
from tests import played
day, seed, directory = sys.argv[1:]
clerk = played.install()
played.play(Path(directory), clerk=clerk, day=date.fromisoformat(day), payments=400, seed=int(seed))
"""

# Where a run is killed: the first row it wants to write into each of these, in its own order.
PLACES: Final = ("entry", "match", "break", "proof")
WRITTEN: Final = """
    SELECT (SELECT count(*) FROM reconciliation_entry), (SELECT count(*) FROM reconciliation_match),
      (SELECT count(*) FROM reconciliation_break), (SELECT count(*) FROM reconciliation_proof)
"""
OUTCOME: Final = """
    SELECT (SELECT array_agg(s ORDER BY s) FROM (
        SELECT stage || ' ' || reason || ' ' || reference || ' ' || amount_paise
        FROM reconciliation_break WHERE state = 'open') AS b (s)),
      (SELECT count(*) FROM reconciliation_match), (SELECT count(*) FROM reconciliation_matchline)
"""


def test_a_killed_run_leaves_nothing_and_the_next_ends_the_same(house: House, seed: int):
    house.copy_database(BARE, name="calm")
    directory = str(house.home / "day")
    house.run("-c", PLAY, DAY, str(seed), directory, database="calm")
    house.copy_database("calm", name="night")
    calm = house.run("manage.py", "reconcile", "--date", DAY, "--json", database="calm")
    before = house.ask(WRITTEN, database="night")

    with _worker(house) as (worker, broker):
        for place in PLACES[:-1]:
            _kill_at(house, worker, broker, place=place, whole=True)
            assert house.ask(WRITTEN, database="night") == before
            worker.launch()
        _kill_at(house, worker, broker, place=PLACES[-1], whole=False)
        _run(broker)
        until(lambda: _done(house), what=f"a run that is done, seed {seed}")

    hashes = _done(house)
    assert set(hashes) == {json.loads(calm.stdout)["output_hash"]}
    assert house.ask(OUTCOME, database="night") == house.ask(OUTCOME, database="calm")
    states = dict(
        house.ask("SELECT state, count(*) FROM reconciliation_run GROUP BY 1", database="night")
    )
    assert states == {"abandoned": len(PLACES), "done": len(hashes)}


class _Worker:
    """A worker of the night's database alone; ours to kill."""

    def __init__(self, made: Processes) -> None:
        self.made = made
        self.child: Child = next(one for one in made.children if one.name == "worker")

    def launch(self) -> None:
        self.made._launch(self.child)
        self.made._await(self.child)

    def kill(self, *, whole: bool) -> None:
        assert self.child.popen
        pid = self.child.popen.pid
        pool = _children(pid)
        if whole:
            processes._signal_group(self.child, signal.SIGKILL)
        for one in pool:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        for one in [*pool, *([pid] if whole else [])]:
            until(lambda one=one: _is_dead(one), what="the worker to be dead")  # type: ignore[misc]
        if whole:
            self.child.popen.wait()


@contextlib.contextmanager
def _worker(house: House) -> Iterator[tuple[_Worker, Celery]]:
    address = house.redis.url().removesuffix("/0") + "/3"  # our broker, not that of the house
    home = house.home / "night"
    made = house.make_processes(home=home, database="night", broker=address)
    worker = _Worker(made)
    with Celery(broker=address, set_as_current=False) as broker:
        worker.launch()
        try:
            yield worker, broker
        finally:
            made.stop()


def _kill_at(house: House, worker: _Worker, broker: Celery, *, place: str, whole: bool) -> None:
    """Let a run come as far as this table, where it waits for us, and kill it there."""
    table = f"reconciliation_{place}"
    with house.database("night") as connection:
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
        _run(broker)
        until(lambda: _waiting(house, table), what=f"a run that wants to write {table}")
        worker.kill(whole=whole)
        connection.rollback()
    until(lambda: not _alive(house), what="the dead run's transaction to end")


def _run(broker: Celery) -> None:
    broker.send_task("reconciliation.tasks.reconcile_day", args=[DAY, "chaos"])


def _waiting(house: House, table: str) -> bool:
    return bool(
        house.ask(
            "SELECT FROM pg_locks WHERE NOT granted AND relation = %s::regclass",
            table,
            database="night",
        )
    )


def _alive(house: House) -> bool:
    return bool(
        house.ask(
            "SELECT FROM pg_stat_activity WHERE datname = 'night' "
            "AND application_name = 'worker' AND xact_start IS NOT NULL"
        )
    )


def _done(house: House) -> list[str]:
    rows = house.ask(
        "SELECT output_hash FROM reconciliation_run WHERE state = 'done'", database="night"
    )
    return [one for (one,) in rows]
