"""What people name in a cell or a field: a day, a colleague, the entries that explain a break."""

import re
from datetime import date, datetime
from typing import Final

from django.db.models import Q

from people.models import User
from reconciliation.desk import workbench
from reconciliation.desk.decisions import NotDecidable
from reconciliation.models import Break, Entry

_SPLIT: Final = re.compile(r"\s*[;\n]\s*")
_NAMES: Final = ("reference", "channel_ref", "order_ref", "settlement_ref", "deposit_ref", "utr",
                 "rrn", "instrument")  # fmt: skip
_KNOWN: Final = re.compile(r"(?:receipts|channel|bank|erp|settlement|deposit):.+")
_ENTRIES_MAX: Final = 10_000


def day_named(text: str) -> date:
    """A day as 2026-08-25 or 25-08-2026. Raises NotDecidable."""
    bare = text.strip().partition(" ")[0].partition("T")[0]
    for form in ("%Y-%m-%d", "%d-%m-%Y"):
        try:
            return datetime.strptime(bare, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise NotDecidable(f"expected a day such as 25-08-2026, got {text[:20]!r}")


def user_named(text: str) -> User | None:
    """Who works here under this name; nobody for an empty one. Raises NotDecidable."""
    name = text.strip()
    if not name:
        return None
    found = User.objects.filter(username=name, is_active=True).first()
    if found is None:
        raise NotDecidable(f"there is no user {name[:40]!r}")
    return found


def entries_named(open_break: Break, text: str) -> list[Entry]:
    """The open entries that a text names, several apart by semicolons. Raises NotDecidable.

    A name is one of an entry (UTR, reference, slip, settlement ...) and must lead to one entry, or
    to the lines of one settlement or slip.
    """
    words = [word for word in _SPLIT.split(text.strip()) if word]
    if not words:
        raise NotDecidable("expected what it is matched with")
    known = [word for word in words if _KNOWN.fullmatch(word)]
    found = {one.pk: one for one in workbench.chosen_entries(open_break, known)}
    for word in words:
        if word not in known:
            found |= {one.pk: one for one in _called(open_break, word)}
    return [found[pk] for pk in sorted(found)]


def _called(open_break: Break, word: str) -> list[Entry]:
    if "\0" in word:
        raise NotDecidable("a name holds no such character")
    named = Q()
    for column in _NAMES:
        named |= Q(**{f"{column}__in": {word, word.upper()}})
    rows = list(workbench.broken_entries(open_break).filter(named)[:_ENTRIES_MAX])
    if not rows:
        raise NotDecidable(f"nothing that is open near its day is called {word[:40]!r}")
    groups = {(one.settlement_ref, one.deposit_ref) for one in rows}
    is_group = len(groups) == 1 and word in groups.pop()
    if len(rows) > 1 and not is_group:
        raise NotDecidable(f"{len(rows)} open entries are called {word[:40]!r}")
    return rows
