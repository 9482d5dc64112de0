"""Undo by two people: a match, a decision, a file, a whole run; afterwards the books prove."""

import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.db.models import Sum
from django.db.utils import IntegrityError, InternalError

from channels_.models import StatementFile
from people.models import AuditEvent, User
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER
from reconciliation import approving, engine, locks
from reconciliation.dayend import causes
from reconciliation.desk import decisions, steps, undoing
from reconciliation.desk.splitting import Part
from reconciliation.found import assigning
from reconciliation.matching.carrying import KEY_HASH, KEY_KEPT
from reconciliation.models import (
    Break,
    DayCause,
    DayClose,
    Decision,
    Entry,
    Kind,
    Match,
    MatchLine,
    Proof,
    Run,
    Undo,
)
from tests import factories
from tests.worked_examples.accounts import Desk, Line, paid

MON, TUE, WED, THU = (date(2026, 8, n) for n in range(10, 14))

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_thursday():
    with time_machine.travel("2026-08-13 10:00:00+05:30", tick=True):
        yield


@pytest.fixture
def desk(db: None, settings, tmp_path: Path) -> Desk:
    """Two payments, their report, and the one credit of their settlement: all matched."""
    settings.STATEMENTS_DIR = tmp_path / "statements"
    desk = Desk.open()
    desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    desk.receipt("razorpay", 300, on=MON, channel_ref="pay_2")
    settled = {"paid_on": MON, "settled_on": WED, "settlement": "S1", "utr": "UTR0001"}
    desk.report(paid("pay_1", 500, **settled), paid("pay_2", 300, **settled))
    desk.statement(Line(800, "RAZORPAY UTR0001"), Line(40, "WHO IS IT"), on=WED)
    desk.reconcile(WED)
    return desk


@pytest.fixture
def maker(desk: Desk, make_user: Callable[..., User]) -> User:
    return make_user("maker", FINANCE_OFFICER)


@pytest.fixture
def checker(desk: Desk, make_user: Callable[..., User]) -> User:
    return make_user("checker", FINANCE_APPROVER)


def undone(target: undoing.Target, maker: User, checker: User) -> Undo:
    undo = undoing.propose(target, why="It was wrong.", maker=maker)
    return undoing.approve(undo, checker=checker)


def report_file() -> StatementFile:
    return StatementFile.objects.get(channel__code="razorpay", state="loaded")


def live_pairs() -> list[tuple[str, ...]]:
    """What explains what now, by names that no number decides."""
    lines = MatchLine.objects.filter(is_live=True).order_by("match_id", "entry__source_key")
    by_match: dict[int, list[str]] = {}
    for match_id, stage, key in lines.values_list("match_id", "stage", "entry__source_key"):
        by_match.setdefault(match_id, [stage]).append(key)
    return sorted(tuple(one) for one in by_match.values())


def state() -> tuple[object, ...]:
    return (
        list(Break.objects.order_by("pk").values_list("pk", "state")),
        list(MatchLine.objects.order_by("pk").values_list("pk", "is_live")),
        list(Undo.objects.order_by("pk").values_list("pk", "state")),
        list(Entry.objects.order_by("pk").values_list("pk", "source_key")),
    )


# ---- a run ----


def test_a_run_is_told_back_and_the_next_gives_the_same(
    desk: Desk, maker: User, checker: User
) -> None:
    run = Run.objects.get()
    before, rows = live_pairs(), MatchLine.objects.count()

    undo = undone(undoing.of_run(run), maker, checker)

    assert (undo.state, undo.done_matches, undo.done_paise) == ("done", 3, 160000)
    assert not MatchLine.objects.filter(is_live=True).exists()
    assert MatchLine.objects.count() == rows
    assert Match.objects.filter(undone_at=undo.done_at).count() == 3
    again = desk.reconcile(WED)
    assert live_pairs() == before
    assert again.output_hash == run.output_hash


def test_nothing_is_told_back_twice(desk: Desk, maker: User, checker: User) -> None:
    target = undoing.of_run(Run.objects.get())
    undone(target, maker, checker)
    before = state()

    with pytest.raises(undoing.NotUndoable, match="nothing of it is live"):
        undoing.propose(target, why="Again.", maker=maker)

    assert state() == before


