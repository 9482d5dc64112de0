"""Runs that meet other runs, loads and death; and truth that is hidden in files and found again."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.conf import settings as django_settings
from django.db import connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cspdcl.kernel.clock import now
from reconciliation import engine, locks
from reconciliation.models import Break, Entry, Match, MatchLine, Proof, Run
from tests.worked_examples.accounts import Desk, Line, paid

MON, TUE, WED = (date(2026, 8, n) for n in range(10, 13))
DEADLINE_SECONDS = 30


@pytest.fixture
def desk(db: None, settings, tmp_path: Path) -> Desk:
    settings.STATEMENTS_DIR = tmp_path / "statements"
    return Desk.open()


@pytest.fixture
def busy_desk(transactional_db: None, settings, tmp_path: Path) -> Desk:
    """Committed books with something of everything: matches to make and breaks to open."""
    settings.STATEMENTS_DIR = tmp_path / "statements"
    desk = Desk.open()
    for number in range(6):
        desk.receipt("razorpay", 100 + number, on=MON, channel_ref=f"pay_{number}")
    told = {"paid_on": MON, "settled_on": WED, "settlement": "S1", "utr": "UTR0001"}
    desk.report(*(paid(f"pay_{n}", 100 + n, **told) for n in range(2, 8)))
    desk.slip("DS-0001", [desk.receipt("cash", 50, on=WED)], on=WED)
    desk.statement(Line(627, "UTR0001"), Line(50, "DS-0001"), Line(9, "WHO IS IT"), on=WED)
    return desk


# ---- two at once


def test_while_a_run_works_the_second_is_told_who_runs(busy_desk: Desk) -> None:
    with _held("reconciliation_break"):
        first = _in_thread(lambda: engine.reconcile(WED, started_by="asha"))
        _wait_for(_somebody_waits)

        with pytest.raises(engine.AlreadyRunning, match="of 2026-08-12, started by asha, is at"):
            engine.reconcile(WED, started_by="bina")

    assert _joined(first).state == "done"
    assert list(Run.objects.values_list("state", flat=True)) == ["done"]


def test_of_twelve_started_at_once_one_runs(busy_desk: Desk) -> None:
    start = threading.Barrier(12)

    def begin() -> str:
        start.wait(DEADLINE_SECONDS)
        try:
            return engine.reconcile(WED, started_by="timetable").state
        except engine.AlreadyRunning:
            return "told"

    with _held("reconciliation_break"):
        racers = [_in_thread(begin) for _ in range(12)]
        _wait_for(lambda: sum(not one[0].is_alive() for one in racers) == 11)

    assert sorted(_joined(one) for one in racers) == ["done"] + ["told"] * 11
    assert Match.objects.filter(stage="channel").count() == 4


def test_a_load_waits_for_the_run_and_belongs_to_the_next(busy_desk: Desk) -> None:
    late = paid("pay_0", 100, paid_on=MON, settled_on=WED, settlement="S2", utr="UTR0002")
    with _held("reconciliation_break"):
        run = _in_thread(lambda: engine.reconcile(WED, started_by="asha"))
        _wait_for(_somebody_waits)
        load = _in_thread(lambda: busy_desk.report(late))
        _wait_for(lambda: _count_waiting() == 2)
        assert not Entry.objects.filter(channel_ref="pay_0", book="channel").exists()

    assert _joined(load).state == "loaded"
    assert _joined(run).matched_count == 6
    assert busy_desk.reconcile(WED).matched_count == 1


# ---- death


@pytest.mark.chaos
@pytest.mark.parametrize(
    "table",
    [
        "reconciliation_match",
        "reconciliation_expected",
        "reconciliation_break",
        "reconciliation_proof",
    ],
)
def test_a_run_killed_half_way_leaves_nothing_and_the_next_gives_the_same(
    busy_desk: Desk, table: str
) -> None:
    undisturbed = _hash_without_commit(WED)

    with _held(table):
        process = _run_in_process(WED)
        _wait_for(_somebody_waits)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(DEADLINE_SECONDS)
        _wait_for(lambda: not locks.is_run_alive())

    assert not Match.objects.exists()
    assert not Break.objects.exists()
    assert not Proof.objects.exists()
    assert engine.reconcile(WED, started_by="next").output_hash == undisturbed
    assert list(Run.objects.order_by("id").values_list("state", flat=True)) == ["abandoned", "done"]


def test_a_run_that_fails_says_why_and_changes_nothing(busy_desk: Desk) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE reconciliation_proof ADD CONSTRAINT never CHECK (false)")
    try:
        with pytest.raises(Exception, match="never"):
            engine.reconcile(WED, started_by="asha")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE reconciliation_proof DROP CONSTRAINT never")

    run = Run.objects.get()
    assert (run.state, "never" in run.problem) == ("failed", True)
    assert not Match.objects.exists()
    assert not Break.objects.exists()


def test_a_run_claimed_a_moment_ago_by_a_living_process_is_left_alone(busy_desk: Desk) -> None:
    other = _raw_connection()
    Run.objects.create(
        business_date=WED, started_by="asha", worker=f"host:1 session {other.info.backend_pid}"
    )

    with pytest.raises(engine.AlreadyRunning):
        engine.reconcile(WED, started_by="bina")
    other.close()
    _wait_for(lambda: not locks.is_session_alive(other.info.backend_pid))

    assert engine.reconcile(WED, started_by="bina").state == "done"


def test_a_run_claimed_long_ago_without_its_lock_is_given_up(busy_desk: Desk) -> None:
    Run.objects.create(
        business_date=WED,
        started_by="asha",
        worker=f"host:1 session {locks.session()}",
        started_at=now() - 2 * locks.MOMENT_TO_START,
    )

    assert engine.reconcile(WED, started_by="bina").state == "done"
    assert Run.objects.get(started_by="asha").state == "abandoned"


# ---- the laws of the tables, whoever writes


def test_an_entry_takes_part_once_in_a_stage(desk: Desk) -> None:
    desk.receipt("razorpay", 100, on=MON, channel_ref="pay_1")
    desk.report(paid("pay_1", 100, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR0001"))
    desk.reconcile(WED)
    line = MatchLine.objects.filter(stage="channel").first()
    assert line is not None

    other = Match.objects.create(stage="channel", leg="receipt_channel", matched_on=WED)
    with pytest.raises(Exception, match="match_line_once_by_channel"), transaction.atomic():
        MatchLine.objects.create(match=other, entry=line.entry, stage="channel")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE reconciliation_entry SET amount_paise = 1, net_paise = 1",
        "UPDATE reconciliation_entry SET utr = 'OTHER' WHERE book = 'channel'",
        "UPDATE reconciliation_entry SET deposit_ref = 'DS' WHERE book = 'channel'",
        "DELETE FROM reconciliation_entry",
        "UPDATE reconciliation_match SET matched_on = '2026-01-01'",
        "DELETE FROM reconciliation_matchline",
    ],
)
def test_what_was_said_and_matched_stays_as_it_was(desk: Desk, sql: str) -> None:
    desk.receipt("razorpay", 100, on=MON, channel_ref="pay_1")
    desk.report(paid("pay_1", 100, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR0001"))
    desk.reconcile(WED)

    with pytest.raises(Exception, match="append-only"), transaction.atomic():
        connection.cursor().execute(sql)


# ---- truth hidden in files, in any order

FATES = ("fine", "no_line", "no_receipt", "other_amount")
CREDITS = ("fine", "none", "short", "excess")


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    payments=st.lists(
        st.tuples(st.integers(10, 9999), st.sampled_from(FATES), st.integers(0, 2)),
        min_size=1,
        max_size=8,
    ),
    paid_out=st.lists(st.sampled_from(CREDITS), min_size=3, max_size=3),
    chance=st.randoms(use_true_random=False),
)
def test_hidden_truth_is_found_whatever_the_order(
    desk: Desk, payments: list[tuple[int, str, int]], paid_out: list[str], chance: Any
) -> None:
    with _undone():
        truth = _hide(desk, payments, paid_out, chance)

        run = desk.reconcile(WED)

        assert desk.breaks(WED) == sorted(truth)
        assert engine.reconcile(WED, started_by="again").output_hash == run.output_hash


def _hide(
    desk: Desk, payments: list[tuple[int, str, int]], paid_out: list[str], chance: Any
) -> list[tuple[str, str, int]]:
    truth, rows, nets = [], [], {0: 0, 1: 0, 2: 0}
    numbered = list(enumerate(payments))
    chance.shuffle(numbered)
    for number, (rupees, fate, settlement) in numbered:
        entity = f"pay_{number}"
        listed = rupees + (7 if fate == "other_amount" else 0)
        reference = ""
        if fate != "no_receipt":
            reference = desk.receipt("razorpay", rupees, on=MON, channel_ref=entity).reference
        if fate != "no_line":
            told = {"settlement": f"S{settlement}", "utr": f"UTR000{settlement}"}
            rows.append(paid(entity, listed, paid_on=MON, settled_on=WED, **told))
            nets[settlement] += listed
        truth += {
            "fine": [],
            "no_line": [("missing_in_channel", reference, rupees)],
            "no_receipt": [("missing_in_books", entity, rupees)],
            "other_amount": [("amount_differs", reference, 7)],
        }[fate]
    # A day of which the channel has spoken, whatever became of the payments above.
    rows.append(paid("pay_x", 1, paid_on=MON, settled_on=WED, settlement="SX", utr="UTR000X"))
    desk.receipt("razorpay", 1, on=MON, channel_ref="pay_x")
    lines = [Line(1, "UTR000X")]
    for number, credit in enumerate(paid_out):
        net = nets[number]
        if not net:
            continue
        change = {"fine": 0, "none": -net, "short": -3, "excess": 5}[credit]
        if net + change:
            lines.append(Line(net + change, f"NEFT RAZORPAY UTR000{number}"))
        truth += {
            "fine": [],
            "none": [("settled_not_credited", f"S{number}", net)],
            "short": [("short_credit", f"S{number}", 3)],
            "excess": [("excess_credit", f"S{number}", 5)],
        }[credit]
    chance.shuffle(rows)
    chance.shuffle(lines)
    files: list[Callable[[], object]] = [
        lambda: desk.report(*rows),
        lambda: desk.statement(*lines, on=WED),
    ]
    chance.shuffle(files)
    for load in files:
        load()
    return truth


# ---- tools of these tests


@contextmanager
def _undone() -> Iterator[None]:
    """Whatever is written inside is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _hash_without_commit(day: date) -> str:
    with _undone():
        return engine.reconcile(day, started_by="rehearsal").output_hash


