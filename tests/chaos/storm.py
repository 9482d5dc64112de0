"""One storm: a stream is sent while a plan of kills is carried out, until all is quiet again."""

import time
from typing import Any

from tests.chaos import judge
from tests.chaos.house import House, until
from tests.chaos.senders import Senders
from tests.chaos.stream import Stream
from tests.chaos.strikes import Striker, plan_of

LONGEST_SECONDS = 7200
DRAIN_SECONDS = 120


class Storm:
    """What was sent, what was struck, what was heard, and how long it took."""

    def __init__(self, house: House, stream: Stream, *, kills: int, seed: int) -> None:
        self.house = house
        self.stream = stream
        self.kills_planned = kills
        self.senders = Senders(house.url, stream.deliveries)
        self.heard = self.senders.heard
        self.striker = Striker(house, self.senders, plan_of(kills, seed=seed), seed=seed)
        self.seconds = self.drained_after = 0.0
        self.most_attempts = 0
        self.seed = seed

    def rage(self) -> None:
        """Send and strike; returns when nothing is due any more."""
        revived = len(self.house.revived)
        started = time.monotonic()
        self.senders.start()
        self.striker.start()
        until(
            lambda: not (self.senders.is_busy or self.striker.is_busy),
            what=f"the storm to end, seed {self.seed}",
            seconds=LONGEST_SECONDS,
        )
        if self.striker.problem:
            raise self.striker.problem
        quiet = time.monotonic()
        self.seconds = quiet - started
        with self.house.database() as connection:
            connection.autocommit = True
            try:
                until(
                    lambda: judge.due(connection, stream=self.stream) == 0,
                    what=f"the inbox to be drained, seed {self.seed}",
                    seconds=DRAIN_SECONDS,
                )
            except AssertionError as late:
                waiting = judge.waiting(connection, stream=self.stream)
                raise AssertionError(f"{late}\n{waiting}\n{self.house.state()}") from late
            self.drained_after = time.monotonic() - quiet
            self.most_attempts = judge.most_attempts(connection, stream=self.stream)
        self.revived = self.house.revived[revived:]

    def figures(self) -> dict[str, Any]:
        """What docs and failures quote."""
        return {
            "seed": self.seed,
            "events": len(self.stream.bodies),
            "requests": sum(self.heard.tries.values()),
            "sent_again": self.heard.repeated,
            "answers": dict(sorted(self.heard.answers.items())),
            "kills": self.striker.kills,
            "strikes": dict(sorted(self.striker.done.items())),
            "most_attempts": self.most_attempts,
            "seconds": round(self.seconds, 1),
            "drained_after_seconds": round(self.drained_after, 1),
        }


def shortfalls(storm: Storm) -> list[str]:
    """Why a storm proves nothing although no fault was found; empty for an honest one."""
    found = []
    if storm.striker.kills < storm.kills_planned:
        found.append(f"{storm.striker.kills} kills of {storm.kills_planned} planned")
    if storm.heard.repeated == 0:
        found.append("no request had to be sent again")
    if storm.most_attempts < 2:
        found.append("no message had to be tried again")
    return found
