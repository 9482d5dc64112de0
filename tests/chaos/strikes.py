"""The strikes: what is killed, in which order, and proof that it died.

The order comes from the seed; the moment comes from how much was acknowledged, so that a slow
machine is struck at the same places as a fast one.
"""

import contextlib
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.chaos.house import House, is_running, until
from tests.chaos.senders import Senders

# Twelve kills, and how often each is among them.
KINDS: Final = (
    *("web worker",) * 4,
    *("pool child",) * 3,
    *("worker", "database session", "database", "redis"),
)
RARE: Final = ("web", "beat")  # each in every second dozen
BUSY_SECONDS: Final = 3


def plan_of(kills: int, *, seed: int) -> list[str]:
    """So many kills in an order of the seed's, and one emptied Redis for each dozen."""
    chance = random.Random(f"{seed}:strikes")
    plan: list[str] = []
    dozens = -(-kills // 12)
    for number in range(dozens):
        dozen = [*KINDS, RARE[number % 2]]
        chance.shuffle(dozen)
        plan += dozen
    plan = plan[:kills]
    for _ in range(dozens):
        plan.insert(chance.randrange(len(plan) + 1), "redis emptied")
    return plan


class Striker:
    """Strikes by plan while the senders work."""

    def __init__(self, house: House, senders: Senders, plan: Sequence[str], *, seed: int) -> None:
        self.house = house
        self.plan = plan
        self.done: Counter[str] = Counter()
        self.problem: BaseException | None = None
        self._senders = senders
        self._chance = random.Random(f"{seed}:victims")
        self._thread = threading.Thread(target=self._work, daemon=True)

    @property
    def kills(self) -> int:
        """How many processes were killed and seen dead."""
        return self.done.total() - self.done["redis emptied"]

    @property
    def is_busy(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def _work(self) -> None:
        try:
            for number, kind in enumerate(self.plan):
                due = self._senders.total * (number + 1) // (len(self.plan) + 2)
                until(
                    lambda due=due: self._senders.done >= due,  # type: ignore[misc]
                    what=f"message {due} before strike {number}, {kind}",
                    seconds=600,
                )
                self.strike(kind)
        except (AssertionError, OSError) as problem:
            self.problem = problem

    def strike(self, kind: str) -> None:
        """One strike; returns when its victim is dead."""
        if kind == "redis emptied":
            with self.house.broker() as broker:
                until(lambda: _flushed(broker), what="Redis to be emptied")
        else:
            if kind in {"pool child", "worker"}:
                self._await_work()
            self.kill(kind)
        self.done[kind] += 1

    def kill(self, kind: str) -> None:
        """Kill one of this kind at once; the one found may be gone a moment later, then another."""

        def killed() -> bool:
            victim = self._victim(kind)
            if victim is None:
                return False
            with contextlib.suppress(ProcessLookupError):
                # A whole worker dies with its children, as with its machine.
                (os.killpg if kind in {"worker", "web", "beat"} else os.kill)(
                    victim, signal.SIGKILL
                )
                until(lambda: _is_dead(victim), what=f"{kind} {victim} to be dead")
                return True
            return False

        until(killed, what=f"a {kind} to kill")

    def _victim(self, kind: str) -> int | None:
        if kind in {"web", "worker", "beat"}:
            child = self.house.child(kind)
            return child.popen.pid if child.popen and child.is_alive else None
        if kind == "redis":
            return self._known(self.house.redis.pid(), marked="redis")
        postmaster = self._known(self.house.postgres.pid(), marked=str(self.house.postgres.data))
        if kind == "database":
            return postmaster
        if kind == "database session":
            return self._one([one for one in _children(postmaster) if _is_session(one)])
        parent = self.house.child("web" if kind == "web worker" else "worker").popen
        return self._one(_children(parent.pid if parent else None))

    def _known(self, pid: int | None, *, marked: str) -> int | None:
        return pid if is_running(pid, marked=marked) else None

    def _one(self, candidates: Sequence[int]) -> int | None:
        return self._chance.choice(sorted(candidates)) if candidates else None

    def _await_work(self) -> None:
        """Give the worker a moment to be in the middle of a transaction; then strike anyway."""
        with contextlib.suppress(AssertionError):
            until(self._is_working, what="work", seconds=BUSY_SECONDS)

    def _is_working(self) -> bool:
        return bool(
            self.house.ask(
                "SELECT FROM pg_stat_activity "
                "WHERE application_name = 'worker' AND xact_start IS NOT NULL"
            )
        )


def _flushed(broker: object) -> bool:
    import redis

    with contextlib.suppress(redis.RedisError, OSError):
        return bool(broker.flushall())  # type: ignore[attr-defined]
    return False


def _children(pid: int | None) -> list[int]:
    if pid is None:
        return []
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _is_session(pid: int) -> bool:
    """Whether a child of the database serves a client, by the title it gives itself."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return False
    return "[local]" in title


def _is_dead(pid: int) -> bool:
    """Gone, or a zombie whose parent has not looked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except OSError:
        return True
