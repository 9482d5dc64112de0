"""Cash between drawers and the safe: two persons, once, and never more than is there."""

import pytest

from counters import drawers, safe, seconds, shifts
from counters.models import CashMove, Shift
from counters.paper.cash import CountDiffers
from payments.actions import SubmittedBefore
from tests.counters import drawer

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> drawer.Place:
    return drawer.Place()


def test_cash_handed_in_is_nowhere_until_the_supervisor_has_counted_it(place) -> None:
    move = place.hand_in(500_00)

    assert (drawer.in_drawer(place.shift), safe.position(place.office)) == (1_500_00, 8_000_00)
    with pytest.raises(CountDiffers):
        drawers.confirm(move, by=place.supervisor, counted=drawer.notes(400_00))
    with pytest.raises(seconds.NotYours):
        drawers.confirm(move, by=place.clerk, counted=drawer.notes(500_00))
    drawers.confirm(move, by=place.supervisor, counted=drawer.notes(500_00))

    assert (drawer.in_drawer(place.shift), safe.position(place.office)) == (1_500_00, 8_500_00)
    with pytest.raises(drawers.MoveRefused):
        drawers.refuse(move, by=place.supervisor, reason="too late")


def test_what_is_refused_or_taken_back_lies_where_it_was(place) -> None:
    drawers.refuse(place.hand_in(500_00), by=place.supervisor, reason="one note is torn")
    drawers.refuse(place.hand_in(300_00), by=place.clerk, reason="wrong amount")

    assert (drawer.in_drawer(place.shift), safe.position(place.office)) == (2_000_00, 8_000_00)


def test_a_form_sent_twice_moves_once(place) -> None:
    key = drawer.key()
    first = place.hand_in(500_00, submit_key=key)

    assert place.hand_in(500_00, submit_key=key) == first
    with pytest.raises(SubmittedBefore):
        place.hand_in(600_00, submit_key=key)
    assert drawer.in_drawer(place.shift) == 1_500_00


def test_no_more_leaves_than_is_there(place) -> None:
    with pytest.raises(shifts.NotInDrawer, match="holds 2,000"):
        place.hand_in(2_000_01 + 99)
    with pytest.raises(safe.NotInSafe, match="holds 8,000"):
        safe.issue_float(
            place.office,
            amount_paise=8_000_01,
            by=place.supervisor,
            submit_key=drawer.key(),
            receiver=place.second,
        )

    assert CashMove.objects.filter(state="asked").count() == 0


def test_a_paid_out_leaves_the_drawer_once_it_is_approved(place) -> None:
    move = drawers.ask_paid_out(
        place.shift,
        clerk=place.clerk,
        amount_paise=250_00,
        voucher="V 17",
        reason="stamps",
        submit_key=drawer.key(),
    )

    assert drawer.in_drawer(place.shift) == 2_000_00
    drawers.confirm(move, by=place.supervisor)
    assert drawer.in_drawer(place.shift) == 1_750_00


def test_a_supervisor_at_the_window_does_not_answer_for_their_own_drawer(place) -> None:
    mine = shifts.open_shift(place.next, clerk=place.supervisor)
    drawer.take_cash(mine, 800_00)
    move = drawers.hand_in(
        mine, clerk=place.supervisor, counted=drawer.notes(800_00), submit_key=drawer.key()
    )

    with pytest.raises(seconds.NotYours):
        drawers.confirm(move, by=place.supervisor, counted=drawer.notes(800_00))
    drawers.confirm(move, by=place.other, counted=drawer.notes(800_00))

    assert safe.position(place.office) == 8_800_00


def test_the_books_of_the_safe_follow_a_count_once_another_agrees(place) -> None:
    asked = safe.ask_correction(
        place.office,
        counted=drawer.notes(7_900_00),
        reason="a note was lost",
        by=place.supervisor,
        submit_key=drawer.key(),
    )

    assert safe.position(place.office) == 8_000_00
    with pytest.raises(seconds.NotYours):
        drawers.confirm(asked, by=place.supervisor)
    drawers.confirm(asked, by=place.other)

    assert safe.position(place.office) == 7_900_00
    with pytest.raises(safe.SafeRefuses):
        safe.ask_opening(
            place.office,
            counted=drawer.notes(1_00),
            by=place.supervisor,
            submit_key=drawer.key(),
        )


def test_one_clerk_has_one_shift_and_one_counter_one_clerk(place) -> None:
    with pytest.raises(shifts.AlreadyOpen):
        shifts.open_shift(place.next, clerk=place.clerk)
    with pytest.raises(shifts.AlreadyOpen):
        shifts.open_shift(place.counter, clerk=place.second)

    assert Shift.objects.count() == 1
