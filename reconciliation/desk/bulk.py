"""One step for many breaks: shown with count and sum, approved once, done break by break.

Each break is a transaction of its own through the same actions as by hand, so a job that dies goes
on where it was, and what does not fit any more is answered with why. A batch that was asked for as
a whole is one transaction: all of it, or nothing.
"""

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, ClassVar, Final

from django.db import connection, transaction
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError

from cspdcl.kernel.clock import now
from cspdcl.kernel.errors import DomainError
from cspdcl.kernel.money import grouped_rupees
from people import audit
from people.access import has_role
from people.models import User
from people.roles import FINANCE, FINANCE_APPROVER
from reconciliation import approving, locks
from reconciliation.desk import care, decisions, filters, listing, naming, steps
from reconciliation.models import Batch, BatchItem, Break, Decision

log = logging.getLogger(__name__)

SAID_MAX: Final = 300


class NotInBulk(DomainError):
    """The step cannot be taken for many like this; the text says why."""

    code: ClassVar[str] = "not_in_bulk"


class NotYourPart(DomainError):
    """The person may not take this part: who proposes never approves."""

    code: ClassVar[str] = "not_your_part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One step that may be taken for many: by whom, and what it wants besides a reason."""

    title: str | Promise
    do: Callable[[Break, BatchItem, Batch], Decision | None]
    wants: str = ""  # a day, an owner, a candidate
    needs_second: bool = True


@dataclass(frozen=True, slots=True)
class Totals:
    """How many breaks, and their money."""

    count: int
    paise: int


# ---- proposing ----


@transaction.atomic
def propose(
    breaks: QuerySet[Break],
    *,
    act: str,
    why: str,
    argument: str = "",
    query: str = "",
    seen: Totals,
    is_whole: bool = False,
    maker: User,
    submit_key: str = "",
) -> Batch:
    """Propose one step for all breaks of a filter, as they were seen.

    The same key of the same person is the same step, asked again. Raises NotInBulk when the filter
    holds others by now, or the step does not fit.
    """
    check_maker(maker)
    if len(query) > filters.QUERY_MAX:
        raise NotInBulk("this filter is too long to be shown again; take some of it off")
    asked = Batch(
        query=query,
        count=seen.count,
        amount_paise=seen.paise,
        why=why.strip()[:300],
        is_whole=is_whole,
        maker=maker,
        submit_key=submit_key,
    )
    known = _asked_before(asked, act=act, argument=argument.strip())
    if known is not None:
        return known
    if act not in ACTS:
        raise NotInBulk("expected a step that may be taken for many")
    if not why.strip():
        raise NotInBulk("a step for many needs a reason")
    _check_argument(act, argument)
    sums = listing.totals(breaks)
    if (sums["count"], sums["paise"]) != (seen.count, seen.paise):
        raise NotInBulk(
            f"the filter holds {sums['count']} breaks worth {grouped_rupees(sums['paise'])} now; "
            "look at it again"
        )
    if not seen.count:
        raise NotInBulk("the filter holds no break")
    asked.public_id, asked.source = uuid.uuid4().hex, Batch.Source.FILTER
    asked.needs_second, asked.title = ACTS[act].needs_second, str(ACTS[act].title)
    asked.save()
    _add_items(asked, breaks, act=act, argument=argument.strip())
    return begin(asked)


_SAME: Final = ("query", "count", "amount_paise", "why", "is_whole")


def _asked_before(asked: Batch, *, act: str, argument: str) -> Batch | None:
    """The step that this key has asked for. One person asks for one thing at a time."""
    if not asked.submit_key:
        return None
    User.objects.select_for_update().get(pk=asked.maker_id)
    found = Batch.objects.filter(maker=asked.maker, submit_key=asked.submit_key).first()
    if found is None:
        return None
    is_same = all(getattr(found, name) == getattr(asked, name) for name in _SAME)
    if not is_same or found.items.exclude(act=act, argument=argument).exists():
        raise NotInBulk("the key was used for another step")
    return found


def begin(batch: Batch) -> Batch:
    """Record a new batch; one that needs no second person starts at once."""
    audit.record(batch.maker, "batch.proposed", ("batch", batch.public_id), after=facts_of(batch))
    if not batch.needs_second:
        _move(batch, Batch.State.WORKING)
    return batch


def totals_now(batch: Batch) -> Totals:
    """What of a batch still stands as it was seen: this is what an approval does."""
    sums = batch.items.filter(_AS_SEEN, state=BatchItem.State.WAITING).aggregate(
        count=Count("pk"), paise=Coalesce(Sum("open_break__amount_paise"), 0)
    )
    return Totals(sums["count"], sums["paise"])


_AS_SEEN: Final = Q(open_break__state=Break.State.OPEN, open_break__subject_key=F("seen"))


@transaction.atomic
def approve(batch: Batch, *, checker: User, seen: Totals, answer: str = "") -> Batch:
    """Say yes to what was shown; the worker does it. Raises NotInBulk when it changed since."""
    locked = _answerable(batch, checker)
    live = totals_now(locked)
    if live != seen:
        raise NotInBulk(
            f"{live.count} breaks worth {grouped_rupees(live.paise)} stand as they were seen now; "
            "look at it again"
        )
    _note(locked, checker, answer)
    _move(locked, Batch.State.WORKING)
    audit.record(checker, "batch.approved", ("batch", batch.public_id), after=facts_of(locked))
    return locked


