"""MT940: signs, days, pages, envelopes; what we write ourselves is read back exactly."""

from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Final

import mt940
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.contract import LineKind, StatementLine
from channels_.formats import FORMATS, prove, sniff
from cspdcl.kernel.errors import Malformed
from tests.channels_.formats.loading import Refused, load, read_all

MT940: Final = FORMATS["mt940"]
CORPORA: Final = Path(__file__).parents[2] / "corpora"


def statement(*fields: str, opening: str = "C260825INR1000,00", closing: str) -> bytes:
    lines = [":20:STMT0001", ":25:SBIN0000001/30000000001", ":28C:237/1", f":60F:{opening}"]
    return "\r\n".join([*lines, *fields, f":62F:{closing}", "-"]).encode()


def one_line(*fields: str, closing: str) -> StatementLine:
    ((_, [line]),) = load(MT940, statement(*fields, closing=closing))
    return line


@pytest.mark.parametrize(
    ("mark", "sign", "kind"),
    [
        ("C", 1, LineKind.CREDIT),
        ("D", -1, LineKind.DEBIT),
        ("RC", -1, LineKind.DEBIT),
        ("RD", 1, LineKind.CREDIT),
    ],
)
@pytest.mark.parametrize("funds_code", ["", "R"])
def test_mark_gives_the_sign_that_balances(
    mark: str, sign: int, kind: LineKind, funds_code: str
) -> None:
    closing = f"C260826INR{1000 + sign * 30},00"

    line = one_line(f":61:2608260826{mark}{funds_code}30,00NTRFNONREF", closing=closing)

    assert (line.amount_paise, line.kind) == (sign * 3000, kind)


def test_the_library_alone_adds_a_reversed_credit() -> None:
    data = statement(":61:2608260826RC30,00NTRFNONREF", closing="C260826INR970,00")

    theirs = mt940.parse(data.decode())

    assert [f"{entry.data['amount'].amount}" for entry in theirs] == ["30.00"]
    assert [line.amount_paise for _, lines in load(MT940, data) for line in lines] == [-3000]


@pytest.mark.parametrize("mark", ["EC", "ED", "XC", "CRD"])
def test_unknown_mark_is_refused(mark: str) -> None:
    data = statement(f":61:2608260826{mark}30,00NTRFNONREF", closing="C260826INR1000,00")

    ((found),) = list(MT940.read(BytesIO(data)))

    assert list(found.lines) == []
    assert [refusal.line for refusal in found.refusals] == [5]


def test_line_carries_its_references_and_its_whole_narration() -> None:
    line = one_line(
        ":61:2608260826CR125000,50NTRFORD-7781//SBINR52026082600012345",
        "/ORDP/SUPPLEMENT",
        ":86:RTGS CR-UTIB0000001-RAZORPAY SOFTWARE PVT LTD-",
        "SETTLEMENT  26 AUG",
        closing="C260826INR126000,50",
    )

    assert line.reference == "ORD-7781"
    assert line.channel_ref == "SBINR52026082600012345"
    assert line.utr == "SBINR52026082600012345"
    assert line.code == "NTRF"
    assert line.line == 5
    assert line.narration == (
        "RTGS CR-UTIB0000001-RAZORPAY SOFTWARE PVT LTD- SETTLEMENT 26 AUG /ORDP/SUPPLEMENT"
        " ORD-7781 SBINR52026082600012345"
    )


def test_nonref_is_no_reference_and_a_cheque_number_is_an_instrument() -> None:
    nothing = one_line(":61:260826C30,00NMSCNONREF", closing="C260826INR1030,00")
    cheque = one_line(":61:260826D30,00NCHK004521", closing="C260826INR970,00")

    assert (nothing.reference, nothing.instrument) == ("", "")
    assert (cheque.reference, cheque.instrument) == ("004521", "004521")


@pytest.mark.parametrize(
    ("narration", "utr", "rrn"),
    [
        ("NEFT CR-UTIB0000001-RAZORPAY-AXISCN1153863727", "AXISCN1153863727", ""),
        ("BY TRANSFER-NEFT*UTIB0000001*RATNN24200329588*NAME", "RATNN24200329588", ""),
        ("TWO RATNN24200329588 AND RATNN24200329589", "", ""),
        ("TRANSFER N206H80208259", "", ""),
        ("UPI/CR/623812345678/PAYER/SBIN/payer@upi", "", "623812345678"),
        ("IMPS-623812345678-PAYER", "", "623812345678"),
        ("CASH DEPOSIT 919876543210", "", ""),
    ],
)
def test_reference_in_the_narration_is_found_or_left_alone(
    narration: str, utr: str, rrn: str
) -> None:
    line = one_line(":61:260826C30,00NTRFNONREF", f":86:{narration}", closing="C260826INR1030,00")

    assert (line.utr, line.rrn) == (utr, rrn)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("2512311231", date(2025, 12, 31)),
        ("2512310101", date(2026, 1, 1)),
        ("2601011231", date(2025, 12, 31)),
        ("260101    ", date(2026, 1, 1)),
        ("260101", date(2026, 1, 1)),
        ("2402280229", date(2024, 2, 29)),
    ],
)
def test_entry_date_finds_its_year(days: str, expected: date) -> None:
    line = one_line(f":61:{days}C30,00NTRFNONREF", closing="C260102INR1030,00")

    assert line.business_date == expected


