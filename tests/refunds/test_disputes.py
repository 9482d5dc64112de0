"""The life of a dispute: told in any order, answered in time by two persons, won or lost."""

import itertools
import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction

from channels_.contract import Outcome
from cspdcl.kernel.clock import now
from enquiries.models import Alarm, Operation
from payments import disputes, inbox
from payments.disputes import TakenLine, note_dispute, note_line
from payments.models import Dispute, DisputeEvent, DisputeLine
from payments.states import DisputeState
from refunds import answering
from refunds.answering import NotAnswerable, NotYours
from refunds.models import DisputeAnswer
from tests import factories as make
from tests.enquiries.asking import channel_at
from tests.refunds.refunding import PAID_AT, dispute_told, paid

pytestmark = pytest.mark.django_db(transaction=True)

SOON = timedelta(days=5)


@pytest.fixture
def payment(partner):
    return paid(channel_at(partner))


@pytest.fixture
def dispute(payment) -> Dispute:
    return told(payment)


def told(payment, **changes) -> Dispute:
    values = {"respond_by": now() + SOON, **changes}
    return note_dispute(payment.channel_id, notice=dispute_told(payment, **values), at=PAID_AT)


def taken(payment, paise: int, key: str = "razorpay:adj_1", **more) -> Dispute:
    """A line of the settlement report."""
    line = TakenLine(
        key=key,
        amount_paise=paise,
        business_date=date(2026, 8, 20),
        channel_ref=key.partition(":")[2],
        **{"original_ref": payment.channel_ref, **more},
    )
    return note_line(payment.channel_id, line=line)


def entity(dispute: Dispute, status: str = "under_review") -> dict[str, object]:
    """A dispute entity of the gateway."""
    return {
        "id": dispute.dispute_ref,
        "entity": "dispute",
        "payment_id": dispute.channel_ref,
        "amount": dispute.amount_paise,
        "currency": "INR",
        "amount_deducted": 0,
        "reason_code": "goods_or_services_not_received",
        "respond_by": int((now() + SOON).timestamp()),
        "status": status,
        "phase": "chargeback",
        "created_at": int(PAID_AT.timestamp()),
    }


def webhook(payment, status: str, at: int) -> bytes:
    body = {
        "entity": "event",
        "event": f"payment.dispute.{'created' if status == 'open' else status}",
        "payload": {
            "dispute": {
                "entity": {
                    "id": "disp_Test000001",
                    "entity": "dispute",
                    "payment_id": payment.channel_ref,
                    "amount": payment.amount_paise,
                    "currency": "INR",
                    "status": status,
                    "phase": "chargeback",
                    "respond_by": 1_900_000_000,
                    "created_at": int(PAID_AT.timestamp()),
                }
            }
        },
        "created_at": at,
    }
    return json.dumps(body).encode()


def test_a_notice_becomes_a_dispute_with_its_message_as_evidence(payment, client) -> None:
    body = webhook(payment, "open", 1_787_100_000)
    answer = client.post(
        f"/in/{payment.channel.code}/",
        body,
        content_type="application/json",
        headers=make.razorpay_headers(body, "evt_dispute_1"),
    )
    assert answer.status_code == 200

    inbox.drain()

    dispute = Dispute.objects.get()
    assert (dispute.state, dispute.payment) == ("open", payment)
    message = dispute.events.get().message
    assert message is not None
    assert message.event_key == "evt_dispute_1"


def test_every_order_of_news_ends_alike(payment) -> None:
    news = [
        dispute_told(payment, occurred_at=PAID_AT),
        dispute_told(payment, code="under_review", occurred_at=PAID_AT + timedelta(days=1)),
        dispute_told(payment, outcome=Outcome.SUCCEEDED, occurred_at=PAID_AT + timedelta(days=2)),
        dispute_told(payment, phase="pre_arbitration", occurred_at=PAID_AT + timedelta(days=3)),
        dispute_told(
            payment,
            phase="pre_arbitration",
            outcome=Outcome.FAILED,
            occurred_at=PAID_AT + timedelta(days=4),
        ),
    ]
    for number, order in enumerate(itertools.permutations(news)):
        for notice in order:
            again = replace(notice, dispute_ref=f"disp_{number}")
            note_dispute(payment.channel_id, notice=again, at=notice.occurred_at or PAID_AT)

    assert set(Dispute.objects.values_list("state", flat=True)) == {"lost"}
    assert set(Dispute.objects.values_list("told_rank", flat=True)) == {3}
    assert Dispute.objects.count() == 120


