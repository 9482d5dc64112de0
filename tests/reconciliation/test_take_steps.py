"""What is decided about a break besides matching: each with two people, a limit and an inverse."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import connection, transaction
from django.db.utils import IntegrityError

from channels_.models import Channel
from outgoing.models import Outgoing
from people.models import User
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER
from reconciliation import approving
from reconciliation.desk import care, decisions, letters, splitting, steps, terms, undoing
from reconciliation.desk.splitting import Part
from reconciliation.models import (
    Break,
    BreakLetter,
    BreakTerm,
    Decision,
    DecisionLimit,
    Entry,
    Kind,
    MatchLine,
    Proof,
    Reason,
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
    """A credit that nobody knows, and the two settlements that it really is."""
    settings.STATEMENTS_DIR = tmp_path / "statements"
    desk = Desk.open()
    for number, rupees in ((1, 500), (2, 300)):
        desk.receipt("razorpay", rupees, on=MON, channel_ref=f"pay_{number}")
        desk.report(
            paid(
                f"pay_{number}", rupees, paid_on=MON, settled_on=WED, settlement=f"S{number}",
                utr=f"UTR000{number}",
            )
        )  # fmt: skip
    desk.statement(Line(800, "BULK TRANSFER"), on=WED)
    desk.reconcile(WED)
    return desk


@pytest.fixture
def maker(desk: Desk, make_user: Callable[..., User]) -> User:
    return make_user("maker", FINANCE_OFFICER)


@pytest.fixture
def checker(desk: Desk, make_user: Callable[..., User]) -> User:
    return make_user("checker", FINANCE_APPROVER)


def credit() -> Break:
    return Break.objects.get(reason="unidentified_credit", state="open")


def undone(decision: Decision, maker: User, checker: User) -> None:
    undo = undoing.propose(undoing.of_decision(decision), why="It was wrong.", maker=maker)
    undoing.approve(undo, checker=checker)
    decision.refresh_from_db()
    assert decision.undone_at is not None


# ---- waiting ----


def test_what_will_come_waits_and_comes_back_by_itself(
    desk: Desk, maker: User, checker: User
) -> None:
    decision = steps.propose(
        credit(), kind=Decision.Kind.TIMING, why="The bank sends its advice.", maker=maker,
        until=THU + timedelta(days=2),
    )  # fmt: skip
    assert not credit().is_parked

    approving.approve(decision, checker=checker)

    assert credit().is_parked
    desk.reconcile(THU)
    assert credit().is_parked  # a run that finds it again leaves it alone
    with time_machine.travel("2026-08-15 23:00:00+05:30"):
        assert credit().is_parked
    with time_machine.travel("2026-08-16 00:30:00+05:30"):
        assert not credit().is_parked


@pytest.mark.parametrize("until", [None, THU, THU - timedelta(days=1), THU + timedelta(days=400)])
def test_a_wait_has_a_day_that_lies_ahead(desk: Desk, maker: User, until: date | None) -> None:
    with pytest.raises(decisions.NotDecidable, match="the day by which it comes"):
        steps.propose(credit(), kind=Decision.Kind.TIMING, why="Soon.", maker=maker, until=until)
    assert not Decision.objects.exists()


def test_suspense_parks_and_its_undo_brings_it_back(desk: Desk, maker: User, checker: User) -> None:
    decision = steps.propose(
        credit(), kind=Decision.Kind.SUSPENSE, why="The sender is unknown.", maker=maker
    )
    approving.approve(decision, checker=checker)
    assert (credit().parked, credit().state) == ("suspense", "open")

    undone(decision, maker, checker)

    assert credit().parked == ""


# ---- fees ----


@pytest.fixture
def fee(desk: Desk) -> Break:
    """A line that was charged more than was agreed."""
    factories.FeeRateFactory.create(
        channel=desk.channels["razorpay"], method="upi", percent="0", flat_paise=0
    )
    settled = {"paid_on": MON, "settled_on": WED, "settlement": "S3", "utr": "UTR0003"}
    desk.receipt("razorpay", 100, on=MON, channel_ref="pay_3")
    desk.report(paid("pay_3", 100, fee=2, **settled))
    desk.reconcile(WED)
    return Break.objects.get(reason="fee_differs", state="open")


def test_a_fee_that_was_accepted_stays_accepted_until_it_is_told_back(
    desk: Desk, maker: User, checker: User, fee: Break
) -> None:
    decision = steps.propose(fee, kind=Decision.Kind.FEE, why="A new card, late.", maker=maker)
    approving.approve(decision, checker=checker)
    desk.reconcile(WED)
    assert not Break.objects.filter(reason="fee_differs", state="open").exists()

    undone(decision, maker, checker)
    desk.reconcile(WED)

    assert Break.objects.filter(reason="fee_differs", state="open").count() == 1


def test_only_a_fee_is_accepted(desk: Desk, maker: User) -> None:
    with pytest.raises(decisions.NotDecidable, match="only a fee"):
        steps.propose(credit(), kind=Decision.Kind.FEE, why="Fine.", maker=maker)


# ---- limits ----


def test_within_a_limit_one_person_decides(desk: Desk, maker: User, checker: User) -> None:
    DecisionLimit.objects.create(kind="write_off", role=FINANCE_OFFICER, alone_paise=80000)

    decision = decisions.propose(
        credit(), kind=Decision.Kind.WRITE_OFF, why="Too small to follow.", maker=maker
    )

    assert decision.state == "alone"
    assert not Break.objects.filter(reason="unidentified_credit", state="open").exists()
    desk.reconcile(THU)
    assert Proof.objects.filter(written_off_paise=80000).exists()
    undone(decision, checker, make_other(checker))
    desk.reconcile(THU)
    assert credit().amount_paise == 80000


def make_other(checker: User) -> User:
    """Another approver than the one who proposes the undo."""
    other = factories.UserFactory.create(username="other")
    other.groups.set(checker.groups.all())
    return User.objects.get(pk=other.pk)


def test_above_it_a_second_one_does_and_only_up_to_theirs(
    desk: Desk, maker: User, checker: User
) -> None:
    DecisionLimit.objects.create(kind="write_off", role=FINANCE_OFFICER, alone_paise=79999)
    DecisionLimit.objects.create(kind="write_off", role=FINANCE_APPROVER, approve_paise=79999)
    decision = decisions.propose(
        credit(), kind=Decision.Kind.WRITE_OFF, why="Too old.", maker=maker
    )
    assert decision.state == "proposed"

    with pytest.raises(decisions.NotYours, match="above what you may approve"):
        approving.approve(decision, checker=checker)

    assert credit().state == "open"


def test_a_match_never_needs_one_person_alone_says_the_database(desk: Desk, maker: User) -> None:
    decision = decisions.propose(
        credit(), kind=Decision.Kind.MATCH, why="Both in one.", maker=maker,
        candidates=list(Entry.objects.filter(book="channel")),
    )  # fmt: skip
    assert (decision.state, decision.difference_paise) == ("proposed", 0)
    with (
        pytest.raises(IntegrityError, match="decision_alone_only_small"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE reconciliation_decision SET state = 'alone' WHERE id = %s", [decision.pk]
        )


# ---- splitting ----


PARTS = (
    Part(50000, Kind.SETTLEMENT, "utr0001"),
    Part(30000, Kind.SETTLEMENT, "UTR0002"),
)


def split(maker: User, checker: User) -> Decision:
    decision = steps.propose(
        credit(), kind=Decision.Kind.SPLIT, why="One transfer, two settlements.", maker=maker,
        parts=PARTS,
    )  # fmt: skip
    approving.approve(decision, checker=checker)
    return decision


def test_the_next_run_finds_the_parts_of_a_split(desk: Desk, maker: User, checker: User) -> None:
    split(maker, checker)

    desk.reconcile(THU)

    assert desk.breaks(THU) == []
    assert sum(one.amount_paise for one in Entry.objects.filter(book="bank")) == 80000


def test_a_split_is_told_back_after_its_parts_were(desk: Desk, maker: User, checker: User) -> None:
    before = desk.breaks(THU)
    decision = split(maker, checker)
    run = desk.reconcile(THU)

    undo = undoing.propose(undoing.of_decision(decision), why="No.", maker=maker)
    with pytest.raises(decisions.NotDecidable, match="a part is matched"), transaction.atomic():
        undoing.approve(undo, checker=checker)
    of_run = undoing.propose(undoing.of_run(run), why="No.", maker=maker)
    undoing.approve(of_run, checker=checker)
    undoing.approve(undo, checker=checker)
    desk.reconcile(THU)

    assert desk.breaks(THU) == before
    assert sum(one.amount_paise for one in Entry.objects.filter(book="bank")) == 80000


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (PARTS[:1], "expected 2 to 50 parts"),
        ((PARTS[0], Part(30001, Kind.SETTLEMENT, "UTR0002")), "differ from the credit by"),
        ((PARTS[0], Part(30000, Kind.SETTLEMENT, " ")), "carries the UTR"),
        ((PARTS[0], Part(30000, Kind.CHARGE, "X1")), "says what it is for"),
        ((Part(90000, Kind.SETTLEMENT, "A"), Part(-10000, Kind.SETTLEMENT, "B")), "above zero"),
    ],
)
def test_a_split_that_does_not_add_up_is_refused(
    desk: Desk, maker: User, parts: tuple[Part, ...], words: str
) -> None:
    with pytest.raises(decisions.NotDecidable, match=words):
        steps.propose(credit(), kind=Decision.Kind.SPLIT, why="Two.", maker=maker, parts=parts)
    assert not Decision.objects.exists()


def test_only_a_lone_credit_is_split(desk: Desk, maker: User) -> None:
    other = Break.objects.filter(reason="settled_not_credited").first()
    assert other is not None
    with pytest.raises(decisions.NotDecidable, match="stands alone"):
        splitting.check(other, PARTS)


# ---- several that fit ----


def test_of_several_that_fit_a_person_names_the_one(desk: Desk, maker: User, checker: User) -> None:
    settled = {"paid_on": MON, "settled_on": WED, "settlement": "S4", "utr": "UTR0004"}
    desk.receipt("razorpay", 70, on=MON, channel_ref="pay_4")
    desk.report(paid("pay_4", 70, **settled))
    desk.statement(Line(70, "RAZORPAY UTR0004"), Line(70, "RAZORPAY UTR0004 AGAIN"), on=WED)
    desk.reconcile(WED)
    both = Break.objects.get(reason="ambiguous", state="open")
    own = list(Entry.objects.filter(break_lines__open_break=both).order_by("pk"))
    meant = [one for one in own if one.narration != "RAZORPAY UTR0004 AGAIN"]

    with pytest.raises(decisions.NotDecidable, match="differ by"):
        decisions.propose(both, kind=Decision.Kind.MATCH, why="The first.", maker=maker)
    decision = decisions.propose(
        both, kind=Decision.Kind.MATCH, chosen=meant, why="The first.", maker=maker
    )
    approving.approve(decision, checker=checker)
    desk.reconcile(THU)

    assert ("duplicate", "UTR0004", 70) in desk.breaks(THU)
    assert MatchLine.objects.filter(match__decision=decision, is_live=True).count() == 2


def test_what_is_chosen_is_of_the_break(desk: Desk, maker: User) -> None:
    stranger = Entry.objects.filter(book="receipts").first()
    assert stranger is not None
    for chosen in ([], [stranger]):
        with pytest.raises(decisions.NotDecidable, match="of the break itself"):
            decisions.propose(
                credit(), kind=Decision.Kind.MATCH, chosen=chosen, why="So.", maker=maker
            )


# ---- letters ----


def test_a_question_leaves_the_house_and_its_answer_is_kept(desk: Desk, maker: User) -> None:
    letter = letters.ask(credit(), words="Who sent this?", to="money@bank.example", by=maker)

    told = Outgoing.objects.get(pk=letter.outgoing_id)
    assert (told.kind, told.object_id) == ("break_question", credit().public_id)
    letters.note_answer(letter, words="The railway did.", by=maker)
    letter.refresh_from_db()
    assert (letter.state, letter.answer) == ("answered", "The railway did.")
    with pytest.raises(decisions.NotDecidable, match="answered already"):
        letters.withdraw(letter, words="Not needed.", by=maker)


def test_a_question_that_is_pressed_twice_leaves_once(
    desk: Desk, maker: User, checker: User
) -> None:
    def ask(*, words: str = "Who sent this?", to: str = "money@bank.example", by: User = maker):
        return letters.ask(credit(), words=words, to=to, by=by)

    first = ask()
    assert ask(words=" Who sent this? ") == first
    assert Outgoing.objects.count() == 1

    others = [ask(to="other@bank.example"), ask(words="And why?"), ask(by=checker)]
    assert len({first.pk, *(one.pk for one in others)}) == 4
    with time_machine.travel("2026-08-14 10:00:00+05:30"):
        assert ask(by=checker) != others[-1]  # a reminder


def test_a_dispute_of_more_words_than_its_letter_takes_is_refused_when_it_is_proposed(
    desk: Desk, maker: User
) -> None:
    with pytest.raises(decisions.NotDecidable, match="1 to 200 characters"):
        steps.propose(
            credit(), kind=Decision.Kind.DISPUTE, why="x" * 201, maker=maker,
            letter_to="a@bank.example",
        )  # fmt: skip
    assert not Decision.objects.exists()


@pytest.mark.parametrize("to", ["", "nobody", "a@b@c"])
def test_a_letter_needs_an_address(desk: Desk, maker: User, to: str) -> None:
    with pytest.raises(decisions.NotDecidable, match="expected an e-mail address"):
        letters.ask(credit(), words="Who?", to=to, by=maker)
    assert not Outgoing.objects.exists()


def test_a_dispute_is_sent_when_two_people_want_it_and_withdrawn_by_its_undo(
    desk: Desk, maker: User, checker: User
) -> None:
    Channel.objects.filter(code="razorpay").update(settings={"contact_email": "a@pay.example"})
    one = Break.objects.filter(reason="settled_not_credited").first()
    assert one is not None
    assert one.channel is not None
    decision = steps.propose(
        one, kind=Decision.Kind.DISPUTE, why="You owe us this settlement.", maker=maker,
        letter_to=letters.contact_of(one.channel),
    )  # fmt: skip
    assert not BreakLetter.objects.exists()

    approving.approve(decision, checker=checker)
    assert BreakLetter.objects.get().state == "sent"
    undone(decision, maker, checker)

    assert BreakLetter.objects.get().state == "withdrawn"


# ---- owner, notes, terms ----


def test_a_break_has_an_owner_a_day_and_notes(desk: Desk, maker: User, checker: User) -> None:
    care.hand_over(credit(), owner=checker, due_on=THU, by=maker)
    care.note(credit(), words="He calls back.", by=checker)

    assert (credit().owner, credit().due_on) == (checker, THU)
    assert [one.words for one in credit().notes.all()] == ["He calls back."]
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        credit().notes.update(words="He never called.")


def test_a_break_whose_day_is_over_can_still_be_handed_over(
    desk: Desk, maker: User, checker: User
) -> None:
    care.hand_over(credit(), owner=maker, due_on=THU, by=maker)
    with time_machine.travel("2026-08-17 10:00:00+05:30"):
        care.hand_over(credit(), owner=checker, due_on=THU, by=maker)
        with pytest.raises(decisions.NotDecidable, match="expected a day from today"):
            care.hand_over(credit(), owner=checker, due_on=WED, by=maker)

    assert (credit().owner, credit().due_on) == (checker, THU)


def test_who_owns_a_break_works_in_finance(
    desk: Desk, maker: User, make_user: Callable[..., User]
) -> None:
    clerk = make_user("clerk", "clerk")
    with pytest.raises(decisions.NotDecidable, match="does not work on breaks"):
        care.hand_over(credit(), owner=clerk, due_on=None, by=maker)
    with pytest.raises(decisions.NotYours):
        care.note(credit(), words="Mine.", by=clerk)


def test_age_is_counted_in_working_days_and_what_is_late_is_known(desk: Desk) -> None:
    BreakTerm.objects.create(
        reason=Reason.UNIDENTIFIED_CREDIT, working_days=2, escalate_to=FINANCE_APPROVER
    )
    agreed, one = terms.all_terms(), credit()
    monday = WED + timedelta(days=5)  # over a Saturday that is worked and a Sunday

    assert terms.working_age(one, as_of=monday) == 4
    assert terms.due_on(one, agreed) == WED + timedelta(days=2)
    found = Break.objects.filter(reason=Reason.UNIDENTIFIED_CREDIT, state="open")
    assert not found.filter(terms.overdue(WED + timedelta(days=2), agreed)).exists()
    assert found.filter(terms.overdue(WED + timedelta(days=3), agreed)).exists()
    (row,) = terms.late(found, as_of=monday)
    assert (row.role, row.owner, row.count, row.paise) == (FINANCE_APPROVER, "", 1, 80000)
    assert (row.oldest, row.since) == (WED, WED + timedelta(days=2))


@pytest.mark.parametrize("role", ["clerk", "supervisor", "auditor", "manager", "operator"])
def test_others_take_no_step(
    desk: Desk, make_user: Callable[..., User], maker: User, role: str
) -> None:
    other = make_user("other", role)
    decision = steps.propose(credit(), kind=Decision.Kind.SUSPENSE, why="Unknown.", maker=maker)
    with pytest.raises(decisions.NotYours):
        steps.propose(credit(), kind=Decision.Kind.SUSPENSE, why="Unknown.", maker=other)
    with pytest.raises(decisions.NotYours):
        approving.approve(decision, checker=other)
    with pytest.raises(decisions.NotYours):
        approving.approve(decision, checker=maker)
    with pytest.raises(decisions.NotYours):
        letters.ask(credit(), words="Who?", to="a@b.example", by=other)
    assert credit().parked == ""
