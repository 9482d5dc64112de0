"""Days of a gateway: what it reports, what it settles, and what the bank credits."""

from datetime import date

from payments.states import State
from reconciliation.models import Break, Match, Rule
from tests import played
from tests.worked_examples.accounts import Desk, Line, adjusted, paid, refunded, taken_back

MON, TUE, WED, THU, FRI = (date(2026, 8, n) for n in range(10, 15))


def test_a_payment_is_confirmed_on_the_second_day_and_credited_the_same_day(desk: Desk) -> None:
    desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")

    desk.report(
        paid(
            "pay_1", 500, fee=10, tax=2, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR0001"
        )
    )
    desk.statement(Line(488, "NEFT CR RAZORPAY SOFTWARE UTR0001"), on=WED)
    run = desk.reconcile(WED)

    assert run.matched_count == 2
    assert desk.breaks(WED) == []


def test_until_the_report_of_its_day_has_come_a_payment_is_expected(desk: Desk) -> None:
    desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    desk.report(paid("pay_0", 100, paid_on=FRI, settled_on=TUE, settlement="S0", utr="UTR0000"))
    desk.receipt("razorpay", 100, on=MON, channel_ref="pay_0")
    desk.statement(Line(100, "UTR0000"), on=TUE)

    for day in (MON, TUE, WED, THU):
        desk.reconcile(day)
        assert desk.breaks(day) == []


def test_three_days_of_partial_cycles_leave_only_what_is_truly_missing(desk: Desk) -> None:
    for number, rupees in enumerate((100, 200, 300, 400), start=1):
        desk.receipt("razorpay", rupees, on=MON, channel_ref=f"pay_{number}")

    desk.report(paid("pay_1", 100, paid_on=MON, settled_on=TUE, settlement="S1", utr="U0001"))
    desk.statement(Line(100, "RAZORPAY", reference="U0001"), on=TUE)
    desk.reconcile(TUE)
    assert desk.breaks(TUE) == []

    desk.report(
        paid("pay_2", 200, paid_on=MON, settled_on=WED, settlement="S2", utr="U0002"),
        paid("pay_3", 300, paid_on=MON, settled_on=WED, settlement="S2", utr=""),
    )
    desk.statement(Line(500, "RAZORPAY/u0002/"), on=WED)
    desk.reconcile(WED)

    assert desk.breaks(MON) == [("missing_in_channel", _ref("pay_4"), 400)]
    assert desk.breaks(WED) == desk.breaks(MON)

    desk.report(paid("pay_4", 400, paid_on=MON, settled_on=THU, settlement="S3", utr="U0003"))
    desk.statement(Line(400, "U0003"), on=THU)
    desk.reconcile(THU)
    assert desk.breaks(THU) == []


