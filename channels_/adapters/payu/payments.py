"""One payment as PayU tells it: the same reading for notices and for the answers of its API."""

import re
from collections.abc import Mapping
from typing import Any, Final

from channels_.adapters.payu.codes import METHODS, NOT_CAPTURED, STATUSES, UNDECIDED
from channels_.adapters.payu.fields import Fields, amount_of, moment_of
from channels_.contract import Method, Notice, NoticeKind, Outcome
from cspdcl.kernel.errors import Malformed

# Which signed fields carry whom the money is for, unless the settings say otherwise.
SIGNED_FIELDS: Final = ("udf1", "udf2", "udf3", "udf4", "udf5")
CONSUMER_FIELD: Final = "udf1"
BILL_FIELD: Final = "udf2"

_REF: Final = re.compile(r"[A-Za-z0-9_-]{4,64}")
_TXNID: Final = re.compile(r"[A-Za-z0-9._/-]{1,64}")
_REFERENCE: Final = re.compile(r"[A-Za-z0-9._/-]{1,32}")
_NUMBER: Final = re.compile(r"\d{6,12}")
_BILL: Final = re.compile(r"[A-Za-z0-9._/-]{1,20}")
_VPA: Final = re.compile(r"[A-Za-z0-9._-]{2,80}@[A-Za-z][A-Za-z0-9]{1,30}")
_NPCI: Final = re.compile(r"([A-Z0-9]{2,3})\|")
_LAST4: Final = re.compile(r"\d{4}$")


def payment_of(
    fields: Fields, *, mihpayid: str, amount_names: tuple[str, ...], settings: Mapping[str, Any]
) -> Notice:
    """The payment of one set of fields. Signed ones first: their faults are told first."""
    txnid = fields.get("txnid", "")
    if not _TXNID.fullmatch(txnid):
        raise Malformed("expected an identifier as txnid")
    amount = amount_of(fields, *amount_names)
    if fields.get("currency", "INR") not in ("INR", ""):
        raise Malformed(f"expected INR, got {fields['currency'][:10]!r}")
    if not _REF.fullmatch(mihpayid):
        raise Malformed("expected an identifier as mihpayid")
    status = fields.get("status", "").lower()
    code, outcome = _outcome(fields, status)
    bank_ref = fields.get("bank_ref_num") or fields.get("bank_ref_no", "")
    return Notice(
        kind=NoticeKind.PAYMENT,
        event=f"payment {status}"[:64],
        outcome=outcome,
        reference=txnid if _REFERENCE.fullmatch(txnid) else "",
        channel_ref=mihpayid,
        order_ref=txnid,
        amount_paise=amount,
        occurred_at=moment_of(fields.get("addedon", "")),
        method=METHODS.get(fields.get("mode", "").upper(), Method.UNKNOWN),
        rrn="" if bank_ref.upper() in ("NA", "NULL") else bank_ref[:32],
        consumer_number=_agreed(fields, settings, "consumer_field", CONSUMER_FIELD, _NUMBER),
        bill_number=_agreed(fields, settings, "bill_field", BILL_FIELD, _BILL),
        payer=_payer(fields),
        code=code[:64],
        detail=_detail(fields)[:200] if outcome is not Outcome.SUCCEEDED else "",
    )


def _outcome(fields: Fields, status: str) -> tuple[str, Outcome]:
    """Their word and what it means; a failure that nobody is sure of is no failure yet."""
    outcome = STATUSES.get(status, Outcome.PENDING)
    unmapped = fields.get("unmappedstatus", "")
    if status not in STATUSES:
        return status, Outcome.PENDING
    if outcome is Outcome.SUCCEEDED:
        is_held = unmapped.lower() in NOT_CAPTURED
        return unmapped or status, Outcome.PENDING if is_held else outcome
    if outcome is Outcome.PENDING:
        return unmapped or status, outcome
    found = _NPCI.match(fields.get("field9", ""))
    if found is not None:
        return found[1], Outcome.PENDING if found[1] in UNDECIDED else outcome
    return fields.get("error") or fields.get("error_code") or unmapped or status, outcome


def _agreed(
    fields: Fields,
    settings: Mapping[str, Any],
    key: str,
    default: str,
    pattern: re.Pattern[str],
) -> str:
    """The value of the field that was agreed on; only a signed one may say whose money it is."""
    name = settings.get(key, default)
    value = fields.get(name, "").strip() if name in SIGNED_FIELDS else ""
    return value if pattern.fullmatch(value) else ""


def _payer(fields: Fields) -> str:
    for name in ("field1", "field3"):
        if _VPA.fullmatch(fields.get(name, "")):
            return fields[name]
    card = fields.get("cardnum") or fields.get("card_no", "")
    last4 = _LAST4.search(card)
    return last4[0] if last4 else fields.get("bankcode", "")[:40]


def _detail(fields: Fields) -> str:
    return fields.get("field9") or fields.get("error_Message", "")
