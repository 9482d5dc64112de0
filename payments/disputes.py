"""The one mover of disputes: what channels and their reports assert, and what people decide.

It is written by the drain, in the transaction that believes the message and under the payment's
lock, because the same lock decides whether a refund may be asked: pulled later there would be a
moment in which the same money goes back twice.

News decide by their rank: the phase, then a verdict over none, then the later moment. Whatever
order they come in, the same one decides in the end.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet, Sum

from channels_.contract import INDIAN_CURRENCY, LONG_AGO, Notice, Outcome
from channels_.models import InboundMessage
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError, Malformed
from cspdcl.kernel.money import PAISE_MAX
from payments.models import Dispute, DisputeEvent, DisputeLine, Payment
from payments.states import DISPUTE_TRANSITIONS, PAID, RUNNING, DisputeState

BY_LINE: Final = "line:"  # begins the name of a dispute that only a settlement report told

_VERDICTS: Final = {Outcome.SUCCEEDED: DisputeState.WON, Outcome.FAILED: DisputeState.LOST}
_REF_MAX: Final = 64


class DisputeConflict(DomainError):
    """A dispute that is of one payment is told for another one."""

    code = "dispute_conflict"


class NotNow(DomainError):
    """The dispute cannot go there from where it stands."""

    code = "dispute_not_now"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenLine:
    """A line of a settlement report that takes a disputed payment's money, or gives it back."""

    key: str
    amount_paise: int
    business_date: date
    channel_ref: str = ""
    original_ref: str = ""
    reference: str = ""
    order_ref: str = ""
    reason: str = ""


def hear_dispute(message: InboundMessage, *, notice: Notice) -> str:
    """Store or move one dispute; of an unknown payment too, because its date runs all the same."""
    at = notice.occurred_at or message.received_at
    dispute = note_dispute(message.channel_id, notice=notice, at=at, message=message)
    of = dispute.payment.reference if dispute.payment else f"unknown {dispute.channel_ref}"
    return f"dispute {dispute.dispute_ref} of {of} {dispute.state}"


@transaction.atomic
def note_dispute(
    channel_id: int, *, notice: Notice, at: datetime, message: InboundMessage | None = None
) -> Dispute:
    """Store or move the dispute that a notice or an answer tells, under its payment's lock."""
    _check(notice)
    payment = _locked_payment(channel_id, notice.channel_ref, notice.order_ref, notice.reference)
    dispute, is_new = _stored(channel_id, notice, payment, at)
    if dispute.payment_id and payment and dispute.payment_id != payment.pk:
        raise DisputeConflict(
            f"dispute {notice.dispute_ref} is of another payment than {payment.reference}"
        )
    to, rank = _told(notice)
    _fill(dispute, notice, payment)
    cause = f"told {notice.code or notice.outcome.value} {notice.phase}".strip()
    is_later = is_new or (rank, at) >= (dispute.told_rank, dispute.told_at)
    if not is_later:
        _note(dispute, to=DisputeState(dispute.state), cause=f"late: {cause}", at=at, by=message)
        return dispute
    stays = to is DisputeState.OPEN and rank <= dispute.told_rank and not is_new
    dispute.told_rank, dispute.told_at = rank, at
    dispute.amount_paise = notice.amount_paise
    _go(dispute, to=DisputeState(dispute.state) if stays else to, cause=cause, at=at, by=message)
    return dispute


@transaction.atomic
def note_line(channel_id: int, *, line: TakenLine) -> Dispute:
    """Keep a chargeback line beside its dispute; what no notice told begins one."""
    payment = _locked_payment(channel_id, line.original_ref, line.order_ref, line.reference)
    known = DisputeLine.objects.filter(channel_id=channel_id, line_key=line.key)
    held = known.select_related("dispute").first()
    if held is not None:
        return held.dispute
    dispute = _of_line(channel_id, line, payment)
    if dispute is None:
        dispute = _begun_by_line(channel_id, line, payment)
    DisputeLine.objects.create(
        dispute=dispute,
        channel_id=channel_id,
        line_key=line.key,
        channel_ref=line.channel_ref[:_REF_MAX],
        amount_paise=line.amount_paise,
        business_date=line.business_date,
    )
    _agree(dispute)
    return dispute


