"""Settlement of Bharat Connect (BBPS): the raw file of a cycle, and a biller unit's MIS table.

The raw file is ``<RAWFile ouId="XX99">`` with one ``<transactions>`` per row. Amounts are paise
with the sign written: negative for what goes back, 0 for what failed. Fees have decimals; negative
ones are payable by us. Which of them the unit keeps is agreed on (``raw_fees``), the rest is not
our affair. Nothing in the file names the bank's credit: ``settlementCycleId`` and the day do.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, BinaryIO, Final, NamedTuple

from lxml import etree

from channels_ import xml_signed
from channels_.bharat_connect import TXN_REF, method_of
from channels_.contract import LineKind, Page, Statement, StatementFormat, StatementLine
from channels_.formats.guard import MEGABYTE, guarded, refuse
from channels_.formats.identity import Times
from channels_.formats.table import (
    REFUND,
    Layout,
    Word,
    agreed,
    of_our_time,
    table_format,
    write_csv,
)
from channels_.formats.xml_stream import events
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed, Unverified
from cspdcl.kernel.money import PAISE_MAX, rupees_from_paise

SIZE_MAX: Final = 500 * MEGABYTE
SIGNED_SIZE_MAX: Final = 64 * MEGABYTE  # a signature is checked on the whole document in memory
SIGNED_ELEMENTS_MAX: Final = 5_000_000
FIELDS_MAX: Final = 120  # of one row

ROOT: Final = "RAWFile"
ROW: Final = "transactions"

KINDS: Final[Mapping[str, LineKind]] = {
    "PAYMENT": LineKind.PAYMENT,
    "FORCE PAYMENT": LineKind.PAYMENT,
    "FORCE PAYMENT PRE-ARBITRATION": LineKind.PAYMENT,
    "FORCE PAYMENT PARTIAL GOOD FAITH": LineKind.PAYMENT,
    "FORCE PAYMENT FULL GOOD FAITH": LineKind.PAYMENT,
    "FORCE PAYMENT ARBITRATION": LineKind.PAYMENT,
    "CREDIT ADJUSTMENT": LineKind.REFUND,
    "REFUND": LineKind.REFUND,
    "REFUND PRE-ARBITRATION": LineKind.CHARGEBACK,
    "REFUND PARTIAL GOOD FAITH": LineKind.CHARGEBACK,
    "REFUND FULL GOOD FAITH": LineKind.CHARGEBACK,
    "REFUND ARBITRATION": LineKind.CHARGEBACK,
}
FEES: Final = ("customerConvenienceFee", "billerFee", "billerOUSwitchingFee", "penaltyFee")
TAXES: Final = ("CGST", "IGST", "SUTGST")

AGREED: Final[Mapping[str, str]] = {
    "biller_id": "Our biller id in raw files; rows of others are left out. Empty: all are ours.",
    "raw_fees": "The fees of a raw file that are kept from our money: billerFee (unconfirmed).",
    "raw_fee_unit": "What raw files write fees in: paise (default) or rupees (unconfirmed).",
    "raw_file_key": "Public key or certificate, as PEM, that must have signed a raw file.",
    "report": "Columns and words of the unit's MIS where they differ from ours.",
}

_YES: Final = frozenset({"y", "yes", "true", "1"})
_NO: Final = frozenset({"", "n", "no", "false", "0", "na"})
_PAISE: Final = re.compile(r"[+-]?\d{1,13}")
_FEE: Final = re.compile(r"[+-]?\d{1,13}(?:\.\d{1,6})?")

MIS: Final = Layout(
    code="bbps-mis",
    title="Bharat Connect, MIS of the biller unit",
    columns={
        "channel_ref": ("BBPS_REF_NO", "Txn Reference Id", "B-Connect Txn ID"),
        "reference": ("BILLER_REFERENCE_NO", "Approval Ref Num"),
        "consumer_number": ("AUTH1", "Consumer Number", "Business Partner Number"),
        "amount": ("BILL_AMOUNT", "Amount"),
        "fee": ("BILLER_FEE",),
        "tax": ("BILLER_FEE_GST", "cgst+sgst+igst"),
        "net": ("NET_AMOUNT",),
        "kind": ("TXN_TYPE", "MTI"),
        "status": ("STATUS",),
        "method": ("MODE_OF_PAYMENT", "Payment Mode"),
        "occurred_at": ("TXN_DATE_TIME",),
        "settled_on": ("SETTLEMENT_DATE", "POSTING_DATE"),
        "settlement_ref": ("SETTLEMENT_CYCLE_ID",),
        "refund_ref": ("DISPUTE_ID",),
        "original_ref": ("ORIGINAL_BBPS_REF_NO",),
        "utr": ("UTR", "UTR_NO"),
    },
    kinds={
        word: Word(LineKind.PAYMENT, 1) if kind is LineKind.PAYMENT else Word(kind, -1)
        for word, kind in KINDS.items()
    }
    | {"REVERSAL": REFUND},
    statuses={"SUCCESS": True, "PENDING": False, "FAILURE": False, "FAILED": False},
    methods={
        "internet banking": "netbanking",
        "debit card": "card",
        "credit card": "card",
        "prepaid card": "card",
    },
    dates=("%d-%m-%Y %H:%M:%S", "%d-%m-%Y", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y"),
)


def layouts(settings: Mapping[str, Any]) -> tuple[StatementFormat, ...]:
    """The formats of a channel by its settings."""
    return (raw_format(settings), table_format(agreed(MIS, settings)))


def raw_format(settings: Mapping[str, Any]) -> StatementFormat:
    """The raw file as agreed on with one unit."""
    reading = _Reading(settings)
    key = str(settings.get("raw_file_key", ""))

    def read(file: BinaryIO) -> Iterator[Statement]:
        if key:
            _prove(file, key)
        statement = Statement(page=Page(), lines=())
        statement.lines = reading.lines(statement, file)
        yield statement

    return StatementFormat(
        code="bbps-raw",
        title="Bharat Connect raw file, XML",
        sniff=lambda head: b"RAWFile" in head,
        read=guarded(read, limit=SIZE_MAX),
    )


class _Reading:
    """Rows to lines, by what was agreed on."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._biller = str(settings.get("biller_id", ""))
        self._fees: Sequence[str] = tuple(settings.get("raw_fees", ("billerFee",)))
        if unknown := set(self._fees) - set(FEES):
            raise TypeError(f"raw_fees: no such fee {sorted(unknown)}")
        unit = settings.get("raw_fee_unit", "paise")
        if unit not in ("paise", "rupees"):
            raise TypeError(f"raw_fee_unit: expected paise or rupees, got {unit!r}")
        self._per_unit = Decimal(100 if unit == "rupees" else 1)

    def lines(self, statement: Statement, file: BinaryIO) -> Iterator[StatementLine]:
        """The rows that moved our money; the others are counted."""
        times = Times()
        for number, row in enumerate(_rows(file), start=1):
            try:
                line = self._line(statement, number, row)
            except ValueError as error:
                refuse(statement, number, f"{row.get('txnReferenceId', '')[:40]}: {error}", row=row)
                continue
            if line is None:
                continue
            if (seen := times.add(line.key)) > 1:
                line = line._replace(key=f"{line.key}#{seen}")
            yield line

    def _line(
        self, statement: Statement, number: int, row: Mapping[str, str]
    ) -> StatementLine | None:
        if self._biller and row.get("billerId", "") != self._biller:
            _leave_out(statement, "other_billers")
            return None
        if row.get("txnCurrencyCode", "356") != "356":
            raise ValueError(f"expected the currency 356, got {row['txnCurrencyCode']!r}")
        ref = row.get("txnReferenceId", "")
        if not TXN_REF.fullmatch(ref):
            raise ValueError("expected a txnReferenceId of 20 letters and digits")
        amount = _amount(row)
        if _failed(row):
            if amount:
                raise ValueError(f"failed, and yet of {amount} paise")
            _leave_out(statement, "failures")
            return None
        word = row.get("mti", "").strip().upper()
        kind = _kind(word, row, amount)
        day = _day(row)
        cycle = row.get("settlementCycleId", "").strip()
        counts = kind is not LineKind.UNKNOWN
        return StatementLine(
            line=number,
            key=ref if word == "PAYMENT" else f"{word.lower()}:{ref}",
            kind=kind,
            amount_paise=amount,
            business_date=day,
            fee_paise=self._kept(row, "") if counts else 0,
            tax_paise=sum(self._kept(row, tax) for tax in TAXES) if counts else 0,
            channel_ref=ref,
            order_ref=_none(row.get("refId", "")),
            settlement_ref=f"{day:%Y%m%d}-{cycle}" if len(cycle) <= 2 else cycle,
            original_ref="" if kind is LineKind.PAYMENT else ref,
            method=method_of(row.get("paymentMode", "")).value,
            network=row.get("paymentChannel", ""),
            code=word,
            narration=_none(row.get("remarks", ""))[:200],
        )

    def _kept(self, row: Mapping[str, str], tax: str) -> int:
        """What is kept from us: payable ones are written as negative."""
        exact = sum((_fee(row, f"{fee}{tax}") for fee in self._fees), Decimal(0))
        paise = (exact * self._per_unit).quantize(Decimal(1), rounding=ROUND_HALF_UP)
        return -int(paise)


