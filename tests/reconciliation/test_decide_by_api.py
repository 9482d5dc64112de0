"""Decisions by the API: the same laws as on the pages, the second person among them."""

import io
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from people.auth import make_api_key
from people.models import User
from people.roles import AUDITOR, CHANNEL, FINANCE_APPROVER, FINANCE_OFFICER
from reconciliation.api.batches import XLSX
from reconciliation.desk import bulk
from reconciliation.models import (
    Batch,
    Book,
    Break,
    BreakNote,
    Decision,
    Match,
    Reason,
    Undo,
)
from tests.reconciliation import small_books as books
from tests.reconciliation.small_books import DAY

pytestmark = pytest.mark.django_db

WHY = "As their letter of the 18th says."
KEY = "a-key-of-a-program-1"


@pytest.fixture(autouse=True)
def _the_day_after():
    with time_machine.travel("2026-08-19 10:30:00+05:30", tick=True):
        yield


class Caller:
    """One person with a key."""

    def __init__(self, user: User) -> None:
        key = make_api_key(user, "program")
        self.client = Client(headers={"Authorization": f"Bearer {key}"})

    def get(self, address: str) -> Any:
        """The answer's content."""
        answer = self.client.get(f"/api/v1/{address}")
        assert answer.status_code == 200, answer.content
        return answer.json()

    def post(self, address: str, **asked: Any) -> Any:
        """The whole answer."""
        return self.client.post(f"/api/v1/{address}", asked, content_type="application/json")


@pytest.fixture
def officer(users: Mapping[str, User]) -> Caller:
    return Caller(users[FINANCE_OFFICER])


@pytest.fixture
def approver(users: Mapping[str, User]) -> Caller:
    return Caller(users[FINANCE_APPROVER])


def missing(paise: int = 1_500, **columns: Any) -> Break:
    return books.broken(books.entry(Book.RECEIPTS, paise, **columns))


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# ---- one break ----


def test_a_candidate_is_named_proposed_and_approved_by_another(
    officer: Caller, approver: Caller
) -> None:
    one = missing(rrn="632400000001")
    line = books.entry(Book.CHANNEL, 1_500, rrn="632400000001", in_bank_stage=False)
    bench = officer.get(f"breaks/{one.public_id}/candidates/")
    (found,) = bench["candidates"]

    made = officer.post(
        f"breaks/{one.public_id}/decisions/", kind="match", why=WHY, candidates=[found["id"]]
    )
    waiting = approver.get("decisions/?state=proposed")["results"]
    answer = approver.post(f"decisions/{made.json()['id']}/answer/", verdict="approve")

    assert (bench["to_explain_paise"], found["how"]) == (1_500, "shares")
    assert {field["label"] for field in found["fields"] if field["agrees"]} == {
        "RRN", "Amount", "Day",
    }  # fmt: skip
    assert (made.status_code, made.json()["state"]) == (201, "proposed")
    assert [(row["id"], row["break"]) for row in waiting] == [(made.json()["id"], one.public_id)]
    assert (answer.status_code, answer.json()["state"]) == (200, "approved")
    assert answer.json()["checker"] == FINANCE_APPROVER
    assert set(Match.objects.get().lines.values_list("entry_id", flat=True)) == {
        line.pk, one.lines.get().entry_id,
    }  # fmt: skip


def test_who_proposed_never_approves_and_who_only_reads_never_proposes(
    approver: Caller, users: Mapping[str, User]
) -> None:
    one = missing()
    made = approver.post(f"breaks/{one.public_id}/decisions/", kind="write_off", why=WHY)
    again = approver.post(f"breaks/{one.public_id}/decisions/", kind="write_off", why=WHY)

    own = approver.post(f"decisions/{made.json()['id']}/answer/", verdict="approve")
    silent = approver.post(f"decisions/{made.json()['id']}/answer/", verdict="reject")

    assert code_of(own) == (409, "not_yours")
    assert code_of(silent) == (409, "not_yours")
    assert code_of(again) == (409, "not_decidable")
    for role in (AUDITOR, CHANNEL):
        answer = Caller(users[role]).post(
            f"breaks/{one.public_id}/decisions/", kind="write_off", why=WHY
        )
        assert code_of(answer) == (403, "permission_denied")
    assert Decision.objects.get().state == Decision.State.PROPOSED
    assert not Match.objects.exists()


