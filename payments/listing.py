"""The list of payments as a person narrowed it: rows, count and sum, and the same as CSV."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from cspdcl.kernel.clock import INDIA
from cspdcl.kernel.csvsafe import csv_lines, safe_text
from cspdcl.kernel.money import rupees_from_paise
from payments.models import Payment
from payments.selectors import search
from payments.states import State

SORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "day": ("business_date", "id"),
    "-day": ("-business_date", "-id"),
    "amount": ("amount_paise", "id"),
    "-amount": ("-amount_paise", "-id"),
}
NEWEST: Final = "-day"
CSV_COLUMNS: Final = (
    "reference",
    "business_date",
    "started_at",
    "succeeded_at",
    "channel",
    "method",
    "state",
    "consumer_number",
    "amount_rupees",
    "receipt",
    "channel_ref",
    "rrn",
    "utr",
    "office",
    "counter",
)

_CHUNK: Final = 2000


def narrowed(payments: QuerySet[Payment], asked: Mapping[str, Any]) -> QuerySet[Payment]:
    """The payments that fit every filter that was given."""
    fits = Q()
    for name, lookup in (
        ("since", "business_date__gte"),
        ("until", "business_date__lte"),
        ("channel", "channel__code__in"),
        ("state", "state__in"),
        ("method", "method__in"),
        ("least", "amount_paise__gte"),
        ("most", "amount_paise__lte"),
    ):
        if asked.get(name):
            fits &= Q(**{lookup: asked[name]})
    return search(payments.filter(fits), asked.get("q") or "")


def totals(payments: QuerySet[Payment]) -> dict[str, int]:
    """Count and sum of all, and of those that are paid, in one statement."""
    paid = Q(state=State.SUCCEEDED)
    return payments.aggregate(
        count=Count("pk"),
        paise=Coalesce(Sum("amount_paise"), 0),
        paid_count=Count("pk", filter=paid),
        paid_paise=Coalesce(Sum("amount_paise", filter=paid), 0),
    )


def ordered(payments: QuerySet[Payment], sort: str) -> QuerySet[Payment]:
    """The rows of the list in one of its orders; an unknown one is the usual one."""
    return payments.select_related("channel", "receipt", "counter", "office").order_by(
        *SORTS.get(sort, SORTS[NEWEST])
    )


def as_csv(payments: QuerySet[Payment]) -> Iterator[str]:
    """The payments in the order they were stored, read in pieces so that any number fits."""
    return csv_lines(chain([CSV_COLUMNS], _csv_rows(payments)))


def _csv_rows(payments: QuerySet[Payment]) -> Iterator[list[str]]:
    rows = payments.select_related("channel", "receipt", "counter", "office").order_by("pk")
    last = 0
    while piece := list(rows.filter(pk__gt=last)[:_CHUNK]):
        for payment in piece:
            yield _cells(payment)
        last = piece[-1].pk


def _cells(payment: Payment) -> list[str]:
    receipt = getattr(payment, "receipt", None)
    paid_at = payment.succeeded_at
    return [
        payment.reference,
        payment.business_date.isoformat(),
        payment.created_at.astimezone(INDIA).isoformat(timespec="seconds"),
        paid_at.astimezone(INDIA).isoformat(timespec="seconds") if paid_at else "",
        safe_text(payment.channel.code),
        payment.method,
        payment.state,
        safe_text(payment.consumer_number),
        rupees_from_paise(payment.amount_paise),
        safe_text(receipt.label if receipt else ""),
        safe_text(payment.channel_ref or ""),
        safe_text(payment.rrn),
        safe_text(payment.utr),
        safe_text(payment.office.code if payment.office else ""),
        safe_text(payment.counter.code if payment.counter else ""),
    ]
