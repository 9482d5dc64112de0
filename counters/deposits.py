"""The slip with which an office's money goes to the bank: cash by notes, papers whole, once.

A slip carries what waits in one channel, at one counter or at all of the office. Its cash is that
of the receipts and of the over and short that was approved; it leaves the safe with the slip.
Nothing of a shift that is not closed goes on one.

Locks, in this order: office day, the words of the office's slips, payments, papers, differences,
the words of the safe.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, count
from typing import ClassVar, Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from channels_.contract import Method
from channels_.models import BankAccount, Channel
from counters import days, papers, safe, seconds
from counters.asked import tender_of
from counters.models import CashMove, CollectionLine, Difference, Instrument, OfficeDay, Slip
from counters.paper.cash import Denominations
from counters.paper.validity import Verdict
from counters.policy import policy_of
from counters.states import PaperState, ShiftState
from counters.tenders import channels_by_method, validity_of, ways
from cspdcl.kernel.clock import today
from cspdcl.kernel.errors import DomainError
from payments.actions import SubmittedBefore, lock_words
from payments.models import Counter, Deposit, Payment
from payments.states import State
from people import audit
from people.models import Office, User
from people.roles import SUPERVISOR

_SLIP: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{2,23}")
_CODE: Final = re.compile(r"[A-Z0-9-]{1,10}")
_MONTHS: Final = "ABCDEFGHJKLM"


class NothingToDeposit(DomainError):
    """Nothing of this counter or office and channel waits for the bank."""

    code: ClassVar[str] = "nothing_to_deposit"


class SlipTaken(DomainError):
    """The slip number is on another deposit."""

    code: ClassVar[str] = "slip_taken"


class NotesWanted(DomainError):
    """Cash out of the safe goes to the bank by notes and coins."""

    code: ClassVar[str] = "denominations_wanted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one slip carries."""

    payments: Sequence[int] = ()
    papers: Sequence[Instrument] = ()
    again: Sequence[Instrument] = ()  # returned papers that are presented once more
    differences: Sequence[Difference] = ()
    receipts_paise: int = 0
    cash_paise: int = 0  # receipts and differences
    safe_paise: int = 0  # of the cash: what lies in the safe

    @property
    def difference_paise(self) -> int:
        """Over, less short."""
        return sum(one.amount_paise for one in self.differences)

    @property
    def amount_paise(self) -> int:
        """What the bank must credit."""
        presented = sum(paper.amount_paise for paper in self.again)
        return self.receipts_paise + self.difference_paise + presented

    @property
    def paper_paise(self) -> int:
        """What is not cash."""
        return self.amount_paise - self.cash_paise

    @property
    def instruments(self) -> list[Instrument]:
        """All papers on it."""
        return [*self.papers, *self.again]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Whose money, which way, dated when."""

    office: Office
    counter: Counter | None
    channel: Channel
    on: date

    @property
    def key(self) -> tuple[int, int | None, int, date]:
        return (
            self.office.pk,
            self.counter.pk if self.counter else None,
            self.channel.pk,
            self.on,
        )


def load_of(where: Counter | Office, *, channel: Channel, on: date) -> Load:
    """What a slip made now would carry; nothing is held."""
    return _load(_asked(where, channel, on), again=(), is_held=False)


def returned(where: Counter | Office, *, channel: Channel) -> QuerySet[Instrument]:
    """Papers that the bank sent back from here, which may go the same way once more."""
    rows = Instrument.objects.filter(state=PaperState.RETURNED, deposit__channel=channel)
    if isinstance(where, Counter):
        return rows.filter(counter=where)
    return rows.filter(office=where)


@transaction.atomic
def make_deposit(
    where: Counter | Office,
    *,
    channel: Channel,
    on: date,
    made_by: User,
    slip_number: str = "",
    denominations: Mapping[str, object] | None = None,
    again: Iterable[Instrument] = (),
    submit_key: str = "",
) -> Deposit:
    """Put all that waits in a channel on one slip, at a counter or in the whole office.

    The same key or the same slip number again: the same slip. The bank's credit will name the slip;
    without a number one is made. ``again`` are returned papers that go to the bank once more.
    """
    asked = _asked(where, channel, on)
    if slip_number and not _SLIP.fullmatch(slip_number):
        raise NothingToDeposit(_("A slip number has 3 to 24 capitals, digits and hyphens."))
    day = _held_day(asked)
    lock_words([f"deposits of office {asked.office.pk}"])
    key = f"{made_by.pk}:{submit_key}" if submit_key else ""
    known = _made_before(asked, key=key, slip_number=slip_number)
    if known is not None:
        return known
    load = _load(asked, again=again, is_held=True)
    if load.amount_paise <= 0:
        raise NothingToDeposit(
            _("Nothing of %(place)s in %(channel)s waits for the bank.")
            % {"place": where.code, "channel": channel.code}
        )
    notes = _notes(load, denominations, on=on)
    deposit = Deposit.objects.create(
        reference=slip_number or _new_slip(asked),
        channel=channel,
        office=asked.office,
        counter=asked.counter,
        bank_account=_account(asked),
        business_date=on,
        amount_paise=load.amount_paise,
        made_by=made_by,
    )
    _fill(deposit, load, notes=notes, key=key)
    if load.safe_paise > 0:
        day = day or days.office_day(asked.office, on=on)
        _leave_safe(deposit, load.safe_paise, notes=notes, day=day, by=made_by)
    audit.record(made_by, "deposit.made", deposit, after=_facts(asked, load), office=asked.office)
    return deposit


def _asked(where: Counter | Office, channel: Channel, on: date) -> _Asked:
    if isinstance(where, Office):
        return _Asked(office=where, counter=None, channel=channel, on=on)
    return _Asked(office=where.office, counter=where, channel=channel, on=on)


def _held_day(asked: _Asked) -> OfficeDay | None:
    """An office with shifts has its day, and no slip of a day to come; a machine has none."""
    if not Counter.objects.filter(office=asked.office, keeps_shifts=True).exists():
        return days.known_day(asked.office, on=asked.on)
    if asked.on > today():
        raise NothingToDeposit(_("A slip is not dated ahead."))
    return days.office_day(asked.office, on=asked.on)


def made_with(submit_key: str, *, by: User) -> Deposit | None:
    """The slip that a form has made before."""
    key = submit_key.replace("\0", "")
    return Deposit.objects.filter(slip__submit_key=f"{by.pk}:{key}").first() if key else None


def _made_before(asked: _Asked, *, key: str, slip_number: str) -> Deposit | None:
    known = Deposit.objects.filter(slip__submit_key=key).first() if key else None
    if known is not None:
        if not _is_same(known, asked):
            raise SubmittedBefore(_("This form has made another slip already."))
        return known
    known = Deposit.objects.filter(reference=slip_number).first() if slip_number else None
    if known is not None and not _is_same(known, asked):
        raise SlipTaken(_("Slip %(slip)s belongs to another deposit.") % {"slip": slip_number})
    return known


def _is_same(deposit: Deposit, asked: _Asked) -> bool:
    known = (deposit.office_id, deposit.counter_id, deposit.channel_id, deposit.business_date)
    return known == asked.key


# ---- what goes on it ----


def _load(asked: _Asked, *, again: Iterable[Instrument], is_held: bool) -> Load:
    again = list(again)
    presented = {paper.pk for paper in again}
    chosen = _payments(asked, presented=presented, is_held=is_held)
    found = _papers_of([payment.pk for payment in chosen], is_held=is_held)
    _check_again(asked, presented)
    unfit = {key for key, paper in found.items() if not _is_ready(paper)}
    chosen = [payment for payment in chosen if payment.pk not in unfit]
    ready = {paper.pk: paper for key, paper in found.items() if key not in unfit}
    cash = [one for one in chosen if one.method == Method.CASH]
    cash_paise = sum(one.amount_paise for one in cash)
    differences = _differences(asked, is_held=is_held)
    over_or_short = sum(one.amount_paise for one in differences)
    in_safe = _kept_in_safe(cash)
    # No slip is for less than nothing, and a machine's cash makes good no drawer: they wait.
    if cash_paise + over_or_short <= 0 or in_safe + over_or_short < 0:
        differences, over_or_short = [], 0
    return Load(
        payments=[payment.pk for payment in chosen],
        papers=list(ready.values()),
        again=again,
        differences=differences,
        receipts_paise=sum(payment.amount_paise for payment in chosen),
        cash_paise=cash_paise + over_or_short,
        safe_paise=in_safe + over_or_short,
    )


def _payments(asked: _Asked, *, presented: set[int], is_held: bool) -> list[Payment]:
    """What waits, by key; held with the payments of the papers that are presented again."""
    waits = waiting(asked.office, counter=asked.counter, on=asked.on).filter(channel=asked.channel)
    if not is_held:
        return list(waits.order_by("pk").only("pk", "method", "amount_paise"))
    keys = set(waits.values_list("pk", flat=True))
    others = Payment.objects.filter(share__instrument__in=presented).values_list("pk", flat=True)
    rows = Payment.objects.select_for_update(of=("self",)).filter(pk__in=keys | set(others))
    held = rows.order_by("pk").only("pk", "method", "amount_paise", "state", "deposit_id")
    return [
        one
        for one in held
        if one.pk in keys and one.state == State.SUCCEEDED and one.deposit_id is None
    ]


def waiting(office: Office, *, counter: Counter | None = None, on: date) -> QuerySet[Payment]:
    """Receipts of an office, or of one of its counters, that no slip carries and one may carry."""
    rows = Payment.objects.filter(counter=counter) if counter else _of_office(office)
    return rows.filter(
        ~in_open_shift(),
        channel__route=Channel.Route.DEPOSIT,
        state=State.SUCCEEDED,
        deposit__isnull=True,
        business_date__lte=on,
    )


def _of_office(office: Office) -> QuerySet[Payment]:
    keys = list(Counter.objects.filter(office=office).values_list("pk", flat=True))
    return Payment.objects.filter(counter__in=keys)


def in_open_shift() -> Exists:
    """Whether a payment lies in a shift that is not closed yet."""
    lines = CollectionLine.objects.filter(
        payment=OuterRef("pk"), collection__shift__isnull=False
    ).exclude(collection__shift__state=ShiftState.CLOSED)
    return Exists(lines)


def _papers_of(keys: Sequence[int], *, is_held: bool) -> dict[int, Instrument]:
    """The paper of each payment that has one, by the payment."""
    pairs = dict(
        Instrument.objects.filter(shares__payment__in=keys).values_list("shares__payment", "pk")
    )
    rows = Instrument.objects.select_related("collection")
    if is_held:
        rows = rows.select_for_update(of=("self",))
    found = {paper.pk: paper for paper in rows.filter(pk__in=set(pairs.values())).order_by("pk")}
    return {payment: found[paper] for payment, paper in pairs.items()}


def _check_again(asked: _Asked, presented: Collection[int]) -> None:
    """Only what the bank sent back to this office goes once more, and the way it went before."""
    rows = returned(asked.counter or asked.office, channel=asked.channel)
    known = list(rows.filter(pk__in=presented))
    if len(known) != len(presented):
        raise NothingToDeposit(_("Only papers that the bank returned here are presented again."))
    for paper in known:
        if is_too_old(paper, on=asked.on):
            words = _("%(number)s is too old to go again: it must be renewed or replaced.")
            raise NothingToDeposit(words % {"number": paper.number})


def is_too_old(paper: Instrument, *, on: date) -> bool:
    """Whether the bank would send a returned paper back for its date."""
    found = validity_of(tender_of(paper), on=on, policy=policy_of(paper.office))
    return found.verdict in (Verdict.STALE, Verdict.REVALIDATE)


def _is_ready(paper: Instrument) -> bool:
    """With the supervisor; of a counter without shifts nobody hands over before the slip."""
    if paper.state == PaperState.WITH_SUPERVISOR:
        return True
    made = paper.collection
    return paper.state == PaperState.RECEIVED and made is not None and made.shift_id is None


def _differences(asked: _Asked, *, is_held: bool) -> list[Difference]:
    """Over and short in cash that is approved and in no slip yet; they go the way of cash."""
    cash_way = channels_by_method(list(ways())).get(Method.CASH)
    if cash_way is None or cash_way.pk != asked.channel.pk:
        return []
    rows = Difference.objects.filter(
        _of(asked),
        method=Method.CASH,
        state=Difference.State.POSTED,
        deposit__isnull=True,
        shift__state=ShiftState.CLOSED,
        shift__office_day__business_date__lte=asked.on,
    ).order_by("pk")
    return list(rows.select_for_update(of=("self",)) if is_held else rows)


def _of(asked: _Asked) -> Q:
    if asked.counter:
        return Q(shift__counter=asked.counter)
    return Q(shift__counter__office=asked.office)


def _kept_in_safe(cash: Sequence[Payment]) -> int:
    """What of it was taken in shifts: a machine's cash was never in our safe."""
    of_shifts = Payment.objects.filter(
        pk__in=[one.pk for one in cash], collection_line__collection__shift__isnull=False
    )
    return of_shifts.aggregate(paise=Sum("amount_paise"))["paise"] or 0