def test_identical_lines_have_keys_of_their_own_that_come_again() -> None:
    twin = (":61:260826C30,00NTRFNONREF", ":86:CASH DEPOSIT")
    data = statement(*twin, *twin, closing="C260826INR1060,00")

    ((_, first),) = load(MT940, data)
    ((_, again),) = load(MT940, data.replace(b":28C:237/1", b":28C:238/1"))

    assert first[1].key == f"{first[0].key}#2"
    assert [line.key for line in again] == [line.key for line in first]


def test_pages_of_one_day_balance_each() -> None:
    pages = [
        statement(":61:260826C30,00NTRFNONREF", closing="C260826INR1030,00"),
        statement(
            ":61:260826D10,00NTRFNONREF", opening="C260826INR1030,00", closing="C260826INR1020,00"
        ),
    ]
    data = pages[0].replace(b":62F:", b":62M:") + b"\r\n" + pages[1].replace(b":60F:", b":60M:")

    read = load(MT940, data)

    assert [page.closing_paise for page, _ in read] == [103000, 102000]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: b"\x01" + data + b"\x03",
        lambda data: data.replace(b"\r\n", b"\n"),
        lambda data: (
            b"{1:F01SBININBBXXXX0000000000}{2:I940X}{3:{108:1}}{4:\r\n"
            + data.removesuffix(b"-")
            + b"-}{5:}"
        ),
        lambda data: b"SBININBB\r\n940\r\nSBININBB\r\n" + data,
    ],
)
def test_wrapping_changes_nothing(wrap: object) -> None:
    data = statement(":61:260826C30,00NTRFNONREF", ":86:CASH DEPOSIT", closing="C260826INR1030,00")
    assert callable(wrap)

    ((page, [line]),) = load(MT940, wrap(data))

    assert (page.account, page.number) == ("SBIN0000001/30000000001", "237/1")
    assert (line.amount_paise, line.narration) == (3000, "CASH DEPOSIT")
    assert sniff(wrap(data)) is MT940


def test_narration_may_hold_a_time_that_looks_like_a_field() -> None:
    line = one_line(
        ":61:260826C30,00NTRFNONREF",
        ":86:CASH DEPOSIT",
        ":12:30 HRS BRANCH",
        closing="C260826INR1030,00",
    )

    assert line.narration == "CASH DEPOSIT :12:30 HRS BRANCH"


def test_text_after_the_closing_balance_is_no_part_of_a_line() -> None:
    data = statement(":61:260826C30,00NTRFNONREF", ":86:CASH", closing="C260826INR1030,00")
    data = data.removesuffix(b"-") + b":86:CLOSING REMARK\r\n-"

    ((_, [line]),) = load(MT940, data)

    assert line.narration == "CASH"


def test_difference_is_named_with_its_parts() -> None:
    data = statement(":61:260826C30,00NTRFNONREF", closing="C260826INR1031,00")

    ((page, lines),) = read_all(MT940, data)

    assert prove(page, sum(line.amount_paise for line in lines)) == (
        "Statement 237/1 does not balance: opening 1000.00 + entries 30.00 = 1030.00,"
        " but closing is 1031.00: difference 1.00"
    )


@pytest.mark.parametrize(
    ("field", "told"),
    [
        (":61:260826C30,001NTRFNONREF", "expected an amount such as 1234,50, got '30,001'"),
        (":61:261326C30,00NTRFNONREF", "month must be in 1..12"),
        (":61:2608C30,00NTRFNONREF", "expected YYMMDD[MMDD] mark amount"),
        (":60F:C260826INR10,00,00", "expected an amount such as 1234,50"),
        (":62F:C260826USD1000,00", "expected a balance in INR, got USD"),
        (":62F:C260826INR1000,00X", "expected C or D, YYMMDD, currency and amount"),
    ],
)
def test_wrong_field_is_refused_with_its_line(field: str, told: str) -> None:
    head = ":60F:C260825INR1000,00\n" if "60F" not in field else ""
    data = f":20:X\n:25:1\n{head}{field}\n".encode()

    found = list(MT940.read(BytesIO(data)))
    lines = [line for statement in found for line in statement.lines]
    refusals = [refusal for statement in found for refusal in statement.refusals]

    assert lines == []
    assert [refusal.line for refusal in refusals] == [data.count(b"\n")]
    assert told in refusals[0].problem


