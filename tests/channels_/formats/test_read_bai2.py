"""BAI2: records that go on, type codes, funds types, and trailers that must add up."""

from io import BytesIO
from typing import Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.contract import LineKind, Statement
from channels_.formats import FORMATS, sniff
from cspdcl.kernel.errors import Malformed
from tests.channels_.formats.loading import Refused, load, read_all

BAI2: Final = FORMATS["bai2"]


def report(*records: str, opening: int = 100000, closing: int, currency: str = "INR") -> bytes:
    """One account of one group with trailers that are true."""
    account = [f"03,30000000001,{currency},010,{opening},,,015,{closing},,/", *records]
    total = opening + closing + sum(_amount(one) for one in records)
    count = len(account) + 1
    return "\n".join(
        [
            "01,BANK,US,260827,0600,1,,,2/",
            f"02,US,BANK,1,260826,2359,{currency},2/",
            *account,
            f"49,{total},{count}/",
            f"98,{total},1,{count + 2}/",
            f"99,{total},1,{count + 4}/",
        ]
    ).encode()


def _amount(record: str) -> int:
    text = record.rstrip("/").split(",")[2] if record.startswith("16") else ""
    return int(text) if text.isdigit() else 0


def only_statement(data: bytes) -> Statement:
    statements = BAI2.read(BytesIO(data))
    found = next(statements)
    found.lines = list(found.lines)
    assert next(statements, None) is None
    return found


def test_report_is_read_and_proves() -> None:
    data = report(
        "16,195,3000,V,260826,,SBINN12345678901,ORD-1,NEFT FROM A, B/",
        "16,475,1000,,,000123/",
        closing=102000,
    )

    ((page, [credit, debit]),) = load(BAI2, data)

    assert (page.account, page.currency) == ("30000000001", "INR")
    assert (page.opening_paise, page.closing_paise) == (100000, 102000)
    assert (credit.kind, credit.amount_paise, credit.line) == (LineKind.CREDIT, 3000, 4)
    assert (credit.utr, credit.reference, credit.code) == ("SBINN12345678901", "ORD-1", "195")
    assert credit.narration == "NEFT FROM A, B ORD-1 SBINN12345678901"
    assert (debit.kind, debit.amount_paise, debit.reference) == (LineKind.DEBIT, -1000, "000123")
    assert f"{page.closed_on} {credit.business_date}" == "2026-08-26 2026-08-26"
    assert sniff(data) is BAI2


@pytest.mark.parametrize(
    ("records", "references"),
    [
        (["16,165,5,,B1,C1,SOME TEXT"], ("B1", "C1", "SOME TEXT C1 B1")),
        (["16,165,5,,B1,C1/", "88,SOME TEXT"], ("B1", "C1", "SOME TEXT C1 B1")),
        (
            ["16,165,5,S,1,2,2/", "88,B1,C1/", "88,SOME/", "88,TEXT"],
            ("B1", "C1", "SOME TEXT C1 B1"),
        ),
        (["16,165,5,D,2/", "88,0,2,1,3,B1/", "88,C1,AB/CD"], ("B1", "C1", "AB/CD C1 B1")),
        (["16,165,5,Z,,,/"], ("", "", "")),
        (["16,165,5,V,260827,1200,B1,,/"], ("B1", "", "B1")),
        (["16,165,5,,B1,C1,ONE", "88:TWO"], ("B1", "C1", "ONE 88:TWO C1 B1")),
    ],
)
def test_record_goes_on_in_any_way(records: list[str], references: tuple[str, str, str]) -> None:
    ((_, [line]),) = load(BAI2, report(*records, closing=100005))

    assert (line.channel_ref, line.reference, line.narration) == references


@pytest.mark.parametrize(
    ("code", "paise"),
    [("100", 7), ("399", 7), ("920", 7), ("400", -7), ("699", -7), ("999", -7)],
)
def test_type_code_gives_the_direction(code: str, paise: int) -> None:
    ((_, [line]),) = load(BAI2, report(f"16,{code},7,,,,/", closing=100000 + paise))

    assert line.amount_paise == paise


def test_what_is_no_money_is_counted_and_left_out() -> None:
    found = only_statement(report("16,890,,,,,A NOTE/", closing=100000))

    assert (found.lines, found.notes, found.refusals) == ([], {"not_money": 1}, [])


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ("16,721,7,,,,/", "expected the type code of a credit or a debit"),
        ("16,19,7,,,,/", "expected a type code of three digits, got '19'"),
        ("16,195,7.00,,,,/", "expected whole minor units, got '7.00'"),
        ("16,195,-7,,,,/", "expected an amount without a sign, got '-7'"),
        ("16,195,,,,,/", "expected an amount without a sign, got ''"),
        ("16,195,7,Q,,,/", "expected the funds type 0, 1, 2, S, V, D or Z, got 'Q'"),
        ("16,195,7,D,99999,,/", "expected a number of at most 2000, got '99999'"),
    ],
)
def test_wrong_transaction_is_refused_with_its_line(record: str, told: str) -> None:
    found = only_statement(report(record, "16,195,5,,,,/", closing=100005))

    assert [line.amount_paise for line in found.lines] == [5]
    assert found.refusals[0].line == 4
    assert told in found.refusals[0].problem


