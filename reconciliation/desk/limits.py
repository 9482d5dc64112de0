"""How much one person may decide, and how much the second may approve: rows by kind and role."""

from typing import Final

from people.access import roles_of
from people.models import User
from reconciliation.models import Decision, DecisionLimit

# What moves money between entries, or leaves the house, is never one person's; the database agrees.
ALONE: Final = frozenset(
    {
        Decision.Kind.WRITE_OFF,
        Decision.Kind.TIMING,
        Decision.Kind.SUSPENSE,
        Decision.Kind.FEE,
    }
)


def may_alone(user: User, *, kind: Decision.Kind, paise: int) -> bool:
    """Whether this person may decide it without a second one; where nothing is agreed, nobody."""
    if kind not in ALONE:
        return False
    limits = DecisionLimit.objects.filter(kind=kind, role__in=roles_of(user))
    return any(0 < paise <= one.alone_paise for one in limits)


def may_approve(user: User, *, kind: str, paise: int) -> bool:
    """Whether it lies within what this person may approve; where nothing is agreed, it does."""
    limits = list(DecisionLimit.objects.filter(kind=kind, role__in=roles_of(user)))
    known = [one.approve_paise for one in limits]
    return not known or any(most is None or paise <= most for most in known)
