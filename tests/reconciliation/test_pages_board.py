"""The day board over HTTP: the answer, the proof, the cells, the files, and a run again."""

import re
from collections.abc import Callable, Iterator
from datetime import date, time, timedelta

import psycopg2
import pytest
import time_machine
from celery import current_app
from django.db import connection
from django.test import Client

from channels_.models import Channel, StatementFile
from cspdcl.kernel.clock import now
from people.models import AuditEvent
from reconciliation import board, locks
from reconciliation.models import Book, Kind, Run
from reconciliation.selectors import Cell
from tests import factories as make
from tests.reconciliation import small_books as books
from tests.reconciliation.small_books import DAY

pytestmark = pytest.mark.django_db

URL = "/day/2026-08-18/"

AsRole = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _the_day_after() -> Iterator[None]:
    with time_machine.travel("2026-08-19 10:30:00+05:30", tick=False):
        yield


@pytest.fixture
def worker_at_hand() -> Iterator[None]:
    """What is queued is done at once, here."""
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


def words(page: str) -> str:
    """The text of a page, its blanks made one."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))


# ---- which day ----


def test_without_a_day_the_latest_proved_one_is_shown(as_role: AsRole) -> None:
    books.proof(books.run(DAY - timedelta(days=1)))
    books.proof(books.run(DAY))

    answer = as_role("manager").get("/day/")

    assert (answer.status_code, answer["Location"]) == (302, URL)


def test_before_any_run_yesterday_is_shown(as_role: AsRole) -> None:
    assert as_role("manager").get("/day/")["Location"] == URL


@pytest.mark.parametrize("day", ["2026-02-30", "2026-8-18", "1999-01-01", "yesterday"])
def test_a_day_that_does_not_exist_is_no_page(as_role: AsRole, day: str) -> None:
    assert as_role("manager").get(f"/day/{day}/").status_code == 404


def test_a_day_without_anything_says_what_to_do(as_role: AsRole) -> None:
    page = words(as_role("finance_officer").get(URL).content.decode())

    assert "Nothing came in on this day" in page
    assert "Statement files" in page
    assert "Proof of the day" not in page


def test_a_day_to_come_is_not_run(as_role: AsRole) -> None:
    page = words(as_role("finance_officer").get("/day/2026-08-30/").content.decode())

    assert "This day has not begun" in page
    assert "Run again" not in page


def test_payments_before_any_run_are_shown_as_not_looked_at(as_role: AsRole) -> None:
    books.entry(Book.RECEIPTS, 1_250_00)

    page = words(as_role("auditor").get(URL).content.decode())

    assert "1,250.00 taken." in page
    assert "This day was not proved yet." in page
    assert "1 not looked at yet" in page


# ---- what the board says ----


def test_the_answer_names_money_breaks_and_proof(as_role: AsRole) -> None:
    run = books.run()
    ours, line = books.entry(Book.RECEIPTS, 1_250_00), books.entry(Book.CHANNEL, 1_250_00)
    books.matched(ours, line)
    books.broken(books.entry(Book.RECEIPTS, 300_00, business_date=DAY))
    books.proof(
        run, arrived_count=2, arrived_paise=1_550_00, matched_count=1, matched_paise=1_250_00,
        closing_count=1, closing_paise=300_00, broken_count=1, broken_paise=300_00,
    )  # fmt: skip

    answer = as_role("finance_officer").get(URL)

    page = words(answer.content.decode())
    assert "1,550.00 taken. 1 break worth 300.00, oldest 1 day. Every book proves." in page
    assert "proves 1 in breaks" in page
    row = answer.context["rows"][0]
    assert (row.receipts_count, row.receipts_paise) == (2, 1_550_00)
    assert (row.by_channel.tone, row.by_channel.paise) == ("open", 1_250_00)
    assert (row.by_channel.note, row.by_channel.share) == ("1 open, 1 day", "80.64 %")
    assert "/breaks/?channel=razorpay&amp;stage=channel&amp;stage=fee" in answer.content.decode()


def test_a_day_that_does_not_open_as_the_last_closed_differs(as_role: AsRole) -> None:
    before = books.run(DAY - timedelta(days=1))
    books.proof(
        before, arrived_count=2, arrived_paise=900, closing_count=2, closing_paise=900,
        expected_count=2, expected_paise=900,
    )  # fmt: skip
    books.proof(
        books.run(), opening_count=3, opening_paise=1_000, closing_count=3, closing_paise=1_000,
        expected_count=3, expected_paise=1_000,
    )  # fmt: skip
    books.entry(Book.RECEIPTS, 100)

    answer = as_role("auditor").get(URL)

    (row,) = answer.context["proof"]
    assert (row["proves"], row["difference_paise"]) == (False, 100)
    assert row["note_url"] == "/day/2026-08-17/"
    page = words(answer.content.decode())
    assert "1 book does not open as the day before closed." in page
    assert "the day before closed with 2; run it again" in page


def test_the_closing_is_told_by_what_it_waits_for(as_role: AsRole) -> None:
    run = books.run()
    books.entry(Book.RECEIPTS, 400)
    books.expected(run, 3, 700)
    books.proof(
        run, opening_count=4, opening_paise=900, closing_count=4, closing_paise=900,
        expected_count=3, expected_paise=700, later_count=1, later_paise=200,
    )  # fmt: skip

    page = words(as_role("auditor").get(URL).content.decode())

    assert "proves 3 not due yet, 1 matched later" in page


def test_money_that_is_no_collection_is_named_and_summed(as_role: AsRole) -> None:
    books.run()
    for paise in (-1_180, -590):
        books.entry(Book.BANK, paise, kind=Kind.CHARGE, in_bank_stage=False)

    page = words(as_role("auditor").get(URL).content.decode())

    assert "SBI collection bank charge 2 −17.70" in page  # noqa: RUF001 - a true minus


@pytest.mark.parametrize(
    ("cell", "tone", "text"),
    [
        (Cell(), "", "nothing"),
        (Cell(arrived_count=2, arrived_paise=50, matched_count=2, matched_paise=50), "ok", ""),
        (Cell(arrived_count=2, arrived_paise=50, expected_count=2), "wait", "not yet"),
        (Cell(arrived_count=2, matched_count=1, matched_paise=5, expected_count=1), "wait", ""),
        (Cell(open_count=1, open_paise=5, oldest=DAY), "open", ""),
        (Cell(open_count=1, open_paise=5, oldest=DAY - timedelta(days=2)), "bad", ""),
        (Cell(arrived_count=2, expected_count=1, open_count=1, oldest=DAY), "open", ""),
    ],
)
def test_a_cell_is_broken_before_it_waits(cell: Cell, tone: str, text: str) -> None:
    shown = board.shown_cell(cell, day=DAY, due=None, as_of=date(2026, 8, 19))

    assert (shown.tone, shown.text) == (tone, text)


@pytest.mark.parametrize(
    ("matched", "arrived", "share"),
    [(1, 3, "33.33 %"), (99_999, 100_000, "99.99 %"), (3, 3, "100.00 %"), (0, 0, ""), (5, 3, "")],
)
def test_a_share_is_cut_so_that_a_hundred_means_all(matched: int, arrived: int, share: str) -> None:
    cell = Cell(arrived_paise=arrived, matched_paise=matched)

    assert board._share(cell) == share


# ---- files ----


def test_a_file_is_due_then_late_then_in(as_role: AsRole) -> None:
    books.channel()
    Channel.objects.update(file_due_at=time(9, 0))
    books.entry(Book.RECEIPTS, 500)
    auditor = as_role("auditor")

    late = auditor.get(URL)
    with time_machine.travel("2026-08-19 08:00:00+05:30", tick=False):
        due = words(auditor.get(URL).content.decode())
    make.StatementFileFactory(
        channel=books.channel(), covers_from=DAY, covers_to=DAY, loaded_at=now()
    )
    arrived = words(auditor.get(URL).content.decode())

    assert "1 file is late." in words(late.content.decode())
    assert late.context["rows"][0].by_channel.note == "file 1 h 30 min late"
    assert "due 19-08 09:00" in due
    assert "1 of 1 arrived" in arrived
    assert "Late:" not in arrived


def test_a_refused_file_is_shown_until_a_good_one_comes(as_role: AsRole) -> None:
    refused = make.StatementFileFactory(
        channel=books.channel(), state=StatementFile.State.REFUSED, loaded_at=now()
    )
    auditor = as_role("auditor")

    bad = auditor.get(URL).content.decode()
    make.StatementFileFactory(
        channel=books.channel(), covers_from=DAY, covers_to=DAY,
        loaded_at=now() + timedelta(minutes=5),
    )  # fmt: skip
    good = auditor.get(URL).content.decode()

    assert f"/statements/{refused.sha256}/" in bad
    assert f"/statements/{refused.sha256}/" not in good


def test_a_file_that_came_after_the_run_asks_for_another(as_role: AsRole) -> None:
    books.run()
    make.StatementFileFactory(
        channel=books.channel(), covers_from=DAY, covers_to=DAY,
        loaded_at=now() + timedelta(minutes=1),
    )  # fmt: skip

    page = words(as_role("auditor").get(URL).content.decode())

    assert "1 file came after the last run." in page


# ---- run again ----


@pytest.mark.usefixtures("worker_at_hand")
def test_a_run_is_asked_for_and_recorded_and_done(
    as_role: AsRole, django_capture_on_commit_callbacks
) -> None:
    officer = as_role("finance_officer")

    with django_capture_on_commit_callbacks(execute=True):
        answer = officer.post(f"{URL}run/")
    state = officer.get(answer["Location"].replace(URL, f"{URL}run/state/"), HTTP_HX_REQUEST="true")

    run = Run.objects.get()
    assert (run.state, run.business_date, run.started_by) == ("done", DAY, "finance_officer")
    event = AuditEvent.objects.get(action="run.asked")
    assert (event.actor, event.object_id) == ("finance_officer", "2026-08-18")
    assert state["HX-Redirect"] == URL


def test_while_a_run_works_the_second_is_told_who(as_role: AsRole) -> None:
    books.run(state=Run.State.RUNNING, started_by="asha")
    officer = as_role("finance_officer")

    with _another_run_alive():
        answer = officer.post(f"{URL}run/", follow=True)

    assert "asha started is at work" in words(answer.content.decode())
    assert not AuditEvent.objects.filter(action="run.asked").exists()
    assert Run.objects.count() == 1


def test_a_run_that_works_is_shown_and_asked_after(as_role: AsRole) -> None:
    books.run(state=Run.State.RUNNING, started_by="asha")

    page = as_role("manager").get(URL).content.decode()

    assert "started by asha" in words(page)
    assert f'hx-get="{URL}run/state/' in page


def test_a_run_that_nobody_takes_is_said(as_role: AsRole) -> None:
    asked = int((now() - timedelta(minutes=2)).timestamp())

    page = words(as_role("operator").get(f"{URL}?asked={asked}").content.decode())

    assert "No worker has taken the run yet." in page


@pytest.mark.parametrize("asked", ["", "x", "-1", "1", "99999999999999999999", "٣"])
def test_a_moment_that_is_none_asks_for_nothing(as_role: AsRole, asked: str) -> None:
    answer = as_role("operator").get(f"{URL}run/state/", {"asked": asked})

    assert answer.status_code == 200
    assert answer.context["asked"] is None


def test_a_day_to_come_cannot_be_run(as_role: AsRole) -> None:
    answer = as_role("operator").post("/day/2026-08-30/run/", follow=True)

    assert "has not begun" in words(answer.content.decode())
    assert not Run.objects.exists()


def test_a_failed_run_says_why(as_role: AsRole) -> None:
    books.run(state=Run.State.FAILED, problem="the disk is full")

    page = words(as_role("manager").get(URL).content.decode())

    assert "The last run failed; nothing was changed. the disk is full" in page


class _another_run_alive:  # noqa: N801 - read as words
    """A run's lock, held by another connection as a living run holds it."""

    def __enter__(self) -> None:
        self.other = psycopg2.connect(**connection.get_connection_params())
        with self.other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [locks._OURS, locks._RUN])

    def __exit__(self, *_error: object) -> None:
        self.other.close()


