"""How an agency looks from outside: signed payments in one step, and its daily file."""

import io
import json
import secrets as chance
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import xlsxwriter

from channels_.adapters.agency.signing import (
    KEY_HEADER,
    NONCE_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    signature,
    words_to_sign,
)
from channels_.adapters.agency.statement import HEADER
from channels_.contract import Method, Setup
from channels_.formats.table import write_csv
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
from cspdcl.kernel.money import rupees_from_paise

DOOR: Final = "/partner/v1/payments/"
KEY: Final = "partner_key"
SECRET: Final = "partner_secret"  # noqa: S105 - the name of the secret, not the secret

_MADE: Final = datetime(2026, 1, 1, tzinfo=UTC)  # in every workbook: a file is only what it says
_WITH_RRN: Final = (Method.UPI, Method.CARD)


def tell(news: News, subject: Subject, _at: datetime, event_id: str) -> Envelope:
    """A payment in one step; an agency tells nothing else by itself.

    The event's id makes the Idempotency-Key: told again it is equal, told anew it is another.
    """
    if news is not News.PAID or not isinstance(subject, SamplePayment):
        raise ValueError(f"an agency tells nothing of {news}")
    document = {
        "txn_id": subject.channel_ref,
        "consumer_number": subject.consumer_number,
        "amount_paise": subject.amount_paise,
        "method": subject.method.value,
        "confirm": True,
        "paid_at": subject.paid_at.astimezone(INDIA).isoformat(),
        **({"bill_number": subject.bill_number} if subject.bill_number else {}),
        **({"rrn": subject.rrn} if subject.method in _WITH_RRN else {}),
    }
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"sample-{event_id:_<16}"}
    return Envelope(json.dumps(document, separators=(",", ":")).encode(), headers)


def sign(envelope: Envelope, setup: Setup) -> Mapping[str, str]:
    """The headers with the four of the signature, at the moment and with the nonce of the setup."""
    timestamp = str(int(setup.at.timestamp()))
    words = words_to_sign("POST", DOOR, timestamp, setup.nonce, envelope.body)
    return {
        **envelope.headers,
        KEY_HEADER: setup.secrets[KEY],
        TIMESTAMP_HEADER: timestamp,
        NONCE_HEADER: setup.nonce,
        SIGNATURE_HEADER: signature(setup.secrets[SECRET], words),
    }


def report(rows: Sequence[ReportRow]) -> Mapping[str, bytes]:
    """The daily file, as CSV and as a workbook."""
    cells = [_cells(row) for row in rows]
    return {"csv": write_csv(HEADER, cells), "xlsx": _workbook([HEADER, *cells])}


def make_keys() -> SampleKeys:
    """A key's id and its secret, the same on both sides."""
    keys = {KEY: f"ak_{chance.token_hex(8)}", SECRET: chance.token_urlsafe(32)}
    return SampleKeys(keys, keys)


def _cells(row: ReportRow) -> Sequence[str]:
    gross = row.net_paise + row.fee_paise + row.tax_paise
    return (
        row.channel_ref,
        "",
        row.word,
        row.created_at.astimezone(INDIA).isoformat(),
        row.consumer_number,
        row.method,
        rupees_from_paise(gross),
        rupees_from_paise(row.fee_paise),
        rupees_from_paise(row.tax_paise),
        rupees_from_paise(row.net_paise),
        row.settled_at.astimezone(INDIA).isoformat(),
        row.settlement_ref,
        row.utr,
        "",
        "",
        row.payment_ref,
        row.description,
    )


def _workbook(rows: Iterable[Sequence[str]]) -> bytes:
    """One sheet of texts: a number would lose the zeros of an id."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_numbers": False})
    book.set_properties({"created": _MADE})
    sheet = book.add_worksheet("daily")
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            sheet.write_string(number, place, cell)
    book.close()
    return out.getvalue()


SIMULATION: Final = Simulation(
    tell=tell,
    sign=sign,
    report=report,
    news=frozenset({News.PAID}),
    methods=((Method.CASH, 75), (Method.UPI, 20), (Method.CARD, 5)),
    door=DOOR,
    make_keys=make_keys,
    refs={"payment": "AT##########", "settlement": "RM########", "row": "AR##########"},
    lists=frozenset({Listed.OTHER, Listed.FEE}),
    is_ordered=False,
    share=10,
)
