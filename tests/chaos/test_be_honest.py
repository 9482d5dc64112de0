"""The harness itself: it finds what is wrong, and a storm that proved nothing fails."""
# ruff: noqa: S608 - every query here is made of our own constants

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from tests.chaos import judge
from tests.chaos.house import House, until
from tests.chaos.senders import Heard, Senders
from tests.chaos.storm import shortfalls
from tests.chaos.stream import Stream
from tests.chaos.strikes import Striker, plan_of

pytestmark = pytest.mark.chaos

PAID = """
    (SELECT p.id FROM payments_payment p JOIN payments_receipt r ON r.payment_id = p.id
     WHERE p.channel_ref LIKE 'pay\\_fair%' ORDER BY p.id LIMIT 1)
"""
RECEIVED = """
    (SELECT id FROM paychannels_inboundmessage WHERE event_key LIKE 'evt\\_fair%'
     ORDER BY id LIMIT 1)
"""
COPY = """
    INSERT INTO payments_payment (reference, channel_id, channel_ref, order_ref, consumer_id,
        consumer_number, amount_paise, method, rrn, utr, state, created_at, succeeded_at,
        business_date, counter_id)
    SELECT reference || 'x', channel_id, {ref}, order_ref, consumer_id, consumer_number,
        amount_paise, method, rrn, utr, state, created_at, succeeded_at, business_date, counter_id
    FROM payments_payment WHERE id = {which}
"""
AT_COUNTER = "(SELECT min(id) FROM payments_payment WHERE counter_id IS NOT NULL)"

# What is done to a fair end, and the words of the fault that must be found.
DOCTORED = {
    "message lost": (
        f"UPDATE paychannels_inboundmessage SET event_key = 'gone' WHERE id = {RECEIVED}",
        "is 0 times in the inbox",
    ),
    "message changed": (
        f"UPDATE paychannels_inboundmessage SET sha256 = 'x' WHERE id = {RECEIVED}",
        "another body",
    ),
    "repetition not counted": (
        f"UPDATE paychannels_inboundmessage SET repeats = 99 WHERE id = {RECEIVED}",
        "came 100 times",
    ),
    "conflict not recorded": (
        "UPDATE paychannels_inboundmessage SET conflicts = 0 WHERE event_key LIKE 'evt\\_fair%'",
        "0 conflicts",
    ),
    "message left": (
        f"UPDATE paychannels_inboundmessage SET state = 'parked' WHERE id = {RECEIVED}",
        "is parked",
    ),
    "payment lost": (
        f"UPDATE payments_payment SET channel_ref = 'gone' WHERE id = {PAID}",
        "is 0 payments",
    ),
    "payment doubled": (COPY.format(ref="channel_ref", which=PAID), "is 2 payments"),
    "payment invented": (
        COPY.format(ref="channel_ref || 'z'", which=PAID),
        "a payment that nobody made",
    ),
    "counter payment doubled": (
        COPY.format(ref="NULL", which=AT_COUNTER),
        "payments at counters for",
    ),
    "amount altered": (
        f"UPDATE payments_payment SET amount_paise = amount_paise + 1 WHERE id = {PAID}",
        "acknowledged as",
    ),
    "state taken back": (
        f"UPDATE payments_payment SET state = 'failed', succeeded_at = NULL WHERE id = {PAID}",
        "its events lead to succeeded",
    ),
    "receipt lost": (f"DELETE FROM payments_receipt WHERE payment_id = {PAID}", "acknowledged as"),
    "number skipped": (
        """
        UPDATE payments_receipt SET number = 10 * number
        WHERE id = (SELECT id FROM payments_receipt ORDER BY number DESC LIMIT 1)
        """,
        "receipts from 1 to",
    ),
    "refund doubled": (
        """
        INSERT INTO payments_refund (payment_id, channel_id, channel_ref, amount_paise, state,
            business_date, updated_at, is_excess, reference)
        SELECT r.payment_id, r.channel_id, r.channel_ref || 'x', r.amount_paise, r.state,
            r.business_date, r.updated_at, false, ''
        FROM payments_refund r JOIN payments_payment p ON p.id = r.payment_id
        WHERE p.channel_ref LIKE 'pay\\_fair%' LIMIT 1
        """,
        "refunds differ",
    ),
    "counter key taken over": (
        (
            "UPDATE counters_collection SET submit_key = 'gone' "
            "WHERE submit_key = 'fair-counter-00003-0'"
        ),
        "is 0 payments",
    ),
}
TABLES = (
    "paychannels_inboundmessage",
    "payments_payment",
    "payments_receipt",
    "payments_refund",
    "counters_collection",
    "counters_collectionline",
)


@pytest.fixture(scope="module")
def fair(house: House, make: Callable[[int, str], Stream]) -> tuple[Stream, Heard]:
    """A stream that nobody disturbed, and what its clients heard."""
    stream = make(300, "fair")
    heard = _send(house, stream)
    with house.database() as connection:
        assert judge.faults(connection, stream=stream, heard=heard) == []
    return stream, heard


