"""Reading what is agreed with the sources of files."""

from typing import Final

from django.db.models import QuerySet

from channels_ import registry
from channels_.models import BankAccount, Channel, LedgerSystem, Source, StatementFile
from people.access import Somebody, has_role
from people.roles import ADMINISTRATOR, AUDITOR, FINANCE, OPERATOR, READERS
from sources.models import Doubt, Fetch, FetchedFile, FetchPlan, Holiday, Mapping, QuarantinedRow

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


def plans_visible_to(user: Somebody) -> QuerySet[FetchPlan]:
    """Where files are fetched, for whoever reads the sources; their secrets are nowhere."""
    rows = FetchPlan.objects.select_related("channel", "bank_account", "ledger")
    return rows if has_role(user, *SOURCE_READERS) else rows.none()


def fetches_visible_to(user: Somebody) -> QuerySet[Fetch]:
    """Each time that a plan was followed, for the same."""
    rows = Fetch.objects.select_related("plan")
    return rows if has_role(user, *SOURCE_READERS) else rows.none()


def fetched_visible_to(user: Somebody) -> QuerySet[FetchedFile]:
    """Every file that was fetched, for the same."""
    rows = FetchedFile.objects.select_related("file")
    return rows if has_role(user, *SOURCE_READERS) else rows.none()


def channels_with_files(user: Somebody) -> list[Channel]:
    """The channels that send a report we read, for the same."""
    if not has_role(user, *SOURCE_READERS):
        return []
    rows = Channel.objects.order_by("position", "code")
    return [one for one in rows if registry.formats_of(one.adapter, one.settings)]


def accounts_visible_to(user: Somebody) -> QuerySet[BankAccount]:
    """The bank accounts, for the same."""
    rows = BankAccount.objects.order_by("code")
    return rows if has_role(user, *SOURCE_READERS) else rows.none()


def ledgers_visible_to(user: Somebody) -> QuerySet[LedgerSystem]:
    """The ERP, for the same."""
    rows = LedgerSystem.objects.order_by("code")
    return rows if has_role(user, *SOURCE_READERS) else rows.none()


def last_files(user: Somebody, source: Source, *, limit: int) -> list[StatementFile]:
    """What came of a source last, whatever became of it, for the same."""
    if not has_role(user, *SOURCE_READERS):
        return []
    whose = source.whose
    return list(StatementFile.objects.filter(**{whose: source}).order_by("-id")[:limit])


def mappings_visible_to(user: Somebody) -> QuerySet[Mapping]:
    """How tables of accounts are read, with their samples, for finance and who audits it."""
    rows = Mapping.objects.select_related("account", "maker", "checker")
    return rows if has_role(user, *FINANCE, AUDITOR) else rows.none()
