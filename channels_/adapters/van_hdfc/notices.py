"""The bank's record: who sent it, and what it says."""

import base64
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from channels_ import json_strict, van
from channels_.adapters.van_hdfc.codes import DATE_FORMATS, FIELDS, IN
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

CREDENTIALS: Final = "credentials"  # the name of the secret
VALIDATE: Final = "validate"
CREDIT: Final = "credit"

_BASIC: Final = "basic"
_BEARER: Final = "bearer"
_SECRET_HEADERS: Final = ("auth", "token", "api-key")  # the inbox keeps no header of such a name


def verify(inbound: Inbound, setup: Setup) -> None:
    """Let in who holds the token, from the bank's addresses where they are known, for us."""
    van.check_address(inbound.address, setup.settings, is_needed=False)
    name, expected = _token(setup)
    if not hmac.compare_digest(expected.encode(), inbound.headers.get(name, "").encode()):
        raise Unverified(f"{name} does not carry the token in force")
    try:
        client = fields_of(record_of(inbound)).get("client")
    except Unreadable:
        return  # from the bank, but not its shape: the door says so
    if setup.merchant_id and client != setup.merchant_id:
        raise WrongMerchant("Client Code is not ours")


def headers_of(setup: Setup) -> Mapping[str, str]:
    """The header that proves the bank, as it sends it."""
    name, value = _token(setup)
    return {name: value}


def parse(inbound: Inbound, setup: Setup) -> Sequence[Notice]:
    """The credit that is told; a validation only asks."""
    said = fields_of(record_of(inbound))
    if step_of(inbound) == VALIDATE:
        return [Notice(kind=NoticeKind.IGNORED, event=VALIDATE)]
    return [notice_of(said, setup, event=CREDIT)]


def step_of(inbound: Inbound) -> str:
    """Which of the two questions it is: the address says it, the records are equal."""
    step = inbound.path.strip("/")
    if step not in (VALIDATE, CREDIT):
        raise Unreadable(f"expected /{VALIDATE} or /{CREDIT} at the end of the address")
    return step


def record_of(inbound: Inbound) -> Mapping[str, Any]:
    """The one record of a message."""
    rows = json_strict.object_at(json_strict.loads(inbound.body)).get(IN)
    if not isinstance(rows, list) or len(rows) != 1:
        raise Unreadable(f"expected one record in {IN}")
    return json_strict.object_at(rows[0])


def fields_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record under our names; the same field in two spellings is refused."""
    found: dict[str, Any] = {}
    for name, value in record.items():
        ours = FIELDS.get("".join(char for char in name.lower() if char.isalpha()))
        if ours is None:
            continue
        if ours in found:
            raise Unreadable(f"{name} stands there in two spellings")
        found[ours] = value
    return found


def notice_of(said: Mapping[str, Any], setup: Setup, *, event: str) -> Notice:
    """What the record says of one credit."""
    mode = json_strict.text_at(said, "mode", at_most=16).upper()
    utr = van.utr_of(json_strict.text_at(said, "utr"))
    formats = setup.settings.get("date_formats") or DATE_FORMATS
    return Notice(
        kind=NoticeKind.PAYMENT,
        event=event,
        outcome=Outcome.SUCCEEDED,
        channel_ref=utr,
        amount_paise=van.amount_of(said.get("amount")),
        occurred_at=van.day_of(json_strict.text_at(said, "day"), formats, at=setup.at),
        method=van.METHODS.get(mode, Method.UNKNOWN),
        rrn=utr if len(utr) == 12 and utr.isdigit() else "",
        utr=utr,
        consumer_number=van.number_in(_text(said, "account"), setup.settings),
        payer=van.payer_of(_text(said, "payer"), _text(said, "name")),
        code=mode,
        detail=_text(said, "remark")[:200],
    )


def _token(setup: Setup) -> tuple[str, str]:
    """The header of the token and its value; an empty secret lets nobody in."""
    secret = setup.secrets.get(CREDENTIALS, "")
    if not secret:
        raise Unverified("no credentials are in force")
    how = str(setup.settings.get("auth") or _BASIC).lower()
    if how == _BASIC:
        return "authorization", f"Basic {base64.b64encode(secret.encode()).decode()}"
    if how == _BEARER:
        return "authorization", f"Bearer {secret}"
    if not any(word in how for word in _SECRET_HEADERS):
        raise Unverified("settings: auth names a header whose value would be kept as evidence")
    return how, secret


def _text(said: Mapping[str, Any], name: str) -> str:
    """A text; an account number that came as a number is refused: its zeros may be lost."""
    value = said.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"expected a text as {name}")
    return value[:256]
