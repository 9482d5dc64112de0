"""The texts we send: which kinds there are, what facts each of them says, and how that is written.

A text is a file ``texts/KIND.CHANNEL.LANGUAGE.txt`` with ``{names}``; the first line of an e-mail
or a letter is its subject. A fact comes typed, so that an amount, a day or a consumer number is
written in one way everywhere, and no consumer number leaves the house whole.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cspdcl.kernel.money import grouped_rupees
from outgoing.states import Channel

LANGUAGES: Final = ("en", "hi")
SMS_PARTS_MAX: Final = 3

_FOLDER: Final = Path(__file__).parent / "texts"
_SMS_WORD_MAX: Final = 30  # what the regulator's registry allows for one variable
_WORD_MAX: Final = 200
_CONSUMER_SHOWN: Final = 4
# GSM 03.38: what an SMS of 160 characters is made of; those of the second row count twice.
_GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE: Final = frozenset("^{}\\[~]|€")


class Fact(Enum):
    """How a fact is written."""

    MONEY = "whole paise, written as rupees"
    DAY = "a day, written dd-mm-yyyy"
    CONSUMER = "a consumer number, of which the end is shown"
    WORDS = "a short text, cut where the way is narrow"
    NAME = "a person's name: only in the sealed text, never among the facts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of news: by which channels it goes and what it says."""

    code: str
    title: str | Promise
    channels: tuple[Channel, ...]
    facts: Mapping[str, Fact]
    is_lasting: bool = False  # sent however late: a day of the law hangs on it


@dataclass(frozen=True, slots=True)
class Written:
    """A text that is ready to leave; an SMS has no subject."""

    subject: str
    text: str


class UnknownNews(ValueError):
    """A fault of the caller: no such kind, channel, language or fact."""


_PAID: Final = {
    "amount_paise": Fact.MONEY,
    "consumer": Fact.CONSUMER,
    "receipt": Fact.WORDS,
    "on": Fact.DAY,
}
_BREAK: Final = {
    "reason": Fact.WORDS,
    "reference": Fact.WORDS,
    "amount_paise": Fact.MONEY,
    "on": Fact.DAY,
    "words": Fact.WORDS,
}
_BY_WIRE: Final = (Channel.SMS, Channel.EMAIL)

KINDS: Final[Mapping[str, Kind]] = {
    kind.code: kind
    for kind in (
        Kind(code="receipt_issued", title=_("Receipt issued"), channels=_BY_WIRE, facts=_PAID),
        Kind(
            code="cheque_received",
            title=_("Cheque received"),
            channels=_BY_WIRE,
            facts={**_PAID, "cheque": Fact.WORDS, "bank": Fact.WORDS},
        ),
        Kind(
            code="receipt_cancelled", title=_("Receipt cancelled"), channels=_BY_WIRE, facts=_PAID
        ),
        Kind(
            code="cheque_dishonoured",
            title=_("Cheque dishonoured"),
            channels=_BY_WIRE,
            facts={
                **_PAID,
                "cheque": Fact.WORDS,
                "bank": Fact.WORDS,
                "reason": Fact.WORDS,
                "charges_paise": Fact.MONEY,
            },
            is_lasting=True,
        ),
        Kind(
            code="cheque_barred",
            title=_("No cheques for a time"),
            channels=_BY_WIRE,
            facts={"consumer": Fact.CONSUMER, "until": Fact.DAY},
            is_lasting=True,
        ),
        # The demand of section 138: one for each paper that came back, to who signed it.
        Kind(
            code="cheque_notice",
            title=_("Notice of section 138"),
            channels=(Channel.EMAIL, Channel.LETTER),
            facts={
                "drawer": Fact.NAME,
                "cheque": Fact.WORDS,
                "cheque_on": Fact.DAY,
                "bank": Fact.WORDS,
                "amount_paise": Fact.MONEY,
                "receipt": Fact.WORDS,
                "consumer": Fact.CONSUMER,
                "reason": Fact.WORDS,
                "memo_on": Fact.DAY,
                "charges_paise": Fact.MONEY,
                "office": Fact.WORDS,
                "on": Fact.DAY,
            },
            is_lasting=True,
        ),
        # To a channel or bank, about money that does not agree.
        Kind(
            code="break_question",
            title=_("Question about a break"),
            channels=(Channel.EMAIL,),
            facts=_BREAK,
            is_lasting=True,
        ),
        Kind(
            code="break_dispute",
            title=_("Dispute of a break"),
            channels=(Channel.EMAIL,),
            facts=_BREAK,
            is_lasting=True,
        ),
    )
}
LASTING: Final = tuple(code for code, kind in KINDS.items() if kind.is_lasting)


