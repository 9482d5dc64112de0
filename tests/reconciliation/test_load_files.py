"""Loading files: whole or not at all, once, in any order; refused with the line and reason."""

import io
import threading
import tracemalloc
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from django.db import connections

from channels_.models import StatementFile
from people.models import AuditEvent
from reconciliation.incoming import kept_files, statements
from reconciliation.models import Entry
from tests.worked_examples.accounts import HEADER, Desk, Line, mt940, paid

MON, TUE, WED = (date(2026, 8, n) for n in range(10, 13))
ROW = paid("pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR0001")
OTHER = paid("pay_2", 300, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR0001")


@pytest.fixture
def desk(db: None, settings, tmp_path: Path) -> Desk:
    settings.STATEMENTS_DIR = tmp_path / "statements"
    return Desk.open()


@pytest.fixture
def shared_desk(transactional_db: None, settings, tmp_path: Path) -> Desk:
    """Books that other connections see too."""
    settings.STATEMENTS_DIR = tmp_path / "statements"
    return Desk.open()


def _load(source: str, content: bytes, *, name: str = "file.txt") -> StatementFile:
    return statements.load(statements.source_of(source), io.BytesIO(content), name=name)


def _csv(*rows: str) -> bytes:
    return "\n".join([HEADER, *rows, ""]).encode()


def test_the_same_bytes_are_known_under_any_name_and_change_nothing(desk: Desk) -> None:
    _load("razorpay", _csv(ROW), name="monday.csv")

    with pytest.raises(statements.AlreadyLoaded) as known:
        _load("razorpay", _csv(ROW), name="another.csv")

    assert known.value.file.name == "monday.csv"
    assert StatementFile.objects.count() == 1
    assert Entry.objects.count() == 1


def test_the_same_bytes_of_another_merchant_are_another_file(desk: Desk) -> None:
    _load("razorpay", _csv(ROW))
    _load("razorpay-two", _csv(ROW))

    assert Entry.objects.count() == 2


def test_an_overlapping_file_adds_only_what_is_new(desk: Desk) -> None:
    _load("razorpay", _csv(ROW))
    file = _load("razorpay", _csv(ROW, OTHER))

    assert (file.line_count, file.added_count) == (2, 1)
    assert Entry.objects.count() == 2


def test_a_changed_file_under_the_old_name_is_a_new_version(desk: Desk) -> None:
    first = _load("razorpay", _csv(ROW), name="day.csv")
    second = _load("razorpay", _csv(OTHER), name="day.csv")

    assert (first.version, second.version) == (1, 2)


def test_a_restated_line_refuses_the_whole_file_and_the_old_line_stays(desk: Desk) -> None:
    _load("razorpay", _csv(ROW), name="day.csv")
    restated = ROW.replace("50000", "50100")

    refused = _load("razorpay", _csv(OTHER, restated), name="day.csv")

    assert refused.state == "refused"
    assert "razorpay:pay_1 is in the books with 50000 paise and came again with 50100" in (
        refused.problem
    )
    assert list(Entry.objects.values_list("amount_paise", flat=True)) == [50000]
    assert AuditEvent.objects.filter(action="statement.refused").count() == 1


@pytest.mark.parametrize(
    ("cell", "value", "said"),
    [
        ("pay_1", "p" * 90, "line 2, channel_ref: value too long"),
        ("upi", "m" * 40, "line 2, method: value too long"),
        ("S1", "setl\x00", "is NUL"),
    ],
)
def test_what_no_column_takes_is_refused_by_its_line_not_crashed(
    desk: Desk, cell: str, value: str, said: str
) -> None:
    refused = _load("razorpay", _csv(ROW.replace(cell, value)))

    assert refused.state == "refused"
    assert said in refused.problem
    assert value not in refused.problem
    assert not Entry.objects.exists()


def test_a_lone_surrogate_is_refused_by_its_line(desk: Desk) -> None:
    body = (
        '{"entity":"collection","count":1,"items":[{"entity_id":"pay_1","type":"payment","debit":0,'
        '"credit":100,"amount":100,"currency":"INR","fee":0,"tax":0,"settled":true,'
        '"created_at":1786000000,"settled_at":1786100000,"settlement_id":"S1","settlement_utr":"U",'
        '"description":"\\ud800"}]}'
    )

    refused = _load("razorpay", body.encode())

    assert refused.state == "refused"
    assert not Entry.objects.exists()


def test_a_statement_that_does_not_prove_leaves_nothing_but_the_refusal(desk: Desk) -> None:
    whole = mt940(desk.account, [Line(100, "A"), Line(50, "B")], on=WED, opening=0)

    refused = _load("bank", whole.replace(b"C50,00", b"C51,00"))

    assert refused.state == "refused"
    assert "difference" in refused.problem
    assert not Entry.objects.exists()
    assert kept_files.path_of(refused).exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((b"INR", b"USD"), "expected a statement in INR, got USD"),
        ((b":25:1", b":25:9"), "expected a statement of the account ending"),
        ((b":62F:", b":64:"), "no closing balance"),
    ],
)
def test_a_statement_of_something_else_is_refused(
    desk: Desk, change: tuple[bytes, bytes], said: str
) -> None:
    whole = mt940(desk.account, [Line(100, "A")], on=WED, opening=0)

    refused = _load("bank", whole.replace(*change))

    assert refused.state == "refused"
    assert said in refused.problem
    assert not Entry.objects.exists()


