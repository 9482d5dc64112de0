"""What the bank sends back: one paper by hand, or a file of many, each line once.

A file is read whole, kept sealed and shown before anything is applied. Released, each of its lines
is applied in a transaction of its own: a job that dies goes on where it stopped, and a line that
says what we know changes nothing.
"""

import hashlib
import io
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from typing import ClassVar, Final

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from attachments.models import Attachment
from channels_.models import BankAccount
from counters import dishonour, papers
from counters.models import Instrument, InstrumentEvent, ReturnFile, ReturnLine
from counters.paper import return_files
from counters.paper.returns import return_code
from counters.policy import policy_of
from counters.seconds import NotYours
from counters.states import PaperState
from cspdcl.kernel import crypto
from cspdcl.kernel.clock import now, today
from cspdcl.kernel.errors import DomainError
from people import audit
from people.access import has_role
from people.models import User

FILE_MAX: Final = return_files.FILE_MAX
CONTENT_PLACE: Final = "counters_returnfile.content"

# What may come back: on its way through the banks, or paid and taken back.
_AT_THE_BANK: Final = frozenset({PaperState.DEPOSITED, PaperState.CLEARED})
_HAS_BEEN_THERE: Final = Q(presented_count__gt=0)
_CANDIDATES_MAX: Final = 5

log = logging.getLogger(__name__)


class NotReturned(DomainError):
    """The bank cannot have returned this paper, or not on that day."""

    code: ClassVar[str] = "not_returned"


class KnownFile(DomainError):
    """The same bytes were handed in before; nothing was added."""

    code: ClassVar[str] = "return_file_known"

    def __init__(self, file: ReturnFile) -> None:
        super().__init__(
            _("The same file was handed in as %(name)s on %(day)s.")
            % {"name": file.name, "day": f"{file.at:%d-%m-%Y}"}
        )
        self.file = file


# ---- one paper ----


@transaction.atomic
def record_return(
    instrument: Instrument, *, on: date, code: str, by: User, words: str = ""
) -> InstrumentEvent:
    """Write down that the bank returned a paper; the same return again is the same event."""
    dishonour.check_may_decide(by, office=instrument.office)
    (paper,) = papers.locked([instrument.pk])
    known = _known(paper, on=on, code=code)
    if known is not None:
        return known
    event = _return(paper, on=on, code=code, words=words, by=by.username, cause=_("told by hand"))
    instrument.refresh_from_db()
    return event


def _return(
    paper: Instrument, *, on: date, code: str, words: str, by: str, cause: str
) -> InstrumentEvent:
    """The step itself, for a held paper of which this is news."""
    if paper.state not in _AT_THE_BANK:
        raise NotReturned(
            _("%(paper)s is %(state)s: the bank does not have it.")
            % {"paper": paper, "state": PaperState(paper.state).label}
        )
    if on > today():
        raise NotReturned(_("That day has not come yet."))
    if paper.deposited_on is not None and on < paper.deposited_on:
        raise NotReturned(
            _("It was deposited on %(day)s; it cannot have come back before.")
            % {"day": f"{paper.deposited_on:%d-%m-%Y}"}
        )
    event = papers.move(
        paper, to=PaperState.RETURNED, cause=cause, actor=by, on=on, return_code=code
    )
    paper.return_words = words[:120]
    paper.save(update_fields=["return_words"])
    audit.record(
        by,
        "paper.returned",
        paper,
        after={"number": paper.number, "on": on, "code": code},
        office=paper.office,
    )
    return event


def _known(paper: Instrument, *, on: date, code: str) -> InstrumentEvent | None:
    """The return that we know already, if this is told again; None when it is news.

    Of the same day and reason it is the same. Besides, a paper that we do not hold to be at the
    bank came back already, and what is dated before its last presentation tells of an earlier one:
    another day of the same reason is then no news, another reason is for a person.
    """
    told = InstrumentEvent.objects.filter(
        instrument=paper, to_state=PaperState.RETURNED, return_code=code
    )
    same = told.filter(business_date=on).order_by("pk").first()
    if same is not None:
        return same
    is_there = paper.state in _AT_THE_BANK
    is_earlier = paper.deposited_on is not None and on < paper.deposited_on
    if is_there and not is_earlier:
        return None
    around = told.filter(at__lt=_presented_at(paper)) if is_earlier else told
    return around.order_by("-pk").first()


def _presented_at(paper: Instrument) -> datetime:
    """When the paper went to the bank for the last time."""
    gone = InstrumentEvent.objects.filter(instrument=paper, to_state=PaperState.DEPOSITED)
    return gone.latest("pk").at


@transaction.atomic
def keep_memo(instrument: Instrument, *, memo: Attachment, by: User) -> None:
    """Put the picture of the bank's memo to its paper; the latest is shown."""
    (paper,) = papers.locked([instrument.pk])
    paper.memo = memo
    paper.save(update_fields=["memo"])
    audit.record(
        by, "paper.memo_kept", paper, after={"attachment": memo.public_id}, office=paper.office
    )


