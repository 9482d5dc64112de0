"""JSON as channels must send it: UTF-8, no name twice, no NaN, no NUL, not deeper than 32.

What is not such JSON, or has not the channel's envelope, is Unreadable and refused at the door; a
wrong value inside is Malformed and kept for a person.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

from channels_.contract import Unreadable
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import PAISE_MAX, Paise

DEPTH_MAX: Final = 32
EXPONENT_MAX: Final = (
    64  # no number of ours is larger or finer; 1e999999999 is a gigabyte of digits
)

# A text that never ends is one token too: else each of its escaped quotes would begin a new search
# to the end, and 256 KiB of them keep a worker for minutes.
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def loads(body: bytes) -> Any:
    """Read one document; whatever two readers could understand in two ways is refused."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"expected UTF-8, got byte {error.start} otherwise") from error
    if text.count("{") + text.count("[") > DEPTH_MAX:
        _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_float=_fraction,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"expected JSON: {error}") from error
    if "\\u" in text:
        _check_texts(value)
    return value


def object_at(value: Any, *path: str) -> Mapping[str, Any]:
    """The object at a path of names; says what is missing where."""
    for depth, name in enumerate(path):
        value = value.get(name) if isinstance(value, Mapping) else None
        if not isinstance(value, Mapping):
            raise Unreadable(f"expected an object at {'.'.join(path[: depth + 1])}")
    if not isinstance(value, Mapping):
        raise Unreadable("expected an object")
    return value


def text_at(value: Mapping[str, Any], name: str, *, at_most: int = 256) -> str:
    """The text under a name, empty when it is absent or null; never a number turned into text."""
    found = value.get(name)
    if found is None:
        return ""
    if not isinstance(found, str) or len(found) > at_most:
        raise Malformed(f"expected a text of at most {at_most} characters as {name}")
    return found


def paise_at(value: Mapping[str, Any], name: str) -> Paise:
    """Whole paise under a name: an integer above zero, not a float, a text or a truth value."""
    found = value.get(name)
    if type(found) is not int or not 0 < found <= PAISE_MAX:
        raise Malformed(f"expected whole paise above zero as {name}")
    return Paise(found)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _fraction(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise ValueError("a number has too many digits") from None
    if abs(found.adjusted()) > EXPONENT_MAX:
        raise ValueError("a number has too many digits")
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _check_depth(text: str) -> None:
    depth = 0
    for token in _TOKENS.finditer(text):
        sign = token[0]
        if sign in "[{":
            depth += 1
            if depth > DEPTH_MAX:
                raise Unreadable(f"nested deeper than {DEPTH_MAX}")
        elif sign in "]}":
            depth -= 1


def _check_texts(value: Any) -> None:
    """Escapes can smuggle in what PostgreSQL cannot keep: NUL and half of a surrogate pair."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise Unreadable("a text holds NUL or half a character")
    elif isinstance(value, dict):
        for name, one in value.items():
            _check_texts(name)
            _check_texts(one)
    elif isinstance(value, list):
        for one in value:
            _check_texts(one)
