"""The API of the books: what an integrator reads, asks for and hands in, and every refusal."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from celery import current_app
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client

from channels_.models import StatementFile
from people.auth import make_api_key
from people.models import AuditEvent
from reconciliation.models import Book, Break, Entry, Reason, Run
from tests import factories as make
from tests.reconciliation import small_books as books
from tests.reconciliation.small_books import CREDIT, DAY, ONE_CREDIT, mt940
from tests.reconciliation.test_pages_board import _another_run_alive

pytestmark = pytest.mark.django_db

AsRole = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _the_day_after(settings, tmp_path: Path) -> Iterator[None]:
    settings.STATEMENTS_DIR = tmp_path / "statements"
    with time_machine.travel("2026-08-19 10:30:00+05:30", tick=False):
        yield


@pytest.fixture
def machine(users) -> Client:
    """A program with a key, as an integrator's is."""
    key = make_api_key(users["channel"], "integrator")
    return Client(headers={"Authorization": f"Bearer {key}"})


# ---- breaks ----


def test_breaks_are_told_as_the_command_tells_them(machine: Client, capsys) -> None:
    books.broken(books.entry(Book.RECEIPTS, 1_500, reference="R1", rrn="632400000001"))
    books.broken(
        books.entry(Book.CHANNEL, 200, reference="R2", business_date=DAY - timedelta(days=3)),
        reason=Reason.DUPLICATE,
    )

    call_command("breaks", date=DAY, json=True)
    told = json.loads(capsys.readouterr().out)
    answer = machine.get("/api/v1/breaks/?date=2026-08-18").json()

    assert answer["count"] == 2
    assert answer["results"] == told
    assert answer["results"][0]["age_days"] == 3


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["R2", "R1"]),
        ("date=2026-08-17", ["R2"]),
        ("reason=duplicate", ["R2"]),
        ("channel=razorpay", ["R2", "R1"]),
        ("channel=nobody", []),
        ("state=closed", []),
        ("page_size=1&page=2", ["R1"]),
    ],
)
def test_breaks_are_filtered_and_paged(machine: Client, query: str, found: list[str]) -> None:
    books.broken(books.entry(Book.RECEIPTS, 1_500, reference="R1"))
    books.broken(
        books.entry(Book.CHANNEL, 200, reference="R2", business_date=DAY - timedelta(days=3)),
        reason=Reason.DUPLICATE,
    )

    answer = machine.get(f"/api/v1/breaks/?{query}")

    assert [one["reference"] for one in answer.json()["results"]] == found


@pytest.mark.parametrize(
    "address",
    [
        "breaks/?reason=nonsense",
        "breaks/?date=18-08-2026",
        "breaks/?colour=red",
        "runs/?state=nonsense",
        "files/?page_size=501",
    ],
)
def test_what_is_not_understood_is_refused(machine: Client, address: str) -> None:
    answer = machine.get(f"/api/v1/{address}")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_one_break_is_read_also_when_it_is_closed(machine: Client) -> None:
    one = books.broken(books.entry(Book.RECEIPTS, 1_500, reference="R1"))
    Break.objects.update(state="closed", closed_at="2026-08-19T00:00Z")

    answer = machine.get(f"/api/v1/breaks/{one.public_id}/").json()

    assert (answer["reference"], answer["state"]) == ("R1", "closed")
    assert machine.get("/api/v1/breaks/none/").status_code == 404


def test_the_number_of_queries_does_not_follow_the_number_of_breaks(
    machine: Client, django_assert_max_num_queries
) -> None:
    for _ in range(40):
        books.broken(books.entry(Book.RECEIPTS, 1_500))

    with django_assert_max_num_queries(8):
        assert len(machine.get("/api/v1/breaks/").json()["results"]) == 40


# ---- runs ----


def test_a_run_is_asked_for_done_and_read(
    machine: Client, django_capture_on_commit_callbacks
) -> None:
    current_app.conf.task_always_eager = True
    try:
        with django_capture_on_commit_callbacks(execute=True):
            answer = _post(machine, "runs", {"business_date": "2026-08-18"})
    finally:
        current_app.conf.task_always_eager = False

    assert answer.status_code == 202
    assert answer.json() == {
        "business_date": "2026-08-18",
        "state": "queued",
        "runs": "/api/v1/runs/?business_date=2026-08-18",
    }
    (run,) = machine.get(answer.json()["runs"]).json()["results"]
    assert (run["id"], run["state"], run["started_by"]) == ("2026-08-18.1", "done", "channel")
    detail = machine.get(f"/api/v1/runs/{run['id']}/").json()
    assert detail == {**run, "proof": []}


def test_a_run_tells_its_proof(machine: Client) -> None:
    books.proof(books.run(), arrived_count=1, arrived_paise=5, closing_count=1, closing_paise=5,
                expected_count=1, expected_paise=5)  # fmt: skip

    (proof,) = machine.get("/api/v1/runs/2026-08-18.1/").json()["proof"]

    assert (proof["stage"], proof["book"], proof["closing_paise"]) == ("channel", "receipts", 5)


