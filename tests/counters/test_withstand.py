"""What somebody may try at a counter to make, lose or hide money, and what it comes to."""

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
import time_machine
from django.db import connection

from attachments.models import Attachment
from channels_.contract import Method
from counters import (
    bags,
    cancelling,
    cash_book,
    closing,
    counts,
    days,
    deposits,
    drawers,
    heaps,
    overrides,
    papers,
    returning,
    safe,
    seconds,
)
from counters.cancelling import NotCancelled
from counters.cash_rules import RuleStops
from counters.models import (
    CashMove,
    CashRule,
    Instrument,
    OfficeDay,
    ReturnFile,
    ReturnLine,
    Shift,
)
from counters.taking import (
    HandOver,
    NotTaken,
    PaidMeanwhile,
    ShareAsked,
    TenderAsked,
    take,
    take_one,
)
from cspdcl.kernel.clock import INDIA, now, today
from cspdcl.kernel.errors import DomainError
from payments.models import Payment
from payments.states import State
from people.access import who_work_in
from refunds import actions as refunds
from refunds.models import RefundRequest
from tests import factories as make
from tests.counters import banking, drawer
from tests.counters.lives import Branch

pytestmark = pytest.mark.django_db
MICR = "492002009"


@pytest.fixture
def ways():
    """The two channels of a counter."""
    return {code: make.ChannelFactory(code=code) for code in ("cash", "cheque")}


@pytest.fixture
def window(offices, ways):
    """A counter of Z1 that keeps no shifts."""
    return make.CounterFactory(code="rpr9", office=offices["Z1"])


@pytest.fixture
def shift(offices, users, ways) -> Shift:
    """A shift of office Z1 with 1,000.00 of the safe's 5,000.00."""
    drawer.fill_safe(
        offices["Z1"], 5_000_00, supervisor=users["supervisor"], second=users["finance_officer"]
    )
    return banking.open_shift(
        offices["Z1"], clerk=users["clerk"], supervisor=users["supervisor"], code="rpr1"
    )


def cash(paise: int) -> TenderAsked:
    return TenderAsked(method=Method.CASH, amount_paise=paise)


def cheque(paise: int, **more: Any) -> TenderAsked:
    facts = {
        "instrument": "204117", "bank_name": "A Bank", "micr": MICR, "instrument_date": today(),
        **more,
    }  # fmt: skip
    return TenderAsked(method=Method.CHEQUE, amount_paise=paise, **facts)


def asked(*tenders: TenderAsked, key: str = "", **more: Any) -> HandOver:
    """All of it for one consumer."""
    total = sum(one.amount_paise for one in tenders)
    share = ShareAsked(consumer_number=make.ConsumerFactory().number, amount_paise=total)
    facts = {"shares": [share], **more}
    return HandOver(submit_key=key or drawer.key(), tenders=tenders, **facts)


# ---- one paper, twice ----


@pytest.mark.parametrize(
    "again",
    [
        {"account_id": "045504", "transaction_code": "29"},
        {"micr": "", "ifsc": "SBIN0004343"},
        {"micr": "", "bank_name": " a  BANK"},
        {"micr": "", "bank_name": ""},
    ],
)
def test_the_same_cheque_is_the_same_however_its_bank_is_told(window, users, again) -> None:
    clerk = users["clerk"]
    take_one(window, clerk=clerk, asked=asked(cheque(900_00)))

    with pytest.raises(NotTaken, match="taken already"):
        take_one(window, clerk=clerk, asked=asked(cheque(900_00, **again)))
    one, two = take(window, clerk=clerk, asked=[
        asked(cheque(70_00, instrument="000777", **again)),
        asked(cheque(70_00, instrument="000777")),
    ])  # fmt: skip
    other = asked(cheque(900_00, micr="400240002", ifsc="", account_id="1"))
    taken = take_one(window, clerk=clerk, asked=other)

    assert one.refusal is None
    assert isinstance(two.refusal, NotTaken)
    assert taken.is_new
    assert Instrument.objects.count() == 3


def test_one_cheque_cannot_be_two_tenders_of_one_payment(window, users) -> None:
    with pytest.raises(NotTaken, match="twice"):
        take_one(window, clerk=users["clerk"], asked=asked(cheque(100_00), cheque(100_00)))

    assert not Instrument.objects.exists()


