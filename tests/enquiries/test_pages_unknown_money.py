"""Unknown money on the screen: what is pending, what was asked, what a person decides."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from channels_.contract import Wire
from cspdcl.kernel.clock import business_date, now
from enquiries import ladder, tat
from enquiries.models import Alarm, Operation
from payments.models import Payment, PaymentEvent
from people.models import AuditEvent
from tests import factories as make
from tests.enquiries.asking import attempt, channel_at, listed, waiting

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/unknown-money/"


def page_of(payment) -> str:
    return reverse("enquiries:question", args=[payment.reference])


@pytest.fixture
def manual(partner):
    """A payment by UPI that was asked for three times, and nobody knows."""
    payment = waiting(channel_at(partner), minutes=60 * 24 * 7)
    partner.says(listed())
    for hours in (3, 2, 1):
        with time_machine.travel(now() - timedelta(hours=hours), tick=False):
            ladder.climb()
    return payment


def test_the_list_says_age_budget_and_the_clock_of_the_reserve_bank(as_role, partner) -> None:
    payment = waiting(channel_at(partner), minutes=60 * 24 * 6)
    young = waiting(payment.channel, minutes=1, order_ref="order_Young0001")
    partner.says(listed())
    ladder.climb()

    answer = as_role("operator").get(LIST)

    (row,) = answer.context["rows"]
    assert row["payment"] == payment
    assert row["is_overdue"]
    assert row["due_on"] == business_date(payment.created_at) + timedelta(days=5)
    page = answer.content.decode()
    assert "1 of 3" in page
    assert "6 days" in page
    assert young.reference not in page


def test_an_empty_list_says_so(as_role) -> None:
    assert b"Nothing is unknown" in as_role("auditor").get(LIST).content


def test_filters_narrow_and_odd_ones_are_refused(as_role, manual) -> None:
    client = as_role("finance_officer")

    assert len(client.get(f"{LIST}?state=manual").context["rows"]) == 1
    assert len(client.get(f"{LIST}?state=unknown").context["rows"]) == 0
    assert len(client.get(f"{LIST}?channel={manual.channel.code}").context["rows"]) == 1
    assert client.get(f"{LIST}?state=nonsense").status_code == 422


def test_the_page_shows_each_try_without_the_payer(as_role, partner) -> None:
    payment = waiting(channel_at(partner))
    entity = attempt(payment, status="authorized", email="someone@example.org")
    partner.says(listed(entity))
    ladder.climb()

    page = as_role("auditor").get(page_of(payment)).content.decode()

    assert "Try 1" in page
    assert "pay_Test0000001" in page
    assert "someone@okbank" not in page
    assert "someone@example.org" not in page
    assert "No money came" not in page, "the channel is still asked"


def test_a_person_decides_with_a_reason_and_later_money_wins(as_role, users, manual) -> None:
    client = as_role("finance_officer")
    assert b"No money came" in client.get(page_of(manual)).content
    decide = reverse("enquiries:decide", args=[manual.reference])

    assert client.post(decide, {"reason": "no"}).status_code == 422
    answer = client.post(decide, {"reason": "not in the report of T+2"})

    assert answer.status_code == 302
    manual.refresh_from_db()
    assert manual.state == "failed"
    event = PaymentEvent.objects.get(payment=manual)
    assert (event.actor, event.cause) == ("finance_officer", "decided: not in the report of T+2")
    assert Operation.objects.get().state == "failed"
    assert AuditEvent.objects.filter(action="payment.failed_by_hand").count() == 1

    from payments import inbox

    body = make.razorpay_body(order=manual.order_ref, amount=manual.amount_paise)
    inbox.apply_notices(make.InboundMessageFactory(channel=manual.channel, raw=body).pk)
    manual.refresh_from_db()
    assert manual.state == "succeeded"


def test_nobody_decides_while_the_channel_is_asked(as_role, partner) -> None:
    payment = waiting(channel_at(partner))
    partner.says(listed())
    ladder.climb()

    answer = as_role("finance_officer").post(
        reverse("enquiries:decide", args=[payment.reference]), {"reason": "I am sure of it"}
    )

    assert answer.status_code == 409
    payment.refresh_from_db()
    assert payment.state == "pending"


def test_the_operator_asks_and_does_not_decide(as_role, partner) -> None:
    payment = waiting(channel_at(partner), minutes=20)
    partner.says(listed())
    ladder.climb()
    Operation.objects.update(last_sent_at=now() - timedelta(minutes=5))
    partner.says(listed(attempt(payment)))
    client = as_role("operator")

    ask = client.post(reverse("enquiries:ask", args=[payment.reference]))
    decide = client.post(reverse("enquiries:decide", args=[payment.reference]), {"reason": "sure"})

    assert (ask.status_code, decide.status_code) == (302, 403)
    payment.refresh_from_db()
    assert payment.state == "succeeded"


def test_a_person_cannot_ask_beyond_the_budget_of_npci(as_role, partner, manual) -> None:
    answer = as_role("operator").post(reverse("enquiries:ask", args=[manual.reference]))

    assert answer.status_code == 409
    assert len(partner.asked) == 3


def test_a_card_may_be_asked_for_once_more(as_role, partner) -> None:
    payment = waiting(channel_at(partner), minutes=60 * 24 * 7, method="card")
    partner.answer = lambda _path, _body: Wire(b"busy", 500)
    ladder.climb()
    Operation.objects.update(last_sent_at=now() - timedelta(hours=1), budget=1)
    partner.says(listed(attempt(payment, method="card")))

    answer = as_role("operator").post(reverse("enquiries:ask", args=[payment.reference]))

    assert answer.status_code == 302
    payment.refresh_from_db()
    assert payment.state == "succeeded"


def test_the_story_of_a_payment_tells_what_was_asked(as_role, partner) -> None:
    payment = waiting(channel_at(partner))
    partner.says(listed(attempt(payment)))
    ladder.climb()
    story = reverse("reconciliation:payment", args=[payment.reference])

    page = as_role("finance_officer").get(story).content.decode()
    quiet = as_role("manager").get(story).content.decode()

    assert "Asked for the status of a payment: answered" in page
    assert page_of(payment) in page
    assert "Asked for the status of a payment: answered" in quiet
    assert page_of(payment) not in quiet


@pytest.mark.parametrize(
    ("method", "days"), [("upi", 5), ("imps", 1), ("card", 5), ("neft", 1), ("unknown", 5)]
)
def test_the_clock_runs_by_method_from_the_indian_day(method, days) -> None:
    with time_machine.travel("2026-08-17T18:31:00Z", tick=False):
        payment = make.PaymentFactory(method=method)

    assert tat.due_on(payment).isoformat() == f"2026-08-{18 + days}"


def test_alarms_are_shown_to_those_who_act_on_them(users) -> None:
    from enquiries.selectors import open_alarms

    channel = make.RazorpayFactory()
    Alarm.objects.create(channel=channel, kind="silent")
    Alarm.objects.create(channel=channel, kind="history", cleared_at=now() + timedelta(seconds=1))

    assert [one.kind for one in open_alarms(users["operator"])] == ["silent"]
    assert open_alarms(users["clerk"]) == []


def test_a_decision_ends_the_questions_also_of_unproved_news(as_role, manual) -> None:
    decide = reverse("enquiries:decide", args=[manual.reference])
    Payment.objects.filter(pk=manual.pk).update(ask_from=now())
    client = as_role("finance_officer")

    assert client.post(decide, {"reason": "not in the report of T+2"}).status_code == 302
    ladder.climb()
    assert not Operation.objects.filter(state="manual").exists()

    # Whoever writes to the door without a signature opens it again, and it can be ended again.
    Payment.objects.filter(pk=manual.pk).update(ask_from=now())
    ladder.climb()
    assert Operation.objects.filter(state="manual").count() == 1
    assert client.post(decide, {"reason": "nor in that of T+3"}).status_code == 302
    ladder.climb()
    assert not Operation.objects.filter(state="manual").exists()
    manual.refresh_from_db()
    assert (manual.state, manual.ask_from) == ("failed", None)
    assert PaymentEvent.objects.filter(payment=manual).count() == 1
    assert AuditEvent.objects.filter(action="payment.failed_by_hand").count() == 2