def _raw_connection() -> Any:
    """A connection beside Django's."""
    options = connection.get_connection_params()
    options.pop("cursor_factory", None)
    options.pop("context", None)
    return psycopg2.connect(**options)


@contextmanager
def _held(table: str) -> Iterator[None]:
    """Nobody else can write to a table: whoever comes to it waits there."""
    other = _raw_connection()
    try:
        with other.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
        yield
    finally:
        other.rollback()
        other.close()


def _count_waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        (count,) = cursor.fetchone() or (0,)
        return int(count)


def _somebody_waits() -> bool:
    return _count_waiting() > 0


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def _in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    said: list[Any] = []

    def run() -> None:
        try:
            said.append(work())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, said


def _joined(started: tuple[threading.Thread, list[Any]]) -> Any:
    thread, said = started
    thread.join(DEADLINE_SECONDS)
    (answer,) = said
    return answer


_PROCESS = """
import sys
from datetime import date
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from reconciliation import engine
engine.reconcile(date.fromisoformat(sys.argv[2]), started_by="doomed")
"""


def _run_in_process(day: date) -> subprocess.Popen[bytes]:
    name = str(django_settings.DATABASES["default"]["NAME"])
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    return subprocess.Popen(
        [sys.executable, "-c", _PROCESS, name, day.isoformat()], env=environment
    )
