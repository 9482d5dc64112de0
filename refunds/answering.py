"""Answers to disputes: written with their evidence, sent once before the date, or done by hand.

Above a limit, and always when we give in, a second person decides. An answer that may not have
arrived goes to a person, who looks at the channel's own pages; it is never sent again unseen.
"""

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from channels_.contract import Evidence, Exchange, Notice, NoticeKind, Setup, Wire
from channels_.models import Channel
from channels_.registry import adapter
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError, Malformed
from cspdcl.kernel.money import Paise
from enquiries import alarms, breakers, operations, passes
from enquiries.models import Alarm, Operation, OperationAttempt
from enquiries.operations import Tried, Verdict
from enquiries.states import State as Asked
from payments import disputes
from payments.models import Dispute, Refund
from payments.states import RUNNING, DisputeState
from people import audit
from people.access import has_role
from people.models import User
from people.roles import FINANCE, FINANCE_APPROVER
from refunds.models import DisputeAnswer
from refunds.states import ANSWER_OPEN, ANSWER_TRANSITIONS, AnswerState

SUMMARY_MAX: Final = 1000
ALONE_SETTING: Final = "dispute_alone_paise"  # in Channel.settings
ALONE_PAISE: Final = 10_00_000  # 10,000 rupees: below it one person may answer with evidence
WARN_BEFORE: Final = timedelta(days=3)
BATCH: Final = 100

_SENT_MAX: Final = 2  # the second time only after a no that an old token may have caused
_NOTE_MAX: Final = 200
_Reading = OperationAttempt.Reading

log = logging.getLogger(__name__)


class NotAnswerable(DomainError):
    """The dispute cannot be answered like this, or not any more."""

    code = "not_answerable"


class NotYours(DomainError):
    """The person may not take this part: who writes an answer never decides on it."""

    code = "not_yours"


def work() -> int:
    """One round of the watch; says how many answers were sent."""
    disputes.link_strays()
    operations.recover_lost(Operation.Kind.DISPUTE, decide=_after_sending)
    count = sum(send(one) for one in _waiting_to_be_sent())
    give_in_where_late()
    warn()
    return count


@transaction.atomic
def propose(dispute: Dispute, *, summary: str, accept: bool, by: User) -> DisputeAnswer:
    """Write an answer; what one person may not send alone waits for a second one."""
    held = disputes.locked(dispute.pk)
    if not has_role(by, *FINANCE):
        raise NotYours("people of finance answer disputes")
    text = summary.strip()
    if not 0 < len(text) <= SUMMARY_MAX or "\0" in text:
        raise NotAnswerable(f"say what proves us right, in at most {SUMMARY_MAX} characters")
    if held.state not in (DisputeState.OPEN, DisputeState.ANSWERED):
        raise NotAnswerable(f"dispute {held.dispute_ref} is {held.state}")
    if held.respond_by is not None and held.respond_by < now():
        raise NotAnswerable("its date has passed")
    if DisputeAnswer.objects.filter(dispute=held, state__in=ANSWER_OPEN).exists():
        raise NotAnswerable("another answer is under way")
    needs_second = accept or held.amount_paise > alone_paise(held.channel)
    made = DisputeAnswer.objects.create(
        dispute=held,
        phase=held.phase,
        summary=text,
        accept=accept,
        needs_second=needs_second,
        state=AnswerState.PROPOSED if needs_second else AnswerState.APPROVED,
        made_by=by,
    )
    audit.record(by, "dispute.answered", _name(held), after=_facts(made))
    return made


@transaction.atomic
def decide(answer: DisputeAnswer, *, approve: bool, by: User, note: str = "") -> DisputeAnswer:
    """Approve or reject an answer that somebody else wrote."""
    held = _locked(answer.pk)
    if not has_role(by, FINANCE_APPROVER):
        raise NotYours("finance approvers decide on answers")
    if held.made_by_id == by.pk:
        raise NotYours("who wrote it cannot decide on it")
    if held.state != AnswerState.PROPOSED:
        raise NotAnswerable("it was decided already")
    if not approve and not note.strip():
        raise NotAnswerable("a rejection needs a reason")
    held.decided_by, held.decided_at = by, now()
    _move(held, AnswerState.APPROVED if approve else AnswerState.REJECTED, note.strip())
    audit.record(by, f"dispute.{held.state}", _name(held.dispute), after=_facts(held))
    return held


@transaction.atomic
def done_by_hand(answer: DisputeAnswer, *, by: User, note: str) -> DisputeAnswer:
    """The answer was given at the channel's own pages, says a person, and where that is seen."""
    held = _locked(answer.pk)
    if not has_role(by, *FINANCE):
        raise NotYours("people of finance answer disputes")
    if held.state != AnswerState.MANUAL:
        raise NotAnswerable("it does not wait for a person")
    if not note.strip():
        raise NotAnswerable("say what proves it")
    _move(held, AnswerState.DONE, note.strip())
    _tell_dispute(held, actor=by.username)
    audit.record(by, "dispute.done", _name(held.dispute), after=_facts(held))
    return held


