"""What we ask PayU: one address for all commands, each signed with sha512 over four words.

Only what PayU says plainly is believed: "not found" is no failure, an answer that is not the
documented shape is Malformed, and a refund that may exist already is never called declined.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import urlencode

from channels_ import json_strict
from channels_.adapters.payu.codes import (
    REFUND_ACTIONS,
    REFUND_STATUSES,
    REFUSED_REFUNDS,
)
from channels_.adapters.payu.fields import amount_of, text_of, texts_of
from channels_.adapters.payu.notices import SECRET, UDFS
from channels_.adapters.payu.payments import BILL_FIELD, CONSUMER_FIELD, SIGNED_FIELDS, payment_of
from channels_.contract import (
    Call,
    Declined,
    Exchange,
    Notice,
    NoticeKind,
    Order,
    Ordered,
    Outcome,
    Pulled,
    PulledReport,
    RefundAsk,
    Setup,
    StatusAsk,
    Window,
    Wire,
)
from cspdcl.kernel.clock import INDIA, business_date
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import rupees_from_paise

SERVICE: Final = "/merchant/postservice?form=2"
RANGE: Final = "/settlement/range"
CHECKOUT_URL: Final = "https://secure.payu.in/_payment"
PRODUCT: Final = "Electricity bill"
PAGE_SIZE: Final = 2000
RANGE_PAGE_SIZE: Final = 500
TOKEN_MAX: Final = 23  # of a refund, as documented

_REQUEST: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def signed(key: str, command: str, var1: str, *, salt: str) -> str:
    """The hash of a command, lower-case hex."""
    return hashlib.sha512(f"{key}|{command}|{var1}|{salt}".encode()).hexdigest()


def service_call(command: str, setup: Setup, **variables: str) -> Call:
    """A command to the one address that takes them all."""
    key, salt = setup.merchant_id, setup.secrets[SECRET]
    fields = {
        "key": key,
        "command": command,
        **variables,
        "hash": signed(key, command, variables["var1"], salt=salt),
    }
    return Call(
        url=setup.api_url + SERVICE,
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        },
        body=urlencode(fields).encode(),
    )


# ---- orders -------------------------------------------------------------------------------------


def checkout(order: Order, setup: Setup) -> Ordered:
    """The form for the payer's browser to post to PayU's page: no call of ours is needed."""
    if setup.settings.get("order_by") == "link":
        raise Declined("link", "orders are made by a call here")
    fields = {
        "key": setup.merchant_id,
        **_order_fields(order, setup),
        "surl": order.return_url,
        "furl": order.return_url,
    }
    form = {name: value for name, value in fields.items() if value}
    form["hash"] = request_hash(fields, salt=setup.secrets[SECRET])
    url = str(setup.settings.get("checkout_url", CHECKOUT_URL))
    return Ordered(order_ref=order.reference, pay_url=url, form=form)


def request_hash(fields: Mapping[str, str], *, salt: str) -> str:
    """What a payment page is opened with: key to udf10 and the salt at the end."""
    names = ("key", "txnid", "amount", "productinfo", "firstname", "email", *UDFS)
    words = [*(fields.get(name, "") for name in names), salt]
    return hashlib.sha512("|".join(words).encode()).hexdigest()


def _order_fields(order: Order, setup: Setup) -> dict[str, str]:
    told = {
        "txnid": order.reference,
        "amount": rupees_from_paise(order.amount_paise),
        "productinfo": str(setup.settings.get("product", PRODUCT)),
        "firstname": order.payer_name,
        "email": order.email or str(setup.settings.get("email", "")),
        "phone": order.mobile,
    }
    for key, default, value in (
        ("consumer_field", CONSUMER_FIELD, order.consumer_number),
        ("bill_field", BILL_FIELD, order.bill_number),
    ):
        name = str(setup.settings.get(key, default))
        if name in SIGNED_FIELDS:
            told[name] = value
    # The separator of the hash must not be in what it separates.
    return {name: value.replace("|", " ") for name, value in told.items()}


def _order_call(order: Order, setup: Setup) -> Call:
    invoice = {**_order_fields(order, setup), "send_email_now": "0"}
    if order.expires_at is not None:
        minutes = max(1, int((order.expires_at - setup.at).total_seconds()) // 60)
        invoice |= {"validation_period": str(minutes), "time_unit": "M"}
    return service_call("create_invoice", setup, var1=json.dumps(invoice))


def _read_order(wire: Wire, _setup: Setup, order: Order) -> Ordered:
    said = _answer(wire)
    url = text_of(said.get("URL"))
    is_made = text_of(said.get("Status")).lower() == "success" and url.startswith("https://")
    if is_made and text_of(said.get("Transaction Id")) == order.reference:
        return Ordered(order_ref=order.reference, pay_url=url)
    message = text_of(said.get("msg"))
    if text_of(said.get("status")) == "0" and message.startswith("Invalid"):
        raise Declined("invalid", message[:200])
    raise Malformed(f"no payment page for {order.reference}: {message[:120]!r}")


# ---- status and news ----------------------------------------------------------------------------


def _status_call(ask: StatusAsk, setup: Setup) -> Call:
    if _is_known_by_payu_alone(ask):
        return service_call("check_payment", setup, var1=ask.channel_ref)
    return service_call("verify_payment", setup, var1=ask.order_ref or ask.reference)


def _is_known_by_payu_alone(ask: StatusAsk) -> bool:
    """Whether the txnid is not our reference: a QR's own, or a second success of one txnid."""
    return bool(ask.channel_ref) and ask.order_ref not in ("", ask.reference)


