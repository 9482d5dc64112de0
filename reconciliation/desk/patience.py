"""Looking for what is good to know only so long as a person waits for a page."""

from collections.abc import Callable
from typing import Final, TypeVar

from django.db import OperationalError, connection, transaction
from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)
Told = TypeVar("Told")

_MILLISECONDS: Final = 1_000


def read(rows: QuerySet[Row]) -> list[Row] | None:
    """The rows; None where the books are so large that it would take too long to find them."""
    return tried(lambda: list(rows), milliseconds=_MILLISECONDS)


def tried(look: Callable[[], Told], *, milliseconds: int) -> Told | None:
    """What a look at the books tells; None where one statement of it would take longer."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = %s", [milliseconds])
            told = look()
            transaction.set_rollback(True)  # nothing was written; the limit ends here
    except OperationalError:
        return None
    return told
