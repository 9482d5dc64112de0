"""Two people decide: one proposes, another approves; the books follow, and can be told back."""

import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.db.utils import IntegrityError

from people.models import AuditEvent, User
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER
from reconciliation import locks
from reconciliation.desk import decisions
from reconciliation.models import Break, Decision, Entry, Match, MatchLine, Proof
from tests.worked_examples.accounts import Desk, Line, paid

MON, TUE, WED, THU = (date(2026, 8, n) for n in range(10, 14))

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _on_thursday():
    with time_machine.travel("2026-08-13 10:00:00+05:30", tick=True):
        yield


@pytest.fixture
def desk(transactional_db: None, settings, tmp_path: Path) -> Desk:
    """A settlement of 500 that came without a name, and a credit of 500 that names nothing."""
    settings.STATEMENTS_DIR = tmp_path / "statements"
    desk = Desk.open()
    desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    desk.report(paid("pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR0001"))
    desk.statement(Line(500, "RAZORPAY"), Line(40, "WHO IS IT"), on=WED)
    desk.reconcile(WED)
    return desk


@pytest.fixture
def maker(desk: Desk, make_user: Callable[..., User]) -> User:
    return make_user("maker", FINANCE_OFFICER)


@pytest.fixture
def checker(desk: Desk, make_user: Callable[..., User]) -> User:
    return make_user("checker", FINANCE_APPROVER)


def _break(reason: str) -> Break:
    return Break.objects.get(reason=reason, state="open")


def _proposed(maker: User) -> Decision:
    credit = Entry.objects.get(narration="RAZORPAY")
    return decisions.propose(
        _break("settled_not_credited"),
        kind=Decision.Kind.MATCH,
        candidates=[credit],
        why="The bank left the UTR out; seen in its portal.",
        maker=maker,
    )


def _write_off(maker: User) -> Decision:
    return decisions.propose(
        _break("unidentified_credit"), kind=Decision.Kind.WRITE_OFF, why="Too old.", maker=maker
    )


def _state() -> tuple[object, ...]:
    return (
        list(Break.objects.order_by("pk").values_list("pk", "state")),
        list(MatchLine.objects.order_by("pk").values_list("pk", "is_live")),
        list(Decision.objects.order_by("pk").values_list("pk", "state")),
    )


def test_a_match_by_two_people_closes_both_breaks(desk: Desk, maker: User, checker: User) -> None:
    match = decisions.approve(_proposed(maker), checker=checker)

    assert (match.kind, match.matched_on, match.lines.count()) == ("hand", THU, 2)
    assert desk.breaks(THU) == [("unidentified_credit", "WHO IS IT", 40)]
    run = desk.reconcile(THU)
    assert (run.opened_count, run.closed_count) == (0, 0)


def test_a_write_off_stands_in_the_roll_forward_of_its_day(
    desk: Desk, maker: User, checker: User
) -> None:
    decisions.approve(_write_off(maker), checker=checker)

    run = desk.reconcile(THU)

    bank = Proof.objects.get(run=run, stage="bank", book="bank")
    assert (bank.opening_paise, bank.written_off_count, bank.written_off_paise) == (54000, 1, 4000)
    assert bank.closing_paise == 50000


def test_the_maker_never_checks(desk: Desk, make_user: Callable[..., User]) -> None:
    both = make_user("both", FINANCE_OFFICER, FINANCE_APPROVER)
    decision = _proposed(both)
    before = _state()

    for act in (
        lambda: decisions.approve(decision, checker=both),
        lambda: decisions.reject(decision, checker=both, answer="no"),
    ):
        with pytest.raises(decisions.NotYours):
            act()

    assert _state() == before


