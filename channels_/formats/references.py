"""Bank references inside free text. A wrong reference is worse than none: unsure means empty."""

import re
from typing import Final

# NEFT: bank, then a letter or two (N, P, H, CN...), then digits, 16 in all. RTGS and the newer
# NEFT: bank, product letter, channel, YYYYMMDD and a sequence, 22 in all.
_UTR: Final = re.compile(
    r"(?<![A-Z0-9])(?:[A-Z]{4}[A-Z][A-Z0-9]\d{16}|[A-Z]{4}[A-Z0-9]\d{11}|[A-Z]{4}[A-Z]{2}\d{10})(?![A-Z0-9])"
)

# A bare number of twelve digits may be an account or a telephone; only a marker makes it an RRN.
_RRN: Final = re.compile(
    r"(?<![A-Z0-9])(?:IMPS|UPI|MMT)[/\-\s](?:[^/\-\s]+[/\-\s]+){0,5}?(\d{12})(?!\d)", re.IGNORECASE
)

# Bank, a zero, branch.
_IFSC: Final = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")


def is_utr(text: str) -> bool:
    """Whether the whole text has the shape of a UTR."""
    return _UTR.fullmatch(text) is not None


def is_ifsc(text: str) -> bool:
    """Whether the whole text has the shape of a branch's IFSC."""
    return _IFSC.fullmatch(text) is not None


def utr_among(*texts: str) -> str:
    """The first text that is a UTR, else the only UTR found inside them, else nothing."""
    words = [text.strip().upper() for text in texts]
    for word in words:
        if is_utr(word):
            return word
    found = {match for word in words for match in _UTR.findall(word)}
    return found.pop() if len(found) == 1 else ""


def rrn_in(text: str) -> str:
    """The only RRN that stands behind an IMPS or UPI marker, else nothing."""
    found = set(_RRN.findall(text))
    return found.pop() if len(found) == 1 else ""