# ---- making it ----


def _notes(load: Load, told: Mapping[str, object] | None, *, on: date) -> Denominations | None:
    if told:
        notes = Denominations.read(told, on=on)
        notes.check(load.cash_paise)
        return notes
    if load.safe_paise > 0:
        raise NotesWanted(_("Say by notes and coins which cash goes to the bank."))
    return None


def _fill(deposit: Deposit, load: Load, *, notes: Denominations | None, key: str) -> None:
    Slip.objects.create(
        deposit=deposit,
        submit_key=key or f"slip:{deposit.reference}",
        denominations=notes.as_json() if notes else {},
        instrument_count=len(load.instruments),
        difference_paise=load.difference_paise,
    )
    Payment.objects.filter(pk__in=load.payments).update(deposit=deposit)
    on, by = deposit.business_date, deposit.made_by
    machines = [paper for paper in load.papers if paper.state == PaperState.RECEIVED]
    papers.hand_over(machines, by=by, on=on, cause=f"for slip {deposit.reference}")
    papers.deposit_papers(load.instruments, deposit=deposit, by=by)
    keys = [one.pk for one in load.differences]
    Difference.objects.filter(pk__in=keys).update(deposit=deposit)


def _leave_safe(
    deposit: Deposit, paise: int, *, notes: Denominations | None, day: OfficeDay, by: User
) -> None:
    seconds.check_role(by, office=deposit.office, roles=(SUPERVISOR,))
    safe.check_can_give(deposit.office, paise)
    safe.record(
        CashMove(
            submit_key=f"deposit:{deposit.reference}",
            office_day=day,
            kind=CashMove.Kind.DEPOSIT,
            amount_paise=paise,
            from_safe=True,
            deposit=deposit,
            denominations=notes.as_json() if notes else {},
            maker=by,
        )
    )


