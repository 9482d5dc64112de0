"""Payments that only a report tells of: asked for, believed as agreed, or by a person."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import time_machine

from payments.models import Payment, Receipt
from people.models import User
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER
from reconciliation.desk import decisions
from reconciliation.found import assigning, listed
from reconciliation.models import Break, Evidence, Proof
from tests import factories
from tests.worked_examples.accounts import Desk, Line, paid

MON, WED = date(2026, 8, 10), date(2026, 8, 12)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _on_thursday():
    with time_machine.travel("2026-08-13 10:00:00+05:30", tick=True):
        yield


@pytest.fixture
def desk(transactional_db: None, settings, tmp_path: Path) -> Desk:
    """A settlement of 300 and 200; of the 200 nobody told us."""
    settings.STATEMENTS_DIR = tmp_path / "statements"
    desk = Desk.open()
    desk.receipt("razorpay", 300, on=MON, channel_ref="pay_1")
    told = {"paid_on": MON, "settled_on": WED, "settlement": "S1", "utr": "UTR0001"}
    desk.report(paid("pay_1", 300, **told), paid("pay_2", 200, **told))
    desk.statement(Line(500, "RAZORPAY UTR0001"), on=WED)
    desk.reconcile(WED)
    assert desk.breaks(WED) == [("missing_in_books", "pay_2", 200)]
    return desk


@pytest.fixture
def maker(desk: Desk, make_user: Callable[..., User]) -> User:
    return make_user("maker", FINANCE_OFFICER)


@pytest.fixture
def checker(desk: Desk, make_user: Callable[..., User]) -> User:
    return make_user("checker", FINANCE_APPROVER)


def _agree(desk: Desk, **columns: object) -> None:
    channel = desk.channels["razorpay"]
    for name, value in columns.items():
        setattr(channel, name, value)
    channel.save()


def test_what_nobody_can_be_asked_for_is_left_alone(desk: Desk) -> None:
    assert listed.follow() == 0
    assert not Payment.objects.filter(channel_ref="pay_2").exists()


def test_where_the_channel_answers_it_is_held_and_asked_for(desk: Desk) -> None:
    _agree(desk, api_url="https://partner.example")

    assert listed.follow() == 1
    assert listed.follow() == 0

    payment = Payment.objects.get(channel_ref="pay_2")
    assert (payment.state, payment.amount_paise) == ("pending", 20000)
    assert payment.ask_from is not None
    assert payment.created_at.date() == MON
    assert Evidence.objects.get().how == "listed"
    assert not Receipt.objects.exists()
    desk.reconcile(WED)
    assert desk.breaks(WED) == [("missing_in_books", "pay_2", 200)]


def test_the_answer_makes_the_receipt_and_the_run_matches_it(desk: Desk) -> None:
    _agree(desk, api_url="https://partner.example")
    listed.follow()
    desk.success_told_late(Payment.objects.get(channel_ref="pay_2"), on=MON)

    desk.reconcile(WED)

    assert desk.breaks(WED) == []


@pytest.mark.parametrize(("days", "is_taken"), [(3, True), (4, False)])
def test_after_the_agreed_days_the_report_alone_is_believed(
    desk: Desk, days: int, is_taken: bool
) -> None:
    _agree(desk, settings={listed.SETTING: days})

    assert listed.follow() == int(is_taken)

    assert Payment.objects.filter(channel_ref="pay_2", state="succeeded").exists() == is_taken
    run = desk.reconcile(WED)
    assert desk.breaks(WED) == ([] if is_taken else [("missing_in_books", "pay_2", 200)])
    if is_taken:
        channel = Proof.objects.get(run=run, stage="channel", book="channel")
        assert channel.closing_paise == 0
        assert Receipt.objects.get().payment.business_date == MON


def test_what_was_asked_in_vain_is_believed_after_the_days_too(desk: Desk) -> None:
    _agree(desk, api_url="https://partner.example", settings={listed.SETTING: 30})
    listed.follow()
    _agree(desk, settings={listed.SETTING: 2})

    assert listed.follow() == 1

    payment = Payment.objects.get(channel_ref="pay_2")
    assert (payment.state, payment.ask_from) == ("succeeded", None)
    assert Evidence.objects.count() == 1
    desk.reconcile(WED)
    assert desk.breaks(WED) == []


def test_a_setting_that_says_nothing_believes_nothing(desk: Desk) -> None:
    for told in (True, -1, "2", None, 1.5):
        _agree(desk, settings={listed.SETTING: told})
        assert listed.follow() == 0


def test_a_person_takes_it_in_with_its_consumer(desk: Desk, maker: User) -> None:
    one = factories.ConsumerFactory()
    waits = Break.objects.get(state="open")

    decision = assigning.take(waits, consumer=one, why="Seen in their portal.", maker=maker)

    assert decision.state == "alone"
    assert Payment.objects.get(channel_ref="pay_2").consumer == one
    desk.reconcile(WED)
    assert desk.breaks(WED) == []


def test_without_a_consumer_it_waits_for_one(
    desk: Desk, maker: User, checker: User, settings
) -> None:
    settings.ASSIGN_ALONE_RUPEES_MAX = 199
    waits = Break.objects.get(state="open")
    decision = assigning.take(waits, consumer=None, why="Seen.", maker=maker)
    assert decision.state == "proposed"
    with pytest.raises(decisions.NotYours):
        assigning.approve(decision, checker=maker)

    assigning.approve(decision, checker=checker)

    payment = Payment.objects.get(channel_ref="pay_2")
    assert (payment.state, payment.consumer) == ("succeeded", None)
    desk.reconcile(WED)
    assert desk.breaks(WED) == []


def test_a_credit_is_no_listed_payment_and_the_other_way_round(desk: Desk, maker: User) -> None:
    waits = Break.objects.get(state="open")
    one = factories.ConsumerFactory()

    with pytest.raises(decisions.NotDecidable):
        assigning.assign(waits, shares=[(one, 20000)], why="x", maker=maker)
    desk.statement(Line(70, "WHO"), on=date(2026, 8, 13))
    desk.reconcile(date(2026, 8, 13))
    credit = Break.objects.get(state="open", book="bank")
    with pytest.raises(decisions.NotDecidable):
        assigning.take(credit, consumer=one, why="x", maker=maker)
    with pytest.raises(decisions.NotDecidable):
        assigning.ask_back(credit, why="x", maker=maker)
