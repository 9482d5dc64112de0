"""The end of an office's day: what keeps it from closing, the count of the safe, and its facts.

The safe is counted by one person, blind, and closed over by a supervisor who is another. A safe
that differs is put right first, by two persons. What stays over night is said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Final

from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from counters import days, deposits, differences, safe, seconds, shifts
from counters.models import CashMove, Difference, Instrument, OfficeDay, SafeCount, Shift
from counters.paper.cash import Denominations
from counters.states import PaperState, ShiftState
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from payments.actions import SubmittedBefore
from payments.models import Deposit, Payment
from payments.states import State
from people import audit
from people.models import Office, User
from people.roles import CLERK, SUPERVISOR

WHY_MAX: Final = 200


class NotClosable(DomainError):
    """Something of the day is not done yet."""

    code: ClassVar[str] = "day_not_closable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to do before a day closes, or to say when it does."""

    code: str
    words: str
    paise: int | None = None
    is_done: bool = False
    is_blocking: bool = True


# ---- the count of the safe ----


@transaction.atomic
def count_safe(
    day: OfficeDay, *, by: User, counted: Mapping[str, object], submit_key: str
) -> SafeCount:
    """Keep what somebody counted in the safe beside the books; nothing moves meanwhile."""
    held = days.held(day, lock="update")
    seconds.check_role(by, office=held.office, roles=(CLERK, SUPERVISOR))
    notes = Denominations.read(counted, on=today())
    known = SafeCount.objects.filter(by=by, submit_key=submit_key).first()
    if known is not None:
        if (known.office_day_id, known.counted_paise) != (held.pk, notes.paise):
            raise SubmittedBefore(_("The form was used for another count."))
        return known
    count = SafeCount.objects.create(
        office_day=held,
        submit_key=submit_key,
        denominations=notes.as_json(),
        counted_paise=notes.paise,
        expected_paise=safe.held_position(held.office),
        by=by,
    )
    facts = {"counted_paise": count.counted_paise, "expected_paise": count.expected_paise}
    audit.record(by, "safe.counted", count, after=facts, office=held.office)
    return count


def last_count(day: OfficeDay) -> SafeCount | None:
    """The count that holds for the day: the latest."""
    return day.safe_counts.select_related("by").order_by("-pk").first()


def has_safe(office: Office) -> bool:
    """Whether cash was ever in the safe of this office."""
    moves = CashMove.objects.filter(office_day__office=office)
    return moves.filter(Q(to_safe=True) | Q(from_safe=True)).exists()


# ---- closing ----


@transaction.atomic
def close(day: OfficeDay, *, by: User, stays: str = "") -> OfficeDay:
    """Close a day for good, with its facts as they stand. ``stays`` says why money is kept.

    Whoever takes money holds the day too: they are done before, or refused afterwards.
    """
    held = days.held(day, lock="update")
    seconds.check_role(by, office=held.office, roles=(SUPERVISOR,))
    blocked = [item for item in to_do(held) if item.is_blocking and not item.is_done]
    if blocked:
        raise NotClosable(" ".join(item.words for item in blocked))
    count = last_count(held) if has_safe(held.office) else None
    if count is not None and count.by_id == by.pk:
        raise NotClosable(_("Who counted the safe does not close the day: a second person does."))
    facts = facts_of(held)
    left = sum(paise for _count, paise in facts["not_deposited"].values())
    if left and not stays.strip():
        words = _("%(amount)s are on no slip: say why they stay over night.")
        raise NotClosable(words % {"amount": grouped_rupees(left)})
    closing: int = facts["closing_paise"]
    held.facts = {**facts, "stays": stays.strip()[:WHY_MAX]}
    held.safe_expected_paise = closing
    # What moved since the end of the day (it closes late) is no part of it.
    held.safe_counted_paise = closing if count else None
    held.safe_counted_by = count.by if count else None
    held.state, held.closed_at, held.closed_by = OfficeDay.State.CLOSED, now(), by
    held.save()
    after = {"business_date": held.business_date.isoformat(), "closing_paise": closing}
    audit.record(by, "day.closed", held, after=after, office=held.office)
    return held


def to_do(day: OfficeDay) -> list[Item]:
    """What stands between an open day and its end, in the order in which it is done."""
    items = [_earlier(day), _shifts(day), _moves(day), _papers(day), _due(day)]
    if has_safe(day.office):
        items.append(_safe(day))
    items.append(_not_deposited(day))
    return [item for item in items if item is not None]


