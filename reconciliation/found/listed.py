"""Payments that only a channel's report tells of: the channel is asked, then the report believed.

Where the channel answers questions, a listed payment is held as pending and its ladder asks; the
answer makes the receipt, as every answer does. Where nobody can be asked, the report alone is
believed after the days that were agreed, or by a person's decision.
"""

import logging
from datetime import datetime, time, timedelta
from typing import Final

from django.db import transaction

from channels_ import registry
from channels_.contract import Method
from channels_.models import Channel
from cspdcl.kernel.clock import INDIA, today
from cspdcl.kernel.errors import DomainError
from payments import found
from payments.found import Found
from payments.models import Consumer, Payment
from payments.notices import consumers_by_number
from payments.states import PAID
from people import audit
from reconciliation.desk import decisions
from reconciliation.found import bank_credits
from reconciliation.models import (
    Book,
    Break,
    Decision,
    Entry,
    Evidence,
    Kind,
    Reason,
    Stage,
)

SETTING: Final = "report_alone_after_days"  # in Channel.settings

log = logging.getLogger(__name__)


def follow(limit: int = 500) -> int:
    """Ask for what only reports tell of, and believe those that waited as long as agreed.

    Returns how many payments it began or made.
    """
    open_breaks = (
        Break.objects.filter(
            state=Break.State.OPEN,
            stage=Stage.CHANNEL,
            book=Book.CHANNEL,
            reason=Reason.MISSING_IN_BOOKS,
            channel__isnull=False,
        )
        .select_related("channel")
        .order_by("business_date", "pk")
    )
    return sum(_follow_one(one) for one in open_breaks[:limit])


def is_askable(channel: Channel) -> bool:
    """Whether the channel answers questions about payments."""
    adapter = registry.adapter(channel.adapter)
    return adapter.status is not None and channel.is_live and bool(channel.api_url)


def days_alone(channel: Channel) -> int | None:
    """After how many days the report alone is believed; None: never."""
    told = channel.settings.get(SETTING)
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else None


def take(entry: Entry, *, consumer: Consumer | None, decision: Decision | None, actor: str) -> None:
    """Believe the line of a report: its payment is paid. Raises AlreadyHeld if it is held so."""
    told = found_in(entry, consumer=consumer)
    cause = f"listed in a report, line {entry.line}"
    held = Payment.objects.filter(channel=told.channel, channel_ref=told.channel_ref).first()
    if held is None:
        (payment,) = found.take([told], cause=cause, actor=actor)
    else:
        payment = found.confirm(held.pk, found=told, cause=cause, actor=actor)
    _link(entry, payment, decision)


def found_in(entry: Entry, *, consumer: Consumer | None = None) -> Found:
    """A line of a report as money that was found."""
    if entry.channel is None or not entry.channel_ref:
        raise found.NotReversible("the line names no payment of a channel")
    if consumer is None and entry.consumer_number:
        consumer = consumers_by_number([entry.consumer_number]).get(entry.consumer_number)
    return Found(
        channel=entry.channel,
        channel_ref=entry.channel_ref,
        amount_paise=entry.amount_paise,
        at=entry.occurred_at or datetime.combine(entry.business_date, time(12), INDIA),
        consumer=consumer,
        consumer_number=entry.consumer_number,
        reference=entry.reference,
        order_ref=entry.order_ref,
        method=_method(entry.method),
        rrn=entry.rrn,
        # The UTR of a report's line is that of its settlement, not of the payment.
    )


def _follow_one(open_break: Break) -> int:
    with transaction.atomic():
        locked = (
            Break.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("channel")
            .filter(pk=open_break.pk, state=Break.State.OPEN)
            .first()
        )
        if locked is None or locked.channel is None:
            return 0
        if locked.decisions.filter(state=Decision.State.PROPOSED).exists():
            return 0
        entry = bank_credits.entry_of(locked)
        if entry.kind != Kind.PAYMENT or entry.amount_paise <= 0 or not entry.channel_ref:
            return 0
        try:
            return _begin_or_believe(locked, locked.channel, entry)
        except DomainError as refused:
            log.info("line %s of a report is left to a person: %s", entry.pk, refused)
            return 0


def _begin_or_believe(open_break: Break, channel: Channel, entry: Entry) -> int:
    days = days_alone(channel)
    if days is not None and today() - open_break.business_date >= timedelta(days=days):
        take(entry, consumer=None, decision=None, actor="report")
        decisions.close(open_break, why=str(Evidence.How.LISTED.label))
        audit.record(
            audit.SYSTEM,
            "payment.listed",
            ("break", open_break.public_id),
            after={"channel_ref": entry.channel_ref, "amount_paise": entry.amount_paise},
        )
        return 1
    if not is_askable(channel) or bank_credits.live_evidence(entry).exists():
        return 0
    cause = f"listed in a report, line {entry.line}"
    payment = found.note(found_in(entry), cause=cause, actor="report")
    _link(entry, payment, None)
    return 1


def _link(entry: Entry, payment: Payment, decision: Decision | None) -> None:
    """Keep what the payment was made of; a person's decision stands beside the first finding."""
    if bank_credits.live_evidence(entry).exists():
        return
    Evidence.objects.create(
        entry=entry,
        payment_reference=payment.reference,
        how=Evidence.How.PERSON if decision else Evidence.How.LISTED,
        decision=decision,
    )


def _method(word: str) -> Method:
    known = {one.value for one in Method}
    return Method(word.lower()) if word.lower() in known else Method.UNKNOWN


def is_pending(open_break: Break) -> Payment | None:
    """The payment that is being asked for because of this break."""
    entry = bank_credits.entry_of(open_break)
    told = bank_credits.live_evidence(entry).first()
    if told is None:
        return None
    payment = Payment.objects.filter(reference=told.payment_reference).first()
    return payment if payment is not None and payment.state not in PAID else None
