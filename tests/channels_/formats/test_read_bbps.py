"""Raw files and MIS of Bharat Connect: the same money in both, and nothing is guessed."""

import io
from datetime import UTC, date, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from lxml import etree

from channels_ import xml_signed
from channels_.contract import LineKind, Statement, StatementLine
from channels_.formats.bbps_raw import Cleared, layouts, write_mis, write_raw
from channels_.registry import formats_of
from cspdcl.kernel.errors import Malformed

PAID = datetime(2026, 8, 18, 6, 0, tzinfo=UTC)
CLEARED = datetime(2026, 8, 18, 18, 45, tzinfo=UTC)  # the next day in India
ROW = Cleared(
    ref="BD016077BAKAAAHT0IRC",
    mti="PAYMENT",
    amount_paise=123_400,
    fee_paise=300,
    tax_paise=54,
    paid_at=PAID,
    cleared_at=CLEARED,
    mode="UPI",
    cycle="BBPS0000000001",
    utr="SAMPN00000000001",
    consumer_number="100012345678",
)
BACK = ROW._replace(
    ref="BD016077BAKAAAHT0IRD", mti="REFUND", amount_paise=-40_000, fee_paise=0, tax_paise=0
)


def raw(*rows: Cleared) -> bytes:
    return write_raw(rows, unit="BD01", biller="CSPDCL000CHH01")


def read(content: bytes, **settings: object) -> tuple[Statement, list[StatementLine]]:
    formats = [one for one in layouts(settings) if one.sniff(content[:4096])]
    assert len(formats) == 1
    (statement,) = formats[0].read(io.BytesIO(content))
    return statement, list(statement.lines)


def field(content: bytes, name: str, value: str) -> bytes:
    """The file with another value in its first row."""
    root = etree.fromstring(content)
    found = root.find(f"transactions/{name}")
    assert found is not None
    found.text = value
    return etree.tostring(root)


@pytest.mark.parametrize("write", [raw, lambda *rows: write_mis(rows)], ids=["raw", "mis"])
def test_both_files_tell_the_same_money(write) -> None:
    _statement, (payment, refund) = read(write(ROW, BACK))

    assert (payment.kind, payment.amount_paise) == (LineKind.PAYMENT, 123_400)
    assert (payment.fee_paise, payment.tax_paise) == (300, 54)
    assert payment.channel_ref == payment.key == ROW.ref
    assert payment.business_date == date(2026, 8, 19)
    assert payment.settlement_ref == "BBPS0000000001"
    assert payment.method == "upi"
    assert (refund.kind, refund.amount_paise) == (LineKind.REFUND, -40_000)
    assert refund.key == f"refund:{BACK.ref}"


@pytest.mark.parametrize("code", ["bbps", "bbps_api"])
def test_both_forms_of_the_channel_read_both_files(code) -> None:
    assert [one.code for one in formats_of(code)] == ["bbps-raw", "bbps-mis"]


@pytest.mark.parametrize(
    ("word", "sign", "kind"),
    [
        ("FORCE PAYMENT", 1, LineKind.PAYMENT),
        ("FORCE PAYMENT FULL GOOD FAITH", 1, LineKind.PAYMENT),
        ("CREDIT ADJUSTMENT", -1, LineKind.REFUND),
        ("REFUND ARBITRATION", -1, LineKind.CHARGEBACK),
        ("NEW WORD", -1, LineKind.UNKNOWN),
    ],
)
def test_words_become_kinds_and_an_unknown_one_is_left_to_a_person(word, sign, kind) -> None:
    row = ROW._replace(mti=word, amount_paise=sign * 123_400)

    _statement, (line,) = read(raw(row))

    assert (line.kind, line.amount_paise, line.code) == (kind, sign * 123_400, word)
    assert line.key == f"{word.lower()}:{ROW.ref}"


def test_a_failure_is_left_out_and_counted_but_not_with_money_in_it() -> None:
    failed = field(field(raw(ROW, BACK), "responseCode", "200"), "txnAmount", "0")
    statement, lines = read(failed)
    assert (len(lines), statement.notes) == (1, {"failures": 1})

    statement, lines = read(field(raw(ROW), "decline", "Y"))
    assert not lines
    assert "failed, and yet of 123400 paise" in statement.refusals[0].problem


