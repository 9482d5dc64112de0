"""IFSC: the published cases hold, lent branches name their bank, sort codes lead to a bank."""

import json
import tracemalloc
import zlib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counters.paper import ifsc

ASSERTS: Final = json.loads(
    (Path(__file__).parent / "data" / "ifsc_asserts.json").read_text(encoding="utf-8")
)
TOOL: Final = Path(__file__).parents[2] / "tools" / "ifsc.py"


@pytest.mark.parametrize("group", ASSERTS)
def test_the_published_cases_hold(group: str) -> None:
    assert {code: ifsc.is_known(code) for code in ASSERTS[group]} == ASSERTS[group]


@pytest.mark.parametrize(
    "text",
    [
        *("", "SBIN", "SBIN1004343", "SBI00004343", "SBIN000434", "SBIN00043430", "SBIN000 343"),
        "SBIN\N{DEVANAGARI DIGIT ZERO}004343",
        "SBIN000\N{ARABIC-INDIC DIGIT FOUR}343",
    ],
)
def test_what_has_not_the_shape_is_not_known(text: str) -> None:
    assert not ifsc.is_well_formed(text)
    assert not ifsc.is_known(text)


def test_a_new_branch_keeps_its_bank() -> None:
    assert not ifsc.is_known("HDFC0ZZZZZZ")
    assert ifsc.bank_name_of("HDFC0ZZZZZZ") == "HDFC Bank"


@pytest.mark.parametrize(
    ("code", "bank_code", "name"),
    [
        ("APBL0001001", "TSDX", "District Co-operative Central Bank Srikakul"),  # its whole code
        ("YESB0ADB123", "AVDX", None),  # lent by its first letters
        ("KSCB0702001", "", "Bagalkot District Central Co-operative Bank"),  # without letters
        ("KKBK0000261", "KKBK", "Kotak Mahindra Bank"),
    ],
)
def test_a_lent_branch_names_who_uses_it(code: str, bank_code: str, name: str | None) -> None:
    assert ifsc.bank_code_of(code) == bank_code
    if name is not None:
        assert ifsc.bank_name_of(code) == name


def test_four_letters_are_enough_for_a_name() -> None:
    assert ifsc.bank_name_of("UTIB") == "Axis Bank"
    assert ifsc.bank_name_of("QQQQ") == ""


@pytest.mark.parametrize(
    ("sort_code", "bank"),
    [
        ("695240002", "HDFC"),
        ("492229002", "ICIC"),
        ("492002001", "SBIN"),
        ("492211002", "UTIB"),
        ("400240262", "ABBL"),  # clears under another bank's number
        ("492999001", ""),
        ("092240001", ""),
        ("69524000", ""),
    ],
)
def test_a_sort_code_leads_to_its_bank(sort_code: str, bank: str) -> None:
    assert ifsc.bank_of_sort_code(sort_code) == bank


@given(st.text(max_size=14))
def test_no_text_breaks_it(text: str) -> None:
    assert ifsc.is_known(text) in (True, False)
    assert isinstance(ifsc.bank_name_of(text), str)
    assert isinstance(ifsc.bank_of_sort_code(text), str)


def test_every_code_takes_four_bytes() -> None:
    tracemalloc.start()
    ifsc._branches.cache_clear()
    branches = ifsc._branches()
    size, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sum(map(len, branches.values())) == 182_295
    assert size < 1_200_000


def test_the_data_can_be_made_again(tmp_path: Path) -> None:
    sources = {
        "IFSC.json": {"ABCD": [7, 12, "0000SC"], "EFGH": ["NEFT02"]},
        "banks.json": {"ABCD": {"micr": "400240001", "ifsc": None}},
        "banknames.json": {"ABCD": "A Bank"},
        "sublet.json": {},
        "custom-sublets.json": {},
    }
    for name, told in sources.items():
        (tmp_path / name).write_text(json.dumps(told), encoding="utf-8")
    spec = spec_from_file_location("ifsc_tool", TOOL)
    assert spec
    assert spec.loader
    tool = module_from_spec(spec)
    spec.loader.exec_module(tool)

    tool.write(tmp_path, tmp_path)

    data = zlib.decompress((tmp_path / "branches.bin").read_bytes())
    assert data[:8] == b"ABCD\x03\0\0\0"
    assert int.from_bytes(data[8:12], "little") == 7
    assert data[20:28] == b"EFGH\x01\0\0\0"
    assert json.loads((tmp_path / "banks.json").read_text()) == {
        "names": {"ABCD": "A Bank"},
        "banks": {"ABCD": ["400240001", ""]},
        "sublets": {},
        "prefixes": {},
    }
