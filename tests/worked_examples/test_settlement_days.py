"""Settlements against the bank, in whatever order their two files come."""

from datetime import date

import pytest

from reconciliation.models import Entry, Match
from tests.worked_examples.accounts import Desk, Line, paid

MON, TUE, WED, THU, FRI, SAT, SUN = (date(2026, 8, n) for n in range(10, 17))


def _settled(
    desk: Desk, rupees: int = 500, *, on: date = WED, number: int = 1, **more: str
) -> None:
    desk.receipt("razorpay", rupees, on=MON, channel_ref=f"pay_{number}")
    told = {"settlement": f"S{number}", "utr": f"utr{number:04}", **more}
    desk.report(paid(f"pay_{number}", rupees, paid_on=MON, settled_on=on, **told))


@pytest.mark.parametrize(
    "line",
    [
        Line(500, "UTR0001"),
        Line(500, "RAZORPAY", reference="UTR0001"),
        Line(500, "NEFT CR/RAZORPAY SOFTWARE/utr0001/X"),
        Line(500, "RAZORPAY:UTR0001;SETTLEMENT"),
    ],
)
def test_a_settlement_is_found_by_its_utr_wherever_it_stands(desk: Desk, line: Line) -> None:
    _settled(desk)
    desk.statement(line, on=WED)

    desk.reconcile(WED)

    assert desk.breaks(WED) == []


@pytest.mark.parametrize("narration", ["RAZORPAY", "RAZORPAY UTR00011", "RAZORPAY XUTR0001"])
def test_the_right_amount_alone_proves_nothing(desk: Desk, narration: str) -> None:
    _settled(desk)
    desk.statement(Line(500, narration), on=WED)

    desk.reconcile(WED)

    assert [one[0] for one in desk.breaks(WED)] == ["credited_not_settled", "settled_not_credited"]
    assert not Match.objects.filter(stage="bank").exists()


def test_a_credit_before_the_report_is_expected_and_then_matched(desk: Desk) -> None:
    desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    desk.statement(Line(500, "RAZORPAY UTR0001"), on=WED)
    desk.reconcile(WED)
    assert desk.breaks(WED) == []

    desk.report(paid("pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR0001"))
    desk.reconcile(WED)
    assert desk.breaks(WED) == []
    assert Match.objects.count() == 2


def test_a_credit_of_a_day_that_is_reported_and_does_not_know_it_is_a_break(desk: Desk) -> None:
    _settled(desk)
    desk.statement(Line(500, "UTR0001"), Line(99, "RAZORPAY UTR0099"), on=WED)

    desk.reconcile(WED)

    assert desk.breaks(WED) == [("credited_not_settled", "RAZORPAY UTR0099", 99)]


def test_where_credits_come_a_day_later_nothing_is_missing_before(
    db: None, settings, tmp_path
) -> None:
    settings.STATEMENTS_DIR = tmp_path
    desk = Desk.open(credit_days=1)
    _settled(desk)
    desk.statement(on=WED)
    desk.reconcile(WED)
    assert desk.breaks(WED) == []

    desk.statement(Line(500, "UTR0001"), Line(99, "RAZORPAY UTR0099"), on=THU)
    desk.reconcile(THU)
    assert [one[0] for one in desk.breaks(THU)] == ["credited_not_settled"]


def test_a_settlement_of_friday_with_a_day_to_credit_may_come_on_monday(
    db: None, settings, tmp_path
) -> None:
    settings.STATEMENTS_DIR = tmp_path
    desk = Desk.open(credit_days=1)
    _settled(desk, on=date(2026, 8, 7))  # a Friday before a second Saturday
    for day in (7, 8, 9):
        desk.statement(on=date(2026, 8, day))
        desk.reconcile(date(2026, 8, day))
        assert desk.breaks(date(2026, 8, day)) == []

    desk.statement(on=date(2026, 8, 10))
    desk.reconcile(date(2026, 8, 10))
    assert [one[0] for one in desk.breaks(date(2026, 8, 10))] == ["settled_not_credited"]


def test_a_settlement_not_credited_stands_on_the_list_of_its_own_day(desk: Desk) -> None:
    _settled(desk)
    desk.statement(on=WED)

    for day in (MON, WED, FRI):
        desk.reconcile(day)
    assert desk.breaks(TUE) == []
    assert desk.breaks(WED) == desk.breaks(FRI) == [("settled_not_credited", "S1", 500)]
    assert desk.breaks_as_data(FRI)[0]["age_days"] == 2


def test_short_and_excess_credits_name_the_settlement_and_the_difference(desk: Desk) -> None:
    _settled(desk, number=1)
    _settled(desk, number=2)
    desk.statement(Line(490, "UTR0001"), Line(501, "UTR0002"), on=THU)

    desk.reconcile(THU)

    assert desk.breaks(WED) == [("excess_credit", "S2", 1), ("short_credit", "S1", 10)]
    assert not Match.objects.filter(stage="bank").exists()


