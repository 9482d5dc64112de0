"""A worker is killed while a partner thinks: its question is counted, and the payment waits."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import F

from cspdcl.kernel.clock import now
from enquiries import ladder
from enquiries.models import Operation, OperationAttempt
from tests.enquiries.asking import attempt, channel_at, listed, waiting

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[2]
WORKER = "import django; django.setup(); from enquiries import ladder; ladder.climb(seconds=20)"


def test_killed_workers_never_exceed_the_budget_and_lose_no_money(partner) -> None:
    payment = waiting(channel_at(partner), minutes=180)
    partner.hold = _never_set()
    partner.says(listed())

    for kill in range(6):
        _kill_one_in_the_middle(partner)
        Operation.objects.update(next_at=now())
        assert len(partner.asked) <= min(kill + 1, 3)

    ladder.climb()
    operation = Operation.objects.get()
    assert len(partner.asked) == 3
    assert (operation.spent, operation.state) == (3, "manual")
    readings = OperationAttempt.objects.values_list("reading", flat=True)
    assert list(readings) == ["lost"] * 3
    payment.refresh_from_db()
    assert payment.state == "pending"


def test_an_answer_that_was_kept_before_the_kill_is_applied_by_the_drain(partner) -> None:
    """The worker dies between the commit of the answer and the payment it speaks of."""
    payment = waiting(channel_at(partner))
    partner.says(listed(attempt(payment)))
    died = (
        "import django, os; django.setup(); "
        "from payments import inbox; inbox.apply_notices = lambda _id: os._exit(9); "
        "from enquiries import ladder; ladder.climb(seconds=20)"
    )

    assert _start(died).wait(60) == 9
    payment.refresh_from_db()
    assert payment.state == "pending"
    from payments import inbox

    inbox.drain()
    ladder.climb()

    payment.refresh_from_db()
    assert payment.state == "succeeded"
    assert len(partner.asked) == 1
    assert Operation.objects.get().state == "succeeded"


def _kill_one_in_the_middle(partner) -> None:
    """Start a worker, and end it by SIGKILL once the partner has its question."""
    before = len(partner.asked)
    partner.reached.clear()
    worker = _start(WORKER)
    try:
        while worker.poll() is None and not partner.reached.wait(0.1):
            continue
    finally:
        worker.kill()
        worker.wait(10)
    if len(partner.asked) > before:
        sent = Operation.objects.get()
        assert sent.state == "sent", "the intent is committed before the socket opens"
        assert Operation.objects.filter(spent=F("attempts")).exists()


def _never_set():
    import threading

    return threading.Event()


def _start(script: str) -> subprocess.Popen[bytes]:
    database = connection.settings_dict
    query = urlencode({"host": database["HOST"], "port": database["PORT"]})
    environment = {
        **os.environ,
        "CSPDCL_MODE": "test",
        "DJANGO_SETTINGS_MODULE": "cspdcl.settings",
        "DATABASE_URL": (
            f"postgresql://{database['USER']}:{database['PASSWORD']}@/{database['NAME']}?{query}"
        ),
        "REDIS_URL": settings.REDIS_URL,
        "FIELD_KEYS": settings.FIELD_KEYS,
        "INDEX_KEY": settings.INDEX_KEY,
    }
    return subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=environment)
