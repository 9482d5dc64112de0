"""Return files: three shapes, read whole or refused whole, totals proved, repetitions said."""

import io
from datetime import date
from typing import Any, Final

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from counters.paper.return_files import (
    PRESETS,
    Repeated,
    ReturnFile,
    ReturnLine,
    ReturnsRefused,
    layout_from,
    read_returns,
    recognise,
    write_returns,
)

CSV: Final = PRESETS["memo-csv"]
HEADER: Final = (
    "Cheque No,MICR Code,Short Account,Tran Code,Amount,Return Date,Reason Code,Return Reason,"
    "Slip No,Bank Reference"
)
ROW: Final = '524000,695240002,045504,31,"1,25,000.50",18/08/2026,01,Funds Insufficient,DS-7,B1'
LINE: Final = ReturnLine(
    line=2,
    number="524000",
    sort_code="695240002",
    account_id="045504",
    transaction_code="31",
    amount_paise=12_500_050,
    returned_on=date(2026, 8, 18),
    code="01",
    words="Funds Insufficient",
    slip="DS-7",
    bank_ref="B1",
)


def read(*rows: str, layout: str = "memo-csv") -> ReturnFile:
    return read_returns(io.BytesIO("\n".join(rows).encode() + b"\n"), PRESETS[layout])


def workbook(*rows: list[Any]) -> io.BytesIO:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    out.seek(0)
    return out


def test_a_memo_is_read() -> None:
    found = read("Bank of nowhere", "", HEADER, ROW, "Total,1,,,125000.50,,,,,")

    assert found.lines == (LINE._replace(line=4),)
    assert (found.repeated, found.amount_paise) == ((), 12_500_050)
    assert found.proved == {"count", "amount"}


def test_a_number_in_a_wide_field_is_read() -> None:
    assert read(HEADER, ROW.replace("524000", "0000524000", 1)).lines == (LINE,)


def test_a_file_of_pipes_holds_the_whole_line() -> None:
    (line,) = read(
        "Trailer Count: 1",
        "INSTR NO|MICR LINE|INSTR AMT|RETURN DT|RTN CODE|RTN DESC|DEPOSIT SLIP|UTR",
        "524000|⑈524000⑈ 695240002⑆ 045504⑈ 31|125000.50|18082026|1|Funds Insufficient|DS-7|B1",
        "Trailer Amount|125000.50",
        "END OF FILE",
        layout="memo-pipe",
    ).lines

    assert line == LINE._replace(line=3)


def test_a_workbook_that_lost_its_zeros_is_read() -> None:
    book = workbook(
        ["Register of returns"],
        [
            *("Chq Number", "Drawee MICR", "Base Number", "Trn Cd", "Chq Amount (Rs.)"),
            *("Dt of Return", "Reason for Return"),
        ],
        [45, 695240002, 45504, 9, 1250.5, "18-Aug-2026", "Drawers signature differs"],
        ["Grand Total", 1, "", "", 1250.5],
    )
    (line,) = read_returns(book, PRESETS["memo-workbook"]).lines

    assert line == ReturnLine(
        *(3, "000045", "695240002", "045504", "09", 125_050, date(2026, 8, 18), "12"),
        *("Drawers signature differs", "", ""),
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("524000", "", "row 2: expected a cheque number, got none"),
        ("524000", "5240001", "row 2: expected 6 digits of the cheque number, got '5240001'"),
        ("524000", "52A000", "row 2: expected 6 digits of the cheque number"),
        ("695240002", "95240002", "row 2: expected 9 digits of the sort code, got '95240002'"),
        ("045504", "0455041", "row 2: expected 6 digits of the account id, got '0455041'"),
        ("1,25,000.50", "1,25,00.50", "row 2: expected rupees"),
        ("1,25,000.50", "-5", "row 2: expected an amount above zero"),
        ("18/08/2026", "08/18/2026", "row 2: expected a date like"),
        ("18/08/2026", "", "row 2: expected a date, got nothing"),
        ("01,Funds Insufficient", ",", "row 2: expected a reason, got none"),
        (",DS-7,B1", "", "row 2: expected at least 10 cells, got 8"),
    ],
)
def test_one_row_in_doubt_refuses_the_file(old: str, new: str, says: str) -> None:
    with pytest.raises(ReturnsRefused, match=says) as refused:
        read(HEADER, ROW.replace(old, new, 1), ROW)

    assert [refusal.line for refusal in refused.value.refusals] == [2]


def test_every_fault_is_named() -> None:
    with pytest.raises(ReturnsRefused, match=r"3 rows cannot be read: row 2: .*; row 3: .*; row 4"):
        read(HEADER, "x,", ROW.replace("18/08", "32/08"), "total nonsense,,,,,18/08/2026,,,,", ROW)