# ---- lines ----


def test_the_lines_behind_a_cell_add_up(as_role: AsRole) -> None:
    ours, line = books.entry(Book.RECEIPTS, 100), books.entry(Book.CHANNEL, 100)
    books.matched(ours, line)
    held = books.broken(books.entry(Book.RECEIPTS, 2_000))
    books.entry(Book.RECEIPTS, 30_000)
    auditor = as_role("auditor")

    def total(state: str) -> tuple[int, int]:
        url = f"{URL}lines/?channel=razorpay&stage=channel&state={state}"
        found = auditor.get(url).context["total"]
        return found["count"], found["paise"]

    assert total("matched") == (1, 100)
    assert total("open") == (1, 2_000)
    assert total("expected") == (1, 30_000)
    assert total("") == (3, 32_100)
    page = auditor.get(f"{URL}lines/?channel=razorpay&stage=channel&state=open").content.decode()
    assert f"/breaks/{held.public_id}/" in page


def test_the_bank_cell_counts_lines_net_of_fees(as_role: AsRole) -> None:
    books.entry(Book.CHANNEL, 10_000, fee_paise=200, tax_paise=36)

    answer = as_role("auditor").get(f"{URL}lines/?channel=razorpay&stage=bank")

    assert answer.context["total"] == {"count": 1, "paise": 10_000, "net": 9_764, "fee": 236}


@pytest.mark.parametrize(
    "query",
    ["", "channel=nobody&stage=bank", "channel=razorpay&stage=fee", "channel=razorpay&state=x"],
)
def test_lines_of_a_cell_that_is_none_are_no_page(as_role: AsRole, query: str) -> None:
    books.channel()

    assert as_role("auditor").get(f"{URL}lines/?{query}").status_code == 404


def test_the_smallest_unit_of_the_trend_is_seen() -> None:
    for _ in range(60):
        books.broken(books.entry(Book.RECEIPTS, 1))
    books.broken(books.entry(Book.RECEIPTS, 1, business_date=DAY - timedelta(days=1)))

    trend = board.trend_of(DAY)

    assert [bar.count for bar in trend.bars[-2:]] == [1, 60]
    assert [bar.height for bar in trend.bars[-3:]] == [0, 1, 36]
    assert trend.total == 61