# ---- what is due, limits and grants ----


def test_a_bill_and_all_dues_together_are_not_more_than_is_due(window, users) -> None:
    consumer = make.ConsumerFactory()
    bill = make.BillFactory(consumer=consumer, amount_paise=500_00)
    shares = [
        ShareAsked(consumer_number=consumer.number, amount_paise=500_00, is_advance=False),
        ShareAsked(
            consumer_number=consumer.number, amount_paise=500_00, is_advance=False,
            bill_number=bill.number,
        ),
    ]  # fmt: skip

    for order in (shares, shares[::-1]):
        with pytest.raises(PaidMeanwhile):
            take_one(window, clerk=users["clerk"], asked=asked(cash(1_000_00), shares=order))


def test_a_grant_lets_one_through_also_in_one_request(window, users) -> None:
    CashRule.objects.create(
        code="house", per="payment", effect="up_to", limit_paise=1_000_00, may_override=True,
        valid_from=today(),
    )  # fmt: skip
    consumer, clerk = make.ConsumerFactory(), users["clerk"]
    share = ShareAsked(consumer_number=consumer.number, amount_paise=5_000_00)
    row = overrides.ask(
        window, clerk=clerk, rule="house", consumer_number=consumer.number,
        amount_paise=5_000_00, reason="a wedding hall",
    )  # fmt: skip
    overrides.answer(row.pk, by=users["supervisor"], grants=True)

    one, two = take(window, clerk=clerk, asked=[
        asked(cash(5_000_00), shares=[share]), asked(cash(5_000_00), shares=[share]),
    ])  # fmt: skip

    assert one.refusal is None
    assert isinstance(two.refusal, RuleStops)


def test_a_window_with_shifts_dates_nothing_back(shift, users, ways) -> None:
    """Yesterday's limit on cash is not used up by cash that lies in today's drawer."""
    late = asked(cash(100_00), taken_at=now() - timedelta(days=1))

    (taken,) = take(shift.counter, clerk=users["clerk"], asked=[late])

    assert taken.receipts[0].payment.business_date == today()
    assert OfficeDay.objects.get().business_date == today()


def test_what_was_received_is_an_amount(window, users) -> None:
    with pytest.raises(NotTaken):
        take_one(window, clerk=users["clerk"], asked=asked(cash(1), received_paise=10**19))


def test_a_pan_stands_nowhere_that_it_could_be_guessed_from(window, users) -> None:
    """A hash of known words and ten characters is soon guessed; with a key of ours it is not."""
    first = asked(cash(1), pan="ABCDE1234F")
    known = ["", *map(repr, first.shares), *map(repr, first.tenders), "None", ""]
    guessed = hashlib.sha256("\n".join([*known, first.pan]).encode()).hexdigest()

    assert first.fingerprint != guessed
    assert first.fingerprint != replace(first, pan="ABCDE1234G").fingerprint


# ---- money that goes back twice ----


def test_a_receipt_whose_money_goes_back_otherwise_is_not_cancelled(shift, users) -> None:
    paid = banking.cash(shift, 700_00)
    request = refunds.ask(
        paid, amount_paise=300_00, reason="paid twice", by=users["finance_officer"],
        submit_key=drawer.key(),
    )  # fmt: skip

    with pytest.raises(NotCancelled, match="refund"):
        cancelling.cancel(paid.pk, supervisor=users["supervisor"], reason="wrong consumer")
    refunds.decide(request, approve=False, by=users["finance_approver"], answer="was not")
    cancelling.cancel(paid.pk, supervisor=users["supervisor"], reason="wrong consumer")

    assert Payment.objects.get().state == State.REVERSED


def test_nothing_is_refunded_of_a_cheque_before_the_bank_has_paid_it(users, offices) -> None:
    """Else a bad cheque is turned into good money: refunded today, returned tomorrow."""
    branch = Branch(offices["Z1"], users["supervisor"])
    paper = branch.cheque(900)
    slip = branch.banked(paper)
    paid = Payment.objects.get()
    ask = partial(
        refunds.ask, paid, amount_paise=900_00, reason="paid twice", by=users["finance_officer"],
        submit_key=drawer.key(),
    )  # fmt: skip

    with pytest.raises(refunds.NotRefundable, match="not cleared"):
        ask()
    papers.clear_due([slip.reference], on=today() + timedelta(days=30))

    assert ask().amount_paise == 900_00


