"""A signed webhook to its committed effect over HTTP, sixteen at a time, for every channel.

Ours ends when every payment stands in the database (succeeded and receipted, or pending where the
news must be confirmed first); the floor when its last row is committed. Both are served by the same
gunicorn and the same PostgreSQL, in turn, and the floor gets the same bodies.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg2

from bench import ground
from bench.partners import Sealed, anybody, keys_of, messages, speaking
from channels_.simulation import SampleKeys, Simulation
from cspdcl.processes import Processes

CONCURRENCY: Final = 16
MESSAGES: Final = 3_000
EACH: Final = 1_000  # of every other channel
ROUNDS: Final = 3
GOAL_RATIO: Final = 0.5
PATIENCE_SECONDS: Final = 120

Message = tuple[bytes, str]  # body, signature


def measure() -> None:
    """Rounds of the floor and ours in turn; writes var/bench/capture.json."""
    ground.prepare_template()
    key = secrets.token_hex(16)
    with ground.database("cspdcl_bench_capture", template=ground.TEMPLATE) as name:
        partners = {
            code: (simulation, keys_of(code, simulation))
            for code, simulation in anybody(speaking()).items()
            if code != "razorpay"
        }
        ours = {code: dict(keys.ours) for code, (_simulation, keys) in partners.items()}
        ground.child("bench.capture_setup", key, json.dumps(ours), name=name)
        environment = {
            **ground.environment(name),
            "DJANGO_SETTINGS_MODULE": "bench.settings",
            "BENCH_HOOK_KEY": key,
        }
        home = ground.figures_dir() / "capture"
        with Processes(port=8765, home=home, environment=environment) as processes:
            result = _rounds(processes.url, database=name, key=key)
            others = _others(processes.url, partners, database=name, key=key)
    print(
        f"capture: ours {result['ours_per_second']} a second to the committed effect "
        f"({result['ours_answered_per_second']} answered), floor {result['floor_per_second']}, "
        f"ratio {result['ratio']} (goal {GOAL_RATIO} or more)"
    )
    for code, ratio in others.items():
        print(f"  {code}: {ratio} of the floor")
    ground.write("capture", {**result, "channels": others})


def _rounds(url: str, *, database: str, key: str) -> dict[str, Any]:
    ours, answered, floor = [], [], []
    connection = psycopg2.connect(ground.url_of(database))
    connection.autocommit = True
    _send(url, "/floor/", _messages(200, key, start=9_000_000))  # warm both before counting
    _send(url, "/in/razorpay/", _messages(200, key, start=8_000_000))
    _until(connection, _succeeded, 200)
    for number in range(ROUNDS):
        messages = _messages(MESSAGES, key, start=number * MESSAGES)
        floor.append(MESSAGES / _send(url, "/floor/", messages))
        before = _succeeded(connection)
        started = time.perf_counter()
        answered.append(MESSAGES / _send(url, "/in/razorpay/", messages))
        _until(connection, _succeeded, before + MESSAGES)
        ours.append(MESSAGES / (time.perf_counter() - started))
    connection.close()
    return {
        "concurrency": CONCURRENCY,
        "messages": MESSAGES,
        "rounds": ROUNDS,
        "ours_per_second": round(ground.middle(ours)),
        "ours_answered_per_second": round(ground.middle(answered)),
        "floor_per_second": round(ground.middle(floor)),
        "ratio": ground.middle([a / b for a, b in zip(ours, floor, strict=True)]),
        "goals": {"ratio": GOAL_RATIO},
    }


def _others(
    url: str, partners: Mapping[str, tuple[Simulation, SampleKeys]], *, database: str, key: str
) -> dict[str, float]:
    """The other channels' ratio to the floor, which gets the same bodies right before."""
    connection = psycopg2.connect(ground.url_of(database))
    connection.autocommit = True
    ratios = {}
    for code, (simulation, keys) in partners.items():
        sealed = list(messages(code, simulation, keys, EACH))
        bodies = [(one.body, hmac.new(key.encode(), one.body, hashlib.sha256).hexdigest())
                  for one in sealed]  # fmt: skip
        floor = _send(url, "/floor/", bodies)
        before = _known(connection)
        started = time.perf_counter()
        asyncio.run(_send_sealed(url, sealed))
        _until(connection, _known, before + EACH)
        ratios[code] = round(floor / (time.perf_counter() - started), 2)
    connection.close()
    return ratios


