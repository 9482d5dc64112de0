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

from channels_.models import Channel  # noqa: E402
from reconciliation import engine, intake, statements  # noqa: E402
from reconciliation.models import Book, Break, Kind  # noqa: E402


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
    }
    print(json.dumps(answer))


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
