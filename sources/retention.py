"""Raw files that were fetched are kept by their hash until the retention of their plan ends."""

import logging
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import (
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    QuerySet,
    Value,
)

from channels_.models import StatementFile
from cspdcl.kernel.clock import now
from people import audit
from sources.models import FetchedFile, Mapping, QuarantinedRow

log = logging.getLogger(__name__)

AT_ONCE = 1000


def wipe() -> int:
    """Remove bytes whose retention has ended; what was read of them stays. Says how many files."""
    over = _over().order_by("pk").values_list("pk", flat=True)
    return sum(_wipe(pk) for pk in list(over[:AT_ONCE]))


@transaction.atomic
def _wipe(pk: int) -> int:
    row = _over().filter(pk=pk).first()  # its bytes may have gone with another row's
    if row is None:
        return 0
    FetchedFile.objects.filter(sha256=row.sha256).update(wiped_at=now())
    audit.record("timetable", "source.file_wiped", ("statementfile", row.sha256))
    path = Path(settings.STATEMENTS_DIR) / row.sha256[:2] / row.sha256
    path.unlink(missing_ok=True)
    log.info("the bytes of %s were wiped: their retention has ended", row.sha256)
    return 1


def _over() -> QuerySet[FetchedFile]:
    """Files whose retention has ended, and whose bytes nobody else needs."""
    kept_for = ExpressionWrapper(F("plan__keep_days") * Value(timedelta(days=1)), DurationField())
    kept = FetchedFile.objects.filter(wiped_at__isnull=True).annotate(ends_at=F("at") + kept_for)
    same = {"sha256": OuterRef("sha256")}
    files = StatementFile.objects.filter(**same)
    # A plan that finds what is here already points at the row of whoever brought it.
    brought = FetchedFile.objects.filter(file=OuterRef("pk"))
    brought = brought.exclude(outcome=FetchedFile.Outcome.KNOWN)
    aside = QuarantinedRow.objects.filter(file__sha256=OuterRef("sha256"))
    waits = [QuarantinedRow.State.OPEN, QuarantinedRow.State.PROPOSED]
    return kept.filter(
        ~Exists(kept.filter(**same, ends_at__gte=now())),
        ~Exists(files.filter(~Exists(brought))),
        ~Exists(files.filter(state=StatementFile.State.WAITING)),
        ~Exists(aside.filter(state__in=waits)),
        ~Exists(Mapping.objects.filter(sample_sha256=OuterRef("sha256"))),
        ends_at__lt=now(),
    )
