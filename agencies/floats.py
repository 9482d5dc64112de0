"""The float: what an agency may collect before it pays us. Every move is an entry, in turn.

The row of the account is the lock: whoever moves money of an agency takes it first, then the
payment, then the series of receipts.
"""

import re
import uuid
from datetime import date
from typing import ClassVar, Final

from django.db import transaction

from agencies.models import Agency, FloatAccount, FloatChange, FloatEntry
from agencies.problems import FloatExhausted
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import PAISE_MAX, grouped_rupees
from payments.models import Payment
from people import audit
from people.access import has_role
from people.models import User
from people.roles import FINANCE

_UTR: Final = re.compile(r"[A-Z0-9]{6,40}")

Kind = FloatEntry.Kind


class NotChangeable(DomainError):
    """The float cannot be changed like this."""

    code: ClassVar[str] = "not_changeable"


class NotYours(DomainError):
    """The person may not take this part: who proposes never approves."""

    code: ClassVar[str] = "not_yours"


def locked(agency: Agency | int) -> FloatAccount:
    """The agency's float, locked until the commit; its payments take turns on it."""
    key = agency if isinstance(agency, int) else agency.pk
    return FloatAccount.objects.select_for_update().get(agency_id=key)


def take(account: FloatAccount, *, payment: Payment, turn: int, actor: str) -> None:
    """Take a payment's amount off a locked float; FloatExhausted when it is not there."""
    if payment.amount_paise > account.available_paise:
        raise FloatExhausted(
            f"{grouped_rupees(account.available_paise)} rupees can still be collected.",
            expected=f"amount_paise of at most {max(account.available_paise, 0)}, or a top-up",
        )
    _add(account, Kind.PAYMENT, -payment.amount_paise, payment=payment, turn=turn, actor=actor)


def give_back(account: FloatAccount, *, payment: Payment, turn: int, actor: str) -> None:
    """Put a payment's amount back on a locked float."""
    _add(account, Kind.REVERSAL, payment.amount_paise, payment=payment, turn=turn, actor=actor)


def count(account: FloatAccount, amount_paise: int, *, on: date) -> None:
    """Count a payment, or one given back (negative), in the sums of its day, if that is today."""
    day = today()
    if account.day != day:
        account.day, account.day_count, account.day_paise = day, 0, 0
    if on == day:
        # A clock that stepped back over midnight has forgotten what it counted before.
        account.day_count = max(0, account.day_count + (1 if amount_paise > 0 else -1))
        account.day_paise = max(0, account.day_paise + amount_paise)
    account.save(update_fields=["day", "day_count", "day_paise"])


@transaction.atomic
def propose(
    account: FloatAccount,
    *,
    kind: FloatChange.Kind,
    amount_paise: int,
    utr: str,
    why: str,
    maker: User,
) -> FloatChange:
    """Propose a top-up, a commission or a correction; nothing moves before a second person."""
    if not has_role(maker, *FINANCE):
        raise NotYours("people of finance propose changes of a float")
    named = utr.strip().upper()
    if not why.strip():
        raise NotChangeable("a change needs a reason")
    if kind == FloatChange.Kind.TOP_UP and not _UTR.fullmatch(named):
        raise NotChangeable("a top-up names the UTR of its credit: 6 to 40 capitals and digits")
    if kind != FloatChange.Kind.TOP_UP and named:
        raise NotChangeable("only a top-up has a UTR")
    is_negative_allowed = kind == FloatChange.Kind.CORRECTION
    if not 0 < abs(amount_paise) <= PAISE_MAX or (amount_paise < 0 and not is_negative_allowed):
        raise NotChangeable("expected an amount above zero; only a correction may be negative")
    used = FloatChange.objects.filter(utr=named, kind=FloatChange.Kind.TOP_UP)
    if named and used.exclude(state=FloatChange.State.REJECTED).exists():
        raise NotChangeable(f"the credit {named} tops up a float already")
    change = FloatChange.objects.create(
        public_id=uuid.uuid4().hex,
        account=account,
        kind=kind,
        amount_paise=amount_paise,
        utr=named,
        why=why.strip(),
        maker=maker,
    )
    audit.record(maker, "float.proposed", ("float", change.public_id), after=_facts(change))
    return change


@transaction.atomic
def approve(change: FloatChange, *, checker: User, answer: str = "") -> FloatEntry:
    """Approve and act: the float moves. NotYours for who proposed it."""
    account = FloatAccount.objects.select_for_update().get(pk=change.account_id)
    held = _to_answer(change, checker)
    if account.available_paise + held.amount_paise < 0:
        raise NotChangeable("the float does not hold so much")
    _answer(held, checker, FloatChange.State.APPROVED, answer)
    return _add(
        account,
        Kind(held.kind),
        held.amount_paise,
        change=held,
        utr=held.utr,
        note=held.why,
        actor=checker.username,
    )


@transaction.atomic
def reject(change: FloatChange, *, checker: User, answer: str) -> FloatChange:
    """Say no, with a reason; nothing moves."""
    held = _to_answer(change, checker)
    if not answer.strip():
        raise NotChangeable("a rejection needs a reason")
    return _answer(held, checker, FloatChange.State.REJECTED, answer)


def _to_answer(change: FloatChange, checker: User) -> FloatChange:
    held = FloatChange.objects.select_for_update().get(pk=change.pk)
    if not has_role(checker, *FINANCE):
        raise NotYours("people of finance answer proposals")
    if held.maker_id == checker.pk:
        raise NotYours("who proposed it cannot answer it")
    if held.state != FloatChange.State.PROPOSED:
        raise NotChangeable("it was answered already")
    return held


def _answer(held: FloatChange, checker: User, state: FloatChange.State, answer: str) -> FloatChange:
    held.state = state
    held.checker, held.checked_at, held.answer = checker, now(), answer.strip()
    held.save(update_fields=["state", "checker", "checked_at", "answer"])
    audit.record(checker, f"float.{state.value}", ("float", held.public_id), after=_facts(held))
    return held


def _facts(change: FloatChange) -> dict[str, object]:
    return {
        "agency": change.account.agency.code,
        "kind": change.kind,
        "amount_paise": change.amount_paise,
        "utr": change.utr,
        "why": change.why,
        "answer": change.answer,
    }


def _add(
    account: FloatAccount,
    kind: FloatEntry.Kind,
    amount_paise: int,
    *,
    actor: str,
    payment: Payment | None = None,
    turn: int | None = None,
    change: FloatChange | None = None,
    utr: str = "",
    note: str = "",
) -> FloatEntry:
    """The next entry and the balance it leads to; the database holds both against each other."""
    entry = FloatEntry.objects.create(
        account=account,
        number=account.entry_count + 1,
        kind=kind,
        amount_paise=amount_paise,
        balance_after_paise=account.balance_paise + amount_paise,
        payment=payment,
        turn=turn,
        change=change,
        utr=utr,
        note=note,
        actor=actor,
    )
    account.entry_count, account.balance_paise = entry.number, entry.balance_after_paise
    account.save(update_fields=["entry_count", "balance_paise"])
    return entry
