"""Pending payments are asked for, rung by rung; nothing is guessed, no budget exceeded."""

import re
import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction

from channels_.contract import Method, Wire
from channels_.models import Channel, InboundMessage
from cspdcl.kernel.clock import now
from enquiries import ladder, operations
from enquiries.ladder import BudgetSpent, NotAskable
from enquiries.models import Alarm, Breaker, Operation, OperationAttempt
from enquiries.rungs import DEFAULTS, NPCI_CHECKS, UNDER_NPCI, next_rung, rungs_of
from enquiries.states import EDGES, State
from payments import inbox
from payments.models import Payment, PaymentEvent, Receipt
from tests import factories as make
from tests.enquiries.asking import attempt, channel_at, listed, waiting
from tests.enquiries.partner import Partner, free_port

pytestmark = pytest.mark.django_db(transaction=True)

Reading = OperationAttempt.Reading


@pytest.fixture
def payment(partner: Partner) -> Payment:
    """Two minutes old, by UPI, and nobody has said what became of it."""
    return waiting(channel_at(partner))


def only_operation() -> Operation:
    return Operation.objects.get(kind="status")


def readings() -> list[str]:
    return list(OperationAttempt.objects.order_by("id").values_list("reading", flat=True))


def state_of(payment: Payment) -> str:
    return Payment.objects.get(pk=payment.pk).state


def test_a_yes_becomes_the_payment_with_its_answer_as_evidence(partner, payment) -> None:
    partner.says(listed(attempt(payment)))

    assert ladder.climb() == 1

    payment.refresh_from_db()
    assert (payment.state, payment.channel_ref) == ("succeeded", "pay_Test0000001")
    assert Receipt.objects.filter(payment=payment).count() == 1
    operation = only_operation()
    assert (operation.state, operation.attempts, operation.spent) == ("succeeded", 1, 1)
    (tried,) = operation.tries.all()
    assert (tried.reading, tried.http_status) == ("answered", 200)
    assert b"pay_Test0000001" in operations.answer_of(tried)
    assert b"pay_Test" not in bytes(tried.answer or b"")
    message = InboundMessage.objects.get(path="answer:status")
    assert message.event_key == f"status:{operation.pk}:1"
    assert message.state == "done"
    assert PaymentEvent.objects.get(payment=payment).message == message
    assert partner.asked[0][0] == "GET"


def test_the_same_payment_told_by_webhook_and_answer_stays_one(partner, payment) -> None:
    body = make.razorpay_body(
        pay="pay_Test0000001", order=payment.order_ref, amount=payment.amount_paise
    )
    told = make.InboundMessageFactory(channel=payment.channel, raw=body)
    partner.says(listed(attempt(payment)))

    ladder.climb()
    inbox.apply_notices(told.pk)

    assert Payment.objects.count() == 1
    assert Receipt.objects.count() == 1


def test_a_definite_failure_is_believed(partner, payment) -> None:
    partner.says(listed(attempt(payment, "failed")))

    ladder.climb()

    assert state_of(payment) == "failed"
    assert only_operation().state == State.SUCCEEDED


@pytest.mark.parametrize(
    ("answer", "reading"),
    [
        (Wire(b"<html>down</html>", 500), Reading.UNCLEAR),
        (Wire(b"not json", 200), Reading.UNCLEAR),
        (Wire(b"", 404), Reading.UNCLEAR),
        (Wire(b'{"entity":"collection","items":[]}', 200), Reading.ANSWERED),
        (
            Wire(b'{"error":{"code":"BAD_REQUEST_ERROR","description":"no such id"}}', 400),
            Reading.DECLINED,
        ),
    ],
)
def test_what_is_unclear_leaves_the_payment_pending(partner, payment, answer, reading) -> None:
    partner.answer = lambda _path, _body: answer

    ladder.climb()

    assert state_of(payment) == "pending"
    operation = only_operation()
    assert (operation.state, operation.spent) == (State.UNKNOWN, 1)
    assert readings() == [reading]
    assert not InboundMessage.objects.exists()


def test_a_timeout_is_unknown_and_counts(partner, payment) -> None:
    partner.fault = "mute"

    ladder.climb()

    assert state_of(payment) == "pending"
    assert readings() == [Reading.NO_ANSWER]
    assert (only_operation().state, only_operation().spent) == (State.UNKNOWN, 1)


def test_a_partner_that_is_not_there_costs_nothing_of_the_budget(partner) -> None:
    channel = channel_at(partner)
    channel.api_url = f"http://127.0.0.1:{free_port()}"
    channel.save()
    waiting(channel)

    ladder.climb()

    operation = only_operation()
    assert (operation.state, operation.attempts, operation.spent) == (State.INTENDED, 1, 0)
    assert operation.first_sent_at is None
    assert (operation.next_at or now()) > now() + timedelta(seconds=50)
    assert readings() == [Reading.NOT_SENT]


