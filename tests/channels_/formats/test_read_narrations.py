"""Narrations of the labelled corpus: no reference is ever wrong; what is missed is measured."""

import csv
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.formats.narrations import BANKS, GENERAL, bank_of, read_narration
from channels_.formats.references import is_utr, rrn_in, utr_among
from tests.channels_.formats.narrations import (
    REFERENCES,
    TITLES,
    corpus,
    documented,
    judged,
    table,
)

SHARED: Final = Path(
    os.environ.get("CSPDCL_CORPORA", Path(__file__).parents[4] / "shared" / "corpora")
)
AXIS: Final = SHARED / "punchagan__expense-tracker" / "axis-statement-0.csv"
WAYS: Final = (*BANKS, GENERAL)
# What must not be lost again, in percent of what is there; the document has the exact measure.
RECALL: Final = {"utr": 100, "rrn": 98, "ifsc": 98, "account": 100, "consumer": 96, "payer": 84}


@pytest.mark.parametrize("bank", WAYS)
def test_no_reference_is_ever_wrong(bank: str) -> None:
    wrong = [
        (one.field, one.expected, one.found, one.text)
        for one in judged()
        if one.bank == bank and one.field in REFERENCES and one.verdict == "wrong"
    ]

    assert wrong == []


def test_what_was_found_once_is_found_again(capsys) -> None:
    counts = Counter((one.field, one.verdict) for one in judged())
    found = {
        field: 100
        * counts[field, "right"]
        // (counts[field, "right"] + counts[field, "missed"] + counts[field, "wrong"])
        for field in RECALL
    }
    with capsys.disabled():
        sys.stdout.write(f"\n{table()}\n")

    assert {field: found[field] >= least for field, least in RECALL.items()} == dict.fromkeys(
        RECALL, True
    ), found


def test_the_document_shows_what_is_measured() -> None:
    words = "run python -m tests.channels_.formats.narrations, and read the difference"
    assert documented() == table(), words


def test_the_corpus_is_large_and_has_lines_of_every_bank() -> None:
    lines = corpus()["line"]

    assert len(lines) >= 150
    assert {line["bank"] for line in lines} == set(TITLES)
    assert min(Counter(line["bank"] for line in lines).values()) >= 30
    assert all("SAMPLE" in line["text"].upper() or len(line) <= 6 for line in lines)


def axis_lines() -> list[str]:
    """A published statement whose licence keeps it out of the project: read where it is."""
    if not AXIS.exists():
        return []
    with AXIS.open(newline="", encoding="utf-8") as file:
        return [row["PARTICULARS"] for row in csv.DictReader(file)]


def test_short_numbers_of_a_published_statement_are_no_references() -> None:
    for text in axis_lines():
        said = read_narration(text, bank="UTIB")
        assert (said.utr, said.rrn, said.account, said.consumer) == ("", "", "", ""), text


@given(text=st.text(max_size=80), bank=st.sampled_from(WAYS))
def test_any_text_is_read_and_nothing_is_made_up(text: str, bank: str) -> None:
    for one in (text, f"NEFT CR-{text}", f"UPI/{text}", f"IMPS-623012345678-{text}"):
        said = read_narration(one, bank=bank, prefixes=["CSPD"])
        bare = " ".join(one.upper().split())
        for value in (said.utr, said.rrn, said.ifsc, said.account, said.consumer):
            assert value in bare


def test_a_hostile_narration_takes_no_time() -> None:
    for piece in ("UPI-", "NEFT CR-SBIN0000100-", "A-", "a@", "MMT/IMPS/", "9", "CSPD1"):
        assert read_narration(piece * 100_000, bank="HDFC", prefixes=["CSPD"]).utr == ""


@pytest.mark.parametrize(
    "text",
    [
        "SBINN52026081811",  # the newer kind, cut to sixteen places
        "CSPD100000000001",  # a virtual account
        "CSPDCL1000000004",
        "N206H80208259",  # a bank's own
        "SBINN5202608181143183",
        "sbinn52026081811431836",
    ],
)
def test_what_only_looks_like_a_utr_is_none(text: str) -> None:
    assert not is_utr(text)


@pytest.mark.parametrize(
    "text",
    [
        "RATNN24200329588",
        "RATNH24197288086",
        "AXIS211301165012",
        "AXISCN1153863727",
        "AXOMB00102091866",
        "SBINN52025021511431836",
    ],
)
def test_the_documented_kinds_of_utr_are_known(text: str) -> None:
    assert is_utr(text)
    assert utr_among(f"NEFT CR {text} SAMPLE") == text


@pytest.mark.parametrize(
    "text",
    [
        "UPI-SAMPLE-919876543210@ybl-note",
        "UPI/SAMPLE/123456789012/ACCOUNT/623012345678",
        "REF 623012345678",
        "UPI/6230123456789",
        "IMPS-623012345678-UPI-623012345679",
    ],
)
def test_a_number_that_may_be_something_else_is_no_rrn(text: str) -> None:
    assert rrn_in(text) == ""


@pytest.mark.parametrize(
    ("ifsc", "bank"), [("SBIN0001234", "SBIN"), ("utib0000001", "UTIB"), ("", GENERAL)]
)
def test_the_way_of_printing_follows_the_branch(ifsc: str, bank: str) -> None:
    assert bank_of(ifsc) == bank
