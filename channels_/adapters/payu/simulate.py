"""How PayU looks from outside: its form with the reverse hash, its commands, its settlement."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, quote_plus, urlencode, urlsplit

from channels_.adapters.payu.calls import RANGE, signed
from channels_.adapters.payu.notices import SECRET, reverse_hash
from channels_.adapters.payu.statement import as_document
from channels_.contract import Method, Outcome, Setup, Wire
from channels_.formats.table import write_csv
from channels_.simulation import (
    Called,
    Envelope,
    Happened,
    News,
    ReportRow,
    SamplePayment,
    SampleRefund,
    Simulation,
    Subject,
    World,
)
from cspdcl.kernel.clock import INDIA, business_date
from cspdcl.kernel.money import rupees_from_paise

KEY: Final = "SmplKy"  # sample data: PayU's keys have six letters

COLUMNS: Final = (
    *("payuid", "txnid", "txndate", "mode", "amount", "requestid", "requestdate"),
    *("requestaction", "requestamount", "mer_utr", "mer_service_fee", "mer_service_tax"),
    *("mer_net_amount", "bank_name", "issuing_bank", "merchant_subvention_amount"),
    *("cgst", "igst", "sgst", "PG_TYPE", "Card Type", "token"),
)

_WORDS: Final[Mapping[News, tuple[str, str]]] = {
    News.AUTHORISED: ("pending", "auth"),
    News.PAID: ("success", "captured"),
    News.FAILED: ("failure", "failed"),
}
_OUTCOMES: Final[Mapping[Outcome, News]] = {
    Outcome.PENDING: News.AUTHORISED,
    Outcome.SUCCEEDED: News.PAID,
    Outcome.FAILED: News.FAILED,
}
_MODES: Final[Mapping[Method, str]] = {
    Method.CARD: "CC",
    Method.NETBANKING: "NB",
    Method.UPI: "UPI",
    Method.WALLET: "CASH",
}
_SIGNED_BY_KIND: Final = frozenset({"capture", "refund", "chargeback"})


def tell(news: News, subject: Subject, _at: datetime, _event_id: str) -> Envelope:
    """One notice, still without its hash; PayU signs news of payments only, and has no event id."""
    if not isinstance(subject, SamplePayment) or news not in _WORDS:
        raise ValueError(f"PayU signs no notice of {news}")
    fields = {"key": KEY, **_posted(subject, news), "addedon": _clock(subject.created_at)}
    return Envelope(
        urlencode(fields, quote_via=quote_plus).encode(),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )


def seal(envelope: Envelope, setup: Setup) -> Envelope:
    """The form as the merchant's own, with the hash that only PayU and the merchant can write."""
    fields = dict(parse_qsl(envelope.body.decode(), keep_blank_values=True))
    fields["key"] = setup.merchant_id or fields["key"]
    fields["hash"] = reverse_hash(fields, salt=setup.secrets[SECRET])
    return envelope._replace(body=urlencode(fields, quote_via=quote_plus).encode())


def sign(envelope: Envelope, _setup: Setup) -> Mapping[str, str]:
    """The headers: what proves the sender is inside the form."""
    return envelope.headers


def report(rows: Sequence[ReportRow]) -> Mapping[str, bytes]:
    """The settlement as the API answers it and as a file with the same columns."""
    day = business_date(max(row.settled_at for row in rows)).isoformat() if rows else ""
    items = [_item(row) for row in rows]
    table = ([*(item[name] for name in COLUMNS), day] for item in items)
    return {
        "json": as_document(items, day=day),
        "csv": write_csv([*COLUMNS, "settlement date"], table),
    }


