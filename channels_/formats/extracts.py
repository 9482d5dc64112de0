"""What a narration holds, told by a pattern of words and places: ``NEFT CR-{utr}-{*}``.

A narration is written by whoever pays, so no text may keep a reader busy: each place of a text is
tried at most once for each part of a pattern.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

EXTRACTED: Final = ("utr", "rrn", "reference", "channel_ref", "instrument")
EXTRACTS_MAX: Final = 20
PATTERN_MAX: Final = 200
ANYTHING_MAX: Final = 60  # characters of {*}
NAMED_MAX: Final = 40  # letters and digits of any other place

_PLACE: Final = re.compile(r"\{(\w+|\*)\}")


def check_extracts(patterns: Sequence[str]) -> None:
    """TypeError for patterns that name nothing, one thing twice, or two with nothing between."""
    if len(patterns) > EXTRACTS_MAX:
        raise TypeError(f"extracts: expected at most {EXTRACTS_MAX}")
    for pattern in patterns:
        named = [place for place in _PLACE.findall(pattern) if place != "*"]
        if not named or not set(named) <= set(EXTRACTED) or len(set(named)) < len(named):
            raise TypeError(
                f"extracts: expected one or more of {', '.join(EXTRACTED)} in braces, each once, "
                f"got {pattern!r}"
            )
        if "}{" in pattern:
            raise TypeError(f"extracts: expected a text between two places, got {pattern!r}")
        if len(pattern) > PATTERN_MAX:
            raise TypeError(f"extracts: expected at most {PATTERN_MAX} characters")


class Extractor:
    """One pattern, ready to be looked for; upper and lower case are the same."""

    def __init__(self, pattern: str) -> None:
        # Words and names by turns, a word first and last; either may be empty.
        self._parts = [part.lower() for part in _PLACE.split(pattern)]
        self._words = [word for word in self._parts[::2] if word]

    def find(self, text: str) -> Mapping[str, str]:
        """What the first place of the text that fits holds, by name; nothing when none does."""
        lower = text.lower()
        if len(lower) != len(text):  # a letter that has no small one of its own
            lower = text
        if not self._may_fit(lower):
            return {}
        first, failed = self._parts[0], set[tuple[int, int]]()
        start = lower.find(first)
        while start >= 0:
            found: dict[str, str] = {}
            if self._fits(
                1, start + len(first), text=text, lower=lower, failed=failed, found=found
            ):
                return found
            start = lower.find(first, start + 1) if start < len(lower) else -1
        return {}

    def _may_fit(self, lower: str) -> bool:
        """Whether the words of the pattern stand in the text, one behind the other."""
        at = 0
        for word in self._words:
            at = lower.find(word, at)
            if at < 0:
                return False
            at += len(word)
        return True

    def _fits(
        self,
        part: int,
        at: int,
        *,
        text: str,
        lower: str,
        failed: set[tuple[int, int]],
        found: dict[str, str],
    ) -> bool:
        """Whether the place of that number begins here, and all that follows it fits."""
        if part == len(self._parts):
            return True
        if (part, at) in failed:
            return False
        name, word = self._parts[part], self._parts[part + 1]
        for end in _ends(name, lower, at):
            if lower.startswith(word, end) and self._fits(
                part + 2, end + len(word), text=text, lower=lower, failed=failed, found=found
            ):
                if name != "*":
                    found[name] = text[at:end]
                return True
        failed.add((part, at))
        return False


def _ends(name: str, lower: str, at: int) -> range:
    """Where a place that begins here may end: ``{*}`` as soon as it can, a name as late as so."""
    if name == "*":
        return range(at, min(at + ANYTHING_MAX, len(lower)) + 1)
    end = at
    while end < min(at + NAMED_MAX, len(lower)) and lower[end].isascii() and lower[end].isalnum():
        end += 1
    return range(end, at, -1)
