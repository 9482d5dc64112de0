"""What makes a bank line itself: a key that is the same whenever the bank sends the line again."""

import hashlib
from array import array
from datetime import date
from typing import Final

_FIRST_SIZE: Final = 1 << 10
_EMPTY: Final = 0
_MASK: Final = (1 << 64) - 1


class Times:
    """How often each text came so far, in some twenty bytes a text: files have millions of lines.

    A text is kept as 64 bits of its hash. Among five million texts two share theirs once in a
    million files, and then one of them is called the second of its kind, which loses nothing.
    """

    def __init__(self) -> None:
        self._marks = array("Q", bytes(8 * _FIRST_SIZE))
        self._count = 0
        self._again: dict[int, int] = {}  # of what came more than once

    def add(self, text: str) -> int:
        """Count the text once more and say how often it came: 1 for a new one."""
        mark = hash(text) & _MASK or 1
        marks, last = self._marks, len(self._marks) - 1
        place = mark & last
        while (found := marks[place]) != _EMPTY:
            if found == mark:
                times = self._again[mark] = self._again.get(mark, 1) + 1
                return times
            place = (place + 1) & last
        marks[place] = mark
        self._count += 1
        if 3 * self._count > 2 * len(marks):
            self._grow()
        return 1

    def _grow(self) -> None:
        old = self._marks
        last = 2 * len(old) - 1
        new = array("Q", bytes(16 * len(old)))
        for mark in old:
            if mark != _EMPTY:
                place = mark & last
                while new[place] != _EMPTY:
                    place = (place + 1) & last
                new[place] = mark
        self._marks = new


class Keys:
    """Gives the lines of one file their keys; the second of two identical lines ends in ``#2``."""

    def __init__(self) -> None:
        self._times = Times()

    def key(
        self,
        account: str,
        *,
        day: date,
        amount_paise: int,
        reference: str,
        channel_ref: str,
        narration: str,
    ) -> str:
        """The key of a line; order and statement number are no part of it, banks change both."""
        digest = hashlib.sha1(narration.encode(), usedforsecurity=False).hexdigest()[:12]
        bare = "|".join([account, f"{day}", f"{amount_paise}", reference, channel_ref, digest])
        times = self._times.add(bare)
        return bare if times == 1 else f"{bare}#{times}"
