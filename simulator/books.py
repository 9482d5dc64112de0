"""A simulated partner's own books: written beside the day, and asked by its API afterwards.

What an order of ours becomes is decided by the seed when it is first asked about, so that the same
questions in the same order get the same answers.
"""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from channels_.contract import Method, Outcome
from channels_.simulation import (
    Happened,
    ReportRow,
    SamplePayment,
    SampleRefund,
    Simulation,
    World,
)
from cspdcl.kernel.clock import INDIA, now
from simulator.chance import chance, digits, weighed
from simulator.day import ChannelDay
from simulator.names import name_of

Named = TypeVar("Named", ReportRow, SamplePayment, SampleRefund)

# What becomes of a hundred orders that are begun here.
BECOMES: Final = ((Outcome.SUCCEEDED, 85), (Outcome.FAILED, 10), (Outcome.PENDING, 5))
UNDECIDED_ASKS: Final = 1  # so often an order is asked about before it is decided

_MOMENTS: Final = frozenset({"created_at", "paid_at", "processed_at", "settled_at"})


@dataclass(slots=True)
class _Order:
    """An order of ours, before and after its payer has paid."""

    payment: SamplePayment
    becomes: Outcome
    asked: int = 0


@dataclass(slots=True)
class Books(World):
    """The partner of one channel: its payments, refunds and report, safe for many callers."""

    simulation: Simulation
    seed: int = 1
    code: str = ""
    _happened: dict[str, Happened] = field(default_factory=dict)  # by channel_ref, as they ended
    _names: dict[str, str] = field(default_factory=dict)  # any name of a payment -> channel_ref
    _orders: dict[str, _Order] = field(default_factory=dict)  # by channel_ref, till decided
    _refunds: dict[str, SampleRefund] = field(default_factory=dict)  # by our and their reference
    _rows: list[ReportRow] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def remember(self, happened: Iterable[Happened], rows: Iterable[ReportRow] = ()) -> None:
        """Take in what happened; a success of an order counts before its other attempts."""
        with self._lock:
            for one in happened:
                self._keep(one)
            self._rows += rows

    def begin(self, reference: str, amount_paise: int, *, consumer_number: str) -> str:
        """Note an order of ours; the same reference again is the same order."""
        with self._lock:
            known = self._names.get(_bare(reference))
            if known is not None:
                order = self._orders.get(known)
                return (order or self._happened[known]).payment.order_ref
            rng = chance(self.seed, self.code, reference)
            payment = self._begun(reference, amount_paise, consumer_number)
            self._orders[payment.channel_ref] = _Order(payment, weighed(rng, BECOMES))
            self._name(payment)
            return payment.order_ref

    def find(self, ref: str) -> Happened | None:
        """The payment with this reference of ours, channel_ref or order_ref, as it stands now."""
        with self._lock:
            known = self._names.get(_bare(ref))
            return self._known(known) if known is not None and ref else None

    def refund(self, ref: str, *, reference: str, amount_paise: int) -> SampleRefund | None:
        """Pay back, once per reference of ours; None when there is not so much to pay back."""
        with self._lock:
            known = self._refunds.get(reference)
            if known is not None:
                return known
            found = self.find(ref)
            if found is None or found.outcome is not Outcome.SUCCEEDED:
                return None
            paid_back = sum(one.amount_paise for one in found.refunds)
            if not 0 < amount_paise <= found.payment.amount_paise - paid_back:
                return None
            refund = self._made_refund(found.payment, reference, amount_paise)
            self._keep(replace(found, refunds=(*found.refunds, refund)))
            return refund

    def refunded(self, reference: str) -> SampleRefund | None:
        """The refund with our or their reference."""
        with self._lock:
            return self._refunds.get(reference) if reference else None

    def between(self, since: datetime, until: datetime) -> Sequence[Happened]:
        """The payments that ended between two moments, in order."""
        with self._lock:
            ended = [one for one in self._happened.values() if since <= one.payment.paid_at < until]
        return sorted(ended, key=lambda one: (one.payment.paid_at, one.payment.channel_ref))

    def report(self, day: date) -> Sequence[ReportRow]:
        """The rows that were settled on a day."""
        with self._lock:
            return [row for row in self._rows if row.settled_at.astimezone(INDIA).date() == day]

    def _keep(self, one: Happened) -> None:
        payment = one.payment
        self._happened[payment.channel_ref] = one
        for refund in one.refunds:
            self._refunds[refund.channel_ref] = refund
            if refund.reference:
                self._refunds[refund.reference] = refund
        self._name(payment, is_paid=one.outcome is Outcome.SUCCEEDED)

    def _name(self, payment: SamplePayment, *, is_paid: bool = False) -> None:
        self._names[_bare(payment.channel_ref)] = payment.channel_ref
        for name in map(_bare, (payment.reference, payment.order_ref, payment.rrn)):
            known = self._happened.get(self._names.get(name, ""))
            if name and (known is None or (is_paid and known.outcome is not Outcome.SUCCEEDED)):
                self._names[name] = payment.channel_ref

    def _known(self, channel_ref: str) -> Happened:
        order = self._orders.get(channel_ref)
        if order is None:
            return self._happened[channel_ref]
        order.asked += 1
        if order.asked <= UNDECIDED_ASKS or order.becomes is Outcome.PENDING:
            return Happened(order.payment, Outcome.PENDING)
        del self._orders[channel_ref]
        self._keep(Happened(order.payment._replace(paid_at=_moment()), order.becomes))
        return self._happened[channel_ref]

    def _begun(self, reference: str, amount_paise: int, consumer_number: str) -> SamplePayment:
        rng = chance(self.seed, self.code, reference, "names")
        rrn = digits(rng, 12)
        at = _moment()
        method = weighed(rng, self.simulation.methods)
        return SamplePayment(
            channel_ref=name_of(rng, self.simulation, "payment", rrn=rrn),
            order_ref=name_of(rng, self.simulation, "order", rrn=rrn, consumer=consumer_number),
            amount_paise=amount_paise,
            method=method,
            network="Visa" if method is Method.CARD else "",
            issuer="SBIN",
            payer="sample@upi" if method is Method.UPI else digits(rng, 4),
            mobile="6000000000",
            rrn=rrn,
            utr="",
            consumer_number=consumer_number,
            bill_number="",
            created_at=at,
            paid_at=at,
            fee_paise=0,
            tax_paise=0,
            reference=reference,
        )

    def _made_refund(
        self, payment: SamplePayment, reference: str, amount_paise: int
    ) -> SampleRefund:
        rng = chance(self.seed, self.code, reference, "refund")
        at = _moment()
        return SampleRefund(
            channel_ref=name_of(rng, self.simulation, "refund"),
            payment=payment,
            amount_paise=amount_paise,
            created_at=at,
            processed_at=at,
            rrn=digits(rng, 12),
            reference=reference,
        )


