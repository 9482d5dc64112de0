"""Days that close with a certificate, what touches them afterwards, and their restatements."""

import base64
import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from pypdf import PdfReader

from cspdcl.kernel.errors import DomainError, Malformed
from payments.models import Payment
from people import audit
from people.models import AuditEvent, User
from reconciliation import locks, tasks
from reconciliation.dayend import certificates, closing
from reconciliation.desk import decisions, undoing
from reconciliation.models import Break, DayCause, DayClose, Decision, Run
from tests import factories
from tests.reconciliation.test_pages_board import words
from tests.worked_examples.accounts import Desk, Line, paid, taken_back
from tests.worked_examples.test_returned_cheque_days import RETURNED, banked, cheque, undo

MON, TUE, WED, THU, FRI = (date(2026, 8, n) for n in range(10, 15))

AsRole = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _some_days_later() -> Iterator[None]:
    with time_machine.travel("2026-08-20 10:30:00+05:30"):
        yield


@dataclass
class House:
    """A desk, and the two persons who close its days."""

    desk: Desk
    officer: User
    approver: User

    def close(self, day: date, reason: str = "") -> DayClose:
        """Proposed by one, signed by the other."""
        proposal = closing.propose(day, maker=self.officer, reason=reason)
        return closing.approve(proposal, checker=self.approver)

    def restated(self, day: date) -> DayClose:
        """The restatement that the system proposes, signed."""
        closing.propose_restatements()
        proposal = DayClose.objects.get(business_date=day, state="proposed")
        return closing.approve(proposal, checker=self.approver)


@pytest.fixture
def house(db: None, users) -> House:
    return House(Desk.open(), users["finance_officer"], users["finance_approver"])


@pytest.fixture
def closed(house: House) -> DayClose:
    """A Wednesday with 900 by cheque in the bank and 100 in cash on its way, closed."""
    banked(house.desk, cheque(house.desk, 900))
    house.desk.receipt("cash", 100, on=WED)
    house.desk.reconcile(WED)
    return house.close(WED)


# ---- closing ----


def test_a_day_closes_with_all_that_was_proved(house: House, closed: DayClose) -> None:
    assert (closed.number, closed.state) == ("DC-2026-08-12-1", "closed")
    facts = closed.facts
    assert facts["receipts"] == {
        "issued": [2, 100_000], "matched_count": 1, "match_rate": 5000,
    }  # fmt: skip
    receipts = next(one for one in facts["proofs"] if one["book"] == "receipts")
    assert receipts["arrived"] == [2, 100_000]
    assert receipts["matched"] == [1, 90_000]
    assert receipts["closing"] == [1, 10_000]
    assert [one["channel"] for one in facts["channels"]] == ["cash", "cheque"]
    assert facts["waits"] == [
        {"stage": "bank", "book": "receipts", "why": "not_deposited", "open": [1, 10_000]}
    ]
    assert facts["rules"]["returned_cheque"] == 1
    assert [one["source"] for one in facts["inputs"]["files"]] == ["bank"]
    assert facts["proposed"]["username"] == "finance_officer"
    assert facts["approved"]["username"] == "finance_approver"
    assert [(one["book"], one["source"], one["closing"]) for one in facts["sources"]] == [
        ("bank", "bank", [0, 0]), ("receipts", "cash", [1, 10_000]), ("receipts", "cheque", [0, 0]),
    ]  # fmt: skip
    assert certificates.check(certificates.document(closed)).fault == ""
    assert AuditEvent.objects.filter(action="day.closed", object_id=closed.number).count() == 1


def test_a_day_does_not_close_while_a_file_that_speaks_of_it_waits(house: House) -> None:
    house.desk.reconcile(WED)
    factories.StatementFileFactory(state="waiting", name="w.csv", covers_from=WED, covers_to=WED)

    with pytest.raises(closing.NotClosable, match=r"The file w\.csv waits for a second person\."):
        closing.propose(WED, maker=house.officer)

    assert not DayClose.objects.exists()


def test_the_same_person_never_proposes_and_signs(house: House) -> None:
    house.desk.reconcile(WED)
    proposal = closing.propose(WED, maker=house.approver)

    with pytest.raises(closing.NotYourPart):
        closing.approve(proposal, checker=house.approver)
    with pytest.raises(closing.NotYourPart):
        closing.approve(proposal, checker=house.officer)
    with pytest.raises(IntegrityError, match="maker_is_not_checker"), transaction.atomic():
        DayClose.objects.filter(pk=proposal.pk).update(state="withdrawn", checker=house.approver)
    assert not DayClose.objects.exclude(state="proposed").exists()


