"""How PhonePe looks from outside, in both protocols: callbacks, the report, the API.

A simulated day speaks v2 with an HMAC, because such news are believed without a partner to ask.
"""

import hashlib
import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from channels_.adapters.phonepe import calls, signing
from channels_.adapters.phonepe.notices import REFUND_PREFIX
from channels_.contract import TOKEN, Method, Outcome, Setup, Wire
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
from cspdcl.kernel.money import rupees_from_paise

MERCHANT: Final = "SAMPLECSPDCL"

COLUMNS: Final = (
    *("PaymentType", "MerchantReferenceId", "PhonePeReferenceId", "OriginalPhonePeReferenceId"),
    *("From", "CreationDate", "TransactionDate", "SettlementDate", "BankReferenceNo"),
    *("SettlementId", "Amount", "Fee", "IGST", "CGST", "SGST", "NetAmount", "Udf1"),
)

_EVENTS: Final[Mapping[News, tuple[str, str]]] = {
    News.PAID: ("checkout.order.completed", "COMPLETED"),
    News.ORDER_PAID: ("pg.order.completed", "COMPLETED"),
    News.FAILED: ("checkout.order.failed", "FAILED"),
    News.REFUND_CREATED: ("pg.refund.accepted", "CONFIRMED"),
    News.REFUND_PROCESSED: ("pg.refund.completed", "COMPLETED"),
    News.REFUND_FAILED: ("pg.refund.failed", "FAILED"),
}
_STATES: Final[Mapping[Outcome, str]] = {
    Outcome.PENDING: "PENDING",
    Outcome.SUCCEEDED: "COMPLETED",
    Outcome.FAILED: "FAILED",
}
_CODES: Final[Mapping[str, str]] = {
    "PENDING": "PAYMENT_PENDING",
    "CONFIRMED": "PAYMENT_PENDING",
    "COMPLETED": "PAYMENT_SUCCESS",
    "FAILED": "PAYMENT_ERROR",
}
_MODES: Final[Mapping[Method, str]] = {
    Method.UPI: "UPI_INTENT",
    Method.CARD: "CARD",
    Method.NETBANKING: "NET_BANKING",
}
_TYPES: Final[Mapping[str, str]] = {"payment": "PAYMENT", "refund": "REFUND"}
_TOKEN_LIFE: Final = 3600


def tell(news: News, subject: Subject, at: datetime, _event_id: str) -> Envelope:
    """One event of v2; ``seal`` makes a callback of v1 of it where that was agreed."""
    if isinstance(subject, SampleDispute):
        raise TypeError(f"no event of {news} is played")
    event, state = _EVENTS[news]
    if isinstance(subject, SampleRefund):
        payload = _refund(subject, state)
    else:
        payload = _order(subject, state, at)
    document = {"event": event, "payload": {"merchantId": MERCHANT, **payload}}
    return Envelope(_compact(document).encode(), {"Content-Type": "application/json"})


def seal(envelope: Envelope, setup: Setup) -> Envelope:
    """The message as the agreed protocol wraps it."""
    if signing.version(setup) != signing.V1:
        return envelope
    payload = json.loads(envelope.body)["payload"]
    text = b64encode(_compact(_transaction(payload)).encode()).decode()
    return envelope._replace(body=_compact({"response": text}).encode())


def sign(envelope: Envelope, setup: Setup) -> Mapping[str, str]:
    """The headers with the proof of the agreed protocol."""
    key = setup.secrets[signing.SECRET]
    if signing.version(setup) == signing.V1:
        text = json.loads(envelope.body)["response"]
        proof = f"{signing.salted(text, key=key)}###{signing.salt_index(setup)}"
        return {**envelope.headers, "X-VERIFY": proof}
    if signing.is_unsigned(setup):
        return {**envelope.headers, "Authorization": hashlib.sha256(key.encode()).hexdigest()}
    return {**envelope.headers, signing.hmac_header(setup): _hmac(envelope.body, key)}


def report(rows: Sequence[ReportRow]) -> Mapping[str, bytes]:
    """The settlement report as CSV; refunds are positive there and known by their type."""
    return {"csv": write_csv(COLUMNS, [_row(row) for row in rows])}


def answer(called: Called, world: World, setup: Setup) -> Wire:
    """What PhonePe's API answers to a call of ours."""
    path = called.path.partition("?")[0]
    if path.startswith("/pg/v1/"):
        return _answer_v1(called, path, world, setup)
    if path == calls.TOKEN_V2:
        return _token(called, setup)
    if called.headers.get("authorization") != f"O-Bearer {_pass(setup)}":
        return _wire({"code": "AUTHORIZATION_FAILED", "message": "no such token"}, 401)
    return _answer_v2(called, path, world)


def make_keys() -> SampleKeys:
    """The password of callbacks and the secret of calls, in shapes that either protocol takes."""
    keys = {
        signing.SECRET: f"sample_user:{secrets.token_hex(9)}",
        signing.CALL_SECRET: secrets.token_hex(16),
    }
    return SampleKeys(keys, keys)