@transaction.atomic
def move(dispute_id: int, *, to: DisputeState, cause: str, actor: str) -> Dispute:
    """Take a dispute along one edge by what we did or a person knows; the same again is nothing."""
    dispute = locked(dispute_id)
    if dispute.state != to:
        if to not in DISPUTE_TRANSITIONS[DisputeState(dispute.state)]:
            raise NotNow(f"dispute {dispute.dispute_ref} is {dispute.state}")
        _go(dispute, to=to, cause=cause, at=now(), actor=actor)
    return dispute


def locked(dispute_id: int) -> Dispute:
    """The dispute, locked after its payment, as everybody locks them."""
    payment_id = Dispute.objects.values_list("payment_id", flat=True).get(pk=dispute_id)
    if payment_id is not None:
        Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
    rows = Dispute.objects.select_for_update(of=("self",)).select_related("channel", "payment")
    return rows.get(pk=dispute_id)


@transaction.atomic
def link_strays(limit: int = 100) -> int:
    """Give disputes of unknown payments their payment, once it is known."""
    count = 0
    strays = Dispute.objects.filter(payment__isnull=True).order_by("id")
    for stray in strays[:limit]:
        payment = _locked_payment(stray.channel_id, stray.channel_ref, stray.order_ref, "")
        if payment is not None:
            Dispute.objects.filter(pk=stray.pk, payment__isnull=True).update(payment=payment)
            count += 1
    return count


def open_disputes(payment: Payment) -> QuerySet[Dispute]:
    """The disputes of a payment that have no verdict yet."""
    return Dispute.objects.filter(payment=payment, state__in=RUNNING)


def _check(notice: Notice) -> None:
    if notice.currency != INDIAN_CURRENCY:
        raise Malformed(f"expected {INDIAN_CURRENCY}, got {notice.currency}")
    if not 0 < notice.amount_paise <= PAISE_MAX:
        raise Malformed("expected an amount above zero")
    if not 0 < len(notice.dispute_ref) <= _REF_MAX:
        raise Malformed("expected the channel's identifier of the dispute")
    if not (notice.channel_ref or notice.order_ref or notice.reference):
        raise Malformed("expected the identifier of the disputed payment")
    if max(len(notice.channel_ref), len(notice.order_ref)) > _REF_MAX:
        raise Malformed(f"expected identifiers of at most {_REF_MAX} characters")


def _locked_payment(
    channel_id: int, channel_ref: str, order_ref: str, reference: str
) -> Payment | None:
    """The disputed payment: by their id, by our reference, or by an order that was paid once."""
    mine = Payment.objects.select_for_update(of=("self",)).filter(channel_id=channel_id)
    found = mine.filter(channel_ref=channel_ref).first() if channel_ref else None
    if found is None and reference:
        found = mine.filter(reference=reference).first()
    if found is None and order_ref:
        paid = list(mine.filter(order_ref=order_ref, state__in=PAID).order_by("pk")[:2])
        found = paid[0] if len(paid) == 1 else None
    return found


def _stored(
    channel_id: int, notice: Notice, payment: Payment | None, at: datetime
) -> tuple[Dispute, bool]:
    """The dispute of this name; one that a report began takes the name that is told now."""
    mine = Dispute.objects.select_for_update(of=("self",)).filter(channel_id=channel_id)
    named = mine.filter(dispute_ref=notice.dispute_ref).first()
    if named is not None:
        return named, False
    # A report names the dispute, or its payment; a notice has both.
    fits = Q(channel_ref=notice.dispute_ref)
    if payment is not None:
        fits |= Q(payment=payment, amount_paise=notice.amount_paise)
    begun = mine.filter(fits, dispute_ref__startswith=BY_LINE).order_by("id").first()
    if begun is not None:
        begun.dispute_ref = notice.dispute_ref
        begun.channel_ref = notice.channel_ref or begun.channel_ref
        begun.save(update_fields=["dispute_ref", "channel_ref"])
        return begun, False
    rank = _told(notice)[1]
    return Dispute.objects.get_or_create(
        channel_id=channel_id,
        dispute_ref=notice.dispute_ref,
        defaults={
            "payment": payment,
            "channel_ref": notice.channel_ref,
            "order_ref": notice.order_ref,
            "amount_paise": notice.amount_paise,
            "told_rank": rank,
            "told_at": at,
            "opened_at": at,
        },
    )