def test_an_answer_about_another_payment_is_booked_nowhere(partner, payment) -> None:
    other = waiting(payment.channel, minutes=1, order_ref="order_Other00001")
    partner.says(listed(attempt(other)))

    ladder.climb()

    assert [state_of(payment), state_of(other)] == ["pending", "pending"]
    assert readings() == [Reading.UNCLEAR]


def test_three_questions_and_no_more_then_a_person(partner, payment) -> None:
    partner.says(listed())
    began = payment.created_at
    asked_at = []

    for minutes in range(2, 60 * 24, 3):
        with time_machine.travel(began + timedelta(minutes=minutes), tick=False):
            before = len(partner.asked)
            ladder.climb()
            asked_at += [minutes] * (len(partner.asked) - before)

    assert asked_at == [2, 17, 110]
    operation = only_operation()
    assert (operation.state, operation.spent, operation.next_at) == (State.MANUAL, 3, None)
    assert state_of(payment) == "pending"
    with pytest.raises(BudgetSpent):
        ladder.ask_now(payment)
    with pytest.raises(BudgetSpent):
        ladder.give_one_more(payment)
    assert len(partner.asked) == 3


def test_money_that_is_found_later_wins(partner, payment) -> None:
    partner.says(listed())
    for minutes in (2, 17, 111):
        with time_machine.travel(payment.created_at + timedelta(minutes=minutes), tick=False):
            ladder.climb()
    assert only_operation().state == State.MANUAL

    body = make.razorpay_body(
        pay="pay_Late0001", order=payment.order_ref, amount=payment.amount_paise
    )
    inbox.apply_notices(make.InboundMessageFactory(channel=payment.channel, raw=body).pk)
    ladder.climb()

    assert state_of(payment) == "succeeded"
    assert only_operation().state == State.SUCCEEDED


def test_what_is_decided_before_its_rung_is_never_asked_for(partner) -> None:
    channel = channel_at(partner)
    young, paid = waiting(channel, minutes=1), make.PaymentFactory(channel=channel, paid=True)

    assert ladder.climb() == 0

    assert [state_of(young), state_of(paid)] == ["pending", "succeeded"]
    assert not Operation.objects.exists()
    assert partner.asked == []


def test_rungs_that_were_missed_are_not_asked_in_one_moment(partner) -> None:
    waiting(channel_at(partner), minutes=60 * 30)
    partner.says(listed())

    ladder.climb()
    ladder.climb()

    assert len(partner.asked) == 1
    assert (only_operation().next_at or now()) > now() + timedelta(minutes=6)


def test_news_that_proves_nothing_is_asked_about_at_once(partner) -> None:
    payment = waiting(channel_at(partner), minutes=0.2, ask_from=now())
    partner.says(listed(attempt(payment)))

    ladder.climb()

    payment.refresh_from_db()
    assert (payment.state, payment.ask_from) == ("succeeded", None)


def test_unproved_news_of_a_failed_payment_opens_a_round_within_the_same_budget(partner) -> None:
    payment = waiting(channel_at(partner), minutes=3)
    partner.says(listed(attempt(payment, "failed")))
    ladder.climb()
    assert state_of(payment) == "failed"
    Payment.objects.filter(pk=payment.pk).update(ask_from=now())
    partner.says(listed(attempt(payment)))

    ladder.climb()

    assert state_of(payment) == "succeeded"
    rounds = Operation.objects.order_by("id").values_list("key", "state", "budget", "spent")
    assert list(rounds) == [
        (payment.reference, "succeeded", 3, 1),
        (f"{payment.reference}#2", "succeeded", 2, 1),
    ]


def test_a_sender_of_unproved_news_cannot_burn_the_budget_in_a_moment(partner, payment) -> None:
    partner.says(listed())
    for _ in range(5):
        Payment.objects.filter(pk=payment.pk).update(ask_from=now())
        ladder.climb()

    assert len(partner.asked) == 1


def test_ask_now_asks_once_and_answers_the_payment_as_it_stands(partner) -> None:
    payment = waiting(channel_at(partner), minutes=0.5)
    partner.says(listed(attempt(payment)))

    assert ladder.ask_now(payment).state == "succeeded"
    assert ladder.ask_now(payment).state == "succeeded"

    assert len(partner.asked) == 1


