"""How long do the day board and the list of breaks take with twenty million entries in the books?

Pages over HTTP from our server, one reader who asks one page after the other.
"""

import os
import subprocess
import sys
import time
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from bench import ground
from cspdcl.processes import Processes

ENTRIES: Final = 20_000_000
ASKED: Final = 200
WARM: Final = 10
GOAL_P95_MS: Final = 200
PAGES: Final = {
    "day board": "/day/2026-08-18/",
    "break list": "/breaks/",
    "breaks of a channel": "/breaks/?channel=bench1&sort=-amount",
    "breaks of one name": "/breaks/?q=NOBODY0001",
}


def measure() -> None:
    """Fill, reconcile, ask; writes var/bench/pages.json. ``BENCH_ENTRIES`` names another size."""
    entries = int(os.environ.get("BENCH_ENTRIES", ENTRIES))
    ground.prepare_template()
    with ground.database("cspdcl_bench_pages", template=ground.TEMPLATE) as name:
        books = ground.child("bench.history", str(entries), name=name)
        result = ask(name, books["session"])
    print(
        f"pages over {books['entries']:,} entries, {books['matches']:,} matches, "
        f"{books['breaks']:,} open breaks; filled, indexed, reconciled in {books['took']} s"
    )
    for what, figures in result.items():
        print(
            f"  {what}: p50 {figures['p50_ms']} ms, p95 {figures['p95_ms']} ms (goal "
            f"{GOAL_P95_MS} or less)"
        )
    kept = {name: value for name, value in books.items() if name != "session"}
    ground.write("pages", {**kept, "pages": result, "goals": {"p95_ms": GOAL_P95_MS}})


def ask(name: str, session: str) -> dict[str, Any]:
    """The figures of each page, served from a database that is filled."""
    home = ground.figures_dir() / "pages"
    collect = [sys.executable, "manage.py", "collectstatic", "--no-input", "-v", "0"]
    subprocess.run([*collect, "--skip-checks"], check=True, env=ground.environment(name))
    with Processes(port=8770, home=home, environment=ground.environment(name)) as running:
        host = urlsplit(running.url).netloc
        with httpx.Client(
            base_url=f"http://{host}", cookies={"sessionid": session}, timeout=60
        ) as client:
            return {what: _figures(client, path) for what, path in PAGES.items()}


def _figures(client: httpx.Client, path: str) -> dict[str, Any]:
    waits = []
    for number in range(WARM + ASKED):
        asked = time.perf_counter()
        page = client.get(path)
        if number >= WARM:
            waits.append(time.perf_counter() - asked)
        if page.status_code != httpx.codes.OK or "2026" not in page.text:
            raise SystemExit(f"no page: {path} {page.status_code} {page.text[:200]}")
    waits.sort()
    return {
        "asked": ASKED,
        "p50_ms": round(waits[ASKED // 2] * 1000, 1),
        "p95_ms": round(waits[ASKED * 95 // 100] * 1000, 1),
        "worst_ms": round(waits[-1] * 1000, 1),
    }
