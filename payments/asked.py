"""What partners ask and wait for: dues, may-I, pay, how-did-it-go; answered from the books.

What only asks is answered and forgotten. What changes something is kept in the inbox first: one
transaction decides, keeps the message and commits; then the message is applied as any notice is,
and the answer is read from the payment that it became. So a kill at any moment is harmless. Before
the commit nothing was said, and the partner asks again. After it the worker applies what is left,
because the adapter's ``parse`` reads the same payment out of the same message. The answer is never
remembered, it is read again: a repeat finds the payment by its ``channel_ref``, or what was refused
by its key, whatever the repeat's own number and moment are.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, NamedTuple

from django.db import transaction
from django.db.models import Q

from channels_ import answers, inbox
from channels_.asking import Exactness, Terms, terms_of
from channels_.contract import (
    Ask,
    AskKind,
    Dues,
    Inbound,
    Notice,
    Outcome,
    Reply,
    ReplyCode,
    Setup,
    Unreadable,
    Wire,
)
from channels_.inbox import Door, Kept
from channels_.models import Channel, InboundMessage
from channels_.views import unproved
from cspdcl.kernel.errors import DomainError, Malformed, Unverified
from cspdcl.kernel.ids import canonical
from cspdcl.kernel.money import Paise
from payments import owed
from payments.actions import lock_words, reverse_by_channel
from payments.dues import Owed, coverings, outstanding
from payments.inbox import apply_notices
from payments.models import Consumer, Payment, RefusedAsk
from payments.states import PAID, State

By = Literal["number", "business_partner", "either"]

_CHANGING: Final = frozenset({AskKind.PAY, AskKind.REVERSE, AskKind.COMPLAINT})
_FROM_ALL: Final = (Exactness.EXACT, Exactness.AT_LEAST)
_UP_TO_ALL: Final = (Exactness.EXACT, Exactness.AT_MOST)

_PAUSED: Final = "The channel is paused for the moment."
_ACCOUNT: Final = ("pk", "number", "business_partner", "name", "plan", "is_active")
_BILL: Final = ("pk", "number", "period", "amount_paise", "issued_on", "due_on")
_ACCOUNTS_MAX: Final = 50  # of one business partner: two of them are too many already
_ROWS_MAX: Final = 2000

log = logging.getLogger(__name__)


class NoQuestions(inbox.NoSuchDoor):
    """The channel tells, but asks nothing."""


@dataclass(frozen=True, slots=True)
class _Decided:
    """A question that changes something, decided: refused now, or kept to be applied."""

    reply: Reply | None = None
    kept: Kept | None = None


class _Account(NamedTuple):
    """A consumer as far as paying goes."""

    pk: int
    number: str
    business_partner: str
    name: str
    plan: str
    is_active: bool


class _Bill(NamedTuple):
    pk: int
    number: str
    period: str
    amount_paise: int
    issued_on: date
    due_on: date


def answer(code: str, *, inbound: Inbound, address: str) -> Wire:
    """Answer one question in the channel's own shape; NoSuchDoor and NotLive have none."""
    with inbox.counted(code, address=address):
        here = inbox.door(code)
        if here.adapter.ask is None:
            raise NoQuestions(f"{code} asks nothing")
    try:
        with inbox.counted(code, address=address):
            setup = inbox.believed(here, inbound)
            ask = _read(here, inbound, setup)
    except (inbox.Oversized, inbox.Doubled, Malformed) as error:
        return refusal(here, Reply(code=ReplyCode.MALFORMED, detail=str(error)))
    except Unverified as error:
        return refusal(here, Reply(code=ReplyCode.NOT_ALLOWED, detail=unproved(error)[1]))
    if here.adapter.ask.acknowledge is not None:
        _take(here, ask, inbound, setup, apart=True)
        owed.ring()
        return here.adapter.ask.acknowledge(ask, setup)
    return here.adapter.ask.reply(ask, _take(here, ask, inbound, setup, apart=False), setup)