def _kind(word: str, row: Mapping[str, str], amount: int) -> LineKind:
    kind = KINDS.get(word, LineKind.UNKNOWN)
    if kind is LineKind.PAYMENT and amount <= 0:
        raise ValueError(f"{word}: expected an amount above zero, got {amount}")
    if kind in (LineKind.REFUND, LineKind.CHARGEBACK) and amount >= 0:
        raise ValueError(f"{word}: expected a negative amount, got {amount}")
    if kind is LineKind.PAYMENT and _flag(row, "reversal"):
        return LineKind.UNKNOWN  # a reversed payment with its money: a person must look
    return kind


def _failed(row: Mapping[str, str]) -> bool:
    code = row.get("responseCode", "")
    if not code:
        raise ValueError("expected a responseCode")
    return code != "000" or _flag(row, "decline")


def _flag(row: Mapping[str, str], name: str) -> bool:
    said = row.get(name, "").strip().lower()
    if said not in _YES | _NO:
        raise ValueError(f"{name}: expected yes or no, got {said!r}")
    return said in _YES


def _amount(row: Mapping[str, str]) -> int:
    text = row.get("txnAmount", "").strip()
    if not _PAISE.fullmatch(text) or not text.isascii() or abs(int(text)) > PAISE_MAX:
        raise ValueError(f"txnAmount: expected whole paise, got {text!r}")
    return int(text)


