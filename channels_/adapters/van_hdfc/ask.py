"""The bank's two questions and our answers, which repeat its record."""

import json
from collections.abc import Mapping
from typing import Final

from channels_.adapters.van_hdfc.codes import (
    ACCEPTED,
    DUPLICATE,
    OUT,
    REASON,
    REJECTED,
    STATUS,
    WORDS,
)
from channels_.adapters.van_hdfc.notices import (
    VALIDATE,
    fields_of,
    notice_of,
    record_of,
    step_of,
)
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
    ReplyCode.NOT_ALLOWED: 401,
    ReplyCode.UNAVAILABLE: 503,
}
_TAKEN: Final = frozenset({ReplyCode.OK, ReplyCode.PENDING})
_LONGEST: Final = 256


def read(inbound: Inbound, setup: Setup) -> Ask:
    """The question: whether money is welcome, or that it came. The UTR names it both times."""
    step, record = step_of(inbound), record_of(inbound)
    notice = notice_of(fields_of(record), setup, event=step)
    return Ask(
        kind=AskKind.VALIDATE if step == VALIDATE else AskKind.PAY,
        key=notice.channel_ref,
        notice=notice,
        consumer_number=notice.consumer_number,
        already_paid=step != VALIDATE,  # the money is in our account: refusing would only lose it
        extra={name: _said(value) for name, value in record.items()},
    )


def write(ask: Ask, reply: Reply, setup: Setup) -> Wire:
    """The record again, with our word for it; no word while we cannot decide."""
    if reply.code is ReplyCode.UNAVAILABLE:
        return refuse(reply, setup)
    word = _word(ask, reply)
    told = setup.settings.get("answers")
    words = {**WORDS, **told} if isinstance(told, Mapping) else WORDS
    record = {
        **ask.extra,
        STATUS: str(words[word]),
        REASON: "" if word == ACCEPTED else reply.code.value.replace("_", " "),
    }
    return Wire(json.dumps({OUT: [record]}, separators=(",", ":")).encode(), 200, _JSON)


def refuse(reply: Reply, _setup: Setup) -> Wire:
    """A refusal without a record, when none could be read."""
    record = {STATUS: WORDS[REJECTED], REASON: reply.code.value.replace("_", " ")}
    body = json.dumps({OUT: [record]}, separators=(",", ":")).encode()
    return Wire(body, _STATUSES.get(reply.code, 400), _JSON)


def _word(ask: Ask, reply: Reply) -> str:
    if ask.kind is AskKind.PAY and (reply.is_repeat or reply.code is ReplyCode.CONFLICT):
        return DUPLICATE
    return ACCEPTED if reply.code in _TAKEN else REJECTED


def _said(value: object) -> str:
    return "" if value is None else str(value)[:_LONGEST]


ASK: Final = Answering(parse=read, reply=write, refuse=refuse)