def _read_status(wire: Wire, setup: Setup, ask: StatusAsk) -> Sequence[Notice]:
    """What became of it; nothing when PayU has not heard of it, which is no failure."""
    details = _answer(wire).get("transaction_details")
    wanted = ask.order_ref or ask.reference
    by_payu_id = _is_known_by_payu_alone(ask)
    found = details if by_payu_id else _mapping(details).get(wanted)
    if not isinstance(found, Mapping):
        raise Malformed(f"expected transaction_details of {wanted}")
    fields = dict(texts_of(found))
    if "not found" in (fields.get("status", "").lower(), fields.get("mihpayid", "").lower()):
        return []
    if fields.setdefault("txnid", wanted) != wanted:
        raise Malformed(f"asked for {wanted}, told of another txnid")
    # check_payment writes its id as a number that lost its last digits: the one we asked by counts.
    mihpayid = ask.channel_ref if by_payu_id else fields.get("mihpayid", "")
    return [
        payment_of(
            fields,
            mihpayid=mihpayid,
            amount_names=("amt", "amount", "transaction_amount"),
            settings=setup.settings,
        )
    ]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _history_call(window: Window, setup: Setup) -> Call:
    return service_call(
        "get_transaction_info", setup, var1=_clock(window.since), var2=_clock(window.until)
    )


def _read_history(wire: Wire, setup: Setup, _window: Window) -> Pulled:
    said = _answer(wire)
    rows = said.get("Transaction_details")
    if text_of(said.get("status")) != "1" or not isinstance(rows, list):
        raise Malformed("expected status 1 and a list of Transaction_details")
    notices = []
    for row in rows:
        fields = dict(texts_of(json_strict.object_at(row)))
        if fields.get("action", "capture").lower() != "capture":
            continue  # a refund is followed by its own question
        notices.append(
            payment_of(
                fields,
                mihpayid=fields.get("id", ""),
                amount_names=("amount",),
                settings=setup.settings,
            )
        )
    return Pulled(notices=notices)


def _clock(moment: datetime) -> str:
    return moment.astimezone(INDIA).strftime("%Y-%m-%d %H:%M:%S")


# ---- refunds ------------------------------------------------------------------------------------


def token_of(reference: str) -> str:
    """Our reference of a refund as PayU takes it: at most 23 characters, equal on every try."""
    if len(reference) <= TOKEN_MAX:
        return reference
    return hashlib.sha256(reference.encode()).hexdigest()[:TOKEN_MAX]


def _refund_call(ask: RefundAsk, setup: Setup) -> Call:
    return service_call(
        "cancel_refund_transaction",
        setup,
        var1=ask.channel_ref,
        var2=token_of(ask.reference),
        var3=rupees_from_paise(ask.amount_paise),
    )


def _read_refund(wire: Wire, setup: Setup, ask: RefundAsk) -> Notice:
    said = texts_of(_answer(wire))
    code = said.get("error_code", "")
    if said.get("status") == "1":
        refund_ref = said.get("request_id") or said.get("txn_update_id", "")
        if not _REQUEST.fullmatch(refund_ref):
            raise Malformed("expected the request_id of the refund")
        if said.get("mihpayid") not in ("", None, ask.channel_ref):
            raise Malformed("told of the refund of another payment")
        return _refund_notice(ask, refund_ref, "queued", at=setup.at, code=code)
    if code in REFUSED_REFUNDS:
        raise Declined(code, said.get("msg", "")[:200])
    raise Malformed(f"refund {ask.reference}: status {said.get('status')!r}, code {code!r}")


def _refund_status_call(ask: RefundAsk, setup: Setup) -> Call:
    if ask.refund_ref:
        return service_call("check_action_status", setup, var1=ask.refund_ref)
    return service_call("check_action_status", setup, var1=ask.channel_ref, var2="payuid")


def _read_refund_status(wire: Wire, setup: Setup, ask: RefundAsk) -> Notice:
    """What became of our refund, found by their id or by our token among a payment's actions."""
    said = _answer(wire)
    details = said.get("transaction_details")
    if not isinstance(details, Mapping):
        raise Malformed("expected transaction_details")
    actions = [texts_of(action) for action in _actions(details)]
    for action in actions:
        if _is_ours(action, ask):
            if amount_of(action, "amt") != ask.amount_paise:
                raise Malformed(f"refund {ask.reference} is of another amount there")
            if not _REQUEST.fullmatch(action.get("request_id", "")):
                raise Malformed("expected the request_id of the refund")
            return _refund_notice(
                ask,
                action["request_id"],
                action.get("status", ""),
                at=setup.at,
                rrn=action.get("bank_arn") or action.get("bank_ref_num", ""),
                utr=action.get("UTR_no", ""),
            )
    words = {text_of(word) for word in details.values() if not isinstance(word, Mapping)}
    if actions or words == {"No action status found"}:
        raise Declined("not_found", f"PayU knows no refund {ask.reference}")
    raise Malformed("expected the actions of a payment")


