"""PayU's settlement: the answers of its two APIs as they came, and the same columns as a file.

Money has four or five decimals there: the gross is exact, the net is rounded to the paisa, and the
fee takes what is left, so that gross - fee - tax = net on every line.
"""

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

from channels_ import json_strict
from channels_.adapters.payu.fields import text_of
from channels_.contract import Statement, StatementFormat
from channels_.formats.guard import MEGABYTE, check_size
from channels_.formats.table import (
    ADJUSTMENT,
    CHARGEBACK,
    CHARGEBACK_TAKEN_BACK,
    PAYMENT,
    REFUND,
    REFUND_TAKEN_BACK,
    Layout,
    agreed,
    table_format,
    write_csv,
)
from cspdcl.kernel.errors import Malformed

JSON_MAX: Final = 64 * MEGABYTE

# Headers are compared by letters and digits: mer_utr and "Mer UTR" are one. The second name is
# that of the range API (unconfirmed but for four of them), the others those of the files.
LAYOUT: Final = Layout(
    code="payu-table",
    title="PayU settlement, table",
    columns={
        "channel_ref": ("payuid", "mihpayid", "payu id"),
        "refund_ref": ("requestid",),
        "order_ref": ("txnid", "merchant transaction id", "merchant txn id"),
        "reference": ("txnid", "merchant transaction id", "merchant txn id"),
        "kind": ("requestaction", "action"),
        "amount": ("requestamount", "transaction amount", "amount"),
        "fee": ("mer_service_fee", "merchant service fee"),
        "tax": ("mer_service_tax", "merchant service tax", "cgst+sgst+igst"),
        "net": ("mer_net_amount", "merchant net amount"),
        "settled_on": ("settled on", "settlement date", "settlement completed date"),
        "occurred_at": ("requestdate", "txndate", "transaction date"),
        "utr": ("mer_utr", "utr number", "utr"),
        "settlement_ref": ("settlement id",),
        "method": ("mode", "payment mode"),
        "network": ("card type",),
    },
    kinds={
        "capture": PAYMENT,
        "refund": REFUND,
        "cancel": REFUND,
        "refundreversal": REFUND_TAKEN_BACK,
        "refund reversal": REFUND_TAKEN_BACK,
        "chargeback": CHARGEBACK,
        "chargeback reversal": CHARGEBACK_TAKEN_BACK,
        "chargebackreversal": CHARGEBACK_TAKEN_BACK,
        "adjustment": ADJUSTMENT,
    },
    methods={
        **dict.fromkeys(("cc", "dc", "emi"), "card"),
        **dict.fromkeys(("upi", "dbqr", "sbqr", "bqr", "intent"), "upi"),
        "nb": "netbanking",
        "cash": "wallet",
    },
    dates=("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y", "%d/%m/%Y"),
)

_SETTLED_ON: Final = re.compile(r"settled on (\d{4}-\d{2}-\d{2})")


def layouts(settings: Mapping[str, Any]) -> tuple[StatementFormat, ...]:
    """The formats with what was agreed on for this channel."""
    layout = agreed(LAYOUT, settings)
    return _json_format(layout), table_format(layout)


def _json_format(layout: Layout) -> StatementFormat:
    table = table_format(layout)

    def read(file: BinaryIO) -> Iterator[Statement]:
        check_size(file, limit=JSON_MAX)
        yield from table.read(io.BytesIO(_as_table(file.read())))

    return StatementFormat(code="payu-json", title="PayU settlement, JSON", sniff=_sniff, read=read)


def _as_table(body: bytes) -> bytes:
    """The rows of an answer with a header made of all their names."""
    rows = list(_rows(json_strict.object_at(json_strict.loads(body))))
    header = list(dict.fromkeys(name for row in rows for name in row))
    if not rows:
        raise Malformed("expected rows in the settlement")
    return write_csv(header, ([text_of(row.get(name)) for name in header] for row in rows))


def _rows(said: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    details = said.get("Txn_details")
    if details is not None:
        found = _SETTLED_ON.search(text_of(said.get("msg")))
        if found is None:
            raise Malformed("expected the day of the settlement in msg")
        for row in details.values() if isinstance(details, Mapping) else _list(details):
            yield {**json_strict.object_at(row), "settled on": found[1]}
        return
    result = json_strict.object_at(said, "result")
    for settlement in _list(result.get("data")):
        whole = json_strict.object_at(settlement)
        shared = {name: value for name, value in whole.items() if name != "transaction"}
        for row in _list(whole.get("transaction")):
            yield {**shared, **json_strict.object_at(row)}


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise Malformed("expected a list of rows")
    return value


def _sniff(head: bytes) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    names = (b'"Txn_details"', b'"merchantNetAmount"', b'"utrNumber"')
    return start.startswith(b"{") and any(name in start for name in names)


def as_document(rows: Sequence[Mapping[str, str]], *, day: str) -> bytes:
    """The answer of get_settlement_details with these rows, as the simulated PayU gives it."""
    document = {
        "status": 1,
        "msg": f"{len(rows)} transactions settled on {day}",
        "Txn_details": {str(number): row for number, row in enumerate(rows, start=1)},
    }
    return json.dumps(document).encode()


FORMATS: Final = layouts({})
