"""Every write to a request for a refund: asked by one person, decided by another, moved by news.

Locks: the payment first, then the request. Whether money is left is a sum of the database, taken
under the payment's lock; the database refuses the row that would exceed it, whoever writes it.
"""

import logging
from collections.abc import Callable
from typing import Final

from django.db import connection, transaction

from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.ids import new_reference
from cspdcl.kernel.money import PAISE_MAX, grouped_rupees
from enquiries import ladder
from payments.disputes import open_disputes
from payments.models import Payment, Refund
from payments.states import State as PaymentState
from people import audit
from people.access import has_role
from people.models import User
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER
from refunds.models import RefundEvent, RefundRequest
from refunds.states import TRANSITIONS, State

_NOTE_MAX: Final = 200
_KEY_MAX: Final = 64

Objection = Callable[[Payment], str]  # why a payment cannot be refunded now; empty when it can

_objections: Final[dict[str, Objection]] = {}

log = logging.getLogger(__name__)


class NotRefundable(DomainError):
    """This money cannot go back, or not like this, or not now."""

    code = "not_refundable"


class NotYours(DomainError):
    """The person may not take this part: who asks never decides."""

    code = "not_yours"


class IllegalMove(DomainError):
    """The request cannot go there from where it stands."""

    code = "illegal_move"


def ask(
    payment: Payment, *, amount_paise: int, reason: str, by: User, submit_key: str
) -> RefundRequest:
    """Ask for money to go back; a second person decides. The same key twice is the same request.

    When it is in doubt whether the payment was paid, its channel is asked first.
    """
    _check_words(amount_paise, reason, submit_key)
    if not has_role(by, FINANCE_OFFICER):
        raise NotYours("finance officers ask for refunds")
    before = _asked_before(by, submit_key, payment, amount_paise)
    if before is not None:
        return before
    if not ladder.is_decided(payment):
        _ask_channel(payment)
    return _asked(payment, amount_paise, reason.strip(), by, submit_key)


@transaction.atomic
def decide(request: RefundRequest, *, approve: bool, by: User, answer: str = "") -> RefundRequest:
    """Approve or refuse what somebody else asked for."""
    held = locked(request.pk)
    if not has_role(by, FINANCE_APPROVER):
        raise NotYours("finance approvers decide on refunds")
    if held.asked_by_id == by.pk:
        raise NotYours("who asked for it cannot decide on it")
    if held.state != State.ASKED:
        raise IllegalMove(f"{held.reference} was decided already")
    if approve:
        refuse_unless_free(held.payment)
    elif not answer.strip():
        raise NotRefundable("a refusal needs a reason")
    held.decided_by, held.decided_at, held.answer = by, now(), answer.strip()[:_NOTE_MAX]
    to = State.APPROVED if approve else State.REFUSED
    move(held, to=to, cause=held.answer or to.value, actor=by.username)
    audit.record(by, f"refund.{to.value}", held, after=_facts(held), office=held.payment.office)
    return held


@transaction.atomic
def finish_by_hand(request: RefundRequest, *, is_paid: bool, by: User, note: str) -> RefundRequest:
    """Say what became of a refund that a person did, or looked up, at the channel or the bank."""
    held = locked(request.pk)
    if not has_role(by, FINANCE_OFFICER, FINANCE_APPROVER):
        raise NotYours("people of finance say what became of a refund")
    if held.state != State.MANUAL:
        raise IllegalMove(f"{held.reference} does not wait for a person")
    if not note.strip():
        raise NotRefundable("say what proves it: a UTR, a cheque number, the channel's own page")
    to = State.SUCCEEDED if is_paid else State.FAILED
    move(held, to=to, cause=note.strip(), actor=by.username)
    audit.record(
        by,
        f"refund.{to.value}_by_hand",
        held,
        after=_facts(held) | {"note": note.strip()},
        office=held.payment.office,
    )
    return held


def locked(request_id: int) -> RefundRequest:
    """The request, locked after its payment; for use inside a transaction."""
    payment_id = RefundRequest.objects.values_list("payment_id", flat=True).get(pk=request_id)
    Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)
    rows = RefundRequest.objects.select_for_update(of=("self",))
    return rows.select_related("payment__channel", "payment__office", "refund").get(pk=request_id)


def move(request: RefundRequest, *, to: State, cause: str, actor: str = "") -> None:
    """Take a locked request along one legal edge, with its event; the same again is nothing."""
    was = State(request.state)
    if was == to:
        return
    if to not in TRANSITIONS[was]:
        raise IllegalMove(f"{request.reference} is {was.value}, it cannot become {to.value}")
    words = cause.replace("\0", "")[:_NOTE_MAX]
    request.state, request.note = to, words
    if not TRANSITIONS[to] or to is State.FAILED:
        request.ended_at = now()
    request.save()
    RefundEvent.objects.create(
        request=request, from_state=was, to_state=to, cause=words, actor=actor
    )
    log.info("refund %s %s -> %s: %s", request.reference, was.value, to.value, words)


