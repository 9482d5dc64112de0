"""The fourth book on the pages and in the API: board, lines, breaks, a payment's story, sources."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from people import actions
from people.models import User
from reconciliation.models import Break
from tests.worked_examples.accounts import Desk, posted

MON, TUE, WED = (date(2026, 8, n) for n in range(10, 13))

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(db: None, settings, tmp_path: Path) -> Desk:
    settings.SECOND_FACTOR_ROLES = []
    settings.STATEMENTS_DIR = tmp_path / "statements"
    return Desk.open()


@pytest.fixture
def officer() -> Client:
    user = User.objects.create_user("officer", None, full_name="Officer")
    actions.set_roles(user, {"finance_officer"})
    client = Client()
    client.force_login(user, backend="people.auth.PeopleBackend")
    return client


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def books_of(client: Client, reference: str) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = client.get(f"/payments/{reference}/").context["books"]
    return shown


def test_without_an_erp_the_board_has_no_column_and_a_story_says_not_compared(
    desk: Desk, officer: Client
) -> None:
    receipt = desk.receipt("cash", 500, on=MON)
    desk.reconcile(MON)

    assert "ERP, ₹ posted" not in page(officer, f"/day/{MON}/")
    assert books_of(officer, receipt.reference)[-1]["word"] == "not compared"
    told = officer.get(f"/api/v1/payments/{receipt.reference}/story/").json()
    assert told["is_posted"] is False
    assert [book["book"] for book in told["books"]] == ["receipts", "bank"]


def test_the_board_says_how_much_is_posted_and_leads_to_the_lines(
    desk: Desk, officer: Client
) -> None:
    desk.connect_erp(since=MON)
    there, missing = (desk.receipt("cash", rupees, on=MON) for rupees in (500, 300))
    desk.postings(posted(there, 500, on=TUE), until=TUE)
    desk.reconcile(MON)

    board = page(officer, f"/day/{MON}/")
    assert "ERP, ₹ posted" in board
    assert f"/breaks/?channel=cash&amp;stage=erp&amp;until={MON}" in board
    assert "Receipts → ERP" in board
    lines = page(officer, f"/day/{MON}/lines/?channel=cash&stage=erp")
    assert there.reference in lines
    assert missing.reference in page(
        officer, f"/day/{MON}/lines/?channel=cash&stage=erp&state=open"
    )


def test_the_breaks_are_narrowed_to_the_proof_and_each_page_says_why(
    desk: Desk, officer: Client
) -> None:
    desk.connect_erp(since=MON, clarification_days=0)
    receipts = [desk.receipt("cash", 100 * number, on=MON) for number in range(1, 6)]
    less, other, twice, stuck, _missing = receipts
    desk.postings(
        posted(less, 90, on=TUE),
        posted(other, 200, on=TUE, consumer="999999999999"),
        posted(twice, 300, on=TUE, document="1"),
        posted(twice, 300, on=TUE, document="2"),
        posted(stuck, 400, on=TUE, state="K"),
        posted("", 70, on=TUE, document="9"),
    )
    desk.reconcile(TUE)

    listed = page(officer, "/breaks/?stage=erp")
    found = Break.objects.filter(stage="erp")
    assert sorted(found.values_list("reason", flat=True)) == [
        "amount_differs", "duplicate", "in_clarification", "missing_in_books", "not_posted",
        "wrong_consumer",
    ]  # fmt: skip
    for one in found:
        assert f"/breaks/{one.public_id}/" in listed
        shown = page(officer, f"/breaks/{one.public_id}/")
        assert "posting_exact v1" in shown
    wrong = page(officer, f"/breaks/{found.get(reason='wrong_consumer').public_id}/")
    assert "our reference and amount fit, the consumer does not" in wrong
    assert "999999999999" in wrong
    sheet = officer.get("/breaks/export.csv?stage=erp").getvalue().decode()
    assert sheet.count(",erp,") >= len(found)


def test_a_story_tells_the_posting_its_day_and_the_reason_of_its_gap(
    desk: Desk, officer: Client
) -> None:
    desk.connect_erp(since=MON)
    there, waits = (desk.receipt("cash", rupees, on=MON) for rupees in (500, 300))
    desk.postings(posted(there, 500, on=MON, document="400000000001"))
    desk.reconcile(MON)

    book = books_of(officer, there.reference)[-1]
    assert (book["title"], book["word"], book["paise"]) == (
        "Posting in SAP FI-CA",
        "matched",
        50_000,
    )
    assert {"label": "Document", "text": "400000000001", "is_id": True} in book["facts"]
    assert books_of(officer, waits.reference)[-1]["when"] == "expected by 11-08-2026"
    told = officer.get(f"/api/v1/payments/{there.reference}/story/").json()
    assert told["is_posted"] is True
    erp = told["books"][-1]
    assert (erp["book"], erp["amount_paise"], erp["due_on"]) == ("erp", 50_000, "2026-08-11")
    assert erp["match"]["explanation"].startswith("Rule posting_exact v1: same reference, amount")

    desk.postings(until=TUE)
    desk.reconcile(TUE)
    missing = books_of(officer, waits.reference)[-1]
    assert (missing["word"], missing["link"]["text"]) == ("missing", "Not posted in the ERP")
    told = officer.get(f"/api/v1/payments/{waits.reference}/story/").json()
    assert told["books"][-1]["gap"]["reason"] == "not_posted"
    assert told["is_posted"] is False


def test_the_erp_is_a_source_among_the_others_and_its_files_have_a_page(
    desk: Desk, officer: Client
) -> None:
    desk.connect_erp(since=MON)
    receipt = desk.receipt("cash", 500, on=MON)
    file = desk.postings(posted(receipt, 500, on=MON))

    assert "SAP FI-CA" in page(officer, "/sources/")
    assert "SAP FI-CA" in page(officer, "/sources/sap/")
    assert "SAP FI-CA" in page(officer, f"/statements/?day={MON}")
    assert receipt.reference in page(officer, f"/statements/{file.sha256}/")
    answer = officer.get("/api/v1/files/?source=sap").json()
    assert [one["source"] for one in answer["results"]] == ["sap"]


def test_the_rules_of_postings_stand_among_the_rules(desk: Desk, officer: Client) -> None:
    assert "posting_exact" in page(officer, "/rules/")
    assert "Receipt to posting" in page(officer, "/rules/posting_exact/")
