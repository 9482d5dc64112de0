"""Entries in partitions: the same books, the same laws."""

import io
from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from reconciliation import engine
from reconciliation.incoming import partitions, statements
from reconciliation.models import Entry
from tests.worked_examples.accounts import HEADER, Desk, paid

MON, WED = date(2026, 8, 10), date(2026, 8, 12)


@pytest.fixture
def desk(db: None, settings, tmp_path: Path) -> Desk:
    settings.STATEMENTS_DIR = tmp_path / "statements"
    return Desk.open()


def _row(number: int, *, amount: int = 500) -> str:
    return paid(
        f"pay_{number}", amount, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR0001"
    )


def _load(*rows: str) -> str:
    content = "\n".join([HEADER, *rows, ""]).encode()
    loaded = statements.load(
        statements.source_of("razorpay"), io.BytesIO(content), name="report.csv"
    )
    return loaded.problem


def _keys() -> list[str]:
    return list(Entry.objects.order_by("source_key").values_list("source_key", flat=True))


def test_partitioned_books_take_a_line_once_whichever_partition_has_it(desk: Desk) -> None:
    _load(_row(1), _row(2))
    call_command("partition_entries", size=5)
    call_command("partition_entries", ahead=True, size=50)
    _load(_row(3), _row(4), _row(5))

    _load(_row(1), _row(2), _row(3), _row(6))

    assert _keys() == [f"razorpay:pay_{number}" for number in range(1, 7)]
    assert "came again with" in _load(_row(1, amount=600))
    first = Entry.objects.get(source_key="razorpay:pay_1")
    first.pk = None
    with pytest.raises(IntegrityError, match="entry_key_once"), transaction.atomic():
        first.save(force_insert=True)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Entry.objects.filter(source_key="razorpay:pay_6").update(amount_paise=1)


def test_a_run_gives_the_same_over_partitions(desk: Desk) -> None:
    _load(_row(1), _row(2))
    before = engine.reconcile(WED, started_by="test")
    partitions.partition(size=1_000)

    after = engine.reconcile(WED, started_by="test", verify=True)

    assert after.output_hash == before.output_hash
    assert partitions.is_partitioned()


def test_partitions_are_added_before_they_are_needed(desk: Desk) -> None:
    with pytest.raises(CommandError, match="entries are one table"):
        call_command("partition_entries", ahead=True)
    first = partitions.partition(size=1_000)

    assert partitions.add_ahead(size=1_000) == 0
    with pytest.raises(CommandError, match="in partitions already"):
        call_command("partition_entries")
    assert partitions.add_ahead(size=3_000) == 1
    assert first > (Entry.objects.order_by("-id").values_list("id", flat=True).first() or 0)


def test_a_size_of_nothing_is_refused(desk: Desk) -> None:
    with pytest.raises(CommandError, match="1 or more"):
        call_command("partition_entries", size=0)

    assert not partitions.is_partitioned()
