"""Cashfree's settlement recon: every kind of row, as JSON and as CSV. Sample data throughout."""

import csv
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from channels_.adapters.cashfree import ADAPTER
from channels_.adapters.cashfree.simulate import SIMULATION
from channels_.contract import LineKind, Statement, StatementLine
from channels_.formats import sniff
from channels_.registry import formats_of
from cspdcl.kernel.errors import Malformed
from tests.channels_.formats.loading import Refused, load
from tests.channels_.gateway_world import PAYMENT as SAMPLE
from tests.channels_.gateway_world import REFERENCE, REFUND_ROW, ROW

CSV, JSON = ADAPTER.formats
PUBLISHED: Final = (
    Path(__file__).parents[2] / "corpora/cashfree__cashfree-pg-sdk-nodejs/pg_recon_response.json"
)

PAYMENT: Final[dict[str, str]] = {
    "event_id": "5114910810523",
    "event_type": "PAYMENT",
    "sale_type": "CREDIT",
    "event_status": "SUCCESS",
    "event_amount": "1000.00",
    "event_settlement_amount": "976.40",
    "event_currency": "INR",
    "event_time": "2026-08-18T11:58:40+05:30",
    "order_id": REFERENCE,
    "payment_group": "UPI",
    "payment_time": "2026-08-18T11:58:40+05:30",
    "payment_utr": "623011223344",
    "payment_service_charge": "20",
    "payment_service_tax": "3.6",
    "cf_payment_id": "5114910810523",
    "cf_settlement_id": "45345",
    "settlement_date": "2026-08-20T14:45:24+05:30",
    "settlement_utr": "axisn0000012345",
    "refund_id": "",
    "adjustment_remarks": "",
}
NO_FEE: Final = {"payment_service_charge": "", "payment_service_tax": ""}
REFUND: Final = {
    **PAYMENT,
    **NO_FEE,
    "event_id": "11325632",
    "event_type": "REFUND",
    "sale_type": "DEBIT",
    "event_amount": "463.50",
    "event_settlement_amount": "463.50",
    "refund_id": "26H19-0Q7W2K9D-1ABH",
}
DISPUTE: Final = {
    **REFUND,
    "event_id": "272",
    "event_type": "DISPUTE",
    "event_status": "CLOSED",
    "refund_id": "",
}
ADJUSTMENT: Final = {
    **DISPUTE,
    "event_id": "45345",
    "event_type": "OTHER_ADJUSTMENT",
    "event_status": "",
    "cf_payment_id": "",
    "order_id": "",
    "adjustment_remarks": "PENALTY",
}


def as_csv(*rows: dict[str, str]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(PAYMENT))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_json(*rows: dict[str, Any]) -> bytes:
    """Amounts as numbers and ids of older versions as numbers, what is empty as null."""
    items = []
    for row in rows:
        item = ",".join(f'"{name}":{_value(name, cell)}' for name, cell in row.items())
        items.append(f"{{{item}}}")
    return f'{{"cursor":null,"limit":100,"data":[{",".join(items)}]}}'.encode()


def _value(name: str, cell: str) -> str:
    is_number = name.endswith(("_amount", "_charge", "_tax")) or name == "cf_settlement_id"
    if not cell:
        return "null"
    return cell if is_number else json.dumps(cell)


def lines_of(data: bytes) -> list[StatementLine]:
    ((_page, lines),) = load(sniff(data, among=ADAPTER.formats), data)
    return lines


def only(data: bytes) -> Statement:
    (found,) = list(sniff(data, among=ADAPTER.formats).read(io.BytesIO(data)))
    found.lines = list(found.lines)
    return found


@pytest.mark.parametrize("write", [as_csv, as_json])
def test_a_payment_is_read_whole(write: Any) -> None:
    (line,) = lines_of(write(PAYMENT))

    assert line == StatementLine(
        line=2 if write is as_csv else 1,
        key="5114910810523",
        kind=LineKind.PAYMENT,
        amount_paise=100000,
        business_date=date(2026, 8, 20),
        fee_paise=2000,
        tax_paise=360,
        occurred_at=datetime(2026, 8, 18, 6, 28, 40, tzinfo=UTC),
        channel_ref="5114910810523",
        reference=REFERENCE,
        order_ref=REFERENCE,
        utr="AXISN0000012345",
        rrn="623011223344",
        settlement_ref="45345",
        method="upi",
        code="PAYMENT",
    )


