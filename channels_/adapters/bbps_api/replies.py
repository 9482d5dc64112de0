"""Our answers to a biller unit in JSON, signed with the key it signs with."""

import json
from typing import Any, Final

from channels_.adapters.bbps_api.notices import SECRET, signature
from channels_.bharat_connect import Code, code_of
from channels_.contract import Ask, AskKind, Dues, Outcome, Reply, ReplyCode, Setup, Wire
from cspdcl.kernel.clock import INDIA

_WORDS: Final = {
    AskKind.DUES: "fetch",
    AskKind.PAY: "pay",
    AskKind.STATUS: "status",
    AskKind.COMPLAINT: "complaint",
    AskKind.HEARTBEAT: "heartbeat",
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


def reply(ask: Ask, said: Reply, setup: Setup) -> Wire:
    """The answer to a question; only its signed moment differs when it is given again."""
    code = code_of(ask.kind, said.code, setup.settings)
    status = "SUCCESS" if said.code is ReplyCode.OK else "FAILURE"
    if said.code is ReplyCode.PENDING:
        # Neither a yes nor a no: the unit asks again, or tells its deemed success later.
        status = "PENDING"
        code = Code(str(setup.settings.get("pending_code", "100")), "Pending")
    document: dict[str, Any] = {
        **ask.extra,
        "status": status,
        "responseCode": code.response,
        "responseReason": code.reason,
    }
    if code.compliance:
        document |= {"complianceCode": code.compliance, "complianceReason": code.compliance_reason}
    if said.dues is not None and ask.kind is AskKind.DUES:
        document["bill"] = _bill(said.dues)
    document |= _payment(ask, said)
    http = 503 if said.code is ReplyCode.UNAVAILABLE else 200
    return _signed(document, http, _WORDS[ask.kind], setup)


def refuse(said: Reply, setup: Setup) -> Wire:
    """A refusal without a question: not signed, because nobody has proved who they are."""
    document = {
        "status": "REFUSED",
        "code": said.code.value,
        "detail": said.detail,
    }
    body = json.dumps(document, separators=(",", ":")).encode()
    at = setup.at.astimezone(INDIA).isoformat()
    headers = {"content-type": "application/json", "x-timestamp": at}
    return Wire(body, _STATUS.get(said.code, 400), headers)


def _bill(dues: Dues) -> dict[str, Any]:
    bill: dict[str, Any] = {
        "customerName": dues.name,
        "category": dues.plan.upper(),
        "amount": dues.amount_paise,
        "minAmount": dues.least_paise,
    }
    if dues.most_paise:
        bill["maxAmount"] = dues.most_paise
    if dues.bill_number:
        bill |= {"billNumber": dues.bill_number, "billPeriod": dues.bill_period}
    if dues.issued_on:
        bill["billDate"] = dues.issued_on.isoformat()
    if dues.due_on:
        bill["dueDate"] = dues.due_on.isoformat()
    return bill


def _payment(ask: Ask, said: Reply) -> dict[str, Any]:
    if ask.kind not in (AskKind.PAY, AskKind.STATUS, AskKind.COMPLAINT):
        return {}
    found: dict[str, Any] = {}
    if said.reference:
        found["approvalRefNum"] = said.reference
    if said.receipt:
        found["receiptNumber"] = said.receipt
    if said.amount_paise:
        found["amount"] = said.amount_paise
    if said.occurred_at:
        found["paidAt"] = said.occurred_at.astimezone(INDIA).isoformat()
    if ask.kind is not AskKind.PAY:
        found["txnStatus"] = _TXN[said.outcome] if said.outcome else "UNKNOWN"
    return found


def _signed(document: dict[str, Any], status: int, what: str, setup: Setup) -> Wire:
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    moment = setup.at.astimezone(INDIA).isoformat()
    headers = {
        "content-type": "application/json",
        "x-timestamp": moment,
        "x-signature": signature(setup.secrets[SECRET], moment, what, body),
    }
    return Wire(body, status, headers)
