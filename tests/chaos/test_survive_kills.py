"""Every process is killed in the middle of a day: nothing acknowledged is lost or counted twice."""

import json
import os
import sys
from collections.abc import Callable

import pytest

from tests.chaos import judge
from tests.chaos.house import House, until
from tests.chaos.storm import Storm, shortfalls
from tests.chaos.stream import Stream

pytestmark = pytest.mark.chaos

EVENTS = int(os.environ.get("CHAOS_EVENTS") or 1_000)
KILLS = int(os.environ.get("CHAOS_KILLS") or 14)


def test_no_kill_loses_or_doubles_what_was_acknowledged(
    house: House, make: Callable[[int, str], Stream], seed: int
):
    stream = make(EVENTS, "storm")

    storm = Storm(house, stream, kills=KILLS, seed=seed)
    storm.rage()

    sys.stdout.write(f"{json.dumps(storm.figures(), indent=1)}\n")
    with house.database() as connection:
        assert judge.faults(connection, stream=stream, heard=storm.heard) == [], f"seed {seed}"
    assert shortfalls(storm) == [], f"seed {seed}"
    crashes = house.crashes("web")
    assert crashes == [], "\n".join(crashes)
    until(lambda: not _stuck(house), what="no session to be idle in a transaction", seconds=10)
    verdict = house.run("manage.py", "audit_verify", "--json", check=False)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def _stuck(house: House) -> list[object]:
    return house.ask("SELECT pid FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%'")
