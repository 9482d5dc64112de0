"""Each source proves by itself, and together they are the proof of their book."""

from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction

from reconciliation.models import Proof, Run, SourceProof
from tests.worked_examples.accounts import Desk, Line, paid

MON, TUE, WED, THU, FRI = (date(2026, 8, n) for n in range(10, 15))

ROLL = ("opening", "arrived", "matched", "written_off", "closing")

Told = tuple[tuple[int, int], ...]


def told(proof: Proof | SourceProof) -> Told:
    """Count and rupees of each part of a roll-forward."""
    return tuple(
        (getattr(proof, f"{name}_count"), getattr(proof, f"{name}_paise") // 100) for name in ROLL
    )


def by_source(run: Run) -> dict[tuple[str, str, str], Told]:
    """What each source told, by stage, book and code."""
    rows = run.source_proofs.select_related("channel", "bank_account")
    found = {}
    for one in rows:
        source = one.channel or one.bank_account
        found[one.stage, one.book, source.code if source else ""] = told(one)
    return found


def day_of_two_channels(desk: Desk) -> Run:
    """A gateway settles and the bank pays it; a transfer comes on the bank's line alone."""
    desk.receipt("razorpay", 500, on=MON, channel_ref="pay_1")
    desk.receipt("razorpay", 70, on=WED, channel_ref="pay_9")  # of which no report tells yet
    desk.receipt("neft", 900, on=WED, utr="SBIN0001")
    settled = {"paid_on": MON, "settled_on": WED, "settlement": "S1", "utr": "UTR0001"}
    desk.report(paid("pay_1", 500, fee=10, tax=2, **settled))
    desk.statement(Line(488, "RAZORPAY UTR0001"), Line(900, "NEFT SBIN0001"), on=WED)
    return desk.reconcile(WED)


def test_each_source_rolls_forward_by_itself(desk: Desk) -> None:
    found = by_source(day_of_two_channels(desk))

    nothing = (0, 0)
    assert found["channel", "receipts", "razorpay"] == (
        (1, 500), (1, 70), (1, 500), nothing, (1, 70),
    )  # fmt: skip
    assert found["channel", "channel", "razorpay"] == (
        nothing, (1, 500), (1, 500), nothing, nothing,
    )  # fmt: skip
    assert found["bank", "channel", "razorpay"] == (nothing, (1, 488), (1, 488), nothing, nothing)
    assert found["bank", "receipts", "neft"] == (nothing, (1, 900), (1, 900), nothing, nothing)
    (bank,) = [rolled for (_stage, book, _code), rolled in found.items() if book == "bank"]
    assert bank == (nothing, (2, 1388), (2, 1388), nothing, nothing)


def test_the_sources_come_to_the_proof_of_their_book_on_every_day(desk: Desk) -> None:
    runs = [day_of_two_channels(desk), desk.reconcile(MON), desk.reconcile(FRI)]

    for run in runs:
        parts: dict[tuple[str, str], list[Told]] = {}
        for (stage, book, _code), rolled in by_source(run).items():
            parts.setdefault((stage, book), []).append(rolled)
        whole = {key: tuple(_sums(rolled)) for key, rolled in parts.items()}
        assert whole == {(one.stage, one.book): told(one) for one in run.proofs.all()}


def _sums(rolled: list[Told]) -> list[tuple[int, int]]:
    return [
        (sum(count for count, _rupees in part), sum(rupees for _count, rupees in part))
        for part in zip(*rolled, strict=True)
    ]


def test_the_database_refuses_a_source_that_does_not_prove(desk: Desk) -> None:
    run = day_of_two_channels(desk)

    with (
        pytest.raises(DatabaseError, match="sourceproof_rolls_forward"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE reconciliation_sourceproof SET closing_paise = closing_paise + 1 "
            "WHERE run_id = %s AND book = 'bank'",
            [run.pk],
        )