@pytest.mark.parametrize("role", ["clerk", "auditor", "manager", "operator"])
def test_only_finance_proposes(house: House, users, role: str) -> None:
    house.desk.reconcile(WED)

    with pytest.raises(closing.NotYourPart):
        closing.propose(WED, maker=users[role])
    assert not DayClose.objects.exists()


def _no_run(_desk: Desk) -> None:
    return


def _a_late_file(desk: Desk) -> None:
    desk.reconcile(WED)
    desk.statement(Line(50, "NEFT FROM SOMEBODY"), on=WED)


def _an_empty_file(desk: Desk) -> None:
    desk.reconcile(WED)
    desk.statement(on=WED)


def _an_unread_receipt(desk: Desk) -> None:
    desk.reconcile(WED)
    desk.receipt("cash", 70, on=WED)


def _an_unread_refund(desk: Desk) -> None:
    payment = desk.receipt("razorpay", 70, on=WED, channel_ref="pay_1")
    desk.reconcile(WED)
    desk.refund(payment, 30, ref="rfnd_1", on=WED)


def _an_unread_chargeback(desk: Desk) -> None:
    payment = desk.receipt("razorpay", 70, on=MON, channel_ref="pay_1")
    settled = {"settled_on": WED, "settlement": "S1", "utr": "UTR0001"}
    desk.report(
        paid("pay_1", 70, paid_on=MON, **settled),
        taken_back("adj_1", 30, dispute="disp_1", **settled),
    )
    desk.reconcile(WED)
    desk.dispute_lost(payment, 30, ref="disp_1", on=THU)


def _a_day_before_that_moved(desk: Desk) -> None:
    desk.reconcile(TUE)
    desk.receipt("cash", 70, on=TUE)
    desk.reconcile(WED)


@pytest.mark.parametrize(
    ("happens", "sentence"),
    [
        (_no_run, "No run has proved this day yet."),
        (_a_late_file, "1 line of this day or an earlier one came after its last run"),
        (_an_empty_file, "A file that speaks of this day came after its last run"),
        (
            _an_unread_receipt,
            "1 receipt, refund or chargeback of this day or an earlier one is not in the books",
        ),
        (
            _an_unread_refund,
            "1 receipt, refund or chargeback of this day or an earlier one is not in the books",
        ),
        (
            _an_unread_chargeback,
            "1 receipt, refund or chargeback of this day or an earlier one is not in the books",
        ),
        (_a_day_before_that_moved, "11-08-2026 closes otherwise than 12-08-2026 opens"),
    ],
)
def test_a_day_that_is_not_ready_is_refused_with_what_is_missing(
    house: House, happens: Callable[[Desk], None], sentence: str
) -> None:
    happens(house.desk)

    with pytest.raises(closing.NotClosable, match=sentence):
        closing.propose(WED, maker=house.officer)
    assert not DayClose.objects.exists()


def test_today_is_not_over(house: House) -> None:
    house.desk.reconcile(date(2026, 8, 20))

    with pytest.raises(closing.NotClosable, match="not over"):
        closing.propose(date(2026, 8, 20), maker=house.officer)


def test_what_comes_between_the_proposal_and_the_signature_refuses_the_signature(
    house: House,
) -> None:
    house.desk.reconcile(WED)
    proposal = closing.propose(WED, maker=house.officer)
    house.desk.statement(Line(50, "NEFT FROM SOMEBODY"), on=WED)

    with pytest.raises(closing.NotClosable, match="came after its last run"):
        closing.approve(proposal, checker=house.approver)
    house.desk.reconcile(WED)
    with pytest.raises(closing.NotClosable, match="propose it anew"):
        closing.approve(proposal, checker=house.approver)

    closing.reject(proposal, checker=house.approver, answer="a file came")
    assert house.close(WED).version == 1


def test_a_closed_day_is_never_altered(closed: DayClose) -> None:
    changes: tuple[dict[str, object], ...] = (
        {"facts": {}},
        {"reason": "another"},
        {"state": "proposed"},
        {"signature": b"x"},
    )
    for change in changes:
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            DayClose.objects.filter(pk=closed.pk).update(**change)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        DayClose.objects.all().delete()


# ---- what touches a closed day ----


