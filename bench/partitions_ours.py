"""Puts books that are filled into partitions, and asks the same before and after."""

import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cspdcl.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402 - after the set-up

from bench.history import LAST  # noqa: E402
from bench.reconcile import settlement_line  # noqa: E402
from channels_.models import Channel  # noqa: E402
from reconciliation import engine  # noqa: E402
from reconciliation.incoming import intake, partitions  # noqa: E402
from reconciliation.models import Book, Entry, Kind  # noqa: E402

NEW: Final = 100_000  # lines that are loaded before, and as many after
TURNS: Final = 20

_QUESTIONS: Final = {
    "entries of a day": """
        SELECT channel_id, book, count(*), sum(amount_paise) FROM reconciliation_entry
         WHERE business_date = %(day)s GROUP BY 1, 2""",
    "an entry by its number": "SELECT * FROM reconciliation_entry WHERE id = %(number)s",
    "an entry by its key": """
        SELECT * FROM reconciliation_entry WHERE book = 'channel' AND source_key = %(key)s""",
    "a UTR": "SELECT count(*) FROM reconciliation_entry WHERE utr = 'UTRnone'",
    "the lines of open breaks": """
        SELECT count(*), sum(e.amount_paise) FROM reconciliation_breakline l
          JOIN reconciliation_break b ON b.id = l.open_break_id AND b.state = 'open'
          JOIN reconciliation_entry e ON e.id = l.entry_id""",
}


def compare(size: int) -> dict[str, Any]:
    """Figures before and after, and what the change itself took."""
    before = _figures(0)
    room = _room()
    started = time.perf_counter()
    partitions.partition(size=size)
    took = time.perf_counter() - started
    return {
        "entries": Entry.objects.count(),
        "took": round(took, 1),
        "megabytes_before": room,
        "megabytes_after": _room(),
        "before": before,
        "after": _figures(1),
    }


def _figures(turn: int) -> dict[str, Any]:
    entry = Entry.objects.filter(book=Book.CHANNEL).order_by("id")[1_000]
    params: dict[str, Any] = {
        "day": LAST - timedelta(days=9),
        "number": entry.pk,
        "key": entry.source_key,
    }
    figures = {}
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for what, sql in _QUESTIONS.items():
            waits = []
            for _ in range(TURNS):
                asked = time.perf_counter()
                cursor.execute(sql, params)
                cursor.fetchall()
                waits.append(time.perf_counter() - asked)
            cursor.execute(f"EXPLAIN {sql}", params)
            plan = [row[0] for row in cursor.fetchall()]
            figures[what] = {
                "ms": round(sorted(waits)[TURNS // 2] * 1000, 1),
                "plan": [line for line in plan if "Scan" in line],
            }
    started = time.perf_counter()
    _load(turn)
    figures["a load of 100,000 lines"] = {"ms": round((time.perf_counter() - started) * 1000)}
    started = time.perf_counter()
    engine.reconcile(LAST, started_by="bench")
    figures["the run after it"] = {"ms": round((time.perf_counter() - started) * 1000)}
    return figures


def _load(turn: int) -> None:
    """Lines that wait for the bank; as entries, because it is the books that are measured."""
    channel = Channel.objects.get(code="bench1")
    with transaction.atomic():
        intake.add_entries(_entries(channel, turn), is_computed=True)


def _entries(channel: Channel, turn: int) -> Iterator[intake.NewEntry]:
    first = 10**9 + turn * NEW
    for n in range(first, first + NEW):
        key, paise = str(settlement_line(n, 0)[0]), 10_000 + n % 7919
        yield intake.NewEntry(
            Book.CHANNEL.value, Kind.ADJUSTMENT.value, channel.pk, None, None, 0, f"bench:{key}",
            LAST, LAST, None, paise, 0, 0, paise, "", key, "", "", f"setl{turn}", "", f"UTR{turn}",
            "", "", "", "upi", "", "", "", False, True,
        )  # fmt: skip


def _room() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_table_size(oid) + pg_indexes_size(oid)) / 1000000 FROM pg_class "
            "WHERE relname LIKE 'reconciliation_entry%' AND relkind = 'r'"
        )
        (room,) = cursor.fetchone() or (0,)
    return int(room)


if __name__ == "__main__":
    print(json.dumps(compare(int(sys.argv[1]))))
