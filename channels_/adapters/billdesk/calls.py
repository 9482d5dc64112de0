"""What we ask BillDesk: objects of the API by default, pipe messages where ``protocol`` is pipe.

An error answer is a no only when it is signed and says that the request was not even taken; a
refund that may exist already is never called declined. The pipe questions (0122 and 0400) are
unconfirmed beyond their common use, so every field that decides must be there and be proved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from channels_.adapters.billdesk.codes import REFUND_STATUSES, REFUSALS
from channels_.adapters.billdesk.notices import (
    BILL_FIELD,
    CONSUMER_FIELD,
    LEFT,
    amount_of,
    check_merchant,
    from_pipes,
    payment_of,
    refund_of,
)
from channels_.adapters.billdesk.wires import open_message, open_token, piped, sealed
from channels_.contract import (
    LONG_AGO,
    Call,
    Declined,
    Exchange,
    Notice,
    NoticeKind,
    Order,
    Ordered,
    Outcome,
    RefundAsk,
    Setup,
    StatusAsk,
    Wire,
)
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed, Unverified
from cspdcl.kernel.money import rupees_from_paise

API: Final = "/payments/ve1_2"
QUERY: Final = "/pgidsk/PGIQueryController"
REFUND_DESK: Final = "/pgidsk/PGIRefundController"
CHECKOUT_URL: Final = "https://pgi.billdesk.com/pgidsk/PGIMerchantPayment"
CURRENCY: Final = "356"
FREE_FIELDS: Final = 7
DEVICE: Final[Mapping[str, str]] = {
    "init_channel": "internet",
    "ip": "127.0.0.1",
    "user_agent": "Mozilla/5.0",
    "accept_header": "text/html",
}

# The right end of the answer to a query, behind its free fields.
QUERY_RIGHT: Final = (
    *("transaction_error_code", "transaction_error_desc", "filler", "refund_status"),
    *("refunded_amount", "refund_date", "refundid", "query_status"),
)
REFUND_ANSWER: Final = (
    *("type", "mercid", "transactionid", "transaction_day", "orderid", "txn_amount"),
    *("refund_amount", "refund_moment", "refund_status", "refundid", "error_code"),
    *("error_reason", "process_status"),
)


def plain_id(reference: str) -> str:
    """Our reference as BillDesk takes it: letters and digits only."""
    return reference.replace("-", "")


def _is_pipe(setup: Setup) -> bool:
    return setup.settings.get("protocol") == "pipe"


def _ask_api(place: str, said: Mapping[str, Any], setup: Setup) -> Call:
    return Call(
        url=f"{setup.api_url}{API}/{place}",
        headers={
            "Content-Type": "application/jose",
            "Accept": "application/jose",
            "BD-Traceid": setup.nonce,
            "BD-Timestamp": _timestamp(setup),
        },
        body=sealed(said, setup).encode(),
    )


def _ask_pipe(place: str, words: Sequence[str], setup: Setup) -> Call:
    return Call(
        url=setup.api_url + place,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode({"msg": piped(words, setup)}).encode(),
    )


def _timestamp(setup: Setup) -> str:
    form = setup.settings.get("timestamp", "seconds")
    if form == "milliseconds":
        return str(int(setup.at.timestamp()) * 1000 + setup.at.microsecond // 1000)
    if form == "clock":
        return _clock(setup.at)
    return str(int(setup.at.timestamp()))


def _clock(moment: datetime) -> str:
    return moment.astimezone(INDIA).strftime("%Y%m%d%H%M%S")


def _iso(moment: datetime) -> str:
    return moment.astimezone(INDIA).replace(microsecond=0).isoformat()


def _said(wire: Wire, setup: Setup) -> Mapping[str, Any]:
    """The signed object of an answer, a refusal included; what is not signed says nothing."""
    if wire.status >= 500:
        raise Malformed(f"expected an answer, got HTTP {wire.status}")
    try:
        said = open_token(wire.body.decode("utf-8").strip(), setup)
        if "mercid" in said:
            check_merchant(said, setup)
    except (Unverified, UnicodeDecodeError) as error:
        raise Malformed(f"HTTP {wire.status}: an answer that is not signed: {error}") from error
    return said


def _told(wire: Wire, setup: Setup) -> Mapping[str, Any]:
    """The object of a good answer; Declined for a signed no."""
    said = _said(wire, setup)
    if wire.status == 200 and "error_type" not in said:
        return said
    code = str(said.get("error_code", ""))[:64]
    if wire.status in (400, 422) and str(said.get("error_type")) in REFUSALS:
        raise Declined(code or str(wire.status), str(said.get("message", ""))[:200])
    raise Malformed(f"HTTP {wire.status}: {said.get('error_type')!r} {code}")


def _answered(wire: Wire, setup: Setup, *, kind: str) -> list[str]:
    """The fields of a pipe answer of the kind that was asked for."""
    if wire.status != 200:
        raise Malformed(f"expected HTTP 200, got {wire.status}")
    try:
        fields = open_message(wire.body.decode("utf-8").strip(), setup)
    except (Unverified, UnicodeDecodeError) as error:
        raise Malformed(f"an answer that is not proved: {error}") from error
    if fields[0] != kind or len(fields) < 2 or setup.merchant_id not in ("", fields[1]):
        raise Malformed(f"expected an answer {kind} for us, got {fields[0][:10]!r}")
    return fields


# ---- orders -------------------------------------------------------------------------------------


def _order_call(order: Order, setup: Setup) -> Call:
    if _is_pipe(setup):
        raise Declined("pipe", "the pipe protocol takes an order from the payer's browser")
    device = setup.settings.get("device") or {}
    return _ask_api(
        "orders/create",
        {
            "mercid": setup.merchant_id,
            "orderid": plain_id(order.reference),
            "amount": rupees_from_paise(order.amount_paise),
            "order_date": _iso(setup.at),
            "currency": CURRENCY,
            "ru": order.return_url,
            "itemcode": str(setup.settings.get("itemcode", "DIRECT")),
            "additional_info": _free_fields(order, setup),
            "device": {**DEVICE, **device},
        },
        setup,
    )


def _read_order(wire: Wire, setup: Setup, order: Order) -> Ordered:
    said = _told(wire, setup)
    order_id = plain_id(order.reference)
    if said.get("orderid") != order_id or said.get("status") != "ACTIVE":
        raise Malformed(f"expected the order {order_id}, ACTIVE")
    links = said.get("links")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, Mapping) and link.get("rel") == "redirect":
            return _ordered(link, said, order_id)
    raise Malformed("expected a link to go on")


def _ordered(link: Mapping[str, Any], said: Mapping[str, Any], order_id: str) -> Ordered:
    """The link for the payer with its fields; the pass beside it goes with them."""
    href, fields, headers = link.get("href"), link.get("parameters"), link.get("headers")
    if not isinstance(href, str) or not href.startswith("https://"):
        raise Malformed("expected a link with https")
    form = {"mercid": str(said.get("mercid", "")), "bdorderid": str(said.get("bdorderid", ""))}
    if isinstance(fields, Mapping):
        form |= {str(name): str(value) for name, value in fields.items()}
    token = headers.get("authorization") if isinstance(headers, Mapping) else None
    if "rdata" not in form and isinstance(token, str):
        form["authToken"] = token
    return Ordered(order_ref=order_id, pay_url=href, form=form)


def checkout(order: Order, setup: Setup) -> Ordered:
    """The form of the pipe protocol for the payer's browser: no call of ours is needed."""
    if not _is_pipe(setup):
        raise Declined("jose", "the API takes an order by a call")
    order_id = plain_id(order.reference)
    free = list(_free_fields(order, setup).values())
    words = [
        *(setup.merchant_id, order_id, "NA", rupees_from_paise(order.amount_paise)),
        *("NA", "NA", "NA", "INR", "NA", "R", str(setup.settings.get("security_id", "NA"))),
        *("NA", "NA", "F", *free, order.return_url),
    ]
    url = str(setup.settings.get("checkout_url", CHECKOUT_URL))
    return Ordered(order_ref=order_id, pay_url=url, form={"msg": piped(words, setup)})