def _actions(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every action, however deep: one level less when asked by request than by payment."""
    if "request_id" in value and "action" in value:
        yield value
        return
    for inner in value.values():
        if isinstance(inner, Mapping):
            yield from _actions(inner)


def _is_ours(action: Mapping[str, str], ask: RefundAsk) -> bool:
    is_refund = action.get("action", "").lower() in REFUND_ACTIONS
    if not is_refund or action.get("mihpayid") != ask.channel_ref:
        return False
    if ask.refund_ref:
        return action.get("request_id") == ask.refund_ref
    return action.get("token") == token_of(ask.reference)


def _refund_notice(
    ask: RefundAsk,
    refund_ref: str,
    word: str,
    *,
    at: datetime,
    code: str = "",
    rrn: str = "",
    utr: str = "",
) -> Notice:
    return Notice(
        kind=NoticeKind.REFUND,
        event=f"refund {word.lower()}"[:64],
        outcome=REFUND_STATUSES.get(word.lower(), Outcome.PENDING),
        reference=ask.reference,
        channel_ref=ask.channel_ref,
        refund_ref=refund_ref,
        amount_paise=ask.amount_paise,
        occurred_at=at,
        rrn=rrn[:32],
        utr=utr[:40].upper(),
        code=(code or word)[:64],
    )


# ---- settlement ---------------------------------------------------------------------------------


def _report_call(window: Window, setup: Setup) -> Call:
    day, page = business_date(window.since), window.cursor or "1"
    if setup.settings.get("settlement_api") == "range":
        return _range_call(day, page, setup)
    return service_call(
        "get_settlement_details",
        setup,
        var1=day.isoformat(),
        var2=page,
        var3=str(_page_size(setup)),
        var5=str(setup.settings.get("settlement_version", "1")),
    )


def _range_call(day: date, page: str, setup: Setup) -> Call:
    query = {
        "dateFrom": day.isoformat(),
        "dateTo": day.isoformat(),
        "pageSize": str(_page_size(setup)),
        "page": page,
    }
    moment = format_datetime(setup.at.astimezone(UTC), usegmt=True)
    signature = hashlib.sha512(f"|{moment}|{setup.secrets[SECRET]}".encode()).hexdigest()
    return Call(
        url=f"{setup.api_url}{RANGE}?{urlencode(query)}",
        method="GET",
        headers={
            "Date": moment,
            "Authorization": (
                f'hmac username="{setup.merchant_id}", algorithm="sha512",'
                f' headers="date", signature="{signature}"'
            ),
        },
    )


def _read_report(wire: Wire, setup: Setup, window: Window) -> PulledReport:
    """The page as it came; a full one may have a next one."""
    said = _answer(wire)
    count = rows_in(said)
    if count is None:
        raise Malformed(f"no settlement: {text_of(said.get('msg') or said.get('message'))[:120]}")
    page = int(window.cursor or "1")
    day = business_date(window.since).isoformat()
    return PulledReport(
        content=wire.body if count else b"",
        name=f"payu-settlement-{day}-{page}.json",
        cursor=str(page + 1) if count >= _page_size(setup) else "",
    )


def rows_in(said: Mapping[str, Any]) -> int | None:
    """How many rows a settlement's answer has; None when it is no such answer."""
    details = said.get("Txn_details")
    if text_of(said.get("status")) == "1" and isinstance(details, Mapping | list):
        return len(details)
    result = said.get("result")
    data = result.get("data") if isinstance(result, Mapping) else None
    if isinstance(data, list):
        return sum(len(one.get("transaction") or ()) for one in data if isinstance(one, Mapping))
    return None


def _page_size(setup: Setup) -> int:
    is_range = setup.settings.get("settlement_api") == "range"
    return int(setup.settings.get("page_size", RANGE_PAGE_SIZE if is_range else PAGE_SIZE))


def _answer(wire: Wire) -> Mapping[str, Any]:
    """The object in an answer; every page of an error is unclear, never a no."""
    if wire.status != 200:
        raise Malformed(f"expected HTTP 200, got {wire.status}")
    return json_strict.object_at(json_strict.loads(wire.body))


ORDER: Final = Exchange(call=_order_call, read=_read_order)
STATUS: Final = Exchange(call=_status_call, read=_read_status)
REFUND: Final = Exchange(call=_refund_call, read=_read_refund)
REFUND_STATUS: Final = Exchange(call=_refund_status_call, read=_read_refund_status)
HISTORY: Final = Exchange(call=_history_call, read=_read_history)
REPORT: Final = Exchange(call=_report_call, read=_read_report)
