"""How a biller unit's JSON looks from outside: its signed calls, its MIS, the raw file."""

import hashlib
import json
import secrets as chance
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from channels_.adapters.bbps_api.notices import SECRET, signature
from channels_.contract import Method, Setup, Wire
from channels_.formats.bbps_raw import Cleared, write_mis, write_raw
from channels_.simulation import (
    Envelope,
    Listed,
    News,
    ReportRow,
    SampleKeys,
    SamplePayment,
    Simulation,
    Subject,
)
from cspdcl.kernel.clock import INDIA

UNIT: Final = "BD01"
BILLER: Final = "CSPDCL000CHH01"

_CHARGEBACK: Final = "REFUND ARBITRATION"
_MTI: Final[Mapping[str, str]] = {"payment": "PAYMENT", "refund": "REFUND"}
_MODES: Final[Mapping[str, str]] = {
    Method.UPI: "UPI",
    Method.NETBANKING: "Internet Banking",
    Method.CARD: "Debit Card",
    Method.WALLET: "Wallet",
    Method.CASH: "Cash",
}


def tell(news: News, subject: Subject, at: datetime, event_id: str) -> Envelope:
    """The payment request; a unit tells nothing else by itself."""
    if news is not News.PAID or not isinstance(subject, SamplePayment):
        raise ValueError(f"a biller unit tells nothing of {news}")
    said = {
        **_names(f"{event_id}:{at.isoformat()}"),
        "customerParams": {"Business Partner Number": subject.consumer_number},
        "txnReferenceId": subject.channel_ref,
        "txnTs": subject.paid_at.astimezone(INDIA).isoformat(),
        "amount": subject.amount_paise,
        "currency": "356",
        "paymentMode": _MODES[subject.method],
        "paymentRefId": subject.rrn,
        "billNumber": subject.bill_number,
    }
    return _envelope("pay", said)


def ask_dues(consumer_number: str, event_id: str) -> Envelope:
    """The fetch of a consumer's bill."""
    params = {"Business Partner Number": consumer_number}
    return _envelope("fetch", {**_names(event_id), "customerParams": params})


def sign(envelope: Envelope, setup: Setup) -> Mapping[str, str]:
    """The headers with the moment and the signature."""
    moment = setup.at.astimezone(INDIA).isoformat()
    key = setup.secrets[SECRET]
    proof = signature(key, moment, envelope.path, envelope.body)
    return {**envelope.headers, "X-Timestamp": moment, "X-Signature": proof}


def report(rows: Sequence[ReportRow]) -> Mapping[str, bytes]:
    """The unit's MIS, and the raw file of the same rows."""
    cleared = _rows(rows)
    return {"csv": write_mis(cleared), "xml": write_raw(cleared, unit=UNIT, biller=BILLER)}


def make_keys() -> SampleKeys:
    """One key of 32 random bytes, the same on both sides."""
    keys = {SECRET: chance.token_hex(32)}
    return SampleKeys(ours=keys, theirs=keys)


def is_accepted(wire: Wire) -> bool:
    """Whether our answer is a success; a refusal has a good status too."""
    if wire.status != 200:
        return False
    return bool(json.loads(wire.body).get("status") == "SUCCESS")


def _names(event_id: str) -> dict[str, Any]:
    made = hashlib.sha256(event_id.encode()).hexdigest().upper()
    return {"refId": made[:35], "msgId": made[-35:], "billerId": BILLER}


def _envelope(what: str, said: Mapping[str, Any]) -> Envelope:
    body = json.dumps(said, separators=(",", ":")).encode()
    return Envelope(body, {"Content-Type": "application/json"}, what)


def _rows(rows: Sequence[ReportRow]) -> list[Cleared]:
    return [
        Cleared(
            ref=row.channel_ref,
            mti=_MTI.get(row.word, row.word.upper()) if not row.dispute_ref else _CHARGEBACK,
            amount_paise=-row.amount_paise if row.debit_paise else row.amount_paise,
            fee_paise=row.fee_paise,
            tax_paise=row.tax_paise,
            paid_at=row.created_at,
            cleared_at=row.settled_at,
            mode=_MODES.get(row.method, "Wallet"),
            cycle=row.settlement_ref,
            utr=row.utr,
            consumer_number=row.consumer_number,
            original_ref=row.payment_ref,
            dispute_ref=row.dispute_ref,
            remarks=row.description,
        )
        for row in rows
    ]


SIMULATION: Final = Simulation(
    tell=tell,
    sign=sign,
    report=report,
    news=frozenset({News.PAID}),
    methods=((Method.UPI, 70), (Method.NETBANKING, 15), (Method.CARD, 10), (Method.WALLET, 5)),
    door="/ask/{code}/{path}",
    settings={"any_day": True},
    share=6,
    merchant_id=BILLER,
    make_keys=make_keys,
    refs={
        "payment": f"{UNIT}####????????????",
        "row": f"{UNIT}####????????????",
        "dispute": "CC#############",
        "settlement": "BBPS##########",
    },
    lists=frozenset({Listed.CHARGEBACK, Listed.OTHER, Listed.FEE}),
    is_ordered=False,
    is_accepted=is_accepted,
)
