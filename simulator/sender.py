"""Plays the files of a simulated day against a running server, over HTTP, as its senders would.

A sender repeats what was not acknowledged, with the same body. Each counter speaks in its own
order, because a pay-in slip carries what was taken before it; partners speak all at once.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from operator import attrgetter
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

from channels_.contract import Setup, Wire
from channels_.simulation import Envelope, Simulation
from cspdcl.kernel.clock import now
from simulator.files import envelope_of
from simulator.scene import PlayedChannel, Scene

T = TypeVar("T")

CONNECTIONS: Final = 8
COUNTER_CONNECTIONS: Final = 2  # of them begin with the counters
TRIES: Final = 12
TIMEOUT_SECONDS: Final = 30
PROGRESS_SECONDS: Final = 3

_BACKOFF_MOST: Final = 5_000  # milliseconds
_OK: Final = range(200, 300)
_TRY_AGAIN: Final = frozenset({408, 425, 429, *range(500, 600)})


def _any_answer(_answer: Wire) -> bool:
    return True


class Request(NamedTuple):
    """One message, signed and ready."""

    at: str
    path: str
    body: bytes
    headers: Mapping[str, str]
    is_accepted: Callable[[Wire], bool] = _any_answer
    sign_again: Callable[[], Mapping[str, str]] | None = None  # where a signature holds but once

    def signed(self) -> "Request":
        """The request itself: nothing is left to do."""
        return self

    def again(self) -> "Request":
        """What is sent when no answer came: the same body, signed at that moment."""
        return self if self.sign_again is None else self._replace(headers=self.sign_again())


class Unsigned(NamedTuple):
    """One message of a partner, sealed and signed when it is sent: signatures know the time."""

    at: str
    channel: str
    simulation: Simulation
    envelope: Envelope
    setup: Setup

    def signed(self) -> Request:
        """The message as it travels, sealed and signed now."""
        seal, setup = self.simulation.seal, self._setup_now()
        envelope = self.envelope if seal is None else seal(self.envelope, setup)
        return Request(
            at=self.at,
            path=self.simulation.door.format(code=self.channel, path=envelope.path),
            body=envelope.body,
            headers=self.simulation.sign(envelope, setup),
            is_accepted=self.simulation.is_accepted or _any_answer,
            sign_again=lambda: self.simulation.sign(envelope, self._setup_now()),
        )

    def _setup_now(self) -> Setup:
        return replace(self.setup, at=now(), nonce=token_hex(16))


Letter = Request | Unsigned


@dataclass(slots=True)
class Outcome:
    """What the server answered, all in all."""

    total: int
    done: int = 0
    answers: Counter[str] = field(default_factory=Counter)  # per status, every try
    refused: list[str] = field(default_factory=list)  # what was given up, and why
    seconds: int = 0


class Sender:
    """Sends the requests of a day over a few connections that are kept open."""

    def __init__(self, url: str, *, announce: Callable[[str], None] = lambda _line: None) -> None:
        self._url = urlsplit(url)
        self._announce = announce
        self._lock = threading.Lock()
        self._ending = threading.Event()

    def send(
        self, messages: Sequence[Letter], *, lanes: Sequence[Sequence[Letter]] = ()
    ) -> Outcome:
        """Send all messages in about their order, and each lane strictly in its own."""
        outcome = Outcome(total=len(messages) + sum(map(len, lanes)))
        started = time.monotonic()
        ordered, waiting = iter(lanes), iter(messages)
        threads = [
            threading.Thread(
                target=self._work,
                args=(outcome, ordered if number < COUNTER_CONNECTIONS else iter(()), waiting),
                daemon=True,
            )
            for number in range(CONNECTIONS)
        ]
        for thread in threads:
            thread.start()
        try:
            self._watch(threads, outcome, started)
        finally:
            self._ending.set()
        outcome.seconds = round(time.monotonic() - started)
        return outcome

    def _watch(self, threads: Iterable[threading.Thread], outcome: Outcome, started: float) -> None:
        told = started
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
                if time.monotonic() - told >= PROGRESS_SECONDS:
                    told = time.monotonic()
                    rate = round(outcome.done / (told - started))
                    self._announce(f"{outcome.done} of {outcome.total} sent, {rate} a second")

    def _work(
        self,
        outcome: Outcome,
        lanes: Iterator[Sequence[Letter]],
        messages: Iterator[Letter],
    ) -> None:
        connection = self._connect()
        while (lane := self._next(lanes)) is not None:
            for request in lane:
                connection = self._deliver(connection, request.signed(), outcome)
        while (message := self._next(messages)) is not None:
            connection = self._deliver(connection, message.signed(), outcome)
        connection.close()

    def _next(self, items: Iterator[T]) -> T | None:
        with self._lock:
            return next(items, None)

    def _deliver(
        self, connection: HTTPConnection, request: Request, outcome: Outcome
    ) -> HTTPConnection:
        """Send until it is acknowledged, refused for good, or tried often enough."""
        status, answer = None, b""
        for attempt in range(TRIES):
            if attempt and self._ending.wait(min(100 * 2**attempt, _BACKOFF_MOST) / 1000):
                break
            request = request.again() if attempt else request
            status, answer = self._try(connection, request)
            with self._lock:
                outcome.answers[str(status or "no answer")] += 1
            if status is None:
                connection.close()
                connection = self._connect()
            elif status in _OK:
                if not request.is_accepted(Wire(answer, status)):
                    break
                with self._lock:
                    outcome.done += 1
                    outcome.refused += _refused_inside(answer)
                return connection
            elif status not in _TRY_AGAIN:
                break
        with self._lock:
            outcome.done += 1
            outcome.refused.append(
                f"{request.path}: {status or ''} {answer[:300].decode(errors='replace')}"
            )
        return connection

    def _try(self, connection: HTTPConnection, request: Request) -> tuple[int | None, bytes]:
        try:
            connection.request("POST", request.path, request.body, dict(request.headers))
            response = connection.getresponse()
            answer = response.read()
        except (OSError, HTTPException) as error:
            return None, f"{type(error).__name__}: {error}".encode()
        return response.status, answer

    def _connect(self) -> HTTPConnection:
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        return kind(self._url.hostname or "", self._url.port, timeout=TIMEOUT_SECONDS)


def send_day(
    directory: Path,
    url: str,
    *,
    scene: Scene,
    secrets: Mapping[str, Any],
    announce: Callable[[str], None] = lambda _line: None,
) -> Outcome:
    """Send everything a simulated day holds: every channel's messages, receipts, deposits.

    ``secrets`` are what each partner holds, by the code of its channel, and our ``api_key``.
    """
    messages = [
        letter
        for channel in scene.channels
        for letter in letters(directory, channel=channel, secrets=secrets.get(channel.code, {}))
    ]
    lanes = _lanes(directory, api_key=secrets["api_key"])
    return Sender(url, announce=announce).send(sorted(messages, key=attrgetter("at")), lanes=lanes)


def letters(
    directory: Path, *, channel: PlayedChannel, secrets: Mapping[str, str]
) -> Iterator[Unsigned]:
    """The messages of one channel's partner, in their order."""
    simulation, setup = channel.simulation, channel.setup(secrets)
    for row in _rows(directory / f"{channel.code}-messages.jsonl"):
        yield Unsigned(row["at"], channel.code, simulation, envelope_of(row), setup)


def _lanes(directory: Path, *, api_key: str) -> list[list[Request]]:
    """What each counter sends, in its order; at the same moment receipts go before the slip."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {api_key}"}
    lanes: dict[str, list[Request]] = {}
    for name, path in (("receipts", "counter-receipts.jsonl"), ("deposits", "deposits.jsonl")):
        for row in _rows(directory / path):
            body = json.dumps(row["body"], separators=(",", ":")).encode()
            address = f"/api/v1/counters/{quote(row['counter'])}/{name}/"
            request = Request(row["at"], address, body, headers)
            lanes.setdefault(row["counter"], []).append(request)
    return [sorted(lane, key=attrgetter("at")) for lane in lanes.values()]


def _refused_inside(answer: bytes) -> list[str]:
    """Counters get an answer for each receipt; a refused one hides behind a good status."""
    if b'"results"' not in answer:
        return []
    results = json.loads(answer)["results"]
    return [f"{one['detail']}" for one in results if one["status"] == "refused"]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
