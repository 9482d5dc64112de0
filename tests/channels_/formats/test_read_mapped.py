"""Statements by a mapping: signs, balances, totals, every source, and mappings that are none."""

import io
import json
import random
from io import BytesIO
from typing import Any, Final

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from channels_.contract import Statement
from channels_.formats.identity import Times
from channels_.formats.mapped import bank_table, bank_table_format
from channels_.formats.table import Layout, agreed, table_format
from cspdcl.kernel.errors import Malformed
from tests.channels_.formats.loading import Refused, load, read_all

HEADER: Final = ["Date", "Narration", "Ref", "Withdrawal", "Deposit", "Balance"]
COLUMNS: Final[dict[str, Any]] = {
    "day": "Date",
    "narration": ["Narration"],
    "reference": "Ref",
    "debit": "Withdrawal",
    "credit": "Deposit",
    "balance": ["Closing Balance", "Balance"],
}
ROWS: Final = [
    ["26/08/2026", "NEFT CR-SBINN12345678901", "R1", "", "1,00,000.00", "1,01,000.00"],
    ["26/08/2026", "CHARGES", "R2", "59.00", "0.00", "1,00,941.00"],
    ["27/08/2026", "UPI/CR/424200329588/PAY", "", "", "1.50", "1,00,942.50 Cr"],
]


def table(**changes: Any) -> Any:
    told = {"code": "t", "title": "T", "columns": COLUMNS, "account": "30000000001"}
    return bank_table_format(bank_table(told | changes))


def csv(*rows: list[str], header: list[str] = HEADER) -> bytes:
    lines = [",".join(f'"{cell}"' for cell in row) for row in (header, *rows)]
    return "\n".join(lines).encode()


def only_statement(known: Any, data: bytes) -> Statement:
    statements = known.read(BytesIO(data))
    found: Statement = next(statements)
    found.lines = list(found.lines)
    assert next(statements, None) is None
    return found


def test_table_is_read_and_its_balances_prove_it() -> None:
    known = table()

    ((page, lines),) = load(known, csv(*ROWS))

    assert (page.account, page.currency, page.must_balance) == ("30000000001", "INR", True)
    assert (page.opening_paise, page.closing_paise) == (100000, 10094250)
    assert (f"{page.opened_on}", f"{page.closed_on}") == ("2026-08-26", "2026-08-27")
    assert [line.amount_paise for line in lines] == [10000000, -5900, 150]
    assert (lines[0].utr, lines[0].reference, lines[0].line) == ("SBINN12345678901", "R1", 2)
    assert (lines[2].rrn, f"{lines[2].business_date}") == ("424200329588", "2026-08-27")
    assert known.sniff(csv(*ROWS))
    assert not known.sniff(b"a,b,c\n1,2,3\n")


def test_newest_row_may_stand_first() -> None:
    known = table(newest_first=True)

    ((page, lines),) = load(known, csv(*reversed(ROWS)))

    assert (page.opening_paise, page.closing_paise) == (100000, 10094250)
    assert [line.amount_paise for line in lines] == [150, -5900, 10000000]


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_row_that_is_missing_between_two_breaks_the_balance(gone: int) -> None:
    rows = ROWS[:gone] + ROWS[gone + 1 :]

    found = only_statement(table(), csv(*rows))

    if gone == 1:
        assert "expected the balance 101001.50 behind this row, got 100942.50" in (
            found.refusals[0].problem
        )
    else:
        assert found.refusals == []  # at an end only the neighbouring statement can tell


def test_rows_in_the_other_order_are_refused() -> None:
    found = only_statement(table(), csv(*reversed(ROWS)))

    assert "expected the balance 100883.50 behind this row" in found.refusals[0].problem


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (["32/08/2026", "", "", "", "1", "1"], "expected a day like %d/%m/%Y, got '32/08/2026'"),
        (["26/08/0026", "", "", "", "1", "1"], "expected a day like %d/%m/%Y, got '26/08/0026'"),
        (["26/08/2026", "", "", "", "", "1"], "as credit or as debit, got nothing"),
        (["26/08/2026", "", "", "1", "1", "1"], "as credit or as debit, got both"),
        (["26/08/2026", "", "", "-1", "", "1"], "expected an amount without a minus"),
        (["26/08/2026", "", "", "", "1,5", "1"], "an amount such as 1234.50, got '1,5'"),
        (["26/08/2026", "", "", "", "1.005", "1"], "an amount such as 1234.50, got '1.005'"),
        (["26/08/2026", "", "", "", "1e3", "1"], "an amount such as 1234.50, got '1e3'"),
        (["26/08/2026", "", "", "", "1", "-"], "an amount such as 1234.50, got ''"),
        (["26/08/2026", "A", "B", "", "1", "1", "x"], "expected 6 cells, got 7"),
        (["26/08/2026"], "as credit or as debit, got nothing"),
    ],
)
def test_wrong_row_is_refused_with_its_number(cells: list[str], told: str) -> None:
    found = only_statement(table(), csv(ROWS[0], cells))

    assert [line.line for line in found.lines] == [2]
    assert [refusal.line for refusal in found.refusals] == [3]
    assert told in found.refusals[0].problem