@pytest.mark.parametrize("name", DOCTORED)
def test_a_doctored_end_is_found(house: House, fair: tuple[Stream, Heard], name: str):
    stream, heard = fair
    change, words = DOCTORED[name]

    with house.database() as connection:
        with connection.cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute("ALTER TABLE payments_payment DROP CONSTRAINT payment_channel_ref_once")
            cursor.execute(change)
            assert cursor.rowcount >= 1
        found = judge.faults(connection, stream=stream, heard=heard)
        connection.rollback()

    assert any(words in one for one in found), found


@pytest.mark.parametrize(
    ("kills", "repeated", "attempts", "words"),
    [
        (23, 10, 2, "23 kills of 24 planned"),
        (24, 0, 2, "no request had to be sent again"),
        (24, 10, 1, "no message had to be tried again"),
    ],
)
def test_a_storm_that_proves_nothing_fails(kills, repeated, attempts, words):
    storm = SimpleNamespace(
        kills_planned=24,
        striker=SimpleNamespace(kills=kills),
        heard=SimpleNamespace(repeated=repeated),
        most_attempts=attempts,
    )

    assert shortfalls(storm) == [words]  # type: ignore[arg-type]


def test_the_plan_of_a_seed_is_the_same_again():
    assert plan_of(40, seed=7) == plan_of(40, seed=7)
    assert plan_of(40, seed=7) != plan_of(40, seed=8)
    assert len([one for one in plan_of(40, seed=7) if one != "redis emptied"]) == 40


@pytest.fixture
def plant(house: House) -> Iterator[Callable[[str, str, str], None]]:
    """``plant("web", ours, faulty)`` runs a faulty program in our place; ours comes back."""
    before = {name: list(house.child(name).command) for name in ("web", "worker")}

    def plant(name: str, ours: str, faulty: str) -> None:
        house.replace(name, [faulty if one == ours else one for one in before[name]])

    yield plant
    for name, command in before.items():
        if house.child(name).command != command:
            house.replace(name, command)


@pytest.mark.planted
def test_a_server_that_acknowledges_before_it_keeps_is_caught(house, make, plant, seed):
    plant("web", "cspdcl.wsgi:application", "tests.chaos.planted:ack_early")
    stream = make(150, "early")

    found = _send_and_judge(house, stream, seed, ["web worker"] * 4)

    assert any("was acknowledged and is 0 times in the inbox" in one for one in found), found


@pytest.mark.planted
def test_a_server_that_forgets_ids_and_keys_is_caught(house, make, plant, seed):
    plant("web", "cspdcl.wsgi:application", "tests.chaos.planted:forget_keys")
    stream = make(60, "forget")

    found = _send_and_judge(house, stream, seed, [])

    assert any("is in the inbox and was never sent" in one for one in found), found


@pytest.mark.planted
def test_a_worker_that_marks_messages_done_first_is_caught(house, make, plant, seed):
    plant("worker", "cspdcl", "tests.chaos.planted_worker")
    stream = make(150, "flag")
    senders = Senders(house.url, stream.deliveries)
    striker = Striker(house, senders, [], seed=seed)

    senders.start()
    for _ in range(2):  # the second finds all that came while there was no worker
        until(lambda: _is_flagged(house), what="a message marked before it is done")
        striker.kill("worker")
        until(lambda: not _is_flagged(house), what="the dead worker's session to end")
    until(lambda: not senders.is_busy, what="every answer")
    _await_drained(house, stream)

    with house.database() as connection:
        found = judge.faults(connection, stream=stream, heard=senders.heard)
    assert any("is 0 payments, acknowledged as" in one for one in found), found


def _is_flagged(house: House) -> bool:
    return bool(house.ask("SELECT FROM pg_stat_activity WHERE application_name = 'flagged'"))


def _send_and_judge(house: House, stream: Stream, seed: int, plan: list[str]) -> list[str]:
    senders = Senders(house.url, stream.deliveries)
    striker = Striker(house, senders, plan, seed=seed)
    senders.start()
    striker.start()
    until(lambda: not (senders.is_busy or striker.is_busy), what="every answer")
    _await_drained(house, stream)
    with house.database() as connection:
        return judge.faults(connection, stream=stream, heard=senders.heard)


def _send(house: House, stream: Stream) -> Heard:
    senders = Senders(house.url, stream.deliveries)
    senders.start()
    until(lambda: not senders.is_busy, what="every answer")
    _await_drained(house, stream)
    return senders.heard


def _await_drained(house: House, stream: Stream) -> None:
    with house.database() as connection:
        connection.autocommit = True
        until(lambda: judge.due(connection, stream=stream) == 0, what="the inbox to be drained")
