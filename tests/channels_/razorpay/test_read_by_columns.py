"""A large report read by columns: line for line what the reader of rows makes of it."""

import io
from collections.abc import Iterator

import pytest

from channels_.adapters.razorpay import statement
from channels_.contract import Statement, StatementLine
from channels_.formats import columns

HEADER = (
    "entity_id,type,debit,credit,amount,currency,fee,tax,settled,created_at,settled_at,"
    "settlement_id,description,payment_id,settlement_utr,order_id,method,card_network,dispute_id"
)
COUNT = 4_000


def _row(number: int, **other: str) -> str:
    paise = 10_000 + number
    cells = {
        "entity_id": f"pay_{number:014x}", "type": "payment", "debit": "0",
        "credit": str(paise - 118), "amount": str(paise), "currency": "INR", "fee": "118",
        "tax": "18", "settled": "1", "created_at": str(1_787_000_000 + number * 61),
        "settled_at": "1787056200", "settlement_id": f"setl_{number % 3}",
        "description": "Electricity bill for the month of August", "payment_id": "",
        "settlement_utr": "utibn1", "order_id": f"order_{number}", "method": "upi",
        "card_network": "", "dispute_id": "",
    } | other  # fmt: skip
    return ",".join(cells[name] for name in HEADER.split(","))


ODD = {
    7: _row(7, type="refund", debit="10007", credit="0", payment_id="pay_x"),
    70: _row(70, type="adjustment", debit="500", credit="0", amount="500", fee="0", tax="0"),
    700: _row(700, settled="0"),
    701: _row(701, type="new word"),
    900: _row(900, amount="12.50"),
    901: _row(901, currency="USD"),
    902: _row(902, credit="1"),
    903: _row(903, settled_at="18/08/2026 19:00:00"),
    904: _row(904, tax="200"),
    905: _row(905, description="आधा बिल"),
    906: "one,two",
}


def _report(odd: dict[int, str], *, end: str = "\n") -> bytes:
    rows = [odd.get(number, _row(number)) for number in range(COUNT)]
    return end.join([HEADER, *rows, ""]).encode()


def _by_rows(content: bytes) -> tuple[list[StatementLine], Statement]:
    (read,) = list(_statements(content))
    return list(read.lines), read


def _statements(content: bytes) -> Iterator[Statement]:
    return statement.FORMATS[0].read(io.BytesIO(content))


def _by_columns(content: bytes) -> tuple[list[tuple[str, ...]], Statement]:
    read = next(_statements(content))
    assert read.blocks is not None
    blocks = read.blocks()
    assert blocks is not None
    lines = []
    for block in blocks:
        lines += [_texts(row) for row in (*block.frame.iter_rows(), *block.rest)]
    return sorted(lines, key=lambda line: int(line[0])), read


def _texts(row: tuple[object, ...]) -> tuple[str, ...]:
    return tuple("" if cell is None else str(cell) for cell in row)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "BLOCK", 1 << 16)
    monkeypatch.setattr(columns, "WORTH", 1 << 18)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("odd", [{}, {n: row for n, row in ODD.items() if n != 906}])
def test_columns_give_the_lines_and_refusals_that_rows_give(odd: dict[int, str], end: str) -> None:
    content = _report(odd, end=end)

    lines, by_rows = _by_rows(content)
    found, by_columns = _by_columns(content)

    assert found == [_texts(line) for line in lines]
    assert by_columns.refusals == by_rows.refusals
    assert by_columns.notes == by_rows.notes


@pytest.mark.parametrize(
    "odd",
    [
        {5: _row(5, description='"Bill, paid"')},
        {5: _row(4)},
        {5: _row(5, entity_id="")},
        {5: _row(5, description="None")},
        {5: _row(5, description="back\\slash")},
        {5: ""},
        {906: ODD[906]},
    ],
    ids=["quotes", "a key twice", "no key", "the null's word", "an escape", "blank", "uneven"],
)
def test_what_is_not_plain_is_left_to_the_reader_of_rows(odd: dict[int, str]) -> None:
    content = _report(odd)
    lines, by_rows = _by_rows(content)
    read = next(_statements(content))
    assert read.blocks is not None

    assert read.blocks() is None

    assert list(read.lines) == lines
    assert read.refusals == by_rows.refusals


def test_rows_whose_cells_only_sum_up_are_read_one_by_one() -> None:
    content = _report({5: _row(5) + ",more", 6: _row(6).rpartition(",")[0]})

    lines, by_rows = _by_rows(content)
    found, by_columns = _by_columns(content)

    assert found == [_texts(line) for line in lines]
    assert by_columns.refusals == by_rows.refusals
    assert [one.line for one in by_columns.refusals] == [7, 8]
