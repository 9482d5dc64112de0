"""Paytm's webhooks: JSON or a form, signed with the merchant key, amounts in rupees as text."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from channels_ import form_strict, json_strict
from channels_.adapters.paytm import checksum
from channels_.adapters.paytm.codes import (
    METHODS,
    PAYMENT_TYPES,
    REFUND_STATUSES,
    REFUND_TYPE,
    STATUSES,
    SUCCESS_CODE,
)
from channels_.contract import (
    INDIAN_CURRENCY,
    Inbound,
    Method,
    Notice,
    NoticeKind,
    Outcome,
    Setup,
    Unreadable,
    WrongMerchant,
)
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed, Unverified
from cspdcl.kernel.money import Paise, paise_from_rupees

SECRET: Final = "merchant_key"  # noqa: S105 - the name of the secret, not the secret

SETTINGS: Final[Mapping[str, str]] = {
    "website": "The website name that Paytm gave for orders; DEFAULT unless told.",
    "form_fields": "Names of further fields that a form notification may hold.",
    "report": "Columns, words and dates of the settlement report where they differ (unconfirmed).",
}

FORM_CHECKSUM: Final = "CHECKSUMHASH"

# The fields of the form notification and what the JSON one calls them.
FORM: Final[Mapping[str, str]] = {
    "MID": "mid",
    "ORDERID": "orderId",
    "TXNID": "txnId",
    "TXNAMOUNT": "txnAmount",
    "CURRENCY": "currency",
    "STATUS": "status",
    "RESPCODE": "respCode",
    "RESPMSG": "respMsg",
    "TXNTYPE": "txnType",
    "PAYMENTMODE": "paymentMode",
    "BANKTXNID": "bankTxnId",
    "BANKNAME": "bankName",
    "TXNDATE": "txnDate",
    "GATEWAYNAME": "gatewayName",
    "MERC_UNQ_REF": "merchantUniqueReference",
    "UDF_1": "udf1",
}
_FORM_MUST: Final = ("MID", "ORDERID", "TXNAMOUNT", "CURRENCY", "STATUS", "RESPCODE")
_FORM_UNREAD: Final = frozenset(
    {
        *("UDF_2", "UDF_3", "ADDITIONAL_PARAM", "BIN", "CARDLAST4", "CUSTID", "SUBS_ID", "VPA"),
        *("PROMO_CAMP_ID", "PROMO_STATUS", "PROMO_RESPCODE", "CHILDTXNLIST", "CHARGEAMOUNT"),
    }
)

_REF: Final = re.compile(r"[A-Za-z0-9._@/-]{1,64}")
_NUMBER: Final = re.compile(r"[0-9]{6,12}")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d{1,6})?")

_Body = Mapping[str, Any]


def verify(inbound: Inbound, setup: Setup) -> None:
    """Prove that the merchant key signed the message, and that it is meant for us."""
    try:
        if _is_json(inbound):
            body = _verify_json(inbound.body, setup)
        else:
            body = _verify_form(inbound.body, setup)
    except Malformed as error:
        raise Unverified(f"no signed message: {error}") from error
    check_merchant(body, setup)


def parse(inbound: Inbound, _setup: Setup) -> Sequence[Notice]:
    """What one notification says. A type we do not know is kept as ignored, with its word."""
    body = _body_of(inbound)
    kind = json_strict.text_at(body, "txnType").upper()
    if kind == REFUND_TYPE or body.get("refundId") is not None:
        return [_refund(body)]
    if kind not in PAYMENT_TYPES:
        return [Notice(kind=NoticeKind.IGNORED, event=kind[:64], code=kind[:64])]
    return [_payment(body)]


def check_merchant(body: _Body, setup: Setup) -> None:
    """Refuse what is signed for another merchant; notices of refunds name none."""
    told = body.get("mid")
    if setup.merchant_id and told is not None and told != setup.merchant_id:
        raise WrongMerchant("the message names another merchant")


def payment_notice(body: _Body, *, event: str, outcome: Outcome, amount: Paise) -> Notice:
    """A payment as webhooks and status answers tell it."""
    order = ref_at(body, "orderId")
    channel_ref = json_strict.text_at(body, "txnId", at_most=64)
    if not channel_ref and outcome is Outcome.SUCCEEDED:
        raise Malformed("expected a txnId of a payment that succeeded")
    is_failed = outcome is Outcome.FAILED
    return Notice(
        kind=NoticeKind.PAYMENT,
        event=event,
        outcome=outcome,
        reference=order,
        # An attempt that ended before Paytm numbered it goes by its order; a success has its own.
        channel_ref=channel_ref or order,
        order_ref=order,
        amount_paise=amount,
        occurred_at=moment_at(body, "txnDate"),
        method=METHODS.get(json_strict.text_at(body, "paymentMode"), Method.UNKNOWN),
        rrn=json_strict.text_at(body, "bankTxnId", at_most=32),
        consumer_number=_matching(_NUMBER, body.get("merchantUniqueReference")),
        bill_number=_matching(_REF, body.get("udf1"))[:20],
        payer=json_strict.text_at(body, "vpa", at_most=120),
        code=_code(body, outcome),
        detail=json_strict.text_at(body, "respMsg")[:200] if is_failed else "",
    )


def ref_at(body: _Body, name: str) -> str:
    """An identifier that must be there."""
    found = _matching(_REF, body.get(name))
    if not found:
        raise Malformed(f"expected an identifier as {name}")
    return found


def rupees_at(body: _Body, name: str) -> Paise:
    """An amount above zero, written as text in rupees."""
    text = json_strict.text_at(body, name, at_most=20)
    try:
        paise = paise_from_rupees(text)
    except ValueError as error:
        raise Malformed(f"{name}: {error}") from error
    if paise <= 0:
        raise Malformed(f"expected an amount above zero as {name}")
    return paise


def moment_at(body: _Body, name: str) -> datetime | None:
    """A moment on India's clock, if there is one."""
    text = json_strict.text_at(body, name, at_most=40)
    if not text:
        return None
    if not _DATE.fullmatch(text):
        raise Malformed(f"expected a moment like 2026-08-18 11:05:00.0 as {name}")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=INDIA)
    except ValueError as error:
        raise Malformed(f"{name}: {error}") from error


