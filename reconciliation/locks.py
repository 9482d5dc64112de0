"""Who may work on the books at a time. Loads share them; a run has them for itself.

Both locks end with their transaction, so a dead process holds nothing.
"""

from datetime import timedelta
from typing import ClassVar, Final

from django.db import connection

from cspdcl.kernel.errors import DomainError

# An advisory lock is named by two numbers: ours, and what it guards.
_OURS: Final = 0x0C5D
_BOOKS: Final = 1
_RUN: Final = 2

LONGEST_TRANSACTION: Final = timedelta(hours=1)
MOMENT_TO_START: Final = timedelta(seconds=10)


class BooksBusy(DomainError):
    """A run has the books for itself; a person tries again in a moment."""

    code: ClassVar[str] = "books_busy"


def hold_books_open() -> None:
    """A load: waits for a run; others may load too, a run waits until this transaction ends."""
    wait_patiently()
    _execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", _BOOKS)


def hold_books_open_now() -> None:
    """A person's decision: as a load, but raises BooksBusy instead of waiting for a run."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock_shared(%s, %s)", [_OURS, _BOOKS])
        (held,) = cursor.fetchone() or (False,)
    if not held:
        raise BooksBusy("a run is at work on the books; try again in a minute")


def wait_patiently() -> None:
    """Batch work may wait longer than a page: raises the limits of this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '10min'; SET LOCAL statement_timeout = '30min'")


def hold_books_closed() -> None:
    """A run: waits for loads under way, and nobody loads until this transaction ends."""
    _execute("SELECT pg_advisory_xact_lock(%s, %s)", _BOOKS)


def hold_books_closed_now() -> None:
    """The closing of a day: as a run, but raises BooksBusy while somebody works on the books."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_OURS, _BOOKS])
        (held,) = cursor.fetchone() or (False,)
    if not held:
        raise BooksBusy("a file or a run is at work on the books; try again in a minute")


def mark_run_alive() -> None:
    """The run itself: as long as its transaction lives, ``is_run_alive`` says so elsewhere."""
    _execute("SELECT pg_advisory_xact_lock(%s, %s)", _RUN)


def is_run_alive() -> bool:
    """Whether some other transaction is a run at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted "
            "AND classid = %s AND objid = %s AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database()))",
            [_OURS, _RUN],
        )
        (alive,) = cursor.fetchone() or (False,)
        return bool(alive)


def session() -> int:
    """The number of our session at the database; it ends with our process."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (number,) = cursor.fetchone() or (0,)
        return int(number)


def is_session_alive(number: int) -> bool:
    """Whether a session is still there: a dead process has none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)", [number])
        (alive,) = cursor.fetchone() or (False,)
        return bool(alive)


def _execute(sql: str, what: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, [_OURS, what])
