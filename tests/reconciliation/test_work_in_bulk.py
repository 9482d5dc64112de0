"""Many breaks at once, by a filter or a sheet: counted first, approved once, each one answered."""

import hashlib
import io
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlencode

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.test import Client
from openpyxl import Workbook, load_workbook

from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import Malformed
from people.models import User
from reconciliation.desk import bulk, decisions, sheets, undoing
from reconciliation.desk.bulk import Totals
from reconciliation.models import (
    Batch,
    BatchItem,
    Book,
    Break,
    BreakNote,
    Decision,
    Leg,
    Match,
    Reason,
    SavedFilter,
    Stage,
)
from tests.reconciliation import small_books as books
from tests.reconciliation.test_pages_board import words
from tests.worked_examples.accounts import Desk, Line, paid

pytestmark = pytest.mark.django_db

AsRole = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _the_day_after() -> Iterator[None]:
    with time_machine.travel("2026-08-19 10:30:00+05:30", tick=False):
        yield


def credit(paise: int, utr: str = "") -> Break:
    return books.broken(
        books.entry(Book.BANK, paise, utr=utr),
        reason=Reason.UNIDENTIFIED_CREDIT, stage=Stage.BANK, leg=Leg.TRANSFER_BANK,
    )  # fmt: skip


@pytest.fixture
def three() -> list[Break]:
    """Three small credits of nobody."""
    return [credit(paise, utr=f"U{paise}") for paise in (100, 200, 300)]


def proposed(maker: User, *, count: int = 3, paise: int = 600, act: str = "write_off", **more):
    return bulk.propose(
        Break.objects.filter(state="open"), act=act, why="Too small.", seen=Totals(count, paise),
        maker=maker, **more,
    )  # fmt: skip


def answers(batch: Batch) -> list[tuple[int, str, str]]:
    return list(batch.items.order_by("row").values_list("row", "state", "said"))


# ---- by a filter ----


def test_one_approval_does_all_and_each_break_is_answered(
    users: Mapping[str, User], three: list[Break]
) -> None:
    batch = proposed(users["finance_officer"])
    assert not Match.objects.exists()

    bulk.approve(batch, checker=users["finance_approver"], seen=Totals(3, 600))
    assert bulk.run(batch.public_id) == 3

    batch.refresh_from_db()
    assert (batch.state, answers(batch)) == (
        "done", [(1, "done", ""), (2, "done", ""), (3, "done", "")]
    )  # fmt: skip
    assert not Break.objects.filter(state="open").exists()
    made = Decision.objects.filter(batch=batch)
    assert {(one.maker_id, one.checker_id, one.state) for one in made} == {
        (users["finance_officer"].pk, users["finance_approver"].pk, "approved")
    }
    assert bulk.run(batch.public_id) == 0


def test_what_changed_meanwhile_is_left_alone_and_says_why(
    users: Mapping[str, User], three: list[Break]
) -> None:
    batch = proposed(users["finance_officer"])
    bulk.approve(batch, checker=users["finance_approver"], seen=Totals(3, 600))
    Break.objects.filter(pk=three[1].pk).update(
        state="closed", closed_at=now(), closed_why="matched by run 7"
    )
    Break.objects.filter(pk=three[2].pk).update(subject_key="other")

    bulk.run(batch.public_id)

    assert answers(batch) == [
        (1, "done", ""),
        (2, "refused", "closed meanwhile: matched by run 7"),
        (3, "refused", "it changed meanwhile; look at it again"),
    ]


def test_count_and_sum_are_checked_again_by_both(
    users: Mapping[str, User], three: list[Break]
) -> None:
    with pytest.raises(bulk.NotInBulk, match=r"holds 3 breaks worth 6\.00 now"):
        proposed(users["finance_officer"], count=2, paise=300)
    assert not Batch.objects.exists()
    batch = proposed(users["finance_officer"])
    credit(400)  # came later: it is not of this batch
    Break.objects.filter(pk=three[0].pk).update(subject_key="other")

    with pytest.raises(bulk.NotInBulk, match=r"2 breaks worth 5\.00 stand as they were seen"):
        bulk.approve(batch, checker=users["finance_approver"], seen=Totals(3, 600))

    batch.refresh_from_db()
    assert batch.state == "proposed"
    bulk.approve(batch, checker=users["finance_approver"], seen=Totals(2, 500))
    bulk.run(batch.public_id)
    assert Break.objects.filter(state="open").count() == 2


