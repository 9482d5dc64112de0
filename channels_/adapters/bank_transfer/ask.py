"""The bank's question before it credits, and our answer to it and to a credit."""

import json
from collections.abc import Mapping
from typing import Final

from channels_.adapters.bank_transfer.notices import VALIDATE, notice_of, read, step_of
from channels_.contract import (
    Answering,
    Ask,
    AskKind,
    Inbound,
    Reply,
    ReplyCode,
    Setup,
    Unreadable,
    Wire,
)

CREDIT: Final = "credit"

_JSON: Final = {"content-type": "application/json"}
_STATUSES: Final[Mapping[ReplyCode, int]] = {
    ReplyCode.MALFORMED: 400,
    ReplyCode.NOT_ALLOWED: 401,
    ReplyCode.UNAVAILABLE: 503,
}
_TAKEN: Final = frozenset({ReplyCode.OK, ReplyCode.PENDING})


def parse(inbound: Inbound, setup: Setup) -> Ask:
    """May this money be credited, or: it is credited."""
    step = step_of(inbound)
    if step not in (VALIDATE, CREDIT):
        raise Unreadable(f"expected /{VALIDATE} or /{CREDIT} at the end of the address")
    said = read(inbound, setup)
    notice = notice_of(said, setup, needs_utr=step == CREDIT)
    return Ask(
        kind=AskKind.VALIDATE if step == VALIDATE else AskKind.PAY,
        key=notice.channel_ref or str(said["event_id"]),
        message_ref=str(said["event_id"]),
        notice=notice,
        consumer_number=notice.consumer_number,
        already_paid=step == CREDIT,  # the money is in our account: refusing would only lose it
    )


def reply(ask: Ask, answer: Reply, setup: Setup) -> Wire:
    """The answer to a question that was read; while we cannot decide, the bank asks again."""
    if answer.code is ReplyCode.UNAVAILABLE:
        return refuse(answer, setup)
    said: dict[str, str] = {"event_id": ask.message_ref}
    if ask.kind is AskKind.VALIDATE:
        said["decision"] = "accept" if answer.code in _TAKEN else "reject"
    elif answer.is_repeat or answer.code is ReplyCode.CONFLICT:
        said["status"] = "duplicate"
    else:
        said["status"] = "credited" if answer.code in _TAKEN else "refused"
    if answer.code not in _TAKEN:
        said["reason"] = answer.code.value
    if ask.kind is AskKind.PAY:
        said |= {"reference": answer.reference, "receipt": answer.receipt}
    return _wire(said, 200)


def refuse(answer: Reply, _setup: Setup) -> Wire:
    """A refusal when nothing could be read, or nothing can be decided now."""
    said = {"status": "refused", "reason": answer.code.value, "detail": answer.detail}
    return _wire(said, _STATUSES.get(answer.code, 400))


def _wire(said: Mapping[str, str], status: int) -> Wire:
    return Wire(json.dumps(said, separators=(",", ":")).encode(), status, _JSON)


ASK: Final = Answering(parse=parse, reply=reply, refuse=refuse)