def _earlier(day: OfficeDay) -> Item | None:
    before = OfficeDay.objects.filter(
        office=day.office, business_date__lt=day.business_date, state=OfficeDay.State.OPEN
    ).order_by("business_date")
    first = before.first()
    if first is None:
        return None
    words = _("The day %(day)s is still open: close it first.")
    return Item(code="earlier", words=words % {"day": f"{first.business_date:%d-%m-%Y}"})


def _shifts(day: OfficeDay) -> Item:
    left = Shift.objects.filter(office_day=day).exclude(state=ShiftState.CLOSED).count()
    words = _("All shifts are closed.")
    if left:
        words = ngettext(
            "%(count)s shift is not closed.", "%(count)s shifts are not closed.", left
        ) % {"count": left}
    return Item(code="shifts", words=words, is_done=not left)


def _moves(day: OfficeDay) -> Item:
    """A float may lie in its drawer until the next shift; everything else is answered."""
    waits = CashMove.objects.filter(office_day=day, state=CashMove.State.ASKED)
    left = waits.exclude(kind=CashMove.Kind.FLOAT).count()
    words = _("No cash is on its way.")
    if left:
        words = ngettext(
            "%(count)s move of cash waits for its answer.",
            "%(count)s moves of cash wait for their answer.",
            left,
        ) % {"count": left}
    return Item(code="moves", words=words, is_done=not left)


def _papers(day: OfficeDay) -> Item:
    left = _with_clerks(day.office).count()
    words = _("Every cheque and draft is handed over.")
    missing = differences.missing_papers().filter(office=day.office).count()
    if missing and not left:
        words = ngettext(
            "%(count)s paper was missing when its shift was counted, and is not found yet.",
            "%(count)s papers were missing when their shifts were counted, and are not found yet.",
            missing,
        ) % {"count": missing}
        return Item(code="papers", words=words, is_blocking=False)
    if left:
        words = ngettext(
            "%(count)s paper is still with a clerk.",
            "%(count)s papers are still with clerks.",
            left,
        ) % {"count": left}
    return Item(code="papers", words=words, is_done=not left)


def _with_clerks(office: Office) -> QuerySet[Instrument]:
    return Instrument.objects.filter(
        office=office, state=PaperState.RECEIVED, collection__shift__isnull=False
    ).exclude(collection__shift__state=ShiftState.CLOSED)


def _due(day: OfficeDay) -> Item | None:
    due = Instrument.objects.filter(
        office=day.office, state=PaperState.HELD, due_on__lte=day.business_date
    ).count()
    if not due:
        return None
    words = ngettext(
        "%(count)s post-dated cheque has fallen due and is not taken yet.",
        "%(count)s post-dated cheques have fallen due and are not taken yet.",
        due,
    ) % {"count": due}
    return Item(code="held", words=words, is_blocking=False)


def _safe(day: OfficeDay) -> Item:
    count = last_count(day)
    if count is None:
        return Item(code="safe", words=_("The safe is not counted yet."))
    there = safe.position(day.office)
    if there == count.counted_paise:
        return Item(
            code="safe",
            words=_("The safe holds what it must."),
            paise=count.counted_paise,
            is_done=True,
        )
    if there != count.expected_paise:
        return Item(code="safe", words=_("Cash has moved since the safe was counted: count again."))
    words = _("The safe was counted with %(counted)s, the books say %(expected)s: put it right.")
    facts = {
        "counted": grouped_rupees(count.counted_paise),
        "expected": grouped_rupees(count.expected_paise),
    }
    return Item(code="safe_differs", words=words % facts, paise=count.counted_paise - there)


def _not_deposited(day: OfficeDay) -> Item:
    left = sum(paise for _count, paise in not_deposited(day).values())
    words = _("Everything is on a slip.")
    if left:
        words = _("Not everything is on a slip: make one, or say why it stays over night.")
    return Item(
        code="deposit", words=words, paise=left or None, is_done=not left, is_blocking=False
    )


# ---- what was on the day ----


def not_deposited(day: OfficeDay) -> dict[str, list[int]]:
    """Count and sum of what no slip carries, by channel."""
    waits = deposits.waiting(day.office, on=day.business_date)
    rows = waits.values("channel__code").annotate(count=Count("pk"), paise=Sum("amount_paise"))
    return {
        row["channel__code"]: [row["count"], row["paise"]] for row in rows.order_by("channel__code")
    }


def position_until(office: Office, *, on: date) -> int:
    """What the safe held at the end of a day, by its moves up to then."""
    moves = CashMove.objects.filter(office_day__office=office, office_day__business_date__lte=on)
    sums = moves.aggregate(
        came=Sum("amount_paise", filter=Q(to_safe=True, state=CashMove.State.DONE), default=0),
        left=Sum("amount_paise", filter=Q(from_safe=True) & shifts.gone(), default=0),
    )
    out = safe.came_back_late(office).filter(office_day__business_date__lte=on, came_back_on__gt=on)
    still_out = out.aggregate(paise=Sum("amount_paise", default=0))["paise"]
    return int(sums["came"] - sums["left"] - still_out)


