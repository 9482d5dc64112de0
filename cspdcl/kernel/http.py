"""The only place that opens a socket to a web service: one request, one answer, bounds on all.

A name is resolved once, every address it has must be allowed, and the socket goes to one of those:
a name that changes its mind in between reaches nothing. No redirects, no proxies of the
environment, no compressed answers. What is raised says whether the other side may have heard us.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final, Protocol
from urllib.parse import SplitResult, urlsplit

import httpx
from django.conf import settings

from cspdcl.kernel.errors import DomainError, Transient

_PORTS: Final = {"http": 80, "https": 443}
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH"})
_AGENT: Final = "cspdcl-payments"
_HEADERS_OF_OURS: Final = frozenset({"host", "content-length", "accept-encoding", "connection"})
_REQUEST_BYTES_MAX: Final = 1024 * 1024

Address = IPv4Address | IPv6Address
Trace = Callable[[str, Mapping[str, Any]], None]


class Request(Protocol):
    """What shall be sent; any dataclass with these fields is one."""

    @property
    def url(self) -> str:
        """The whole address."""

    @property
    def method(self) -> str:
        """GET, POST, PUT or PATCH."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers beside those that the client makes."""

    @property
    def body(self) -> bytes:
        """Empty for nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    body: bytes
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case


class NotSent(Transient):
    """Nothing was written to the other side: as if we had never asked."""


class NoAnswer(Transient):
    """Something was written and no whole answer came: what became of it is unknown."""


class NotAllowed(DomainError):
    """The call goes where this installation may not call; nothing was sent."""

    code = "not_allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one call may take: seconds to connect, between two bytes, in all; bytes to answer."""

    connect_seconds: float = 3.0
    read_seconds: float = 10.0
    total_seconds: float = 25.0
    bytes_max: int = 0  # 0: PARTNER_BYTES_MAX


def send(call: Request, *, api_url: str, limits: Limits | None = None) -> Answer:
    """Send one call to the party whose API is at ``api_url`` and answer what came back.

    Raises NotAllowed or NotSent when nothing was written, NoAnswer when anything was.
    """
    limits = limits or Limits()
    target = _allowed_target(call, api_url)
    problem = "no address"
    for address in _resolved(target):
        try:
            return _Try(call, target, address, limits).run()
        except NotSent as error:
            problem = str(error)
    raise NotSent(f"{target.hostname} cannot be reached: {problem}")