def test_a_dispute_of_an_unknown_payment_is_kept_and_finds_it_later(payment) -> None:
    notice = dispute_told(payment, channel_ref="pay_Later00001")
    note_dispute(payment.channel_id, notice=notice, at=PAID_AT)
    assert Dispute.objects.get().payment is None

    later = paid(payment.channel, channel_ref="pay_Later00001")
    answering.work()

    assert Dispute.objects.get().payment == later


def test_a_dispute_told_for_another_payment_is_refused(payment, dispute) -> None:
    other = paid(payment.channel, channel_ref="pay_Other00001")

    with pytest.raises(disputes.DisputeConflict):
        told(other)

    assert Dispute.objects.get().payment == payment


def test_a_large_one_takes_two_persons(partner, payment, both, approver) -> None:
    payment.channel.settings = {"dispute_alone_paise": 100_000}
    payment.channel.save()
    dispute = told(payment)
    answer = answering.propose(dispute, summary="The meter was read.", accept=False, by=both)
    with pytest.raises(NotYours):
        answering.decide(answer, approve=True, by=both)
    with pytest.raises(IntegrityError), transaction.atomic():
        DisputeAnswer.objects.filter(pk=answer.pk).update(
            state="approved", decided_by=both, decided_at=PAID_AT
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        DisputeAnswer.objects.filter(pk=answer.pk).update(state="approved")
    answering.work()
    assert not partner.asked

    partner.says(entity(dispute))
    answering.decide(answer, approve=True, by=approver)
    answering.work()
    answering.work()

    answer.refresh_from_db()
    dispute.refresh_from_db()
    assert (answer.state, dispute.state) == ("sent", "answered")
    assert [(method, path) for method, path, _h, _b in partner.asked] == [
        ("PATCH", "/api/v1/disputes/disp_Test000001/contest")
    ]


def test_a_small_one_is_answered_by_one_person(partner, dispute, officer) -> None:
    partner.says(entity(dispute))

    answer = answering.propose(dispute, summary="Supplied and read.", accept=False, by=officer)
    answering.work()

    answer.refresh_from_db()
    assert (answer.state, answer.decided_by) == ("sent", None)


def test_giving_in_always_takes_two(partner, dispute, officer, approver) -> None:
    partner.says(entity(dispute))
    answer = answering.propose(dispute, summary="Paid twice indeed.", accept=True, by=officer)
    assert answer.state == "proposed"

    answering.decide(answer, approve=True, by=approver)
    answering.work()

    dispute.refresh_from_db()
    assert dispute.state == "accepted"


@pytest.mark.parametrize("fault", ["cut", "mute"])
def test_an_answer_that_may_have_arrived_is_never_sent_again(
    partner, dispute, officer, fault
) -> None:
    partner.fault = fault
    answer = answering.propose(dispute, summary="Supplied.", accept=False, by=officer)
    for _ in range(3):
        answering.work()

    answer.refresh_from_db()
    assert answer.state == "manual"
    assert len(partner.asked) == 1
    done = answering.done_by_hand(answer, by=officer, note="stands on their page")
    dispute.refresh_from_db()
    assert (done.state, dispute.state) == ("done", "answered")


def test_a_channel_without_the_call_is_a_persons_work(officer) -> None:
    payment = paid(make.BankTransferFactory(), channel_ref="UTR0001")
    answer = answering.propose(told(payment), summary="Supplied.", accept=False, by=officer)

    answering.work()

    answer.refresh_from_db()
    assert answer.state == "manual"
    assert not Operation.objects.exists()


def test_there_is_one_answer_at_a_time_and_none_after_the_date(dispute, officer) -> None:
    answering.propose(dispute, summary="Supplied.", accept=True, by=officer)
    with pytest.raises(NotAnswerable, match="under way"):
        answering.propose(dispute, summary="Supplied.", accept=False, by=officer)
    late = told(dispute.payment, dispute_ref="disp_2", respond_by=now() - timedelta(hours=1))
    with pytest.raises(NotAnswerable, match="passed"):
        answering.propose(late, summary="Supplied.", accept=False, by=officer)

    assert DisputeAnswer.objects.count() == 1


def test_the_alarm_comes_days_before_and_silence_is_giving_in(dispute) -> None:
    answering.work()
    assert not Alarm.objects.filter(kind="dispute").exists()

    with time_machine.travel(now() + timedelta(days=3), tick=True):
        answering.work()
        assert Alarm.objects.get(kind="dispute").cleared_at is None
    with time_machine.travel(now() + timedelta(days=6), tick=True):
        answering.work()

    dispute.refresh_from_db()
    assert dispute.state == "accepted"
    assert Alarm.objects.get(kind="dispute").cleared_at is not None
    assert "taken as given in" in dispute.events.order_by("-id").first().cause


def test_money_that_is_taken_counts_once_the_verdict_agrees(dispute, payment) -> None:
    taken(payment, -123_400)
    assert DisputeLine.objects.get().agreed_at is None

    told(payment, outcome=Outcome.FAILED, occurred_at=PAID_AT + timedelta(days=9))

    assert DisputeLine.objects.get().agreed_at is not None


def test_a_verdict_without_its_line_waits_for_it(dispute, payment) -> None:
    told(payment, outcome=Outcome.FAILED, occurred_at=PAID_AT + timedelta(days=9))
    taken(payment, -123_400)
    taken(payment, -123_400)

    assert DisputeLine.objects.get().agreed_at is not None


def test_what_is_taken_and_given_back_agrees_when_it_is_won(dispute, payment) -> None:
    taken(payment, -123_400)
    told(payment, outcome=Outcome.SUCCEEDED, occurred_at=PAID_AT + timedelta(days=9))
    assert DisputeLine.objects.get().agreed_at is None, "the money is not back yet"

    taken(payment, 123_400, key="razorpay:adj_2")

    assert not DisputeLine.objects.filter(agreed_at__isnull=True).exists()


def test_a_line_that_nobody_announced_begins_a_dispute_and_takes_its_name_later(payment) -> None:
    begun = taken(payment, -123_400)
    assert (begun.state, begun.dispute_ref) == ("open", "line:razorpay:adj_1")

    named = told(payment)

    assert named.pk == begun.pk
    assert Dispute.objects.get().dispute_ref == "disp_Test000001"


def test_a_line_that_names_the_dispute_alone_joins_it_too(payment) -> None:
    begun = taken(payment, -123_400, original_ref="disp_Test000001")
    assert begun.payment is None

    named = told(payment)

    assert (named.pk, named.payment) == (begun.pk, payment)


def test_giving_in_and_the_money_taken_is_lost(dispute, payment) -> None:
    disputes.move(dispute.pk, to=DisputeState.ACCEPTED, cause="given in", actor="a")

    taken(payment, -123_400)

    dispute.refresh_from_db()
    assert dispute.state == "lost"
    assert DisputeLine.objects.get().agreed_at is not None


def test_a_verdict_on_paper_is_noted_by_an_approver(dispute, officer, approver) -> None:
    with pytest.raises(NotYours):
        answering.conclude(dispute, to=DisputeState.WON, by=officer, note="letter")
    with pytest.raises(NotAnswerable):
        answering.conclude(dispute, to=DisputeState.OPEN, by=approver, note="letter")

    answering.conclude(dispute, to=DisputeState.WON, by=approver, note="letter of 20 August")

    dispute.refresh_from_db()
    assert dispute.state == "won"


def test_events_only_grow_and_lines_stay(dispute, payment) -> None:
    taken(payment, -1)

    for change in (
        "UPDATE payments_disputeevent SET cause = 'x'",
        "DELETE FROM payments_disputeevent",
        "UPDATE payments_disputeline SET amount_paise = 5",
        "DELETE FROM payments_dispute",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)

    assert DisputeEvent.objects.count() == 1
