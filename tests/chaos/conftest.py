"""One house for all tests of a process; the seed, which every failure names."""

import os
import secrets
from collections.abc import Callable, Iterator

import pytest

from tests.chaos.house import House, made_house
from tests.chaos.stream import CONSUMERS, Stream, make_stream


@pytest.fixture(scope="session")
def seed() -> int:
    """Chosen by CHAOS_SEED, else by chance; printed, so that a failure can be played again."""
    chosen = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(10**6))
    print(f"CHAOS_SEED={chosen}")  # noqa: T201 - pytest shows it with a failure
    return chosen


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """An installation of its own that serves."""
    with made_house(CONSUMERS) as house:
        yield house


@pytest.fixture(scope="session")
def make(house: House, seed: int) -> Callable[[int, str], Stream]:
    """Make a stream of so many events: ``make(1500, "storm")``."""

    def make(events: int, name: str) -> Stream:
        return make_stream(
            events, seed=seed, mark=name, secret=house.webhook_secret, api_key=house.api_key
        )

    return make
