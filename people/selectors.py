"""Reading people and their trail; ``visible_to`` is the only door to a row."""

from django.db.models import QuerySet

from people.access import Somebody, has_role
from people.models import AuditEvent
from people.roles import ADMINISTRATOR, AUDITOR, FINANCE_APPROVER

TRAIL_READERS = (AUDITOR, ADMINISTRATOR, FINANCE_APPROVER)


def visible_to(user: Somebody) -> QuerySet[AuditEvent]:
    """The audit events that the user may read: all of them, for who proves; none for others."""
    events = AuditEvent.objects.select_related("office")
    return events if has_role(user, *TRAIL_READERS) else events.none()
