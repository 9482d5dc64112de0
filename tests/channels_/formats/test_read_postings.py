"""The ERP's export: its columns and words, its totals, and what is no export of it."""

import io
from datetime import date, datetime
from io import BytesIO
from typing import Any, Final

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from channels_.contract import LineKind, Statement
from channels_.formats.postings import postings_format, reference_told
from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.ids import new_reference

HEADER: Final = ["KEYZ1", "POSZA", "OPBEL", "XBLNR", "VKONT", "GPART", "BETRZ", "WAERS", "BUDAT"]
FIRST: Final = [
    "LOT260811001", "000001", "400000000001", "26H11-00AB12CD-0018", "000001000001", "",
    "500.00", "INR", "11.08.2026",
]  # fmt: skip
OTHER: Final = [
    "LOT260811001", "000002", "400000000002", "26H1100AB12CD002", "", "0000000007",
    "1,300.50", "INR", "2026-08-11",
]  # fmt: skip


def csv(*rows: list[str], header: list[str] = HEADER, delimiter: str = ";") -> bytes:
    return "\n".join(delimiter.join(row) for row in (header, *rows)).encode()


def read(data: bytes, **told: Any) -> Statement:
    statement: Statement = next(postings_format(told).read(BytesIO(data)))
    statement.lines = list(statement.lines)
    return statement


def problems(statement: Statement) -> list[str]:
    return [one.problem for one in statement.refusals]


def test_a_row_is_read_with_its_reference_consumer_and_document() -> None:
    found = read(csv(FIRST, OTHER))

    assert problems(found) == []
    first, other = found.lines
    assert (first.key, first.kind, first.amount_paise) == (
        "LOT260811001/1", LineKind.CREDIT, 50_000,
    )  # fmt: skip
    assert (first.business_date, first.consumer_number, first.code) == (
        date(2026, 8, 11), "1000001", "cleared",
    )  # fmt: skip
    assert (first.channel_ref, first.settlement_ref) == ("400000000001", "LOT260811001")
    assert (other.order_ref, other.consumer_number, other.amount_paise) == ("7", "", 130_050)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2049, 12, 31)))  # noqa: DTZ001 - made aware
def test_a_reference_is_known_whole_and_by_its_first_sixteen_signs(at: datetime) -> None:
    ours = new_reference(at.replace(tzinfo=INDIA))
    bare = ours.replace("-", "")

    assert reference_told(ours) == ours
    assert reference_told(bare.lower()) == ours
    assert reference_told(bare[:16]) == ours


@pytest.mark.parametrize(
    "text", ["", "RPR1/2026-27/000123", "12345", "26H11-00AB12CD-001", "\u0445" * 16]
)
def test_what_is_no_reference_stays_as_it_is(text: str) -> None:
    assert reference_told(text) == text


@pytest.mark.parametrize(
    ("amount", "mark", "paise"),
    [("500.00", "", 50_000), ("-500.00", "", -50_000), ("500.00-", "", -50_000),
     ("500.00", "R", -50_000), ("-500", "reversal", -50_000)],
)  # fmt: skip
def test_money_that_went_back_is_negative_or_marked(amount: str, mark: str, paise: int) -> None:
    row = [*FIRST[:6], amount, *FIRST[7:], mark]

    (line,) = read(csv(row, header=[*HEADER, "MARK"])).lines

    assert line.amount_paise == paise
    assert line.kind == (LineKind.CREDIT if paise > 0 else LineKind.DEBIT)
    assert line.key == ("LOT260811001/1" if paise > 0 else "LOT260811001/1:back")


@pytest.mark.parametrize(
    ("status", "flags", "code", "kind"),
    [("", ("", ""), "cleared", "credit"), ("A", ("", ""), "on_account", "credit"),
     ("", ("X", ""), "on_account", "credit"), ("C", ("", "X"), "clarification", "credit"),
     ("cleared", ("", ""), "cleared", "credit"), ("zz", ("", ""), "zz", "unknown")],
)  # fmt: skip
def test_the_state_is_a_word_or_a_flag(
    status: str, flags: tuple[str, str], code: str, kind: str
) -> None:
    header = [*HEADER, "STATUS", "XAKON", "XKLAE"]

    (line,) = read(csv([*FIRST, status, *flags], header=header)).lines

    assert (line.code, line.kind) == (code, kind)


@pytest.mark.parametrize("word", ["N", "0", "false"])
@pytest.mark.parametrize("flag", ["XAKON", "XKLAE"])
def test_a_flag_with_a_word_that_nobody_agreed_on_is_refused(flag: str, word: str) -> None:
    found = read(csv([*FIRST, word], header=[*HEADER, flag]))

    assert list(found.lines) == []
    assert problems(found) == [f"expected X or nothing in {flag}, got {word!r}"]


def test_words_of_flags_are_agreed_on() -> None:
    rows = ([*FIRST, "N"], [*OTHER, "j"])

    found = read(csv(*rows, header=[*HEADER, "XAKON"]), flags={"J": True, "N": False})

    assert problems(found) == []
    assert [line.code for line in found.lines] == ["cleared", "on_account"]


def test_columns_words_and_labels_are_agreed_on() -> None:
    header = ["Lot", "Item", "Receipt", "Account", "Sum", "Posted on", "State"]
    row = ["L1", "7", FIRST[3], "1000001", "10.00", "11/08/2026", "erledigt"]
    told = {
        "columns": {"lot": "Lot", "item": "Item", "reference": ["Receipt"], "account": "Account",
                    "amount": "Sum", "day": "Posted on", "state": "State"},
        "states": {"erledigt": "cleared"},
        "dates": ["%d/%m/%Y"],
        "delimiters": "|",
        "count_label": "ITEMS",
    }  # fmt: skip

    found = read(csv(row, ["ITEMS", "1"], header=header, delimiter="|"), **told)

    assert problems(found) == []
    (line,) = found.lines
    assert (line.key, line.code) == ("L1/7", "cleared")


