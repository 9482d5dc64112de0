"""The door: what is proved is kept once, before 200; the rest leaves a tally and no more."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from channels_ import inbox
from channels_.models import ChannelSecret, InboundMessage, RefusalTally
from channels_.secrets import missing_secrets, secrets_of, set_secret
from payments.inbox import drain
from payments.models import Payment, Receipt
from payments.states import State
from people.models import AuditEvent
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel():
    return make.RazorpayFactory(code="razorpay")


def post(body: bytes, headers: dict[str, str], code: str = "razorpay"):
    return Client().post(f"/in/{code}/", body, content_type="application/json", headers=headers)


def tallies() -> dict[tuple[str, str], int]:
    return {(one.channel_code, one.kind): one.count for one in RefusalTally.objects.order_by("pk")}


def test_a_signed_message_is_kept_with_its_bytes(channel) -> None:
    body = make.razorpay_body()
    headers = {**make.razorpay_headers(body, "evt_1"), "Authorization": "secret", "Cookie": "a=b"}

    answer = post(body, headers)

    assert (answer.status_code, answer.json()) == (200, {"status": "kept"})
    message = InboundMessage.objects.get()
    assert inbox.body_of(message).body == body
    assert bytes(message.body) != body
    assert message.headers["x-razorpay-event-id"] == "evt_1"
    assert not {"authorization", "cookie"} & set(message.headers)


def test_the_same_message_again_is_known_and_counted(channel) -> None:
    body = make.razorpay_body()
    headers = make.razorpay_headers(body, "evt_1")

    answers = [post(body, headers).json()["status"] for _ in range(3)]

    assert answers == ["kept", "known", "known"]
    assert InboundMessage.objects.get().repeats == 2


def test_the_same_event_with_another_body_is_never_believed(channel, caplog) -> None:
    first, second = make.razorpay_body(), make.razorpay_body(amount=1)
    post(first, make.razorpay_headers(first, "evt_1"))

    answer = post(second, make.razorpay_headers(second, "evt_1"))

    assert answer.json() == {"status": "known"}
    message = InboundMessage.objects.get()
    assert (message.repeats, message.conflicts) == (0, 1)
    assert inbox.body_of(message).body == first
    assert "another body" in caplog.text


def test_a_forged_message_leaves_a_tally_only(channel) -> None:
    body = make.razorpay_body()

    for headers in ({}, make.razorpay_headers(body, secret="another secret")):
        answer = post(body, headers)
        assert answer.status_code == 401

    assert not InboundMessage.objects.exists()
    assert tallies() == {("razorpay", "forged"): 2}


def test_a_channel_cannot_speak_for_another(channel) -> None:
    make.BankTransferFactory(code="neft")
    body = make.razorpay_body()

    answer = post(body, make.razorpay_headers(body), code="neft")

    assert answer.status_code == 401
    assert tallies() == {("neft", "forged"): 1}


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"{not json", 400, "malformed"),
        (b'{"hello": "world"}', 400, "malformed"),
        (b" " * (256 * 1024 + 1), 413, "oversized"),
    ],
)
def test_what_is_not_as_agreed_is_refused(channel, body, status, kind) -> None:
    answer = post(body, make.razorpay_headers(body))

    assert answer.status_code == status
    assert answer.json()["status"] == "refused"
    assert not InboundMessage.objects.exists()
    assert tallies() == {("razorpay", kind): 1}


def test_what_is_theirs_but_not_understood_is_kept_for_a_person(channel) -> None:
    body = make.razorpay_body(currency="USD")

    assert post(body, make.razorpay_headers(body)).status_code == 200
    assert InboundMessage.objects.get().state == InboundMessage.State.DUE


def test_unknown_switched_off_and_silent_channels_are_not_found(channel) -> None:
    make.RazorpayFactory(code="asleep", is_live=False)
    make.ChannelFactory(code="cash")
    body = make.razorpay_body()
    headers = make.razorpay_headers(body)

    codes = [post(body, headers, code=code).status_code for code in ("nobody", "asleep", "cash")]

    assert codes == [404, 404, 404]
    assert tallies() == {("?", "unknown_channel"): 2, ("asleep", "not_live"): 1}


def test_an_encoded_body_and_another_method_are_refused(channel) -> None:
    body = make.razorpay_body()
    headers = {**make.razorpay_headers(body), "Content-Encoding": "gzip"}

    assert post(body, headers).status_code == 415
    assert Client().get("/in/razorpay/").status_code == 405
    assert not InboundMessage.objects.exists()


def test_a_rotated_secret_is_tried_until_it_expires(channel) -> None:
    old_body, new_body = make.razorpay_body(pay="pay_old1"), make.razorpay_body(pay="pay_new1")
    set_secret(channel, name="webhook_secret", value="the next one", actor="system")

    assert post(old_body, make.razorpay_headers(old_body)).status_code == 200
    new_headers = make.razorpay_headers(new_body, secret="the next one")
    assert post(new_body, new_headers).status_code == 200

    past = ChannelSecret.objects.get(state="previous")
    past.expires_at = past.created_at
    past.save()
    inbox.forget()
    late = make.razorpay_body(pay="pay_late1")
    assert post(late, make.razorpay_headers(late)).status_code == 401


def test_rotating_keeps_one_before_and_says_so_in_the_audit_trail(channel) -> None:
    for value in ("second", "third", "third"):
        set_secret(channel, name="webhook_secret", value=value, actor="system")

    assert [one["webhook_secret"] for one in secrets_of(channel)] == ["third", "second"]
    assert not missing_secrets(channel)
    assert AuditEvent.objects.filter(action="channel.secret_rotated").count() == 2
    assert "third" not in str(list(AuditEvent.objects.values()))


def test_a_channel_without_secrets_believes_nobody(channel) -> None:
    ChannelSecret.objects.all().delete()
    body = make.razorpay_body()

    assert missing_secrets(channel) == ["webhook_secret"]
    assert post(body, make.razorpay_headers(body)).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_when_the_database_does_not_answer_the_sender_is_asked_to_come_again() -> None:
    make.RazorpayFactory(code="razorpay")
    body = make.razorpay_body()
    headers = make.razorpay_headers(body)
    is_locked, may_go = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE paychannels_inboundmessage")
            is_locked.set()
            may_go.wait(20)
            cursor.execute("ROLLBACK")
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert is_locked.wait(10)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    answer = post(body, headers)
    may_go.set()
    holder.join()
    connection.close()

    assert answer.status_code == 503
    assert answer["Retry-After"] == "2"
    assert not InboundMessage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_message_from_sixteen_clients_at_once_has_one_effect() -> None:
    make.RazorpayFactory(code="razorpay")
    body = make.razorpay_body()
    headers = make.razorpay_headers(body, "evt_1")
    barrier = threading.Barrier(16)

    def send(_: int) -> str:
        try:
            barrier.wait(10)
            return str(post(body, headers).json()["status"])
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        answers = sorted(pool.map(send, range(16)))

    assert answers == ["kept"] + ["known"] * 15
    assert InboundMessage.objects.get().repeats == 15

    def work(_: int) -> None:
        try:
            drain()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert Payment.objects.get().state == State.SUCCEEDED
    assert Receipt.objects.count() == 1
