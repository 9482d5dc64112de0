"""Plays the files of a simulated day against a running server, over HTTP, as its senders would.

A sender repeats what was not acknowledged, with the same bytes. Each counter speaks in its own
order, because a pay-in slip carries what was taken before it; webhooks come from all sides at once.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

from channels_.adapters.bank_transfer.simulate import SIMULATION as BANK
from channels_.adapters.razorpay.simulate import SIMULATION as RAZORPAY
from channels_.contract import Setup
from channels_.simulation import Envelope, Sign
from simulator.scene import GATEWAY, TRANSFER

T = TypeVar("T")

CONNECTIONS: Final = 8
COUNTER_CONNECTIONS: Final = 2  # of them begin with the counters
TRIES: Final = 12
TIMEOUT_SECONDS: Final = 30
PROGRESS_SECONDS: Final = 3

_BACKOFF_MOST: Final = 5_000  # milliseconds
_OK: Final = range(200, 300)
_TRY_AGAIN: Final = frozenset({408, 425, 429, *range(500, 600)})


class Request(NamedTuple):
    """One message, signed and ready."""

    at: str
    path: str
    body: bytes
    headers: Mapping[str, str]


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
        self, messages: Sequence[Request], *, lanes: Sequence[Sequence[Request]] = ()
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
        lanes: Iterator[Sequence[Request]],
        messages: Iterator[Request],
    ) -> None:
        connection = self._connect()
        while (lane := self._next(lanes)) is not None:
            for request in lane:
                connection = self._deliver(connection, request, outcome)
        while (message := self._next(messages)) is not None:
            connection = self._deliver(connection, message, outcome)
        connection.close()

    def _next(self, items: Iterator[T]) -> T | None:
        with self._lock:
            return next(items, None)

    def _deliver(
        self, connection: HTTPConnection, request: Request, outcome: Outcome
    ) -> HTTPConnection:
        """Send until it is acknowledged, refused for good, or tried often enough."""
        status, answer = None, ""
        for attempt in range(TRIES):
            if attempt and self._ending.wait(min(100 * 2**attempt, _BACKOFF_MOST) / 1000):
                break
            status, answer = self._try(connection, request)
            with self._lock:
                outcome.answers[str(status or "no answer")] += 1
            if status is None:
                connection.close()
                connection = self._connect()
            elif status in _OK:
                with self._lock:
                    outcome.done += 1
                    outcome.refused += _refused_inside(answer)
                return connection
            elif status not in _TRY_AGAIN:
                break
        with self._lock:
            outcome.done += 1
            outcome.refused.append(f"{request.path}: {status or ''} {answer[:300]}")
        return connection

    def _try(self, connection: HTTPConnection, request: Request) -> tuple[int | None, str]:
        try:
            connection.request("POST", request.path, request.body, dict(request.headers))
            response = connection.getresponse()
            answer = response.read()
        except (OSError, HTTPException) as error:
            return None, f"{type(error).__name__}: {error}"
        return response.status, answer.decode(errors="replace")

    def _connect(self) -> HTTPConnection:
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        return kind(self._url.hostname or "", self._url.port, timeout=TIMEOUT_SECONDS)


def send_day(
    directory: Path,
    url: str,
    *,
    secrets: Mapping[str, Any],
    announce: Callable[[str], None] = lambda _line: None,
) -> Outcome:
    """Send everything a simulated day holds: webhooks, bank notices, receipts, deposits."""
    messages = [
        *_messages(directory / "razorpay-webhooks.jsonl", GATEWAY, RAZORPAY.sign, secrets),
        *_messages(directory / "bank-notices.jsonl", TRANSFER, BANK.sign, secrets),
    ]
    lanes = _lanes(directory, api_key=secrets["api_key"])
    return Sender(url, announce=announce).send(sorted(messages, key=attrgetter("at")), lanes=lanes)


def _messages(
    path: Path, channel: str, sign: Sign, secrets: Mapping[str, Any]
) -> Iterator[Request]:
    for row in _rows(path):
        envelope = Envelope(row["body"].encode(), row["headers"])
        headers = sign(envelope, Setup(secrets=secrets[channel]))
        yield Request(row["at"], f"/in/{channel}/", envelope.body, headers)


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


def _refused_inside(answer: str) -> list[str]:
    """Counters get an answer for each receipt; a refused one hides behind a good status."""
    if '"results"' not in answer:
        return []
    results = json.loads(answer)["results"]
    return [f"{one['detail']}" for one in results if one["status"] == "refused"]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
