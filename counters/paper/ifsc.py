"""IFSC: which branch of which bank a code names, and which bank a sort code belongs to.

The data are as old as the file they were made from (data/LICENCE.md): a code that is not known may
be a new branch, and a bank that merged keeps its old sort codes for years. So only a malformed code
is an error; what is unknown is a hint for the clerk.
"""

import json
import re
import struct
import sys
import zlib
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).parent / "data"

_SHAPE: Final = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}", re.ASCII)
_SORT_CODE: Final = re.compile(r"[1-9][0-9]{8}", re.ASCII)
_BANK_LETTERS: Final = 4
_BRANCH_FROM: Final = 5


@dataclass(frozen=True, slots=True)
class _Banks:
    names: Mapping[str, str]
    sublets: Mapping[str, str]
    prefixes: Mapping[str, str]
    by_sort_code: Mapping[str, str]
    by_bank_number: Mapping[str, str]


def is_well_formed(code: str) -> bool:
    """Whether the text is four letters, a zero and six letters or digits, in capitals."""
    return _SHAPE.fullmatch(code) is not None


def is_known(code: str) -> bool:
    """Whether a branch has this code. Capitals only, as they are printed."""
    if not is_well_formed(code):
        return False
    codes = _branches().get(code[:_BANK_LETTERS])
    if codes is None:
        return False
    wanted = int(code[_BRANCH_FROM:], 36)
    place = bisect_left(codes, wanted)
    return place < len(codes) and codes[place] == wanted


def bank_code_of(ifsc: str) -> str:
    """The four letters of the bank behind a code; empty for a small bank that has no letters."""
    found = _lent(ifsc)
    if not found:
        return ifsc[:_BANK_LETTERS]
    return found if _is_letters(found) else ""


def bank_name_of(code: str) -> str:
    """The name of the bank behind an IFSC or behind a bank's four letters; empty when unknown."""
    found = _lent(code) or code[:_BANK_LETTERS]
    return _banks().names.get(found, "") if _is_letters(found) else found


def bank_of_sort_code(sort_code: str) -> str:
    """The four letters of the bank that a MICR sort code names; empty when nobody told us.

    Small banks clear under the number of the bank that sponsors them and have a sort code of their
    own, so the whole code is looked up before its bank number.
    """
    if not _SORT_CODE.fullmatch(sort_code):
        return ""
    banks = _banks()
    return banks.by_sort_code.get(sort_code) or banks.by_bank_number.get(sort_code[3:6], "")


def _lent(code: str) -> str:
    """The bank that uses a branch of another one: its letters, or its name where it has none."""
    banks = _banks()
    exact = banks.sublets.get(code)
    if exact is not None:
        return exact
    starts = (code[:length] for length in range(len(code), _BANK_LETTERS - 1, -1))
    return next((banks.prefixes[start] for start in starts if start in banks.prefixes), "")


def _is_letters(text: str) -> bool:
    return len(text) == _BANK_LETTERS and text.isupper()


@cache
def _branches() -> Mapping[str, "array[int]"]:
    """Every bank's codes as sorted numbers: 182,000 of them in 730 kB."""
    data = zlib.decompress((DATA / "branches.bin").read_bytes())
    found: dict[str, array[int]] = {}
    place = 0
    while place < len(data):
        bank, count = struct.unpack_from("<4sI", data, place)
        place += 8
        steps = array("I", data[place : place + 4 * count])
        if sys.byteorder == "big":
            steps.byteswap()
        found[bank.decode("ascii")] = array("I", accumulate(steps))
        place += 4 * count
    return found


@cache
def _banks() -> _Banks:
    told = json.loads((DATA / "banks.json").read_text(encoding="utf-8"))
    by_sort_code: dict[str, set[str]] = defaultdict(set)
    own: dict[str, set[str]] = defaultdict(set)
    any_bank: dict[str, set[str]] = defaultdict(set)
    for code, (sort_code, ifsc) in told["banks"].items():
        if _SORT_CODE.fullmatch(sort_code):
            by_sort_code[sort_code].add(code)
            any_bank[sort_code[3:6]].add(code)
            if ifsc.startswith(code):
                own[sort_code[3:6]].add(code)
    return _Banks(
        names=told["names"],
        sublets=told["sublets"],
        prefixes=told["prefixes"],
        by_sort_code=_sure(by_sort_code),
        by_bank_number={**_sure(any_bank), **_sure(own)},
    )


def _sure(found: Mapping[str, set[str]]) -> dict[str, str]:
    """What one bank alone claims: where two do, nothing is said."""
    return {key: next(iter(codes)) for key, codes in found.items() if len(codes) == 1}
