"""Our side of the reconcile measurement: files in, matches and breaks out, in its own process.

Both files are loaded at once, each by a process of its own, as two workers would. What is counted
as memory is what both hold together.
"""

import json
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cspdcl.settings")
django.setup()

import polars as pl  # noqa: E402 - after the set-up
from django.db import connection, transaction  # noqa: E402
from django.db.models import Sum  # noqa: E402

from bench.ground import cpu_seconds  # noqa: E402
from bench.memory import watched  # noqa: E402
from channels_.formats import columns  # noqa: E402
from channels_.models import BankAccount, Channel  # noqa: E402
from cspdcl.kernel.clock import now  # noqa: E402
from reconciliation import engine, selectors  # noqa: E402
from reconciliation.incoming import intake, statements  # noqa: E402
from reconciliation.models import Book, Break, Entry, Kind, Match, MatchLine, Run  # noqa: E402

DAY = date(2026, 8, 18)


def main() -> None:
    """Answers the seconds, the memory and what was found."""
    folder = Path(sys.argv[1])
    channel = Channel.objects.create(
        code="razorpay",
        name="Razorpay",
        adapter="razorpay",
        route="settlement",
        is_live=True,
        settlement_days=0,
    )
    steps: dict[str, float] = {}
    with _second_worker(folder, channel) as (worker, pid), watched([os.getpid(), pid]) as peak:
        used = cpu_seconds() + _cpu(resource.getrusage(resource.RUSAGE_SELF))
        started = last = time.perf_counter()
        worker.send("go")
        _load(channel, folder / "settlement.csv")
        steps["settlement"] = _lap(last)[0]
        if worker.recv() != "done":
            raise SystemExit("the payments were not loaded")
        steps["load"], last = _lap(last)
        run = engine.reconcile(DAY, started_by="bench")
        steps["run"], last = _lap(last)
        _show_board()
        steps["board"], last = _lap(last)
        seconds = time.perf_counter() - started
    own = resource.getrusage(resource.RUSAGE_SELF)
    other = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds() + _cpu(own) + _cpu(other) - used,
        "steps": steps,
        "megabytes": peak.megabytes,
        "matches": run.matched_count,
        "breaks": Break.objects.count(),
        "after": _after(folder, channel, run, seconds) if "after" in sys.argv else {},
    }
    print(json.dumps(answer))


@contextmanager
def _second_worker(folder: Path, channel: Channel) -> Iterator[tuple[Connection, int]]:
    """A worker that has started and waits for the word, and its number; it loads the payments."""
    connection.close()
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=_load_payments, args=(there, folder / "payments.csv", channel)
    )
    process.start()
    yield here, here.recv()
    process.join()


def _load_payments(pipe: Connection, path: Path, channel: Channel) -> None:
    connection.ensure_connection()
    pipe.send(os.getpid())
    pipe.recv()
    with transaction.atomic():
        intake.add_texts(_receipts(path, channel), is_computed=True)
    pipe.send("done")


def _load(channel: Channel, path: Path) -> None:
    with path.open("rb") as file:
        loaded = statements.load(channel, file, name=path.name)
    if loaded.problem:
        raise SystemExit(loaded.problem)


def _show_board() -> None:
    """What the day board asks, once: people can see the day."""
    if not selectors.day_board(DAY):
        raise SystemExit("the day board is empty")


def _cpu(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime


def _after(folder: Path, channel: Channel, run: Run, seconds: float) -> dict[str, float]:
    """What comes on top of such a day, and taking it back; the last run verifies it all."""
    steps: dict[str, float] = {}
    last = time.perf_counter()
    with transaction.atomic():
        intake.add_texts(_receipts(folder / "payments-late.csv", channel), is_computed=True)
    _load(channel, folder / "settlement-late.csv")
    engine.reconcile(run.business_date, started_by="bench")
    steps["late"], last = _lap(last)
    steps["late_percent"] = round(100 * steps["late"] / seconds, 1)
    with transaction.atomic():
        intake.add_entries(_credits())
    engine.reconcile(run.business_date, started_by="bench")
    steps["credits"], last = _lap(last)
    with transaction.atomic():
        Match.objects.filter(run=run).update(undone_at=now())
        MatchLine.objects.filter(match__run=run, is_live=True).update(is_live=False)
    steps["undo"], last = _lap(last)
    again = engine.reconcile(run.business_date, started_by="bench")
    steps["again"], last = _lap(last)
    if again.matched_count != run.matched_count:
        raise SystemExit(f"undone {run.matched_count} matches, matched again {again.matched_count}")
    engine.reconcile(run.business_date, started_by="bench", verify=True)
    steps["verified"], last = _lap(last)
    return steps


def _credits() -> Iterator[intake.NewEntry]:
    """The bank's credit of each settlement, as the channel's lines have it."""
    lines = Entry.objects.filter(book=Book.CHANNEL).order_by("utr").values("utr")
    account = BankAccount.objects.create(code="bank", name="Bank", account_number="1")
    for row in lines.annotate(paise=Sum("net_paise")):
        utr, paid = row["utr"], row["paise"]
        yield intake.NewEntry(
            Book.BANK.value, Kind.SETTLEMENT.value, None, account.pk, None, 0, f"bench:{utr}",
            "2026-08-18", "2026-08-18", None, paid, 0, 0, paid, "", "", "", "", "", "",
            utr, "", "", "", "", "", "", f"RAZORPAY {utr}", False, True,
        )  # fmt: skip


def _lap(last: float) -> tuple[float, float]:
    here = time.perf_counter()
    return round(here - last, 2), here


def _receipts(path: Path, channel: Channel) -> Iterator[intake.Text]:
    """Our payments as entries, as the receipts of the day would be."""
    with path.open("rb") as file:
        names = file.readline().decode().strip().split(",")
        for piece in columns.pieces(file, width=len(names)):
            frame = None if piece is None else columns.cells(piece, names=names)
            if frame is None:
                raise SystemExit("the payments are no plain table")
            yield intake.text_of(_receipt_columns(frame, channel))


def _receipt_columns(frame: pl.DataFrame, channel: Channel) -> pl.DataFrame:
    empty = set(intake.NewEntry._fields) - set(frame.columns)
    return frame.with_columns(pl.lit("").alias(name) for name in sorted(empty)).with_columns(
        book=pl.lit(Book.RECEIPTS.value),
        kind=pl.lit(Kind.PAYMENT.value),
        channel_id=pl.lit(channel.pk),
        bank_account_id=pl.lit(None),
        file_id=pl.lit(None),
        line=pl.lit(0),
        source_key=pl.lit("payment:") + pl.col("reference"),
        due_on=pl.col("business_date"),
        occurred_at=pl.lit(None),
        fee_paise=pl.lit(0),
        tax_paise=pl.lit(0),
        net_paise=pl.col("amount_paise"),
        method=pl.lit("upi"),
        in_channel_stage=pl.lit(value=True),
        in_bank_stage=pl.lit(value=False),
    )


main()
