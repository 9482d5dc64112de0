"""Closing a shift: a blind count, differences kept before they are shown, a second person's yes."""

import uuid

import pytest
from django.db import IntegrityError, transaction

from counters import (
    closing,
    counts,
    differences,
    drawers,
    exceptions,
    heaps,
    safe,
    seconds,
    shifts,
)
from counters.models import (
    CashMove,
    Difference,
    DrawerCount,
    Instrument,
    OfficePolicy,
    Shift,
)
from counters.paper.cash import CountDiffers
from counters.policy import policy_of
from counters.states import PaperState, ShiftState
from cspdcl.kernel.clock import today
from payments.selectors import payments_visible_to
from people.models import User
from tests import factories as make
from tests.counters import drawer

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(offices, users):
    """Counter 1 of Z1 with 20,000.00 in the safe, and an open shift with 2,000.00."""
    counter = make.CounterFactory(code="rpr1", office=offices["Z1"], keeps_shifts=True)
    supervisor = users["supervisor"]
    drawer.fill_safe(
        counter.office, 20_000_00, supervisor=supervisor, second=users["finance_officer"]
    )
    return drawer.open_with(counter, clerk=users["clerk"], supervisor=supervisor, paise=2_000_00)


def fresh(shift: Shift) -> Shift:
    return Shift.objects.get(pk=shift.pk)


def test_a_shift_that_agrees_closes_into_the_safe(place, users) -> None:
    drawer.take_cash(place, 1_234_00)
    paper = drawer.take_cheque(place, 5_000_00, number="000123")
    assert drawer.in_drawer(place) == 3_234_00

    drawer.count_out(place, 3_234_00, papers={"cheque": (1, 5_000_00)})
    differences.accept(place, by=users["supervisor"], keep_paise=2_000_00)

    assert fresh(place).state == ShiftState.CLOSED
    assert drawer.in_drawer(place) == 0
    assert safe.position(place.counter.office) == 20_000_00 - 2_000_00 + 3_234_00 - 2_000_00
    paper.refresh_from_db()
    assert paper.state == PaperState.WITH_SUPERVISOR
    left = CashMove.objects.get(kind="float", state="asked")
    assert (left.counter, left.receiver, left.amount_paise) == (place.counter, None, 2_000_00)


def test_a_small_difference_is_posted_by_the_supervisor(place, users) -> None:
    drawer.take_cash(place, 1_000_00)
    drawer.count_out(place, 2_990_00)

    (short,) = Difference.objects.all()
    assert (short.method, short.amount_paise, short.state) == ("cash", -10_00, "found")
    with pytest.raises(differences.NotAccepted, match="why"):
        differences.accept(place, by=users["supervisor"])
    drawer.explain_all(place)
    differences.accept(place, by=users["supervisor"])

    short.refresh_from_db()
    assert (short.state, short.checker, short.approver) == ("posted", users["supervisor"], None)
    assert drawer.in_drawer(place) == 0
    assert safe.position(place.counter.office) == 20_000_00 - 2_000_00 + 2_990_00
    assert differences.record_of(users["clerk"]) == differences.Record(
        short_count=1, short_paise=10_00
    )


def test_a_large_difference_wants_the_supervisor_and_then_finance(place, users) -> None:
    drawer.count_out(place, 2_500_00)
    drawer.explain_all(place)

    with pytest.raises(seconds.NotYours):
        differences.accept(place, by=users["finance_officer"])
    assert differences.accept(place, by=users["supervisor"]).state == ShiftState.COUNTED
    with pytest.raises(seconds.NotYours):
        differences.accept(place, by=users["supervisor"])
    assert not CashMove.objects.filter(kind="difference").exists()
    differences.accept(place, by=users["finance_officer"])

    (over,) = Difference.objects.all()
    assert (over.amount_paise, over.approver) == (500_00, users["finance_officer"])
    assert fresh(place).state == ShiftState.CLOSED
    assert safe.position(place.counter.office) == 20_000_00 + 500_00


def test_the_clerk_and_people_of_other_offices_accept_nothing(place, users, make_user, offices):
    drawer.count_out(place, 2_000_00)
    stranger = make_user("stranger", "supervisor", offices=(offices["Z3"],))

    for by in (users["clerk"], stranger, users["auditor"]):
        with pytest.raises(seconds.NotYours):
            differences.accept(place, by=by)

    assert fresh(place).state == ShiftState.COUNTED
    assert not CashMove.objects.filter(kind="hand_in").exists()


