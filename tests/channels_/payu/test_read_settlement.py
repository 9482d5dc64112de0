"""PayU's settlement: as documented, in its three shapes, with the paise that rounding costs."""

import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from channels_.adapters.payu import ADAPTER
from channels_.adapters.payu.simulate import SIMULATION
from channels_.contract import LineKind, Setup, StatementLine, Window, Wire
from channels_.formats import sniff
from channels_.simulation import Called, ReportRow
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed
from simulator.books import Books

SETUP: Final = Setup(
    merchant_id="SmplKy",
    secrets={"salt": "golden salt of payu"},
    api_url="https://payu.example",
    at=datetime(2026, 8, 19, 4, 30, tzinfo=UTC),
)
DAY: Final = datetime(2026, 8, 19, tzinfo=INDIA)
WINDOW: Final = Window(since=DAY, until=DAY)
# As documented by the provider for version 1.
ROW: Final[dict[str, Any]] = {
    "payuid": 13799177287,
    "txnid": "13818",
    "txndate": "2021-08-10 23:46:25",
    "mode": "DC",
    "amount": "11979.88",
    "requestid": "9586840660",
    "requestdate": "2021-08-10 23:49:16",
    "requestaction": "capture",
    "requestamount": "11979.88",
    "mer_utr": "N223211598444659",
    "mer_service_fee": "239.6000",
    "mer_service_tax": "43.1300",
    "mer_net_amount": "11697.1500",
    "bank_name": "MAST",
    "issuing_bank": "SBI",
    "merchant_subvention_amount": "0.00",
    "cgst": "0.00000",
    "igst": "43.13000",
    "sgst": "0.00000",
    "PG_TYPE": "HDFC_Internal_Plus",
    "Card Type": "",
    "token": "",
}


def document(*rows: dict[str, Any], day: str = "2021-08-11") -> bytes:
    details = {str(number): row for number, row in enumerate(rows, start=1)}
    said = {
        "status": 1,
        "msg": f"{len(rows)} transactions settled on {day}",
        "Txn_details": details,
    }
    return json.dumps(said).encode()


def lines_of(data: bytes, settings: dict[str, Any] | None = None) -> list[StatementLine]:
    assert ADAPTER.layouts is not None
    known = sniff(data, among=ADAPTER.layouts(settings or {}))
    (statement,) = known.read(io.BytesIO(data))
    lines = list(statement.lines)
    assert statement.refusals == []
    return lines


def test_the_documented_row_is_read_whole() -> None:
    (line,) = lines_of(document(ROW))

    assert line == StatementLine(
        line=2,
        key="13799177287",
        kind=LineKind.PAYMENT,
        amount_paise=1197988,
        business_date=date(2021, 8, 11),
        fee_paise=23960,
        tax_paise=4313,
        occurred_at=datetime(2021, 8, 10, 23, 49, 16, tzinfo=INDIA),
        channel_ref="13799177287",
        reference="13818",
        order_ref="13818",
        utr="N223211598444659",
        settlement_ref="N223211598444659",
        method="card",
        code="capture",
    )


@pytest.mark.parametrize(
    ("gross", "fee", "tax", "net", "read"),
    [
        ("1000.00", "17.7051", "3.1869", "979.1080", (100000, 1770, 319)),
        ("999.99", "11.99988", "2.15998", "985.83014", (99999, 1200, 216)),
        ("333.33", "3.9999", "0.7199", "328.6102", (33333, 400, 72)),
        ("10.00", "0.0000", "0.0000", "10.0000", (1000, 0, 0)),
    ],
)
def test_four_and_five_decimals_add_up(
    gross: str, fee: str, tax: str, net: str, read: tuple[int, int, int]
) -> None:
    row = {**ROW, "requestamount": gross, "mer_service_fee": fee, "mer_service_tax": tax,
           "mer_net_amount": net}  # fmt: skip

    (line,) = lines_of(document(row))

    assert (line.amount_paise, line.fee_paise, line.tax_paise) == read
    net_paise = line.amount_paise - line.fee_paise - line.tax_paise
    assert abs(net_paise - Decimal(net) * 100) <= 1


