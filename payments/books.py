"""What reconciliation may read of payments: querysets with named columns, and nothing to write."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from django.db.models import (
    Case,
    CharField,
    F,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from payments.models import (
    Consumer,
    Deposit,
    DisputeLine,
    Payment,
    PaymentEvent,
    Receipt,
    Refund,
    Tender,
)
from payments.states import PAID, State

Rows = QuerySet[Any, Any]  # rows as dicts, by the columns each function names


def payments_heard_of_since(instant: datetime | None) -> Rows:
    """Payments that reached an end, one row each, heard of since an instant (None: all).

    Columns: reference, channel_id, their_ref, order_ref, consumer_number, deposit_ref, rrn,
    utr, instrument, method, amount_paise, business_date, succeeded_at, is_paid, is_reversed,
    reversed_at (None while it stands), is_repeated.
    """
    ended = Payment.objects.filter(state__in=[*PAID, State.FAILED])
    if instant is not None:
        recent = PaymentEvent.objects.filter(recorded_at__gte=instant).values("payment_id")
        ended = ended.filter(pk__in=recent)
    # An aggregate, not the first row: sorting by id would invite a walk along the whole table.
    papers = Tender.objects.filter(payment=OuterRef("pk")).exclude(instrument="")
    first_paper = papers.order_by().values("payment").annotate(first=Min("instrument"))
    undone = PaymentEvent.objects.filter(payment=OuterRef("pk"), to_state=State.REVERSED)
    undone_at = undone.order_by().values("payment").annotate(first=Min("at")).values("first")
    return ended.order_by("id").values(
        "reference",
        "channel_id",
        "order_ref",
        "consumer_number",
        "rrn",
        "utr",
        "method",
        "amount_paise",
        "business_date",
        "succeeded_at",
        their_ref=Coalesce("channel_ref", Value(""), output_field=CharField()),
        deposit_ref=Coalesce("deposit__reference", Value(""), output_field=CharField()),
        instrument=Coalesce(
            Subquery(first_paper.values("first")), Value(""), output_field=CharField()
        ),
        is_paid=Case(When(state__in=PAID, then=Value(True)), default=Value(False)),
        is_reversed=Case(When(state=State.REVERSED, then=Value(True)), default=Value(False)),
        # Asked only of what is reversed: a run reads a million that are not.
        reversed_at=Case(When(state=State.REVERSED, then=Subquery(undone_at)), default=None),
        is_repeated=Case(When(duplicate_of__isnull=False, then=Value(True)), default=Value(False)),
    )


def refunds_heard_of_since(instant: datetime | None) -> Rows:
    """Refunds that were paid back.

    Columns: channel_id, channel_ref, amount_paise, business_date, payment_reference.
    """
    paid_back = Refund.objects.filter(state=Refund.State.SUCCEEDED)
    if instant is not None:
        paid_back = paid_back.filter(updated_at__gte=instant)
    return paid_back.order_by("id").values(
        "channel_id",
        "channel_ref",
        "amount_paise",
        "business_date",
        payment_reference=F("payment__reference"),
    )


def chargebacks_agreed_since(instant: datetime | None) -> Rows:
    """Lines of disputes that our own verdict confirms: what the channel took, or gave back.

    Columns: channel_id, line_key, channel_ref, amount_paise, business_date, payment_reference.
    """
    agreed = DisputeLine.objects.filter(agreed_at__isnull=False)
    if instant is not None:
        agreed = agreed.filter(agreed_at__gte=instant)
    return agreed.order_by("id").values(
        "channel_id",
        "line_key",
        "channel_ref",
        "amount_paise",
        "business_date",
        payment_reference=Coalesce(
            "dispute__payment__reference", Value(""), output_field=CharField()
        ),
    )


def reversals_among(references: Collection[str]) -> list[dict[str, Any]]:
    """What undid these payments: reference, receipt, business_date, cause and at of each."""
    undone = (
        PaymentEvent.objects.filter(
            payment__reference__in=list(references), to_state=State.REVERSED
        )
        .select_related("payment__receipt")
        .order_by("id")
    )
    return [
        {
            "reference": event.payment.reference,
            "receipt": _label_of(event.payment),
            "business_date": event.payment.business_date,
            "cause": event.cause,
            "at": event.at,
        }
        for event in undone
    ]


def _label_of(payment: Payment) -> str:
    receipt = getattr(payment, "receipt", None)
    return receipt.label if receipt else ""


def deposits_named_since(instant: datetime | None) -> Rows:
    """Payments that a slip carried to the bank since an instant: reference, deposit_ref."""
    carried = Payment.objects.filter(deposit__isnull=False)
    if instant is not None:
        carried = carried.filter(deposit__made_at__gte=instant)
    return carried.order_by("id").values("reference", deposit_ref=F("deposit__reference"))


def slips_among(references: Collection[str]) -> Rows:
    """Which of these are deposit slips of ours: reference, channel_id, business_date of each."""
    return Deposit.objects.filter(reference__in=list(references)).values(
        "reference", "channel_id", "business_date"
    )


def references_of_receipts(labels: Collection[str]) -> dict[str, str]:
    """The payments of receipts by the number that is printed on them; unknown ones are left out."""
    parts = [label.split("/") for label in labels]
    asked = [
        (series, year, int(number))
        for series, year, number in (part for part in parts if len(part) == 3)
        if number.isascii() and number.isdigit() and len(number) <= 18  # digits of a BIGINT
    ]
    rows = Receipt.objects.filter(
        series__in={one[0] for one in asked},
        year__in={one[1] for one in asked},
        number__in={one[2] for one in asked},
    ).select_related("payment")
    found = {row.label: str(row.payment.reference) for row in rows}
    return {label: found[label] for label in labels if label in found}


def references_before(references: Collection[str], *, day: date) -> frozenset[str]:
    """Which of these payments are of a business date before a day."""
    rows = Payment.objects.filter(reference__in=list(references), business_date__lt=day)
    return frozenset(rows.values_list("reference", flat=True))


def consumer_numbers_among(numbers: Collection[str]) -> dict[str, str]:
    """Which of these are a consumer number or business partner: as asked -> consumer number.

    A partner with several accounts names none of them.
    """
    asked = list(numbers)
    known = Consumer.objects.filter(Q(number__in=asked) | Q(business_partner__in=asked))
    own: dict[str, str] = {}
    partners: dict[str, set[str]] = {}
    for number, partner in known.values_list("number", "business_partner"):
        own[number] = number
        partners.setdefault(partner, set()).add(number)
    single = {partner: one.pop() for partner, one in partners.items() if len(one) == 1}
    answer = {**single, **own}
    return {digits: answer[digits] for digits in asked if digits in answer}
