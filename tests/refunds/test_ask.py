"""A refund takes two persons, never exceeds its payment, and never slips past a dispute."""

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from cspdcl.kernel.errors import DomainError
from payments import disputes
from payments.notices import note_refund
from refunds import actions
from refunds.models import RefundRequest
from tests import factories as make
from tests.enquiries.asking import attempt, channel_at, listed, waiting
from tests.refunds.refunding import PAID_AT, asked, dispute_told, paid, refund_told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def payment(db):
    return paid(make.RazorpayFactory())


def test_a_second_person_decides(payment, officer, approver) -> None:
    request = asked(payment, officer)

    decided = actions.decide(request, approve=True, by=approver)

    assert (decided.state, decided.decided_by) == ("approved", approver)
    assert list(decided.events.values_list("from_state", "to_state", "actor")) == [
        ("asked", "approved", "approver")
    ]


def test_who_asked_cannot_decide_whatever_the_roles(payment, both) -> None:
    request = asked(payment, both)

    with pytest.raises(actions.NotYours):
        actions.decide(request, approve=True, by=both)

    request.refresh_from_db()
    assert (request.state, request.decided_by) == ("asked", None)


def test_the_database_refuses_one_person_too(payment, both) -> None:
    request = asked(payment, both)

    with pytest.raises(IntegrityError, match="by_two_persons"), transaction.atomic():
        RefundRequest.objects.filter(pk=request.pk).update(
            state="approved", decided_by=both, decided_at=PAID_AT
        )


def test_the_database_refuses_a_decision_of_nobody(payment, officer) -> None:
    request = asked(payment, officer)

    with pytest.raises(IntegrityError, match="decided_by_somebody"), transaction.atomic():
        RefundRequest.objects.filter(pk=request.pk).update(state="approved")


def test_roles_are_asked_for(payment, officer, approver, make_user) -> None:
    with pytest.raises(actions.NotYours):
        asked(payment, approver)
    with pytest.raises(actions.NotYours):
        asked(payment, make_user("clerk", "clerk"))
    request = asked(payment, officer)
    with pytest.raises(actions.NotYours):
        actions.decide(request, approve=True, by=make_user("second", "finance_officer"))

    assert RefundRequest.objects.get().state == "asked"


def test_the_second_press_is_the_same_request(payment, officer) -> None:
    first = asked(payment, officer, key="one")
    second = asked(payment, officer, key="one")

    assert first.pk == second.pk
    with pytest.raises(actions.NotRefundable, match="key"):
        asked(payment, officer, paise=5, key="one")


def test_what_is_asked_told_and_lost_counts_once_together(payment, officer) -> None:
    asked(payment, officer, paise=23_400)
    note_refund(payment.channel_id, notice=refund_told(payment, 50_000), at=PAID_AT)

    assert actions.room_of(payment.pk) == 50_000
    with pytest.raises(actions.NotRefundable, match=r"500\.00"):
        asked(payment, officer, paise=50_001)
    asked(payment, officer, paise=50_000)
    assert actions.room_of(payment.pk) == 0


def test_a_told_refund_that_carries_our_reference_is_the_same_money(payment, officer) -> None:
    request = asked(payment, officer, paise=100_000)
    bare = request.reference.replace("-", "")

    note_refund(payment.channel_id, notice=refund_told(payment, 100_000, ours=bare), at=PAID_AT)

    assert actions.room_of(payment.pk) == 23_400


def test_a_refused_request_frees_its_money(payment, officer, approver) -> None:
    request = asked(payment, officer, paise=123_400)
    with pytest.raises(actions.NotRefundable):
        actions.decide(request, approve=False, by=approver)

    actions.decide(request, approve=False, by=approver, answer="not paid twice")

    assert actions.room_of(payment.pk) == 123_400


def test_nothing_goes_back_of_what_was_not_paid_or_was_cancelled(officer) -> None:
    for state in ("failed", "reversed"):
        when = PAID_AT if state == "reversed" else None
        payment = make.PaymentFactory(state=state, succeeded_at=when)
        with pytest.raises(actions.NotRefundable):
            asked(payment, officer)

    assert not RefundRequest.objects.exists()


def test_a_payment_in_doubt_is_asked_about_first(partner, officer) -> None:
    payment = waiting(channel_at(partner))
    partner.says(listed(attempt(payment)))

    request = asked(payment, officer)

    assert len(partner.asked) == 1
    assert request.payment.state == "succeeded"


def test_a_payment_that_nobody_knows_of_is_not_refunded(partner, officer) -> None:
    payment = waiting(channel_at(partner))
    partner.says({}, status=500)

    with pytest.raises(actions.NotRefundable, match="nobody knows"):
        asked(payment, officer)

    assert not RefundRequest.objects.exists()


def test_sixteen_at_once_never_exceed_the_payment(payment, officer) -> None:
    def ask(number: int) -> None:
        asked(payment, officer, paise=30_000, key=f"press{number}")

    refusals = _at_once(ask, 16)

    made = RefundRequest.objects.values_list("amount_paise", flat=True)
    assert list(made) == [30_000] * 4
    assert len(refusals) == 12


def test_the_database_refuses_what_exceeds_the_payment(payment, officer) -> None:
    asked(payment, officer, paise=100_000)

    with pytest.raises(IntegrityError, match="more than was paid"), transaction.atomic():
        RefundRequest.objects.create(
            reference="X", payment=payment, amount_paise=23_401, submit_key="x", asked_by=officer
        )


def test_a_refund_and_a_dispute_at_once_never_take_the_money_twice(payment, officer) -> None:
    """Either the dispute is seen and the refund refused, or the refund is there before it."""
    notice = dispute_told(payment)

    def act(number: int) -> None:
        if number == 3:
            disputes.note_dispute(payment.channel_id, notice=notice, at=PAID_AT)
        else:
            asked(payment, officer, paise=123_400, key=f"press{number}")

    _at_once(act, 8)

    made = RefundRequest.objects.first()
    assert RefundRequest.objects.count() <= 1
    with pytest.raises(actions.NotRefundable):
        actions.refuse_unless_free(payment)
    if made is not None:
        assert made.state == "asked"


def test_a_disputed_payment_is_not_approved_either(payment, officer, approver) -> None:
    request = asked(payment, officer)
    disputes.note_dispute(payment.channel_id, notice=dispute_told(payment), at=PAID_AT)

    with pytest.raises(actions.NotRefundable, match="disputed"):
        actions.decide(request, approve=True, by=approver)

    request.refresh_from_db()
    assert request.state == "asked"


def test_what_was_decided_stays_and_events_only_grow(payment, officer, approver) -> None:
    request = actions.decide(asked(payment, officer), approve=True, by=approver)

    for change in (
        "UPDATE refunds_refundrequest SET amount_paise = 1",
        "UPDATE refunds_refundrequest SET state = 'asked', decided_by_id = NULL, decided_at = NULL",
        "DELETE FROM refunds_refundrequest",
        "UPDATE refunds_refundevent SET cause = 'x'",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)

    request.refresh_from_db()
    assert request.amount_paise == 100_000


def _at_once(act: Any, count: int) -> list[str]:
    """Run it in so many threads at the same moment; what they were refused with."""
    ready = threading.Barrier(count)
    refusals: list[str] = []

    def one(number: int) -> None:
        try:
            ready.wait(20)
            act(number)
        except DomainError as refusal:
            refusals.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return refusals