def test_one_undo_of_a_thing_waits_at_a_time(desk: Desk, maker: User) -> None:
    target = undoing.of_run(Run.objects.get())
    undoing.propose(target, why="Wrong.", maker=maker)

    with pytest.raises(undoing.NotUndoable, match="already"):
        undoing.propose(target, why="Wrong.", maker=maker)

    assert Undo.objects.count() == 1


def test_what_is_large_is_left_to_the_worker(
    desk: Desk, maker: User, checker: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "AT_ONCE_MAX", 1)

    undo = undone(undoing.of_run(Run.objects.get()), maker, checker)

    assert undo.state == "approved"
    assert Match.objects.filter(undone_at=None).count() == 3
    assert undoing.carry_out_approved() == 1
    undo.refresh_from_db()
    assert (undo.state, undo.done_matches) == ("done", 3)
    assert undoing.carry_out(undo.public_id) is False


# ---- a match, a decision ----


def test_a_match_of_a_rule_is_told_back_alone(desk: Desk, maker: User, checker: User) -> None:
    match = Match.objects.get(lines__entry__source_key="razorpay:pay_1", stage="channel")
    before = live_pairs()

    undo = undone(undoing.of_match(match), maker, checker)

    assert (undo.done_matches, undo.done_paise) == (1, 50000)
    assert len(live_pairs()) == len(before) - 1
    desk.reconcile(THU)
    assert live_pairs() == before


def _written_off(maker: User, checker: User) -> Decision:
    open_break = Break.objects.get(reason="unidentified_credit", state="open")
    decision = decisions.propose(
        open_break, kind=Decision.Kind.WRITE_OFF, why="Too old.", maker=maker
    )
    decisions.approve(decision, checker=checker)
    return decision


def test_a_decision_is_told_back_and_its_break_comes_again(
    desk: Desk, maker: User, checker: User
) -> None:
    decision = _written_off(maker, checker)
    assert desk.breaks(THU) == []

    undone(undoing.of_decision(decision), maker, checker)
    desk.reconcile(THU)

    assert desk.breaks(THU) == [("unidentified_credit", "WHO IS IT", 40)]
    bank = Proof.objects.filter(run__business_date=THU, stage="bank", book="bank").get()
    assert (bank.opening_paise, bank.written_off_paise, bank.closing_paise) == (4000, 0, 4000)


def test_a_credit_that_became_payments_is_taken_back_at_its_own_page(
    desk: Desk, maker: User, checker: User
) -> None:
    consumer = factories.ConsumerFactory.create()
    open_break = Break.objects.get(reason="unidentified_credit", state="open")
    decision = assigning.assign(
        open_break, shares=[(consumer, 4000)], why="He called.", maker=maker
    )
    before = state()

    with pytest.raises(undoing.NotUndoable, match="take them back at its credit"):
        undoing.propose(undoing.of_decision(decision), why="No.", maker=maker)
    bank = StatementFile.objects.get(bank_account__isnull=False)
    with pytest.raises(undoing.NotUndoable, match="payments were made of 1 lines"):
        undoing.propose(undoing.of_file(bank), why="No.", maker=maker)

    assert state() == before


def test_whoever_undoes_the_match_of_a_decision_has_told_the_decision_back(
    desk: Desk, maker: User, checker: User
) -> None:
    decision = _written_off(maker, checker)

    undone(undoing.of_match(Match.objects.get(decision=decision)), maker, checker)

    decision.refresh_from_db()
    assert decision.undone_at is not None
    desk.reconcile(THU)


def test_a_decision_that_only_waits_has_done_nothing(desk: Desk, maker: User) -> None:
    open_break = Break.objects.get(reason="unidentified_credit", state="open")
    decision = decisions.propose(open_break, kind=Decision.Kind.WRITE_OFF, why="Old.", maker=maker)

    with pytest.raises(undoing.NotUndoable, match="has done nothing"):
        undoing.propose(undoing.of_decision(decision), why="No.", maker=maker)


# ---- a file ----


def sums_by_day() -> dict[tuple[str, date], int]:
    rows = Entry.objects.order_by().values_list("book", "business_date")
    return {(book, day): paise for book, day, paise in rows.annotate(n=Sum("net_paise")) if paise}


