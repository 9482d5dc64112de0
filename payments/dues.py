"""What a consumer still owes: bills that no payment covers, the oldest first.

A payment covers the bill it names. What it names none for, or what is left over, covers the bills
that had been issued by its day, in the order they were due. Older payments stay out of it: the ERP
has counted them when it made the bill.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from django.db.models import F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from payments.models import Bill, Dispute, Payment, Refund
from payments.states import DisputeState, State


class Owed(NamedTuple):
    """A bill as far as covering it goes."""

    bill_id: int
    amount_paise: int
    issued_on: date
    due_on: date


class Covering(NamedTuple):
    """Money of one payment that stayed with us."""

    bill_id: int | None
    amount_paise: int
    paid_on: date


class Share(NamedTuple):
    """How much of a bill one payment covered."""

    bill: Bill
    paise: int


@dataclass(slots=True)
class _Left:
    bill: Owed
    paise: int


def outstanding(bills: Iterable[Owed], payments: Iterable[Covering]) -> Mapping[int, int]:
    """What is left to pay of each bill, by its id, in the order they are due; paid ones are 0."""
    ordered = sorted(bills, key=lambda bill: (bill.due_on, bill.bill_id))
    left = {bill.bill_id: _Left(bill, bill.amount_paise) for bill in ordered}
    loose: list[tuple[date, int]] = []
    for payment in payments:
        rest = payment.amount_paise
        if payment.bill_id in left:
            rest = _take(left[payment.bill_id], rest)
        if rest > 0:
            loose.append((payment.paid_on, rest))
    for paid_on, paise in sorted(loose):
        rest = paise
        for one in left.values():
            if one.bill.issued_on <= paid_on:
                rest = _take(one, rest)
    return {bill_id: one.paise for bill_id, one in left.items()}


def shares_of(payment: Payment) -> list[Share]:
    """The bills that a paid payment covered when it came, as they were due; the rest was none's.

    Only what had been paid before it counts, so a copy years later says the same; its own amount
    counts whole, also when it went back since.
    """
    if payment.consumer_id is None or payment.succeeded_at is None:
        return []
    bills = {one.pk: one for one in Bill.objects.filter(consumer_id=payment.consumer_id)}
    owed = [Owed(one.pk, one.amount_paise, one.issued_on, one.due_on) for one in bills.values()]
    at = payment.succeeded_at
    earlier = Q(succeeded_at__lt=at) | Q(succeeded_at=at, pk__lt=payment.pk)
    before = coverings(payment.consumer_id, owed, only=earlier)
    own = Covering(payment.bill_id, payment.amount_paise, payment.business_date)
    was, left = outstanding(owed, before), outstanding(owed, [*before, own])
    return [
        Share(bills[bill_id], was[bill_id] - left[bill_id])
        for bill_id in left
        if was[bill_id] > left[bill_id]
    ]


def coverings(consumer_id: int, bills: Sequence[Owed], *, only: Q | None = None) -> list[Covering]:
    """The payments that can cover these bills of a consumer, without what went back or was lost."""
    return coverings_of_many({consumer_id: bills}, only=only).get(consumer_id, [])


def coverings_of_many(
    bills_of: Mapping[int, Sequence[Owed]], *, only: Q | None = None
) -> dict[int, list[Covering]]:
    """The same for many consumers, by their ids, in one query."""
    firsts = {key: min(one.issued_on for one in bills) for key, bills in bills_of.items() if bills}
    if not firsts:
        return {}
    own = {key: {bill.bill_id for bill in bills} for key, bills in bills_of.items()}
    back = Coalesce(
        Sum("refunds__amount_paise", filter=Q(refunds__state=Refund.State.SUCCEEDED)), 0
    )
    # Beside the joined refunds a second join would count each of them again.
    of_payment = Dispute.objects.filter(payment=OuterRef("pk"), state=DisputeState.LOST)
    sums = of_payment.order_by().values("payment").annotate(sum=Sum("amount_paise")).values("sum")
    lost = Coalesce(Subquery(sums), 0)
    rows = (
        Payment.objects.filter(consumer_id__in=list(firsts), state=State.SUCCEEDED)
        .filter(
            Q(business_date__gte=min(firsts.values())) | Q(bill_id__in=set().union(*own.values()))
        )
        .filter(only or Q())
        .annotate(kept_paise=F("amount_paise") - back - lost)
        .values_list("consumer_id", "bill_id", "kept_paise", "business_date")
    )
    found: dict[int, list[Covering]] = {}
    for consumer_id, bill_id, paise, paid_on in rows:
        if paid_on >= firsts[consumer_id] or bill_id in own[consumer_id]:
            found.setdefault(consumer_id, []).append(Covering(bill_id, paise, paid_on))
    return found


def _take(one: _Left, paise: int) -> int:
    """Cover a bill with money; what is left of the money."""
    used = min(one.paise, max(paise, 0))
    one.paise -= used
    return paise - used
