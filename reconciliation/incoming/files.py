"""Statement files: which are due for a day, which are in, which are late; and the lines of one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Final

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from channels_ import registry
from channels_.models import BankAccount, Channel, LedgerSystem, Source, StatementFile
from cspdcl.kernel.clock import day_bounds, now, today
from people.access import has_role
from people.models import User
from people.roles import CHANNEL, OPERATOR, READERS
from reconciliation.models import Book, Entry
from sources import owing

CONTRA: Final = "contra:"  # begins the key of a line that cancels another
SOURCES: Final = (Channel, BankAccount, LedgerSystem)
SPLIT: Final = "split:"  # begins the key of a part that people made of a credit

_FILE_READERS: Final = (*READERS, OPERATOR, CHANNEL)
_STATE: Final = StatementFile.State


def visible_to(user: User) -> QuerySet[StatementFile]:
    """The files a user may see: all of them, for who reads the books."""
    files = StatementFile.objects.select_related("channel", "bank_account", "ledger", "loaded_by")
    return files if has_role(user, *_FILE_READERS) else files.none()


@dataclass(frozen=True, slots=True)
class Due:
    """One source that owes a file for a business date, and what came of it."""

    source: Source
    due_at: datetime | None  # None: not by a time, but a file is here
    file: StatementFile | None  # the latest that speaks of the day
    refused: StatementFile | None  # one that came after it and is refused, or waits

    @property
    def is_late(self) -> bool:
        """Whether its time has passed and nothing speaks of the day."""
        return self.file is None and self.due_at is not None and self.due_at < now()

    @property
    def is_in(self) -> bool:
        """Whether a loaded file speaks of the day."""
        return self.file is not None


def dues_of(day: date) -> list[Due]:
    """Every source that owes a file for the day or has sent one: channels, accounts, the ERP."""
    channels = Channel.objects.filter(is_live=True).order_by("position", "code")
    sources: list[Source] = [
        *channels,
        *BankAccount.objects.order_by("code"),
        *LedgerSystem.objects.all(),
    ]
    begins, ends = day_bounds(day)
    covers = Q(covers_from__lte=day, covers_to__gte=day)
    # What a refused file speaks of is not known: what came on the day or the next counts.
    came = Q(state=_STATE.REFUSED, loaded_at__range=(begins, ends + timedelta(days=1)))
    files = list(
        StatementFile.objects.filter(
            Q(covers, state__in=[_STATE.LOADED, _STATE.WAITING]) | came
        ).order_by("loaded_at", "id")
    )
    covering = [file for file in files if file.state == _STATE.LOADED]
    refused = [file for file in files if file.state != _STATE.LOADED]
    dues = [_due(source, day, covering, refused) for source in sources]
    return [due for due in dues if due.due_at or due.file or due.refused]


def late_count(day: date) -> int:
    """How many files of a day are late now."""
    return sum(due.is_late for due in dues_of(day))


def late_in_words(user: User) -> str | None:
    """What the navigation says beside the files: yesterday's that are late, and what waits."""
    late = late_count(today() - timedelta(days=1))
    waiting = visible_to(user).filter(state=_STATE.WAITING).count()
    said = [
        _("%(count)s late") % {"count": late} if late else "",
        _("%(count)s waiting") % {"count": waiting} if waiting else "",
    ]
    return ", ".join(filter(None, said)) or None


def _due(
    source: Source,
    day: date,
    covering: Sequence[StatementFile],
    refused: Sequence[StatementFile],
) -> Due:
    file = _last_of(source, covering)
    bad = _last_of(source, refused)
    if bad and file and bad.loaded_at < file.loaded_at:
        bad = None
    return Due(source=source, due_at=owing.due_at(source, day), file=file, refused=bad)


def _last_of(source: Source, files: Iterable[StatementFile]) -> StatementFile | None:
    name = f"{source.whose}_id"
    found = [file for file in files if getattr(file, name) == source.pk]
    return found[-1] if found else None


def book_of(file: StatementFile) -> Book:
    """The book into which a file brings its lines."""
    if file.ledger_id:
        return Book.ERP
    return Book.CHANNEL if file.channel_id else Book.BANK


def entries_of(file: StatementFile) -> QuerySet[Entry]:
    """The entries that a file brought into the books, in its order.

    The days it covers and its book are asked for too: they have an index, the file has none. What
    was made of its lines since is left out: what cancels them, and the parts of a split.
    """
    book = book_of(file)
    if file.covers_from is None or file.covers_to is None:
        return Entry.objects.none()
    brought = Entry.objects.filter(
        book=book, business_date__range=(file.covers_from, file.covers_to), file=file
    )
    made = Q(source_key__startswith=CONTRA) | Q(source_key__startswith=SPLIT)
    return brought.exclude(made).order_by("line", "id")


def of_sources(files: QuerySet[StatementFile], codes: Sequence[str]) -> QuerySet[StatementFile]:
    """The files of channels, bank accounts or the ERP with these codes."""
    named = (Q(**{f"{kind.whose}__code__in": codes}) for kind in SOURCES)
    return files.filter(reduce(or_, named))


def source_choices() -> list[tuple[str, str]]:
    """Code and name of whoever sends files that we read: channels with a report, the others."""
    channels = [
        (channel.code, channel.name)
        for channel in Channel.objects.order_by("position", "code")
        if registry.formats_of(channel.adapter, channel.settings)
    ]
    accounts = BankAccount.objects.order_by("code").values_list("code", "name")
    return [*channels, *accounts, *LedgerSystem.objects.values_list("code", "name")]