@pytest.mark.parametrize(
    ("total", "says"),
    [
        ("Total,2,,,125000.50,,,,,", "row 3: the file says 2 rows, 1 were read"),
        ("Total,1,,,125000.51,,,,,", r"row 3: the file says 1,25,000\.51 .* 1,25,000\.50"),
        ("Total Records: 3", "the file says 3 rows"),
        ("Total Amount,99.00", "the file says 99"),
        ("Total Records,many", "row 3: expected a count of rows, got 'many'"),
    ],
)
def test_totals_that_do_not_hold_refuse_the_file(total: str, says: str) -> None:
    with pytest.raises(ReturnsRefused, match=says):
        read(HEADER, ROW, total)


def test_a_row_that_comes_twice_is_said() -> None:
    other = ROW.replace("524000", "524001")

    found = read(HEADER, ROW, other, ROW, "Total,3,,,375001.50,,,,,")

    assert [line.number for line in found.lines] == ["524000", "524001"]
    assert found.repeated == (Repeated(line=4, first=2),)


@pytest.mark.parametrize(
    ("code", "words", "expected"),
    [
        ("01", "FUNDS INSUFFICIENT", ("01", "FUNDS INSUFFICIENT")),
        ("", "12-Drawers signature differs", ("12", "12-Drawers signature differs")),
        ("97", "", ("97", "97")),
        ("97", "A reason of our own", ("97", "A reason of our own")),
        ("X1", "Stop payment", ("20", "Stop payment")),
        ("01", "Drawers signature differs", ("", "01 Drawers signature differs")),
        ("", "Smells of fish", ("", "Smells of fish")),
    ],
)
def test_a_reason_nobody_knows_refuses_nothing(
    code: str, words: str, expected: tuple[str, str]
) -> None:
    (line,) = read(HEADER, ROW.replace("01,Funds Insufficient", f"{code},{words}")).lines

    assert (line.code, line.words) == expected


def test_a_bank_agrees_on_columns_and_words_of_its_own() -> None:
    layout = layout_from(
        "our-bank",
        {"columns": {"instrument": "Leaf"}, "reasons": {"R7": "20"}, "dates": ["%Y%m%d"]},
        base=CSV,
    )
    header = HEADER.replace("Cheque No", "Leaf")
    row = ROW.replace("01,Funds Insufficient", "R7,").replace("18/08/2026", "20260818")

    (line,) = read_returns(io.BytesIO(f"{header}\n{row}\n".encode()), layout).lines

    assert (line.number, line.code, line.returned_on) == ("524000", "20", date(2026, 8, 18))


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"colums": {}}, "bank: expected .* got .'colums'"),
        ({"columns": {"instrument": "A", "amount": "B"}}, "expected amount, returned_on"),
        ({"columns": {"colour": "A"}}, "got .'colour'"),
        ({"totals": {"Total": "sum"}, "columns": dict(CSV.columns)}, "bank.totals: expected count"),
        ({"dates": "%d"}, "bank.dates"),
    ],
)
def test_a_layout_that_cannot_be_meant_is_refused(told: dict[str, Any], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        layout_from("bank", told)


@pytest.mark.parametrize(
    "body",
    [b"", b"\0\0", b"nothing\nof,this\n", b"PK\x03\x04 no archive", b'"open\n' + HEADER.encode()],
)
def test_what_is_no_return_file_is_refused(body: bytes) -> None:
    with pytest.raises(ReturnsRefused):
        read_returns(io.BytesIO(body), CSV)
    with pytest.raises(ReturnsRefused):
        recognise(io.BytesIO(body), list(PRESETS.values()))


@pytest.mark.parametrize("code", PRESETS)
def test_a_file_of_each_preset_is_recognised_and_read_back(code: str) -> None:
    layout = PRESETS[code]
    lines = [LINE._replace(line=n + 2, number=f"{n:06}", amount_paise=n) for n in range(1, 501)]

    body = write_returns(lines, layout)
    found = read_returns(io.BytesIO(body), layout)

    assert recognise(io.BytesIO(body), list(PRESETS.values())) is layout
    assert [line[1:] for line in found.lines] == [line[1:] for line in lines]
    assert found.proved == {"count", "amount"}


@given(st.text(st.sampled_from(',;|"\n\t 0123456789/-.:⑈abTotal'), max_size=200))
def test_no_row_breaks_it(text: str) -> None:
    try:
        found = read(HEADER, text)
    except ReturnsRefused:
        return
    assert all(len(line.number) == 6 and line.amount_paise > 0 for line in found.lines)