SIGNED: Final[dict[str, Any]] = {"columns": {"day": "Date", "amount": "Amount", "direction": "DC"}}


def test_word_beside_the_amount_gives_its_direction() -> None:
    known = table(**SIGNED, directions={"CR": "credit", "DR": "debit"}, minus_is_noise=True)
    header = ["Date", "Amount", "DC"]
    rows = (["2026-08-26", "-5.00", "Cr"], ["2026-08-26", "5.00", "dr"], ["2026-08-26", "1", ""])

    found = only_statement(known, csv(*rows, header=header))

    assert [line.amount_paise for line in found.lines] == [500, -500]
    assert "expected a direction out of CR, DR, got ''" in found.refusals[0].problem
    assert found.page.must_balance is False


AROUND: Final[dict[str, Any]] = {
    "opening_label": "Opening",
    "closing_label": "Closing",
    "total_label": "Total",
    "account_label": "Account",
    "skips": ["Page"],
    "account": "",
    "columns": {role: COLUMNS[role] for role in ("day", "debit", "credit")},
}


def surrounded(total: str = "1,00,001.50", closing: str = "1,00,942.50") -> bytes:
    head = b"Account No: 30000000001\nOpening balance,,,1000.00\nPage 1\n"
    tail = f'\nPage 2\nTotal,,,59.00,"{total}"\nClosing balance :,,,"{closing}"\n'
    return head + csv(*ROWS) + tail.encode()


def test_what_stands_around_the_table_proves_it() -> None:
    ((page, lines),) = load(table(**AROUND), surrounded())

    assert (page.account, page.opening_paise, page.closing_paise) == (
        "30000000001",
        100000,
        10094250,
    )
    assert len(lines) == 3
    assert only_statement(table(**AROUND), surrounded()).notes == {"skipped": 2}


def test_totals_and_balances_that_differ_are_refused() -> None:
    with pytest.raises(Refused, match=r"expected a total of credits of 100001\.50, got '1\.00'"):
        load(table(**AROUND), surrounded(total="1.00"))
    with pytest.raises(Refused, match=r"but closing is 1\.00: difference"):
        load(table(**AROUND), surrounded(closing="1.00"))
    with pytest.raises(Refused, match="has no closing balance: it is cut short"):
        load(table(**AROUND), surrounded().partition(b"Closing")[0])


def test_other_currency_and_second_account_are_refused() -> None:
    columns = {"day": "Date", "amount": "Amount", "currency": "Ccy", "account": "Account"}
    rows = [["2026-08-26", "1", "INR", "A"], ["2026-08-26", "1", "USD", "A"]]
    rows.append(["2026-08-26", "1", "", "B"])

    found = only_statement(
        table(columns=columns, account=""), csv(*rows, header=[*columns.values()])
    )

    assert [refusal.problem for refusal in found.refusals] == [
        "expected the currency INR, got 'USD'",
        "expected one account in the file, got a second",
    ]


def test_equal_rows_are_two_and_keep_their_keys_in_another_order() -> None:
    columns = {role: COLUMNS[role] for role in ("day", "narration", "debit", "credit")}
    known = table(columns=columns)
    twin = ["26/08/2026", "CASH", "", "", "5.00", ""]

    ((_, first),) = load(known, csv(twin, ROWS[0], twin))
    ((_, second),) = load(known, csv(ROWS[0], twin, twin))

    assert len({line.key for line in first}) == 3
    assert {line.key for line in first} == {line.key for line in second}


# ---- the other sources -------------------------------------------------------------------------


def fixed() -> tuple[dict[str, Any], bytes]:
    widths = [("Date", 1, 10), ("Narration", 11, 40), ("Ref", 41, 50), ("Withdrawal", 51, 65)]
    widths += [("Deposit", 66, 80), ("Balance", 81, 98)]
    text = "\r\n".join(
        "".join(
            cell.ljust(last - first + 1)
            for cell, (_n, first, last) in zip(row, widths, strict=True)
        )
        for row in ROWS
    )
    return {"source": "fixed", "widths": widths}, text.encode()


def xml() -> tuple[dict[str, Any], bytes]:
    columns = COLUMNS | {"debit": "Money/@out", "credit": "Money/@in"}
    rows = "".join(
        f"<Row><Date>{day}</Date><Narration>{text}</Narration><Ref>{ref}</Ref>"
        f"<Money out='{debit}' in='{credit}'/><Balance>{balance}</Balance></Row>\n"
        for day, text, ref, debit, credit, balance in ROWS
    )
    data = f"<Book xmlns='urn:x'><Head><Date>no</Date></Head><Rows>{rows}</Rows></Book>"
    return {"source": "xml", "record": "Row", "columns": columns}, data.encode()


def json_text() -> tuple[dict[str, Any], bytes]:
    columns = COLUMNS | {"credit": "money/in", "debit": "money/out"}
    rows = [
        {"Date": day, "Narration": text, "Ref": ref, "Balance": balance.removesuffix(" Cr")}
        | {"money": {"out": debit, "in": credit or None}}
        for day, text, ref, debit, credit, balance in ROWS
    ]
    return {"source": "json", "record": "data/rows", "columns": columns}, json.dumps(
        {"data": {"rows": rows}}
    ).encode()


