"""Over and short: kept with the clerk's reason, posted once a second person has accepted it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from counters import counts, papers, safe, seconds, shifts
from counters.models import CashMove, Difference, DrawerCount, Instrument, Shift
from counters.policy import policy_of
from counters.states import PaperState, ShiftState
from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from people import audit
from people.models import User
from people.roles import FINANCE, SUPERVISOR

LOOKED_BACK: Final = timedelta(days=30)


class NotAccepted(DomainError):
    """The count cannot be accepted as it stands."""

    code: ClassVar[str] = "count_not_accepted"


@dataclass(frozen=True, slots=True)
class Record:
    """What a clerk's counts differed by: over and short, each in count and paise."""

    over_count: int = 0
    over_paise: int = 0
    short_count: int = 0
    short_paise: int = 0


@transaction.atomic
def explain(difference: Difference, *, by: User, why: str, words: str) -> Difference:
    """Who counted says why it differs, until it is accepted."""
    shift = shifts.held(difference.shift)
    held = Difference.objects.select_for_update(of=("self",)).get(pk=difference.pk)
    count = DrawerCount.objects.get(pk=held.count_id)
    if by.pk not in (shift.clerk_id, count.by_id):
        raise seconds.NotYours(_("Who counted says why."))
    if held.state != Difference.State.FOUND or held.checker_id is not None:
        raise NotAccepted(_("It was answered already."))
    if why not in Difference.Why.values:
        raise NotAccepted(_("Choose a reason."))
    if why == Difference.Why.OTHER and not words.strip():
        raise NotAccepted(_("Say in words what it was."))
    held.why, held.words = why, words.strip()[:200]
    held.save(update_fields=["why", "words"])
    facts = {"method": held.method, "amount_paise": held.amount_paise, "why": why}
    audit.record(by, "difference.explained", held, after=facts, office=shift.counter.office)
    return held


@transaction.atomic
def explain_all(reasons: Iterable[tuple[Difference, Mapping[str, str]]], *, by: User) -> None:
    """All reasons of a count, or none of them."""
    for difference, said in reasons:
        explain(difference, by=by, why=said["why"], words=said["words"])


@transaction.atomic
def accept(shift: Shift, *, by: User, keep_paise: int = 0, missing: Collection[UUID] = ()) -> Shift:
    """Accept the count: post what differs, take the cash into the safe, the papers over; closed.

    Above the office's limit the supervisor accepts first and takes the papers over, and it is
    posted once finance agrees. ``keep_paise`` stays in the drawer as the float of the counter's
    next shift; above the limit it is issued afterwards. ``missing`` names the papers that the
    count is short of: they stay with the clerk until they are found.
    """
    held = shifts.held(shift)
    count = counts.latest(held)
    if held.state != ShiftState.COUNTED or count is None:
        raise NotAccepted(_("There is no count that waits to be accepted."))
    rows = Difference.objects.select_for_update().filter(count=count)
    open_rows = list(rows.filter(state=Difference.State.FOUND).order_by("pk"))
    if any(not one.why for one in open_rows):
        raise NotAccepted(_("The clerk has not said yet why it differs."))
    if keep_paise and wants_finance(held, open_rows):
        raise NotAccepted(
            _("Finance must agree first: issue the float from the safe once the shift is closed.")
        )
    is_first = all(one.checker_id is None for one in open_rows)
    is_posted = _decide(held, count, open_rows, by=by)
    if is_first:
        _hand_over(held, count, by=by, missing=missing)
    if not is_posted:
        return held
    _post_cash(held, count, open_rows, by=by)
    shifts.move(held, to=ShiftState.CLOSED, by=by)
    if keep_paise:
        _keep_float(held, keep_paise, count=count, by=by)
    return held


@transaction.atomic
def ask_recount(shift: Shift, *, by: User, why: str) -> Shift:
    """Have a drawer counted again: the first count and its differences stay beside the second."""
    held = shifts.held(shift)
    seconds.check_second(by, office=held.counter.office, roles=(SUPERVISOR,), but=[held.clerk_id])
    if held.state != ShiftState.COUNTED:
        raise counts.CountRefused(
            _("Only a count that waits for the supervisor can be asked for again.")
        )
    if not why.strip():
        raise counts.CountRefused(_("Say why it is to be counted again."))
    Difference.objects.filter(shift=held, state=Difference.State.FOUND).update(
        state=Difference.State.RECOUNTED
    )
    return shifts.move(held, to=ShiftState.COUNTING, by=by, why=why.strip())


def wants_finance(shift: Shift, rows: Sequence[Difference]) -> bool:
    """Whether the differences are above what a supervisor may accept alone."""
    limit = policy_of(shift.counter.office).difference_limit_paise
    return sum(abs(one.amount_paise) for one in rows) > limit


def short_papers(count: DrawerCount) -> dict[str, tuple[int, int]]:
    """By kind how many papers, and how much, the count is short of; kinds that are not: left out.

    One of the two may be zero or less: one paper is missing while another was over.
    """
    short: dict[str, tuple[int, int]] = {}
    for method, (pieces, paise) in count.expected_papers.items():
        counted = count.papers.get(method, [0, 0])
        if counted[0] < pieces or counted[1] < paise:
            short[method] = (pieces - counted[0], paise - counted[1])
    return short


def may_be_missing(count: DrawerCount) -> QuerySet[Instrument]:
    """The clerk's papers of the kinds that a count is short of; the supervisor names which."""
    rows = Instrument.objects.filter(
        collection__shift=count.shift_id,
        state=PaperState.RECEIVED,
        method__in=short_papers(count),
    )
    return rows.select_related("office").order_by("method", "number", "pk")


