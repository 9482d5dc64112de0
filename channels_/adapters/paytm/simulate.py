"""How Paytm looks from outside: webhooks with a checksum, the settlement CSV, the order API."""

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from channels_.adapters.paytm import calls, checksum
from channels_.adapters.paytm.notices import SECRET
from channels_.contract import Method, Outcome, Setup, Wire
from channels_.formats.table import write_csv
from channels_.simulation import (
    Called,
    Envelope,
    News,
    ReportRow,
    SampleDispute,
    SampleKeys,
    SamplePayment,
    SampleRefund,
    Simulation,
    Subject,
    World,
)
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Unverified
from cspdcl.kernel.money import paise_from_rupees, rupees_from_paise

MERCHANT: Final = "SAMPLE00000000000001"

COLUMNS: Final = (
    *("Transaction_ID", "Order_ID", "Refund_ID", "Transaction_Date", "Updated_Date"),
    *("Transaction_Type", "Status", "MID", "Merchant_Name", "Customer_ID", "Amount", "Commission"),
    *("GST", "Payout_Date", "Payment_Mode", "Issuing_Bank", "UTR_No.", "Payout_ID"),
    *("Settled_Date", "Settled_Amount", "Bank_Transaction_ID", "Merchant_Unique_Ref"),
)

_STATUS: Final[Mapping[News, tuple[str, str, str]]] = {
    News.AUTHORISED: ("PENDING", "402", "Looks like the payment is not complete"),
    News.PAID: ("TXN_SUCCESS", "01", "Txn Success"),
    News.FAILED: ("TXN_FAILURE", "227", "Your payment has been declined by your bank"),
}
_RESULT: Final[Mapping[Outcome, News]] = {
    Outcome.PENDING: News.AUTHORISED,
    Outcome.SUCCEEDED: News.PAID,
    Outcome.FAILED: News.FAILED,
}
_MODES: Final[Mapping[Method, str]] = {
    Method.CARD: "CC",
    Method.NETBANKING: "NB",
    Method.UPI: "UPI",
    Method.WALLET: "PPI",
}
_TYPES: Final[Mapping[str, str]] = {"payment": "ACQUIRING", "refund": "REFUND"}


def tell(news: News, subject: Subject, at: datetime, _event_id: str) -> Envelope:
    """One webhook, not signed yet: the signature stands inside the body."""
    if isinstance(subject, SampleDispute):
        raise TypeError(f"no webhook of {news} is played")
    if isinstance(subject, SampleRefund):
        body = _refund(subject, news)
    else:
        body = _payment(subject, news, at)
    return Envelope(_document(body, ""), {"Content-Type": "application/json"})


def seal(envelope: Envelope, setup: Setup) -> Envelope:
    """The webhook with the checksum of its body in its head."""
    body = json.loads(envelope.body)["body"]
    return envelope._replace(body=_signed(body, setup))


def sign(envelope: Envelope, _setup: Setup) -> Mapping[str, str]:
    """The headers; nothing is signed there."""
    return envelope.headers


def report(rows: Sequence[ReportRow]) -> Mapping[str, bytes]:
    """The settlement report as CSV; refunds are positive there and known by their type."""
    return {"csv": write_csv(COLUMNS, [_row(row) for row in rows])}


def answer(called: Called, world: World, setup: Setup) -> Wire:
    """What Paytm's API answers to a call of ours."""
    path = called.path.partition("?")[0]
    document = json.loads(called.body)
    body = document["body"]
    try:
        signed = checksum.member(called.body.decode(), "body")
        checksum.check(
            signed, checksum=document["head"]["signature"], key=setup.secrets.get(SECRET, "")
        )
    except Unverified:
        return _wire(_result("TXN_FAILURE", "330", "Paytm checksum mismatch."), setup)
    if path == calls.ORDER_PATH:
        return _wire(_begun(body, world), setup)
    if path == calls.STATUS_PATH:
        return _wire(_status(body, world), setup)
    if path == calls.REFUND_PATH:
        return _wire(_refunded(body, world), setup)
    if path == calls.REFUND_STATUS_PATH:
        return _wire(_refund_status(body, world), setup)
    return Wire(b"", 404)


def make_keys() -> SampleKeys:
    """A merchant key of sixteen letters and digits, the same on both sides."""
    keys = {SECRET: secrets.token_hex(8)}
    return SampleKeys(keys, keys)


def _payment(payment: SamplePayment, news: News, at: datetime) -> dict[str, Any]:
    status, code, message = _STATUS[news]
    return {
        "mid": MERCHANT,
        "orderId": payment.reference or payment.order_ref,
        "txnId": payment.channel_ref,
        "txnAmount": rupees_from_paise(payment.amount_paise),
        "currency": "INR",
        "status": status,
        "respCode": code,
        "respMsg": message,
        "txnType": "SALE",
        "paymentMode": _MODES.get(payment.method, payment.method.value.upper()),
        "bankTxnId": payment.rrn if news is News.PAID else "",
        "bankName": payment.issuer,
        "txnDate": _clock(at),
        "merchantUniqueReference": payment.consumer_number,
        "udf1": payment.bill_number,
    }


def _refund(refund: SampleRefund, news: News) -> dict[str, Any]:
    body = {
        "txnTimestamp": _clock(refund.payment.paid_at),
        "orderId": refund.payment.reference or refund.payment.order_ref,
        "refundAmount": rupees_from_paise(refund.amount_paise),
        "refundId": refund.channel_ref,
        "txnAmount": rupees_from_paise(refund.payment.amount_paise),
        "txnId": refund.payment.channel_ref,
        "merchantRefundRequestTimestamp": _clock(refund.created_at),
        "acceptRefundTimestamp": _clock(refund.created_at),
        "refId": refund.reference or f"R{refund.channel_ref}",
        "status": "SUCCESS",
    }
    if news is News.REFUND_PROCESSED:
        body["userCreditInitiateTimestamp"] = _clock(refund.processed_at)
        body["totalRefundAmount"] = body["refundAmount"]
    if news is News.REFUND_FAILED:
        body["status"] = "FAILED"
        body["rejectRefundReasonCode"] = "1"
        body["rejectRefundReasonMessage"] = "Insufficient balance in your settlement account"
    return body