def workbook() -> tuple[dict[str, Any], bytes]:
    packed = io.BytesIO()
    with xlsxwriter.Workbook(packed, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate([["State Bank"], HEADER, *ROWS]):
            sheet.write_row(number, 0, row)
    return {}, packed.getvalue()


@pytest.mark.parametrize("source", [fixed, xml, json_text, workbook], ids=lambda one: one.__name__)
def test_every_source_gives_the_same_lines(source: Any) -> None:
    changes, data = source()
    ((wanted_page, wanted),) = load(table(), csv(*ROWS))

    ((page, lines),) = load(table(**changes), data)

    assert page == wanted_page
    assert [line._replace(line=0) for line in lines] == [line._replace(line=0) for line in wanted]


@pytest.mark.parametrize(
    ("changes", "data", "told"),
    [
        ({"source": "xml", "record": "Row"}, b"<a/>", "expected records <Row> in the file"),
        ({"source": "xml", "record": "Row"}, b"<!DOCTYPE a><a/>", "<!DOCTYPE is not accepted"),
        ({"source": "xml", "record": "R"}, b"<R>" + b"<a/>" * 2000 + b"</R>", "deeper or wider"),
        ({"source": "json"}, b'{"rows": []}', "expected an array under 'the document'"),
        ({"source": "json", "record": "rows"}, b'{"rows": [1]}', "record 1: expected an object"),
        ({}, b"a,b\n1,2\n", "is a header; expected Date, Narration"),
        ({"source": "fixed", "widths": [["Date", 1, 10]]}, b"x" * 20_000, "longer than 10000"),
    ],
)
def test_file_that_the_mapping_does_not_fit_is_refused(
    changes: dict[str, Any], data: bytes, told: str
) -> None:
    with pytest.raises(Malformed, match=told):
        read_all(table(**changes), data)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"colums": {}}, "no such setting .'colums'."),
        ({"columns": {"day": "A", "money": "B"}}, "no such meaning .'money'."),
        ({"columns": {"amount": "A"}}, "expected day, and amount or credit"),
        ({"columns": {"day": "A", "amount": "B", "credit": "C"}}, "not both"),
        ({**SIGNED}, "expected an amount beside it, and the words in directions"),
        ({**SIGNED, "directions": {"C": "in"}}, "expected credit or debit for each word"),
        ({"decimal": "'"}, "expected a point or a comma"),
        ({"source": "pdf"}, "expected table, fixed, xml, json"),
        ({"source": "xml"}, "expected the name of the element"),
        ({"source": "fixed"}, "expected at least one column"),
        ({"source": "fixed", "widths": [["A", 5, 1]]}, "A: expected places behind 0"),
        ({"source": "fixed", "widths": [["A", 1, 5], ["B", 5, 9]]}, "B: expected places behind 5"),
    ],
)
def test_mapping_that_cannot_be_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(TypeError, match=told):
        table(**changes)


def test_settlement_report_of_fixed_width_is_read_by_a_layout() -> None:
    columns = {"channel_ref": ("RRN",), "amount": ("AMT",), "settled_on": ("DAY",)}
    layout = Layout(code="pos", title="POS", columns=columns, unit="paise", dates=("%d%m%Y",))
    widths = [["RRN", 1, 12], ["DAY", 13, 20], ["AMT", 21, 30]]
    known = table_format(agreed(layout, {"report": {"widths": widths}}))
    data = b"424200329588260820260000012345\n424200329589260820260000000005\n"

    ((_, lines),) = load(known, data)

    assert known.sniff(data)
    assert not known.sniff(b"RRN,DAY,AMT\n")
    assert [(line.key, line.amount_paise) for line in lines] == [
        ("424200329588", 12345),
        ("424200329589", 5),
    ]


@given(
    decimal=st.sampled_from([".", ","]),
    paise=st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=8),
)
def test_what_was_written_is_read(decimal: str, paise: list[int]) -> None:
    rows, balance = [], 0
    for one in paise:
        balance += one
        rows.append(["2026-08-26", _amount(one, decimal), _amount(balance, decimal)])
    columns = {"day": "Date", "amount": "Amount", "balance": "Balance"}

    ((page, lines),) = load(
        table(columns=columns, decimal=decimal), csv(*rows, header=[*columns.values()])
    )

    assert [line.amount_paise for line in lines] == paise
    assert (page.opening_paise, page.closing_paise) == (0, sum(paise))


def _amount(paise: int, decimal: str) -> str:
    text = f"{abs(paise) // 100:,}.{abs(paise) % 100:02}"
    if decimal == ",":
        text = text.replace(",", " ").replace(".", ",").replace(" ", ".")
    return f"-{text}" if paise < 0 else text


def test_counting_is_exact_over_many_texts() -> None:
    texts = [f"line {number % 3_000}" for number in range(5_000)]
    random.Random(7).shuffle(texts)
    times, counted = Times(), dict.fromkeys(texts, 0)

    for text in texts:
        counted[text] += 1
        assert times.add(text) == counted[text]
