"""Slips: what waits goes to the bank once, whole, and only what the safe holds."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection, transaction

from counters import deposits, safe
from counters.models import CashMove, Difference, Instrument
from counters.paper.cash import CountDiffers
from counters.seconds import NotYours
from counters.states import PaperState
from cspdcl.kernel.clock import today
from payments.actions import NotPayable, SubmittedBefore, reverse_at_counter
from payments.models import Deposit, Payment
from payments.states import State
from tests import factories as make
from tests.counters import drawer
from tests.counters.banking import cash, cheque, close, deposit, open_shift

pytestmark = pytest.mark.django_db


@pytest.fixture
def ways():
    """The two channels of a counter."""
    return {code: make.ChannelFactory(code=code) for code in ("cash", "cheque")}


@pytest.fixture
def office(offices, users, ways):
    """Office Z1 with 5,000.00 in its safe."""
    drawer.fill_safe(
        offices["Z1"], 5_000_00, supervisor=users["supervisor"], second=users["finance_officer"]
    )
    return offices["Z1"]


@pytest.fixture
def closed(office, users, make_user):
    """Two shifts of the office, closed: 1,500.00 in cash less 10.00 short, one cheque."""
    one = open_shift(office, clerk=users["clerk"], supervisor=users["supervisor"], code="rpr1")
    other = open_shift(
        office,
        clerk=make_user("second", "clerk", offices=(office,)),
        supervisor=users["supervisor"],
        code="rpr2",
    )
    cash(one, 1_000_00)
    cash(other, 500_00)
    cheque(one, 7_000_00, number="000123")
    close(one, 1_990_00, by=users["supervisor"], papers={"cheque": (1, 7_000_00)})
    close(other, 1_500_00, by=users["supervisor"])
    return office


def test_the_cash_of_an_office_goes_by_notes_with_what_was_short(closed, users, ways) -> None:
    load = deposits.load_of(closed, channel=ways["cash"], on=today())
    assert (load.receipts_paise, load.difference_paise, load.cash_paise) == (
        1_500_00, -10_00, 1_490_00,
    )  # fmt: skip

    with pytest.raises(deposits.NotesWanted):
        deposits.make_deposit(closed, channel=ways["cash"], on=today(), made_by=users["supervisor"])
    with pytest.raises(CountDiffers):
        deposit(closed, ways["cash"], by=users["supervisor"], paise=1_500_00)
    with pytest.raises(NotYours):
        deposit(closed, ways["cash"], by=users["clerk"], paise=1_490_00)
    assert not Deposit.objects.exists()
    made = deposit(closed, ways["cash"], by=users["supervisor"], paise=1_490_00)

    assert (made.amount_paise, made.counter, made.office) == (1_490_00, None, closed)
    assert made.slip.difference_paise == -10_00
    assert made.slip.denominations == drawer.notes(1_490_00)
    assert made.payments.count() == 2
    assert Difference.objects.get().deposit == made
    assert safe.position(closed) == 5_000_00 - 10_00 + 1_500_00 - 1_490_00
    assert CashMove.objects.get(kind="deposit").deposit == made
    with pytest.raises(deposits.NothingToDeposit):
        deposit(closed, ways["cash"], by=users["supervisor"], paise=1_490_00)


def test_papers_go_whole_from_the_supervisor_alone(closed, users, ways) -> None:
    made = deposits.make_deposit(
        closed, channel=ways["cheque"], on=today(), made_by=users["supervisor"]
    )

    paper = Instrument.objects.get()
    assert (paper.state, paper.deposit, made.slip.instrument_count) == (
        PaperState.DEPOSITED, made, 1,
    )  # fmt: skip
    assert (made.amount_paise, made.payments.count()) == (7_000_00, 1)
    assert not CashMove.objects.filter(kind="deposit").exists()


def test_nothing_of_an_open_shift_goes_on_a_slip(office, users, ways) -> None:
    shift = open_shift(office, clerk=users["clerk"], supervisor=users["supervisor"], code="rpr1")
    cash(shift, 400_00)
    cheque(shift, 7_000_00, number="000123")

    for way in ways.values():
        with pytest.raises(deposits.NothingToDeposit):
            deposit(shift.counter, way, by=users["supervisor"], paise=400_00)


def test_the_same_submit_twice_is_one_slip_and_another_is_refused(closed, users, ways) -> None:
    first = deposit(closed, ways["cash"], by=users["supervisor"], paise=1_490_00, key="k1")
    again = deposit(closed, ways["cash"], by=users["supervisor"], paise=1_490_00, key="k1")

    assert first == again
    with pytest.raises(SubmittedBefore):
        deposit(closed, ways["cheque"], by=users["supervisor"], paise=0, key="k1")
    assert Deposit.objects.count() == 1


def test_a_safe_that_does_not_hold_it_gives_nothing(closed, users, ways) -> None:
    safe.issue_float(
        closed, amount_paise=6_000_00, by=users["supervisor"], submit_key=drawer.key(),
        receiver=users["clerk"],
    )  # fmt: skip

    with pytest.raises(safe.NotInSafe, match="490"):
        deposit(closed, ways["cash"], by=users["supervisor"], paise=1_490_00)
    assert not Deposit.objects.exists()
    assert not Payment.objects.filter(deposit__isnull=False).exists()


def test_what_stands_on_a_slip_stays(closed, users, ways) -> None:
    made = deposit(closed, ways["cash"], by=users["supervisor"], paise=1_490_00)

    made.slip.denominations = {"500": 1}
    with pytest.raises(DatabaseError), transaction.atomic():
        made.slip.save()


@pytest.mark.django_db(transaction=True)
def test_two_slips_at_once_carry_everything_once(closed, users, ways) -> None:
    ready = threading.Barrier(2)

    def go(_number: int) -> str:
        try:
            ready.wait(timeout=10)
            return deposit(closed, ways["cash"], by=users["supervisor"], paise=1_490_00).reference
        except deposits.NothingToDeposit:
            return "nothing"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(go, range(2)))

    assert sorted(answers) == sorted([Deposit.objects.get().reference, "nothing"])
    assert safe.position(closed) == 5_000_00


@pytest.mark.django_db(transaction=True)
def test_a_cancellation_and_a_slip_leave_one_of_the_two(offices, users, ways) -> None:
    machine = make.CounterFactory(code="kiosk1", office=offices["Z1"])
    ready = threading.Barrier(2)
    paid = make.PaymentFactory(
        paid=True, counter=machine, office=machine.office, method="cash", channel=ways["cash"]
    )
    make.ReceiptFactory(payment=paid)

    def cancel() -> str:
        try:
            ready.wait(timeout=10)
            reverse_at_counter(paid.pk, supervisor=users["supervisor"], reason="wrong consumer")
        except NotPayable:
            return "refused"
        finally:
            connection.close()
        return "cancelled"

    def carry() -> str:
        try:
            ready.wait(timeout=10)
            deposit(machine, ways["cash"], by=users["supervisor"], paise=0)
        except deposits.NothingToDeposit:
            return "refused"
        finally:
            connection.close()
        return "carried"

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(cancel), pool.submit(carry)
        outcome = {first.result(), second.result()}

    assert outcome in ({"cancelled", "refused"}, {"refused", "carried"})
    stands = Payment.objects.filter(pk=paid.pk, state=State.SUCCEEDED, deposit__isnull=False)
    assert stands.exists() is ("carried" in outcome)
