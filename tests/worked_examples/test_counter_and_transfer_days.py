"""Days of the counters and of bank transfers: money that reaches the bank without a gateway."""

from datetime import date

import pytest

from counters.models import Difference, DrawerCount, OfficeDay, Shift
from payments.states import State
from reconciliation.models import Entry, Kind, Match
from tests import factories
from tests.worked_examples.accounts import Desk, Line, at

THU, FRI, SAT, SUN, MON = (date(2026, 8, n) for n in range(13, 18))
UTR = "SBIN526227000001"


def test_a_cash_day_is_proved_by_its_slip_in_the_reference_of_the_credit(desk: Desk) -> None:
    desk.slip("DS-0001", [desk.receipt("cash", n, on=THU) for n in (100, 250, 50)], on=THU)

    desk.statement(Line(400, "CASH DEP BRANCH 17", reference="DS-0001"), on=THU)
    desk.reconcile(THU)

    assert desk.breaks(THU) == []
    assert Match.objects.get().lines.count() == 4


@pytest.mark.parametrize(
    "narration", ["CASH DEP DS-0001", "CASH DEP/DS-0001/BR17", "SLIP:DS-0001.", "cash dep ds-0001"]
)
def test_the_slip_is_found_inside_the_narration(desk: Desk, narration: str) -> None:
    desk.slip("DS-0001", [desk.receipt("cash", 100, on=THU)], on=THU)
    desk.statement(Line(100, narration), on=THU)

    desk.reconcile(THU)

    assert desk.breaks(THU) == []


@pytest.mark.parametrize("named", ["DS-00011", "XDS-0001", "DS 0001", "NONREF"])
def test_something_like_the_slip_is_not_the_slip(desk: Desk, named: str) -> None:
    desk.slip("DS-0001", [desk.receipt("cash", 100, on=THU)], on=THU)
    desk.statement(Line(100, f"CASH DEP {named}"), on=THU)

    desk.reconcile(THU)

    assert [one[0] for one in desk.breaks(THU)] == ["deposit_missing", "unidentified_credit"]
    assert not Match.objects.exists()


def test_a_slip_credited_in_another_amount_matches_nothing(desk: Desk) -> None:
    desk.slip("DS-0001", [desk.receipt("cash", n, on=THU) for n in (100, 250)], on=THU)
    desk.statement(Line(340, "CASH DEP", reference="DS-0001"), on=THU)

    desk.reconcile(THU)

    assert desk.breaks(THU) == [("deposit_differs", "DS-0001", 10)]
    assert not Match.objects.exists()


def test_what_was_short_in_a_drawer_is_part_of_its_slip(desk: Desk) -> None:
    """1,500.00 of receipts, 10.00 short and approved: the bank gets 1,490.00, nothing is open."""
    slip = desk.slip("DS-0001", [desk.receipt("cash", n, on=THU) for n in (1000, 500)], on=THU)
    day = OfficeDay.objects.create(office=desk.counter.office, business_date=THU)
    shift = Shift.objects.create(counter=desk.counter, clerk=desk.clerk, office_day=day, number=1)
    count = DrawerCount.objects.create(
        shift=shift, kind="closing", cash_paise=149000, expected_paise=150000, by=desk.clerk
    )
    Difference.objects.create(
        shift=shift, count=count, method="cash", amount_paise=-1000, why="change", state="posted",
        checker=factories.UserFactory.create(), posted_at=at(THU), deposit=slip,
    )  # fmt: skip
    desk.statement(Line(1490, "CASH DEP", reference="DS-0001"), on=THU)

    desk.reconcile(THU)
    desk.reconcile(THU)

    assert desk.breaks(THU) == []
    short = Entry.objects.get(kind=Kind.ADJUSTMENT)
    assert (short.amount_paise, short.deposit_ref, short.in_bank_stage) == (-1000, "DS-0001", True)
    assert Match.objects.get().lines.count() == 4


def test_one_paisa_is_not_rounding_in_the_bank(desk: Desk) -> None:
    desk.slip("DS-0001", [desk.receipt("cash", 100, on=THU)], on=THU)
    desk.statement(Line(100, "CASH DEP", reference="DS-0001", paise=-1), on=THU)

    desk.reconcile(THU)

    assert desk.breaks_as_data(THU)[0]["amount_paise"] == 1


