"""Days of returned cheques: undone in our books, taken back by the bank, and the days between."""

from collections.abc import Sequence
from datetime import date

import pytest

from payments.models import Payment
from payments.states import State
from reconciliation.desk import explain
from reconciliation.models import Break, Entry, Kind, Match
from tests import factories
from tests.worked_examples.accounts import Desk, Line, at

WED, THU, FRI, SAT = (date(2026, 8, n) for n in range(12, 16))
RETURNED = "CHQ RTN 004417 FUNDS INSUFFICIENT"


def cheque(desk: Desk, *rupees: int, on: date = WED, number: str = "004417") -> list[Payment]:
    """One paper that pays one consumer, or several."""
    paid = [desk.receipt("cheque", one, on=on) for one in rupees]
    for one in paid:
        factories.TenderFactory.create(payment=one, method="cheque", instrument=number)
    return paid


def banked(desk: Desk, paid: Sequence[Payment], *, slip: str = "DS-0001", on: date = WED) -> None:
    """The papers on a slip, and the bank's credit of it."""
    desk.slip(slip, paid, on=on)
    desk.statement(Line(sum(one.amount_paise for one in paid) // 100, f"CLG DEP {slip}"), on=on)


def undo(paid: Sequence[Payment], *, on: date) -> None:
    """The bank's return is booked by us on a day."""
    for one in paid:
        Payment.objects.filter(pk=one.pk).update(state=State.REVERSED)
        factories.PaymentEventFactory.create(
            payment=one, from_state=State.SUCCEEDED, to_state=State.REVERSED, at=at(on)
        )


def test_what_is_undone_later_is_dated_on_the_day_that_undid_it(desk: Desk) -> None:
    paid = cheque(desk, 900)
    banked(desk, paid)
    before = desk.reconcile(WED)

    undo(paid, on=FRI)
    after = desk.reconcile(WED)

    reversal = Entry.objects.get(kind=Kind.REVERSAL)
    assert (reversal.business_date, reversal.amount_paise, reversal.instrument) == (
        FRI, -90000, "004417",
    )  # fmt: skip
    assert reversal.deposit_ref == ""
    assert after.output_hash == before.output_hash


def test_a_returned_cheque_that_our_books_undid_is_no_break(desk: Desk) -> None:
    paid = cheque(desk, 900)
    banked(desk, paid)
    desk.statement(Line(-900, RETURNED), on=THU)
    desk.reconcile(THU)
    assert desk.breaks(THU) == [("cheque_returned", paid[0].reference, 900)]

    undo(paid, on=FRI)
    desk.reconcile(FRI)

    assert desk.breaks(FRI) == []
    match = Match.objects.get(rule__code="returned_cheque")
    assert (match.matched_on, match.lines.count()) == (FRI, 2)
    assert "the bank's debit names its number" in explain.match_sentence(match)


def test_one_debit_takes_back_all_that_one_paper_paid(desk: Desk) -> None:
    paid = cheque(desk, 900, 450, 50)
    banked(desk, paid)
    undo(paid, on=FRI)
    desk.statement(Line(-1400, RETURNED), on=FRI)

    desk.reconcile(FRI)

    assert desk.breaks(FRI) == []
    assert Match.objects.get(rule__code="returned_cheque").lines.count() == 4


def test_the_credit_of_the_slip_stays_whole_when_it_comes_after_the_return(desk: Desk) -> None:
    paid = cheque(desk, 900)
    desk.slip("DS-0001", [*paid, *cheque(desk, 100, number="118822")], on=WED)
    undo(paid, on=FRI)
    desk.statement(Line(1000, "CLG DEP DS-0001"), Line(-900, RETURNED), on=FRI)

    desk.reconcile(FRI)

    assert desk.breaks(FRI) == []
    made = Match.objects.order_by("rule__code").values_list("rule__code", flat=True)
    assert list(made) == ["deposit_slip_sum", "returned_cheque"]


def test_what_is_undone_before_its_slip_comes_to_nothing(desk: Desk) -> None:
    undo(cheque(desk, 900), on=THU)

    desk.reconcile(THU)

    match = Match.objects.get()
    assert match.rule is not None
    assert (match.rule.code, match.matched_on) == ("cancelled", THU)


def test_an_undone_cheque_without_the_banks_debit_is_a_break_when_it_is_due(desk: Desk) -> None:
    paid = cheque(desk, 900)
    banked(desk, paid)
    undo(paid, on=FRI)
    desk.reconcile(FRI)
    assert desk.breaks(FRI) == []  # the bank has not spoken of that day yet

    desk.statement(on=FRI)
    desk.reconcile(FRI)
    assert desk.breaks(FRI) == [("cheque_returned", paid[0].reference, 900)]
    assert "no statement up to 14-08-2026" in explain.sentence(Break.objects.get(state="open"))

    desk.statement(Line(-900, RETURNED), on=SAT)
    desk.reconcile(SAT)
    assert desk.breaks(SAT) == []


def test_a_debit_of_another_amount_is_no_match(desk: Desk) -> None:
    paid = cheque(desk, 900)
    banked(desk, paid)
    undo(paid, on=FRI)
    desk.statement(Line(-800, RETURNED), on=FRI)

    desk.reconcile(FRI)

    assert desk.breaks(FRI) == [("amount_differs", paid[0].reference, 100)]
    assert not Match.objects.filter(rule__code="returned_cheque").exists()


@pytest.mark.parametrize("debits", [(-900,), (-900, -900)])
def test_two_cheques_of_one_number_show_all_and_match_nothing(
    desk: Desk, debits: tuple[int, ...]
) -> None:
    first, second = cheque(desk, 900), cheque(desk, 900)
    banked(desk, first)
    banked(desk, second, slip="DS-0002", on=THU)
    undo(first, on=FRI)
    undo(second, on=SAT)
    desk.statement(*(Line(one, RETURNED) for one in debits), on=SAT)

    desk.reconcile(SAT)

    assert desk.breaks(SAT) == [("ambiguous", "004417", 1800)]
    assert Break.objects.get(state="open").lines.count() == 2 + len(debits)
    assert not Match.objects.filter(rule__code="returned_cheque").exists()
