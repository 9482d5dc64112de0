"""Files of returned papers: read whole, shown first, each line once whatever dies meanwhile."""

import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections

from counters import dishonour, papers, returning
from counters.models import Instrument, InstrumentEvent, OfficePolicy, ReturnFile, ReturnLine
from counters.paper import return_files
from counters.paper.return_files import PRESETS, ReturnsRefused
from counters.seconds import NotYours
from counters.states import PaperState
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from outgoing.models import Outgoing
from payments.models import Bill, Payment, PaymentEvent, Receipt
from payments.states import State
from people.models import Office, User
from tests.counters.lives import MICR, Branch, tariff

DUE, APPLIED, KNOWN, PERSON = ReturnLine.State.values


@pytest.fixture
def branch(users: Mapping[str, User], offices: Mapping[str, Office]) -> Branch:
    tariff()
    return Branch(office=offices["Z1"], by=users["supervisor"])


def told(
    paper: Instrument, *, code: str = "01", row: int = 2, **but: Any
) -> return_files.ReturnLine:
    """A line as the bank writes it of a paper."""
    line = return_files.ReturnLine(
        line=row,
        number=paper.number,
        sort_code=paper.micr,
        account_id=paper.account_id,
        transaction_code="",
        amount_paise=paper.amount_paise,
        returned_on=today(),
        code=code,
        words="",
        slip="",
        bank_ref="",
    )
    return line._replace(**but)


def file_of(lines: Sequence[return_files.ReturnLine]) -> bytes:
    return return_files.write_returns(lines, PRESETS["memo-csv"])


def applied(branch: Branch, lines: Sequence[return_files.ReturnLine], *, by: User) -> ReturnFile:
    """Handed in, looked at, released, applied."""
    file = returning.keep_file(branch.account, file_of(lines), name="returns.csv", by=by)
    returning.release(file.pk, by=by)
    returning.apply_lines()
    return file


def states(file: ReturnFile) -> list[str]:
    return list(file.lines.order_by("line").values_list("state", flat=True))


def test_nothing_is_applied_before_somebody_saw_the_preview(
    branch: Branch, users: Mapping[str, User]
) -> None:
    paper, other = branch.cheque(900), branch.cheque(450)
    branch.banked(paper, other)
    content = file_of([told(paper), told(other, code="84")])

    file = returning.keep_file(branch.account, content, name="r.csv", by=users["finance_officer"])
    assert returning.apply_lines() == 0

    assert [line.instrument for line in file.lines.order_by("line")] == [paper, other]
    with pytest.raises(NotYours):
        returning.release(file.pk, by=users["auditor"])
    returning.release(file.pk, by=users["finance_officer"])
    assert returning.apply_lines() == 2
    assert returning.apply_lines() == 0
    paper.refresh_from_db()
    other.refresh_from_db()
    assert (paper.state, other.state) == (PaperState.DISHONOURED, PaperState.RETURNED)
    assert states(file) == [APPLIED, APPLIED]


def test_an_office_may_want_every_dishonour_confirmed(
    branch: Branch, users: Mapping[str, User]
) -> None:
    OfficePolicy.objects.create(office=branch.office, dishonours_at_once=False)
    paper = branch.cheque(900)
    branch.banked(paper)

    applied(branch, [told(paper)], by=branch.by)

    paper.refresh_from_db()
    assert paper.state == PaperState.RETURNED
    dishonour.dishonour(paper.pk, by=branch.by)  # a file told of it: who handed it in may decide
    paper.refresh_from_db()
    assert paper.state == PaperState.DISHONOURED