def test_a_job_that_dies_goes_on_where_it_was(
    users: Mapping[str, User], three: list[Break], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = proposed(users["finance_officer"])
    bulk.approve(batch, checker=users["finance_approver"], seen=Totals(3, 600))
    good, calls = decisions.propose, []

    def dies(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError
        return good(*args, **kwargs)

    monkeypatch.setattr(decisions, "propose", dies)
    with pytest.raises(MemoryError):
        bulk.run(batch.public_id)
    assert [one[1] for one in answers(batch)] == ["done", "waiting", "waiting"]

    assert bulk.run_waiting() == 2

    assert [one[1] for one in answers(batch)] == ["done"] * 3
    assert Match.objects.count() == 3


def test_all_or_nothing_takes_everything_back(
    users: Mapping[str, User], three: list[Break]
) -> None:
    batch = proposed(users["finance_officer"], is_whole=True)
    bulk.approve(batch, checker=users["finance_approver"], seen=Totals(3, 600))
    Break.objects.filter(pk=three[2].pk).update(subject_key="other")

    bulk.run(batch.public_id)

    assert {one[1] for one in answers(batch)} == {"refused"}
    assert "row 3: it changed meanwhile" in answers(batch)[0][2]
    assert not Match.objects.exists()
    batch.refresh_from_db()
    assert batch.state == "done"


def test_owners_and_notes_need_no_second_person(
    users: Mapping[str, User], three: list[Break]
) -> None:
    given = proposed(users["finance_officer"], act="owner", argument="finance_approver")
    noted = proposed(users["finance_officer"], act="note")
    assert (given.state, noted.state) == ("working", "working")

    bulk.run_waiting()

    assert {one.owner_id for one in Break.objects.all()} == {users["finance_approver"].pk}
    assert BreakNote.objects.count() == 3


@pytest.mark.parametrize("role", ["clerk", "supervisor", "auditor", "manager", "operator"])
def test_others_neither_propose_nor_approve(
    users: Mapping[str, User], three: list[Break], role: str
) -> None:
    batch = proposed(users["finance_officer"])
    with pytest.raises(bulk.NotYourPart):
        proposed(users[role])
    for who in (role, "finance_officer"):
        with pytest.raises(bulk.NotYourPart):
            bulk.approve(batch, checker=users[who], seen=Totals(3, 600))
    both = users["finance_approver"]
    mine = proposed(both)
    with pytest.raises(bulk.NotYourPart, match="who proposed it"):
        bulk.approve(mine, checker=both, seen=Totals(3, 600))
    assert not Match.objects.exists()


@pytest.mark.parametrize(
    ("act", "argument", "said"),
    [
        ("nonsense", "", "expected a step"),
        ("wait", "tomorrow", "expected a day"),
        ("owner", "nobody-here", "there is no user"),
        ("match", "U1", "use a sheet"),
    ],
)
def test_a_step_that_does_not_fit_is_refused_at_once(
    users: Mapping[str, User], three: list[Break], act: str, argument: str, said: str
) -> None:
    with pytest.raises((bulk.NotInBulk, decisions.NotDecidable), match=said):
        proposed(users["finance_officer"], act=act, argument=argument)
    assert not Batch.objects.exists()


# ---- by a sheet ----


def exported() -> Workbook:
    file = io.BytesIO()
    sheets.write(Break.objects.order_by("amount_paise"), file, as_of=today())
    return load_workbook(io.BytesIO(file.getvalue()))


def filled(*rows: tuple[str, str, str | int]) -> bytes:
    """The export with the three columns of its first rows filled in."""
    book = exported()
    sheet = book["breaks"]
    for number, cells in enumerate(rows, start=2):
        for column, cell in enumerate(cells, start=13):
            sheet.cell(number, column).value = cell
    return saved(book)


def filled_by(asked: Mapping[str, tuple[str, str, str]]) -> bytes:
    """The export with the three columns filled in for the breaks of these references."""
    book = exported()
    for row in book["breaks"].iter_rows(min_row=2):
        known = [asked[str(cell.value)] for cell in row if cell.value in asked]
        for cell, value in zip(row[12:15], known[0] if known else (), strict=False):
            cell.value = value
    return saved(book)


def saved(book: Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def taken(content: bytes, maker: User, *, is_whole: bool = False) -> Batch:
    return sheets.take(
        io.BytesIO(content), name="breaks.xlsx", sha256=hashlib.sha256(content).hexdigest(),
        is_whole=is_whole, maker=maker,
    )  # fmt: skip


def test_every_row_of_a_sheet_is_answered(users: Mapping[str, User], three: list[Break]) -> None:
    content = filled(
        ("write_off", "Too small.", ""), ("wait", "It comes.", "2026-08-25"), ("", "", "")
    )
    batch = taken(content, users["finance_officer"])
    assert (batch.count, batch.amount_paise, batch.needs_second) == (2, 300, True)

    bulk.approve(batch, checker=users["finance_approver"], seen=Totals(2, 300))
    bulk.run(batch.public_id)

    assert answers(batch) == [(2, "done", ""), (3, "done", ""), (4, "idle", "")]
    three[1].refresh_from_db()
    assert three[1].is_parked
    file = io.BytesIO()
    sheets.write_answer(batch, file)
    told = [row[4].value for row in load_workbook(io.BytesIO(file.getvalue()))["answers"].rows]
    assert told == ["answer", "done", "done", "idle"]


@pytest.mark.parametrize("typed", ["S9", 632400000001])
def test_a_match_by_a_sheet_names_what_it_is_matched_with(
    users: Mapping[str, User], typed: str | int
) -> None:
    one = credit(500)
    line = books.entry(
        Book.CHANNEL, 500, settlement_ref="S9", rrn="632400000001",
        in_channel_stage=False, in_bank_stage=True,
    )  # fmt: skip
    books.broken(
        line, reason=Reason.SETTLED_NOT_CREDITED, stage=Stage.BANK, leg=Leg.CHANNEL_BANK,
        amount_paise=501,
    )  # fmt: skip
    batch = taken(filled(("match", "Same money.", typed)), users["finance_officer"])

    bulk.approve(batch, checker=users["finance_approver"], seen=Totals(1, 500))
    bulk.run(batch.public_id)

    assert answers(batch)[0] == (2, "done", "")
    assert set(Match.objects.get().lines.values_list("entry_id", flat=True)) == {
        line.pk, one.lines.get().entry_id,
    }  # fmt: skip


def test_after_many_steps_and_an_undo_the_books_still_prove(
    users: Mapping[str, User], settings, tmp_path: Path
) -> None:
    settings.STATEMENTS_DIR = tmp_path / "statements"
    maker, checker, day = users["finance_officer"], users["finance_approver"], books.DAY
    desk = Desk.open()
    desk.receipt("razorpay", 500, on=day, channel_ref="pay_1")
    settled = {"paid_on": day, "settled_on": day, "settlement": "S1", "utr": "UTR0001"}
    desk.report(paid("pay_1", 500, **settled), paid("pay_2", 300, **settled))
    desk.statement(Line(800, "WHO IS IT"), Line(40, "AND WHO"), on=day)
    desk.reconcile(day)
    found = Break.objects.filter(state="open", reason=Reason.UNIDENTIFIED_CREDIT)
    asked = {"WHO IS IT": ("match", "Same money.", "S1"), "AND WHO": ("write_off", "Old.", "")}
    batch = taken(filled_by(asked), maker)

    bulk.approve(batch, checker=checker, seen=Totals(2, 84000))
    bulk.run(batch.public_id)

    assert sorted({(state, said) for _row, state, said in answers(batch)}) == [
        ("done", ""), ("idle", ""),
    ]  # fmt: skip
    run = desk.reconcile(day)  # verifies all that it hands on
    proof = run.proofs.get(stage="bank", book="bank")  # they were decided on the day after it
    assert (proof.closing_count, proof.broken_count, proof.later_count) == (2, 0, 2)
    for decision in Decision.objects.filter(batch=batch):
        undo = undoing.propose(undoing.of_decision(decision), why="No.", maker=maker)
        undoing.approve(undo, checker=checker)
    run = desk.reconcile(day)
    assert run.proofs.get(stage="bank", book="bank").closing_paise == 84000
    assert dict(found.values_list("amount_paise", "reason")) == {
        80000: "unidentified_credit", 4000: "unidentified_credit",
    }  # fmt: skip


def test_the_same_sheet_twice_changes_nothing(
    users: Mapping[str, User], three: list[Break]
) -> None:
    content = filled(("note", "Seen.", ""))
    batch = taken(content, users["finance_officer"])
    bulk.run_waiting()

    with pytest.raises(sheets.AlreadyHere) as known:
        taken(content, users["finance_approver"])
    again = load_workbook(io.BytesIO(content))
    again.properties.title = "saved again"
    second = taken(saved(again), users["finance_officer"])
    bulk.run_waiting()

    assert known.value.batch == batch
    assert answers(second)[0] == (2, "refused", "an earlier sheet has done this already")
    assert BreakNote.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_sheet_twice_at_the_same_moment_is_one(
    users: Mapping[str, User], three: list[Break]
) -> None:
    content, maker = filled(("note", "Seen.", "")), users["finance_officer"]
    known: list[object] = []

    def second() -> None:
        try:
            taken(content, maker)
        except sheets.AlreadyHere as here:
            known.append(here.batch.pk)
        connections.close_all()

    thread = threading.Thread(target=second)
    with transaction.atomic():
        batch = taken(content, maker)
        thread.start()
        wait_for_waiting()
    thread.join(30)

    assert known == [batch.pk]
    assert Batch.objects.count() == 1


def wait_for_waiting() -> None:
    """Until another session waits for what we have written."""
    deadline = time.monotonic() + 10
    while True:
        assert time.monotonic() < deadline
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted"
                "                AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
            )
            if cursor.fetchone() == (True,):
                return
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (("explode", "Why not.", ""), "expected one of"),
        (("write_off", "", ""), "say why"),
        (("wait", "Soon.", "some day"), "expected a day"),
        (("match", "So.", ""), "expected what it is matched with"),
    ],
)
def test_a_row_that_cannot_be_done_is_answered_before_anybody_approves(
    users: Mapping[str, User], three: list[Break], cells: tuple[str, str, str], said: str
) -> None:
    batch = taken(filled(cells, ("note", "Fine.", "")), users["finance_officer"])

    item = BatchItem.objects.get(batch=batch, row=2)
    assert item.state == "refused"
    assert said in item.said
    assert not batch.needs_second