def test_a_channel_that_cannot_be_asked_says_so_and_goes_to_a_person_in_the_end() -> None:
    payment = waiting(make.BankTransferFactory(), minutes=120, order_ref="")

    with pytest.raises(NotAskable):
        ladder.ask_now(payment)
    ladder.climb()

    operation = only_operation()
    assert (operation.state, operation.budget) == (State.MANUAL, 0)
    assert state_of(payment) == "pending"


def test_a_transaction_never_waits_for_the_network(partner, payment) -> None:
    with transaction.atomic(), pytest.raises(operations.InsideTransaction):
        ladder.climb()

    assert partner.asked == []


def test_a_card_may_be_asked_for_more_often_and_a_person_may_ask_once_more(partner) -> None:
    payment = waiting(channel_at(partner), minutes=60 * 24 * 3, method="card")
    partner.says(listed())
    assert ladder.open_ladders() == 1
    Operation.objects.update(budget=1)
    assert len(rungs_of(payment.channel, "card")) == 6

    with connection.cursor() as cursor:
        cursor.execute("UPDATE enquiries_operation SET budget = 6")
    ladder.climb()
    assert only_operation().budget == 6


def test_workers_that_race_ask_once_per_rung(partner, payment) -> None:
    partner.hold = threading.Event()
    ladder.open_ladders()
    gate = threading.Barrier(8)
    problems: list[BaseException] = []

    def work() -> None:
        try:
            gate.wait(10)
            ladder.climb(seconds=5)
        except Exception as error:  # noqa: BLE001 - carried to the test
            problems.append(error)
        finally:
            connection.close()

    partner.says(listed())
    workers = [threading.Thread(target=work) for _ in range(8)]
    for one in workers:
        one.start()
    assert partner.reached.wait(10)
    partner.hold.set()
    for one in workers:
        one.join(20)

    assert problems == []
    assert len(partner.asked) == 1
    assert only_operation().spent == 1


def test_what_a_dead_worker_had_in_hand_goes_on_as_unknown(partner, payment) -> None:
    ladder.open_ladders()
    Operation.objects.update(next_at=now())
    claimed = operations.claim_due(Operation.Kind.STATUS)
    assert claimed is not None
    partner.says(listed(attempt(payment)))

    assert ladder.climb() == 0, "somebody may still be waiting for its answer"
    with time_machine.travel(now() + timedelta(minutes=5), tick=False):
        ladder.climb()

    operation = only_operation()
    assert (operation.state, operation.spent) == (State.UNKNOWN, 1)
    assert readings() == [Reading.LOST]
    assert partner.asked == []


def test_who_wakes_up_late_changes_nothing_but_its_answer_counts(partner, payment) -> None:
    partner.hold = threading.Event()
    partner.says(listed(attempt(payment)))
    ladder.open_ladders()
    Operation.objects.update(next_at=now())

    def work() -> None:
        ladder.climb(seconds=5)
        connection.close()

    frozen = threading.Thread(target=work)
    frozen.start()
    assert partner.reached.wait(10)
    Operation.objects.update(next_at=now() - timedelta(seconds=1))
    assert ladder.recover() == 1
    partner.hold.set()
    frozen.join(20)

    assert readings() == [Reading.LOST]
    assert state_of(payment) == "succeeded"
    assert only_operation().state == State.SUCCEEDED
    assert only_operation().spent == 1


def test_a_partner_that_fails_is_left_alone_and_tells_a_person(partner) -> None:
    channel = channel_at(partner)
    for number in range(8):
        waiting(channel, order_ref=f"order_Many{number:06d}")
    partner.answer = lambda _path, _body: Wire(b"busy", 503)

    ladder.climb()

    assert len(partner.asked) == 5
    assert Breaker.objects.filter(open_until__gt=now()).count() == 1
    assert Alarm.objects.get(cleared_at=None).kind == "unreachable"
    with time_machine.travel(now() + timedelta(minutes=2), tick=False):
        partner.says(listed())
        ladder.climb()
    assert len(partner.asked) == 8
    assert Alarm.objects.get().cleared_at is not None


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_wrong_key_rings_and_does_not_burn_the_questions(partner, status) -> None:
    channel = channel_at(partner)
    for number in range(8):
        waiting(channel, order_ref=f"order_Many{number:06d}")
    partner.answer = lambda _path, _body: Wire(b"{}", status)

    ladder.climb()

    assert len(partner.asked) == 5
    alarm = Alarm.objects.get(cleared_at=None)
    assert (alarm.kind, alarm.detail) == ("unreachable", f"HTTP {status}")


