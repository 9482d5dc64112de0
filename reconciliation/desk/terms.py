"""When a break should be explained, its age in working days, and who hears when it is late."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from django.db.models import Count, Min, Q, QuerySet, Sum

from cspdcl.kernel.workdays import latest_day_before, working_day_after, working_days_between
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER, ROLES
from reconciliation.models import Break, BreakTerm, Reason


class Term(NamedTuple):
    """Within how many working days, and the role that hears when they have passed."""

    working_days: int
    escalate_to: str


_USUAL: Final = Term(3, FINANCE_APPROVER)
# Where the company has agreed nothing else. Money that may be the payer's own is urgent.
DEFAULTS: Final[Mapping[str, Term]] = {
    Reason.DUPLICATE: Term(1, FINANCE_APPROVER),
    Reason.CHARGEBACK: Term(2, FINANCE_APPROVER),
    Reason.SETTLED_NOT_CREDITED: Term(2, FINANCE_APPROVER),
    Reason.SHORT_CREDIT: Term(2, FINANCE_APPROVER),
    Reason.DEPOSIT_MISSING: Term(2, FINANCE_APPROVER),
    Reason.UNIDENTIFIED_CREDIT: Term(5, FINANCE_OFFICER),
    Reason.FEE_DIFFERS: Term(20, FINANCE_OFFICER),
}


def all_terms() -> dict[str, Term]:
    """The term of every reason: what was agreed, else the usual."""
    agreed = {one.reason: Term(one.working_days, one.escalate_to) for one in _rows()}
    return {code: agreed.get(code) or DEFAULTS.get(code, _USUAL) for code in Reason.values}


def _rows() -> list[BreakTerm]:
    return list(BreakTerm.objects.all())


def due_on(open_break: Break, terms: Mapping[str, Term]) -> date:
    """The day by which it should be explained: as a person said, else by its reason."""
    if open_break.due_on is not None:
        return open_break.due_on
    return _after(open_break.business_date, terms[open_break.reason].working_days)


def working_age(open_break: Break, *, as_of: date) -> int:
    """Its age in working days."""
    return _between(open_break.business_date, as_of)


@lru_cache(maxsize=4096)
def _between(first: date, last: date) -> int:
    return working_days_between(first, last)


@lru_cache(maxsize=4096)
def _after(day: date, count: int) -> date:
    return working_day_after(day, count)


def overdue(as_of: date, terms: Mapping[str, Term]) -> Q:
    """The breaks whose day has passed, as a condition of the database."""
    late = Q(due_on__lt=as_of)
    for code, term in terms.items():
        last = latest_day_before(as_of, term.working_days)
        late |= Q(due_on__isnull=True, reason=code, business_date__lte=last)
    return late


@dataclass(frozen=True, slots=True)
class Late:
    """What is late of one owner and reason, and the role that hears of it."""

    role: str  # its code
    owner: str  # a user name; empty: nobody
    reason: str
    count: int
    paise: int
    oldest: date  # the earliest business date
    since: date  # the day by which the first of them should have been explained

    @property
    def role_title(self) -> str:
        """The role in words."""
        return str(ROLES[self.role].title)

    @property
    def label(self) -> str:
        """The reason in words."""
        return str(Reason(self.reason).label)


def late(breaks: QuerySet[Break], *, as_of: date) -> list[Late]:
    """What is overdue by role, owner and reason, the longest late first; two statements."""
    terms = all_terms()
    by_reason = Q(due_on__isnull=True)
    rows = (
        breaks.filter(overdue(as_of, terms))
        .order_by()
        .values("reason", "owner__username")
        .annotate(
            count=Count("pk"),
            paise=Sum("amount_paise"),
            oldest=Min("business_date"),
            agreed=Min("due_on"),
            of_terms=Min("business_date", filter=by_reason),
        )
    )
    found = []
    for row in rows:
        term = terms[row["reason"]]
        ends = [row["agreed"]] if row["agreed"] else []
        if row["of_terms"]:
            ends.append(_after(row["of_terms"], term.working_days))
        found.append(
            Late(
                role=term.escalate_to,
                owner=row["owner__username"] or "",
                reason=row["reason"],
                count=row["count"],
                paise=row["paise"],
                oldest=row["oldest"],
                since=min(ends),
            )
        )
    return sorted(found, key=lambda one: (one.role, one.owner, one.since, one.reason))
