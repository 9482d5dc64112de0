"""Writing text into sheets so that no reader takes it for a formula."""

import csv
from collections.abc import Iterable, Iterator
from typing import Final

_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")  # noqa: RUF001


def safe_text(text: str) -> str:
    """Text for a CSV cell; what could start a formula gets a quote in front. Not for numbers."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Rows as the lines of a CSV file, one at a time, so that an answer can stream any number."""
    writer = csv.writer(_Line())
    for row in rows:
        yield writer.writerow(row)


class _Line:
    """A file that gives back what is written: csv.writer writes, the caller takes."""

    def write(self, text: str) -> str:
        return text
