"""A day that a bank cuts into several files: equal lines in two of its parts are two lines.

The key of a line says what it is, not where it stands, so a line of one part looks like its equal
in another, or like itself in a file that comes again. Only balances tell: a file whose opening is
the closing of another on the same day goes on where that one ended. Then its equal lines are
counted on, and the second of them becomes ``#2``, whichever part comes first.

What is not certain stays as it was, one line: money is not doubled by a coincidence of balances.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Final

from django.db import connection

from channels_.models import BankAccount, StatementFile
from reconciliation.incoming.intake import NewEntry

PARTS_MAX: Final = 100  # of one day

Amounts = Callable[[], Iterable[int]]


def counted_before(file: StatementFile, *, skipped_paise: int, amounts: Amounts) -> dict[str, int]:
    """How often each line of the shared days stands in the other parts, by its key; mostly empty.

    ``file`` has its balances and days; ``skipped_paise`` is the sum of its lines that seemed to be
    known: a file that overlaps another by chance of balances repeats lines that come to nothing.
    ``amounts`` reads its amounts once more, in their order.
    """
    account = file.bank_account
    if account is None or file.opening_paise is None or file.closing_paise is None:
        return {}
    if not skipped_paise or file.covers_from is None or file.covers_to is None:
        return {}
    parts = list(_parts(account, file))
    if not parts:
        return {}
    passed = _balances(file.opening_paise, amounts())
    # Who passes through the other end of a part repeats it, rather than going on behind it.
    apart = [(part, day) for part, day, far_end in parts if far_end not in passed]
    found: dict[str, int] = {}
    for day in {day for _part, day in apart}:
        numbers = [part.pk for part, its in apart if its == day]
        for key, times in _equal_lines(account, day, numbers):
            found[key] = found.get(key, 0) + times
    return found


def counted_on(entries: Iterable[NewEntry], before: Mapping[str, int]) -> Iterator[NewEntry]:
    """The entries, those that have equals in other parts counted behind them."""
    for entry in entries:
        bare, _mark, number = _split(entry.source_key)
        times = before.get(bare, 0)
        yield entry._replace(source_key=f"{bare}#{number + times}") if times else entry


def _parts(account: BankAccount, file: StatementFile) -> Iterator[tuple[StatementFile, date, int]]:
    """The loaded files that touch it, or one that does, on a day it begins or ends with."""
    yield from _walk(account, file, is_before=True)
    yield from _walk(account, file, is_before=False)


def _walk(
    account: BankAccount, file: StatementFile, *, is_before: bool
) -> Iterator[tuple[StatementFile, date, int]]:
    day = file.covers_from if is_before else file.covers_to
    ends = ("closing_paise", "opening_paise")
    near, far = ends if is_before else ends[::-1]
    touching = {file.opening_paise if is_before else file.closing_paise}
    seen: set[int] = {file.pk}
    while touching and day is not None and len(seen) <= PARTS_MAX:
        rows = StatementFile.objects.filter(
            **{"covers_to" if is_before else "covers_from": day, f"{near}__in": touching},
            bank_account=account,
            state=StatementFile.State.LOADED,
            quarantined_count=0,
        ).exclude(pk__in=seen)
        touching = set()
        for part in rows.order_by("pk"):
            seen.add(part.pk)
            end = getattr(part, far)
            if end is None or end == getattr(part, near):
                continue  # it comes to nothing: where it stands cannot be told
            yield part, day, end
            if part.covers_from == part.covers_to:
                touching.add(end)


def _balances(opening_paise: int, amounts: Iterable[int]) -> set[int]:
    """Every balance that the file passes through."""
    balance, passed = opening_paise, {opening_paise}
    for paise in amounts:
        balance += paise
        passed.add(balance)
    return passed


def _split(key: str) -> tuple[str, str, int]:
    """A key and which of its equals it is; the first has no number."""
    bare, mark, number = key.rpartition("#")
    return (bare, mark, int(number)) if mark and number.isdigit() else (key, "", 1)


def _equal_lines(account: BankAccount, day: date, files: list[int]) -> list[tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_LINES, {"account": account.pk, "day": day, "files": files})
        return [(str(key), int(times)) for key, times in cursor.fetchall()]


_LINES: Final = r"""
SELECT regexp_replace(source_key, '#[0-9]+$', ''), count(*)
  FROM reconciliation_entry
 WHERE business_date = %(day)s AND book = 'bank' AND bank_account_id = %(account)s
   AND file_id = ANY(%(files)s)
 GROUP BY 1
"""