async def _send_sealed(url: str, sealed: Sequence[Sealed]) -> None:
    host = urlsplit(url).netloc
    waiting = iter(
        f"POST {one.path} HTTP/1.1\r\nHost: {host}\r\n"
        f"{''.join(f'{name}: {value}' + chr(13) + chr(10) for name, value in one.headers.items())}"
        f"Content-Length: {len(one.body)}\r\n\r\n".encode()
        + one.body
        for one in sealed
    )
    await asyncio.gather(*(_lane(url, waiting) for _ in range(CONCURRENCY)))


def _messages(count: int, key: str, *, start: int) -> list[Message]:
    return [_message(n, key) for n in range(start, start + count)]


def _message(n: int, key: str) -> Message:
    payment = {
        "id": f"pay_{n:014d}", "entity": "payment", "currency": "INR",
        "amount": 10_000 + n % 900_000,
        "status": "captured", "order_id": f"order_{n:012d}", "method": "upi", "captured": True,
        "vpa": "sample@upi", "notes": {"consumer_number": f"{100_000_000_000 + n % 1000}"},
        "fee": 0, "tax": 0, "acquirer_data": {"rrn": f"{n:012d}"}, "created_at": 1_787_000_000,
    }  # fmt: skip
    event = {
        "entity": "event", "account_id": "acc_Bench", "event": "payment.captured",
        "contains": ["payment"],
        "payload": {"payment": {"entity": payment}}, "created_at": 1_787_000_000,
    }  # fmt: skip
    body = json.dumps(event, separators=(",", ":")).encode()
    return body, hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def _send(url: str, path: str, messages: Sequence[Message]) -> float:
    """Send all over sixteen kept connections; answers the seconds; any answer but 200 ends it."""
    started = time.perf_counter()
    asyncio.run(_send_all(url, path, messages))
    return time.perf_counter() - started


async def _send_all(url: str, path: str, messages: Sequence[Message]) -> None:
    host = urlsplit(url).netloc
    waiting = iter(_request(host, path, *message) for message in messages)
    await asyncio.gather(*(_lane(url, waiting) for _ in range(CONCURRENCY)))


def _request(host: str, path: str, body: bytes, signature: str) -> bytes:
    event = hashlib.sha256(body).hexdigest()[:20]
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"X-Razorpay-Signature: {signature}\r\nX-Razorpay-Event-Id: evt_{event}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: keep-alive\r\n\r\n"
    )
    return head.encode() + body


async def _lane(url: str, waiting: Iterator[bytes]) -> None:
    """Send what waits, one after the other over one kept connection."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    reader, writer = await asyncio.open_connection(host, port)
    for request in waiting:
        writer.write(request)
        await writer.drain()
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200"):
            path = request.split(b" ", 2)[1].decode()
            raise SystemExit(f"{path} answered {answer.splitlines()[0].decode()}")
        length = _header(answer, b"content-length")
        if length:
            await reader.readexactly(int(length))
        if _header(answer, b"connection").lower() == b"close":
            writer.close()
            reader, writer = await asyncio.open_connection(host, port)
    writer.close()


def _header(answer: bytes, name: bytes) -> bytes:
    for line in answer.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip()
    return b""


def _succeeded(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM payments_receipt")
        return int(cursor.fetchone()[0])


def _known(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM payments_payment")
        return int(cursor.fetchone()[0])


def _until(connection: Any, counted: Callable[[Any], int], count: int) -> None:
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while (there := counted(connection)) < count:
        if time.perf_counter() > deadline:
            raise SystemExit(f"{count} payments were expected, {there} came")
        time.sleep(0.02)
