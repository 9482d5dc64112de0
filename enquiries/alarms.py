"""Alarms about channels and bank accounts: one of a kind, raised once, cleared when it is well."""

import logging
from typing import Any

from django.db import transaction

from channels_.models import Source
from cspdcl.kernel.clock import now
from enquiries.models import Alarm

log = logging.getLogger(__name__)


def sound(source: Source, *, kind: Alarm.Kind, detail: str) -> bool:
    """Raise an alarm unless one of this kind is open; says whether it is new."""
    whom = _whom(source)
    with transaction.atomic():
        made = Alarm.objects.bulk_create(
            [Alarm(**whom, kind=kind, detail=detail.replace("\0", "")[:200])],
            ignore_conflicts=True,
        )
        is_new = Alarm.objects.filter(
            **whom, kind=kind, cleared_at__isnull=True, raised_at=made[0].raised_at
        ).exists()
    if is_new:
        log.error("alarm: %s %s: %s", source.code, kind.label, detail)
    return is_new


def clear(source: Source, *, kind: Alarm.Kind) -> bool:
    """It is well again; says whether an alarm was open."""
    open_now = Alarm.objects.filter(**_whom(source), kind=kind, cleared_at__isnull=True)
    is_cleared = bool(open_now.update(cleared_at=now()))
    if is_cleared:
        log.warning("alarm cleared: %s %s", source.code, kind.label)
    return is_cleared


def _whom(source: Source) -> dict[str, Any]:
    return {source.whose: source}
