"""The end of a day: counted by one, closed by another, and nothing is dated on it after."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction

from attachments.models import Attachment
from channels_.contract import Method
from counters import bags, closing, days, drawers, safe, shifts
from counters.models import Bag, OfficeDay, Shift
from counters.seconds import NotYours
from counters.taking import HandOver, NotTaken, ShareAsked, TenderAsked, take_one
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from payments.models import Payment
from tests import factories as make
from tests.counters import drawer
from tests.counters.banking import cash, cheque, close, deposit, open_shift

pytestmark = pytest.mark.django_db


@pytest.fixture
def ways():
    """The two channels of a counter."""
    return {code: make.ChannelFactory(code=code) for code in ("cash", "cheque")}


@pytest.fixture
def shift(offices, users, ways) -> Shift:
    """A shift of office Z1 with 1,000.00 of the safe's 5,000.00."""
    drawer.fill_safe(
        offices["Z1"], 5_000_00, supervisor=users["supervisor"], second=users["finance_officer"]
    )
    return open_shift(
        offices["Z1"], clerk=users["clerk"], supervisor=users["supervisor"], code="rpr1"
    )


def todays(office) -> OfficeDay:
    return OfficeDay.objects.select_related("office").get(office=office, business_date=today())


def counted(day: OfficeDay, paise: int, *, by) -> None:
    closing.count_safe(day, by=by, counted=drawer.notes(paise), submit_key=drawer.key())


def left_to_do(day: OfficeDay) -> set[str]:
    return {one.code for one in closing.to_do(day) if one.is_blocking and not one.is_done}


def test_a_day_closes_when_all_is_done_and_its_facts_stay(shift, users, ways) -> None:
    office, clerk, supervisor = shift.counter.office, users["clerk"], users["supervisor"]
    day = todays(office)
    cash(shift, 1_234_00)
    cheque(shift, 7_000_00, number="000123")
    assert left_to_do(day) == {"shifts", "papers", "safe"}
    close(shift, 2_234_00, by=supervisor, papers={"cheque": (1, 7_000_00)})
    with pytest.raises(closing.NotClosable, match="not counted"):
        closing.close(day, by=supervisor)
    counted(day, 6_234_00, by=clerk)
    with pytest.raises(closing.NotClosable, match="over night"):
        closing.close(day, by=supervisor)
    slip = deposit(office, ways["cash"], by=supervisor, paise=1_234_00)
    assert left_to_do(day) == {"safe"}  # cash has moved since
    counted(day, 5_000_00, by=supervisor)
    with pytest.raises(closing.NotClosable, match="second person"):
        closing.close(day, by=supervisor, stays="the cheque goes tomorrow")
    counted(day, 5_000_00, by=clerk)
    with pytest.raises(NotYours):
        closing.close(day, by=clerk, stays="the cheque goes tomorrow")

    closed = closing.close(day, by=supervisor, stays="the cheque goes tomorrow")

    assert (closed.state, closed.closed_by, closed.safe_counted_by) == (
        "closed", supervisor, clerk,
    )  # fmt: skip
    assert closed.safe_counted_paise == closed.safe_expected_paise == 5_000_00
    facts = OfficeDay.objects.get(pk=day.pk).facts
    assert (facts["opening_paise"], facts["closing_paise"]) == (0, 5_000_00)
    assert facts["receipts"] == {"cash": [1, 1_234_00], "cheque": [1, 7_000_00]}
    assert facts["deposits"] == [
        {"reference": slip.reference, "channel": "cash", "paise": 1_234_00}
    ]
    assert facts["not_deposited"] == {"cheque": [1, 7_000_00]}
    assert facts["stays"] == "the cheque goes tomorrow"
    assert facts["safe_moves"]["deposit"] == {"count": 1, "came": 0, "left": 1_234_00}


def test_a_safe_that_differs_is_put_right_by_two_before_the_day_closes(shift, users) -> None:
    office, supervisor = shift.counter.office, users["supervisor"]
    close(shift, 1_000_00, by=supervisor)
    day = todays(office)
    counted(day, 4_900_00, by=users["clerk"])
    assert left_to_do(day) == {"safe_differs"}

    asked = safe.ask_correction(
        office, counted=drawer.notes(4_900_00), reason="found short", by=supervisor,
        submit_key=drawer.key(),
    )  # fmt: skip
    with pytest.raises(closing.NotClosable):
        closing.close(day, by=supervisor)
    drawers.confirm(asked, by=users["finance_officer"])

    assert closing.close(day, by=supervisor).safe_counted_paise == 4_900_00


@pytest.fixture
def closed(shift, users) -> OfficeDay:
    """Today of office Z1, closed with 5,000.00 in the safe."""
    close(shift, 1_000_00, by=users["supervisor"])
    day = todays(shift.counter.office)
    counted(day, 5_000_00, by=users["clerk"])
    return closing.close(day, by=users["supervisor"])


