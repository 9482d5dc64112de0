"""Our reference numbers: short, sortable by time, safe to read out, with a check character."""

import secrets
from datetime import datetime
from typing import Final

from cspdcl.kernel.clock import INDIA, now

# Crockford's base 32: no I, L, O or U, so a number read over the telephone survives.
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MONTHS: Final = "ABCDEFGHJKLM"  # August is H, as on the receipts


def new_reference(at: datetime | None = None) -> str:
    """A new payment reference such as ``26H18-3RZ7K2MQ-4TX``: day, microsecond, chance, check.

    The microsecond of the day sorts it, three random bytes keep two processes apart; the unique
    column of the table that stores it is the guarantee.
    """
    moment = (at or now()).astimezone(INDIA)
    day = f"{moment.year % 100:02d}{_MONTHS[moment.month - 1]}{moment.day:02d}"
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    micros = int((moment - midnight).total_seconds() * 1_000_000)
    body = day + _base32(micros, 8) + _base32(secrets.randbits(15), 3)
    return f"{body[:5]}-{body[5:13]}-{body[13:]}{check_character(body)}"


def check_character(body: str) -> str:
    """ISO 7064-like weighted check over the alphanumerics: finds one wrong or two swapped."""
    total = 0
    for char in body:
        total = (total * 2 + int(char, 36) + 1) % 31
    return ALPHABET[total]


def is_reference(text: str) -> bool:
    """Whether the text has the shape and the check character of one of our references."""
    bare = text.replace("-", "").upper()
    is_plain = len(bare) == 17 and bare.isascii() and bare.isalnum()
    return is_plain and check_character(bare[:-1]) == bare[-1]


def canonical(text: str) -> str:
    """Our reference as we store it, when the text is one without hyphens or in lower case."""
    if not is_reference(text):
        return text
    bare = text.replace("-", "").upper()
    return f"{bare[:5]}-{bare[5:13]}-{bare[13:]}"


def _base32(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 32)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