def test_the_same_file_and_the_same_line_again_change_nothing(
    branch: Branch, users: Mapping[str, User]
) -> None:
    by = users["finance_officer"]
    paper, technical = branch.cheque(900), branch.cheque(450)
    branch.banked(paper, technical)
    lines = [told(paper), told(technical, code="84")]
    applied(branch, lines, by=by)
    before = _world()

    with pytest.raises(returning.KnownFile):
        returning.keep_file(branch.account, file_of(lines), name="again.csv", by=by)
    again = applied(branch, [*lines, told(paper, row=9)], by=by)
    assert states(again) == [KNOWN, KNOWN]
    technical.refresh_from_db()
    branch.banked(technical)
    late = applied(branch, [lines[1]._replace(bank_ref="later")], by=by)

    assert states(late) == [KNOWN]
    technical.refresh_from_db()
    assert technical.state == PaperState.DEPOSITED
    assert InstrumentEvent.objects.filter(to_state="returned").count() == 2
    assert _world()[1:] == before[1:]


def test_what_is_unclear_waits_for_a_person(branch: Branch, users: Mapping[str, User]) -> None:
    by = users["finance_officer"]
    twin, like = branch.cheque(900, number="000077"), branch.cheque(900, number="000078")
    Instrument.objects.filter(pk=like.pk).update(micr="", account_id="")
    branch.banked(twin, like)
    never = branch.cheque(500)
    lines = [
        told(twin, row=2, amount_paise=90_100),
        told(like, row=3, sort_code=MICR, account_id=""),
        told(never, row=4),
        told(twin, row=5, code="", words="SOMETHING NEW"),
    ]

    file = applied(branch, lines, by=by)

    assert states(file) == [PERSON, APPLIED, PERSON, APPLIED]
    twin.refresh_from_db()
    assert (twin.state, twin.return_code, twin.return_words) == (
        PaperState.RETURNED, "", "SOMETHING NEW",
    )  # fmt: skip
    first, third = file.lines.filter(state=PERSON).order_by("line")
    with pytest.raises(returning.NotReturned, match="another amount"):
        returning.settle_line(first.pk, paper=twin, by=by)
    with pytest.raises(returning.NotReturned, match="does not have it"):
        returning.settle_line(third.pk, paper=never, by=by)
    returning.dismiss_line(first.pk, by=by, reason="of another company")
    branch.banked(never)
    returning.settle_line(third.pk, paper=never, by=by)
    assert states(file) == [KNOWN, APPLIED, APPLIED, APPLIED]


def test_a_supervisor_does_not_return_papers_of_another_office(
    branch: Branch, users: Mapping[str, User], offices: Mapping[str, Office]
) -> None:
    other = Branch(office=offices["Z2"], by=users["finance_officer"], account=branch.account)
    paper = other.cheque(900)
    other.banked(paper)

    file = applied(branch, [told(paper)], by=branch.by)

    assert states(file) == [PERSON]
    paper.refresh_from_db()
    assert paper.state == PaperState.DEPOSITED


def test_a_file_that_cannot_be_read_is_refused_whole(
    branch: Branch, users: Mapping[str, User]
) -> None:
    paper = branch.cheque(900)
    branch.banked(paper)
    content = file_of([told(paper)]).replace(b"900.00", b"9OO.00", 1)

    with pytest.raises(ReturnsRefused, match="row 2"):
        returning.keep_file(branch.account, content, name="r.csv", by=users["finance_officer"])

    assert not ReturnFile.objects.exists()


@pytest.mark.parametrize("many", [50, pytest.param(500, marks=pytest.mark.volume)])
def test_all_returns_of_a_large_file_are_applied(
    branch: Branch, users: Mapping[str, User], many: int
) -> None:
    papers_ = [branch.cheque(100 + n) for n in range(many)]
    branch.banked(*papers_)
    lines = [told(paper, row=n) for n, paper in enumerate(papers_, 2)]

    file = applied(branch, lines, by=users["finance_officer"])

    assert set(states(file)) == {APPLIED}
    assert Payment.objects.filter(state=State.REVERSED).count() == many
    assert Bill.objects.filter(kind=Bill.Kind.CHARGE).count() == many


