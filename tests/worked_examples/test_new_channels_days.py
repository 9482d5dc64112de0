"""What the new channels bring, in days an accountant can add up."""

from datetime import date

import pytest

from channels_.formats.bbps_raw import Cleared, write_raw
from reconciliation.models import Match, Proof
from tests import factories, played
from tests.worked_examples.accounts import Desk, Line, adjusted, at, paid, refunded, taken_back

MON, TUE, WED, THU, FRI = (date(2026, 8, n) for n in range(10, 15))


def _paid_500(desk: Desk, *more: str) -> None:
    """500 paid on Monday and settled on Wednesday, with whatever else is in the settlement."""
    desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    desk.report(
        paid("pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR0001"), *more
    )


def _undone(entity: str, rupees: int, *, on: date, settlement: str, utr: str, **more: str) -> str:
    """A row that gives back what a refund or chargeback took: debit and credit change places."""
    kind = "refund" if not more.get("dispute") else "adjustment"
    row = paid(entity, rupees, settled_on=on, settlement=settlement, utr=utr, **more).split(",")
    row[1] = kind
    return ",".join(row)


def test_a_chargeback_that_is_taken_back_explains_itself(desk: Desk) -> None:
    _paid_500(desk)
    desk.statement(Line(500, "UTR0001"), on=WED)
    told = {"payment": "pay_1", "dispute": "disp_1"}
    desk.report(taken_back("adj_1", 500, settled_on=THU, settlement="S2", utr="UTR0002", **told))
    desk.reconcile(THU)
    assert desk.breaks(THU) == [("chargeback", "adj_1", 500)]

    desk.receipt("razorpay", 100, on=TUE, channel_ref="pay_2")
    desk.report(
        _undone("adj_2", 500, on=FRI, settlement="S2", utr="UTR0002", **told),
        paid("pay_2", 100, paid_on=TUE, settled_on=FRI, settlement="S2", utr="UTR0002"),
    )
    desk.statement(Line(100, "UTR0002"), on=FRI)  # 100 - 500 + 500
    run = desk.reconcile(FRI)

    assert desk.breaks(FRI) == []
    assert Match.objects.get(rule__code="taken_back").lines.count() == 2
    channel = Proof.objects.get(run=run, stage="channel", book="channel")
    assert channel.closing_paise == 0


def test_two_chargebacks_and_one_taken_back_are_a_choice_nobody_makes(desk: Desk) -> None:
    told = {"payment": "pay_1", "dispute": "disp_1", "settlement": "S1", "utr": "UTR0001"}
    _paid_500(
        desk,
        taken_back("adj_1", 100, settled_on=WED, **told),
        taken_back("adj_2", 100, settled_on=WED, **told),
        _undone("adj_3", 100, on=WED, **told),
    )
    desk.statement(Line(400, "UTR0001"), on=WED)

    desk.reconcile(WED)

    assert [one[0] for one in desk.breaks(WED)] == ["chargeback"] * 3


def test_a_refund_nobody_here_knows_that_is_taken_back_is_nothing(desk: Desk) -> None:
    told = {"payment": "pay_1", "settlement": "S1", "utr": "UTR0001"}
    _paid_500(
        desk,
        refunded("rfnd_1", 200, settled_on=WED, **told),
        _undone("rfnd_2", 200, on=WED, **told),
    )
    desk.statement(Line(500, "UTR0001"), on=WED)

    desk.reconcile(WED)

    assert desk.breaks(WED) == []


def test_a_refund_of_ours_that_is_taken_back_leaves_the_payer_without_it(desk: Desk) -> None:
    payment = desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    desk.refund(payment, 200, ref="rfnd_1", on=TUE)
    told = {"payment": "pay_1", "settlement": "S1", "utr": "UTR0001"}
    desk.report(
        paid("pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR0001"),
        refunded("rfnd_1", 200, settled_on=WED, paid_on=TUE, **told),
    )
    desk.statement(Line(300, "UTR0001"), on=WED)
    desk.reconcile(WED)
    assert desk.breaks(WED) == []

    back = {"payment": "pay_1", "settlement": "S2", "utr": "UTR0002"}
    desk.report(_undone("rfnd_9", 200, on=FRI, **back))
    desk.statement(Line(200, "UTR0002"), on=FRI)
    desk.reconcile(FRI)

    assert desk.breaks(FRI) == [("refund_unmatched", "rfnd_9", 200)]
    assert "is with us again" in desk.breaks_as_data(FRI)[0]["explanation"]