@pytest.mark.parametrize("write", [as_csv, as_json])
@pytest.mark.parametrize(
    ("row", "kind", "amount", "key"),
    [
        (REFUND, LineKind.REFUND, -46350, "refund:11325632"),
        (
            {**REFUND, "event_type": "REFUND_REVERSAL", "sale_type": "CREDIT"},
            LineKind.REFUND,
            46350,
            "refund_reversal:11325632",
        ),
        (DISPUTE, LineKind.CHARGEBACK, -46350, "dispute:272"),
        (
            {**DISPUTE, "event_type": "DISPUTE_REVERSAL", "sale_type": "CREDIT"},
            LineKind.CHARGEBACK,
            46350,
            "dispute_reversal:272",
        ),
        ({**DISPUTE, "event_type": "CHARGEBACK"}, LineKind.CHARGEBACK, -46350, "chargeback:272"),
        (
            {**DISPUTE, "event_type": "CHARGEBACK_REVERSAL", "sale_type": "CREDIT"},
            LineKind.CHARGEBACK,
            46350,
            "chargeback_reversal:272",
        ),
        (ADJUSTMENT, LineKind.ADJUSTMENT, -46350, "other_adjustment:45345:penalty"),
        (
            {**ADJUSTMENT, "adjustment_remarks": "INSTANT_SETTLEMENT_TAX"},
            LineKind.FEE,
            -46350,
            "other_adjustment:45345:instant_settlement_tax",
        ),
        (
            {**ADJUSTMENT, "event_type": "RESERVE_HOLD"},
            LineKind.UNKNOWN,
            -46350,
            "reserve_hold:45345:penalty",
        ),
    ],
)
def test_other_rows_have_their_kind_sign_and_key(
    write: Any, row: dict[str, str], kind: LineKind, amount: int, key: str
) -> None:
    (line,) = lines_of(write(row))

    assert (line.kind, line.amount_paise, line.key) == (kind, amount, key)
    assert (line.fee_paise, line.tax_paise) == (0, 0)
    assert (line.channel_ref, line.original_ref) == (row["event_id"], row["cf_payment_id"])


def test_both_shapes_read_alike() -> None:
    rows = (PAYMENT, REFUND, DISPUTE, ADJUSTMENT)

    from_csv = [line._replace(line=0) for line in lines_of(as_csv(*rows))]
    from_json = [line._replace(line=0) for line in lines_of(as_json(*rows))]

    assert from_csv == from_json


def test_the_fee_of_an_instant_refund_is_not_part_of_what_went_back() -> None:
    dear = {
        **REFUND,
        "event_settlement_amount": "465.86",
        "payment_service_charge": "2.00",
        "payment_service_tax": "0.36",
    }

    (line,) = lines_of(as_csv(dear))

    assert (line.amount_paise, line.fee_paise, line.tax_paise) == (-46350, 200, 36)


def test_fees_may_have_more_decimals_than_money() -> None:
    fine = {
        **PAYMENT,
        "payment_service_charge": "19.9964",
        "payment_service_tax": "3.5994",
        "event_settlement_amount": "976.40",
    }

    (line,) = lines_of(as_csv(fine))

    assert (line.fee_paise, line.tax_paise) == (2000, 360)
    with pytest.raises(Refused, match="do not give the net"):
        lines_of(as_csv({**fine, "event_settlement_amount": "976.43"}))


def test_published_rows_are_left_out_and_read_as_their_sums_demand() -> None:
    found = only(PUBLISHED.read_bytes())
    lines = list(found.lines)

    assert found.notes == {"totals": 3, "steps": 2}
    assert [(line.kind, line.amount_paise) for line in lines] == [
        (LineKind.CHARGEBACK, -306726),
        (LineKind.CHARGEBACK, 306726),
        (LineKind.FEE, -300),
        (LineKind.FEE, -54),
    ]
    assert {(line.settlement_ref, line.utr) for line in lines} == {
        ("45406", "PGI45406"),
        ("45345", "PGI45345"),  # told by the totals of the settlement, not by these rows
    }
    assert {line.business_date for line in lines} == {date(2022, 8, 16)}
    assert len({line.key for line in lines}) == len(lines)


@pytest.mark.parametrize("write", [as_csv, as_json])
@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"cf_settlement_id": ""}, "unsettled"),
        ({"event_status": "FAILED"}, "not_counting"),
        ({"event_status": "PENDING"}, "not_counting"),
        ({"event_type": "SETTLEMENT"}, "totals"),
    ],
)
def test_what_is_no_settled_money_is_counted_and_left_out(
    write: Any, change: dict[str, str], note: str
) -> None:
    found = only(write(PAYMENT, {**PAYMENT, **change}))

    assert [line.key for line in found.lines] == ["5114910810523"]
    assert found.notes == {note: 1}