@pytest.mark.parametrize(
    ("action", "kind", "sign"),
    [
        ("refund", LineKind.REFUND, -1),
        ("cancel", LineKind.REFUND, -1),
        ("refundreversal", LineKind.REFUND, 1),
        ("chargeback", LineKind.CHARGEBACK, -1),
        ("chargeback reversal", LineKind.CHARGEBACK, 1),
    ],
)
@pytest.mark.parametrize("written", ["", "-"])
def test_what_went_back_has_its_sign_and_its_payment(
    action: str, kind: LineKind, sign: int, written: str
) -> None:
    row = {**ROW, "requestaction": action, "requestid": "131278422",
           "requestamount": f"{written}100.00", "mer_service_fee": "0", "mer_service_tax": "0",
           "mer_net_amount": f"{written}100.00"}  # fmt: skip

    (line,) = lines_of(document(row))

    assert (line.kind, line.amount_paise) == (kind, sign * 10000)
    assert (line.channel_ref, line.original_ref) == ("131278422", "13799177287")


def test_a_word_nobody_agreed_on_is_kept_for_a_person() -> None:
    (line,) = lines_of(document({**ROW, "requestaction": "reserve_hold"}))

    assert (line.kind, line.code) == (LineKind.UNKNOWN, "reserve_hold")


def test_two_actions_of_one_payment_are_two_lines() -> None:
    refund = {**ROW, "requestaction": "refund", "requestid": "131278422", "mer_service_fee": "0",
              "mer_service_tax": "0", "mer_net_amount": "-11979.88"}  # fmt: skip

    assert [line.key for line in lines_of(document(ROW, refund, ROW))] == [
        "13799177287",
        "refund:131278422",
        "13799177287#2",
    ]


def test_a_row_that_does_not_add_up_is_refused() -> None:
    assert ADAPTER.layouts is not None
    data = document(ROW, {**ROW, "mer_net_amount": "11690.1500"})
    (statement,) = ADAPTER.layouts({})[0].read(io.BytesIO(data))

    assert len(list(statement.lines)) == 1
    assert [refusal.line for refusal in statement.refusals] == [3]


def test_settings_can_name_the_columns_of_a_file() -> None:
    data = (
        b"PayU Ref,Gross,Charges,Tax,Payout,Paid On,Bank Ref,What\n"
        b"13799177287,11979.88,239.60,43.13,11697.15,11-08-2021,n223211598444659,SALE\n"
    )
    report = {
        "columns": {"channel_ref": "PayU Ref", "amount": "Gross", "fee": "Charges", "tax": "Tax",
                    "net": "Payout", "settled_on": "Paid On", "utr": "Bank Ref", "kind": "What"},
        "kinds": {"SALE": "payment"},
    }  # fmt: skip

    (line,) = lines_of(data, {"report": report})

    assert (line.channel_ref, line.amount_paise, line.fee_paise) == ("13799177287", 1197988, 23960)


def pulled_of(wire: Wire, window: Window = WINDOW, setup: Setup = SETUP) -> Any:
    assert ADAPTER.report is not None
    return ADAPTER.report.read(wire, setup, window)


def test_a_full_page_has_a_next_one() -> None:
    setup = replace(SETUP, settings={"page_size": 2})

    full = pulled_of(Wire(document(ROW, ROW)), setup=setup)
    last = pulled_of(Wire(document(ROW)), replace(WINDOW, cursor="2"), setup)

    assert (full.cursor, last.cursor) == ("2", "")
    assert (full.name, full.content) == (
        "payu-settlement-2026-08-19-1.json",
        document(ROW, ROW),
    )