# ---- a file of many ----


def keep_file(account: BankAccount, content: bytes, *, name: str, by: User) -> ReturnFile:
    """Read a bank's file whole and keep its lines, each with the paper it seems to mean.

    Nothing is applied: ``release`` does that, once a person has seen the preview. Raises
    ReturnsRefused for a file that cannot be read, KnownFile for one that was handed in before.
    """
    digest = hashlib.sha256(content).hexdigest()
    _refuse_known(account, digest)
    layout = return_files.recognise(io.BytesIO(content), list(return_files.PRESETS.values()))
    told = return_files.read_returns(io.BytesIO(content), layout)
    try:
        return _kept(account, told, content=content, name=name, by=by)
    except IntegrityError:
        _refuse_known(account, digest)  # somebody was faster
        raise


@transaction.atomic
def _kept(
    account: BankAccount, told: return_files.ReturnFile, *, content: bytes, name: str, by: User
) -> ReturnFile:
    file = ReturnFile.objects.create(
        bank_account=account,
        name=name[:120],
        sha256=hashlib.sha256(content).hexdigest(),
        content=crypto.seal(content, place=CONTENT_PLACE),
        layout=told.layout,
        line_count=len(told.lines),
        amount_paise=told.amount_paise,
        by=by,
    )
    lines = [_line(file, one) for one in told.lines]
    for line, found in zip(lines, candidates(lines, account=account), strict=True):
        line.instrument = found[0] if len(found) == 1 else None
    ReturnLine.objects.bulk_create(lines)
    audit.record(
        by,
        "returns.handed_in",
        file,
        after={"name": file.name, "lines": len(lines), "amount_paise": file.amount_paise},
    )
    return file


@transaction.atomic
def release(file_id: int, *, by: User) -> ReturnFile:
    """Let the lines of a file be applied; who saw the preview answers for it."""
    person = _check_person(by)
    file = ReturnFile.objects.select_for_update(of=("self",)).defer("content").get(pk=file_id)
    if file.released_at is None:
        file.released_by, file.released_at = person, now()
        file.save(update_fields=["released_by", "released_at"])
        audit.record(by, "returns.released", file, after={"lines": file.line_count})
    return file


def _check_person(by: User) -> User:
    """Who this is at the moment, when they may have a say about the bank's files."""
    person = User.objects.get(pk=by.pk)
    if not has_role(person, *dishonour.MAY_DECIDE):
        raise NotYours(_("A supervisor or a finance officer lets a file be applied."))
    return person


def apply_lines(limit: int = 5000) -> int:
    """Apply what is due of every released file, each line in its own transaction; how many.

    Any number may run at once, and any of them may die: a line is taken by who holds its row.
    """
    due = ReturnLine.objects.filter(state=ReturnLine.State.DUE, file__released_at__isnull=False)
    keys = list(due.order_by("pk").values_list("pk", flat=True)[:limit])
    return sum(apply_line(key) for key in keys)


def apply_line(line_id: int) -> bool:
    """Apply one line; false when somebody else has it, or had it."""
    try:
        with transaction.atomic():
            line = _due(line_id)
            if line is None:
                return False
            _apply(line)
    except DomainError as refused:
        return _leave_to_person(line_id, str(refused))
    return True


@transaction.atomic
def settle_line(line_id: int, *, paper: Instrument, by: User) -> ReturnLine:
    """A person says which paper a line means; the line is applied to it."""
    dishonour.check_may_decide(by, office=paper.office)
    line = ReturnLine.objects.select_for_update(of=("self",)).select_related("file").get(pk=line_id)
    if line.state != ReturnLine.State.PERSON:
        raise NotReturned(_("The line has been settled meanwhile."))
    if paper.amount_paise != line.amount_paise:
        raise NotReturned(_("The paper has another amount."))
    if paper.number != line.number:  # one person alone would undo what the bank never named
        words = _("The paper has another number: write its return down by hand.")
        raise NotReturned(words)
    line.instrument = paper
    _apply(line, actor=by)
    return line


@transaction.atomic
def dismiss_line(line_id: int, *, by: User, reason: str) -> ReturnLine:
    """A person says that a line is none of ours, or was settled otherwise."""
    _check_person(by)
    line = ReturnLine.objects.select_for_update(of=("self",)).select_related("file").get(pk=line_id)
    if line.state != ReturnLine.State.PERSON:
        raise NotReturned(_("The line has been settled meanwhile."))
    if not reason.strip():
        raise NotReturned(_("Say why the line is left."))
    line.state, line.outcome = ReturnLine.State.KNOWN, reason.strip()[:200]
    line.save(update_fields=["state", "outcome"])
    audit.record(
        by, "returns.dismissed", line.file, after={"line": line.line, "reason": line.outcome}
    )
    return line


