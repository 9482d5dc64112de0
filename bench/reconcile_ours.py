"""Our side of the reconcile measurement: files in, matches and breaks out, in its own process."""

import csv
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cspdcl.settings")
django.setup()

from django.db import transaction  # noqa: E402 - after the set-up
from django.db.models import Sum  # noqa: E402

from channels_.models import BankAccount, Channel  # noqa: E402
from cspdcl.kernel.clock import now  # noqa: E402
from reconciliation import engine  # noqa: E402
from reconciliation.incoming import intake, statements  # noqa: E402
from reconciliation.models import Book, Break, Entry, Kind, Match, MatchLine, Run  # noqa: E402


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
    started = last = time.perf_counter()
    with transaction.atomic():
        intake.add_entries(_receipts(folder / "payments.csv", channel), is_computed=True)
    steps["payments"], last = _lap(last)
    with (folder / "settlement.csv").open("rb") as file:
        loaded = statements.load(channel, file, name="settlement.csv")
    if loaded.problem:
        raise SystemExit(loaded.problem)
    steps["settlement"], last = _lap(last)
    run = engine.reconcile(date(2026, 8, 18), started_by="bench")
    steps["run"], last = _lap(last)
    seconds = time.perf_counter() - started
    megabytes = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    answer = {
        "seconds": seconds,
        "steps": steps,
        "megabytes": megabytes,
        "matches": run.matched_count,
        "breaks": Break.objects.count(),
        "after": _after(folder, channel, run, seconds),
    }
    print(json.dumps(answer))


def _after(folder: Path, channel: Channel, run: Run, seconds: float) -> dict[str, float]:
    """What comes on top of such a day, and taking it back; the last run verifies it all."""
    steps: dict[str, float] = {}
    last = time.perf_counter()
    with transaction.atomic():
        intake.add_entries(_receipts(folder / "payments-late.csv", channel))
    with (folder / "settlement-late.csv").open("rb") as file:
        statements.load(channel, file, name="settlement-late.csv")
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


def _receipts(path: Path, channel: Channel) -> Iterator[intake.NewEntry]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        for reference, channel_ref, order_ref, amount, day, consumer in rows:
            paid = int(amount)
            yield intake.NewEntry(
                Book.RECEIPTS.value, Kind.PAYMENT.value, channel.pk, None, None, 0,
                f"payment:{reference}", day, day, None, paid, 0, 0, paid,
                reference, channel_ref, order_ref, "", "", "", "", "", "", consumer, "upi",
                "", "", "", True, False,
            )  # fmt: skip


main()