def test_a_file_leaves_the_books_by_lines_that_cancel_it(
    desk: Desk, maker: User, checker: User
) -> None:
    file, lines = report_file(), Entry.objects.filter(book="channel").count()

    undo = undone(undoing.of_file(file), maker, checker)

    file.refresh_from_db()
    assert (undo.state, undo.done_matches, undo.done_entries) == ("done", 3, lines)
    assert (file.state, undo.done_paise) == ("undone", 80000)
    assert ("channel", WED) not in sums_by_day()
    assert Entry.objects.filter(book="channel").count() == 2 * lines
    desk.reconcile(WED)
    # The channel has said nothing any more, so its credit is expected and no break.
    assert desk.breaks(WED) == [("unidentified_credit", "WHO IS IT", 40)]
    proof = Proof.objects.filter(stage="channel", book="channel").latest("pk")
    assert (proof.arrived_count, proof.arrived_paise, proof.closing_count) == (2 * lines, 0, 0)


def test_the_same_file_may_be_loaded_again_and_all_is_as_before(
    desk: Desk, maker: User, checker: User
) -> None:
    before, open_before = live_pairs(), desk.breaks(WED)
    undone(undoing.of_file(report_file()), maker, checker)
    desk.reconcile(WED)

    settled = {"paid_on": MON, "settled_on": WED, "settlement": "S1", "utr": "UTR0001"}
    file = desk.report(paid("pay_1", 500, **settled), paid("pay_2", 300, **settled))
    desk.reconcile(WED)

    assert (file.state, file.added_count) == ("loaded", 2)
    assert [one for one in live_pairs() if not any("undone" in key for key in one)] == before
    assert desk.breaks(WED) == open_before


@pytest.mark.parametrize("length", [20, KEY_KEPT, KEY_KEPT + 1, 160])
def test_a_key_has_one_hash_before_and_after_its_undo(length: int) -> None:
    key = "sbi:" + "7" * (length - 4)
    after = f"undone:{2**63 - 1}:{key}"[:160]
    asked = f"SELECT {KEY_HASH} FROM (VALUES ('bank', %s), ('bank', %s)) e (book, source_key)"  # noqa: S608 - constants of ours

    with connection.cursor() as cursor:
        cursor.execute(asked, [key, after])
        ((one,), (other,)) = cursor.fetchall()
        cursor.execute(asked, [key, "sbi:" + "8" * (length - 4)])
        ((_same,), (another,)) = cursor.fetchall()

    assert one == other != another


def test_a_right_file_may_come_instead_with_another_amount(
    desk: Desk, maker: User, checker: User
) -> None:
    undone(undoing.of_file(report_file()), maker, checker)

    settled = {"paid_on": MON, "settled_on": WED, "settlement": "S1", "utr": "UTR0001"}
    file = desk.report(paid("pay_1", 400, **settled), paid("pay_2", 300, **settled))
    desk.reconcile(WED)

    assert file.state == "loaded"
    assert ("amount_differs", 100) in [(one[0], one[2]) for one in desk.breaks(WED)]


def test_a_bank_statement_is_told_back_and_its_credit_is_no_duplicate_of_itself(
    desk: Desk, maker: User, checker: User
) -> None:
    undone(undoing.of_file(StatementFile.objects.get(bank_account__isnull=False)), maker, checker)
    desk.balances["bank"] = 0

    desk.statement(Line(700, "RAZORPAY UTR0001"), Line(40, "WHO IS IT"), on=WED)
    desk.reconcile(WED)

    assert desk.breaks(WED) == [
        ("short_credit", "S1", 100),
        ("unidentified_credit", "WHO IS IT", 40),
    ]


def test_the_match_that_takes_a_file_out_is_not_undone(
    desk: Desk, maker: User, checker: User
) -> None:
    undone(undoing.of_file(report_file()), maker, checker)
    contra = Match.objects.filter(undone_at=None, decision=None, rule=None).first()
    assert contra is not None

    with pytest.raises(undoing.NotUndoable, match="load the file again"):
        undoing.propose(undoing.of_match(contra), why="No.", maker=maker)


def test_a_file_that_a_later_one_repeats_is_undone_after_it(desk: Desk, maker: User) -> None:
    settled = {"paid_on": MON, "settled_on": WED, "settlement": "S1", "utr": "UTR0001"}
    first = report_file()
    desk.report(paid("pay_2", 300, **settled), paid("pay_3", 100, **settled), name="later.csv")

    with pytest.raises(undoing.NotUndoable, match=r"later\.csv came later"):
        undoing.propose(undoing.of_file(first), why="No.", maker=maker)