def test_nothing_is_dated_on_a_closed_day(closed, shift, users, ways) -> None:
    office, supervisor, clerk = closed.office, users["supervisor"], users["clerk"]
    tries = [
        lambda: shifts.open_shift(shift.counter, clerk=clerk),
        lambda: take_one(
            shift.counter,
            clerk=clerk,
            asked=HandOver(
                submit_key=drawer.key(),
                shares=[
                    ShareAsked(consumer_number=make.ConsumerFactory().number, amount_paise=100)
                ],
                tenders=[TenderAsked(method=Method.CASH, amount_paise=100)],
            ),
        ),
        lambda: safe.issue_float(
            office, amount_paise=100, by=supervisor, submit_key=drawer.key(), receiver=clerk
        ),
        lambda: deposit(office, ways["cash"], by=supervisor, paise=100),
        lambda: counted(closed, 5_000_00, by=clerk),
        lambda: closing.close(closed, by=supervisor),
        lambda: days.office_day(office, on=today() - timedelta(days=1)),
    ]

    for one in tries:
        with pytest.raises(DomainError), transaction.atomic():
            one()
    with pytest.raises(DatabaseError), transaction.atomic():
        make.DepositFactory(office=office, counter=shift.counter)
    with pytest.raises(DatabaseError), transaction.atomic():
        OfficeDay.objects.create(office=office, business_date=today() - timedelta(days=1))
    assert not Payment.objects.filter(business_date=today()).exists()


def test_the_next_day_opens_with_what_was_counted_and_days_close_in_order(closed, users) -> None:
    office = closed.office
    with time_machine.travel(closed.closed_at + timedelta(days=1), tick=False):
        tomorrow = days_in_order(office)
        facts = closing.facts_of(tomorrow)
    assert (facts["opening_paise"], facts["closing_paise"]) == (5_000_00, 5_000_00)

    with time_machine.travel(closed.closed_at + timedelta(days=2), tick=False):
        later = days_in_order(office)
        assert "earlier" in left_to_do(later)
        with pytest.raises(closing.NotClosable, match="close it first"):
            closing.close(later, by=users["supervisor"])


@transaction.atomic
def days_in_order(office) -> OfficeDay:
    return days.office_day(office, on=today())


@pytest.mark.django_db(transaction=True)
def test_a_close_and_a_payment_at_once_go_one_after_the_other(offices, users, ways) -> None:
    """A machine of the office hands in what it took while the supervisor closes the day."""
    office = offices["Z1"]
    machine = make.CounterFactory(code="kiosk1", office=office)
    number = make.ConsumerFactory().number
    with transaction.atomic():
        day = days.office_day(office, on=today())
    ready = threading.Barrier(2)

    def shut() -> str:
        try:
            ready.wait(timeout=10)
            closing.close(day, by=users["supervisor"])
        except closing.NotClosable:
            return "refused"
        finally:
            connection.close()
        return "closed"

    def take() -> str:
        asked = HandOver(
            submit_key=drawer.key(),
            shares=[ShareAsked(consumer_number=number, amount_paise=100)],
            tenders=[TenderAsked(method=Method.CASH, amount_paise=100)],
        )
        try:
            ready.wait(timeout=10)
            take_one(machine, clerk=users["clerk"], asked=asked)
        except (days.DayClosed, NotTaken):
            return "refused"
        finally:
            connection.close()
        return "taken"

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(shut), pool.submit(take)
        outcome = (first.result(), second.result())

    # Taken first, the money is on no slip, and the day does not close without a word about it.
    assert outcome in (("closed", "refused"), ("refused", "taken"))


def test_a_bag_is_at_the_bank_when_all_its_slips_came_back_stamped(shift, users, ways) -> None:
    office, supervisor = shift.counter.office, users["supervisor"]
    cash(shift, 1_234_00)
    cheque(shift, 7_000_00, number="000123")
    close(shift, 2_234_00, by=supervisor, papers={"cheque": (1, 7_000_00)})
    slips = [
        deposit(office, ways["cash"], by=supervisor, paise=1_234_00),
        deposit(office, ways["cheque"], by=supervisor),
    ]
    bag = bags.seal(office, number="sl 0001", slips=[one.slip for one in slips], by=supervisor)

    with pytest.raises(bags.NotInBag, match="another bag"):
        bags.seal(office, number="SL 0002", slips=[slips[0].slip], by=supervisor)
    with pytest.raises(bags.NotInBag, match="not left"):
        bags.stamp(slips[0], by=supervisor, bank_ref="JNL1")
    with pytest.raises(NotYours):
        bags.hand_over(bag, carrier="the guard's van", by=users["clerk"])
    bags.hand_over(bag, carrier="the guard's van", by=supervisor)
    bags.stamp(slips[0], by=supervisor, bank_ref="JNL1")
    assert Bag.objects.get().state == "handed_over"
    with pytest.raises(bags.NotInBag, match="picture"):
        bags.stamp(slips[1], by=supervisor, bank_ref=" ")
    bags.stamp(slips[1], by=supervisor, bank_ref="JNL2")

    bag.refresh_from_db()
    assert (bag.state, bag.number, bag.receipted_at is not None) == ("receipted", "SL 0001", True)
    assert not Attachment.objects.exists()