def test_a_cheque_dishonoured_after_the_close_is_restated_and_both_certificates_stay(
    house: House, closed: DayClose
) -> None:
    first = certificates.document(closed)
    payment = Payment.objects.get(amount_paise=90_000)
    receipt = factories.ReceiptFactory.create(payment=payment)
    undo([payment], on=FRI)
    house.desk.statement(Line(-900, RETURNED), on=FRI)
    house.desk.reconcile(FRI)

    tasks.propose_restatements()
    proposal = DayClose.objects.get(state="proposed")
    assert (proposal.number, proposal.maker, proposal.run_id > closed.run_id) == (
        "DC-2026-08-12-2", None, True,
    )  # fmt: skip
    second = closing.approve(proposal, checker=house.approver)

    closed.refresh_from_db()
    assert closed.state == "superseded"
    assert certificates.document(closed) == first
    (cause,) = second.facts["causes"]
    assert cause == {
        "kind": "dishonour",
        "key": f"reversal:{payment.reference}",
        "reference": payment.reference,
        "count": 1,
        "amount_paise": -90_000,
        "at": "2026-08-14T06:30:00+00:00",
        "instrument": "004417",
        "receipt": receipt.label,
        "consumer": f"••••{payment.consumer_number[-4:]}",
        "returned_on": "2026-08-14",
        "paid_on": "2026-08-12",
        "why": "a test",
    }
    assert second.facts["previous"] == {
        "number": closed.number, "content_hash": closed.content_hash,
    }  # fmt: skip
    # The day keeps its sums: what undoes it is booked on the day that undid it.
    assert [one for one in second.facts["differences"] if one["what"] == "arrived"] == []
    tasks.propose_restatements()
    assert DayClose.objects.count() == 2


def test_a_late_file_and_a_late_receipt_restate_the_day_twice(
    house: House, closed: DayClose
) -> None:
    house.desk.statement(Line(50, "NEFT FROM SOMEBODY"), on=WED, name="late.txt")
    house.desk.reconcile(THU)
    second = house.restated(WED)

    (cause,) = second.facts["causes"]
    assert (cause["kind"], cause["reference"], cause["amount_paise"]) == ("file", "late.txt", 5000)
    moved = [one for one in second.facts["differences"] if one["what"] == "arrived"]
    assert moved == [
        {"of": "proof", "stage": "bank", "book": "bank", "what": "arrived",
         "was": [1, 90_000], "is": [2, 95_000]},
    ]  # fmt: skip

    late = house.desk.receipt("cash", 30, on=WED)
    house.desk.reconcile(THU)
    third = house.restated(WED)

    assert [(one["kind"], one["reference"]) for one in third.facts["causes"]] == [
        ("receipt", late.reference)
    ]
    assert third.facts["receipts"]["issued"] == [3, 103_000]
    assert list(
        DayClose.objects.order_by("version").values_list("version", "state")
    ) == [(1, "superseded"), (2, "superseded"), (3, "closed")]  # fmt: skip
    assert certificates.check_against_books(certificates.check(certificates.document(third))) == ""


def test_a_decision_that_was_told_back_before_the_run_is_not_certified(house: House) -> None:
    house.desk.statement(Line(40, "WHO IS IT"), on=WED)
    house.desk.reconcile(WED)
    asked = decisions.propose(
        Break.objects.get(), kind=Decision.Kind.WRITE_OFF, why="old", maker=house.officer
    )
    decisions.approve(asked, checker=house.approver)
    with time_machine.travel("2026-08-21 10:30:00+05:30"):
        run = house.desk.reconcile(WED)
        assert _certified(run) == [{"kind": "write_off", "state": "approved", "sum": [1, 40_00]}]
        undo = undoing.propose(undoing.of_decision(asked), why="no", maker=house.officer)
        undoing.approve(undo, checker=house.approver)
        assert _certified(run) == [{"kind": "write_off", "state": "approved", "sum": [1, 40_00]}]

    with time_machine.travel("2026-08-22 10:30:00+05:30"):
        assert _certified(house.desk.reconcile(WED)) == []


def _certified(run: Run) -> list[dict[str, object]]:
    facts = certificates.facts_of(run, version=1, reason="", live=None, causes=[])
    found: list[dict[str, object]] = facts["decisions"]
    return found


def test_a_restated_closing_touches_the_next_closed_day(house: House, closed: DayClose) -> None:
    house.desk.reconcile(THU)
    house.close(THU)
    house.desk.receipt("cash", 30, on=WED)
    house.desk.reconcile(FRI)

    house.restated(WED)
    third = house.restated(THU)

    (cause,) = third.facts["causes"]
    assert (cause["kind"], cause["reference"], cause["amount_paise"]) == (
        "correction", "DC-2026-08-12-2", 3000,
    )  # fmt: skip
    assert closing.days_due() == []


