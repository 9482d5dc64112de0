"""What one run hands on to the next: nothing is read twice, nothing is forgotten."""

from datetime import date
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction

from cspdcl.kernel.clock import now
from reconciliation import engine
from reconciliation.matching.verifying import BooksDiffer
from reconciliation.models import Entry, Match, MatchLine, MatchPart, OpenItem, OpenLines, Run
from tests import factories
from tests.reconciliation import small_books
from tests.worked_examples.accounts import Desk, Line, paid

MON, TUE, WED, THU = (date(2026, 8, n) for n in range(10, 14))
TOLD = {"paid_on": MON, "settled_on": WED, "settlement": "S1"}


@pytest.fixture
def desk(db: None, settings, tmp_path: Path) -> Desk:
    settings.STATEMENTS_DIR = tmp_path / "statements"
    return Desk.open()


def _receipts(desk: Desk, *numbers: int) -> None:
    for number in numbers:
        desk.receipt("razorpay", 100 + number, on=MON, channel_ref=f"pay_{number}")


def _report(desk: Desk, *numbers: int, utr: str = "UTR0001") -> None:
    desk.report(*(paid(f"pay_{n}", 100 + n, utr=utr, **TOLD) for n in numbers))


def _same_from_nothing(run: Run) -> bool:
    """Whether a run that takes nothing over leaves what this one left."""
    anew = engine.reconcile(run.business_date, started_by="test", rebuild=True, verify=True)
    return (anew.output_hash, anew.matched_count) == (run.output_hash, 0)


def _undo(match: Match) -> None:
    Match.objects.filter(pk=match.pk).update(undone_at=now())
    MatchLine.objects.filter(match=match, is_live=True).update(is_live=False)


# ---- what is handed on


def test_what_matches_in_its_first_run_is_never_handed_on(desk: Desk) -> None:
    _receipts(desk, 1, 2, 3)
    _report(desk, 1, 2)

    desk.reconcile(WED)

    assert list(OpenItem.objects.values_list("entry__channel_ref", "stage")) == [
        ("pay_3", "channel")
    ]
    assert list(OpenLines.objects.values_list("line_count", "net_paise")) == [(2, 20300)]


def test_a_late_line_meets_what_was_left_open(desk: Desk) -> None:
    _receipts(desk, 1, 2)
    _report(desk, 1)
    desk.reconcile(WED)
    _report(desk, 2)
    desk.statement(Line(203, "RAZORPAY UTR0001"), on=WED)

    run = desk.reconcile(WED)

    assert run.matched_count == 2
    assert not OpenItem.objects.exists()
    assert not OpenLines.objects.exists()
    assert _same_from_nothing(run)


def test_a_line_that_learns_its_utr_moves_to_its_settlement(desk: Desk) -> None:
    _receipts(desk, 1, 2)
    _report(desk, 1, utr="")
    desk.reconcile(WED)
    _report(desk, 1, 2)
    assert not OpenLines.objects.exists()
    desk.statement(Line(203, "CREDIT UTR0001"), on=WED)

    run = desk.reconcile(WED)

    assert Match.objects.filter(stage="bank").count() == 1
    assert _same_from_nothing(run)


# ---- what people do between two runs


def test_what_was_undone_is_open_again_and_matches_again(desk: Desk) -> None:
    _receipts(desk, 1, 2)
    _report(desk, 1, 2)
    desk.statement(Line(203, "RAZORPAY UTR0001"), on=WED)
    before = desk.reconcile(WED)
    for match in Match.objects.all():
        _undo(match)

    run = desk.reconcile(WED)

    assert run.matched_count == before.matched_count == 3
    assert run.matches_hash == before.matches_hash
    assert _same_from_nothing(run)


def test_what_a_person_joined_is_open_no_more_and_undone_is_open(desk: Desk) -> None:
    _receipts(desk, 1, 2)
    _report(desk, 1, 3)
    desk.reconcile(WED)
    receipt = Entry.objects.get(book="receipts", channel_ref="pay_2")
    line = Entry.objects.get(book="channel", channel_ref="pay_3")

    joined = small_books.matched(receipt, line, kind="hand")
    assert _same_from_nothing(desk.reconcile(WED))
    assert not OpenItem.objects.filter(stage="channel").exists()

    _undo(joined)
    again = small_books.matched(receipt, line, kind="hand")
    _undo(again)
    assert _same_from_nothing(desk.reconcile(WED))
    assert OpenItem.objects.filter(stage="channel").count() == 2


