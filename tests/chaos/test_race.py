"""Sixteen clients send the same message at the same moment, over HTTP."""

import threading
from collections.abc import Callable

import pytest

from tests.chaos import judge
from tests.chaos.house import House, until
from tests.chaos.senders import Heard, Senders
from tests.chaos.stream import Message, Stream

pytestmark = pytest.mark.chaos

CLIENTS = 16


def test_the_same_message_from_sixteen_clients_counts_once(
    house: House, make: Callable[[int, str], Stream]
):
    stream = make(20, "race")
    once = {(one.id, one.is_changed): one for one in stream.deliveries}
    true = [one for one in once.values() if not one.is_changed]
    heard = Heard()

    for message in true:
        _send_at_once(house, message, heard)

    with house.database() as connection:
        connection.autocommit = True
        until(lambda: judge.due(connection, stream=stream) == 0, what="the inbox to be drained")
        assert judge.faults(connection, stream=stream, heard=heard) == []
    assert set(heard.answers) == {"in/ 200", "api 200"}
    assert {heard.acks[one.id, False] for one in true} == {CLIENTS}
    assert {len(labels) for labels in heard.receipts.values()} == {1}


def _send_at_once(house: House, message: Message, heard: Heard) -> None:
    """Sixteen senders that wait for each other, each with the message; all that they heard."""
    gate = threading.Barrier(CLIENTS)
    clients = [Senders(house.url, [message], clients=1, gate=gate) for _ in range(CLIENTS)]
    for one in clients:
        one.start()
    until(lambda: not any(one.is_busy for one in clients), what="sixteen answers")
    for one in clients:
        heard.tries += one.heard.tries
        heard.acks += one.heard.acks
        heard.answers += one.heard.answers
        heard.problems += one.heard.problems
        for key, labels in one.heard.receipts.items():
            heard.receipts.setdefault(key, set()).update(labels)
