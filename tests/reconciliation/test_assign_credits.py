"""Credits that only the bank tells of: known by what they name, assigned by people, taken back."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction

from payments import found, inbox
from payments.models import Payment, Receipt
from people.models import AuditEvent, User
from people.roles import CLERK, FINANCE_APPROVER, FINANCE_OFFICER
from reconciliation.desk import decisions
from reconciliation.found import assigning, bank_credits
from reconciliation.models import Break, Decision, Entry, Evidence, KnownPayer, Match, Proof
from tests import factories
from tests.worked_examples.accounts import Desk, Line

MON, TUE, WED = (date(2026, 8, n) for n in range(10, 13))
UTR = "SBINN26230000001"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _on_wednesday():
    with time_machine.travel("2026-08-12 10:00:00+05:30", tick=True):
        yield


@pytest.fixture
def desk(transactional_db: None, settings, tmp_path: Path) -> Desk:
    """Books with nothing in them."""
    settings.STATEMENTS_DIR = tmp_path / "statements"
    return Desk.open()


@pytest.fixture
def maker(desk: Desk, make_user: Callable[..., User]) -> User:
    return make_user("maker", FINANCE_OFFICER)


@pytest.fixture
def checker(desk: Desk, make_user: Callable[..., User]) -> User:
    return make_user("checker", FINANCE_APPROVER)


def _agree(desk: Desk, word: str) -> None:
    channel = desk.channels["neft"]
    channel.settings = {bank_credits.SETTING: word}
    channel.save()


def _open() -> Break:
    return Break.objects.get(state="open")


def _credit(desk: Desk, rupees: int = 500, narration: str = f"NEFT CR {UTR} A PAYER") -> Break:
    desk.statement(Line(rupees, narration), on=MON)
    desk.reconcile(MON)
    return _open()


# ---- known by what they name ----


def test_a_credit_that_names_its_consumer_waits_for_a_person_unless_agreed(desk: Desk) -> None:
    one = factories.ConsumerFactory(number="100000000777")

    waits = _credit(desk, narration=f"NEFT CR {UTR} BILL {one.number}")

    assert waits.reason == "missing_in_books"
    assert not Payment.objects.exists()
    found_out = bank_credits.identify([bank_credits.entry_of(waits)])
    assert [(x.consumer, x.how) for x in found_out.values()] == [(one, "named")]


def test_where_it_is_agreed_it_becomes_a_payment_and_is_matched_at_once(desk: Desk) -> None:
    one = factories.ConsumerFactory(number="100000000777")
    _agree(desk, "named")
    desk.statement(Line(500, f"NEFT CR {UTR} BILL {one.number}"), on=MON)

    run = desk.reconcile(MON)

    payment = Payment.objects.get()
    assert (payment.consumer, payment.amount_paise, payment.state) == (one, 50000, "succeeded")
    assert (payment.channel_ref, payment.utr, payment.method) == (UTR, UTR, "neft")
    assert payment.business_date == MON
    assert Receipt.objects.get().payment == payment
    assert Evidence.objects.get().how == "named"
    assert desk.breaks(MON) == []
    assert Match.objects.filter(rule__code="transfer_evidence").count() == 1
    for book in ("receipts", "bank"):
        proof = Proof.objects.get(run=run, stage="bank", book=book)
        assert (proof.arrived_paise, proof.matched_paise, proof.closing_paise) == (50000, 50000, 0)


def test_a_credit_is_taken_in_once_however_often_the_run_comes(desk: Desk) -> None:
    factories.ConsumerFactory(number="100000000777")
    _agree(desk, "named")
    desk.statement(Line(500, f"NEFT CR {UTR} BILL 100000000777"), on=MON)

    for _ in range(3):
        desk.reconcile(MON)

    assert Payment.objects.count() == Evidence.objects.count() == Receipt.objects.count() == 1


def test_the_notice_that_comes_after_all_finds_the_payment(desk: Desk, client) -> None:
    one = factories.ConsumerFactory(business_partner="1000000001")
    _agree(desk, "named")
    desk.statement(Line(1234, f"NEFT CR {UTR} {one.number}"), on=MON)
    desk.reconcile(MON)

    body, headers = factories.bank_notice(utr=UTR, amount="1234.00")
    answer = client.post("/in/neft/", body, content_type="application/json", headers=headers)
    inbox.catch_up()
    desk.reconcile(MON)

    assert answer.status_code == 200
    assert Payment.objects.count() == 1
    assert desk.breaks(MON) == []


def test_a_payment_that_a_notice_told_of_is_not_made_again(desk: Desk) -> None:
    one = factories.ConsumerFactory(number="100000000777")
    _agree(desk, "all")
    desk.receipt("neft", 400, on=MON, consumer=one, channel_ref=UTR, utr="")
    desk.statement(Line(500, f"NEFT CR {UTR} {one.number}"), on=MON)

    desk.reconcile(MON)

    assert Payment.objects.count() == 1
    assert ("missing_in_books", UTR, 500) in desk.breaks(MON)


# ---- known payers ----


@pytest.mark.parametrize(
    "payer", ["UPI/{rrn}/a.payer@okbank/BILL", "IMPS {rrn} FROM 50100012345678-HDFC0000001"]
)
def test_who_paid_before_is_known_again(desk: Desk, maker: User, payer: str) -> None:
    one = factories.ConsumerFactory()
    first = _credit(desk, narration=payer.format(rrn="623012345671"))
    assigning.assign(first, shares=[(one, 50000)], why="He called.", maker=maker)
    _agree(desk, "all")
    desk.statement(Line(90, payer.format(rrn="623012345672")), on=TUE)

    desk.reconcile(TUE)

    assert Payment.objects.get(amount_paise=9000).consumer == one
    assert Evidence.objects.get(how="payer").payment_reference
    assert desk.breaks(TUE) == []


def test_a_payer_of_two_consumers_is_nobody(desk: Desk, maker: User) -> None:
    _agree(desk, "all")
    for day, rrn in ((MON, "623012345671"), (TUE, "623012345672")):
        desk.statement(Line(500, f"UPI/{rrn}/a.payer@okbank/BILL"), on=day)
        desk.reconcile(day)
        for waiting in Break.objects.filter(state="open"):
            one = factories.ConsumerFactory()
            assigning.assign(waiting, shares=[(one, 50000)], why="Seen.", maker=maker)
        # What was made by itself on the second day is of the first consumer.
    KnownPayer.objects.create(
        index=KnownPayer.objects.get().index, consumer=factories.ConsumerFactory()
    )
    desk.statement(Line(70, "UPI/623012345673/a.payer@okbank/BILL"), on=WED)

    desk.reconcile(WED)

    assert desk.breaks(WED) == [("unidentified_credit", "623012345673", 70)]


def test_a_known_payer_is_only_proposed_where_only_names_count(desk: Desk, maker: User) -> None:
    one = factories.ConsumerFactory()
    first = _credit(desk, narration="UPI/623012345671/a.payer@okbank/BILL")
    assigning.assign(first, shares=[(one, 50000)], why="He called.", maker=maker)
    _agree(desk, "named")
    desk.statement(Line(90, "UPI/623012345672/a.payer@okbank/BILL"), on=TUE)

    desk.reconcile(TUE)

    (waiting,) = Break.objects.filter(state="open")
    entry = bank_credits.entry_of(waiting)
    assert bank_credits.identify([entry])[entry.pk].consumer == one


def test_notices_teach_who_pays_and_no_account_is_kept(desk: Desk) -> None:
    one = factories.ConsumerFactory()
    desk.receipt("neft", 500, on=MON, consumer=one, consumer_number=one.number, rrn="623012345671")
    desk.statement(Line(500, "UPI/623012345671/a.payer@okbank/BILL"), on=MON)

    desk.reconcile(MON)

    known = KnownPayer.objects.get()
    assert known.consumer == one
    assert len(bytes(known.index)) == 16
    assert b"payer" not in bytes(known.index)


# ---- assigned by people ----


def test_one_person_assigns_up_to_the_limit(desk: Desk, maker: User) -> None:
    one = factories.ConsumerFactory()
    waits = _credit(desk, rupees=50_000)

    decision = assigning.assign(waits, shares=[(one, 50_000_00)], why="He called.", maker=maker)

    waits.refresh_from_db()
    assert (decision.state, decision.checker, waits.state) == ("alone", None, "closed")
    assert Payment.objects.get().consumer == one
    run = desk.reconcile(MON)
    assert desk.breaks(MON) == []
    bank = Proof.objects.get(run=run, stage="bank", book="bank")
    assert (bank.matched_paise, bank.closing_paise) == (50_000_00, 0)
    assert AuditEvent.objects.filter(action="decision.alone").count() == 1


def test_above_the_limit_a_second_person_decides(desk: Desk, maker: User, checker: User) -> None:
    one = factories.ConsumerFactory()
    waits = _credit(desk, rupees=50_001)

    decision = assigning.assign(waits, shares=[(one, 50_001_00)], why="He called.", maker=maker)
    assert decision.state == "proposed"
    assert not Payment.objects.exists()
    with pytest.raises(decisions.NotDecidable):
        decisions.approve(decision, checker=checker)
    assigning.approve(decision, checker=checker)

    assert Payment.objects.get().amount_paise == 50_001_00
    desk.reconcile(MON)
    assert desk.breaks(MON) == []


def test_who_proposed_cannot_approve(desk: Desk, make_user: Callable[..., User]) -> None:
    both = make_user("both", FINANCE_OFFICER, FINANCE_APPROVER)
    waits = _credit(desk, rupees=60_000)
    one = factories.ConsumerFactory()
    decision = assigning.assign(waits, shares=[(one, 60_000_00)], why="x", maker=both)

    with pytest.raises(decisions.NotYours):
        assigning.approve(decision, checker=both)
    assert not Payment.objects.exists()


@pytest.mark.parametrize("given", [[49_999], [50_001], [50_000, 1], [0, 50_000], []])
def test_shares_that_are_not_the_credit_are_refused(
    desk: Desk, maker: User, given: list[int]
) -> None:
    waits = _credit(desk)
    shares = [(factories.ConsumerFactory(), paise) for paise in given]

    with pytest.raises(decisions.NotDecidable):
        assigning.assign(waits, shares=shares, why="x", maker=maker)
    assert not Payment.objects.exists()
    assert not Decision.objects.exists()


def test_without_a_reason_or_the_role_nothing_is_assigned(
    desk: Desk, maker: User, make_user: Callable[..., User]
) -> None:
    waits = _credit(desk)
    shares = [(factories.ConsumerFactory(), 50_000)]

    with pytest.raises(decisions.NotDecidable):
        assigning.assign(waits, shares=shares, why="  ", maker=maker)
    with pytest.raises(decisions.NotYours):
        assigning.assign(waits, shares=shares, why="x", maker=make_user("clerk", CLERK))


def test_a_credit_is_assigned_once(desk: Desk, maker: User) -> None:
    waits = _credit(desk)
    one, two = factories.ConsumerFactory(), factories.ConsumerFactory()
    assigning.assign(waits, shares=[(one, 50_000)], why="x", maker=maker)

    with pytest.raises(decisions.NotDecidable):
        assigning.assign(waits, shares=[(two, 50_000)], why="x", maker=maker)
    assert Payment.objects.count() == 1


def test_a_credit_is_split_over_many_consumers(desk: Desk, maker: User) -> None:
    people = [factories.ConsumerFactory() for _ in range(3)]
    waits = _credit(desk, rupees=600)

    assigning.assign(
        waits,
        shares=[(people[0], 100_00), (people[1], 200_00), (people[2], 300_00)],
        why="Schedule of the department.",
        maker=maker,
    )
    desk.reconcile(MON)

    assert sorted(Payment.objects.values_list("channel_ref", "utr")) == [
        (f"{UTR}/1", UTR), (f"{UTR}/2", UTR), (f"{UTR}/3", UTR),
    ]  # fmt: skip
    assert Receipt.objects.count() == 3
    assert desk.breaks(MON) == []
    assert Match.objects.get().lines.count() == 4
    assert not KnownPayer.objects.exists()


def test_a_credit_without_any_reference_is_matched_all_the_same(desk: Desk, maker: User) -> None:
    waits = _credit(desk, narration="BY CLG")
    assigning.assign(
        waits, shares=[(factories.ConsumerFactory(), 50_000)], why="Slip seen.", maker=maker
    )

    desk.reconcile(MON)

    assert desk.breaks(MON) == []


# ---- taken back ----


def test_two_people_take_an_assignment_back(desk: Desk, maker: User, checker: User) -> None:
    waits = _credit(desk, narration="UPI/623012345671/a.payer@okbank/BILL")
    assigning.assign(waits, shares=[(factories.ConsumerFactory(), 50_000)], why="x", maker=maker)
    desk.reconcile(MON)

    wish = assigning.ask_back(waits, why="Another consumer.", maker=maker)
    assert Payment.objects.get().state == "succeeded"
    assigning.approve(wish, checker=checker)

    assert Payment.objects.get().state == "reversed"
    assert Receipt.objects.get().cancelled_at is not None
    assert not KnownPayer.objects.exists()
    run = desk.reconcile(MON)
    assert desk.breaks(MON) == [("unidentified_credit", "623012345671", 500)]
    bank = Proof.objects.get(run=run, stage="bank", book="bank")
    assert (bank.arrived_paise, bank.closing_paise, bank.broken_paise) == (50000, 50000, 50000)


def test_what_was_taken_back_can_be_given_to_another(
    desk: Desk, maker: User, checker: User
) -> None:
    waits = _credit(desk)
    wrong, right = factories.ConsumerFactory(), factories.ConsumerFactory()
    assigning.assign(waits, shares=[(wrong, 50_000)], why="x", maker=maker)
    desk.reconcile(MON)
    assigning.approve(assigning.ask_back(waits, why="wrong", maker=maker), checker=checker)
    desk.reconcile(MON)

    assigning.assign(_open(), shares=[(right, 50_000)], why="right", maker=maker)
    desk.reconcile(MON)

    assert desk.breaks(MON) == []
    assert Payment.objects.get(state="succeeded").consumer == right
    assert Evidence.objects.filter(undone_at=None).count() == 1


def test_what_was_taken_back_is_not_taken_in_again_by_itself(
    desk: Desk, maker: User, checker: User
) -> None:
    factories.ConsumerFactory(number="100000000777")
    _agree(desk, "named")
    desk.statement(Line(500, f"NEFT CR {UTR} BILL 100000000777"), on=MON)
    desk.reconcile(MON)
    taken_in = Break.objects.get()
    assigning.approve(assigning.ask_back(taken_in, why="wrong", maker=maker), checker=checker)

    desk.reconcile(MON)
    desk.reconcile(MON)

    assert desk.breaks(MON) == [("missing_in_books", UTR, 500)]


def test_money_that_was_refunded_is_not_taken_back(desk: Desk, maker: User, checker: User) -> None:
    waits = _credit(desk)
    assigning.assign(waits, shares=[(factories.ConsumerFactory(), 50_000)], why="x", maker=maker)
    wish = assigning.ask_back(waits, why="x", maker=maker)
    factories.RefundFactory(payment=Payment.objects.get(), amount_paise=100)

    with pytest.raises(found.NotReversible):
        assigning.approve(wish, checker=checker)
    assert Evidence.objects.filter(undone_at=None).count() == 1


def test_evidence_is_kept_by_the_database(desk: Desk, maker: User) -> None:
    waits = _credit(desk)
    assigning.assign(waits, shares=[(factories.ConsumerFactory(), 50_000)], why="x", maker=maker)

    for statement in (
        "DELETE FROM reconciliation_evidence",
        "UPDATE reconciliation_evidence SET part = 1",
    ):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert Entry.objects.filter(book="bank").count() == 1
