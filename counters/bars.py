"""Who may not pay by cheque for a time, because one of theirs was dishonoured."""

from collections.abc import Iterable
from datetime import date, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from counters.models import ChequeBar, Instrument
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from payments.models import Consumer
from people import audit
from people.models import User


class NotLifted(DomainError):
    """A bar is lifted once, with a reason."""

    code = "bar_not_lifted"


def bar_of(consumer: Consumer, *, on: date) -> ChequeBar | None:
    """The bar that holds for a consumer on a day, the longest one; None lets the cheque pass."""
    return (
        ChequeBar.objects.filter(
            consumer=consumer, since__lte=on, until__gte=on, lifted_at__isnull=True
        )
        .order_by("-until", "pk")
        .first()
    )


def barred_among(consumer_ids: Iterable[int], *, on: date) -> set[int]:
    """Which of these consumers may not pay by cheque on a day."""
    rows = ChequeBar.objects.filter(
        consumer__in=list(consumer_ids), since__lte=on, until__gte=on, lifted_at__isnull=True
    )
    return set(rows.values_list("consumer_id", flat=True))


def bar(paper: Instrument, *, consumer_id: int, on: date, days: int) -> ChequeBar | None:
    """Bar a consumer from cheques for so many days, once for each paper; none for no days."""
    if days == 0:
        return None
    made, _is_new = ChequeBar.objects.get_or_create(
        consumer_id=consumer_id,
        instrument=paper,
        defaults={"since": on, "until": until(on=on, days=days)},
    )
    return made


def until(*, on: date, days: int) -> date:
    """The last day of a bar that begins on a day."""
    return on + timedelta(days=days)


@transaction.atomic
def lift(bar_id: int, *, by: User, reason: str) -> ChequeBar:
    """Let a consumer pay by cheque again before the time; the bar stays on record."""
    row = ChequeBar.objects.select_for_update(of=("self",)).get(pk=bar_id)
    if row.lifted_at is not None:
        return row
    if not reason.strip():
        raise NotLifted(_("Say why cheques of this consumer are taken again."))
    row.lifted_at, row.lifted_by, row.why_lifted = now(), by, reason.strip()[:200]
    row.save(update_fields=["lifted_at", "lifted_by", "why_lifted"])
    audit.record(
        by,
        "cheque_bar.lifted",
        row.instrument,
        after={"consumer": row.consumer.number, "reason": row.why_lifted},
        office=row.consumer.office,
    )
    return row
