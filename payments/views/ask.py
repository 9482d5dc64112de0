"""The door for partners who ask and wait: POST /ask/<channel>/, answered in the channel's shape."""

from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from channels_ import inbox
from channels_.contract import Reply, ReplyCode, Wire
from channels_.views import (
    Fault,
    address_of,
    envelope_fault,
    inbound_of,
    refused,
    refused_method,
    too_large,
)
from cspdcl.kernel.database import is_away
from payments import asked

_RETRY_AFTER: Final = "2"
_AWAY: Final = Fault(503, "try_later", "Nothing was decided. Ask again.")
_NOBODY: Final = Fault(404, "unknown_channel", "No channel listens at this address.")
_CUT_OFF: Final = Fault(400, "cut_off", "The message ended too early.")


@csrf_exempt
@login_not_required
def ask(request: HttpRequest, channel_code: str, path: str = "") -> HttpResponse:
    """Answer one question of a partner; what it changes is committed before it is answered."""
    if request.method != "POST":
        return refused_method()
    try:
        return _answer(request, channel_code, path)
    except (DatabaseError, InterfaceError) as error:
        if not is_away(error):
            raise
        wire = asked.unavailable(channel_code)
        answer = _http(wire) if wire else refused(_AWAY)
        answer["Retry-After"] = _RETRY_AFTER
        return answer


def _answer(request: HttpRequest, code: str, path: str) -> HttpResponse:
    fault = envelope_fault(request, code)
    if fault is not None:
        return _refused(code, fault)
    try:
        inbound = inbound_of(request, path)
    except UnreadablePostError:
        return refused(_CUT_OFF)
    except RequestDataTooBig:
        return _refused(code, too_large())
    try:
        return _http(asked.answer(code, inbound=inbound, address=address_of(request)))
    except (inbox.NoSuchDoor, inbox.NotLive):
        return refused(_NOBODY)


def _refused(code: str, fault: Fault) -> HttpResponse:
    """In the channel's shape if there is such a channel, else in ours."""
    try:
        wire = asked.refusal(inbox.door(code), Reply(code=ReplyCode.MALFORMED, detail=fault.detail))
    except (inbox.NoSuchDoor, inbox.NotLive):
        return refused(fault)
    answer = _http(wire)
    answer.status_code = fault.status
    return answer


def _http(wire: Wire) -> HttpResponse:
    headers = dict(wire.headers)
    kind = headers.pop("content-type", "application/octet-stream")
    return HttpResponse(wire.body, status=wire.status, content_type=kind, headers=headers)