def test_an_undone_match_makes_the_day_due(house: House) -> None:
    house.desk.receipt("neft", 700, on=WED, utr="SBIN0001", channel_ref="SBIN0001")
    house.desk.statement(Line(700, "NEFT CR-SBIN0002-A PAYER"), on=WED)
    house.desk.reconcile(WED)
    one, other = Break.objects.order_by("book")
    decision = decisions.propose(
        one, kind=Decision.Kind.MATCH, why="one money", maker=house.officer,
        candidates=[line.entry for line in other.lines.all()],
    )  # fmt: skip
    match = decisions.approve(decision, checker=house.approver)
    house.desk.reconcile(match.matched_on)
    with time_machine.travel("2026-08-22 10:30:00+05:30"):
        house.desk.reconcile(match.matched_on)
        house.close(match.matched_on)
        target = undoing.of_match(match)
        asked = undoing.propose(target, why="it was not", maker=house.officer)
        undoing.approve(asked, checker=house.approver)

        closing.propose_restatements()

        cause = DayCause.objects.get()
        assert (cause.kind, cause.reference, cause.amount_paise) == (
            "undone", decision.public_id, 70_000,
        )  # fmt: skip
        assert DayClose.objects.filter(state="proposed").count() == 1


def test_what_matches_come_to_is_told_match_by_match(house: House) -> None:
    """A slip and a settlement begin on different sides; each of their matches counts by its own."""
    desk = house.desk
    desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    desk.report(
        paid("pay_1", 500, fee=10, paid_on=MON, settled_on=WED, settlement="S1", utr="UTR0001")
    )
    desk.slip("DS-0001", [desk.receipt("cash", 50, on=WED)], on=WED)
    desk.statement(Line(490, "UTR0001"), Line(50, "DS-0001"), on=WED)
    run = desk.reconcile(WED)
    with time_machine.travel("2026-08-21 10:30:00+05:30"):
        house.close(WED)
        asked = undoing.propose(undoing.of_run(run), why="it was not", maker=house.officer)
        undoing.approve(asked, checker=house.approver)
        desk.reconcile(WED)

        closing.propose_restatements()

    told = {one.kind: (one.count, one.amount_paise) for one in DayCause.objects.all()}
    of_each = 500_00 + 490_00 + 50_00
    assert told == {"undone": (3, of_each), "correction": (3, of_each)}


def test_a_proposal_of_the_system_follows_what_comes_later(house: House, closed: DayClose) -> None:
    house.desk.statement(Line(50, "NEFT A"), on=WED, name="late.txt")
    closing.propose_restatements()
    house.desk.reconcile(THU)
    closing.propose_restatements()
    first = DayClose.objects.get(state="proposed")
    house.desk.statement(Line(60, "NEFT B"), on=WED, name="later.txt")
    house.desk.reconcile(THU)

    closing.propose_restatements()

    first.refresh_from_db()
    second = DayClose.objects.get(state="proposed")
    assert (first.state, second.version) == ("withdrawn", 2)
    assert [one["reference"] for one in second.facts["causes"]] == ["late.txt", "later.txt"]


# ---- files ----


def _forged(document: bytes) -> bytes:
    """Altered, and its hash made to fit: only the signature can tell."""
    told = json.loads(document)
    told["certificate"]["receipts"]["issued"] = [3, 1]
    told["content_hash"] = certificates.hash_of(told["certificate"])
    return certificates._written(told)


@pytest.mark.parametrize(
    ("alter", "sentence"),
    [
        (lambda text: text.replace(b"100000", b"100001"), "facts were altered"),
        (_forged, "signature does not hold"),
        (lambda text: text.replace(b"{\n", b'{ "number": "DC",\n', 1), "something was altered"),
        (lambda _text: b"%PDF-1.7 nothing", "no certificate"),
        (lambda text: text.replace(b'"DC-2026', b'"\\ud800', 1), "no certificate"),
    ],
)
def test_a_tampered_file_is_refused(
    closed: DayClose, tmp_path: Path, alter: Callable[[bytes], bytes], sentence: str
) -> None:
    file = tmp_path / "certificate.json"
    file.write_bytes(alter(certificates.document(closed)))

    with pytest.raises((CommandError, Malformed), match=sentence):
        call_command("certificate_verify", str(file), stdout=io.StringIO())


