"""Days on which the ERP posts what we receipted: postings, cancellations, faults, clarification."""

from datetime import date

from payments.states import State
from reconciliation.models import Entry, Match, Proof, Rule, Run
from tests import played
from tests.worked_examples.accounts import Desk, paid, posted

MON, TUE, WED, THU, FRI = (date(2026, 8, n) for n in range(10, 15))


def test_a_receipt_is_posted_the_next_working_day_and_the_two_are_one_match(desk: Desk) -> None:
    desk.connect_erp(since=MON)
    receipt = desk.receipt("cash", 500, on=MON)

    assert desk.reconcile(MON).matched_count == 0
    desk.postings(posted(receipt, 500, on=TUE))
    run = desk.reconcile(TUE)

    assert run.matched_count == 1
    assert desk.breaks_of_erp(TUE) == []
    match = Match.objects.get(rule__code="posting_exact")
    assert (match.stage, match.matched_on) == ("erp", TUE)


def test_without_an_erp_nothing_is_expected_of_it(desk: Desk) -> None:
    desk.receipt("cash", 500, on=MON)

    run = desk.reconcile(FRI)

    assert not run.proofs.filter(stage="erp").exists()
    assert "posting_exact" not in run.rule_versions
    assert Run.objects.get().ledger_from is None


