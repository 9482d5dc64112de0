"""The story of a payment over HTTP: the answer first, then each book, then how it came there."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from channels_.models import Channel
from cspdcl.kernel.money import grouped_rupees
from payments.models import Payment
from payments.states import State
from people import actions
from people.models import Office, User
from reconciliation import engine
from reconciliation.models import Break, Entry, MatchLine, Reason
from reconciliation.selectors import books_of
from tests import factories as make
from tests.played import install, play

pytestmark = pytest.mark.django_db

DAY = date(2026, 8, 18)


def signed_in(*roles: str, office: Office | None = None) -> Client:
    user = User.objects.create_user(f"reader-{roles[0]}", None, full_name="Somebody")
    actions.set_roles(user, set(roles))
    if office:
        actions.grant_office(user, office)
    client = Client()
    client.force_login(user, backend="people.auth.PeopleBackend")
    return client


def story(client: Client, payment: Payment) -> Mapping[str, Any]:
    answer = client.get(f"/payments/{payment.reference}/")
    assert answer.status_code == 200
    context = answer.context
    return {
        "answer": context["answer"],
        "say": context["say"],
        "words": [book["word"] for book in context["books"]],
        "titles": [book["title"] for book in context["books"]],
        "events": [event["text"] for event in context["events"]],
        "page": answer.content.decode(),
    }


@pytest.fixture
def day(tmp_path: Path, settings) -> None:
    """A simulated day of 600 payments, reconciled; every kind of discrepancy is in it."""
    settings.SECOND_FACTOR_ROLES = []
    settings.COUNTER_OFFLINE_DAYS_MAX = 100_000
    settings.STATEMENTS_DIR = tmp_path / "statements"
    clerk = install()
    play(tmp_path, clerk=clerk, day=DAY, payments=600, seed=6)
    engine.reconcile(DAY, started_by="test")


def payment_of(reason: Reason) -> Payment:
    """A payment that stands in an open break of this reason."""
    found = Break.objects.filter(reason=reason, state="open")
    lines = found.filter(lines__entry__book="receipts").values_list("lines__entry__reference")
    names = lines or found.values_list("facts__failed")
    return Payment.objects.filter(reference__in=[name for (name,) in names]).order_by("id")[0]


def test_each_way_of_a_rupee_is_told(day) -> None:
    finance = signed_in("finance_officer")
    in_bank = _fully_matched("razorpay")
    cash = _fully_matched("cash")
    transfer = _fully_matched("neft")

    told = story(finance, in_bank)
    assert told["answer"] == "The money is in our bank since 18-08-2026."
    assert told["titles"] == ["Our receipt", "Razorpay line", "Bank credit", "Posting in the ERP"]
    assert told["words"] == ["issued", "matched", "matched", "not compared"]
    assert told["say"] == (
        f"Paid on 18-08-2026. Your receipt is {in_bank.receipt.label}, and it is valid."
    )
    assert "channel_id_exact v1" in told["page"]
    assert "raw message" in told["page"]

    told = story(finance, cash)
    assert told["titles"] == ["Our receipt", "Bank credit", "Posting in the ERP"]
    assert told["words"] == ["issued", "matched", "not compared"]
    assert cash.deposit is not None
    assert cash.deposit.reference in told["page"]

    told = story(finance, transfer)
    assert told["words"] == ["issued", "matched", "not compared"]
    assert transfer.utr in told["page"]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason.MISSING_IN_CHANNEL, []),
        (Reason.AMOUNT_DIFFERS, ["issued", "not matched"]),  # its settlement has a fate of its own
        (Reason.DEPOSIT_MISSING, ["issued", "missing", "not compared"]),
    ],
)
def test_what_is_not_explained_is_said_first(day, reason: Reason, words: list[str]) -> None:
    payment = payment_of(reason)

    told = story(signed_in("auditor"), payment)

    assert told["answer"] == "The money is not explained in all books yet."
    assert Reason(reason).label in told["events"]
    assert told["words"][: len(words)] == words
    found = Break.objects.filter(reason=reason, state="open", lines__entry__reference=payment)
    assert found
    assert all(f"/breaks/{one.public_id}/" in told["page"] for one in found)


def test_a_failure_that_the_channel_lists_as_paid_is_not_told_as_a_failure(day) -> None:
    payment = payment_of(Reason.STATUS_DIFFERS)

    told = story(signed_in("finance_officer"), payment)

    assert payment.state == State.FAILED
    assert told["answer"] == "We hold it as unpaid, and another book says it was paid."
    assert told["words"][:2] == ["failed", "not matched"]
    assert "looking into this payment" in told["say"]
    assert "no money reached us" not in told["page"]


def test_a_clerk_reads_the_answer_and_not_other_peoples_money(day) -> None:
    payment = _fully_matched("razorpay")

    credit = books_of(payment)[-1].entry

    told = story(signed_in("clerk", office=Office.objects.get(code="CO")), payment)
    seen = story(signed_in("finance_officer"), payment)

    assert told["answer"] == seen["answer"]
    assert "/breaks/" not in told["page"]
    assert "raw message" not in told["page"]
    assert credit is not None
    assert credit.utr in seen["page"]
    assert credit.utr not in told["page"]
    whole, _point, _part = grouped_rupees(credit.amount_paise).partition(".")
    assert f">{whole}<" in seen["page"]
    assert f">{whole}<" not in told["page"]


def test_the_page_asks_a_bounded_number_of_questions(day, django_assert_max_num_queries) -> None:
    client = signed_in("finance_officer")
    payment = _fully_matched("razorpay")

    with django_assert_max_num_queries(48):
        client.get(f"/payments/{payment.reference}/")


def test_before_any_run_the_payment_is_told_by_its_own_events(as_role, offices) -> None:
    consumer = make.ConsumerFactory(office=offices["Z1"])
    client = as_role("clerk")
    pending = make.PaymentFactory(consumer=consumer, state=State.PENDING)
    paid = make.PaymentFactory(consumer=consumer, paid=True)
    failed = make.PaymentFactory(consumer=consumer, state=State.FAILED)
    second = make.PaymentFactory(consumer=consumer, paid=True, duplicate_of=paid)

    assert story(client, pending)["answer"] == ("The channel has not said yet whether it was paid.")
    assert story(client, paid)["answer"] == "It is paid; the books take it in with the next run."
    assert story(client, paid)["words"] == ["paid", "waits", "waits", "not compared"]
    assert story(client, failed)["words"] == ["failed", "nothing", "nothing"]
    assert "You paid this twice" in story(client, second)["say"]
    assert second.reference in story(client, paid)["page"]


def test_cash_that_no_slip_carries_is_at_the_counter(as_role, offices) -> None:
    channel = make.ChannelFactory(code="cash")
    counter = make.CounterFactory(office=offices["Z1"])
    payment = make.PaymentFactory(
        paid=True,
        channel=channel,
        counter=counter,
        consumer=make.ConsumerFactory(office=offices["Z1"]),
    )

    told = story(as_role("supervisor"), payment)

    assert channel.route == Channel.Route.DEPOSIT
    assert told["titles"] == ["Our receipt", "Bank credit", "Posting in the ERP"]
    assert told["words"] == ["paid", "waits", "not compared"]


def test_a_payment_of_another_office_is_not_there(as_role, offices) -> None:
    payment = make.PaymentFactory(consumer=make.ConsumerFactory(office=offices["Z3"]))

    assert as_role("clerk").get(f"/payments/{payment.reference}/").status_code == 404


def _fully_matched(channel: str) -> Payment:
    """A payment of a channel whose money a live match joins to a credit."""
    credited = MatchLine.objects.filter(entry__book="bank", is_live=True).values("match_id")
    rows = MatchLine.objects.filter(match_id__in=credited, is_live=True)
    broken = Break.objects.filter(state="open").values("lines__entry_id")
    if channel == "razorpay":
        lines = Entry.objects.filter(book="channel", match_lines__in=rows).exclude(pk__in=broken)
        receipts = Entry.objects.filter(
            book="receipts",
            in_channel_stage=True,
            channel_ref__in=lines.values("channel_ref"),
            match_lines__is_live=True,
        )
    else:
        receipts = Entry.objects.filter(book="receipts", match_lines__in=rows)
    receipts = receipts.filter(channel__code=channel, kind="payment").exclude(pk__in=broken)
    names = receipts.order_by("id").values_list("reference", flat=True)
    return Payment.objects.select_related("deposit", "receipt").get(reference=names[0])
