"""How CCAvenue looks from outside: encrypted notifications, the payout file, the API.

A simulated day speaks AES-256-GCM, because such news are believed without a partner to ask.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from channels_.adapters.ccavenue import calls, cipher
from channels_.adapters.ccavenue.notices import ENCRYPTED, PLAIN_ORDER
from channels_.contract import Method, Outcome, Setup, Wire
from channels_.formats.table import write_csv
from channels_.simulation import (
    Called,
    Envelope,
    Happened,
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
from cspdcl.kernel.clock import INDIA, day_bounds
from cspdcl.kernel.errors import Unverified
from cspdcl.kernel.money import paise_from_rupees, rupees_from_paise

MERCHANT: Final = "1000001"
PAGE_SIZE: Final = 25

COLUMNS: Final = (
    *("CCAvenue Ref#", "Refund Ref No", "Order No", "Txn Type", "Currency", "Order Date"),
    *("Order Amt", "CCAvenue Fees", "GST", "Payout Amount", "Payout Date", "Pay Id", "UTR No"),
    *("Bank Ref No", "Payment Mode", "Card Name", "Merchant Param1"),
)

_RETURNED: Final[Mapping[News, str]] = {
    News.AUTHORISED: "Initiated",
    News.PAID: "Success",
    News.FAILED: "Failure",
}
_TRACKED: Final[Mapping[Outcome, str]] = {
    Outcome.PENDING: "Awaited",
    Outcome.SUCCEEDED: "Shipped",
    Outcome.FAILED: "Unsuccessful",
}
_MODES: Final[Mapping[Method, tuple[str, str]]] = {
    Method.CARD: ("Credit Card", "OPTCRDC"),
    Method.NETBANKING: ("Net Banking", "OPTNBK"),
    Method.UPI: ("UPI", "OPTUPI"),
    Method.WALLET: ("Wallet", "OPTWLT"),
}
_TYPES: Final[Mapping[str, str]] = {"payment": "ORDER", "refund": "REFUND"}


def tell(news: News, subject: Subject, at: datetime, _event_id: str) -> Envelope:
    """One notification, not encrypted yet."""
    if isinstance(subject, SampleDispute | SampleRefund):
        raise TypeError(f"CCAvenue sends nothing of {news}")
    fields = _returned(subject, news, at)
    text = "&".join(f"{name}={value}" for name, value in fields.items())
    body = urlencode({ENCRYPTED: text, PLAIN_ORDER: fields["order_id"]})
    return Envelope(body.encode(), {"Content-Type": "application/x-www-form-urlencoded"})


def seal(envelope: Envelope, setup: Setup) -> Envelope:
    """The notification with its text encrypted."""
    form = dict(parse_qsl(envelope.body.decode()))
    sealed = {**form, ENCRYPTED: cipher.encrypt(form[ENCRYPTED], _placed(setup))}
    return envelope._replace(body=urlencode(sealed).encode())


def sign(envelope: Envelope, _setup: Setup) -> Mapping[str, str]:
    """The headers; nothing is signed there."""
    return envelope.headers


def report(rows: Sequence[ReportRow]) -> Mapping[str, bytes]:
    """The payout file as CSV; refunds are positive there and known by their type."""
    return {"csv": write_csv(COLUMNS, [_row(row) for row in rows])}


def answer(called: Called, world: World, setup: Setup) -> Wire:
    """What CCAvenue's API answers to a call of ours."""
    if called.path.partition("?")[0] != calls.API_PATH:
        return Wire(b"", 404)
    form = dict(parse_qsl(called.body.decode()))
    try:
        body = json.loads(cipher.decrypt(form.get("enc_request", ""), setup))
    except Unverified:
        return Wire(b"status=1&enc_response=Access_code: Invalid Parameter")
    command = form.get("command")
    if command == calls.STATUS_COMMAND:
        found = world.find(body.get("order_no") or body.get("reference_no", ""))
        result = _unknown() if found is None else _tracked(found, body.get("order_no"))
        return _wire({"Order_Status_Result": {"status": 0 if found else 1, **result}}, setup)
    if command == calls.REFUND_COMMAND:
        return _wire({"Refund_Order_Result": _refunded(body, world)}, setup)
    if command == calls.LOOKUP_COMMAND:
        return _wire(_looked_up(body, world), setup)
    return Wire(b"status=1&enc_response=Command: Invalid Parameter")


def make_keys() -> SampleKeys:
    """A working key of 32 letters and digits, the same on both sides."""
    keys = {cipher.SECRET: secrets.token_hex(16).upper()}
    return SampleKeys(keys, keys)


def _returned(payment: SamplePayment, news: News, at: datetime) -> dict[str, str]:
    is_paid = news is News.PAID
    return {
        "order_id": payment.reference or payment.order_ref,
        "tracking_id": payment.channel_ref,
        "bank_ref_no": payment.rrn if is_paid else "null",
        "order_status": _RETURNED[news],
        "failure_message": "Transaction declined" if news is News.FAILED else "",
        "payment_mode": _mode(payment.method, 0),
        "card_name": payment.network or payment.issuer,
        "status_code": "null",
        "status_message": "Y" if is_paid else "",
        "currency": "INR",
        "amount": rupees_from_paise(payment.amount_paise),
        "billing_name": "Sample payer",
        "billing_tel": payment.mobile,
        "merchant_param1": payment.consumer_number,
        "merchant_param2": payment.bill_number,
        "merchant_param3": "",
        "mer_amount": rupees_from_paise(payment.amount_paise),
        "response_code": "0" if is_paid else "",
        "trans_date": at.astimezone(INDIA).strftime("%d/%m/%Y %H:%M:%S"),
        "bin_country": "INDIA",
    }


