"""How BillDesk looks from outside: tokens or pipe messages, its API, its MIS."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

from channels_.adapters.billdesk.calls import API, QUERY, REFUND_DESK, plain_id
from channels_.adapters.billdesk.notices import LEFT
from channels_.adapters.billdesk.wires import (
    ENCRYPTION_KEY,
    SIGNING_KEY,
    open_message,
    open_token,
    piped,
    sealed,
)
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
from cspdcl.kernel.errors import Unverified
from cspdcl.kernel.money import rupees_from_paise

MERCHANT: Final = "SMPLCSPDCL"
CLIENT: Final = "smplcspdcl"

HEADER: Final = (
    *("Merchant Id", "PGI Ref. No.", "Order Id", "Refund Id", "Bank Ref. No.", "Record Type"),
    *("Payment Mode", "Date of Txn", "Settlement Date", "Payout Id", "UTR No"),
    *("Gross Amount(Rs.Ps)", "Charges (Rs.Ps)", "GST (Rs Ps)", "Net Amount(Rs.Ps)"),
)

_STATUSES: Final[Mapping[News, str]] = {
    News.AUTHORISED: "0002",
    News.PAID: "0300",
    News.FAILED: "0399",
}
_OUTCOMES: Final[Mapping[Outcome, News]] = {
    Outcome.PENDING: News.AUTHORISED,
    Outcome.SUCCEEDED: News.PAID,
    Outcome.FAILED: News.FAILED,
}
_TYPES: Final[Mapping[Method, tuple[str, str]]] = {
    Method.NETBANKING: ("netbanking", "01"),
    Method.CARD: ("card", "02"),
    Method.WALLET: ("wallet", "05"),
    Method.UPI: ("upi", "10"),
}
_ERRORS: Final[Mapping[News, tuple[str, str, str]]] = {
    News.AUTHORISED: ("payment_pending_error", "TRPPE0001", "Transaction pending"),
    News.PAID: ("success", "TRS0000", "Transaction Successful"),
    News.FAILED: ("payment_authorization_error", "TRPIA0006", "Authorization failed"),
}


def tell(news: News, subject: Subject, _at: datetime, _event_id: str) -> Envelope:
    """One object of the API, in the clear; there is no event id."""
    if isinstance(subject, SampleRefund) and news is News.REFUND_PROCESSED:
        said = _refund(subject)
    elif isinstance(subject, SamplePayment) and news in _STATUSES:
        said = _transaction(subject, news)
    else:
        raise ValueError(f"BillDesk sends no notice of {news}")
    return Envelope(
        json.dumps(said).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    )


def seal(envelope: Envelope, setup: Setup) -> Envelope:
    """The object as it travels: a form with a token, or with a pipe message."""
    said = {**json.loads(envelope.body), "mercid": setup.merchant_id or MERCHANT}
    if setup.settings.get("protocol") == "pipe":
        fields = {"msg": piped(_pipe_words(said), setup)}
    else:
        fields = {"transaction_response": sealed(said, setup)}
    return envelope._replace(body=urlencode(fields).encode())


def sign(envelope: Envelope, _setup: Setup) -> Mapping[str, str]:
    """The headers: what proves the sender is inside the body."""
    return envelope.headers


def report(rows: Sequence[ReportRow]) -> Mapping[str, bytes]:
    """The MIS with the usual columns; what went back is below zero."""
    return {"csv": write_csv(HEADER, (_cells(row) for row in rows))}


def make_keys() -> SampleKeys:
    """A signing key as the kits have it, and an encryption key of 256 bits."""
    keys = {SIGNING_KEY: secrets.token_hex(16), ENCRYPTION_KEY: secrets.token_hex(16)}
    return SampleKeys(keys, keys)


def answer(called: Called, world: World, setup: Setup) -> Wire:
    """BillDesk's API, and the two desks of the pipe protocol."""
    place = called.path.partition("?")[0]
    if place in (QUERY, REFUND_DESK):
        return _answer_pipe(place, called, world, setup)
    known = _PLACES.get(place.removeprefix(API))
    try:
        said = open_token(called.body.decode(), setup)
    except Unverified as error:
        return _jose(401, _error("authentication_error", "GNAUE0003", str(error)), setup)
    if known is None or said.get("mercid") != setup.merchant_id:
        return _jose(403, _error("invalid_request", "GNAUE0001", "no such place"), setup)
    status, told = known(said, world)
    return _jose(status, told, setup)


# ---- the API ------------------------------------------------------------------------------------

_Said = Mapping[str, Any]


