"""A report and a notice that tell of one payment at the same moment: it is held once."""

import threading

import pytest
from django.db import connection, connections, transaction

from cspdcl.kernel.clock import now
from payments import found
from payments.models import Payment
from tests import factories as make

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_id_that_a_notice_writes_meanwhile_is_held_already() -> None:
    known = make.PaymentFactory(channel_ref=None)
    told = found.Found(
        channel=known.channel, channel_ref="pay_1", amount_paise=known.amount_paise, at=now()
    )
    refusals: list[found.AlreadyHeld] = []

    def report() -> None:
        try:
            found.note(told, cause="listed", actor="report")
        except found.AlreadyHeld as refusal:
            refusals.append(refusal)
        finally:
            connections.close_all()

    with transaction.atomic():
        Payment.objects.filter(pk=known.pk).update(channel_ref="pay_1")
        thread = threading.Thread(target=report)
        thread.start()
        _wait_for_somebody()
    thread.join(timeout=20)

    assert [refusal.code for refusal in refusals] == ["already_held"]
    assert Payment.objects.filter(channel_ref="pay_1").count() == 1


def _wait_for_somebody() -> None:
    """Until the other transaction waits for ours."""
    with connection.cursor() as cursor:
        for _turn in range(400):
            cursor.execute("SELECT pg_sleep(0.02)")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")
