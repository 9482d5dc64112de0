"""Proving which agency calls: a signature over method, address, moment, nonce and body.

The order matters: nothing of a caller is remembered or believed before the signature is right, and
the nonce is committed before anything is done, so that no request can be sent a second time, not
even one that was refused. Failures are counted by the agency's channel and kind.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from agencies.doors import Door, door
from agencies.problems import Encoded, NotProved, SwitchedOff
from channels_.adapters.agency.signing import (
    KEY_HEADER,
    NONCE_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    signature,
    words_to_sign,
)
from channels_.inbox import NO_CHANNEL, count_refusal
from channels_.models import RefusalTally
from channels_.views import address_of
from cspdcl.kernel.api import TooLarge
from cspdcl.kernel.clock import now

WINDOW: Final = timedelta(seconds=300)
BODY_MAX: Final = 64 * 1024

_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{4,40}")
_TIMESTAMP: Final = re.compile(r"[0-9]{10}")
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST_KEPT: Final = WINDOW * 2  # a moment in the future is accepted that much longer
_NOBODY: Final = "nobody holds this secret, it only takes as long"

_Kind = RefusalTally.Kind


@dataclass(frozen=True, slots=True)
class Caller:
    """The agency that a request was proved to come from, and the bytes that prove it."""

    door: Door
    evidence: bytes
    is_authenticated: bool = True

    @property
    def name(self) -> str:
        """Who acts, for events and entries."""
        return self.door.key_id


class AgencyKeyAuthentication(BaseAuthentication):
    """The four headers of a signed request."""

    def authenticate(self, request: Request) -> tuple[Caller, None]:
        """The agency that signed this request; NotProved for every other request."""
        caller = prove(request._request)  # noqa: SLF001 - the raw body, before DRF reads it
        if not caller.door.agency.is_active or not caller.door.channel.is_live:
            _count(caller.door, request._request, _Kind.NOT_LIVE, "is switched off")  # noqa: SLF001
            raise SwitchedOff
        return caller, None

    def authenticate_header(self, _request: Request) -> str:
        """What a refused caller should bring."""
        return "AgencyKey"


class AgencyKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The four headers, in the OpenAPI document."""

    target_class = "agencies.auth.AgencyKeyAuthentication"
    name = ["agencyKey", "agencyTimestamp", "agencyNonce", "agencySignature"]

    def get_security_definition(self, _auto_schema: Any) -> list[dict[str, str]]:
        """One for each header."""
        told = {
            KEY_HEADER: "The id of the key.",
            TIMESTAMP_HEADER: "Unix seconds, at most 300 from now.",
            NONCE_HEADER: "16 to 64 letters, digits, _ and -; never used before.",
            SIGNATURE_HEADER: "Hex HMAC-SHA256 of method, path with query, timestamp, nonce and "
            "the hex SHA-256 of the body, joined by line feeds.",
        }
        return [
            {"type": "apiKey", "in": "header", "name": name, "description": words}
            for name, words in told.items()
        ]


class HasCapability(BasePermission):
    """Reads ``view.capabilities``: method -> capability. What is not listed is refused."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the caller's key may do what is asked."""
        if not isinstance(request.user, Caller):
            return False
        # A HEAD is answered by what answers a GET: its status and length would tell as much.
        method = "GET" if request.method == "HEAD" else str(request.method)
        needed = getattr(view, "capabilities", {}).get(method)
        if needed is None:
            return True  # a method that the view does not have is refused as such
        return needed in request.user.door.capabilities