def refusal(here: Door, reply: Reply) -> Wire:
    """A refusal in the channel's shape, when there is no question that could be read."""
    if here.adapter.ask is None:
        raise NoQuestions(f"{here.channel.code} asks nothing")
    setup = here.setups[0] if here.setups else Setup(merchant_id=here.channel.merchant_id)
    return here.adapter.ask.refuse(reply, inbox.at_once(setup))


def unavailable(code: str) -> Wire | None:
    """What to say while the database is away, if the channel's shape is remembered."""
    here = inbox.remembered_door(code)
    if here is None or here.adapter.ask is None:
        return None
    return refusal(here, Reply(code=ReplyCode.UNAVAILABLE, detail="Ask again."))


def reply_to(channel: Channel, ask: Ask, *, is_kept: bool = False) -> Reply:
    """The answer to a question as the books stand now; it changes nothing.

    ``is_kept``: its message is in the inbox, so that it will be decided if it is not yet.
    """
    if ask.kind in (AskKind.DUES, AskKind.VALIDATE) and channel.paused_at is not None:
        return Reply(code=ReplyCode.UNAVAILABLE, detail=_PAUSED)
    if ask.kind is AskKind.PAY:
        return (
            _standing(channel, ask, is_repeat=not is_kept)
            or _refused_before(channel, ask)
            or Reply(code=ReplyCode.PENDING if is_kept else ReplyCode.UNAVAILABLE)
        )
    return _REPLIES[ask.kind](channel, ask)


def dues_of(number: str, *, by: By = "either", terms: Terms | None = None) -> Dues | ReplyCode:
    """What a consumer owes, in two queries; or why a partner is told no amount.

    The exact consumer number comes before a business partner of the same digits; a partner with
    several accounts names none of them. A prepaid consumer owes nothing: least and most are told.
    """
    agreed = terms or Terms()
    account, bills = _account_and_bills(number, by=by)
    if account is None:
        return ReplyCode.UNKNOWN_CONSUMER
    if not agreed.allows(account.plan):
        return ReplyCode.NOT_ALLOWED
    if account.plan == Consumer.Plan.PREPAID:
        return _recharge(account, agreed)
    known = [Owed(bill.pk, bill.amount_paise, bill.issued_on, bill.due_on) for bill in bills]
    left = outstanding(known, coverings(account.pk, known))
    open_bills = [bill for bill in bills if left[bill.pk]]
    if not open_bills:
        return ReplyCode.NO_DUES if account.is_active else ReplyCode.INACTIVE_CONSUMER
    newest = max(open_bills, key=lambda bill: (bill.due_on, bill.pk))
    total = sum(left[bill.pk] for bill in open_bills)
    return Dues(
        consumer_number=account.number,
        name=account.name,
        plan=account.plan,
        amount_paise=Paise(total),
        bill_number=newest.number,
        bill_period=newest.period,
        issued_on=newest.issued_on,
        due_on=newest.due_on,
        least_paise=Paise(total if agreed.amount in _FROM_ALL else 1),
        most_paise=Paise(total if agreed.amount in _UP_TO_ALL else 0),
    )


def _read(here: Door, inbound: Inbound, setup: Setup) -> Ask:
    if inbound.path.startswith(answers.PATH) or here.adapter.ask is None:
        raise Unreadable("an answer comes to who asked, not to the door")
    try:
        return here.adapter.ask.parse(inbound, setup)
    except Unreadable:
        raise
    except Malformed as error:
        # Who asks waits for an answer: nothing is kept for a person, they can be told at once.
        raise Unreadable(str(error)) from error


def _take(here: Door, ask: Ask, inbound: Inbound, setup: Setup, *, apart: bool) -> Reply:
    """Do what is asked; an answer that is wanted apart is owed from the same commit on."""
    if ask.kind not in _CHANGING:
        if apart:
            owed.owe(here.channel, ask=ask)
            return Reply(code=ReplyCode.PENDING)
        return reply_to(here.channel, ask)
    known = _standing(here.channel, ask, is_repeat=True) if ask.kind is AskKind.PAY else None
    if known is not None:
        if apart:
            owed.owe(here.channel, ask=ask)
        return known
    decided = _decide_and_keep(here, ask, inbound, setup, apart=apart)
    if decided.kept is None:
        return decided.reply or Reply(code=ReplyCode.PENDING)
    apply_notices(decided.kept.message_id)
    _wait_for(decided.kept)
    if decided.kept.is_conflict and _speaks_of_another(decided.kept, ask):
        return Reply(code=ReplyCode.CONFLICT, detail="the message's number was used before")
    if ask.kind is AskKind.REVERSE:
        return _reverse(here.channel, ask, decided.kept)
    return reply_to(here.channel, ask, is_kept=True)