def test_a_slip_made_the_next_morning_is_due_with_its_own_day(desk: Desk) -> None:
    receipts = [desk.receipt("cash", 100, on=THU)]
    desk.statement(on=THU)
    desk.reconcile(THU)
    assert desk.breaks(THU) == []

    desk.slip("DS-0001", receipts, on=FRI)
    desk.reconcile(THU)
    assert desk.breaks(FRI) == []

    desk.statement(on=FRI)
    desk.reconcile(FRI)
    assert desk.breaks(FRI) == [("deposit_missing", "DS-0001", 100)]

    desk.statement(Line(100, "CASH DEP DS-0001"), on=SAT)
    desk.reconcile(SAT)
    assert desk.breaks(SAT) == []


def test_cash_of_saturday_may_lie_over_sunday_but_not_over_monday(desk: Desk) -> None:
    desk.receipt("cash", 100, on=SAT)

    for day in (SAT, SUN):
        desk.statement(on=day)
        desk.reconcile(day)
        assert desk.breaks(day) == []

    desk.statement(on=MON)
    desk.reconcile(MON)
    assert desk.breaks(MON) == [("deposit_missing", "not deposited 2026-08-15", 100)]


def test_a_slip_credited_twice_is_a_duplicate(desk: Desk) -> None:
    desk.slip("DS-0001", [desk.receipt("cash", 100, on=THU)], on=THU)
    desk.statement(Line(100, "CASH DEP DS-0001"), on=THU)
    desk.reconcile(THU)
    desk.statement(Line(100, "CASH DEP DS-0001"), on=FRI)

    desk.reconcile(FRI)

    assert desk.breaks(FRI) == [("duplicate", "DS-0001", 100)]


def test_two_credits_for_one_slip_at_once_are_a_choice_nobody_makes(desk: Desk) -> None:
    desk.slip("DS-0001", [desk.receipt("cash", 100, on=THU)], on=THU)
    desk.statement(Line(100, "CASH DEP DS-0001"), Line(60, "CASH DEP DS-0001"), on=THU)

    desk.reconcile(THU)

    assert desk.breaks(THU) == [("ambiguous", "DS-0001", 100)]
    assert not Match.objects.exists()


def test_one_credit_that_names_two_slips_is_a_choice_nobody_makes(desk: Desk) -> None:
    for number in ("DS-0001", "DS-0002"):
        desk.slip(number, [desk.receipt("cash", 100, on=THU)], on=THU)
    desk.statement(Line(100, "CASH DEP DS-0001 DS-0002"), on=THU)

    desk.reconcile(THU)

    assert desk.breaks(THU) == [("ambiguous", "DS-0001", 100), ("ambiguous", "DS-0002", 100)]
    assert not Match.objects.exists()


def test_a_cancelled_receipt_needs_no_bank(desk: Desk) -> None:
    payment = desk.receipt("cash", 100, on=THU)
    payment.state = State.REVERSED
    payment.save()
    desk.statement(on=MON)

    desk.reconcile(MON)

    assert desk.breaks(MON) == []
    assert Match.objects.get().lines.count() == 2


def test_a_bounced_cheque_names_its_receipt(desk: Desk) -> None:
    receipt = desk.receipt("cheque", 900, on=THU)
    factories.TenderFactory.create(payment=receipt, method="cheque", instrument="004417")
    desk.slip("DS-0001", [receipt], on=THU)
    desk.statement(Line(900, "DS-0001"), on=THU)
    desk.statement(Line(-900, "CHQ RTN 004417 FUNDS INSUFFICIENT"), on=FRI)

    desk.reconcile(FRI)

    assert desk.breaks(FRI) == [("cheque_returned", receipt.reference, 900)]


def test_a_bounced_cheque_names_no_receipt_when_two_have_its_number(desk: Desk) -> None:
    for _ in range(2):
        receipt = desk.receipt("cheque", 900, on=THU)
        factories.TenderFactory.create(payment=receipt, method="cheque", instrument="004417")
    desk.statement(Line(-900, "CHQ RTN 004417 FUNDS INSUFFICIENT"), on=THU)

    desk.reconcile(THU)

    assert desk.breaks(THU) == [("cheque_returned", "004417", 900)]


def test_charges_and_other_debits_are_no_breaks(desk: Desk) -> None:
    desk.statement(Line(-118, "CHARGES QUARTERLY"), Line(-5000, "SWEEP TO HEAD OFFICE"), on=THU)

    desk.reconcile(THU)

    assert desk.breaks(THU) == []
    assert sorted(Entry.objects.values_list("kind", flat=True)) == ["charge", "other"]


