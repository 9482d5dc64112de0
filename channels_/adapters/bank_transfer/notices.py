"""The credit notice of a bank: one JSON object per credit, amounts as text in rupees.

``X-Signature`` is the hex HMAC-SHA256 of the raw body; ``X-Event-Id`` repeats ``event_id``.
The folder's own text has the whole agreement.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from channels_ import json_strict, van
from channels_.contract import Inbound, Method, Notice, NoticeKind, Outcome, Setup, Unreadable
from cspdcl.kernel.errors import Malformed, Unverified
from cspdcl.kernel.money import NotMoney, Paise, paise_from_rupees

SECRET: Final = "notice_key"  # noqa: S105 - the name of the secret, not the secret
VALIDATE: Final = "validate"
METHODS: Final[Mapping[str, Method]] = {
    "NEFT": Method.NEFT,
    "RTGS": Method.RTGS,
    "IMPS": Method.IMPS,
    "UPI": Method.UPI,
}

_EVENT_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,80}")
_UTR: Final = re.compile(r"[A-Z0-9]{6,40}")
_RRN: Final = re.compile(r"\d{12}")
_NUMBER: Final = re.compile(r"\d{6,12}")
_PARTNER_AT_END: Final = re.compile(r"\d{10}$")


def verify(inbound: Inbound, setup: Setup) -> None:
    """Prove that the body was signed with the bank's key, and from where it may come."""
    van.check_address(inbound.address, setup.settings, is_needed=False)
    key = setup.secrets.get(SECRET, "")
    if not key:
        raise Unverified("no notice key is in force")
    expected = hmac.new(key.encode(), inbound.body, hashlib.sha256).hexdigest()
    given = inbound.headers.get("x-signature", "")
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise Unverified("X-Signature does not match the body")


def event_key(inbound: Inbound, _setup: Setup) -> str:
    """The bank's own id of the notice."""
    key = inbound.headers.get("x-event-id", "")
    if not _EVENT_ID.fullmatch(key):
        raise Unreadable("expected an X-Event-Id of letters, digits and . _ : -")
    return key


def parse(inbound: Inbound, setup: Setup) -> Sequence[Notice]:
    """The one credit of a notice; money that is in our account, so it has succeeded."""
    said = read(inbound, setup)
    if step_of(inbound) == VALIDATE:
        return [Notice(kind=NoticeKind.IGNORED, event=VALIDATE)]
    return [notice_of(said, setup, needs_utr=True)]


def step_of(inbound: Inbound) -> str:
    """What follows the channel in the address: a validation only asks."""
    return inbound.path.strip("/")


def read(inbound: Inbound, setup: Setup) -> Mapping[str, Any]:
    """The object of a message, with its own id in the header too."""
    said = json_strict.object_at(json_strict.loads(inbound.body))
    if said.get("event_id") != event_key(inbound, setup):
        raise Unreadable("event_id in the body differs from X-Event-Id")
    return said


def notice_of(said: Mapping[str, Any], setup: Setup, *, needs_utr: bool) -> Notice:
    """What the object says; before the credit the bank may have no UTR yet."""
    mode = json_strict.text_at(said, "mode", at_most=16)
    utr = json_strict.text_at(said, "utr", at_most=40).upper()
    if not _UTR.fullmatch(utr) and (utr or needs_utr):
        raise Malformed("expected a UTR of 6 to 40 letters and digits")
    return Notice(
        kind=NoticeKind.PAYMENT,
        event="credit",
        outcome=Outcome.SUCCEEDED,
        channel_ref=utr,
        amount_paise=_amount(said),
        occurred_at=_instant(said),
        method=METHODS.get(mode, Method.UNKNOWN),
        rrn=utr if _RRN.fullmatch(utr) else "",
        utr=utr,
        consumer_number=_consumer(said, setup),
        payer=_payer(said),
        code=mode,
    )


def _amount(said: Mapping[str, Any]) -> Paise:
    try:
        amount = paise_from_rupees(json_strict.text_at(said, "amount", at_most=20))
    except NotMoney as error:
        raise Malformed(f"amount: {error}") from error
    if amount <= 0:
        raise Malformed("expected an amount above zero")
    return amount


def _instant(said: Mapping[str, Any]) -> datetime:
    text = json_strict.text_at(said, "credited_at", at_most=40)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed(f"credited_at: expected ISO 8601, got {text!r}") from error
    if instant.tzinfo is None:
        raise Malformed("credited_at: expected an offset such as +05:30")
    return instant


def _consumer(said: Mapping[str, Any], setup: Setup) -> str:
    """The consumer as told, else the one in the virtual account."""
    told = json_strict.text_at(said, "consumer_number").strip()
    if _NUMBER.fullmatch(told):
        return told
    account = json_strict.text_at(said, "virtual_account")
    if setup.settings.get(van.PREFIXES):
        return van.number_in(account, setup.settings)
    found = _PARTNER_AT_END.search(account)
    return found[0] if found else ""


def _payer(said: Mapping[str, Any]) -> str:
    account = json_strict.text_at(said, "payer_account")
    return account or json_strict.text_at(said, "payer_name")