def test_rows_of_other_billers_are_left_out() -> None:
    statement, lines = read(
        field(raw(ROW, BACK), "billerId", "MAHA00000MAH01"), biller_id="CSPDCL000CHH01"
    )

    assert [line.channel_ref for line in lines] == [BACK.ref]
    assert statement.notes == {"other_billers": 1}


def test_fees_are_those_that_were_agreed_on_rounded_to_paise() -> None:
    content = raw(ROW)
    for name, value in (
        ("billerFee", "-100.5000"),
        ("billerFeeIGST", "0.0000"),
        ("billerFeeCGST", "-9.0450"),
        ("billerFeeSUTGST", "-9.0450"),
        ("billerOUSwitchingFee", "-50.0000"),
    ):
        content = field(content, name, value)

    (paise,) = read(content)[1]
    (rupees,) = read(
        content, raw_fees=["billerFee", "billerOUSwitchingFee"], raw_fee_unit="rupees"
    )[1]

    assert (paise.fee_paise, paise.tax_paise) == (101, 18)
    assert (rupees.fee_paise, rupees.tax_paise) == (15_050, 1_810)


def test_a_short_cycle_is_named_with_its_day() -> None:
    _statement, (line,) = read(field(raw(ROW), "settlementCycleId", "3"))

    assert line.settlement_ref == "20260819-3"


def test_the_same_row_twice_has_two_keys() -> None:
    _statement, lines = read(raw(ROW, ROW))

    assert [line.key for line in lines] == [ROW.ref, f"{ROW.ref}#2"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("txnAmount", "1234.00"),
        ("txnAmount", "-5"),
        ("txnAmount", "0"),
        ("txnAmount", ""),
        ("txnReferenceId", "short"),
        ("txnCurrencyCode", "840"),
        ("clearingTimestamp", "18/08/2026"),
        ("clearingTimestamp", "9999-12-31T23:59:59-23:59"),
        ("clearingTimestamp", "0001-01-01T00:00:00+23:59"),
        ("billerFee", "1,00"),
        ("decline", "maybe"),
        ("responseCode", ""),
    ],
)
def test_a_row_that_cannot_be_understood_is_refused_with_its_place(name, value) -> None:
    statement, lines = read(field(raw(ROW, BACK), name, value))

    assert [line.channel_ref for line in lines] == [BACK.ref]
    assert [one.line for one in statement.refusals] == [1]


@pytest.mark.parametrize(
    "content",
    [
        raw(ROW)[:-30],
        raw(ROW).replace(b"<RAWFile", b'<!DOCTYPE a [<!ENTITY b "c">]><RAWFile'),
        raw(ROW).replace(b"<mti>", b"<mti><x/>"),
        raw(ROW).replace(b"<mti>", b"<mti>PAYMENT</mti><mti>"),
        raw(ROW).replace(b"transactions", b"Surprise"),
        raw(ROW).replace(b"<mti>", b"<a/>" * 200 + b"<mti>"),
    ],
)
def test_a_file_that_is_not_shaped_as_agreed_is_refused_whole(content) -> None:
    with pytest.raises(Malformed):
        read(content)


def test_a_signature_is_checked_where_a_key_was_agreed_on() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    signed = xml_signed.sign(etree.fromstring(raw(ROW)), private)

    assert len(read(signed, raw_file_key=public)[1]) == 1
    assert len(read(signed)[1]) == 1
    for content in (raw(ROW), signed.replace(b">123400<", b">123401<")):
        with pytest.raises(Malformed, match="not signed as agreed"):
            read(content, raw_file_key=public)


@pytest.mark.parametrize(
    "agreed", [{"raw_fees": ["unknownFee"]}, {"raw_fee_unit": "dollars"}, {"report": {"x": 1}}]
)
def test_wrong_settings_are_named(agreed) -> None:
    with pytest.raises(TypeError, match=next(iter(agreed))):
        layouts(agreed)


def test_pending_and_failed_rows_of_the_mis_do_not_count() -> None:
    content = write_mis([ROW, BACK]).replace(b"SUCCESS", b"PENDING", 1)

    statement, lines = read(content)

    assert [line.channel_ref for line in lines] == [BACK.ref]
    assert statement.notes == {"not_counting": 1}
