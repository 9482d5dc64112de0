"""Days of returned papers in the proof: one debit of the bank, one return in our books."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from counters import dishonour, papers, returning
from counters.models import Instrument
from counters.states import PaperState
from payments.models import Payment
from payments.states import State
from people.models import Office, User
from reconciliation.dayend import certificates, closing
from reconciliation.found import clearing
from reconciliation.models import Break, DayCause, DayClose, Entry, Kind, Match
from tests.counters.lives import Branch, tariff
from tests.worked_examples.accounts import Desk, Line

WED, THU, FRI = (date(2026, 8, n) for n in range(12, 15))
NUMBER = "004417"
RETURNED = f"CHQ RTN {NUMBER} FUNDS INSUFFICIENT"


@pytest.fixture
def desk(db: None, settings, tmp_path: Path) -> Desk:
    settings.STATEMENTS_DIR = tmp_path / "statements"
    return Desk.open()


@pytest.fixture
def branch(desk: Desk, users: Mapping[str, User], offices: Mapping[str, Office]) -> Branch:
    tariff()
    made = Branch(office=offices["Z1"], by=users["supervisor"], account=desk.account)
    made.channel, made.counter = desk.channels["cheque"], desk.counter
    return made


def credited(desk: Desk, branch: Branch, *these: Instrument, slip: str = "DS-0001") -> None:
    """On a slip on Wednesday, and the bank's credit of it."""
    branch.banked(*these, on=WED, slip=slip)
    desk.statement(Line(sum(one.amount_paise for one in these) // 100, f"CLG DEP {slip}"), on=WED)


def rules() -> list[str]:
    return [match.rule.code for match in Match.objects.order_by("id") if match.rule]


def test_one_debit_is_the_return_of_a_paper_that_paid_many(
    desk: Desk, branch: Branch, users: Mapping[str, User]
) -> None:
    paper, other = branch.cheque(900, 450, on=WED), branch.cheque(100, on=WED)
    credited(desk, branch, paper, other)
    desk.reconcile(WED)
    desk.statement(Line(-1350, RETURNED), on=THU)
    desk.reconcile(THU)
    assert [one[0] for one in desk.breaks(THU)] == ["cheque_returned"]

    returning.record_return(paper, on=THU, code="01", by=branch.by)
    dishonour.dishonour(paper.pk, by=users["finance_officer"])
    desk.reconcile(THU)

    assert desk.breaks(THU) == []
    assert rules() == ["deposit_slip_sum", "returned_cheque"]
    back = Entry.objects.get(source_key__startswith="return:")
    assert (back.kind, back.amount_paise, back.business_date) == (Kind.CHEQUE_RETURN, -135_000, THU)
    assert (back.instrument, back.deposit_ref) == (NUMBER, "")
    undone = Entry.objects.filter(kind=Kind.REVERSAL)
    assert [one.in_bank_stage for one in undone] == [False, False]
    assert Payment.objects.filter(state=State.REVERSED).count() == 2


def test_a_return_that_the_bank_does_not_take_back_is_a_break(desk: Desk, branch: Branch) -> None:
    paper = branch.cheque(900, on=WED)
    credited(desk, branch, paper)
    returning.record_return(paper, on=THU, code="03", by=branch.by)
    desk.statement(on=THU)
    desk.reconcile(THU)

    assert [(one[0], one[2]) for one in desk.breaks(THU)] == [("cheque_returned", 900)]
    assert Break.objects.filter(state="open").count() == 1


def test_a_paper_presented_again_is_credited_on_its_new_slip(
    desk: Desk, branch: Branch, users: Mapping[str, User]
) -> None:
    paper = branch.cheque(900, on=WED)
    credited(desk, branch, paper)
    returning.record_return(paper, on=THU, code="03", by=branch.by)
    paper.refresh_from_db()
    new = branch.cheque(100, on=THU)
    branch.banked(paper, new, on=FRI, slip="DS-0002")
    desk.statement(Line(-900, RETURNED), on=THU)
    desk.statement(Line(1000, "CLG DEP DS-0002"), on=FRI)

    desk.reconcile(FRI)

    assert desk.breaks(FRI) == []
    assert sorted(rules()) == ["deposit_slip_sum", "deposit_slip_sum", "returned_cheque"]
    assert clearing.clear_papers() == 2
    paper.refresh_from_db()
    assert paper.state == PaperState.CLEARED


def test_papers_clear_when_the_credit_stands_and_their_days_are_over(
    desk: Desk, branch: Branch
) -> None:
    paper, unseen = branch.cheque(900, on=WED), branch.cheque(100, on=WED)
    credited(desk, branch, paper)
    branch.banked(unseen, on=WED, slip="DS-0009")
    desk.reconcile(WED)
    assert papers.clear_due(["DS-0001"], on=date(2026, 8, 15)) == 0  # the third working day

    assert clearing.clear_papers() == 1

    paper.refresh_from_db()
    unseen.refresh_from_db()
    assert (paper.state, unseen.state) == (PaperState.CLEARED, PaperState.DEPOSITED)


def test_a_bounce_after_the_close_restates_the_day_and_keeps_both_certificates(
    desk: Desk, branch: Branch, users: Mapping[str, User]
) -> None:
    paper = branch.cheque(900, on=WED)
    credited(desk, branch, paper)
    desk.reconcile(WED)
    proposed = closing.propose(WED, maker=users["finance_officer"], reason="all is explained")
    closed = closing.approve(proposed, checker=users["finance_approver"])
    first = certificates.document(closed)
    assert clearing.clear_papers() == 1
    paper.refresh_from_db()

    returning.record_return(paper, on=FRI, code="01", by=branch.by)
    dishonour.dishonour(paper.pk, by=users["finance_officer"])
    desk.statement(Line(-900, RETURNED), on=FRI)
    desk.reconcile(FRI)
    closing.propose_restatements()

    proposal = DayClose.objects.get(state="proposed")
    assert (proposal.business_date, proposal.version) == (WED, 2)
    assert DayCause.objects.get(kind="dishonour").facts["instrument"] == NUMBER
    second = closing.approve(proposal, checker=users["finance_approver"])
    closed.refresh_from_db()
    assert certificates.document(closed) == first
    assert [one["kind"] for one in second.facts["causes"]] == ["dishonour"]
    assert desk.breaks(FRI) == []
