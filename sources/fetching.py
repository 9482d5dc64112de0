"""Following a plan: look where a source lays its files, take what is new, note all of it.

The app that loads files into the books lies above; it registers how that is done.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import BinaryIO, ClassVar, Final, NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet

from channels_.models import Source, StatementFile
from cspdcl.kernel.clock import INDIA, now, today
from cspdcl.kernel.errors import DomainError
from people import audit
from people.models import User
from sources import secrets
from sources.models import Fetch, FetchedFile, FetchPlan
from sources.remote import https, mailbox, sftp
from sources.remote.terms import Arrived, OutOfReach, Pull, Terms, plain

log = logging.getLogger(__name__)

DEAD_AFTER: Final = timedelta(hours=1)  # longer than any task may take
_CHUNK: Final = 1 << 20
FAILURES_TOLD: Final = 3  # in a row, before somebody is called

PULLERS: Final[Mapping[str, Pull]] = MappingProxyType(
    {
        FetchPlan.Kind.SFTP: sftp.pull,
        FetchPlan.Kind.MAILBOX: mailbox.pull,
        FetchPlan.Kind.HTTPS: https.pull,
    }
)


class Loaded(NamedTuple):
    """What became of a file that was handed to the loader."""

    outcome: FetchedFile.Outcome
    file: StatementFile | None
    problem: str = ""


Loader = Callable[[Source, BinaryIO, str], Loaded]
Hear = Callable[[FetchPlan, str], None]

_loaders: Final[dict[str, Loader]] = {}
_hearers: Final[dict[str, Hear]] = {}


def load_by(loader: Loader) -> None:
    """Say how a file gets into the books; called when the app that knows it is ready."""
    _loaders["books"] = loader


def tell_by(name: str, hear: Hear) -> None:
    """Hear of a plan that fails again and again (with why), or is well (with an empty text)."""
    _hearers[name] = hear


class AlreadyFetching(DomainError):
    """Another process follows this plan now."""

    code: ClassVar[str] = "already_fetching"


def due_plans() -> list[FetchPlan]:
    """The plans whose time has come, by their last fetch."""
    last = Max("fetches__started_at")
    plans = FetchPlan.objects.filter(is_active=True).annotate(last_at=last).order_by("pk")
    return [plan for plan in plans if _is_due(plan, plan.last_at)]


def _is_due(plan: FetchPlan, last_at: datetime | None) -> bool:
    moment = now()
    if plan.every_minutes is not None:
        return last_at is None or last_at + timedelta(minutes=plan.every_minutes) <= moment
    if plan.at is None:
        return False
    turn = datetime.combine(today(), plan.at, tzinfo=INDIA)
    return turn <= moment and (last_at is None or last_at < turn)


def follow(plan: FetchPlan, *, asked_by: str) -> Fetch:
    """Take what is new at the plan's place. Twice changes nothing; raises AlreadyFetching."""
    fetch = _begin(plan, asked_by=asked_by)
    log.info("fetch %s, asked by %s", plan.code, asked_by)
    problem = "its process failed"  # unless it comes to its end
    try:
        _take_all(plan, fetch)
        problem = ""
    except (OutOfReach, DomainError) as error:
        problem = str(error)
    finally:
        _end(fetch, problem=problem)
        if problem:
            log.warning("fetch %s failed: %s", plan.code, problem)
        _tell(plan, problem)
    return fetch


def _begin(plan: FetchPlan, *, asked_by: str) -> Fetch:
    dead = Fetch.objects.filter(plan=plan, state=Fetch.State.RUNNING)
    dead.filter(started_at__lt=now() - DEAD_AFTER).update(
        state=Fetch.State.FAILED, ended_at=now(), problem="its process died"
    )
    try:
        with transaction.atomic():
            return Fetch.objects.create(plan=plan, asked_by=asked_by)
    except IntegrityError as error:
        raise AlreadyFetching(f"{plan.code} is being fetched now; wait for its end") from error


def _end(fetch: Fetch, *, problem: str) -> None:
    fetch.state = Fetch.State.FAILED if problem else Fetch.State.DONE
    fetch.problem, fetch.ended_at = plain(problem), now()
    fetch.save()