def _begun(body: Mapping[str, Any], world: World) -> dict[str, Any]:
    amount = paise_from_rupees(body["txnAmount"]["value"])
    ref = world.begin(
        body["orderId"], amount, consumer_number=str(body["extendInfo"]["mercUnqRef"])
    )
    return {**_result("S", "0000", "Success"), "isPromoCodeValid": False, "txnToken": f"tok{ref}"}


def _status(body: Mapping[str, Any], world: World) -> dict[str, Any]:
    found = world.find(body["orderId"])
    if found is None:
        return _result("NO_RECORD_FOUND", "331", "No Record Found")
    news = _RESULT[found.outcome]
    told = _payment(found.payment, news, found.payment.paid_at)
    left_out = {"status", "respCode", "respMsg", "currency", "udf1"}
    known = {name: value for name, value in told.items() if name not in left_out}
    refunded = sum(refund.amount_paise for refund in found.refunds)
    return {
        **_result(*_STATUS[news]),
        **known,
        "orderId": body["orderId"],
        "refundAmt": rupees_from_paise(refunded),
    }


def _refunded(body: Mapping[str, Any], world: World) -> dict[str, Any]:
    amount = paise_from_rupees(body["refundAmount"])
    refund = world.refund(body["txnId"], reference=body["refId"], amount_paise=amount)
    if refund is None:
        return _result("TXN_FAILURE", "619", "Invalid refund amount")
    return {**_result("PENDING", "601", "Refund request was raised"), **_refund_facts(body, refund)}


def _refund_status(body: Mapping[str, Any], world: World) -> dict[str, Any]:
    refund = world.refunded(body["refId"])
    if refund is None:
        return _result("TXN_FAILURE", "631", "Record not found")
    return {
        **_result("TXN_SUCCESS", "10", "Refund Successful"),
        **_refund_facts(body, refund),
        "acceptRefundTimestamp": _clock(refund.created_at),
        "userCreditInitiateTimestamp": _clock(refund.processed_at),
    }


def _refund_facts(body: Mapping[str, Any], refund: SampleRefund) -> dict[str, Any]:
    return {
        "mid": MERCHANT,
        "orderId": body["orderId"],
        "refId": body["refId"],
        "txnId": refund.payment.channel_ref,
        "refundId": refund.channel_ref,
        "refundAmount": rupees_from_paise(refund.amount_paise),
    }


def _row(row: ReportRow) -> list[str]:
    word = "CHARGEBACK" if row.dispute_ref else _TYPES.get(row.word, row.word.upper())
    is_signed = word in ("ACQUIRING", "REFUND", "CHARGEBACK")  # by what it is
    is_of_payment = word in ("REFUND", "CHARGEBACK")
    settled = abs(row.net_paise) if is_of_payment else row.net_paise
    return [
        row.payment_ref if is_of_payment else row.channel_ref,
        row.order_ref,
        row.channel_ref if is_of_payment else "",
        _clock(row.created_at),
        _clock(row.settled_at),
        word,
        "SUCCESS",
        MERCHANT,
        "Sample distributor",
        "",
        rupees_from_paise(row.amount_paise if is_signed else row.net_paise),
        rupees_from_paise(row.fee_paise),
        rupees_from_paise(row.tax_paise),
        _clock(row.settled_at),
        _MODES.get(Method(row.method), row.method.upper()) if row.method else "",
        row.issuer,
        row.utr,
        row.settlement_ref,
        _clock(row.settled_at),
        rupees_from_paise(settled),
        "",
        row.consumer_number,
    ]


def _result(status: str, code: str, message: str) -> dict[str, Any]:
    return {"resultInfo": {"resultStatus": status, "resultCode": code, "resultMsg": message}}


def _wire(body: Mapping[str, Any], setup: Setup) -> Wire:
    return Wire(_signed(body, setup), headers={"content-type": "application/json"})


def _signed(body: Mapping[str, Any], setup: Setup) -> bytes:
    salt = (setup.nonce or "0000")[:4]
    return _document(
        body, checksum.make(_compact(body), key=setup.secrets.get(SECRET, ""), salt=salt)
    )


def _document(body: Mapping[str, Any], signature: str) -> bytes:
    return f'{{"head":{_compact({"signature": signature})},"body":{_compact(body)}}}'.encode()


def _compact(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _clock(at: datetime) -> str:
    return at.astimezone(INDIA).strftime("%Y-%m-%d %H:%M:%S.0")


SIMULATION: Final = Simulation(
    tell=tell,
    sign=sign,
    seal=seal,
    report=report,
    answer=answer,
    news=frozenset(
        {
            *(News.AUTHORISED, News.PAID, News.FAILED),
            *(News.REFUND_CREATED, News.REFUND_PROCESSED, News.REFUND_FAILED),
        }
    ),
    methods=((Method.UPI, 70), (Method.CARD, 15), (Method.NETBANKING, 8), (Method.WALLET, 7)),
    merchant_id=MERCHANT,
    make_keys=make_keys,
    refs={
        "payment": "2026################################",
        "order": "PTM############",
        "refund": "2026################################",
        "settlement": "PAYOUT##########",
    },
)
