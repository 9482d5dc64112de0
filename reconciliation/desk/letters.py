"""Asking a channel or a bank about a break, or holding it against them; and what they answer.

The letter leaves by ``outgoing`` in the transaction that keeps it: what is rolled back was never
asked.
"""

import uuid
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import override

from channels_.models import Channel
from cspdcl.kernel.clock import now
from outgoing import port
from outgoing.states import Channel as Way
from people import audit
from people.access import has_role
from people.models import User
from people.roles import FINANCE
from reconciliation.desk.decisions import NotDecidable, NotYours
from reconciliation.models import Break, BreakLetter, Decision, Reason

CONTACT: Final = "contact_email"  # in Channel.settings: who answers questions about money
WORDS_MAX: Final = 200
AGAIN: Final = timedelta(hours=1)  # the same words later are a reminder, and leave the house
_ANSWER_MAX: Final = 1000


def contact_of(channel: Channel | None) -> str:
    """The address that was agreed with a channel; empty when there is none."""
    told = channel.settings.get(CONTACT, "") if channel is not None else ""
    return told if isinstance(told, str) else ""


@transaction.atomic
def ask(open_break: Break, *, words: str, to: str, by: User) -> BreakLetter:
    """Ask the channel or bank of a break. Raises NotDecidable for no address or no question.

    Who asks the very same again while the first letter is fresh has pressed twice: one letter.
    """
    if not has_role(by, *FINANCE):
        raise NotYours("people of finance ask channels")
    locked = Break.objects.select_for_update().get(pk=open_break.pk)
    if locked.state != Break.State.OPEN:
        raise NotDecidable("the break is closed")
    last = locked.letters.filter(kind=BreakLetter.Kind.QUESTION).order_by("-id").first()
    if last is not None and _is_same(last, words=check_words(words), to=to, by=by):
        return last
    return _send(locked, kind=BreakLetter.Kind.QUESTION, words=words, to=to, by=by)


def _is_same(last: BreakLetter, *, words: str, to: str, by: User) -> bool:
    return (
        last.state == BreakLetter.State.SENT
        and last.at > now() - AGAIN
        and (last.by_id, last.words) == (by.pk, words)
        and port.goes_to(last.outgoing, to)
    )


def dispute(decision: Decision, *, by: User) -> BreakLetter:
    """Send what was decided to be held against a channel. The caller has locked the decision."""
    if decision.open_break is None:
        raise NotDecidable("expected a break")
    return _send(
        decision.open_break,
        kind=BreakLetter.Kind.DISPUTE,
        words=decision.why,
        to=decision.letter_to,
        by=by,
        decision=decision,
    )


def check_words(words: str) -> str:
    """What a letter says, as it is sent. Raises NotDecidable for nothing, or for too much."""
    said = words.replace("\0", "").strip()
    if not said or len(said) > WORDS_MAX:
        raise NotDecidable(f"say it in 1 to {WORDS_MAX} characters")
    return said


def check_address(to: str) -> str:
    """The address as it is used. Raises NotDecidable for what is none."""
    address = port.address_of(Way.EMAIL, to)
    if not address:
        raise NotDecidable(f"expected an e-mail address, got {to[:60]!r}")
    return address


@transaction.atomic
def note_answer(letter: BreakLetter, *, words: str, by: User) -> BreakLetter:
    """Keep what the channel answered."""
    return _end(letter, BreakLetter.State.ANSWERED, words=words, by=by)


@transaction.atomic
def withdraw(letter: BreakLetter, *, words: str, by: User) -> BreakLetter:
    """It needs no answer any more, and why."""
    return _end(letter, BreakLetter.State.WITHDRAWN, words=words, by=by)


def _end(letter: BreakLetter, state: BreakLetter.State, *, words: str, by: User) -> BreakLetter:
    if not has_role(by, *FINANCE):
        raise NotYours("people of finance write to channels")
    said = words.replace("\0", "").strip()
    if not said or len(said) > _ANSWER_MAX:
        raise NotDecidable(f"say it in 1 to {_ANSWER_MAX} characters")
    locked = BreakLetter.objects.select_for_update(of=("self",)).get(pk=letter.pk)
    if locked.state != BreakLetter.State.SENT:
        raise NotDecidable(f"this letter is {locked.get_state_display()} already")
    locked.state, locked.answer = state, said
    locked.answered_by, locked.answered_at = by, now()
    locked.save(update_fields=["state", "answer", "answered_by", "answered_at"])
    audit.record(by, f"letter.{state}", ("letter", locked.public_id), after={"words": said})
    return locked


def _send(
    open_break: Break,
    *,
    kind: BreakLetter.Kind,
    words: str,
    to: str,
    by: User,
    decision: Decision | None = None,
) -> BreakLetter:
    said = check_words(words)
    address, name = check_address(to), uuid.uuid4().hex
    with override("en"):  # partners read English
        reason = str(Reason(open_break.reason).label)
    sent = port.tell(
        f"break_{kind}",
        channel=Way.EMAIL,
        key=f"break_{kind}:{name}",
        to=address,
        language="en",
        facts={
            "reason": reason,
            "reference": open_break.reference,
            "amount_paise": open_break.amount_paise,
            "on": open_break.business_date,
            "words": said,
        },
        about=("break", open_break.public_id),
        office=None,
    )
    if sent is None:
        raise NotDecidable("the address takes no letters")
    made = BreakLetter.objects.create(
        public_id=name,
        open_break=open_break,
        kind=kind,
        words=said,
        outgoing=sent,
        by=by,
        decision=decision,
    )
    after = {"break": open_break.public_id, "to": sent.recipient_masked, "words": said}
    audit.record(by, f"letter.{kind}", ("letter", name), after=after)
    return made