def test_an_unknown_word_is_a_break_and_its_money_still_adds_up(desk: Desk) -> None:
    odd = adjusted("odd_1", 30, settled_on=WED, settlement="S1", utr="UTR0001")
    _paid_500(desk, odd.replace("adjustment", "levy_2027"))
    desk.statement(Line(470, "UTR0001"), on=WED)

    run = desk.reconcile(WED)

    assert [(one[0], one[2]) for one in desk.breaks(WED)] == [("unknown_code", 30)]
    bank = Proof.objects.get(run=run, stage="bank", book="bank")
    assert (bank.matched_paise, bank.closing_paise) == (47000, 0)


def _desk_with(desk: Desk, adapter: str, **settings: object) -> None:
    desk.channels = {
        **desk.channels,
        adapter: factories.ChannelFactory.create(
            code=adapter, adapter=adapter, route="settlement", bank_account=desk.account,
            settlement_days=2, settings=settings,
        ),
    }  # fmt: skip


def _cleared(mti: str, rupees: int, *, on: date, fee: int = 0, ref: str = "A") -> Cleared:
    return Cleared(
        ref=f"BD016077BAKAAAHT0IR{ref}", mti=mti, amount_paise=rupees * 100, fee_paise=fee * 100,
        tax_paise=0, paid_at=at(on), cleared_at=at(on), mode="UPI", cycle=f"CYCLE{on:%y%m%d}",
        utr="", consumer_number="100000000001",
    )  # fmt: skip


def _cycle(desk: Desk, *rows: Cleared) -> None:
    content = write_raw(rows, unit="BD01", biller="CSPDCL000CHH01")
    file = desk._load("bbps", content, name="")
    assert file.state == "loaded", file.problem


def test_a_fee_that_is_paid_to_us_makes_the_credit_larger(desk: Desk) -> None:
    _desk_with(desk, "bbps")
    desk.receipt("bbps", 500, on=WED, channel_ref="BD016077BAKAAAHT0IRA")
    _cycle(desk, _cleared("PAYMENT", 500, on=WED, fee=-5))
    desk.statement(Line(505, "BBPS SETTLEMENT CYCLE260812"), on=WED)

    desk.reconcile(WED)

    assert desk.breaks(WED) == []


def test_a_force_payment_pays_what_was_deemed_paid(desk: Desk) -> None:
    _desk_with(desk, "bbps")
    desk.receipt("bbps", 500, on=WED, channel_ref="BD016077BAKAAAHT0IRA")
    _cycle(desk, _cleared("FORCE PAYMENT", 500, on=WED))
    desk.statement(Line(500, "BBPS CYCLE260812"), on=WED)

    desk.reconcile(WED)

    assert desk.breaks(WED) == []


def test_a_credit_adjustment_is_a_refund_until_it_is_forced_again(desk: Desk) -> None:
    _desk_with(desk, "bbps")
    desk.receipt("bbps", 500, on=MON, channel_ref="BD016077BAKAAAHT0IRA")
    desk.receipt("bbps", 900, on=WED, channel_ref="BD016077BAKAAAHT0IRB")
    _cycle(desk, _cleared("PAYMENT", 500, on=MON))
    _cycle(
        desk,
        _cleared("PAYMENT", 900, on=WED, ref="B"),
        _cleared("CREDIT ADJUSTMENT", -500, on=WED),
    )
    desk.statement(Line(500, "BBPS CYCLE260810"), on=MON)
    desk.statement(Line(400, "BBPS CYCLE260812"), on=WED)
    desk.reconcile(WED)
    assert desk.breaks(WED) == [("refund_unmatched", "BD016077BAKAAAHT0IRA", 500)]

    _cycle(desk, _cleared("FORCE PAYMENT PRE-ARBITRATION", 500, on=FRI))
    desk.statement(Line(500, "BBPS CYCLE260814"), on=FRI)
    run = desk.reconcile(FRI)

    assert desk.breaks(FRI) == []
    assert Match.objects.get(rule__code="taken_back").lines.count() == 2
    channel = Proof.objects.get(run=run, stage="channel", book="channel")
    assert channel.closing_paise == 0


