"""An office with a safe, a supervisor and clerks, for tests of shifts and drawers."""

import uuid
from collections.abc import Mapping
from typing import Any

from counters import counts, differences, drawers, safe, shifts
from counters.models import CashMove, Collection, CollectionLine, Instrument, Shift
from counters.paper.cash import change
from cspdcl.kernel.clock import now, today
from payments import receipts
from payments.models import Counter, Payment
from people import actions
from people.models import Office, User
from tests import factories as make


def notes(paise: int) -> dict[str, int]:
    """Notes and coins of that worth: what somebody types who has counted them."""
    fives, rest = divmod(paise, 5_000_00)
    counted = dict(change(rest, on=today()).counts)
    return {**counted, "500": counted.get("500", 0) + 10 * fives} if fives else counted


def key() -> str:
    return str(uuid.uuid4())


def fill_safe(office: Office, paise: int, *, supervisor: User, second: User) -> None:
    """Count the safe for the first time."""
    asked = safe.ask_opening(office, counted=notes(paise), by=supervisor, submit_key=key())
    drawers.confirm(asked, by=second)


def open_with(counter: Counter, *, clerk: User, supervisor: User, paise: int) -> Shift:
    """Open a shift with a float out of the safe."""
    asked = safe.issue_float(
        counter.office, amount_paise=paise, by=supervisor, submit_key=key(), receiver=clerk
    )
    return drawers.open_with(counter, clerk=clerk, float_move=asked, counted=notes(paise))


def take_cash(shift: Shift, paise: int, *, method: str = "cash", **more: Any) -> Payment:
    """One receipt of a shift, as taking leaves it behind."""
    held = shifts.held_open(shift.counter, clerk=shift.clerk)
    payment = make.PaymentFactory(
        paid=True,
        counter=shift.counter,
        office=shift.counter.office,
        method=method,
        amount_paise=paise,
        **more,
    )
    receipts.issue([payment])
    collection = Collection.objects.create(
        scope=f"user:{shift.clerk_id}",
        submit_key=key(),
        fingerprint="0" * 64,
        counter=shift.counter,
        shift=held,
        clerk=shift.clerk,
        business_date=today(),
        amount_paise=paise,
        cash_paise=paise if method == "cash" else 0,
        taken_at=now(),
    )
    CollectionLine.objects.create(collection=collection, payment=payment)
    return payment


def take_cheque(shift: Shift, paise: int, *, number: str) -> Instrument:
    """One cheque of a shift with its receipt."""
    payment = take_cash(shift, paise, method="cheque")
    return Instrument.objects.create(
        method="cheque",
        number=number,
        bank_key="492002009",
        amount_paise=paise,
        office=shift.counter.office,
        counter=shift.counter,
        collection=payment.collection_line.collection,
        taken_by=shift.clerk,
        received_on=today(),
    )


def count_out(
    shift: Shift, paise: int, *, papers: Mapping[str, tuple[int, int]] | None = None
) -> None:
    """Begin to close, and submit a count."""
    counts.begin_close(shift, by=shift.clerk)
    counted = counts.Counted(denominations=notes(paise), papers=papers or {})
    counts.submit_count(shift, by=shift.clerk, counted=counted)


def explain_all(shift: Shift) -> None:
    """The clerk gives a reason for every difference."""
    for one in shift.differences.filter(state="found"):
        differences.explain(one, by=shift.clerk, why="change", words="")


def in_drawer(shift: Shift) -> int:
    return shifts.expected_cash(Shift.objects.get(pk=shift.pk))


class Place:
    """An office with two clerks, two supervisors, and a safe."""

    def __init__(self) -> None:
        self.office: Office = make.OfficeFactory()
        self.supervisor, self.other = self.person("supervisor"), self.person("supervisor")
        self.clerk, self.second = self.person("clerk"), self.person("clerk")
        self.counter, self.next = (
            make.CounterFactory(office=self.office, keeps_shifts=True) for _ in range(2)
        )
        fill_safe(self.office, 10_000_00, supervisor=self.supervisor, second=self.other)
        self.shift = open_with(
            self.counter, clerk=self.clerk, supervisor=self.supervisor, paise=2_000_00
        )

    def person(self, role: str) -> User:
        user = make.UserFactory()
        actions.set_roles(user, {role})
        actions.grant_office(user, self.office)
        return user

    def hand_in(self, paise: int, **changes: Any) -> CashMove:
        facts = {"counted": notes(paise), "submit_key": key(), **changes}
        return drawers.hand_in(self.shift, clerk=self.clerk, **facts)
