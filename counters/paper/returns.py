"""Why a bank sent a paper back: the codes of the cheque truncation system, and banks' words."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from django.utils.translation import get_language

DATA: Final = Path(__file__).parent / "data"

_CODE: Final = re.compile(r"0*([0-9]{1,2})", re.ASCII)
_AROUND: Final = re.compile(
    r"(?P<before>[0-9]{1,3})\s*[-:/. )]\s*(?P<words>\D.*)"
    r"|(?P<said>.*?\D)\s*[-:/(\[ ]\s*(?P<after>[0-9]{1,3})\s*[)\]]?",
    re.ASCII | re.DOTALL,
)
_LETTERS: Final = re.compile(r"[^A-Z0-9]+")


class Fault(StrEnum):
    """Whose fault a return is. A person decides what is unknown."""

    DRAWER_FUNDS = "drawer_funds"
    DRAWER_OTHER = "drawer_other"
    TECHNICAL = "technical"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnCode:
    """One reason, in both languages of our notices, and what follows from it."""

    code: str
    en: str
    hi: str = ""
    fault: Fault = Fault.UNKNOWN
    may_represent: bool = False  # the same paper may go to the bank again
    penalty: bool = False  # charges, and no cheques for a while
    confirmed: bool = False  # whether a source was found for words and fault

    @property
    def words(self) -> str:
        """The reason in the language of who reads."""
        return self.hi if self.hi and get_language() == "hi" else self.en


def return_code(code: str) -> ReturnCode:
    """What a code means; one that nobody knows is kept, and waits for a person."""
    return CODES.get(code) or ReturnCode(code=code, en=f"Reason {code}" if code else "No reason")


def code_of(text: str, *, agreed: Mapping[str, str] = MappingProxyType({})) -> str:
    """The code that a cell names: bare, with its words, or by words alone; empty when unknown.

    A number and words that say different things say nothing.
    """
    bare = text.strip()
    if known := agreed.get(bare) or agreed.get(plain(bare)):
        return known
    if found := _CODE.fullmatch(bare):
        return found[1].zfill(2)
    if by_words := _WORDS.get(plain(bare)):
        return by_words
    parts = _AROUND.fullmatch(bare)
    if parts is None:
        return ""
    number = _CODE.fullmatch(parts["before"] or parts["after"])
    code = number[1].zfill(2) if number else ""
    by_words = code_of_words(parts["words"] or parts["said"], agreed=agreed)
    return code if code in CODES and by_words in ("", code) else ""


def code_of_words(text: str, *, agreed: Mapping[str, str] = MappingProxyType({})) -> str:
    """The code that stands for a bank's words; empty when nobody knows them."""
    return agreed.get(text.strip()) or agreed.get(plain(text)) or _WORDS.get(plain(text), "")


def plain(text: str) -> str:
    """Words as they are compared: capitals, digits and single blanks."""
    return _LETTERS.sub(
        " ", text.upper().replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "")
    ).strip()


def _read_codes() -> Mapping[str, ReturnCode]:
    with (DATA / "return_codes.csv").open(encoding="utf-8", newline="") as file:
        found = [
            ReturnCode(
                code=row["code"],
                en=row["en"],
                hi=row["hi"],
                fault=Fault(row["fault"]),
                may_represent=row["may_represent"] == "yes",
                penalty=row["penalty"] == "yes",
                confirmed=row["confirmed"] == "yes",
            )
            for row in csv.DictReader(file)
        ]
    return MappingProxyType({one.code: one for one in found})


def _read_words() -> Mapping[str, str]:
    """Our own words for every code, and what banks write instead of them."""
    with (DATA / "return_words.csv").open(encoding="utf-8", newline="") as file:
        told = {plain(row["words"]): row["code"] for row in csv.DictReader(file)}
    return MappingProxyType({**{plain(one.en): one.code for one in CODES.values()}, **told})


CODES: Final = _read_codes()
_WORDS: Final = _read_words()