def test_what_only_the_channel_knows_is_missing_in_our_books_until_a_late_notice(
    desk: Desk,
) -> None:
    pending = desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1", state=State.PENDING)
    desk.report(paid("pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="U0001"))
    desk.statement(Line(500, "U0001"), on=WED)

    desk.reconcile(WED)
    assert desk.breaks(MON) == [("missing_in_books", "pay_1", 500)]

    desk.success_told_late(pending, on=MON)
    desk.reconcile(WED)
    assert desk.breaks(WED) == []
    assert Break.objects.get().closed_why.startswith("matched by run")


def test_what_we_hold_as_failed_has_another_status_until_the_success_is_told(desk: Desk) -> None:
    failed = desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1", state=State.FAILED)
    desk.report(paid("pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="U0001"))

    desk.reconcile(WED)
    assert desk.breaks(MON) == [("status_differs", failed.reference, 500)]

    desk.success_told_late(failed, on=MON)
    desk.reconcile(WED)
    assert desk.breaks(WED) == []


def test_another_amount_is_a_break_and_nothing_is_matched(desk: Desk) -> None:
    receipt = desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    desk.report(paid("pay_1", 450, paid_on=MON, settled_on=WED, settlement="S1", utr="U0001"))

    desk.reconcile(WED)

    assert desk.breaks(MON) == [("amount_differs", receipt.reference, 50)]
    assert not Match.objects.filter(stage="channel").exists()


def test_a_refund_of_an_earlier_day_lessens_the_settlement_of_its_own(desk: Desk) -> None:
    first = desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    desk.receipt("razorpay", 800, on=WED, channel_ref="pay_2")
    desk.refund(first, 200, ref="rfnd_1", on=WED)

    desk.report(paid("pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="U0001"))
    desk.report(
        paid("pay_2", 800, paid_on=WED, settled_on=FRI, settlement="S2", utr="U0002"),
        refunded(
            "rfnd_1",
            200,
            payment="pay_1",
            paid_on=WED,
            settled_on=FRI,
            settlement="S2",
            utr="U0002",
        ),
    )
    desk.statement(Line(500, "U0001"), on=WED)
    desk.statement(Line(600, "U0002"), on=FRI)
    desk.reconcile(FRI)

    assert desk.breaks(FRI) == []


def test_a_refund_that_we_do_not_know_is_a_break_but_the_settlement_still_proves(
    desk: Desk,
) -> None:
    desk.receipt("razorpay", 800, on=MON, channel_ref="pay_1")
    desk.report(
        paid("pay_1", 800, paid_on=MON, settled_on=WED, settlement="S1", utr="U0001"),
        refunded(
            "rfnd_9",
            300,
            payment="pay_1",
            paid_on=TUE,
            settled_on=WED,
            settlement="S1",
            utr="U0001",
        ),
    )
    desk.statement(Line(500, "U0001"), on=WED)

    desk.reconcile(WED)

    assert desk.breaks(WED) == [("refund_unmatched", "rfnd_9", 300)]


def test_a_refund_of_another_id_is_not_ours_though_payment_and_amount_agree(desk: Desk) -> None:
    first = desk.receipt("razorpay", 800, on=MON, channel_ref="pay_1")
    desk.refund(first, 300, ref="rfnd_1", on=MON)
    desk.report(
        paid("pay_1", 800, paid_on=MON, settled_on=WED, settlement="S1", utr="U0001"),
        refunded("rfnd_9", 300, payment="pay_1", reference=first.reference,
                 paid_on=TUE, settled_on=WED, settlement="S1", utr="U0001"),
    )  # fmt: skip
    desk.reconcile(WED)

    assert [one for one in desk.breaks(WED) if "credited" not in one[0]] == [
        ("missing_in_channel", first.reference, 300),
        ("refund_unmatched", "rfnd_9", 300),
    ]


def test_a_chargeback_is_a_break_and_counts_in_the_settlement(desk: Desk) -> None:
    desk.receipt("razorpay", 800, on=MON, channel_ref="pay_1")
    desk.report(
        paid("pay_1", 800, paid_on=MON, settled_on=WED, settlement="S1", utr="U0001"),
        taken_back("adj_1", 300, dispute="disp_1", settled_on=WED, settlement="S1", utr="U0001"),
    )
    desk.statement(Line(500, "U0001"), on=WED)

    desk.reconcile(WED)

    assert desk.breaks(WED) == [("chargeback", "adj_1", 300)]
    assert Match.objects.filter(leg="channel_bank").count() == 1


def test_a_settlement_of_zero_pays_nothing_and_needs_no_credit(desk: Desk) -> None:
    desk.report(
        adjusted("adj_1", 300, settled_on=WED, settlement="S1", utr=""),
        paid("pay_1", 300, paid_on=MON, settled_on=WED, settlement="S1", utr=""),
    )
    desk.receipt("razorpay", 300, on=MON, channel_ref="pay_1")
    desk.statement(on=WED)

    desk.reconcile(WED)

    assert desk.breaks(WED) == []


def test_a_settlement_below_zero_is_carried_until_a_credit_is_less_by_it(desk: Desk) -> None:
    desk.report(adjusted("adj_1", 300, settled_on=TUE, settlement="S1"))
    desk.statement(on=TUE)
    desk.reconcile(TUE)
    assert desk.breaks(TUE) == []

    desk.receipt("razorpay", 1000, on=MON, channel_ref="pay_1")
    desk.report(paid("pay_1", 1000, paid_on=MON, settled_on=WED, settlement="S2", utr="U0002"))
    desk.statement(Line(700, "U0002"), on=WED)
    desk.reconcile(WED)

    assert desk.breaks(WED) == []
    assert Match.objects.get(leg="channel_bank").lines.count() == 3


def test_two_carried_settlements_are_each_taken_by_the_credit_that_follows(desk: Desk) -> None:
    for number, on in ((1, TUE), (2, THU)):
        desk.receipt("razorpay", 1000, on=MON, channel_ref=f"pay_{number}")
        desk.report(adjusted(f"adj_{number}", 100 * number, settled_on=on, settlement=f"N{number}"))
    desk.report(paid("pay_1", 1000, paid_on=MON, settled_on=WED, settlement="S1", utr="U0001"))
    desk.report(paid("pay_2", 1000, paid_on=MON, settled_on=FRI, settlement="S2", utr="U0002"))
    desk.statement(Line(900, "U0001"), on=WED)
    desk.statement(Line(800, "U0002"), on=FRI)

    desk.reconcile(FRI)

    assert desk.breaks(FRI) == []


def test_a_credit_less_by_anything_else_than_the_carried_is_short(desk: Desk) -> None:
    desk.report(adjusted("adj_1", 300, settled_on=TUE, settlement="S1"))
    desk.receipt("razorpay", 1000, on=MON, channel_ref="pay_1")
    desk.report(paid("pay_1", 1000, paid_on=MON, settled_on=WED, settlement="S2", utr="U0002"))
    desk.statement(Line(699, "U0002"), on=WED)

    desk.reconcile(WED)

    assert desk.breaks(WED) == [("short_credit", "S2", 301)]
    assert not Match.objects.filter(leg="channel_bank").exists()


def test_two_merchants_of_one_gateway_do_not_explain_each_other(desk: Desk) -> None:
    ours = desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    desk.report(
        paid("pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="U0001"),
        channel="razorpay-two",
    )
    desk.report(paid("pay_9", 10, paid_on=MON, settled_on=WED, settlement="S9", utr="U0009"))
    desk.statement(Line(500, "U0001"), Line(10, "U0009"), on=WED)

    desk.reconcile(WED)

    assert desk.breaks(WED) == [
        ("missing_in_books", "pay_1", 500),
        ("missing_in_books", "pay_9", 10),
        ("missing_in_channel", ours.reference, 500),
    ]


def _ref(channel_ref: str) -> str:
    from payments.models import Payment

    return Payment.objects.get(channel_ref=channel_ref).reference


def test_a_chargeback_closes_by_itself_once_its_dispute_is_lost(desk: Desk) -> None:
    payment = desk.receipt("razorpay", 800, on=MON, channel_ref="pay_1")
    desk.report(
        paid("pay_1", 800, paid_on=MON, settled_on=WED, settlement="S1", utr="U0001"),
        taken_back("adj_1", 300, dispute="disp_1", settled_on=WED, settlement="S1", utr="U0001"),
    )
    desk.statement(Line(500, "U0001"), on=WED)
    desk.reconcile(WED)
    assert desk.breaks(WED) == [("chargeback", "adj_1", 300)]

    desk.dispute_lost(payment, 300, ref="disp_1", on=THU)
    desk.reconcile(THU)

    assert desk.breaks(THU) == []
    assert Match.objects.filter(leg="receipt_channel").count() == 2


def test_a_second_rule_by_the_channels_id_takes_what_the_first_has_left(desk: Desk) -> None:
    narrow = played.use_rule("channel_id_exact", window_days=0)
    Rule.objects.create(
        code="channel_id_later", priority=narrow.priority + 1, leg=narrow.leg, key=narrow.key,
        cardinality=narrow.cardinality, state=narrow.state, effective_from=narrow.effective_from,
    )  # fmt: skip
    desk.receipt("razorpay", 500, on=WED, channel_ref="pay_1")
    desk.receipt("razorpay", 700, on=MON, channel_ref="pay_2")
    settled = {"settled_on": WED, "settlement": "S1", "utr": "UTR0001"}
    desk.report(
        paid("pay_1", 500, paid_on=WED, **settled), paid("pay_2", 700, paid_on=MON, **settled)
    )

    run = desk.reconcile(WED)

    made = Match.objects.filter(stage="channel").order_by("id").values_list("rule__code", flat=True)
    assert list(made) == ["channel_id_exact", "channel_id_later"]
    assert desk.reconcile(WED).output_hash == run.output_hash
