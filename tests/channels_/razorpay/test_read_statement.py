"""Razorpay's settlement recon: every kind of row, in its three shapes. Sample data throughout."""

import csv
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from channels_.adapters.razorpay.statement import FORMATS
from channels_.contract import LineKind, Statement, StatementLine
from channels_.formats import sniff
from cspdcl.kernel.errors import Malformed
from tests.channels_.formats.loading import Refused, load

CSV, JSON = FORMATS
PUBLISHED: Final = (
    Path(__file__).parents[2] / "corpora/razorpay__razorpay-ruby/settlement_report_collection.json"
)
API_HEADER: Final = (
    "entity_id,type,debit,credit,amount,currency,fee,tax,on_hold,settled,created_at,settled_at,"
    "settlement_id,posted_at,credit_type,description,notes,payment_id,settlement_utr,order_id,"
    "order_receipt,method,card_network,card_issuer,card_type,dispute_id"
)
DASHBOARD_HEADER: Final = (
    "transaction_entity,entity_id,amount,currency,fee (exclusive tax),tax,debit,credit,"
    "payment_method,card_type,issuer_name,entity_created_at,payment_captured_at,payment_notes,"
    "refund_notes,arn,entity_description,order_id,order_receipt,order_notes,dispute_id,"
    "dispute_created_at,dispute_reason,settlement_id,settled_at,settlement_utr,settled_by"
)

PAYMENT: Final[dict[str, Any]] = {
    "entity_id": "pay_DEXrnipqTmWVGE",
    "type": "payment",
    "debit": 0,
    "credit": 97100,
    "amount": 100000,
    "currency": "INR",
    "fee": 2900,
    "tax": 442,
    "settled": True,
    "created_at": 1567692556,
    "settled_at": 1568176960,
    "settlement_id": "setl_DGlQ1Rj8os78Ec",
    "settlement_utr": "1568176960vxp0rj",
    "description": "Electricity bill",
    "order_id": "order_DEXrnRiR3SNDHA",
    "order_receipt": "26H18-3RZ7K2MQ-4TX",
    "method": "card",
    "card_network": "MasterCard",
}
REFUND: Final = PAYMENT | {
    "entity_id": "rfnd_DGRcGzZSLyEdg1",
    "type": "refund",
    "debit": 242500,
    "credit": 0,
    "amount": 242500,
    "fee": 0,
    "tax": 0,
    "payment_id": "pay_DEXq1pACSqFxtS",
}
TRANSFER: Final = PAYMENT | {
    "entity_id": "trf_DEUoCEtdsJgvl7",
    "type": "transfer",
    "debit": 100296,
    "credit": 0,
    "amount": 100000,
    "fee": 296,
    "tax": 46,
    "payment_id": "pay_DEApNNTR6xmqJy",
}
ADJUSTMENT: Final = PAYMENT | {
    "entity_id": "adj_EhcHONhX4ChgNC",
    "type": "adjustment",
    "debit": 0,
    "credit": 1012,
    "amount": 1012,
    "fee": 0,
    "tax": 0,
    "settlement_utr": None,
}
CHARGEBACK: Final = ADJUSTMENT | {
    "entity_id": "adj_EhcHONhX4Chg01",
    "debit": 50000,
    "credit": 0,
    "amount": 50000,
    "dispute_id": "disp_EsIAlDcoUr8CaQ",
    "payment_id": "pay_EFtmUsbwpXwBH9",
}


def as_csv(*items: dict[str, Any], header: str = API_HEADER) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, header.split(","), restval="", extrasaction="ignore")
    writer.writeheader()
    for item in items:
        writer.writerow({name: _text(value) for name, value in item.items()})
    return text.getvalue().encode()