@transaction.atomic
def reject(batch: Batch, *, checker: User, answer: str) -> Batch:
    """Say no, with a reason; nothing changes."""
    if not answer.strip():
        raise NotInBulk("a rejection needs a reason")
    locked = _answerable(batch, checker)
    _note(locked, checker, answer)
    _move(locked, Batch.State.REJECTED)
    audit.record(checker, "batch.rejected", ("batch", batch.public_id), after=facts_of(locked))
    return locked


# ---- the job ----


def run(public_id: str) -> int:
    """Do what waits of a batch that is at work; returns how many were answered by this call.

    Any number may run at once, and any may die: each break is taken by one. Raises BooksBusy while
    a run has the books; what waits then goes on later.
    """
    batch = Batch.objects.filter(public_id=public_id, state=Batch.State.WORKING).first()
    if batch is None:
        return 0
    count = _run_whole(batch) if batch.is_whole else _run_each(batch)
    _finish(batch)
    return count


def run_waiting() -> int:
    """All batches that are at work: a lost job is found here."""
    working = Batch.objects.filter(state=Batch.State.WORKING).order_by("pk")
    return sum(run(one) for one in list(working.values_list("public_id", flat=True)))


def progress_of(batch: Batch) -> dict[str, int]:
    """How many of its breaks are done, refused and waiting."""
    rows = dict(batch.items.order_by().values_list("state").annotate(n=Count("pk")))
    counts = {str(state): int(rows.get(state, 0)) for state in BatchItem.State.values}
    return counts | {"total": sum(counts.values()) - counts[BatchItem.State.IDLE]}


def facts_of(batch: Batch) -> dict[str, object]:
    """A batch as the audit trail keeps it."""
    return {
        "step": batch.title,
        "source": batch.source,
        "count": batch.count,
        "amount_paise": batch.amount_paise,
        "why": batch.why,
        "answer": batch.answer,
        **({"sha256": batch.sha256} if batch.sha256 else {}),
    }


def _run_each(batch: Batch) -> int:
    count = 0
    while True:
        with transaction.atomic():
            item = _waiting(batch).select_for_update(of=("self",), skip_locked=True).first()
            if item is None:
                return count
            try:
                with transaction.atomic():
                    _do(batch, item)
            except locks.BooksBusy:
                raise
            except DomainError as refused:
                _say(item, BatchItem.State.REFUSED, str(refused))
        count += 1


def _run_whole(batch: Batch) -> int:
    """All in one transaction: the first that does not fit takes all of it back."""
    item: BatchItem | None = None
    try:
        with transaction.atomic():
            items = list(_waiting(batch).select_for_update(of=("self",)))
            for item in items:
                _do(batch, item)
            return len(items)
    except locks.BooksBusy:
        raise
    except DomainError as refused:
        told = f"row {item.row}: {refused}" if item is not None else str(refused)
        with transaction.atomic():
            left = _waiting(batch).select_for_update(of=("self",))
            words = f"left alone, because all or nothing was asked for: {told}"[:SAID_MAX]
            return left.order_by().update(state=BatchItem.State.REFUSED, said=words)


def _waiting(batch: Batch) -> QuerySet[BatchItem]:
    return BatchItem.objects.filter(batch=batch, state=BatchItem.State.WAITING).order_by("row")


def _do(batch: Batch, item: BatchItem) -> None:
    if item.open_break_id is None:
        raise NotInBulk("there is no such break")
    about = Break.objects.select_for_update().get(pk=item.open_break_id)
    if about.state != Break.State.OPEN:
        raise NotInBulk(f"closed meanwhile: {about.closed_why}")
    if about.subject_key != item.seen:
        raise NotInBulk("it changed meanwhile; look at it again")
    decision = ACTS[item.act].do(about, item, batch)
    if decision is not None:
        Decision.objects.filter(pk=decision.pk).update(batch=batch)
        item.decision = decision
    _say(item, BatchItem.State.DONE, "")


def _say(item: BatchItem, state: BatchItem.State, said: str) -> None:
    item.state, item.said = state, said[:SAID_MAX]
    item.save(update_fields=["state", "said", "decision"])


@transaction.atomic
def _finish(batch: Batch) -> None:
    locked = Batch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
    if locked.state == Batch.State.WORKING and not _waiting(locked).exists():
        _move(locked, Batch.State.DONE)
        after = facts_of(locked) | progress_of(locked)
        audit.record(locked.maker, "batch.done", ("batch", locked.public_id), after=after)


# ---- the steps ----


def _why(item: BatchItem, batch: Batch) -> str:
    return (item.why or batch.why)[:300]


def _second(decision: Decision, batch: Batch) -> Decision:
    """What is above the limit of one person is approved by whoever approved the batch."""
    if decision.state == Decision.State.PROPOSED:
        if batch.checker is None:
            raise NotInBulk("it needs a second person")
        approving.approve(decision, checker=batch.checker, answer=batch.answer)
    return decision


