"""A virus scanner on a real socket: speaks ClamAV's INSTREAM, or misbehaves as it is told."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

HARMFUL = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE"


class Clamd:
    """What it saw, and how it answers: ``answer`` is given the bytes, None hangs up."""

    def __init__(self, server: socket.socket) -> None:
        self.server = server
        self.seen: list[bytes] = []
        self.answer: Callable[[bytes], bytes | None] = honest
        self.bytes_max = 32 * 1024 * 1024
        self.is_silent = False
        self.over = threading.Event()

    def serve(self) -> None:
        """Answer one after the other until the socket is closed."""
        while True:
            try:
                link, _peer = self.server.accept()
            except OSError:
                return
            with link:
                link.settimeout(10)
                try:
                    self._talk(link)
                except OSError:  # who asked has hung up
                    continue

    def _talk(self, link: socket.socket) -> None:
        if _exactly(link, 10) != b"zINSTREAM\0":
            link.sendall(b"UNKNOWN COMMAND\0")
            return
        content = b""
        while size := struct.unpack(">I", _exactly(link, 4))[0]:
            content += _exactly(link, size)
            if len(content) > self.bytes_max:
                link.sendall(b"INSTREAM size limit exceeded. ERROR\0")
                return
        self.seen.append(content)
        if self.is_silent:
            self.over.wait(10)
            return
        said = self.answer(content)
        if said is not None:
            link.sendall(said)


def honest(content: bytes) -> bytes:
    """As ClamAV answers."""
    return b"stream: Eicar-Signature FOUND\0" if HARMFUL in content else b"stream: OK\0"


@contextmanager
def listening(family: int, where: tuple[str, int] | str) -> Iterator[Clamd]:
    """A scanner that listens until the block ends."""
    with socket.socket(family) as server:
        server.bind(where)
        server.listen(8)
        clamd = Clamd(server)
        thread = threading.Thread(target=clamd.serve)
        thread.start()
        try:
            yield clamd
        finally:
            clamd.over.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=15)
            assert not thread.is_alive()


def _exactly(link: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        part = link.recv(size - len(content))
        if not part:
            raise ConnectionError("hung up within the request")
        content += part
    return content