def test_who_counted_for_an_absent_clerk_does_not_accept(place, users, make_user, offices) -> None:
    other = make_user("second", "supervisor", offices=(offices["Z1"],))
    counts.begin_close(place, by=users["supervisor"])
    counted = counts.Counted(denominations=drawer.notes(2_000_00))
    counts.submit_count(place, by=users["supervisor"], counted=counted)

    with pytest.raises(seconds.NotYours):
        differences.accept(place, by=users["supervisor"])
    differences.accept(place, by=other)

    assert fresh(place).state == ShiftState.CLOSED


def test_a_recount_stands_beside_the_first_and_lets_the_next_clerk_work(
    place, users, make_user, offices
) -> None:
    drawer.count_out(place, 1_990_00)
    after = make_user("after", "clerk", offices=(offices["Z1"],))
    next_shift = shifts.open_shift(place.counter, clerk=after)

    differences.ask_recount(place, by=users["supervisor"], why="a bundle of 10 was missed")
    assert shifts.totals_hidden(fresh(place), policy_of(place.counter.office))
    counted = counts.Counted(denominations=drawer.notes(2_000_00))
    counts.submit_count(place, by=users["clerk"], counted=counted)
    differences.accept(place, by=users["supervisor"])

    kinds = DrawerCount.objects.filter(shift=place).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["float", "closing", "recount"]
    assert Difference.objects.get().state == "recounted"
    assert fresh(place).state == ShiftState.CLOSED
    assert (fresh(next_shift).state, next_shift.number) == (ShiftState.OPEN, 2)


def test_nothing_is_taken_moved_or_seen_once_closing_has_begun(place, users) -> None:
    drawer.take_cash(place, 1_000_00)
    assert payments_visible_to(users["clerk"]).count() == 1

    counts.begin_close(place, by=users["clerk"])

    with pytest.raises(shifts.ClosingBegun):
        shifts.held_open(place.counter, clerk=users["clerk"])
    with pytest.raises(shifts.ClosingBegun):
        drawers.hand_in(
            place, clerk=users["clerk"], counted=drawer.notes(100_00), submit_key=drawer.key()
        )
    assert shifts.totals_hidden(fresh(place), policy_of(place.counter.office))
    assert payments_visible_to(users["clerk"]).count() == 0
    assert payments_visible_to(users["supervisor"]).count() == 1
    counted = counts.Counted(denominations=drawer.notes(3_000_00))
    counts.submit_count(place, by=users["clerk"], counted=counted)
    assert payments_visible_to(users["clerk"]).count() == 1


def test_cash_on_its_way_keeps_a_drawer_from_being_counted(place, users) -> None:
    asked = drawers.hand_in(
        place, clerk=users["clerk"], counted=drawer.notes(500_00), submit_key=drawer.key()
    )

    with pytest.raises(counts.MovesWait):
        counts.begin_close(place, by=users["clerk"])
    drawers.confirm(asked, by=users["supervisor"], counted=drawer.notes(500_00))
    counts.begin_close(place, by=users["clerk"])

    assert fresh(place).state == ShiftState.COUNTING