# ---- the second person ----


def test_nobody_takes_over_the_papers_of_their_own_drawer(shift, users, make_user) -> None:
    """Else who lost a cheque could take it out of what the count must find."""
    both = make_user("both", "clerk", "supervisor", offices=(shift.counter.office,))
    own = banking.open_shift(
        shift.counter.office, clerk=both, supervisor=users["supervisor"], code="rpr2"
    )
    paper = banking.cheque(own, 900_00, number="000123")
    rows = Instrument.objects.all()

    with pytest.raises(seconds.NotYours):
        heaps.act_on(rows, act="hand_over", by=both, seen_count=1, seen_paise=900_00)
    heaps.act_on(rows, act="hand_over", by=users["supervisor"], seen_count=1, seen_paise=900_00)

    paper.refresh_from_db()
    assert paper.state == "with_supervisor"


def test_finance_takes_over_no_papers_of_a_drawer(shift, users) -> None:
    banking.cheque(shift, 900_00, number="000123")

    with pytest.raises(seconds.NotYours):
        heaps.act_on(
            Instrument.objects.all(), act="hand_over", by=users["finance_officer"],
            seen_count=1, seen_paise=900_00,
        )  # fmt: skip


def test_a_float_of_one_office_opens_no_drawer_of_another(shift, offices, users, make_user) -> None:
    roamer = make_user("roamer", "clerk", offices=(offices["Z1"], offices["Z2"]))
    move = safe.issue_float(
        offices["Z1"], amount_paise=500_00, by=users["supervisor"], submit_key=drawer.key(),
        receiver=roamer,
    )  # fmt: skip
    there = make.CounterFactory(code="z2", office=offices["Z2"], keeps_shifts=True)

    with pytest.raises(seconds.NotYours):
        drawers.open_with(there, clerk=roamer, float_move=move, counted=drawer.notes(500_00))

    assert not Shift.objects.filter(clerk=roamer).exists()


# ---- the bank ----


def test_a_line_is_settled_by_the_paper_of_its_number_only(users, offices) -> None:
    """By another it would be dishonoured by one person; by hand it takes two."""
    branch = Branch(offices["Z1"], users["supervisor"])
    paper = branch.cheque(900)
    branch.banked(paper)
    file = make_file(branch, number="999999", paise=900_00, by=users["finance_officer"])
    returning.release(file.pk, by=users["finance_officer"])
    returning.apply_lines()
    line = ReturnLine.objects.get()
    assert line.state == ReturnLine.State.PERSON

    with pytest.raises(returning.NotReturned, match="number"):
        returning.settle_line(line.pk, paper=paper, by=users["finance_officer"])
    with pytest.raises(seconds.NotYours):
        returning.dismiss_line(line.pk, by=users["clerk"], reason="none of ours")


def make_file(branch: Branch, *, number: str, paise: int, by):
    file = ReturnFile.objects.create(
        bank_account=branch.account, name="r.csv", sha256="0" * 64, content=b"", layout="x",
        line_count=1, amount_paise=paise, by=by,
    )  # fmt: skip
    ReturnLine.objects.create(
        file=file, line=1, number=number, amount_paise=paise, returned_on=today(),
        return_code="01",
    )  # fmt: skip
    return file


@pytest.mark.parametrize("state", ["with_supervisor", "elsewhere"])
def test_only_a_returned_paper_of_the_office_goes_to_the_bank_again(users, offices, state) -> None:
    branch = Branch(offices["Z1"], users["supervisor"])
    other = Branch(offices["Z2"], users["supervisor"], numbers=count(9000))
    fresh = branch.cheque(100)
    papers.hand_over([fresh], by=branch.by, on=today(), cause="x")
    wrong = branch.cheque(900)
    papers.hand_over([wrong], by=branch.by, on=today(), cause="x")
    if state == "elsewhere":
        wrong = other.cheque(900)
        other.banked(wrong)
        returning.record_return(wrong, on=today(), code="88", by=users["finance_officer"])

    with pytest.raises(deposits.NothingToDeposit):
        deposits.make_deposit(
            branch.counter, channel=branch.channel, on=today(), made_by=branch.by, again=[wrong]
        )