def _free_fields(order: Order, setup: Setup) -> dict[str, str]:
    free = {f"additional_info{number}": "NA" for number in range(1, FREE_FIELDS + 1)}
    for key, default, value in (
        ("consumer_field", CONSUMER_FIELD, order.consumer_number),
        ("bill_field", BILL_FIELD, order.bill_number),
    ):
        name = str(setup.settings.get(key, default))
        if name in free and value:
            free[name] = value.replace("|", " ")
    return free


# ---- status -------------------------------------------------------------------------------------


def _status_call(ask: StatusAsk, setup: Setup) -> Call:
    order_id = ask.order_ref or plain_id(ask.reference)
    if _is_pipe(setup):
        return _ask_pipe(QUERY, ["0122", setup.merchant_id, order_id, _clock(setup.at)], setup)
    return _ask_api("transactions/get", {"mercid": setup.merchant_id, "orderid": order_id}, setup)


def _read_status(wire: Wire, setup: Setup, ask: StatusAsk) -> Sequence[Notice]:
    """What became of it; nothing when BillDesk does not know it, which is no failure."""
    said = _queried(wire, setup) if _is_pipe(setup) else _retrieved(wire, setup)
    if said is None:
        return []
    wanted = ask.order_ref or plain_id(ask.reference)
    if said.get("orderid") != wanted:
        raise Malformed(f"asked for {wanted}, told of another order")
    notice = payment_of(said, setup.settings)
    return [notice] if notice.kind is NoticeKind.PAYMENT else []


