"""Reading attachments: ``attachments_visible_to(user)`` is the only door to a row."""

from datetime import datetime
from typing import Final

from django.db.models import Count, Min, QuerySet

from attachments.models import Attachment, State
from people.access import Somebody, has_role, offices_of
from people.roles import AUDITOR, CLERK, FINANCE, SUPERVISOR

# Papers name payers and their accounts: who keeps the machines running need not see them.
READERS: Final = (CLERK, SUPERVISOR, *FINANCE, AUDITOR)


def attachments_visible_to(user: Somebody) -> QuerySet[Attachment]:
    """Papers of the offices whose rows the user may see."""
    if not has_role(user, *READERS):
        return Attachment.objects.none()
    return Attachment.objects.filter(office__in=offices_of(user))


def quarantine() -> tuple[int, datetime | None]:
    """How many papers wait for a scanner, and since when: figures for the operator, no row."""
    found = Attachment.objects.filter(state=State.QUARANTINED).aggregate(
        waiting=Count("pk"), oldest=Min("uploaded_at")
    )
    return found["waiting"], found["oldest"]
