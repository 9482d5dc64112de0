"""A settlement report that is due and has not come as a file is fetched from the partner."""

import json
from datetime import date, datetime, time, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from channels_.contract import Wire
from channels_.models import StatementFile
from cspdcl.kernel.clock import INDIA
from enquiries.models import Operation
from reconciliation.incoming import fetching
from reconciliation.models import Entry
from tests.enquiries.asking import channel_at, listed
from tests.enquiries.partner import Partner, running

pytestmark = pytest.mark.django_db(transaction=True)

DAY = date(2026, 8, 17)
EVENING = datetime(2026, 8, 18, 20, 0, tzinfo=INDIA)


@pytest.fixture
def partner():
    with running() as found:
        yield found


def row(number: int, day: date = DAY) -> dict[str, object]:
    """One line of the combined report."""
    settled = int(datetime.combine(day, time(11), tzinfo=INDIA).timestamp())
    return {
        "entity_id": f"pay_Report{number:05d}", "type": "payment", "debit": 0, "credit": 97640,
        "amount": 100000, "currency": "INR", "fee": 2360, "tax": 360, "on_hold": False,
        "settled": True, "created_at": settled - 90000, "settled_at": settled,
        "settlement_id": "setl_Report01", "posted_at": None, "credit_type": "default",
        "description": None, "notes": "{}", "payment_id": None,
        "settlement_utr": "SAMPLEUTR0001", "order_id": "order_Report01", "order_receipt": None,
        "method": "card", "card_network": "Visa", "card_issuer": "SBIN", "card_type": "debit",
        "dispute_id": None,
    }  # fmt: skip


def reports(partner: Partner, rows_of: dict[date, list[dict[str, object]]]) -> None:
    """Answer the question for each day with its rows."""

    def answer(path: str, _body: bytes) -> Wire:
        asked = {name: int(values[0]) for name, values in parse_qs(urlsplit(path).query).items()}
        rows = rows_of.get(date(asked["year"], asked["month"], asked["day"]), [])
        return Wire(json.dumps(listed(*rows[asked.get("skip", 0) :])).encode())

    partner.answer = answer


def test_a_report_that_is_due_is_fetched_once(partner) -> None:
    channel_at(partner, file_due_at=time(18))
    reports(partner, {DAY: [row(1), row(2)]})

    with time_machine.travel(EVENING, tick=False):
        assert fetching.fetch_due_reports() == 1
        assert fetching.fetch_due_reports() == 0

    (file,) = StatementFile.objects.all()
    assert (file.state, file.line_count, file.covers_to) == ("loaded", 2, DAY)
    assert Entry.objects.filter(book="channel").count() == 2
    asked = Operation.objects.filter(kind="report")
    assert {one.state for one in asked} == {"succeeded"}
    assert all(one.answer is None for op in asked for one in op.tries.all())


def test_what_is_not_due_is_not_asked_for(partner) -> None:
    channel_at(partner, file_due_at=time(18))

    with time_machine.travel(EVENING - timedelta(hours=3), tick=False):
        fetching.fetch_due_reports()

    assert not any(f"day={DAY.day}" in path for _m, path, _h, _b in partner.asked)
    assert not StatementFile.objects.exists()


@pytest.mark.parametrize("status", [500, 404, 200])
def test_a_report_that_does_not_come_loads_nothing(partner, status) -> None:
    channel_at(partner, file_due_at=time(18))
    partner.answer = lambda _path, _body: Wire(b"<html>", status)

    with time_machine.travel(EVENING, tick=False):
        assert fetching.fetch_due_reports() == 0

    assert not StatementFile.objects.exists()
    assert {one.state for one in Operation.objects.all()} == {"failed"}
