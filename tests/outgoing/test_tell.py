"""Telling: in the caller's transaction, once per key, and never in the way of the business."""

import time
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from cspdcl.kernel import crypto
from cspdcl.kernel.clock import now
from outgoing import delivery, port, queue
from outgoing.models import Attempt, Outgoing
from outgoing.states import TRANSITIONS, State
from outgoing.wording import UnknownNews
from tests.outgoing.telling import MOBILE, facts_of, told

pytestmark = pytest.mark.django_db


class Undone(Exception):
    """The business was refused."""


def test_what_is_rolled_back_was_never_told(gateway) -> None:
    with pytest.raises(Undone):
        _business_that_is_undone()
    delivery.work()

    assert not Outgoing.objects.exists()
    assert gateway.asked == []


@transaction.atomic
def _business_that_is_undone() -> None:
    told()
    port.post_to_erp("payment_reversed", key="k", facts={}, about=("payment", "P"), office=None)
    raise Undone


def test_the_same_key_is_the_same_row() -> None:
    first, second = told(), told(to="9000000001", language="hi")
    other = told(channel="email", to="somebody@mail.example")

    assert first == second
    assert other != first
    assert Outgoing.objects.count() == 2


def test_what_is_told_is_sealed_and_shown_masked() -> None:
    row = told(to=f"+91 {MOBILE}")

    assert (row.state, row.recipient_masked) == ("waiting", "••••••4321")
    to, written = queue.opened(row)
    assert to == MOBILE
    assert "consumer xxxxxxxx7263" in written.text
    assert row.facts["amount"] == "12,34,567.00"
    for blob in (row.recipient, row.body):
        assert blob is not None
        assert MOBILE.encode() not in bytes(blob)
        with pytest.raises(crypto.Undecipherable):
            crypto.unseal(blob, place="elsewhere.column")


@pytest.mark.parametrize(
    ("channel", "to"),
    [
        ("sms", ""),
        ("sms", "0000000000"),
        ("sms", "98765"),
        ("sms", "९८७६५०४३२१"),
        ("email", "nobody"),
        ("email", "a@b.example\nBcc: c@d.example"),
        ("letter", "  "),
    ],
)
def test_who_has_no_address_is_not_told_and_the_business_goes_on(channel, to) -> None:
    kind = "cheque_notice" if channel == "letter" else "receipt_issued"
    facts = facts_of(kind)

    found = port.tell(
        kind, channel=channel, key="k", to=to, language="en", facts=facts, about=("x", "y"),
        office=None,
    )  # fmt: skip

    assert found is None
    assert not Outgoing.objects.exists()


def test_a_wrong_fact_shows_even_where_nobody_is_told() -> None:
    with pytest.raises(UnknownNews):
        port.tell(
            "receipt_issued", channel="sms", key="k", to="", language="en", facts={},
            about=("x", "y"), office=None,
        )  # fmt: skip


def test_five_hundred_returns_are_told_at_once(django_assert_max_num_queries) -> None:
    news = [
        port.News(
            kind="cheque_dishonoured",
            channel="sms",
            key=f"cheque_dishonoured:{number}",
            to="" if number % 10 == 0 else MOBILE,
            language="hi",
            facts=facts_of("cheque_dishonoured"),
            about=("instrument", str(number)),
            office=None,
        )
        for number in range(500)
    ]
    began = time.monotonic()

    with django_assert_max_num_queries(6):
        first = port.tell_many(news)
        again = port.tell_many(news)

    assert time.monotonic() - began < 5
    assert first == again
    assert [number for number, row in enumerate(first) if row is None] == list(range(0, 500, 10))
    assert Outgoing.objects.count() == 450


def test_a_posting_holds_what_json_holds_exactly() -> None:
    facts = {"amount_paise": 10**12 + 1, "on": date(2026, 8, 18), "bills": ["B1"], "why": None}
    row = port.post_to_erp(
        "payment_reversed", key="P1", facts=facts, about=("payment", "P1"), office=None
    )

    row.refresh_from_db()
    assert row.state == "waiting"
    assert row.facts == {**facts, "on": "2026-08-18"}
    with pytest.raises(UnknownNews):
        port.post_to_erp(
            "payment_reversed", key="P2", facts={"amount": 1.5}, about=("payment", "P"), office=None
        )
    assert Outgoing.objects.count() == 1


def test_a_later_day_is_waited_for(gateway) -> None:
    row = told(at=now() + timedelta(days=2))
    delivery.work()

    row.refresh_from_db()
    assert (row.state, row.attempts, gateway.asked) == ("due", 0, [])


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE outgoing_outgoing SET key = 'other'",
        "UPDATE outgoing_outgoing SET facts = '{}'",
        "UPDATE outgoing_outgoing SET recipient_masked = ''",
        "UPDATE outgoing_outgoing SET recipient = NULL",
        "UPDATE outgoing_outgoing SET recipient = NULL, body = NULL, wiped_at = now()",
        "UPDATE outgoing_outgoing SET state = 'sent'",
        "UPDATE outgoing_outgoing SET state = 'due'",
        "UPDATE outgoing_outgoing SET is_unclear = true",
        "UPDATE outgoing_outgoing SET state = 'gone'",
        "DELETE FROM outgoing_outgoing",
        "UPDATE outgoing_attempt SET words = ''",
        "DELETE FROM outgoing_attempt",
    ],
)
def test_the_database_refuses_to_rewrite(change) -> None:
    row = told()
    Attempt.objects.create(outgoing=row, number=1, verdict="refused", words="no")

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)

    row.refresh_from_db()
    assert (row.state, row.tries.get().words) == ("waiting", "no")


@pytest.mark.parametrize("was", State)
def test_the_database_knows_the_same_edges_as_the_code(was) -> None:
    row = told()
    for to in State:
        if to == was:
            continue
        if to in TRANSITIONS[was]:
            _forced(row, was)
            _forced(row, to, is_move=True)
        else:
            _forced(row, was)
            with pytest.raises(IntegrityError), transaction.atomic():
                _forced(row, to, is_move=True)


def _forced(row: Outgoing, state: State, *, is_move: bool = False) -> None:
    """Put the row into a state; a move keeps the laws, anything else is beside them."""
    with connection.cursor() as cursor:
        if not is_move:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # no ALTER TABLE while some wait
            cursor.execute("ALTER TABLE outgoing_outgoing DISABLE TRIGGER outgoing_guard")
        cursor.execute(
            "UPDATE outgoing_outgoing SET state = %(state)s,"
            " sent_at = CASE WHEN %(state)s = 'sent' THEN now() END,"
            " next_try_at = CASE WHEN %(state)s = 'due' THEN now() END WHERE id = %(id)s",
            {"state": state.value, "id": row.pk},
        )
        if not is_move:
            cursor.execute("ALTER TABLE outgoing_outgoing ENABLE TRIGGER outgoing_guard")
