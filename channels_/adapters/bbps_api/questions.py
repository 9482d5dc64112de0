"""A biller unit's questions in JSON, in our words."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from channels_ import json_strict
from channels_.bharat_connect import (
    COMPLAINT_REF,
    CURRENCY,
    check_moment,
    check_paid_at,
    consumer_in,
    instant,
    is_deemed,
    method_of,
    txn_ref,
)
from channels_.contract import (
    INDIAN_CURRENCY,
    Ask,
    AskKind,
    Inbound,
    Notice,
    NoticeKind,
    Outcome,
    Setup,
    Unreadable,
)
from cspdcl.kernel.errors import Malformed, Unverified

_ID: Final = re.compile(r"[A-Za-z0-9]{1,35}")
_BILL: Final = re.compile(r"[A-Za-z0-9/._-]{0,20}")
_PARAMS_MAX: Final = 10

_Said = Mapping[str, Any]


def read(inbound: Inbound, setup: Setup) -> Ask:
    """The question in a call; what it asks for is the word behind the channel's code."""
    what = inbound.path.strip("/")
    reader = _READERS.get(what)
    if reader is None:
        raise Unreadable(f"expected one of {', '.join(_READERS)} behind the channel's code")
    said = json_strict.object_at(json_strict.loads(inbound.body))
    return reader(said, setup)


def biller_in(body: bytes) -> str:
    """The biller a call is meant for, if it can be read and says so."""
    try:
        said = json_strict.object_at(json_strict.loads(body))
        return json_strict.text_at(said, "billerId", at_most=20)
    except Malformed:
        return ""  # who reads the rest will say what is wrong with it


def moment_of(inbound: Inbound, setup: Setup) -> None:
    """Refuse a call whose signed moment is missing or too far from now."""
    try:
        moment = instant(inbound.headers.get("x-timestamp", ""), "X-Timestamp")
    except Malformed as error:
        raise Unverified(str(error)) from error
    check_moment(moment, setup)


def _fetch(said: _Said, setup: Setup) -> Ask:
    number = consumer_in(_params(said), setup.settings)
    return _ask(AskKind.DUES, said, key=_id(said, "refId"), consumer_number=number)


def _pay(said: _Said, setup: Setup) -> Ask:
    notice = _payment(said, setup)
    is_late = notice.occurred_at is not None and is_deemed(notice.occurred_at, setup)
    return _ask(
        AskKind.PAY,
        said,
        key=notice.channel_ref,
        consumer_number=notice.consumer_number,
        notice=notice,
        already_paid=is_late or _flag(said, "deemed"),
    )


def _status(said: _Said, _setup: Setup) -> Ask:
    ref = txn_ref(json_strict.text_at(said, "txnReferenceId", at_most=20))
    return _ask(AskKind.STATUS, said, key=ref)


def _complaint(said: _Said, _setup: Setup) -> Ask:
    ref = json_strict.text_at(said, "complaintId", at_most=15)
    if not COMPLAINT_REF.fullmatch(ref):
        raise Unreadable("expected a complaintId of 15 letters and digits")
    about = json_strict.text_at(said, "txnReferenceId", at_most=20)
    due = json_strict.text_at(said, "estimatedTAT", at_most=40)
    notice = Notice(
        kind=NoticeKind.DISPUTE,
        event="complaint",
        channel_ref=txn_ref(about) if about else "",
        dispute_ref=ref,
        phase="complaint",
        code=json_strict.text_at(said, "complaintStatus", at_most=40),
        detail=json_strict.text_at(said, "disposition", at_most=200)
        or json_strict.text_at(said, "description", at_most=200),
        respond_by=instant(due, "estimatedTAT") if due else None,
    )
    return _ask(AskKind.COMPLAINT, said, key=ref, notice=notice)


def _heartbeat(said: _Said, _setup: Setup) -> Ask:
    return _ask(AskKind.HEARTBEAT, said, key=_id(said, "refId"))


_READERS: Final[Mapping[str, Callable[[_Said, Setup], Ask]]] = {
    "fetch": _fetch,
    "pay": _pay,
    "status": _status,
    "complaint": _complaint,
    "heartbeat": _heartbeat,
}


def _ask(kind: AskKind, said: _Said, **more: Any) -> Ask:
    ref, message = _id(said, "refId"), _id(said, "msgId")
    extra = {"refId": ref, "msgId": message}
    if kind in (AskKind.PAY, AskKind.STATUS):
        extra["txnReferenceId"] = more["key"]
    return Ask(kind=kind, message_ref=f"{kind.value}:{ref}:{message}", extra=extra, **more)


def _payment(said: _Said, setup: Setup) -> Notice:
    currency = json_strict.text_at(said, "currency", at_most=3)
    if currency not in (CURRENCY, INDIAN_CURRENCY):
        raise Malformed(f"expected the currency {CURRENCY}, got {currency!r}")
    bill = json_strict.text_at(said, "billNumber", at_most=20)
    if not _BILL.fullmatch(bill):
        raise Malformed("expected a billNumber of letters, digits and / . _ -")
    mode = json_strict.text_at(said, "paymentMode", at_most=40)
    paid_at = instant(json_strict.text_at(said, "txnTs", at_most=40), "txnTs")
    check_paid_at(paid_at, setup)
    return Notice(
        kind=NoticeKind.PAYMENT,
        event="pay",
        outcome=Outcome.SUCCEEDED,
        channel_ref=txn_ref(json_strict.text_at(said, "txnReferenceId", at_most=20)),
        amount_paise=json_strict.paise_at(said, "amount"),
        occurred_at=paid_at,
        method=method_of(mode),
        consumer_number=consumer_in(_params(said), setup.settings),
        bill_number=bill,
        code=mode,
    )


def _params(said: _Said) -> Mapping[str, str]:
    given = said.get("customerParams")
    if not isinstance(given, Mapping) or not 0 < len(given) <= _PARAMS_MAX:
        raise Unreadable(f"expected customerParams with 1 to {_PARAMS_MAX} names")
    return {name: json_strict.text_at(given, name, at_most=64) for name in given}


def _id(said: _Said, name: str) -> str:
    found = said.get(name)
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise Unreadable(f"expected {name} of 1 to 35 letters and digits")
    return found


def _flag(said: _Said, name: str) -> bool:
    found = said.get(name, False)
    if not isinstance(found, bool):
        raise Malformed(f"expected true or false as {name}")
    return found