def answer(called: Called, world: World, setup: Setup) -> Wire:
    """PayU's API: one address for the commands, one for the settlement of a range of days."""
    place = urlsplit(called.path)
    if place.path == RANGE:
        return _range(called, parse_qs(place.query), world, setup)
    said = dict(parse_qsl(called.body.decode(), keep_blank_values=True))
    command, var1 = said.get("command", ""), said.get("var1", "")
    if said.get("key") != setup.merchant_id or said.get("hash") != signed(
        setup.merchant_id, command, var1, salt=setup.secrets[SECRET]
    ):
        return _json({"status": 0, "msg": "Invalid Hash."})
    known = _COMMANDS.get(command)
    if known is None:
        return _json({"status": 0, "msg": "Invalid command."})
    return known(said, world)


# ---- commands -----------------------------------------------------------------------------------


def _create_invoice(said: Mapping[str, str], world: World) -> Wire:
    invoice = json.loads(said["var1"])
    rupees = str(invoice["amount"]).replace(".", "")
    world.begin(invoice["txnid"], int(rupees), consumer_number=invoice.get("udf1", ""))
    return _json(
        {
            "Transaction Id": invoice["txnid"],
            "Email Id": invoice.get("email", ""),
            "Phone": invoice.get("phone", ""),
            "Status": "Success",
            "URL": f"https://payu.example/processInvoice?invoiceId={invoice['txnid']}",
        }
    )


def _verify_payment(said: Mapping[str, str], world: World) -> Wire:
    details: dict[str, Any] = {}
    for txnid in said["var1"].split("|"):
        happened = world.find(txnid)
        if happened is None:
            details[txnid] = {"mihpayid": "Not Found", "status": "Not Found"}
        else:
            details[txnid] = _detail(happened)
    count = sum(one["status"] != "Not Found" for one in details.values())
    return _json(
        {
            "status": int(count > 0),
            "msg": f"{count} out of {len(details)} Transactions Fetched Successfully",
            "transaction_details": details,
        }
    )


def _check_payment(said: Mapping[str, str], world: World) -> Wire:
    happened = world.find(said["var1"])
    if happened is None:
        details = {"mihpayid": "Not Found", "status": "Not Found"}
        return _json({"status": 0, "msg": "Not Found", "transaction_details": details})
    return _json(
        {
            "status": 1,
            "msg": "Transaction Fetched Successfully",
            "transaction_details": _detail(happened),
        }
    )


def _refund(said: Mapping[str, str], world: World) -> Wire:
    paise = int(said["var3"].replace(".", ""))
    refund = world.refund(said["var1"], reference=said["var2"], amount_paise=paise)
    if refund is None:
        return _json({"status": 0, "msg": "Invalid amount", "error_code": 105})
    return _json(
        {
            "status": 1,
            "msg": "Refund Request Queued",
            "request_id": refund.channel_ref,
            "bank_ref_num": None,
            "mihpayid": refund.payment.channel_ref,
            "error_code": 102,
        }
    )


def _action_status(said: Mapping[str, str], world: World) -> Wire:
    var1 = said["var1"]
    if said.get("var2") == "payuid":
        happened = world.find(var1)
        refunds = happened.refunds if happened is not None else ()
    else:
        refund = world.refunded(var1)
        refunds = () if refund is None else (refund,)
    if not refunds:
        return _json(
            {
                "status": 0,
                "msg": "0 out of 1 Transactions Fetched Successfully",
                "transaction_details": {var1: "No action status found"},
            }
        )
    actions = {refund.channel_ref: _action(refund) for refund in refunds}
    return _json(
        {
            "status": 1,
            "msg": "1 out of 1 Transactions Fetched Successfully",
            "transaction_details": {var1: actions},
        }
    )


def _settlement(said: Mapping[str, str], world: World) -> Wire:
    day, page, size = said["var1"], int(said.get("var2", "1")), int(said.get("var3", "2000"))
    rows = world.report(date.fromisoformat(day))[(page - 1) * size : page * size]
    return Wire(as_document([_item(row) for row in rows], day=day))


