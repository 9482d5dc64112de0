"""How a loader takes a file: whole, proved, or not at all. The readers' tests judge by it."""

from io import BytesIO

from channels_.contract import Page, StatementFormat, StatementLine
from channels_.formats import prove
from cspdcl.kernel.errors import Malformed


class Refused(AssertionError):
    """The file was not accepted."""


def read_all(
    statement_format: StatementFormat, data: bytes
) -> list[tuple[Page, list[StatementLine]]]:
    """Every statement with its lines; a refused line refuses the file."""
    pages = []
    for statement in statement_format.read(BytesIO(data)):
        lines = list(statement.lines)
        if statement.refusals:
            raise Refused(str(statement.refusals))
        pages.append((statement.page, lines))
    return pages


def load(statement_format: StatementFormat, data: bytes) -> list[tuple[Page, list[StatementLine]]]:
    """As ``read_all``, and each page must prove."""
    try:
        pages = read_all(statement_format, data)
    except Malformed as error:
        raise Refused(str(error)) from error
    for page, lines in pages:
        problem = prove(page, sum(line.amount_paise for line in lines), lines_count=len(lines))
        if problem:
            raise Refused(problem)
    return pages
