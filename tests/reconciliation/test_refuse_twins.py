"""Twins: one amount, one day, and words that differ by a digit or two. None is taken for another.

The truth is in the names: what belongs together ends alike. Nothing here asks a matcher.
"""

import random
from typing import Final

import pytest
from django.db import transaction

from reconciliation import engine
from tests.reconciliation.small_days import PROVED, Books, Credit, Day, Receipt, Row, Source

DAYS = 150
ON: Final = "2026-08-10"
PAISE: Final = 100_00
# Transposed, one more digit before or after, one less, one other.
TWINS: Final = ("1234", "1243", "2134", "1324", "12340", "01234", "123", "1235", "4321")

pytestmark = pytest.mark.django_db


def test_no_twin_is_taken_for_another_and_every_pair_is_found() -> None:
    days, truth = zip(*(_twins(random.Random(seed)) for seed in range(DAYS)), strict=True)
    with transaction.atomic():
        books = Books(days)
        books.put(late=False)
        found = books.read(engine.reconcile(PROVED, started_by="test"))
        transaction.set_rollback(True)

    for number, (one, belong) in enumerate(zip(found, truth, strict=True)):
        assert one.matches == belong, number


def _twins(chance: random.Random) -> tuple[Day, frozenset[tuple[str, frozenset[str]]]]:
    """A day of twins of one kind, with a side missing here and there; and what belongs together."""
    make = chance.choice((_at_a_gateway, _on_slips, _by_transfer))
    day = make(chance, chance.sample(TWINS, 4))
    names = {one.name for told in (day.receipts, day.rows, day.credits) for one in told}
    pairs = {
        (stage, frozenset((left + end, right + end)))
        for stage, left, right in (
            ("channel", "p", "r"), ("bank", "r", "b"), ("bank", "d", "b"), ("bank", "t", "b"),
        )
        for end in TWINS
        if left + end in names and right + end in names
    }  # fmt: skip
    return day, frozenset(pairs)


def _some(chance: random.Random, ends: list[str]) -> list[str]:
    return [one for one in chance.sample(ends, len(ends)) if chance.random() < 0.75]


def _at_a_gateway(chance: random.Random, ends: list[str]) -> Day:
    key = chance.choice(("id", "reference", "rrn"))
    receipts = [
        Receipt(
            f"p{end}", "g", PAISE, ON, id=f"pay_#{end}" if key == "id" else "",
            rrn=f"88#{end}" if key == "rrn" else "",
        )
        for end in _some(chance, ends)
    ]  # fmt: skip
    rows = [
        Row(
            f"r{end}", "g", "payment", PAISE, ON, ON, settlement=f"setl_#{end}", utr=f"UTR#{end}",
            id=f"pay_#{end}" if key != "rrn" else "", rrn=f"88#{end}" if key == "rrn" else "",
            reference=f"p{end}" if key == "reference" else "",
        )
        for end in _some(chance, ends)
    ]  # fmt: skip
    return Day(
        sources={"g": Source(until=ON)}, bank_until=ON, receipts=receipts, rows=rows,
        credits=[
            _credit(chance, end, f"UTR#{end}", "settlement", "g") for end in _some(chance, ends)
        ],
    )  # fmt: skip


def _on_slips(chance: random.Random, ends: list[str]) -> Day:
    return Day(
        sources={"c": Source()}, bank_until=ON, slips={f"DS-#-{end}": ON for end in ends},
        receipts=[
            Receipt(f"d{end}", "c", PAISE, ON, slip=f"DS-#-{end}") for end in _some(chance, ends)
        ],
        credits=[_credit(chance, end, f"DS-#-{end}", "deposit", "") for end in _some(chance, ends)],
    )  # fmt: skip


def _by_transfer(chance: random.Random, ends: list[str]) -> Day:
    field, word = chance.choice((("utr", "SBIN#"), ("rrn", "88#")))
    return Day(
        sources={"t": Source()}, bank_until=ON,
        receipts=[
            Receipt(
                f"t{end}", "t", PAISE, ON, utr=word + end if field == "utr" else "",
                rrn=word + end if field == "rrn" else "",
            )
            for end in _some(chance, ends)
        ],
        credits=[_credit(chance, end, word + end, "transfer", "t") for end in _some(chance, ends)],
    )  # fmt: skip


def _credit(chance: random.Random, end: str, word: str, kind: str, source: str) -> Credit:
    """A credit that names its own word, in one of the places where banks write it."""
    narration = chance.choice((f"NEFT CR {word} A PAYER", f"BY/{word.lower()}/X", f"BY:{word}."))
    if chance.random() < 0.3:
        return Credit(f"b{end}", kind, PAISE, ON, "BY CLEARING", reference=word, source=source)
    return Credit(f"b{end}", kind, PAISE, ON, narration, source=source)