class _Try:
    """One request to one address, watched: was a byte written, is the time over."""

    def __init__(
        self, call: Request, target: SplitResult, address: Address, limits: Limits
    ) -> None:
        self._call = call
        self._target = target
        self._address = address
        self._limits = limits
        self._most = limits.bytes_max or settings.PARTNER_BYTES_MAX
        self._is_written = False
        self._is_late = False
        self._socket: socket.socket | None = None

    def run(self) -> Answer:
        """Send it and read the answer, or say whether anything was written."""
        watch = threading.Timer(self._limits.total_seconds, self._cut)
        watch.daemon = True
        watch.start()
        try:
            return self._exchange()
        except httpx.InvalidURL as error:
            raise NotSent(f"no address to call: {error}") from error
        except httpx.HTTPError as error:
            what = "the time is over" if self._is_late else type(error).__name__
            raise (NoAnswer if self._is_written else NotSent)(what) from error
        except (OSError, ValueError) as error:
            # A socket that the watch closed, or a header that HTTP does not allow.
            raise (NoAnswer if self._is_written else NotSent)(type(error).__name__) from error
        finally:
            watch.cancel()

    def _exchange(self) -> Answer:
        limits = self._limits
        timeout = httpx.Timeout(limits.read_seconds, connect=limits.connect_seconds)
        began = time.monotonic()
        with (
            httpx.Client(
                timeout=timeout, verify=tls(), trust_env=False, follow_redirects=False
            ) as client,
            client.stream(
                self._call.method,
                self._url(),
                headers=self._headers(),
                content=self._call.body or None,
                extensions={"trace": self._note, "sni_hostname": self._target.hostname or ""},
            ) as answer,
        ):
            return self._read(answer, began)

    def _read(self, answer: httpx.Response, began: float) -> Answer:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise NoAnswer("the answer is compressed, which we did not ask for")
        body = bytearray()
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) > self._most:
                raise NoAnswer(f"the answer has more than {self._most} bytes")
            if time.monotonic() - began > self._limits.total_seconds:
                raise NoAnswer("the time is over")
        return Answer(bytes(body), answer.status_code, headers)

    def _url(self) -> str:
        host = f"[{self._address}]" if self._address.version == 6 else str(self._address)
        rest = self._target.path or "/"
        if self._target.query:
            rest += f"?{self._target.query}"
        return f"{self._target.scheme}://{host}:{_port(self._target)}{rest}"

    def _headers(self) -> dict[str, str]:
        theirs = {n: v for n, v in self._call.headers.items() if n.lower() not in _HEADERS_OF_OURS}
        names = {name.lower() for name in theirs}
        if "user-agent" not in names:
            theirs["User-Agent"] = _AGENT
        if "accept" not in names:
            theirs["Accept"] = "*/*"
        return {"Host": _host(self._target), **theirs, "Accept-Encoding": "identity"}

    def _note(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by the client at each of its steps."""
        if event.endswith("send_request_headers.started"):
            self._is_written = True
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")

    def _cut(self) -> None:
        """End a call that dribbles on: whoever waits for its next byte is told at once."""
        self._is_late = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _allowed_target(call: Request, api_url: str) -> SplitResult:
    """The address of a call, when it lies at the partner's own API."""
    if not api_url:
        raise NotAllowed("the channel has no api_url: nobody is called")
    try:
        target, home = urlsplit(call.url), urlsplit(api_url)
        places = [(one.scheme, one.hostname, _port(one)) for one in (target, home)]
    except (ValueError, KeyError) as error:
        raise NotAllowed(f"expected an http address: {error}") from error
    if places[0] != places[1] or not target.hostname:
        raise NotAllowed(f"{target.hostname} is not the partner's {home.hostname}")
    if "@" in target.netloc or target.fragment or not call.url.isascii():
        raise NotAllowed("expected an address without a user and without a fragment")
    if any(not char.isprintable() or char == " " for char in call.url):
        raise NotAllowed("expected an address without blanks")
    if call.method not in _METHODS:
        raise NotAllowed(f"{call.method} is no method that we use")
    if len(call.body) > _REQUEST_BYTES_MAX:
        raise NotAllowed(f"expected at most {_REQUEST_BYTES_MAX} bytes to send")
    return target


def _port(target: SplitResult) -> int:
    return target.port or _PORTS[target.scheme]


def _host(target: SplitResult) -> str:
    name = target.hostname or ""
    name = f"[{name}]" if ":" in name else name
    return name if _port(target) == _PORTS[target.scheme] else f"{name}:{_port(target)}"


def _resolved(target: SplitResult) -> Sequence[Address]:
    return _addresses(target.hostname or "", _port(target), scheme=target.scheme)


def allowed_address(host: str, port: int) -> str:
    """Where a server lies that speaks another protocol, encrypted; the same rules hold for it.

    Raises NotAllowed or NotSent.
    """
    return str(_addresses(host, port, scheme="https")[0])


def _addresses(host: str, port: int, *, scheme: str) -> Sequence[Address]:
    """Every address of the name, looked up once; one that is not allowed refuses them all."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotSent(f"{host} has no address") from error
    addresses = list(dict.fromkeys(ip_address(str(row[4][0]).partition("%")[0]) for row in found))
    for address in addresses:
        if not _is_allowed(address, scheme=scheme):
            raise NotAllowed(f"{host} lies at {address}, where we may not call")
    return addresses


def _is_allowed(address: Address, *, scheme: str) -> bool:
    if isinstance(address, IPv6Address) and _carries_another(address):
        return False
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False  # also where clouds keep the keys of their machines
    is_named = any(
        address.version == network.version and address in network for network in _networks()
    )
    if scheme == "http":
        return is_named and bool(settings.PARTNER_HTTP_ALLOWED)
    return is_named or address.is_global


def _carries_another(address: IPv6Address) -> bool:
    """Whether an IPv4 address hides in it, which the rules above would not see."""
    hidden = (address.ipv4_mapped, address.sixtofour, address.teredo)
    return any(one is not None for one in hidden) or address in ip_network("64:ff9b::/96")


def _networks() -> Sequence[Any]:
    return [ip_network(text) for text in settings.PARTNER_NETWORKS]


def tls() -> ssl.SSLContext:
    """What servers must show us: a certificate of the public authorities, or of the bank's own."""
    return _context(settings.PARTNER_CA_FILE)


@cache
def _context(authority: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authority:
        context.load_verify_locations(authority)
    return context