def test_while_a_run_works_another_is_a_conflict(machine: Client) -> None:
    books.run(state=Run.State.RUNNING, started_by="asha")

    with _another_run_alive():
        answer = _post(machine, "runs", {"business_date": "2026-08-18"})

    assert (answer.status_code, answer.json()["code"]) == (409, "already_running")
    assert not AuditEvent.objects.filter(action="run.asked").exists()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 400),
        ({"business_date": "tomorrow"}, 400),
        ({"business_date": "2026-08-18", "force": True}, 400),
        ({"business_date": "2026-08-20"}, 409),
    ],
)
def test_a_run_that_cannot_be_is_refused(
    machine: Client, body: dict[str, object], code: int
) -> None:
    assert _post(machine, "runs", body).status_code == code
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "name", ["2026-08-18", "2026-08-18.0", "2026-08-18.x", "2026-13-01.1", "x.1", "2026-08-18.٣"]
)
def test_a_run_that_was_not_is_not_found(machine: Client, name: str) -> None:
    books.run()

    assert machine.get(f"/api/v1/runs/{name}/").status_code == 404


# ---- files ----


def hand_in(client: Client, content: bytes, source: str = "sbi", **fields: str):
    books.bank()
    data = {"source": source, "file": SimpleUploadedFile("sbi.sta", content), **fields}
    return client.post("/api/v1/files/", data)


def test_a_file_is_loaded_then_known(machine: Client) -> None:
    first, second = hand_in(machine, ONE_CREDIT), hand_in(machine, ONE_CREDIT)

    assert (first.status_code, first.json()["answer"]) == (201, "loaded")
    assert (second.status_code, second.json()["answer"]) == (200, "already_loaded")
    assert first.json()["sha256"] == second.json()["sha256"]
    assert first.json()["credit_paise"] == 3_000
    assert Entry.objects.count() == 1
    assert machine.get("/api/v1/files/?source=sbi&date=2026-08-18").json()["count"] == 1
    assert machine.get("/api/v1/files/?state=refused").json()["count"] == 0


def test_a_file_that_does_not_prove_is_refused_with_the_difference(machine: Client) -> None:
    answer = hand_in(machine, mt940(CREDIT, closing="1040,00"))

    assert (answer.status_code, answer.json()["answer"]) == (422, "refused")
    assert "10.00" in answer.json()["problem"]
    assert not Entry.objects.exists()


def test_lines_that_cannot_be_read_come_with_the_refusal(machine: Client) -> None:
    answer = hand_in(machine, mt940(":61:nonsense", closing="1000,00"))

    assert answer.status_code == 422
    assert answer.json()["refusals"][0]["line"] == 5


@pytest.mark.parametrize(
    ("fields", "code", "word"),
    [
        ({"source": "nobody"}, 409, "unknown_source"),
        ({"source": "no/body"}, 400, "invalid"),
        ({"colour": "red"}, 400, "invalid"),
    ],
)
def test_a_file_of_nobody_is_refused(
    machine: Client, fields: dict[str, str], code: int, word: str
) -> None:
    answer = hand_in(machine, ONE_CREDIT, **fields)

    assert (answer.status_code, answer.json()["code"]) == (code, word)
    assert not StatementFile.objects.exists()


def test_a_layout_that_is_none_is_refused(machine: Client) -> None:
    answer = hand_in(machine, ONE_CREDIT, format="nonsense")

    assert answer.status_code == 422
    assert not Entry.objects.exists()


def test_a_file_too_large_is_refused_before_it_is_read(machine: Client, settings) -> None:
    settings.STATEMENT_BYTES_MAX = 100

    answer = hand_in(machine, b"x" * 100_000)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert not settings.STATEMENTS_DIR.exists()


def test_json_is_no_file(machine: Client) -> None:
    assert _post(machine, "files", {"source": "sbi"}).status_code == 415


def _post(client: Client, what: str, body: dict[str, object]):
    return client.post(f"/api/v1/{what}/", json.dumps(body), content_type="application/json")


def test_the_story_of_a_payment_tells_each_book_and_its_gap(as_role: AsRole) -> None:
    receipt, line, payment = _paid_and_listed()
    books.matched(receipt, line, run=books.run())

    told = as_role("auditor").get(f"/api/v1/payments/{payment.reference}/story/").json()

    assert [one["book"] for one in told["books"]] == ["receipts", "channel", "bank"]
    ours, theirs, bank = told["books"]
    assert (ours["amount_paise"], theirs["fee_paise"], theirs["net_paise"]) == (1000, 20, 976)
    assert ours["match"]["kind"] == "rule"
    assert bank["amount_paise"] is None
    assert not told["is_in_bank"]
    assert as_role("clerk").get(f"/api/v1/payments/{payment.reference}/story/").status_code == 403
    assert as_role("auditor").get("/api/v1/payments/none/story/").status_code == 404


def _paid_and_listed():
    payment = make.PaymentFactory.create(
        channel=books.channel(), amount_paise=1000, state="succeeded", business_date=DAY,
        succeeded_at="2026-08-18T10:00:00+05:30",
    )  # fmt: skip
    key = f"payment:{payment.reference}"
    receipt = books.entry(Book.RECEIPTS, 1000, reference=payment.reference, source_key=key)
    line = books.entry(Book.CHANNEL, 1000, fee_paise=20, tax_paise=4)
    return receipt, line, payment
