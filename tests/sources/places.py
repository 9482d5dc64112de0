"""Servers of flesh and blood where sources lay their files: SFTP, a mailbox, a web server."""

import asyncio
import datetime
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER = "cspdcl"
SECRET = "the secret of a test"
HOST_KEY = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()


# ---- SFTP ----


@dataclass
class Folder:
    """An SFTP server that serves one folder."""

    port: int
    host_key: str
    asked: list[str] = field(default_factory=list)  # the files that were opened


@contextmanager
def sftp(root: Path, *, user_key: str = "") -> Iterator[Folder]:  # noqa: C901 - a server whole
    """An SFTP server on a thread of its own; its user shows the password, or this public key."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    folder = Folder(0, key.export_public_key().decode().strip())

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return bool(username)

        def password_auth_supported(self) -> bool:
            return not user_key

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (USER, SECRET)

        def public_key_auth_supported(self) -> bool:
            return bool(user_key)

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            return username == USER and key == asyncssh.import_public_key(user_key)

    class Files(asyncssh.SFTPServer):
        def __init__(self, channel: Any) -> None:
            super().__init__(channel, chroot=str(root).encode())

        def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
            folder.asked.append(path.decode())
            return super().open(path, pflags, attrs)

    loop, ready = asyncio.new_event_loop(), threading.Event()
    held: list[Any] = []

    async def start() -> None:
        server = await asyncssh.create_server(
            Server, "127.0.0.1", 0, server_host_keys=[key], sftp_factory=Files
        )
        folder.port = server.get_port()
        held.append(server)
        ready.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(start())
        loop.run_forever()
        loop.close()

    async def stop() -> None:
        held[0].close()
        await held[0].wait_closed()
        loop.stop()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield folder
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop)
        thread.join(20)


# ---- certificates ----


def authority(folder: Path, name: str = "localhost") -> tuple[Path, ssl.SSLContext]:
    """A certificate for a name, which is its own authority, and the context of its server."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    moment = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - 400 * day)
        .not_valid_after(moment + 400 * day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    return certificate, context


# ---- a mailbox ----


@dataclass
class Box:
    """An IMAP server with one folder of mails, by their numbers."""

    port: int = 0
    mails: dict[int, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # what was fetched
    breaks_at: str = ""  # a word at which it hangs up


@contextmanager
def mailbox(context: ssl.SSLContext) -> Iterator[Box]:  # noqa: C901 - a server whole
    """As much of IMAP4rev1 as reading mails takes; it finds every mail whatever is asked."""
    box = Box()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("* OK ready")
            while line := self.rfile.readline().decode().strip():
                tag, _blank, rest = line.partition(" ")
                box.asked.append(rest)
                if box.breaks_at and box.breaks_at in rest:
                    return
                if not self.answer(tag, rest):
                    return

        def answer(self, tag: str, rest: str) -> bool:
            word = rest.split(maxsplit=1)[0].upper()
            if word == "CAPABILITY":
                self.say("* CAPABILITY IMAP4rev1")
            elif word == "LOGIN" and rest != f'LOGIN {USER} "{SECRET}"':
                self.say(f"{tag} NO wrong")
                return True
            elif word == "EXAMINE":
                self.say(f"* {len(box.mails)} EXISTS", "* OK [UIDVALIDITY 7] valid")
            elif word == "UID":
                self.of_uid(rest)
            elif word == "LOGOUT":
                self.say("* BYE", f"{tag} OK bye")
                return False
            self.say(f"{tag} OK done")
            return True

        def of_uid(self, rest: str) -> None:
            if rest.startswith("UID SEARCH"):
                self.say(f"* SEARCH {' '.join(map(str, sorted(box.mails)))}")
                return
            uid = int(rest.split()[2])
            mail = box.mails[uid]
            if "RFC822.SIZE" in rest:
                self.say(f"* {uid} FETCH (UID {uid} RFC822.SIZE {len(mail)})")
            else:
                self.wfile.write(f"* {uid} FETCH (UID {uid} BODY[] {{{len(mail)}}}\r\n".encode())
                self.wfile.write(mail + b")\r\n")

        def say(self, *lines: str) -> None:
            self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def get_request(self) -> Any:
            plain, address = super().get_request()
            return context.wrap_socket(plain, server_side=True), address

        def handle_error(self, *_args: object) -> None:
            """Tests are quiet: a client that does not trust us hangs up."""

    with Server(("127.0.0.1", 0), Handler) as server:
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()


# ---- a web server ----


@dataclass
class Web:
    """What lies at which path, and what it was asked for."""

    port: int = 0
    pages: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)  # path and authorization
    status: int = 200


@contextmanager
def web(context: ssl.SSLContext) -> Iterator[Web]:
    """A web server with TLS."""
    found = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append((self.path, self.headers.get("Authorization", "")))
            body = found.pages.get(self.path, b"")
            self.send_response(found.status if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    found.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
