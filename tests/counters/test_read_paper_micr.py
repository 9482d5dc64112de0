"""MICR lines: read however a reader writes them, refused as soon as one digit is in doubt."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counters.paper.micr import Micr, PaperKind, UnreadMicr, read_micr, read_parts

SAMPLE: Final = Micr("524000", "695240002", "045504", "31")
LINES: Final = [
    "524000 695240002 045504 31",
    "52400069524000204550431",
    "⑈524000⑈ 695240002⑆ 045504⑈ 31",
    "C524000C695240002A045504C31",
    "c524000c 695240002a 045504c 31\r\n",
    "<524000<695240002:045504<31",
    ";524000;695240002:045504=31",
    "524000|695240002|045504|31",
    "U524000U 695240002T045504U31",
    "524000695240002 045504 31",  # a reader that is thrifty with blanks
]


@pytest.mark.parametrize("line", LINES)
def test_readers_write_it_differently(line: str) -> None:
    assert read_micr(line) == SAMPLE


def test_the_fields_have_their_parts() -> None:
    assert (SAMPLE.city, SAMPLE.bank, SAMPLE.branch) == ("695", "240", "002")
    assert (SAMPLE.kind, SAMPLE.is_at_par) == (PaperKind.CHEQUE, True)
    assert Micr("1", "2", "3", "16").kind is PaperKind.DEMAND_DRAFT
    assert Micr("1", "2", "3", "77").kind is PaperKind.UNKNOWN
    assert read_micr(str(SAMPLE)) == SAMPLE


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "expected 23 digits .* got 0"),
        ("524000 69524002 045504 31", "expected 9 digits of the sort code, got 8: 69524002"),
        ("52400 695240002 045504 31", "expected 6 digits of the cheque number, got 5"),
        ("524000 695240002 045504 3", "expected 2 digits of the transaction code, got 1"),
        ("5240006952400020455043", "got 22"),
        ("5240006952400020455043131", "got 25"),
        ("C524000C6952?0002A045504C31", "place 13: expected a digit or a symbol, got '\\?'"),
        ("⑈524000⑈ 6952 0002⑆ 045504⑈ 311", "inside the sort code, got one after digit 10"),
        ("524000 695240002 045504 31 524000 695240002 045504 31", "got 46"),
        ("000000 695240002 045504 31", "expected a cheque number, got 000000"),
        ("524000 095240002 045504 31", "no city or bank"),
        ("524000 695000002 045504 31", "no city or bank"),
        ("524000 ६95240002 045504 31", "place 8"),
        ("1" * 100, "got 100 characters"),
    ],
)  # fmt: skip
def test_what_is_not_whole_is_refused_by_name(line: str, says: str) -> None:
    with pytest.raises(UnreadMicr, match=says):
        read_micr(line)


def test_parts_are_typed_into_boxes() -> None:
    parts = {"sort_code": "695240002", "account_id": "045504", "transaction_code": "31"}

    assert read_parts(number=" 524000 ", **parts) == SAMPLE
    with pytest.raises(UnreadMicr, match="expected 6 digits of the cheque number, got '52400'"):
        read_parts(number="52400", **parts)
    with pytest.raises(UnreadMicr, match="expected 6 digits of the cheque number, got '52400x'"):
        read_parts(number="52400x", **parts)


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=length, max_size=length)


MICRS: Final = st.builds(
    Micr,
    st.integers(1, 999_999).map("{:06}".format),
    st.builds("{}{:03}{}".format, st.integers(100, 899), st.integers(1, 999), digits(3)),
    digits(6),
    digits(2),
)  # fmt: skip
MARKS: Final = st.text("⑆⑇⑈⑉ABCD;<:= ", min_size=1, max_size=3)


@given(micr=MICRS, marks=st.lists(MARKS, min_size=5, max_size=5))
def test_marks_never_change_the_digits(micr: Micr, marks: list[str]) -> None:
    first, *rest = marks
    fields = (micr.number, micr.sort_code, micr.account_id, micr.transaction_code)

    line = first + "".join(field + mark for field, mark in zip(fields, rest, strict=True))

    assert read_micr(line) == micr
    assert read_micr("".join(fields)) == micr


@given(
    micr=MICRS,
    place=st.integers(0, 22),
    mark=st.sampled_from(["", " ", "C"]),
    how=st.integers(0, 2),
)
def test_one_digit_lost_doubled_or_unread_is_refused(
    micr: Micr, place: int, mark: str, how: int
) -> None:
    typed = list(mark.join(str(micr).split()))
    at = [n for n, character in enumerate(typed) if character.isdigit()][place]
    typed[at] = ("", typed[at] * 2, "?")[how]

    with pytest.raises(UnreadMicr):
        read_micr("".join(typed))


@given(micr=MICRS, lost=st.integers(0, 3), doubled=st.integers(0, 3), mark=MARKS)
def test_a_lost_digit_is_not_made_good_by_a_doubled_one(
    micr: Micr, lost: int, doubled: int, mark: str
) -> None:
    fields = str(micr).split()
    fields[lost] = fields[lost][1:]
    fields[doubled] += "0"

    if lost != doubled:
        with pytest.raises(UnreadMicr):
            read_micr(mark.join(fields))


@given(st.text(max_size=90))
def test_no_text_breaks_it(text: str) -> None:
    try:
        found = read_micr(text)
    except UnreadMicr:
        return
    assert len(str(found)) == 26
