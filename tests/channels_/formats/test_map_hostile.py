"""Files by a mapping that were made to hurt: refused, or read in no time and no memory."""

import io
import json
import time
import zipfile
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_.formats.extracts import Extractor
from channels_.formats.mapped import bank_table, bank_table_format
from channels_.formats.records import JSON_MAX
from cspdcl.kernel.errors import Malformed
from tests.channels_.formats.loading import read_all

COLUMNS: Final = {"day": "Day", "amount": "Amount", "narration": "Text"}
XML: Final = {"source": "xml", "record": "Row"}
JSON: Final = {"source": "json"}
ENTITIES: Final = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 12))
QUICK_SECONDS: Final = 2


def table(**changes: Any) -> Any:
    told = {"code": "t", "title": "T", "columns": COLUMNS, "account": "30000000001"}
    return bank_table_format(bank_table(told | {"dates": ["%Y-%m-%d"]} | changes))


def row(amount: str, text: str = "x") -> str:
    return f"<Row><Day>2026-08-12</Day><Amount>{amount}</Amount><Text>{text}</Text></Row>"


def one(**changes: Any) -> dict[str, Any]:
    return {"Day": "2026-08-12", "Amount": "5.00", "Text": "x"} | changes


@pytest.mark.parametrize(
    ("changes", "data", "told"),
    [
        (XML, f"<!DOCTYPE a [{ENTITIES}]><a>{row('5', '&e11;')}</a>", "<!DOCTYPE"),
        (XML, f"<!DOCTYPE a SYSTEM 'file:///etc/hostname'><a>{row('5')}</a>", "<!DOCTYPE"),
        (XML, f"<?xml version='1.0'?>{' ' * 70_000}<!ENTITY a 'b'><a/>", "<!ENTITY"),
        (XML, f"<a>{row('5', '&undeclared;')}</a>", "not well-formed"),
        (XML, "<a>" * 50 + row("5") + "</a>" * 50, "deeper or wider"),
        (XML, f"<a>{row('5', '<b>' * 50 + '</b>' * 50)}</a>", "deeper or wider"),
        (XML, f"<a>{row('5')[:-6]}", "cut short"),
        (XML, f"<?xml version='1.0' encoding='utf-7'?><a>{row('5')}</a>", "expected XML in UTF-8"),
        (JSON, "[" * 100_000, "nested deeper"),
        (JSON, "[" + '{"a":' * 40 + "1" + "}" * 40 + "]", "nested deeper"),
        (JSON, '[{"Day": "2026-08-12", "Day": "2026-08-13", "Amount": "5"}]', "twice"),
        (JSON, '[{"Day": "2026-08-12", "Amount": NaN}]', "NaN is no number"),
        (JSON, '[{"Day": "2026-08-12", "Amount": 1e999999999}]', "too many digits"),
        (JSON, f'[{{"Day": "2026-08-12", "Amount": {"9" * 5_000}}}]', "expected JSON"),
        (JSON, '[{"Day": "2026-08-12", "Amount": "5", "Text": "\\u0000"}]', "NUL"),
    ],
)  # fmt: skip
def test_what_was_made_to_hurt_is_refused_in_no_time(
    changes: dict[str, Any], data: str, told: str
) -> None:
    began = time.monotonic()

    with pytest.raises(Malformed, match=told):
        read_all(table(**changes), data.encode())

    assert time.monotonic() - began < QUICK_SECONDS


