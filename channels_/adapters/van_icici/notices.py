"""The bank's object: who sent it, and what it says."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from channels_ import json_strict, van
from channels_.adapters.van_icici.codes import DATE_FORMATS, FIELDS
from channels_.adapters.van_icici.envelope import opened
from channels_.contract import (
    Inbound,
    Method,
    Notice,
    NoticeKind,
    Outcome,
    Setup,
    Unreadable,
    WrongMerchant,
)
from cspdcl.kernel.errors import Malformed, Unverified

HOLD: Final = "hold"
POSTING: Final = "posting"


def verify(inbound: Inbound, setup: Setup) -> None:
    """Let in who sends from the bank's addresses, with what our key opens, for us."""
    van.check_address(inbound.address, setup.settings, is_needed=True)
    try:
        said = fields_of(inbound, setup)
    except Unreadable as error:
        raise Unverified(str(error)) from None
    if not setup.merchant_id or said.get("client") != setup.merchant_id:
        raise WrongMerchant("ClientCode is not ours")


def parse(inbound: Inbound, setup: Setup) -> Sequence[Notice]:
    """The credit that a posting tells; a hold only asks."""
    if step_of(inbound) == HOLD:
        return [Notice(kind=NoticeKind.IGNORED, event=HOLD)]
    return [notice_of(fields_of(inbound, setup), setup, event=POSTING)]


def step_of(inbound: Inbound) -> str:
    """Which of the two questions it is: the address says it, the objects are equal."""
    step = inbound.path.strip("/")
    if step not in (HOLD, POSTING):
        raise Unreadable(f"expected /{HOLD} or /{POSTING} at the end of the address")
    return step


def fields_of(inbound: Inbound, setup: Setup) -> Mapping[str, Any]:
    """The object under our names; the same field in two spellings is refused."""
    found: dict[str, Any] = {}
    for name, value in opened(inbound.body, setup).items():
        ours = FIELDS.get("".join(char for char in name.lower() if char.isalpha()))
        if ours is None:
            continue
        if ours in found:
            raise Unreadable(f"{name} stands there in two spellings")
        found[ours] = value
    if not isinstance(found.get("client"), str):
        raise Unreadable("expected a text as ClientCode")
    return found


def notice_of(said: Mapping[str, Any], setup: Setup, *, event: str) -> Notice:
    """What the object says of one credit."""
    mode = json_strict.text_at(said, "mode", at_most=16).upper()
    utr = van.utr_of(json_strict.text_at(said, "utr"))
    method = van.METHODS.get(mode, Method.UNKNOWN)
    formats = setup.settings.get("date_formats") or DATE_FORMATS
    return Notice(
        kind=NoticeKind.PAYMENT,
        event=event,
        outcome=Outcome.SUCCEEDED,
        channel_ref=utr,
        amount_paise=van.amount_of(said.get("amount")),
        occurred_at=van.day_of(json_strict.text_at(said, "day"), formats, at=setup.at),
        method=method,
        rrn=utr if len(utr) == 12 and utr.isdigit() else "",
        utr=utr,
        consumer_number=van.number_in(_text(said, "account"), setup.settings),
        payer=van.payer_of(_text(said, "payer"), _text(said, "name")),
        code=mode,
        detail=_text(said, "remark")[:200],
    )


def _text(said: Mapping[str, Any], name: str) -> str:
    """A text; an account number that came as a number is refused: its zeros may be lost."""
    value = said.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"expected a text as {name}")
    return value[:256]
