"""Files of the ERP on their way into the books: kept, proved, taught, set aside, told back."""

from datetime import date, time
from io import BytesIO
from pathlib import Path

import pytest
import time_machine
from django.db import connection, transaction
from django.db.utils import DatabaseError

from channels_.models import LedgerSystem, StatementFile
from enquiries.models import Alarm
from people import actions
from people.models import User
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER
from reconciliation import engine
from reconciliation.desk import decisions, undoing, workbench
from reconciliation.incoming import files, missing, statements
from reconciliation.matching import backtest
from reconciliation.models import Break, Decision, Entry, Match, Proof, Rule
from reconciliation.rulebook import rules
from sources.models import QuarantinedRow
from tests import factories
from tests.worked_examples.accounts import Desk, posted

MON, TUE, WED = (date(2026, 8, n) for n in range(10, 13))
LOADED, REFUSED = StatementFile.State.LOADED, StatementFile.State.REFUSED

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(db: None, settings, tmp_path: Path) -> Desk:
    settings.STATEMENTS_DIR = tmp_path / "statements"
    desk = Desk.open()
    desk.connect_erp(since=MON)
    return desk


def test_a_file_is_loaded_once_and_an_overlapping_one_adds_what_is_new(desk: Desk) -> None:
    first, other = (desk.receipt("cash", rupees, on=MON) for rupees in (500, 300))

    loaded = desk.postings(posted(first, 500, on=TUE))
    with pytest.raises(statements.AlreadyLoaded):
        desk.postings(posted(first, 500, on=TUE))
    more = desk.postings(posted(first, 500, on=TUE), posted(other, 300, on=TUE))

    assert (loaded.state, loaded.source_code, loaded.format) == (LOADED, "sap", "postings")
    assert (more.line_count, more.added_count, more.credit_paise) == (2, 1, 80_000)
    assert list(files.entries_of(loaded)) == [
        Entry.objects.get(book="erp", reference=first.reference)
    ]


@pytest.mark.parametrize(
    ("ends", "problem"),
    [
        (("KSUMP;2",), "KSUMP says 2, but the rows come to 1"),
        (("KTSUH;600.00",), "KTSUH says 600.00, but the rows come to 500.00"),
    ],
)
def test_a_file_whose_totals_do_not_prove_leaves_nothing_in_the_books(
    desk: Desk, ends: tuple[str], problem: str
) -> None:
    receipt = desk.receipt("cash", 500, on=MON)

    file = desk.postings(posted(receipt, 500, on=TUE), *ends)

    assert file.state == REFUSED
    assert problem in file.problem
    assert not Entry.objects.filter(book="erp").exists()


def test_an_amount_that_changed_refuses_its_file(desk: Desk) -> None:
    receipt = desk.receipt("cash", 500, on=MON)
    desk.postings(posted(receipt, 500, on=TUE, document="1"))

    file = desk.postings(posted(receipt, 400, on=TUE, document="1"))

    assert file.state == REFUSED
    assert "came again with 40000" in file.problem


def test_a_row_that_cannot_be_read_is_set_aside_where_that_is_agreed(desk: Desk) -> None:
    LedgerSystem.objects.update(file_policy="row")
    good, bad = (desk.receipt("cash", rupees, on=MON) for rupees in (500, 300))

    file = desk.postings(
        posted(good, 500, on=TUE), posted(bad, 300, on=TUE).replace(";INR;", ";USD;"), "KSUMP;2"
    )

    assert (file.state, file.line_count, file.quarantined_count) == (LOADED, 1, 1)
    assert "expected the currency INR" in QuarantinedRow.objects.get().problem