def prove(request: HttpRequest) -> Caller:
    """Judge the headers, the signature, the moment, the address and the nonce, in this order."""
    if request.META.get("HTTP_CONTENT_ENCODING", "identity") not in ("", "identity"):
        raise Encoded
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or len(length) > 9 or int(length) > BODY_MAX:
        raise TooLarge
    headers = _headers(request)
    found = door(headers.key_id)
    target = request.path + (f"?{query}" if (query := request.META.get("QUERY_STRING")) else "")
    words = words_to_sign(
        str(request.method), target, headers.timestamp, headers.nonce, request.body
    )
    secrets = found.secrets if found else (_NOBODY,)
    # All are tried, also where there is no such key, so that time tells nothing.
    right = [hmac.compare_digest(signature(one, words), headers.signature) for one in secrets]
    if found is None:
        _count(None, request, _Kind.UNKNOWN_CHANNEL, f"no key {headers.key_id}")
        raise _forged()
    if not any(right):
        _count(found, request, _Kind.FORGED, "the signature does not match")
        raise _forged()
    moment = datetime.fromtimestamp(int(headers.timestamp), UTC)
    if abs(now() - moment) > WINDOW:
        _count(found, request, _Kind.STALE, f"signed at {moment.isoformat()}")
        raise NotProved(
            "stale",
            "The signed moment is too far from now.",
            expected=f"{TIMESTAMP_HEADER} at most 300 seconds from {int(now().timestamp())}",
        )
    if not found.admits(address_of(request)):
        _count(found, request, _Kind.WRONG_ADDRESS, "not an address of the agency")
        raise NotProved(
            "wrong_address",
            "Requests of this key do not come from this address.",
            expected="an address that was agreed",
        )
    if not _use(headers.nonce, key_pk=found.key_pk, is_reading=request.method == "GET"):
        _count(found, request, _Kind.REPLAYED, "the nonce was used before")
        raise NotProved(
            "replayed",
            "This request was sent before.",
            expected=f"a fresh {NONCE_HEADER} for every request, also for a repeat",
        )
    proof = f"\n{headers.key_id}\n{headers.signature}\n".encode()
    return Caller(found, words + proof + request.body)


def _forged() -> NotProved:
    return NotProved(
        "forged",
        "The key is unknown or the signature does not match.",
        expected="hex HMAC-SHA256 of METHOD, path?query, timestamp, nonce and sha256(body) in hex, "
        "joined by line feeds",
    )


@dataclass(frozen=True, slots=True)
class _Headers:
    key_id: str
    timestamp: str
    nonce: str
    signature: str


def _headers(request: HttpRequest) -> _Headers:
    """The four headers in their shapes; one that came twice is joined by a comma and fits none."""
    given: list[str] = []
    for name, shape, expected in (
        (KEY_HEADER, _KEY_ID, "the id of your key"),
        (TIMESTAMP_HEADER, _TIMESTAMP, "Unix seconds, ten digits"),
        (NONCE_HEADER, _NONCE, "16 to 64 letters, digits, _ and -"),
        (SIGNATURE_HEADER, _SIGNATURE, "64 hex digits in lower case"),
    ):
        value = request.headers.get(name, "")
        if not shape.fullmatch(value):
            kind = _Kind.DOUBLED if "," in value else _Kind.FORGED
            _count(None, request, kind, f"{name} is missing or odd")
            raise NotProved(
                "unsigned", f"{name} is missing or not in its shape.", expected=expected
            )
        given.append(value)
    return _Headers(*given)


def _use(nonce: str, *, key_pk: int, is_reading: bool) -> bool:
    """Use a nonce up, and note once a minute that the key lives; false when it was used before.

    Who only reads does not wait for the disk: a nonce that a crash forgets could be used to read
    the same once more, by nobody but who holds the signed request.
    """
    moment = now()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH written AS (
                SELECT set_config('synchronous_commit', %(commit)s, true)
            ), noted AS (
                UPDATE agencies_agencykey SET last_used_at = %(now)s
                WHERE id = %(key)s
                  AND (last_used_at IS NULL OR last_used_at < %(now)s - interval '1 minute')
            )
            INSERT INTO agencies_nonce (key_id, nonce, expires_at)
            SELECT %(key)s, %(nonce)s, %(until)s FROM written
            ON CONFLICT (key_id, nonce) DO NOTHING
            """,
            {
                "now": moment,
                "key": key_pk,
                "nonce": nonce,
                "until": moment + _LONGEST_KEPT,
                "commit": "off" if is_reading else "on",
            },
        )
        return int(cursor.rowcount) == 1


def _count(found: Door | None, request: HttpRequest, kind: str, problem: str) -> None:
    code = found.channel.code if found else NO_CHANNEL
    count_refusal(code, kind, address_of(request), problem)
