"""A run is killed at statements drawn by lot; what follows ends as if nothing had happened.

``make test`` draws a few, ``make chaos`` a hundred (``CHAOS_STATEMENTS``).
"""

import os
import random
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings as django_settings
from django.db import transaction

from reconciliation import engine, locks
from reconciliation.models import Break, Match, MatchLine, Run
from tests.worked_examples.accounts import Desk, Line, paid

pytestmark = pytest.mark.chaos

MON, WED = date(2026, 8, 10), date(2026, 8, 12)
KILLS: Final = int(os.environ.get("CHAOS_STATEMENTS", "5"))

# Every child dies before the statement of its number: by its own hand, or its session is ended.
# Only the run itself is counted and struck: what follows one has transactions of its own, and so
# have savepoints no number, for within the counting one there are more of them.
DOOMED: Final = """
import os, signal, sys
from datetime import date
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from django.db import connection, transaction
from reconciliation import engine
from reconciliation.models import Run

day = date.fromisoformat(sys.argv[2])
seen = 0

def strike(execute, sql, params, many, context):
    global seen
    if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
        seen += 1
        if seen == number and number % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if seen == number:
            context["cursor"].execute("SELECT pg_terminate_backend(pg_backend_pid())")
    return execute(sql, params, many, context)

def count():
    with transaction.atomic():
        engine._reconcile(day, started_by="counted")
        transaction.set_rollback(True)
    print(seen, flush=True)

for number in map(int, sys.argv[3:]):
    child = os.fork()
    if not child:
        try:
            with connection.execute_wrapper(strike):
                engine._reconcile(day, started_by="doomed") if number else count()
        finally:
            os._exit(2 if number and seen >= number else 0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if number:
        print(number, status, flush=True)
    while any(engine._may_live(run) for run in Run.objects.filter(state="running")):
        pass
    connection.close()
"""
KILLED, ENDED = -9, 2  # how a child leaves: by SIGKILL, or after its session was ended


@pytest.fixture
def desk(transactional_db: None, settings, tmp_path: Path) -> Desk:
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


def test_a_run_killed_at_any_statement_ends_the_same(desk: Desk) -> None:
    with transaction.atomic():
        calm = engine.reconcile(WED, started_by="calm").output_hash
        left = _left()
        transaction.set_rollback(True)
    (statements,) = map(int, _strike(0))
    between = range(2, statements)  # the first and the last are always among them
    lots = [1, statements, *random.Random(KILLS).sample(between, min(KILLS - 2, len(between)))]

    left_by = _strike(*lots)

    assert left_by == [
        word for one in lots for word in (str(one), str(KILLED if one % 2 else ENDED))
    ]
    doomed = Run.objects.filter(started_by="doomed")
    assert {*doomed.values_list("state", flat=True)} <= {"abandoned", "failed", "running"}
    assert not locks.is_run_alive()
    assert doomed.exists()
    run = engine.reconcile(WED, started_by="after", verify=True)
    assert (run.output_hash, _left()) == (calm, left), f"killed at {lots}"
    assert not Run.objects.filter(state=Run.State.RUNNING).exists()


def _left() -> tuple[int, int, int]:
    return (
        Match.objects.count(),
        MatchLine.objects.filter(is_live=True).count(),
        Break.objects.filter(state=Break.State.OPEN).count(),
    )


def _strike(*numbers: int) -> list[str]:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            DOOMED,
            str(django_settings.DATABASES["default"]["NAME"]),
            WED.isoformat(),
            *map(str, numbers),
        ],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return done.stdout.split()