def _create_order(said: _Said, world: World) -> tuple[int, _Said]:
    order_id, free = said["orderid"], said["additional_info"]
    paise = int(said["amount"].replace(".", ""))
    world.begin(order_id, paise, consumer_number=free["additional_info1"])
    bd_order = f"OA{order_id}"
    return 200, {
        "objectid": "order",
        **{name: said[name] for name in ("mercid", "orderid", "amount", "currency", "ru")},
        "bdorderid": bd_order,
        "status": "ACTIVE",
        "next_step": "redirect",
        "links": [
            {"href": f"https://billdesk.example/orders/{bd_order}", "rel": "self", "method": "GET"},
            {
                "href": "https://billdesk.example/web/v1_2/embeddedsdk",
                "rel": "redirect",
                "method": "POST",
                "parameters": {"mercid": said["mercid"], "bdorderid": bd_order, "rdata": "sample"},
                "headers": {"authorization": "OToken sample"},
            },
        ],
    }


def _get_transaction(said: _Said, world: World) -> tuple[int, _Said]:
    happened = world.find(said.get("orderid") or said.get("transactionid", ""))
    if happened is None:
        return 404, _error("api_processing_error", "TRAPE0002", "Transaction not found")
    return 200, {**_happened(happened), "mercid": said["mercid"]}


def _create_refund(said: _Said, world: World) -> tuple[int, _Said]:
    paise = int(said["refund_amount"].replace(".", ""))
    reference = said["merc_refund_ref_no"]
    made = world.refund(said["transactionid"], reference=reference, amount_paise=paise)
    if made is None:
        return 422, _error("invalid_data_error", "RFIDE0001", "Refund amount is not available")
    return 200, {**_refund(made), "mercid": said["mercid"], "merc_refund_ref_no": reference}


def _get_refund(said: _Said, world: World) -> tuple[int, _Said]:
    made = world.refunded(said.get("refundid") or said.get("merc_refund_ref_no", ""))
    if made is None:
        return 404, _error("api_processing_error", "RFAPE0002", "Refund not found")
    return 200, {**_refund(made), "mercid": said["mercid"]}


_PLACES: Final[Mapping[str, Callable[[_Said, World], tuple[int, _Said]]]] = {
    "/orders/create": _create_order,
    "/transactions/get": _get_transaction,
    "/refunds/create": _create_refund,
    "/refunds/get": _get_refund,
}


def _jose(status: int, said: _Said, setup: Setup) -> Wire:
    headers = {"content-type": "application/jose"}
    return Wire(sealed(said, setup).encode(), status, headers)


def _error(kind: str, code: str, message: str) -> _Said:
    return {"error_type": kind, "error_code": code, "message": message}


# ---- the pipe protocol --------------------------------------------------------------------------


def _answer_pipe(place: str, called: Called, world: World, setup: Setup) -> Wire:
    (message,) = parse_qs(called.body.decode())["msg"]
    try:
        fields = open_message(message, setup)
    except Unverified:
        return Wire(b"Invalid Checksum", 200)
    words = _query(fields, world) if place == QUERY else _refund_desk(fields, world)
    return Wire(piped([*words], setup).encode(), headers={"content-type": "text/plain"})


def _query(fields: Sequence[str], world: World) -> list[str]:
    _kind, merchant, order_id, _moment = fields
    happened = world.find(order_id)
    if happened is None:
        blank = ["NA"] * (len(LEFT) - 2 + 7)
        return ["0130", merchant, order_id, *blank, *("NA",) * 7, "N"]
    words = _pipe_words({**_happened(happened), "mercid": merchant})
    back = rupees_from_paise(sum(one.amount_paise for one in happened.refunds))
    told = ["NA", back, "NA", "NA"]
    for last in happened.refunds[-1:]:
        told = ["0799", back, _clock(last.processed_at), last.channel_ref]
    return ["0130", *words, "NA", *told, "Y"]


def _refund_desk(fields: Sequence[str], world: World) -> list[str]:
    paise = int(fields[6].replace(".", ""))
    made = world.refund(fields[2], reference=fields[8], amount_paise=paise)
    head = ["0410", *fields[1:8]]
    if made is None:
        return [*head, "NA", "NA", "ERR_REF005", "Refund amount is not available", "N"]
    return [*head, "0799", made.channel_ref, "NA", "NA", "Y"]