# ---- what happens at the same time, or dies ----


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("statement", [3, 21, 48])
def test_a_job_that_is_killed_goes_on_where_it_stopped(
    branch: Branch, users: Mapping[str, User], statement: int
) -> None:
    these = [branch.cheque(900), branch.cheque(450, 50), branch.cheque(30)]
    branch.banked(*these)
    lines = [told(paper, row=n) for n, paper in enumerate(these, 2)]
    file = returning.keep_file(
        branch.account, file_of(lines), name="r.csv", by=users["finance_officer"]
    )
    returning.release(file.pk, by=users["finance_officer"])

    _killed_at(statement, returning.apply_lines)
    halfway = states(file).count(APPLIED)
    assert Payment.objects.filter(state=State.REVERSED).count() in (0, 1, 3)
    assert Instrument.objects.filter(state="dishonoured").count() == halfway
    returning.apply_lines()

    assert states(file) == [APPLIED] * 3
    assert Payment.objects.filter(state=State.REVERSED).count() == 4
    assert PaymentEvent.objects.filter(to_state=State.REVERSED).count() == 4
    assert Bill.objects.filter(kind=Bill.Kind.CHARGE).count() == 3
    assert Receipt.objects.filter(cancelled_at__isnull=True).count() == 0
    assert Outgoing.objects.filter(channel="erp").count() == 4


def _killed_at(number: int, work: Callable[[], object]) -> None:
    """Do it in a process of its own, which dies at a statement as by kill -9."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        seen = 0

        def dying(execute, sql, params, many, context):
            nonlocal seen
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return execute(sql, params, many, context)

        with connection.execute_wrapper(dying):
            work()
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it was done before it could be killed"


def at_once(*deeds: Callable[[], object]) -> list[str]:
    """Do all at the same moment; the codes of what was refused."""
    gate, refused = threading.Barrier(len(deeds)), []

    def do(deed: Callable[[], object]) -> None:
        gate.wait()
        try:
            deed()
        except DomainError as error:
            refused.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return refused


@pytest.mark.django_db(transaction=True)
def test_two_people_dishonour_and_two_jobs_apply_and_all_is_done_once(
    branch: Branch, users: Mapping[str, User]
) -> None:
    by_hand, by_file = branch.cheque(900), branch.cheque(450)
    branch.banked(by_hand, by_file)
    returning.record_return(by_hand, on=today(), code="01", by=branch.by)
    content = file_of([told(by_hand), told(by_file, row=3)])
    officers = users["finance_officer"], users["finance_approver"]
    file = returning.keep_file(branch.account, content, name="r.csv", by=officers[0])
    returning.release(file.pk, by=officers[0])

    refused = at_once(
        lambda: dishonour.dishonour(by_hand.pk, by=officers[0]),
        lambda: dishonour.dishonour(by_hand.pk, by=officers[1]),
        lambda: returning.record_return(by_file, on=today(), code="01", by=branch.by),
        returning.apply_lines,
        returning.apply_lines,
    )

    assert refused == []
    assert InstrumentEvent.objects.filter(to_state="returned").count() == 2
    assert InstrumentEvent.objects.filter(to_state="dishonoured", instrument=by_hand).count() == 1
    assert PaymentEvent.objects.filter(to_state=State.REVERSED).count() in (1, 2)
    assert DUE not in states(file)


@pytest.mark.django_db(transaction=True)
def test_a_paper_is_cleared_or_returned_never_both(
    branch: Branch, users: Mapping[str, User]
) -> None:
    these = [branch.cheque(900) for _ in range(4)]
    deposit = branch.banked(*these)
    later = today() + timedelta(days=30)

    refused = at_once(
        lambda: papers.clear_due([deposit.reference], on=later),
        lambda: papers.clear_due([deposit.reference], on=later),
        *(
            lambda paper=paper: returning.record_return(paper, on=today(), code="03", by=branch.by)
            for paper in these[:2]
        ),
    )

    assert refused == []
    assert sorted(Instrument.objects.values_list("state", flat=True)) == [
        "cleared", "cleared", "returned", "returned",
    ]  # fmt: skip


def _world() -> list[object]:
    return [
        list(Instrument.objects.order_by("pk").values_list("state", flat=True)),
        list(Payment.objects.order_by("pk").values_list("state", flat=True)),
        InstrumentEvent.objects.filter(to_state="returned").count(),
        Bill.objects.count(),
        Outgoing.objects.count(),
    ]
