"""Random days at three windows against plain sums: what is missing is the theft, to the paisa.

Takes go through taking, cash through drawers, closes through counts and differences. The reference
knows only additions: what each drawer, the safe and the way between them must hold.
"""

from dataclasses import dataclass, field

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from channels_.contract import Method
from counters import cancelling, counts, differences, drawers, safe, shifts, taking
from counters.models import CashMove, Difference, Shift
from counters.policy import policy_of
from counters.states import ShiftState
from counters.tenders import TenderAsked
from payments.models import Payment, Receipt
from people import actions
from people.models import User
from tests import factories as make
from tests.counters import drawer

WINDOWS = 3
FLOAT = st.integers(0, 40).map(lambda rupees: rupees * 100_00)
RUPEES = st.integers(1, 3_000).map(lambda rupees: rupees * 100)
WINDOW = st.integers(0, WINDOWS - 1)


@dataclass
class Drawer:
    """What the reference knows of one window's live shift."""

    shift: Shift
    books: int = 0  # cash that must be there
    stolen: int = 0
    taken: list[Payment] = field(default_factory=list)

    @property
    def cash(self) -> int:
        """What really lies there: nobody hands over what was stolen."""
        return self.books - self.stolen


class Days(RuleBasedStateMachine):
    """Clerks take, hand in, give, pay out, cancel, are robbed, and close."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()

    def teardown(self) -> None:
        """Every day ends: what waits is answered, and every drawer is counted."""
        try:
            if hasattr(self, "drawers"):
                while self.waiting:
                    self.answer(is_yes=True)
                for at in range(WINDOWS):
                    self.close(at)
                self.books_agree()
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    @initialize()
    def house(self) -> None:
        self.office = make.OfficeFactory()
        make.ChannelFactory(code="cash", position=1)
        make.ChannelFactory(code="cheque", position=2)
        self.consumer = make.ConsumerFactory(office=self.office)
        self.supervisor = self.person("supervisor")
        self.finance = self.person("finance_officer")
        self.clerks = [self.person("clerk") for _ in range(WINDOWS)]
        self.windows = [
            make.CounterFactory(office=self.office, keeps_shifts=True) for _ in range(WINDOWS)
        ]
        drawer.fill_safe(self.office, 50_000_00, supervisor=self.supervisor, second=self.finance)
        self.in_safe = 50_000_00
        self.drawers: list[Drawer | None] = [None] * WINDOWS
        self.waiting: list[CashMove] = []
        self.receipts = [0] * WINDOWS
        self.stolen_and_found = 0
        for at in range(WINDOWS - 1):
            self.open(at, 2_000_00)

    def person(self, role: str) -> User:
        user = make.UserFactory()
        actions.set_roles(user, {role})
        actions.grant_office(user, self.office)
        return user

    # ---- opening and taking ----

    @rule(at=WINDOW, paise=FLOAT)
    def open(self, at: int, paise: int) -> None:
        if self.drawers[at] is not None or paise > self.in_safe:
            return
        clerk, window = self.clerks[at], self.windows[at]
        if paise:
            shift = drawer.open_with(window, clerk=clerk, supervisor=self.supervisor, paise=paise)
        else:
            shift = shifts.open_shift(window, clerk=clerk)
        self.in_safe -= paise
        self.drawers[at] = Drawer(shift, books=paise)

    @rule(at=WINDOW, paise=RUPEES)
    def take(self, at: int, paise: int) -> None:
        asked = taking.HandOver(
            submit_key=drawer.key(),
            shares=[taking.ShareAsked(consumer_number=self.consumer.number, amount_paise=paise)],
            tenders=[TenderAsked(method=Method.CASH, amount_paise=paise)],
        )
        here = self.drawers[at]
        if here is None:
            with pytest.raises(shifts.NoShift):
                taking.take_one(self.windows[at], clerk=self.clerks[at], asked=asked)
            return
        taken = taking.take_one(self.windows[at], clerk=self.clerks[at], asked=asked)
        self.receipts[at] += 1
        here.books += paise
        here.taken.append(taken.receipts[0].payment)

    @precondition(lambda self: any(one and one.taken for one in self.drawers))
    @rule(at=WINDOW)
    def cancel(self, at: int) -> None:
        here = self.drawers[at]
        if here is None or not here.taken:
            return
        payment = here.taken[-1]
        if here.cash < payment.amount_paise <= here.books:
            return
        try:
            cancelling.cancel(payment.pk, supervisor=self.supervisor, reason="typed twice")
        except shifts.NotInDrawer:
            assert payment.amount_paise > here.books
            return
        here.taken.pop()
        here.books -= payment.amount_paise

    # ---- moving cash ----

    @rule(at=WINDOW, paise=RUPEES, kind=st.sampled_from(["hand_in", "give", "pay_out"]), to=WINDOW)
    def ask(self, at: int, paise: int, kind: str, to: int) -> None:
        here, there = self.drawers[at], self.drawers[to]
        if here is None or (kind == "give" and (there is None or to == at)):
            return
        if here.cash < paise <= here.books:
            return
        try:
            move = self.asked(here, there, paise, kind)
        except shifts.NotInDrawer:
            assert paise > here.books
            return
        assert paise <= here.books
        if kind != "pay_out":
            here.books -= paise  # it has left the hand
        self.waiting.append(move)

    def asked(self, here: Drawer, there: Drawer | None, paise: int, kind: str) -> CashMove:
        clerk, counted, key = here.shift.clerk, drawer.notes(paise), drawer.key()
        if kind == "hand_in":
            return drawers.hand_in(here.shift, clerk=clerk, counted=counted, submit_key=key)
        if kind == "give" and there is not None:
            return drawers.give_to(
                here.shift, to=there.shift, clerk=clerk, counted=counted, submit_key=key
            )
        return drawers.ask_paid_out(
            here.shift,
            clerk=clerk,
            amount_paise=paise,
            voucher="V1",
            reason="stamps",
            submit_key=key,
        )

    @precondition(lambda self: self.waiting)
    @rule(is_yes=st.booleans())
    def answer(self, is_yes: bool) -> None:
        move = self.waiting.pop(0)
        giver = self.of(move.from_shift)
        by = move.to_shift.clerk if move.to_shift else self.supervisor
        if move.kind == "paid_out" and giver.cash < move.amount_paise <= giver.books:
            is_yes = False
        if not is_yes:
            drawers.refuse(move, by=by, reason="not now")
            giver.books += move.amount_paise if move.kind != "paid_out" else 0
            return
        try:
            drawers.confirm(move, by=by, counted=drawer.notes(move.amount_paise))
        except shifts.NotInDrawer:
            assert move.amount_paise > giver.books
            drawers.refuse(move, by=by, reason="the drawer has less by now")
            return
        if move.kind == "paid_out":
            giver.books -= move.amount_paise
        elif move.to_shift:
            self.of(move.to_shift).books += move.amount_paise
        else:
            self.in_safe += move.amount_paise

    @rule(at=WINDOW, paise=RUPEES)
    def steal(self, at: int, paise: int) -> None:
        here = self.drawers[at]
        if here is not None and paise <= here.cash:
            here.stolen += paise

    # ---- closing ----

    @rule(at=WINDOW)
    def close(self, at: int) -> None:
        here = self.drawers[at]
        if here is None:
            return
        shift = here.shift
        if any(shift in (move.from_shift, move.to_shift) for move in self.waiting):
            with pytest.raises(counts.MovesWait):
                counts.begin_close(shift, by=shift.clerk)
            return
        found, lost = here.cash, here.stolen
        drawer.count_out(shift, found)
        told = {one.method: one.amount_paise for one in shift.differences.all()}
        assert told == ({"cash": -lost} if lost else {})
        drawer.explain_all(shift)
        held = differences.accept(shift, by=self.supervisor)
        if held.state != ShiftState.CLOSED:
            assert lost > policy_of(self.office).difference_limit_paise
            held = differences.accept(shift, by=self.finance)
        assert held.state == ShiftState.CLOSED
        assert shifts.expected_cash(shift) == 0
        self.in_safe += found
        self.stolen_and_found += lost
        self.drawers[at] = None

    def of(self, shift: Shift | None) -> Drawer:
        return next(one for one in self.drawers if one and shift and one.shift.pk == shift.pk)

    # ---- always ----

    @invariant()
    def books_agree(self) -> None:
        if not hasattr(self, "drawers"):
            return
        live = [one for one in self.drawers if one]
        expected = shifts.expected_cash_of([one.shift for one in live])
        assert expected == {one.shift.pk: one.books for one in live}
        assert all(paise >= 0 for paise in expected.values())
        assert safe.position(self.office) == self.in_safe >= 0
        posted = Difference.objects.filter(state="posted").values_list("amount_paise", flat=True)
        assert -sum(posted) == self.stolen_and_found
        for window, count in zip(self.windows, self.receipts, strict=True):
            numbers = Receipt.objects.filter(series=window.code.upper()).order_by("number")
            assert list(numbers.values_list("number", flat=True)) == list(range(1, count + 1))


@pytest.mark.django_db
def test_what_is_missing_is_the_theft_whatever_happens_before() -> None:
    run_state_machine_as_test(
        Days,
        settings=settings(
            max_examples=12,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
