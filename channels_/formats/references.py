"""Bank references inside free text. A wrong reference is worse than none: unsure means empty."""

import re
from typing import Final

# NEFT: bank, then a letter or two (N, P, H, CN...), then digits, 16 in all. RTGS and the newer
# NEFT: bank, product letter, channel, YYYYMMDD and a sequence, 22 in all.
_UTR: Final = re.compile(
    r"(?<![A-Z0-9])(?:[A-Z]{4}[A-Z][A-Z0-9]\d{16}|[A-Z]{4}[A-Z0-9]\d{11}|[A-Z]{4}[A-Z]{2}\d{10})(?![A-Z0-9])"
)

# The newer 22, cut to the 16 places of an old field: it looks like the older kind and names nobody.
_CUT: Final = re.compile(r"[A-Z]{5}[A-Z0-9]20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d\d")

# Without a single product letter a UTR looks like a virtual account, CSPD100000000001 or
# CSPDCL1000000004: believed only of the banks that we know to make such references.
_LIKE_AN_ACCOUNT: Final = re.compile(r"[A-Z]{4}(?:\d{12}|[A-Z]{2}\d{10})")
_BANKS: Final = frozenset(
    " ".join(
        (
            "SBIN HDFC ICIC UTIB AXIS AXOM PUNB BARB CNRB UBIN BKID IDIB IOBA CBIN UCBA MAHB",
            "PSIB KKBK INDB YESB FDRL IDFB RATN SIBL KVBL KARB CIUB DCBL TMBL JAKA CSBK DLXB",
            "BDBL IBKL AUBL ESFB UJVN USFB JSFB SURY ESMF UTKS FINO PYTM AIRP IPOS JIOP NSPB",
            "HSBC CITI SCBL DBSS DEUT BOFA BNPA CHAS BARC CRGB SVCB COSB NKGS ABHY SRCB TJSB KCCB",
        )
    ).split()
)

# A bare number of twelve digits may be an account or a telephone; only a marker makes it an RRN,
# and what belongs to a UPI address (919876543210@bank) is none.
_NEXT_RRN: Final = re.compile(
    r"(?<![A-Z0-9])(?:IMPS|UPI|MMT)[/\-\s]+(?:(?:CR|DR|P2[AMV]|IMPS)[/\-\s]+)?(\d{12})(?![\w@.])",
    re.IGNORECASE,
)
_RRN: Final = re.compile(
    r"(?<![A-Z0-9])(?:IMPS|UPI|MMT)[/\-\s](?:[^/\-\s]+[/\-\s]+){0,5}?(\d{12})(?![\w@.])",
    re.IGNORECASE,
)
_TWELVE: Final = re.compile(r"(?<![\w@.])\d{12}(?![\w@.])")

# Bank, a zero, branch.
_IFSC: Final = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")


def is_utr(text: str) -> bool:
    """Whether the whole text has the shape of a UTR that is not cut short."""
    if _UTR.fullmatch(text) is None or _CUT.fullmatch(text) is not None:
        return False
    return _LIKE_AN_ACCOUNT.fullmatch(text) is None or text[:4] in _BANKS


def is_ifsc(text: str) -> bool:
    """Whether the whole text has the shape of a branch's IFSC."""
    return _IFSC.fullmatch(text) is not None


def utr_among(*texts: str) -> str:
    """The first text that is a UTR, else the only UTR found inside them, else nothing."""
    words = [text.strip().upper() for text in texts if text]
    for word in words:
        if is_utr(word):
            return word
    found = {match for word in words for match in _UTR.findall(word) if is_utr(match)}
    return found.pop() if len(found) == 1 else ""


def rrn_in(text: str) -> str:
    """The only RRN right behind an IMPS or UPI marker; else the only such number further behind.

    Further behind an account of twelve digits may stand as well: two of them are none.
    """
    found = set(_NEXT_RRN.findall(text))
    if not found:
        found = set(_RRN.findall(text))
        if found and len(set(_TWELVE.findall(text))) > 1:
            return ""
    return found.pop() if len(found) == 1 else ""
