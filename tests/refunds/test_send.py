"""An approved refund is sent once; what nobody answered is asked about and never sent again."""

import json
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
import time_machine
from django.conf import settings
from django.db import connection

from channels_.contract import Wire
from cspdcl.kernel.clock import now
from enquiries.models import Operation, OperationAttempt
from payments.models import Refund
from payments.notices import note_refund
from refunds import actions, sending
from refunds.models import RefundRequest
from tests import factories as make
from tests.enquiries.asking import channel_at, listed
from tests.refunds.refunding import PAID_AT, approved, paid, refund_entity, refund_told

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[2]
WORKER = "import django; django.setup(); from refunds import sending; sending.work(seconds=20)"


@pytest.fixture
def request_(partner, officer, approver) -> RefundRequest:
    """Approved, and not with its channel yet."""
    return approved(paid(channel_at(partner)), officer, approver)


def work_later(**more: int) -> None:
    """A sweep after so much time."""
    with time_machine.travel(now() + timedelta(**more), tick=True):
        sending.work()


def sent(partner) -> list[str]:
    """The refunds that went out, among all that was asked."""
    return [path for method, path, _headers, _body in partner.asked if method == "POST"]


def test_it_is_sent_once_with_our_reference_and_paid_back(partner, request_) -> None:
    partner.says(refund_entity(request_))

    sending.work()
    sending.work()

    request_.refresh_from_db()
    assert request_.state == "succeeded"
    assert request_.refund == Refund.objects.get()
    assert request_.refund.reference == request_.reference
    body = json.loads(partner.asked[0][3])
    assert (body["receipt"], body["amount"]) == (request_.reference, 100_000)
    assert len(partner.asked) == 1


def test_when_the_payment_was_paid_travels_with_it(request_) -> None:
    asked = sending._question_of(request_.pk)

    assert (asked.paid_at, asked.paid_paise) == (PAID_AT, 123_400)
    assert asked.payment_reference == request_.payment.reference


def test_a_pending_refund_is_followed_to_its_end(partner, request_) -> None:
    partner.says(refund_entity(request_, "pending"))
    sending.work()
    request_.refresh_from_db()
    assert (request_.state, request_.told_ref) == ("sending", "rfnd_Test000001")

    partner.says(refund_entity(request_))
    work_later(minutes=2)

    request_.refresh_from_db()
    assert request_.state == "succeeded"
    assert len(sent(partner)) == 1


@pytest.mark.parametrize("fault", ["cut", "mute", "redirect", "gzip"])
def test_a_lost_answer_is_asked_about_and_never_sent_again(partner, request_, fault) -> None:
    partner.fault = fault
    sending.work()
    request_.refresh_from_db()
    assert request_.state == "sending"
    assert Operation.objects.get(kind="refund").state == "unknown"

    partner.fault = ""
    partner.says(listed(refund_entity(request_)))
    work_later(minutes=2)

    request_.refresh_from_db()
    assert request_.state == "succeeded"
    assert len(sent(partner)) == 1


def test_an_http_500_is_no_answer(partner, request_) -> None:
    partner.says({"error": {"code": "SERVER_ERROR"}}, status=500)

    sending.work()
    work_later(hours=1)

    request_.refresh_from_db()
    assert request_.state == "sending"
    assert len(sent(partner)) == 1


def test_a_partner_that_does_not_know_it_is_asked_again_and_then_a_person(
    partner, request_
) -> None:
    partner.fault = "cut"
    sending.work()
    partner.fault = ""
    partner.says(listed())

    for days in range(16):
        work_later(days=days, hours=1)
        work_later(days=days, hours=8)

    request_.refresh_from_db()
    assert request_.state == "manual"
    assert actions.room_of(request_.payment_id) == 23_400, "it may have gone back"
    assert len(sent(partner)) == 1


def test_a_definite_no_ends_it_and_frees_the_money(partner, request_) -> None:
    no = {"error": {"code": "BAD_REQUEST_ERROR", "description": "your balance is not enough"}}
    partner.says(no, status=400)

    sending.work()
    work_later(hours=1)

    request_.refresh_from_db()
    assert request_.state == "failed"
    assert actions.room_of(request_.payment_id) == 123_400
    assert len(partner.asked) == 1


def test_what_was_not_sent_is_sent_later(partner, request_) -> None:
    channel = request_.payment.channel
    was, channel.api_url = channel.api_url, "http://127.0.0.1:9/api"
    channel.save()
    sending.work()
    assert Operation.objects.get(kind="refund").spent == 0

    channel.api_url = was
    channel.save()
    partner.says(refund_entity(request_))
    work_later(hours=2)

    request_.refresh_from_db()
    assert request_.state == "succeeded"
    assert len(sent(partner)) == 1