def _fee(row: Mapping[str, str], name: str) -> Decimal:
    text = _none(row.get(name, ""))
    if not text:
        return Decimal(0)
    if not _FEE.fullmatch(text) or not text.isascii():
        raise ValueError(f"{name}: expected a number, got {text!r}")
    return Decimal(text)


def _day(row: Mapping[str, str]) -> date:
    """The Indian day on which the row was cleared."""
    text = row.get("clearingTimestamp", "").strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"clearingTimestamp: expected ISO 8601, got {text!r}") from None
    local = of_our_time(moment if moment.tzinfo else moment.replace(tzinfo=INDIA))
    return local.astimezone(INDIA).date()


def _none(text: str) -> str:
    bare = text.strip()
    return "" if bare.upper() in ("NA", "N/A", "NULL") else bare


def _leave_out(statement: Statement, why: str) -> None:
    statement.notes[why] = statement.notes.get(why, 0) + 1


def _rows(file: BinaryIO) -> Iterator[Mapping[str, str]]:
    """Each row's fields; what was read is dropped from memory at once."""
    depth, fields = 0, 0
    for event, element in events(file):
        if event == "start":
            depth += 1
            fields += 1
            _check_place(element, depth, fields)
            continue
        if depth == 2:
            if _name(element) == ROW:
                yield _fields(element)
            fields = 0
            element.clear()
            parent = element.getparent()
            if parent is not None:
                parent.remove(element)
        depth -= 1


def _check_place(element: etree._Element, depth: int, fields: int) -> None:
    name = _name(element)
    if depth == 1 and name != ROOT:
        raise Malformed(f"expected a {ROOT}, got {name}")
    if depth == 2 and name not in (ROW, "Signature"):
        raise Malformed(f"expected {ROW} in a {ROOT}, got {name}")
    if depth > 8 or fields > FIELDS_MAX:
        raise Malformed(f"one row has more than {FIELDS_MAX} fields, or they are nested")


