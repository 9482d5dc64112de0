"""The closing of a business date: proposed by one, signed by another, restated and never altered.

A day closes only while its last run is the newest view of its inputs. Closing has the books for
itself for a moment, so no file and no run can slip in between the look and the signature.
"""

import logging
from datetime import date, timedelta
from typing import ClassVar, Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from channels_.models import StatementFile
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import DomainError
from cspdcl.ui.templatetags.ui import count
from people import audit
from people.access import has_role
from people.models import User
from people.roles import FINANCE_APPROVER, FINANCE_OFFICER
from reconciliation import engine, locks
from reconciliation.dayend import causes, certificates
from reconciliation.matching import inputs
from reconciliation.models import DayCause, DayClose, Match, Run
from reconciliation.selectors import last_run, proofs_of

log = logging.getLogger(__name__)

DAYS_AT_ONCE: Final = 5  # a restatement may need a run of its day: the rest waits for its turn
SYSTEM_REASON: Final = "restated for what came after it was closed"


class NotClosable(DomainError):
    """The day cannot be closed as it stands; the text says what is missing."""

    code: ClassVar[str] = "not_closable"


class NotYourPart(DomainError):
    """The person may not take this part: who proposes never signs."""

    code: ClassVar[str] = "not_your_part"


# ---- what is missing ----


def obstacles(day: date) -> list[str]:
    """Why a day cannot be closed now, in sentences; none: it can."""
    if day >= today():
        return [_("The day is not over.")]
    run = last_run(day)
    if run is None:
        return [_("No run has proved this day yet.")]
    found = [
        *_files_waiting(day),
        *_inputs_missing(run),
        *_matches_moved(run),
        *_opens_otherwise(day),
    ]
    if Run.objects.filter(state=Run.State.RUNNING).exists() and locks.is_run_alive():
        found.append(_("A run is at work; it must end first."))
    return found


def _files_waiting(day: date) -> list[str]:
    """Files that may speak of the day and that nobody has released or refused yet."""
    rows = StatementFile.objects.filter(
        state=StatementFile.State.WAITING, covers_from__lte=day, covers_to__gte=day
    )
    return [
        _("The file %(name)s waits for a second person.") % {"name": file.name}
        for file in rows.order_by("id")
    ]


def _inputs_missing(run: Run) -> list[str]:
    """Lines, files or receipts that the day's last run has not seen."""
    if not run.input_hash:
        return [_("The last run of this day did not note what it saw; run it again.")]
    found = []
    lines = inputs.entries_after(run).count()
    if lines:
        found.append(
            ngettext(
                "%(n)s line of this day or an earlier one came after its last run; run it again.",
                "%(n)s lines of this day or an earlier one came after its last run; run it again.",
                lines,
            )
            % {"n": count(lines)}
        )
    elif inputs.hash_of(inputs.files_of(run.business_date)) != run.input_hash:
        found.append(_("A file that speaks of this day came after its last run; run it again."))
    unread = inputs.receipts_unread(run)
    if unread:
        found.append(
            ngettext(
                "%(n)s receipt, refund or chargeback of this day or an earlier one is not in the "
                "books yet; run it again.",
                "%(n)s receipts, refunds or chargebacks of this day or an earlier one are not in "
                "the books yet; run it again.",
                unread,
            )
            % {"n": count(unread)}
        )
    return found


def _matches_moved(run: Run) -> list[str]:
    dated = Match.objects.filter(matched_on__lte=run.business_date)
    later = dated.filter(run_id__gt=run.pk, undone_at__isnull=True)
    if dated.filter(undone_at__gt=run.finished_at).exists() or later.exists():
        return [_("Matches that count into this day moved after its last run; run it again.")]
    return []


def _opens_otherwise(day: date) -> list[str]:
    before = day - timedelta(days=1)
    if last_run(before) is None:
        return []
    closings = {
        (one.stage, one.book): (one.closing_count, one.closing_paise) for one in proofs_of(before)
    }
    openings = {
        (one.stage, one.book): (one.opening_count, one.opening_paise) for one in proofs_of(day)
    }
    both = closings.keys() | openings.keys()
    if all(closings.get(key, (0, 0)) == openings.get(key, (0, 0)) for key in both):
        return []
    return [
        _("%(before)s closes otherwise than %(day)s opens; run both again.")
        % {"before": f"{before:%d-%m-%Y}", "day": f"{day:%d-%m-%Y}"}
    ]