def test_a_transfer_is_proved_by_its_utr_whatever_its_case(desk: Desk) -> None:
    desk.receipt("neft", 700, on=THU, utr=UTR.lower(), channel_ref=UTR)
    desk.statement(Line(700, f"NEFT CR-{UTR}-A PAYER"), on=THU)

    desk.reconcile(THU)

    assert desk.breaks(THU) == []


def test_a_transfer_without_notice_waits_for_the_notice_that_names_it(desk: Desk) -> None:
    consumer = factories.ConsumerFactory.create(number="500012345678")
    desk.statement(Line(700, f"NEFT CR-{UTR}-{consumer.number}-A PAYER"), on=THU)

    desk.reconcile(THU)
    assert desk.breaks(THU) == [("missing_in_books", UTR, 700)]
    assert desk.breaks_as_data(THU)[0]["channel"] == "neft"

    desk.receipt("neft", 700, on=THU, utr=UTR, channel_ref=UTR)
    desk.reconcile(THU)
    assert desk.breaks(THU) == []


def test_a_virtual_account_names_its_business_partner(desk: Desk) -> None:
    consumer = factories.ConsumerFactory.create(business_partner="7000000017")
    desk.statement(Line(700, "NEFT CSPDCL7000000017 A PAYER", reference=UTR), on=THU)

    desk.reconcile(THU)

    assert desk.breaks(THU) == [("missing_in_books", UTR, 700)]
    assert Entry.objects.get().consumer_number == consumer.number


@pytest.mark.parametrize(
    "narration",
    [
        f"NEFT CR-{UTR}-A PAYER",
        f"NEFT CR-{UTR}-500012345678-500012345679",  # two consumers are none
        "NEFT CR-SBIN526227500012-A PAYER",  # digits inside a UTR are chance
    ],
)
def test_a_credit_that_names_nobody_for_sure_is_unidentified(desk: Desk, narration: str) -> None:
    for number in ("500012345678", "500012345679", "526227500012"):
        factories.ConsumerFactory.create(number=number)
    desk.statement(Line(700, narration), on=THU)

    desk.reconcile(THU)

    assert [one[0] for one in desk.breaks(THU)] == ["unidentified_credit"]
    assert Entry.objects.get().consumer_number == ""


def test_a_notice_whose_money_never_came_is_missing_once_the_bank_has_spoken(desk: Desk) -> None:
    receipt = desk.receipt("neft", 700, on=THU, utr=UTR, channel_ref=UTR)
    desk.reconcile(FRI)
    assert desk.breaks(FRI) == []

    desk.statement(on=THU)
    desk.reconcile(FRI)
    assert desk.breaks(FRI) == [("missing_in_channel", receipt.reference, 700)]


def test_two_receipts_for_one_transfer_differ_from_its_credit(desk: Desk) -> None:
    first = desk.receipt("neft", 700, on=THU, utr=UTR, channel_ref="A")
    second = desk.receipt("neft", 700, on=THU, utr=UTR, channel_ref="B")
    desk.statement(Line(700, "NEFT", reference=UTR), on=THU)

    desk.reconcile(THU)

    assert desk.breaks(THU) == [("amount_differs", min(first.reference, second.reference), 700)]
    assert not Match.objects.exists()


def test_one_transfer_that_pays_two_bills_is_their_sum(desk: Desk) -> None:
    desk.receipt("neft", 300, on=THU, utr=UTR, channel_ref="A")
    desk.receipt("neft", 400, on=THU, utr=UTR, channel_ref="B")
    desk.statement(Line(700, "NEFT", reference=UTR), on=THU)

    desk.reconcile(THU)

    assert desk.breaks(THU) == []


def test_the_same_utr_credited_on_another_day_again_is_a_duplicate(desk: Desk) -> None:
    desk.receipt("neft", 700, on=THU, utr=UTR, channel_ref=UTR)
    desk.statement(Line(700, "NEFT", reference=UTR), on=THU)
    desk.reconcile(THU)
    desk.statement(Line(700, f"NEFT AGAIN {UTR}"), on=FRI)

    desk.reconcile(FRI)

    assert desk.breaks(FRI) == [("duplicate", UTR, 700)]