def test_a_partner_that_gives_no_pass_is_left_alone_too(partner) -> None:
    channel = make.ChannelFactory(
        adapter="phonepe", api_url=partner.url, merchant_id="M1", settings={"version": "v2"}
    )
    make.ChannelSecretFactory(channel=channel, name="api_key", value="a secret of tests")
    for number in range(8):
        waiting(channel, order_ref=f"order_Many{number:06d}")
    partner.answer = lambda _path, _body: Wire(b"busy", 503)

    ladder.climb()

    assert len(partner.asked) == 5
    assert Breaker.objects.get().failures == 5
    assert set(Operation.objects.values_list("spent", flat=True)) == {0}


def test_who_was_frozen_before_it_could_send_sends_nothing(partner, payment) -> None:
    ladder.open_ladders()
    Operation.objects.update(next_at=now())
    claimed = operations.claim_due(Operation.Kind.STATUS)
    assert claimed is not None

    with time_machine.travel(now() + timedelta(minutes=10), tick=False):
        ladder.recover()
        ladder._ask(claimed)

    assert partner.asked == []
    assert readings() == [Reading.LOST]
    assert only_operation().spent == 1


# ---- laws ----


def test_the_database_knows_the_same_edges() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'operation_guard'")
        source = cursor.fetchone()[0]

    listed_there = source.split("NOT IN (")[1].split(") THEN")[0]
    pairs = re.findall(r"\('(\w+)', '(\w+)'\)", listed_there)
    assert set(pairs) == {(was.value, to.value) for was, to in EDGES}


@pytest.mark.parametrize(
    "change",
    [
        "state = 'succeeded', kind = 'refund'",
        "amount_paise = amount_paise + 1",
        "key = 'other'",
        "state = 'sent', next_at = now(), last_sent_at = now()",
        "spent = spent + 1, attempts = attempts + 1",
        "attempts = attempts + 1",
        "spent = budget + 1",
        "state = 'unknown'",
        "state = 'made_up'",
    ],
)
def test_what_the_database_refuses(payment, change) -> None:
    ladder.open_ladders()

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE enquiries_operation SET {change}")  # noqa: S608 - ours

    assert only_operation().state == State.INTENDED


def test_questions_and_evidence_stay(partner, payment) -> None:
    partner.says(listed())
    ladder.climb()

    for sql in (
        "DELETE FROM enquiries_operation",
        "DELETE FROM enquiries_operationattempt",
        "UPDATE enquiries_operationattempt SET reading = 'answered'",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


# ---- rungs ----


def test_the_budget_of_npci_holds_whatever_was_agreed() -> None:
    channel = make.RazorpayFactory()
    odd: list[object] = [
        [60, 120, 180, 240], [10, 20], [90, 90], [90, 80], "90", [90.5], {"upi": [], "unknown": []},
    ]  # fmt: skip
    for agreed in odd:
        channel.settings = {"ladder": agreed}
        for method in UNDER_NPCI:
            assert rungs_of(channel, method) == DEFAULTS[Method(method)]
            assert len(rungs_of(channel, method)) == NPCI_CHECKS

    channel.settings = {"ladder": {"upi": [60, 600], "card": [60, 120, 180, 240]}}
    assert rungs_of(channel, "upi") == (60, 600)
    assert rungs_of(channel, "card") == (60, 120, 180, 240)
    assert rungs_of(channel, "wallet") == DEFAULTS[Method.WALLET]


def test_the_next_rung_counts_from_the_beginning_of_the_payment() -> None:
    payment = make.PaymentFactory(method="upi")
    began = payment.created_at

    assert next_rung(payment, spent=0, asked_at=None) == began + timedelta(seconds=90)
    asked = began + timedelta(seconds=95)
    assert next_rung(payment, spent=1, asked_at=asked) == began + timedelta(minutes=15)
    assert next_rung(payment, spent=3, asked_at=asked) is None


def test_a_paused_channel_is_not_called_and_its_budget_is_kept(partner, payment) -> None:
    partner.says(listed(attempt(payment)))
    Channel.objects.update(paused_at=now(), paused_by="op", pause_reason="a test")

    assert ladder.climb() == 0
    with pytest.raises(NotAskable):
        ladder.ask_now(payment)

    assert partner.asked == []
    assert only_operation().spent == 0
    Channel.objects.update(paused_at=None, paused_by="", pause_reason="")
    assert ladder.climb() == 1
    assert state_of(payment) == "succeeded"


def test_a_pause_that_comes_after_the_claim_stops_the_call_too(partner, payment) -> None:
    ladder.open_ladders()
    claimed = operations.claim(only_operation().pk)
    assert claimed is not None
    Channel.objects.update(paused_at=now(), paused_by="op", pause_reason="a test")

    ladder._ask(claimed)

    assert partner.asked == []
    operation = only_operation()
    assert (operation.state, operation.spent, readings()) == ("intended", 0, ["not_sent"])
