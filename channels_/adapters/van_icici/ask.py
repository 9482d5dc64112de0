"""The bank's two questions and our sealed answers."""

import json
from collections.abc import Mapping
from typing import Final

from channels_.adapters.van_icici.codes import (
    ACCEPT,
    DUPLICATE,
    FAILED,
    POSTED,
    REJECT,
    TAKEN,
    TRY_LATER,
)
from channels_.adapters.van_icici.envelope import BANK_KEY, request_of, sealed
from channels_.adapters.van_icici.notices import HOLD, fields_of, notice_of, step_of
from channels_.contract import (
    Answering,
    Ask,
    AskKind,
    Inbound,
    Reply,
    ReplyCode,
    Setup,
    Wire,
)

_JSON: Final = {"content-type": "application/json"}
_STATUSES: Final[Mapping[ReplyCode, int]] = {
    ReplyCode.MALFORMED: 400,
    ReplyCode.NOT_ALLOWED: 403,
    ReplyCode.UNAVAILABLE: 503,
}


def read(inbound: Inbound, setup: Setup) -> Ask:
    """The question: whether money is welcome, or that it came. The UTR names it both times."""
    step = step_of(inbound)
    notice = notice_of(fields_of(inbound, setup), setup, event=step)
    request_id, service = request_of(inbound.body)
    return Ask(
        kind=AskKind.VALIDATE if step == HOLD else AskKind.PAY,
        key=notice.channel_ref,
        message_ref=request_id,
        notice=notice,
        consumer_number=notice.consumer_number,
        already_paid=step != HOLD,  # the money is in our account: refusing would only lose it
        extra={"service": service},
    )


def write(ask: Ask, reply: Reply, setup: Setup) -> Wire:
    """The answer in the bank's words, sealed for it; none while we cannot decide."""
    if reply.code in TRY_LATER:
        return refuse(reply, setup)
    said = _held(reply) if ask.kind is AskKind.VALIDATE else _posted(reply, setup)
    body = sealed(
        said,
        key=setup.secrets[BANK_KEY],
        nonce=setup.nonce,
        request_id=ask.message_ref,
        service=ask.extra.get("service", ""),
    )
    return Wire(body, 200, _JSON)


def refuse(reply: Reply, _setup: Setup) -> Wire:
    """A plain refusal, when nothing could be read: it tells a stranger nothing."""
    body = json.dumps({"Response": "Refused", "Reason": reply.code.value}).encode()
    return Wire(body, _STATUSES.get(reply.code, 400), _JSON)


def _held(reply: Reply) -> Mapping[str, str]:
    return ACCEPT if reply.code in TAKEN else REJECT


def _posted(reply: Reply, setup: Setup) -> Mapping[str, str]:
    if reply.is_repeat or reply.code is ReplyCode.CONFLICT:
        return DUPLICATE
    if reply.code in TAKEN:
        return POSTED
    code = str(setup.settings.get("failure_code") or FAILED)
    return {"Response": "Failure", "Code": code}


ASK: Final = Answering(parse=read, reply=write, refuse=refuse)
