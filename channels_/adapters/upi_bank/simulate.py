"""How a bank's UPI service looks from outside: callbacks, the MIS, the API of its agreement.

A payment's ``channel_ref`` is its RRN here, as it is with the real ones.
"""

import base64
import hashlib
import secrets as chance
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from channels_ import json_strict, upi
from channels_.adapters.upi_bank import wire
from channels_.adapters.upi_bank.calls import ACCEPTED, REFUSED
from channels_.adapters.upi_bank.notices import CBC, GCM, HMAC, KEY, document
from channels_.adapters.upi_bank.statement import HEADER
from channels_.contract import Method, Outcome, Setup, Wire
from channels_.formats.table import write_csv
from channels_.simulation import (
    Called,
    Envelope,
    Happened,
    Listed,
    News,
    ReportRow,
    SampleKeys,
    SamplePayment,
    SampleRefund,
    Simulation,
    Subject,
    World,
)
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import NotMoney, paise_from_rupees, rupees_from_paise

MERCHANT: Final = "SAMPLE0001"

_WORDS: Final[Mapping[str, str]] = {"payment": "PAY"}
_CODES: Final[Mapping[News, str]] = {
    News.PAID: "00",
    News.FAILED: "Z9",
    News.REFUND_CREATED: "01",
    News.REFUND_PROCESSED: "00",
    News.REFUND_FAILED: "U30",
}
_OUTCOMES: Final[Mapping[Outcome, str]] = {
    Outcome.SUCCEEDED: "00",
    Outcome.FAILED: "Z9",
    Outcome.PENDING: "U67",
}


def tell(news: News, subject: Subject, at: datetime, event_id: str) -> Envelope:
    """One callback, not yet signed or sealed."""
    if isinstance(subject, SamplePayment) and news in (News.PAID, News.FAILED):
        said = _payment(subject, _CODES[news], at)
    elif isinstance(subject, SampleRefund) and news in _CODES:
        said = _refund(subject, _CODES[news], at)
    else:
        raise ValueError(f"a bank tells nothing of {news}")
    body = document({"merchantId": MERCHANT, "eventId": event_id, **said})
    return Envelope(body, {"Content-Type": wire.JSON})


def seal(envelope: Envelope, setup: Setup) -> Envelope:
    """The callback in its envelope, where one was agreed."""
    mode = str(setup.settings.get("callback", HMAC))
    if mode not in (GCM, CBC):
        return envelope
    iv = hashlib.sha256(envelope.body).digest()[:16]
    body = wire.seal(envelope.body, mode=mode, key=setup.secrets[KEY], iv=iv, merchant_id=MERCHANT)
    return envelope._replace(body=body)


def sign(envelope: Envelope, setup: Setup) -> Mapping[str, str]:
    """The headers with the moment and the signature."""
    if setup.settings.get("callback", HMAC) != HMAC:
        return envelope.headers
    stamp = f"{setup.at.timestamp():.0f}"
    signature = wire.mac(setup.secrets[KEY], stamp.encode(), envelope.body)
    return {**envelope.headers, "X-Timestamp": stamp, "X-Signature": signature}


def report(rows: Sequence[ReportRow]) -> Mapping[str, bytes]:
    """The MIS as CSV."""
    return {"csv": write_csv(HEADER, [_row(row) for row in rows])}


def answer(called: Called, world: World, setup: Setup) -> Wire:
    """The bank's API: checks our signature, answers from its books, signs the answer."""
    moment, nonce = called.headers.get("x-timestamp", ""), called.headers.get("x-nonce", "")
    given, key = called.headers.get("x-signature", ""), setup.secrets[wire.API_KEY]
    if not wire.is_mac(given, key, moment.encode(), nonce.encode(), called.body):
        return Wire(b'{"error":"signature"}', 401)
    known = _ANSWERS.get(called.path.strip("/"))
    if known is None:
        return Wire(b'{"error":"path"}', 404)
    try:
        body, status = known(json_strict.object_at(json_strict.loads(called.body)), world)
    except (Malformed, NotMoney, ValueError):
        return Wire(b'{"error":"request"}', 400)
    signature = wire.mac(key, nonce.encode(), body)
    return Wire(body, status, {"content-type": wire.JSON, "x-signature": signature})


def make_keys() -> SampleKeys:
    """Keys that fit every mode: 32 random bytes as base64, the same on both sides."""
    keys = {name: base64.b64encode(chance.token_bytes(32)).decode() for name in (KEY, wire.API_KEY)}
    return SampleKeys(ours=keys, theirs=keys)


def _payment(payment: SamplePayment, code: str, at: datetime) -> dict[str, Any]:
    return {
        "type": "PAY",
        "merchantTranId": _told(payment),
        "bankRRN": payment.channel_ref,
        "upiTranId": f"SMP{hashlib.sha256(payment.channel_ref.encode()).hexdigest()[:32]}",
        "payerVA": payment.payer,
        "amount": rupees_from_paise(payment.amount_paise),
        "currency": "INR",
        "responseCode": code,
        "completedAt": at.astimezone(INDIA).isoformat(),
    }


