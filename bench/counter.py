"""How long does the clerk's page take with a million consumers and ten clerks at once?

Each clerk finds a consumer and takes the dues in cash, over and over, on a beat far quicker than
any queue at a window; whoever is answered late is late for the next, and that is counted as it is.
"""

import asyncio
import time
from collections.abc import Mapping
from itertools import count
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx

from bench import ground
from cspdcl.processes import Processes

CONSUMERS: Final = 1_000_000
CLERKS: Final = 10
EACH: Final = 40  # consumers that a clerk serves
BEAT: Final = 2.0  # seconds from one consumer of a clerk to the next: two pages
GOAL_P95_MS: Final = 100


def measure() -> None:
    """Every page of every clerk; writes var/bench/counter.json."""
    ground.prepare_template()
    with ground.database("cspdcl_bench_counter", template=ground.TEMPLATE) as name:
        keys = ground.child("bench.counter_setup", str(CONSUMERS), str(CLERKS), name=name)
        home = ground.figures_dir() / "counter"
        with Processes(port=8768, home=home, environment=ground.environment(name)) as running:
            host = urlsplit(running.url).netloc
            asyncio.run(_clerks(host, keys["sessions"], each=5, first=0))  # warm
            waits = asyncio.run(_clerks(host, keys["sessions"], each=EACH, first=CLERKS * 5))
    result = {what: _figures(found) for what, found in waits.items()}
    for what, figures in result.items():
        print(
            f"{what}: {CLERKS} clerks, {CONSUMERS:,} consumers, p50 {figures['p50_ms']} ms, "
            f"p95 {figures['p95_ms']} ms (goal {GOAL_P95_MS} or less)"
        )
    ground.write(
        "counter",
        {"consumers": CONSUMERS, "clerks": CLERKS, "beat_seconds": BEAT, **result,
         "goals": {"p95_ms": GOAL_P95_MS}},
    )  # fmt: skip


async def _clerks(
    host: str, sessions: list[str], *, each: int, first: int
) -> Mapping[str, list[float]]:
    waits: dict[str, list[float]] = {"page": [], "take": []}
    numbers = count(first)
    await asyncio.gather(
        *(
            _clerk(host, place, session, each=each, numbers=numbers, waits=waits)
            for place, session in enumerate(sessions)
        )
    )
    return waits


async def _clerk(
    host: str,
    place: int,
    session: str,
    *,
    each: int,
    numbers: "count[int]",
    waits: dict[str, list[float]],
) -> None:
    token = "b" * 32
    cookies = {"sessionid": session, "csrftoken": token}
    headers = {"Referer": f"http://{host}/counter/"}
    async with httpx.AsyncClient(
        base_url=f"http://{host}", cookies=cookies, headers=headers, timeout=30
    ) as client:
        began = time.perf_counter() + place * BEAT / len(waits) / CLERKS
        for turn in range(each):
            await _until(began + turn * BEAT)
            consumer = str(100_000_000_000 + (next(numbers) * 7919) % CONSUMERS)
            asked = time.perf_counter()
            query = urlencode({"counter": f"bench{place}", "consumer": consumer})
            page = await client.get(f"/counter/?{query}")
            waits["page"].append(time.perf_counter() - asked)
            await _until(began + turn * BEAT + BEAT / 2)
            asked = time.perf_counter()
            taken = await client.post("/counter/", data=_form(page, place, consumer, token))
            waits["take"].append(time.perf_counter() - asked)
            if taken.status_code != 302:
                raise SystemExit(f"not taken: {taken.status_code} {taken.text[:400]}")


async def _until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.perf_counter()))


def _form(page: httpx.Response, place: int, consumer: str, token: str) -> dict[str, str]:
    """What a browser sends back when Enter is pressed."""
    if page.status_code != 200 or 'name="submit_key"' not in page.text:
        raise SystemExit(f"no page: {page.status_code} {page.text[:400]}")
    return {
        "csrfmiddlewaretoken": token,
        "counter": f"bench{place}",
        "submit_key": _value(page.text, "submit_key"),
        "consumer": consumer,
        "bill": _value(page.text, "bill"),
        "amount": _value(page.text, "amount"),
        "tender": "cash",
        "do": "take",
    }


def _value(text: str, name: str) -> str:
    tag = next(part for part in text.split("<input")[1:] if f'name="{name}"' in part.split(">")[0])
    return tag.split('value="')[1].split('"')[0]


def _figures(waits: list[float]) -> dict[str, Any]:
    waits.sort()
    return {
        "asked": len(waits),
        "p50_ms": round(waits[len(waits) // 2] * 1000, 1),
        "p95_ms": round(waits[len(waits) * 95 // 100] * 1000, 1),
        "worst_ms": round(waits[-1] * 1000, 1),
    }
