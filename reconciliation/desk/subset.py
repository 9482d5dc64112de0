"""Which of many amounts add up to one: exact, over whole paise, and only when it is the only way.

Pure: no database. A sum of moderate size is found by sets of sums held as bits of two numbers: what
can be made, and what can be made in more than one way. A large one by meeting in the middle: the
sums of each half in order, walked from both ends. What is too much, or would take longer than was
allowed, is not answered.
"""

from collections.abc import Iterator, Sequence
from math import gcd
from time import monotonic
from typing import Final, NamedTuple

AMOUNTS_MAX: Final = 40
SECONDS: Final = 1.0
_BITS_MAX: Final = 12_000_000  # above it the halves are quicker, and the bits take much memory
_HALVES_ARE_QUICK: Final = 24  # amounts
_LOOK: Final = 1 << 14  # sums after which the clock is read


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
    ways = list(_ways(left, right, total, until=until))
    if len(ways) != 1:
        return None
    return [
        place
        for half, mark in zip(halves, ways[0], strict=True)
        for bit, place in enumerate(half)
        if mark >> bit & 1
    ]


_Sums = tuple[list[int], list[int]]  # each sum in ascending order, and which amounts make it


def _sums(amounts: Sequence[int], total: int, *, until: float) -> _Sums:
    """Every sum of the amounts up to the total, ascending, each with the bits that make it."""
    sums, marks = [0], [0]
    for bit, amount in enumerate(amounts):
        if monotonic() > until:
            raise _TimeIsOver
        # Sorting two runs that are in order already is one merge.
        pairs = list(zip(sums, marks, strict=True))
        more = [(one + amount, mark | 1 << bit) for one, mark in pairs if one + amount <= total]
        pairs += more
        pairs.sort()
        sums, marks = [one for one, _mark in pairs], [mark for _one, mark in pairs]
    return sums, marks


def _ways(left: _Sums, right: _Sums, total: int, *, until: float) -> Iterator[tuple[int, int]]:
    """The first two ways to make the total of a sum of each half."""
    (left_sums, left_marks), (right_sums, right_marks) = left, right
    found, low, high, steps = 0, 0, len(right_sums) - 1, 0
    while low < len(left_sums) and high >= 0:
        steps += 1
        if steps % _LOOK == 0 and monotonic() > until:
            raise _TimeIsOver
        together = left_sums[low] + right_sums[high]
        if together < total:
            low += 1
        elif together > total:
            high -= 1
        else:
            for mark in _same(left_sums, left_marks, low):
                for other in _same_before(right_sums, right_marks, high):
                    yield mark, other
                    found += 1
                    if found > 1:
                        return
            low = _after(left_sums, low)
            high -= 1


def _same(sums: Sequence[int], marks: Sequence[int], place: int) -> Iterator[int]:
    wanted = sums[place]
    while place < len(sums) and sums[place] == wanted:
        yield marks[place]
        place += 1


def _same_before(sums: Sequence[int], marks: Sequence[int], place: int) -> Iterator[int]:
    wanted = sums[place]
    while place >= 0 and sums[place] == wanted:
        yield marks[place]
        place -= 1


def _after(sums: Sequence[int], place: int) -> int:
    wanted = sums[place]
    while place < len(sums) and sums[place] == wanted:
        place += 1
    return place