def _account(asked: _Asked) -> BankAccount:
    """The counter's own account, else the one account of the office's counters, else the way's."""
    if asked.counter:
        own = asked.counter.bank_account
    else:
        rows = BankAccount.objects.filter(
            pk__in=Counter.objects.filter(office=asked.office).values("bank_account")
        )
        accounts = list(rows[:2])
        own = accounts[0] if len(accounts) == 1 else None
    account = own or asked.channel.bank_account
    if account is None:
        place = asked.counter or asked.office
        raise NothingToDeposit(_("%(place)s has no bank account.") % {"place": place.code})
    return account


def _facts(asked: _Asked, load: Load) -> dict[str, str | int | None]:
    return {
        "counter": asked.counter.code if asked.counter else None,
        "channel": asked.channel.code,
        "amount_paise": load.amount_paise,
        "payments": len(load.payments),
        "papers": len(load.instruments),
        "difference_paise": load.difference_paise,
    }


def _new_slip(asked: _Asked) -> str:
    """Such as ``DS26H18-RPR1-CA``; the second slip of a day ends with -2.

    Channels that begin alike share their letters, and a branch may have written such a number: so
    what is taken decides, not what this channel has made.
    """
    day = f"DS{asked.on.year % 100:02d}{_MONTHS[asked.on.month - 1]}{asked.on.day:02d}"
    place = asked.counter or asked.office
    letter = "C" if asked.counter else "O"
    name = place.code.upper() if _CODE.fullmatch(place.code.upper()) else f"{letter}{place.pk}"
    base = f"{day}-{name}-{asked.channel.code[:2].upper()}"
    taken = set(
        Deposit.objects.filter(reference__startswith=base).values_list("reference", flat=True)
    )
    names = chain([base], (f"{base}-{number}" for number in count(2)))
    return next(name for name in names if name not in taken)