@transaction.atomic
def follow(request_id: int) -> RefundRequest:
    """Let a request go where the channel's word about its refund takes it."""
    held = locked(request_id)
    if held.refund_id is None:
        found = _told_refund(held)
        if found is not None:
            held.refund = found
            held.told_ref = found.channel_ref
            held.save(update_fields=["refund", "told_ref"])
    if held.refund is None or held.state in (State.ASKED, State.APPROVED, State.REFUSED):
        return held
    if held.refund.state == Refund.State.SUCCEEDED and held.state != State.SUCCEEDED:
        move(held, to=State.SUCCEEDED, cause=f"told as {held.refund.channel_ref}")
    elif held.refund.state == Refund.State.FAILED and held.state in (State.SENDING, State.MANUAL):
        move(held, to=State.FAILED, cause=f"{held.refund.channel_ref} failed at the channel")
    return held


def room_of(payment_id: int) -> int:
    """What may still go back of a payment, in paise; exact only under the payment's lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT refund_room(%s)", [payment_id])
        return int(cursor.fetchone()[0])


def refuse_unless_free(payment: Payment) -> None:
    """Refuse while the same money is disputed: the payer's bank may take it as well."""
    if payment.state != PaymentState.SUCCEEDED:
        raise NotRefundable(f"{payment.reference} is {payment.state}: there is no money to go back")
    dispute = open_disputes(payment).order_by("id").first()
    if dispute is not None:
        raise NotRefundable(
            f"{payment.reference} is disputed ({dispute.dispute_ref}): it would go back twice"
        )
    for name in sorted(_objections):
        words = _objections[name](payment)
        if words:
            raise NotRefundable(words)


def object_by(name: str, objection: Objection) -> None:
    """Let an app above say why money cannot go back yet; called when the app is ready."""
    _objections[name] = objection


def _asked_before(
    by: User, submit_key: str, payment: Payment, amount_paise: int
) -> RefundRequest | None:
    made = RefundRequest.objects.filter(asked_by=by, submit_key=submit_key).first()
    if made is not None and (made.payment_id, made.amount_paise) != (payment.pk, amount_paise):
        raise NotRefundable("the key was used for another refund")
    return made


def _ask_channel(payment: Payment) -> None:
    """Nobody pays back what may not have come; the ladder's budget holds here too."""
    try:
        found = ladder.ask_now(payment)
    except (ladder.BudgetSpent, ladder.NotAskable) as error:
        raise NotRefundable(f"nobody knows yet whether it was paid: {error}") from error
    if not ladder.is_decided(found):
        raise NotRefundable(f"nobody knows yet whether {payment.reference} was paid")


@transaction.atomic
def _asked(
    payment: Payment, amount_paise: int, reason: str, by: User, submit_key: str
) -> RefundRequest:
    rows = Payment.objects.select_for_update(of=("self",)).select_related("channel", "office")
    held = rows.get(pk=payment.pk)
    before = _asked_before(by, submit_key, held, amount_paise)
    if before is not None:
        return before
    refuse_unless_free(held)
    room = room_of(held.pk)
    if amount_paise > room:
        raise NotRefundable(
            f"{grouped_rupees(max(room, 0))} rupees of {held.reference} may still go back"
        )
    made = RefundRequest.objects.create(
        reference=new_reference(),
        payment=held,
        amount_paise=amount_paise,
        reason=reason,
        submit_key=submit_key,
        asked_by=by,
    )
    audit.record(by, "refund.asked", made, after=_facts(made), office=held.office)
    return made


def _check_words(amount_paise: int, reason: str, submit_key: str) -> None:
    if not 0 < amount_paise <= PAISE_MAX:
        raise NotRefundable("expected an amount above zero")
    if not reason.strip() or len(reason) > _NOTE_MAX or "\0" in reason:
        raise NotRefundable(f"say why, in at most {_NOTE_MAX} characters")
    if not 0 < len(submit_key) <= _KEY_MAX or "\0" in submit_key:
        raise NotRefundable(f"expected a key of 1 to {_KEY_MAX} characters")


def _told_refund(request: RefundRequest) -> Refund | None:
    """The channel's refund of this request: by the name it gave, or by ours where it came back."""
    told = Refund.objects.filter(payment=request.payment, request__isnull=True)
    bare = _bare(request.reference)
    for refund in told.order_by("id"):
        if refund.channel_ref == request.told_ref or _bare(refund.reference) == bare:
            return refund
    return None


def _bare(reference: str) -> str:
    """Some partners carry our reference without its hyphens."""
    return reference.replace("-", "").upper()


def _facts(request: RefundRequest) -> dict[str, object]:
    return {
        "payment": request.payment.reference,
        "amount_paise": request.amount_paise,
        "reason": request.reason,
        "state": request.state,
        "answer": request.answer,
    }
