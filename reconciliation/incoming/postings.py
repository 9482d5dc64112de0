"""How a row of the ERP's export becomes an entry: by our reference, whatever names it there."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from channels_.contract import LineKind, StatementLine
from channels_.models import LedgerSystem
from payments import books
from reconciliation.incoming.intake import NewEntry
from reconciliation.models import Book, Kind

_AT_ONCE: Final = 1000
_PARTNER_DIGITS: Final = 10
# So long after the first day a posting may still be of a receipt before it.
_FIRST_DAYS: Final = timedelta(days=62)
_KINDS: Final = {
    LineKind.CREDIT: Kind.PAYMENT,
    LineKind.DEBIT: Kind.REVERSAL,
    LineKind.UNKNOWN: Kind.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Postings:
    """Turns the rows of one export into entries."""

    system: LedgerSystem
    file_id: int

    def entries(self, lines: Iterable[StatementLine]) -> Iterator[NewEntry]:
        """One entry a row, in batches so that what rows name is looked up set-based."""
        batch: list[StatementLine] = []
        for line in lines:
            batch.append(line)
            if len(batch) >= _AT_ONCE:
                yield from self._batch(batch)
                batch = []
        yield from self._batch(batch)

    def _batch(self, batch: Sequence[StatementLine]) -> Iterator[NewEntry]:
        printed = {line.reference for line in batch if line.reference.count("/") == 2}
        by_label = books.references_of_receipts(printed) if printed else {}
        partners = {
            _padded(line.order_ref)
            for line in batch
            if not line.consumer_number and line.order_ref.isdigit()
        }
        consumers = books.consumer_numbers_among(partners) if partners else {}
        named = [
            line._replace(
                reference=by_label.get(line.reference, line.reference),
                consumer_number=line.consumer_number or consumers.get(_padded(line.order_ref), ""),
            )
            for line in batch
        ]
        early = self._of_earlier_days(named)
        for line in named:
            yield self._entry(line, is_early=line.reference in early)

    def _of_earlier_days(self, batch: Sequence[StatementLine]) -> frozenset[str]:
        """The receipts among them that are of a day before postings are expected."""
        first = self.system.compared_from
        asked = {
            line.reference
            for line in batch
            if line.reference and line.amount_paise > 0 and line.business_date < first + _FIRST_DAYS
        }
        return books.references_before(asked, day=first) if asked else frozenset()

    def _entry(self, line: StatementLine, *, is_early: bool) -> NewEntry:
        return NewEntry(
            book=Book.ERP,
            kind=Kind.OTHER if is_early else _KINDS[line.kind],
            channel_id=None,
            bank_account_id=None,
            file_id=self.file_id,
            line=line.line,
            source_key=f"{self.system.code}:{line.key}",
            business_date=line.business_date,
            due_on=line.business_date,
            occurred_at=line.occurred_at,
            amount_paise=line.amount_paise,
            fee_paise=0,
            tax_paise=0,
            net_paise=line.amount_paise,
            reference=line.reference,
            channel_ref=line.channel_ref,
            order_ref=line.order_ref,
            original_ref="",
            settlement_ref=line.settlement_ref,
            deposit_ref="",
            utr="",
            rrn="",
            instrument="",
            consumer_number=line.consumer_number,
            method="",
            network="",
            code=line.code,
            narration=line.narration,
            in_channel_stage=False,
            in_bank_stage=False,
        )


def _padded(partner: str) -> str:
    """A business partner as the consumers have it."""
    return partner.rjust(_PARTNER_DIGITS, "0")