def test_a_count_is_never_changed_and_an_illegal_step_is_refused_by_the_database(place) -> None:
    drawer.count_out(place, 2_000_00)

    for change in (
        lambda: DrawerCount.objects.filter(shift=place).update(cash_paise=1),
        lambda: Shift.objects.filter(pk=place.pk).update(state="open"),
        lambda: Shift.objects.filter(pk=place.pk).update(closed_by=place.clerk),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()

    assert DrawerCount.objects.get(shift=place, kind="closing").cash_paise == 2_000_00


def test_papers_that_are_missing_are_a_difference_of_their_kind(place) -> None:
    drawer.take_cheque(place, 5_000_00, number="000123")

    drawer.count_out(place, 2_000_00, papers={"demand_draft": (1, 700_00)})

    found = Difference.objects.values_list("method", "amount_paise")
    assert dict(found) == {"cheque": -5_000_00, "demand_draft": 700_00}


def test_papers_that_are_missing_are_named_and_stay_until_they_are_found(place, users) -> None:
    lost, other, good = (
        drawer.take_cheque(place, paise, number=number)
        for number, paise in (("000123", 30_00), ("000124", 20_00), ("000125", 20_00))
    )
    drawer.count_out(place, 2_000_00, papers={"cheque": (2, 40_00)})
    drawer.explain_all(place)
    supervisor = users["supervisor"]

    for named in ([], [other], [other, other]):  # none, and of less than is short
        with pytest.raises(differences.NotAccepted, match="Papers are short"):
            differences.accept(place, by=supervisor, missing=[one.public_id for one in named])
    with pytest.raises(differences.NotAccepted, match="not in this drawer"):
        differences.accept(place, by=supervisor, missing=[uuid.uuid4()])
    differences.accept(place, by=supervisor, missing=[lost.public_id])

    states = dict(Instrument.objects.values_list("number", "state"))
    assert states == {
        lost.number: PaperState.RECEIVED,
        other.number: PaperState.WITH_SUPERVISOR,
        good.number: PaperState.WITH_SUPERVISOR,
    }
    assert fresh(place).state == ShiftState.CLOSED
    assert _missing(supervisor) == (1, 30_00)
    (item,) = (one for one in closing.to_do(place.office_day) if one.code == "papers")
    assert (item.is_blocking, "not found yet" in item.words) == (False, True)
    waiting = Instrument.objects.filter(state=PaperState.RECEIVED)
    heaps.act_on(waiting, act="hand_over", by=supervisor, seen_count=1, seen_paise=30_00)
    assert _missing(supervisor) == (0, 0)


def test_above_the_limit_the_missing_are_named_at_once_and_no_float_is_kept(place, users) -> None:
    lost = drawer.take_cheque(place, 5_000_00, number="000123")
    kept = drawer.take_cheque(place, 100_00, number="000124")
    drawer.count_out(place, 2_000_00, papers={"cheque": (1, 100_00)})
    drawer.explain_all(place)
    supervisor, missing = users["supervisor"], [lost.public_id]

    with pytest.raises(differences.NotAccepted, match="Finance must agree first"):
        differences.accept(place, by=supervisor, keep_paise=1_000_00, missing=missing)
    held = differences.accept(place, by=supervisor, missing=missing)
    kept.refresh_from_db()
    assert (held.state, kept.state) == (ShiftState.COUNTED, PaperState.WITH_SUPERVISOR)
    differences.accept(place, by=users["finance_officer"])

    lost.refresh_from_db()
    assert (fresh(place).state, lost.state) == (ShiftState.CLOSED, PaperState.RECEIVED)


def _missing(user: User) -> tuple[int, int | None]:
    heap = next(one for one in exceptions.heaps(user, on=today()) if one.kind.code == "missing")
    exceptions.lines(heap.kind, list(heap.kind.rows(user, today())))
    return heap.count, heap.paise


def test_totals_are_shown_or_hidden_as_the_office_wants(place) -> None:
    office = place.counter.office
    assert not shifts.totals_hidden(place, policy_of(office))
    OfficePolicy.objects.create(office=office, shows_running_total=False)

    assert shifts.totals_hidden(place, policy_of(office))
    with pytest.raises(shifts.NotInDrawer) as refusal:
        shifts.check_can_give(place, 2_000_01, policy=policy_of(office))
    assert "2,000" not in str(refusal.value)


def test_a_float_that_differs_opens_nothing(place, users, make_user, offices) -> None:
    counter = make.CounterFactory(code="rpr2", office=offices["Z1"], keeps_shifts=True)
    other = make_user("other", "clerk", offices=(offices["Z1"],))
    asked = safe.issue_float(
        counter.office,
        amount_paise=1_000_00,
        by=users["supervisor"],
        submit_key=drawer.key(),
        receiver=other,
    )

    with pytest.raises(CountDiffers):
        drawers.open_with(counter, clerk=other, float_move=asked, counted=drawer.notes(990_00))

    assert not Shift.objects.filter(counter=counter).exists()
    asked.refresh_from_db()
    assert asked.state == "asked"
    drawers.refuse(asked, by=users["supervisor"], reason="one note was missing")
    assert safe.position(counter.office) == 18_000_00
