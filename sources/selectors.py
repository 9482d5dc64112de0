"""Reading what is agreed with the sources of files."""

from typing import Final

from django.db.models import QuerySet

from people.access import Somebody, has_role
from people.roles import ADMINISTRATOR, OPERATOR, READERS
from sources.models import Holiday

SOURCE_READERS: Final = (*READERS, OPERATOR, ADMINISTRATOR)


def holidays_visible_to(user: Somebody) -> QuerySet[Holiday]:
    """The calendar, for whoever reads the books or keeps the house."""
    return Holiday.objects.all() if has_role(user, *SOURCE_READERS) else Holiday.objects.none()