@pytest.mark.parametrize(
    ("true", "false", "told"),
    [
        ("49,200010,3", "49,200011,3", "amounts of the account: expected 200010 .* got 200011"),
        ("49,200010,3", "49,200010,4", "records of the account: expected 3 .* got 4"),
        ("98,200010,1,5", "98,200009,1,5", "amounts of the group: expected 200010 .* got 200009"),
        ("98,200010,1,5", "98,200010,2,5", "accounts of the group: expected 1 .* got 2"),
        ("98,200010,1,5", "98,200010,1,6", "records of the group: expected 5 .* got 6"),
        ("99,200010,1,7", "99,0,1,7", "amounts of the file: expected 200010 .* got 0"),
        ("99,200010,1,7", "99,200010,2,7", "groups of the file: expected 1 .* got 2"),
        ("99,200010,1,7", "99,200010,1,", "records of the file: expected whole minor units"),
        ("16,195,5,", "16,195,6,", "amounts of the account: expected 200011 .* got 200010"),
        ("1,260826", "2,260826", "expected an update .1., the group is a deletion"),
        ("1,260826", "9,260826", "the group is of the status '9'"),
    ],
)
def test_each_total_is_held_against_what_was_read(true: str, false: str, told: str) -> None:
    data = report("16,195,5,,,,/", closing=100005)
    assert load(BAI2, data)
    assert true.encode() in data

    with pytest.raises(Refused, match=told):
        load(BAI2, data.replace(true.encode(), false.encode()))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"02,US,BANK,1,260826,,,/\n", "line 1: expected record 01, got 02"),
        (b"01,B,U,260827,0600,1,,,2/\n16,195,5/\n", "line 2: expected record 02 or 99, got 16"),
        (b"01,B,U,260827,0600,1,,,2/\n02,U,B,1,,,,/\n", "expected the group's day as YYMMDD"),
        (b"01,B,U,260827,0600,1,,,2/\n02,U,B,1,260230,,,/\n", "as YYMMDD, got '260230'"),
        (b"01,B,U,260827,0600,1,,,2/\n99,0,0,2/\n", "expected an account .03. in the file"),
        (b"%PDF-1.7\n", "line 1: expected a file header .01."),
        (b"01,B,U,260827,0600,1,,,2/\n" + b"88,x\n" * 2001, "one record has more than 2000 lines"),
        (b"01," + b"x" * 20_000, "line 1 is longer than 10000"),
    ],
)
def test_what_is_no_report_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(Malformed, match=told):
        read_all(BAI2, data)


def test_cut_report_is_refused() -> None:
    data = report("16,195,3000,,,,ONE/", "16,475,1000,,,000123/", closing=102000)
    whole = data.rindex(b"\n99,")

    for end in range(1, whole + 4):
        with pytest.raises(Refused):
            load(BAI2, data[:end])


def test_equal_transactions_are_two_in_any_order() -> None:
    one, other = "16,195,5,,B,C,TWIN/", "16,195,7,,B,C,ALONE/"

    ((_, first),) = load(BAI2, report(one, one, other, closing=100017))
    ((_, second),) = load(BAI2, report(other, one, one, closing=100017))

    assert len({line.key for line in first}) == 3
    assert {line.key for line in first} == {line.key for line in second}


class Moved(NamedTuple):
    code: int
    minor: int
    bank: str
    ours: str
    text: str


WORDS: Final = st.text(alphabet="ABCDEFXYZ0123456789-", max_size=12)
MOVED: Final = st.builds(
    Moved,
    code=st.sampled_from([108, 195, 399, 409, 475, 699]),
    minor=st.integers(0, 10**12),
    bank=WORDS,
    ours=WORDS,
    text=st.text(alphabet="AB, /1", max_size=30),
)


@given(moved=st.lists(MOVED, max_size=8), cut=st.integers(0, 4))
def test_what_was_written_is_read(moved: list[Moved], cut: int) -> None:
    records = [record for one in moved for record in written(one, cut=cut)]
    net = sum(one.minor if one.code < 400 else -one.minor for one in moved)

    ((page, lines),) = load(BAI2, report(*records, opening=0, closing=net))

    assert page.closing_paise == net
    assert [(int(line.code), abs(line.amount_paise)) for line in lines] == [
        (one.code, one.minor) for one in moved
    ]
    assert [(line.channel_ref, line.reference) for line in lines] == [
        (one.bank, one.ours) for one in moved
    ]


def written(one: Moved, *, cut: int) -> list[str]:
    """A transaction over one or two lines, cut before one of its fields."""
    fields = [f"16,{one.code},{one.minor}", "", one.bank, one.ours]
    if cut >= 3:
        return [",".join([*fields, one.text])]
    return [",".join(fields[: cut + 1]) + "/", ",".join(["88", *fields[cut + 1 :], one.text])]