def test_nobody_frees_the_key_of_a_line_without_an_undo(desk: Desk) -> None:
    with (
        pytest.raises((IntegrityError, InternalError), match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE reconciliation_entry SET source_key = 'undone:' || id || ':' || source_key"
        )


def test_a_file_of_which_a_credit_is_split_is_undone_after_the_split(
    desk: Desk, maker: User, checker: User
) -> None:
    credit = Break.objects.get(reason="unidentified_credit", state="open")
    parts = [Part(1500, Kind.TRANSFER, "AXIS1"), Part(2500, Kind.TRANSFER, "AXIS2")]
    decision = steps.propose(
        credit, kind=Decision.Kind.SPLIT, why="Two payers.", maker=maker, parts=parts
    )
    approving.approve(decision, checker=checker)
    bank = StatementFile.objects.get(bank_account__isnull=False)
    desk.reconcile(THU)

    with pytest.raises(undoing.NotUndoable, match="1 credits of this file are split"):
        undoing.propose(undoing.of_file(bank), why="No.", maker=maker)
    undone(undoing.of_decision(decision), maker, checker)
    undo = undone(undoing.of_file(bank), maker, checker)

    assert (undo.done_entries, undo.done_paise) == (2, 84000)
    desk.reconcile(THU)
    assert [one for one in desk.breaks(THU) if one[0] != "settled_not_credited"] == []


def test_a_file_is_told_back_before_any_run_has_seen_it(
    desk: Desk, maker: User, checker: User
) -> None:
    settled = {"paid_on": MON, "settled_on": WED, "settlement": "S9", "utr": "UTR0009"}
    before = live_pairs(), desk.breaks(WED)
    file = desk.report(paid("pay_9", 70, **settled), name="early.csv")

    undone(undoing.of_file(file), maker, checker)
    desk.reconcile(WED)

    assert [one for one in live_pairs() if not any("undone" in key for key in one)] == before[0]
    assert desk.breaks(WED) == before[1]


# ---- the laws of what is undone ----


FORBIDDEN = (
    "UPDATE reconciliation_match SET undone_at = NULL WHERE undone_at IS NOT NULL",
    "UPDATE reconciliation_match SET undone_at = now() WHERE undone_at IS NOT NULL",
    "UPDATE reconciliation_match SET undone_at = now(), matched_on = '2026-01-01'",
    "UPDATE reconciliation_match SET left_id = right_id WHERE left_id IS NOT NULL",
    "DELETE FROM reconciliation_match WHERE left_id IS NOT NULL",
    "UPDATE reconciliation_matchpart SET is_live = true WHERE NOT is_live",
    "UPDATE reconciliation_matchpart SET is_live = false, entry_id = 1 WHERE is_live",
    "DELETE FROM reconciliation_matchpart",
    "UPDATE reconciliation_matchline SET is_live = true WHERE NOT is_live",
    "UPDATE reconciliation_matchline SET is_live = false, stage = 'bank' WHERE is_live",
    "DELETE FROM reconciliation_matchline",
    "UPDATE reconciliation_entry SET source_key = 'undone:' || id || ':' || source_key",
    "UPDATE reconciliation_entry SET source_key = id WHERE source_key LIKE 'undone:%'",
    "DELETE FROM reconciliation_entry WHERE source_key LIKE 'undone:%'",
)


def test_pairs_parts_and_what_was_undone_stay_guarded(
    desk: Desk, maker: User, checker: User
) -> None:
    undone(undoing.of_match(Match.objects.get(left__channel_ref="pay_2")), maker, checker)
    undone(undoing.of_file(StatementFile.objects.get(bank_account__isnull=False)), maker, checker)
    before = state()

    for write in FORBIDDEN:
        with (
            pytest.raises((IntegrityError, InternalError), match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(write)

    assert state() == before


# ---- who may ----


@pytest.mark.parametrize("role", ["clerk", "supervisor", "auditor", "manager", "operator"])
def test_others_neither_propose_nor_approve(
    desk: Desk, maker: User, make_user: Callable[..., User], role: str
) -> None:
    other, target = make_user("other", role), undoing.of_run(Run.objects.get())
    undo = undoing.propose(target, why="Wrong.", maker=maker)
    before = state()

    with pytest.raises(undoing.NotYourPart):
        undoing.approve(undo, checker=other)
    with pytest.raises(undoing.NotYourPart):
        undoing.propose(undoing.of_file(report_file()), why="Wrong.", maker=other)

    assert state() == before


def test_the_maker_never_approves_nor_the_maker_of_the_decision(
    desk: Desk, checker: User, make_user: Callable[..., User]
) -> None:
    both = make_user("both", FINANCE_OFFICER, FINANCE_APPROVER)
    mine = undoing.propose(undoing.of_run(Run.objects.get()), why="Wrong.", maker=both)
    decision = _written_off(both, checker)
    theirs = undoing.propose(undoing.of_decision(decision), why="Wrong.", maker=checker)
    before = state()

    for undo in (mine, theirs):
        with pytest.raises(undoing.NotYourPart):
            undoing.approve(undo, checker=both)

    assert state() == before


def test_words_are_needed_and_a_rejection_changes_nothing(
    desk: Desk, maker: User, checker: User
) -> None:
    target, before = undoing.of_run(Run.objects.get()), live_pairs()
    with pytest.raises(undoing.NotUndoable, match="needs a reason"):
        undoing.propose(target, why="  ", maker=maker)
    undo = undoing.propose(target, why="Wrong.", maker=maker)
    with pytest.raises(undoing.NotUndoable, match="needs a reason"):
        undoing.reject(undo, checker=checker, answer=" ")

    undoing.reject(undo, checker=checker, answer="It is right.")

    assert live_pairs() == before
    with pytest.raises(undoing.NotUndoable, match="rejected already"):
        undoing.approve(undo, checker=checker)
    said = AuditEvent.objects.filter(action__startswith="undo.").values_list("action", flat=True)
    assert list(said.order_by("pk")) == ["undo.proposed", "undo.rejected"]


@pytest.mark.django_db(transaction=True)
def test_while_a_run_has_the_books_the_approver_is_told_so(
    desk: Desk, maker: User, checker: User
) -> None:
    undo = undoing.propose(undoing.of_run(Run.objects.get()), why="Wrong.", maker=maker)
    held, leave = threading.Event(), threading.Event()

    def run() -> None:
        with transaction.atomic():
            locks.hold_books_closed()
            held.set()
            leave.wait(30)
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    held.wait(30)
    try:
        with pytest.raises(locks.BooksBusy):
            undoing.approve(undo, checker=checker)
    finally:
        leave.set()
        thread.join(30)

    undo.refresh_from_db()
    assert undo.state == "proposed"


# ---- closed days ----


def test_an_undo_touches_a_closed_day_once_however_much_it_moves(
    desk: Desk, maker: User, checker: User
) -> None:
    run = Run.objects.get()
    DayClose.objects.create(
        business_date=WED, version=1, state="closed", run=run, reason="", facts={}, maker=maker,
        checker=checker, closed_at=run.finished_at, content_hash="a", key_id="k", signature=b"s",
    )  # fmt: skip
    causes.find()

    undone(undoing.of_run(run), maker, checker)
    engine.reconcile(WED, started_by="test")
    causes.find()

    cause = DayCause.objects.get(business_date=WED, kind="undone")
    assert (cause.count, cause.amount_paise) == (3, 160000)


def test_a_file_of_open_lines_that_is_undone_touches_its_closed_day(
    desk: Desk, maker: User, checker: User
) -> None:
    settled = {"paid_on": MON, "settled_on": WED, "settlement": "S9", "utr": "UTR0009"}
    file = desk.report(paid("pay_9", 70, **settled), name="open.csv")
    run = engine.reconcile(WED, started_by="test")
    DayClose.objects.create(
        business_date=WED, version=1, state="closed", run=run, reason="", facts={}, maker=maker,
        checker=checker, closed_at=run.finished_at, content_hash="a", key_id="k", signature=b"s",
    )  # fmt: skip
    causes.find()

    undone(undoing.of_file(file), maker, checker)
    engine.reconcile(WED, started_by="test")
    causes.find()

    cause = DayCause.objects.get(business_date=WED, kind="file")
    assert (cause.reference, cause.amount_paise) == ("open.csv (undone)", -7000)