@transaction.atomic
def conclude(dispute: Dispute, *, to: DisputeState, by: User, note: str) -> Dispute:
    """Note the verdict that a channel gave on paper or at its own pages only."""
    if not has_role(by, FINANCE_APPROVER):
        raise NotYours("finance approvers note verdicts")
    if to not in (DisputeState.WON, DisputeState.LOST, DisputeState.CLOSED):
        raise NotAnswerable("expected won, lost or closed")
    if not note.strip():
        raise NotAnswerable("say where the verdict is seen")
    was = disputes.locked(dispute.pk).state
    if was not in RUNNING:
        raise NotAnswerable(f"dispute {dispute.dispute_ref} is {was}")
    moved = disputes.move(dispute.pk, to=to, cause=note.strip(), actor=by.username)
    audit.record(
        by,
        "dispute.concluded",
        _name(moved),
        before={"state": was},
        after={"state": to.value, "note": note.strip()},
    )
    return moved


def alone_paise(channel: Channel) -> int:
    """Up to this amount one person may answer a channel's dispute with evidence."""
    agreed = channel.settings.get(ALONE_SETTING, ALONE_PAISE)
    return agreed if type(agreed) is int and agreed >= 0 else ALONE_PAISE


def send(answer_id: int) -> bool:
    """Send one approved answer, once; says whether the channel was asked."""
    operation = _intended(answer_id)
    if operation is None or breakers.is_left_alone(operation.channel):
        return False
    if operation.state != Asked.INTENDED or (operation.next_at and operation.next_at > now()):
        _follow(answer_id, operation)
        return False
    claimed = operations.claim(operation.pk)
    if claimed is None:
        return False
    _asked(claimed, answer_id)
    if claimed.state == Asked.UNKNOWN and claimed.note.startswith(_TOKEN):
        passes.forget(claimed.channel)
        again = operations.claim(claimed.pk)
        if again is not None:
            _asked(again, answer_id)
            claimed = again
    _follow(answer_id, claimed)
    return True


def give_in_where_late(limit: int = BATCH) -> int:
    """A date that passed unanswered is taken as giving in: the money will be taken."""
    answered = DisputeAnswer.objects.filter(state__in=[AnswerState.SENT, AnswerState.DONE])
    late = Dispute.objects.filter(state=DisputeState.OPEN, respond_by__lt=now()).exclude(
        answers__in=answered
    )
    keys = list(late.order_by("respond_by", "id").values_list("pk", flat=True)[:limit])
    for one in keys:
        with transaction.atomic():
            held = disputes.locked(one)
            if held.state == DisputeState.OPEN:
                cause = "unanswered when its date passed: taken as given in"
                disputes.move(one, to=DisputeState.ACCEPTED, cause=cause, actor=audit.SYSTEM)
                log.error("dispute %s: %s", held.dispute_ref, cause)
    return len(keys)


def warn() -> int:
    """Raise the alarm of each channel with a dispute whose date is near, clear it elsewhere."""
    near = now() + WARN_BEFORE
    urgent: dict[int, Dispute] = {}
    rows = Dispute.objects.filter(state=DisputeState.OPEN, respond_by__lt=near)
    for one in rows.select_related("channel").order_by("-respond_by"):
        urgent[one.channel_id] = one
    excess = _in_excess()
    for channel in Channel.objects.order_by("code"):
        dispute = urgent.get(channel.pk)
        if dispute is not None and dispute.respond_by is not None:
            detail = f"{dispute.dispute_ref} by {dispute.respond_by:%d-%m-%Y %H:%M} UTC"
            alarms.sound(channel, kind=Alarm.Kind.DISPUTE, detail=detail)
        else:
            alarms.clear(channel, kind=Alarm.Kind.DISPUTE)
        if channel.pk in excess:
            alarms.sound(channel, kind=Alarm.Kind.REFUND, detail=excess[channel.pk])
        else:
            alarms.clear(channel, kind=Alarm.Kind.REFUND)
    return len(urgent)


def _in_excess() -> dict[int, str]:
    """Channels that told of more money going back than was paid, with one such payment."""
    rows = Refund.objects.filter(is_excess=True).select_related("payment").order_by("-updated_at")
    return {one.channel_id: f"{one.channel_ref} of {one.payment.reference}" for one in rows[:BATCH]}


def _waiting_to_be_sent() -> list[int]:
    rows = DisputeAnswer.objects.filter(state__in=[AnswerState.APPROVED, AnswerState.SENDING])
    return list(rows.order_by("id").values_list("pk", flat=True)[:BATCH])


@transaction.atomic
def _intended(answer_id: int) -> Operation | None:
    held = _locked(answer_id)
    dispute, channel = held.dispute, held.dispute.channel
    if held.state == AnswerState.APPROVED:
        can_call = adapter(channel.adapter).dispute is not None and bool(channel.api_url)
        is_named = not dispute.dispute_ref.startswith(disputes.BY_LINE)
        if not can_call or not is_named:
            _move(held, AnswerState.MANUAL, "the channel takes no answers by a call")
            return None
        if channel.paused_at is not None or not channel.is_live:
            return None
        _move(held, AnswerState.SENDING, "")
    if held.state != AnswerState.SENDING:
        return None
    return operations.intend(
        channel,
        kind=Operation.Kind.DISPUTE,
        key=held.public_id.hex,
        budget=_SENT_MAX,
        amount_paise=dispute.amount_paise,
        payment=dispute.payment,
        subject=dispute.dispute_ref,
        next_at=now(),
    )


