"""A bank's line becomes an entry: its references, and the one consumer it surely names."""

from datetime import date
from typing import Any

import pytest

from channels_.contract import LineKind, StatementLine
from channels_.models import BankAccount, Channel
from reconciliation.incoming.bank_lines import BankLines
from reconciliation.incoming.intake import NewEntry
from tests import factories as make

pytestmark = pytest.mark.django_db

UTR = "SBINN52026081811431836"


@pytest.fixture
def account() -> BankAccount:
    made = make.BankAccountFactory(ifsc="HDFC0000001")
    make.BankTransferFactory(
        code="neft",
        bank_account=made,
        route=Channel.Route.TRANSFER,
        settings={"prefixes": ["CSPD"]},
    )
    return made


def entry(account: BankAccount, narration: str, **more: Any) -> NewEntry:
    line = StatementLine(
        line=1,
        key="k",
        kind=LineKind.CREDIT,
        amount_paise=more.pop("amount_paise", 100),
        business_date=date(2026, 8, 18),
        narration=narration,
        **more,
    )
    (made,) = BankLines.of(account, file_id=1).entries([line])
    return made


def test_a_virtual_account_names_its_consumer_and_is_no_utr(account) -> None:
    consumer = make.ConsumerFactory(number="100000000001")

    made = entry(account, f"NEFT CR-SBIN0000100-SAMPLE PAYER-CSPD100000000001-{UTR}")
    cut = entry(account, f"NEFT CR-SBIN0000100-SAMPLE PAYER-CSPD100000000001-{UTR[:16]}")

    assert (made.consumer_number, made.utr) == (consumer.number, UTR)
    assert (cut.consumer_number, cut.utr) == (consumer.number, "")


def test_a_reference_cut_to_sixteen_places_gives_way_to_the_whole_one(account) -> None:
    made = entry(account, f"NEFT CR-SBIN0000100-SAMPLE-BILL-{UTR}", reference=UTR[:16])

    assert made.utr == UTR


def test_where_a_consumer_is_named_by_a_word_no_other_number_counts(account) -> None:
    named = make.ConsumerFactory(number="100000000001")
    make.ConsumerFactory(number="100000000002")

    made = entry(account, f"NEFT CR-SBIN0000100-SAMPLE-CA 100000000001 100000000002-{UTR}")

    assert made.consumer_number == named.number


def test_two_consumers_named_are_none_and_neither_is_a_partner_with_two_accounts(account) -> None:
    for number in ("100000000001", "100000000002"):
        make.ConsumerFactory(number=number, business_partner="1000000004")

    both = entry(account, f"NEFT CR-SBIN0000100-SAMPLE-100000000001 100000000002-{UTR}")
    partner = entry(account, f"NEFT CR-SBIN0000100-SAMPLE-BP 1000000004-{UTR}")

    assert (both.consumer_number, partner.consumer_number) == ("", "")


def test_digits_of_a_reference_or_an_account_of_the_payer_name_nobody(account) -> None:
    make.ConsumerFactory(number="623012345678", business_partner="2026081811")
    make.ConsumerFactory(number="000012345678", business_partner="0012345678")

    imps = entry(account, "IMPS-623012345678-SAMPLE PAYER-SBIN-50100012345678-BILL")

    assert (imps.rrn, imps.consumer_number) == ("623012345678", "")


def test_a_number_in_the_remark_of_a_transfer_is_no_rrn(account) -> None:
    narration = f"NEFT CR-SBIN0000100-SAMPLE-UPI 623012345678-{UTR}"

    made = entry(account, narration, rrn="623012345678")  # as a reader took it

    assert (made.utr, made.rrn) == (UTR, "")


def test_a_debit_names_no_consumer(account) -> None:
    make.ConsumerFactory(number="100000000001")

    made = entry(account, "UPI/DR/623012345678/CA 100000000001", amount_paise=-100)

    assert (made.rrn, made.consumer_number) == ("623012345678", "")