def _answer_v2(called: Called, path: str, world: World) -> Wire:
    body = json.loads(called.body) if called.body else {}
    if path == calls.PAY_V2:
        begun = world.begin(
            body["merchantOrderId"], body["amount"], consumer_number=body["metaInfo"]["udf1"]
        )
        url = f"https://pay.invalid/{begun}"
        return _wire({"orderId": f"OMO{begun}", "state": "PENDING", "redirectUrl": url})
    if path == calls.REFUND_V2:
        order, ours = body["originalMerchantOrderId"], body["merchantRefundId"]
        refund = world.refund(order, reference=ours, amount_paise=body["amount"])
        if refund is None:
            return _wire({"code": "ORDER_NOT_FOUND", "message": "nothing to refund"}, 400)
        return _wire({**_refund(refund, "PENDING"), "originalMerchantOrderId": order})
    parts = path.split("/")
    if path.startswith(f"{calls.ORDER_V2}/"):
        return _order_status(unquote(parts[4]), world)
    if path.startswith(f"{calls.REFUND_V2}/"):
        known = world.refunded(unquote(parts[4]))
        if known is None:
            return _wire({"code": "REFUND_NOT_FOUND", "message": "no such refund"}, 404)
        return _wire(_refund(known, "COMPLETED"))
    return Wire(b"", 404)


def _order_status(order: str, world: World) -> Wire:
    found = world.find(order)
    if found is None:
        message = "No entry found for given merchant order id"
        return _wire({"code": "INVALID_MERCHANT_ORDER_ID", "message": message}, 400)
    told = _order(found.payment, _STATES[found.outcome], found.payment.paid_at)
    return _wire({**told, "merchantOrderId": order})


def _answer_v1(called: Called, path: str, world: World, setup: Setup) -> Wire:
    body: dict[str, Any] = {}
    text = ""
    if called.body:
        text = json.loads(called.body)["request"]
        body = json.loads(b64decode(text))
    if called.headers.get("x-verify") != signing.x_verify(text + path, setup):
        return _wire({"success": False, "code": "AUTHORIZATION_FAILED"}, 401)
    if path == calls.PAY_V1:
        return _begun_v1(body, world)
    if path == calls.REFUND_V1:
        ours, order = body["merchantTransactionId"], body["originalTransactionId"]
        reference = ours.removeprefix(REFUND_PREFIX)
        refund = world.refund(order, reference=reference, amount_paise=body["amount"])
        if refund is None:
            return _wire({"success": False, "code": "TRANSACTION_NOT_FOUND"}, 400)
        return _wire(_transaction(_refund(refund, "PENDING")))
    return _wire(_status_v1(unquote(path.rpartition("/")[2]), world))


def _begun_v1(body: Mapping[str, Any], world: World) -> Wire:
    ours = body["merchantTransactionId"]
    begun = world.begin(ours, body["amount"], consumer_number=body["merchantUserId"])
    redirect = {"url": f"https://pay.invalid/{begun}", "method": "GET"}
    data = {
        "merchantId": MERCHANT,
        "merchantTransactionId": ours,
        "instrumentResponse": {"type": "PAY_PAGE", "redirectInfo": redirect},
    }
    return _wire({"success": True, "code": "PAYMENT_INITIATED", "data": data})


def _status_v1(transaction: str, world: World) -> dict[str, Any]:
    missing = {"success": False, "code": "TRANSACTION_NOT_FOUND", "message": "no such transaction"}
    if transaction.startswith(REFUND_PREFIX):
        refund = world.refunded(transaction.removeprefix(REFUND_PREFIX))
        return missing if refund is None else _transaction(_refund(refund, "COMPLETED"))
    found = world.find(transaction)
    if found is None:
        return missing
    state = _STATES[found.outcome]
    told = _order(found.payment, state, found.payment.paid_at)
    return _transaction({**told, "merchantOrderId": transaction})


def _order(payment: SamplePayment, state: str, at: datetime) -> dict[str, Any]:
    is_failed = state == "FAILED"
    attempt = {
        "paymentMode": _MODES.get(payment.method, payment.method.value.upper()),
        "transactionId": payment.channel_ref,
        "timestamp": _millis(at),
        "amount": payment.amount_paise,
        "state": state,
        **({"errorCode": "AUTHORIZATION_ERROR", "detailedErrorCode": "ZM"} if is_failed else {}),
        "splitInstruments": [{"amount": payment.amount_paise, **_paid_with(payment, state)}],
    }
    return {
        "orderId": f"OMO{payment.channel_ref[-19:]}",
        "merchantOrderId": payment.reference or payment.order_ref,
        "state": state,
        "amount": payment.amount_paise,
        "expireAt": _millis(at) + 900_000,
        "metaInfo": {"udf1": payment.consumer_number, "udf2": payment.bill_number},
        "paymentDetails": [attempt],
    }


def _paid_with(payment: SamplePayment, state: str) -> dict[str, Any]:
    rrn = payment.rrn if state == "COMPLETED" else ""
    if payment.method is Method.UPI:
        rail = {"type": "UPI", "vpa": payment.payer, **({"utr": rrn} if rrn else {})}
        return {"rail": rail, "instrument": {"type": "ACCOUNT", "accountType": "SAVINGS"}}
    kind = "NET_BANKING" if payment.method is Method.NETBANKING else "DEBIT_CARD"
    instrument = {"type": kind, "bankId": payment.issuer, **({"brn": rrn} if rrn else {})}
    return {"rail": {"type": "PG"}, "instrument": instrument}