def _retrieved(wire: Wire, setup: Setup) -> Mapping[str, Any] | None:
    if wire.status == 404:
        _said(wire, setup)  # only a signed "not found" is one
        return None
    said = _told(wire, setup)
    if said.get("objectid") != "transaction":
        raise Malformed(f"expected a transaction, got {str(said.get('objectid'))[:40]!r}")
    return said


def _queried(wire: Wire, setup: Setup) -> Mapping[str, Any] | None:
    """The answer 0130; None when it says that the query found nothing."""
    fields = _answered(wire, setup, kind="0130")
    if len(fields) <= len(LEFT) + len(QUERY_RIGHT):
        raise Malformed(f"expected more than {len(LEFT) + len(QUERY_RIGHT)} fields")
    said = from_pipes(fields[1:], right=QUERY_RIGHT)
    status = said.get("query_status")
    if status not in ("Y", "N"):
        raise Malformed(f"expected the status of the query Y or N, got {str(status)[:10]!r}")
    return said if status == "Y" else None


# ---- refunds ------------------------------------------------------------------------------------


def _refund_call(ask: RefundAsk, setup: Setup) -> Call:
    order_id = ask.order_ref or plain_id(ask.payment_reference)
    paid, back = rupees_from_paise(ask.paid_paise), rupees_from_paise(ask.amount_paise)
    if ask.paid_at == LONG_AGO:
        raise Declined("no_date", "BillDesk wants the moment of the payment with its refund")
    if _is_pipe(setup):
        day = ask.paid_at.astimezone(INDIA).strftime("%Y%m%d")
        words = ["0400", setup.merchant_id, ask.channel_ref, day, order_id, paid, back]
        words += [_clock(setup.at), plain_id(ask.reference), "NA", "NA", "NA"]
        return _ask_pipe(REFUND_DESK, words, setup)
    return _ask_api(
        "refunds/create",
        {
            "mercid": setup.merchant_id,
            "orderid": order_id,
            "transactionid": ask.channel_ref,
            "transaction_date": _iso(ask.paid_at),
            "txn_amount": paid,
            "refund_amount": back,
            "currency": CURRENCY,
            "merc_refund_ref_no": plain_id(ask.reference),
        },
        setup,
    )