def test_killed_workers_send_it_once(partner, request_) -> None:
    partner.hold = threading.Event()
    partner.says(refund_entity(request_))

    worker = _start()
    try:
        assert partner.reached.wait(60)
    finally:
        worker.kill()
        worker.wait(10)
    assert Operation.objects.get(kind="refund").state == "sent"
    partner.hold.set()
    partner.hold = None
    Operation.objects.update(next_at=now())
    partner.says(listed(refund_entity(request_)))
    sending.work()
    work_later(minutes=5)

    request_.refresh_from_db()
    assert request_.state == "succeeded"
    assert len(sent(partner)) == 1
    readings = OperationAttempt.objects.filter(operation__kind="refund")
    assert list(readings.values_list("reading", flat=True)) == ["lost"]


def test_two_sweeps_at_once_send_it_once(partner, request_) -> None:
    partner.says(refund_entity(request_, "pending"))

    def sweep() -> None:
        sending.work(seconds=5)
        connection.close()

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)

    assert len(sent(partner)) == 1


def test_an_answer_about_another_refund_is_not_believed(partner, request_) -> None:
    partner.says(refund_entity(request_, amount=99))

    sending.work()

    request_.refresh_from_db()
    assert request_.state == "sending"
    assert not Refund.objects.exists()


def test_a_webhook_before_the_answer_ends_it(partner, request_) -> None:
    partner.fault = "cut"
    sending.work()
    told = refund_told(request_.payment, 100_000, ours=request_.reference)
    note_refund(request_.payment.channel_id, notice=told, at=PAID_AT)

    sending.work()

    request_.refresh_from_db()
    assert (request_.state, request_.refund.channel_ref) == ("succeeded", "rfnd_1")


def test_a_success_after_a_failure_is_believed(partner, request_) -> None:
    partner.says(refund_entity(request_, "failed"))
    sending.work()
    request_.refresh_from_db()
    assert request_.state == "failed"

    told = refund_told(request_.payment, 100_000, ref="rfnd_Test000001")
    note_refund(request_.payment.channel_id, notice=told, at=PAID_AT)
    sending.work()

    request_.refresh_from_db()
    assert request_.state == "succeeded"


def test_a_channel_without_a_refund_call_is_a_persons_work(officer, approver) -> None:
    payment = paid(make.BankTransferFactory(), channel_ref="UTR000001")
    request = approved(payment, officer, approver)

    sending.work()
    request.refresh_from_db()
    assert request.state == "manual"
    assert "takes no refunds by a call" in request.note

    with pytest.raises(actions.NotRefundable, match="proves"):
        actions.finish_by_hand(request, is_paid=True, by=officer, note=" ")
    done = actions.finish_by_hand(request, is_paid=True, by=officer, note="UTR SBIN0000001")
    assert done.state == "succeeded"


def test_an_expired_token_is_renewed_once(partner, officer, approver, monkeypatch) -> None:
    """A partner with tokens may say no because of one that has ended; twice no is a no."""
    from dataclasses import replace

    from channels_ import registry
    from channels_.contract import Call, Exchange, Token

    tokens: list[str] = []
    real = registry.adapter("razorpay")

    def token(wire, _setup, _asked):
        tokens.append(json.loads(wire.body)["token"])
        return Token(value=tokens[-1], expires_at=now() + timedelta(hours=1))

    with_token = replace(
        real,
        token=Exchange(
            call=lambda _asked, setup: Call(url=f"{setup.api_url}/token", method="POST"),
            read=token,
        ),
    )
    for module in ("refunds.sending", "enquiries.passes"):
        monkeypatch.setattr(f"{module}.adapter", lambda _code: with_token)
    request = approved(paid(channel_at(partner)), officer, approver)
    no = {"error": {"code": "BAD_REQUEST_ERROR", "description": "token expired"}}

    def answer(path, _body):
        if path.endswith("/token"):
            return Wire(json.dumps({"token": f"t{len(tokens)}"}).encode())
        if len(tokens) < 2:
            return Wire(json.dumps(no).encode(), 400)
        return Wire(json.dumps(refund_entity(request)).encode())

    partner.answer = answer
    sending.work()

    request.refresh_from_db()
    assert request.state == "succeeded"
    assert tokens == ["t0", "t1"]
    assert len([path for path in sent(partner) if "refund" in path]) == 2


def _start() -> subprocess.Popen[bytes]:
    database = connection.settings_dict
    query = urlencode({"host": database["HOST"], "port": database["PORT"]})
    environment = {
        **os.environ,
        "CSPDCL_MODE": "test",
        "DJANGO_SETTINGS_MODULE": "cspdcl.settings",
        "DATABASE_URL": (
            f"postgresql://{database['USER']}:{database['PASSWORD']}@/{database['NAME']}?{query}"
        ),
        "REDIS_URL": settings.REDIS_URL,
        "FIELD_KEYS": settings.FIELD_KEYS,
        "INDEX_KEY": settings.INDEX_KEY,
    }
    return subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environment)