def _refund(refund: SampleRefund, state: str) -> dict[str, Any]:
    payment = refund.payment
    is_done = state == "COMPLETED"
    rail = {"type": "UPI", **({"utr": refund.rrn} if is_done else {})}
    return {
        "merchantRefundId": refund.reference or f"RF{refund.channel_ref}",
        "originalMerchantOrderId": payment.reference or payment.order_ref,
        "refundId": refund.channel_ref,
        "amount": refund.amount_paise,
        "state": state,
        "timestamp": _millis(refund.processed_at if is_done else refund.created_at),
        "splitInstruments": [{"amount": refund.amount_paise, "rail": rail}],
    }


def _transaction(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload of v2 as v1 would tell it."""
    state = str(payload["state"])
    code = _CODES[state]
    refund = payload.get("merchantRefundId")
    attempt = payload.get("paymentDetails", [{}])[0]
    return {
        "success": code == "PAYMENT_SUCCESS",
        "code": code,
        "message": "Sample message",
        "data": {
            "merchantId": MERCHANT,
            "merchantTransactionId": f"{REFUND_PREFIX}{refund}"
            if refund
            else payload["merchantOrderId"],
            "transactionId": payload["refundId"] if refund else attempt["transactionId"],
            "amount": payload["amount"],
            "state": "PENDING" if state == "CONFIRMED" else state,
            "responseCode": code,
            "paymentInstrument": None if refund else _instrument_v1(attempt),
        },
    }


def _instrument_v1(attempt: Mapping[str, Any]) -> dict[str, Any]:
    part = attempt["splitInstruments"][0]
    rail, instrument = part["rail"], part["instrument"]
    if rail["type"] == "UPI":
        return {"type": "UPI", "vpa": rail["vpa"], "utr": rail.get("utr")}
    kind = "NETBANKING" if instrument["type"] == "NET_BANKING" else "CARD"
    return {"type": kind, "bankId": instrument["bankId"], "brn": instrument.get("brn")}


def _row(row: ReportRow) -> list[str]:
    word = "CHARGEBACK" if row.dispute_ref else _TYPES.get(row.word, row.word.upper())
    goes_back = word in ("REFUND", "CHARGEBACK")
    is_signed = goes_back or word == "PAYMENT"  # by what it is
    mode = _MODES.get(Method(row.method), row.method) if row.method else ""
    return [
        word,
        row.order_ref,
        row.channel_ref,
        row.payment_ref,
        {"UPI_INTENT": "UPI"}.get(mode, mode),
        _clock(row.created_at),
        _clock(row.created_at),
        _clock(row.settled_at),
        row.utr,
        row.settlement_ref,
        rupees_from_paise(row.amount_paise if is_signed else row.net_paise),
        rupees_from_paise(row.fee_paise),
        rupees_from_paise(row.tax_paise),
        "0.00",
        "0.00",
        rupees_from_paise(abs(row.net_paise) if goes_back else row.net_paise),
        row.consumer_number,
    ]


def _token(called: Called, setup: Setup) -> Wire:
    form = dict(parse_qsl(called.body.decode()))
    if form.get("client_secret") != setup.secrets[signing.CALL_SECRET]:
        return _wire({"code": "AUTHORIZATION_FAILED", "message": "no such client"}, 401)
    expires = int(setup.at.timestamp()) + _TOKEN_LIFE
    return _wire({TOKEN_FIELD: _pass(setup), "expires_at": expires, "token_type": "O-Bearer"})


def _pass(setup: Setup) -> str:
    """The token of this client; the sample server needs to remember none."""
    return hashlib.sha256(f"{TOKEN}:{setup.secrets[signing.CALL_SECRET]}".encode()).hexdigest()


def _hmac(body: bytes, key: str) -> str:
    return signing.signature(body, key=key)


def _wire(document: Mapping[str, Any], status: int = 200) -> Wire:
    return Wire(_compact(document).encode(), status, {"content-type": "application/json"})


def _compact(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _millis(at: datetime) -> int:
    return int(at.timestamp()) * 1000


def _clock(at: datetime) -> str:
    return at.astimezone(INDIA).strftime("%d-%m-%Y %H:%M:%S")


TOKEN_FIELD: Final = "access_token"  # noqa: S105 - the name of the field

SIMULATION: Final = Simulation(
    tell=tell,
    sign=sign,
    seal=seal,
    report=report,
    answer=answer,
    news=frozenset(_EVENTS),
    methods=((Method.UPI, 85), (Method.CARD, 10), (Method.NETBANKING, 5)),
    settings={"version": signing.V2, "webhook": signing.HMAC},
    merchant_id=MERCHANT,
    make_keys=make_keys,
    refs={
        "payment": "OM######################",
        "order": "CS############",
        "refund": "OMR###################",
        "settlement": "PPS##########",
    },
)