def _tracked(found: Happened, order: str | None = None) -> dict[str, Any]:
    payment = found.payment
    back = sum(refund.amount_paise for refund in found.refunds)
    status = "Refunded" if back == payment.amount_paise else _TRACKED[found.outcome]
    is_paid = found.outcome is Outcome.SUCCEEDED
    return {
        "order_no": order or payment.reference or payment.order_ref,
        "reference_no": payment.channel_ref,
        "order_status": status,
        "order_amt": rupees_from_paise(payment.amount_paise),
        "order_capt_amt": rupees_from_paise(payment.amount_paise if is_paid else 0),
        "order_currncy": "INR",
        "order_bank_ref_no": payment.rrn if is_paid else "",
        "order_bank_response": "" if is_paid else "Transaction declined",
        "order_option_type": _mode(payment.method, 1),
        "order_status_date_time": payment.paid_at.astimezone(INDIA).strftime("%Y-%m-%d %H:%M:%S.0"),
        "merchant_param1": payment.consumer_number,
        "merchant_param2": payment.bill_number,
        "error_desc": "",
    }


def _unknown() -> dict[str, Any]:
    return {"error_desc": "No records found.", "error_code": "51313"}


def _refunded(body: Mapping[str, Any], world: World) -> dict[str, Any]:
    amount = paise_from_rupees(body["refund_amount"])
    refund = world.refund(
        body["reference_no"], reference=body["refund_ref_no"], amount_paise=amount
    )
    if refund is None:
        reason = "Refund amount is more than the order amount"
        return {"refund_status": 1, "reason": reason, "error_code": "51204"}
    return {"refund_status": 0, "reason": "", "error_code": ""}


def _looked_up(body: Mapping[str, Any], world: World) -> dict[str, Any]:
    since = day_bounds(datetime.strptime(body["from_date"], "%d-%m-%Y").date())[0]  # noqa: DTZ007
    until = day_bounds(datetime.strptime(body["to_date"], "%d-%m-%Y").date())[1]  # noqa: DTZ007
    found = world.between(since, until)
    if not found:
        return {"order_Status_List": [], "page_count": 0, "total_records": 0, **_unknown()}
    start = (body["page_number"] - 1) * PAGE_SIZE
    return {
        "order_Status_List": [_tracked(one) for one in found[start : start + PAGE_SIZE]],
        "page_count": -(-len(found) // PAGE_SIZE),
        "total_records": len(found),
        "error_desc": "",
        "error_code": "",
    }


def _row(row: ReportRow) -> list[str]:
    word = "CHARGEBACK" if row.dispute_ref else _TYPES.get(row.word, row.word.upper())
    goes_back = word in ("REFUND", "CHARGEBACK")
    is_signed = goes_back or word == "ORDER"  # by what it is
    return [
        row.payment_ref if goes_back else row.channel_ref,
        row.channel_ref if goes_back else "",
        row.order_ref,
        word,
        "INR",
        _clock(row.created_at),
        rupees_from_paise(row.amount_paise if is_signed else row.net_paise),
        rupees_from_paise(row.fee_paise),
        rupees_from_paise(row.tax_paise),
        rupees_from_paise(abs(row.net_paise) if goes_back else row.net_paise),
        _clock(row.settled_at),
        row.settlement_ref,
        row.utr,
        "",
        _mode(Method(row.method), 0) if row.method else "",
        row.network,
        row.consumer_number,
    ]


def _mode(method: Method, place: int) -> str:
    known = _MODES.get(method)
    return known[place] if known else method.value


def _wire(document: Mapping[str, Any], setup: Setup) -> Wire:
    sealed = cipher.encrypt(json.dumps(document), _placed(setup))
    return Wire(f"status=0&enc_response={sealed}\r\n".encode())


def _placed(setup: Setup) -> Setup:
    """The setup with some nonce: what is made up needs no secrecy."""
    return setup if setup.nonce else replace(setup, nonce="5a" * 16)


def _clock(at: datetime) -> str:
    return at.astimezone(INDIA).strftime("%d/%m/%Y %H:%M:%S")


SIMULATION: Final = Simulation(
    tell=tell,
    sign=sign,
    seal=seal,
    report=report,
    answer=answer,
    news=frozenset(_RETURNED),
    methods=((Method.UPI, 50), (Method.CARD, 25), (Method.NETBANKING, 20), (Method.WALLET, 5)),
    settings={"cipher": cipher.AES_GCM, "access_code": "AVSAMPLE00CSPDCL"},
    merchant_id=MERCHANT,
    make_keys=make_keys,
    refs={
        "payment": "31##########",
        "order": "CCA############",
        "refund": "CCR############",
        "settlement": "######",
    },
)