def test_a_paper_that_grew_too_old_does_not_go_to_the_bank_again(users, offices) -> None:
    branch = Branch(offices["Z1"], users["supervisor"])
    paper = branch.cheque(900)
    branch.banked(paper)
    returning.record_return(paper, on=today(), code="88", by=users["finance_officer"])
    # As if it had been taken on the last day it was good.
    Instrument.objects.filter(pk=paper.pk).update(dated=today() - timedelta(days=93))

    with pytest.raises(deposits.NothingToDeposit, match="too old"):
        deposits.make_deposit(
            branch.counter, channel=branch.channel, on=today(), made_by=branch.by, again=[paper]
        )


def test_a_stamp_without_a_reference_keeps_the_one_that_is_there(shift, users, ways) -> None:
    banking.cash(shift, 700_00)
    banking.close(shift, 1_700_00, by=users["supervisor"])
    slip = banking.deposit(shift.counter.office, ways["cash"], by=users["supervisor"], paise=700_00)
    bags.stamp(slip, by=users["supervisor"], bank_ref="JNL4471")
    photo = make_photo(shift.counter.office, users["supervisor"])

    assert (
        bags.stamp(slip, by=users["supervisor"], bank_ref="", stamped=photo).bank_ref == "JNL4471"
    )


def make_photo(office, by) -> Attachment:
    return Attachment.objects.create(
        office=office, kind="deposit_slip", uploaded_by=by, state="clean", sha256="0" * 64,
        byte_size=1, width=1, height=1, pages=1,
    )  # fmt: skip


# ---- the safe, over midnight ----


def test_a_correction_never_takes_out_what_left_meanwhile(shift, users) -> None:
    office = shift.counter.office
    asked_ = safe.ask_correction(
        office, counted=drawer.notes(3_000_00), reason="short", by=users["supervisor"],
        submit_key=drawer.key(),
    )  # fmt: skip
    safe.issue_float(
        office, amount_paise=3_500_00, by=users["supervisor"], submit_key=drawer.key(),
        counter=shift.counter,
    )  # fmt: skip

    with pytest.raises(safe.NotInSafe):
        drawers.confirm(asked_, by=users["finance_officer"])


def test_a_float_that_comes_back_after_its_day_comes_back_on_the_new_day(shift, users) -> None:
    """What a closed day says stays true: the next one opens with what it closed with."""
    office, supervisor = shift.counter.office, users["supervisor"]
    banking.close(shift, 1_000_00, by=supervisor)
    left = safe.issue_float(
        office, amount_paise=2_000_00, by=supervisor, submit_key=drawer.key(),
        counter=shift.counter,
    )  # fmt: skip
    first = OfficeDay.objects.select_related("office").get()
    closing.count_safe(
        first, by=users["clerk"], counted=drawer.notes(3_000_00), submit_key=drawer.key()
    )
    first = closing.close(first, by=supervisor)
    with pytest.raises(days.DayClosed):
        drawers.refuse(left, by=supervisor, reason="nobody comes")

    tomorrow = datetime.combine(today() + timedelta(days=1), datetime.min.time(), INDIA)
    with time_machine.travel(tomorrow + timedelta(hours=10)):
        drawers.refuse(left, by=supervisor, reason="nobody came")
        second = days.office_day(office, on=today())
        book = cash_book.book_of(second)

    assert safe.position(office) == 5_000_00
    assert closing.position_until(office, on=first.business_date) == 3_000_00
    assert (book.facts["opening_paise"], book.facts["closing_paise"]) == (3_000_00, 5_000_00)
    assert [(one.came_paise, one.balance_paise) for one in book.lines] == [(2_000_00, 5_000_00)]
    kept = cash_book.book_of(OfficeDay.objects.get(pk=first.pk))
    assert kept.lines[-1].balance_paise == kept.facts["closing_paise"] == 3_000_00


# ---- what is hidden ----


