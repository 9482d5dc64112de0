"""Size, archives, encodings and cut files: a stranger's bytes change nothing they should not."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from channels_.adapters.razorpay.statement import FORMATS as RAZORPAY
from channels_.contract import Page, StatementFormat, StatementLine
from channels_.formats import FORMATS, sniff
from channels_.formats.fixed import Column
from channels_.formats.guard import (
    CHUNK,
    MEGABYTE,
    check_size,
    check_workbook,
    guarded,
    open_text,
)
from channels_.formats.mapped import BankTable, bank_table_format
from cspdcl.kernel.errors import Malformed
from tests.channels_.formats.loading import Refused, load

CORPORA: Final = Path(__file__).parents[2] / "corpora"
MT940: Final = FORMATS["mt940"]
CAMT053: Final = FORMATS["camt053"]
RECON_CSV, RECON_JSON = RAZORPAY
FIXED: Final = bank_table_format(
    BankTable(
        code="fixed",
        title="Fixed",
        columns={"day": ("A",), "amount": ("B",)},
        source="fixed",
        widths=(Column("A", 1, 10), Column("B", 11, 20)),
    )
)
EVERY: Final = (*FORMATS.values(), FIXED, RECON_CSV, RECON_JSON)
TEXTS: Final = (MT940, FORMATS["bai2"], FORMATS["ofx"], FIXED, RECON_CSV, RECON_JSON)

MT940_DATA: Final = (CORPORA / "sandermarechal__jejik-mt940/sparkasse.txt").read_bytes()
CAMT_DATA: Final = (CORPORA / "svapnil__iso20022.js/ing/example_camt.xml").read_bytes()
RECON_DATA: Final = (
    CORPORA / "razorpay__razorpay-ruby/settlement_report_collection.json"
).read_bytes()


def pack(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return packed.getvalue()


def altered(data: bytes) -> bytes:
    """The archive with bytes inside its packed member that no packer writes."""
    return data[:60] + b"\xff" * 30 + data[90:]


def test_archive_is_read_like_its_members() -> None:
    data = pack(("a.xml", CAMT_DATA), ("b.xml", CAMT_DATA))

    pages = load(CAMT053, data)

    assert [len(lines) for _, lines in pages] == [9, 9]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (pack(("a.xml", b" " * 30_000_000)), "unpacks to more than 200 times its size"),
        (pack(*[(f"{i}.xml", b"x") for i in range(51)]), "holds 51 files, at most 50"),
        (pack(("a.zip", pack(("a.xml", CAMT_DATA)))), "holds another archive"),
        (pack(), "the archive is empty|expected XML"),
        (pack(("a.xml", CAMT_DATA))[:-40], "cannot be opened"),
        (altered(pack(("a.xml", CAMT_DATA))), "cannot be opened"),
        (pack(("a.xml", CAMT_DATA), method=zipfile.ZIP_LZMA), "packed in an unusual way"),
        (pack(("a.xml", CAMT_DATA), method=zipfile.ZIP_BZIP2), "packed in an unusual way"),
    ],
)
def test_archive_that_is_none_or_a_bomb_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(Refused, match=told):
        load(CAMT053, data)


def test_archive_that_lies_about_its_sizes_is_refused() -> None:
    honest = pack(("a.xml", CAMT_DATA))
    true, lie = len(CAMT_DATA).to_bytes(4, "little"), (100).to_bytes(4, "little")
    assert honest.count(true) == 2

    with pytest.raises(Refused, match="cannot be opened"):
        load(CAMT053, honest.replace(true, lie))


def test_archive_and_file_share_one_limit() -> None:
    data = pack(*[(f"{i}.xml", CAMT_DATA) for i in range(3)])
    read = guarded(CAMT053.read, limit=2 * len(CAMT_DATA))

    with pytest.raises(Malformed, match=f"at most {2 * len(CAMT_DATA)} are read"):
        list(read(io.BytesIO(data)))


class Endless(io.RawIOBase):
    """A file that says it is huge; reading it would be the mistake."""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 10**15 if whence == io.SEEK_END else offset

    def read(self, _size: int = -1) -> bytes:
        raise AssertionError("an oversize file was read")


@pytest.mark.parametrize("known", EVERY, ids=lambda k: k.code)
def test_oversize_file_is_refused_unread(known: StatementFormat) -> None:
    with pytest.raises(Malformed, match="the file has 1000000000000000 bytes, at most"):
        list(known.read(Endless()))  # type: ignore[arg-type]


@pytest.mark.parametrize("known", EVERY, ids=lambda k: k.code)
def test_empty_file_is_refused(known: StatementFormat) -> None:
    with pytest.raises(Malformed, match="the file is empty"):
        list(known.read(io.BytesIO()))


def test_limit_itself_is_accepted() -> None:
    file = io.BytesIO(b"1234")

    check_size(file, limit=4)

    assert file.read() == b"1234"


@pytest.mark.parametrize("known", TEXTS, ids=lambda k: k.code)
@pytest.mark.parametrize("at", [0, 10, CHUNK + 1])
def test_nul_is_refused(known: StatementFormat, at: int) -> None:
    data = b" " * at + b"\0" + MT940_DATA

    with pytest.raises(Malformed, match=f"byte {at} is NUL"):
        list(known.read(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfcaf\xc3\xa9", "café"),
        (b"caf\xc3\xa9", "café"),
        (b"caf\xe9", "café"),
        (b"x" * (CHUNK - 1) + "é".encode(), "x" * (CHUNK - 1) + "é"),
    ],
)
def test_text_is_utf8_else_cp1252(data: bytes, text: str) -> None:
    file = io.BytesIO(data)

    assert open_text(file).read() == text
    assert not file.closed


def test_bytes_of_neither_encoding_are_refused() -> None:
    with pytest.raises(Malformed, match="byte 3 is neither UTF-8 nor Windows-1252"):
        open_text(io.BytesIO(b"caf\x81"))


def test_line_and_field_without_end_are_refused() -> None:
    with pytest.raises(Refused, match="line 2 is longer than 10000"):
        load(MT940, b":20:X\n:86:" + b"x" * 20_000)
    with pytest.raises(Refused, match="field :86: is longer than 20000"):
        load(MT940, b":20:X\n:86:" + b"xxxxxxxxx\n" * 3_000)


def test_file_of_nothing_but_bad_lines_is_given_up() -> None:
    with pytest.raises(Refused, match="more than 1000 lines cannot be read"):
        load(MT940, b":20:X\n" + b":61:nonsense\n" * 1_002)


def test_stranger_is_told_the_known_formats() -> None:
    with pytest.raises(Malformed, match=r"MT940 bank statement \(mt940\), .* \(camt053\)"):
        sniff(b"%PDF-1.7")


def recon_csv() -> bytes:
    header = (
        "entity_id,type,debit,credit,amount,currency,fee,tax,settled,created_at,settled_at,"
        "settlement_id,settlement_utr,order_id,payment_id,dispute_id"
    )
    rows = [
        f"pay_{i},payment,0,{97640 + i},{100000 + i},INR,2360,360,1,1756200000,1756290000,"
        f"setl_1,UTIBN52025082700001,order_{i},,"
        for i in range(5)
    ]
    return "\n".join([header, *rows]).encode()


Totals = list[tuple[object, ...]]


def _totals(pages: list[tuple[Page, list[StatementLine]]]) -> Totals:
    return [
        (page.account, page.number, page.opening_paise, page.closing_paise, _sums(lines))
        for page, lines in pages
    ]


def _sums(lines: list[StatementLine]) -> Totals:
    return [(line.key, line.amount_paise, line.fee_paise, line.tax_paise) for line in lines]


def _whole_statements(part: Totals, whole: Totals) -> bool:
    return part == whole[: len(part)]


def _whole_rows(part: Totals, whole: Totals) -> bool:
    """A CSV declares nothing, so a cut between rows cannot show; a cut inside one must."""
    rows, every = part[0][-1], whole[0][-1]
    assert isinstance(rows, list)
    assert isinstance(every, list)
    return rows == every[: len(rows)]


@pytest.mark.parametrize(
    ("known", "data", "step", "is_true"),
    [
        (MT940, MT940_DATA, 1, _whole_statements),
        (CAMT053, CAMT_DATA, 97, _whole_statements),
        (RECON_JSON, RECON_DATA, 1, _whole_statements),
        (RECON_CSV, recon_csv(), 1, _whole_rows),
    ],
    ids=["mt940", "camt053", "razorpay-json", "razorpay-csv"],
)
def test_cut_file_is_refused_or_true(
    known: StatementFormat,
    data: bytes,
    step: int,
    is_true: Callable[[Totals, Totals], bool],
) -> None:
    whole = _totals(load(known, data))
    accepted = 0

    for end in range(0, len(data), step):
        try:
            part = _totals(load(known, data[:end]))
        except Refused:
            continue
        accepted += 1
        assert is_true(part, whole), f"cut at {end}"

    assert accepted < len(data) // step // 4


def sheet(*rows: str) -> io.BytesIO:
    """A workbook whose first sheet has these rows, as it is written by hand."""
    text = f"<worksheet><sheetData>{''.join(rows)}</sheetData></worksheet>"
    return io.BytesIO(pack(("xl/workbook.xml", b"<x/>"), ("xl/worksheets/a.xml", text.encode())))


FAR = (
    ('<row r="1"><c r="A1"/></row>', '<row r="1048576"><c r="XFD1048576"/></row>'),
    (
        "<row r='1'><c r='A1'/></row>",
        "<row spans='1:3' r='1048576'><c s='1' r='xfd1048576'/></row>",
    ),
    ('<x:row r="9000000000"><x:c t="n" r="AAA1"/></x:row>',),
)


@pytest.mark.parametrize("rows", FAR)
def test_a_sheet_that_spans_more_than_it_holds_is_refused_unread(rows: tuple[str, ...]) -> None:
    with pytest.raises(Malformed, match="spans"):
        check_workbook(sheet(*rows), limit=MEGABYTE)


def test_a_long_full_sheet_is_no_bomb_and_other_workbooks_are_not_read() -> None:
    full = (f'<row r="{n}"><c r="A{n}"/><c r="T{n}"/></row>' for n in range(1, 120_000))
    check_workbook(sheet(*full), limit=16 * MEGABYTE)

    for names in (("content.xml",), ("xl/workbook.xml", "content.xml"), ("xl/workbook.bin",)):
        packed = io.BytesIO(pack(*((name, b"<x/>") for name in names)))
        with pytest.raises(Malformed, match="xlsx"):
            check_workbook(packed, limit=MEGABYTE)
