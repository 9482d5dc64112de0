"""Cashfree's settlement recon: its API's JSON, the same rows as CSV, and a table as agreed.

Money is rupees. ``event_amount`` is gross, ``event_settlement_amount`` net, both without a sign:
``sale_type`` says which way. What lies between them must be the fees and taxes of the row, to the
paisa that rounding costs, and a row where it is not is refused. The two columns that are
documented with an id of their own per event (``event_type``, ``event_id``) name the row.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, BinaryIO, Final, NamedTuple

from channels_.adapters.cashfree.codes import (
    ROW_COUNTS,
    ROW_KINDS,
    ROW_SIGNS,
    STEP_FEES,
    STEPS,
    TOTALS_ROW,
)
from channels_.adapters.cashfree.entities import method_of
from channels_.contract import (
    INDIAN_CURRENCY,
    LineKind,
    Method,
    Page,
    Statement,
    StatementFormat,
    StatementLine,
)
from channels_.formats.guard import MEGABYTE, guarded, open_text, refuse
from channels_.formats.table import (
    CHARGEBACK,
    CHARGEBACK_TAKEN_BACK,
    PAYMENT,
    REFUND,
    REFUND_TAKEN_BACK,
    Layout,
    agreed,
    of_our_time,
    table_format,
)
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.ids import is_reference
from cspdcl.kernel.money import PAISE_MAX

CSV_MAX: Final = 2000 * MEGABYTE
JSON_MAX: Final = 64 * MEGABYTE

REQUIRED: Final = (
    *("event_id", "event_type", "sale_type", "event_amount", "event_settlement_amount"),
    *("cf_settlement_id", "settlement_date", "settlement_utr"),
)
FEES: Final = (
    *("payment_service_charge", "service_charge", "split_service_charge", "vendor_commission"),
)
TAXES: Final = ("payment_service_tax", "service_tax", "split_service_tax")

Row = Mapping[str, str]


class _Payout(NamedTuple):
    """What some rows of a settlement tell for all of them."""

    day: str = ""
    utr: str = ""


def _read_json(file: BinaryIO) -> Iterator[Statement]:
    # Numbers stay text, as in a CSV: one reading of amounts, and no float anywhere.
    try:
        document = json.load(open_text(file), parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON, the file may be cut short: {error}") from error
    items = document.get("data") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise Malformed('expected {"cursor": ..., "limit": N, "data": [...]}')
    rows = [_texts(item) for item in items]
    statement = Statement(page=Page(currency=INDIAN_CURRENCY), lines=())
    statement.lines = _lines(statement, enumerate(rows, start=1), payouts=_payouts(rows))
    yield statement


def _read_csv(file: BinaryIO) -> Iterator[Statement]:
    reader = csv.DictReader(open_text(file, newline=""), strict=True, restval=None)
    try:
        header = [name.strip().lower() for name in reader.fieldnames or ()]
    except csv.Error as error:
        raise Malformed(f"row 1: {error}") from error
    missing = [name for name in REQUIRED if name not in header]
    if missing or len(set(header)) != len(header):
        raise Malformed(f"row 1: expected the columns of a settlement recon once; not {missing}")
    reader.fieldnames = header
    statement = Statement(page=Page(currency=INDIAN_CURRENCY), lines=())
    statement.lines = _lines(statement, _numbered(reader), payouts={})
    yield statement


def _numbered(reader: Iterable[Mapping[Any, Any]]) -> Iterator[tuple[int, Row]]:
    number = 1
    try:
        for number, row in enumerate(reader, start=2):
            is_whole = None not in row and None not in row.values()
            yield number, dict(row) if is_whole else {}
    except csv.Error as error:
        raise Malformed(f"row {number + 1}: {error}") from error


def _texts(item: Any) -> Row:
    """An item with its cells as text; nothing at all when it is no item."""
    if not isinstance(item, Mapping):
        return {}
    return {name: "" if cell is None else str(cell).strip() for name, cell in item.items()}


def _payouts(rows: Sequence[Row]) -> Mapping[str, _Payout]:
    """Adjustments of a settlement do not repeat its day and UTR; its other rows have them."""
    found: dict[str, _Payout] = {}
    for row in rows:
        ref = row.get("cf_settlement_id", "")
        known = found.get(ref, _Payout())
        found[ref] = _Payout(
            known.day or row.get("settlement_date", ""), known.utr or row.get("settlement_utr", "")
        )
    return found


def _lines(
    statement: Statement, rows: Iterable[tuple[int, Row]], *, payouts: Mapping[str, _Payout]
) -> Iterator[StatementLine]:
    times: dict[str, int] = {}
    for number, row in rows:
        left_out = _left_out(row)
        if left_out:
            statement.notes[left_out] = statement.notes.get(left_out, 0) + 1
            continue
        try:
            line = _line(number, row, payouts.get(row.get("cf_settlement_id", ""), _Payout()))
        except ValueError as error:
            refuse(statement, number, str(error), row=row)
            continue
        seen = times[line.key] = times.get(line.key, 0) + 1
        yield line if seen == 1 else line._replace(key=f"{line.key}#{seen}")


def _left_out(row: Row) -> str:
    """Why a row is no line: sums, steps of a computation, what is not settled or moved no money."""
    kind = row.get("event_type", "")
    if kind == TOTALS_ROW:
        return "totals"
    if row.get("adjustment_remarks", "") in STEPS:
        return "steps"
    if kind and not row.get("cf_settlement_id"):
        return "unsettled"
    if kind in ("PAYMENT", "REFUND") and ROW_COUNTS.get(row.get("event_status", "")) is False:
        return "not_counting"
    return ""


def _line(number: int, row: Row, payout: _Payout) -> StatementLine:
    word, event_id = row.get("event_type", ""), row.get("event_id", "")
    if not word or not event_id:
        raise ValueError("expected an event_type and an event_id")
    if row.get("event_currency", "") not in ("", INDIAN_CURRENCY):
        raise ValueError(f"expected the currency INR, got {row['event_currency']!r}")
    status = row.get("event_status", "")
    if word in ("PAYMENT", "REFUND") and status not in ROW_COUNTS:
        raise ValueError(f"expected a status of {word} that is known, got {status!r}")
    kind, gross, fee, tax = _money(word, row)
    order_id, payment_ref = row.get("order_id", ""), row.get("cf_payment_id", "")
    is_payment = kind is LineKind.PAYMENT
    remarks = row.get("adjustment_remarks", "")
    method = method_of(row.get("payment_group"))
    return StatementLine(
        line=number,
        key=_key(word, event_id, remarks),
        kind=kind,
        amount_paise=gross,
        business_date=_day(row.get("settlement_date") or payout.day or row.get("event_time", "")),
        fee_paise=fee,
        tax_paise=tax,
        occurred_at=_moment(row.get("payment_time") or row.get("event_time", "")),
        channel_ref=(payment_ref or event_id) if is_payment else event_id,
        reference=order_id if is_reference(order_id) else "",
        order_ref=order_id,
        utr=(row.get("settlement_utr") or payout.utr).upper(),
        rrn=row.get("payment_utr", "") if is_payment else row.get("refund_arn", ""),
        settlement_ref=row.get("cf_settlement_id", ""),
        original_ref="" if is_payment else payment_ref,
        method=method.value if method is not Method.UNKNOWN else row.get("payment_group", ""),
        code=word,
        narration=remarks or row.get("dispute_note", "") or row.get("refund_note", ""),
    )


def _key(word: str, event_id: str, remarks: str) -> str:
    """Equal event ids mean different things under different types and remarks."""
    if word == "PAYMENT":
        return event_id
    return ":".join(filter(None, (word.lower(), event_id, remarks.lower())))


def _money(word: str, row: Row) -> tuple[LineKind, int, int, int]:
    """Kind, signed gross, fee and tax, where they lead from gross to net."""
    kind = ROW_KINDS.get(word, LineKind.UNKNOWN)
    sign = ROW_SIGNS.get(row.get("sale_type", ""))
    if sign is None:
        raise ValueError(f"expected CREDIT or DEBIT, got {row.get('sale_type', '')!r}")
    gross = _whole(row, "event_amount") * sign
    net = _whole(row, "event_settlement_amount") * sign
    if kind is LineKind.ADJUSTMENT and row.get("adjustment_remarks", "") in STEP_FEES:
        kind = LineKind.FEE
    if kind is LineKind.UNKNOWN:
        return kind, net, 0, 0
    if kind is LineKind.PAYMENT and sign < 0:
        raise ValueError("expected a payment as CREDIT")
    fee = sum((_rupees(row, name) for name in FEES), Decimal(0))
    tax = _rounded(sum((_rupees(row, name) for name in TAXES), Decimal(0)))
    rest = gross - net - tax
    if abs(rest - _rounded(fee)) > 1:
        raise ValueError(
            f"{word}: gross {gross}, fee {_rounded(fee)} and tax {tax} do not give"
            f" the net {net} (in paise)"
        )
    return kind, gross, rest, tax


def _whole(row: Row, name: str) -> int:
    if not row.get(name):
        raise ValueError(f"expected an amount as {name}")
    paise = _rupees(row, name)
    if paise < 0 or paise != paise.to_integral_value():
        raise ValueError(f"expected rupees without a sign as {name}, got {row[name]!r}")
    return int(paise)


def _rupees(row: Row, name: str) -> Decimal:
    """A cell in rupees as decimal paise; fees may have more than two decimals."""
    text = row.get(name, "") or "0"
    try:
        rupees = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"expected rupees as {name}, got {text!r}") from None
    is_plain = text.isascii() and set(text) <= set("0123456789.-")
    if not is_plain or abs(rupees) * 100 > PAISE_MAX:
        raise ValueError(f"expected rupees as {name}, got {text!r}")
    return rupees * 100


def _rounded(paise: Decimal) -> int:
    return int(paise.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    """The day in India; a settlement has one for all of its rows."""
    return _moment(text).astimezone(INDIA).date()


def _moment(text: str) -> datetime:
    """A moment in ISO 8601; without an offset it is India's clock."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected a moment in ISO 8601, got {text!r}") from None
    return of_our_time(found if found.tzinfo else found.replace(tzinfo=INDIA))