def test_a_rejection_needs_a_reason_and_changes_nothing(officer: Caller, approver: Caller) -> None:
    one = missing()
    made = officer.post(f"breaks/{one.public_id}/decisions/", kind="suspense", why=WHY).json()

    silent = approver.post(f"decisions/{made['id']}/answer/", verdict="reject")
    said = approver.post(f"decisions/{made['id']}/answer/", verdict="reject", answer="Ask first.")

    assert code_of(silent) == (409, "not_decidable")
    assert said.json()["state"] == "rejected"
    one.refresh_from_db()
    assert (one.state, one.parked) == ("open", "")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"kind": "write_off"}, "invalid"),
        ({"kind": "nonsense", "why": WHY}, "invalid"),
        ({"kind": "assign", "why": WHY}, "invalid"),
        ({"kind": "write_off", "why": WHY, "until": "2026-08-25"}, "invalid"),
        ({"kind": "suspense", "why": WHY, "colour": "red"}, "invalid"),
        ({"kind": "split", "why": WHY, "parts": [{"amount_paise": 1.5}]}, "invalid"),
        ({"kind": "timing", "why": WHY}, "not_decidable"),
        ({"kind": "fee", "why": WHY}, "not_decidable"),
        ({"kind": "dispute", "why": WHY, "letter_to": "nobody"}, "not_decidable"),
        ({"kind": "match", "why": WHY, "candidates": ["bank:none"]}, "not_decidable"),
        ({"kind": "match", "why": WHY}, "not_decidable"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_kept(
    officer: Caller, asked: dict[str, Any], code: str
) -> None:
    one = missing()

    answer = officer.post(f"breaks/{one.public_id}/decisions/", **asked)

    assert code_of(answer) == ({"invalid": 400}.get(code, 409), code)
    assert not Decision.objects.exists()


def test_own_entries_are_taken_as_they_are_named_or_refused(officer: Caller) -> None:
    many = [books.entry(Book.CHANNEL, 100, source_key=f"twin:{number:02d}") for number in range(40)]
    one = books.broken(*many, reason=Reason.DUPLICATE)
    receipt = books.entry(Book.RECEIPTS, 100, in_bank_stage=False)
    plain = missing(200)

    def ask(about: Break, *own: str) -> Any:
        return officer.post(
            f"breaks/{about.public_id}/decisions/", kind="match", why=WHY, own=own,
            candidates=[f"receipts:{receipt.source_key}"],
        )  # fmt: skip

    stranger = ask(one, "channel:twin:39", "channel:none")
    no_choice = ask(plain, f"receipts:{plain.lines.get().entry.source_key}")
    made = ask(one, "channel:twin:39")

    assert code_of(stranger) == code_of(no_choice) == (409, "not_decidable")
    assert "'channel:none' is none of the break's own entries" in stranger.json()["detail"]
    assert (made.status_code, made.json()["difference_paise"]) == (201, 0)
    chosen = Decision.objects.get().lines.values_list("entry_id", flat=True)
    assert set(chosen) == {receipt.pk, many[39].pk}


def test_notes_and_owners_need_one_person_of_finance(
    officer: Caller, users: Mapping[str, User]
) -> None:
    one = missing()

    for _try in range(2):  # the same words again are the same note
        noted = officer.post(f"breaks/{one.public_id}/notes/", words="The bank is asked.")
        assert noted.status_code == 201
    given = officer.post(
        f"breaks/{one.public_id}/owner/", owner=FINANCE_APPROVER, due_on="2026-08-21"
    )
    odd = officer.post(f"breaks/{one.public_id}/owner/", owner="nobody-here", due_on=None)
    auditor = officer.post(f"breaks/{one.public_id}/owner/", owner=AUDITOR, due_on=None)
    told = Caller(users[AUDITOR]).get(f"breaks/{one.public_id}/notes/")["results"]

    assert [(row["words"], row["by"]) for row in told] == [("The bank is asked.", FINANCE_OFFICER)]
    assert BreakNote.objects.count() == 1
    assert given.json() == {
        "id": one.public_id, "owner": FINANCE_APPROVER, "due_on": "2026-08-21",
    }  # fmt: skip
    assert code_of(odd) == (400, "invalid")
    assert code_of(auditor) == (409, "not_decidable")
    one.refresh_from_db()
    assert one.owner == users[FINANCE_APPROVER]


# ---- what is late ----


def test_what_is_late_is_told_by_role_and_owner(
    officer: Caller, users: Mapping[str, User], as_role: Any
) -> None:
    old = DAY - timedelta(days=14)
    one, other = missing(200, business_date=old), missing(300, business_date=old)
    missing()
    Break.objects.filter(pk=one.pk).update(owner=users[FINANCE_OFFICER])
    Break.objects.filter(pk=other.pk).update(due_on=DAY - timedelta(days=1))

    rows = officer.get("escalations/")["results"]
    page = as_role(FINANCE_OFFICER).get("/breaks/late/").content.decode()

    assert [(row["owner"], row["count"], row["amount_paise"], row["since"]) for row in rows] == [
        ("", 1, 300, "2026-08-17"),
        (FINANCE_OFFICER, 1, 200, "2026-08-07"),
    ]
    assert {row["role"] for row in rows} == {FINANCE_APPROVER}
    assert "late=1&amp;owner=none&amp;reason=missing_in_channel" in page
    assert f"late=1&amp;owner={FINANCE_OFFICER}" in page
    assert officer.get(f"breaks/?late=1&owner={FINANCE_OFFICER}")["count"] == 1


# ---- many at once ----


def ask(**more: Any) -> dict[str, Any]:
    return {
        "filter": {"reason": "duplicate"}, "act": "suspense", "why": WHY, "count": 2,
        "amount_paise": 500, "submit_key": KEY, **more,
    }  # fmt: skip


@pytest.fixture
def two_duplicates() -> list[Break]:
    missing(9_900)
    return [
        books.broken(books.entry(Book.CHANNEL, paise), reason=Reason.DUPLICATE)
        for paise in (200, 300)
    ]


def test_a_step_for_many_is_shown_asked_once_and_approved_by_another(
    officer: Caller, approver: Caller, two_duplicates: list[Break]
) -> None:
    shown = officer.get("batches/preview/?reason=duplicate")
    made = officer.post("batches/", **ask())
    again = officer.post("batches/", **ask())
    others = [
        officer.post("batches/", **ask(**more))
        for more in (
            {"why": "Another reason."},
            {"is_whole": True},
            {"act": "owner", "argument": "x"},
        )
    ]
    own = officer.post(
        f"batches/{made.json()['id']}/answer/", verdict="approve", count=2, amount_paise=500
    )
    other = approver.post(
        f"batches/{made.json()['id']}/answer/", verdict="approve", count=3, amount_paise=500
    )
    unseen = approver.post(f"batches/{made.json()['id']}/answer/", verdict="approve")
    said = approver.post(
        f"batches/{made.json()['id']}/answer/", verdict="approve", count=2, amount_paise=500
    )
    bulk.run(made.json()["id"])
    told = approver.get(f"batches/{made.json()['id']}/")
    rows = approver.get(f"batches/{made.json()['id']}/rows/?state=done")["results"]

    assert (shown["count"], shown["amount_paise"]) == (2, 500)
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json()["id"] == again.json()["id"]
    assert {other.status_code for other in others} == {409}
    assert (made.json()["live_count"], made.json()["live_paise"]) == (2, 500)
    assert code_of(own) == (403, "permission_denied")
    assert code_of(other) == (409, "not_in_bulk")
    assert code_of(unseen) == (400, "invalid")
    assert said.json()["state"] == "working"
    assert (told["state"], told["done"], told["refused"]) == ("done", 2, 0)
    assert [row["break"] for row in rows] == [one.public_id for one in two_duplicates]
    assert Break.objects.filter(parked="suspense").count() == 2


def test_a_sheet_goes_out_and_comes_in_filled_and_every_row_is_answered(
    officer: Caller, approver: Caller, two_duplicates: list[Break]
) -> None:
    def send(content: bytes, **more: Any) -> Any:
        sent = {"file": SimpleUploadedFile("breaks.xlsx", content), **more}
        return officer.client.post("/api/v1/batches/sheet/", sent)

    out = officer.client.get("/api/v1/batches/sheet/?reason=duplicate", HTTP_ACCEPT=XLSX)
    book = load_workbook(io.BytesIO(out.getvalue()))
    for number, cells in enumerate((("suspense", WHY, ""), ("suspense", "", "")), start=2):
        for column, text in enumerate(cells, start=13):
            book["breaks"].cell(number, column).value = text
    filled = io.BytesIO()
    book.save(filled)

    made, again = send(filled.getvalue()), send(filled.getvalue())
    odd, bare = send(b"nonsense"), officer.client.post("/api/v1/batches/sheet/", {})
    answered = approver.post(
        f"batches/{made.json()['id']}/answer/", verdict="approve",
        count=made.json()["live_count"], amount_paise=made.json()["live_paise"],
    )  # fmt: skip
    bulk.run(made.json()["id"])
    rows = approver.get(f"batches/{made.json()['id']}/rows/")["results"]

    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json()["id"] == again.json()["id"]
    assert (made.json()["source"], made.json()["refused"]) == ("sheet", 1)
    assert code_of(odd) == (400, "malformed")
    assert code_of(bare) == (400, "invalid")
    assert answered.status_code == 200
    assert [(row["row"], row["state"], row["said"]) for row in rows] == [
        (2, "done", ""), (3, "refused", "say why"),
    ]  # fmt: skip
    assert approver.client.post("/api/v1/batches/sheet/", {"colour": "red"}).status_code == 400


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"count": 3}, "not_in_bulk"),
        ({"filter": {"reason": "nonsense"}}, "invalid"),
        ({"filter": {"colour": "red"}}, "invalid"),
        ({"act": "match"}, "invalid"),
        ({"act": "wait", "argument": "soon"}, "not_decidable"),
        ({"submit_key": "short"}, "invalid"),
    ],
)
def test_a_step_that_does_not_fit_is_refused(
    officer: Caller, two_duplicates: list[Break], more: dict[str, Any], code: str
) -> None:
    answer = officer.post("batches/", **ask(**more))

    assert code_of(answer) == ({"invalid": 400}.get(code, 409), code)
    assert not Batch.objects.exists()


