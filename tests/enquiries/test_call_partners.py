"""One call over a real socket: where it may go, what it may cost, and whether it was heard."""

import datetime
import ipaddress
import logging
import ssl
import threading
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from channels_.contract import Call, Wire
from cspdcl.kernel import http
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.http import Limits, NoAnswer, NotAllowed, NotSent
from enquiries.http import send
from tests.enquiries.partner import Partner, free_port

QUICK = Limits(connect_seconds=0.5, read_seconds=0.3, total_seconds=1.0)


def call(partner: Partner, path: str = "/status?x=1", **more) -> Call:
    return Call(url=f"{partner.url}{path}", body=b"{}", **more)


def test_an_answer_comes_back_with_its_status_and_headers(partner) -> None:
    partner.answer = lambda _path, body: Wire(b"<" + body + b">", 418, {"X-Kind": "tea"})

    wire = send(call(partner, headers={"X-Key": "k"}), api_url=partner.url)

    assert (wire.body, wire.status, wire.headers["x-kind"]) == (b"<{}>", 418, "tea")
    ((method, path, headers, body),) = partner.asked
    assert (method, path, body) == ("POST", "/api/status?x=1", b"{}")
    assert headers["x-key"] == "k"
    assert headers["host"] == partner.url.split("/")[2]
    assert headers["accept-encoding"] == "identity"


def test_nobody_listens_and_nothing_was_sent() -> None:
    url = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(NotSent, match="ConnectError"):
        send(Call(url=f"{url}/x"), api_url=url, limits=QUICK)


@pytest.mark.parametrize("fault", ["cut", "mute", "drip", "gzip", "huge"])
def test_what_was_sent_and_not_answered_whole_is_unknown(partner, fault, settings) -> None:
    settings.PARTNER_BYTES_MAX = 200_000
    partner.fault = fault
    began = time.monotonic()

    with pytest.raises(NoAnswer):
        send(call(partner), api_url=partner.url, limits=QUICK)

    assert time.monotonic() - began < 5
    assert len(partner.asked) == 1


def test_a_partner_that_says_nothing_is_not_waited_for_long(partner) -> None:
    partner.hold = threading.Event()

    with pytest.raises(NoAnswer, match="ReadTimeout"):
        send(call(partner), api_url=partner.url, limits=QUICK)


def test_a_redirect_is_an_answer_and_is_not_followed(partner) -> None:
    partner.fault = "redirect"

    assert send(call(partner), api_url=partner.url).status == 302
    assert len(partner.asked) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x",
        "https://127.0.0.1/x",
        "http://localhost/x",
        "http://user@{host}/x",
        "http://{host}/x#y",
        "http://{host}/a b",
        "http://{host}/\r\nX: y",
        "ftp://{host}/x",
        "http://{host}\\@evil.example/x",
        "http:///x",
        "/x",
        "",
    ],
)
def test_a_call_leaves_only_for_the_partner_itself(partner, url) -> None:
    host = partner.url.split("/")[2]

    with pytest.raises(NotAllowed):
        send(Call(url=url.replace("{host}", host)), api_url=partner.url)

    assert partner.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",  # noqa: S104 - none is bound
        "[::1]", "[fe80::1]", "[fd00::1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]", "224.0.0.1", "127.0.0.1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address, settings) -> None:
    settings.PARTNER_NETWORKS = []
    url = f"https://{address}"

    with pytest.raises(NotAllowed, match="may not call"):
        send(Call(url=f"{url}/latest/meta-data"), api_url=url, limits=QUICK)


def test_a_named_network_opens_but_never_where_machines_keep_their_keys(settings) -> None:
    settings.PARTNER_NETWORKS = ["169.254.0.0/16", "10.20.0.0/16"]

    with pytest.raises(NotAllowed):
        send(Call(url="https://169.254.169.254/x"), api_url="https://169.254.169.254")
    assert http._is_allowed(ipaddress.ip_address("10.20.3.4"), scheme="https")
    assert not http._is_allowed(ipaddress.ip_address("10.21.3.4"), scheme="https")


def test_plain_http_goes_to_named_networks_only(settings) -> None:
    assert not http._is_allowed(ipaddress.ip_address("93.184.216.34"), scheme="http")
    assert http._is_allowed(ipaddress.ip_address("93.184.216.34"), scheme="https")
    settings.PARTNER_HTTP_ALLOWED = False
    assert not http._is_allowed(ipaddress.ip_address("127.0.0.1"), scheme="http")


def test_a_name_with_one_bad_address_is_refused_whole(monkeypatch, settings) -> None:
    def lookup(*_args: object, **_more: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", ("93.184.216.34", 443)), (0, 0, 0, "", ("10.0.0.1", 443))]

    monkeypatch.setattr("socket.getaddrinfo", lookup)  # a name server is not ours

    with pytest.raises(NotAllowed, match=r"10\.0\.0\.1"):
        send(Call(url="https://bank.example/x"), api_url="https://bank.example", limits=QUICK)


def test_a_name_is_looked_up_once_and_the_socket_goes_there(monkeypatch, partner) -> None:
    asked = []
    port = int(partner.url.split(":")[2].split("/")[0])

    def lookup(host: str, *_args: object, **_more: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(0, 0, 0, "", ("127.0.0.1" if len(asked) == 1 else "10.0.0.1", port))]

    monkeypatch.setattr("cspdcl.kernel.http.socket.getaddrinfo", _only_names(lookup))

    url = f"http://bank.example:{port}"
    assert send(Call(url=f"{url}/x"), api_url=url).status == 200
    assert asked == ["bank.example"]
    assert partner.asked[0][2]["host"] == f"bank.example:{port}"


def _only_names(lookup):
    """Numeric addresses need no name server; the client asks for those too."""
    from socket import getaddrinfo

    def both(host, *args, **more):
        is_name = not str(host).replace(".", "").isdigit()
        return lookup(host, *args, **more) if is_name else getaddrinfo(host, *args, **more)

    return both


def test_no_secret_is_written_to_the_log(partner, caplog) -> None:
    caplog.set_level(logging.INFO)
    secret = "k3y-that-nobody-may-see"

    send(
        call(partner, f"/x?token={secret}", headers={"Authorization": f"Bearer {secret}"}),
        api_url=partner.url,
    )

    assert secret not in caplog.text


def test_a_channel_without_an_address_is_not_called() -> None:
    with pytest.raises(DomainError, match="no api_url"):
        send(Call(url="https://bank.example/x"), api_url="")


def test_the_certificate_must_be_of_the_name_and_believed(tmp_path, settings, monkeypatch) -> None:
    authority, port, stop = _https_server(tmp_path, name="bank.example")
    settings.PARTNER_CA_FILE = str(authority)

    def lookup(*_args: object, **_more: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr("cspdcl.kernel.http.socket.getaddrinfo", _only_names(lookup))
    try:
        good, bad = f"https://bank.example:{port}", f"https://other.example:{port}"
        assert send(Call(url=f"{good}/x", method="GET"), api_url=good).body == b"ok"
        with pytest.raises(NotSent):
            send(Call(url=f"{bad}/x", method="GET"), api_url=bad)
        settings.PARTNER_CA_FILE = ""
        with pytest.raises(NotSent):
            send(Call(url=f"{good}/x", method="GET"), api_url=good)
    finally:
        stop()


def _https_server(folder: Path, *, name: str):
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_args: object) -> None:
            """Tests are quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not believe us goes away: that is the test."""

    certificate, key = _certificate(folder, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return certificate, server.server_port, stop


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    moment = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - datetime.timedelta(days=1))
        .not_valid_after(moment + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private
