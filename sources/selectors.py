"""Reading what is agreed with the sources of files."""

from typing import Final

from django.db.models import QuerySet

from people.access import Somebody, has_role
from people.roles import ADMINISTRATOR, AUDITOR, FINANCE, OPERATOR, READERS
from sources.models import Doubt, Holiday, QuarantinedRow

SOURCE_READERS: Final = (*READERS, OPERATOR, ADMINISTRATOR)
_ROW_READERS: Final = (*FINANCE, AUDITOR, OPERATOR)


def holidays_visible_to(user: Somebody) -> QuerySet[Holiday]:
    """The calendar, for whoever reads the books or keeps the house."""
    return Holiday.objects.all() if has_role(user, *SOURCE_READERS) else Holiday.objects.none()


def doubts_visible_to(user: Somebody) -> QuerySet[Doubt]:
    """Why files wait or waited, for whoever reads the files."""
    rows = Doubt.objects.select_related("maker", "checker", "file")
    return rows if has_role(user, *_ROW_READERS) else rows.none()


def quarantine_visible_to(user: Somebody) -> QuerySet[QuarantinedRow]:
    """Rows of files that were set aside, for the same."""
    rows = QuarantinedRow.objects.all()
    return rows if has_role(user, *_ROW_READERS) else rows.none()
