"""Amounts in words, in both languages, as receipts say them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspdcl.kernel.money import PAISE_MAX
from payments.words import in_english, in_hindi


@pytest.mark.parametrize(
    ("paise", "english", "hindi"),
    [
        (100, "Rupees one only", "एक रुपया मात्र"),
        (5, "Rupees zero and paise five only", "शून्य रुपये पाँच पैसे मात्र"),
        (
            246_300,
            "Rupees two thousand four hundred and sixty-three only",
            "दो हज़ार चार सौ तिरसठ रुपये मात्र",
        ),
        (10_000_000, "Rupees one lakh only", "एक लाख रुपये मात्र"),
        (
            123_456_789,
            (
                "Rupees twelve lakh thirty-four thousand five hundred and sixty-seven "
                "and paise eighty-nine only"
            ),
            "बारह लाख चौंतीस हज़ार पाँच सौ सड़सठ रुपये नवासी पैसे मात्र",
        ),
        (10**9, "Rupees one crore only", "एक करोड़ रुपये मात्र"),
        (PAISE_MAX, "Rupees ten thousand crore only", "दस हज़ार करोड़ रुपये मात्र"),
    ],
)
def test_an_amount_is_said_in_both_languages(paise: int, english: str, hindi: str) -> None:
    assert in_english(paise) == english
    assert in_hindi(paise) == hindi


@given(st.integers(min_value=0, max_value=PAISE_MAX), st.integers(0, PAISE_MAX))
def test_different_amounts_are_said_differently(one: int, other: int) -> None:
    assert (in_hindi(one) == in_hindi(other)) == (one == other)
    assert (in_english(one) == in_english(other)) == (one == other)


def test_less_than_nothing_is_on_no_receipt() -> None:
    with pytest.raises(ValueError, match="less than nothing"):
        in_english(-1)
