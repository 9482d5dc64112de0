"""The log line: one event, one line; the formatter masks personal data, not goodwill."""

import logging
import re
from typing import Final

_MASKS: Final = (
    (re.compile(r"\b\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?(\d{4})\b"), r"card ending \1"),
    (re.compile(r"(?<![\w.-])([\w.-]{2})[\w.-]*@(?=[a-zA-Z])"), r"\1••@"),
    (re.compile(r"(?<!\d)(?:\+?91[ -]?)?[6-9]\d{5}(\d{4})(?!\d)"), r"••••••\1"),
)


def mask(text: str) -> str:
    """Text without card numbers, UPI addresses and mobile numbers."""
    for pattern, replacement in _MASKS:
        text = pattern.sub(replacement, text)
    return text


class MaskingFormatter(logging.Formatter):
    """Writes time, level, logger and message; masks cards, UPI addresses and mobile numbers."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")

    def format(self, record: logging.LogRecord) -> str:
        """One line; a line break inside a message cannot start a second event."""
        line = mask(super().format(record))
        head, *rest = line.splitlines() or [""]
        return "\n".join([head, *(f"  | {more}" for more in rest)])
