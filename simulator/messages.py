"""Messages of a day in the order in which they are sent, with the troubles of real delivery."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from channels_.simulation import Envelope, News, Simulation, Subject
from simulator.chance import hex_key, some

_REPEATED_PER_MILLE = 50


class Sending(NamedTuple):
    """One message and the moment it leaves its sender."""

    at: datetime
    envelope: Envelope


@dataclass(slots=True)
class Outbox:
    """What one channel says: late by seconds or minutes, out of order, some of it twice."""

    rng: Random
    simulation: Simulation
    event_prefix: str
    sendings: list[Sending] = field(default_factory=list)

    def say(
        self,
        news: News,
        subject: Subject,
        at: datetime,
        *,
        late: timedelta | None = None,
    ) -> bool:
        """Write a message about something that happened at a moment; it leaves a little later.

        False when this is nothing that the channel tells.
        """
        if news not in self.simulation.news:
            return False
        event_id = f"{self.event_prefix}{hex_key(self.rng)[:14]}"
        envelope = self.simulation.tell(news, subject, at, event_id)
        self.sendings.append(Sending(at + (late or self._delay()), envelope))
        return True

    def in_order(self) -> list[Sending]:
        """Everything in sending order, some of it a second time with the same bytes."""
        repeats = [
            Sending(sent.at + timedelta(seconds=self.rng.randint(5, 600)), sent.envelope)
            for sent in some(self.rng, self.sendings, per_mille=_REPEATED_PER_MILLE)
        ]
        return sorted([*self.sendings, *repeats], key=_by_time)

    def _delay(self) -> timedelta:
        """Seconds for most, up to six minutes for one in eight."""
        most = 360 if self.rng.randrange(8) == 0 else 8
        return timedelta(seconds=self.rng.randint(1, most))


def count_repeats(sendings: Iterable[Sending]) -> int:
    """How many messages are a second copy of another one."""
    told = [(sent.envelope.body, tuple(sent.envelope.headers.items())) for sent in sendings]
    return len(told) - len(set(told))


def _by_time(sent: Sending) -> tuple[datetime, bytes]:
    return sent.at, sent.envelope.body
