"""Which of many amounts add up to one: exact, over whole paise, and only when it is the only way.

Pure: no database. A sum of moderate size is found by sets of sums held as bits of two numbers: what
can be made, and what can be made in more than one way. A large one by meeting in the middle: the
sums of each half in order, walked from both ends. What is too much, or would take longer than was
allowed, is not answered.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from math import gcd
from time import monotonic
from typing import Final, NamedTuple

AMOUNTS_MAX: Final = 40
SECONDS: Final = 1.0
_BITS_MAX: Final = 12_000_000  # above it the halves are quicker, and the bits take much memory
_HALVES_ARE_QUICK: Final = 24  # amounts
_MARKS: Final = AMOUNTS_MAX // 2  # bits that say which amounts of a half are in a sum
_MASK: Final = (1 << _MARKS) - 1


class Answer(NamedTuple):
    """The one subset with the sum, as positions; or why none is told."""

    positions: tuple[int, ...] = ()
    is_unique: bool = False
    is_complete: bool = True  # False: too many amounts, or the time was over


_NONE: Final = Answer()
_UNKNOWN: Final = Answer(is_complete=False)


class _TimeIsOver(Exception):
    pass


def find(amounts: Sequence[int], total: int, *, seconds: float = SECONDS) -> Answer:
    """The positions of the only non-empty subset of positive amounts whose sum is the total.

    Two equal amounts that could stand for each other are two ways. Two ways are none.
    """
    if total <= 0 or any(amount <= 0 for amount in amounts):
        raise ValueError("amounts and their total are above zero")
    # What is larger than the total is in no subset.
    fits = sorted(
        (place for place, amount in enumerate(amounts) if amount <= total),
        key=lambda place: amounts[place],
    )
    if len(fits) > AMOUNTS_MAX:
        return _UNKNOWN
    rest = sum(amounts[place] for place in fits) - total
    if rest < 0:
        return _NONE
    if rest == 0:
        return Answer(tuple(sorted(fits)), is_unique=True)
    # To choose what is left out is the same question, and often the smaller one.
    wanted = min(total, rest)
    found = _find([amounts[place] for place in fits], wanted, until=monotonic() + seconds)
    if not found.is_unique or wanted == total:
        return found._replace(positions=tuple(sorted(fits[one] for one in found.positions)))
    left_out = {fits[one] for one in found.positions}
    return found._replace(positions=tuple(sorted(set(fits) - left_out)))


def _find(amounts: Sequence[int], total: int, *, until: float) -> Answer:
    """The same, of ascending amounts; some may be larger than the total."""
    places = [place for place, amount in enumerate(amounts) if amount <= total]
    unit = gcd(*(amounts[place] for place in places)) if places else 1
    if total % unit:
        return _NONE
    few, goal = [amounts[place] // unit for place in places], total // unit
    try:
        is_small = len(few) <= _HALVES_ARE_QUICK
        found = _by_halves if is_small or goal > _BITS_MAX else _by_bits
        chosen = found(few, goal, until=until)
    except _TimeIsOver:
        return _UNKNOWN
    if chosen is None:
        return _NONE
    return Answer(tuple(places[one] for one in chosen), is_unique=True)


def _by_bits(amounts: Sequence[int], total: int, *, until: float) -> list[int] | None:
    """Positions of the only subset, by what can be made of the amounts so far."""
    mask, wanted = (1 << total + 1) - 1, 1 << total
    once, twice, history = 1, 0, []
    for amount in amounts:
        if monotonic() > until:
            raise _TimeIsOver
        history.append(once)
        with_it = once << amount & mask
        twice |= (twice << amount & mask) | (once & with_it)
        once |= with_it
        if twice & wanted:
            return None
    if not once & wanted:
        return None
    chosen, left = [], total
    for place in range(len(amounts) - 1, -1, -1):
        if not history[place] >> left & 1:  # without this one it could not be made
            chosen.append(place)
            left -= amounts[place]
    return chosen


def _by_halves(amounts: Sequence[int], total: int, *, until: float) -> list[int] | None:
    """Positions of the only subset, by the sums of two halves."""
    everything = range(len(amounts))
    halves = everything[::2], everything[1::2]  # large and small in both
    left, right = (_sums([amounts[place] for place in half], total, until=until) for half in halves)
    ways = list(islice(_ways(left, right, total), 2))
    if len(ways) != 1:
        return None
    return [
        place
        for half, marks in zip(halves, ways[0], strict=True)
        for bit, place in enumerate(half)
        if marks >> bit & 1
    ]


def _sums(amounts: Sequence[int], total: int, *, until: float) -> list[int]:
    """Every sum up to the total, ascending; its low bits are marks of the amounts that make it.

    One number for a sum and its marks is sorted several times as fast as a pair of them.
    """
    sums, end = [0], total + 1 << _MARKS
    for bit, amount in enumerate(amounts):
        if monotonic() > until:
            raise _TimeIsOver
        step = amount << _MARKS | 1 << bit
        sums += [one + step for one in sums[: bisect_left(sums, end - step)]]
        sums.sort()  # two runs that are in order already: one merge
    return sums


def _ways(left: Sequence[int], right: Sequence[int], total: int) -> Iterator[tuple[int, int]]:
    """The marks of each sum of the left half with each of the right half that completes it."""
    there = {one >> _MARKS for one in right}
    for one in left:
        missing = total - (one >> _MARKS)
        if missing in there:
            first = bisect_left(right, missing << _MARKS)
            last = bisect_left(right, missing + 1 << _MARKS)
            for other in right[first:last]:
                yield one & _MASK, other & _MASK
