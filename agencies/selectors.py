"""Reading agencies: an agency reads its own, staff with a reason read them all."""

from collections.abc import Mapping
from typing import Final

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from agencies.models import Agency, AgencyPayment, FloatChange, FloatEntry
from payments.states import State
from people import roles
from people.access import has_role
from people.models import User

Somebody = User | AnonymousUser

READERS: Final = (roles.OPERATOR, roles.ADMINISTRATOR, *roles.FINANCE, roles.AUDITOR)


def agencies_visible_to(user: Somebody) -> QuerySet[Agency]:
    """Every agency, for those who work on them or check them."""
    return Agency.objects.all() if has_role(user, *READERS) else Agency.objects.none()


def changes_visible_to(user: Somebody) -> QuerySet[FloatChange]:
    """Changes of floats, proposed and answered."""
    return FloatChange.objects.all() if has_role(user, *READERS) else FloatChange.objects.none()


def entries_visible_to(user: Somebody) -> QuerySet[FloatEntry]:
    """Moves of floats."""
    return FloatEntry.objects.all() if has_role(user, *READERS) else FloatEntry.objects.none()


def payments_of(agency: Agency) -> QuerySet[AgencyPayment]:
    """What an agency has taken, with what its answers tell; another's payments are not in it."""
    return AgencyPayment.objects.filter(agency=agency).select_related(
        "payment__bill", "payment__receipt", "terminal"
    )


def state_of(mine: AgencyPayment) -> str:
    """Where a payment stands, in the words of the partner API."""
    if mine.payment.state == State.FAILED:
        return "cancelled" if mine.ended_at else "expired"
    return _WORDS.get(State(mine.payment.state), "held")


def waiting_changes_count(user: User) -> int | None:
    """How many proposals wait for somebody else than their maker."""
    if not has_role(user, *roles.FINANCE):
        return None
    waiting = changes_visible_to(user).filter(state=FloatChange.State.PROPOSED)
    return waiting.exclude(maker=user).count()


_WORDS: Final[Mapping[State, str]] = {
    State.PENDING: "held",
    State.SUCCEEDED: "paid",
    State.REVERSED: "reversed",
}

STATES: Final = ("held", "paid", "cancelled", "expired", "reversed")