def _history(said: Mapping[str, str], world: World) -> Wire:
    since, until = (
        datetime.strptime(said[name], "%Y-%m-%d %H:%M:%S").replace(tzinfo=INDIA)
        for name in ("var1", "var2")
    )
    rows = []
    for happened in world.between(since, until):
        detail = _detail(happened)
        words = {"success": "SUCCESS", "failure": "FAILED"}
        rows.append(
            {
                **{name: detail[name] for name in ("txnid", "addedon", "mode", "udf1", "udf2")},
                "id": detail["mihpayid"],
                "action": "capture",
                "status": words.get(detail["status"], detail["status"].upper()),
                "amount": detail["amt"],
                "bank_ref_no": detail["bank_ref_num"],
                "error_code": detail["error_code"],
            }
        )
    return _json(
        {"status": 1, "msg": "Transaction Fetched Successfully", "Transaction_details": rows}
    )


def _range(called: Called, query: Mapping[str, list[str]], world: World, setup: Setup) -> Wire:
    moment = called.headers.get("date", "")
    proof = hashlib.sha512(f"|{moment}|{setup.secrets[SECRET]}".encode()).hexdigest()
    if f'signature="{proof}"' not in called.headers.get("authorization", ""):
        return Wire(b'{"status": 1, "message": "Unauthorised"}', 401)
    rows = world.report(date.fromisoformat(query["dateFrom"][0]))
    size, page = int(query["pageSize"][0]), int(query["page"][0])
    settlements: dict[str, dict[str, Any]] = {}
    for row in rows[(page - 1) * size : page * size]:
        whole = settlements.setdefault(
            row.settlement_ref,
            {
                "settlementId": row.settlement_ref,
                "settlementCompletedDate": _clock(row.settled_at),
                "utrNumber": row.utr,
                "transaction": [],
            },
        )
        item = _item(row)
        whole["transaction"].append(
            {
                "action": item["requestaction"],
                "payuId": item["payuid"],
                "requestId": item["requestid"],
                "merchantTransactionId": item["txnid"],
                "transactionAmount": item["requestamount"],
                "merchantServiceFee": item["mer_service_fee"],
                "merchantServiceTax": item["mer_service_tax"],
                "merchantNetAmount": item["mer_net_amount"],
                "mode": item["mode"],
                "transactionDate": item["txndate"],
            }
        )
    data = list(settlements.values())
    return _json({"status": 0, "result": {"size": len(data), "data": data}})


_COMMANDS: Final[Mapping[str, Callable[[Mapping[str, str], World], Wire]]] = {
    "create_invoice": _create_invoice,
    "verify_payment": _verify_payment,
    "check_payment": _check_payment,
    "cancel_refund_transaction": _refund,
    "check_action_status": _action_status,
    "get_settlement_details": _settlement,
    "get_transaction_info": _history,
}


# ---- words --------------------------------------------------------------------------------------


def _posted(payment: SamplePayment, news: News) -> dict[str, str]:
    status, unmapped = _WORDS[news]
    is_failed = news is News.FAILED
    is_upi = payment.method is Method.UPI
    return {
        "mihpayid": payment.channel_ref,
        "mode": _MODES.get(payment.method, ""),
        "status": status,
        "unmappedstatus": unmapped,
        "txnid": _txnid(payment),
        "amount": rupees_from_paise(payment.amount_paise),
        "discount": "0.00",
        "net_amount_debit": rupees_from_paise(0 if is_failed else payment.amount_paise),
        "productinfo": "Electricity bill",
        "firstname": "Sample",
        "email": "sample@example.com",
        "phone": payment.mobile,
        "udf1": payment.consumer_number,
        "udf2": payment.bill_number,
        **{f"udf{number}": "" for number in range(3, 11)},
        "field1": payment.payer if is_upi else "",
        "field9": "U30|DEBIT HAS BEEN FAILED|Completed Using Callback" if is_failed else "No Error",
        "PG_TYPE": f"{_MODES.get(payment.method, 'NA')}-PG",
        "bank_ref_num": "" if is_failed else payment.rrn,
        "bankcode": payment.issuer or _MODES.get(payment.method, ""),
        "error": "E308" if is_failed else "E000",
        "error_Message": "Bank was unable to authenticate." if is_failed else "No Error",
        "cardnum": "" if payment.method is not Method.CARD else f"XXXXXXXXXXXX{payment.payer[-4:]}",
    }