@transaction.atomic
def _decide_and_keep(
    here: Door, ask: Ask, inbound: Inbound, setup: Setup, *, apart: bool
) -> _Decided:
    """Refuse or accept a change, and keep the message with the decision, in one commit.

    Two with the same key take turns; what was refused once is refused again.
    """
    channel = here.channel
    lock_words([f"ask:{channel.pk}:{ask.key}"])
    before = _refused_before(channel, ask)
    if before is not None:
        if apart:
            owed.owe(channel, ask=ask)
        return _Decided(reply=before)
    problem = _why_not(channel, ask)
    if problem is not None and problem.code is ReplyCode.UNAVAILABLE:
        if apart:
            owed.owe(channel, ask=ask)
        return _Decided(reply=problem)
    words = f"{problem.code.value}: {problem.detail}" if problem else ""
    kept = inbox.keep_asked(here, inbound=inbound, setup=setup, refusal=words)
    if problem is not None:
        RefusedAsk.objects.create(
            channel=channel,
            key=_key(ask),
            fingerprint=_fingerprint(ask),
            code=problem.code.value,
            detail=problem.detail[:200],
            message_id=kept.message_id,
        )
    if apart:
        owed.owe(channel, ask=ask, message_id=kept.message_id)
    return _Decided(reply=problem) if problem else _Decided(kept=kept)


def _why_not(channel: Channel, ask: Ask) -> Reply | None:
    """Why a payment may not be taken, before anything is credited; None when it may."""
    if ask.kind is not AskKind.PAY or ask.already_paid:
        return None
    if channel.paused_at is not None:
        return Reply(code=ReplyCode.UNAVAILABLE, detail=_PAUSED)
    return _may_pay(channel, ask)


def _may_pay(channel: Channel, ask: Ask) -> Reply | None:
    terms = terms_of(channel.settings)
    number = _number(ask)
    if terms.amount is Exactness.ANY:
        account = _account(number)
        if account is None:
            return Reply(code=ReplyCode.UNKNOWN_CONSUMER)
        if not terms.allows(account.plan):
            return _other_plan(account.plan)
        if account.plan == Consumer.Plan.PREPAID:
            found: Dues | ReplyCode = _recharge(account, terms)
        elif account.is_active:
            return None
        else:
            # A closed account may pay what it owes, as it is told; there is nothing else to pay.
            found = dues_of(number, terms=terms)
    else:
        found = dues_of(number, terms=terms)
    if isinstance(found, ReplyCode):
        return Reply(code=found)
    return _amount_problem(found, ask.notice)


def _amount_problem(dues: Dues, notice: Notice | None) -> Reply | None:
    """An amount that is not told yet is no problem."""
    if notice is None or notice.amount_paise <= 0:
        return None
    if notice.amount_paise < dues.least_paise or 0 < dues.most_paise < notice.amount_paise:
        return Reply(code=ReplyCode.AMOUNT_NOT_ALLOWED, dues=dues)
    return None


def _dues_reply(channel: Channel, ask: Ask) -> Reply:
    found = dues_of(_number(ask), terms=terms_of(channel.settings))
    if isinstance(found, Dues):
        return Reply(code=ReplyCode.OK, dues=found, amount_paise=found.amount_paise)
    return Reply(code=found)


def _validate_reply(channel: Channel, ask: Ask) -> Reply:
    """Whether money would be taken; a payment that is here already is told as a repeat."""
    if ask.notice is not None and ask.notice.channel_ref:
        known = _standing(channel, ask, is_repeat=True)
        if known is not None:
            return known
    return _may_pay(channel, ask) or Reply(code=ReplyCode.OK)