def _sniff_json(head: bytes) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith(b"{") and b'"data"' in start and b'"event_type"' in start


def _sniff_csv(head: bytes) -> bool:
    first = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].lower()
    return b"event_type" in first and b"cf_settlement_id" in first and not first.startswith(b"{")


FORMATS: Final = (
    StatementFormat(
        code="cashfree-csv",
        title="Cashfree settlement recon, CSV",
        sniff=_sniff_csv,
        read=guarded(_read_csv, limit=CSV_MAX),
    ),
    StatementFormat(
        code="cashfree-json",
        title="Cashfree settlement recon, JSON",
        sniff=_sniff_json,
        read=guarded(_read_json, limit=JSON_MAX),
    ),
)

# A file whose columns are not documented: read only where the channel's settings name them.
LAYOUT: Final = Layout(
    code="cashfree-table",
    title="Cashfree settlement, table as agreed",
    columns={
        "channel_ref": ("cf_payment_id", "payment id"),
        "refund_ref": ("cf_refund_id", "refund id"),
        "order_ref": ("order_id",),
        "amount": ("event_amount", "amount"),
        "fee": ("payment_service_charge", "service charge"),
        "tax": ("payment_service_tax", "service tax"),
        "net": ("event_settlement_amount", "settlement amount"),
        "kind": ("event_type", "transaction type"),
        "method": ("payment_group", "payment mode"),
        "utr": ("settlement_utr", "utr"),
        "settlement_ref": ("cf_settlement_id", "settlement id"),
        "settled_on": ("settlement_date", "settled on"),
        "occurred_at": ("payment_time", "transaction time"),
    },
    kinds={
        "PAYMENT": PAYMENT,
        "REFUND": REFUND,
        "REFUND_REVERSAL": REFUND_TAKEN_BACK,
        "DISPUTE": CHARGEBACK,
        "DISPUTE_REVERSAL": CHARGEBACK_TAKEN_BACK,
        "CHARGEBACK": CHARGEBACK,
        "CHARGEBACK_REVERSAL": CHARGEBACK_TAKEN_BACK,
    },
    dates=("%Y-%m-%d %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S"),
)


def layouts(settings: Mapping[str, Any]) -> tuple[StatementFormat, ...]:
    """The agreed table where the channel's settings speak of one."""
    if not settings.get("report"):
        return ()
    return (table_format(agreed(LAYOUT, settings)),)