def test_a_day_without_settlement_has_no_file() -> None:
    nothing = b'{"status": 1, "msg": "0 transactions settled on 2026-08-19", "Txn_details": []}'

    assert pulled_of(Wire(nothing)).content == b""


@pytest.mark.parametrize(
    "wire",
    [
        Wire(b'{"status": 0, "msg": "Please check date format it should be YYYY-MM-DD"}'),
        Wire(b"Array ( [status] => 1 )"),
        Wire(document(ROW), 503),
    ],
)
def test_an_unclear_answer_is_no_empty_day(wire: Wire) -> None:
    with pytest.raises(Malformed):
        pulled_of(wire)


AT: Final = datetime(2026, 8, 19, 10, 30, tzinfo=INDIA)
ROWS: Final = [
    ReportRow("403993715521889530", "payment", 0, 241430, 246350, 4169, 751, AT, AT,
              "85999101", "N231267700112233", order_ref="26H18-3RZ7K2MQ-4TX", method="upi"),
    ReportRow("131278422", "refund", 46350, 0, 46350, 0, 0, AT, AT, "85999101",
              "N231267700112233", payment_ref="403993715521889530", method="upi"),
    ReportRow("131900001", "adjustment", 50000, 0, 50000, 0, 0, AT, AT, "85999101",
              "N231267700112233", payment_ref="403993715521889000", dispute_ref="CB1"),
    ReportRow("131900002", "reserve_hold", 700, 0, 700, 0, 0, AT, AT, "85999101",
              "N231267700112233"),
]  # fmt: skip


def facts(lines: list[StatementLine]) -> list[tuple[Any, ...]]:
    return [
        (one.kind, one.channel_ref, one.amount_paise, one.fee_paise, one.tax_paise, one.utr,
         one.original_ref, one.business_date)
        for one in lines
    ]  # fmt: skip


def test_played_settlement_reads_alike_in_every_shape() -> None:
    assert SIMULATION.report is not None
    assert SIMULATION.answer is not None
    assert ADAPTER.report is not None
    files = SIMULATION.report(ROWS)
    books = Books(SIMULATION)
    books.remember([], ROWS)
    pulled = []
    for api in ("details", "range"):
        setup = replace(SETUP, settings={"settlement_api": api})
        call = ADAPTER.report.call(WINDOW, setup)
        place = urlsplit(call.url)
        headers = {name.lower(): value for name, value in call.headers.items()}
        called = Called(call.method, f"{place.path}?{place.query}", headers, call.body)
        wire = SIMULATION.answer(called, books, setup)
        pulled.append(ADAPTER.report.read(wire, setup, WINDOW).content)

    expected = [
        (LineKind.PAYMENT, "403993715521889530", 246350, 4169, 751, "N231267700112233", "",
         date(2026, 8, 19)),
        (LineKind.REFUND, "131278422", -46350, 0, 0, "N231267700112233", "403993715521889530",
         date(2026, 8, 19)),
        (LineKind.CHARGEBACK, "131900001", -50000, 0, 0, "N231267700112233",
         "403993715521889000", date(2026, 8, 19)),
        (LineKind.UNKNOWN, "131900002", -700, 0, 0, "N231267700112233", "", date(2026, 8, 19)),
    ]  # fmt: skip
    for data in (*files.values(), *pulled):
        assert facts(lines_of(data)) == expected


def test_the_range_api_is_signed_by_its_date() -> None:
    assert ADAPTER.report is not None
    setup = replace(SETUP, settings={"settlement_api": "range"})

    call = ADAPTER.report.call(WINDOW, setup)

    assert call.method == "GET"
    assert call.url == (
        "https://payu.example/settlement/range"
        "?dateFrom=2026-08-19&dateTo=2026-08-19&pageSize=500&page=1"
    )
    assert call.headers["Date"] == "Wed, 19 Aug 2026 04:30:00 GMT"
    assert call.headers["Authorization"].startswith('hmac username="SmplKy", algorithm="sha512"')