def _status_reply(channel: Channel, ask: Ask) -> Reply:
    payment = _payment_of(channel, ask)
    if payment is None:
        row = RefusedAsk.objects.filter(channel=channel, key=f"{AskKind.PAY}:{ask.key}").first()
        if row is not None:
            return Reply(code=ReplyCode.OK, outcome=Outcome.FAILED, detail=row.code)
    return _about_payment(payment)


def _about_payment(payment: Payment | None) -> Reply:
    """How a payment stands, for who asks about it."""
    if payment is None:
        return Reply(code=ReplyCode.UNKNOWN_PAYMENT)
    if payment.state in PAID:
        told = _paid(payment)
        if payment.state == State.REVERSED:
            return Reply(
                code=ReplyCode.OK,
                reference=payment.reference,
                amount_paise=Paise(payment.amount_paise),
                outcome=Outcome.FAILED,
                detail="reversed",
            )
        return told
    outcome = Outcome.FAILED if payment.state == State.FAILED else Outcome.PENDING
    return Reply(
        code=ReplyCode.OK,
        reference=payment.reference,
        amount_paise=Paise(payment.amount_paise),
        outcome=outcome,
    )


def _paid(payment: Payment, *, is_repeat: bool = False) -> Reply:
    """The answer to a payment that was taken: the same whenever it is given."""
    receipt = getattr(payment, "receipt", None)
    return Reply(
        code=ReplyCode.OK,
        reference=payment.reference,
        receipt=receipt.label if receipt else "",
        outcome=Outcome.SUCCEEDED,
        amount_paise=Paise(payment.amount_paise),
        occurred_at=payment.succeeded_at,
        is_repeat=is_repeat,
    )


def _standing(channel: Channel, ask: Ask, *, is_repeat: bool) -> Reply | None:
    """The answer to a payment that is in the books, else nothing."""
    payment = _payment_of(channel, ask)
    if payment is None or payment.state not in PAID:
        return None
    if ask.notice is not None and not _is_same(payment, ask.notice, _number(ask)):
        return Reply(
            code=ReplyCode.CONFLICT,
            reference=payment.reference,
            detail="paid with other contents",
        )
    return _paid(payment, is_repeat=is_repeat)


def _is_same(payment: Payment, notice: Notice, number: str) -> bool:
    if notice.amount_paise and payment.amount_paise != notice.amount_paise:
        return False
    if not number or payment.consumer_number == number:
        return True
    return payment.consumer is not None and payment.consumer.business_partner == number


def _payment_of(channel: Channel, ask: Ask) -> Payment | None:
    ref = ask.notice.channel_ref if ask.notice is not None else ""
    mine = Payment.objects.select_related("receipt", "consumer").filter(channel=channel)
    if ask.reference and not ref:
        return mine.filter(reference=canonical(ask.reference)).first()
    return mine.filter(channel_ref=ref or ask.key).first()


def _refused_before(channel: Channel, ask: Ask) -> Reply | None:
    """The first refusal; money that the payer was told is paid is taken nevertheless."""
    if ask.already_paid:
        return None
    row = RefusedAsk.objects.filter(channel=channel, key=_key(ask)).first()
    if row is None:
        return None
    if row.fingerprint != _fingerprint(ask):
        return Reply(code=ReplyCode.CONFLICT, detail="refused with other contents")
    return Reply(code=ReplyCode(row.code), detail=row.detail, is_repeat=True)


def _wait_for(kept: Kept) -> None:
    """Let whoever has the message in hand finish: a worker, or the same question before."""
    with transaction.atomic():
        list(InboundMessage.objects.select_for_update().filter(pk=kept.message_id).values("pk"))


def _speaks_of_another(kept: Kept, ask: Ask) -> bool:
    """Whether the message that was kept under this number is about another payment."""
    message = InboundMessage.objects.select_related("channel").get(pk=kept.message_id)
    told = inbox.notices_of(message)
    return ask.kind is AskKind.PAY and ask.key not in {one.channel_ref for one in told}


