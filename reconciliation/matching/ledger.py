"""The ERP's side of a run: which entries it must post, until when it has spoken, what is due.

An entry stands in the stage by what it is and by its day, not by a mark of its own: so an ERP that
is configured later has the entries of its time from the first run on.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import connection
from django.db.models import Max, Q

from channels_.models import LedgerSystem, StatementFile
from cspdcl.kernel.workdays import working_day_after
from reconciliation.models import Book, Kind, Stage

# What is posted: a drawer's difference and the return of a paper are none of a consumer's money.
KINDS: Final = (Kind.PAYMENT, Kind.REPEATED, Kind.REVERSAL, Kind.REFUND, Kind.CHARGEBACK)

_KINDS: Final = ", ".join(f"'{kind}'" for kind in (*KINDS, Kind.UNKNOWN))
# Whether the entry ``e`` must find its other side between our receipts and the ERP. Without an ERP
# the day is null, and so is the answer: it selects nothing.
IN_ERP: Final = f"""(e.book IN ('receipts', 'erp') AND e.kind IN ({_KINDS})
        AND (e.book = 'erp' OR e.reference <> '')
        AND e.business_date >= (SELECT compared_from FROM paychannels_ledgersystem))"""  # noqa: S608 - kinds are ours


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ERP as a run finds it."""

    system: LedgerSystem
    until: date | None  # the last day that its loaded files cover

    def due_on(self, day: date) -> date:
        """When a receipt of a day should be posted."""
        return working_day_after(day, self.system.posting_days)

    def clarified_on(self, day: date) -> date:
        """Until when a posting of a day may lie in clarification."""
        return working_day_after(day, self.system.clarification_days)


def ledger_now() -> Ledger | None:
    """The ERP and how far its files have come; None where there is none.

    Who changes its first day holds the books open meanwhile, so a run sees one day throughout.
    """
    system = LedgerSystem.objects.first()
    if system is None:
        return None
    loaded = StatementFile.objects.filter(ledger=system, state=StatementFile.State.LOADED)
    return Ledger(system, loaded.aggregate(until=Max("covers_to"))["until"])


def in_stage(stage: str) -> Q:
    """The entries that a stage asks for, as a condition of the ORM, for pages."""
    if stage != Stage.ERP:
        return Q(in_bank_stage=True) if stage == Stage.BANK else Q(in_channel_stage=True)
    system = LedgerSystem.objects.first()
    if system is None:
        return Q(pk__in=[])
    return Q(business_date__gte=system.compared_from) & (
        Q(book=Book.ERP, kind__in=(*KINDS, Kind.UNKNOWN))
        | Q(book=Book.RECEIPTS, kind__in=KINDS) & ~Q(reference="")
    )


_OPEN_DAYS: Final = "SELECT DISTINCT business_date FROM open_entry WHERE stage = 'erp'"

# One row for each day of something that is open, so it is small whatever the books hold.
_DUES: Final = """
DROP TABLE IF EXISTS posting_due;
CREATE TEMP TABLE posting_due (
  business_date date PRIMARY KEY, due_on date, clarified_on date
) ON COMMIT DROP;
"""


def tell_dues(found: Ledger | None) -> None:
    """When what is open before the ERP is due, by its day; without an ERP there is nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_DUES)
        if found is None:
            return
        cursor.execute(_OPEN_DAYS)
        days = [row[0] for row in cursor.fetchall()]
        cursor.executemany(
            "INSERT INTO posting_due VALUES (%s, %s, %s)",
            [(day, found.due_on(day), found.clarified_on(day)) for day in days],
        )
