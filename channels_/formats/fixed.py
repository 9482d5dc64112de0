"""Tables of fixed width: the rows of a text whose columns are told by their places.

    rows = fixed_rows(file, columns=(Column("DATE", 1, 8), Column("AMOUNT", 9, 22)))

The first row that is given is the header, so that readers of other tables can read these too.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, NamedTuple

from channels_.formats.guard import MEGABYTE, check_size, open_text
from cspdcl.kernel.errors import Malformed

SIZE_MAX: Final = 2000 * MEGABYTE
LINE_MAX: Final = 10_000


class Column(NamedTuple):
    """A column by its places in a line, both counted from 1 and both inside it."""

    header: str
    first: int
    last: int


def check_columns(columns: Sequence[Column]) -> None:
    """TypeError for columns that no line can have: none, turned round, or one over another."""
    end = 0
    for column in sorted(columns, key=lambda one: one.first):
        if not end < column.first <= column.last <= LINE_MAX:
            raise TypeError(
                f"{column.header}: expected places behind {end} and up to {LINE_MAX}, "
                f"got {column.first} to {column.last}"
            )
        end = column.last
    if not columns:
        raise TypeError("expected at least one column")


def fixed_rows(
    file: BinaryIO, *, columns: Sequence[Column], limit: int = SIZE_MAX
) -> Iterator[tuple[int, list[str]]]:
    """The header as row 0, then each line's cells, trimmed, with the number of the line.

    A line that ends inside a column, or before the first one, is given with the cells it has.
    """
    check_size(file, limit=limit)
    yield 0, [column.header for column in columns]
    text = open_text(file)
    number = 0
    while line := text.readline(LINE_MAX + 1):
        number += 1
        if len(line) > LINE_MAX:
            raise Malformed(f"line {number} is longer than {LINE_MAX} characters")
        line = line.rstrip("\r\n\x1a")
        if line.strip():
            yield number, [line[one.first - 1 : one.last].strip() for one in columns]
