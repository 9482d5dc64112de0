"""Files that were fetched from the places of their sources, on their way into the books."""

from typing import BinaryIO

from channels_.models import Source, StatementFile
from cspdcl.kernel.errors import DomainError, Malformed
from enquiries import alarms
from enquiries.models import Alarm
from reconciliation.incoming import statements
from sources.fetching import Loaded, is_failing
from sources.models import FetchedFile, FetchPlan

_OUTCOMES = {
    StatementFile.State.LOADED: FetchedFile.Outcome.LOADED,
    StatementFile.State.WAITING: FetchedFile.Outcome.WAITING,
    StatementFile.State.REFUSED: FetchedFile.Outcome.REFUSED,
}


def load(source: Source, content: BinaryIO, name: str) -> Loaded:
    """Load one file that was fetched; what cannot be taken is told and not tried again."""
    try:
        file = statements.load(source, content, name=name)
    except (statements.AlreadyLoaded, statements.AlreadyWaiting) as known:
        return Loaded(FetchedFile.Outcome.KNOWN, known.file)
    except (DomainError, Malformed) as refused:
        return Loaded(FetchedFile.Outcome.REFUSED, None, str(refused))
    return Loaded(_OUTCOMES[StatementFile.State(file.state)], file, file.problem)


def hear(plan: FetchPlan, problem: str) -> None:
    """An alarm while a plan fails again and again, and none when all plans of its source work."""
    source = plan.source
    if source is None:
        return
    if problem:
        alarms.sound(source, kind=Alarm.Kind.FETCH, detail=f"{plan.code}: {problem}")
        return
    others = FetchPlan.objects.filter(**{source.whose: source}, is_active=True).exclude(pk=plan.pk)
    if not any(is_failing(other) for other in others):
        alarms.clear(source, kind=Alarm.Kind.FETCH)
