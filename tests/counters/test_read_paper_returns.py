"""Return reasons: every code in both languages, banks' words, and silence where words disagree."""

from collections import defaultdict

import pytest
from django.conf import settings
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from counters.paper import returns
from counters.paper.returns import CODES, Fault, code_of, return_code


def test_every_code_has_its_fault() -> None:
    by_fault = defaultdict(set)
    for code in CODES.values():
        by_fault[code.fault].add(code.code)

    assert by_fault[Fault.DRAWER_FUNDS] == {"01", "02"}
    assert by_fault[Fault.DRAWER_OTHER] == {
        *("04", "10", "11", "12", "13", "14", "15", "16", "17", "20", "21", "22", "23", "24", "25"),
        *("30", "31", "32", "33", "34", "50", "51", "52", "53", "54", "55"),
    }
    assert by_fault[Fault.TECHNICAL] == {
        *("03", "05", "35", "36", "37", "38", "39", "40", "41", "42", "84")
    }


def test_only_what_is_sure_costs_the_consumer_anything() -> None:
    assert {code.code for code in CODES.values() if code.penalty} == {"01", "02"}
    assert all(code.confirmed for code in CODES.values() if code.fault is not Fault.UNKNOWN)
    assert not any(
        code.penalty or code.may_represent for code in CODES.values() if code.fault is Fault.UNKNOWN
    )
    assert not CODES["41"].may_represent  # its twin was paid


def test_the_words_follow_the_reader() -> None:
    assert settings.USE_I18N
    assert {code.code for code in CODES.values() if not code.hi} == set()
    with translation.override("hi"):
        assert CODES["01"].words == "खाते में राशि अपर्याप्त"
    with translation.override("en"):
        assert CODES["01"].words == "Funds insufficient"


def test_an_unknown_code_is_kept_for_a_person() -> None:
    found = return_code("97")

    assert (found.code, found.fault) == ("97", Fault.UNKNOWN)
    assert (found.penalty, found.may_represent, found.words) == (False, False, "Reason 97")


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("01", "01"),
        ("1", "01"),
        ("001", "01"),
        ("97", "97"),
        ("FUNDS INSUFFICIENT", "01"),
        ("Funds  Insufficient.", "01"),
        ("01-Funds Insufficient", "01"),
        ("01 FUNDS INSUFFICIENT", "01"),
        ("Funds insufficient (01)", "01"),
        ("FUNDS INSUFFICIENT - 01", "01"),
        ("12: Drawer's signature differs", "12"),
        ("DRAWER\u2019S SIGNATURE DIFFERS", "12"),
        ("88 - Cheque smells of fish", "88"),
        ("01 - Drawer's signature differs", ""),  # the number and the words disagree
        ("97 - Funds insufficient", ""),
        ("Cheque smells of fish", ""),
        ("", ""),
        ("-", ""),
    ],
)
def test_a_cell_names_one_code_or_none(cell: str, code: str) -> None:
    assert code_of(cell) == code


def test_a_bank_may_have_words_of_its_own() -> None:
    assert code_of("R01", agreed={"R01": "20"}) == "20"
    assert code_of("stop by cust", agreed={"STOP BY CUST": "20"}) == "20"


def test_every_word_leads_to_a_code_we_have() -> None:
    assert set(returns._WORDS.values()) <= set(CODES)
    assert len({returns.plain(one.en) for one in CODES.values()}) == len(CODES)


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    assert len(code_of(text)) in (0, 2)
