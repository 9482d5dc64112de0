"""Delivering: over real sockets, at least once, and never twice what was acknowledged."""

import email
import json
import os
import subprocess
import sys
import threading
from datetime import timedelta
from email import policy
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import pytest
import time_machine
from django.conf import settings as configured
from django.db import connection

from channels_.contract import Wire
from cspdcl.kernel.clock import now
from cspdcl.kernel.http import Limits
from outgoing import delivery, queue
from outgoing.models import Connection, Outgoing
from outgoing.parcels import Result
from outgoing.states import Verdict
from tests.enquiries.partner import free_port
from tests.outgoing.telling import MOBILE, described, due_now, facts_of, lease_is_over, told

ROOT = Path(__file__).parents[2]
WORKER = "import django; django.setup(); from outgoing import delivery; delivery.work(seconds=20)"


def state_of(row: Outgoing) -> tuple[str, int, bool]:
    row.refresh_from_db()
    return row.state, row.attempts, row.is_unclear


def verdicts(row: Outgoing) -> list[str]:
    return list(row.tries.order_by("id").values_list("verdict", flat=True))


# ---- SMS ----


@pytest.mark.django_db
def test_an_sms_is_handed_to_the_gateway_as_the_settings_say(gateway) -> None:
    row = told(language="hi")

    assert delivery.work() == 1

    ((method, path, headers, body),) = gateway.asked
    said = json.loads(body)
    assert (method, path, headers["authorization"]) == ("POST", "/api/send", "Bearer s3cret")
    assert headers["x-ref"] == str(row.public_id)
    assert (said["to"], said["ref"], said["unicode"]) == (f"91{MOBILE}", row.key, 1)
    assert said["dlt"] == "11070"
    assert "उपभोक्ता xxxxxxxx7263" in said["text"]
    assert state_of(row) == ("sent", 1, False)
    assert (row.provider_ref, row.sent_at is not None, row.next_try_at) == ("SM1", True, None)
    assert delivery.work() == 0
    assert len(gateway.asked) == 1


@pytest.mark.django_db
def test_a_gateway_of_addresses_and_plain_words_serves_too(gateway, settings) -> None:
    settings.SMS_METHOD, settings.SMS_HEADERS, settings.SMS_BODY = "GET", "", ""
    settings.SMS_URL = f"{gateway.url}/push?to=$mobile&msg=$text&r=$reference"
    settings.SMS_SUCCESS, settings.SMS_PROVIDER_ID = r"/^OK\|/", r"/^OK\|(\w+)/"
    gateway.answer = lambda _path, _body: Wire(b"OK|A77")
    row = told(facts=facts_of("receipt_issued", receipt="A&B=C #1"))

    delivery.work()

    query = parse_qs(gateway.asked[0][1].partition("?")[2])
    assert (query["to"], query["r"]) == ([MOBILE], [row.key])
    assert "Receipt A&B=C #1." in query["msg"][0]
    assert state_of(row) == ("sent", 1, False)
    assert row.provider_ref == "A77"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "body", "end"),
    [
        (400, b"{}", ("given_up", 1, False)),
        (422, b"{}", ("given_up", 1, False)),
        (401, b"{}", ("due", 1, False)),
        (429, b"{}", ("due", 1, False)),
        (200, b'{"status": "failed"}', ("due", 1, False)),
        (200, b"<html>success</html>", ("given_up", 1, True)),
        (200, b'{"status": {"success": 1}}', ("given_up", 1, True)),
        (200, b'{"state": "success"}', ("given_up", 1, True)),
        (500, b'{"status": "success"}', ("given_up", 1, True)),
        (302, b'{"status": "success"}', ("given_up", 1, True)),
    ],
)
def test_nothing_but_the_agreed_yes_is_a_yes(gateway, status, body, end) -> None:
    gateway.answer = lambda _path, _body: Wire(body, status)
    row = told()

    delivery.work()

    assert state_of(row) == end
    assert row.sent_at is None
    assert MOBILE not in row.outcome


@pytest.mark.django_db
@pytest.mark.parametrize("honours", [False, True])
@pytest.mark.parametrize("fault", ["cut", "mute", "redirect"])
def test_what_may_have_gone_out_is_repeated_only_where_that_does_no_harm(
    gateway, settings, honours, fault
) -> None:
    settings.SMS_HONOURS_REFERENCE = honours
    gateway.fault = fault
    row = told()

    delivery.work()
    assert state_of(row) == (("due", 1, False) if honours else ("given_up", 1, True))
    gateway.fault = ""
    due_now()
    delivery.work()

    assert state_of(row) == (("sent", 2, False) if honours else ("given_up", 1, True))
    assert len({json.loads(body)["ref"] for *_rest, body in gateway.asked}) == 1
    assert len(gateway.asked) == (2 if honours else 1)