def test_several_settlements_of_a_day_are_each_their_own_credit(desk: Desk) -> None:
    rows = []
    for number, rupees in enumerate((100, 200, 300), start=1):
        desk.receipt("razorpay", rupees, on=MON, channel_ref=f"pay_{number}")
        told = {"settlement": f"S{number}", "utr": f"UTR000{number}"}
        rows.append(paid(f"pay_{number}", rupees, paid_on=MON, settled_on=WED, **told))
    desk.report(*rows)
    desk.statement(
        Line(300, "RAZORPAY UTR0003"), Line(100, "RAZORPAY UTR0001"), Line(200, "UTR0002"), on=WED
    )

    desk.reconcile(WED)

    assert desk.breaks(WED) == []
    assert Match.objects.filter(stage="bank").count() == 3


def test_two_credits_of_one_utr_are_a_choice_unless_parts_are_agreed_on(desk: Desk) -> None:
    _paid_500(desk)
    desk.statement(Line(300, "RAZORPAY UTR0001"), Line(200, "RAZORPAY UTR0001"), on=WED)

    desk.reconcile(WED)

    assert desk.breaks(WED) == [("ambiguous", "S1", 500)]
    played.use_rule("settlement_in_parts")
    desk.reconcile(WED)
    assert desk.breaks(WED) == []


def test_a_settlement_in_two_credits_on_two_days_is_their_sum(desk: Desk) -> None:
    played.use_rule("settlement_in_parts")
    _paid_500(desk)
    desk.statement(Line(300, "RAZORPAY UTR0001 PART"), on=WED)
    desk.reconcile(WED)
    assert desk.breaks(WED) == [("short_credit", "S1", 200)]

    desk.statement(Line(200, "RAZORPAY UTR0001 REST"), on=THU)
    run = desk.reconcile(THU)

    assert desk.breaks(THU) == []
    assert Match.objects.get(stage="bank").lines.count() == 3
    for book in ("channel", "bank"):
        assert Proof.objects.get(run=run, stage="bank", book=book).closing_paise == 0


@pytest.mark.parametrize("parts", [(500, 500), (300, 100), (600, -100)])
def test_credits_that_are_not_the_settlement_together_stay_a_choice(
    desk: Desk, parts: tuple[int, int]
) -> None:
    played.use_rule("settlement_in_parts")
    _paid_500(desk)
    desk.statement(*(Line(rupees, "RAZORPAY UTR0001") for rupees in parts), on=WED)

    desk.reconcile(WED)

    assert not Match.objects.filter(stage="bank").exists()
    assert desk.breaks(WED) != []


def test_a_settlement_with_two_utrs_is_two_payouts(desk: Desk) -> None:
    rows = []
    for number, rupees in enumerate((300, 200), start=1):
        desk.receipt("razorpay", rupees, on=MON, channel_ref=f"pay_{number}")
        told = {"settlement": "S1", "utr": f"UTR000{number}"}
        rows.append(paid(f"pay_{number}", rupees, paid_on=MON, settled_on=WED, **told))
    desk.report(*rows)
    desk.statement(Line(300, "RAZORPAY UTR0001"), on=WED)
    desk.reconcile(WED)
    assert [(one[0], one[2]) for one in desk.breaks(WED)] == [("settled_not_credited", 200)]

    desk.statement(Line(200, "RAZORPAY UTR0002"), on=THU)
    desk.reconcile(THU)

    assert desk.breaks(THU) == []