def _told(notice: Notice) -> tuple[DisputeState, int]:
    """The state that a notice asks for, and the rank of its news."""
    to = _VERDICTS.get(notice.outcome, DisputeState.OPEN)
    return to, 2 * _phase_rank(notice.phase) + (to is not DisputeState.OPEN)


def _phase_rank(phase: str) -> int:
    """Later phases turn the verdicts of earlier ones; what is not told counts as the first."""
    word = phase.lower().replace("-", "_").replace(" ", "_")
    if "arbitration" in word:
        return 1 if word.startswith("pre") else 2
    return 0


def _fill(dispute: Dispute, notice: Notice, payment: Payment | None) -> None:
    """Add what is news: the payment once, dates and words as the latest of them says."""
    if dispute.payment_id is None and payment is not None:
        dispute.payment = payment
    dispute.phase = notice.phase[:32] or dispute.phase
    dispute.code = notice.code[:64] or dispute.code
    dispute.reason = notice.detail[:200] or dispute.reason
    dispute.respond_by = notice.respond_by or dispute.respond_by
    dispute.opened_at = min(dispute.opened_at, notice.occurred_at or dispute.opened_at)
    dispute.save(update_fields=["payment", "phase", "code", "reason", "respond_by", "opened_at"])


def _go(
    dispute: Dispute,
    *,
    to: DisputeState,
    cause: str,
    at: datetime,
    by: InboundMessage | None = None,
    actor: str = "",
) -> None:
    _note(dispute, to=to, cause=cause, at=at, by=by, actor=actor)
    dispute.state = to
    dispute.ended_at = None if to in RUNNING else at
    dispute.save(update_fields=["state", "ended_at", "told_rank", "told_at", "amount_paise"])
    _agree(dispute)


def _note(
    dispute: Dispute,
    *,
    to: DisputeState,
    cause: str,
    at: datetime,
    by: InboundMessage | None = None,
    actor: str = "",
) -> None:
    DisputeEvent.objects.create(
        dispute=dispute,
        from_state=dispute.state,
        to_state=to,
        cause=cause.replace("\0", "")[:120],
        actor=actor,
        message=by,
        at=at,
    )


def _of_line(channel_id: int, line: TakenLine, payment: Payment | None) -> Dispute | None:
    """The dispute that a line names; else the only one of its payment and amount."""
    mine = Dispute.objects.select_for_update(of=("self",)).filter(channel_id=channel_id)
    names = {line.channel_ref, line.original_ref} - {""}
    named = mine.filter(dispute_ref__in=names).first()
    if named is not None or payment is None:
        return named
    fits = Q(payment=payment, amount_paise=abs(line.amount_paise))
    found = list(mine.filter(fits).order_by("-id")[:2])
    return found[0] if len(found) == 1 else None


def _begun_by_line(channel_id: int, line: TakenLine, payment: Payment | None) -> Dispute:
    """Only the report tells of it: the money is taken, the verdict is still to be told."""
    at = now()
    return Dispute.objects.create(
        channel_id=channel_id,
        dispute_ref=f"{BY_LINE}{line.key}"[:_REF_MAX],
        payment=payment,
        channel_ref=(line.original_ref or line.channel_ref)[:_REF_MAX],
        order_ref=line.order_ref[:_REF_MAX],
        amount_paise=abs(line.amount_paise),
        reason=line.reason[:200],
        told_at=LONG_AGO,  # nobody has told it yet: any notice is news
        opened_at=at,
    )


def _agree(dispute: Dispute) -> None:
    """Lines count in our books once they sum to what the verdict says: all of it, or nothing."""
    lines = DisputeLine.objects.filter(dispute=dispute)
    taken = lines.aggregate(sum=Sum("amount_paise"))["sum"]
    expected = {
        DisputeState.LOST: -dispute.amount_paise,
        DisputeState.WON: 0,
        DisputeState.CLOSED: 0,
    }.get(DisputeState(dispute.state))
    if taken is None:
        return
    if dispute.state == DisputeState.ACCEPTED and taken == -dispute.amount_paise:
        # We gave in, and the channel took the money: that is the verdict.
        _go(dispute, to=DisputeState.LOST, cause="given in, and the money was taken", at=now())
    elif taken == expected:
        lines.filter(agreed_at__isnull=True).update(agreed_at=now())