def _read_refund(wire: Wire, setup: Setup, ask: RefundAsk) -> Notice:
    if not _is_pipe(setup):
        return _own_refund(refund_of(_told(wire, setup), setup.settings), ask)
    fields = _answered(wire, setup, kind="0410")
    if len(fields) != len(REFUND_ANSWER):
        raise Malformed(f"expected {len(REFUND_ANSWER)} fields, got {len(fields)}")
    said = dict(zip(REFUND_ANSWER, fields, strict=True))
    if said["process_status"] != "Y" or said["refund_status"] not in REFUND_STATUSES:
        # Its words for a no are not confirmed, so nothing here is a definite one.
        raise Malformed(f"refund {ask.reference}: {said['error_code']} {said['error_reason']}")
    notice = Notice(
        kind=NoticeKind.REFUND,
        event=f"refund {said['refund_status']}",
        outcome=Outcome.PENDING,
        reference=plain_id(ask.reference),
        channel_ref=said["transactionid"],
        refund_ref=said["refundid"],
        amount_paise=amount_of(said, "refund_amount"),
        occurred_at=setup.at,
        code=said["refund_status"],
    )
    return _own_refund(notice, ask)


def _refund_status_call(ask: RefundAsk, setup: Setup) -> Call:
    if _is_pipe(setup):
        order_id = ask.order_ref or plain_id(ask.payment_reference)
        return _ask_pipe(QUERY, ["0122", setup.merchant_id, order_id, _clock(setup.at)], setup)
    named = (
        {"refundid": ask.refund_ref}
        if ask.refund_ref
        else {"merc_refund_ref_no": plain_id(ask.reference)}
    )
    return _ask_api("refunds/get", {"mercid": setup.merchant_id, **named}, setup)


def _read_refund_status(wire: Wire, setup: Setup, ask: RefundAsk) -> Notice:
    if _is_pipe(setup):
        return _last_refund(_queried(wire, setup) or {}, setup, ask)
    if wire.status == 404:
        said = _said(wire, setup)
        raise Declined("not_found", str(said.get("message", ""))[:200])
    return _own_refund(refund_of(_told(wire, setup), setup.settings), ask)


def _last_refund(said: Mapping[str, Any], setup: Setup, ask: RefundAsk) -> Notice:
    """A query tells only the last refund of a payment: another one leaves ours unclear."""
    if not ask.refund_ref or said.get("refundid") != ask.refund_ref:
        raise Malformed(f"the query does not tell of the refund {ask.reference}")
    status = str(said.get("refund_status"))
    return Notice(
        kind=NoticeKind.REFUND,
        event=f"refund {status}"[:64],
        outcome=REFUND_STATUSES.get(status, Outcome.PENDING),
        reference=ask.reference,
        channel_ref=ask.channel_ref,
        refund_ref=ask.refund_ref,
        amount_paise=ask.amount_paise,
        occurred_at=setup.at,
        code=status[:64],
    )


def _own_refund(notice: Notice, ask: RefundAsk) -> Notice:
    """The notice under our own reference, when it is of what we asked for."""
    if notice.channel_ref != ask.channel_ref or plain_id(notice.reference) != plain_id(
        ask.reference
    ):
        raise Malformed("told of another refund")
    if notice.amount_paise != ask.amount_paise:
        raise Malformed(f"refund {ask.reference} is of another amount there")
    if ask.refund_ref and notice.refund_ref != ask.refund_ref:
        raise Malformed(f"refund {ask.reference} has another id there")
    return replace(notice, reference=ask.reference)


ORDER: Final = Exchange(call=_order_call, read=_read_order)
STATUS: Final = Exchange(call=_status_call, read=_read_status)
REFUND: Final = Exchange(call=_refund_call, read=_read_refund)
REFUND_STATUS: Final = Exchange(call=_refund_status_call, read=_read_refund_status)