def test_a_break_that_changed_since_the_export_is_left_alone(
    users: Mapping[str, User], three: list[Break]
) -> None:
    content = filled(("write_off", "Old.", ""), ("write_off", "Old.", ""))
    Break.objects.filter(pk=three[0].pk).update(subject_key="other")

    batch = taken(content, users["finance_officer"])

    assert [one[1] for one in answers(batch)] == ["refused", "waiting", "idle"]
    assert batch.count == 1


def test_a_whole_sheet_with_one_bad_row_does_nothing(
    users: Mapping[str, User], three: list[Break]
) -> None:
    content = filled(("note", "Good.", ""), ("note", "", ""))
    batch = taken(content, users["finance_officer"], is_whole=True)
    bulk.run_waiting()

    assert {one[1] for one in answers(batch)} == {"refused", "idle"}
    assert not BreakNote.objects.exists()


def workbook(*header: str) -> Workbook:
    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    book.create_sheet("breaks").append(header)
    return book


def hostile() -> Iterator[tuple[str, bytes]]:
    yield "no archive", b"hello"
    yield "nothing", b""
    stranger = workbook("id", "action", "why", "argument")
    yield "a stranger's", saved(stranger)
    other = workbook("id", "action", "why", "argument")
    other.create_sheet("about").append(["another version"])
    yield "another version", saved(other)
    twice = workbook("id", "action", "why", "argument", "action")
    twice.create_sheet("about").append([sheets.VERSION])
    yield "a column twice", saved(twice)
    yield "half of one", saved(stranger)[:500]