def books_of(played: ChannelDay) -> Iterator[dict[str, Any]]:
    """The lines of a partner's books: each payment with its refunds, then each row."""
    for one in played.happened:
        line = {"payment": _plain(one.payment), "outcome": one.outcome.value}
        refunds = [{**_plain(refund), "payment": None} for refund in one.refunds]
        yield {**line, "refunds": refunds} if refunds else line
    for row in played.report:
        yield {"row": _plain(row)}


def read_books(path: Path) -> tuple[list[Happened], list[ReportRow]]:
    """What ``books_of`` has written."""
    happened, rows = [], []
    with path.open(encoding="utf-8") as file:
        for text in file:
            line = json.loads(text)
            if "row" in line:
                rows.append(_made(ReportRow, line["row"]))
                continue
            payment = _made(SamplePayment, line["payment"])
            payment = payment._replace(method=Method(payment.method))
            refunds = tuple(
                _made(SampleRefund, {**one, "payment": payment}) for one in line.get("refunds", ())
            )
            happened.append(Happened(payment, Outcome(line["outcome"]), refunds))
    return happened, rows


def _plain(one: NamedTuple) -> dict[str, Any]:
    """The fields that say something, as JSON has them."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in one._asdict().items()
        if value != ""
    }


def _made(kind: type[Named], line: Mapping[str, Any]) -> Named:
    values = {
        name: datetime.fromisoformat(value) if name in _MOMENTS else value
        for name, value in line.items()
    }
    return kind._make(values.get(name, "") for name in kind._fields)


def _bare(name: str) -> str:
    """A name as it is compared: some partners carry our reference without its hyphens."""
    return name.replace("-", "")


def _moment() -> datetime:
    return now().replace(microsecond=0)
