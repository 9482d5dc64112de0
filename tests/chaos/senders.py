"""The world that sends: many clients at once, each repeats until it hears yes, and keeps count."""

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

from tests.chaos.stream import Message

CLIENTS: Final = 8
ANSWER_SECONDS: Final = 20
GIVE_UP_SECONDS: Final = 240  # for one message: longer than any outage of a run

_Name = tuple[str, bool]  # the id of a message, and whether it was a changed one


@dataclass
class Heard:
    """What the clients heard; the only witness of what was acknowledged."""

    tries: Counter[_Name] = field(default_factory=Counter)
    acks: Counter[_Name] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)  # by status, or what broke
    receipts: dict[str, set[str]] = field(default_factory=dict)  # submit key -> labels told
    refused: Counter[str] = field(default_factory=Counter)  # submit key -> how often "key_used"
    problems: list[str] = field(default_factory=list)

    @property
    def repeated(self) -> int:
        """How many requests had to be sent again for want of an answer."""
        return sum(self.tries.values()) - sum(self.acks.values())


class Senders:
    """Clients that work through a list of messages, as fast as the server lets them."""

    def __init__(
        self,
        url: str,
        messages: Sequence[Message],
        *,
        clients: int = CLIENTS,
        gate: threading.Barrier | None = None,
    ) -> None:
        self.heard = Heard()
        self.total = len(messages)
        self.done = 0
        self._place = urlsplit(url)
        self._waiting = deque(messages)
        self._gate = gate
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(clients)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def is_busy(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        if self._gate:
            self._gate.wait(ANSWER_SECONDS)
        while (message := self._next()) is not None:
            self._deliver(message)
            with self._lock:
                self.done += 1

    def _next(self) -> Message | None:
        """The next message; a changed one is sent only after the true one was acknowledged."""
        while True:
            with self._lock:
                for _ in range(len(self._waiting)):
                    message = self._waiting.popleft()
                    if not message.is_changed or self.heard.acks[message.id, False]:
                        return message
                    self._waiting.append(message)
                if not self._waiting:
                    return None
            time.sleep(0.05)  # the true one is in another client's hands

    def _deliver(self, message: Message) -> None:
        name = (message.id, message.is_changed)
        deadline = time.monotonic() + GIVE_UP_SECONDS
        pause = 0.05
        while True:
            status, answer = self._try(message, name)
            with self._lock:
                self.heard.answers[f"{message.path[1:4]} {status}"] += 1
                if status == "200":
                    self.heard.acks[name] += 1
                    self._note_receipts(message, answer)
                    return
                is_final = status.startswith("4") or time.monotonic() > deadline
                if is_final:
                    self.heard.problems.append(f"{message.id}: {status} {answer[:200]!r}")
                    return
            time.sleep(pause)
            pause = min(2 * pause, 1)

    def _try(self, message: Message, name: _Name) -> tuple[str, bytes]:
        with self._lock:
            self.heard.tries[name] += 1
        connection = HTTPConnection(
            self._place.hostname or "", self._place.port, timeout=ANSWER_SECONDS
        )
        try:
            connection.request("POST", message.path, message.body, dict(message.headers))
            response = connection.getresponse()
            return str(response.status), response.read()
        except (OSError, HTTPException) as error:
            return type(error).__name__, b""
        finally:
            connection.close()

    def _note_receipts(self, message: Message, answer: bytes) -> None:
        if not message.path.startswith("/api/"):
            return
        for one in json.loads(answer)["results"]:
            if one["code"] == "key_used":
                self.heard.refused[one["submit_key"]] += 1
            elif one["receipt"] is None:
                self.heard.problems.append(f"{one['submit_key']}: {one['detail']}")
            else:
                self.heard.receipts.setdefault(one["submit_key"], set()).add(one["receipt"])