def write(
    kind: str, *, channel: str, language: str, facts: Mapping[str, Any]
) -> tuple[Written, dict[str, Any]]:
    """The text of some news, and its facts as they may be kept: as written, without names.

    Raises UnknownNews for what is not declared: such a fault shows in the caller's first test.
    """
    known = KINDS.get(kind)
    if known is None or channel not in known.channels or language not in LANGUAGES:
        raise UnknownNews(f"no text for {kind} by {channel} in {language}")
    if facts.keys() != known.facts.keys():
        differ = sorted(facts.keys() ^ known.facts.keys())
        raise UnknownNews(f"{kind} says {sorted(known.facts)}; not as declared: {differ}")
    words = {
        name: _worded(facts[name], how=how, name=name, channel=channel, language=language)
        for name, how in known.facts.items()
    }
    subject, text = _template(kind, channel, language)
    spoken = {name.removesuffix("_paise"): word for name, word in words.items()}
    names = {name for name, how in known.facts.items() if how is Fact.NAME}
    kept = {name: word for name, word in spoken.items() if name not in names}
    return Written(subject.format_map(spoken), text.format_map(spoken)), kept


def title_of(kind: str) -> str:
    """A kind as people call it; one of the ERP by its code, without its underscores."""
    known = KINDS.get(kind)
    return str(known.title) if known else kind.replace("_", " ").capitalize()


def sms_parts(text: str) -> int:
    """How many SMS a text is, as networks count: 160 or 70 characters, fewer when there are more.

    One character that is not in the old alphabet, such as any of Hindi, makes all of them wide.
    """
    if all(char in _GSM or char in _GSM_TWICE for char in text):
        length = len(text) + sum(char in _GSM_TWICE for char in text)
        alone, in_many = 160, 153
    else:
        length = len(text.encode("utf-16-be")) // 2
        alone, in_many = 70, 67
    return 1 if length <= alone else -(-length // in_many)


def is_wide(text: str) -> bool:
    """Whether an SMS of this text must be sent as Unicode."""
    return any(char not in _GSM and char not in _GSM_TWICE for char in text)


def _worded(value: Any, *, how: Fact, name: str, channel: str, language: str) -> str:
    if how is Fact.MONEY:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise UnknownNews(f"{name}: expected whole paise")
        return grouped_rupees(value)
    if how is Fact.DAY:
        if not isinstance(value, date):
            raise UnknownNews(f"{name}: expected a day")
        return f"{value:%d-%m-%Y}"
    if not isinstance(value, str):
        raise UnknownNews(f"{name}: expected a text")
    if how is Fact.CONSUMER:
        return "x" * max(0, len(value) - _CONSUMER_SHOWN) + value[-_CONSUMER_SHOWN:]
    line = re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in value)).strip()
    if channel != Channel.SMS:
        return line[:_WORD_MAX]
    if language == "en":  # one foreign letter would make the whole SMS three times as dear
        line = "".join(char if char in _GSM else "?" for char in line)
    return line[:_SMS_WORD_MAX]


@cache
def _template(kind: str, channel: str, language: str) -> tuple[str, str]:
    """Subject and text of a file; an SMS is one line without a subject."""
    content = (_FOLDER / f"{kind}.{channel}.{language}.txt").read_text(encoding="utf-8").strip()
    if channel == Channel.SMS:
        return "", content
    subject, _, text = content.partition("\n")
    return subject.strip(), text.strip() + "\n"
