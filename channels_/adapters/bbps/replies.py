"""Our side of Bharat Connect's XML: the Ack at once, the signed response as a call of its own."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from lxml import etree

from channels_ import xml_signed
from channels_.adapters.bbps.messages import NAMESPACE, document, validate
from channels_.bharat_connect import FAILURE, SUCCESS, Code, code_of
from channels_.contract import (
    Ask,
    AskKind,
    Call,
    Declined,
    Dues,
    Outcome,
    Reply,
    ReplyCode,
    Setup,
    Unreadable,
    Wire,
)
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed

SIGNING_SECRET: Final = "signing_key"  # noqa: S105 - the name of the secret, not the secret

_RESPONSES: Final[Mapping[str, str]] = {
    "BillFetchRequest": "BillFetchResponse",
    "BillPaymentRequest": "BillPaymentResponse",
    "TxnStatusRequest": "TxnStatusResponse",
    "TxnStatusComplainRequest": "TxnStatusComplainResponse",
    "ReqHbt": "ResHbt",
}
# How an Ack calls what it acknowledges; the last three are unconfirmed.
_ACKS: Final[Mapping[str, str]] = {
    "BillFetchRequest": "FETCH_REQUEST",
    "BillPaymentRequest": "PAYMENT_REQUEST",
    "TxnStatusRequest": "TXN_STATUS_REQUEST",
    "TxnStatusComplainRequest": "TXN_STATUS_COMPLAIN_REQUEST",
    "ReqHbt": "DIAGNOSTIC_REQUEST",
}
_STATUS: Final = {
    ReplyCode.NOT_ALLOWED: 401,
    ReplyCode.MALFORMED: 400,
    ReplyCode.UNAVAILABLE: 503,
}
_TXN: Final = {
    Outcome.SUCCEEDED: "SUCCESS",
    Outcome.FAILED: "FAILURE",
    Outcome.PENDING: "PENDING",
}
_XML: Final = {"content-type": "application/xml"}


def acknowledge(ask: Ask, setup: Setup) -> Wire:
    """The Ack: we have the question, its answer will come."""
    said = ask.extra
    return Wire(_ack(_ACKS[said["api"]], said["refId"], said["msgId"], setup.at), headers=_XML)


def refuse(reply: Reply, setup: Setup) -> Wire:
    """An Ack that says what was wrong with a message that could not be read."""
    body = _ack("UNKNOWN", "NA", "NA", setup.at, error=(reply.code.value, reply.detail))
    return Wire(body, _STATUS.get(reply.code, 400), _XML)


def reply(ask: Ask, said: Reply, setup: Setup) -> Wire:
    """The response as an answer of its own; sent by ``response_call``."""
    return Wire(_signed(ask, said, setup), headers=_XML)


def response_call(asked: tuple[Ask, Reply], setup: Setup) -> Call:
    """The signed response, posted to the unit under the question's refId."""
    ask, said = asked
    api = _RESPONSES[ask.extra["api"]]
    return Call(
        url=f"{setup.api_url}/{api}/1.0/urn:referenceId:{ask.extra['refId']}",
        headers=_XML,
        body=_signed(ask, said, setup),
    )


def response_read(wire: Wire, _setup: Setup, _asked: tuple[Ask, Reply]) -> None:
    """The unit's Ack of our response: a failure is a definite no, anything else is unclear."""
    if wire.status != 200:
        raise Malformed(f"expected an Ack, got the status {wire.status}")
    try:
        root = document(wire.body)
        validate(root)
    except Unreadable as error:
        raise Malformed(f"expected an Ack: {error}") from error
    if etree.QName(root).localname != "Ack":
        raise Malformed("expected an Ack")
    if root.get("RspCd") != "Successful":
        code = root.findtext("errorMessages/errorCd") or "Failure"
        raise Declined(code, root.findtext("errorMessages/errorDtl") or "")


def _signed(ask: Ask, said: Reply, setup: Setup) -> bytes:
    root = response(ask, said, setup)
    return xml_signed.sign(root, setup.secrets[SIGNING_SECRET])


