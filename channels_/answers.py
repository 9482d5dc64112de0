"""Answers to our own questions, kept in the inbox as evidence and read like any other message.

Their path begins with ``answer:``, which no door lets in; what was asked stands beside the body,
because an answer means nothing without its question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from channels_.contract import (
    Adapter,
    Declined,
    Inbound,
    Notice,
    NoticeKind,
    Outcome,
    Setup,
    StatusAsk,
    Window,
    Wire,
)
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import Paise

PATH: Final = "answer:"
STATUS: Final = "status"
HISTORY: Final = "history"

Asked = StatusAsk | Window

_ASKED: Final = "asked-"
_HTTP_STATUS: Final = "answer-status"
_NONCE: Final = "asked-nonce"
_AT: Final = "asked-at"


def facts_of(asked: Asked, wire: Wire, setup: Setup) -> dict[str, str]:
    """What stands beside the answer's body, so that it can be read again."""
    facts = {_HTTP_STATUS: str(wire.status), _NONCE: setup.nonce, _AT: setup.at.isoformat()}
    if isinstance(asked, StatusAsk):
        facts |= {
            f"{_ASKED}reference": asked.reference,
            f"{_ASKED}amount": str(asked.amount_paise),
            f"{_ASKED}channel-ref": asked.channel_ref,
            f"{_ASKED}order-ref": asked.order_ref,
            f"{_ASKED}created-at": asked.created_at.isoformat(),
        }
    else:
        facts |= {
            f"{_ASKED}since": asked.since.isoformat(),
            f"{_ASKED}until": asked.until.isoformat(),
            f"{_ASKED}cursor": asked.cursor,
        }
    return facts


def notices_in(adapter: Adapter, inbound: Inbound, setup: Setup) -> Sequence[Notice]:
    """What a kept answer says, read with the question it answers; Malformed when it cannot be."""
    facts = inbound.headers
    try:
        wire = Wire(inbound.body, int(facts[_HTTP_STATUS]), facts)
        at = datetime.fromisoformat(facts[_AT])
        placed = replace(setup, at=at, nonce=facts[_NONCE])
        if inbound.path == f"{PATH}{STATUS}":
            return read_status(adapter, wire, placed, _status_asked(facts))
        return read_history(adapter, wire, placed, _window_asked(facts))[0]
    except Declined as error:
        raise Malformed(f"the partner declined: {error}") from error
    except (KeyError, ValueError) as error:
        raise Malformed(f"its question was not kept with it: {error}") from error


def read_status(adapter: Adapter, wire: Wire, setup: Setup, asked: StatusAsk) -> Sequence[Notice]:
    """The notices of a status answer that speak of the payment asked for, and say something.

    An answer that speaks of another payment only is Malformed: it is never booked anywhere.
    """
    if adapter.status is None:
        raise Malformed(f"{adapter.code} answers no questions about payments")
    told = [_believed(one) for one in adapter.status.read(wire, setup, asked)]
    strangers = [one for one in told if _is_payment(one) and not _is_about(one, asked)]
    if strangers:
        raise Malformed("the answer speaks of another payment")
    return [one for one in told if not _is_payment(one) or _says_something(one)]


def read_history(
    adapter: Adapter, wire: Wire, setup: Setup, asked: Window
) -> tuple[Sequence[Notice], str]:
    """The notices of one page of news, and the cursor of the next page."""
    if adapter.history is None:
        raise Malformed(f"{adapter.code} tells no history")
    page = adapter.history.read(wire, setup, asked)
    told = [_believed(one) for one in page.notices]
    return [one for one in told if not _is_payment(one) or _says_something(one)], page.cursor


def _believed(notice: Notice) -> Notice:
    """An answer over our own connection needs no second question."""
    return replace(notice, confirm=False) if notice.confirm else notice


def _is_payment(notice: Notice) -> bool:
    return notice.kind is NoticeKind.PAYMENT


def _says_something(notice: Notice) -> bool:
    """A pending order that nobody has tried to pay has no id of theirs, and is no news."""
    return bool(notice.channel_ref) or notice.outcome is not Outcome.PENDING


def _is_about(notice: Notice, asked: StatusAsk) -> bool:
    """By our reference; a second payment of one order has theirs only, and both must be told."""
    if notice.reference and _bare(notice.reference) == _bare(asked.reference):
        return True
    pairs = ((notice.order_ref, asked.order_ref), (notice.channel_ref, asked.channel_ref))
    same = [bool(theirs) and theirs == ours for theirs, ours in pairs]
    return all(same) if notice.reference else any(same)


def _bare(reference: str) -> str:
    """Some partners carry our reference without its hyphens."""
    return reference.replace("-", "").upper()


def _status_asked(facts: Mapping[str, str]) -> StatusAsk:
    return StatusAsk(
        reference=facts[f"{_ASKED}reference"],
        amount_paise=Paise(int(facts[f"{_ASKED}amount"])),
        channel_ref=facts[f"{_ASKED}channel-ref"],
        order_ref=facts[f"{_ASKED}order-ref"],
        created_at=datetime.fromisoformat(facts[f"{_ASKED}created-at"]),
    )


def _window_asked(facts: Mapping[str, str]) -> Window:
    return Window(
        since=datetime.fromisoformat(facts[f"{_ASKED}since"]),
        until=datetime.fromisoformat(facts[f"{_ASKED}until"]),
        cursor=facts[f"{_ASKED}cursor"],
    )
