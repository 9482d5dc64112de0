"""The partners' side of our calls: one HTTP server, each partner below its channel's code.

It answers as the real ones do, from the books of a simulated day and from what we order. Faults are
planned by the seed: the n-th call of a channel fails in the same way every time. Half of the lost
and broken answers are lost after the work was done, because that is what a caller must survive.
"""

import json
import secrets as chance_of_system
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any, Final

from channels_.contract import Wire
from channels_.simulation import Called
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import Malformed, Unverified
from simulator.books import Books, read_books
from simulator.chance import chance
from simulator.scene import PlayedChannel, Scene

HOST: Final = "127.0.0.1"
BODY_MAX: Final = 1 << 20
SILENT_SECONDS: Final = 120  # how long a lost answer keeps its caller waiting, at most

_BROKEN_PAGE: Final = b"<html><head><title>502 Bad Gateway</title></head><body></body></html>"


class Fault(StrEnum):
    """What can go wrong with one call."""

    FAIL = "fail"  # an error of the server
    SILENCE = "timeout"  # no answer
    GARBAGE = "garbage"  # an answer that nobody understands


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How often what goes wrong, in a hundred calls, and how slow every answer may be."""

    slow_ms: int = 0
    fail_percent: int = 0
    timeout_percent: int = 0
    garbage_percent: int = 0
    seed: int = 1

    def of_call(self, code: str, number: int) -> "Planned":
        """What happens to the n-th call of a channel."""
        rng = chance(self.seed, code, number, "call")
        turn, fault = rng.randrange(100), None
        for kind, percent in (
            (Fault.FAIL, self.fail_percent),
            (Fault.SILENCE, self.timeout_percent),
            (Fault.GARBAGE, self.garbage_percent),
        ):
            if turn < percent:
                fault = kind
                break
            turn -= percent
        return Planned(
            fault=fault,
            is_done=fault in (None, Fault.GARBAGE) or rng.randrange(2) == 0,
            waits_ms=rng.randint(0, self.slow_ms),
            rng=rng,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The fate of one call: what goes wrong, whether its work is done, how long it takes."""

    fault: Fault | None
    is_done: bool
    waits_ms: int
    rng: Random


@dataclass(slots=True)
class Partner:
    """One partner: its channel, its books, and the secrets it holds."""

    channel: PlayedChannel
    books: Books
    secrets: Mapping[str, str]
    calls: Counter[str] = field(default_factory=Counter)  # by what became of them

    def answer(self, called: Called) -> Wire:
        """What the partner says; what it cannot believe or read it refuses."""
        answer = self.channel.simulation.answer
        if answer is None:
            return Wire(b"this partner has no API", 404)
        setup = replace(
            self.channel.setup(self.secrets), at=now(), nonce=chance_of_system.token_hex(16)
        )
        try:
            return answer(called, self.books, setup)
        except Unverified as error:
            return Wire(str(error).encode(), 401)
        except (Malformed, LookupError, TypeError, ValueError) as error:
            return Wire(f"{type(error).__name__}: {error}".encode(), 400)


class Partners(ThreadingHTTPServer):
    """Every partner of a scene on one port; ``url`` is where, ``/CODE`` below it a partner."""

    daemon_threads = True

    def __init__(
        self,
        partners: Mapping[str, Partner],
        *,
        port: int = 0,
        faults: Faults | None = None,
        announce: Callable[[str], None] = lambda _line: None,
    ) -> None:
        super().__init__((HOST, port), _Handler)
        self.partners = partners
        self.faults = faults or Faults()
        self.announce = announce
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._numbers: Counter[str] = Counter()

    @property
    def url(self) -> str:
        """Where it listens, without a slash at its end."""
        return f"http://{HOST}:{self.server_port}"

    def planned(self, code: str) -> Planned:
        """The fate of the next call of a channel."""
        with self._lock:
            self._numbers[code] += 1
            return self.faults.of_call(code, self._numbers[code])

    def note(self, code: str, called: Called, what: str) -> None:
        """Count a call, and tell of it."""
        with self._lock:
            self.partners[code].calls[what] += 1
        self.announce(f"{code} {called.method} {called.path.partition('?')[0]}: {what}")

    def stop(self) -> None:
        """End it; calls that wait for their answer get none."""
        self.closing.set()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One call: /CODE/their/path, answered by the partner of that channel."""

    protocol_version = "HTTP/1.1"
    server: Partners

    def do_POST(self) -> None:
        """Answer any method in one way; the partner decides what it takes."""
        code, _slash, rest = self.path.removeprefix("/").partition("/")
        partner = self.server.partners.get(code)
        body = self._body()
        if partner is None or body is None:
            self._say(self._unknown(code) if body is not None else Wire(b"too large", 413))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        called = Called(self.command, f"/{rest}", headers, body)
        planned = self.server.planned(code)
        if self.server.closing.wait(planned.waits_ms / 1000):
            return
        answer = partner.answer(called) if planned.is_done else None
        self.server.note(code, called, planned.fault.value if planned.fault else "answered")
        self._tell(planned, answer)

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - as http.server calls them

    def log_message(self, *_args: Any) -> None:
        """Say nothing: calls are announced one by one, without their secrets."""

    def _tell(self, planned: Planned, answer: Wire | None) -> None:
        if planned.fault is Fault.SILENCE:
            self.server.closing.wait(SILENT_SECONDS)
            self.close_connection = True
        elif planned.fault is Fault.FAIL or answer is None:
            self._say(Wire(_BROKEN_PAGE, planned.rng.choice((500, 502, 503))))
        elif planned.fault is Fault.GARBAGE:
            self._say(_spoilt(answer, planned.rng))
        else:
            self._say(answer)

    def _body(self) -> bytes | None:
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(length) if length <= BODY_MAX else None

    def _unknown(self, code: str) -> Wire:
        """At the root: who is here, so that one can see that it lives."""
        known = {
            name: dict(sorted(partner.calls.items()))
            for name, partner in self.server.partners.items()
        }
        return Wire(
            json.dumps({"partners": known}).encode(),
            404 if code else 200,
            {"content-type": "application/json"},
        )

    def _say(self, answer: Wire) -> None:
        try:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
        except OSError:
            self.close_connection = True  # the caller has given up


def _spoilt(answer: Wire, rng: Random) -> Wire:
    """A good status with an answer that is none: a page, a half, nothing, or something else."""
    half = answer.body[: len(answer.body) // 2]
    return replace(answer, body=rng.choice((_BROKEN_PAGE, half, b"", b'{"ok":true}')), status=200)


def partners_of(
    scene: Scene,
    *,
    secrets: Mapping[str, Mapping[str, str]],
    directory: Path | None = None,
    seed: int = 1,
) -> dict[str, Partner]:
    """The partners of a scene that have an API, by code; with a simulated day in their books."""
    found = {}
    for channel in scene.channels:
        if channel.simulation.answer is None:
            continue
        books = Books(channel.simulation, seed, channel.code)
        path = directory / f"{channel.code}-books.jsonl" if directory else None
        if path is not None and path.exists():
            books.remember(*read_books(path))
        found[channel.code] = Partner(channel, books, secrets.get(channel.code, {}))
    return found
