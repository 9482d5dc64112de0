"""Chance that repeats: every part of a day draws from a generator of its own, named by the seed."""

import string
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final, TypeVar

from cspdcl.kernel.clock import INDIA

T = TypeVar("T")

_BASE62: Final = string.ascii_uppercase + string.ascii_lowercase + string.digits

# How busy each hour is, in India: before noon, and again after work.
ONLINE: Final = (
    *(6, 3, 2, 2, 2, 5, 12, 22, 38, 58, 78, 100),
    *(96, 72, 52, 46, 50, 64, 98, 100, 80, 56, 34, 14),
)
COUNTER: Final = (*(0,) * 10, 70, 100, 95, 60, 45, 60, 55, 35, *(0,) * 6)
BANKING: Final = (*(2,) * 8, 10, 30, 80, 100, 100, 70, 60, 70, 60, 40, 30, 20, 10, 5, 3, 2)


def chance(*names: object) -> Random:
    """The generator of one part of a day; equal names give equal draws on every machine."""
    return Random(":".join(map(str, names)))


def identifier(rng: Random, prefix: str) -> str:
    """An id in the gateway's manner: a prefix and fourteen letters and digits."""
    return prefix + "".join(rng.choices(_BASE62, k=14))


def digits(rng: Random, count: int) -> str:
    """So many decimal digits, zeros in front included."""
    return f"{rng.randrange(10**count):0{count}d}"


def hex_key(rng: Random) -> str:
    """A key of 32 hexadecimal digits."""
    return f"{rng.getrandbits(128):032x}"


def instant(day: date, *, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    """A moment of the day on India's clock."""
    return datetime.combine(day, time(hour, minute, second), tzinfo=INDIA)


def moments(rng: Random, *, day: date, count: int, weights: Sequence[int]) -> list[datetime]:
    """So many moments of the day in their order, denser where the hours weigh more."""
    start = instant(day)
    hours = rng.choices(range(24), weights, k=count)
    seconds = sorted(hour * 3600 + rng.randrange(3600) for hour in hours)
    return [start + timedelta(seconds=second) for second in seconds]


def seconds(rng: Random, least: int, most: int) -> timedelta:
    """A span of whole seconds."""
    return timedelta(seconds=rng.randint(least, most))


def some(rng: Random, items: Sequence[T], *, per_mille: int) -> list[T]:
    """About so many in a thousand of the items, in their order."""
    count = (len(items) * per_mille + 500) // 1000
    return [items[place] for place in sorted(rng.sample(range(len(items)), count))]


def weighed(rng: Random, choices: Sequence[tuple[T, int]]) -> T:
    """One of the choices, as often as it weighs."""
    return rng.choices([choice for choice, _ in choices], [weight for _, weight in choices])[0]