def _take_all(plan: FetchPlan, fetch: Fetch) -> None:
    source = plan.source
    if source is None:
        raise OutOfReach(f"{plan.code} has no source")
    rows = FetchedFile.objects.filter(plan=plan)
    known = set(rows.values_list("name", "mark"))
    marks = _whole_mails(rows)
    seen = 0

    def is_known(name: str, mark: str) -> bool:
        """A mail is known by its mark alone, before the names of its files can be told."""
        nonlocal seen
        seen += 1
        return (plain(name), mark) in known if name else mark in marks

    try:
        for arrived in PULLERS[plan.kind](_terms(plan, source), is_known):
            one = arrived._replace(name=plain(arrived.name))
            if (one.name, one.mark) not in known:
                fetch.new_count += _take(plan, fetch, one, source=source)
    finally:
        fetch.seen_count = seen


def _whole_mails(rows: QuerySet[FetchedFile]) -> set[str]:
    """The marks of mails of which every file was taken: of a look that failed, all but its last."""
    whole = set(rows.filter(fetch__state=Fetch.State.DONE).values_list("mark", flat=True))
    failed = rows.exclude(fetch__state=Fetch.State.DONE).order_by("fetch_id", "pk")
    for _fetch, some in groupby(failed.values_list("fetch_id", "mark"), key=itemgetter(0)):
        taken = [mark for _fetch_id, mark in some]
        whole.update(mark for mark in taken if mark != taken[-1])
    return whole


def _take(plan: FetchPlan, fetch: Fetch, arrived: Arrived, *, source: Source) -> int:
    digest = _digest_of(arrived.content)
    loaded = _loaders["books"](source, arrived.content, arrived.name)
    with transaction.atomic():
        row = FetchedFile.objects.create(
            plan=plan,
            fetch=fetch,
            name=arrived.name,
            mark=arrived.mark,
            sha256=digest,
            outcome=loaded.outcome,
            problem=plain(loaded.problem),
            file=loaded.file,
        )
        audit.record(
            fetch.asked_by,
            "source.file_fetched",
            source,
            after={"plan": plan.code, "name": row.name, "sha256": digest, "is": row.outcome},
        )
    log.info("fetch %s: %s is %s", plan.code, row.name, row.outcome)
    return int(loaded.outcome != FetchedFile.Outcome.KNOWN)


def _digest_of(content: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := content.read(_CHUNK):
        digest.update(chunk)
    content.seek(0)
    return digest.hexdigest()


def _terms(plan: FetchPlan, source: Source) -> Terms:
    is_open = plan.kind == FetchPlan.Kind.HTTPS and not plan.secret_name
    return Terms(
        address=plan.address,
        user=plan.user,
        secret="" if is_open else secrets.value_of(source, name=plan.secret_name),
        host_key=plan.host_key,
        sender=plan.sender,
        subject=plan.subject,
        pattern=plan.pattern,
        days=tuple(today() - timedelta(days=back) for back in range(plan.days_back + 1)),
        bytes_max=_bytes_max(plan.kind),
    )


def _bytes_max(kind: str) -> int:
    """What SFTP brings lies on the disk, all else in memory."""
    if kind == FetchPlan.Kind.SFTP:
        return settings.STATEMENT_BYTES_MAX
    return min(settings.STATEMENT_BYTES_MAX, settings.PARTNER_REPORT_BYTES_MAX)


def _tell(plan: FetchPlan, problem: str) -> None:
    """Call somebody after some failures in a row, and take it back at the first success."""
    if problem and not is_failing(plan):
        return
    for hear in _hearers.values():
        hear(plan, problem)


def is_failing(plan: FetchPlan) -> bool:
    """Whether its last looks failed, so many in a row that somebody is called."""
    last = Fetch.objects.filter(plan=plan).exclude(state=Fetch.State.RUNNING)
    states = list(last.order_by("-started_at").values_list("state", flat=True)[:FAILURES_TOLD])
    return len(states) == FAILURES_TOLD and set(states) == {Fetch.State.FAILED}


@transaction.atomic
def ask(plan: FetchPlan, *, by: User, send: Callable[[int, str], object]) -> None:
    """A person wants it now; ``send`` queues it for the worker once this is committed."""
    recent = Fetch.objects.filter(
        plan=plan, state=Fetch.State.RUNNING, started_at__gte=now() - DEAD_AFTER
    )
    if recent.exists():
        raise AlreadyFetching(f"{plan.code} is being fetched now; wait for its end")
    audit.record(by, "source.fetch_asked", ("fetchplan", plan.code))
    transaction.on_commit(partial(send, plan.pk, by.username))