@pytest.mark.parametrize(("name", "content"), list(hostile()), ids=lambda one: str(one)[:20])
def test_a_file_that_is_no_sheet_of_ours_leaves_nothing(
    users: Mapping[str, User], three: list[Break], name: str, content: bytes
) -> None:
    with pytest.raises(Malformed):
        taken(content, users["finance_officer"])
    assert not Batch.objects.exists()


def test_one_break_in_two_rows_refuses_the_sheet(
    users: Mapping[str, User], three: list[Break]
) -> None:
    book = exported()
    sheet = book["breaks"]
    sheet.cell(3, 12).value = sheet.cell(2, 12).value
    for row in (2, 3):
        sheet.cell(row, 13).value, sheet.cell(row, 14).value = "note", "Twice."
    with pytest.raises(Malformed, match="rows 2 and 3 speak of one break"):
        taken(saved(book), users["finance_officer"])


# ---- over HTTP ----


def test_the_pages_of_a_bulk_step(
    as_role: AsRole, users: Mapping[str, User], three: list[Break]
) -> None:
    officer, approver = as_role("finance_officer"), as_role("finance_approver")
    page = officer.get("/breaks/?reason=unidentified_credit")
    assert "All 3 in the filter" in words(page.content.decode())
    address = "/batches/new/?reason=unidentified_credit"
    assert "3 breaks in the filter, 6.00." in words(officer.get(address).content.decode())
    sent = {
        "act": "suspense", "why": "Nobody knows.", "seen_count": "2", "seen_paise": "1",
        "submit_key": str(uuid.uuid4()),
    }  # fmt: skip

    stale = officer.post(address, sent)
    assert stale.status_code == 422
    assert 'value="Nobody knows."' in stale.content.decode()
    right = sent | {"seen_count": "3", "seen_paise": "600"}
    assert officer.post(address, sent | {"submit_key": ""}).status_code == 422
    first = officer.post(address, right)
    twice = officer.post(address, right)
    batch = Batch.objects.get()
    assert first["Location"] == twice["Location"] == f"/batches/{batch.public_id}/"
    other = officer.post(address, right | {"act": "write_off"})
    assert "the key was used for another step" in words(other.content.decode())
    assert f'value="{sent["submit_key"]}"' not in other.content.decode()
    assert "Nobody knows." in words(approver.get("/approvals/").content.decode())
    approver.post(
        f"/batches/{batch.public_id}/answer/",
        {"verdict": "approve", "seen_count": "3", "seen_paise": "600"},
    )
    works = approver.get(f"/batches/{batch.public_id}/state/")
    assert "0 of 3 done." in words(works.content.decode())
    bulk.run_waiting()

    shown = words(approver.get(f"/batches/{batch.public_id}/").content.decode())
    assert "3 done, 0 refused." in shown
    assert officer.get(f"/batches/{batch.public_id}/answers.xlsx").status_code == 200
    assert officer.get("/breaks/").context["totals"]["count"] == 0
    assert officer.get("/breaks/?parked=suspense").context["totals"]["count"] == 3
    assert approver.get(f"/batches/{batch.public_id}/state/").headers["HX-Refresh"] == "true"