def test_files_are_verified_by_old_keys_with_their_chain_and_against_the_books(
    house: House, closed: DayClose, tmp_path: Path, settings
) -> None:
    settings.AUDIT_OLD_PUBLIC_KEYS = [audit.public_key()]
    settings.AUDIT_SIGNING_KEY = base64.b64encode(b"u" * 32).decode()
    second = house.close(WED, reason="reopened to show it")
    files = []
    for close in (closed, second):
        files.append(tmp_path / f"{close.number}.json")
        files[-1].write_bytes(certificates.document(close))
    told = io.StringIO()

    call_command("certificate_verify", *map(str, files), "--against-db", stdout=told)

    assert told.getvalue().count("is as it was signed") == 2
    assert "2 receipts of 1,000.00" in told.getvalue()

    settings.AUDIT_OLD_PUBLIC_KEYS = []
    with pytest.raises(CommandError, match="unknown key"):
        call_command("certificate_verify", str(files[0]), stdout=io.StringIO())


# ---- races ----


@pytest.mark.django_db(transaction=True)
def test_of_two_approvers_one_signs(house: House, users, make_user) -> None:
    house.desk.reconcile(WED)
    proposal = closing.propose(WED, maker=house.officer)
    others = [make_user(f"approver{n}", "finance_approver") for n in range(4)]
    start, answers = threading.Barrier(4), []

    def sign(one: User) -> None:
        start.wait()
        try:
            answers.append(closing.approve(proposal, checker=one).state)
        except DomainError as refused:
            answers.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=sign, args=[one]) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers.count("closed") == 1
    assert set(answers) <= {"closed", "books_busy", "not_closable"}
    assert DayClose.objects.get().state == "closed"


@pytest.mark.django_db(transaction=True)
def test_a_file_under_way_keeps_a_day_from_closing(house: House) -> None:
    house.desk.reconcile(WED)
    proposal = closing.propose(WED, maker=house.officer)
    loading, done = threading.Event(), threading.Event()

    def load() -> None:
        with transaction.atomic():
            locks.hold_books_open()
            loading.set()
            done.wait(timeout=30)
        connection.close()

    thread = threading.Thread(target=load)
    thread.start()
    loading.wait(timeout=30)
    with pytest.raises(locks.BooksBusy):
        closing.approve(proposal, checker=house.approver)
    done.set()
    thread.join()

    assert closing.approve(proposal, checker=house.approver).state == "closed"


# ---- pages ----


def test_a_day_is_proposed_and_signed_on_its_page(house: House, as_role: AsRole) -> None:
    url = "/days/2026-08-12/"
    officer, approver = as_role("finance_officer"), as_role("finance_approver")
    assert "No run has proved this day yet." in words(officer.get(url).content.decode())
    banked(house.desk, cheque(house.desk, 900))
    house.desk.reconcile(WED)
    assert "the day can be closed" in words(officer.get(url).content.decode())

    assert officer.post(f"{url}propose/", {"reason": "all is in"}).status_code == 302
    again = officer.post(f"{url}propose/", {"reason": "once more"})
    assert again.status_code == 422
    assert "waits for its second person already" in words(again.content.decode())

    mine = officer.post(f"{url}answer/", {"verdict": "approve", "answer": "typed"})
    assert mine.status_code == 422
    assert "A finance approver closes a day." in words(mine.content.decode())
    assert approver.post(f"{url}answer/", {"verdict": "reject"}).status_code == 422
    assert approver.post(f"{url}answer/", {"verdict": "approve"}).status_code == 302

    page = words(approver.get(url).content.decode())
    assert "DC-2026-08-12-1 is in force" in page
    assert "DC-2026-08-12-1" in words(approver.get("/days/").content.decode())


def test_both_certificates_are_read_as_page_pdf_and_file(
    house: House, closed: DayClose, as_role: AsRole
) -> None:
    undo([Payment.objects.get(amount_paise=90_000)], on=FRI)
    house.desk.reconcile(FRI)
    client = as_role("auditor")
    before = client.get("/days/2026-08-12/certificate-1.json").content
    closing.propose_restatements()
    waiting = words(client.get("/days/2026-08-12/").content.decode())
    assert "Dishonoured cheque Cheque 004417" in waiting
    assert "DC-2026-08-12-2 waits for its signature" in waiting
    closing.approve(DayClose.objects.get(state="proposed"), checker=house.approver)

    assert client.get("/days/2026-08-12/certificate-1.json").content == before
    assert certificates.check(before).fault == ""
    leaf = words(client.get("/days/2026-08-12/certificate-2/").content.decode())
    assert "It takes the place of DC-2026-08-12-1, which is kept" in leaf
    assert "None: the sums of the day stand." in leaf
    for version, says in ((1, "Certificate of the day"), (2, "Cheque 004417")):
        answer = client.get(f"/days/2026-08-12/certificate-{version}.pdf")
        text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
        assert f"DC-2026-08-12-{version}" in text
        assert says in text
    for version in (0, 3):
        assert client.get(f"/days/2026-08-12/certificate-{version}/").status_code == 404
