"""Tells disputes of the lines by which a channel takes their money, or gives it back.

Our books count such a line once the dispute's verdict agrees with it; until then it is a break.
"""

import logging

from channels_.models import StatementFile
from cspdcl.kernel.errors import DomainError
from payments import disputes
from payments.disputes import TakenLine
from reconciliation.incoming import files
from reconciliation.models import Entry, Kind

log = logging.getLogger(__name__)


def tell_disputes(file: StatementFile) -> int:
    """Keep every chargeback line of a channel's file beside its dispute; says how many."""
    if file.channel_id is None:
        return 0
    lines = files.entries_of(file).filter(kind=Kind.CHARGEBACK)
    count = 0
    for entry in lines.exclude(amount_paise=0).order_by("id").iterator(chunk_size=500):
        try:
            disputes.note_line(file.channel_id, line=_line(entry))
        except DomainError as refusal:
            log.warning("line %s of %s was not told: %s", entry.line, file.name, refusal)
        count += 1
    return count


def _line(entry: Entry) -> TakenLine:
    return TakenLine(
        key=entry.source_key,
        amount_paise=entry.amount_paise,
        business_date=entry.business_date,
        channel_ref=entry.channel_ref,
        original_ref=entry.original_ref,
        reference=entry.reference,
        order_ref=entry.order_ref,
        reason=entry.narration or entry.code,
    )
