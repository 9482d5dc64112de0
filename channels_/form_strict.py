"""Form bodies as channels must send them: UTF-8, every pair with its ``=``, no name twice."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from channels_.contract import Unreadable

FIELDS_MAX: Final = 200


def loads(body: bytes) -> Mapping[str, str]:
    """Read one form; whatever two readers could understand in two ways is refused."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError as error:
        raise Unreadable("expected a form with fields like name=value") from error
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("a field stands twice in the form")
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise Unreadable("a field holds NUL")
    return found
