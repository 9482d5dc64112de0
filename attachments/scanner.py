"""The virus scanner: ClamAV's INSTREAM over a socket. Only an answer that says clean is clean."""

import re
import socket
import struct
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from cspdcl.kernel.errors import Transient

CHUNK: Final = 64 * 1024
ANSWER_MAX: Final = 1024
CONNECT_SECONDS: Final = 2

_FOUND: Final = re.compile(r"stream: ([\x21-\x7e]{1,150}) FOUND")


class ScannerDown(Transient):
    """Nobody answers at CLAMD_ADDRESS."""


class ScannerUnsure(Transient):
    """The scanner answered, but neither that the bytes are clean nor what is wrong with them."""


def is_configured() -> bool:
    """Whether this installation has a scanner."""
    return bool(settings.CLAMD_ADDRESS)


def scan(content: bytes, *, seconds: int) -> str:
    """The name of what the scanner found, or nothing when it says that the bytes are clean.

    Raises ScannerDown or ScannerUnsure; both take ``seconds`` at most.
    """
    end = monotonic() + seconds
    with _connected(end) as link:
        is_sent = _send(link, content, end)
        answer = _answer(link, end)
    if answer == "stream: OK" and is_sent:
        return ""
    found = _FOUND.fullmatch(answer)
    if found is None:
        raise ScannerUnsure(f"the scanner said {answer[:120]!r}")
    return found[1]


def _connected(end: float) -> socket.socket:
    address = urlsplit(settings.CLAMD_ADDRESS)
    is_unix = address.scheme == "unix"
    link = socket.socket(socket.AF_UNIX) if is_unix else None
    try:
        if link is None:
            where = (address.hostname or "", address.port or 0)
            return socket.create_connection(where, timeout=min(CONNECT_SECONDS, _left(end)))
        link.settimeout(min(CONNECT_SECONDS, _left(end)))
        link.connect(address.path)
    except OSError as error:
        if link is not None:
            link.close()
        raise ScannerDown(f"no scanner answers: {error}") from error
    return link


def _send(link: socket.socket, content: bytes, end: float) -> bool:
    """Whether the scanner took everything; it may hang up early, and say why."""
    try:
        link.settimeout(_left(end))
        link.sendall(b"zINSTREAM\0")
        for start in range(0, len(content), CHUNK):
            part = content[start : start + CHUNK]
            link.settimeout(_left(end))
            link.sendall(struct.pack(">I", len(part)) + part)
        link.sendall(struct.pack(">I", 0))
    except TimeoutError as error:
        raise ScannerDown("the scanner does not take the bytes") from error
    except OSError:
        return False
    return True


def _answer(link: socket.socket, end: float) -> str:
    said = b""
    try:
        while len(said) < ANSWER_MAX and b"\0" not in said:
            link.settimeout(_left(end))
            part = link.recv(ANSWER_MAX)
            if not part:
                break
            said += part
    except TimeoutError as error:
        raise ScannerDown("the scanner does not answer in time") from error
    except OSError as error:
        raise ScannerDown(f"the scanner hung up: {error}") from error
    text, ended, _rest = said.partition(b"\0")
    if not ended:
        raise ScannerUnsure("the scanner ended within its answer")
    return text.decode("ascii", errors="replace").strip()


def _left(end: float) -> float:
    left = end - monotonic()
    if left <= 0:
        raise ScannerDown("the scanner took too long")
    return left