@pytest.mark.parametrize("write", [as_csv, as_json])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"event_settlement_amount": "976.00"}, "do not give the net 97600"),
        ({"event_amount": "10.00"}, "do not give the net"),
        ({"event_amount": "100000"}, "do not give the net"),
        ({"event_amount": "-1000.00"}, "without a sign"),
        ({"event_amount": "1000.005"}, "without a sign"),
        ({"event_amount": ""}, "expected an amount as event_amount"),
        ({"event_settlement_amount": ""}, "expected an amount as event_settlement_amount"),
        ({"event_amount": "1e3"}, "expected rupees as event_amount"),
        ({"sale_type": "DEBIT"}, "expected a payment as CREDIT"),
        ({"sale_type": "SIDEWAYS"}, "expected CREDIT or DEBIT"),
        ({"event_currency": "USD"}, "expected the currency INR, got 'USD'"),
        ({"event_status": "PERHAPS"}, "expected a status of PAYMENT that is known"),
        ({"event_id": ""}, "expected an event_type and an event_id"),
        ({"settlement_date": "9999-12-31T23:59:59-23:59"}, "a date of our time"),
        ({"payment_time": "0001-01-01T00:00:00+23:59"}, "a date of our time"),
        ({"settlement_date": "soon"}, "expected a moment in ISO 8601, got 'soon'"),
        ({"payment_service_tax": "4.6"}, "do not give the net"),
    ],
)
def test_a_wrong_row_is_refused_with_its_number(
    write: Any, change: dict[str, str], told: str
) -> None:
    found = only(write(REFUND, {**PAYMENT, **change}, ADJUSTMENT))

    assert [line.code for line in found.lines] == ["REFUND", "OTHER_ADJUSTMENT"]
    assert [refusal.line for refusal in found.refusals] == [3 if write is as_csv else 2]
    assert told in found.refusals[0].problem


def test_a_repeated_row_has_a_key_of_its_own() -> None:
    keys = [line.key for line in lines_of(as_csv(PAYMENT, PAYMENT, REFUND, PAYMENT))]

    first = "5114910810523"
    assert keys == [first, f"{first}#2", "refund:11325632", f"{first}#3"]


@pytest.mark.parametrize("data", [b"[]", b'{"data": 1}', b'{"data": [', b"[" * 100_000])
def test_json_of_another_shape_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        list(JSON.read(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"event_id,event_type\n", "expected the columns"),
        (as_csv(PAYMENT).replace(b"refund_id", b"event_id"), "expected the columns"),
        (as_csv(PAYMENT) + b'"open', "row 3: unexpected end of data"),
        (as_csv(PAYMENT) + b"1,PAYMENT\n", "expected an event_type and an event_id"),
    ],
)
def test_csv_of_another_shape_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(Refused, match=told):
        load(CSV, data)


def test_a_table_is_read_as_it_was_agreed() -> None:
    settings = {
        "report": {
            "columns": {
                "channel_ref": "Reference Id",
                "refund_ref": "Refund No",
                "kind": "Type",
                "amount": "Amount",
                "fee": "Charge",
                "tax": "GST",
                "net": "Net",
                "utr": "UTR",
                "settled_on": "Settled On",
            },
            "kinds": {"Sale": "payment", "Reversal of sale": "refund"},
        }
    }
    data = (
        b"Reference Id,Refund No,Type,Amount,Charge,GST,Net,UTR,Settled On\n"
        b"5114910810523,,Sale,1000.00,20.00,3.60,976.40,axisn0000012345,20-08-2026 14:45:24\n"
        b"5114910810523,11325632,Reversal of sale,463.50,0,0,463.50,axisn0000012345,"
        b"20-08-2026 14:45:24\n"
    )

    formats = formats_of("cashfree", settings)
    ((_page, lines),) = load(sniff(data, among=formats), data)

    assert formats[0].code == "cashfree-table"
    assert [(line.kind, line.channel_ref, line.amount_paise) for line in lines] == [
        (LineKind.PAYMENT, "5114910810523", 100000),
        (LineKind.REFUND, "11325632", -46350),
    ]
    assert [found.code for found in formats_of("cashfree")] == ["cashfree-csv", "cashfree-json"]


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_the_simulated_report_is_read(ending: str) -> None:
    assert SIMULATION.report is not None
    penalty = ROW._replace(
        channel_ref="400000000001",
        word="adjustment",
        credit_paise=0,
        debit_paise=500,
        amount_paise=500,
        fee_paise=0,
        tax_paise=0,
        method="",
        description="Penalty",
    )
    lost = penalty._replace(channel_ref="400000000002", dispute_ref="433475258")
    odd = penalty._replace(channel_ref="400000000003", word="levy")

    lines = lines_of(SIMULATION.report([ROW, REFUND_ROW, penalty, lost, odd])[ending])

    assert [(line.kind, line.channel_ref, line.amount_paise) for line in lines] == [
        (LineKind.PAYMENT, SAMPLE.channel_ref, 246350),
        (LineKind.REFUND, "9000000000001", -46350),
        (LineKind.ADJUSTMENT, "400000000001", -500),
        (LineKind.CHARGEBACK, "400000000002", -500),
        (LineKind.UNKNOWN, "400000000003", -500),
    ]
    assert sum(line.amount_paise - line.fee_paise - line.tax_paise for line in lines) == (
        243990 - 46350 - 1500
    )
    assert [(lines[0].fee_paise, lines[0].tax_paise, lines[0].method)] == [(2000, 360, "upi")]