# ---- proposing ----


@transaction.atomic
def propose(day: date, *, maker: User | None, reason: str = "") -> DayClose:
    """Propose to close a day, or to restate a closed one. Nobody as maker: the system restates.

    Raises NotClosable with all that is missing, NotYourPart for who is no finance officer.
    """
    if maker is not None:
        maker = User.objects.get(pk=maker.pk)  # their roles as they are in this transaction
        if not has_role(maker, FINANCE_OFFICER, FINANCE_APPROVER):
            raise NotYourPart(_("A finance officer proposes to close a day."))
    live = live_close(day)
    if live is not None and not reason.strip():
        raise NotClosable(_("Say why the day is stated anew."))
    _refuse_obstacles(day)
    run = last_run(day)
    if run is None:
        raise NotClosable(_("No run has proved this day yet."))
    version = live.version + 1 if live else 1
    waiting = list(causes_waiting(day))
    facts = certificates.facts_of(
        run, version=version, reason=reason.strip(), live=live, causes=waiting
    )
    try:
        with transaction.atomic():
            close = DayClose.objects.create(
                business_date=day,
                version=version,
                run=run,
                reason=reason.strip()[:300],
                facts=facts,
                maker=maker,
            )
    except IntegrityError as error:
        raise NotClosable(_("The day waits for its second person already.")) from error
    _record(maker, "proposed", close)
    return close


def _refuse_obstacles(day: date) -> None:
    found = obstacles(day)
    if found:
        raise NotClosable(" ".join(found))


def live_close(day: date) -> DayClose | None:
    """The version of a day that is in force."""
    return (
        DayClose.objects.select_related("run")
        .filter(business_date=day, state=DayClose.State.CLOSED)
        .first()
    )


def causes_waiting(day: date) -> list[DayCause]:
    """What touches a closed day and no version lists yet, in the order of its time."""
    return list(
        DayCause.objects.filter(business_date=day, stated_by__isnull=True).order_by("at", "id")
    )


def _record(actor: User | None, what: str, close: DayClose) -> None:
    audit.record(
        actor or audit.SYSTEM,
        f"day.{what}",
        ("day_close", close.number),
        after={
            "state": close.state,
            "run": close.run_id,
            "reason": close.reason,
            "answer": close.answer,
            "content_hash": close.content_hash,
        },
    )


# ---- the second person ----


@transaction.atomic
def approve(close: DayClose, *, checker: User, answer: str = "") -> DayClose:
    """Sign a proposed version; the one before it stays, superseded.

    Raises BooksBusy while a file or a run is at work, NotClosable when anything came since it was
    proposed, NotYourPart for the maker.
    """
    locks.hold_books_closed_now()
    person = User.objects.get(pk=checker.pk)
    locked = _locked(close, person)
    day = locked.business_date
    _refuse_stale(locked)
    moment = now()
    before = DayClose.objects.select_for_update().filter(
        business_date=day, state=DayClose.State.CLOSED
    )
    for superseded in before:
        superseded.state = DayClose.State.SUPERSEDED
        superseded.save(update_fields=["state"])
    locked.facts = certificates.signed_by(locked, checker=person, at=moment)
    locked.content_hash = certificates.hash_of(locked.facts)
    locked.key_id = audit.key_id()
    locked.signature = certificates.sign(locked.content_hash)
    locked.state, locked.checker, locked.closed_at = DayClose.State.CLOSED, person, moment
    locked.answer = answer.strip()[:300]
    locked.save()
    DayCause.objects.filter(pk__in=[one.pk for one in causes_waiting(day)]).update(stated_by=locked)
    causes.find_for(locked)
    moved = certificates.closing_changed(locked.facts)
    if moved is not None:
        causes.note_restated(locked, moved_paise=moved)
    _record(person, "closed", locked)
    return locked