def test_rows_without_a_utr_belong_to_their_settlement(desk: Desk) -> None:
    for number in (1, 2):
        desk.receipt("razorpay", 250, on=MON, channel_ref=f"pay_{number}")
    desk.report(
        paid("pay_1", 250, paid_on=MON, settled_on=WED, settlement="S1", utr=""),
        paid("pay_2", 250, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR0001"),
    )
    desk.statement(Line(500, "UTR0001"), on=WED)

    desk.reconcile(WED)

    assert desk.breaks(WED) == []


def test_a_settlement_without_utr_is_found_by_its_name_or_learns_its_utr(desk: Desk) -> None:
    _settled(desk, number=1, settlement="setl_AB12", utr="")
    _settled(desk, number=2, settlement="setl_CD34", utr="")
    desk.statement(Line(500, "RAZORPAY setl_AB12"), Line(500, "RAZORPAY UTR0002"), on=WED)
    desk.reconcile(WED)
    assert [one[0] for one in desk.breaks(WED)] == ["credited_not_settled", "settled_not_credited"]

    desk.report(
        paid("pay_2", 500, paid_on=MON, settled_on=WED, settlement="setl_CD34", utr="UTR0002")
    )
    desk.reconcile(WED)
    assert desk.breaks(WED) == []


def test_two_settlements_of_one_utr_are_one_payout(desk: Desk) -> None:
    _settled(desk, 300, number=1, utr="UTR0001")
    _settled(desk, 200, number=2, utr="UTR0001")
    desk.statement(Line(500, "UTR0001"), on=WED)

    desk.reconcile(WED)

    assert desk.breaks(WED) == []
    assert Match.objects.get(stage="bank").lines.count() == 3


def test_a_payment_settled_again_later_is_listed_twice(desk: Desk) -> None:
    _settled(desk)
    desk.statement(Line(500, "UTR0001"), on=WED)
    desk.reconcile(WED)

    again = paid("pay_1", 500, paid_on=MON, settled_on=FRI, settlement="S2", utr="UTR0002")
    desk.report(again)
    desk.report(
        again, paid("pay_7", 1, paid_on=MON, settled_on=FRI, settlement="S2", utr="UTR0002")
    )
    desk.receipt("razorpay", 1, on=MON, channel_ref="pay_7")
    desk.statement(Line(501, "UTR0002"), on=FRI)
    desk.reconcile(FRI)

    assert desk.breaks(FRI) == [("duplicate", "pay_1", 500)]
    assert Entry.objects.filter(book="channel").count() == 3


def test_the_same_row_twice_in_a_report_is_a_duplicate_of_its_amount(desk: Desk) -> None:
    desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    row = paid("pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR0001")
    desk.report(row, row)
    desk.statement(Line(1000, "UTR0001"), on=WED)

    desk.reconcile(WED)

    assert desk.breaks(WED) == [("duplicate", "pay_1", 500)]
    assert not Match.objects.filter(stage="channel").exists()


def test_a_second_success_of_one_order_is_a_duplicate_before_and_after_its_report(
    desk: Desk,
) -> None:
    first = desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1", order_ref="order_1")
    desk.receipt(
        "razorpay", 500, on=MON, channel_ref="pay_2", order_ref="order_1", duplicate_of=first
    )
    desk.reconcile(MON)
    assert desk.breaks(MON) == [("duplicate", "pay_2", 500)]

    desk.report(
        paid(
            "pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="U0001", order="order_1"
        ),
        paid(
            "pay_2", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="U0001", order="order_1"
        ),
    )
    desk.statement(Line(1000, "U0001"), on=WED)
    desk.reconcile(WED)
    assert desk.breaks(MON) == desk.breaks(WED) == [("duplicate", "pay_2", 500)]


def test_a_second_payment_of_an_order_that_only_the_channel_knows_is_a_duplicate(
    desk: Desk,
) -> None:
    desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1", order_ref="order_1")
    desk.report(
        paid(
            "pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="U0001", order="order_1"
        ),
        paid(
            "pay_2", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="U0001", order="order_1"
        ),
    )
    desk.statement(Line(1000, "U0001"), on=WED)

    desk.reconcile(WED)

    assert desk.breaks(MON) == [("duplicate", "pay_2", 500)]


def test_another_payment_for_our_reference_is_not_the_one_we_receipted(desk: Desk) -> None:
    ours = desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    desk.report(
        paid(
            "pay_2",
            500,
            paid_on=MON,
            settled_on=WED,
            settlement="S1",
            utr="U0001",
            reference=ours.reference,
        )
    )
    desk.statement(Line(500, "U0001"), on=WED)

    desk.reconcile(WED)

    assert desk.breaks(MON) == [
        ("duplicate", "pay_2", 500),
        ("missing_in_channel", ours.reference, 500),
    ]
    assert not Match.objects.filter(stage="channel").exists()