def test_the_receipt_may_be_named_as_it_is_printed_and_the_partner_alone(desk: Desk) -> None:
    consumer = factories.ConsumerFactory.create(number="1000000042", business_partner="0000000777")
    payment = desk.receipt("cash", 500, on=MON, consumer=consumer, consumer_number=consumer.number)
    receipt = factories.ReceiptFactory.create(payment=payment)
    row = f"L1;1;400;{receipt.label};;777;500.00;INR;2026-08-11"

    desk.files += 1
    statements.load(
        LedgerSystem.objects.get(),
        BytesIO(f"KEYZ1;POSZA;OPBEL;XBLNR;VKONT;GPART;BETRZ;WAERS;BUDAT\n{row}".encode()),
        name="partner.csv",
    )
    desk.reconcile(TUE)

    entry = Entry.objects.get(book="erp")
    assert (entry.reference, entry.consumer_number) == (payment.reference, "1000000042")
    assert Match.objects.get(rule__code="posting_exact").stage == "erp"


def test_a_posting_learns_once_to_whom_it_was_assigned_and_nothing_else_changes(desk: Desk) -> None:
    receipt = desk.receipt("cash", 500, on=MON)
    desk.postings(posted(receipt, 500, on=TUE, document="1", state="K", consumer=""))
    entry = Entry.objects.get(book="erp")

    desk.postings(posted(receipt, 500, on=TUE, document="1", state="C"), until=WED)
    desk.postings(posted(receipt, 500, on=TUE, document="1", state="K"), until=MON)  # an older one

    entry.refresh_from_db()
    assert (entry.code, entry.consumer_number) == ("cleared", receipt.consumer_number.lstrip("0"))
    for change in ("code = 'clarification'", "amount_paise = 1", "reference = 'x'"):
        _refused("reconciliation_entry", change, pk=entry.pk, words="append-only")


def _refused(table: str, change: str, *, pk: int, words: str) -> None:
    """The database refuses a change of a row, whoever asks for it."""
    sql = f"UPDATE {table} SET {change} WHERE id = %s"  # noqa: S608 - words of the tests
    with (
        pytest.raises(DatabaseError, match=words),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, [pk])


def test_a_file_has_one_source_and_there_is_one_erp(desk: Desk) -> None:
    receipt = desk.receipt("cash", 500, on=MON)
    file = desk.postings(posted(receipt, 500, on=TUE))

    for change in ("channel_id = (SELECT min(id) FROM paychannels_channel)", "ledger_id = NULL"):
        _refused("paychannels_statementfile", change, pk=file.pk, words="one_source")
    with pytest.raises(DatabaseError), transaction.atomic():
        factories.LedgerSystemFactory.create(code="other")


def test_a_file_that_is_told_back_leaves_contra_lines_and_may_be_loaded_again(desk: Desk) -> None:
    with time_machine.travel("2026-08-13 10:00:00+05:30", tick=True):
        receipt = desk.receipt("cash", 500, on=MON)
        file = desk.postings(posted(receipt, 500, on=TUE))
        desk.reconcile(TUE)

        asked = undoing.propose(undoing.of_file(file), why="wrong", maker=_person(FINANCE_OFFICER))
        undone = undoing.approve(asked, checker=_person(FINANCE_APPROVER))
        desk.reconcile(TUE)

    assert (undone.done_matches, undone.done_entries) == (1, 1)
    proof = Proof.objects.filter(stage="erp", book="erp").latest("id")
    assert (proof.closing_count, proof.closing_paise) == (0, 0)
    desk.postings(posted(receipt, 500, on=TUE), name="again")
    desk.reconcile(TUE)
    assert desk.breaks_of_erp(TUE) == []
    assert Match.objects.filter(stage="erp", undone_at=None, kind="rule").count() == 1


def _person(role: str) -> User:
    user = User.objects.create_user(role, None, full_name=role)
    actions.set_roles(user, {role})
    return user