def test_nor_can_psql_make_him(desk: Desk, maker: User) -> None:
    decision = _proposed(maker)

    with (
        pytest.raises(IntegrityError, match="decision_maker_is_not_checker"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE reconciliation_decision SET state = 'approved', checker_id = maker_id "
            "WHERE id = %s",
            [decision.pk],
        )


@pytest.mark.parametrize("role", ["clerk", "supervisor", "auditor", "manager", "operator"])
def test_others_neither_propose_nor_approve(
    desk: Desk, maker: User, make_user: Callable[..., User], role: str
) -> None:
    other = make_user("other", role)
    decision = _proposed(maker)
    before = _state()

    with pytest.raises(decisions.NotYours):
        decisions.approve(decision, checker=other)
    with pytest.raises(decisions.NotYours):
        _write_off(other)

    assert _state() == before


def test_a_match_that_does_not_agree_is_not_even_proposed(desk: Desk, maker: User) -> None:
    before = _state()

    with pytest.raises(decisions.NotDecidable, match=r"differ by 460\.00"):
        decisions.propose(
            _break("settled_not_credited"),
            kind=Decision.Kind.MATCH,
            candidates=[Entry.objects.get(narration="WHO IS IT")],
            why="Close enough.",
            maker=maker,
        )

    assert _state() == before


@pytest.mark.parametrize("why", ["", "   "])
def test_a_decision_needs_a_reason(desk: Desk, maker: User, why: str) -> None:
    with pytest.raises(decisions.NotDecidable, match="needs a reason"):
        decisions.propose(
            _break("unidentified_credit"), kind=Decision.Kind.WRITE_OFF, why=why, maker=maker
        )
    assert not Decision.objects.exists()


def test_one_decision_waits_for_a_break_at_a_time(desk: Desk, maker: User) -> None:
    _write_off(maker)

    with pytest.raises(decisions.NotDecidable, match="waits for its second person"):
        _write_off(maker)

    assert Decision.objects.count() == 1


def test_what_was_matched_meanwhile_cannot_be_approved(
    desk: Desk, maker: User, checker: User
) -> None:
    decision = _write_off(maker)
    _match_by_hand_elsewhere(decision)
    before = _state()

    with pytest.raises(decisions.NotDecidable):
        decisions.approve(decision, checker=checker)

    assert _state() == before


def _match_by_hand_elsewhere(decision: Decision) -> None:
    """Another decision of the same entries was quicker."""
    entry = decision.lines.get().entry
    match = Match.objects.create(
        kind="write_off", stage="bank", leg="transfer_bank", decision=decision, matched_on=WED
    )
    MatchLine.objects.create(match=match, entry=entry, stage="bank")


def test_a_break_that_is_explained_otherwise_meanwhile_cannot_be_approved(
    desk: Desk, maker: User, checker: User
) -> None:
    decision = decisions.propose(
        _break("settled_not_credited"), kind=Decision.Kind.WRITE_OFF, why="Lost.", maker=maker
    )
    desk.statement(Line(450, "UTR0001"), on=THU)
    desk.reconcile(THU)
    assert ("short_credit", "S1", 50) in desk.breaks(THU)
    before = _state()

    with pytest.raises(decisions.NotDecidable, match="closed meanwhile"):
        decisions.approve(decision, checker=checker)

    assert _state() == before


def test_while_a_run_has_the_books_a_person_is_told_so(
    desk: Desk, maker: User, checker: User
) -> None:
    decision = _proposed(maker)
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
            decisions.approve(decision, checker=checker)
    finally:
        leave.set()
        thread.join(30)

    decision.refresh_from_db()
    assert decision.state == "proposed"


def test_twelve_approvers_at_once_have_one_effect(
    desk: Desk, maker: User, make_user: Callable[..., User]
) -> None:
    approvers = [make_user(f"approver{n}", FINANCE_APPROVER) for n in range(12)]
    decision = _proposed(maker)
    start = threading.Barrier(12)
    said: list[str] = []

    def approve(checker: User) -> None:
        start.wait(30)
        try:
            decisions.approve(decision, checker=checker)
            said.append("approved")
        except decisions.NotDecidable:
            said.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=approve, args=(one,)) for one in approvers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(said) == ["approved"] + ["refused"] * 11
    assert Match.objects.filter(kind="hand").count() == 1
    assert AuditEvent.objects.filter(action="decision.approved").count() == 1


def test_a_rejection_needs_words_and_leaves_the_break_open(
    desk: Desk, maker: User, checker: User
) -> None:
    decision = _write_off(maker)

    with pytest.raises(decisions.NotDecidable, match="needs a reason"):
        decisions.reject(decision, checker=checker, answer=" ")
    rejected = decisions.reject(decision, checker=checker, answer="Ask the bank first.")

    assert (rejected.state, rejected.checker_id) == ("rejected", checker.pk)
    assert _break("unidentified_credit").amount_paise == 4000
    assert _write_off(maker).state == "proposed"
