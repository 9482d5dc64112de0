"""The door: POST /in/<channel>/ takes what a channel sends and answers once it is committed."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from channels_ import doorbell, inbox
from channels_.contract import Inbound, Stale, Unreadable, WrongMerchant
from channels_.models import RefusalTally
from cspdcl.kernel.database import is_away
from cspdcl.kernel.errors import Unverified

_RETRY_AFTER: Final = "2"


@csrf_exempt
@login_not_required
def receive(request: HttpRequest, channel_code: str, path: str = "") -> JsonResponse:
    """Keep one message of a channel; 200 means committed, anything else means nothing was kept."""
    if request.method != "POST":
        return refused_method()
    try:
        return _receive(request, channel_code, path)
    except (DatabaseError, InterfaceError) as error:
        if not is_away(error):
            raise
        answer = _refused(503, "try_later", "The message was not kept. Send it again.")
        answer["Retry-After"] = _RETRY_AFTER
        return answer


def _receive(request: HttpRequest, code: str, path: str) -> JsonResponse:
    fault = envelope_fault(request, code)
    if fault is not None:
        return _refused(*fault)
    try:
        inbound = inbound_of(request, path)
        kept = inbox.receive(code, inbound=inbound, address=address_of(request))
    except UnreadablePostError:
        return _refused(400, "cut_off", "The message ended too early.")
    except (RequestDataTooBig, inbox.Oversized):
        return _refused(*too_large())
    except Unverified as error:
        return _refused(401, *unproved(error))
    except (Unreadable, inbox.Doubled) as error:
        return _refused(400, "malformed", str(error))
    except (inbox.NoSuchDoor, inbox.NotLive):
        return _refused(404, "unknown_channel", "No channel listens at this address.")
    if kept.is_new:
        doorbell.ring()
    return JsonResponse({"status": "kept" if kept.is_new else "known"})


class Fault(NamedTuple):
    """Why a request is refused, and how that is said in HTTP."""

    status: int
    code: str
    detail: str


def inbound_of(request: HttpRequest, path: str) -> Inbound:
    """The message in a request, with what proves its sender."""
    return Inbound(request.body, headers_of(request.META), path, address_of(request))


def envelope_fault(request: HttpRequest, code: str) -> Fault | None:
    """What can be refused, and is counted, before a byte of the body is read."""
    if request.META.get("HTTP_CONTENT_ENCODING", "identity") not in ("", "identity"):
        _count(request, code, RefusalTally.Kind.MALFORMED, "a Content-Encoding was used")
        return Fault(415, "encoded", "Send the body as it is, without Content-Encoding.")
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdecimal():
        _count(request, code, RefusalTally.Kind.MALFORMED, "no Content-Length")
        return Fault(411, "length", "Send the length of the body as Content-Length.")
    if len(length) > 9 or int(length) > settings.NOTICE_BYTES_MAX:
        _count(request, code, RefusalTally.Kind.OVERSIZED, f"{length[:12]} bytes announced")
        return too_large()
    return None


def _count(request: HttpRequest, code: str, kind: str, problem: str) -> None:
    try:
        known = inbox.door(code).channel.code
    except (inbox.NoSuchDoor, inbox.NotLive):
        known = inbox.NO_CHANNEL
    inbox.count_refusal(known, kind, address_of(request), problem)


def unproved(error: Unverified) -> tuple[str, str]:
    """The code and the words for a message that is not believed; they help no forger."""
    if isinstance(error, Stale):
        return "stale", "The signed moment is too far from now."
    if isinstance(error, WrongMerchant):
        return "wrong_merchant", "The message is meant for another merchant."
    return "forged", "The signature does not match the body."


def address_of(request: HttpRequest) -> str:
    """Where a request came from; behind our proxy the last address that the proxy saw."""
    if settings.SECURE_PROXY_SSL_HEADER:
        seen = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
        if seen:
            return str(seen)
    return str(request.META.get("REMOTE_ADDR", ""))


def headers_of(meta: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a request, their names in lower case."""
    found = {
        name[5:].replace("_", "-").lower(): str(value)
        for name, value in meta.items()
        if name.startswith("HTTP_")
    }
    if meta.get("CONTENT_TYPE"):
        found["content-type"] = str(meta["CONTENT_TYPE"])
    return found


def too_large() -> Fault:
    """More than a channel may send."""
    return Fault(413, "oversized", f"Send at most {settings.NOTICE_BYTES_MAX} bytes.")


def refused_method() -> JsonResponse:
    """A door takes POST only."""
    answer = _refused(405, "method", "POST your message to this address.")
    answer["Allow"] = "POST"
    return answer


def refused(fault: Fault) -> JsonResponse:
    """The refusal in our own shape, for a sender whose shape we do not know."""
    return _refused(*fault)


def _refused(status: int, code: str, detail: str) -> JsonResponse:
    return JsonResponse({"status": "refused", "code": code, "detail": detail}, status=status)
