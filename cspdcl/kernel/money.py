"""Money is whole paise; this module alone turns text in rupees into paise and back."""

import re
from typing import Final, NewType

Paise = NewType("Paise", int)

PAISE_MAX: Final = 10**13  # 10,000 crore rupees: past any day's total, far inside BIGINT

MINUS: Final = "\u2212"  # a real minus sign, as wide as a plus

_RUPEES: Final = re.compile(r"(?P<sign>[+-]?)(?P<whole>\d{1,11})(?:\.(?P<part>\d{1,2}))?")
_GROUPED: Final = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})*,\d{3})(?:\.\d{1,2})?")


class NotMoney(ValueError):
    """The text is not an amount in rupees; the message says what was expected."""


def paise_from_rupees(text: str) -> Paise:
    """Read rupees such as ``1234.5``, ``12,34,567.00`` or ``-0.05`` as paise.

    Refuses exponents, more than two decimals, misplaced commas and blanks inside, because each of
    them has meant a wrong amount in somebody's file.
    """
    bare = text.strip()
    if "," in bare:
        if not _GROUPED.fullmatch(bare):
            raise NotMoney(f"expected rupees such as 1,234.50, got {text[:40]!r}")
        bare = bare.replace(",", "")
    found = _RUPEES.fullmatch(bare)
    if found is None or not bare.isascii():
        raise NotMoney(f"expected rupees with at most two decimals, got {text[:40]!r}")
    paise = int(found["whole"]) * 100 + int((found["part"] or "").ljust(2, "0"))
    return Paise(-paise if found["sign"] == "-" else paise)


def rupees_from_paise(paise: int) -> str:
    """Write paise as plain rupees for a file: ``-1234567`` becomes ``-12345.67``."""
    whole, part = divmod(abs(paise), 100)
    return f"{'-' if paise < 0 else ''}{whole}.{part:02d}"


def grouped_rupees(paise: int) -> str:
    """Write paise for a reader, in Indian grouping: ``123456700`` becomes ``12,34,567.00``."""
    whole, part = divmod(abs(paise), 100)
    digits = str(whole)
    head, tail = digits[:-3], digits[-3:]
    pairs: list[str] = []
    while head:
        head, pair = head[:-2], head[-2:]
        pairs.insert(0, pair)
    return f"{MINUS if paise < 0 else ''}{','.join([*pairs, tail])}.{part:02d}"
