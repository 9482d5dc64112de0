"""The ERP as the file says it: since when receipts are posted there, and how its files are read."""

from typing import Final

from channels_.formats.postings import export_of
from channels_.models import LedgerSystem
from configuration.agencies import Configuring
from configuration.schema import FILES_OWED, Row
from reconciliation import locks
from reconciliation.models import Book, DayClose, Entry

SECTION: Final = "ledger_systems"
_PLAIN: Final = (
    *("name", "compared_from", "posting_days", "clarification_days", "settings"),
    *FILES_OWED,
)


def apply_ledger(row: Row, *, to: Configuring) -> None:
    """Make the ERP what its row says; there is one, and it begins after the last closed day."""
    path = f"{SECTION}[{row['code']}]"
    other = LedgerSystem.objects.exclude(code=row["code"]).first()
    if other is not None:
        to.refuse(f"{path}.code: there is one ERP, and it is {other.code}")
        return
    if "settings" in row:
        try:
            export_of(row["settings"])
        except (TypeError, ValueError, AttributeError) as error:
            to.refuse(f"{path}.settings: {error}")
            return
    if not _may_begin(row, path, to):
        return
    values = {name: row[name] for name in _PLAIN if name in row}
    to.put(LedgerSystem, SECTION, row, values)


def _may_begin(row: Row, path: str, to: Configuring) -> bool:
    """A day that is closed with a certificate is not compared otherwise afterwards."""
    held = LedgerSystem.objects.filter(code=row["code"]).first()
    first = row.get("compared_from")
    if first is None or (held is not None and held.compared_from == first):
        return True
    locks.hold_books_open()  # what is compared does not change under a run
    if held is not None and Entry.objects.filter(book=Book.ERP).exists():
        to.refuse(f"{path}.compared_from: postings were loaded, which were read by the day before")
        return False
    days = [first, held.compared_from] if held else [first]
    closed = DayClose.objects.filter(state=DayClose.State.CLOSED, business_date__gte=min(days))
    last = closed.order_by("-business_date").first()
    if last is None:
        return True
    to.refuse(f"{path}.compared_from: {last.business_date} is closed; expected a later day")
    return False