def _reverse(channel: Channel, ask: Ask, kept: Kept) -> Reply:
    payment = _payment_of(channel, ask)
    if payment is not None and terms_of(channel.settings).may_reverse:
        try:
            payment = reverse_by_channel(payment.pk, message_id=kept.message_id)
        except DomainError as error:
            log.warning("%s is not taken back: %s", payment.reference, error)
    return _reversal(payment)


def _reversal_reply(channel: Channel, ask: Ask) -> Reply:
    return _reversal(_payment_of(channel, ask))


def _reversal(payment: Payment | None) -> Reply:
    if payment is None:
        return Reply(code=ReplyCode.UNKNOWN_PAYMENT)
    is_done = payment.state == State.REVERSED
    return Reply(
        code=ReplyCode.OK if is_done else ReplyCode.NOT_ALLOWED,
        reference=payment.reference,
        amount_paise=Paise(payment.amount_paise),
    )


_REPLIES: Final[Mapping[AskKind, Callable[[Channel, Ask], Reply]]] = {
    AskKind.DUES: _dues_reply,
    AskKind.VALIDATE: _validate_reply,
    AskKind.STATUS: _status_reply,
    AskKind.COMPLAINT: lambda channel, ask: _about_payment(_payment_of(channel, ask)),
    AskKind.REVERSE: _reversal_reply,
    AskKind.HEARTBEAT: lambda _channel, _ask: Reply(code=ReplyCode.OK),
}


def _key(ask: Ask) -> str:
    return f"{ask.kind.value}:{ask.key}"


def _fingerprint(ask: Ask) -> str:
    amount = ask.notice.amount_paise if ask.notice is not None else 0
    said = json.dumps([ask.kind.value, ask.key, _number(ask), amount])
    return hashlib.sha256(said.encode()).hexdigest()


def _number(ask: Ask) -> str:
    return ask.consumer_number or (ask.notice.consumer_number if ask.notice else "")


def _other_plan(plan: str) -> Reply:
    return Reply(code=ReplyCode.NOT_ALLOWED, detail=f"The consumer is {plan}.")


def _recharge(account: _Account, terms: Terms) -> Dues | ReplyCode:
    if not account.is_active:
        return ReplyCode.INACTIVE_CONSUMER
    return Dues(
        consumer_number=account.number,
        name=account.name,
        plan=account.plan,
        amount_paise=Paise(0),
        least_paise=Paise(max(terms.least_paise, 1)),
        most_paise=terms.most_paise,
    )


def _named(number: str, by: By) -> Q | None:
    """Which accounts a number may mean; both columns are indexed."""
    if not (number.isascii() and number.isdigit()):
        return None
    if by == "number":
        return Q(number=number)
    if by == "business_partner":
        return Q(business_partner=number)
    return Q(number=number) | Q(business_partner=number)


def _account(number: str, *, by: By = "either") -> _Account | None:
    where = _named(number, by)
    if where is None:
        return None
    rows = Consumer.objects.filter(where).values_list(*_ACCOUNT)[:_ACCOUNTS_MAX]
    return _meant([_Account(*row) for row in rows], number)


def _account_and_bills(number: str, *, by: By) -> tuple[_Account | None, list[_Bill]]:
    """The account and all of its bills in one query."""
    where = _named(number, by)
    if where is None:
        return None, []
    columns = (*_ACCOUNT, *(f"bills__{name}" for name in _BILL))
    rows = list(Consumer.objects.filter(where).values_list(*columns)[:_ROWS_MAX])
    width = len(_ACCOUNT)
    account = _meant(list({_Account(*row[:width]) for row in rows}), number)
    if account is None:
        return None, []
    mine = [row[width:] for row in rows if row[0] == account.pk and row[width] is not None]
    return account, [_Bill(*one) for one in mine]


def _meant(accounts: list[_Account], number: str) -> _Account | None:
    exact = next((one for one in accounts if one.number == number), None)
    if exact is not None:
        return exact
    return accounts[0] if len(accounts) == 1 else None