def _text(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def as_json(*items: dict[str, Any]) -> bytes:
    document = {"entity": "collection", "count": len(items), "items": items}
    return json.dumps(document).encode()


def only(data: bytes) -> Statement:
    (found,) = list(sniff(data, among=FORMATS).read(io.BytesIO(data)))
    found.lines = list(found.lines)
    return found


def lines_of(data: bytes) -> list[StatementLine]:
    ((_, lines),) = load(sniff(data, among=FORMATS), data)
    return lines


@pytest.mark.parametrize("write", [as_csv, as_json])
def test_payment_is_read_whole(write: Any) -> None:
    (line,) = lines_of(write(PAYMENT))

    assert line == StatementLine(
        line=2 if write is as_csv else 1,
        key="pay_DEXrnipqTmWVGE",
        kind=LineKind.PAYMENT,
        amount_paise=100000,
        business_date=date(2019, 9, 11),
        fee_paise=2458,
        tax_paise=442,
        occurred_at=datetime(2019, 9, 5, 14, 9, 16, tzinfo=UTC),
        channel_ref="pay_DEXrnipqTmWVGE",
        reference="26H18-3RZ7K2MQ-4TX",
        order_ref="order_DEXrnRiR3SNDHA",
        utr="1568176960VXP0RJ",
        settlement_ref="setl_DGlQ1Rj8os78Ec",
        method="card",
        network="MasterCard",
        code="payment",
        narration="Electricity bill",
    )


@pytest.mark.parametrize("write", [as_csv, as_json])
@pytest.mark.parametrize(
    ("row", "kind", "amount", "fee", "tax", "original"),
    [
        (REFUND, LineKind.REFUND, -242500, 0, 0, "pay_DEXq1pACSqFxtS"),
        (TRANSFER, LineKind.TRANSFER, -100000, 250, 46, "pay_DEApNNTR6xmqJy"),
        (ADJUSTMENT, LineKind.ADJUSTMENT, 1012, 0, 0, ""),
        (CHARGEBACK, LineKind.CHARGEBACK, -50000, 0, 0, "pay_EFtmUsbwpXwBH9"),
        (
            CHARGEBACK | {"debit": 0, "credit": 50000, "payment_id": None},
            LineKind.CHARGEBACK,
            50000,
            0,
            0,
            "disp_EsIAlDcoUr8CaQ",
        ),
    ],
)
def test_other_rows_have_their_kind_sign_and_origin(
    write: Any, row: dict[str, Any], kind: LineKind, amount: int, fee: int, tax: int, original: str
) -> None:
    (line,) = lines_of(write(row))

    assert (line.kind, line.amount_paise, line.fee_paise, line.tax_paise) == (
        kind,
        amount,
        fee,
        tax,
    )
    assert (line.channel_ref, line.original_ref) == (row["entity_id"], original)
    assert line.amount_paise - line.fee_paise - line.tax_paise == row["credit"] - row["debit"]


def test_unknown_word_is_kept_for_a_person() -> None:
    (line,) = lines_of(as_csv(PAYMENT | {"type": "reserve_hold", "credit": 0, "debit": 700}))

    assert (line.kind, line.code, line.amount_paise) == (LineKind.UNKNOWN, "reserve_hold", -700)
    assert (line.fee_paise, line.tax_paise) == (0, 0)


def test_published_rows_sum_to_their_truth() -> None:
    lines = lines_of(PUBLISHED.read_bytes())

    assert [line.kind.value for line in lines] == ["payment", "refund", "transfer", "adjustment"]
    assert sum(line.amount_paise - line.fee_paise - line.tax_paise for line in lines) == -244684
    assert sum(line.fee_paise + line.tax_paise for line in lines) == 3196
    assert sum(line.tax_paise for line in lines) == 46


def test_both_shapes_read_alike() -> None:
    rows = (PAYMENT, REFUND, TRANSFER, ADJUSTMENT, CHARGEBACK)

    from_csv = [line._replace(line=0) for line in lines_of(as_csv(*rows))]
    from_json = [line._replace(line=0) for line in lines_of(as_json(*rows))]

    assert from_csv == from_json


@pytest.mark.parametrize("write", [as_csv, as_json])
def test_unsettled_row_is_counted_and_left_out(write: Any) -> None:
    waiting = PAYMENT | {"entity_id": "pay_2", "settled": False, "settled_at": None}

    found = only(write(PAYMENT, waiting))

    assert [line.channel_ref for line in found.lines] == ["pay_DEXrnipqTmWVGE"]
    assert found.notes == {"unsettled": 1}
    assert load(CSV if write is as_csv else JSON, write(PAYMENT, waiting))


def test_count_that_differs_from_the_items_is_refused() -> None:
    with pytest.raises(Refused, match="declares 5 entries, but 1 were read"):
        lines_of(as_json(PAYMENT).replace(b'"count": 1', b'"count": 5'))


def test_repeated_entity_has_keys_of_its_own() -> None:
    keys = [line.key for line in lines_of(as_csv(PAYMENT, PAYMENT, REFUND, PAYMENT))]

    pay, refund = PAYMENT["entity_id"], REFUND["entity_id"]
    assert keys == [pay, f"{pay}#2", refund, f"{pay}#3"]


def test_columns_are_found_by_name() -> None:
    header = ",".join(["a_new_column", *reversed(API_HEADER.split(","))])

    assert lines_of(as_csv(PAYMENT, header=header)) == lines_of(as_csv(PAYMENT))


def test_dashboard_writes_rupees_and_the_fee_without_tax() -> None:
    row = {
        "transaction_entity": "payment",
        "entity_id": "pay_DEXrnipqTmWVGE",
        "amount": "1,000.00",
        "currency": "INR",
        "fee (exclusive tax)": "24.58",
        "tax": "4.42",
        "debit": "0.00",
        "credit": "971.00",
        "payment_method": "card",
        "entity_created_at": "05/09/2019 19:39:16",
        "entity_description": "Electricity bill",
        "order_id": "order_DEXrnRiR3SNDHA",
        "order_receipt": "26H18-3RZ7K2MQ-4TX",
        "settlement_id": "setl_DGlQ1Rj8os78Ec",
        "settled_at": "11/09/2019 10:12:40",
        "settlement_utr": "1568176960vxp0rj",
    }

    (line,) = lines_of(as_csv(row, header=DASHBOARD_HEADER))

    ((of_the_api),) = lines_of(as_csv(PAYMENT))
    assert line == of_the_api._replace(network="")


@pytest.mark.parametrize(
    ("settled_at", "day"),
    [
        (1756319399, date(2025, 8, 27)),  # 23:59:59 in India
        (1756319400, date(2025, 8, 28)),  # midnight in India, still the 27th in UTC
    ],
)
def test_business_date_is_the_day_in_india(settled_at: int, day: date) -> None:
    (line,) = lines_of(as_csv(PAYMENT | {"settled_at": settled_at}))

    assert line.business_date == day


@pytest.mark.parametrize("write", [as_csv, as_json])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"credit": 97099}, "do not give credit 97099 and debit 0"),
        ({"credit": 0, "debit": 97100}, "do not give credit 0 and debit 97100"),
        ({"debit": 5, "credit": 97105}, "expected a debit or a credit, got both"),
        ({"fee": 400}, "expected a fee that holds its tax of 442, got 400"),
        ({"amount": "1000.00"}, "expected whole paise, got '1000.00'"),
        ({"amount": "1_000"}, "expected whole paise, got '1_000'"),
        ({"amount": -100000}, "expected whole paise, got '-100000'"),
        ({"amount": "9" * 14}, "expected whole paise"),
        ({"amount": "", "credit": "", "fee": "", "tax": ""}, "payment: expected an amount"),
        ({"created_at": "01/01/0001 00:00:00"}, "a date of our time"),
        ({"currency": "USD"}, "expected the currency INR, got 'USD'"),
        ({"settled": "maybe"}, "expected settled 1 or 0, got 'maybe'"),
        ({"settled_at": None}, "expected Unix seconds"),
        ({"created_at": "yesterday"}, "expected Unix seconds"),
        ({"entity_id": ""}, "expected an entity_id"),
    ],
)
def test_wrong_row_is_refused_with_its_number(
    write: Any, change: dict[str, Any], told: str
) -> None:
    found = only(write(REFUND, PAYMENT | change, ADJUSTMENT))

    assert [line.channel_ref for line in found.lines] == [
        REFUND["entity_id"],
        ADJUSTMENT["entity_id"],
    ]
    assert [refusal.line for refusal in found.refusals] == [3 if write is as_csv else 2]
    assert told in found.refusals[0].problem


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"entity_id,type,amount\n", r"without \['debit', 'credit'"),
        (as_csv(PAYMENT).replace(b"posted_at", b"fee"), r"the columns \['fee'\] stand twice"),
        (b'entity_id,settlement_utr\n"open', "row 1: expected the columns"),
        (as_csv(PAYMENT) + b'"open', "row 3: unexpected end of data"),
    ],
)
def test_csv_of_another_shape_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(Refused, match=told):
        load(CSV, data)


def test_short_row_is_refused() -> None:
    found = only(as_csv(PAYMENT) + b"pay_2,payment\n")

    assert [(r.line, r.problem) for r in found.refusals] == [(3, "expected 26 cells, got 2")]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"[]", 'expected {"entity": "collection"'),
        (b'{"items": 1}', 'expected {"entity": "collection"'),
        (b'{"items": [', "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_json_of_another_shape_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(Malformed, match=told):
        list(JSON.read(io.BytesIO(data)))


def test_item_that_is_no_item_is_refused() -> None:
    found = only(b'{"entity": "collection", "count": 1, "items": ["pay_1"]}')

    assert [(r.line, r.problem) for r in found.refusals] == [(1, "expected 20 cells, got 0")]


@pytest.mark.volume
def test_a_million_rows_are_read_in_one_go() -> None:
    rows = as_csv(PAYMENT).splitlines(keepends=True)
    body = b"".join(rows[1].replace(b"DEXrnipqTmWVGE", b"%014d" % i) for i in range(1_000_000))

    (found,) = list(CSV.read(io.BytesIO(rows[0] + body)))

    assert sum(line.amount_paise for line in found.lines) == 1_000_000 * 100000
    assert found.refusals == []