def _locked(close: DayClose, checker: User) -> DayClose:
    if not has_role(checker, FINANCE_APPROVER):
        raise NotYourPart(_("A finance approver closes a day."))
    locked = DayClose.objects.select_for_update(of=("self",)).select_related("run").get(pk=close.pk)
    if locked.maker_id == checker.pk:
        raise NotYourPart(_("Who proposed to close a day does not sign it."))
    if locked.state != DayClose.State.PROPOSED:
        raise NotClosable(
            _("%(number)s is decided already: %(state)s.")
            % {"number": locked.number, "state": locked.get_state_display()}
        )
    return locked


def _refuse_stale(close: DayClose) -> None:
    """Whoever signs must sign what the maker saw."""
    _refuse_obstacles(close.business_date)
    if is_stale(close):
        raise NotClosable(_("The books moved since this was proposed; propose it anew."))


def is_stale(close: DayClose) -> bool:
    """Whether a proposal rests on another run, version or set of causes than the day has now."""
    run, live = last_run(close.business_date), live_close(close.business_date)
    listed = {(one["kind"], one["key"]) for one in close.facts["causes"]}
    waiting = {(one.kind, one.key) for one in causes_waiting(close.business_date)}
    return (
        run is None
        or run.pk != close.run_id
        or close.version != (live.version + 1 if live else 1)
        or listed != waiting
    )


@transaction.atomic
def reject(close: DayClose, *, checker: User, answer: str) -> DayClose:
    """Say no, with a reason. The day stays as it is; who proposed may say so too."""
    person = User.objects.get(pk=checker.pk)
    if not has_role(person, FINANCE_APPROVER, FINANCE_OFFICER):
        raise NotYourPart(_("A finance approver answers a proposal."))
    if not answer.strip():
        raise NotClosable(_("Say why it is not signed."))
    return _withdraw(close, by=person, answer=answer.strip())


def _withdraw(close: DayClose, *, by: User | None, answer: str) -> DayClose:
    locked = DayClose.objects.select_for_update(of=("self",)).get(pk=close.pk)
    if locked.state != DayClose.State.PROPOSED:
        raise NotClosable(_("%(number)s is decided already.") % {"number": locked.number})
    # The maker may take their own proposal back: then nobody else has answered it.
    checker = by if by is not None and by.pk != locked.maker_id else None
    locked.state, locked.checker, locked.answer = (
        DayClose.State.WITHDRAWN,
        checker,
        answer[:300],
    )
    locked.save(update_fields=["state", "checker", "answer"])
    _record(by, "withdrawn", locked)
    return locked


# ---- restatements ----


def propose_restatements() -> list[DayClose]:
    """Find what touches closed days, and propose the next version of each; twice changes nothing.

    A day whose last run is older than its causes is run first. Meeting another run it stops, and
    the timetable comes back.
    """
    causes.find()
    made = []
    for day in days_due()[:DAYS_AT_ONCE]:
        try:
            proposal = _restate(day)
        except (engine.AlreadyRunning, NotClosable) as refused:
            log.info("the restatement of %s waits: %s", day, refused)
            continue
        if proposal is not None:
            made.append(proposal)
    return made


def days_due() -> list[date]:
    """Closed days that something touches and no version lists yet, the oldest first."""
    closed = DayClose.objects.filter(state=DayClose.State.CLOSED).values("business_date")
    rows = DayCause.objects.filter(stated_by__isnull=True, business_date__in=closed)
    return sorted(set(rows.order_by().values_list("business_date", flat=True)))


def _restate(day: date) -> DayClose | None:
    waiting = DayClose.objects.filter(business_date=day, state=DayClose.State.PROPOSED).first()
    if waiting is not None and not is_stale(waiting) and not obstacles(day):
        return None
    run, live = last_run(day), live_close(day)
    if run is None or live is None or run.pk == live.run_id or obstacles(day):
        engine.reconcile(day, started_by="restatement")
        causes.find()
    with transaction.atomic():
        if waiting is not None:
            _withdraw(waiting, by=None, answer="the books moved since it was proposed")
        return propose(day, maker=None, reason=SYSTEM_REASON)