def test_utf16_hides_no_doctype() -> None:
    data = f"<?xml version='1.0'?><!DOCTYPE a><a>{row('5')}</a>".encode("utf-16")

    with pytest.raises(Malformed, match="expected XML in UTF-8"):
        read_all(table(**XML), data)


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        ("1e3", "expected an amount such as 1234.50"),
        ("99999999999999", "expected an amount such as 1234.50"),
        ("9999999999999", "expected an amount of our world"),
        ("0x10", "expected an amount such as 1234.50"),
        ("५००", "expected an amount such as 1234.50"),
        ("5.001", "expected an amount such as 1234.50"),
    ],
)
@pytest.mark.parametrize("source", ["xml", "json", "table"])
def test_an_amount_that_is_none_refuses_its_row(source: str, amount: str, told: str) -> None:
    changes, data = {
        "xml": (XML, f"<a>{row(amount)}</a>"),
        "json": (JSON, json.dumps([one(Amount=amount)])),
        "table": ({}, f"Day,Amount,Text\n2026-08-12,{amount},x\n"),
    }[source]

    (statement,) = table(**changes).read(io.BytesIO(data.encode()))

    assert list(statement.lines) == []
    assert told in statement.refusals[0].problem


def test_a_number_of_json_is_read_to_the_paisa_and_never_as_a_float() -> None:
    data = json.dumps([one(Amount=0)]).replace('"Amount": 0', '"Amount": 90071992547.93')

    (statement,) = table(**JSON).read(io.BytesIO(data.encode()))

    assert [line.amount_paise for line in statement.lines] == [9007199254793]


def test_a_document_larger_than_memory_is_refused_unread() -> None:
    class Endless(io.RawIOBase):
        """Says how large it is, and must not be read."""

        def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
            return JSON_MAX + 1 if whence == io.SEEK_END else offset

        def tell(self) -> int:
            return JSON_MAX + 1

        def seekable(self) -> bool:
            return True

    with pytest.raises(Malformed, match="at most"):
        next(table(**JSON).read(Endless()))


def test_a_workbook_that_unpacks_without_end_is_refused_before_it_opens() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 80_000_000)

    with pytest.raises(Malformed, match=r"unpacks to (more than|\d+ bytes)"):
        read_all(table(), packed.getvalue())


# ---- what narrations hold


def test_no_narration_keeps_a_pattern_busy() -> None:
    pattern = "-".join(["{*}"] * 8) + "-{utr}#"
    began = time.monotonic()

    assert Extractor(pattern).find("-" * 4_000) == {}
    assert Extractor(pattern).find("a-" * 2_000) == {}
    assert time.monotonic() - began < QUICK_SECONDS


@pytest.mark.parametrize(
    ("pattern", "narration", "found"),
    [
        ("NEFT CR-{utr}-{*}", "neft cr-SBINN12345-A Payer", {"utr": "SBINN12345"}),
        ("NEFT CR-{*}-{utr}-X", "NEFT CR-a-b-UTR1-X", {"utr": "UTR1"}),
        ("UPI/{rrn}/{*}/{reference}", "UPI/123//R9", {"rrn": "123", "reference": "R9"}),
        ("CHQ {instrument} ", "CHQ 004417 CHQ 004418 X", {"instrument": "004417"}),
        ("{utr}", "  A1 B2", {"utr": "A1"}),
        ("CHQ {instrument}#", "CHQ CHQ 5#", {"instrument": "5"}),
        ("CHQ {instrument}", "CHQ ", {}),
        ("CHQ {instrument}", "CHQ é5", {}),
        ("İ{utr}", "İA1", {}),  # its small letter is two signs: not looked into
        ("A{utr}", "A" + "9" * 41, {"utr": "9" * 40}),
        ("A{*}B{utr}", "A" + " " * 61 + "B7", {}),
    ],
)
def test_a_pattern_finds_what_stands_at_its_places(
    pattern: str, narration: str, found: dict[str, str]
) -> None:
    assert Extractor(pattern).find(narration) == found


@given(
    words=st.lists(st.text("ab-/ ", max_size=3), min_size=2, max_size=4),
    narration=st.text("ab-/ 7", max_size=30),
)
def test_what_was_written_by_a_pattern_is_found_in_it(words: list[str], narration: str) -> None:
    text = f"{words[0]}UTR99{words[1]}{narration}"

    found = Extractor(f"{words[0]}{{utr}}{words[1]}").find(text)

    assert found
    assert f"{words[0]}{found['utr']}{words[1]}" in text
