"""Who may speak as PhonePe: the password, the HMAC, the salt, the merchant; and its messages."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from channels_.adapters.phonepe import ADAPTER
from channels_.adapters.phonepe.simulate import MERCHANT, SIMULATION
from channels_.contract import Inbound, LineKind, NoticeKind, Outcome, Setup, WrongMerchant
from channels_.simulation import News
from cspdcl.kernel.errors import Unverified
from tests.channels_.formats.loading import load
from tests.channels_.gateway_world import (
    NOON,
    PAYMENT,
    REFERENCE,
    REFUND,
    REFUND_REFERENCE,
    REFUND_ROW,
    ROW,
)
from tests.channels_.test_read_notices import inbound_of, setup_of

HERE: Final = Path(__file__).parent
PASSWORD: Final = HERE / "v2_order_completed_upi.body"
HMAC: Final = HERE / "hmac_order_completed.body"
SALT: Final = HERE / "v1_success_upi.body"
ALL: Final = pytest.mark.parametrize("sent", [PASSWORD, HMAC, SALT], ids=["v2", "hmac", "v1"])


def verify(inbound: Inbound, setup: Setup) -> None:
    assert ADAPTER.verify is not None
    ADAPTER.verify(inbound, setup)


@ALL
def test_without_its_header_nothing_is_believed(sent: Path) -> None:
    with pytest.raises(Unverified):
        verify(replace(inbound_of(sent), headers={}), setup_of(sent))


@ALL
@pytest.mark.parametrize("key", ["", ":", "user:", ":password", "another"])
def test_another_or_no_key_proves_nothing(sent: Path, key: str) -> None:
    with pytest.raises(Unverified):
        verify(inbound_of(sent), replace(setup_of(sent), secrets={"callback_key": key}))
    with pytest.raises(Unverified):
        verify(inbound_of(sent), replace(setup_of(sent), secrets={}))


@ALL
def test_what_is_meant_for_another_merchant_is_refused(sent: Path) -> None:
    with pytest.raises(WrongMerchant):
        verify(inbound_of(sent), replace(setup_of(sent), merchant_id="ANOTHER"))


@ALL
@pytest.mark.parametrize(
    "agreed",
    [{"version": "v3"}, {"version": "v2", "webhook": "none"}, {"version": "v2", "webhook": ""}],
)
def test_a_protocol_that_is_not_known_believes_nothing(sent: Path, agreed: dict[str, str]) -> None:
    with pytest.raises(Unverified):
        verify(inbound_of(sent), replace(setup_of(sent), settings=agreed))


@pytest.mark.parametrize(
    ("sent", "agreed"),
    [
        (PASSWORD, {"version": "v1"}),
        (PASSWORD, {"version": "v2", "webhook": "hmac"}),
        (HMAC, {"version": "v2"}),
        (HMAC, {"version": "v1"}),
        (SALT, {"version": "v2"}),
        (SALT, {"version": "v2", "webhook": "hmac"}),
    ],
)
def test_the_proof_of_one_protocol_is_none_in_another(sent: Path, agreed: dict[str, str]) -> None:
    with pytest.raises(Unverified):
        verify(inbound_of(sent), replace(setup_of(sent), settings=agreed))


@pytest.mark.parametrize("end", ["", "###", "###1###1", "##1", "###x", "###1234"])
def test_x_verify_needs_its_index(end: str) -> None:
    inbound = inbound_of(SALT)
    given = inbound.headers["x-verify"].partition("#")[0] + end

    with pytest.raises(Unverified):
        verify(replace(inbound, headers={"x-verify": given}), setup_of(SALT))


def test_the_header_of_the_hmac_can_be_agreed_on() -> None:
    inbound, setup = inbound_of(HMAC), setup_of(HMAC)
    headers = {"x-other": inbound.headers["x-phonepe-signature"]}

    verify(
        replace(inbound, headers=headers),
        replace(setup, settings={**setup.settings, "hmac_header": "X-Other"}),
    )


def spoken(agreed: dict[str, Any]) -> Setup:
    assert SIMULATION.make_keys is not None
    return Setup(
        merchant_id=MERCHANT, secrets=SIMULATION.make_keys().theirs, settings=agreed, at=NOON
    )


@pytest.mark.parametrize(
    "agreed", [{}, {"webhook": "hmac"}, {"version": "v1"}], ids=["v2", "hmac", "v1"]
)
@pytest.mark.parametrize("news", sorted(SIMULATION.news))
def test_what_the_simulation_tells_is_believed_and_read(news: News, agreed: dict[str, Any]) -> None:
    setup = spoken(agreed)
    subject = REFUND if news.startswith("refund") else PAYMENT
    told = SIMULATION.tell(news, subject, NOON + timedelta(seconds=1), "evt_1")
    assert SIMULATION.seal is not None
    assert ADAPTER.parse is not None
    sealed = SIMULATION.seal(told, setup)
    headers = {name.lower(): value for name, value in SIMULATION.sign(sealed, setup).items()}
    inbound = Inbound(sealed.body, headers)

    verify(inbound, setup)
    (notice,) = ADAPTER.parse(inbound, setup)

    if subject is PAYMENT:
        assert notice.outcome is (Outcome.FAILED if news is News.FAILED else Outcome.SUCCEEDED)
        assert (notice.reference, notice.channel_ref) == (REFERENCE, PAYMENT.channel_ref)
        assert notice.confirm is (agreed == {})
    elif agreed.get("version") == "v1":
        assert notice.kind is NoticeKind.IGNORED
    else:
        assert (notice.reference, notice.order_ref) == (REFUND_REFERENCE, REFERENCE)
        assert (notice.refund_ref, notice.amount_paise) == (REFUND.channel_ref, 46350)


def test_the_report_of_the_simulation_is_read_to_the_paisa() -> None:
    assert SIMULATION.report is not None
    assert ADAPTER.layouts is not None
    (known,) = ADAPTER.layouts({})
    data = SIMULATION.report([ROW, REFUND_ROW])["csv"]
    assert known.sniff(data[:4096])
    ((_page, (payment, refund)),) = load(known, data)

    assert (payment.kind, payment.channel_ref) == (LineKind.PAYMENT, PAYMENT.channel_ref)
    assert (payment.amount_paise, payment.fee_paise, payment.tax_paise) == (246350, 2000, 360)
    assert (payment.reference, payment.utr, payment.method) == (
        REFERENCE,
        "AXISN0000012345",
        "upi",
    )
    assert (refund.kind, refund.amount_paise) == (LineKind.REFUND, -46350)
    assert (refund.channel_ref, refund.original_ref) == (REFUND.channel_ref, PAYMENT.channel_ref)


def test_a_report_with_three_taxes_and_unsigned_fees_is_read() -> None:
    assert ADAPTER.layouts is not None
    (known,) = ADAPTER.layouts({})
    header = (
        "PaymentType,MerchantReferenceId,PhonePeReferenceId,From,CreationDate,TransactionDate,"
        "SettlementDate,BankReferenceNo,Amount,Fee,IGST,CGST,SGST"
    )
    row = "PAYMENT,R1,T1,ACCOUNT,18-08-2026,18-08-2026,19-08-2026,u1,100.00,1.00,0.00,0.09,0.09"
    ((_page, (line,)),) = load(known, f"{header}\n{row}\n".encode())

    assert (line.amount_paise, line.fee_paise, line.tax_paise) == (10000, 100, 18)
    assert (line.method, line.utr) == ("upi", "U1")
