"""The steps with a break over HTTP: each page, what it proposes, what it refuses at its field."""

from collections.abc import Callable, Iterator, Mapping

import pytest
import time_machine
from django.test import Client

from people.models import User
from reconciliation.models import Book, Break, BreakLetter, Decision, Leg, Reason, Stage
from tests.reconciliation import small_books as books
from tests.reconciliation.test_pages_board import words

pytestmark = pytest.mark.django_db

AsRole = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _the_day_after() -> Iterator[None]:
    with time_machine.travel("2026-08-19 10:30:00+05:30", tick=False):
        yield


@pytest.fixture
def credit() -> Break:
    """A credit of 800.00 that nobody knows."""
    return books.broken(
        books.entry(Book.BANK, 80000, utr="UTR1", narration="BULK TRANSFER"),
        reason=Reason.UNIDENTIFIED_CREDIT, stage=Stage.BANK, leg=Leg.TRANSFER_BANK,
    )  # fmt: skip


def act(client: Client, one: Break, step: str, **sent: str):
    return client.post(f"/breaks/{one.public_id}/{step}/", sent)


def test_the_page_of_a_break_leads_to_the_steps_that_fit(as_role: AsRole, credit: Break) -> None:
    page = words(as_role("finance_officer").get(f"/breaks/{credit.public_id}/").content.decode())

    for title in ("Write a note", "Owner and day", "Wait until", "Move to suspense"):
        assert title in page
    assert "Split the credit" in page
    assert "Accept the fee" not in page
    assert "Age in working days" in page
    assert "Write a note" not in words(
        as_role("auditor").get(f"/breaks/{credit.public_id}/").content.decode()
    )


@pytest.mark.parametrize(
    ("step", "sent", "kind"),
    [
        ("wait", {"until": "2026-08-25", "why": "Their advice comes."}, "timing"),
        ("suspense", {"why": "Nobody knows."}, "suspense"),
        ("dispute", {"letter_to": "a@bank.example", "why": "Not ours."}, "dispute"),
        (
            "split",
            {
                "amount_1": "500", "what_1": "settlement", "name_1": "U1",
                "amount_2": "3,00.00".replace("3,00", "300"), "what_2": "deposit", "name_2": "D1",
                "why": "Two in one.",
            },
            "split",
        ),
    ],
)  # fmt: skip
def test_a_step_is_proposed_and_approved_by_another(
    as_role: AsRole, credit: Break, step: str, sent: dict[str, str], kind: str
) -> None:
    answer = act(as_role("finance_officer"), credit, step, **sent)
    decision = Decision.objects.get()
    assert (answer.status_code, decision.kind, decision.state) == (302, kind, "proposed")

    approver = as_role("finance_approver")
    assert sent["why"] in words(approver.get("/approvals/").content.decode())
    approver.post(f"/approvals/{decision.public_id}/", {"verdict": "approve"})

    decision.refresh_from_db()
    assert decision.state == "approved"


@pytest.mark.parametrize(
    ("step", "sent", "said"),
    [
        ("wait", {"until": "2026-08-19", "why": "Soon."}, "the day by which it comes"),
        ("wait", {"until": "", "why": "Soon."}, "This field is required."),
        ("suspense", {"why": ""}, "This field is required."),
        ("dispute", {"letter_to": "nobody", "why": "No."}, "expected an e-mail address"),
        ("split", {"amount_1": "1.234", "amount_2": "1", "why": "x"}, "at most two decimals"),
        ("ask", {"letter_to": "a@b.example", "words": ""}, "This field is required."),
        ("note", {"words": " "}, "This field is required."),
        ("owner", {"owner": "nobody", "due_on": ""}, "not one of the available choices"),
        ("owner", {"owner": "", "due_on": "2020-01-01"}, "expected a day from today"),
        ("fee", {"why": "Fine."}, "only a fee"),
    ],
)
def test_what_is_refused_stands_at_its_field_and_nothing_typed_is_lost(
    as_role: AsRole, credit: Break, step: str, sent: dict[str, str], said: str
) -> None:
    answer = act(as_role("finance_officer"), credit, step, **sent)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in words(page)
    assert not sent.get("why") or f'value="{sent["why"]}"' in page
    assert not Decision.objects.exists()


def test_notes_owner_and_letters_stand_in_the_story(
    as_role: AsRole, credit: Break, users: Mapping[str, User]
) -> None:
    officer = as_role("finance_officer")
    act(officer, credit, "note", words="He calls back on Friday.")
    act(officer, credit, "owner", owner="finance_approver", due_on="2026-08-21")
    act(officer, credit, "ask", letter_to="money@bank.example", words="Who sent this?")
    letter = BreakLetter.objects.get()

    page = words(officer.get(f"/breaks/{credit.public_id}/").content.decode())
    assert "He calls back on Friday." in page
    assert "finance_approver" in page
    assert "Who sent this?" in page
    officer.post(f"/letters/{letter.public_id}/", {"verdict": "answer", "words": "The railway."})

    page = words(officer.get(f"/breaks/{credit.public_id}/").content.decode())
    assert "The railway." in page
    letter.refresh_from_db()
    assert (letter.state, letter.answered_by) == ("answered", users["finance_officer"])


def test_an_unknown_step_is_no_page(as_role: AsRole, credit: Break) -> None:
    client = as_role("finance_officer")
    assert client.get(f"/breaks/{credit.public_id}/nonsense/").status_code == 404
    assert client.get("/breaks/none/note/").status_code == 404


def test_each_rule_says_why_it_did_not_take_the_break(as_role: AsRole) -> None:
    line = books.entry(Book.CHANNEL, 100, channel_ref="pay_1")
    receipt = books.entry(Book.RECEIPTS, 90, channel_ref="pay_1")
    one = books.broken(line, receipt, reason=Reason.AMOUNT_DIFFERS)

    page = as_role("auditor").get(f"/breaks/{one.public_id}/")

    said = {v.rule.partition(" ")[0]: v for v in page.context["verdicts"]}
    assert said["channel_id_exact"].words == "the channel's id fits, 0.10 more"
    assert said["channel_id_exact"].is_near
    assert said["rrn_exact"].words == "no line here carries the RRN"


def test_of_several_that_fit_the_page_takes_those_that_are_ticked(as_role: AsRole) -> None:
    receipt = books.entry(Book.RECEIPTS, 100, channel_ref="p", source_key="payment:A")
    lines = [books.entry(Book.CHANNEL, 100, channel_ref="p") for _ in range(2)]
    one = books.broken(receipt, *lines, reason=Reason.AMBIGUOUS)
    own = ["receipts:payment:A", f"channel:{lines[0].source_key}"]

    answer = as_role("finance_officer").post(
        f"/breaks/{one.public_id}/propose/", {"kind": "match", "own": own, "why": "The first."}
    )

    assert answer.status_code == 302
    decision = Decision.objects.get()
    assert set(decision.lines.values_list("entry_id", flat=True)) == {receipt.pk, lines[0].pk}
