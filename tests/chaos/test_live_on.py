"""What may fail or change while money comes in: Redis dies, a secret is replaced."""

import hashlib
import hmac
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count

import httpx
import pytest

from tests import factories as make
from tests.chaos.house import House, is_running, made_house, until
from tests.chaos.stream import CONSUMERS, MERCHANT

pytestmark = pytest.mark.chaos

APPLIED_SECONDS = 5


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house of its own: the shared one may hold nothing that its senders did not send."""
    with made_house(CONSUMERS) as house:
        yield house


@pytest.fixture
def dead_redis(house: House) -> Iterator[None]:
    """Redis is killed and stays dead until the test has ended."""
    house.is_without_redis = True
    pid = house.redis.pid()
    assert pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_running(pid, marked="redis"), what="Redis to die")
    yield
    house.is_without_redis = False
    until(lambda: is_running(house.redis.pid(), marked="redis"), what="Redis to be back")


def send(house: House, event: str, secret: str) -> int:
    """One captured payment, signed; the status of the answer."""
    said = json.loads(make.razorpay_body(pay=f"pay_{event}", order=None))
    body = json.dumps({**said, "account_id": MERCHANT}).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Razorpay-Event-Id": event,
        "X-Razorpay-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    return httpx.post(f"{house.url}/in/razorpay/", content=body, headers=headers).status_code


def states(house: House, like: str) -> Counter[str]:
    """How many messages are in each state, of the events that begin so."""
    rows = house.ask(
        "SELECT state FROM paychannels_inboundmessage WHERE event_key LIKE %s", f"{like}%"
    )
    return Counter(row[0] for row in rows)


def refused(house: House) -> int:
    """How many forged messages were counted at the door."""
    rows = house.ask(
        "SELECT sum(count) FROM paychannels_refusaltally "
        "WHERE channel_code = 'razorpay' AND kind = 'forged'"
    )
    return int(rows[0][0] or 0)


def test_money_is_posted_while_redis_is_dead(house: House, dead_redis: None) -> None:
    for number in range(30):
        assert send(house, f"evt_bell{number}", house.webhook_secret) == 200

    until(
        lambda: states(house, "evt_bell") == {"done": 30},
        what=f"30 notices to be applied without Redis: {states(house, 'evt_bell')}",
        seconds=APPLIED_SECONDS,
    )


def test_no_message_is_refused_while_a_secret_is_replaced(house: House) -> None:
    before, answers, numbers = refused(house), Counter[int](), count()
    old, news, ending = house.webhook_secret, list[str](), threading.Event()

    def load() -> None:
        while not ending.is_set():
            number = next(numbers)
            secret = news[0] if news and number % 2 else old
            answers[send(house, f"evt_turn{number}", secret)] += 1

    clients = [threading.Thread(target=load) for _ in range(4)]
    for client in clients:
        client.start()
    until(lambda: sum(answers.values()) > 20, what="load before the rotation")
    done = house.run("manage.py", "rotate_secret", "razorpay", "webhook_secret", "--generate")
    news.append(done.stdout.strip())
    reached = sum(answers.values())
    until(lambda: sum(answers.values()) > reached + 100, what="load after the rotation")
    ending.set()
    for client in clients:
        client.join()

    assert set(answers) == {200}
    assert refused(house) == before

    with house.database() as connection:
        connection.autocommit = True
        connection.cursor().execute(
            "UPDATE paychannels_channelsecret SET expires_at = now() "
            "WHERE state = 'previous' AND name = 'webhook_secret'"
        )
    until(lambda: send(house, f"evt_late{time.monotonic()}", old) == 401, what="the old to end")
    assert send(house, "evt_new", news[0]) == 200
    assert refused(house) == before + 1