def test_a_key_is_of_one_step(officer: Caller, two_duplicates: list[Break]) -> None:
    officer.post("batches/", **ask())

    other = officer.post("batches/", **ask(act="note"))

    assert code_of(other) == (409, "not_in_bulk")
    assert Batch.objects.count() == 1


# ---- undo ----


def test_a_decision_is_undone_by_two(officer: Caller, approver: Caller) -> None:
    one = missing()
    made = officer.post(f"breaks/{one.public_id}/decisions/", kind="write_off", why=WHY).json()
    approver.post(f"decisions/{made['id']}/answer/", verdict="approve")

    asked = officer.post("undos/", kind="decision", key=made["id"], why="It came after all.")
    again = officer.post("undos/", kind="decision", key=made["id"], why="It came after all.")
    nothing = officer.post("undos/", kind="run", key="2026-08-18.7", why="?")
    done = approver.post(f"undos/{asked.json()['id']}/answer/", verdict="approve")

    assert (asked.status_code, asked.json()["matches"]) == (201, 1)
    assert code_of(again) == (409, "not_undoable")
    assert code_of(nothing) == (404, "not_found")
    assert (done.json()["state"], done.json()["done_matches"]) == ("done", 1)
    assert approver.get("undos/?state=done")["count"] == 1
    assert approver.get(f"decisions/{made['id']}/")["undone_at"] is not None
    assert Undo.objects.get().state == Undo.State.DONE


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_at_the_end_of_all_days_is_no_fault(officer: Caller, day: str) -> None:
    missing()

    found = officer.get(f"breaks/?date={day}&late=1&age=31")

    assert found["count"] == int(day > "2026")