def test_a_settlement_of_which_a_person_took_a_line_is_the_rest(desk: Desk) -> None:
    _receipts(desk, 1, 2, 3)
    _report(desk, 1, 2, 3)
    desk.reconcile(WED)
    line = Entry.objects.get(book="channel", channel_ref="pay_2")
    _undo(small_books.matched(line, stage="bank", kind="hand"))
    assert _same_from_nothing(desk.reconcile(WED))
    small_books.matched(line, stage="bank", kind="write_off")
    desk.statement(Line(204, "RAZORPAY UTR0001"), on=WED)

    run = desk.reconcile(WED)

    assert MatchLine.objects.filter(match__stage="bank", match__kind="rule").count() == 3
    assert run.proofs.get(stage="bank", book="channel").written_off_paise == 10200
    assert _same_from_nothing(run)


# ---- the self-check


@pytest.mark.parametrize(
    "wrong",
    [
        "DELETE FROM reconciliation_openitem",
        "UPDATE reconciliation_openlines SET net_paise = net_paise + 1",
        "UPDATE reconciliation_daytally SET count = count + 1",
        "UPDATE reconciliation_run SET matches_hash = matches_hash + 1",
    ],
)
def test_what_was_handed_on_wrong_is_found_and_made_anew(desk: Desk, wrong: str) -> None:
    _receipts(desk, 1, 2)
    _report(desk, 1)
    right = desk.reconcile(WED)
    with connection.cursor() as cursor:
        cursor.execute(wrong)

    with pytest.raises(Exception, match=r"differs from the books|proof_"):
        desk.reconcile(WED)
    assert Run.objects.latest("id").state == "failed"
    anew = engine.reconcile(WED, started_by="test", rebuild=True, verify=True)

    assert anew.output_hash == right.output_hash
    assert desk.reconcile(WED).output_hash == right.output_hash


def test_books_differ_is_a_refusal_with_a_code() -> None:
    assert BooksDiffer("x").code == "books_differ"


# ---- one hash for the same files


def test_the_same_files_in_any_order_and_in_any_number_of_runs_give_one_hash(desk: Desk) -> None:
    _receipts(desk, 1, 2, 3, 4)
    hashes = set()
    loads = [
        lambda: _report(desk, 1, 2),
        lambda: _report(desk, 3, 5),
        lambda: desk.statement(Line(311, "RAZORPAY UTR0001"), on=WED),
    ]
    for order, runs_between in (((0, 1, 2), False), ((2, 1, 0), False), ((1, 2, 0), True)):
        with transaction.atomic():
            for number in order:
                loads[number]()
                if runs_between:
                    desk.reconcile(WED)
            hashes.add(desk.reconcile(WED).matches_hash)
            transaction.set_rollback(True)
        desk.balances.clear()

    assert len(hashes) == 1
    assert hashes != {0}


# ---- the laws of the two shapes


def test_a_pair_is_one_row_and_reads_as_two_lines(desk: Desk) -> None:
    _receipts(desk, 1)
    _report(desk, 1)
    desk.reconcile(WED)

    match = Match.objects.get(stage="channel")
    lines = list(match.lines.order_by("entry_id").values_list("entry_id", "is_live"))
    assert lines == sorted([(match.left_id, True), (match.right_id, True)])
    assert not MatchPart.objects.exists()

    _undo(match)
    assert set(match.lines.values_list("is_live", flat=True)) == {False}


def test_an_entry_of_a_pair_can_be_no_part_and_the_other_way_round(desk: Desk) -> None:
    _receipts(desk, 1, 2)
    _report(desk, 1)
    desk.reconcile(WED)
    pair = Match.objects.get(stage="channel")
    other = Match.objects.create(stage="channel", leg="receipt_channel", matched_on=WED)
    alone = Entry.objects.get(book="receipts", channel_ref="pay_2")
    part = MatchPart.objects.create(match=other, entry=alone, stage="channel")

    for entry in Entry.objects.filter(pk__in=[pair.left_id, pair.right_id]):
        with pytest.raises(IntegrityError, match="match_line_once"), transaction.atomic():
            MatchPart.objects.create(match=other, entry=entry, stage="channel")
    _undo(pair)
    with pytest.raises(IntegrityError, match="match_line_once"), transaction.atomic():
        Match.objects.create(
            stage="channel",
            leg="receipt_channel",
            matched_on=WED,
            left_id=part.entry_id,
            right_id=pair.right_id,
        )
    with pytest.raises(IntegrityError, match="match_pair_is_whole"), transaction.atomic():
        Match.objects.create(
            stage="bank",
            leg="channel_bank",
            matched_on=WED,
            left_id=part.entry_id,
            right_id=pair.right_id,
        )


def test_a_rate_that_changes_judges_every_fee_anew(desk: Desk) -> None:
    _receipts(desk, 1)
    _report(desk, 1)
    desk.reconcile(WED)
    assert desk.breaks(WED) == []

    factories.FeeRateFactory.create(channel=desk.channels["razorpay"], method="upi")
    desk.reconcile(WED)
    assert [reason for reason, _name, _rupees in desk.breaks(WED)] == ["fee_differs"]
    desk.reconcile(THU)
    assert [reason for reason, _name, _rupees in desk.breaks(WED)] == ["fee_differs"]
