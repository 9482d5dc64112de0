"""What a hand-over becomes, and what stops it: sums, limits on cash, papers, seconds, races."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from channels_.contract import Method
from counters import cancelling, overrides, seconds
from counters.cancelling import NotCancelled
from counters.cash_rules import RuleStops
from counters.days import DayClosed
from counters.deposits import NothingToDeposit, make_deposit
from counters.models import (
    CashRule,
    ChequeBar,
    Collection,
    Instrument,
    OfficeDay,
    OfficePolicy,
    Override,
    Shift,
    SurchargeRate,
)
from counters.policy import cash_rules, policy_of, surcharge_paise
from counters.shifts import NoShift
from counters.taking import (
    HandOver,
    NotTaken,
    PaidMeanwhile,
    ShareAsked,
    TenderAsked,
    take,
    take_held,
    take_one,
)
from counters.tenders import channels_by_method, waterfall
from cspdcl.kernel.clock import now, today
from outgoing.models import Outgoing
from payments.actions import NotPayable
from payments.consumers import seal_mobile
from payments.models import Payment, Receipt
from payments.selectors import dues_of
from payments.states import State
from tests import factories as make

pytestmark = pytest.mark.django_db
AMOUNTS = st.lists(st.integers(1, 5_000), min_size=1, max_size=8)


@pytest.fixture
def place(offices, users):
    """A counter of zone Z1, its clerk, and the two channels of a counter."""
    make.ChannelFactory(code="cash", position=1)
    make.ChannelFactory(code="cheque", position=2)
    return make.CounterFactory(code="rpr1", name="Counter 1", office=offices["Z1"]), users["clerk"]


def share(consumer, paise: int, **more: Any) -> ShareAsked:
    return ShareAsked(consumer_number=consumer.number, amount_paise=paise, **more)


def cash(paise: int) -> TenderAsked:
    return TenderAsked(method=Method.CASH, amount_paise=paise)


def cheque(paise: int, number: str = "204117", **more: Any) -> TenderAsked:
    facts = {"bank_name": "A bank", "micr": "492002009", "instrument_date": today(), **more}
    return TenderAsked(method=Method.CHEQUE, amount_paise=paise, instrument=number, **facts)


def asked(*shares: ShareAsked, by: list[TenderAsked] | None = None, **more: Any) -> HandOver:
    total = sum(one.amount_paise for one in shares)
    key = more.pop("key", "a-key-of-a-form-01")
    return HandOver(submit_key=key, shares=shares, tenders=by or [cash(total)], **more)


# ---- sums ----


@given(AMOUNTS, st.data())
def test_tenders_cover_shares_to_the_paisa_without_an_empty_part(shares, data) -> None:
    cuts = data.draw(st.sets(st.integers(1, sum(shares)), max_size=5)) | {sum(shares)}
    edges = [0, *sorted(cuts)]
    tenders = [end - start for start, end in pairwise(edges)]

    parts = waterfall(shares, tenders)

    assert all(part.paise > 0 for part in parts)
    for place, paise in enumerate(shares):
        assert sum(part.paise for part in parts if part.share == place) == paise
    for place, paise in enumerate(tenders):
        assert sum(part.paise for part in parts if part.tender == place) == paise
    assert len(parts) < len(shares) + len(tenders)
    assert len({part[:2] for part in parts}) == len(parts)


@pytest.mark.parametrize(("shares", "tenders"), [([1], [2]), ([0], [0]), ([2, -1], [1]), ([], [1])])
def test_sums_that_do_not_agree_cover_nothing(shares, tenders) -> None:
    with pytest.raises(ValueError, match="equal"):
        waterfall(shares, tenders)


def test_each_pair_of_a_tender_and_a_consumer_has_its_own_receipt(place) -> None:
    counter, clerk = place
    first, second = make.ConsumerFactory(), make.ConsumerFactory()

    taken = take_one(
        counter,
        clerk=clerk,
        asked=asked(
            share(first, 60_000),
            share(second, 40_000),
            by=[cheque(70_000), cash(30_000)],
            received_paise=50_000,
        ),
    )

    payments = [one.payment for one in taken.receipts]
    assert [(one.consumer, one.method, one.amount_paise) for one in payments] == [
        (first, "cheque", 60_000),
        (second, "cheque", 10_000),
        (second, "cash", 30_000),
    ]
    assert [one.channel.code for one in payments] == ["cheque", "cheque", "cash"]
    paper = Instrument.objects.get()
    assert (paper.amount_paise, paper.bank_key, paper.state) == (70_000, "492002009", "received")
    assert [one.payment for one in paper.shares.order_by("pk")] == payments[:2]
    made = Collection.objects.get()
    assert (made.amount_paise, made.cash_paise, taken.change_paise) == (100_000, 30_000, 20_000)
    assert [line.payment for line in made.lines.order_by("pk")] == payments


def test_the_consumer_learns_of_the_receipt_where_a_mobile_is_known(place) -> None:
    counter, clerk = place
    sealed, index = seal_mobile("9876543210")
    told = make.ConsumerFactory(mobile=sealed, mobile_index=index)

    take(counter, clerk=clerk, asked=[asked(share(told, 100))])
    take(counter, clerk=clerk, asked=[asked(share(make.ConsumerFactory(), 100), key="k" * 16)])

    assert [one.kind for one in Outgoing.objects.all()] == ["receipt_issued"]


def test_a_card_slip_goes_the_terminals_way_with_its_rrn(place) -> None:
    counter, clerk = place
    terminal = make.ChannelFactory(code="pos", adapter="card_terminal", route="settlement")
    card = TenderAsked(
        method=Method.CARD,
        amount_paise=500,
        instrument="612345678901",
        details={"approval": "123456", "last_four": "4821", "terminal": "T1"},
    )
    consumer = make.ConsumerFactory()

    take_one(counter, clerk=clerk, asked=asked(share(consumer, 500), by=[card]))

    payment = Payment.objects.get()
    assert (payment.channel, payment.channel_ref) == (terminal, "612345678901")
    assert (payment.rrn, payment.order_ref) == ("612345678901", "123456")
    assert payment.tenders.get().payer == "••••4821"
    again = asked(share(consumer, 500), by=[card], key="another-key-000001")
    with pytest.raises(NotTaken, match="taken already"):
        take_one(counter, clerk=clerk, asked=again)


def test_a_tender_goes_the_agreed_way(place) -> None:
    van = make.ChannelFactory(code="van", position=9, settings={"tenders": ["cash"]})
    plain = list(type(van).objects.order_by("position", "code"))

    found = channels_by_method(plain)

    assert {method.value: way.code for method, way in found.items()} == {
        "cash": "van",
        "cheque": "cheque",
        "demand_draft": "cheque",
        "postal_order": "cheque",
    }


# ---- dues, surcharge ----


@pytest.mark.parametrize(
    ("on", "paise"),
    [("2026-07-22", 0), ("2026-07-23", 918), ("2026-08-22", 918), ("2026-08-23", 1_836)],
)
def test_the_surcharge_grows_with_each_month_begun(on: str, paise: int) -> None:
    rates = [SurchargeRate(percent=Decimal("1.50"), valid_from=date(2020, 1, 1))]

    due_on = date(2026, 7, 22)
    found = surcharge_paise(61_200, due_on=due_on, on=date.fromisoformat(on), rates=rates)

    assert found == paise


def test_more_than_is_due_is_an_advance_and_who_was_faster_is_named(place) -> None:
    counter, clerk = place
    bill = make.BillFactory(amount_paise=50_000)
    wanted = share(bill.consumer, 50_000, is_advance=False)
    take_one(counter, clerk=clerk, asked=asked(wanted))

    again = asked(wanted, key="another-key-000001")
    with pytest.raises(PaidMeanwhile, match=r"paid 500.00 0 minutes ago at Counter 1; due is 0.00"):
        take_one(counter, clerk=clerk, asked=again)
    advance = asked(replace(wanted, is_advance=True), key="another-key-000002")
    take_one(counter, clerk=clerk, asked=advance)

    assert Payment.objects.count() == 2


def test_a_part_payment_has_a_least(place, offices) -> None:
    counter, clerk = place
    OfficePolicy.objects.create(office=offices["R1"], part_from_paise=20_000)
    bill = make.BillFactory(amount_paise=50_000)

    part = share(bill.consumer, 19_999, is_advance=False)
    with pytest.raises(NotTaken, match=r"at least 200.00"):
        take_one(counter, clerk=clerk, asked=asked(part))

    assert policy_of(offices["Z3"]).part_from_paise == 100
    assert not Payment.objects.exists()


# ---- limits on cash ----


def test_two_lakh_a_day_from_one_payer_are_not_taken_in_cash(place) -> None:
    counter, clerk = place
    one = make.ConsumerFactory(business_partner="1000000001")
    other = make.ConsumerFactory(business_partner="1000000001")
    take_one(counter, clerk=clerk, asked=asked(share(one, 1_50_000_00)))

    with pytest.raises(RuleStops, match="269ST"):
        take_one(
            counter, clerk=clerk, asked=asked(share(other, 50_000_00), key="another-key-000001")
        )
    take_one(counter, clerk=clerk, asked=asked(share(other, 49_999_99), key="another-key-000002"))
    with time_machine.travel(now() + timedelta(days=1), tick=False):
        take_one(
            counter, clerk=clerk, asked=asked(share(other, 50_000_00), key="another-key-000003")
        )

    assert Payment.objects.count() == 3


def test_one_person_who_pays_for_others_is_one_payer_by_the_pan(place) -> None:
    counter, clerk = place
    consumers = make.ConsumerFactory.create_batch(3)
    halves = [share(one, 90_000_00) for one in consumers]
    pan = "ABCDE1234F"
    take_one(counter, clerk=clerk, asked=asked(halves[0], pan=pan))

    for wanted in (asked(halves[1], halves[2], share(make.ConsumerFactory(), 20_000_00)),
                   asked(halves[1], share(consumers[2], 20_000_00), pan=pan)):  # fmt: skip
        with pytest.raises(RuleStops, match="one payer"):
            take_one(counter, clerk=clerk, asked=replace(wanted, submit_key="another-key-000001"))

    assert b"ABCDE" not in bytes(Collection.objects.get().pan or b"ABCDE")


def test_a_later_row_of_the_law_takes_its_place(place, offices) -> None:
    later = CashRule.objects.create(
        code="269ST", per="payer_day", effect="up_to", limit_paise=1_00, valid_from=today(),
        law="A later law",
    )  # fmt: skip

    assert cash_rules(offices["Z1"], on=today()) == [later]
    (law,) = cash_rules(offices["Z1"], on=today() - timedelta(days=1))
    assert law.limit_paise == 2_00_000_00


def test_a_supervisor_lets_a_rule_through_once(place, users, offices) -> None:
    counter, clerk = place
    CashRule.objects.create(
        code="house", per="payment", effect="up_to", limit_paise=10_000, may_override=True,
        office=offices["R1"], valid_from=today(), law="our own limit",
    )  # fmt: skip
    consumer = make.ConsumerFactory()
    wanted = asked(share(consumer, 20_000))
    facts = {"rule": "house", "consumer_number": consumer.number, "reason": "shop of the town"}
    with pytest.raises(RuleStops, match="our own limit"):
        take_one(counter, clerk=clerk, asked=wanted)

    row = overrides.ask(counter, clerk=clerk, amount_paise=20_000, **facts)
    assert overrides.ask(counter, clerk=clerk, amount_paise=20_000, **facts) == row
    with pytest.raises(seconds.NotYours):
        overrides.answer(row.pk, by=clerk, grants=True)
    overrides.answer(row.pk, by=users["supervisor"], grants=True)
    with pytest.raises(overrides.NotGranted, match="before"):
        overrides.answer(row.pk, by=users["supervisor"], grants=False, words="too late")
    with pytest.raises(RuleStops):
        take_one(counter, clerk=clerk, asked=asked(share(consumer, 20_001)))
    taken = take_one(counter, clerk=clerk, asked=wanted)

    row.refresh_from_db()
    assert (row.state, row.collection) == (Override.State.USED, taken.collection)
    with pytest.raises(RuleStops):
        take_one(counter, clerk=clerk, asked=replace(wanted, submit_key="another-key-000001"))


def test_nobody_grants_their_own_question_not_even_by_hand(place, users) -> None:
    row = overrides.ask(
        place[0], clerk=users["supervisor"], rule="house", consumer_number="100000417263",
        amount_paise=1, reason="because I say so",
    )  # fmt: skip

    with pytest.raises(overrides.NotGranted, match="Somebody else"):
        overrides.answer(row.pk, by=users["supervisor"], grants=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Override.objects.filter(pk=row.pk).update(checker=row.maker)


# ---- papers ----


def test_the_same_paper_is_not_taken_twice_and_it_is_said_where_it_is(place) -> None:
    counter, clerk = place
    consumer = make.ConsumerFactory()
    take_one(counter, clerk=clerk, asked=asked(share(consumer, 100), by=[cheque(100)]))

    again = asked(share(consumer, 100), by=[cheque(100)], key="another-key-000001")
    with pytest.raises(NotTaken, match="at Counter 1"):
        take_one(counter, clerk=clerk, asked=again)

    assert Instrument.objects.count() == 1


def test_a_barred_consumer_pays_by_cheque_only_with_a_grant(place, users) -> None:
    counter, clerk = place
    consumer = make.ConsumerFactory()
    first = asked(share(consumer, 100), by=[cheque(100)])
    take_one(counter, clerk=clerk, asked=first)
    ChequeBar.objects.create(
        consumer=consumer, instrument=Instrument.objects.get(), since=today(), until=today()
    )

    wanted = asked(share(consumer, 100), by=[cheque(100, "204118")], key="another-key-000001")
    with pytest.raises(RuleStops, match="came back unpaid") as stopped:
        take_one(counter, clerk=clerk, asked=wanted)
    row = overrides.ask(
        counter, clerk=clerk, rule=stopped.value.rule, consumer_number=consumer.number,
        amount_paise=100, reason="a bank guarantees it",
    )  # fmt: skip
    overrides.answer(row.pk, by=users["supervisor"], grants=True)
    take_one(counter, clerk=clerk, asked=wanted)

    assert Instrument.objects.count() == 2


def test_a_cheque_of_a_later_day_is_kept_where_the_office_wants_it(place, users) -> None:
    counter, clerk = place
    bill = make.BillFactory(amount_paise=50_000)
    later = [cheque(50_000, instrument_date=today() + timedelta(days=9))]
    wanted = asked(share(bill.consumer, 50_000, bill_number=bill.number), by=later)
    with pytest.raises(NotTaken, match="Dated ahead"):
        take_one(counter, clerk=clerk, asked=wanted)
    OfficePolicy.objects.create(office=counter.office, post_dated="hold")

    kept = take_one(counter, clerk=clerk, asked=wanted)
    again = take_one(counter, clerk=clerk, asked=wanted)

    assert kept.held is not None
    assert (kept.held.state, kept.receipts, again.held) == ("held", (), kept.held)
    assert not Payment.objects.exists()
    with pytest.raises(NotTaken):
        take_held(kept.held, by=users["supervisor"])
    with time_machine.travel(now() + timedelta(days=9), tick=False):
        taken = take_held(kept.held, by=users["supervisor"])
        assert take_held(kept.held, by=users["supervisor"]).receipts == taken.receipts
    paper = Instrument.objects.get()
    assert (paper.state, paper.collection) == ("with_supervisor", taken.collection)
    assert paper.shares.get().payment == taken.receipts[0].payment
    assert dues_of(bill.consumer) == []


# ---- shifts and days ----


def opened(counter, clerk) -> Shift:
    day = OfficeDay.objects.create(office=counter.office, business_date=today())
    return Shift.objects.create(counter=counter, clerk=clerk, office_day=day, number=1)


def test_a_counter_with_shifts_takes_within_one_and_answers_old_keys_after_it(place) -> None:
    counter, clerk = place
    counter.keeps_shifts = True
    counter.save()
    consumer = make.ConsumerFactory()
    with pytest.raises(NoShift):
        take_one(counter, clerk=clerk, asked=asked(share(consumer, 100)))

    shift = opened(counter, clerk)
    first = take_one(counter, clerk=clerk, asked=asked(share(consumer, 100)))
    Shift.objects.filter(pk=shift.pk).update(state="counting", counting_at=now())
    again = take_one(counter, clerk=clerk, asked=asked(share(consumer, 100)))

    assert first.collection is not None
    assert (first.collection.shift, again.receipts, again.is_new) == (shift, first.receipts, False)


def test_a_closed_day_takes_nothing_and_what_comes_late_counts_today(place, users) -> None:
    counter, clerk = place
    consumer = make.ConsumerFactory()
    yesterday = today() - timedelta(days=1)
    closed = {"state": "closed", "closed_at": now(), "closed_by": users["supervisor"]}
    OfficeDay.objects.create(office=counter.office, business_date=yesterday, **closed)

    late = asked(share(consumer, 100), taken_at=now() - timedelta(days=1))
    (taken,) = take(counter, clerk=clerk, asked=[late])
    OfficeDay.objects.create(office=counter.office, business_date=today(), **closed)

    payment = taken.receipts[0].payment
    assert payment.business_date == today()
    assert "which had been closed" in payment.events.get().cause
    with pytest.raises(DayClosed):
        take(counter, clerk=clerk, asked=[asked(share(consumer, 100), key="another-key-000001")])


# ---- cancelling ----


def test_a_paper_that_paid_for_several_is_cancelled_whole_by_another(place, users) -> None:
    counter, clerk = place
    consumers = make.ConsumerFactory.create_batch(2)
    wanted = asked(*(share(one, 100) for one in consumers), by=[cheque(150), cash(50)])
    taken = take_one(counter, clerk=clerk, asked=wanted)
    first = taken.receipts[0].payment_id

    with pytest.raises(seconds.NotYours):
        cancelling.cancel(first, supervisor=clerk, reason="wrong consumer")
    undone = cancelling.cancel(first, supervisor=users["supervisor"], reason="wrong consumer")

    assert len(undone) == 2
    assert Instrument.objects.get().state == "given_back"
    assert [one.state for one in Payment.objects.order_by("pk")] == [
        State.REVERSED,
        State.REVERSED,
        State.SUCCEEDED,
    ]
    assert cancelling.cancel(first, supervisor=users["supervisor"], reason="again please") == []


def test_after_the_shift_nothing_is_cancelled(place, users) -> None:
    counter, clerk = place
    counter.keeps_shifts = True
    counter.save()
    shift = opened(counter, clerk)
    taken = take_one(counter, clerk=clerk, asked=asked(share(make.ConsumerFactory(), 100)))
    Shift.objects.filter(pk=shift.pk).update(state="counting", counting_at=now())

    payment = taken.receipts[0].payment_id
    with pytest.raises(NotCancelled, match="shift is over"):
        cancelling.cancel(payment, supervisor=users["supervisor"], reason="too late")

    assert Payment.objects.get().state == State.SUCCEEDED


# ---- races ----


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run it so many times at the same moment; refusals come back as values."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        try:
            barrier.wait(20)
            return act(number)
        except (NotTaken, RuleStops, NotCancelled, NothingToDeposit, NotPayable) as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_clerks_with_one_bill_one_takes_it_and_the_others_are_told() -> None:
    make.ChannelFactory(code="cash")
    office = make.OfficeFactory()
    counters = make.CounterFactory.create_batch(16, office=office)
    clerks = make.UserFactory.create_batch(16)
    bill = make.BillFactory(amount_paise=50_000)
    wanted = asked(share(bill.consumer, 50_000, is_advance=False))

    found = at_once(16, lambda n: take_one(counters[n], clerk=clerks[n], asked=wanted))

    told = [one for one in found if isinstance(one, PaidMeanwhile)]
    assert len(told) == 15
    assert all("minutes ago at" in str(one) for one in told)
    assert Payment.objects.count() == Receipt.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_key_sixteen_times_is_one_hand_over() -> None:
    make.ChannelFactory(code="cash")
    make.ChannelFactory(code="cheque")
    counter, clerk = make.CounterFactory(), make.UserFactory()
    wanted = asked(share(make.ConsumerFactory(), 100), by=[cheque(60), cash(40)])

    found = at_once(16, lambda _n: take_one(counter, clerk=clerk, asked=wanted))

    assert len({one.receipts for one in found}) == 1
    assert sum(one.is_new for one in found) == 1
    assert (Collection.objects.count(), Payment.objects.count()) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_eight_counters_at_once_do_not_pass_the_limit_of_a_payer() -> None:
    make.ChannelFactory(code="cash")
    office = make.OfficeFactory()
    counters = make.CounterFactory.create_batch(8, office=office)
    clerks = make.UserFactory.create_batch(8)
    consumers = make.ConsumerFactory.create_batch(8, business_partner="1000000001")

    found = at_once(
        8,
        lambda n: take_one(
            counters[n], clerk=clerks[n], asked=asked(share(consumers[n], 60_000_00))
        ),
    )

    assert sum(isinstance(one, RuleStops) for one in found) == 5
    assert Payment.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_receipt_is_cancelled_or_on_the_slip_never_both(make_user, offices) -> None:
    channel = make.ChannelFactory(code="cash")
    counter = make.CounterFactory(office=offices["Z1"])
    clerk = make_user("clerk", "clerk", offices=(offices["Z1"],))
    supervisor = make_user("supervisor", "supervisor", offices=(offices["Z1"],))
    for turn in range(4):
        wanted = asked(share(make.ConsumerFactory(), 100), key=f"a-key-of-turn-{turn:04d}")
        payment = take_one(counter, clerk=clerk, asked=wanted).receipts[0].payment
        acts = (
            partial(cancelling.cancel, payment.pk, supervisor=supervisor, reason="wrong one"),
            partial(make_deposit, counter, channel=channel, on=today(), made_by=supervisor),
        )

        at_once(2, partial(_do, acts))

        payment.refresh_from_db()
        assert (payment.state == State.REVERSED) != (payment.deposit_id is not None)


def _do(acts: Sequence[Callable[[], Any]], number: int) -> Any:
    return acts[number]()
