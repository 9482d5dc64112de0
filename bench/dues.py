"""What does a partner wait for dues, with a million consumers in the books?

A hundred questions a second, sent on their beat whether the one before is answered or not, as
kiosks do: a slow answer makes the next ones wait in line and is counted as it is.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any, Final
from urllib.parse import urlsplit

from bench import ground
from channels_.adapters.agency.signing import (
    KEY_HEADER,
    NONCE_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    signature,
    words_to_sign,
)
from channels_.adapters.bbps_api import simulate as bbps_api
from channels_.contract import Setup
from cspdcl.processes import Processes

CONSUMERS: Final = 1_000_000
PER_SECOND: Final = 100
SECONDS: Final = 20
GOAL_P99_MS: Final = 50
CONNECTIONS: Final = 16

Question = Callable[[], bytes]  # the whole request, signed at the moment it is sent


def measure() -> None:
    """Both questions, one after the other; writes var/bench/dues.json."""
    ground.prepare_template()
    secret = secrets.token_urlsafe(32)
    with ground.database("cspdcl_bench_dues", template=ground.TEMPLATE) as name:
        keys = ground.child("bench.dues_setup", str(CONSUMERS), secret, name=name)
        home = ground.figures_dir() / "dues"
        with Processes(port=8766, home=home, environment=ground.environment(name)) as running:
            host = urlsplit(running.url).netloc
            result = {
                "partner_dues": _asked(host, lambda: _partner(host, secret)),
                "bbps_fetch": _asked(host, lambda: _fetch(host, keys)),
            }
    for what, figures in result.items():
        print(
            f"{what}: {PER_SECOND} a second for {SECONDS} s over {CONSUMERS:,} consumers, "
            f"p50 {figures['p50_ms']} ms, p99 {figures['p99_ms']} ms (goal {GOAL_P99_MS} or less)"
        )
    ground.write(
        "dues",
        {"consumers": CONSUMERS, "per_second": PER_SECOND, "seconds": SECONDS, **result,
         "goals": {"p99_ms": GOAL_P99_MS}},
    )  # fmt: skip


_CHANCE: Final = Random("dues")


def _number() -> str:
    return str(100_000_000_000 + _CHANCE.randrange(CONSUMERS))


def _partner(host: str, secret: str) -> bytes:
    target = f"/partner/v1/dues/?consumer={_number()}"
    moment, nonce = str(int(time.time())), secrets.token_hex(16)
    signed = signature(secret, words_to_sign("GET", target, moment, nonce, b""))
    return (
        f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{KEY_HEADER}: ak_bench\r\n"
        f"{TIMESTAMP_HEADER}: {moment}\r\n{NONCE_HEADER}: {nonce}\r\n"
        f"{SIGNATURE_HEADER}: {signed}\r\n\r\n"
    ).encode()


def _fetch(host: str, keys: dict[str, str]) -> bytes:
    setup = Setup(secrets=keys, at=datetime.now(UTC), nonce=secrets.token_hex(16))
    envelope = bbps_api.ask_dues(_number(), f"evt_{setup.nonce[:14]}")
    headers = "".join(f"{n}: {v}\r\n" for n, v in bbps_api.sign(envelope, setup).items())
    path = f"/ask/bbps/{envelope.path}"
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {len(envelope.body)}"
    return f"{head}\r\n\r\n".encode() + envelope.body


def _asked(host: str, question: Question) -> dict[str, Any]:
    waits = asyncio.run(_ask_on_the_beat(host, question, count=200))  # warm
    waits = asyncio.run(_ask_on_the_beat(host, question, count=PER_SECOND * SECONDS))
    waits.sort()
    return {
        "asked": len(waits),
        "p50_ms": round(waits[len(waits) // 2] * 1000, 1),
        "p99_ms": round(waits[len(waits) * 99 // 100] * 1000, 1),
        "worst_ms": round(waits[-1] * 1000, 1),
    }


async def _ask_on_the_beat(host: str, question: Question, *, count: int) -> list[float]:
    waits: list[float] = []
    due: asyncio.Queue[float | None] = asyncio.Queue()
    lanes = [asyncio.create_task(_lane(host, question, due, waits)) for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    for number in range(count):
        moment = began + number / PER_SECOND
        await asyncio.sleep(max(0.0, moment - time.perf_counter()))
        due.put_nowait(moment)
    for _ in lanes:
        due.put_nowait(None)
    await asyncio.gather(*lanes)
    return waits


async def _lane(
    host: str, question: Question, due: "asyncio.Queue[float | None]", waits: list[float]
) -> None:
    address, _colon, port = host.partition(":")
    reader, writer = await asyncio.open_connection(address, int(port))
    while (moment := await due.get()) is not None:
        writer.write(question())
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"answered {head.splitlines()[0].decode()}")
        body = await reader.readexactly(_length(head))
        if b"amount" not in body.lower():
            raise SystemExit(f"no dues in {body[:200]!r}")
        waits.append(time.perf_counter() - moment)
        if b"connection: close" in head.lower():
            writer.close()
            reader, writer = await asyncio.open_connection(address, int(port))
    writer.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    raise SystemExit("the answer has no length")