def _write_off(one: Break, item: BatchItem, batch: Batch) -> Decision:
    kind = Decision.Kind.WRITE_OFF
    made = decisions.propose(one, kind=kind, why=_why(item, batch), maker=batch.maker)
    return _second(made, batch)


def _match(one: Break, item: BatchItem, batch: Batch) -> Decision:
    made = decisions.propose(
        one,
        kind=Decision.Kind.MATCH,
        candidates=naming.entries_named(one, item.argument),
        why=_why(item, batch),
        maker=batch.maker,
    )
    return _second(made, batch)


def _step(
    kind: Decision.Kind, one: Break, item: BatchItem, batch: Batch, *, until: date | None = None
) -> Decision:
    made = steps.propose(one, kind=kind, why=_why(item, batch), maker=batch.maker, until=until)
    return _second(made, batch)


def _wait(one: Break, item: BatchItem, batch: Batch) -> Decision:
    return _step(Decision.Kind.TIMING, one, item, batch, until=naming.day_named(item.argument))


def _hand_over(one: Break, item: BatchItem, batch: Batch) -> None:
    owner = naming.user_named(item.argument)
    care.hand_over(one, owner=owner, due_on=one.due_on, by=batch.maker)


def _note_it(one: Break, item: BatchItem, batch: Batch) -> None:
    care.note(one, words=item.why or batch.why, by=batch.maker)


ACTS: Final[Mapping[str, Act]] = {
    "write_off": Act(title=_("write off"), do=_write_off),
    "match": Act(title=_("match by hand"), do=_match, wants="candidate"),
    "wait": Act(title=_("wait until"), do=_wait, wants="day"),
    "suspense": Act(title=_("move to suspense"), do=partial(_step, Decision.Kind.SUSPENSE)),
    "fee": Act(title=_("accept the fee"), do=partial(_step, Decision.Kind.FEE)),
    "owner": Act(title=_("give to"), do=_hand_over, wants="owner", needs_second=False),
    "note": Act(title=_("note"), do=_note_it, needs_second=False),
}


def check_argument(act: str, argument: str) -> None:
    """Raises NotInBulk for what a step cannot use: a day, an owner, a candidate."""
    wants = ACTS[act].wants
    if wants == "day":
        naming.day_named(argument)
    elif wants == "owner":
        naming.user_named(argument)
    elif wants == "candidate" and not argument.strip():
        raise NotInBulk("expected what it is matched with")


def _check_argument(act: str, argument: str) -> None:
    if ACTS[act].wants == "candidate":
        raise NotInBulk("a match names its own candidate for each break: use a sheet")
    check_argument(act, argument)


# ---- helpers ----


def check_maker(maker: User) -> None:
    """Raises NotYourPart for who may not propose."""
    if not has_role(maker, *FINANCE):
        raise NotYourPart("people of finance work on breaks")


def _answerable(batch: Batch, checker: User) -> Batch:
    if not has_role(checker, FINANCE_APPROVER):
        raise NotYourPart("a finance approver decides")
    locked = Batch.objects.select_for_update(of=("self",)).get(pk=batch.pk)
    if locked.maker_id == checker.pk:
        raise NotYourPart("who proposed it cannot approve it")
    if locked.state != Batch.State.PROPOSED:
        raise NotInBulk(f"this is {locked.get_state_display()} already")
    return locked


def _note(batch: Batch, checker: User, answer: str) -> None:
    batch.checker, batch.checked_at, batch.answer = checker, now(), answer.strip()[:300]
    batch.save(update_fields=["checker", "checked_at", "answer"])


def _move(batch: Batch, state: Batch.State) -> None:
    batch.state = state
    batch.ended_at = now() if state == Batch.State.DONE else None
    batch.save(update_fields=["state", "ended_at"])
    if state == Batch.State.WORKING:
        transaction.on_commit(partial(_send, batch.public_id))


def _send(public_id: str) -> None:
    from reconciliation import tasks  # noqa: PLC0415 - the tasks call us

    try:
        tasks.run_batch.apply_async(args=[public_id], retry=False)
    except (OperationalError, OSError) as error:
        log.warning("batch %s waits for the sweep: %s", public_id, error)


_ADD: Final = """
INSERT INTO reconciliation_batchitem
       (batch_id, row, name, open_break_id, seen, act, why, argument, state, said)
SELECT %s, row_number() OVER (ORDER BY b.business_date, b.id), left(b.reference, 80), b.id,
       b.subject_key, %s, '', %s, 'waiting', ''
  FROM reconciliation_break b JOIN ({chosen}) AS chosen ON chosen.id = b.id
"""


def _add_items(batch: Batch, breaks: QuerySet[Break], *, act: str, argument: str) -> None:
    """Every break of the filter, in one statement however many."""
    sql, params = breaks.order_by().values("id").query.sql_with_params()
    values: Sequence[Any] = [batch.pk, act, argument[:300], *params]
    with connection.cursor() as cursor:
        cursor.execute(_ADD.format(chosen=sql), values)
