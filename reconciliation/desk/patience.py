"""Looking for what may explain a break only so long as a person waits for a page."""

from typing import Final, TypeVar

from django.db import OperationalError, connection, transaction
from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)

_MILLISECONDS: Final = 1_000


def read(rows: QuerySet[Row]) -> list[Row] | None:
    """The rows; None where the books are so large that it would take too long to find them."""
    found: list[Row] = []
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = %s", [_MILLISECONDS])
            found = list(rows)
            transaction.set_rollback(True)  # nothing was written; the limit ends here
    except OperationalError:
        return None
    return found
