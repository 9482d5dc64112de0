"""Every kind of news in both languages: whole, short enough, and without whole numbers."""

import re
from itertools import product
from pathlib import Path
from string import Formatter

import pytest

import outgoing
from outgoing.states import Channel
from outgoing.wording import (
    KINDS,
    LANGUAGES,
    SMS_PARTS_MAX,
    Fact,
    UnknownNews,
    is_wide,
    sms_parts,
    write,
)
from tests.outgoing.telling import CONSUMER, facts_of

FOLDER = Path(outgoing.__file__).parent / "texts"
TEXTS = sorted(
    (kind.code, channel.value, language)
    for kind in KINDS.values()
    for channel, language in product(kind.channels, LANGUAGES)
)


@pytest.mark.parametrize(("kind", "channel", "language"), TEXTS)
def test_a_text_says_its_facts_and_hides_the_number(kind, channel, language) -> None:
    written, kept = write(kind, channel=channel, language=language, facts=facts_of(kind))

    everything = written.subject + written.text + "".join(kept.values())
    assert CONSUMER not in everything
    assert not re.search(r"(?<!\d)[6-9]\d{9}(?!\d)", everything)
    assert "{" not in everything
    assert bool(re.search(r"[\u0900-\u097f]", written.text)) == (language == "hi")
    for fact in ("12,34,567.00", "18-08-2026", "xxxxxxxx7263", "RAIPUR1/2026-27/000123"):
        if fact in kept.values() and (kind, fact) != ("cheque_dishonoured", "12,34,567.00"):
            assert fact in everything
    assert not any(KINDS[kind].facts.get(name) is Fact.NAME for name in kept)
    if channel == Channel.SMS:
        assert written.subject == ""
        assert "\n" not in written.text
        assert sms_parts(written.text) <= SMS_PARTS_MAX
        assert is_wide(written.text) == (language == "hi")
    else:
        assert written.subject
        assert "\n" not in written.subject


def test_there_is_a_file_for_each_text_and_no_other() -> None:
    names = {f"{kind}.{channel}.{language}.txt" for kind, channel, language in TEXTS}
    assert {path.name for path in FOLDER.iterdir()} == names


def test_every_place_of_a_text_is_a_declared_fact() -> None:
    for kind, channel, language in TEXTS:
        text = (FOLDER / f"{kind}.{channel}.{language}.txt").read_text(encoding="utf-8")
        places = {place for _, place, spec, _ in Formatter().parse(text) if place is not None}
        assert places <= {name.removesuffix("_paise") for name in KINDS[kind].facts}, kind


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2),
     ("क" * 70, 1), ("क" * 71, 2), ("क" * 134, 2), ("क" * 135, 3), ("a" * 71 + "₹", 2)],
)  # fmt: skip
def test_parts_are_counted_as_networks_count_them(text, parts) -> None:
    assert sms_parts(text) == parts


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_paise": "100.00"},
        {"amount_paise": -1},
        {"amount_paise": True},
        {"on": "18-08-2026"},
        {"receipt": 7},
        {"more": "x"},
    ],
)
def test_a_wrong_fact_is_a_fault_of_the_caller(wrong) -> None:
    facts = facts_of("receipt_issued", **wrong)
    with pytest.raises(UnknownNews):
        write("receipt_issued", channel="sms", language="en", facts=facts)


@pytest.mark.parametrize(
    ("kind", "channel", "language"),
    [("nothing", "sms", "en"), ("receipt_issued", "letter", "en"), ("receipt_issued", "sms", "fr")],
)
def test_what_is_not_declared_has_no_text(kind, channel, language) -> None:
    with pytest.raises(UnknownNews):
        write(kind, channel=channel, language=language, facts=facts_of("receipt_issued"))


def test_a_word_cannot_break_out_of_its_line() -> None:
    facts = facts_of("cheque_received", bank="State\r\nBcc: x@y.example\0 " + "of India " * 40)

    sms, _ = write("cheque_received", channel="sms", language="en", facts=facts)
    mail, _ = write("cheque_received", channel="email", language="en", facts=facts)

    assert "\n" not in sms.text
    assert "State Bcc: x@y.example of Indi for Rs" in sms.text.replace("  ", " ")
    assert "\nBcc" not in mail.subject + mail.text
