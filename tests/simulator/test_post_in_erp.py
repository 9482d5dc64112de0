"""The ERP of the demo: it posts what our books hold, and each of its mistakes is found."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from reconciliation import selectors
from reconciliation.models import Match
from simulator import postings
from simulator.compare import compare
from tests import factories
from tests.worked_examples.accounts import Desk

THU, FRI = date(2026, 8, 13), date(2026, 8, 14)
KINDS = 2

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(db: None, settings, tmp_path: Path) -> Desk:
    """Two days of the counters: payments, one cancelled at once, one cheque that came back."""
    settings.STATEMENTS_DIR = tmp_path / "statements"
    desk = Desk.open()
    desk.connect_erp(since=THU, posting_days=0, clarification_days=1)
    for number in range(20):
        consumer = factories.ConsumerFactory.create(number=f"10000000{number:02d}")
        who: dict[str, Any] = {"consumer": consumer, "consumer_number": consumer.number}
        desk.receipt("cash", 100 + number, on=THU, **who)
        desk.receipt("cash", 200 + number, on=FRI, **who)
    desk.undone(desk.receipt("cash", 77, on=FRI, consumer_number="1000000001"), on=FRI)
    desk.undone(desk.receipt("cheque", 900, on=THU, consumer_number="1000000002"), on=FRI)
    return desk


def played(desk: Desk, folder: Path) -> dict[str, Any]:
    truth: dict[str, Any] = {"planted": [], "not_breaks": {}}
    desk.reconcile(THU)
    postings.send(postings.export_of_eve(THU, kinds=KINDS), folder / "eve.csv", truth=truth)
    desk.reconcile(THU)
    desk.reconcile(FRI)
    postings.send(postings.export_of(FRI, seed=1, kinds=KINDS), folder / "day.csv", truth=truth)
    desk.reconcile(FRI)
    return truth


def test_every_mistake_is_found_with_its_reason_and_none_is_invented(
    desk: Desk, tmp_path: Path
) -> None:
    truth = played(desk, tmp_path)

    breaks = [one for one in desk.breaks_as_data(FRI) if one["stage"] == "erp"]
    found = compare(truth, breaks)
    assert found.is_perfect, (found.missed, found.false, found.other_amount)
    assert Counter(one["reason"] for one in truth["planted"]) == dict.fromkeys(
        ("not_posted", "amount_differs", "wrong_consumer", "duplicate", "status_differs",
         "missing_in_books", "in_clarification"),
        KINDS,
    )  # fmt: skip
    assert Match.objects.filter(rule__code="posting_nil").count() == 1  # cancelled at once
    assert [proof.stage for proof in selectors.proofs_of(FRI) if proof.stage == "erp"]


def test_the_file_proves_itself_by_its_totals(desk: Desk) -> None:
    desk.reconcile(FRI)

    lines = postings.export_of(FRI, seed=1, kinds=0).content.decode().splitlines()

    rows = [line for line in lines[1:] if line.startswith(("PZ", "RL"))]
    assert len(rows) == 21  # twenty payments, and the cheque that came back
    assert lines[-4:] == ["KSUMP,21", "KTSUH,4190.00", "KTSUS,900.00", "UNTIL,2026-08-14"]
