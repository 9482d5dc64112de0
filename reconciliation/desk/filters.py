"""Ways to narrow the breaks that a person keeps at hand."""

from typing import Final

from django.db import transaction

from people import audit
from people.models import User
from reconciliation.desk.decisions import NotDecidable
from reconciliation.models import SavedFilter

KEPT_MAX: Final = 20
QUERY_MAX: Final = 1000  # of the address; a letter of Devanagari takes nine of them


@transaction.atomic
def save(user: User, *, name: str, query: str) -> SavedFilter:
    """Keep a filter under a name; one of the same name is written over.

    Raises NotDecidable for too many, and for one that is too long: cut, it would be another.
    """
    if len(query) > QUERY_MAX:
        raise NotDecidable("this filter is too long to be kept; take some of it off")
    mine = SavedFilter.objects.filter(user=user)
    if not mine.filter(name=name).exists() and mine.count() >= KEPT_MAX:
        raise NotDecidable(f"at most {KEPT_MAX} filters are kept; take one off first")
    kept, _made = SavedFilter.objects.update_or_create(
        user=user, name=name, defaults={"query": query}
    )
    audit.record(user, "filter.saved", ("filter", name), after={"query": query})
    return kept


@transaction.atomic
def drop(user: User, *, name: str) -> None:
    """Take a name off."""
    count, _rows = SavedFilter.objects.filter(user=user, name=name).delete()
    if count:
        audit.record(user, "filter.dropped", ("filter", name))