def candidates(lines: Sequence[ReturnLine], *, account: BankAccount) -> list[list[Instrument]]:
    """The papers that each line may mean: number and amount as told, no word against another.

    What went to this account comes first; only without such a paper any other is thought of.
    """
    by_number: dict[str, list[Instrument]] = defaultdict(list)
    for paper in _there({line.number for line in lines}):
        by_number[paper.number].append(paper)
    return [_fitting(line, by_number[line.number], account=account) for line in lines]


def _fitting(
    line: ReturnLine, known: Iterable[Instrument], *, account: BankAccount
) -> list[Instrument]:
    fits = [
        paper
        for paper in known
        if paper.amount_paise == line.amount_paise
        and _agree(paper.micr, line.micr)
        and _agree(paper.account_id, line.account_id)
    ]
    of_slip = [paper for paper in fits if line.slip and _slip(paper) == line.slip]
    here = [
        paper for paper in fits if paper.deposit and paper.deposit.bank_account_id == account.pk
    ]
    chosen = of_slip or here or fits
    # The same number may lie returned from long ago, while its like is at the bank now.
    live = [paper for paper in chosen if paper.state in _AT_THE_BANK]
    return list(islice(live if len(live) == 1 else chosen, _CANDIDATES_MAX))


def _there(numbers: Iterable[str]) -> QuerySet[Instrument]:
    rows = Instrument.objects.filter(_HAS_BEEN_THERE, number__in=list(numbers))
    return rows.select_related("deposit", "office").order_by("pk")


def _slip(paper: Instrument) -> str:
    return paper.deposit.reference if paper.deposit else ""


def _agree(ours: str, theirs: str) -> bool:
    return not ours or not theirs or ours == theirs


# ---- one line ----


def _due(line_id: int) -> ReturnLine | None:
    rows = ReturnLine.objects.select_for_update(of=("self",), skip_locked=True)
    rows = rows.select_related("file__bank_account", "file__released_by").defer("file__content")
    return rows.filter(pk=line_id, state=ReturnLine.State.DUE).first()


def _apply(line: ReturnLine, *, actor: User | None = None) -> None:
    """Return the paper of a held line, and dishonour it where nothing is left to decide."""
    by = actor or line.file.released_by
    if by is None:
        raise NotReturned(_("The file has not been released."))
    if line.instrument_id is None:
        (found,) = candidates([line], account=line.file.bank_account)
        if len(found) != 1:
            raise NotReturned(_unclear(found))
        line.instrument = found[0]
    (paper,) = papers.locked([line.instrument_id or 0])
    dishonour.check_may_decide(by, office=paper.office)
    if _known(paper, on=line.returned_on, code=line.return_code) is not None:
        _done(line, ReturnLine.State.KNOWN, _("We know of this return."))
        return
    event = _return(
        paper,
        on=line.returned_on,
        code=line.return_code,
        words=line.return_words,
        by=by.username,
        cause=f"file {line.file.name}, line {line.line}",
    )
    outcome = str(return_code(line.return_code).words) if line.return_code else ""
    agreed = policy_of(paper.office).dishonours_at_once
    if dishonour.is_due_at_once(paper, is_agreed=agreed):
        dishonour.apply(paper, by=by.username)
        outcome = str(PaperState.DISHONOURED.label)
    line.event = event
    _done(line, ReturnLine.State.APPLIED, outcome)


def _done(line: ReturnLine, state: ReturnLine.State, outcome: str) -> None:
    line.state, line.outcome = state, outcome[:200]
    line.save(update_fields=["state", "outcome", "instrument", "event"])


@transaction.atomic
def _leave_to_person(line_id: int, problem: str) -> bool:
    line = _due(line_id)
    if line is None:
        return False
    line.state, line.outcome = ReturnLine.State.PERSON, problem[:200]
    line.save(update_fields=["state", "outcome"])
    log.warning("line %s of return file %s waits for a person", line.line, line.file.public_id)
    return True


def _unclear(found: Sequence[Instrument]) -> str:
    if not found:
        return _("No paper of ours has this number and amount.")
    return _("%(count)s papers fit.") % {"count": len(found)}


def _line(file: ReturnFile, told: return_files.ReturnLine) -> ReturnLine:
    return ReturnLine(
        file=file,
        line=told.line,
        number=told.number,
        micr=told.sort_code,
        account_id=told.account_id,
        amount_paise=told.amount_paise,
        returned_on=told.returned_on,
        return_code=told.code,
        return_words=told.words[:120],
        slip=told.slip[:40],
    )


def _refuse_known(account: BankAccount, digest: str) -> None:
    known = ReturnFile.objects.filter(bank_account=account, sha256=digest).defer("content").first()
    if known is not None:
        raise KnownFile(known)


def sums(file: ReturnFile) -> Mapping[str, int]:
    """How many lines of a file stand where."""
    counted: dict[str, int] = dict.fromkeys(ReturnLine.State.values, 0)
    for state in file.lines.values_list("state", flat=True):
        counted[state] += 1
    return counted