def test_totals_must_prove_and_the_last_day_is_told() -> None:
    right = [["KSUMP", "2"], ["KTSUH", "1800.50"], ["KTSUS", "0.00"], ["UNTIL", "12.08.2026"]]

    found = read(csv(FIRST, OTHER, *right), needs_totals=True)

    assert problems(found) == []
    assert found.page.closed_on == date(2026, 8, 12)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([["KSUMP", "3"]], "KSUMP says 3, but the rows come to 2"),
        ([["KTSUH", "1800.51"]], "KTSUH says 1800.51, but the rows come to 1800.50"),
        ([["KTSUS", "1.00"]], "KTSUS says 1.00, but the rows come to 0.00"),
        ([["KSUMP", "two"]], "KSUMP: expected a whole number, got 'two'"),
        ([["KSUMP", "2"], ["KSUMP", "2"]], "KSUMP stands twice in the file"),
        ([["UNTIL", "yesterday"]], "UNTIL: expected a date like %Y-%m-%d, got 'yesterday'"),
    ],
)
def test_totals_that_do_not_prove_are_refused_for_the_whole_file(
    rows: list[list[str]], problem: str
) -> None:
    found = read(csv(FIRST, OTHER, *rows))

    assert problems(found) == [problem]
    assert found.refusals[0].text is None  # of the file, not of a row


def test_a_file_without_the_totals_that_were_agreed_is_refused() -> None:
    with pytest.raises(Malformed, match="expected the totals KSUMP and KTSUH, found KSUMP"):
        read(csv(FIRST, ["KSUMP", "1"]), needs_totals=True)


@pytest.mark.parametrize(
    ("place", "cell", "problem"),
    [
        (6, "5,00.00", "expected rupees"),
        (6, "1e9", "expected rupees"),
        (6, "", "expected an amount, got none"),
        (6, "0.00", "expected an amount, got none"),
        (6, "99999999999999999.00", "expected rupees"),
        (7, "USD", "expected the currency INR, got 'USD'"),
        (8, "31.02.2026", "expected a date like"),
        (8, "", "expected a date, got nothing"),
        (8, "0001-01-01", "expected a date of our time"),
    ],
)
def test_a_cell_that_cannot_be_is_told_with_its_row(place: int, cell: str, problem: str) -> None:
    bad = [*FIRST[:place], cell, *FIRST[place + 1 :]]

    found = read(csv(OTHER, bad))

    assert len(list(found.lines)) == 1
    assert found.refusals[0].line == 3
    assert problem in found.refusals[0].problem


def test_an_item_that_stands_twice_or_has_no_name_is_refused() -> None:
    nameless = ["", "", "", *FIRST[3:]]

    found = read(csv(FIRST, FIRST, nameless))

    assert problems(found) == [
        "LOT260811001/1 stands twice in the file; expected each posting once",
        "expected the item of a lot, or the number of a document",
    ]


def test_documents_that_are_longer_than_a_key_are_refused_and_not_made_one() -> None:
    whole, *longer = (["", "", "9" * 99 + end, *FIRST[3:]] for end in ("1", "11", "12"))

    found = read(csv(whole, *longer))

    assert [len(line.key) for line in found.lines] == [100]
    assert [(one.line, one.problem) for one in found.refusals] == [
        (line, "expected a lot and item, or a document, of at most 100 signs") for line in (3, 4)
    ]


def test_a_mark_that_nobody_agreed_on_is_refused() -> None:
    found = read(csv([*FIRST, "?"], header=[*HEADER, "MARK"]))

    assert problems(found) == ["expected a mark out of R, return, S, reversal, X, or none, got '?'"]


@pytest.mark.parametrize("data", [b"", b"a;b\n1;2\n", b"\x00\xff\xfe", b"PK\x03\x04nothing"])
def test_what_is_no_export_is_refused_as_such(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    known = postings_format()
    known.sniff(data)
    try:
        read(data)
    except Malformed:
        return


def test_a_workbook_is_read_like_a_text() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    for number, row in enumerate([["Export of the ERP"], HEADER, FIRST, ["KSUMP", "1"]]):
        sheet.write_row(number, 0, row)
    book.close()

    found = read(out.getvalue())

    assert problems(found) == []
    assert [line.key for line in found.lines] == ["LOT260811001/1"]


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"colums": {}}, "no such setting"),
        ({"columns": {"reference": []}}, "columns.reference: expected the name of a column"),
        ({"columns": {"refs": "A"}}, "no such meaning"),
        ({"columns": {"lot": "--"}}, "columns.lot: expected names with letters or digits"),
        ({"columns": ["XBLNR"]}, "columns: expected names of columns by their meaning"),
        ({"states": {"A": "gone"}}, "states: expected one of cleared"),
        ({"flags": {"N": "no"}}, "flags: expected true or false for each word"),
        ({"flags": ["N"]}, "flags: expected true or false for each word"),
        ({"dates": "%Y"}, "dates: expected a list of texts"),
        ({"count_label": 7}, "count_label: expected a text"),
        ({"needs_totals": "yes"}, "needs_totals: expected true or false"),
        ({"delimiters": ""}, "delimiters: expected the signs"),
    ],
)
def test_settings_that_cannot_be_are_named(told: dict[str, Any], problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        postings_format(told)