def _payment(body: _Body) -> Notice:
    _rupees_only(body)
    status = json_strict.text_at(body, "status")
    outcome = STATUSES.get(status, Outcome.PENDING)
    code = json_strict.text_at(body, "respCode")
    if outcome is Outcome.SUCCEEDED and code and code != SUCCESS_CODE:
        raise Malformed(f"{status} with the code {code!r}, expected {SUCCESS_CODE}")
    return payment_notice(
        body, event=status[:64] or "webhook", outcome=outcome, amount=rupees_at(body, "txnAmount")
    )


def _refund(body: _Body) -> Notice:
    status = json_strict.text_at(body, "status")
    outcome = REFUND_STATUSES.get(status, Outcome.PENDING)
    is_accepted_only = "acceptRefundTimestamp" in body and "userCreditInitiateTimestamp" not in body
    if is_accepted_only and outcome is Outcome.SUCCEEDED:
        outcome = Outcome.PENDING
    at = moment_at(body, "userCreditInitiateTimestamp") or moment_at(body, "acceptRefundTimestamp")
    return Notice(
        kind=NoticeKind.REFUND,
        event="refund.accepted" if is_accepted_only else "refund",
        outcome=outcome,
        reference=ref_at(body, "refId"),
        channel_ref=ref_at(body, "txnId"),
        order_ref=ref_at(body, "orderId"),
        refund_ref=ref_at(body, "refundId"),
        amount_paise=rupees_at(body, "refundAmount"),
        occurred_at=at or moment_at(body, "txnDate"),
        rrn=json_strict.text_at(body, "bankTxnId", at_most=32),
        code=json_strict.text_at(body, "rejectRefundReasonCode", at_most=64) or status[:64],
        detail=json_strict.text_at(body, "rejectRefundReasonMessage")[:200],
    )


def _verify_json(raw: bytes, setup: Setup) -> _Body:
    document = json_strict.object_at(json_strict.loads(raw))
    given = json_strict.text_at(json_strict.object_at(document, "head"), "signature")
    signed = checksum.member(raw.decode(), "body")
    checksum.check(signed, checksum=given, key=setup.secrets.get(SECRET, ""))
    return json_strict.object_at(document, "body")


def _verify_form(raw: bytes, setup: Setup) -> _Body:
    fields = dict(form_strict.loads(raw))
    # Base64 has no blank: where one stands, a plus was sent without being escaped.
    given = fields.pop(FORM_CHECKSUM, "").replace(" ", "+")
    missing = [name for name in _FORM_MUST if name not in fields]
    if missing:
        raise Unverified(f"expected the fields {missing}")
    # Only values are signed. A name that nobody agreed on may be a signed value under a new name.
    strange = sorted(set(fields) - FORM.keys() - _FORM_UNREAD - _agreed_fields(setup))
    if strange:
        raise Unverified(f"fields that nobody agreed on: {strange[:5]}")
    text = checksum.text_of_form(fields)
    checksum.check(text, checksum=given, key=setup.secrets.get(SECRET, ""))
    return _as_json(fields)


def _agreed_fields(setup: Setup) -> frozenset[str]:
    told = setup.settings.get("form_fields", ())
    return frozenset(told) if isinstance(told, list | tuple) else frozenset()


def _body_of(inbound: Inbound) -> _Body:
    if _is_json(inbound):
        document = json_strict.object_at(json_strict.loads(inbound.body))
        return json_strict.object_at(document, "body")
    fields = form_strict.loads(inbound.body)
    missing = [name for name in _FORM_MUST if name not in fields]
    if missing:
        raise Unreadable(f"expected the fields {missing}")
    return _as_json(fields)


def _as_json(fields: Mapping[str, str]) -> _Body:
    """A form in the names of the JSON notification; "null" means nothing there."""
    return {
        FORM[name]: "" if value.lower() == "null" else value
        for name, value in fields.items()
        if name in FORM
    }


def _is_json(inbound: Inbound) -> bool:
    return inbound.body.lstrip().startswith(b"{")


def _code(body: _Body, outcome: Outcome) -> str:
    code = json_strict.text_at(body, "respCode", at_most=64)
    status = json_strict.text_at(body, "status", at_most=64)
    return (code or status) if outcome is Outcome.FAILED else (status or code)


def _rupees_only(body: _Body) -> None:
    currency = body.get("currency")
    if currency != INDIAN_CURRENCY:
        raise Malformed(f"expected {INDIAN_CURRENCY}, got {currency!r}")


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    """The value when it is such a text, else nothing: a free field may hold anything."""
    text = value.strip() if isinstance(value, str) else ""
    return text if pattern.fullmatch(text) else ""
