"""The schedule of one payment for many consumers: a table of consumer numbers and amounts.

It is taken whole or not at all: every number known, none twice, every amount above zero. What is
wrong is named by its row.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final, cast

from django.conf import settings
from python_calamine import CalamineError, load_workbook

from channels_.formats.guard import (
    MEGABYTE,
    ZIP_FAULTS,
    ZIP_MAGIC,
    check_size,
    check_workbook,
    head_of,
    open_text,
)
from cspdcl.kernel.cells import typed_text
from cspdcl.kernel.errors import Malformed
from cspdcl.kernel.money import NotMoney, paise_from_rupees
from payments.models import Consumer
from payments.notices import consumers_by_number

BYTES_MAX: Final = 16 * MEGABYTE
HEADER_WITHIN: Final = 10  # rows that may stand above the header
NUMBERS: Final = frozenset({"consumernumber", "consumerno", "consumer", "bpnumber", "bpno", "bp"})
AMOUNTS: Final = frozenset({"amount", "amountrs", "amountinr", "amountrupees", "amountpaid"})

_SHOWN: Final = 10  # faults that one refusal names
_READ: Final = 1000  # consumers of one query

Row = tuple[int, str, str]


def read(file: BinaryIO) -> list[tuple[Consumer, int]]:
    """The consumers of a schedule with their paise, in its order. Raises Malformed."""
    rows = list(_rows(file))
    if not rows:
        raise Malformed("the schedule has no rows below its header")
    _refuse_twice(rows)
    known = _consumers([number for _line, number, _amount in rows])
    shares: list[tuple[Consumer, int]] = []
    faults: list[str] = []
    for line, number, amount in rows:
        consumer = known.get(number)
        if consumer is None:
            faults.append(f"row {line}: no consumer has the number {number[:20]!r}")
            continue
        try:
            paise = paise_from_rupees(amount)
        except NotMoney as error:
            faults.append(f"row {line}: {error}")
            continue
        if paise <= 0:
            faults.append(f"row {line}: expected an amount above zero")
            continue
        shares.append((consumer, paise))
    _refuse(faults)
    _refuse_one_consumer_twice(shares, rows)
    return shares


def _consumers(numbers: Sequence[str]) -> Mapping[str, Consumer | None]:
    found: dict[str, Consumer | None] = {}
    for start in range(0, len(numbers), _READ):
        found |= consumers_by_number(numbers[start : start + _READ])
    return found


def _refuse_twice(rows: Sequence[Row]) -> None:
    lines: dict[str, list[int]] = {}
    for line, number, _amount in rows:
        lines.setdefault(number, []).append(line)
    _refuse(
        [
            f"{number[:20]!r} stands in the rows {', '.join(map(str, some[:5]))}"
            for number, some in lines.items()
            if len(some) > 1
        ]
    )


def _refuse_one_consumer_twice(shares: Sequence[tuple[Consumer, int]], rows: Sequence[Row]) -> None:
    """A consumer may be named once by number and once by business partner."""
    lines: dict[int, int] = {}
    for (consumer, _paise), (line, number, _amount) in zip(shares, rows, strict=True):
        first = lines.setdefault(consumer.pk, line)
        if first != line:
            raise Malformed(f"rows {first} and {line} name one consumer, {number[:20]!r}")


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise Malformed("; ".join(faults[:_SHOWN]) + more)


def _rows(file: BinaryIO) -> Iterator[Row]:
    check_size(file, limit=BYTES_MAX)
    is_book = head_of(file).startswith(ZIP_MAGIC)
    rows = _workbook(file) if is_book else _text(file)
    number_at, amount_at = _header(rows)
    count = 0
    for line, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if max(number_at, amount_at) >= len(cells):
            raise Malformed(f"row {line}: expected a consumer number and an amount")
        count += 1
        if count > settings.SCHEDULE_ROWS_MAX:
            raise Malformed(f"expected at most {settings.SCHEDULE_ROWS_MAX} rows")
        number = cells[number_at].strip().removeprefix("'")
        if "\0" in number:
            raise Malformed(f"row {line}: expected a consumer number")
        yield line, number, cells[amount_at].strip().removeprefix("₹").strip()


def _header(rows: Iterator[tuple[int, list[str]]]) -> tuple[int, int]:
    for line, cells in rows:
        names = ["".join(char for char in cell.lower() if char.isalnum()) for cell in cells]
        numbers = [place for place, one in enumerate(names) if one in NUMBERS]
        amounts = [place for place, one in enumerate(names) if one in AMOUNTS]
        if len(numbers) == 1 and len(amounts) == 1:
            return numbers[0], amounts[0]
        if line >= HEADER_WITHIN:
            break
    raise Malformed("expected a header with one column consumer_number and one column amount")


def _text(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    head = head_of(file).decode("utf-8-sig", errors="replace").splitlines()[:HEADER_WITHIN]
    delimiter = max(",;\t|", key=lambda one: max((line.count(one) for line in head), default=0))
    line = 0
    try:
        rows = csv.reader(open_text(file, newline=""), delimiter=delimiter, strict=True)
        for line, cells in enumerate(rows, start=1):
            yield line, cells
    except csv.Error as error:
        raise Malformed(f"row {line + 1}: {error}") from error


def _workbook(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    check_workbook(file, limit=4 * BYTES_MAX)
    try:
        sheet = load_workbook(cast("Any", file)).get_sheet_by_index(0)
    except (CalamineError, IndexError, *ZIP_FAULTS) as error:
        raise Malformed(f"the workbook cannot be opened: {error}") from error
    first = (sheet.start or (0, 0))[0] + 1
    for line, row in enumerate(sheet.iter_rows(), start=first):
        yield line, [typed_text(value) for value in row]
