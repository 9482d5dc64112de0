"""The MICR line at the foot of a cheque, as a reader types it or as a clerk does.

A line of CTS-2010 has four fields with 23 digits: cheque number 6, sort code 9 (city 3, bank 3,
branch 3), account id 6, transaction code 2. Readers send blanks, the symbols of the line, or what
their maker put in place of the symbols. So separators are read generously, digits never: a line
that lacks or doubles a digit is refused, because shifted digits are somebody else's cheque.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, pairwise
from types import MappingProxyType
from typing import ClassVar, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cspdcl.kernel.errors import DomainError

FIELDS: Final[tuple[tuple[str | Promise, int], ...]] = (
    (gettext_lazy("cheque number"), 6),
    (gettext_lazy("sort code"), 9),
    (gettext_lazy("account id"), 6),
    (gettext_lazy("transaction code"), 2),
)
DIGITS: Final = sum(length for _name, length in FIELDS)
LINE_MAX: Final = 80  # what a reader may send, symbols and blanks included

# Transit, amount, on-us and dash: as Unicode has them, and what readers type instead of them.
SEPARATORS: Final = frozenset(
    "\N{OCR BRANCH BANK IDENTIFICATION}\N{OCR AMOUNT OF CHECK}\N{OCR DASH}"
    "\N{OCR CUSTOMER ACCOUNT NUMBER}ABCDTUabcdtu;<:=>/|-,.$#%&+ \t\r\n"
)

_DIGITS: Final = frozenset("0123456789")
_BOUNDARIES: Final = (0, *accumulate(length for _name, length in FIELDS))


class UnreadMicr(DomainError):
    """The line is not whole: read the cheque again, or type it."""

    code: ClassVar[str] = "micr_unread"


class PaperKind(StrEnum):
    """What a transaction code says the paper is."""

    CHEQUE = "cheque"
    DEMAND_DRAFT = "demand_draft"
    BANKERS_CHEQUE = "bankers_cheque"
    UNKNOWN = "unknown"


# Facts on paper confirm 09, 10, 11 and 29 to 31 alone; the others are usual, and only words.
KINDS: Final[Mapping[str, PaperKind]] = MappingProxyType(
    {
        **dict.fromkeys(("09", "10", "11", "13", "29", "30", "31"), PaperKind.CHEQUE),
        "12": PaperKind.BANKERS_CHEQUE,
        "16": PaperKind.DEMAND_DRAFT,
    }
)
AT_PAR: Final = frozenset({"29", "30", "31"})  # payable at every branch of the bank


@dataclass(frozen=True, slots=True, order=True)
class Micr:
    """One line, whole. Two papers with the same four fields are the same paper."""

    number: str
    sort_code: str
    account_id: str
    transaction_code: str

    @property
    def city(self) -> str:
        """The first three digits of the city's PIN."""
        return self.sort_code[:3]

    @property
    def bank(self) -> str:
        """The number under which the bank clears."""
        return self.sort_code[3:6]

    @property
    def branch(self) -> str:
        """The branch within city and bank."""
        return self.sort_code[6:]

    @property
    def kind(self) -> PaperKind:
        """What the transaction code says the paper is."""
        return KINDS.get(self.transaction_code, PaperKind.UNKNOWN)

    @property
    def is_at_par(self) -> bool:
        """Whether every branch of the bank pays it."""
        return self.transaction_code in AT_PAR

    def __str__(self) -> str:
        return f"{self.number} {self.sort_code} {self.account_id} {self.transaction_code}"


def read_micr(text: str) -> Micr:
    """The line that a reader typed: 23 digits, and separators only where a field begins or ends."""
    if len(text) > LINE_MAX:
        words = _("expected a line of %(digits)s digits, got %(got)s characters")
        raise UnreadMicr(words % {"digits": DIGITS, "got": len(text)})
    _check_characters(text)
    groups = re.findall(r"[0-9]+", text)
    digits = "".join(groups)
    if len(groups) == len(FIELDS):
        _check_groups(groups)
    elif len(digits) != DIGITS:
        words = _(
            "expected %(digits)s digits (cheque number 6, sort code 9, account id 6, "
            "transaction code 2), got %(got)s"
        )
        raise UnreadMicr(words % {"digits": DIGITS, "got": len(digits)})
    _check_boundaries(groups)
    cuts = pairwise(_BOUNDARIES)
    return _checked(Micr(*(digits[start:end] for start, end in cuts)))


def read_parts(*, number: str, sort_code: str, account_id: str, transaction_code: str) -> Micr:
    """The four fields as a clerk typed them, each into a box of its own."""
    parts = [part.strip() for part in (number, sort_code, account_id, transaction_code)]
    for part, (name, length) in zip(parts, FIELDS, strict=True):
        if len(part) != length or not set(part) <= _DIGITS:
            words = _("expected %(length)s digits of the %(name)s, got %(got)s")
            raise UnreadMicr(words % {"length": length, "name": name, "got": repr(part[:30])})
    return _checked(Micr(*parts))


def _check_characters(text: str) -> None:
    for place, character in enumerate(text, start=1):
        if character not in _DIGITS and character not in SEPARATORS:
            words = _("place %(place)s: expected a digit or a symbol, got %(got)s")
            raise UnreadMicr(words % {"place": place, "got": repr(character)})


def _check_groups(groups: list[str]) -> None:
    """With all four fields apart, the one that is too short or too long has a name."""
    for group, (name, length) in zip(groups, FIELDS, strict=True):
        if len(group) != length:
            words = _("expected %(length)s digits of the %(name)s, got %(got)s")
            got = f"{len(group)}: {group}"
            raise UnreadMicr(words % {"length": length, "name": name, "got": got})


def _check_boundaries(groups: list[str]) -> None:
    """No field has a separator inside: there a digit was not read."""
    for end in accumulate(len(group) for group in groups):
        if end not in _BOUNDARIES:
            name = next(
                name
                for (name, _length), last in zip(FIELDS, _BOUNDARIES[1:], strict=True)
                if end < last
            )
            words = _("expected no separator inside the %(name)s, got one after digit %(end)s")
            raise UnreadMicr(words % {"name": name, "end": end})


def _checked(found: Micr) -> Micr:
    """What no bank prints: a cheque number of zeros, a city whose PIN begins with zero."""
    if not found.number.strip("0"):
        raise UnreadMicr(_("expected a cheque number, got %(got)s") % {"got": found.number})
    if found.city.startswith("0") or found.bank == "000":
        words = _("expected a sort code of city, bank and branch, got %(got)s: no city or bank")
        raise UnreadMicr(words % {"got": found.sort_code})
    return found