def missing_papers() -> QuerySet[Instrument]:
    """Papers that were not there when their shift was closed, and are not found yet."""
    return Instrument.objects.filter(
        state=PaperState.RECEIVED, collection__shift__state=ShiftState.CLOSED
    )


def record_of(clerk: User) -> Record:
    """The clerk's differences of the last 30 days that were not counted again."""
    rows = Difference.objects.filter(shift__clerk=clerk, found_at__gte=now() - LOOKED_BACK)
    over, short = Q(amount_paise__gt=0), Q(amount_paise__lt=0)
    sums = rows.exclude(state=Difference.State.RECOUNTED).aggregate(
        over_count=Count("pk", filter=over),
        over_paise=Sum("amount_paise", filter=over, default=0),
        short_count=Count("pk", filter=short),
        short_paise=Sum("amount_paise", filter=short, default=0),
    )
    return Record(
        over_count=sums["over_count"],
        over_paise=sums["over_paise"],
        short_count=sums["short_count"],
        short_paise=-sums["short_paise"],
    )


def _decide(shift: Shift, count: DrawerCount, rows: Sequence[Difference], *, by: User) -> bool:
    """Note the person's yes on the differences; whether they can be posted with it."""
    office = shift.counter.office
    but = [shift.clerk_id, count.by_id]
    if not wants_finance(shift, rows):
        seconds.check_second(by, office=office, roles=(SUPERVISOR,), but=but)
        _sign(shift, rows, by=by, is_posted=True)
        return True
    if all(one.checker_id is None for one in rows):
        seconds.check_second(by, office=office, roles=(SUPERVISOR,), but=but)
        _sign(shift, rows, by=by, is_posted=False)
        return False
    checkers = [one.checker_id for one in rows]
    seconds.check_second(by, office=office, roles=FINANCE, but=[*but, *checkers])
    _sign(shift, rows, by=by, is_posted=True)
    return True


def _sign(shift: Shift, rows: Sequence[Difference], *, by: User, is_posted: bool) -> None:
    for one in rows:
        if one.checker_id is None:
            one.checker = by
        else:
            one.approver = by
        if is_posted:
            one.state, one.posted_at = Difference.State.POSTED, now()
        one.save(update_fields=["checker", "approver", "state", "posted_at"])
        audit.record(
            by,
            "difference.posted" if is_posted else "difference.accepted",
            one,
            after={"method": one.method, "amount_paise": one.amount_paise, "why": one.why},
            office=shift.counter.office,
        )


def _post_cash(shift: Shift, count: DrawerCount, rows: Sequence[Difference], *, by: User) -> None:
    """The difference leaves or enters the drawer, then all that was counted goes to the safe."""
    cash = next((one for one in rows if one.method == counts.CASH), None)
    if cash is not None:
        over = cash.amount_paise > 0
        safe.record(
            CashMove(
                submit_key=f"difference:{cash.public_id}",
                office_day=shift.office_day,
                kind=CashMove.Kind.DIFFERENCE,
                amount_paise=abs(cash.amount_paise),
                to_shift=shift if over else None,
                from_shift=None if over else shift,
                reason=cash.words,
                maker=count.by,
                checker=by,
                checked_at=now(),
            )
        )
    if count.cash_paise:
        safe.record(
            CashMove(
                submit_key=f"hand_in:{shift.public_id}",
                office_day=shift.office_day,
                kind=CashMove.Kind.HAND_IN,
                amount_paise=count.cash_paise,
                from_shift=shift,
                to_safe=True,
                denominations=count.denominations,
                maker=count.by,
                checker=by,
                checked_at=now(),
            )
        )


def _hand_over(shift: Shift, count: DrawerCount, *, by: User, missing: Collection[UUID]) -> None:
    """What was counted goes to the supervisor; what is named as missing stays behind."""
    named = list(may_be_missing(count).filter(public_id__in=missing))
    if len(named) != len(set(missing)):
        raise NotAccepted(_("One of the named papers is not in this drawer any more. Look again."))
    _check_named(count, named)
    theirs = Instrument.objects.filter(collection__shift=shift, state=PaperState.RECEIVED)
    for paper in named:
        facts = {"number": paper.number, "amount_paise": paper.amount_paise}
        audit.record(by, "paper.missing", paper, after=facts, office=paper.office)
    papers.hand_over(
        theirs.exclude(pk__in=[paper.pk for paper in named]),
        by=by,
        on=shift.office_day.business_date,
        cause=f"shift {shift.number} of {shift.counter.code} was closed",
    )


def _check_named(count: DrawerCount, named: Sequence[Instrument]) -> None:
    """As many and as much as are short, at least: papers that were over hide some of what is."""
    for method, (pieces, paise) in short_papers(count).items():
        these = [paper.amount_paise for paper in named if paper.method == method]
        if not these or len(these) < pieces or sum(these) < paise:
            raise NotAccepted(
                _(
                    "Papers are short: name those that are missing, as many and as much as "
                    "are short, or ask for a recount."
                )
            )


def _keep_float(shift: Shift, paise: int, *, count: DrawerCount, by: User) -> None:
    if paise > count.cash_paise:
        raise NotAccepted(_("More is to stay as float than was counted."))
    safe.issue_float(
        shift.counter.office,
        amount_paise=paise,
        by=by,
        submit_key=f"float:{shift.public_id}",
        counter=shift.counter,
    )
