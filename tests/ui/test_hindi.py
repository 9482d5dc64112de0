"""Hindi is whole: every text has its words, keeps its placeholders, and is what a page shows."""

import ast
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from gettext import GNUTranslations
from pathlib import Path
from typing import Final

import pytest
import time_machine
from django.conf import settings
from django.test import Client

from tests import factories as make

CATALOGUE: Final = Path(settings.BASE_DIR) / "locale" / "hi" / "LC_MESSAGES"
PLACEHOLDER: Final = re.compile(r"%(?:\(\w+\))?[sd%]")
TAG: Final = re.compile(r"</?\w[^>]*>")
HINDI: Final = re.compile(r"[\u0900-\u097f]")

# What a bank in India writes in Latin letters too, whatever the language around it.
LATIN: Final = frozenset({"UPI", "UTR", "RRN", "NEFT", "RTGS", "IMPS", "IFSC", "SMS", "Excel"})

AsRole = Callable[[str], Client]


@dataclass
class Message:
    """One text of the catalogue: in English, and its Hindi by plural form."""

    text: str = ""
    plural: str = ""
    hindi: dict[int, str] = field(default_factory=dict)
    is_fuzzy: bool = False

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each Hindi form beside the English that it stands for."""
        for form, words in self.hindi.items():
            yield (self.plural if form else self.text), words


def read_catalogue(text: str) -> list[Message]:
    """The messages of a .po file without contexts; its head, whose text is empty, is left out."""
    return [one for one in map(_read, re.split(r"\n{2,}", text.strip())) if one.text]


def _read(block: str) -> Message:
    found, place = Message(), ""
    for line in block.splitlines():
        if line.startswith("#"):
            found.is_fuzzy |= line.startswith("#,") and "fuzzy" in line
            continue
        keyword, quoted = ("", line) if line.startswith('"') else line.split(" ", 1)
        place = keyword or place
        words = ast.literal_eval(quoted)
        if place == "msgid":
            found.text += words
        elif place == "msgid_plural":
            found.plural += words
        else:
            assert place.startswith("msgstr"), f"not a line that this test can read: {line}"
            form = int(place[7:-1] or 0) if "[" in place else 0
            found.hindi[form] = found.hindi.get(form, "") + words
    return found


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    """What the translator wrote."""
    return read_catalogue((CATALOGUE / "django.po").read_text(encoding="utf-8"))


def test_the_reader_of_this_test_sees_what_is_wrong() -> None:
    fuzzy, several = read_catalogue(
        'msgid ""\nmsgstr "head"\n\n#, fuzzy, python-format\nmsgid ""\n"%(n)s "\n"day"\nmsgstr ""\n'
        '\nmsgid "one"\nmsgid_plural "many"\nmsgstr[0] "एक"\nmsgstr[1] "अनेक"\n'
    )

    assert fuzzy == Message("%(n)s day", "", {0: ""}, is_fuzzy=True)
    assert list(several.pairs()) == [("one", "एक"), ("many", "अनेक")]


def test_every_text_is_translated_and_no_guess_is_left(messages: list[Message]) -> None:
    assert len(messages) > 900
    assert [one.text for one in messages if one.is_fuzzy] == []
    assert [one.text for one in messages if not all(one.hindi.values())] == []
    assert [
        one.text for one in messages if sorted(one.hindi) != ([0, 1] if one.plural else [0])
    ] == []


def test_every_translation_is_in_hindi(messages: list[Message]) -> None:
    bare = {re.sub(PLACEHOLDER, "", one.text).strip(" ,₹") for one in messages
            if not all(HINDI.search(words) for words in one.hindi.values())}  # fmt: skip

    assert bare - {""} <= LATIN | {"the UTR", "the RRN"}


def test_placeholders_and_tags_are_kept(messages: list[Message]) -> None:
    differ = [
        text
        for one in messages
        for text, words in one.pairs()
        if Counter(PLACEHOLDER.findall(text)) != Counter(PLACEHOLDER.findall(words))
        or Counter(TAG.findall(text)) != Counter(TAG.findall(words))
    ]

    assert differ == []


def test_a_blank_at_either_end_is_kept(messages: list[Message]) -> None:
    assert [
        text
        for one in messages
        for text, words in one.pairs()
        if (text[0] == " ", text[-1] == " ") != (words[0] == " ", words[-1] == " ")
    ] == []


def test_the_compiled_file_says_the_same(messages: list[Message]) -> None:
    compiled = CATALOGUE / "django.mo"
    with compiled.open("rb") as file:
        said = GNUTranslations(file)
    (count,) = struct.unpack_from("<I", compiled.read_bytes(), 8)

    assert count == len(messages) + 1, "run compilemessages: the head and every text"
    for one in messages:
        if one.plural:
            assert said.ngettext(one.text, one.plural, 1) == one.hindi[0]
            assert said.ngettext(one.text, one.plural, 2) == one.hindi[1]
        else:
            assert said.gettext(one.text) == one.hindi[0]


# ---- what a reader sees ----


def in_hindi(client: Client, url: str) -> str:
    """The page as somebody reads it who chose Hindi."""
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "hi"
    answer = client.get(url)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert '<html lang="hi"' in page
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.mark.django_db
def test_the_door_speaks_hindi() -> None:
    page = in_hindi(Client(), "/sign-in/")

    for words in ("साइन इन", "उपयोगकर्ता नाम", "पासवर्ड", "आगे बढ़ें"):
        assert words in page
    assert "User name" not in page


@pytest.mark.django_db
def test_the_day_board_speaks_hindi(as_role: AsRole) -> None:
    make.ChannelFactory(code="cash", name="Cash counters", position=1)

    with time_machine.travel("2026-08-19 10:30:00+05:30", tick=False):
        page = in_hindi(as_role("finance_officer"), "/day/2026-08-18/")

    for words in ("दिन का बोर्ड", "अंतर", "स्वीकृतियाँ", "स्टेटमेंट फ़ाइलें", "इस दिन कुछ नहीं आया"):
        assert words in page
    assert "Day board" not in page


@pytest.mark.django_db
def test_the_counter_speaks_hindi(as_role: AsRole, offices) -> None:
    for position, code in enumerate(("cash", "cheque")):
        make.ChannelFactory(code=code, name=f"Channel {code}", position=position)
    make.CounterFactory(code="rpr1", name="Counter 1", office=offices["Z1"])
    consumer = make.ConsumerFactory(number="100000417263", office=offices["Z1"])
    make.BillFactory(consumer=consumer, number="B1", amount_paise=246_300)

    page = in_hindi(as_role("clerk"), "/counter/?counter=rpr1&consumer=100000417263")

    for words in ("भुगतान लें", "बकाया", "भुगतान करना है", "नकद", "चेक", "आज लिया गया", "पिछली रसीदें"):
        assert words in page
    assert "Take the payment" not in page