def test_a_file_cut_short_anywhere_is_never_half_believed(desk: Desk) -> None:
    whole = mt940(
        desk.account, [Line(100 + n, f"PAYER {n}", f"REF{n}") for n in range(5)], on=WED, opening=0
    )

    for end in range(1, len(whole) - 4, 7):
        assert _load("bank", whole[:end]).state == "refused"
    assert not Entry.objects.exists()


def test_every_refused_line_is_listed_with_its_number(desk: Desk) -> None:
    refused = _load("razorpay", _csv(ROW, "too,few", OTHER.replace("30000", "x")))

    assert [one["line"] for one in refused.refusals] == [3, 4]
    assert refused.problem.startswith("2 lines cannot be read, the first is line 3: ")
    assert not Entry.objects.exists()


def test_a_refused_file_may_be_mended_and_loaded(desk: Desk) -> None:
    _load("razorpay", _csv("too,few"), name="day.csv")

    file = _load("razorpay", _csv(ROW), name="day.csv")

    assert (file.state, file.version) == ("loaded", 1)


def test_the_same_file_loaded_by_eight_at_once_is_loaded_once(shared_desk: Desk) -> None:
    said = _at_once(8, lambda: _load("razorpay", _csv(ROW, OTHER)).state)

    assert sorted(said) == ["AlreadyLoaded"] * 7 + ["loaded"]
    assert StatementFile.objects.count() == 1
    assert Entry.objects.count() == 2


def test_versions_of_a_name_loaded_at_once_are_counted_apart(shared_desk: Desk) -> None:
    contents = [_csv(paid(f"pay_{n}", 5, settled_on=WED, settlement="S")) for n in range(4)]

    _at_once(4, lambda: str(_load("razorpay", contents.pop(), name="day.csv").version))

    assert sorted(StatementFile.objects.values_list("version", flat=True)) == [1, 2, 3, 4]


@pytest.mark.volume
def test_a_large_report_streams_through_constant_memory(desk: Desk) -> None:
    def peak(rows: int, prefix: str) -> int:
        body = _csv(*(paid(f"{prefix}{n}", 5, settled_on=WED, settlement="S") for n in range(rows)))
        stream = io.BytesIO(body)
        tracemalloc.start()
        try:
            statements.load(statements.source_of("razorpay"), stream, name=f"{prefix}.csv")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100, "warm")
    small, large = peak(60_000, "a"), peak(100_000, "b")

    # What grows is one short key a row, to know the second of two equal ones; never the rows.
    assert large - small < 40_000 * 150


def _at_once(count: int, work: Callable[[], str]) -> list[str]:
    """What each of several threads got, each with a connection of its own."""
    start = threading.Barrier(count)
    said: list[str] = []

    def one() -> None:
        start.wait(timeout=30)
        try:
            said.append(work())
        except statements.AlreadyLoaded as known:
            said.append(type(known).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return said
