"""What reconciliation may read of the counters: rows with named columns, and nothing to write."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from django.db.models import Min

from counters.models import Difference, Instrument, InstrumentEvent, Share
from counters.states import PaperState


class PaperTurn(NamedTuple):
    """The bank returned a paper, or it was presented again: money left a slip, or joined one."""

    event_id: int
    is_return: bool
    channel_id: int  # of the slip
    deposit_ref: str  # the slip it fell from; presented again: the slip it is on now
    amount_paise: int  # below zero for a return
    business_date: date
    at: datetime
    instrument: str
    method: str
    reference: str  # of the first payment that the paper made

    @property
    def source_key(self) -> str:
        """The one name of this turn in the books."""
        return f"{'return' if self.is_return else 'represented'}:{self.event_id}"


class DifferenceOnSlip(NamedTuple):
    """Over or short that was approved and changed the cash of a slip."""

    public_id: str
    channel_id: int  # of the slip
    deposit_ref: str
    amount_paise: int  # below zero is short
    business_date: date  # of the slip
    at: datetime

    @property
    def source_key(self) -> str:
        """Its name in the books."""
        return f"difference:{self.public_id}"


def differences_since(instant: datetime | None) -> Iterator[DifferenceOnSlip]:
    """Over and short that slips made since an instant carry; None asks for all."""
    carried = Difference.objects.filter(deposit__isnull=False)
    if instant is not None:
        carried = carried.filter(deposit__made_at__gte=instant)
    rows = carried.order_by("pk").values_list(
        "public_id",
        "deposit__channel_id",
        "deposit__reference",
        "amount_paise",
        "deposit__business_date",
        "deposit__made_at",
    )
    for public_id, channel, slip, paise, day, at in rows.iterator(2000):
        yield DifferenceOnSlip(str(public_id), channel, slip, paise, day, at)


def returns_since(instant: datetime | None) -> Iterator[PaperTurn]:
    """Every return of a paper by the bank, and every presentation after one, since an instant.

    None asks for all. A paper's first presentation is not among them: its receipts are on the slip.
    """
    turns = InstrumentEvent.objects.filter(
        to_state__in=[PaperState.RETURNED, PaperState.DEPOSITED], deposit__isnull=False
    ).exclude(from_state=PaperState.WITH_SUPERVISOR)
    if instant is not None:
        turns = turns.filter(at__gte=instant)
    rows = (
        turns.order_by("pk")
        .annotate(first=Min("instrument__shares__payment__reference"))
        .values_list(
            "pk",
            "to_state",
            "deposit__channel_id",
            "deposit__reference",
            "instrument__amount_paise",
            "business_date",
            "at",
            "instrument__number",
            "instrument__method",
            "first",
        )
    )
    for pk, state, channel, slip, paise, day, at, number, method, first in rows.iterator(2000):
        is_return = state == PaperState.RETURNED
        yield PaperTurn(
            event_id=pk,
            is_return=is_return,
            channel_id=channel,
            deposit_ref=slip,
            amount_paise=-paise if is_return else paise,
            business_date=day,
            at=at,
            instrument=number,
            method=method,
            reference=first or "",
        )


def payments_fallen_since(instant: datetime | None) -> frozenset[str]:
    """References of payments that fell with a paper which the bank returned, since an instant."""
    fell = InstrumentEvent.objects.filter(to_state=PaperState.DISHONOURED)
    if instant is not None:
        fell = fell.filter(at__gte=instant)
    shares = Share.objects.filter(instrument__in=fell.values("instrument"), payment__isnull=False)
    return frozenset(shares.values_list("payment__reference", flat=True))


def slips_in_clearing() -> list[str]:
    """The slips on which a paper still waits for the end of its clearing."""
    there = Instrument.objects.filter(state=PaperState.DEPOSITED, deposit__isnull=False)
    return list(there.values_list("deposit__reference", flat=True).distinct())
