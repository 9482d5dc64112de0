"""Dishonour: every book at once, once, by somebody else; or nothing anywhere."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from counters import bars, books, charges, dishonour, making_good, papers, returning
from counters.models import (
    ChequeBar,
    Instrument,
    InstrumentEvent,
    LegalNotice,
    ReturnCharge,
    Share,
)
from counters.seconds import NotYours
from counters.states import PaperState
from cspdcl.kernel.clock import today
from outgoing.models import Outgoing
from payments.models import Bill, Payment, PaymentEvent, Receipt
from payments.selectors import dues_of
from payments.states import State
from people.models import AuditEvent, Office, User
from tests import factories
from tests.counters.lives import Branch, tariff


@pytest.fixture
def branch(users: Mapping[str, User], offices: Mapping[str, Office]) -> Branch:
    tariff()
    return Branch(office=offices["Z1"], by=users["supervisor"])


def returned(branch: Branch, paper: Instrument, code: str = "01") -> Instrument:
    """The bank sends a paper back; the supervisor writes it down by hand."""
    returning.record_return(paper, on=today(), code=code, by=branch.by)
    return paper


def test_a_dishonour_undoes_the_paper_in_every_book_of_ours(
    branch: Branch, users: Mapping[str, User]
) -> None:
    first, second = branch.consumer(), branch.consumer("9876543211")
    bill = factories.BillFactory.create(
        consumer=first, amount_paise=90_000, issued_on=today(), due_on=today()
    )
    paper = branch.cheque(900, 450, consumers=[first, second])
    branch.banked(paper)
    assert dues_of(first) == []
    returned(branch, paper)

    dishonour.dishonour(paper.pk, by=users["finance_officer"])

    paper.refresh_from_db()
    assert paper.state == PaperState.DISHONOURED
    assert set(Payment.objects.values_list("state", flat=True)) == {State.REVERSED}
    assert Receipt.objects.filter(cancelled_at__isnull=True).count() == 0
    charge = Bill.objects.get(kind=Bill.Kind.CHARGE)
    assert (charge.consumer, charge.amount_paise) == (first, 59_000)
    assert {one.number: one.outstanding_paise for one in dues_of(first)} == {
        bill.number: 90_000,
        charge.number: 59_000,
    }
    assert dues_of(second) == []
    last_day = today() + timedelta(days=365)
    assert [papers.bar_of(one, on=last_day) is not None for one in (first, second)] == [True] * 2
    assert papers.bar_of(first, on=last_day + timedelta(days=1)) is None
    notice = LegalNotice.objects.get()
    assert (notice.memo_on, notice.notice_by) == (today(), today() + timedelta(days=30))
    told = Outgoing.objects.order_by("channel", "kind").values_list("channel", "kind")
    assert list(told) == [
        ("erp", "payment_reversed"), ("erp", "payment_reversed"), ("letter", "cheque_notice"),
        ("sms", "cheque_barred"), ("sms", "cheque_barred"),
        ("sms", "cheque_dishonoured"), ("sms", "cheque_dishonoured"),
    ]  # fmt: skip
    (undone,) = AuditEvent.objects.filter(action="paper.dishonoured")
    assert undone.payload["after"]["charge_paise"] == 59_000


def test_a_dishonour_twice_is_one(branch: Branch, users: Mapping[str, User]) -> None:
    paper = branch.cheque(900)
    branch.banked(paper)
    returned(branch, paper)
    dishonour.dishonour(paper.pk, by=users["finance_officer"])
    before = _world()

    dishonour.dishonour(paper.pk, by=users["finance_officer"])

    assert _world() == before


def test_who_wrote_the_return_down_does_not_decide_alone(
    branch: Branch, users: Mapping[str, User], make_user: Callable[..., User],
    offices: Mapping[str, Office],
) -> None:  # fmt: skip
    paper = branch.cheque(900)
    branch.banked(paper)
    returned(branch, paper)
    elsewhere = make_user("elsewhere", "supervisor", offices=(offices["Z2"],))
    before = _world()

    for person in (branch.by, users["clerk"], users["auditor"], elsewhere):
        with pytest.raises(NotYours):
            dishonour.dishonour(paper.pk, by=person)

    assert _world() == before


def test_only_the_cheque_of_a_mixed_payment_falls(
    branch: Branch, users: Mapping[str, User]
) -> None:
    who = branch.consumer()
    cash = factories.PaymentFactory.create(
        paid=True, consumer=who, counter=branch.counter, method="cash", amount_paise=10_000
    )
    paper = branch.cheque(900, consumers=[who])
    branch.banked(paper)
    returned(branch, paper)

    dishonour.dishonour(paper.pk, by=users["finance_officer"])

    cash.refresh_from_db()
    assert cash.state == State.SUCCEEDED
    assert Payment.objects.filter(state=State.REVERSED).count() == 1


def test_a_technical_return_costs_nothing_and_goes_to_the_bank_again(
    branch: Branch, users: Mapping[str, User]
) -> None:
    paper = branch.cheque(900)
    first = branch.banked(paper)
    returned(branch, paper, "84")
    with pytest.raises(dishonour.NotDishonoured, match="not the drawer's fault"):
        dishonour.dishonour(paper.pk, by=users["finance_officer"])

    paper.refresh_from_db()
    second = branch.banked(paper)

    assert (paper.state, paper.presented_count) == (PaperState.DEPOSITED, 2)
    assert Payment.objects.get().deposit == first
    turns = list(books.returns_since(None))
    assert [(one.amount_paise, one.deposit_ref) for one in turns] == [
        (-90_000, first.reference), (90_000, second.reference),
    ]  # fmt: skip
    assert not ChequeBar.objects.exists()
    assert not Bill.objects.exists()


def test_a_paper_bounces_after_it_cleared_and_again_after_it_was_presented_again(
    branch: Branch, users: Mapping[str, User]
) -> None:
    paper = branch.cheque(900)
    branch.banked(paper)
    papers.clear_papers([paper], by=branch.by, on=today(), cause="by list")
    paper.refresh_from_db()
    returned(branch, paper, "03")
    branch.banked(paper)

    with pytest.raises(returning.NotReturned, match="has not come"):
        returning.record_return(paper, on=today() + timedelta(days=1), code="01", by=branch.by)
    returned(branch, paper, "01")
    dishonour.dishonour(paper.pk, by=users["finance_officer"])

    steps = InstrumentEvent.objects.order_by("pk").values_list("to_state", flat=True)
    assert list(steps) == [
        "with_supervisor", "deposited", "cleared", "returned", "deposited", "returned",
        "dishonoured",
    ]  # fmt: skip
    assert Payment.objects.get().state == State.REVERSED


@pytest.mark.parametrize("state", ["received", "with_supervisor"])
def test_what_was_never_at_the_bank_cannot_come_back(
    branch: Branch, users: Mapping[str, User], state: str
) -> None:
    paper = branch.cheque(900)
    if state == "with_supervisor":
        papers.hand_over([paper], by=branch.by, on=today(), cause="a test")
    before = _world()

    with pytest.raises(returning.NotReturned, match="does not have it"):
        returning.record_return(paper, on=today(), code="01", by=branch.by)
    with pytest.raises(dishonour.NotDishonoured):
        dishonour.dishonour(paper.pk, by=users["finance_officer"])

    assert _world() == before


def test_a_failure_at_any_statement_leaves_nothing_behind(
    branch: Branch, users: Mapping[str, User]
) -> None:
    paper = branch.cheque(900, 450)
    branch.banked(paper)
    returned(branch, paper)
    before = _world()

    made = 0
    while _is_stopped_at(made, paper, users["finance_officer"]):
        made += 1
        assert _world() == before, f"statement {made} left something behind"

    assert made > 25
    paper.refresh_from_db()
    assert paper.state == PaperState.DISHONOURED


class _Stop(Exception):
    """The connection breaks here."""


def _is_stopped_at(number: int, paper: Instrument, by: User) -> bool:
    """Dishonour over a connection that breaks at its nth statement; false without such a one."""
    seen = 0

    def breaking(execute, sql, params, many, context):
        nonlocal seen
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            seen += 1
            if seen == number + 1:
                raise _Stop
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(breaking):
            dishonour.dishonour(paper.pk, by=by)
    except _Stop:
        return True
    return False


def test_the_charge_is_the_flat_sum_or_the_share_whichever_is_more() -> None:
    rule = ReturnCharge(
        code="x", flat_paise=50_000, percent=Decimal("2.50"), gst_percent=Decimal("18.00")
    )

    assert charges.charge_paise(rule, amount_paise=1_000_000) == 59_000
    assert charges.charge_paise(rule, amount_paise=10_000_001) == 295_000
    assert charges.charge_paise(rule, amount_paise=2_000_020) == 59_001


@pytest.mark.django_db
def test_the_latest_tariff_of_a_day_is_in_force() -> None:
    tariff(flat=100)
    ReturnCharge.objects.create(code="return", flat_paise=20_000, valid_from=date(2026, 1, 1))

    found = charges.in_force(on=date(2025, 12, 31)), charges.in_force(on=date(2026, 1, 1))

    assert [one and one.flat_paise for one in found] == [10_000, 20_000]
    assert charges.in_force(on=date(2024, 3, 31)) is None


def test_a_bar_is_lifted_with_a_reason(branch: Branch, users: Mapping[str, User]) -> None:
    paper = branch.cheque(900)
    branch.banked(paper)
    returned(branch, paper)
    dishonour.dishonour(paper.pk, by=users["finance_officer"])
    (bar,) = ChequeBar.objects.all()
    with pytest.raises(bars.NotLifted):
        bars.lift(bar.pk, by=branch.by, reason=" ")

    bars.lift(bar.pk, by=branch.by, reason="paid four times since")

    assert papers.bar_of(bar.consumer, on=today()) is None


def test_what_every_consumer_paid_instead_makes_the_paper_good(
    branch: Branch, users: Mapping[str, User]
) -> None:
    paper = branch.cheque(900, 450)
    branch.banked(paper)
    returned(branch, paper)
    dishonour.dishonour(paper.pk, by=users["finance_officer"])
    first, second = Share.objects.order_by("pk")
    cash = _paid(branch, first, 900)
    short = _paid(branch, second, 449)

    making_good.make_good(first.pk, payment=cash, by=branch.by)
    with pytest.raises(making_good.NotMadeGood):
        making_good.make_good(second.pk, payment=short, by=branch.by)
    with pytest.raises(making_good.NotMadeGood):
        making_good.make_good(second.pk, payment=cash, by=branch.by)
    paper.refresh_from_db()
    assert paper.state == PaperState.DISHONOURED

    making_good.make_good(second.pk, payment=_paid(branch, second, 500, "upi"), by=branch.by)

    paper.refresh_from_db()
    assert paper.state == PaperState.REPLACED
    assert LegalNotice.objects.get().closed_on == today()


def _paid(branch: Branch, share: Share, rupees: int, method: str = "cash") -> Payment:
    made: Payment = factories.PaymentFactory.create(
        paid=True,
        consumer=share.consumer,
        counter=branch.counter,
        method=method,
        amount_paise=rupees * 100,
    )
    return made


def test_the_database_keeps_the_steps_of_a_paper(branch: Branch) -> None:
    paper = branch.cheque(900)
    papers.hand_over([paper], by=branch.by, on=today(), cause="a test")

    for wrong in ({"state": "cleared"}, {"amount_paise": 1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Instrument.objects.filter(pk=paper.pk).update(**wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        InstrumentEvent.objects.all().delete()


def _world() -> list[object]:
    """Everything that a dishonour writes."""
    return [
        list(Instrument.objects.order_by("pk").values()),
        InstrumentEvent.objects.count(),
        list(Payment.objects.order_by("pk").values_list("state", "deposit")),
        PaymentEvent.objects.count(),
        list(Receipt.objects.order_by("pk").values_list("cancelled_at", flat=True)),
        Bill.objects.count(),
        ChequeBar.objects.count(),
        LegalNotice.objects.count(),
        Outgoing.objects.count(),
        AuditEvent.objects.count(),
        Share.objects.filter(charge__isnull=False).count(),
    ]
