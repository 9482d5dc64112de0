"""Chance that repeats: every part of a day draws from a generator of its own, named by the seed."""

import string
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final, TypeVar

from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.ids import ALPHABET, check_character

T = TypeVar("T")

_PLACES: Final = {
    "#": string.digits,
    "?": string.ascii_uppercase + string.digits,
    "*": string.ascii_uppercase + string.ascii_lowercase + string.digits,
}
_MONTHS: Final = "ABCDEFGHJKLM"  # as in our references: August is H

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


def patterned(rng: Random, pattern: str) -> str:
    """A name by its pattern: # is a digit, ? a capital or digit, * any letter or digit."""
    return "".join(rng.choice(_PLACES[sign]) if sign in _PLACES else sign for sign in pattern)


def sample_reference(rng: Random, at: datetime) -> str:
    """A payment reference as ours are, of a payment that was begun at a moment."""
    micros = (at.hour * 3600 + at.minute * 60 + at.second) * 1_000_000 + rng.randrange(1_000_000)
    number, body = micros * 32_768 + rng.randrange(32_768), ""
    for _ in range(11):
        number, place = divmod(number, 32)
        body = ALPHABET[place] + body
    body = f"{at:%y}{_MONTHS[at.month - 1]}{at:%d}{body}"
    return f"{body[:5]}-{body[5:13]}-{body[13:]}{check_character(body)}"


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