def response(ask: Ask, said: Reply, setup: Setup) -> etree._Element:
    """The response before it is signed."""
    extra, at = ask.extra, _moment(setup.at)
    root = _root(_RESPONSES[extra["api"]])
    unit = str(setup.settings.get("ou_id") or extra["origInst"])
    _add(root, "Head", ver="1.0", ts=at, origInst=unit, refId=extra["refId"])
    code = _code(ask, said, setup)
    _add(
        root,
        "Reason",
        approvalRefNum=said.reference,
        responseCode=code.response,
        responseReason=code.reason,
        complianceRespCd=code.compliance,
        complianceReason=code.compliance_reason,
    )
    _add_txn(root, ask, at)
    if ask.kind is AskKind.COMPLAINT:
        _add(
            root,
            "TxnStatusComplainResp",
            complaintId=ask.key,
            txnReferenceId=ask.notice.channel_ref if ask.notice else "",
            txnStatus=_TXN[said.outcome] if said.outcome else "UNKNOWN",
        )
    elif ask.kind is not AskKind.HEARTBEAT:
        _add_bill(root, ask, said)
    return root


def _code(ask: Ask, said: Reply, setup: Setup) -> Code:
    if ask.kind is AskKind.STATUS and said.code is ReplyCode.OK:
        if said.outcome is Outcome.PENDING:
            return Code(str(setup.settings.get("pending_code", "100")), "Pending")
        return SUCCESS if said.outcome is Outcome.SUCCEEDED else FAILURE
    return code_of(ask.kind, said.code, setup.settings)


def _add_txn(root: etree._Element, ask: Ask, at: str) -> None:
    if ask.kind is AskKind.HEARTBEAT and not ask.extra["msgId"]:
        return
    kind = {AskKind.PAY: "FORWARD TYPE RESPONSE", AskKind.REVERSE: "REVERSAL TYPE RESPONSE"}
    repeated = {
        name.removeprefix("txn."): value
        for name, value in ask.extra.items()
        if name.startswith("txn.")
    }
    _add(root, "Txn", ts=at, msgId=ask.extra["msgId"], type=kind.get(ask.kind, ""), **repeated)


def _add_bill(root: etree._Element, ask: Ask, said: Reply) -> None:
    if ask.extra["biller"]:
        details = _add(root, "BillDetails")
        _add(details, "Biller", id=ask.extra["biller"])
        params = _add(details, "CustomerParams")
        for name, value in ask.extra.items():
            if name.startswith("param."):
                _add_tag(params, name.removeprefix("param."), value)
    if ask.kind is AskKind.DUES:
        if said.dues is not None:
            _add_dues(root, said.dues)
    elif said.amount_paise:
        _add(root, "BillerResponse", amount=str(said.amount_paise))
        if said.receipt:
            _add_tag(_add(root, "AdditionalInfo"), "Receipt Number", said.receipt)


def _add_dues(root: etree._Element, dues: Dues) -> None:
    _add(
        root,
        "BillerResponse",
        customerName=dues.name,
        amount=str(dues.amount_paise),
        dueDate=dues.due_on.isoformat() if dues.due_on else "",
        billDate=dues.issued_on.isoformat() if dues.issued_on else "",
        billNumber=dues.bill_number,
        billPeriod=dues.bill_period,
        minAmount=str(dues.least_paise) if dues.least_paise else "",
        maxAmount=str(dues.most_paise) if dues.most_paise else "",
    )
    _add_tag(_add(root, "AdditionalInfo"), "Bill Type", dues.plan.upper())


def _ack(
    api: str, ref: str, message: str, at: datetime, *, error: tuple[str, str] | None = None
) -> bytes:
    root = _root("Ack")
    said = {"api": api, "refId": ref, "msgId": message, "ts": _moment(at)}
    said["RspCd"] = "Failure" if error else "Successful"
    for name, value in said.items():
        root.set(name, value)
    if error:
        messages = _add(root, "errorMessages")
        etree.SubElement(messages, "errorCd").text = error[0]
        etree.SubElement(messages, "errorDtl").text = _plain(error[1])
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _root(name: str) -> etree._Element:
    return etree.Element(f"{{{NAMESPACE}}}{name}", nsmap={"ns2": NAMESPACE})


def _add(parent: etree._Element, element: str, **attributes: str) -> etree._Element:
    """An element with the attributes that say something."""
    found = etree.SubElement(parent, element)
    for name, value in attributes.items():
        if value:
            found.set(name, _plain(value))
    return found


def _add_tag(parent: etree._Element, name: str, value: str) -> None:
    etree.SubElement(parent, "Tag", name=_plain(name), value=_plain(value))


def _plain(text: str) -> str:
    """XML has no control characters; none of our facts needs one."""
    return "".join(char for char in text if char.isprintable())[:255]


def _moment(at: datetime) -> str:
    return at.astimezone(INDIA).isoformat(timespec="seconds")
