"""Reading cells of workbooks, in which a number may stand for the name that a person typed."""

from datetime import date, datetime
from decimal import Decimal


def typed_text(value: object) -> str:
    """A typed cell as text. A number's shortest text is what was typed: no arithmetic on it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    return "" if value is None else str(value)