def _refund(refund: SampleRefund, code: str, at: datetime) -> dict[str, Any]:
    return {
        "type": "REFUND",
        "merchantRefundId": upi.carried(refund.reference),
        "refundId": refund.channel_ref,
        "originalRRN": refund.payment.channel_ref,
        "bankRRN": refund.rrn if upi.is_rrn(refund.rrn) else "",
        "amount": rupees_from_paise(refund.amount_paise),
        "currency": "INR",
        "responseCode": code,
        "completedAt": at.astimezone(INDIA).isoformat(),
    }


def _told(payment: SamplePayment) -> str:
    return upi.carried(payment.reference) if payment.reference else payment.order_ref


def _row(row: ReportRow) -> tuple[str, ...]:
    word = "CHARGEBACK" if row.dispute_ref else _WORDS.get(row.word, row.word.upper())
    is_of_payment = word in ("REFUND", "CHARGEBACK")
    is_signed = is_of_payment or word == "PAY"  # by what it is
    return (
        word,
        row.payment_ref if is_of_payment else row.channel_ref,
        row.order_ref,
        row.channel_ref if is_of_payment else "",
        "",
        rupees_from_paise(row.amount_paise if is_signed else row.net_paise),
        rupees_from_paise(row.fee_paise),
        rupees_from_paise(row.tax_paise),
        rupees_from_paise(row.net_paise),
        "SUCCESS",
        f"{row.created_at.astimezone(INDIA):%d/%m/%Y %H:%M:%S}",
        f"{row.settled_at.astimezone(INDIA):%d/%m/%Y %H:%M:%S}",
        row.utr,
    )


def _said(happened: Happened) -> dict[str, Any]:
    return _payment(happened.payment, _OUTCOMES[happened.outcome], happened.payment.paid_at)


def _answer_status(asked: Mapping[str, Any], world: World) -> tuple[bytes, int]:
    told = json_strict.text_at(asked, "merchantTranId")
    happened = world.find(upi.reference_of(told) or told)
    if happened is None:
        said = {"type": "PAY", "merchantTranId": told, "currency": "INR", "responseCode": "RNF"}
    else:
        said = {**_said(happened), "merchantTranId": told}
    return document({"merchantId": MERCHANT, **said}), 200


def _answer_refund(asked: Mapping[str, Any], world: World) -> tuple[bytes, int]:
    told = json_strict.text_at(asked, "merchantRefundId")
    amount = paise_from_rupees(json_strict.text_at(asked, "amount"))
    refund = world.refund(
        json_strict.text_at(asked, "originalRRN"),
        reference=upi.reference_of(told) or told,
        amount_paise=amount,
    )
    return _refund_answer(told, refund), 200


def _answer_refund_status(asked: Mapping[str, Any], world: World) -> tuple[bytes, int]:
    told = json_strict.text_at(asked, "merchantRefundId")
    return _refund_answer(told, world.refunded(upi.reference_of(told) or told)), 200


def _refund_answer(told: str, refund: SampleRefund | None) -> bytes:
    if refund is None:
        said: dict[str, Any] = {"answer": REFUSED, "responseCode": "U48", "detail": "no such money"}
    else:
        said = {"answer": ACCEPTED, **_refund(refund, "00", refund.processed_at)}
    return document({**said, "merchantId": MERCHANT, "merchantRefundId": told})


def _answer_history(asked: Mapping[str, Any], world: World) -> tuple[bytes, int]:
    since, until = (
        datetime.fromisoformat(json_strict.text_at(asked, name)) for name in ("from", "until")
    )
    rows = [_said(one) for one in world.between(since, until)]
    return document({"merchantId": MERCHANT, "transactions": rows, "cursor": ""}), 200


def _answer_mis(asked: Mapping[str, Any], world: World) -> tuple[bytes, int]:
    rows = world.report(date.fromisoformat(json_strict.text_at(asked, "date")))
    return (report(rows)["csv"], 200) if rows else (b"", 204)


_ANSWERS: Final[Mapping[str, Callable[[Mapping[str, Any], World], tuple[bytes, int]]]] = {
    "status": _answer_status,
    "refund": _answer_refund,
    "refund-status": _answer_refund_status,
    "history": _answer_history,
    "mis": _answer_mis,
}

SIMULATION: Final = Simulation(
    tell=tell,
    sign=sign,
    seal=seal,
    report=report,
    answer=answer,
    news=frozenset({News.PAID, News.FAILED, News.REFUND_PROCESSED, News.REFUND_FAILED}),
    methods=((Method.UPI, 1),),
    merchant_id=MERCHANT,
    settings={"vpa": "cspdcl.sample@samplebank", "payee_name": "CSPDCL sample"},
    make_keys=make_keys,
    refs={"payment": "rrn", "order": "CA{consumer}B######", "refund": "RFD##############"},
    is_begun_by_us=False,  # the codes printed on bills are played
    is_ordered=False,
    lists=frozenset({Listed.REFUND, Listed.CHARGEBACK, Listed.OTHER, Listed.FEE}),
)
