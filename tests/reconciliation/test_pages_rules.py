"""The pages of the rules: read in order, written, counted, tried, proposed, approved by another."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import time_machine
from django.test import Client

from reconciliation.matching import backtest, tallies
from reconciliation.models import BackTest, Book, Rule
from reconciliation.rulebook import rules
from tests.reconciliation import small_books as books
from tests.reconciliation.test_pages_board import words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starting_rules")]

AsRole = Callable[[str], Client]

SAID = {
    "leg": "receipt_channel", "priority": "30", "cardinality": "one_to_one", "key": "rrn",
    "second": "", "third": "", "tolerance_paise": "0", "window_days": "2", "direction": "either",
    "ambiguity": "never", "is_active": "on", "effective_from": "2026-08-21", "reason": "as agreed",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _soon_after():
    with time_machine.travel("2026-08-20 10:30:00+05:30"):
        yield


def page(client: Client, url: str, **data: Any) -> str:
    answer = client.get(url, data)
    assert answer.status_code == 200
    return words(answer.content.decode())


def test_rules_stand_in_their_order_with_what_they_matched(as_role: AsRole) -> None:
    run = books.run(rule_versions={"rrn_exact": 1})
    books.matched(
        books.entry(Book.RECEIPTS, 5), books.entry(Book.CHANNEL, 5), run=run,
        rule=Rule.objects.get(code="rrn_exact"),
    )  # fmt: skip
    tallies.count()

    answer = as_role("auditor").get("/rules/")

    shown = [(row["rule"].code, row["last"], row["month"]) for row in answer.context["rows"]]
    assert shown[:4] == [
        ("cancelled", None, None), ("channel_id_exact", None, None),
        ("reference_exact", None, None), ("rrn_exact", 1, 1),
    ]  # fmt: skip
    told = words(answer.content.decode())
    assert "15 rules are tried, in this order; 1 rests." in told
    assert "by the RRN; amounts agree to the paisa, on any day." in told
    assert "New rule" not in told


def test_a_version_is_written_counted_tried_proposed_and_approved(
    as_role: AsRole, django_capture_on_commit_callbacks: Any
) -> None:
    officer, approver = as_role("finance_officer"), as_role("finance_approver")
    books.entry(Book.RECEIPTS, 100, rrn="000000000001", business_date=date(2026, 8, 10))
    books.entry(Book.CHANNEL, 100, rrn="000000000001", in_bank_stage=False)
    books.run()

    assert "Nothing changes yet" in page(officer, "/rules/rrn_exact/new/")
    counted = officer.post("/rules/rrn_exact/count/", SAID)
    assert "1 would not match any more 1.00" in words(counted.content.decode())
    written = officer.post("/rules/rrn_exact/new/", SAID)
    assert (written.status_code, written["Location"]) == (302, "/rules/rrn_exact/2/")
    assert "Nobody has tried this version yet" in page(officer, "/rules/rrn_exact/2/")
    refused = officer.post("/rules/rrn_exact/2/propose/")
    assert refused.status_code == 422
    assert "Try it first" in words(refused.content.decode())

    with django_capture_on_commit_callbacks():
        assert officer.post("/rules/rrn_exact/2/try/", {"days": "90"}).status_code == 302
    assert "You may leave this page" in page(officer, "/rules/rrn_exact/2/tried/")
    backtest.run(BackTest.objects.get().pk)
    told = page(officer, "/rules/rrn_exact/2/")
    assert "1 Would not match any more 1.00" in told
    assert "Window 2 working days was any day" in told

    assert officer.post("/rules/rrn_exact/2/propose/").status_code == 302
    assert "You wrote this; somebody else approves." in page(officer, "/rules/rrn_exact/2/")
    assert officer.post("/rules/rrn_exact/2/answer/", {"verdict": "approve"}).status_code == 422
    done = approver.post("/rules/rrn_exact/2/answer/", {"verdict": "approve"}, follow=True)
    assert "Approved. It holds from 21-08-2026 on." in words(done.content.decode())
    held = Rule.objects.get(code="rrn_exact", state="active")
    assert (held.version, held.window_days) == (2, 2)
    assert "From the beginning until 20-08-2026" in page(approver, "/rules/rrn_exact/")


def test_what_cannot_be_is_said_at_its_field_and_nothing_typed_is_lost(as_role: AsRole) -> None:
    refused = as_role("finance_officer").post(
        "/rules/rrn_exact/new/", SAID | {"second": "rrn", "reason": "my words"}
    )

    assert refused.status_code == 422
    assert refused.context["form"].errors["second"] == ["A key is tried once."]
    assert 'value="my words"' in refused.content.decode()
    assert not Rule.objects.filter(state="draft").exists()


def test_only_keys_that_the_two_books_have_are_offered(as_role: AsRole) -> None:
    form = as_role("finance_officer").get("/rules/settlement_utr_sum/new/").context["form"]

    assert [code for code, _label in form.fields["key"].choices] == ["utr"]
    assert "second" not in form.fields


def test_a_new_rule_begins_with_its_name_and_its_books(as_role: AsRole) -> None:
    officer = as_role("finance_officer")
    taken = officer.get("/rules/new/", {"code": "rrn_exact", "leg": "receipt_channel"})
    assert taken.status_code == 422

    url = "/rules/new/?code=parts&leg=receipt_channel"
    made = officer.post(url, SAID | {"cardinality": "many_to_many", "priority": "36"})

    assert made["Location"] == "/rules/parts/1/"
    rule = Rule.objects.get(code="parts")
    assert (rule.state, rule.cardinality, rule.version) == ("draft", "many_to_many", 1)
    assert "parts" in page(officer, "/rules/")


def test_a_draft_is_changed_and_taken_back(as_role: AsRole) -> None:
    officer = as_role("finance_officer")
    officer.post("/rules/rrn_exact/new/", SAID)

    changed = officer.post("/rules/rrn_exact/2/change/", SAID | {"window_days": "5"})
    assert changed.status_code == 302
    assert Rule.objects.get(version=2).window_days == 5
    back = officer.post("/rules/rrn_exact/2/answer/", {"verdict": "reject"}, follow=True)

    assert "It does not come into force." in words(back.content.decode())
    assert officer.get("/rules/rrn_exact/2/change/").status_code == 404


def test_a_refusal_without_a_word_is_sent_back(as_role: AsRole) -> None:
    officer, approver = as_role("finance_officer"), as_role("finance_approver")
    officer.post("/rules/rrn_exact/new/", SAID)
    rule = Rule.objects.get(version=2)
    assert rule.maker is not None
    BackTest.objects.create(
        rule=rule, content_hash=rules.content_hash(rule), days=1, since=date(2026, 8, 1),
        against=rules.beside(rule.effective_from), until=date(2026, 8, 1), state="done",
        asked_by=rule.maker, finished_at=rule.created_at,
        found={word: {"count": 0, "paise": 0, "samples": []} for word in backtest.WORDS},
    )  # fmt: skip
    officer.post("/rules/rrn_exact/2/propose/")

    silent = approver.post("/rules/rrn_exact/2/answer/", {"verdict": "reject"})
    said = approver.post("/rules/rrn_exact/2/answer/", {"verdict": "reject", "answer": "too short"})

    assert (silent.status_code, said.status_code) == (422, 302)
    assert "too short" in page(officer, "/rules/rrn_exact/2/")


@pytest.mark.parametrize("url", ["/rules/none/", "/rules/rrn_exact/9/", "/rules/none/new/"])
def test_a_rule_that_is_not_there_is_no_page(as_role: AsRole, url: str) -> None:
    assert as_role("finance_officer").get(url).status_code == 404


def test_the_api_tells_the_rules_and_their_versions(as_role: AsRole) -> None:
    client = as_role("auditor")

    listed = client.get("/api/v1/rules/").json()
    one = client.get("/api/v1/rules/rrn_exact/").json()

    assert (listed["count"], listed["results"][0]["code"]) == (16, "cancelled")
    assert one["results"] == [
        {
            "code": "rrn_exact", "version": 1, "state": "active", "priority": 30,
            "leg": "receipt_channel", "keys": ["rrn"], "cardinality": "one_to_one",
            "tolerance_paise": 0, "window_days": None, "direction": "either",
            "ambiguity": "never", "is_used": True, "effective_from": "2000-01-01",
            "effective_until": None,
        }
    ]  # fmt: skip
    assert client.get("/api/v1/rules/none/").status_code == 404
    assert client.get("/api/v1/rules/?state=draft").json()["count"] == 0
    assert client.get("/api/v1/rules/?colour=red").status_code == 400
    assert client.post("/api/v1/rules/").status_code == 403