def test_each_route_is_posted_on_its_own_and_the_other_proofs_stand_beside(desk: Desk) -> None:
    desk.connect_erp(since=MON)
    web = desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    cash = desk.receipt("cash", 300, on=MON)
    neft = desk.receipt("neft", 200, on=MON, utr="UTR0009")
    desk.report(paid("pay_1", 500, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR0001"))
    desk.postings(*(posted(one, one.amount_paise // 100, on=TUE) for one in (web, cash, neft)))

    desk.reconcile(WED)

    assert Match.objects.filter(stage="erp").count() == 3
    assert Match.objects.filter(stage="channel").count() == 1
    proof = {(one.stage, one.book): one for one in Proof.objects.filter(stage="erp")}
    assert proof["erp", "receipts"].closing_paise == 0
    assert proof["erp", "erp"].opening_paise == 0  # posted and matched on Tuesday


def test_until_the_postings_of_its_due_day_have_come_a_receipt_is_expected(desk: Desk) -> None:
    desk.connect_erp(since=MON)
    receipt = desk.receipt("cash", 500, on=MON)
    other = desk.receipt("cash", 100, on=MON)

    desk.postings(posted(other, 100, on=MON))
    run = desk.reconcile(FRI)
    assert desk.breaks_of_erp(FRI) == []
    waits = run.expected.get(stage="erp")
    assert (waits.book, waits.why, waits.count, waits.paise) == ("receipts", "no_file", 1, 50_000)

    desk.postings(until=TUE)
    desk.reconcile(FRI)
    assert desk.breaks_of_erp(FRI) == [("not_posted", receipt.reference, 500)]

    desk.postings(posted(receipt, 500, on=WED))
    desk.reconcile(FRI)
    assert desk.breaks_of_erp(FRI) == []


def test_a_receipt_before_the_first_day_is_expected_nowhere_and_so_is_its_posting(
    desk: Desk,
) -> None:
    desk.connect_erp(since=TUE)
    early = desk.receipt("cash", 500, on=MON)
    desk.receipt("cash", 300, on=TUE)

    desk.postings(posted(early, 500, on=TUE), until=FRI)
    desk.reconcile(FRI)

    assert [(reason, rupees) for reason, _ref, rupees in desk.breaks_of_erp(FRI)] == [
        ("not_posted", 300)
    ]
    assert Entry.objects.get(book="erp").kind == "other"


def test_an_erp_that_is_connected_later_has_the_entries_of_its_time(desk: Desk) -> None:
    receipt = desk.receipt("cash", 500, on=MON)
    desk.reconcile(MON)

    desk.connect_erp(since=MON)
    desk.postings(until=TUE)
    desk.reconcile(TUE)

    assert desk.breaks_of_erp(TUE) == [("not_posted", receipt.reference, 500)]


def test_a_posting_of_nobody_we_know_is_missing_in_our_books(desk: Desk) -> None:
    desk.connect_erp(since=MON)
    desk.postings(posted("26H10-00000000-000", 500, on=TUE, document="400000000001"))
    desk.postings(posted("", 300, on=TUE, document="400000000002"))

    desk.reconcile(TUE)

    assert desk.breaks_of_erp(TUE) == [
        ("missing_in_books", "26H10-00000000-000", 500),
        ("missing_in_books", "400000000002", 300),
    ]


def test_another_amount_is_a_break_of_both_and_another_consumer_too(desk: Desk) -> None:
    desk.connect_erp(since=MON)
    less = desk.receipt("cash", 500, on=MON)
    other = desk.receipt("cash", 300, on=MON)
    desk.postings(
        posted(less, 450, on=TUE),
        posted(other, 300, on=TUE, consumer="999999999999"),
    )

    desk.reconcile(TUE)

    assert desk.breaks_of_erp(TUE) == [
        ("amount_differs", less.reference, 50),
        ("wrong_consumer", other.reference, 300),
    ]
    assert not Match.objects.exists()


def test_what_was_posted_to_another_is_transferred_and_closes_by_itself(desk: Desk) -> None:
    desk.connect_erp(since=MON)
    receipt = desk.receipt("cash", 300, on=MON)
    desk.postings(posted(receipt, 300, on=TUE, consumer="999999999999", document="1"))
    desk.reconcile(TUE)

    desk.postings(
        posted(receipt, 300, on=WED, consumer="999999999999", document="2", mark="S"),
        posted(receipt, 300, on=WED, document="3"),
    )
    desk.reconcile(WED)

    assert desk.breaks_of_erp(WED) == []
    assert sorted(Match.objects.values_list("rule__code", flat=True)) == [
        "posting_exact",
        "posting_nil",
    ]


def test_a_receipt_posted_twice_is_one_match_and_one_duplicate(desk: Desk) -> None:
    desk.connect_erp(since=MON)
    first = desk.receipt("cash", 500, on=MON)
    both = desk.receipt("cash", 200, on=MON)

    desk.postings(posted(first, 500, on=TUE, document="1"))
    desk.reconcile(TUE)
    desk.postings(
        posted(first, 500, on=WED, document="2"),
        posted(both, 200, on=WED, document="3"),
        posted(both, 200, on=WED, document="4"),
    )
    desk.reconcile(WED)

    # Of two that came at once nobody can know which is meant.
    twice = [("duplicate", both.reference, 200), ("duplicate", first.reference, 500)]
    assert desk.breaks_of_erp(WED) == sorted(twice)
    assert Match.objects.count() == 1


def test_a_cheque_that_came_back_is_posted_as_a_return_of_its_own(desk: Desk) -> None:
    desk.connect_erp(since=MON)
    receipt = desk.receipt("cheque", 800, on=MON, deposit=None)
    desk.postings(posted(receipt, 800, on=TUE))
    desk.reconcile(TUE)

    desk.undone(receipt, on=WED)
    desk.postings(until=WED)
    desk.reconcile(WED)
    assert desk.breaks_of_erp(WED) == []

    desk.postings(until=THU)
    desk.reconcile(THU)
    assert desk.breaks_of_erp(THU) == [("not_posted", receipt.reference, 800)]

    desk.postings(posted(receipt, 800, on=FRI, mark="R"))
    desk.reconcile(FRI)
    assert desk.breaks_of_erp(FRI) == []
    assert Match.objects.filter(stage="erp").count() == 2


def test_what_was_cancelled_before_it_was_posted_comes_to_nothing(desk: Desk) -> None:
    desk.connect_erp(since=MON)
    receipt = desk.receipt("cash", 500, on=MON)
    desk.undone(receipt, on=MON)

    run = desk.reconcile(MON)
    assert run.expected.filter(stage="erp").count() == 1  # two lines of one day that wait
    desk.postings(until=TUE)
    desk.reconcile(TUE)

    assert desk.breaks_of_erp(TUE) == []
    assert Match.objects.filter(stage="erp", rule__code="posting_nil").count() == 1

    desk.postings(posted(receipt, 500, on=WED))
    desk.reconcile(WED)
    assert desk.breaks_of_erp(WED) == [("status_differs", receipt.reference, 500)]


def test_what_the_erp_took_back_while_our_receipt_stands_has_another_status(desk: Desk) -> None:
    desk.connect_erp(since=MON)
    receipt = desk.receipt("cash", 500, on=MON)
    desk.postings(posted(receipt, 500, on=TUE, document="1"))
    desk.reconcile(TUE)

    desk.postings(posted(receipt, 500, on=WED, document="2", mark="S"))
    desk.reconcile(WED)
    assert desk.breaks_of_erp(WED) == [("status_differs", receipt.reference, 500)]

    desk.postings(posted(receipt, 500, on=THU, document="3"))
    desk.reconcile(THU)
    assert desk.breaks_of_erp(THU) == []  # reversed and posted anew comes to nothing


def test_a_posting_of_what_we_hold_as_failed_has_another_status(desk: Desk) -> None:
    desk.connect_erp(since=MON)
    failed = desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1", state=State.FAILED)
    desk.postings(posted(failed, 500, on=TUE))

    desk.reconcile(TUE)

    assert desk.breaks_of_erp(TUE) == [("status_differs", failed.reference, 500)]


def test_clarification_is_expected_for_its_term_then_a_break_and_ends_when_it_is_assigned(
    desk: Desk,
) -> None:
    desk.connect_erp(since=MON, clarification_days=2)
    receipt = desk.receipt("cash", 500, on=MON)
    desk.postings(posted(receipt, 500, on=TUE, document="1", state="K"))

    run = desk.reconcile(TUE)
    assert desk.breaks_of_erp(TUE) == []
    assert {(one.book, one.why) for one in run.expected.filter(stage="erp")} == {
        ("receipts", "in_clarification"),
        ("erp", "in_clarification"),
    }

    desk.postings(until=THU)
    desk.reconcile(THU)
    assert desk.breaks_of_erp(THU) == [("in_clarification", receipt.reference, 500)]

    desk.postings(posted(receipt, 500, on=TUE, document="1", state="A"), until=FRI)
    desk.reconcile(FRI)
    assert desk.breaks_of_erp(FRI) == []
    assert Entry.objects.get(book="erp").code == "on_account"


def test_a_word_that_nobody_agreed_on_waits_for_a_person(desk: Desk) -> None:
    desk.connect_erp(since=MON)
    receipt = desk.receipt("cash", 500, on=MON)
    desk.postings(posted(receipt, 500, on=TUE, state="ZZ"))

    desk.reconcile(MON)

    assert desk.breaks_of_erp(TUE) == [
        ("not_posted", receipt.reference, 500),
        ("unknown_code", receipt.reference, 500),
    ]


def test_refunds_are_posted_each_and_two_of_one_payment_are_told_apart_by_their_sums(
    desk: Desk,
) -> None:
    desk.connect_erp(since=MON)
    receipt = desk.receipt("razorpay", 800, on=MON, channel_ref="pay_1")
    desk.refund(receipt, 200, ref="rfnd_1", on=TUE)
    desk.refund(receipt, 300, ref="rfnd_2", on=TUE)
    desk.postings(
        posted(receipt, 800, on=TUE),
        posted(receipt, 300, on=WED, document="1", mark="R"),
        posted(receipt, 250, on=WED, document="2", mark="R"),
    )

    desk.reconcile(WED)

    assert Match.objects.filter(stage="erp").count() == 2
    assert desk.breaks_of_erp(WED) == [("amount_differs", receipt.reference, 50)]


def test_a_second_rule_of_postings_takes_what_the_first_has_left(desk: Desk) -> None:
    desk.connect_erp(since=MON)
    narrow = played.use_rule("posting_exact", window_days=0)
    Rule.objects.create(
        code="posting_later", priority=narrow.priority + 1, leg=narrow.leg, key=narrow.key,
        cardinality=narrow.cardinality, state=narrow.state, effective_from=narrow.effective_from,
    )  # fmt: skip
    on_the_day = desk.receipt("cash", 500, on=MON)
    later = desk.receipt("cash", 700, on=MON)
    desk.postings(posted(on_the_day, 500, on=MON), posted(later, 700, on=TUE))

    run = desk.reconcile(TUE)

    made = Match.objects.filter(stage="erp").order_by("id").values_list("rule__code", flat=True)
    assert list(made) == ["posting_exact", "posting_later"]
    assert run.matched_count == 2
    assert desk.reconcile(TUE).output_hash == run.output_hash