def facts_of(day: OfficeDay) -> dict[str, Any]:
    """Counts and sums of a day as they stand now; of a closed day they are kept in its row."""
    moves = _safe_moves(day)
    closing = position_until(day.office, on=day.business_date)
    moved = sum(one["came"] - one["left"] for one in moves.values())
    return {
        "opening_paise": closing - moved,
        "closing_paise": closing,
        "safe_moves": moves,
        "receipts": _receipts(day),
        "cancelled": _cancelled(day),
        "shifts": _shift_rows(day),
        "deposits": _deposit_rows(day),
        "papers": _paper_rows(day),
        "not_deposited": not_deposited(day),
    }


def _safe_moves(day: OfficeDay) -> dict[str, dict[str, int]]:
    rows = (
        CashMove.objects.filter(shifts.gone(), office_day=day)
        .filter(Q(to_safe=True) | Q(from_safe=True))
        .values("kind")
        .annotate(
            count=Count("pk"),
            came=Sum("amount_paise", filter=Q(to_safe=True, state="done"), default=0),
            left=Sum("amount_paise", filter=Q(from_safe=True), default=0),
        )
        .order_by("kind")
    )
    found = {
        row["kind"]: {"count": row["count"], "came": row["came"], "left": row["left"]}
        for row in rows
        if row["came"] or row["left"]
    }
    late = safe.came_back_late(day.office)
    for side, moves in (
        ("left", late.filter(office_day=day)),
        ("came", late.filter(came_back_on=day.business_date)),
    ):
        for paise in moves.values_list("amount_paise", flat=True):
            kind = found.setdefault(CashMove.Kind.FLOAT, {"count": 0, "came": 0, "left": 0})
            kind["count"] += 1
            kind[side] += paise
    return found


def _taken(day: OfficeDay) -> QuerySet[Payment]:
    return Payment.objects.filter(
        counter__office=day.office, business_date=day.business_date, receipt__isnull=False
    )


def _receipts(day: OfficeDay) -> dict[str, list[int]]:
    rows = _taken(day).filter(state=State.SUCCEEDED).values("method")
    sums = rows.annotate(count=Count("pk"), paise=Sum("amount_paise")).order_by("method")
    return {row["method"]: [row["count"], row["paise"]] for row in sums}


def _cancelled(day: OfficeDay) -> list[int]:
    sums = _taken(day).filter(state=State.REVERSED)
    one = sums.aggregate(count=Count("pk"), paise=Sum("amount_paise", default=0))
    return [one["count"], one["paise"]]


def _shift_rows(day: OfficeDay) -> list[dict[str, Any]]:
    standing = Q(collections__lines__payment__state=State.SUCCEEDED)
    rows = (
        Shift.objects.filter(office_day=day)
        .select_related("counter", "clerk")
        .annotate(
            receipts=Count("collections__lines", filter=standing),
            paise=Sum("collections__lines__payment__amount_paise", filter=standing, default=0),
        )
        .order_by("counter__code", "number")
    )
    differs = dict(
        Difference.objects.filter(shift__office_day=day, method="cash")
        .exclude(state=Difference.State.RECOUNTED)
        .values_list("shift")
        .annotate(paise=Sum("amount_paise"))
    )
    return [
        {
            "counter": shift.counter.code,
            "name": shift.counter.name,
            "number": shift.number,
            "clerk": shift.clerk.get_full_name(),
            "opened_at": shift.opened_at.isoformat(),
            "closed_at": shift.closed_at.isoformat() if shift.closed_at else None,
            "receipts": shift.receipts,
            "paise": shift.paise,
            "difference_paise": differs.get(shift.pk, 0),
        }
        for shift in rows
    ]


def _deposit_rows(day: OfficeDay) -> list[dict[str, Any]]:
    made = Deposit.objects.filter(office=day.office, business_date=day.business_date)
    return [
        {"reference": one.reference, "channel": one.channel.code, "paise": one.amount_paise}
        for one in made.select_related("channel").order_by("pk")
    ]


def _paper_rows(day: OfficeDay) -> dict[str, list[int]]:
    there = Instrument.objects.filter(
        office=day.office,
        state__in=[PaperState.RECEIVED, PaperState.WITH_SUPERVISOR, PaperState.HELD],
    )
    rows = there.values("state").annotate(count=Count("pk"), paise=Sum("amount_paise"))
    return {row["state"]: [row["count"], row["paise"]] for row in rows.order_by("state")}
