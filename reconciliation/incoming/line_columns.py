"""Lines of a channel as columns: what they come to, and the entries they become."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

import polars as pl

from channels_.contract import LineKind
from channels_.models import Channel
from cspdcl.kernel.workdays import working_day_after
from reconciliation.incoming.intake import NewEntry
from reconciliation.models import Book, Kind

KINDS: Final[Mapping[LineKind, Kind]] = {
    LineKind.PAYMENT: Kind.PAYMENT,
    LineKind.REFUND: Kind.REFUND,
    LineKind.CHARGEBACK: Kind.CHARGEBACK,
    LineKind.ADJUSTMENT: Kind.ADJUSTMENT,
    LineKind.TRANSFER: Kind.ADJUSTMENT,
    LineKind.FEE: Kind.CHARGE,
    LineKind.UNKNOWN: Kind.UNKNOWN,
}
# Adjustments and the channel's own fees have no receipt of ours; they count in the settlement only.
NEED_A_RECEIPT: Final = frozenset({Kind.PAYMENT, Kind.REFUND, Kind.CHARGEBACK, Kind.UNKNOWN})


class Sums(NamedTuple):
    """What some lines come to, and their first and last day."""

    credit_paise: int
    debit_paise: int
    first: date | None
    last: date | None


def sums_of(frame: "pl.DataFrame") -> Sums:
    """Of at least one line."""
    net = pl.col("amount_paise") - pl.col("fee_paise") - pl.col("tax_paise")
    credit, debit, first, last = frame.select(
        credit=net.filter(net >= 0).sum(),
        debit=-net.filter(net < 0).sum(),
        first=pl.col("business_date").min(),
        last=pl.col("business_date").max(),
    ).row(0)
    return Sums(credit, debit, date.fromisoformat(first), date.fromisoformat(last))


@dataclass(slots=True)
class ChannelColumns:
    """Turns lines of one channel into entries, as ``statements`` does row by row."""

    channel: Channel
    file_id: int
    holidays: Collection[date]
    _dues: dict[str, str] = field(default_factory=dict)

    def entries(self, frame: "pl.DataFrame") -> "pl.DataFrame":
        """The columns of NewEntry."""
        days = frame["business_date"].unique().to_list()
        self._dues.update({day: self._due(day) for day in days if day not in self._dues})
        kinds = {theirs.value: ours.value for theirs, ours in KINDS.items()}
        needed = [one.value for one in NEED_A_RECEIPT]
        kind = pl.col("kind").replace_strict(kinds)
        net = pl.col("amount_paise") - pl.col("fee_paise") - pl.col("tax_paise")
        return frame.with_columns(
            book=pl.lit(Book.CHANNEL.value),
            kind=kind,
            channel_id=pl.lit(self.channel.pk),
            bank_account_id=pl.lit(None),
            file_id=pl.lit(self.file_id),
            source_key=pl.lit(f"{self.channel.code}:") + pl.col("key"),
            due_on=pl.col("business_date").replace_strict(self._dues),
            net_paise=net,
            utr=pl.col("utr").str.to_uppercase(),
            deposit_ref=pl.lit(""),
            in_channel_stage=kind.is_in(needed),
            in_bank_stage=pl.lit(value=True),
        ).select(NewEntry._fields)

    def _due(self, day: str) -> str:
        due = working_day_after(date.fromisoformat(day), self.channel.credit_days, self.holidays)
        return due.isoformat()
