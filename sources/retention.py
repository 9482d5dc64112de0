"""Raw files that were fetched are kept by their hash until the retention of their plan ends."""

import logging
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F, Value

from channels_.models import StatementFile
from cspdcl.kernel.clock import now
from people import audit
from sources.models import FetchedFile, QuarantinedRow

log = logging.getLogger(__name__)

AT_ONCE = 1000


def wipe() -> int:
    """Remove bytes whose retention has ended; what was read of them stays. Says how many files."""
    kept_for = ExpressionWrapper(F("plan__keep_days") * Value(timedelta(days=1)), DurationField())
    over = FetchedFile.objects.annotate(ends_at=F("at") + kept_for).filter(
        wiped_at__isnull=True, ends_at__lt=now()
    )
    wiped = 0
    for row in over.select_related("plan").order_by("pk")[:AT_ONCE]:
        wiped += _wipe(row)
    return wiped


@transaction.atomic
def _wipe(row: FetchedFile) -> int:
    if _is_needed(row.sha256):
        return 0
    FetchedFile.objects.filter(sha256=row.sha256).update(wiped_at=now())
    audit.record("timetable", "source.file_wiped", ("statementfile", row.sha256))
    path = Path(settings.STATEMENTS_DIR) / row.sha256[:2] / row.sha256
    path.unlink(missing_ok=True)
    log.info("the bytes of %s were wiped: their retention has ended", row.sha256)
    return 1


def _is_needed(sha256: str) -> bool:
    """Whether somebody else handed the same bytes in, keeps them longer, or waits with them."""
    kept_for = ExpressionWrapper(F("plan__keep_days") * Value(timedelta(days=1)), DurationField())
    same = FetchedFile.objects.filter(sha256=sha256).annotate(ends_at=F("at") + kept_for)
    files = StatementFile.objects.filter(sha256=sha256)
    waits = [QuarantinedRow.State.OPEN, QuarantinedRow.State.PROPOSED]
    return (
        same.filter(wiped_at__isnull=True, ends_at__gte=now()).exists()
        or files.exclude(pk__in=same.values("file")).exists()
        or files.filter(state=StatementFile.State.WAITING).exists()
        or QuarantinedRow.objects.filter(file__sha256=sha256, state__in=waits).exists()
    )