def test_a_match_is_undone_and_made_again_and_a_whole_run_too(desk: Desk) -> None:
    receipts = [desk.receipt("cash", rupees, on=MON) for rupees in (500, 300)]
    desk.postings(*(posted(one, one.amount_paise // 100, on=TUE) for one in receipts))
    run = desk.reconcile(TUE)
    maker, checker = _person(FINANCE_OFFICER), _person(FINANCE_APPROVER)

    for target in (undoing.of_match(Match.objects.order_by("id")[0]), undoing.of_run(run)):
        undoing.approve(undoing.propose(target, why="wrong", maker=maker), checker=checker)
        again = desk.reconcile(TUE)
        assert again.output_hash == run.output_hash

    assert Match.objects.filter(undone_at=None).count() == 2


def test_the_same_files_give_the_same_hash_however_often_and_anew(desk: Desk) -> None:
    receipts = [desk.receipt("cash", rupees, on=MON) for rupees in (500, 300, 200)]
    desk.postings(posted(receipts[0], 500, on=TUE), posted(receipts[1], 299, on=TUE))
    first = desk.reconcile(TUE)

    assert desk.reconcile(TUE).output_hash == first.output_hash
    anew = engine.reconcile(TUE, started_by="test", rebuild=True, verify=True)
    assert anew.output_hash == first.output_hash


def test_a_file_that_is_owed_and_has_not_come_raises_an_alarm(desk: Desk) -> None:
    LedgerSystem.objects.update(file_due_at=time(9))
    receipt = desk.receipt("cash", 500, on=MON)

    with time_machine.travel("2026-08-11 09:30:00+05:30", tick=False):
        missing.watch()
        alarm = Alarm.objects.get(ledger__isnull=False)
        assert (str(alarm.source), alarm.detail) == ("SAP FI-CA", "no file of 10-08-2026")
        desk.postings(posted(receipt, 500, on=MON))
        missing.watch()

    alarm.refresh_from_db()
    assert alarm.cleared_at is not None


@pytest.mark.parametrize(("days", "broken"), [(0, 1), (1, 0)])
def test_a_version_of_the_rule_is_tried_on_copies(desk: Desk, days: int, broken: int) -> None:
    desk.postings(posted(desk.receipt("cash", 500, on=MON), 500, on=TUE))
    desk.reconcile(TUE)
    held = Rule.objects.get(code="posting_exact", state="active")
    told = rules.content_of(held) | {"window_days": days}
    rule = Rule(pk=-1, code=held.code, version=2, effective_from=date(2026, 8, 20), **told)

    found = backtest.compare(rule, backtest.over_days(rule, MON, WED))

    assert {word: found[word]["count"] for word in backtest.WORDS} == {
        "match": 0, "break": broken, "change": 0,
    }  # fmt: skip
    now = backtest.count_now(rule)
    assert now is not None
    assert now["break"]["count"] == broken


def test_people_match_write_off_and_park_what_the_erp_did_otherwise(desk: Desk) -> None:
    less, missing = (desk.receipt("cash", rupees, on=MON) for rupees in (500, 300))
    desk.postings(posted(less, 450, on=TUE), posted("", 300, on=TUE, document="9"), until=TUE)
    desk.reconcile(TUE)
    maker, checker = _person(FINANCE_OFFICER), _person(FINANCE_APPROVER)
    of = {one.reason: one for one in Break.objects.filter(stage="erp")}

    nameless = Entry.objects.get(book="erp", reference="")
    bench = workbench.bench_of(of["not_posted"])
    assert [one.id for one in bench.candidates][:1] == [workbench.name_of(nameless)]
    joined = decisions.propose(
        of["not_posted"], kind=Decision.Kind.MATCH, candidates=[nameless], why="the same",
        maker=maker,
    )  # fmt: skip
    decisions.approve(joined, checker=checker)
    gone = decisions.propose(
        of["amount_differs"], kind=Decision.Kind.WRITE_OFF, why="corrected by hand", maker=maker
    )
    decisions.approve(gone, checker=checker)
    with time_machine.travel("2026-08-13 10:00:00+05:30", tick=True):
        desk.reconcile(WED)

    assert desk.breaks_of_erp(WED) == []
    assert (joined.difference_paise, gone.difference_paise) == (0, 5_000)
    assert missing.reference == of["not_posted"].reference