def _pipe_words(said: _Said) -> list[str]:
    """An object of the API as the fields of a pipe message, without the checksum."""
    if said["objectid"] != "transaction":
        raise ValueError("the pipe protocol tells of payments only")
    local = datetime.fromisoformat(said["transaction_date"]).strftime("%d-%m-%Y %H:%M:%S")
    types = dict(_TYPES.values())
    whole = {
        **said,
        "amount": said["amount"].rjust(11, "0"),
        "txn_type": types[said["payment_method_type"]],
        "currency": "INR",
        "transaction_date": local,
    }
    free = [value or "NA" for value in said["additional_info"].values()]
    errors = [said["transaction_error_code"], said["transaction_error_desc"]]
    return [*(str(whole.get(name) or "NA") for name in LEFT), *free, *errors]


# ---- words --------------------------------------------------------------------------------------


def _happened(happened: Happened) -> dict[str, Any]:
    return _transaction(happened.payment, _OUTCOMES[happened.outcome])


def _transaction(payment: SamplePayment, news: News) -> dict[str, Any]:
    kind, code, text = _ERRORS[news]
    amount = rupees_from_paise(payment.amount_paise)
    free = {f"additional_info{number}": "NA" for number in range(1, 8)}
    free["additional_info1"] = payment.consumer_number or "NA"
    free["additional_info2"] = payment.bill_number or "NA"
    return {
        "objectid": "transaction",
        "mercid": MERCHANT,
        "orderid": _order_id(payment),
        "transactionid": payment.channel_ref,
        "amount": amount,
        "surcharge": "0.00",
        "discount": "0.00",
        "charge_amount": amount,
        "currency": "356",
        "transaction_date": payment.created_at.astimezone(INDIA).isoformat(timespec="seconds"),
        "bank_ref_no": "" if news is News.FAILED else payment.rrn,
        "bankid": payment.issuer[:3],
        "txn_process_type": _TYPES[payment.method][0],
        "payment_method_type": _TYPES[payment.method][0],
        "itemcode": "DIRECT",
        "ru": "https://pay.example/return",
        "auth_status": _STATUSES[news],
        "transaction_error_type": kind,
        "transaction_error_code": code,
        "transaction_error_desc": text,
        "additional_info": free,
    }


def _refund(refund: SampleRefund) -> dict[str, Any]:
    payment = refund.payment
    return {
        "objectid": "refund",
        "mercid": MERCHANT,
        "refundid": refund.channel_ref,
        "transactionid": payment.channel_ref,
        "orderid": _order_id(payment),
        "transaction_date": payment.created_at.astimezone(INDIA).isoformat(timespec="seconds"),
        "txn_amount": rupees_from_paise(payment.amount_paise),
        "refund_amount": rupees_from_paise(refund.amount_paise),
        "currency": "356",
        "refund_date": refund.processed_at.astimezone(INDIA).isoformat(timespec="seconds"),
        "merc_refund_ref_no": refund.reference,
        "refund_status": "0799",
    }


def _cells(row: ReportRow) -> list[str]:
    word = "chargeback" if row.dispute_ref else row.word
    went_back = word in ("refund", "chargeback")
    sign = "-" if row.net_paise < 0 else ""
    return [
        MERCHANT,
        row.payment_ref or row.channel_ref,
        row.order_ref,
        row.channel_ref if went_back else "",
        "",
        word,
        _TYPES[Method(row.method)][0] if row.method else "",
        _clock(row.created_at),
        row.settled_at.astimezone(INDIA).strftime("%d-%m-%Y"),
        row.settlement_ref,
        row.utr,
        sign + rupees_from_paise(row.amount_paise),
        rupees_from_paise(row.fee_paise),
        rupees_from_paise(row.tax_paise),
        rupees_from_paise(row.net_paise),
    ]


def _order_id(payment: SamplePayment) -> str:
    return plain_id(payment.reference) or payment.order_ref


def _clock(moment: datetime) -> str:
    return moment.astimezone(INDIA).strftime("%d-%m-%Y %H:%M:%S")


SIMULATION: Final = Simulation(
    tell=tell,
    seal=seal,
    sign=sign,
    report=report,
    answer=answer,
    news=frozenset({*_STATUSES, News.REFUND_PROCESSED}),
    methods=((Method.NETBANKING, 35), (Method.UPI, 35), (Method.CARD, 25), (Method.WALLET, 5)),
    settings={"client_id": CLIENT},
    merchant_id=MERCHANT,
    make_keys=make_keys,
    refs={
        "payment": "U1230###########",
        "order": "BD****************",
        "refund": "R1230###########",
        "settlement": "MIS########",
        "dispute": "CB##########",
        "row": "A1230###########",
    },
    lists=frozenset(Listed),
)
