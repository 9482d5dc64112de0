"""Who may work on the books at a time. Loads share them; a run has them for itself.

Both locks end with their transaction, so a dead process holds nothing.
"""

from datetime import timedelta
from typing import Final

from django.db import connection

# An advisory lock is named by two numbers: ours, and what it guards.
_OURS: Final = 0x0C5D
_BOOKS: Final = 1
_RUN: Final = 2

LONGEST_TRANSACTION: Final = timedelta(hours=1)
MOMENT_TO_START: Final = timedelta(seconds=10)


def hold_books_open() -> None:
    """A load: others may load too, a run waits until this transaction ends."""
    _execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", _BOOKS)


def hold_books_closed() -> None:
    """A run: waits for loads under way, and nobody loads until this transaction ends."""
    _execute("SELECT pg_advisory_xact_lock(%s, %s)", _BOOKS)


def mark_run_alive() -> None:
    """The run itself: as long as its transaction lives, ``is_run_alive`` says so elsewhere."""
    _execute("SELECT pg_advisory_xact_lock(%s, %s)", _RUN)


def is_run_alive() -> bool:
    """Whether some other transaction is a run at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [_OURS, _RUN],
        )
        row = cursor.fetchone()
        return row is not None and row[0] > 0


def _execute(sql: str, what: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, [_OURS, what])