def test_interim_report_cannot_be_loaded() -> None:
    data = (CORPORA / "wolph__mt940/mBank/mt942.sta").read_bytes()

    with pytest.raises(
        Refused, match="has no opening balance: it is cut short or an interim report"
    ):
        load(MT940, data)


def test_declared_sums_are_held_against_the_entries() -> None:
    data = statement(":61:260826C30,00NTRFNONREF", closing="C260826INR1030,00")
    debits, credits_, wrong = b":90D:0INR0,00", b":90C:1INR30,00", b":90C:1INR31,00"

    assert load(MT940, data.replace(b"-", b"\r\n".join([debits, credits_])))
    assert load(MT940, data.replace(b"-", wrong))  # one side alone declares nothing
    with pytest.raises(Refused, match=r"declares a sum of 31\.00.*difference 1\.00"):
        load(MT940, data.replace(b"-", b"\r\n".join([debits, wrong])))


@pytest.mark.parametrize("data", [b"1\n2\n3\n", b"%PDF-1.7 ...", b"<Document/>"])
def test_other_files_are_refused_with_what_was_expected(data: bytes) -> None:
    with pytest.raises(Malformed, match="no field of an MT940 statement found"):
        list(MT940.read(BytesIO(data)))


# What we write ourselves.

WORD: Final = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/.,+()", min_size=1, max_size=12).map(
    lambda text: "W" + text
)
TEXT: Final = st.lists(WORD, max_size=5).map(" ".join)
REFERENCE: Final = st.text("ABCDEFGHJKLMPQ0123456789-", max_size=15)


@dataclass(frozen=True)
class Written:
    mark: str
    paise: int
    valued_on: date
    booked_after: int
    reference: str
    bank_reference: str
    extra: str
    details: tuple[str, ...]

    @property
    def signed(self) -> int:
        return self.paise if self.mark in {"C", "RD"} else -self.paise

    @property
    def booked_on(self) -> date:
        return self.valued_on + timedelta(days=self.booked_after)

    def text(self) -> str:
        bank = f"//{self.bank_reference}" if self.bank_reference else ""
        days = f"{self.valued_on:%y%m%d}{self.booked_on:%m%d}"
        reference = self.reference or "NONREF"
        rows = [f":61:{days}{self.mark}R{money(self.paise)}NTRF{reference}{bank}"]
        if self.extra:
            rows.append(self.extra)
        rows += [f":86:{self.details[0]}", *self.details[1:]] if self.details else []
        return "\r\n".join(rows)


WRITTEN: Final = st.builds(
    Written,
    mark=st.sampled_from(["C", "D", "RC", "RD"]),
    paise=st.integers(0, 10**13 - 1),
    valued_on=st.dates(date(2020, 1, 1), date(2098, 12, 1)),
    booked_after=st.integers(-20, 20),
    reference=REFERENCE,
    bank_reference=REFERENCE,
    extra=TEXT.map(lambda text: text[:34].strip()),
    details=st.lists(TEXT.filter(bool), max_size=6).map(tuple),
)


def money(paise: int) -> str:
    return f"{paise // 100},{paise % 100:02d}"


def balance(paise: int) -> str:
    return f"{'C' if paise >= 0 else 'D'}260826INR{money(abs(paise))}"


@given(st.integers(-(10**12), 10**12), st.lists(WRITTEN, max_size=8))
def test_what_we_write_is_read_back_exactly(opening: int, written: list[Written]) -> None:
    closing = opening + sum(entry.signed for entry in written)
    data = statement(
        *(entry.text() for entry in written), opening=balance(opening), closing=balance(closing)
    )

    ((page, lines),) = load(MT940, data)

    assert (page.opening_paise, page.closing_paise) == (opening, closing)
    assert [line.amount_paise for line in lines] == [entry.signed for entry in written]
    assert [line.business_date for line in lines] == [entry.booked_on for entry in written]
    assert [line.reference for line in lines] == [entry.reference for entry in written]
    assert [line.channel_ref for line in lines] == [entry.bank_reference for entry in written]
    assert [line.narration for line in lines] == [
        " ".join(" ".join([*e.details, e.extra, e.reference, e.bank_reference]).split())
        for e in written
    ]
    assert len({line.key for line in lines}) == len(lines)
