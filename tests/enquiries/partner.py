"""A partner's server of flesh and blood: real HTTP on this machine, with faults to order."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from channels_.contract import Wire

Answer = Callable[[str, bytes], Wire]


@dataclass
class Partner:
    """What it was asked, and how it answers. ``hold`` keeps callers waiting until it is set."""

    url: str = ""
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    answer: Answer = lambda _path, _body: Wire(b"{}")
    fault: str = ""  # "", "cut", "drip", "mute", "gzip", "huge", "redirect"
    hold: threading.Event | None = None
    reached: threading.Event = field(default_factory=threading.Event)

    def says(self, document: Any, *, status: int = 200) -> None:
        """Answer everything with this JSON from now on."""
        wire = Wire(json.dumps(document).encode(), status)
        self.answer = lambda _path, _body: wire


@contextmanager
def running() -> Iterator[Partner]:
    """The partner at a port of its own."""
    partner = Partner()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            partner.asked.append((self.command, self.path, headers, body))
            partner.reached.set()
            if partner.hold is not None:
                partner.hold.wait(20)
            self.close_connection = True
            _FAULTS.get(partner.fault, _answer)(self, partner, body)

        do_GET = do_PATCH = do_POST  # noqa: N815 - the server looks for these names

        def log_message(self, *_args: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    partner.url = f"http://127.0.0.1:{server.server_port}/api"
    try:
        yield partner
    finally:
        if partner.hold is not None:
            partner.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answer(handler: BaseHTTPRequestHandler, partner: Partner, body: bytes) -> None:
    wire = partner.answer(handler.path, body)
    handler.send_response(wire.status)
    for name, value in wire.headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(wire.body)))
    handler.end_headers()
    handler.wfile.write(wire.body)


def _cut(handler: BaseHTTPRequestHandler, partner: Partner, body: bytes) -> None:
    """The head, half of the body, and then nothing."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"{")
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def _drip(handler: BaseHTTPRequestHandler, partner: Partner, body: bytes) -> None:
    """A byte now and then, for ever: no single wait is long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    pause = threading.Event()
    try:
        for _ in range(200):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            pause.wait(0.05)
    except OSError:
        return


def _mute(handler: BaseHTTPRequestHandler, partner: Partner, body: bytes) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def _gzip(handler: BaseHTTPRequestHandler, partner: Partner, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", "3")
    handler.end_headers()
    handler.wfile.write(b"abc")


def _huge(handler: BaseHTTPRequestHandler, partner: Partner, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 40))
    handler.end_headers()
    try:
        for _ in range(1000):
            handler.wfile.write(b"x" * 65536)
    except OSError:
        return


def _redirect(handler: BaseHTTPRequestHandler, partner: Partner, body: bytes) -> None:
    handler.send_response(302)
    handler.send_header("Location", f"{partner.url}/elsewhere")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


_FAULTS = {
    "cut": _cut, "drip": _drip, "mute": _mute, "gzip": _gzip, "huge": _huge, "redirect": _redirect,
}  # fmt: skip