@pytest.mark.django_db
def test_a_gateway_that_thinks_too_long_is_not_believed_to_have_heard_nothing(
    gateway, monkeypatch
) -> None:
    quick = Limits(connect_seconds=0.5, read_seconds=0.2, total_seconds=1)
    monkeypatch.setattr("outgoing.sms._LIMITS", quick)
    gateway.hold = threading.Event()
    row = told()

    delivery.work()

    assert state_of(row) == ("given_up", 1, True)
    assert row.outcome == "no answer: ReadTimeout"


@pytest.mark.django_db
def test_a_gateway_that_is_away_is_left_alone_and_loses_nothing(settings) -> None:
    described(settings, f"http://127.0.0.1:{free_port()}")
    rows = [told(number) for number in range(12)]

    assert delivery.work() == queue.WIDTH
    line = Connection.objects.get()
    assert line.failures == queue.WIDTH
    assert line.rests_until is not None
    assert delivery.work() == 0
    assert [state_of(row)[0] for row in rows] == ["due"] * 12

    due_now()
    Connection.objects.update(rests_until=now())
    assert delivery.work() == queue.WIDTH
    assert {state_of(row)[1] for row in rows} <= {0, 1, 2}


@pytest.mark.django_db
def test_after_so_many_tries_a_person_is_asked(gateway) -> None:
    gateway.says({"status": "failed"})
    row = told()
    pauses = []
    for _ in range(queue.TRIES_MAX):
        due_now()
        Connection.objects.update(rests_until=None)
        delivery.work()
        row.refresh_from_db()
        if row.next_try_at is not None:
            pauses.append(row.next_try_at - now())

    assert state_of(row) == ("given_up", queue.TRIES_MAX, False)
    assert len(gateway.asked) == queue.TRIES_MAX
    assert verdicts(row) == ["not_taken"] * queue.TRIES_MAX
    assert timedelta(seconds=10) < pauses[0] < timedelta(seconds=31)
    assert timedelta(minutes=29) < pauses[-1] <= timedelta(minutes=60)


@pytest.mark.django_db
def test_without_a_connection_it_waits_and_goes_when_there_is_one(settings, gateway) -> None:
    settings.SMS_URL = ""
    row = told()
    delivery.work()
    assert state_of(row) == ("waiting", 0, False)

    described(settings, gateway.url)
    settings.SMS_TEMPLATES = ["receipt_issued.hi=1107"]
    delivery.work()
    assert state_of(row) == ("waiting", 0, False), "its text is not registered in English"

    described(settings, gateway.url)
    assert delivery.work() == 1
    assert state_of(row) == ("sent", 1, False)


@pytest.mark.django_db
def test_a_connection_that_is_taken_away_lets_everything_wait(settings, gateway) -> None:
    row = told()
    settings.SMS_URL = ""
    delivery.work()
    assert (state_of(row), row.outcome) == (("waiting", 0, False), "no connection")


@pytest.mark.django_db
def test_old_news_are_not_sent_but_what_the_law_or_a_person_wants_is(
    settings, gateway, users
) -> None:
    settings.SMS_URL = ""
    with time_machine.travel(now() - timedelta(days=4), tick=False):
        old, lasting = told(1), told(2, kind="cheque_dishonoured")
    fresh = told(3)
    described(settings, gateway.url)

    delivery.work()

    assert state_of(old) == ("lapsed", 0, False)
    assert state_of(lasting)[0] == "sent"
    assert state_of(fresh)[0] == "sent"
    assert len(gateway.asked) == 2

    queue.try_again(old, by=users["operator"])
    delivery.work()
    assert state_of(old) == ("sent", 1, False)


@pytest.mark.django_db
def test_what_is_long_over_is_wiped_and_keeps_its_facts(settings, gateway) -> None:
    with time_machine.travel(now() - timedelta(days=91), tick=False):
        over = told(1)
        waits = told(2, channel="email", to="somebody@mail.example", kind="cheque_barred")
        delivery.work()
    recent = told(3)
    delivery.work()

    assert queue.wipe() == 1
    assert queue.wipe() == 0

    for row in (over, waits, recent):
        row.refresh_from_db()
    assert (over.recipient, over.body, over.state) == (None, None, "sent")
    assert (over.facts["amount"], over.provider_ref) == ("12,34,567.00", "SM1")
    assert waits.body is not None
    assert recent.body is not None