def test_a_sheet_goes_out_and_in(as_role: AsRole, three: list[Break]) -> None:
    officer = as_role("finance_officer")
    assert officer.get("/batches/sheet.xlsx").status_code == 200
    content = io.BytesIO(filled(("note", "Seen.", "")))
    content.name = "breaks.xlsx"

    bad = io.BytesIO(b"nonsense")
    bad.name = "bad.xlsx"
    refused = officer.post("/batches/upload/", {"sheet": bad})
    taken_in = officer.post("/batches/upload/", {"sheet": content})

    assert (refused.status_code, taken_in.status_code) == (422, 302)
    assert Batch.objects.get().count == 1


def test_a_person_keeps_filters_of_their_own(as_role: AsRole, three: list[Break]) -> None:
    officer = as_role("finance_officer")
    query = "reason=unidentified_credit&page=3"
    officer.post("/breaks/filters/", {"name": "Credits", "query": query})

    assert SavedFilter.objects.get().query == "reason=unidentified_credit"
    assert "Credits" in words(officer.get("/breaks/").content.decode())
    assert "Credits" not in words(as_role("finance_approver").get("/breaks/").content.decode())
    officer.post("/breaks/filters/", {"name": "Credits", "query": query, "verdict": "drop"})
    assert not SavedFilter.objects.exists()


def test_a_filter_that_is_too_long_is_refused_and_never_cut(
    as_role: AsRole, three: list[Break]
) -> None:
    officer, query = as_role("finance_officer"), urlencode({"q": "क" * 150})
    kept = officer.post(
        "/breaks/filters/", {"name": "Long", "query": query}, headers={"Referer": "/breaks/"},
        follow=True,
    )  # fmt: skip
    sent = {
        "act": "suspense", "why": "Nobody knows.", "seen_count": "0", "seen_paise": "0",
        "submit_key": str(uuid.uuid4()),
    }  # fmt: skip
    asked = officer.post(f"/batches/new/?{query}", sent)

    assert "this filter is too long to be kept" in words(kept.content.decode())
    assert "this filter is too long to be shown again" in words(asked.content.decode())
    assert not SavedFilter.objects.exists()
    assert not Batch.objects.exists()


def test_the_list_is_narrowed_by_owner_and_by_what_is_late(
    as_role: AsRole, users: Mapping[str, User], three: list[Break]
) -> None:
    Break.objects.filter(pk=three[0].pk).update(owner=users["finance_officer"])
    Break.objects.filter(pk=three[1].pk).update(due_on="2026-08-18")
    officer = as_role("finance_officer")

    found = {
        query: [row["break"].pk for row in officer.get(f"/breaks/?{query}").context["rows"]]
        for query in ("owner=finance_officer", "owner=none", "late=1")
    }

    assert found["owner=finance_officer"] == [three[0].pk]
    assert set(found["owner=none"]) == {three[1].pk, three[2].pk}
    assert found["late=1"] == [three[1].pk]
    page = words(officer.get("/breaks/").content.decode())
    assert "1 is late: who has it" in page
