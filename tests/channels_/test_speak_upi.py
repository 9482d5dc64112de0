"""UPI links and QR codes say what was asked, and an unclear response code is never a failure."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_ import upi
from channels_.contract import Outcome
from channels_.upi import Family, PayLink
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.ids import new_reference
from cspdcl.kernel.money import Paise

ASKED = PayLink(
    vpa="cspdcl.bill@samplebank",
    name="CSPDCL Raipur",
    reference="26H183RZ7K2MQ4TX1",
    amount_paise=Paise(123_450),
    note="Bill B00000001, 2026-08",
)
LINK = (
    "upi://pay?pa=cspdcl.bill@samplebank&pn=CSPDCL%20Raipur&mc=4900&tr=26H183RZ7K2MQ4TX1"
    "&tn=Bill%20B00000001%2C%202026-08&am=1234.50&cu=INR"
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


def test_a_link_is_written_as_the_specification_says() -> None:
    assert upi.link_of(ASKED) == LINK
    assert upi.read_link(LINK) == ASKED


def test_a_link_that_was_escaped_for_html_is_read_all_the_same() -> None:
    assert upi.read_link(html.escape(LINK)) == ASKED


@given(name=TEXT.filter(str.strip), note=TEXT, amount=st.integers(0, 10**11))
def test_whatever_is_written_is_read_back(name: str, note: str, amount: int) -> None:
    asked = PayLink(vpa="a.b-c_1@bank", name=name, note=note, amount_paise=Paise(amount))

    assert upi.read_link(upi.link_of(asked)) == asked


@given(text=st.text(max_size=60))
def test_any_text_is_read_as_a_link_or_refused(text: str) -> None:
    for read in (upi.read_link, upi.read_bharat_qr):
        for one in (text, f"upi://pay?{text}", f"upi://pay?pa=ab@cd&{text}"):
            try:
                read(one)
            except Malformed:
                continue


@pytest.mark.parametrize(
    "wrong",
    [
        "https://pay?pa=a1@bank",
        "upi://pay?pn=nobody",
        "upi://pay?pa=a1@bank&pa=b1@bank",
        "upi://pay?pa=a1@bank&am=1.234",
        "upi://pay?pa=a1@bank&am=-1",
        "upi://pay?pa=a1@bank&am=1&am=100",
        "upi://pay?pa=a1@bank&cu=USD",
        "upi://pay?pa=a1@bank&pn=%ff",
        "upi://pay?pa=a1@bank" + "&x=1" * 600,
    ],
)
def test_a_link_that_could_mean_another_payment_is_refused(wrong: str) -> None:
    with pytest.raises(Malformed):
        upi.read_link(wrong)


@pytest.mark.parametrize(
    "change",
    [
        {"vpa": "nobody"},
        {"name": " "},
        {"category": "49"},
        {"reference": "26H18-3RZ7K2MQ-4TX"},
        {"reference": "A" * 36},
        {"note": "n" * 51},
        {"amount_paise": Paise(-1)},
    ],
)
def test_what_an_application_would_refuse_is_not_written(change: dict[str, object]) -> None:
    plain = {"vpa": "a1@bank", "name": "A payee", **change}

    with pytest.raises(Malformed):
        upi.link_of(PayLink(**plain))  # type: ignore[arg-type]


def test_the_emvco_form_has_the_published_check_sum() -> None:
    # CRC-16/CCITT-FALSE of "123456789" is 29B1, as every catalogue of check sums says.
    assert upi._checksum("123456789") == "29B1"
    text = upi.bharat_qr_of(ASKED)

    assert text.startswith("00020101021226420012upi.npci.org0122cspdcl.bill@samplebank")
    found = upi.read_bharat_qr(text)
    assert (found.vpa, found.reference, found.amount_paise) == (
        ASKED.vpa,
        ASKED.reference,
        ASKED.amount_paise,
    )


@given(place=st.integers(0, 200), other=st.integers(1, 127))
def test_a_changed_character_of_a_qr_code_is_refused(place: int, other: int) -> None:
    text = upi.bharat_qr_of(ASKED)
    place %= len(text)
    changed = text[:place] + chr(ord(text[place]) ^ other) + text[place + 1 :]
    if changed.upper() == text.upper() and place >= len(text) - 4:
        return  # the check sum in small letters is the same check sum

    with pytest.raises(Malformed):
        upi.read_bharat_qr(changed)


def test_a_picture_holds_the_link() -> None:
    assert upi.svg(LINK).startswith("<svg")
    assert upi.png(LINK).startswith(b"\x89PNG")


def test_our_reference_travels_without_hyphens_and_comes_back() -> None:
    reference = new_reference()

    assert upi.reference_of(upi.carried(reference)) == reference
    assert upi.reference_of("ORDER123") == ""


@pytest.mark.parametrize(
    ("code", "family", "outcome"),
    [
        ("00", Family.FINAL_SUCCESS, Outcome.SUCCEEDED),
        ("z9", Family.FINAL_FAIL, Outcome.FAILED),
        ("U34", Family.REVERSED, Outcome.FAILED),
        ("RB", Family.DEEMED, Outcome.PENDING),
        ("U67", Family.UNKNOWN, Outcome.PENDING),
        ("U33", Family.UNKNOWN, Outcome.PENDING),
        ("never seen", Family.UNKNOWN, Outcome.PENDING),
        ("", Family.UNKNOWN, Outcome.PENDING),
    ],
)
def test_only_what_is_final_decides(code: str, family: Family, outcome: Outcome) -> None:
    found = upi.response(code)

    assert (found.family, found.outcome) == (family, outcome)


def test_a_code_that_was_agreed_counts_and_a_wrong_agreement_is_told() -> None:
    assert upi.response("Q7", agreed={"Q7": "FINAL_FAIL"}).outcome is Outcome.FAILED
    with pytest.raises(Malformed):
        upi.response("Q7", agreed={"Q7": "success"})


def test_every_time_out_of_the_table_stays_open() -> None:
    late = [one for one in upi.CODES.values() if "timed out" in one.text]

    assert len(late) >= 12
    assert {one.outcome for one in late} == {Outcome.PENDING}


@pytest.mark.parametrize("text", ["12345678901", "1234567890123", "12345678901a", "१२३४५६७८९०१२"])
def test_what_is_no_rrn(text: str) -> None:
    assert not upi.is_rrn(text)


@pytest.mark.parametrize("text", ["@bank", "a@bank", "ab@", "ab@1bank", "a b@bank", "ab@bank@x"])
def test_what_is_no_upi_address(text: str) -> None:
    assert not upi.is_vpa(text)