def _fields(row: etree._Element) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for field in row:
        name = _name(field)
        if name in found or len(field):
            raise Malformed(f"{name} stands twice in one row, or holds others")
        found[name] = (field.text or "").strip()
    return found


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _prove(file: BinaryIO, key: str) -> None:
    """Refuse a file that the agreed key has not signed as a whole."""
    file.seek(0)
    content = file.read(SIGNED_SIZE_MAX + 1)
    file.seek(0)
    if len(content) > SIGNED_SIZE_MAX:
        raise Malformed(f"a signed file has at most {SIGNED_SIZE_MAX} bytes")
    try:
        xml_signed.check(xml_signed.read(content, elements_max=SIGNED_ELEMENTS_MAX), key)
    except Unverified as error:
        raise Malformed(f"the file is not signed as agreed: {error}") from error


class Cleared(NamedTuple):
    """One row as the simulated units write it, in the raw file and in the MIS. Signed paise."""

    ref: str
    mti: str
    amount_paise: int
    fee_paise: int
    tax_paise: int
    paid_at: datetime
    cleared_at: datetime
    mode: str
    cycle: str
    utr: str
    consumer_number: str = ""
    original_ref: str = ""
    dispute_ref: str = ""
    remarks: str = ""


_MIS_HEADER: Final = (
    *("BBPS_REF_NO", "TXN_TYPE", "TXN_DATE_TIME", "AUTH1", "BILL_AMOUNT", "BILLER_FEE"),
    *("BILLER_FEE_GST", "NET_AMOUNT", "MODE_OF_PAYMENT", "STATUS", "SETTLEMENT_DATE"),
    *("SETTLEMENT_CYCLE_ID", "UTR", "DISPUTE_ID", "ORIGINAL_BBPS_REF_NO"),
)


def write_mis(rows: Iterable[Cleared]) -> bytes:
    """The unit's MIS as CSV, money in rupees."""
    return write_csv(_MIS_HEADER, [_mis_row(row) for row in rows])


def write_raw(rows: Iterable[Cleared], *, unit: str, biller: str) -> bytes:
    """The raw file of a cycle; fees are negative, because they are payable."""
    root = etree.Element(ROOT, ouId=unit)
    for row in rows:
        element = etree.SubElement(root, ROW)
        for name, value in _raw_row(row, unit, biller).items():
            etree.SubElement(element, name).text = value
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _mis_row(row: Cleared) -> Sequence[str]:
    net = row.amount_paise - row.fee_paise - row.tax_paise
    return (
        row.original_ref if row.dispute_ref else row.ref,
        row.mti,
        row.paid_at.astimezone(INDIA).strftime("%d-%m-%Y %H:%M:%S"),
        row.consumer_number,
        rupees_from_paise(row.amount_paise),
        rupees_from_paise(row.fee_paise),
        rupees_from_paise(row.tax_paise),
        rupees_from_paise(net),
        row.mode,
        "SUCCESS",
        row.cleared_at.astimezone(INDIA).strftime("%d-%m-%Y %H:%M:%S"),
        row.cycle,
        row.utr,
        row.ref if row.dispute_ref else "",
        row.original_ref,
    )


def _raw_row(row: Cleared, unit: str, biller: str) -> Mapping[str, str]:
    taxes = dict.fromkeys(TAXES, "0.0000")
    taxes["IGST"] = _payable(row.tax_paise)
    return {
        "msgId": "NA",
        "refId": "NA",
        "origRefId": "NA",
        "mti": row.mti,
        "txnReferenceId": row.ref,
        "txnType": "FORWARD TYPE REQUEST",
        "txnDate": row.paid_at.astimezone(INDIA).date().isoformat(),
        "customerOUId": "BD01",
        "billerOUId": unit,
        "responseCode": "000",
        "txnCurrencyCode": "356",
        "txnAmount": str(row.amount_paise),
        "customerConvenienceFee": "0.0000",
        "billerFee": _payable(row.fee_paise),
        "billerOUSwitchingFee": "0.0000",
        "penaltyFee": "0.0000",
        "clearingTimestamp": row.cleared_at.astimezone(INDIA).isoformat(timespec="seconds"),
        "paymentChannel": "MOB",
        "paymentMode": row.mode,
        "billerId": biller,
        "billerCategory": "Electricity",
        "splitPay": "No",
        "reversal": "N",
        "decline": "N",
        "casProcessed": "N",
        "settlementCycleId": row.cycle,
        **{f"billerFee{name}": value for name, value in taxes.items()},
        "offUsPay": "No",
        "remarks": row.remarks or "NA",
    }


def _payable(paise: int) -> str:
    return f"{-paise}.0000"
