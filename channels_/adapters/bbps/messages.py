"""Reading Bharat Connect's XML: hardened, checked against our XSD, in our words."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from lxml import etree

from channels_ import xml_signed
from channels_.bharat_connect import (
    CURRENCY,
    check_paid_at,
    consumer_in,
    instant,
    is_deemed,
    method_of,
)
from channels_.contract import (
    Ask,
    AskKind,
    Inbound,
    Notice,
    NoticeKind,
    Outcome,
    Setup,
    Unreadable,
)
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import PAISE_MAX, Paise

NAMESPACE: Final = "http://bbps.org/schema"
REVERSAL: Final = "REVERSAL TYPE REQUEST"

_XSD: Final = Path(__file__).with_name("xsd") / "bbps.xsd"
_PATH: Final = re.compile(
    r"(?:bbps/)?(?P<api>[A-Za-z]+)/1\.0/urn:referenceId:(?P<ref>[A-Za-z0-9]+)/?"
)
_BILL: Final = re.compile(r"[A-Za-z0-9/._-]{0,20}")


def read(inbound: Inbound, setup: Setup) -> Ask:
    """The question in a message; its document element and the address must agree."""
    root = document(inbound.body)
    api = _name(root)
    reader = _READERS.get(api)
    if reader is None:
        raise Unreadable(f"expected one of {', '.join(_READERS)}, got {api[:40]!r}")
    validate(root)
    _check_path(inbound.path, root)
    return reader(root, setup)


def document(body: bytes) -> etree._Element:
    """The document element, in the namespace that was agreed on."""
    root = xml_signed.read(body)
    if etree.QName(root).namespace != NAMESPACE:
        raise Unreadable(f"expected the namespace {NAMESPACE}")
    return root


def validate(root: etree._Element) -> None:
    """Refuse what is not shaped as agreed."""
    schema = _schema()
    if not schema.validate(root):
        faults: Any = schema.error_log
        raise Unreadable(f"not shaped as agreed: {faults[0].message[:160]}")


def biller_of(root: etree._Element) -> str:
    """The biller that a message is meant for, if it names one."""
    biller = root.find("BillDetails/Biller")
    return "" if biller is None else str(biller.get("id", ""))


def _fetch(root: etree._Element, setup: Setup) -> Ask:
    number = consumer_in(_params(root), setup.settings)
    return _ask(AskKind.DUES, root, key=_head(root).get("refId", ""), consumer_number=number)


def _payment(root: etree._Element, setup: Setup) -> Ask:
    txn = _part(root, "Txn")
    ref = txn.get("txnReferenceId", "")
    if not ref:
        raise Unreadable("expected a txnReferenceId in Txn")
    if txn.get("type") == REVERSAL:
        return _ask(AskKind.REVERSE, root, key=ref)
    notice = _notice(root, ref, setup)
    return _ask(
        AskKind.PAY,
        root,
        key=ref,
        consumer_number=notice.consumer_number,
        notice=notice,
        already_paid=notice.occurred_at is not None and is_deemed(notice.occurred_at, setup),
    )


def _notice(root: etree._Element, ref: str, setup: Setup) -> Notice:
    amt = _part(root, "Amount/Amt")
    if len(root.findall("Amount/Amt")) != 1:
        raise Malformed("expected one Amt: two of them are two amounts")
    if amt.get("currency") != CURRENCY:
        raise Malformed(f"expected the currency {CURRENCY}, got {amt.get('currency')!r}")
    amount = int(amt.get("amount", "0"))
    if not 0 < amount <= PAISE_MAX:
        raise Malformed("expected an amount above zero, in paise")
    paid_at = instant(_part(root, "Txn").get("ts", ""), "Txn ts")
    check_paid_at(paid_at, setup)
    mode = _part(root, "PaymentMethod").get("paymentMode", "")
    return Notice(
        kind=NoticeKind.PAYMENT,
        event="payment",
        outcome=Outcome.SUCCEEDED,
        channel_ref=ref,
        amount_paise=Paise(amount),
        occurred_at=paid_at,
        method=method_of(mode),
        consumer_number=consumer_in(_params(root), setup.settings),
        bill_number=_bill_number(root),
        code=mode[:64],
    )


def _status(root: etree._Element, _setup: Setup) -> Ask:
    about = _part(root, "TxnStatusReq")
    return _ask(AskKind.STATUS, root, key=about.get("txnReferenceId", ""))


def _complaint(root: etree._Element, _setup: Setup) -> Ask:
    about = _part(root, "TxnStatusComplainReq")
    due = about.get("estimatedTAT", "")
    ref = about.get("complaintId", "")
    notice = Notice(
        kind=NoticeKind.DISPUTE,
        event="complaint",
        channel_ref=about.get("txnReferenceId", ""),
        dispute_ref=ref,
        phase="complaint",
        code=about.get("complaintStatus", "")[:40],
        detail=(about.get("disposition") or about.get("description") or "")[:200],
        respond_by=instant(due, "estimatedTAT") if due else None,
    )
    return _ask(AskKind.COMPLAINT, root, key=ref, notice=notice)


def _heartbeat(root: etree._Element, _setup: Setup) -> Ask:
    return _ask(AskKind.HEARTBEAT, root, key=_head(root).get("refId", ""))


_READERS: Final[Mapping[str, Callable[[etree._Element, Setup], Ask]]] = {
    "BillFetchRequest": _fetch,
    "BillPaymentRequest": _payment,
    "TxnStatusRequest": _status,
    "TxnStatusComplainRequest": _complaint,
    "ReqHbt": _heartbeat,
}


def _ask(kind: AskKind, root: etree._Element, **more: Any) -> Ask:
    """With all of the question that its answer must repeat."""
    txn = root.find("Txn")
    said: dict[str, str] = {} if txn is None else {str(k): str(v) for k, v in txn.items()}
    ref = _head(root).get("refId", "")
    message = said.get("msgId", "")
    extra = {
        "api": _name(root),
        "refId": ref,
        "msgId": message,
        "origInst": _head(root).get("origInst", ""),
        "biller": biller_of(root),
        **{
            f"txn.{name}": said[name] for name in ("txnReferenceId", "paymentRefId") if name in said
        },
        **{f"param.{name}": value for name, value in _params(root).items()},
    }
    if kind in (AskKind.PAY, AskKind.REVERSE, AskKind.STATUS):
        extra["txn.txnReferenceId"] = more["key"]
    return Ask(kind=kind, message_ref=f"{kind.value}:{ref}:{message}", extra=extra, **more)


def _params(root: etree._Element) -> Mapping[str, str]:
    tags = root.findall("BillDetails/CustomerParams/Tag")
    found = {tag.get("name", ""): tag.get("value", "") for tag in tags}
    if len(found) != len(tags):
        raise Malformed("a customer parameter stands twice")
    return found


def _bill_number(root: etree._Element) -> str:
    """The bill's number, when one bill is paid and it has one of ours."""
    numbers = {one.get("billNumber", "") for one in root.findall("BillerResponse")}
    number = numbers.pop() if len(numbers) == 1 else ""
    return number if _BILL.fullmatch(number) else ""


def _check_path(path: str, root: etree._Element) -> None:
    if not path:
        return
    found = _PATH.fullmatch(path)
    if found is None or (found["api"], found["ref"]) != (_name(root), _head(root).get("refId")):
        raise Unreadable("the address names another message than the body")


def _head(root: etree._Element) -> etree._Element:
    return _part(root, "Head")


def _part(root: etree._Element, path: str) -> etree._Element:
    found = root.find(path)
    if found is None:
        raise Unreadable(f"expected {path}")
    return found


def _name(root: etree._Element) -> str:
    return etree.QName(root).localname


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(_XSD))