def test_no_page_tells_what_a_drawer_that_is_counted_must_hold(shift, users, as_role) -> None:
    for paise in (4_000_00, 321_00):
        banking.cash(shift, paise)
    page = as_role("supervisor")
    assert "4,321.00" in banking.text(page.get("/counters/rpr1/"))
    counts.begin_close(shift, by=shift.clerk)

    assert "4,321.00" not in banking.text(page.get("/counters/rpr1/"))
    assert "4,321.00" not in banking.text(page.get("/counters/"))


def test_who_may_get_a_float_is_found_at_once_among_many(
    shift, offices, users, make_user, django_assert_max_num_queries
) -> None:
    far = make_user("far", "clerk", offices=(offices["Z3"],))
    above = make_user("above", "clerk", offices=(offices["R1"],))
    gone = make_user("gone", "clerk", offices=(offices["Z1"],), is_active=False)

    with django_assert_max_num_queries(2):
        found = set(who_work_in(offices["Z1"], "clerk", "supervisor"))

    assert {users["clerk"], users["supervisor"], above} <= found
    assert not found & {far, gone, users["finance_officer"]}


# ---- at the same moment ----


@pytest.mark.django_db(transaction=True)
def test_one_cheque_at_many_windows_and_one_receipt_cancelled_and_refunded(
    offices, users, ways
) -> None:
    windows = [make.CounterFactory(code=f"w{n}", office=offices["Z1"]) for n in range(4)]
    told = [
        cheque(900_00),
        cheque(900_00, account_id="045504"),
        cheque(900_00, micr="", ifsc="SBIN0004343"),
        cheque(900_00, micr="", bank_name="THE BANK"),
    ]
    forms = [asked(one) for one in told]
    answers = at_once(
        *(
            partial(take_one, window, clerk=users["clerk"], asked=form)
            for window, form in zip(windows, forms, strict=True)
        )
    )
    assert sum(isinstance(one, NotTaken) for one in answers) == 3
    assert Instrument.objects.count() == 1

    (paid,) = Payment.objects.all()
    refused = at_once(
        partial(cancelling.cancel, paid.pk, supervisor=users["supervisor"], reason="wrong one"),
        *(
            partial(
                refunds.ask, paid, amount_paise=300_00, reason="paid twice",
                by=users["finance_officer"], submit_key=drawer.key(),
            )
            for _ in range(2)
        ),
    )  # fmt: skip
    asked_for = RefundRequest.objects.count()
    is_cancelled = Payment.objects.get().state == State.REVERSED
    assert bool(asked_for) != is_cancelled
    assert sum(isinstance(one, DomainError) for one in refused) == (2 if is_cancelled else 1)


@pytest.mark.django_db(transaction=True)
def test_cancelled_handed_in_counted_and_given_away_at_once_nothing_is_lost(
    offices, users, ways
) -> None:
    """Cash of a cancelled receipt is either in the payer's hand or in the safe, never in both."""
    drawer.fill_safe(
        offices["Z1"], 5_000_00, supervisor=users["supervisor"], second=users["finance_officer"]
    )
    shift = banking.open_shift(
        offices["Z1"], clerk=users["clerk"], supervisor=users["supervisor"], code="rpr1"
    )
    paid = [banking.cash(shift, 700_00) for _ in range(3)]
    cancel = [
        partial(cancelling.cancel, one.pk, supervisor=users["supervisor"], reason="wrong one")
        for one in (*paid, paid[0])
    ]
    give = [
        partial(
            drawers.hand_in, shift, clerk=users["clerk"], counted=drawer.notes(1_500_00),
            submit_key=drawer.key(),
        )
        for _ in range(3)
    ]  # fmt: skip

    answers = at_once(*cancel, *give, partial(counts.begin_close, shift, by=users["clerk"]))

    assert all(not isinstance(one, Exception) or isinstance(one, DomainError) for one in answers)
    left = drawer.in_drawer(shift)
    standing = sum(one.amount_paise for one in Payment.objects.filter(state=State.SUCCEEDED))
    moved = sum(one.amount_paise for one in CashMove.objects.filter(kind="drop"))
    assert left == 1_000_00 + standing - moved
    assert left >= 0


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call gave or refused with, all begun together."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait(10)
            return call()
        except DomainError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