def _asked(operation: Operation, answer_id: int) -> Tried[Notice]:
    exchange = adapter(operation.channel.adapter).dispute
    if exchange is None:
        raise NotAnswerable(f"{operation.channel.code} takes no answers by a call")
    held = DisputeAnswer.objects.select_related("dispute__payment").get(pk=answer_id)
    dispute = held.dispute
    payment = dispute.payment
    evidence = Evidence(
        dispute_ref=dispute.dispute_ref,
        channel_ref=(payment.channel_ref if payment else "") or dispute.channel_ref,
        amount_paise=Paise(dispute.amount_paise),
        summary=held.summary,
        accept=held.accept,
    )
    own = _own_reader(exchange)
    return operations.ask(
        operation,
        exchange=Exchange(call=exchange.call, read=own),
        asked=evidence,
        decide=_after_sending,
        keep=_keep,
    )


def _own_reader(exchange: Exchange[Evidence, Notice]) -> Any:
    def read(wire: Wire, setup: Setup, asked: Evidence) -> Notice:
        told = exchange.read(wire, setup, asked)
        if told.kind is not NoticeKind.DISPUTE or told.dispute_ref != asked.dispute_ref:
            raise Malformed(f"answered {asked.dispute_ref}, told of something else")
        return told

    return read


def _keep(operation: Operation, tried: Tried[Notice]) -> None:
    """What their answer says of the dispute is stored with the try, or not at all."""
    if tried.value is None:
        return
    try:
        with transaction.atomic():
            at: datetime = tried.value.occurred_at or tried.at
            disputes.note_dispute(operation.channel_id, notice=tried.value, at=at)
    except (DomainError, Malformed) as refusal:
        log.warning("refused the answer about dispute %s: %s", operation.subject, refusal)


_TOKEN: Final = "with another token: "  # noqa: S105 - words for people


def _after_sending(operation: Operation, tried: Tried[Any]) -> Verdict:
    if tried.reading is _Reading.ANSWERED:
        return Verdict(state=Asked.SUCCEEDED, note="taken")
    if tried.reading is _Reading.NOT_SENT:
        pause = timedelta(seconds=60)
        return Verdict(state=Asked.INTENDED, next_at=now() + pause, note=tried.detail)
    if tried.reading is _Reading.DECLINED:
        if operation.spent < _SENT_MAX and adapter(operation.channel.adapter).token is not None:
            return Verdict(state=Asked.UNKNOWN, note=f"{_TOKEN}{tried.detail}")
        return Verdict(state=Asked.FAILED, note=tried.detail)
    return Verdict(state=Asked.MANUAL, note=tried.detail)


@transaction.atomic
def _follow(answer_id: int, operation: Operation) -> None:
    """The answer goes where its operation went; what nobody can say is a person's to look at."""
    held = _locked(answer_id)
    if held.state != AnswerState.SENDING:
        return
    if operation.state == Asked.SUCCEEDED:
        _move(held, AnswerState.SENT, "")
        _tell_dispute(held, actor=held.made_by.username)
    elif operation.state == Asked.FAILED:
        _move(held, AnswerState.DECLINED, operation.note)
    elif operation.state in (Asked.MANUAL, Asked.UNKNOWN):
        _move(held, AnswerState.MANUAL, f"it may have arrived: {operation.note}")


def _tell_dispute(held: DisputeAnswer, *, actor: str) -> None:
    to = DisputeState.ACCEPTED if held.accept else DisputeState.ANSWERED
    current = disputes.locked(held.dispute_id)
    if current.state in (DisputeState.OPEN, DisputeState.ANSWERED):
        disputes.move(held.dispute_id, to=to, cause=held.summary[:100], actor=actor)


def _locked(answer_id: int) -> DisputeAnswer:
    dispute_id = DisputeAnswer.objects.values_list("dispute_id", flat=True).get(pk=answer_id)
    disputes.locked(dispute_id)
    rows = DisputeAnswer.objects.select_for_update(of=("self",))
    return rows.select_related("dispute__channel", "dispute__payment", "made_by").get(pk=answer_id)


def _move(held: DisputeAnswer, to: AnswerState, note: str) -> None:
    was = AnswerState(held.state)
    if to not in ANSWER_TRANSITIONS[was]:
        raise NotAnswerable(f"the answer is {was.value}, it cannot become {to.value}")
    held.state = to
    held.note = note.replace("\0", "")[:_NOTE_MAX]
    held.save()
    log.info("answer to %s %s -> %s", held.dispute.dispute_ref, was.value, to.value)


def _name(dispute: Dispute) -> tuple[str, str]:
    return "dispute", f"{dispute.channel.code}:{dispute.dispute_ref}"


def _facts(answer: DisputeAnswer) -> dict[str, object]:
    return {"accept": answer.accept, "state": answer.state, "note": answer.note}