@pytest.mark.django_db
def test_a_yes_that_comes_late_still_counts(gateway) -> None:
    row = told()
    (parcel,) = queue.claim("sms")
    lease_is_over()
    queue.recover_lost()
    assert state_of(row) == ("given_up", 1, True)

    queue.settle(parcel, Result(Verdict.TAKEN, "taken", "SM9"))
    queue.settle(parcel, Result(Verdict.NOT_TAKEN, "a second voice"))

    assert state_of(row) == ("sent", 1, False)
    assert row.provider_ref == "SM9"
    assert gateway.asked == []


# ---- e-mail ----


@pytest.mark.django_db
def test_an_email_arrives_with_the_same_id_each_time(post, settings) -> None:
    row = told(channel="email", to="somebody@mail.example", language="hi")

    delivery.work()

    letter = email.message_from_bytes(post.taken[0], policy=policy.default)
    assert post.to == ["somebody@mail.example"]
    assert letter["From"] == "CSPDCL <receipts@cspdcl.example>"
    assert letter["Subject"].strip() == "CSPDCL की रसीद RAIPUR1/2026-27/000123"
    assert letter["Message-ID"] == f"<{row.public_id}@cspdcl.example>"
    assert "रु 12,34,567.00 प्राप्त हुए" in letter.get_content()
    assert state_of(row) == ("sent", 1, False)
    assert row.provider_ref == letter["Message-ID"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("to_recipient", "to_data", "end"),
    [
        ("550 no such person", "250 OK", "given_up"),
        ("450 full", "250 OK", "due"),
        ("250 OK", "554 no", "given_up"),
        ("250 OK", "451 later", "due"),
    ],
)
def test_a_mail_server_that_refuses_for_good_is_believed(post, to_recipient, to_data, end) -> None:
    post.to_recipient, post.to_data = to_recipient, to_data
    row = told(channel="email", to="somebody@mail.example")

    delivery.work()

    assert state_of(row) == (end, 1, False)
    assert "somebody" not in row.outcome


@pytest.mark.django_db
def test_a_mail_server_that_is_away_is_asked_again(settings) -> None:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    settings.DEFAULT_FROM_EMAIL = "receipts@cspdcl.example"
    row = told(channel="email", to="somebody@mail.example")

    delivery.work()

    assert state_of(row) == ("due", 1, False)
    assert row.outcome == "not reached: ConnectionRefusedError"


# ---- several workers, and workers that die ----


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_nothing_twice(gateway) -> None:
    rows = [told(number) for number in range(60)]

    workers = [threading.Thread(target=_work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    references = [json.loads(body)["ref"] for *_rest, body in gateway.asked]
    assert sorted(references) == sorted(row.key for row in rows)
    assert Outgoing.objects.filter(state="sent", attempts=1).count() == 60


def _work() -> None:
    try:
        delivery.work()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("honours", [True, False])
def test_a_worker_that_dies_after_sending_is_repeated_with_the_same_key_or_asked_about(
    gateway, settings, honours
) -> None:
    settings.SMS_HONOURS_REFERENCE = honours
    row = told()
    gateway.hold = threading.Event()
    worker = _start(settings)
    try:
        assert gateway.reached.wait(60)
    finally:
        worker.kill()
        worker.wait(10)
    gateway.hold.set()
    assert state_of(row) == ("due", 1, False)
    assert row.trying_since is not None, "the try is committed before the socket opens"
    assert delivery.work() == 0, "others wait while it may still be under way"

    lease_is_over()
    delivery.work()
    due_now()
    delivery.work()

    references = [json.loads(body)["ref"] for *_rest, body in gateway.asked]
    if honours:
        assert references == [row.key, row.key]
        assert state_of(row) == ("sent", 2, False)
        assert verdicts(row) == ["unknown", "taken"]
    else:
        assert references == [row.key]
        assert state_of(row) == ("given_up", 1, True)
        assert verdicts(row) == ["unknown"]


def _start(settings) -> subprocess.Popen[bytes]:
    database = connection.settings_dict
    query = urlencode({"host": database["HOST"], "port": database["PORT"]})
    environment = {
        **os.environ,
        "CSPDCL_MODE": "test",
        "DJANGO_SETTINGS_MODULE": "cspdcl.settings",
        "DATABASE_URL": (
            f"postgresql://{database['USER']}:{database['PASSWORD']}@/{database['NAME']}?{query}"
        ),
        "REDIS_URL": configured.REDIS_URL,
        "FIELD_KEYS": configured.FIELD_KEYS,
        "INDEX_KEY": configured.INDEX_KEY,
        **{name: getattr(settings, name) for name in ("SMS_URL", "SMS_HEADERS", "SMS_BODY")},
        "SMS_SUCCESS": settings.SMS_SUCCESS,
        "SMS_TEMPLATES": ",".join(settings.SMS_TEMPLATES),
    }
    return subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environment)
