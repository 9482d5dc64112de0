"""Undo over HTTP and from a terminal: what is shown first, who may, what follows."""

import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from people.models import User
from reconciliation.models import Book, Match, Run, Undo
from tests.reconciliation import small_books as books
from tests.reconciliation.small_books import DAY
from tests.reconciliation.test_pages_board import words

pytestmark = pytest.mark.django_db

AsRole = Callable[[str], Client]


@pytest.fixture
def run() -> Run:
    """A run that matched one receipt with one line."""
    made = books.run(matched_count=1)
    receipt = books.entry(Book.RECEIPTS, 1_234_50, source_key="payment:A")
    books.matched(receipt, books.entry(Book.CHANNEL, 1_234_50), run=made)
    return made


def name(run: Run) -> str:
    return f"{run.business_date.isoformat()}.1"


def asked(client: Client, kind: str, key: str) -> str:
    return f"/undos/new/?{urlencode({'kind': kind, 'key': key})}"


def test_count_and_sum_stand_before_anything_is_proposed(as_role: AsRole, run: Run) -> None:
    page = as_role("finance_officer").get(f"/runs/{DAY.isoformat()}/1/")
    assert f"/undos/new/?kind=run&amp;key={name(run)}" in page.content.decode()

    page = as_role("finance_officer").get(f"/undos/new/?kind=run&key={name(run)}")

    assert "1 match , 1,234.50." in words(page.content.decode()).replace("match,", "match ,")
    assert not Undo.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_undo_of_a_file_is_shown_with_its_lines_before_anything_is_proposed(
    as_role: AsRole, settings, tmp_path: Path
) -> None:
    settings.STATEMENTS_DIR = tmp_path / "statements"
    books.bank()
    officer = as_role("finance_officer")
    sent = {"source": "sbi", "file": SimpleUploadedFile("sbi.sta", books.ONE_CREDIT)}
    loaded = officer.post("/statements/upload/", sent, follow=True)
    address = f"/undos/new/?kind=file&key=sbi%7C{hashlib.sha256(books.ONE_CREDIT).hexdigest()}"
    assert address.replace("&", "&amp;") in loaded.content.decode()

    page = officer.get(address)

    assert page.status_code == 200
    assert "30.00" in words(page.content.decode())
    assert not Undo.objects.exists()


@pytest.mark.parametrize(
    ("kind", "key"),
    [("run", "2026-08-18.1"), ("match", "channel|receipts|payment:A")],
)
def test_one_proposes_another_approves_and_it_is_done(
    as_role: AsRole, run: Run, kind: str, key: str
) -> None:
    officer = as_role("finance_officer")
    answer = officer.post(asked(officer, kind, key), {"why": "A wrong rule."}, follow=True)
    undo = Undo.objects.get()
    assert "You proposed this; somebody else decides." in words(answer.content.decode())
    approver = as_role("finance_approver")
    assert "A wrong rule." in words(approver.get("/approvals/").content.decode())

    approver.post(f"/undos/{undo.public_id}/answer/", {"verdict": "approve"})

    undo.refresh_from_db()
    assert (undo.state, undo.done_matches, undo.done_paise) == ("done", 1, 1_234_50)
    assert Match.objects.get().undone_at == undo.done_at
    assert "done" in words(approver.get("/undos/").content.decode())


def test_what_is_refused_stands_on_the_page_and_changes_nothing(as_role: AsRole, run: Run) -> None:
    both = as_role("finance_approver")
    both.post(asked(both, "run", name(run)), {"why": "Wrong."})
    undo = Undo.objects.get()

    empty = both.post(asked(both, "run", name(run)), {"why": ""})
    mine = both.post(f"/undos/{undo.public_id}/answer/", {"verdict": "approve"})

    assert (empty.status_code, mine.status_code) == (422, 422)
    assert "who proposed an undo cannot approve it" in words(mine.content.decode())
    undo.refresh_from_db()
    assert undo.state == "proposed"


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("run", "2026-08-18.9"), ("run", "x"), ("run", ""), ("nothing", "1"), ("match", "a|b|c"),
        ("file", "razorpay|none"), ("decision", "none"), ("run", "\0"),
    ],
)  # fmt: skip
def test_a_name_of_nothing_is_no_page(as_role: AsRole, kind: str, key: str) -> None:
    client = as_role("finance_officer")

    assert client.get(asked(client, kind, key)).status_code == 404


def test_the_page_follows_the_worker(as_role: AsRole, run: Run, users: Mapping[str, User]) -> None:
    client = as_role("finance_officer")
    client.post(asked(client, "run", name(run)), {"why": "Wrong."})
    undo = Undo.objects.get()
    Undo.objects.filter(pk=undo.pk).update(
        state="approved", checker=users["finance_approver"], checked_at=undo.made_at
    )

    waits = client.get(f"/undos/{undo.public_id}/state/")
    Undo.objects.filter(pk=undo.pk).update(state="refused", problem="Something was taken.")
    ended = client.get(f"/undos/{undo.public_id}/state/")

    assert "the worker undoes it now" in waits.content.decode()
    assert ended.headers["HX-Refresh"] == "true"
    assert "Something was taken." in client.get(f"/undos/{undo.public_id}/").content.decode()


def test_a_terminal_does_the_same_by_two_users(users: Mapping[str, User], run: Run) -> None:
    out = io.StringIO()
    call_command(
        "undo",
        "propose",
        "run",
        name(run),
        "--by",
        "finance_officer",
        "--why",
        "Wrong.",
        stdout=out,
    )
    key = out.getvalue().splitlines()[0]

    with pytest.raises(CommandError, match="finance approver decides"):
        call_command("undo", "approve", key, "--by", "finance_officer", stdout=out)
    call_command("undo", "approve", key, "--by", "finance_approver", stdout=out)
    call_command("undo", "list", stdout=out)

    assert "1 matches and 0 lines undone, 1,234.50" in out.getvalue()
    assert Match.objects.get().undone_at is not None