def _detail(happened: Happened) -> dict[str, Any]:
    """A payment as verify_payment tells it: the notice's facts under some other names."""
    payment = happened.payment
    posted = _posted(payment, _OUTCOMES[happened.outcome])
    posted["amt"] = posted.pop("amount")
    posted["error_code"] = posted.pop("error")
    posted["card_no"] = posted.pop("cardnum")
    return {
        **posted,
        "request_id": None,
        "transaction_amount": posted["amt"],
        "addedon": _clock(payment.created_at),
        "Settled_At": "0000-00-00 00:00:00",
    }


def _action(refund: SampleRefund) -> dict[str, Any]:
    return {
        "mihpayid": refund.payment.channel_ref,
        "bank_ref_num": refund.rrn,
        "request_id": refund.channel_ref,
        "amt": rupees_from_paise(refund.amount_paise),
        "mode": _MODES.get(refund.payment.method, ""),
        "action": "refund",
        "token": refund.reference,
        "status": "success",
        "bank_arn": None,
        "settlement_id": None,
        "amount_settled": None,
        "UTR_no": None,
        "value_date": None,
        "refund_mode": "Back to Source",
    }


def _item(row: ReportRow) -> dict[str, str]:
    """A row of the settlement. What went back has PayU's id of the payment and its own request."""
    amount = rupees_from_paise(row.amount_paise)
    action = _action_of(row)
    is_debit = action not in _SIGNED_BY_KIND and row.net_paise < 0
    tax = f"{rupees_from_paise(row.tax_paise)}000"
    return {
        "payuid": row.payment_ref or row.channel_ref,
        "txnid": row.order_ref,
        "txndate": _clock(row.created_at),
        "mode": _MODES.get(Method(row.method), "") if row.method else "",
        "amount": amount,
        "requestid": row.channel_ref if row.payment_ref else "",
        "requestdate": _clock(row.created_at),
        "requestaction": action,
        "requestamount": f"-{amount}" if is_debit else amount,
        "mer_utr": row.utr,
        "mer_service_fee": f"{rupees_from_paise(row.fee_paise)}00",
        "mer_service_tax": f"{rupees_from_paise(row.tax_paise)}00",
        "mer_net_amount": f"{rupees_from_paise(row.net_paise)}00",
        "bank_name": row.network,
        "issuing_bank": row.issuer,
        "merchant_subvention_amount": "0.00",
        "cgst": "0.00000",
        "igst": tax,
        "sgst": "0.00000",
        "PG_TYPE": "",
        "Card Type": row.network,
        "token": "",
    }


def _action_of(row: ReportRow) -> str:
    if row.word == "payment":
        return "capture"
    return "chargeback" if row.dispute_ref else row.word


def _txnid(payment: SamplePayment) -> str:
    return payment.reference or payment.order_ref


def _clock(moment: datetime) -> str:
    return moment.astimezone(INDIA).strftime("%Y-%m-%d %H:%M:%S")


def _json(document: Mapping[str, Any]) -> Wire:
    return Wire(json.dumps(document).encode(), headers={"content-type": "application/json"})


SIMULATION: Final = Simulation(
    tell=tell,
    seal=seal,
    sign=sign,
    report=report,
    answer=answer,
    news=frozenset(_WORDS),
    methods=((Method.UPI, 60), (Method.CARD, 25), (Method.NETBANKING, 10), (Method.WALLET, 5)),
    share=8,  # every notice of it is asked about
    merchant_id=KEY,
    is_ordered=False,  # its API answers one payment of an order, and every notice is asked about
    refs={
        "payment": "4039937155########",
        "order": "T####################",
        "refund": "1312######",
        "settlement": "8599910############",
        "dispute": "CB########",
        "row": "1319######",
    },
)
